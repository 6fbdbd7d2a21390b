/*
 * The words of the zone that say how far the journal on disk is.
 *
 * One process writes them, the helper that makes snapshots as well, and all
 * read them without a lock.  Each is true by itself.  Of what is stored in a
 * row the order matters, and is said where it does.
 */

#include <errno.h>
#include <stdio.h>

#include "keyspace/ks_aof.h"
#include "keyspace/ks_keyspace.h"
#include "memory/ks_process.h"


#define KS_AOF_ORPHAN  2000             /* ms without a helper */


static inline ks_aof_words_t *
ks_aof_words(const ks_space_t *sp)
{
    return &sp->mem.zone->aof;
}


static inline const ks_aof_place_t *
ks_aof_place(const ks_aof_words_t *w)
{
    return &w->place[__atomic_load_n(&w->turn, __ATOMIC_ACQUIRE) & 1];
}


/* --- of all processes --- */

/* A helper that was killed is replaced by the host at once, as a rule. */

static int
ks_aof_orphan(ks_space_t *sp)
{
    uint64_t          now;
    const ks_save_t  *save;

    save = &sp->mem.zone->save;

    if (save->birth != 0
        && ks_process_lives(&sp->mem, save->row, save->birth))
    {
        sp->orphan = 0;
        return 0;
    }

    now = ks_clock();

    if (sp->orphan == 0) {
        sp->orphan = now;
    }

    return now - sp->orphan >= KS_AOF_ORPHAN;
}


int
ks_aof_behind(ks_space_t *sp)
{
    uint64_t         head, floor;
    ks_zone_t       *zone;
    ks_aof_words_t  *w;

    zone = sp->mem.zone;
    w = ks_aof_words(sp);
    floor = __atomic_load_n(&w->floor, __ATOMIC_RELAXED);
    head = __atomic_load_n(&zone->journal.head, __ATOMIC_RELAXED);

    if (ks_likely(floor >= head || head - floor <= zone->journal.size / 2)) {
        return 0;
    }

    if (!ks_aof_orphan(sp)) {
        return 1;
    }

    if (!w->lax) {
        __atomic_store_n(&zone->gate.aof_refuses, EOWNERDEAD, __ATOMIC_RELAXED);
    }

    return 0;
}


int
ks_aof_always(const ks_space_t *sp)
{
    return ks_aof_on(sp) && ks_aof_words(sp)->mode == KS_AOF_ALWAYS;
}


int
ks_aof_synced(const ks_space_t *sp, uint64_t position)
{
    return position <= __atomic_load_n(&ks_aof_words(sp)->synced,
                                       __ATOMIC_SEQ_CST);
}


int
ks_aof_passes(const ks_space_t *sp, uint64_t position)
{
    return ks_aof_synced(sp, position) || !ks_aof_always(sp)
           || __atomic_load_n(&ks_aof_words(sp)->loose, __ATOMIC_SEQ_CST);
}


/* This store and the load that follows it, against those of ks_aof_wake(). */

void
ks_aof_wait(ks_space_t *sp)
{
    if (sp->mem.process != KS_PROCESSES) {
        (void) __atomic_fetch_or(&ks_aof_words(sp)->waiting,
                                 1ull << sp->mem.process, __ATOMIC_SEQ_CST);
    }
}


static void
ks_aof_wake(ks_space_t *sp)
{
    uint64_t         who;
    ks_aof_words_t  *w;

    w = ks_aof_words(sp);

    if (__atomic_load_n(&w->waiting, __ATOMIC_SEQ_CST) == 0) {
        return;
    }

    who = __atomic_exchange_n(&w->waiting, 0, __ATOMIC_SEQ_CST);

    for ( /* void */ ; who && sp->mem.wake != NULL; who &= who - 1) {
        sp->mem.wake(sp->mem.wake_data, (unsigned) __builtin_ctzll(who));
    }
}


/* It is told as a question for a snapshot is, so that the helper looks. */

static void
ks_aof_tell(ks_space_t *sp, void *data)
{
    (void) data;

    ks_tell(sp, KS_TOLD_SAVES, 1ull << sp->mem.zone->save.row, 0, NULL);
}


