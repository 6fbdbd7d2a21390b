/*
 * HyperLogLog: against estimates that Redis gives, against plain registers,
 * and with bytes that are none.
 */

#include "command_test.h"
#include "types/ks_hll.h"


#define LITERAL(s)  (const u_char *) (s), sizeof(s) - 1


/* --- what Redis says --- */

static void
test_estimates(void **state)
{
    size_t       i;
    u_char       buf[KS_HLL_ROOM(0)];
    int64_t      n;
    uint64_t     count;
    unsigned     reg, value;
    ks_str_t     s;
    ks_hll_t     h;
    name_t       text;

    static const struct {
        int64_t   added;
        uint64_t  estimate;
        size_t    len;
    } steps[] = {
        { 1, 1, 21 }, { 10, 10, 48 }, { 100, 99, 285 }, { 400, 401, 875 },
        { 1000, 997, 1897 }, { 2000, 2004, 12304 }, { 10000, 10017, 12304 },
        { 100000, 100039, 12304 }, { 1000000, 1010357, 12304 }
    };

    (void) state;

    ks_hll_init(&h, buf);
    n = 0;

    for (i = 0; i < ks_nelts(steps); i++) {

        for ( /* void */ ; n < steps[i].added; n++) {
            s = name(text, "element:%lld", (long long) n);
            reg = ks_hll_place(s.data, s.len, &value);
            assert_true(ks_hll_raise(&h, reg, value) != KS_ERR);
        }

        assert_int_equal(h.len, steps[i].len);
        assert_int_equal(ks_hll_count(h.data, h.len, &count), KS_OK);
        assert_int_equal(count, steps[i].estimate);
    }
}


/* elements of every length of a hash's rest */

static void
test_bytes(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    assert_int_equal(integer(line(b, "PFADD h \"\" a ab abc abcd abcde abcdef "
                                  "abcdefg abcdefgh abcdefghi")), 1);
    line(b, "GET h");
    assert_memory_equal(b->reply, "$48\r\nHYLL\1\0\0\0\0\0\0\0\0\0\0\x80"
                        "B\xce\x80" "B\x96\x80I%\x8cGr\x84" "A.\x84" "C\xc3"
                        "\x80J\t\x80" "F:\x9c" "Fg\x84" "C\xa6\x84J\xaf", 53);

    assert_int_equal(integer(line(b, "PFCOUNT h")), 10);
    line(b, "GETRANGE h 8 15");
    assert_memory_equal(b->reply, "$8\r\n\n\0\0\0\0\0\0\0", 12);

    /* what is known already changes nothing; what is new, that the count is */

    assert_int_equal(integer(line(b, "PFADD h abc")), 0);
    line(b, "GETRANGE h 15 15");
    assert_memory_equal(b->reply, "$1\r\n\0", 5);
    assert_int_equal(integer(line(b, "PFADD h abc 17")), 1);
    line(b, "GETRANGE h 15 15");
    assert_memory_equal(b->reply, "$1\r\n\x80", 5);

    box_close(b);
}


/* --- against plain registers --- */

static void
registers_equal(const ks_hll_t *h, const u_char *model)
{
    u_char  registers[KS_HLL_REGISTERS];

    memset(registers, 0, sizeof(registers));
    assert_int_equal(ks_hll_merge(registers, h->data, h->len), KS_OK);
    assert_memory_equal(registers, model, KS_HLL_REGISTERS);
}


/*
 * Registers near each other, so that runs are split and joined; the buffer's
 * end is where a byte too far is seen.
 */

static void
test_registers(void **state)
{
    int        raised;
    u_char     model[KS_HLL_REGISTERS], *buf;
    unsigned   round, i, reg, value, near, top;
    uint64_t   a, b;
    ks_hll_t   h;

    (void) state;

    for (round = 0; round < 60; round++) {
        buf = malloc(KS_HLL_ROOM(0));
        assert_non_null(buf);
        ks_hll_init(&h, buf);
        memset(model, 0, sizeof(model));

        near = rnd(2) ? 20 + rnd(2000) : KS_HLL_REGISTERS;
        top = round % 5 ? 2 + rnd(31) : 52;

        for (i = 0; i < 3000; i++) {
            reg = (KS_HLL_REGISTERS - 1 - rnd(near)) % KS_HLL_REGISTERS;
            value = 1 + rnd(top - 1);

            raised = ks_hll_raise(&h, reg, value);
            assert_int_equal(raised, model[reg] < value);
            model[reg] = (u_char) ks_max(model[reg], value);

            if (i % 100 == 0) {
                registers_equal(&h, model);
            }

            assert_true(ks_hll_is_dense(h.data)
                        || (h.len <= KS_HLL_SPARSE_MAX && value <= 32));
        }

        registers_equal(&h, model);
        assert_int_equal(ks_hll_count(h.data, h.len, &a), KS_OK);
        assert_int_equal(ks_hll_densify(&h), KS_OK);
        assert_int_equal(h.len, KS_HLL_DENSE_SIZE);
        registers_equal(&h, model);
        assert_int_equal(ks_hll_count(h.data, h.len, &b), KS_OK);
        assert_true(a == b && b == ks_hll_count_registers(model));

        free(buf);
    }
}


