/*
 * JSON.MERGE: a merge patch of RFC 7396 for what is at a path.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_json_args.h"


/* --- on a document --- */

static void ks_json_merge(ks_doc_t *d, const ks_json_step_t *at,
    const ks_json_node_t *patch);


/* What was parsed, as it can be put into a document. */

static void
ks_json_patch_flat(ks_doc_t *d, const ks_json_node_t *patch,
    ks_json_flat_t *flat)
{
    ks_json_out_t    out;
    ks_str_t         text;
    ks_json_error_t  err;

    ks_doc_text(d, &out, 256);
    ks_json_text(NULL, patch, NULL, 0, &out);
    text.data = out.start;
    text.len = (size_t) (out.p - out.start);
    (void) ks_json_parse(&d->m, &text, flat, &err);
}


/* one member of the patch, for an object that is at "at" */

static void
ks_json_merge_member(ks_doc_t *d, const ks_json_step_t *at,
    const ks_json_walk_t *w)
{
    int              there;
    u_char           data[KS_JSON_SCALAR_ROOM];
    ks_str_t         name;
    ks_json_flat_t   flat;
    ks_json_node_t   in, n;
    ks_json_step_t   step;

    name.data = (u_char *) w->name.data;
    name.len = w->name.len;
    (void) ks_json_resolve(&d->v, at, &in);
    there = ks_json_find(&d->v, &in, &name, &n);

    if (w->node.kind == KS_JSON_NULL) {
        if (there) {
            ks_json_remove_member(&d->v, &d->m, at, &name);
        }

        return;
    }

    if (!there) {
        ks_json_flat_word(&flat, data, KS_JSON_NULL);
        ks_json_add(&d->v, &d->m, at, &name, &flat);
    }

    step.up = at;
    step.name = name;
    step.named = 1;
    step.i = 0;
    step.depth = (uint8_t) ((at ? at->depth : 0) + 1);
    ks_json_merge(d, &step, &w->node);
}


static void
ks_json_merge(ks_doc_t *d, const ks_json_step_t *at,
    const ks_json_node_t *patch)
{
    int              more;
    u_char           data[KS_JSON_SCALAR_ROOM];
    ks_json_flat_t   flat;
    ks_json_node_t   n;
    ks_json_walk_t   w;

    if (!ks_json_resolve(&d->v, at, &n)) {
        return;
    }

    if (patch->kind != KS_JSON_OBJECT) {
        ks_json_patch_flat(d, patch, &flat);
        ks_json_set(&d->v, &d->m, at, &flat);
        return;
    }

    if (n.kind != KS_JSON_OBJECT) {
        ks_json_flat_word(&flat, data, KS_JSON_OBJECT);
        ks_json_set(&d->v, &d->m, at, &flat);
    }

    for (more = ks_json_first(NULL, patch, &w); more;
         more = ks_json_next(&w))
    {
        ks_json_merge_member(d, at, &w);
    }
}


/* --- the command --- */

/* there is nothing: a document, or a member, as the patch is */

static int
ks_json_merge_new(ks_doc_t *d, const ks_json_flat_t *patch)
{
    size_t    leaf;
    unsigned  enc;

    if (!ks_doc_is_root(d)) {
        ks_reply_error(d->c->reply, KS_ERR_JSON_ROOT);
        return KS_ERR;
    }

    enc = ks_json_encoding(patch, &leaf);
    ks_value_create(d->c->space, d->key, NULL, KS_TYPE_JSON, enc, leaf,
                    KS_NO_EXPIRE, &d->v);
    ks_json_begin(&d->v, patch);

    return 1;
}


static int
ks_json_merge_matches(ks_doc_t *d, const ks_json_flat_t *patch)
{
    size_t          i;
    ks_json_node_t  n;

    for (i = 0; i < d->found.n; i++) {
        if (ks_doc_fits(d, d->found.matches[i].at, patch->depth,
                        patch->text * (i + 1)) != KS_OK)
        {
            return KS_ERR;
        }
    }

    n = ks_json_flat_node(patch);

    for (i = 0; i < d->found.n; i++) {
        ks_json_merge(d, d->found.matches[i].at, &n);
    }

    return 1;
}


void
ks_cmd_json_merge(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              rc;
    ks_doc_t         d;
    ks_json_flat_t   patch;

    if (argc > 4 && !(argc == 6 && ks_arg_is(&argv[4], "format")
                      && (ks_arg_is(&argv[5], "json")
                          || ks_arg_is(&argv[5], "string"))))
    {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (ks_doc_write(c, &d, &argv[1]) != KS_OK
        || ks_doc_parse(&d, &argv[3], &patch) != KS_OK
        || ks_doc_path(&d, &argv[2]) != KS_OK)
    {
        return;
    }

    if (d.e == NULL) {
        rc = ks_json_merge_new(&d, &patch);

    } else if (ks_doc_follow(&d, 1) != KS_OK) {
        return;

    } else if (d.found.n) {
        rc = ks_json_merge_matches(&d, &patch);

    } else {
        rc = ks_doc_add(&d, &patch);
    }

    if (rc == KS_ERR) {
        return;
    }

    if (rc == 0) {
        ks_reply_null(c->reply);
        return;
    }

    ks_doc_done(&d, "json.merge");
    ks_reply_ok(c->reply);
}
