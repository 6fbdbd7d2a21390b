
/*
 * The zone as a primary, as nginx has it: what the configuration says, and the
 * helper's part in files for replicas.  Their connections are those of the RESP
 * listener (ngx_stream_keyspace_replica.c).
 */


#include "ngx_keyspace_replicas.h"
#include "ngx_keyspace_memory.h"
#include "ngx_keyspace_param.h"

#include <openssl/rand.h>


#define NGX_KEYSPACE_REPLICAS_PING     10000            /* milliseconds */
#define NGX_KEYSPACE_REPLICAS_TIMEOUT  60000
#define NGX_KEYSPACE_REPLICAS_TICK     1000
#define NGX_KEYSPACE_REPLICAS_LAG      10000
#define NGX_KEYSPACE_REPLICAS_BACKLOG  (1024u * 1024 * 1024)    /* at most */


static const char *ngx_keyspace_replicas_backlog(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_replicas_min(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);


static ngx_keyspace_param_t  ngx_keyspace_replicas_params[] = {
    ngx_keyspace_param_row("backlog", ngx_keyspace_replicas_backlog, 0),
    ngx_keyspace_param_field("ping", ngx_keyspace_param_seconds,
                             ngx_keyspace_zone_t, primary.period),
    ngx_keyspace_param_field("timeout", ngx_keyspace_param_seconds,
                             ngx_keyspace_zone_t, primary.timeout),
    ngx_keyspace_param_row("min", ngx_keyspace_replicas_min, 0),
    ngx_keyspace_param_field("min_lag", ngx_keyspace_param_seconds,
                             ngx_keyspace_zone_t, primary.most),
    ngx_keyspace_null_param
};


/* --- configuration --- */

const char *
ngx_keyspace_replicas(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    u_char     *p;
    ngx_str_t   path;

    if (ngx_keyspace_path(cf, value, "replicas", 1, &path) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    kz->replicas_dir = path;

    p = ngx_pnalloc(cf->pool, path.len + kz->name.len
                              + sizeof("/.replica."));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    kz->syncs.prefix = (char *) p;
    ngx_sprintf(p, "%V/%V.replica.%Z", &path, &kz->name);

    kz->primary.period = NGX_KEYSPACE_REPLICAS_PING;
    kz->primary.timeout = NGX_KEYSPACE_REPLICAS_TIMEOUT;
    kz->primary.most = NGX_KEYSPACE_REPLICAS_LAG;

    return ngx_keyspace_params(cf, 2, ngx_keyspace_replicas_params, kz,
                               "replicas");
}


static const char *
ngx_keyspace_replicas_backlog(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ssize_t  size;

    size = ngx_parse_size(value);

    if (size == NGX_ERROR || size == 0
        || (size_t) size > NGX_KEYSPACE_REPLICAS_BACKLOG)
    {
        return "it is a size, of 1g at most";
    }

    kz->backlog = (size_t) size;

    return NGX_CONF_OK;
}


static const char *
ngx_keyspace_replicas_min(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_zone_t *kz = conf;

    ngx_int_t  n;

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n > KS_REPLICAS) {
        return "it is a number of replicas, of 64 at most";
    }

    kz->primary.least = (unsigned) n;

    return NGX_CONF_OK;
}


/* A power of two: what the zone has by itself, or what is asked for. */

size_t
ngx_keyspace_ring(ngx_keyspace_zone_t *kz)
{
    size_t  size;

    size = ks_journal_size(kz->size);

    while (size < kz->backlog) {
        size *= 2;
    }

    return size;
}


ngx_int_t
ngx_keyspace_replicas_take(ngx_keyspace_zone_t *kz, ngx_log_t *log)
{
    if (kz->replicas_dir.len == 0) {
        return NGX_OK;
    }

    return ngx_keyspace_directory(kz, (char *) kz->replicas_dir.data,
                                  "directory of \"replicas\"", log);
}


void
ngx_keyspace_replicas_takeover(ngx_cycle_t *cycle, ngx_keyspace_conf_t *kcf)
{
    u_char                 id[KS_REPLID];
    ngx_uint_t             i;
    ngx_keyspace_zone_t  **kz;

    kz = kcf->zones.elts;

    for (i = 0; i < kcf->zones.nelts; i++) {

        if (kz[i]->replicas_dir.len == 0) {
            ks_primary_configure(kz[i]->zone, NULL);
            continue;
        }

        ngx_keyspace_replicas_id(id, cycle->log);
        kz[i]->primary.id = (char *) id;
        ks_primary_configure(kz[i]->zone, &kz[i]->primary);
        kz[i]->primary.id = NULL;

        if (kz[i]->zone->journal.size != ngx_keyspace_ring(kz[i])) {
            ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                          "keyspace zone \"%V\" has a backlog of %uL bytes, "
                          "which a reload does not change: that takes a "
                          "restart", &kz[i]->name,
                          (uint64_t) kz[i]->zone->journal.size);
        }
    }
}


