/*
 * Sets one at a time: SADD, SREM, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS,
 * SMOVE, SPOP, SRANDMEMBER, SSCAN.
 *
 * What is drawn at random is drawn by rank, so every member is as likely as
 * any other, in every encoding.
 */

#include "commands/ks_cmd_set.h"
#include "types/ks_glob.h"
#include "commands/ks_handlers.h"

#include <stdio.h>


#define KS_REPLY_BYTES  (1ull << 30)    /* what a reply has at most */
#define KS_BULK_BYTES   6               /* of it for an empty string */

#define KS_NO_RANK      UINT32_MAX


int
ks_arg_natural(ks_ctx_t *c, const ks_str_t *arg, int64_t *v, const char *err)
{
    if (ks_parse_int(arg, v) == KS_OK && *v >= 0) {
        return KS_OK;
    }

    ks_reply_error(c->reply, err);

    return KS_ERR;
}


/* all members, one after the other; the aggregate is open */

static void
ks_reply_members(ks_ctx_t *c, const ks_value_t *v)
{
    int        more;
    ks_pos_t   pos;
    ks_item_t  it;

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {
        it = ks_value_item(v, &pos, 0);
        ks_reply_item(c, &it);
    }
}


/* --- members --- */

static size_t
ks_set_room(int n, const ks_str_t *members)
{
    int     i;
    size_t  room;

    for (room = 0, i = 0; i < n; i++) {
        room += ks_min(members[i].len, (size_t) KS_ITEM_MAX);
    }

    return room;
}


void
ks_cmd_sadd(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    int64_t      n;
    unsigned     enc;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_write_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        enc = ks_set_encoding(ks_space_zone(c->space), &argv[2],
                              (size_t) argc - 2);
        ks_value_create(c->space, &argv[1], NULL, KS_TYPE_SET, enc,
                        ks_set_room(argc - 2, argv + 2), KS_NO_EXPIRE, &v);

    } else {
        enc = v.enc;
        ks_set_expect(&v, (size_t) argc - 2);
    }

    for (n = 0, i = 2; i < argc; i++) {
        n += ks_set_add(&v, &argv[i]);
    }

    if (n != 0) {
        ks_event(c->space, KS_NOTIFY_SET, "sadd", &argv[1]);
    }

    if (n != 0 || v.enc != enc) {
        (void) ks_value_close(&v);
    }

    ks_reply_integer(c->reply, n);
}


void
ks_cmd_srem(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    int64_t      n;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_write_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK) {
        return;
    }

    n = 0;

    if (e != NULL) {

        for (i = 2; i < argc; i++) {
            n += ks_set_remove(&v, &argv[i]);
        }

        if (n != 0) {
            ks_event(c->space, KS_NOTIFY_SET, "srem", &argv[1]);
            (void) ks_value_close(&v);
        }
    }

    ks_reply_integer(c->reply, n);
}


void
ks_cmd_sismember(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_SET, &e, &v) == KS_OK) {
        ks_reply_integer(c->reply, e != NULL && ks_set_has(&v, &argv[2]));
    }
}


void
ks_cmd_smismember(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_read_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK) {
        return;
    }

    ks_reply_array(c->reply, (size_t) argc - 2);

    for (i = 2; i < argc; i++) {
        ks_reply_integer(c->reply, e != NULL && ks_set_has(&v, &argv[i]));
    }
}


void
ks_cmd_scard(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_SET, &e, &v) == KS_OK) {
        ks_reply_integer(c->reply, e ? ks_value_count(&v) : 0);
    }
}


void
ks_cmd_smembers(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;
    ks_value_t   v;

    (void) argc;

    if (ks_read_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK) {
        return;
    }

    ks_reply_set(c->reply, e ? ks_value_count(&v) : 0);

    if (e != NULL) {
        ks_reply_members(c, &v);
    }
}


/* The member is taken out of one set already, which may be gone by now. */

