/*
 * The memory layer as the layers above it use it: locks, the undo log, chunks.
 *
 * What everything rests on; other files cite these numbers.
 *
 *  U1  Memory of the zone that was there before the transaction is changed only
 *      after ks_save() of its old bytes (or by ks_set(), which does both),
 *      under the lock of the shard that it belongs to.
 *  U2  A transaction has one log, that of the lowest shard it has locked, its
 *      leader: changes of several shards, and memory that changes hands between
 *      them, are undone in the reverse of their order.
 *  U3  A record counts once the page's "used" covers it, and the log once its
 *      "open" is set; both before the place itself changes.
 *  U4  "open" names all locks that the log covers: those of shards, of the
 *      meters, of the journal.  What it covers is of no use before the log is
 *      closed.
 *  U5  The commit is one store: "open" becomes 0.  Nothing that follows it in
 *      the transaction may fail.
 *  U6  A log can be applied from anywhere, again and again, and comes to the
 *      same.
 *  U7  Locks are taken in the order: shards ascending, ferry, meters, journal,
 *      pool.
 *  U8  A chunk that is freed is not used again before the commit.  A chunk that
 *      was allocated in the transaction is seen by nobody else, and needs no
 *      saving.
 *  U9  A page moves between pool and shard in a committed change of its own,
 *      under the pool's log; the transaction's log notes what it took.
 *  U10 Hints are exempt: words of which any value of the past is true enough
 *      (counters, access clocks).
 *  U11 A transaction that is bound to one of another zone (ks_bind()) is
 *      committed by the commit of that one, and by nothing else.
 */

#ifndef KS_MEM_H
#define KS_MEM_H

#include <setjmp.h>

#include "memory/ks_layout.h"


/* a process's handle on a zone's memory; private to the process */

#define KS_SAVED  32            /* a power of two */

#define KS_LATE_JOURNAL  1
#define KS_LATE_METERS   2
#define KS_LATE_FERRY    4
#define KS_LATE_BOUND    8              /* no lock: "bound" is set */

/* what a transaction took, and what it could not get */
typedef struct {
    uint64_t      bytes;        /* allocated so far, the failing one included */
    unsigned      shard;
    unsigned      kind;
    unsigned      cls;
} ks_needed_t;

typedef struct ks_mem_s  ks_mem_t;

struct ks_mem_s {
    ks_zone_t    *zone;
    u_char       *base;
    ks_shard_t   *shards;
    ks_page_t    *pages;

    uint64_t      locked;       /* shards that we hold */
    uint64_t      dirty;        /* of these, the ones that have changed */
    ks_shard_t   *leader;       /* the lowest of them: its log is in use */
    ks_shard_t   *saving;       /* a dirty one, for which the log grows */
    ks_logpage_t *page;         /* in this page; or NULL */
    unsigned      late;         /* KS_LATE_*: locks that the end of a
                                   transaction takes, which we hold */
    pthread_mutex_t  *ferry;    /* that is locked */
    ks_mem_t     *bound;        /* in another zone: what follows this one */
    unsigned      process;      /* our row; KS_PROCESSES: we have none */

    /* wakes a process that sleeps; see ks_journal.h */
    void        (*wake)(void *data, unsigned process);
    void         *wake_data;

    uint64_t      busy;         /* shards that were waited for in vain, */
    uint64_t      rested;       /* and until when that counts, ns */
    uint64_t     *waits;        /* where waits are counted, and behind that
                                   their time, ns; NULL: nowhere */

    jmp_buf      *jump;         /* where a shortage of memory goes */
    unsigned      urgent;       /* may take pages from the reserve */

    /* small places that this transaction has saved already */
    uint64_t      txn;          /* counts transactions, from 1 */
    struct {
        const void  *at;
        size_t       len;
        uint64_t     txn;
    } saved[KS_SAVED];

    ks_needed_t   need;         /* of the running transaction */
};


/* --- references --- */

static inline void *
ks_ptr(const ks_mem_t *m, ks_ref_t ref)
{
    return m->base + (uint64_t) ref * KS_REF_UNIT;
}


static inline ks_ref_t
ks_ref(const ks_mem_t *m, const void *p)
{
    return (ks_ref_t) (((const u_char *) p - m->base) / KS_REF_UNIT);
}


static inline uint32_t
ks_ref_page(ks_ref_t ref)
{
    return ref / KS_REFS_PER_PAGE;
}


static inline unsigned
ks_shard_index(const ks_mem_t *m, const ks_shard_t *sh)
{
    return (unsigned) (sh - m->shards);
}


/*
 * What pages say of the shard that has them, and which shard it is: the number
 * of a shard, or that of its spare one if these have been exchanged.
 */

static inline uint8_t
ks_page_owner(const ks_mem_t *m, const ks_shard_t *sh)
{
    return m->zone->owner[ks_shard_index(m, sh)];
}


