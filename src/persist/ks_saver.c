/*
 * How a snapshot comes to be, step by step.
 *
 *   waits     another process makes them; it is going to end (a reload)
 *   idle      until one is asked for, or enough has changed
 *   clears    the marks that one which was cut short has left
 *   begins    until it gets all locks at once
 *   writes    what it walks over, and between that the images that are told
 *   finishes  the file goes to the disk
 *
 * While little or nothing has changed no timer runs: the first change is told.
 * One that breaks is begun anew, some times; an error of the file ends it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bus/ks_ask.h"
#include "keyspace/ks_snapshot.h"
#include "persist/ks_rdb_file.h"
#include "persist/ks_saver.h"


#define KS_SAVER_WORK      1000000      /* ns that it works before it rests */
#define KS_SAVER_BUSY      1            /* ms, until a lock is tried again */
#define KS_SAVER_DISK      5            /* ms, until the file is there */
#define KS_SAVER_HEAR      (256u * 1024)        /* bytes, at once */

#define KS_SAVER_STEPS     16           /* of the walk, for each hearing */

#define KS_SAVER_LOOK      200          /* ms, until the other one has gone */
#define KS_SAVER_LOOK_SOON  10          /* the same, if there is a journal */
#define KS_SAVER_SOON      100          /* ms, to count what was told */
#define KS_SAVER_SELDOM    1000         /* ms, while too little changes */
#define KS_SAVER_AFTER     5000         /* ms, between an error and the next */
#define KS_SAVER_TRIES     10
#define KS_SAVER_AGAIN     20           /* ms between them, more each time */

/* for all locks at once, ms; more after some tries in vain */
#define KS_SAVER_PATIENCE       4
#define KS_SAVER_PATIENCE_LONG  40
#define KS_SAVER_PATIENT        50

#define KS_SAVER_TEXT      1024


typedef enum {
    KS_SAVER_WAITS = 0,
    KS_SAVER_IDLE,
    KS_SAVER_CLEARS,
    KS_SAVER_BEGINS,
    KS_SAVER_WRITES,
    KS_SAVER_FINISHES
} ks_saver_phase_t;

struct ks_saver_s {
    ks_space_t             *space;
    const ks_saver_conf_t  *conf;
    ks_saver_phase_t        phase;
    uint64_t                now;

    /* idle */
    uint64_t                seen;       /* changes, when it last looked */
    uint64_t                after;      /* not before that, ms */
    unsigned                told:1;     /* something has changed */
    unsigned                cut:1;      /* one is to be begun again, */
    uint64_t                again;      /* not before that, ms */

    /* the one that is made */
    uint64_t                number;     /* the questions that it answers */
    uint64_t                changes;
    uint64_t                cleared;
    unsigned                waited;     /* for all locks, how often */
    unsigned                try;
    ks_snapshot_t           snapshot;
    ks_rdb_file_t           file;
    const char             *path;
    unsigned                bases:1;    /* it is a base */
    uint64_t                since;      /* it is on its way to the disk, ns */

    const ks_saver_base_t  *base;       /* whose it is, if it is one */
    uint64_t                told_size;  /* of its bytes, how many were told */
    ks_saver_want_t         want;
    const ks_saver_base_t  *bases_of[KS_SAVER_BASES];   /* NULL: wants none */
    ks_disk_t              *disk;       /* NULL: it is waited for */

    unsigned                lossy:1;    /* was said */
    unsigned                left:1;     /* the same */
};


static void ks_saver_log(ks_saver_t *s, ks_saver_level_t level, int err,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));


void
ks_saver_say(ks_saver_log_pt log, void *data, ks_saver_level_t level, int err,
    const char *fmt, va_list args)
{
    char  text[KS_SAVER_TEXT];

    vsnprintf(text, sizeof(text), fmt, args);
    log(data, level, err, text);
}


