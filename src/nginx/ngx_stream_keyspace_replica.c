
/*
 * A connection that has become a replica's.
 *
 * What it is sent comes from three places, one behind the other: a line that
 * says how it begins, a file if it needs one, which may grow meanwhile, and the
 * stream out of the ring.
 * Of each there is one piece at a time, and the next is taken when that one has
 * gone: so nothing gathers for a replica that is slow.  One that the ring
 * overtakes is closed, and comes again.
 *
 * What it says (REPLCONF ACK) goes the way of all commands.
 */


#include "ngx_stream_keyspace.h"
#include "ngx_keyspace_replicas.h"
#include "persist/ks_rdb_file.h"


/* pieces that are sent before others get their turn */
#define NGX_STREAM_KEYSPACE_PIECES  16

#define NGX_STREAM_KEYSPACE_BLOCK   65536


typedef enum {
    NGX_STREAM_KEYSPACE_WAITS = 0,  /* for its file */
    NGX_STREAM_KEYSPACE_FILE,
    NGX_STREAM_KEYSPACE_ACK,        /* for a word that it has loaded it */
    NGX_STREAM_KEYSPACE_STREAM,
    NGX_STREAM_KEYSPACE_DONE
} ngx_stream_keyspace_phase_t;


struct ngx_stream_keyspace_replica_s {
    ngx_keyspace_replica_t        link;     /* of the zone, in this process */
    ngx_stream_keyspace_ctx_t    *ctx;
    ngx_stream_keyspace_phase_t   phase;
    ks_replica_t                  state;

    /* the piece that is under way */
    u_char                       *pos;
    u_char                       *last;

    ngx_fd_t                      fd;       /* of the file */
    off_t                         offset;
    ks_replica_file_t             file;
    u_char                       *block;    /* NULL: there is no file */
    u_char                        mark[KS_REPLICA_MARK];
    unsigned                      marked:1; /* that goes behind the file */

    u_char                        text[KS_REPLICA_TEXT];
    ngx_uint_t                    broken;   /* it is going to be closed */
    ngx_uint_t                    kept;     /* a worker that shuts down waits */
};


static void ngx_stream_keyspace_replica_handler(ngx_event_t *ev);
static ngx_int_t ngx_stream_keyspace_replica_piece(
    ngx_stream_keyspace_replica_t *r);
static ngx_int_t ngx_stream_keyspace_replica_open(
    ngx_stream_keyspace_replica_t *r);
static ngx_int_t ngx_stream_keyspace_replica_read(
    ngx_stream_keyspace_replica_t *r);
static void ngx_stream_keyspace_replica_online(
    ngx_stream_keyspace_replica_t *r);
static ngx_int_t ngx_stream_keyspace_replica_stream(
    ngx_stream_keyspace_replica_t *r);
static void ngx_stream_keyspace_replica_line(ngx_stream_keyspace_replica_t *r);
static void ngx_stream_keyspace_replica_enter(ngx_stream_keyspace_replica_t *r,
    ngx_stream_keyspace_phase_t phase);
static void ngx_stream_keyspace_replica_keep(ngx_stream_keyspace_replica_t *r,
    ngx_uint_t keep);


/* Its events close it: here others may be looking at it. */

static void
ngx_stream_keyspace_replica_break(ngx_stream_keyspace_replica_t *r)
{
    r->broken = 1;
    r->ctx->killed = 1;

    ngx_post_event(&r->ctx->event, &ngx_posted_events);
}


/* If it has said none, it is where it comes from. */

static void
ngx_stream_keyspace_replica_address(ngx_stream_keyspace_ctx_t *ctx)
{
    size_t              len;
    ngx_connection_t   *c;
    ks_replica_said_t  *said;

    said = ctx->ks.replica;
    c = ctx->connection;

    if (said->addr[0] == '\0') {
        len = ngx_sock_ntop(c->sockaddr, c->socklen, (u_char *) said->addr,
                            KS_REPLICA_ADDR - 1, 0);
        said->addr[len] = '\0';
    }
}


