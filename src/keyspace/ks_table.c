/*
 * The hash table of a shard: buckets of one cache line.
 *
 * A bucket holds 12 references and a byte of hash for each, so that a lookup
 * reads the bucket and then, almost always, only the entry that it is after.
 * What does not fit goes to further buckets behind it, which are chunks.  The
 * array has the size that the zone was laid out with; it is never rehashed,
 * so a scan's cursor is the number of a bucket.
 *
 * A mark stands for 64 buckets.  It is set before one of them is first used
 * and cleared when all are found empty, so sparse tables are walked fast.
 */

#include "keyspace/ks_keyspace.h"


#define KS_GROUP  64
#define KS_ONES   0x0101010101010101ull

static ks_bucket_t *ks_table_chain(const ks_space_t *sp, const ks_place_t *at);
static ks_bucket_t *ks_table_slot(const ks_space_t *sp, const ks_place_t *at,
    ks_ref_t ref, unsigned *i);
static void ks_table_trim(ks_space_t *sp, const ks_place_t *at,
    ks_bucket_t *empty);


static inline uint8_t
ks_hash_tag(uint64_t hash)
{
    return (uint8_t) (hash >> 32);
}


static inline uint32_t
ks_hash_bucket(const ks_space_t *sp, uint64_t hash)
{
    return (uint32_t) ((hash & 0xffffffff) * sp->mem.zone->nbuckets >> 32);
}


static inline ks_bucket_t *
ks_table_more(const ks_space_t *sp, const ks_bucket_t *b)
{
    return b->more ? ks_ptr(&sp->mem, b->more) : NULL;
}


ks_bucket_t *
ks_table_bucket(const ks_space_t *sp, const ks_shard_t *sh, uint32_t i)
{
    uint64_t          n;
    const ks_mem_t   *m;

    m = &sp->mem;
    n = (uint64_t) ks_page_owner(m, sh) * m->zone->nbuckets + i;

    return (ks_bucket_t *) (m->base + m->zone->buckets_at) + n;
}


static ks_bucket_t *
ks_table_chain(const ks_space_t *sp, const ks_place_t *at)
{
    return ks_table_bucket(sp, at->shard, ks_hash_bucket(sp, at->hash));
}


uint64_t
ks_table_number(const ks_space_t *sp, const ks_place_t *at)
{
    return (uint64_t) ks_shard_index(&sp->mem, at->shard)
           * sp->mem.zone->nbuckets + ks_hash_bucket(sp, at->hash);
}


void
ks_table_prefetch(const ks_space_t *sp, const ks_place_t *at)
{
    __builtin_prefetch(ks_table_chain(sp, at), 0, 3);
}


void
ks_table_prefetch_entry(const ks_space_t *sp, const ks_place_t *at)
{
    uint8_t             tag;
    unsigned            i;
    const u_char       *e;
    const ks_bucket_t  *b;

    b = ks_table_chain(sp, at);
    tag = ks_hash_tag(at->hash);

    for (i = 0; i < KS_BUCKET_SLOTS; i++) {

        if (b->tag[i] == tag && b->ref[i]) {
            e = ks_ptr(&sp->mem, b->ref[i]);
            __builtin_prefetch(e, 1);
            __builtin_prefetch(e + 64, 1);
            return;
        }
    }
}


static uint64_t *
ks_table_marks(const ks_space_t *sp, const ks_shard_t *sh)
{
    const ks_mem_t  *m;

    m = &sp->mem;

    return (uint64_t *) (m->base + m->zone->marks_at
                         + ks_page_owner(m, sh)
                           * ks_marks_size(m->zone->nbuckets));
}


/*
 * Bits 7, 15, ... of the result: bytes of tags that equal tag.  A byte above
 * a match may be set wrongly, so each is looked at again.
 */

static inline uint64_t
ks_tags_match(uint64_t tags, uint8_t tag)
{
    uint64_t  x;

    x = tags ^ (KS_ONES * tag);

    return (x - KS_ONES) & ~x & (KS_ONES << 7);
}


