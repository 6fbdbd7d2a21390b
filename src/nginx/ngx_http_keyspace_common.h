
/*
 * What the modules of HTTP (REST, limits, sessions) do alike: variables, and
 * headers of the response.
 */

#ifndef _NGX_HTTP_KEYSPACE_COMMON_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_COMMON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* The variables of a table that ends with ngx_http_null_variable. */
ngx_int_t ngx_http_keyspace_declare(ngx_conf_t *cf, ngx_http_variable_t *vars);

/* The value is these bytes, which are to live as long as the request. */
void ngx_http_keyspace_found(ngx_http_variable_value_t *v, u_char *p,
    size_t len);

/* The value is s, as above; NULL or empty: there is none.  NGX_OK. */
ngx_int_t ngx_http_keyspace_value(ngx_http_variable_value_t *v, ngx_str_t *s);

/* One more header; NGX_ERROR: no memory. */
ngx_int_t ngx_http_keyspace_add_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value);


#endif /* _NGX_HTTP_KEYSPACE_COMMON_H_INCLUDED_ */
