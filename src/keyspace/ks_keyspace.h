/*
 * What the files of src/keyspace share: the handle, the entry, the table, the
 * expiry wheel.  The layers above see ks_space.h only.
 *
 * All functions here are called with the shard locked and, where they store,
 * inside a transaction.
 */

#ifndef KS_KEYSPACE_H
#define KS_KEYSPACE_H

#include "keyspace/ks_space.h"
#include "types/ks_blob.h"
#include "types/ks_hash.h"
#include "types/ks_siphash.h"
#include "types/ks_type.h"


/*
 * An entry is one chunk: header, TTL, key, value.  A key or a string that is
 * too long for that is a blob, of which the entry holds the root.
 *
 * A value made of elements begins at a multiple of 4.  If it is small it is
 * the one leaf of its one tree, with all the room up to the end of the chunk;
 * else the roots of its trees.  A hash whose fields may expire is always of
 * the latter kind, and has a ks_fields_t behind its roots; its TTL is when the
 * wheel has to look at it, be it for the key or for a field.  A stream is of
 * that kind, too, and has a ks_stream_head_t there.
 *
 * How a value is stored is said by the flags, whatever its type: as a blob, as
 * trees, as a leaf, or, with none of these, as bytes.
 */

#define KS_ENTRY_TTL      0x01
#define KS_ENTRY_BIGKEY   0x02          /* the key is a ks_ref_t */
#define KS_ENTRY_BLOB     0x04          /* the value is a ks_tail_t */
#define KS_ENTRY_TREE     0x08          /* the value is a ks_root_t a tree */
#define KS_ENTRY_FIELDS   0x10          /* and a ks_fields_t; has a TTL */
#define KS_ENTRY_GIVEN    0x20          /* dead; its value has a new owner */
#define KS_ENTRY_LEAF     0x40          /* the value is a ks_leaf_t */
#define KS_ENTRY_SAVED    0x80          /* not to be saved any more; see
                                           ks_saved.c */

/* the value is made of elements */
#define KS_ENTRY_ELEMENTS  (KS_ENTRY_TREE | KS_ENTRY_LEAF)

#define KS_ENTRY_INLINE   816           /* the largest chunk of an entry */
#define KS_ENTRY_KEYLEN   512           /* the longest key inside one */

struct ks_entry_s {
    uint32_t        access;     /* hint: LRU clock or LFU; if dead, a link */
    uint32_t        vlen;       /* bytes of the value */
    uint16_t        klen;
    uint8_t         type;       /* type, and encoding << 4 */
    uint8_t         flags;
    u_char          data[];
};

#define KS_ENTRY_HEADER   offsetof(ks_entry_t, data)

typedef struct {
    ks_ref_t        next;
    ks_ref_t        prev;       /* or a slot of the wheel, a lower number */
    uint32_t        at[2];      /* ms since the epoch, low word first */
} ks_ttl_t;

typedef struct {
    ks_ref_t        root;
    uint32_t        left;       /* pieces not yet freed, once it is dead */
} ks_tail_t;

typedef struct {
    uint32_t        expire[2];  /* of the key, ms, low word first; 0: never */
    uint32_t        due[2];     /* of the first field */
} ks_fields_t;

/* the time in the wheel of what is not due before something changes */
#define KS_WHEEL_REST     (UINT64_MAX - 1)

/* keys hashed lately: to look ahead, lock and look up takes one hash */

#define KS_HASH_CACHED    16            /* a power of two */
#define KS_HASH_BYTES     80            /* the longest key that is kept */

typedef struct {
    uint64_t        hash;
    size_t          len;
    u_char          key[KS_HASH_BYTES];
} ks_hashed_t;

/* keys looked up in a transaction, for which a handle has room at once */
#define KS_SEEN_ROOM      64

typedef struct ks_arena_s  ks_arena_t;

/* what becomes of a key */
typedef enum {
    KS_CHANGE_CAME = 0,         /* there was none of that name */
    KS_CHANGE_VALUE,
    KS_CHANGE_TTL,
    KS_CHANGE_DELETED,          /* or renamed, or moved out of */
    KS_CHANGE_EXPIRED,
    KS_CHANGE_EVICTED,
    KS_CHANGE_FLUSHED
} ks_change_t;

