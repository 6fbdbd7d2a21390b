/*
 * The keyspace: key -> entry.  What commands see of the engine below them.
 *
 * ks_space_t is one process's handle on one zone.  It is not thread-safe and
 * is never shared between processes.
 *
 * Transactions.  Every look at the zone happens inside ks_transact(), which
 * locks a set of shards in ascending order, runs a body, and commits what it
 * did with one store.  A body that needs memory which is not there is left by
 * longjmp: nobody on the way checks an allocation.  What it had done is rolled
 * back, room is made (expired keys, then eviction), and the body is run again
 * from its start; so a body must start its outputs over, and must own nothing
 * but arena memory (ks_arena_alloc()) while it calls functions that may store.
 *
 * Entry pointers are good until the next call that may store to the same key,
 * and never beyond the body.  Every function here but those of handles wants
 * the shard of each key that it is given locked by the running transaction.
 */

#ifndef KS_SPACE_H
#define KS_SPACE_H

#include "memory/ks_zone.h"
#include "types/ks_value.h"


#define KS_KEY_MAX       65535  /* bytes in a key */
#define KS_STRING_MAX    (512u * 1024 * 1024)

#define KS_NO_EXPIRE     0
#define KS_KEEP_TTL      UINT64_MAX

/* ks_lookup() flags */
#define KS_LOOKUP_READ   0      /* counts a hit or a miss, and is an access */
#define KS_LOOKUP_WRITE  1      /* is an access */
#define KS_LOOKUP_PEEK   2      /* neither: TTL, OBJECT, EXISTS as Redis */

typedef struct ks_entry_s  ks_entry_t;
typedef struct ks_space_s  ks_space_t;

/* where a key lives, or would */
typedef struct {
    uint64_t        hash;
    ks_shard_t     *shard;
} ks_place_t;

typedef void (*ks_body_pt)(ks_space_t *sp, void *data);
typedef void (*ks_scan_pt)(ks_space_t *sp, ks_entry_t *e, void *data);


/* --- handles --- */

/* A handle on an attached zone; NULL if the process has no memory. */
ks_space_t *ks_space_open(ks_zone_t *zone);
void ks_space_close(ks_space_t *sp);

/* The time that commands see, ms since the epoch; read once per command. */
void ks_space_set_time(ks_space_t *sp, uint64_t now_ms);
uint64_t ks_space_now(const ks_space_t *sp);
ks_zone_t *ks_space_zone(const ks_space_t *sp);

/*
 * Commands from here on are of a kind that is not to be refused for want of
 * memory if there is any way: EXPIRE, RENAME (on), or ordinary (off).
 */
void ks_space_urgent(ks_space_t *sp, int on);

/* Look-ups from here on are no accesses (CLIENT NO-TOUCH), or are again. */
void ks_space_no_touch(ks_space_t *sp, int on);

void ks_space_count_command(ks_space_t *sp);

/* A place for the layer of scripts to keep what goes with the handle. */
void **ks_space_slot(ks_space_t *sp);

/* A random number below n, which is 1 or more; not for secrets. */
uint32_t ks_random_below(ks_space_t *sp, uint32_t n);

/*
 * The lowest time (ms) at which a key that this handle stored, or any key at
 * the time of ks_expire_next(), falls due; UINT64_MAX if none.  Lets a host
 * arm one timer.  ks_space_due() is a field read; ks_expire_next() looks at
 * every shard without locks and resets the field.
 */
uint64_t ks_space_due(const ks_space_t *sp);
uint64_t ks_expire_next(ks_space_t *sp);

/*
 * Background work, to be called outside transactions.  ks_expire_cycle()
 * deletes keys and fields of hashes that are due and returns of how many keys;
 * at most max, which counts as well those that are put in order for later.
 * There is more to do as long as ks_expire_next() is not after the present
 * time.
 * ks_reclaim() frees up to about max chunks of unlinked values.
 * ks_backlog() tells whether ks_reclaim() has anything to do.
 */
size_t ks_expire_cycle(ks_space_t *sp, size_t max);
size_t ks_reclaim(ks_space_t *sp, size_t max);
int ks_backlog(const ks_space_t *sp);

