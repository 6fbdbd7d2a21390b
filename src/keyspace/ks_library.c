/*
 * The library: a tree for each kind, in the last shard but one.
 *
 * They are kept like the fields of a large hash, by a hash of the name; an
 * item is name, text and note.  Changes are logged like all others.  The
 * version is a hint that only grows: it is raised before the commit, under the
 * lock, so who reads it and then waits for the lock sees what goes with it.
 */


#include "keyspace/ks_keyspace.h"


#define KS_LIBRARY_LEAF  1024


uint64_t
ks_library_shard(const ks_space_t *sp)
{
    return 1ull << ks_zone_own(sp->mem.zone);
}


static void
ks_library_open(ks_space_t *sp, ks_library_kind_t kind, ks_tree_t *t)
{
    memset(t, 0, sizeof(ks_tree_t));

    t->mem = &sp->mem;
    t->shard = &sp->mem.shards[ks_zone_own(sp->mem.zone)];
    t->root = (ks_root_t *) t->shard->library[kind].root;
    t->key = 4;
    t->width = 3;
    t->max = KS_LIBRARY_LEAF;
}


static inline uint32_t
ks_library_hash(const ks_tree_t *t, const ks_str_t *name)
{
    return (uint32_t) ks_siphash(t->mem->zone->seed, name->data, name->len);
}


/* what a snapshot, the journal and the counter of changes are about */

static inline unsigned
ks_library_data(ks_library_kind_t kind)
{
    return kind == KS_LIBRARY_SCRIPTS || kind == KS_LIBRARY_FUNCTIONS;
}


/* 1: it is there */

static int
ks_library_find(const ks_tree_t *t, ks_pos_t *pos, const ks_str_t *name)
{
    int       more;
    uint32_t  hash;

    hash = ks_library_hash(t, name);

    for (more = ks_tree_find(t, pos, hash, NULL, NULL);
         more && ks_tree_key(t, pos) == hash;
         more = ks_tree_next(t, pos))
    {
        if (ks_tree_is(t, pos, 0, name)) {
            return 1;
        }
    }

    return 0;
}


/*
 * That of scripts, which are named by what they are, does not change but when
 * all are dropped: one that is known somewhere may go on to be.
 */

static void
ks_library_changed(ks_tree_t *t, ks_library_kind_t kind)
{
    uint64_t  *version;

    version = (kind == KS_LIBRARY_USERS) ? &t->mem->zone->gate.users
                                         : &t->shard->library[kind].version;
    __atomic_store_n(version, *version + 1, __ATOMIC_RELEASE);
}


uint64_t
ks_library_version(const ks_space_t *sp, ks_library_kind_t kind)
{
    const ks_shard_t  *sh;

    if (kind == KS_LIBRARY_USERS) {
        return ks_users_version(sp);
    }

    sh = &sp->mem.shards[ks_zone_own(sp->mem.zone)];

    return __atomic_load_n(&sh->library[kind].version, __ATOMIC_ACQUIRE);
}


uint32_t
ks_library_count(ks_space_t *sp, ks_library_kind_t kind)
{
    ks_tree_t  t;

    ks_library_open(sp, kind, &t);

    return ks_tree_count(&t);
}


static void
ks_library_read(ks_space_t *sp, const ks_tree_t *t, const ks_pos_t *pos,
    ks_volume_t *vol)
{
    ks_item_t  it;

    it = ks_tree_get(t, pos, 0);
    vol->name = ks_item_copy(sp, &it);
    it = ks_tree_get(t, pos, 1);
    vol->text = ks_item_copy(sp, &it);
    it = ks_tree_get(t, pos, 2);
    vol->note = ks_item_copy(sp, &it);
}


int
ks_library_get(ks_space_t *sp, ks_library_kind_t kind, const ks_str_t *name,
    ks_volume_t *vol)
{
    ks_pos_t   pos;
    ks_tree_t  t;

    ks_library_open(sp, kind, &t);

    if (!ks_library_find(&t, &pos, name)) {
        return KS_ERR;
    }

    ks_library_read(sp, &t, &pos, vol);

    return KS_OK;
}


