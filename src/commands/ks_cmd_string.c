/*
 * Strings as wholes and as ranges: SET and its kin, GET and its kin.  What they
 * can be told, conditions and times, is read in ks_string_args.c.
 *
 * Handlers check their arguments in the order in which Redis does, because
 * with more than one fault the order decides which error is seen.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_string_args.h"

#include <limits.h>


/* a value whose time is over already is stored and expires at once */

static void
ks_set_over(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e)
{
    if (e != NULL) {
        ks_remove(c->space, key, e);
        ks_effect_as(c->space, "DEL %s", key);

    } else {
        ks_event(c->space, KS_NOTIFY_NEW, "new", key);
    }

    ks_event(c->space, KS_NOTIFY_STRING, "set", key);
    ks_event(c->space, KS_NOTIFY_GENERIC, "expire", key);
    ks_event(c->space, KS_NOTIFY_EXPIRED, "expired", key);
}


static void
ks_set_store(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e,
    const ks_str_t *value, const ks_set_opts_t *o)
{
    if (ks_unlikely(ks_deadline_over(c, o))) {
        ks_set_over(c, key, e);
        return;
    }

    ks_string_set(c->space, key, e, value, ks_encoding(value), o->at);
    ks_event(c->space, KS_NOTIFY_STRING, "set", key);

    if (o->form != KS_TIME_NONE) {
        ks_effect_as(c->space, "SET %s %s PXAT %u", key, value, o->at);
        ks_event(c->space, KS_NOTIFY_GENERIC, "expire", key);
    }
}


/* What older servers do not know as a condition has been met. */

static void
ks_set_tell(ks_ctx_t *c, const ks_str_t *key, const ks_str_t *value,
    const ks_set_opts_t *o)
{
    if (o->form != KS_TIME_NONE) {
        /* it is told */
        return;
    }

    ks_effect_as(c->space, o->at == KS_KEEP_TTL ? "SET %s %s KEEPTTL"
                                                : "SET %s %s", key, value);
}


static void
ks_set_plain(ks_ctx_t *c, const ks_str_t *key, const ks_str_t *value)
{
    ks_entry_t  *e;

    e = ks_lookup(c->space, key, KS_LOOKUP_WRITE);

    ks_string_set(c->space, key, e, value, ks_encoding(value), KS_NO_EXPIRE);
    ks_event(c->space, KS_NOTIFY_STRING, "set", key);
    ks_reply_ok(c->reply);
}


void
ks_cmd_set(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int             met;
    ks_entry_t     *e;
    ks_set_opts_t   o;

    if (!ks_value_fits(c, &argv[2])) {
        return;
    }

    if (argc == 3) {
        ks_set_plain(c, &argv[1], &argv[2]);
        return;
    }

    memset(&o, 0, sizeof(o));

    if (ks_set_options(c, argc - 3, argv + 3, KS_OPT_SET, &o) != KS_OK) {
        return;
    }

    if (ks_set_deadline(c, &o) != KS_OK) {
        return;
    }

    if (!(o.flags & KS_OPT_GET)) {
        e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);

    } else if (ks_read_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    met = ks_set_condition_met(c, e, &o);

    if (met == KS_ERR) {
        return;
    }

    if (o.flags & KS_OPT_GET) {
        ks_reply_value(c, e);
    }

    if (!met) {
        if (!(o.flags & KS_OPT_GET)) {
            ks_reply_null(c->reply);
        }

        return;
    }

    ks_set_store(c, &argv[1], e, &argv[2], &o);

    if (o.cond >= KS_COND_IFEQ) {
        ks_set_tell(c, &argv[1], &argv[2], &o);
    }

    if (!(o.flags & KS_OPT_GET)) {
        ks_reply_ok(c->reply);
    }
}


void
ks_cmd_setnx(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    if (!ks_value_fits(c, &argv[2])) {
        return;
    }

    if (ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE) != NULL) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    ks_string_set(c->space, &argv[1], NULL, &argv[2], ks_encoding(&argv[2]),
                  KS_NO_EXPIRE);
    ks_event(c->space, KS_NOTIFY_STRING, "set", &argv[1]);
    ks_reply_integer(c->reply, 1);
}


static void
ks_setex(ks_ctx_t *c, ks_str_t *argv, ks_time_form_t form)
{
    ks_entry_t     *e;
    ks_set_opts_t   o;

    memset(&o, 0, sizeof(o));
    o.form = form;
    o.arg = &argv[2];

    if (!ks_value_fits(c, &argv[3]) || ks_set_deadline(c, &o) != KS_OK) {
        return;
    }

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);
    ks_set_store(c, &argv[1], e, &argv[3], &o);
    ks_reply_ok(c->reply);
}


