/*
 * What the handlers of JSON.* share.
 */

#include "commands/ks_json_args.h"

#include <stdlib.h>


static void *
ks_doc_alloc(void *data, size_t size)
{
    return ks_arena_alloc(data, size);
}


/* --- documents --- */

void
ks_doc_init(ks_ctx_t *c, ks_doc_t *d, const ks_str_t *key)
{
    d->c = c;
    d->key = key;
    d->e = NULL;
    d->m.alloc = ks_doc_alloc;
    d->m.data = c->space;
    d->m.seed = ks_space_zone(c->space)->seed;
}


int
ks_doc_read(ks_ctx_t *c, ks_doc_t *d, const ks_str_t *key)
{
    ks_doc_init(c, d, key);

    return ks_read_value(c, key, KS_TYPE_JSON, &d->e, &d->v);
}


int
ks_doc_write(ks_ctx_t *c, ks_doc_t *d, const ks_str_t *key)
{
    ks_doc_init(c, d, key);

    return ks_write_value(c, key, KS_TYPE_JSON, &d->e, &d->v);
}


int
ks_doc_wanted(ks_doc_t *d)
{
    if (d->e) {
        return KS_OK;
    }

    ks_reply_error(d->c->reply, KS_ERR_JSON_NOKEY);

    return KS_ERR;
}


void
ks_doc_done(ks_doc_t *d, const char *event)
{
    (void) ks_value_close(&d->v);
    ks_event(d->c->space, KS_NOTIFY_MODULE, event, d->key);
}


/* --- paths --- */

int
ks_doc_path(ks_doc_t *d, const ks_str_t *arg)
{
    char                   err[KS_JSON_PATH_ERR];
    static const ks_str_t  root = ks_str(".");

    if (arg == NULL) {
        memset(&d->path, 0, sizeof(d->path));
        d->path.text = root;
        d->path.legacy = 1;
        d->path.fixed = 1;
        return KS_OK;
    }

    if (ks_json_path_compile(&d->path, &d->m, arg, err)
        != KS_OK)
    {
        ks_reply_error_text(d->c->reply, (u_char *) err, strlen(err));
        return KS_ERR;
    }

    return KS_OK;
}


int
ks_doc_follow(ks_doc_t *d, int places)
{
    memset(&d->found, 0, sizeof(d->found));
    d->found.v = &d->v;
    d->found.m = &d->m;
    d->found.places = (places != 0);
    d->found.last = (d->c->client->conn == NULL);
    d->found.most = d->path.legacy && !places;

    if (ks_json_path_follow(&d->path, &d->found) != KS_OK) {
        ks_reply_errorf(d->c->reply, "ERR the path has to look at more than "
                        "%u values", KS_JSON_LOOKS);
        return KS_ERR;
    }

    return KS_OK;
}


int
ks_doc_find(ks_doc_t *d, const ks_str_t *arg)
{
    return ks_doc_path(d, arg) == KS_OK ? ks_doc_follow(d, 0) : KS_ERR;
}


int
ks_doc_find_places(ks_doc_t *d, const ks_str_t *arg)
{
    return ks_doc_path(d, arg) == KS_OK ? ks_doc_follow(d, 1) : KS_ERR;
}


#define KS_DOC_SHOWN  256               /* bytes of a path in an error */


void
ks_doc_no_path(ks_doc_t *d, const ks_str_t *path, const char *what)
{
    ks_reply_errorf(d->c->reply, "ERR Path '%.*s' does not exist%s",
                    (int) ks_min(path->len, (size_t) KS_DOC_SHOWN),
                    (char *) path->data, what);
}


void
ks_doc_no_such(ks_doc_t *d, const char *what)
{
    const ks_str_t  *text;

    text = &d->path.text;
    ks_reply_errorf(d->c->reply, "ERR Path '%s%.*s' does not exist%s",
                    !d->path.legacy || ks_doc_is_root(d) ? ""
                    : text->len && text->data[0] == '.' ? "$" : "$.",
                    (int) ks_min(text->len, (size_t) KS_DOC_SHOWN),
                    (char *) text->data, what);
}


const char *
ks_doc_kind(const ks_json_node_t *n)
{
    static const char *const  names[] = {
        "null", "boolean", "boolean", "integer", "number", "string", "array",
        "object"
    };

    return names[n->kind];
}


