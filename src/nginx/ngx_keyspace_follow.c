
/*
 * The link of a zone to the store that it follows, as a worker has it: the
 * connection is ngx_keyspace_far.h's, what is said on it replica/ks_follow.h's.
 *
 * A worker without the link looks every half a second whether another one has
 * it, and takes it if not.  A worker that shuts down gives it away at once.
 *
 * In a zone that obeys REPLICAOF all workers hear what was said: the one that
 * has the link leaves it or turns to another store, and the others look if
 * there is one to be followed.
 */


#include "ngx_keyspace_far.h"
#include "ngx_keyspace_follow.h"
#include "ngx_keyspace_memory.h"
#include "keyspace/ks_role.h"
#include "keyspace/ks_upstream.h"
#include "replica/ks_follow.h"


#define NGX_KEYSPACE_FOLLOW_LOOK     500        /* ms */
#define NGX_KEYSPACE_FOLLOW_REST     250        /* ms, before the next try */
#define NGX_KEYSPACE_FOLLOW_MAX      5000
#define NGX_KEYSPACE_FOLLOW_SILENCE  30000      /* ms; primaries ping each 10
                                                   s */
#define NGX_KEYSPACE_FOLLOW_BULK     65536      /* bytes */
#define NGX_KEYSPACE_FOLLOW_LOCALS   128        /* prefixes */
#define NGX_KEYSPACE_FOLLOW_REPEAT   60000      /* ms between lines that are the
                                                   same */


struct ngx_keyspace_follow_s {
    ngx_keyspace_zone_t    *zone;
    ks_follow_t            *follow;

    /* event ident must be after 3 pointers as in ngx_connection_t */
    void                   *unused;
    ngx_socket_t            ident;

    ngx_keyspace_far_t      far;
    ngx_event_t             event;
    ngx_msec_t              rest;
    uint64_t                place;              /* in the stream, where it has
                                                   ended */
    ngx_msec_t              logged;
    char                    why[256];           /* that was logged then */
    ngx_msec_t              noted;
    char                    note[256];          /* the same of a notice */

    uint64_t                store;              /* that is followed */
    unsigned                claimed:1;          /* the link is this worker's */
    unsigned                wanted:1;           /* it is to be started */

    /* what REPLICAOF has named */
    uint64_t                turn;               /* it was said last by then */
    ngx_keyspace_far_server_t  node;
    ngx_addr_t              addr;               /* if it is one */
    ngx_sockaddr_t          sockaddr;
    ks_role_state_t         role;
    u_char                  name[KS_UPSTREAM_HOST + sizeof(":65535")];
};


