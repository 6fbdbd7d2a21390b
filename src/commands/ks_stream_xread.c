/*
 * What XREAD and XREADGROUP share: their arguments, the shape of their replies,
 * and waiting.
 */

#include "commands/ks_block.h"
#include "commands/ks_stream_args.h"


/* --- arguments --- */

static int
ks_xread_count(ks_ctx_t *c, const ks_str_t *arg, ks_xread_t *x)
{
    int64_t  n;

    if (ks_arg_int(c, arg, &n, NULL) != KS_OK) {
        return KS_ERR;
    }

    x->count = n > 0 ? (uint64_t) n : 0;

    return KS_OK;
}


/* STREAMS is in front of argv[x->keys]. */

static int
ks_xread_streams(ks_ctx_t *c, int argc, ks_xread_t *x)
{
    x->n = argc - x->keys;

    if (x->n % 2 != 0) {
        ks_reply_errorf(c->reply, "ERR Unbalanced '%s' list of streams: for "
                        "each stream key an ID%s must be specified.",
                        ks_command_name(c->cmd),
                        x->group ? " or '>'" : ", '+', or '$'");
        return KS_ERR;
    }

    x->n /= 2;

    return KS_OK;
}


/* GROUP and NOACK are XREADGROUP's. */

static int
ks_xread_grouped(ks_ctx_t *c, const char *option, const ks_xread_t *x)
{
    if (x->group) {
        return KS_OK;
    }

    ks_reply_errorf(c->reply, "ERR The %s option is only supported by "
                    "XREADGROUP. You called XREAD instead.", option);

    return KS_ERR;
}


/*
 * One option at argv[*i], which is the last of its arguments then; those in
 * front of STREAMS are as ks_keyrange_find() has them.
 */

static int
ks_xread_option(ks_ctx_t *c, int argc, const ks_str_t *argv, int *i,
    ks_xread_t *x)
{
    int              more;
    const ks_str_t  *arg;

    more = argc - *i - 1;
    arg = &argv[*i];

    if (more && ks_arg_is(arg, "block")) {
        x->block = 1;
        return ks_arg_ms(c, &argv[++*i], &x->until);
    }

    if (more && ks_arg_is(arg, "count")) {
        return ks_xread_count(c, &argv[++*i], x);
    }

    if (more && ks_arg_is(arg, "streams")) {
        x->keys = *i + 1;
        return ks_xread_streams(c, argc, x);
    }

    if (more > 1 && ks_arg_is(arg, "group")) {
        x->names = &argv[*i + 1];
        *i += 2;
        return ks_xread_grouped(c, "GROUP", x);
    }

    if (ks_arg_is(arg, "noack")) {
        x->noack = 1;
        return ks_xread_grouped(c, "NOACK", x);
    }

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


int
ks_arg_xread(ks_ctx_t *c, int argc, const ks_str_t *argv, int group,
    ks_xread_t *x)
{
    int  i;

    memset(x, 0, sizeof(ks_xread_t));
    x->group = (group != 0);

    for (i = 1; i < argc && x->keys == 0; i++) {
        if (ks_xread_option(c, argc, argv, &i, x) != KS_OK) {
            return KS_ERR;
        }
    }

    if (x->keys == 0) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    if (x->group && x->names == NULL) {
        ks_reply_error(c->reply, "ERR Missing GROUP option for XREADGROUP");
        return KS_ERR;
    }

    return KS_OK;
}


/* --- replies --- */

void
ks_xread_begin(ks_ctx_t *c, size_t n)
{
    if (c->reply->resp3) {
        ks_reply_map(c->reply, n);

    } else {
        ks_reply_array(c->reply, n);
    }
}


void
ks_xread_stream(ks_ctx_t *c, const ks_str_t *key)
{
    if (!c->reply->resp3) {
        ks_reply_array(c->reply, 2);
    }

    ks_reply_bulk(c->reply, key->data, key->len);
}


void
ks_xread_block(ks_ctx_t *c, int argc, ks_str_t *argv, const ks_xread_t *x)
{
    ks_block_t  b;

    if (!x->block) {
        ks_reply_null_array(c->reply);
        return;
    }

    memset(&b, 0, sizeof(ks_block_t));

    b.first = x->keys;
    b.nkeys = x->n;
    b.types = 1u << KS_TYPE_STREAM;
    b.until = x->until;
    b.over = KS_OVER_NULL_ARRAY;
    b.ends = x->group;

    ks_block(c, argc, argv, &b);
}
