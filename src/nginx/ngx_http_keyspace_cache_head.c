
/*
 * The fields of a response as text, "Name: value" and the ends of lines as in
 * HTTP: from nginx's lists, and back to them.
 *
 * What belongs to one connection, to one message, or to this server is not
 * stored: nginx says it anew.
 */


#include "ngx_http_keyspace_cache.h"


/* fields on their way into a text; p NULL: they are counted */

typedef struct {
    u_char              *p;
    size_t               len;
    ks_cache_control_t  *cc;
    ks_str_t            *old;           /* NULL: it is no update */
    ngx_list_t          *hops;          /* where Connection names some; NULL:
                                           nowhere */
} ngx_http_keyspace_cache_text_t;


static void ngx_http_keyspace_cache_fields(ngx_http_request_t *r,
    ngx_http_keyspace_cache_text_t *t);
static void ngx_http_keyspace_cache_own(ngx_http_request_t *r,
    ngx_http_keyspace_cache_text_t *t);
static void ngx_http_keyspace_cache_date(ngx_http_request_t *r,
    ngx_http_keyspace_cache_text_t *t);
static ngx_table_elt_t *ngx_http_keyspace_cache_said(ngx_list_t *list,
    const char *name);
static ngx_uint_t ngx_http_keyspace_cache_has(ks_str_t *head,
    ks_str_t *field);
static ngx_uint_t ngx_http_keyspace_cache_of_old(ks_str_t *old,
    ks_str_t *name);
static ngx_uint_t ngx_http_keyspace_cache_hop(ngx_list_t *list,
    ks_str_t *name);
static ngx_uint_t ngx_http_keyspace_cache_kept(
    ngx_http_keyspace_cache_text_t *t, ks_str_t *name);
static void ngx_http_keyspace_cache_put(ngx_http_keyspace_cache_text_t *t,
    const char *name, size_t nlen, u_char *value, size_t vlen);
static ngx_int_t ngx_http_keyspace_cache_give(ngx_http_request_t *r,
    ks_str_t *name, ks_str_t *value);


/* never stored */

static const char  *ngx_http_keyspace_cache_never[] = {
    "Accept-Ranges", "Age", "Connection", "Content-Length", "Keep-Alive",
    "Keyspace-Session", "Proxy-Authenticate", "Proxy-Authentication-Info",
    "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
    "Transfer-Encoding", "Upgrade", NULL
};

/* of the stored body, whatever a 304 says */

static const char  *ngx_http_keyspace_cache_of_body[] = {
    "Content-Encoding", "Content-Range", NULL
};

/* of the stored body, if it has them; else a 304 may bring them */

static const char  *ngx_http_keyspace_cache_identifies[] = {
    "Content-Digest", "Content-MD5", "Digest", "ETag", "Repr-Digest", NULL
};


ngx_uint_t
ngx_http_keyspace_cache_is(const ks_str_t *name, const char *text)
{
    return name->len == ngx_strlen(text)
           && ngx_strncasecmp(name->data, (u_char *) text, name->len) == 0;
}


static ngx_uint_t
ngx_http_keyspace_cache_among(ks_str_t *name, const char **names)
{
    for ( /* void */ ; *names; names++) {
        if (ngx_http_keyspace_cache_is(name, *names)) {
            return 1;
        }
    }

    return 0;
}


/* --- to text --- */

ngx_int_t
ngx_http_keyspace_cache_head(ngx_http_request_t *r, ks_cache_control_t *cc,
    ks_str_t *old, ks_str_t *head)
{
    ngx_http_keyspace_cache_text_t  t;

    ngx_memzero(&t, sizeof(ngx_http_keyspace_cache_text_t));

    t.cc = cc;
    t.old = old;

    if (r->upstream
        && ngx_http_keyspace_cache_said(&r->upstream->headers_in.headers,
                                        "Connection"))
    {
        t.hops = &r->upstream->headers_in.headers;
    }

    ngx_http_keyspace_cache_fields(r, &t);

    head->len = 0;
    head->data = ngx_pnalloc(r->pool, t.len + 1);
    if (head->data == NULL) {
        return NGX_ERROR;
    }

    t.p = head->data;
    t.len = 0;

    ngx_http_keyspace_cache_fields(r, &t);
    head->len = t.len;

    return NGX_OK;
}


static void
ngx_http_keyspace_cache_fields(ngx_http_request_t *r,
    ngx_http_keyspace_cache_text_t *t)
{
    ks_str_t                    name;
    ngx_table_elt_t            *h;
    ngx_http_keyspace_fields_t  fields;

    ngx_http_keyspace_cache_own(r, t);
    ngx_http_keyspace_cache_date(r, t);

    ngx_http_keyspace_fields(&fields, &r->headers_out.headers);

    while ((h = ngx_http_keyspace_next_field(&fields)) != NULL) {

        if (h->hash == 0) {
            continue;
        }

        name.len = h->key.len;
        name.data = h->key.data;

        if (!ngx_http_keyspace_cache_is(&name, "Date")
            && ngx_http_keyspace_cache_kept(t, &name))
        {
            ngx_http_keyspace_cache_put(t, (char *) name.data, name.len,
                                        h->value.data, h->value.len);
        }
    }
}


