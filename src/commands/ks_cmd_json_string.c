/*
 * JSON documents, strings and objects: JSON.STRAPPEND, STRLEN, OBJKEYS, OBJLEN.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_json_args.h"


/* --- JSON.STRAPPEND --- */

/* the string behind the quotes of the last argument */

static int
ks_json_suffix(ks_doc_t *d, const ks_str_t *arg, ks_str_t *s)
{
    ks_json_flat_t  flat;
    ks_json_node_t  n;

    if (ks_doc_parse(d, arg, &flat) != KS_OK) {
        return KS_ERR;
    }

    n = ks_json_flat_node(&flat);

    if (n.kind != KS_JSON_STRING) {
        ks_reply_errorf(d->c->reply, "WRONGTYPE wrong type of path value - "
                        "expected string but found %.*s",
                        (int) ks_min(arg->len, (size_t) 256),
                        (char *) arg->data);
        return KS_ERR;
    }

    *s = ks_json_string_flat(NULL, &d->m, &n);

    return ks_doc_fits(d, NULL, 0, flat.text * d->found.n);
}


static size_t
ks_json_matches_of(const ks_doc_t *d, ks_json_kind_t kind)
{
    size_t  i, n;

    for (i = 0, n = 0; i < d->found.n; i++) {
        n += (d->found.matches[i].node.kind == kind);
    }

    return n;
}


static void
ks_json_strappend(ks_doc_t *d, const ks_str_t *more)
{
    size_t            i;
    uint64_t          len;
    ks_json_match_t  *match;

    for (i = 0, len = 0; i < d->found.n; i++) {
        match = &d->found.matches[i];

        if (match->node.kind != KS_JSON_STRING) {
            if (!d->path.legacy) {
                ks_reply_null(d->c->reply);
            }

            continue;
        }

        len = ks_json_append(&d->v, &d->m, match->at, more);

        if (!d->path.legacy) {
            ks_reply_integer(d->c->reply, (int64_t) len);
        }
    }

    if (d->path.legacy) {
        ks_reply_integer(d->c->reply, (int64_t) len);
    }
}


void
ks_cmd_json_strappend(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t            n;
    ks_doc_t          d;
    ks_str_t          more;
    const ks_str_t   *path;
    static ks_str_t   root = ks_str(".");

    path = argc > 3 ? &argv[2] : &root;

    if (ks_doc_write(c, &d, &argv[1]) != KS_OK || ks_doc_wanted(&d) != KS_OK
        || ks_doc_find_places(&d, path) != KS_OK)
    {
        return;
    }

    n = ks_json_matches_of(&d, KS_JSON_STRING);

    if (n == 0 && d.path.legacy) {
        ks_doc_no_path(&d, path, KS_JSON_NO_STRING);
        return;
    }

    if (n && ks_json_suffix(&d, &argv[argc > 3 ? 3 : 2], &more) != KS_OK) {
        return;
    }

    if (!d.path.legacy) {
        ks_reply_array(c->reply, d.found.n);
    }

    ks_json_strappend(&d, &more);

    if (n) {
        ks_doc_done(&d, "json.strappend");
    }
}


/* --- lengths --- */

static int64_t
ks_json_len(const ks_doc_t *d, const ks_json_node_t *n)
{
    return n->kind == KS_JSON_STRING ? (int64_t) n->len
                                     : ks_json_count(&d->v, n);
}


/* for JSONPath: a length, or null, for each match */

static void
ks_json_reply_lengths(ks_doc_t *d, ks_json_kind_t kind)
{
    size_t                 i;
    const ks_json_node_t  *n;

    ks_reply_array(d->c->reply, d->found.n);

    for (i = 0; i < d->found.n; i++) {
        n = &d->found.matches[i].node;

        if (n->kind == kind) {
            ks_reply_integer(d->c->reply, ks_json_len(d, n));

        } else {
            ks_reply_null(d->c->reply);
        }
    }
}


void
ks_cmd_json_strlen(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_doc_t         d;
    ks_json_node_t  *n;

    if (ks_doc_read(c, &d, &argv[1]) != KS_OK
        || ks_doc_path(&d, argc > 2 ? &argv[2] : NULL) != KS_OK)
    {
        return;
    }

    if (d.e == NULL && d.path.legacy) {
        ks_reply_null(c->reply);
        return;
    }

    if (ks_doc_wanted(&d) != KS_OK || ks_doc_follow(&d, 0) != KS_OK) {
        return;
    }

    if (!d.path.legacy) {
        ks_json_reply_lengths(&d, KS_JSON_STRING);
        return;
    }

    if (d.found.n == 0) {
        ks_doc_no_such(&d, "");
        return;
    }

    n = &d.found.matches[0].node;

    if (n->kind == KS_JSON_STRING) {
        ks_reply_integer(c->reply, ks_json_len(&d, n));

    } else {
        ks_doc_wrong(&d, "string", n);
    }
}


