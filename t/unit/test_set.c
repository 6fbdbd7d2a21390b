/*
 * Sets: what is an integer, which encoding a set has and in what order its
 * members come; sets of many members and of large ones; how long they live,
 * and sets in a zone that is full.  That commands say what Redis says is
 * t/referee_set.t's.
 */

#include "set_test.h"


#define LARGE  (1u << 20)
#define MANY   100000


/* --- integers --- */

static void
test_integers(void **state)
{
    size_t    i, k;
    ks_str_t  a, b;

    static const char *const  good[] = {
        "-9223372036854775808", "-9223372036854775807",
        "-1000000000000000000", "-999999999999999999", "-20", "-10", "-9",
        "-1", "0", "1", "9", "10", "11", "99", "100", "999999999999999999",
        "1000000000000000000", "9223372036854775806", "9223372036854775807"
    };
    static const char *const  bad[] = {
        "", "-", "--1", "-0", "00", "01", "-01", "+1", " 1", "1 ", "1.0", "a",
        "0x1", "1e3", "9223372036854775808", "-9223372036854775809",
        "99999999999999999999", "123456789012345678901", "1:", "1/"
    };

    (void) state;

    for (i = 0; i < ks_nelts(good); i++) {
        a = ks_text(good[i]);
        assert_true(ks_set_integer(&a));

        for (k = 0; k < ks_nelts(good); k++) {
            b = ks_text(good[k]);
            assert_int_equal(ks_set_compare(&a, &b) < 0, i < k);
            assert_int_equal(ks_set_compare(&a, &b) > 0, i > k);
        }
    }

    for (i = 0; i < ks_nelts(bad); i++) {
        a = ks_text(bad[i]);
        assert_false(ks_set_integer(&a));
    }

    a.data = (u_char *) "1\0002";
    a.len = 3;
    assert_false(ks_set_integer(&a));

    a.data = NULL;
    a.len = 513;
    assert_false(ks_set_integer(&a));
}


/* --- the type itself --- */

static void
test_grown(void **state)
{
    size_t       i;
    char         text[70];
    ks_str_t     s;
    ks_zone_t   *zone;
    ks_space_t  *sp;

    static const struct {
        unsigned     enc;
        size_t       n;
        const char  *member;    /* "+": one byte more than a listpack takes */
        unsigned     want;
    } rows[] = {
        { KS_ENC_INTSET, 0, "1", KS_ENC_INTSET },
        { KS_ENC_INTSET, 511, "1", KS_ENC_INTSET },
        { KS_ENC_INTSET, 512, "1", KS_ENC_HASHTABLE },
        { KS_ENC_INTSET, 0, "x", KS_ENC_LISTPACK },
        { KS_ENC_INTSET, 127, "x", KS_ENC_LISTPACK },
        { KS_ENC_INTSET, 128, "x", KS_ENC_HASHTABLE },
        { KS_ENC_INTSET, 1, "+", KS_ENC_HASHTABLE },
        { KS_ENC_LISTPACK, 127, "1", KS_ENC_LISTPACK },
        { KS_ENC_LISTPACK, 128, "1", KS_ENC_HASHTABLE },
        { KS_ENC_LISTPACK, 0, "+", KS_ENC_HASHTABLE },
        { KS_ENC_HASHTABLE, 0, "1", KS_ENC_HASHTABLE },
    };

    (void) state;

    sp = open_zone(1 << 20, 1, KS_NOEVICTION);
    zone = ks_space_zone(sp);
    memset(text, '1', sizeof(text));

    for (i = 0; i < ks_nelts(rows); i++) {
        s = ks_text(rows[i].member);

        if (*rows[i].member == '+') {
            s.data = (u_char *) text;
            s.len = KS_SET_LISTPACK_BYTES + 1;
        }

        assert_int_equal(ks_set_grown(zone, rows[i].enc, rows[i].n, &s),
                         rows[i].want);
    }

    s = ks_text("1");
    assert_int_equal(ks_set_encoding(zone, &s, 512), KS_ENC_INTSET);
    assert_int_equal(ks_set_encoding(zone, &s, 513), KS_ENC_HASHTABLE);
    s = ks_text("x");
    assert_int_equal(ks_set_encoding(zone, &s, 128), KS_ENC_LISTPACK);
    assert_int_equal(ks_set_encoding(zone, &s, 129), KS_ENC_HASHTABLE);

    ks_zone_set(zone, KS_SETTING_SET_ITEMS, 129);
    assert_int_equal(ks_set_encoding(zone, &s, 129), KS_ENC_LISTPACK);
    ks_zone_reset_settings(zone);
    assert_int_equal(ks_set_encoding(zone, &s, 129), KS_ENC_HASHTABLE);

    close_zone(sp);
}


