/*
 * JSON documents in dumps: the id of the module and its version, the text as a
 * string, and the end.
 */

#include "types/ks_json_dump.h"
#include "types/ks_json_node.h"
#include "types/ks_rdb_in.h"


#define KS_JSON_DUMP_MORE  64           /* bytes beside the text */

/* what a module writes: each has a kind in front of it */
enum {
    KS_JSON_MODULE_END = 0,
    KS_JSON_MODULE_STRING = 5
};


/* --- writing --- */

size_t
ks_json_dump_room(const ks_value_t *v)
{
    return ks_json_document_len(v) + KS_JSON_DUMP_MORE;
}


/* what stands in front of the text, behind the form */

static u_char *
ks_json_dump_head(const ks_value_t *v, u_char *p)
{
    p = ks_rdb_put_length(p, KS_RDB_JSON_ID);
    p = ks_rdb_put_length(p, KS_JSON_MODULE_STRING);

    return ks_rdb_put_length(p, ks_json_document_len(v));
}


/* never called: the length is known */

static void
ks_json_dump_more(ks_json_out_t *out, size_t n)
{
    out->end = out->p + n;
}


u_char *
ks_json_dump(const ks_value_t *v, u_char *p)
{
    ks_json_out_t   out;
    ks_json_node_t  n;

    *p++ = KS_RDB_MODULE_2;
    p = ks_json_dump_head(v, p);

    out.start = out.p = p;
    out.end = (u_char *) UINTPTR_MAX;
    out.room = ks_json_dump_more;
    ks_json_root(v, &n);
    ks_json_text(v, &n, NULL, 0, &out);

    return ks_rdb_put_length(out.p, KS_JSON_MODULE_END);
}


typedef struct {
    uint64_t  begun;
    uint64_t  text[];
} ks_json_dump_t;


size_t
ks_json_dump_steps_size(void)
{
    return sizeof(ks_json_dump_t) + ks_json_steps_size();
}


u_char *
ks_json_dump_steps(void *steps, const ks_value_t *v, u_char *p, u_char *end,
    int *done)
{
    ks_json_dump_t  *d;

    d = steps;

    if (!d->begun) {
        p = ks_json_dump_head(v, p);
        d->begun = 1;
    }

    p = ks_json_steps((ks_json_steps_t *) d->text, v, p, end, done);

    return *done ? ks_rdb_put_length(p, KS_JSON_MODULE_END) : p;
}


/* --- reading --- */

int
ks_rdb_read_json(ks_rdb_in_t *in, ks_rdb_value_t *v)
{
    int       special;
    uint64_t  id, kind;
    ks_str_t  text;

    if (ks_rdb_any_length(in, &id, &special) != KS_OK || special
        || id != KS_RDB_JSON_ID
        || ks_rdb_length(in, &kind) != KS_OK || kind != KS_JSON_MODULE_STRING
        || ks_rdb_string(in, &text) != KS_OK
        || ks_rdb_length(in, &kind) != KS_OK || kind != KS_JSON_MODULE_END)
    {
        return KS_ERR;
    }

    return ks_rdb_make_json(in, &text, v);
}


int
ks_rdb_make_json(ks_rdb_in_t *in, const ks_str_t *text, ks_rdb_value_t *v)
{
    ks_json_error_t   err;
    ks_json_memory_t  m;

    m.alloc = in->alloc;
    m.data = in->data;
    m.seed = in->seed;

    memset(v, 0, sizeof(ks_rdb_value_t));
    v->form = KS_RDB_MODULE_2;
    v->type = KS_TYPE_JSON;
    v->n = 1;
    v->json = m.alloc(m.data, sizeof(ks_json_flat_t));

    return ks_json_parse(&m, text, v->json, &err);
}


unsigned
ks_json_restore_as(const ks_zone_t *zone, const ks_rdb_value_t *in)
{
    size_t  leaf;

    (void) zone;

    return ks_json_encoding(in->json, &leaf);
}


int
ks_json_restore(ks_value_t *v, const ks_rdb_value_t *in)
{
    ks_json_begin(v, in->json);

    return KS_OK;
}
