/*
 * Questions from one process to all others that have the zone, and answers.
 *
 * A client whose command needs what other processes know asks, is told "not
 * yet", and runs its command again when all have answered, or when it has
 * waited long enough: a process that is stopped is left out.  Answers come in
 * pieces, each asked for by itself, so that none is too large for the journal.
 *
 * Every process that has an end of the bus answers: ks_asks_open().
 */

#ifndef KS_ASK_H
#define KS_ASK_H

#include "bus/ks_hub.h"
#include "bus/ks_peers.h"


#define KS_ASK_PATIENCE  1000           /* ms, for all answers together */
#define KS_ASK_PIECE     8192           /* bytes of an answer, about */
#define KS_ASK_LINE      4096           /* and what may come beyond it */

/* what is asked, and what is only told */
enum {
    KS_ASK_LIST = 0,            /* lines of clients, in the order of their
                                   ids */
    KS_ASK_KILL,                /* how many were killed */
    KS_ASK_FIND,                /* whether a client is there */
    KS_ASK_RESUME,              /* told: commands are to be tried again */
    KS_ASK_USERS,               /* told: users have changed */
    KS_ASK_PUSH,                /* told: to be pushed on, see ks_tracking.c */
    KS_ASK_GONE,                /* told: it could not be pushed on */
    KS_ASK_FAR,                 /* told: of the links to another store */
    KS_ASK_ROLE,                /* told: what REPLICAOF has said */
    KS_ASK_SHARD,               /* told: of subscribers, see ks_pubsub.h */
    KS_ASK_AWAITED              /* told: of who is to be one, see ks_far.h */
};

/* what is asked; text is the question's own matter */
typedef struct {
    uint64_t   id;              /* from ks_next_id(), when it was asked: who
                                   came later has a higher one */
    uint32_t   what;            /* KS_ASK_* */
    unsigned   from;            /* the row of the process that asks */
    uint64_t   after;           /* the answer begins behind that client's id */
    ks_str_t   text;
} ks_question_t;

/* written by who answers */
typedef struct {
    u_char    *data;            /* room for a piece, and KS_ASK_LINE bytes */
    size_t     len;
    size_t     room;
    int64_t    number;
    uint64_t   after;           /* it goes on behind that client; 0: it is
                                   complete */
} ks_answer_t;

/* Called outside of transactions; it may run some. */
typedef void (*ks_answer_pt)(ks_space_t *sp, ks_peers_t *peers,
    const ks_question_t *q, ks_answer_t *a);

/* a part of what asks; all zero: nothing is asked */
typedef struct ks_ask_s  ks_ask_t;

struct ks_ask_s {
    void          (*done)(ks_ask_t *ask);   /* all have answered; NULL: no
                                               matter */

    uint64_t        id;         /* 0: nothing is asked */
    uint64_t        missing;    /* processes that have not answered: bits */
    uint64_t        who;        /* processes whose number is not 0: bits */
    uint64_t        until;      /* ms since the epoch: no longer */
    int64_t         number;     /* the sum of those that came */

    u_char         *data;       /* malloc()ed: all that came, one behind the
                                   other */
    size_t          len;
    size_t          room;
    unsigned        lost:1;     /* some of it, for want of memory */

    uint32_t        what;
    u_char         *text;       /* malloc()ed */
    size_t          text_len;

    ks_ask_t       *next;
    ks_ask_t      **prev;
};


/* After ks_hub_open(), and before it closes; KS_ERR: it is not there. */
int ks_asks_open(ks_space_t *sp, ks_peers_t *peers, ks_answer_pt answer);
void ks_asks_close(ks_space_t *sp);

/*
 * Asks all other processes, at the time now; not inside a transaction.
 * KS_OK: the answers will come.  KS_NONE: there is nobody to be asked, or it
 * cannot be asked.
 */
int ks_ask(ks_space_t *sp, ks_ask_t *ask, uint32_t what, const ks_str_t *text,
    uint64_t now);

/* Whether it is worth while to wait for more answers. */
static inline int
ks_ask_waits(const ks_ask_t *ask, uint64_t now)
{
    return ask->missing != 0 && now < ask->until;
}

/* Nothing more is wanted: frees what came. */
void ks_ask_end(ks_ask_t *ask);

/*
 * Tells all processes, this one included, what needs no answer: each calls the
 * function of ks_asks_open(), with the answer NULL.
 */
void ks_ask_all(ks_space_t *sp, uint32_t what, const ks_str_t *text);

/* The same for the processes of a set. */
void ks_ask_tell(ks_space_t *sp, uint64_t processes, uint32_t what,
    const ks_str_t *text);


#endif /* KS_ASK_H */
