/*
 * Files for replicas, one after the other.
 *
 *   idle     until a replica asks for one
 *   waits    the saver is going to make it
 *   makes    it has begun: whoever asks now has a part in it, and may read it
 *            while it grows
 *   keeps    it is there, until all have opened it
 */

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "keyspace/ks_keyspace.h"
#include "replica/ks_syncer.h"


#define KS_SYNCER_SUFFIX  ".rdb"
#define KS_SYNCER_PATH    4096
#define KS_SYNCER_TEXT    512

#define KS_SYNCER_TRIES   10
#define KS_SYNCER_AGAIN   20            /* ms between them, more each time */
#define KS_SYNCER_AFTER   5000          /* ms, behind an error */
#define KS_SYNCER_KEEP    1000          /* ms, for others who may ask */
#define KS_SYNCER_LOOK    200           /* ms, while there is a file */


typedef enum {
    KS_SYNCER_IDLE = 0,
    KS_SYNCER_WAITS,
    KS_SYNCER_MAKES,
    KS_SYNCER_KEEPS
} ks_syncer_phase_t;

struct ks_syncer_s {
    ks_space_t              *space;
    const ks_syncer_conf_t  *conf;
    ks_saver_t              *saver;
    ks_saver_base_t          base;
    ks_syncer_phase_t        phase;
    uint64_t                 now;
    unsigned                 taken:1;   /* this process makes them */
    unsigned                 tries;
    uint64_t                 after;     /* none is begun before that, ms */
    uint64_t                 since;     /* it was begun, or is complete, ms */

    /* the file */
    uint64_t                 number;
    unsigned                 leaves;
    uint64_t                 at;
    uint64_t                 offset;
    uint64_t                 size;
    ks_primary_state_t       about;     /* whose id it has */
    char                     path[KS_SYNCER_PATH];
};


static void ks_syncer_log(ks_syncer_t *s, ks_saver_level_t level, int err,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));


static void
ks_syncer_log(ks_syncer_t *s, ks_saver_level_t level, int err, const char *fmt,
    ...)
{
    char     text[KS_SYNCER_TEXT];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    s->conf->log(s->conf->data, level, err, text);
}


int
ks_syncer_path(const char *prefix, uint64_t number, char *path, size_t room)
{
    int  n;

    n = snprintf(path, room, "%s%llu" KS_SYNCER_SUFFIX, prefix,
                 (unsigned long long) number);

    return (n < 0 || (size_t) n >= room) ? KS_ERR : KS_OK;
}


/* --- rows --- */

/* A row that is in that state, and for a file of this kind; or NULL. */

static ks_replica_row_t *
ks_syncer_row(const ks_syncer_t *s, unsigned i, ks_replica_state_t state)
{
    ks_replica_row_t  *r;

    r = ks_primary_row(s->space, i);

    return (r != NULL
            && __atomic_load_n(&r->state, __ATOMIC_ACQUIRE)
               == (uint32_t) state)
           ? r : NULL;
}


/* The first that asks for a file, of whatever kind; NULL: nobody does. */

static const ks_replica_row_t *
ks_syncer_asked(const ks_syncer_t *s)
{
    unsigned                 i;
    const ks_replica_row_t  *r;

    for (r = NULL, i = 0; r == NULL && i < KS_REPLICAS; i++) {
        r = ks_syncer_row(s, i, KS_REPLICA_ASKS);
    }

    return r;
}


/*
 * Those who ask for such a file have a part in this one; but whoever wants the
 * file alone wants what was there when it asked (fresh).
 */

static void
ks_syncer_join(ks_syncer_t *s, int fresh)
{
    unsigned           i;
    ks_replica_row_t  *r;

    for (i = 0; i < KS_REPLICAS; i++) {
        r = ks_syncer_row(s, i, KS_REPLICA_ASKS);

        if (r != NULL && r->leaves == s->leaves && (fresh || !r->only)) {
            r->file = s->number;
            r->at = s->at;
            r->offset = s->offset;
            __atomic_store_n(&r->size, s->size, __ATOMIC_RELEASE);

            (void) ks_replica_turn(s->space, i, KS_REPLICA_ASKS,
                                   s->phase == KS_SYNCER_KEEPS
                                   ? KS_REPLICA_READY : KS_REPLICA_MAKES);
            ks_primary_wake(s->space, r);
        }
    }
}


