/*
 * Times that keys and fields are given.
 */

#include "commands/ks_time_args.h"


const ks_time_range_t  ks_time_any = { INT64_MIN, INT64_MAX, NULL };

const ks_time_range_t  ks_time_of_key = { 1, INT64_MAX, NULL };

const ks_time_range_t  ks_time_of_field = {
    0, (1ll << 46) - 1, "ERR invalid expire time, must be >= 0"
};


ks_time_form_t
ks_time_option(const ks_str_t *arg)
{
    return ks_arg_is(arg, "ex") ? KS_TIME_EX
         : ks_arg_is(arg, "px") ? KS_TIME_PX
         : ks_arg_is(arg, "exat") ? KS_TIME_EXAT
         : ks_arg_is(arg, "pxat") ? KS_TIME_PXAT
         : KS_TIME_NONE;
}


int
ks_arg_time(ks_ctx_t *c, const ks_str_t *arg, ks_time_form_t form,
    const ks_time_range_t *range, int64_t *at)
{
    int64_t  t, base;

    if (ks_arg_int(c, arg, &t, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (t < range->least && range->below) {
        ks_reply_error(c->reply, range->below);
        return KS_ERR;
    }

    base = ks_time_from_now(form) ? (int64_t) ks_space_now(c->space) : 0;

    if (t < range->least
        || (ks_time_in_seconds(form) && __builtin_mul_overflow(t, 1000, &t))
        || __builtin_add_overflow(t, base, &t)
        || t > range->latest)
    {
        ks_reply_errorf(c->reply, "ERR invalid expire time in '%s' command",
                        ks_command_name(c->cmd));
        return KS_ERR;
    }

    *at = t;

    return KS_OK;
}


unsigned
ks_time_condition(const ks_str_t *arg)
{
    return ks_arg_is(arg, "nx") ? KS_TIME_NX
         : ks_arg_is(arg, "xx") ? KS_TIME_XX
         : ks_arg_is(arg, "gt") ? KS_TIME_GT
         : ks_arg_is(arg, "lt") ? KS_TIME_LT
         : 0;
}


int
ks_time_allowed(unsigned conditions, uint64_t old, int64_t at)
{
    if (((conditions & KS_TIME_NX) && old != 0)
        || ((conditions & KS_TIME_XX) && old == 0))
    {
        return 0;
    }

    if ((conditions & KS_TIME_GT) && (old == 0 || at <= (int64_t) old)) {
        return 0;
    }

    return !((conditions & KS_TIME_LT) && old != 0 && at >= (int64_t) old);
}
