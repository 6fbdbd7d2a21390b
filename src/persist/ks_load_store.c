/*
 * Keys on their way into the zone, many in one transaction.
 *
 * The load is alone with the keys, so its transactions lock all shards of them.
 * A body may be left by longjmp and run again: what was read stays where it is
 * until its transaction is committed.
 */

#include "persist/ks_load_in.h"


#define KS_LOAD_AHEAD  8                /* keys whose buckets are fetched */


int
ks_load_run(ks_load_t *l, uint64_t shards, ks_body_pt body)
{
    int              rc;
    uint64_t         need;
    ks_call_t        call;
    ks_zone_stats_t  st;

    memset(&call, 0, sizeof(ks_call_t));

    call.now = l->now;
    call.shards = shards;
    call.quiet = 1;
    call.body = body;
    call.data = l;

    rc = ks_run(l->space, &call);

    if (rc != KS_NOMEM) {
        return rc;
    }

    l->report.full = 1;
    ks_zone_stats(ks_space_zone(l->space), &st);

    if (l->options.unsized) {
        return ks_load_fail(l, NULL, "the zone of %llu bytes is full",
                            (unsigned long long) st.size);
    }

    need = st.size * (l->source.size / 1024 + 1)
           / (ks_max(l->offset, 1) / 1024 + 1);

    return ks_load_fail(l, NULL, "the zone of %llu bytes is full: about %llu "
                        "bytes are needed",
                        (unsigned long long) st.size,
                        (unsigned long long) need);
}


static int
ks_load_one(ks_space_t *sp, ks_load_key_t *k)
{
    uint64_t     at;
    ks_entry_t  *e;

    e = ks_lookup(sp, &k->key, KS_LOOKUP_PEEK);

    if (e != NULL) {
        return KS_ERR;
    }

    at = k->marks.expire < 0 ? KS_NO_EXPIRE : (uint64_t) k->marks.expire;

    if (ks_restore_new(sp, &k->key, &e, &k->value, at) != KS_OK) {
        return KS_ERR;
    }

    if (e != NULL && (k->marks.idle & k->marks.freq) >= 0) {
        ks_entry_used(sp, e, k->marks.idle, k->marks.freq);
    }

    return KS_OK;
}


static void
ks_load_store_body(ks_space_t *sp, void *data)
{
    size_t      i;
    ks_load_t  *l;

    l = data;
    ks_tell_nothing(sp);

    for (i = 0; i < ks_min(l->n, (size_t) KS_LOAD_AHEAD); i++) {
        (void) ks_key_shard(sp, &l->keys[i].key);
    }

    for (i = 0; i < l->n; i++) {
        if (i + KS_LOAD_AHEAD < l->n) {
            (void) ks_key_shard(sp, &l->keys[i + KS_LOAD_AHEAD].key);
        }

        if (ks_load_one(sp, &l->keys[i]) != KS_OK) {
            l->twice = &l->keys[i];
            ks_abort(sp);
        }
    }
}


int
ks_load_store(ks_load_t *l)
{
    int  rc;

    if (l->n == 0) {
        return KS_OK;
    }

    rc = ks_load_run(l, ks_all_shards(l->space), ks_load_store_body);

    if (rc == KS_ABORTED) {
        l->offset = l->twice->offset;
        return ks_load_fail(l, &l->twice->key,
                            "the key, or an element of it, is there twice");
    }

    if (rc != KS_OK) {
        return KS_ERR;
    }

    l->report.keys += l->n;
    l->n = 0;
    ks_source_reset(&l->source);

    return KS_OK;
}
