/*
 * The clients of all processes: their lines, who of them is meant, and what
 * processes ask each other about them.
 */

#ifndef KS_CLIENTS_H
#define KS_CLIENTS_H

#include "bus/ks_ask.h"
#include "commands/ks_command.h"


/* who is meant; what is not given fits everybody */
typedef struct {
    uint64_t         id;        /* 0: any */
    uint64_t         newest;    /* no client of a higher id; 0: any */
    uint64_t         spared;    /* not this one */
    uint64_t         age;       /* s, at least */
    int32_t          type;      /* ks_peer_type_t, or */
    uint32_t         pad;
    ks_str_t         addr;      /* data NULL: any */
    ks_str_t         laddr;
    ks_str_t         user;
} ks_client_filter_t;

#define KS_CLIENT_ANY     (-1)
#define KS_CLIENT_NOBODY  (-2)  /* of a type that there is not here */

/* bytes of a line without names, libraries, addresses */
#define KS_CLIENT_LINE    512


/* The line of a client at that time in the arena, with its "\n". */
ks_str_t ks_client_line(ks_space_t *sp, ks_peer_t *peer, uint64_t now);

/* The same of an HTTP request: a client that has just come, and goes with its
 * reply. */
ks_str_t ks_client_request_line(ks_space_t *sp, const ks_client_t *client);

/* How many of this process were killed. */
int64_t ks_clients_kill(ks_peers_t *peers, const ks_client_filter_t *f,
    uint64_t now);

int ks_client_fits(ks_peer_t *peer, const ks_client_filter_t *f,
    uint64_t now);

/*
 * Asks the other processes, for a command that is run alone; leaves it for
 * KS_AGAIN until they have answered.  NULL: the command is to do with what this
 * process knows: it is part of a transaction, or there is nobody else.  The
 * answers are to be freed with ks_ask_end().
 */
ks_ask_t *ks_clients_ask(ks_ctx_t *c, uint32_t what,
    const ks_client_filter_t *f);

/* All commands that are held back are to be tried again, in all processes. */
void ks_clients_resume(ks_space_t *sp);

/* The function of ks_asks_open(). */
void ks_clients_answer(ks_space_t *sp, ks_peers_t *peers,
    const ks_question_t *q, ks_answer_t *a);


#endif /* KS_CLIENTS_H */
