
/*
 * Where a zone begins: empty, or with the keyspace of its file.  What becomes
 * of a file that cannot be gone on with is decided here, and nowhere else.
 */


#include "ngx_keyspace_follow.h"
#include "ngx_keyspace_load.h"
#include "ngx_keyspace_memory.h"
#include "ngx_keyspace_replicas.h"
#include "persist/ks_carry.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>


/* for processes of before that are on their way out, in milliseconds */

#define NGX_KEYSPACE_PATIENCE  3000


static ngx_int_t ngx_keyspace_memory_plain(ngx_keyspace_zone_t *kz,
    ngx_log_t *log);
static ngx_int_t ngx_keyspace_memory_file(ngx_keyspace_zone_t *kz,
    ngx_log_t *log);
static ngx_int_t ngx_keyspace_memory_make(ngx_keyspace_zone_t *kz,
    ks_file_conf_t *conf, ngx_log_t *log);
static ngx_int_t ngx_keyspace_memory_unfit(ngx_keyspace_zone_t *kz,
    ks_file_conf_t *conf, ngx_log_t *log);
static ngx_int_t ngx_keyspace_memory_refuse(ngx_keyspace_zone_t *kz,
    ngx_log_t *log);
static ngx_int_t ngx_keyspace_memory_resize(ngx_keyspace_zone_t *kz,
    ks_file_conf_t *conf, ngx_log_t *log);
static ngx_int_t ngx_keyspace_memory_carry(ngx_keyspace_zone_t *kz,
    ks_file_t *old, ngx_log_t *log);
static ngx_int_t ngx_keyspace_memory_lay_out(ngx_keyspace_zone_t *kz,
    const u_char *seed, ngx_log_t *log);
static uint64_t ngx_keyspace_memory_now(void);


ngx_int_t
ngx_keyspace_memory_begin(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    ngx_int_t  rc;

    kz->memory = ngx_calloc(sizeof(ngx_keyspace_memory_t), log);
    if (kz->memory == NULL) {
        return NGX_ERROR;
    }

    rc = kz->path.len ? ngx_keyspace_memory_file(kz, log)
                      : ngx_keyspace_memory_plain(kz, log);

    if (rc == NGX_OK && ks_zone_know(kz->zone) != KS_OK) {
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_keyspace_memory_end(kz, 1, log);
    }

    return rc;
}


static ngx_int_t
ngx_keyspace_memory_plain(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    size_t                  len;
    ngx_keyspace_memory_t  *m;

    m = kz->memory;
    len = kz->size + ngx_keyspace_ring(kz);

    m->base = mmap(NULL, len, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS,
                   -1, 0);

    if (m->base == MAP_FAILED) {
        m->base = NULL;
        ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                      "keyspace zone \"%V\": its %uz bytes cannot be had",
                      &kz->name, len);
        return NGX_ERROR;
    }

    m->size = len;

    if (ngx_keyspace_memory_lay_out(kz, NULL, log) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_keyspace_load_zone(kz, log);
}


static ngx_int_t
ngx_keyspace_memory_file(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    char                    boot[KS_FILE_BOOT];
    ks_file_t              *file;
    ks_file_conf_t          conf;
    ks_file_found_t         found;

    file = &kz->memory->file;

    ks_file_boot(boot);

    conf.path = (char *) kz->path.data;
    conf.size = kz->size;
    conf.ring = ngx_keyspace_ring(kz);
    conf.boot = boot;
    conf.patience = NGX_KEYSPACE_PATIENCE;
    conf.again = !ngx_is_init_cycle(ngx_cycle);

    found = ks_file_open(file, &conf, ngx_keyspace_memory_now());

    switch (found) {

    case KS_FILE_NONE:
        kz->begins = NGX_KEYSPACE_EMPTY;
        return ngx_keyspace_memory_make(kz, &conf, log);

    case KS_FILE_KEPT:
    case KS_FILE_SHARED:
        kz->memory->filed = 1;
        kz->begins = (found == KS_FILE_KEPT) ? NGX_KEYSPACE_KEPT
                                             : NGX_KEYSPACE_SHARED;
        kz->memory->base = ks_file_base(file);
        kz->zone = ks_file_zone(file);
        return NGX_OK;

    case KS_FILE_RESIZE:
        return ngx_keyspace_memory_resize(kz, &conf, log);

    case KS_FILE_UNFIT:
        return ngx_keyspace_memory_unfit(kz, &conf, log);

    default: /* KS_FILE_REFUSED */
        return ngx_keyspace_memory_refuse(kz, log);
    }
}


