/*
 * The keys that the running transaction makes ready for clients that wait.
 *
 * They are noted as they change, in memory of the process, and each is there
 * once until its clients are served.  A key that ends has another place for the
 * clients to whom that matters.
 */

#include <stdlib.h>

#include "keyspace/ks_keyspace.h"


#define KS_READY_ROOM  16               /* keys, to begin with */


/* Whether it waits to be served already. */

static int
ks_ready_has(const ks_ready_t *r, const ks_place_t *at)
{
    uint32_t  i;

    for (i = r->next; i < r->n; i++) {
        if (r->keys[i].hash == at->hash) {
            return 1;
        }
    }

    return 0;
}


static void
ks_ready_more(ks_space_t *sp)
{
    uint32_t     room;
    ks_place_t  *keys;

    room = ks_max(sp->ready.room * 2, (uint32_t) KS_READY_ROOM);
    keys = realloc(sp->ready.keys, room * sizeof(ks_place_t));

    if (keys == NULL) {
        sp->exhausted = 1;
        longjmp(sp->jump, 1);
    }

    sp->ready.keys = keys;
    sp->ready.room = room;
}


void
ks_wait_changed(ks_space_t *sp, const ks_place_t *at)
{
    ks_ready_t  *r;

    r = &sp->ready;

    if (*ks_wait_cell(at) == 0 || ks_ready_has(r, at)) {
        return;
    }

    if (r->n == r->room) {
        ks_ready_more(sp);
    }

    r->keys[r->n++] = *at;
}


int
ks_wait_next(ks_space_t *sp, ks_place_t *at)
{
    ks_ready_t  *r;

    r = &sp->ready;

    if (r->next == r->n) {
        return KS_NONE;
    }

    *at = r->keys[r->next++];

    return KS_OK;
}


/* --- ends --- */

/* any number that makes another hash of one */
#define KS_WAIT_ENDED  0x9e3779b9


ks_place_t
ks_wait_end_place(const ks_place_t *at)
{
    ks_place_t  end;

    end.hash = at->hash ^ KS_WAIT_ENDED;
    end.shard = at->shard;

    return end;
}


/* of one key, or KS_WAIT_ALL_* */

static void
ks_wait_tell_end(ks_space_t *sp, uint64_t hash)
{
    ks_str_t  part;

    part.data = (u_char *) &hash;
    part.len = sizeof(hash);

    ks_tell(sp, KS_TOLD_WAITERS, 0, 1, &part);
}


void
ks_wait_ended(ks_space_t *sp, const ks_place_t *at)
{
    ks_place_t  end;

    end = ks_wait_end_place(at);

    if (sp->depth != 0) {
        ks_wait_changed(sp, &end);

    } else if (*ks_wait_cell(&end) != 0) {
        ks_wait_tell_end(sp, end.hash);
    }
}


void
ks_wait_flushed(ks_space_t *sp)
{
    if (sp->told.kinds & KS_TOLD_WAITERS) {
        ks_wait_tell_end(sp, KS_WAIT_ALL_ENDED);
    }
}


void
ks_wait_renewed(ks_space_t *sp)
{
    if (sp->told.kinds & KS_TOLD_WAITERS) {
        ks_wait_tell_end(sp, KS_WAIT_ALL_RENEWED);
    }
}


uint32_t
ks_wait_limit(const ks_space_t *sp)
{
    return sp->last_try ? 0 : UINT32_MAX - sp->ready.spared;
}


void
ks_wait_spare(ks_space_t *sp, uint32_t limit)
{
    sp->ready.spared = UINT32_MAX - limit;
    sp->wanted = 0;
    longjmp(sp->jump, KS_WIDEN);
}
