
/*
 * The header filter: takes Keyspace-Session headers out of responses, whoever
 * has put them there, and adds cookies.
 *
 * It stands behind nginx's own add_header in the chain (config sees to that),
 * so it sees what that adds, too.  A header counts only if it comes from the
 * application now: not from a cache, where it was meant for somebody else, nor
 * from a mirror.
 */


#include "ngx_http_keyspace_session.h"


static ngx_int_t ngx_http_keyspace_session_header_filter(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_session_take(ngx_http_request_t *r);
static void ngx_http_keyspace_session_take_one(ngx_http_request_t *r,
    ngx_str_t *value, ngx_http_keyspace_session_changes_t *ch);
static ngx_uint_t ngx_http_keyspace_session_counts(ngx_http_request_t *r);
static ngx_int_t ngx_http_keyspace_session_give(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


void
ngx_http_keyspace_session_init_filter(void)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_keyspace_session_header_filter;
}


static ngx_int_t
ngx_http_keyspace_session_header_filter(ngx_http_request_t *r)
{
    if (ngx_http_keyspace_session_take(r) != NGX_OK) {
        return NGX_ERROR;
    }

    if (r == r->main && !r->header_sent
        && ngx_http_keyspace_session_give(r) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


static ngx_int_t
ngx_http_keyspace_session_take(ngx_http_request_t *r)
{
    ngx_uint_t                            i, n;
    ngx_list_part_t                      *part;
    ngx_table_elt_t                      *h;
    ngx_http_keyspace_session_changes_t   ch;

    n = 0;
    ngx_memzero(&ch, sizeof(ngx_http_keyspace_session_changes_t));

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].key.len != sizeof("Keyspace-Session") - 1
                || ngx_strncasecmp(h[i].key.data,
                                   (u_char *) "Keyspace-Session",
                                   sizeof("Keyspace-Session") - 1)
                   != 0)
            {
                continue;
            }

            h[i].hash = 0;
            n++;

            if (ngx_http_keyspace_session_counts(r)) {
                ngx_http_keyspace_session_take_one(r, &h[i].value, &ch);
            }
        }
    }

    if (n == 0) {
        return NGX_OK;
    }

#if (NGX_HTTP_CACHE)

    /* what is in it is for this session, and so is what belongs to it */

    if (r->upstream != NULL) {
        r->upstream->cacheable = 0;
    }

#endif

    if (ch.renew || ch.destroy || ch.edits.nelts != 0) {
        ngx_http_keyspace_session_apply(r, &ch);
    }

    return NGX_OK;
}


/* What it says is not for a log. */

static void
ngx_http_keyspace_session_take_one(ngx_http_request_t *r, ngx_str_t *value,
    ngx_http_keyspace_session_changes_t *ch)
{
    const char  *wrong;

    wrong = ngx_http_keyspace_session_parse(r->pool, value, ch);

    if (wrong != NULL) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "a \"Keyspace-Session\" header is ignored: %s", wrong);
    }
}


static ngx_uint_t
ngx_http_keyspace_session_counts(ngx_http_request_t *r)
{
    ngx_uint_t                             level;
    const char                            *why;
    ngx_http_keyspace_session_loc_conf_t  *slcf;

    slcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_session_module);
    level = NGX_LOG_INFO;

    if (slcf->session == NULL) {
        why = "there is no \"keyspace_session\" here";
        level = NGX_LOG_WARN;       /* somebody counts on it */

#if (NGX_HTTP_CACHE)
    } else if (r->cached) {
        why = "the response is from a cache";
#endif

    } else if (r->background) {
        why = "nobody gets the response";

    } else {
        return 1;
    }

    ngx_log_error(level, r->connection->log, 0,
                  "a \"Keyspace-Session\" header is ignored: %s", why);

    return 0;
}


/*
 * The cookies of all sessions that the request had to do with; and if the end
 * of the response is not known, they are in use until it comes.
 */

static ngx_int_t
ngx_http_keyspace_session_give(ngx_http_request_t *r)
{
    ngx_http_keyspace_session_t      *s;
    ngx_http_keyspace_session_ctx_t  *ctx;

    if (r->headers_out.status < NGX_HTTP_BAD_REQUEST) {
        (void) ngx_http_keyspace_session_open(r, 1);
    }

    ctx = ngx_http_keyspace_session_ctx(r, 0);
    if (ctx == NULL) {
        return NGX_OK;
    }

    for (s = ctx->sessions; s != NULL; s = s->next) {

        if ((s->give || s->expire)
            && ngx_http_keyspace_session_set_cookie(r, s) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (r->headers_out.content_length_n == -1 && !r->header_only) {
            ngx_http_keyspace_session_last(r, s);
        }
    }

    return NGX_OK;
}
