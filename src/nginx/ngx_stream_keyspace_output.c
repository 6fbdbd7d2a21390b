
/*
 * Replies on their way out.
 *
 * They are gathered in a block of the process, behind which the engine takes
 * further blocks for a large reply.  A flush offers all of that to the socket;
 * what it does not take becomes the connection's: the rest of the first block
 * as a copy, the others as they are.  What is pushed out of a connection's turn
 * is added to that, and what is pushed in it, at its next flush.
 *
 * A connection may leave unread what its limit says.  Beyond that it may as
 * long as all connections of the process together are below theirs: a client
 * that writes a whole pipeline before it reads has replies of any size.
 */


#include "ngx_stream_keyspace.h"


/* room for what is pushed: that of the first piece, and of any other */

#define NGX_STREAM_KEYSPACE_PIECE_FIRST  512
#define NGX_STREAM_KEYSPACE_PIECE        4096


static void *ngx_stream_keyspace_alloc(void *data, size_t size);
static ngx_stream_keyspace_piece_t *ngx_stream_keyspace_piece(
    ks_segment_t *seg);
static ngx_chain_t *ngx_stream_keyspace_gather(ks_out_t *out, size_t *first);
static ks_segment_t *ngx_stream_keyspace_close_up(ks_segment_t *seg,
    ngx_buf_t *b);
static void ngx_stream_keyspace_buf(ngx_buf_t *b, u_char *p, size_t len);
static ngx_int_t ngx_stream_keyspace_send_first(
    ngx_stream_keyspace_ctx_t *ctx, u_char **p, size_t *len);
static ngx_int_t ngx_stream_keyspace_copy(ngx_stream_keyspace_ctx_t *ctx,
    u_char *p, size_t len);
static void ngx_stream_keyspace_append(ngx_stream_keyspace_ctx_t *ctx,
    ngx_chain_t *chain);
static void ngx_stream_keyspace_free_chain(ngx_chain_t *cl,
    ngx_chain_t *last);
static void ngx_stream_keyspace_free_spare(ks_out_t *out);
static ngx_stream_keyspace_piece_t *ngx_stream_keyspace_roomy(
    ngx_chain_t *first, ngx_chain_t **last, size_t len);


static u_char   ngx_stream_keyspace_block[NGX_STREAM_KEYSPACE_OUTPUT];

/* bytes that are not yet sent, of all connections of the process */
static size_t   ngx_stream_keyspace_unsent;


void
ngx_stream_keyspace_begin(ngx_stream_keyspace_turn_t *turn)
{
    ks_out_t  *out;

    out = &turn->out;

    ks_out_init(out, ngx_stream_keyspace_block,
                sizeof(ngx_stream_keyspace_block),
                ngx_stream_keyspace_alloc, turn->ctx->connection->log);

    out->block = NGX_STREAM_KEYSPACE_OUTPUT;
    out->limit = NGX_STREAM_KEYSPACE_REPLY_MAX;

    turn->full = NGX_STREAM_KEYSPACE_OUTPUT - NGX_STREAM_KEYSPACE_SPARE;
    turn->pushed = NULL;
    turn->pushed_last = &turn->pushed;

    ks_resp_init(&turn->writer, out, turn->ctx->ks.resp);
}


/* A block for the engine, with room in front for what sends and frees it. */

static void *
ngx_stream_keyspace_alloc(void *data, size_t size)
{
    ngx_log_t *log = data;

    ngx_stream_keyspace_piece_t  *piece;

    piece = ngx_alloc(sizeof(ngx_stream_keyspace_piece_t) + size, log);

    return (piece == NULL) ? NULL : piece + 1;
}


static ngx_stream_keyspace_piece_t *
ngx_stream_keyspace_piece(ks_segment_t *seg)
{
    return (ngx_stream_keyspace_piece_t *) seg - 1;
}


