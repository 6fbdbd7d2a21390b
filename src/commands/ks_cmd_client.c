/*
 * CLIENT about all connections: INFO, LIST, KILL, HELP.
 *
 * A worker knows its own connections only, and those of one zone.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_conn.h"
#include "keyspace/ks_registry.h"

#include <stdio.h>


#define KS_LINE  512            /* without names, libraries, addresses */

typedef struct {
    u_char  *data;
    size_t   len;
    size_t   room;
} ks_lines_t;

/* whom CLIENT KILL is after; what is not given fits everybody */
typedef struct {
    int64_t          id;
    const ks_str_t  *addr;
    const ks_str_t  *laddr;
    unsigned         nobody:1;          /* a kind of client that we have not */
    unsigned         skip_me:1;
} ks_victim_t;


static void ks_client_line(ks_ctx_t *c, ks_lines_t *lines, ks_conn_t *s);
static void ks_client_flags(const ks_conn_t *s, char *flags);
static ks_conn_t *ks_client_by_id(ks_conn_t *me, int64_t id);
static int ks_kill_options(ks_ctx_t *c, int argc, ks_str_t *argv,
    ks_victim_t *v);
static int64_t ks_kill_all(ks_conn_t *me, const ks_victim_t *v);


/* --- lines --- */

static void
ks_lines_grow(ks_ctx_t *c, ks_lines_t *lines, size_t more)
{
    u_char  *data;
    size_t   room;

    room = ks_max(lines->room * 2, lines->len + more);
    data = ks_arena_alloc(c->space, room);

    if (lines->len != 0) {
        memcpy(data, lines->data, lines->len);
    }

    lines->data = data;
    lines->room = room;
}


static void
ks_client_line(ks_ctx_t *c, ks_lines_t *lines, ks_conn_t *s)
{
    int              n;
    char             flags[8];
    size_t           size;
    uint64_t         now;
    const char      *name, *lib_name, *lib_ver;
    ks_conn_about_t  about;

    memset(&about, 0, sizeof(about));
    s->host->about(s, &about);
    ks_client_flags(s, flags);

    now = ks_max(ks_space_now(c->space), s->active);
    name = s->name ? s->name : "";
    lib_name = s->lib_name ? s->lib_name : "";
    lib_ver = s->lib_ver ? s->lib_ver : "";

    size = KS_LINE + strlen(s->client.user->name) + strlen(name) + strlen(lib_name) + strlen(lib_ver)
           + about.addr.len + about.laddr.len;

    if (lines->room - lines->len < size) {
        ks_lines_grow(c, lines, size);
    }

    n = snprintf((char *) lines->data + lines->len, size,
            "id=%llu addr=%.*s laddr=%.*s fd=%d name=%s age=%llu idle=%llu "
            "flags=%s db=0 sub=%u psub=%u ssub=%u multi=%lld qbuf=%zu "
            "qbuf-free=%zu argv-mem=0 multi-mem=%zu rbs=0 rbp=0 obl=%zu oll=0 "
            "omem=0 tot-mem=%zu events=r cmd=%s user=%s redir=-1 "
            "resp=%u lib-name=%s lib-ver=%s\n",
            (unsigned long long) s->id,
            (int) about.addr.len, (char *) about.addr.data,
            (int) about.laddr.len, (char *) about.laddr.data, about.fd, name,
            (unsigned long long) (now - s->created) / 1000,
            (unsigned long long) (now - s->active) / 1000, flags,
            s->sink.subscribed[KS_TOPIC_CHANNEL],
            s->sink.subscribed[KS_TOPIC_PATTERN],
            s->sink.subscribed[KS_TOPIC_SHARD],
            s->multi ? (long long) s->queued : -1LL, about.qbuf,
            about.qbuf_free, s->queue_bytes, about.out,
            sizeof(ks_conn_t) + s->queue_bytes + about.qbuf
                + about.qbuf_free + about.out,
            s->client.command ? ks_command_name(s->client.command) : "NULL",
            s->client.user->name, (unsigned) s->resp, lib_name, lib_ver);

    lines->len += (size_t) n;
}


static void
ks_client_flags(const ks_conn_t *s, char *flags)
{
    char  *p;

    p = flags;

    if (ks_sink_subscribes(&s->sink)) {
        *p++ = 'P';
    }

    if (s->multi) {
        *p++ = 'x';
    }

    if (s->client.waiter != NULL && s->client.waiter->waits) {
        *p++ = 'b';
    }

    if (s->closing) {
        *p++ = 'c';
    }

    if (s->no_evict) {
        *p++ = 'e';
    }

    if (s->client.quiet) {
        *p++ = 'T';
    }

    if (p == flags) {
        *p++ = 'N';
    }

    *p = '\0';
}


