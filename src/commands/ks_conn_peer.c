/*
 * A connection as one of the clients of its zone.
 */

#include "bus/ks_pubsub.h"
#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_conn_peer.h"


static ks_conn_t *
ks_peer_conn(ks_peer_t *peer)
{
    return (ks_conn_t *) ((u_char *) peer - offsetof(ks_conn_t, peer));
}


static void
ks_conn_flags(const ks_conn_t *s, char *flags)
{
    char  *p;

    p = flags;

    if (s->monitoring) {
        *p++ = 'O';
    }

    if (ks_sink_subscribes(&s->sink)) {
        *p++ = 'P';
    }

    if (s->multi) {
        *p++ = 'x';
    }

    if (s->client.waiter != NULL && s->client.waiter->waits) {
        *p++ = 'b';
    }

    if (s->tracker.tracking != NULL) {
        *p++ = 't';
    }

    if (s->tracker.broken) {
        *p++ = 'R';
    }

    if (s->tracker.bcast) {
        *p++ = 'B';
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
ks_conn_about(ks_peer_t *peer, ks_peer_about_t *a)
{
    ks_conn_t        *s;
    ks_conn_about_t   about;

    s = ks_peer_conn(peer);

    memset(&about, 0, sizeof(about));
    s->host->about(s, &about);

    a->addr = about.addr;
    a->laddr = about.laddr;
    a->user = ks_text(s->client.user->name);
    a->who = s->client.user;
    a->name = s->name;
    a->lib_name = s->lib_name;
    a->lib_ver = s->lib_ver;
    a->command = s->client.command ? ks_command_name(s->client.command)
                                   : NULL;
    ks_conn_flags(s, a->flags);
    a->type = ks_sink_subscribes(&s->sink) ? KS_PEER_PUBSUB : KS_PEER_NORMAL;
    a->fd = about.fd;
    a->resp = (int) s->resp;
    a->created = s->created;
    a->active = s->active;
    a->sub = s->sink.subscribed[0];
    a->psub = s->sink.subscribed[1];
    a->ssub = s->sink.subscribed[2];
    a->multi = s->multi ? (int64_t) s->queued : -1;
    a->redir = s->tracker.tracking ? (int64_t) s->tracker.redirect : -1;
    a->multi_mem = s->queue_bytes;
    a->qbuf = about.qbuf;
    a->qbuf_free = about.qbuf_free;
    a->out = about.out;
    a->memory = sizeof(ks_conn_t) + s->queue_bytes + about.qbuf
                + about.qbuf_free + about.out;
}


static void
ks_conn_kill(ks_peer_t *peer)
{
    ks_conn_t  *s;

    s = ks_peer_conn(peer);
    s->closing = 1;
    s->host->kill(s);
}


static void
ks_conn_resume(ks_peer_t *peer)
{
    ks_conn_t  *s;

    s = ks_peer_conn(peer);

    if (s->held.until != 0 && s->host->resume != NULL) {
        s->host->resume(s);
    }
}


static void
ks_conn_answered(ks_ask_t *ask)
{
    ks_conn_t  *s;

    s = (ks_conn_t *) ((u_char *) ask - offsetof(ks_conn_t, held.ask));
    ks_conn_resume(&s->peer);
}


static void
ks_conn_whence(const ks_client_t *client, ks_str_t *addr)
{
    ks_conn_about_t  about;

    memset(&about, 0, sizeof(about));
    client->conn->host->about(client->conn, &about);
    *addr = about.addr;
}


static const ks_peer_ops_t  ks_conn_peer_ops = {
    ks_conn_about,
    ks_conn_kill,
    ks_conn_resume
};


void
ks_conn_come(ks_conn_t *s)
{
    s->client.held = &s->held;
    s->client.whence = ks_conn_whence;
    s->held.ask.done = ks_conn_answered;

    s->peer.id = s->id;
    s->peer.ops = &ks_conn_peer_ops;
    s->peer.sink = &s->sink;
    s->listed = (ks_peers_add(s->host->peers(s), &s->peer) == KS_OK);
}


void
ks_conn_go(ks_conn_t *s)
{
    ks_conn_deaf(s);
    ks_held_end(&s->held);

    if (s->listed) {
        s->listed = 0;
        ks_peers_remove(s->host->peers(s), &s->peer);
    }
}


void
ks_conn_deaf(ks_conn_t *s)
{
    ks_pubsub_leave(s->client.space, &s->sink);
    ks_tracking_off(s->client.space, &s->tracker);
    ks_monitor_end(s->client.space, &s->monitor);
    ks_conn_attend(s);
}


void
ks_conn_attend(ks_conn_t *s)
{
    s->monitoring = (ks_monitors(&s->monitor) != 0);
    s->listening = (s->monitoring || ks_sink_subscribes(&s->sink));
    s->hearing = (s->listening || s->tracker.tracking != NULL);
}


int
ks_conn_takes(const ks_conn_t *s, const ks_push_t *push)
{
    switch (push->kind) {

    case KS_PUSH_INVALIDATE:
        return s->resp == 3
               || (push->redirected && ks_sink_subscribes(&s->sink));

    case KS_PUSH_REDIRECTION_BROKEN:
        return s->resp == 3;

    default:
        return 1;
    }
}
