
/*
 * The HTTP module: keyspace_rest NAME in a location, keyspace_console,
 * keyspace_cors, and what its streams are given.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"


static void *ngx_http_keyspace_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_keyspace_create_loc_conf(ngx_conf_t *cf);
static ngx_http_handler_pt ngx_http_keyspace_served(
    ngx_http_keyspace_loc_conf_t *conf);
static char *ngx_http_keyspace_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static char *ngx_http_keyspace_rest(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_keyspace_add_prefix(ngx_conf_t *cf,
    ngx_http_core_loc_conf_t *clcf, ngx_uint_t base);
static char *ngx_http_keyspace_console_slot(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_int_t ngx_http_keyspace_rewrite_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_postconfiguration(ngx_conf_t *cf);
static void ngx_http_keyspace_drop_bases(ngx_http_core_srv_conf_t *cscf,
    ngx_http_keyspace_srv_conf_t *kscf);
static ngx_uint_t ngx_http_keyspace_is_exact(
    ngx_http_location_tree_node_t *node, u_char *p, size_t len);
static ngx_http_core_loc_conf_t *ngx_http_keyspace_locate(
    ngx_http_location_tree_node_t *node, u_char *p, size_t len);


static ngx_command_t  ngx_http_keyspace_commands[] = {

    { ngx_string("keyspace_rest"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_keyspace_rest,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_cors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_keyspace_cors,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_rest_heartbeat"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_loc_conf_t, stream.heartbeat),
      NULL },

    { ngx_string("keyspace_rest_stream_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE3,
      ngx_keyspace_backlog_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_keyspace_loc_conf_t, stream.backlog),
      NULL },

    { ngx_string("keyspace_events"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_keyspace_events,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("keyspace_console"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_keyspace_console_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_keyspace_module_ctx = {
    ngx_http_keyspace_add_variables,       /* preconfiguration */
    ngx_http_keyspace_postconfiguration,   /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    ngx_http_keyspace_create_srv_conf,     /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_keyspace_create_loc_conf,     /* create location configuration */
    ngx_http_keyspace_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_keyspace_module = {
    NGX_MODULE_V1,
    &ngx_http_keyspace_module_ctx,         /* module context */
    ngx_http_keyspace_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    ngx_http_keyspace_init_variables,      /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_keyspace_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_srv_conf_t  *kscf;

    kscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_srv_conf_t));
    if (kscf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&kscf->prefixes, cf->pool, 2,
                       sizeof(ngx_http_keyspace_prefix_t))
        != NGX_OK)
    {
        return NULL;
    }

    return kscf;
}


static void *
ngx_http_keyspace_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_keyspace_loc_conf_t  *klcf;

    /* set by ngx_pcalloc(): no zone, no events */

    klcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_loc_conf_t));
    if (klcf == NULL) {
        return NULL;
    }

    klcf->cors = NGX_CONF_UNSET_PTR;
    ngx_keyspace_backlog_init(&klcf->stream.backlog);
    klcf->stream.heartbeat = NGX_CONF_UNSET_MSEC;

    return klcf;
}


static ngx_http_handler_pt
ngx_http_keyspace_served(ngx_http_keyspace_loc_conf_t *conf)
{
    return conf->console ? ngx_http_keyspace_console_handler
                         : ngx_http_keyspace_rest_handler;
}


/*
 * The blocks of "if" and "limit_except" take on the handler of the location
 * around them; locations inside of locations do not.
 */

