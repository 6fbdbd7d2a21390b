/*
 * Undo logs, as the files of src/memory share them; ks_mem.h has what the
 * layers above may use.  Each file calls those before it in this order:
 * records, the pool, bonds, transactions (ks_log.c), the slab, locks, the
 * journal.
 *
 * Where the mechanism comes from: undo ("before image") logging, as in the
 * rollback journal of a database, cut down to memory: there is no disk to
 * flush to, a killed process has done all its stores in program order, and
 * the kernel hands a dead holder's lock on (robust futexes).
 */

#ifndef KS_LOG_H
#define KS_LOG_H

#include "memory/ks_mem.h"


/* in the set that a log covers: the transaction has these, too */
#define KS_LOG_JOURNAL  (1ull << 63)
#define KS_LOG_METERS   (1ull << 62)

/* saves of more bytes are split, unless they fit into the page as they are */
#define KS_LOG_RECORD  2040


static inline ks_logpage_t *
ks_log_page(const ks_mem_t *m, uint32_t page)
{
    return (ks_logpage_t *) (m->base + (uint64_t) page * KS_PAGE_SIZE);
}


/* --- records (ks_log_record.c) --- */

/* Starts an empty log; it is open from its first record on. */
void ks_log_begin(const ks_mem_t *m, ks_log_t *log, uint64_t covers);

/* Appends a record that fits. */
void ks_log_put(const ks_mem_t *m, ks_log_t *log, const void *p, size_t len);

/* Appends the record that takes a granted page back; it must fit. */
void ks_log_put_grant(const ks_mem_t *m, ks_log_t *log, uint32_t page);

/* what gives a granted page back; see ks_pool_ungrant() */
typedef void (*ks_ungrant_pt)(ks_mem_t *m, uint64_t shards, uint32_t page);

/*
 * Applies an open log backwards and closes it; ungrant may be NULL for a log
 * without grants.  May be cut short at any store and run again from the start.
 */
void ks_log_apply(ks_mem_t *m, ks_log_t *log, ks_ungrant_pt ungrant);

/* The store that makes a record count, and the word of one of len bytes. */

static inline void
ks_log_seal(ks_log_t *log, ks_logpage_t *page, size_t padded, uint64_t word)
{
    memcpy(page->data + page->used + padded, &word, 8);
    ks_barrier();
    page->used += padded + 8;
    ks_barrier();
    log->open = log->covers;
    ks_barrier();
}


static inline uint64_t
ks_log_word(const ks_mem_t *m, const void *p, size_t len)
{
    return (uint64_t) ((const u_char *) p - m->base) << 16 | len;
}


/*
 * With this store the transaction counts.  ks_recover_leader() waits for it
 * without the leader's lock, and goes on with what the log has covered: so all
 * stores before it come first on other cores, too.
 */

static inline void
ks_log_close(ks_log_t *log)
{
    ks_barrier();
    __atomic_store_n(&log->open, 0, __ATOMIC_RELEASE);
    ks_barrier();
}


/* --- bonds (ks_bond.c) --- */

/* what has become of a deciding transaction, as it is said to the follower */
enum {
    KS_FATE_OPEN = 0,
    KS_FATE_KEPT,
    KS_FATE_UNDONE
};

/* The transactions of both are bound from now on; and not any more. */
void ks_bond_begin(ks_mem_t *first, ks_mem_t *m);
void ks_bond_end(ks_shard_t *first, ks_shard_t *sh);

/*
 * For the next holder of a dead process's lock, first of all: what has become
 * of a bond that the shard decides, is noted, and said to the follower.  It
 * waits for nobody.  ks_bond_mark() notes it alone.
 */
void ks_bond_decide(ks_shard_t *sh);
void ks_bond_mark(ks_shard_t *sh);

/*
 * For the same, before it undoes the log: the zone where somebody has to decide
 * what becomes of it; NULL: that is known.
 */
ks_zone_t *ks_bond_ask(ks_shard_t *sh);