static void
ks_saver_log(ks_saver_t *s, ks_saver_level_t level, int err, const char *fmt,
    ...)
{
    va_list  args;

    va_start(args, fmt);
    ks_saver_say(s->conf->log, s->conf->data, level, err, fmt, args);
    va_end(args);
}


static uint64_t
ks_saver_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* --- what is told to it --- */

static void
ks_saver_image(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    ks_saver_t *s = data;

    ks_image_head_t  head;

    (void) sp;

    memcpy(&head, record->data, sizeof(head));

    /* one that was given up may have left some */

    if (s->phase == KS_SAVER_WRITES && head.number == s->snapshot.number
        && !ks_snapshot_leaves(&s->snapshot, head.type))
    {
        s->snapshot.timed += head.timed;
        ks_rdb_file_put(&s->file, record->data + sizeof(head),
                        record->len - sizeof(head));
    }
}


static void
ks_saver_overtaken(ks_space_t *sp, void *data)
{
    ks_saver_t *s = data;

    if (s->phase == KS_SAVER_WRITES) {
        ks_snapshot_give_up(sp, 1);
    }
}


static void
ks_saver_told(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    ks_saver_t *s = data;

    (void) sp;
    (void) record;

    s->told = 1;
}


/* --- the end of an attempt --- */

/* Whoever has asked for it is told, and the others how it was. */

static void
ks_saver_ended(ks_saver_t *s, int good, uint64_t now)
{
    ks_str_t  none = { 0, NULL };

    ks_snapshot_ended(s->space, s->number, good, now, s->changes);

    if (!good) {
        s->after = now + KS_SAVER_AFTER;
    }

    ks_ask_all(s->space, KS_ASK_RESUME, &none);
}


static void
ks_saver_idle(ks_saver_t *s)
{
    s->phase = KS_SAVER_IDLE;
    s->seen = UINT64_MAX;
    s->told = 0;
}


static void
ks_saver_stop(ks_saver_t *s)
{
    ks_snapshot_give_up(s->space, 0);
    ks_snapshot_end(&s->snapshot);
    ks_hub_unwant(s->space, KS_TOLD_IMAGES);
}


/* Whoever wants a base knows when it is to be tried again. */

static void
ks_saver_base_ended(ks_saver_t *s, int rc, int err, const char *why)
{
    s->bases = 0;
    s->base->ended(s->base->data, rc, err, why, s->file.size, s->file.newer);
    ks_saver_idle(s);
}


/* to be begun anew; at last it is given up */

static void
ks_saver_broke(ks_saver_t *s)
{
    const char  *why;

    why = ks_snapshot_broken(s->space);
    ks_saver_stop(s);
    ks_rdb_file_drop(&s->file);

    if (s->bases) {
        ks_saver_base_ended(s, KS_AGAIN, 0, why);
        return;
    }

    if (s->try < KS_SAVER_TRIES) {
        ks_saver_log(s, KS_SAVER_NOTICE, 0,
                     "the snapshot \"%s\" is begun anew: %s", s->conf->path,
                     why);
        s->cut = 1;
        s->again = s->now + s->try * KS_SAVER_AGAIN;
        ks_saver_idle(s);
        return;
    }

    ks_saver_log(s, KS_SAVER_ERROR, 0,
                 "the snapshot \"%s\" could not be made in %d tries: %s",
                 s->conf->path, KS_SAVER_TRIES, why);
    ks_saver_ended(s, 0, s->now);
    ks_saver_idle(s);
}


/* the file, or this process, cannot go on */

static void
ks_saver_failed(ks_saver_t *s, int err, const char *call)
{
    if (s->bases) {
        ks_saver_stop(s);
        ks_rdb_file_drop(&s->file);
        ks_saver_base_ended(s, KS_ERR, err, call);
        return;
    }

    ks_saver_log(s, KS_SAVER_ERROR, err,
                 "the snapshot \"%s\" failed: %s; the last good one stays",
                 s->conf->path, call);
    ks_saver_stop(s);
    ks_rdb_file_drop(&s->file);
    ks_saver_ended(s, 0, s->now);
    ks_saver_idle(s);
}


