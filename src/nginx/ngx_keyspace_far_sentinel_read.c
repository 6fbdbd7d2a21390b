
/*
 * What sentinels say, read: the primary that is named, by which configuration,
 * and whether a message is about it.  Each primary that was ever named is kept
 * as long as the worker, as connections point to it.
 */


#include "ngx_keyspace_far_sentinel.h"
#include "commands/ks_args.h"


/* a primary that was named */
typedef struct {
    ngx_queue_t                 queue;
    ngx_keyspace_far_server_t   server;         /* first of what it points
                                                   to: */
    ngx_addr_t                  addr;
    ngx_sockaddr_t              sockaddr;
    u_char                      text[];         /* the host and a NUL, and its
                                                   name in messages */
} ngx_keyspace_sentinel_primary_t;


static socklen_t ngx_keyspace_sentinel_ip(ngx_str_t *text,
    ngx_sockaddr_t *sa);
static ngx_keyspace_far_server_t *ngx_keyspace_sentinel_primary(
    ngx_keyspace_sentinel_t *sn, const ks_str_t *host, in_port_t port);


/* A host and a port; null: it knows no such primary. */

ngx_keyspace_far_server_t *
ngx_keyspace_sentinel_names(ngx_keyspace_sentinel_t *sn,
    ngx_keyspace_far_server_t *by, u_char *p, size_t len)
{
    ngx_int_t          port;
    ks_str_t           host;
    const u_char      *at, *end;
    ks_reader_item_t   it;

    at = p;
    end = p + len;

    if (ks_reader_item(&at, end, &it) != KS_OK) {
        return NULL;
    }

    if (it.kind == '-') {
        ngx_snprintf(sn->why, sizeof(sn->why) - 1,
                     "\"%V\" answers \"%*s\"%Z", &by->name,
                     ngx_min(it.text.len, 100), it.text.data);
        return NULL;
    }

    if (it.kind != '*' || it.null || it.n != 2) {
        ngx_snprintf(sn->why, sizeof(sn->why) - 1,
                     "\"%V\" knows no primary of that name%Z",
                     &by->name);
        return NULL;
    }

    if (ks_reader_item(&at, end, &it) != KS_OK || it.kind != '$') {
        return NULL;
    }

    host = it.text;

    if (ks_reader_item(&at, end, &it) != KS_OK || it.kind != '$') {
        return NULL;
    }

    port = ngx_atoi((u_char *) it.text.data, it.text.len);

    return (host.len != 0 && port > 0 && port < 65536)
           ? ngx_keyspace_sentinel_primary(sn, &host, (in_port_t) port) : NULL;
}


/* What it knows of the primary, names and values. */

uint64_t
ngx_keyspace_sentinel_epoch(u_char *p, size_t len)
{
    off_t              epoch;
    ks_str_t           name;
    const u_char      *at, *end;
    ks_reader_item_t   it;

    at = p;
    end = p + len;
    epoch = 0;

    if (ks_reader_item(&at, end, &it) == KS_OK
        && (it.kind == '%' || it.kind == '*'))
    {
        while (ks_reader_item(&at, end, &it) == KS_OK) {
            name = it.text;

            if (ks_reader_item(&at, end, &it) != KS_OK) {
                break;
            }

            if (name.len == 12
                && ngx_memcmp(name.data, "config-epoch", 12) == 0)
            {
                epoch = ngx_atoof((u_char *) it.text.data, it.text.len);
                break;
            }
        }
    }

    return epoch > 0 ? (uint64_t) epoch : 0;
}


/*
 * "message", the channel, and a text that begins with the name of the primary.
 */

ngx_uint_t
ngx_keyspace_sentinel_tells(ngx_keyspace_sentinel_t *sn, u_char *p, size_t len)
{
    size_t             n;
    const u_char      *at, *end;
    ks_reader_item_t   it;

    at = p;
    end = p + len;

    for (n = 0; n < 4; n++) {
        if (ks_reader_item(&at, end, &it) != KS_OK) {
            return 0;
        }
    }

    return it.text.len > sn->name.len && it.text.data[sn->name.len] == ' '
           && ngx_memcmp(it.text.data, sn->name.data, sn->name.len) == 0;
}


/* The length of an address that the text is; 0: it is a name. */

static socklen_t
ngx_keyspace_sentinel_ip(ngx_str_t *text, ngx_sockaddr_t *sa)
{
    in_addr_t  ip;

    ip = ngx_inet_addr(text->data, text->len);

    if (ip != INADDR_NONE) {
        sa->sockaddr_in.sin_family = AF_INET;
        sa->sockaddr_in.sin_addr.s_addr = ip;
        return sizeof(struct sockaddr_in);
    }

#if (NGX_HAVE_INET6)

    if (ngx_inet6_addr(text->data, text->len,
                       sa->sockaddr_in6.sin6_addr.s6_addr)
        == NGX_OK)
    {
        sa->sockaddr_in6.sin6_family = AF_INET6;
        return sizeof(struct sockaddr_in6);
    }

#endif

    return 0;
}


/* The server of that host and port, which stays as long as the worker. */

static ngx_keyspace_far_server_t *
ngx_keyspace_sentinel_primary(ngx_keyspace_sentinel_t *sn,
    const ks_str_t *host, in_port_t port)
{
    u_char                           *p;
    ngx_str_t                         text;
    ngx_queue_t                      *q;
    ngx_keyspace_sentinel_primary_t  *pr;

    for (q = ngx_queue_head(&sn->primaries);
         q != ngx_queue_sentinel(&sn->primaries);
         q = ngx_queue_next(q))
    {
        pr = ngx_queue_data(q, ngx_keyspace_sentinel_primary_t, queue);

        if (pr->server.port == port && pr->server.host.len == host->len
            && ngx_memcmp(pr->server.host.data, host->data, host->len) == 0)
        {
            return &pr->server;
        }
    }

    pr = ngx_calloc(sizeof(ngx_keyspace_sentinel_primary_t) + 2 * host->len
                    + sizeof("[]:65535") + 1, ngx_cycle->log);
    if (pr == NULL) {
        return NULL;
    }

    pr->server.host.data = pr->text;
    pr->server.host.len = host->len;
    p = ngx_cpymem(pr->text, host->data, host->len) + 1;

    text = pr->server.host;
    pr->server.name.data = p;
    p = ngx_sprintf(p, ngx_strlchr(text.data, text.data + text.len, ':')
                       ? "[%V]:%ui" : "%V:%ui", &text, (ngx_uint_t) port);
    pr->server.name.len = p - pr->server.name.data;
    pr->server.port = port;

    pr->addr.socklen = ngx_keyspace_sentinel_ip(&text, &pr->sockaddr);

    if (pr->addr.socklen != 0) {
        ngx_inet_set_port(&pr->sockaddr.sockaddr, port);
        pr->addr.sockaddr = &pr->sockaddr.sockaddr;
        pr->addr.name = pr->server.name;
        pr->server.addrs = &pr->addr;
        pr->server.naddrs = 1;
    }

    ngx_queue_insert_tail(&sn->primaries, &pr->queue);

    return &pr->server;
}


void
ngx_keyspace_sentinel_forget(ngx_keyspace_sentinel_t *sn)
{
    ngx_queue_t                      *q;
    ngx_keyspace_sentinel_primary_t  *pr;

    while (!ngx_queue_empty(&sn->primaries)) {
        q = ngx_queue_head(&sn->primaries);
        pr = ngx_queue_data(q, ngx_keyspace_sentinel_primary_t, queue);
        ngx_queue_remove(q);
        ngx_free(pr);
    }
}
