/*
 * Keys on the move: DUMP writes a value as Redis 7.0 does, RESTORE reads what
 * any Redis up to 7.4 wrote.  The bytes are made in keyspace/ks_dump.c.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"


typedef struct {
    int       replace;
    int       absolute;
    int64_t   idle;             /* negative: not given */
    int64_t   freq;
} ks_restore_t;


/* --- DUMP --- */

void
ks_cmd_dump(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t         n;
    ks_dump_t      d;
    ks_entry_t    *e;
    const u_char  *p;

    (void) argc;

    e = ks_read_key(c, &argv[1]);

    if (e == NULL || !ks_dump_any(c->space, e)) {
        ks_reply_null(c->reply);
        return;
    }

    ks_dump_begin(&d, c->space, e);
    c->reply->ops->bulk_begin(c->reply, d.len);

    while ((p = ks_dump_part(&d, &n)) != NULL) {
        c->reply->ops->bulk_part(c->reply, p, n);
    }

    c->reply->ops->bulk_end(c->reply);
}


/* --- RESTORE --- */

static int
ks_restore_number(ks_ctx_t *c, const ks_str_t *arg, int64_t *v, int64_t max,
    const char *err)
{
    if (ks_arg_int(c, arg, v, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (*v < 0 || *v > max) {
        ks_reply_error(c->reply, err);
        return KS_ERR;
    }

    return KS_OK;
}


static int
ks_restore_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_restore_t *o)
{
    int  i, more;

    o->replace = 0;
    o->absolute = 0;
    o->idle = -1;
    o->freq = -1;

    for (i = 4; i < argc; i++) {
        more = (i + 1 < argc);

        if (ks_arg_is(&argv[i], "replace")) {
            o->replace = 1;

        } else if (ks_arg_is(&argv[i], "absttl")) {
            o->absolute = 1;

        } else if (ks_arg_is(&argv[i], "idletime") && more && o->freq < 0) {
            if (ks_restore_number(c, &argv[++i], &o->idle, INT64_MAX,
                        "ERR Invalid IDLETIME value, must be >= 0") != KS_OK)
            {
                return KS_ERR;
            }

        } else if (ks_arg_is(&argv[i], "freq") && more && o->idle < 0) {
            if (ks_restore_number(c, &argv[++i], &o->freq, 255,
                        "ERR Invalid FREQ value, must be >= 0 and <= 255")
                != KS_OK)
            {
                return KS_ERR;
            }

        } else {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    return KS_OK;
}


static int
ks_restore_value(ks_ctx_t *c, const ks_str_t *dump, ks_rdb_value_t *in)
{
    if (ks_rdb_verify(dump) != KS_OK) {
        ks_reply_error(c->reply,
                       "ERR DUMP payload version or checksum are wrong");
        return KS_ERR;
    }

    if (ks_restore_read(c->space, dump, in) != KS_OK) {
        ks_reply_error(c->reply, "ERR Bad data format");
        return KS_ERR;
    }

    return KS_OK;
}


/* 0: the key never expires; otherwise when, which may be long ago */

static int64_t
ks_restore_time(const ks_ctx_t *c, int64_t ttl, int absolute)
{
    int64_t  at;

    if (ttl == 0 || absolute) {
        return ttl;
    }

    /* a sum that is too large is no time at all, to Redis as well */

    return __builtin_add_overflow(ttl, (int64_t) ks_space_now(c->space), &at)
           ? -1 : at;
}


void
ks_cmd_restore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t          ttl, at;
    ks_entry_t      *e;
    ks_restore_t     o;
    ks_rdb_value_t   in;

    if (ks_restore_options(c, argc, argv, &o) != KS_OK) {
        return;
    }

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);

    if (e != NULL && !o.replace) {
        ks_reply_error(c->reply, "BUSYKEY Target key name already exists.");
        return;
    }

    if (ks_restore_number(c, &argv[2], &ttl, INT64_MAX,
                          "ERR Invalid TTL value, must be >= 0") != KS_OK
        || ks_restore_value(c, &argv[3], &in) != KS_OK)
    {
        return;
    }

    at = ks_restore_time(c, ttl, o.absolute);

    if ((at != 0 && at <= (int64_t) ks_space_past(c->space))
        || !ks_restore_alive(c->space, &in))
    {
        if (e != NULL) {
            ks_delete(c, &argv[1], e);
            ks_effect_as(c->space, "DEL %s", &argv[1]);
        }

        ks_reply_ok(c->reply);
        return;
    }

    /* what is replaced is deleted first, as Redis does it */

    if (e != NULL) {
        ks_event(c->space, KS_NOTIFY_NEW, "new", &argv[1]);
    }

    e = ks_restore(c->space, &argv[1], e, &in, (uint64_t) at);
    ks_event(c->space, KS_NOTIFY_GENERIC, "restore", &argv[1]);

    if (e != NULL) {
        ks_entry_used(c->space, e, o.idle, o.freq);
    }

    ks_effect_as(c->space, "RESTORE %s %u %s REPLACE ABSTTL", &argv[1],
                 (uint64_t) at, &argv[3]);

    ks_reply_ok(c->reply);
}