/* what the running transaction tells; see ks_change.c */
typedef struct {
    unsigned        own:1;      /* the handler has said its effect */
    unsigned        lost:1;     /* there is more than can be told */
    uint32_t        effects;
    uint32_t        commands;   /* effects, and others for replicas */
    size_t          stream;     /* bytes of these */
    uint32_t        kinds;      /* of the records */
    uint64_t        readers;    /* whom records name */
    uint32_t        notify;     /* KS_NOTIFY_*, of this transaction */
    uint64_t        changes;    /* of the handle, when it was begun */
    u_char         *frame;      /* malloc()ed, grows, and stays */
    size_t          len;        /* bytes of it that are in use */
    size_t          room;
    size_t          record;     /* where the one begins that is open */
} ks_telling_t;

/* keys that it has changed and that somebody waits for; see ks_wait.c */
typedef struct {
    ks_place_t     *keys;       /* malloc()ed, grows, and stays */
    uint32_t        n;
    uint32_t        room;
    uint32_t        next;       /* the first that is not yet served */
    uint32_t        spared;     /* UINT32_MAX - how many may be served */
} ks_ready_t;

struct ks_space_s {
    ks_told_t       told;       /* these two first, see ks_handle.h */
    ks_mem_t        mem;
    uint64_t        now;        /* ms since the epoch */
    uint64_t        past;       /* what expires by then has: now, or 0 */
    uint64_t        expires;    /* all bits; or 0, while nothing expires */
    uint64_t        due;
    uint64_t        rng;
    ks_counter_t   *counter;    /* in the zone */
    unsigned        depth;      /* of transactions */
    uint64_t        tries;      /* how many have been begun */
    uint64_t        noted;      /* see ks_committed(); 0 once it is so */
    unsigned        flush:1;    /* to be done at commit */
    unsigned        exhausted:1;        /* the process has no memory */
    unsigned        last_try:1; /* no more room can be made */
    unsigned        barred:1;   /* see ks_bar() */
    unsigned        arena_taken:1;
    unsigned        binds:1;    /* see ks_run_bound(); its transaction goes */
    ks_space_t     *first;      /* with that of this handle */
    unsigned        alone:1;    /* inside of ks_run_alone(), */
    jmp_buf         outer;      /* which this leaves */
    uint64_t        backlog;    /* shards where something waits to be freed */
    jmp_buf         jump;
    uint64_t        wanted;     /* shards that the body has asked for */
    void           *slot;       /* the scripts' */
    void           *users;      /* the commands' */
    ks_hub_t       *hub;        /* see bus/ks_hub.h; NULL: has none */
    ks_waiters_t   *waiters;    /* see bus/ks_waiters.h; NULL: has none */
    ks_migrates_t  *migrates;   /* NULL: no keys may go elsewhere */
    const ks_role_host_t *role; /* see ks_role.h; NULL: nobody is told */
    ks_stats_t     *stats;      /* NULL: nothing is counted */
    ks_prefix_count_t *prefixes; /* whose hits and misses are counted */
    unsigned        nprefixes;

    uint64_t        changes;    /* of keys and scripts, ever */
    uint64_t        counted;    /* of these, before the running body */
    uint64_t        tracks;     /* see ks_track_serial() */
    uint64_t        author;     /* see ks_set_author() */
    ks_telling_t    tell;
    ks_ready_t      ready;

    unsigned        reads:1;    /* the command that runs changes no key */
    uint64_t        crowded;    /* since when the journal is full of images, */
    uint64_t        crowding;   /* and when that was last so, ms */
    uint64_t        orphan;     /* since when no helper writes, ms */

    ks_call_t      *call;       /* the running one, or idle */
    ks_call_t       idle;       /* never run, all zero */

    ks_arena_t     *arena;
    ks_arena_t     *arena_large;

    ks_hashed_t     hashed[KS_HASH_CACHED];

    uint64_t        swept;      /* when it was last seen to all shards, ms */

    uint64_t       *seen;       /* see ks_seen.c */
    uint32_t        nseen;
    uint32_t        seen_room;
    uint64_t        seen_few[KS_SEEN_ROOM];
};


static inline void
ks_set_now(ks_space_t *sp, uint64_t now)
{
    sp->now = now;
    sp->past = now & sp->expires;
}


static inline uint64_t
ks_time_of(const uint32_t *words)
{
    return (uint64_t) words[1] << 32 | words[0];
}


