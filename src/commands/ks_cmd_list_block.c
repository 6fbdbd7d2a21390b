/*
 * Lists: the commands that wait for an element.
 *
 * What they do is told to others as the command that does not wait.
 */

#include "commands/ks_block.h"
#include "commands/ks_handlers.h"
#include "commands/ks_list_args.h"


static void
ks_block_lists(ks_ctx_t *c, int argc, ks_str_t *argv, int first, int nkeys,
    uint64_t until)
{
    ks_block_t  b;

    memset(&b, 0, sizeof(b));

    b.first = first;
    b.nkeys = nkeys;
    b.types = 1u << KS_TYPE_LIST;
    b.until = until;
    b.over = KS_OVER_NULL_ARRAY;

    /* these two say null, as they would if they did not wait */

    b.null = (c->cmd->handler == ks_cmd_blmove
              || c->cmd->handler == ks_cmd_brpoplpush);

    ks_block(c, argc, argv, &b);
}


/* --- BLPOP, BRPOP --- */

static void
ks_block_pop(ks_ctx_t *c, int argc, ks_str_t *argv, int end)
{
    int          i;
    uint64_t     until;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_arg_seconds(c, &argv[argc - 1], &until) != KS_OK) {
        return;
    }

    for (i = 1; i < argc - 1; i++) {

        if (ks_write_value(c, &argv[i], KS_TYPE_LIST, &e, &v) != KS_OK) {
            return;
        }

        if (e != NULL) {
            ks_reply_array(c->reply, 2);
            ks_reply_bulk(c->reply, argv[i].data, argv[i].len);
            ks_list_pop(c, &v, end, 1);
            ks_effect_as(c->space,
                         end == KS_LIST_HEAD ? "LPOP %s" : "RPOP %s", &argv[i]);
            return;
        }
    }

    ks_block_lists(c, argc, argv, 1, argc - 2, until);
}


void
ks_cmd_blpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_block_pop(c, argc, argv, KS_LIST_HEAD);
}


void
ks_cmd_brpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_block_pop(c, argc, argv, KS_LIST_TAIL);
}


/* --- BLMOVE, BRPOPLPUSH --- */

void
ks_cmd_blmove(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int       rc, from, to;
    uint64_t  until;

    if (ks_list_end(c, &argv[3], &from) != KS_OK
        || ks_list_end(c, &argv[4], &to) != KS_OK
        || ks_arg_seconds(c, &argv[5], &until) != KS_OK)
    {
        return;
    }

    rc = ks_list_move(c, &argv[1], &argv[2], from, to);

    if (rc == KS_NONE) {
        ks_block_lists(c, argc, argv, 1, 1, until);

    } else if (rc == KS_OK) {
        ks_effect_as(c->space, "LMOVE %v", 4, &argv[1]);
    }
}


void
ks_cmd_brpoplpush(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int       rc;
    uint64_t  until;

    if (ks_arg_seconds(c, &argv[3], &until) != KS_OK) {
        return;
    }

    rc = ks_list_move(c, &argv[1], &argv[2], KS_LIST_TAIL, KS_LIST_HEAD);

    if (rc == KS_NONE) {
        ks_block_lists(c, argc, argv, 1, 1, until);

    } else if (rc == KS_OK) {
        ks_effect_as(c->space, "RPOPLPUSH %v", 2, &argv[1]);
    }
}


void
ks_cmd_blmovem(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          rc;
    uint64_t     until;
    ks_lmovem_t  m;

    if (ks_lmovem_ends(c, &argv[3], &m) != KS_OK
        || ks_lmovem_options(c, argc - 6, &argv[6], &m) != KS_OK
        || ks_arg_seconds(c, &argv[5], &until) != KS_OK)
    {
        return;
    }

    rc = ks_lmovem_move(c, &argv[1], &argv[2], &m);

    if (rc == KS_NONE) {
        ks_block_lists(c, argc, argv, 1, 1, until);

    }
}


/* --- BLMPOP --- */

void
ks_cmd_blmpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              rc;
    uint64_t         until;
    ks_lmpop_t       m;
    const ks_str_t  *key;

    if (ks_lmpop_options(c, argc - 2, &argv[2], &m) != KS_OK
        || ks_arg_seconds(c, &argv[1], &until) != KS_OK)
    {
        return;
    }

    rc = ks_lmpop_pop(c, &m, &key);

    if (rc == KS_NONE) {
        ks_block_lists(c, argc, argv, 3, m.nkeys, until);

    } else if (rc == KS_OK) {
        ks_effect_as(c->space, m.end == KS_LIST_HEAD ? "LPOP %s %u"
                                                     : "RPOP %s %u",
                     key, (uint64_t) m.count);
    }
}