static inline unsigned
ks_page_shard(const ks_mem_t *m, const ks_page_t *row)
{
    return m->zone->owner[row->shard];
}


/* --- handles (ks_log.c) --- */

/* A process's handle on a zone; there is nothing to be freed. */
void ks_mem_attach(ks_mem_t *m, ks_zone_t *zone);


/* --- locks (ks_lock.c) --- */

/*
 * Locks the shards of mask, ascending, and no others: what is held is unlocked
 * first.  What a dead process left is undone on the way, a flush that it began
 * is finished.
 */
void ks_lock(ks_mem_t *m, uint64_t mask);
void ks_unlock(ks_mem_t *m);

/*
 * The same, but it waits no longer than ms milliseconds; 0: as long as it
 * takes.  KS_AGAIN: the time was over, and nothing is locked.
 *
 * However many callers want a shard that is busy, a process spends a fifth of
 * its time on waiting at most: a shard that was waited for in vain is only
 * tried during four times as long.
 */
int ks_lock_within(ks_mem_t *m, uint64_t mask, unsigned ms);

/*
 * The shard that is a shard of keys' spare one: its content may be made there,
 * and then takes its place.  Only if the zone has such.
 */
static inline ks_shard_t *
ks_spare_of(const ks_mem_t *m, const ks_shard_t *sh)
{
    return &m->shards[ks_shard_index(m, sh) + m->zone->nshards];
}

/* all spare shards: bits */
static inline uint64_t
ks_spares_mask(const ks_zone_t *zone)
{
    return ((1ull << zone->nspares) - 1) << zone->nshards;
}

/*
 * In a transaction that holds all shards of which there are spare ones, and
 * these: each gets the other's content, and with the commit the spare ones are
 * void.  Whoever locks one next empties it.
 */
void ks_spares_swap(ks_mem_t *m);

/* With no lock held: whatever the spare shards have is void, and emptied. */
void ks_spares_drop(ks_mem_t *m);

/*
 * Empties all locked shards at once, whatever they hold.  ks_flush_begin() is
 * the last change of a transaction and is committed with it; ks_flush_end()
 * has to follow the commit, and is finished by whoever locks a shard next if
 * this process dies on the way.
 */
void ks_flush_begin(ks_mem_t *m);
void ks_flush_end(ks_mem_t *m);


/* --- the undo log (ks_log.c) --- */

/* Saves len bytes at p, 1 or more, before they change. */
void ks_save(ks_mem_t *m, ks_shard_t *sh, const void *p, size_t len);

/* Ends the transaction; the locks stay. */
void ks_commit(ks_mem_t *m);
void ks_rollback(ks_mem_t *m);

/*
 * The open transaction of m, which has done all that it does, follows that of
 * first, in another zone, from now on: ks_commit() and ks_rollback() of first
 * do the same with it.  After a commit its shards stay locked, for what
 * follows; after a rollback they are unlocked.
 *
 * Before it takes any late lock, m takes the ferry's, which its end unlocks.
 */
void ks_bind(ks_mem_t *m, ks_mem_t *first);
void ks_ferry_lock(ks_mem_t *m, const ks_mem_t *first);

/* Leaves by longjmp, as an allocation of that size that failed. */
void ks_raise_nomem(ks_mem_t *m, ks_shard_t *sh, unsigned kind, size_t size)
    __attribute__((noreturn));

#define ks_set(m, sh, field, value)                                           \
    do {                                                                      \
        ks_save(m, sh, &(field), sizeof(field));                              \
        (field) = (value);                                                    \
        ks_barrier();                                                         \
    } while (0)

#define ks_set32(m, sh, p, value)                                             \
    do {                                                                      \
        uint32_t  v_ = (value);                                               \
        ks_save(m, sh, p, sizeof(v_));                                        \
        memcpy(p, &v_, sizeof(v_));                                           \
        ks_barrier();                                                         \
    } while (0)


/* --- pages (ks_pool.c) --- */

/*
 * Pages in the pool that this process may take, without a lock: a hint.  Some
 * are held back from ordinary writes: for undo logs, and for changes that are
 * never refused where there is any way (ks_mem_t's urgent).
 */
uint32_t ks_pool_free(const ks_mem_t *m);

/*
 * Takes a page for the shard within its transaction; 0 if there is none.  There
 * is room in the log for a word: see ks_log_reserve() (ks_log.h).
 */
uint32_t ks_pool_grant(ks_mem_t *m, ks_shard_t *sh);

/*
 * Takes a page for the log of the shard, linked behind its last, cur; not
 * part of any transaction.  0 if there is none.
 */
uint32_t ks_pool_grant_log(ks_mem_t *m, ks_shard_t *sh);

/* Gives the log pages behind the first back; the log is not open. */
void ks_pool_trim_log(ks_mem_t *m, ks_shard_t *sh);

