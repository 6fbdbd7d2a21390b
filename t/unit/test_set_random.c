/*
 * Sets: random operations against a model; scans while members come and go;
 * and whether what is drawn at random is drawn fairly.
 */

#include "set_test.h"


/* --- a model --- */

#define KEYS      4
#define ELEMENTS  900

static uint8_t   model[KEYS][ELEMENTS];
static ks_str_t  element[ELEMENTS];
static u_char    seen[ELEMENTS];


/* integers, words, and a few of any length */

static void
make_elements(void)
{
    size_t    len;
    char      text[32];
    unsigned  i;

    for (i = 0; i < ELEMENTS; i++) {
        len = (size_t) snprintf(text, sizeof(text), i % 3 ? "%d" : "w%d.",
                                (int) (i * 7919) - 3000000);

        element[i].len = (i % 3 == 0 && i % 10 == 0) ? len + i * 9 : len;
        element[i].data = malloc(element[i].len);
        assert_non_null(element[i].data);
        memset(element[i].data, 'x', element[i].len);
        memcpy(element[i].data, text, len);
    }
}


static void
free_elements(void)
{
    unsigned  i;

    for (i = 0; i < ELEMENTS; i++) {
        free(element[i].data);
    }
}


static int
element_order(const void *a, const void *b)
{
    const ks_str_t  *s = &element[*(const unsigned *) a];
    const ks_str_t  *t = &element[*(const unsigned *) b];

    if (s->len != t->len) {
        return s->len < t->len ? -1 : 1;
    }

    return memcmp(s->data, t->data, s->len);
}


static unsigned  sorted[ELEMENTS];

