/*
 * Hashes: HSET, HSETNX, HMSET, HGET, HMGET, HGETALL, HKEYS, HVALS, HDEL, HLEN,
 * HEXISTS, HSTRLEN, HINCRBY, HINCRBYFLOAT.
 *
 * Fields whose time has come are gone when a hash is opened.  Where an upstream
 * says what ends they are there and hidden, and count in HLEN, as in Redis.
 */

#include "commands/ks_cmd_hash.h"
#include "commands/ks_handlers.h"

#include <math.h>


/* --- setting --- */

void
ks_hash_create(ks_ctx_t *c, const ks_str_t *key, const ks_str_t *argv, int n,
    ks_value_t *v)
{
    int         i;
    size_t      room;
    unsigned    enc;
    ks_zone_t  *zone;

    zone = ks_space_zone(c->space);
    enc = ks_zone_within(zone, KS_SETTING_HASH_ITEMS, (size_t) n / 2)
          ? KS_ENC_LISTPACK : KS_ENC_HASHTABLE;

    for (room = 0, i = 0; i < n; i++) {
        room += argv[i].len + 1;

        if (!ks_zone_within(zone, KS_SETTING_HASH_BYTES, argv[i].len)) {
            enc = KS_ENC_HASHTABLE;
        }
    }

    ks_value_create(c->space, key, NULL, KS_TYPE_HASH, enc, room,
                    KS_NO_EXPIRE, v);
}


/* How many fields are new, or KS_ERR. */

static int
ks_hash_store(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i, n;
    ks_entry_t  *e;
    ks_value_t   v;

    if (argc % 2 == 1) {
        ks_error_arity(c);
        return KS_ERR;
    }

    if (ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK) {
        return KS_ERR;
    }

    if (e == NULL) {
        ks_hash_create(c, &argv[1], &argv[2], argc - 2, &v);
    }

    for (n = 0, i = 2; i < argc; i += 2) {
        n += ks_hash_set(&v, &argv[i], &argv[i + 1], 0);
    }

    ks_event(c->space, KS_NOTIFY_HASH, "hset", &argv[1]);
    (void) ks_value_close(&v);

    return n;
}


void
ks_cmd_hset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int  n;

    n = ks_hash_store(c, argc, argv);

    if (n != KS_ERR) {
        ks_reply_integer(c->reply, n);
    }
}


void
ks_cmd_hmset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    if (ks_hash_store(c, argc, argv) != KS_ERR) {
        ks_reply_ok(c->reply);
    }
}


void
ks_cmd_hsetnx(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_pos_t     pos;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_hash_create(c, &argv[1], &argv[2], 2, &v);

    } else if (ks_hash_find(&v, &pos, &argv[2])) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    ks_hash_set(&v, &argv[2], &argv[3], 0);
    ks_event(c->space, KS_NOTIFY_HASH, "hset", &argv[1]);
    (void) ks_value_close(&v);
    ks_reply_integer(c->reply, 1);
}


void
ks_cmd_hdel(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i, n;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK) {
        return;
    }

    for (n = 0, i = 2; e != NULL && i < argc; i++) {
        n += ks_hash_remove(&v, &argv[i]);
    }

    if (n != 0) {
        ks_event(c->space, KS_NOTIFY_HASH, "hdel", &argv[1]);
        (void) ks_value_close(&v);
    }

    ks_reply_integer(c->reply, n);
}


/* --- getting --- */

void
ks_reply_field(ks_ctx_t *c, const ks_value_t *v, const ks_str_t *field)
{
    ks_pos_t   pos;
    ks_item_t  item;

    if (!ks_hash_find(v, &pos, field)) {
        ks_reply_null(c->reply);
        return;
    }

    item = ks_hash_value(v, &pos);
    ks_reply_item(c, &item);
}


void
ks_cmd_hget(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    ks_reply_field(c, &v, &argv[2]);
}


void
ks_cmd_hmget(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_read_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK) {
        return;
    }

    ks_reply_array(c->reply, (size_t) argc - 2);

    for (i = 2; i < argc; i++) {
        if (e == NULL) {
            ks_reply_null(c->reply);
        } else {
            ks_reply_field(c, &v, &argv[i]);
        }
    }
}


static void
ks_hash_all(ks_ctx_t *c, const ks_str_t *key, int what)
{
    int          more;
    size_t       n;
    ks_pos_t     pos;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_read_value(c, key, KS_TYPE_HASH, &e, &v) != KS_OK) {
        return;
    }

    n = e ? ks_hash_alive(&v) : 0;

    if (what == (KS_HASH_FIELDS|KS_HASH_VALUES)) {
        ks_reply_map(c->reply, n);
    } else {
        ks_reply_array(c->reply, n);
    }

    for (more = n && ks_value_at(&v, &pos, 0); more;
         more = ks_value_next(&v, &pos))
    {
        if (!ks_hash_due(&v, &pos)) {
            ks_reply_hash_pair(c, &v, &pos, what);
        }
    }
}


void
ks_cmd_hgetall(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_hash_all(c, &argv[1], KS_HASH_FIELDS|KS_HASH_VALUES);
}


void
ks_cmd_hkeys(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_hash_all(c, &argv[1], KS_HASH_FIELDS);
}