#define GUESSES  400000

typedef struct {
    uint32_t  hash;
    unsigned  i;
} guess_t;

static int
guess_order(const void *a, const void *b)
{
    const guess_t  *g = a, *h = b;

    return (g->hash > h->hash) - (g->hash < h->hash);
}


/* good until the next one is asked for */

static ks_str_t
guessed(unsigned i)
{
    static char  text[16];

    snprintf(text, sizeof(text), "guess%u", i);

    return ks_text(text);
}


static void
has_guess(const ks_value_t *v, unsigned i, int want)
{
    ks_pos_t  pos;
    ks_str_t  s;

    s = guessed(i);
    assert_int_equal(ks_set_find(v, &pos, &s), want);
    assert_int_equal(ks_set_has(v, &s), want);

    if (want) {
        assert_true(ks_tree_is(&v->tree[0], &pos, 0, &s));
    }
}


/* two members with one hash, among others */

static void
collide(ks_value_t *v, unsigned i, unsigned k)
{
    ks_str_t  s;

    s = guessed(i);
    assert_int_equal(ks_set_add(v, &s), 1);
    assert_int_equal(ks_set_add(v, &s), 0);
    has_guess(v, k, 0);

    s = guessed(k);
    assert_int_equal(ks_set_remove(v, &s), 0);
    assert_int_equal(ks_set_add(v, &s), 1);
    assert_int_equal(ks_set_add(v, &s), 0);
    has_guess(v, i, 1);
    has_guess(v, k, 1);

    s = guessed(i);
    assert_int_equal(ks_set_remove(v, &s), 1);
    assert_int_equal(ks_set_remove(v, &s), 0);
    has_guess(v, i, 0);
    has_guess(v, k, 1);

    s = guessed(i);
    assert_int_equal(ks_set_add(v, &s), 1);
    has_guess(v, k, 1);
}


static void
collide_body(ks_space_t *sp, void *data)
{
    size_t          n;
    unsigned        i;
    ks_str_t        s, key;
    ks_value_t      v;
    static guess_t  g[GUESSES];

    (void) data;

    key = ks_text("s");
    ks_value_create(sp, &key, NULL, KS_TYPE_SET, KS_ENC_HASHTABLE, 100,
                    KS_NO_EXPIRE, &v);

    for (i = 0; i < GUESSES; i++) {
        s = guessed(i);
        g[i].i = i;
        g[i].hash = ks_value_hash(&v, &s);
    }

    qsort(g, GUESSES, sizeof(guess_t), guess_order);

    for (n = 0, i = 0; i + 1 < GUESSES; i++) {

        if (g[i].hash == g[i + 1].hash) {
            collide(&v, g[i].i, g[i + 1].i);
            n++;
            i++;

        } else if (i % 400 == 0) {
            s = guessed(g[i].i);
            assert_int_equal(ks_set_add(&v, &s), 1);
        }
    }

    /* 18 are to be expected; the seed is always the same */

    assert_in_range(n, 5, 40);
    assert_int_equal(ks_value_close(&v), 0);
}