void
ks_doc_wrong(ks_doc_t *d, const char *wanted, const ks_json_node_t *n)
{
    ks_reply_errorf(d->c->reply, "WRONGTYPE wrong type of path value - "
                    "expected %s but found %s", wanted, ks_doc_kind(n));
}


/* --- values --- */

int
ks_doc_parse(ks_doc_t *d, const ks_str_t *arg, ks_json_flat_t *flat)
{
    ks_json_error_t  err;

    if (ks_json_parse(&d->m, arg, flat, &err) == KS_OK) {
        return KS_OK;
    }

    ks_reply_errorf(d->c->reply, "%s at line %zu column %zu", err.what,
                    err.line, err.column);

    return KS_ERR;
}


ks_json_flat_t *
ks_doc_parse_all(ks_doc_t *d, int n, const ks_str_t *args)
{
    int              i;
    ks_json_flat_t  *flats;

    flats = ks_arena_alloc(d->c->space, (size_t) n * sizeof(ks_json_flat_t));

    for (i = 0; i < n; i++) {
        if (ks_doc_parse(d, &args[i], &flats[i]) != KS_OK) {
            return NULL;
        }
    }

    return flats;
}


int
ks_doc_fits(ks_doc_t *d, const ks_json_step_t *at, unsigned depth,
    uint64_t text)
{
    if ((at ? at->depth : 0u) + depth > KS_JSON_NESTING) {
        ks_reply_error(d->c->reply, KS_ERR_JSON_DEEP);
        return KS_ERR;
    }

    if (text + (d->e ? ks_json_document_len(&d->v) : 0) > KS_JSON_TEXT_MAX) {
        ks_reply_error(d->c->reply, KS_ERR_JSON_LARGE);
        return KS_ERR;
    }

    return KS_OK;
}


void
ks_doc_set(ks_doc_t *d, const ks_json_match_t *match,
    const ks_json_flat_t *flat)
{
    /* what was found is where it was, as long as nothing has changed */

    if (d->found.n > 1 || !ks_json_set_scalar(&d->v, &match->node, flat)) {
        ks_json_set(&d->v, &d->m, match->at, flat);
    }
}


/* --- new members --- */

/*
 * A member where nothing is: the last step of the path is its name.  How many
 * there are now; KS_ERR.
 */

static int
ks_doc_add_members(ks_doc_t *d, const ks_json_flat_t *flat)
{
    int                   added;
    size_t                i;
    ks_str_t              name;
    ks_json_node_t        n;
    ks_json_segment_t   **last;

    for (last = &d->path.segments; (*last)->next; last = &(*last)->next) {
        /* void */
    }

    name = (*last)->selectors->name;
    *last = NULL;

    if (ks_doc_follow(d, 1) != KS_OK) {
        return KS_ERR;
    }

    for (i = 0, added = 0; i < d->found.n; i++) {

        if (d->found.matches[i].node.kind != KS_JSON_OBJECT
            || ks_json_find(&d->v, &d->found.matches[i].node, &name, &n))
        {
            continue;
        }

        if (ks_doc_fits(d, d->found.matches[i].at, flat->depth + 1, flat->text)
            != KS_OK)
        {
            return KS_ERR;
        }

        ks_json_add(&d->v, &d->m, d->found.matches[i].at, &name, flat);
        added++;
    }

    return added;
}


int
ks_doc_add(ks_doc_t *d, const ks_json_flat_t *flat)
{
    const ks_json_segment_t  *last;

    if (!d->path.fixed) {
        ks_reply_error(d->c->reply, "Err wrong static path");
        return KS_ERR;
    }

    for (last = d->path.segments; last->next; last = last->next) { /* void */ }

    if (last->selectors->by == KS_JSON_BY_NAME) {
        return ks_doc_add_members(d, flat);
    }

    if (ks_doc_follow(d, 0) != KS_OK) {
        return KS_ERR;
    }

    if (d->found.n == 0) {
        ks_reply_error(d->c->reply, "ERR array index out of range");
        return KS_ERR;
    }

    return 0;
}


/* --- orders of matches --- */

/* a match, and its steps from the document on */
typedef struct {
    size_t                  i;
    unsigned                n;
    const ks_json_step_t  **steps;
} ks_doc_way_t;


