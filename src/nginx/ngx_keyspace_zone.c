
/*
 * A zone's shared memory: laid out once, attached to by each later cycle.
 *
 * The engine takes nginx's zone as one run of pages, so nginx's own pool
 * around it stays valid.  Behind the zone's pages lies the ring of the journal,
 * whose memory is not touched before something is told.  The callbacks of a cycle that may yet fail change
 * nothing that the running workers see: what a new configuration wants comes
 * into force in ngx_keyspace_shm_takeover(), when it can fail no more.
 */


#include "ngx_keyspace.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>


#define NGX_KEYSPACE_SHM_PREFIX  "keyspace:"


static ngx_int_t ngx_keyspace_shm_init(ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_keyspace_shm_attach(ngx_shm_zone_t *shm_zone,
    ngx_keyspace_zone_t *kz, ngx_keyspace_zone_t *old);
static ngx_int_t ngx_keyspace_shm_create(ngx_shm_zone_t *shm_zone,
    ngx_keyspace_zone_t *kz);
static void ngx_keyspace_shm_begins(ngx_cycle_t *cycle,
    ngx_keyspace_zone_t *kz);
static void ngx_keyspace_shm_lost(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf,
    ngx_shm_zone_t *old);
static ngx_keyspace_zone_t *ngx_keyspace_shm_successor(
    ngx_keyspace_conf_t *kcf, ngx_shm_zone_t *old);


char *
ngx_keyspace_shm_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz)
{
    u_char     *p;
    ngx_str_t   name;

    /* a name of its own: limit_req_zone and others share nginx's list */

    name.len = sizeof(NGX_KEYSPACE_SHM_PREFIX) - 1 + kz->name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(name.data, NGX_KEYSPACE_SHM_PREFIX,
                   sizeof(NGX_KEYSPACE_SHM_PREFIX) - 1);
    ngx_memcpy(p, kz->name.data, kz->name.len);

    kz->shm_zone = ngx_shared_memory_add(cf, &name,
                                         kz->size + ks_journal_size(kz->size),
                                         &ngx_keyspace_module);
    if (kz->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    kz->shm_zone->init = ngx_keyspace_shm_init;
    kz->shm_zone->data = kz;

    return NGX_CONF_OK;
}


/*
 * A test of the configuration lays out nothing: that would touch each bucket
 * of the zone.
 */

static ngx_int_t
ngx_keyspace_shm_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_keyspace_zone_t *old = data;

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (old != NULL) {
        return ngx_keyspace_shm_attach(shm_zone, shm_zone->data, old);
    }

    return ngx_keyspace_shm_create(shm_zone, shm_zone->data);
}


static ngx_int_t
ngx_keyspace_shm_attach(ngx_shm_zone_t *shm_zone, ngx_keyspace_zone_t *kz,
    ngx_keyspace_zone_t *old)
{
    const char  *err;

    kz->base = old->base;
    kz->len = old->len;

    kz->zone = ks_zone_attach(kz->base, kz->len, &err);
    if (kz->zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "keyspace zone \"%V\" cannot be kept: %s",
                      &kz->name, err);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_shm_create(ngx_shm_zone_t *shm_zone, ngx_keyspace_zone_t *kz)
{
    size_t            len, ring;
    u_char            seed[16];
    uint64_t          now;
    const char       *err;
    ngx_time_t       *tp;
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    len = (size_t) shpool->pfree << ngx_pagesize_shift;
    ring = ks_journal_size(kz->size);
    kz->len = len - ring;

    kz->base = ngx_slab_alloc(shpool, len);
    if (kz->base == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "keyspace zone \"%V\": its %uz bytes cannot be had",
                      &kz->name, len);
        return NGX_ERROR;
    }

    if (RAND_bytes(seed, sizeof(seed)) != 1) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "keyspace zone \"%V\": RAND_bytes() failed", &kz->name);
        return NGX_ERROR;
    }

    tp = ngx_timeofday();
    now = (uint64_t) tp->sec * 1000 + tp->msec;

    kz->zone = ks_zone_create(kz->base, kz->len, seed, now, &err);

    OPENSSL_cleanse(seed, sizeof(seed));

    if (kz->zone == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "keyspace zone \"%V\": %s", &kz->name, err);
        return NGX_ERROR;
    }

    ks_journal_create(kz->zone, ring);

    return NGX_OK;
}


