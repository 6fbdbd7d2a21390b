
/*
 * What the engine has of a request's session (commands/ks_session.h), in terms
 * of nginx: values of fields come to memory of the request.
 *
 * Each call waits for its shard as long as another worker holds it.  Variables
 * and filters ask for sessions as well as phases do, and there a request cannot
 * be put aside; what a phase had found out would be asked again by them.
 */


#include "ngx_http_keyspace_session.h"


/* what is read of a session, and where to */

typedef struct {
    ngx_http_request_t           *request;
    ngx_http_keyspace_session_t  *session;
    ks_str_t                     *name;     /* of one field; NULL: all that
                                               the configuration names */
    ngx_str_t                     value;    /* of that one */
    ngx_int_t                     rc;
} ngx_http_keyspace_session_reading_t;


static void ngx_http_keyspace_session_ask(ngx_http_keyspace_session_t *s,
    ks_session_t *ks);
static ngx_int_t ngx_http_keyspace_session_done(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ks_session_t *ks,
    ks_session_found_t found);
static ngx_int_t ngx_http_keyspace_session_outcome(ks_session_found_t found);
static void ngx_http_keyspace_session_read(ks_space_t *sp,
    const ks_value_t *v, void *data);
static void ngx_http_keyspace_session_read_one(ks_space_t *sp,
    const ks_value_t *v, void *data);
static void ngx_http_keyspace_session_value(ks_space_t *sp,
    ngx_http_keyspace_session_reading_t *rd, const ks_value_t *v,
    ks_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_keyspace_session_copy(ks_space_t *sp,
    ngx_pool_t *pool, ks_item_t *item, ngx_str_t *value);
static ngx_uint_t ngx_http_keyspace_session_is_safe(u_char *p, size_t len,
    u_char first, u_char also);


ngx_int_t
ngx_http_keyspace_session_peek(ngx_http_request_t *r,
    ngx_http_keyspace_session_conf_t *conf, ks_str_t *key)
{
    ks_session_t        ks;
    ks_session_found_t  found;

    ngx_memzero(&ks, sizeof(ks_session_t));

    ks.rule = &conf->rule;
    ks.key = *key;

    found = ks_session_peek(conf->zone->space, &ks);
    ngx_keyspace_settle(conf->zone);

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace session: one of several cookies: %d",
                   (int) found);

    return ngx_http_keyspace_session_outcome(found);
}


ngx_int_t
ngx_http_keyspace_session_load(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s)
{
    ngx_int_t                            rc;
    ks_session_t                         ks;
    ks_session_found_t                   found;
    ngx_http_keyspace_session_reading_t  rd;

    ngx_memzero(&rd, sizeof(ngx_http_keyspace_session_reading_t));

    rd.request = r;
    rd.session = s;

    ngx_http_keyspace_session_ask(s, &ks);

    ks.read = ngx_http_keyspace_session_read;
    ks.data = &rd;

    found = ks_session_use(s->conf->zone->space, &ks);
    rc = ngx_http_keyspace_session_done(r, s, &ks, found);

    return (rc == NGX_OK) ? rd.rc : rc;
}


ngx_int_t
ngx_http_keyspace_session_use(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s)
{
    ks_session_t        ks;
    ks_session_found_t  found;

    ngx_http_keyspace_session_ask(s, &ks);

    found = ks_session_use(s->conf->zone->space, &ks);

    return ngx_http_keyspace_session_done(r, s, &ks, found);
}


ngx_int_t
ngx_http_keyspace_session_field(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ks_str_t *name, ngx_str_t *value)
{
    ngx_int_t                            rc;
    ks_session_t                         ks;
    ks_session_found_t                   found;
    ngx_http_keyspace_session_reading_t  rd;

    ngx_memzero(&rd, sizeof(ngx_http_keyspace_session_reading_t));

    rd.request = r;
    rd.session = s;
    rd.name = name;

    ngx_http_keyspace_session_ask(s, &ks);

    ks.read = ngx_http_keyspace_session_read_one;
    ks.data = &rd;

    found = ks_session_look(s->conf->zone->space, &ks);
    rc = ngx_http_keyspace_session_done(r, s, &ks, found);
    *value = rd.value;

    return (rc == NGX_OK) ? rd.rc : rc;
}


ngx_int_t
ngx_http_keyspace_session_change(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_http_keyspace_session_changes_t *ch,
    ks_str_t *to)
{
    ngx_int_t                            rc;
    ks_session_t                         ks;
    ks_session_found_t                   found;
    ks_session_changes_t                 changes;
    ngx_http_keyspace_session_reading_t  rd;

    ngx_memzero(&rd, sizeof(ngx_http_keyspace_session_reading_t));
    ngx_memzero(&changes, sizeof(ks_session_changes_t));

    rd.request = r;
    rd.session = s;

    if (ch != NULL) {
        changes.edits = ch->edits.elts;
        changes.n = ch->edits.nelts;
        changes.destroy = ch->destroy;
        changes.destroy_all = ch->all;
        changes.remember = ch->remember;
    }

    ngx_http_keyspace_session_ask(s, &ks);

    if (!s->live) {
        ks.key = (ks_str_t) { 0, NULL };
    }

    ks.read = ngx_http_keyspace_session_read;
    ks.data = &rd;

    found = ks_session_change(s->conf->zone->space, &ks, &changes, to);
    rc = ngx_http_keyspace_session_done(r, s, &ks, found);

    return (rc == NGX_OK) ? rd.rc : rc;
}


/* It is not read yet. */

static void
ngx_http_keyspace_session_ask(ngx_http_keyspace_session_t *s,
    ks_session_t *ks)
{
    ngx_memzero(ks, sizeof(ks_session_t));

    ks->rule = &s->conf->rule;
    ks->key = s->key;
}