static int
ks_doc_step_compare(const ks_json_step_t *a, const ks_json_step_t *b)
{
    int  order;

    if (a->named != b->named) {
        return a->named ? -1 : 1;
    }

    if (!a->named) {
        return a->i > b->i ? -1 : a->i < b->i;
    }

    order = memcmp(a->name.data, b->name.data,
                   ks_min(a->name.len, b->name.len));

    return order ? order
                 : a->name.len < b->name.len ? -1 : a->name.len > b->name.len;
}


/* behind: what lies deeper comes behind what it lies in, or in front of it */

static int
ks_doc_way_compare(const ks_doc_way_t *a, const ks_doc_way_t *b, int behind)
{
    int       order;
    unsigned  i;

    for (i = 0; i < ks_min(a->n, b->n); i++) {

        if (a->steps[i] == b->steps[i]) {
            continue;
        }

        order = ks_doc_step_compare(a->steps[i], b->steps[i]);

        if (order) {
            return order;
        }
    }

    return a->n == b->n ? 0 : (a->n < b->n) == behind ? -1 : 1;
}


static int
ks_doc_deeper_first(const void *a, const void *b)
{
    return ks_doc_way_compare(a, b, 0);
}


static int
ks_doc_deeper_last(const void *a, const void *b)
{
    return ks_doc_way_compare(a, b, 1);
}


static ks_doc_way_t *
ks_doc_ways(ks_doc_t *d)
{
    size_t                  i;
    unsigned                n;
    ks_doc_way_t           *ways;
    const ks_json_step_t   *s, **steps;

    ways = ks_arena_alloc(d->c->space, d->found.n * sizeof(ks_doc_way_t));

    for (i = 0; i < d->found.n; i++) {
        s = d->found.matches[i].at;
        n = s ? s->depth : 0;
        steps = ks_arena_alloc(d->c->space, n * sizeof(ks_json_step_t *));
        ways[i].i = i;
        ways[i].n = n;
        ways[i].steps = steps;

        for ( /* void */ ; s; s = s->up) {
            steps[--n] = s;
        }
    }

    return ways;
}


size_t *
ks_doc_order(ks_doc_t *d)
{
    size_t         i, *order;
    ks_doc_way_t  *ways;

    order = ks_arena_alloc(d->c->space, d->found.n * sizeof(size_t));

    if (d->found.n < 2) {
        order[0] = 0;
        return order;
    }

    ways = ks_doc_ways(d);
    qsort(ways, d->found.n, sizeof(ks_doc_way_t), ks_doc_deeper_first);

    for (i = 0; i < d->found.n; i++) {
        order[i] = ways[i].i;
    }

    return order;
}


static int
ks_doc_lies_in(const ks_doc_way_t *a, const ks_doc_way_t *in)
{
    unsigned  i;

    for (i = 0; i < in->n; i++) {
        if (i == a->n || ks_doc_step_compare(a->steps[i], in->steps[i]) != 0) {
            return 0;
        }
    }

    return 1;
}


size_t *
ks_doc_order_topmost(ks_doc_t *d, size_t *n)
{
    size_t         i, kept, *order;
    ks_doc_way_t  *ways;

    *n = d->found.n;

    if (*n < 2) {
        return ks_doc_order(d);
    }

    order = ks_arena_alloc(d->c->space, d->found.n * sizeof(size_t));
    ways = ks_doc_ways(d);
    qsort(ways, *n, sizeof(ks_doc_way_t), ks_doc_deeper_last);

    for (i = 1, kept = 0; i < *n; i++) {
        if (!ks_doc_lies_in(&ways[i], &ways[kept])) {
            ways[++kept] = ways[i];
        }
    }

    *n = kept + 1;
    qsort(ways, *n, sizeof(ks_doc_way_t), ks_doc_deeper_first);

    for (i = 0; i < *n; i++) {
        order[i] = ways[i].i;
    }

    return order;
}


/* --- texts --- */

static void
ks_doc_room(ks_json_out_t *out, size_t n)
{
    size_t   len, size;
    u_char  *p;

    len = (size_t) (out->p - out->start);
    size = (len + n) * 2;
    p = ks_arena_alloc(out->data, size);
    memcpy(p, out->start, len);
    out->start = p;
    out->p = p + len;
    out->end = p + size;
}


void
ks_doc_text(ks_doc_t *d, ks_json_out_t *out, size_t room)
{
    out->start = out->p = ks_arena_alloc(d->c->space, room);
    out->end = out->start + room;
    out->room = ks_doc_room;
    out->data = d->c->space;
}


