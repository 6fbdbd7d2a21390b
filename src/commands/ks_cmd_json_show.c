/*
 * JSON documents as RESP, and what they are made of: JSON.RESP, JSON.DEBUG.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_json_args.h"


/* --- JSON.RESP --- */

static void
ks_json_reply_resp(ks_doc_t *d, const ks_json_node_t *n)
{
    int             more;
    int64_t         i;
    ks_str_t        s;
    ks_reply_t     *r;
    ks_json_walk_t  w;

    r = d->c->reply;

    switch (n->kind) {

    case KS_JSON_NULL:
        ks_reply_null(r);
        return;

    case KS_JSON_FALSE:
    case KS_JSON_TRUE:
        ks_reply_status(r, n->kind == KS_JSON_TRUE ? "true" : "false");
        return;

    case KS_JSON_INTEGER:
        if (ks_json_integer(n, &i) == KS_OK) {
            ks_reply_integer(r, i);
            return;
        }

        ks_reply_double(r, ks_json_double(n));
        return;

    case KS_JSON_NUMBER:
        ks_reply_double(r, ks_json_double(n));
        return;

    case KS_JSON_STRING:
        s = ks_json_string_flat(&d->v, &d->m, n);
        ks_reply_bulk(r, s.data, s.len);
        return;
    }

    more = (n->kind == KS_JSON_OBJECT);
    ks_reply_array(r, 1 + (size_t) ks_json_count(&d->v, n) * (more ? 2 : 1));
    ks_reply_status(r, more ? "{" : "[");

    for (more = ks_json_first(&d->v, n, &w); more; more = ks_json_next(&w)) {

        if (w.object) {
            s = ks_json_name_flat(&d->v, &d->m, &w);
            ks_reply_bulk(r, s.data, s.len);
        }

        ks_json_reply_resp(d, &w.node);
    }
}


void
ks_cmd_json_resp(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t     i;
    ks_doc_t   d;

    if (ks_doc_read(c, &d, &argv[1]) != KS_OK) {
        return;
    }

    if (d.e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    if (ks_doc_find(&d, argc > 2 ? &argv[2] : NULL) != KS_OK) {
        return;
    }

    if (d.path.legacy && d.found.n == 0) {
        ks_doc_no_such(&d, "");
        return;
    }

    if (!d.path.legacy) {
        ks_reply_array(c->reply, d.found.n);
    }

    for (i = 0; i < d.found.n; i++) {
        ks_json_reply_resp(&d, &d.found.matches[i].node);
    }
}


/* --- JSON.DEBUG --- */

typedef uint64_t (*ks_json_figure_pt)(const ks_value_t *v,
    const ks_json_node_t *n);


/* a figure of what a path leads to */

static void
ks_json_debug(ks_ctx_t *c, int argc, ks_str_t *argv, ks_json_figure_pt figure)
{
    size_t     i;
    ks_doc_t   d;

    if (ks_doc_read(c, &d, &argv[2]) != KS_OK
        || ks_doc_path(&d, argc > 3 ? &argv[3] : NULL) != KS_OK
        || (d.e && ks_doc_follow(&d, 0) != KS_OK))
    {
        return;
    }

    if (d.e == NULL) {
        if (d.path.legacy) {
            ks_reply_integer(c->reply, 0);

        } else {
            ks_reply_array(c->reply, 0);
        }

        return;
    }

    if (d.path.legacy && d.found.n == 0) {
        ks_doc_no_such(&d, "");
        return;
    }

    if (!d.path.legacy) {
        ks_reply_array(c->reply, d.found.n);
    }

    for (i = 0; i < d.found.n; i++) {
        ks_reply_integer(c->reply,
                         (int64_t) figure(&d.v, &d.found.matches[i].node));
    }
}


static uint64_t
ks_json_debug_depth(const ks_value_t *v, const ks_json_node_t *n)
{
    return ks_json_depth(v, n);
}


void
ks_cmd_json_debug_memory(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_json_debug(c, argc, argv, ks_json_memory);
}


void
ks_cmd_json_debug_fields(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_json_debug(c, argc, argv, ks_json_fields);
}


void
ks_cmd_json_debug_depth(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_json_debug(c, argc, argv, ks_json_debug_depth);
}


void
ks_cmd_json_debug_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t  i;

    static const char *const  lines[] = {
        "MEMORY <key> [path] - reports memory usage",
        "FIELDS <key> [path] - reports the number of values",
        "DEPTH <key> [path]  - reports how deep containers are nested",
        "HELP                - this message"
    };

    (void) argc;
    (void) argv;

    ks_reply_array(c->reply, ks_nelts(lines));

    for (i = 0; i < ks_nelts(lines); i++) {
        ks_reply_cstr(c->reply, lines[i]);
    }
}