static inline void
ks_time_to(uint32_t *words, uint64_t at)
{
    words[0] = (uint32_t) at;
    words[1] = (uint32_t) (at >> 32);
}


/* when the wheel has to look at a hash that has such times */

static inline uint64_t
ks_either_due(uint64_t at, uint64_t due)
{
    if (at == 0 && due == 0) {
        return KS_WHEEL_REST;
    }

    return (at == 0 || (due && due < at)) ? due : at;
}


/* --- ks_handle.c --- */

/* A random number from 0 to below - 1; below is 1 or more.  Not for secrets. */
uint32_t ks_rand(ks_space_t *sp, uint32_t below);

static inline ks_shard_t *
ks_hash_shard(const ks_space_t *sp, uint64_t hash)
{
    return &sp->mem.shards[((hash >> KS_HASH_SHARD) & sp->told.shards)
                           + sp->told.base];
}

/* --- ks_local.c --- */

/*
 * The hash of a key: in a zone that has local keys it says by one bit above
 * those of shards whether the key is local, and then which shard of these it is
 * in.
 */
uint64_t ks_hash_local(const ks_space_t *sp, const u_char *key, size_t len);

static inline uint64_t
ks_hash_of(const ks_space_t *sp, const u_char *key, size_t len)
{
    return ks_likely(sp->mem.zone->nlocals == 0)
           ? ks_siphash(sp->mem.zone->seed, key, len)
           : ks_hash_local(sp, key, len);
}

/* Whether a shard is one of local keys. */
static inline int
ks_shard_local(const ks_space_t *sp, const ks_shard_t *sh)
{
    unsigned  i;

    i = ks_shard_index(&sp->mem, sh);

    return i >= sp->mem.zone->nhashed && i < sp->mem.zone->nshards;
}

/* --- ks_place.c --- */

/* A place that the running call has not named. */
ks_place_t ks_place_find(ks_space_t *sp, const ks_str_t *key);

/* ks_place(), for where commands with one key pass. */
static inline ks_place_t
ks_place_now(ks_space_t *sp, const ks_str_t *key)
{
    const ks_call_t  *call;

    call = sp->call;

    if (call->key != NULL && key->data == call->key->data
        && key->len == call->key->len)
    {
        return call->at;
    }

    return ks_place_find(sp, key);
}


/* --- ks_entry.c --- */

/* what an entry is to be made of */
typedef struct {
    const ks_str_t  *key;
    uint64_t         at;        /* when the key expires; 0: never */
    uint64_t         due;       /* the first field, if it has FIELDS */
    uint32_t         vlen;
    uint8_t          type;
    uint8_t          flags;     /* BLOB, TREE, FIELDS, LEAF */
} ks_form_t;

/* The size that the form needs in one chunk, header and all; its flags. */
size_t ks_form_size(const ks_form_t *f);
unsigned ks_form_flags(const ks_form_t *f);
size_t ks_entry_size(const ks_entry_t *e);

static inline size_t
ks_entry_key_offset(const ks_entry_t *e)
{
    return (e->flags & KS_ENTRY_TTL) ? sizeof(ks_ttl_t) : 0;
}

/* where the value begins in an entry's data */
static inline size_t
ks_value_offset(unsigned flags, size_t klen)
{
    size_t  n;

    n = ((flags & KS_ENTRY_TTL) ? sizeof(ks_ttl_t) : 0)
        + ((flags & KS_ENTRY_BIGKEY) ? sizeof(ks_ref_t) : klen);

    return (flags & KS_ENTRY_ELEMENTS) ? ks_align(n, sizeof(uint32_t)) : n;
}

/* Where in the entry things are that it has; pointers as good as the entry. */
static inline u_char *
ks_entry_value(const ks_entry_t *e)
{
    return (u_char *) e->data + ks_value_offset(e->flags, e->klen);
}

ks_ttl_t *ks_entry_ttl(const ks_entry_t *e);            /* if it has one */
ks_fields_t *ks_entry_fields(const ks_entry_t *e);

/* when the wheel is to look at it, ms; it has a TTL */
static inline uint64_t
ks_entry_wheel(const ks_entry_t *e)
{
    return ks_time_of(((const ks_ttl_t *) e->data)->at);
}

