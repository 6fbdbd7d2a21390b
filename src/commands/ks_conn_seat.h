/*
 * The seats of a connection whose door has several zones: see ks_databases.h.
 * For the files that keep connections; all of it is for those that have seats.
 */

#ifndef KS_CONN_SEAT_H
#define KS_CONN_SEAT_H

#include "commands/ks_conn.h"
#include "commands/ks_databases.h"


struct ks_seat_s {
    ks_conn_t        *conn;
    ks_peer_t         peer;             /* of all zones but the first */
    ks_sink_t         sink;             /* the same; it gives all to the
                                           connection's own */
    ks_monitor_t      monitor;          /* the same */
    unsigned          listed:1;

    /* held; NULL: it has not entered, or it is there now, and has the user as
       its client's */
    const ks_user_t  *user;
};


/*
 * Gives the connection seats, and a number that it has in all zones.  KS_NOMEM:
 * the process has no memory.
 */
int ks_seats_open(ks_conn_t *s, const ks_databases_t *d);
void ks_seats_close(ks_conn_t *s);

/* It enters as that user, who is held from now on; and is no more there. */
void ks_seat_take(ks_seat_t *seat, const ks_user_t *user);
void ks_seat_leave(ks_seat_t *seat);

/* It is in that zone from now on, where it has entered. */
void ks_conn_sit(ks_conn_t *s, unsigned db);

/* It subscribes to nothing in that zone, and does not see its commands. */
void ks_seat_deafen(ks_conn_t *s, unsigned db);

/* It hears what was told to this process in any zone. */
void ks_seats_hear(ks_conn_t *s);

/* Whether it sees all commands of a zone behind the first. */
int ks_seats_monitor(const ks_conn_t *s);


/* The seat's peer of the zone that it is in, or the connection's own. */
static inline ks_peer_t *
ks_conn_peer(ks_conn_t *s)
{
    return s->client.db ? &s->seats[s->client.db].peer : &s->peer;
}


/* The space of a zone of its door; with or without seats. */
static inline ks_space_t *
ks_conn_space(const ks_conn_t *s, unsigned db)
{
    return s->seats ? s->client.databases->spaces[db] : s->client.space;
}


/* As whom it is in a zone; NULL: it has not entered. */
static inline const ks_user_t *
ks_conn_user_at(const ks_conn_t *s, unsigned db)
{
    return (db == s->client.db) ? s->client.user : s->seats[db].user;
}


#endif /* KS_CONN_SEAT_H */
