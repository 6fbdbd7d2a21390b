/*
 * INCREX: adds to a number within bounds, and sets the time that its key has.
 *
 * A sum beyond the bounds, or beyond what its type can hold, changes nothing,
 * neither the number nor the time; or, with SATURATE, becomes the bound.  The
 * reply is the number and what was added to it.  A number is an integer, or
 * with BYFLOAT one with a fraction: the same steps, once for each.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_string_args.h"

#include <float.h>
#include <math.h>


/* options that need no more than to be there; each may be said once */
#define KS_INCREX_SATURATE  0x01
#define KS_INCREX_PERSIST   0x02
#define KS_INCREX_ENX       0x04        /* a time only where there is none */
#define KS_INCREX_NX        0x08
#define KS_INCREX_XX        0x10

typedef struct {
    unsigned         flags;
    unsigned         floats:1;          /* BYFLOAT */
    const ks_str_t  *by;                /* NULL: 1 */
    const ks_str_t  *low;               /* NULL: none */
    const ks_str_t  *high;
    ks_set_opts_t    time;
} ks_increx_t;

typedef struct {
    int64_t          by;
    int64_t          low;
    int64_t          high;
    int64_t          v;                 /* before, and then after */
    int64_t          added;
} ks_increx_int_t;

typedef struct {
    long double      by;
    long double      low;
    long double      high;
    long double      v;
    long double      added;
} ks_increx_float_t;


/* --- arguments --- */

static unsigned
ks_increx_word(const ks_str_t *arg)
{
    return ks_arg_is(arg, "saturate") ? KS_INCREX_SATURATE
         : ks_arg_is(arg, "persist") ? KS_INCREX_PERSIST
         : ks_arg_is(arg, "enx") ? KS_INCREX_ENX
         : ks_arg_is(arg, "nx") ? KS_INCREX_NX
         : ks_arg_is(arg, "xx") ? KS_INCREX_XX : 0;
}


/* where the value of the option belongs; NULL: it has been said, or is none */

static const ks_str_t **
ks_increx_place(ks_increx_t *x, const ks_str_t *arg)
{
    ks_time_form_t    form;
    const ks_str_t  **place;

    form = ks_time_option(arg);

    if (ks_arg_is(arg, "byint")) {
        place = &x->by;

    } else if (ks_arg_is(arg, "byfloat")) {
        x->floats = 1;
        place = &x->by;

    } else if (ks_arg_is(arg, "lbound")) {
        place = &x->low;

    } else if (ks_arg_is(arg, "ubound")) {
        place = &x->high;

    } else if (form != KS_TIME_NONE) {
        x->time.form = form;
        place = &x->time.arg;

    } else {
        return NULL;
    }

    return *place ? NULL : place;
}


