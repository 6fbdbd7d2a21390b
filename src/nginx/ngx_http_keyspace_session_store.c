
/*
 * Sessions in the zone.  Each function here is one transaction: another
 * request sees a change whole or not at all, and fields that two requests set
 * are both there.
 *
 * A transaction may be rolled back and run again, so a body begins with its
 * outputs; what it takes from the request's pool is for what it has read when
 * nothing more is to be stored.
 */


#include "ngx_http_keyspace_session.h"
#include "commands/ks_args.h"
#include "types/ks_hash.h"


/* so much of the TTL, or a second, may pass before it is written again */

#define NGX_HTTP_KEYSPACE_SESSION_LAZY      20
#define NGX_HTTP_KEYSPACE_SESSION_LAZY_MAX  1000

/* fields among which a variable's is looked for regardless of case */

#define NGX_HTTP_KEYSPACE_SESSION_LOOK      128


typedef struct {
    ngx_http_request_t                   *request;
    ngx_http_keyspace_session_conf_t     *conf;
    ngx_http_keyspace_session_t          *session;
    ngx_http_keyspace_session_changes_t  *changes;

    ks_str_t                             *from;     /* NULL: none is live */
    ks_str_t                             *to;       /* NULL: the same key */

    ks_str_t                             *name;     /* of one field */
    ngx_str_t                             value;

    unsigned                              still:1;  /* the TTL is let be */
    unsigned                              blind:1;  /* no fields are read */
    unsigned                              bare:1;   /* no way from the old key */
    u_char                                moved[NGX_HTTP_KEYSPACE_SESSION_ID];
    ngx_int_t                             rc;
} ngx_http_keyspace_session_call_t;


static ngx_int_t ngx_http_keyspace_session_begin_anew(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, unsigned blind);
static ngx_int_t ngx_http_keyspace_session_run(
    ngx_http_keyspace_session_call_t *call, ks_body_pt body);
static ngx_int_t ngx_http_keyspace_session_follow(
    ngx_http_keyspace_session_call_t *call);
static ngx_int_t ngx_http_keyspace_session_transact(
    ngx_http_keyspace_session_call_t *call, ks_body_pt body);
static ngx_uint_t ngx_http_keyspace_session_moved(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_value_t *v);
static void ngx_http_keyspace_session_leave(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call);
static void ngx_http_keyspace_session_peek_body(ks_space_t *sp, void *data);
static void ngx_http_keyspace_session_load_body(ks_space_t *sp, void *data);
static void ngx_http_keyspace_session_field_body(ks_space_t *sp, void *data);
static void ngx_http_keyspace_session_change_body(ks_space_t *sp, void *data);
static ks_entry_t *ngx_http_keyspace_session_renew(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_entry_t *e);
static void ngx_http_keyspace_session_create(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_value_t *v);
static void ngx_http_keyspace_session_edit(
    ngx_http_keyspace_session_changes_t *ch, ks_value_t *v);
static ks_entry_t *ngx_http_keyspace_session_lookup(ks_space_t *sp,
    ks_str_t *key, unsigned flags);
static uint64_t ngx_http_keyspace_session_created(ks_space_t *sp,
    ks_value_t *v);
static void ngx_http_keyspace_session_stamp(ks_space_t *sp, ks_value_t *v);
static uint64_t ngx_http_keyspace_session_due(
    ngx_http_keyspace_session_conf_t *conf, uint64_t created, uint64_t now);
static void ngx_http_keyspace_session_read(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_value_t *v);
static void ngx_http_keyspace_session_value(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_value_t *v, ks_str_t *name,
    ngx_str_t *value);
static ngx_uint_t ngx_http_keyspace_session_look(ks_space_t *sp,
    ks_value_t *v, ks_str_t *name, ks_pos_t *pos);
static ngx_int_t ngx_http_keyspace_session_copy(ks_space_t *sp,
    ngx_pool_t *pool, ks_item_t *item, ngx_str_t *value);
static ngx_uint_t ngx_http_keyspace_session_is_safe(u_char *p, size_t len,
    u_char first, u_char also);


ngx_int_t
ngx_http_keyspace_session_peek(ngx_http_request_t *r,
    ngx_http_keyspace_session_conf_t *conf, ks_str_t *key)
{
    ngx_http_keyspace_session_call_t  call;

    ngx_memzero(&call, sizeof(ngx_http_keyspace_session_call_t));

    call.request = r;
    call.conf = conf;
    call.from = key;

    return ngx_http_keyspace_session_transact(&call,
                                         ngx_http_keyspace_session_peek_body);
}


