
/*
 * What listeners are told, of streams and of what became of them.
 */


#ifndef _NGX_HTTP_KEYSPACE_EVENTS_NEWS_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_EVENTS_NEWS_H_INCLUDED_


#include "ngx_http_keyspace_events.h"
#include "ngx_http_keyspace_events_read.h"


/* what was read, in the forms that somebody wants; zero but for what it is */

typedef struct {
    ngx_http_keyspace_events_conf_t  *conf;
    const ngx_http_keyspace_read_t   *read;
    ks_stream_id_t                   *at;   /* behind the last of them */
    ngx_uint_t                        source;
    ks_bytes_t                       *forms[NGX_HTTP_KEYSPACE_FORMS];
} ngx_http_keyspace_news_t;


/* Gives what was read to a listener, who must not leave meanwhile. */
void ngx_http_keyspace_news_give(ngx_http_keyspace_news_t *news,
    ngx_http_keyspace_listener_t *l);

void ngx_http_keyspace_news_done(ngx_http_keyspace_news_t *news);

/*
 * Tells the listener that it may have missed something, and why; at: where it
 * is now in each of its streams, or NULL.
 */
void ngx_http_keyspace_gap_tell(ngx_http_keyspace_listener_t *l,
    const ks_stream_id_t *at, const char *reason);


#endif /* _NGX_HTTP_KEYSPACE_EVENTS_NEWS_H_INCLUDED_ */
