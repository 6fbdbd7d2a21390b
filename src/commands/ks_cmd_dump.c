/*
 * Keys on the move: DUMP writes a value as Redis 7.0 does, RESTORE reads what
 * any Redis up to 7.4 wrote.
 *
 * What later versions added is not written: a set is an intset or a plain set,
 * never a listpack, and a hash whose fields expire is a plain hash, without
 * these times.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "types/ks_hash.h"
#include "types/ks_list.h"
#include "types/ks_packed.h"
#include "types/ks_rdb.h"
#include "types/ks_set.h"
#include "types/ks_zset.h"


#define KS_DUMP_NODE    8192    /* bytes of elements in a node of a list */
#define KS_DUMP_STRING  16      /* what a string takes at most beside its own */
#define KS_DUMP_MORE    64      /* what the value takes beside its strings */

typedef struct {
    int       replace;
    int       absolute;
    int64_t   idle;             /* negative: not given */
    int64_t   freq;
} ks_restore_t;


/* --- DUMP --- */

/* whether the item is the text of an integer */

static int
ks_dump_integer(const ks_item_t *it, int64_t *v)
{
    ks_str_t  s;

    s.len = it->len;
    s.data = (u_char *) it->data;

    return s.data != NULL && ks_parse_int(&s, v) == KS_OK;
}


static u_char *
ks_dump_bytes(const ks_mem_t *m, const ks_item_t *it, u_char *p)
{
    p = ks_rdb_put_length(p, it->len);
    ks_item_read(m, it, p);

    return p + it->len;
}


static u_char *
ks_dump_item(const ks_mem_t *m, const ks_item_t *it, u_char *p)
{
    int64_t  v;

    if (ks_dump_integer(it, &v) && ks_rdb_is_short(v)) {
        return ks_rdb_put_integer(p, v);
    }

    return ks_dump_bytes(m, it, p);
}


static void
ks_dump_packed(const ks_mem_t *m, const ks_item_t *it, ks_listpack_t *lp)
{
    int64_t  v;

    if (ks_dump_integer(it, &v)) {
        ks_listpack_integer(lp, v);

    } else {
        ks_item_read(m, it, ks_listpack_string(lp, it->len));
    }
}


static void
ks_dump_packed_score(const ks_mem_t *m, double score, ks_listpack_t *lp)
{
    u_char     text[KS_DOUBLE_TEXT];
    ks_item_t  it;

    it = ks_item(text, ks_double_text(text, score));
    ks_dump_packed(m, &it, lp);
}


/* the items from pos on until there is enough for a node; 0: no more */

static u_char *
ks_dump_node(const ks_value_t *v, ks_pos_t *pos, int *more, u_char *p)
{
    size_t         size;
    u_char        *gap;
    ks_item_t      it;
    ks_listpack_t  lp;

    *p++ = KS_RDB_NODE_PACKED;
    gap = p;
    size = 0;
    ks_listpack_begin(&lp, p + KS_RDB_GAP);

    do {
        it = ks_tree_get(&v->tree[0], pos, 0);
        size += it.len + KS_LISTPACK_ELEMENT;

        if (size > KS_DUMP_NODE && lp.n > 0) {
            break;
        }

        ks_dump_packed(v->mem, &it, &lp);
        *more = ks_tree_next(&v->tree[0], pos);

    } while (*more);

    p = ks_listpack_end(&lp);
    ks_rdb_fill_gap(gap, (uint32_t) (p - lp.start));

    return p;
}


static u_char *
ks_dump_list(const ks_value_t *v, u_char *p)
{
    int        more;
    u_char    *gap;
    uint32_t   nodes;
    ks_pos_t   pos;
    ks_item_t  it;

    *p++ = KS_RDB_LIST_QUICKLIST_2;
    gap = p;
    p += KS_RDB_GAP;
    more = ks_tree_at(&v->tree[0], &pos, 0);

    for (nodes = 0; more; nodes++) {
        it = ks_tree_get(&v->tree[0], &pos, 0);

        if (it.len <= KS_DUMP_NODE) {
            p = ks_dump_node(v, &pos, &more, p);
            continue;
        }

        *p++ = KS_RDB_NODE_PLAIN;
        p = ks_dump_bytes(v->mem, &it, p);
        more = ks_tree_next(&v->tree[0], &pos);
    }

    ks_rdb_fill_gap(gap, nodes);

    return p;
}


