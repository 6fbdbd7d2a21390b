/*
 * Lists: the commands at random against a plain array, in small and in large,
 * with long elements; and what the referee cannot see: the names of encodings,
 * the nulls of RESP3, shortage of memory.
 */

#include "command_test.h"
#include "types/ks_list.h"


#define NOISE    (1u << 20)
#define MAXITEMS 200000

/* an element: a piece of the noise */
typedef struct {
    uint32_t   off;
    uint32_t   len;
} twin_t;

typedef struct {
    box_t     *b;
    unsigned   limit;           /* elements */
    unsigned   longest;
    unsigned   batch;           /* that are pushed or popped at once */
} game_t;

static u_char   noise[NOISE];
static twin_t  *twins;
static size_t   ntwins;


static int
set_up(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < NOISE; i++) {
        noise[i] = (u_char) rnd(256);
    }

    twins = malloc(MAXITEMS * sizeof(twin_t));
    ntwins = 0;

    return twins == NULL;
}


static int
tear_down(void **state)
{
    (void) state;
    free(twins);

    return 0;
}


/* --- the array --- */

static ks_str_t
bytes(const twin_t *twin)
{
    ks_str_t  s;

    s.data = noise + twin->off;
    s.len = twin->len;

    return s;
}


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
twins_insert(size_t at, const twin_t *twin)
{
    assert_true(ntwins < MAXITEMS && at <= ntwins);
    memmove(twins + at + 1, twins + at, (ntwins - at) * sizeof(twin_t));
    twins[at] = *twin;
    ntwins++;
}


static void
twins_remove(size_t at, size_t n)
{
    assert_true(at + n <= ntwins);
    memmove(twins + at, twins + at + n, (ntwins - at - n) * sizeof(twin_t));
    ntwins -= n;
}


/* --- commands --- */

static void
words(box_t *b, const char *text)
{
    static char   copy[256];
    char         *p, *rest;

    snprintf(copy, sizeof(copy), "%s", text);
    rest = copy;
    b->argc = 0;

    while ((p = strsep(&rest, " ")) != NULL) {
        b->argv[b->argc++] = ks_text(p);
    }
}


static void
arg(box_t *b, const twin_t *twin)
{
    b->argv[b->argc++] = bytes(twin);
}


static void
says(box_t *b, const char *text, const char *reply)
{
    const char  *got;

    got = line(b, text);

    if (strcmp(got, reply) != 0) {
        fail_msg("%s: %s, not %s", text, got, reply);
    }
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


/* --- whether all is there --- */

static void
compare_body(ks_space_t *sp, void *data)
{
    int          more;
    size_t       i;
    ks_str_t     s, key;
    ks_pos_t     pos;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) data;

    key = ks_text("l");
    e = ks_lookup(sp, &key, KS_LOOKUP_READ);
    assert_int_equal(e != NULL, ntwins != 0);

    if (e == NULL) {
        return;
    }

    ks_value_open(sp, &key, e, &v);
    assert_int_equal(ks_value_count(&v), ntwins);

    more = ks_tree_at(&v.tree[0], &pos, 0);

    for (i = 0; i < ntwins; i++) {
        assert_true(more);
        s = bytes(&twins[i]);
        assert_true(ks_tree_is(&v.tree[0], &pos, 0, &s));
        more = ks_tree_next(&v.tree[0], &pos);
    }

    assert_false(more);

    for (ks_list_from(&v, &pos, KS_LIST_TAIL, 0); i-- > 0; /* void */ ) {
        s = bytes(&twins[i]);
        assert_true(ks_tree_is(&v.tree[0], &pos, 0, &s));
        assert_int_equal(ks_list_step(&v, &pos, KS_LIST_TAIL), i != 0);
    }
}


