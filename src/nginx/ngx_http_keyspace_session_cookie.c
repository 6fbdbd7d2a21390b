
/*
 * The cookie: finding it among what a client sends, making one, and the
 * Set-Cookie header.
 *
 * Nothing of what a client sends ever goes back to it: a cookie that is set is
 * made here.
 */


#include "ngx_http_keyspace_session.h"

#include <openssl/rand.h>


/* what is collected from the Cookie headers of a request */

typedef struct {
    ngx_str_t   *name;
    ngx_str_t   *values;
    ngx_int_t    max;
    ngx_int_t    n;
    ngx_uint_t   sent;
} ngx_http_keyspace_session_jar_t;


/* characters of a cookie, to be looked at all at once */

typedef u_char  ngx_http_keyspace_session_run_t
    __attribute__((vector_size(16)));


static void ngx_http_keyspace_session_scan(ngx_str_t *header,
    ngx_http_keyspace_session_jar_t *jar);
static void ngx_http_keyspace_session_keep(u_char *p, size_t len,
    ngx_http_keyspace_session_jar_t *jar);
static ngx_uint_t ngx_http_keyspace_session_is_cookie(u_char *p, size_t len);
static ngx_inline ngx_uint_t ngx_http_keyspace_session_is_base64url(
    u_char *p);
static void ngx_http_keyspace_session_hex(u_char *p, u_char *digest);
static ngx_int_t ngx_http_keyspace_session_no_store(ngx_http_request_t *r);
static ngx_table_elt_t *ngx_http_keyspace_session_add_header(
    ngx_http_request_t *r);


ngx_int_t
ngx_http_keyspace_session_cookies(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *values, ngx_int_t n, ngx_uint_t *sent)
{
#if (nginx_version >= 1023000)
    ngx_table_elt_t                  *h;
#else
    ngx_uint_t                        i;
    ngx_table_elt_t                 **h;
#endif
    ngx_http_keyspace_session_jar_t   jar;

    jar.name = name;
    jar.values = values;
    jar.max = n;
    jar.n = 0;
    jar.sent = 0;

#if (nginx_version >= 1023000)

    for (h = r->headers_in.cookie; h != NULL; h = h->next) {
        ngx_http_keyspace_session_scan(&h->value, &jar);
    }

#else

    h = r->headers_in.cookies.elts;

    for (i = 0; i < r->headers_in.cookies.nelts; i++) {
        ngx_http_keyspace_session_scan(&h[i]->value, &jar);
    }

#endif

    *sent = jar.sent;

    return (jar.n > jar.max) ? NGX_ERROR : jar.n;
}


/* name=value; name=value */

