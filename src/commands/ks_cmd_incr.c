/*
 * Strings as numbers: INCR, DECR, INCRBY, DECRBY, INCRBYFLOAT.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_string_args.h"

#include <math.h>


static void
ks_incr(ks_ctx_t *c, const ks_str_t *key, int64_t by)
{
    u_char       buf[KS_INTEGER_TEXT];
    int64_t      v;
    ks_str_t     s;
    ks_entry_t  *e;

    if (ks_write_string(c, key, &e) != KS_OK) {
        return;
    }

    v = 0;

    if (e != NULL) {
        s = ks_numeral(c, e, KS_INT_LEN);

        if (ks_arg_int(c, &s, &v, NULL) != KS_OK) {
            return;
        }
    }

    if (__builtin_add_overflow(v, by, &v)) {
        ks_reply_error(c->reply, "ERR increment or decrement would overflow");
        return;
    }

    s.data = buf;
    s.len = ks_integer_text(buf, v);

    ks_string_set(c->space, key, e, &s, KS_ENC_INT,
                  e ? KS_KEEP_TTL : KS_NO_EXPIRE);
    ks_event(c->space, KS_NOTIFY_STRING, "incrby", key);
    ks_reply_integer(c->reply, v);
}


void
ks_cmd_incr(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_incr(c, &argv[1], 1);
}


void
ks_cmd_decr(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_incr(c, &argv[1], -1);
}


void
ks_cmd_incrby(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t  by;

    (void) argc;

    if (ks_arg_int(c, &argv[2], &by, NULL) == KS_OK) {
        ks_incr(c, &argv[1], by);
    }
}


void
ks_cmd_decrby(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t  by;

    (void) argc;

    if (ks_arg_int(c, &argv[2], &by, NULL) != KS_OK) {
        return;
    }

    if (by == INT64_MIN) {
        ks_reply_error(c->reply, "ERR decrement would overflow");
        return;
    }

    ks_incr(c, &argv[1], -by);
}


static int
ks_arg_float(ks_ctx_t *c, const ks_str_t *arg, long double *v)
{
    if (ks_parse_float(arg, v) == KS_OK) {
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_FLOAT);

    return KS_ERR;
}


void
ks_cmd_incrbyfloat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    u_char        buf[KS_FLOAT_LEN];
    ks_str_t      s;
    ks_entry_t   *e;
    long double   v, by;

    (void) argc;

    if (ks_write_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    v = 0;

    if (e != NULL) {
        s = ks_numeral(c, e, KS_FLOAT_LEN);

        if (ks_arg_float(c, &s, &v) != KS_OK) {
            return;
        }
    }

    if (ks_arg_float(c, &argv[2], &by) != KS_OK) {
        return;
    }

    v += by;

    if (!isfinite(v)) {
        ks_reply_error(c->reply,
                       "ERR increment would produce NaN or Infinity");
        return;
    }

    s.data = buf;
    s.len = ks_float_text(buf, v);

    ks_string_set(c->space, &argv[1], e, &s, ks_text_encoding(&s),
                  e ? KS_KEEP_TTL : KS_NO_EXPIRE);
    ks_effect_as(c->space, "SET %s %s KEEPTTL", &argv[1], &s);
    ks_event(c->space, KS_NOTIFY_STRING, "incrbyfloat", &argv[1]);
    ks_reply_bulk(c->reply, s.data, s.len);
}