/* What nginx has in no list. */

static void
ngx_http_keyspace_cache_own(ngx_http_request_t *r,
    ngx_http_keyspace_cache_text_t *t)
{
    u_char                  *p, buf[256];
    ngx_http_headers_out_t  *out;

    out = &r->headers_out;

    if (out->content_type.len && t->old == NULL) {

        if (out->charset.len
            && out->content_type_len == out->content_type.len
            && out->content_type.len + out->charset.len < 200)
        {
            p = ngx_sprintf(buf, "%V; charset=%V", &out->content_type,
                            &out->charset);
            ngx_http_keyspace_cache_put(t, "Content-Type", 12, buf, p - buf);

        } else {
            ngx_http_keyspace_cache_put(t, "Content-Type", 12,
                                        out->content_type.data,
                                        out->content_type.len);
        }

    } else if (out->content_type.len && r->upstream
               && ngx_http_keyspace_cache_said(
                      &r->upstream->headers_in.headers, "Content-Type"))
    {
        ngx_http_keyspace_cache_put(t, "Content-Type", 12,
                                    out->content_type.data,
                                    out->content_type.len);
    }

    if (out->last_modified == NULL && out->last_modified_time != -1) {
        p = ngx_http_time(buf, out->last_modified_time);
        ngx_http_keyspace_cache_put(t, "Last-Modified", 13, buf, p - buf);
    }
}


/* Upstreams' dates are hidden from clients as a rule, but they count. */

static void
ngx_http_keyspace_cache_date(ngx_http_request_t *r,
    ngx_http_keyspace_cache_text_t *t)
{
    u_char           *p, buf[64];
    ngx_table_elt_t  *h;

    h = r->headers_out.date;

    if (h == NULL && r->upstream) {
        h = ngx_http_keyspace_cache_said(&r->upstream->headers_in.headers,
                                         "Date");
    }

    if (h) {
        ngx_http_keyspace_cache_put(t, "Date", 4, h->value.data,
                                    h->value.len);

    } else if (t->old == NULL) {
        p = ngx_http_time(buf, ngx_time());
        ngx_http_keyspace_cache_put(t, "Date", 4, buf, p - buf);
    }
}


/* The next field of that name. */

static ngx_table_elt_t *
ngx_http_keyspace_cache_next_said(ngx_http_keyspace_fields_t *fields,
    const char *text)
{
    ks_str_t          name;
    ngx_table_elt_t  *h;

    while ((h = ngx_http_keyspace_next_field(fields)) != NULL) {

        name.len = h->key.len;
        name.data = h->key.data;

        if (ngx_http_keyspace_cache_is(&name, text)) {
            return h;
        }
    }

    return NULL;
}


static ngx_table_elt_t *
ngx_http_keyspace_cache_said(ngx_list_t *list, const char *text)
{
    ngx_http_keyspace_fields_t  fields;

    ngx_http_keyspace_fields(&fields, list);

    return ngx_http_keyspace_cache_next_said(&fields, text);
}


/* Whether a 304 has no say in it. */

static ngx_uint_t
ngx_http_keyspace_cache_of_old(ks_str_t *old, ks_str_t *name)
{
    return ngx_http_keyspace_cache_among(name, ngx_http_keyspace_cache_of_body)
           || (ngx_http_keyspace_cache_among(name,
                                          ngx_http_keyspace_cache_identifies)
               && ngx_http_keyspace_cache_has(old, name));
}


/* Whether a Connection, of which there may be several, names the field. */

