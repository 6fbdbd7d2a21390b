
/*
 * What an empty zone begins with.
 *
 * The file is loaded at the start, before there are workers: clients wait until
 * then, and a file that cannot be loaded is a start that is refused.  A zone's
 * own file gets its name only when all is loaded, so a start that is cut short
 * leaves nothing.
 */


#include "ngx_keyspace_load.h"
#include "persist/ks_load.h"
#include "persist/ks_load_library.h"


#define NGX_KEYSPACE_LOAD_STEP  (4 * 1024 * 1024)       /* bytes */
#define NGX_KEYSPACE_LOAD_TELL  5                       /* seconds */
#define NGX_KEYSPACE_LOAD_TEXT  512


typedef struct {
    ngx_keyspace_zone_t  *kz;
    const char           *path;
    ngx_fd_t              fd;
    ngx_err_t             err;          /* of reading */
    uint64_t              size;
    ks_space_t           *space;        /* NULL: the file is looked at */
    ngx_log_t            *log;
    ks_load_report_t      report;
} ngx_keyspace_loading_t;


static const char *ngx_keyspace_load_path(ngx_keyspace_zone_t *kz);
static ngx_int_t ngx_keyspace_load_open(ngx_keyspace_loading_t *l);
static ngx_int_t ngx_keyspace_load_file(ngx_keyspace_loading_t *l);
static ngx_int_t ngx_keyspace_load_run(ngx_keyspace_loading_t *l);
static void ngx_keyspace_load_failed(ngx_keyspace_loading_t *l);
static void ngx_keyspace_load_tell(ngx_keyspace_loading_t *l);
static ssize_t ngx_keyspace_load_read(void *data, u_char *to, size_t n,
    const char **err);
static int ngx_keyspace_load_library(void *data, const ks_str_t *text,
    const char **err);


const char *
ngx_keyspace_load(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_str_t  *args;

    if (value->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"load\" needs the path of a file");
        return NGX_CONF_ERROR;
    }

    kz->load = *value;

    if (ngx_conf_full_name(cf->cycle, &kz->load, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    args = cf->args->elts;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (cf->args->nelts > 3 || ngx_strcmp(args[2].data, "skip") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\": the path of \"load\" may "
                           "be followed by \"skip\"",
                           &args[cf->args->nelts > 3 ? 3 : 2]);
        return NGX_CONF_ERROR;
    }

    kz->load_skip = 1;

    return NGX_CONF_OK;
}


/* The last snapshot is what the zone had; the other file is what it begins with
 * where there is none. */

static const char *
ngx_keyspace_load_path(ngx_keyspace_zone_t *kz)
{
    ngx_file_info_t  fi;

    if (kz->snapshot.path != NULL
        && (ngx_file_info(kz->snapshot.path, &fi) != NGX_FILE_ERROR
            || ngx_errno != NGX_ENOENT))
    {
        return kz->snapshot.path;
    }

    return kz->load.len ? (char *) kz->load.data : NULL;
}