static void
test_collisions(void **state)
{
    ks_str_t     key;
    ks_space_t  *sp;

    (void) state;

    sp = open_zone(ZONE, 0, KS_NOEVICTION);
    key = ks_text("s");
    assert_int_equal(transaction(sp, ks_key_shard(sp, &key), collide_body,
                                 NULL), KS_OK);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    close_zone(sp);
}


/* --- encodings --- */

static void
test_intset(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);

    line(b, "SADD s 3 -1 20 9223372036854775807 100 -30 0");
    is_encoding(b, "s", "intset");
    assert_string_equal(words(line(b, "SMEMBERS s")),
                        "-30 -1 0 3 20 100 9223372036854775807");

    assert_int_equal(add(b, "i", "", 0, 512), 512);
    is_encoding(b, "i", "intset");
    assert_int_equal(add(b, "i", "", 0, 512), 0);
    is_encoding(b, "i", "intset");
    assert_int_equal(add(b, "i", "", 512, 1), 1);
    is_encoding(b, "i", "hashtable");
    assert_int_equal(members(b, "SREM", "i", "", 1, 512), 512);
    is_encoding(b, "i", "hashtable");

    /* a command that may bring too many */

    assert_int_equal(add(b, "h", "", 0, 513), 513);
    is_encoding(b, "h", "hashtable");
    line(b, "SADD few 1 2");
    assert_int_equal(add(b, "few", "", 0, 513), 511);
    is_encoding(b, "few", "hashtable");

    box_close(b);
}


static void
test_listpack(void **state)
{
    char    text[80];
    box_t  *b;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);

    line(b, "SADD s z a z 5 b");
    is_encoding(b, "s", "listpack");
    assert_string_equal(words(line(b, "SMEMBERS s")), "z a 5 b");

    line(b, "SADD i 30 4 5");
    line(b, "SADD i x 1");
    is_encoding(b, "i", "listpack");
    assert_string_equal(words(line(b, "SMEMBERS i")), "4 5 30 x 1");
    line(b, "SREM i x 30");
    is_encoding(b, "i", "listpack");

    add(b, "l", "m", 0, 128);
    is_encoding(b, "l", "listpack");
    add(b, "l", "m", 128, 1);
    is_encoding(b, "l", "hashtable");
    assert_int_equal(scard(b, "l"), 129);

    memset(text, 'x', 66);
    text[64] = '\0';
    linef(b, "SADD w a %s", text);
    is_encoding(b, "w", "listpack");
    text[64] = 'x';
    text[65] = '\0';
    linef(b, "SADD w %s", text);
    is_encoding(b, "w", "hashtable");
    assert_int_equal(integer(linef(b, "SISMEMBER w %s", text)), 1);
    text[64] = '\0';
    assert_int_equal(integer(linef(b, "SISMEMBER w %s", text)), 1);

    /* integers and then a word: as many as a listpack may have, or more */

    add(b, "i127", "", 0, 127);
    line(b, "SADD i127 word");
    is_encoding(b, "i127", "listpack");
    add(b, "i128", "", 0, 128);
    line(b, "SADD i128 word");
    is_encoding(b, "i128", "hashtable");
    add(b, "ilong", "", 0, 3);
    linef(b, "SADD ilong %sx", text);
    is_encoding(b, "ilong", "hashtable");
    assert_int_equal(scard(b, "ilong"), 4);

    add(b, "h", "m", 0, 129);
    is_encoding(b, "h", "hashtable");
    line(b, "SADD few m0");
    assert_int_equal(add(b, "few", "m", 0, 129), 128);
    is_encoding(b, "few", "hashtable");

    box_close(b);
}


/* what comes out of several sets has the encoding that suits it */

