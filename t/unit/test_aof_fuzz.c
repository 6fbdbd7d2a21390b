/*
 * Append-only files that are damaged anyhow: a replay of each ends, with an
 * error that says where or with keys, and the zone is whole.  KS_RUNS says how
 * often.
 */

#include "aof_test.h"


#define RUNS    20000
#define CHECKS  500                     /* runs between two looks at the zone */
#define ZONE    (1u << 20)
#define ROUNDS  6                       /* changes of a file, at most */

static box_t   *box;
static file_t   plain, scripts, large;


/* commands of all types, in and out of transactions */

static void
make_plain(file_t *f)
{
    size_t  i;

    static const char  *const lines[] = {
        "INCR n", "SET s v PXAT 9000000000000", "APPEND s w", "INCR n",
        "MULTI", "RPUSH l a b c", "LPOP l", "EXEC", "INCR n",
        "HSET h a 1 b 2", "HPEXPIREAT h 9000000000000 FIELDS 1 a", "INCR n",
        "SADD t a b c 4", "SREM t a", "INCR n", "ZADD z 1.5 a -inf b",
        "ZINCRBY z 2 a", "INCR n", "XADD x 1-1 a b", "XADD x 2-1 a c",
        "XGROUP CREATE x g 0", "INCR n",
        "XCLAIM x g c 0 1-1 RETRYCOUNT 1 FORCE JUSTID LASTID 1-1",
        "XACK x g 1-1", "XDEL x 1-1", "XTRIM x MAXLEN = 1",
        "MULTI", "DEL l", "RENAME t u", "INCR n", "EXEC", "PFADD p a b c",
        "PFMERGE q p", "SETBIT b 100 1", "BITFIELD b SET u8 0 7", "INCR n",
        "GEOADD g 13.3 38.1 m", "COPY s c", "PEXPIREAT c 9000000000001",
        "PERSIST s", "SELECT 0", "MSET a 1 b 2 c 3", "UNLINK a b",
        "INCR n", "FLUSHDB", "INCR m"
    };

    memset(f, 0, sizeof(file_t));
    file_str(f, "#TS:1700000000\r\n");

    for (i = 0; i < ks_nelts(lines); i++) {
        aof_line(f, lines[i]);

        if (i % 9 == 5) {
            file_str(f, "#TS:1700000001\r\n");
        }
    }
}


/* scripts, which are slow */

static void
make_scripts(file_t *f)
{
    memset(f, 0, sizeof(file_t));
    aof_line(f, "EVAL return(redis.call('SET',KEYS[1],1)) 1 e");
    aof_line(f, "MULTI");
    aof_line(f, "SCRIPT LOAD return(1)");
    aof_line(f, "EVAL redis.call('INCR',ARGV[1]) 0 n");
    aof_line(f, "EXEC");
    aof_line(f, "SCRIPT FLUSH");
    aof_line(f, "FUNCTION FLUSH");
}


/* a transaction that does not fit into a window, and a large argument */

static void
make_large(file_t *f)
{
    unsigned  i;
    u_char   *value;

    memset(f, 0, sizeof(file_t));
    aof_line(f, "INCR n");
    aof_line(f, "MULTI");

    for (i = 0; i < 12000; i++) {
        aof_linef(f, "SET k%u value", i % 100);
    }

    aof_line(f, "EXEC");

    value = calloc(1, 200000);
    aof_head(f, 3);
    aof_arg(f, "SET", 3);
    aof_arg(f, "large", 5);
    aof_arg(f, value, 200000);
    free(value);
}


static void
change_bytes(u_char *p, size_t *len)
{
    size_t  at, n, other;

    at = rnd((unsigned) *len);
    n = 1 + rnd(8);

    switch (rnd(8)) {

    case 0:
        p[at] ^= (u_char) (1u << rnd(8));
        break;

    case 1:
        p[at] = (u_char) rnd(256);
        break;

    case 2:                             /* what is around arguments */
        p[at] = (u_char) "*$\r\n#0192-\0"[rnd(11)];
        break;

    case 3:                             /* a number, anywhere */
        for (other = 0; other < n && at + other < *len; other++) {
            p[at + other] = (u_char) ('0' + rnd(10));
        }
        break;

    case 4:                             /* bytes of another place */
        n = ks_min(n * 12, *len - at);
        other = rnd((unsigned) (*len - n + 1));
        memmove(p + at, p + other, n);
        break;

    case 5:                             /* some are missing */
        n = ks_min(n, *len - at);
        memmove(p + at, p + at + n, *len - at - n);
        *len -= n;
        break;

    case 6:                             /* zeros from here on */
        if (rnd(4) == 0) {
            memset(p + at, 0, *len - at);
        }
        break;

    default:
        if (rnd(4) == 0) {
            *len = at;
        }
    }

    *len = ks_max(*len, (size_t) 1);
}


static void
run(void)
{
    int            rc;
    size_t         len;
    aof_t          a;
    u_char        *p;
    unsigned       i, n;
    const file_t  *f;

    f = rnd(100) ? &plain : rnd(2) ? &scripts : &large;

    /* of its own size, so that a sanitizer sees where it ends */

    len = f->len;
    p = malloc(len);
    memcpy(p, f->p, len);

    n = rnd(ROUNDS);

    for (i = 0; i < n; i++) {
        change_bytes(p, &len);
    }

    p = realloc(p, len);
    aof_skip = (rnd(2) != 0);
    aof_first = (rnd(4) == 0);
    aof_most = rnd(3) ? SIZE_MAX : 1 + rnd(300);

    rc = aof_bytes(rnd(8) ? box->client.space : NULL, p, len, &a);

    if (rc != KS_OK && strstr(a.report.err, " at byte ") == NULL) {
        fail_msg("it is not said where: %s", a.report.err);
    }

    if (a.done.torn && a.done.torn + a.done.torn_at != len) {
        fail_msg("a tail of %zu bytes", (size_t) a.done.torn);
    }

    free(p);
    line(box, "FLUSHALL");

    if (f == &scripts) {
        line(box, "SCRIPT FLUSH");
        line(box, "FUNCTION FLUSH");
    }
}


static void
test_damaged(void **state)
{
    size_t       i, runs;
    const char  *given, *seed;

    (void) state;

    given = getenv("KS_RUNS");
    seed = getenv("KS_SEED");
    runs = given ? strtoull(given, NULL, 10) : RUNS;
    rnd_state ^= seed ? strtoull(seed, NULL, 10) : 0;

    make_plain(&plain);
    make_scripts(&scripts);
    make_large(&large);
    box = aof_open(ZONE);

    for (i = 0; i < runs; i++) {
        run();

        if (i % CHECKS == 0) {
            box_check(box);
        }
    }

    assert_int_equal(integer(line(box, "DBSIZE")), 0);
    reclaim_all(box->client.space);
    file_free(&plain);
    file_free(&scripts);
    file_free(&large);
    aof_close(box);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
