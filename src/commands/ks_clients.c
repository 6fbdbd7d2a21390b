/*
 * Clients of this process, as others ask for them.
 */

#include "bus/ks_invalidate.h"
#include "bus/ks_waiters.h"
#include "commands/ks_args.h"
#include "commands/ks_clients.h"
#include "commands/ks_far.h"
#include "commands/ks_held.h"
#include "commands/ks_conn.h"
#include "commands/ks_users.h"
#include "keyspace/ks_role.h"

#include <stdio.h>


/* --- lines --- */

static const char *
ks_text_of(const char *text)
{
    return text ? text : "";
}


ks_str_t
ks_client_line(ks_space_t *sp, ks_peer_t *peer, uint64_t now)
{
    int              n;
    size_t           size;
    ks_str_t         line;
    ks_peer_about_t  a;

    memset(&a, 0, sizeof(a));
    a.multi = -1;
    a.redir = -1;
    a.resp = 2;
    peer->ops->about(peer, &a);

    now = ks_max(now, a.active);
    size = KS_CLIENT_LINE + a.user.len + a.addr.len + a.laddr.len
           + strlen(ks_text_of(a.name)) + strlen(ks_text_of(a.lib_name))
           + strlen(ks_text_of(a.lib_ver));
    line.data = ks_arena_alloc(sp, size);

    n = snprintf((char *) line.data, size,
            "id=%llu addr=%.*s laddr=%.*s fd=%d name=%s age=%llu idle=%llu "
            "flags=%s db=%u sub=%u psub=%u ssub=%u multi=%lld qbuf=%zu "
            "qbuf-free=%zu argv-mem=0 multi-mem=%zu rbs=0 rbp=0 obl=%zu oll=0 "
            "omem=0 tot-mem=%zu events=r cmd=%s user=%.*s redir=%lld "
            "resp=%d lib-name=%s lib-ver=%s\n",
            (unsigned long long) peer->id,
            (int) a.addr.len, (char *) a.addr.data,
            (int) a.laddr.len, (char *) a.laddr.data, a.fd,
            ks_text_of(a.name),
            (unsigned long long) (now - a.created) / 1000,
            (unsigned long long) (now - a.active) / 1000, a.flags,
            a.db, a.sub, a.psub, a.ssub, (long long) a.multi, a.qbuf,
            a.qbuf_free, a.multi_mem, a.out, a.memory,
            a.command ? a.command : "NULL",
            (int) a.user.len, (char *) a.user.data, (long long) a.redir,
            a.resp, ks_text_of(a.lib_name), ks_text_of(a.lib_ver));

    line.len = ks_min((size_t) n, size - 1);

    return line;
}


ks_str_t
ks_client_request_line(ks_space_t *sp, const ks_client_t *client)
{
    int       n;
    size_t    size;
    ks_str_t  line, addr;

    addr.len = 0;
    addr.data = (u_char *) "";

    if (client->whence != NULL) {
        client->whence(client, &addr);
    }

    size = KS_CLIENT_LINE + addr.len + strlen(client->user->name);
    line.data = ks_arena_alloc(sp, size);

    n = snprintf((char *) line.data, size,
            "id=%llu addr=%.*s laddr= fd=-1 name= age=0 idle=0 flags=N db=%u "
            "sub=0 psub=0 ssub=0 multi=-1 qbuf=0 qbuf-free=0 argv-mem=0 "
            "multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 omem=0 tot-mem=0 events=r "
            "cmd=%s user=%s redir=-1 resp=2 lib-name= lib-ver=\n",
            (unsigned long long) ks_next_id(sp), (int) addr.len,
            (char *) addr.data, client->db,
            client->command ? ks_command_name(client->command) : "NULL",
            client->user->name);

    line.len = ks_min((size_t) n, size - 1);

    return line;
}


/* --- who is meant --- */

static int
ks_client_has(const ks_str_t *wanted, const ks_str_t *has)
{
    return wanted->data == NULL || ks_str_same(wanted, has);
}


int
ks_client_fits(ks_peer_t *peer, const ks_client_filter_t *f, uint64_t now)
{
    ks_peer_about_t  a;

    if (f->type == KS_CLIENT_NOBODY || peer->killed
        || (f->id != 0 && peer->id != f->id) || peer->id == f->spared
        || (f->newest != 0 && peer->id > f->newest))
    {
        return 0;
    }

    memset(&a, 0, sizeof(a));
    peer->ops->about(peer, &a);

    return (f->type == KS_CLIENT_ANY || f->type == (int32_t) a.type)
           && (f->age == 0 || now >= a.created + f->age * 1000)
           && ks_client_has(&f->addr, &a.addr)
           && ks_client_has(&f->laddr, &a.laddr)
           && ks_client_has(&f->user, &a.user);
}


int64_t
ks_clients_kill(ks_peers_t *peers, const ks_client_filter_t *f, uint64_t now)
{
    int64_t     n;
    ks_peer_t  *peer, *next;

    n = 0;

    for (peer = peers->first; peer != NULL; peer = next) {
        next = peer->next;

        if (ks_client_fits(peer, f, now)) {
            peer->killed = 1;
            peer->ops->kill(peer);
            n++;
        }
    }

    return n;
}


/* --- filters as bytes: the struct, and the bytes of its texts --- */

