
/*
 * mode=near: the memory of all workers beside the zone, for one store, kept
 * over reloads that name the same.
 */


#include "ngx_keyspace_far_near.h"
#include "ngx_keyspace_replicas.h"


#define NGX_KEYSPACE_SHARED_POOL    (64 * 1024)     /* bytes for the
                                                       allocator */
#define NGX_KEYSPACE_SHARED_PREFIX  "keyspace near:"


static ngx_int_t ngx_keyspace_shared_init(ngx_shm_zone_t *shm_zone,
    void *data);


/* whose shared memory it is */
static u_char  ngx_keyspace_shared_tag;


static size_t
ngx_keyspace_shared_size(const ngx_keyspace_upstream_t *us)
{
    return sizeof(ngx_keyspace_near_shared_t)
           + (us->cluster ? NGX_KEYSPACE_NEAR_NODES - 1 : 0)
             * sizeof(ngx_keyspace_near_node_t);
}


char *
ngx_keyspace_shared_add(ngx_conf_t *cf, ngx_keyspace_zone_t *kz)
{
    u_char          *p;
    size_t           size;
    ngx_str_t        name;
    ngx_shm_zone_t  *shm_zone;

    if (kz->upstream == NULL || kz->upstream->mode != NGX_KEYSPACE_NEAR) {
        return NGX_CONF_OK;
    }

    name.len = sizeof(NGX_KEYSPACE_SHARED_PREFIX) - 1 + kz->name.len
               + sizeof(":0123456789abcdef") - 1;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(name.data, NGX_KEYSPACE_SHARED_PREFIX,
                   sizeof(NGX_KEYSPACE_SHARED_PREFIX) - 1);
    (void) ngx_sprintf(p, "%V:%016xL", &kz->name,
                       ngx_keyspace_far_number(kz->upstream));

    /* another store has other memory, and so has one of another size */

    size = ngx_keyspace_shared_size(kz->upstream);
    size += NGX_KEYSPACE_SHARED_POOL
            + size / ngx_pagesize * sizeof(ngx_slab_page_t);

    shm_zone = ngx_shared_memory_add(cf, &name, size,
                                     &ngx_keyspace_shared_tag);
    if (shm_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    shm_zone->init = ngx_keyspace_shared_init;
    shm_zone->data = kz->upstream;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_keyspace_shared_init(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_keyspace_upstream_t *old = data;

    ngx_uint_t                   i;
    ngx_slab_pool_t             *shpool;
    ngx_keyspace_upstream_t     *us;
    ngx_keyspace_near_shared_t  *sh;

    us = shm_zone->data;

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (old != NULL) {
        us->shared = old->shared;
        return NGX_OK;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    sh = ngx_slab_calloc(shpool, ngx_keyspace_shared_size(us));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    us->shared = sh;
    sh->pool = shpool;
    sh->nnodes = us->cluster ? NGX_KEYSPACE_NEAR_NODES : 1;
    sh->near.cluster = us->cluster;
    sh->ear.wanted = 1;

    /* keys of before may lie in its file */

    for (i = 0; i < KS_SLOTS; i++) {
        sh->near.slots[i] = ks_near_word(us->cluster ? NGX_KEYSPACE_NEAR_NOBODY
                                                     : 0, KS_NEAR_SUSPECT);
    }

    /* no two edges have the same */

    ngx_keyspace_replicas_id(sh->id, shm_zone->shm.log);
    ngx_memcpy(&sh->near.store, sh->id, sizeof(uint64_t));

    return NGX_OK;
}


void
ngx_keyspace_shared_doubt(ngx_keyspace_near_shared_t *sh)
{
    ngx_uint_t  i;

    for (i = 0; i < sh->nnodes; i++) {
        ngx_keyspace_links_suspect(sh, i);
    }

    ngx_memzero(sh->since, sizeof(sh->since));
    sh->purges++;
}
