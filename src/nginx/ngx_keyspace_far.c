
/*
 * A connection of a worker to another store: it comes up, carries bytes, goes
 * down, and is tried again.
 *
 * There is a timer while it is being established, while it rests before the
 * next try, and while its owner expects bytes; an established one that nobody
 * uses has none.  That the other side is gone without a word is found out by
 * the kernel's keepalive, or by what the owner expects.
 *
 * Whatever ends a connection comes by ngx_keyspace_far_fail(), which tells the
 * owner as the last thing that it does.
 */


#include "ngx_keyspace_far.h"
#include "commands/ks_args.h"

#include <netinet/tcp.h>
#include <sys/ioctl.h>


#define NGX_KEYSPACE_FAR_REST      50           /* ms, before the second try */
#define NGX_KEYSPACE_FAR_REST_MAX  5000
#define NGX_KEYSPACE_FAR_BUFFER    4096         /* bytes */
#define NGX_KEYSPACE_FAR_TURN      (256 * 1024) /* read before others */

/* seconds of silence, between probes, and how many of these */
#define NGX_KEYSPACE_FAR_SILENCE   15
#define NGX_KEYSPACE_FAR_PROBE     5
#define NGX_KEYSPACE_FAR_PROBES    3


static void ngx_keyspace_far_try(ngx_event_t *ev);
static void ngx_keyspace_far_resolved(ngx_keyspace_far_t *far, ngx_int_t rc);
static ngx_int_t ngx_keyspace_far_connect(ngx_keyspace_far_t *far);
static void ngx_keyspace_far_options(ngx_keyspace_far_t *far);
static void ngx_keyspace_far_connecting(ngx_event_t *ev);
static void ngx_keyspace_far_connected(ngx_keyspace_far_t *far);
static void ngx_keyspace_far_greet(ngx_keyspace_far_t *far);
static void ngx_keyspace_far_up(ngx_keyspace_far_t *far);
static void ngx_keyspace_far_read(ngx_event_t *rev);
static ngx_int_t ngx_keyspace_far_receive(ngx_keyspace_far_t *far);
static ngx_int_t ngx_keyspace_far_room(ngx_keyspace_far_t *far);
static ngx_int_t ngx_keyspace_far_deliver(ngx_keyspace_far_t *far);
static void ngx_keyspace_far_write(ngx_event_t *wev);
static void ngx_keyspace_far_fail(ngx_keyspace_far_t *far, const char *why);
static void ngx_keyspace_far_tell(ngx_keyspace_far_t *far);
static void ngx_keyspace_far_rest(ngx_keyspace_far_t *far);
static void ngx_keyspace_far_close(ngx_keyspace_far_t *far);

#if (NGX_SSL)

static void ngx_keyspace_far_handshaken(ngx_connection_t *c);

#pragma weak ngx_ssl_shutdown

#endif


/* --- coming up --- */

void
ngx_keyspace_far_start(ngx_keyspace_far_t *far)
{
    if (far->state != NGX_KEYSPACE_FAR_IDLE) {
        return;
    }

    far->ident = (ngx_socket_t) -1;
    far->event.handler = ngx_keyspace_far_try;
    far->event.data = far;
    far->event.log = ngx_cycle->log;
    far->event.cancelable = 1;
    far->state = NGX_KEYSPACE_FAR_RESTS;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: \"%s\" is wanted", far->name);

    /* never from within the call of the owner */

    ngx_post_event(&far->event, &ngx_posted_events);
}


static void
ngx_keyspace_far_try(ngx_event_t *ev)
{
    ngx_int_t            rc;
    ngx_keyspace_far_t  *far;

    far = ev->data;
    far->moved = 0;
    far->state = NGX_KEYSPACE_FAR_RESOLVES;

    rc = ngx_keyspace_far_address(far, ngx_keyspace_far_resolved);

    if (rc != NGX_AGAIN) {
        ngx_keyspace_far_resolved(far, rc);
    }
}


static void
ngx_keyspace_far_resolved(ngx_keyspace_far_t *far, ngx_int_t rc)
{
    if (rc == NGX_OK) {
        rc = ngx_keyspace_far_connect(far);
    }

    if (rc == NGX_ERROR) {
        ngx_keyspace_far_fail(far, NULL);

    } else if (rc == NGX_OK) {
        ngx_keyspace_far_connected(far);
    }
}