/* Memory for the time of one command; freed by ks_arena_reset(). */
void *ks_arena_alloc(ks_space_t *sp, size_t size);
void ks_arena_reset(ks_space_t *sp);

/* Frees what was taken since the mark: for commands inside of commands. */
typedef struct {
    void    *block;
    void    *large;
    size_t   used;
} ks_arena_mark_t;

ks_arena_mark_t ks_arena_mark(ks_space_t *sp);
void ks_arena_release(ks_space_t *sp, const ks_arena_mark_t *mark);


/* --- transactions --- */

/* the bit of the shard that a key lives in, to be OR-ed into a lock set */
uint64_t ks_key_shard(ks_space_t *sp, const ks_str_t *key);
uint64_t ks_all_shards(const ks_space_t *sp);

/* ks_locate() is for a key that nobody has asked for lately. */
ks_place_t ks_place(ks_space_t *sp, const ks_str_t *key);
ks_place_t ks_locate(const ks_space_t *sp, const ks_str_t *key);

/*
 * This very slice, whose bytes stay as they are, is at that place, as
 * ks_place() has said: it is not hashed again until another one is entered, or
 * NULL.  Returns the bit of its shard.
 */
uint64_t ks_enter(ks_space_t *sp, const ks_str_t *key, const ks_place_t *at);

/*
 * Hints for a key that is going to be looked up soon: the first asks for its
 * bucket, the second, some time later, for its entry.  Cache misses of several
 * commands then overlap.  Without locks, and safe at any time.
 */
void ks_prefetch_bucket(ks_space_t *sp, const ks_place_t *at);
void ks_prefetch_entry(ks_space_t *sp, const ks_place_t *at);

/*
 * Runs body(sp, data) under the locks of the set and commits.  KS_OK; or
 * KS_NOMEM when there is no room, or KS_ABORTED: then nothing has happened.  A
 * transaction inside a transaction joins the outer one (whose set must contain
 * it).
 */
int ks_transact(ks_space_t *sp, uint64_t shards, ks_body_pt body, void *data);

/*
 * For one who is about to run several short transactions in a row: from here
 * on the shards of a transaction stay locked behind it (on), or they do not.
 * Each is committed as it ends nevertheless.  A transaction that wants others,
 * and all else that locks, unlocks them first; ks_let_go() does so at once,
 * and has to be called before anything that may take time.
 */
void ks_hold(ks_space_t *sp, int on);
void ks_let_go(ks_space_t *sp);


/*
 * For bodies that do not know beforehand what they need: if a shard of the set
 * is not locked, what was done is rolled back and the body run again with it
 * locked as well; and if it is one of keys, with all of these.
 */
void ks_want_shards(ks_space_t *sp, uint64_t shards);

/*
 * The number of the running transaction, from 1 on; one that is begun again is
 * another.
 */
uint64_t ks_transaction(const ks_space_t *sp);

/* Leaves the running transaction, and rolls it back. */
void ks_abort(ks_space_t *sp) __attribute__((noreturn));


/* --- entries --- */

/*
 * NULL if there is none; one that has expired is deleted on the way, and so
 * are fields of a hash, and the hash if none is left.
 */
ks_entry_t *ks_lookup(ks_space_t *sp, const ks_str_t *key, unsigned flags);
void ks_remove(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e);

unsigned ks_entry_type(const ks_entry_t *e);
unsigned ks_entry_enc(const ks_entry_t *e);
uint64_t ks_entry_expire(const ks_entry_t *e);          /* ms, 0: never */
int ks_entry_fields_expire(const ks_entry_t *e);        /* a hash's may */

/* The key's bytes; of a long key a copy in the arena. */
ks_str_t ks_entry_key(ks_space_t *sp, const ks_entry_t *e);

/* at: ms, or KS_NO_EXPIRE.  Returns where the entry is now. */
ks_entry_t *ks_set_expire(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    uint64_t at);

/*
 * Gives e's value and TTL the key dst, whose old value must be removed
 * first, and removes src; ks_copy() leaves src.
 */
