
/*
 * MIGRATE: the connections of a worker to the servers that keys are sent to.
 *
 * A link is a connection with one migration at the most
 * (commands/ks_migrate.h).  It logs in, selects the database if it is another
 * one than before, sends all commands, and takes their replies.  Then it rests
 * for ten seconds, for another migration to the same address with the same
 * password.
 *
 * A migration ends by an event of its own, so that its client goes on when
 * nothing of the link is on the stack; or with the link.  If its client leaves,
 * the link is closed, and all keys stay.
 */


#include "ngx_keyspace_far.h"
#include "ngx_keyspace_migrate.h"
#include "ngx_keyspace_param.h"
#include "commands/ks_args.h"
#include "commands/ks_migrate.h"


#define NGX_KEYSPACE_MIGRATE_REST   10000       /* ms, until it is closed */
#define NGX_KEYSPACE_MIGRATE_LINKS  16          /* that rest, at the most */

#define NGX_KEYSPACE_MIGRATE_TEXT   384         /* of what has failed */

#define NGX_KEYSPACE_MIGRATE_CONNECTING                                       \
    "IOERR error or timeout connecting to the client"
#define NGX_KEYSPACE_MIGRATE_WRITING                                          \
    "IOERR error or timeout writing to target instance"
#define NGX_KEYSPACE_MIGRATE_READING                                          \
    "IOERR error or timeout reading to target instance"


typedef struct {
    ks_migrates_t               migrates;       /* first */
    ngx_keyspace_zone_t        *zone;
    ngx_queue_t                 links;
    ngx_uint_t                  nrest;
} ngx_keyspace_migrates_t;

/* of a line: networks, and the rules by which they are connected to */
typedef struct {
    ngx_array_t                 networks;       /* of ngx_cidr_t */
    ngx_keyspace_upstream_t    *upstream;       /* its TLS */
} ngx_keyspace_migrate_rule_t;

typedef struct {
    ngx_keyspace_far_t          far;            /* first */
    ngx_queue_t                 queue;
    ngx_keyspace_migrates_t    *owner;
    ngx_event_t                 event;          /* the migration has ended; or
                                                   it has rested */
    ks_migration_t             *migration;      /* NULL: it rests */
    ks_waiter_t                *waiter;
    unsigned                    selects:1;      /* that reply comes first */
    unsigned                    was_up:1;
    unsigned                    selected:1;     /* db is known */
    int64_t                     db;

    /* where to; the strings lie behind it */
    ngx_keyspace_upstream_t     upstream;
    ngx_keyspace_far_server_t   server;
    ngx_addr_t                  addr;
    ngx_sockaddr_t              sockaddr;
} ngx_keyspace_migrate_link_t;


static const char *ngx_keyspace_migrate_rule(ngx_conf_t *cf,
    ngx_keyspace_zone_t *kz);
static ngx_int_t ngx_keyspace_migrate_network(ngx_conf_t *cf,
    ngx_array_t *networks, ngx_str_t *arg);
static const char *ngx_keyspace_migrate_refuses(ks_migrates_t *mg,
    const ks_str_t *host);
static ngx_keyspace_migrate_rule_t *ngx_keyspace_migrate_rule_of(
    ngx_keyspace_zone_t *kz, ngx_addr_t *addr);
static ngx_int_t ngx_keyspace_migrate_address(const ks_str_t *host,
    ngx_addr_t *addr, ngx_sockaddr_t *sockaddr);
static int ngx_keyspace_migrate_start(ks_migrates_t *mg, ks_client_t *client,
    ks_migration_t *m);
static ngx_keyspace_migrate_link_t *ngx_keyspace_migrate_resting(
    ngx_keyspace_migrates_t *mg, ks_migration_t *m, ngx_addr_t *addr);
static ngx_keyspace_migrate_link_t *ngx_keyspace_migrate_link(
    ngx_keyspace_migrates_t *mg, ks_migration_t *m, ngx_addr_t *addr);
static void ngx_keyspace_migrate_left(ks_waiter_t *w);
static int ngx_keyspace_migrate_say(void *client, const ks_str_t *bytes,
    ks_reply_t *reply);