static ngx_int_t
ngx_keyspace_far_connect(ngx_keyspace_far_t *far)
{
    ngx_int_t              rc;
    ngx_connection_t      *c;
    ngx_peer_connection_t  pc;

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));
    pc.sockaddr = &far->sockaddr.sockaddr;
    pc.socklen = far->socklen;
    pc.name = &far->server->name;
    pc.get = ngx_event_get_peer;
    pc.log = ngx_cycle->log;
    pc.log_error = NGX_ERROR_INFO;
    pc.type = SOCK_STREAM;

    rc = ngx_event_connect_peer(&pc);
    c = pc.connection;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: connect to \"%V\": %i", pc.name, rc);

    far->connection = c;

    if (rc == NGX_OK || rc == NGX_AGAIN) {
        c->pool = ngx_create_pool(256, ngx_cycle->log);
        rc = (c->pool != NULL) ? rc : NGX_ERROR;
    }

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        ngx_sprintf((u_char *) far->text, "it cannot be connected to%Z");
        return NGX_ERROR;
    }

    c->data = far;
    c->log = ngx_cycle->log;
    c->read->log = c->log;
    c->write->log = c->log;
    c->read->handler = ngx_keyspace_far_connecting;
    c->write->handler = ngx_keyspace_far_connecting;
    c->read->cancelable = 1;

    far->ident = c->fd;
    far->state = NGX_KEYSPACE_FAR_CONNECTS;
    ngx_keyspace_far_options(far);
    ngx_add_timer(c->write, far->upstream->connect_timeout);

    return rc;
}


/* What goes wrong here does no harm. */

static void
ngx_keyspace_far_options(ngx_keyspace_far_t *far)
{
    int           on, v;
    ngx_socket_t  fd;

    fd = far->connection->fd;

    if (far->sockaddr.sockaddr.sa_family == AF_UNIX) {
        return;
    }

    on = 1;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int));
    (void) setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(int));

#ifdef TCP_KEEPIDLE
    v = far->alert ? 2 : NGX_KEYSPACE_FAR_SILENCE;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &v, sizeof(int));
    v = far->alert ? 1 : NGX_KEYSPACE_FAR_PROBE;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &v, sizeof(int));
    v = NGX_KEYSPACE_FAR_PROBES;
    (void) setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &v, sizeof(int));
#endif

#ifdef TCP_USER_TIMEOUT
    v = far->alert ? 5000
                   : 1000 * (NGX_KEYSPACE_FAR_SILENCE + NGX_KEYSPACE_FAR_PROBE
                                                * NGX_KEYSPACE_FAR_PROBES);
    (void) setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &v, sizeof(int));
#endif
}


static void
ngx_keyspace_far_connecting(ngx_event_t *ev)
{
    int                  err;
    socklen_t            len;
    ngx_connection_t    *c;
    ngx_keyspace_far_t  *far;

    c = ev->data;
    far = c->data;

    if (c->write->timedout) {
        ngx_keyspace_far_fail(far, "it cannot be connected to within "
                              "\"connect_timeout\"");
        return;
    }

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err != 0) {
        ngx_snprintf((u_char *) far->text, sizeof(far->text),
                     "it cannot be connected to (%s)%Z", strerror(err));
        ngx_keyspace_far_fail(far, NULL);
        return;
    }

    if (c->write->ready) {
        ngx_keyspace_far_connected(far);
    }
}


static void
ngx_keyspace_far_connected(ngx_keyspace_far_t *far)
{
#if (NGX_SSL)

    ngx_int_t  rc;

    if (far->upstream->ssl != NULL) {
        rc = ngx_keyspace_far_tls(far, ngx_keyspace_far_handshaken);

        if (rc == NGX_ERROR) {
            ngx_keyspace_far_fail(far, NULL);
        }

        if (rc != NGX_OK) {
            return;
        }
    }

#endif

    ngx_keyspace_far_greet(far);
}


#if (NGX_SSL)

