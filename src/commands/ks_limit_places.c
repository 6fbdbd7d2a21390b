/*
 * Limits on how many requests are served at once; see the header.
 */

#include <inttypes.h>
#include <stdio.h>

#include "commands/ks_limit_places.h"
#include "types/ks_hash.h"
#include "types/ks_number.h"


#define KS_PLACES_FIELD  24             /* bytes of a field's name */
#define KS_PLACES_ROOM   32             /* bytes of the elements of a hash */

/* fields that are looked at: those of all processes, and as many dead ones */
#define KS_PLACES_MAX    (2 * KS_PROCESSES)

enum { KS_PLACES_ALL = 0, KS_PLACES_OWN };

typedef struct {
    const ks_str_t  *key;
    int64_t          n;
} ks_places_release_t;


/* The field of this process. */

static ks_str_t
ks_places_own(ks_space_t *sp, char *text)
{
    ks_str_t   s;
    ks_wait_t  here;

    ks_wait_here(sp, &here);

    s.data = (u_char *) text;
    s.len = (size_t) snprintf(text, KS_PLACES_FIELD, "%" PRIu32 ":%" PRIu32,
                              here.process, here.birth);

    return s;
}


/* Whether the process that a field names lives. */

static int
ks_places_live(ks_space_t *sp, const ks_str_t *field)
{
    char      text[KS_PLACES_FIELD];
    uint32_t  process, birth;

    if (field->len >= sizeof(text)) {
        return 0;
    }

    memcpy(text, field->data, field->len);
    text[field->len] = '\0';

    return sscanf(text, "%" SCNu32 ":%" SCNu32, &process, &birth) == 2
           && process < KS_PROCESSES && ks_wait_lives(sp, process, birth);
}


/* What the field at pos holds, 1 to KS_LIMIT_COUNT_MAX. */

static int
ks_places_count(ks_space_t *sp, const ks_value_t *v, const ks_pos_t *pos,
    int64_t *n)
{
    ks_str_t   s;
    ks_item_t  item;

    item = ks_hash_value(v, pos);

    if (item.len > KS_INT_LEN) {
        return KS_ERR;
    }

    s = ks_item_flat(sp, &item);

    return (ks_parse_int(&s, n) == KS_OK && *n > 0 && *n <= KS_LIMIT_COUNT_MAX)
           ? KS_OK : KS_ERR;
}


/* --- a request --- */

/* Sums up the places that are taken; lc->mended: some of dead processes are. */

static int
ks_places_sum(ks_space_t *sp, ks_limit_check_t *lc)
{
    int         more;
    char        text[KS_PLACES_FIELD];
    int64_t     n;
    ks_pos_t    pos;
    ks_str_t    own, field;
    unsigned    i;
    ks_item_t   item;
    ks_value_t  v;

    own = ks_places_own(sp, text);

    ks_value_open(sp, &lc->key, lc->entry, &v);
    more = ks_value_at(&v, &pos, 0);

    for (i = 0; more; i++) {
        item = ks_value_item(&v, &pos, 0);
        field = ks_item_flat(sp, &item);

        if (i == KS_PLACES_MAX || ks_places_count(sp, &v, &pos, &n) != KS_OK) {
            return KS_ERR;
        }

        if (field.len == own.len && memcmp(field.data, own.data, own.len) == 0)
        {
            lc->state[KS_PLACES_OWN] = n;
            lc->state[KS_PLACES_ALL] += n;

        } else if (ks_places_live(sp, &field)) {
            lc->state[KS_PLACES_ALL] += n;

        } else {
            lc->mended = 1;
        }

        more = ks_value_next(&v, &pos);
    }

    return KS_OK;
}


void
ks_places_look(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    (void) now;

    lc->state[KS_PLACES_ALL] = 0;
    lc->state[KS_PLACES_OWN] = 0;

    lc->entry = ks_lookup(sp, &lc->key, KS_LOOKUP_WRITE);

    if (lc->entry != NULL) {

        if (ks_entry_type(lc->entry) != KS_TYPE_HASH) {
            lc->fault = KS_LIMIT_WRONGTYPE;
            return;
        }

        if (ks_places_sum(sp, lc) != KS_OK) {
            lc->fault = KS_LIMIT_GARBAGE;
            return;
        }
    }

    lc->quota = lc->limit.count;
    lc->limited = (lc->state[KS_PLACES_ALL] + lc->cost > lc->quota);
}


/* Nobody knows when a request ends. */

void
ks_places_tell(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    (void) sp;
    (void) now;

    lc->remaining = ks_max(lc->quota - lc->state[KS_PLACES_ALL], 0);
    lc->retry = KS_LIMIT_NEVER;
    lc->reset = 0;
}