void
ks_cmd_setex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_setex(c, argv, KS_TIME_EX);
}


void
ks_cmd_psetex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_setex(c, argv, KS_TIME_PX);
}


void
ks_cmd_get(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    if (ks_read_string(c, &argv[1], &e) == KS_OK) {
        ks_reply_value(c, e);
    }
}


void
ks_cmd_getset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    if (!ks_value_fits(c, &argv[2])
        || ks_read_string(c, &argv[1], &e) != KS_OK)
    {
        return;
    }

    ks_reply_value(c, e);
    ks_string_set(c->space, &argv[1], e, &argv[2], ks_encoding(&argv[2]),
                  KS_NO_EXPIRE);
    ks_event(c->space, KS_NOTIFY_STRING, "set", &argv[1]);
}


void
ks_cmd_getdel(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    if (ks_read_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    ks_reply_value(c, e);

    if (e != NULL) {
        ks_delete(c, &argv[1], e);
        ks_effect_as(c->space, "DEL %s", &argv[1]);
    }
}


void
ks_cmd_getex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t     *e;
    ks_set_opts_t   o;

    memset(&o, 0, sizeof(o));

    if (ks_set_options(c, argc - 2, argv + 2, KS_OPT_PERSIST, &o) != KS_OK
        || ks_read_string(c, &argv[1], &e) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    if (ks_set_deadline(c, &o) != KS_OK) {
        return;
    }

    ks_reply_value(c, e);

    if (ks_deadline_over(c, &o)) {
        ks_delete(c, &argv[1], e);
        ks_effect_as(c->space, "DEL %s", &argv[1]);

    } else if (o.form != KS_TIME_NONE
               || ((o.flags & KS_OPT_PERSIST) && ks_entry_expire(e)))
    {
        ks_set_expire(c->space, &argv[1], e, o.at);
        ks_event(c->space, KS_NOTIFY_GENERIC,
                 o.form != KS_TIME_NONE ? "expire" : "persist", &argv[1]);

        if (o.form != KS_TIME_NONE) {
            ks_effect_as(c->space, "PEXPIREAT %s %u", &argv[1], o.at);

        } else {
            ks_effect_as(c->space, "PERSIST %s", &argv[1]);
        }
    }
}


void
ks_cmd_mget(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    ks_entry_t  *e;

    ks_reply_array(c->reply, (size_t) argc - 1);

    for (i = 1; i < argc; i++) {
        ks_fetch_ahead(c->space, i, argc, argv);
        e = ks_lookup(c->space, &argv[i], KS_LOOKUP_READ);

        if (e != NULL && ks_entry_type(e) != KS_TYPE_STRING) {
            e = NULL;
        }

        ks_reply_value(c, e);
    }
}


/* KS_ERR: it is said what is wrong */

static int
ks_mset_check(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int  i;

    if (argc % 2 == 0) {
        ks_error_arity(c);
        return KS_ERR;
    }

    for (i = 2; i < argc; i += 2) {
        if (!ks_value_fits(c, &argv[i])) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static void
ks_mset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    ks_entry_t  *e;

    for (i = 1; i < argc; i += 2) {
        e = ks_lookup(c->space, &argv[i], KS_LOOKUP_WRITE);
        ks_string_set(c->space, &argv[i], e, &argv[i + 1],
                      ks_encoding(&argv[i + 1]), KS_NO_EXPIRE);
        ks_event(c->space, KS_NOTIFY_STRING, "set", &argv[i]);
    }
}


void
ks_cmd_mset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    if (ks_mset_check(c, argc, argv) != KS_OK) {
        return;
    }

    ks_mset(c, argc, argv);
    ks_reply_ok(c->reply);
}


void
ks_cmd_msetnx(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int  i;

    if (ks_mset_check(c, argc, argv) != KS_OK) {
        return;
    }

    for (i = 1; i < argc; i += 2) {
        if (ks_lookup(c->space, &argv[i], KS_LOOKUP_WRITE) != NULL) {
            ks_reply_integer(c->reply, 0);
            return;
        }
    }

    ks_mset(c, argc, argv);
    ks_reply_integer(c->reply, 1);
}


/* numkeys, and as many keys with a value each, from argv[1] on; 0: an error */

static int
ks_msetex_pairs(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int      i;
    int64_t  n;

    if (ks_parse_int(&argv[1], &n) != KS_OK || n < 1 || n > INT_MAX) {
        ks_reply_error(c->reply, "ERR invalid numkeys value");
        return 0;
    }

    if (n > (argc - 2) / 2) {
        ks_reply_error(c->reply, "ERR wrong number of key-value pairs");
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (!ks_value_fits(c, &argv[3 + 2 * i])) {
            return 0;
        }
    }

    return (int) n;
}


void
ks_cmd_msetex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int             i, n, end;
    ks_entry_t     *e;
    ks_set_opts_t   o;

    memset(&o, 0, sizeof(o));
    n = ks_msetex_pairs(c, argc, argv);
    end = 2 + 2 * n;

    if (n == 0
        || ks_set_options(c, argc - end, argv + end,
                          KS_OPT_KEEPTTL|KS_OPT_EXISTS, &o) != KS_OK
        || ks_set_deadline(c, &o) != KS_OK)
    {
        return;
    }

    for (i = 2; o.cond != KS_COND_NONE && i < end; i += 2) {
        e = ks_lookup(c->space, &argv[i], KS_LOOKUP_WRITE);

        if (!ks_set_condition_met(c, e, &o)) {
            ks_reply_integer(c->reply, 0);
            return;
        }
    }

    for (i = 2; i < end; i += 2) {
        e = ks_lookup(c->space, &argv[i], KS_LOOKUP_WRITE);
        ks_set_store(c, &argv[i], e, &argv[i + 1], &o);
        ks_set_tell(c, &argv[i], &argv[i + 1], &o);
    }

    ks_reply_integer(c->reply, 1);
}


