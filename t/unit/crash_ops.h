/*
 * The operations that test_crash.c kills a process in: every write path, alone
 * and several in one transaction.
 */

#ifndef CRASH_OPS_H
#define CRASH_OPS_H

#include "engine_test.h"


#define SESSION      24                 /* two keys of sessions, none yet */
#define SESSION_KEY  72                 /* bytes of each */
#define CROWD        26                 /* keys from here on share a bucket */
#define NKEYS        (CROWD + KS_BUCKET_SLOTS + 3)

typedef void (*op_pt)(ks_space_t *sp);

static ks_str_t  keys[NKEYS];
static u_char    bytes[200000];


static uint64_t
all(ks_space_t *sp)
{
    return ks_all_shards(sp);
}


static void
set(ks_space_t *sp, int k, size_t off, size_t len, uint64_t at)
{
    assert_int_equal(kv_set(sp, keys[k], bytes + off, len, at), KS_OK);
}


static void
put(ks_space_t *sp, int k, size_t off, size_t len)
{
    kv_t  kv = { .key = keys[k], .off = off, .value = { len, bytes + 777 } };

    kv_run(sp, kv_write_body, &kv);
}


static void
make(ks_space_t *sp, int k, size_t len, uint64_t at)
{
    kv_t  kv = { .key = keys[k], .at = at, .value = { len, bytes + 555 } };

    kv_run(sp, kv_make_body, &kv);
}


static void
del(ks_space_t *sp, int k)
{
    kv_del(sp, keys[k]);
}


static void
expire(ks_space_t *sp, int k, uint64_t at)
{
    kv_t  kv = { .key = keys[k], .at = at };

    kv_run(sp, kv_expire_body, &kv);
}


static void
two(ks_space_t *sp, ks_body_pt body, int k, int k2)
{
    kv_t  kv = { .key = keys[k], .to = keys[k2] };

    assert_int_equal(kv_run(sp, body, &kv), KS_OK);
}


typedef struct {
    int     n;
    size_t  len;
} many_t;


static void
many_body(ks_space_t *sp, void *data)
{
    int          i;
    many_t      *j = data;
    ks_str_t     v;
    ks_entry_t  *e;

    for (i = 0; i < j->n; i++) {
        v.data = bytes + 5 * i;
        v.len = j->len;
        e = ks_lookup(sp, &keys[i], KS_LOOKUP_WRITE);
        ks_string_set(sp, &keys[i], e, &v, KS_ENC_RAW, KS_NO_EXPIRE);
    }
}


static void
many(ks_space_t *sp, int n, size_t len)
{
    many_t  j = { .n = n, .len = len };

    transaction(sp, all(sp), many_body, &j);
}


static void
flush_body(ks_space_t *sp, void *data)
{
    (void) data;
    ks_flush(sp);
}


static void
flush_logged_body(ks_space_t *sp, void *data)
{
    kv_set_body(sp, data);
    ks_flush(sp);
}


/* every kind of value and key, with and without a TTL */

static void
prepare(ks_space_t *sp)
{
    int  k;

    for (k = 0; k < 14; k++) {
        set(sp, k, (size_t) k * 100, 40, k % 3 ? KS_NO_EXPIRE : NOW + 5000 + k);
    }

    set(sp, 1, 50, 9000, KS_NO_EXPIRE);         /* a blob of three pieces */
    set(sp, 3, 60, 9000, NOW + 60000);
    set(sp, 14, 0, 20000, KS_NO_EXPIRE);        /* a long key */
    set(sp, 15, 0, 10, NOW + 700000);
    set(sp, 5, 0, 3000, KS_NO_EXPIRE);
    set(sp, 7, 0, 4000, KS_NO_EXPIRE);          /* a blob of one piece */
}

