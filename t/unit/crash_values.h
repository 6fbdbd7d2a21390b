/*
 * What test_crash.c kills a process in, as crash_ops.h: changes of lists,
 * hashes, sets and sorted sets, inside their entries and outside, and of the
 * keys that have such values.
 */

#ifndef CRASH_VALUES_H
#define CRASH_VALUES_H

#include "crash_ops.h"
#include "value_test.h"


/* keys that have no string: a small value, a large one, one with blobs */
#define SMALL  16
#define LARGE  17
#define BLOBS  18
#define TIMED  19                       /* a hash whose fields expire */
#define FRESH  20                       /* none yet; as 21 */

#define VDUE   (NOW + 3000)             /* when the first field expires */

typedef struct {
    int           k;
    unsigned      type;
    unsigned      enc;
    unsigned      first;
    unsigned      n;
    size_t        len;
    uint64_t      at;
    void        (*change)(ks_value_t *v, const void *data);
    const void   *data;
} vjob_t;


/* sets of numbers have len 0 */

static void
vadd(ks_value_t *v, unsigned i, size_t len)
{
    char      digits[12];
    ks_str_t  s;

    if (len) {
        value_add(v, i, len);
        return;
    }

    s.data = (u_char *) digits;
    s.len = (size_t) snprintf(digits, sizeof(digits), "%u", i);
    ks_set_add(v, &s);
}


static void
vmake_body(ks_space_t *sp, void *data)
{
    vjob_t      *j = data;
    unsigned     i;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &keys[j->k], KS_LOOKUP_WRITE);
    ks_value_create(sp, &keys[j->k], e, j->type, j->enc, 30, j->at, &v);

    for (i = j->first; i < j->first + j->n; i++) {
        vadd(&v, i, j->len);
    }

    ks_value_close(&v);
}


static void
vmake(ks_space_t *sp, int k, unsigned type, unsigned enc, unsigned n,
    size_t len)
{
    vjob_t  j = { .k = k, .type = type, .enc = enc, .n = n, .len = len,
                  .at = n % 2 ? NOW + 44000 : KS_NO_EXPIRE };

    assert_int_equal(transaction(sp, all(sp), vmake_body, &j), KS_OK);
}


static void
vchange_body(ks_space_t *sp, void *data)
{
    vjob_t      *j = data;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &keys[j->k], KS_LOOKUP_WRITE);
    ks_value_open(sp, &keys[j->k], e, &v);
    j->change(&v, j->data);
    ks_value_close(&v);
}


static void
vchange(ks_space_t *sp, int k, void (*change)(ks_value_t *v,
    const void *data), const void *data)
{
    vjob_t  j = { .k = k, .change = change, .data = data };

    assert_int_equal(transaction(sp, all(sp), vchange_body, &j), KS_OK);
}


/* --- changes --- */

static void
v_append(ks_value_t *v, const void *data)
{
    vadd(v, 9000, *(const size_t *) data);
}


static void
v_head(ks_value_t *v, const void *data)
{
    ks_str_t  s;

    s = element(9001, *(const size_t *) data);
    ks_list_push(v, KS_LIST_HEAD, &s);
}


/* in the middle, and again, so that a leaf is split */

static void
v_insert(ks_value_t *v, const void *data)
{
    unsigned  i;
    ks_str_t  s;
    ks_pos_t  pos;
    ks_item_t it;

    for (i = 0; i < 3; i++) {
        s = element(9100 + i, *(const size_t *) data);
        it = ks_item(s.data, s.len);
        ks_tree_at(&v->tree[0], &pos, ks_value_count(v) / 2);
        ks_tree_insert(&v->tree[0], &pos, 0, &it);
    }
}


static void
v_set(ks_value_t *v, const void *data)
{
    ks_str_t  s;
    ks_pos_t  pos;

    s = element(9200, *(const size_t *) data);
    ks_list_at(v, &pos, ks_value_count(v) / 2);
    ks_list_set(v, &pos, &s);
}


static void
v_pop(ks_value_t *v, const void *data)
{
    ks_list_cut(v, KS_LIST_TAIL, ks_min(*(const unsigned *) data,
                                        ks_value_count(v)));
}


static void
v_trim(ks_value_t *v, const void *data)
{
    ks_tree_remove_range(&v->tree[0], 7, *(const unsigned *) data);
    ks_list_settle(v);
}


/* one by one from the middle */

