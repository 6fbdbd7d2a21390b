/*
 * An entry's life: it is made and enters the table and the wheel, it changes,
 * it leaves them and is taken apart.
 *
 * Runs inside a transaction that holds the entry's shard, but for
 * ks_entry_reap().  What is stored to an entry that others may have seen is
 * saved first.
 */

#include "keyspace/ks_keyspace.h"


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

    if (ks_unlikely(sp->told.kinds & KS_TOLD_IMAGES)) {
        ks_saved_new(sp, at, fresh);
    }

    ks_changed(sp, at, form->key, old ? KS_CHANGE_VALUE : KS_CHANGE_CAME);

    if (old == NULL) {
        ks_event(sp, KS_NOTIFY_NEW, "new", form->key);
    }

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


void
ks_entry_disown(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e)
{
    ks_set(&sp->mem, sh, e->flags, (uint8_t) (e->flags | KS_ENTRY_GIVEN));
}


void
ks_remove_at(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e,
    ks_change_t why)
{
    ks_changed(sp, at, NULL, why);

    if (ks_unlikely(ks_tracked(sp)) && why != KS_CHANGE_FLUSHED) {
        ks_track_ended(sp, at, e, why);
    }

    if (ks_unlikely(sp->mem.zone->ends != 0) && why == KS_CHANGE_DELETED
        && (ks_entry_type(e) == KS_TYPE_HASH
            || ks_entry_type(e) == KS_TYPE_SET))
    {
        ks_ended_note(sp, at->hash);
    }

    ks_table_remove(sp, at, e);

    if (e->flags & KS_ENTRY_TTL) {
        ks_wheel_unlink(sp, at->shard, e);
    }

    ks_entry_bury(sp, at->shard, e);
}


void
ks_drop(ks_space_t *sp, ks_entry_t *e, ks_change_t why)
{
    ks_place_t  at;

    at.hash = ks_entry_hash(sp, e);
    at.shard = ks_hash_shard(sp, at.hash);
    ks_remove_at(sp, &at, e, why);
}


/*
 * Tells that the key of the entry ends, now.  A key may be in pieces, and
 * longer than what is worth a place of its own.
 */

static __attribute__((noinline)) void
ks_tell_end(ks_space_t *sp, const ks_entry_t *e, ks_change_t why)
{
    ks_str_t   key;
    ks_blob_t  b;
    u_char     copy[KS_KEY_MAX];

    if (e->flags & KS_ENTRY_BIGKEY) {
        b = ks_entry_keyblob(e);
        key.data = copy;
        key.len = b.len;
        ks_blob_read(&sp->mem, &b, 0, key.data, key.len);

    } else {
        key = ks_entry_key(sp, e);
    }

    ks_effectf(sp, "DEL %s", &key);

    if (why == KS_CHANGE_EXPIRED) {
        ks_event(sp, KS_NOTIFY_EXPIRED, "expired", &key);

    } else {
        ks_event(sp, KS_NOTIFY_EVICTED, "evicted", &key);
    }
}


void
ks_expel(ks_space_t *sp, ks_entry_t *e, ks_change_t why)
{
    ks_frame_begin(sp);

    if (ks_unlikely(sp->told.kinds)) {
        ks_tell_end(sp, e, why);

        if ((sp->told.kinds & KS_TOLD_IMAGES) && why == KS_CHANGE_EVICTED) {
            ks_before_evicted(sp, e);
        }
    }

    ks_drop(sp, e, why);

    if (ks_unlikely(sp->told.kinds)) {
        sp->tell.changes = sp->changes;         /* by nobody */
        ks_frame_append(sp);
    }

    ks_commit(&sp->mem);
}


/* whether other chunks belong to the value */

static inline int
ks_entry_owns(const ks_entry_t *e)
{
    if (e->flags & KS_ENTRY_GIVEN) {
        return 0;
    }

    return (e->flags & KS_ENTRY_BLOB) || ks_value_owns(e);
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
        n += (e->flags & KS_ENTRY_BLOB)
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

    if (e->flags & KS_ENTRY_ELEMENTS) {
        size += ks_value_memory(sp, (ks_entry_t *) e);
    }

    return size;
}