void
ks_cmd_hvals(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_hash_all(c, &argv[1], KS_HASH_VALUES);
}


void
ks_cmd_hlen(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_HASH, &e, &v) == KS_OK) {
        ks_reply_integer(c->reply, e ? ks_value_count(&v) : 0);
    }
}


void
ks_cmd_hexists(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_pos_t     pos;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_HASH, &e, &v) == KS_OK) {
        ks_reply_integer(c->reply,
                         e != NULL && ks_hash_find(&v, &pos, &argv[2]));
    }
}


void
ks_cmd_hstrlen(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t       len;
    ks_pos_t     pos;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK) {
        return;
    }

    len = 0;

    if (e != NULL && ks_hash_find(&v, &pos, &argv[2])) {
        len = ks_hash_value(&v, &pos).len;
    }

    ks_reply_integer(c->reply, (int64_t) len);
}


/* --- numbers --- */

/*
 * The field's value as text; beyond max bytes it is no number and not worth a
 * copy, and the empty text is as wrong.  0: there is no such field.
 */

static int
ks_hash_numeral(ks_ctx_t *c, const ks_value_t *v, const ks_str_t *field,
    size_t max, ks_str_t *s)
{
    ks_pos_t   pos;
    ks_item_t  item;

    if (!ks_hash_find(v, &pos, field)) {
        return 0;
    }

    item = ks_hash_value(v, &pos);

    if (item.len <= max) {
        *s = ks_item_flat(c->space, &item);
    } else {
        s->len = 0;
    }

    return 1;
}


/* argv[1] and argv[2] are key and field */

static void
ks_hash_store_number(ks_ctx_t *c, ks_str_t *argv, ks_entry_t *e,
    ks_value_t *v, const ks_str_t *number)
{
    ks_str_t  pair[2];

    if (e == NULL) {
        pair[0] = argv[2];
        pair[1] = *number;
        ks_hash_create(c, &argv[1], pair, 2, v);
    }

    ks_hash_set(v, &argv[2], number, 1);
    ks_event(c->space, KS_NOTIFY_HASH, ks_command_name(c->cmd), &argv[1]);
    (void) ks_value_close(v);
}


void
ks_cmd_hincrby(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    u_char       buf[KS_INTEGER_TEXT];
    int64_t      n, by;
    ks_str_t     s;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_arg_int(c, &argv[3], &by, NULL) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK)
    {
        return;
    }

    n = 0;

    if (e != NULL && ks_hash_numeral(c, &v, &argv[2], KS_INT_LEN, &s)
        && ks_arg_int(c, &s, &n, "ERR hash value is not an integer") != KS_OK)
    {
        return;
    }

    if (__builtin_add_overflow(n, by, &n)) {
        ks_reply_error(c->reply, "ERR increment or decrement would overflow");
        return;
    }

    s.data = buf;
    s.len = ks_integer_text(buf, n);

    ks_hash_store_number(c, argv, e, &v, &s);
    ks_reply_integer(c->reply, n);
}


static int
ks_hash_float(ks_ctx_t *c, const ks_str_t *s, const char *err, long double *d)
{
    if (ks_parse_float(s, d) == KS_OK) {
        return KS_OK;
    }

    ks_reply_error(c->reply, err);

    return KS_ERR;
}


/* HSET takes the time of the field away */

static void
ks_hash_tell_float(ks_ctx_t *c, const ks_str_t *argv, const ks_value_t *v,
    const ks_str_t *number)
{
    uint64_t  at;
    ks_pos_t  pos;

    if (!ks_effects_told(c->space)) {
        return;
    }

    (void) ks_hash_find(v, &pos, &argv[2]);
    at = ks_hash_expiry(v, &pos);

    ks_effect_as(c->space, "HSET %s %s %s", &argv[1], &argv[2], number);

    if (at != 0) {
        ks_effect_as(c->space, "HPEXPIREAT %s %u FIELDS 1 %s", &argv[1], at,
                     &argv[2]);
    }
}


void
ks_cmd_hincrbyfloat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    u_char        buf[KS_FLOAT_LEN];
    ks_str_t      s;
    ks_entry_t   *e;
    ks_value_t    v;
    long double   d, by;

    (void) argc;

    if (ks_hash_float(c, &argv[3], KS_ERR_FLOAT, &by) != KS_OK) {
        return;
    }

    if (!isfinite(by)) {
        ks_reply_error(c->reply, "ERR value is NaN or Infinity");
        return;
    }

    if (ks_write_value(c, &argv[1], KS_TYPE_HASH, &e, &v) != KS_OK) {
        return;
    }

    d = 0;

    if (e != NULL && ks_hash_numeral(c, &v, &argv[2], KS_FLOAT_LEN, &s)
        && ks_hash_float(c, &s, "ERR hash value is not a float", &d) != KS_OK)
    {
        return;
    }

    d += by;

    if (!isfinite(d)) {
        ks_reply_error(c->reply,
                       "ERR increment would produce NaN or Infinity");
        return;
    }

    s.data = buf;
    s.len = ks_float_text(buf, d);

    ks_hash_store_number(c, argv, e, &v, &s);
    ks_hash_tell_float(c, argv, &v, &s);
    ks_reply_bulk(c->reply, s.data, s.len);
}