static void
v_thin(ks_value_t *v, const void *data)
{
    unsigned  i;
    ks_pos_t  pos;

    for (i = 0; i < *(const unsigned *) data; i++) {
        ks_tree_at(&v->tree[0], &pos, ks_value_count(v) / 2);
        ks_tree_remove(&v->tree[0], &pos);
    }
}


static void
v_hset(ks_value_t *v, const void *data)
{
    ks_str_t  field, value;

    field = element(3, 20);
    value.data = bytes + 4321;
    value.len = *(const size_t *) data;
    ks_hash_set(v, &field, &value, 0);
}


static void
v_remove(ks_value_t *v, const void *data)
{
    value_take(v, 3, *(const size_t *) data);
}


static void
v_score(ks_value_t *v, const void *data)
{
    ks_str_t  s;

    s = element(3, *(const size_t *) data);
    ks_zset_set(v, &s, 77.5);
}


/* every fourth field expires, some ms after the one before */

static void
v_times(ks_value_t *v, const void *data)
{
    unsigned  i;
    ks_pos_t  pos;
    ks_str_t  s;

    for (i = 0; i < *(const unsigned *) data; i += 4) {
        s = element(i, 20);

        if (ks_hash_find(v, &pos, &s)) {
            ks_hash_set_expiry(v, &pos, VDUE + i);
        }
    }
}


static void
v_time(ks_value_t *v, const void *data)
{
    ks_pos_t  pos;
    ks_str_t  s;

    s = element(3, 20);
    ks_hash_find(v, &pos, &s);
    ks_hash_set_expiry(v, &pos, VDUE + *(const size_t *) data);
}


/* --- before it --- */

static void
setup_lists(ks_space_t *sp)
{
    vmake(sp, SMALL, KS_TYPE_LIST, KS_ENC_LISTPACK, 5, 20);
    vmake(sp, LARGE, KS_TYPE_LIST, KS_ENC_QUICKLIST, 901, 12);
    vmake(sp, BLOBS, KS_TYPE_LIST, KS_ENC_QUICKLIST, 6, 5000);
}


static void
setup_lone_list(ks_space_t *sp)
{
    vmake(sp, SMALL, KS_TYPE_LIST, KS_ENC_LISTPACK, 1, 20);
    vmake(sp, LARGE, KS_TYPE_LIST, KS_ENC_LISTPACK, 50, 14);
}


static void
setup_hashes(ks_space_t *sp)
{
    static const unsigned  timed = 60;

    vmake(sp, SMALL, KS_TYPE_HASH, KS_ENC_LISTPACK, 5, 20);
    vmake(sp, LARGE, KS_TYPE_HASH, KS_ENC_HASHTABLE, 301, 20);
    vmake(sp, BLOBS, KS_TYPE_HASH, KS_ENC_HASHTABLE, 4, 3000);
    vmake(sp, TIMED, KS_TYPE_HASH, KS_ENC_LISTPACK, 60, 20);
    vchange(sp, TIMED, v_times, &timed);
}


/* all of its fields expire */

static void
setup_mortal(ks_space_t *sp)
{
    static const unsigned  one = 1;

    vmake(sp, TIMED, KS_TYPE_HASH, KS_ENC_LISTPACK, 1, 20);
    vchange(sp, TIMED, v_times, &one);
}


/* one more than it may have */

static void
setup_full_hash(ks_space_t *sp)
{
    vmake(sp, LARGE, KS_TYPE_HASH, KS_ENC_LISTPACK, KS_HASH_LISTPACK_ITEMS,
          5);
}


static void
setup_sets(ks_space_t *sp)
{
    vmake(sp, SMALL, KS_TYPE_SET, KS_ENC_INTSET, 9, 0);
    vmake(sp, LARGE, KS_TYPE_SET, KS_ENC_HASHTABLE, 801, 20);
    vmake(sp, BLOBS, KS_TYPE_SET, KS_ENC_LISTPACK, 20, 20);
}


static void
setup_zsets(ks_space_t *sp)
{
    vmake(sp, SMALL, KS_TYPE_ZSET, KS_ENC_LISTPACK, 9, 20);
    vmake(sp, LARGE, KS_TYPE_ZSET, KS_ENC_SKIPLIST, 401, 20);
    vmake(sp, BLOBS, KS_TYPE_ZSET, KS_ENC_SKIPLIST, 4, 2000);
}


/* more than one step can free */

static void
setup_dead(ks_space_t *sp)
{
    setup_zsets(sp);
    del(sp, BLOBS);
    del(sp, LARGE);
}


/* --- the operations --- */

