
/*
 * Requests whose command waits for a key.
 *
 * The request is held until the worker hears the reply, or until the time of
 * the command is over.  A client that goes away takes nothing: the request's
 * cleanup ends the waiting.  A worker that shuts down keeps the request.
 */


#include "ngx_http_keyspace.h"
#include "commands/ks_block.h"


/* for longer times the timer is set anew */
#define NGX_HTTP_KEYSPACE_AWAIT_TIMER  (24 * 3600 * 1000)


static void ngx_http_keyspace_await_woken(ks_waiter_t *w, ks_woken_t why,
    const ks_str_t *gathered);
static void ngx_http_keyspace_await_synced(ngx_keyspace_unsynced_t *u);
static ngx_uint_t ngx_http_keyspace_await_over(ngx_http_keyspace_await_t *aw,
    ks_client_t *client);
static void ngx_http_keyspace_await_arm(ngx_http_keyspace_await_t *aw);
static void ngx_http_keyspace_await_end(ngx_http_keyspace_await_t *aw);
static void ngx_http_keyspace_await_cleanup(void *data);


ngx_http_keyspace_await_t *
ngx_http_keyspace_await_create(ngx_http_request_t *r, ngx_keyspace_zone_t *kz)
{
    ngx_http_cleanup_t         *cln;
    ngx_http_keyspace_await_t  *aw;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_keyspace_await_t));
    if (cln == NULL) {
        return NULL;
    }

    aw = cln->data;
    ngx_memzero(aw, sizeof(ngx_http_keyspace_await_t));

    cln->handler = ngx_http_keyspace_await_cleanup;

    aw->request = r;
    aw->zone = kz;
    aw->waiter.id = ks_next_id(kz->space);
    aw->waiter.woken = ngx_http_keyspace_await_woken;
    aw->asked.synced = ngx_http_keyspace_await_synced;

    return aw;
}


void
ngx_http_keyspace_await_begin(ngx_http_keyspace_await_t *aw)
{
    aw->awaits = 1;
    aw->woken = 0;
    ngx_keyspace_keep(1);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, aw->request->connection->log, 0,
                   "keyspace: the request waits for a key, until %uL",
                   aw->waiter.until);
}


void
ngx_http_keyspace_await_hold(ngx_http_keyspace_await_t *aw,
    ngx_http_keyspace_hold_t *h)
{
    aw->hold = h;
    ngx_http_keyspace_await_arm(aw);
}


/* What a WAITAOF waits for has come. */

static void
ngx_http_keyspace_await_synced(ngx_keyspace_unsynced_t *u)
{
    ngx_http_keyspace_await_t  *aw;

    aw = (ngx_http_keyspace_await_t *)
             ((u_char *) u - offsetof(ngx_http_keyspace_await_t, asked));

    ngx_http_keyspace_wake(aw->hold);
}


/* Whether the time is over, be it because a WAITAOF need not wait any more. */

static ngx_uint_t
ngx_http_keyspace_await_over(ngx_http_keyspace_await_t *aw,
    ks_client_t *client)
{
    aw->asked.client = client;

    if (aw->waiter.over != KS_OVER_NULL_ARRAY
        && (aw->asked.waits
            ? (ngx_uint_t) ks_block_done(client)
            : ngx_keyspace_unsynced_wait(aw->zone, &aw->asked, client->wrote)
              == NGX_OK))
    {
        return 1;
    }

    return aw->waiter.until != 0 && ks_clock() >= aw->waiter.until;
}


static void
ngx_http_keyspace_await_arm(ngx_http_keyspace_await_t *aw)
{
    uint64_t  now, left;

    if (aw->waiter.over != KS_OVER_NULL_ARRAY && !aw->asked.waits) {
        /* the first try makes it wait */
        ngx_http_keyspace_wake(aw->hold);
        return;
    }

    if (aw->waiter.until == 0) {
        return;
    }

    now = ks_clock();
    left = (aw->waiter.until > now) ? aw->waiter.until - now : 0;

    ngx_http_keyspace_wake_after(aw->hold,
                (ngx_msec_t) ngx_min(left, NGX_HTTP_KEYSPACE_AWAIT_TIMER));
}


/* Called by whoever hears: the reply is written in the request's own time. */

static void
ngx_http_keyspace_await_woken(ks_waiter_t *w, ks_woken_t why,
    const ks_str_t *gathered)
{
    ngx_http_keyspace_await_t  *aw;

    aw = (ngx_http_keyspace_await_t *)
             ((u_char *) w - offsetof(ngx_http_keyspace_await_t, waiter));

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, aw->request->connection->log, 0,
                   "keyspace: the request is woken: %d, %uz bytes", (int) why,
                   gathered->len);

    aw->woken = 1;
    aw->why = why;
    aw->gathered.len = gathered->len;
    aw->gathered.data = NULL;

    if (gathered->len != 0) {
        aw->gathered.data = ngx_pnalloc(aw->request->pool, gathered->len);

        if (aw->gathered.data == NULL) {
            aw->why = KS_WOKEN_LOST;

        } else {
            ngx_memcpy(aw->gathered.data, gathered->data, gathered->len);
        }
    }

    ngx_http_keyspace_wake(aw->hold);
}


ngx_int_t
ngx_http_keyspace_await_try(ngx_http_keyspace_await_t *aw, ks_client_t *client,
    ks_reply_t *reply)
{
    int  rc;

    if (!aw->woken) {

        if (!ngx_http_keyspace_await_over(aw, client)) {
            ngx_http_keyspace_await_arm(aw);
            return NGX_BUSY;
        }

        rc = ks_waiters_leave(client->space, &aw->waiter);
        ngx_keyspace_settle(aw->zone);

        if (rc != KS_OK) {

            /* it was served meanwhile: this worker is about to hear of it */

            return NGX_BUSY;
        }

        aw->why = KS_WOKEN_TIMEOUT;
    }

    aw->woken = 0;

    rc = ks_blocking_reply(client, aw->why, &aw->gathered, reply);
    ngx_keyspace_settle(aw->zone);

    if (rc != KS_OK) {
        ngx_http_keyspace_await_arm(aw);
        return NGX_BUSY;
    }

    ngx_http_keyspace_await_end(aw);

    return NGX_OK;
}


ks_str_t *
ngx_http_keyspace_await_take(ngx_http_keyspace_await_t *aw)
{
    if (!aw->woken) {
        return NULL;
    }

    aw->woken = 0;
    ngx_http_keyspace_await_end(aw);

    return &aw->gathered;
}


static void
ngx_http_keyspace_await_end(ngx_http_keyspace_await_t *aw)
{
    aw->awaits = 0;
    ngx_keyspace_unsynced_cancel(aw->zone, &aw->asked);
    ngx_keyspace_keep(-1);
}


static void
ngx_http_keyspace_await_cleanup(void *data)
{
    ngx_http_keyspace_await_t *aw = data;

    if (!aw->awaits) {
        return;
    }

    if (aw->waiter.waits) {

        if (ks_waiters_leave(aw->zone->space, &aw->waiter) != KS_OK) {

            /* it was served, and has gone before it heard of it */

            ks_waiters_part(aw->zone->space, &aw->waiter);
        }

        ngx_keyspace_settle(aw->zone);
    }

    ngx_http_keyspace_await_end(aw);
}
