
/*
 * Commands that follow one which another store runs: those that store is to run
 * as well go with it, so that a client that pipelines waits for one round trip.
 *
 * A reply that comes at once, as of MULTI, takes its place between the others.
 */


#include "ngx_stream_keyspace.h"
#include "commands/ks_args.h"
#include "commands/ks_far.h"


#define NGX_STREAM_KEYSPACE_SAID  2048          /* bytes of such a reply */


ngx_int_t
ngx_stream_keyspace_join(ngx_stream_keyspace_ctx_t *ctx, ks_ahead_t *a)
{
    int           rc;
    u_char        buf[NGX_STREAM_KEYSPACE_SAID];
    ks_far_t     *far;
    ks_out_t      out;
    ks_str_t      bytes;
    ks_resp_t     writer;
    ks_client_t  *client;

    client = &ctx->ks.client;
    far = ks_space_far(client->space);

    ks_out_init(&out, buf, sizeof(buf), NULL, NULL);
    out.limit = sizeof(buf);
    ks_resp_init(&writer, &out, ctx->ks.resp);

    rc = ks_conn_join(&ctx->ks, a, &writer.reply);

    if (rc == KS_NONE) {
        ks_far_close(client);
        return NGX_DECLINED;
    }

    if (rc == KS_WAITS) {
        return NGX_OK;
    }

    if (out.failed) {
        writer.reply.ops->rewind(&writer.reply);
        ks_reply_error(&writer.reply, KS_ERR_REPLY);
    }

    bytes.data = buf;
    bytes.len = out.size;

    return far->said(far, client, &bytes) == KS_OK ? NGX_OK : NGX_ERROR;
}
