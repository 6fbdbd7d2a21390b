/*
 * Streams: XADD, XLEN, XDEL, XDELEX, XTRIM, XSETID.
 *
 * What is told to others says the id that was found, and how many entries a
 * trimming has left, so that the same entries are there when it is run again.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_stream_args.h"


#define KS_TRIM_LIMIT  10000            /* entries, if LIMIT does not say it */

/* the options of XADD and XTRIM */
typedef struct {
    unsigned           add:1;           /* it is XADD */
    unsigned           absent:1;        /* NOMKSTREAM */
    unsigned           trims:1;
    unsigned           given:1;         /* an id, whose seq is to be found */
    int                any;             /* if any is set */
    int                refs_given;
    ks_refs_t          refs;
    int64_t            limit;           /* -1: none is given */
    ks_stream_id_t     id;
    ks_stream_trim_t   trim;
} ks_xadd_t;


/* --- options --- */

/* MAXLEN or MINID at argv[*i], which is then the threshold. */

static int
ks_trim_threshold(ks_ctx_t *c, int argc, const ks_str_t *argv, int *i,
    ks_xadd_t *x)
{
    int64_t          n;
    const ks_str_t  *arg;

    if (x->trims) {
        ks_reply_error(c->reply, "ERR syntax error, MAXLEN and MINID options "
                       "at the same time are not compatible");
        return KS_ERR;
    }

    x->trims = 1;
    x->trim.by_id = ks_arg_is(&argv[*i], "minid");
    arg = &argv[++*i];

    if (*i + 1 < argc && arg->len == 1
        && (arg->data[0] == '~' || arg->data[0] == '='))
    {
        x->trim.near = (arg->data[0] == '~');
        arg = &argv[++*i];
    }

    if (x->trim.by_id) {
        return ks_arg_stream_id(c, arg, 0, &x->trim.id);
    }

    if (ks_arg_int(c, arg, &n, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (n < 0) {
        ks_reply_error(c->reply, "ERR The MAXLEN argument must be >= 0.");
        return KS_ERR;
    }

    x->trim.length = (uint64_t) n;

    return KS_OK;
}


static int
ks_trim_limit(ks_ctx_t *c, const ks_str_t *arg, ks_xadd_t *x)
{
    if (ks_arg_int(c, arg, &x->limit, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (x->limit < 0) {
        ks_reply_error(c->reply, "ERR The LIMIT argument must be >= 0.");
        return KS_ERR;
    }

    return KS_OK;
}


/* What is wrong with the options as a whole; NULL: nothing. */

static const char *
ks_xadd_contradiction(const ks_ctx_t *c, const ks_xadd_t *x)
{
    if (x->limit > 0 && !x->trims) {
        return "ERR syntax error, LIMIT cannot be used without specifying a "
               "trimming strategy";
    }

    if (!x->add && !x->trims) {
        return "ERR syntax error, XTRIM must be called with a trimming "
               "strategy";
    }

    /* Redis tells of what is gone by an exact number, and leaves LIMIT there */

    if (x->limit >= 0 && !x->trim.near && !c->client->obeys) {
        return "ERR syntax error, LIMIT cannot be used without the special ~ "
               "option";
    }

    return NULL;
}


/* The options from argv[2] on; *i: what is behind them, an id for XADD. */

static int
ks_xadd_options(ks_ctx_t *c, int argc, const ks_str_t *argv, int *i,
    ks_xadd_t *x)
{
    int              rc;
    const char      *err;
    const ks_str_t  *arg;

    for (rc = KS_OK, *i = 2; rc == KS_OK && *i < argc; ++*i) {
        arg = &argv[*i];

        if (x->add && arg->len == 1 && arg->data[0] == '*') {
            break;
        }

        if (*i + 1 < argc
            && (ks_arg_is(arg, "maxlen") || ks_arg_is(arg, "minid")))
        {
            rc = ks_trim_threshold(c, argc, argv, i, x);

        } else if (*i + 1 < argc && ks_arg_is(arg, "limit")) {
            rc = ks_trim_limit(c, &argv[++*i], x);

        } else if (x->add && ks_arg_is(arg, "nomkstream")) {
            x->absent = 1;

        } else if (ks_arg_refs(arg, &x->refs, &x->refs_given)) {
            continue;

        } else if (x->add) {
            rc = ks_arg_stream_new_id(c, arg, &x->id, &x->any);
            x->given = 1;
            break;

        } else {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    if (rc != KS_OK) {
        return rc;
    }

    err = ks_xadd_contradiction(c, x);

    if (err != NULL) {
        ks_reply_error(c->reply, err);
        return KS_ERR;
    }

    if (x->trim.near) {
        x->trim.limit = (uint64_t) (x->limit < 0 ? KS_TRIM_LIMIT : x->limit);
    }

    return KS_OK;
}


/* --- trimming --- */

static uint64_t
ks_xadd_trim(ks_ctx_t *c, const ks_str_t *key, ks_value_t *v, ks_xadd_t *x)
{
    uint64_t  n;

    if (!x->trims) {
        return 0;
    }

    if (x->refs != KS_REFS_KEEP) {
        x->trim.may = ks_refs_may;
        x->trim.data = &x->refs;
    }

    n = ks_stream_trim(v, &x->trim);

    if (n != 0) {
        ks_event(c->space, KS_NOTIFY_STREAM, "xtrim", key);
    }

    return n;
}


/* The word for effects; how many words: one or none. */

static int
ks_xadd_refs(const ks_xadd_t *x, ks_str_t *word)
{
    *word = ks_text(x->refs == KS_REFS_DELETE ? "DELREF" : "ACKED");

    return x->refs != KS_REFS_KEEP;
}


/* --- XADD --- */

static int
ks_xadd_next(const ks_stream_head_t *head, const ks_xadd_t *x, uint64_t now,
    ks_stream_id_t *id)
{
    if (x->given && (!x->any || x->id.ms != head->last.ms)) {
        *id = x->id;

    } else if (x->given) {
        *id = head->last;
        return id->seq++ != UINT64_MAX;

    } else if (now > head->last.ms) {
        id->ms = now;
        id->seq = 0;

    } else {
        *id = head->last;
        (void) ks_stream_id_incr(id);
    }

    return ks_stream_id_compare(id, &head->last) > 0;
}


/* The id of a new entry; KS_ERR: there can be none. */

static int
ks_xadd_id(ks_ctx_t *c, const ks_stream_head_t *head, const ks_xadd_t *x,
    ks_stream_id_t *id)
{
    if (head->last.ms == UINT64_MAX && head->last.seq == UINT64_MAX) {
        ks_reply_error(c->reply, "ERR The stream has exhausted the last "
                       "possible ID, unable to add more items");
        return KS_ERR;
    }

    if (!ks_xadd_next(head, x, ks_space_now(c->space), id)) {
        ks_reply_error(c->reply, "ERR The ID specified in XADD is equal or "
                       "smaller than the target stream top item");
        return KS_ERR;
    }

    return KS_OK;
}


/* The options, and where the fields are; KS_ERR: there is nothing to add. */

static int
ks_xadd_args(ks_ctx_t *c, int argc, const ks_str_t *argv, ks_xadd_t *x,
    int *fields)
{
    int  i;

    memset(x, 0, sizeof(ks_xadd_t));
    x->add = 1;
    x->limit = -1;

    if (ks_xadd_options(c, argc, argv, &i, x) != KS_OK) {
        return KS_ERR;
    }

    *fields = i + 1;

    if (argc - *fields < 2 || (argc - *fields) % 2 == 1) {
        ks_error_arity(c);
        return KS_ERR;
    }

    if (x->given && !x->any && x->id.ms == 0 && x->id.seq == 0) {
        ks_reply_error(c->reply,
                       "ERR The ID specified in XADD must be greater than 0-0");
        return KS_ERR;
    }

    return KS_OK;
}


static void
ks_xadd_effect(ks_ctx_t *c, const ks_str_t *key, const ks_value_t *v,
    const ks_xadd_t *x, uint64_t trimmed, const ks_str_t *id, int n,
    const ks_str_t *fields)
{
    int               words;
    ks_str_t          word;
    ks_stream_head_t  head;

    if (trimmed == 0) {
        ks_effect_as(c->space, "XADD %s %s %v", key, id, n, fields);
        return;
    }

    ks_stream_head(v, &head);
    words = ks_xadd_refs(x, &word);

    ks_effect_as(c->space, "XADD %s MAXLEN = %u %v %s %v", key, head.length,
                 words, &word, id, n, fields);
}


/* A block counts its bytes in 32 bits; the bound is Redis's. */

static int
ks_xadd_fits(ks_ctx_t *c, int argc, const ks_str_t *argv)
{
    int     i;
    size_t  size;

    for (size = 0, i = 0; i < argc; i++) {
        size += argv[i].len;
    }

    if (size > KS_STREAM_ENTRY_MAX) {
        ks_reply_error(c->reply, "ERR Elements are too large to be stored");
        return KS_ERR;
    }

    return KS_OK;
}


void
ks_cmd_xadd(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                first;
    u_char             buf[KS_STREAM_ID_TEXT];
    uint64_t           trimmed;
    ks_str_t           text;
    ks_xadd_t          x;
    ks_entry_t        *e;
    ks_value_t         v;
    ks_stream_id_t     id;
    ks_stream_head_t   head;

    if (ks_xadd_args(c, argc, argv, &x, &first) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_STREAM, &e, &v) != KS_OK)
    {
        return;
    }

    if (e != NULL) {
        ks_stream_head(&v, &head);

    } else if (x.absent) {
        ks_reply_null(c->reply);
        return;

    } else {
        memset(&head, 0, sizeof(ks_stream_head_t));
    }

    if (ks_xadd_id(c, &head, &x, &id) != KS_OK
        || ks_xadd_fits(c, argc - first, &argv[first]) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_stream_create(c, &argv[1], &v);
    }

    ks_stream_append(&v, &id, (uint32_t) (argc - first), &argv[first]);
    ks_event(c->space, KS_NOTIFY_STREAM, "xadd", &argv[1]);
    trimmed = ks_xadd_trim(c, &argv[1], &v, &x);

    text.data = buf;
    text.len = ks_stream_id_text(buf, &id);

    if (ks_unlikely(ks_effects_told(c->space))) {
        ks_xadd_effect(c, &argv[1], &v, &x, trimmed, &text, argc - first,
                       &argv[first]);
    }

    (void) ks_value_close(&v);
    ks_reply_bulk(c->reply, text.data, text.len);
}


/* --- XTRIM --- */

void
ks_cmd_xtrim(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                i, words;
    uint64_t           n;
    ks_str_t           word;
    ks_xadd_t          x;
    ks_entry_t        *e;
    ks_value_t         v;
    ks_stream_head_t   head;

    memset(&x, 0, sizeof(ks_xadd_t));
    x.limit = -1;

    if (ks_xadd_options(c, argc, argv, &i, &x) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_STREAM, &e, &v) != KS_OK)
    {
        return;
    }

    n = e ? ks_xadd_trim(c, &argv[1], &v, &x) : 0;

    if (n != 0) {
        ks_stream_head(&v, &head);
        words = ks_xadd_refs(&x, &word);
        ks_effect_as(c->space, "XTRIM %s MAXLEN = %u %v", &argv[1],
                     head.length, words, &word);
        (void) ks_value_close(&v);
    }

    ks_reply_integer(c->reply, (int64_t) n);
}


/* --- XLEN --- */

void
ks_cmd_xlen(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t        *e;
    ks_value_t         v;
    ks_stream_head_t   head;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_STREAM, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    ks_stream_head(&v, &head);
    ks_reply_integer(c->reply, (int64_t) head.length);
}


/* --- XDEL, XDELEX --- */

/* Deletes the entry of that id; 0: there is none. */

static int
ks_xdel_one(ks_value_t *v, const ks_stream_id_t *id)
{
    ks_stream_entry_t  e;

    if (!ks_stream_find(v, &e, id)) {
        return 0;
    }

    ks_stream_remove(v, &e);

    return 1;
}


void
ks_cmd_xdel(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i, n;
    ks_entry_t      *e;
    ks_value_t       v;
    ks_stream_id_t  *ids;

    if (ks_write_value(c, &argv[1], KS_TYPE_STREAM, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    ids = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_stream_id_t));

    for (i = 2; i < argc; i++) {
        if (ks_arg_stream_id(c, &argv[i], 0, &ids[i]) != KS_OK) {
            return;
        }
    }

    for (n = 0, i = 2; i < argc; i++) {
        n += ks_xdel_one(&v, &ids[i]);
    }

    if (n != 0) {
        ks_event(c->space, KS_NOTIFY_STREAM, "xdel", &argv[1]);
        (void) ks_value_close(&v);
    }

    ks_reply_integer(c->reply, n);
}


/* What has become of an id: 1 deleted, 2 still referred to, -1 not there. */

static int
ks_xdelex_one(ks_value_t *v, const ks_stream_id_t *id, ks_refs_t refs,
    int *changed)
{
    ks_stream_entry_t  e;

    /* what is pending may be without an entry, and ends all the same */

    if (refs == KS_REFS_DELETE && ks_pending_forget(v, id) != 0) {
        *changed = 1;
    }

    if (!ks_stream_find(v, &e, id)) {
        return -1;
    }

    if (!ks_refs_may(v, id, &refs)) {
        return 2;
    }

    ks_stream_remove(v, &e);

    return 1;
}


void
ks_cmd_xdelex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int               i, rc, deleted, changed;
    ks_entry_t       *e;
    ks_value_t        v;
    ks_stream_ids_t   ids;

    if (ks_arg_stream_ids(c, argc - 2, &argv[2], &ids) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_STREAM, &e, &v) != KS_OK)
    {
        return;
    }

    ks_reply_array(c->reply, (size_t) ids.n);

    for (deleted = 0, changed = 0, i = 0; i < ids.n; i++) {
        rc = e ? ks_xdelex_one(&v, &ids.id[i], ids.refs, &changed) : -1;
        deleted += (rc == 1);
        ks_reply_integer(c->reply, rc);

        if (rc == 1) {
            ks_stream_tell_id(c, "XDEL %s %s", &argv[1], &ids.id[i]);
        }
    }

    if (deleted) {
        ks_event(c->space, KS_NOTIFY_STREAM, "xdel", &argv[1]);
    }

    if (deleted || changed) {
        (void) ks_value_close(&v);
    }

    if (changed) {
        ks_effect_value(c, &argv[1]);
    }
}


/* --- XSETID --- */

typedef struct {
    ks_stream_id_t     last;
    ks_stream_id_t     deleted;         /* 0-0: none is given */
    int64_t            added;           /* -1: none is given */
} ks_xsetid_t;


static int
ks_xsetid_added(ks_ctx_t *c, const ks_str_t *arg, ks_xsetid_t *x)
{
    if (ks_arg_int(c, arg, &x->added, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (x->added < 0) {
        ks_reply_error(c->reply, "ERR entries_added must be positive");
        return KS_ERR;
    }

    return KS_OK;
}


static int
ks_xsetid_deleted(ks_ctx_t *c, const ks_str_t *arg, ks_xsetid_t *x)
{
    if (ks_arg_stream_id(c, arg, 0, &x->deleted) != KS_OK) {
        return KS_ERR;
    }

    if (ks_stream_id_compare(&x->last, &x->deleted) < 0) {
        ks_reply_error(c->reply, "ERR The ID specified in XSETID is smaller "
                       "than the provided max_deleted_entry_id");
        return KS_ERR;
    }

    return KS_OK;
}


static int
ks_xsetid_args(ks_ctx_t *c, int argc, const ks_str_t *argv, ks_xsetid_t *x)
{
    int  i, rc;

    memset(x, 0, sizeof(ks_xsetid_t));
    x->added = -1;

    rc = ks_arg_stream_id(c, &argv[2], 0, &x->last);

    for (i = 3; rc == KS_OK && i < argc; i += 2) {

        if (i + 1 < argc && ks_arg_is(&argv[i], "entriesadded")) {
            rc = ks_xsetid_added(c, &argv[i + 1], x);

        } else if (i + 1 < argc && ks_arg_is(&argv[i], "maxdeletedid")) {
            rc = ks_xsetid_deleted(c, &argv[i + 1], x);

        } else {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    return rc;
}


/* Why the stream cannot have these figures; NULL: it can. */

static const char *
ks_xsetid_contradiction(const ks_value_t *v, const ks_stream_head_t *head,
    const ks_xsetid_t *x)
{
    ks_stream_id_t     top = KS_STREAM_ID_MAX;
    ks_stream_entry_t  e;

    if (ks_stream_id_compare(&x->last, &head->deleted) < 0) {
        return "ERR The ID specified in XSETID is smaller than current "
               "max_deleted_entry_id";
    }

    if (!ks_stream_seek_back(v, &e, &top)) {
        return NULL;
    }

    if (ks_stream_id_compare(&x->last, &e.id) < 0) {
        return "ERR The ID specified in XSETID is smaller than the target "
               "stream top item";
    }

    if (x->added != -1 && head->length > (uint64_t) x->added) {
        return "ERR The entries_added specified in XSETID is smaller than the "
               "target stream length";
    }

    return NULL;
}


void
ks_cmd_xsetid(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    const char        *err;
    ks_entry_t        *e;
    ks_value_t         v;
    ks_xsetid_t        x;
    ks_stream_head_t   head;

    if (ks_xsetid_args(c, argc, argv, &x) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_STREAM, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_reply_error(c->reply, KS_ERR_NOKEY);
        return;
    }

    ks_stream_head(&v, &head);
    err = ks_xsetid_contradiction(&v, &head, &x);

    if (err != NULL) {
        ks_reply_error(c->reply, err);
        return;
    }

    head.last = x.last;

    if (x.added != -1) {
        head.added = (uint64_t) x.added;
    }

    if (x.deleted.ms != 0 || x.deleted.seq != 0) {
        head.deleted = x.deleted;
    }

    ks_stream_set_head(&v, &head);
    ks_event(c->space, KS_NOTIFY_STREAM, "xsetid", &argv[1]);
    ks_value_aside(&v);
    ks_reply_ok(c->reply);
}
