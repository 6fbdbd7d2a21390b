/*
 * Consumer groups: XREADGROUP.
 *
 * What a consumer is given, or gives itself once more, is told as XCLAIM, and
 * how far its group is as XGROUP SETID.
 */

#include "commands/ks_group_args.h"
#include "commands/ks_handlers.h"


#define KS_ERR_XREADGROUP_ID                                                  \
    "ERR The %c ID is meaningless in the context of XREADGROUP: you want to " \
    "read the history of this consumer by specifying a proper ID, or use "    \
    "the > ID to get new messages. The %c ID would just return an empty "     \
    "result set."

#define KS_XREADGROUP_TOLD  64          /* ids in one effect */

/* one of its streams, while it is read */
typedef struct {
    ks_ctx_t            *c;
    const ks_xread_t    *x;
    ks_grouped_t         o;
    ks_consumer_t        who;
    ks_stream_id_t       id;            /* behind it; the highest: ">" */
    int                  made;          /* the consumer is new */
    int                  claimed;       /* something was told of it */
    int                  ntold;
    ks_stream_id_t       told[KS_XREADGROUP_TOLD];
} ks_xgread_t;


/* --- arguments --- */

static int
ks_xgread_id(ks_ctx_t *c, const ks_str_t *arg, ks_stream_id_t *id)
{
    *id = (ks_stream_id_t) KS_STREAM_ID_MAX;

    if (arg->len == 1 && arg->data[0] == '>') {
        return KS_OK;
    }

    if (arg->len == 1 && (arg->data[0] == '$' || arg->data[0] == '+')) {
        ks_reply_errorf(c->reply, KS_ERR_XREADGROUP_ID, arg->data[0],
                        arg->data[0]);
        return KS_ERR;
    }

    return ks_arg_stream_id(c, arg, 0, id);
}


/* Whether it is of history, and not of what is new. */

static int
ks_xgread_history(const ks_xgread_t *r)
{
    return (r->id.ms & r->id.seq) != UINT64_MAX;
}


/* All groups have to be there before anything happens. */

