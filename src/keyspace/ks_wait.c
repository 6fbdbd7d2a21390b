/*
 * Records of clients that wait.
 *
 * Two trees of the last shard.  That of clients goes by their ids: an item is
 * a header and the command.  That of keys goes by the hashes of these; items of
 * one hash are in the order in which they came, and are a header and the key.
 * Who waits for the end of a key, too, has a second item for it, at another
 * hash.
 * Each shard of keys counts in a few cells who waits for its keys, so that a
 * change of others finds out at once that nobody does.
 */

#include <stdlib.h>

#include "keyspace/ks_keyspace.h"
#include "memory/ks_process.h"


#define KS_WAIT_LEAF    1024

enum {
    KS_WAIT_CLIENTS = 0,
    KS_WAIT_KEYS
};

/* an item of the tree of clients begins with it */
typedef struct {
    uint32_t  process;
    uint32_t  birth;
    uint32_t  types;
    uint32_t  resp3;
    int32_t   first;
    int32_t   nkeys;
    int32_t   argc;
    uint32_t  user;             /* bytes, behind the arguments */
} ks_wait_client_t;

/* and one of the tree of keys */
typedef struct {
    uint64_t  id;
    uint32_t  process;
    uint32_t  birth;
    uint32_t  types;
    uint32_t  pad;
} ks_wait_item_t;


static inline unsigned
ks_wait_index(const ks_space_t *sp)
{
    return ks_zone_own(sp->mem.zone) + 1;
}


uint64_t
ks_wait_shard(const ks_space_t *sp)
{
    return 1ull << ks_wait_index(sp);
}


static void
ks_wait_open(ks_space_t *sp, unsigned which, ks_tree_t *t)
{
    memset(t, 0, sizeof(ks_tree_t));

    t->mem = &sp->mem;
    t->shard = &sp->mem.shards[ks_wait_index(sp)];
    t->root = (ks_root_t *) t->shard->waiters[which];
    t->key = 8;
    t->width = 2;
    t->max = KS_WAIT_LEAF;
}


uint32_t
ks_wait_count(ks_space_t *sp)
{
    ks_tree_t  t;

    ks_wait_open(sp, KS_WAIT_CLIENTS, &t);

    return ks_tree_count(&t);
}


static inline void
ks_wait_add(ks_space_t *sp, const ks_place_t *at, int n)
{
    uint32_t  *cell;

    cell = ks_wait_cell(at);
    ks_set(&sp->mem, at->shard, *cell, *cell + (uint32_t) n);
}


void
ks_wait_here(ks_space_t *sp, ks_wait_t *w)
{
    w->process = sp->mem.process;
    w->birth = ks_process_birth(&sp->mem);
}


int
ks_wait_lives(ks_space_t *sp, uint32_t process, uint32_t birth)
{
    return ks_process_lives(&sp->mem, process, birth);
}


/* --- one client --- */

/* the command: a length of four bytes before each argument */

static ks_str_t
ks_wait_pack(ks_space_t *sp, const ks_wait_t *w)
{
    int        i;
    u_char    *p;
    size_t     size;
    uint32_t   len;
    ks_str_t   s;

    for (size = w->user.len, i = 0; i < w->argc; i++) {
        size += sizeof(len) + w->argv[i].len;
    }

    p = ks_arena_alloc(sp, size);
    s.data = p;
    s.len = size;

    for (i = 0; i < w->argc; i++) {
        len = (uint32_t) w->argv[i].len;
        memcpy(p, &len, sizeof(len));
        p += sizeof(len);

        if (len != 0) {
            memcpy(p, w->argv[i].data, len);
            p += len;
        }
    }

    if (w->user.len != 0) {
        memcpy(p, w->user.data, w->user.len);
    }

    return s;
}


static void
ks_wait_unpack(ks_space_t *sp, ks_wait_t *w, u_char *p)
{
    int       i;
    uint32_t  len;

    w->argv = ks_arena_alloc(sp, (size_t) w->argc * sizeof(ks_str_t));

    for (i = 0; i < w->argc; i++) {
        memcpy(&len, p, sizeof(len));
        p += sizeof(len);
        w->argv[i].data = p;
        w->argv[i].len = len;
        p += len;
    }

    w->user.data = p;
}


static void
ks_wait_header(const ks_tree_t *t, const ks_pos_t *pos, void *header,
    size_t size)
{
    ks_item_t  it;

    it = ks_tree_get(t, pos, 0);
    memcpy(header, it.data, size);
}