static void
test_results(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);

    add(b, "i", "", 0, 1000);
    add(b, "j", "", 500, 1000);
    add(b, "m", "m", 0, 1000);
    add(b, "n", "m", 900, 1000);
    line(b, "SADD few 7 5 600");
    is_encoding(b, "i", "hashtable");

    assert_int_equal(integer(line(b, "SINTERSTORE d i j")), 500);
    is_encoding(b, "d", "intset");
    assert_int_equal(integer(line(b, "SINTERSTORE d i i")), 1000);
    is_encoding(b, "d", "hashtable");
    assert_int_equal(integer(line(b, "SINTERSTORE d m n")), 100);
    is_encoding(b, "d", "listpack");
    assert_int_equal(integer(line(b, "SINTERSTORE d m m")), 1000);
    is_encoding(b, "d", "hashtable");
    assert_int_equal(integer(line(b, "SINTERSTORE few i few")), 3);
    is_encoding(b, "few", "intset");
    assert_string_equal(words(line(b, "SMEMBERS few")), "5 7 600");

    assert_int_equal(integer(line(b, "SUNIONSTORE d i j")), 1500);
    is_encoding(b, "d", "hashtable");
    assert_int_equal(integer(line(b, "SUNIONSTORE d few few")), 3);
    is_encoding(b, "d", "intset");
    line(b, "SADD w x 9");
    assert_int_equal(integer(line(b, "SUNIONSTORE d few w")), 5);
    is_encoding(b, "d", "listpack");
    assert_string_equal(words(line(b, "SMEMBERS d")), "5 7 600 x 9");

    assert_int_equal(integer(line(b, "SDIFFSTORE d i j")), 500);
    is_encoding(b, "d", "intset");
    assert_int_equal(integer(line(b, "SDIFFSTORE d m n")), 900);
    is_encoding(b, "d", "hashtable");
    assert_int_equal(integer(line(b, "SDIFFSTORE d w few")), 2);
    is_encoding(b, "d", "listpack");

    /* with much to look up, all go in and some come out again */

    add(b, "i600", "", 0, 600);
    add(b, "i200", "", 0, 200);
    assert_int_equal(integer(line(b, "SDIFFSTORE d i600 i200 i200")), 400);
    is_encoding(b, "d", "intset");
    assert_int_equal(integer(line(b, "SDIFFSTORE d i600 i200 i200 i200 i200")),
                     400);
    is_encoding(b, "d", "hashtable");
    assert_int_equal(integer(line(b, "SDIFFSTORE d i few few few few")), 997);
    is_encoding(b, "d", "hashtable");
    line(b, "SADD w a b c d e f g h 1 2 3 4");
    assert_int_equal(integer(line(b, "SDIFFSTORE d w few no few no few")), 14);
    is_encoding(b, "d", "listpack");

    assert_int_equal(integer(line(b, "SDIFFSTORE d i i")), 0);
    assert_int_equal(integer(line(b, "EXISTS d")), 0);

    assert_string_equal(words(line(b, "SUNION few few")), "5 7 600");
    line(b, "SADD few2 6 1");
    assert_string_equal(words(line(b, "SUNION few few2")), "1 5 6 7 600");

    box_close(b);
}


/* --- many members, and large ones --- */

