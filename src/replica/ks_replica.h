/*
 * A replica of this zone, in the worker that has its connection: where it is in
 * the stream, and what comes next for it.
 *
 * It knows no sockets.  ks_replica_begin() says whether the replica can go on
 * with what it has.  If not, it waits for a file (ks_replica_file()), which is
 * sent before the stream, and while it is being made, if the replica takes one
 * that ends with a mark.  Then ks_replica_next() has the stream, out of the
 * ring, some frames at a time: so what is under way is bounded by the ring,
 * however slow a replica is, and one that the ring overtakes has to come again.
 *
 * All replicas get as many bytes, so that offsets are the same for all: what a
 * stock Redis does not know (documents of JSON, when fields of hashes expire)
 * is told to it as a command of the same length that does nothing.
 */

#ifndef KS_REPLICA_H
#define KS_REPLICA_H

#include "keyspace/ks_primary.h"
#include "keyspace/ks_wire.h"
#include "memory/ks_journal.h"


/* bytes of the stream that are put together, as a rule */
#define KS_REPLICA_PIECE  65536

/* the first line for a replica, and the size of a file */
#define KS_REPLICA_TEXT   128

#define KS_REPLICA_MARK   40

/* all zero at first */
typedef struct {
    ks_space_t         *space;
    ks_replica_said_t  *said;   /* the connection's */
    unsigned            row;
    unsigned            open:1;
    uint64_t            offset; /* of the stream, that was put */
    uint64_t            turn;   /* of the stream's name */
    ks_cursor_t         cursor;
    ks_wire_t           wire;   /* what was put last */
} ks_replica_t;


/*
 * A connection has said PSYNC or SYNC.  KS_OK: it goes on, and text, of
 * KS_REPLICA_TEXT bytes, is what it is told first.  KS_AGAIN: it gets a file.
 * KS_ERR: there is no row for it.
 */
int ks_replica_begin(ks_replica_t *r, ks_space_t *sp, uint64_t client,
    ks_replica_said_t *said, char *text);
void ks_replica_end(ks_replica_t *r);

typedef struct {
    uint64_t            number;
    uint64_t            size;   /* so far, if it */
    unsigned            grows:1;
} ks_replica_file_t;

/*
 * Its file.  KS_OK: there it is, to be opened and then taken.  KS_AGAIN: not
 * yet.  KS_ERR: it could not be made.
 */
int ks_replica_file(const ks_replica_t *r, ks_replica_file_t *file);

/*
 * The file is open: KS_OK, and text is what goes before it; or KS_ERR, there is
 * none any more, and it is going to get another one.  Behind one that grows
 * goes the mark, KS_REPLICA_MARK bytes that nobody can guess.
 */
int ks_replica_took(ks_replica_t *r, const ks_replica_file_t *file, int opened,
    const char *mark, char *text);

/*
 * How large the one that grows is by now, and whether it does any more.
 * KS_ERR: it is not gone on with.
 */
int ks_replica_grown(ks_replica_t *r, ks_replica_file_t *file);

/* The file is sent: what follows is the stream. */
void ks_replica_online(ks_replica_t *r);

/*
 * What comes next of the stream, in r->wire.  KS_OK; KS_NONE: nothing so far;
 * KS_ERR: the ring has it no more; KS_ABORTED: the stream has got another name,
 * and it has to come again; KS_NOMEM.
 */
int ks_replica_next(ks_replica_t *r);

/* Since when it has said nothing, ms. */
uint64_t ks_replica_silent(const ks_replica_t *r, uint64_t now);


/* --- ks_replica_mask.c --- */

/*
 * A command that a stock Redis does not know becomes one of the same length
 * that does nothing; whether it has.
 */
int ks_replica_mask(u_char *command, size_t len);


/* --- ks_replica_commands.c --- */

/* Adds PSYNC, SYNC and REPLCONF to the table of commands. */
int ks_replica_init(void);


#endif /* KS_REPLICA_H */
