/*
 * Strings as wholes and as ranges: SET and its kin, GET and its kin.
 *
 * Handlers check their arguments in the order in which Redis does, because
 * with more than one fault the order decides which error is seen.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"


/* options of SET and GETEX */
#define KS_OPT_NX       0x01
#define KS_OPT_XX       0x02
#define KS_OPT_GET      0x04
#define KS_OPT_KEEPTTL  0x08
#define KS_OPT_PERSIST  0x10
#define KS_OPT_SET      (KS_OPT_NX|KS_OPT_XX|KS_OPT_GET|KS_OPT_KEEPTTL)

typedef enum {
    KS_TTL_NONE = 0,
    KS_TTL_EX,
    KS_TTL_PX,
    KS_TTL_EXAT,
    KS_TTL_PXAT
} ks_ttl_t;

typedef struct {
    unsigned         flags;
    ks_ttl_t         ttl;
    const ks_str_t  *arg;           /* the argument of ttl */
    uint64_t         at;            /* what it comes to, ms since the epoch */
} ks_set_opts_t;


static ks_ttl_t
ks_ttl_option(const ks_str_t *arg)
{
    if (ks_arg_is(arg, "ex")) {
        return KS_TTL_EX;
    }

    if (ks_arg_is(arg, "px")) {
        return KS_TTL_PX;
    }

    if (ks_arg_is(arg, "exat")) {
        return KS_TTL_EXAT;
    }

    return ks_arg_is(arg, "pxat") ? KS_TTL_PXAT : KS_TTL_NONE;
}


static unsigned
ks_set_option(const ks_str_t *arg)
{
    if (ks_arg_is(arg, "nx")) {
        return KS_OPT_NX;
    }

    if (ks_arg_is(arg, "xx")) {
        return KS_OPT_XX;
    }

    if (ks_arg_is(arg, "get")) {
        return KS_OPT_GET;
    }

    if (ks_arg_is(arg, "keepttl")) {
        return KS_OPT_KEEPTTL;
    }

    return ks_arg_is(arg, "persist") ? KS_OPT_PERSIST : 0;
}


/* which options exclude each other; one may be said twice */

static int
ks_set_options_fit(const ks_set_opts_t *o)
{
    unsigned  ttls;

    ttls = (o->ttl != KS_TTL_NONE) + !!(o->flags & KS_OPT_KEEPTTL)
           + !!(o->flags & KS_OPT_PERSIST);

    return ttls <= 1
           && (o->flags & (KS_OPT_NX|KS_OPT_XX)) != (KS_OPT_NX|KS_OPT_XX);
}