int
ks_aof_ask(ks_space_t *sp)
{
    ks_call_t        call;
    ks_aof_words_t  *w;

    w = ks_aof_words(sp);

    if (!ks_aof_on(sp)) {
        return KS_NONE;
    }

    if (w->begun != 0 || w->wanted > w->served) {
        return KS_ERR;
    }

    (void) __atomic_add_fetch(&w->wanted, 1, __ATOMIC_RELAXED);

    if (sp->depth != 0) {
        ks_aof_tell(sp, NULL);

    } else {
        memset(&call, 0, sizeof(ks_call_t));
        call.body = ks_aof_tell;
        (void) ks_run(sp, &call);
    }

    return sp->mem.zone->save.begun ? KS_AGAIN : KS_OK;
}


void
ks_aof_state(const ks_zone_t *zone, ks_aof_state_t *st)
{
    uint64_t               head, at;
    const ks_aof_words_t  *w;

    w = &zone->aof;
    at = ks_aof_place(w)->at;
    head = __atomic_load_n(&zone->journal.head, __ATOMIC_RELAXED);

    memset(st, 0, sizeof(ks_aof_state_t));

    st->on = (zone->gate.aof_on != 0);
    st->mode = (ks_aof_mode_t) w->mode;
    st->begun = w->begun;
    st->scheduled = (st->begun == 0 && w->wanted > w->served);
    st->failed = (w->failed != 0);
    st->refused = (w->error != 0);
    st->last_error = w->last_error;
    st->took = w->took;
    st->rewrites = w->rewrites;
    st->failures = w->failures;
    st->size = w->files + ks_aof_place(w)->length;
    st->base = w->base;
    st->behind = ks_aof_place(w)->number ? head - ks_min(head, at) : 0;
    st->pending = at - ks_min(at, w->synced);
    st->delayed = w->delayed;
    st->percent = w->percent;
    st->least = w->least;
    st->name = w->name;
}


/* --- of the host --- */

static void
ks_aof_off(ks_mem_t *m)
{
    ks_zone_t       *zone;
    ks_aof_words_t  *w;

    zone = m->zone;
    w = &zone->aof;

    __atomic_store_n(&zone->gate.aof_on, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&zone->gate.aof_refuses, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&w->floor, KS_AOF_FREE, __ATOMIC_RELAXED);

    w->whole = 0;
    w->place[w->turn & 1].number = 0;
    w->begun = 0;
    w->served = w->wanted;

    ks_journal_always(m, KS_ALWAYS_DISK, 0);
}


void
ks_aof_configure(ks_zone_t *zone, const ks_aof_settings_t *settings)
{
    ks_mem_t         m;
    ks_aof_words_t  *w;

    ks_mem_attach(&m, zone);
    w = &zone->aof;

    if (settings == NULL) {
        if (zone->gate.aof_on) {
            ks_aof_off(&m);
        }

        return;
    }

    w->mode = (uint32_t) settings->mode;
    w->lax = (settings->lax != 0);
    w->percent = settings->percent;
    w->least = settings->least;
    (void) snprintf(w->name, sizeof(w->name), "%s", settings->name);

    if (!zone->gate.aof_on) {
        ks_journal_always(&m, KS_ALWAYS_DISK, KS_TOLD_EFFECTS);
        __atomic_store_n(&zone->gate.aof_on, 1, __ATOMIC_SEQ_CST);
    }
}


void
ks_aof_loaded(ks_zone_t *zone, uint64_t number, uint64_t length,
    uint64_t inode)
{
    ks_aof_place_t  *place;
    ks_aof_words_t  *w;

    w = &zone->aof;
    place = &w->place[w->turn & 1];

    place->at = zone->journal.head;
    place->number = number;
    place->length = length;
    place->inode = inode;

    w->synced = place->at;
    w->floor = place->at;
    w->whole = 1;
}


/* --- of the helper --- */

void
ks_aof_spot(ks_space_t *sp, ks_aof_spot_t *spot)
{
    const ks_aof_place_t  *place;

    place = ks_aof_place(ks_aof_words(sp));

    spot->at = place->at;
    spot->number = place->number;
    spot->length = place->length;
    spot->inode = place->inode;
}