static void
compare(box_t *b)
{
    ks_str_t  key;

    key = ks_text("l");
    assert_int_equal(ks_transact(b->client.space,
                                 ks_key_shard(b->client.space, &key),
                                 compare_body, NULL), KS_OK);
    box_check(b);
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


/* --- a hundred thousand --- */

static void
fill(box_t *b, unsigned n, const char *push)
{
    unsigned  i;
    char      text[32][16];

    for (i = 0; i < n; i++) {
        if (i % 32 == 0) {
            words(b, push);
        }

        snprintf(text[i % 32], sizeof(text[0]), "%u", i);
        b->argv[b->argc++] = ks_text(text[i % 32]);

        if (i % 32 == 31 || i == n - 1) {
            assert_true(integer(box_execute(b)) > 0);
        }
    }
}


static void
test_hundred_thousand(void **state)
{
    unsigned  i;
    box_t    *b;

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);

    fill(b, 50000, "RPUSH l");
    fill(b, 50000, "LPUSH l");
    says(b, "LLEN l", ":100000\r\n");
    says(b, "OBJECT ENCODING l", "$9\r\nquicklist\r\n");
    says(b, "LINDEX l 0", "$5\r\n49999\r\n");
    says(b, "LINDEX l -1", "$5\r\n49999\r\n");
    says(b, "LINDEX l 49999", "$1\r\n0\r\n");
    says(b, "LINDEX l 50000", "$1\r\n0\r\n");
    box_check(b);

    /* the middle grows apart */

    for (i = 0; i < 3000; i++) {
        assert_int_equal(integer(linef(b, "LINSERT l %s 0 middle%u",
                                       i % 2 ? "AFTER" : "BEFORE", i)),
                         100001 + i);
    }

    says(b, "LPOS l 0", ":51499\r\n");
    says(b, "LPOS l 0 RANK -1", ":53000\r\n");
    says(b, "LPOS l 0 COUNT 0 MAXLEN 51500", "*1\r\n:51499\r\n");
    says(b, "LPOS l 777 RANK 2", ":53777\r\n");
    box_check(b);

    says(b, "LTRIM l 49999 -50000", "+OK\r\n");
    says(b, "LLEN l", ":3002\r\n");
    says(b, "LINDEX l 0", "$7\r\nmiddle0\r\n");
    box_check(b);

    while (*line(b, "LPOP l 100") == '*' && b->reply[1] != '-') { /* void */ }

    says(b, "EXISTS l", ":0\r\n");
    box_close(b);
}


/*
 * Removing one element of two, one by one, would take a log many times as
 * large as the zone.
 */

static void
test_many_removed(void **state)
{
    int     dir;
    box_t  *b;

    (void) state;

    for (dir = -1; dir <= 1; dir++) {
        b = box_open(4u << 20, KS_NOEVICTION);

        while (integer(line(b, "RPUSH l a b a b a c a b a b a b a b a d"))
               < 80000)
        {
            /* again */
        }

        says(b, "EXPIRE l 100", ":1\r\n");
        assert_int_equal(integer(linef(b, "LREM l %d a", dir * 39000)),
                         dir ? 39000 : 40000);
        assert_int_equal(integer(line(b, "LLEN l")), dir ? 41000 : 40000);
        box_check(b);

        if (dir > 0) {
            says(b, "LPOS l a", ":39000\r\n");

        } else if (dir < 0) {
            says(b, "LPOS l a RANK -1", ":1998\r\n");

        } else {
            says(b, "LPOS l a", "$-1\r\n");
        }

        says(b, "TTL l", ":100\r\n");
        assert_int_equal(integer(line(b, "LREM l 0 b")), 30000);
        says(b, "LINDEX l -1", "$1\r\nd\r\n");
        assert_int_equal(integer(line(b, "LREM l 0 a")), dir ? 1000 : 0);
        says(b, "LRANGE l 0 2", "*3\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\nc\r\n");
        says(b, "LLEN l", ":10000\r\n");
        box_close(b);
    }
}


/* the same with elements that are blobs, which go with their memory */

static void
test_many_blobs_removed(void **state)
{
    int      i;
    box_t   *b;
    twin_t   a = { 0, 600 }, c = { 5000, 2000 };

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);

    for (i = 0; i < 1500; i++) {
        words(b, "RPUSH l");
        arg(b, &a);
        arg(b, &c);
        assert_int_equal(integer(box_execute(b)), 2 * i + 2);
    }

    words(b, "LREM l -1400");
    arg(b, &a);
    assert_int_equal(integer(box_execute(b)), 1400);
    box_check(b);

    for (i = 0, ntwins = 0; i < 1600; i++) {
        twins_insert(ntwins, (i < 200 && i % 2 == 0) ? &a : &c);
    }

    compare(b);

    words(b, "LREM l 0");
    arg(b, &c);
    assert_int_equal(integer(box_execute(b)), 1500);
    says(b, "LLEN l", ":100\r\n");
    says(b, "DEL l", ":1\r\n");

    reclaim_all(b->client.space);
    assert_int_equal(stats(b->client.space).keys, 0);
    box_close(b);
}


/* --- encodings --- */

static void
encoding(box_t *b, const char *name)
{
    says(b, "OBJECT ENCODING l", name);
}

#define LISTPACK   "$8\r\nlistpack\r\n"
#define QUICKLIST  "$9\r\nquicklist\r\n"


