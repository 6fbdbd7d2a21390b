/*
 * The keyspace: handles, transactions, and what is done with whole entries.
 *
 * Here alone a transaction's locks are taken and given, and here a body that is
 * left by longjmp comes back to, to be run again once there is room.  What
 * bodies may rely on is said in ks_space.h.
 */

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "keyspace/ks_keyspace.h"


#define KS_DRAIN_CHUNKS   64            /* freed after each transaction */
#define KS_REAP_PIECES    16
#define KS_ROOM_ATTEMPTS  24
#define KS_WIDEN          2             /* left for more locks */


static void ks_settle(ks_space_t *sp, uint64_t dirty);
static ks_entry_t *ks_give_value(ks_space_t *sp, const ks_place_t *at,
    ks_entry_t *old, ks_form_t *form, const ks_entry_t *e,
    const ks_blob_t *blob);


/* --- handles --- */

ks_space_t *
ks_space_open(ks_zone_t *zone)
{
    unsigned          i;
    ks_space_t       *sp;
    struct timespec   ts;

    sp = calloc(1, sizeof(ks_space_t));

    if (sp == NULL) {
        return NULL;
    }

    clock_gettime(CLOCK_REALTIME, &ts);

    ks_mem_attach(&sp->mem, zone);
    sp->rng = (uint64_t) ts.tv_nsec ^ (uint64_t) getpid() << 32 ^ zone->seed[1];
    sp->due = UINT64_MAX;
    for (i = 0; i < KS_HASH_CACHED; i++) {
        sp->hashed[i].len = SIZE_MAX;
    }
    sp->here.len = SIZE_MAX;

    sp->counter = &zone->commands[(unsigned) getpid() % KS_COUNTERS];

    /* whoever had this place before may have died in the middle of it */

    sp->backlog = ks_all_shards(sp);

    ks_space_set_time(sp, (uint64_t) ts.tv_sec * 1000
                          + (uint64_t) ts.tv_nsec / 1000000);
    return sp;
}


void
ks_space_close(ks_space_t *sp)
{
    ks_arena_reset(sp);
    free(sp->arena);
    free(sp);
}


void
ks_space_set_time(ks_space_t *sp, uint64_t now_ms)
{
    sp->now = now_ms;
}


void
ks_space_urgent(ks_space_t *sp, int on)
{
    sp->mem.urgent = (on != 0);
}


void
ks_space_no_touch(ks_space_t *sp, int on)
{
    sp->no_touch = (on != 0);
}


void
ks_space_count_command(ks_space_t *sp)
{
    sp->counter->n++;
}


void **
ks_space_slot(ks_space_t *sp)
{
    return &sp->slot;
}


uint64_t
ks_space_now(const ks_space_t *sp)
{
    return sp->now;
}


ks_zone_t *
ks_space_zone(const ks_space_t *sp)
{
    return sp->mem.zone;
}


uint64_t
ks_space_due(const ks_space_t *sp)
{
    return sp->due;
}


/* xorshift64*, Vigna, "An experimental exploration of Marsaglia's xorshift
 * generators, scrambled" (2016); for sampling, not for secrets */

uint32_t
ks_rand(ks_space_t *sp, uint32_t below)
{
    sp->rng ^= sp->rng >> 12;
    sp->rng ^= sp->rng << 25;
    sp->rng ^= sp->rng >> 27;

    return (uint32_t) ((sp->rng * 0x2545f4914f6cdd1dull >> 32) * below >> 32);
}


uint32_t
ks_random_below(ks_space_t *sp, uint32_t n)
{
    return ks_rand(sp, n);
}


/* --- places --- */

ks_place_t
ks_locate(const ks_space_t *sp, const ks_str_t *key)
{
    ks_place_t  at;

    at.hash = ks_siphash(sp->mem.zone->seed, key->data, key->len);
    at.shard = ks_hash_shard(sp, at.hash);

    return at;
}


/*
 * A key's hash is wanted several times: to look ahead, to lock, to look it up.
 * Each time its bytes lie at the same place, which says where the hash is kept;
 * that it is this key's is seen from the bytes.
 */

static __attribute__((noinline)) uint64_t
ks_key_hash(ks_space_t *sp, const u_char *p, size_t len)
{
    ks_hashed_t  *kept;

    if (len > KS_HASH_BYTES) {
        return ks_siphash(sp->mem.zone->seed, p, len);
    }

    kept = &sp->hashed[(uintptr_t) p / 16 % KS_HASH_CACHED];

    if (len != kept->len || !ks_same_bytes(p, kept->key, len)) {
        kept->hash = ks_siphash(sp->mem.zone->seed, p, len);
        kept->len = len;
        memcpy(kept->key, p, len);
    }

    return kept->hash;
}


