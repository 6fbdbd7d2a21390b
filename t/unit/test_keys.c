/*
 * Commands on keys whatever they hold, with values of every type and
 * encoding; and strings that are too long for any.
 */

#include "command_test.h"


typedef struct {
    const char  *type;
    const char  *encoding;
    const char  *add;           /* element i */
    unsigned     n;
    unsigned     payload;       /* bytes of zone that it takes at least */
} kind_t;

static const kind_t  kinds[] = {
    { "string", "int", "SET %s %u", 1, 20 },
    { "string", "embstr", "SET %s element-%u", 1, 20 },
    { "list", "listpack", "RPUSH %s element-%u", 20, 200 },
    { "list", "quicklist", "RPUSH %s a-somewhat-longer-element-%u", 1000,
      30000 },
    { "set", "intset", "SADD %s %u", 100, 200 },
    { "set", "listpack", "SADD %s element-%u", 20, 200 },
    { "set", "hashtable", "SADD %s element-%u", 1000, 13000 },
    { "zset", "listpack", "ZADD %s 1 element-%u", 20, 300 },
    { "zset", "skiplist", "ZADD %s 7 element-%u", 1000, 26000 },
    { "hash", "listpack", "HSET %s field-%u value", 20, 200 },
    { "hash", "hashtable", "HSET %s field-%u value", 1000, 15000 },
};


static const char *
bulk(const char *text)
{
    static char  reply[64];

    snprintf(reply, sizeof(reply), "$%zu\r\n%s\r\n", strlen(text), text);

    return reply;
}


static void
fill(box_t *b, const kind_t *kind, const char *key)
{
    char      text[128];
    unsigned  i;

    for (i = 1; i <= kind->n; i++) {
        snprintf(text, sizeof(text), kind->add, key, i);
        assert_true(*line(b, text) != '-');
    }
}


static void
is_kind(box_t *b, const kind_t *kind, const char *key)
{
    char  text[64];

    snprintf(text, sizeof(text), "+%s\r\n", kind->type);
    assert_string_equal(linef(b, "TYPE %s", key), text);
    assert_string_equal(linef(b, "OBJECT ENCODING %s", key),
                        bulk(kind->encoding));
    assert_true(integer(linef(b, "MEMORY USAGE %s", key)) >= kind->payload);

    if (strcmp(kind->type, "list") == 0) {
        assert_int_equal(integer(linef(b, "LLEN %s", key)), kind->n);

    } else if (strcmp(kind->type, "set") == 0) {
        assert_int_equal(integer(linef(b, "SCARD %s", key)), kind->n);

    } else if (strcmp(kind->type, "zset") == 0) {
        assert_int_equal(integer(linef(b, "ZCARD %s", key)), kind->n);

    } else if (strcmp(kind->type, "hash") == 0) {
        assert_int_equal(integer(linef(b, "HLEN %s", key)), kind->n);
    }
}


/* a copy whose key leaves no room for the value beside it, and one of that */

static void
copies_far(box_t *b, const kind_t *kind, const char *key)
{
    char    far[KS_ITEM_MAX], *dump;
    size_t  n;

    memset(far, 'k', sizeof(far) - 1);
    far[sizeof(far) - 1] = '\0';

    assert_int_equal(integer(linef(b, "COPY %s %s", key, far)), 1);
    is_kind(b, kind, far);
    box_check(b);

    assert_int_equal(integer(linef(b, "COPY %s back", far)), 1);
    is_kind(b, kind, "back");

    n = (size_t) strtoul(linef(b, "DUMP %s", key) + 1, NULL, 10);
    dump = malloc(n);
    assert_non_null(dump);
    memcpy(dump, linef(b, "DUMP %s", key), n);
    assert_memory_equal(linef(b, "DUMP %s", far), dump, n);
    assert_memory_equal(line(b, "DUMP back"), dump, n);
    free(dump);

    assert_int_equal(integer(linef(b, "DEL %s back", far)), 2);
}


static void
test_keys(void **state)
{
    int             i;
    char            key[32], other[32];
    box_t          *b;
    size_t          k;
    const kind_t   *kind;

    (void) state;

    b = box_open(16 << 20, KS_NOEVICTION);

    for (k = 0; k < ks_nelts(kinds); k++) {
        kind = &kinds[k];
        strcpy(key, "first");
        fill(b, kind, key);
        is_kind(b, kind, key);

        assert_int_equal(integer(linef(b, "EXPIRE %s 100", key)), 1);
        is_kind(b, kind, key);

        for (i = 0; i < 6; i++) {               /* other shards, one hopes */
            snprintf(other, sizeof(other), "other-%d", i);
            assert_int_equal(integer(linef(b, "COPY %s %s", key, other)), 1);
            assert_int_equal(integer(linef(b, "COPY %s %s", key, other)), 0);
            is_kind(b, kind, other);
            assert_string_equal(linef(b, "RENAME %s %s", key, other),
                                "+OK\r\n");
            assert_string_equal(linef(b, "TYPE %s", key), "+none\r\n");
            strcpy(key, other);
            is_kind(b, kind, key);
        }

        copies_far(b, kind, key);

        assert_int_equal(integer(linef(b, "TTL %s", key)), 100);
        assert_int_equal(integer(linef(b, "PERSIST %s", key)), 1);
        assert_int_equal(integer(linef(b, "TTL %s", key)), -1);
        is_kind(b, kind, key);
        box_check(b);

        assert_int_equal(integer(linef(b, "EXISTS %s %s first", key, key)), 2);
        assert_int_equal(integer(linef(b, "EXPIRE %s 50", key)), 1);
        assert_string_equal(linef(b, "SET %s text KEEPTTL", key), "+OK\r\n");
        assert_int_equal(integer(linef(b, "TTL %s", key)), 50);
        assert_string_equal(linef(b, "GET %s", key), bulk("text"));

        assert_int_equal(integer(linef(b, "DEL %s", key)), 1);
        fill(b, kind, "gone");
        b->now += 60000;
        assert_int_equal(integer(line(b, "PEXPIRE gone 1000")), 1);
        b->now += 1001;
        assert_int_equal(integer(line(b, "EXISTS gone")), 0);
        box_check(b);
    }

    box_close(b);
}