static ngx_int_t
ngx_keyspace_memory_make(ngx_keyspace_zone_t *kz, ks_file_conf_t *conf,
    ngx_log_t *log)
{
    ks_file_t  *file;

    file = &kz->memory->file;

    if (ks_file_create(file, conf) != KS_OK) {
        return ngx_keyspace_memory_refuse(kz, log);
    }

    kz->memory->base = ks_file_base(file);

    if (ngx_keyspace_memory_lay_out(kz, NULL, log) != NGX_OK
        || ngx_keyspace_load_zone(kz, log) != NGX_OK)
    {
        ks_file_discard(file, conf);
        return NGX_ERROR;
    }

    if (ks_file_settle(file, conf, 0) != KS_OK) {
        return ngx_keyspace_memory_refuse(kz, log);
    }

    kz->memory->filed = 1;

    return NGX_OK;
}


/*
 * A file that holds, or held, a keyspace, and cannot be gone on with: either
 * somebody has to look at it, or the zone begins without it.
 */

static ngx_int_t
ngx_keyspace_memory_unfit(ngx_keyspace_zone_t *kz, ks_file_conf_t *conf,
    ngx_log_t *log)
{
    u_char      to[NGX_MAX_PATH];
    ks_file_t  *file;

    file = &kz->memory->file;

    if (!kz->aside) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "keyspace zone \"%V\" does not start: its file \"%V\" "
                      "%s; move it away, or set \"on_fault=aside\", to begin "
                      "empty", &kz->name, &kz->path, file->fault);
        return NGX_ERROR;
    }

    if (ks_file_aside(conf->path, (char *) to, sizeof(to), file->fault)
        != KS_OK)
    {
        return ngx_keyspace_memory_refuse(kz, log);
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "keyspace zone \"%V\" begins empty: its file \"%V\" %s; it "
                  "is kept as \"%s\"", &kz->name, &kz->path, file->fault, to);

    kz->begins = NGX_KEYSPACE_ASIDE;

    return ngx_keyspace_memory_make(kz, conf, log);
}


static ngx_int_t
ngx_keyspace_memory_refuse(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    ngx_log_error(NGX_LOG_EMERG, log, 0,
                  "keyspace zone \"%V\" does not start: its file \"%V\" %s",
                  &kz->name, &kz->path, kz->memory->file.fault);

    return NGX_ERROR;
}


/*
 * The file has another size than the zone is to have: a new one takes the keys,
 * and then the name.  Until that the old one stays as it is.
 */