static void ngx_keyspace_follow_event(ngx_event_t *ev);
static void ngx_keyspace_follow_told(void *data);
static void ngx_keyspace_follow_target(ngx_keyspace_follow_t *fw);
static ngx_int_t ngx_keyspace_follow_address(ngx_keyspace_follow_t *fw);
static void ngx_keyspace_follow_turn(ngx_keyspace_follow_t *fw);
static void ngx_keyspace_follow_go_on(ngx_keyspace_follow_t *fw);
static void ngx_keyspace_follow_says(ngx_keyspace_follow_t *fw);
static void ngx_keyspace_follow_look(ngx_keyspace_follow_t *fw);
static void ngx_keyspace_follow_leave(ngx_keyspace_follow_t *fw);
static void ngx_keyspace_follow_arm(ngx_keyspace_follow_t *fw);
static void ngx_keyspace_follow_up(ngx_keyspace_far_t *far);
static ssize_t ngx_keyspace_follow_received(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static void ngx_keyspace_follow_down(ngx_keyspace_far_t *far,
    const char *why);
static void ngx_keyspace_follow_ended(ngx_keyspace_follow_t *fw);
static void ngx_keyspace_follow_send(void *data, const u_char *p, size_t n);
static void ngx_keyspace_follow_log(void *data, ks_follow_level_t level,
    const char *text);


static const ngx_keyspace_far_owner_t  ngx_keyspace_follow_owner = {
    ngx_keyspace_follow_up,
    ngx_keyspace_follow_received,
    ngx_keyspace_follow_down,
    NULL
};


/* The line of a zone that follows, or may; NULL: it never does. */

static ngx_keyspace_upstream_t *
ngx_keyspace_followed(ngx_keyspace_zone_t *kz)
{
    if (kz->upstream != NULL && kz->upstream->mode == NGX_KEYSPACE_REPLICA) {
        return kz->upstream;
    }

    return kz->replicaof;
}


/* Its local keys have but a few prefixes, which are put into locals. */

static void
ngx_keyspace_follow_form(ngx_keyspace_zone_t *kz, ks_zone_form_t *form,
    ks_str_t *locals)
{
    ngx_memzero(form, sizeof(ks_zone_form_t));
    form->spares = 1;
    form->locals = locals;
    form->nlocals = ngx_keyspace_far_locals(ngx_keyspace_followed(kz), locals,
                                            NGX_KEYSPACE_FOLLOW_LOCALS);
}


const char *
ngx_keyspace_follow_check(ngx_keyspace_upstream_t *us)
{
    size_t       sum;
    ngx_str_t   *prefix;
    ngx_uint_t   i;

    if (us->mode != NGX_KEYSPACE_REPLICA || us->local == NULL) {
        return NULL;
    }

    prefix = us->local->elts;

    for (sum = 0, i = 0; i < us->local->nelts; i++) {
        sum += prefix[i].len + 1;

        if (prefix[i].len > 255) {
            return "has a \"local_prefix\" of more than 255 bytes";
        }
    }

    return (sum > KS_LOCALS || i > NGX_KEYSPACE_FOLLOW_LOCALS)
           ? "has more \"local_prefix\" than a replica may have" : NULL;
}


ks_zone_t *
ngx_keyspace_follow_create(ngx_keyspace_zone_t *kz, const u_char seed[16],
    uint64_t now_ms, const char **err)
{
    ks_str_t        locals[NGX_KEYSPACE_FOLLOW_LOCALS];
    ks_zone_form_t  form;

    if (ngx_keyspace_followed(kz) == NULL) {
        return ks_zone_create_zeroed(kz->memory->base, kz->size, 0, seed,
                                     now_ms, err);
    }

    ngx_keyspace_follow_form(kz, &form, locals);

    return ks_zone_create_form(kz->memory->base, kz->size, &form, seed, now_ms,
                               err);
}


/* What a zone was laid out with stays with it, as its keys do. */

static void
ngx_keyspace_follow_tell(ngx_keyspace_zone_t *kz)
{
    ks_str_t        locals[NGX_KEYSPACE_FOLLOW_LOCALS];
    ks_zone_form_t  form;

    ngx_keyspace_follow_form(kz, &form, locals);

    if (!ks_zone_has_form(kz->zone, &form)) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "keyspace zone \"%V\" is kept as it was laid out, for "
                      "another \"mode\" or \"local_prefix\" of \"upstream\": "
                      "those of then stay in force until it is laid out anew",
                      &kz->name);
    }
}


/* Whether it follows: by what REPLICAOF has said, or else by its line. */

static ngx_uint_t
ngx_keyspace_follow_now(ngx_keyspace_zone_t *kz, ngx_keyspace_upstream_t *us)
{
    ks_role_state_t  st;

    if (us == kz->upstream) {
        return 1;
    }

    ks_role_state(kz->zone, &st);

    return st.role == KS_ROLE_REPLICA
           || (st.role == KS_ROLE_CONFIGURED && us->servers.nelts != 0);
}


