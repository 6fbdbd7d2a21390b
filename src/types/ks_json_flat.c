/*
 * JSON documents: values made of what is at hand, in the form of what was
 * parsed.
 */

#include "types/ks_json_node.h"
#include "types/ks_number.h"


static void
ks_json_flat_set(ks_json_flat_t *flat, u_char *data, unsigned tag,
    const u_char *p, size_t n)
{
    u_char  *to;

    to = ks_jnode_put_head(data, tag, n);

    if (n) {
        memcpy(to, p, n);
    }

    flat->data = data;
    flat->len = (size_t) (to - data) + n;
    flat->text = n;
    flat->depth = 0;
    flat->opens = 0;
    flat->members = 0;
    flat->work = NULL;
}


void
ks_json_flat_word(ks_json_flat_t *flat, u_char *data, ks_json_kind_t kind)
{
    static const uint8_t  tags[] = {
        [KS_JSON_NULL] = KS_JTAG_NULL,
        [KS_JSON_FALSE] = KS_JTAG_FALSE,
        [KS_JSON_TRUE] = KS_JTAG_TRUE,
        [KS_JSON_ARRAY] = KS_JTAG_ARRAY,
        [KS_JSON_OBJECT] = KS_JTAG_OBJECT
    };

    ks_json_flat_set(flat, data, tags[kind], NULL, 0);
    flat->depth = (kind >= KS_JSON_ARRAY);
    flat->text = kind >= KS_JSON_ARRAY ? 2 : kind == KS_JSON_FALSE ? 5 : 4;
}


void
ks_json_flat_integer(ks_json_flat_t *flat, u_char *data, int64_t v)
{
    size_t  n;
    u_char  text[KS_INTEGER_TEXT];

    n = ks_integer_text(text, v);
    ks_json_flat_set(flat, data, KS_JTAG_INTEGER, text, n);
}


int
ks_json_flat_number(ks_json_flat_t *flat, u_char *data, double v)
{
    size_t  n;
    u_char  text[KS_JSON_NUMBER_ROOM];

    if (!(v - v == 0)) {
        return KS_ERR;
    }

    n = ks_json_number_text(text, v);
    ks_json_flat_set(flat, data, KS_JTAG_NUMBER, text, n);

    return KS_OK;
}


void
ks_json_flat_string(ks_json_flat_t *flat, const ks_json_memory_t *m,
    const ks_str_t *s)
{
    int      escapes;
    u_char  *data;

    escapes = ks_json_escapes(s->data, s->len);
    data = m->alloc(m->data, s->len + 8);
    ks_json_flat_set(flat, data, escapes ? KS_JTAG_ESCAPES : KS_JTAG_STRING,
                     s->data, s->len);
    flat->text = ks_json_quoted_len(s->data, s->len);
}
