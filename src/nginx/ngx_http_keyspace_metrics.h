
/*
 * Metrics over HTTP: what the module of keyspace_metrics and the console share.
 */


#ifndef _NGX_HTTP_KEYSPACE_METRICS_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_METRICS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_keyspace.h"

#include <cjson/cJSON.h>


/* The time that metrics go by, in ms since the epoch. */
uint64_t ngx_http_keyspace_metrics_now(void);

/*
 * What a zone tells of itself; the caller's to delete.  NULL: no memory.
 * Nothing is locked.
 */
cJSON *ngx_http_keyspace_metrics_zone(ngx_keyspace_zone_t *kz);

/*
 * They send a response that nobody is to keep: a value, which is deleted, NULL
 * being no memory; or a chain of so many bytes, whose type is set.  The result
 * finalizes the request.
 */
ngx_int_t ngx_http_keyspace_send_json(ngx_http_request_t *r, cJSON *json);
ngx_int_t ngx_http_keyspace_metrics_send(ngx_http_request_t *r,
    ngx_chain_t *out, size_t size);


/* The handler of keyspace_ready, for these zones. */
ngx_int_t ngx_http_keyspace_ready(ngx_http_request_t *r,
    ngx_keyspace_zone_t **kz, ngx_uint_t n);


#endif /* _NGX_HTTP_KEYSPACE_METRICS_H_INCLUDED_ */
