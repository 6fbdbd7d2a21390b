/*
 * The checker's upper half: what can be reached from the shards' roots.
 *
 * It changes nothing and believes nothing: what is damaged is reported, and not
 * followed.  Outside transactions it locks all shards while it looks.
 */

#include "keyspace/ks_keyspace.h"


typedef struct {
    ks_space_t    *sp;
    ks_checker_t   ck;
    ks_shard_t    *sh;
    unsigned       shard;
    uint64_t       nkeys;
    uint64_t       nttl;
    uint64_t       nfields;
} ks_check_t;


static void ks_check_shard(ks_check_t *c);
static void ks_check_bucket(ks_check_t *c, uint32_t i);
static void ks_check_entry(ks_check_t *c, const ks_bucket_t *b, unsigned i,
    uint32_t bucket);
static void ks_check_place(ks_check_t *c, const ks_entry_t *e, ks_ref_t ref,
    uint32_t bucket);
static void ks_check_values(ks_check_t *c, const ks_entry_t *e, int dead);
static void ks_check_wheel(ks_check_t *c);
static void ks_check_dead(ks_check_t *c);


/* takes and gives the locks by hand: a transaction that stores nothing */

size_t
ks_check(ks_space_t *sp, ks_report_pt report, void *data)
{
    int         locked;
    unsigned    i;
    ks_check_t  c;

    c.sp = sp;
    c.ck.report = report;
    c.ck.data = data;

    locked = (sp->depth != 0);

    if (!locked) {
        ks_lock(&sp->mem, ks_all_shards(sp) | ks_library_shard(sp)
                          | ks_wait_shard(sp)
                          | ks_spares_mask(sp->mem.zone));
    }

    ks_pool_settle(&sp->mem);

    if (ks_checker_begin(&c.ck, &sp->mem) == KS_OK) {

        for (i = 0; i < ks_zone_own(sp->mem.zone); i++) {
            c.sh = &sp->mem.shards[i];
            c.shard = i;
            ks_check_shard(&c);
        }

        for ( /* void */ ; i < ks_zone_locks(sp->mem.zone); i++) {
            c.sh = &sp->mem.shards[i];
            c.shard = i;
            ks_check_dead(&c);
        }

        ks_library_check(sp, &c.ck);
        ks_registry_check(sp, &c.ck);
        ks_wait_check(sp, &c.ck);

        ks_checker_end(&c.ck);

    } else {
        ks_checker_fault(&c.ck, "no memory to check with");
    }

    if (!locked) {
        ks_unlock(&sp->mem);
    }

    return c.ck.faults;
}


static void
ks_check_shard(ks_check_t *c)
{
    uint32_t  i;

    c->nkeys = 0;
    c->nttl = 0;
    c->nfields = 0;

    for (i = 0; i < c->sp->mem.zone->nbuckets; i++) {
        ks_check_bucket(c, i);
    }

    if (c->nkeys != c->sh->root.nkeys) {
        ks_checker_fault(&c->ck, "shard %u has %ju keys and counts %ju",
                         c->shard, (uintmax_t) c->nkeys,
                         (uintmax_t) c->sh->root.nkeys);
    }

    ks_check_wheel(c);
    ks_check_dead(c);
}


static void
ks_check_bucket(ks_check_t *c, uint32_t i)
{
    unsigned            k;
    const ks_bucket_t  *b;

    b = ks_table_bucket(c->sp, c->sh, i);

    for ( ;; ) {

        for (k = 0; k < KS_BUCKET_SLOTS; k++) {
            if (b->ref[k]) {
                ks_check_entry(c, b, k, i);
            }
        }

        if (b->more == 0) {
            return;
        }

        ks_checker_mark(&c->ck, c->shard, KS_KIND_NODE, b->more,
                        sizeof(ks_bucket_t));
        b = ks_ptr(&c->sp->mem, b->more);
    }
}


static void
ks_check_entry(ks_check_t *c, const ks_bucket_t *b, unsigned i,
    uint32_t bucket)
{
    size_t             faults;
    const ks_entry_t  *e;

    faults = c->ck.faults;
    e = ks_ptr(&c->sp->mem, b->ref[i]);

    ks_checker_mark(&c->ck, c->shard, KS_KIND_ENTRY, b->ref[i],
                    KS_ENTRY_HEADER);

    if (c->ck.faults != faults) {
        return;                         /* there is no entry to look at */
    }

    c->nkeys++;

    if (ks_entry_size(e) > ks_chunk_size(&c->sp->mem, b->ref[i])) {
        ks_checker_fault(&c->ck, "entry %u is larger than its chunk",
                         b->ref[i]);
        return;
    }

    if ((e->flags & KS_ENTRY_SAVED) && !c->sp->mem.zone->save.marked) {
        ks_checker_fault(&c->ck, "entry %u is marked as saved", b->ref[i]);
    }

    if (e->flags & KS_ENTRY_TTL) {
        c->nttl++;
        c->nfields += (ks_entry_expire(e) == KS_NO_EXPIRE);
    }

    ks_check_values(c, e, 0);

    if (c->ck.faults == faults) {
        ks_check_place(c, e, b->ref[i], bucket);
    }
}


/* The entry lies where it is looked for, and is found there. */

