/*
 * Expiry: the end of keys and of fields whose time has come.
 *
 * Runs outside transactions, under the lock of the shard; each end is a
 * transaction of its own.  In a zone that follows an upstream nothing ends by
 * itself but what is local.
 */

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_upstream.h"


#define KS_PURGE_AGAIN   1000           /* ms until it is tried again */
#define KS_PURGE_FIELDS  4096           /* of a hash that go at a time */


typedef struct {
    ks_entry_t       *e;        /* NULL: the key is gone */
    uint32_t          max;
    int               more;
    ks_hash_purge_t   at;
} ks_purge_t;


/* What is written here is written at the end: it may be left before. */

static void
ks_purge_body(ks_space_t *sp, void *data)
{
    int               more;
    ks_str_t          key;
    ks_purge_t       *p;
    ks_place_t        place;
    ks_entry_t       *e;
    ks_hash_purge_t   at;

    p = data;
    e = p->e;
    at = p->at;
    key = ks_entry_key(sp, e);

    if (ks_unlikely(sp->told.kinds & KS_TOLD_IMAGES)) {
        place = ks_place(sp, &key);

        if (ks_before_waits(sp, &place, e)) {
            longjmp(sp->jump, KS_AGAIN);
        }

        ks_before(sp, &place, e);
    }

    more = ks_value_purge_step(sp, &key, &e, p->max, &at);

    p->e = e;
    p->at = at;
    p->more = more;
}


/*
 * A hash of which fields are due.  When it is to be looked at next.  Few go at
 * a time if there is little memory for the log of their end, so that there is
 * always a way to make room; if there is none for one field, it is tried later.
 */

static uint64_t
ks_purge(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e)
{
    int           rc;
    ks_mem_t     *m;
    unsigned      urgent;
    ks_purge_t    p;
    ks_needed_t   need;

    m = &sp->mem;
    need = m->need;
    urgent = m->urgent;
    m->urgent = 1;

    memset(&p, 0, sizeof(ks_purge_t));
    p.e = e;
    p.max = KS_PURGE_FIELDS;

    do {
        p.more = 0;
        rc = ks_try(sp, ks_purge_body, &p);

        if (rc == KS_AGAIN) {
            p.max = 0;

        } else if (rc != KS_OK) {
            p.max /= 8;
            p.more = (p.max != 0);
        }

        ks_commit(m);
        ks_slab_drain(m, sh, SIZE_MAX);         /* for the next ones */

    } while (p.more);

    if (p.max == 0) {
        ks_wheel_reset(sp, sh, p.e, sp->now + KS_PURGE_AGAIN);
        ks_commit(m);
    }

    m->need = need;
    m->urgent = urgent;

    return p.e ? ks_entry_wheel(p.e) : UINT64_MAX;
}


/*
 * Deletes what is due in a slot of level 0.  If all of it has been looked at,
 * min becomes exact.
 */

static size_t
ks_expire_slot(ks_space_t *sp, ks_shard_t *sh, unsigned slot, size_t max)
{
    size_t       n;
    uint64_t     at, min;
    ks_ref_t     ref, next;
    ks_wheel_t  *w;
    ks_entry_t  *e;

    w = &sh->root.wheel;
    min = UINT64_MAX;
    n = 0;

    for (ref = w->head[slot]; ref && n < max; ref = next) {
        e = ks_ptr(&sp->mem, ref);
        next = ks_entry_ttl(e)->next;
        at = ks_entry_wheel(e);

        if (at >= sp->now) {
            min = ks_min(min, at);
            continue;
        }

        if (ks_unlikely(sp->mem.zone->save.pinned != 0)
            && ks_saved_pinned(sp, ks_entry_hash(sp, e)))
        {
            min = ks_min(min, sp->now + KS_PURGE_AGAIN);
            continue;
        }

        n++;
        at = ks_entry_expire(e);

        if (at == KS_NO_EXPIRE || at >= sp->now) {
            at = ks_purge(sp, sh, e);
            min = ks_min(min, at);
            continue;
        }

        ks_expel(sp, e, KS_CHANGE_EXPIRED);
        sh->expired++;
    }

    if (ref == 0) {
        w->min[slot] = min;
    }

    return n;
}


size_t
ks_expire_shard(ks_space_t *sp, ks_shard_t *sh, size_t *budget)
{
    size_t    n, cost;
    unsigned  slot;

    n = 0;

    if (ks_unlikely(ks_follows(sp)) && !ks_shard_local(sp, sh)) {
        return 0;
    }

    while (ks_wheel_turn(sp, sh, budget, &slot)) {
        cost = ks_expire_slot(sp, sh, slot, *budget);
        *budget -= cost;
        n += cost;

        if (cost == 0) {
            break;
        }
    }

    return n;
}


uint64_t
ks_expire_next(ks_space_t *sp)
{
    unsigned  i;
    uint64_t  due;

    sp->due = UINT64_MAX;

    i = ks_follows(sp) ? sp->mem.zone->nhashed : 0;

    for ( /* void */ ; i < sp->mem.zone->nshards; i++) {
        due = ks_wheel_due(&sp->mem.shards[i]);
        sp->due = ks_min(sp->due, due);
    }

    return sp->due;
}


size_t
ks_expire_cycle(ks_space_t *sp, size_t max)
{
    size_t       n;
    unsigned     i;
    ks_mem_t    *m;
    ks_shard_t  *sh;

    m = &sp->mem;
    n = 0;

    i = ks_follows(sp) ? m->zone->nhashed : 0;

    for ( /* void */ ; i < m->zone->nshards && max; i++) {
        sh = &m->shards[i];

        if (ks_wheel_due(sh) > sp->past) {
            continue;
        }

        if (ks_lock_within(m, 1ull << i, KS_IDLE_PATIENCE) != KS_OK) {
            continue;
        }

        n += ks_expire_shard(sp, sh, &max);
        ks_settle(sp, 1ull << i);
        ks_unlock(m);
    }

    return n;
}