static ngx_int_t
ngx_stream_keyspace_replica_begin(ngx_stream_keyspace_ctx_t *ctx)
{
    int                             rc;
    ngx_connection_t               *c;
    ngx_stream_keyspace_replica_t  *r;

    c = ctx->connection;

    r = ngx_pcalloc(c->pool, sizeof(ngx_stream_keyspace_replica_t));
    if (r == NULL) {
        return NGX_ERROR;
    }

    r->ctx = ctx;
    r->fd = NGX_INVALID_FILE;
    r->link.event.handler = ngx_stream_keyspace_replica_handler;
    r->link.event.data = c;
    r->link.event.log = c->log;

    ngx_stream_keyspace_replica_address(ctx);

    rc = ks_replica_begin(&r->state, ctx->ks.client.space, ctx->ks.id,
                          ctx->ks.replica, (char *) r->text);

    if (rc == KS_ERR) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "keyspace zone \"%V\" has %d replicas, and no place for "
                      "another one", &ctx->conf->zone->name, KS_REPLICAS);
        return NGX_ERROR;
    }

    if (rc == KS_OK) {
        ngx_stream_keyspace_replica_line(r);
        ngx_stream_keyspace_replica_enter(r, NGX_STREAM_KEYSPACE_STREAM);
    }

    ngx_log_error(NGX_LOG_NOTICE, c->log, 0,
                  "a replica of keyspace zone \"%V\" %s",
                  &ctx->conf->zone->name,
                  rc == KS_OK ? "goes on with what it has"
                              : "asks for everything");

    ctx->replica = r;
    ngx_keyspace_replica_add(ctx->conf->zone, &r->link);
    ngx_post_event(&r->link.event, &ngx_posted_events);

    return NGX_OK;
}


ngx_int_t
ngx_stream_keyspace_replica_said(ngx_stream_keyspace_ctx_t *ctx)
{
    if (ctx->replica == NULL) {
        return ngx_stream_keyspace_replica_begin(ctx);
    }

    if (ctx->replica->phase == NGX_STREAM_KEYSPACE_ACK) {
        ngx_post_event(&ctx->replica->link.event, &ngx_posted_events);
    }

    return NGX_OK;
}


void
ngx_stream_keyspace_replica_end(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_stream_keyspace_replica_t  *r;

    r = ctx->replica;

    if (r == NULL) {
        return;
    }

    ctx->replica = NULL;
    ngx_stream_keyspace_replica_keep(r, 0);

    if (r->link.event.posted) {
        ngx_delete_posted_event(&r->link.event);
    }

    ngx_keyspace_replica_remove(ctx->conf->zone, &r->link);
    ks_replica_end(&r->state);
    ks_primary_call(ctx->ks.client.space);

    if (r->fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(r->fd);
    }

    if (r->block != NULL) {
        ngx_free(r->block);
    }
}


/* Whether a worker that shuts down waits for it, and is not idle meanwhile. */

ngx_uint_t
ngx_stream_keyspace_replica_busy(ngx_stream_keyspace_ctx_t *ctx)
{
    return ctx->replica != NULL
           && ctx->replica->phase == NGX_STREAM_KEYSPACE_FILE;
}


/*
 * A worker that shuts down waits for timers, and for no posted event: there is
 * a timer from a file's beginning until the stream, or the connection's end.
 */

static void
ngx_stream_keyspace_replica_enter(ngx_stream_keyspace_replica_t *r,
    ngx_stream_keyspace_phase_t phase)
{
    ngx_stream_keyspace_replica_keep(r, phase == NGX_STREAM_KEYSPACE_FILE
                                        || phase == NGX_STREAM_KEYSPACE_DONE);
    r->phase = phase;
}


static void
ngx_stream_keyspace_replica_keep(ngx_stream_keyspace_replica_t *r,
    ngx_uint_t keep)
{
    if (r->kept != keep) {
        r->kept = keep;
        ngx_keyspace_keep(keep ? 1 : -1);
    }
}