static void
ks_lines_reply(ks_ctx_t *c, const ks_lines_t *lines)
{
    c->reply->ops->verbatim(c->reply, "txt", lines->data, lines->len);
}


/* An HTTP request: a client that has just come, and goes with its reply. */

static void
ks_client_request(ks_ctx_t *c)
{
    int   n;
    char  line[KS_LINE];

    n = snprintf(line, sizeof(line),
            "id=%llu addr= laddr= fd=-1 name= age=0 idle=0 flags=N db=0 sub=0 "
            "psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 multi-mem=0 "
            "rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r "
            "cmd=client|info user=%s redir=-1 resp=2 lib-name= lib-ver=\n",
            (unsigned long long) ks_next_id(c->space), c->client->user->name);

    c->reply->ops->verbatim(c->reply, "txt", (u_char *) line, (size_t) n);
}


void
ks_cmd_client_info(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_lines_t  lines;
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = c->client->conn;

    if (s == NULL) {
        ks_client_request(c);
        return;
    }

    memset(&lines, 0, sizeof(lines));
    ks_client_line(c, &lines, s);
    ks_lines_reply(c, &lines);
}


/* --- LIST --- */

/* All kinds of clients that Redis knows are of one kind here. */

static int
ks_client_type(ks_ctx_t *c, const ks_str_t *arg, int *normal)
{
    *normal = ks_arg_is(arg, "normal");

    if (*normal || ks_arg_is(arg, "pubsub") || ks_arg_is(arg, "master")
        || ks_arg_is(arg, "replica") || ks_arg_is(arg, "slave"))
    {
        return KS_OK;
    }

    ks_reply_errorf(c->reply, "ERR Unknown client type '%.*s'",
                    (int) ks_min(arg->len, 128u), (char *) arg->data);

    return KS_ERR;
}


static ks_conn_t *
ks_client_by_id(ks_conn_t *me, int64_t id)
{
    ks_conn_t  *s;

    for (s = me->host->next(me, NULL); s; s = me->host->next(me, s)) {
        if (s->id == (uint64_t) id) {
            return s;
        }
    }

    return NULL;
}


static void
ks_list_by_id(ks_ctx_t *c, ks_conn_t *me, int n, ks_str_t *ids)
{
    int         i;
    int64_t     id;
    ks_lines_t  lines;
    ks_conn_t  *s;

    memset(&lines, 0, sizeof(lines));

    for (i = 0; i < n; i++) {

        if (ks_arg_int(c, &ids[i], &id, "ERR Invalid client ID") != KS_OK) {
            return;
        }

        s = ks_client_by_id(me, id);

        if (s != NULL) {
            ks_client_line(c, &lines, s);
        }
    }

    ks_lines_reply(c, &lines);
}


void
ks_cmd_client_list(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int         normal;
    ks_lines_t  lines;
    ks_conn_t  *me, *s;

    me = ks_want_conn(c);
    normal = 1;

    if (me == NULL) {
        return;
    }

    if (argc > 3 && ks_arg_is(&argv[2], "id")) {
        ks_list_by_id(c, me, argc - 3, argv + 3);
        return;
    }

    if (argc == 4 && ks_arg_is(&argv[2], "type")) {

        if (ks_client_type(c, &argv[3], &normal) != KS_OK) {
            return;
        }

    } else if (argc != 2) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    memset(&lines, 0, sizeof(lines));

    for (s = me->host->next(me, NULL); s && normal; s = me->host->next(me, s))
    {
        ks_client_line(c, &lines, s);
    }

    ks_lines_reply(c, &lines);
}


/* --- KILL --- */

void
ks_cmd_client_kill(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t      n;
    ks_victim_t  v;
    ks_conn_t   *me;

    me = ks_want_conn(c);
    memset(&v, 0, sizeof(v));

    if (me == NULL) {
        return;
    }

    if (argc == 3) {
        v.addr = &argv[2];

    } else if (ks_kill_options(c, argc, argv, &v) != KS_OK) {
        return;
    }

    n = ks_kill_all(me, &v);

    if (argc > 3) {
        ks_reply_integer(c->reply, n);

    } else if (n != 0) {
        ks_reply_ok(c->reply);

    } else {
        ks_reply_error(c->reply, "ERR No such client");
    }
}