void
ks_cmd_append(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t       len;
    ks_entry_t  *e;

    (void) argc;

    if (ks_write_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    len = e ? ks_string_len(e) : 0;

    if (argv[2].len > KS_STRING_MAX - len) {
        ks_reply_error(c->reply, KS_ERR_TOOBIG);
        return;
    }

    if (e == NULL) {
        ks_string_set(c->space, &argv[1], NULL, &argv[2],
                      ks_encoding(&argv[2]), KS_NO_EXPIRE);
    } else {
        ks_string_write(c->space, &argv[1], e, len, argv[2].data,
                        argv[2].len);
    }

    ks_event(c->space, KS_NOTIFY_STRING, "append", &argv[1]);
    ks_reply_integer(c->reply, (int64_t) (len + argv[2].len));
}


void
ks_cmd_strlen(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    if (ks_read_string(c, &argv[1], &e) == KS_OK) {
        ks_reply_integer(c->reply, e ? (int64_t) ks_string_len(e) : 0);
    }
}


/* also SUBSTR */

void
ks_cmd_getrange(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t      start, end, len;
    ks_entry_t  *e;

    (void) argc;

    if (ks_arg_int(c, &argv[2], &start, NULL) != KS_OK
        || ks_arg_int(c, &argv[3], &end, NULL) != KS_OK
        || ks_read_string(c, &argv[1], &e) != KS_OK)
    {
        return;
    }

    len = e ? (int64_t) ks_string_len(e) : 0;

    if (start < 0 && end < 0 && start > end) {
        len = 0;
    }

    start = (start < 0) ? ks_max(start + len, 0) : start;
    end = (end < 0) ? ks_max(end + len, 0) : ks_min(end, len - 1);

    if (len == 0 || start > end) {
        ks_reply_bulk(c->reply, "", 0);
        return;
    }

    ks_reply_slice(c, e, (size_t) start, (size_t) (end - start + 1));
}


void
ks_cmd_setrange(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t       len;
    int64_t      off;
    ks_entry_t  *e;

    (void) argc;

    if (ks_arg_int(c, &argv[2], &off, NULL) != KS_OK) {
        return;
    }

    if (off < 0) {
        ks_reply_error(c->reply, "ERR offset is out of range");
        return;
    }

    if (ks_write_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    len = e ? ks_string_len(e) : 0;

    if (argv[3].len == 0) {
        ks_reply_integer(c->reply, (int64_t) len);
        return;
    }

    if (off > (int64_t) KS_STRING_MAX
        || argv[3].len > KS_STRING_MAX - (size_t) off)
    {
        ks_reply_error(c->reply, KS_ERR_TOOBIG);
        return;
    }

    ks_string_write(c->space, &argv[1], e, (size_t) off, argv[3].data,
                    argv[3].len);
    ks_event(c->space, KS_NOTIFY_STRING, "setrange", &argv[1]);
    ks_reply_integer(c->reply,
                     (int64_t) ks_max(len, (size_t) off + argv[3].len));
}


/* what SET does with its key, for COMMAND GETKEYSANDFLAGS */

unsigned
ks_cmd_set_key_flags(int argc, const ks_str_t *argv)
{
    int  i;

    for (i = 3; i < argc; i++) {
        if (ks_arg_is(&argv[i], "get")
            || ks_compare_option(&argv[i]) != KS_COND_NONE)
        {
            return KS_KEY_RW|KS_KEY_ACCESS|KS_KEY_UPDATE;
        }
    }

    return KS_KEY_OW|KS_KEY_UPDATE;
}
