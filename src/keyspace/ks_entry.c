/*
 * Entries: what is in one and where, and when it was used.
 *
 * Runs inside a transaction that holds the entry's shard.  Nothing is stored
 * here but the access clock, a hint.
 */

#include "keyspace/ks_keyspace.h"


#define KS_LFU_INIT     5
#define KS_LFU_FACTOR   10


static inline size_t
ks_stored_size(unsigned flags, size_t klen, size_t vlen)
{
    return KS_ENTRY_HEADER + ks_value_offset(flags, klen)
           + ((flags & KS_ENTRY_BLOB) ? sizeof(ks_tail_t) : vlen);
}


unsigned
ks_form_flags(const ks_form_t *f)
{
    unsigned  flags;

    flags = f->flags;

    if (f->at || (flags & KS_ENTRY_FIELDS)) {
        flags |= KS_ENTRY_TTL;
    }

    if (f->key->len > KS_ENTRY_KEYLEN) {
        flags |= KS_ENTRY_BIGKEY;
    }

    return flags;
}


size_t
ks_form_size(const ks_form_t *f)
{
    return ks_stored_size(ks_form_flags(f), f->key->len, f->vlen);
}


size_t
ks_entry_size(const ks_entry_t *e)
{
    return ks_stored_size(e->flags, e->klen, e->vlen);
}


ks_ttl_t *
ks_entry_ttl(const ks_entry_t *e)
{
    return (ks_ttl_t *) e->data;
}


ks_fields_t *
ks_entry_fields(const ks_entry_t *e)
{
    return (ks_fields_t *) (ks_entry_roots(e) + ks_entry_trees(e));
}


ks_blob_t
ks_entry_blob(const ks_entry_t *e)
{
    ks_blob_t  b;

    b.root = ks_load32(ks_entry_value(e));
    b.len = e->vlen;

    return b;
}


ks_blob_t
ks_entry_keyblob(const ks_entry_t *e)
{
    ks_blob_t  b;

    b.root = ks_load32(e->data + ks_entry_key_offset(e));
    b.len = e->klen;

    return b;
}


void
ks_entry_set_blob(ks_entry_t *e, const ks_blob_t *b)
{
    ks_tail_t  tail;

    tail.root = b->root;
    tail.left = ks_blob_pieces(b->len);

    memcpy(ks_entry_value(e), &tail, sizeof(tail));
}


int
ks_entry_is_big(ks_space_t *sp, const ks_entry_t *e, const ks_str_t *key)
{
    ks_blob_t  b;

    b = ks_entry_keyblob(e);

    return ks_blob_equal(&sp->mem, &b, key->data, key->len);
}


ks_str_t
ks_entry_key(ks_space_t *sp, const ks_entry_t *e)
{
    ks_str_t   key;
    ks_blob_t  b;

    key.len = e->klen;
    key.data = (u_char *) e->data + ks_entry_key_offset(e);

    if (e->flags & KS_ENTRY_BIGKEY) {
        b = ks_entry_keyblob(e);
        key.data = ks_arena_alloc(sp, key.len);
        ks_blob_read(&sp->mem, &b, 0, key.data, key.len);
    }

    return key;
}


uint64_t
ks_entry_hash(ks_space_t *sp, const ks_entry_t *e)
{
    ks_blob_t  b;
    u_char     key[KS_KEY_MAX];

    if (!(e->flags & KS_ENTRY_BIGKEY)) {
        return ks_hash_of(sp, e->data + ks_entry_key_offset(e), e->klen);
    }

    b = ks_entry_keyblob(e);
    ks_blob_read(&sp->mem, &b, 0, key, e->klen);

    return ks_hash_of(sp, key, e->klen);
}


unsigned
ks_entry_type(const ks_entry_t *e)
{
    return e->type & 0x0f;
}


unsigned
ks_entry_enc(const ks_entry_t *e)
{
    return e->type >> 4;
}


uint64_t
ks_entry_expire(const ks_entry_t *e)
{
    if (e->flags & KS_ENTRY_FIELDS) {
        return ks_time_of(ks_entry_fields(e)->expire);
    }

    return (e->flags & KS_ENTRY_TTL) ? ks_entry_wheel(e) : KS_NO_EXPIRE;
}


int
ks_entry_fields_expire(const ks_entry_t *e)
{
    return (e->flags & KS_ENTRY_FIELDS) != 0;
}


/*
 * The access field holds, depending on the zone's policy, the time of the
 * last access in ticks of 16 ms, or as in Redis's LFU the last minute of
 * decay above a logarithmic counter of 8 bits.
 */

static uint32_t
ks_lfu_minutes(const ks_space_t *sp)
{
    return (uint32_t) (sp->now / 60000) & 0xffff;
}


static uint32_t
ks_lfu_decayed(const ks_space_t *sp, const ks_entry_t *e)
{
    uint32_t  count, idle;

    count = e->access & 0xff;
    idle = (ks_lfu_minutes(sp) - (e->access >> 8)) & 0xffff;

    return idle > count ? 0 : count - idle;
}


void
ks_entry_born(ks_space_t *sp, ks_entry_t *e)
{
    if (ks_policy_lfu(sp)) {
        e->access = ks_lfu_minutes(sp) << 8 | KS_LFU_INIT;

    } else {
        e->access = (uint32_t) (sp->now >> KS_CLOCK_SHIFT);
    }
}


void
ks_entry_touch_lfu(ks_space_t *sp, ks_entry_t *e)
{
    uint32_t  count, over;

    count = ks_lfu_decayed(sp, e);
    over = count > KS_LFU_INIT ? count - KS_LFU_INIT : 0;

    if (count < 255 && ks_rand(sp, over * KS_LFU_FACTOR + 1) == 0) {
        count++;
    }

    e->access = ks_lfu_minutes(sp) << 8 | count;
}


/* how good a victim it is: larger is better */

uint32_t
ks_entry_age(ks_space_t *sp, const ks_entry_t *e)
{
    if (ks_policy_lfu(sp)) {
        return 255 - ks_lfu_decayed(sp, e);
    }

    return (uint32_t) (sp->now >> KS_CLOCK_SHIFT) - e->access;
}


uint64_t
ks_entry_idle(ks_space_t *sp, const ks_entry_t *e)
{
    uint32_t  ticks;

    ticks = (uint32_t) (sp->now >> KS_CLOCK_SHIFT) - e->access;

    /* a clock that was set back */

    if (ks_policy_lfu(sp) || ticks > INT32_MAX) {
        return 0;
    }

    return ((uint64_t) ticks << KS_CLOCK_SHIFT) / 1000;
}


unsigned
ks_entry_freq(ks_space_t *sp, const ks_entry_t *e)
{
    return ks_lfu_decayed(sp, e);
}


void
ks_entry_used(ks_space_t *sp, ks_entry_t *e, int64_t idle, int64_t freq)
{
    int64_t  ticks;

    if (ks_policy_lfu(sp)) {

        if (freq >= 0) {
            e->access = ks_lfu_minutes(sp) << 8 | (uint32_t) ks_min(freq, 255);
        }

    } else if (idle >= 0) {
        ticks = ks_min(idle, ((int64_t) INT32_MAX << KS_CLOCK_SHIFT) / 1000);
        ticks = ((ticks + 1) * 1000 - 1) >> KS_CLOCK_SHIFT;
        e->access = (uint32_t) (sp->now >> KS_CLOCK_SHIFT) - (uint32_t) ticks;
    }
}
