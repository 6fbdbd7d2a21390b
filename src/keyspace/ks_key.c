/*
 * What is done with a key and its entry as a whole: it is looked up, gets
 * another time or another name, is copied, removed, watched.
 */

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_upstream.h"


static ks_entry_t *ks_give_value(ks_space_t *sp, const ks_place_t *at,
    ks_entry_t *old, ks_form_t *form, const ks_entry_t *e,
    const ks_blob_t *blob);


/*
 * What is left of an entry with a TTL when that which is due is gone: e itself,
 * or NULL.  Such an end is told by itself, and is no change that the command
 * makes.  Where an upstream says what ends, a key that is due is only hidden,
 * and nobody can store under its name.
 */

static __attribute__((noinline)) ks_entry_t *
ks_lookup_due(ks_space_t *sp, const ks_str_t *key, const ks_place_t *place,
    ks_entry_t *e)
{
    uint64_t  at, changes;

    at = ks_entry_expire(e);
    changes = sp->changes;

    if (ks_unlikely(ks_upstream_gate(sp) & KS_GATE_READONLY)
        && !ks_shard_local(sp, place->shard))
    {
        return (at && sp->past > at) ? NULL : e;
    }

    if (at && sp->past > at) {
        ks_effectf(sp, "DEL %s", key);
        ks_event(sp, KS_NOTIFY_EXPIRED, "expired", key);
        ks_remove_at(sp, place, e, KS_CHANGE_EXPIRED);
        place->shard->expired++;
        e = NULL;

    } else if (e->flags & KS_ENTRY_FIELDS) {
        e = ks_value_purge(sp, key, e);
    }

    sp->changes = changes;

    return e;
}


static __attribute__((noinline)) void
ks_lookup_counted(ks_space_t *sp, const ks_str_t *key, int miss)
{
    ks_prefix_count_t  *p, *last;

    last = sp->prefixes + sp->nprefixes;

    for (p = sp->prefixes; p < last; p++) {

        if (p->name.len <= key->len
            && memcmp(p->name.data, key->data, p->name.len) == 0)
        {
            if (p->count != NULL) {
                p->count->n[miss]++;
            }

            return;
        }
    }
}


/* The key is not there, or no more. */

static __attribute__((noinline)) void
ks_lookup_missed(ks_space_t *sp, const ks_str_t *key, ks_shard_t *sh,
    unsigned flags)
{
    sp->told.absent++;

    if (flags == KS_LOOKUP_READ) {
        sh->misses++;

        if (sp->nprefixes != 0) {
            ks_lookup_counted(sp, key, 1);
        }
    }

    if (flags == KS_LOOKUP_READ || flags == KS_LOOKUP_ASK) {
        ks_event(sp, KS_NOTIFY_MISS, "keymiss", key);
    }
}


ks_entry_t *
ks_lookup(ks_space_t *sp, const ks_str_t *key, unsigned flags)
{
    ks_place_t   place;
    ks_entry_t  *e;

    place = ks_place_now(sp, key);
    ks_seen(sp, place.hash);
    e = ks_table_find(sp, &place, key);

    if (ks_unlikely(sp->told.kinds & KS_TOLD_IMAGES) && e) {
        ks_before(sp, &place, e);
    }

    if (e && (e->flags & KS_ENTRY_TTL)) {
        e = ks_lookup_due(sp, key, &place, e);
    }

    if (e == NULL) {
        ks_lookup_missed(sp, key, place.shard, flags);
        return NULL;
    }

    if (flags < KS_LOOKUP_PEEK && !sp->call->quiet) {
        ks_entry_touch(sp, e);
    }

    if (flags == KS_LOOKUP_READ) {
        place.shard->hits++;

        if (ks_unlikely(sp->nprefixes != 0)) {
            ks_lookup_counted(sp, key, 0);
        }
    }

    return e;
}


void
ks_remove(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e)
{
    ks_place_t  at;

    at = ks_place(sp, key);
    ks_remove_at(sp, &at, e, KS_CHANGE_DELETED);
}


/*
 * A new entry with the string of e, in the place of old or of none.  blob is
 * what becomes its value; without one the value is inside e, and is copied
 * (into a blob if a longer key leaves no room for it).
 */

