/*
 * The stream's commands on their way into the zone: as of a client that obeys,
 * many in one transaction where they came together, with the offset behind them
 * as its last change.  What stands between MULTI and EXEC is one transaction,
 * and is run when it is all there.
 *
 * A command that fails has changed nothing, as with Redis, and is counted and
 * logged.  One for which the zone has no room ends the link: what would follow
 * is not the upstream's keyspace any more.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "replica/ks_follow_in.h"
#include "types/ks_number.h"


#define KS_FOLLOW_AHEAD   6             /* whose keys are looked for */
#define KS_FOLLOW_QUIET   60000     /* ms between lines about faults */


/* --- commands that are not applied --- */

static int
ks_follow_is(const ks_str_t *word, const char *name)
{
    return word->len == strlen(name)
           && strncasecmp((char *) word->data, name, word->len) == 0;
}


void
ks_follow_faults(ks_follow_t *f)
{
    if (f->faults == 0
        || (f->logged != 0 && f->now < f->logged + KS_FOLLOW_QUIET))
    {
        return;
    }

    ks_follow_log(f, KS_FOLLOW_WARN, "%llu commands of the upstream were not "
                  "applied, the last one \"%s\": %s",
                  (unsigned long long) f->faults, f->fault, f->fault_why);

    f->logged = f->now;
    f->faults = 0;
}


/* one that is left out: counted, and told now and then; KS_NONE */

static int
ks_follow_skip(ks_follow_t *f, const ks_str_t *name, const char *why)
{
    size_t  i;

    f->skipped++;
    f->faults++;

    for (i = 0; i < name->len && i < sizeof(f->fault) - 1; i++) {
        f->fault[i] = isgraph(name->data[i]) ? (char) name->data[i] : '?';
    }

    f->fault[i] = '\0';
    (void) snprintf(f->fault_why, sizeof(f->fault_why), "%s", why);

    ks_follow_faults(f);

    return KS_NONE;
}


/* What changes keys or scripts, or is heard by clients. */

static int
ks_follow_belongs(const ks_command_t *cmd)
{
    return ((cmd->flags & (KS_CMD_WRITE | KS_CMD_PAUSES))
            || (cmd->acl & KS_ACL_SCRIPTING))
           && !(cmd->flags & KS_CMD_ALONE)
           && !(cmd->acl & (KS_ACL_CONNECTION | KS_ACL_TRANSACT));
}


/* those that are about the link; KS_NONE: it is one */

static int
ks_follow_link(ks_follow_t *f, int argc, const ks_str_t *argv)
{
    uint64_t  db;

    if (ks_follow_is(&argv[0], "PING")) {
        return KS_NONE;
    }

    if (ks_follow_is(&argv[0], "REPLCONF")) {
        f->asks |= (argc > 1 && ks_follow_is(&argv[1], "GETACK"));
        return KS_NONE;
    }

    if (ks_follow_is(&argv[0], "SELECT")) {

        if (argc != 2 || ks_parse_uint(&argv[1], &db) != KS_OK
            || db > UINT32_MAX)
        {
            return ks_follow_fail(f, "the upstream selects no database");
        }

        f->db = (uint32_t) db;
        return KS_NONE;
    }

    return KS_OK;
}


/* room for one more that is to be applied */

static int
ks_follow_room(ks_follow_t *f)
{
    size_t             room;
    ks_follow_todo_t  *list;

    if (f->n < f->room) {
        return KS_OK;
    }

    room = f->room * 2;
    list = malloc(room * sizeof(ks_follow_todo_t));

    if (list == NULL) {
        return ks_follow_fail(f, "the process has no memory");
    }

    memcpy(list, f->todos, f->n * sizeof(ks_follow_todo_t));

    if (f->todos != f->todo) {
        free(f->todos);
    }

    f->todos = list;
    f->room = room;

    return KS_OK;
}


/* The command is put behind those that are to be applied. */

static int
ks_follow_note(ks_follow_t *f, size_t number, const ks_command_t *cmd,
    ks_str_t *argv)
{
    int                argc;
    ks_follow_todo_t  *todo;

    if (ks_follow_room(f) != KS_OK) {
        return KS_ERR;
    }

    argc = f->stream.commands[number].argc;
    todo = &f->todos[f->n];
    todo->cmd = cmd;
    todo->number = number;
    todo->db = f->db;
    todo->shards = (cmd->acl & KS_ACL_SCRIPTING) ? ks_library_shard(f->space)
                                                 : 0;

    if (ks_command_keys(f->space, cmd, argc, argv, &todo->shards) != KS_OK) {
        return ks_follow_skip(f, &argv[0], "its key is too long");
    }

    if (cmd->flags & KS_CMD_ALLKEYS) {
        todo->shards &= ~ks_all_shards(f->space)
                        | ks_followed_shards(f->space);
    }

    f->n++;

    return KS_OK;
}