/* The place that does not count is nobody's. */

void
ks_aof_set_spot(ks_space_t *sp, const ks_aof_spot_t *spot)
{
    uint32_t         turn;
    ks_aof_words_t  *w;
    ks_aof_place_t  *place;

    w = ks_aof_words(sp);
    turn = w->turn + 1;
    place = &w->place[turn & 1];

    place->at = spot->at;
    place->number = spot->number;
    place->length = spot->length;
    place->inode = spot->inode;

    __atomic_store_n(&w->turn, turn, __ATOMIC_RELEASE);
    ks_barrier();
}


int
ks_aof_whole(ks_space_t *sp)
{
    return ks_aof_words(sp)->whole != 0;
}


void
ks_aof_set_whole(ks_space_t *sp, int whole)
{
    __atomic_store_n(&ks_aof_words(sp)->whole, whole != 0, __ATOMIC_RELEASE);
    ks_barrier();
}


void
ks_aof_set_floor(ks_space_t *sp, uint64_t floor)
{
    __atomic_store_n(&ks_aof_words(sp)->floor, floor, __ATOMIC_RELEASE);
    ks_barrier();
}


void
ks_aof_set_synced(ks_space_t *sp, uint64_t position)
{
    __atomic_store_n(&ks_aof_words(sp)->synced, position, __ATOMIC_SEQ_CST);
    ks_barrier();
    ks_aof_wake(sp);
}


void
ks_aof_set_error(ks_space_t *sp, int err)
{
    ks_aof_words_t  *w;

    w = ks_aof_words(sp);

    w->error = (uint32_t) err;
    w->last_error = err ? (uint32_t) err : w->last_error;
    __atomic_store_n(&sp->mem.zone->gate.aof_refuses,
                     w->lax ? 0 : (uint16_t) err, __ATOMIC_RELAXED);
    __atomic_store_n(&w->loose, w->lax && err, __ATOMIC_SEQ_CST);

    if (w->loose) {
        ks_aof_wake(sp);
    }
}


void
ks_aof_set_files(ks_space_t *sp, uint64_t bytes)
{
    __atomic_store_n(&ks_aof_words(sp)->files, bytes, __ATOMIC_RELAXED);
}


void
ks_aof_count_delay(ks_space_t *sp)
{
    ks_aof_words(sp)->delayed++;
}


void
ks_aof_begun(ks_space_t *sp, uint64_t now)
{
    __atomic_store_n(&ks_aof_words(sp)->begun, now, __ATOMIC_RELAXED);
}


void
ks_aof_ended(ks_space_t *sp, uint64_t number, int rc, uint64_t now)
{
    ks_aof_words_t  *w;

    w = ks_aof_words(sp);

    w->failed = (rc != KS_OK);
    w->failures = (rc == KS_OK) ? 0 : w->failures + 1;
    w->took = now - ks_min(now, w->begun);
    w->rewrites++;

    if (rc == KS_OK) {
        w->base = w->files + ks_aof_place(w)->length;
    }

    __atomic_store_n(&w->begun, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&w->served, number, __ATOMIC_RELEASE);
}


uint64_t
ks_aof_wanted(const ks_space_t *sp)
{
    return __atomic_load_n(&ks_aof_words(sp)->wanted, __ATOMIC_RELAXED);
}


uint64_t
ks_aof_served(const ks_space_t *sp)
{
    return __atomic_load_n(&ks_aof_words(sp)->served, __ATOMIC_RELAXED);
}


int
ks_aof_grown(ks_space_t *sp)
{
    uint64_t               size, base;
    const ks_aof_words_t  *w;

    w = ks_aof_words(sp);
    size = w->files + ks_aof_place(w)->length;
    base = w->base ? w->base : 1;

    return w->percent != 0 && size > w->least
           && size > base && (size - base) / base >= w->percent / 100
           && (size - base) * 100 / base >= w->percent;
}


uint64_t
ks_aof_head(ks_space_t *sp)
{
    return ks_journal_head(&sp->mem);
}
