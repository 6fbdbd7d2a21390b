/*
 * Lists: the commands at random against a plain array, in small and in large,
 * and with long elements.
 */

#include "list_test.h"


typedef struct {
    box_t     *b;
    unsigned   limit;           /* elements */
    unsigned   longest;
    unsigned   batch;           /* that are pushed or popped at once */
} game_t;


/* often one of a few, so that there are equal ones */

static twin_t
some(const game_t *g)
{
    twin_t  twin;

    if (rnd(3) == 0) {
        twin.off = rnd(4) * 1000;
        twin.len = 1 + rnd(2) * ks_min(g->longest - 1, 40u);
        return twin;
    }

    twin.len = rnd(4) ? rnd(ks_min(g->longest, 24u)) : rnd(g->longest + 1);
    twin.off = rnd(NOISE - twin.len);

    return twin;
}


static int
same(const twin_t *a, const twin_t *b)
{
    return a->len == b->len
           && memcmp(noise + a->off, noise + b->off, a->len) == 0;
}


static void
twins_remove(size_t at, size_t n)
{
    assert_true(at + n <= ntwins);
    memmove(twins + at, twins + at + n, (ntwins - at - n) * sizeof(twin_t));
    ntwins -= n;
}


/* the reply's bulk at *p is the element */

static void
is_bulk(const char **p, const twin_t *twin)
{
    char  head[16];
    int   n;

    n = snprintf(head, sizeof(head), "$%u\r\n", twin->len);
    assert_memory_equal(*p, head, (size_t) n);
    assert_memory_equal(*p + n, noise + twin->off, twin->len);
    assert_memory_equal(*p + n + twin->len, "\r\n", 2);
    *p += (size_t) n + twin->len + 2;
}


static void
is_array(const char **p, size_t n)
{
    char  *end;

    assert_int_equal(**p, '*');
    assert_int_equal(strtoul(*p + 1, &end, 10), n);
    *p = end + 2;
}


/* --- the game: each does one command to both --- */

static void
play_push(game_t *g)
{
    int       head;
    unsigned  n;
    twin_t    twin;

    if (ntwins + g->batch > g->limit) {
        return;
    }

    head = (int) rnd(2);
    words(g->b, head ? "LPUSH l" : "RPUSH l");

    for (n = 1 + rnd(g->batch); n; n--) {
        twin = some(g);
        arg(g->b, &twin);
        twins_insert(head ? 0 : ntwins, &twin);
    }

    assert_int_equal(integer(box_execute(g->b)), ntwins);
}


static void
play_pop(game_t *g)
{
    int          head;
    size_t       i, n;
    char         text[64];
    const char  *p;

    head = (int) rnd(2);
    n = rnd(4) ? 1 + rnd(g->batch) : 1;

    snprintf(text, sizeof(text), "%s l %zu", head ? "LPOP" : "RPOP", n);
    p = line(g->b, text);

    if (ntwins == 0) {
        assert_string_equal(p, "*-1\r\n");
        return;
    }

    n = ks_min(n, ntwins);
    is_array(&p, n);

    for (i = 0; i < n; i++) {
        is_bulk(&p, &twins[head ? i : ntwins - 1 - i]);
    }

    twins_remove(head ? 0 : ntwins - n, n);
}


static void
play_move(game_t *g)
{
    int          from, to;
    twin_t       twin;
    const char  *p;

    static const char *const  ends[] = { "LEFT", "RIGHT" };

    if (ntwins == 0) {
        return;
    }

    from = (int) rnd(2);
    to = (int) rnd(2);
    p = linef(g->b, "LMOVE l l %s %s", ends[from], ends[to]);

    twin = twins[from ? ntwins - 1 : 0];
    is_bulk(&p, &twin);
    twins_remove(from ? ntwins - 1 : 0, 1);
    twins_insert(to ? ntwins : 0, &twin);
}


static void
play_index(game_t *g)
{
    size_t       i;
    const char  *p;

    i = rnd((unsigned) ntwins + 2);

    if (i >= ntwins) {
        assert_string_equal(linef(g->b, "LINDEX l %zu", i), "$-1\r\n");
        return;
    }

    p = rnd(2) ? linef(g->b, "LINDEX l %zu", i)
               : linef(g->b, "LINDEX l %d", (int) i - (int) ntwins);
    is_bulk(&p, &twins[i]);
}


static void
play_set(game_t *g)
{
    size_t  i;
    twin_t  twin;
    char    text[64];

    if (ntwins == 0) {
        return;
    }

    i = rnd((unsigned) ntwins);
    twin = some(g);

    if (rnd(2)) {
        twin.len = twins[i].len;
        twin.off = rnd(NOISE - twin.len);
    }

    snprintf(text, sizeof(text), "LSET l %zu", i);
    words(g->b, text);
    arg(g->b, &twin);
    assert_string_equal(box_execute(g->b), "+OK\r\n");
    twins[i] = twin;
}


