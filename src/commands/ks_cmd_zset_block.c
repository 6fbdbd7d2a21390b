/*
 * Sorted sets: the commands that wait for a member.
 *
 * What they do is told to others as the command that does not wait.
 */

#include "commands/ks_block.h"
#include "commands/ks_handlers.h"
#include "commands/ks_zset_args.h"


static void
ks_block_zsets(ks_ctx_t *c, int argc, ks_str_t *argv, int first, int nkeys,
    uint64_t until)
{
    ks_block_t  b;

    memset(&b, 0, sizeof(b));

    b.first = first;
    b.nkeys = nkeys;
    b.types = 1u << KS_TYPE_ZSET;
    b.until = until;
    b.over = KS_OVER_NULL_ARRAY;

    ks_block(c, argc, argv, &b);
}


static void
ks_block_zpop(ks_ctx_t *c, int argc, ks_str_t *argv, int max)
{
    int        i;
    uint64_t   until;
    ks_zpop_t  p;

    if (ks_arg_seconds(c, &argv[argc - 1], &until) != KS_OK) {
        return;
    }

    memset(&p, 0, sizeof(p));

    p.count = 1;
    p.max = max;
    p.opened = 1;

    for (i = 1; i < argc - 1; i++) {
        p.key = &argv[i];

        if (ks_write_value(c, p.key, KS_TYPE_ZSET, &p.e, &p.v) != KS_OK) {
            return;
        }

        if (p.e != NULL) {
            ks_reply_array(c->reply, 3);
            ks_reply_bulk(c->reply, p.key->data, p.key->len);
            ks_zpop(c, &p);
            ks_effect_as(c->space, max ? "ZPOPMAX %s" : "ZPOPMIN %s", p.key);
            return;
        }
    }

    ks_block_zsets(c, argc, argv, 1, argc - 2, until);
}


void
ks_cmd_bzpopmin(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_block_zpop(c, argc, argv, 0);
}


void
ks_cmd_bzpopmax(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_block_zpop(c, argc, argv, 1);
}


void
ks_cmd_bzmpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int        rc;
    uint64_t   until;
    ks_zpop_t  p;

    if (ks_zmpop_args(c, argc - 2, &argv[2], &p) != KS_OK
        || ks_arg_seconds(c, &argv[1], &until) != KS_OK)
    {
        return;
    }

    rc = ks_zmpop_pop(c, &p);

    if (rc == KS_NONE) {
        ks_block_zsets(c, argc, argv, 3, p.nkeys, until);

    } else if (rc == KS_OK) {
        ks_effect_as(c->space, p.max ? "ZPOPMAX %s %u" : "ZPOPMIN %s %u",
                     p.key, (uint64_t) p.count);
    }
}
