/*
 * Transactions in another zone of a client's door.
 */

#include "commands/ks_args.h"
#include "commands/ks_door.h"
#include "commands/ks_elsewhere.h"
#include "commands/ks_pausing.h"
#include "commands/ks_usage.h"
#include "keyspace/ks_aof.h"


typedef struct {
    ks_client_t  *there;
    ks_body_pt    body;
    void         *data;
} ks_elsewhere_t;


int
ks_elsewhere_open(ks_ctx_t *c, unsigned db, int argc, const ks_str_t *argv,
    ks_client_t *there)
{
    const ks_user_t  *user;

    if (!ks_databases_alone(c)) {
        return KS_ERR;
    }

    user = ks_databases_enter(c->client, db, c->reply);

    if (user == NULL) {
        return KS_ERR;
    }

    *there = *c->client;
    there->space = c->client->databases->spaces[db];
    there->user = user;
    there->db = db;

    if (ks_space_far(there->space) != NULL) {
        ks_reply_errorf(c->reply, "ERR database %u goes with another store, "
                        "where '%s' is not known", db,
                        ks_command_name(c->cmd));
        return KS_ERR;
    }

    if (ks_unlikely(ks_gate_set(there->space)) && there->patience != 0
        && ks_pausing_call(there, argc, argv, NULL))
    {
        if (ks_inside(c->space)) {
            ks_come_again(c->space);
        }

        ks_not_yet(c->space);
    }

    if (!ks_command_permitted(there, c->cmd, argc, argv, KS_DENIED_TOPLEVEL,
                              c->reply)
        || (user->meter != NULL
            && !ks_usage_admits(there, c->cmd, argc, argv, c->reply)))
    {
        return KS_ERR;
    }

    return KS_OK;
}


static void
ks_elsewhere_body(ks_space_t *sp, void *data)
{
    ks_elsewhere_t  *e;

    e = data;
    e->there->spent = 1;
    e->body(sp, e->data);
}


static void
ks_elsewhere_last(ks_space_t *sp, void *data)
{
    ks_elsewhere_t  *e;

    e = data;
    ks_usage_charge(sp, e->there);
}


static void
ks_elsewhere_last_bound(ks_space_t *sp, void *data)
{
    ks_run_ferry(sp);
    ks_elsewhere_last(sp, data);
}


static void
ks_elsewhere_call(ks_elsewhere_t *e, ks_call_t *call, uint64_t now,
    uint64_t shards)
{
    memset(call, 0, sizeof(ks_call_t));
    call->now = now;
    call->shards = shards;
    call->patience = ks_max(e->there->patience, 1u);
    call->body = ks_elsewhere_body;
    call->data = e;

    ks_let_go(e->there->space);
}


int
ks_elsewhere_run(ks_client_t *there, uint64_t now, uint64_t shards,
    ks_body_pt body, void *data)
{
    ks_call_t       call;
    ks_elsewhere_t  e = { there, body, data };

    ks_elsewhere_call(&e, &call, now, shards);
    call.last = there->user->meter ? ks_elsewhere_last : NULL;

    return ks_run(there->space, &call);
}


int
ks_elsewhere_bound(ks_client_t *there, ks_space_t *first, uint64_t shards,
    ks_body_pt body, void *data)
{
    ks_call_t       call;
    ks_elsewhere_t  e = { there, body, data };

    ks_elsewhere_call(&e, &call, ks_space_now(first), shards);
    call.last = ks_elsewhere_last_bound;

    return ks_run_bound(there->space, &call, first);
}


const char *
ks_elsewhere_error(const ks_client_t *there, int rc)
{
    return (rc == KS_ABORTED) ? there->aborted : KS_ERR_OOM;
}