void
ngx_keyspace_follow_apply(ngx_keyspace_zone_t *kz)
{
    u_char                     host[KS_UPSTREAM_HOST];
    uint64_t                   stale;
    ngx_keyspace_upstream_t   *us;
    ngx_keyspace_far_server_t *server;
    ks_upstream_settings_t     settings;

    us = ngx_keyspace_followed(kz);

    if (us == NULL) {
        ks_upstream_configure(kz->zone, NULL);
        return;
    }

    stale = (us->stale == NGX_KEYSPACE_STALE_EVER) ? KS_STALE_EVER : us->stale;

    if (!ngx_keyspace_follow_now(kz, us)) {
        ks_upstream_configure(kz->zone, NULL);
        ks_upstream_set_stale(kz->zone, stale);
        ngx_keyspace_follow_tell(kz);
        return;
    }

    settings.host = NULL;

    if (us->finder == NULL && us->servers.nelts != 0) {
        server = us->servers.elts;
        (void) ngx_snprintf(host, sizeof(host), "%V%Z", &server->host);
        host[sizeof(host) - 1] = '\0';

        settings.host = (char *) host;
        settings.port = server->port;
    }

    settings.writes = 0;
    settings.stale = stale;

    ks_upstream_configure(kz->zone, &settings);
    ngx_keyspace_follow_tell(kz);
}


