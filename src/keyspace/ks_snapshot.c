/*
 * Making a snapshot, and what all processes may know of it.
 *
 * The walk looks at a bucket under its shard's lock and writes all that is in
 * it, into memory of the caller.  A large value is copied in steps: nobody
 * changes it before it is marked (ks_before.c), so that the lock may go
 * between them; it is "pinned" then, so that it does not even expire.
 */

#include <stdlib.h>

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_primary.h"
#include "keyspace/ks_snapshot.h"
#include "memory/ks_process.h"


#define KS_RDB_FUNCTION   245           /* the text of a library */

#define KS_STEP_PATIENCE  2             /* for a shard's lock, ms */

/*
 * What is done under one hold of a lock: so little that who wants it meanwhile
 * gets it while it is still tried (KS_SPINS in memory/ks_lock.c).
 */
#define KS_STEP_BYTES     4096          /* written, about */
#define KS_STEP_BUCKETS   16            /* looked at */
#define KS_CLEAR_BUCKETS  64            /* cleared */
#define KS_LARGE_BYTES    (16u * 1024)  /* of a large value */


static const char  *ks_snapshot_reasons[] = {
    "it was given up",
    "all keys were deleted",
    "changes came faster than they could be written",
    "a large value, or many at once, were changed and could not wait",
    "only large values were left to be evicted",
    "the process that makes it did not go on"
};


static inline ks_save_t *
ks_snapshot_save(const ks_space_t *sp)
{
    return &sp->mem.zone->save;
}


/* --- whose they are --- */

int
ks_snapshot_claim(ks_space_t *sp, int asked, int *cut)
{
    ks_mem_t   *m;
    ks_save_t  *save;

    m = &sp->mem;
    save = ks_snapshot_save(sp);
    *cut = 0;

    ks_lock(m, ks_library_shard(sp));

    if (save->birth != 0 && save->row != m->process
        && ks_process_lives(m, save->row, save->birth))
    {
        ks_unlock(m);
        return KS_AGAIN;
    }

    *cut = (save->begun != 0);
    save->own = !asked;
    save->row = m->process;
    save->birth = ks_process_birth(m);

    /* what nobody goes on with is none: changes need not be told any more */

    __atomic_store_n(&save->cursor, KS_SAVE_NONE, __ATOMIC_RELEASE);
    ks_unlock(m);

    return KS_OK;
}


void
ks_snapshot_beat(ks_space_t *sp)
{
    __atomic_store_n(&ks_snapshot_save(sp)->beat, ks_clock(),
                     __ATOMIC_RELAXED);
}


/* --- marks --- */

static void
ks_snapshot_mark(ks_entry_t *e, int saved)
{
    uint8_t  flags;

    flags = (uint8_t) (e->flags & ~KS_ENTRY_SAVED);
    flags = (uint8_t) (saved ? flags | KS_ENTRY_SAVED : flags);

    if (e->flags != flags) {
        __atomic_store_n(&e->flags, flags, __ATOMIC_RELAXED);
    }
}


/* the next entry of a bucket, from slot i on, or of one behind it; or NULL */

static ks_entry_t *
ks_snapshot_slot(const ks_space_t *sp, const ks_bucket_t **b, unsigned *i)
{
    ks_ref_t  ref;

    for ( ;; ) {

        for ( /* void */ ; *i < KS_BUCKET_SLOTS; ++*i) {
            ref = (*b)->ref[*i];

            if (ref != 0) {
                ++*i;
                return ks_ptr(&sp->mem, ref);
            }
        }

        if ((*b)->more == 0) {
            return NULL;
        }

        *b = ks_ptr(&sp->mem, (*b)->more);
        *i = 0;
    }
}


static void
ks_snapshot_clear_bucket(ks_space_t *sp, const ks_bucket_t *b)
{
    unsigned     i;
    ks_entry_t  *e;

    i = 0;

    while ((e = ks_snapshot_slot(sp, &b, &i)) != NULL) {
        ks_snapshot_mark(e, 0);
    }
}


int
ks_snapshot_clear(ks_space_t *sp, uint64_t *at)
{
    uint32_t    i, n, nb;
    uint64_t    shard;
    ks_mem_t   *m;
    ks_shard_t *sh;

    m = &sp->mem;
    nb = m->zone->nbuckets;
    shard = *at / nb;

    if (!ks_snapshot_save(sp)->marked || shard >= m->zone->nshards) {
        ks_snapshot_save(sp)->marked = 0;
        return KS_NONE;
    }

    if (ks_lock_within(m, 1ull << shard, KS_STEP_PATIENCE) != KS_OK) {
        return KS_AGAIN;
    }

    sh = &m->shards[shard];
    i = ks_table_next(sp, sh, (uint32_t) (*at % nb));

    for (n = 0; i < nb && n < KS_CLEAR_BUCKETS; n++) {
        ks_snapshot_clear_bucket(sp, ks_table_bucket(sp, sh, i));
        i = ks_table_next(sp, sh, i + 1);
    }

    *at = shard * nb + i;
    ks_unlock(m);

    return KS_OK;
}


