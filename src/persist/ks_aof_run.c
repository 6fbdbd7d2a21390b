/*
 * Commands on their way from an append-only file into the zone: which are run,
 * how many together, and what has failed.
 */

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "commands/ks_command_table.h"
#include "persist/ks_aof_in.h"


#define KS_AOF_AHEAD   6                /* whose keys are looked for */


/* --- what is wrong --- */

static int ks_aof_leave(ks_aof_replay_t *rp, uint64_t offset, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));


int
ks_aof_fail(ks_aof_replay_t *rp, uint64_t offset, const char *fmt, ...)
{
    int      n;
    char    *err;
    size_t   room;
    va_list  args;

    err = rp->report->err;
    room = sizeof(rp->report->err) - 32;

    va_start(args, fmt);
    n = vsnprintf(err, room, fmt, args);
    va_end(args);

    n = ks_min(ks_max(n, 0), (int) room - 1);
    (void) snprintf(err + n, 32, " at byte %llu",
                    (unsigned long long) offset);

    return KS_ERR;
}


/* KS_NONE: it is left out; KS_ERR: it is not to be. */

static int
ks_aof_leave(ks_aof_replay_t *rp, uint64_t offset, const char *fmt, ...)
{
    char     name[KS_LOAD_NAME];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    ks_load_count(rp->report, name);

    if (rp->space == NULL || rp->options.skip) {
        return KS_NONE;
    }

    return ks_aof_fail(rp, offset, "a zone cannot run %s", name);
}


/* the name of a command that is not known, fit for a log */

static void
ks_aof_name(const ks_str_t *name, char *to, size_t size)
{
    size_t  i;

    for (i = 0; i < name->len && i < size - 1; i++) {
        to[i] = isgraph(name->data[i]) && name->data[i] != '"'
                ? (char) tolower(name->data[i]) : '?';
    }

    to[i] = '\0';
}


static int
ks_aof_unknown(ks_aof_replay_t *rp, const ks_aof_command_t *c)
{
    char       name[24], sub[12];
    ks_str_t  *argv;

    argv = ks_aof_args(&rp->reader, c);
    ks_aof_name(&argv[0], name, sizeof(name));

    if (c->argc > 1 && ks_command_find(1, argv) != NULL) {
        ks_aof_name(&argv[1], sub, sizeof(sub));
        return ks_aof_leave(rp, c->offset, "command \"%s %s\"", name, sub);
    }

    return ks_aof_leave(rp, c->offset, "command \"%s\"", name);
}


/* --- which commands are run --- */

int
ks_aof_is(const ks_aof_replay_t *rp, const ks_aof_command_t *c,
    const char *name)
{
    const ks_str_t  *word;

    word = ks_aof_args(&rp->reader, c);

    return word->len == strlen(name)
           && strncasecmp((char *) word->data, name, word->len) == 0;
}


static int
ks_aof_select(ks_aof_replay_t *rp, const ks_aof_command_t *c)
{
    if (c->argc != 2
        || ks_parse_uint(ks_aof_args(&rp->reader, c) + 1, &rp->db) != KS_OK)
    {
        return ks_aof_fail(rp, c->offset, "SELECT of no database");
    }

    return KS_NONE;
}


/* What changes keys or scripts, or might; not what is about a connection. */

static int
ks_aof_belongs(const ks_command_t *cmd)
{
    return ((cmd->flags & (KS_CMD_WRITE | KS_CMD_READONLY))
            || (cmd->acl & KS_ACL_SCRIPTING))
           && !(cmd->acl & (KS_ACL_CONNECTION | KS_ACL_TRANSACT
                            | KS_ACL_PUBSUB))
           && !((cmd->flags & KS_CMD_ADMIN) && !(cmd->flags & KS_CMD_WRITE));
}


static void
ks_aof_add(ks_aof_replay_t *rp, const ks_command_t *cmd,
    const ks_aof_command_t *c)
{
    ks_aof_todo_t  *todo;

    if (rp->n == rp->room) {
        rp->room = rp->room ? rp->room * 2 : KS_AOF_BATCH;
        todo = realloc(rp->todo, rp->room * sizeof(ks_aof_todo_t));

        if (todo == NULL) {
            rp->reader.source.err = "the process has no memory";
            longjmp(rp->jump, 1);
        }

        rp->todo = todo;
    }

    rp->todo[rp->n].cmd = cmd;
    rp->todo[rp->n].from = c;
    rp->todo[rp->n].failed = 0;
    rp->n++;
}


