/*
 * Rewriting: when a base is wanted, where the increments are cut for it, and
 * how it takes the place of all before.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "persist/ks_appender_part.h"


#define KS_APPENDER_AGAIN   20                  /* ms, more each time */
#define KS_APPENDER_TRIES   10


void
ks_appender_failed(ks_appender_t *a, int err, const char *why)
{
    ks_aof_state_t  st;

    ks_aof_ended(a->space, a->number, KS_ERR, a->now);
    ks_aof_state(ks_space_zone(a->space), &st);

    ks_appender_log(a, KS_SAVER_ERROR, err,
                    "the journal \"%s\" could not be rewritten: %s",
                    a->conf->dir, why);

    a->based = 0;
    a->tries = 0;
    a->after = a->now + ks_appender_pause((unsigned) st.failures);

    if (a->needed) {
        ks_appender_void(a);

        if (err != 0) {
            ks_appender_fault(a, err, "rewriting");
        }
    }
}


int
ks_appender_wants(const ks_appender_t *a)
{
    if (!a->taken || a->fails || a->cut != KS_APPENDER_UNCUT || a->opens
        || a->commits || a->based || a->bases)
    {
        return 0;
    }

    return ks_aof_wanted(a->space) > ks_aof_served(a->space)
           || (a->now >= a->after && (a->needed || ks_aof_grown(a->space)));
}


static void
ks_appender_wanted(void *data, ks_saver_want_t *want)
{
    ks_appender_t *a = data;

    char  name[KS_AOF_NAME];

    if (!ks_appender_wants(a)) {
        return;
    }

    (void) snprintf(name, sizeof(name), "appendonly.aof.%llu.base.rdb",
                    (unsigned long long) a->manifest.base + 1);

    free(a->path);
    a->path = ks_appender_path(a, name);

    if (a->path == NULL) {
        a->after = a->now + KS_APPENDER_RETRY;
        return;
    }

    a->number = ks_aof_wanted(a->space);
    a->bases = 1;

    if (a->tries == 0) {
        a->begun = a->now;
        ks_aof_begun(a->space, a->now);
    }

    want->path = a->path;
}


static void
ks_appender_base_begun(void *data, uint64_t at, uint64_t stream)
{
    ks_appender_t *a = data;

    (void) stream;

    a->cut = at;

    if (a->needed) {
        ks_appender_void(a);
        a->spot.at = at;
        a->cursor.at = at;
        ks_aof_set_floor(a->space, at);
    }
}


/* It is told when it was different at the last base. */

static void
ks_appender_newer(ks_appender_t *a, int newer)
{
    if (newer && !a->newer) {
        ks_appender_log(a, KS_SAVER_WARNING, 0,
                        "the journal \"%s\" has hashes whose fields expire: "
                        "only Redis 7.4 and later start from it", a->conf->dir);
    }

    a->newer = (newer != 0);
}


static void
ks_appender_base_ended(void *data, int rc, int err, const char *why,
    uint64_t size, int newer)
{
    ks_appender_t *a = data;

    a->bases = 0;

    if (rc == KS_OK) {
        ks_appender_newer(a, newer);
        a->based = (a->spot.number != 0 || a->cut != KS_APPENDER_UNCUT
                    || a->opens);
        a->size = size;
        return;
    }

    if (rc == KS_AGAIN && ++a->tries < KS_APPENDER_TRIES) {
        ks_appender_log(a, KS_SAVER_NOTICE, 0,
                        "the rewriting of the journal \"%s\" is begun anew: "
                        "%s", a->conf->dir, why);
        a->after = a->now + a->tries * KS_APPENDER_AGAIN;
        return;
    }

    ks_appender_failed(a, err, why);
}


/* All before the cut is in the increment, and on the disk, or of no use. */

static void
ks_appender_cuts(ks_appender_t *a)
{
    if (ks_disk_busy(a->writer) || a->fails) {
        return;
    }

    if (!a->needed) {

        if (a->spot.at != a->cut) {
            return;
        }

        if (a->dirty) {
            ks_appender_ask(a);
            return;
        }
    }

    if (ks_appender_begin(a, !a->needed) != KS_OK) {
        a->cut = KS_APPENDER_UNCUT;
        ks_appender_failed(a, ENOMEM, "there is no memory");
    }
}


void
ks_appender_complete(ks_appender_t *a)
{
    a->based = 0;
    a->tries = 0;

    if (a->spot.number == 0) {
        /* some of what is behind the base was lost meanwhile */
        return;
    }

    if (a->needed) {
        a->needed = 0;
        ks_aof_set_whole(a->space, 1);

        /* those who wait for the disk go by it from now on */

        if (!a->dirty && !a->syncs && !ks_disk_busy(a->writer)) {
            a->synced = a->spot.at;
        }

        ks_aof_set_synced(a->space, a->synced);
        ks_appender_mended(a);
    }

    ks_aof_ended(a->space, a->number, KS_OK, a->now);
    a->after = a->now;

    ks_appender_log(a, KS_SAVER_NOTICE, 0,
                    "the journal \"%s\" is rewritten: its base has %llu bytes, "
                    "%llu ms", a->conf->dir, (unsigned long long) a->size,
                    (unsigned long long) (a->now - ks_min(a->now, a->begun)));
}


void
ks_appender_rewrites(ks_appender_t *a)
{
    if (a->cut != KS_APPENDER_UNCUT && !a->opens
        && !ks_disk_busy(a->syncer))
    {
        ks_appender_cuts(a);
    }

    if (a->based && a->cut == KS_APPENDER_UNCUT && !a->opens && !a->commits
        && !ks_disk_busy(a->syncer) && ks_appender_commit(a) != KS_OK)
    {
        ks_appender_failed(a, ENOMEM, "there is no memory");
    }
}


void
ks_appender_set_base(ks_appender_t *a)
{
    a->base.wanted = ks_appender_wanted;
    a->base.begun = ks_appender_base_begun;
    a->base.ended = ks_appender_base_ended;
    a->base.data = a;

    ks_saver_set_base(a->saver, KS_SAVER_JOURNAL, &a->base);
}