static void op_new(ks_space_t *sp) { set(sp, 20, 10, 64, KS_NO_EXPIRE); }
static void op_new_ttl(ks_space_t *sp) { set(sp, 20, 10, 64, NOW + 99); }
static void op_new_blob(ks_space_t *sp) { set(sp, 21, 10, 30000, NOW + 99); }
static void op_new_long(ks_space_t *sp) { set(sp, 22, 10, 5000, NOW + 99); }
static void op_inplace(ks_space_t *sp) { set(sp, 2, 900, 41, KS_NO_EXPIRE); }
static void op_inplace_ttl(ks_space_t *sp) { set(sp, 6, 900, 40, NOW + 88888); }
static void op_again(ks_space_t *sp) { set(sp, 6, 900, 40, KS_KEEP_TTL); }
static void op_again_ttl(ks_space_t *sp) { set(sp, 15, 900, 10, NOW + 700009); }
static void op_larger(ks_space_t *sp) { set(sp, 6, 900, 600, KS_NO_EXPIRE); }
static void op_to_blob(ks_space_t *sp) { set(sp, 6, 900, 7000, NOW + 1); }
static void op_from_blob(ks_space_t *sp) { set(sp, 3, 900, 70, KS_KEEP_TTL); }
static void op_make(ks_space_t *sp) { make(sp, 3, 12000, KS_NO_EXPIRE); }
static void op_make_new(ks_space_t *sp) { make(sp, 21, 9000, NOW + 99); }
static void op_make_small(ks_space_t *sp) { make(sp, 3, 50, KS_KEEP_TTL); }
static void op_append(ks_space_t *sp) { put(sp, 4, 40, 3); }
static void op_append_grow(ks_space_t *sp) { put(sp, 4, 40, 3000); }
static void op_append_blob(ks_space_t *sp) { put(sp, 3, 9000, 300); }
static void op_append_blob2(ks_space_t *sp) { put(sp, 3, 9000, 9000); }
static void op_range_blob(ks_space_t *sp) { put(sp, 3, 100, 5000); }
static void op_range(ks_space_t *sp) { put(sp, 4, 5, 20); }
static void op_range_piece(ks_space_t *sp) { put(sp, 7, 100, 2000); }
static void op_range_far(ks_space_t *sp) { put(sp, 6, 30000, 100); }
static void op_range_new(ks_space_t *sp) { put(sp, 23, 5000, 100); }
static void op_del(ks_space_t *sp) { del(sp, 2); }
static void op_del_ttl(ks_space_t *sp) { del(sp, 6); }
static void op_del_blob(ks_space_t *sp) { del(sp, 3); }
static void op_del_long(ks_space_t *sp) { del(sp, 14); }
static void op_expire(ks_space_t *sp) { expire(sp, 2, NOW + 100); }
static void op_expire_move(ks_space_t *sp) { expire(sp, 6, NOW + 1000000); }
static void op_expire_near(ks_space_t *sp) { expire(sp, 6, NOW + 5020); }
static void op_expire_lone(ks_space_t *sp) { expire(sp, 15, NOW + 700008); }
static void op_expire_sooner(ks_space_t *sp) { expire(sp, 15, NOW + 699990); }
static void op_persist(ks_space_t *sp) { expire(sp, 3, KS_NO_EXPIRE); }
static void op_rename(ks_space_t *sp) { two(sp, kv_rename_body, 0, 20); }
static void op_rename_over(ks_space_t *sp) { two(sp, kv_rename_body, 2, 3); }
static void op_rename_blob(ks_space_t *sp) { two(sp, kv_rename_body, 1, 20); }
static void op_rename_blob2(ks_space_t *sp) { two(sp, kv_rename_body, 3, 21); }
static void op_rename_long(ks_space_t *sp) { two(sp, kv_rename_body, 14, 23); }
static void op_copy(ks_space_t *sp) { two(sp, kv_copy_body, 0, 20); }
static void op_copy_blob(ks_space_t *sp) { two(sp, kv_copy_body, 3, 22); }

/* more keys than a bucket holds come and go; one takes another's slot */

static void
crowd_body(ks_space_t *sp, void *data)
{
    int   k;
    kv_t  kv = { .value = { 50, bytes + 5 } };

    (void) data;

    for (k = NKEYS - 3; k < NKEYS; k++) {
        kv.key = keys[k];
        kv_set_body(sp, &kv);
    }
}