/* Those who have a part in the file are in another state. */

static void
ks_syncer_turn(ks_syncer_t *s, ks_replica_state_t before,
    ks_replica_state_t state)
{
    unsigned           i;
    ks_replica_row_t  *r;

    for (i = 0; i < KS_REPLICAS; i++) {
        r = ks_syncer_row(s, i, before);

        if (r != NULL) {
            __atomic_store_n(&r->size, s->size, __ATOMIC_RELEASE);
            (void) ks_replica_turn(s->space, i, before, state);
            ks_primary_wake(s->space, r);
        }
    }
}


/* Whether somebody has yet to open it. */

static int
ks_syncer_needed(const ks_syncer_t *s)
{
    unsigned  i;

    for (i = 0; i < KS_REPLICAS; i++) {
        if (ks_syncer_row(s, i, KS_REPLICA_READY) != NULL) {
            return 1;
        }
    }

    return 0;
}


/* --- the base --- */

static void
ks_syncer_wanted(void *data, ks_saver_want_t *want)
{
    ks_syncer_t *s = data;

    const ks_replica_row_t  *r;

    if (s->phase != KS_SYNCER_IDLE || !s->taken || s->now < s->after) {
        return;
    }

    r = ks_syncer_asked(s);

    if (r == NULL) {
        return;
    }

    s->number = ks_primary_file(s->space);
    s->leaves = r->leaves;
    s->size = 0;

    if (ks_syncer_path(s->conf->prefix, s->number, s->path, KS_SYNCER_PATH)
        != KS_OK)
    {
        return;
    }

    ks_primary_settings(ks_space_zone(s->space), &s->about);

    s->phase = KS_SYNCER_WAITS;
    s->since = ks_clock();

    want->path = s->path;
    want->leaves = s->leaves;
    want->id = s->about.id;
}


static void
ks_syncer_begun(void *data, uint64_t at, uint64_t stream)
{
    ks_syncer_t *s = data;

    s->phase = KS_SYNCER_MAKES;
    s->size = 0;
    s->at = at;
    s->offset = stream;

    ks_syncer_join(s, 1);
}


/* Those who read it meanwhile are told, with how much of it there is. */

static void
ks_syncer_grown(void *data, uint64_t size)
{
    ks_syncer_t *s = data;

    unsigned           i;
    ks_replica_row_t  *r;

    s->size = size;

    for (i = 0; i < KS_REPLICAS; i++) {
        r = ks_syncer_row(s, i, KS_REPLICA_MAKES);

        if (r != NULL) {
            __atomic_store_n(&r->size, size, __ATOMIC_RELEASE);
            ks_primary_wake(s->space, r);
        }
    }
}


static void
ks_syncer_ended(void *data, int rc, int err, const char *why, uint64_t size,
    int newer)
{
    ks_syncer_t *s = data;

    (void) newer;

    if (rc == KS_OK) {
        s->phase = KS_SYNCER_KEEPS;
        s->size = size;
        s->tries = 0;

        ks_syncer_log(s, KS_SAVER_NOTICE, 0,
                      "a file for replicas is complete: %llu bytes, %llu ms",
                      (unsigned long long) size,
                      (unsigned long long) (ks_clock() - s->since));

        s->since = ks_clock();
        ks_syncer_turn(s, KS_REPLICA_MAKES, KS_REPLICA_READY);
        return;
    }

    s->phase = KS_SYNCER_IDLE;

    if (rc == KS_AGAIN && ++s->tries < KS_SYNCER_TRIES) {
        ks_syncer_log(s, KS_SAVER_NOTICE, 0,
                      "a file for replicas is begun anew: %s", why);
        s->after = s->now + s->tries * KS_SYNCER_AGAIN;
        ks_syncer_turn(s, KS_REPLICA_MAKES, KS_REPLICA_ASKS);
        return;
    }

    ks_syncer_log(s, KS_SAVER_ERROR, err,
                  "a file for replicas could not be made: %s; those that wait "
                  "for it are let go", why);
    s->tries = 0;
    s->after = s->now + KS_SYNCER_AFTER;
    ks_syncer_turn(s, KS_REPLICA_ASKS, KS_REPLICA_FAILED);
    ks_syncer_turn(s, KS_REPLICA_MAKES, KS_REPLICA_FAILED);
}


