/*
 * Values made of elements in entries: handles that change them, and the fields
 * of hashes that expire.
 *
 * A leaf that has become too large for its chunk moves to a new entry, which
 * succeeds the old one with one store; so does a value that changes its shape.
 * A leaf inside an entry never holds blobs, so that nothing else belongs to
 * it.
 */

#include "keyspace/ks_keyspace.h"
#include "types/ks_hash.h"
#include "types/ks_node.h"


static void ks_value_house(ks_tree_t *t, size_t size);
static void ks_value_reshape(ks_value_t *v, unsigned enc, int expiries);
static void ks_value_due(ks_value_t *v, uint64_t at);


static const ks_value_ops_t  ks_value_ops = {
    ks_value_house,
    ks_value_reshape,
    ks_value_due
};


/* --- handles --- */

/* on the trees of an entry that is in the table under this key */

static inline void
ks_value_handle(ks_space_t *sp, ks_shard_t *sh, const ks_str_t *key,
    ks_entry_t *e, ks_value_t *v)
{
    ks_value_attach(sp, sh, e, v);

    v->name = key;
    v->ops = &ks_value_ops;
    v->tree[0].house = ks_value_house;
}


void
ks_value_open(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    ks_value_t *v)
{
    ks_place_t  at;

    at = ks_place(sp, key);
    ks_value_handle(sp, at.shard, key, e, v);
}


int
ks_value_close(ks_value_t *v)
{
    ks_place_t   at;
    ks_entry_t  *e;
    ks_space_t  *sp;

    sp = v->space;
    at = ks_place(sp, v->name);

    if (ks_value_count(v) == 0 && ks_types[v->type].ends_empty) {
        ks_remove_at(sp, &at, v->entry, KS_CHANGE_DELETED);
        ks_event(sp, KS_NOTIFY_GENERIC, "del", v->name);
        return 1;
    }

    /* a list is called by another name without a change of its shape */

    e = v->entry;

    if (ks_entry_enc(e) != v->enc) {
        ks_set(v->mem, at.shard, e->type, (uint8_t) (v->type | v->enc << 4));
    }

    ks_changed(sp, &at, v->name, KS_CHANGE_VALUE);

    return 0;
}


void
ks_value_aside(ks_value_t *v)
{
    ks_changed_aside(v->space);
}


void
ks_value_ready(ks_value_t *v)
{
    ks_place_t   at;
    ks_space_t  *sp;

    sp = v->space;

    if (sp->told.kinds & KS_TOLD_WAITERS) {
        at = ks_place(sp, v->name);
        ks_wait_changed(sp, &at);
    }
}


/* --- new entries --- */

/*
 * What is missing in the form of a value whose type, key and expiry are known:
 * all of the chunk if one leaf of so many bytes fits, else roots.
 */

static void
ks_value_form(ks_form_t *f, int expiries, size_t leaf)
{
    size_t              size;
    const ks_stored_t  *stored;

    f->flags = KS_ENTRY_LEAF;
    stored = ks_value_stored(f->type & 0x0f, f->type >> 4);

    if (stored->trees == 1 && !expiries && leaf <= KS_ENTRY_INLINE) {
        f->vlen = (uint32_t) leaf;
        size = ks_form_size(f);

        if (size <= KS_ENTRY_INLINE) {
            f->vlen += (uint32_t) (ks_class_size(ks_class_of(size)) - size);
            return;
        }
    }

    f->flags = KS_ENTRY_TREE;
    f->vlen = (uint32_t) (stored->trees * sizeof(ks_root_t) + stored->head);

    if (expiries) {
        f->flags |= KS_ENTRY_FIELDS;
        f->vlen += (uint32_t) sizeof(ks_fields_t);
    }
}


/* an empty value in an entry that nobody has seen yet */

static void
ks_value_init(ks_entry_t *e, const ks_form_t *f)
{
    if (f->flags & KS_ENTRY_TREE) {
        memset(ks_entry_value(e), 0,
               ks_entry_trees(e) * sizeof(ks_root_t) + ks_entry_head(e));
        return;
    }

    ks_leaf_init((ks_leaf_t *) ks_entry_value(e), f->vlen, KS_LEAF_HEADER);
}


/*
 * A handle on an empty value of that form, in the place of old.  All that will
 * belong to it is allocated in this transaction, so that nothing is logged.
 */