ks_place_t
ks_place(ks_space_t *sp, const ks_str_t *key)
{
    ks_place_t  at;

    if (key->len == sp->here.len && key->data == sp->here.data) {
        return sp->here_at;
    }

    at.hash = ks_key_hash(sp, key->data, key->len);
    at.shard = ks_hash_shard(sp, at.hash);

    return at;
}


uint64_t
ks_enter(ks_space_t *sp, const ks_str_t *key, const ks_place_t *at)
{
    if (key == NULL) {
        sp->here.len = SIZE_MAX;
        return 0;
    }

    sp->here = *key;
    sp->here_at = *at;

    return 1ull << ks_shard_index(&sp->mem, at->shard);
}


uint64_t
ks_key_shard(ks_space_t *sp, const ks_str_t *key)
{
    ks_place_t  at;

    at = ks_place(sp, key);
    ks_table_prefetch(sp, &at);

    return 1ull << ks_shard_index(&sp->mem, at.shard);
}


void
ks_prefetch_bucket(ks_space_t *sp, const ks_place_t *at)
{
    ks_table_prefetch(sp, at);
    __builtin_prefetch(at->shard, 1);
}


void
ks_prefetch_entry(ks_space_t *sp, const ks_place_t *at)
{
    ks_table_prefetch_entry(sp, at);
}


uint64_t
ks_all_shards(const ks_space_t *sp)
{
    return ~0ull >> (KS_MAX_SHARDS - sp->mem.zone->nshards);
}


/* --- transactions --- */

int
ks_try(ks_space_t *sp, ks_body_pt body, void *data)
{
    int       rc;
    unsigned  depth;

    depth = sp->depth;
    sp->mem.need.bytes = 0;
    sp->mem.jump = &sp->jump;
    sp->flush = 0;
    sp->exhausted = 0;
    sp->tries++;
    sp->depth++;

    rc = setjmp(sp->jump);

    if (rc != 0) {
        sp->mem.jump = NULL;
        sp->depth = depth;
        ks_rollback(&sp->mem);
        return rc == 1 ? KS_NOMEM : rc;
    }

    body(sp, data);

    sp->mem.jump = NULL;
    sp->depth = depth;

    return KS_OK;
}


/* what was locked before stays locked with the rest */

static void
ks_lock_more(ks_space_t *sp)
{
    uint64_t  mask;

    mask = sp->mem.locked | sp->wanted;

    if (mask & ~sp->mem.locked & ks_all_shards(sp)) {
        mask |= ks_all_shards(sp);
    }

    ks_unlock(&sp->mem);
    ks_lock(&sp->mem, mask);
}


void
ks_hold(ks_space_t *sp, int on)
{
    sp->hold = (on != 0);
}


void
ks_let_go(ks_space_t *sp)
{
    if (sp->mem.locked != 0) {
        ks_unlock(&sp->mem);
    }
}


void
ks_want_shards(ks_space_t *sp, uint64_t shards)
{
    if (shards & ~sp->mem.locked) {
        sp->wanted = shards;
        longjmp(sp->jump, KS_WIDEN);
    }
}


uint64_t
ks_transaction(const ks_space_t *sp)
{
    return sp->tries;
}


void
ks_abort(ks_space_t *sp)
{
    longjmp(sp->jump, KS_ABORTED);
}


/*
 * First under the locks of the caller; if these shards cannot make the room
 * that is missing, under all of them, where nobody can take it away again.
 */

int
ks_transact(ks_space_t *sp, uint64_t shards, ks_body_pt body, void *data)
{
    int       rc;
    unsigned  attempt;
    uint32_t  pages;
    uint64_t  dirty;

    if (sp->depth) {
        sp->depth++;
        body(sp, data);
        sp->depth--;
        return KS_OK;
    }

    if (sp->mem.locked != shards || shards == 0) {
        ks_lock(&sp->mem, shards);
    }

    for (attempt = 0; /* void */ ; attempt++) {
        rc = ks_try(sp, body, data);

        if (ks_likely(rc == KS_OK)) {
            break;
        }

        if (rc == KS_WIDEN) {
            ks_lock_more(sp);
            continue;
        }

        if (rc == KS_ABORTED || attempt == KS_ROOM_ATTEMPTS || sp->exhausted) {
            ks_unlock(&sp->mem);
            return rc;
        }

        /* what it took until it failed, and ever more for what is to come */

        pages = (uint32_t) (sp->mem.need.bytes / KS_PAGE_SIZE)
                + (1u << ks_min(attempt, 20u)) - 1;

        if (ks_make_room(sp, pages)) {
            continue;
        }

        if ((sp->mem.locked & ks_all_shards(sp)) == ks_all_shards(sp)) {
            attempt = KS_ROOM_ATTEMPTS - 1;     /* once more with what is */
            continue;
        }

        sp->wanted = ks_all_shards(sp);
        ks_lock_more(sp);
        (void) ks_make_room(sp, pages);
    }

    dirty = sp->mem.dirty;
    ks_commit(&sp->mem);

    if (ks_unlikely(sp->flush)) {
        ks_flush_locked(&sp->mem);

    } else if (dirty) {
        ks_settle(sp, dirty);
    }

    if (!sp->hold || sp->mem.locked != shards) {
        ks_unlock(&sp->mem);
    }

    return KS_OK;
}


