/*
 * All keys of the upstream, as a file that comes over the link: with its size
 * said before, or with a mark behind it that nobody can guess.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* memmem() */
#endif

#include <stdio.h>

#include "commands/ks_args.h"
#include "keyspace/ks_keyspace.h"
#include "replica/ks_follow_in.h"


static int
ks_follow_shards(ks_follow_t *f, uint64_t more, ks_body_pt body)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));

    call.now = f->now;
    call.shards = ks_followed_shards(f->space) | ks_library_shard(f->space)
                  | more;
    call.urgent = 1;
    call.body = body;
    call.data = f;

    return ks_run(f->space, &call);
}


/*
 * The libraries of functions become those of the file; inside a body.  One that
 * cannot be loaded is missing.
 */

static void
ks_follow_libraries(ks_follow_t *f)
{
    ks_str_t             argv[4] = { ks_str("FUNCTION"), ks_str("FLUSH") };
    const ks_command_t  *cmd;

    ks_reply_why(&f->reply);
    cmd = ks_command_find(2, argv);

    if (cmd != NULL) {
        ks_perform(&f->client, cmd, 2, argv, &f->reply.reply);
    }

    f->wrong[0] = '\0';
    argv[1] = ks_text("LOAD");
    cmd = ks_command_find(3, argv);

    while (cmd != NULL && ks_follow_load_library(f->load, &argv[2])) {
        ks_reply_why(&f->reply);
        ks_perform(&f->client, cmd, 3, argv, &f->reply.reply);

        if (f->reply.reply.failed) {
            (void) snprintf(f->wrong, sizeof(f->wrong), "%.*s",
                            (int) f->reply.len, (char *) f->reply.text);
        }
    }

    ks_arena_reset(f->space);
}


/* --- in the place of what is there, or beside it --- */

static void
ks_follow_empty(ks_space_t *sp, void *data)
{
    ks_follow_holds(sp, data);
    ks_flush(sp);
    ks_upstream_void(sp);
    ks_effects_lose(sp);
}


/* may be left by longjmp and started again */

static void
ks_follow_complete(ks_space_t *sp, void *data)
{
    ks_follow_t  *f;

    f = data;

    ks_follow_holds(sp, f);
    ks_follow_load_first(f->load);
    ks_follow_libraries(f);
    ks_upstream_begin(sp, f->replid, f->at);
    ks_effects_lose(sp);

    if (f->spare != NULL) {
        ks_swap(sp);
    }
}


/*
 * Whether there is, for all that can be known, room for as much again: what is
 * there, and a twentieth.  With nothing there the two ways are the same.
 */

static int
ks_follow_beside(ks_follow_t *f)
{
    int              fits;
    uint64_t         data;
    ks_zone_t       *zone;
    ks_zone_stats_t  st;

    zone = ks_space_zone(f->space);
    ks_zone_stats(zone, &st);

    if (st.keys == 0) {
        return 0;
    }

    data = st.used - st.overhead;
    fits = !f->narrow && data + data / 20 < st.size - st.used;

    if (zone->nspares != 0 && fits) {
        return 1;
    }

    if (f->lacked != KS_FOLLOW_BYTES) {
        ks_follow_log(f, KS_FOLLOW_WARN, "the upstream's keys take the place "
                      "of those that are there while they come, and none is "
                      "read meanwhile, as the zone %s",
                      zone->nspares == 0 ? "was laid out without a place "
                      "beside them" : "has not enough room for both");
    }

    return 0;
}


static int
ks_follow_sync_place(ks_follow_t *f)
{
    f->spare = NULL;

    if (ks_follow_beside(f)) {
        ks_spares_drop(&f->space->mem);
        f->spare = ks_space_open_spare(ks_space_zone(f->space));
        return f->spare != NULL ? KS_OK : KS_NOMEM;
    }

    f->narrow = 0;
    ks_upstream_set_loading(f->space, 1);

    return ks_follow_shards(f, 0, ks_follow_empty);
}


int
ks_follow_sync_begin(ks_follow_t *f, uint64_t size)
{
    f->size = size;
    f->got = 0;
    f->nkept = 0;

    if (ks_follow_sync_place(f) != KS_OK) {
        ks_follow_sync_drop(f);
        return ks_follow_fail(f, "there is no memory to load its keys");
    }

    f->load = ks_follow_load_open(f->spare ? f->spare : f->space, size);

    if (f->load == NULL) {
        ks_follow_sync_drop(f);
        return ks_follow_fail(f, "the process has no memory");
    }

    return KS_OK;
}


/* What came beside the keys is void; or they have taken each other's place. */

void
ks_follow_sync_drop(ks_follow_t *f)
{
    if (f->load != NULL) {
        ks_follow_load_close(f->load);
        f->load = NULL;
    }

    if (f->spare != NULL) {
        ks_space_close(f->spare);
        f->spare = NULL;
        ks_let_go(f->space);
        ks_spares_drop(&f->space->mem);
    }

    ks_upstream_loading(f->space, 0, 0);
    ks_upstream_set_loading(f->space, 0);
    (void) ks_upstream_judge(f->space, f->now);
}


/* --- its bytes --- */