static void
test_scan_type(void **state)
{
    char            key[32];
    box_t          *b;
    size_t          k;
    const char     *reply;

    (void) state;

    b = box_open(16 << 20, KS_NOEVICTION);

    for (k = 0; k < ks_nelts(kinds); k++) {
        snprintf(key, sizeof(key), "k%zu", k);
        fill(b, &kinds[k], key);
    }

    reply = line(b, "SCAN 0 COUNT 1000 TYPE zset");
    assert_true(strstr(reply, "*2\r\n$2\r\nk") != NULL);
    assert_true(strstr(reply, "k7") != NULL && strstr(reply, "k8") != NULL);

    reply = line(b, "SCAN 0 COUNT 1000 TYPE hash");
    assert_true(strstr(reply, "k9") != NULL && strstr(reply, "k10") != NULL);
    assert_true(strstr(reply, "k7") == NULL && strstr(reply, "k1\r") == NULL);

    assert_int_equal(integer(line(b, "DBSIZE")), ks_nelts(kinds));
    assert_string_equal(line(b, "FLUSHALL"), "+OK\r\n");
    assert_int_equal(integer(line(b, "DBSIZE")), 0);

    box_close(b);
}


/* fields that expire: as keys see it */

static void
test_fields(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(16 << 20, KS_NOEVICTION);

    assert_int_equal(integer(line(b, "HSET h a 1 b 2")), 2);
    assert_string_equal(line(b, "OBJECT ENCODING h"), bulk("listpack"));
    assert_string_equal(line(b, "HPEXPIRE h 100 FIELDS 2 a b"),
                        "*2\r\n:1\r\n:1\r\n");
    assert_string_equal(line(b, "OBJECT ENCODING h"), bulk("listpackex"));
    assert_int_equal(integer(line(b, "TTL h")), -1);
    assert_int_equal(integer(line(b, "PERSIST h")), 0);
    assert_int_equal(integer(line(b, "EXPIRE h 1000")), 1);
    assert_int_equal(integer(line(b, "TTL h")), 1000);
    assert_int_equal(integer(line(b, "COPY h g")), 1);
    assert_int_equal(integer(line(b, "PERSIST g")), 1);
    assert_int_equal(integer(line(b, "HLEN g")), 2);
    assert_string_equal(line(b, "HPERSIST g FIELDS 1 a"), "*1\r\n:1\r\n");

    b->now += 101;
    assert_int_equal(integer(line(b, "EXISTS h")), 0);
    assert_string_equal(line(b, "TYPE h"), "+none\r\n");
    assert_string_equal(line(b, "GET h"), "$-1\r\n");
    assert_int_equal(integer(line(b, "LPUSH h x")), 1);
    assert_int_equal(integer(line(b, "TTL h")), -1);
    assert_int_equal(integer(line(b, "HLEN g")), 1);
    assert_int_equal(integer(line(b, "TTL g")), -1);

    box_close(b);
}


/* what no string may be, none of it is read */

static void
test_too_long(void **state)
{
    size_t          i;
    box_t          *b;
    u_char         *huge;
    const size_t    len = (size_t) KS_STRING_MAX + 1;

    static const char *const  commands[] = {
        "SET k", "SETNX k", "GETSET k", "SETEX k 10", "PSETEX k 10",
        "MSET a b k", "MSETNX a b k", "APPEND k"
    };

    (void) state;

    b = box_open(16 << 20, KS_ALLKEYS_LRU);
    huge = mmap(NULL, len, PROT_READ,
                MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(huge, MAP_FAILED);

    assert_string_equal(line(b, "SET x kept"), "+OK\r\n");

    for (i = 0; i < ks_nelts(commands); i++) {
        assert_string_equal(line_with(b, commands[i], huge, len),
                            "-" KS_ERR_TOOBIG "\r\n");
    }

    assert_string_equal(line(b, "GET x"), bulk("kept"));
    assert_int_equal(integer(line(b, "DBSIZE")), 1);

    munmap(huge, len);
    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_scan_type),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
