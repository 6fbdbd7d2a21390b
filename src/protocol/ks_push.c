/*
 * What is pushed to clients, as bytes of RESP.
 *
 * A push is an array in RESP2 and a type of its own in RESP3; a line of MONITOR
 * is a status in both.
 */

#include "protocol/ks_push.h"
#include "types/ks_number.h"


#define KS_PUSH_HEADER  32              /* a type, an integer, CRLF twice */
#define KS_PUSH_PARTS   4

typedef struct {
    unsigned        n;                  /* elements, with the last */
    ks_str_t        parts[KS_PUSH_PARTS];

    /* what the last element is instead */
    const ks_str_t *keys;               /* an array of them */
    size_t          nkeys;
    uint64_t        number;             /* an integer */
    unsigned        array:1;
    unsigned        null:1;
    unsigned        integer:1;
} ks_push_parts_t;


static void
ks_push_add(ks_push_parts_t *p, const ks_str_t *part)
{
    p->parts[p->n++] = *part;
}


/*
 * In RESP2 an invalidation is for who subscribes for somebody else, and comes
 * as a message.
 */

static void
ks_push_keys(const ks_push_t *push, ks_push_parts_t *p, ks_form_kind_t form)
{
    static const ks_str_t  name = ks_str("invalidate");
    static const ks_str_t  message = ks_str("message");
    static const ks_str_t  channel = ks_str("__redis__:invalidate");

    if (form == KS_FORM_RESP3) {
        ks_push_add(p, &name);

    } else {
        ks_push_add(p, &message);
        ks_push_add(p, &channel);
    }

    p->keys = push->keys;
    p->nkeys = push->nkeys;
    p->array = (push->nkeys != 0);
    p->null = (push->nkeys == 0);
    p->n++;
}


static void
ks_push_parts(const ks_push_t *push, ks_push_parts_t *p, ks_form_kind_t form)
{
    static const ks_str_t  names[] = {
        ks_str("message"), ks_str("pmessage"), ks_str("smessage")
    };

    static const ks_str_t  broken = ks_str("tracking-redir-broken");

    memset(p, 0, sizeof(ks_push_parts_t));

    switch (push->kind) {

    case KS_PUSH_INVALIDATE:
        ks_push_keys(push, p, form);
        return;

    case KS_PUSH_REDIRECTION_BROKEN:
        ks_push_add(p, &broken);
        p->number = push->number;
        p->integer = 1;
        p->n++;
        return;

    default:
        ks_push_add(p, &names[push->kind]);
    }

    if (push->kind == KS_PUSH_PMESSAGE) {
        ks_push_add(p, &push->pattern);
    }

    ks_push_add(p, &push->channel);
    ks_push_add(p, &push->text);
}


static u_char *
ks_push_header(u_char *to, char type, size_t n)
{
    *to++ = (u_char) type;
    to += ks_integer_text(to, (int64_t) n);
    *to++ = '\r';
    *to++ = '\n';

    return to;
}


static u_char *
ks_push_bytes(u_char *to, const ks_str_t *s)
{
    if (s->len != 0) {
        memcpy(to, s->data, s->len);
        to += s->len;
    }

    *to++ = '\r';
    *to++ = '\n';

    return to;
}


static u_char *
ks_push_null(u_char *to, ks_form_kind_t form)
{
    static const ks_str_t  resp2 = ks_str("$-1"), resp3 = ks_str("_");

    return ks_push_bytes(to, form == KS_FORM_RESP3 ? &resp3 : &resp2);
}


static u_char *
ks_push_bulk(u_char *to, const ks_str_t *s)
{
    to = ks_push_header(to, '$', s->len);

    return ks_push_bytes(to, s);
}


static u_char *
ks_push_last(u_char *to, const ks_push_parts_t *p, ks_form_kind_t form)
{
    size_t  i;

    if (p->null) {
        return ks_push_null(to, form);
    }

    if (p->integer) {
        return ks_push_header(to, ':', p->number);
    }

    to = ks_push_header(to, '*', p->nkeys);

    for (i = 0; i < p->nkeys; i++) {
        to = ks_push_bulk(to, &p->keys[i]);
    }

    return to;
}


static u_char *
ks_push_write(u_char *to, const ks_push_parts_t *p, ks_form_kind_t form)
{
    unsigned  i, last;

    last = (p->null || p->integer || p->array);
    to = ks_push_header(to, form == KS_FORM_RESP3 ? '>' : '*', p->n);

    for (i = 0; i < p->n - last; i++) {
        to = ks_push_bulk(to, &p->parts[i]);
    }

    return last ? ks_push_last(to, p, form) : to;
}


static ks_bytes_t *
ks_push_line(const ks_push_t *push)
{
    ks_bytes_t  *b;

    b = ks_bytes_new(push->text.len + 3);

    if (b != NULL) {
        b->data[0] = '+';
        ks_push_bytes(b->data + 1, &push->text);
    }

    return b;
}


static ks_bytes_t *
ks_push_array(const ks_push_t *push, ks_form_kind_t form)
{
    size_t            i, size;
    ks_bytes_t       *b;
    ks_push_parts_t   p;

    ks_push_parts(push, &p, form);
    size = 3 * KS_PUSH_HEADER;

    for (i = 0; i < p.n; i++) {
        size += p.parts[i].len + KS_PUSH_HEADER;
    }

    for (i = 0; i < p.nkeys; i++) {
        size += p.keys[i].len + KS_PUSH_HEADER;
    }

    b = ks_bytes_new(size);

    if (b != NULL) {
        b->len = (size_t) (ks_push_write(b->data, &p, form) - b->data);
    }

    return b;
}


ks_bytes_t *
ks_push_resp(ks_push_t *push, ks_form_kind_t form)
{
    if (push->forms[form] == NULL) {
        push->forms[form] = (push->kind == KS_PUSH_MONITOR)
                            ? ks_push_line(push) : ks_push_array(push, form);
    }

    return push->forms[form];
}
