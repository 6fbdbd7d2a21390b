/*
 * References: what groups have of entries that are to be deleted, and the
 * arguments that say what becomes of it.
 *
 * A group refers to an entry that it has pending, and to one that it has not
 * been given yet.
 */

#include "commands/ks_stream_args.h"


#define KS_ERR_IDS        "ERR Number of IDs must be a positive integer"
#define KS_ERR_IDS_MANY                                                       \
    "ERR The `numids` parameter must match the number of arguments"
#define KS_ERR_IDS_NONE   "ERR IDS option is required"


int
ks_arg_refs(const ks_str_t *arg, ks_refs_t *refs, int *given)
{
    if (*given) {
        return 0;
    }

    if (ks_arg_is(arg, "keepref")) {
        *refs = KS_REFS_KEEP;

    } else if (ks_arg_is(arg, "delref")) {
        *refs = KS_REFS_DELETE;

    } else if (ks_arg_is(arg, "acked")) {
        *refs = KS_REFS_ACKED;

    } else {
        return 0;
    }

    *given = 1;

    return 1;
}


int
ks_refs_may(ks_value_t *v, const ks_stream_id_t *id, void *data)
{
    const ks_refs_t  *refs = data;

    if (*refs == KS_REFS_DELETE) {
        (void) ks_pending_forget(v, id);
        return 1;
    }

    return *refs == KS_REFS_KEEP || !ks_pending_anywhere(v, id);
}


/* The ids behind IDS at argv[*i]; *i is that of the last one then. */

static int
ks_arg_ids(ks_ctx_t *c, int argc, const ks_str_t *argv, int *i,
    ks_stream_ids_t *ids)
{
    int64_t  n;

    if (ks_parse_int(&argv[*i + 1], &n) != KS_OK || n < 1) {
        ks_reply_error(c->reply, KS_ERR_IDS);
        return KS_ERR;
    }

    if (n > argc - *i - 2) {
        ks_reply_error(c->reply, KS_ERR_IDS_MANY);
        return KS_ERR;
    }

    ids->n = (int) n;
    ids->argv = &argv[*i + 2];
    *i += 1 + (int) n;

    return KS_OK;
}


int
ks_arg_stream_ids(ks_ctx_t *c, int argc, const ks_str_t *argv,
    ks_stream_ids_t *ids)
{
    int  i, given;

    memset(ids, 0, sizeof(ks_stream_ids_t));
    given = 0;

    for (i = 0; i < argc; i++) {

        if (ks_arg_refs(&argv[i], &ids->refs, &given)) {
            continue;
        }

        if (!ks_arg_is(&argv[i], "ids") || i + 1 == argc) {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }

        if (ks_arg_ids(c, argc, argv, &i, ids) != KS_OK) {
            return KS_ERR;
        }
    }

    if (ids->n == 0) {
        ks_reply_error(c->reply, KS_ERR_IDS_NONE);
        return KS_ERR;
    }

    ids->id = ks_arena_alloc(c->space,
                             (size_t) ids->n * sizeof(ks_stream_id_t));

    for (i = 0; i < ids->n; i++) {
        if (ks_arg_stream_id(c, &ids->argv[i], 0, &ids->id[i]) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}
