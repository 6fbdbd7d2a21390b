
/*
 * mode=near: what is published at the other store comes to this zone's
 * subscribers.
 */


#ifndef _NGX_KEYSPACE_FAR_NEWS_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_NEWS_H_INCLUDED_


#include "ngx_keyspace_far_fetch.h"


typedef struct ngx_keyspace_news_s  ngx_keyspace_news_t;


/*
 * This worker hears of messages, if no other does; of those of the channels of
 * shards at the node of that link, or, without one, of all else.  NULL: there
 * is no memory.  It is closed before its link is, and before its zone's end of
 * the bus.
 */
ngx_keyspace_news_t *ngx_keyspace_news_open(ngx_keyspace_near_t *nr,
    ngx_keyspace_near_link_t *l);
void ngx_keyspace_news_close(ngx_keyspace_news_t *nw);

/* Another worker may have ceased to hear of them, or a map has come. */
void ngx_keyspace_news_look(ngx_keyspace_news_t *nw);

/*
 * A channel of shards may have got its first subscriber, or lost its last one.
 */
void ngx_keyspace_news_shard(ngx_keyspace_news_t *nw, const ks_str_t *channel);

/* It is to get one, of any worker, which waits until it is subscribed to. */
void ngx_keyspace_news_awaited(ngx_keyspace_news_t *nw,
    const ks_str_t *channel);


#endif /* _NGX_KEYSPACE_FAR_NEWS_H_INCLUDED_ */