/* after the commit: a bounded part of what it has left to be freed */

static void
ks_settle(ks_space_t *sp, uint64_t dirty)
{
    ks_shard_t  *sh;

    for ( /* void */ ; dirty; dirty &= dirty - 1) {
        sh = &sp->mem.shards[__builtin_ctzll(dirty)];

        if (sh->root.dead) {
            ks_entry_reap(sp, sh, KS_REAP_PIECES);
        }

        if (sh->pending) {
            ks_slab_drain(&sp->mem, sh, KS_DRAIN_CHUNKS);
        }

        if (sh->root.dead || sh->pending) {
            sp->backlog |= 1ull << ks_shard_index(&sp->mem, sh);
        }
    }
}


/* --- background work --- */

int
ks_backlog(const ks_space_t *sp)
{
    return sp->backlog != 0;
}


size_t
ks_reclaim(ks_space_t *sp, size_t max)
{
    size_t       n, step;
    unsigned     i;
    ks_mem_t    *m;
    ks_shard_t  *sh;

    m = &sp->mem;
    n = 0;

    while (n < max && sp->backlog) {
        i = (unsigned) __builtin_ctzll(sp->backlog);
        sh = &m->shards[i];

        /* a short hold each time: others may be waiting */

        ks_lock(m, 1ull << i);
        step = ks_slab_drain(m, sh, KS_DRAIN_CHUNKS);

        if (step == 0) {
            step = ks_entry_reap(sp, sh, KS_DRAIN_CHUNKS);
        }

        if (step == 0) {
            sp->backlog &= ~(1ull << i);
        }

        ks_unlock(m);
        n += step;
    }

    return n;
}