static void
ks_smove_to(ks_ctx_t *c, const ks_str_t *key, const ks_str_t *member)
{
    ks_entry_t  *e;
    ks_value_t   v;

    e = ks_lookup(c->space, key, KS_LOOKUP_WRITE);

    if (e == NULL) {
        ks_value_create(c->space, key, NULL, KS_TYPE_SET,
                        ks_set_encoding(ks_space_zone(c->space), member, 1),
                        ks_set_room(1, member), KS_NO_EXPIRE, &v);

    } else {
        ks_value_open(c->space, key, e, &v);
    }

    if (ks_set_add(&v, member)) {
        ks_event(c->space, KS_NOTIFY_SET, "sadd", key);
        (void) ks_value_close(&v);
    }
}


void
ks_cmd_smove(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e, *to;
    ks_value_t   v;

    (void) argc;

    to = ks_lookup(c->space, &argv[2], KS_LOOKUP_WRITE);

    if (ks_write_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK) {
        return;
    }

    if (e != NULL && to != NULL && ks_entry_type(to) != KS_TYPE_SET) {
        ks_reply_error(c->reply, KS_ERR_WRONGTYPE);
        return;
    }

    if (e == NULL || !ks_set_has(&v, &argv[3])) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    if (e != to) {
        (void) ks_set_remove(&v, &argv[3]);
        ks_event(c->space, KS_NOTIFY_SET, "srem", &argv[1]);
        (void) ks_value_close(&v);
        ks_smove_to(c, &argv[2], &argv[3]);
    }

    ks_reply_integer(c->reply, 1);
}


/* --- random members --- */

static int
ks_set_random(ks_ctx_t *c, const ks_value_t *v, ks_pos_t *pos)
{
    return ks_value_at(v, pos, ks_random_below(c->space, ks_value_count(v)));
}


static void
ks_reply_random(ks_ctx_t *c, const ks_value_t *v)
{
    ks_pos_t   pos;
    ks_item_t  it;

    (void) ks_set_random(c, v, &pos);
    it = ks_value_item(v, &pos, 0);
    ks_reply_item(c, &it);
}


/*
 * Chooses n of the members (Knuth, TAOCP 3.4.2, S) and replies with them; or,
 * if they are to be kept, copies them there and replies with all others.
 */

static void
ks_reply_choice(ks_ctx_t *c, const ks_value_t *v, uint32_t n, ks_str_t *kept)
{
    int        more;
    uint32_t   left;
    ks_pos_t   pos;
    ks_item_t  it;

    left = ks_value_count(v);

    for (more = ks_value_at(v, &pos, 0);
         more && (n || kept);
         more = ks_value_next(v, &pos))
    {
        it = ks_value_item(v, &pos, 0);

        if (ks_random_below(c->space, left--) >= n) {
            if (kept) {
                ks_reply_item(c, &it);
            }

            continue;
        }

        n--;

        if (kept) {
            *kept++ = ks_item_copy(c->space, &it);

        } else {
            ks_reply_item(c, &it);
        }
    }
}


/* 1: the rank was not there; the table has a power of two of slots */

static int
ks_ranks_add(uint32_t *ranks, size_t size, uint32_t rank)
{
    size_t  i;

    for (i = (rank * 0x9e3779b9u) & (size - 1);
         ranks[i] != KS_NO_RANK;
         i = (i + 1) & (size - 1))
    {
        if (ranks[i] == rank) {
            return 0;
        }
    }

    ranks[i] = rank;

    return 1;
}


/* n of many more members, in any order */

static void
ks_reply_few(ks_ctx_t *c, const ks_value_t *v, uint32_t n)
{
    size_t     size;
    uint32_t   rank, *ranks;
    ks_pos_t   pos;
    ks_item_t  it;

    for (size = 8; size < 2 * (size_t) n; size *= 2) { /* void */ }

    ranks = ks_arena_alloc(c->space, size * sizeof(uint32_t));
    memset(ranks, 0xff, size * sizeof(uint32_t));

    while (n) {
        rank = ks_random_below(c->space, ks_value_count(v));

        if (!ks_ranks_add(ranks, size, rank)) {
            continue;
        }

        (void) ks_value_at(v, &pos, rank);
        it = ks_value_item(v, &pos, 0);
        ks_reply_item(c, &it);
        n--;
    }
}