/* --- waiting and idle --- */

static int
ks_saver_based(const ks_saver_t *s)
{
    unsigned  i;

    for (i = 0; i < KS_SAVER_BASES && s->bases_of[i] == NULL; i++) {
        /* void */
    }

    return i != KS_SAVER_BASES;
}


/* Whether anybody wants a base now; they take turns. */

static int
ks_saver_wanted(ks_saver_t *s)
{
    unsigned                i, first;
    const ks_saver_base_t  *base;

    for (first = 0; first < KS_SAVER_BASES - 1; first++) {
        if (s->bases_of[first] == s->base) {
            break;
        }
    }

    for (i = 1; i <= KS_SAVER_BASES; i++) {
        base = s->bases_of[(first + i) % KS_SAVER_BASES];

        if (base == NULL) {
            continue;
        }

        memset(&s->want, 0, sizeof(s->want));
        base->wanted(base->data, &s->want);

        if (s->want.path != NULL) {
            s->base = base;
            return 1;
        }
    }

    return 0;
}


static uint64_t
ks_saver_waits(ks_saver_t *s)
{
    int  cut;

    if (ks_snapshot_claim(s->space, s->conf->path != NULL, &cut) != KS_OK) {
        return ks_saver_based(s) ? KS_SAVER_LOOK_SOON : KS_SAVER_LOOK;
    }

    if (s->conf->path == NULL) {
        ks_saver_idle(s);
        return 0;
    }

    s->cut = (cut != 0);

    if (cut) {
        ks_saver_log(s, KS_SAVER_WARNING, 0,
                     "the process that made the snapshot \"%s\" ended amid it",
                     s->conf->path);
    }

    ks_saver_idle(s);

    return 0;
}


static uint64_t
ks_saver_start_base(ks_saver_t *s)
{
    s->path = s->want.path;
    s->bases = 1;
    s->cleared = 0;
    s->waited = 0;
    s->phase = KS_SAVER_CLEARS;

    return 0;
}


static uint64_t
ks_saver_start(ks_saver_t *s)
{
    s->path = s->conf->path;
    memset(&s->want, 0, sizeof(s->want));
    s->cut = 0;
    s->cleared = 0;
    s->waited = 0;
    s->number = ks_snapshot_wanted(s->space);
    s->try = ks_snapshot_begun(s->space, s->now);
    s->phase = KS_SAVER_CLEARS;
    ks_hub_unwant(s->space, KS_TOLD_SAVES);

    if (s->try > KS_SAVER_TRIES) {
        ks_saver_broke(s);
    }

    return 0;
}


/*
 * Too little has changed.  If it was no more than at the last look, the next
 * change is told; a transaction that has begun before may not do so, and is
 * counted when it has ended.
 */

static uint64_t
ks_saver_few(ks_saver_t *s)
{
    uint64_t  changes;

    changes = ks_changes(ks_space_zone(s->space));

    if (s->told || changes != s->seen) {
        s->seen = changes;
        ks_hub_unwant(s->space, KS_TOLD_SAVES);

        if (s->told) {
            s->told = 0;
            return KS_SAVER_SOON;
        }

        return KS_SAVER_SELDOM;
    }

    if (ks_hub_wants(s->space, KS_TOLD_SAVES)) {
        return KS_SAVER_SLEEP;
    }

    ks_hub_want(s->space, KS_TOLD_SAVES);
    ks_snapshot_barrier(s->space);

    return 0;
}


