/*
 * CL.THROTTLE: rate limits for applications, with the arguments, the reply and
 * the errors of redis-cell.  The state is that of a gcra rule of nginx.conf,
 * so both can share a key.
 *
 * Where redis-cell would go on with numbers that have overflowed, or with a
 * rate below zero, there is an error here.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_limit.h"


#define KS_THROTTLE_ERR     "Cell error: "
#define KS_SECOND           (1000 * KS_LIMIT_MS)


/* An integer as Rust reads it: zeros in front and a plus are allowed. */

static int
ks_throttle_int(ks_ctx_t *c, const ks_str_t *arg, int64_t *v)
{
    int        neg;
    ks_str_t   digits;
    uint64_t   u;

    digits = *arg;
    neg = 0;

    if (digits.len > 1 && (*digits.data == '+' || *digits.data == '-')) {
        neg = (*digits.data == '-');
        digits.data++;
        digits.len--;
    }

    if (ks_parse_uint(&digits, &u) != KS_OK || u > (uint64_t) INT64_MAX + neg)
    {
        ks_reply_errorf(c->reply, KS_THROTTLE_ERR "Couldn't parse as integer: "
                        "%.*s", (int) ks_min(arg->len, 128),
                        (char *) arg->data);
        return KS_ERR;
    }

    *v = neg ? (int64_t) (0 - u) : (int64_t) u;

    return KS_OK;
}


static int
ks_throttle_args(ks_ctx_t *c, int argc, ks_str_t *argv, ks_limit_check_t *lc)
{
    int64_t  seconds;

    if (argc != 5 && argc != 6) {
        ks_reply_error(c->reply, KS_THROTTLE_ERR "Usage: cl.throttle <key> "
                       "<max_burst> <count per period> <period> "
                       "[<quantity>]");
        return KS_ERR;
    }

    lc->key = argv[1];
    lc->cost = 1;
    lc->dry = 0;
    lc->block = 0;
    lc->strict = 1;
    lc->full = 0;
    lc->lasting = 1;
    lc->limit.algorithm = KS_LIMIT_GCRA;

    if (ks_throttle_int(c, &argv[2], &lc->limit.burst) != KS_OK
        || ks_throttle_int(c, &argv[3], &lc->limit.count) != KS_OK
        || ks_throttle_int(c, &argv[4], &seconds) != KS_OK
        || (argc == 6 && ks_throttle_int(c, &argv[5], &lc->cost) != KS_OK))
    {
        return KS_ERR;
    }

    if (seconds > INT64_MAX / KS_SECOND || lc->limit.burst == INT64_MAX) {
        ks_reply_error(c->reply, KS_THROTTLE_ERR "out of range");
        return KS_ERR;
    }

    lc->limit.period = ks_max(seconds, 0) * 1000;

    if (seconds <= 0 || lc->limit.count <= 0
        || ks_limit_interval(&lc->limit) == 0)
    {
        ks_reply_error(c->reply, KS_THROTTLE_ERR
                       "Zero rates are not supported");
        return KS_ERR;
    }

    return KS_OK;
}


static void
ks_throttle_fault(ks_ctx_t *c, const ks_limit_check_t *lc)
{
    switch (lc->fault) {

    case KS_LIMIT_WRONGTYPE:
        ks_reply_error(c->reply, KS_ERR_WRONGTYPE);
        break;

    case KS_LIMIT_GARBAGE:
        ks_reply_error(c->reply, ks_string_len(lc->entry) == 0
                       ? KS_THROTTLE_ERR "cannot parse integer from empty "
                                         "string"
                       : KS_THROTTLE_ERR "invalid digit found in string");
        break;

    default:
        ks_reply_error(c->reply, lc->cost < 0
                       ? KS_THROTTLE_ERR "Error while setting key expire"
                       : KS_THROTTLE_ERR "out of range");
    }
}


/* so that who waits for as long does not come too early */

static int64_t
ks_throttle_seconds(int64_t ns)
{
    if (ns < 0) {
        return -1;
    }

    return ns / KS_SECOND + (ns % KS_SECOND >= KS_LIMIT_MS);
}


void
ks_cmd_throttle(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_limit_check_t  lc;

    if (ks_throttle_args(c, argc, argv, &lc) != KS_OK) {
        return;
    }

    (void) ks_limit_ask(c->space, &lc, 1, ks_limit_now(c->space));

    if (lc.fault) {
        ks_throttle_fault(c, &lc);
        return;
    }

    ks_reply_array(c->reply, 5);
    ks_reply_integer(c->reply, lc.limited);
    ks_reply_integer(c->reply, lc.quota);
    ks_reply_integer(c->reply, lc.remaining);
    ks_reply_integer(c->reply, ks_throttle_seconds(lc.retry));
    ks_reply_integer(c->reply, ks_throttle_seconds(lc.reset));
}