/* n members, any of them any number of times */

static void
ks_reply_repeated(ks_ctx_t *c, const ks_value_t *v, uint64_t n)
{
    uint64_t  bytes;

    bytes = ks_value_bytes(v) / ks_value_count(v) + KS_BULK_BYTES;

    if (n > KS_REPLY_BYTES / bytes) {
        ks_reply_error(c->reply, "ERR the reply is too large");
        return;
    }

    ks_reply_array(c->reply, n);

    for ( /* void */ ; n; n--) {
        ks_reply_random(c, v);
    }
}


static void
ks_srandmember_count(ks_ctx_t *c, ks_str_t *argv)
{
    int64_t      n;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_arg_int(c, &argv[2], &n, NULL) != KS_OK) {
        return;
    }

    if (n == INT64_MIN) {
        ks_reply_errorf(c->reply, "ERR value is out of range, value must "
                        "between %lld and %lld", (long long) -INT64_MAX,
                        (long long) INT64_MAX);
        return;
    }

    if (ks_read_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL || n == 0) {
        ks_reply_array(c->reply, 0);

    } else if (n < 0) {
        if (ks_draws_allowed(c, (uint64_t) -n)) {
            ks_reply_repeated(c, &v, (uint64_t) -n);
        }

    } else if (n >= ks_value_count(&v)) {
        ks_reply_array(c->reply, ks_value_count(&v));
        ks_reply_members(c, &v);

    } else {
        ks_reply_array(c->reply, (size_t) n);

        if (n < ks_value_count(&v) / 4) {
            ks_reply_few(c, &v, (uint32_t) n);

        } else {
            ks_reply_choice(c, &v, (uint32_t) n, NULL);
        }
    }
}


void
ks_cmd_srandmember(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;
    ks_value_t   v;

    if (argc > 3) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (argc == 3) {
        ks_srandmember_count(c, argv);
        return;
    }

    if (ks_read_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    ks_reply_random(c, &v);
}


static void
ks_spop_tell(ks_ctx_t *c, const ks_str_t *key, const ks_item_t *it)
{
    ks_str_t  member;

    if (ks_effects_told(c->space)) {
        member = ks_item_flat(c->space, it);
        ks_effect_as(c->space, "SREM %s %s", key, &member);
    }
}


static void
ks_spop_some(ks_ctx_t *c, ks_value_t *v, uint32_t n)
{
    ks_pos_t   pos;
    ks_item_t  it;

    for ( /* void */ ; n; n--) {
        (void) ks_set_random(c, v, &pos);
        it = ks_value_item(v, &pos, 0);
        ks_reply_item(c, &it);
        ks_spop_tell(c, v->name, &it);
        ks_set_remove_at(v, &pos);
    }

    ks_event(c->space, KS_NOTIFY_SET, "spop", v->name);
    (void) ks_value_close(v);
}


/*
 * Nearly all of them: what is left, n members, is a new set, which may be
 * small again.
 */

static void
ks_spop_most(ks_ctx_t *c, const ks_str_t *key, ks_value_t *v, uint32_t n)
{
    uint32_t     i;
    uint64_t     at;
    unsigned     enc;
    ks_str_t    *kept;
    ks_value_t   left;

    kept = ks_arena_alloc(c->space, n * sizeof(ks_str_t));
    ks_reply_choice(c, v, n, kept);

    enc = v->enc;

    if (enc == KS_ENC_HASHTABLE
        && ks_zone_within(ks_space_zone(c->space), KS_SETTING_SET_ITEMS, n))
    {
        enc = KS_ENC_LISTPACK;
    }

    ks_value_create(c->space, key, v->entry, KS_TYPE_SET, enc,
                    ks_set_room((int) ks_min(n, 1024u), kept), KS_KEEP_TTL,
                    &left);

    for (i = 0; i < n; i++) {
        (void) ks_set_add(&left, &kept[i]);
    }

    (void) ks_value_close(&left);
    ks_event(c->space, KS_NOTIFY_SET, "spop", key);

    at = ks_entry_expire(left.entry);

    ks_effect_as(c->space, "DEL %s", key);
    ks_effect_as(c->space, "SADD %s %v", key, (int) n, kept);

    if (at != KS_NO_EXPIRE) {
        ks_effect_as(c->space, "PEXPIREAT %s %u", key, at);
    }
}


static void
ks_spop_count(ks_ctx_t *c, ks_str_t *argv)
{
    int64_t      n, count;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_arg_natural(c, &argv[2], &n,
                       "ERR value is out of range, must be positive")
        != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK)
    {
        return;
    }

    count = e ? ks_value_count(&v) : 0;
    n = ks_min(n, count);
    ks_reply_set(c->reply, (size_t) n);

    if (n == 0) {
        return;
    }

    if (n == count) {
        ks_reply_members(c, &v);
        ks_event(c->space, KS_NOTIFY_SET, "spop", &argv[1]);
        ks_delete(c, &argv[1], e);
        ks_effect_as(c->space, "DEL %s", &argv[1]);

    } else if ((count - n) * 5 > n) {
        ks_spop_some(c, &v, (uint32_t) n);

    } else {
        ks_spop_most(c, &argv[1], &v, (uint32_t) (count - n));
    }
}