/* The blobs of its value and of its key, if they are blobs. */
ks_blob_t ks_entry_blob(const ks_entry_t *e);
ks_blob_t ks_entry_keyblob(const ks_entry_t *e);
void ks_entry_set_blob(ks_entry_t *e, const ks_blob_t *b);      /* unsaved */

/* Whether a key that is a blob is this one, which is as long. */
int ks_entry_is_big(ks_space_t *sp, const ks_entry_t *e, const ks_str_t *key);

/* Whether its key is this one; and the hash of its key. */
static inline int
ks_entry_is(ks_space_t *sp, const ks_entry_t *e, const ks_str_t *key)
{
    if (e->klen != key->len) {
        return 0;
    }

    return ks_likely(!(e->flags & KS_ENTRY_BIGKEY))
           ? ks_same_bytes(e->data + ks_entry_key_offset(e), key->data,
                           key->len)
           : ks_entry_is_big(sp, e, key);
}

uint64_t ks_entry_hash(ks_space_t *sp, const ks_entry_t *e);

#define KS_CLOCK_SHIFT  4               /* the access clock ticks in 16 ms */

static inline int
ks_policy_lfu(const ks_space_t *sp)
{
    ks_policy_t  policy;

    policy = ks_zone_policy(sp->mem.zone);

    return policy == KS_ALLKEYS_LFU || policy == KS_VOLATILE_LFU;
}

/* The access clock: a hint, never saved. */
void ks_entry_born(ks_space_t *sp, ks_entry_t *e);
void ks_entry_touch_lfu(ks_space_t *sp, ks_entry_t *e);

static inline void
ks_entry_touch(ks_space_t *sp, ks_entry_t *e)
{
    if (ks_policy_lfu(sp)) {
        ks_entry_touch_lfu(sp, e);

    } else {
        e->access = (uint32_t) (sp->now >> KS_CLOCK_SHIFT);
    }
}

uint32_t ks_entry_age(ks_space_t *sp, const ks_entry_t *e);     /* 16 ms */

/* --- ks_trees.c --- */

static inline unsigned
ks_entry_trees(const ks_entry_t *e)
{
    return ks_value_trees(ks_entry_type(e), ks_entry_enc(e));
}


/* the bytes behind the roots that the type has for itself */

static inline unsigned
ks_entry_head(const ks_entry_t *e)
{
    return ks_value_stored(ks_entry_type(e), ks_entry_enc(e))->head;
}


static inline ks_root_t *
ks_entry_roots(const ks_entry_t *e)
{
    return (ks_root_t *) ks_entry_value(e);
}


/*
 * A handle on the value of an entry which is in no table, or whose key is not
 * at hand: it may be read, moved and taken apart.
 */
void ks_value_attach(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e,
    ks_value_t *v);

/* Whether other chunks belong to the value. */
int ks_value_owns(const ks_entry_t *e);

/* One step of ks_entry_reap(); 0: nothing is left. */
size_t ks_value_dismantle(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e,
    size_t max);

/* Bytes of zone that its trees have; and for the checker, marking them. */
size_t ks_value_memory(ks_space_t *sp, ks_entry_t *e);
void ks_value_check(ks_space_t *sp, ks_checker_t *ck, unsigned shard,
    ks_entry_t *e, int dead);

/* --- ks_life.c --- */

/*
 * A new entry without its value, in the table: in the place of old (NULL:
 * none) for the key, with its TTL set.  ks_entry_value() is where the value
 * (or its ks_tail_t, or its roots) goes; a ks_fields_t is set.  old is buried,
 * but its value can be read until the commit.
 */
ks_entry_t *ks_entry_succeed(ks_space_t *sp, const ks_place_t *at,
    ks_entry_t *old, const ks_form_t *form);

/* Other times for a hash whose fields may expire. */
void ks_entry_set_times(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e,
    uint64_t at, uint64_t due);

/* What the value has outside this entry has a new owner, and is not freed. */
void ks_entry_disown(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e);

/*
 * The end of an entry, for a reason (one of the last four of ks_change_t): with
 * its place at hand, and without even its key.  ks_expel() is a transaction of
 * its own, outside of any other, and tells the end: the key has expired, or is
 * evicted.
 */
void ks_remove_at(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e,
    ks_change_t why);
void ks_drop(ks_space_t *sp, ks_entry_t *e, ks_change_t why);
void ks_expel(ks_space_t *sp, ks_entry_t *e, ks_change_t why);