/* KS_OK: it is to be applied; KS_NONE: it is not; KS_ERR */

static int
ks_follow_admit(ks_follow_t *f, size_t number)
{
    int                         rc;
    ks_str_t                   *argv;
    const ks_command_t         *cmd;
    const ks_follow_command_t  *c;

    c = &f->stream.commands[number];
    argv = ks_follow_stream_args(&f->stream, c);
    cmd = ks_command_find(c->argc, argv);

    if (cmd == NULL || (cmd->acl & KS_ACL_CONNECTION) || argv[0].len == 8) {
        rc = ks_follow_link(f, c->argc, argv);

        if (rc != KS_OK) {
            return rc;
        }
    }

    if (cmd == NULL) {
        return ks_follow_skip(f, &argv[0], "it is not known");
    }

    if (ks_unlikely(f->db != 0 || (cmd->acl & KS_ACL_KEYSPACE))) {
        rc = ks_follow_across(f, &cmd, c->argc, argv);

        if (rc == KS_NONE) {
            f->skipped++;
        }

        if (rc == KS_ERR || rc == KS_NONE) {
            return rc;
        }

        if (rc == KS_AGAIN && f->db != 0) {
            return ks_follow_skip(f, &argv[0], "it is for another database "
                                  "than 0");
        }
    }

    if (!ks_command_arity_ok(cmd, c->argc) || !ks_follow_belongs(cmd)) {
        return ks_follow_skip(f, &argv[0], "it is none that a stream has");
    }

    rc = ks_follow_local(f, &cmd, c->argc, argv);

    if (rc == KS_NONE) {
        f->skipped++;
    }

    if (rc == KS_ERR || rc == KS_NONE) {
        return rc;
    }

    return ks_follow_note(f, number, cmd, argv);
}


/* --- transactions --- */

static void
ks_follow_ahead(ks_follow_t *f, const ks_follow_todo_t *todo)
{
    uint64_t                    shards;
    const ks_follow_command_t  *c;

    c = &f->stream.commands[todo->number];
    shards = 0;

    (void) ks_command_keys(f->space, todo->cmd, c->argc,
                           ks_follow_stream_args(&f->stream, c), &shards);
}


static void
ks_follow_perform(ks_follow_t *f, const ks_follow_todo_t *todo)
{
    ks_str_t                   *argv;
    const ks_follow_command_t  *c;

    c = &f->stream.commands[todo->number];
    argv = ks_follow_stream_args(&f->stream, c);

    ks_reply_why(&f->reply);
    ks_manner(f->space, !(todo->cmd->flags & KS_CMD_DENYOOM), 1);

    if (f->whole) {
        ks_perform_whole(&f->client, todo->cmd, c->argc, argv,
                         &f->reply.reply);

    } else {
        ks_perform(&f->client, todo->cmd, c->argc, argv, &f->reply.reply);
    }

    ks_arena_reset(f->space);

    if (ks_unlikely(f->reply.reply.failed)) {
        f->failed++;
        f->failing = todo;
        (void) snprintf(f->wrong, sizeof(f->wrong), "%.*s",
                        (int) f->reply.len, (char *) f->reply.text);
    }
}


/* may be left by longjmp and started again */

static void
ks_follow_body(ks_space_t *sp, void *data)
{
    size_t        i;
    ks_follow_t  *f;

    f = data;
    f->failed = 0;
    ks_follow_holds(sp, f);

    for (i = f->first; i < ks_min(f->last, f->first + KS_FOLLOW_AHEAD); i++) {
        ks_follow_ahead(f, &f->todos[i]);
    }

    for (i = f->first; i < f->last; i++) {
        if (i + KS_FOLLOW_AHEAD < f->last) {
            ks_follow_ahead(f, &f->todos[i + KS_FOLLOW_AHEAD]);
        }

        ks_follow_perform(f, &f->todos[i]);
    }

    ks_upstream_applied(sp, f->end, f->end_db);
}


