/*
 * What the files of INFO share.
 */

#ifndef KS_INFO_H
#define KS_INFO_H

#include "commands/ks_databases.h"
#include "keyspace/ks_snapshot.h"
#include "keyspace/ks_upstream.h"


/* a text that is being written */
typedef struct {
    char                 *text;
    size_t                len;
    size_t                room;
    uint64_t              now;          /* ms since the epoch */
    ks_space_t           *space;
    ks_zone_t            *zone;
    const ks_client_t    *client;
    const ks_databases_t *databases;    /* NULL: one */
    ks_stats_t           *stats;        /* NULL: commands are not counted */
    uint32_t              blocked;      /* clients that wait for keys */
    ks_snapshot_state_t   saves;
} ks_info_t;


/* --- ks_info.c --- */

/* One line; what does not fit is left out as a whole. */
void ks_info_line(ks_info_t *info, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* --- ks_info_replica.c: a zone that follows an upstream --- */

void ks_info_replica(ks_info_t *info, const ks_upstream_state_t *st);

/* the reply to ROLE */
void ks_reply_role_replica(ks_reply_t *reply, const ks_upstream_state_t *st);

/* --- ks_info_cpu.c: what the processes of the zone have used --- */

void ks_info_cpu(ks_info_t *info);


/* --- ks_cmd_replication.c --- */

void ks_info_replication(ks_info_t *info);


/* --- ks_cmd_info_stats.c: sections of what is counted --- */

void ks_info_stats(ks_info_t *info);
void ks_info_commandstats(ks_info_t *info);
void ks_info_latencystats(ks_info_t *info);
void ks_info_errorstats(ks_info_t *info);


#endif /* KS_INFO_H */
