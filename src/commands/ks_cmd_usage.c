/*
 * ACL USAGE: what a user has used, and what its quotas are.
 */

#include "commands/ks_args.h"
#include "commands/ks_door.h"
#include "commands/ks_handlers.h"
#include "commands/ks_usage.h"


typedef struct {
    const char  *name;
    uint64_t     value;
} ks_usage_row_t;


/*
 * Whether the client may do to that user what another subcommand of ACL does;
 * 0: the error is written.
 */

static int
ks_usage_permits(ks_ctx_t *c, const char *subcommand, const ks_str_t *name)
{
    ks_str_t             argv[3];
    ks_denial_t          d;
    const ks_command_t  *cmd;

    argv[0] = ks_text("acl");
    argv[1] = ks_text(subcommand);
    argv[2] = *name;

    cmd = ks_command_find(2, argv);

    if (ks_user_may(c->space, c->client->user, cmd, 3, argv, &d)) {
        return 1;
    }

    ks_deny(c->client, cmd, 3, argv, &d, KS_DENIED_TOPLEVEL, c->reply);

    return 0;
}


static void
ks_usage_reply(ks_ctx_t *c, const ks_str_t *name, const ks_meter_t *mt)
{
    size_t             i;
    ks_used_t          used;
    const ks_quota_t  *q;

    q = &mt->quota;
    ks_usage_read(mt, ks_space_now(c->space), &used);

    ks_usage_row_t  rows[] = {
        { "commands", mt->commands },
        { "commands-day", used.commands[KS_METER_DAY] },
        { "commands-day-limit", q->commands[KS_METER_DAY] },
        { "commands-month", used.commands[KS_METER_MONTH] },
        { "commands-month-limit", q->commands[KS_METER_MONTH] },
        { "bytes-in", mt->in },
        { "bytes-in-day", used.in[KS_METER_DAY] },
        { "bytes-in-month", used.in[KS_METER_MONTH] },
        { "bytes-out", mt->out },
        { "bytes-out-day", used.out[KS_METER_DAY] },
        { "bytes-out-day-limit", q->bandwidth[KS_METER_DAY] },
        { "bytes-out-month", used.out[KS_METER_MONTH] },
        { "bytes-out-month-limit", q->bandwidth[KS_METER_MONTH] },
        { "day-ends", used.ends[KS_METER_DAY] / 1000 },
        { "month-ends", used.ends[KS_METER_MONTH] / 1000 },
        { "rate-limit", q->rate },
        { "rate-period-ms", q->period },
        { "rate-burst", q->burst },
        { "request-limit", q->request },
        { "refused", mt->refused },
        { "zone-memory", ks_zone_used(ks_space_zone(c->space)) },
        { "zone-memory-limit", q->memory }
    };

    ks_reply_map(c->reply, ks_nelts(rows) + 2);

    ks_reply_cstr(c->reply, "user");
    ks_reply_bulk(c->reply, name->data, name->len);

    for (i = 0; i < ks_nelts(rows); i++) {
        ks_reply_cstr(c->reply, rows[i].name);
        ks_reply_integer(c->reply, (int64_t) rows[i].value);
    }

    ks_reply_cstr(c->reply, "zone-gb-hours");
    ks_reply_double(c->reply, ks_usage_gb_hours(ks_space_zone(c->space),
                                                 ks_clock()));
}


void
ks_cmd_acl_usage(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                 reset;
    ks_str_t            name;
    ks_meter_t         *mt;
    ks_users_record_t   u;

    reset = (argc == 4 && ks_arg_is(&argv[3], "reset"));

    if (argc > 4 || (argc == 4 && !reset)) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    name = (argc > 2) ? argv[2] : ks_text(c->client->user->name);

    if (argc > 2
        && !ks_usage_permits(c, reset ? "setuser" : "getuser", &name))
    {
        return;
    }

    if (ks_users_get(c->space, &name, &u) != KS_OK) {
        ks_reply_null(c->reply);
        return;
    }

    if (u.meter == 0) {
        ks_reply_errorf(c->reply, "ERR what user '%.*s' uses is not counted",
                        (int) ks_min(name.len, 255u), (char *) name.data);
        return;
    }

    mt = ks_meter_at(ks_space_zone(c->space), u.meter - 1);

    if (reset) {
        ks_usage_reset(c->space, mt);
        ks_reply_ok(c->reply);
        return;
    }

    ks_usage_reply(c, &name, mt);
}
