/*
 * Lists: both ends, places in between, ranges.
 */

#include "commands/ks_list_args.h"
#include "commands/ks_handlers.h"


#define KS_LPOS_RANK  "ERR RANK can't be zero: use 1 to start from the "      \
                      "first match, 2 from the second ... or use negative "   \
                      "to start from the end of the list"

typedef struct {
    int       end;              /* where the search starts */
    int       all;              /* COUNT was given: the reply is an array */
    int64_t   rank;             /* of the first match to be told, from 1 */
    int64_t   count;            /* 0: all */
    int64_t   maxlen;           /* 0: all */
} ks_lpos_t;


/* --- what list commands share --- */

int
ks_list_end(ks_ctx_t *c, const ks_str_t *arg, int *end)
{
    if (ks_arg_is(arg, "left")) {
        *end = KS_LIST_HEAD;
        return KS_OK;
    }

    if (ks_arg_is(arg, "right")) {
        *end = KS_LIST_TAIL;
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


void
ks_list_give(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e, ks_value_t *v,
    int end, int n, const ks_str_t *s)
{
    int     i;
    size_t  bytes;

    for (bytes = 0, i = 0; i < n; i++) {
        bytes += s[i].len;
    }

    if (e == NULL) {
        ks_value_create(c->space, key, NULL, KS_TYPE_LIST, KS_ENC_LISTPACK,
                        bytes + (size_t) n, KS_NO_EXPIRE, v);
    }

    ks_list_expect(v, (size_t) n, bytes);

    for (i = 0; i < n; i++) {
        ks_list_push(v, end, &s[i]);
    }
}


/* the end of changes that removed or replaced elements */

static void
ks_list_done(ks_value_t *v)
{
    ks_list_shrunk(v);
    (void) ks_value_close(v);
}


void
ks_list_pop(ks_ctx_t *c, ks_value_t *v, int end, uint32_t n)
{
    uint32_t   i;
    ks_pos_t   pos;
    ks_item_t  it;

    ks_list_from(v, &pos, end, 0);

    for (i = 0; i < n; i++) {
        if (i != 0) {
            (void) ks_list_step(v, &pos, end);
        }

        it = ks_value_item(v, &pos, 0);
        ks_reply_item(c, &it);
    }

    if (n == 1) {
        ks_list_remove_at(v, &pos);

    } else {
        ks_list_cut(v, end, n);
    }

    ks_event(c->space, KS_NOTIFY_LIST, ks_list_popped(end), v->name);
    ks_list_done(v);
}


/*
 * Indices as Redis understands them -> the rank of the first one and how many
 * there are.
 */

static uint32_t
ks_list_range(const ks_value_t *v, int64_t start, int64_t stop,
    uint32_t *first)
{
    int64_t  len;

    len = ks_value_count(v);

    start = (start < 0) ? ks_max(start + len, 0) : start;
    stop = (stop < 0) ? stop + len : ks_min(stop, len - 1);

    *first = 0;

    if (start > stop || start >= len) {
        return 0;
    }

    *first = (uint32_t) start;

    return (uint32_t) (stop - start + 1);
}


/* --- the ends --- */

static void
ks_push(ks_ctx_t *c, int argc, ks_str_t *argv, int end, int create)
{
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_write_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL && !create) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    ks_list_give(c, &argv[1], e, &v, end, argc - 2, &argv[2]);
    ks_event(c->space, KS_NOTIFY_LIST, ks_list_pushed(end), &argv[1]);
    ks_reply_integer(c->reply, ks_value_count(&v));
    (void) ks_value_close(&v);
}


void
ks_cmd_lpush(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_push(c, argc, argv, KS_LIST_HEAD, 1);
}


void
ks_cmd_rpush(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_push(c, argc, argv, KS_LIST_TAIL, 1);
}


void
ks_cmd_lpushx(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_push(c, argc, argv, KS_LIST_HEAD, 0);
}


void
ks_cmd_rpushx(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_push(c, argc, argv, KS_LIST_TAIL, 0);
}


/* LPOP and RPOP with a count */

static void
ks_pop_count(ks_ctx_t *c, ks_str_t *argv, int end)
{
    int64_t      n;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_arg_within(c, &argv[2], 0, &n, KS_ERR_POSITIVE) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_reply_null_array(c->reply);
        return;
    }

    n = ks_min(n, (int64_t) ks_value_count(&v));
    ks_reply_array(c->reply, (size_t) n);

    if (n != 0) {
        ks_list_pop(c, &v, end, (uint32_t) n);
    }
}