/*
 * Whether it is to be decided; whether what is known is that the log is kept.
 */
int ks_bond_open(const ks_shard_t *sh);
int ks_bond_keeps(const ks_shard_t *sh);

/* The log is closed: it follows nothing. */
void ks_bond_clear(ks_shard_t *sh);


/* --- transactions (ks_log.c) --- */

/*
 * Says that the shard is going to change, and makes room for len bytes in the
 * transaction's log; leaves by longjmp if there is none.
 */
void ks_log_reserve(ks_mem_t *m, ks_shard_t *sh, size_t len);

/* Whether that is so already: the page of the last save has the room. */
static inline int
ks_save_near(const ks_mem_t *m, const ks_shard_t *sh, size_t len)
{
    return m->saving == sh
           && m->page->used + ks_align(len, 8) + 8 <= sizeof(m->page->data);
}

/* Saves a word, for which there is room in the page of the last save. */
static inline void
ks_save_word(ks_mem_t *m, ks_log_t *log, const uint64_t *p)
{
    memcpy(m->page->data + m->page->used, p, sizeof(*p));
    ks_log_seal(log, m->page, sizeof(*p), ks_log_word(m, p, sizeof(*p)));
}

/*
 * The same as ks_log_apply(), for the log of a shard, with which a dead
 * process's transaction ends: undone, or kept with what it follows.
 */
void ks_log_undo(ks_mem_t *m, ks_log_t *log);
void ks_log_end(ks_mem_t *m, ks_shard_t *sh);


/* --- the pool (ks_pool.c) --- */

/* Undoes what is left of a page move, with the pool's lock held or nobody's. */
void ks_pool_recover(ks_mem_t *m);


/* --- locks (ks_lock.c) --- */

static inline void
ks_unlock_shards(ks_mem_t *m)
{
    uint64_t  left;

    for (left = m->locked; left; left &= left - 1) {
        pthread_mutex_unlock(&m->shards[__builtin_ctzll(left)].mutex);
    }

    m->locked = 0;
}


/* A robust mutex of processes, unlocked, whatever was there before. */
void ks_mutex_init(pthread_mutex_t *mutex);

/*
 * Locks a robust mutex; most are held for less than the time that it takes to
 * go to sleep and to be woken, so it is tried for a while first.  0, or
 * EOWNERDEAD: its holder is dead, and what it protects has to be recovered.
 */
int ks_mutex_lock(pthread_mutex_t *mutex);

/*
 * Sees to it that the log of shard k is closed if it covers the bits of mask,
 * which are of locks that this process holds: then it is a dead process's.
 */
void ks_recover_leader(ks_mem_t *m, unsigned k, uint64_t mask);

/*
 * For the holder of the shard's lock, which was a dead process's: until it is
 * known what becomes of the log, if that goes with one of another zone.
 */
void ks_recover_bond(ks_shard_t *sh);


/* --- the journal's lock (ks_journal.c) --- */

/*
 * Unlocks the journal, which the transaction that is over has appended to: it
 * was committed, or undone.
 */

static inline void
ks_journal_unlock(ks_mem_t *m)
{
    m->late &= ~(unsigned) KS_LATE_JOURNAL;
    pthread_mutex_unlock(&m->zone->journal.mutex);
}


/* --- the meters' lock (ks_meter.c) --- */

static inline void
ks_meters_unlock(ks_mem_t *m)
{
    m->late &= ~(unsigned) KS_LATE_METERS;
    pthread_mutex_unlock(&m->zone->meters);
}


/*
 * A frame at the head was undone, or never came to be: the notes that are of
 * it are taken back, under the lock.
 */

static inline void
ks_journal_unwake(ks_mem_t *m)
{
    unsigned       i;
    ks_journal_t  *j;

    j = &m->zone->journal;

    for (i = 0; i < KS_PROCESSES; i++) {
        if (j->unheard[i] > j->head) {
            j->unheard[i] = 0;
        }
    }
}


#endif /* KS_LOG_H */
