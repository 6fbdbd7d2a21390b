/*
 * Snapshots: the keyspace and the functions as they were at one instant, made
 * by one process while all others go on.
 *
 * What they rest on:
 *
 *  S1  A snapshot begins under the locks of all shards.  Each transaction holds
 *      a lock from its first look to its commit, so it lies before that instant
 *      or behind it, and is in the snapshot whole or not at all.
 *  S2  Each entry that was there then is written once: by the process that
 *      walks, or in the image that is told with the first change of it.
 *  S3  An image and the mark that says so are part of the transaction that
 *      changes the entry.  One that is undone leaves neither.
 *  S4  All that a value loses is lost in the transaction that has looked it up
 *      and told its image, or it has waited until the value was written.  What
 *      flushes everything breaks the snapshot.
 *  S5  An image is not lost: its reader is waited for, and if it is overtaken
 *      all the same, the snapshot is given up.
 *  S6  The process that walks changes nothing but marks, each with one store
 *      under the lock of the shard, outside of transactions.  Its death leaves
 *      marks that the next one clears before it begins.
 *
 * While none is made that costs the test of a field where a key is looked up.
 */

#ifndef KS_SNAPSHOT_H
#define KS_SNAPSHOT_H

#include "keyspace/ks_image.h"
#include "memory/ks_journal.h"


/* what a record of KS_TOLD_IMAGES begins with; the image follows */
typedef struct {
    uint64_t          number;   /* of the snapshot that it is for */
    uint32_t          timed;    /* 1: it is a hash whose fields expire */
    uint32_t          type;     /* KS_TYPE_* */
} ks_image_head_t;

typedef struct {
    ks_space_t       *space;
    int               times;    /* when fields expire is written */

    /* when it began: which one it is, keys, those that expire, the journal's
       head */
    uint64_t          number;
    uint64_t          keys;
    uint64_t          expires;
    uint64_t          at;
    uint64_t          stream;   /* the same of the stream to replicas */

    unsigned          leaves;   /* KS_LEAVES_*, what is not wanted */

    uint64_t          timed;    /* written: hashes whose fields expire */
    uint64_t          left;     /* not written: documents */

    /* private */
    uint64_t          next;     /* the bucket that the walk has come to */
    uint32_t          function; /* the one that comes next, */
    size_t            written;  /* and how much of its text has come */
    unsigned          large:1;  /* this key's value is written in steps */
    uint64_t          hash;
    ks_str_t          key;      /* malloc()ed */
    ks_image_steps_t  steps;
} ks_snapshot_t;


/* --- the process that makes them --- */

/*
 * Makes this process, which has a row, the one that makes snapshots of the
 * zone.  KS_AGAIN: another one that lives is.  *cut: the one before it died
 * amid one.  asked: whoever asks for one gets it; else those are made that this
 * process wants for itself.  No lock may be held, here and below.
 */
int ks_snapshot_claim(ks_space_t *sp, int asked, int *cut);

/*
 * Clears the marks that are left of a snapshot that was given up, some buckets
 * at a time from *at on, at first 0.  KS_OK: there is more; KS_AGAIN: the shard
 * is busy; KS_NONE: none is left.
 */
int ks_snapshot_clear(ks_space_t *sp, uint64_t *at);

/*
 * Begins one, of which the marks are cleared and KS_TOLD_IMAGES is wanted by
 * this process.  KS_AGAIN: not all locks could be had within so many ms.
 * KS_NOMEM.  s->space, s->times and s->leaves are set, all else is zero.
 */
int ks_snapshot_begin(ks_snapshot_t *s, unsigned patience);

/*
 * The next bytes of the file's middle, the functions first, at *p and before
 * end, where there are KS_IMAGE_ROOM or more; and *p behind them.  One lock is
 * held meanwhile, for some microseconds.  KS_OK: there is more.
 * KS_AGAIN: there is, and the shard is busy.  KS_NONE: that was all, and what
 * was told so far has the rest.  KS_ERR: it is broken.  KS_NOMEM.
 *
 * Images that were told can be put between two steps if ks_snapshot_between().
 */
int ks_snapshot_step(ks_snapshot_t *s, u_char **p, u_char *end);

/* Whether an entry of that type is not wanted; those that are left count. */
int ks_snapshot_leaves(ks_snapshot_t *s, unsigned type);

static inline int
ks_snapshot_between(const ks_snapshot_t *s)
{
    return !(s->large && s->steps.begun) && s->written == 0;
}

/*
 * All that was told is heard: nothing more is to be told.  KS_ERR: it is
 * broken, and ks_snapshot_broken() says in words why.
 */
int ks_snapshot_complete(ks_snapshot_t *s);
const char *ks_snapshot_broken(ks_space_t *sp);

/*
 * It is given up, be it because this process was overtaken by what was told;
 * and frees what it has, however it ends.
 */
void ks_snapshot_give_up(ks_space_t *sp, int overtaken);
void ks_snapshot_end(ks_snapshot_t *s);

/* This process goes on, now. */
void ks_snapshot_beat(ks_space_t *sp);

/*
 * What others are told: an attempt begins at a time, and ends.  ended() answers
 * the questions up to that number; changes is what ks_changes() was when it
 * began.  begun(): which attempt it is since the last one that ended, from 1
 * on.
 */
unsigned ks_snapshot_begun(ks_space_t *sp, uint64_t now);
void ks_snapshot_ended(ks_space_t *sp, uint64_t number, int good,
    uint64_t now, uint64_t changes);

/* The number of the last question, and that of the last which is answered. */
uint64_t ks_snapshot_wanted(const ks_space_t *sp);
uint64_t ks_snapshot_served(const ks_space_t *sp);

/* All transactions that run now have ended, and know what is wanted. */
void ks_snapshot_barrier(ks_space_t *sp);

/* Whether others wait for it, be it for a value or for room in the journal. */
int ks_snapshot_hurry(const ks_snapshot_t *s);


/* --- of all processes --- */

/*
 * Asks for a snapshot: the number of the question.  0: there is no process that
 * makes any.  Inside a transaction it is told with it.
 */
uint64_t ks_snapshot_ask(ks_space_t *sp);

/* What is known; times in ms since the epoch, 0: never. */
typedef struct {
    unsigned   able:1;          /* a process makes snapshots */
    unsigned   busy:1;          /* one is being made, or asked for */
    unsigned   failed:1;        /* the last that ended was not good */
    uint64_t   begun;           /* the one that is being made */
    uint64_t   last;            /* when the last good one was complete, or when
                                   the zone was laid out */
    uint64_t   took;            /* ms, of the last one that ended */
    uint64_t   changes;         /* since the last good one began */
    uint64_t   served;          /* questions up to this one are answered */
} ks_snapshot_state_t;

void ks_snapshot_state(ks_space_t *sp, ks_snapshot_state_t *st);


#endif /* KS_SNAPSHOT_H */