static void
test_many(void **state)
{
    box_t     *b;
    uint64_t   before;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);
    line(b, "SADD other 1");
    before = pages_used(b->client.space);

    assert_int_equal(add(b, "s", "member", 0, MANY), MANY);
    assert_int_equal(add(b, "s", "member", 0, MANY), 0);
    assert_int_equal(scard(b, "s"), MANY);
    assert_int_equal(add(b, "t", "member", MANY / 2, MANY), MANY);
    box_check(b);

    assert_int_equal(integer(line(b, "SINTERCARD 2 s t")), MANY / 2);
    assert_int_equal(integer(line(b, "SINTERCARD 2 s t LIMIT 70")), 70);
    assert_int_equal(integer(line(b, "SUNIONSTORE u s t")), MANY * 3 / 2);
    assert_int_equal(integer(line(b, "SDIFFSTORE d u s")), MANY / 2);
    assert_int_equal(integer(line(b, "SINTERSTORE u u d")), MANY / 2);
    assert_int_equal(integer(line(b, "SINTERCARD 2 u s")), 0);
    assert_int_equal(integer(line(b, "SISMEMBER u member99999")), 0);
    assert_int_equal(integer(line(b, "SISMEMBER u member100000")), 1);
    box_check(b);

    assert_int_equal(members(b, "SREM", "s", "member", 0, MANY / 2),
                     MANY / 2);
    assert_int_equal(members(b, "SREM", "s", "member", 0, MANY / 2), 0);
    assert_int_equal(integer(line(b, "SINTERCARD 2 s t")), MANY / 2);
    box_check(b);

    /* members by the thousand, all but a few, and all */

    linef(b, "SPOP t %u", MANY / 10);
    assert_int_equal(scard(b, "t"), MANY - MANY / 10);
    linef(b, "SPOP t %u", MANY - MANY / 10 - 50);
    assert_int_equal(scard(b, "t"), 50);
    is_encoding(b, "t", "listpack");
    linef(b, "SPOP t %u", MANY);
    assert_int_equal(integer(line(b, "EXISTS t")), 0);

    line(b, "DEL s u d");
    reclaim_all(b->client.space);
    assert_true(pages_used(b->client.space) <= before + 64 * KS_PAGE_SIZE);

    box_close(b);
}


static u_char  large[4][LARGE];

static int
has_large(box_t *b, const char *key, unsigned i, size_t len)
{
    char  text[64];

    snprintf(text, sizeof(text), "SISMEMBER %s", key);

    return (int) integer(line_with(b, text, large[i], len));
}


static unsigned  known[4];

static void
know_large(void *data, const char *p, size_t len)
{
    unsigned  i;

    (void) data;

    assert_int_equal(len, LARGE);

    for (i = 0; i < 4 && memcmp(p, large[i], LARGE) != 0; i++) { /* void */ }

    assert_in_range(i, 0, 3);
    known[i]++;
}


static void
test_large(void **state)
{
    box_t     *b;
    unsigned   i;
    uint64_t   before;

    (void) state;

    for (i = 0; i < 4; i++) {
        memset(large[i], 'l', LARGE);
        large[i][LARGE - 1] = (u_char) ('0' + i);
    }

    b = box_open(ZONE, KS_NOEVICTION);
    line(b, "SADD other 1");
    before = pages_used(b->client.space);

    for (i = 0; i < 4; i++) {
        assert_int_equal(integer(line_with(b, "SADD s", large[i], LARGE)), 1);
        assert_int_equal(integer(line_with(b, "SADD s", large[i], LARGE)), 0);
    }

    is_encoding(b, "s", "hashtable");
    line_with(b, "SADD t x y 1", large[2], LARGE);
    line_with(b, "SADD t", large[3], LARGE - 1);
    box_check(b);

    assert_int_equal(has_large(b, "s", 0, LARGE), 1);
    assert_int_equal(has_large(b, "s", 0, LARGE - 1), 0);
    assert_int_equal(has_large(b, "t", 0, LARGE - 1), 1);
    assert_int_equal(has_large(b, "t", 3, LARGE), 0);

    assert_int_equal(strings(line(b, "SINTER s t"), know_large, NULL), 1);
    assert_int_equal(known[2], 1);
    assert_int_equal(strings(line(b, "SDIFF s t"), know_large, NULL), 3);
    assert_int_equal(known[2], 1);
    assert_int_equal(strings(line(b, "SUNION s s"), know_large, NULL), 4);
    assert_int_equal(strings(line(b, "SRANDMEMBER s -7"), know_large, NULL), 7);
    assert_int_equal(integer(line(b, "SUNIONSTORE t t s")), 8);
    assert_int_equal(integer(line(b, "SINTERSTORE t s t")), 4);
    box_check(b);

    assert_int_equal(integer(line_with(b, "SMOVE s m", large[1], LARGE)), 1);
    assert_int_equal(has_large(b, "m", 1, LARGE), 1);
    assert_int_equal(has_large(b, "s", 1, LARGE), 0);
    assert_int_equal(strings(line(b, "SPOP t 2"), know_large, NULL), 2);
    assert_int_equal(integer(line_with(b, "SREM s", large[0], LARGE)), 1);
    assert_int_equal(scard(b, "s"), 2);
    box_check(b);

    line(b, "DEL s t m");
    reclaim_all(b->client.space);
    assert_true(pages_used(b->client.space) <= before + 64 * KS_PAGE_SIZE);

    box_close(b);
}