int
ks_wait_read(ks_space_t *sp, uint64_t id, ks_wait_t *w)
{
    ks_pos_t          pos;
    ks_str_t          s;
    ks_item_t         it;
    ks_tree_t         t;
    ks_wait_client_t  h;

    ks_want_shards(sp, ks_wait_shard(sp));
    ks_wait_open(sp, KS_WAIT_CLIENTS, &t);

    if (!ks_tree_find(&t, &pos, id, NULL, NULL)
        || ks_tree_key(&t, &pos) != id)
    {
        return KS_NONE;
    }

    ks_wait_header(&t, &pos, &h, sizeof(h));

    w->id = id;
    w->process = h.process;
    w->birth = h.birth;
    w->types = h.types;
    w->resp3 = h.resp3;
    w->first = h.first;
    w->nkeys = h.nkeys;
    w->argc = h.argc;
    w->user.len = h.user;

    it = ks_tree_get(&t, &pos, 1);
    s = ks_item_copy(sp, &it);
    ks_wait_unpack(sp, w, s.data);

    return KS_OK;
}


static void
ks_wait_put_client(ks_space_t *sp, const ks_wait_t *w)
{
    ks_pos_t          pos;
    ks_str_t          s;
    ks_item_t         cols[2];
    ks_tree_t         t;
    ks_wait_client_t  h;

    memset(&h, 0, sizeof(h));

    h.process = w->process;
    h.birth = w->birth;
    h.types = w->types;
    h.resp3 = w->resp3;
    h.first = w->first;
    h.nkeys = w->nkeys;
    h.argc = w->argc;
    h.user = (uint32_t) w->user.len;

    s = ks_wait_pack(sp, w);
    cols[0] = ks_item((u_char *) &h, sizeof(h));
    cols[1] = ks_item(s.data, s.len);

    ks_wait_open(sp, KS_WAIT_CLIENTS, &t);
    (void) ks_tree_find(&t, &pos, w->id, NULL, NULL);
    ks_tree_insert(&t, &pos, w->id, cols);
}


/* --- its keys --- */

/* the first item of the hash; behind all that are there: of the next one */

static int
ks_wait_find(const ks_tree_t *t, ks_pos_t *pos, uint64_t hash, int behind)
{
    if (behind && hash == UINT64_MAX) {
        return ks_tree_at(t, pos, ks_tree_count(t));
    }

    return ks_tree_find(t, pos, hash + (behind != 0), NULL, NULL);
}


static void
ks_wait_put_key(ks_space_t *sp, const ks_wait_t *w, const ks_place_t *at,
    const ks_str_t *key)
{
    ks_pos_t        pos;
    ks_item_t       cols[2];
    ks_tree_t       t;
    ks_wait_item_t  h;

    memset(&h, 0, sizeof(h));

    h.id = w->id;
    h.process = w->process;
    h.birth = w->birth;
    h.types = w->types;

    cols[0] = ks_item((u_char *) &h, sizeof(h));
    cols[1] = ks_item(key->data, key->len);

    ks_wait_open(sp, KS_WAIT_KEYS, &t);
    (void) ks_wait_find(&t, &pos, at->hash, 1);
    ks_tree_insert(&t, &pos, at->hash, cols);
    ks_wait_add(sp, at, 1);
}


void
ks_wait_begin(ks_space_t *sp, const ks_wait_t *w)
{
    int              i;
    ks_place_t       at;
    const ks_str_t  *key;

    ks_want_shards(sp, ks_wait_shard(sp));
    ks_wait_put_client(sp, w);

    for (i = 0; i < w->nkeys; i++) {
        key = &w->argv[w->first + i];
        at = ks_place(sp, key);
        ks_wait_put_key(sp, w, &at, key);

        if (w->types & KS_WAIT_ENDS) {
            at = ks_wait_end_place(&at);
            ks_wait_put_key(sp, w, &at, key);
        }
    }
}


/* The position is that of the item behind the first "skip" of the hash. */

static int
ks_wait_seek(const ks_tree_t *t, ks_pos_t *pos, uint64_t hash, uint32_t skip)
{
    int       more;
    uint32_t  rank;

    more = ks_wait_find(t, pos, hash, 0);

    if (more && skip != 0) {
        rank = ks_tree_rank(t, pos) + skip;
        more = rank < ks_tree_count(t) && ks_tree_at(t, pos, rank);
    }

    return more && ks_tree_key(t, pos) == hash;
}