/* The text is the piece. */

static void
ngx_stream_keyspace_replica_line(ngx_stream_keyspace_replica_t *r)
{
    r->pos = r->text;
    r->last = r->text + ngx_strlen(r->text);
}


/* NGX_OK: all of the piece has gone. */

static ngx_int_t
ngx_stream_keyspace_replica_send(ngx_stream_keyspace_replica_t *r)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = r->ctx->connection;

    while (r->pos != r->last) {

        if (!c->write->ready) {
            return NGX_AGAIN;
        }

        n = c->send(c, r->pos, r->last - r->pos);

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (n == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        r->pos += n;
        ngx_stream_keyspace_count_out(r->ctx, n);

        if (c->write->timer_set) {
            ngx_del_timer(c->write);
        }
    }

    return NGX_OK;
}


/* The socket takes no more: it is waited for, not for ever. */

static void
ngx_stream_keyspace_replica_full(ngx_stream_keyspace_replica_t *r)
{
    ngx_event_t         *wev;
    ks_primary_state_t   st;

    wev = r->ctx->connection->write;

    if (!wev->timer_set) {
        ks_primary_settings(r->ctx->conf->zone->zone, &st);
        ngx_add_timer(wev, (ngx_msec_t) st.timeout);
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_stream_keyspace_replica_break(r);
    }
}


/* Sends as much as there is, and goes. */

void
ngx_stream_keyspace_replica_feed(ngx_stream_keyspace_ctx_t *ctx)
{
    ngx_int_t                       rc;
    ngx_uint_t                      n;
    ngx_stream_keyspace_replica_t  *r;

    r = ctx->replica;

    if (r->broken || ctx->killed || ctx->out != NULL || ctx->closing) {
        return;
    }

    for (n = 0; n < NGX_STREAM_KEYSPACE_PIECES; n++) {
        rc = ngx_stream_keyspace_replica_send(r);

        if (rc == NGX_OK) {
            rc = ngx_stream_keyspace_replica_piece(r);

            if (rc == NGX_DONE) {
                return;
            }
        }

        if (rc == NGX_AGAIN) {
            ngx_stream_keyspace_replica_full(r);
            return;
        }

        if (rc != NGX_OK) {
            ngx_stream_keyspace_replica_break(r);
            return;
        }
    }

    ngx_post_event(&r->link.event, &ngx_posted_next_events);
}


/* NGX_OK: there is one; NGX_DONE: not now. */

static ngx_int_t
ngx_stream_keyspace_replica_piece(ngx_stream_keyspace_replica_t *r)
{
    switch (r->phase) {

    case NGX_STREAM_KEYSPACE_WAITS:

        switch (ks_replica_file(&r->state, &r->file)) {

        case KS_OK:
            return ngx_stream_keyspace_replica_open(r);

        case KS_AGAIN:
            return NGX_DONE;

        default:
            ngx_log_error(NGX_LOG_ERR, r->ctx->connection->log, 0,
                          "there is no file for a replica: it is let go");
            return NGX_ERROR;
        }

    case NGX_STREAM_KEYSPACE_FILE:
        return ngx_stream_keyspace_replica_read(r);

    case NGX_STREAM_KEYSPACE_ACK:
        if (!r->state.said->acked) {
            return NGX_DONE;
        }

        ngx_stream_keyspace_replica_online(r);
        return NGX_OK;

    case NGX_STREAM_KEYSPACE_STREAM:
        return ngx_stream_keyspace_replica_stream(r);

    default: /* NGX_STREAM_KEYSPACE_DONE */
        r->ctx->closing = 1;
        ngx_post_event(&r->ctx->event, &ngx_posted_events);
        return NGX_DONE;
    }
}


/* One that grows has another name until it is complete, which may be now. */

