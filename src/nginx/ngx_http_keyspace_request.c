
/*
 * A request's bytes: the body as one run of memory, the raw path, and the
 * headers that choose the reply's form.
 *
 * The body is decoded in place by whoever gets it.  It is never part of what
 * a log can show but $request_body, which is of no use here.
 */


#include "ngx_http_keyspace.h"


static ngx_uint_t ngx_http_keyspace_has_body(ngx_http_request_t *r);
static ngx_uint_t ngx_http_keyspace_preread(ngx_http_request_t *r);
static void ngx_http_keyspace_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_join(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_http_keyspace_read_file(ngx_buf_t *b, u_char *p);
static ngx_int_t ngx_http_keyspace_copy(ngx_http_request_t *r, u_char *p,
    size_t len, ks_str_t *copy);
static ngx_int_t ngx_http_keyspace_decoded_path(ngx_http_request_t *r,
    ngx_str_t *prefix, ks_str_t *path);
static ngx_uint_t ngx_http_keyspace_begins(ngx_str_t *s, ngx_str_t *prefix);
static ngx_uint_t ngx_http_keyspace_is(ngx_str_t *s, const char *text);


ngx_int_t
ngx_http_keyspace_read_body(ngx_http_request_t *r,
    ngx_http_keyspace_ctx_t *ctx, ngx_http_keyspace_body_pt next)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    if (!ngx_http_keyspace_has_body(r)) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }

        ngx_str_null(&body);

        return next(r, &body);
    }

    if (r == r->main && ngx_http_keyspace_preread(r)) {
        body.len = (size_t) r->headers_in.content_length_n;
        body.data = r->header_in->pos;

        r->header_in->pos += body.len;
        r->request_length += body.len;
        r->headers_in.content_length_n = 0;
        r->lingering_close = 0;

        return next(r, &body);
    }

    ctx->next = next;
    ctx->shared_body = (r->request_body != NULL);

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_keyspace_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/*
 * A subrequest has the body that was given to it, if one was (by a capture of
 * Lua's, echo_subrequest, njs).  That of the main request, which it has
 * otherwise, is meant for it only if the method says that there is one.
 */

static ngx_uint_t
ngx_http_keyspace_has_body(ngx_http_request_t *r)
{
    if (r != r->main) {
        return r->request_body != NULL
               && (r->request_body != r->main->request_body
                   || (r->method & (NGX_HTTP_POST|NGX_HTTP_PUT)));
    }

    return r->headers_in.content_length_n > 0 || r->headers_in.chunked
           || r->request_body != NULL;
}


/*
 * Is the whole body in the buffer of the header already, and nobody else
 * interested in it?  Most commands come in one packet.
 */

static ngx_uint_t
ngx_http_keyspace_preread(ngx_http_request_t *r)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (r->http_version > NGX_HTTP_VERSION_11
        || r->headers_in.chunked
        || r->headers_in.expect != NULL
        || r->request_body != NULL
        || r->discard_body
        || ngx_http_top_request_body_filter != ngx_http_request_body_save_filter
        || r->headers_in.content_length_n
           > (off_t) (r->header_in->last - r->header_in->pos))
    {
        return 0;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    /* 0 is off; nginx names its values in a file of its own */

    return (clcf->client_body_in_file_only == 0);
}