static void
ngx_keyspace_far_handshaken(ngx_connection_t *c)
{
    ngx_keyspace_far_t  *far;

    far = c->data;

    if (c->write->timedout) {
        ngx_keyspace_far_fail(far, "the TLS handshake takes too long");
        return;
    }

    if (ngx_keyspace_far_tls_verify(far) != NGX_OK) {
        ngx_keyspace_far_fail(far, NULL);
        return;
    }

    ngx_keyspace_far_greet(far);
}

#endif


static void
ngx_keyspace_far_greet(ngx_keyspace_far_t *far)
{
    ngx_connection_t  *c;

    c = far->connection;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->read->handler = ngx_keyspace_far_read;
    c->write->handler = ngx_keyspace_far_write;
    ngx_add_timer(c->read, far->upstream->connect_timeout);

    far->state = NGX_KEYSPACE_FAR_GREETS;

    if (ngx_keyspace_far_login(far) != NGX_OK) {
        ngx_keyspace_far_fail(far, "there is no memory for it");
        return;
    }

    ngx_post_event(c->read, &ngx_posted_events);
}


static void
ngx_keyspace_far_up(ngx_keyspace_far_t *far)
{
    ngx_connection_t  *c;

    c = far->connection;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (far->told) {
        far->told = 0;
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "upstream \"%V\" of keyspace zone \"%V\" is connected "
                      "again, as %s", &far->server->name,
                      &far->upstream->zone->name, far->name);
    }

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: \"%s\" to \"%V\" is up", far->name,
                   &far->server->name);

    far->state = NGX_KEYSPACE_FAR_UP;
    far->expects = 0;
    c->idle = 1;
    ks_reader_init(&far->reader, 0);

    far->owner->up(far);
}


/* --- bytes that come --- */

static void
ngx_keyspace_far_read(ngx_event_t *rev)
{
    ngx_connection_t    *c;
    ngx_keyspace_far_t  *far;

    c = rev->data;
    far = c->data;

    if (c->close && far->owner->leaves != NULL
        && far->state == NGX_KEYSPACE_FAR_UP)
    {
        c->close = 0;
        c->idle = 0;
        far->owner->leaves(far);
        return;
    }

    if (c->close) {
        far->once = 1;
        ngx_keyspace_far_fail(far, "the worker shuts down");
        return;
    }

    if (rev->timedout) {
        ngx_keyspace_far_fail(far, "it does not answer in time");
        return;
    }

    if (far->again) {
        far->again = 0;

        if (ngx_keyspace_far_deliver(far) != NGX_OK) {
            return;
        }
    }

    if (ngx_keyspace_far_receive(far) != NGX_OK) {
        return;
    }

    if (far->in_len == 0 && far->in != NULL) {
        ngx_free(far->in);
        far->in = NULL;
        far->in_size = 0;
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_keyspace_far_fail(far, "the connection is broken");
    }
}


/* A turn's bytes, each delivered at once.  NGX_ERROR: it is none any more. */