/* Frees an entry that is in no table nor wheel, now or in steps. */
void ks_entry_bury(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e);

/* One step of freeing a dead entry, outside transactions; 0: none is there. */
size_t ks_entry_reap(ks_space_t *sp, ks_shard_t *sh, uint32_t max);

/* --- ks_value.c --- */

/*
 * Gives the value of e, of a key that lives in from, to a new entry in the
 * place of old (e itself, or NULL: none).  e owns nothing any more.
 */
ks_entry_t *ks_value_give(ks_space_t *sp, ks_shard_t *from,
    const ks_place_t *at, ks_entry_t *old, ks_form_t *form, ks_entry_t *e);

/* The same with a copy; e is in the zone of "of", sp itself or another. */
ks_entry_t *ks_value_copy(ks_space_t *sp, ks_space_t *of,
    const ks_place_t *at, ks_entry_t *old, ks_form_t *form, ks_entry_t *e);

/* Takes the fields that are due out of a hash; NULL: none was left, and the
 * key is gone. */
ks_entry_t *ks_value_purge(ks_space_t *sp, const ks_str_t *key,
    ks_entry_t *e);

/* Up to max of them; see ks_hash_purge().  0: none that is due is left. */
int ks_value_purge_step(ks_space_t *sp, const ks_str_t *key, ks_entry_t **e,
    uint32_t max, ks_hash_purge_t *p);

/* --- ks_table.c --- */

/*
 * The entry of that key at that place, NULL: none.  An entry that is inserted
 * has no other of its key there; what is replaced or removed is there, and is
 * not freed.
 */
ks_entry_t *ks_table_find(ks_space_t *sp, const ks_place_t *at,
    const ks_str_t *key);
void ks_table_insert(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e);
void ks_table_replace(ks_space_t *sp, const ks_place_t *at, ks_entry_t *old,
    ks_entry_t *e);
void ks_table_remove(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e);

/* The number of the bucket in the zone, from 0 on: that of a scan's cursor. */
uint64_t ks_table_number(const ks_space_t *sp, const ks_place_t *at);

/* The bucket is on its way to the cache while the locks are taken. */
void ks_table_prefetch(const ks_space_t *sp, const ks_place_t *at);

/* What is likely the entry, as the bucket looks now; nothing is followed. */
void ks_table_prefetch_entry(const ks_space_t *sp, const ks_place_t *at);

/* The first of the chain of buckets of that number. */
ks_bucket_t *ks_table_bucket(const ks_space_t *sp, const ks_shard_t *sh,
    uint32_t i);

/* Whether the entry is where its hash says, with the right tag. */
int ks_table_has(ks_space_t *sp, const ks_place_t *at, const ks_entry_t *e);

/* From bucket i on the next in a group that may be in use; nbuckets: none */
uint32_t ks_table_next(const ks_space_t *sp, const ks_shard_t *sh, uint32_t i);

/* Up to max entries of a bucket and those behind it; how many. */
unsigned ks_table_collect(ks_space_t *sp, const ks_bucket_t *b,
    ks_entry_t **to, unsigned max);

/* Up to max entries of a random bucket that has any; how many. */
unsigned ks_table_sample(ks_space_t *sp, ks_shard_t *sh, ks_entry_t **to,
    unsigned max);

/* --- ks_wheel.c --- */

/* Puts an entry that has a TTL into its slot, and takes it out of it. */
void ks_wheel_link(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e);
void ks_wheel_unlink(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e);

/* Another time for an entry that is in the wheel. */
void ks_wheel_reset(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e,
    uint64_t at);

/* The entry was copied to a new chunk: its neighbours learn of it. */
void ks_wheel_moved(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e);

/* Whether an entry of that time may lie in the slot. */
int ks_wheel_fits(const ks_wheel_t *w, unsigned slot, uint64_t at);

/* The first ms to turn it in; UINT64_MAX: empty.  Without lock: a hint. */
uint64_t ks_wheel_due(const ks_shard_t *sh);

/*
 * Turns the wheel as far as the present time, outside transactions: entries
 * move on to where they belong, each at the cost of 1 of the budget.  It stops
 * at each slot that may have entries which are due; 0: at none.
 */
int ks_wheel_turn(ks_space_t *sp, ks_shard_t *sh, size_t *budget,
    unsigned *slot);