/* what is said to have changed is all that has */

static void
test_changes(void **state)
{
    u_char     buf[KS_HLL_ROOM(0)], before[KS_HLL_ROOM(0)];
    unsigned   i;
    size_t     old;
    ks_hll_t   h;

    (void) state;

    ks_hll_init(&h, buf);

    for (i = 0; i < 6000; i++) {
        memcpy(before, buf, sizeof(buf));
        old = h.len;
        h.to = 0;

        if (ks_hll_raise(&h, rnd(1500), 1 + rnd(i < 3000 ? 12 : 51)) == 0) {
            assert_int_equal(h.to, 0);
            assert_memory_equal(before, buf, h.len);
            continue;
        }

        assert_true(h.to != 0 && h.from < h.len);
        assert_memory_equal(before, buf, ks_min(h.from, old));

        if (h.to < h.len) {
            assert_int_equal(h.len, old);
            assert_memory_equal(before + h.to, buf + h.to, h.len - h.to);
        }
    }

    assert_true(ks_hll_is_dense(buf));
}


/* --- what is none --- */

static size_t
junk(u_char *p, size_t max)
{
    size_t  len, i;

    len = rnd(3) ? KS_HLL_HEADER + rnd(60) : rnd((unsigned) max);
    len = ks_min(len, max);

    for (i = 0; i < len; i++) {
        p[i] = (u_char) rnd(256);
    }

    if (len >= KS_HLL_HEADER) {
        memcpy(p, "HYLL", 4);
        p[4] = 1;
    }

    return len;
}


/* in memory of exactly that size: the sanitizer sees more than this does */

static void
test_junk(void **state)
{
    int        rc, sound;
    u_char    *exact, *room, registers[KS_HLL_REGISTERS];
    size_t     len;
    unsigned   i, reg, k, refused;
    uint64_t   n;
    ks_hll_t   h;

    (void) state;

    refused = 0;

    for (i = 0; i < 20000; i++) {
        room = malloc(KS_HLL_ROOM(KS_HLL_LONGEST));
        assert_non_null(room);
        len = junk(room, i % 10 ? 300 : KS_HLL_LONGEST);

        exact = malloc(len + !len);
        assert_non_null(exact);
        memcpy(exact, room, len);

        if (ks_hll_sound(exact, len) != KS_OK) {
            assert_true(len < KS_HLL_HEADER);

        } else {
            memset(registers, 0, sizeof(registers));
            sound = ks_hll_merge(registers, exact, len);
            rc = ks_hll_count(exact, len, &n);
            assert_int_equal(rc, sound);

            h.data = room;
            h.len = len;
            h.to = 0;

            for (k = 0; k < 10; k++) {
                reg = rnd(rnd(2) ? 100 : KS_HLL_REGISTERS);
                rc = ks_hll_raise(&h, reg, 1 + rnd(40));
                assert_true(h.len <= KS_HLL_ROOM(KS_HLL_LONGEST));

                if (rc == KS_ERR) {
                    assert_int_equal(sound, KS_ERR);
                    refused++;
                }
            }
        }

        free(exact);
        free(room);
    }

    assert_true(refused > 1000);
}


static void
set_to(box_t *b, const u_char *p, size_t len)
{
    assert_string_equal(line_with(b, "SET h", p, len), "+OK\r\n");
}


#define NO_HLL   "-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n"
#define BAD_HLL  "-INVALIDOBJ Corrupted HLL object detected\r\n"
#define HEADER   "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80"


static void
all_say(box_t *b, const char *error)
{
    size_t  i;

    static const char *const  uses[] = {
        "PFADD h a", "PFADD h", "PFCOUNT h", "PFCOUNT none h", "PFMERGE h",
        "PFMERGE h good", "PFMERGE good h"
    };

    for (i = 0; i < ks_nelts(uses); i++) {

        /* one that is added to is not read as a whole */

        if (i < 2 && starts(error, "-INVALID")) {
            continue;
        }

        assert_string_equal(line(b, uses[i]), error);
    }
}


