/*
 * From the ring to the increment, and from one base to the next.
 *
 *   found     the files are what the zone says, or are to be written anew
 *   read      frames become bytes, as many as there are, or up to a cut
 *   written   by a thread; only one such job is under way
 *   synced    with the write (always), or by another thread, once a second
 *   cut       a base begins: all before it goes to the disk, and then the next
 *             increment is begun
 *   based     the base is complete, and the manifest is replaced
 *
 * Nothing of that has a timer while nothing is told: what is told wakes the
 * process, and so do its threads.
 */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "keyspace/ks_keyspace.h"
#include "persist/ks_appender_part.h"


#define KS_APPENDER_LEAST   (64u * 1024)        /* bytes that are read at
                                                   once */
#define KS_APPENDER_MOST    (1024u * 1024)
#define KS_APPENDER_SECOND  1000                /* ms */
#define KS_APPENDER_SLOW    2000                /* ms, of an fsync */

#define KS_APPENDER_TURNS   16                  /* writes, one after the
                                                   other */

#define KS_APPENDER_LOOK    5000                /* ms, after one of the
                                                   manifest */


/* --- from the ring --- */

/*
 * how much is read at once, so that the ring has room for what comes meanwhile
 */

static size_t
ks_appender_share(const ks_appender_t *a)
{
    size_t  share;

    share = (size_t) a->space->mem.zone->journal.size / 8;

    return ks_min(ks_max(share, (size_t) KS_APPENDER_LEAST),
                  (size_t) KS_APPENDER_MOST);
}


static void
ks_appender_read(ks_appender_t *a)
{
    int       rc;
    size_t    share;
    uint64_t  limit;

    limit = ks_min(ks_aof_head(a->space), a->cut);
    share = ks_appender_share(a);
    rc = KS_OK;

    while (a->fill.len < share) {
        rc = ks_journal_read(&a->space->mem, &a->cursor, limit);

        if (rc != KS_OK) {
            break;
        }

        rc = ks_wire_frame(&a->fill, a->cursor.frame, KS_TOLD_EFFECTS,
                           a->spot.length == 0 && a->fill.len == 0, NULL);

        if (rc != KS_OK) {
            break;
        }
    }

    if (rc == KS_ERR) {
        ks_appender_lost(a, "more was told at a time than the zone's ring holds"
                            ", and some of it is lost");

    } else if (rc == KS_NOMEM) {
        ks_appender_lost(a, "there is no memory");
        a->after = a->now + KS_APPENDER_RETRY;
    }
}


/* Frames without effects need no bytes. */

static void
ks_appender_pass(ks_appender_t *a, uint64_t at, size_t len)
{
    a->spot.at = at;
    a->spot.length += len;
    ks_aof_set_spot(a->space, &a->spot);
    ks_aof_set_floor(a->space, at);
}


/*
 * An fdatasync() that was asked for may end behind a write with one of its own,
 * which has come further.
 */

static void
ks_appender_synced(ks_appender_t *a, uint64_t at)
{
    if (at < a->synced) {
        return;
    }

    a->synced = at;

    if (ks_aof_whole(a->space)) {
        ks_aof_set_synced(a->space, at);
    }
}


/* While no base or snapshot is made a thread would only be waited for. */

static void
ks_appender_writes(ks_appender_t *a)
{
    if (ks_saver_idles(a->saver)) {
        ks_disk_do(a->writer, ks_appender_write, &a->append);

    } else {
        ks_disk_give(a->writer, ks_appender_write, &a->append);
    }
}


/* Nothing is on its way, so that the place is where the ring was read to. */

static void
ks_appender_give(ks_appender_t *a)
{
    ks_wire_t     free;
    ks_append_t  *w;

    w = &a->append;

    if (a->fill.len == 0) {

        if (a->cursor.at != a->spot.at) {
            ks_appender_pass(a, a->cursor.at, 0);

            if (!a->dirty && !a->syncs) {
                ks_appender_synced(a, a->spot.at);
            }
        }

        return;
    }

    free = w->bytes;
    w->bytes = a->fill;
    a->fill = free;
    a->fill.len = 0;

    w->fd = a->fd;
    w->offset = a->spot.length;
    w->at = a->cursor.at;
    w->sync = (a->conf->mode == KS_AOF_ALWAYS);
    w->stale = 0;

    ks_appender_writes(a);
}


static void
ks_appender_written(ks_appender_t *a, int err)
{
    ks_append_t  *w;

    w = &a->append;

    if (w->stale) {
        return;
    }

    if (err == 0) {
        a->fails = 0;
        ks_appender_pass(a, w->at, w->bytes.len);

        if (w->sync) {
            a->strikes = 0;
            ks_appender_synced(a, w->at);

        } else {
            a->dirty = 1;
        }

        if (a->err != 0 && !a->needed) {
            ks_appender_mended(a);
        }

        return;
    }

    ks_appender_fault(a, err, "writing");

    if (a->conf->lax) {
        ks_appender_lost(a, "some of it could not be written");
        a->after = a->now + ks_appender_pause(a->strikes++);
        return;
    }

    a->fails = 1;
    a->retry = a->now + KS_APPENDER_RETRY;
}


