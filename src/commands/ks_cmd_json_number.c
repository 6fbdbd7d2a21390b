/*
 * JSON documents, numbers and booleans: JSON.NUMINCRBY, NUMMULTBY, TOGGLE.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_json_args.h"

#include <math.h>


/* --- numbers --- */

typedef struct {
    unsigned         times:1;           /* it is NUMMULTBY */
    unsigned         whole:1;           /* an integer: i */
    int64_t          i;
    double           d;
} ks_json_by_t;

/* what a number becomes */
typedef struct {
    ks_json_flat_t   flat;
    u_char           data[KS_JSON_SCALAR_ROOM];
    unsigned         number:1;          /* else nothing changes */
} ks_json_sum_t;


static int
ks_json_by(ks_doc_t *d, const ks_str_t *arg, ks_json_by_t *by)
{
    ks_json_flat_t  flat;
    ks_json_node_t  n;

    by->whole = (ks_parse_int(arg, &by->i) == KS_OK);

    if (by->whole) {
        by->d = (double) by->i;
        return KS_OK;
    }

    if (ks_doc_parse(d, arg, &flat) != KS_OK) {
        return KS_ERR;
    }

    n = ks_json_flat_node(&flat);

    if (n.kind != KS_JSON_INTEGER && n.kind != KS_JSON_NUMBER) {
        ks_reply_error(d->c->reply, "ERR bad input number");
        return KS_ERR;
    }

    by->whole = (ks_json_integer(&n, &by->i) == KS_OK);
    by->d = ks_json_double(&n);

    return KS_OK;
}


/* An integer stays one, unless it is told a fraction. */

static int
ks_json_add_up(ks_doc_t *d, const ks_json_node_t *n, const ks_json_by_t *by,
    ks_json_sum_t *sum)
{
    int      over;
    double   v;
    int64_t  i;

    sum->number = (n->kind == KS_JSON_INTEGER || n->kind == KS_JSON_NUMBER);

    if (!sum->number) {
        return KS_OK;
    }

    if (by->whole && ks_json_integer(n, &i) == KS_OK) {
        over = by->times ? __builtin_mul_overflow(i, by->i, &i)
                         : __builtin_add_overflow(i, by->i, &i);

        if (over) {
            ks_reply_error(d->c->reply, "ERR numeric overflow");
            return KS_ERR;
        }

        ks_json_flat_integer(&sum->flat, sum->data, i);
        return KS_OK;
    }

    v = ks_json_double(n);
    v = by->times ? v * by->d : v + by->d;

    if (ks_json_flat_number(&sum->flat, sum->data, v) != KS_OK) {
        ks_reply_error(d->c->reply, "ERR result is not a number");
        return KS_ERR;
    }

    return KS_OK;
}


/* for RESP3: numbers */

static void
ks_json_reply_sums(ks_doc_t *d, const ks_json_sum_t *sums)
{
    size_t          i;
    int64_t         v;
    ks_reply_t     *r;
    ks_json_node_t  n;

    r = d->c->reply;
    ks_reply_array(r, d->found.n);

    for (i = 0; i < d->found.n; i++) {

        if (!sums[i].number) {
            ks_reply_null(r);
            continue;
        }

        n = ks_json_flat_node(&sums[i].flat);

        if (ks_json_integer(&n, &v) == KS_OK) {
            ks_reply_integer(r, v);

        } else {
            ks_reply_double(r, ks_json_double(&n));
        }
    }
}


/* else the text of an array, or of the last of them */

static void
ks_json_reply_sums_text(ks_doc_t *d, const ks_json_sum_t *sums)
{
    size_t          i;
    ks_json_node_t  n;
    ks_json_out_t   out;

    if (d->path.legacy) {
        for (i = d->found.n; !sums[i - 1].number; i--) { /* void */ }

        n = ks_json_flat_node(&sums[i - 1].flat);
        ks_reply_bulk(d->c->reply, n.data, n.len);
        return;
    }

    ks_doc_text(d, &out, 64 + 24 * d->found.n);
    ks_json_out_bytes(&out, "[", 1);

    for (i = 0; i < d->found.n; i++) {

        if (i) {
            ks_json_out_bytes(&out, ",", 1);
        }

        if (!sums[i].number) {
            ks_json_out_bytes(&out, "null", 4);
            continue;
        }

        n = ks_json_flat_node(&sums[i].flat);
        ks_json_out_bytes(&out, n.data, n.len);
    }

    ks_json_out_bytes(&out, "]", 1);
    ks_doc_reply_text(d, &out);
}