void
ngx_keyspace_shm_takeover(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf)
{
    ngx_uint_t             i;
    ngx_list_part_t       *part;
    ngx_shm_zone_t        *old;
    ngx_keyspace_zone_t  **kz;

    if (ngx_test_config) {
        return;
    }

    kz = kcf->zones.elts;

    if (ngx_is_init_cycle(cycle->old_cycle) && !ngx_test_config) {
        for (i = 0; i < kcf->zones.nelts; i++) {
            ngx_keyspace_shm_begins(cycle, kz[i]);
        }
    }

    for (i = 0; i < kcf->zones.nelts; i++) {
        ks_zone_set_policy(kz[i]->zone, kz[i]->policy);
        ks_zone_set_notify(kz[i]->zone, kz[i]->notify);
        ks_zone_reset_settings(kz[i]->zone);
    }

    for (part = &cycle->old_cycle->shared_memory.part;
         part != NULL;
         part = part->next)
    {
        old = part->elts;

        for (i = 0; i < part->nelts; i++) {
            ngx_keyspace_shm_lost(cycle, kcf, &old[i]);
        }
    }
}


/*
 * A start has no zone to go on with.  After an upgrade of the binary there is
 * one, and it has keys, but it is the old processes'.
 */

static void
ngx_keyspace_shm_begins(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz)
{
    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                  "keyspace zone \"%V\" begins empty%s", &kz->name,
                  ngx_inherited ? ": the keys of the nginx before this one "
                                  "stay with its own processes" : "");
}


/*
 * Tells of a zone of the cycle before whose data are not kept.  If there are
 * any, that is an error in the log: less would not be seen at the level that
 * is the default.
 */

static void
ngx_keyspace_shm_lost(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf,
    ngx_shm_zone_t *old)
{
    ngx_uint_t            level;
    ks_zone_stats_t       st;
    ngx_keyspace_zone_t  *kz, *okz;

    kz = ngx_keyspace_shm_successor(kcf, old);

    if (old->tag != &ngx_keyspace_module) {
        if (kz != NULL) {
            ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                          "keyspace zone \"%V\" starts empty: the one before "
                          "belongs to another build of the module, and its "
                          "keys are dropped", &kz->name);
        }

        return;
    }

    okz = old->data;

    /* without a master this process has a handle on memory that may go */
    ngx_keyspace_close(okz);

    if (okz->zone == NULL || (kz != NULL && kz->base == okz->base)) {
        return;
    }

    ks_zone_stats(okz->zone, &st);
    level = (st.keys != 0) ? NGX_LOG_ERR : NGX_LOG_NOTICE;

    if (kz == NULL) {
        ngx_log_error(level, cycle->log, 0,
                      "keyspace zone \"%V\" is no longer configured: "
                      "the %uL keys that it holds are dropped",
                      &okz->name, st.keys);
        return;
    }

    ngx_log_error(level, cycle->log, 0,
                  "keyspace zone \"%V\" changes its size from %uz to %uz "
                  "bytes: it starts empty, and the %uL keys that the old one "
                  "holds are dropped",
                  &kz->name, okz->size, kz->size, st.keys);
}


static ngx_keyspace_zone_t *
ngx_keyspace_shm_successor(ngx_keyspace_conf_t *kcf, ngx_shm_zone_t *old)
{
    ngx_str_t             *name;
    ngx_uint_t             i;
    ngx_keyspace_zone_t  **kz;

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {
        name = &kz[i]->shm_zone->shm.name;

        if (name->len == old->shm.name.len
            && ngx_strncmp(name->data, old->shm.name.data, name->len) == 0)
        {
            return kz[i];
        }
    }

    return NULL;
}