static char *
ngx_http_keyspace_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_keyspace_loc_conf_t *prev = parent;
    ngx_http_keyspace_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    ngx_conf_merge_ptr_value(conf->cors, prev->cors, NULL);
    ngx_keyspace_backlog_merge(&conf->stream.backlog, &prev->stream.backlog);
    ngx_conf_merge_msec_value(conf->stream.heartbeat, prev->stream.heartbeat,
                              15000);

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* the last one would win, and which that is does not show */

    if (conf->zone != NULL && clcf->handler != ngx_http_keyspace_served(conf))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" stands beside another directive "
                           "that answers the requests of location \"%V\"",
                           conf->console ? "keyspace_console"
                                         : "keyspace_rest", &clcf->name);
        return NGX_CONF_ERROR;
    }

    if (conf->events != NULL) {

        if (clcf->handler != ngx_http_keyspace_events_handler) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"keyspace_events\" stands beside another "
                               "directive that answers the requests of "
                               "location \"%V\"", &clcf->name);
            return NGX_CONF_ERROR;
        }

        ngx_http_keyspace_events_merge(conf->events, conf);
    }

    if (clcf->noname && conf->events == NULL && prev->events != NULL) {
        conf->events = prev->events;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_keyspace_events_handler;
        }
    }

    if (clcf->noname && conf->zone == NULL && prev->zone != NULL) {
        conf->zone = prev->zone;
        conf->databases = prev->databases;
        conf->prefix = prev->prefix;
        conf->console = prev->console;

        if (clcf->lmt_excpt && clcf->handler == NULL) {
            clcf->handler = ngx_http_keyspace_served(conf);
        }
    }

    if (conf->console != NULL) {
        conf->cors = NULL;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_keyspace_rest(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_loc_conf_t *klcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (klcf->zone != NULL) {
        return "is duplicate";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

#if (NGX_PCRE)
    if (clcf->regex) {
        return "cannot stand in a location given by a regular expression: "
               "the path of a command begins behind a fixed prefix";
    }
#endif

    if (clcf->named) {
        return "cannot stand in a named location: "
               "the path of a command begins behind a fixed prefix";
    }

    if (clcf->handler != NULL) {
        return "stands beside another directive that answers the location's "
               "requests";
    }

    value = cf->args->elts;

    if (ngx_http_keyspace_zones(cf, klcf, &value[1], cf->args->nelts - 1)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    klcf->prefix = clcf->name;
    clcf->handler = ngx_http_keyspace_rest_handler;

    return ngx_http_keyspace_add_prefix(cf, clcf,
                                        clcf->name.len > 1
                                        && !clcf->exact_match);
}


/*
 * Without its slash it is nginx's to redirect: a page's links go by its path.
 */

static char *
ngx_http_keyspace_console_slot(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *rv;

    rv = ngx_http_keyspace_console(cf, cmd, conf);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    return ngx_http_keyspace_add_prefix(cf,
               ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module), 0);
}


/*
 * Clients cut the slash off the end of their base URL: what was set up as
 * http://host/redis/ is asked for as /redis, too.
 */

static char *
ngx_http_keyspace_add_prefix(ngx_conf_t *cf, ngx_http_core_loc_conf_t *clcf,
    ngx_uint_t base)
{
    ngx_http_keyspace_prefix_t    *kp;
    ngx_http_keyspace_srv_conf_t  *kscf;

    kscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_keyspace_module);

    kp = ngx_array_push(&kscf->prefixes);
    if (kp == NULL) {
        return NGX_CONF_ERROR;
    }

    kp->prefix = clcf->name;
    kp->base = base && clcf->name.data[clcf->name.len - 1] == '/';

    return NGX_CONF_OK;
}


/* Before there is a location: what would not get to the right one. */

static ngx_int_t
ngx_http_keyspace_rewrite_handler(ngx_http_request_t *r)
{
    ngx_str_t                     *prefix;
    ngx_uint_t                     i;
    ngx_http_keyspace_prefix_t    *kp;
    ngx_http_keyspace_srv_conf_t  *kscf;

    kscf = ngx_http_get_module_srv_conf(r, ngx_http_keyspace_module);
    kp = kscf->prefixes.elts;

    for (i = 0; i < kscf->prefixes.nelts; i++) {
        prefix = &kp[i].prefix;

        if (kp[i].base
            && r->uri.len + 1 == prefix->len
            && ngx_memcmp(r->uri.data, prefix->data, r->uri.len) == 0)
        {
            r->uri = *prefix;
            r->valid_unparsed_uri = 0;
            break;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_keyspace_postconfiguration(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_core_srv_conf_t     **cscfp;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_keyspace_srv_conf_t  *kscf;

    if (!ngx_http_keyspace_rest_used(cf)) {
        return NGX_OK;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        kscf = cscfp[i]->ctx->srv_conf[ngx_http_keyspace_module.ctx_index];
        ngx_http_keyspace_drop_bases(cscfp[i], kscf);
    }

    if (ngx_http_keyspace_push_handler(cf, NGX_HTTP_SERVER_REWRITE_PHASE,
                                       ngx_http_keyspace_rewrite_handler)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_keyspace_push_handler(cf, NGX_HTTP_REWRITE_PHASE,
                                       ngx_http_keyspace_query_token)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_keyspace_push_handler(cf, NGX_HTTP_LOG_PHASE,
                                       ngx_http_keyspace_log_bytes)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* before the access logs write */

    return ngx_http_keyspace_front_handler(cf, NGX_HTTP_LOG_PHASE,
                                           ngx_http_keyspace_log_token);
}


ngx_uint_t
ngx_http_keyspace_rest_used(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_core_srv_conf_t     **cscfp;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_keyspace_srv_conf_t  *kscf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        kscf = cscfp[i]->ctx->srv_conf[ngx_http_keyspace_module.ctx_index];

        if (kscf->prefixes.nelts != 0) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_keyspace_fields_used(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_core_srv_conf_t     **cscfp;
    ngx_http_core_main_conf_t     *cmcf;
    ngx_http_keyspace_srv_conf_t  *kscf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscfp = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        kscf = cscfp[i]->ctx->srv_conf[ngx_http_keyspace_module.ctx_index];

        if (kscf->events) {
            return 1;
        }
    }

    return ngx_http_keyspace_rest_used(cf);
}


/* "location = /redis" says that /redis is something else. */

static void
ngx_http_keyspace_drop_bases(ngx_http_core_srv_conf_t *cscf,
    ngx_http_keyspace_srv_conf_t *kscf)
{
    ngx_uint_t                   i;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_keyspace_prefix_t  *kp;

    clcf = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];
    kp = kscf->prefixes.elts;

    for (i = 0; i < kscf->prefixes.nelts; i++) {
        if (kp[i].base
            && ngx_http_keyspace_is_exact(clcf->static_locations,
                                          kp[i].prefix.data,
                                          kp[i].prefix.len - 1))
        {
            kp[i].base = 0;
        }
    }
}


static ngx_uint_t
ngx_http_keyspace_is_exact(ngx_http_location_tree_node_t *node, u_char *p,
    size_t len)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_keyspace_locate(node, p, len);

    return clcf != NULL && clcf->exact_match;
}


/*
 * A walk through nginx's tree of prefixes: the location of a path, as far as
 * prefixes say; NULL: none.
 */

static ngx_http_core_loc_conf_t *
ngx_http_keyspace_locate(ngx_http_location_tree_node_t *node, u_char *p,
    size_t len)
{
    size_t                     n;
    ngx_int_t                  rc;
    ngx_http_core_loc_conf_t  *found;

    found = NULL;

    while (node != NULL) {
        n = ngx_min(len, (size_t) node->len);
        rc = ngx_filename_cmp(p, node->name, n);

        if (rc != 0) {
            node = (rc < 0) ? node->left : node->right;
            continue;
        }

        if (len == (size_t) node->len) {
            if (node->exact != NULL) {
                return node->exact;
            }

            return (node->inclusive != NULL) ? node->inclusive : found;
        }

        if (len < (size_t) node->len) {
            node = node->left;
            continue;
        }

        if (node->inclusive == NULL) {
            node = node->right;
            continue;
        }

        found = node->inclusive;

        p += n;
        len -= n;
        node = node->tree;
    }

    return found;
}


/*
 * Of a request line that is too long only its beginning is there, and nothing
 * of it was looked at.
 */

ngx_http_keyspace_loc_conf_t *
ngx_http_keyspace_unlocated(ngx_http_request_t *r)
{
    u_char                        *p, *last;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_core_srv_conf_t      *cscf;
    ngx_http_keyspace_loc_conf_t  *klcf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    if (r->err_status < NGX_HTTP_BAD_REQUEST
        || r->loc_conf != cscf->ctx->loc_conf)
    {
        return NULL;
    }

    p = r->uri.data;
    last = p + r->uri.len;

    if (r->uri.len == 0) {
        p = r->request_line.data;
        last = p + r->request_line.len;

        if (r->request_line.len != 0) {
            p = ngx_strlchr(p, last, ' ');
            p = (p == NULL) ? last : p + 1;
        }
    }

    clcf = cscf->ctx->loc_conf[ngx_http_core_module.ctx_index];
    clcf = ngx_http_keyspace_locate(clcf->static_locations, p, last - p);

    if (clcf == NULL) {
        return NULL;
    }

    klcf = clcf->loc_conf[ngx_http_keyspace_module.ctx_index];

    return (klcf->zone != NULL) ? klcf : NULL;
}
