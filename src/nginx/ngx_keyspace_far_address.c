
/*
 * Which address of another store is tried: those of a line one after the other,
 * and of a name one address after the other.
 *
 * A name is resolved for each try, if the line has a resolver, which keeps what
 * it has learned for as long as that is valid.
 */


#include "ngx_keyspace_far.h"


static ngx_int_t ngx_keyspace_far_take(ngx_keyspace_far_t *far,
    struct sockaddr *sockaddr, socklen_t socklen);
static ngx_int_t ngx_keyspace_far_ask(ngx_keyspace_far_t *far,
    void (*done)(ngx_keyspace_far_t *far, ngx_int_t rc));
static void ngx_keyspace_far_answer(ngx_resolver_ctx_t *ctx);


ngx_int_t
ngx_keyspace_far_address(ngx_keyspace_far_t *far,
    void (*done)(ngx_keyspace_far_t *far, ngx_int_t rc))
{
    ngx_keyspace_far_server_t  *server;

    if (far->node != NULL) {
        return ngx_keyspace_far_address_of(far, far->node, done);
    }

    if (far->upstream->finder != NULL) {
        return far->upstream->finder->address(far, done);
    }

    server = far->upstream->servers.elts;
    far->next %= far->upstream->servers.nelts;

    return ngx_keyspace_far_address_of(far, &server[far->next], done);
}


ngx_int_t
ngx_keyspace_far_address_of(ngx_keyspace_far_t *far,
    ngx_keyspace_far_server_t *server,
    void (*done)(ngx_keyspace_far_t *far, ngx_int_t rc))
{
    ngx_addr_t  *addr;

    far->server = server;

    if (server->naddrs == 0) {
        return ngx_keyspace_far_ask(far, done);
    }

    addr = &server->addrs[far->next_addr % server->naddrs];

    return ngx_keyspace_far_take(far, addr->sockaddr, addr->socklen);
}


void
ngx_keyspace_far_address_left(ngx_keyspace_far_t *far)
{
    if (far->upstream->finder != NULL) {
        far->upstream->finder->left(far);
    }
}


void
ngx_keyspace_far_address_next(ngx_keyspace_far_t *far)
{
    far->next_addr++;

    if (far->upstream->finder != NULL) {
        far->upstream->finder->lost(far);
        return;
    }

    if (far->server == NULL || far->next_addr >= far->server->naddrs) {
        far->next++;
        far->next_addr = 0;
    }
}


static ngx_int_t
ngx_keyspace_far_take(ngx_keyspace_far_t *far, struct sockaddr *sockaddr,
    socklen_t socklen)
{
    ngx_memcpy(&far->sockaddr, sockaddr, socklen);
    far->socklen = socklen;

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_far_ask(ngx_keyspace_far_t *far,
    void (*done)(ngx_keyspace_far_t *far, ngx_int_t rc))
{
    ngx_resolver_ctx_t  *ctx, temp;

    if (far->upstream->resolver == NULL) {
        ngx_snprintf((u_char *) far->text, sizeof(far->text),
                     "\"%V\" is a name, which takes \"resolver\"%Z",
                     &far->server->host);
        return NGX_ERROR;
    }

    ngx_memzero(&temp, sizeof(ngx_resolver_ctx_t));
    temp.name = far->server->host;

    ctx = ngx_resolve_start(far->upstream->resolver, &temp);

    if (ctx == NULL || ctx == NGX_NO_RESOLVER) {
        ngx_sprintf((u_char *) far->text, "the resolver cannot be used%Z");
        return NGX_ERROR;
    }

    ctx->name = far->server->host;
    ctx->handler = ngx_keyspace_far_answer;
    ctx->data = far;
    ctx->timeout = far->upstream->connect_timeout;
    ctx->cancelable = 1;

    far->resolving = ctx;
    far->resolved = done;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: \"%V\" is to be resolved", &ctx->name);

    if (ngx_resolve_name(ctx) != NGX_OK) {
        far->resolving = NULL;
        ngx_sprintf((u_char *) far->text, "the resolver has failed%Z");
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_keyspace_far_answer(ngx_resolver_ctx_t *ctx)
{
    ngx_int_t            rc;
    ngx_uint_t           i;
    struct sockaddr     *sockaddr;
    ngx_keyspace_far_t  *far;

    far = ctx->data;
    far->resolving = NULL;

    if (ctx->state || ctx->naddrs == 0) {
        rc = NGX_ERROR;
        ngx_snprintf((u_char *) far->text, sizeof(far->text),
                     "its name could not be resolved (%s)%Z",
                     ngx_resolver_strerror(ctx->state));

    } else {
        i = far->next_addr % ctx->naddrs;
        sockaddr = ctx->addrs[i].sockaddr;
        rc = ngx_keyspace_far_take(far, sockaddr, ctx->addrs[i].socklen);
        ngx_inet_set_port(&far->sockaddr.sockaddr, far->server->port);

        ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "keyspace far: \"%V\" has %ui addresses", &ctx->name,
                       ctx->naddrs);
    }

    ngx_resolve_name_done(ctx);

    far->resolved(far, rc);
}


void
ngx_keyspace_far_address_cancel(ngx_keyspace_far_t *far)
{
    if (far->resolving != NULL) {
        ngx_resolve_name_done(far->resolving);
        far->resolving = NULL;
    }

    far->asks = 0;
}