static u_char *
ks_dump_intset(ks_space_t *sp, const ks_value_t *v, u_char *p)
{
    int        more;
    size_t     n;
    int64_t   *a;
    u_char    *gap;
    ks_pos_t   pos;
    ks_item_t  it;

    a = ks_arena_alloc(sp, ks_value_count(v) * sizeof(int64_t));
    more = ks_tree_at(&v->tree[0], &pos, 0);

    for (n = 0; more; n++) {
        it = ks_tree_get(&v->tree[0], &pos, 0);
        (void) ks_dump_integer(&it, &a[n]);
        more = ks_tree_next(&v->tree[0], &pos);
    }

    *p++ = KS_RDB_SET_INTSET;
    gap = p;
    p = ks_intset_write(p + KS_RDB_GAP, a, n);
    ks_rdb_fill_gap(gap, (uint32_t) (p - gap - KS_RDB_GAP));

    return p;
}


/* a small hash or sorted set */

static u_char *
ks_dump_listpack(const ks_value_t *v, u_char *p)
{
    int            more, hash;
    u_char        *gap;
    ks_pos_t       pos;
    ks_item_t      it;
    ks_listpack_t  lp;

    hash = (v->type == KS_TYPE_HASH);
    *p++ = hash ? KS_RDB_HASH_LISTPACK : KS_RDB_ZSET_LISTPACK;
    gap = p;
    ks_listpack_begin(&lp, p + KS_RDB_GAP);
    more = ks_tree_at(&v->tree[0], &pos, 0);

    while (more) {
        it = ks_tree_get(&v->tree[0], &pos, 0);
        ks_dump_packed(v->mem, &it, &lp);

        if (hash) {
            it = ks_tree_get(&v->tree[0], &pos, 1);
            ks_dump_packed(v->mem, &it, &lp);

        } else {
            ks_dump_packed_score(v->mem, ks_zset_score_at(v, &pos), &lp);
        }

        more = ks_tree_next(&v->tree[0], &pos);
    }

    p = ks_listpack_end(&lp);
    ks_rdb_fill_gap(gap, (uint32_t) (p - lp.start));

    return p;
}


static u_char *
ks_dump_plain(const ks_value_t *v, u_char *p)
{
    int        more;
    ks_pos_t   pos;
    ks_item_t  it;

    *p++ = v->type == KS_TYPE_SET ? KS_RDB_SET
           : v->type == KS_TYPE_HASH ? KS_RDB_HASH : KS_RDB_ZSET_2;
    p = ks_rdb_put_length(p, ks_value_count(v));
    more = ks_tree_at(&v->tree[0], &pos, 0);

    while (more) {
        it = ks_tree_get(&v->tree[0], &pos, 0);
        p = ks_dump_item(v->mem, &it, p);

        if (v->type == KS_TYPE_HASH) {
            it = ks_tree_get(&v->tree[0], &pos, 1);
            p = ks_dump_item(v->mem, &it, p);

        } else if (v->type == KS_TYPE_ZSET) {
            p = ks_rdb_put_double(p, ks_zset_score_at(v, &pos));
        }

        more = ks_tree_next(&v->tree[0], &pos);
    }

    return p;
}


/* more bytes than a dump of the elements takes */

static size_t
ks_dump_room(const ks_value_t *v)
{
    int        more;
    size_t     room;
    unsigned   col, cols;
    ks_pos_t   pos;
    ks_item_t  it;

    room = KS_DUMP_MORE;
    cols = v->type == KS_TYPE_HASH ? 2 : 1;
    more = ks_tree_at(&v->tree[0], &pos, 0);

    while (more) {
        for (col = 0; col < cols; col++) {
            it = ks_tree_get(&v->tree[0], &pos, col);
            room += it.len + KS_DUMP_STRING;
        }

        if (v->type == KS_TYPE_ZSET) {
            room += KS_DOUBLE_TEXT + KS_DUMP_STRING;

        } else if (v->type == KS_TYPE_LIST) {
            room += KS_DUMP_STRING;             /* each may be a node */
        }

        more = ks_tree_next(&v->tree[0], &pos);
    }

    return room;
}


