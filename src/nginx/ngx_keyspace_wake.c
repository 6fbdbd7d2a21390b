
/*
 * Waking a worker from any other, and what a worker hears when it is woken.
 *
 * The master makes an eventfd for each of its places for processes, which all
 * workers inherit: those of before a reload and those of after it.  The place
 * of a process (ngx_process_slot) is no other's while it lives.  A worker
 * listens to the one of its place; it is written to under the journal's lock,
 * at most once until the worker has heard all that there is.  Nobody is woken,
 * and no timer runs, while nothing is told.
 */


#include "ngx_keyspace.h"
#include "bus/ks_pubsub.h"
#include "bus/ks_waiters.h"
#include "commands/ks_clients.h"

#include <sys/eventfd.h>


#define NGX_KEYSPACE_PLACES  64

/* bytes of the journal that are heard before others get their turn */

#define NGX_KEYSPACE_HEAR    (256 * 1024)

/* How long publishers pause for a reader that comes no further, and after what
 * time without a pause it is another one. */

#define NGX_KEYSPACE_CROWDED  1000              /* milliseconds */
#define NGX_KEYSPACE_CALM     100

/* A worker that shuts down waits for timers: this one hardly ever fires. */

#define NGX_KEYSPACE_KEEP    (7 * 24 * 3600 * 1000)     /* milliseconds */


static void ngx_keyspace_wake(void *data, unsigned row);
static void ngx_keyspace_wake_handler(ngx_event_t *ev);
static void ngx_keyspace_hear_handler(ngx_event_t *ev);
static void ngx_keyspace_keep_handler(ngx_event_t *ev);


static ngx_socket_t      ngx_keyspace_places[NGX_KEYSPACE_PLACES];
static ngx_uint_t        ngx_keyspace_have_places;

/* of this process; it takes none of worker_connections */

static ngx_keyspace_fd_t  ngx_keyspace_place;

/* clients of this process that are kept, and the timer that is set for them */

static ngx_int_t         ngx_keyspace_kept;
static ngx_event_t       ngx_keyspace_kept_timer;


ngx_int_t
ngx_keyspace_wake_init(ngx_cycle_t *cycle)
{
    ngx_uint_t    i;
    ngx_socket_t  fd;

    if (ngx_keyspace_have_places) {
        return NGX_OK;
    }

    for (i = 0; i < NGX_KEYSPACE_PLACES; i++) {
        fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fd == (ngx_socket_t) -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "eventfd() for keyspace workers failed");
            return NGX_ERROR;
        }

        ngx_keyspace_places[i] = fd;
    }

    ngx_keyspace_have_places = 1;

    return NGX_OK;
}


void
ngx_keyspace_wake_open(ngx_cycle_t *cycle)
{
    if (ngx_process_slot >= NGX_KEYSPACE_PLACES) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "there are more than %d processes: keyspace cannot wake "
                      "this one, which serves no subscriptions and no "
                      "blocking commands", NGX_KEYSPACE_PLACES);
        return;
    }

    (void) ngx_keyspace_fd_listen(&ngx_keyspace_place,
                                  ngx_keyspace_places[ngx_process_slot],
                                  ngx_keyspace_wake_handler, cycle->log);
}


void
ngx_keyspace_hub_open(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    kz->hear.handler = ngx_keyspace_hear_handler;
    kz->hear.data = &ngx_keyspace_place.connection;
    kz->hear.log = log;

    if (ngx_keyspace_place.connection.read == NULL
        || ngx_keyspace_place.connection.fd == (ngx_socket_t) -1)
    {
        return;
    }

    if (ks_hub_open(kz->space, (uint32_t) ngx_process_slot, ngx_keyspace_wake,
                    kz)
        != KS_OK)
    {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "keyspace zone \"%V\" has no place for another worker: "
                      "this one serves no subscriptions and no blocking "
                      "commands", &kz->name);
        return;
    }

    if (ks_pubsub_open(kz->space) != KS_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "there is no memory for subscriptions to keyspace zone "
                      "\"%V\": this worker serves none", &kz->name);
    }

    if (ks_waiters_open(kz->space) != KS_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "there is no memory for clients that wait for keys of "
                      "keyspace zone \"%V\": in this worker none does",
                      &kz->name);
    }

    if (ks_asks_open(kz->space, &kz->peers, ks_clients_answer) != KS_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "there is no memory for what other workers ask of "
                      "keyspace zone \"%V\": this one does not answer",
                      &kz->name);
    }
}


