
/*
 * What an empty zone begins with.
 *
 * The files are loaded at the start, before there are workers: clients wait
 * until then, and a file that cannot be loaded is a start that is refused.  A
 * zone's own file gets its name only when all is loaded, so a start that is cut
 * short leaves nothing.
 */


#include "ngx_keyspace_load.h"
#include "ngx_keyspace_param.h"
#include "persist/ks_aof_load.h"
#include "persist/ks_load_library.h"


#define NGX_KEYSPACE_LOAD_STEP  (4 * 1024 * 1024)       /* bytes */
#define NGX_KEYSPACE_LOAD_TELL  5                       /* seconds */
#define NGX_KEYSPACE_LOAD_TEXT  512


typedef struct {
    ngx_keyspace_zone_t     *kz;
    ks_aof_load_options_t    options;
    ks_space_t              *space;     /* NULL: the files are looked at */
    ngx_log_t               *log;
    ks_aof_report_t          report;
    u_char                   last[NGX_MAX_PATH];    /* of report.path */
} ngx_keyspace_loading_t;


static ngx_int_t ngx_keyspace_load_source(ngx_keyspace_zone_t *kz,
    const char *path, ngx_uint_t journal, ngx_log_t *log);
static ngx_uint_t ngx_keyspace_load_owned(ngx_keyspace_loading_t *l);
static ngx_int_t ngx_keyspace_load_files(ngx_keyspace_loading_t *l);
static int ngx_keyspace_load_run(ngx_keyspace_loading_t *l);
static void ngx_keyspace_load_failed(ngx_keyspace_loading_t *l);
static void ngx_keyspace_load_tell(ngx_keyspace_loading_t *l);
static int ngx_keyspace_load_library(void *data, const ks_str_t *text,
    const char **err);


