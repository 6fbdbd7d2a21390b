/*
 * What the engine's tests share: a zone on an anonymous shared mapping, the
 * bodies of the simple transactions, and random numbers that repeat.
 */

#ifndef ENGINE_TEST_H
#define ENGINE_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "commands/ks_users.h"
#include "keyspace/ks_keyspace.h"
#include "memory/ks_journal.h"


#define NOW   1700000000000ull
#define SEED  ((const u_char *) "sixteen bytes...")


/* xorshift64, so that a failure comes again */

static uint64_t  rnd_state = 88172645463325252ull;


static inline unsigned
rnd(unsigned below)
{
    rnd_state ^= rnd_state << 13;
    rnd_state ^= rnd_state >> 7;
    rnd_state ^= rnd_state << 17;

    return (unsigned) (rnd_state >> 33) % below;
}


/* when a key expires: soon, later, in a year, or never */

static inline uint64_t
random_at(uint64_t now)
{
    switch (rnd(6)) {

    case 0:
        return now + 1 + rnd(2000);

    case 1:
        return now + 1 + rnd(1000000);

    case 2:
        return now + 1 + (uint64_t) rnd(1000000) * 100000;

    default:
        return KS_NO_EXPIRE;
    }
}


/* --- zones --- */

static inline void *
map_zone(size_t size)
{
    void  *mem;

    mem = mmap(NULL, size, PROT_READ|PROT_WRITE,
               MAP_SHARED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(mem, MAP_FAILED);

    return mem;
}


/* A zone with spare shards, in which keys of that prefix are local. */

static inline ks_zone_t *
lay_zone(void *mem, size_t size, unsigned shards, const char *local)
{
    ks_str_t        prefix = { strlen(local), (u_char *) local };
    ks_zone_t      *zone;
    const char     *err;
    ks_zone_form_t  form = { shards, 1, &prefix, 1 };

    memset(mem, 0, size);
    zone = ks_zone_create_form(mem, size, &form, SEED, NOW, &err);
    assert_non_null(zone);
    assert_true(ks_zone_has_form(zone, &form));

    return zone;
}


/*
 * A handle on a new zone, at the time NOW, with a journal of ring bytes, or
 * none; shards 0: as its size says.
 */

static inline ks_space_t *
open_zone_told(size_t size, unsigned shards, ks_policy_t policy, size_t ring)
{
    void        *mem;
    const char  *err;
    ks_zone_t   *zone;
    ks_space_t  *sp;

    mem = map_zone(size + ring);
    zone = shards ? ks_zone_create_sharded(mem, size, shards, SEED, NOW, &err)
                  : ks_zone_create(mem, size, SEED, NOW, &err);
    assert_non_null(zone);
    ks_zone_set_policy(zone, policy);
    ks_journal_create(zone, ring);

    sp = ks_space_open(zone);
    assert_non_null(sp);
    ks_space_set_time(sp, NOW);

    return sp;
}


static inline ks_space_t *
open_zone(size_t size, unsigned shards, ks_policy_t policy)
{
    return open_zone_told(size, shards, policy, 0);
}


static inline void
close_zone(ks_space_t *sp)
{
    ks_zone_t  *zone;

    zone = ks_space_zone(sp);
    ks_users_close(sp);
    ks_space_close(sp);
    munmap(zone, zone->size + zone->journal.size);
}


/* how calls are to be run from here on; see ks_call_t */

static int  urgently;
static int  holding;


/* a call of its own, at the time of the handle */

static inline int
transaction(ks_space_t *sp, uint64_t shards, ks_body_pt body, void *data)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));

    call.now = ks_space_now(sp);
    call.shards = shards;
    call.urgent = (urgently != 0);
    call.hold = (holding != 0);
    call.body = body;
    call.data = data;

    return ks_run(sp, &call);
}


static inline void
report(void *data, const char *fault)
{
    print_message("%s%s%s\n", data ? (char *) data : "", data ? ": " : "",
                  fault);
}


static inline ks_zone_stats_t
stats(ks_space_t *sp)
{
    ks_zone_stats_t  st;

    ks_zone_stats(ks_space_zone(sp), &st);
    return st;
}


/* a number by its name in INFO */

static inline uint64_t
metric(ks_space_t *sp, const char *name)
{
    size_t  i;

    for (i = 0; strcmp(ks_metric(i)->name, name) != 0; i++) {
        assert_non_null(ks_metric(i + 1));
    }

    return ks_metric_value(ks_space_zone(sp), ks_metric(i), ks_clock());
}


/* bytes of pages that the shards have, their logs' included */

static inline uint64_t
pages_used(ks_space_t *sp)
{
    ks_zone_stats_t  st;

    st = stats(sp);
    return st.used - st.overhead;
}


static inline void
reclaim_all(ks_space_t *sp)
{
    sp->backlog = ks_all_shards(sp);

    while (ks_reclaim(sp, 1000)) {
        /* again */
    }
}


/* --- transactions on one key or two --- */

typedef struct {
    ks_str_t  key;
    ks_str_t  to;               /* of ks_rename() and ks_copy() */
    ks_str_t  value;
    size_t    off;
    uint64_t  at;
    int       found;            /* whether the key was there */
} kv_t;


static inline ks_entry_t *
kv_find(ks_space_t *sp, kv_t *kv, unsigned flags)
{
    ks_entry_t  *e;

    e = ks_lookup(sp, &kv->key, flags);
    kv->found = (e != NULL);

    return e;
}