static ks_entry_t *
ks_give_value(ks_space_t *sp, const ks_place_t *at, ks_entry_t *old,
    ks_form_t *form, const ks_entry_t *e, const ks_blob_t *blob)
{
    uint32_t     access;
    ks_blob_t    b;
    ks_entry_t  *fresh;

    access = e->access;

    form->vlen = e->vlen;
    form->type = e->type;
    form->flags = blob ? KS_ENTRY_BLOB : 0;

    if (ks_form_size(form) > KS_ENTRY_INLINE) {
        form->flags = KS_ENTRY_BLOB;
    }

    fresh = ks_entry_succeed(sp, at, old, form);
    fresh->access = access;

    if (blob) {
        ks_entry_set_blob(fresh, blob);

    } else if (form->flags & KS_ENTRY_BLOB) {
        b = ks_blob_create(&sp->mem, at->shard, ks_entry_value(e), e->vlen);
        ks_entry_set_blob(fresh, &b);

    } else {
        memcpy(ks_entry_value(fresh), ks_entry_value(e), e->vlen);
    }

    return fresh;
}


/*
 * A TTL that changes is changed in place; one that comes or goes takes
 * another chunk, and the blob changes hands.
 */

ks_entry_t *
ks_set_expire(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e, uint64_t at)
{
    ks_blob_t   b;
    ks_form_t   form;
    ks_place_t  place;

    place = ks_place(sp, key);
    ks_changed(sp, &place, key, KS_CHANGE_TTL);

    if (at == ks_entry_expire(e)) {
        return e;
    }

    if (e->flags & KS_ENTRY_FIELDS) {
        ks_entry_set_times(sp, place.shard, e, at,
                           ks_time_of(ks_entry_fields(e)->due));
        return e;
    }

    if (at && (e->flags & KS_ENTRY_TTL)) {
        ks_wheel_reset(sp, place.shard, e, at);
        return e;
    }

    form.key = key;
    form.at = at;

    if (e->flags & KS_ENTRY_ELEMENTS) {
        return ks_value_give(sp, place.shard, &place, e, &form, e);
    }

    if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);
        ks_entry_disown(sp, place.shard, e);
        return ks_give_value(sp, &place, e, &form, e, &b);
    }

    return ks_give_value(sp, &place, e, &form, e, NULL);
}


void
ks_rename(ks_space_t *sp, const ks_str_t *src, ks_entry_t *e,
    const ks_str_t *dst)
{
    ks_blob_t   b;
    ks_form_t   form;
    ks_place_t  from, to;

    from = ks_place(sp, src);
    to = ks_place(sp, dst);

    form.key = dst;
    form.at = ks_entry_expire(e);

    if (e->flags & KS_ENTRY_ELEMENTS) {
        ks_value_give(sp, from.shard, &to, NULL, &form, e);

    } else if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);

        if (from.shard != to.shard) {
            b = ks_blob_move(&sp->mem, from.shard, to.shard, &b);
        }

        ks_give_value(sp, &to, NULL, &form, e, &b);
        ks_entry_disown(sp, from.shard, e);

    } else {
        ks_give_value(sp, &to, NULL, &form, e, NULL);
    }

    ks_remove_at(sp, &from, e, KS_CHANGE_DELETED);
}


void
ks_copy(ks_space_t *sp, ks_entry_t *e, const ks_str_t *dst)
{
    ks_copy_of(sp, sp, e, dst);
}


void
ks_copy_of(ks_space_t *sp, ks_space_t *of, ks_entry_t *e, const ks_str_t *dst)
{
    uint32_t    access;
    ks_blob_t   b;
    ks_form_t   form;
    ks_place_t  to;

    to = ks_place(sp, dst);

    form.key = dst;
    form.at = ks_entry_expire(e);

    if (e->flags & KS_ENTRY_ELEMENTS) {
        access = e->access;
        e = ks_value_copy(sp, of, &to, NULL, &form, e);
        e->access = access;
        return;
    }

    if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);
        b = ks_blob_copy(&sp->mem, to.shard, &of->mem, &b);
        ks_give_value(sp, &to, NULL, &form, e, &b);
        return;
    }

    ks_give_value(sp, &to, NULL, &form, e, NULL);
}


/* whether it is there, for who only looks */

static int
ks_watch_exists(ks_space_t *sp, const ks_str_t *key)
{
    int  reads, exists;

    reads = ks_set_reads(sp, 1);
    exists = (ks_lookup(sp, key, KS_LOOKUP_PEEK) != NULL);
    (void) ks_set_reads(sp, reads);

    return exists;
}


void
ks_watch(ks_space_t *sp, const ks_str_t *key, ks_watched_t *w)
{
    ks_place_t  at;

    w->existed = ks_watch_exists(sp, key);

    at = ks_place(sp, key);
    w->since = ks_watch_begin(sp, &at);
}


int
ks_unchanged(ks_space_t *sp, const ks_str_t *key, const ks_watched_t *w)
{
    ks_place_t  at;

    at = ks_place(sp, key);

    return ks_watch_holds(&at, w->since)
           && (!w->existed || ks_watch_exists(sp, key));
}