static ngx_int_t
ngx_stream_keyspace_replica_fd(ngx_stream_keyspace_replica_t *r)
{
    char                  path[NGX_MAX_PATH], temp[NGX_MAX_PATH];
    ngx_keyspace_zone_t  *kz;

    kz = r->ctx->conf->zone;

    if (ks_syncer_path(kz->syncs.prefix, r->file.number, path, sizeof(path))
        != KS_OK
        || ks_rdb_file_temp(path, temp, sizeof(temp)) != KS_OK)
    {
        return NGX_ERROR;
    }

    if (r->file.grows) {
        r->fd = ngx_open_file((u_char *) temp, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                              0);
    }

    if (r->fd == NGX_INVALID_FILE) {
        r->fd = ngx_open_file((u_char *) path, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                              0);
    }

    if (r->fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_WARN, r->ctx->connection->log, ngx_errno,
                      ngx_open_file_n " \"%s\" failed: another file is asked "
                      "for", path);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_stream_keyspace_replica_open(ngx_stream_keyspace_replica_t *r)
{
    ngx_log_t  *log;

    log = r->ctx->connection->log;

    if (ngx_stream_keyspace_replica_fd(r) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_keyspace_replicas_id(r->mark, log);

    if (ks_replica_took(&r->state, &r->file, r->fd != NGX_INVALID_FILE,
                        (char *) r->mark, (char *) r->text)
        != KS_OK)
    {
        if (r->fd != NGX_INVALID_FILE) {
            (void) ngx_close_file(r->fd);
            r->fd = NGX_INVALID_FILE;
        }

        return NGX_DONE;
    }

    r->block = ngx_alloc(NGX_STREAM_KEYSPACE_BLOCK, log);
    if (r->block == NULL) {
        return NGX_ERROR;
    }

    ngx_stream_keyspace_replica_enter(r, NGX_STREAM_KEYSPACE_FILE);
    r->offset = 0;
    r->marked = r->file.grows;
    r->ctx->connection->idle = 0;

    ngx_log_debug3(NGX_LOG_DEBUG_STREAM, log, 0,
                   "keyspace replica: file %uL, %uL bytes%s", r->file.number,
                   r->file.size, r->file.grows ? " so far" : "");

    ngx_stream_keyspace_replica_line(r);

    return NGX_OK;
}


/* NGX_OK: there is more of the file; NGX_DONE: not yet, or that was all. */

static ngx_int_t
ngx_stream_keyspace_replica_more(ngx_stream_keyspace_replica_t *r)
{
    if (r->offset < (off_t) r->file.size || !r->file.grows) {
        return NGX_OK;
    }

    /* the maker of a file ends before the workers do */

    if (ks_replica_grown(&r->state, &r->file) != KS_OK
        || (ngx_exiting && r->file.grows
            && r->offset == (off_t) r->file.size))
    {
        ngx_log_error(NGX_LOG_WARN, r->ctx->connection->log, 0,
                      "the file that a replica is sent is not gone on with: it "
                      "is closed, and has to come again");
        return NGX_ERROR;
    }

    return r->offset == (off_t) r->file.size && r->file.grows ? NGX_DONE
                                                              : NGX_OK;
}


static void
ngx_stream_keyspace_replica_online(ngx_stream_keyspace_replica_t *r)
{
    ngx_stream_keyspace_replica_enter(r, NGX_STREAM_KEYSPACE_STREAM);
    r->ctx->connection->idle = 1;
    ks_replica_online(&r->state);
}


/*
 * All of the file has gone.  A replica looks for the mark at the end of what it
 * has read: so nothing may follow until it has found it.
 */

static void
ngx_stream_keyspace_replica_sent(ngx_stream_keyspace_replica_t *r)
{
    (void) ngx_close_file(r->fd);
    r->fd = NGX_INVALID_FILE;

    ngx_free(r->block);
    r->block = NULL;

    if (r->marked) {
        r->pos = r->mark;
        r->last = r->mark + KS_REPLICA_MARK;
        r->state.said->acked = 0;
    }

    /* another worker goes on with the stream */

    if (r->state.said->only || ngx_exiting) {
        ngx_stream_keyspace_replica_enter(r, NGX_STREAM_KEYSPACE_DONE);

    } else if (r->marked) {
        ngx_stream_keyspace_replica_enter(r, NGX_STREAM_KEYSPACE_ACK);
        r->ctx->connection->idle = 1;

    } else {
        ngx_stream_keyspace_replica_online(r);
    }
}


static ngx_int_t
ngx_stream_keyspace_replica_read(ngx_stream_keyspace_replica_t *r)
{
    ssize_t    n;
    ngx_int_t  rc;

    rc = ngx_stream_keyspace_replica_more(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (r->offset == (off_t) r->file.size) {
        ngx_stream_keyspace_replica_sent(r);
        return NGX_OK;
    }

    n = pread(r->fd, r->block,
              (size_t) ngx_min((off_t) r->file.size - r->offset,
                               NGX_STREAM_KEYSPACE_BLOCK),
              r->offset);

    if (n <= 0) {
        ngx_log_error(NGX_LOG_ERR, r->ctx->connection->log, ngx_errno,
                      "a file for a replica cannot be read");
        return NGX_ERROR;
    }

    r->offset += n;
    r->pos = r->block;
    r->last = r->block + n;

    return NGX_OK;
}


static ngx_int_t
ngx_stream_keyspace_replica_stream(ngx_stream_keyspace_replica_t *r)
{
    ngx_log_t  *log;

    log = r->ctx->connection->log;

    switch (ks_replica_next(&r->state)) {

    case KS_OK:
        r->pos = r->state.wire.p;
        r->last = r->pos + r->state.wire.len;
        return NGX_OK;

    case KS_NONE:
        return NGX_DONE;

    case KS_ERR:
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "a replica of keyspace zone \"%V\" is further behind "
                      "than its backlog goes: it is closed, and has to begin "
                      "anew", &r->ctx->conf->zone->name);
        return NGX_ERROR;

    case KS_ABORTED:
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "a replica of keyspace zone \"%V\" is closed, as the "
                      "zone has become a primary, and comes again",
                      &r->ctx->conf->zone->name);
        return NGX_ERROR;

    default:
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "there is no memory for a replica: it is closed");
        return NGX_ERROR;
    }
}