/* --- files that are left --- */

static void
ks_syncer_drop(ks_syncer_t *s)
{
    (void) unlink(s->path);
    s->phase = KS_SYNCER_IDLE;
}


/*
 * What a process that was killed has left goes, and whoever waits for that asks
 * again.
 */

static void
ks_syncer_clean(ks_syncer_t *s)
{
    DIR            *dir;
    char            path[KS_SYNCER_PATH], *name;
    size_t          len;
    struct dirent  *de;

    (void) snprintf(path, sizeof(path), "%s", s->conf->prefix);
    name = strrchr(path, '/');

    if (name == NULL) {
        return;
    }

    *name++ = '\0';
    len = strlen(name);
    dir = opendir(path);

    while (dir != NULL && (de = readdir(dir)) != NULL) {
        if (strncmp(de->d_name, name, len) == 0) {
            (void) unlinkat(dirfd(dir), de->d_name, 0);
        }
    }

    if (dir != NULL) {
        (void) closedir(dir);
    }

    s->size = 0;
    ks_syncer_turn(s, KS_REPLICA_MAKES, KS_REPLICA_ASKS);
    ks_syncer_turn(s, KS_REPLICA_READY, KS_REPLICA_ASKS);
}


/* --- running --- */

/* Whether the ring has room yet for what comes while the file is sent. */

static int
ks_syncer_young(const ks_syncer_t *s)
{
    const ks_journal_t  *j;

    j = &s->space->mem.zone->journal;

    return s->now - s->since < KS_SYNCER_KEEP
           && __atomic_load_n(&j->head, __ATOMIC_RELAXED) - s->at
              <= j->size / 4;
}


static uint64_t
ks_syncer_keeps(ks_syncer_t *s)
{
    if (ks_syncer_young(s)) {
        ks_syncer_join(s, 0);
        return KS_SYNCER_LOOK;
    }

    if (ks_syncer_needed(s)) {
        return KS_SYNCER_LOOK;
    }

    ks_syncer_drop(s);

    return ks_syncer_asked(s) != NULL ? 0 : KS_SAVER_SLEEP;
}


uint64_t
ks_syncer_run(ks_syncer_t *s, uint64_t now)
{
    s->now = now;

    if (!ks_saver_acts(s->saver) || !ks_primary_on(s->space)) {
        return KS_SAVER_SLEEP;
    }

    if (!s->taken) {
        s->taken = 1;
        ks_syncer_clean(s);
    }

    switch (s->phase) {

    case KS_SYNCER_KEEPS:
        return ks_syncer_keeps(s);

    case KS_SYNCER_MAKES:
        ks_syncer_join(s, 0);
        return KS_SAVER_SLEEP;

    case KS_SYNCER_IDLE:
        break;

    default:
        return KS_SAVER_SLEEP;
    }

    if (ks_syncer_asked(s) == NULL || !ks_saver_idles(s->saver)) {
        return KS_SAVER_SLEEP;
    }

    return now < s->after ? s->after - now : 0;
}


ks_syncer_t *
ks_syncer_open(ks_space_t *sp, const ks_syncer_conf_t *conf,
    ks_saver_t *saver)
{
    ks_syncer_t  *s;

    s = calloc(1, sizeof(ks_syncer_t));

    if (s == NULL) {
        return NULL;
    }

    s->space = sp;
    s->conf = conf;
    s->saver = saver;

    s->base.wanted = ks_syncer_wanted;
    s->base.begun = ks_syncer_begun;
    s->base.grown = ks_syncer_grown;
    s->base.ended = ks_syncer_ended;
    s->base.data = s;

    ks_saver_set_base(saver, KS_SAVER_REPLICAS, &s->base);

    return s;
}


void
ks_syncer_close(ks_syncer_t *s)
{
    ks_saver_set_base(s->saver, KS_SAVER_REPLICAS, NULL);

    if (s->phase == KS_SYNCER_KEEPS) {
        ks_syncer_drop(s);
    }

    free(s);
}