static int
ks_follow_transact(ks_follow_t *f)
{
    int        rc;
    size_t     i;
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));

    call.now = f->now;
    call.quiet = 1;
    call.body = ks_follow_body;
    call.data = f;

    for (i = f->first; i < f->last; i++) {
        call.shards |= f->todos[i].shards;
    }

    if (call.shards == 0) {
        call.shards = ks_library_shard(f->space);
    }

    rc = ks_run(f->space, &call);
    ks_upstream_show(f->space);

    if (rc == KS_OK) {
        f->applied += f->last - f->first - f->failed;
    }

    return rc;
}


static ks_str_t *
ks_follow_name(ks_follow_t *f, const ks_follow_todo_t *todo)
{
    return ks_follow_stream_args(&f->stream,
                                 &f->stream.commands[todo->number]);
}


static int
ks_follow_full(ks_follow_t *f)
{
    ks_zone_stats_t  st;

    ks_zone_stats(ks_space_zone(f->space), &st);

    (void) ks_follow_fail(f, "the zone of %llu bytes is full, and has no room "
                          "for the upstream's keys",
                          (unsigned long long) st.size);

    return ks_follow_no_room(f);
}


/* the offset before a command */

static uint64_t
ks_follow_before(const ks_follow_t *f, size_t number)
{
    const ks_follow_command_t  *c;

    if (number == 0) {
        return f->offset;
    }

    c = &f->stream.commands[number - 1];

    return f->offset + ks_follow_stream_length(&f->stream, c);
}


/*
 * Those from first to last, with which the zone has all commands before number
 * "next".  KS_AGAIN: together they cannot be run, but may be one by one;
 * KS_NOMEM: there is no room.
 */

static int
ks_follow_apply(ks_follow_t *f, size_t first, size_t last, size_t next,
    int divides)
{
    int  rc;

    f->first = first;
    f->last = last;
    f->end = ks_follow_before(f, next);
    f->end_db = last < f->n ? f->todos[last].db : f->db;

    rc = ks_follow_transact(f);

    if (rc == KS_OK) {
        if (ks_unlikely(f->failed)) {
            f->skipped += f->failed - 1;
            (void) ks_follow_skip(f, ks_follow_name(f, f->failing), f->wrong);
        }

        return KS_OK;
    }

    if (f->other) {
        return ks_follow_undone(f);
    }

    if (divides && last - first > 1) {
        return KS_AGAIN;
    }

    if (rc == KS_NOMEM) {
        return rc;
    }

    (void) ks_follow_skip(f, ks_follow_name(f, &f->todos[first]),
                          f->client.aborted ? f->client.aborted
                                            : "it cannot be run now");

    f->first = f->last;

    return ks_follow_transact(f) == KS_OK ? KS_OK : KS_NOMEM;
}


/*
 * There is no room for a command: the zone's place is right before it, behind
 * what changes nothing, so that whoever comes further has come past it.
 */

static int
ks_follow_stop(ks_follow_t *f)
{
    if (f->first < f->last) {
        (void) ks_follow_apply(f, f->first, f->first,
                               f->todos[f->first].number, 0);
    }

    return f->other ? ks_follow_undone(f) : ks_follow_full(f);
}


/*
 * Those that were admitted since "first", of commands before number "next": all
 * of these are done then.
 */

static int
ks_follow_flush(ks_follow_t *f, size_t first, size_t next)
{
    int     rc;
    size_t  i;

    if (next == 0) {
        return KS_OK;
    }

    f->whole = 0;
    rc = ks_follow_apply(f, first, f->n, next, 1);

    if (rc != KS_AGAIN) {
        return rc;
    }

    for (rc = KS_OK, i = first; i < f->n && rc == KS_OK; i++) {
        rc = ks_follow_apply(f, i, i + 1,
                             i + 1 < f->n ? f->todos[i + 1].number : next, 0);
    }

    return rc;
}


/* whether it is not put together with others */

static int
ks_follow_apart(const ks_command_t *cmd)
{
    return (cmd->flags & KS_CMD_ALLKEYS) || (cmd->acl & KS_ACL_SCRIPTING);
}


/* --- what was read --- */

static int
ks_follow_word(ks_follow_t *f, size_t number, const char *name)
{
    const ks_follow_command_t  *c;

    c = &f->stream.commands[number];

    return c->argc == 1
           && ks_follow_is(ks_follow_stream_args(&f->stream, c), name);
}


/* the commands before number "end", which stand in no transaction */