/* Up to max entries whose keys expire; soonest: those that end first. */
unsigned ks_wheel_sample(ks_space_t *sp, ks_shard_t *sh, ks_entry_t **to,
    unsigned max, int soonest);

/* --- ks_body.c --- */

#define KS_WIDEN   2            /* the body has asked for more shards */
#define KS_NARROW  7            /* or for fewer */

/*
 * Runs the body as a transaction under the locks held; KS_NOMEM: it has been
 * rolled back.  It is not committed.
 */
int ks_try(ks_space_t *sp, ks_body_pt body, void *data);

/* --- ks_reclaim.c --- */

/*
 * After a commit: frees a bounded part of what it has left to be freed in the
 * shards of the set.
 */
void ks_settle_shard(ks_space_t *sp, ks_shard_t *sh);

static inline void
ks_settle(ks_space_t *sp, uint64_t dirty)
{
    ks_shard_t  *sh;

    for ( /* void */ ; dirty; dirty &= dirty - 1) {
        sh = &sp->mem.shards[__builtin_ctzll(dirty)];

        if (ks_unlikely(sh->root.dead || sh->pending)) {
            ks_settle_shard(sp, sh);
        }
    }
}

/* --- background work --- */

#define KS_IDLE_PATIENCE  1             /* for the lock of a shard, ms */

/* --- ks_expire.c --- */

/*
 * Deletes entries that are due, and fields that are, outside transactions; of
 * how many entries.  *budget is what it may cost, one an entry that is looked
 * at or moved on, and what is left.
 */
size_t ks_expire_shard(ks_space_t *sp, ks_shard_t *sh, size_t *budget);

/* --- ks_library.c --- */

/* Marks what the library has; all shards are locked. */
void ks_library_check(ks_space_t *sp, ks_checker_t *ck);

/* --- ks_registry.c --- */

/* Marks what the registry has; all shards are locked. */
void ks_registry_check(ks_space_t *sp, ks_checker_t *ck);

/* --- ks_seen.c --- */

/*
 * ks_seen() says that the running transaction has looked a key up, by its hash;
 * ks_seen_reset() begins anew.  ks_seen_has() is for a time when no more is
 * seen, after ks_seen_sort().
 */
void ks_seen_free(ks_space_t *sp);
void ks_seen_more(ks_space_t *sp);
void ks_seen_sort(ks_space_t *sp);
int ks_seen_has(const ks_space_t *sp, uint64_t hash);

#define KS_SEEN_KEPT  65536             /* room beyond that is given back */

static inline void
ks_seen_reset(ks_space_t *sp)
{
    sp->nseen = 0;

    if (ks_unlikely(sp->seen_room > KS_SEEN_KEPT)) {
        ks_seen_free(sp);
    }
}

static inline void
ks_seen(ks_space_t *sp, uint64_t hash)
{
    if (ks_unlikely(sp->nseen == sp->seen_room)) {
        ks_seen_more(sp);
    }

    sp->seen[sp->nseen++] = hash;
}

/* --- ks_reclaim.c --- */

/*
 * Under the shard's lock, outside transactions: frees what waits to be freed
 * until there is the room that ks_room_made() tells of.  Whether there is.
 */
int ks_reclaim_shard(ks_space_t *sp, ks_shard_t *sh, uint32_t pages);

/*
 * Whether the pool has so many pages; or, if pages is 0, whether what the last
 * transaction lacked (mem.need) is there.
 */
int ks_room_made(const ks_space_t *sp, uint32_t pages);

/*
 * Notes that something waits to be freed in shards whose locks are held, for
 * this process when it is idle and for all that lack memory.
 */
void ks_leave_garbage(ks_space_t *sp, uint64_t shards);

/* --- ks_evict.c --- */

/*
 * All of these make room as ks_room_made() has it, outside transactions, and
 * say whether it is there.
 *
 * ks_free_room(), under the locks held: of what waits to be freed, has expired,
 * or is scattered.  ks_sweep_room(): the same in the shards that are not
 * locked, each under its own lock, and without those that the running call has
 * no patience for; nothing is locked then.  -1: there is nothing to be looked
 * for, and the locks held before are held.  ks_evict_room(), under the locks
 * held: of entries that the policy chooses, but none that was seen.
 */
int ks_free_room(ks_space_t *sp, uint32_t pages);
int ks_sweep_room(ks_space_t *sp, uint32_t pages);
int ks_evict_room(ks_space_t *sp, uint32_t pages);