static void
uncrowd_body(ks_space_t *sp, void *data)
{
    int   k;
    kv_t  kv;

    (void) data;

    for (k = NKEYS - 8; k < NKEYS; k++) {
        kv.key = keys[k];
        kv_del_body(sp, &kv);
    }
}

static void
swap_body(ks_space_t *sp, void *data)
{
    kv_t  kv = { .key = keys[CROWD + 2], .value = { 70, bytes + 5 } };

    (void) data;

    kv_del_body(sp, &kv);
    kv.key = keys[NKEYS - 1];
    kv_set_body(sp, &kv);
}

static void
op_crowd(ks_space_t *sp)
{
    transaction(sp, all(sp), crowd_body, NULL);
}

static void
op_uncrowd(ks_space_t *sp)
{
    transaction(sp, all(sp), uncrowd_body, NULL);
}

static void
op_swap(ks_space_t *sp)
{
    transaction(sp, all(sp), swap_body, NULL);
}

static void
setup_crowd(ks_space_t *sp)
{
    int  k;

    for (k = CROWD; k < NKEYS - 3; k++) {
        set(sp, k, 100, 50, KS_NO_EXPIRE);
    }
}

static void
setup_uncrowd(ks_space_t *sp)
{
    setup_crowd(sp);
    op_crowd(sp);
}

/* three pages of five entries; the second one is left by its last */

static void
setup_release(ks_space_t *sp)
{
    int  k;

    for (k = 0; k < 15; k++) {
        set(sp, CROWD + k, 100, 700, KS_NO_EXPIRE);
    }

    del(sp, CROWD);

    for (k = 5; k < 9; k++) {
        del(sp, CROWD + k);
    }

    del(sp, CROWD + 10);
}

static void op_release(ks_space_t *sp) { del(sp, CROWD + 9); }

/* the only TTL that there is; the wheel has not been turned for long */

static void
setup_lone(ks_space_t *sp)
{
    int  k;

    for (k = 0; k < 16; k += 3) {
        del(sp, k);
    }

    set(sp, 2, 0, 40, NOW + 1000000000);
}

static void op_lone(ks_space_t *sp) { expire(sp, 2, NOW + 900000000); }
static void op_late(ks_space_t *sp) { set(sp, 2, 9, 40, NOW + 30000000000); }

/* more than one page of log, and of the one after it */

static void
spill_body(ks_space_t *sp, void *data)
{
    size_t  i;
    kv_t    kv = { .value = { 900, bytes + 4000 } };

    (void) data;

    for (i = 0; i < 12; i++) {
        kv.key = keys[i % 2 ? 3 : 1];
        kv.off = i / 4 * 4096 % 8192 + i % 4 / 2 * 1000;
        kv.value.data += i;
        kv_write_body(sp, &kv);
    }
}

static void
op_spill(ks_space_t *sp)
{
    transaction(sp, all(sp), spill_body, NULL);
}

/* several changes of what was moved a moment ago, and back */

static void
wander_body(ks_space_t *sp, void *data)
{
    kv_t  *there = data;
    kv_t   back = *there, grown = *there;

    back.key = there->to;
    back.to = there->key;

    grown.key = there->to;
    grown.off = 3000;
    grown.value.data = bytes + 11;
    grown.value.len = 8000;

    kv_rename_body(sp, there);
    kv_write_body(sp, &grown);
    kv_rename_body(sp, &back);
    kv_copy_body(sp, there);
    kv_del_body(sp, &back);
}

static void op_wander(ks_space_t *sp) { two(sp, wander_body, 3, 21); }
static void op_many(ks_space_t *sp) { many(sp, 24, 60); }
static void op_many_blobs(ks_space_t *sp) { many(sp, 6, 5000); }
static void op_reclaim(ks_space_t *sp) { ks_reclaim(sp, 1000); }

static void
op_flush(ks_space_t *sp)
{
    transaction(sp, all(sp), flush_body, NULL);
}