static int
ks_kill_user(ks_ctx_t *c, const ks_str_t *arg)
{
    ks_str_t  name;

    name = ks_text("default");

    if (ks_str_same(arg, &name)) {
        return KS_OK;
    }

    ks_reply_errorf(c->reply, "ERR No such user '%.*s'",
                    (int) ks_min(arg->len, 128u), (char *) arg->data);

    return KS_ERR;
}


/* one option and its value */

static int
ks_kill_option(ks_ctx_t *c, const ks_str_t *name, const ks_str_t *value,
    ks_victim_t *v)
{
    int  normal;

    if (ks_arg_is(name, "id")) {

        if (ks_parse_int(value, &v->id) != KS_OK || v->id < 1) {
            ks_reply_error(c->reply, "ERR client-id should be greater than 0");
            return KS_ERR;
        }

        return KS_OK;
    }

    if (ks_arg_is(name, "type")) {

        if (ks_client_type(c, value, &normal) != KS_OK) {
            return KS_ERR;
        }

        v->nobody = !normal;
        return KS_OK;
    }

    if (ks_arg_is(name, "addr")) {
        v->addr = value;
        return KS_OK;
    }

    if (ks_arg_is(name, "laddr")) {
        v->laddr = value;
        return KS_OK;
    }

    if (ks_arg_is(name, "user")) {
        return ks_kill_user(c, value);
    }

    if (ks_arg_is(name, "skipme")
        && (ks_arg_is(value, "yes") || ks_arg_is(value, "no")))
    {
        v->skip_me = (ks_arg_is(value, "yes") != 0);
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


static int
ks_kill_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_victim_t *v)
{
    int  i;

    v->skip_me = 1;

    for (i = 2; i < argc; i += 2) {

        if (i + 1 == argc) {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }

        if (ks_kill_option(c, &argv[i], &argv[i + 1], v) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static int
ks_kill_fits(ks_conn_t *s, const ks_victim_t *v)
{
    ks_conn_about_t  about;

    if (v->nobody || (v->id != 0 && s->id != (uint64_t) v->id)) {
        return 0;
    }

    if (v->addr == NULL && v->laddr == NULL) {
        return 1;
    }

    memset(&about, 0, sizeof(about));
    s->host->about(s, &about);

    return (v->addr == NULL || ks_str_same(v->addr, &about.addr))
           && (v->laddr == NULL || ks_str_same(v->laddr, &about.laddr));
}


static int64_t
ks_kill_all(ks_conn_t *me, const ks_victim_t *v)
{
    int64_t     n;
    ks_conn_t  *s;

    n = 0;

    for (s = me->host->next(me, NULL); s; s = me->host->next(me, s)) {

        if ((s == me && v->skip_me) || s->closing || !ks_kill_fits(s, v)) {
            continue;
        }

        s->closing = 1;
        n++;

        if (s != me) {
            me->host->kill(me, s);
        }
    }

    return n;
}


/* --- HELP --- */

void
ks_cmd_client_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "GETNAME",
        "    The name of this connection.",
        "GETREDIR",
        "    Always -1: nothing is tracked.",
        "ID",
        "    The number of this connection.",
        "INFO",
        "    A line about this connection.",
        "KILL <ip:port>",
        "    Closes the connection from there.",
        "KILL <option> <value> [<option> <value> ...]",
        "    Closes the connections of this worker that fit all options:",
        "    ADDR <ip:port>, LADDR <ip:port>, ID <number>, USER default,",
        "    TYPE NORMAL, SKIPME YES|NO (whether to spare this one: YES).",
        "LIST [TYPE NORMAL | ID <number> [<number> ...]]",
        "    A line about each connection of this worker.",
        "NO-EVICT ON|OFF",
        "    Noted, and without effect.",
        "NO-TOUCH ON|OFF",
        "    Whether reads on this connection leave LRU and LFU alone.",
        "PAUSE <milliseconds> [WRITE|ALL]",
        "    Refused.",
        "REPLY ON|OFF|SKIP",
        "    Switches the replies of this connection.",
        "SETINFO LIB-NAME|LIB-VER <text>",
        "    Notes what library the client uses.",
        "SETNAME <name>",
        "    Names this connection.",
        "TRACKING ON|OFF",
        "    Refused.",
        "TRACKINGINFO",
        "    Always off.",
        "UNBLOCK <id> [TIMEOUT|ERROR]",
        "    Ends the waiting of a client.",
        "UNPAUSE",
        "    Does nothing.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
