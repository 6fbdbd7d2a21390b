
/*
 * mode=near: the commands that were sent over a connection of channels of
 * shards and have no reply yet, the oldest first.
 */


#ifndef _NGX_KEYSPACE_FAR_ASKED_H_INCLUDED_
#define _NGX_KEYSPACE_FAR_ASKED_H_INCLUDED_


#include "ngx_keyspace.h"


typedef enum {
    NGX_KEYSPACE_ASKED_IN = 0,  /* SSUBSCRIBE, */
    NGX_KEYSPACE_ASKED_OUT,     /* SUNSUBSCRIBE of a channel; */
    NGX_KEYSPACE_ASKED_OTHER    /* the connection's owner's, without a name */
} ngx_keyspace_asked_kind_t;

typedef struct {
    ngx_queue_t                queue;
    ngx_keyspace_asked_kind_t  kind;
    ks_str_t                   name;            /* its bytes follow */
} ngx_keyspace_asked_t;


/* The newest is put behind all others.  NULL: there is no memory. */
ngx_keyspace_asked_t *ngx_keyspace_asked_put(ngx_queue_t *all,
    ngx_keyspace_asked_kind_t kind, const ngx_str_t *name);

/* The oldest; NULL: there is none. */
ngx_keyspace_asked_t *ngx_keyspace_asked_first(ngx_queue_t *all);

/* The command has its reply, or was not sent. */
void ngx_keyspace_asked_drop(ngx_keyspace_asked_t *asked);

/* The same of the oldest, if there is any, and of all. */
void ngx_keyspace_asked_pop(ngx_queue_t *all);
void ngx_keyspace_asked_clear(ngx_queue_t *all);

/* There is a reply to a command of that kind about the channel. */
void ngx_keyspace_asked_pop_to(ngx_queue_t *all,
    ngx_keyspace_asked_kind_t kind, const ks_str_t *name);


#endif /* _NGX_KEYSPACE_FAR_ASKED_H_INCLUDED_ */