ngx_int_t
ngx_stream_keyspace_flush(ngx_stream_keyspace_turn_t *turn)
{
    u_char                     *p;
    size_t                      len;
    ngx_chain_t                *blocks, *pushed;
    ngx_stream_keyspace_ctx_t  *ctx;

    ctx = turn->ctx;
    pushed = turn->pushed;

    if (turn->out.size == 0 && pushed == NULL) {
        return NGX_OK;
    }

    if (ngx_stream_keyspace_may_hold(ctx)
        && ngx_stream_keyspace_hold(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ks_usage_bytes(ctx->ks.client.user, 0, turn->out.size);

    blocks = ngx_stream_keyspace_gather(&turn->out, &len);
    p = ngx_stream_keyspace_block;

    ngx_stream_keyspace_begin(turn);

    if (ngx_stream_keyspace_send_first(ctx, &p, &len) != NGX_OK
        || (len != 0 && ngx_stream_keyspace_copy(ctx, p, len) != NGX_OK))
    {
        ngx_stream_keyspace_free_chain(blocks, NULL);
        ngx_stream_keyspace_free_chain(pushed, NULL);
        return NGX_ERROR;
    }

    if (blocks == NULL && pushed == NULL) {
        return NGX_OK;
    }

    ngx_stream_keyspace_append(ctx, blocks);
    ngx_stream_keyspace_append(ctx, pushed);

    if (!ctx->connection->write->ready || ctx->out == NULL) {
        return NGX_OK;
    }

    return (ngx_stream_keyspace_send(ctx) == NGX_ERROR) ? NGX_ERROR : NGX_OK;
}


/*
 * The output's bytes: how many there are in the first block, and a chain of
 * the others.  Headers that lie within a block are closed up over.
 */

static ngx_chain_t *
ngx_stream_keyspace_gather(ks_out_t *out, size_t *first)
{
    ngx_buf_t                     b;
    ngx_chain_t                  *chain, **ll;
    ks_segment_t                 *seg;
    ngx_stream_keyspace_piece_t  *piece;

    seg = ngx_stream_keyspace_close_up(out->first, &b);

    *first = b.last - b.pos;
    ll = &chain;

    while (seg != NULL) {
        piece = ngx_stream_keyspace_piece(seg);
        seg = ngx_stream_keyspace_close_up(seg, &piece->buf);

        piece->link.buf = &piece->buf;

        *ll = &piece->link;
        ll = &piece->link.next;
    }

    *ll = NULL;

    ngx_stream_keyspace_free_spare(out);

    return chain;
}


/* The bytes of one block, moved together; the first segment of the next. */

static ks_segment_t *
ngx_stream_keyspace_close_up(ks_segment_t *seg, ngx_buf_t *b)
{
    u_char        *start, *p;
    size_t         len;
    ks_segment_t  *next;

    start = seg->start;
    p = seg->last;

    for (seg = seg->next; seg != NULL && seg->block == 0; seg = next) {

        /* its bytes may come to lie over its header, but not beyond it */

        next = seg->next;
        len = seg->last - seg->start;

        ngx_memmove(p, seg->start, len);
        p += len;
    }

    ngx_stream_keyspace_buf(b, start, p - start);

    return seg;
}


static void
ngx_stream_keyspace_buf(ngx_buf_t *b, u_char *p, size_t len)
{
    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = p;
    b->pos = p;
    b->last = p + len;
    b->end = b->last;
    b->memory = 1;
}


/*
 * The first block, straight from where it is.  Not over TLS, which wants to
 * see the same bytes at the same place if they did not go at once.
 */

static ngx_int_t
ngx_stream_keyspace_send_first(ngx_stream_keyspace_ctx_t *ctx, u_char **p,
    size_t *len)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = ctx->connection;

    if (ctx->out != NULL || ctx->late_on || !c->write->ready || *len == 0) {
        return NGX_OK;
    }

#if (NGX_SSL || NGX_COMPAT)
    if (c->ssl != NULL) {
        if (ngx_stream_keyspace_copy(ctx, *p, *len) != NGX_OK) {
            return NGX_ERROR;
        }

        *len = 0;

        return (ngx_stream_keyspace_send(ctx) == NGX_ERROR) ? NGX_ERROR
                                                            : NGX_OK;
    }
#endif

    n = c->send(c, *p, *len);

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (n > 0) {
        *p += n;
        *len -= n;
        ctx->sent = 1;
        ngx_stream_keyspace_count_out(ctx, n);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_keyspace_copy(ngx_stream_keyspace_ctx_t *ctx, u_char *p,
    size_t len)
{
    ngx_stream_keyspace_piece_t  *piece;

    piece = ngx_stream_keyspace_alloc(ctx->connection->log, len);
    if (piece == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(piece, p, len);

    p = (u_char *) piece;
    piece--;

    ngx_stream_keyspace_buf(&piece->buf, p, len);
    piece->link.buf = &piece->buf;
    piece->link.next = NULL;

    ngx_stream_keyspace_append(ctx, &piece->link);

    return NGX_OK;
}


static void
ngx_stream_keyspace_append(ngx_stream_keyspace_ctx_t *ctx,
    ngx_chain_t *chain)
{
    ngx_chain_t  *cl, ***last;

    last = ctx->late_on ? &ngx_stream_keyspace_late_part(ctx)->last
                        : &ctx->out_last;
    **last = chain;

    for (cl = chain; cl != NULL; cl = cl->next) {
        ctx->unsent += cl->buf->last - cl->buf->pos;
        ngx_stream_keyspace_unsent += cl->buf->last - cl->buf->pos;
        *last = &cl->next;
    }
}


/*
 * The last piece of a chain often has room for the next message, so that many
 * small ones cost neither allocations nor links.
 */

ngx_int_t
ngx_stream_keyspace_keep(ngx_stream_keyspace_ctx_t *ctx, u_char *data,
    size_t len)
{
    size_t                        size;
    ngx_chain_t                 **first, ***last;
    ngx_stream_keyspace_part_t   *part;
    ngx_stream_keyspace_piece_t  *piece;

    ks_usage_bytes(ctx->ks.client.user, 0, len);

    first = (ctx->turn != NULL) ? &ctx->turn->pushed : &ctx->out;
    last = (ctx->turn != NULL) ? &ctx->turn->pushed_last : &ctx->out_last;

    if (ctx->turn == NULL && ctx->late_on) {
        part = ngx_stream_keyspace_late_part(ctx);
        first = &part->first;
        last = &part->last;
    }

    piece = ngx_stream_keyspace_roomy(*first, *last, len);

    if (piece == NULL) {
        size = (*first == NULL) ? NGX_STREAM_KEYSPACE_PIECE_FIRST
                                : NGX_STREAM_KEYSPACE_PIECE;
        size = ngx_max(size, len);

        piece = ngx_stream_keyspace_alloc(ctx->connection->log, size);
        if (piece == NULL) {
            return NGX_ERROR;
        }

        piece--;

        ngx_stream_keyspace_buf(&piece->buf, (u_char *) (piece + 1), 0);
        piece->buf.end = piece->buf.start + size;
        piece->link.buf = &piece->buf;
        piece->link.next = NULL;

        **last = &piece->link;
        *last = &piece->link.next;
    }

    piece->buf.last = ngx_cpymem(piece->buf.last, data, len);

    if (ctx->turn == NULL) {
        ctx->unsent += len;
        ngx_stream_keyspace_unsent += len;
    }

    return NGX_OK;
}


/* The last piece, if it has so much room; other pieces are full. */

static ngx_stream_keyspace_piece_t *
ngx_stream_keyspace_roomy(ngx_chain_t *first, ngx_chain_t **last, size_t len)
{
    ngx_stream_keyspace_piece_t  *piece;

    if (first == NULL) {
        return NULL;
    }

    piece = (ngx_stream_keyspace_piece_t *)
                ((u_char *) last - offsetof(ngx_chain_t, next));

    return ((size_t) (piece->buf.end - piece->buf.last) >= len) ? piece : NULL;
}


ngx_int_t
ngx_stream_keyspace_send(ngx_stream_keyspace_ctx_t *ctx)
{
    off_t              sent;
    ngx_chain_t       *cl;
    ngx_connection_t  *c;

    if (ctx->out == NULL) {
        return NGX_OK;
    }

    c = ctx->connection;
    sent = c->sent;

    cl = c->send_chain(c, ctx->out, 0);

    if (cl == NGX_CHAIN_ERROR) {
        return NGX_ERROR;
    }

    if (c->sent != sent) {
        ctx->unsent -= c->sent - sent;
        ngx_stream_keyspace_unsent -= c->sent - sent;
        ctx->sent = 1;
        ngx_stream_keyspace_count_out(ctx, c->sent - sent);
    }

    ngx_stream_keyspace_free_chain(ctx->out, cl);

    ctx->out = cl;

    if (cl != NULL) {
        return NGX_AGAIN;
    }

    ctx->out_last = &ctx->out;

    return NGX_OK;
}


void
ngx_stream_keyspace_drop_output(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_stream_keyspace_free_chain(ctx->out, NULL);
    ngx_stream_keyspace_late_drop(ctx);

    ctx->out = NULL;
    ctx->out_last = &ctx->out;

    ngx_stream_keyspace_unsent -= ctx->unsent;
    ctx->unsent = 0;
}


ngx_uint_t
ngx_stream_keyspace_is_blocked(ngx_stream_keyspace_ctx_t *ctx)
{
    size_t  limit;

    limit = ctx->conf->output_limit;

    if (ctx->ks.guest) {
        limit = ngx_min(limit, NGX_STREAM_KEYSPACE_GUEST_UNSENT);
        return ctx->unsent > limit;
    }

    return ctx->unsent > limit
           && ngx_stream_keyspace_unsent > ctx->conf->output_total;
}


ngx_uint_t
ngx_stream_keyspace_may_go_on(ngx_stream_keyspace_ctx_t *ctx)
{
    if (ctx->ks.guest) {
        return ctx->out == NULL;
    }

    return ctx->unsent <= ctx->conf->output_limit / 2
           || ngx_stream_keyspace_unsent <= ctx->conf->output_total / 2;
}


/* The links before the last one; each begins its allocation. */

static void
ngx_stream_keyspace_free_chain(ngx_chain_t *cl, ngx_chain_t *last)
{
    ngx_chain_t  *next;

    for ( /* void */ ; cl != last; cl = next) {
        next = cl->next;
        ngx_free(cl);
    }
}


static void
ngx_stream_keyspace_free_spare(ks_out_t *out)
{
    ks_segment_t  *seg, *next;

    for (seg = out->spare; seg != NULL; seg = next) {
        next = seg->next;
        ngx_free(ngx_stream_keyspace_piece(seg));
    }

    out->spare = NULL;
}
