
/*
 * What the modules of HTTP (REST, limits, sessions, the cache) do alike: texts
 * of the configuration, variables, header fields, contexts of requests.
 */

#ifndef _NGX_HTTP_KEYSPACE_COMMON_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_COMMON_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* A text that may have variables; NGX_CONF_ERROR: the log says why. */
char *ngx_http_keyspace_compile(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t *cv);

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

/* All fields of a request's or a response's header, one after the other. */

typedef struct {
    ngx_list_part_t  *part;
    ngx_uint_t        next;
} ngx_http_keyspace_fields_t;

static ngx_inline void
ngx_http_keyspace_fields(ngx_http_keyspace_fields_t *fields, ngx_list_t *list)
{
    fields->part = &list->part;
    fields->next = 0;
}

/* NULL: there are no more. */
ngx_table_elt_t *ngx_http_keyspace_next_field(
    ngx_http_keyspace_fields_t *fields);

/*
 * The context of the main request, NULL: there is none yet.  nginx forgets
 * contexts at an internal redirect; one that lies in a cleanup of the request's
 * pool, which has that handler, is found again.
 */
void *ngx_http_keyspace_kept_ctx(ngx_http_request_t *r, ngx_module_t *module,
    ngx_pool_cleanup_pt handler);

/* A new one of that size, as it comes, in such a cleanup; NULL: no memory. */
void *ngx_http_keyspace_keep_ctx(ngx_http_request_t *r, ngx_module_t *module,
    ngx_pool_cleanup_pt handler, size_t size);


/*
 * Adds a handler at the end of a phase's array.  In the log phase it is called
 * after all others so far, in the other phases before them.
 */
ngx_int_t ngx_http_keyspace_push_handler(ngx_conf_t *cf, ngx_uint_t phase,
    ngx_http_handler_pt handler);

/*
 * Adds a handler at the front of a phase's array. In the log phase it is called
 * before all others; in the other phases, which nginx builds from the last of
 * the array to the first, after all that the phase has so far (modules that are
 * loaded come behind nginx's own).
 */
ngx_int_t ngx_http_keyspace_front_handler(ngx_conf_t *cf, ngx_uint_t phase,
    ngx_http_handler_pt handler);


#endif /* _NGX_HTTP_KEYSPACE_COMMON_H_INCLUDED_ */