ngx_int_t
ngx_keyspace_follow_open(ngx_keyspace_zone_t *kz)
{
    ks_follow_options_t       options;
    ngx_keyspace_follow_t    *fw;
    ngx_keyspace_upstream_t  *us;

    us = ngx_keyspace_followed(kz);

    if (us == NULL) {
        return NGX_OK;
    }

    fw = ngx_calloc(sizeof(ngx_keyspace_follow_t), ngx_cycle->log);
    if (fw == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(&options, sizeof(ks_follow_options_t));
    options.space = kz->space;
    options.timeout = ngx_max(NGX_KEYSPACE_FOLLOW_SILENCE, us->timeout);
    options.send = ngx_keyspace_follow_send;
    options.log = ngx_keyspace_follow_log;
    options.data = fw;

    fw->follow = ks_follow_open(&options);
    if (fw->follow == NULL) {
        ngx_free(fw);
        return NGX_ERROR;
    }

    fw->zone = kz;
    fw->store = ks_upstream_store(kz->space);
    fw->ident = (ngx_socket_t) -1;
    fw->rest = NGX_KEYSPACE_FOLLOW_REST;

    fw->far.owner = &ngx_keyspace_follow_owner;
    fw->far.upstream = us;
    fw->far.data = fw;
    fw->far.name = "keyspace-replica";
    fw->far.bulk = NGX_KEYSPACE_FOLLOW_BULK;

    fw->event.handler = ngx_keyspace_follow_event;
    fw->event.data = fw;
    fw->event.log = ngx_cycle->log;
    fw->event.cancelable = 1;

    kz->follow = fw;
    kz->role.told = ngx_keyspace_follow_told;

    ks_role_settle(kz->space);
    fw->turn = ks_role_turn(kz->space);
    ngx_keyspace_follow_target(fw);

    if (ks_follows(kz->space)) {
        ngx_add_timer(&fw->event, 1);
    }

    return NGX_OK;
}


void
ngx_keyspace_follow_close(ngx_keyspace_zone_t *kz)
{
    ngx_keyspace_follow_t  *fw;

    fw = kz->follow;

    if (fw == NULL) {
        return;
    }

    kz->follow = NULL;

    if (fw->event.timer_set) {
        ngx_del_timer(&fw->event);
    }

    if (fw->event.posted) {
        ngx_delete_posted_event(&fw->event);
    }

    ngx_keyspace_far_stop(&fw->far);
    ks_follow_close(fw->follow);

    if (fw->claimed) {
        ks_upstream_leave(kz->space);
    }

    ngx_free(fw);
}


/* --- whose the link is --- */

/*
 * Whether the zone follows another store by now, or none, as others serve it.
 */

static ngx_uint_t
ngx_keyspace_follow_left(ngx_keyspace_follow_t *fw)
{
    return ks_upstream_store(fw->zone->space) != fw->store;
}


static void
ngx_keyspace_follow_event(ngx_event_t *ev)
{
    ngx_keyspace_follow_t  *fw;

    fw = ev->data;

    if (ngx_exiting || ngx_keyspace_follow_left(fw)) {
        ngx_keyspace_follow_leave(fw);
        return;
    }

    if (fw->turn != ks_role_turn(fw->zone->space)) {
        ngx_keyspace_follow_turn(fw);
        return;
    }

    if (!fw->claimed) {
        ngx_keyspace_follow_look(fw);
        return;
    }

    ks_let_go(fw->zone->space);
    ks_follow_known(fw->follow, ngx_keyspace_far_unread(&fw->far));

    if (ks_follow_tick(fw->follow, ks_clock()) != KS_OK) {
        ngx_keyspace_follow_ended(fw);
        return;
    }

    if (fw->wanted) {
        fw->wanted = 0;
        ngx_keyspace_far_start(&fw->far);
    }

    ngx_keyspace_follow_arm(fw);
}


/* In each worker: REPLICAOF has said what the zone is. */

static void
ngx_keyspace_follow_told(void *data)
{
    ngx_keyspace_zone_t *kz = data;

    if (kz->follow != NULL) {
        ngx_post_event(&kz->follow->event, &ngx_posted_events);
    }
}


/* The node is what REPLICAOF has named; else it is the line's to say. */

static void
ngx_keyspace_follow_target(ngx_keyspace_follow_t *fw)
{
    ngx_keyspace_far_server_t  *node;

    ks_role_state(fw->zone->zone, &fw->role);
    fw->far.node = NULL;

    if (fw->role.role != KS_ROLE_REPLICA) {
        return;
    }

    node = &fw->node;
    ngx_memzero(node, sizeof(ngx_keyspace_far_server_t));

    node->host.data = (u_char *) fw->role.host;
    node->host.len = ngx_strlen(fw->role.host);
    node->port = (in_port_t) fw->role.port;
    node->name.data = fw->name;
    node->name.len = ngx_snprintf(fw->name, sizeof(fw->name), "%V:%ud",
                                  &node->host, fw->role.port)
                     - fw->name;

    if (ngx_keyspace_follow_address(fw) == NGX_OK) {
        node->addrs = &fw->addr;
        node->naddrs = 1;
    }

    fw->far.node = node;
}


/* NGX_DECLINED: it is a name, to be resolved. */

static ngx_int_t
ngx_keyspace_follow_address(ngx_keyspace_follow_t *fw)
{
    in_addr_t   v4;
    ngx_str_t  *host;

    host = &fw->node.host;
    ngx_memzero(&fw->sockaddr, sizeof(ngx_sockaddr_t));
    v4 = ngx_inet_addr(host->data, host->len);

    if (v4 != INADDR_NONE) {
        fw->sockaddr.sockaddr_in.sin_family = AF_INET;
        fw->sockaddr.sockaddr_in.sin_addr.s_addr = v4;
        fw->addr.socklen = sizeof(struct sockaddr_in);

#if (NGX_HAVE_INET6)
    } else if (ngx_inet6_addr(host->data, host->len,
                              fw->sockaddr.sockaddr_in6.sin6_addr.s6_addr)
               == NGX_OK)
    {
        fw->sockaddr.sockaddr_in6.sin6_family = AF_INET6;
        fw->addr.socklen = sizeof(struct sockaddr_in6);
#endif

    } else {
        return NGX_DECLINED;
    }

    fw->addr.sockaddr = &fw->sockaddr.sockaddr;
    ngx_inet_set_port(fw->addr.sockaddr, fw->node.port);

    return NGX_OK;
}


/*
 * REPLICAOF has said something.  What is under way with another store comes to
 * nothing by itself (R2).
 */

static void
ngx_keyspace_follow_turn(ngx_keyspace_follow_t *fw)
{
    ks_space_t  *sp;

    sp = fw->zone->space;
    fw->turn = ks_role_turn(sp);
    ks_let_go(sp);

    if (fw->event.timer_set) {
        ngx_del_timer(&fw->event);
    }

    if (fw->claimed) {
        ngx_keyspace_far_stop(&fw->far);
        (void) ks_follow_lost(fw->follow, ks_clock(), "REPLICAOF was said");
        fw->wanted = 0;
        fw->rest = NGX_KEYSPACE_FOLLOW_REST;
    }

    ngx_keyspace_follow_target(fw);

    if (ks_follows(sp)) {
        ngx_keyspace_follow_go_on(fw);
        return;
    }

    if (fw->claimed) {
        fw->claimed = 0;
        ks_role_settle(sp);
        ks_upstream_leave(sp);
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "keyspace zone \"%V\" follows no store any more, as "
                      "REPLICAOF says", &fw->zone->name);
    }
}