static void
ks_check_place(ks_check_t *c, const ks_entry_t *e, ks_ref_t ref,
    uint32_t bucket)
{
    uint64_t    hash;
    ks_str_t    key;
    ks_place_t  at;

    hash = ks_entry_hash(c->sp, e);
    at.hash = hash;
    at.shard = ks_hash_shard(c->sp, hash);

    if (c->shard >= c->sp->mem.zone->nshards) {
        at.shard = ks_spare_of(&c->sp->mem, at.shard);
    }

    if (at.shard != c->sh || !ks_table_has(c->sp, &at, e)) {
        ks_checker_fault(&c->ck, "entry %u in bucket %u is in the wrong place",
                         ref, bucket);
        return;
    }

    if (e->flags & KS_ENTRY_BIGKEY) {
        return;                         /* a look-up would want a copy of it */
    }

    key = ks_entry_key(c->sp, e);

    if (ks_table_find(c->sp, &at, &key) != e) {
        ks_checker_fault(&c->ck, "entry %u in bucket %u has its key twice",
                         ref, bucket);
    }
}


/* whether the type's row knows what the entry says of its value */

static int
ks_check_type(ks_check_t *c, const ks_entry_t *e)
{
    const ks_stored_t  *stored;

    stored = &ks_types[ks_entry_type(e)].stored[ks_entry_enc(e)];

    if (!stored->exists
        || (stored->trees != 0) != ((e->flags & KS_ENTRY_ELEMENTS) != 0))
    {
        ks_checker_fault(&c->ck, "entry %u has no type that there is",
                         ks_ref(&c->sp->mem, e));
        return 0;
    }

    return 1;
}


static void
ks_check_values(ks_check_t *c, const ks_entry_t *e, int dead)
{
    ks_blob_t  b;
    ks_tail_t  tail;

    if (e->flags & KS_ENTRY_BIGKEY) {
        b = ks_entry_keyblob(e);
        ks_blob_check(&c->ck, c->shard, &b, ks_blob_pieces(b.len));
    }

    if ((e->flags & KS_ENTRY_GIVEN) || !ks_check_type(c, e)) {
        return;
    }

    if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);
        memcpy(&tail, ks_entry_value(e), sizeof(tail));

        if (!dead && tail.left != ks_blob_pieces(b.len)) {
            ks_checker_fault(&c->ck, "a live blob has lost pieces");
        }

        if (tail.left) {
            ks_blob_check(&c->ck, c->shard, &b, tail.left);
        }
    }

    if (e->flags & KS_ENTRY_ELEMENTS) {
        ks_value_check(c->sp, &c->ck, c->shard, (ks_entry_t *) e, dead);
    }
}


static void
ks_check_wheel(ks_check_t *c)
{
    unsigned            slot;
    uint64_t            n, bit;
    ks_ref_t            ref, prev;
    const ks_ttl_t     *ttl;
    const ks_entry_t   *e;
    const ks_wheel_t   *w;

    w = &c->sh->root.wheel;
    n = 0;

    for (slot = 0; slot < KS_WHEEL_LEVELS * KS_WHEEL_SLOTS; slot++) {
        bit = w->bits[slot / KS_WHEEL_SLOTS] >> (slot % KS_WHEEL_SLOTS) & 1;

        if (bit != (w->head[slot] != 0)) {
            ks_checker_fault(&c->ck, "shard %u: bit of wheel slot %u is wrong",
                             c->shard, slot);
        }

        prev = slot;

        for (ref = w->head[slot]; ref; ref = ttl->next) {
            e = ks_ptr(&c->sp->mem, ref);
            ttl = ks_entry_ttl(e);

            if (!ks_wheel_fits(w, slot, ks_entry_wheel(e))) {
                ks_checker_fault(&c->ck, "shard %u: entry %u is not for wheel "
                                 "slot %u", c->shard, ref, slot);
            }

            if (ttl->prev != prev || ++n > c->nttl) {
                ks_checker_fault(&c->ck, "shard %u: wheel slot %u is torn",
                                 c->shard, slot);
                return;
            }

            prev = ref;
        }
    }

    if (n != c->nttl || n != c->sh->root.nexpires) {
        ks_checker_fault(&c->ck, "shard %u: %ju TTLs, %ju in the wheel, "
                         "%ju counted", c->shard, (uintmax_t) c->nttl,
                         (uintmax_t) n, (uintmax_t) c->sh->root.nexpires);
    }

    if (c->nfields != c->sh->root.nfields) {
        ks_checker_fault(&c->ck, "shard %u: %ju hashes wait for their fields, "
                         "%ju counted", c->shard, (uintmax_t) c->nfields,
                         (uintmax_t) c->sh->root.nfields);
    }
}


static void
ks_check_dead(ks_check_t *c)
{
    size_t             faults;
    ks_ref_t           ref;
    const ks_entry_t  *e;

    for (ref = c->sh->root.dead; ref; ref = e->access) {
        faults = c->ck.faults;
        ks_checker_mark(&c->ck, c->shard, KS_KIND_ENTRY, ref,
                        KS_ENTRY_HEADER);

        if (c->ck.faults != faults) {
            return;
        }

        e = ks_ptr(&c->sp->mem, ref);
        ks_check_values(c, e, 1);
    }
}