void
ks_cmd_spop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;
    ks_value_t   v;

    if (argc > 3) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (argc == 3) {
        ks_spop_count(c, argv);
        return;
    }

    if (ks_write_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    ks_spop_some(c, &v, 1);
}


/* --- SSCAN --- */

typedef struct ks_met_s  ks_met_t;

struct ks_met_s {
    ks_met_t        *next;
    ks_item_t        it;
};

typedef struct {
    ks_ctx_t        *c;
    const ks_str_t  *pattern;       /* NULL: any */
    int64_t          count;
    ks_met_t        *first;
    ks_met_t       **last;
    size_t           n;
} ks_sscan_t;


static int
ks_sscan_options(ks_sscan_t *s, int argc, ks_str_t *argv)
{
    int  i;

    for (i = 3; i < argc; i++) {
        if (ks_arg_scan(s->c, argc, argv, &i, &s->count, &s->pattern)
            != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static void
ks_sscan_visit(const ks_value_t *v, const ks_pos_t *pos, void *data)
{
    ks_str_t     text;
    ks_met_t    *met;
    ks_item_t    it;
    ks_sscan_t  *s;

    s = data;
    it = ks_value_item(v, pos, 0);

    if (s->pattern != NULL) {
        text = ks_item_flat(s->c->space, &it);

        if (!ks_glob(s->pattern, &text, 0)) {
            return;
        }
    }

    met = ks_arena_alloc(s->c->space, sizeof(ks_met_t));
    met->next = NULL;
    met->it = it;

    *s->last = met;
    s->last = &met->next;
    s->n++;
}


static void
ks_sscan_reply(const ks_sscan_t *s, uint64_t cursor)
{
    int        n;
    char       text[KS_INT_LEN + 1];
    ks_met_t  *met;

    n = snprintf(text, sizeof(text), "%llu", (unsigned long long) cursor);

    ks_reply_array(s->c->reply, 2);
    ks_reply_bulk(s->c->reply, text, (size_t) n);
    ks_reply_array(s->c->reply, s->n);

    for (met = s->first; met != NULL; met = met->next) {
        ks_reply_item(s->c, &met->it);
    }
}


void
ks_cmd_sscan(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint64_t     cursor;
    ks_entry_t  *e;
    ks_value_t   v;
    ks_sscan_t   s;

    memset(&s, 0, sizeof(ks_sscan_t));
    s.c = c;
    s.count = 10;
    s.last = &s.first;

    if (ks_arg_cursor(c, &argv[2], &cursor) != KS_OK
        || ks_read_value(c, &argv[1], KS_TYPE_SET, &e, &v) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_sscan_reply(&s, 0);
        return;
    }

    if (ks_sscan_options(&s, argc, argv) != KS_OK) {
        return;
    }

    cursor = ks_value_scan(&v, cursor, (size_t) s.count,
                           ks_sscan_visit, &s);
    ks_sscan_reply(&s, cursor);
}