/* Gives an empty slab page of the shard back; no transaction is open. */
void ks_pool_release(ks_mem_t *m, ks_shard_t *sh, uint32_t page);

/* Undoes a grant to one of the shards; repeatable. */
void ks_pool_ungrant(ks_mem_t *m, uint64_t shards, uint32_t page);

/* Takes all slab pages of the shards in mask back, whatever they hold. */
void ks_pool_seize(ks_mem_t *m, uint64_t mask);

/* Makes sure that no dead process's half of a page move is left. */
void ks_pool_settle(ks_mem_t *m);


/* --- sizes of chunks (ks_class.c) --- */

extern const uint16_t  ks_class_sizes[KS_NCLASSES];     /* bytes */

unsigned ks_class_of(size_t size);              /* 1..KS_CHUNK_MAX bytes */

static inline size_t
ks_class_size(unsigned cls)
{
    return ks_class_sizes[cls];
}


/* chunks in a page */

static inline unsigned
ks_class_cap(unsigned cls)
{
    return KS_PAGE_SIZE / ks_class_sizes[cls];
}


/* --- chunks (ks_slab.c) --- */

/*
 * A chunk of at least size bytes; its content is undefined.  Does not return
 * if there is no memory: the transaction is left by longjmp to m->jump.
 */
ks_ref_t ks_alloc(ks_mem_t *m, ks_shard_t *sh, unsigned kind, size_t size);

/*
 * Whether there is a chunk of that size, or a page for one that is not kept
 * back: for changes that save memory and can be left undone.
 */
int ks_alloc_spare(const ks_mem_t *m, const ks_shard_t *sh, unsigned kind,
    size_t size);

/* Frees a chunk at commit (its first 4 bytes become a link at once). */
void ks_free(ks_mem_t *m, ks_shard_t *sh, ks_ref_t ref);

/* Bytes of the chunk, which may be more than were asked for. */
size_t ks_chunk_size(const ks_mem_t *m, ks_ref_t ref);

/*
 * Outside a transaction, under the shard's lock: returns up to max freed
 * chunks to their pages, and pages that are empty to the pool.  How many.
 */
size_t ks_slab_drain(ks_mem_t *m, ks_shard_t *sh, size_t max);

/* Gives all empty pages that the shard keeps for later back to the pool. */
void ks_slab_release_empty(ks_mem_t *m, ks_shard_t *sh);

/*
 * Compaction, outside transactions.  ks_slab_park() takes the emptiest page
 * of the class off its list if its chunks fit into the others (0: it does not
 * pay); ks_slab_vacate() frees one chunk of it at once, in a transaction;
 * ks_slab_unpark() ends it: an empty page goes to the pool, another back to
 * its list.
 */
uint32_t ks_slab_park(ks_mem_t *m, ks_shard_t *sh, unsigned kind,
    unsigned cls);
void ks_slab_vacate(ks_mem_t *m, ks_shard_t *sh, ks_ref_t ref);
void ks_slab_unpark(ks_mem_t *m, ks_shard_t *sh);

/* The chunk number i of a page if it is in use, else 0. */
ks_ref_t ks_slab_chunk(const ks_mem_t *m, uint32_t page, unsigned i);

/*
 * Takes a chunk to another shard with all of its page, in a transaction that
 * holds both; it stays where it is.  0: the page has other chunks in use than
 * those that are to go, and nothing has changed: the chunk is to be copied.
 *
 * Before, ks_slab_unmark() is called for each of the chunks that are to go, and
 * then ks_slab_mark() for each.  A chunk of a whole page needs no mark.
 */
void ks_slab_unmark(const ks_mem_t *m, ks_ref_t ref);
void ks_slab_mark(const ks_mem_t *m, ks_ref_t ref);
int ks_slab_give(ks_mem_t *m, ks_shard_t *from, ks_shard_t *to, ks_ref_t ref);


/* --- the checker (ks_check_mem.c) --- */

typedef struct {
    const ks_mem_t  *m;
    uint64_t        *seen;      /* two words a page: chunks found in use */
    void           (*report)(void *data, const char *fault);
    void            *data;
    size_t           faults;

    /* pages with a free chunk */
    uint32_t         roomy[KS_MAX_SHARDS][KS_NKINDS][KS_NCLASSES];
} ks_checker_t;

/* All locks held.  begin; mark every chunk that is reachable; end. */
int ks_checker_begin(ks_checker_t *ck, const ks_mem_t *m);      /* KS_ERR */
void ks_checker_mark(ks_checker_t *ck, unsigned shard, unsigned kind,
    ks_ref_t ref, size_t size);
void ks_checker_fault(ks_checker_t *ck, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void ks_checker_end(ks_checker_t *ck);


#endif /* KS_MEM_H */