ngx_int_t
ngx_http_keyspace_session_load(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s)
{
    return ngx_http_keyspace_session_begin_anew(r, s, 0);
}


ngx_int_t
ngx_http_keyspace_session_use(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s)
{
    return ngx_http_keyspace_session_begin_anew(r, s, 1);
}


/* Its time does. */

static ngx_int_t
ngx_http_keyspace_session_begin_anew(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, unsigned blind)
{
    ngx_int_t                         rc;
    ngx_http_keyspace_session_call_t  call;

    ngx_memzero(&call, sizeof(ngx_http_keyspace_session_call_t));

    call.request = r;
    call.conf = s->conf;
    call.session = s;
    call.from = &s->key;
    call.blind = (blind != 0);

    rc = ngx_http_keyspace_session_run(&call,
                                       ngx_http_keyspace_session_load_body);

    if (rc == NGX_ABORT) {
        /* not even for that: it goes on with the time that it has */

        call.still = 1;
        rc = ngx_http_keyspace_session_run(&call,
                                         ngx_http_keyspace_session_load_body);
    }

    return rc;
}


ngx_int_t
ngx_http_keyspace_session_field(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ks_str_t *name, ngx_str_t *value)
{
    ngx_int_t                         rc;
    ngx_http_keyspace_session_call_t  call;

    ngx_memzero(&call, sizeof(ngx_http_keyspace_session_call_t));

    call.request = r;
    call.conf = s->conf;
    call.session = s;
    call.from = &s->key;
    call.name = name;

    rc = ngx_http_keyspace_session_run(&call,
                                       ngx_http_keyspace_session_field_body);
    *value = call.value;

    return rc;
}


ngx_int_t
ngx_http_keyspace_session_change(ngx_http_request_t *r,
    ngx_http_keyspace_session_t *s, ngx_http_keyspace_session_changes_t *ch,
    ks_str_t *to)
{
    ngx_int_t                         rc;
    ngx_http_keyspace_session_call_t  call;

    ngx_memzero(&call, sizeof(ngx_http_keyspace_session_call_t));

    call.request = r;
    call.conf = s->conf;
    call.session = s;
    call.changes = ch;
    call.from = s->live ? &s->key : NULL;
    call.to = to;
    call.bare = (s->conf->grace == 0);

    rc = ngx_http_keyspace_session_run(&call,
                                       ngx_http_keyspace_session_change_body);

    if (rc == NGX_ABORT && call.from != NULL && call.to != NULL && !call.bare)
    {
        /* a renewal is not given up for want of room for the way to it */

        call.bare = 1;
        rc = ngx_http_keyspace_session_run(&call,
                                       ngx_http_keyspace_session_change_body);
    }

    return rc;
}


/* The transaction; where the session has been renewed, with its new key. */

