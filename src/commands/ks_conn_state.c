/*
 * What a connection is between its commands, for the handlers that change it.
 */

#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_conn_peer.h"
#include "commands/ks_conn_seat.h"
#include "commands/ks_users.h"

#include <stdlib.h>


static void ks_conn_return(ks_conn_t *s);


ks_conn_t *
ks_want_conn(ks_ctx_t *c)
{
    if (c->client->conn == NULL) {
        ks_reply_errorf(c->reply, "ERR '%s' is for connections that stay open "
                        "(RESP)", ks_command_name(c->cmd));
    }

    return c->client->conn;
}


void
ks_conn_reset(ks_conn_t *s)
{
    ks_conn_discard(s);
    ks_conn_deaf(s);

    free(s->name);
    s->name = NULL;

    s->resp = 2;
    s->silent = 0;
    s->no_evict = 0;
    s->client.quiet = 0;

    if (s->seats != NULL) {
        ks_conn_return(s);
    }

    ks_conn_become(s, ks_conn_arrival(s));
}


const ks_user_t *
ks_conn_arrival(const ks_conn_t *s)
{
    return s->came_as->rights == KS_RIGHTS_RULES
           ? ks_users_arrival(s->client.space) : s->came_as;
}


/* --- several zones --- */

/* To the first zone, as it has shown nothing. */

static void
ks_conn_return(ks_conn_t *s)
{
    unsigned  i;

    ks_conn_sit(s, 0);

    for (i = 1; i < s->client.databases->n; i++) {
        ks_seat_leave(&s->seats[i]);
    }

    free(s->login_name);
    s->login_name = NULL;
}


const ks_user_t *
ks_conn_login(ks_conn_t *s, unsigned db, const ks_str_t *name,
    const u_char *hex)
{
    ks_str_t          own;
    const ks_user_t  *found;

    if (s->came_as->rights == KS_RIGHTS_FULL) {
        own = ks_text(s->came_as->name);

        if (ks_str_same(name, &own)) {
            return s->came_as;
        }
    }

    if (s->came_as->rights != KS_RIGHTS_NONE) {
        found = ks_users_login(ks_conn_space(s, db), name, hex);

        if (found != NULL || s->came_as->rights == KS_RIGHTS_FULL) {
            return found;
        }
    }

    return s->host->login(s, db, name, hex);
}


/* As whom it may be in a zone, by what it has shown; NULL: not at all. */

static const ks_user_t *
ks_conn_judge(ks_conn_t *s, unsigned db)
{
    ks_str_t          name;
    const ks_user_t  *user;

    if (s->login_name != NULL) {
        name = ks_text(s->login_name);
        user = ks_conn_login(s, db, &name, s->login_hex);

    } else {
        user = (s->came_as->rights == KS_RIGHTS_RULES)
               ? ks_users_arrival(ks_conn_space(s, db)) : s->came_as;
    }

    if (user == NULL || user->rights == KS_RIGHTS_NONE
        || (s->host->admits != NULL && !s->host->admits(s, db, user)))
    {
        return NULL;
    }

    return user;
}


const ks_user_t *
ks_conn_enter(ks_conn_t *s, unsigned db)
{
    ks_seat_t        *seat;
    const ks_user_t  *user;

    if (db == s->client.db) {
        return s->client.user;
    }

    seat = &s->seats[db];

    if (seat->user != NULL
        && !ks_user_gone(s->client.databases->spaces[db], seat->user))
    {
        return seat->user;
    }

    user = ks_conn_judge(s, db);

    if (user != NULL) {
        ks_seat_take(seat, user);
    }

    return user;
}


int
ks_conn_logged_in(ks_conn_t *s, const ks_str_t *name, const u_char *hex)
{
    char             *copy;
    unsigned          i;
    const ks_user_t  *user;

    copy = malloc(name->len + 1);

    if (copy == NULL) {
        return KS_NOMEM;
    }

    memcpy(copy, name->data, name->len);
    copy[name->len] = '\0';

    free(s->login_name);
    s->login_name = copy;
    memcpy(s->login_hex, hex, KS_ACL_DIGEST);

    for (i = 0; i < s->client.databases->n; i++) {

        if (i == s->client.db || s->seats[i].user == NULL) {
            continue;
        }

        user = ks_conn_judge(s, i);

        if (user != NULL) {
            ks_seat_take(&s->seats[i], user);
            continue;
        }

        ks_seat_leave(&s->seats[i]);
        ks_seat_deafen(s, i);
    }

    ks_conn_attend(s);

    return KS_OK;
}


void
ks_conn_become(ks_conn_t *s, const ks_user_t *user)
{
    ks_user_hold(user);
    ks_user_release(s->client.user);

    s->client.user = user;
    s->guest = (user->rights == KS_RIGHTS_NONE);
}


int
ks_conn_text(char **text, const ks_str_t *value)
{
    char    *copy;
    size_t   i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < '!' || value->data[i] > '~') {
            return KS_ERR;
        }
    }

    copy = NULL;

    if (value->len) {
        copy = malloc(value->len + 1);

        if (copy == NULL) {
            return KS_NOMEM;
        }

        memcpy(copy, value->data, value->len);
        copy[value->len] = '\0';
    }

    free(*text);
    *text = copy;

    return KS_OK;
}
