/*
 * Locks of an HTTP cache; see the header.
 */

#include <inttypes.h>
#include <stdio.h>

#include "commands/ks_cache_lock.h"
#include "types/ks_number.h"
#include "types/ks_value.h"


#define KS_CACHE_OWNER  64              /* bytes of a lock's value */

typedef struct {
    const ks_str_t   *key;
    uint64_t          ms;
    uint64_t          now;
    uint64_t          id;
    ks_cache_lock_t   rc;
    unsigned          inherit:1;
} ks_cache_locking_t;


/* The id of a lock whose process lives, 0: of none. */

static uint64_t
ks_cache_owner(ks_space_t *sp, const ks_entry_t *e)
{
    char       text[KS_CACHE_OWNER];
    ks_str_t   s;
    unsigned   process, birth;
    uint64_t   id;

    if (ks_entry_type(e) != KS_TYPE_STRING
        || ks_string_len(e) >= KS_CACHE_OWNER)
    {
        return 0;
    }

    s = ks_string_flat(sp, e);
    memcpy(text, s.data, s.len);
    text[s.len] = '\0';

    if (sscanf(text, "%" SCNu64 " %u %u", &id, &process, &birth) != 3
        || process >= KS_PROCESSES || !ks_wait_lives(sp, process, birth))
    {
        return 0;
    }

    return id;
}


static void
ks_cache_lock_body(ks_space_t *sp, void *data)
{
    ks_cache_locking_t *l = data;

    int          n;
    char         text[KS_CACHE_OWNER];
    ks_str_t     value;
    uint64_t     at;
    ks_wait_t    here;
    ks_entry_t  *e;

    e = ks_lookup(sp, l->key, KS_LOOKUP_PEEK);

    if (e == NULL && l->inherit) {
        l->rc = KS_CACHE_FREE;
        return;
    }

    if (e && ks_cache_owner(sp, e) != 0) {
        l->rc = KS_CACHE_HELD;
        return;
    }

    ks_wait_here(sp, &here);

    l->id = ks_next_id(sp);
    l->rc = KS_CACHE_LOCKED;
    at = ks_space_now(sp) + l->ms;

    n = snprintf(text, sizeof(text), "%" PRIu64 " %u %u", l->id, here.process,
                 here.birth);
    value.data = (u_char *) text;
    value.len = (size_t) n;

    (void) ks_string_set(sp, l->key, e, &value, KS_ENC_RAW, at);
    ks_effectf(sp, "SET %s %s PXAT %u", l->key, &value, at);
    ks_event(sp, KS_NOTIFY_STRING, "set", l->key);
    ks_event(sp, KS_NOTIFY_GENERIC, "expire", l->key);
}


static int
ks_cache_locking(ks_space_t *sp, ks_cache_locking_t *l, ks_body_pt body)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));

    call.now = l->now;
    call.shards = ks_key_shard(sp, l->key);
    call.urgent = 1;
    call.quiet = 1;
    call.body = body;
    call.data = l;

    return ks_run(sp, &call);
}


ks_cache_lock_t
ks_cache_lock(ks_space_t *sp, const ks_str_t *key, uint64_t ms, uint64_t now,
    uint64_t *id)
{
    ks_cache_locking_t  l = { .key = key, .ms = ms, .now = now };

    if (ks_cache_locking(sp, &l, ks_cache_lock_body) != KS_OK) {
        return KS_CACHE_UNLOCKABLE;
    }

    *id = (l.rc == KS_CACHE_LOCKED) ? l.id : 0;

    return l.rc;
}


ks_cache_lock_t
ks_cache_inherit(ks_space_t *sp, const ks_str_t *key, uint64_t ms,
    uint64_t now, uint64_t *id)
{
    ks_cache_locking_t  l = { .key = key, .ms = ms, .now = now,
                              .inherit = 1 };

    if (ks_cache_locking(sp, &l, ks_cache_lock_body) != KS_OK) {
        return KS_CACHE_UNLOCKABLE;
    }

    *id = (l.rc == KS_CACHE_LOCKED) ? l.id : 0;

    return l.rc;
}


/* Followers hear of values, and not of an end. */

static void
ks_cache_unlock_body(ks_space_t *sp, void *data)
{
    ks_cache_locking_t *l = data;

    ks_str_t     none = ks_str("0");
    ks_entry_t  *e;

    e = ks_lookup(sp, l->key, KS_LOOKUP_PEEK);

    if (e == NULL || ks_cache_owner(sp, e) != l->id) {
        return;
    }

    e = ks_string_set(sp, l->key, e, &none, KS_ENC_RAW, KS_KEEP_TTL);
    ks_remove(sp, l->key, e);
    ks_effectf(sp, "DEL %s", l->key);
    ks_event(sp, KS_NOTIFY_GENERIC, "del", l->key);
}


void
ks_cache_unlock(ks_space_t *sp, const ks_str_t *key, uint64_t id, uint64_t now)
{
    ks_cache_locking_t  l = { .key = key, .id = id, .now = now };

    (void) ks_cache_locking(sp, &l, ks_cache_unlock_body);
}


/* --- counts --- */

static void
ks_cache_use_body(ks_space_t *sp, void *data)
{
    ks_cache_locking_t *l = data;

    int64_t      n;
    u_char       text[KS_INTEGER_TEXT];
    ks_str_t     s;
    uint64_t     at;
    ks_entry_t  *e;

    n = 0;
    l->id = 0;

    e = ks_lookup(sp, l->key, KS_LOOKUP_WRITE);

    if (e) {
        if (ks_entry_type(e) != KS_TYPE_STRING
            || ks_string_len(e) > KS_INTEGER_TEXT)
        {
            return;
        }

        s = ks_string_flat(sp, e);

        if (ks_parse_int(&s, &n) != KS_OK || n < 0 || n == INT64_MAX) {
            return;
        }
    }

    s.data = text;
    s.len = ks_integer_text(text, n + 1);
    at = ks_space_now(sp) + l->ms;

    (void) ks_string_set(sp, l->key, e, &s, ks_encoding(&s), at);
    ks_effectf(sp, "SET %s %s PXAT %u", l->key, &s, at);
    ks_event(sp, KS_NOTIFY_STRING, "incrby", l->key);
    ks_event(sp, KS_NOTIFY_GENERIC, "expire", l->key);

    l->id = (uint64_t) n + 1;
}


uint64_t
ks_cache_use(ks_space_t *sp, const ks_str_t *key, uint64_t ms, uint64_t now)
{
    ks_cache_locking_t  l = { .key = key, .ms = ms, .now = now };

    return ks_cache_locking(sp, &l, ks_cache_use_body) == KS_OK ? l.id : 0;
}