static void
ngx_http_keyspace_session_scan(ngx_str_t *header,
    ngx_http_keyspace_session_jar_t *jar)
{
    u_char  *p, *end, *next, *last;

    end = header->data + header->len;

    for (p = header->data; p < end; p = next + 1) {

        next = memchr(p, ';', end - p);
        if (next == NULL) {
            next = end;
        }

        while (p < next && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if ((size_t) (next - p) <= jar->name->len
            || p[jar->name->len] != '='
            || ngx_strncmp(p, jar->name->data, jar->name->len) != 0)
        {
            continue;
        }

        p += jar->name->len + 1;
        last = next;

        while (last > p && (last[-1] == ' ' || last[-1] == '\t')) {
            last--;
        }

        jar->sent = 1;
        ngx_http_keyspace_session_keep(p, last - p, jar);
    }
}


static void
ngx_http_keyspace_session_keep(u_char *p, size_t len,
    ngx_http_keyspace_session_jar_t *jar)
{
    ngx_int_t  i;

    if (jar->n > jar->max || !ngx_http_keyspace_session_is_cookie(p, len)) {
        return;
    }

    for (i = 0; i < jar->n; i++) {
        if (ngx_memcmp(jar->values[i].data, p, len) == 0) {
            return;
        }
    }

    if (jar->n < jar->max) {
        jar->values[jar->n].len = len;
        jar->values[jar->n].data = p;
    }

    jar->n++;
}


/* 32 bytes in base64url: the last character has two bits that are none. */

static ngx_uint_t
ngx_http_keyspace_session_is_cookie(u_char *p, size_t len)
{
    return len == NGX_HTTP_KEYSPACE_SESSION_COOKIE
           && ngx_http_keyspace_session_is_base64url(p)
           && ngx_http_keyspace_session_is_base64url(p + 16)
           && ngx_http_keyspace_session_is_base64url(p + len - 16)
           && ngx_strchr("AEIMQUYcgkosw048", p[len - 1]) != NULL;
}


static ngx_inline ngx_uint_t
ngx_http_keyspace_session_is_base64url(u_char *p)
{
    uint64_t                         other[2];
    ngx_http_keyspace_session_run_t  c, letter, digit;

    ngx_memcpy(&c, p, sizeof(c));

    letter = (c | 0x20) - 'a';
    digit = c - '0';

    c = (ngx_http_keyspace_session_run_t)
        ((letter > 25) & (digit > 9) & (c != '-') & (c != '_'));

    ngx_memcpy(other, &c, sizeof(c));

    return (other[0] | other[1]) == 0;
}


ngx_int_t
ngx_http_keyspace_session_random(
    u_char cookie[NGX_HTTP_KEYSPACE_SESSION_COOKIE])
{
    u_char     bits[NGX_HTTP_KEYSPACE_SESSION_RANDOM];
    ngx_str_t  src, dst;

    if (RAND_bytes(bits, sizeof(bits)) != 1) {
        return NGX_ERROR;
    }

    src.len = sizeof(bits);
    src.data = bits;
    dst.data = cookie;

    ngx_encode_base64url(&dst, &src);
    ngx_explicit_memzero(bits, sizeof(bits));

    return NGX_OK;
}


ngx_int_t
ngx_http_keyspace_session_key(ngx_pool_t *pool,
    ngx_http_keyspace_session_conf_t *conf, u_char *cookie, ks_str_t *key)
{
    u_char  *p;
    u_char   digest[NGX_KEYSPACE_DIGEST_LEN];

    if (ngx_keyspace_digest(cookie, NGX_HTTP_KEYSPACE_SESSION_COOKIE, digest)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    key->len = conf->prefix.len + KS_SESSION_ID;
    key->data = ngx_pnalloc(pool, key->len);

    if (key->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(key->data, conf->prefix.data, conf->prefix.len);
    ngx_http_keyspace_session_hex(p, digest);

    return NGX_OK;
}


/* Four bytes at once, each in a lane of 16 bits: a digit is a byte of it. */

static void
ngx_http_keyspace_session_hex(u_char *p, u_char *digest)
{
    uint64_t    x;
    ngx_uint_t  i;

    for (i = 0; i < NGX_KEYSPACE_DIGEST_LEN; i += 4, p += 8) {
        x = digest[i] | digest[i + 1] << 16
            | (uint64_t) (digest[i + 2] | digest[i + 3] << 16) << 32;

        x = (x >> 4 | x << 8) & 0x0f0f0f0f0f0f0f0full;

        /* "a" comes 39 behind what would be next to "9" */

        x += 0x3030303030303030ull
             + ((x + 0x0606060606060606ull) >> 4 & 0x0101010101010101ull) * 39;

        p[0] = (u_char) x;
        p[1] = (u_char) (x >> 8);
        p[2] = (u_char) (x >> 16);
        p[3] = (u_char) (x >> 24);
        p[4] = (u_char) (x >> 32);
        p[5] = (u_char) (x >> 40);
        p[6] = (u_char) (x >> 48);
        p[7] = (u_char) (x >> 56);
    }
}


/* The attributes of the cookie, as they are configured. */

static u_char *
ngx_http_keyspace_session_attributes(u_char *p,
    ngx_http_keyspace_session_conf_t *conf)
{
    p = ngx_sprintf(p, "; Path=%V", &conf->path);

    if (conf->domain.len != 0) {
        p = ngx_sprintf(p, "; Domain=%V", &conf->domain);
    }

    if (conf->secure) {
        p = ngx_cpymem(p, "; Secure", sizeof("; Secure") - 1);
    }

    if (conf->httponly) {
        p = ngx_cpymem(p, "; HttpOnly", sizeof("; HttpOnly") - 1);
    }

    if (conf->samesite.len != 0) {
        p = ngx_sprintf(p, "; SameSite=%V", &conf->samesite);
    }

    return p;
}


ngx_int_t
ngx_http_keyspace_session_set_cookie(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s)
{
    u_char                            *p;
    size_t                             len;
    uint64_t                           now;
    ngx_table_elt_t                   *h;
    ngx_http_keyspace_session_conf_t  *conf;

    conf = s->conf;

    len = conf->cookie.len + conf->path.len + conf->domain.len
          + conf->samesite.len + NGX_HTTP_KEYSPACE_SESSION_COOKIE
          + sizeof("=; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0"
                   "; Path=; Domain=; Secure; HttpOnly; SameSite=") - 1;

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL || ngx_http_keyspace_session_no_store(r) != NGX_OK) {
        return NGX_ERROR;
    }

    h = ngx_http_keyspace_session_add_header(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "Set-Cookie");
    h->value.data = p;

    p = ngx_cpymem(p, conf->cookie.data, conf->cookie.len);
    *p++ = '=';

    if (s->give) {
        p = ngx_cpymem(p, s->cookie, NGX_HTTP_KEYSPACE_SESSION_COOKIE);

        now = ks_clock();

        if (s->until > now) {
            p = ngx_sprintf(p, "; Max-Age=%uL", (s->until - now) / 1000);
        }

    } else {
        p = ngx_cpymem(p, "; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0",
                   sizeof("; Expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=0")
                   - 1);
    }

    p = ngx_http_keyspace_session_attributes(p, conf);
    h->value.len = p - h->value.data;

    return NGX_OK;
}


/* A response with somebody's cookie is for nobody else, whatever it says. */

static ngx_int_t
ngx_http_keyspace_session_no_store(ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == sizeof("Cache-Control") - 1
                && ngx_strncasecmp(h[i].key.data, (u_char *) "Cache-Control",
                                   sizeof("Cache-Control") - 1) == 0)
            {
                h[i].hash = 0;
            }
        }
    }

    h = ngx_http_keyspace_session_add_header(r);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&h->key, "Cache-Control");
    ngx_str_set(&h->value, "no-store");

    return NGX_OK;
}


static ngx_table_elt_t *
ngx_http_keyspace_session_add_header(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));
    h->hash = 1;

    return h;
}