static int
ks_xgread_look(ks_ctx_t *c, const ks_xread_t *x, const ks_str_t *argv,
    ks_xgread_t *r)
{
    int  i;

    for (i = 0; i < x->n; i++) {
        if (ks_group_want(c, &r->o, &argv[x->keys + i], &x->names[0],
                          " in XREADGROUP with GROUP option")
            != KS_OK
            || ks_xgread_id(c, &argv[x->keys + x->n + i], &r->id) != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* The stream number i once more: those before it may have changed it. */

static void
ks_xgread_open(ks_ctx_t *c, const ks_xread_t *x, const ks_str_t *argv, int i,
    ks_xgread_t *r)
{
    const ks_str_t  *key;

    if (x->n > 1) {
        key = &argv[x->keys + i];
        r->o.key = key;
        ks_value_open(c->space, key,
                      ks_lookup(c->space, key, KS_LOOKUP_PEEK), &r->o.v);
        (void) ks_group_find(&r->o.v, &r->o.g, r->o.name);
        (void) ks_xgread_id(c, &argv[x->keys + x->n + i], &r->id);
    }

    r->c = c;
    r->x = x;
    r->claimed = 0;
    r->ntold = 0;
    r->made = ks_group_join(c, &r->o, &x->names[1], &r->who);
}


/* --- effects --- */

static void
ks_xgread_flush(ks_xgread_t *r)
{
    ks_pending_t  p;

    if (r->ntold) {
        p.delivered = ks_space_now(r->c->space);
        p.count = 1;
        ks_group_tell_claims(r->c, &r->o, &r->x->names[1], &p, r->ntold,
                             r->told);
        r->claimed = 1;
        r->ntold = 0;
    }
}


static void
ks_xgread_tell(ks_xgread_t *r, const ks_stream_id_t *id)
{
    if (!ks_effects_told(r->c->space)) {
        return;
    }

    if (r->ntold == KS_XREADGROUP_TOLD) {
        ks_xgread_flush(r);
    }

    r->told[r->ntold++] = *id;
}


/* --- reading --- */

/* what has been delivered to it, and is pending still */

static void
ks_xgread_say_history(ks_xgread_t *r)
{
    int                more;
    size_t             n;
    ks_ctx_t          *c;
    ks_pending_t       p;
    ks_stream_id_t     start;
    ks_stream_entry_t  e;

    c = r->c;
    start = r->id;
    (void) ks_stream_id_incr(&start);
    more = ks_pending_seek(&r->o.v, &r->o.g, &r->who, &p, &start);

    for (n = 0; more && (r->x->count == 0 || n < r->x->count); n++) {

        if (ks_stream_find(&r->o.v, &e, &p.id)) {
            ks_reply_stream_entry(c, &r->o.v, &e);
            p.delivered = ks_space_now(c->space);
            p.count++;
            ks_pending_set(&r->o.v, &p, NULL);
            ks_group_tell_claim(c, &r->o, &r->x->names[1], &p);
            r->claimed = 1;

        } else {
            ks_reply_array(c->reply, 2);
            ks_reply_stream_id(c, &p.id);
            ks_reply_null_array(c->reply);
        }

        more = ks_pending_next(&r->o.v, &p);
    }

    ks_reply_close(c->reply, n);
}


/* The first entry that the group has not been given; 0: there is none. */

static int
ks_xgread_seek(const ks_xgread_t *r, ks_stream_entry_t *e)
{
    ks_stream_id_t  start;

    start = r->o.g.last;

    return ks_stream_id_incr(&start) && ks_stream_seek(&r->o.v, e, &start);
}


static void
ks_xgread_say_new(ks_xgread_t *r, ks_stream_entry_t *e)
{
    int       more;
    size_t    n;
    uint64_t  now;

    now = ks_space_now(r->c->space);
    more = 1;

    for (n = 0; more && (r->x->count == 0 || n < r->x->count); n++) {
        ks_reply_stream_entry(r->c, &r->o.v, e);
        (void) ks_group_advance(&r->o.v, &r->o.g, &e->id);

        if (!r->x->noack) {
            ks_pending_give(&r->o.v, &r->o.g, &r->who, &e->id, now);
            r->who.active = now;
            ks_xgread_tell(r, &e->id);
        }

        more = ks_stream_next(&r->o.v, e);
    }

    ks_group_set(&r->o.v, &r->o.g);
    ks_reply_close(r->c->reply, n);

    ks_xgread_flush(r);
    ks_group_tell_last(r->c, &r->o);
}


/* Reads one stream, and says it as the next of the reply; 0: it has nothing. */

static int
ks_xgread_one(ks_xgread_t *r, int first)
{
    int                ready, history;
    ks_reply_t        *reply;
    ks_stream_entry_t  e;

    reply = r->c->reply;
    history = ks_xgread_history(r);
    ready = history || ks_xgread_seek(r, &e);

    if (ready) {

        if (first) {
            ks_reply_deferred(reply, reply->resp3 ? KS_AGG_MAP : KS_AGG_ARRAY);
        }

        ks_xread_stream(r->c, r->o.key);
        ks_reply_deferred(reply, KS_AGG_ARRAY);

        if (history) {
            ks_xgread_say_history(r);

        } else {
            ks_xgread_say_new(r, &e);
        }
    }

    if (r->made && !r->claimed) {
        ks_group_tell_consumer(r->c, &r->o, &r->x->names[1]);
    }

    ks_consumer_set(&r->o.v, &r->who);
    ks_group_close(&r->o);

    return ready;
}


void
ks_cmd_xreadgroup(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    size_t       n;
    ks_xread_t   x;
    ks_xgread_t  r;

    if (ks_arg_xread(c, argc, argv, 1, &x) != KS_OK
        || ks_xgread_look(c, &x, argv, &r) != KS_OK)
    {
        return;
    }

    ks_effect_own(c->space);

    for (n = 0, i = 0; i < x.n; i++) {
        ks_xgread_open(c, &x, argv, i, &r);
        n += (size_t) ks_xgread_one(&r, n == 0);
    }

    if (n != 0) {
        ks_reply_close(c->reply, n);

    } else {
        ks_xread_block(c, argc, argv, &x);
    }
}
