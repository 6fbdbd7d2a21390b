/*
 * The trees of a value made of elements: where in its entry they lie (a leaf
 * inside the entry's chunk, or the roots of trees), their size, their end.
 *
 * A handle from here may be read, moved and taken apart; ks_value.c makes
 * those that can be changed.
 */

#include "keyspace/ks_keyspace.h"
#include "types/ks_hash.h"
#include "types/ks_node.h"


/*
 * A tree's handle; where the value keeps it: a leaf, or at one of its roots.
 * Where the items of a hash have an expiry, it is one string more.
 */

static inline void
ks_value_tree(ks_value_t *v, unsigned i, const ks_stored_t *stored,
    ks_leaf_t *leaf, ks_root_t *root)
{
    ks_tree_t  *t;

    t = &v->tree[i];
    t->mem = v->mem;
    t->shard = v->shard;
    t->root = root;
    t->leaf = leaf;
    t->key = stored->shape[i].key;
    t->width = (uint8_t) (stored->shape[i].width + (i == 0 ? v->expiries : 0));
    t->max = stored->shape[i].max;
    t->fresh = 0;
    t->whole = NULL;
    t->busy = NULL;
    t->house = NULL;
    t->owner = v;
}


void
ks_value_attach(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e, ks_value_t *v)
{
    unsigned            i;
    ks_root_t          *roots;
    const ks_stored_t  *stored;

    v->mem = &sp->mem;
    v->shard = sh;
    v->seed = sp->mem.zone->seed;
    v->past = sp->past;
    v->type = (uint8_t) ks_entry_type(e);
    v->enc = (uint8_t) ks_entry_enc(e);
    v->expiries = (e->flags & KS_ENTRY_FIELDS) != 0;
    v->due = v->expiries ? ks_time_of(ks_entry_fields(e)->due) : 0;
    v->ops = NULL;
    v->space = sp;
    v->entry = e;
    v->name = NULL;

    stored = ks_value_stored(v->type, v->enc);

    if (!(e->flags & KS_ENTRY_TREE)) {
        v->head = NULL;
        ks_value_tree(v, 0, stored, (ks_leaf_t *) ks_entry_value(e), NULL);
        return;
    }

    roots = ks_entry_roots(e);
    v->head = (u_char *) &roots[stored->trees];

    for (i = 0; i < stored->trees; i++) {
        ks_value_tree(v, i, stored, NULL, &roots[i]);
    }
}


int
ks_value_owns(const ks_entry_t *e)
{
    unsigned  i;

    if (!(e->flags & KS_ENTRY_TREE)) {
        return 0;
    }

    for (i = 0; i < ks_entry_trees(e); i++) {
        if (ks_entry_roots(e)[i].ref) {
            return 1;
        }
    }

    return 0;
}


size_t
ks_value_dismantle(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e, size_t max)
{
    unsigned    i;
    ks_value_t  v;

    ks_value_attach(sp, sh, e, &v);

    for (i = 0; i < ks_entry_trees(e); i++) {
        if (v.tree[i].root->ref) {
            return ks_tree_dismantle(&v.tree[i], max);
        }
    }

    return 0;
}


size_t
ks_value_memory(ks_space_t *sp, ks_entry_t *e)
{
    size_t      size;
    unsigned    i;
    ks_value_t  v;

    ks_value_attach(sp, NULL, e, &v);
    size = 0;

    for (i = 0; i < ks_entry_trees(e); i++) {
        size += ks_tree_memory(&v.tree[i]);
    }

    return size;
}


void
ks_value_check(ks_space_t *sp, ks_checker_t *ck, unsigned shard,
    ks_entry_t *e, int dead)
{
    unsigned            i;
    ks_value_t          v;
    const ks_type_t    *type;
    const ks_fields_t  *fields;

    ks_value_attach(sp, &sp->mem.shards[shard], e, &v);

    type = &ks_types[v.type];

    if (!dead && type->ends_empty && ks_value_count(&v) == 0) {
        ks_checker_fault(ck, "entry %u has no elements",
                         ks_ref(&sp->mem, e));
    }

    if (v.expiries) {
        fields = ks_entry_fields(e);

        if (ks_entry_wheel(e) < ks_either_due(ks_time_of(fields->expire),
                                              ks_time_of(fields->due)))
        {
            ks_checker_fault(ck, "entry %u is early in the wheel",
                             ks_ref(&sp->mem, e));
        }
    }

    for (i = 0; i < ks_entry_trees(e); i++) {
        ks_tree_check(ck, shard, &v.tree[i]);
    }

    if (!dead && type->check) {
        type->check(ck, &v);
    }
}
