/*
 * CLIENT about all connections: INFO, LIST, KILL, PAUSE, UNPAUSE, HELP.
 *
 * Each process knows its own clients.  LIST and KILL ask the others, and are
 * told "not yet" until these have answered; inside of EXEC they are about the
 * clients of this process alone.
 */

#include "commands/ks_args.h"
#include "commands/ks_clients.h"
#include "commands/ks_handlers.h"
#include "commands/ks_conn.h"
#include "commands/ks_users.h"

#include <stdio.h>
#include <stdlib.h>


/* a line of LIST, and what it is sorted by */
typedef struct {
    uint64_t  id;
    ks_str_t  text;             /* with its "\n" */
} ks_listed_t;

typedef struct {
    ks_listed_t  *list;
    size_t        n;
    size_t        room;
} ks_list_t;


/* --- INFO --- */

static void
ks_line_reply(ks_ctx_t *c, const u_char *p, size_t len)
{
    c->reply->ops->verbatim(c->reply, "txt", p, len);
}


void
ks_cmd_client_info(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_str_t    line;
    ks_conn_t  *s;

    (void) argc;
    (void) argv;

    s = c->client->conn;

    line = s ? ks_client_line(c->space, &s->peer, ks_space_now(c->space))
             : ks_client_request_line(c->space, c->client);

    ks_line_reply(c, line.data, line.len);
}


/* --- LIST --- */

static int
ks_client_type(ks_ctx_t *c, const ks_str_t *arg, int32_t *type)
{
    if (ks_arg_is(arg, "normal")) {
        *type = KS_PEER_NORMAL;

    } else if (ks_arg_is(arg, "pubsub")) {
        *type = KS_PEER_PUBSUB;

    } else if (ks_arg_is(arg, "replica") || ks_arg_is(arg, "slave")) {
        *type = KS_PEER_REPLICA;

    } else if (ks_arg_is(arg, "master")) {
        *type = KS_CLIENT_NOBODY;

    } else {
        ks_reply_errorf(c->reply, "ERR Unknown client type '%.*s'",
                        (int) ks_min(arg->len, 128u), (char *) arg->data);
        return KS_ERR;
    }

    return KS_OK;
}


static void
ks_list_add(ks_ctx_t *c, ks_list_t *l, uint64_t id, const ks_str_t *text)
{
    size_t        room;
    ks_listed_t  *list;

    if (l->n == l->room) {
        room = l->room ? l->room * 2 : 64;
        list = ks_arena_alloc(c->space, room * sizeof(ks_listed_t));

        if (l->n != 0) {
            memcpy(list, l->list, l->n * sizeof(ks_listed_t));
        }

        l->list = list;
        l->room = room;
    }

    l->list[l->n].id = id;
    l->list[l->n++].text = *text;
}


/* lines of another process, each of which begins with "id=" */

static void
ks_list_lines(ks_ctx_t *c, ks_list_t *l, u_char *p, size_t len)
{
    u_char    *end, *last;
    uint64_t   id;
    ks_str_t   line;

    for (last = p + len; p < last; p = end) {
        end = memchr(p, '\n', (size_t) (last - p));
        end = end ? end + 1 : last;

        line.data = p;
        line.len = (size_t) (end - p);

        for (id = 0, p += 3; p < end && *p >= '0' && *p <= '9'; p++) {
            id = id * 10 + (uint64_t) (*p - '0');
        }

        ks_list_add(c, l, id, &line);
    }
}


static void
ks_list_own(ks_ctx_t *c, ks_list_t *l, const ks_client_filter_t *f)
{
    uint64_t     now;
    ks_str_t     line;
    ks_peer_t   *peer;
    ks_conn_t   *me;
    ks_peers_t  *peers;

    me = c->client->conn;
    peers = me ? ks_conn_peers(me) : c->client->peers;
    now = ks_space_now(c->space);

    for (peer = peers ? peers->first : NULL; peer != NULL; peer = peer->next) {
        if (ks_client_fits(peer, f, now)) {
            line = ks_client_line(c->space, peer, now);
            ks_list_add(c, l, peer->id, &line);
        }
    }
}


static int
ks_listed_compare(const void *a, const void *b)
{
    const ks_listed_t  *x, *y;

    x = a;
    y = b;

    return (x->id > y->id) - (x->id < y->id);
}


/* All of them, in the order in which they came. */

static void
ks_list_gather(ks_ctx_t *c, ks_list_t *l, const ks_client_filter_t *f)
{
    ks_str_t   answers;
    ks_ask_t  *ask;

    memset(l, 0, sizeof(ks_list_t));
    ask = ks_clients_ask(c, KS_ASK_LIST, f);
    ks_list_own(c, l, f);

    if (ask != NULL) {
        answers.len = ask->len;
        answers.data = ks_arena_alloc(c->space, ask->len + 1);

        if (ask->len != 0) {
            memcpy(answers.data, ask->data, ask->len);
        }

        ks_ask_end(ask);
        ks_list_lines(c, l, answers.data, answers.len);
    }

    if (l->n != 0) {
        qsort(l->list, l->n, sizeof(ks_listed_t), ks_listed_compare);
    }
}