/* Takes out what dead processes have left, one field at a time. */

static void
ks_places_bury(ks_space_t *sp, const ks_str_t *key, ks_value_t *v)
{
    int        more;
    ks_pos_t   pos;
    ks_str_t   field;
    ks_item_t  item;

    more = ks_value_at(v, &pos, 0);

    while (more) {
        item = ks_value_item(v, &pos, 0);
        field = ks_item_flat(sp, &item);

        if (ks_places_live(sp, &field)) {
            more = ks_value_next(v, &pos);
            continue;
        }

        field = ks_item_copy(sp, &item);
        ks_hash_remove_at(v, &pos);
        ks_effect_as(sp, "HDEL %s %s", key, &field);

        more = ks_value_at(v, &pos, 0);
    }
}


static void
ks_places_set(ks_space_t *sp, const ks_str_t *key, ks_value_t *v, int64_t n)
{
    char      name[KS_PLACES_FIELD];
    u_char    text[KS_INTEGER_TEXT];
    ks_str_t  own, value;

    own = ks_places_own(sp, name);

    value.data = text;
    value.len = ks_integer_text(text, n);

    (void) ks_hash_set(v, &own, &value, 0);
    ks_effect_as(sp, "HSET %s %s %s", key, &own, &value);
    ks_event(sp, KS_NOTIFY_HASH, "hset", key);
}


void
ks_places_charge(ks_space_t *sp, ks_limit_check_t *lc, int64_t now)
{
    uint64_t    until;
    ks_value_t  v;

    until = ks_space_now(sp) + (uint64_t) KS_PLACES_LIFE;

    if (lc->entry == NULL) {
        ks_value_create(sp, &lc->key, NULL, KS_TYPE_HASH, KS_ENC_LISTPACK,
                        KS_PLACES_ROOM, until, &v);
    } else {
        ks_value_open(sp, &lc->key, lc->entry, &v);
    }

    if (ks_unlikely(lc->mended)) {
        ks_places_bury(sp, &lc->key, &v);
    }

    lc->state[KS_PLACES_OWN] += lc->cost;
    lc->state[KS_PLACES_ALL] += lc->cost;

    ks_places_set(sp, &lc->key, &v, lc->state[KS_PLACES_OWN]);

    (void) ks_value_close(&v);
    lc->entry = v.entry;

    if (ks_entry_expire(lc->entry) != until) {
        lc->entry = ks_set_expire(sp, &lc->key, lc->entry, until);
    }

    ks_effect_as(sp, "PEXPIREAT %s %u", &lc->key, until);
    ks_event(sp, KS_NOTIFY_GENERIC, "expire", &lc->key);

    lc->held = 1;
    ks_places_tell(sp, lc, now);
}


/* What the dead have left stays for a request that takes places. */

void
ks_places_keep(ks_space_t *sp, ks_limit_check_t *lc)
{
    (void) sp;
    (void) lc;
}


/* --- its end --- */

static void
ks_places_release_body(ks_space_t *sp, void *data)
{
    ks_places_release_t *release = data;

    char        name[KS_PLACES_FIELD];
    int64_t     n;
    ks_pos_t    pos;
    ks_str_t    own;
    ks_value_t  v;
    ks_entry_t *e;

    e = ks_lookup(sp, release->key, KS_LOOKUP_WRITE);

    if (e == NULL || ks_entry_type(e) != KS_TYPE_HASH) {
        return;
    }

    own = ks_places_own(sp, name);
    ks_value_open(sp, release->key, e, &v);

    if (!ks_hash_find(&v, &pos, &own)
        || ks_places_count(sp, &v, &pos, &n) != KS_OK)
    {
        return;
    }

    if (n > release->n) {
        ks_places_set(sp, release->key, &v, n - release->n);

    } else {
        ks_hash_remove_at(&v, &pos);
        ks_effect_as(sp, "HDEL %s %s", release->key, &own);
        ks_event(sp, KS_NOTIFY_HASH, "hdel", release->key);
    }

    (void) ks_value_close(&v);
}


int
ks_places_release(ks_space_t *sp, const ks_str_t *key, int64_t n, uint64_t now)
{
    ks_call_t            call;
    ks_places_release_t  release;

    release.key = key;
    release.n = n;

    memset(&call, 0, sizeof(ks_call_t));

    call.now = now;
    call.shards = ks_key_shard(sp, key);
    call.urgent = 1;
    call.body = ks_places_release_body;
    call.data = &release;

    return ks_run(sp, &call);
}
