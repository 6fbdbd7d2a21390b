
/*
 * The core module: keyspace_zone NAME SIZE { ... } in the main context.
 *
 * A zone may be named by other directives before it is declared; that each
 * named zone was declared is checked once the whole configuration is read.
 * Nothing here touches shared memory.
 */


#include "ngx_keyspace_build.h"
#include "ngx_keyspace_far_near.h"
#include "ngx_keyspace_follow.h"
#include "ngx_keyspace_journal.h"
#include "ngx_keyspace_load.h"
#include "ngx_keyspace_memory.h"
#include "ngx_keyspace_migrate.h"
#include "ngx_keyspace_param.h"
#include "ngx_keyspace_replicas.h"
#include "ngx_keyspace_snapshot.h"
#include "ngx_keyspace_user.h"
#include "ngx_keyspace_uses.h"


static void *ngx_keyspace_create_conf(ngx_cycle_t *cycle);
static char *ngx_keyspace_init_conf(ngx_cycle_t *cycle, void *conf);
static char *ngx_keyspace_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_keyspace_zone_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_keyspace_zone_user(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static const char *ngx_keyspace_full_token(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_readonly_token(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_eviction(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_file(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_on_fault(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_metrics(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_metrics_prefix(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_notify(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_script_timeout(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_script_memory(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static ngx_keyspace_zone_t *ngx_keyspace_zone_create(ngx_conf_t *cf,
    ngx_keyspace_conf_t *kcf, ngx_str_t *name);
static char *ngx_keyspace_zone_size(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    ngx_str_t *value);
static void ngx_keyspace_cleanup(void *data);
static void ngx_keyspace_exit_process(ngx_cycle_t *cycle);
static void ngx_keyspace_exit_master(ngx_cycle_t *cycle);
static ngx_int_t ngx_keyspace_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_keyspace_init_process(ngx_cycle_t *cycle);


/* what may follow the path of "file" */

static ngx_keyspace_param_t  ngx_keyspace_file_params[] = {
    ngx_keyspace_param_row("on_fault", ngx_keyspace_on_fault, 0),
    ngx_keyspace_null_param
};


/* the lines of a zone's block */

static ngx_keyspace_param_t  ngx_keyspace_zone_lines[] = {
    ngx_keyspace_param_row("eviction", ngx_keyspace_eviction, 0),
    ngx_keyspace_param_row("file", ngx_keyspace_file, NGX_KEYSPACE_MORE),
    ngx_keyspace_param_row("journal", ngx_keyspace_journal, NGX_KEYSPACE_MORE),
    ngx_keyspace_param_row("load", ngx_keyspace_load, NGX_KEYSPACE_MORE),
    ngx_keyspace_param_row("metrics", ngx_keyspace_metrics, 0),
    ngx_keyspace_param_row("metrics_prefix", ngx_keyspace_metrics_prefix,
                           NGX_KEYSPACE_MORE),
    ngx_keyspace_param_row("migrate", ngx_keyspace_migrate_line,
                           NGX_KEYSPACE_MORE|NGX_KEYSPACE_MANY),
    ngx_keyspace_param_row("notify_keyspace_events", ngx_keyspace_notify, 0),
    ngx_keyspace_param_row("token", ngx_keyspace_full_token,
                           NGX_KEYSPACE_MANY),
    ngx_keyspace_param_row("readonly_token", ngx_keyspace_readonly_token,
                           NGX_KEYSPACE_MANY),
    ngx_keyspace_param_row("replicaof", ngx_keyspace_replicaof_line,
                           NGX_KEYSPACE_MORE),
    ngx_keyspace_param_row("replicas", ngx_keyspace_replicas,
                           NGX_KEYSPACE_MORE),
    ngx_keyspace_param_row("script_timeout", ngx_keyspace_script_timeout, 0),
    ngx_keyspace_param_row("script_memory", ngx_keyspace_script_memory, 0),
    ngx_keyspace_param_row("snapshot", ngx_keyspace_snapshot,
                           NGX_KEYSPACE_MORE),
    ngx_keyspace_param_row("upstream", ngx_keyspace_far_line,
                           NGX_KEYSPACE_MORE),
    ngx_keyspace_null_param
};


/*
 * The same as directives of a context of their own, so that there may be a
 * block among them.
 */

#define NGX_KEYSPACE_ZONE_CONF  0x40000000

#define NGX_KEYSPACE_LINE(name)                                               \
    { ngx_string(name),                                                       \
      NGX_KEYSPACE_ZONE_CONF|NGX_DIRECT_CONF|NGX_CONF_ANY,                    \
      ngx_keyspace_zone_line, 0, 0, NULL }


static ngx_command_t  ngx_keyspace_commands[] = {

    { ngx_string("keyspace_zone"),
      NGX_MAIN_CONF|NGX_DIRECT_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE2,
      ngx_keyspace_zone,
      0,
      0,
      NULL },

    { ngx_string("user"),
      NGX_KEYSPACE_ZONE_CONF|NGX_DIRECT_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_keyspace_zone_user,
      0,
      0,
      NULL },

    NGX_KEYSPACE_LINE("eviction"),
    NGX_KEYSPACE_LINE("file"),
    NGX_KEYSPACE_LINE("journal"),
    NGX_KEYSPACE_LINE("load"),
    NGX_KEYSPACE_LINE("metrics"),
    NGX_KEYSPACE_LINE("metrics_prefix"),
    NGX_KEYSPACE_LINE("migrate"),
    NGX_KEYSPACE_LINE("notify_keyspace_events"),
    NGX_KEYSPACE_LINE("token"),
    NGX_KEYSPACE_LINE("readonly_token"),
    NGX_KEYSPACE_LINE("replicaof"),
    NGX_KEYSPACE_LINE("replicas"),
    NGX_KEYSPACE_LINE("script_timeout"),
    NGX_KEYSPACE_LINE("script_memory"),
    NGX_KEYSPACE_LINE("snapshot"),
    NGX_KEYSPACE_LINE("upstream"),

      ngx_null_command
};


static ngx_core_module_t  ngx_keyspace_module_ctx = {
    ngx_string("keyspace"),
    ngx_keyspace_create_conf,
    ngx_keyspace_init_conf
};


ngx_module_t  ngx_keyspace_module = {
    NGX_MODULE_V1,
    &ngx_keyspace_module_ctx,              /* module context */
    ngx_keyspace_commands,                 /* module directives */
    NGX_CORE_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_keyspace_init_module,              /* init module */
    ngx_keyspace_init_process,             /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_keyspace_exit_process,             /* exit process */
    ngx_keyspace_exit_master,              /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_keyspace_create_conf(ngx_cycle_t *cycle)
{
    ngx_keyspace_conf_t  *kcf;

    kcf = ngx_pcalloc(cycle->pool, sizeof(ngx_keyspace_conf_t));
    if (kcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&kcf->zones, cycle->pool, 4,
                       sizeof(ngx_keyspace_zone_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return kcf;
}


static char *
ngx_keyspace_init_conf(ngx_cycle_t *cycle, void *conf)
{
    ngx_keyspace_conf_t *kcf = conf;

    ngx_uint_t             i;
    ngx_keyspace_zone_t  **kz;

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        if (!kz[i]->declared) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "unknown keyspace zone \"%V\" in %V:%ui",
                          &kz[i]->name, &kz[i]->file, kz[i]->line);
            return NGX_CONF_ERROR;
        }

        if (kz[i]->upstream != NULL && kz[i]->replicaof != NULL) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "keyspace zone \"%V\" has both \"upstream\" and "
                          "\"replicaof\", which may name another store",
                          &kz[i]->name);
            return NGX_CONF_ERROR;
        }

        if (ngx_keyspace_users_check(cycle, kz[i]) != NGX_OK
            || ngx_keyspace_uses_check(cycle, kz[i]) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_keyspace_snapshot_check(cycle, kcf) != NGX_OK
        || ngx_keyspace_journal_check(cycle, kcf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_keyspace_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                 *rv;
    ngx_str_t            *value;
    ngx_conf_t            save;
    ngx_keyspace_conf_t  *kcf;
    ngx_keyspace_zone_t  *kz;

    kcf = conf;
    value = cf->args->elts;

    kz = ngx_keyspace_zone_named(cf, &value[1]);
    if (kz == NULL) {
        return NGX_CONF_ERROR;
    }

    if (kz->declared) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate keyspace zone \"%V\", "
                           "declared in %V:%ui", &kz->name, &kz->file,
                           kz->line);
        return NGX_CONF_ERROR;
    }

    kz->declared = 1;
    kz->file = cf->conf_file->file.name;
    kz->line = cf->conf_file->line;

    rv = ngx_keyspace_zone_size(cf, kz, &value[2]);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    save = *cf;
    cf->cmd_type = NGX_KEYSPACE_ZONE_CONF;
    kcf->zone = kz;

    rv = ngx_conf_parse(cf, NULL);

    kcf->zone = NULL;
    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (kz->tokens.nelts == 0 && kz->users.nelts == 0 && !kz->public
        && !kz->unset)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keyspace zone \"%V\" has no token: one is "
                           "needed, or \"token off\"", &kz->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_keyspace_stats_add(cf, kz) != NGX_CONF_OK
        || ngx_keyspace_shared_add(cf, kz) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_keyspace_shm_add(cf, kz);
}


/* None of its arguments may reach a message: it may be a token. */

static char *
ngx_keyspace_zone_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_keyspace_conf_t *kcf = conf;

    ngx_keyspace_zone_t  *kz;

    kz = kcf->zone;

    return ngx_keyspace_param_line(cf, ngx_keyspace_zone_lines, kz, &kz->given,
                                   "keyspace_zone");
}


static char *
ngx_keyspace_zone_user(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_keyspace_conf_t *kcf = conf;

    return ngx_keyspace_user_block(cf, kcf->zone);
}


static const char *
ngx_keyspace_full_token(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    return ngx_keyspace_token(cf, conf, &ks_user_default);
}


static const char *
ngx_keyspace_readonly_token(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    return ngx_keyspace_token(cf, conf, &ks_user_reader);
}


static const char *
ngx_keyspace_eviction(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ks_str_t  name;

    name.len = value->len;
    name.data = value->data;

    if (ks_policy_parse(&name, &kz->policy) != KS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown eviction policy \"%V\": it is one of "
                           "noeviction, allkeys-lru, allkeys-lfu, "
                           "allkeys-random, volatile-lru, volatile-lfu, "
                           "volatile-random, volatile-ttl", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* Two zones in one file would overwrite each other's keys. */

static const char *
ngx_keyspace_file(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_uint_t             i;
    ngx_keyspace_conf_t   *kcf;
    ngx_keyspace_zone_t  **other;

    if (ngx_keyspace_path(cf, value, "file", 0, &kz->path) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    kcf = (ngx_keyspace_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                               ngx_keyspace_module);
    other = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        if (other[i] != kz && other[i]->path.len == kz->path.len
            && ngx_memcmp(other[i]->path.data, kz->path.data, kz->path.len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "file \"%V\" is that of keyspace zone \"%V\" "
                               "already", &kz->path, &other[i]->name);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_keyspace_params(cf, 2, ngx_keyspace_file_params, kz,
                               "\"file\" in keyspace_zone");
}


static const char *
ngx_keyspace_on_fault(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    if (ngx_strcmp(value->data, "aside") == 0) {
        kz->aside = 1;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value->data, "refuse") == 0) {
        return NGX_CONF_OK;
    }

    return "it is \"refuse\" or \"aside\"";
}


static const char *
ngx_keyspace_metrics(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    if (value->len == 2 && ngx_strncmp(value->data, "on", 2) == 0) {
        kz->metrics = 1;
        return NGX_CONF_OK;
    }

    if (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0) {
        kz->metrics = 0;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"metrics\": it is "
                       "\"on\" or \"off\"", value);
    return NGX_CONF_ERROR;
}


static const char *
ngx_keyspace_metrics_prefix(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_str_t    *args;
    ngx_uint_t    i, n;
    ks_prefix_count_t  *prefixes;

    args = cf->args->elts;
    n = cf->args->nelts - 1;

    if (n > KS_STAT_PREFIXES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"metrics_prefix\" has more than %d prefixes",
                           KS_STAT_PREFIXES);
        return NGX_CONF_ERROR;
    }

    prefixes = ngx_pcalloc(cf->pool, n * sizeof(ks_prefix_count_t));
    if (prefixes == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < n; i++) {
        prefixes[i].name.data = args[i + 1].data;
        prefixes[i].name.len = args[i + 1].len;

        if (args[i + 1].len == 0 || args[i + 1].len >= KS_STAT_NAME) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid prefix \"%V\" in \"metrics_prefix\": "
                               "it has 1 to %d bytes", &args[i + 1],
                               KS_STAT_NAME - 1);
            return NGX_CONF_ERROR;
        }
    }

    kz->prefixes = prefixes;
    kz->nprefixes = n;

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_notify(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ks_str_t  flags;

    flags.len = value->len;
    flags.data = value->data;

    if (ks_notify_parse(&flags, &kz->notify) != KS_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid classes of events \"%V\" in "
                           "\"notify_keyspace_events\": they are of the "
                           "letters " KS_NOTIFY_LETTERS, value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_script_timeout(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_int_t  ms;

    ms = ngx_parse_time(value, 0);

    if (ms == NGX_ERROR || ms == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid time \"%V\" in \"script_timeout\"",
                           value);
        return NGX_CONF_ERROR;
    }

    kz->script.timeout = (uint64_t) ms;

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_script_memory(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ssize_t  size;

    size = ngx_parse_size(value);

    if (size == NGX_ERROR || size < NGX_KEYSPACE_SCRIPT_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"script_memory\": it is "
                           "%dk or more", value,
                           NGX_KEYSPACE_SCRIPT_MIN / 1024);
        return NGX_CONF_ERROR;
    }

    kz->script.memory = (size_t) size;

    return NGX_CONF_OK;
}


ngx_keyspace_zone_t *
ngx_keyspace_zone_named(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t             i;
    ngx_keyspace_conf_t   *kcf;
    ngx_keyspace_zone_t  **kz;

    kcf = (ngx_keyspace_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                               ngx_keyspace_module);

    if (name->len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a keyspace zone needs a name");
        return NULL;
    }

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        if (kz[i]->name.len == name->len
            && ngx_strncmp(kz[i]->name.data, name->data, name->len) == 0)
        {
            return kz[i];
        }
    }

    return ngx_keyspace_zone_create(cf, kcf, name);
}


ngx_keyspace_zone_t **
ngx_keyspace_zones_named(ngx_conf_t *cf, ngx_str_t *names, ngx_uint_t n)
{
    ngx_uint_t             i, j;
    ngx_keyspace_zone_t  **kz;

    if (n > KS_DATABASES_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no more than %d zones can be databases of a door",
                           KS_DATABASES_MAX);
        return NULL;
    }

    kz = ngx_palloc(cf->pool, n * sizeof(ngx_keyspace_zone_t *));
    if (kz == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        kz[i] = ngx_keyspace_zone_named(cf, &names[i]);
        if (kz[i] == NULL) {
            return NULL;
        }

        for (j = 0; j < i; j++) {
            if (kz[j] == kz[i]) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "keyspace zone \"%V\" is named twice: a "
                                   "zone is one database", &names[i]);
                return NULL;
            }
        }
    }

    return kz;
}


static ngx_keyspace_zone_t *
ngx_keyspace_zone_create(ngx_conf_t *cf, ngx_keyspace_conf_t *kcf,
    ngx_str_t *name)
{
    ngx_pool_cleanup_t    *cln;
    ngx_keyspace_zone_t  **slot, *kz;

    kz = ngx_pcalloc(cf->cycle->pool, sizeof(ngx_keyspace_zone_t));
    if (kz == NULL) {
        return NULL;
    }

    if (ngx_array_init(&kz->tokens, cf->cycle->pool, 2,
                       sizeof(ngx_keyspace_token_t))
        != NGX_OK)
    {
        return NULL;
    }

    kz->cycle = cf->cycle;
    if (ngx_array_init(&kz->named, cf->cycle->pool, 2, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NULL;
    }

    if (ngx_array_init(&kz->users, cf->cycle->pool, 2,
                       sizeof(ngx_keyspace_user_conf_t))
        != NGX_OK)
    {
        return NULL;
    }

    kz->name = *name;
    kz->policy = KS_NOEVICTION;
    kz->script.timeout = KS_SCRIPT_TIMEOUT;
    kz->script.memory = KS_SCRIPT_MEMORY;
    kz->file = cf->conf_file->file.name;
    kz->line = cf->conf_file->line;

    cln = ngx_pool_cleanup_add(cf->cycle->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_keyspace_cleanup;
    cln->data = kz;

    slot = ngx_array_push(&kcf->zones);
    if (slot == NULL) {
        return NULL;
    }

    *slot = kz;

    return kz;
}


static char *
ngx_keyspace_zone_size(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    ngx_str_t *value)
{
    off_t  size;

    size = ngx_parse_offset(value);

    if (size == (off_t) NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of keyspace zone \"%V\"",
                           value, &kz->name);
        return NGX_CONF_ERROR;
    }

    if (size < NGX_KEYSPACE_ZONE_MIN || (uint64_t) size > KS_ZONE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the size of keyspace zone \"%V\" is \"%V\", "
                           "but it must be from 1m to 32g",
                           &kz->name, value);
        return NGX_CONF_ERROR;
    }

    kz->size = ngx_align((size_t) size, ngx_pagesize);

    return NGX_CONF_OK;
}


/*
 * A master that goes on without the cycle has no use for what is that cycle's
 * own: of one that has failed, or of another build of the module.
 */

static void
ngx_keyspace_cleanup(void *data)
{
    ngx_keyspace_zone_t *kz = data;

    ngx_keyspace_close(kz);

    if (kz->memory == NULL
        || (ngx_process != NGX_PROCESS_MASTER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return;
    }

    if (kz->memory->owner == NULL || kz->memory->owner == kz) {
        ngx_keyspace_memory_end(kz, kz->memory->owner == NULL,
                                ngx_cycle->log);
    }
}


/* Connections to other stores are the worker's own, and no client's. */

static void
ngx_keyspace_exit_process(ngx_cycle_t *cycle)
{
    ngx_uint_t            i = 0;
    ngx_keyspace_zone_t  *kz;

    while ((kz = ngx_keyspace_zone_next(cycle, &i)) != NULL) {
        if (kz->space != NULL) {
            ngx_keyspace_follow_close(kz);
            ngx_keyspace_forward_close(kz);
            ngx_keyspace_migrate_close(kz);
        }
    }
}


/* All workers have ended. */

static void
ngx_keyspace_exit_master(ngx_cycle_t *cycle)
{
    ngx_uint_t            i = 0;
    ngx_keyspace_zone_t  *kz;

    while ((kz = ngx_keyspace_zone_next(cycle, &i)) != NULL) {
        ngx_keyspace_close(kz);
        ngx_keyspace_journal_finish(kz, cycle->log);
        ngx_keyspace_memory_end(kz, 1, cycle->log);
    }
}


static ngx_int_t
ngx_keyspace_init_module(ngx_cycle_t *cycle)
{
    ngx_keyspace_conf_t  *kcf;

    kcf = (ngx_keyspace_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_keyspace_module);

    ngx_keyspace_shm_takeover(cycle, kcf);

    if (ngx_test_config || kcf->zones.nelts == 0) {
        return NGX_OK;
    }

    ngx_keyspace_journal_takeover(cycle, kcf);
    ngx_keyspace_replicas_takeover(cycle, kcf);
    ngx_keyspace_tell_build(cycle);

    if (ngx_keyspace_snapshot_init(cycle, kcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_keyspace_wake_init(cycle, kcf);
}


static ngx_int_t
ngx_keyspace_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t             i;
    ngx_keyspace_conf_t   *kcf;
    ngx_keyspace_zone_t  **kz;

    /* the cache manager and its like have no business with the zones */

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    kcf = (ngx_keyspace_conf_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_keyspace_module);
    kz = kcf->zones.elts;

    if (kcf->zones.nelts != 0) {
        ngx_keyspace_wake_open(cycle);
    }

    for (i = 0; i < kcf->zones.nelts; i++) {
        if (ngx_keyspace_open(kz[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (kcf->zones.nelts != 0) {
        ngx_keyspace_clock_open(cycle);
    }

    return NGX_OK;
}
