/*
 * The time that fields of hashes have: HEXPIRE, HPEXPIRE, HEXPIREAT,
 * HPEXPIREAT, HTTL, HPTTL, HEXPIRETIME, HPEXPIRETIME, HPERSIST, HGETEX,
 * HSETEX, HGETDEL.
 */

#include "commands/ks_cmd_hash.h"
#include "commands/ks_handlers.h"
#include "commands/ks_string_args.h"

#include <limits.h>


#define KS_ERR_FIELDS  "ERR Mandatory argument FIELDS is missing or not at "  \
                       "the right position"
#define KS_ERR_NFIELDS "ERR Number of fields must be a positive integer"
#define KS_ERR_COUNT   "ERR The `numfields` parameter must match the number " \
                       "of arguments"

/* what becomes of a field */
#define KS_FIELD_MISSING  (-2)
#define KS_FIELD_FOREVER  (-1)
#define KS_FIELD_REFUSED  0
#define KS_FIELD_DONE     1
#define KS_FIELD_DELETED  2


/* --- arguments --- */

/* FIELDS at argv[at], how many, and as many to the end */

static int
ks_fields(ks_ctx_t *c, int argc, const ks_str_t *argv, int at, const char *err)
{
    int64_t  n;

    if (!ks_arg_is(&argv[at], "fields")) {
        ks_reply_error(c->reply, KS_ERR_FIELDS);
        return KS_ERR;
    }

    if (at + 1 == argc) {
        ks_error_arity(c);
        return KS_ERR;
    }

    if (ks_arg_int(c, &argv[at + 1], &n, err) != KS_OK) {
        return KS_ERR;
    }

    if (n < 1) {
        ks_reply_error(c->reply, err);
        return KS_ERR;
    }

    if (n != argc - at - 2) {
        ks_reply_error(c->reply, KS_ERR_COUNT);
        return KS_ERR;
    }

    return KS_OK;
}


/* --- setting --- */

static int
ks_field_expire(ks_value_t *v, const ks_str_t *field, unsigned conditions,
    int64_t at)
{
    ks_pos_t  pos;

    if (!ks_hash_find(v, &pos, field)) {
        return KS_FIELD_MISSING;
    }

    if (!ks_time_allowed(conditions, ks_hash_expiry(v, &pos), at)) {
        return KS_FIELD_REFUSED;
    }

    if ((uint64_t) at <= v->past) {
        ks_hash_remove_at(v, &pos);
        return KS_FIELD_DELETED;
    }

    ks_hash_set_expiry(v, &pos, (uint64_t) at);

    return KS_FIELD_DONE;
}


/*
 * The effect, told with the time as it is: of a time that is over the fields
 * are told that it has deleted, as in Redis.
 */

static void
ks_field_effect(ks_ctx_t *c, const ks_str_t *key, int64_t at, int n,
    const ks_str_t *args, int ngone, const ks_str_t *gone)
{
    if (ngone > 0) {
        ks_effect_as(c->space, "HDEL %s %v", key, ngone, gone);

    } else {
        ks_effect_as(c->space, "HPEXPIREAT %s %u %v", key, (uint64_t) at, n,
                     args);
    }
}


static void
ks_hexpire(ks_ctx_t *c, int argc, ks_str_t *argv, ks_time_form_t form)
{
    int          i, first, code, changed, ngone;
    int64_t      at;
    unsigned     condition;
    ks_str_t    *gone;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK
        || ks_arg_time(c, &argv[2], form, &ks_time_of_field, &at) != KS_OK)
    {
        return;
    }

    condition = ks_time_condition(&argv[3]);
    first = condition ? 6 : 5;

    if (ks_fields(c, argc, argv, first - 2, "ERR Parameter `numFields` should "
                  "be greater than 0") != KS_OK)
    {
        return;
    }

    ks_reply_array(c->reply, (size_t) (argc - first));
    gone = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_str_t));

    for (changed = 0, ngone = 0, i = first; i < argc; i++) {
        code = e ? ks_field_expire(&v, &argv[i], condition, at)
                 : KS_FIELD_MISSING;
        changed |= code > 0;

        if (code == KS_FIELD_DELETED) {
            gone[ngone++] = argv[i];
        }

        ks_reply_integer(c->reply, code);
    }

    if (changed) {
        ks_event(c->space, KS_NOTIFY_HASH, ngone ? "hdel" : "hexpire",
                 &argv[1]);
        (void) ks_value_close(&v);
        ks_field_effect(c, &argv[1], at, argc - 3, argv + 3, ngone, gone);
    }
}