/* The engine has followed a renewal in the bytes of s->key. */

static ngx_int_t
ngx_http_keyspace_session_done(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ks_session_t *ks, ks_session_found_t found)
{
    ngx_keyspace_settle(s->conf->zone);

    s->until = ks->until;

    if (ks->moved) {
        s->moved = 1;

        ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                       "keyspace session: it was renewed by another request");
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace session: the engine says %d", (int) found);

    return ngx_http_keyspace_session_outcome(found);
}


static ngx_int_t
ngx_http_keyspace_session_outcome(ks_session_found_t found)
{
    switch (found) {

    case KS_SESSION_FOUND:
        return NGX_OK;

    case KS_SESSION_RENEWED:
        return NGX_AGAIN;

    case KS_SESSION_FULL:
        return NGX_ABORT;

    default:
        return NGX_DECLINED;
    }
}


/* --- reading --- */

/* All fields that variables name, as they are at the same moment. */

static void
ngx_http_keyspace_session_read(ks_space_t *sp, const ks_value_t *v,
    void *data)
{
    ngx_http_keyspace_session_reading_t *rd = data;

    ks_str_t                                name;
    ngx_str_t                             **field;
    ngx_uint_t                              i;
    ngx_http_keyspace_session_t            *s;
    ngx_http_keyspace_session_main_conf_t  *mcf;

    rd->rc = NGX_OK;

    mcf = ngx_http_get_module_main_conf(rd->request,
                                        ngx_http_keyspace_session_module);
    if (mcf->fields.nelts == 0) {
        return;
    }

    s = rd->session;

    if (s->values == NULL) {
        s->values = ngx_palloc(rd->request->pool,
                               mcf->fields.nelts * sizeof(ngx_str_t));
        if (s->values == NULL) {
            rd->rc = NGX_ERROR;
            return;
        }
    }

    field = mcf->fields.elts;

    for (i = 0; i < mcf->fields.nelts; i++) {
        name.len = field[i]->len - (sizeof("keyspace_session_") - 1);
        name.data = field[i]->data + sizeof("keyspace_session_") - 1;

        ngx_http_keyspace_session_value(sp, rd, v, &name, &s->values[i]);
    }
}


static void
ngx_http_keyspace_session_read_one(ks_space_t *sp, const ks_value_t *v,
    void *data)
{
    ngx_http_keyspace_session_reading_t *rd = data;

    rd->rc = NGX_OK;

    ngx_http_keyspace_session_value(sp, rd, v, rd->name, &rd->value);
}


static void
ngx_http_keyspace_session_value(ks_space_t *sp,
    ngx_http_keyspace_session_reading_t *rd, const ks_value_t *v,
    ks_str_t *name, ngx_str_t *value)
{
    ks_item_t   item;
    ngx_log_t  *log;

    ngx_str_null(value);

    if (!ks_session_field(v, name, &item)) {
        return;
    }

    if (item.len > NGX_HTTP_KEYSPACE_SESSION_VALUE) {
        log = rd->request->connection->log;
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "a field of the session is too long for a variable");
        return;
    }

    if (ngx_http_keyspace_session_copy(sp, rd->request->pool, &item, value)
        != NGX_OK)
    {
        rd->rc = NGX_ERROR;
    }
}


static ngx_int_t
ngx_http_keyspace_session_copy(ks_space_t *sp, ngx_pool_t *pool,
    ks_item_t *item, ngx_str_t *value)
{
    size_t         off, n;
    u_char        *p;
    const u_char  *run;

    p = ngx_pnalloc(pool, item->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    for (off = 0; off < item->len; off += n) {
        run = ks_item_run(sp, item, off, &n);
        ngx_memcpy(p + off, run, n);
    }

    value->len = item->len;
    value->data = p;

    return ngx_http_keyspace_session_safe(pool, value, ' ', '%');
}


ngx_int_t
ngx_http_keyspace_session_safe(ngx_pool_t *pool, ngx_str_t *value,
    u_char first, u_char also)
{
    u_char  *p, c;
    size_t   i, n;

    if (ngx_http_keyspace_session_is_safe(value->data, value->len, first, also))
    {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, value->len * 3);
    if (p == NULL) {
        return NGX_ERROR;
    }

    n = value->len;
    value->len = 0;

    for (i = 0; i < n; i++) {
        c = value->data[i];

        if (c < first || c == 0x7f || c == also) {
            p[value->len++] = '%';
            (void) ngx_hex_dump(p + value->len, &c, 1);
            value->len += 2;

        } else {
            p[value->len++] = c;
        }
    }

    value->data = p;

    return NGX_OK;
}


/* Eight bytes at once: what is subtracted borrows from the bit above a byte. */

static ngx_uint_t
ngx_http_keyspace_session_is_safe(u_char *p, size_t len, u_char first,
    u_char also)
{
    size_t    i;
    uint64_t  x, del, it, low;

    static const uint64_t  ones = 0x0101010101010101ull;

    low = 0;

    for (i = 0; len >= 8; i = ngx_min(i + 8, len - 8)) {
        ngx_memcpy(&x, p + i, 8);
        del = x ^ ones * 0x7f;
        it = x ^ ones * also;
        low |= ((x - ones * first) & ~x) | ((del - ones) & ~del)
               | ((it - ones) & ~it);

        if (i == len - 8) {
            return (low & ones << 7) == 0;
        }
    }

    for ( /* void */ ; i < len; i++) {
        if (p[i] < first || p[i] == 0x7f || p[i] == also) {
            return 0;
        }
    }

    return 1;
}