static void
see_element(void *data, const char *p, size_t len)
{
    int        cmp;
    unsigned   lo, hi, mid;
    ks_str_t  *s;

    (void) data;

    for (lo = 0, hi = ELEMENTS; lo < hi; /* void */ ) {
        mid = (lo + hi) / 2;
        s = &element[sorted[mid]];
        cmp = (s->len > len) - (s->len < len);
        cmp = cmp ? cmp : memcmp(s->data, p, len);

        if (cmp == 0) {
            seen[sorted[mid]]++;
            return;
        }

        if (cmp < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }

    fail_msg("no such element: %.*s", (int) len, p);
}


static void
is_model(box_t *b, unsigned key)
{
    unsigned  i;

    memset(seen, 0, sizeof(seen));
    strings(linef(b, "SMEMBERS k%u", key), see_element, NULL);

    for (i = 0; i < ELEMENTS; i++) {
        assert_int_equal(seen[i], model[key][i]);
    }
}


static void
model_members(box_t *b, unsigned key, int put)
{
    char       name[8];
    int        want;
    unsigned   i, k, n;

    n = 1 + (rnd(20) ? rnd(4) : rnd(300));
    snprintf(name, sizeof(name), "k%u", key);

    b->argv[0] = ks_text(put ? "SADD" : "SREM");
    b->argv[1] = ks_text(name);
    b->argc = (int) n + 2;

    for (want = 0, k = 0; k < n; k++) {
        i = rnd(ELEMENTS);
        want += (model[key][i] != put);
        model[key][i] = (uint8_t) put;
        b->argv[k + 2] = element[i];
    }

    assert_int_equal(integer(box_execute(b)), want);
}


static void
model_move(box_t *b, unsigned from, unsigned to)
{
    int       there;
    char      text[40];
    unsigned  i;

    i = rnd(ELEMENTS);
    there = model[from][i];
    snprintf(text, sizeof(text), "SMOVE k%u k%u", from, to);

    assert_int_equal(integer(line_with(b, text, element[i].data,
                                       element[i].len)), there);

    if (there) {
        model[from][i] = 0;
        model[to][i] = 1;
    }
}


static void
model_pop(box_t *b, unsigned key)
{
    unsigned  i, n;

    memset(seen, 0, sizeof(seen));
    n = rnd(3) ? rnd(5) : rnd(ELEMENTS);
    strings(linef(b, "SPOP k%u %u", key, n), see_element, NULL);

    for (i = 0; i < ELEMENTS; i++) {
        assert_true(seen[i] <= model[key][i]);
        model[key][i] -= seen[i];
    }
}


static void
model_algebra(box_t *b, unsigned op, unsigned to, unsigned x, unsigned y)
{
    int       want;
    uint8_t   r[ELEMENTS];
    unsigned  i;

    static const char *const  names_of[] = { "INTER", "UNION", "DIFF" };

    for (want = 0, i = 0; i < ELEMENTS; i++) {
        r[i] = op == 0 ? (model[x][i] & model[y][i])
             : op == 1 ? (model[x][i] | model[y][i])
             : (model[x][i] & !model[y][i]);
        want += r[i];
    }

    memset(seen, 0, sizeof(seen));
    strings(linef(b, "S%s k%u k%u", names_of[op], x, y), see_element, NULL);
    assert_memory_equal(seen, r, sizeof(seen));

    if (rnd(3) == 0) {
        assert_int_equal(integer(linef(b, "S%sSTORE k%u k%u k%u",
                                       names_of[op], to, x, y)), want);
        memcpy(model[to], r, sizeof(r));
    }
}


static void
model_copy(box_t *b, unsigned from, unsigned to)
{
    if (from == to) {
        return;
    }

    if (integer(linef(b, "COPY k%u k%u REPLACE", from, to))) {
        memcpy(model[to], model[from], sizeof(model[to]));
    }
}


static void
model_step(box_t *b)
{
    unsigned  x, y;

    x = rnd(KEYS);
    y = rnd(KEYS);

    switch (rnd(12)) {

    case 0:
        model_move(b, x, y);
        break;

    case 1:
        model_algebra(b, rnd(3), rnd(KEYS), x, y);
        break;

    case 2:
        model_pop(b, x);
        break;

    case 3:
        model_copy(b, x, y);
        break;

    default:
        model_members(b, x, rnd(5) > 1);
        break;
    }
}


static void
test_model(void **state)
{
    box_t     *b;
    unsigned   i;

    (void) state;

    make_elements();

    for (i = 0; i < ELEMENTS; i++) {
        sorted[i] = i;
    }

    qsort(sorted, ELEMENTS, sizeof(unsigned), element_order);

    b = box_open(ZONE, KS_NOEVICTION);
    b->client.space->rng = 88172645463325252ull;

    for (i = 0; i < 20000; i++) {
        model_step(b);

        if (i % 10 == 0) {
            is_model(b, rnd(KEYS));
        }

        if (i % 200 == 0) {
            box_check(b);
        }
    }

    box_close(b);
    free_elements();
}


/* --- SSCAN --- */

#define STAY  20000

static u_char    met[STAY];
static unsigned  strangers;


static void
meet(void *data, const char *p, size_t len)
{
    unsigned long  i;

    (void) data;
    (void) len;

    if (starts(p, "stay")) {
        i = strtoul(p + 4, NULL, 10);
        assert_in_range(i, 0, STAY - 1);
        met[i] = 1;

    } else if (starts(p, "guest")) {
        strangers++;

    } else {
        fail_msg("nobody added this: %.20s", p);
    }
}


/* one call: the next cursor */

static uint64_t
scan(box_t *b, const char *key, uint64_t cursor, const char *options)
{
    char        *rest;
    const char  *p;

    p = linef(b, "SSCAN %s %llu%s", key, (unsigned long long) cursor, options);
    assert_true(starts(p, "*2\r\n$"));

    p = strchr(p + 4, '\n') + 1;
    cursor = strtoull(p, &rest, 10);
    strings(rest + 2, meet, NULL);

    return cursor;
}


static unsigned
count_met(void)
{
    unsigned  i, n;

    for (n = 0, i = 0; i < STAY; i++) {
        n += met[i];
    }

    return n;
}


static void
test_scan(void **state)
{
    box_t     *b;
    uint64_t   cursor;
    unsigned   calls, at;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);
    add(b, "s", "stay", 0, STAY);

    for (calls = 0, cursor = 0; cursor != 0 || calls == 0; calls++) {
        cursor = scan(b, "s", cursor, "");
    }

    assert_int_equal(count_met(), STAY);
    assert_in_range(calls, STAY / 200, STAY / 2);

    /* with others that come and go, many more at times than were there */

    memset(met, 0, sizeof(met));

    for (calls = 0, cursor = 0; cursor != 0 || calls == 0; calls++) {
        cursor = scan(b, "s", cursor, " COUNT 50");
        at = (calls / 2) * 500 % (4 * STAY);
        members(b, calls % 2 ? "SREM" : "SADD", "s", "guest", at,
                300 + rnd(200));
        assert_true(calls < 10000);
    }

    assert_int_equal(count_met(), STAY);
    box_check(b);

    /* one call for all */

    memset(met, 0, sizeof(met));
    assert_int_equal(scan(b, "s", 0, " COUNT 1000000"), 0);
    assert_int_equal(count_met(), STAY);

    strangers = 0;
    assert_int_equal(scan(b, "s", 0, " COUNT 1000000 MATCH stay1999?"), 0);
    assert_int_equal(strangers, 0);

    box_close(b);
}


