/*
 * The words of the zone as a primary, and the rows of its replicas.
 *
 * A row is taken by one compare-and-swap of its client, by the process whose it
 * is then.  Others read it as it is: a hint, but for the state, which the
 * helper and the worker pass to each other.
 */

#include <stdio.h>

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_library.h"
#include "keyspace/ks_primary.h"
#include "keyspace/ks_transact.h"
#include "keyspace/ks_wire.h"
#include "memory/ks_process.h"


static inline ks_primary_words_t *
ks_primary_words(const ks_space_t *sp)
{
    return &sp->mem.zone->primary;
}


/* --- of all processes --- */

uint64_t
ks_primary_offset(ks_space_t *sp)
{
    uint64_t  offset;

    (void) ks_journal_ends(&sp->mem, &offset);

    return offset;
}


void
ks_primary_settings(const ks_zone_t *zone, ks_primary_state_t *st)
{
    const ks_primary_words_t  *w;

    w = &zone->primary;
    memset(st, 0, sizeof(ks_primary_state_t));

    /* the turn comes first: it is stored last */

    st->turn = __atomic_load_n(&w->history.turn, __ATOMIC_ACQUIRE);
    st->on = (w->on != 0);
    memcpy(st->id, w->history.id, KS_REPLID);
    memcpy(st->before, w->history.before, KS_REPLID);
    st->until = w->history.until;
    st->shift = w->history.shift;
    st->size = zone->journal.size;
    st->period = w->period;
    st->timeout = w->timeout;
    st->least = zone->gate.least;
    st->most = w->most;
}


void
ks_primary_state(ks_space_t *sp, ks_primary_state_t *st)
{
    ks_primary_settings(sp->mem.zone, st);

    if (st->on) {
        st->offset = ks_primary_offset(sp);
        st->since = ks_max(ks_journal_oldest(&sp->mem),
                           ks_primary_words(sp)->since);
        st->since = ks_max(st->since, st->until - st->shift);
    }
}


uint64_t
ks_primary_shown(const ks_space_t *sp, uint64_t offset)
{
    return offset + ks_primary_words(sp)->history.shift;
}


/* --- the name of the stream --- */

/* Nobody else has it; that it could be guessed does no harm. */

static void
ks_primary_name(ks_space_t *sp, char id[KS_REPLID])
{
    int       i;
    char      text[KS_REPLID + 9];
    uint64_t  from[3], h;

    from[0] = ks_clock();
    from[1] = ks_next_id(sp);

    for (i = 0; i < KS_REPLID; i += 8) {
        from[2] = (uint64_t) i;
        h = ks_siphash(sp->mem.zone->seed, (u_char *) from, sizeof(from));
        snprintf(text + i, 9, "%08x", (unsigned) (h & 0xffffffff));
    }

    memcpy(id, text, KS_REPLID);
}


uint64_t
ks_primary_own(ks_space_t *sp, char id[KS_REPLID])
{
    const ks_primary_words_t  *w;

    w = ks_primary_words(sp);

    if (!w->on) {
        ks_primary_name(sp, id);
        return 0;
    }

    memcpy(id, w->history.id, KS_REPLID);

    return ks_primary_shown(sp, ks_primary_offset(sp));
}


void
ks_primary_promote(ks_space_t *sp, const char *before, uint64_t offset)
{
    char           id[KS_REPLID];
    uint64_t       at;
    ks_history_t  *h;

    if (!ks_primary_words(sp)->on) {
        return;
    }

    h = &ks_primary_words(sp)->history;
    at = ks_primary_offset(sp);
    ks_primary_name(sp, id);

    ks_save(&sp->mem, sp->mem.leader, h, sizeof(ks_history_t));
    memcpy(h->id, id, KS_REPLID);
    memset(h->before, 0, KS_REPLID);

    if (before != NULL) {
        memcpy(h->before, before, KS_REPLID);
        h->shift = offset - at;
    }

    h->until = at + h->shift;
    __atomic_store_n(&h->turn, h->turn + 1, __ATOMIC_RELEASE);
    ks_barrier();
}


static int
ks_replica_lives(ks_space_t *sp, const ks_replica_row_t *r)
{
    return r->client != 0 && ks_process_lives(&sp->mem, r->row, r->birth);
}


const ks_replica_row_t *
ks_primary_replica(ks_space_t *sp, unsigned i)
{
    const ks_replica_row_t  *r;

    r = &ks_primary_words(sp)->rows[i];

    return ks_replica_lives(sp, r) ? r : NULL;
}


