/*
 * SORT and SORT_RO.
 *
 * The elements stay where they are in the zone: nothing is stored before the
 * last of them is read, but for keys found to have expired, which are others.
 * What is to be stored is copied first, as it may come from the key that is
 * replaced.
 *
 * Elements of equal weight come in the order of their bytes; where Redis does
 * not look at these (ALPHA), in the order in which they were.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_users.h"
#include "types/ks_hash.h"
#include "types/ks_list.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>


#define KS_SORT_TEXT  64            /* bytes of most numbers, and more */

/* BY or GET: the name of a key, or of a field of a hash */
typedef struct {
    enum {
        KS_SORT_SELF = 0,           /* "#": the element itself */
        KS_SORT_NOTHING,            /* without a star */
        KS_SORT_STRING,
        KS_SORT_FIELD
    }                    kind;
    ks_str_t             before;    /* the star */
    ks_str_t             behind;
    ks_str_t             field;
} ks_sort_pattern_t;

typedef struct {
    ks_str_t             text;
    ks_str_t             by;        /* ALPHA; data NULL: there is none */
    double               score;     /* else */
} ks_sorted_t;

typedef struct {
    ks_ctx_t            *c;
    unsigned             confined:1;        /* to the keys that it may read */
    unsigned             desc:1;
    unsigned             alpha:1;
    unsigned             keep:1;    /* the order: BY nosort */
    unsigned             weights:1; /* BY a pattern */
    unsigned             wrong:1;   /* a weight is no number */
    int64_t              offset;    /* LIMIT */
    int64_t              limit;
    ks_sort_pattern_t    by;
    ks_sort_pattern_t   *get;
    size_t               nget;
    const ks_str_t      *store;     /* the key, or NULL */

    ks_sorted_t         *at;
    size_t               n;
    size_t               first;     /* what of it is wanted */
    size_t               count;
} ks_sort_t;


/* --- patterns --- */

/* bytes in front of the first NUL, where Redis takes a string to end */

static size_t
ks_sort_len(const ks_str_t *s)
{
    return strnlen((char *) s->data, s->len);
}


/* where a field's name begins that is not empty, or NULL */

static u_char *
ks_sort_arrow(u_char *p, const u_char *end)
{
    for ( /* void */ ; p + 2 < end; p++) {
        if (p[0] == '-' && p[1] == '>') {
            return p + 2;
        }
    }

    return NULL;
}


static void
ks_sort_pattern(ks_sort_pattern_t *p, const ks_str_t *arg)
{
    size_t   len;
    u_char  *star, *end, *field;

    memset(p, 0, sizeof(ks_sort_pattern_t));
    len = ks_sort_len(arg);
    star = len ? memchr(arg->data, '*', len) : NULL;

    if (star == NULL) {
        p->kind = (len == 1 && arg->data[0] == '#') ? KS_SORT_SELF
                                                    : KS_SORT_NOTHING;
        return;
    }

    p->kind = KS_SORT_STRING;
    p->before.data = arg->data;
    p->before.len = (size_t) (star - arg->data);
    p->behind.data = star + 1;

    end = arg->data + arg->len;
    field = ks_sort_arrow(star + 1, arg->data + len);

    if (field != NULL) {
        p->kind = KS_SORT_FIELD;
        p->field.data = field;
        p->field.len = (size_t) (end - field);
        end = field - 2;
    }

    p->behind.len = (size_t) (end - p->behind.data);
}


/* the key for an element, in the arena */

static ks_str_t
ks_sort_key(ks_ctx_t *c, const ks_sort_pattern_t *p, const ks_str_t *text)
{
    u_char    *to;
    ks_str_t   key;

    key.len = p->before.len + text->len + p->behind.len;
    key.data = ks_arena_alloc(c->space, key.len);

    to = key.data;

    if (p->before.len) {
        memcpy(to, p->before.data, p->before.len);
        to += p->before.len;
    }

    if (text->len) {
        memcpy(to, text->data, text->len);
        to += text->len;
    }

    if (p->behind.len) {
        memcpy(to, p->behind.data, p->behind.len);
    }

    return key;
}


/*
 * What the pattern stands for: 0: nothing; 1: the string *e, or, if that is
 * NULL, the item.
 */

