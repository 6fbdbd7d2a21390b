/*
 * Entries: what is in one, making one, and letting one go.
 *
 * Runs inside a transaction that holds the entry's shard.  What is stored to an
 * entry that others may have seen is saved first, but for the access clock.
 */

#include <stdlib.h>

#include "keyspace/ks_keyspace.h"


#define KS_CLOCK_SHIFT  4               /* the access clock ticks in 16 ms */
#define KS_LFU_INIT     5
#define KS_LFU_FACTOR   10


static void ks_entry_born(ks_space_t *sp, ks_entry_t *e);


static inline size_t
ks_entry_key_offset(const ks_entry_t *e)
{
    return (e->flags & KS_ENTRY_TTL) ? sizeof(ks_ttl_t) : 0;
}


/* where the value begins in an entry's data */

static inline size_t
ks_value_offset(unsigned flags, size_t klen, unsigned type)
{
    size_t  n;

    n = ((flags & KS_ENTRY_TTL) ? sizeof(ks_ttl_t) : 0)
        + ((flags & KS_ENTRY_BIGKEY) ? sizeof(ks_ref_t) : klen);

    return (type & 0x0f) == KS_TYPE_STRING ? n : ks_align(n, sizeof(uint32_t));
}


static inline size_t
ks_stored_size(unsigned flags, size_t klen, unsigned type, size_t vlen)
{
    return KS_ENTRY_HEADER + ks_value_offset(flags, klen, type)
           + ((flags & KS_ENTRY_BLOB) ? sizeof(ks_tail_t) : vlen);
}


static inline unsigned
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
    return ks_stored_size(ks_form_flags(f), f->key->len, f->type, f->vlen);
}


size_t
ks_entry_size(const ks_entry_t *e)
{
    return ks_stored_size(e->flags, e->klen, e->type, e->vlen);
}


/* in no table yet, and without its value */

static ks_entry_t *
ks_entry_new(ks_space_t *sp, ks_shard_t *sh, const ks_form_t *f)
{
    u_char       *p;
    ks_ttl_t     *ttl;
    ks_blob_t     key;
    ks_entry_t   *e;
    ks_fields_t  *fields;

    e = ks_ptr(&sp->mem, ks_alloc(&sp->mem, sh, KS_KIND_ENTRY,
                                  ks_form_size(f)));
    e->vlen = f->vlen;
    e->klen = (uint16_t) f->key->len;
    e->type = f->type;
    e->flags = (uint8_t) ks_form_flags(f);
    ks_entry_born(sp, e);

    p = e->data;

    if (e->flags & KS_ENTRY_TTL) {
        ttl = (ks_ttl_t *) p;
        ks_time_to(ttl->at, (e->flags & KS_ENTRY_FIELDS)
                            ? ks_either_due(f->at, f->due) : f->at);
        p += sizeof(ks_ttl_t);
    }

    if (e->flags & KS_ENTRY_BIGKEY) {
        key = ks_blob_create(&sp->mem, sh, f->key->data, f->key->len);
        memcpy(p, &key.root, sizeof(ks_ref_t));

    } else {
        memcpy(p, f->key->data, f->key->len);
    }

    if (e->flags & KS_ENTRY_FIELDS) {
        fields = ks_entry_fields(e);
        ks_time_to(fields->expire, f->at);
        ks_time_to(fields->due, f->due);
    }

    return e;
}


ks_entry_t *
ks_entry_succeed(ks_space_t *sp, const ks_place_t *at, ks_entry_t *old,
    const ks_form_t *form)
{
    ks_entry_t  *fresh;

    fresh = ks_entry_new(sp, at->shard, form);
    ks_touched(sp, at);

    if (old) {
        ks_table_replace(sp, at, old, fresh);

        if (old->flags & KS_ENTRY_TTL) {
            ks_wheel_unlink(sp, at->shard, old);
        }

        ks_entry_bury(sp, at->shard, old);

    } else {
        ks_table_insert(sp, at, fresh);
    }

    if (fresh->flags & KS_ENTRY_TTL) {
        ks_wheel_link(sp, at->shard, fresh);
    }

    return fresh;
}


void
ks_entry_disown(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e)
{
    ks_set(&sp->mem, sh, e->flags, (uint8_t) (e->flags | KS_ENTRY_GIVEN));
}


/* whether other chunks belong to the value */

static inline int
ks_entry_owns(const ks_entry_t *e)
{
    if (e->flags & KS_ENTRY_GIVEN) {
        return 0;
    }

    if (ks_entry_type(e) == KS_TYPE_STRING) {
        return (e->flags & KS_ENTRY_BLOB) != 0;
    }

    return ks_value_owns(e);
}


u_char *
ks_entry_value(const ks_entry_t *e)
{
    return (u_char *) e->data + ks_value_offset(e->flags, e->klen, e->type);
}


ks_ttl_t *
ks_entry_ttl(const ks_entry_t *e)
{
    return (ks_ttl_t *) e->data;
}


ks_fields_t *
ks_entry_fields(const ks_entry_t *e)
{
    return (ks_fields_t *) (ks_entry_value(e) + sizeof(ks_root_t));
}


