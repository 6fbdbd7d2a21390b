/*
 * The commands of an append-only file, from its beginning to its end.
 *
 * They are read as long as they are at hand, up to a number of them; then they
 * are run, before their bytes move.  A transaction of the file is read from its
 * beginning until it is whole.
 */

#include <stdlib.h>

#include "persist/ks_aof_in.h"


#define KS_AOF_TRIES   1000             /* to find a command in an argument */


/* --- its end --- */

/*
 * Whether an argument that reaches behind the end of the file holds commands:
 * then its length is wrong, rather than the end missing.
 */

static int
ks_aof_swallows(ks_aof_replay_t *rp)
{
    unsigned            tries;
    ks_aof_reader_t    *r;
    ks_aof_command_t   *c;

    r = &rp->reader;

    for (tries = 0; tries < KS_AOF_TRIES; tries++) {
        if (ks_aof_reader_inside(r) != KS_OK) {
            return 0;
        }

        c = &r->commands[r->n - 1];

        if (ks_command_find(c->argc, ks_aof_args(r, c)) != NULL) {
            return 1;
        }
    }

    return 0;
}


static int
ks_aof_torn(ks_aof_replay_t *rp, uint64_t offset)
{
    if (!rp->options.last) {
        return ks_aof_fail(rp, offset, "the file ends too early, and is not "
                           "the last one: a command");
    }

    if (ks_aof_swallows(rp)) {
        return ks_aof_fail(rp, offset, "an argument reaches behind the end of "
                           "the file, but commands follow it: a command");
    }

    rp->done->torn = rp->options.size - offset;
    rp->done->torn_at = offset;
    rp->ended = 1;

    return KS_OK;
}


/* Wrong bytes, or what a disk that has lost its power has in their place. */

static int
ks_aof_damaged(ks_aof_replay_t *rp, uint64_t offset)
{
    uint64_t          at;
    ks_aof_reader_t  *r;

    r = &rp->reader;

    if (r->fault == NULL) {
        return ks_aof_fail(rp, offset, "%s", r->source.err);
    }

    at = ks_source_offset(&r->source);

    if (rp->options.last && ks_aof_reader_blank(r) == 1) {
        return ks_aof_torn(rp, offset);
    }

    return ks_aof_fail(rp, at, "%s", r->fault);
}


/* --- batches --- */

static int
ks_aof_bounds(ks_aof_replay_t *rp)
{
    const ks_aof_command_t  *c;

    c = &rp->reader.commands[rp->reader.n - 1];

    if (c->argc != 1) {
        return KS_OK;
    }

    if (ks_aof_is(rp, c, "MULTI")) {
        if (rp->multi != KS_AOF_NONE) {
            return ks_aof_fail(rp, c->offset, "MULTI inside of a transaction");
        }

        rp->multi = rp->reader.n - 1;

    } else if (ks_aof_is(rp, c, "EXEC")) {
        if (rp->multi == KS_AOF_NONE) {
            return ks_aof_fail(rp, c->offset, "EXEC without MULTI");
        }

        rp->exec = rp->reader.n - 1;
        return KS_NONE;
    }

    return KS_OK;
}


/* KS_OK: there are enough commands; else what has ended them. */

static int
ks_aof_gather(ks_aof_replay_t *rp)
{
    int               rc;
    ks_aof_reader_t  *r;

    r = &rp->reader;
    rp->multi = KS_AOF_NONE;
    rp->exec = KS_AOF_NONE;
    ks_aof_reader_drop(r);

    do {
        rc = ks_aof_reader_next(r);

        if (rc == KS_OK) {
            rc = ks_aof_bounds(rp);

        } else if (rc == KS_NONE && !ks_aof_reader_ended(r)) {
            rc = KS_OK;
        }

    } while (rc == KS_OK
             && (r->n < KS_AOF_BATCH || rp->multi != KS_AOF_NONE));

    return rc;
}


/*
 * What is to be read once more, from the beginning of a transaction or of a
 * record, needs more bytes: at least twice as many, so that all of what is read
 * again is no more than what there is.
 */

