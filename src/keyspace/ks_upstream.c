/*
 * The words of a zone that are about the store that it follows.
 */

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_role.h"
#include "keyspace/ks_upstream.h"
#include "memory/ks_process.h"


#define KS_CLAIM_PATIENCE  100          /* for all shards, ms */


static inline ks_upstream_words_t *
ks_upstream_words(const ks_space_t *sp)
{
    return &sp->mem.zone->upstream;
}


static void
ks_upstream_gate_set(ks_zone_t *zone, uint32_t set, uint32_t clear)
{
    uint32_t  *gate;

    gate = &zone->gate.upstream;

    __atomic_fetch_or(gate, set, __ATOMIC_RELEASE);
    __atomic_fetch_and(gate, ~clear, __ATOMIC_RELEASE);
}


/* --- of the host --- */

static void
ks_upstream_alone(ks_zone_t *zone)
{
    ks_upstream_words_t  *up;

    up = &zone->upstream;

    __atomic_store_n(&zone->gate.upstream, 0, __ATOMIC_RELEASE);

    up->whole = 0;
    up->offset = 0;
    up->shown = 0;
    up->link = KS_LINK_DOWN;
    memset(up->replid, 0, KS_REPLID);
}


/* The last byte of the host is always 0: a reader may see a part of each. */

static void
ks_upstream_at(ks_upstream_words_t *up, const char *host, unsigned port)
{
    size_t  n;

    n = ks_min(strlen(host), sizeof(up->host) - 1);
    memcpy(up->host, host, n);
    memset(up->host + n, 0, sizeof(up->host) - n);
    up->port = port;
}


void
ks_upstream_configure(ks_zone_t *zone, const ks_upstream_settings_t *settings)
{
    uint32_t              gate;
    ks_upstream_words_t  *up;

    if (settings == NULL) {
        if (zone->gate.upstream != 0) {
            ks_upstream_alone(zone);
        }

        return;
    }

    up = &zone->upstream;
    up->stale = settings->stale;

    if (settings->host != NULL) {
        ks_upstream_at(up, settings->host, settings->port);
    }

    gate = KS_GATE_FOLLOWS;

    if (!settings->writes) {
        gate |= KS_GATE_READONLY;
    }

    if (!up->whole) {
        gate |= KS_GATE_DOWN;
    }

    ks_upstream_gate_set(zone, gate, KS_GATE_READONLY & ~gate);
}


void
ks_upstream_set_stale(ks_zone_t *zone, uint64_t stale)
{
    zone->upstream.stale = stale;
}


int
ks_upstream_belongs(ks_zone_t *zone, uint64_t store)
{
    return __atomic_exchange_n(&zone->gate.store, store, __ATOMIC_ACQ_REL)
           != store;
}


int
ks_upstream_fetched(ks_zone_t *zone, const ks_str_t *locals, uint32_t n)
{
    size_t                sum;
    u_char               *p;
    uint32_t              i;
    ks_upstream_words_t  *up;

    up = &zone->upstream;
    up->fetched = (locals != NULL);
    up->nown = 0;

    for (sum = 0, i = 0; i < n; i++) {
        sum += locals[i].len + 1;

        if (locals[i].len > 255 || sum > KS_LOCALS) {
            up->nown = UINT32_MAX;
            return KS_ERR;
        }
    }

    for (p = up->own, i = 0; i < n; i++) {
        *p++ = (u_char) locals[i].len;
        memcpy(p, locals[i].data, locals[i].len);
        p += locals[i].len;
    }

    up->nown = n;

    return KS_OK;
}


int
ks_upstream_fetches(const ks_zone_t *zone)
{
    return zone->upstream.fetched != 0;
}


int
ks_upstream_own(const ks_zone_t *zone, const ks_str_t *key)
{
    uint32_t       i;
    const u_char  *p;

    if (zone->upstream.nown == UINT32_MAX) {
        return KS_NONE;
    }

    p = zone->upstream.own;

    for (i = 0; i < zone->upstream.nown; i++, p += 1 + *p) {
        if (*p <= key->len && memcmp(p + 1, key->data, *p) == 0) {
            return 1;
        }
    }

    return 0;
}


int
ks_upstream_named(ks_zone_t *zone, const char *host, unsigned port)
{
    uint64_t              is, was;
    ks_upstream_words_t  *up;

    up = &zone->upstream;
    is = ks_siphash(zone->seed, (const u_char *) host, strlen(host));
    is = (is ^ ((uint64_t) port << 1)) | 1;
    was = __atomic_exchange_n(&up->named, is, __ATOMIC_RELAXED);

    if (was == is) {
        return 0;
    }

    ks_upstream_at(up, host, port);

    if (was == 0) {
        return 0;
    }

    ks_count(zone, KS_COUNT_UPSTREAM_SWITCHES);

    return 1;
}