/* KS_OK: it is to be run; KS_NONE: it is not; KS_ERR. */

static int
ks_aof_admit(ks_aof_replay_t *rp, const ks_aof_command_t *c)
{
    const ks_command_t  *cmd;

    cmd = ks_command_find(c->argc, ks_aof_args(&rp->reader, c));

    if (cmd == NULL) {
        return ks_aof_unknown(rp, c);
    }

    if (cmd->acl & KS_ACL_CONNECTION && ks_aof_is(rp, c, "SELECT")) {
        return ks_aof_select(rp, c);
    }

    if (rp->db != 0) {
        return ks_aof_leave(rp, c->offset, "commands for other databases than "
                            "0");
    }

    if (!ks_command_arity_ok(cmd, c->argc)) {
        return ks_aof_fail(rp, c->offset, "\"%s\" has a wrong number of "
                           "arguments", cmd->name);
    }

    if (!ks_aof_belongs(cmd)) {
        return ks_aof_leave(rp, c->offset, "command \"%s\"", cmd->name);
    }

    ks_aof_add(rp, cmd, c);

    return KS_OK;
}


/* --- running --- */

static void
ks_aof_note(ks_aof_replay_t *rp, ks_aof_todo_t *todo)
{
    todo->failed = 1;

    if (rp->wrong[0] == '\0') {
        (void) snprintf(rp->wrong, sizeof(rp->wrong), "%.*s",
                        (int) rp->why.len, (char *) rp->why.text);
    }
}


/* Looks for its keys ahead of time; KS_ERR: one is too long. */

static int
ks_aof_keys(ks_aof_replay_t *rp, const ks_aof_todo_t *todo)
{
    uint64_t  shards;

    shards = 0;

    return ks_command_keys(rp->space, todo->cmd, todo->from->argc,
                           ks_aof_args(&rp->reader, todo->from), &shards);
}


static void
ks_aof_perform(ks_aof_replay_t *rp, ks_aof_todo_t *todo)
{
    ks_reply_why(&rp->why);
    todo->failed = 0;

    ks_manner(rp->space, !(todo->cmd->flags & KS_CMD_DENYOOM), 1);
    ks_perform(&rp->client, todo->cmd, todo->from->argc,
               ks_aof_args(&rp->reader, todo->from), &rp->why.reply);
    ks_arena_reset(rp->space);

    if (rp->why.reply.failed) {
        ks_aof_note(rp, todo);
    }
}


/* may be left by longjmp and started again */

static void
ks_aof_body(ks_space_t *sp, void *data)
{
    size_t            i;
    ks_aof_replay_t  *rp;

    rp = data;
    rp->wrong[0] = '\0';
    ks_tell_nothing(sp);

    for (i = rp->first; i < ks_min(rp->last, rp->first + KS_AOF_AHEAD); i++) {
        (void) ks_aof_keys(rp, &rp->todo[i]);
    }

    for (i = rp->first; i < rp->last; i++) {
        if (i + KS_AOF_AHEAD < rp->last) {
            (void) ks_aof_keys(rp, &rp->todo[i + KS_AOF_AHEAD]);
        }

        ks_aof_perform(rp, &rp->todo[i]);
    }

    ks_running(sp)->commands = 0;       /* they are no client's */
}


static int
ks_aof_transact(ks_aof_replay_t *rp)
{
    size_t     i;
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));

    call.now = rp->now;
    call.shards = ks_all_shards(rp->space);
    call.quiet = 1;
    call.hold = 1;
    call.body = ks_aof_body;
    call.data = rp;

    for (i = rp->first; i < rp->last; i++) {
        if (rp->todo[i].cmd->acl & KS_ACL_SCRIPTING) {
            call.shards |= ks_library_shard(rp->space);
        }
    }

    return ks_run(rp->space, &call);
}


/* FLUSHALL and its kin, which are quick if they have a transaction of theirs */

static int
ks_aof_execute(ks_aof_replay_t *rp)
{
    int             rc;
    ks_ahead_t      a = ks_ahead(0, NULL);
    ks_aof_todo_t  *todo;

    todo = &rp->todo[rp->first];
    a.argc = todo->from->argc;
    a.argv = ks_aof_args(&rp->reader, todo->from);
    a.now = rp->now;

    ks_let_go(rp->space);
    ks_reply_why(&rp->why);
    rc = ks_execute(&rp->client, &a, &rp->why.reply);

    if (rp->why.reply.failed) {
        ks_aof_note(rp, todo);
    }

    return rc;
}


