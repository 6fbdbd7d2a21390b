/*
 * What a zone is by REPLICAOF: a primary, or a replica of another store.  The
 * configuration says whether REPLICAOF is obeyed, and what the zone is until it
 * is said ("replicaof" in nginx.conf).
 *
 *  R1  What was said, the place in the upstream's stream, the name of the
 *      zone's own history and what commands may do change in one transaction
 *      that holds all shards: each other transaction lies before it or behind
 *      it.
 *  R2  A transaction that applies what an upstream sends asks by ks_role_turn()
 *      whether the order is still the one that it works for, under its locks,
 *      and comes to nothing if not.
 *  R3  So a replica that becomes a primary has the upstream's keys as at an
 *      offset, and its own history begins there: replicas that have exactly
 *      that go on.
 *
 * The words lie in the zone: they outlive workers, reloads and upgrades, and
 * with "file" all processes.
 */

#ifndef KS_ROLE_H
#define KS_ROLE_H

#include "keyspace/ks_handle.h"


typedef enum {
    KS_ROLE_CONFIGURED = 0,     /* nothing was said */
    KS_ROLE_REPLICA,
    KS_ROLE_PRIMARY
} ks_role_t;

typedef struct {
    ks_role_t    role;
    uint64_t     turn;
    unsigned     port;          /* of a replica's primary */
    char         host[KS_UPSTREAM_HOST];
} ks_role_state_t;


/* --- of the host: without a handle --- */

/*
 * Whether REPLICAOF is obeyed, and with which priority Sentinel may choose the
 * zone.  line is what nginx.conf says, as a hash: with another one than before
 * it holds again, as it does when REPLICAOF is not obeyed any more.
 */
typedef struct {
    int          obeys;
    uint64_t     line;
    unsigned     priority;      /* 0: it is never chosen */
} ks_role_settings_t;

void ks_role_configure(ks_zone_t *zone, const ks_role_settings_t *settings);

/*
 * In a process that has a hub: told() is called, with a hub's hearing, when
 * REPLICAOF has said something (NULL: it never is obeyed), and refused() when
 * it was not obeyed.
 */
struct ks_role_host_s {
    void       (*told)(void *data);
    void       (*refused)(void *data, const ks_str_t *host,
                          const ks_str_t *port);
    void        *data;
};

void ks_role_listen(ks_space_t *sp, const ks_role_host_t *host);
void ks_role_told(ks_space_t *sp);
void ks_role_refused(ks_space_t *sp, const ks_str_t *host,
    const ks_str_t *port);

/*
 * What commands may do is what the role says, whatever a process that had the
 * link has left; outside transactions.
 */
void ks_role_settle(ks_space_t *sp);


/* --- of all processes --- */

int ks_role_obeys(const ks_space_t *sp);
unsigned ks_role_priority(const ks_zone_t *zone);

/* Counts what was said. */
uint64_t ks_role_turn(const ks_space_t *sp);

void ks_role_state(const ks_zone_t *zone, ks_role_state_t *st);


/* --- inside a body that holds all shards --- */

/*
 * It follows that store from now on; KS_NONE: it does already; KS_ERR: the host
 * is too long.  And it is a primary from now on; KS_NONE: it is.
 */
int ks_role_replica(ks_space_t *sp, const ks_str_t *host, unsigned port);
int ks_role_primary(ks_space_t *sp);


#endif /* KS_ROLE_H */