static void
ks_json_num(ks_ctx_t *c, ks_str_t *argv, unsigned times)
{
    size_t          i, changed;
    ks_doc_t        d;
    ks_json_by_t    by;
    ks_json_sum_t  *sums;

    by.times = times;

    if (ks_doc_write(c, &d, &argv[1]) != KS_OK || ks_doc_wanted(&d) != KS_OK
        || ks_doc_find_places(&d, &argv[2]) != KS_OK
        || ks_json_by(&d, &argv[3], &by) != KS_OK)
    {
        return;
    }

    sums = ks_arena_alloc(c->space, d.found.n * sizeof(ks_json_sum_t));

    for (i = 0, changed = 0; i < d.found.n; i++) {
        if (ks_json_add_up(&d, &d.found.matches[i].node, &by, &sums[i])
            != KS_OK)
        {
            return;
        }

        changed += sums[i].number;
    }

    if (changed == 0 && d.path.legacy && !c->reply->resp3) {
        ks_doc_no_path(&d, &argv[2], KS_JSON_NO_NUMBER);
        return;
    }

    for (i = 0; i < d.found.n; i++) {
        if (sums[i].number) {
            ks_doc_set(&d, &d.found.matches[i], &sums[i].flat);
        }
    }

    if (changed) {
        ks_doc_done(&d, times ? "json.nummultby" : "json.numincrby");
    }

    if (c->reply->resp3) {
        ks_json_reply_sums(&d, sums);

    } else {
        ks_json_reply_sums_text(&d, sums);
    }
}


void
ks_cmd_json_numincrby(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_json_num(c, argv, 0);
}


void
ks_cmd_json_nummultby(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_json_num(c, argv, 1);
}


/* --- booleans --- */

static int
ks_json_is_bool(const ks_json_match_t *match)
{
    return match->node.kind == KS_JSON_TRUE
           || match->node.kind == KS_JSON_FALSE;
}


void
ks_cmd_json_toggle(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t            i, changed;
    u_char            data[KS_JSON_SCALAR_ROOM];
    ks_doc_t          d;
    ks_json_flat_t    flat;
    ks_json_kind_t    kind;
    ks_json_match_t  *match;

    (void) argc;

    if (ks_doc_write(c, &d, &argv[1]) != KS_OK || ks_doc_wanted(&d) != KS_OK
        || ks_doc_find_places(&d, &argv[2]) != KS_OK)
    {
        return;
    }

    if (!d.path.legacy) {
        ks_reply_array(c->reply, d.found.n);
    }

    kind = KS_JSON_NULL;

    for (i = 0, changed = 0; i < d.found.n; i++) {
        match = &d.found.matches[i];

        if (ks_json_is_bool(match)) {
            kind = match->node.kind == KS_JSON_TRUE ? KS_JSON_FALSE
                                                    : KS_JSON_TRUE;
            ks_json_flat_word(&flat, data, kind);
            ks_doc_set(&d, match, &flat);
            changed++;
        }

        if (!d.path.legacy && ks_json_is_bool(match)) {
            ks_reply_integer(c->reply, kind == KS_JSON_TRUE);

        } else if (!d.path.legacy) {
            ks_reply_null(c->reply);
        }
    }

    if (changed) {
        ks_doc_done(&d, "json.toggle");
    }

    if (!d.path.legacy) {
        return;
    }

    if (changed) {
        ks_reply_cstr(c->reply, kind == KS_JSON_TRUE ? "true" : "false");

    } else {
        ks_doc_no_path(&d, &argv[2], KS_JSON_NO_BOOL);
    }
}
