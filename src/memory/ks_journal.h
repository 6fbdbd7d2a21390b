/*
 * The journal: what is to be told to others, in one order for the whole zone.
 *
 * A ring of bytes behind the zone's pages.  A transaction appends one frame,
 * which becomes visible with its commit, by the same store: a process that is
 * killed leaves neither a change without its frame nor a frame without its
 * change.  A frame is a run of bytes whose first four say its length, a
 * multiple of eight; where it lies in the stream of commands to replicas is put
 * into it as well, and what else is in it is no matter here (see
 * keyspace/ks_change.h).
 *
 * Readers hold a cursor and take no part in what is kept: a reader that is
 * slower than the ring is overtaken, learns of it, and has to begin anew with
 * the keyspace itself.  A frame that is larger than the ring overtakes all.
 *
 * Nothing is appended as long as no reader wants it: ks_journal_told() is one
 * load.
 *
 * A reader is a process with its row (ks_process.h).  A frame is for readers
 * that want its kinds, and for those that are named with it.  Whoever appends
 * notes for each of them where the first frame is that it has not heard, and
 * wakes it if there was none before: under the journal's lock, and before the
 * commit.  So nobody can be killed between a commit and the waking; the reader
 * that is woken waits for the lock, and finds the frame committed or undone.
 * What lies before the first frame that is for it a reader never looks at.
 */

#ifndef KS_JOURNAL_H
#define KS_JOURNAL_H

#include "memory/ks_mem.h"


#define KS_JOURNAL_MIN  (64u * 1024)

/* what a reader may want; bits, KS_TOLD_KINDS of them */
#define KS_TOLD_EFFECTS   0x01          /* commands that repeat the changes */
#define KS_TOLD_EVENTS    0x02          /* keyspace notifications */
#define KS_TOLD_CALLS     0x04          /* commands, as MONITOR has them */
#define KS_TOLD_CHANGES   0x08          /* names of keys that have changed */
#define KS_TOLD_WAITERS   0x10          /* clients wait for keys: a record is
                                           of the end of one, see ks_wait.h */
#define KS_TOLD_MESSAGES  0x20          /* of channels; to those named alone */
#define KS_TOLD_REQUESTS  0x40          /* from one process to others */
#define KS_TOLD_ANSWERS   0x80          /* to clients that waited; to those
                                           named alone */
#define KS_TOLD_TRACKED   0x100         /* clients have read keys: they are
                                           named where these change */
#define KS_TOLD_IMAGES    0x200         /* entries as they were when a snapshot
                                           began, before they change */
#define KS_TOLD_SAVES     0x400         /* a snapshot is asked for, or there is
                                           a change that may be worth one */
#define KS_TOLD_FOLLOWED  0x800         /* keys that have got another value; to
                                           those named alone */
#define KS_TOLD_STREAM    0x1000        /* commands for replicas that are no
                                           effects */

/* what each frame begins with */
typedef struct {
    uint32_t   len;             /* bytes, all of it */
    uint32_t   more;            /* the frame's own */
    uint64_t   offset;          /* bytes of the stream before it */
} ks_journal_frame_t;

/* who has kinds told always */
#define KS_ALWAYS_DISK      0
#define KS_ALWAYS_REPLICAS  1

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
 * What reader number 0 to KS_PROCESSES - 1 wants from now on: bits, 0: nothing.
 * A transaction that has begun before may not know of it yet; after
 * ks_journal_barrier() none of them runs any more.  For the barrier no shard
 * may be locked.
 */
void ks_journal_want(ks_mem_t *m, unsigned reader, uint32_t kinds);
void ks_journal_barrier(ks_mem_t *m);

/*
 * Kinds that are told from now on though no reader may want them, for one of
 * KS_ALWAYS_*: of these none may be lost while one reader takes the place of
 * another.
 */
void ks_journal_always(ks_mem_t *m, unsigned whose, uint32_t kinds);

/* The reader is gone: it wants nothing, and has heard all. */
void ks_journal_forget(ks_mem_t *m, unsigned reader);

/* Readers that want the kind, one bit, at the moment: bits. */
static inline uint64_t
ks_journal_readers(const ks_mem_t *m, uint32_t kind)
{
    return __atomic_load_n(&m->zone->journal.wants[__builtin_ctz(kind)],
                           __ATOMIC_RELAXED);
}

/*
 * Appends a frame in the running transaction, as the last thing that it does:
 * ks_commit() or ks_rollback() has to follow.  Without any shard locked it is
 * a transaction of its own, and is committed.  Leaves by longjmp if there is no
 * room in the undo log.  stream: how many bytes of the stream to replicas the
 * frame comes to, 0 for one without a lock; its "offset" is set.  A frame that
 * is larger than the ring may be NULL.  The frame is for readers that want any
 * of the kinds, and for those of the set "readers"; m->wake() is called for
 * each of them that slept, this process included, with locks held: it may only
 * wake.
 */
void ks_journal_append(ks_mem_t *m, void *frame, size_t len, size_t stream,
    uint32_t kinds, uint64_t readers);

/* The position behind the last frame that is committed. */
uint64_t ks_journal_head(ks_mem_t *m);

/* The same, and how many bytes the stream has up to there. */
uint64_t ks_journal_ends(ks_mem_t *m, uint64_t *stream);

/*
 * The position of a frame from which on the stream has what lies behind its
 * first bytes, so many.  KS_NONE: the ring does not have all of that any more,
 * or no frame begins there.
 */
int ks_journal_find(ks_mem_t *m, uint64_t offset, uint64_t *at);

/* The offset of the stream at the oldest frame that is known to be there. */
uint64_t ks_journal_oldest(ks_mem_t *m);

/*
 * Reads the frame at the cursor, if its end is not beyond head, which was asked
 * for by ks_journal_head().  KS_OK: the frame is in c->frame, and the cursor is
 * behind it.  KS_NONE: there is none.  KS_ERR: the cursor was overtaken.
 * KS_NOMEM: the process has no memory; nothing has changed.
 */
int ks_journal_read(ks_mem_t *m, ks_cursor_t *c, uint64_t head);

/*
 * For the process m->process, which was woken.  ks_journal_wakes() moves the
 * cursor to the first frame that it has not heard: its place is behind that
 * cursor or at it; KS_OK, and the head.  KS_NONE: it has heard all.  When it
 * has read as far as that head, ks_journal_sleeps() says so.  KS_OK: whatever
 * comes now wakes it.  KS_AGAIN: there is more, up to a later head.
 */
int ks_journal_wakes(ks_mem_t *m, ks_cursor_t *c, uint64_t *head);
int ks_journal_sleeps(ks_mem_t *m, uint64_t *head);

/* The process m->process has read as far as its cursor, and goes on later. */
void ks_journal_heard(ks_mem_t *m, const ks_cursor_t *c);

/*
 * Bytes that the slowest of these readers has not read, of what was told to it
 * and others since the first frame for it; a hint, without a lock.
 */
uint64_t ks_journal_lag(const ks_mem_t *m, uint64_t readers);

/* Frees what the cursor has. */
void ks_journal_done(ks_cursor_t *c);


#endif /* KS_JOURNAL_H */
