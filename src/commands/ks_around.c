/*
 * Running a command of which others are told.
 */

#include "bus/ks_tracking.h"
#include "commands/ks_args.h"
#include "commands/ks_around.h"
#include "commands/ks_command_table.h"
#include "commands/ks_conn.h"

#include <stdio.h>


#define KS_LINE_MAX    16384            /* bytes of a line */
#define KS_LINE_ARG    4096             /* of one of its arguments */
#define KS_LINE_SPARE  64               /* for what says that some is left
                                           out */
#define KS_LINE_CHAR   4                /* a byte, as it is written */

/* a line that is being written */
typedef struct {
    u_char  *p;
    u_char  *end;
} ks_line_t;

typedef struct {
    ks_client_t         *client;
    const ks_command_t  *cmd;
    int                  argc;
    const ks_str_t      *argv;
} ks_line_call_t;


/* --- lines --- */

static void
ks_line_char(ks_line_t *line, u_char c)
{
    static const char  hex[] = "0123456789abcdef";

    static const char  plain[] = "\n\r\t\a\b\\\"";
    static const char  letters[] = "nrtab\\\"";

    const char  *found;

    found = c ? strchr(plain, c) : NULL;

    if (found != NULL) {
        *line->p++ = '\\';
        *line->p++ = (u_char) letters[found - plain];
        return;
    }

    if (c >= ' ' && c <= '~') {
        *line->p++ = c;
        return;
    }

    *line->p++ = '\\';
    *line->p++ = 'x';
    *line->p++ = (u_char) hex[c >> 4];
    *line->p++ = (u_char) hex[c & 15];
}


static void
ks_line_text(ks_line_t *line, const char *text)
{
    size_t  len;

    len = strlen(text);
    memcpy(line->p, text, len);
    line->p += len;
}


/* An argument, as far as there is room for it. */

static void
ks_line_arg(ks_line_t *line, const ks_str_t *arg)
{
    u_char  *end;
    size_t   i;

    ks_line_text(line, " \"");

    end = ks_min(line->end, line->p + KS_LINE_ARG) - KS_LINE_CHAR;

    for (i = 0; i < arg->len && line->p <= end; i++) {
        ks_line_char(line, arg->data[i]);
    }

    if (i < arg->len) {
        line->p += sprintf((char *) line->p, "... (%zu more bytes)",
                           arg->len - i);
    }

    *line->p++ = '"';
}


static void
ks_line_args(ks_line_t *line, const ks_line_call_t *call)
{
    int  i;

    for (i = 0; i < call->argc; i++) {

        if (line->p + KS_LINE_CHAR + 2 > line->end) {
            line->p += sprintf((char *) line->p, " \"... (%d more arguments)\"",
                               call->argc - i);
            return;
        }

        if (ks_arg_secret(call->cmd, call->argv, i)) {
            ks_line_text(line, " \"(redacted)\"");

        } else {
            ks_line_arg(line, &call->argv[i]);
        }
    }
}


/* the time, and whence the command came */

static void
ks_line_head(ks_line_t *line, const ks_client_t *client, int lua)
{
    ks_str_t         addr;
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    line->p += sprintf((char *) line->p, "%lld.%06ld [%u ",
                       (long long) ts.tv_sec, ts.tv_nsec / 1000, client->db);

    if (lua) {
        ks_line_text(line, "lua]");
        return;
    }

    addr.len = 0;

    if (client->whence != NULL) {
        client->whence(client, &addr);
    }

    addr.len = ks_min(addr.len, (size_t) 256);

    if (addr.len != 0) {
        memcpy(line->p, addr.data, addr.len);
        line->p += addr.len;
    }

    *line->p++ = ']';
}


static void
ks_line_tell(ks_space_t *sp, const ks_line_call_t *call, int lua)
{
    size_t      max;
    u_char     *start;
    ks_str_t    text;
    ks_line_t   line;

    max = ks_min(ks_tell_max(sp), (size_t) KS_LINE_MAX);

    if (max == 0) {
        return;
    }

    start = ks_arena_alloc(sp, max);
    line.p = start;
    line.end = start + max - 2 * KS_LINE_SPARE;

    ks_line_head(&line, call->client, lua);
    ks_line_args(&line, call);

    text.data = start;
    text.len = (size_t) (line.p - start);
    ks_tell(sp, KS_TOLD_CALLS, 0, 1, &text);
}