/* --- ks_watch.c --- */

void ks_watch_changed(ks_space_t *sp, ks_shard_t *sh, uint64_t hash);

/* All keys of a shard have changed, and it is not known which. */
void ks_watch_changed_all(ks_space_t *sp, ks_shard_t *sh);

/* The time at which a key begins to be watched; whether no change is later. */
uint64_t ks_watch_begin(ks_space_t *sp, const ks_place_t *at);
int ks_watch_holds(const ks_place_t *at, uint64_t since);

/* --- ks_change.c --- */

/* The frame of a transaction: begun with it, and appended before its commit. */
void ks_frame_start(ks_space_t *sp);
void ks_frame_append(ks_space_t *sp);

/*
 * A record of that kind behind those that the transaction has told; where its
 * len bytes go.  NULL: the frame is lost.  Only if the kind is told, and not
 * between the parts of an effect.
 */
u_char *ks_frame_record(ks_space_t *sp, uint32_t kind, size_t len);

/* The same with room for so many bytes, of which those before end are kept. */
u_char *ks_frame_open(ks_space_t *sp, uint32_t kind, size_t room);
void ks_frame_close(ks_space_t *sp, u_char *end);

static inline void
ks_frame_begin(ks_space_t *sp)
{
    sp->told.kinds = ks_journal_told(&sp->mem);

    if (ks_unlikely(sp->told.kinds)) {
        ks_frame_start(sp);
        sp->ready.n = 0;
        sp->ready.next = 0;
    }
}

/* --- ks_ready.c --- */

/* Where it is counted how many wait for a key. */
static inline uint32_t *
ks_wait_cell(const ks_place_t *at)
{
    return &at->shard->waits[at->hash % KS_WAIT_CELLS];
}

/* A key has got a value: whoever waits for it is served with the commit. */
void ks_wait_changed(ks_space_t *sp, const ks_place_t *at);

/*
 * It has ended, or all keys have: so is whoever waits for that, too, but if it
 * happens outside of a body, or at once to all of them, with a later one.
 */
void ks_wait_ended(ks_space_t *sp, const ks_place_t *at);
void ks_wait_flushed(ks_space_t *sp);

/*
 * All keys may have other values: with a later one whoever waits looks again.
 */
void ks_wait_renewed(ks_space_t *sp);

/* What a record has in the place of the hash of a key. */
#define KS_WAIT_ALL_ENDED    0
#define KS_WAIT_ALL_RENEWED  1

/* Where those are noted who wait for the end of the key at a place. */
ks_place_t ks_wait_end_place(const ks_place_t *at);

/* --- ks_wait.c --- */

/* Marks the records, and says what does not fit together; all is locked. */
void ks_wait_check(ks_space_t *sp, ks_checker_t *ck);

/* --- ks_saved.c --- */

/* Why a snapshot cannot become good: the number of one of these. */
typedef enum {
    KS_BROKEN_NOT = 0,
    KS_BROKEN_FLUSHED,          /* all keys are gone */
    KS_BROKEN_OVERTAKEN,        /* what was told was overwritten */
    KS_BROKEN_LARGE,            /* somebody who cannot wait changed a large
                                   value, or too many values at once */
    KS_BROKEN_EVICTED,          /* only large values were left to be evicted */
    KS_BROKEN_STUCK             /* its process did not go on */
} ks_broken_t;

/*
 * Whether the entry, which is at that place, is not saved yet in the snapshot
 * that is being made; in a transaction only if KS_TOLD_IMAGES is told.
 */
int ks_unsaved(const ks_space_t *sp, const ks_place_t *at,
    const ks_entry_t *e);

/*
 * Whether it is the upstream that ends an entry and its fields: what is due may
 * yet live longer, as the upstream has said before, and is saved as it is.  And
 * whether an entry is not worth to be saved, as its time is over.
 */
int ks_saved_due(ks_space_t *sp, const ks_entry_t *e);
int ks_saved_over(ks_space_t *sp, const ks_entry_t *e);

/* A new entry of a running transaction is no part of the snapshot. */
void ks_saved_new(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e);

/* The snapshot that is being made, if one is, is none any more. */
void ks_saved_break(ks_space_t *sp, ks_broken_t why);

