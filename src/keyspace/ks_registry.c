/*
 * The registry: three trees of the last shard, one a kind of topic.
 *
 * They are kept like the library's, by a hash of the name.  An item is a name
 * and a fixed record: the process and its number of subscribers.  The items of
 * a name lie side by side, one a process.  Changes are logged like all others.
 *
 * Whether a process lives costs a look at its row, so the answer is kept for
 * the time of a call.
 */

#include "keyspace/ks_keyspace.h"
#include "memory/ks_process.h"


#define KS_REGISTRY_LEAF   1024
#define KS_REGISTRY_SWEEP  256          /* records in one transaction */

typedef struct {
    uint32_t    row;
    uint32_t    birth;
    uint32_t    clients;
} ks_subscribers_t;

/* a tree, and what is known of the processes in it */
typedef struct {
    ks_space_t *sp;
    ks_tree_t   tree;
    uint64_t    looked;                 /* at the rows of these: bits */
    uint64_t    lives;
    uint32_t    births[KS_PROCESSES];   /* with which they were looked at */
} ks_topic_tree_t;

typedef struct {
    ks_topic_kind_t  kind;
    uint32_t         rank;
    int              done;
} ks_sweep_t;


static inline ks_registry_t *
ks_registry_of(const ks_space_t *sp)
{
    return &sp->mem.shards[ks_zone_own(sp->mem.zone)].registry;
}


static void
ks_registry_open(ks_space_t *sp, ks_topic_kind_t kind, ks_topic_tree_t *t)
{
    t->sp = sp;
    t->looked = 0;
    t->lives = 0;

    memset(&t->tree, 0, sizeof(ks_tree_t));

    t->tree.mem = &sp->mem;
    t->tree.shard = &sp->mem.shards[ks_zone_own(sp->mem.zone)];
    t->tree.root = (ks_root_t *) ks_registry_of(sp)->root[kind];
    t->tree.key = 4;
    t->tree.width = 2;
    t->tree.max = KS_REGISTRY_LEAF;
}


static inline uint32_t
ks_registry_hash(const ks_topic_tree_t *t, const ks_str_t *name)
{
    return (uint32_t) ks_siphash(t->sp->mem.zone->seed, name->data,
                                 name->len);
}


static ks_subscribers_t
ks_registry_get(const ks_topic_tree_t *t, const ks_pos_t *pos)
{
    ks_item_t         it;
    ks_subscribers_t  who;

    it = ks_tree_get(&t->tree, pos, 1);
    memcpy(&who, it.data, sizeof(who));

    return who;
}


static int
ks_registry_lives(ks_topic_tree_t *t, const ks_subscribers_t *who)
{
    uint64_t  bit;

    bit = 1ull << who->row;

    if (!(t->looked & bit) || t->births[who->row] != who->birth) {
        t->looked |= bit;
        t->births[who->row] = who->birth;
        t->lives &= ~bit;

        if (ks_process_lives(&t->sp->mem, who->row, who->birth)) {
            t->lives |= bit;
        }
    }

    return (t->lives & bit) != 0;
}


/*
 * The first item of that name from pos on, among those of its hash; 0: there is
 * none.
 */

static int
ks_registry_seek(const ks_topic_tree_t *t, ks_pos_t *pos, int more,
    uint32_t hash, const ks_str_t *name)
{
    while (more && ks_tree_key(&t->tree, pos) == hash) {

        if (ks_tree_is(&t->tree, pos, 0, name)) {
            return 1;
        }

        more = ks_tree_next(&t->tree, pos);
    }

    return 0;
}


static int
ks_registry_first(const ks_topic_tree_t *t, ks_pos_t *pos, uint32_t hash,
    const ks_str_t *name)
{
    int  more;

    more = ks_tree_find(&t->tree, pos, hash, NULL, NULL);

    return ks_registry_seek(t, pos, more, hash, name);
}


static int
ks_registry_further(const ks_topic_tree_t *t, ks_pos_t *pos, uint32_t hash,
    const ks_str_t *name)
{
    return ks_registry_seek(t, pos, ks_tree_next(&t->tree, pos), hash, name);
}


/* --- changes --- */

static void
ks_registry_insert(ks_topic_tree_t *t, uint32_t hash, const ks_str_t *name,
    const ks_subscribers_t *who)
{
    ks_pos_t   pos;
    ks_item_t  cols[2];

    cols[0] = ks_item(name->data, name->len);
    cols[1] = ks_item((const u_char *) who, sizeof(ks_subscribers_t));

    ks_tree_find(&t->tree, &pos, hash, NULL, NULL);
    ks_tree_insert(&t->tree, &pos, hash, cols);
}