static void
ngx_keyspace_follow_go_on(ngx_keyspace_follow_t *fw)
{
    if (!fw->claimed) {
        ngx_keyspace_follow_look(fw);
        return;
    }

    ngx_keyspace_follow_says(fw);
    ngx_keyspace_far_start(&fw->far);
    ngx_keyspace_follow_arm(fw);
}


static void
ngx_keyspace_follow_says(ngx_keyspace_follow_t *fw)
{
    if (fw->far.node != NULL) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "keyspace zone \"%V\" follows %V, as REPLICAOF says",
                      &fw->zone->name, &fw->node.name);
    }
}


static void
ngx_keyspace_follow_look(ngx_keyspace_follow_t *fw)
{
    ngx_msec_t  ms;

    ks_let_go(fw->zone->space);

    if (!ks_follows(fw->zone->space)) {
        return;
    }

    if (ks_upstream_claim(fw->zone->space) == KS_OK) {
        fw->claimed = 1;
        fw->wanted = 0;
        ngx_keyspace_follow_says(fw);
        ngx_keyspace_far_start(&fw->far);
        ngx_keyspace_follow_arm(fw);
        return;
    }

    ms = NGX_KEYSPACE_FOLLOW_LOOK * 3 / 4;
    ngx_add_timer(&fw->event, ms + ngx_random() % (ms / 3));
}


/* The worker shuts down: the link is another one's. */

static void
ngx_keyspace_follow_leave(ngx_keyspace_follow_t *fw)
{
    if (!fw->claimed) {
        return;
    }

    ks_let_go(fw->zone->space);
    ngx_keyspace_far_stop(&fw->far);
    (void) ks_follow_lost(fw->follow, ks_clock(), "the worker shuts down");
    fw->claimed = 0;
    ks_upstream_leave(fw->zone->space);
}


/* The timer of the worker that has the link. */

static void
ngx_keyspace_follow_arm(ngx_keyspace_follow_t *fw)
{
    uint64_t  now, due;

    if (fw->event.timer_set) {
        ngx_del_timer(&fw->event);
    }

    due = ks_follow_due(fw->follow);
    now = ks_clock();
    due = (due == UINT64_MAX) ? due : due > now ? due - now : 1;

    if (fw->wanted) {
        due = ngx_min(due, fw->rest);
    }

    if (due != UINT64_MAX) {
        ngx_add_timer(&fw->event, (ngx_msec_t) ngx_min(due, 3600000));
    }
}


/* --- the connection --- */

static void
ngx_keyspace_follow_up(ngx_keyspace_far_t *far)
{
    ngx_keyspace_follow_t  *fw;

    fw = far->data;

    if (ngx_exiting) {
        ngx_keyspace_follow_leave(fw);
        return;
    }

    if (ks_follow_connected(fw->follow, ks_clock()) != KS_OK) {
        ngx_keyspace_follow_ended(fw);
        return;
    }

    if (fw->turn != ks_role_turn(fw->zone->space)) {

        /* REPLICAOF has said something since: this is not the store it names */

        ngx_post_event(&fw->event, &ngx_posted_events);
        return;
    }

    ngx_keyspace_follow_arm(fw);
}