static u_char *
ks_dump_value(ks_space_t *sp, const ks_value_t *v, u_char **start)
{
    *start = ks_arena_alloc(sp, ks_dump_room(v));

    if (v->type == KS_TYPE_LIST) {
        return ks_dump_list(v, *start);
    }

    if (v->enc == KS_ENC_INTSET) {
        return ks_dump_intset(sp, v, *start);
    }

    if (v->enc == KS_ENC_LISTPACK && v->type != KS_TYPE_SET && !v->expiries) {
        return ks_dump_listpack(v, *start);
    }

    return ks_dump_plain(v, *start);
}


static u_char *
ks_dump_string(ks_space_t *sp, const ks_entry_t *e, u_char **start)
{
    size_t         len, off, n;
    u_char        *p;
    int64_t        v;
    ks_str_t       s;
    const u_char  *run;

    len = ks_string_len(e);
    p = *start = ks_arena_alloc(sp, len + KS_DUMP_MORE);
    *p++ = KS_RDB_STRING;

    if (len <= KS_INT_LEN) {
        s = ks_string_flat(sp, e);

        if (ks_parse_int(&s, &v) == KS_OK && ks_rdb_is_short(v)) {
            return ks_rdb_put_integer(p, v);
        }
    }

    p = ks_rdb_put_length(p, len);

    for (off = 0; off < len; off += n) {
        run = ks_string_run(sp, e, off, &n);
        memcpy(p + off, run, n);
    }

    return p + len;
}