static void
ks_registry_set(ks_topic_tree_t *t, ks_pos_t *pos,
    const ks_subscribers_t *who)
{
    ks_item_t  it;

    if (who->clients == 0) {
        ks_tree_remove(&t->tree, pos);
        return;
    }

    it = ks_item((const u_char *) who, sizeof(ks_subscribers_t));
    ks_tree_set(&t->tree, pos, 1, &it);
}


void
ks_registry_put(ks_space_t *sp, ks_topic_kind_t kind, const ks_str_t *name,
    uint32_t clients)
{
    int               found;
    uint32_t          hash;
    ks_pos_t          pos;
    ks_topic_tree_t   t;
    ks_subscribers_t  who, mine;

    ks_registry_open(sp, kind, &t);

    hash = ks_registry_hash(&t, name);
    mine.row = sp->mem.process;
    mine.birth = ks_process_birth(&sp->mem);
    mine.clients = clients;

    for (found = ks_registry_first(&t, &pos, hash, name);
         found;
         found = ks_registry_further(&t, &pos, hash, name))
    {
        who = ks_registry_get(&t, &pos);

        if (who.row == mine.row && who.birth == mine.birth) {
            ks_registry_set(&t, &pos, &mine);
            return;
        }
    }

    if (clients != 0) {
        ks_registry_insert(&t, hash, name, &mine);
    }
}


/* --- who subscribes --- */

/* Removes the item there, and goes to the one behind it; 0: there is none. */

static int
ks_registry_drop(ks_topic_tree_t *t, ks_pos_t *pos)
{
    uint32_t  rank;

    rank = ks_tree_rank(&t->tree, pos);
    ks_tree_remove(&t->tree, pos);

    return ks_tree_at(&t->tree, pos, ks_min(rank, ks_tree_count(&t->tree)));
}


static void
ks_registry_named(ks_topic_tree_t *t, const ks_str_t *name, ks_audience_t *a)
{
    int               found;
    uint32_t          hash;
    ks_pos_t          pos;
    ks_subscribers_t  who;

    if (ks_tree_count(&t->tree) == 0) {
        return;
    }

    hash = ks_registry_hash(t, name);
    found = ks_registry_first(t, &pos, hash, name);

    while (found) {
        who = ks_registry_get(t, &pos);

        if (!ks_registry_lives(t, &who)) {
            found = ks_registry_drop(t, &pos);
            found = ks_registry_seek(t, &pos, found, hash, name);
            continue;
        }

        a->clients += who.clients;
        a->processes |= 1ull << who.row;

        found = ks_registry_further(t, &pos, hash, name);
    }
}


/* Items of a pattern are neighbours: it is asked once for all of them. */

static void
ks_registry_patterns(ks_topic_tree_t *t, const ks_str_t *channel,
    int (*match)(const ks_str_t *pattern, const ks_str_t *channel),
    ks_audience_t *a)
{
    int               more, hit;
    ks_pos_t          pos;
    ks_str_t          last, name;
    ks_item_t         it;
    ks_arena_mark_t   mark;
    ks_subscribers_t  who;

    hit = 0;
    last.data = NULL;
    last.len = 0;
    mark = ks_arena_mark(t->sp);
    more = ks_tree_at(&t->tree, &pos, 0);

    while (more) {
        who = ks_registry_get(t, &pos);

        if (!ks_registry_lives(t, &who)) {
            more = ks_registry_drop(t, &pos);
            last.data = NULL;
            continue;
        }

        it = ks_tree_get(&t->tree, &pos, 0);

        if (last.data == NULL || !ks_tree_is(&t->tree, &pos, 0, &last)) {
            ks_arena_release(t->sp, &mark);
            name = ks_item_copy(t->sp, &it);
            hit = match(&name, channel);
            last = name;
        }

        if (hit) {
            a->clients += who.clients;
            a->processes |= 1ull << who.row;
        }

        more = ks_tree_next(&t->tree, &pos);
    }
}


void
ks_registry_audience(ks_space_t *sp, ks_topic_kind_t kind,
    const ks_str_t *channel,
    int (*match)(const ks_str_t *pattern, const ks_str_t *channel),
    ks_audience_t *a)
{
    ks_topic_tree_t  t;

    a->clients = 0;
    a->processes = 0;

    ks_registry_open(sp, kind, &t);
    ks_registry_named(&t, channel, a);

    if (kind == KS_TOPIC_CHANNEL) {
        ks_registry_open(sp, KS_TOPIC_PATTERN, &t);
        ks_registry_patterns(&t, channel, match, a);
    }
}