const char *
ngx_keyspace_load(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_str_t  *args;

    if (ngx_keyspace_path(cf, value, "load", 0, &kz->load) != NGX_CONF_OK) {
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


/* Without a journal the last snapshot is what the zone had; the other file is
 * what it begins with where there is none. */

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
    ngx_int_t    rc;
    const char  *path;

    if (kz->journal.dir != NULL) {
        rc = ngx_keyspace_load_source(kz, kz->journal.dir, 1, log);

        if (rc != NGX_DECLINED) {
            kz->begins = NGX_KEYSPACE_LOADED;
            kz->loaded = kz->journal.dir;
            return rc;
        }
    }

    path = ngx_keyspace_load_path(kz);

    if (path == NULL) {
        return NGX_OK;
    }

    rc = ngx_keyspace_load_source(kz, path, 0, log);

    if (rc == NGX_OK) {
        kz->begins = NGX_KEYSPACE_LOADED;
        kz->loaded = path;
    }

    return rc;
}


/*
 * Whether the process that writes the journal can go on in its last increment.
 * If that is a stranger's, as of a redis-server that was started by another
 * user, it writes the journal anew.
 */

static ngx_uint_t
ngx_keyspace_load_owned(ngx_keyspace_loading_t *l)
{
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(l->kz->cycle->conf_ctx,
                                           ngx_core_module);

    return l->report.increment != 0
           && (geteuid() != 0 || ccf->user == (ngx_uid_t) NGX_CONF_UNSET_UINT
               || ccf->user == l->report.owner);
}


/*
 * A journal is gone on with where it has ended, so its torn tail goes.
 * NGX_DECLINED: there is none.
 */

static ngx_int_t
ngx_keyspace_load_source(ngx_keyspace_zone_t *kz, const char *path,
    ngx_uint_t journal, ngx_log_t *log)
{
    char                    name[KS_AOF_NAME];
    ngx_int_t               rc;
    ks_aof_manifest_t       m;
    ngx_keyspace_loading_t  l;

    ngx_memzero(&l, sizeof(ngx_keyspace_loading_t));
    ngx_memzero(&m, sizeof(ks_aof_manifest_t));

    l.kz = kz;
    l.log = log;
    l.options.path = path;
    l.options.skip = (kz->load_skip != 0 && !journal);
    l.options.cut = (journal != 0);
    l.options.library = ngx_keyspace_load_library;
    l.options.data = &l;

    if (journal) {
        if (ks_aof_manifest_find(&m, path, name) == KS_NONE) {
            ngx_cpystrn((u_char *) name, (u_char *) KS_AOF_MANIFEST,
                        sizeof(name));
        }

        /* else it is there, or said again why it is not */

        l.options.manifest = (m.fault[0] == '\0') ? name : NULL;
        ks_aof_manifest_free(&m);
    }

    rc = ngx_keyspace_load_files(&l);

    if (rc == NGX_OK && journal && ngx_keyspace_load_owned(&l)) {
        ks_aof_loaded(kz->zone, l.report.increment, l.report.length,
                      l.report.inode);
    }

    return rc;
}


static ngx_int_t
ngx_keyspace_load_files(ngx_keyspace_loading_t *l)
{
    int                   rc;
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

    /* what it goes by when it serves, but that scripts have had their time */

    ks_zone_set_policy(kz->zone, kz->policy);
    ks_zone_reset_settings(kz->zone);

    script = kz->script;
    script.log = NULL;
    script.timeout = 0;
    ks_script_configure(l->space, &script);

    rc = ngx_keyspace_load_run(l);

    ks_script_close(l->space);
    ks_space_close(l->space);

    if (rc == KS_ERR) {
        ngx_keyspace_load_failed(l);
        return NGX_ERROR;
    }

    if (rc == KS_NONE && l->options.cut) {
        return NGX_DECLINED;
    }

    ngx_keyspace_load_tell(l);

    return NGX_OK;
}


/* Into the zone, or where there is no handle on it, nowhere. */

static int
ngx_keyspace_load_run(ngx_keyspace_loading_t *l)
{
    int                     rc;
    time_t                  told;
    ks_aof_load_t          *load;
    const ks_aof_report_t  *r;

    load = ks_aof_load_open(l->space, &l->options);

    if (load == NULL) {
        ngx_cpystrn((u_char *) l->report.err, (u_char *) "there is no memory",
                    sizeof(l->report.err));
        return KS_ERR;
    }

    r = ks_aof_load_report(load);
    told = ngx_time();

    do {
        rc = ks_aof_load_step(load, NGX_KEYSPACE_LOAD_STEP);
        ngx_time_update();

        if (rc == KS_AGAIN && ngx_time() - told >= NGX_KEYSPACE_LOAD_TELL) {
            told = ngx_time();
            ngx_log_error(NGX_LOG_NOTICE, l->log, 0,
                          "keyspace zone \"%V\" loads \"%s\": %uL of %uL "
                          "bytes, %uL keys, %uL commands", &l->kz->name,
                          r->path, r->loaded, r->size, r->rdb.keys,
                          r->done.commands);
        }
    } while (rc == KS_AGAIN);

    l->report = *r;
    ngx_cpystrn(l->last, (u_char *) r->path, sizeof(l->last));
    ks_aof_load_close(load);

    return rc;
}


/* What the zone cannot hold is counted to the end of the files. */

static void
ngx_keyspace_load_failed(ngx_keyspace_loading_t *l)
{
    char                     text[NGX_KEYSPACE_LOAD_TEXT];
    ngx_keyspace_loading_t   whole;

    ngx_log_error(NGX_LOG_EMERG, l->log, 0,
                  "keyspace zone \"%V\" does not start: %s", &l->kz->name,
                  l->report.err);

    if (l->report.rdb.nleft == 0 || l->options.skip) {
        return;
    }

    whole = *l;
    whole.space = NULL;
    whole.options.cut = 0;

    if (ngx_keyspace_load_run(&whole) == KS_OK) {
        (void) ks_load_left(&whole.report.rdb, text, sizeof(text));
        ngx_log_error(NGX_LOG_EMERG, l->log, 0,
                      "\"%s\" holds what a zone cannot: %s; \"skip\" behind "
                      "the path of \"load\" leaves it out", l->options.path,
                      text);
    }
}


static void
ngx_keyspace_load_tell(ngx_keyspace_loading_t *l)
{
    char               text[NGX_KEYSPACE_LOAD_TEXT];
    ks_zone_stats_t    st;
    ks_aof_report_t   *r;

    r = &l->report;
    ks_zone_stats(l->kz->zone, &st);

    ngx_log_error(NGX_LOG_NOTICE, l->log, 0,
                  "keyspace zone \"%V\" has loaded \"%s\": %uL keys, %uL "
                  "libraries of functions, %uL commands; %uL keys had expired, "
                  "%uL were empty", &l->kz->name, l->options.path, st.keys,
                  r->rdb.libraries, r->done.commands, r->rdb.expired,
                  r->rdb.empty);

    if (r->torn) {
        ngx_log_error(NGX_LOG_WARN, l->log, 0,
                      "keyspace zone \"%V\": \"%s\" has a torn tail: its last "
                      "%uL bytes, from byte %uL on, are no whole command or "
                      "transaction, and were %s", &l->kz->name, l->last,
                      r->done.torn, r->done.torn_at,
                      l->options.cut ? "cut off" : "left out");
    }

    if (r->rdb.nleft) {
        (void) ks_load_left(&r->rdb, text, sizeof(text));
        ngx_log_error(NGX_LOG_WARN, l->log, 0,
                      "keyspace zone \"%V\": left out of \"%s\" is what a zone "
                      "cannot hold: %s", &l->kz->name, l->options.path, text);
    }
}


static int
ngx_keyspace_load_library(void *data, const ks_str_t *text, const char **err)
{
    ngx_keyspace_loading_t *l = data;

    return ks_load_library_text(l->space, text, err);
}
