/*
 * What test_crash.c kills a process in, as crash_ops.h: changes of streams,
 * and of the keys that have them.
 */

#ifndef CRASH_STREAM_H
#define CRASH_STREAM_H

#include "crash_group.h"


/* entries: the ms is 1 and more, two fields, of which the first is a number */

typedef struct {
    unsigned      first;
    unsigned      n;
    size_t        len;
} entries_t;

#define BLOCK  100                      /* entries of one, if they are small */


static void
x_add(ks_value_t *v, const void *data)
{
    u_char            digits[12];
    unsigned          i;
    ks_str_t          argv[4] = { ks_str("number"), ks_str(""),
                                  ks_str("text"), ks_str("") };
    ks_stream_id_t    id = { 0, 7 };
    const entries_t  *e = data;

    for (i = e->first; i < e->first + e->n; i++) {
        id.ms = i / 3 + 1;
        id.seq = i;
        argv[1].data = digits;
        argv[1].len = (size_t) snprintf((char *) digits, sizeof(digits), "%u",
                                        i * 7919);
        argv[3].data = bytes + i;
        argv[3].len = e->len;
        ks_stream_append(v, &id, i % 10 == 9 ? 2 : 4, argv);
    }
}


/* every entry from first on, or every second */

static void
x_take(ks_value_t *v, const entries_t *e, unsigned step)
{
    unsigned           i;
    ks_stream_id_t     id;
    ks_stream_entry_t  entry;

    for (i = e->first; i < e->first + e->n; i += step) {
        id.ms = i / 3 + 1;
        id.seq = i;

        if (ks_stream_find(v, &entry, &id)) {
            ks_stream_remove(v, &entry);
        }
    }
}


static void
x_remove(ks_value_t *v, const void *data)
{
    x_take(v, data, 1);
}


static void
x_thin(ks_value_t *v, const void *data)
{
    x_take(v, data, 2);
}


static void
x_trim(ks_value_t *v, const void *data)
{
    ks_stream_trim_t  trim;

    memset(&trim, 0, sizeof(trim));
    trim.length = *(const unsigned *) data;
    ks_stream_trim(v, &trim);
}


static int
x_may(ks_value_t *v, const ks_stream_id_t *id, void *data)
{
    (void) v;
    (void) data;

    return id->seq % 3 != 0;
}


static void
x_ask(ks_value_t *v, const void *data)
{
    ks_stream_trim_t  trim;

    memset(&trim, 0, sizeof(trim));
    trim.by_id = 1;
    trim.id.ms = *(const unsigned *) data;
    trim.may = x_may;
    ks_stream_trim(v, &trim);
}


/* --- before it --- */

static void
xmake_body(ks_space_t *sp, void *data)
{
    vjob_t      *j = data;
    ks_value_t   v;
    ks_entry_t  *e;

    e = ks_lookup(sp, &keys[j->k], KS_LOOKUP_WRITE);
    ks_value_create(sp, &keys[j->k], e, KS_TYPE_STREAM, KS_ENC_STREAM, 0,
                    j->at, &v);
    x_add(&v, j->data);
    ks_value_close(&v);
}


static void
xmake(ks_space_t *sp, int k, const entries_t *e)
{
    vjob_t  j = { .k = k, .data = e,
                  .at = e->n % 2 ? NOW + 44000 : KS_NO_EXPIRE };

    assert_int_equal(transaction(sp, all(sp), xmake_body, &j), KS_OK);
}


static void
setup_streams(ks_space_t *sp)
{
    xmake(sp, SMALL, &(entries_t) { 0, 4, 20 });
    xmake(sp, LARGE, &(entries_t) { 0, 3 * BLOCK + 41, 12 });
    xmake(sp, BLOBS, &(entries_t) { 0, 3, 5000 });
}


/* its last block is full, and has room that it does not need */

static void
setup_full_block(ks_space_t *sp)
{
    xmake(sp, SMALL, &(entries_t) { 0, 1, 20 });
    xmake(sp, LARGE, &(entries_t) { 0, 2 * BLOCK, 10 });
}


/* a block of several pages, as its entries would leave much of one unused */