void
ks_cmd_hexpire(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_hexpire(c, argc, argv, KS_TIME_EX);
}


void
ks_cmd_hpexpire(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_hexpire(c, argc, argv, KS_TIME_PX);
}


void
ks_cmd_hexpireat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_hexpire(c, argc, argv, KS_TIME_EXAT);
}


void
ks_cmd_hpexpireat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_hexpire(c, argc, argv, KS_TIME_PXAT);
}


static int
ks_field_persist(ks_value_t *v, const ks_str_t *field)
{
    ks_pos_t  pos;

    if (!ks_hash_find(v, &pos, field)) {
        return KS_FIELD_MISSING;
    }

    if (ks_hash_expiry(v, &pos) == 0) {
        return KS_FIELD_FOREVER;
    }

    ks_hash_set_expiry(v, &pos, 0);

    return KS_FIELD_DONE;
}


void
ks_cmd_hpersist(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i, code, changed;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK
        || ks_fields(c, argc, argv, 2, KS_ERR_NFIELDS) != KS_OK)
    {
        return;
    }

    ks_reply_array(c->reply, (size_t) argc - 4);

    for (changed = 0, i = 4; i < argc; i++) {
        code = e ? ks_field_persist(&v, &argv[i]) : KS_FIELD_MISSING;
        changed |= code == KS_FIELD_DONE;
        ks_reply_integer(c->reply, code);
    }

    if (changed) {
        ks_event(c->space, KS_NOTIFY_HASH, "hpersist", &argv[1]);
        (void) ks_value_close(&v);
    }
}


/* --- asking --- */

static int64_t
ks_field_ttl(const ks_value_t *v, const ks_str_t *field, ks_time_form_t form)
{
    uint64_t  at;
    ks_pos_t  pos;

    if (!ks_hash_find(v, &pos, field)) {
        return KS_FIELD_MISSING;
    }

    at = ks_hash_expiry(v, &pos);

    if (at == 0) {
        return KS_FIELD_FOREVER;
    }

    at -= ks_time_from_now(form) ? ks_space_now(v->space) : 0;

    return (int64_t) (ks_time_in_seconds(form) ? (at + 999) / 1000 : at);
}


static void
ks_httl(ks_ctx_t *c, int argc, ks_str_t *argv, ks_time_form_t form)
{
    int          i;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_read_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK
        || ks_fields(c, argc, argv, 2, KS_ERR_NFIELDS) != KS_OK)
    {
        return;
    }

    ks_reply_array(c->reply, (size_t) argc - 4);

    for (i = 4; i < argc; i++) {
        ks_reply_integer(c->reply, e ? ks_field_ttl(&v, &argv[i], form)
                                     : KS_FIELD_MISSING);
    }
}


void
ks_cmd_httl(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_httl(c, argc, argv, KS_TIME_EX);
}


void
ks_cmd_hpttl(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_httl(c, argc, argv, KS_TIME_PX);
}


void
ks_cmd_hexpiretime(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_httl(c, argc, argv, KS_TIME_EXAT);
}


void
ks_cmd_hpexpiretime(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_httl(c, argc, argv, KS_TIME_PXAT);
}


/* --- getting and more --- */