/* Whether there is a process that makes snapshots, and goes on. */
int ks_saved_lives(ks_space_t *sp);

/* That the key of that hash is to be saved soon; its process may be slow. */
void ks_saved_ask(ks_space_t *sp, uint64_t hash);

/* Whether it is being saved in steps. */
int ks_saved_pinned(const ks_space_t *sp, uint64_t hash);

/*
 * Whether the journal has room for images, or others have been waited for long
 * enough.
 */
int ks_saved_room(ks_space_t *sp);

/* What is known of snapshots must be saved first: see ks_library.c. */
void ks_saved_functions(ks_space_t *sp);

/*
 * Inside a body: leaves it for KS_AGAIN if the call can wait, and else breaks
 * the snapshot for that reason.
 */
void ks_saved_wait(ks_space_t *sp, ks_broken_t why);

/* --- ks_before.c --- */

/*
 * Inside a transaction, while KS_TOLD_IMAGES is told: the entry was looked up,
 * and may be changed from now on, or ended.  Tells its image if it is not saved
 * yet, or leaves the body as ks_saved_wait() does.
 */
void ks_before(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e);

/* The same for one that is going to be evicted, of which it is the end. */
void ks_before_evicted(ks_space_t *sp, ks_entry_t *e);

/* Whether an entry is not to be evicted nor expired for the time being. */
int ks_before_waits(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e);

/* --- ks_track.c --- */

/*
 * A key has changed, it ends with its entry, or all keys are gone: told to the
 * processes whose clients have read it.
 */
void ks_track_changed(ks_space_t *sp, const ks_place_t *at,
    const ks_str_t *key, ks_change_t change);
void ks_track_ended(ks_space_t *sp, const ks_place_t *at, const ks_entry_t *e,
    ks_change_t change);
void ks_track_flushed(ks_space_t *sp);

/* A key has got a value: told to the processes that follow it. */
void ks_follow_changed(ks_space_t *sp, const ks_place_t *at);

/* All keys may have. */
void ks_follow_renewed(ks_space_t *sp);

/* whether that is told to anybody */
static inline int
ks_tracked(const ks_space_t *sp)
{
    return (sp->told.kinds & (KS_TOLD_CHANGES|KS_TOLD_TRACKED)) != 0;
}

/* --- ks_ended.c --- */

/*
 * A hash or a set is deleted, while somebody asks for that; and all keys are.
 */
void ks_ended_note(ks_space_t *sp, uint64_t hash);
void ks_ended_note_all(ks_space_t *sp);

/* --- ks_body.c --- */

/*
 * In a zone that follows an upstream, a change of a key that is not local, by
 * whom the upstream has not sent: what was done is rolled back, and the call
 * has come to KS_ABORTED.  Outside of a transaction nothing like that is
 * changed.
 */
void ks_bar(ks_space_t *sp, const ks_place_t *at);

/*
 * To be called inside the transaction, before its commit, for every change of
 * a key; key NULL: it ends, and ks_track_ended() is the caller's.  Who watches
 * a key sees by itself that it is gone.
 */
static inline void
ks_changed(ks_space_t *sp, const ks_place_t *at, const ks_str_t *key,
    ks_change_t change)
{
    sp->changes++;

    if (ks_unlikely(sp->told.gate->upstream != 0)) {
        ks_bar(sp, at);
    }

    if (ks_unlikely(at->shard->watched != 0) && change < KS_CHANGE_DELETED) {
        ks_watch_changed(sp, at->shard, at->hash);
    }

    if (ks_unlikely(sp->told.kinds & KS_TOLD_WAITERS)) {

        if (change <= KS_CHANGE_VALUE) {
            ks_wait_changed(sp, at);

        } else if (change >= KS_CHANGE_DELETED) {
            ks_wait_ended(sp, at);
        }
    }

    if (ks_unlikely(ks_tracked(sp)) && key != NULL) {
        ks_track_changed(sp, at, key, change);
    }

    if (ks_unlikely(sp->told.kinds & KS_TOLD_FOLLOWED)
        && change <= KS_CHANGE_VALUE)
    {
        ks_follow_changed(sp, at);
    }
}


/* of what goes with a value and is not the key's; see ks_value_aside() */
static inline void
ks_changed_aside(ks_space_t *sp)
{
    sp->changes++;
}


#endif /* KS_KEYSPACE_H */