static void
op_flush_logged(ks_space_t *sp)
{
    kv_t  kv = { .key = keys[20], .value = { 10, bytes } };

    transaction(sp, all(sp), flush_logged_body, &kv);
}

static void
op_turn(ks_space_t *sp)
{
    ks_expire_cycle(sp, 100);
}

static void
op_turn_far(ks_space_t *sp)
{
    ks_expire_cycle(sp, 100);
}


/* background work changes nothing that can be seen */

static void
setup_reclaim(ks_space_t *sp)
{
    set(sp, 20, 0, 100000, KS_NO_EXPIRE);
    del(sp, 20);
    del(sp, 14);
}


/* one key, and far enough to be cascaded over two levels on the way */

static void
setup_turn_far(ks_space_t *sp)
{
    int  k;

    for (k = 0; k < 16; k += 3) {
        del(sp, k);
    }

    set(sp, 13, 0, 100, NOW + 650000);
    set(sp, 10, 0, 100, NOW + 660000);
}


typedef struct {
    const char  *name;
    op_pt        op;
    op_pt        setup;         /* before it, after prepare() */
    uint64_t     now;           /* when it is run */
    unsigned     told;          /* its effects are */
} op_t;

#define op_row(name, setup, now)  { #name, op_##name, setup, now, 0 }

static const op_t  ops[] = {
    op_row(new, NULL, NOW),
    op_row(new_ttl, NULL, NOW),
    op_row(new_blob, NULL, NOW),
    op_row(new_long, NULL, NOW),
    op_row(inplace, NULL, NOW),
    op_row(inplace_ttl, NULL, NOW),
    op_row(again, NULL, NOW),
    op_row(again_ttl, NULL, NOW),
    op_row(larger, NULL, NOW),
    op_row(to_blob, NULL, NOW),
    op_row(from_blob, NULL, NOW),
    op_row(make, NULL, NOW),
    op_row(make_new, NULL, NOW),
    op_row(make_small, NULL, NOW),
    op_row(append, NULL, NOW),
    op_row(append_grow, NULL, NOW),
    op_row(append_blob, NULL, NOW),
    op_row(append_blob2, NULL, NOW),
    op_row(range_blob, NULL, NOW),
    op_row(range, NULL, NOW),
    op_row(range_piece, NULL, NOW),
    op_row(range_far, NULL, NOW),
    op_row(range_new, NULL, NOW),
    op_row(del, NULL, NOW),
    op_row(del_ttl, NULL, NOW),
    op_row(del_blob, NULL, NOW),
    op_row(del_long, NULL, NOW),
    op_row(expire, NULL, NOW),
    op_row(expire_move, NULL, NOW),
    op_row(expire_near, NULL, NOW),
    op_row(expire_lone, NULL, NOW),
    op_row(expire_sooner, NULL, NOW),
    op_row(persist, NULL, NOW),
    op_row(rename, NULL, NOW),
    op_row(rename_over, NULL, NOW),
    op_row(rename_blob, NULL, NOW),
    op_row(rename_blob2, NULL, NOW),
    op_row(rename_long, NULL, NOW),
    op_row(copy, NULL, NOW),
    op_row(copy_blob, NULL, NOW),
    op_row(crowd, setup_crowd, NOW),
    op_row(uncrowd, setup_uncrowd, NOW),
    op_row(swap, setup_crowd, NOW),
    op_row(release, setup_release, NOW),
    op_row(lone, setup_lone, NOW + 500000000),
    op_row(late, setup_lone, NOW + 20000000000),
    op_row(spill, NULL, NOW),
    op_row(wander, NULL, NOW),
    op_row(many, NULL, NOW),
    op_row(many_blobs, NULL, NOW),
    op_row(flush, NULL, NOW),
    op_row(flush_logged, NULL, NOW),
    op_row(reclaim, setup_reclaim, NOW),
    op_row(turn, NULL, NOW + 5003),
    op_row(turn_far, setup_turn_far, NOW + 650100),
};


#endif /* CRASH_OPS_H */