static void
ngx_http_keyspace_body_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    ngx_str_t                 body;
    ngx_http_keyspace_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);

    rc = ngx_http_keyspace_join(r, ctx, &body);

    if (rc == NGX_OK) {
        rc = ctx->next(r, &body);
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_keyspace_join(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_str_t *body)
{
    off_t         len;
    u_char       *p;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    b = r->request_body->bufs->buf;

    if (r->request_body->bufs->next == NULL && ngx_buf_in_memory(b)
        && !ctx->shared_body)
    {
        body->data = b->pos;
        body->len = b->last - b->pos;
        return NGX_OK;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    p = ngx_pnalloc(r->pool, (size_t) len + 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->data = p;
    body->len = (size_t) len;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_in_memory(b)) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        if (ngx_http_keyspace_read_file(b, p) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += b->file_last - b->file_pos;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_read_file(ngx_buf_t *b, u_char *p)
{
    off_t    pos;
    ssize_t  n;

    for (pos = b->file_pos; pos < b->file_last; pos += n) {
        n = ngx_read_file(b->file, p, (size_t) (b->file_last - pos), pos);

        if (n <= 0) {
            ngx_log_error(NGX_LOG_ALERT, b->file->log, 0,
                          "a request body cannot be read back from \"%V\"",
                          &b->file->name);
            return NGX_ERROR;
        }

        p += n;
    }

    return NGX_OK;
}


/*
 * What nginx has normalised is of no use for arguments: %2F, //, and .. are
 * theirs.  If the raw path does not begin with the prefix as it is written in
 * the configuration (after a rewrite, or when it was itself written in
 * another way), the normalised one has to do.  If that does not begin with
 * the prefix either, a rewrite has taken it off: all of it is the path.
 *
 * What never gets here, as nginx refuses it before any module is asked: a path
 * with %00, and one whose .. (or ..%2F) lead above the root.
 */

ngx_int_t
ngx_http_keyspace_path(ngx_http_request_t *r, ks_str_t *path, ks_str_t *query)
{
    size_t                         len;
    ngx_str_t                     *raw, *prefix;
    ngx_http_keyspace_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);
    prefix = &klcf->prefix;
    raw = &r->unparsed_uri;

    if (ngx_http_keyspace_copy(r, r->args.data, r->args.len, query) != NGX_OK) {
        return NGX_ERROR;
    }

    if (!r->valid_unparsed_uri || !ngx_http_keyspace_begins(raw, prefix)) {
        return ngx_http_keyspace_decoded_path(r, prefix, path);
    }

    for (len = prefix->len; len < raw->len; len++) {
        if (raw->data[len] == '?' || raw->data[len] == '#') {
            break;
        }
    }

    return ngx_http_keyspace_copy(r, raw->data + prefix->len,
                                  len - prefix->len, path);
}


static ngx_int_t
ngx_http_keyspace_copy(ngx_http_request_t *r, u_char *p, size_t len,
    ks_str_t *copy)
{
    copy->len = len;
    copy->data = (u_char *) "";

    if (len == 0) {
        return NGX_OK;
    }

    copy->data = ngx_pnalloc(r->pool, len);
    if (copy->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy->data, p, len);

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_decoded_path(ngx_http_request_t *r, ngx_str_t *prefix,
    ks_str_t *path)
{
    u_char  *p, *last;
    size_t   len;

    p = r->uri.data;
    len = r->uri.len;

    if (ngx_http_keyspace_begins(&r->uri, prefix)) {
        p += prefix->len;
        len -= prefix->len;
    }

    if (len == 0) {
        return ngx_http_keyspace_copy(r, NULL, 0, path);
    }

    /* escaped again, as what follows decodes it */

    path->data = ngx_pnalloc(r->pool,
                             len + 2 * ngx_escape_uri(NULL, p, len,
                                                      NGX_ESCAPE_URI));
    if (path->data == NULL) {
        return NGX_ERROR;
    }

    last = (u_char *) ngx_escape_uri(path->data, p, len, NGX_ESCAPE_URI);
    path->len = last - path->data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_keyspace_begins(ngx_str_t *s, ngx_str_t *prefix)
{
    return s->len >= prefix->len
           && ngx_memcmp(s->data, prefix->data, prefix->len) == 0;
}


/* An empty one says nothing. */

const char *
ngx_http_keyspace_form(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx)
{
    const char       *wrong;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    wrong = NULL;

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].value.len == 0) {
                continue;
            }

            if (ngx_http_keyspace_is(&h[i].key, "upstash-encoding")) {
                ctx->base64 = ngx_http_keyspace_is(&h[i].value, "base64");

                if (!ctx->base64) {
                    wrong = "Upstash-Encoding is base64, or is left out";
                }

            } else if (ngx_http_keyspace_is(&h[i].key,
                                            "upstash-response-format"))
            {
                ctx->resp2 = ngx_http_keyspace_is(&h[i].value, "resp2");

                if (!ctx->resp2 && !ngx_http_keyspace_is(&h[i].value, "json"))
                {
                    wrong = "Upstash-Response-Format is resp2 or json";
                }
            }
        }
    }

    if (wrong == NULL && ctx->resp2 && ctx->base64) {
        wrong = "Upstash-Encoding goes with JSON, and RESP2 needs none: "
                "leave one of them out";
    }

    return wrong;
}


static ngx_uint_t
ngx_http_keyspace_is(ngx_str_t *s, const char *text)
{
    size_t  len;

    len = ngx_strlen(text);

    return s->len == len
           && ngx_strncasecmp(s->data, (u_char *) text, len) == 0;
}


ngx_str_t *
ngx_http_keyspace_request_field(ngx_http_request_t *r, const char *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part != NULL; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].value.len != 0 && ngx_http_keyspace_is(&h[i].key, name)) {
                return &h[i].value;
            }
        }
    }

    return NULL;
}
