/*
 * Undo logs, as the files of src/memory share them; ks_mem.h has what the
 * layers above may use.
 *
 * Where the mechanism comes from: undo ("before image") logging, as in the
 * rollback journal of a database, cut down to memory: there is no disk to
 * flush to, a killed process has done all its stores in program order, and
 * the kernel hands a dead holder's lock on (robust futexes).
 */

#ifndef KS_LOG_H
#define KS_LOG_H

#include "memory/ks_mem.h"


/* in the set that a log covers: the transaction has the journal, too */
#define KS_LOG_JOURNAL  (1ull << 63)

/* saves of more bytes are split, unless they fit into the page as they are */
#define KS_LOG_RECORD  2040


static inline ks_logpage_t *
ks_log_page(const ks_mem_t *m, uint32_t page)
{
    return (ks_logpage_t *) (m->base + (uint64_t) page * KS_PAGE_SIZE);
}


/* Starts an empty log; it is open from its first record on. */
void ks_log_begin(const ks_mem_t *m, ks_log_t *log, uint64_t covers);

/* Appends a record that fits. */
void ks_log_put(const ks_mem_t *m, ks_log_t *log, const void *p, size_t len);

/* Appends the record that takes a granted page back; it must fit. */
void ks_log_put_grant(const ks_mem_t *m, ks_log_t *log, uint32_t page);

/*
 * Says that the shard is going to change, and makes room for len bytes in the
 * transaction's log; leaves by longjmp if there is none.
 */
void ks_log_reserve(ks_mem_t *m, ks_shard_t *sh, size_t len);

/*
 * Applies an open log backwards and closes it.  May be cut short at any store
 * and run again from the start.
 */
void ks_log_undo(ks_mem_t *m, ks_log_t *log);

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
 * Unlocks the journal, which the transaction that is over has appended to: it
 * was committed, or undone.
 */
void ks_journal_unlock(ks_mem_t *m);
void ks_journal_rolled_back(ks_mem_t *m);

static inline void
ks_log_close(ks_log_t *log)
{
    ks_barrier();
    log->open = 0;
    ks_barrier();
}


#endif /* KS_LOG_H */
