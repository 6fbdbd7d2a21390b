/*
 * Consumer groups: XCLAIM, XAUTOCLAIM.
 *
 * What is claimed is told as XCLAIM with the times and the counts that it has
 * come to, and what is not pending any more, because it was deleted, as XACK.
 */

#include "commands/ks_group_args.h"
#include "commands/ks_handlers.h"


#define KS_XAUTOCLAIM_COUNT     100
#define KS_XAUTOCLAIM_ATTEMPTS  10      /* looked at, for each of COUNT */

/* a claim, be it of entries that are named or of those that are found */
typedef struct {
    ks_grouped_t      o;
    const ks_str_t   *consumer;
    ks_consumer_t     who;
    int               made;             /* the consumer is new */
    int               told;             /* it was told of in an effect */

    int64_t           idle;             /* what is pending for less is not
                                           claimed */
    int64_t           time;             /* ms: delivered; -1: now */
    int64_t           retries;          /* -1: one more than before */
    unsigned          force:1;
    unsigned          justid:1;
    ks_stream_id_t    last;
} ks_claim_t;


/* --- what both do --- */

static int
ks_claim_idle(ks_ctx_t *c, const ks_str_t *arg, const char *command,
    ks_claim_t *x)
{
    if (ks_parse_int(arg, &x->idle) != KS_OK) {
        ks_reply_errorf(c->reply, "ERR Invalid min-idle-time argument for %s",
                        command);
        return KS_ERR;
    }

    x->idle = ks_max(x->idle, 0);

    return KS_OK;
}


static void
ks_claim_begin(ks_ctx_t *c, ks_claim_t *x)
{
    ks_effect_own(c->space);
    x->made = ks_group_join(c, &x->o, x->consumer, &x->who);
    x->told = 0;
}


static void
ks_claim_end(ks_ctx_t *c, ks_claim_t *x)
{
    if (x->made && !x->told) {
        ks_group_tell_consumer(c, &x->o, x->consumer);
    }

    ks_consumer_set(&x->o.v, &x->who);
    ks_group_close(&x->o);
}


/* Whether what is pending has not been for as long as it should. */

static inline int
ks_claim_early(ks_ctx_t *c, const ks_claim_t *x, const ks_pending_t *p)
{
    return x->idle && (int64_t) (ks_space_now(c->space) - p->delivered)
                      < x->idle;
}


/* The entry of it was deleted. */

static void
ks_claim_drop(ks_ctx_t *c, ks_claim_t *x, ks_pending_t *p)
{
    ks_pending_remove(&x->o.v, p);
    ks_group_tell_ack(c, &x->o, &p->id);
}


/* found: it is pending already */

static void
ks_claim_take(ks_ctx_t *c, ks_claim_t *x, ks_pending_t *p, int found)
{
    p->delivered = (uint64_t) x->time;

    if (x->retries >= 0) {
        p->count = (uint64_t) x->retries;

    } else if (!x->justid) {
        p->count++;
    }

    if (found) {
        ks_pending_set(&x->o.v, p, &x->who);

    } else {
        ks_pending_add(&x->o.v, &x->o.g, &x->who, &p->id, p->delivered,
                       p->count);
    }

    x->who.active = ks_space_now(c->space);
    x->told = 1;
    ks_group_tell_claim(c, &x->o, x->consumer, p);
}


/* --- XCLAIM --- */

/* The ids from argv[5] on; where the first argument is that is none. */

static int
ks_xclaim_ids(ks_ctx_t *c, int argc, const ks_str_t *argv, ks_stream_id_t *ids)
{
    int             i;
    ks_ctx_t        ask;
    ks_reply_why_t  why;

    ks_reply_why(&why);
    ask = *c;
    ask.reply = &why.reply;

    for (i = 5; i < argc; i++) {
        if (ks_arg_stream_id(&ask, &argv[i], 0, &ids[i]) != KS_OK) {
            break;
        }
    }

    return i;
}


static int
ks_xclaim_number(ks_ctx_t *c, const char *name, const ks_str_t *arg,
    int64_t *n)
{
    if (ks_parse_int(arg, n) == KS_OK) {
        return KS_OK;
    }

    ks_reply_errorf(c->reply, "ERR Invalid %s option argument for XCLAIM",
                    name);

    return KS_ERR;
}


/* one option, and what follows it if more is not 0; *i is the last of it */