/* --- times, and want of memory --- */

static void
test_ttl(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);

    add(b, "s", "m", 0, 1000);
    line(b, "EXPIRE s 1000");
    line(b, "SPOP s 5");
    line(b, "SPOP s");
    assert_int_equal(integer(line(b, "TTL s")), 1000);
    line(b, "SPOP s 984");
    is_encoding(b, "s", "listpack");
    assert_int_equal(scard(b, "s"), 10);
    assert_int_equal(integer(line(b, "TTL s")), 1000);
    line(b, "SADD s x");
    line(b, "SMOVE s t x");
    assert_int_equal(integer(line(b, "TTL s")), 1000);

    line(b, "SUNIONSTORE s s t");
    assert_int_equal(scard(b, "s"), 11);
    assert_int_equal(integer(line(b, "TTL s")), -1);

    line(b, "EXPIRE s 1000");
    b->now += 1000 * 1000 + 1;
    assert_int_equal(scard(b, "s"), 0);
    assert_int_equal(integer(line(b, "SINTERSTORE d s t")), 0);
    assert_int_equal(integer(line(b, "SADD s new")), 1);
    assert_int_equal(integer(line(b, "TTL s")), -1);

    box_close(b);
}


/* A command for which there is no room leaves all sets as they were. */

static void
test_full(void **state)
{
    box_t       *b;
    int64_t      n;
    unsigned     i;
    const char  *r;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    line(b, "SADD target a b c");

    for (i = 0, r = ":"; *r == ':'; i++) {
        snprintf(names[0], sizeof(names[0]), "%u", i);
        b->argc = 2;
        b->argv[0] = ks_text("SADD");
        b->argv[1] = ks_text("s");

        for (n = 0; n < 100; n++) {
            snprintf(names[n], sizeof(names[n]), "member %u.%d", i, (int) n);
            b->argv[b->argc++] = ks_text(names[n]);
        }

        r = box_execute(b);
    }

    assert_true(starts(r, "-OOM"));
    assert_true(i > 10);
    assert_int_equal(scard(b, "s"), (int64_t) (i - 1) * 100);
    box_check(b);

    assert_true(starts(line(b, "SUNIONSTORE target s target"), "-OOM"));
    assert_string_equal(words(line(b, "SMEMBERS target")), "a b c");
    box_check(b);

    /* members can be taken away, and then there is room again */

    n = scard(b, "s") / 4;

    while (scard(b, "s") > n) {
        assert_true(starts(line(b, "SPOP s 100"), "*100"));
        reclaim_all(b->client.space);
    }

    assert_int_equal(integer(line(b, "SUNIONSTORE target s")), scard(b, "s"));

    box_close(b);
}


/* With eviction a set gets its room, even if it is the last that is left. */

static void
test_evict(void **state)
{
    box_t     *b;
    char       key[16];
    unsigned   i;

    (void) state;

    b = box_open(4u << 20, KS_ALLKEYS_LRU);

    for (i = 0; i < 300; i++) {
        snprintf(key, sizeof(key), "s%u", i);
        assert_int_equal(add(b, key, "some member ", i, 1000), 1000);
        assert_int_equal(scard(b, key), 1000);
    }

    box_check(b);
    assert_in_range(integer(line(b, "DBSIZE")), 2, 299);
    assert_int_equal(scard(b, "s299"), 1000);

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_grown),
        cmocka_unit_test(test_collisions),
        cmocka_unit_test(test_intset),
        cmocka_unit_test(test_listpack),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_evict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