void
ks_cmd_hgetdel(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i, n;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK
        || ks_fields(c, argc, argv, 2, KS_ERR_NFIELDS) != KS_OK)
    {
        return;
    }

    ks_reply_array(c->reply, (size_t) argc - 4);

    for (n = 0, i = 4; i < argc; i++) {
        if (e == NULL) {
            ks_reply_null(c->reply);
            continue;
        }

        ks_reply_field(c, &v, &argv[i]);
        n += ks_hash_remove(&v, &argv[i]);
    }

    if (n != 0) {
        ks_event(c->space, KS_NOTIFY_HASH, "hdel", &argv[1]);
        (void) ks_value_close(&v);
        ks_effect_as(c->space, "HDEL %s %v", &argv[1], argc - 4, argv + 4);
    }
}


/* what HGETEX is to do to the fields, and HSETEX too */

typedef enum {
    KS_FIELDS_NOTHING = 0,
    KS_FIELDS_EXPIRE,
    KS_FIELDS_PERSIST,
    KS_FIELDS_KEEP
} ks_fields_op_t;


static int
ks_hgetex_options(ks_ctx_t *c, const ks_str_t *argv, int64_t *at, int *fields)
{
    int             rc;
    ks_time_form_t  form;

    form = ks_time_option(&argv[2]);

    if (form != KS_TIME_NONE) {
        *fields = 4;
        rc = ks_arg_time(c, &argv[3], form, &ks_time_of_field, at);

        return rc == KS_OK ? KS_FIELDS_EXPIRE : KS_ERR;
    }

    if (ks_arg_is(&argv[2], "persist")) {
        *fields = 3;
        return KS_FIELDS_PERSIST;
    }

    *fields = 2;

    return KS_FIELDS_NOTHING;
}


static int
ks_hgetex_field(ks_value_t *v, const ks_str_t *field, int op, int64_t at)
{
    switch (op) {

    case KS_FIELDS_EXPIRE:
        return ks_field_expire(v, field, 0, at) > 0;

    case KS_FIELDS_PERSIST:
        return ks_field_persist(v, field) == KS_FIELD_DONE;

    default:
        return 0;
    }
}


void
ks_cmd_hgetex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i, op, fields, changed;
    int64_t      at;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK) {
        return;
    }

    at = 0;
    op = ks_hgetex_options(c, argv, &at, &fields);

    if (op == KS_ERR
        || ks_fields(c, argc, argv, fields, KS_ERR_NFIELDS) != KS_OK)
    {
        return;
    }

    ks_reply_array(c->reply, (size_t) (argc - fields - 2));

    for (changed = 0, i = fields + 2; i < argc; i++) {
        if (e == NULL) {
            ks_reply_null(c->reply);
            continue;
        }

        ks_reply_field(c, &v, &argv[i]);
        changed |= ks_hgetex_field(&v, &argv[i], op, at);
    }

    if (changed) {
        ks_event(c->space, KS_NOTIFY_HASH,
                 op == KS_FIELDS_PERSIST ? "hpersist"
                 : (uint64_t) at <= v.past ? "hdel" : "hexpire", &argv[1]);
        (void) ks_value_close(&v);

        if (op == KS_FIELDS_PERSIST) {
            ks_effect_as(c->space, "HPERSIST %s %v", &argv[1], argc - fields,
                         argv + fields);

        } else {
            ks_field_effect(c, &argv[1], at, argc - fields, argv + fields,
                            (uint64_t) at <= v.past ? argc - fields - 2 : 0,
                            argv + fields + 2);
        }
    }
}


/* --- HSETEX --- */

typedef struct {
    ks_fields_op_t   op;
    int64_t          at;
    ks_cond_t        key;       /* NX, XX: of the hash itself */
    ks_cond_t        cond;      /* FNX, FXX: of all fields */
    int              unit;      /* where EX or the like is */
    int              first;     /* field, with its value behind it */
} ks_hsetex_t;