static int
ks_aof_more(ks_aof_replay_t *rp, uint64_t offset)
{
    size_t            goal;
    ks_source_t      *s;

    s = &rp->reader.source;

    if (s->in.rest == 0) {
        return ks_aof_torn(rp, offset);
    }

    if (rp->multi != KS_AOF_NONE) {
        ks_aof_reader_back(&rp->reader, rp->multi);
    }

    goal = 2 * (size_t) (s->in.end - s->in.p);

    do {
        if (ks_source_more(s) != KS_OK) {
            return ks_aof_fail(rp, offset, "%s", s->err);
        }
    } while ((size_t) (s->in.end - s->in.p) < goal && s->in.rest > 0);

    return KS_OK;
}


static int
ks_aof_batch(ks_aof_replay_t *rp)
{
    int               rc;
    size_t            multi;
    uint64_t          offset;
    ks_aof_reader_t  *r;

    r = &rp->reader;
    rc = ks_aof_gather(rp);
    multi = rp->multi;

    rp->multi = KS_AOF_NONE;

    if (rp->report->err[0] != '\0'
        || ks_aof_run_plain(rp, multi == KS_AOF_NONE ? r->n : multi) != KS_OK)
    {
        return KS_ERR;
    }

    rp->multi = multi;

    if (rc == KS_OK || rp->exec != KS_AOF_NONE) {
        return rc == KS_OK ? KS_OK : ks_aof_run_whole(rp);
    }

    offset = multi == KS_AOF_NONE ? r->offset : r->commands[multi].offset;

    if (rc == KS_NONE && multi == KS_AOF_NONE) {
        rp->ended = 1;
        return KS_OK;
    }

    return rc == KS_ERR ? ks_aof_damaged(rp, offset)
                        : ks_aof_more(rp, offset);
}


/* --- the file --- */

ks_aof_replay_t *
ks_aof_replay_open(ks_space_t *sp, const ks_aof_replay_options_t *options,
    ks_aof_replayed_t *done, ks_load_report_t *report)
{
    ks_aof_replay_t  *rp;

    rp = calloc(1, sizeof(ks_aof_replay_t));

    if (rp == NULL) {
        return NULL;
    }

    rp->space = sp;
    rp->options = *options;
    rp->done = done;
    rp->report = report;

    rp->reader.source.read = options->read;
    rp->reader.source.data = options->data;
    rp->reader.source.jump = &rp->jump;
    ks_aof_reader_open(&rp->reader, options->from, options->size);

    if (sp != NULL) {
        ks_client_init(&rp->client, sp, &ks_user_default);
        rp->client.quiet = 1;
        rp->client.obeys = 1;
        ks_space_set_expiry(sp, 0);
    }

    return rp;
}


void
ks_aof_replay_close(ks_aof_replay_t *rp)
{
    ks_aof_reader_close(&rp->reader);
    free(rp->todo);
    free(rp);
}


int
ks_aof_replay_step(ks_aof_replay_t *rp, uint64_t bytes)
{
    int           rc;
    uint64_t      goal;
    ks_source_t  *s;

    s = &rp->reader.source;

    if (rp->report->err[0] != '\0') {
        return KS_ERR;
    }

    if (setjmp(rp->jump) != 0) {
        if (rp->space != NULL) {
            ks_let_go(rp->space);
        }

        return ks_aof_fail(rp, rp->reader.offset, "%s", s->err);
    }

    rp->now = ks_clock();
    goal = ks_source_offset(s) + bytes;
    rc = KS_OK;

    while (rc == KS_OK && !rp->ended && ks_source_offset(s) < goal) {
        rc = ks_aof_batch(rp);
    }

    if (rp->space != NULL) {
        ks_let_go(rp->space);
    }

    rp->report->loaded = rp->ended ? rp->options.size : ks_source_offset(s);
    rp->done->stamp = rp->reader.stamp;

    return rc != KS_OK ? KS_ERR : rp->ended ? KS_OK : KS_AGAIN;
}