/* --- the beginning --- */

static void
ks_snapshot_count(ks_snapshot_t *s)
{
    ks_zone_stats_t  st;

    ks_zone_stats(s->space->mem.zone, &st);
    s->keys = st.keys;
    s->expires = st.expires;
}


int
ks_snapshot_begin(ks_snapshot_t *s, unsigned patience)
{
    unsigned    i;
    ks_mem_t   *m;
    ks_save_t  *save;

    m = &s->space->mem;
    save = ks_snapshot_save(s->space);

    if (s->key.data == NULL) {
        s->key.data = malloc(KS_KEY_MAX);

        if (s->key.data == NULL) {
            return KS_NOMEM;
        }
    }

    if (ks_lock_within(m, (1ull << ks_zone_locks(m->zone)) - 1, patience)
        != KS_OK)
    {
        return KS_AGAIN;
    }

    ks_snapshot_count(s);
    s->at = ks_journal_ends(m, &s->stream);

    s->number = ++save->number;
    save->broken = KS_BROKEN_NOT;
    save->times = (uint32_t) s->times;
    save->functions = 0;
    save->pinned = 0;
    save->marked = 1;

    for (i = 0; i < KS_SAVE_ASKED; i++) {
        save->asked[i] = 0;
    }

    __atomic_store_n(&save->cursor, 0, __ATOMIC_RELEASE);
    ks_unlock(m);

    return KS_OK;
}


/* --- functions --- */

/* a part of a text, or of nothing: then all are saved */

typedef struct {
    ks_snapshot_t  *snapshot;
    u_char         *p;
    u_char         *end;
} ks_snapshot_text_t;


static void
ks_snapshot_text(ks_space_t *sp, void *data)
{
    ks_snapshot_text_t *to = data;

    size_t          n;
    ks_volume_t     vol;
    ks_snapshot_t  *s;

    s = to->snapshot;

    if (ks_library_at(sp, KS_LIBRARY_FUNCTIONS, s->function, &vol) != KS_OK) {
        __atomic_store_n(&ks_snapshot_save(sp)->functions, 1,
                         __ATOMIC_RELEASE);
        return;
    }

    if (s->written == 0) {
        *to->p++ = KS_RDB_FUNCTION;
        to->p = ks_rdb_put_length(to->p, vol.text.len);
    }

    n = ks_min((size_t) (to->end - to->p), vol.text.len - s->written);
    memcpy(to->p, vol.text.data + s->written, n);
    to->p += n;
    s->written += n;

    if (s->written == vol.text.len) {
        s->written = 0;
        s->function++;
    }
}


static int
ks_snapshot_functions(ks_snapshot_t *s, u_char **p, u_char *end)
{
    int                 rc;
    ks_call_t           call;
    ks_snapshot_text_t  to;

    to.snapshot = s;
    to.p = *p;
    to.end = end;

    memset(&call, 0, sizeof(ks_call_t));
    call.now = ks_space_now(s->space);
    call.shards = ks_library_shard(s->space);
    call.patience = KS_STEP_PATIENCE;
    call.body = ks_snapshot_text;
    call.data = &to;

    rc = ks_run(s->space, &call);

    if (rc == KS_OK) {
        *p = to.p;
    }

    return rc;
}


/* --- the walk --- */

/* KS_ERR: it is broken */

static int
ks_snapshot_pass(ks_snapshot_t *s, uint64_t next)
{
    uint64_t  cursor;

    cursor = s->next;

    if (!__atomic_compare_exchange_n(&ks_snapshot_save(s->space)->cursor,
                                     &cursor, next, 0, __ATOMIC_RELEASE,
                                     __ATOMIC_RELAXED))
    {
        return KS_ERR;
    }

    s->next = next;

    return KS_OK;
}


/* The value of this entry is written in steps from now on. */

