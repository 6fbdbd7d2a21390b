/*
 * Rate limits: the states in their keys.
 */

#include "commands/ks_limit_state.h"
#include "types/ks_hash.h"
#include "types/ks_number.h"


#define KS_LIMIT_ROOM  96               /* bytes of the elements of a hash */


static int ks_limit_search_hash(ks_space_t *sp, ks_limit_check_t *lc,
    const ks_str_t *fields);


static int
ks_limit_is(ks_limit_check_t *lc, unsigned type)
{
    if (ks_entry_type(lc->entry) == type) {
        return 1;
    }

    lc->fault = KS_LIMIT_WRONGTYPE;

    return 0;
}


int
ks_limit_read_string(ks_space_t *sp, ks_limit_check_t *lc, int64_t *v)
{
    ks_str_t  s;

    lc->entry = ks_lookup(sp, &lc->key, KS_LOOKUP_WRITE);

    if (lc->entry == NULL) {
        return KS_OK;
    }

    if (!ks_limit_is(lc, KS_TYPE_STRING)) {
        return KS_ERR;
    }

    if (ks_string_len(lc->entry) <= KS_INT_LEN) {
        s = ks_string_flat(sp, lc->entry);

        if (ks_parse_int(&s, v) == KS_OK) {
            return KS_OK;
        }
    }

    lc->fault = KS_LIMIT_GARBAGE;

    return KS_ERR;
}


void
ks_limit_store_string(ks_space_t *sp, ks_limit_check_t *lc, int64_t v,
    uint64_t expire)
{
    u_char    buf[KS_INTEGER_TEXT];
    ks_str_t  s;

    s.data = buf;
    s.len = ks_integer_text(buf, v);

    lc->entry = ks_string_set(sp, &lc->key, lc->entry, &s, KS_ENC_INT, expire);
    ks_effect_as(sp, "SET %s %s PXAT %u", &lc->key, &s,
                 ks_entry_expire(lc->entry));
    ks_event(sp, KS_NOTIFY_STRING, "set", &lc->key);
    ks_event(sp, KS_NOTIFY_GENERIC, "expire", &lc->key);
}


/* field i */

static inline int
ks_limit_parse(ks_limit_check_t *lc, unsigned i, const ks_str_t *s)
{
    if (ks_parse_int(s, &lc->state[i]) != KS_OK) {
        lc->fault = KS_LIMIT_GARBAGE;
        return KS_ERR;
    }

    lc->stored[i] = lc->state[i];
    lc->known |= 1u << i;

    return KS_OK;
}


int
ks_limit_read_hash(ks_space_t *sp, ks_limit_check_t *lc,
    const ks_str_t *fields)
{
    unsigned  i;
    ks_str_t  values[KS_LIMIT_FIELDS];

    memset(lc->state, 0, sizeof(lc->state));
    lc->known = 0;
    lc->record = 0;

    lc->entry = ks_lookup(sp, &lc->key, KS_LOOKUP_WRITE);

    if (lc->entry == NULL) {
        return KS_OK;
    }

    if (!ks_limit_is(lc, KS_TYPE_HASH)) {
        return KS_ERR;
    }

    if (ks_unlikely(!ks_record_read(lc->entry, fields, values,
                                    KS_LIMIT_FIELDS)))
    {
        return ks_limit_search_hash(sp, lc, fields);
    }

    lc->record = 1;

    for (i = 0; i < KS_LIMIT_FIELDS; i++) {
        if (ks_limit_parse(lc, i, &values[i]) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* the same of one that somebody else has made */

static int
ks_limit_search_hash(ks_space_t *sp, ks_limit_check_t *lc,
    const ks_str_t *fields)
{
    unsigned    i;
    ks_pos_t    pos;
    ks_str_t    s;
    ks_item_t   item;
    ks_value_t  v;

    ks_value_open(sp, &lc->key, lc->entry, &v);

    for (i = 0; i < KS_LIMIT_FIELDS; i++) {

        if (!ks_hash_find(&v, &pos, &fields[i])) {
            continue;
        }

        item = ks_hash_value(&v, &pos);

        s.data = NULL;
        s.len = SIZE_MAX;

        if (item.len <= KS_INT_LEN) {
            s = ks_item_flat(sp, &item);
        }

        if (ks_limit_parse(lc, i, &s) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static void
ks_limit_store_fields(ks_space_t *sp, ks_limit_check_t *lc,
    const ks_str_t *fields, const ks_str_t *values, uint64_t expire)
{
    unsigned    i;
    ks_value_t  v;

    if (lc->entry == NULL) {
        ks_value_create(sp, &lc->key, NULL, KS_TYPE_HASH, KS_ENC_LISTPACK,
                        KS_LIMIT_ROOM, expire, &v);
    } else {
        ks_value_open(sp, &lc->key, lc->entry, &v);
    }

    for (i = 0; i < KS_LIMIT_FIELDS; i++) {
        if (values[i].data) {
            (void) ks_hash_set(&v, &fields[i], &values[i], 0);
        }
    }

    (void) ks_value_close(&v);
    lc->entry = v.entry;
}


static void
ks_limit_tell_hash(ks_space_t *sp, const ks_limit_check_t *lc,
    const ks_str_t *fields, const ks_str_t *values)
{
    int       n;
    unsigned  i;
    ks_str_t  pairs[2 * KS_LIMIT_FIELDS];

    for (n = 0, i = 0; i < KS_LIMIT_FIELDS; i++) {
        if (values[i].data) {
            pairs[n++] = fields[i];
            pairs[n++] = values[i];
        }
    }

    if (n) {
        ks_effect_as(sp, "HSET %s %v", &lc->key, n, pairs);
    }

    ks_effect_as(sp, "PEXPIREAT %s %u", &lc->key, ks_entry_expire(lc->entry));
}


static void
ks_limit_hash_events(ks_space_t *sp, const ks_limit_check_t *lc,
    const ks_str_t *values)
{
    unsigned  i, changed;

    for (changed = 0, i = 0; i < KS_LIMIT_FIELDS; i++) {
        changed |= (values[i].data != NULL);
    }

    if (changed) {
        ks_event(sp, KS_NOTIFY_HASH, "hset", &lc->key);
    }

    ks_event(sp, KS_NOTIFY_GENERIC, "expire", &lc->key);
}


void
ks_limit_store_hash(ks_space_t *sp, ks_limit_check_t *lc,
    const ks_str_t *fields, uint64_t expire)
{
    u_char    text[KS_LIMIT_FIELDS][KS_INTEGER_TEXT];
    unsigned  i;
    ks_str_t  values[KS_LIMIT_FIELDS];

    for (i = 0; i < KS_LIMIT_FIELDS; i++) {
        values[i].data = NULL;

        if (!(lc->known & 1u << i) || lc->stored[i] != lc->state[i]) {
            values[i].data = text[i];
            values[i].len = ks_integer_text(text[i], lc->state[i]);
        }
    }

    if (lc->entry == NULL || !lc->record
        || !ks_record_write(sp, &lc->key, lc->entry, values, KS_LIMIT_FIELDS))
    {
        ks_limit_store_fields(sp, lc, fields, values, expire);
    }

    if (ks_entry_expire(lc->entry) != expire) {
        lc->entry = ks_set_expire(sp, &lc->key, lc->entry, expire);
    }

    if (ks_effects_told(sp)) {
        ks_limit_tell_hash(sp, lc, fields, values);
    }

    if (ks_unlikely(ks_events_told(sp))) {
        ks_limit_hash_events(sp, lc, values);
    }
}
