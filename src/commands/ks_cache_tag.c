/*
 * Tags of cached responses; see the header.
 */

#include "commands/ks_cache_tag.h"
#include "keyspace/ks_ended.h"
#include "types/ks_set.h"


#define KS_CACHE_SLACK    60000         /* ms; the time of a set is not written
                                           with each of its entries */
#define KS_CACHE_SAMPLES  16
#define KS_CACHE_FEW      64            /* members that are let be */

#define KS_CACHE_FRONT    (sizeof(KS_CACHE_STALE KS_CACHE_TAG) - 1)

/* the key of a set, and behind KS_CACHE_STALE the other one */
typedef struct {
    u_char    text[KS_CACHE_FRONT + KS_CACHE_TAG_NAME];
    ks_str_t  key;
    ks_str_t  stale;
} ks_cache_set_t;


/* The next name of tags from *at on; KS_NONE: there is no more. */

static int
ks_cache_tag_next(const ks_str_t *tags, size_t *at, ks_cache_set_t *set)
{
    size_t   n;
    u_char  *p, *end;

    p = tags->data + *at;
    end = tags->data + tags->len;

    while (p < end && *p == ' ') {
        p++;
    }

    for (n = 0; p + n < end && p[n] != ' '; n++) {
        /* void */
    }

    if (n == 0) {
        return KS_NONE;
    }

    *at = (size_t) (p + n - tags->data);
    n = ks_min(n, (size_t) KS_CACHE_TAG_NAME);

    memcpy(set->text, KS_CACHE_STALE KS_CACHE_TAG, KS_CACHE_FRONT);
    memcpy(set->text + KS_CACHE_FRONT, p, n);

    set->stale.data = set->text;
    set->stale.len = KS_CACHE_FRONT + n;
    set->key.data = set->text + sizeof(KS_CACHE_STALE) - 1;
    set->key.len = set->stale.len - (sizeof(KS_CACHE_STALE) - 1);

    return KS_OK;
}


static int
ks_cache_in_set(ks_space_t *sp, const ks_str_t *set, const ks_str_t *key)
{
    ks_entry_t  *e;
    ks_value_t   v;

    ks_want_shards(sp, ks_key_shard(sp, set));

    e = ks_lookup(sp, set, KS_LOOKUP_READ);

    if (e == NULL || ks_entry_type(e) != KS_TYPE_SET) {
        return 0;
    }

    ks_value_open(sp, set, e, &v);

    return ks_set_has(&v, key);
}


ks_cache_tagged_t
ks_cache_tagged(ks_space_t *sp, const ks_str_t *key, const ks_str_t *tags)
{
    size_t             at;
    ks_cache_set_t     set;
    ks_cache_tagged_t  rc;

    rc = KS_CACHE_TAGGED;

    for (at = 0; ks_cache_tag_next(tags, &at, &set) == KS_OK; /* void */ ) {

        if (ks_cache_in_set(sp, &set.key, key)) {
            continue;
        }

        if (!ks_cache_in_set(sp, &set.stale, key)) {
            return KS_CACHE_UNTAGGED;
        }

        rc = KS_CACHE_TAGGED_STALE;
    }

    return rc;
}


uint64_t
ks_cache_tag_shards(ks_space_t *sp, const ks_str_t *tags)
{
    size_t          at;
    uint64_t        shards;
    ks_cache_set_t  set;

    shards = 0;

    for (at = 0; ks_cache_tag_next(tags, &at, &set) == KS_OK; /* void */ ) {
        shards |= ks_key_shard(sp, &set.key);
    }

    return shards;
}


int
ks_cache_tags_ended(ks_space_t *sp, const ks_str_t *tags, uint64_t number)
{
    size_t          at;
    ks_cache_set_t  set;

    for (at = 0; ks_cache_tag_next(tags, &at, &set) == KS_OK; /* void */ ) {

        ks_want_shards(sp, ks_key_shard(sp, &set.key));

        if (ks_ended_since(sp, &set.key, number)) {
            return 1;
        }
    }

    return 0;
}


/* Takes some members out whose entries have ended. */

static void
ks_cache_prune(ks_space_t *sp, const ks_str_t *set, ks_value_t *v,
    uint64_t shards)
{
    unsigned   i;
    uint32_t   n;
    ks_pos_t   pos;
    ks_str_t   member;
    ks_item_t  item;

    for (i = 0; i < KS_CACHE_SAMPLES; i++) {
        n = ks_value_count(v);

        if (n < KS_CACHE_FEW
            || !ks_value_at(v, &pos, ks_random_below(sp, n)))
        {
            return;
        }

        item = ks_value_item(v, &pos, 0);
        member = ks_item_copy(sp, &item);

        if ((ks_key_shard(sp, &member) & shards)
            && ks_lookup(sp, &member, KS_LOOKUP_PEEK) == NULL)
        {
            (void) ks_set_remove(v, &member);
            ks_effectf(sp, "SREM %s %s", set, &member);
        }
    }
}


static int
ks_cache_add(ks_space_t *sp, const ks_str_t *set, const ks_str_t *key,
    uint64_t until, uint64_t shards)
{
    uint64_t     at, old;
    ks_entry_t  *e;
    ks_value_t   v;

    ks_want_shards(sp, ks_key_shard(sp, set));

    e = ks_lookup(sp, set, KS_LOOKUP_WRITE);
    at = until ? until + KS_CACHE_SLACK : KS_NO_EXPIRE;

    if (e == NULL) {
        ks_value_create(sp, set, NULL, KS_TYPE_SET,
                        ks_set_encoding(ks_space_zone(sp), key, 1),
                        key->len + 2, at, &v);

    } else if (ks_entry_type(e) != KS_TYPE_SET) {
        return KS_NONE;

    } else {
        ks_value_open(sp, set, e, &v);
        old = ks_entry_expire(e);

        if (old == 0 || (until && old >= until)) {
            at = old;
        }

        if (ks_set_has(&v, key) && at == old) {
            return KS_OK;
        }

        ks_cache_prune(sp, set, &v, shards);
    }

    if (ks_set_add(&v, key)) {
        ks_effectf(sp, "SADD %s %s", set, key);
        ks_event(sp, KS_NOTIFY_SET, "sadd", set);
    }

    (void) ks_value_close(&v);

    if (ks_entry_expire(v.entry) != at) {
        (void) ks_set_expire(sp, set, v.entry, at);
    }

    if (at) {
        ks_effectf(sp, "PEXPIREAT %s %u", set, at);
    } else {
        ks_effectf(sp, "PERSIST %s", set);
    }

    return KS_OK;
}


int
ks_cache_tag(ks_space_t *sp, const ks_str_t *key, const ks_str_t *tags,
    uint64_t until, uint64_t shards)
{
    size_t          at;
    ks_cache_set_t  set;

    for (at = 0; ks_cache_tag_next(tags, &at, &set) == KS_OK; /* void */ ) {
        if (ks_cache_add(sp, &set.key, key, until, shards) != KS_OK) {
            return KS_NONE;
        }
    }

    return KS_OK;
}
