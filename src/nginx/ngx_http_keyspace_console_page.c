
/*
 * The console's page, as it was when the module was built: the files of
 * src/console, one after the other, in memory that nobody can write to.
 *
 * Between its marks lie the one style and the one script of the page.  A
 * browser runs them because their digests are in the policy, and nothing else:
 * no other script, no attribute that is one, nothing of another host.
 */


#include "ngx_http_keyspace_console.h"
#include "ngx_http_keyspace_common.h"


#define NGX_HTTP_KEYSPACE_CONSOLE_DIGEST                                      \
    ngx_base64_encoded_length(NGX_KEYSPACE_DIGEST_LEN)

#define NGX_HTTP_KEYSPACE_CONSOLE_MARK(name)                                  \
    ".globl ngx_http_keyspace_console_" name "\n"                             \
    ".hidden ngx_http_keyspace_console_" name "\n"                            \
    "ngx_http_keyspace_console_" name ":\n"

#define NGX_HTTP_KEYSPACE_CONSOLE_FILE(name)                                  \
    ".incbin \"console/" name "\"\n"


__asm__(
    ".pushsection .rodata\n"
    NGX_HTTP_KEYSPACE_CONSOLE_MARK("begin")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("head.html")
    NGX_HTTP_KEYSPACE_CONSOLE_MARK("style")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("console.css")
    NGX_HTTP_KEYSPACE_CONSOLE_MARK("style_end")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("body.html")
    NGX_HTTP_KEYSPACE_CONSOLE_MARK("script")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("bytes.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("dom.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("api.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("list.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("table.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("keys.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("value.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("types.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("line.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("charts.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("live.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("views.js")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("main.js")
    NGX_HTTP_KEYSPACE_CONSOLE_MARK("script_end")
    NGX_HTTP_KEYSPACE_CONSOLE_FILE("foot.html")
    NGX_HTTP_KEYSPACE_CONSOLE_MARK("end")
    ".popsection\n"
);

extern const u_char  ngx_http_keyspace_console_begin[]
    __attribute__((visibility("hidden")));
extern const u_char  ngx_http_keyspace_console_style[]
    __attribute__((visibility("hidden")));
extern const u_char  ngx_http_keyspace_console_style_end[]
    __attribute__((visibility("hidden")));
extern const u_char  ngx_http_keyspace_console_script[]
    __attribute__((visibility("hidden")));
extern const u_char  ngx_http_keyspace_console_script_end[]
    __attribute__((visibility("hidden")));
extern const u_char  ngx_http_keyspace_console_end[]
    __attribute__((visibility("hidden")));


static ngx_int_t ngx_http_keyspace_console_digest(const u_char *p,
    const u_char *last, u_char *text, ngx_str_t *digest);


ngx_int_t
ngx_http_keyspace_console_policy(ngx_conf_t *cf, ngx_str_t *policy)
{
    u_char      of_script[NGX_HTTP_KEYSPACE_CONSOLE_DIGEST];
    u_char      of_style[NGX_HTTP_KEYSPACE_CONSOLE_DIGEST];
    ngx_str_t   script, style;

    static const char  form[] =
        "default-src 'none'; script-src 'sha256-%V'; style-src 'sha256-%V'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'";

    if (ngx_http_keyspace_console_digest(ngx_http_keyspace_console_script,
                                         ngx_http_keyspace_console_script_end,
                                         of_script, &script) != NGX_OK
        || ngx_http_keyspace_console_digest(ngx_http_keyspace_console_style,
                                         ngx_http_keyspace_console_style_end,
                                         of_style, &style) != NGX_OK)
    {
        return NGX_ERROR;
    }

    policy->data = ngx_pnalloc(cf->pool, sizeof(form) + script.len + style.len);
    if (policy->data == NULL) {
        return NGX_ERROR;
    }

    policy->len = ngx_sprintf(policy->data, form, &script, &style)
                  - policy->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_console_digest(const u_char *p, const u_char *last,
    u_char *text, ngx_str_t *digest)
{
    u_char     hash[NGX_KEYSPACE_DIGEST_LEN];
    ngx_str_t  bytes;

    if (ngx_keyspace_digest((u_char *) p, last - p, hash) != NGX_OK) {
        return NGX_ERROR;
    }

    bytes.data = hash;
    bytes.len = NGX_KEYSPACE_DIGEST_LEN;
    digest->data = text;

    ngx_encode_base64(digest, &bytes);

    return NGX_OK;
}


/* What browsers are told of the page. */

static ngx_int_t
ngx_http_keyspace_console_fields(ngx_http_request_t *r,
    ngx_http_keyspace_console_t *console)
{
    ngx_str_t   name;
    ngx_uint_t  i;

    static struct {
        ngx_str_t  name;
        ngx_str_t  value;
    } fields[] = {
        { ngx_string("X-Content-Type-Options"), ngx_string("nosniff") },
        { ngx_string("X-Frame-Options"), ngx_string("DENY") },
        { ngx_string("Referrer-Policy"), ngx_string("no-referrer") },
        { ngx_string("Cross-Origin-Opener-Policy"), ngx_string("same-origin") },
        { ngx_string("Cross-Origin-Resource-Policy"),
          ngx_string("same-origin") },
        { ngx_string("Cache-Control"), ngx_string("no-store") }
    };

    ngx_str_set(&name, "Content-Security-Policy");

    if (ngx_http_keyspace_add_header(r, &name, &console->policy) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < ks_nelts(fields); i++) {
        if (ngx_http_keyspace_add_header(r, &fields[i].name, &fields[i].value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_keyspace_console_page(ngx_http_request_t *r,
    ngx_http_keyspace_console_t *console)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_keyspace_console_fields(r, console) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = (u_char *) ngx_http_keyspace_console_begin;
    b->last = (u_char *) ngx_http_keyspace_console_end;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = b->last - b->pos;
    ngx_str_set(&r->headers_out.content_type, "text/html");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_set(&r->headers_out.charset, "utf-8");

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    return ngx_http_output_filter(r, &out);
}