ks_entry_t *
ks_table_find(ks_space_t *sp, const ks_place_t *at, const ks_str_t *key)
{
    uint8_t       tag;
    unsigned      i, base;
    uint64_t      hits;
    ks_entry_t   *e;
    ks_bucket_t  *b;

    tag = ks_hash_tag(at->hash);

    for (b = ks_table_chain(sp, at); b; b = ks_table_more(sp, b)) {

        hits = ks_tags_match(ks_load64(b->tag), tag);

        for (base = 0; base <= 8; base += 8) {

            for ( /* void */ ; hits; hits &= hits - 1) {
                i = base + (unsigned) __builtin_ctzll(hits) / 8;

                if (b->tag[i] != tag || b->ref[i] == 0) {
                    continue;
                }

                e = ks_ptr(&sp->mem, b->ref[i]);

                /* the value is wanted next, and is in the line behind */

                __builtin_prefetch((u_char *) e + 64);

                if (ks_entry_is(sp, e, key)) {
                    return e;
                }
            }

            hits = ks_tags_match(ks_load32(b->tag + 8), tag) & 0xffffffff;
        }
    }

    return NULL;
}


void
ks_table_insert(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e)
{
    unsigned      i;
    uint32_t      n;
    ks_ref_t      more;
    ks_mem_t     *m;
    ks_bucket_t  *b, *last;

    m = &sp->mem;
    last = NULL;
    i = 0;

    n = ks_hash_bucket(sp, at->hash) / KS_GROUP;
    ks_table_marks(sp, at->shard)[n / 64] |= 1ull << (n % 64);

    for (b = ks_table_chain(sp, at); b; b = ks_table_more(sp, b)) {

        for (i = 0; i < KS_BUCKET_SLOTS; i++) {
            if (b->ref[i] == 0) {
                goto found;
            }
        }

        last = b;
    }

    more = ks_alloc(m, at->shard, KS_KIND_NODE, sizeof(ks_bucket_t));
    b = ks_ptr(m, more);
    memset(b, 0, sizeof(ks_bucket_t));
    ks_set(m, at->shard, last->more, more);
    i = 0;

found:

    ks_set(m, at->shard, b->tag[i], ks_hash_tag(at->hash));
    ks_set(m, at->shard, b->ref[i], ks_ref(m, e));
    ks_set(m, at->shard, at->shard->root.nkeys, at->shard->root.nkeys + 1);
}


/* the bucket and the slot that hold the reference */

static ks_bucket_t *
ks_table_slot(const ks_space_t *sp, const ks_place_t *at, ks_ref_t ref,
    unsigned *i)
{
    ks_bucket_t  *b;

    for (b = ks_table_chain(sp, at); b; b = ks_table_more(sp, b)) {

        for (*i = 0; *i < KS_BUCKET_SLOTS; ++*i) {
            if (b->ref[*i] == ref) {
                return b;
            }
        }
    }

    return NULL;
}


int
ks_table_has(ks_space_t *sp, const ks_place_t *at, const ks_entry_t *e)
{
    unsigned      i;
    ks_bucket_t  *b;

    b = ks_table_slot(sp, at, ks_ref(&sp->mem, e), &i);

    return b && b->tag[i] == ks_hash_tag(at->hash);
}


void
ks_table_replace(ks_space_t *sp, const ks_place_t *at, ks_entry_t *old,
    ks_entry_t *e)
{
    unsigned      i;
    ks_mem_t     *m;
    ks_bucket_t  *b;

    m = &sp->mem;
    b = ks_table_slot(sp, at, ks_ref(m, old), &i);

    ks_set(m, at->shard, b->ref[i], ks_ref(m, e));
}


