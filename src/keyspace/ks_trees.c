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


/* where the trees are kept */

static void
ks_value_place(ks_value_t *v)
{
    unsigned     i;
    ks_entry_t  *e;

    e = v->entry;

    for (i = 0; i < KS_VALUE_TREES; i++) {
        v->tree[i].root = NULL;
        v->tree[i].leaf = NULL;
    }

    if (!(e->flags & KS_ENTRY_TREE)) {
        v->tree[0].leaf = (ks_leaf_t *) ks_entry_value(e);
        return;
    }

    for (i = 0; i < ks_entry_trees(e); i++) {
        v->tree[i].root = ks_entry_roots(e) + i;
    }
}


void
ks_value_attach(ks_space_t *sp, ks_shard_t *sh, ks_entry_t *e, ks_value_t *v)
{
    unsigned    i;
    ks_tree_t  *t;

    v->mem = &sp->mem;
    v->shard = sh;
    v->seed = sp->mem.zone->seed;
    v->now = sp->now;
    v->type = (uint8_t) ks_entry_type(e);
    v->enc = (uint8_t) ks_entry_enc(e);
    v->expiries = (e->flags & KS_ENTRY_FIELDS) != 0;
    v->due = v->expiries ? ks_time_of(ks_entry_fields(e)->due) : 0;
    v->ops = NULL;
    v->space = sp;
    v->entry = e;
    v->name = NULL;

    for (i = 0; i < KS_VALUE_TREES; i++) {
        t = &v->tree[i];
        t->mem = &sp->mem;
        t->shard = sh;
        t->fresh = 0;
        t->whole = NULL;
        t->busy = NULL;
        t->house = NULL;
        t->owner = v;
    }

    ks_value_shape(v);
    ks_value_place(v);
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