static const size_t    L5 = 5, L12 = 12, L20 = 20, L40 = 40, L100 = 100,
                       L300 = 300, L3000 = 3000, L5000 = 5000;
static const unsigned  N1 = 1, N5 = 5, N60 = 60, N600 = 600;

#define value_op(name, k, change, data)                                       \
    static void                                                               \
    op_##name(ks_space_t *sp)                                                 \
    {                                                                         \
        vchange(sp, k, change, data);                                         \
    }

value_op(l_append, SMALL, v_append, &L5)
value_op(l_grow, SMALL, v_append, &L300)
value_op(l_leave, LARGE, v_append, &L300)
value_op(l_leave_blob, SMALL, v_append, &L3000)
value_op(l_tail, LARGE, v_append, &L12)
value_op(l_head, LARGE, v_head, &L12)
value_op(l_insert, LARGE, v_insert, &L300)
value_op(l_insert_blob, LARGE, v_insert, &L3000)
value_op(l_set, LARGE, v_set, &L12)
value_op(l_set_other, LARGE, v_set, &L40)
value_op(l_set_small, SMALL, v_set, &L100)
value_op(l_set_blob, BLOBS, v_set, &L5)
value_op(l_pop, SMALL, v_pop, &N1)
value_op(l_pop_large, LARGE, v_pop, &N5)
value_op(l_pop_last, SMALL, v_pop, &N5)
value_op(l_pop_blobs, BLOBS, v_pop, &N5)
value_op(l_trim, LARGE, v_trim, &N600)
value_op(l_thin, LARGE, v_thin, &N60)
value_op(h_set, SMALL, v_hset, &L20)
value_op(h_set_other, SMALL, v_hset, &L40)
value_op(h_set_large, LARGE, v_hset, &L100)
value_op(h_set_blob, LARGE, v_hset, &L3000)
value_op(h_convert, SMALL, v_hset, &L300)
value_op(h_full, LARGE, v_append, &L5)
value_op(h_remove, SMALL, v_remove, &L20)
value_op(h_remove_large, LARGE, v_remove, &L20)
value_op(h_remove_blob, BLOBS, v_remove, &L3000)
value_op(h_time, SMALL, v_time, &L5)
value_op(h_time_large, LARGE, v_times, &N60)
value_op(h_time_early, TIMED, v_time, &L5)
value_op(h_timed_convert, TIMED, v_hset, &L300)
value_op(s_add, SMALL, v_append, &L20)          /* is no integer */
value_op(s_add_large, LARGE, v_append, &L20)
value_op(s_long, BLOBS, v_append, &L100)
value_op(s_remove, LARGE, v_remove, &L20)
value_op(z_add, SMALL, v_append, &L20)
value_op(z_add_large, LARGE, v_append, &L20)
value_op(z_move, SMALL, v_score, &L20)
value_op(z_move_large, LARGE, v_score, &L20)
value_op(z_convert, SMALL, v_append, &L100)
value_op(z_remove, LARGE, v_remove, &L20)
value_op(z_remove_blob, BLOBS, v_remove, &L3000)

static void
op_v_create(ks_space_t *sp)
{
    vmake(sp, FRESH, KS_TYPE_HASH, KS_ENC_LISTPACK, 5, 20);
}

static void
op_v_create_large(ks_space_t *sp)
{
    vmake(sp, FRESH, KS_TYPE_ZSET, KS_ENC_LISTPACK, 140, 20);
}

static void
op_v_over(ks_space_t *sp)
{
    vmake(sp, LARGE, KS_TYPE_SET, KS_ENC_LISTPACK, 6, 20);
}

static void
op_v_over_string(ks_space_t *sp)
{
    vmake(sp, 3, KS_TYPE_SET, KS_ENC_LISTPACK, 6, 20);
}

static void op_v_string(ks_space_t *sp) { set(sp, SMALL, 7, 90, KS_KEEP_TTL); }
static void op_v_string2(ks_space_t *sp) { set(sp, LARGE, 7, 90, NOW + 9); }
static void op_v_string3(ks_space_t *sp) { set(sp, TIMED, 7, 9, KS_KEEP_TTL); }
static void op_v_del(ks_space_t *sp) { del(sp, SMALL); }
static void op_v_del_large(ks_space_t *sp) { del(sp, LARGE); }
static void op_v_del_blobs(ks_space_t *sp) { del(sp, BLOBS); }
static void op_v_del_timed(ks_space_t *sp) { del(sp, TIMED); }
static void op_v_expire(ks_space_t *sp) { expire(sp, BLOBS, NOW + 77); }
static void op_v_expire2(ks_space_t *sp) { expire(sp, LARGE, NOW + 77); }
static void op_v_expire3(ks_space_t *sp) { expire(sp, TIMED, NOW + 77); }
static void op_v_persist(ks_space_t *sp) { expire(sp, SMALL, KS_NO_EXPIRE); }
static void op_v_persist2(ks_space_t *sp) { expire(sp, LARGE, KS_NO_EXPIRE); }

