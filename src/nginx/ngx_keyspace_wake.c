
/*
 * Waking a worker from any other, and what a worker hears when it is woken.
 *
 * The master makes an eventfd for each of its places for processes, which all
 * workers inherit: those of before a reload and those of after it.  The place
 * of a process (ngx_process_slot) is no other's while it lives.  A worker
 * listens to the one of its place; it is written to under the journal's lock,
 * at most once until the worker has heard all that there is.  Nobody is woken,
 * and no timer runs, while nothing is told.
 *
 * Two masters may have a zone that lives in a file, the old and the new one of
 * an upgrade.  The places are made for both, a half each, and the new one is
 * executed with their descriptors.  Which these are, and which half the master
 * of each seat has, stands in the words of the file (persist/ks_file.h).
 */


#include "ngx_keyspace_memory.h"
#include "ngx_keyspace_replicas.h"
#include "bus/ks_followers.h"
#include "bus/ks_pubsub.h"
#include "bus/ks_waiters.h"
#include "commands/ks_clients.h"
#include "commands/ks_users.h"

#include <sys/eventfd.h>


#define NGX_KEYSPACE_PLACES  64                 /* of a master */

#define NGX_KEYSPACE_HALVES  2
#define NGX_KEYSPACE_EVENTS  (NGX_KEYSPACE_HALVES * NGX_KEYSPACE_PLACES)

/* words of a file: descriptors, and the half of the master of a seat; each 1
 * more, 0: none */

#define NGX_KEYSPACE_WORD_EVENT  0
#define NGX_KEYSPACE_WORD_HALF   NGX_KEYSPACE_EVENTS

/* bytes of the journal that are heard before others get their turn */

#define NGX_KEYSPACE_HEAR    (256 * 1024)

/* How long publishers pause for a reader that comes no further, and after what
 * time without a pause it is another one. */

#define NGX_KEYSPACE_CROWDED  1000              /* milliseconds */
#define NGX_KEYSPACE_CALM     100

/* A worker that shuts down waits for timers: this one hardly ever fires. */

#define NGX_KEYSPACE_KEEP    (7 * 24 * 3600 * 1000)     /* milliseconds */


static ngx_int_t ngx_keyspace_wake_make(ngx_cycle_t *cycle);
static ngx_int_t ngx_keyspace_wake_adopt(ngx_cycle_t *cycle,
    ngx_keyspace_conf_t *kcf);
static ngx_int_t ngx_keyspace_wake_share(ngx_cycle_t *cycle,
    ngx_keyspace_zone_t *kz);
static void ngx_keyspace_wake(void *data, unsigned row);
static void ngx_keyspace_wake_handler(ngx_event_t *ev);
static void ngx_keyspace_hear_handler(ngx_event_t *ev);
static void ngx_keyspace_keep_handler(ngx_event_t *ev);


static ngx_socket_t      ngx_keyspace_places[NGX_KEYSPACE_EVENTS];
static ngx_uint_t        ngx_keyspace_have_places;
static ngx_uint_t        ngx_keyspace_half;

/* of this process; it takes none of worker_connections */

static ngx_keyspace_fd_t  ngx_keyspace_place;

/* clients of this process that are kept, and the timer that is set for them */

static ngx_int_t         ngx_keyspace_kept;
static ngx_event_t       ngx_keyspace_kept_timer;


/* the place of this process */

static ngx_inline uint32_t
ngx_keyspace_wake_place(void)
{
    return (uint32_t) (ngx_keyspace_half * NGX_KEYSPACE_PLACES
                       + ngx_process_slot);
}


ngx_int_t
ngx_keyspace_wake_init(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf)
{
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_keyspace_zone_t  **kz;

    if (!ngx_keyspace_have_places) {
        rc = ngx_keyspace_wake_adopt(cycle, kcf);

        if (rc == NGX_DECLINED) {
            rc = ngx_keyspace_wake_make(cycle);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        ngx_keyspace_have_places = 1;
    }

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        if (kz[i]->memory->filed
            && ngx_keyspace_wake_share(cycle, kz[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_wake_make(ngx_cycle_t *cycle)
{
    ngx_uint_t    i;
    ngx_socket_t  fd;

    for (i = 0; i < NGX_KEYSPACE_EVENTS; i++) {
        fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fd == (ngx_socket_t) -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "eventfd() for keyspace workers failed");
            return NGX_ERROR;
        }

        ngx_keyspace_places[i] = fd;
    }

    return NGX_OK;
}


/* Whether the descriptor is an eventfd that can be written to. */

static ngx_uint_t
ngx_keyspace_wake_is_event(int fd)
{
    ssize_t  n;
    u_char   name[NGX_INT_T_LEN + sizeof("/proc/self/fd/")];
    u_char   is[sizeof("anon_inode:[eventfd]")];

    *ngx_sprintf(name, "/proc/self/fd/%d", fd) = '\0';

    n = readlink((char *) name, (char *) is, sizeof(is));

    return n == (ssize_t) sizeof("anon_inode:[eventfd]") - 1
           && ngx_memcmp(is, "anon_inode:[eventfd]", n) == 0;
}


/*
 * The places of the master that this one was executed by, and the other half of
 * them.  NGX_DECLINED: it has no zone in common with any.
 */

static ngx_int_t
ngx_keyspace_wake_adopt(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf)
{
    int                    fd;
    uint32_t              *words;
    ngx_uint_t             i;
    ngx_keyspace_zone_t  **kz;

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        if (kz[i]->memory->filed && kz[i]->begins == NGX_KEYSPACE_SHARED) {
            break;
        }
    }

    if (i == kcf->zones.nelts) {
        return NGX_DECLINED;
    }

    words = ks_file_words(&kz[i]->memory->file);

    ngx_keyspace_half =
        (words[NGX_KEYSPACE_WORD_HALF + !kz[i]->memory->file.seat] == 1);

    for (i = 0; i < NGX_KEYSPACE_EVENTS; i++) {
        fd = (int) words[NGX_KEYSPACE_WORD_EVENT + i] - 1;

        if (!ngx_keyspace_wake_is_event(fd)) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "descriptor %d was not inherited as the eventfd "
                          "for keyspace workers", fd);
            return NGX_ERROR;
        }

        ngx_keyspace_places[i] = fd;
    }

    return NGX_OK;
}