static ngx_int_t
ngx_keyspace_memory_resize(ngx_keyspace_zone_t *kz, ks_file_conf_t *conf,
    ngx_log_t *log)
{
    ngx_int_t   rc;
    ks_file_t  *file, old;

    file = &kz->memory->file;
    old = *file;

    if (ks_file_create(file, conf) != KS_OK) {
        (void) ks_file_close(&old, 1);
        return ngx_keyspace_memory_refuse(kz, log);
    }

    rc = ngx_keyspace_memory_carry(kz, &old, log);

    if (rc != NGX_OK) {
        ks_file_discard(file, conf);

    } else if (ks_file_settle(file, conf, 1) != KS_OK) {
        rc = ngx_keyspace_memory_refuse(kz, log);
    }

    (void) ks_file_close(&old, rc != NGX_OK);

    if (rc != NGX_OK) {
        return rc;
    }

    kz->memory->filed = 1;
    kz->begins = NGX_KEYSPACE_KEPT;

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_memory_carry(ngx_keyspace_zone_t *kz, ks_file_t *old,
    ngx_log_t *log)
{
    ks_zone_t        *from;
    ks_carried_t      done;
    ks_zone_stats_t   st;

    from = ks_file_zone(old);
    ks_zone_settle(from);
    kz->memory->base = ks_file_base(&kz->memory->file);

    if (ngx_keyspace_memory_lay_out(kz, ks_zone_seed(from), log) != NGX_OK) {
        return NGX_ERROR;
    }

    ks_zone_set_policy(kz->zone, kz->policy);
    ks_zone_stats(from, &st);

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "keyspace zone \"%V\" changes its size from %uz to %uz "
                  "bytes: up to %uL keys are carried over", &kz->name,
                  old->size, kz->size, st.keys);

    if (ks_carry(kz->zone, from, ngx_keyspace_memory_now(), &done) != KS_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "keyspace zone \"%V\" does not start: %uz bytes are too "
                      "few for what is in its file \"%V\", which stays as it "
                      "is", &kz->name, kz->size, &kz->path);
        return NGX_ERROR;
    }

    if (done.evicted) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "keyspace zone \"%V\" has %uz bytes now: of %uL keys "
                      "%uL were evicted to fit", &kz->name, kz->size,
                      done.keys, done.evicted);
    }

    return NGX_OK;
}


/* seed NULL: a new one */

static ngx_int_t
ngx_keyspace_memory_lay_out(ngx_keyspace_zone_t *kz, const u_char *seed,
    ngx_log_t *log)
{
    u_char       fresh[16];
    const char  *err;

    if (seed == NULL && RAND_bytes(fresh, sizeof(fresh)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "keyspace zone \"%V\": RAND_bytes() failed", &kz->name);
        return NGX_ERROR;
    }

    kz->zone = ngx_keyspace_follow_create(kz, seed ? seed : fresh,
                                          ngx_keyspace_memory_now(), &err);

    OPENSSL_cleanse(fresh, sizeof(fresh));

    if (kz->zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "keyspace zone \"%V\": %s",
                      &kz->name, err);
        return NGX_ERROR;
    }

    ks_journal_create(kz->zone, ngx_keyspace_ring(kz));

    return NGX_OK;
}


ngx_int_t
ngx_keyspace_memory_keep(ngx_keyspace_zone_t *kz, ngx_keyspace_zone_t *old,
    ngx_log_t *log)
{
    if (kz->size != old->size) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "keyspace zone \"%V\" has %uz bytes and cannot have %uz "
                      "after a reload: %s", &kz->name, old->size, kz->size,
                      old->path.len ? "a restart carries its keys over"
                                    : "a restart changes the size, but "
                                      "without \"file\" its keys are dropped");
        return NGX_ERROR;
    }

    if (kz->path.len != old->path.len
        || (kz->path.len != 0
            && ngx_strncmp(kz->path.data, old->path.data, kz->path.len)
               != 0))
    {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "keyspace zone \"%V\" cannot go from %s%V to %s%V by a "
                      "reload: that takes a restart", &kz->name,
                      old->path.len ? "file " : "memory", &old->path,
                      kz->path.len ? "file " : "memory", &kz->path);
        return NGX_ERROR;
    }

    kz->memory = old->memory;
    kz->zone = old->zone;
    kz->begins = NGX_KEYSPACE_KEPT;

    return NGX_OK;
}


void
ngx_keyspace_memory_end(ngx_keyspace_zone_t *kz, ngx_uint_t last,
    ngx_log_t *log)
{
    ngx_keyspace_memory_t  *m;

    m = kz->memory;

    ks_zone_forget(kz->zone);

    kz->memory = NULL;
    kz->zone = NULL;

    if (m == NULL) {
        return;
    }

    if (m->size) {
        munmap(m->base, m->size);
    }

    if (m->filed && ks_file_close(&m->file, last)) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "keyspace zone \"%V\" is closed: its file \"%V\" is "
                      "whole", &kz->name, &kz->path);
    }

    ngx_free(m);
}


static uint64_t
ngx_keyspace_memory_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (uint64_t) tp->sec * 1000 + tp->msec;
}