static ks_str_t
ks_filter_pack(ks_space_t *sp, const ks_client_filter_t *f)
{
    u_char    *p;
    ks_str_t   text;

    text.len = sizeof(ks_client_filter_t) + f->addr.len + f->laddr.len
               + f->user.len;
    text.data = ks_arena_alloc(sp, text.len);

    p = text.data;
    memcpy(p, f, sizeof(ks_client_filter_t));
    p += sizeof(ks_client_filter_t);

    if (f->addr.len) {
        memcpy(p, f->addr.data, f->addr.len);
        p += f->addr.len;
    }

    if (f->laddr.len) {
        memcpy(p, f->laddr.data, f->laddr.len);
        p += f->laddr.len;
    }

    if (f->user.len) {
        memcpy(p, f->user.data, f->user.len);
    }

    return text;
}


static u_char *
ks_filter_text(ks_str_t *s, u_char *p)
{
    if (s->data != NULL) {
        s->data = p;
    }

    return p + s->len;
}


static void
ks_filter_unpack(const ks_str_t *text, ks_client_filter_t *f)
{
    u_char  *p;

    memcpy(f, text->data, sizeof(ks_client_filter_t));
    p = text->data + sizeof(ks_client_filter_t);

    p = ks_filter_text(&f->addr, p);
    p = ks_filter_text(&f->laddr, p);
    ks_filter_text(&f->user, p);
}


/* --- asking --- */

ks_ask_t *
ks_clients_ask(ks_ctx_t *c, uint32_t what, const ks_client_filter_t *f)
{
    uint64_t    now;
    ks_str_t    text;
    ks_held_t  *held;

    held = c->client->held;

    if (held == NULL && c->client->holds && c->client->patience != 0) {
        ks_not_yet(c->space);
    }

    if (held == NULL || c->client->patience == 0
        || (c->client->conn != NULL && c->client->conn->executing))
    {
        return NULL;
    }

    now = ks_space_now(c->space);

    if (held->ask.id == 0) {
        text = ks_filter_pack(c->space, f);

        if (ks_ask(c->space, &held->ask, what, &text, now) != KS_OK) {
            return NULL;
        }
    }

    if (ks_ask_waits(&held->ask, now)) {
        held->until = held->ask.until;
        ks_not_yet(c->space);
    }

    return &held->ask;
}


void
ks_clients_resume(ks_space_t *sp)
{
    ks_str_t  none = { 0, NULL };

    ks_ask_all(sp, KS_ASK_RESUME, &none);
}


/* --- answering --- */

static void
ks_answer_add(ks_answer_t *a, const ks_str_t *line)
{
    if (line->len <= a->room - a->len) {
        memcpy(a->data + a->len, line->data, line->len);
        a->len += line->len;
    }
}


/* As many lines as a piece takes; clients come in the order of their ids. */

static void
ks_answer_list(ks_space_t *sp, ks_peers_t *peers, const ks_question_t *q,
    ks_answer_t *a)
{
    size_t              full;
    uint64_t            now;
    ks_str_t            line;
    ks_peer_t          *peer;
    ks_arena_mark_t     mark;
    ks_client_filter_t  f;

    ks_filter_unpack(&q->text, &f);
    now = ks_clock();
    full = a->room - KS_ASK_LINE;

    for (peer = peers->first; peer != NULL; peer = peer->next) {

        if (peer->id <= q->after || !ks_client_fits(peer, &f, now)) {
            continue;
        }

        if (a->len >= full) {
            break;
        }

        mark = ks_arena_mark(sp);
        line = ks_client_line(sp, peer, now);
        ks_answer_add(a, &line);
        ks_arena_release(sp, &mark);
        a->after = peer->id;
    }

    if (peer == NULL) {
        a->after = 0;
    }
}


/* A client that has come again since then was not meant. */

static void
ks_answer_kill(ks_peers_t *peers, const ks_question_t *q, ks_answer_t *a)
{
    ks_client_filter_t  f;

    ks_filter_unpack(&q->text, &f);
    f.newest = q->id;
    a->number = ks_clients_kill(peers, &f, ks_clock());
}


static void
ks_answer_find(ks_peers_t *peers, const ks_question_t *q, ks_answer_t *a)
{
    ks_client_filter_t  f;

    ks_filter_unpack(&q->text, &f);
    a->number = (ks_peers_find(peers, f.id) != NULL);
}


static void
ks_answer_resume(ks_peers_t *peers)
{
    ks_peer_t  *peer;

    for (peer = peers->first; peer != NULL; peer = peer->next) {
        if (peer->ops->resume != NULL) {
            peer->ops->resume(peer);
        }
    }
}


void
ks_clients_answer(ks_space_t *sp, ks_peers_t *peers, const ks_question_t *q,
    ks_answer_t *a)
{
    switch (q->what) {

    case KS_ASK_LIST:
        ks_answer_list(sp, peers, q, a);
        break;

    case KS_ASK_KILL:
        ks_answer_kill(peers, q, a);
        break;

    case KS_ASK_FIND:
        ks_answer_find(peers, q, a);
        break;

    case KS_ASK_RESUME:
        ks_answer_resume(peers);
        break;

    case KS_ASK_USERS:
        ks_users_changed(sp, peers);
        break;

    case KS_ASK_FAR:
        ks_far_told(sp);
        break;

    case KS_ASK_SHARD:
        ks_far_told_shard(sp, &q->text);
        break;

    case KS_ASK_AWAITED:
        ks_far_told_awaited(sp, &q->text);
        break;

    case KS_ASK_ROLE:
        ks_waiters_demoted(sp);
        ks_role_told(sp);
        break;

    default:
        ks_invalidate_notice(sp, peers, q);
    }
}