static void
play_insert(game_t *g)
{
    int     behind;
    size_t  i;
    twin_t  pivot, twin;

    pivot = (ntwins && rnd(2)) ? twins[rnd((unsigned) ntwins)] : some(g);
    twin = some(g);
    behind = (int) rnd(2);

    words(g->b, behind ? "LINSERT l AFTER" : "LINSERT l BEFORE");
    arg(g->b, &pivot);
    arg(g->b, &twin);

    for (i = 0; i < ntwins && !same(&twins[i], &pivot); i++) { /* void */ }

    if (i == ntwins) {
        assert_int_equal(integer(box_execute(g->b)), ntwins ? -1 : 0);
        return;
    }

    twins_insert(i + (size_t) behind, &twin);
    assert_int_equal(integer(box_execute(g->b)), ntwins);
}


static void
play_remove(game_t *g)
{
    int     count;
    size_t  i, j, k, removed, max;
    twin_t  twin;
    char    text[64];

    twin = (ntwins && rnd(2)) ? twins[rnd((unsigned) ntwins)] : some(g);
    count = (int) rnd(7) - 3;
    max = count ? (size_t) abs(count) : SIZE_MAX;

    snprintf(text, sizeof(text), "LREM l %d", count);
    words(g->b, text);
    arg(g->b, &twin);

    for (i = 0, j = 0, removed = 0; i < ntwins; i++) {
        k = count < 0 ? ntwins - 1 - i : i;

        if (removed < max && same(&twins[k], &twin)) {
            removed++;

        } else {
            twins[count < 0 ? ntwins - 1 - j : j] = twins[k];
            j++;
        }
    }

    if (count < 0) {
        memmove(twins, twins + removed, j * sizeof(twin_t));
    }

    ntwins = j;
    assert_int_equal(integer(box_execute(g->b)), removed);
}


static void
play_trim(game_t *g)
{
    size_t  first, n;

    if (ntwins == 0) {
        return;
    }

    first = rnd(ks_min((unsigned) ntwins, g->batch));
    n = ntwins - first;
    n -= rnd(ks_min((unsigned) n, g->batch));

    assert_string_equal(linef(g->b, "LTRIM l %zu %zu", first, first + n - 1),
                        "+OK\r\n");
    twins_remove(first + n, ntwins - first - n);
    twins_remove(0, first);
}


static void
play_range(game_t *g)
{
    size_t       first, n, i;
    const char  *p;

    first = rnd((unsigned) ntwins + 1);
    n = rnd(g->batch * 2) + 1;
    n = ks_min(n, ntwins - first);
    p = linef(g->b, "LRANGE l %zu %zu", first, first + n - (n != 0));

    is_array(&p, n);

    for (i = 0; i < n; i++) {
        is_bulk(&p, &twins[first + i]);
    }
}


static void
play_position(game_t *g)
{
    int     back;
    size_t  i, k;
    twin_t  twin;

    twin = (ntwins && rnd(2)) ? twins[rnd((unsigned) ntwins)] : some(g);
    back = (int) rnd(2);

    words(g->b, "LPOS l");
    arg(g->b, &twin);

    if (back) {
        g->b->argv[g->b->argc++] = ks_text("RANK");
        g->b->argv[g->b->argc++] = ks_text("-1");
    }

    for (i = 0; i < ntwins; i++) {
        k = back ? ntwins - 1 - i : i;

        if (same(&twins[k], &twin)) {
            assert_int_equal(integer(box_execute(g->b)), k);
            return;
        }
    }

    assert_string_equal(box_execute(g->b), "$-1\r\n");
}


static void
game(size_t zone, unsigned moves, unsigned limit, unsigned longest,
    unsigned batch)
{
    game_t    g = { NULL, limit, longest, batch };
    unsigned  i, k;

    static void (*const  plays[])(game_t *) = {
        play_push, play_push, play_push, play_push, play_pop, play_pop,
        play_move, play_index, play_set, play_set, play_insert, play_insert,
        play_remove, play_range, play_position
    };

    g.b = box_open(zone, KS_NOEVICTION);
    ntwins = 0;

    for (i = 0; i < moves; i++) {
        k = rnd(ks_nelts(plays) * 4 + 1);

        if (k == ks_nelts(plays) * 4) {
            play_trim(&g);

        } else {
            plays[k % ks_nelts(plays)](&g);
        }

        if (i % (moves / 40) == 0) {
            compare(g.b);
        }
    }

    compare(g.b);
    box_close(g.b);
}


static void
test_small(void **state)
{
    (void) state;
    game(4u << 20, 20000, 40, 30, 3);
}


static void
test_middle(void **state)
{
    (void) state;
    game(8u << 20, 20000, 600, 600, 12);
}


static void
test_large(void **state)
{
    (void) state;
    game(32u << 20, 6000, 20000, 60, 400);
}


static void
test_long_elements(void **state)
{
    (void) state;
    game(64u << 20, 4000, 100, 100000, 4);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_middle),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_long_elements)
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