static void
setup_wide(ks_space_t *sp)
{
    xmake(sp, SMALL, &(entries_t) { 0, 3, 1700 });
}


/* more than half of some blocks is about to be deleted */

static void
setup_thin(ks_space_t *sp)
{
    setup_streams(sp);
    vchange(sp, LARGE, x_thin, &(entries_t) { 0, 2 * BLOCK - 2, 0 });
}


/* --- the operations --- */

static const entries_t  X4 = { 4, 1, 20 }, X4_300 = { 4, 1, 300 },
                        X4_900 = { 4, 1, 900 }, X4_9000 = { 4, 1, 9000 },
                        X341 = { 341, 1, 12 }, X341_30 = { 341, 30, 30 },
                        X341_5000 = { 341, 2, 5000 }, X200 = { 200, 1, 10 },
                        X3 = { 3, 4, 900 }, X8 = { 8, 1, 12000 },
                        X0 = { 0, 1, 0 }, X1 = { 1, 1, 0 },
                        X150 = { 150, 1, 0 }, X150_60 = { 150, 60, 0 },
                        X100_100 = { 100, 100, 0 };

static const unsigned  XN0 = 0, XN1 = 1, XN120 = 120, XN330 = 330, XN60 = 60;

value_op(x_append, SMALL, x_add, &X4)
value_op(x_leaf_grow, SMALL, x_add, &X4_300)
value_op(x_leave, SMALL, x_add, &X4_900)
value_op(x_big, SMALL, x_add, &X4_9000)
value_op(x_tail, LARGE, x_add, &X341)
value_op(x_grow, LARGE, x_add, &X341_30)
value_op(x_bigs, LARGE, x_add, &X341_5000)
value_op(x_next, LARGE, x_add, &X200)
value_op(x_wide, BLOBS, x_add, &X3)
value_op(x_wider, SMALL, x_add, &X3)
value_op(x_shrink, SMALL, x_add, &X8)
value_op(x_first, LARGE, x_remove, &X0)
value_op(x_second, LARGE, x_remove, &X1)
value_op(x_middle, LARGE, x_remove, &X150)
value_op(x_block, LARGE, x_remove, &X100_100)
value_op(x_squeeze, LARGE, x_remove, &X150_60)
value_op(x_last, SMALL, x_remove, &X0)
value_op(x_blob, BLOBS, x_remove, &X1)
value_op(x_cut, LARGE, x_trim, &XN330)
value_op(x_cut_blocks, LARGE, x_trim, &XN120)
value_op(x_cut_blobs, BLOBS, x_trim, &XN1)
value_op(x_cut_all, LARGE, x_trim, &XN0)
value_op(x_asked, LARGE, x_ask, &XN60)

static void
op_x_create(ks_space_t *sp)
{
    xmake(sp, FRESH, &(entries_t) { 0, BLOCK + 30, 9 });
}

static void
op_x_over(ks_space_t *sp)
{
    xmake(sp, LARGE, &(entries_t) { 0, 3, 9 });
}

static void op_x_del(ks_space_t *sp) { del(sp, LARGE); }
static void op_x_del_blobs(ks_space_t *sp) { del(sp, BLOBS); }
static void op_x_expire(ks_space_t *sp) { expire(sp, BLOBS, NOW + 77); }
static void op_x_expire2(ks_space_t *sp) { expire(sp, LARGE, NOW + 77); }
static void op_x_persist(ks_space_t *sp) { expire(sp, LARGE, KS_NO_EXPIRE); }

#define x_move_op(name, body, k)                                              \
    static void                                                               \
    op_x_##name(ks_space_t *sp)                                               \
    {                                                                         \
        two(sp, body, k, FRESH);                                              \
    }                                                                         \
                                                                              \
    static void                                                               \
    op_x_##name##2(ks_space_t *sp)                                            \
    {                                                                         \
        two(sp, body, k, FRESH + 1);                                          \
    }

x_move_op(rename, kv_rename_body, LARGE)
x_move_op(rename_blobs, kv_rename_body, BLOBS)
x_move_op(copy, kv_copy_body, LARGE)
x_move_op(copy_blobs, kv_copy_body, BLOBS)


