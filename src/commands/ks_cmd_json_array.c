/*
 * JSON documents, arrays: JSON.ARRAPPEND, ARRINDEX, ARRINSERT, ARRPOP, ARRTRIM.
 *
 * Where a path has several matches, those that lie deeper or further behind are
 * changed first, so that the ways to the others hold.  The replies come in the
 * order of the matches.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_json_args.h"


#define KS_JSON_NO_INT  "ERR Couldn't parse as integer"


/* The matches of a command that changes arrays; *arrays: how many are any. */

static int
ks_json_arrays(ks_ctx_t *c, ks_doc_t *d, const ks_str_t *key,
    const ks_str_t *path, size_t *arrays)
{
    size_t           i;
    static ks_str_t  root = ks_str(".");

    if (ks_doc_write(c, d, key) != KS_OK || ks_doc_wanted(d) != KS_OK
        || ks_doc_find_places(d, path) != KS_OK)
    {
        return KS_ERR;
    }

    for (i = 0, *arrays = 0; i < d->found.n; i++) {
        *arrays += (d->found.matches[i].node.kind == KS_JSON_ARRAY);
    }

    if (*arrays == 0 && d->path.legacy) {
        ks_doc_no_path(d, path ? path : &root, KS_JSON_NO_ARRAY);
        return KS_ERR;
    }

    return KS_OK;
}


/*
 * The replies, which are numbers: of all matches, or of the array that was
 * changed last.
 */

static void
ks_json_reply_arrays(ks_doc_t *d, const int64_t *lens, size_t last)
{
    size_t  i;

    if (d->path.legacy) {
        ks_reply_integer(d->c->reply, lens[last]);
        return;
    }

    ks_reply_array(d->c->reply, d->found.n);

    for (i = 0; i < d->found.n; i++) {
        if (d->found.matches[i].node.kind == KS_JSON_ARRAY) {
            ks_reply_integer(d->c->reply, lens[i]);

        } else {
            ks_reply_null(d->c->reply);
        }
    }
}


/* --- JSON.ARRAPPEND, JSON.ARRINSERT --- */

typedef struct {
    int               n;
    ks_json_flat_t   *flats;
    unsigned          depth;
    uint64_t          text;
} ks_json_values_t;


static int
ks_json_values(ks_doc_t *d, int n, const ks_str_t *args, ks_json_values_t *vs)
{
    int  i;

    vs->n = n;
    vs->depth = 0;
    vs->text = 0;
    vs->flats = ks_doc_parse_all(d, n, args);

    if (vs->flats == NULL) {
        return KS_ERR;
    }

    for (i = 0; i < n; i++) {
        vs->depth = ks_max(vs->depth, vs->flats[i].depth);
        vs->text += vs->flats[i].text + 1;
    }

    return KS_OK;
}


