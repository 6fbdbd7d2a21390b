
/*
 * A connection whose door has several zones: on its way from one to another.
 */


#include "ngx_stream_keyspace.h"


ngx_int_t
ngx_stream_keyspace_follow(ngx_stream_keyspace_ctx_t *ctx)
{
    if (ctx->late_on) {
        return NGX_BUSY;
    }

    /* positions are of the zone before */

    ctx->zone = ctx->conf->zones[ctx->ks.client.db];
    ctx->ks.client.wrote = 0;
    ctx->passed = 0;

    return NGX_OK;
}


void
ngx_stream_keyspace_settle(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_uint_t  i;

    for (i = 0; i < ctx->conf->databases.n; i++) {
        ngx_keyspace_settle(ctx->conf->zones[i]);
    }
}