void
ks_upstream_state(const ks_zone_t *zone, ks_upstream_state_t *st)
{
    uint32_t                    gate;
    const ks_upstream_words_t  *up;

    up = &zone->upstream;
    gate = __atomic_load_n(&zone->gate.upstream, __ATOMIC_RELAXED);

    st->on = (gate & KS_GATE_FOLLOWS) != 0;
    st->readonly = (gate & KS_GATE_READONLY) != 0;
    st->whole = (up->whole != 0);
    st->full = (gate & KS_GATE_FULL) != 0;
    st->link = (ks_link_t) __atomic_load_n(&up->link, __ATOMIC_RELAXED);

    if (st->full && st->link == KS_LINK_UP) {
        st->link = KS_LINK_CONNECTING;
    }

    st->since = __atomic_load_n(&up->since, __ATOMIC_RELAXED);
    st->heard = __atomic_load_n(&up->heard, __ATOMIC_RELAXED);
    st->offset = __atomic_load_n(&up->offset, __ATOMIC_RELAXED);
    st->known = __atomic_load_n(&up->known, __ATOMIC_RELAXED);
    st->shown = __atomic_load_n(&up->shown, __ATOMIC_ACQUIRE);
    st->size = __atomic_load_n(&up->size, __ATOMIC_RELAXED);
    st->loaded = __atomic_load_n(&up->loaded, __ATOMIC_RELAXED);
    st->tries = __atomic_load_n(&up->tries, __ATOMIC_RELAXED);
    st->db = up->db;
    st->host = zone->role.order.role == KS_ROLE_REPLICA ? zone->role.order.host
                                                        : up->host;
    st->port = zone->role.order.role == KS_ROLE_REPLICA ? zone->role.order.port
                                                        : up->port;
    memcpy(st->replid, up->replid, KS_REPLID);
}


void
ks_upstream_known(ks_zone_t *zone, uint64_t offset)
{
    if (offset > __atomic_load_n(&zone->upstream.known, __ATOMIC_RELAXED)) {
        __atomic_store_n(&zone->upstream.known, offset, __ATOMIC_RELAXED);
    }
}


/* --- whose it is --- */

int
ks_upstream_taken(ks_space_t *sp)
{
    uint32_t              birth;
    ks_mem_t             *m;
    ks_upstream_words_t  *up;

    m = &sp->mem;
    up = ks_upstream_words(sp);
    birth = __atomic_load_n(&up->birth, __ATOMIC_RELAXED);

    return birth != 0 && up->row != m->process && up->row < KS_PROCESSES
           && ks_process_lives(m, up->row, birth);
}


/*
 * Under all locks: so whatever log a dead one has left open is closed, of which
 * the place may be a part.
 */

int
ks_upstream_claim(ks_space_t *sp)
{
    int                   rc;
    ks_mem_t             *m;
    ks_upstream_words_t  *up;

    m = &sp->mem;
    up = ks_upstream_words(sp);

    if (ks_upstream_taken(sp)) {
        return KS_AGAIN;
    }

    rc = ks_lock_within(m, ~0ull >> (KS_MAX_SHARDS - ks_zone_locks(m->zone)),
                        KS_CLAIM_PATIENCE);

    if (rc != KS_OK) {
        return KS_AGAIN;
    }

    if (ks_upstream_taken(sp)) {
        ks_unlock(m);
        return KS_AGAIN;
    }

    up->row = m->process;
    ks_upstream_show(sp);
    __atomic_store_n(&up->birth, ks_process_birth(m), __ATOMIC_RELEASE);

    /* the one before may have died while it loaded */

    ks_upstream_gate_set(m->zone, up->whole ? 0 : KS_GATE_DOWN,
                         KS_GATE_LOADING);
    ks_unlock(m);

    /* also beside the keys that there are */

    ks_spares_drop(m);

    return KS_OK;
}


void
ks_upstream_leave(ks_space_t *sp)
{
    ks_mem_t             *m;
    ks_upstream_words_t  *up;

    m = &sp->mem;
    up = ks_upstream_words(sp);

    if (up->row == m->process && up->birth == ks_process_birth(m)) {
        __atomic_store_n(&up->birth, 0, __ATOMIC_RELEASE);
    }
}


/* --- inside a body --- */

static void
ks_upstream_save(ks_space_t *sp)
{
    ks_upstream_words_t  *up;

    up = ks_upstream_words(sp);
    ks_save(&sp->mem, sp->mem.leader, up, offsetof(ks_upstream_words_t, row));
}


void
ks_upstream_applied(ks_space_t *sp, uint64_t offset, uint32_t db)
{
    ks_upstream_words_t  *up;

    up = ks_upstream_words(sp);

    ks_set(&sp->mem, sp->mem.leader, up->offset, offset);

    if (ks_unlikely(up->db != db)) {
        ks_set(&sp->mem, sp->mem.leader, up->db, db);
    }
}


void
ks_upstream_begin(ks_space_t *sp, const u_char replid[KS_REPLID],
    uint64_t offset)
{
    ks_upstream_words_t  *up;

    up = ks_upstream_words(sp);

    __atomic_store_n(&up->shown, 0, __ATOMIC_RELEASE);
    ks_upstream_save(sp);
    up->offset = offset;
    up->db = 0;
    up->whole = 1;
    memcpy(up->replid, replid, KS_REPLID);
    ks_barrier();
}