static int
ks_json_values_fit(ks_doc_t *d, const ks_json_values_t *vs, size_t arrays)
{
    size_t  i;

    for (i = 0; i < d->found.n; i++) {
        if (ks_doc_fits(d, d->found.matches[i].at, vs->depth + 1,
                        vs->text * arrays) != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* where they are to be put; KS_ERR: no array is so long */

static int
ks_json_index(ks_doc_t *d, const ks_json_node_t *n, int64_t index,
    uint32_t *i)
{
    int64_t  len;

    len = ks_json_count(&d->v, n);
    index = index < 0 ? index + len : index;

    if (index < 0 || index > len) {
        ks_reply_error(d->c->reply, "ERR index out of bounds");
        return KS_ERR;
    }

    *i = (uint32_t) index;

    return KS_OK;
}


/* behind all others if index is INT64_MAX */

static void
ks_json_put_values(ks_doc_t *d, const ks_json_values_t *vs, int64_t index,
    const char *event)
{
    size_t            i, k, last, *order;
    int64_t          *lens;
    uint32_t          count, at;
    ks_json_node_t    n;
    ks_json_match_t  *match;

    lens = ks_arena_alloc(d->c->space, d->found.n * sizeof(int64_t));
    order = index == INT64_MAX ? NULL : ks_doc_order(d);

    for (i = 0, last = 0; i < d->found.n; i++) {
        k = order ? order[i] : i;
        match = &d->found.matches[k];

        if (match->node.kind != KS_JSON_ARRAY
            || !ks_json_resolve(&d->v, match->at, &n))
        {
            continue;
        }

        count = ks_json_count(&d->v, &n);
        at = index == INT64_MAX ? count
             : (uint32_t) (index < 0 ? index + count : index);
        ks_json_insert(&d->v, &d->m, match->at, at, vs->flats,
                       (uint32_t) vs->n);
        lens[k] = (int64_t) count + vs->n;
        last = k;
    }

    ks_json_reply_arrays(d, lens, last);
    ks_doc_done(d, event);
}


void
ks_cmd_json_arrappend(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t             arrays;
    ks_doc_t           d;
    ks_json_values_t   vs;

    ks_doc_init(c, &d, &argv[1]);

    if (ks_json_values(&d, argc - 3, argv + 3, &vs) != KS_OK
        || ks_json_arrays(c, &d, &argv[1], &argv[2], &arrays) != KS_OK
        || ks_json_values_fit(&d, &vs, arrays) != KS_OK)
    {
        return;
    }

    if (arrays == 0) {
        ks_json_reply_arrays(&d, NULL, 0);
        return;
    }

    ks_json_put_values(&d, &vs, INT64_MAX, "json.arrappend");
}


void
ks_cmd_json_arrinsert(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t             i, arrays;
    int64_t            index;
    uint32_t           at;
    ks_doc_t           d;
    ks_json_values_t   vs;

    ks_doc_init(c, &d, &argv[1]);

    if (ks_arg_int(c, &argv[3], &index, KS_JSON_NO_INT) != KS_OK
        || ks_json_values(&d, argc - 4, argv + 4, &vs) != KS_OK
        || ks_json_arrays(c, &d, &argv[1], &argv[2], &arrays) != KS_OK
        || ks_json_values_fit(&d, &vs, arrays) != KS_OK)
    {
        return;
    }

    for (i = 0; i < d.found.n; i++) {
        if (d.found.matches[i].node.kind == KS_JSON_ARRAY
            && ks_json_index(&d, &d.found.matches[i].node, index, &at)
               != KS_OK)
        {
            return;
        }
    }

    if (arrays == 0) {
        ks_json_reply_arrays(&d, NULL, 0);
        return;
    }

    ks_json_put_values(&d, &vs, index, "json.arrinsert");
}


/* --- JSON.ARRINDEX --- */

typedef struct {
    ks_json_node_t   value;
    int64_t          from;
    int64_t          to;                /* 0: to the end */
} ks_json_search_t;


static int64_t
ks_json_search(ks_doc_t *d, const ks_json_node_t *n,
    const ks_json_search_t *s)
{
    int64_t         len, from, to;
    ks_json_node_t  child;

    len = ks_json_count(&d->v, n);

    if (len == 0) {
        return -1;
    }

    from = s->from < 0 ? ks_max(len + s->from, 0) : ks_min(s->from, len - 1);
    to = s->to == 0 ? len : s->to < 0 ? ks_max(len + s->to, 0)
                                      : ks_min(s->to, len);

    for ( /* void */ ; from < to; from++) {
        if (ks_json_at(&d->v, n, (uint32_t) from, &child)
            && ks_json_equal(&d->v, &child, NULL, &s->value))
        {
            return from;
        }
    }

    return -1;
}


static int
ks_json_search_args(ks_doc_t *d, int argc, const ks_str_t *argv,
    ks_json_search_t *s)
{
    ks_json_flat_t  flat;

    s->from = 0;
    s->to = 0;

    if ((argc > 4
         && ks_arg_int(d->c, &argv[4], &s->from, KS_JSON_NO_INT) != KS_OK)
        || (argc > 5
            && ks_arg_int(d->c, &argv[5], &s->to, KS_JSON_NO_INT) != KS_OK))
    {
        return KS_ERR;
    }

    if (argc > 6) {
        ks_error_arity(d->c);
        return KS_ERR;
    }

    if (ks_doc_parse(d, &argv[3], &flat) != KS_OK) {
        return KS_ERR;
    }

    s->value = ks_json_flat_node(&flat);

    return KS_OK;
}


static void
ks_json_search_legacy(ks_doc_t *d, const ks_json_search_t *s)
{
    const ks_json_node_t  *n;

    if (d->found.n == 0) {
        ks_doc_no_such(d, "");
        return;
    }

    n = &d->found.matches[0].node;

    if (n->kind == KS_JSON_ARRAY) {
        ks_reply_integer(d->c->reply, ks_json_search(d, n, s));

    } else {
        ks_doc_wrong(d, "array", n);
    }
}


void
ks_cmd_json_arrindex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t             i;
    ks_doc_t           d;
    ks_json_node_t    *n;
    ks_json_search_t   s;

    if (ks_doc_read(c, &d, &argv[1]) != KS_OK
        || ks_json_search_args(&d, argc, argv, &s) != KS_OK)
    {
        return;
    }

    if (d.e == NULL) {
        ks_doc_no_path(&d, &argv[2], "");
        return;
    }

    if (ks_doc_find(&d, &argv[2]) != KS_OK) {
        return;
    }

    if (d.path.legacy) {
        ks_json_search_legacy(&d, &s);
        return;
    }

    ks_reply_array(c->reply, d.found.n);

    for (i = 0; i < d.found.n; i++) {
        n = &d.found.matches[i].node;

        if (n->kind == KS_JSON_ARRAY) {
            ks_reply_integer(c->reply, ks_json_search(&d, n, &s));

        } else {
            ks_reply_null(c->reply);
        }
    }
}


/* --- JSON.ARRPOP --- */

/* a value as it was taken out; data NULL: there was none */

static int
ks_json_pop(ks_doc_t *d, const ks_json_match_t *match, int64_t index,
    ks_str_t *text)
{
    int64_t         len;
    ks_json_node_t  n, child;
    ks_json_out_t   out;

    if (match->node.kind != KS_JSON_ARRAY
        || !ks_json_resolve(&d->v, match->at, &n))
    {
        return 0;
    }

    len = ks_json_count(&d->v, &n);

    if (len == 0) {
        return 0;
    }

    index = index < 0 ? ks_max(len + index, 0) : ks_min(index, len - 1);
    (void) ks_json_at(&d->v, &n, (uint32_t) index, &child);
    ks_doc_text(d, &out, 64);
    ks_json_text(&d->v, &child, NULL, 0, &out);
    text->data = out.start;
    text->len = (size_t) (out.p - out.start);
    ks_json_remove(&d->v, &d->m, match->at, (uint32_t) index, 1);

    return 1;
}


/* What was taken out is no part of the document any more. */

static void
ks_json_reply_popped(ks_doc_t *d, const ks_str_t *s, ks_doc_form_t form)
{
    ks_json_flat_t  flat;
    ks_json_node_t  n;

    if (s->data == NULL) {
        ks_reply_null(d->c->reply);

    } else if (form == KS_DOC_STRING) {
        ks_reply_bulk(d->c->reply, s->data, s->len);

    } else if (ks_doc_parse(d, s, &flat) == KS_OK) {
        n = ks_json_flat_node(&flat);
        ks_doc_reply_value(d, NULL, &n, NULL, form);
    }
}


/* [FORMAT format] [path [index]], of which *at becomes the path's place */

static int
ks_json_pop_options(ks_ctx_t *c, int argc, const ks_str_t *argv, int *at,
    ks_doc_form_t *form)
{
    *at = 2;
    *form = KS_DOC_STRING;

    if (argc == 2 || !ks_arg_is(&argv[2], "format")) {
        return KS_OK;
    }

    *at = 4;

    if (!c->reply->resp3) {
        ks_reply_error(c->reply, KS_ERR_JSON_FORMAT);
        return KS_ERR;
    }

    if (argc == 3) {
        ks_error_arity(c);
        return KS_ERR;
    }

    return ks_doc_form(c, &argv[3], 1, form);
}


void
ks_cmd_json_arrpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int            at;
    size_t         i, last, arrays, popped, *order;
    int64_t        index;
    ks_str_t      *texts;
    ks_doc_t       d;
    ks_doc_form_t  form;

    if (ks_json_pop_options(c, argc, argv, &at, &form) != KS_OK) {
        return;
    }

    index = argc > at ? -1 : INT64_MAX;

    if ((argc > at + 1
         && ks_arg_int(c, &argv[at + 1], &index, KS_JSON_NO_INT) != KS_OK)
        || ks_json_arrays(c, &d, &argv[1], argc > at ? &argv[at] : NULL,
                          &arrays) != KS_OK)
    {
        return;
    }

    texts = ks_arena_alloc(c->space, (d.found.n + 1) * sizeof(ks_str_t));
    memset(texts, 0, (d.found.n + 1) * sizeof(ks_str_t));
    order = ks_doc_order(&d);

    for (i = 0, popped = 0, last = 0; i < d.found.n; i++) {
        popped += ks_json_pop(&d, &d.found.matches[order[i]], index,
                              &texts[order[i]]);

        if (d.found.matches[order[i]].node.kind == KS_JSON_ARRAY) {
            last = order[i];
        }
    }

    if (popped) {
        ks_doc_done(&d, "json.arrpop");
    }

    if (d.path.legacy) {
        ks_json_reply_popped(&d, &texts[last], form);
        return;
    }

    ks_reply_array(c->reply, d.found.n);

    for (i = 0; i < d.found.n; i++) {
        ks_json_reply_popped(&d, &texts[i], form);
    }
}


/* --- JSON.ARRTRIM --- */

/* an index as RedisJSON takes it: from the end if negative, and within */

static int64_t
ks_json_within(int64_t i, int64_t len)
{
    if (i < 0) {
        return i < -len ? 0 : len + i;
    }

    return len > 0 ? ks_min(len - 1, i) : 0;
}


static int64_t
ks_json_trim(ks_doc_t *d, const ks_json_step_t *at, int64_t start,
    int64_t stop)
{
    int64_t         len;
    ks_json_node_t  n;

    if (!ks_json_resolve(&d->v, at, &n)) {
        return 0;
    }

    len = ks_json_count(&d->v, &n);
    stop = ks_json_within(stop, len);
    start = start < len ? ks_json_within(start, len) : stop + 1;

    if (start > stop || len == 0) {
        ks_json_remove(&d->v, &d->m, at, 0, (uint32_t) len);
        return 0;
    }

    ks_json_remove(&d->v, &d->m, at, (uint32_t) stop + 1,
                   (uint32_t) (len - 1 - stop));
    ks_json_remove(&d->v, &d->m, at, 0, (uint32_t) start);

    return stop - start + 1;
}


void
ks_cmd_json_arrtrim(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t            i, last, arrays, *order;
    int64_t           start, stop, *lens;
    ks_doc_t          d;
    ks_json_match_t  *match;

    (void) argc;

    if (ks_arg_int(c, &argv[3], &start, KS_JSON_NO_INT) != KS_OK
        || ks_arg_int(c, &argv[4], &stop, KS_JSON_NO_INT) != KS_OK
        || ks_json_arrays(c, &d, &argv[1], &argv[2], &arrays) != KS_OK)
    {
        return;
    }

    lens = ks_arena_alloc(c->space, d.found.n * sizeof(int64_t));
    order = ks_doc_order(&d);

    for (i = 0, last = 0; i < d.found.n; i++) {
        match = &d.found.matches[order[i]];

        if (match->node.kind == KS_JSON_ARRAY) {
            last = order[i];
            lens[last] = ks_json_trim(&d, match->at, start, stop);
        }
    }

    if (arrays) {
        ks_doc_done(&d, "json.arrtrim");
    }

    ks_json_reply_arrays(&d, lens, last);
}
