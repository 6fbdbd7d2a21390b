
/*
 * What directives do with keys of a zone, which may be the edge of another
 * store: what cannot work there is refused with the configuration.
 */


#ifndef _NGX_KEYSPACE_USES_H_INCLUDED_
#define _NGX_KEYSPACE_USES_H_INCLUDED_


#include "ngx_keyspace.h"


typedef enum {
    NGX_KEYSPACE_USE_LIMITS = 0,        /* keeps rate limits */
    NGX_KEYSPACE_USE_SESSIONS,
    NGX_KEYSPACE_USE_RESPONSES,
    NGX_KEYSPACE_USE_RUN,               /* runs a command that writes */
    NGX_KEYSPACE_USE_ALL,               /* reads what is about all keys */
    NGX_KEYSPACE_USE_STREAM             /* follows a stream */
} ngx_keyspace_use_t;


/*
 * The directive that is being read does that with keys that begin with a text,
 * or with a key, which may have variables; empty: with none.  It is judged when
 * the whole configuration is read, as the zone may be declared later.
 */
char *ngx_keyspace_use(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    ngx_keyspace_use_t what, const ngx_str_t *key);

/* Of a zone that is declared; NGX_ERROR: the log says what cannot be. */
ngx_int_t ngx_keyspace_uses_check(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz);


#endif /* _NGX_KEYSPACE_USES_H_INCLUDED_ */
