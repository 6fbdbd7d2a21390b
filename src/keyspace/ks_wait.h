/*
 * Clients that wait for keys.
 *
 * Whoever waits has a record in the zone, and one more for each key: they are
 * in a shard of their own, the last, which is locked in addition to those of
 * the keys.  A flush of the keyspace leaves them.  What a record says of its
 * client is the client's process, and the command that is to be run for it.
 *
 * The transaction that makes a key ready serves the clients that wait for it,
 * before its commit: a layer above does that, see ks_wait_serve_by().  Records
 * of a process that is dead count for nothing, and are taken away by whoever
 * comes across them.
 */

#ifndef KS_WAIT_H
#define KS_WAIT_H

#include "keyspace/ks_change.h"
#include "keyspace/ks_place.h"


/* It is to be served, too, when the key ends or gets another type. */
#define KS_WAIT_ENDS  (1u << 31)

typedef struct {
    uint64_t         id;        /* no other one of the zone waits by it */
    uint32_t         process;   /* its row, and its birth: ks_process.h */
    uint32_t         birth;
    uint32_t         types;     /* 1 << KS_TYPE_*: what is of use to it; and
                                   KS_WAIT_ENDS */
    uint32_t         resp3;     /* what its reply may be made of */
    ks_str_t         user;      /* in whose name, as the caller has it */

    int              first;     /* argv[first] and so on are the keys that it */
    int              nkeys;     /* waits for, each 1 to KS_KEY_MAX bytes or
                                   "" */
    int              argc;
    ks_str_t        *argv;
} ks_wait_t;

/* one of those that wait for a key */
typedef struct {
    uint64_t         id;
    uint32_t         process;
    uint32_t         birth;
    uint32_t         types;
    ks_str_t         key;
} ks_wait_key_t;


/* the bit of the shard that the records are in */
uint64_t ks_wait_shard(const ks_space_t *sp);

/* how many wait in all: without a lock it is a hint */
uint32_t ks_wait_count(ks_space_t *sp);

/* Sets whose client it is: this process's; and whether such a process lives. */
void ks_wait_here(ks_space_t *sp, ks_wait_t *w);
int ks_wait_lives(ks_space_t *sp, uint32_t process, uint32_t birth);

/*
 * Inside a transaction that has the shards of the keys locked; the shard of
 * the records is asked for with ks_want_shards().  That its process wants
 * KS_TOLD_WAITERS has been said before.
 */
void ks_wait_begin(ks_space_t *sp, const ks_wait_t *w);

/*
 * Who waits by that id; copies in the arena.  KS_NONE: nobody.  ks_wait_end()
 * is for one that was read so, and takes all its records away.  Both ask for
 * the shards that they need.
 */
int ks_wait_read(ks_space_t *sp, uint64_t id, ks_wait_t *w);
void ks_wait_end(ks_space_t *sp, const ks_wait_t *w);

/*
 * Of those that wait for the key at a place, the one behind the first "skip",
 * in the order in which they came; the key is a copy in the arena.  KS_NONE:
 * there are no more.  ks_wait_drop() takes that one record away.
 */
int ks_wait_at(ks_space_t *sp, const ks_place_t *at, uint32_t skip,
    ks_wait_key_t *w);
void ks_wait_drop(ks_space_t *sp, const ks_place_t *at, uint32_t skip);

/*
 * Takes away up to max records of dead processes, of clients from the id *from
 * on, and says in *from where to go on; 0: there are no more.
 */
void ks_wait_sweep(ks_space_t *sp, uint64_t *from, unsigned max);


/* --- keys that have become ready --- */

/*
 * Who serves: it is called at the end of the body of a transaction that has
 * changed keys for which somebody waits, as a part of that transaction.
 */
void ks_wait_serve_by(void (*serve)(ks_space_t *sp));

/*
 * That a key has ended outside of a body, or all keys have, or all may have
 * other values, is a record of kind KS_TOLD_WAITERS: whoever reads it has a
 * body that notes as ready what it is about.
 */
void ks_wait_recall(ks_space_t *sp, const ks_frame_record_t *record);

/* The next of these keys, in the order of their changes; KS_NONE: none. */
int ks_wait_next(ks_space_t *sp, ks_place_t *at);

/*
 * How many may be served in the running transaction: more answers cannot be
 * told.  ks_wait_spare() begins the transaction again with a lower number.
 */
uint32_t ks_wait_limit(const ks_space_t *sp);
void ks_wait_spare(ks_space_t *sp, uint32_t limit) __attribute__((noreturn));


#endif /* KS_WAIT_H */