/* what has no index comes at once */

static void
test_scan_small(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);
    memset(met, 0, sizeof(met));

    add(b, "l", "stay", 0, 128);
    assert_int_equal(scan(b, "l", 0, " COUNT 1"), 0);
    assert_int_equal(count_met(), 128);
    assert_int_equal(scan(b, "l", 17, " COUNT 1"), 0);

    assert_string_equal(line(b, "SSCAN l 0 MATCH stay1 COUNT 1"),
                        "*2\r\n$1\r\n0\r\n*1\r\n$5\r\nstay1\r\n");

    box_close(b);
}


/* --- chances --- */

static unsigned  drawn[1000];

static void
draw(void *data, const char *p, size_t len)
{
    unsigned long  i;

    (void) len;

    i = strtoul(p + (*p == 'm'), NULL, 10);
    assert_in_range(i, 0, *(unsigned *) data - 1);
    drawn[i]++;
}


/* Each of n was drawn about so many times: ten sigma would be a fault. */

static void
is_fair(unsigned n, unsigned times)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (drawn[i] < times / 2 || drawn[i] > times + times / 2) {
            fail_msg("%u of %u was drawn %u times, not about %u", i, n,
                     drawn[i], times);
        }
    }

    memset(drawn, 0, sizeof(drawn));
}


static void
draws(box_t *b, const char *prefix, unsigned n)
{
    int       count;
    unsigned  i, k, calls;
    int       counts[4] = { 1, (int) n / 5, (int) n * 3 / 4, -(int) n };

    line(b, "DEL s");
    add(b, "s", prefix, 0, n);

    for (k = 0; k < 4; k++) {
        count = abs(counts[k]);
        calls = n * 400 / (unsigned) count;

        for (i = 0; i < calls; i++) {
            strings(linef(b, "SRANDMEMBER s %d", counts[k]), draw, &n);
        }

        is_fair(n, calls * (unsigned) count / n);
    }
}


static void
test_random(void **state)
{
    box_t     *b;
    unsigned   i, n;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);
    b->client.space->rng = 88172645463325252ull;

    draws(b, "", 20);
    draws(b, "m", 100);
    draws(b, "", 500);
    draws(b, "m", 1000);

    /* what is popped, and what stays when nearly all are */

    n = 30;

    for (i = 0; i < 12000; i++) {
        add(b, "p", "m", 0, n);
        strings(line(b, "SPOP p 1"), draw, &n);
    }

    is_fair(n, 400);

    for (i = 0; i < 6000; i++) {
        add(b, "p", "m", 0, n);
        strings(line(b, "SPOP p 28"), draw, &n);
        assert_int_equal(scard(b, "p"), 2);
        strings(line(b, "SMEMBERS p"), draw, &n);
    }

    is_fair(n, 6000);

    for (i = 0; i < 6000; i++) {
        add(b, "p", "m", 0, n);
        line(b, "SPOP p 28");
        strings(line(b, "SMEMBERS p"), draw, &n);
    }

    is_fair(n, 400);

    box_close(b);
}


static void
different(void *data, const char *p, size_t len)
{
    u_char  *twice = data;

    (void) len;
    assert_int_equal(twice[strtoul(p, NULL, 10)]++, 0);
}


static void
test_random_different(void **state)
{
    box_t     *b;
    u_char     twice[1000];
    unsigned   n;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);
    add(b, "s", "", 0, 1000);

    for (n = 1; n < 1100; n += 1 + n / 10) {
        memset(twice, 0, sizeof(twice));
        assert_int_equal(strings(linef(b, "SRANDMEMBER s %u", n), different,
                                 twice), ks_min(n, 1000u));
    }

    assert_true(starts(line(b, "SRANDMEMBER s -9223372036854775807"),
                       "-ERR value is out of range"));

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_scan),
        cmocka_unit_test(test_scan_small),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_different),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
