/*
 * A command that waits for keys: what its handler has to do, and how it begins.
 *
 * A client that waits is served by ks_blocking.c, which runs its command again.
 */

#include <math.h>

#include "commands/ks_args.h"
#include "commands/ks_block.h"
#include "commands/ks_users.h"
#include "keyspace/ks_aof.h"
#include "keyspace/ks_primary.h"


/*
 * client->blocks: its process was told to listen; and there is a record, which
 * goes when the command is run once more.  Or it waits for another store.
 */
#define KS_BLOCKS_EXPECTS  1
#define KS_BLOCKS_FAR      2
#define KS_BLOCKS_WAITS    3


static int
ks_timeout_until(ks_ctx_t *c, int64_t ms, uint64_t *until)
{
    uint64_t  now;

    now = ks_space_now(c->space);

    if (ms < 0) {
        ks_reply_error(c->reply, "ERR timeout is negative");
        return KS_ERR;
    }

    if (ms > INT64_MAX - (int64_t) now) {
        ks_reply_error(c->reply, "ERR timeout is out of range");
        return KS_ERR;
    }

    *until = ms ? now + (uint64_t) ms : 0;

    return KS_OK;
}


int
ks_arg_seconds(ks_ctx_t *c, const ks_str_t *arg, uint64_t *until)
{
    long double  v;

    if (ks_parse_float(arg, &v) != KS_OK) {
        ks_reply_error(c->reply, "ERR timeout is not a float or out of range");
        return KS_ERR;
    }

    v = ceill(v * 1000);

    if (v > (long double) INT64_MAX) {
        ks_reply_error(c->reply, "ERR timeout is out of range");
        return KS_ERR;
    }

    return ks_timeout_until(c, v < 0 ? -1 : (int64_t) v, until);
}


int
ks_arg_ms(ks_ctx_t *c, const ks_str_t *arg, uint64_t *until)
{
    int64_t  ms;

    if (ks_parse_int(arg, &ms) != KS_OK) {
        ks_reply_error(c->reply,
                       "ERR timeout is not an integer or out of range");
        return KS_ERR;
    }

    return ks_timeout_until(c, ms, until);
}


static int
ks_block_local(const ks_client_t *client)
{
    return ks_aof_on(client->space)
           && ks_aof_synced(client->space, client->wrote);
}


int
ks_block_done(const ks_client_t *client)
{
    const ks_goal_t  *goal;

    goal = &client->waiter->goal;

    switch (client->waiter->over) {

    case KS_OVER_ACKED:
        return ks_primary_acked(client->space, goal->offset)
               >= goal->replicas;

    case KS_OVER_SYNCED:
        return (goal->local == 0 || ks_block_local(client))
               && (goal->replicas == 0
                   || ks_primary_synced(client->space, goal->offset)
                      >= goal->replicas);

    default:
        return 0;
    }
}


void
ks_reply_over(const ks_client_t *client, ks_reply_t *r, ks_over_t over,
    const ks_goal_t *goal)
{
    switch (over) {

    case KS_OVER_ACKED:
        ks_reply_integer(r, ks_primary_acked(client->space, goal->offset));
        return;

    case KS_OVER_SYNCED:
        ks_reply_array(r, 2);
        ks_reply_integer(r, ks_block_local(client));
        ks_reply_integer(r, ks_primary_synced(client->space, goal->offset));
        return;

    default:
        ks_reply_null_array(r);
    }
}


static void
ks_block_record(ks_ctx_t *c, int argc, ks_str_t *argv, const ks_block_t *b)
{
    ks_wait_t     w;
    ks_waiter_t  *waiter;

    waiter = c->client->waiter;
    waiter->until = b->until;
    waiter->over = b->over;
    waiter->goal = b->goal;

    ks_wait_here(c->space, &w);
    w.id = waiter->id;
    w.types = b->types | (b->ends ? KS_WAIT_ENDS : 0);
    w.resp3 = c->reply->resp3;
    w.first = b->first;
    w.nkeys = b->nkeys;
    w.argc = argc;
    w.argv = argv;
    w.user = ks_user_ticket(c->space, c->client->user);

    ks_wait_begin(c->space, &w);
}


void
ks_block(ks_ctx_t *c, int argc, ks_str_t *argv, const ks_block_t *b)
{
    ks_client_t  *client;

    client = c->client;

    if (client->served) {
        client->blocks = KS_BLOCKS_WAITS;
        return;
    }

    if (!c->waits || ks_waiters_expect(c->space) != KS_OK) {

        if (b->null) {
            ks_reply_null(c->reply);

        } else {
            ks_reply_over(client, c->reply, b->over, &b->goal);
        }

        return;
    }

    /* may be left, and the command run again: it may find something then */

    client->blocks = KS_BLOCKS_EXPECTS;
    ks_block_record(c, argc, argv, b);
    client->blocks = KS_BLOCKS_WAITS;

    /* it counts as a command when it is run for the second time */

    ks_running(c->space)->commands--;
}


void
ks_block_far(ks_ctx_t *c)
{
    c->client->blocks = KS_BLOCKS_FAR;
}


int
ks_block_begun(ks_client_t *client, int rc)
{
    unsigned  blocks;

    blocks = client->blocks;
    client->blocks = 0;

    if (blocks == KS_BLOCKS_FAR) {
        return KS_WAITS;
    }

    if (rc == KS_OK && blocks == KS_BLOCKS_WAITS) {
        ks_waiters_join(client->space, client->waiter);
        return KS_WAITS;
    }

    ks_waiters_settle(client->space);

    return rc;
}
