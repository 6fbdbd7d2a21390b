/*
 * The journal on disk, as all processes know it: whether there is one, how far
 * it is, and who waits for it.  The files are written by one helper process
 * (persist/ks_aof.h), from the effects in the ring of the zone's journal.
 *
 * Positions are those of the ring: the end of the frame that a transaction has
 * told (ks_call_s.wrote).
 *
 * The place.  What the helper has written lies in the zone as one value: which
 * increment, how many bytes of it, and the position of the next frame.  It is
 * stored beside the one that counts, and comes to count with one store.  So
 * whoever goes on for a helper that was killed cuts the increment to that
 * length, and writes the same bytes again from the same frame.
 *
 * While there is none, all of this is the test of a field.
 */

#ifndef KS_AOF_H
#define KS_AOF_H

#include "keyspace/ks_handle.h"


/* when what was written goes to the disk, and who waits for that */
typedef enum {
    KS_AOF_NO = 0,              /* when the kernel likes */
    KS_AOF_EVERYSEC,            /* within a second or so */
    KS_AOF_ALWAYS               /* and no reply leaves before */
} ks_aof_mode_t;

typedef struct {
    ks_aof_mode_t  mode;
    int            lax;         /* after an error commands go on to write */
    uint64_t       percent;     /* it is rewritten when it has grown by that */
    uint64_t       least;       /* and has so many bytes; percent 0: never */
    const char    *name;        /* of its directory, without those above it */
} ks_aof_settings_t;


/* --- of all processes --- */

/* Whether there is one: the test of a field. */
static inline int
ks_aof_on(const ks_space_t *sp)
{
    return __atomic_load_n(&((const ks_told_t *) sp)->gate->aof_on,
                           __ATOMIC_RELAXED) != 0;
}

/*
 * The errno for which commands that write are refused at the moment; 0: they
 * are not.
 */
static inline int
ks_aof_refuses(const ks_space_t *sp)
{
    return __atomic_load_n(&((const ks_told_t *) sp)->gate->aof_refuses,
                           __ATOMIC_RELAXED);
}

/*
 * Whether a command that writes is to wait, as its helper is half of the ring
 * behind.  If that has no helper for two seconds, commands that write are
 * refused, or (lax) go on.
 */
int ks_aof_behind(ks_space_t *sp);

/*
 * Whether commands may have to be held back, for the journal on disk or for a
 * pause (ks_pause.h): the test of two fields.
 */
static inline int
ks_gate_set(ks_space_t *sp)
{
    return __atomic_load_n(&((const ks_told_t *) sp)->gate->pause,
                           __ATOMIC_RELAXED) != 0
           || (ks_unlikely(ks_aof_on(sp)) && ks_aof_behind(sp));
}

/* Whether replies wait until what they tell of is on the disk. */
int ks_aof_always(const ks_space_t *sp);

/*
 * Whether what was told before the position is on the disk; a reply need not
 * wait for it (ks_aof_passes()) if nobody waits for disks at the moment.
 */
int ks_aof_synced(const ks_space_t *sp, uint64_t position);
int ks_aof_passes(const ks_space_t *sp, uint64_t position);

/*
 * This process, which has a row, is woken when the next time something has
 * reached the disk.  What is asked of the two above is to be asked again after
 * it.
 */
void ks_aof_wait(ks_space_t *sp);

/*
 * Asks for a rewriting.  KS_OK: it is going to begin; KS_AGAIN: a snapshot is
 * made first; KS_ERR: one is under way, or was asked for; KS_NONE: there is no
 * journal on disk.
 */
int ks_aof_ask(ks_space_t *sp);

/* What is known; times in ms, and of an epoch where they are points. */
typedef struct {
    unsigned       on:1;
    unsigned       scheduled:1; /* a rewriting is asked for, and has not
                                   begun */
    unsigned       failed:1;    /* the last one */
    unsigned       refused:1;   /* there was an error in writing */
    unsigned       last_error;  /* the errno of the last one there was; 0 */
    ks_aof_mode_t  mode;
    uint64_t       begun;       /* the one that is under way; 0: none is */
    uint64_t       took;        /* the last one */
    uint64_t       rewrites;    /* that have ended */
    uint64_t       failures;    /* the last in a row */
    uint64_t       size;        /* bytes of all files, */
    uint64_t       base;        /* and behind the last rewriting */
    uint64_t       behind;      /* bytes of the ring that are not written */
    uint64_t       pending;     /* and of those that are, not on the disk */
    uint64_t       delayed;
    uint64_t       percent;
    uint64_t       least;
    const char    *name;        /* of the directory; it lies in the zone */
} ks_aof_state_t;

void ks_aof_state(const ks_zone_t *zone, ks_aof_state_t *st);


/* --- of the host: without a handle, as no other process has it yet --- */

/*
 * There is a journal on disk from now on, or (NULL) there is none any more:
 * then nobody waits for it.  Changes are told as of the next transactions, so
 * what there is before counts only with the next rewriting.
 */
void ks_aof_configure(ks_zone_t *zone, const ks_aof_settings_t *settings);

/*
 * A zone that nobody has yet, and that was empty, has been loaded from a
 * journal whose last increment is that one, with so many bytes.
 */
void ks_aof_loaded(ks_zone_t *zone, uint64_t number, uint64_t length,
    uint64_t inode);


/* --- of the helper --- */

/* What of the ring is written, and where. */
typedef struct {
    uint64_t  at;
    uint64_t  number;           /* 0: nowhere */
    uint64_t  length;
    uint64_t  inode;
} ks_aof_spot_t;

void ks_aof_spot(ks_space_t *sp, ks_aof_spot_t *spot);
void ks_aof_set_spot(ks_space_t *sp, const ks_aof_spot_t *spot);

/*
 * What the files say is the keyspace up to their end; or it is not, and a
 * rewriting is needed.
 */
int ks_aof_whole(ks_space_t *sp);
void ks_aof_set_whole(ks_space_t *sp, int whole);

/* Frames from the position on are needed; KS_AOF_FREE: none is. */
void ks_aof_set_floor(ks_space_t *sp, uint64_t floor);

/* What was told before is on the disk: who waits for it is woken. */
void ks_aof_set_synced(ks_space_t *sp, uint64_t position);

/*
 * The last write, or the fsync, has ended with that errno; 0: it was good.
 * After an error those who wait for the disk are let go if the journal is lax.
 */
void ks_aof_set_error(ks_space_t *sp, int err);

/* The bytes of all files but the last increment; fsyncs that took long. */
void ks_aof_set_files(ks_space_t *sp, uint64_t bytes);
void ks_aof_count_delay(ks_space_t *sp);

/*
 * A rewriting begins, and ends: KS_OK, or KS_ERR.  It answers the questions up
 * to that number; ks_aof_grown(): there is one that nobody need ask for.
 */
void ks_aof_begun(ks_space_t *sp, uint64_t now);
void ks_aof_ended(ks_space_t *sp, uint64_t number, int rc, uint64_t now);
uint64_t ks_aof_wanted(const ks_space_t *sp);
uint64_t ks_aof_served(const ks_space_t *sp);
int ks_aof_grown(ks_space_t *sp);

/* The position behind all that is told so far. */
uint64_t ks_aof_head(ks_space_t *sp);


#endif /* KS_AOF_H */