static int
ks_follow_plain(ks_follow_t *f, size_t end)
{
    int     rc;
    size_t  i, first;

    for (f->n = 0, first = 0, i = 0; i < end; i++) {
        rc = ks_follow_admit(f, i);

        if (rc == KS_ERR) {
            return KS_ERR;
        }

        if (rc == KS_NONE || !ks_follow_apart(f->todos[f->n - 1].cmd)) {
            continue;
        }

        f->n--;

        rc = f->n > first ? ks_follow_flush(f, first, i) : KS_OK;

        if (rc != KS_OK) {
            return rc;
        }

        f->n++;
        f->whole = 1;
        rc = ks_follow_apply(f, f->n - 1, f->n, i + 1, 0);

        if (rc != KS_OK) {
            return rc;
        }

        first = f->n;
    }

    return ks_follow_flush(f, first, end);
}


/*
 * A transaction from its MULTI to its EXEC, which is the last command: the
 * zone's place is right before it.
 */

static int
ks_follow_whole(ks_follow_t *f, size_t multi)
{
    int     rc;
    size_t  i, exec;

    exec = f->stream.n - 1;

    for (f->n = 0, i = multi + 1; i < exec; i++) {
        if (ks_follow_admit(f, i) == KS_ERR) {
            return KS_ERR;
        }
    }

    f->whole = 0;

    rc = ks_follow_apply(f, 0, f->n, exec + 1, 0);

    return rc == KS_NOMEM ? ks_follow_full(f) : rc;
}


static void
ks_follow_done(ks_follow_t *f, size_t n)
{
    if (n != 0) {
        f->offset = ks_follow_before(f, n);
        ks_follow_stream_drop(&f->stream, n);
    }
}


/*
 * More commands, until there are enough, a transaction is whole, or the bytes
 * end.  *multi: the first one of a transaction, or their number.
 */

static int
ks_follow_gather(ks_follow_t *f, size_t *multi)
{
    int                  rc;
    ks_follow_stream_t  *s;

    s = &f->stream;
    *multi = s->n ? 0 : SIZE_MAX;

    do {
        rc = ks_follow_stream_next(s);

        if (rc != KS_OK) {
            break;
        }

        if (*multi == SIZE_MAX && ks_follow_word(f, s->n - 1, "MULTI")) {
            *multi = s->n - 1;

        } else if (ks_follow_word(f, s->n - 1, "EXEC")) {
            break;
        }

    } while (s->n < KS_FOLLOW_BATCH || *multi != SIZE_MAX);

    *multi = ks_min(*multi, s->n);

    return rc;
}


static int
ks_follow_batch(ks_follow_t *f)
{
    int     rc, done;
    size_t  multi;

    rc = ks_follow_gather(f, &multi);
    done = multi != 0 ? ks_follow_plain(f, multi) : KS_OK;

    if (done != KS_OK) {
        return done == KS_NOMEM ? ks_follow_stop(f) : KS_ERR;
    }

    if (multi < f->stream.n && ks_follow_word(f, f->stream.n - 1, "EXEC")) {

        if (ks_follow_whole(f, multi) != KS_OK) {
            return KS_ERR;
        }

        multi = f->stream.n;
    }

    ks_follow_done(f, multi);

    if (rc == KS_ERR) {
        return ks_follow_fail(f, "the upstream's stream is damaged at offset "
                              "%llu: %s", (unsigned long long) f->offset,
                              f->stream.fault);
    }

    return rc == KS_NOMEM ? ks_follow_fail(f, "the process has no memory")
                          : rc;
}


int
ks_follow_run(ks_follow_t *f, const u_char *p, size_t n)
{
    int  rc;

    if (ks_follow_stream_add(&f->stream, p, n) != KS_OK) {
        return ks_follow_fail(f, "the process has no memory");
    }

    ks_space_set_expiry(f->space, 0);

    do {
        rc = ks_follow_batch(f);
    } while (rc == KS_OK);

    ks_let_go(f->space);
    ks_space_set_expiry(f->space, 1);

    ks_upstream_count(f->space, f->applied, f->skipped);
    f->applied = 0;
    f->skipped = 0;

    return rc == KS_AGAIN ? KS_OK : KS_ERR;
}


void
ks_follow_run_begin(ks_follow_t *f)
{
    ks_upstream_state_t  st;

    ks_upstream_state(ks_space_zone(f->space), &st);

    ks_follow_run_end(f);
    f->offset = st.offset;
    f->begun = st.offset;
    f->came = f->now;
    f->db = st.db;
    f->todos = f->todo;
    f->room = KS_FOLLOW_BATCH;
}


void
ks_follow_run_end(ks_follow_t *f)
{
    ks_follow_stream_close(&f->stream);

    if (f->todos != f->todo) {
        free(f->todos);
        f->todos = f->todo;
    }
}