static int
ks_increx_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_increx_t *x)
{
    int               i;
    unsigned          word;
    const ks_str_t  **place;

    memset(x, 0, sizeof(ks_increx_t));

    for (i = 2; i < argc; i++) {
        word = ks_increx_word(&argv[i]);

        if (word) {
            if (x->flags & word) {
                goto syntax;
            }

            x->flags |= word;
            continue;
        }

        place = ks_increx_place(x, &argv[i]);

        if (place == NULL || ++i == argc) {
            goto syntax;
        }

        *place = &argv[i];
    }

    if ((x->flags & KS_INCREX_PERSIST)
        && (x->time.arg || (x->flags & KS_INCREX_ENX)))
    {
        goto syntax;
    }

    if ((x->flags & KS_INCREX_NX) && (x->flags & KS_INCREX_XX)) {
        goto syntax;
    }

    if ((x->flags & KS_INCREX_ENX) && x->time.arg == NULL) {
        ks_reply_error(c->reply, "ERR ENX flag requires an expiration");
        return KS_ERR;
    }

    return KS_OK;

syntax:

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


static int
ks_increx_crossed(ks_ctx_t *c)
{
    ks_reply_error(c->reply, "ERR LBOUND can't be greater than UBOUND");

    return KS_ERR;
}


/* --- integers --- */

static int
ks_increx_int(ks_ctx_t *c, const ks_increx_t *x, ks_increx_int_t *n)
{
    n->by = 1;
    n->low = INT64_MIN;
    n->high = INT64_MAX;

    if ((x->by && ks_arg_int(c, x->by, &n->by, "ERR Increment is not an "
                             "integer or out of range") != KS_OK)
        || (x->low && ks_arg_int(c, x->low, &n->low, "ERR LBOUND is not an "
                                 "integer or out of range") != KS_OK)
        || (x->high && ks_arg_int(c, x->high, &n->high, "ERR UBOUND is not an "
                                  "integer or out of range") != KS_OK))
    {
        return KS_ERR;
    }

    return n->low > n->high ? ks_increx_crossed(c) : KS_OK;
}


static int
ks_increx_int_value(ks_ctx_t *c, const ks_entry_t *e, ks_increx_int_t *n)
{
    ks_str_t  s;

    n->v = 0;

    if (e == NULL) {
        return KS_OK;
    }

    s = ks_numeral(c, e, KS_INT_LEN);

    return ks_arg_int(c, &s, &n->v, NULL);
}


/* 1: there is a new number; 0: it would be out of bounds */

static int
ks_increx_int_add(ks_ctx_t *c, const ks_increx_t *x, ks_increx_int_t *n)
{
    int      over;
    int64_t  sum;

    over = __builtin_add_overflow(n->v, n->by, &sum);

    if (over || sum < n->low || sum > n->high) {

        if (!(x->flags & KS_INCREX_SATURATE)) {
            n->added = 0;
            return 0;
        }

        sum = over ? (n->by > 0 ? INT64_MAX : INT64_MIN) : sum;
        sum = ks_max(ks_min(sum, n->high), n->low);
    }

    if (__builtin_sub_overflow(sum, n->v, &n->added)) {
        ks_reply_error(c->reply, "ERR applied increment would overflow");
        return KS_ERR;
    }

    n->v = sum;

    return 1;
}


/* --- numbers with a fraction --- */

static int
ks_increx_float_arg(ks_ctx_t *c, const ks_str_t *arg, long double *v,
    const char *err)
{
    if (arg == NULL || ks_parse_float(arg, v) == KS_OK) {
        return KS_OK;
    }

    ks_reply_error(c->reply, err);

    return KS_ERR;
}


static int
ks_increx_float(ks_ctx_t *c, const ks_increx_t *x, ks_increx_float_t *n)
{
    n->low = -INFINITY;
    n->high = INFINITY;

    if (ks_increx_float_arg(c, x->by, &n->by,
                            "ERR Increment is not a valid float") != KS_OK
        || ks_increx_float_arg(c, x->low, &n->low,
                               "ERR LBOUND is not a valid float") != KS_OK
        || ks_increx_float_arg(c, x->high, &n->high,
                               "ERR UBOUND is not a valid float") != KS_OK)
    {
        return KS_ERR;
    }

    /* without the other one, a bound is compared with what a number can be */

    return (x->low ? n->low : -LDBL_MAX) > (x->high ? n->high : LDBL_MAX)
           ? ks_increx_crossed(c) : KS_OK;
}


static int
ks_increx_float_value(ks_ctx_t *c, const ks_entry_t *e, ks_increx_float_t *n)
{
    ks_str_t  s;

    n->v = 0;

    if (e == NULL) {
        return KS_OK;
    }

    s = ks_numeral(c, e, KS_FLOAT_LEN);

    return ks_increx_float_arg(c, &s, &n->v, KS_ERR_FLOAT);
}


static int
ks_increx_float_add(ks_ctx_t *c, const ks_increx_t *x, ks_increx_float_t *n)
{
    long double  sum;

    sum = n->v + n->by;

    if (!isfinite(sum) || sum < n->low || sum > n->high) {

        if (!(x->flags & KS_INCREX_SATURATE)) {
            n->added = 0;
            return 0;
        }

        if (!isfinite(sum)) {
            sum = n->by > 0 ? LDBL_MAX : -LDBL_MAX;
        }

        sum = ks_max(ks_min(sum, n->high), n->low);
    }

    n->added = sum - n->v;

    if (!isfinite(n->added)) {
        ks_reply_error(c->reply, "ERR applied increment would be Infinity");
        return KS_ERR;
    }

    n->v = sum;

    return 1;
}


/* --- the command --- */

static void
ks_increx_store(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e,
    const ks_str_t *s, unsigned enc, const ks_increx_t *x)
{
    int          timed;
    uint64_t     at, kept;
    const char  *event;

    timed = x->time.arg != NULL
            && !((x->flags & KS_INCREX_ENX) && e && ks_entry_expire(e) != 0);

    event = x->floats ? "incrbyfloat" : "incrby";

    /* whose time is over already: stored, and gone at once */

    if (timed && ks_deadline_over(c, &x->time)) {
        if (e != NULL) {
            ks_event(c->space, KS_NOTIFY_STRING, event, key);
            ks_delete(c, key, e);
            ks_effect_as(c->space, "DEL %s", key);
        }

        return;
    }

    at = (e == NULL || (x->flags & KS_INCREX_PERSIST)) ? KS_NO_EXPIRE
                                                       : KS_KEEP_TTL;
    kept = e ? ks_entry_expire(e) : KS_NO_EXPIRE;

    ks_string_set(c->space, key, e, s, enc, timed ? x->time.at : at);
    ks_event(c->space, KS_NOTIFY_STRING, event, key);

    if (timed) {
        ks_effect_as(c->space, "SET %s %s PXAT %u", key, s, x->time.at);
        ks_event(c->space, KS_NOTIFY_GENERIC, "expire", key);

    } else {
        ks_effect_as(c->space, at == KS_KEEP_TTL ? "SET %s %s KEEPTTL"
                                                 : "SET %s %s", key, s);

        if (at != KS_KEEP_TTL && kept != KS_NO_EXPIRE) {
            ks_event(c->space, KS_NOTIFY_GENERIC, "persist", key);
        }
    }
}


static void
ks_increx_reply_float(ks_ctx_t *c, long double v)
{
    u_char  buf[KS_FLOAT_LEN];

    ks_reply_number(c->reply, (double) v, buf, ks_float_text(buf, v));
}


/* Whether NX or XX keeps it from being done. */

static inline int
ks_increx_skipped(const ks_increx_t *x, const ks_entry_t *e)
{
    return (x->flags & (e ? KS_INCREX_NX : KS_INCREX_XX)) != 0;
}


static void
ks_increx_by_int(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e,
    const ks_increx_t *x, ks_increx_int_t *n)
{
    int       done;
    u_char    buf[KS_INTEGER_TEXT];
    ks_str_t  s;

    if (ks_increx_int_value(c, e, n) != KS_OK) {
        return;
    }

    n->added = 0;
    done = ks_increx_skipped(x, e) ? 0 : ks_increx_int_add(c, x, n);

    if (done == KS_ERR) {
        return;
    }

    if (done) {
        s.data = buf;
        s.len = ks_integer_text(buf, n->v);
        ks_increx_store(c, key, e, &s, KS_ENC_INT, x);
    }

    ks_reply_array(c->reply, 2);
    ks_reply_integer(c->reply, n->v);
    ks_reply_integer(c->reply, n->added);
}


static void
ks_increx_by_float(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e,
    const ks_increx_t *x, ks_increx_float_t *n)
{
    int       done;
    u_char    buf[KS_FLOAT_LEN];
    ks_str_t  s;

    if (ks_increx_float_value(c, e, n) != KS_OK) {
        return;
    }

    n->added = 0;
    done = ks_increx_skipped(x, e) ? 0 : ks_increx_float_add(c, x, n);

    if (done == KS_ERR) {
        return;
    }

    if (done) {
        s.data = buf;
        s.len = ks_float_text(buf, n->v);
        ks_increx_store(c, key, e, &s, ks_text_encoding(&s), x);
    }

    ks_reply_array(c->reply, 2);
    ks_increx_reply_float(c, n->v);
    ks_increx_reply_float(c, n->added);
}


void
ks_cmd_increx(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t         *e;
    ks_increx_t         x;
    ks_increx_int_t     n;
    ks_increx_float_t   f;

    if (ks_increx_options(c, argc, argv, &x) != KS_OK
        || (x.floats ? ks_increx_float(c, &x, &f) : ks_increx_int(c, &x, &n))
           != KS_OK
        || ks_set_deadline(c, &x.time) != KS_OK
        || ks_write_string(c, &argv[1], &e) != KS_OK)
    {
        return;
    }

    if (x.floats) {
        ks_increx_by_float(c, &argv[1], e, &x, &f);

    } else {
        ks_increx_by_int(c, &argv[1], e, &x, &n);
    }
}
