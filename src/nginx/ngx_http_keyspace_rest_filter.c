
/*
 * The filter of REST locations: the fields that each response has, and JSON
 * in the place of nginx's own error pages.
 *
 * nginx answers some requests before the content handler is asked, or instead
 * of it: a limit, deny, a body that is too large, a full disk.  A client of
 * the protocol wants {"error":...} of these as well.  The status and all
 * fields, as Retry-After, stay; what a configuration says itself (return with
 * a text, error_page) is left alone.
 *
 * Responses of keyspace_events have the fields of CORS, and nothing else of
 * that.
 *
 * It stands before nginx's own filters, so gzip and the like see what it
 * makes.  Where no location has keyspace_rest or keyspace_events it is not in
 * the chain.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_common.h"


typedef struct {
    ngx_uint_t   status;
    const char  *text;
} ngx_http_keyspace_said_t;


static ngx_int_t ngx_http_keyspace_rest_filter_init(ngx_conf_t *cf);
static ngx_int_t ngx_http_keyspace_rest_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_rest_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_keyspace_rest_fields(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf);
static ngx_int_t ngx_http_keyspace_rest_instead(ngx_http_request_t *r);
static const char *ngx_http_keyspace_rest_text(ngx_uint_t status);


static ngx_http_keyspace_said_t  ngx_http_keyspace_rest_said[] = {
    { NGX_HTTP_BAD_REQUEST,
      "ERR nginx cannot read the request: its line, a header field or their "
      "sizes" },
    { NGX_HTTP_UNAUTHORIZED, "ERR nginx asks for other credentials here" },
    { NGX_HTTP_FORBIDDEN, "ERR nginx refuses access to this location" },
    { NGX_HTTP_REQUEST_TIME_OUT, "ERR the request did not come in time" },
    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "ERR the request body is too large" },
    { NGX_HTTP_REQUEST_URI_TOO_LARGE,
      "ERR the URI is too long: send the command in the body of a POST" },
    { NGX_HTTP_TOO_MANY_REQUESTS, "ERR too many requests" },
    { NGX_HTTP_INTERNAL_SERVER_ERROR,
      "ERR nginx could not handle the request: its error log says why" },
    { NGX_HTTP_SERVICE_UNAVAILABLE, "ERR nginx cannot serve the request now" },
    { NGX_HTTP_INSUFFICIENT_STORAGE, "ERR nginx has no room for the request" },
    { 0, NULL }
};


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


static ngx_http_module_t  ngx_http_keyspace_rest_filter_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_keyspace_rest_filter_init,    /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_keyspace_rest_filter_module = {
    NGX_MODULE_V1,
    &ngx_http_keyspace_rest_filter_module_ctx, /* module context */
    NULL,                                  /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_keyspace_rest_filter_init(ngx_conf_t *cf)
{
    if (!ngx_http_keyspace_fields_used(cf)) {
        return NGX_OK;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_keyspace_rest_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_keyspace_rest_body_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_rest_header_filter(ngx_http_request_t *r)
{
    ngx_http_keyspace_ctx_t       *ctx;
    ngx_http_keyspace_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    if (klcf->events != NULL) {

        if (r == r->main && klcf->cors != NULL
            && ngx_http_keyspace_cors_fields(r, klcf) != NGX_OK)
        {
            return NGX_ERROR;
        }

        return ngx_http_next_header_filter(r);
    }

    if (klcf->zone == NULL) {
        klcf = ngx_http_keyspace_unlocated(r);

        if (klcf == NULL) {
            return ngx_http_next_header_filter(r);
        }
    }

    /* the console's page is one of nginx's, and so are the errors about it */

    if (klcf->console != NULL && !ngx_http_keyspace_console_asked(r, klcf)) {
        return ngx_http_next_header_filter(r);
    }

    if (r == r->main
        && ngx_http_keyspace_rest_fields(r, klcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    if (r->err_status >= NGX_HTTP_BAD_REQUEST && (ctx == NULL || !ctx->ours)
        && ngx_http_keyspace_rest_instead(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_keyspace_rest_fields(ngx_http_request_t *r,
    ngx_http_keyspace_loc_conf_t *klcf)
{
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    if (ngx_http_keyspace_sync_fields(r, ctx ? ngx_http_keyspace_zone(klcf, ctx)
                                             : klcf->zone)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return (klcf->cors == NULL) ? NGX_OK
                                : ngx_http_keyspace_cors_fields(r, klcf);
}


static ngx_int_t
ngx_http_keyspace_rest_instead(ngx_http_request_t *r)
{
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_keyspace_get_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace: an error page of status %ui becomes JSON",
                   r->err_status);

    ctx->outcome = KS_OUTCOME_ERROR;
    (void) ngx_http_keyspace_form(r, ctx);

    ctx->page = ngx_http_keyspace_page(r, ctx,
                               ngx_http_keyspace_rest_text(r->err_status));

    return (ctx->page == NULL) ? NGX_ERROR : NGX_OK;
}


static const char *
ngx_http_keyspace_rest_text(ngx_uint_t status)
{
    ngx_http_keyspace_said_t  *s;

    for (s = ngx_http_keyspace_rest_said; s->text != NULL; s++) {
        if (s->status == status) {
            return s->text;
        }
    }

    return "ERR nginx has refused the request";
}


/* The page of nginx is passed over, and ours goes in its place. */

static ngx_int_t
ngx_http_keyspace_rest_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t              *page, *cl;
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    if (ctx == NULL || ctx->page == NULL || in == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for (cl = in; cl != NULL; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    page = ctx->page;
    ctx->page = NULL;

    return ngx_http_next_body_filter(r, page);
}
