/*
 * The journal: what is to be told to others, in one order for the whole zone.
 *
 * A ring of bytes behind the zone's pages.  A transaction appends one frame,
 * which becomes visible with its commit, by the same store: a process that is
 * killed leaves neither a change without its frame nor a frame without its
 * change.  A frame is a run of bytes whose first four say its length, a
 * multiple of eight; what else is in it is no matter here (see
 * keyspace/ks_change.h).
 *
 * Readers hold a cursor and take no part in what is kept: a reader that is
 * slower than the ring is overtaken, learns of it, and has to begin anew with
 * the keyspace itself.  A frame that is larger than the ring overtakes all.
 *
 * Nothing is appended as long as no reader wants it: ks_journal_told() is one
 * load.
 */

#ifndef KS_JOURNAL_H
#define KS_JOURNAL_H

#include "memory/ks_mem.h"


#define KS_JOURNAL_MIN  (64u * 1024)

/* what a reader may want; bits */
#define KS_TOLD_EFFECTS  0x01           /* commands that repeat the changes */

/* what a reader keeps; all zero but for "at", which is where it begins */
typedef struct {
    uint64_t   at;              /* the position of the frame to be read next */
    u_char    *frame;           /* the last that was read, malloc()ed */
    size_t     room;            /* bytes that it has */
} ks_cursor_t;


/*
 * Bytes of a ring for a zone of that size, and the ring itself, which lies
 * behind the zone's: there must be memory for both, one behind the other.
 */
size_t ks_journal_size(size_t zone);
void ks_journal_create(ks_zone_t *zone, size_t size);

/* The kinds that readers want at the moment. */
static inline uint32_t
ks_journal_told(const ks_mem_t *m)
{
    return __atomic_load_n(&m->zone->told, __ATOMIC_RELAXED);
}

/*
 * What reader number 0 to KS_JOURNAL_READERS - 1 wants from now on: bits, 0:
 * nothing.  A transaction that has begun before may not know of it yet; after
 * ks_journal_barrier() none of them runs any more.  No shard may be locked.
 */
void ks_journal_want(ks_mem_t *m, unsigned reader, uint32_t kinds);
void ks_journal_barrier(ks_mem_t *m);

/*
 * Appends a frame in the running transaction, as the last thing that it does:
 * ks_commit() or ks_rollback() has to follow.  Without any shard locked it is
 * a transaction of its own, and is committed.  Leaves by longjmp if there is no
 * room in the undo log.
 */
void ks_journal_append(ks_mem_t *m, const void *frame, size_t len);

/* The position behind the last frame that is committed. */
uint64_t ks_journal_head(ks_mem_t *m);

/*
 * Reads the frame at the cursor, if its end is not beyond head, which was asked
 * for by ks_journal_head().  KS_OK: the frame is in c->frame, and the cursor is
 * behind it.  KS_NONE: there is none.  KS_ERR: the cursor was overtaken.
 * KS_NOMEM: the process has no memory; nothing has changed.
 */
int ks_journal_read(ks_mem_t *m, ks_cursor_t *c, uint64_t head);
void ks_journal_done(ks_cursor_t *c);           /* frees what it has */


#endif /* KS_JOURNAL_H */