static int
ks_sort_find(ks_ctx_t *c, const ks_sort_pattern_t *p, const ks_str_t *text,
    ks_entry_t **e, ks_item_t *it)
{
    ks_str_t    key;
    ks_pos_t    pos;
    ks_value_t  v;
    ks_entry_t *found;

    *e = NULL;

    if (p->kind == KS_SORT_SELF) {
        *it = ks_item(text->data, text->len);
        return 1;
    }

    if (p->kind == KS_SORT_NOTHING) {
        return 0;
    }

    key = ks_sort_key(c, p, text);

    if (key.len > KS_KEY_MAX) {
        return 0;
    }

    found = ks_lookup(c->space, &key, KS_LOOKUP_READ);

    if (found == NULL) {
        return 0;
    }

    if (p->kind == KS_SORT_STRING) {
        *e = found;
        return ks_entry_type(found) == KS_TYPE_STRING;
    }

    if (ks_entry_type(found) != KS_TYPE_HASH) {
        return 0;
    }

    ks_value_open(c->space, &key, found, &v);

    if (!ks_hash_find(&v, &pos, &p->field)) {
        return 0;
    }

    *it = ks_hash_value(&v, &pos);

    return 1;
}


/* the same as one run of bytes; data NULL: nothing */

static ks_str_t
ks_sort_value(ks_ctx_t *c, const ks_sort_pattern_t *p, const ks_str_t *text)
{
    ks_item_t    it;
    ks_str_t     none;
    ks_entry_t  *e;

    if (ks_sort_find(c, p, text, &e, &it)) {
        return e ? ks_string_flat(c->space, e) : ks_item_flat(c->space, &it);
    }

    none.len = 0;
    none.data = NULL;

    return none;
}


/*
 * Asks for the keys that the pattern makes of the elements from number i on;
 * once for KS_FETCH_KEYS of them, before the first one is looked up.
 */

static void
ks_sort_fetch(ks_sort_t *s, const ks_sort_pattern_t *p, size_t i, size_t end)
{
    size_t           k, n;
    ks_str_t         keys[KS_FETCH_KEYS];
    ks_arena_mark_t  mark;

    if (p->kind == KS_SORT_SELF || p->kind == KS_SORT_NOTHING) {
        return;
    }

    mark = ks_arena_mark(s->c->space);
    n = ks_min(end - i, (size_t) KS_FETCH_KEYS);

    for (k = 0; k < n; k++) {
        keys[k] = ks_sort_key(s->c, p, &s->at[i + k].text);
    }

    ks_prefetch_keys(s->c->space, keys, n);

    ks_arena_release(s->c->space, &mark);
}


/* --- options --- */

static int
ks_sort_limit(ks_sort_t *s, const ks_str_t *argv)
{
    return ks_arg_int(s->c, &argv[0], &s->offset, NULL) == KS_OK
           && ks_arg_int(s->c, &argv[1], &s->limit, NULL) == KS_OK;
}


/* How many arguments the option takes, itself included; 0: it is wrong. */

static int
ks_sort_option(ks_sort_t *s, int left, const ks_str_t *argv, int readonly)
{
    if (ks_arg_is(&argv[0], "asc")) {
        s->desc = 0;
        return 1;
    }

    if (ks_arg_is(&argv[0], "desc")) {
        s->desc = 1;
        return 1;
    }

    if (ks_arg_is(&argv[0], "alpha")) {
        s->alpha = 1;
        return 1;
    }

    if (ks_arg_is(&argv[0], "limit") && left > 2) {
        return ks_sort_limit(s, &argv[1]) ? 3 : 0;
    }

    if (ks_arg_is(&argv[0], "store") && left > 1 && !readonly) {
        s->store = &argv[1];
        return 2;
    }

    if (ks_arg_is(&argv[0], "by") && left > 1) {
        ks_sort_pattern(&s->by, &argv[1]);

        if (s->confined && memchr(argv[1].data, '*', argv[1].len) != NULL) {
            ks_reply_error(s->c->reply, "ERR BY option of SORT denied due to "
                           "insufficient ACL permissions.");
            return 0;
        }

        s->keep |= (s->by.kind <= KS_SORT_NOTHING);
        s->weights = 1;
        return 2;
    }

    if (ks_arg_is(&argv[0], "get") && left > 1) {

        if (s->confined) {
            ks_reply_error(s->c->reply, "ERR GET option of SORT denied due to "
                           "insufficient ACL permissions.");
            return 0;
        }

        ks_sort_pattern(&s->get[s->nget++], &argv[1]);
        return 2;
    }

    ks_reply_error(s->c->reply, KS_ERR_SYNTAX);

    return 0;
}


