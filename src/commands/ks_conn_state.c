/*
 * What a connection is between its commands, for the handlers that change it.
 */

#include "commands/ks_conn.h"
#include "commands/ks_conn_peer.h"
#include "commands/ks_users.h"

#include <stdlib.h>


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

    ks_conn_become(s, ks_conn_arrival(s));
}


const ks_user_t *
ks_conn_arrival(const ks_conn_t *s)
{
    return s->came_as->rights == KS_RIGHTS_RULES
           ? ks_users_arrival(s->client.space) : s->came_as;
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