int
ks_wait_at(ks_space_t *sp, const ks_place_t *at, uint32_t skip,
    ks_wait_key_t *w)
{
    ks_pos_t        pos;
    ks_item_t       it;
    ks_tree_t       t;
    ks_wait_item_t  h;

    ks_want_shards(sp, ks_wait_shard(sp));
    ks_wait_open(sp, KS_WAIT_KEYS, &t);

    if (!ks_wait_seek(&t, &pos, at->hash, skip)) {
        return KS_NONE;
    }

    ks_wait_header(&t, &pos, &h, sizeof(h));

    w->id = h.id;
    w->process = h.process;
    w->birth = h.birth;
    w->types = h.types;

    it = ks_tree_get(&t, &pos, 1);
    w->key = ks_item_copy(sp, &it);

    return KS_OK;
}


void
ks_wait_drop(ks_space_t *sp, const ks_place_t *at, uint32_t skip)
{
    ks_pos_t   pos;
    ks_tree_t  t;

    ks_want_shards(sp, ks_wait_shard(sp));
    ks_wait_open(sp, KS_WAIT_KEYS, &t);

    if (ks_wait_seek(&t, &pos, at->hash, skip)) {
        ks_tree_remove(&t, &pos);
        ks_wait_add(sp, at, -1);
    }
}


/* Its record of one key, unless that was dropped. */

static void
ks_wait_end_key(ks_space_t *sp, uint64_t id, const ks_place_t *at)
{
    int             more;
    ks_pos_t        pos;
    ks_tree_t       t;
    ks_wait_item_t  h;

    ks_wait_open(sp, KS_WAIT_KEYS, &t);

    for (more = ks_wait_find(&t, &pos, at->hash, 0);
         more && ks_tree_key(&t, &pos) == at->hash;
         more = ks_tree_next(&t, &pos))
    {
        ks_wait_header(&t, &pos, &h, sizeof(h));

        if (h.id == id) {
            ks_tree_remove(&t, &pos);
            ks_wait_add(sp, at, -1);
            return;
        }
    }
}


void
ks_wait_end(ks_space_t *sp, const ks_wait_t *w)
{
    int         i;
    uint64_t    shards;
    ks_pos_t    pos;
    ks_tree_t   t;
    ks_place_t  at;

    shards = ks_wait_shard(sp);

    for (i = 0; i < w->nkeys; i++) {
        shards |= ks_key_shard(sp, &w->argv[w->first + i]);
    }

    ks_want_shards(sp, shards);
    ks_wait_open(sp, KS_WAIT_CLIENTS, &t);

    if (ks_tree_find(&t, &pos, w->id, NULL, NULL)
        && ks_tree_key(&t, &pos) == w->id)
    {
        ks_tree_remove(&t, &pos);
    }

    for (i = 0; i < w->nkeys; i++) {
        at = ks_place(sp, &w->argv[w->first + i]);
        ks_wait_end_key(sp, w->id, &at);

        if (w->types & KS_WAIT_ENDS) {
            at = ks_wait_end_place(&at);
            ks_wait_end_key(sp, w->id, &at);
        }
    }
}


/* --- keys that have ended --- */

/*
 * All that somebody waits for the end of; with ended 0 all that somebody waits
 * for.
 */

static void
ks_wait_recall_all(ks_space_t *sp, int ended)
{
    int              more;
    ks_pos_t         pos;
    ks_str_t         key;
    ks_item_t        it;
    ks_tree_t        t;
    ks_place_t       at;
    ks_wait_item_t   h;
    ks_arena_mark_t  mark;

    ks_wait_open(sp, KS_WAIT_KEYS, &t);

    for (more = ks_tree_at(&t, &pos, 0);
         more;
         more = ks_tree_next(&t, &pos))
    {
        ks_wait_header(&t, &pos, &h, sizeof(h));

        if (!ended || (h.types & KS_WAIT_ENDS)) {
            mark = ks_arena_mark(sp);
            it = ks_tree_get(&t, &pos, 1);
            key = ks_item_copy(sp, &it);
            at = ks_locate(sp, &key);
            at = (h.types & KS_WAIT_ENDS) ? ks_wait_end_place(&at) : at;
            ks_wait_changed(sp, &at);
            ks_arena_release(sp, &mark);
        }
    }
}


void
ks_wait_recall(ks_space_t *sp, const ks_frame_record_t *record)
{
    size_t      n;
    ks_str_t    part;
    ks_place_t  at;

    n = 0;

    if (ks_record_part(record, &n, &part) != KS_OK) {
        return;
    }

    memcpy(&at.hash, part.data, sizeof(at.hash));
    ks_want_shards(sp, ks_wait_shard(sp) | ks_all_shards(sp));

    if (at.hash == KS_WAIT_ALL_ENDED || at.hash == KS_WAIT_ALL_RENEWED) {
        ks_wait_recall_all(sp, at.hash == KS_WAIT_ALL_ENDED);

    } else {
        at.shard = ks_hash_shard(sp, at.hash);
        ks_wait_changed(sp, &at);
    }
}


