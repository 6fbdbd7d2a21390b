/*
 * The time that a key has: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT, TTL, PTTL,
 * EXPIRETIME, PEXPIRETIME, PERSIST.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_time_args.h"


static int
ks_expire_options(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned *conditions)
{
    int          i;
    unsigned     condition;
    ks_reply_t  *r;

    r = c->reply;

    for (*conditions = 0, i = 3; i < argc; i++) {
        condition = ks_time_condition(&argv[i]);

        if (condition == 0) {
            ks_reply_errorf(r, "ERR Unsupported option %.*s",
                            (int) ks_min(argv[i].len, 512),
                            (char *) argv[i].data);
            return KS_ERR;
        }

        *conditions |= condition;
    }

    if ((*conditions & KS_TIME_NX) && *conditions != KS_TIME_NX) {
        ks_reply_error(r, "ERR NX and XX, GT or LT options at the same time "
                       "are not compatible");
        return KS_ERR;
    }

    if ((*conditions & KS_TIME_GT) && (*conditions & KS_TIME_LT)) {
        ks_reply_error(r, "ERR GT and LT options at the same time are not "
                       "compatible");
        return KS_ERR;
    }

    return KS_OK;
}


static void
ks_expire(ks_ctx_t *c, int argc, ks_str_t *argv, ks_time_form_t form)
{
    int64_t      at;
    unsigned     conditions;
    ks_entry_t  *e;

    if (ks_expire_options(c, argc, argv, &conditions) != KS_OK
        || ks_arg_time(c, &argv[2], form, &ks_time_any, &at) != KS_OK)
    {
        return;
    }

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);

    if (e == NULL || !ks_time_allowed(conditions, ks_entry_expire(e), at)) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    if (at <= (int64_t) ks_space_past(c->space)) {
        ks_delete(c, &argv[1], e);
        ks_effect_as(c->space, "DEL %s", &argv[1]);

    } else {
        ks_set_expire(c->space, &argv[1], e, (uint64_t) at);
        ks_effect_as(c->space, "PEXPIREAT %s %u", &argv[1], (uint64_t) at);
        ks_event(c->space, KS_NOTIFY_GENERIC, "expire", &argv[1]);
    }

    ks_reply_integer(c->reply, 1);
}


void
ks_cmd_expire(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_expire(c, argc, argv, KS_TIME_EX);
}


void
ks_cmd_pexpire(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_expire(c, argc, argv, KS_TIME_PX);
}


void
ks_cmd_expireat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_expire(c, argc, argv, KS_TIME_EXAT);
}


void
ks_cmd_pexpireat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_expire(c, argc, argv, KS_TIME_PXAT);
}


static void
ks_ttl(ks_ctx_t *c, const ks_str_t *key, ks_time_form_t form)
{
    uint64_t     at;
    ks_entry_t  *e;

    e = ks_peek_key(c, key);
    at = e ? ks_entry_expire(e) : 0;

    if (at == 0) {
        ks_reply_integer(c->reply, e ? -1 : -2);
        return;
    }

    at -= ks_time_from_now(form) ? ks_space_now(c->space) : 0;
    at = ks_time_in_seconds(form) ? (at + 500) / 1000 : at;
    ks_reply_integer(c->reply, (int64_t) at);
}


void
ks_cmd_ttl(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_ttl(c, &argv[1], KS_TIME_EX);
}


void
ks_cmd_pttl(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_ttl(c, &argv[1], KS_TIME_PX);
}


void
ks_cmd_expiretime(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_ttl(c, &argv[1], KS_TIME_EXAT);
}


void
ks_cmd_pexpiretime(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_ttl(c, &argv[1], KS_TIME_PXAT);
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
    ks_event(c->space, KS_NOTIFY_GENERIC, "persist", &argv[1]);
    ks_reply_integer(c->reply, 1);
}
