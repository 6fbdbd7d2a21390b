/*
 * A connection as one of the clients of its zone.
 */

#include "bus/ks_pubsub.h"
#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_conn_peer.h"
#include "commands/ks_conn_seat.h"


static ks_conn_t *
ks_peer_conn(ks_peer_t *peer)
{
    return (ks_conn_t *) ((u_char *) peer - offsetof(ks_conn_t, peer));
}


static void
ks_conn_flags(const ks_conn_t *s, const ks_monitor_t *monitor, char *flags)
{
    char  *p;

    p = flags;

    if (s->replicating) {
        *p++ = 'S';
    }

    if (ks_monitors(monitor)) {
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


/* as one of the clients of a zone */

static void
ks_conn_tell(ks_conn_t *s, unsigned db, ks_peer_about_t *a)
{
    ks_conn_about_t  about;

    memset(&about, 0, sizeof(about));
    s->host->about(s, &about);

    a->addr = about.addr;
    a->laddr = about.laddr;
    a->user = ks_text(s->client.user->name);
    a->who = ks_conn_user_at(s, db);
    a->name = s->name;
    a->lib_name = s->lib_name;
    a->lib_ver = s->lib_ver;
    a->command = s->client.command ? ks_command_name(s->client.command)
                                   : NULL;
    ks_conn_flags(s, db ? &s->seats[db].monitor : &s->monitor, a->flags);
    a->type = s->replicating ? KS_PEER_REPLICA
              : ks_sink_subscribes(&s->sink) ? KS_PEER_PUBSUB : KS_PEER_NORMAL;
    a->fd = about.fd;
    a->resp = (int) s->resp;
    a->db = s->client.db;
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
ks_conn_about(ks_peer_t *peer, ks_peer_about_t *a)
{
    ks_conn_tell(ks_peer_conn(peer), 0, a);
}


static void
ks_conn_end(ks_conn_t *s)
{
    s->closing = 1;
    s->host->kill(s);
}


static void
ks_conn_kill(ks_peer_t *peer)
{
    ks_conn_end(ks_peer_conn(peer));
}


static void
ks_conn_go_on(ks_conn_t *s)
{
    if (s->held.until != 0 && s->host->resume != NULL) {
        s->host->resume(s);
    }
}


static void
ks_conn_resume(ks_peer_t *peer)
{
    ks_conn_go_on(ks_peer_conn(peer));
}


static void
ks_conn_answered(ks_ask_t *ask)
{
    ks_conn_t  *s;

    s = (ks_conn_t *) ((u_char *) ask - offsetof(ks_conn_t, held.ask));
    ks_conn_go_on(s);
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


/* --- in a zone behind the first --- */

static ks_seat_t *
ks_peer_seat(ks_peer_t *peer)
{
    return (ks_seat_t *) ((u_char *) peer - offsetof(ks_seat_t, peer));
}


static void
ks_seat_about(ks_peer_t *peer, ks_peer_about_t *a)
{
    ks_seat_t  *seat;

    seat = ks_peer_seat(peer);
    ks_conn_tell(seat->conn, (unsigned) (seat - seat->conn->seats), a);
}


static void
ks_seat_kill(ks_peer_t *peer)
{
    ks_conn_end(ks_peer_seat(peer)->conn);
}


static void
ks_seat_resume(ks_peer_t *peer)
{
    ks_conn_go_on(ks_peer_seat(peer)->conn);
}


static const ks_peer_ops_t  ks_seat_peer_ops = {
    ks_seat_about,
    ks_seat_kill,
    ks_seat_resume
};


static int
ks_peer_list(ks_conn_t *s, unsigned db, ks_peer_t *peer)
{
    return ks_peers_add(s->host->peers(s, db), peer) == KS_OK;
}


int
ks_conn_databases(ks_conn_t *s, const ks_databases_t *databases)
{
    unsigned    i;
    ks_seat_t  *seat;

    if (ks_seats_open(s, databases) != KS_OK) {
        return KS_NOMEM;
    }

    /* its number is another one from now on */

    if (s->listed) {
        ks_peers_remove(s->host->peers(s, 0), &s->peer);
    }

    s->peer.id = s->id;
    s->listed = (ks_peer_list(s, 0, &s->peer) != 0);

    for (i = 1; i < databases->n; i++) {
        seat = &s->seats[i];
        seat->peer.ops = &ks_seat_peer_ops;
        seat->listed = (ks_peer_list(s, i, &seat->peer) != 0);
    }

    return KS_OK;
}


/* --- coming and going --- */


void
ks_conn_come(ks_conn_t *s)
{
    s->client.held = &s->held;
    s->client.whence = ks_conn_whence;
    s->held.ask.done = ks_conn_answered;

    s->peer.id = s->id;
    s->peer.ops = &ks_conn_peer_ops;
    s->peer.sink = &s->sink;
    s->listed = (ks_peer_list(s, 0, &s->peer) != 0);
}


static void
ks_seats_go(ks_conn_t *s)
{
    unsigned    i;
    ks_seat_t  *seat;

    for (i = 1; i < s->client.databases->n; i++) {
        seat = &s->seats[i];

        if (seat->listed) {
            seat->listed = 0;
            ks_peers_remove(s->host->peers(s, i), &seat->peer);
        }
    }

    ks_seats_close(s);
}


void
ks_conn_go(ks_conn_t *s)
{
    ks_conn_deaf(s);
    ks_held_end(&s->held);

    if (s->listed) {
        s->listed = 0;
        ks_peers_remove(s->host->peers(s, 0), &s->peer);
    }

    if (s->seats != NULL) {
        ks_seats_go(s);
    }
}


void
ks_conn_deaf(ks_conn_t *s)
{
    unsigned  i;

    ks_tracking_off(s->client.space, &s->tracker);

    if (s->seats == NULL) {
        ks_pubsub_leave(s->client.space, &s->sink);
        ks_monitor_end(s->client.space, &s->monitor);

    } else {
        for (i = 0; i < s->client.databases->n; i++) {
            ks_seat_deafen(s, i);
        }
    }

    ks_conn_attend(s);
}


void
ks_conn_attend(ks_conn_t *s)
{
    s->monitoring = (ks_monitors(&s->monitor)
                     || (s->seats != NULL && ks_seats_monitor(s)));
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