static void
ks_snapshot_pin(ks_snapshot_t *s, const ks_entry_t *e)
{
    ks_str_t     key;
    ks_blob_t    b;
    ks_space_t  *sp;

    sp = s->space;
    s->key.len = e->klen;

    if (e->flags & KS_ENTRY_BIGKEY) {
        b = ks_entry_keyblob(e);
        ks_blob_read(&sp->mem, &b, 0, s->key.data, e->klen);

    } else {
        key = ks_entry_key(sp, e);
        memcpy(s->key.data, key.data, key.len);
    }

    s->hash = ks_entry_hash(sp, e);
    s->large = 1;
    memset(&s->steps, 0, sizeof(ks_image_steps_t));
    s->steps.times = (s->times != 0);
    __atomic_store_n(&ks_snapshot_save(sp)->pinned, s->hash,
                     __ATOMIC_RELAXED);
}


/* One that is asked about twice counts twice: it is for the log. */

int
ks_snapshot_leaves(ks_snapshot_t *s, unsigned type)
{
    if (s->leaves & KS_LEAVES_KEYS) {
        return 1;
    }

    if ((s->leaves & KS_LEAVES_DOCUMENTS) && type == KS_TYPE_JSON) {
        s->left++;
        return 1;
    }

    return 0;
}


/*
 * All that is in a bucket.  KS_OK: its entries need no marks any more.
 * KS_AGAIN: some are yet to come, and those that were written are marked.
 */

static int
ks_snapshot_bucket(ks_snapshot_t *s, const ks_bucket_t *first, u_char **p,
    u_char *end)
{
    unsigned            i, n, k;
    ks_space_t         *sp;
    ks_entry_t         *e;
    const ks_bucket_t  *b;

    sp = s->space;
    b = first;
    n = 0;
    i = 0;

    while ((e = ks_snapshot_slot(sp, &b, &i)) != NULL) {
        n++;

        if ((e->flags & KS_ENTRY_SAVED) || ks_saved_over(sp, e)) {
            continue;
        }

        if (s->leaves && ks_snapshot_leaves(s, ks_entry_type(e))) {
            continue;
        }

        if (ks_image_large(sp, e)) {
            ks_snapshot_pin(s, e);
            break;
        }

        if ((size_t) (end - *p) < ks_image_size(sp, e)) {
            break;
        }

        s->timed += (uint64_t) ks_image_timed(e);
        *p = ks_image_put(sp, e, s->times, *p);
    }

    if (e == NULL) {
        ks_snapshot_clear_bucket(sp, first);
        return KS_OK;
    }

    /* those before the one that it ends at */

    b = first;
    i = 0;

    for (k = 1; k < n; k++) {
        ks_snapshot_mark(ks_snapshot_slot(sp, &b, &i), 1);
    }

    return KS_AGAIN;
}


static void
ks_snapshot_prefetch(const ks_space_t *sp, const ks_bucket_t *b)
{
    unsigned  i;

    for (i = 0; i < KS_BUCKET_SLOTS; i++) {
        __builtin_prefetch(ks_ptr(&sp->mem, b->ref[i]));
    }
}


/* buckets of a shard, from number i on, under its lock; and the cursor */

static int
ks_snapshot_shard(ks_snapshot_t *s, ks_shard_t *sh, uint32_t i, u_char **p,
    u_char *end)
{
    u_char      *most;
    uint32_t     n, next, nb;
    ks_space_t  *sp;

    sp = s->space;
    nb = sp->mem.zone->nbuckets;
    most = *p + KS_STEP_BYTES;
    i = sh->root.nkeys ? ks_table_next(sp, sh, i) : nb;

    if (i < nb) {
        ks_snapshot_prefetch(sp, ks_table_bucket(sp, sh, i));
    }

    for (n = 0; i < nb && n < KS_STEP_BUCKETS && *p < most; n++) {
        next = ks_table_next(sp, sh, i + 1);

        if (next < nb) {
            ks_snapshot_prefetch(sp, ks_table_bucket(sp, sh, next));
        }

        if (ks_snapshot_bucket(s, ks_table_bucket(sp, sh, i), p, end)
            != KS_OK)
        {
            break;
        }

        i = next;
    }

    return ks_snapshot_pass(s, (uint64_t) ks_shard_index(&sp->mem, sh) * nb
                               + i);
}


static int
ks_snapshot_walk(ks_snapshot_t *s, u_char **p, u_char *end)
{
    int        rc;
    uint32_t   nb;
    uint64_t   shard;
    ks_mem_t  *m;

    m = &s->space->mem;
    nb = m->zone->nbuckets;
    shard = s->next / nb;

    if (shard >= m->zone->nshards) {
        return KS_NONE;
    }

    if (ks_lock_within(m, 1ull << shard, KS_STEP_PATIENCE) != KS_OK) {
        return KS_AGAIN;
    }

    rc = ks_snapshot_shard(s, &m->shards[shard], (uint32_t) (s->next % nb), p,
                           end);
    ks_unlock(m);

    return rc;
}


