/*
 * The sessions of a subject: the set that knows them.
 */

#include "commands/ks_subject.h"
#include "types/ks_hash.h"
#include "types/ks_zset.h"


#define KS_SUBJECT_OF    "of:"
#define KS_SUBJECT_LOOK  4              /* sessions that are looked at, of a
                                           rule whose sessions have no end */
#define KS_SUBJECT_ENDS  32             /* hashes that are removed at once */

/* keys of sessions that are to end, when the set has been closed */
typedef struct {
    ks_str_t  keys[KS_SUBJECT_ENDS];
    unsigned  n;
} ks_subject_ends_t;


static int ks_subject_open(ks_space_t *sp, const ks_str_t *set, unsigned flags,
    ks_value_t *v);
static void ks_subject_create(ks_space_t *sp, const ks_str_t *set,
    uint64_t end, ks_value_t *v);
static void ks_subject_sweep(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *set, const ks_str_t *key, ks_value_t *v);
static int ks_subject_is_over(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *key, double score);
static void ks_subject_forget(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *set, const ks_str_t *key, ks_value_t *v);
static void ks_subject_bound(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *set, const ks_str_t *key, ks_value_t *v,
    ks_subject_ends_t *ends);
static ks_str_t ks_subject_key(ks_space_t *sp, const ks_str_t *key,
    const ks_value_t *v, uint32_t rank, double *score);
static void ks_subject_take(ks_space_t *sp, const ks_str_t *set,
    const ks_str_t *key, ks_value_t *v);
static void ks_subject_end_all(ks_space_t *sp, ks_subject_ends_t *ends);