static int
ks_aof_full(ks_aof_replay_t *rp)
{
    ks_zone_stats_t  st;

    ks_zone_stats(ks_space_zone(rp->space), &st);

    return ks_aof_fail(rp, rp->todo[rp->first].from->offset,
                       "the zone of %llu bytes is full",
                       (unsigned long long) st.size);
}


/* What was run: it is counted, and what has failed is left out, or a fault. */

static int
ks_aof_ran(ks_aof_replay_t *rp)
{
    size_t          i;
    ks_aof_todo_t  *todo;

    rp->done->commands += rp->last - rp->first;

    if (ks_likely(rp->wrong[0] == '\0')) {
        return KS_OK;
    }

    for (i = rp->first; i < rp->last; i++) {
        todo = &rp->todo[i];

        if (!todo->failed) {
            continue;
        }

        if (!rp->options.skip) {
            return ks_aof_fail(rp, todo->from->offset, "\"%s\" fails: %s",
                               todo->cmd->name, rp->wrong);
        }

        rp->done->commands--;
        (void) ks_aof_leave(rp, todo->from->offset, "failing \"%s\"",
                            todo->cmd->name);
    }

    return KS_OK;
}


/*
 * The commands from first to last, together.  Those that were only read
 * together are run one by one if together there is no room for them.
 */

static int
ks_aof_run(ks_aof_replay_t *rp, size_t first, size_t last)
{
    int     rc;
    size_t  i;

    if (first == last || rp->space == NULL) {
        return KS_OK;
    }

    rp->first = first;
    rp->last = last;
    rp->wrong[0] = '\0';

    rc = rp->multi == KS_AOF_NONE
         && (rp->todo[first].cmd->flags & (KS_CMD_ALONE | KS_CMD_ALLKEYS))
         ? ks_aof_execute(rp) : ks_aof_transact(rp);

    if (ks_likely(rc == KS_OK)) {
        return ks_aof_ran(rp);
    }

    if (last - first > 1 && rp->multi == KS_AOF_NONE) {
        for (rc = KS_OK, i = first; i < last && rc == KS_OK; i++) {
            rc = ks_aof_run(rp, i, i + 1);
        }

        return rc;
    }

    return rc == KS_NOMEM ? ks_aof_full(rp)
           : ks_aof_fail(rp, rp->todo[first].from->offset, "\"%s\" fails: %s",
                         rp->todo[first].cmd->name,
                         rp->client.aborted ? rp->client.aborted
                                            : "it cannot be run now");
}


/* --- what was read --- */

/* whether it is not put together with others */

static int
ks_aof_apart(const ks_command_t *cmd)
{
    return (cmd->flags & (KS_CMD_ALONE | KS_CMD_ALLKEYS))
           || (cmd->acl & KS_ACL_SCRIPTING);
}


/* commands that follow each other, and mostly go together */

int
ks_aof_run_plain(ks_aof_replay_t *rp, size_t end)
{
    int     rc;
    size_t  i, start;

    for (rp->n = 0, start = 0, i = 0; i < end; i++) {
        rc = ks_aof_admit(rp, &rp->reader.commands[i]);

        if (rc == KS_ERR) {
            return KS_ERR;
        }

        if (rc == KS_NONE || !ks_aof_apart(rp->todo[rp->n - 1].cmd)) {
            continue;
        }

        if (ks_aof_run(rp, start, rp->n - 1) != KS_OK
            || ks_aof_run(rp, rp->n - 1, rp->n) != KS_OK)
        {
            return KS_ERR;
        }

        start = rp->n;
    }

    return ks_aof_run(rp, start, rp->n);
}


/* those of a transaction that is whole */

int
ks_aof_run_whole(ks_aof_replay_t *rp)
{
    size_t  i;

    for (rp->n = 0, i = rp->multi + 1; i < rp->exec; i++) {
        if (ks_aof_admit(rp, &rp->reader.commands[i]) == KS_ERR) {
            return KS_ERR;
        }
    }

    rp->done->transactions++;

    return ks_aof_run(rp, 0, rp->n);
}