#define move_op(name, body, k)                                                \
    static void                                                               \
    op_v_##name(ks_space_t *sp)                                               \
    {                                                                         \
        two(sp, body, k, FRESH);                                              \
    }                                                                         \
                                                                              \
    static void                                                               \
    op_v_##name##2(ks_space_t *sp)                                            \
    {                                                                         \
        two(sp, body, k, FRESH + 1);                                          \
    }

move_op(rename, kv_rename_body, SMALL)
move_op(rename_large, kv_rename_body, LARGE)
move_op(rename_blobs, kv_rename_body, BLOBS)
move_op(rename_timed, kv_rename_body, TIMED)
move_op(copy, kv_copy_body, SMALL)
move_op(copy_large, kv_copy_body, LARGE)
move_op(copy_blobs, kv_copy_body, BLOBS)
move_op(copy_timed, kv_copy_body, TIMED)


static void
op_v_rename_long(ks_space_t *sp)
{
    two(sp, kv_rename_body, SMALL, 22);
}

static void op_v_purge(ks_space_t *sp) { expire(sp, TIMED, NOW + 66000); }
static void op_v_turn(ks_space_t *sp) { ks_expire_cycle(sp, 100); }

/* a record: two of its three values are written over */

static void
record_body(ks_space_t *sp, void *data)
{
    u_char        text[3][20];
    unsigned      i;
    ks_str_t      fields[3], values[3];
    ks_entry_t   *e;
    const size_t *len = data;

    for (i = 0; i < 3; i++) {
        fields[i].data = memcpy(text[i], element(i, 20).data, 20);
        fields[i].len = 20;
    }

    e = ks_lookup(sp, &keys[SMALL], KS_LOOKUP_WRITE);
    assert_int_equal(ks_record_read(e, fields, values, 3), 1);

    values[0].data = bytes + 4321;
    values[0].len = 20;
    values[1].data = NULL;
    values[2].data = bytes + 4400;
    values[2].len = *len;

    assert_int_equal(ks_record_write(sp, &keys[SMALL], e, values, 3), 1);
}


static void
setup_record(ks_space_t *sp)
{
    vmake(sp, SMALL, KS_TYPE_HASH, KS_ENC_LISTPACK, 3, 20);
}


static void
record(ks_space_t *sp, size_t len)
{
    assert_int_equal(transaction(sp, all(sp), record_body, &len), KS_OK);
}


static void op_r_same(ks_space_t *sp) { record(sp, 20); }
static void op_r_shorter(ks_space_t *sp) { record(sp, 3); }
static void op_r_longer(ks_space_t *sp) { record(sp, 22); }

/* several changes of several values in one transaction */

static void
mixture_body(ks_space_t *sp, void *data)
{
    vjob_t  j = { .k = LARGE, .change = v_insert, .data = &L300 };
    kv_t    kv = { .key = keys[LARGE], .to = keys[FRESH] };

    (void) data;

    vchange_body(sp, &j);
    kv_rename_body(sp, &kv);

    j.k = FRESH;
    j.change = v_trim;
    j.data = &N600;
    vchange_body(sp, &j);

    kv.key = keys[FRESH];
    kv.to = keys[FRESH + 1];
    kv_copy_body(sp, &kv);
    kv_del_body(sp, &kv);

    j.k = SMALL;
    j.change = v_append;
    j.data = &L300;
    vchange_body(sp, &j);
    vchange_body(sp, &j);
    j.data = &L5000;
    vchange_body(sp, &j);
}

static void
op_v_mixture(ks_space_t *sp)
{
    transaction(sp, all(sp), mixture_body, NULL);
}

#define DUE    (VDUE + 30)              /* no key is, but of some its fields */

