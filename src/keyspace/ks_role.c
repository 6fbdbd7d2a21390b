/*
 * The words of a zone that say what it is by REPLICAOF.
 */

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_library.h"
#include "keyspace/ks_primary.h"
#include "keyspace/ks_role.h"
#include "keyspace/ks_transact.h"
#include "keyspace/ks_upstream.h"


static inline ks_role_words_t *
ks_role_words(const ks_space_t *sp)
{
    return &sp->mem.zone->role;
}


/* --- of the host --- */

void
ks_role_configure(ks_zone_t *zone, const ks_role_settings_t *settings)
{
    ks_role_words_t  *w;

    w = &zone->role;
    w->priority = settings->priority;
    w->obeys = (uint32_t) settings->obeys;

    if (w->line == settings->line && settings->obeys) {
        return;
    }

    w->line = settings->line;

    if (w->order.role != KS_ROLE_CONFIGURED) {
        w->order.role = KS_ROLE_CONFIGURED;
        __atomic_store_n(&w->order.turn, w->order.turn + 1, __ATOMIC_RELEASE);
    }
}


void
ks_role_listen(ks_space_t *sp, const ks_role_host_t *host)
{
    sp->role = host;
}


void
ks_role_told(ks_space_t *sp)
{
    if (sp->role != NULL && sp->role->told != NULL) {
        sp->role->told(sp->role->data);
    }
}


void
ks_role_refused(ks_space_t *sp, const ks_str_t *host, const ks_str_t *port)
{
    if (sp->role != NULL) {
        sp->role->refused(sp->role->data, host, port);
    }
}


/*
 * A process that had the link may have stored its last word behind the order.
 */

static void
ks_role_settle_body(ks_space_t *sp, void *data)
{
    ks_gate_t  *gate;

    (void) data;

    gate = &sp->mem.zone->gate;

    if (ks_role_words(sp)->order.role == KS_ROLE_PRIMARY
        && gate->upstream != 0)
    {
        ks_set(&sp->mem, sp->mem.leader, gate->upstream, 0);
    }
}


void
ks_role_settle(ks_space_t *sp)
{
    ks_call_t  call;

    if (!ks_role_obeys(sp)) {
        return;
    }

    memset(&call, 0, sizeof(ks_call_t));
    call.now = ks_clock();
    call.shards = ks_all_shards(sp) | ks_library_shard(sp);
    call.urgent = 1;
    call.body = ks_role_settle_body;
    (void) ks_run(sp, &call);
}


/* --- of all processes --- */

int
ks_role_obeys(const ks_space_t *sp)
{
    return ks_role_words(sp)->obeys != 0;
}


unsigned
ks_role_priority(const ks_zone_t *zone)
{
    return zone->role.priority;
}


uint64_t
ks_role_turn(const ks_space_t *sp)
{
    return __atomic_load_n(&ks_role_words(sp)->order.turn, __ATOMIC_ACQUIRE);
}


/* The turn comes first: it is stored last. */

void
ks_role_state(const ks_zone_t *zone, ks_role_state_t *st)
{
    const ks_role_words_t  *w;

    w = &zone->role;

    st->turn = __atomic_load_n(&w->order.turn, __ATOMIC_ACQUIRE);
    st->role = (ks_role_t) w->order.role;
    st->port = w->order.port;
    memcpy(st->host, w->order.host, KS_UPSTREAM_HOST);
    st->host[KS_UPSTREAM_HOST - 1] = '\0';
}


/* --- inside a body --- */

/*
 * The gate is under the log with the order: an order that is undone leaves
 * none.  The turn is stored last: a process that reads it without a lock, and
 * what it reads after that is older, finds another turn the next time.
 */

static void
ks_role_order(ks_space_t *sp, ks_role_t role, const ks_str_t *host,
    unsigned port, uint32_t gate)
{
    ks_order_t  *order;

    order = &ks_role_words(sp)->order;

    ks_save(&sp->mem, sp->mem.leader, order, sizeof(ks_order_t));
    order->role = role;

    if (host != NULL) {
        memset(order->host, 0, KS_UPSTREAM_HOST);
        memcpy(order->host, host->data, host->len);
        order->port = port;
    }

    ks_barrier();

    ks_set(&sp->mem, sp->mem.leader, sp->mem.zone->gate.upstream, gate);

    __atomic_store_n(&order->turn, order->turn + 1, __ATOMIC_RELEASE);
    ks_barrier();
}


static int
ks_role_same(const ks_order_t *order, const ks_str_t *host, unsigned port)
{
    return order->role == KS_ROLE_REPLICA && order->port == port
           && strlen(order->host) == host->len
           && memcmp(order->host, host->data, host->len) == 0;
}


/*
 * A primary that becomes a replica asks for what follows its own history: the
 * new primary has it, if it was a replica that had all.
 */

int
ks_role_replica(ks_space_t *sp, const ks_str_t *host, unsigned port)
{
    char              id[KS_REPLID];
    uint32_t          gate;
    uint64_t          offset;
    ks_role_words_t  *w;

    w = ks_role_words(sp);

    if (host->len >= KS_UPSTREAM_HOST) {
        return KS_ERR;
    }

    if (ks_role_same(&w->order, host, port)) {
        return KS_NONE;
    }

    gate = sp->mem.zone->gate.upstream;

    if (!(gate & KS_GATE_FOLLOWS)) {
        offset = ks_primary_own(sp, id);
        ks_upstream_begin(sp, (u_char *) id, offset);
        ks_set(&sp->mem, sp->mem.leader, sp->mem.zone->upstream.since,
               ks_space_now(sp));
        gate = KS_GATE_FOLLOWS|KS_GATE_READONLY;
    }

    ks_role_order(sp, KS_ROLE_REPLICA, host, port, gate);

    return KS_OK;
}


int
ks_role_primary(ks_space_t *sp)
{
    ks_upstream_state_t  st;

    ks_upstream_state(sp->mem.zone, &st);

    if (!st.on) {
        return KS_NONE;
    }

    /*
     * whoever goes on with it is to be in database 0, which is never said here
     */

    ks_primary_promote(sp, (st.whole && st.db == 0)
                           ? (const char *) st.replid : NULL, st.offset);
    ks_role_order(sp, KS_ROLE_PRIMARY, NULL, 0, 0);

    return KS_OK;
}