static int
ks_sort_options(ks_sort_t *s, ks_ctx_t *c, int argc, const ks_str_t *argv,
    int readonly)
{
    int  i, n;

    memset(s, 0, sizeof(ks_sort_t));
    s->c = c;
    s->limit = -1;
    s->confined = !ks_user_reads_all(c->space, c->client->user, c->cmd, argc,
                                     argv);
    s->get = ks_arena_alloc(c->space,
                            (size_t) argc * sizeof(ks_sort_pattern_t));

    for (i = 2; i < argc; i += n) {
        n = ks_sort_option(s, argc - i, &argv[i], readonly);

        if (n == 0) {
            return KS_ERR;
        }
    }

    if (s->store && s->store->len > KS_KEY_MAX) {
        ks_reply_errorf(c->reply, "ERR key is longer than %d bytes",
                        KS_KEY_MAX);
        return KS_ERR;
    }

    return KS_OK;
}


/*
 * Where STORE's key is, for locks and COMMAND GETKEYS; found as Redis finds
 * it, which takes the last one.
 */

int
ks_cmd_sort_extra_key(int argc, const ks_str_t *argv)
{
    int  i, at;

    for (at = 0, i = 2; i < argc; i++) {

        if (ks_arg_is(&argv[i], "limit")) {
            i += 2;

        } else if (ks_arg_is(&argv[i], "get") || ks_arg_is(&argv[i], "by")) {
            i++;

        } else if (ks_arg_is(&argv[i], "store") && i + 1 < argc) {
            at = i + 1;
        }
    }

    return at;
}


/* --- elements --- */

/* Cuts LIMIT to what there is. */

static void
ks_sort_window(ks_sort_t *s, size_t n)
{
    int64_t  all, first, count;

    all = (int64_t) n;
    first = ks_min(ks_max(s->offset, 0), all);
    count = (s->limit < 0) ? all : ks_min(s->limit, all);

    s->n = n;
    s->first = (size_t) first;
    s->count = (size_t) ks_min(count, all - first);
}


/* Loads n elements from the rank on, or back. */

static void
ks_sort_load(ks_sort_t *s, const ks_value_t *v, size_t rank, size_t n, int back)
{
    size_t     i;
    ks_pos_t   pos;
    ks_item_t  it;

    s->at = ks_arena_alloc(s->c->space, n * sizeof(ks_sorted_t));

    if (n) {
        (void) ks_value_at(v, &pos, (uint32_t) rank);
    }

    for (i = 0; i < n; i++) {

        if (i) {
            (void) (back ? ks_value_prev(v, &pos) : ks_value_next(v, &pos));
        }

        it = ks_value_item(v, &pos, 0);
        s->at[i].text = ks_item_flat(s->c->space, &it);
        s->at[i].by.len = 0;
        s->at[i].by.data = NULL;
        s->at[i].score = 0;
    }
}


/*
 * A list or a sorted set that keeps its order need not be loaded as a whole.
 * A set has none: what is stored of it, or is for a script, is sorted
 * nevertheless.
 */

static void
ks_sort_elements(ks_sort_t *s, const ks_value_t *v)
{
    size_t  n;

    n = ks_value_count(v);
    ks_sort_window(s, n);

    if (v->type == KS_TYPE_SET) {

        if (s->keep && (s->store || s->c->reply->ops->script)) {
            s->keep = 0;
            s->alpha = 1;
            s->weights = 0;
        }

    } else if (s->keep) {
        ks_sort_load(s, v, s->desc ? n - s->first - (s->first != n) : s->first,
                     s->count, s->desc);
        s->n = s->count;
        s->first = 0;
        return;
    }

    ks_sort_load(s, v, 0, n, 0);
}


/* as strtod() reads it, up to a NUL; an empty one is 0 */