ngx_int_t
ngx_keyspace_load_zone(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    ngx_int_t               rc;
    ngx_keyspace_loading_t  l;

    ngx_memzero(&l, sizeof(ngx_keyspace_loading_t));

    l.kz = kz;
    l.log = log;
    l.path = ngx_keyspace_load_path(kz);

    if (l.path == NULL) {
        return NGX_OK;
    }

    if (ngx_keyspace_load_open(&l) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_keyspace_load_file(&l);

    if (ngx_close_file(l.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed", l.path);
    }

    if (rc == NGX_OK) {
        kz->begins = NGX_KEYSPACE_LOADED;
        kz->loaded = l.path;
    }

    return rc;
}


static ngx_int_t
ngx_keyspace_load_open(ngx_keyspace_loading_t *l)
{
    ngx_file_info_t  fi;

    l->fd = ngx_open_file((u_char *) l->path, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                          NGX_FILE_OPEN, 0);

    if (l->fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, l->log, ngx_errno,
                      "keyspace zone \"%V\" does not start: " ngx_open_file_n
                      " \"%s\" failed", &l->kz->name, l->path);
        return NGX_ERROR;
    }

    if (ngx_fd_info(l->fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        ngx_log_error(NGX_LOG_EMERG, l->log, 0,
                      "keyspace zone \"%V\" does not start: \"%s\" is no "
                      "regular file", &l->kz->name, l->path);
        (void) ngx_close_file(l->fd);
        return NGX_ERROR;
    }

    l->size = (uint64_t) ngx_file_size(&fi);

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_load_file(ngx_keyspace_loading_t *l)
{
    ngx_int_t             rc;
    ks_script_conf_t      script;
    ngx_keyspace_zone_t  *kz;

    kz = l->kz;

    if (ngx_keyspace_know_commands() != NGX_OK) {
        return NGX_ERROR;
    }

    l->space = ks_space_open(kz->zone);

    if (l->space == NULL) {
        ngx_log_error(NGX_LOG_EMERG, l->log, 0,
                      "keyspace zone \"%V\" does not start: there is no memory",
                      &kz->name);
        return NGX_ERROR;
    }

    /* what it goes by when it serves */

    ks_zone_set_policy(kz->zone, kz->policy);
    ks_zone_reset_settings(kz->zone);

    script = kz->script;
    script.log = NULL;
    ks_script_configure(l->space, &script);

    rc = ngx_keyspace_load_run(l);

    ks_script_close(l->space);
    ks_space_close(l->space);

    if (rc != NGX_OK) {
        ngx_keyspace_load_failed(l);
        return NGX_ERROR;
    }

    ngx_keyspace_load_tell(l);

    return NGX_OK;
}


/* Into the zone, or where there is no handle on it, nowhere. */

static ngx_int_t
ngx_keyspace_load_run(ngx_keyspace_loading_t *l)
{
    int                 rc;
    time_t              told;
    ks_load_t          *load;
    ks_load_options_t   options;

    ngx_memzero(&options, sizeof(ks_load_options_t));

    options.size = l->size;
    options.skip = (l->kz->load_skip != 0);
    options.read = ngx_keyspace_load_read;
    options.library = ngx_keyspace_load_library;
    options.data = l;

    load = ks_load_open(l->space, &options);

    if (load == NULL) {
        ngx_cpystrn((u_char *) l->report.err, (u_char *) "there is no memory",
                    sizeof(l->report.err));
        return NGX_ERROR;
    }

    told = ngx_time();

    do {
        rc = ks_load_step(load, NGX_KEYSPACE_LOAD_STEP);
        ngx_time_update();

        if (rc == KS_AGAIN && ngx_time() - told >= NGX_KEYSPACE_LOAD_TELL) {
            told = ngx_time();
            ngx_log_error(NGX_LOG_NOTICE, l->log, 0,
                          "keyspace zone \"%V\" loads \"%s\": %uL of %uL "
                          "bytes, %uL keys", &l->kz->name, l->path,
                          ks_load_report(load)->loaded, l->size,
                          ks_load_report(load)->keys);
        }
    } while (rc == KS_AGAIN);

    l->report = *ks_load_report(load);
    ks_load_close(load);

    return rc == KS_OK ? NGX_OK : NGX_ERROR;
}


/* What the zone cannot hold is counted to the end of the file. */

static void
ngx_keyspace_load_failed(ngx_keyspace_loading_t *l)
{
    char                     text[NGX_KEYSPACE_LOAD_TEXT];
    ngx_keyspace_loading_t   whole;

    ngx_log_error(NGX_LOG_EMERG, l->log, l->err,
                  "keyspace zone \"%V\" does not start: \"%s\" cannot be "
                  "loaded: %s", &l->kz->name, l->path, l->report.err);

    if (l->report.nleft == 0 || l->kz->load_skip) {
        return;
    }

    whole = *l;
    whole.space = NULL;

    if (lseek(l->fd, 0, SEEK_SET) == 0
        && ngx_keyspace_load_run(&whole) == NGX_OK)
    {
        (void) ks_load_left(&whole.report, text, sizeof(text));
        ngx_log_error(NGX_LOG_EMERG, l->log, 0,
                      "\"%s\" holds what a zone cannot: %s; \"skip\" behind "
                      "the path of \"load\" leaves it out", l->path, text);
    }
}


static void
ngx_keyspace_load_tell(ngx_keyspace_loading_t *l)
{
    char               text[NGX_KEYSPACE_LOAD_TEXT];
    ks_load_report_t  *r;

    r = &l->report;

    ngx_log_error(NGX_LOG_NOTICE, l->log, 0,
                  "keyspace zone \"%V\" has loaded \"%s\": %uL keys, %uL "
                  "libraries of functions; %uL keys had expired, %uL were "
                  "empty", &l->kz->name, l->path, r->keys, r->libraries,
                  r->expired, r->empty);

    if (r->nleft) {
        (void) ks_load_left(r, text, sizeof(text));
        ngx_log_error(NGX_LOG_WARN, l->log, 0,
                      "keyspace zone \"%V\": left out of \"%s\" is what a zone "
                      "cannot hold: %s", &l->kz->name, l->path, text);
    }
}


static ssize_t
ngx_keyspace_load_read(void *data, u_char *to, size_t n, const char **err)
{
    ngx_keyspace_loading_t *l = data;

    ssize_t  got;

    do {
        got = read(l->fd, to, n);
    } while (got == -1 && ngx_errno == NGX_EINTR);

    if (got == -1) {
        l->err = ngx_errno;
        *err = "the file cannot be read";
    }

    return got;
}


static int
ngx_keyspace_load_library(void *data, const ks_str_t *text, const char **err)
{
    ngx_keyspace_loading_t *l = data;

    return ks_load_library_text(l->space, text, err);
}
