/*
 * Streams: XRANGE, XREVRANGE, XREAD.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_stream_args.h"


/* --- XRANGE, XREVRANGE --- */

/* COUNT; *count -1: none is given. */

static int
ks_xrange_count(ks_ctx_t *c, int argc, const ks_str_t *argv, int64_t *count)
{
    int  i;

    *count = -1;

    for (i = 4; i < argc; i += 2) {

        if (i + 1 == argc || !ks_arg_is(&argv[i], "count")) {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }

        if (ks_arg_int(c, &argv[i + 1], count, NULL) != KS_OK) {
            return KS_ERR;
        }

        *count = ks_max(*count, 0);
    }

    return KS_OK;
}


static void
ks_xrange(ks_ctx_t *c, int argc, ks_str_t *argv, int back)
{
    int64_t          count;
    ks_entry_t      *e;
    ks_value_t       v;
    ks_stream_id_t   start, end;

    if (ks_arg_stream_start(c, &argv[back ? 3 : 2], &start) != KS_OK
        || ks_arg_stream_end(c, &argv[back ? 2 : 3], &end) != KS_OK
        || ks_xrange_count(c, argc, argv, &count) != KS_OK
        || ks_read_value(c, &argv[1], KS_TYPE_STREAM, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_reply_array(c->reply, 0);

    } else if (count == 0) {
        ks_reply_null_array(c->reply);

    } else {
        (void) ks_reply_stream_range(c, &v, &start, &end,
                                     count < 0 ? 0 : (uint64_t) count, back);
    }
}


void
ks_cmd_xrange(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_xrange(c, argc, argv, 0);
}


void
ks_cmd_xrevrange(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_xrange(c, argc, argv, 1);
}


/* --- XREAD --- */

/* one of its streams */
typedef struct {
    unsigned           last:1;          /* its id is "$" */
    unsigned           ready:1;         /* it has entries behind the id */
    ks_stream_id_t     id;
} ks_xread_one_t;


/* The id in front of the last entry, or of all that there will be. */

static void
ks_xread_before_last(const ks_value_t *v, ks_stream_id_t *id)
{
    ks_stream_head_t   head;
    ks_stream_entry_t  e;

    *id = (ks_stream_id_t) KS_STREAM_ID_MAX;

    if (ks_stream_seek_back(v, &e, id)) {
        *id = e.id;

    } else {
        ks_stream_head(v, &head);
        *id = head.last;
    }

    (void) ks_stream_id_decr(id);
}


/* The id behind which entries are read; v NULL: there is no stream. */

static int
ks_xread_id(ks_ctx_t *c, const ks_str_t *arg, const ks_value_t *v,
    ks_xread_one_t *one)
{
    ks_stream_head_t  head;

    one->last = (arg->len == 1 && arg->data[0] == '$');

    if (one->last || (arg->len == 1 && arg->data[0] == '+')) {
        memset(&one->id, 0, sizeof(ks_stream_id_t));

        if (v != NULL && one->last) {
            ks_stream_head(v, &head);
            one->id = head.last;

        } else if (v != NULL) {
            ks_xread_before_last(v, &one->id);
        }

        return KS_OK;
    }

    if (arg->len == 1 && arg->data[0] == '>') {
        ks_reply_error(c->reply, "ERR The > ID can be specified only when "
                       "calling XREADGROUP using the GROUP <group> <consumer> "
                       "option.");
        return KS_ERR;
    }

    return ks_arg_stream_id(c, arg, 0, &one->id);
}


/* The first entry behind an id; 0: there is none. */

static int
ks_xread_seek(const ks_value_t *v, const ks_stream_id_t *id,
    ks_stream_entry_t *e)
{
    ks_stream_id_t  start;

    start = *id;

    return ks_stream_id_incr(&start) && ks_stream_seek(v, e, &start);
}


/* Looks all streams up; how many are ready, or KS_ERR. */

static int
ks_xread_look(ks_ctx_t *c, const ks_xread_t *x, const ks_str_t *argv,
    ks_xread_one_t *ones)
{
    int                i, n;
    ks_entry_t        *e;
    ks_value_t         v;
    ks_stream_entry_t  at;

    for (n = 0, i = 0; i < x->n; i++) {

        if (ks_read_value(c, &argv[x->keys + i], KS_TYPE_STREAM, &e, &v)
            != KS_OK
            || ks_xread_id(c, &argv[x->keys + x->n + i], e ? &v : NULL,
                           &ones[i])
               != KS_OK)
        {
            return KS_ERR;
        }

        ones[i].ready = e != NULL && !ones[i].last
                        && ks_xread_seek(&v, &ones[i].id, &at);
        n += ones[i].ready;
    }

    return n;
}


/* As in Redis, each is looked up once more, and may be missed once more. */

static void
ks_xread_say(ks_ctx_t *c, const ks_xread_t *x, const ks_str_t *key,
    const ks_xread_one_t *one)
{
    size_t             n;
    ks_entry_t        *e;
    ks_value_t         v;
    ks_stream_id_t     end = KS_STREAM_ID_MAX;
    ks_stream_entry_t  at;

    e = ks_lookup(c->space, key, KS_LOOKUP_READ);

    if (!one->ready) {
        return;
    }

    ks_value_open(c->space, key, e, &v);
    (void) ks_xread_seek(&v, &one->id, &at);

    ks_xread_stream(c, key);
    ks_reply_deferred(c->reply, KS_AGG_ARRAY);
    n = ks_reply_stream_from(c, &v, &at, &end, x->count);
    ks_reply_close(c->reply, n);
}


/* What is run again has ids in the place of "$". */

static void
ks_xread_wait(ks_ctx_t *c, int argc, const ks_str_t *argv,
    const ks_xread_t *x, const ks_xread_one_t *ones)
{
    int        i;
    ks_str_t  *args;

    args = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_str_t));
    memcpy(args, argv, (size_t) argc * sizeof(ks_str_t));

    for (i = 0; i < x->n; i++) {
        if (ones[i].last) {
            args[x->keys + x->n + i] = ks_stream_id_str(c->space, &ones[i].id);
        }
    }

    ks_xread_block(c, argc, args, x);
}


void
ks_cmd_xread(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i, n;
    ks_xread_t       x;
    ks_xread_one_t  *ones;

    if (ks_arg_xread(c, argc, argv, 0, &x) != KS_OK) {
        return;
    }

    ones = ks_arena_alloc(c->space, (size_t) x.n * sizeof(ks_xread_one_t));
    n = ks_xread_look(c, &x, argv, ones);

    if (n == KS_ERR) {
        return;
    }

    if (n != 0) {
        ks_xread_begin(c, (size_t) n);
    }

    for (i = 0; i < x.n; i++) {
        ks_xread_say(c, &x, &argv[x.keys + i], &ones[i]);
    }

    if (n == 0) {
        ks_xread_wait(c, argc, argv, &x, ones);
    }
}