static int
ks_sort_number(ks_ctx_t *c, const ks_str_t *text, double *score)
{
    char    *end, *p, buf[KS_SORT_TEXT];
    size_t   len;

    len = ks_sort_len(text);
    p = len < sizeof(buf) ? buf : ks_arena_alloc(c->space, len + 1);

    memcpy(p, text->data, len);
    p[len] = '\0';

    errno = 0;
    *score = strtod(p, &end);

    return *end == '\0' && errno != ERANGE && !isnan(*score);
}


/* Texts are compared as far as a NUL, but whole where they are stored. */

static void
ks_sort_weigh(ks_sort_t *s)
{
    size_t        i;
    ks_str_t      by;
    ks_sorted_t  *el;

    for (i = 0; i < s->n; i++) {

        if (s->weights && i % KS_FETCH_KEYS == 0) {
            ks_sort_fetch(s, &s->by, i, s->n);
        }

        el = &s->at[i];
        by = s->weights ? ks_sort_value(s->c, &s->by, &el->text) : el->text;

        if (by.data == NULL) {
            continue;
        }

        if (!s->alpha) {
            s->wrong |= !ks_sort_number(s->c, &by, &el->score);
            continue;
        }

        el->by = by;

        if (!s->store) {
            el->by.len = ks_sort_len(&by);
        }
    }
}


/* --- sorting --- */

static int
ks_sort_bytes(const ks_str_t *a, const ks_str_t *b)
{
    int  cmp;

    cmp = memcmp(a->data, b->data, ks_min(a->len, b->len));

    if (cmp == 0) {
        cmp = (a->len > b->len) - (a->len < b->len);
    }

    return cmp;
}


static inline int
ks_sort_compare(const ks_sort_t *s, const ks_sorted_t *a, const ks_sorted_t *b)
{
    int  cmp;

    if (s->alpha) {

        if (a->by.data == NULL || b->by.data == NULL) {
            cmp = (a->by.data != NULL) - (b->by.data != NULL);

        } else {
            cmp = ks_sort_bytes(&a->by, &b->by);
        }

    } else if (a->score != b->score) {
        cmp = a->score < b->score ? -1 : 1;

    } else {
        cmp = ks_sort_bytes(&a->text, &b->text);
    }

    return s->desc ? -cmp : cmp;
}


/* Merges two runs, [a, b) and [b, end), into to. */

static void
ks_sort_merge(const ks_sort_t *s, ks_sorted_t *a, ks_sorted_t *b,
    const ks_sorted_t *end, ks_sorted_t *to)
{
    ks_sorted_t  *mid;

    mid = b;

    while (a < mid && b < end) {
        *to++ = ks_sort_compare(s, a, b) <= 0 ? *a++ : *b++;
    }

    memcpy(to, a, (size_t) (mid - a) * sizeof(ks_sorted_t));
    to += mid - a;
    memcpy(to, b, (size_t) (end - b) * sizeof(ks_sorted_t));
}


/* By merging: what is equal keeps its order. */

static void
ks_sort_sort(ks_sort_t *s)
{
    size_t        i, run, mid, end;
    ks_sorted_t  *from, *to, *t;

    from = s->at;
    to = ks_arena_alloc(s->c->space, s->n * sizeof(ks_sorted_t));

    for (run = 1; run < s->n; run *= 2) {

        for (i = 0; i < s->n; i = end) {
            mid = ks_min(i + run, s->n);
            end = ks_min(mid + run, s->n);
            ks_sort_merge(s, from + i, from + mid, from + end, to + i);
        }

        t = from;
        from = to;
        to = t;
    }

    s->at = from;
}


/* --- the reply --- */

static void
ks_sort_reply_value(ks_ctx_t *c, const ks_sort_pattern_t *p,
    const ks_str_t *text)
{
    ks_item_t    it;
    ks_entry_t  *e;

    if (!ks_sort_find(c, p, text, &e, &it)) {
        ks_reply_null(c->reply);

    } else if (e) {
        ks_reply_value(c, e);

    } else {
        ks_reply_item(c, &it);
    }
}