static ngx_int_t
ngx_http_keyspace_session_run(ngx_http_keyspace_session_call_t *call,
    ks_body_pt body)
{
    ngx_int_t   rc;
    ngx_uint_t  hops;

    for (hops = 0; hops < NGX_HTTP_KEYSPACE_SESSION_HOPS; hops++) {

        rc = ngx_http_keyspace_session_transact(call, body);

        if (rc != NGX_AGAIN) {
            return rc;
        }

        if (ngx_http_keyspace_session_follow(call) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_keyspace_session_follow(ngx_http_keyspace_session_call_t *call)
{
    u_char                            *p;
    ngx_http_keyspace_session_t       *s;
    ngx_http_keyspace_session_conf_t  *conf;

    conf = call->conf;
    s = call->session;

    p = ngx_pnalloc(call->request->pool,
                    conf->prefix.len + NGX_HTTP_KEYSPACE_SESSION_ID);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s->key.len = conf->prefix.len + NGX_HTTP_KEYSPACE_SESSION_ID;
    s->key.data = p;
    s->moved = 1;

    p = ngx_cpymem(p, conf->prefix.data, conf->prefix.len);
    ngx_memcpy(p, call->moved, NGX_HTTP_KEYSPACE_SESSION_ID);

    /* its cookie is on its way with the response to the other request */

    if (call->changes != NULL && !call->changes->destroy) {
        call->to = NULL;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, call->request->connection->log, 0,
                   "keyspace session: it was renewed by another request");

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_session_transact(ngx_http_keyspace_session_call_t *call,
    ks_body_pt body)
{
    int                   rc;
    ks_call_t             kc;
    ks_space_t           *sp;
    ngx_keyspace_zone_t  *kz;

    kz = call->conf->zone;

    sp = kz->space;

    ngx_memzero(&kc, sizeof(ks_call_t));

    if (call->from != NULL) {
        kc.shards |= ks_key_shard(sp, call->from);
    }

    if (call->to != NULL) {
        kc.shards |= ks_key_shard(sp, call->to);
    }

    kc.urgent = call->from != NULL
                && (call->changes == NULL || !call->changes->sets);
    kc.body = body;
    kc.data = call;

    rc = ngx_keyspace_run(kz, &kc);

    return (rc == KS_OK) ? call->rc : NGX_ABORT;
}


/* --- bodies --- */

static void
ngx_http_keyspace_session_peek_body(ks_space_t *sp, void *data)
{
    ngx_http_keyspace_session_call_t *call = data;

    ks_entry_t  *e;
    ks_value_t   v;

    call->rc = NGX_DECLINED;

    e = ngx_http_keyspace_session_lookup(sp, call->from, KS_LOOKUP_PEEK);

    if (e != NULL) {
        call->rc = NGX_OK;
        ks_value_open(sp, call->from, e, &v);
        (void) ngx_http_keyspace_session_moved(sp, call, &v);
    }
}


static void
ngx_http_keyspace_session_load_body(ks_space_t *sp, void *data)
{
    ngx_http_keyspace_session_call_t *call = data;

    uint64_t     now, due, expire, created, lazy;
    ks_entry_t  *e;
    ks_value_t   v;

    call->rc = NGX_DECLINED;

    e = ngx_http_keyspace_session_lookup(sp, call->from, KS_LOOKUP_READ);
    if (e == NULL) {
        return;
    }

    ks_value_open(sp, call->from, e, &v);

    now = ks_space_now(sp);
    created = ngx_http_keyspace_session_created(sp, &v);

    if (created == 0 && ngx_http_keyspace_session_moved(sp, call, &v)) {
        return;
    }

    if (created == 0 && !call->still) {
        ngx_http_keyspace_session_stamp(sp, &v);
        (void) ks_value_close(&v);
        created = now;
        e = v.entry;
    }

    due = ngx_http_keyspace_session_due(call->conf, created, now);

    if (due <= now) {
        ks_remove(sp, call->from, e);
        return;
    }

    expire = ks_entry_expire(e);
    lazy = ngx_min(call->conf->ttl / NGX_HTTP_KEYSPACE_SESSION_LAZY,
                   NGX_HTTP_KEYSPACE_SESSION_LAZY_MAX);

    /* without a TTL expire is 0, and as good as past */

    if (!call->still && (expire > due || due - expire > lazy)) {
        e = ks_set_expire(sp, call->from, e, due);
        ks_value_open(sp, call->from, e, &v);
    }

    call->rc = NGX_OK;

    if (!call->blind) {
        ngx_http_keyspace_session_read(sp, call, &v);
    }
}


static void
ngx_http_keyspace_session_field_body(ks_space_t *sp, void *data)
{
    ngx_http_keyspace_session_call_t *call = data;

    ks_entry_t  *e;
    ks_value_t   v;

    call->rc = NGX_OK;
    ngx_str_null(&call->value);

    e = ngx_http_keyspace_session_lookup(sp, call->from, KS_LOOKUP_PEEK);

    if (e != NULL) {
        ks_value_open(sp, call->from, e, &v);

        if (ngx_http_keyspace_session_moved(sp, call, &v)) {
            return;
        }

        ngx_http_keyspace_session_value(sp, call, &v, call->name,
                                        &call->value);
    }
}


static void
ngx_http_keyspace_session_change_body(ks_space_t *sp, void *data)
{
    ngx_http_keyspace_session_call_t *call = data;

    ks_str_t                             *key;
    ks_entry_t                           *e;
    ks_value_t                            v;
    ngx_http_keyspace_session_changes_t  *ch;

    call->rc = NGX_OK;
    ch = call->changes;
    e = NULL;

    if (call->from != NULL) {
        e = ngx_http_keyspace_session_lookup(sp, call->from, KS_LOOKUP_WRITE);

        if (e != NULL) {
            ks_value_open(sp, call->from, e, &v);

            if (ngx_http_keyspace_session_moved(sp, call, &v)) {
                return;
            }
        }

        if (ch->destroy && e != NULL) {
            ks_remove(sp, call->from, e);
            e = NULL;

        } else if (e == NULL && !ch->destroy) {
            call->rc = NGX_DECLINED;
            return;
        }
    }

    if (call->to != NULL) {
        e = ngx_http_keyspace_session_renew(sp, call, e);
        key = call->to;

    } else if (e == NULL) {
        return;

    } else {
        key = call->from;
    }

    if (e != NULL) {
        ks_value_open(sp, key, e, &v);
    } else {
        ngx_http_keyspace_session_create(sp, call, &v);
    }

    if (ch != NULL) {
        ngx_http_keyspace_session_edit(ch, &v);
    }

    if (ks_value_close(&v)) {
        call->rc = NGX_DECLINED;
        return;
    }

    ngx_http_keyspace_session_read(sp, call, &v);
}


/* Nothing is at the new key, of whose name so many bits are random. */

static ks_entry_t *
ngx_http_keyspace_session_renew(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_entry_t *e)
{
    ks_entry_t  *old;

    old = ks_lookup(sp, call->to, KS_LOOKUP_PEEK);

    if (old != NULL) {
        ks_remove(sp, call->to, old);
    }

    if (e == NULL) {
        return NULL;
    }

    ks_rename(sp, call->from, e, call->to);

    if (!call->bare) {
        ngx_http_keyspace_session_leave(sp, call);
    }

    return ks_lookup(sp, call->to, KS_LOOKUP_PEEK);
}


/* At the old key, nothing but the way to the new one is left for a while. */

static void
ngx_http_keyspace_session_leave(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call)
{
    ks_str_t    id;
    ks_value_t  v;
    ks_str_t    field = ks_str(NGX_HTTP_KEYSPACE_SESSION_MOVED);

    id.len = NGX_HTTP_KEYSPACE_SESSION_ID;
    id.data = call->to->data + call->to->len - NGX_HTTP_KEYSPACE_SESSION_ID;

    ks_value_create(sp, call->from, NULL, KS_TYPE_HASH, KS_ENC_LISTPACK,
                    sizeof(NGX_HTTP_KEYSPACE_SESSION_MOVED) + id.len + 2,
                    ks_space_now(sp) + call->conf->grace, &v);

    (void) ks_hash_set(&v, &field, &id, 0);
    (void) ks_value_close(&v);
}


/* Whether it is such a way, which goes to call->moved. */

static ngx_uint_t
ngx_http_keyspace_session_moved(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_value_t *v)
{
    ks_pos_t   pos;
    ks_str_t   s;
    ks_item_t  item;
    ks_str_t   field = ks_str(NGX_HTTP_KEYSPACE_SESSION_MOVED);

    if (!ks_hash_find(v, &pos, &field)) {
        return 0;
    }

    item = ks_hash_value(v, &pos);

    if (item.len != NGX_HTTP_KEYSPACE_SESSION_ID) {
        return 0;
    }

    s = ks_item_flat(sp, &item);
    ngx_memcpy(call->moved, s.data, NGX_HTTP_KEYSPACE_SESSION_ID);

    call->rc = NGX_AGAIN;

    return 1;
}


static void
ngx_http_keyspace_session_create(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_value_t *v)
{
    size_t                             room;
    uint64_t                           now;
    ngx_uint_t                         i;
    ngx_http_keyspace_session_edit_t  *edit;

    room = sizeof(NGX_HTTP_KEYSPACE_SESSION_CREATED) + KS_INTEGER_TEXT;

    if (call->changes != NULL) {
        edit = call->changes->edits.elts;

        for (i = 0; i < call->changes->edits.nelts; i++) {
            room += edit[i].field.len + edit[i].value.len + 2;
        }
    }

    now = ks_space_now(sp);

    ks_value_create(sp, call->to, NULL, KS_TYPE_HASH, KS_ENC_LISTPACK, room,
                    ngx_http_keyspace_session_due(call->conf, now, now), v);

    ngx_http_keyspace_session_stamp(sp, v);
}


static void
ngx_http_keyspace_session_edit(ngx_http_keyspace_session_changes_t *ch,
    ks_value_t *v)
{
    ngx_uint_t                         i;
    ngx_http_keyspace_session_edit_t  *edit;

    edit = ch->edits.elts;

    for (i = 0; i < ch->edits.nelts; i++) {

        if (edit[i].unset) {
            (void) ks_hash_remove(v, &edit[i].field);

        } else {
            (void) ks_hash_set(v, &edit[i].field, &edit[i].value, 0);
        }
    }
}


/* --- the hash --- */

/* What is no hash is no session. */

static ks_entry_t *
ngx_http_keyspace_session_lookup(ks_space_t *sp, ks_str_t *key,
    unsigned flags)
{
    ks_entry_t  *e;

    e = ks_lookup(sp, key, flags);

    if (e != NULL && ks_entry_type(e) != KS_TYPE_HASH) {
        return NULL;
    }

    return e;
}


/* 0: it is not known, because somebody has made the hash anew. */

static uint64_t
ngx_http_keyspace_session_created(ks_space_t *sp, ks_value_t *v)
{
    int64_t    n;
    ks_pos_t   pos;
    ks_str_t   s;
    ks_item_t  item;
    ks_str_t   field = ks_str(NGX_HTTP_KEYSPACE_SESSION_CREATED);

    if (!ks_hash_find(v, &pos, &field)) {
        return 0;
    }

    item = ks_hash_value(v, &pos);

    if (item.data == NULL) {
        return 0;
    }

    s.len = item.len;
    s.data = (u_char *) item.data;

    return (ks_parse_int(&s, &n) == KS_OK && n > 0) ? (uint64_t) n : 0;
}


static void
ngx_http_keyspace_session_stamp(ks_space_t *sp, ks_value_t *v)
{
    u_char    text[KS_INTEGER_TEXT];
    ks_str_t  value;
    ks_str_t  field = ks_str(NGX_HTTP_KEYSPACE_SESSION_CREATED);

    value.data = text;
    value.len = ks_integer_text(text, (int64_t) ks_space_now(sp));

    (void) ks_hash_set(v, &field, &value, 0);
}


static uint64_t
ngx_http_keyspace_session_due(ngx_http_keyspace_session_conf_t *conf,
    uint64_t created, uint64_t now)
{
    if (conf->absolute == 0 || created == 0) {
        return now + conf->ttl;
    }

    return ngx_min(now + conf->ttl, created + conf->absolute);
}


/* --- reading --- */

/* All fields that variables name, as they are at the same moment. */

static void
ngx_http_keyspace_session_read(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_value_t *v)
{
    ks_str_t                                name;
    ngx_str_t                             **field;
    ngx_uint_t                              i;
    ngx_http_keyspace_session_t            *s;
    ngx_http_keyspace_session_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(call->request,
                                        ngx_http_keyspace_session_module);
    if (mcf->fields.nelts == 0) {
        return;
    }

    s = call->session;

    if (s->values == NULL) {
        s->values = ngx_palloc(call->request->pool,
                               mcf->fields.nelts * sizeof(ngx_str_t));
        if (s->values == NULL) {
            call->rc = NGX_ERROR;
            return;
        }
    }

    field = mcf->fields.elts;

    for (i = 0; i < mcf->fields.nelts; i++) {
        name.len = field[i]->len - (sizeof("keyspace_session_") - 1);
        name.data = field[i]->data + sizeof("keyspace_session_") - 1;

        ngx_http_keyspace_session_value(sp, call, v, &name, &s->values[i]);
    }
}


static void
ngx_http_keyspace_session_value(ks_space_t *sp,
    ngx_http_keyspace_session_call_t *call, ks_value_t *v, ks_str_t *name,
    ngx_str_t *value)
{
    ks_pos_t    pos;
    ks_item_t   item;
    ngx_log_t  *log;

    ngx_str_null(value);

    if (!ks_hash_find(v, &pos, name)
        && !ngx_http_keyspace_session_look(sp, v, name, &pos))
    {
        return;
    }

    item = ks_hash_value(v, &pos);

    if (item.len > NGX_HTTP_KEYSPACE_SESSION_VALUE) {
        log = call->request->connection->log;
        ngx_log_error(NGX_LOG_INFO, log, 0,
                      "a field of the session is too long for a variable");
        return;
    }

    if (ngx_http_keyspace_session_copy(sp, call->request->pool, &item, value)
        != NGX_OK)
    {
        call->rc = NGX_ERROR;
    }
}


/* Names of variables are in lower case and have no "-". */

static ngx_uint_t
ngx_http_keyspace_session_is_name(ks_item_t *item, ks_str_t *name)
{
    u_char  c;
    size_t  i;

    if (item->len != name->len || item->data == NULL) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = ngx_tolower(item->data[i]);

        if (c != name->data[i] && !(c == '-' && name->data[i] == '_')) {
            return 0;
        }
    }

    return 1;
}


/* the first field that would have this name of a variable */

static ngx_uint_t
ngx_http_keyspace_session_look(ks_space_t *sp, ks_value_t *v, ks_str_t *name,
    ks_pos_t *pos)
{
    ks_item_t   item;
    ngx_uint_t  n, more;

    more = ks_value_at(v, pos, 0);

    for (n = 0; more && n < NGX_HTTP_KEYSPACE_SESSION_LOOK; n++) {

        item = ks_value_item(v, pos, 0);

        if (ngx_http_keyspace_session_is_name(&item, name)) {
            return 1;
        }

        more = ks_value_next(v, pos);
    }

    return 0;
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
