/*
 * INCREX: adds to a number within bounds, and sets the time that its key has.
 *
 * A sum beyond the bounds, or beyond what its type can hold, changes nothing,
 * neither the number nor the time; or, with SATURATE, becomes the bound.  The
 * reply is the number and what was added to it.  A number is an integer, or
 * with BYFLOAT one with a fraction: a row of steps for each.
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

typedef union {
    ks_increx_int_t    i;
    ks_increx_float_t  f;
} ks_increx_sum_t;

typedef struct {
    int      (*args)(ks_ctx_t *c, const ks_increx_t *x, ks_increx_sum_t *n);

    /* what is at the key; nothing has been added yet */
    int      (*value)(ks_ctx_t *c, const ks_entry_t *e, ks_increx_sum_t *n);

    /* 1: there is a new number; 0: it would be out of bounds; or KS_ERR */
    int      (*add)(ks_ctx_t *c, const ks_increx_t *x, ks_increx_sum_t *n);

    /* the number as it is stored; its encoding */
    unsigned (*text)(const ks_increx_sum_t *n, ks_str_t *s);

    void     (*reply)(ks_ctx_t *c, const ks_increx_sum_t *n);
} ks_increx_steps_t;


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
ks_increx_int_args(ks_ctx_t *c, const ks_increx_t *x, ks_increx_sum_t *sum)
{
    ks_increx_int_t  *n = &sum->i;

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
ks_increx_int_value(ks_ctx_t *c, const ks_entry_t *e, ks_increx_sum_t *sum)
{
    ks_str_t          s;
    ks_increx_int_t  *n = &sum->i;

    n->v = 0;
    n->added = 0;

    if (e == NULL) {
        return KS_OK;
    }

    s = ks_numeral(c, e, KS_INT_LEN);

    return ks_arg_int(c, &s, &n->v, NULL);
}


static int
ks_increx_int_add(ks_ctx_t *c, const ks_increx_t *x, ks_increx_sum_t *sum)
{
    int               over;
    int64_t           v;
    ks_increx_int_t  *n = &sum->i;

    over = __builtin_add_overflow(n->v, n->by, &v);

    if (over || v < n->low || v > n->high) {

        if (!(x->flags & KS_INCREX_SATURATE)) {
            return 0;
        }

        v = over ? (n->by > 0 ? INT64_MAX : INT64_MIN) : v;
        v = ks_max(ks_min(v, n->high), n->low);
    }

    if (__builtin_sub_overflow(v, n->v, &n->added)) {
        ks_reply_error(c->reply, "ERR applied increment would overflow");
        return KS_ERR;
    }

    n->v = v;

    return 1;
}


static unsigned
ks_increx_int_text(const ks_increx_sum_t *n, ks_str_t *s)
{
    s->len = ks_integer_text(s->data, n->i.v);

    return KS_ENC_INT;
}


static void
ks_increx_int_reply(ks_ctx_t *c, const ks_increx_sum_t *n)
{
    ks_reply_integer(c->reply, n->i.v);
    ks_reply_integer(c->reply, n->i.added);
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
ks_increx_float_args(ks_ctx_t *c, const ks_increx_t *x, ks_increx_sum_t *sum)
{
    ks_increx_float_t  *n = &sum->f;

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
ks_increx_float_value(ks_ctx_t *c, const ks_entry_t *e, ks_increx_sum_t *sum)
{
    ks_str_t            s;
    ks_increx_float_t  *n = &sum->f;

    n->v = 0;
    n->added = 0;

    if (e == NULL) {
        return KS_OK;
    }

    s = ks_numeral(c, e, KS_FLOAT_LEN);

    return ks_increx_float_arg(c, &s, &n->v, KS_ERR_FLOAT);
}


static int
ks_increx_float_add(ks_ctx_t *c, const ks_increx_t *x, ks_increx_sum_t *sum)
{
    long double         v;
    ks_increx_float_t  *n = &sum->f;

    v = n->v + n->by;

    if (!isfinite(v) || v < n->low || v > n->high) {

        if (!(x->flags & KS_INCREX_SATURATE)) {
            return 0;
        }

        if (!isfinite(v)) {
            v = n->by > 0 ? LDBL_MAX : -LDBL_MAX;
        }

        v = ks_max(ks_min(v, n->high), n->low);
    }

    n->added = v - n->v;

    if (!isfinite(n->added)) {
        ks_reply_error(c->reply, "ERR applied increment would be Infinity");
        return KS_ERR;
    }

    n->v = v;

    return 1;
}


static unsigned
ks_increx_float_text(const ks_increx_sum_t *n, ks_str_t *s)
{
    s->len = ks_float_text(s->data, n->f.v);

    return ks_text_encoding(s);
}


static void
ks_increx_reply_float(ks_ctx_t *c, long double v)
{
    u_char  buf[KS_FLOAT_LEN];

    ks_reply_number(c->reply, (double) v, buf, ks_float_text(buf, v));
}


static void
ks_increx_float_reply(ks_ctx_t *c, const ks_increx_sum_t *n)
{
    ks_increx_reply_float(c, n->f.v);
    ks_increx_reply_float(c, n->f.added);
}


static const ks_increx_steps_t  ks_increx_steps[] = {
    { ks_increx_int_args, ks_increx_int_value, ks_increx_int_add,
      ks_increx_int_text, ks_increx_int_reply },
    { ks_increx_float_args, ks_increx_float_value, ks_increx_float_add,
      ks_increx_float_text, ks_increx_float_reply }
};


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


/* Whether NX or XX keeps it from being done. */

static inline int
ks_increx_skipped(const ks_increx_t *x, const ks_entry_t *e)
{
    return (x->flags & (e ? KS_INCREX_NX : KS_INCREX_XX)) != 0;
}


void
ks_cmd_increx(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                       done;
    u_char                    buf[KS_FLOAT_LEN];
    unsigned                  enc;
    ks_str_t                  s;
    ks_entry_t               *e;
    ks_increx_t               x;
    ks_increx_sum_t           n;
    const ks_increx_steps_t  *steps;

    if (ks_increx_options(c, argc, argv, &x) != KS_OK) {
        return;
    }

    steps = &ks_increx_steps[x.floats];

    if (steps->args(c, &x, &n) != KS_OK
        || ks_set_deadline(c, &x.time) != KS_OK
        || ks_write_string(c, &argv[1], &e) != KS_OK
        || steps->value(c, e, &n) != KS_OK)
    {
        return;
    }

    done = ks_increx_skipped(&x, e) ? 0 : steps->add(c, &x, &n);

    if (done == KS_ERR) {
        return;
    }

    if (done) {
        s.data = buf;
        enc = steps->text(&n, &s);
        ks_increx_store(c, &argv[1], e, &s, enc, &x);
    }

    ks_reply_array(c->reply, 2);
    steps->reply(c, &n);
}
