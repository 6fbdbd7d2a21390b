
/*
 * Replies that wait for the disk, and clients of WAIT and WAITAOF: those of a
 * worker, by the position of the journal that they wait for.
 *
 * The helper that writes the journal wakes the worker when it has come further.
 * A timer looks as well, once a second while anybody waits: a worker that shuts
 * down waits for timers, and nothing that goes wrong elsewhere holds a reply
 * for ever.
 */


#include "ngx_keyspace.h"
#include "commands/ks_block.h"


#define NGX_KEYSPACE_UNSYNCED_LOOK  1000        /* milliseconds */


static void ngx_keyspace_unsynced_handler(ngx_event_t *ev);


static ngx_uint_t
ngx_keyspace_unsynced_done(ngx_keyspace_zone_t *kz, ngx_keyspace_unsynced_t *u)
{
    return u->client ? (ngx_uint_t) ks_block_done(u->client)
                     : (ngx_uint_t) ks_aof_passes(kz->space, u->position);
}


/* Most come in the order of their positions. */

static void
ngx_keyspace_unsynced_insert(ngx_keyspace_zone_t *kz,
    ngx_keyspace_unsynced_t *u)
{
    ngx_queue_t              *q;
    ngx_keyspace_unsynced_t  *other;

    for (q = ngx_queue_last(&kz->unsynced);
         q != ngx_queue_sentinel(&kz->unsynced);
         q = ngx_queue_prev(q))
    {
        other = ngx_queue_data(q, ngx_keyspace_unsynced_t, queue);

        if (other->position <= u->position) {
            break;
        }
    }

    ngx_queue_insert_after(q, &u->queue);
}


ngx_int_t
ngx_keyspace_unsynced_wait(ngx_keyspace_zone_t *kz, ngx_keyspace_unsynced_t *u,
    uint64_t position)
{
    ngx_event_t  *ev;

    ngx_keyspace_unsynced_cancel(kz, u);

    u->position = position;

    if (ngx_keyspace_unsynced_done(kz, u)) {
        return NGX_OK;
    }

    ev = &kz->unsynced_timer;

    if (ev->handler == NULL) {
        ngx_queue_init(&kz->unsynced);
        ev->handler = ngx_keyspace_unsynced_handler;
        ev->data = kz->hear.data;
        ev->log = ngx_cycle->log;
    }

    ks_aof_wait(kz->space);

    if (u->client) {
        ks_primary_wait(kz->space);
    }

    if (ngx_keyspace_unsynced_done(kz, u)) {
        return NGX_OK;
    }

    ngx_keyspace_unsynced_insert(kz, u);
    u->waits = 1;

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_KEYSPACE_UNSYNCED_LOOK);
    }

    return NGX_AGAIN;
}


void
ngx_keyspace_unsynced_cancel(ngx_keyspace_zone_t *kz,
    ngx_keyspace_unsynced_t *u)
{
    if (!u->waits) {
        return;
    }

    u->waits = 0;
    ngx_queue_remove(&u->queue);

    if (ngx_queue_empty(&kz->unsynced) && kz->unsynced_timer.timer_set) {
        ngx_del_timer(&kz->unsynced_timer);
    }
}


/* Who is called may wait anew, or end others that wait. */

void
ngx_keyspace_unsynced_check(ngx_keyspace_zone_t *kz)
{
    ngx_queue_t              *q, done;
    ngx_keyspace_unsynced_t  *u;

    if (kz->unsynced_timer.handler == NULL || ngx_queue_empty(&kz->unsynced)) {
        return;
    }

    ks_aof_wait(kz->space);

    if (ks_primary_on(kz->space)) {
        ks_primary_wait(kz->space);
    }

    ngx_queue_init(&done);

    for (q = ngx_queue_head(&kz->unsynced);
         q != ngx_queue_sentinel(&kz->unsynced); /* void */ )
    {
        u = ngx_queue_data(q, ngx_keyspace_unsynced_t, queue);

        if (!ngx_keyspace_unsynced_done(kz, u)) {

            if (u->client == NULL) {
                break;
            }

            q = ngx_queue_next(q);
            continue;
        }

        q = ngx_queue_next(q);
        ngx_queue_remove(&u->queue);
        ngx_queue_insert_tail(&done, &u->queue);
    }

    while (!ngx_queue_empty(&done)) {
        u = ngx_queue_data(ngx_queue_head(&done), ngx_keyspace_unsynced_t,
                           queue);
        ngx_queue_remove(&u->queue);
        u->waits = 0;
        u->synced(u);
    }

    if (ngx_queue_empty(&kz->unsynced) && kz->unsynced_timer.timer_set) {
        ngx_del_timer(&kz->unsynced_timer);
    }
}


static void
ngx_keyspace_unsynced_handler(ngx_event_t *ev)
{
    ngx_keyspace_zone_t  *kz;

    kz = (ngx_keyspace_zone_t *)
             ((u_char *) ev - offsetof(ngx_keyspace_zone_t, unsynced_timer));

    ngx_keyspace_unsynced_check(kz);

    if (!ngx_queue_empty(&kz->unsynced)) {
        ngx_add_timer(ev, NGX_KEYSPACE_UNSYNCED_LOOK);
    }
}