static void
push_long(box_t *b, const char *command, size_t len)
{
    twin_t  twin = { 0, (uint32_t) len };

    words(b, command);
    arg(b, &twin);
    box_execute(b);
}


static void
test_encodings(void **state)
{
    unsigned  i;
    box_t    *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    /* what an empty listpack takes beside one element of 8 kB */

    push_long(b, "RPUSH l", 8186);
    encoding(b, QUICKLIST);
    push_long(b, "LPUSH l", 1);
    says(b, "LPUSH l \"\"", ":3\r\n");
    encoding(b, QUICKLIST);
    says(b, "LTRIM l 0 0", "+OK\r\n");
    encoding(b, LISTPACK);
    says(b, "DEL l", ":1\r\n");

    push_long(b, "RPUSH l", 8185);
    encoding(b, LISTPACK);
    says(b, "LSET l 0 x", "+OK\r\n");
    push_long(b, "LSET l 0", 8190);
    encoding(b, QUICKLIST);
    push_long(b, "LSET l 0", 5000);
    encoding(b, QUICKLIST);
    push_long(b, "LSET l 0", 4000);
    encoding(b, LISTPACK);
    says(b, "DEL l", ":1\r\n");

    /* elements of some kB count with all their bytes */

    for (i = 0; i < 8; i++) {
        push_long(b, "RPUSH l", 1000);
        encoding(b, LISTPACK);
    }

    push_long(b, "LINSERT l BEFORE none", 1000);
    encoding(b, LISTPACK);
    push_long(b, "RPUSH l", 1000);
    encoding(b, QUICKLIST);

    for (i = 9; i > 4; i--) {
        encoding(b, QUICKLIST);
        line(b, "LPOP l");
    }

    encoding(b, LISTPACK);
    says(b, "LLEN l", ":4\r\n");
    says(b, "DEL l", ":1\r\n");

    /* many short ones */

    fill(b, 1000, "RPUSH l");
    encoding(b, LISTPACK);
    fill(b, 1000, "LPUSH l");
    encoding(b, QUICKLIST);
    says(b, "COPY l m", ":1\r\n");
    line(b, "LPOP l 1000");
    encoding(b, QUICKLIST);
    line(b, "LPOP l 300");
    encoding(b, LISTPACK);
    says(b, "OBJECT ENCODING m", QUICKLIST);

    says(b, "EXPIRE l 7", ":1\r\n");
    says(b, "RPOPLPUSH m l", "$3\r\n999\r\n");
    encoding(b, LISTPACK);
    says(b, "TTL l", ":7\r\n");

    box_close(b);
}


/* --- replies --- */

static void
test_nulls(void **state)
{
    unsigned  v;
    box_t    *b;

    static const char *const  null[] = { "$-1\r\n", "_\r\n" };
    static const char *const  none[] = { "*-1\r\n", "_\r\n" };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    for (v = 0; v < 2; v++) {
        b->version = 2 + v;
        says(b, "LPOP l", null[v]);
        says(b, "RPOP l", null[v]);
        says(b, "LPOP l 0", none[v]);
        says(b, "RPOP l 3", none[v]);
        says(b, "LMPOP 2 l m LEFT", none[v]);
        says(b, "LINDEX l 0", null[v]);
        says(b, "LMOVE l l LEFT LEFT", null[v]);
        says(b, "RPOPLPUSH l m", null[v]);
        says(b, "LPOS l a", null[v]);
        says(b, "LPOS l a COUNT 0", "*0\r\n");
        says(b, "LRANGE l 0 -1", "*0\r\n");
        says(b, "RPUSH l a b", ":2\r\n");
        says(b, "LPOP l 0", "*0\r\n");
        says(b, "LPOS l c", null[v]);
        says(b, "LINDEX l 2", null[v]);
        says(b, "LMPOP 2 m l RIGHT COUNT 5",
             "*2\r\n$1\r\nl\r\n*2\r\n$1\r\nb\r\n$1\r\na\r\n");
        says(b, "EXISTS l", ":0\r\n");
    }

    box_close(b);
}


/* what Redis 7.0 and 7.2 do not agree about, or must not be asked */