static const op_t  value_ops[] = {
    op_row(l_append, setup_lists, NOW),
    op_row(l_grow, setup_lists, NOW),
    op_row(l_leave, setup_lone_list, NOW),
    op_row(l_leave_blob, setup_lists, NOW),
    op_row(l_tail, setup_lists, NOW),
    op_row(l_head, setup_lists, NOW),
    op_row(l_insert, setup_lists, NOW),
    op_row(l_insert_blob, setup_lists, NOW),
    op_row(l_set, setup_lists, NOW),
    op_row(l_set_other, setup_lists, NOW),
    op_row(l_set_small, setup_lists, NOW),
    op_row(l_set_blob, setup_lists, NOW),
    op_row(l_pop, setup_lists, NOW),
    op_row(l_pop_large, setup_lists, NOW),
    op_row(l_pop_last, setup_lone_list, NOW),
    op_row(l_pop_blobs, setup_lists, NOW),
    op_row(l_trim, setup_lists, NOW),
    op_row(l_thin, setup_lists, NOW),
    op_row(h_set, setup_hashes, NOW),
    op_row(h_set_other, setup_hashes, NOW),
    op_row(h_set_large, setup_hashes, NOW),
    op_row(h_set_blob, setup_hashes, NOW),
    op_row(h_convert, setup_hashes, NOW),
    op_row(h_full, setup_full_hash, NOW),
    op_row(h_remove, setup_hashes, NOW),
    op_row(h_remove_large, setup_hashes, NOW),
    op_row(h_remove_blob, setup_hashes, NOW),
    op_row(h_time, setup_hashes, NOW),
    op_row(h_time_large, setup_hashes, NOW),
    op_row(h_time_early, setup_hashes, NOW),
    op_row(h_timed_convert, setup_hashes, NOW),
    op_row(s_add, setup_sets, NOW),
    op_row(s_add_large, setup_sets, NOW),
    op_row(s_long, setup_sets, NOW),
    op_row(s_remove, setup_sets, NOW),
    op_row(z_add, setup_zsets, NOW),
    op_row(z_add_large, setup_zsets, NOW),
    op_row(z_move, setup_zsets, NOW),
    op_row(z_move_large, setup_zsets, NOW),
    op_row(z_convert, setup_zsets, NOW),
    op_row(z_remove, setup_zsets, NOW),
    op_row(z_remove_blob, setup_zsets, NOW),
    op_row(v_create, NULL, NOW),
    op_row(v_create_large, NULL, NOW),
    op_row(v_over, setup_lists, NOW),
    op_row(v_over_string, NULL, NOW),
    op_row(v_string, setup_hashes, NOW),
    op_row(v_string2, setup_lists, NOW),
    op_row(v_string3, setup_hashes, NOW),
    op_row(v_del, setup_hashes, NOW),
    op_row(v_del_large, setup_zsets, NOW),
    op_row(v_del_blobs, setup_lists, NOW),
    op_row(v_del_timed, setup_hashes, NOW),
    op_row(v_expire, setup_sets, NOW),
    op_row(v_expire2, setup_zsets, NOW),
    op_row(v_expire3, setup_hashes, NOW),
    op_row(v_persist, setup_hashes, NOW),
    op_row(v_persist2, setup_lists, NOW),
    op_row(v_rename, setup_hashes, NOW),
    op_row(v_rename2, setup_zsets, NOW),
    op_row(v_rename_large, setup_zsets, NOW),
    op_row(v_rename_large2, setup_lists, NOW),
    op_row(v_rename_blobs, setup_hashes, NOW),
    op_row(v_rename_blobs2, setup_lists, NOW),
    op_row(v_rename_timed, setup_hashes, NOW),
    op_row(v_rename_timed2, setup_hashes, NOW),
    op_row(v_rename_long, setup_lists, NOW),
    op_row(v_copy, setup_hashes, NOW),
    op_row(v_copy2, setup_zsets, NOW),
    op_row(v_copy_large, setup_zsets, NOW),
    op_row(v_copy_large2, setup_lists, NOW),
    op_row(v_copy_blobs, setup_hashes, NOW),
    op_row(v_copy_blobs2, setup_lists, NOW),
    op_row(v_copy_timed, setup_hashes, NOW),
    op_row(v_copy_timed2, setup_hashes, NOW),
    op_row(v_purge, setup_hashes, DUE),
    op_row(v_turn, setup_hashes, DUE),
    { "v_turn_last", op_v_turn, setup_mortal, DUE, 0 },
    { "v_purge_last", op_v_purge, setup_mortal, DUE, 0 },
    { "v_reclaim", op_reclaim, setup_dead, NOW, 0 },
    op_row(r_same, setup_record, NOW),
    op_row(r_shorter, setup_record, NOW),
    op_row(r_longer, setup_record, NOW),
    op_row(v_mixture, setup_lists, NOW),
};


#endif /* CRASH_VALUES_H */
