
/*
 * The journal on disk, as nginx has it.
 *
 * The master makes the directory and locks it, for itself and all that it
 * forks.  The process that makes snapshots writes it (ngx_keyspace_snapshot.c):
 * here is its part of that, with a timer of its own, and an eventfd by which
 * its threads say that they have done something.  When all processes have ended
 * the master writes what was left over.
 */


#include "ngx_keyspace_journal.h"
#include "ngx_keyspace_memory.h"
#include "ngx_keyspace_param.h"
#include "persist/ks_appender_lock.h"

#include <sys/eventfd.h>


#define NGX_KEYSPACE_JOURNAL_PATIENCE  3000     /* ms, for those that end */
#define NGX_KEYSPACE_JOURNAL_TIMER     (24 * 3600 * 1000)       /* ms */
#define NGX_KEYSPACE_JOURNAL_PERCENT   100
#define NGX_KEYSPACE_JOURNAL_LEAST     (64 * 1024 * 1024)
#define NGX_KEYSPACE_JOURNAL_LOCKS     64


static const char *ngx_keyspace_journal_sync(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_journal_on_error(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_journal_auto(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_journal_auto_min(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static ngx_int_t ngx_keyspace_journal_keep(ngx_keyspace_zone_t *kz, int fd,
    ngx_log_t *log);
static void ngx_keyspace_journal_done(void *data);
static void ngx_keyspace_journal_done_handler(ngx_event_t *ev);
static void ngx_keyspace_journal_timer_handler(ngx_event_t *ev);
static void ngx_keyspace_journal_finish_wake(void *data, unsigned row);


static ngx_keyspace_param_t  ngx_keyspace_journal_params[] = {
    ngx_keyspace_param_row("sync", ngx_keyspace_journal_sync, 0),
    ngx_keyspace_param_row("on_error", ngx_keyspace_journal_on_error, 0),
    ngx_keyspace_param_row("auto", ngx_keyspace_journal_auto, 0),
    ngx_keyspace_param_row("auto_min", ngx_keyspace_journal_auto_min, 0),
    ngx_keyspace_null_param
};


/* the descriptors of this master's locks */

static int         ngx_keyspace_journal_locks[NGX_KEYSPACE_JOURNAL_LOCKS];

static ngx_uint_t  ngx_keyspace_journal_nlocks;


/* --- configuration --- */

const char *
ngx_keyspace_journal(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_str_t  path;

    if (ngx_keyspace_path(cf, value, "journal", 1, &path) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    kz->journal.dir = (char *) path.data;
    kz->aof.mode = KS_AOF_EVERYSEC;
    kz->aof.percent = NGX_KEYSPACE_JOURNAL_PERCENT;
    kz->aof.least = NGX_KEYSPACE_JOURNAL_LEAST;

    if (ngx_keyspace_params(cf, 2, ngx_keyspace_journal_params, kz, "journal")
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    kz->aof.name = strrchr(kz->journal.dir, '/') + 1;
    kz->journal.mode = kz->aof.mode;
    kz->journal.lax = kz->aof.lax;

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_journal_sync(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    if (ngx_strcmp(value->data, "always") == 0) {
        kz->aof.mode = KS_AOF_ALWAYS;

    } else if (ngx_strcmp(value->data, "everysec") == 0) {
        kz->aof.mode = KS_AOF_EVERYSEC;

    } else if (ngx_strcmp(value->data, "no") == 0) {
        kz->aof.mode = KS_AOF_NO;

    } else {
        return "it is \"always\", \"everysec\" or \"no\"";
    }

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_journal_on_error(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    if (ngx_strcmp(value->data, "stop") == 0) {
        kz->aof.lax = 0;

    } else if (ngx_strcmp(value->data, "continue") == 0) {
        kz->aof.lax = 1;

    } else {
        return "it is \"stop\" or \"continue\"";
    }

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_journal_auto(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    size_t     len;
    ngx_int_t  n;

    if (ngx_strcmp(value->data, "off") == 0) {
        kz->aof.percent = 0;
        return NGX_CONF_OK;
    }

    len = value->len;
    len -= (len != 0 && value->data[len - 1] == '%');
    n = ngx_atoi(value->data, len);

    if (n == NGX_ERROR || n == 0 || n > 1000000) {
        return "it is by how many per cent it grows, as 100%, or \"off\"";
    }

    kz->aof.percent = (uint64_t) n;

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_journal_auto_min(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    off_t  size;

    size = ngx_parse_offset(value);

    if (size == (off_t) NGX_ERROR) {
        return "it is a size";
    }

    kz->aof.least = (uint64_t) size;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keyspace_journal_check(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf)
{
    ngx_uint_t             i, k;
    ngx_keyspace_zone_t  **kz;

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        for (k = 0; kz[i]->journal.dir != NULL && k < i; k++) {

            if (kz[k]->journal.dir != NULL
                && ngx_strcmp(kz[k]->journal.dir, kz[i]->journal.dir) == 0)
            {
                ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                              "keyspace zones \"%V\" and \"%V\" cannot have "
                              "the same journal \"%s\"", &kz[k]->name,
                              &kz[i]->name, kz[i]->journal.dir);
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* --- the directory --- */

ngx_int_t
ngx_keyspace_journal_take(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    int         fd, had;
    ngx_uint_t  first;

    if (kz->journal.dir == NULL) {
        return NGX_OK;
    }

    if (ngx_keyspace_directory(kz, (char *) kz->journal.dir, "journal", log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    first = ngx_is_init_cycle(ngx_cycle);
    fd = ks_appender_lock(kz->journal.dir, kz->path.len != 0,
                          first ? NGX_KEYSPACE_JOURNAL_PATIENCE : 0, &had);

    if (fd != -1) {
        return ngx_keyspace_journal_keep(kz, fd, log);
    }

    if (ngx_errno == NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "keyspace zone \"%V\" does not start: its journal \"%s\" "
                      "is in use by another nginx%s", &kz->name,
                      kz->journal.dir, kz->path.len == 0 && ngx_inherited
                      ? ", and an upgrade of the binary needs \"file\"" : "");
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                  "keyspace zone \"%V\" does not start: its journal \"%s\" "
                  "cannot be locked", &kz->name, kz->journal.dir);

    return NGX_ERROR;
}


ngx_int_t
ngx_keyspace_directory(ngx_keyspace_zone_t *kz, char *dir, const char *what,
    ngx_log_t *log)
{
    ngx_file_info_t   fi;
    ngx_core_conf_t  *ccf;

    if (ngx_create_dir(dir, 0700) == NGX_FILE_ERROR
        && ngx_errno != NGX_EEXIST)
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "keyspace zone \"%V\" does not start: "
                      ngx_create_dir_n " \"%s\" failed", &kz->name, dir);
        return NGX_ERROR;
    }

    if (ngx_file_info(dir, &fi) == NGX_FILE_ERROR || !ngx_is_dir(&fi)) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "keyspace zone \"%V\" does not start: its %s \"%s\" "
                      "is no directory", &kz->name, what, dir);
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(kz->cycle->conf_ctx,
                                           ngx_core_module);

    if (geteuid() == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && fi.st_uid != ccf->user && chown(dir, ccf->user, -1) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "keyspace zone \"%V\" does not start: chown(\"%s\") "
                      "failed", &kz->name, dir);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_journal_keep(ngx_keyspace_zone_t *kz, int fd, ngx_log_t *log)
{
    ngx_uint_t  i;

    kz->journal_lock = fd;

    for (i = 0; i < ngx_keyspace_journal_nlocks; i++) {
        if (ngx_keyspace_journal_locks[i] == fd) {
            return NGX_OK;
        }
    }

    if (i == NGX_KEYSPACE_JOURNAL_LOCKS) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "keyspace zone \"%V\" does not start: there are more "
                      "than %d journals", &kz->name,
                      NGX_KEYSPACE_JOURNAL_LOCKS);
        return NGX_ERROR;
    }

    ngx_keyspace_journal_locks[i] = fd;
    ngx_keyspace_journal_nlocks++;

    return NGX_OK;
}


/* A directory that the cycle does not want is free for others. */

static void
ngx_keyspace_journal_release(ngx_keyspace_conf_t *kcf)
{
    ngx_uint_t             i, k, n;
    ngx_keyspace_zone_t  **kz;

    kz = kcf->zones.elts;

    for (i = 0, n = 0; i < ngx_keyspace_journal_nlocks; i++) {

        for (k = 0; k < kcf->zones.nelts; k++) {
            if (kz[k]->journal.dir != NULL
                && kz[k]->journal_lock == ngx_keyspace_journal_locks[i])
            {
                break;
            }
        }

        if (k == kcf->zones.nelts) {
            (void) close(ngx_keyspace_journal_locks[i]);
            continue;
        }

        ngx_keyspace_journal_locks[n++] = ngx_keyspace_journal_locks[i];
    }

    ngx_keyspace_journal_nlocks = n;
}


void
ngx_keyspace_journal_takeover(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf)
{
    ngx_uint_t             i;
    ngx_keyspace_zone_t  **kz;

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        ks_aof_configure(kz[i]->zone, kz[i]->journal.dir ? &kz[i]->aof : NULL);
    }

    ngx_keyspace_journal_release(kcf);
}


/* --- the helper process --- */

ngx_int_t
ngx_keyspace_journal_open(ngx_keyspace_zone_t *kz,
    void (*goes_on)(ngx_keyspace_zone_t *kz))
{
    int           fd;
    ngx_event_t  *ev;

    kz->journal.log = ngx_keyspace_saver_log;
    kz->journal.done = ngx_keyspace_journal_done;
    kz->journal.data = kz;

    fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

    if (fd == -1
        || ngx_keyspace_fd_listen(&kz->journal_event, fd,
                                  ngx_keyspace_journal_done_handler,
                                  ngx_cycle->log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ev = &kz->journal_timer;
    ev->handler = ngx_keyspace_journal_timer_handler;
    ev->data = &kz->journal_event.connection;
    ev->log = ngx_cycle->log;

    kz->goes_on = goes_on;
    kz->appender = ks_appender_open(kz->space, &kz->journal, kz->saver);

    return kz->appender == NULL ? NGX_ERROR : NGX_OK;
}


void
ngx_keyspace_journal_run(ngx_keyspace_zone_t *kz)
{
    uint64_t  wait;

    if (kz->journal_timer.timer_set) {
        ngx_del_timer(&kz->journal_timer);
    }

    wait = ks_appender_run(kz->appender, ks_clock());
    kz->journal_rests = (wait != 0 && wait <= KS_APPENDER_REST)
                        || ks_appender_busy(kz->appender);

    if (wait == 0) {
        ngx_post_event(&kz->timer, &ngx_posted_next_events);

    } else if (wait != KS_SAVER_SLEEP) {
        ngx_add_timer(&kz->journal_timer,
                      (ngx_msec_t) ngx_min(wait, NGX_KEYSPACE_JOURNAL_TIMER));
    }
}


void
ngx_keyspace_journal_close(ngx_keyspace_zone_t *kz)
{
    if (kz->appender != NULL) {
        ks_appender_close(kz->appender);
        kz->appender = NULL;
    }
}


/* called by threads */

static void
ngx_keyspace_journal_done(void *data)
{
    ngx_keyspace_zone_t *kz = data;

    uint64_t  one;

    one = 1;
    (void) !write(kz->journal_event.connection.fd, &one, sizeof(one));
}


static void
ngx_keyspace_journal_done_handler(ngx_event_t *ev)
{
    uint64_t              n;
    ngx_connection_t     *c;
    ngx_keyspace_zone_t  *kz;

    c = ev->data;
    kz = (ngx_keyspace_zone_t *)
             ((u_char *) c - offsetof(ngx_keyspace_zone_t,
                                      journal_event.connection));

    (void) !read(c->fd, &n, sizeof(n));

    kz->goes_on(kz);
}


static void
ngx_keyspace_journal_timer_handler(ngx_event_t *ev)
{
    ngx_keyspace_zone_t  *kz;

    kz = (ngx_keyspace_zone_t *)
             ((u_char *) ev - offsetof(ngx_keyspace_zone_t, journal_timer));

    kz->goes_on(kz);
}


/* --- the end --- */

static void
ngx_keyspace_journal_finish_wake(void *data, unsigned row)
{
    /* nobody is there to be woken */
}


void
ngx_keyspace_journal_finish(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    ks_space_t     *sp;
    ks_saver_t     *saver;
    ks_appender_t  *appender;

    if (kz->journal.dir == NULL || kz->zone == NULL) {
        return;
    }

    kz->journal.log = ngx_keyspace_saver_log;
    kz->journal.done = NULL;
    kz->journal.data = kz;
    kz->snapshot.log = ngx_keyspace_saver_log;
    kz->snapshot.data = kz;

    sp = ks_space_open(kz->zone);
    saver = NULL;
    appender = NULL;

    if (sp != NULL
        && ks_hub_open(sp, 0, ngx_keyspace_journal_finish_wake, NULL) == KS_OK)
    {
        ks_hub_set_helper(sp);
        saver = ks_saver_open(sp, &kz->snapshot);
    }

    if (saver != NULL) {
        appender = ks_appender_open(sp, &kz->journal, saver);
    }

    if (appender == NULL || ks_appender_finish(appender) == KS_ERR) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "keyspace zone \"%V\" ends, and its journal \"%s\" has "
                      "not all of it", &kz->name, kz->journal.dir);
    }

    if (appender != NULL) {
        ks_appender_close(appender);
    }

    if (saver != NULL) {
        ks_saver_close(saver);
    }

    if (sp != NULL) {
        ks_hub_close(sp);
        ks_space_close(sp);
    }
}