/* Commands of administrators are shown to nobody, as in Redis. */

static int
ks_line_hidden(const ks_command_t *cmd)
{
    return (cmd->flags & KS_CMD_ADMIN)
           || ((cmd->flags & KS_CMD_NO_MONITOR)
               && !(ks_command_acl(cmd) & KS_ACL_SCRIPTING));
}


static void
ks_call_tell_body(ks_space_t *sp, void *data)
{
    ks_line_tell(sp, data, 0);
}


void
ks_call_tell(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    ks_call_t       call;
    ks_line_call_t  line;

    if (ks_line_hidden(cmd)) {
        return;
    }

    line.client = client;
    line.cmd = cmd;
    line.argc = argc;
    line.argv = argv;

    memset(&call, 0, sizeof(call));
    call.body = ks_call_tell_body;
    call.data = &line;

    (void) ks_run(client->space, &call);
}


/* --- keys that were read --- */

/* A script's own keys are of no matter, but those of its commands. */

static ks_tracker_t *
ks_tracker_of(const ks_ctx_t *c)
{
    ks_conn_t     *s;
    ks_tracker_t  *t;

    s = c->client->conn;

    if (s == NULL || s->tracker.tracking == NULL
        || !(c->cmd->flags & KS_CMD_READONLY)
        || (c->cmd->acl & KS_ACL_SCRIPTING))
    {
        return NULL;
    }

    t = &s->tracker;

    if (t->bcast
        || (t->optin && t->caching != KS_CACHING_YES)
        || (t->optout && t->caching == KS_CACHING_NO))
    {
        return NULL;
    }

    return t;
}


static void
ks_track_keys(ks_ctx_t *c, int argc, const ks_str_t *argv)
{
    int                   i, last;
    ks_tracker_t         *t;
    const ks_keyrange_t  *range;

    t = ks_tracker_of(c);

    if (t == NULL) {
        return;
    }

    for (range = c->cmd->keys;
         range < c->cmd->keys + KS_CMD_KEYS && range->first != 0;
         range++)
    {
        ks_keyrange_find(range, argc, argv, &i, &last);

        for ( /* void */ ; i <= last; i += range->step) {
            ks_tracking_read(c->space, t, &argv[i]);
        }
    }
}


/* --- the command --- */

static inline void
ks_handle_effect(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_effect_mark_t  mark;

    if (!ks_effects_told(c->space)) {
        c->cmd->handler(c, argc, argv);
        return;
    }

    mark = ks_effect_mark(c->space);
    c->cmd->handler(c, argc, argv);

    if (!(c->cmd->flags & KS_CMD_WRITE)) {
        ks_effect_own(c->space);
    }

    ks_effect_finish(c->space, &mark, argc, argv);
}


/* A script is shown before its commands, and all else when it is done. */

static void __attribute__((noinline))
ks_handle_around(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                  lua, shown, first, reads;
    const ks_conn_t     *s;
    ks_line_call_t       line;
    const ks_command_t  *cmd;

    cmd = c->cmd;
    s = c->client->conn;

    lua = (c->reply->ops->script != 0);
    shown = ks_told(c->space, KS_TOLD_CALLS) && !ks_line_hidden(cmd);
    first = (cmd->flags & KS_CMD_NO_MONITOR) != 0;

    line.client = c->client;
    line.cmd = cmd;
    line.argc = argc;
    line.argv = argv;

    if (shown && first) {
        ks_line_tell(c->space, &line, lua);
    }

    ks_set_author(c->space, s && s->tracker.noloop ? s->id : 0);

    /* PFCOUNT may write */

    reads = ks_set_reads(c->space,
                         !(cmd->flags & (KS_CMD_WRITE|KS_CMD_PAUSES)));
    ks_handle_effect(c, argc, argv);
    (void) ks_set_reads(c->space, reads);

    if (ks_told(c->space, KS_TOLD_TRACKED)) {
        ks_track_keys(c, argc, argv);
    }

    if (shown && !first) {
        ks_line_tell(c->space, &line, lua);
    }
}


void
ks_handle_told(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    if (ks_told(c->space, KS_TOLD_AROUND & ~KS_TOLD_EFFECTS)) {
        ks_handle_around(c, argc, argv);

    } else {
        ks_handle_effect(c, argc, argv);
    }
}
