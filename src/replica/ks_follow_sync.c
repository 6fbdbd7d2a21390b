/*
 * All keys of the upstream, as a file that comes over the link: with its size
 * said before, or with a mark behind it that nobody can guess.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* memmem() */
#endif

#include "commands/ks_args.h"
#include "replica/ks_follow_in.h"


static int
ks_follow_shards(ks_follow_t *f, ks_body_pt body)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));

    call.now = f->now;
    call.shards = ks_all_shards(f->space) | ks_library_shard(f->space);
    call.urgent = 1;
    call.body = body;
    call.data = f;

    return ks_run(f->space, &call);
}


/* a command without keys, as one that the upstream has sent */

static int
ks_follow_command(ks_follow_t *f, const char *name, const char *sub)
{
    ks_str_t    argv[2];
    ks_ahead_t  a = ks_ahead(2, argv);

    argv[0] = ks_text(name);
    argv[1] = ks_text(sub);

    ks_reply_why(&f->reply);
    (void) ks_execute(&f->client, &a, &f->reply.reply);

    return f->reply.reply.failed ? KS_ERR : KS_OK;
}


/* --- in the place of what is there --- */

static void
ks_follow_empty(ks_space_t *sp, void *data)
{
    (void) data;

    ks_flush(sp);
    ks_upstream_void(sp);
    ks_effects_lose(sp);
}


static void
ks_follow_complete(ks_space_t *sp, void *data)
{
    ks_follow_t  *f;

    f = data;

    ks_upstream_begin(sp, f->replid, f->at);
    ks_effects_lose(sp);
}


int
ks_follow_sync_begin(ks_follow_t *f, uint64_t size)
{
    f->size = size;
    f->got = 0;
    f->nkept = 0;

    ks_upstream_set_loading(f->space, 1);

    if (ks_follow_shards(f, ks_follow_empty) != KS_OK
        || ks_follow_command(f, "FUNCTION", "FLUSH") != KS_OK)
    {
        ks_follow_sync_drop(f);
        return ks_follow_fail(f, "the zone cannot be emptied");
    }

    f->load = ks_follow_load_open(f->space, size);

    if (f->load == NULL) {
        ks_follow_sync_drop(f);
        return ks_follow_fail(f, "the process has no memory");
    }

    return KS_OK;
}


void
ks_follow_sync_drop(ks_follow_t *f)
{
    if (f->load != NULL) {
        ks_follow_load_close(f->load);
        f->load = NULL;
    }

    ks_upstream_loading(f->space, 0, 0);
    ks_upstream_set_loading(f->space, 0);
    (void) ks_upstream_judge(f->space, f->now);
}


/* --- its bytes --- */

static int
ks_follow_sync_bytes(ks_follow_t *f, const u_char *p, size_t n)
{
    int  rc;

    if (n == 0) {
        return KS_AGAIN;
    }

    f->got += n;
    rc = ks_follow_load_add(f->load, p, n);

    return rc == KS_ERR
           ? ks_follow_fail(f, "the upstream's file cannot be loaded: %s",
                            ks_follow_load_report(f->load)->err)
           : KS_AGAIN;
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
    const char  *err;

    if (ks_follow_load_finish(f->load) != KS_OK) {
        return ks_follow_fail(f, "the upstream's file cannot be loaded: %s",
                              ks_follow_load_report(f->load)->err);
    }

    if (ks_follow_load_libraries(f->load, f->space, &err) != KS_OK) {
        ks_follow_log(f, KS_FOLLOW_WARN, "a library of functions of the "
                      "upstream cannot be loaded: %s", err);
    }

    if (ks_follow_shards(f, ks_follow_complete) != KS_OK) {
        return ks_follow_fail(f, "the zone is full");
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