void
ngx_keyspace_hub_close(ngx_keyspace_zone_t *kz)
{
    if (kz->hear.posted) {
        ngx_delete_posted_event(&kz->hear);
    }

    ks_waiters_close(kz->space);
    ks_pubsub_close(kz->space);
    ks_asks_close(kz->space);
    ks_hub_close(kz->space);
}


void
ngx_keyspace_set_clients(ngx_keyspace_zone_t *kz, ngx_uint_t n)
{
    kz->clients = n;
    ks_hub_set_clients(kz->space, (unsigned) n);
}


/* Called with locks held, so it does no more than that. */

static void
ngx_keyspace_wake(void *data, unsigned row)
{
    ngx_keyspace_zone_t *kz = data;

    uint32_t  place;
    uint64_t  one;

    place = ks_process_wake(kz->zone, row);

    if (place == (uint32_t) ngx_process_slot) {
        kz->heard = 0;
        ngx_post_event(&kz->hear, &ngx_posted_events);
        return;
    }

    one = 1;

    if (write(ngx_keyspace_places[place], &one, sizeof(one)) == -1) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "keyspace zone \"%V\": a worker cannot be woken",
                      &kz->name);
    }
}


/* An event that is told by its edge need not be read, and none gets lost. */

static void
ngx_keyspace_wake_handler(ngx_event_t *ev)
{
    uint64_t               n;
    ngx_uint_t             i;
    ngx_keyspace_conf_t   *kcf;
    ngx_keyspace_zone_t  **kz;

    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)) {
        (void) read(ngx_keyspace_place.connection.fd, &n, sizeof(n));
    }

    kcf = (ngx_keyspace_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                               ngx_keyspace_module);
    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        ngx_keyspace_hear(kz[i]);
    }
}


static void
ngx_keyspace_hear_handler(ngx_event_t *ev)
{
    ngx_keyspace_zone_t  *kz;

    kz = (ngx_keyspace_zone_t *)
             ((u_char *) ev - offsetof(ngx_keyspace_zone_t, hear));

    ngx_keyspace_hear(kz);
}


void
ngx_keyspace_hear(ngx_keyspace_zone_t *kz)
{
    int       rc;
    uint64_t  losses;

    kz->heard = 1;
    rc = ks_hub_hear(kz->space, NGX_KEYSPACE_HEAR);
    losses = ks_hub_losses(kz->space);

    if (losses != kz->losses) {
        kz->losses = losses;
        ngx_log_error(NGX_LOG_WARN, kz->hear.log, 0,
                      "keyspace zone \"%V\" was told more at a time than its "
                      "journal holds: this worker has missed some of it, and "
                      "ends its subscriptions", &kz->name);
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, kz->hear.log, 0,
                   "keyspace zone \"%V\" heard what was told, more: %d",
                   &kz->name, rc == KS_AGAIN);

    if (rc == KS_AGAIN) {
        kz->heard = 0;
        ngx_post_event(&kz->hear, &ngx_posted_next_events);
    }

    ngx_keyspace_settle(kz);
}


void
ngx_keyspace_keep(ngx_int_t n)
{
    ngx_event_t  *ev;

    ev = &ngx_keyspace_kept_timer;
    ngx_keyspace_kept += n;

    if (ngx_keyspace_kept == 0) {

        if (ev->timer_set) {
            ngx_del_timer(ev);
        }

        return;
    }

    if (!ev->timer_set) {
        ev->handler = ngx_keyspace_keep_handler;
        ev->data = &ngx_keyspace_place.connection;
        ev->log = ngx_cycle->log;

        ngx_add_timer(ev, NGX_KEYSPACE_KEEP);
    }
}


static void
ngx_keyspace_keep_handler(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_KEYSPACE_KEEP);
}


ngx_uint_t
ngx_keyspace_crowded(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_hear(kz);

    if (!ks_pubsub_crowded(kz->space)) {
        kz->crowded = 0;
        return 0;
    }

    if (kz->crowded == 0
        || ngx_current_msec - kz->crowding > NGX_KEYSPACE_CALM)
    {
        kz->crowded = ngx_current_msec;
    }

    kz->crowding = ngx_current_msec;

    return ngx_current_msec - kz->crowded < NGX_KEYSPACE_CROWDED;
}