static unsigned
ks_primary_count(ks_space_t *sp, uint64_t offset, int synced)
{
    unsigned                 i, n;
    const ks_replica_row_t  *r;

    for (n = 0, i = 0; i < KS_REPLICAS; i++) {
        r = ks_primary_replica(sp, i);

        if (r != NULL && r->state == KS_REPLICA_ONLINE
            && (synced ? r->synced : r->acked) >= offset)
        {
            n++;
        }
    }

    return n;
}


unsigned
ks_primary_acked(ks_space_t *sp, uint64_t offset)
{
    return ks_primary_on(sp) ? ks_primary_count(sp, offset, 0) : 0;
}


unsigned
ks_primary_synced(ks_space_t *sp, uint64_t offset)
{
    return ks_primary_on(sp) ? ks_primary_count(sp, ks_max(offset, 1u), 1) : 0;
}


int
ks_primary_refuses(ks_space_t *sp)
{
    unsigned                   i, n, least;
    uint64_t                   now;
    const ks_replica_row_t    *r;
    const ks_primary_words_t  *w;

    w = ks_primary_words(sp);
    least = sp->mem.zone->gate.least;
    now = ks_clock();

    for (n = 0, i = 0; i < KS_REPLICAS && n < least; i++) {
        r = &w->rows[i];

        if (r->client != 0 && r->state == KS_REPLICA_ONLINE
            && now <= r->seen + w->most && ks_replica_lives(sp, r))
        {
            n++;
        }
    }

    return n < least;
}


void
ks_primary_wait(ks_space_t *sp)
{
    if (sp->mem.process != KS_PROCESSES) {
        (void) __atomic_fetch_or(&ks_primary_words(sp)->waiting,
                                 1ull << sp->mem.process, __ATOMIC_SEQ_CST);
    }
}


static void
ks_primary_acks(ks_space_t *sp)
{
    uint64_t             who;
    ks_primary_words_t  *w;

    w = ks_primary_words(sp);

    if (__atomic_load_n(&w->waiting, __ATOMIC_SEQ_CST) == 0) {
        return;
    }

    who = __atomic_exchange_n(&w->waiting, 0, __ATOMIC_SEQ_CST);

    for ( /* void */ ; who && sp->mem.wake != NULL; who &= who - 1) {
        sp->mem.wake(sp->mem.wake_data, (unsigned) __builtin_ctzll(who));
    }
}


void
ks_primary_ask(ks_space_t *sp)
{
    static const ks_str_t  words[] = {
        { 8, (u_char *) "REPLCONF" }, { 6, (u_char *) "GETACK" },
        { 1, (u_char *) "*" }
    };

    ks_stream(sp, 3, words);
}


/* --- of a replica's worker --- */

unsigned
ks_replica_take(ks_space_t *sp, uint64_t client, const ks_replica_said_t *said)
{
    unsigned           i;
    uint64_t           before;
    ks_replica_row_t  *r;

    for (i = 0; i < KS_REPLICAS && sp->mem.process != KS_PROCESSES; i++) {
        r = &ks_primary_words(sp)->rows[i];
        before = __atomic_load_n(&r->client, __ATOMIC_ACQUIRE);

        if ((before != 0 && ks_process_lives(&sp->mem, r->row, r->birth))
            || !__atomic_compare_exchange_n(&r->client, &before, client, 0,
                                            __ATOMIC_ACQ_REL,
                                            __ATOMIC_RELAXED))
        {
            continue;
        }

        r->state = KS_REPLICA_NONE;
        r->row = sp->mem.process;
        r->birth = ks_process_birth(&sp->mem);
        r->leaves = (said->documents ? 0
                                      : KS_LEAVES_DOCUMENTS|KS_LEAVES_TIMES)
                    | (said->functions ? KS_LEAVES_KEYS : 0);
        r->port = said->port;
        r->only = said->only;
        r->file = 0;
        r->acked = 0;
        r->synced = 0;
        r->seen = ks_clock();
        r->turn = ks_primary_words(sp)->history.turn;
        memcpy(r->addr, said->addr, KS_REPLICA_ADDR);

        return i;
    }

    return KS_REPLICAS;
}


void
ks_replica_leave(ks_space_t *sp, unsigned i)
{
    ks_replica_row_t  *r;

    r = &ks_primary_words(sp)->rows[i];

    __atomic_store_n(&r->state, KS_REPLICA_NONE, __ATOMIC_RELEASE);
    __atomic_store_n(&r->client, 0, __ATOMIC_RELEASE);
}


int
ks_replica_turn(ks_space_t *sp, unsigned i, ks_replica_state_t before,
    ks_replica_state_t state)
{
    uint32_t  is;

    is = (uint32_t) before;

    return __atomic_compare_exchange_n(&ks_primary_words(sp)->rows[i].state,
                                       &is, (uint32_t) state, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)
           ? KS_OK : KS_ERR;
}


