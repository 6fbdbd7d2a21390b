/*
 * URL requests: path segments are words, and so are query parameters.
 *
 * Takes the raw URI, since a host's own normalization would merge slashes,
 * follow dots and stop at NUL: /set/a%2Fb/.. sets the key "a/b" to "..".
 *
 * Assumes that the buffers may be written to (but ks_query_value(), which
 * leaves the query as it is); promises never to read beyond them.
 */

#include "types/ks_chars.h"
#include "protocol/ks_build.h"


#define KS_URL_BAD_ESCAPE  "invalid percent-encoding in the URL"
#define KS_URL_PLUS_SPACE  1

typedef struct {
    u_char  *name;
    u_char  *name_end;
    u_char  *value;
    u_char  *value_end;
} ks_parameter_t;


static int ks_url_path(ks_build_t *b, u_char *p, u_char *end);
static int ks_url_query(ks_build_t *b, u_char *p, u_char *end);
static int ks_url_argument(ks_build_t *b, u_char *p, const u_char *end,
    unsigned plus);
static u_char *ks_url_parameter(u_char *p, u_char *end, ks_parameter_t *q);
static u_char *ks_url_decode(u_char *d, const u_char *p, const u_char *end,
    unsigned plus);
static u_char *ks_url_find(u_char *p, u_char *end, u_char c);
static int ks_url_is(const u_char *p, const u_char *end, const char *name);


int
ks_parse_path(ks_request_t *rq, ks_str_t path, ks_str_t query,
    const ks_str_t *body)
{
    int         rc;
    u_char     *end;
    ks_build_t  b;

    ks_build_init(&b, rq);

    end = path.data + path.len;

    if (path.len != 0 && *path.data == '/') {
        path.data++;
    }

    if (path.data == end) {
        return ks_build_error(&b, "empty path");
    }

    rc = ks_url_path(&b, path.data, end);

    if (rc == KS_OK && body != NULL) {
        rc = ks_build_arg(&b, body->data, body->data + body->len);
    }

    if (rc == KS_OK && query.len != 0) {
        rc = ks_url_query(&b, query.data, query.data + query.len);
    }

    if (rc == KS_OK) {
        rc = ks_build_command(&b);
    }

    return (rc == KS_OK) ? ks_build_finish(&b) : rc;
}


static int
ks_url_path(ks_build_t *b, u_char *p, u_char *end)
{
    int      rc;
    u_char  *slash;

    for ( ;; ) {
        slash = ks_url_find(p, end, '/');
        rc = ks_url_argument(b, p, slash, 0);

        if (rc != KS_OK || slash == end) {
            return rc;
        }

        p = slash + 1;
    }
}


static int
ks_url_query(ks_build_t *b, u_char *p, u_char *end)
{
    int             rc;
    u_char         *name_end;
    ks_parameter_t  q;

    while (p < end) {
        p = ks_url_parameter(p, end, &q);

        name_end = ks_url_decode(q.name, q.name, q.name_end,
                                 KS_URL_PLUS_SPACE);
        if (name_end == NULL) {
            return ks_build_error(b, KS_URL_BAD_ESCAPE);
        }

        if (ks_url_is(q.name, name_end, KS_URL_TOKEN)
            || ks_url_is(q.name, name_end, KS_URL_DB))
        {
            continue;
        }

        rc = KS_OK;

        if (q.name != name_end) {
            rc = ks_build_arg(b, q.name, name_end);
        }

        if (rc == KS_OK && q.value != q.value_end) {
            rc = ks_url_argument(b, q.value, q.value_end, KS_URL_PLUS_SPACE);
        }

        if (rc != KS_OK) {
            return rc;
        }
    }

    return KS_OK;
}


static int
ks_url_argument(ks_build_t *b, u_char *p, const u_char *end, unsigned plus)
{
    const u_char  *last;

    last = ks_url_decode(p, p, end, plus);

    if (last == NULL) {
        return ks_build_error(b, KS_URL_BAD_ESCAPE);
    }

    return ks_build_arg(b, p, last);
}


/* The parameter at p, still encoded; returns where the next one begins. */

static u_char *
ks_url_parameter(u_char *p, u_char *end, ks_parameter_t *q)
{
    u_char  *last;

    last = ks_url_find(p, end, '&');

    q->name = p;
    q->name_end = ks_url_find(p, last, '=');
    q->value = (q->name_end == last) ? last : q->name_end + 1;
    q->value_end = last;

    return (last == end) ? end : last + 1;
}


/* Decodes p..end to d, which may be p; returns d behind it, or NULL. */

static u_char *
ks_url_decode(u_char *d, const u_char *p, const u_char *end, unsigned plus)
{
    int     high, low;
    u_char  c;

    while (p < end) {
        c = *p++;

        if (c == '+' && plus) {
            c = ' ';

        } else if (c == '%') {

            if (end - p < 2) {
                return NULL;
            }

            high = ks_hex_value(p[0]);
            low = ks_hex_value(p[1]);

            if (high < 0 || low < 0) {
                return NULL;
            }

            c = (u_char) (high * 16 + low);
            p += 2;
        }

        *d++ = c;
    }

    return d;
}


static u_char *
ks_url_find(u_char *p, u_char *end, u_char c)
{
    u_char  *found;

    found = (p == end) ? NULL : memchr(p, c, (size_t) (end - p));

    return (found == NULL) ? end : found;
}


static int
ks_url_is(const u_char *p, const u_char *end, const char *name)
{
    size_t  len;

    len = strlen(name);

    return (size_t) (end - p) == len && memcmp(p, name, len) == 0;
}


int
ks_query_value(ks_str_t query, const char *name, u_char *buf, ks_str_t *value)
{
    u_char          *p, *end, *last;
    ks_parameter_t   q;

    if (query.len == 0) {
        return KS_ERR;
    }

    p = query.data;
    end = p + query.len;

    while (p < end) {
        p = ks_url_parameter(p, end, &q);
        last = ks_url_decode(buf, q.name, q.name_end, KS_URL_PLUS_SPACE);

        if (last == NULL || !ks_url_is(buf, last, name)) {
            continue;
        }

        last = ks_url_decode(buf, q.value, q.value_end, 0);

        if (last == NULL) {
            return KS_ERR;
        }

        value->data = buf;
        value->len = (size_t) (last - buf);

        return KS_OK;
    }

    return KS_ERR;
}
