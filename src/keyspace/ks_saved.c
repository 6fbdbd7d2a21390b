/*
 * What is saved already in the snapshot that is being made.
 *
 * A snapshot begins with one store to a word of the zone, the cursor, under all
 * locks: it is what the keyspace was then.  The process that makes it goes
 * through the buckets in their order, a few at a time under the lock of their
 * shard, and the cursor with it.  So an entry is saved if its bucket lies
 * before the cursor, or if it is marked: then it is new, or somebody who was
 * going to change it has told its image (ks_before.c).  The marks go as the
 * cursor passes.  The word of no snapshot lies behind all buckets, so that all
 * is saved.
 *
 * What breaks a snapshot is one store, too, by whoever comes to it; the process
 * that makes it finds out when it moves the cursor on.
 */

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_upstream.h"
#include "memory/ks_process.h"


#define KS_SAVED_STUCK    1000          /* ms without a step */

/* As for clients that publish: how long others are waited for, ms. */
#define KS_SAVED_CROWDED  1000
#define KS_SAVED_CALM     100

#define KS_SAVED_SELDOM   16            /* transactions */


static inline uint64_t
ks_saved_cursor(const ks_space_t *sp)
{
    return __atomic_load_n(&sp->mem.zone->save.cursor, __ATOMIC_ACQUIRE);
}


int
ks_unsaved(const ks_space_t *sp, const ks_place_t *at, const ks_entry_t *e)
{
    return !(e->flags & KS_ENTRY_SAVED)
           && ks_table_number(sp, at) >= ks_saved_cursor(sp);
}


int
ks_saved_due(ks_space_t *sp, const ks_entry_t *e)
{
    return ks_follows(sp)
           && !ks_shard_local(sp, ks_hash_shard(sp, ks_entry_hash(sp, e)));
}


int
ks_saved_over(ks_space_t *sp, const ks_entry_t *e)
{
    uint64_t  at;

    at = ks_entry_expire(e);

    return at != KS_NO_EXPIRE && sp->now > at && !ks_saved_due(sp, e);
}


void
ks_saved_new(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e)
{
    if (ks_table_number(sp, at) >= ks_saved_cursor(sp)) {
        e->flags |= KS_ENTRY_SAVED;
    }
}


/* The first reason is the one that is kept. */

void
ks_saved_break(ks_space_t *sp, ks_broken_t why)
{
    uint32_t    none;
    ks_save_t  *save;

    save = &sp->mem.zone->save;
    none = KS_BROKEN_NOT;

    if (ks_saved_cursor(sp) == KS_SAVE_NONE) {
        return;
    }

    (void) __atomic_compare_exchange_n(&save->broken, &none, (uint32_t) why, 0,
                                       __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    __atomic_store_n(&save->cursor, KS_SAVE_NONE, __ATOMIC_RELEASE);
}


int
ks_saved_lives(ks_space_t *sp)
{
    ks_save_t  *save;

    save = &sp->mem.zone->save;

    return ks_clock() - __atomic_load_n(&save->beat, __ATOMIC_RELAXED)
           < KS_SAVED_STUCK
           && ks_process_lives(&sp->mem, save->row, save->birth);
}


void
ks_saved_ask(ks_space_t *sp, uint64_t hash)
{
    unsigned   i;
    uint64_t  *asked, none;

    asked = sp->mem.zone->save.asked;

    for (i = 0; i < KS_SAVE_ASKED; i++) {
        none = 0;

        if (__atomic_compare_exchange_n(&asked[i], &none, hash, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)
            || none == hash)
        {
            return;
        }
    }
}


int
ks_saved_pinned(const ks_space_t *sp, uint64_t hash)
{
    return __atomic_load_n(&sp->mem.zone->save.pinned, __ATOMIC_RELAXED)
           == hash;
}


/* The process that makes it reads most, and the others are looked at seldom. */

int
ks_saved_room(ks_space_t *sp)
{
    uint64_t  readers;

    readers = (sp->tries % KS_SAVED_SELDOM == 0)
              ? ~0ull : 1ull << sp->mem.zone->save.row;

    if (ks_journal_lag(&sp->mem, readers) <= sp->mem.zone->journal.size / 2) {
        sp->crowded = 0;
        return 1;
    }

    if (sp->crowded == 0 || sp->now - sp->crowding > KS_SAVED_CALM) {
        sp->crowded = sp->now;
    }

    sp->crowding = sp->now;

    return sp->now - sp->crowded >= KS_SAVED_CROWDED;
}


void
ks_saved_wait(ks_space_t *sp, ks_broken_t why)
{
    if (sp->call->patience != 0) {

        if (ks_saved_lives(sp)) {
            longjmp(sp->jump, KS_AGAIN);
        }

        why = KS_BROKEN_STUCK;
    }

    ks_saved_break(sp, why);
}


void
ks_saved_functions(ks_space_t *sp)
{
    if (ks_saved_cursor(sp) != KS_SAVE_NONE
        && !__atomic_load_n(&sp->mem.zone->save.functions, __ATOMIC_ACQUIRE))
    {
        ks_saved_wait(sp, KS_BROKEN_LARGE);
    }
}
