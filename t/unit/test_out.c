/*
 * The output list: growth, reserved segments, marks, refusal.
 */

#include "protocol_test.h"


static void
test_first_block(void **state)
{
    u_char    buf[8];
    pool_t    pool = { 0 };
    ks_out_t  out;

    (void) state;

    ks_out_init(&out, buf, sizeof(buf), pool_alloc, &pool);
    expect_out(&out, "", 0);

    ks_out_write(&out, NULL, 0);
    ks_out_write(&out, "abc", 3);
    ks_out_write(&out, "defgh", 5);
    expect_out(&out, "abcdefgh", 8);
    assert_int_equal(pool.count, 0);

    /* it is filled before the next is asked for */

    ks_out_init(&out, buf, sizeof(buf), pool_alloc, &pool);
    ks_out_write(&out, "0123456789", 10);
    expect_out(&out, "0123456789", 10);
    assert_memory_equal(buf, "01234567", 8);
    assert_int_equal(pool.count, 1);

    pool_free(&pool);

    ks_out_init(&out, NULL, 0, pool_alloc, &pool);
    expect_out(&out, "", 0);
    ks_out_write(&out, "x", 1);
    expect_out(&out, "x", 1);

    pool_free(&pool);
}


static void
test_room(void **state)
{
    u_char   *p, buf[16];
    size_t    n;
    pool_t    pool = { 0 };
    ks_out_t  out;

    (void) state;

    ks_out_init(&out, buf, sizeof(buf), pool_alloc, &pool);

    p = ks_out_room(&out, 10);
    assert_ptr_equal(p, buf);
    memset(p, 'a', 10);
    ks_out_take(&out, 10);

    p = ks_out_room(&out, 7);
    memset(p, 'b', 7);
    ks_out_take(&out, 7);

    for (n = 0; n < 100000; n += 1000) {
        p = ks_out_room(&out, n);
        assert_non_null(p);
        memset(p, 'c', n);
        ks_out_take(&out, 0);
    }

    expect_out(&out, "aaaaaaaaaabbbbbbb", 17);
    pool_free(&pool);
}


static void
test_blocks_grow(void **state)
{
    size_t    i, size;
    u_char   *bytes, *value;
    pool_t    pool = { 0 };
    ks_out_t  out;

    (void) state;

    ks_out_init(&out, NULL, 0, pool_alloc, &pool);

    for (i = 0; i < 1000000; i++) {
        ks_out_write(&out, &"0123456789"[i % 10], 1);
    }

    bytes = out_bytes(&out, &size);
    assert_int_equal(size, 1000000);

    for (i = 0; i < size; i++) {
        assert_int_equal(bytes[i], '0' + i % 10);
    }

    free(bytes);
    assert_true(pool.count < 12);
    pool_free(&pool);

    value = malloc(20 << 20);
    assert_non_null(value);
    memset(value, 'v', 20 << 20);

    ks_out_init(&out, NULL, 0, pool_alloc, &pool);
    ks_out_write(&out, value, 20 << 20);
    expect_out(&out, value, 20 << 20);
    assert_true(pool.bytes < (22 << 20));

    free(value);
    pool_free(&pool);
}


static void
test_reserve(void **state)
{
    int            i, size;
    u_char         buf[1000];
    pool_t         pool = { 0 };
    ks_out_t       out;
    ks_segment_t  *a, *b, *c;

    (void) state;

    for (size = 0; size < 1000; size++) {
        ks_out_init(&out, buf + size % 8, (size_t) (size - size % 8),
                    pool_alloc, &pool);

        ks_out_write(&out, "one", 3);
        a = ks_out_reserve(&out, 20);
        b = ks_out_reserve(&out, 5);
        assert_true(a->end - a->start >= 20 && (uintptr_t) a->start % 8 == 0);
        assert_true(b->end - b->start >= 5 && (uintptr_t) b->start % 8 == 0);
        ks_out_write(&out, "two", 3);
        c = ks_out_reserve(&out, 0);
        assert_non_null(c);

        for (i = 0; i < 100; i++) {
            ks_out_write(&out, "0123456789", 10);
        }

        assert_int_equal(out.size, 1006);
        ks_out_fill(&out, b, "BBBBB", 5);
        ks_out_fill(&out, a, "aaaaaaaaaaaaaaaaaaaa", 20);
        assert_int_equal(out.size, 1031);

        u_char *bytes = out_bytes(&out, NULL);
        assert_memory_equal(bytes, "oneaaaaaaaaaaaaaaaaaaaaBBBBBtwo0123", 35);
        free(bytes);
        pool_free(&pool);
    }
}


static void
test_rewind(void **state)
{
    int            i, round;
    u_char         buf[100];
    size_t         count;
    pool_t         pool = { 0 };
    ks_out_t       out;
    ks_out_mark_t  mark, start;
    ks_segment_t  *seg, *before;

    (void) state;

    ks_out_init(&out, buf, sizeof(buf), pool_alloc, &pool);
    ks_out_mark(&out, &start);
    ks_out_write(&out, "kept", 4);
    before = ks_out_reserve(&out, 8);
    ks_out_write(&out, "|", 1);
    ks_out_mark(&out, &mark);
    count = 0;

    for (round = 0; round < 5; round++) {
        ks_out_fill(&out, before, "gone", 4);

        for (i = 0; i < 1000; i++) {
            ks_out_write(&out, "0123456789", 10);
            seg = ks_out_reserve(&out, 8);
            ks_out_fill(&out, seg, "reserved", 8);
        }

        assert_int_equal(out.size, 4 + 4 + 1 + 18000);

        if (round == 0) {
            count = pool.count;
        }

        ks_out_rewind(&out, &mark);
        assert_int_equal(out.size, 5);
    }

    /* the blocks are used again */

    assert_int_equal(pool.count, count);

    ks_out_fill(&out, before, "8", 1);
    ks_out_write(&out, "end", 3);
    expect_out(&out, "kept8|end", 9);

    ks_out_rewind(&out, &start);
    expect_out(&out, "", 0);
    ks_out_write(&out, "x", 1);
    expect_out(&out, "x", 1);

    pool_free(&pool);
}


static void
test_refusal(void **state)
{
    u_char         buf[8], big[64] = { 0 };
    pool_t         pool = { 0 };
    ks_out_t       out;
    ks_out_mark_t  mark;

    (void) state;

    pool.refuse = 1;

    ks_out_init(&out, buf, sizeof(buf), pool_alloc, &pool);
    ks_out_write(&out, "abcd", 4);
    ks_out_mark(&out, &mark);

    ks_out_write(&out, big, sizeof(big));
    assert_true(out.failed);
    assert_null(ks_out_reserve(&out, 8));
    assert_null(ks_out_room(&out, 100));
    assert_int_equal(pool.count, 1);

    ks_out_rewind(&out, &mark);
    assert_false(out.failed);
    expect_out(&out, "abcd", 4);

    assert_null(ks_out_reserve(&out, 8));
    assert_true(out.failed);
    ks_out_rewind(&out, &mark);

    assert_null(ks_out_room(&out, SIZE_MAX));
    assert_true(out.failed);

    pool_free(&pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_first_block),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_blocks_grow),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
