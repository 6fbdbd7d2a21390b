
/*
 * Output that waits for the disk: replies of a connection whose changes are to
 * be on it before (journal ... sync=always), and all that comes behind them.
 *
 * It lies in two parts.  The first one waits for its last change; what comes
 * behind later changes is the second one, and becomes the first when that has
 * gone.  So a client that never stops to write gets its replies all the same.
 */


#include "ngx_stream_keyspace.h"


static void ngx_stream_keyspace_late_synced(ngx_keyspace_unsynced_t *u);
static void ngx_stream_keyspace_late_asked(ngx_keyspace_unsynced_t *u);


static ngx_stream_keyspace_late_t *
ngx_stream_keyspace_late_get(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_stream_keyspace_late_t  *late;

    if (ctx->late != NULL) {
        return ctx->late;
    }

    late = ngx_pcalloc(ctx->connection->pool,
                       sizeof(ngx_stream_keyspace_late_t));
    if (late == NULL) {
        return NULL;
    }

    late->ctx = ctx;
    late->unsynced.synced = ngx_stream_keyspace_late_synced;
    late->asked.synced = ngx_stream_keyspace_late_asked;
    late->asked.client = &ctx->ks.client;
    late->parts[0].last = &late->parts[0].first;
    late->parts[1].last = &late->parts[1].first;

    ctx->late = late;

    return late;
}


ngx_int_t
ngx_stream_keyspace_hold(ngx_stream_keyspace_ctx_t *ctx)
{
    uint64_t                     wrote;
    ngx_keyspace_zone_t         *kz;
    ngx_stream_keyspace_late_t  *late;

    kz = ctx->zone;
    wrote = ctx->ks.client.wrote;
    late = ctx->late;

    if (ctx->late_on) {

        if (wrote > late->parts[0].position) {
            late->parts[1].position = wrote;
        }

        return NGX_OK;
    }

    if (ks_aof_passes(kz->space, wrote)) {
        ctx->passed = wrote;
        return NGX_OK;
    }

    late = ngx_stream_keyspace_late_get(ctx);
    if (late == NULL) {
        return NGX_ERROR;
    }

    if (ngx_keyspace_unsynced_wait(kz, &late->unsynced, wrote) == NGX_OK) {
        ctx->passed = wrote;
        return NGX_OK;
    }

    late->parts[0].position = wrote;
    late->parts[1].position = 0;
    ctx->late_on = 1;

    return NGX_OK;
}


ngx_stream_keyspace_part_t *
ngx_stream_keyspace_late_part(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_stream_keyspace_late_t  *late;

    late = ctx->late;

    return late->parts[1].position != 0 ? &late->parts[1] : &late->parts[0];
}


/* The first part goes; the second one may follow at once. */

static void
ngx_stream_keyspace_late_synced(ngx_keyspace_unsynced_t *u)
{
    ngx_connection_t            *c;
    ngx_stream_keyspace_ctx_t   *ctx;
    ngx_stream_keyspace_part_t  *part;
    ngx_stream_keyspace_late_t  *late;

    late = (ngx_stream_keyspace_late_t *)
               ((u_char *) u - offsetof(ngx_stream_keyspace_late_t, unsynced));
    ctx = late->ctx;
    part = late->parts;

    do {
        if (part[0].first != NULL) {
            *ctx->out_last = part[0].first;
            ctx->out_last = part[0].last;
        }

        ctx->passed = part[0].position;
        part[0].first = part[1].first;
        part[0].last = part[1].first ? part[1].last : &part[0].first;
        part[0].position = part[1].position;
        part[1].first = NULL;
        part[1].last = &part[1].first;
        part[1].position = 0;

    } while (part[0].position != 0
             && ngx_keyspace_unsynced_wait(ctx->zone, u,
                                           part[0].position)
                == NGX_OK);

    ctx->late_on = (part[0].position != 0);

    c = ctx->connection;
    c->write->handler(c->write);
}


/* Each link begins its allocation. */

static void
ngx_stream_keyspace_late_free(ngx_chain_t *cl)
{
    ngx_chain_t  *next;

    for ( /* void */ ; cl != NULL; cl = next) {
        next = cl->next;
        ngx_free(cl);
    }
}


void
ngx_stream_keyspace_late_drop(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_uint_t                   i;
    ngx_stream_keyspace_late_t  *late;

    late = ctx->late;

    if (late == NULL) {
        return;
    }

    ngx_keyspace_unsynced_cancel(ctx->zone, &late->unsynced);
    ngx_keyspace_unsynced_cancel(ctx->zone, &late->asked);

    for (i = 0; i < 2; i++) {
        ngx_stream_keyspace_late_free(late->parts[i].first);
        late->parts[i].first = NULL;
        late->parts[i].last = &late->parts[i].first;
        late->parts[i].position = 0;
    }

    ctx->late_on = 0;
}


/* --- WAIT and WAITAOF --- */

void
ngx_stream_keyspace_late_ask(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_stream_keyspace_late_t  *late;

    late = ngx_stream_keyspace_late_get(ctx);

    if (late != NULL
        && ngx_keyspace_unsynced_wait(ctx->zone, &late->asked,
                                      ctx->ks.client.wrote)
           == NGX_OK)
    {
        ngx_stream_keyspace_late_asked(&late->asked);
    }
}


static void
ngx_stream_keyspace_late_asked(ngx_keyspace_unsynced_t *u)
{
    ngx_stream_keyspace_late_t  *late;

    late = (ngx_stream_keyspace_late_t *)
               ((u_char *) u - offsetof(ngx_stream_keyspace_late_t, asked));

    ngx_post_event(&late->ctx->event, &ngx_posted_events);
}


void
ngx_stream_keyspace_late_answered(ngx_stream_keyspace_ctx_t *ctx)
{
    if (ctx->late != NULL) {
        ngx_keyspace_unsynced_cancel(ctx->zone, &ctx->late->asked);
    }
}