static void
test_extremes(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    says(b, "RPUSH l a b a", ":3\r\n");
    says(b, "LPOS l a RANK -9223372036854775808",
         "-ERR value is out of range, value must between "
         "-9223372036854775807 and 9223372036854775807\r\n");
    says(b, "LPOS l a RANK -9223372036854775807", "$-1\r\n");
    says(b, "LPOS l a RANK 9223372036854775807", "$-1\r\n");
    says(b, "LPOS l a COUNT 9223372036854775807", "*2\r\n:0\r\n:2\r\n");
    says(b, "LPOS l a MAXLEN 9223372036854775807 RANK 2", ":2\r\n");
    says(b, "LMPOP 9223372036854775807 l LEFT", "-ERR syntax error\r\n");
    says(b, "LMPOP 2 l LEFT", "-ERR syntax error\r\n");
    says(b, "LREM l -9223372036854775808 a", ":2\r\n");
    says(b, "LREM l 9223372036854775807 b", ":1\r\n");
    says(b, "EXISTS l", ":0\r\n");
    says(b, "RPUSH l a b c", ":3\r\n");
    says(b, "LRANGE l -9223372036854775808 9223372036854775807",
         "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    says(b, "LRANGE l 9223372036854775807 9223372036854775807", "*0\r\n");
    says(b, "LRANGE l 0 -9223372036854775808", "*0\r\n");
    says(b, "LINDEX l -9223372036854775808", "$-1\r\n");
    says(b, "LPOP l 9223372036854775807",
         "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n");
    says(b, "EXISTS l", ":0\r\n");

    box_close(b);
}


/* the key of an empty list goes, by whatever it was emptied */

static void
test_emptied(void **state)
{
    size_t  i;
    box_t  *b;

    static const char *const  emptying[] = {
        "LPOP l", "RPOP l", "LPOP l 1", "RPOP l 7", "LREM l 0 a",
        "LREM l -1 a", "LTRIM l 1 0", "LTRIM l 5 9", "LMOVE l m LEFT RIGHT",
        "RPOPLPUSH l m", "LMPOP 1 l LEFT"
    };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    for (i = 0; i < ks_nelts(emptying); i++) {
        says(b, "RPUSH l a", ":1\r\n");
        says(b, "EXPIRE l 100", ":1\r\n");
        line(b, emptying[i]);
        says(b, "EXISTS l", ":0\r\n");
        says(b, "RPUSH l a", ":1\r\n");
        says(b, "TTL l", ":-1\r\n");
        says(b, "DEL l", ":1\r\n");
        box_check(b);
    }

    /* and that of one that is moved within itself stays */

    says(b, "RPUSH l a", ":1\r\n");
    says(b, "EXPIRE l 100", ":1\r\n");
    says(b, "LMOVE l l LEFT RIGHT", "$1\r\na\r\n");
    says(b, "LMOVE l l LEFT LEFT", "$1\r\na\r\n");
    says(b, "TTL l", ":100\r\n");

    box_close(b);
}


/* --- shortage --- */

/*
 * Lists that are moved about in a zone that is full: whatever the reply is,
 * no element is lost or twice there.
 */

static void
test_full(void **state)
{
    unsigned  i, n[2], refused;
    box_t    *b;

    static const char *const  moves[] = {
        "LMOVE l m LEFT RIGHT", "RPOPLPUSH m l", "LMOVE m l LEFT LEFT",
        "LMOVE l l LEFT RIGHT", "RPOPLPUSH l m"
    };

    (void) state;

    b = box_open(2u << 20, KS_NOEVICTION);
    refused = 0;

    for (i = 0; ; i++) {
        push_long(b, i % 2 ? "RPUSH l" : "LPUSH m", rnd(3) ? rnd(40)
                                                           : rnd(9000));
        if (b->reply[0] == '-') {
            break;
        }
    }

    assert_true(starts(b->reply, "-OOM"));
    box_check(b);

    while (*linef(b, "SET filler%u 0123456789012345678901234567890123456789",
                  rnd(1000000)) == '+')
    {
        /* again */
    }

    n[0] = (unsigned) integer(line(b, "LLEN l"));
    n[1] = (unsigned) integer(line(b, "LLEN m"));

    for (i = 0; i < 5000; i++) {
        refused += starts(line(b, moves[rnd(ks_nelts(moves))]), "-OOM");

        if (i % 500 == 0) {
            assert_int_equal(integer(line(b, "LLEN l"))
                             + integer(line(b, "LLEN m")), n[0] + n[1]);
            box_check(b);
        }
    }

    assert_true(refused > 0);

    /* taking away is never refused */

    while (*line(b, "LPOP l") == '$' && b->reply[1] != '-') { /* void */ }

    says(b, "EXISTS l", ":0\r\n");
    assert_true(starts(line(b, "LTRIM m 1 0"), "+OK"));
    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_middle),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_long_elements),
        cmocka_unit_test(test_hundred_thousand),
        cmocka_unit_test(test_many_removed),
        cmocka_unit_test(test_many_blobs_removed),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_nulls),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_emptied),
        cmocka_unit_test(test_full)
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