/* --- large values --- */

/* the value that others wait for, if it is there and large */

static void
ks_snapshot_find(ks_snapshot_t *s, uint64_t hash)
{
    unsigned            i;
    ks_place_t          at;
    ks_space_t         *sp;
    ks_entry_t         *e;
    const ks_bucket_t  *b;

    sp = s->space;
    at.hash = hash;
    at.shard = ks_hash_shard(sp, hash);
    b = ks_table_bucket(sp, at.shard, (uint32_t) (ks_table_number(sp, &at)
                                              % sp->mem.zone->nbuckets));
    i = 0;

    while ((e = ks_snapshot_slot(sp, &b, &i)) != NULL) {

        if (ks_unsaved(sp, &at, e) && ks_entry_hash(sp, e) == hash
            && !ks_saved_over(sp, e) && ks_image_large(sp, e))
        {
            ks_snapshot_pin(s, e);
            return;
        }
    }
}


/* KS_AGAIN: a shard is busy */

static int
ks_snapshot_asked(ks_snapshot_t *s)
{
    unsigned     i;
    uint64_t     hash;
    ks_mem_t    *m;
    ks_save_t   *save;

    m = &s->space->mem;
    save = ks_snapshot_save(s->space);

    for (i = 0; i < KS_SAVE_ASKED && !s->large; i++) {
        hash = __atomic_load_n(&save->asked[i], __ATOMIC_RELAXED);

        if (hash == 0) {
            continue;
        }

        if (ks_lock_within(m, 1ull << ks_shard_index(m,
                                          ks_hash_shard(s->space, hash)),
                           KS_STEP_PATIENCE)
            != KS_OK)
        {
            return KS_AGAIN;
        }

        ks_snapshot_find(s, hash);
        ks_unlock(m);
        __atomic_store_n(&save->asked[i], 0, __ATOMIC_RELAXED);
    }

    return KS_OK;
}


/* under the lock; KS_ERR: it has changed, so that all of it is broken */

static int
ks_snapshot_large_step(ks_snapshot_t *s, const ks_place_t *at, u_char **p,
    u_char *end)
{
    int          done;
    u_char      *to;
    ks_entry_t  *e;

    e = ks_table_find(s->space, at, &s->key);

    if (e == NULL || !ks_unsaved(s->space, at, e)) {
        ks_saved_break(s->space, KS_BROKEN_LARGE);
        return KS_ERR;
    }

    to = ks_image_step(s->space, e, &s->steps, *p, end, &done);

    if (to == NULL) {
        return KS_NOMEM;
    }

    *p = to;

    if (done) {
        s->timed += (done == KS_IMAGE_DONE) ? (uint64_t) ks_image_timed(e) : 0;
        s->large = 0;
        ks_snapshot_mark(e, 1);
        ks_image_end(&s->steps);
        __atomic_store_n(&ks_snapshot_save(s->space)->pinned, 0,
                         __ATOMIC_RELAXED);
    }

    return KS_OK;
}


static int
ks_snapshot_large(ks_snapshot_t *s, u_char **p, u_char *end)
{
    int         rc;
    ks_mem_t   *m;
    ks_place_t  at;

    m = &s->space->mem;
    at.hash = s->hash;
    at.shard = ks_hash_shard(s->space, s->hash);

    if (ks_lock_within(m, 1ull << ks_shard_index(m, at.shard),
                       KS_STEP_PATIENCE)
        != KS_OK)
    {
        return KS_AGAIN;
    }

    end = ks_min(end, *p + KS_LARGE_BYTES);
    rc = ks_snapshot_large_step(s, &at, p, end);
    ks_unlock(m);

    return rc;
}


int
ks_snapshot_step(ks_snapshot_t *s, u_char **p, u_char *end)
{
    int         rc;
    ks_save_t  *save;

    save = ks_snapshot_save(s->space);

    if (__atomic_load_n(&save->cursor, __ATOMIC_RELAXED) == KS_SAVE_NONE) {
        return KS_ERR;
    }

    if (!save->functions) {
        return ks_snapshot_functions(s, p, end);
    }

    if (!s->large) {
        rc = ks_snapshot_asked(s);

        if (rc != KS_OK) {
            return rc;
        }
    }

    return s->large ? ks_snapshot_large(s, p, end)
                    : ks_snapshot_walk(s, p, end);
}


/* --- the end --- */

/* Each bucket was passed, and its marks with it. */