void ks_rename(ks_space_t *sp, const ks_str_t *src, ks_entry_t *e,
    const ks_str_t *dst);
void ks_copy(ks_space_t *sp, ks_entry_t *e, const ks_str_t *dst);

/* OBJECT and MEMORY */
uint64_t ks_entry_idle(ks_space_t *sp, const ks_entry_t *e);    /* seconds */
unsigned ks_entry_freq(ks_space_t *sp, const ks_entry_t *e);    /* 0..255 */
size_t ks_entry_memory(ks_space_t *sp, const ks_entry_t *e);    /* bytes */

/*
 * How an entry was used before it came here: the seconds since, and how often.
 * What is negative, or not what the policy goes by, stays.
 */
void ks_entry_used(ks_space_t *sp, ks_entry_t *e, int64_t idle, int64_t freq);


/* --- the whole keyspace (all shards locked, but for ks_scan) --- */

uint64_t ks_dbsize(ks_space_t *sp);
ks_entry_t *ks_random(ks_space_t *sp);          /* not expired, or NULL */
void ks_flush(ks_space_t *sp);

/*
 * Visits about count entries from the cursor on (0: the start), and returns
 * the next cursor, 0 at the end.  Every entry that is there all the time is
 * visited at least once.  Locks one shard at a time, by itself; inside a
 * transaction that holds all shards it uses these.  Expired entries are
 * skipped.  visit() may not store.
 */
uint64_t ks_scan(ks_space_t *sp, uint64_t cursor, size_t count,
    ks_scan_pt visit, void *data);


/* --- strings --- */

size_t ks_string_len(const ks_entry_t *e);

/*
 * The longest contiguous run of the value's bytes from off on; *n is its
 * length, 0 at the end.  An inline value is one run.
 */
const u_char *ks_string_run(ks_space_t *sp, const ks_entry_t *e, size_t off,
    size_t *n);

/* The whole value as one slice; of a long one a copy in the arena. */
ks_str_t ks_string_flat(ks_space_t *sp, const ks_entry_t *e);

/*
 * Stores a whole string value at key.  e is what ks_lookup() gave for the key
 * (NULL: none), of any type: it is replaced.  expire: ms, KS_NO_EXPIRE or
 * KS_KEEP_TTL.  enc is one of KS_ENC_*.  value may not point into the zone.
 */
ks_entry_t *ks_string_set(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    const ks_str_t *value, unsigned enc, uint64_t expire);

/*
 * Writes len bytes at off into the string e (NULL: the key is created), which
 * grows with zero bytes as needed; its TTL stays, its encoding becomes RAW.
 * data NULL: only grows, to off + len; if it is as long already, that is no
 * change to those who watch the key.  In place where it can be.
 */
ks_entry_t *ks_string_write(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    size_t off, const u_char *data, size_t len);


/* --- values made of elements --- */

/*
 * A handle on the value of e, which is a list, set, sorted set or hash, for
 * the functions of src/types.  It is good until the entry is changed in
 * another way, and key must live as long.  e's place may change with any
 * change of the value: v->entry is where it is now.
 *
 * A change is to be followed by ks_value_close(), which removes the key of a
 * value that has become empty; 1: it did.  After reading it is not needed.
 * Fields that are due have been taken out by ks_lookup().
 *
 * ks_value_create() puts an empty value at key in the place of old (NULL: of
 * none), with room for about so many bytes of elements; it must be closed.
 * expire as for ks_string_set().
 */
void ks_value_open(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    ks_value_t *v);
void ks_value_create(ks_space_t *sp, const ks_str_t *key, ks_entry_t *old,
    unsigned type, unsigned enc, size_t room, uint64_t expire, ks_value_t *v);
int ks_value_close(ks_value_t *v);

/*
 * A small hash of so many fields (KS_RECORD_FIELDS at the most) in this very
 * order, without a handle: its values, which lie in the zone.  0: the hash is
 * made in another way.
 *
 * ks_record_write() stores other values, each of KS_HASH_LISTPACK_BYTES at the
 * most, into one that has just been read so; data NULL: that one stays.  0:
 * there is no room, and nothing has changed.
 */