static void
ks_value_make(ks_space_t *sp, const ks_place_t *at, ks_entry_t *old,
    const ks_form_t *form, ks_value_t *v)
{
    unsigned     i;
    ks_entry_t  *e;

    e = ks_entry_succeed(sp, at, old, form);
    ks_value_init(e, form);

    ks_value_handle(sp, at->shard, form->key, e, v);

    for (i = 0; i < ks_entry_trees(e); i++) {
        v->tree[i].fresh = 1;
    }
}


void
ks_value_create(ks_space_t *sp, const ks_str_t *key, ks_entry_t *old,
    unsigned type, unsigned enc, size_t room, uint64_t expire, ks_value_t *v)
{
    ks_form_t   form;
    ks_place_t  at;

    at = ks_place(sp, key);

    if (expire == KS_KEEP_TTL) {
        expire = old ? ks_entry_expire(old) : KS_NO_EXPIRE;
    }

    form.key = key;
    form.at = expire;
    form.due = 0;
    form.type = (uint8_t) (type | enc << 4);
    ks_value_form(&form, 0, KS_LEAF_HEADER + room);

    ks_value_make(sp, &at, old, &form, v);
}


/*
 * Another entry for the value, with its trees empty.  What they held before
 * can be read until the commit, and is not the old entry's any more.
 */

static void
ks_value_succeed(ks_value_t *v, unsigned enc, int expiries, size_t leaf)
{
    uint32_t     access;
    ks_form_t    form;
    ks_place_t   at;
    ks_entry_t  *old;
    ks_space_t  *sp;

    sp = v->space;
    old = v->entry;
    at = ks_place(sp, v->name);
    access = old->access;

    form.key = v->name;
    form.at = ks_entry_expire(old);
    form.due = v->due;
    form.type = (uint8_t) (v->type | enc << 4);
    ks_value_form(&form, expiries, leaf);

    ks_entry_disown(sp, at.shard, old);
    ks_value_make(sp, &at, old, &form, v);
    ((ks_entry_t *) v->entry)->access = access;
}


static void
ks_value_house(ks_tree_t *t, size_t size)
{
    ks_value_t  *v;

    v = t->owner;
    ks_value_succeed(v, v->enc, 0, size);
}


static void
ks_value_reshape(ks_value_t *v, unsigned enc, int expiries)
{
    size_t      leaf;
    ks_tree_t  *t;

    t = &v->tree[0];
    leaf = t->root ? KS_LEAF_HEADER + ks_tree_bytes(t) : t->leaf->cap;

    ks_value_succeed(v, enc, expiries, leaf);
}


/* --- fields that expire --- */

static void
ks_value_due(ks_value_t *v, uint64_t at)
{
    ks_entry_t   *e;
    ks_fields_t  *fields;

    e = v->entry;
    fields = ks_entry_fields(e);

    if (at != v->due) {
        v->due = at;
        ks_entry_set_times(v->space, v->shard, e, ks_time_of(fields->expire),
                           at);
    }
}


static void
ks_value_field_gone(ks_value_t *v, const ks_item_t *field)
{
    ks_str_t  name;

    name = ks_item_flat(v->space, field);
    ks_effectf(v->space, "HDEL %s %s", v->name, &name);
}


int
ks_value_purge_step(ks_space_t *sp, const ks_str_t *key, ks_entry_t **e,
    uint32_t max, ks_hash_purge_t *p)
{
    uint64_t    due;
    ks_value_t  v;

    due = ks_time_of(ks_entry_fields(*e)->due);

    if (due == 0 || sp->past < due) {
        return 0;
    }

    ks_value_open(sp, key, *e, &v);

    if (ks_effects_told(sp)) {
        p->gone = ks_value_field_gone;
    }

    if (ks_hash_purge(&v, max, p)) {
        ks_event(sp, KS_NOTIFY_HASH, "hexpired", key);

        if (ks_value_close(&v)) {
            *e = NULL;
            return 0;
        }
    }

    /* the wheel is to go on, whatever it was that is not due after all */

    if (v.due && v.due < sp->past) {
        ks_value_due(&v, sp->past);
    }

    *e = v.entry;

    return !p->done;
}


ks_entry_t *
ks_value_purge(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e)
{
    ks_hash_purge_t  p;

    memset(&p, 0, sizeof(ks_hash_purge_t));
    (void) ks_value_purge_step(sp, key, &e, UINT32_MAX, &p);

    return e;
}