uint64_t
ks_expire_next(ks_space_t *sp)
{
    unsigned  i;
    uint64_t  due;

    sp->due = UINT64_MAX;

    for (i = 0; i < sp->mem.zone->nshards; i++) {
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

    for (i = 0; i < m->zone->nshards && max; i++) {
        sh = &m->shards[i];

        if (ks_wheel_due(sh) > sp->now) {
            continue;
        }

        ks_lock(m, 1ull << i);
        n += ks_wheel_turn(sp, sh, &max);
        ks_settle(sp, 1ull << i);
        ks_unlock(m);
    }

    return n;
}


/* --- entries --- */

ks_entry_t *
ks_lookup(ks_space_t *sp, const ks_str_t *key, unsigned flags)
{
    uint64_t     at;
    ks_place_t   place;
    ks_entry_t  *e;

    place = ks_place(sp, key);
    e = ks_table_find(sp, &place, key);

    if (e) {
        at = ks_entry_expire(e);

        if (at && sp->now > at) {
            ks_remove(sp, key, e);
            place.shard->expired++;
            e = NULL;

        } else if (e->flags & KS_ENTRY_FIELDS) {
            e = ks_value_purge(sp, key, e);
        }
    }

    if (e && flags != KS_LOOKUP_PEEK && !sp->no_touch) {
        ks_entry_touch(sp, e);
    }

    if (flags == KS_LOOKUP_READ) {

        if (e) {
            place.shard->hits++;

        } else {
            place.shard->misses++;
        }
    }

    return e;
}


void
ks_remove_at(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e)
{
    ks_table_remove(sp, at, e);

    if (e->flags & KS_ENTRY_TTL) {
        ks_wheel_unlink(sp, at->shard, e);
    }

    ks_entry_bury(sp, at->shard, e);
}


void
ks_remove(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e)
{
    ks_place_t  at;

    at = ks_place(sp, key);
    ks_remove_at(sp, &at, e);
}


void
ks_drop(ks_space_t *sp, ks_entry_t *e)
{
    ks_place_t  at;

    at.hash = ks_entry_hash(sp, e);
    at.shard = ks_hash_shard(sp, at.hash);
    ks_remove_at(sp, &at, e);
}


/*
 * A new entry with the string of e, in the place of old or of none.  blob is
 * what becomes its value; without one the value is inside e, and is copied
 * (into a blob if a longer key leaves no room for it).
 */

static ks_entry_t *
ks_give_value(ks_space_t *sp, const ks_place_t *at, ks_entry_t *old,
    ks_form_t *form, const ks_entry_t *e, const ks_blob_t *blob)
{
    uint32_t     access;
    ks_blob_t    b;
    ks_entry_t  *fresh;

    access = e->access;

    form->vlen = e->vlen;
    form->type = e->type;
    form->flags = blob ? KS_ENTRY_BLOB : 0;

    if (ks_form_size(form) > KS_ENTRY_INLINE) {
        form->flags = KS_ENTRY_BLOB;
    }

    fresh = ks_entry_succeed(sp, at, old, form);
    fresh->access = access;

    if (blob) {
        ks_entry_set_blob(fresh, blob);

    } else if (form->flags & KS_ENTRY_BLOB) {
        b = ks_blob_create(&sp->mem, at->shard, ks_entry_value(e), e->vlen);
        ks_entry_set_blob(fresh, &b);

    } else {
        memcpy(ks_entry_value(fresh), ks_entry_value(e), e->vlen);
    }

    return fresh;
}


/*
 * A TTL that changes is changed in place; one that comes or goes takes
 * another chunk, and the blob changes hands.
 */

ks_entry_t *
ks_set_expire(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e, uint64_t at)
{
    ks_blob_t   b;
    ks_form_t   form;
    ks_place_t  place;

    place = ks_place(sp, key);
    ks_touched(sp, &place);

    if (at == ks_entry_expire(e)) {
        return e;
    }

    if (e->flags & KS_ENTRY_FIELDS) {
        ks_entry_set_times(sp, place.shard, e, at,
                           ks_time_of(ks_entry_fields(e)->due));
        return e;
    }

    if (at && (e->flags & KS_ENTRY_TTL)) {
        ks_wheel_reset(sp, place.shard, e, at);
        return e;
    }

    form.key = key;
    form.at = at;

    if (ks_entry_type(e) != KS_TYPE_STRING) {
        return ks_value_give(sp, place.shard, &place, e, &form, e);
    }

    if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);
        ks_entry_disown(sp, place.shard, e);
        return ks_give_value(sp, &place, e, &form, e, &b);
    }

    return ks_give_value(sp, &place, e, &form, e, NULL);
}


void
ks_rename(ks_space_t *sp, const ks_str_t *src, ks_entry_t *e,
    const ks_str_t *dst)
{
    ks_blob_t   b;
    ks_form_t   form;
    ks_place_t  from, to;

    from = ks_place(sp, src);
    to = ks_place(sp, dst);

    form.key = dst;
    form.at = ks_entry_expire(e);

    if (ks_entry_type(e) != KS_TYPE_STRING) {
        ks_value_give(sp, from.shard, &to, NULL, &form, e);

    } else if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);

        if (from.shard != to.shard) {
            b = ks_blob_move(&sp->mem, from.shard, to.shard, &b);
        }

        ks_give_value(sp, &to, NULL, &form, e, &b);
        ks_entry_disown(sp, from.shard, e);

    } else {
        ks_give_value(sp, &to, NULL, &form, e, NULL);
    }

    ks_remove_at(sp, &from, e);
}


void
ks_copy(ks_space_t *sp, ks_entry_t *e, const ks_str_t *dst)
{
    uint32_t    access;
    ks_blob_t   b;
    ks_form_t   form;
    ks_place_t  to;

    to = ks_place(sp, dst);

    form.key = dst;
    form.at = ks_entry_expire(e);

    if (ks_entry_type(e) != KS_TYPE_STRING) {
        access = e->access;
        e = ks_value_copy(sp, NULL, &to, NULL, &form, e);
        e->access = access;
        return;
    }

    if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);
        b = ks_blob_copy(&sp->mem, to.shard, &b);
        ks_give_value(sp, &to, NULL, &form, e, &b);
        return;
    }

    ks_give_value(sp, &to, NULL, &form, e, NULL);
}


/* --- the whole --- */

uint64_t
ks_dbsize(ks_space_t *sp)
{
    unsigned  i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        n += sp->mem.shards[i].root.nkeys;
    }

    return n;
}