static void
ks_list_reply(ks_ctx_t *c, const ks_list_t *l)
{
    size_t   i, len;
    u_char  *text, *p;

    for (len = 0, i = 0; i < l->n; i++) {
        len += l->list[i].text.len;
    }

    text = ks_arena_alloc(c->space, len + 1);

    for (p = text, i = 0; i < l->n; i++) {
        memcpy(p, l->list[i].text.data, l->list[i].text.len);
        p += l->list[i].text.len;
    }

    ks_line_reply(c, text, len);
}


/* Those of these ids, in this order. */

static void
ks_list_by_id(ks_ctx_t *c, int n, ks_str_t *ids)
{
    int                  i;
    int64_t             *wanted;
    ks_list_t            all, some;
    ks_listed_t          key, *found;
    ks_client_filter_t   f;

    wanted = ks_arena_alloc(c->space, (size_t) n * sizeof(int64_t));

    for (i = 0; i < n; i++) {
        if (ks_arg_int(c, &ids[i], &wanted[i], "ERR Invalid client ID")
            != KS_OK)
        {
            return;
        }
    }

    memset(&f, 0, sizeof(f));
    memset(&key, 0, sizeof(key));
    memset(&some, 0, sizeof(some));
    f.type = KS_CLIENT_ANY;
    f.id = (n == 1 && wanted[0] > 0) ? (uint64_t) wanted[0] : 0;

    ks_list_gather(c, &all, &f);

    for (i = 0; i < n && all.n != 0; i++) {
        key.id = (uint64_t) wanted[i];
        found = bsearch(&key, all.list, all.n, sizeof(ks_listed_t),
                        ks_listed_compare);

        if (found != NULL) {
            ks_list_add(c, &some, found->id, &found->text);
        }
    }

    ks_list_reply(c, &some);
}


void
ks_cmd_client_list(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_list_t           l;
    ks_client_filter_t  f;

    memset(&f, 0, sizeof(f));
    f.type = KS_CLIENT_ANY;

    if (argc > 3 && ks_arg_is(&argv[2], "id")) {
        ks_list_by_id(c, argc - 3, argv + 3);
        return;
    }

    if (argc == 4 && ks_arg_is(&argv[2], "type")) {

        if (ks_client_type(c, &argv[3], &f.type) != KS_OK) {
            return;
        }

    } else if (argc != 2) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    ks_list_gather(c, &l, &f);
    ks_list_reply(c, &l);
}


/* --- KILL --- */

/* A user that there is, or was: one that is killed with its clients. */

static int
ks_kill_user(ks_ctx_t *c, const ks_str_t *arg, ks_client_filter_t *f)
{
    if (!ks_users_known(c->space, arg)) {
        ks_reply_errorf(c->reply, "ERR No such user '%.*s'",
                        (int) ks_min(arg->len, 128u), (char *) arg->data);
        return KS_ERR;
    }

    f->user = *arg;

    return KS_OK;
}


/* a number from 1 on */

static int
ks_kill_number(ks_ctx_t *c, const ks_str_t *value, uint64_t *n,
    const char *bad, const char *low)
{
    int64_t  v;

    if (ks_parse_int(value, &v) != KS_OK) {
        ks_reply_error(c->reply, bad);
        return KS_ERR;
    }

    if (v < 1) {
        ks_reply_error(c->reply, low);
        return KS_ERR;
    }

    *n = (uint64_t) v;

    return KS_OK;
}


/* one option and its value */