static void
ks_pop(ks_ctx_t *c, int argc, ks_str_t *argv, int end)
{
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_unlikely(argc > 3)) {
        ks_error_arity(c);
        return;
    }

    if (argc == 3) {
        ks_pop_count(c, argv, end);
        return;
    }

    if (ks_write_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    ks_list_pop(c, &v, end, 1);
}


void
ks_cmd_lpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_pop(c, argc, argv, KS_LIST_HEAD);
}


void
ks_cmd_rpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_pop(c, argc, argv, KS_LIST_TAIL);
}


void
ks_cmd_llen(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_LIST, &e, &v) == KS_OK) {
        ks_reply_integer(c->reply, e ? ks_value_count(&v) : 0);
    }
}


/* --- one place --- */

void
ks_cmd_lindex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t      index;
    ks_pos_t     pos;
    ks_item_t    it;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    if (ks_arg_int(c, &argv[2], &index, NULL) != KS_OK) {
        return;
    }

    if (!ks_list_at(&v, &pos, index)) {
        ks_reply_null(c->reply);
        return;
    }

    it = ks_value_item(&v, &pos, 0);
    ks_reply_item(c, &it);
}


void
ks_cmd_lset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t      index;
    ks_pos_t     pos;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_write_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_error(c->reply, KS_ERR_NOKEY);
        return;
    }

    if (ks_arg_int(c, &argv[2], &index, NULL) != KS_OK) {
        return;
    }

    if (!ks_list_at(&v, &pos, index)) {
        ks_reply_error(c->reply, "ERR index out of range");
        return;
    }

    ks_list_expect(&v, 1, argv[3].len);
    ks_list_set(&v, &pos, &argv[3]);
    ks_event(c->space, KS_NOTIFY_LIST, "lset", &argv[1]);
    ks_list_done(&v);
    ks_reply_ok(c->reply);
}


void
ks_cmd_linsert(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          behind;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    behind = ks_arg_is(&argv[2], "after");

    if (!behind && !ks_arg_is(&argv[2], "before")) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (ks_write_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    ks_list_expect(&v, 1, argv[4].len);

    if (!ks_list_insert(&v, &argv[3], behind, &argv[4])) {
        ks_reply_integer(c->reply, -1);
        return;
    }

    ks_event(c->space, KS_NOTIFY_LIST, "linsert", &argv[1]);
    ks_reply_integer(c->reply, ks_value_count(&v));
    (void) ks_value_close(&v);
}


/* --- ranges --- */

void
ks_cmd_lrange(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t      start, stop;
    uint32_t     first, n;
    ks_pos_t     pos;
    ks_item_t    it;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_arg_int(c, &argv[2], &start, NULL) != KS_OK
        || ks_arg_int(c, &argv[3], &stop, NULL) != KS_OK
        || ks_read_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK)
    {
        return;
    }

    first = 0;
    n = e ? ks_list_range(&v, start, stop, &first) : 0;
    ks_reply_array(c->reply, n);

    if (n == 0) {
        return;
    }

    ks_list_from(&v, &pos, KS_LIST_HEAD, first);

    do {
        it = ks_value_item(&v, &pos, 0);
        ks_reply_item(c, &it);
    } while (--n != 0 && ks_value_next(&v, &pos));
}


void
ks_cmd_ltrim(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t      start, stop;
    uint32_t     first, n, len;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_arg_int(c, &argv[2], &start, NULL) != KS_OK
        || ks_arg_int(c, &argv[3], &stop, NULL) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK)
    {
        return;
    }

    ks_reply_ok(c->reply);

    if (e == NULL) {
        return;
    }

    len = ks_value_count(&v);
    n = ks_list_range(&v, start, stop, &first);
    ks_event(c->space, KS_NOTIFY_LIST, "ltrim", &argv[1]);

    if (n == 0) {
        ks_delete(c, &argv[1], e);
        return;
    }

    if (n != len) {
        ks_list_cut(&v, KS_LIST_TAIL, len - first - n);
        ks_list_cut(&v, KS_LIST_HEAD, first);
        ks_list_done(&v);
    }
}