/* --- other entries for the same value --- */

/* what the type has beside its trees goes to an entry that nobody has seen */

static void
ks_value_take_head(ks_value_t *v, const ks_entry_t *e)
{
    unsigned  n;

    n = ks_entry_head(e);

    if (n) {
        memcpy(v->head, ks_entry_roots(e) + ks_entry_trees(e), n);
    }
}


/* a leaf that lies in an entry goes to one that nobody has seen yet */

static ks_entry_t *
ks_value_copy_leaf(ks_space_t *sp, const ks_place_t *at, ks_entry_t *old,
    const ks_form_t *form, const ks_tree_t *from)
{
    ks_value_t  v;

    ks_value_make(sp, at, old, form, &v);
    ks_leaf_take(&v.tree[0], v.tree[0].leaf, from->leaf, 0, from->leaf->n);

    return v.entry;
}


ks_entry_t *
ks_value_copy(ks_space_t *sp, ks_space_t *of, const ks_place_t *at,
    ks_entry_t *old, ks_form_t *form, ks_entry_t *e)
{
    size_t      leaf;
    unsigned    i;
    ks_value_t  src, v;

    ks_value_attach(of, NULL, e, &src);

    form->type = e->type;
    form->due = src.due;
    leaf = src.tree[0].root ? SIZE_MAX
                            : KS_LEAF_HEADER
                              + ks_leaf_used(&src.tree[0], src.tree[0].leaf);
    ks_value_form(form, src.expiries, leaf);

    if (!(form->flags & KS_ENTRY_TREE)) {
        return ks_value_copy_leaf(sp, at, old, form, &src.tree[0]);
    }

    ks_value_make(sp, at, old, form, &v);

    for (i = 0; i < ks_entry_trees(e); i++) {
        ks_tree_copy(&v.tree[i], &src.tree[i]);
    }

    ks_value_take_head(&v, e);

    return v.entry;
}


ks_entry_t *
ks_value_give(ks_space_t *sp, ks_shard_t *from, const ks_place_t *at,
    ks_entry_t *old, ks_form_t *form, ks_entry_t *e)
{
    unsigned    i;
    uint32_t    access;
    ks_value_t  v;

    access = e->access;

    if (!(e->flags & KS_ENTRY_TREE)) {
        e = ks_value_copy(sp, sp, at, old, form, e);
        e->access = access;
        return e;
    }

    form->type = e->type;
    form->due = 0;
    ks_value_form(form, e->flags & KS_ENTRY_FIELDS, SIZE_MAX);

    if (form->flags & KS_ENTRY_FIELDS) {
        form->due = ks_time_of(ks_entry_fields(e)->due);
    }

    ks_entry_disown(sp, from, e);
    ks_value_make(sp, at, old, form, &v);
    ((ks_entry_t *) v.entry)->access = access;

    for (i = 0; i < ks_entry_trees(e); i++) {
        *v.tree[i].root = ks_entry_roots(e)[i];
        v.tree[i].shard = from;
        v.tree[i].fresh = 0;
    }

    ks_value_take_head(&v, e);

    if (from != at->shard) {
        ks_trees_move(v.tree, ks_entry_trees(e), at->shard);
    }

    return v.entry;
}


/* --- items --- */

const u_char *
ks_item_run(ks_space_t *sp, const ks_item_t *it, size_t off, size_t *n)
{
    ks_blob_t  b;

    if (it->data == NULL && it->len) {
        b.root = it->root;
        b.len = it->len;
        return ks_blob_run(&sp->mem, &b, off, n);
    }

    *n = off < it->len ? it->len - off : 0;

    return it->data + (it->len - *n);
}


ks_str_t
ks_item_flat(ks_space_t *sp, const ks_item_t *it)
{
    ks_str_t  s;

    if (it->data == NULL && it->len) {
        return ks_item_copy(sp, it);
    }

    s.len = it->len;
    s.data = (u_char *) it->data;

    return s;
}


ks_str_t
ks_item_copy(ks_space_t *sp, const ks_item_t *it)
{
    ks_str_t  s;

    s.len = it->len;
    s.data = ks_arena_alloc(sp, s.len);

    if (s.len) {
        ks_item_read(&sp->mem, it, s.data);
    }

    return s;
}