/* --- the dead --- */

void
ks_wait_sweep(ks_space_t *sp, uint64_t *from, unsigned max)
{
    uint64_t          id;
    unsigned          i;
    ks_pos_t          pos;
    ks_tree_t         t;
    ks_wait_t         w;
    ks_wait_client_t  h;

    ks_want_shards(sp, ks_wait_shard(sp) | ks_all_shards(sp));

    for (i = 0; i < max; i++) {
        ks_wait_open(sp, KS_WAIT_CLIENTS, &t);

        if (!ks_tree_find(&t, &pos, *from, NULL, NULL)) {
            *from = 0;
            return;
        }

        id = ks_tree_key(&t, &pos);
        ks_wait_header(&t, &pos, &h, sizeof(h));

        if (!ks_process_lives(&sp->mem, h.process, h.birth)
            && ks_wait_read(sp, id, &w) == KS_OK)
        {
            ks_wait_end(sp, &w);
        }

        *from = id + 1;
    }
}


/* --- the checker --- */

/* Whether a client has the key of an item among its own. */

static int
ks_wait_knows(ks_space_t *sp, const ks_wait_item_t *h, const ks_str_t *key)
{
    int        i;
    ks_wait_t  w;

    if (ks_wait_read(sp, h->id, &w) != KS_OK || w.types != h->types) {
        return 0;
    }

    for (i = w.first; i < w.first + w.nkeys; i++) {
        if (w.argv[i].len == key->len
            && memcmp(w.argv[i].data, key->data, key->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static void
ks_wait_check_keys(ks_space_t *sp, ks_checker_t *ck, uint32_t *sums)
{
    int              more;
    ks_pos_t         pos;
    ks_str_t         key;
    ks_item_t        it;
    ks_tree_t        t;
    ks_place_t       at;
    ks_wait_item_t   h;
    ks_arena_mark_t  mark;

    ks_wait_open(sp, KS_WAIT_KEYS, &t);

    for (more = ks_tree_at(&t, &pos, 0);
         more;
         more = ks_tree_next(&t, &pos))
    {
        mark = ks_arena_mark(sp);
        ks_wait_header(&t, &pos, &h, sizeof(h));
        it = ks_tree_get(&t, &pos, 1);
        key = ks_item_copy(sp, &it);
        at = ks_locate(sp, &key);

        if (at.hash != ks_tree_key(&t, &pos) && (h.types & KS_WAIT_ENDS)) {
            at = ks_wait_end_place(&at);
        }

        if (at.hash != ks_tree_key(&t, &pos)) {
            ks_checker_fault(ck, "client %ju waits for a key in the wrong "
                             "place", (uintmax_t) h.id);
        }

        if (!ks_wait_knows(sp, &h, &key)
            && ks_process_lives(&sp->mem, h.process, h.birth))
        {
            ks_checker_fault(ck, "client %ju does not know what it waits for",
                             (uintmax_t) h.id);
        }

        sums[ks_shard_index(&sp->mem, at.shard) * KS_WAIT_CELLS
             + at.hash % KS_WAIT_CELLS]++;
        ks_arena_release(sp, &mark);
    }
}


static void
ks_wait_check_cells(ks_space_t *sp, ks_checker_t *ck, const uint32_t *sums)
{
    unsigned           i, cell;
    const ks_shard_t  *sh;

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        sh = &sp->mem.shards[i];

        for (cell = 0; cell < KS_WAIT_CELLS; cell++) {
            if (sh->waits[cell] != sums[i * KS_WAIT_CELLS + cell]) {
                ks_checker_fault(ck, "shard %u, cell %u: %u wait, %u are "
                                 "counted", i, cell,
                                 sums[i * KS_WAIT_CELLS + cell],
                                 sh->waits[cell]);
            }
        }
    }
}


void
ks_wait_check(ks_space_t *sp, ks_checker_t *ck)
{
    uint32_t   *sums;
    unsigned    which;
    ks_tree_t   t;

    for (which = 0; which < KS_WAIT_TREES; which++) {
        ks_wait_open(sp, which, &t);
        ks_tree_check(ck, ks_wait_index(sp), &t);
    }

    sums = calloc(KS_MAX_SHARDS * KS_WAIT_CELLS, sizeof(uint32_t));

    if (sums == NULL) {
        ks_checker_fault(ck, "no memory to check with");
        return;
    }

    if (ck->faults == 0) {
        ks_wait_check_keys(sp, ck, sums);
        ks_wait_check_cells(sp, ck, sums);
    }

    free(sums);
}