static void ngx_keyspace_migrate_up(ngx_keyspace_far_t *far);
static ngx_int_t ngx_keyspace_migrate_go(ngx_keyspace_migrate_link_t *link);
static ngx_int_t ngx_keyspace_migrate_send(ngx_keyspace_migrate_link_t *link);
static ssize_t ngx_keyspace_migrate_received(ngx_keyspace_far_t *far,
    u_char *p, size_t len);
static ngx_int_t ngx_keyspace_migrate_said(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static ngx_int_t ngx_keyspace_migrate_reply(ngx_keyspace_migrate_link_t *link,
    u_char *p, size_t len);
static void ngx_keyspace_migrate_done(ngx_keyspace_migrate_link_t *link);
static void ngx_keyspace_migrate_event(ngx_event_t *ev);
static void ngx_keyspace_migrate_down(ngx_keyspace_far_t *far,
    const char *why);
static void ngx_keyspace_migrate_end(ngx_keyspace_migrate_link_t *link,
    const char *failed, ngx_uint_t keep);
static void ngx_keyspace_migrate_rest(ngx_keyspace_migrate_link_t *link);
static void ngx_keyspace_migrate_free(ngx_keyspace_migrate_link_t *link);


static ngx_keyspace_param_t  ngx_keyspace_migrate_params[] = {
    ngx_keyspace_param_words("tls", ngx_keyspace_on_off,
                             ngx_keyspace_upstream_t, always_tls),
    ngx_keyspace_far_tls_params,
    ngx_keyspace_null_param
};


static const ngx_keyspace_far_owner_t  ngx_keyspace_migrate_owner = {
    ngx_keyspace_migrate_up,
    ngx_keyspace_migrate_received,
    ngx_keyspace_migrate_down,
    NULL
};


/* --- the line --- */

/* off, or networks and how to connect to them; there may be several lines */

const char *
ngx_keyspace_migrate_line(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_uint_t  off;

    off = (ngx_strcmp(value->data, "off") == 0);

    if (off && cf->args->nelts != 2) {
        return "nothing goes with \"off\"";
    }

    if (kz->migrate != NULL && (off || kz->migrate->nelts == 0)) {
        return "no other line goes with \"off\"";
    }

    if (kz->migrate == NULL) {
        kz->migrate = ngx_array_create(cf->pool, 2,
                                       sizeof(ngx_keyspace_migrate_rule_t));
        if (kz->migrate == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return off ? NGX_CONF_OK : ngx_keyspace_migrate_rule(cf, kz);
}


static const char *
ngx_keyspace_migrate_rule(ngx_conf_t *cf, ngx_keyspace_zone_t *kz)
{
    ngx_str_t                    *args;
    ngx_uint_t                    i;
    ngx_keyspace_upstream_t      *us;
    ngx_keyspace_migrate_rule_t  *rule;

    us = ngx_keyspace_far_begin(cf, kz);
    rule = ngx_array_push(kz->migrate);

    if (us == NULL || rule == NULL
        || ngx_array_init(&rule->networks, cf->pool, 4, sizeof(ngx_cidr_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    rule->upstream = us;
    args = cf->args->elts;

    for (i = 1; i < cf->args->nelts
                && ngx_strlchr(args[i].data, args[i].data + args[i].len, '=')
                   == NULL; i++)
    {
        if (ngx_keyspace_migrate_network(cf, &rule->networks, &args[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (i == 1) {
        return "it begins with a network or \"off\"";
    }

    if (ngx_keyspace_params(cf, i, ngx_keyspace_migrate_params, us,
                            "\"migrate\" in keyspace_zone")
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    us->tls = us->always_tls;

    if (ngx_keyspace_far_check(cf, us, "migrate") != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return us->tls ? ngx_keyspace_far_tls_conf(cf, us, "migrate")
                   : NGX_CONF_OK;
}


static ngx_int_t
ngx_keyspace_migrate_network(ngx_conf_t *cf, ngx_array_t *networks,
    ngx_str_t *arg)
{
    ngx_int_t    rc;
    ngx_cidr_t  *cidr;

    cidr = ngx_array_push(networks);
    if (cidr == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_ptocidr(arg, cidr);

    if (rc == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid network \"%V\" in "
                           "\"migrate\": it is an address, a network or "
                           "\"off\"", arg);
        return NGX_ERROR;
    }

    if (rc == NGX_DONE) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0, "low address bits of \"%V\" "
                           "are meaningless", arg);
    }

    return NGX_OK;
}


/* --- a worker --- */

ngx_int_t
ngx_keyspace_migrate_open(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_migrates_t  *mg;

    if (kz->migrate == NULL || kz->migrate->nelts == 0) {
        return NGX_OK;
    }

    mg = ngx_calloc(sizeof(ngx_keyspace_migrates_t), ngx_cycle->log);
    if (mg == NULL) {
        return NGX_ERROR;
    }

    mg->migrates.refuses = ngx_keyspace_migrate_refuses;
    mg->migrates.start = ngx_keyspace_migrate_start;
    mg->zone = kz;
    ngx_queue_init(&mg->links);

    ks_space_set_migrates(kz->space, &mg->migrates);

    return NGX_OK;
}


/* Clients have gone by now, or go with the process. */

void
ngx_keyspace_migrate_close(ngx_keyspace_zone_t *kz)
{
    ngx_queue_t                  *q;
    ngx_keyspace_migrates_t      *mg;
    ngx_keyspace_migrate_link_t  *link;

    mg = (ngx_keyspace_migrates_t *) ks_space_migrates(kz->space);

    if (mg == NULL) {
        return;
    }

    while (!ngx_queue_empty(&mg->links)) {
        q = ngx_queue_head(&mg->links);
        link = ngx_queue_data(q, ngx_keyspace_migrate_link_t, queue);
        ngx_keyspace_far_stop(&link->far);
        ngx_keyspace_migrate_free(link);
    }

    ks_space_set_migrates(kz->space, NULL);
    ngx_free(mg);
}


static const char *
ngx_keyspace_migrate_refuses(ks_migrates_t *migrates, const ks_str_t *host)
{
    ngx_addr_t                addr;
    ngx_sockaddr_t            sockaddr;
    ngx_keyspace_migrates_t  *mg;

    mg = (ngx_keyspace_migrates_t *) migrates;

    if (ngx_keyspace_migrate_address(host, &addr, &sockaddr) != NGX_OK) {
        return "ERR the host of MIGRATE is an IP address, or localhost";
    }

    if (ngx_keyspace_migrate_rule_of(mg->zone, &addr) == NULL) {
        ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "keyspace migrate: \"%*s\" is in no network",
                       host->len, host->data);

        return "ERR keys may not go to that host: it is in none of the "
               "networks of the zone's \"migrate\"";
    }

    return NULL;
}


/* The first line that has the address; NULL: none has. */

static ngx_keyspace_migrate_rule_t *
ngx_keyspace_migrate_rule_of(ngx_keyspace_zone_t *kz, ngx_addr_t *addr)
{
    ngx_uint_t                    i;
    ngx_keyspace_migrate_rule_t  *rule;

    rule = kz->migrate->elts;

    for (i = 0; i < kz->migrate->nelts; i++) {
        if (ngx_cidr_match(addr->sockaddr, &rule[i].networks) == NGX_OK) {
            return &rule[i];
        }
    }

    return NULL;
}


static ngx_int_t
ngx_keyspace_migrate_address(const ks_str_t *host, ngx_addr_t *addr,
    ngx_sockaddr_t *sockaddr)
{
    in_addr_t             inaddr;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    ngx_memzero(sockaddr, sizeof(ngx_sockaddr_t));
    addr->sockaddr = &sockaddr->sockaddr;

    inaddr = ks_arg_is(host, "localhost") ? htonl(INADDR_LOOPBACK)
                                          : ngx_inet_addr(host->data,
                                                          host->len);

    if (inaddr != INADDR_NONE) {
        sockaddr->sockaddr_in.sin_family = AF_INET;
        sockaddr->sockaddr_in.sin_addr.s_addr = inaddr;
        addr->socklen = sizeof(struct sockaddr_in);

        return NGX_OK;
    }

#if (NGX_HAVE_INET6)

    sin6 = &sockaddr->sockaddr_in6;

    if (ngx_inet6_addr(host->data, host->len, sin6->sin6_addr.s6_addr)
        == NGX_OK)
    {
        sin6->sin6_family = AF_INET6;
        addr->socklen = sizeof(struct sockaddr_in6);

        return NGX_OK;
    }

#endif

    return NGX_DECLINED;
}


/* --- a migration begins --- */

static int
ngx_keyspace_migrate_start(ks_migrates_t *migrates, ks_client_t *client,
    ks_migration_t *m)
{
    ngx_addr_t                    addr;
    ngx_sockaddr_t                sockaddr;
    ngx_keyspace_migrates_t      *mg;
    ngx_keyspace_migrate_link_t  *link;

    mg = (ngx_keyspace_migrates_t *) migrates;

    if (ngx_keyspace_migrate_address(&m->host, &addr, &sockaddr) != NGX_OK) {
        return KS_ERR;
    }

    ngx_inet_set_port(addr.sockaddr, (in_port_t) m->port);

    link = ngx_keyspace_migrate_resting(mg, m, &addr);

    if (link == NULL) {
        link = ngx_keyspace_migrate_link(mg, m, &addr);

        if (link == NULL) {
            return KS_ERR;
        }
    }

    link->migration = m;
    link->waiter = client->waiter;

    if (link->far.state != NGX_KEYSPACE_FAR_UP) {
        ngx_keyspace_far_start(&link->far);

    } else if (ngx_keyspace_migrate_go(link) != NGX_OK) {
        link->migration = NULL;
        link->waiter = NULL;
        ngx_keyspace_far_stop(&link->far);
        ngx_keyspace_migrate_free(link);
        return KS_ERR;
    }

    ks_waiters_begin_far(client->waiter, link, ngx_keyspace_migrate_left,
                         ngx_keyspace_migrate_say);

    ngx_log_debug3(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace migrate: %uz keys, %uz bytes to \"%V\"",
                   m->nkeys, m->len, &link->server.name);

    return KS_OK;
}


static ngx_uint_t
ngx_keyspace_migrate_same(const ngx_str_t *a, const ks_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}


/* One that rests, and goes there; it does not rest any more. */

static ngx_keyspace_migrate_link_t *
ngx_keyspace_migrate_resting(ngx_keyspace_migrates_t *mg, ks_migration_t *m,
    ngx_addr_t *addr)
{
    ngx_queue_t                  *q;
    ngx_keyspace_migrate_link_t  *link;

    for (q = ngx_queue_head(&mg->links);
         q != ngx_queue_sentinel(&mg->links);
         q = ngx_queue_next(q))
    {
        link = ngx_queue_data(q, ngx_keyspace_migrate_link_t, queue);

        if (link->migration == NULL
            && ngx_cmp_sockaddr(link->addr.sockaddr, link->addr.socklen,
                                addr->sockaddr, addr->socklen, 1)
               == NGX_OK
            && ngx_keyspace_migrate_same(&link->upstream.user, &m->user)
            && ngx_keyspace_migrate_same(&link->upstream.password,
                                         &m->password))
        {
            ngx_del_timer(&link->event);
            mg->nrest--;
            link->upstream.timeout = (ngx_msec_t) m->timeout;
            return link;
        }
    }

    return NULL;
}


static void
ngx_keyspace_migrate_text(u_char **p, ngx_str_t *to, const ks_str_t *text)
{
    to->data = *p;
    to->len = text->len;
    *p = ngx_cpymem(*p, text->data, text->len);
}


static ngx_keyspace_migrate_link_t *
ngx_keyspace_migrate_link(ngx_keyspace_migrates_t *mg, ks_migration_t *m,
    ngx_addr_t *addr)
{
    u_char                       *p;
    ngx_keyspace_upstream_t      *us;
    ngx_keyspace_migrate_link_t  *link;
    ngx_keyspace_migrate_rule_t  *rule;

    rule = ngx_keyspace_migrate_rule_of(mg->zone, addr);
    if (rule == NULL) {
        return NULL;
    }

    link = ngx_calloc(sizeof(ngx_keyspace_migrate_link_t) + m->user.len
                      + m->password.len + 2 * NGX_SOCKADDR_STRLEN + 1,
                      ngx_cycle->log);
    if (link == NULL) {
        return NULL;
    }

    p = (u_char *) (link + 1);
    us = &link->upstream;
    *us = *rule->upstream;
    ngx_keyspace_migrate_text(&p, &us->user, &m->user);
    ngx_keyspace_migrate_text(&p, &us->password, &m->password);

    ngx_memcpy(&link->sockaddr, addr->sockaddr, addr->socklen);
    link->addr.sockaddr = &link->sockaddr.sockaddr;
    link->addr.socklen = addr->socklen;

    /* a certificate is to have the address, unless the line names another */

    link->server.name.data = p;
    link->server.name.len = ngx_sock_ntop(link->addr.sockaddr, addr->socklen,
                                          p, NGX_SOCKADDR_STRLEN, 1);
    p += NGX_SOCKADDR_STRLEN;
    link->server.host.data = p;
    link->server.host.len = ngx_sock_ntop(link->addr.sockaddr, addr->socklen,
                                          p, NGX_SOCKADDR_STRLEN, 0);
    link->server.addrs = &link->addr;
    link->server.naddrs = 1;

    us->servers.elts = &link->server;
    us->servers.nelts = 1;
    us->connect_timeout = (ngx_msec_t) m->timeout;
    us->timeout = us->connect_timeout;

    link->far.owner = &ngx_keyspace_migrate_owner;
    link->far.upstream = us;
    link->far.data = link;
    link->far.name = "keyspace-migrate";
    link->far.once = 1;
    link->far.quiet = 1;

    link->event.handler = ngx_keyspace_migrate_event;
    link->event.data = link;
    link->event.log = ngx_cycle->log;
    link->event.cancelable = 1;

    link->owner = mg;
    ngx_queue_insert_tail(&mg->links, &link->queue);

    return link;
}


/* Its client is gone, or has no more patience: what has arrived stays, too. */

static void
ngx_keyspace_migrate_left(ks_waiter_t *w)
{
    ngx_keyspace_migrate_link_t  *link;

    link = w->far;
    ngx_keyspace_far_stop(&link->far);
    ngx_keyspace_migrate_free(link);
}


static int
ngx_keyspace_migrate_say(void *client, const ks_str_t *bytes,
    ks_reply_t *reply)
{
    ks_reader_say(bytes->data, bytes->len, reply);

    return KS_OK;
}


/* --- on its way --- */

static void
ngx_keyspace_migrate_up(ngx_keyspace_far_t *far)
{
    ngx_keyspace_migrate_link_t  *link;

    link = far->data;
    link->was_up = 1;

    if (ngx_keyspace_migrate_go(link) != NGX_OK) {
        ngx_keyspace_far_lost(far, "there is no memory for what it is to be "
                              "sent");
    }
}


/* It is logged in: at first comes the database, if it has to. */

static ngx_int_t
ngx_keyspace_migrate_go(ngx_keyspace_migrate_link_t *link)
{
    int64_t   db;
    ks_str_t  argv[2];

    ngx_keyspace_far_busy(&link->far, 1);

    if (ks_parse_int(&link->migration->db, &db) == KS_OK && link->selected
        && link->db == db)
    {
        return ngx_keyspace_migrate_send(link);
    }

    argv[0] = ks_text("SELECT");
    argv[1] = link->migration->db;
    link->selects = 1;
    link->selected = 0;
    link->db = db;

    if (ngx_keyspace_far_command(&link->far, 2, argv) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_keyspace_far_expect(&link->far, link->upstream.timeout);

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_migrate_send(ngx_keyspace_migrate_link_t *link)
{
    if (ngx_keyspace_far_send(&link->far, link->migration->bytes,
                              link->migration->len)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_keyspace_far_expect(&link->far, link->upstream.timeout);

    return NGX_OK;
}


static ssize_t
ngx_keyspace_migrate_received(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    return ngx_keyspace_far_replies(far, p, len, ngx_keyspace_migrate_said,
                                    NGX_KEYSPACE_FAR_STRANGE);
}


static ngx_int_t
ngx_keyspace_migrate_said(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    ngx_keyspace_migrate_link_t  *link;

    link = far->data;

    if (link->migration == NULL || link->event.posted) {
        ngx_keyspace_far_lost(far, NGX_KEYSPACE_FAR_STRANGE);
        return NGX_ERROR;
    }

    if (ngx_keyspace_migrate_reply(link, p, len) != NGX_OK) {
        ngx_keyspace_far_lost(far, "there is no memory for what it is to "
                              "be sent");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_migrate_reply(ngx_keyspace_migrate_link_t *link, u_char *p,
    size_t len)
{
    ks_migration_t  *m;

    m = link->migration;

    if (!link->selects) {
        ks_migration_reply(m, p, len);

        if (m->replies == m->nkeys) {
            ngx_keyspace_migrate_done(link);
        }

        return NGX_OK;
    }

    link->selects = 0;

    if (*p != '+') {
        ks_migration_refused(m, p, len);
        ngx_keyspace_migrate_done(link);
        return NGX_OK;
    }

    link->selected = 1;

    return ngx_keyspace_migrate_send(link);
}


static void
ngx_keyspace_migrate_done(ngx_keyspace_migrate_link_t *link)
{
    ngx_keyspace_far_expect(&link->far, 0);
    ngx_post_event(&link->event, &ngx_posted_events);
}


/* --- and ends --- */

static void
ngx_keyspace_migrate_event(ngx_event_t *ev)
{
    ngx_keyspace_migrate_link_t  *link;

    link = ev->data;

    if (link->migration != NULL) {
        ngx_keyspace_migrate_end(link, NULL, !ngx_exiting);
        return;
    }

    link->owner->nrest--;
    ngx_keyspace_far_stop(&link->far);
    ngx_keyspace_migrate_free(link);
}


static void
ngx_keyspace_migrate_down(ngx_keyspace_far_t *far, const char *why)
{
    char                          failed[NGX_KEYSPACE_MIGRATE_TEXT];
    ks_str_t                      text;
    ngx_keyspace_migrate_link_t  *link;

    link = far->data;

    if (link->migration == NULL) {
        ngx_del_timer(&link->event);
        link->owner->nrest--;
        ngx_keyspace_migrate_free(link);
        return;
    }

    if (link->event.posted) {
        ngx_keyspace_migrate_end(link, NULL, 0);
        return;
    }

    if (far->refusal != NULL) {
        text = ks_text(far->refusal - 1);
        ks_migration_refused(link->migration, text.data, text.len);
        ngx_keyspace_migrate_end(link, NULL, 0);
        return;
    }

    if (link->was_up || far->greetings != 0) {
        ngx_keyspace_migrate_end(link, NGX_KEYSPACE_MIGRATE_READING, 0);
        return;
    }

    if (!link->upstream.tls) {
        ngx_keyspace_migrate_end(link, NGX_KEYSPACE_MIGRATE_WRITING, 0);
        return;
    }

    ngx_snprintf((u_char *) failed, sizeof(failed),
                 NGX_KEYSPACE_MIGRATE_CONNECTING ": %s%Z", why);
    failed[sizeof(failed) - 1] = '\0';

    ngx_keyspace_migrate_end(link, failed, 0);
}


/* The client goes on as the last thing: it may begin another migration. */

static void
ngx_keyspace_migrate_end(ngx_keyspace_migrate_link_t *link, const char *failed,
    ngx_uint_t keep)
{
    u_char        reply[KS_MIGRATE_REPLY];
    ks_str_t      bytes;
    uint64_t      wrote;
    ks_waiter_t  *waiter;

    waiter = link->waiter;
    bytes.data = reply;
    bytes.len = ks_migration_end(link->migration, failed, reply, &wrote);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace migrate: to \"%V\" has ended: %c",
                   &link->server.name, reply[0]);

    ks_migration_free(link->migration);
    link->migration = NULL;
    link->waiter = NULL;

    if (keep && link->owner->nrest < NGX_KEYSPACE_MIGRATE_LINKS) {
        ngx_keyspace_migrate_rest(link);

    } else {
        ngx_keyspace_far_stop(&link->far);
        ngx_keyspace_migrate_free(link);
    }

    waiter->at = wrote;
    ks_waiters_wake_far(waiter, &bytes);
}


static void
ngx_keyspace_migrate_rest(ngx_keyspace_migrate_link_t *link)
{
    ngx_keyspace_far_busy(&link->far, 0);
    ngx_add_timer(&link->event, NGX_KEYSPACE_MIGRATE_REST);
    link->owner->nrest++;
}


/* Its connection is closed. */

static void
ngx_keyspace_migrate_free(ngx_keyspace_migrate_link_t *link)
{
    if (link->event.posted) {
        ngx_delete_posted_event(&link->event);
    }

    if (link->event.timer_set) {
        ngx_del_timer(&link->event);
    }

    if (link->migration != NULL) {
        ks_migration_free(link->migration);
    }

    ngx_queue_remove(&link->queue);
    ngx_free(link);
}
