
/*
 * Learning at once that this worker has begun to shut down.
 *
 * nginx tells idle connections, and nobody else.  So there is one that never
 * has anything to read, as long as somebody wants to know; it takes one of
 * worker_connections.  Without a free one nobody is told, and the worker waits
 * for its clients.
 */


#include "ngx_keyspace.h"


static void ngx_keyspace_exit_free(void);
static void ngx_keyspace_exit_handler(ngx_event_t *ev);
static void ngx_keyspace_exit_told(ngx_event_t *ev);


static ngx_connection_t  *ngx_keyspace_exit_connection;
static ngx_connection_t   ngx_keyspace_exit_nobody;
static ngx_event_t        ngx_keyspace_exit_event;
static ngx_uint_t         ngx_keyspace_exit_listeners;
static void             (*ngx_keyspace_exit_begins)(void);


void
ngx_keyspace_exit_listen(void (*begins)(void))
{
    ngx_connection_t  *c;

    ngx_keyspace_exit_begins = begins;
    ngx_keyspace_exit_listeners++;

    if (ngx_keyspace_exit_connection != NULL || ngx_exiting) {
        return;
    }

    /* the descriptor is none that is used: it only must not be -1 */

    c = ngx_get_connection(STDIN_FILENO, ngx_cycle->log);
    if (c == NULL) {
        return;
    }

    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_keyspace_exit_handler;
    c->idle = 1;

    ngx_keyspace_exit_connection = c;
}


void
ngx_keyspace_exit_ignore(void)
{
    if (--ngx_keyspace_exit_listeners == 0) {
        ngx_keyspace_exit_free();
    }
}


static void
ngx_keyspace_exit_free(void)
{
    ngx_connection_t  *c;

    c = ngx_keyspace_exit_connection;

    if (c != NULL) {
        ngx_keyspace_exit_connection = NULL;

        c->idle = 0;
        c->fd = (ngx_socket_t) -1;
        ngx_free_connection(c);
    }
}


/*
 * Whatever is posted now would wait for something to happen; so it is told in
 * the next round, which then comes at once.
 */

static void
ngx_keyspace_exit_handler(ngx_event_t *ev)
{
    ngx_event_t  *told;

    ngx_keyspace_exit_free();

    ngx_keyspace_exit_nobody.fd = (ngx_socket_t) -1;

    told = &ngx_keyspace_exit_event;
    told->handler = ngx_keyspace_exit_told;
    told->data = &ngx_keyspace_exit_nobody;
    told->log = ngx_cycle->log;

    ngx_post_event(told, &ngx_posted_next_events);
}


static void
ngx_keyspace_exit_told(ngx_event_t *ev)
{
    ngx_keyspace_exit_begins();
}
