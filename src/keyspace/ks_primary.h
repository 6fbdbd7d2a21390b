/*
 * The zone as the primary of replicas, as all processes know it: its id, and a
 * row for each replica.
 *
 * What replicas get is a file of the form of RDB, made by the helper process
 * that makes snapshots (replica/ks_syncer.h), and behind it the stream, which
 * is a function of the frames of the journal (ks_wire.h) and counted with them
 * (ks_journal_ends()).  So a replica that was cut off goes on from what it has,
 * with any worker, as long as the ring has what follows.
 *
 * A row belongs to the worker that has the connection.  Of a worker that is
 * dead they are free.
 *
 * While it is off all of this is the test of a field.
 */

#ifndef KS_PRIMARY_H
#define KS_PRIMARY_H

#include "keyspace/ks_handle.h"


/* the states of a row, in their order */
typedef enum {
    KS_REPLICA_NONE = 0,
    KS_REPLICA_ASKS,            /* for a file */
    KS_REPLICA_MAKES,           /* the file is being made, has so many bytes, */
    KS_REPLICA_READY,           /* and is complete */
    KS_REPLICA_FAILED,          /* or could not be made */
    KS_REPLICA_SENDS,           /* it is being sent */
    KS_REPLICA_ONLINE           /* the replica has it */
} ks_replica_state_t;

/* what a file may leave out */
#define KS_LEAVES_DOCUMENTS  0x01       /* of JSON */
#define KS_LEAVES_TIMES      0x02       /* of fields */
#define KS_LEAVES_KEYS       0x04       /* all of them */

typedef struct {
    const char  *id;            /* KS_REPLID digits: random, for one who
                                   begins */
    uint64_t     period;        /* between pings, ms */
    uint64_t     timeout;       /* of a replica that says nothing, ms */
    unsigned     least;         /* replicas without which nobody writes, */
    uint64_t     most;          /* which may be behind by so many ms */
} ks_primary_settings_t;

/* what a connection has said of itself, malloc()ed, all zero at first */
typedef struct {
    uint32_t     port;
    char         addr[KS_REPLICA_ADDR];
    unsigned     documents:1;   /* it knows JSON, and when fields expire */
    unsigned     psync2:1;
    unsigned     eof:1;         /* its file may end with a mark */
    unsigned     only:1;        /* it wants the file alone */
    unsigned     functions:1;   /* and in that only functions */
    unsigned     partial:1;     /* it asks to go on */
    unsigned     old:1;         /* by SYNC: it is told no id */
    unsigned     acked:1;       /* it has said how far it is */
    char         id[KS_REPLID];
    uint64_t     offset;        /* of the stream, that it has */
    unsigned     row;           /* from 1 on; 0: it has none */
} ks_replica_said_t;


/* --- of all processes --- */

static inline int
ks_primary_on(const ks_space_t *sp)
{
    return __atomic_load_n(&((const ks_told_t *) sp)->gate->primary_on,
                           __ATOMIC_RELAXED) != 0;
}

/*
 * Whether writing needs replicas; and then, whether commands that write are
 * refused, since too few follow: a look at all rows.
 */
static inline int
ks_primary_needs(const ks_space_t *sp)
{
    return ((const ks_told_t *) sp)->gate->least != 0;
}

int ks_primary_refuses(ks_space_t *sp);

/*
 * What is known.  Offsets are those of the ring (ks_journal_ends()); whoever is
 * told one gets it with the shift added to it.
 */
typedef struct {
    unsigned     on:1;
    uint64_t     turn;          /* of the name, and of what goes with it: */
    char         id[KS_REPLID + 1];
    char         before[KS_REPLID + 1]; /* whose replicas may go on; zeroes:
                                           none, */
    uint64_t     until;         /* with so much of it */
    uint64_t     shift;
    uint64_t     offset;        /* of the stream, so far */
    uint64_t     since;         /* of which the ring has what lies behind */
    uint64_t     size;          /* bytes of the ring */
    uint64_t     period;        /* ms */
    uint64_t     timeout;
    uint64_t     least;
    uint64_t     most;
} ks_primary_state_t;

void ks_primary_state(ks_space_t *sp, ks_primary_state_t *st);

/* The same of the zone, without its offsets. */
void ks_primary_settings(const ks_zone_t *zone, ks_primary_state_t *st);

/* Replica number i, below KS_REPLICAS; NULL: there is none, or it is dead. */
const ks_replica_row_t *ks_primary_replica(ks_space_t *sp, unsigned i);

/* How many are online, and have so much of the stream; or have it on disk. */
unsigned ks_primary_acked(ks_space_t *sp, uint64_t offset);
unsigned ks_primary_synced(ks_space_t *sp, uint64_t offset);

/* The offset of all that is told so far; and as others are told it. */
uint64_t ks_primary_offset(ks_space_t *sp);
uint64_t ks_primary_shown(const ks_space_t *sp, uint64_t offset);

/*
 * Inside a body that holds all shards.  ks_primary_own(): the name and the
 * offset of its own history, as they are told, or a new one if it has none.
 * ks_primary_promote(): it goes on for the history of that name (NULL: for
 * none), of which it has what lies before the offset, under a new one.  The
 * replicas that it has are let go.
 */
uint64_t ks_primary_own(ks_space_t *sp, char id[KS_REPLID]);
void ks_primary_promote(ks_space_t *sp, const char *before, uint64_t offset);

/* As ks_aof_wait(): for the next time that a replica acks. */
void ks_primary_wait(ks_space_t *sp);

/* Inside of a transaction: asks the replicas how far they are. */
void ks_primary_ask(ks_space_t *sp);


/* --- of a replica's worker --- */

/*
 * A row for the connection: its number.  KS_REPLICAS: there is none left.  What
 * is not said of it is 0.
 */
unsigned ks_replica_take(ks_space_t *sp, uint64_t client,
    const ks_replica_said_t *said);
void ks_replica_leave(ks_space_t *sp, unsigned i);

/* Its state is another one, if it is the one before; KS_ERR: it is not. */
int ks_replica_turn(ks_space_t *sp, unsigned i, ks_replica_state_t before,
    ks_replica_state_t state);

/* The helper is to look at the rows. */
void ks_primary_call(ks_space_t *sp);

/* Whether it follows the history that there is; another one may have begun. */
int ks_replica_current(ks_space_t *sp, uint64_t turn);

/* What it has, and has on its disk, as it says it; ms since the epoch. */
void ks_replica_ack(ks_space_t *sp, unsigned i, uint64_t offset,
    uint64_t synced, uint64_t now);

/* Pings all replicas, if it is time to. */
void ks_primary_ping(ks_space_t *sp, uint64_t now);


/* --- of the helper --- */

/* The number of a file that is going to be made, from 1 on. */
uint64_t ks_primary_file(ks_space_t *sp);

/* The row to be changed; and the worker that has it is woken. */
ks_replica_row_t *ks_primary_row(ks_space_t *sp, unsigned i);
void ks_primary_wake(ks_space_t *sp, const ks_replica_row_t *row);


/* --- of the host: without a handle --- */

/*
 * It is on from now on, or (NULL) off.  One that was off begins anew, with that
 * id, as does a zone that was laid out anew.
 */
void ks_primary_configure(ks_zone_t *zone,
    const ks_primary_settings_t *settings);


#endif /* KS_PRIMARY_H */