static inline void
kv_set_body(ks_space_t *sp, void *data)
{
    kv_t        *kv = data;
    ks_entry_t  *e;

    e = kv_find(sp, kv, KS_LOOKUP_WRITE);
    ks_string_set(sp, &kv->key, e, &kv->value, KS_ENC_RAW, kv->at);
}


static inline void
kv_write_body(ks_space_t *sp, void *data)
{
    kv_t        *kv = data;
    ks_entry_t  *e;

    e = kv_find(sp, kv, KS_LOOKUP_WRITE);
    ks_string_write(sp, &kv->key, e, kv->off, kv->value.data, kv->value.len);
}


static inline void
kv_fill(void *data, size_t off, u_char *p, size_t n)
{
    kv_t  *kv = data;

    memcpy(p, kv->value.data + off, n);
}


static inline void
kv_make_body(ks_space_t *sp, void *data)
{
    kv_t        *kv = data;
    ks_entry_t  *e;

    e = kv_find(sp, kv, KS_LOOKUP_WRITE);
    ks_string_make(sp, &kv->key, e, kv->value.len, KS_ENC_RAW, kv->at, kv_fill,
                   kv);
}


static inline void
kv_del_body(ks_space_t *sp, void *data)
{
    kv_t        *kv = data;
    ks_entry_t  *e;

    e = kv_find(sp, kv, KS_LOOKUP_WRITE);

    if (e) {
        ks_remove(sp, &kv->key, e);
    }
}


static inline void
kv_expire_body(ks_space_t *sp, void *data)
{
    kv_t        *kv = data;
    ks_entry_t  *e;

    e = kv_find(sp, kv, KS_LOOKUP_PEEK);

    if (e) {
        ks_set_expire(sp, &kv->key, e, kv->at);
    }
}


static inline void
kv_clear_way(ks_space_t *sp, kv_t *kv)
{
    ks_entry_t  *e;

    e = ks_lookup(sp, &kv->to, KS_LOOKUP_WRITE);

    if (e) {
        ks_remove(sp, &kv->to, e);
    }
}


static inline void
kv_rename_body(ks_space_t *sp, void *data)
{
    kv_t  *kv = data;

    if (kv_find(sp, kv, KS_LOOKUP_WRITE)) {
        kv_clear_way(sp, kv);
        ks_rename(sp, &kv->key, kv_find(sp, kv, KS_LOOKUP_WRITE), &kv->to);
    }
}


static inline void
kv_copy_body(ks_space_t *sp, void *data)
{
    kv_t  *kv = data;

    if (kv_find(sp, kv, KS_LOOKUP_WRITE)) {
        kv_clear_way(sp, kv);
        ks_copy(sp, kv_find(sp, kv, KS_LOOKUP_WRITE), &kv->to);
    }
}


/* whether it is there; if there is a value to compare with, it is that */

static inline void
kv_get_body(ks_space_t *sp, void *data)
{
    kv_t          *kv = data;
    size_t         n, off;
    ks_entry_t    *e;
    const u_char  *p;

    e = kv_find(sp, kv, KS_LOOKUP_READ);

    if (e == NULL || kv->value.data == NULL) {
        return;
    }

    assert_int_equal(ks_string_len(e), kv->value.len);

    for (off = 0; (p = ks_string_run(sp, e, off, &n)), n; off += n) {
        if (memcmp(p, kv->value.data + off, n) != 0) {
            fail_msg("a value of %zu bytes differs in the %zu from %zu on",
                     kv->value.len, n, off);
        }
    }

    assert_int_equal(off, kv->value.len);
}


static inline int
kv_run(ks_space_t *sp, ks_body_pt body, kv_t *kv)
{
    uint64_t  shards;

    shards = ks_key_shard(sp, &kv->key);

    if (kv->to.data) {
        shards |= ks_key_shard(sp, &kv->to);
    }

    return transaction(sp, shards, body, kv);
}


/* a key by a printf() format, in memory of the caller */

typedef char  name_t[40];

static inline ks_str_t __attribute__((format(printf, 2, 3)))
name(name_t buf, const char *fmt, ...)
{
    va_list   args;
    ks_str_t  s;

    va_start(args, fmt);
    s.len = (size_t) vsnprintf(buf, sizeof(name_t), fmt, args);
    va_end(args);

    s.data = (u_char *) buf;

    return s;
}


static inline int
kv_set(ks_space_t *sp, ks_str_t key, const u_char *p, size_t len, uint64_t at)
{
    kv_t  kv = { .key = key, .value = { len, (u_char *) p }, .at = at };

    return kv_run(sp, kv_set_body, &kv);
}


static inline int
kv_del(ks_space_t *sp, ks_str_t key)
{
    kv_t  kv = { .key = key };

    assert_int_equal(kv_run(sp, kv_del_body, &kv), KS_OK);
    return kv.found;
}


/* p NULL: no matter what the value is */

static inline int
kv_get(ks_space_t *sp, ks_str_t key, const u_char *p, size_t len)
{
    kv_t  kv = { .key = key, .value = { len, (u_char *) p } };

    assert_int_equal(kv_run(sp, kv_get_body, &kv), KS_OK);
    return kv.found;
}


#endif /* ENGINE_TEST_H */