/* As a question for a snapshot is told. */

static void
ks_primary_call_body(ks_space_t *sp, void *data)
{
    (void) data;

    ks_tell(sp, KS_TOLD_SAVES, 1ull << sp->mem.zone->save.row, 0, NULL);
}


void
ks_primary_call(ks_space_t *sp)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));
    call.body = ks_primary_call_body;
    (void) ks_run(sp, &call);
}


int
ks_replica_current(ks_space_t *sp, uint64_t turn)
{
    return __atomic_load_n(&ks_primary_words(sp)->history.turn,
                           __ATOMIC_ACQUIRE)
           == turn;
}


void
ks_replica_ack(ks_space_t *sp, unsigned i, uint64_t offset, uint64_t synced,
    uint64_t now)
{
    uint64_t           shift;
    ks_replica_row_t  *r;

    r = &ks_primary_words(sp)->rows[i];
    r->seen = now;
    shift = ks_primary_words(sp)->history.shift;

    /* one that is going to be let go counts by another shift */

    if (!ks_replica_current(sp, r->turn)) {
        return;
    }

    offset -= shift;
    synced = synced ? synced - shift : 0;

    if (offset > r->acked) {
        __atomic_store_n(&r->acked, offset, __ATOMIC_SEQ_CST);
    }

    if (synced > r->synced) {
        __atomic_store_n(&r->synced, synced, __ATOMIC_SEQ_CST);
    }

    ks_primary_acks(sp);
}


static void
ks_primary_ping_body(ks_space_t *sp, void *data)
{
    static const ks_str_t  ping = { 4, (u_char *) "PING" };

    (void) data;

    ks_stream(sp, 1, &ping);
}


void
ks_primary_ping(ks_space_t *sp, uint64_t now)
{
    uint64_t             last;
    ks_call_t            call;
    ks_primary_words_t  *w;

    w = ks_primary_words(sp);
    last = __atomic_load_n(&w->pinged, __ATOMIC_RELAXED);

    if ((now >= last && now - last < w->period)
        || !__atomic_compare_exchange_n(&w->pinged, &last, now, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    {
        return;
    }

    memset(&call, 0, sizeof(ks_call_t));
    call.shards = ks_library_shard(sp);
    call.body = ks_primary_ping_body;
    (void) ks_run(sp, &call);
}


/* --- of the helper --- */

uint64_t
ks_primary_file(ks_space_t *sp)
{
    return __atomic_add_fetch(&ks_primary_words(sp)->files, 1,
                              __ATOMIC_RELAXED);
}


ks_replica_row_t *
ks_primary_row(ks_space_t *sp, unsigned i)
{
    ks_replica_row_t  *r;

    r = &ks_primary_words(sp)->rows[i];

    return ks_replica_lives(sp, r) ? r : NULL;
}


void
ks_primary_wake(ks_space_t *sp, const ks_replica_row_t *row)
{
    if (sp->mem.wake != NULL) {
        sp->mem.wake(sp->mem.wake_data, row->row);
    }
}


/* --- of the host --- */

/* It has nothing that another one of that name could go on with. */

static void
ks_primary_begin(ks_mem_t *m, const char *id)
{
    ks_primary_words_t  *w;

    w = &m->zone->primary;

    memset(&w->history, 0, offsetof(ks_history_t, turn));
    memcpy(w->history.id, id, KS_REPLID);
    w->history.turn++;
    (void) ks_journal_ends(m, &w->since);

    ks_journal_always(m, KS_ALWAYS_REPLICAS, KS_WIRE_STREAM);
    w->on = 1;
    __atomic_store_n(&m->zone->gate.primary_on, 1, __ATOMIC_SEQ_CST);

    /* whoever has begun before may not have told its effects */

    ks_journal_barrier(m);
    (void) ks_journal_ends(m, &w->since);
}


void
ks_primary_configure(ks_zone_t *zone, const ks_primary_settings_t *settings)
{
    ks_mem_t             m;
    ks_primary_words_t  *w;

    ks_mem_attach(&m, zone);
    w = &zone->primary;

    if (settings == NULL) {

        if (w->on) {
            w->on = 0;
            zone->gate.least = 0;
            __atomic_store_n(&zone->gate.primary_on, 0, __ATOMIC_SEQ_CST);
            ks_journal_always(&m, KS_ALWAYS_REPLICAS, 0);
        }

        return;
    }

    w->period = settings->period;
    w->timeout = settings->timeout;
    zone->gate.least = (uint16_t) settings->least;
    w->most = settings->most;

    if (!w->on) {
        ks_primary_begin(&m, settings->id);
    }
}