void
ks_upstream_rename(ks_space_t *sp, const u_char replid[KS_REPLID])
{
    ks_upstream_words_t  *up;

    up = ks_upstream_words(sp);

    ks_upstream_save(sp);
    memcpy(up->replid, replid, KS_REPLID);
    ks_barrier();
}


void
ks_upstream_void(ks_space_t *sp)
{
    ks_set(&sp->mem, sp->mem.leader, ks_upstream_words(sp)->whole, 0);
}


void
ks_upstream_renewed(ks_space_t *sp)
{
    ks_wait_renewed(sp);
    ks_follow_renewed(sp);
}


/* --- what others are told --- */

void
ks_upstream_show(ks_space_t *sp)
{
    ks_upstream_words_t  *up;

    up = ks_upstream_words(sp);

    __atomic_store_n(&up->shown, up->offset, __ATOMIC_RELEASE);
}


/* Whether with a link in that state the stream comes, and goes on. */

static int
ks_upstream_comes(ks_space_t *sp, uint32_t link)
{
    return link == KS_LINK_UP && !(ks_upstream_gate(sp) & KS_GATE_FULL);
}


void
ks_upstream_set_link(ks_space_t *sp, ks_link_t link, uint64_t now)
{
    int                   comes;
    ks_upstream_words_t  *up;

    up = ks_upstream_words(sp);
    comes = ks_upstream_comes(sp, link);

    if (ks_upstream_comes(sp, up->link) != comes || up->since == 0) {
        __atomic_store_n(&up->since, now, __ATOMIC_RELAXED);
    }

    if (link == KS_LINK_UP) {
        if (comes) {
            __atomic_store_n(&up->tries, 0, __ATOMIC_RELAXED);
        }

        __atomic_store_n(&up->known, up->offset, __ATOMIC_RELAXED);

    } else if (link == KS_LINK_CONNECTING) {
        __atomic_store_n(&up->tries, up->tries + 1, __ATOMIC_RELAXED);
    }

    __atomic_store_n(&up->link, (uint32_t) link, __ATOMIC_RELAXED);
    (void) ks_upstream_judge(sp, now);
}


void
ks_upstream_heard(ks_space_t *sp, uint64_t now)
{
    __atomic_store_n(&ks_upstream_words(sp)->heard, now, __ATOMIC_RELAXED);
}


void
ks_upstream_loading(ks_space_t *sp, uint64_t size, uint64_t loaded)
{
    ks_upstream_words_t  *up;

    up = ks_upstream_words(sp);

    __atomic_store_n(&up->size, size, __ATOMIC_RELAXED);
    __atomic_store_n(&up->loaded, loaded, __ATOMIC_RELAXED);
}


void
ks_upstream_set_loading(ks_space_t *sp, int on)
{
    ks_upstream_gate_set(sp->mem.zone, on ? KS_GATE_LOADING : 0,
                         on ? 0 : KS_GATE_LOADING);
}


uint64_t
ks_upstream_judge(ks_space_t *sp, uint64_t now)
{
    int                   down;
    uint64_t              until;
    ks_upstream_words_t  *up;

    up = ks_upstream_words(sp);
    until = UINT64_MAX;

    if (!ks_follows(sp)) {

        /* not any more, by REPLICAOF or a newer configuration */

        return until;
    }

    if (!up->whole) {
        down = 1;

    } else if (ks_upstream_comes(sp, up->link)
               || up->stale == KS_STALE_EVER)
    {
        down = 0;

    } else {
        down = (now >= up->since + up->stale);
        until = down ? UINT64_MAX : up->since + up->stale;
    }

    ks_upstream_gate_set(sp->mem.zone, down ? KS_GATE_DOWN : 0,
                         down ? 0 : KS_GATE_DOWN);

    return until;
}


int
ks_upstream_set_full(ks_space_t *sp, int on, uint64_t now)
{
    uint32_t              gate;
    ks_upstream_words_t  *up;

    up = ks_upstream_words(sp);
    gate = ks_upstream_gate(sp);

    if (!(gate & KS_GATE_FOLLOWS) || ((gate & KS_GATE_FULL) != 0) == (on != 0))
    {
        return 0;
    }

    if (up->link == KS_LINK_UP) {
        __atomic_store_n(&up->since, now, __ATOMIC_RELAXED);
        __atomic_store_n(&up->tries, 0, __ATOMIC_RELAXED);
    }

    ks_upstream_gate_set(sp->mem.zone, on ? KS_GATE_FULL : 0,
                         on ? 0 : KS_GATE_FULL);
    (void) ks_upstream_judge(sp, now);

    return 1;
}


void
ks_upstream_count(ks_space_t *sp, uint64_t applied, uint64_t skipped)
{
    uint64_t  *counts;

    counts = sp->mem.zone->counts;

    __atomic_fetch_add(&counts[KS_COUNT_UPSTREAM_APPLIED], applied,
                       __ATOMIC_RELAXED);

    if (skipped) {
        __atomic_fetch_add(&counts[KS_COUNT_UPSTREAM_SKIPPED], skipped,
                           __ATOMIC_RELAXED);
    }
}
