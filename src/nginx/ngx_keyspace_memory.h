
/*
 * The memory of a zone: a mapping of the module's own, of a file or of none,
 * which all processes of a master inherit.
 *
 * It belongs to the zone of the cycle that runs, and goes from one to the next
 * when that takes over.  nginx's own zone is of a page or two, and is there to
 * be found by its name in the cycle after.
 */


#ifndef _NGX_KEYSPACE_MEMORY_H_INCLUDED_
#define _NGX_KEYSPACE_MEMORY_H_INCLUDED_


#include "ngx_keyspace.h"
#include "persist/ks_file.h"


struct ngx_keyspace_memory_s {
    ngx_keyspace_zone_t    *owner;          /* NULL: its cycle may yet fail */
    ks_file_t               file;           /* if there is one */
    void                   *base;           /* of the zone */
    size_t                  size;           /* of the mapping without a file */
    unsigned                filed:1;
};


/*
 * The memory of a zone that begins, and what it begins with: kz->memory,
 * kz->zone, kz->begins.  NGX_ERROR: it is told in the log why not.
 */
ngx_int_t ngx_keyspace_memory_begin(ngx_keyspace_zone_t *kz, ngx_log_t *log);

/*
 * The memory of the zone of the cycle before; NGX_ERROR: the new configuration
 * cannot have it, and the log says so.
 */
ngx_int_t ngx_keyspace_memory_keep(ngx_keyspace_zone_t *kz,
    ngx_keyspace_zone_t *old, ngx_log_t *log);

/*
 * This process is done with it.  last: so are all that it has forked.
 */
void ngx_keyspace_memory_end(ngx_keyspace_zone_t *kz, ngx_uint_t last,
    ngx_log_t *log);


#endif /* _NGX_KEYSPACE_MEMORY_H_INCLUDED_ */