#define KS_RECORD_FIELDS  4

int ks_record_read(const ks_entry_t *e, const ks_str_t *fields,
    ks_str_t *values, unsigned n);
int ks_record_write(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    const ks_str_t *values, unsigned n);

/* The contiguous bytes of an item from off on; *n of them, 0 at the end. */
const u_char *ks_item_run(ks_space_t *sp, const ks_item_t *it, size_t off,
    size_t *n);

/* The bytes of an item side by side; of a long one a copy in the arena. */
ks_str_t ks_item_flat(ks_space_t *sp, const ks_item_t *it);

/* The same, always a copy: it outlives changes of the value. */
ks_str_t ks_item_copy(ks_space_t *sp, const ks_item_t *it);


/* --- watched keys (WATCH) --- */

/* what is known of a key since it is watched; the process's own memory */
typedef struct {
    uint64_t         version;
    unsigned         existed:1;
} ks_watched_t;

/*
 * ks_watch() begins to watch a key; ks_unchanged() tells whether nobody, in
 * whatever process, has changed it since: neither its value nor its TTL, nor
 * that it is there or not.  Both under the lock of the key's shard, inside a
 * transaction.  It never misses a change; it may see one where there was none,
 * when more keys are watched at once than the zone has room for.
 *
 * A key that has expired since is changed; that one which was expired when it
 * was watched is gone is not.  Nothing has to be done to end it.
 */
void ks_watch(ks_space_t *sp, const ks_str_t *key, ks_watched_t *w);
int ks_unchanged(ks_space_t *sp, const ks_str_t *key, const ks_watched_t *w);

/* A number that no other handle on the zone gets; from 1 on. */
uint64_t ks_next_id(ks_space_t *sp);


/* --- the library: scripts and functions --- */

/*
 * Texts under names, which are not keys: no command lists, expires, evicts or
 * flushes them.  They live in a shard of their own, which is to be locked, as
 * others are, by who calls these in a transaction.
 */

typedef enum {
    KS_LIBRARY_SCRIPTS = 0,
    KS_LIBRARY_FUNCTIONS
} ks_library_kind_t;

typedef struct {
    ks_str_t  name;
    ks_str_t  text;
    ks_str_t  note;             /* the caller's own */
} ks_volume_t;

uint64_t ks_library_shard(const ks_space_t *sp);

/* Grows with each change, of scripts only when all go; without a lock. */
uint64_t ks_library_version(const ks_space_t *sp, ks_library_kind_t kind);

uint32_t ks_library_count(ks_space_t *sp, ks_library_kind_t kind);

/* KS_ERR: there is none of that name.  Copies in the arena. */
int ks_library_get(ks_space_t *sp, ks_library_kind_t kind,
    const ks_str_t *name, ks_volume_t *vol);

/* The same by place, 0 to count - 1, in no particular order. */
int ks_library_at(ks_space_t *sp, ks_library_kind_t kind, uint32_t i,
    ks_volume_t *vol);

/* Adds it, or puts it in the place of the one of that name. */
void ks_library_put(ks_space_t *sp, ks_library_kind_t kind,
    const ks_volume_t *vol);
int ks_library_remove(ks_space_t *sp, ks_library_kind_t kind,
    const ks_str_t *name);
void ks_library_clear(ks_space_t *sp, ks_library_kind_t kind);

/*
 * Hints, without locks: that a script runs for at most ms more (0: it has
 * ended), whether any does, and how often somebody wanted them to end.
 */
void ks_library_running(ks_space_t *sp, uint64_t ms);
int ks_library_busy(ks_space_t *sp);
uint64_t ks_library_kills(const ks_space_t *sp);
void ks_library_kill(ks_space_t *sp);


/* --- the checker --- */

/*
 * Walks the whole zone under all locks: every structure whole, every chunk
 * and page owned exactly once.  Returns how many faults it found, and says
 * each to report() (which may be NULL).  Used by tests; safe on a live zone.
 */
typedef void (*ks_report_pt)(void *data, const char *fault);
size_t ks_check(ks_space_t *sp, ks_report_pt report, void *data);


#endif /* KS_SPACE_H */
