/*
 * The stream as a stock server gets it: what it does not know becomes a command
 * of the same length that it does; and all replicas are at the same offset.
 */

#include "engine_test.h"
#include "memory/ks_process.h"
#include "replica/ks_replica.h"


static size_t
say(u_char *buf, const char *name, size_t len)
{
    int  n;

    n = sprintf((char *) buf, "*2\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(name),
                name, len);
    memset(buf + n, 'x', len);
    memcpy(buf + n + len, "\r\n", 2);

    return (size_t) n + len + 2;
}


/* "*2", a name that every server knows, and one argument that ends the bytes */

static void
is_known(const u_char *p, size_t len)
{
    size_t  n;
    char   *end;

    n = memcmp(p, "*2\r\n$4\r\nPING\r\n$", 15) == 0 ? 15
        : memcmp(p, "*2\r\n$5\r\nTOUCH\r\n$", 16) == 0 ? 16 : 0;
    assert_int_not_equal(n, 0);

    n = strtoul((const char *) p + n, &end, 10);
    assert_memory_equal(end, "\r\n", 2);
    assert_int_equal((size_t) (end - (const char *) p) + 2 + n + 2, len);
    assert_memory_equal(p + len - 2, "\r\n", 2);
}


static void
test_mask(void **unused)
{
    size_t         i, k, len;
    u_char        *buf, *copy;
    static const char *const  foreign[] = {
        "JSON.SET", "json.del", "JSON.NUMINCRBY", "HPEXPIREAT", "hexpire",
        "HEXPIREAT", "HPEXPIRE", "HPERSIST"
    };
    static const char *const  known[] = {
        "SET", "HSET", "HDEL", "JSON", "HPERSISTS", "HGETALL", "PEXPIREAT"
    };

    (void) unused;

    buf = malloc(200000);
    copy = malloc(200000);

    for (k = 0; k < ks_nelts(foreign); k++) {
        for (i = 0; i < 120000; i += i < 1300 || i % 9973 > 9970 ? 1 : 7) {
            len = say(buf, foreign[k], i);
            assert_int_equal(ks_replica_mask(buf, len), 1);
            is_known(buf, len);
        }
    }

    for (k = 0; k < ks_nelts(known); k++) {
        len = say(buf, known[k], 100);
        memcpy(copy, buf, len);
        assert_int_equal(ks_replica_mask(buf, len), 0);
        assert_memory_equal(copy, buf, len);
    }

    free(buf);
    free(copy);
}


/* --- a replica and its offsets --- */

static int
has(const ks_wire_t *w, const char *word)
{
    size_t  i, len;

    len = strlen(word);

    for (i = 0; i + len <= w->len; i++) {
        if (memcmp(w->p + i, word, len) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
set_body(ks_space_t *sp, void *data)
{
    ks_effectf(sp, "SET a 1");
    ks_effectf(sp, "JSON.SET j $ 1");
    (void) data;
}


static void
test_offsets(void **unused)
{
    char                text[KS_REPLICA_TEXT];
    size_t              one, two;
    ks_space_t         *sp;
    ks_replica_t        r[2];
    ks_replica_said_t   said[2];
    ks_primary_state_t  st;
    static const char   id[] = "0123456789abcdef0123456789abcdef01234567";
    static const ks_primary_settings_t  settings = { id, 1000, 1000, 0, 0 };

    (void) unused;

    sp = open_zone_told(4u << 20, 4, KS_NOEVICTION, KS_JOURNAL_MIN);
    assert_int_equal(ks_process_open(&sp->mem, 0), KS_OK);
    assert_int_equal(ks_primary_on(sp), 0);
    ks_primary_configure(ks_space_zone(sp), &settings);
    assert_int_equal(ks_primary_on(sp), 1);

    memset(r, 0, sizeof(r));
    memset(said, 0, sizeof(said));
    said[0].partial = said[0].psync2 = 1;
    memcpy(said[0].id, id, KS_REPLID);
    said[1] = said[0];
    said[1].documents = 1;

    assert_int_equal(ks_replica_begin(&r[0], sp, 7, &said[0], text), KS_OK);
    assert_string_equal(text, "+CONTINUE "
                        "0123456789abcdef0123456789abcdef01234567\r\n");
    assert_int_equal(ks_replica_begin(&r[1], sp, 8, &said[1], text), KS_OK);
    assert_int_equal(ks_replica_next(&r[0]), KS_NONE);

    assert_int_equal(transaction(sp, 1, set_body, NULL), KS_OK);
    assert_int_equal(ks_replica_next(&r[0]), KS_OK);
    assert_int_equal(ks_replica_next(&r[1]), KS_OK);
    assert_int_equal(r[0].wire.len, r[1].wire.len);
    assert_int_equal(has(&r[0].wire, "JSON"), 0);
    assert_int_equal(has(&r[1].wire, "JSON"), 1);

    ks_primary_state(sp, &st);
    assert_int_equal(st.offset, r[0].offset);

    /* acks */

    assert_int_equal(ks_primary_acked(sp, 0), 2);
    assert_int_equal(ks_primary_acked(sp, st.offset), 0);
    ks_replica_ack(sp, r[1].row, st.offset, 0, 1);
    assert_int_equal(ks_primary_acked(sp, st.offset), 1);
    assert_int_equal(ks_primary_synced(sp, st.offset), 0);
    ks_replica_ack(sp, r[1].row, st.offset, st.offset, 1);
    assert_int_equal(ks_primary_synced(sp, st.offset), 1);

    /* one that is overtaken */

    for (one = 0; one < 2000; one++) {
        assert_int_equal(transaction(sp, 1, set_body, NULL), KS_OK);
    }

    assert_int_equal(ks_replica_next(&r[0]), KS_ERR);
    ks_replica_end(&r[0]);

    said[0].offset = st.offset;
    memset(&r[0], 0, sizeof(r[0]));
    assert_int_equal(ks_replica_begin(&r[0], sp, 9, &said[0], text), KS_AGAIN);

    for (two = 0; two < 2; two++) {
        ks_replica_end(&r[two]);
    }

    assert_int_equal(ks_primary_acked(sp, 0), 0);

    /* another id: what was before is no part of it */

    ks_primary_configure(ks_space_zone(sp), NULL);
    assert_int_equal(ks_primary_on(sp), 0);
    ks_process_close(&sp->mem);
    close_zone(sp);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_mask),
        cmocka_unit_test(test_offsets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