/* --- to the disk --- */

/*
 * After an error the kernel may have dropped what was written: nobody knows
 * what is on the disk.
 */

static void
ks_appender_asked(ks_appender_t *a, int err)
{
    a->syncs = 0;

    if (a->now >= a->asked + KS_APPENDER_SLOW) {
        ks_aof_count_delay(a->space);
    }

    if (err == 0) {
        a->strikes = 0;

        if (a->spot.number != 0 && a->sync.fd == a->fd) {
            ks_appender_synced(a, a->sync.at);
        }

        return;
    }

    ks_appender_fault(a, err, "fdatasync()");
    ks_appender_lost(a, "some of it may not have reached the disk");
    a->after = a->now + ks_appender_pause(a->strikes++);
}


/* in how many ms it is to be called again */

static uint64_t
ks_appender_syncs(ks_appender_t *a)
{
    uint64_t  due;

    if (!a->dirty || ks_disk_busy(a->syncer)
        || (a->conf->mode == KS_AOF_NO && !a->ends))
    {
        return KS_SAVER_SLEEP;
    }

    due = a->asked + KS_APPENDER_SECOND;

    if (a->conf->mode == KS_AOF_EVERYSEC && !a->ends && a->now < due
        && a->now >= a->asked)
    {
        return due - a->now;
    }

    ks_appender_ask(a);

    return KS_SAVER_SLEEP;
}


/* --- the ends of jobs --- */

static void
ks_appender_files_ended(ks_appender_t *a, int err)
{
    if (a->opens) {

        if (ks_appender_begun(a, err) != KS_OK) {
            a->cut = KS_APPENDER_UNCUT;
            ks_appender_failed(a, err, a->job.call);
        }

        return;
    }

    if (ks_appender_committed(a, err) == KS_OK) {
        ks_appender_complete(a);

    } else {
        ks_appender_failed(a, err, a->job.call);
    }
}


static int
ks_appender_ends(ks_appender_t *a)
{
    int  err, any;

    any = 0;

    if (ks_disk_take(a->writer, &err) == KS_OK) {
        ks_appender_written(a, err);
        any = 1;
    }

    if (ks_disk_take(a->syncer, &err) == KS_OK) {
        any = 1;

        if (a->syncs) {
            ks_appender_asked(a, err);

        } else {
            ks_appender_files_ended(a, err);
        }
    }

    return any;
}


/* --- running --- */

/* KS_AGAIN: they cannot be told from others at the moment. */

static int
ks_appender_take(ks_appender_t *a)
{
    int          rc;
    const char  *why;

    rc = ks_appender_find(a, &why);

    if (rc != KS_OK && rc != KS_NONE) {

        if (!a->told) {
            a->told = 1;
            ks_appender_log(a, KS_SAVER_ERROR, 0,
                            "the journal \"%s\" cannot be gone on with: %s",
                            a->conf->dir, a->manifest.fault);
        }

        ks_appender_fault(a, a->manifest.err ? a->manifest.err : EINVAL,
                          "reading the manifest");
        a->retry = a->now + KS_APPENDER_LOOK;
        return KS_AGAIN;
    }

    a->taken = 1;
    a->told = 0;
    a->cursor.at = a->spot.at;
    a->synced = a->spot.at;
    a->dirty = (rc == KS_OK);
    a->err = ks_aof_refuses(a->space);
    ks_hub_want(a->space, KS_TOLD_EFFECTS);

    if (rc == KS_OK) {
        ks_aof_set_floor(a->space, a->spot.at);
        ks_aof_set_files(a->space, a->files);

    } else if (why != NULL) {
        ks_appender_lost(a, why);

    } else {
        ks_appender_void(a);
    }

    return KS_OK;
}


/* Reads, if it is time to, and writes; whether there was anything. */

static int
ks_appender_appends(ks_appender_t *a)
{
    uint64_t  before;

    if (a->spot.number == 0 || ks_disk_busy(a->writer)
        || (a->fails && a->now < a->retry)
        || (a->now < a->rests && a->cut == KS_APPENDER_UNCUT))
    {
        return 0;
    }

    if (a->fails) {
        ks_appender_writes(a);
        return 1;
    }

    before = a->cursor.at;
    ks_appender_read(a);

    if (a->spot.number == 0) {
        return 0;
    }

    ks_appender_give(a);

    if (a->cursor.at == before) {

        if (a->err != 0 && !a->needed) {
            ks_appender_mended(a);
        }

        return 0;
    }

    if (a->conf->mode != KS_AOF_ALWAYS && !a->ends
        && ks_aof_head(a->space) - a->cursor.at < ks_appender_share(a))
    {
        a->rests = a->now + KS_APPENDER_REST;
    }

    return 1;
}


/* when it goes on by itself */

static uint64_t
ks_appender_due(const ks_appender_t *a)
{
    if (a->spot.number == 0 || ks_disk_busy(a->writer)) {
        return KS_SAVER_SLEEP;
    }

    if (a->fails) {
        return a->retry - ks_min(a->retry, a->now);
    }

    return a->now < a->rests ? a->rests - a->now : KS_SAVER_SLEEP;
}


