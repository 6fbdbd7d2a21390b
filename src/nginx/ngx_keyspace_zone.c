
/*
 * A zone from one cycle to the next.
 *
 * nginx's zone of that name is a few pages, which nothing is in: it is how a
 * cycle finds its predecessor's, whose memory (ngx_keyspace_memory.c) it takes
 * over.  The callbacks of a cycle that may yet fail change nothing that the
 * running workers see: what a new configuration wants comes into force in
 * ngx_keyspace_shm_takeover(), when it can fail no more.
 */


#include "ngx_keyspace_far_store.h"
#include "ngx_keyspace_follow.h"
#include "ngx_keyspace_journal.h"
#include "ngx_keyspace_memory.h"
#include "ngx_keyspace_replicas.h"
#include "ngx_keyspace_user.h"


#define NGX_KEYSPACE_SHM_PREFIX  "keyspace:"
#define NGX_KEYSPACE_SHM_PAGES   8              /* the least that nginx takes */


static ngx_int_t ngx_keyspace_shm_init(ngx_shm_zone_t *shm_zone, void *data);
static void ngx_keyspace_shm_settle(ngx_keyspace_zone_t *kz);
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
                                         NGX_KEYSPACE_SHM_PAGES * ngx_pagesize,
                                         &ngx_keyspace_module);
    if (kz->shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    kz->shm_zone->init = ngx_keyspace_shm_init;
    kz->shm_zone->data = kz;

    return NGX_CONF_OK;
}


/*
 * A test of the configuration lays out nothing and looks at no file: another
 * nginx may run.
 */

static ngx_int_t
ngx_keyspace_shm_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_keyspace_zone_t *old = data;

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (ngx_keyspace_journal_take(shm_zone->data, shm_zone->shm.log) != NGX_OK
        || ngx_keyspace_replicas_take(shm_zone->data, shm_zone->shm.log)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (old != NULL) {
        return ngx_keyspace_memory_keep(shm_zone->data, old,
                                        shm_zone->shm.log);
    }

    return ngx_keyspace_memory_begin(shm_zone->data, shm_zone->shm.log);
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

    for (i = 0; i < kcf->zones.nelts; i++) {
        if (kz[i]->memory->owner == NULL) {
            ngx_keyspace_shm_settle(kz[i]);
            ngx_keyspace_shm_begins(cycle, kz[i]);
        }

        kz[i]->memory->owner = kz[i];
    }

    for (i = 0; i < kcf->zones.nelts; i++) {
        ks_zone_set_policy(kz[i]->zone, kz[i]->policy);
        ks_zone_set_notify(kz[i]->zone, kz[i]->notify);
        ks_zone_reset_settings(kz[i]->zone);
        ngx_keyspace_users_apply(cycle, kz[i]);
        ngx_keyspace_store_apply(cycle, kz[i]);
        ngx_keyspace_replicaof_apply(kz[i]);
        ngx_keyspace_follow_apply(kz[i]);
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
 * A worker may have died while it moved a key to another zone, as the last one
 * of those who had a file: now all zones are there that may know what became of
 * it.
 */

static void
ngx_keyspace_shm_settle(ngx_keyspace_zone_t *kz)
{
    if (kz->begins == NGX_KEYSPACE_KEPT) {
        ks_zone_settle(kz->zone);
    }
}


/*
 * What a zone begins with.  After an upgrade of the binary there may be keys
 * that the old processes keep to themselves.
 */

static void
ngx_keyspace_shm_begins(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz)
{
    ks_zone_stats_t  st;

    if (kz->begins == NGX_KEYSPACE_KEPT || kz->begins == NGX_KEYSPACE_SHARED) {
        ks_zone_stats(kz->zone, &st);

        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "keyspace zone \"%V\" goes on with the %uL keys of its "
                      "file \"%V\"%s", &kz->name, st.keys, &kz->path,
                      kz->begins == NGX_KEYSPACE_SHARED
                      ? ", which another nginx serves, too" : "");
        return;
    }

    if (kz->begins == NGX_KEYSPACE_LOADED) {
        ks_zone_stats(kz->zone, &st);

        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "keyspace zone \"%V\" begins with the %uL keys of "
                      "\"%s\"", &kz->name, st.keys, kz->loaded);
        return;
    }

    if (kz->path.len) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "keyspace zone \"%V\" begins empty, in a new file "
                      "\"%V\"", &kz->name, &kz->path);
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                  "keyspace zone \"%V\" begins empty%s", &kz->name,
                  ngx_inherited ? ": the keys of the nginx before this one "
                                  "stay with its own processes" : "");
}


/*
 * A zone of the cycle before that is not in this one.  If keys go with it, that
 * is an error in the log: less would not be seen at the level that is the
 * default.
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
        if (kz != NULL && kz->begins != NGX_KEYSPACE_SHARED) {
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

    if (kz != NULL || okz->zone == NULL) {
        return;
    }

    ks_zone_stats(okz->zone, &st);

    if (okz->path.len) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "keyspace zone \"%V\" is no longer configured: the %uL "
                      "keys that it holds stay in its file \"%V\"",
                      &okz->name, st.keys, &okz->path);

    } else {
        level = (st.keys != 0) ? NGX_LOG_ERR : NGX_LOG_NOTICE;

        ngx_log_error(level, cycle->log, 0,
                      "keyspace zone \"%V\" is no longer configured: "
                      "the %uL keys that it holds are dropped",
                      &okz->name, st.keys);
    }

    ngx_keyspace_memory_end(okz, ngx_process == NGX_PROCESS_SINGLE,
                            cycle->log);
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
