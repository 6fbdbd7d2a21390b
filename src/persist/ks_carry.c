/*
 * Carrying over: entry by entry, as COPY does it, each a transaction of its
 * own in the new zone.
 */

#include "keyspace/ks_space.h"
#include "persist/ks_carry.h"


#define KS_CARRY_BATCH  1000            /* entries under the old zone's lock */

typedef struct {
    ks_space_t        *to;
    ks_space_t        *from;
    uint64_t           keys;
    int                rc;

    /* what the running transaction is about */
    ks_entry_t        *entry;
    ks_str_t           key;
    ks_library_kind_t  kind;
    ks_volume_t        volume;
    uint32_t           place;
} ks_carry_t;


static int
ks_carry_run(ks_space_t *sp, uint64_t shards, ks_body_pt body, ks_carry_t *c)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(call));

    call.now = ks_space_now(sp);
    call.shards = shards;
    call.body = body;
    call.data = c;

    return ks_run(sp, &call);
}


/* --- keys --- */

static void
ks_carry_body(ks_space_t *sp, void *data)
{
    ks_carry_t *c = data;

    ks_copy_of(sp, c->from, c->entry, &c->key);
}


static void
ks_carry_visit(ks_space_t *sp, ks_entry_t *e, void *data)
{
    ks_carry_t *c = data;

    if (c->rc != KS_OK) {
        return;
    }

    c->entry = e;
    c->key = ks_entry_key(sp, e);
    c->keys++;
    c->rc = ks_carry_run(c->to, ks_key_shard(c->to, &c->key), ks_carry_body,
                         c);
}


static int
ks_carry_keys(ks_carry_t *c)
{
    uint64_t  cursor;

    cursor = 0;

    do {
        cursor = ks_scan(c->from, cursor, KS_CARRY_BATCH, ks_carry_visit, c);
        ks_arena_reset(c->from);

    } while (cursor != 0 && c->rc == KS_OK);

    return c->rc;
}


/* --- the library --- */

static void
ks_carry_read_body(ks_space_t *sp, void *data)
{
    ks_carry_t *c = data;

    c->place = ks_library_count(sp, c->kind);
}


static void
ks_carry_put_body(ks_space_t *sp, void *data)
{
    ks_carry_t *c = data;

    ks_library_put(sp, c->kind, &c->volume);
}


/* The volume is in the arena of the old zone's handle: so this runs inside. */

static void
ks_carry_volume_body(ks_space_t *sp, void *data)
{
    ks_carry_t *c = data;

    if (ks_library_at(sp, c->kind, c->place, &c->volume) == KS_OK) {
        c->rc = ks_carry_run(c->to, ks_library_shard(c->to),
                             ks_carry_put_body, c);
    }
}


static int
ks_carry_library(ks_carry_t *c, ks_library_kind_t kind)
{
    int       rc;
    uint32_t  i, n;

    c->kind = kind;
    rc = ks_carry_run(c->from, ks_library_shard(c->from), ks_carry_read_body,
                      c);
    n = c->place;

    for (i = 0; rc == KS_OK && i < n; i++) {
        c->place = i;
        rc = ks_carry_run(c->from, ks_library_shard(c->from),
                          ks_carry_volume_body, c);

        if (rc == KS_OK) {
            rc = c->rc;
        }
    }

    return rc;
}


/* The library first: there is always room for it, and none is evicted. */

int
ks_carry(ks_zone_t *to, ks_zone_t *from, uint64_t now_ms, ks_carried_t *done)
{
    int              rc;
    ks_carry_t       c;
    ks_zone_stats_t  st;

    memset(&c, 0, sizeof(c));
    memset(done, 0, sizeof(*done));

    rc = KS_NOMEM;
    c.to = ks_space_open(to);
    c.from = ks_space_open(from);

    if (c.to != NULL && c.from != NULL) {
        ks_space_set_time(c.to, now_ms);
        ks_space_set_time(c.from, now_ms);

        rc = ks_carry_library(&c, KS_LIBRARY_SCRIPTS);

        if (rc == KS_OK) {
            rc = ks_carry_library(&c, KS_LIBRARY_FUNCTIONS);
        }

        if (rc == KS_OK) {
            rc = ks_carry_library(&c, KS_LIBRARY_USERS);
        }

        if (rc == KS_OK) {
            rc = ks_carry_keys(&c);
        }

        ks_zone_stats(to, &st);
        done->keys = c.keys;
        done->evicted = (c.keys > st.keys) ? c.keys - st.keys : 0;
    }

    if (c.to != NULL) {
        ks_space_close(c.to);
    }

    if (c.from != NULL) {
        ks_space_close(c.from);
    }

    return rc;
}
