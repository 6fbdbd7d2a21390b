
/*
 * mode=near: commands about channels of shards that have no reply yet.
 *
 * The store replies in the order of the commands.  The command of a reply that
 * names a channel is found by the name.  An error names no channel: it is the
 * reply to the oldest command.  So each command is kept until its reply comes.
 */


#include "ngx_keyspace_far_asked.h"


static ngx_uint_t ngx_keyspace_asked_is(const ngx_keyspace_asked_t *asked,
    ngx_keyspace_asked_kind_t kind, const ks_str_t *name);


ngx_keyspace_asked_t *
ngx_keyspace_asked_put(ngx_queue_t *all, ngx_keyspace_asked_kind_t kind,
    const ngx_str_t *name)
{
    ngx_keyspace_asked_t  *asked;

    asked = ngx_alloc(sizeof(ngx_keyspace_asked_t) + name->len,
                      ngx_cycle->log);
    if (asked == NULL) {
        return NULL;
    }

    asked->kind = kind;
    asked->name.data = (u_char *) (asked + 1);
    asked->name.len = name->len;

    if (name->len != 0) {
        ngx_memcpy(asked->name.data, name->data, name->len);
    }

    ngx_queue_insert_tail(all, &asked->queue);

    return asked;
}


ngx_keyspace_asked_t *
ngx_keyspace_asked_first(ngx_queue_t *all)
{
    return ngx_queue_empty(all)
           ? NULL : ngx_queue_data(ngx_queue_head(all), ngx_keyspace_asked_t,
                                   queue);
}


void
ngx_keyspace_asked_drop(ngx_keyspace_asked_t *asked)
{
    ngx_queue_remove(&asked->queue);
    ngx_free(asked);
}


void
ngx_keyspace_asked_pop(ngx_queue_t *all)
{
    ngx_keyspace_asked_t  *asked;

    asked = ngx_keyspace_asked_first(all);

    if (asked != NULL) {
        ngx_keyspace_asked_drop(asked);
    }
}


void
ngx_keyspace_asked_clear(ngx_queue_t *all)
{
    while (!ngx_queue_empty(all)) {
        ngx_keyspace_asked_pop(all);
    }
}


/*
 * There is a reply to the first such command, and so to all before it.  A
 * channel that a node has lost ends without a command, or before the reply to
 * a command: that end can only be the reply to the oldest.
 */

void
ngx_keyspace_asked_pop_to(ngx_queue_t *all, ngx_keyspace_asked_kind_t kind,
    const ks_str_t *name)
{
    ngx_queue_t  *q;

    for (q = ngx_queue_head(all);
         q != ngx_queue_sentinel(all);
         q = ngx_queue_next(q))
    {
        if (ngx_keyspace_asked_is(ngx_queue_data(q, ngx_keyspace_asked_t,
                                                 queue),
                                  kind, name))
        {
            break;
        }

        if (kind == NGX_KEYSPACE_ASKED_OUT) {
            return;
        }
    }

    if (q == ngx_queue_sentinel(all)) {
        return;
    }

    while (ngx_queue_head(all) != q) {
        ngx_keyspace_asked_pop(all);
    }

    ngx_keyspace_asked_pop(all);
}


static ngx_uint_t
ngx_keyspace_asked_is(const ngx_keyspace_asked_t *asked,
    ngx_keyspace_asked_kind_t kind, const ks_str_t *name)
{
    return asked->kind == kind && asked->name.len == name->len
           && (name->len == 0
               || ngx_memcmp(asked->name.data, name->data, name->len) == 0);
}