void
ngx_keyspace_replicas_id(u_char id[KS_REPLID], ngx_log_t *log)
{
    u_char  bytes[KS_REPLID / 2];

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "RAND_bytes() failed");
        ngx_memzero(bytes, sizeof(bytes));
    }

    (void) ngx_hex_dump(id, bytes, sizeof(bytes));
}


/* --- a worker --- */

static void
ngx_keyspace_replicas_post(ngx_keyspace_zone_t *kz, ngx_uint_t tick)
{
    ngx_queue_t             *q;
    ngx_keyspace_replica_t  *r;

    for (q = ngx_queue_head(&kz->replicas);
         q != ngx_queue_sentinel(&kz->replicas);
         q = ngx_queue_next(q))
    {
        r = ngx_queue_data(q, ngx_keyspace_replica_t, queue);
        r->tick |= tick;
        ngx_post_event(&r->event, &ngx_posted_events);
    }
}


static void
ngx_keyspace_replicas_record(ks_space_t *sp, void *data,
    const ks_frame_record_t *record)
{
    ngx_keyspace_zone_t *kz = data;

    kz->replicas_told = 1;
}


/* Also if it was overtaken: what the replicas have they find out themselves. */

static void
ngx_keyspace_replicas_heard(ks_space_t *sp, void *data)
{
    ngx_keyspace_zone_t *kz = data;

    if (kz->replicas_told && !ngx_queue_empty(&kz->replicas)) {
        kz->replicas_told = 0;
        ngx_keyspace_replicas_post(kz, 0);
    }
}


static void
ngx_keyspace_replicas_overtaken(ks_space_t *sp, void *data)
{
    ngx_keyspace_replicas_record(sp, data, NULL);
}


static void
ngx_keyspace_replicas_timer_handler(ngx_event_t *ev)
{
    ngx_keyspace_zone_t  *kz;

    kz = (ngx_keyspace_zone_t *)
             ((u_char *) ev - offsetof(ngx_keyspace_zone_t, replicas_timer));

    ks_primary_ping(kz->space, ks_clock());
    ngx_keyspace_replicas_post(kz, 1);

    ngx_add_timer(ev, NGX_KEYSPACE_REPLICAS_TICK);
}


static void
ngx_keyspace_replicas_listen(ngx_keyspace_zone_t *kz)
{
    ks_listener_t  l;

    ngx_queue_init(&kz->replicas);

    kz->replicas_timer.handler = ngx_keyspace_replicas_timer_handler;
    kz->replicas_timer.data = kz->hear.data;
    kz->replicas_timer.log = ngx_cycle->log;
    kz->replicas_timer.cancelable = 1;

    ngx_memzero(&l, sizeof(ks_listener_t));
    l.record = ngx_keyspace_replicas_record;
    l.data = kz;
    ks_hub_listen(ks_space_hub(kz->space), KS_TOLD_EFFECTS, &l);

    l.heard = ngx_keyspace_replicas_heard;
    l.overtaken = ngx_keyspace_replicas_overtaken;
    ks_hub_listen(ks_space_hub(kz->space), KS_TOLD_STREAM, &l);
}


void
ngx_keyspace_replica_add(ngx_keyspace_zone_t *kz, ngx_keyspace_replica_t *r)
{
    if (kz->replicas_timer.handler == NULL) {
        ngx_keyspace_replicas_listen(kz);
    }

    if (ngx_queue_empty(&kz->replicas)) {
        ks_hub_want(kz->space, KS_WIRE_STREAM);
        ngx_add_timer(&kz->replicas_timer, NGX_KEYSPACE_REPLICAS_TICK);
    }

    ngx_queue_insert_tail(&kz->replicas, &r->queue);
}


void
ngx_keyspace_replica_remove(ngx_keyspace_zone_t *kz, ngx_keyspace_replica_t *r)
{
    ngx_queue_remove(&r->queue);

    if (ngx_queue_empty(&kz->replicas)) {
        ks_hub_unwant(kz->space, KS_WIRE_STREAM);
        ngx_del_timer(&kz->replicas_timer);
    }
}


void
ngx_keyspace_replicas_check(ngx_keyspace_zone_t *kz)
{
    if (kz->replicas_timer.handler != NULL) {
        ngx_keyspace_replicas_post(kz, 0);
    }
}


/* --- the helper process --- */

ngx_int_t
ngx_keyspace_replicas_open(ngx_keyspace_zone_t *kz)
{
    if (kz->replicas_dir.len == 0) {
        return NGX_OK;
    }

    kz->syncs.log = ngx_keyspace_saver_log;
    kz->syncs.data = kz;
    kz->syncer = ks_syncer_open(kz->space, &kz->syncs, kz->saver);

    return kz->syncer == NULL ? NGX_ERROR : NGX_OK;
}


uint64_t
ngx_keyspace_replicas_run(ngx_keyspace_zone_t *kz)
{
    return kz->syncer == NULL ? KS_SAVER_SLEEP
                              : ks_syncer_run(kz->syncer, ks_clock());
}


void
ngx_keyspace_replicas_close(ngx_keyspace_zone_t *kz)
{
    if (kz->syncer != NULL) {
        ks_syncer_close(kz->syncer);
        kz->syncer = NULL;
    }
}