/* what is executed in the place of this master finds the places in the file */

static ngx_int_t
ngx_keyspace_wake_share(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz)
{
    uint32_t    *words;
    ngx_uint_t   i;
    ks_file_t   *file;

    file = &kz->memory->file;
    words = ks_file_words(file);

    for (i = 0; i < NGX_KEYSPACE_EVENTS; i++) {
        words[NGX_KEYSPACE_WORD_EVENT + i] =
                                         (uint32_t) ngx_keyspace_places[i] + 1;

        if (fcntl(ngx_keyspace_places[i], F_SETFD, 0) == -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "fcntl() of an eventfd for keyspace workers failed");
            return NGX_ERROR;
        }
    }

    words[NGX_KEYSPACE_WORD_HALF + file->seat] =
                                             (uint32_t) ngx_keyspace_half + 1;

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
                                ngx_keyspace_places[ngx_keyspace_wake_place()],
                                  ngx_keyspace_wake_handler, cycle->log);
}


ngx_int_t
ngx_keyspace_wake_listen(ngx_cycle_t *cycle, ngx_event_handler_pt handler)
{
    ngx_socket_t  fd;

    if (ngx_process_slot >= NGX_KEYSPACE_PLACES) {
        return NGX_ERROR;
    }

    fd = ngx_keyspace_places[ngx_keyspace_wake_place()];

    return ngx_keyspace_fd_listen(&ngx_keyspace_place, fd, handler,
                                  cycle->log);
}


ngx_int_t
ngx_keyspace_hub_helper(ngx_keyspace_zone_t *kz, ngx_event_handler_pt handler)
{
    kz->hear.handler = handler;
    kz->hear.data = &ngx_keyspace_place.connection;
    kz->hear.log = ngx_cycle->log;

    if (ks_hub_open(kz->space, ngx_keyspace_wake_place(), ngx_keyspace_wake,
                    kz)
        != KS_OK)
    {
        return NGX_ERROR;
    }

    ks_hub_set_helper(kz->space);

    return NGX_OK;
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

    if (ks_hub_open(kz->space, ngx_keyspace_wake_place(), ngx_keyspace_wake,
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

    kz->unswept = 1;
    kz->unswept_waiters = 1;

    /* the master has nobody whom it could tell in the name of */

    ks_users_announce(kz->space);
}


void
ngx_keyspace_hub_close(ngx_keyspace_zone_t *kz)
{
    if (kz->hear.posted) {
        ngx_delete_posted_event(&kz->hear);
    }

    ks_waiters_leave_all(kz->space);
    ks_waiters_close(kz->space);
    ks_followers_close(kz->space);
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

    if (place == ngx_keyspace_wake_place()) {
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

void
ngx_keyspace_wake_heard(void)
{
    ssize_t   rc;
    uint64_t  n;

    if (!(ngx_event_flags & NGX_USE_CLEAR_EVENT)) {
        rc = read(ngx_keyspace_place.connection.fd, &n, sizeof(n));
        (void) rc;
    }
}


static void
ngx_keyspace_wake_handler(ngx_event_t *ev)
{
    ngx_uint_t            i = 0;
    ngx_keyspace_zone_t  *kz;

    ngx_keyspace_wake_heard();

    while ((kz = ngx_keyspace_zone_next(ngx_cycle, &i)) != NULL) {
        ngx_keyspace_unsynced_check(kz);
        ngx_keyspace_replicas_check(kz);
        ngx_keyspace_hear(kz);
    }
}


static void
ngx_keyspace_hear_handler(ngx_event_t *ev)
{
    ngx_keyspace_zone_t  *kz;

    kz = (ngx_keyspace_zone_t *)
             ((u_char *) ev - offsetof(ngx_keyspace_zone_t, hear));

    ngx_keyspace_unsynced_check(kz);
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