/*
 * There is more for it, its file is there, or a second is over.  Who waits for
 * a file is sent a newline now and then, so that it knows that somebody is
 * there.
 */

static void
ngx_stream_keyspace_replica_handler(ngx_event_t *ev)
{
    uint64_t                        silent;
    ngx_connection_t               *c;
    ks_primary_state_t              st;
    ngx_stream_session_t           *s;
    ngx_stream_keyspace_ctx_t      *ctx;
    ngx_stream_keyspace_replica_t  *r;

    c = ev->data;
    s = c->data;
    ctx = ngx_stream_get_module_ctx(s, ngx_stream_keyspace_module);
    r = ctx->replica;

    ngx_stream_keyspace_replica_feed(ctx);

    if (!r->link.tick || r->broken) {
        return;
    }

    r->link.tick = 0;

    if (r->phase == NGX_STREAM_KEYSPACE_WAITS && r->pos == r->last
        && ctx->out == NULL && !ctx->closing && !ctx->killed)
    {
        r->text[0] = '\n';
        r->text[1] = '\0';
        ngx_stream_keyspace_replica_line(r);
        ngx_stream_keyspace_replica_feed(ctx);
        return;
    }

    if (r->phase != NGX_STREAM_KEYSPACE_STREAM || ctx->ks.replica->old) {
        return;
    }

    ks_primary_settings(ctx->conf->zone->zone, &st);
    silent = ks_replica_silent(&r->state, ks_clock());

    if (silent > st.timeout) {
        ngx_log_error(NGX_LOG_WARN, c->log, 0,
                      "a replica of keyspace zone \"%V\" has said nothing for "
                      "%uL ms: it is closed", &ctx->conf->zone->name, silent);
        ngx_stream_keyspace_replica_break(r);
    }
}
