
/*
 * keyspace_ready: whether zones can serve, for load balancers.
 *
 * A zone that goes with an upstream is ready while it has a link to it, of this
 * worker, which is asked to make one if it has none yet.
 */


#include "ngx_http_keyspace.h"
#include "ngx_http_keyspace_metrics.h"
#include "ngx_keyspace_far.h"

#include "keyspace/ks_upstream.h"


#define NGX_HTTP_KEYSPACE_READY_WHY  512


static const char *
ngx_http_keyspace_ready_follows(ngx_keyspace_zone_t *kz)
{
    uint32_t             gate;
    ks_upstream_state_t  st;

    gate = ks_upstream_gate(kz->space);

    if (gate == 0) {
        return NULL;
    }

    ks_upstream_state(kz->zone, &st);

    if (gate & KS_GATE_FULL) {
        return "the zone is full, and has no room for the upstream's keys";
    }

    if (gate & KS_GATE_LOADING) {
        return "the keys of the upstream are being loaded";
    }

    if ((gate & KS_GATE_DOWN) || st.link != KS_LINK_UP) {
        return "the link to the upstream is down";
    }

    return NULL;
}


/* NULL: it is ready; or what is missing, in buf or not */

static const char *
ngx_http_keyspace_ready_why(ngx_keyspace_zone_t *kz, u_char *buf, size_t size)
{
    const char  *why;

    why = ngx_http_keyspace_ready_follows(kz);

    if (why == NULL && kz->upstream != NULL) {
        why = ngx_keyspace_forward_why(kz);
    }

    if (why == NULL) {
        return NULL;
    }

    (void) ngx_cpystrn(buf, (u_char *) why, size);

    return (const char *) buf;
}


ngx_int_t
ngx_http_keyspace_ready(ngx_http_request_t *r, ngx_keyspace_zone_t **kz,
    ngx_uint_t n)
{
    cJSON       *all, *zones, *zone;
    u_char       name[NGX_MAX_PATH], buf[NGX_HTTP_KEYSPACE_READY_WHY];
    ngx_uint_t   i, ready;
    const char  *why;

    all = cJSON_CreateObject();
    zones = cJSON_AddObjectToObject(all, "zones");
    ready = 1;

    for (i = 0; i < n; i++) {
        why = ngx_http_keyspace_ready_why(kz[i], buf, sizeof(buf));
        ready &= (why == NULL);

        (void) ngx_cpystrn(name, kz[i]->name.data,
                           ngx_min(kz[i]->name.len + 1, sizeof(name)));

        zone = cJSON_AddObjectToObject(zones, (char *) name);

        if (!cJSON_AddBoolToObject(zone, "ready", why == NULL)
            || (why != NULL && !cJSON_AddStringToObject(zone, "reason", why)))
        {
            cJSON_Delete(all);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (!cJSON_AddBoolToObject(all, "ready", (int) ready)) {
        cJSON_Delete(all);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = ready ? NGX_HTTP_OK
                                  : NGX_HTTP_SERVICE_UNAVAILABLE;

    return ngx_http_keyspace_send_json(r, all);
}
