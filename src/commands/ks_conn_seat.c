/*
 * Seats: what a connection has in each zone of a door with several.
 *
 * The first zone's are fields of the connection itself, as with one zone; of it
 * the seat has only the user, while the connection is elsewhere.
 */

#include "bus/ks_hub.h"
#include "bus/ks_pubsub.h"
#include "commands/ks_conn.h"
#include "commands/ks_conn_seat.h"
#include "commands/ks_users.h"

#include <stdlib.h>


static void ks_seat_push(ks_sink_t *sink, ks_push_t *push);
static void ks_seat_lost(ks_sink_t *sink);


static const ks_sink_ops_t  ks_seat_sink = {
    ks_seat_push,
    ks_seat_lost
};


/* --- its sink --- */

static ks_sink_t *
ks_seat_target(const ks_sink_t *sink)
{
    const ks_seat_t  *seat;

    seat = (const ks_seat_t *) ((const u_char *) sink
                                - offsetof(ks_seat_t, sink));

    return &seat->conn->sink;
}


static void
ks_seat_push(ks_sink_t *sink, ks_push_t *push)
{
    sink = ks_seat_target(sink);
    sink->ops->push(sink, push);
}


static void
ks_seat_lost(ks_sink_t *sink)
{
    sink = ks_seat_target(sink);
    sink->ops->lost(sink);
}


/* --- coming and going --- */

/* A number that no client of any of the zones has or gets. */

static uint64_t
ks_seats_number(const ks_databases_t *d)
{
    unsigned  i, left;
    uint64_t  id;

    id = ks_next_id(d->spaces[0]);
    left = d->n - 1;

    for (i = 1; left != 0; i = (i + 1) % d->n) {

        if (ks_claim_id(d->spaces[i], id)) {
            left--;

        } else {
            id = ks_next_id(d->spaces[i]);
            left = d->n - 1;
        }
    }

    return id;
}


int
ks_seats_open(ks_conn_t *s, const ks_databases_t *d)
{
    unsigned    i;
    ks_seat_t  *seat;

    s->seats = calloc(d->n, sizeof(ks_seat_t));

    if (s->seats == NULL) {
        return KS_NOMEM;
    }

    s->several = 1;
    s->client.databases = d;
    s->id = ks_seats_number(d);

    for (i = 0; i < d->n; i++) {
        seat = &s->seats[i];
        seat->conn = s;
        seat->sink.ops = &ks_seat_sink;
        seat->sink.db = i;
        seat->peer.id = s->id;
        seat->peer.sink = &seat->sink;
    }

    return KS_OK;
}


void
ks_seats_close(ks_conn_t *s)
{
    unsigned  i;

    for (i = 0; i < s->client.databases->n; i++) {
        ks_seat_leave(&s->seats[i]);
    }

    free(s->seats);
    free(s->login_name);

    s->seats = NULL;
    s->login_name = NULL;
    s->several = 0;
    s->client.databases = NULL;
    s->client.db = 0;
    s->client.sink = &s->sink;
    s->client.monitor = &s->monitor;
}


void
ks_seat_take(ks_seat_t *seat, const ks_user_t *user)
{
    ks_user_hold(user);
    ks_seat_leave(seat);
    seat->user = user;
}


void
ks_seat_leave(ks_seat_t *seat)
{
    if (seat->user != NULL) {
        ks_user_release(seat->user);
        seat->user = NULL;
    }
}


void
ks_conn_sit(ks_conn_t *s, unsigned db)
{
    ks_seat_t    *seat;
    ks_client_t  *client;

    client = &s->client;

    if (client->db == db) {
        return;
    }

    s->seats[client->db].user = client->user;

    seat = &s->seats[db];
    client->user = seat->user;
    seat->user = NULL;

    client->db = db;
    client->space = client->databases->spaces[db];
    client->sink = db ? &seat->sink : &s->sink;
    client->monitor = db ? &seat->monitor : &s->monitor;
}


/* --- what it hears --- */

void
ks_seat_deafen(ks_conn_t *s, unsigned db)
{
    ks_space_t  *sp;

    sp = s->client.databases->spaces[db];

    ks_pubsub_leave(sp, db ? &s->seats[db].sink : &s->sink);
    ks_monitor_end(sp, db ? &s->seats[db].monitor : &s->monitor);
}


void
ks_seats_hear(ks_conn_t *s)
{
    unsigned  i;

    for (i = 0; i < s->client.databases->n; i++) {
        ks_hub_hear_all(s->client.databases->spaces[i]);
    }
}


int
ks_seats_monitor(const ks_conn_t *s)
{
    unsigned  i;

    for (i = 1; i < s->client.databases->n; i++) {
        if (ks_monitors(&s->seats[i].monitor)) {
            return 1;
        }
    }

    return 0;
}