static ssize_t
ngx_keyspace_follow_received(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    int                     rc;
    ngx_keyspace_follow_t  *fw;

    fw = far->data;

    if (ngx_keyspace_follow_left(fw)) {
        ngx_keyspace_follow_leave(fw);
        return NGX_ERROR;
    }

    ks_let_go(fw->zone->space);
    rc = ks_follow_input(fw->follow, p, len, ks_clock());
    ngx_keyspace_settle(fw->zone);

    if (rc != KS_OK) {
        ngx_keyspace_follow_ended(fw);
        return NGX_ERROR;
    }

    return (ssize_t) len;
}


/* It has gone by itself, and is tried again, but for a worker that ends. */

static void
ngx_keyspace_follow_down(ngx_keyspace_far_t *far, const char *why)
{
    ngx_keyspace_follow_t  *fw;

    fw = far->data;

    if (ngx_exiting || ngx_keyspace_follow_left(fw)) {
        ngx_keyspace_follow_leave(fw);
        return;
    }

    ks_let_go(fw->zone->space);

    if (ks_follow_lost(fw->follow, ks_clock(), why)) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "keyspace zone \"%V\": the link to its upstream has "
                      "ended: %s", &fw->zone->name, why);
        fw->rest = NGX_KEYSPACE_FOLLOW_REST;
    }

    ngx_keyspace_follow_arm(fw);
}


/*
 * What came is of no use: the next try is later with each one that has not come
 * further in the stream.  A line that was there just now is not repeated, and
 * that the zone is full has been said.
 */

static void
ngx_keyspace_follow_ended(ngx_keyspace_follow_t *fw)
{
    const char           *why;
    ks_upstream_state_t   st;

    ks_let_go(fw->zone->space);
    ngx_keyspace_far_stop(&fw->far);
    ngx_keyspace_far_address_next(&fw->far);
    why = ks_follow_why(fw->follow);

    if (!ks_follow_lacks_room(fw->follow)
        && (ngx_strcmp(why, fw->why) != 0
            || ngx_current_msec - fw->logged >= NGX_KEYSPACE_FOLLOW_REPEAT))
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "keyspace zone \"%V\": the link to its upstream has "
                      "ended: %s", &fw->zone->name, why);

        ngx_cpystrn((u_char *) fw->why, (u_char *) why, sizeof(fw->why));
        fw->logged = ngx_current_msec;
    }

    ks_upstream_state(fw->zone->zone, &st);

    if (ks_follow_lost(fw->follow, ks_clock(), NULL)
        && st.offset != fw->place)
    {
        fw->rest = NGX_KEYSPACE_FOLLOW_REST;

    } else {
        fw->rest = ngx_min(fw->rest * 2, NGX_KEYSPACE_FOLLOW_MAX);
    }

    fw->place = st.offset;

    fw->wanted = 1;
    ngx_keyspace_follow_arm(fw);
}


/* --- what it is given --- */

static void
ngx_keyspace_follow_send(void *data, const u_char *p, size_t n)
{
    ngx_keyspace_follow_t *fw = data;

    /* what cannot be sent for want of memory is said again, or timed out */

    if (fw->far.state == NGX_KEYSPACE_FAR_UP && n != 0) {
        (void) ngx_keyspace_far_send(&fw->far, p, n);
    }
}


static void
ngx_keyspace_follow_log(void *data, ks_follow_level_t level, const char *text)
{
    ngx_keyspace_follow_t *fw = data;

    static const ngx_uint_t  levels[] = {
        NGX_LOG_NOTICE, NGX_LOG_WARN, NGX_LOG_ERR
    };

    if (level == KS_FOLLOW_NOTICE) {

        if (ngx_strcmp(text, fw->note) == 0
            && ngx_current_msec - fw->noted < NGX_KEYSPACE_FOLLOW_REPEAT)
        {
            return;
        }

        ngx_cpystrn((u_char *) fw->note, (u_char *) text, sizeof(fw->note));
        fw->noted = ngx_current_msec;
    }

    ngx_log_error(levels[level], ngx_cycle->log, 0, "keyspace zone \"%V\": %s",
                  &fw->zone->name, text);
}