static int
ks_subject_same(const ks_str_t *a, const ks_str_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


static ks_str_t
ks_subject_id(const ks_str_t *key)
{
    ks_str_t  id;

    id.len = KS_SESSION_ID;
    id.data = key->data + key->len - KS_SESSION_ID;

    return id;
}


/* The key's shard may be none that the transaction has begun with. */

static ks_entry_t *
ks_subject_lookup(ks_space_t *sp, const ks_str_t *key, unsigned flags)
{
    ks_want_shards(sp, ks_key_shard(sp, key));

    return ks_lookup(sp, key, flags);
}


void
ks_session_end(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e)
{
    ks_remove(sp, key, e);
    ks_effectf(sp, "DEL %s", key);
    ks_event(sp, KS_NOTIFY_GENERIC, "del", key);
}


ks_str_t
ks_subject_of(ks_space_t *sp, const ks_str_t *key, const ks_value_t *v,
    const ks_str_t *field)
{
    u_char     *p;
    size_t      prefix;
    ks_pos_t    pos;
    ks_str_t    set = { 0, NULL }, s;
    ks_item_t   item;

    if (!ks_hash_find(v, &pos, field)) {
        return set;
    }

    item = ks_hash_value(v, &pos);

    if (item.len == 0 || item.len > KS_SUBJECT_MAX) {
        return set;
    }

    s = ks_item_flat(sp, &item);
    prefix = key->len - KS_SESSION_ID;

    p = ks_arena_alloc(sp, prefix + sizeof(KS_SUBJECT_OF) - 1 + s.len);

    set.data = p;
    set.len = prefix + sizeof(KS_SUBJECT_OF) - 1 + s.len;

    memcpy(p, key->data, prefix);
    memcpy(p + prefix, KS_SUBJECT_OF, sizeof(KS_SUBJECT_OF) - 1);
    memcpy(p + prefix + sizeof(KS_SUBJECT_OF) - 1, s.data, s.len);

    return set;
}


ks_str_t
ks_subject_name(const ks_str_t *set, const ks_str_t *key)
{
    size_t    prefix;
    ks_str_t  name;

    prefix = key->len - KS_SESSION_ID + sizeof(KS_SUBJECT_OF) - 1;

    name.data = set->data + prefix;
    name.len = set->len - prefix;

    return name;
}


/* 0: there is no such set. */

static int
ks_subject_open(ks_space_t *sp, const ks_str_t *set, unsigned flags,
    ks_value_t *v)
{
    ks_entry_t  *e;

    e = ks_subject_lookup(sp, set, flags);

    if (e == NULL || ks_entry_type(e) != KS_TYPE_ZSET) {
        return 0;
    }

    ks_value_open(sp, set, e, v);

    return 1;
}


int
ks_subject_has(ks_space_t *sp, const ks_str_t *set, const ks_str_t *key)
{
    double      score;
    ks_str_t    id;
    ks_value_t  v;

    id = ks_subject_id(key);

    return ks_subject_open(sp, set, KS_LOOKUP_PEEK, &v)
           && ks_zset_score(&v, &id, &score);
}


void
ks_subject_add(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *set, const ks_str_t *key, uint64_t created)
{
    uint64_t           end, longest;
    ks_str_t           id;
    ks_value_t         v;
    ks_subject_ends_t  ends = { .n = 0 };

    id = ks_subject_id(key);
    longest = ks_session_longest(rule);
    end = longest ? created + longest : KS_NO_EXPIRE;

    if (!ks_subject_open(sp, set, KS_LOOKUP_WRITE, &v)) {
        ks_subject_create(sp, set, end, &v);
    }

    ks_zset_set(&v, &id, (double) created);
    ks_effectf(sp, "ZADD %s %u %s", set, created, &id);
    ks_event(sp, KS_NOTIFY_ZSET, "zadd", set);

    ks_subject_sweep(sp, rule, set, key, &v);
    ks_subject_forget(sp, rule, set, key, &v);
    ks_subject_bound(sp, rule, set, key, &v, &ends);

    (void) ks_value_close(&v);

    if (end != KS_NO_EXPIRE) {
        end = ks_max(end, ks_entry_expire(v.entry));

        (void) ks_set_expire(sp, set, v.entry, end);
        ks_effectf(sp, "PEXPIREAT %s %u", set, end);
    }

    ks_subject_end_all(sp, &ends);
}


/* What somebody else has put there of another type gives way. */

static void
ks_subject_create(ks_space_t *sp, const ks_str_t *set, uint64_t end,
    ks_value_t *v)
{
    ks_entry_t  *e;

    e = ks_subject_lookup(sp, set, KS_LOOKUP_PEEK);

    if (e != NULL) {
        ks_session_end(sp, set, e);
    }

    ks_value_create(sp, set, NULL, KS_TYPE_ZSET,
                    ks_zset_encoding(ks_space_zone(sp), KS_SESSION_ID, 1),
                    2 * KS_SESSION_ID, end, v);
}


/* The key of the session with that rank, in the shape of another one. */

static ks_str_t
ks_subject_key(ks_space_t *sp, const ks_str_t *key, const ks_value_t *v,
    uint32_t rank, double *score)
{
    ks_pos_t   pos;
    ks_str_t   other = { 0, NULL }, id;
    ks_item_t  item;

    (void) ks_value_at(v, &pos, rank);

    *score = ks_zset_score_at(v, &pos);
    item = ks_value_item(v, &pos, 0);

    if (item.len != KS_SESSION_ID) {
        return other;
    }

    id = ks_item_flat(sp, &item);

    other.len = key->len;
    other.data = ks_arena_alloc(sp, key->len);

    memcpy(other.data, key->data, key->len - KS_SESSION_ID);
    memcpy(other.data + key->len - KS_SESSION_ID, id.data, KS_SESSION_ID);

    return other;
}


/* Whether the session cannot be there any more, or (no end) is not. */

static int
ks_subject_is_over(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *key, double score)
{
    if (key->data == NULL) {
        return 1;                       /* no id of a session */
    }

    if (rule->absolute) {
        return score + (double) ks_session_longest(rule)
               <= (double) ks_space_now(sp);
    }

    return ks_subject_lookup(sp, key, KS_LOOKUP_PEEK) == NULL;
}


/* Takes out the first that are over. */

static void
ks_subject_sweep(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *set, const ks_str_t *key, ks_value_t *v)
{
    int        n;
    double     score;
    ks_str_t   other;
    ks_pos_t   pos;
    ks_item_t  item;

    for (n = 0; n < KS_SUBJECT_LOOK; n++) {
        other = ks_subject_key(sp, key, v, 0, &score);

        if (ks_subject_same(&other, key)
            || !ks_subject_is_over(sp, rule, &other, score))
        {
            return;
        }

        (void) ks_value_at(v, &pos, 0);
        item = ks_value_item(v, &pos, 0);
        other = ks_item_copy(sp, &item);

        (void) ks_zset_remove(v, &other);
        ks_effectf(sp, "ZREM %s %s", set, &other);
        ks_event(sp, KS_NOTIFY_ZSET, "zrem", set);
    }
}


/*
 * Where there are too many, those that have ended by themselves are none: they
 * leave the set before one that is alive ends.
 */

static void
ks_subject_forget(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *set, const ks_str_t *key, ks_value_t *v)
{
    double     score;
    uint32_t   n, i;
    uint64_t   shards;
    ks_str_t   others[KS_SUBJECT_ENDS];

    if (rule->limit == 0 || ks_value_count(v) <= rule->limit) {
        return;
    }

    n = ks_min(ks_value_count(v), KS_SUBJECT_ENDS);

    for (shards = 0, i = 0; i < n; i++) {
        others[i] = ks_subject_key(sp, key, v, i, &score);

        if (others[i].data != NULL) {
            shards |= ks_key_shard(sp, &others[i]);
        }
    }

    ks_want_shards(sp, shards);

    for (i = 0; i < n; i++) {
        if (others[i].data != NULL && !ks_subject_same(&others[i], key)
            && ks_lookup(sp, &others[i], KS_LOOKUP_PEEK) == NULL)
        {
            ks_subject_take(sp, set, &others[i], v);
        }
    }
}


/* The session at key is one of those that stay. */

static void
ks_subject_bound(ks_space_t *sp, const ks_session_rule_t *rule,
    const ks_str_t *set, const ks_str_t *key, ks_value_t *v,
    ks_subject_ends_t *ends)
{
    double    score;
    ks_str_t  other;

    while (rule->limit != 0 && ks_value_count(v) > rule->limit
           && ends->n < KS_SUBJECT_ENDS)
    {
        other = ks_subject_key(sp, key, v, 0, &score);

        if (ks_subject_same(&other, key)) {
            other = ks_subject_key(sp, key, v, 1, &score);
        }

        if (other.data == NULL) {
            return;
        }

        ks_subject_take(sp, set, &other, v);
        ends->keys[ends->n++] = other;
    }
}


static void
ks_subject_take(ks_space_t *sp, const ks_str_t *set, const ks_str_t *key,
    ks_value_t *v)
{
    ks_str_t  id;

    id = ks_subject_id(key);

    if (ks_zset_remove(v, &id)) {
        ks_effectf(sp, "ZREM %s %s", set, &id);
        ks_event(sp, KS_NOTIFY_ZSET, "zrem", set);
    }
}


static void
ks_subject_end_all(ks_space_t *sp, ks_subject_ends_t *ends)
{
    unsigned     i;
    uint64_t     shards;
    ks_entry_t  *e;

    for (shards = 0, i = 0; i < ends->n; i++) {
        shards |= ks_key_shard(sp, &ends->keys[i]);
    }

    ks_want_shards(sp, shards);

    for (i = 0; i < ends->n; i++) {
        e = ks_subject_lookup(sp, &ends->keys[i], KS_LOOKUP_PEEK);

        if (e != NULL) {
            ks_session_end(sp, &ends->keys[i], e);
        }
    }
}


void
ks_subject_remove(ks_space_t *sp, const ks_str_t *set, const ks_str_t *key)
{
    ks_value_t  v;

    if (ks_subject_open(sp, set, KS_LOOKUP_WRITE, &v)) {
        ks_subject_take(sp, set, key, &v);
        (void) ks_value_close(&v);
    }
}


void
ks_subject_end(ks_space_t *sp, const ks_str_t *set, const ks_str_t *key)
{
    double             score;
    uint32_t           rank, n;
    ks_str_t           other;
    ks_value_t         v;
    ks_subject_ends_t  ends = { .n = 0 };

    if (!ks_subject_open(sp, set, KS_LOOKUP_WRITE, &v)) {
        return;
    }

    n = ks_min(ks_value_count(&v), KS_SUBJECT_ENDS);

    for (rank = 0; rank < n; rank++) {
        other = ks_subject_key(sp, key, &v, rank, &score);

        if (other.data != NULL) {
            ends.keys[ends.n++] = other;
        }
    }

    ks_session_end(sp, set, v.entry);
    ks_subject_end_all(sp, &ends);
}