/* --- by value --- */

void
ks_cmd_lrem(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          end;
    int64_t      count;
    uint32_t     n;
    uint64_t     max;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_arg_int(c, &argv[2], &count, NULL) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    end = count < 0 ? KS_LIST_TAIL : KS_LIST_HEAD;
    max = count < 0 ? -(uint64_t) count : (uint64_t) count;

    if (max == 0 || max > ks_value_count(&v)) {
        max = ks_value_count(&v);
    }

    n = ks_list_remove(&v, end, (uint32_t) max, &argv[3]);

    if (n != 0) {
        ks_event(c->space, KS_NOTIFY_LIST, "lrem", &argv[1]);
        ks_list_done(&v);
    }

    ks_reply_integer(c->reply, n);
}


static int
ks_lpos_rank(ks_ctx_t *c, const ks_str_t *arg, ks_lpos_t *o)
{
    int64_t  rank;

    if (ks_arg_int(c, arg, &rank, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (rank == INT64_MIN) {
        ks_reply_errorf(c->reply, "ERR value is out of range, value must "
                        "between %lld and %lld", (long long) -INT64_MAX,
                        (long long) INT64_MAX);
        return KS_ERR;
    }

    if (rank == 0) {
        ks_reply_error(c->reply, KS_LPOS_RANK);
        return KS_ERR;
    }

    o->end = rank < 0 ? KS_LIST_TAIL : KS_LIST_HEAD;
    o->rank = rank < 0 ? -rank : rank;

    return KS_OK;
}


static int
ks_lpos_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_lpos_t *o)
{
    int  i, rc;

    for (i = 0; i < argc; i += 2) {

        if (i + 1 == argc) {
            goto syntax;
        }

        if (ks_arg_is(&argv[i], "rank")) {
            rc = ks_lpos_rank(c, &argv[i + 1], o);

        } else if (ks_arg_is(&argv[i], "count")) {
            o->all = 1;
            rc = ks_arg_within(c, &argv[i + 1], 0, &o->count,
                               "ERR COUNT can't be negative");

        } else if (ks_arg_is(&argv[i], "maxlen")) {
            rc = ks_arg_within(c, &argv[i + 1], 0, &o->maxlen,
                               "ERR MAXLEN can't be negative");

        } else {
            goto syntax;
        }

        if (rc != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;

syntax:

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


/* Says the indices of the matches, at most o->count; how many. */

static size_t
ks_lpos_search(ks_ctx_t *c, ks_value_t *v, const ks_str_t *s,
    const ks_lpos_t *o)
{
    size_t    found;
    int64_t   i, len, match;
    ks_pos_t  pos;

    len = ks_value_count(v);
    found = 0;
    match = 0;

    ks_list_from(v, &pos, o->end, 0);

    for (i = 0; o->maxlen == 0 || i < o->maxlen; i++) {

        if (i != 0 && !ks_list_step(v, &pos, o->end)) {
            break;
        }

        if (!ks_value_is(v, &pos, 0, s) || ++match < o->rank) {
            continue;
        }

        ks_reply_integer(c->reply,
                         o->end == KS_LIST_HEAD ? i : len - 1 - i);

        if (++found == (size_t) o->count) {
            break;
        }
    }

    return found;
}


void
ks_cmd_lpos(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t       found;
    ks_lpos_t    o;
    ks_entry_t  *e;
    ks_value_t   v;

    memset(&o, 0, sizeof(o));
    o.rank = 1;
    o.count = 1;

    if (ks_lpos_options(c, argc - 3, argv + 3, &o) != KS_OK
        || ks_read_value(c, &argv[1], KS_TYPE_LIST, &e, &v) != KS_OK)
    {
        return;
    }

    if (o.all) {
        ks_reply_deferred(c->reply, KS_AGG_ARRAY);
    }

    found = e ? ks_lpos_search(c, &v, &argv[2], &o) : 0;

    if (o.all) {
        ks_reply_close(c->reply, found);

    } else if (found == 0) {
        ks_reply_null(c->reply);
    }
}