static void
test_errors(void **state)
{
    u_char  *p;
    box_t   *b;

    (void) state;

    b = box_open(8u << 20, KS_NOEVICTION);
    p = calloc(1, 100000);
    assert_non_null(p);

    line(b, "PFADD good a b c");

    set_to(b, LITERAL("HYLL"));
    all_say(b, NO_HLL);
    set_to(b, LITERAL(""));
    all_say(b, NO_HLL);
    set_to(b, LITERAL("12345678901234567"));
    all_say(b, NO_HLL);
    set_to(b, LITERAL("hYLL\1\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff"));
    all_say(b, NO_HLL);
    set_to(b, LITERAL("HYLL\2\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff"));
    all_say(b, NO_HLL);
    set_to(b, LITERAL("HYLL\0\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff"));
    all_say(b, NO_HLL);

    /* dense ones of a wrong length, and far too long ones */

    memcpy(p, HEADER, KS_HLL_HEADER);
    p[4] = 0;
    set_to(b, p, KS_HLL_DENSE_SIZE - 1);
    all_say(b, NO_HLL);
    set_to(b, p, 100000);
    all_say(b, NO_HLL);
    p[4] = 1;
    set_to(b, p, 100000);
    all_say(b, BAD_HLL);
    assert_string_equal(line(b, "PFADD h a"), BAD_HLL);

    /* sparse ones with too few registers, too many, half a run */

    set_to(b, LITERAL(HEADER));
    all_say(b, BAD_HLL);
    assert_string_equal(line(b, "PFADD h a"), BAD_HLL);
    set_to(b, LITERAL(HEADER "\x7f\xfe"));
    all_say(b, BAD_HLL);
    set_to(b, LITERAL(HEADER "\x7f\xff\0"));
    all_say(b, BAD_HLL);
    set_to(b, LITERAL(HEADER "\x7f\xff\x7f\xff"));
    all_say(b, BAD_HLL);
    set_to(b, LITERAL(HEADER "\x7f\xfe\x83"));
    all_say(b, BAD_HLL);
    set_to(b, LITERAL(HEADER "\x7f"));
    all_say(b, BAD_HLL);
    assert_string_equal(line(b, "PFADD h a"), BAD_HLL);

    /* an error leaves all as it was */

    set_to(b, LITERAL(HEADER "\x4f\xff"));
    assert_string_equal(line(b, "PFADD h a b c d e f g h i j k l m n o p"),
                        BAD_HLL);
    line(b, "GET h");
    assert_int_equal(b->len, 5 + 18 + 2);
    assert_memory_equal(b->reply, "$18\r\n" HEADER "\x4f\xff", 5 + 18);

    /* other types */

    line(b, "DEL h");
    line(b, "RPUSH h a");
    all_say(b, "-WRONGTYPE Operation against a key holding the wrong kind of "
            "value\r\n");

    assert_int_equal(integer(line(b, "PFCOUNT good")), 3);
    free(p);
    box_close(b);
}


/* --- commands --- */

/* what is there may be counted when nothing can be stored any more */

static void
test_full(void **state)
{
    unsigned  i;
    box_t    *b;

    (void) state;

    b = box_open(2u << 20, KS_NOEVICTION);

    for (i = 0; ; i++) {
        linef(b, "PFADD h%u a%u b%u c%u", i % 500, i, i, i);

        if (b->reply[0] == '-') {
            break;
        }
    }

    assert_true(starts(b->reply, "-OOM"));
    box_check(b);

    for (i = 0; i < 500; i++) {
        line(b, "GET h1");
        assert_true(integer(linef(b, "PFCOUNT h%u", i)) > 0);
        assert_true(integer(linef(b, "PFCOUNT h%u none", i)) > 0);
    }

    box_check(b);
    line(b, "PFMERGE all h1 h2 h3");
    assert_true(starts(b->reply, "+OK") || starts(b->reply, "-OOM"));
    box_close(b);
}


static void
test_merge(void **state)
{
    unsigned  i;
    int64_t   n;
    box_t    *b;

    (void) state;

    b = box_open(8u << 20, KS_NOEVICTION);

    for (i = 0; i < 300; i++) {
        linef(b, "PFADD few same%u", i);
    }

    for (i = 0; i < 6000; i++) {
        linef(b, "PFADD many same%u", i);
    }

    assert_int_equal(integer(line(b, "STRLEN many")), KS_HLL_DENSE_SIZE);
    assert_true(integer(line(b, "STRLEN few")) < KS_HLL_SPARSE_MAX);

    /* elements of one are all in the other */

    n = integer(line(b, "PFCOUNT many"));
    assert_int_equal(integer(line(b, "PFCOUNT many few none")), n);
    assert_string_equal(line(b, "EXPIRE few 100"), ":1\r\n");
    assert_string_equal(line(b, "PFMERGE few many"), "+OK\r\n");
    assert_int_equal(integer(line(b, "TTL few")), 100);
    assert_int_equal(integer(line(b, "PFCOUNT few")), n);
    assert_int_equal(integer(line(b, "STRLEN few")), KS_HLL_DENSE_SIZE);

    /* of nothing */

    assert_string_equal(line(b, "PFMERGE new none"), "+OK\r\n");
    assert_int_equal(integer(line(b, "PFCOUNT new")), 0);
    assert_int_equal(integer(line(b, "STRLEN new")), KS_HLL_EMPTY_SIZE);
    assert_string_equal(line(b, "OBJECT ENCODING new"), "$3\r\nraw\r\n");

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_estimates),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_junk),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_full)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