static int
ks_hsetex_fields(ks_ctx_t *c, int argc, const ks_str_t *argv, int at)
{
    int64_t      n;
    const char  *err = "ERR invalid number of fields";

    if (at >= argc - 3) {
        ks_error_arity(c);
        return KS_ERR;
    }

    if (ks_arg_int(c, &argv[at + 1], &n, err) != KS_OK) {
        return KS_ERR;
    }

    if (n < 1 || n > INT_MAX) {
        ks_reply_error(c->reply, err);
        return KS_ERR;
    }

    if (n * 2 != argc - at - 2) {
        ks_error_arity(c);
        return KS_ERR;
    }

    return KS_OK;
}


/*
 * FNX, FXX; NX and XX, which only Valkey has.  1: it is one of them, 0: it is
 * not, KS_ERR: one of its kind has been said.
 */

static int
ks_hsetex_cond(ks_ctx_t *c, const ks_str_t *arg, ks_hsetex_t *h)
{
    int         field;
    ks_cond_t   cond, *place;

    field = arg->len == 3 && (arg->data[0] | 0x20) == 'f';

    cond = ks_arg_is(arg, "fnx") || ks_arg_is(arg, "nx") ? KS_COND_NX
         : ks_arg_is(arg, "fxx") || ks_arg_is(arg, "xx") ? KS_COND_XX
         : KS_COND_NONE;

    if (cond == KS_COND_NONE) {
        return 0;
    }

    place = field ? &h->cond : &h->key;

    if (*place != KS_COND_NONE) {
        ks_reply_error(c->reply, field
                       ? "ERR Only one of FXX or FNX arguments can be "
                         "specified"
                       : "ERR Only one of XX or NX arguments can be "
                         "specified");
        return KS_ERR;
    }

    *place = cond;

    return 1;
}


static int
ks_hsetex_time(ks_ctx_t *c, int argc, const ks_str_t *argv, int at,
    ks_time_form_t form, ks_hsetex_t *h)
{
    if (at + 1 == argc) {
        ks_reply_error(c->reply, "ERR missing expire time");
        return KS_ERR;
    }

    h->op = KS_FIELDS_EXPIRE;
    h->unit = at;

    return ks_arg_time(c, &argv[at + 1], form, &ks_time_of_field, &h->at);
}


static int
ks_hsetex_options(ks_ctx_t *c, int argc, const ks_str_t *argv, ks_hsetex_t *h)
{
    int             i, keep, rc;
    ks_time_form_t  form;

    memset(h, 0, sizeof(ks_hsetex_t));

    for (i = 2; i < argc; i++) {

        if (ks_arg_is(&argv[i], "fields")) {
            h->first = i + 2;
            return ks_hsetex_fields(c, argc, argv, i);
        }

        rc = ks_hsetex_cond(c, &argv[i], h);

        if (rc == KS_ERR) {
            return KS_ERR;
        }

        if (rc) {
            continue;
        }

        form = ks_time_option(&argv[i]);
        keep = ks_arg_is(&argv[i], "keepttl");

        if (form == KS_TIME_NONE && !keep) {
            ks_reply_errorf(c->reply, "ERR unknown argument: %.*s",
                            (int) ks_min(argv[i].len, 512),
                            (char *) argv[i].data);
            return KS_ERR;
        }

        if (h->op != KS_FIELDS_NOTHING) {
            ks_reply_error(c->reply, "ERR Only one of EX, PX, EXAT, PXAT or "
                           "KEEPTTL arguments can be specified");
            return KS_ERR;
        }

        h->op = keep ? KS_FIELDS_KEEP : h->op;

        if (form != KS_TIME_NONE
            && ks_hsetex_time(c, argc, argv, i++, form, h) != KS_OK)
        {
            return KS_ERR;
        }
    }

    ks_error_arity(c);

    return KS_ERR;
}


/* whether all fields are there, or none, as it is asked for */

static int
ks_hsetex_allowed(const ks_value_t *v, int argc, const ks_str_t *argv,
    const ks_hsetex_t *h)
{
    int       i;
    ks_pos_t  pos;

    if (h->cond == KS_COND_NONE) {
        return 1;
    }

    for (i = h->first; i < argc; i += 2) {
        if (ks_hash_find(v, &pos, &argv[i]) != (h->cond == KS_COND_XX)) {
            return 0;
        }
    }

    return 1;
}