static int
ks_xclaim_option(ks_ctx_t *c, const ks_str_t *argv, int *i, int more,
    ks_claim_t *x)
{
    int64_t          idle;
    const ks_str_t  *arg;

    arg = &argv[*i];

    if (ks_arg_is(arg, "force")) {
        x->force = 1;
        return KS_OK;
    }

    if (ks_arg_is(arg, "justid")) {
        x->justid = 1;
        return KS_OK;
    }

    if (more && ks_arg_is(arg, "idle")) {

        if (ks_xclaim_number(c, "IDLE", &argv[++*i], &idle) != KS_OK) {
            return KS_ERR;
        }

        x->time = (int64_t) (ks_space_now(c->space) - (uint64_t) idle);
        return KS_OK;
    }

    if (more && ks_arg_is(arg, "time")) {
        return ks_xclaim_number(c, "TIME", &argv[++*i], &x->time);
    }

    if (more && ks_arg_is(arg, "retrycount")) {
        return ks_xclaim_number(c, "RETRYCOUNT", &argv[++*i], &x->retries);
    }

    if (more && ks_arg_is(arg, "lastid")) {
        return ks_arg_stream_id(c, &argv[++*i], 0, &x->last);
    }

    ks_reply_errorf(c->reply, "ERR Unrecognized XCLAIM option '%.*s'",
                    (int) arg->len, (const char *) arg->data);

    return KS_ERR;
}


static void
ks_xclaim_one(ks_ctx_t *c, ks_claim_t *x, const ks_stream_id_t *id, size_t *n)
{
    int                found;
    ks_pending_t       p;
    ks_stream_entry_t  e;

    found = ks_pending_find(&x->o.v, &x->o.g, &p, id);

    if (!ks_stream_find(&x->o.v, &e, id)) {

        if (found) {
            ks_claim_drop(c, x, &p);
        }

        return;
    }

    if (!found) {

        if (!x->force) {
            return;
        }

        p.id = *id;
        p.count = 1;

    } else if (ks_claim_early(c, x, &p)) {
        return;
    }

    ks_claim_take(c, x, &p, found);
    ++*n;

    if (x->justid) {
        ks_reply_stream_id(c, id);

    } else {
        ks_reply_stream_entry(c, &x->o.v, &e);
    }
}


/* Those whose clocks are ahead have it delivered now. */

static void
ks_xclaim_time(ks_ctx_t *c, ks_claim_t *x)
{
    int64_t  now;

    now = (int64_t) ks_space_now(c->space);

    if (x->time < 0 || x->time > now) {
        x->time = now;
    }
}


void
ks_cmd_xclaim(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i, end;
    size_t           n;
    ks_claim_t       x;
    ks_stream_id_t  *ids;

    memset(&x, 0, sizeof(x));

    x.time = -1;
    x.retries = -1;
    x.consumer = &argv[3];

    if (ks_group_want(c, &x.o, &argv[1], &argv[2], "") != KS_OK
        || ks_claim_idle(c, &argv[4], "XCLAIM", &x) != KS_OK)
    {
        return;
    }

    ids = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_stream_id_t));
    end = ks_xclaim_ids(c, argc, argv, ids);

    for (i = end; i < argc; i++) {
        if (ks_xclaim_option(c, argv, &i, argc - i - 1, &x) != KS_OK) {
            return;
        }
    }

    ks_xclaim_time(c, &x);
    ks_claim_begin(c, &x);

    if (ks_stream_id_compare(&x.last, &x.o.g.last) > 0) {
        x.o.g.last = x.last;
        ks_group_set(&x.o.v, &x.o.g);
        ks_group_tell_last(c, &x.o);
    }

    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    for (n = 0, i = 5; i < end; i++) {
        ks_xclaim_one(c, &x, &ids[i], &n);
    }

    ks_reply_close(c->reply, n);
    ks_claim_end(c, &x);
}


/* --- XAUTOCLAIM --- */

/* ids that were found, in the arena; it grows */
typedef struct {
    ks_stream_id_t   *ids;
    size_t            n;
    size_t            room;
} ks_found_t;


static void
ks_found_add(ks_ctx_t *c, ks_found_t *f, const ks_stream_id_t *id)
{
    ks_stream_id_t  *ids;

    if (f->n == f->room) {
        f->room = ks_max(f->room * 2, (size_t) KS_XAUTOCLAIM_COUNT);
        ids = ks_arena_alloc(c->space, f->room * sizeof(ks_stream_id_t));

        if (f->n) {
            memcpy(ids, f->ids, f->n * sizeof(ks_stream_id_t));
        }

        f->ids = ids;
    }

    f->ids[f->n++] = *id;
}