void
ks_doc_out_matches(ks_doc_t *d, const ks_json_format_t *f, unsigned depth,
    ks_json_out_t *out)
{
    size_t  i;

    ks_json_out_bytes(out, "[", 1);

    for (i = 0; i < d->found.n; i++) {

        if (i) {
            ks_json_out_bytes(out, ",", 1);
        }

        ks_json_out_newline(out, f, depth + 1);
        ks_json_text(&d->v, &d->found.matches[i].node, f, depth + 1, out);
    }

    if (i) {
        ks_json_out_newline(out, f, depth);
    }

    ks_json_out_bytes(out, "]", 1);
}


void
ks_doc_reply_text(ks_doc_t *d, const ks_json_out_t *out)
{
    ks_reply_bulk(d->c->reply, out->start, (size_t) (out->p - out->start));
}


void
ks_doc_reply_node(ks_doc_t *d, const ks_json_node_t *n,
    const ks_json_format_t *f)
{
    ks_json_out_t  out;

    ks_doc_text(d, &out, KS_DOC_TEXT + n->len + n->len / 2);
    ks_json_text(&d->v, n, f, 0, &out);
    ks_doc_reply_text(d, &out);
}


/* --- values as replies --- */

int
ks_doc_form(ks_ctx_t *c, const ks_str_t *arg, int many, ks_doc_form_t *form)
{
    if (many ? ks_arg_is(arg, "strings") : ks_arg_is(arg, "string")) {
        *form = KS_DOC_STRING;

    } else if (ks_arg_is(arg, "expand1")) {
        *form = KS_DOC_EXPAND1;

    } else if (ks_arg_is(arg, "expand")) {
        *form = KS_DOC_EXPAND;

    } else {
        ks_reply_error(c->reply, "ERR wrong reply format");
        return KS_ERR;
    }

    return KS_OK;
}


static void
ks_doc_reply_scalar(ks_doc_t *d, const ks_value_t *v, const ks_json_node_t *n)
{
    int64_t   i;
    ks_str_t  s;

    switch (n->kind) {

    case KS_JSON_NULL:
        ks_reply_null(d->c->reply);
        return;

    case KS_JSON_FALSE:
    case KS_JSON_TRUE:
        d->c->reply->ops->boolean(d->c->reply, n->kind == KS_JSON_TRUE);
        return;

    case KS_JSON_STRING:
        s = ks_json_string_flat(v, &d->m, n);
        ks_reply_bulk(d->c->reply, s.data, s.len);
        return;

    default:
        break;
    }

    if (n->kind == KS_JSON_INTEGER && ks_json_integer(n, &i) == KS_OK) {
        ks_reply_integer(d->c->reply, i);

    } else {
        ks_reply_double(d->c->reply, ks_json_double(n));
    }
}


/* As deep as a document may be. */

static void
ks_doc_reply_container(ks_doc_t *d, const ks_value_t *v,
    const ks_json_node_t *n)
{
    int              more;
    size_t           count;
    ks_str_t         name;
    ks_json_walk_t   w;

    count = ks_json_count(v, n);

    if (n->kind == KS_JSON_OBJECT) {
        ks_reply_map(d->c->reply, count);

    } else {
        ks_reply_array(d->c->reply, count);
    }

    for (more = ks_json_first(v, n, &w); more; more = ks_json_next(&w)) {

        if (w.object) {
            name = ks_json_name_flat(v, &d->m, &w);
            ks_reply_bulk(d->c->reply, name.data, name.len);
        }

        ks_doc_reply_value(d, v, &w.node, NULL, KS_DOC_EXPAND);
    }
}


void
ks_doc_reply_value(ks_doc_t *d, const ks_value_t *v, const ks_json_node_t *n,
    const ks_json_format_t *f, ks_doc_form_t form)
{
    ks_json_out_t  out;

    if (n->kind != KS_JSON_ARRAY && n->kind != KS_JSON_OBJECT) {
        ks_doc_reply_scalar(d, v, n);

    } else if (form == KS_DOC_EXPAND) {
        ks_doc_reply_container(d, v, n);

    } else {
        ks_doc_text(d, &out, KS_DOC_TEXT);
        ks_json_text(v, n, f, 0, &out);
        ks_doc_reply_text(d, &out);
    }
}