static ngx_int_t
ngx_keyspace_far_receive(ngx_keyspace_far_t *far)
{
    size_t             total;
    ssize_t            n;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = far->connection;
    rev = c->read;

    for (total = 0; rev->ready && !far->paused; total += (size_t) n) {

        if (total >= NGX_KEYSPACE_FAR_TURN) {
            ngx_post_event(rev, &ngx_posted_next_events);
            break;
        }

        if (ngx_keyspace_far_room(far) != NGX_OK) {
            ngx_keyspace_far_fail(far, "there is no memory for its replies");
            return NGX_ERROR;
        }

        n = c->recv(c, far->in + far->in_len, far->in_size - far->in_len);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == 0 || n == NGX_ERROR) {
            ngx_keyspace_far_fail(far, n == 0 ? "it has closed the connection"
                                              : "the connection is broken");
            return NGX_ERROR;
        }

        far->in_len += (size_t) n;

        if (ngx_keyspace_far_deliver(far) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_far_room(ngx_keyspace_far_t *far)
{
    u_char  *in;
    size_t   size;

    if (far->in_size - far->in_len >= NGX_KEYSPACE_FAR_BUFFER / 2) {
        return NGX_OK;
    }

    size = ngx_max(far->in_size * 2, NGX_KEYSPACE_FAR_BUFFER);
    size = ngx_max(size, far->bulk);

    in = realloc(far->in, size);
    if (in == NULL) {
        return NGX_ERROR;
    }

    far->in = in;
    far->in_size = size;

    return NGX_OK;
}


/* NGX_ERROR: it is down, or not even there any more. */

static ngx_int_t
ngx_keyspace_far_deliver(ngx_keyspace_far_t *far)
{
    ssize_t    n;
    ngx_msec_t  expects;

    if (far->state == NGX_KEYSPACE_FAR_GREETS) {
        n = ngx_keyspace_far_greeted(far, far->in, far->in_len);

        if (n == NGX_ERROR) {
            ngx_keyspace_far_fail(far, NULL);
        }

    } else {
        expects = far->expects;
        far->failures = 0;

        if (expects != 0) {
            ngx_add_timer(far->connection->read, expects);
        }

        n = far->owner->received(far, far->in, far->in_len);
    }

    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    far->in_len -= (size_t) n;

    if (far->in_len != 0 && n != 0) {
        ngx_memmove(far->in, far->in + n, far->in_len);
    }

    if (far->state == NGX_KEYSPACE_FAR_GREETS && far->greetings == 0) {

        /* the owner may end it; the event goes on otherwise */

        ngx_post_event(far->connection->read, &ngx_posted_next_events);
        ngx_keyspace_far_up(far);

        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_keyspace_far_expect(ngx_keyspace_far_t *far, ngx_msec_t ms)
{
    ngx_event_t  *rev;

    if (far->state != NGX_KEYSPACE_FAR_UP) {
        return;
    }

    rev = far->connection->read;
    far->expects = ms;

    if (ms != 0) {
        ngx_add_timer(rev, ms);

    } else if (rev->timer_set) {
        ngx_del_timer(rev);
    }
}


ssize_t
ngx_keyspace_far_replies(ngx_keyspace_far_t *far, u_char *p, size_t len,
    ngx_int_t (*said)(ngx_keyspace_far_t *far, u_char *p, size_t len),
    const char *strange)
{
    int        rc;
    size_t     n, done;
    ngx_int_t  ok;

    for (done = 0; done < len; done += n) {
        rc = ks_reader_next(&far->reader, p + done, len - done, &n);

        if (rc == KS_AGAIN) {
            break;
        }

        if (rc == KS_ERR) {
            ngx_keyspace_far_lost(far, strange);
            return NGX_ERROR;
        }

        ok = said(far, p + done, n);

        if (ok == NGX_DONE) {
            return (ssize_t) (done + n);
        }

        if (ok != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return (ssize_t) done;
}


size_t
ngx_keyspace_far_unread(ngx_keyspace_far_t *far)
{
    int  n;

    n = 0;

    if (far->state != NGX_KEYSPACE_FAR_UP || far->upstream->tls
        || ioctl(far->ident, FIONREAD, &n) == -1 || n < 0)
    {
        return 0;
    }

    return far->in_len + (size_t) n;
}


void
ngx_keyspace_far_pause(ngx_keyspace_far_t *far)
{
    far->paused = 1;
}


void
ngx_keyspace_far_resume(ngx_keyspace_far_t *far)
{
    if (far->paused && far->connection != NULL) {
        far->again = (far->in_len != 0);
        ngx_post_event(far->connection->read, &ngx_posted_next_events);
    }

    far->paused = 0;
}


void
ngx_keyspace_far_busy(ngx_keyspace_far_t *far, ngx_uint_t busy)
{
    if (far->connection != NULL) {
        far->connection->idle = !busy;
    }
}


static void
ngx_keyspace_far_write(ngx_event_t *wev)
{
    ssize_t              n;
    ngx_connection_t    *c;
    ngx_keyspace_far_t  *far;

    c = wev->data;
    far = c->data;

    while (far->unsent != 0 && wev->ready) {
        n = c->send(c, far->out + far->out_pos, far->unsent);

        if (n == NGX_ERROR) {
            ngx_keyspace_far_fail(far, "the connection is broken");
            return;
        }

        if (n == NGX_AGAIN) {
            break;
        }

        far->out_pos += (size_t) n;
        far->unsent -= (size_t) n;
    }

    if (far->unsent == 0 && far->out != NULL) {
        ngx_free(far->out);
        far->out = NULL;
        far->out_pos = 0;
        far->out_size = 0;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        ngx_keyspace_far_fail(far, "the connection is broken");
    }
}


/* --- going down --- */

void
ngx_keyspace_far_lost(ngx_keyspace_far_t *far, const char *why)
{
    ngx_keyspace_far_fail(far, why);
}


/* why: what has failed; NULL: far->text has it. */

static void
ngx_keyspace_far_fail(ngx_keyspace_far_t *far, const char *why)
{
    if (why != NULL) {
        (void) ngx_cpystrn((u_char *) far->text, (u_char *) why,
                           sizeof(far->text));
    }

    far->text[sizeof(far->text) - 1] = '\0';

    ngx_keyspace_far_tell(far);
    ngx_keyspace_far_address_cancel(far);
    ngx_keyspace_far_close(far);
    ngx_keyspace_far_address_next(far);

    if (far->once || (ngx_exiting && far->state == NGX_KEYSPACE_FAR_UP)) {
        far->state = NGX_KEYSPACE_FAR_IDLE;
        ngx_keyspace_far_address_left(far);

    } else {
        ngx_keyspace_far_rest(far);
    }

    far->owner->down(far, far->text);
}


/* That it fails is said once, until it is up again. */

static void
ngx_keyspace_far_tell(ngx_keyspace_far_t *far)
{
    ngx_uint_t  level;

    if (far->quiet) {
        ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "keyspace far: \"%s\" has failed: %s", far->name,
                       far->text);
        return;
    }

    level = (far->told || ngx_exiting) ? NGX_LOG_INFO : NGX_LOG_ERR;
    far->told = !ngx_exiting;

    ngx_log_error(level, ngx_cycle->log, 0,
                  "upstream \"%V\" of keyspace zone \"%V\", as %s: %s",
                  &far->server->name, &far->upstream->zone->name, far->name,
                  far->text);
}


/* Each worker tries at a time of its own. */

static void
ngx_keyspace_far_rest(ngx_keyspace_far_t *far)
{
    ngx_msec_t  ms;

    ms = NGX_KEYSPACE_FAR_REST << ngx_min(far->failures, 10);
    ms = ngx_min(ms, NGX_KEYSPACE_FAR_REST_MAX);
    ms = ms * 3 / 4 + (ngx_msec_t) ngx_random() % (ms / 2);

    far->failures++;
    far->state = NGX_KEYSPACE_FAR_RESTS;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: \"%s\" is tried again in %M ms", far->name,
                   ms);

    ngx_add_timer(&far->event, ms);
}


void
ngx_keyspace_far_hurry(ngx_keyspace_far_t *far)
{
    if (far->state == NGX_KEYSPACE_FAR_RESTS && far->event.timer_set) {
        ngx_del_timer(&far->event);
        ngx_post_event(&far->event, &ngx_posted_events);
    }
}


static void
ngx_keyspace_far_close(ngx_keyspace_far_t *far)
{
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = far->connection;
    far->connection = NULL;
    far->ident = (ngx_socket_t) -1;

    if (c != NULL) {
        pool = c->pool;

#if (NGX_SSL)
        if (c->ssl != NULL) {
            c->ssl->no_wait_shutdown = 1;
            c->ssl->no_send_shutdown = 1;
            (void) ngx_ssl_shutdown(c);
        }
#endif

        ngx_close_connection(c);

        if (pool != NULL) {
            ngx_destroy_pool(pool);
        }
    }

    ngx_free(far->in);
    far->in = NULL;
    far->in_len = 0;
    far->in_size = 0;

    ngx_free(far->out);
    far->out = NULL;
    far->out_pos = 0;
    far->out_size = 0;
    far->unsent = 0;
    far->expects = 0;
    far->paused = 0;
    far->again = 0;
}


void
ngx_keyspace_far_stop(ngx_keyspace_far_t *far)
{
    if (far->state == NGX_KEYSPACE_FAR_IDLE) {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: \"%s\" is not wanted any more", far->name);

    ngx_keyspace_far_address_cancel(far);
    ngx_keyspace_far_address_left(far);
    ngx_keyspace_far_close(far);

    if (far->event.posted) {
        ngx_delete_posted_event(&far->event);
    }

    if (far->event.timer_set) {
        ngx_del_timer(&far->event);
    }

    far->state = NGX_KEYSPACE_FAR_IDLE;
}