static ngx_uint_t
ngx_http_keyspace_cache_hop(ngx_list_t *list, ks_str_t *field)
{
    ks_str_t                    value;
    ngx_table_elt_t            *h;
    ngx_http_keyspace_fields_t  fields;

    ngx_http_keyspace_fields(&fields, list);

    while ((h = ngx_http_keyspace_cache_next_said(&fields, "Connection"))
           != NULL)
    {
        value.len = h->value.len;
        value.data = h->value.data;

        if (ks_list_has(&value, field)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_keyspace_cache_kept(ngx_http_keyspace_cache_text_t *t, ks_str_t *name)
{
    return !ngx_http_keyspace_cache_among(name, ngx_http_keyspace_cache_never)
           && !(t->hops && ngx_http_keyspace_cache_hop(t->hops, name))
           && !ks_cache_control_lists(t->cc, name)
           && !(t->old && ngx_http_keyspace_cache_of_old(t->old, name));
}


static void
ngx_http_keyspace_cache_put(ngx_http_keyspace_cache_text_t *t,
    const char *name, size_t nlen, u_char *value, size_t vlen)
{
    u_char  *p;

    if (t->p) {
        p = ngx_cpymem(t->p + t->len, name, nlen);
        *p++ = ':'; *p++ = ' ';
        p = ngx_cpymem(p, value, vlen);
        *p++ = CR; *p++ = LF;
    }

    t->len += nlen + vlen + 4;
}


/* --- the text --- */

ngx_int_t
ngx_http_keyspace_cache_next(ks_str_t *head, size_t *at, ks_str_t *name,
    ks_str_t *value)
{
    u_char  *p, *end, *colon;

    p = head->data + *at;
    end = *at < head->len ? memchr(p, LF, head->len - *at) : NULL;

    if (end == NULL) {
        return NGX_DONE;
    }

    *at = end + 1 - head->data;
    colon = memchr(p, ':', end - p);

    if (end > p && end[-1] == CR) {
        end--;
    }

    /* a line that somebody else has made is no field of ours */

    if (colon == NULL || colon == p || colon + 2 > end) {
        name->len = 0;
        value->len = 0;
        name->data = p;
        value->data = p;
        return NGX_OK;
    }

    name->data = p;
    name->len = colon - p;
    value->data = colon + 2;
    value->len = end - value->data;

    return NGX_OK;
}


ks_str_t
ngx_http_keyspace_cache_field(ks_str_t *head, const char *text)
{
    size_t    at;
    ks_str_t  name, value;

    for (at = 0;
         ngx_http_keyspace_cache_next(head, &at, &name, &value) == NGX_OK;
         /* void */ )
    {
        if (ngx_http_keyspace_cache_is(&name, text)) {
            return value;
        }
    }

    value.len = 0;
    value.data = NULL;

    return value;
}


/* whether the head has a field of that name */

static ngx_uint_t
ngx_http_keyspace_cache_has(ks_str_t *head, ks_str_t *field)
{
    size_t    at;
    ks_str_t  name, value;

    for (at = 0;
         ngx_http_keyspace_cache_next(head, &at, &name, &value) == NGX_OK;
         /* void */ )
    {
        if (name.len == field->len
            && ngx_strncasecmp(name.data, field->data, name.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_keyspace_cache_merge(ngx_pool_t *pool, ks_str_t *head, ks_str_t *old)
{
    size_t     at;
    u_char    *p;
    ks_str_t   all, name, value;

    all.data = ngx_pnalloc(pool, head->len + old->len);
    if (all.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(all.data, head->data, head->len);

    for (at = 0;
         ngx_http_keyspace_cache_next(old, &at, &name, &value) == NGX_OK;
         /* void */ )
    {
        if (name.len && !ngx_http_keyspace_cache_has(head, &name)) {
            p = ngx_cpymem(p, name.data, old->data + at - name.data);
        }
    }

    all.len = p - all.data;
    *head = all;

    return NGX_OK;
}


/* --- from text --- */

ngx_int_t
ngx_http_keyspace_cache_restore(ngx_http_request_t *r, ks_str_t *head)
{
    size_t    at;
    ks_str_t  name, value;

    ngx_http_clean_header(r);

    for (at = 0;
         ngx_http_keyspace_cache_next(head, &at, &name, &value) == NGX_OK;
         /* void */ )
    {
        if (name.len
            && ngx_http_keyspace_cache_give(r, &name, &value) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_cache_give(ngx_http_request_t *r, ks_str_t *name,
    ks_str_t *value)
{
    u_char                  *p;
    ngx_table_elt_t         *h;
    ngx_http_headers_out_t  *out;

    out = &r->headers_out;

    /* a part of what is stored has a range of its own */

    if (r->headers_in.range
        && ngx_http_keyspace_cache_is(name, "Content-Range"))
    {
        return NGX_OK;
    }

    if (ngx_http_keyspace_cache_is(name, "Content-Type")) {
        out->content_type.len = value->len;
        out->content_type.data = value->data;

        p = ngx_strlchr(value->data, value->data + value->len, ';');
        out->content_type_len = p ? (size_t) (p - value->data) : value->len;

        while (out->content_type_len
               && value->data[out->content_type_len - 1] == ' ')
        {
            out->content_type_len--;
        }

        return NGX_OK;
    }

    h = ngx_list_push(&out->headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.len = name->len;
    h->key.data = name->data;
    h->value.len = value->len;
    h->value.data = value->data;

    if (ngx_http_keyspace_cache_is(name, "Date")) {
        out->date = h;

    } else if (ngx_http_keyspace_cache_is(name, "ETag")) {
        out->etag = h;

    } else if (ngx_http_keyspace_cache_is(name, "Last-Modified")) {
        out->last_modified = h;
        out->last_modified_time = ngx_parse_http_time(value->data,
                                                      value->len);

    } else if (ngx_http_keyspace_cache_is(name, "Content-Encoding")) {
        out->content_encoding = h;

    } else if (ngx_http_keyspace_cache_is(name, "Server")) {
        out->server = h;

    } else if (ngx_http_keyspace_cache_is(name, "Expires")) {
        out->expires = h;
    }

    return NGX_OK;
}
