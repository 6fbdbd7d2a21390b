
/*
 * What the configuration says of a client's zone, for CONFIG GET: its files,
 * and how long a script may run.
 */


#include "ngx_keyspace.h"


static ngx_keyspace_zone_t *ngx_keyspace_configured_zone(
    const ks_client_t *client);
static void ngx_keyspace_configured_file(const char *path,
    ks_configured_t *conf);


void
ngx_keyspace_configured(const ks_client_t *client, ks_configured_t *conf)
{
    ngx_keyspace_zone_t  *kz;

    kz = ngx_keyspace_configured_zone(client);

    if (kz == NULL) {
        return;
    }

    conf->script = kz->script.timeout;

    if (kz->snapshot.path != NULL) {
        ngx_keyspace_configured_file(kz->snapshot.path, conf);

    } else if (kz->journal.dir != NULL) {
        ngx_keyspace_configured_file(kz->journal.dir, conf);
        conf->snapshot = "";
    }
}


static ngx_keyspace_zone_t *
ngx_keyspace_configured_zone(const ks_client_t *client)
{
    ngx_uint_t            i = 0;
    ngx_keyspace_zone_t  *kz;

    while ((kz = ngx_keyspace_zone_next(ngx_cycle, &i)) != NULL) {
        if (kz->space == client->space) {
            return kz;
        }
    }

    return NULL;
}


/* the directory that it is in, and its name there */

static void
ngx_keyspace_configured_file(const char *path, ks_configured_t *conf)
{
    size_t       len;
    const char  *slash;
    static char  dir[NGX_MAX_PATH + 1];

    slash = strrchr(path, '/');

    if (slash == NULL) {
        return;
    }

    len = (slash == path) ? 1 : (size_t) (slash - path);
    len = ngx_min(len, (size_t) NGX_MAX_PATH);

    (void) ngx_cpystrn((u_char *) dir, (u_char *) path, len + 1);

    conf->dir = dir;
    conf->snapshot = slash + 1;
}
