/*
 * What the files that replay an append-only file share: ks_aof_replay.c has the
 * file, its batches of commands and its end, ks_aof_run.c is the way into the
 * zone.
 */

#ifndef KS_AOF_IN_H
#define KS_AOF_IN_H

#include "commands/ks_command.h"
#include "persist/ks_aof_reader.h"
#include "persist/ks_aof_replay.h"


#define KS_AOF_BATCH  64                /* commands of one transaction */
#define KS_AOF_NONE   SIZE_MAX

/* a command that may be run */
typedef struct {
    const ks_command_t  *cmd;
    const ks_aof_command_t  *from;
    unsigned             failed:1;
} ks_aof_todo_t;

struct ks_aof_replay_s {
    ks_aof_reader_t          reader;
    ks_space_t              *space;     /* NULL: only to look */
    ks_client_t              client;
    ks_aof_replay_options_t  options;
    ks_aof_replayed_t       *done;
    ks_load_report_t        *report;
    jmp_buf                  jump;
    uint64_t                 now;       /* ms since the epoch */
    uint64_t                 db;
    size_t                   multi;     /* the command that has begun a
                                           transaction; KS_AOF_NONE */
    size_t                   exec;      /* and the one that ends it */
    unsigned                 ended:1;

    ks_aof_todo_t           *todo;
    size_t                   n;
    size_t                   room;
    size_t                   first;     /* those that are run now */
    size_t                   last;
    ks_reply_why_t           why;
    char                     wrong[KS_WHY_MAX + 1];     /* the first error */
};


/* Notes why the replay has failed, and at which byte; KS_ERR. */
int ks_aof_fail(ks_aof_replay_t *rp, uint64_t offset, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* whether that is a command's name */
int ks_aof_is(const ks_aof_replay_t *rp, const ks_aof_command_t *c,
    const char *name);

/*
 * Runs commands that were read: those before number "end", or those between
 * rp->multi and rp->exec, as one transaction.  KS_ERR: see the report.
 */
int ks_aof_run_plain(ks_aof_replay_t *rp, size_t end);
int ks_aof_run_whole(ks_aof_replay_t *rp);


#endif /* KS_AOF_IN_H */