static void
ks_sort_reply(ks_sort_t *s)
{
    size_t        i, k, end;
    ks_sorted_t  *el;

    ks_reply_array(s->c->reply, s->count * ks_max(s->nget, (size_t) 1));

    end = s->count ? s->first + s->count : 0;

    for (i = s->first; i < end; i++) {
        el = &s->at[i];

        if (s->nget == 0) {
            ks_reply_bulk(s->c->reply, el->text.data, el->text.len);
        }

        for (k = 0; k < s->nget; k++) {

            if ((i - s->first) % KS_FETCH_KEYS == 0) {
                ks_sort_fetch(s, &s->get[k], i, end);
            }

            ks_sort_reply_value(s->c, &s->get[k], &el->text);
        }
    }
}


/* What is to be stored, in the arena; *bytes of it. */

static ks_str_t *
ks_sort_results(ks_sort_t *s, size_t n, size_t *bytes)
{
    size_t              i, per;
    ks_str_t           *out, value;
    ks_item_t           it;
    const ks_sorted_t  *el;

    per = ks_max(s->nget, (size_t) 1);
    out = ks_arena_alloc(s->c->space, n * sizeof(ks_str_t));

    for (*bytes = 0, i = 0; i < n; i++) {
        el = &s->at[s->first + i / per];
        value = s->nget ? ks_sort_value(s->c, &s->get[i % per], &el->text)
                        : el->text;

        it = ks_item(value.data, value.len);
        out[i] = ks_item_copy(s->c->space, &it);
        *bytes += value.len;
    }

    return out;
}


static void
ks_sort_store(ks_sort_t *s)
{
    size_t       i, n, bytes;
    ks_str_t    *out;
    ks_value_t   v;
    ks_entry_t  *e;

    n = s->count * ks_max(s->nget, (size_t) 1);
    out = ks_sort_results(s, n, &bytes);
    e = ks_lookup(s->c->space, s->store, KS_LOOKUP_WRITE);

    if (n == 0) {
        if (e != NULL) {
            ks_delete(s->c, s->store, e);
            ks_effect_as(s->c->space, "DEL %s", s->store);
        }

    } else {
        ks_value_create(s->c->space, s->store, e, KS_TYPE_LIST,
                        KS_ENC_LISTPACK, bytes + n, KS_NO_EXPIRE, &v);

        for (i = 0; i < n; i++) {
            ks_list_push(&v, KS_LIST_TAIL, &out[i]);
        }

        ks_list_settle(&v);
        (void) ks_value_close(&v);
        ks_event(s->c->space, KS_NOTIFY_LIST, "sortstore", s->store);

        /* equal elements come in the order that a set has here */

        ks_effect_as(s->c->space, "DEL %s", s->store);
        ks_effect_as(s->c->space, "RPUSH %s %v", s->store, (int) n, out);
    }

    ks_reply_integer(s->c->reply, (int64_t) n);
}


/* --- the commands --- */

static int
ks_sort_open(ks_ctx_t *c, const ks_str_t *key, ks_value_t *v, int *there)
{
    unsigned     type;
    ks_entry_t  *e;

    e = ks_read_key(c, key);
    *there = (e != NULL);

    if (e == NULL) {
        return KS_OK;
    }

    type = ks_entry_type(e);

    if (type != KS_TYPE_LIST && type != KS_TYPE_SET && type != KS_TYPE_ZSET) {
        ks_reply_error(c->reply, KS_ERR_WRONGTYPE);
        return KS_ERR;
    }

    ks_value_open(c->space, key, e, v);

    return KS_OK;
}


static void
ks_sort(ks_ctx_t *c, int argc, const ks_str_t *argv, int readonly)
{
    int         there;
    ks_sort_t   s;
    ks_value_t  v;

    if (ks_sort_options(&s, c, argc, argv, readonly) != KS_OK
        || ks_sort_open(c, &argv[1], &v, &there) != KS_OK)
    {
        return;
    }

    if (there) {
        ks_sort_elements(&s, &v);

        if (!s.keep) {
            ks_sort_weigh(&s);
            ks_sort_sort(&s);
        }
    }

    if (s.wrong) {
        ks_reply_error(c->reply, "ERR One or more scores can't be converted "
                       "into double");

    } else if (s.store) {
        ks_sort_store(&s);

    } else {
        ks_sort_reply(&s);
    }
}


void
ks_cmd_sort(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_sort(c, argc, argv, 0);
}


void
ks_cmd_sort_ro(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_sort(c, argc, argv, 1);
}