void
ks_cmd_dump(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    u_char      *p, *start;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    e = ks_read_key(c, &argv[1]);

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    if (ks_entry_type(e) == KS_TYPE_STRING) {
        p = ks_dump_string(c->space, e, &start);

    } else {
        ks_value_open(c->space, &argv[1], e, &v);
        p = ks_dump_value(c->space, &v, &start);
    }

    p = ks_rdb_put_footer(start, p);
    ks_reply_bulk(c->reply, start, (size_t) (p - start));
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


static void *
ks_restore_alloc(void *data, size_t size)
{
    return ks_arena_alloc(data, size);
}


static int
ks_restore_read(ks_ctx_t *c, const ks_str_t *dump, ks_rdb_value_t *in)
{
    ks_rdb_in_t  from;

    if (ks_rdb_verify(dump) != KS_OK) {
        ks_reply_error(c->reply,
                       "ERR DUMP payload version or checksum are wrong");
        return KS_ERR;
    }

    from.p = dump->data;
    from.end = dump->data + dump->len - KS_RDB_FOOTER;
    from.seed = ks_space_zone(c->space)->seed;
    from.alloc = ks_restore_alloc;
    from.data = c->space;

    if (ks_rdb_read(&from, in) != KS_OK) {
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


/* bytes of the longest string, and of all */

static size_t
ks_restore_sizes(const ks_rdb_value_t *in, size_t *all)
{
    size_t  i, longest;

    longest = 0;
    *all = 0;

    for (i = 0; i < in->n * in->cols; i++) {
        longest = ks_max(longest, in->strings[i].len);
        *all += in->strings[i].len;
    }

    return longest;
}


static unsigned
ks_restore_encoding(const ks_rdb_value_t *in, size_t longest)
{
    switch (in->type) {

    case KS_TYPE_SET:

        if (in->form == KS_RDB_SET_LISTPACK) {
            return in->n <= KS_SET_LISTPACK_ITEMS
                   && longest <= KS_SET_LISTPACK_BYTES ? KS_ENC_LISTPACK
                                                       : KS_ENC_HASHTABLE;
        }

        return in->n > KS_SET_INTSET_ITEMS
               ? KS_ENC_HASHTABLE : ks_set_encoding(&in->strings[0], 1);

    case KS_TYPE_ZSET:
        return ks_zset_encoding(longest, in->n);

    case KS_TYPE_HASH:
        return in->n <= KS_HASH_LISTPACK_ITEMS
               && longest <= KS_HASH_LISTPACK_BYTES ? KS_ENC_LISTPACK
                                                    : KS_ENC_HASHTABLE;
    default:
        return KS_ENC_LISTPACK;
    }
}


static void
ks_restore_field(ks_value_t *v, const ks_rdb_value_t *in, size_t i)
{
    uint64_t   at;
    ks_pos_t   pos;
    ks_str_t  *s;

    s = &in->strings[2 * i];
    at = in->expiries ? in->expiries[i] : 0;

    ks_hash_set(v, &s[0], &s[1], 0);

    if (at != 0 && ks_hash_find(v, &pos, &s[0])) {
        ks_hash_set_expiry(v, &pos, at);
    }
}


static void
ks_restore_items(ks_value_t *v, const ks_rdb_value_t *in)
{
    size_t  i;

    for (i = 0; i < in->n; i++) {

        switch (in->type) {

        case KS_TYPE_LIST:
            ks_list_push(v, KS_LIST_TAIL, &in->strings[i]);
            break;

        case KS_TYPE_SET:
            ks_set_add(v, &in->strings[i]);
            break;

        case KS_TYPE_ZSET:
            ks_zset_set(v, &in->strings[i], in->scores[i]);
            break;

        default:
            ks_restore_field(v, in, i);
            break;
        }
    }

    if (in->type == KS_TYPE_LIST) {
        ks_list_settle(v);
    }
}


/* Takes out the fields whose time is over; whether any are left. */

static int
ks_restore_alive(const ks_ctx_t *c, ks_rdb_value_t *in)
{
    size_t  i, n;

    if (in->expiries == NULL) {
        return 1;
    }

    for (i = 0, n = 0; i < in->n; i++) {

        if (in->expiries[i] != 0
            && in->expiries[i] <= ks_space_now(c->space))
        {
            continue;
        }

        memmove(&in->strings[2 * n], &in->strings[2 * i],
                2 * sizeof(ks_str_t));
        in->expiries[n++] = in->expiries[i];
    }

    in->n = n;

    return n > 0;
}


/* The value in the place of old; NULL: none of it is left. */

static ks_entry_t *
ks_restore_value(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *old,
    const ks_rdb_value_t *in, uint64_t at)
{
    size_t       longest, all;
    ks_value_t   v;

    if (in->type == KS_TYPE_STRING) {
        return ks_string_set(c->space, key, old, &in->strings[0],
                             ks_encoding(&in->strings[0]), at);
    }

    longest = ks_restore_sizes(in, &all);

    ks_value_create(c->space, key, old, in->type,
                    ks_restore_encoding(in, longest), all, at, &v);
    ks_restore_items(&v, in);

    return ks_value_close(&v) ? NULL : v.entry;
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

    e = ks_lookup(c->space, &argv[1],
                  o.replace ? KS_LOOKUP_WRITE : KS_LOOKUP_READ);

    if (e != NULL && !o.replace) {
        ks_reply_error(c->reply, "BUSYKEY Target key name already exists.");
        return;
    }

    if (ks_restore_number(c, &argv[2], &ttl, INT64_MAX,
                          "ERR Invalid TTL value, must be >= 0") != KS_OK
        || ks_restore_read(c, &argv[3], &in) != KS_OK)
    {
        return;
    }

    at = ks_restore_time(c, ttl, o.absolute);

    if ((at != 0 && at <= (int64_t) ks_space_now(c->space))
        || !ks_restore_alive(c, &in))
    {
        if (e != NULL) {
            ks_remove(c->space, &argv[1], e);
            ks_effect_as(c->space, "DEL %s", &argv[1]);
        }

        ks_reply_ok(c->reply);
        return;
    }

    e = ks_restore_value(c, &argv[1], e, &in, (uint64_t) at);

    if (e != NULL) {
        ks_entry_used(c->space, e, o.idle, o.freq);
    }

    ks_effect_as(c->space, "RESTORE %s %u %s REPLACE ABSTTL", &argv[1],
                 (uint64_t) at, &argv[3]);

    ks_reply_ok(c->reply);
}
