
/*
 * "metrics on" in a zone's block: shared memory beside the zone's, in which
 * workers count and time commands (memory/ks_stats.h).
 *
 * It is kept over reloads as long as the zone has the line, and begins empty
 * with a new master.  What is not counted in is not touched.
 */


#include "ngx_keyspace.h"
#include "memory/ks_ticks.h"


/* what nginx's pool of pages takes of a zone */
#define NGX_KEYSPACE_STATS_POOL    (64 * 1024)

/* another form of what it has is another run of memory */
#define NGX_KEYSPACE_STATS_PREFIX                                             \
    "keyspace metrics " ngx_value(KS_STATS_VERSION) ":"


static ngx_int_t ngx_keyspace_stats_init(ngx_shm_zone_t *shm_zone, void *data);


/*
 * whose shared memory it is: not that of zones, which are looked for by theirs
 */
static u_char  ngx_keyspace_stats_tag;


char *
ngx_keyspace_stats_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz)
{
    u_char          *p;
    size_t           pool;
    ngx_str_t        name;
    ngx_shm_zone_t  *shm_zone;

    if (!kz->metrics) {
        return NGX_CONF_OK;
    }

    name.len = sizeof(NGX_KEYSPACE_STATS_PREFIX) - 1 + kz->name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(name.data, NGX_KEYSPACE_STATS_PREFIX,
                   sizeof(NGX_KEYSPACE_STATS_PREFIX) - 1);
    ngx_memcpy(p, kz->name.data, kz->name.len);

    pool = NGX_KEYSPACE_STATS_POOL
           + ks_stats_size() / ngx_pagesize * sizeof(ngx_slab_page_t);

    shm_zone = ngx_shared_memory_add(cf, &name, ks_stats_size() + pool,
                                     &ngx_keyspace_stats_tag);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_keyspace_stats_init;
    shm_zone->data = kz;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_keyspace_stats_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_keyspace_zone_t *okz = data;

    void                 *base;
    ngx_slab_pool_t      *shpool;
    ngx_keyspace_zone_t  *kz;

    kz = shm_zone->data;

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (okz != NULL) {
        kz->stats = okz->stats;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    base = ngx_slab_alloc(shpool, ks_stats_size());
    if (base == NULL) {
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "keyspace zone \"%V\": the %uz bytes of its metrics "
                      "cannot be had", &kz->name, ks_stats_size());
        return NGX_ERROR;
    }

    kz->stats = ks_stats_create(base);

    return NGX_OK;
}


void
ngx_keyspace_stats_open(ngx_keyspace_zone_t *kz)
{
    if (kz->stats == NULL) {
        return;
    }

    ks_ticks_init();
    ks_space_set_stats(kz->space, kz->stats);

    if (kz->nprefixes != 0) {
        ks_space_set_prefixes(kz->space, kz->prefixes,
                              (unsigned) kz->nprefixes);
    }
}