static void
setup_dead_stream(ks_space_t *sp)
{
    setup_streams(sp);
    del(sp, LARGE);
    del(sp, BLOBS);
}

static void op_x_reap(ks_space_t *sp) { reclaim_all(sp); }


static const op_t  stream_ops[] = {
    op_row(x_append, setup_streams, NOW),
    op_row(x_leaf_grow, setup_streams, NOW),
    op_row(x_leave, setup_streams, NOW),
    op_row(x_big, setup_streams, NOW),
    op_row(x_tail, setup_streams, NOW),
    op_row(x_grow, setup_streams, NOW),
    op_row(x_bigs, setup_streams, NOW),
    op_row(x_next, setup_full_block, NOW),
    op_row(x_wide, setup_streams, NOW),
    op_row(x_wider, setup_wide, NOW),
    op_row(x_shrink, setup_wide, NOW),
    op_row(x_first, setup_streams, NOW),
    op_row(x_second, setup_streams, NOW),
    op_row(x_middle, setup_streams, NOW),
    op_row(x_block, setup_streams, NOW),
    op_row(x_squeeze, setup_thin, NOW),
    op_row(x_last, setup_full_block, NOW),
    op_row(x_blob, setup_streams, NOW),
    op_row(x_cut, setup_streams, NOW),
    op_row(x_cut_blocks, setup_streams, NOW),
    op_row(x_cut_blobs, setup_streams, NOW),
    op_row(x_cut_all, setup_streams, NOW),
    op_row(x_asked, setup_streams, NOW),
    op_row(x_create, NULL, NOW),
    op_row(x_over, setup_streams, NOW),
    op_row(x_del, setup_streams, NOW),
    op_row(x_del_blobs, setup_streams, NOW),
    op_row(x_expire, setup_streams, NOW),
    op_row(x_expire2, setup_streams, NOW),
    op_row(x_persist, setup_streams, NOW),
    op_row(x_rename, setup_streams, NOW),
    op_row(x_rename2, setup_streams, NOW),
    op_row(x_rename_blobs, setup_streams, NOW),
    op_row(x_rename_blobs2, setup_streams, NOW),
    op_row(x_copy, setup_streams, NOW),
    op_row(x_copy2, setup_streams, NOW),
    op_row(x_copy_blobs, setup_streams, NOW),
    op_row(x_copy_blobs2, setup_streams, NOW),
    op_row(x_reap, setup_dead_stream, NOW),
};


/* --- reading back --- */

/*
 * What clients see of the entries, and the head; other bytes of a block are
 * nobody's.
 */

typedef struct {
    const ks_value_t  *v;
    uint64_t           h;
} x_mix_t;


static uint64_t
x_mix_bytes(uint64_t h, const void *p, size_t n)
{
    static const uint64_t  seed[2] = { 1, 2 };

    return h * 31 + ks_siphash(seed, p, n);
}


static void
x_mix_string(void *data, const ks_stream_string_t *s)
{
    size_t         off, n;
    x_mix_t       *mix = data;
    const u_char  *p;

    for (off = 0; (p = ks_stream_run(mix->v, s, off, &n)), n; off += n) {
        mix->h = x_mix_bytes(mix->h + n, p, n);
    }
}


static uint64_t
x_mix(const ks_value_t *v, uint64_t h)
{
    int                more;
    x_mix_t            mix = { v, h };
    ks_stream_id_t     min = KS_STREAM_ID_MIN;
    ks_stream_head_t   head;
    ks_stream_entry_t  e;

    ks_stream_head(v, &head);
    head.groups = 0;
    head.consumers = 0;
    mix.h = x_mix_bytes(mix.h, &head, sizeof(head));

    for (more = ks_stream_seek(v, &e, &min); more;
         more = ks_stream_next(v, &e))
    {
        mix.h = x_mix_bytes(mix.h, &e.id, sizeof(e.id));
        ks_stream_visit(v, &e, x_mix_string, &mix);
    }

    return mix.h;
}


#endif /* CRASH_STREAM_H */
