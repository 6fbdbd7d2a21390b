
/*
 * The process that makes snapshots.
 *
 * It is nginx's own cache manager, which the master starts if any path of the
 * cycle has a manager, starts again if it dies, and replaces at a reload.  The
 * path here is no directory, and is added when nginx has made those of the
 * others.  nginx calls the manager once in the process's life: from then on it
 * goes by events, as a worker does.  An idle one sleeps.
 *
 * It takes a row in each zone that has snapshots, but serves nobody.  Where the
 * one of the cycle before is still there, it waits for its end.
 */


#include "ngx_keyspace_snapshot.h"
#include "ngx_keyspace_journal.h"
#include "ngx_keyspace_param.h"
#include "ngx_keyspace_replicas.h"


#define NGX_KEYSPACE_SNAPSHOT_MANAGER  (60 * 60 * 1000)         /* ms */
#define NGX_KEYSPACE_SNAPSHOT_STAY     100                      /* ms */
#define NGX_KEYSPACE_SNAPSHOT_TIMER    (24 * 60 * 60 * 1000)    /* ms */


static const char *ngx_keyspace_snapshot_every(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_snapshot_changes(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_snapshot_version(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static ngx_msec_t ngx_keyspace_snapshot_manager(void *data);
static void ngx_keyspace_snapshot_open(ngx_keyspace_zone_t *kz);
static void ngx_keyspace_snapshot_run(ngx_keyspace_zone_t *kz);
static void ngx_keyspace_snapshot_goes_on(ngx_keyspace_zone_t *kz);
static void ngx_keyspace_snapshot_handler(ngx_event_t *ev);
static void ngx_keyspace_snapshot_wake_handler(ngx_event_t *ev);
static void ngx_keyspace_snapshot_exit(void);


static ngx_keyspace_param_t  ngx_keyspace_snapshot_params[] = {
    ngx_keyspace_param_row("every", ngx_keyspace_snapshot_every, 0),
    ngx_keyspace_param_row("changes", ngx_keyspace_snapshot_changes, 0),
    ngx_keyspace_param_row("version", ngx_keyspace_snapshot_version, 0),
    ngx_keyspace_null_param
};


/* in this process: it has begun */
static ngx_uint_t  ngx_keyspace_snapshot_began;


/* Whether the zone needs the process, be it for its journal or for replicas. */

static ngx_inline ngx_uint_t
ngx_keyspace_snapshot_helps(ngx_keyspace_zone_t *kz)
{
    return kz->snapshot.path != NULL || kz->journal.dir != NULL
           || kz->replicas_dir.len != 0;
}


/* --- configuration --- */

const char *
ngx_keyspace_snapshot(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_str_t  path;

    if (ngx_keyspace_path(cf, value, "snapshot", 0, &path) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (path.data[path.len - 1] == '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"snapshot\" needs the path of a file, and \"%V\" "
                           "is one of a directory", value);
        return NGX_CONF_ERROR;
    }

    kz->snapshot.path = (char *) path.data;
    kz->snapshot.changes = 1;

    if (ngx_keyspace_params(cf, 2, ngx_keyspace_snapshot_params, kz,
                            "snapshot")
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (kz->snapshot.every == 0 && kz->snapshot_changes) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"changes\" of \"snapshot\" needs \"every\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_snapshot_every(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_int_t  s;

    s = ngx_parse_time(value, 1);

    if (s == NGX_ERROR || s == 0) {
        return "it is a time, of a second or more";
    }

    kz->snapshot.every = (uint64_t) s * 1000;

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_snapshot_changes(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n == 0) {
        return "it is a number, 1 or more";
    }

    kz->snapshot.changes = (uint64_t) n;
    kz->snapshot_changes = 1;

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_snapshot_version(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    if (ngx_strcmp(value->data, "12") == 0) {
        kz->snapshot.times = 1;

    } else if (ngx_strcmp(value->data, "10") != 0) {
        return "it is 10 or 12";
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keyspace_snapshot_check(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf)
{
    ngx_uint_t             i, k;
    ngx_core_conf_t       *ccf;
    ngx_keyspace_zone_t  **kz;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {

        if (ccf->master == 0 && ngx_keyspace_snapshot_helps(kz[i])) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "\"%s\" of keyspace zone \"%V\" needs a process "
                          "of its own, which \"master_process off\" does not "
                          "allow", kz[i]->snapshot.path ? "snapshot"
                                   : kz[i]->journal.dir ? "journal"
                                                        : "replicas",
                          &kz[i]->name);
            return NGX_ERROR;
        }

        for (k = 0; kz[i]->snapshot.path != NULL && k < i; k++) {

            if (kz[k]->snapshot.path != NULL
                && ngx_strcmp(kz[k]->snapshot.path, kz[i]->snapshot.path)
                   == 0)
            {
                ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                              "keyspace zones \"%V\" and \"%V\" cannot have "
                              "the same snapshot \"%s\"", &kz[k]->name,
                              &kz[i]->name, kz[i]->snapshot.path);
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* --- the process --- */

ngx_int_t
ngx_keyspace_snapshot_init(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf)
{
    ngx_uint_t             i;
    ngx_path_t            *path, **slot;
    ngx_keyspace_zone_t  **kz;

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        if (ngx_keyspace_snapshot_helps(kz[i])) {
            break;
        }
    }

    if (i == kcf->zones.nelts) {
        return NGX_OK;
    }

    path = ngx_pcalloc(cycle->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&path->name, "keyspace");
    path->manager = ngx_keyspace_snapshot_manager;
    path->data = kcf;

    slot = ngx_array_push(&cycle->paths);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = path;

    return NGX_OK;
}


/* Called now and then; the first time the process is just there. */

static ngx_msec_t
ngx_keyspace_snapshot_manager(void *data)
{
    ngx_keyspace_conf_t *kcf = data;

    ngx_uint_t             i;
    ngx_keyspace_zone_t  **kz;

    if (ngx_keyspace_snapshot_began) {
        return NGX_KEYSPACE_SNAPSHOT_MANAGER;
    }

    ngx_keyspace_snapshot_began = 1;

    if (ngx_keyspace_wake_listen((ngx_cycle_t *) ngx_cycle,
                                 ngx_keyspace_snapshot_wake_handler)
        != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "keyspace: this process cannot be woken, and makes no "
                      "snapshots");
        return NGX_KEYSPACE_SNAPSHOT_MANAGER;
    }

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        if (ngx_keyspace_snapshot_helps(kz[i])) {
            ngx_keyspace_snapshot_open(kz[i]);
        }
    }

    /* nginx ends this process by exit() */

    (void) atexit(ngx_keyspace_snapshot_exit);

    return NGX_KEYSPACE_SNAPSHOT_MANAGER;
}


static void
ngx_keyspace_snapshot_open(ngx_keyspace_zone_t *kz)
{
    ngx_event_t  *ev;

    kz->snapshot.log = ngx_keyspace_saver_log;
    kz->snapshot.data = kz;

    kz->space = ks_space_open(kz->zone);

    if (kz->space == NULL
        || ngx_keyspace_hub_helper(kz, ngx_keyspace_snapshot_handler)
           != NGX_OK)
    {
        goto failed;
    }

    kz->saver = ks_saver_open(kz->space, &kz->snapshot);

    if (kz->saver == NULL) {
        goto failed;
    }

    if (kz->journal.dir != NULL
        && ngx_keyspace_journal_open(kz, ngx_keyspace_snapshot_goes_on)
           != NGX_OK)
    {
        ks_saver_close(kz->saver);
        kz->saver = NULL;
        goto failed;
    }

    if (ngx_keyspace_replicas_open(kz) != NGX_OK) {
        ngx_keyspace_journal_close(kz);
        ks_saver_close(kz->saver);
        kz->saver = NULL;
        goto failed;
    }

    ev = &kz->timer;
    ev->handler = ngx_keyspace_snapshot_handler;
    ev->data = kz->hear.data;
    ev->log = ngx_cycle->log;

    ngx_keyspace_snapshot_run(kz);

    return;

failed:

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "keyspace zone \"%V\" has no place, or the system no memory, "
                  "for a process that makes snapshots, files for replicas and "
                  "the journal: "
                  "there are none", &kz->name);
}


/* It may be run in its turn, or sooner. */

static void
ngx_keyspace_snapshot_run(ngx_keyspace_zone_t *kz)
{
    uint64_t  wait, other;

    if (kz->timer.timer_set) {
        ngx_del_timer(&kz->timer);
    }

    if (kz->timer.posted) {
        ngx_delete_posted_event(&kz->timer);
    }

    kz->heard = 1;
    wait = ks_saver_run(kz->saver, ks_clock());
    kz->rests = (wait != 0 && wait <= KS_SAVER_REST);
    other = ngx_keyspace_replicas_run(kz);
    wait = ngx_min(wait, other);

    if (wait == 0) {
        ngx_post_event(&kz->timer, &ngx_posted_next_events);

    } else if (wait != KS_SAVER_SLEEP) {
        ngx_add_timer(&kz->timer,
                      (ngx_msec_t) ngx_min(wait, NGX_KEYSPACE_SNAPSHOT_TIMER));
    }

    if (kz->appender != NULL) {
        ngx_keyspace_journal_run(kz);
    }
}


/* For the snapshot there is something to do only if it does not rest. */

static void
ngx_keyspace_snapshot_goes_on(ngx_keyspace_zone_t *kz)
{
    if (kz->saver != NULL && !kz->rests) {
        ngx_keyspace_snapshot_run(kz);

    } else if (kz->appender != NULL) {
        ngx_keyspace_journal_run(kz);
    }
}


static void
ngx_keyspace_snapshot_wake_handler(ngx_event_t *ev)
{
    ngx_uint_t            i = 0;
    ngx_keyspace_zone_t  *kz;

    ngx_keyspace_wake_heard();

    while ((kz = ngx_keyspace_zone_next(ngx_cycle, &i)) != NULL) {
        if (!kz->journal_rests) {
            ngx_keyspace_snapshot_goes_on(kz);
        }
    }
}


/* a timer, or a posted event */

static void
ngx_keyspace_snapshot_handler(ngx_event_t *ev)
{
    ngx_uint_t            i = 0;
    ngx_keyspace_zone_t  *kz;

    while ((kz = ngx_keyspace_zone_next(ngx_cycle, &i)) != NULL) {
        if (kz->saver != NULL
            && (ev == &kz->timer || ev == &kz->hear))
        {
            ngx_keyspace_snapshot_run(kz);
        }
    }
}


/* Whether workers go on, and nobody else is there to write for them. */

static ngx_uint_t
ngx_keyspace_snapshot_needed(void)
{
    ngx_uint_t            i = 0;
    ngx_keyspace_zone_t  *kz;

    while ((kz = ngx_keyspace_zone_next(ngx_cycle, &i)) != NULL) {

        if (kz->appender != NULL && ks_hub_alive(kz->space) != 0
            && !ks_hub_helped(kz->space))
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_keyspace_snapshot_stay_handler(ngx_event_t *ev)
{
    /* the event loop turns */
}


/*
 * nginx ends this process first, when it shuts down gracefully; but those that
 * do not end yet have something to write.
 */

static void
ngx_keyspace_snapshot_stay(void)
{
    ngx_event_t       ev;
    ngx_connection_t  c;

    ngx_memzero(&ev, sizeof(ngx_event_t));
    ngx_memzero(&c, sizeof(ngx_connection_t));

    c.fd = (ngx_socket_t) -1;
    ev.handler = ngx_keyspace_snapshot_stay_handler;
    ev.data = &c;
    ev.log = ngx_cycle->log;

    while (ngx_quit && !ngx_terminate && ngx_keyspace_snapshot_needed()) {

        if (!ev.timer_set) {
            ngx_add_timer(&ev, NGX_KEYSPACE_SNAPSHOT_STAY);
        }

        ngx_process_events_and_timers((ngx_cycle_t *) ngx_cycle);
    }

    if (ev.timer_set) {
        ngx_del_timer(&ev);
    }
}


static void
ngx_keyspace_snapshot_exit(void)
{
    ngx_uint_t            i = 0;
    ngx_keyspace_zone_t  *kz;

    ngx_keyspace_snapshot_stay();

    while ((kz = ngx_keyspace_zone_next(ngx_cycle, &i)) != NULL) {
        if (kz->saver != NULL) {
            ngx_keyspace_replicas_close(kz);
            ngx_keyspace_journal_close(kz);
            ks_saver_close(kz->saver);
            kz->saver = NULL;
            ks_hub_close(kz->space);
        }
    }
}