/*
 * What did not fit beside the keys that are there takes their place at the next
 * try: only what does not fit then, has no room.
 */

static int
ks_follow_sync_failed(ks_follow_t *f)
{
    const ks_load_report_t  *r;

    r = ks_follow_load_report(f->load);
    (void) ks_follow_fail(f, "the upstream's file cannot be loaded: %s",
                          r->err);

    if (!r->full) {
        return KS_ERR;
    }

    if (f->spare != NULL) {
        f->narrow = 1;
        return KS_ERR;
    }

    return ks_follow_no_room(f);
}


static int
ks_follow_sync_bytes(ks_follow_t *f, const u_char *p, size_t n)
{
    if (n == 0) {
        return KS_AGAIN;
    }

    f->got += n;

    return ks_follow_load_add(f->load, p, n) == KS_ERR
           ? ks_follow_sync_failed(f) : KS_AGAIN;
}


static int
ks_follow_sync_sized(ks_follow_t *f, const u_char *p, size_t n, size_t *used)
{
    *used = (size_t) ks_min((uint64_t) n, f->size - f->got);

    if (ks_follow_sync_bytes(f, p, *used) == KS_ERR) {
        return KS_ERR;
    }

    return f->got == f->size ? KS_OK : KS_AGAIN;
}


static int
ks_follow_sync_keep(ks_follow_t *f, const u_char *p, size_t n)
{
    size_t  kept;

    kept = ks_min(n, (size_t) KS_FOLLOW_MARK - 1);

    if (ks_follow_sync_bytes(f, p, n - kept) == KS_ERR) {
        return KS_ERR;
    }

    memcpy(f->kept, p + n - kept, kept);
    f->nkept = kept;

    return KS_AGAIN;
}


/* What may be the beginning of the mark is kept until it is known. */

static int
ks_follow_sync_marked(ks_follow_t *f, const u_char *p, size_t n, size_t *used)
{
    size_t         joined;
    u_char         joint[2 * KS_FOLLOW_MARK];
    const u_char  *at;

    joined = f->nkept + ks_min(n, (size_t) KS_FOLLOW_MARK);
    memcpy(joint, f->kept, f->nkept);
    memcpy(joint + f->nkept, p, joined - f->nkept);
    *used = n;

    at = memmem(joint, joined, f->mark, KS_FOLLOW_MARK);

    if (at != NULL) {
        *used = (size_t) (at - joint) + KS_FOLLOW_MARK - f->nkept;

        return ks_follow_sync_bytes(f, joint, (size_t) (at - joint)) == KS_ERR
               ? KS_ERR : KS_OK;
    }

    if (n < KS_FOLLOW_MARK) {
        return ks_follow_sync_keep(f, joint, joined);
    }

    if (ks_follow_sync_bytes(f, joint, f->nkept) == KS_ERR) {
        return KS_ERR;
    }

    f->nkept = 0;
    at = memmem(p, n, f->mark, KS_FOLLOW_MARK);

    if (at == NULL) {
        return ks_follow_sync_keep(f, p, n);
    }

    *used = (size_t) (at - p) + KS_FOLLOW_MARK;

    return ks_follow_sync_bytes(f, p, (size_t) (at - p)) == KS_ERR ? KS_ERR
                                                                   : KS_OK;
}


/* --- its end --- */

static void
ks_follow_sync_said(ks_follow_t *f)
{
    char                     left[512];
    const ks_load_report_t  *r;

    r = ks_follow_load_report(f->load);

    if (r->nleft != 0) {
        (void) ks_load_left(r, left, sizeof(left));
        ks_follow_log(f, KS_FOLLOW_WARN, "left out of the upstream's file: %s",
                      left);
    }

    ks_follow_log(f, KS_FOLLOW_NOTICE, "all keys of the upstream are loaded: "
                  "%llu keys, %llu bytes", (unsigned long long) r->keys,
                  (unsigned long long) f->got);
}


static int
ks_follow_sync_end(ks_follow_t *f)
{
    int  rc;

    if (ks_follow_load_finish(f->load) != KS_OK) {
        return ks_follow_sync_failed(f);
    }

    rc = ks_follow_shards(f, f->spare != NULL
                             ? ks_spares_mask(ks_space_zone(f->space)) : 0,
                          ks_follow_complete);
    ks_upstream_show(f->space);

    if (rc != KS_OK) {
        return ks_follow_undone(f);
    }

    if (f->wrong[0] != '\0') {
        ks_follow_log(f, KS_FOLLOW_WARN, "a library of functions of the "
                      "upstream cannot be loaded: %s", f->wrong);
    }

    ks_follow_sync_said(f);
    ks_follow_sync_drop(f);

    return KS_OK;
}


int
ks_follow_sync_add(ks_follow_t *f, const u_char *p, size_t n, size_t *used)
{
    int  rc;

    ks_space_set_expiry(f->space, 0);

    rc = f->size ? ks_follow_sync_sized(f, p, n, used)
                 : ks_follow_sync_marked(f, p, n, used);

    ks_upstream_loading(f->space, f->size, f->got);

    if (rc == KS_OK) {
        rc = ks_follow_sync_end(f);
    }

    ks_let_go(f->space);
    ks_space_set_expiry(f->space, 1);

    return rc;
}
