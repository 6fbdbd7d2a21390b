
/*
 * Where input lies.
 *
 * Most commands fit into a block of the process, with many others: a
 * connection has memory of its own only for a command that is not complete
 * when there is nothing more to read.  A command that does not fit is read
 * into a buffer of its size, which is known from its lengths.
 */


#include "ngx_stream_keyspace.h"


#define NGX_STREAM_KEYSPACE_ROOM  4096          /* worth a recv() */


static ngx_int_t ngx_stream_keyspace_grow(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in, size_t size);
static void ngx_stream_keyspace_shrink(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in);
static void ngx_stream_keyspace_move(ngx_stream_keyspace_input_t *in);
static void ngx_stream_keyspace_use_block(ngx_stream_keyspace_input_t *in,
    u_char *p, size_t len);


static u_char  ngx_stream_keyspace_block[NGX_STREAM_KEYSPACE_INPUT];


void
ngx_stream_keyspace_load(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    if (!ctx->large) {
        ngx_stream_keyspace_use_block(in, ctx->in, ctx->in_len);
        return;
    }

    in->start = ctx->in;
    in->pos = ctx->in;
    in->last = ctx->in + ctx->in_len;
    in->end = ctx->in + ctx->in_size;
}


ngx_int_t
ngx_stream_keyspace_save(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    size_t  len;

    len = in->last - in->pos;

    if (ctx->large && len <= NGX_STREAM_KEYSPACE_INPUT
        && ctx->request.wanted <= NGX_STREAM_KEYSPACE_INPUT)
    {
        ngx_stream_keyspace_shrink(ctx, in);
    }

    ctx->in_len = len;

    if (ctx->large) {
        ngx_stream_keyspace_move(in);
        return NGX_OK;
    }

    if (len > ctx->in_size || len == 0) {

        if (ctx->in != NULL) {
            ngx_free(ctx->in);
            ctx->in = NULL;
        }

        ctx->in_size = len;

        if (len == 0) {
            return NGX_OK;
        }

        ctx->in = ngx_alloc(len, ctx->connection->log);
        if (ctx->in == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memcpy(ctx->in, in->pos, len);

    return NGX_OK;
}


ngx_int_t
ngx_stream_keyspace_room(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    size_t  have, wanted;

    have = in->last - in->pos;
    wanted = ctx->request.wanted;

    if (have == 0) {
        wanted = 0;
    }

    if (have <= NGX_STREAM_KEYSPACE_INPUT - NGX_STREAM_KEYSPACE_ROOM
        && wanted <= NGX_STREAM_KEYSPACE_INPUT)
    {
        if (ctx->large) {
            ngx_stream_keyspace_shrink(ctx, in);

        } else if (have == 0
                   || (size_t) (in->end - in->last) < NGX_STREAM_KEYSPACE_ROOM
                   || (size_t) (in->end - in->pos) < wanted)
        {
            ngx_stream_keyspace_move(in);
        }

        return NGX_OK;
    }

    if (ctx->large) {
        ngx_stream_keyspace_move(in);

        if (in->last != in->end && wanted <= ctx->in_size) {
            return NGX_OK;
        }
    }

    /* arguments to come are of unknown sizes: a quarter more each time */

    return ngx_stream_keyspace_grow(ctx, in,
                                    ngx_max(wanted, have + have / 4)
                                    + NGX_STREAM_KEYSPACE_ROOM);
}


/* A buffer of the connection's own, or a larger one. */

static ngx_int_t
ngx_stream_keyspace_grow(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in, size_t size)
{
    size_t   len;
    u_char  *p;

    if (size > NGX_STREAM_KEYSPACE_QUERY_MAX) {
        ngx_log_error(NGX_LOG_NOTICE, ctx->connection->log, 0,
                      "client sent a command of more than %uz bytes: it is "
                      "ended",
                      (size_t) NGX_STREAM_KEYSPACE_QUERY_MAX);
        return NGX_ERROR;
    }

    len = in->last - in->pos;

    /* the kernel moves large ones without a copy */

    p = realloc(ctx->in, size);

    if (p == NULL) {
        ngx_log_error(NGX_LOG_EMERG, ctx->connection->log, ngx_errno,
                      "realloc(%uz) failed", size);
        return NGX_ERROR;
    }

    if (!ctx->large) {
        ngx_memcpy(p, in->pos, len);
    }

    ctx->in = p;
    ctx->in_size = size;
    ctx->large = 1;

    in->start = p;
    in->pos = p;
    in->last = p + len;
    in->end = p + size;

    return NGX_OK;
}


/* Back to the block of the process. */

static void
ngx_stream_keyspace_shrink(ngx_stream_keyspace_ctx_t *ctx,
    ngx_stream_keyspace_input_t *in)
{
    ngx_stream_keyspace_use_block(in, in->pos, in->last - in->pos);

    ngx_free(ctx->in);

    ctx->in = NULL;
    ctx->in_size = 0;
    ctx->large = 0;
}


static void
ngx_stream_keyspace_use_block(ngx_stream_keyspace_input_t *in, u_char *p,
    size_t len)
{
    in->start = ngx_stream_keyspace_block;
    in->pos = in->start;
    in->last = in->start + len;
    in->end = in->start + sizeof(ngx_stream_keyspace_block);

    if (len != 0) {
        ngx_memcpy(in->start, p, len);
    }
}


static void
ngx_stream_keyspace_move(ngx_stream_keyspace_input_t *in)
{
    size_t  len;

    if (in->pos == in->start) {
        return;
    }

    len = in->last - in->pos;

    ngx_memmove(in->start, in->pos, len);

    in->pos = in->start;
    in->last = in->start + len;
}


ssize_t
ngx_stream_keyspace_discard(ngx_connection_t *c)
{
    return c->recv(c, ngx_stream_keyspace_block,
                   sizeof(ngx_stream_keyspace_block));
}