/* when the saver is to be called, which may be busy with a snapshot */

static uint64_t
ks_appender_calls(const ks_appender_t *a)
{
    if (!ks_saver_idles(a->saver)) {
        return KS_SAVER_SLEEP;
    }

    if (ks_appender_wants(a)) {
        return 0;
    }

    return (a->needed || ks_aof_grown(a->space)) && a->now < a->after
           ? a->after - a->now : KS_SAVER_SLEEP;
}


uint64_t
ks_appender_run(ks_appender_t *a, uint64_t now)
{
    uint64_t  wait;
    unsigned  turns;

    a->now = now;
    ks_space_set_time(a->space, now);

    if (!ks_saver_acts(a->saver)) {
        return KS_SAVER_SLEEP;
    }

    if (!a->taken && now < a->retry) {
        return a->retry - now;
    }

    if (!a->taken && ks_appender_take(a) != KS_OK) {
        return KS_APPENDER_LOOK;
    }

    (void) ks_appender_ends(a);

    /* others have their turn, too: what the loop leaves is gone on with soon */

    for (turns = KS_APPENDER_TURNS; turns > 0; turns--) {
        if (!ks_appender_appends(a) || !ks_appender_ends(a)) {
            break;
        }
    }

    ks_appender_rewrites(a);
    wait = ks_appender_syncs(a);

    if (ks_appender_ends(a)) {
        return 0;
    }

    if (turns == 0) {
        return 0;
    }

    wait = ks_min(wait, ks_appender_due(a));

    return ks_min(wait, ks_appender_calls(a));
}


int
ks_appender_busy(const ks_appender_t *a)
{
    return ks_disk_busy(a->writer);
}


/* --- the end --- */

/* Nothing else has the zone, so nothing is told meanwhile. */

int
ks_appender_finish(ks_appender_t *a)
{
    uint64_t         wait, other;
    struct timespec  nap = { 0, 1000000 };

    a->ends = 1;

    for ( ;; ) {
        wait = ks_saver_run(a->saver, ks_clock());

        if (!ks_saver_acts(a->saver)) {
            return KS_NONE;
        }

        other = ks_appender_run(a, ks_clock());
        wait = ks_min(wait, other);

        if (a->taken && ks_aof_whole(a->space)
            && a->spot.at == ks_aof_head(a->space) && !a->dirty
            && !ks_disk_busy(a->syncer))
        {
            return KS_OK;
        }

        if (a->err != 0 || wait == KS_SAVER_SLEEP) {
            return KS_ERR;
        }

        if (wait != 0) {
            nanosleep(&nap, NULL);
        }
    }
}


static void
ks_appender_wait(ks_appender_t *a)
{
    int  err;

    if (ks_disk_wait(a->writer, &err) == KS_OK) {
        ks_appender_written(a, err);
    }

    if (ks_disk_wait(a->syncer, &err) != KS_OK) {
        return;
    }

    if (a->syncs) {
        ks_appender_asked(a, err);

    } else {
        ks_appender_files_ended(a, err);
    }
}


ks_appender_t *
ks_appender_open(ks_space_t *sp, const ks_appender_conf_t *conf,
    ks_saver_t *saver)
{
    ks_appender_t  *a;

    a = calloc(1, sizeof(ks_appender_t));

    if (a == NULL) {
        return NULL;
    }

    a->space = sp;
    a->conf = conf;
    a->saver = saver;
    a->fd = -1;
    a->cut = KS_APPENDER_UNCUT;

    a->writer = ks_disk_open(conf->done, conf->data);
    a->syncer = ks_disk_open(conf->done, conf->data);
    a->finisher = ks_disk_open(conf->done, conf->data);

    if (a->writer == NULL || a->syncer == NULL || a->finisher == NULL) {
        ks_appender_close(a);
        return NULL;
    }

    ks_appender_set_base(a);
    ks_saver_set_disk(saver, a->finisher);

    return a;
}


void
ks_appender_close(ks_appender_t *a)
{
    if (a->writer != NULL && a->syncer != NULL) {
        ks_appender_wait(a);
    }

    if (a->finisher != NULL) {
        ks_saver_set_base(a->saver, KS_SAVER_JOURNAL, NULL);
        ks_saver_set_disk(a->saver, NULL);
        ks_disk_close(a->finisher);
    }

    if (a->writer != NULL) {
        ks_disk_close(a->writer);
    }

    if (a->syncer != NULL) {
        ks_disk_close(a->syncer);
    }

    if (a->fd != -1) {
        (void) close(a->fd);
    }

    if (a->opens && a->job.fd != -1) {
        (void) close(a->job.fd);
    }

    ks_aof_manifest_free(&a->manifest);
    ks_aof_manifest_free(&a->job.manifest);
    ks_journal_done(&a->cursor);
    ks_wire_free(&a->fill);
    ks_wire_free(&a->append.bytes);
    free(a->path);
    free(a);
}
