/*
 * The time that a key has: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, TTL, PTTL,
 * EXPIRETIME, PEXPIRETIME, PERSIST.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"


#define KS_EXPIRE_NX  0x01
#define KS_EXPIRE_XX  0x02
#define KS_EXPIRE_GT  0x04
#define KS_EXPIRE_LT  0x08


static int
ks_expire_options(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned *flags)
{
    int          i;
    ks_reply_t  *r;

    r = c->reply;

    for (*flags = 0, i = 3; i < argc; i++) {

        if (ks_arg_is(&argv[i], "nx")) {
            *flags |= KS_EXPIRE_NX;

        } else if (ks_arg_is(&argv[i], "xx")) {
            *flags |= KS_EXPIRE_XX;

        } else if (ks_arg_is(&argv[i], "gt")) {
            *flags |= KS_EXPIRE_GT;

        } else if (ks_arg_is(&argv[i], "lt")) {
            *flags |= KS_EXPIRE_LT;

        } else {
            ks_reply_errorf(r, "ERR Unsupported option %.*s",
                            (int) ks_min(argv[i].len, 512),
                            (char *) argv[i].data);
            return KS_ERR;
        }
    }

    if ((*flags & KS_EXPIRE_NX) && *flags != KS_EXPIRE_NX) {
        ks_reply_error(r, "ERR NX and XX, GT or LT options at the same time "
                       "are not compatible");
        return KS_ERR;
    }

    if ((*flags & KS_EXPIRE_GT) && (*flags & KS_EXPIRE_LT)) {
        ks_reply_error(r, "ERR GT and LT options at the same time are not "
                       "compatible");
        return KS_ERR;
    }

    return KS_OK;
}


/* the argument -> ms since the epoch, which may lie before it */

static int
ks_expire_time(ks_ctx_t *c, const ks_str_t *arg, int seconds, int relative,
    int64_t *at)
{
    if (ks_arg_int(c, arg, at, NULL) != KS_OK) {
        return KS_ERR;
    }

    if ((seconds && __builtin_mul_overflow(*at, 1000, at))
        || (relative && __builtin_add_overflow(*at,
                             (int64_t) ks_space_now(c->space), at)))
    {
        ks_reply_errorf(c->reply, "ERR invalid expire time in '%s' command",
                        ks_command_name(c->cmd));
        return KS_ERR;
    }

    return KS_OK;
}


/* whether the options let a key with the deadline old (0: none) have at */

static int
ks_expire_allowed(unsigned flags, uint64_t old, int64_t at)
{
    int64_t  now;

    now = old ? (int64_t) old : INT64_MAX;

    if ((flags & KS_EXPIRE_NX) && old != 0) {
        return 0;
    }

    if ((flags & KS_EXPIRE_XX) && old == 0) {
        return 0;
    }

    if ((flags & KS_EXPIRE_GT) && (old == 0 || at <= now)) {
        return 0;
    }

    return !((flags & KS_EXPIRE_LT) && old != 0 && at >= now);
}


static void
ks_expire(ks_ctx_t *c, int argc, ks_str_t *argv, int seconds, int relative)
{
    int64_t      at;
    unsigned     flags;
    ks_entry_t  *e;

    if (ks_expire_options(c, argc, argv, &flags) != KS_OK
        || ks_expire_time(c, &argv[2], seconds, relative, &at) != KS_OK)
    {
        return;
    }

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);

    if (e == NULL || !ks_expire_allowed(flags, ks_entry_expire(e), at)) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    if (at <= (int64_t) ks_space_now(c->space)) {
        ks_remove(c->space, &argv[1], e);
        ks_effect_as(c->space, "DEL %s", &argv[1]);

    } else {
        ks_set_expire(c->space, &argv[1], e, (uint64_t) at);
        ks_effect_as(c->space, "PEXPIREAT %s %u", &argv[1], (uint64_t) at);
    }

    ks_reply_integer(c->reply, 1);
}


void
ks_cmd_expire(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_expire(c, argc, argv, 1, 1);
}


void
ks_cmd_pexpire(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_expire(c, argc, argv, 0, 1);
}


void
ks_cmd_expireat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_expire(c, argc, argv, 1, 0);
}


void
ks_cmd_pexpireat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_expire(c, argc, argv, 0, 0);
}


static void
ks_ttl(ks_ctx_t *c, const ks_str_t *key, int seconds, int relative)
{
    uint64_t     at;
    ks_entry_t  *e;

    e = ks_peek_key(c, key);
    at = e ? ks_entry_expire(e) : 0;

    if (at == 0) {
        ks_reply_integer(c->reply, e ? -1 : -2);
        return;
    }

    at -= relative ? ks_space_now(c->space) : 0;
    ks_reply_integer(c->reply, (int64_t) (seconds ? (at + 500) / 1000 : at));
}


void
ks_cmd_ttl(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_ttl(c, &argv[1], 1, 1);
}


void
ks_cmd_pttl(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_ttl(c, &argv[1], 0, 1);
}


void
ks_cmd_expiretime(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_ttl(c, &argv[1], 1, 0);
}


void
ks_cmd_pexpiretime(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_ttl(c, &argv[1], 0, 0);
}


void
ks_cmd_persist(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);

    if (e == NULL || ks_entry_expire(e) == KS_NO_EXPIRE) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    ks_set_expire(c->space, &argv[1], e, KS_NO_EXPIRE);
    ks_reply_integer(c->reply, 1);
}