/* A time that is over deletes what has just been set. */

static void
ks_hsetex_field(ks_value_t *v, const ks_str_t *field, const ks_str_t *value,
    const ks_hsetex_t *h)
{
    ks_pos_t  pos;

    if (h->op == KS_FIELDS_EXPIRE && (uint64_t) h->at <= v->past) {
        ks_hash_remove(v, field);
        return;
    }

    ks_hash_set(v, field, value, h->op != KS_FIELDS_NOTHING);

    if (h->op == KS_FIELDS_EXPIRE) {
        (void) ks_hash_find(v, &pos, field);
        ks_hash_set_expiry(v, &pos, (uint64_t) h->at);
    }
}


static void
ks_hsetex_events(ks_ctx_t *c, const ks_str_t *key, const ks_value_t *v,
    const ks_hsetex_t *h)
{
    ks_event(c->space, KS_NOTIFY_HASH, "hset", key);

    if (h->op == KS_FIELDS_EXPIRE) {
        ks_event(c->space, KS_NOTIFY_HASH,
                 (uint64_t) h->at <= v->past ? "hdel" : "hexpire", key);
    }
}


/* As HSET, and when each field expires: what most servers know. */

static void
ks_hsetex_tell(ks_ctx_t *c, int argc, const ks_str_t *argv,
    const ks_value_t *v, const ks_hsetex_t *h)
{
    int       i;
    uint64_t  at;
    ks_pos_t  pos;

    ks_effect_as(c->space, "HSET %s %v", &argv[1], argc - h->first,
                 argv + h->first);

    for (i = h->first; i < argc; i += 2) {
        at = ks_hash_find(v, &pos, &argv[i]) ? ks_hash_expiry(v, &pos) : 0;

        if (at != 0) {
            ks_effect_as(c->space, "HPEXPIREAT %s %u FIELDS 1 %s", &argv[1],
                         at, &argv[i]);
        }
    }
}


static void
ks_hsetex_effect(ks_ctx_t *c, int argc, const ks_str_t *argv,
    const ks_value_t *v, const ks_hsetex_t *h)
{
    int  i;

    if (!ks_effects_told(c->space)) {
        return;
    }

    if (h->op != KS_FIELDS_EXPIRE || (uint64_t) h->at > v->past) {
        ks_hsetex_tell(c, argc, argv, v, h);
        return;
    }

    ks_effect_own(c->space);
    ks_effect_begin(c->space, 2 + (argc - h->first) / 2);
    ks_effect_arg(c->space, (const u_char *) "HDEL", 4);
    ks_effect_arg(c->space, argv[1].data, argv[1].len);

    for (i = h->first; i < argc; i += 2) {
        ks_effect_arg(c->space, argv[i].data, argv[i].len);
    }
}


void
ks_cmd_hsetex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int           i;
    ks_entry_t   *e;
    ks_value_t    v;
    ks_hsetex_t   h;

    if (ks_hsetex_options(c, argc, argv, &h) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK)
    {
        return;
    }

    if (h.key == (e ? KS_COND_NX : KS_COND_XX)
        || (e == NULL ? h.cond == KS_COND_XX
                      : !ks_hsetex_allowed(&v, argc, argv, &h)))
    {
        ks_reply_integer(c->reply, 0);
        return;
    }

    if (e == NULL) {
        ks_hash_create(c, &argv[1], &argv[h.first], argc - h.first, &v);
    }

    for (i = h.first; i < argc; i += 2) {
        ks_hsetex_field(&v, &argv[i], &argv[i + 1], &h);
    }

    ks_hsetex_events(c, &argv[1], &v, &h);
    ks_hsetex_effect(c, argc, argv, &v, &h);
    (void) ks_value_close(&v);

    ks_reply_integer(c->reply, 1);
}