static int
ks_set_options(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned allowed,
    ks_set_opts_t *o)
{
    int       i;
    unsigned  flag;
    ks_ttl_t  ttl;

    for (i = 0; i < argc; i++) {
        flag = ks_set_option(&argv[i]) & allowed;
        ttl = flag ? KS_TTL_NONE : ks_ttl_option(&argv[i]);

        if (flag) {
            o->flags |= flag;

        } else if (ttl != KS_TTL_NONE && i + 1 < argc
                   && (o->ttl == KS_TTL_NONE || o->ttl == ttl))
        {
            o->ttl = ttl;
            o->arg = &argv[++i];

        } else {
            goto syntax;
        }

        if (!ks_set_options_fit(o)) {
            goto syntax;
        }
    }

    return KS_OK;

syntax:

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


/* o->arg -> o->at */

static int
ks_set_deadline(ks_ctx_t *c, ks_set_opts_t *o)
{
    int64_t  t, now;

    o->at = (o->flags & KS_OPT_KEEPTTL) ? KS_KEEP_TTL : KS_NO_EXPIRE;

    if (o->ttl == KS_TTL_NONE) {
        return KS_OK;
    }

    if (ks_arg_int(c, o->arg, &t, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (t <= 0) {
        goto invalid;
    }

    if ((o->ttl == KS_TTL_EX || o->ttl == KS_TTL_EXAT)
        && __builtin_mul_overflow(t, 1000, &t))
    {
        goto invalid;
    }

    now = (o->ttl == KS_TTL_EX || o->ttl == KS_TTL_PX)
          ? (int64_t) ks_space_now(c->space) : 0;

    if (__builtin_add_overflow(t, now, &t)) {
        goto invalid;
    }

    o->at = (uint64_t) t;

    return KS_OK;

invalid:

    ks_reply_errorf(c->reply, "ERR invalid expire time in '%s' command",
                    ks_command_name(c->cmd));

    return KS_ERR;
}


/* before anything else: what is too long is not to come in at all */

static int
ks_value_fits(ks_ctx_t *c, const ks_str_t *value)
{
    if (value->len <= KS_STRING_MAX) {
        return 1;
    }

    ks_reply_error(c->reply, KS_ERR_TOOBIG);

    return 0;
}


static inline int
ks_deadline_over(ks_ctx_t *c, const ks_set_opts_t *o)
{
    return o->ttl != KS_TTL_NONE && o->at <= ks_space_now(c->space);
}


static void
ks_set_store(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e,
    const ks_str_t *value, const ks_set_opts_t *o)
{
    /* a value whose time is over already is stored and expires at once */

    if (ks_unlikely(ks_deadline_over(c, o))) {
        if (e != NULL) {
            ks_remove(c->space, key, e);
        }

        return;
    }

    ks_string_set(c->space, key, e, value, ks_encoding(value), o->at);
}


void
ks_cmd_set(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t     *e;
    ks_set_opts_t   o;

    memset(&o, 0, sizeof(o));

    if (!ks_value_fits(c, &argv[2])) {
        return;
    }

    if (argc > 3
        && ks_set_options(c, argc - 3, argv + 3, KS_OPT_SET, &o) != KS_OK)
    {
        return;
    }

    if (ks_set_deadline(c, &o) != KS_OK) {
        return;
    }

    if (o.flags & KS_OPT_GET) {
        if (ks_read_string(c, &argv[1], &e) != KS_OK) {
            return;
        }

        ks_reply_value(c, e);

    } else {
        e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);
    }

    if (o.flags & (e ? KS_OPT_NX : KS_OPT_XX)) {
        if (!(o.flags & KS_OPT_GET)) {
            ks_reply_null(c->reply);
        }

        return;
    }

    ks_set_store(c, &argv[1], e, &argv[2], &o);

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
    ks_reply_integer(c->reply, 1);
}


static void
ks_setex(ks_ctx_t *c, ks_str_t *argv, ks_ttl_t ttl)
{
    ks_entry_t     *e;
    ks_set_opts_t   o;

    memset(&o, 0, sizeof(o));
    o.ttl = ttl;
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
    ks_setex(c, argv, KS_TTL_EX);
}


void
ks_cmd_psetex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_setex(c, argv, KS_TTL_PX);
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
        ks_remove(c->space, &argv[1], e);
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
        ks_remove(c->space, &argv[1], e);

    } else if (o.ttl != KS_TTL_NONE
               || ((o.flags & KS_OPT_PERSIST) && ks_entry_expire(e)))
    {
        ks_set_expire(c->space, &argv[1], e, o.at);
    }
}


void
ks_cmd_mget(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    ks_entry_t  *e;

    ks_reply_array(c->reply, (size_t) argc - 1);

    for (i = 1; i < argc; i++) {
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
    ks_reply_integer(c->reply,
                     (int64_t) ks_max(len, (size_t) off + argv[3].len));
}


/* what SET does with its key, for COMMAND GETKEYSANDFLAGS */

unsigned
ks_cmd_set_key_flags(int argc, const ks_str_t *argv)
{
    int  i;

    for (i = 3; i < argc; i++) {
        if (ks_arg_is(&argv[i], "get")) {
            return KS_KEY_RW|KS_KEY_ACCESS|KS_KEY_UPDATE;
        }
    }

    return KS_KEY_OW|KS_KEY_UPDATE;
}