uint64_t
ks_registry_clients(ks_space_t *sp, ks_topic_kind_t kind,
    const ks_str_t *name)
{
    ks_audience_t    a;
    ks_topic_tree_t  t;

    a.clients = 0;
    a.processes = 0;

    ks_registry_open(sp, kind, &t);
    ks_registry_named(&t, name, &a);

    return a.clients;
}


/*
 * Names whose hashes are the same may be mixed: all items of the hash that lie
 * before this one are looked at, so that none is told twice.
 */

static int
ks_registry_told(const ks_topic_tree_t *t, uint32_t rank, uint32_t hash,
    const ks_str_t *name)
{
    ks_pos_t  pos;

    return ks_registry_first(t, &pos, hash, name)
           && ks_tree_rank(&t->tree, &pos) < rank;
}


int
ks_registry_next(ks_space_t *sp, ks_topic_kind_t kind, ks_topic_walk_t *w)
{
    ks_pos_t         pos;
    uint32_t         hash, rank;
    ks_item_t        it;
    ks_audience_t    a;
    ks_topic_tree_t  t;

    ks_registry_open(sp, kind, &t);

    while (w->rank < ks_tree_count(&t.tree)) {
        rank = w->rank;
        ks_tree_at(&t.tree, &pos, rank);

        hash = (uint32_t) ks_tree_key(&t.tree, &pos);
        it = ks_tree_get(&t.tree, &pos, 0);
        w->name = ks_item_copy(sp, &it);

        if (ks_registry_told(&t, rank, hash, &w->name)) {
            w->rank++;
            continue;
        }

        /* what the dead have left of it goes, and may have been all */

        memset(&a, 0, sizeof(a));
        ks_registry_named(&t, &w->name, &a);

        if (a.clients != 0) {
            w->rank++;
            w->clients = a.clients;
            return KS_OK;
        }
    }

    return KS_NONE;
}


/* --- messages --- */

uint64_t
ks_registry_published(const ks_space_t *sp)
{
    return ks_registry_of(sp)->published;
}


/* What is rolled back has had a number, which is no other's. */

uint64_t
ks_registry_publish(ks_space_t *sp)
{
    return ++ks_registry_of(sp)->published;
}


/* --- the dead --- */

static void
ks_sweep_body(ks_space_t *sp, void *data)
{
    int               more;
    unsigned          n;
    uint32_t          rank;
    ks_pos_t          pos;
    ks_sweep_t       *s = data;
    ks_topic_tree_t   t;
    ks_subscribers_t  who;

    ks_registry_open(sp, s->kind, &t);

    rank = ks_min(s->rank, ks_tree_count(&t.tree));
    more = ks_tree_at(&t.tree, &pos, rank);

    for (n = 0; more && n < KS_REGISTRY_SWEEP; n++) {
        who = ks_registry_get(&t, &pos);

        if (ks_registry_lives(&t, &who)) {
            more = ks_tree_next(&t.tree, &pos);
            rank++;

        } else {
            more = ks_registry_drop(&t, &pos);
        }
    }

    s->rank = rank;
    s->done = !more;
}


/*
 * What others add meanwhile may move items: one that is passed over is met
 * later.
 */

static int
ks_sweep_kind(ks_space_t *sp, ks_topic_kind_t kind, unsigned patience)
{
    int         rc;
    ks_call_t   call;
    ks_sweep_t  s;

    memset(&call, 0, sizeof(call));

    s.kind = kind;
    s.rank = 0;
    s.done = 0;

    call.shards = ks_library_shard(sp);
    call.urgent = 1;
    call.patience = patience;
    call.body = ks_sweep_body;
    call.data = &s;

    do {
        rc = ks_run(sp, &call);
    } while (rc == KS_OK && !s.done);

    return rc;
}


int
ks_registry_sweep(ks_space_t *sp, unsigned patience)
{
    unsigned  kind;

    for (kind = 0; kind < KS_TOPICS; kind++) {
        if (ks_sweep_kind(sp, (ks_topic_kind_t) kind, patience) == KS_AGAIN) {
            return KS_AGAIN;
        }
    }

    return KS_OK;
}


void
ks_registry_check(ks_space_t *sp, ks_checker_t *ck)
{
    unsigned         kind;
    ks_topic_tree_t  t;

    for (kind = 0; kind < KS_TOPICS; kind++) {
        ks_registry_open(sp, (ks_topic_kind_t) kind, &t);
        ks_tree_check(ck, ks_zone_own(sp->mem.zone), &t.tree);
    }
}