void
ks_table_remove(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e)
{
    unsigned      i;
    ks_mem_t     *m;
    ks_bucket_t  *b;

    m = &sp->mem;
    b = ks_table_slot(sp, at, ks_ref(m, e), &i);

    ks_set(m, at->shard, b->ref[i], 0);
    ks_set(m, at->shard, at->shard->root.nkeys, at->shard->root.nkeys - 1);

    for (i = 0; i < KS_BUCKET_SLOTS; i++) {
        if (b->ref[i]) {
            return;
        }
    }

    ks_table_trim(sp, at, b);
}


/* takes a bucket without entries off its chain, unless it is the first */

static void
ks_table_trim(ks_space_t *sp, const ks_place_t *at, ks_bucket_t *empty)
{
    ks_mem_t     *m;
    ks_bucket_t  *b;

    m = &sp->mem;
    b = ks_table_chain(sp, at);

    if (b == empty) {
        return;
    }

    while (ks_table_more(sp, b) != empty) {
        b = ks_table_more(sp, b);
    }

    ks_set(m, at->shard, b->more, empty->more);
    ks_free(m, at->shard, ks_ref(m, empty));
}


uint32_t
ks_table_next(const ks_space_t *sp, const ks_shard_t *sh, uint32_t i)
{
    uint32_t   n, end;
    uint64_t  *marks, word;

    end = sp->mem.zone->nbuckets;
    marks = ks_table_marks(sp, sh);

    while (i < end) {
        n = i / KS_GROUP;
        word = marks[n / 64] >> (n % 64);

        if (word & 1) {
            return i;
        }

        n += word ? (uint32_t) __builtin_ctzll(word) : 64 - n % 64;
        i = n * KS_GROUP;
    }

    return end;
}


unsigned
ks_table_collect(ks_space_t *sp, const ks_bucket_t *b, ks_entry_t **to,
    unsigned max)
{
    unsigned  i, n;

    n = 0;

    for ( /* void */ ; b; b = ks_table_more(sp, b)) {

        for (i = 0; i < KS_BUCKET_SLOTS && n < max; i++) {
            if (b->ref[i]) {
                to[n] = ks_ptr(&sp->mem, b->ref[i]);
                __builtin_prefetch(to[n]);
                n++;
            }
        }
    }

    return n;
}


/* one of a chain, so that those behind the first are sampled as well */

static const ks_bucket_t *
ks_table_any(ks_space_t *sp, const ks_bucket_t *first)
{
    uint32_t            n;
    const ks_bucket_t  *b;

    n = 0;

    for (b = first; b->more; b = ks_table_more(sp, b)) {
        n++;
    }

    for (b = first, n = n ? ks_rand(sp, n + 1) : 0; n; n--) {
        b = ks_table_more(sp, b);
    }

    return b;
}


/*
 * A random group that is marked, and in it from a random bucket on the first
 * that holds anything.  A group that turns out to be empty loses its mark; not
 * if this transaction has changed anything, as a rollback may fill it again.
 */

unsigned
ks_table_sample(ks_space_t *sp, ks_shard_t *sh, ks_entry_t **to, unsigned max)
{
    unsigned      n;
    uint32_t      i, k, group, nb;
    uint64_t     *marks;
    ks_bucket_t  *b;

    nb = sp->mem.zone->nbuckets;
    marks = ks_table_marks(sp, sh);

    while (sh->root.nkeys) {
        i = ks_table_next(sp, sh, ks_rand(sp, nb));

        if (i == nb) {
            i = ks_table_next(sp, sh, 0);

            if (i == nb) {
                return 0;
            }
        }

        group = i / KS_GROUP;
        i = ks_rand(sp, KS_GROUP);

        for (k = 0; k < KS_GROUP; k++) {
            b = ks_table_bucket(sp, sh, group * KS_GROUP + (i + k) % KS_GROUP);
            n = ks_table_collect(sp, ks_table_any(sp, b), to, max);

            if (n) {
                return n;
            }
        }

        if (sp->mem.dirty == 0) {
            marks[group / 64] &= ~(1ull << (group % 64));
        }
    }

    return 0;
}
