
/*
 * Several zones behind one location: which one a request is for, and who it is
 * in the others.
 *
 * A request is for one zone, and so are all commands of a pipeline or a
 * transaction.  It says which by _db in the query, or by the field Keyspace-Db.
 */


#include "ngx_http_keyspace.h"
#include "commands/ks_args.h"


static ngx_int_t ngx_http_keyspace_db(ngx_http_request_t *r, ngx_str_t *value);
static const ks_user_t *ngx_http_keyspace_database_user(
    const ks_client_t *client, unsigned db);


ngx_int_t
ngx_http_keyspace_zones(ngx_conf_t *cf, ngx_http_keyspace_loc_conf_t *klcf,
    ngx_str_t *names, ngx_uint_t n)
{
    ngx_keyspace_zone_t            **zones;
    ngx_http_keyspace_databases_t   *d;

    zones = ngx_keyspace_zones_named(cf, names, n);
    if (zones == NULL) {
        return NGX_ERROR;
    }

    klcf->zone = zones[0];

    if (n == 1) {
        return NGX_OK;
    }

    d = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_databases_t));
    if (d == NULL) {
        return NGX_ERROR;
    }

    d->zones = zones;
    d->ks.n = n;
    d->ks.user = ngx_http_keyspace_database_user;
    klcf->databases = d;

    return NGX_OK;
}


ngx_int_t
ngx_http_keyspace_choose(ngx_http_request_t *r, ngx_http_keyspace_ctx_t *ctx,
    ngx_http_keyspace_loc_conf_t *klcf)
{
    ngx_int_t   db, rc;
    ngx_str_t   value;
    ngx_uint_t  n;

    ctx->db = 0;

    rc = ngx_http_keyspace_db(r, &value);

    if (rc != NGX_OK) {
        return (rc == NGX_DECLINED) ? NGX_OK : NGX_ERROR;
    }

    n = klcf->databases ? klcf->databases->ks.n : 1;
    db = ngx_atoi(value.data, value.len);

    if (db == NGX_ERROR || (ngx_uint_t) db >= n) {
        return NGX_ERROR;
    }

    ctx->db = (ngx_uint_t) db;

    return NGX_OK;
}


/* NGX_DECLINED: it says none. */

static ngx_int_t
ngx_http_keyspace_db(ngx_http_request_t *r, ngx_str_t *value)
{
    u_char     *buf;
    ks_str_t    query, found;
    ngx_str_t  *field;

    if (r->args.len != 0) {
        buf = ngx_pnalloc(r->pool, r->args.len);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        query.data = r->args.data;
        query.len = r->args.len;

        if (ks_query_value(query, KS_URL_DB, buf, &found) == KS_OK) {
            value->data = found.data;
            value->len = found.len;
            return NGX_OK;
        }
    }

    field = ngx_http_keyspace_request_field(r, "keyspace-db");

    if (field == NULL) {
        return NGX_DECLINED;
    }

    *value = *field;

    return NGX_OK;
}


void
ngx_http_keyspace_databases(ngx_http_keyspace_databases_t *d,
    ngx_http_keyspace_ctx_t *ctx, ks_client_t *client)
{
    ngx_uint_t  i;

    if (d->zones[ctx->db]->space != client->space) {
        return;                         /* what keyspace_run has, say */
    }

    for (i = 0; i < d->ks.n; i++) {
        d->ks.spaces[i] = d->zones[i]->space;
    }

    client->databases = &d->ks;
    client->db = ctx->db;
}


/* As the same token makes it there. */

static const ks_user_t *
ngx_http_keyspace_database_user(const ks_client_t *client, unsigned db)
{
    const ks_user_t               *user;
    ngx_http_request_t            *r;
    ngx_keyspace_zone_t           *kz;
    ngx_http_keyspace_ctx_t       *ctx;
    ngx_http_keyspace_loc_conf_t  *klcf;

    r = client->data;
    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);
    kz = klcf->databases->zones[db];

    user = ngx_keyspace_user(kz, &ctx->secret);

    if (user->rights == KS_RIGHTS_NONE
        || !ngx_keyspace_admits(kz, user, r->connection->sockaddr)
        || ngx_http_keyspace_hold_user(r, user) != NGX_OK)
    {
        return NULL;
    }

    return user;
}