int
ks_snapshot_complete(ks_snapshot_t *s)
{
    if (ks_snapshot_pass(s, KS_SAVE_NONE) != KS_OK) {
        return KS_ERR;
    }

    ks_snapshot_save(s->space)->marked = 0;

    return KS_OK;
}


const char *
ks_snapshot_broken(ks_space_t *sp)
{
    uint32_t  why;

    why = ks_snapshot_save(sp)->broken;

    return ks_snapshot_reasons[why < ks_nelts(ks_snapshot_reasons) ? why : 0];
}


void
ks_snapshot_give_up(ks_space_t *sp, int overtaken)
{
    ks_saved_break(sp, overtaken ? KS_BROKEN_OVERTAKEN : KS_BROKEN_NOT);
}


void
ks_snapshot_end(ks_snapshot_t *s)
{
    ks_image_end(&s->steps);
    free(s->key.data);
    memset(s, 0, sizeof(ks_snapshot_t));
}


unsigned
ks_snapshot_begun(ks_space_t *sp, uint64_t now)
{
    ks_save_t  *save;

    save = ks_snapshot_save(sp);

    if (save->begun == 0) {
        save->tries = 0;
        __atomic_store_n(&save->begun, now, __ATOMIC_RELAXED);
    }

    return ++save->tries;
}


void
ks_snapshot_ended(ks_space_t *sp, uint64_t number, int good, uint64_t now,
    uint64_t changes)
{
    ks_save_t  *save;

    save = ks_snapshot_save(sp);

    save->failed = !good;
    save->took = now - ks_min(now, save->begun);

    if (good) {
        save->last = now;
        save->changes = changes;
        ks_count(sp->mem.zone, KS_COUNT_SAVES);
    }

    __atomic_store_n(&save->begun, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&save->served, number, __ATOMIC_RELEASE);
}


uint64_t
ks_snapshot_wanted(const ks_space_t *sp)
{
    return __atomic_load_n(&ks_snapshot_save(sp)->wanted, __ATOMIC_RELAXED);
}


uint64_t
ks_snapshot_served(const ks_space_t *sp)
{
    return __atomic_load_n(&ks_snapshot_save(sp)->served, __ATOMIC_ACQUIRE);
}


void
ks_snapshot_barrier(ks_space_t *sp)
{
    ks_journal_barrier(&sp->mem);
}


int
ks_snapshot_hurry(const ks_snapshot_t *s)
{
    unsigned         i;
    const ks_mem_t  *m;

    m = &s->space->mem;

    for (i = 0; i < KS_SAVE_ASKED; i++) {
        if (__atomic_load_n(&m->zone->save.asked[i], __ATOMIC_RELAXED) != 0) {
            return 1;
        }
    }

    return ks_journal_lag(m, 1ull << m->process) > m->zone->journal.size / 8;
}


/* --- what all may know, and ask --- */

static int
ks_snapshot_able(ks_space_t *sp)
{
    ks_save_t  *save;

    save = ks_snapshot_save(sp);

    return save->birth != 0 && !save->own
           && ks_process_lives(&sp->mem, save->row, save->birth);
}


static void
ks_snapshot_tell(ks_space_t *sp, void *data)
{
    (void) data;

    ks_tell(sp, KS_TOLD_SAVES, 1ull << ks_snapshot_save(sp)->row, 0, NULL);
}


uint64_t
ks_snapshot_ask(ks_space_t *sp)
{
    uint64_t   number;
    ks_call_t  call;

    if (!ks_snapshot_able(sp)) {
        return 0;
    }

    number = __atomic_add_fetch(&ks_snapshot_save(sp)->wanted, 1,
                                __ATOMIC_RELAXED);

    if (sp->depth != 0) {
        ks_snapshot_tell(sp, NULL);
        return number;
    }

    memset(&call, 0, sizeof(ks_call_t));
    call.body = ks_snapshot_tell;
    (void) ks_run(sp, &call);

    return number;
}


void
ks_snapshot_state(ks_space_t *sp, ks_snapshot_state_t *st)
{
    const ks_save_t  *save;

    save = ks_snapshot_save(sp);

    memset(st, 0, sizeof(ks_snapshot_state_t));
    st->able = (ks_snapshot_able(sp) != 0);
    st->served = __atomic_load_n(&save->served, __ATOMIC_ACQUIRE);
    st->begun = __atomic_load_n(&save->begun, __ATOMIC_RELAXED);
    st->busy = st->begun != 0
               || __atomic_load_n(&save->wanted, __ATOMIC_RELAXED)
                  > st->served;
    st->failed = (save->failed != 0);
    st->last = save->last;
    st->took = save->took;
    st->changes = ks_changes(sp->mem.zone) - save->changes;
}