static uint64_t
ks_saver_looks(ks_saver_t *s)
{
    uint64_t             due;
    ks_snapshot_state_t  st;

    if (s->cut) {
        return s->now < s->again ? s->again - s->now : ks_saver_start(s);
    }

    if (s->conf->path != NULL
        && ks_snapshot_wanted(s->space) > ks_snapshot_served(s->space))
    {
        return ks_saver_start(s);
    }

    if (ks_saver_wanted(s)) {
        return ks_saver_start_base(s);
    }

    if (s->conf->path == NULL || s->conf->every == 0) {
        return KS_SAVER_SLEEP;
    }

    ks_snapshot_state(s->space, &st);

    if (st.changes < s->conf->changes) {
        return ks_saver_few(s);
    }

    ks_hub_unwant(s->space, KS_TOLD_SAVES);

    due = ks_max(st.last + s->conf->every, s->after);

    return s->now < due ? due - s->now : ks_saver_start(s);
}


/* --- making one --- */

static uint64_t
ks_saver_clears(ks_saver_t *s)
{
    int  rc;

    rc = ks_snapshot_clear(s->space, &s->cleared);

    if (rc != KS_NONE) {
        return rc == KS_AGAIN ? KS_SAVER_BUSY : 0;
    }

    memset(&s->snapshot, 0, sizeof(ks_snapshot_t));
    s->snapshot.space = s->space;
    s->snapshot.times = s->bases ? !(s->want.leaves & KS_LEAVES_TIMES)
                                 : s->conf->times;
    s->snapshot.leaves = s->want.leaves;
    s->phase = KS_SAVER_BEGINS;

    if (ks_rdb_file_begin(&s->file, s->path, s->want.id != NULL) != KS_OK) {
        ks_saver_failed(s, s->file.err, s->file.err ? s->file.call
                                                    : "there is no memory");
        return 0;
    }

    ks_hub_want(s->space, KS_TOLD_IMAGES);

    return 0;
}


static uint64_t
ks_saver_begins(ks_saver_t *s)
{
    int  rc;

    s->number = ks_snapshot_wanted(s->space);
    s->changes = ks_changes(ks_space_zone(s->space));

    rc = ks_snapshot_begin(&s->snapshot, s->waited++ < KS_SAVER_PATIENT
                                         ? KS_SAVER_PATIENCE
                                         : KS_SAVER_PATIENCE_LONG);

    if (rc == KS_AGAIN) {
        return KS_SAVER_BUSY;
    }

    if (rc != KS_OK) {
        ks_saver_failed(s, 0, "there is no memory");
        return 0;
    }

    if (s->bases) {
        s->base->begun(s->base->data, s->snapshot.at, s->snapshot.stream);
    }

    /* of a file that is read while it grows no byte may change */

    if (s->want.id != NULL && s->snapshot.times) {
        ks_rdb_file_newer(&s->file);
    }

    s->told_size = 0;
    s->phase = KS_SAVER_WRITES;
    ks_rdb_file_head(&s->file, s->now, s->snapshot.keys, s->snapshot.expires,
                     s->want.id, ks_primary_shown(s->space,
                                                  s->snapshot.stream));

    return 0;
}


/* What was told before is heard; the last images are among it. */

static void
ks_saver_completes(ks_saver_t *s)
{
    while (ks_hub_hear(s->space, KS_SAVER_HEAR) == KS_AGAIN) {
        ks_snapshot_beat(s->space);
    }

    if (ks_snapshot_complete(&s->snapshot) != KS_OK) {
        ks_saver_broke(s);
        return;
    }

    if (s->snapshot.times && s->snapshot.timed != 0) {
        ks_rdb_file_newer(&s->file);
    }

    ks_hub_unwant(s->space, KS_TOLD_IMAGES);
    s->phase = KS_SAVER_FINISHES;
}


/* Whoever wants the base is told that there is more of it. */

static void
ks_saver_grown(ks_saver_t *s)
{
    if (!s->bases || s->base->grown == NULL || s->file.size == s->told_size) {
        return;
    }

    s->told_size = s->file.size;
    s->base->grown(s->base->data, s->told_size);
}


/* some steps of the walk: images need not be heard between all of them */

