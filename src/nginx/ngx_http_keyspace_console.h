
/*
 * keyspace_console: what its files share.
 *
 * The location has one page, and below "api/" what the page asks for: commands
 * as a REST location takes them, and what is known of the zone.
 */


#ifndef _NGX_HTTP_KEYSPACE_CONSOLE_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_CONSOLE_H_INCLUDED_


#include "ngx_http_keyspace.h"


struct ngx_http_keyspace_console_s {
    ngx_str_t              location;    /* its name, with a slash at its end */
    const ks_user_t       *user;        /* of requests without a token; NULL:
                                           they are refused, */
    ngx_str_t              name;        /* but for a user of that name */
    ngx_str_t              policy;      /* Content-Security-Policy */
};


/* --- ngx_http_keyspace_console_page.c --- */

/* The policy that lets the page run what is its own, and nothing else. */
ngx_int_t ngx_http_keyspace_console_policy(ngx_conf_t *cf, ngx_str_t *policy);

/* Replies with the page; the result finalizes the request. */
ngx_int_t ngx_http_keyspace_console_page(ngx_http_request_t *r,
    ngx_http_keyspace_console_t *console);


/* --- ngx_http_keyspace_console_about.c --- */

/*
 * They reply with JSON, to a user who is known: what the page has to know from
 * the beginning (the zone, the user, rules of limits, prefixes of sessions);
 * and the zone's metrics.
 */
ngx_int_t ngx_http_keyspace_console_about(ngx_http_request_t *r,
    ngx_str_t *body);
ngx_int_t ngx_http_keyspace_console_metrics(ngx_http_request_t *r,
    ngx_str_t *body);


#endif /* _NGX_HTTP_KEYSPACE_CONSOLE_H_INCLUDED_ */
