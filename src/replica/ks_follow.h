/*
 * Following an upstream: what a replica of Redis or Valkey says to its primary,
 * and what it makes of the answers.
 *
 * This is the state of one connection after the other, of the process that has
 * the link (ks_upstream_claim()).  Bytes come in and go out by functions, and
 * time is given: nothing here knows sockets or timers.  The handle is the
 * process's own, with which it also serves clients; no function is called while
 * it is inside of a transaction, and all of them let its locks go.
 *
 * What is in the zone of the stream, and how far that is, changes with each
 * transaction at once, so a connection may end at any byte, as may the process.
 */

#ifndef KS_FOLLOW_H
#define KS_FOLLOW_H

#include "keyspace/ks_space.h"


typedef struct ks_follow_s  ks_follow_t;

typedef enum {
    KS_FOLLOW_NOTICE = 0,
    KS_FOLLOW_WARN,
    KS_FOLLOW_ERROR
} ks_follow_level_t;

typedef struct {
    ks_space_t   *space;

    /* texts live as long as this does; without data: there is none */
    ks_str_t      user;
    ks_str_t      password;

    unsigned      port;         /* of ours, as the upstream is told; or 0 */
    uint64_t      timeout;      /* ms without a byte after which a connection
                                   is dead */

    /* the bytes are the function's to copy; it may not call back */
    void        (*send)(void *data, const u_char *p, size_t n);
    void        (*log)(void *data, ks_follow_level_t level, const char *text);
    void         *data;
} ks_follow_options_t;


/* NULL: the process has no memory. */
ks_follow_t *ks_follow_open(const ks_follow_options_t *options);
void ks_follow_close(ks_follow_t *f);

/*
 * All times in ms since the epoch.  A connection is there; bytes have come;
 * time has passed.  KS_OK; or KS_ERR: the connection is to be closed, which
 * ks_follow_lost() then says, and ks_follow_why() why.
 */
int ks_follow_connected(ks_follow_t *f, uint64_t now);
int ks_follow_input(ks_follow_t *f, const u_char *p, size_t n, uint64_t now);
int ks_follow_tick(ks_follow_t *f, uint64_t now);

/*
 * So many more bytes of the stream are there already, and have not been read.
 */
void ks_follow_known(ks_follow_t *f, uint64_t more);

/* When ks_follow_tick() is to be called next; UINT64_MAX: nothing is due. */
uint64_t ks_follow_due(const ks_follow_t *f);

/*
 * The connection is gone, or could not be made; why NULL: as ks_follow_why()
 * says.  Whether it had come to the stream: then the next try need not wait.
 */
int ks_follow_lost(ks_follow_t *f, uint64_t now, const char *why);
const char *ks_follow_why(const ks_follow_t *f);

/*
 * Whether the last connection ended for want of room in the zone.  That is
 * logged by itself, once until there is room (ks_upstream_set_full()).
 */
int ks_follow_lacks_room(const ks_follow_t *f);


#endif /* KS_FOLLOW_H */
