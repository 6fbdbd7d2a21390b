/*
 * What is due in a zone that follows an upstream: keys and fields of hashes are
 * hidden, and end when the upstream says so.
 */

#include "follow_test.h"


/* Keys that are due are hidden, and are there until the upstream ends them. */

static void
test_due(void **state)
{
    file_t       f = { NULL, 0, 0 };
    edge_t      *e;
    ks_space_t  *sp;

    (void) state;

    e = edge_follows();
    sp = e->b->client.space;

    aof_linef(&f, "SET d v PXAT %llu", (unsigned long long) e->now - 1000);
    aof_linef(&f, "SET e v PXAT %llu", (unsigned long long) e->now - 1000);
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);

    assert_string_equal(line(e->b, "GET d"), "$-1\r\n");
    assert_string_equal(line(e->b, "EXISTS d e"), ":0\r\n");
    assert_string_equal(line(e->b, "DBSIZE"), ":5\r\n");
    assert_int_equal(ks_expire_next(sp), UINT64_MAX);
    ks_space_set_time(sp, e->now + 100000);
    assert_int_equal(ks_expire_cycle(sp, SIZE_MAX), 0);
    assert_string_equal(line(e->b, "DBSIZE"), ":5\r\n");

    /* they live longer, says the upstream; and end */

    f.len = 0;
    aof_linef(&f, "PEXPIREAT d %llu", (unsigned long long) e->now + 1000000);
    aof_line(&f, "DEL e");
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);
    assert_string_equal(line(e->b, "GET d"), "$1\r\nv\r\n");
    assert_string_equal(line(e->b, "DBSIZE"), ":4\r\n");

    file_free(&f);
    edge_close(e);
}


/*
 * So are fields of hashes, in all that reads but HLEN, and what the upstream
 * says of them still finds them.  Both forms of a hash, of which all or some
 * are due.
 */

static void
test_fields(void **state)
{
    unsigned     i, k, n;
    char         text[64];
    file_t       f = { NULL, 0, 0 };
    edge_t      *e;
    ks_space_t  *sp;

    (void) state;

    for (k = 0; k < 2; k++) {
        n = k ? 1000 : 3;
        e = edge_follows();
        sp = e->b->client.space;
        f.len = 0;

        for (i = 0; i < n; i++) {
            aof_linef(&f, "HSET h f%u %u", i, i);
        }

        aof_linef(&f, "HSET g a 1 b 2");
        aof_linef(&f, "HPEXPIREAT g %llu FIELDS 2 a b",
                  (unsigned long long) e->now - 1000);
        aof_linef(&f, "HPEXPIREAT h %llu FIELDS 2 f0 f1",
                  (unsigned long long) e->now - 1000);
        assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);

        assert_string_equal(line(e->b, "HGET h f0"), "$-1\r\n");
        assert_string_equal(line(e->b, "HGET h f2"), "$1\r\n2\r\n");
        assert_string_equal(line(e->b, "HMGET h f1 f2"),
                            "*2\r\n$-1\r\n$1\r\n2\r\n");
        assert_string_equal(line(e->b, "HEXISTS h f1"), ":0\r\n");
        assert_string_equal(line(e->b, "HSTRLEN h f1"), ":0\r\n");
        assert_string_equal(line(e->b, "HTTL h FIELDS 2 f0 f2"),
                            "*2\r\n:-2\r\n:-1\r\n");
        assert_string_equal(line(e->b, "HPEXPIRETIME h FIELDS 1 f0"),
                            "*1\r\n:-2\r\n");

        snprintf(text, sizeof(text), "*%u\r\n", (n - 2) * 2);
        assert_memory_equal(line(e->b, "HGETALL h"), text, strlen(text));
        snprintf(text, sizeof(text), "*%u\r\n", n - 2);
        assert_memory_equal(line(e->b, "HKEYS h"), text, strlen(text));
        assert_memory_equal(line(e->b, "HVALS h"), text, strlen(text));
        assert_memory_equal(line(e->b, "HRANDFIELD h 2000"), text,
                            strlen(text));
        assert_null(strstr(line(e->b, "HKEYS h"), "f0\r\n"));
        assert_null(strstr(line(e->b, "HSCAN h 0 COUNT 2000"), "f1\r\n"));
        assert_null(strstr(line(e->b, "HRANDFIELD h -1000"), "f0\r\n"));
        assert_null(strstr(line(e->b, "HRANDFIELD h 2000"), "f1\r\n"));

        for (i = 0; i < 200; i++) {
            assert_null(strstr(line(e->b, "HRANDFIELD h"), "f0\r\n"));
            assert_null(strstr(line(e->b, "HRANDFIELD h 3"), "f1\r\n"));
        }

        snprintf(text, sizeof(text), ":%u\r\n", n);
        assert_string_equal(line(e->b, "HLEN h"), text);

        assert_string_equal(line(e->b, "EXISTS g"), ":1\r\n");
        assert_string_equal(line(e->b, "HLEN g"), ":2\r\n");
        assert_string_equal(line(e->b, "HGETALL g"), "*0\r\n");
        assert_string_equal(line(e->b, "HRANDFIELD g"), "$-1\r\n");
        assert_string_equal(line(e->b, "HRANDFIELD g 2"), "*0\r\n");
        assert_string_equal(line(e->b, "HRANDFIELD g -2"), "*0\r\n");
        assert_string_equal(line(e->b, "HSCAN g 0"),
                            "*2\r\n$1\r\n0\r\n*0\r\n");
        assert_string_equal(line(e->b, "DUMP g"), "$-1\r\n");

        /* nothing goes by itself, and they are found by the upstream */

        ks_space_set_time(sp, e->now + 100000);
        assert_int_equal(ks_expire_cycle(sp, SIZE_MAX), 0);
        assert_string_equal(line(e->b, "HLEN g"), ":2\r\n");

        f.len = 0;
        aof_line(&f, "HPERSIST h FIELDS 1 f0");
        aof_line(&f, "HDEL h f1");
        aof_line(&f, "HINCRBY g a 41");
        aof_line(&f, "HPERSIST g FIELDS 1 a");
        assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);

        assert_string_equal(line(e->b, "HGET h f0"), "$1\r\n0\r\n");
        snprintf(text, sizeof(text), ":%u\r\n", n - 1);
        assert_string_equal(line(e->b, "HLEN h"), text);
        assert_string_equal(line(e->b, "HGETALL g"),
                            "*2\r\n$1\r\na\r\n$2\r\n42\r\n");
        edge_close(e);
    }

    file_free(&f);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