void
ks_entry_set_times(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e, uint64_t at,
    uint64_t due)
{
    ks_mem_t     *m;
    ks_ttl_t     *ttl;
    ks_fields_t  *fields;

    m = &sp->mem;
    ttl = ks_entry_ttl(e);
    fields = ks_entry_fields(e);

    ks_wheel_unlink(sp, sh, e);

    ks_save(m, sh, fields, sizeof(ks_fields_t));
    ks_save(m, sh, ttl, sizeof(ks_ttl_t));
    ks_time_to(fields->expire, at);
    ks_time_to(fields->due, due);
    ks_time_to(ttl->at, ks_either_due(at, due));
    ks_barrier();

    ks_wheel_link(sp, sh, e);
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
ks_entry_is(ks_space_t *sp, const ks_entry_t *e, const ks_str_t *key)
{
    ks_blob_t  b;

    if (e->klen != key->len) {
        return 0;
    }

    if (ks_likely(!(e->flags & KS_ENTRY_BIGKEY))) {
        return ks_same_bytes(e->data + ks_entry_key_offset(e), key->data,
                             key->len);
    }

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
        return ks_siphash(sp->mem.zone->seed,
                          e->data + ks_entry_key_offset(e), e->klen);
    }

    b = ks_entry_keyblob(e);
    ks_blob_read(&sp->mem, &b, 0, key, e->klen);

    return ks_siphash(sp->mem.zone->seed, key, e->klen);
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
 * An entry of one chunk goes to the slab; one with blobs or trees goes to the
 * shard's dead list as it is, and is taken apart later in small steps.
 */

void
ks_entry_bury(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e)
{
    ks_mem_t  *m;

    m = &sp->mem;

    if (!(e->flags & KS_ENTRY_BIGKEY) && !ks_entry_owns(e)) {
        ks_free(m, sh, ks_ref(m, e));
        return;
    }

    ks_set(m, sh, e->access, sh->root.dead);
    ks_set(m, sh, sh->root.dead, ks_ref(m, e));
}


/* pieces of a string from its end */

static size_t
ks_entry_shorten(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e, uint32_t max)
{
    u_char      *value;
    uint32_t     n;
    ks_blob_t    b;
    ks_tail_t    tail;

    value = ks_entry_value(e);
    memcpy(&tail, value, sizeof(tail));
    n = ks_min(tail.left, max);

    if (n) {
        b = ks_entry_blob(e);

        ks_save(&sp->mem, sh, value, sizeof(tail));
        ks_blob_dismantle(&sp->mem, sh, &b, &tail.left, max);
        memcpy(value, &tail, sizeof(tail));
        ks_barrier();
    }

    if (tail.left == 0) {
        ks_entry_disown(sp, sh, e);
    }

    return n;
}


size_t
ks_entry_reap(ks_space_t *sp, ks_shard_t *sh, uint32_t max)
{
    size_t       n;
    uint32_t     pieces;
    ks_mem_t    *m;
    ks_blob_t    b;
    ks_entry_t  *e;

    if (sh->root.dead == 0) {
        return 0;
    }

    m = &sp->mem;
    e = ks_ptr(m, sh->root.dead);
    n = 1;

    if (ks_entry_owns(e)) {
        n += (ks_entry_type(e) == KS_TYPE_STRING)
             ? ks_entry_shorten(sp, sh, e, max)
             : ks_value_dismantle(sp, sh, e, max);

        if (ks_entry_owns(e)) {
            ks_commit(m);
            return n;
        }
    }

    if (e->flags & KS_ENTRY_BIGKEY) {
        b = ks_entry_keyblob(e);
        pieces = ks_blob_pieces(b.len);
        n += pieces;
        ks_blob_dismantle(m, sh, &b, &pieces, pieces);
    }

    ks_set(m, sh, sh->root.dead, e->access);
    ks_free(m, sh, ks_ref(m, e));
    ks_commit(m);

    return n;
}


/*
 * The access field holds, depending on the zone's policy, the time of the
 * last access in ticks of 16 ms, or as in Redis's LFU the last minute of
 * decay above a logarithmic counter of 8 bits.
 */

static inline int
ks_policy_lfu(const ks_space_t *sp)
{
    ks_policy_t  policy;

    policy = ks_zone_policy(sp->mem.zone);

    return policy == KS_ALLKEYS_LFU || policy == KS_VOLATILE_LFU;
}


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


static void
ks_entry_born(ks_space_t *sp, ks_entry_t *e)
{
    if (ks_policy_lfu(sp)) {
        e->access = ks_lfu_minutes(sp) << 8 | KS_LFU_INIT;

    } else {
        e->access = (uint32_t) (sp->now >> KS_CLOCK_SHIFT);
    }
}


void
ks_entry_touch(ks_space_t *sp, ks_entry_t *e)
{
    uint32_t  count, over;

    if (!ks_policy_lfu(sp)) {
        e->access = (uint32_t) (sp->now >> KS_CLOCK_SHIFT);
        return;
    }

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


size_t
ks_entry_memory(ks_space_t *sp, const ks_entry_t *e)
{
    size_t      size;
    ks_blob_t   b;
    ks_mem_t   *m;

    m = &sp->mem;
    size = ks_chunk_size(m, ks_ref(m, e)) + sizeof(ks_ref_t) + 1;

    if (e->flags & KS_ENTRY_BIGKEY) {
        b = ks_entry_keyblob(e);
        size += ks_blob_memory(m, &b);
    }

    if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);
        size += ks_blob_memory(m, &b);
    }

    if (ks_entry_type(e) != KS_TYPE_STRING) {
        size += ks_value_memory(sp, (ks_entry_t *) e);
    }

    return size;
}