static int
ks_saver_walks(ks_saver_t *s)
{
    int       rc;
    u_char   *p, *end;
    unsigned  i;

    rc = KS_OK;

    for (i = 0; rc == KS_OK && i < KS_SAVER_STEPS; i++) {
        p = ks_rdb_file_room(&s->file, KS_IMAGE_ROOM, &end);
        rc = ks_snapshot_step(&s->snapshot, &p, end);

        if (rc != KS_ERR) {
            ks_rdb_file_made(&s->file, p);
        }
    }

    return rc;
}


static uint64_t
ks_saver_writes(ks_saver_t *s)
{
    int  rc;

    if (ks_snapshot_between(&s->snapshot)) {
        (void) ks_hub_hear(s->space, KS_SAVER_HEAR);
    }

    rc = ks_saver_walks(s);

    if (s->file.err != 0) {
        ks_saver_failed(s, s->file.err, s->file.call);
        return 0;
    }

    ks_saver_grown(s);

    switch (rc) {

    case KS_NONE:
        ks_saver_completes(s);
        break;

    case KS_ERR:
        ks_saver_broke(s);
        break;

    case KS_NOMEM:
        ks_saver_failed(s, 0, "there is no memory");
        break;

    default:
        break;
    }

    return 0;
}


static void
ks_saver_lossy(ks_saver_t *s)
{
    if (s->snapshot.left != 0 && !s->left) {
        s->left = 1;
        ks_saver_log(s, KS_SAVER_WARNING, 0,
                     "%llu documents of JSON are not in the file \"%s\" for "
                     "replicas that do not know such",
                     (unsigned long long) s->snapshot.left, s->path);
    }

    /* the stream says to replicas when these end */

    if (s->snapshot.timed == 0 || s->snapshot.times || s->lossy
        || s->want.id != NULL)
    {
        return;
    }

    s->lossy = 1;
    ks_saver_log(s, KS_SAVER_WARNING, 0,
                 "the snapshot \"%s\" cannot say when fields expire, which "
                 "those of %llu hashes do: they stay for ever in it",
                 s->path, (unsigned long long) s->snapshot.timed);
}


static int
ks_saver_to_disk(void *data)
{
    return ks_rdb_file_finish(data) == KS_OK ? 0 : -1;
}


/* The thread of the disk, if there is one, has the file meanwhile. */

static int
ks_saver_on_disk(ks_saver_t *s, int *rc)
{
    if (s->disk == NULL) {
        *rc = ks_saver_to_disk(&s->file);
        return KS_OK;
    }

    if (!ks_disk_busy(s->disk)) {
        ks_disk_give(s->disk, ks_saver_to_disk, &s->file);
    }

    return ks_disk_take(s->disk, rc);
}


static void
ks_saver_finished(ks_saver_t *s, uint64_t now)
{
    ks_snapshot_state_t  st;

    ks_snapshot_state(s->space, &st);
    ks_saver_ended(s, 1, now);

    ks_saver_log(s, KS_SAVER_NOTICE, 0,
                 "the snapshot \"%s\" is complete: %llu keys, %llu bytes, "
                 "%llu ms", s->path,
                 (unsigned long long) s->snapshot.keys,
                 (unsigned long long) s->file.size,
                 (unsigned long long) (now - ks_min(now, st.begun)));
}


static uint64_t
ks_saver_finishes(ks_saver_t *s)
{
    int  rc;

    if (s->since == 0) {
        s->since = ks_saver_clock();
    }

    if (ks_saver_on_disk(s, &rc) != KS_OK) {
        return KS_SAVER_DISK;
    }

    if (rc != 0) {
        s->since = 0;
        ks_saver_failed(s, s->file.err, s->file.call);
        return 0;
    }

    if (!s->bases) {
        ks_saver_finished(s, s->now + (ks_saver_clock() - s->since) / 1000000);
    }

    s->since = 0;
    ks_saver_lossy(s);
    ks_snapshot_end(&s->snapshot);

    if (s->bases) {
        ks_saver_base_ended(s, KS_OK, 0, NULL);

    } else {
        ks_saver_idle(s);
    }

    return 0;
}


/* --- running --- */