static int
ks_xautoclaim_count(ks_ctx_t *c, const ks_str_t *arg, int64_t *count)
{
    if (ks_parse_int(arg, count) == KS_OK && *count >= 1
        && *count <= INT64_MAX / (int64_t) sizeof(ks_stream_id_t))
    {
        return KS_OK;
    }

    ks_reply_error(c->reply, "ERR COUNT must be > 0");

    return KS_ERR;
}


static int
ks_xautoclaim_options(ks_ctx_t *c, int argc, const ks_str_t *argv,
    ks_claim_t *x, int64_t *count)
{
    int  i;

    for (i = 6; i < argc; i++) {

        if (ks_arg_is(&argv[i], "justid")) {
            x->justid = 1;

        } else if (i + 1 < argc && ks_arg_is(&argv[i], "count")) {

            if (ks_xautoclaim_count(c, &argv[++i], count) != KS_OK) {
                return KS_ERR;
            }

        } else {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    return KS_OK;
}


/*
 * Claims, and says what and where to go on: 0-0 at the end.  Entries that are
 * passed over count, so that it does not take long.
 */

static void
ks_xautoclaim_walk(ks_ctx_t *c, ks_claim_t *x, int64_t count,
    ks_stream_id_t *at, ks_found_t *claimed, ks_found_t *deleted)
{
    int                more;
    int64_t            attempts;
    ks_pending_t       p;
    ks_stream_entry_t  e;

    attempts = count * KS_XAUTOCLAIM_ATTEMPTS;
    more = ks_pending_seek(&x->o.v, &x->o.g, NULL, &p, at);

    while (more && count && attempts--) {
        *at = p.id;

        if (!ks_stream_find(&x->o.v, &e, at)) {
            ks_claim_drop(c, x, &p);
            ks_found_add(c, deleted, at);
            count--;

        } else if (!ks_claim_early(c, x, &p)) {
            ks_claim_take(c, x, &p, 1);
            ks_found_add(c, claimed, at);
            count--;
        }

        more = ks_stream_id_incr(at)
               && ks_pending_seek(&x->o.v, &x->o.g, NULL, &p, at);
    }

    memset(at, 0, sizeof(ks_stream_id_t));

    if (more) {
        *at = p.id;
    }
}


static void
ks_xautoclaim_say(ks_ctx_t *c, const ks_claim_t *x, const ks_stream_id_t *at,
    const ks_found_t *claimed, const ks_found_t *deleted)
{
    size_t             i;
    ks_stream_entry_t  e;

    ks_reply_array(c->reply, 3);
    ks_reply_stream_id(c, at);
    ks_reply_array(c->reply, claimed->n);

    for (i = 0; i < claimed->n; i++) {

        if (x->justid) {
            ks_reply_stream_id(c, &claimed->ids[i]);

        } else {
            (void) ks_stream_find(&x->o.v, &e, &claimed->ids[i]);
            ks_reply_stream_entry(c, &x->o.v, &e);
        }
    }

    ks_reply_array(c->reply, deleted->n);

    for (i = 0; i < deleted->n; i++) {
        ks_reply_stream_id(c, &deleted->ids[i]);
    }
}


void
ks_cmd_xautoclaim(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t         count;
    ks_claim_t      x;
    ks_entry_t     *e;
    ks_found_t      claimed, deleted;
    ks_stream_id_t  at;

    memset(&x, 0, sizeof(x));
    memset(&claimed, 0, sizeof(claimed));
    memset(&deleted, 0, sizeof(deleted));

    count = KS_XAUTOCLAIM_COUNT;
    x.consumer = &argv[3];
    e = ks_read_key(c, &argv[1]);

    if (ks_claim_idle(c, &argv[4], "XAUTOCLAIM", &x) != KS_OK
        || ks_arg_stream_start(c, &argv[5], &at) != KS_OK
        || ks_xautoclaim_options(c, argc, argv, &x, &count) != KS_OK
        || ks_group_want_of(c, &x.o, e, &argv[1], &argv[2], "") != KS_OK)
    {
        return;
    }

    x.time = (int64_t) ks_space_now(c->space);
    x.retries = -1;

    ks_claim_begin(c, &x);
    ks_xautoclaim_walk(c, &x, count, &at, &claimed, &deleted);
    ks_claim_end(c, &x);
    ks_xautoclaim_say(c, &x, &at, &claimed, &deleted);
}
