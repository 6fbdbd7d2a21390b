/*
 * The cells of keys that were read, and telling of changes by name.
 */

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_track.h"


#define KS_TRACK_BIT(sp)  (1ull << (sp)->mem.process)


static inline unsigned
ks_track_size(ks_track_set_t set)
{
    return (set == KS_FOLLOWED) ? KS_FOLLOW_CELLS : KS_TRACK_CELLS;
}


static inline uint64_t *
ks_track_word(ks_shard_t *sh, ks_track_set_t set, unsigned slot)
{
    return (set == KS_FOLLOWED) ? &sh->followed[slot] : &sh->tracked[slot];
}


unsigned
ks_track_cells(const ks_space_t *sp, ks_track_set_t set)
{
    return sp->mem.zone->nshards * ks_track_size(set);
}


/* Its bits are others than those of the shard. */

static inline unsigned
ks_track_slot(ks_track_set_t set, uint64_t hash)
{
    return (unsigned) (hash >> 24) % ks_track_size(set);
}


unsigned
ks_track_cell(const ks_space_t *sp, ks_track_set_t set, uint64_t hash)
{
    return (unsigned) (ks_hash_shard(sp, hash) - sp->mem.shards)
           * ks_track_size(set) + ks_track_slot(set, hash);
}


void
ks_track_read(ks_space_t *sp, ks_track_set_t set, const ks_place_t *at)
{
    *ks_track_word(at->shard, set, ks_track_slot(set, at->hash))
        |= KS_TRACK_BIT(sp);
}


void
ks_track_forget(ks_space_t *sp, ks_track_set_t set, unsigned cell)
{
    unsigned  i;

    i = cell / ks_track_size(set);

    ks_lock(&sp->mem, 1ull << i);
    *ks_track_word(&sp->mem.shards[i], set, cell % ks_track_size(set))
        &= ~KS_TRACK_BIT(sp);
    ks_unlock(&sp->mem);
}


/*
 * A transaction may not give its locks away: amid one the bits stay, and each
 * goes when a change is told for which it stands for nothing.
 */

void
ks_track_forget_all(ks_space_t *sp, ks_track_set_t set)
{
    unsigned  i, k;

    if (sp->depth != 0) {
        return;
    }

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        ks_lock(&sp->mem, 1ull << i);

        for (k = 0; k < ks_track_size(set); k++) {
            *ks_track_word(&sp->mem.shards[i], set, k) &= ~KS_TRACK_BIT(sp);
        }

        ks_unlock(&sp->mem);
    }
}


uint64_t
ks_track_serial(const ks_space_t *sp)
{
    return sp->tracks;
}


int
ks_track_past(const ks_space_t *sp, const ks_track_t *track, uint64_t serial)
{
    return track->process == sp->mem.process && track->serial <= serial;
}


/* --- telling --- */

static void
ks_track_tell(ks_space_t *sp, uint64_t readers, ks_track_t *track,
    const ks_str_t *key)
{
    ks_str_t  parts[2];

    track->serial = ++sp->tracks;
    track->process = (uint8_t) sp->mem.process;

    parts[0].data = (u_char *) track;
    parts[0].len = sizeof(ks_track_t);

    if (key != NULL) {
        parts[1] = *key;
    }

    ks_tell(sp, KS_TOLD_CHANGES, readers, key ? 2 : 1, parts);
}


void
ks_track_changed(ks_space_t *sp, const ks_place_t *at, const ks_str_t *key,
    ks_change_t change)
{
    uint64_t    readers;
    ks_track_t  track;

    readers = at->shard->tracked[ks_track_slot(KS_TRACKED, at->hash)]
              & ks_journal_readers(&sp->mem, KS_TOLD_TRACKED);

    if (readers == 0
        && ks_journal_readers(&sp->mem, KS_TOLD_CHANGES) == 0)
    {
        return;
    }

    memset(&track, 0, sizeof(track));
    track.hash = at->hash;
    track.author = sp->author;
    track.lapsed = (change == KS_CHANGE_EXPIRED
                    || change == KS_CHANGE_EVICTED);

    ks_track_tell(sp, readers, &track, key);
}


/* A key may be in pieces, and longer than what is worth a place of its own. */

void
ks_track_ended(ks_space_t *sp, const ks_place_t *at, const ks_entry_t *e,
    ks_change_t change)
{
    ks_str_t   key;
    ks_blob_t  b;
    u_char     copy[KS_KEY_MAX];

    if (!(e->flags & KS_ENTRY_BIGKEY)) {
        key = ks_entry_key(sp, e);

    } else {
        b = ks_entry_keyblob(e);
        key.data = copy;
        key.len = b.len;
        ks_blob_read(&sp->mem, &b, 0, key.data, key.len);
    }

    ks_track_changed(sp, at, &key, change);
}


void
ks_track_flushed(ks_space_t *sp)
{
    ks_track_t  track;

    memset(&track, 0, sizeof(track));
    track.author = sp->author;
    track.all = 1;

    ks_track_tell(sp, ks_journal_readers(&sp->mem, KS_TOLD_TRACKED), &track,
                  NULL);
}


void
ks_track_tell_self(ks_space_t *sp, uint64_t hash, const ks_str_t *key)
{
    ks_track_t  track;

    memset(&track, 0, sizeof(track));
    track.hash = hash;
    track.spared = 1;

    ks_track_tell(sp, KS_TRACK_BIT(sp), &track, key);
}


/* --- keys that are followed --- */

void
ks_follow_changed(ks_space_t *sp, const ks_place_t *at)
{
    uint64_t  readers;
    ks_str_t  part;

    readers = at->shard->followed[ks_track_slot(KS_FOLLOWED, at->hash)]
              & ks_journal_readers(&sp->mem, KS_TOLD_FOLLOWED);

    if (readers != 0) {
        part.data = (u_char *) &at->hash;
        part.len = sizeof(at->hash);

        ks_tell(sp, KS_TOLD_FOLLOWED, readers, 1, &part);
    }
}


/* a record without a hash */

void
ks_follow_renewed(ks_space_t *sp)
{
    uint64_t  readers;
    ks_str_t  part;

    readers = ks_journal_readers(&sp->mem, KS_TOLD_FOLLOWED);

    if (readers != 0) {
        part.data = NULL;
        part.len = 0;

        ks_tell(sp, KS_TOLD_FOLLOWED, readers, 1, &part);
    }
}
