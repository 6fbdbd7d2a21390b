/*
 * Changes of keys, and what is told of them.
 *
 * Every change of a key, its end included, goes through ks_changed(), whoever
 * makes it: a command, a script, a limit, a session, expiry, eviction.  Those
 * that go by keys (WATCH) learn of it there.
 *
 * What is told to readers elsewhere (a file, a replica, a check) goes into the
 * journal, as effects: Redis commands that give the same keyspace when they
 * are run again, in their order, on one that was the same before.  They are
 * deterministic: times are absolute, random choices have been made, and what
 * expired or was evicted is deleted by name.  A command's effect is as a rule
 * the command itself; a handler that knows better says so.
 *
 * The effects of a transaction are one frame of the journal, written with its
 * commit (KS_FRAME_* below).  Collecting them needs memory of the process; if
 * there is none, or if they are more than the journal holds, the frame is lost
 * and all readers are overtaken, but the transaction goes on.
 *
 * Of the effects of a frame, and of what is told to replicas besides, consists
 * the replication stream: one command as it is, several between MULTI and EXEC
 * (ks_wire.h).  How long the stream is goes with the frame.
 *
 * As long as no reader wants effects, all of this is the test of a field.
 */

#ifndef KS_CHANGE_H
#define KS_CHANGE_H

#include "keyspace/ks_handle.h"
#include "memory/ks_journal.h"


/* a frame: a header, and records behind it, each padded to 8 bytes */
typedef struct {
    uint32_t  len;              /* bytes, this header included */
    uint32_t  effects;          /* records of that kind */
    uint64_t  offset;           /* bytes of the stream to replicas before it */
    uint64_t  now;              /* ms since the epoch: the commands' time */
} ks_frame_t;

typedef struct {
    uint32_t  len;              /* bytes of data */
    uint32_t  kind;             /* one bit of KS_TOLD_* */
    uint64_t  readers;          /* for these, and for all that want the kind */
    u_char    data[];           /* an effect, or a command for replicas: as
                                   RESP sends it; else parts, see ks_tell() */
} ks_frame_record_t;

#define ks_frame_first(frame)                                                 \
    ((const ks_frame_record_t *) ((const ks_frame_t *) (frame) + 1))
#define ks_frame_next(record)                                                 \
    ((const ks_frame_record_t *) ((record)->data                              \
                                  + ks_align((size_t) (record)->len, 8)))
#define ks_frame_end(frame)                                                   \
    ((const ks_frame_record_t *) ((const u_char *) (frame)                    \
                                  + ((const ks_frame_t *) (frame))->len))


/*
 * Tells a record that consists of parts, which ks_record_part() reads: to those
 * who want that kind, and to the processes of the set "readers".  Whether it
 * is wanted at all is the caller's to know.  Without a journal, or if it is too
 * large for it, it is lost; see ks_tell_max().
 */
void ks_tell(ks_space_t *sp, uint32_t kind, uint64_t readers, unsigned n,
    const ks_str_t *parts);

/*
 * The next part, where *at is 0 for the first; it points into the record.
 * KS_NONE: there is no more.
 */
int ks_record_part(const ks_frame_record_t *record, size_t *at,
    ks_str_t *part);

/* Bytes that a record may have for sure, those of its parts together. */
size_t ks_tell_max(const ks_space_t *sp);

/*
 * Bytes of parts that the running transaction may yet tell in one more record,
 * so that its frame leaves room for others in the journal.
 */
size_t ks_tell_room(const ks_space_t *sp);

/* Whether any of these kinds of the running transaction are told. */
static inline int
ks_told(const ks_space_t *sp, uint32_t kinds)
{
    return (((const ks_told_t *) sp)->kinds & kinds) != 0;
}

/* Inside a transaction: from now on it tells these as well. */
void ks_told_more(ks_space_t *sp, uint32_t kinds);

/*
 * What the running transaction does cannot be told as effects: if these are
 * told, whoever reads them has to begin anew with the keyspace itself.
 */
void ks_effects_lose(ks_space_t *sp);

/* Whether effects are. */
static inline int
ks_effects_told(const ks_space_t *sp)
{
    return ks_told(sp, KS_TOLD_EFFECTS);
}

/* Whether a transaction that begins now tells any of these kinds. */
int ks_told_now(const ks_space_t *sp, uint32_t kinds);

/* The running transaction, which has told nothing yet, tells nothing. */
static inline void
ks_tell_nothing(ks_space_t *sp)
{
    ((ks_told_t *) sp)->kinds = 0;
}

/*
 * The client whose command is run, if it is not to be told of what it changes
 * itself: an id from ks_next_id(), 0: all are told.  It holds until the
 * transaction ends.
 */
void ks_set_author(ks_space_t *sp, uint64_t id);

/*
 * Whether the command that runs now changes no key, in which case what it looks
 * up need not be saved first (ks_snapshot.h); what was said before.  By itself
 * a transaction may change all that it looks up.
 */
int ks_set_reads(ks_space_t *sp, int reads);

/*
 * Tells an effect.  ks_effect() has its arguments; ks_effectf() makes them from
 * a text whose words are separated by single spaces: %s stands for the bytes of
 * a const ks_str_t *, %u for a uint64_t, %v for any number of arguments, an int
 * and a const ks_str_t * to the first of them.  ks_effect_begin() says of how
 * many arguments the command consists, which ks_effect_arg() then gives.
 *
 * All do nothing if effects are not told.
 */
void ks_effect(ks_space_t *sp, int argc, const ks_str_t *argv);
void ks_effectf(ks_space_t *sp, const char *fmt, ...);
void ks_effect_begin(ks_space_t *sp, int argc);
void ks_effect_arg(ks_space_t *sp, const u_char *data, size_t len);

/*
 * Tells a command for replicas that is no effect (ks_primary.h), if there may
 * be any.  A shard has to be locked.
 */
void ks_stream(ks_space_t *sp, int argc, const ks_str_t *argv);

/*
 * For handlers whose command would not come to the same when it is run again:
 * an effect, or one of several, in the place of the command itself.
 * ks_effect_as() is as ks_effectf(); ks_effect_at() is the command with another
 * time: argv[unit] is EX or the like, and the time behind it becomes at, ms.
 * ks_effect_own() alone says that there is no effect, or that it is told by
 * the functions above.
 */
void ks_effect_as(ks_space_t *sp, const char *fmt, ...);
void ks_effect_at(ks_space_t *sp, int argc, const ks_str_t *argv, int unit,
    uint64_t at);
void ks_effect_own(ks_space_t *sp);

/*
 * For the place that runs commands: what the transaction has changed so far,
 * to be compared with later.  Between mark and finish lies a handler.
 */
typedef struct {
    uint64_t  changes;
    unsigned  own:1;
} ks_effect_mark_t;

ks_effect_mark_t ks_effect_mark(ks_space_t *sp);

/* Tells the command itself, if it changed anything and told nothing else. */
void ks_effect_finish(ks_space_t *sp, const ks_effect_mark_t *mark, int argc,
    const ks_str_t *argv);


#endif /* KS_CHANGE_H */