static int
ks_kill_option(ks_ctx_t *c, const ks_str_t *name, const ks_str_t *value,
    ks_client_filter_t *f, int *skip_me)
{
    if (ks_arg_is(name, "id")) {
        return ks_kill_number(c, value, &f->id,
                              "ERR client-id should be greater than 0",
                              "ERR client-id should be greater than 0");
    }

    if (ks_arg_is(name, "maxage")) {
        return ks_kill_number(c, value, &f->age,
                              "ERR maxage is not an integer or out of range",
                              "ERR maxage should be greater than 0");
    }

    if (ks_arg_is(name, "type")) {
        return ks_client_type(c, value, &f->type);
    }

    if (ks_arg_is(name, "user")) {
        return ks_kill_user(c, value, f);
    }

    if (ks_arg_is(name, "addr")) {
        f->addr = *value;
        return KS_OK;
    }

    if (ks_arg_is(name, "laddr")) {
        f->laddr = *value;
        return KS_OK;
    }

    if (ks_arg_is(name, "skipme")
        && (ks_arg_is(value, "yes") || ks_arg_is(value, "no")))
    {
        *skip_me = (ks_arg_is(value, "yes") != 0);
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


static int
ks_kill_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_client_filter_t *f,
    int *skip_me)
{
    int  i;

    for (i = 2; i < argc; i += 2) {

        if (i + 1 == argc) {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }

        if (ks_kill_option(c, &argv[i], &argv[i + 1], f, skip_me) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* Itself it closes behind the reply. */

static int64_t
ks_kill_own(ks_ctx_t *c, ks_client_filter_t *f, int skip_me)
{
    int64_t      n;
    uint64_t     now;
    ks_conn_t   *me;
    ks_peers_t  *peers;

    me = c->client->conn;
    peers = me ? ks_conn_peers(me) : c->client->peers;
    now = ks_space_now(c->space);
    n = 0;

    if (me != NULL) {

        if (!skip_me && !me->closing && ks_client_fits(&me->peer, f, now)) {
            me->closing = 1;
            n = 1;
        }

        f->spared = me->id;
    }

    return peers ? n + ks_clients_kill(peers, f, now) : n;
}


void
ks_cmd_client_kill(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                  skip_me;
    int64_t              n;
    ks_ask_t            *ask;
    ks_client_filter_t   f;

    memset(&f, 0, sizeof(f));
    f.type = KS_CLIENT_ANY;
    skip_me = (argc != 3);

    if (argc == 3) {
        f.addr = argv[2];

    } else if (ks_kill_options(c, argc, argv, &f, &skip_me) != KS_OK) {
        return;
    }

    n = 0;
    ask = ks_clients_ask(c, KS_ASK_KILL, &f);

    if (ask != NULL) {
        n = ask->number;
        f.newest = ask->id;
        ks_ask_end(ask);
    }

    n += ks_kill_own(c, &f, skip_me);

    if (argc > 3) {
        ks_reply_integer(c->reply, n);

    } else if (n != 0) {
        ks_reply_ok(c->reply);

    } else {
        ks_reply_error(c->reply, "ERR No such client");
    }
}


/* --- PAUSE, UNPAUSE --- */

void
ks_cmd_client_pause(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t      ms;
    uint64_t     now;
    ks_pause_t   kind;

    kind = KS_PAUSE_ALL;
    now = ks_space_now(c->space);

    if (argc > 4) {
        ks_reply_subcommand(c, argv);
        return;
    }

    if (argc == 4 && ks_arg_is(&argv[3], "write")) {
        kind = KS_PAUSE_WRITE;

    } else if (argc == 4 && !ks_arg_is(&argv[3], "all")) {
        ks_reply_error(c->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return;
    }

    if (ks_arg_int(c, &argv[2], &ms,
                   "ERR timeout is not an integer or out of range")
        != KS_OK)
    {
        return;
    }

    if (ms < 0) {
        ks_reply_error(c->reply, "ERR timeout is negative");
        return;
    }

    if (ms > KS_PAUSE_MAX) {
        ks_reply_error(c->reply, "ERR timeout is out of range");
        return;
    }

    ks_pause(c->space, kind, now, now + (uint64_t) ms);
    ks_reply_ok(c->reply);
}


void
ks_cmd_client_unpause(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_pause(c->space, KS_PAUSE_NONE, 0, 0);
    ks_clients_resume(c->space);
    ks_reply_ok(c->reply);
}


/* --- HELP --- */

void
ks_cmd_client_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "CACHING YES|NO",
        "    Whether the next command's keys are tracked, with OPTIN or "
        "OPTOUT.",
        "GETNAME",
        "    The name of this connection.",
        "GETREDIR",
        "    Who is told instead of this connection: 0 nobody, -1 if it does",
        "    not track.",
        "ID",
        "    The number of this connection.",
        "INFO",
        "    A line about this connection.",
        "KILL <ip:port>",
        "    Closes the connection from there.",
        "KILL <option> <value> [<option> <value> ...]",
        "    Closes the connections that fit all options: ADDR <ip:port>,",
        "    LADDR <ip:port>, ID <number>, USER <name>, MAXAGE <seconds>,",
        "    TYPE NORMAL|PUBSUB, SKIPME YES|NO (whether to spare this one: "
        "YES).",
        "LIST [TYPE NORMAL|PUBSUB | ID <number> [<number> ...]]",
        "    A line about each connection.",
        "NO-EVICT ON|OFF",
        "    Noted, and without effect.",
        "NO-TOUCH ON|OFF",
        "    Whether reads on this connection leave LRU and LFU alone.",
        "PAUSE <milliseconds> [WRITE|ALL]",
        "    Holds back commands that write, or all, for that time.",
        "REPLY ON|OFF|SKIP",
        "    Switches the replies of this connection.",
        "SETINFO LIB-NAME|LIB-VER <text>",
        "    Notes what library the client uses.",
        "SETNAME <name>",
        "    Names this connection.",
        "TRACKING ON|OFF [REDIRECT <number>] [BCAST] [PREFIX <text> ...]",
        "    [OPTIN] [OPTOUT] [NOLOOP]",
        "    Whether this connection is told of changes of what it has read.",
        "TRACKINGINFO",
        "    How it is.",
        "UNBLOCK <id> [TIMEOUT|ERROR]",
        "    Ends the waiting of a client.",
        "UNPAUSE",
        "    Ends a pause.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