int
ks_library_at(ks_space_t *sp, ks_library_kind_t kind, uint32_t i,
    ks_volume_t *vol)
{
    ks_pos_t   pos;
    ks_tree_t  t;

    ks_library_open(sp, kind, &t);

    if (!ks_tree_at(&t, &pos, ks_min(i, ks_tree_count(&t)))) {
        return KS_ERR;
    }

    ks_library_read(sp, &t, &pos, vol);

    return KS_OK;
}


void
ks_library_put(ks_space_t *sp, ks_library_kind_t kind, const ks_volume_t *vol)
{
    uint32_t   hash;
    ks_pos_t   pos;
    ks_tree_t  t;
    ks_item_t  cols[3];

    if (ks_unlikely(sp->told.kinds & KS_TOLD_IMAGES)
        && kind == KS_LIBRARY_FUNCTIONS)
    {
        ks_saved_functions(sp);
    }

    ks_library_open(sp, kind, &t);

    if (ks_library_find(&t, &pos, &vol->name)) {
        ks_tree_remove(&t, &pos);
    }

    cols[0] = ks_item(vol->name.data, vol->name.len);
    cols[1] = ks_item(vol->text.data, vol->text.len);
    cols[2] = ks_item(vol->note.data, vol->note.len);

    hash = ks_library_hash(&t, &vol->name);
    ks_tree_find(&t, &pos, hash, NULL, NULL);
    ks_tree_insert(&t, &pos, hash, cols);

    if (kind == KS_LIBRARY_SCRIPTS) {
        ks_effectf(sp, "SCRIPT LOAD %s", &vol->text);

    } else {
        ks_library_changed(&t, kind);
    }

    sp->changes += ks_library_data(kind);
}


int
ks_library_remove(ks_space_t *sp, ks_library_kind_t kind, const ks_str_t *name)
{
    ks_pos_t   pos;
    ks_tree_t  t;

    if (ks_unlikely(sp->told.kinds & KS_TOLD_IMAGES)
        && kind == KS_LIBRARY_FUNCTIONS)
    {
        ks_saved_functions(sp);
    }

    ks_library_open(sp, kind, &t);

    if (!ks_library_find(&t, &pos, name)) {
        return KS_ERR;
    }

    ks_tree_remove(&t, &pos);
    sp->changes += ks_library_data(kind);

    if (kind != KS_LIBRARY_SCRIPTS) {
        ks_library_changed(&t, kind);
    }

    return KS_OK;
}


void
ks_library_clear(ks_space_t *sp, ks_library_kind_t kind)
{
    ks_tree_t  t;

    if (ks_unlikely(sp->told.kinds & KS_TOLD_IMAGES)
        && kind == KS_LIBRARY_FUNCTIONS)
    {
        ks_saved_functions(sp);
    }

    ks_library_open(sp, kind, &t);
    ks_tree_remove_range(&t, 0, ks_tree_count(&t));
    ks_library_changed(&t, kind);
    sp->changes += ks_library_data(kind);

    if (kind == KS_LIBRARY_SCRIPTS) {
        ks_effectf(sp, "SCRIPT FLUSH");
    }
}


static inline ks_library_t *
ks_library_hints(const ks_space_t *sp)
{
    ks_shard_t  *sh;

    sh = &sp->mem.shards[ks_zone_own(sp->mem.zone)];

    return &sh->library[KS_LIBRARY_SCRIPTS];
}


uint64_t
ks_library_kills(const ks_space_t *sp)
{
    return __atomic_load_n(&ks_library_hints(sp)->kills, __ATOMIC_RELAXED);
}


void
ks_library_kill(ks_space_t *sp)
{
    __atomic_fetch_add(&ks_library_hints(sp)->kills, 1, __ATOMIC_RELAXED);
}


void
ks_library_check(ks_space_t *sp, ks_checker_t *ck)
{
    unsigned   kind;
    ks_tree_t  t;

    for (kind = 0; kind < KS_LIBRARIES; kind++) {
        ks_library_open(sp, (ks_library_kind_t) kind, &t);
        ks_tree_check(ck, ks_zone_own(sp->mem.zone), &t);
    }
}
