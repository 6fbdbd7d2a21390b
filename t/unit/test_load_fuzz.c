/*
 * Files that are damaged anyhow: a load of each ends, with an error that says
 * where or with keys, and the zone is whole. KS_RUNS says how often.
 */

#include "load_test.h"


#define RUNS    20000
#define CHECKS  500                     /* runs between two looks at the zone */
#define ZONE    (1u << 20)
#define ROUNDS  12                      /* changes of a file, at most */

static box_t   *box;
static file_t   whole[3];


/* a file of all forms, with all records */

static void
make_whole(file_t *f, const char *magic, int large)
{
    char    key[16];
    size_t  i;

    file_begin(f, magic);
    file_str(f, "\xfa\x09redis-ver\5" "7.2.4" "\xfa\x08" "aof-base\xc0\1");
    file_str(f, "\xf5\x14#!lua name=l\nnothing\xfe\0\xfb\5\2\xf4\1\2\0");

    for (i = 0; i < ks_nelts(samples); i++) {

        if (i % 4 == 1) {
            file_str(f, "\xfc");
            file_little(f, NOW + 5000 - i * 400, 8);
            file_str(f, "\xf9\x2a\xf8\x10");
        }

        snprintf(key, sizeof(key), "k%zu", i);
        file_dump(f, key, samples[i].bytes, samples[i].len);
    }

    if (memcmp(magic, "VALKEY", 6) == 0) {
        file_str(f, "\x16\1h\2\1a\1v\1\1\0\0\0\0\0\0\1b\1w\xff\xff\xff\xff"
                 "\xff\xff\xff\xff");
    }

    file_str(f, "\xf7\x81" "12345678\2\1\2\5\0\7\1m\x81" "12345678\1\1\2\2"
             "\3\1\2\3\4\4\1\2\3\4\5\6\7\7\5\3xyz\0");

    if (large) {
        file_str(f, "\4\5large");
        file_length(f, 20000);

        for (i = 0; i < 20000; i++) {
            file_text(f, "field %zu", i);
            file_text(f, "value %zu", i % 77);
        }
    }

    file_str(f, "\xfe\2\0\1k\1v");
    file_end(f);
}


static void
set_sum(u_char *p, size_t len)
{
    if (len > 8) {
        ks_put_little(p + len - 8, ks_crc64(p, len - 8), 8);
    }
}


static void
change_bytes(u_char *p, size_t *len, const file_t *from)
{
    size_t  at, n, other;

    at = rnd((unsigned) *len);
    n = 1 + rnd(8);

    switch (rnd(7)) {

    case 0:
        p[at] ^= (u_char) (1u << rnd(8));
        break;

    case 1:
        p[at] = (u_char) rnd(256);
        break;

    case 2:                             /* a length, or a mark of one */
        p[at] = (u_char) "\x3f\x40\x7f\x80\x81\xc0\xc3\xff"[rnd(8)];
        break;

    case 3:                             /* a type */
        p[at] = (u_char) (rnd(2) ? rnd(27) : 243 + rnd(13));
        break;

    case 4:                             /* bytes of another place */
        n = ks_min(n * 4, *len - at);
        other = rnd((unsigned) (from->len - n));
        memcpy(p + at, from->p + other, n);
        break;

    case 5:                             /* some are missing */
        n = ks_min(n, *len - at);
        memmove(p + at, p + at + n, *len - at - n);
        *len -= n;
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
    int                rc;
    size_t             len;
    u_char            *p;
    unsigned           i, n;
    const file_t      *f;
    ks_load_report_t   r;

    /* the large one is slow, and it seldom says more */

    f = &whole[rnd(200) == 0 ? 2 : rnd(2)];

    /* of its own size, so that a sanitizer sees where it ends */

    len = f->len;
    p = malloc(len);
    memcpy(p, f->p, len);

    n = rnd(ROUNDS);

    for (i = 0; i < n; i++) {
        change_bytes(p, &len, f);
    }

    if (rnd(8)) {
        set_sum(p, len);
    }

    p = realloc(p, len);
    load_skip = (rnd(4) != 0);
    load_tail = (rnd(3) == 0);
    load_most = rnd(3) ? SIZE_MAX : 1 + rnd(300);

    rc = load_bytes(rnd(8) ? box->client.space : NULL, p, len, &r);

    if (rc != KS_OK && strstr(r.err, " at byte ") == NULL) {
        fail_msg("it is not said where: %s", r.err);
    }

    free(p);
    line(box, "FLUSHALL");
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

    make_whole(&whole[0], "REDIS0012", 0);
    make_whole(&whole[1], "VALKEY080", 0);
    make_whole(&whole[2], "REDIS0011", 1);
    box = box_open(ZONE, KS_NOEVICTION);

    for (i = 0; i < runs; i++) {
        run();

        if (i % CHECKS == 0) {
            box_check(box);
        }
    }

    assert_int_equal(integer(line(box, "DBSIZE")), 0);
    reclaim_all(box->client.space);
    box_close(box);

    for (i = 0; i < ks_nelts(whole); i++) {
        file_free(&whole[i]);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