void
ks_cmd_json_objlen(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_doc_t         d;
    ks_json_node_t  *n;

    if (ks_doc_read(c, &d, &argv[1]) != KS_OK
        || ks_doc_path(&d, argc > 2 ? &argv[2] : NULL) != KS_OK)
    {
        return;
    }

    if (d.e == NULL && !d.path.legacy) {
        ks_doc_no_path(&d, &argv[2], KS_JSON_NO_OBJECT);
        return;
    }

    if (d.e && ks_doc_follow(&d, 0) != KS_OK) {
        return;
    }

    if (!d.path.legacy) {
        ks_json_reply_lengths(&d, KS_JSON_OBJECT);
        return;
    }

    if (d.e == NULL || d.found.n == 0) {
        ks_reply_null(c->reply);
        return;
    }

    n = &d.found.matches[0].node;

    if (n->kind == KS_JSON_OBJECT) {
        ks_reply_integer(c->reply, ks_json_len(&d, n));

    } else {
        ks_doc_wrong(&d, "object", n);
    }
}


static const ks_str_t  ks_json_dot = ks_str(".");


/* What the path leads to; KS_ERR: there is a reply. */

static int
ks_json_ask(ks_ctx_t *c, ks_doc_t *d, const ks_str_t *key,
    const ks_str_t *path)
{
    if (ks_doc_read(c, d, key) != KS_OK || ks_doc_path(d, path) != KS_OK) {
        return KS_ERR;
    }

    if (d->e == NULL && d->path.legacy) {
        ks_reply_null(c->reply);
        return KS_ERR;
    }

    return (ks_doc_wanted(d) == KS_OK && ks_doc_follow(d, 0) == KS_OK)
           ? KS_OK : KS_ERR;
}


void
ks_cmd_json_arrlen(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_doc_t         d;
    ks_json_node_t  *n;
    const ks_str_t  *path;

    path = argc > 2 ? &argv[2] : &ks_json_dot;

    if (ks_json_ask(c, &d, &argv[1], path) != KS_OK) {
        return;
    }

    if (!d.path.legacy) {
        ks_json_reply_lengths(&d, KS_JSON_ARRAY);
        return;
    }

    n = d.found.n ? &d.found.matches[0].node : NULL;

    if (n && n->kind == KS_JSON_ARRAY) {
        ks_reply_integer(c->reply, ks_json_len(&d, n));

    } else {
        ks_doc_no_path(&d, path, n ? KS_JSON_NO_ARRAY : "");
    }
}


/* --- JSON.OBJKEYS --- */

static void
ks_json_reply_keys(ks_doc_t *d, const ks_json_node_t *n)
{
    int             more;
    ks_json_walk_t  w;

    ks_reply_array(d->c->reply, ks_json_count(&d->v, n));

    for (more = ks_json_first(&d->v, n, &w); more; more = ks_json_next(&w)) {

        if (w.name.len) {
            ks_reply_item(d->c, &w.name);

        } else {
            ks_reply_bulk(d->c->reply, "", 0);
        }
    }
}


static void
ks_json_reply_all_keys(ks_doc_t *d)
{
    size_t                 i;
    const ks_json_node_t  *n;

    ks_reply_array(d->c->reply, d->found.n);

    for (i = 0; i < d->found.n; i++) {
        n = &d->found.matches[i].node;

        if (n->kind == KS_JSON_OBJECT) {
            ks_json_reply_keys(d, n);

        } else {
            ks_reply_null(d->c->reply);
        }
    }
}


void
ks_cmd_json_objkeys(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_doc_t         d;
    ks_json_node_t  *n;
    const ks_str_t  *path;

    path = argc > 2 ? &argv[2] : &ks_json_dot;

    if (ks_json_ask(c, &d, &argv[1], path) != KS_OK) {
        return;
    }

    if (!d.path.legacy) {
        ks_json_reply_all_keys(&d);
        return;
    }

    if (d.found.n == 0) {
        ks_reply_null(c->reply);
        return;
    }

    n = &d.found.matches[0].node;

    if (n->kind == KS_JSON_OBJECT) {
        ks_json_reply_keys(&d, n);

    } else {
        ks_doc_no_path(&d, path, KS_JSON_NO_OBJECT);
    }
}
