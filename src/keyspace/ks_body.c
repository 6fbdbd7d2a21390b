/*
 * The body of a transaction: one run of it, and what it may ask for from
 * inside.  A body that is left by longjmp comes back here, and is undone.
 */

#include <time.h>

#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_upstream.h"


static void  (*ks_wait_server)(ks_space_t *sp);


void
ks_wait_serve_by(void (*serve)(ks_space_t *sp))
{
    ks_wait_server = serve;
}


/* A limit that this run went by was for this run. */

static void
ks_wait_serve(ks_space_t *sp)
{
    ks_wait_server(sp);
    sp->ready.spared = 0;
}


int
ks_try(ks_space_t *sp, ks_body_pt body, void *data)
{
    int       rc;
    unsigned  depth;

    depth = sp->depth;
    sp->mem.need.bytes = 0;
    sp->mem.jump = &sp->jump;
    sp->flush = 0;
    sp->exhausted = 0;
    sp->barred = 0;
    sp->tries++;
    sp->depth++;
    ks_frame_begin(sp);

    rc = setjmp(sp->jump);

    if (rc != 0) {
        sp->mem.jump = NULL;
        sp->depth = depth;
        ks_rollback(&sp->mem);
        return rc == 1 ? KS_NOMEM : rc;
    }

    body(sp, data);

    if (ks_unlikely((sp->told.kinds & KS_TOLD_WAITERS) && sp->ready.n)) {
        ks_wait_serve(sp);
    }

    if (ks_unlikely(sp->call->last != NULL)) {
        sp->call->last(sp, data);
    }

    if (ks_unlikely(sp->flush)) {
        ks_flush_begin(&sp->mem);
    }

    if (ks_unlikely(sp->told.kinds)) {
        ks_frame_append(sp);
    }

    sp->mem.jump = NULL;
    sp->depth = depth;

    return KS_OK;
}


void
ks_want_shards(ks_space_t *sp, uint64_t shards)
{
    if (shards & ~sp->mem.locked) {
        sp->wanted = shards;
        longjmp(sp->jump, KS_WIDEN);
    }
}


void
ks_spare_shards(ks_space_t *sp, uint64_t shards)
{
    sp->wanted = shards & sp->mem.locked & ~sp->call->shards;

    if (sp->wanted != 0 && !sp->call->spared) {
        sp->call->spared = 1;
        longjmp(sp->jump, KS_NARROW);
    }
}


uint64_t
ks_transaction(const ks_space_t *sp)
{
    return sp->tries;
}


void
ks_transaction_note(ks_space_t *sp)
{
    sp->noted = sp->tries;
}


int
ks_committed(const ks_space_t *sp, uint64_t transaction)
{
    return sp->noted != transaction;
}


int
ks_last_try(const ks_space_t *sp)
{
    return sp->last_try;
}


int
ks_inside(const ks_space_t *sp)
{
    return sp->depth != 0;
}


int
ks_is_part(const ks_space_t *sp)
{
    return sp->depth > 1;
}


void
ks_come_again(ks_space_t *sp)
{
    longjmp(sp->jump, KS_AGAIN);
}


void
ks_abort(ks_space_t *sp)
{
    longjmp(sp->jump, KS_ABORTED);
}


/* Who runs what the upstream has sent has no expiry of its own. */

void
ks_bar(ks_space_t *sp, const ks_place_t *at)
{
    if ((ks_upstream_gate(sp) & KS_GATE_READONLY) && sp->expires != 0
        && sp->depth != 0 && !ks_shard_local(sp, at->shard))
    {
        sp->barred = 1;
        ks_abort(sp);
    }
}


int
ks_barred(const ks_space_t *sp)
{
    return sp->barred;
}


void
ks_part_begin(ks_space_t *sp)
{
    sp->depth++;
}


void
ks_part_end(ks_space_t *sp)
{
    sp->depth--;
}


uint64_t
ks_call_micros(ks_space_t *sp)
{
    struct timespec  ts;

    if (sp->call->micros == 0) {
        clock_gettime(CLOCK_REALTIME, &ts);
        sp->call->micros = (uint64_t) ts.tv_sec * 1000000
                           + (uint64_t) ts.tv_nsec / 1000;
    }

    return sp->call->micros;
}


ks_call_t *
ks_running(ks_space_t *sp)
{
    return sp->call;
}


void
ks_manner(ks_space_t *sp, int urgent, int quiet)
{
    sp->mem.urgent = (urgent != 0);
    sp->call->quiet = (quiet != 0);
}