static uint64_t
ks_saver_step(ks_saver_t *s)
{
    switch (s->phase) {

    case KS_SAVER_WAITS:
        return ks_saver_waits(s);

    case KS_SAVER_IDLE:
        return ks_saver_looks(s);

    case KS_SAVER_CLEARS:
        return ks_saver_clears(s);

    case KS_SAVER_BEGINS:
        return ks_saver_begins(s);

    case KS_SAVER_WRITES:
        return ks_saver_writes(s);

    default:
        return ks_saver_finishes(s);
    }
}


/* What is told matters only if it is of changes that are counted. */

static void
ks_saver_hears(ks_saver_t *s)
{
    if (ks_hub_wants(s->space, KS_TOLD_SAVES|KS_TOLD_IMAGES)) {
        (void) ks_hub_hear(s->space, KS_SAVER_HEAR);

    } else {
        ks_hub_skip(s->space);
    }
}


/* While others wait it does not rest, and for a replica not for long. */

uint64_t
ks_saver_run(ks_saver_t *s, uint64_t now)
{
    uint64_t          wait, until;
    ks_saver_phase_t  phase;

    s->now = now;
    ks_space_set_time(s->space, now);
    until = ks_saver_clock() + KS_SAVER_WORK;

    if (s->phase != KS_SAVER_WRITES) {
        ks_saver_hears(s);
    }

    do {
        phase = s->phase;

        if (phase > KS_SAVER_IDLE) {
            ks_snapshot_beat(s->space);
        }

        wait = ks_saver_step(s);

    } while (wait == 0 && phase != KS_SAVER_FINISHES
             && ks_saver_clock() < until);

    if (wait != 0 || s->phase != KS_SAVER_WRITES) {
        return wait;
    }

    if (ks_snapshot_hurry(&s->snapshot)) {
        return 0;
    }

    return s->want.id != NULL ? KS_SAVER_REST_BRIEF : KS_SAVER_REST;
}


ks_saver_t *
ks_saver_open(ks_space_t *sp, const ks_saver_conf_t *conf)
{
    ks_hub_t       *hub;
    ks_saver_t     *s;
    ks_listener_t   l;

    hub = ks_space_hub(sp);
    s = (hub != NULL) ? calloc(1, sizeof(ks_saver_t)) : NULL;

    if (s == NULL) {
        return NULL;
    }

    s->space = sp;
    s->conf = conf;
    s->file.fd = -1;

    memset(&l, 0, sizeof(ks_listener_t));
    l.data = s;
    l.record = ks_saver_image;
    l.overtaken = ks_saver_overtaken;
    ks_hub_listen(hub, KS_TOLD_IMAGES, &l);

    l.record = ks_saver_told;
    l.overtaken = NULL;
    ks_hub_listen(hub, KS_TOLD_SAVES, &l);

    return s;
}


void
ks_saver_set_base(ks_saver_t *s, ks_saver_whose_t whose,
    const ks_saver_base_t *base)
{
    if (base == NULL && s->bases && s->base == s->bases_of[whose]) {
        ks_saver_stop(s);
        ks_rdb_file_drop(&s->file);
        s->bases = 0;
        ks_saver_idle(s);
    }

    s->bases_of[whose] = base;
}


void
ks_saver_set_disk(ks_saver_t *s, ks_disk_t *disk)
{
    s->disk = disk;
}


int
ks_saver_acts(const ks_saver_t *s)
{
    return s->phase != KS_SAVER_WAITS;
}


int
ks_saver_idles(const ks_saver_t *s)
{
    return s->phase == KS_SAVER_IDLE && !s->cut;
}


void
ks_saver_close(ks_saver_t *s)
{
    int  rc;

    if (s->disk != NULL) {
        (void) ks_disk_wait(s->disk, &rc);
    }

    if (s->phase > KS_SAVER_IDLE) {
        ks_saver_stop(s);
        ks_rdb_file_drop(&s->file);
    }

    ks_rdb_file_close(&s->file);
    free(s);
}
