/*
 * Loading RDB files: all forms of values, of all versions, also where they do
 * not fit into the window; what a zone cannot hold; files that are damaged.
 */

#include "load_test.h"


#define LARGE  "large value "


static void
reset(void)
{
    load_most = SIZE_MAX;
    load_skip = 0;
    load_library = NULL;
}


/* --- values --- */

/* a key has just the value that RESTORE makes of the same bytes */

static void
expect_dump(box_t *b, const char *key, const void *bytes, size_t len)
{
    char       *loaded;
    size_t      n;
    u_char     *p, *dump;

    dump = malloc(len + KS_RDB_FOOTER);
    memcpy(dump, bytes, len);
    p = ks_rdb_put_footer(0, dump, dump + len);

    line_with(b, "RESTORE restored 0", dump, (size_t) (p - dump));
    free(dump);
    assert_string_equal(b->reply, "+OK\r\n");
    line(b, "DUMP restored");

    n = b->len;
    loaded = malloc(n);
    memcpy(loaded, b->reply, n);
    linef(b, "DUMP %s", key);

    if (b->len != n || memcmp(b->reply, loaded, n) != 0) {
        fail_msg("%s is not what RESTORE makes of it", key);
    }

    free(loaded);
    line(b, "DEL restored");
}


static void
add_samples(file_t *f)
{
    char      key[16];
    size_t    i;

    for (i = 0; i < ks_nelts(samples); i++) {
        snprintf(key, sizeof(key), "k%zu", i);
        file_dump(f, key, samples[i].bytes, samples[i].len);
    }
}


static void
test_forms(void **state)
{
    char              key[16];
    size_t            i, k;
    box_t            *b;
    file_t            f;
    ks_load_report_t  r;

    static const size_t  most[] = { 1, 2, 3, 7, 100, 4096, SIZE_MAX };

    (void) state;

    file_begin(&f, "REDIS0012");
    add_samples(&f);
    file_end(&f);

    for (k = 0; k < ks_nelts(most); k++) {
        b = box_open(8 << 20, KS_NOEVICTION);
        load_most = most[k];
        load_file(b, &f, &r);

        assert_int_equal(r.keys, ks_nelts(samples));
        assert_int_equal(r.loaded, f.len);
        assert_int_equal(r.expired + r.empty + r.nleft, 0);
        assert_int_equal(integer(line(b, "DBSIZE")), ks_nelts(samples));

        for (i = 0; i < ks_nelts(samples); i++) {
            snprintf(key, sizeof(key), "k%zu", i);
            expect_dump(b, key, samples[i].bytes, samples[i].len);
        }

        box_close(b);
    }

    file_free(&f);
    reset();
}


/* a look at it finds the same, and needs no zone */

static void
test_check(void **state)
{
    file_t            f;
    ks_load_report_t  r;

    (void) state;

    file_begin(&f, "REDIS0012");
    add_samples(&f);
    file_str(&f, "\xfe\3\0\1k\1v\7\1m\x81\105\342\122\070\337\221\054\007\0");
    file_end(&f);

    assert_int_equal(load_bytes(NULL, f.p, f.len, &r), KS_OK);
    assert_int_equal(r.keys, ks_nelts(samples));
    assert_int_equal(r.loaded, f.len);
    assert_int_equal(r.nleft, 2);

    f.p[20] ^= 1;
    assert_int_equal(load_bytes(NULL, f.p, f.len, &r), KS_ERR);
    file_free(&f);
}


/* of versions without a sum, and with one that is not there */

static void
test_versions(void **state)
{
    size_t             i;
    box_t             *b;
    file_t             f;
    ks_load_report_t   r;

    static const struct {
        const char  *magic;
        const char  *end;
        size_t       len;
        const char  *err;
    } cases[] = {
        { "REDIS0001", "\xff", 1, NULL },
        { "REDIS0004", "\xff", 1, NULL },
        { "REDIS0005", "\xff\0\0\0\0\0\0\0\0", 9, NULL },
        { "REDIS0012", "\xff\0\0\0\0\0\0\0\0", 9, NULL },
        { "VALKEY080", "\xff\0\0\0\0\0\0\0\0", 9, NULL },
        { "REDIS0005", "\xff\0\0\0\0\0\0\0\1", 9, "the checksum is wrong" },
        { "REDIS0005", "\xff\0\0\0", 4, "the file ends too early" },
        { "REDIS0004", "\xff\0", 2, "bytes follow the end" },
        { "REDIS0005", "\xff\0\0\0\0\0\0\0\0x", 10, "bytes follow the end" },
        { "REDIS0000", "\xff", 1, "version 0 of Redis's format" },
        { "REDIS0013", "\xff", 1, "version 13 of Redis's format" },
        { "VALKEY081", "\xff", 1, "version 81 of Valkey's format" },
        { "REDIS001x", "\xff", 1, "it is no RDB file" },
        { "RUDIS0011", "\xff", 1, "it is no RDB file" },
    };

    (void) state;

    for (i = 0; i < ks_nelts(cases); i++) {
        b = box_open(1 << 20, KS_NOEVICTION);
        file_begin(&f, cases[i].magic);
        file_str(&f, "\0\1k\1v");
        file_add(&f, cases[i].end, cases[i].len);

        if (cases[i].err) {
            load_refused(b, &f, cases[i].err);

        } else {
            load_file(b, &f, &r);
            assert_string_equal(line(b, "GET k"), "$1\r\nv\r\n");
        }

        file_free(&f);
        box_close(b);
    }
}


/* --- what stands between and before keys --- */

static void
test_records(void **state)
{
    box_t            *b;
    file_t            f;
    ks_load_report_t  r;

    (void) state;

    b = box_open(1 << 20, KS_ALLKEYS_LFU);
    file_begin(&f, "REDIS0011");
    file_str(&f, "\xfa\x09redis-ver\5" "7.2.4\xfa\x0aredis-bits\xc0\x40");
    file_str(&f, "\xf5\x14#!lua name=l\nnothing");
    file_str(&f, "\xfe\0\xfb\5\2\xf4\1\2\0");

    /* in ms, and in seconds */
    file_str(&f, "\xfc");
    file_little(&f, NOW + 5000, 8);
    file_str(&f, "\0\1a\1v");
    file_str(&f, "\xfd");
    file_little(&f, NOW / 1000 + 7, 4);
    file_str(&f, "\0\1b\1v");

    /* over: by a ms, and before the epoch */
    file_str(&f, "\xfc");
    file_little(&f, NOW, 8);
    file_str(&f, "\0\1c\1v");
    file_str(&f, "\xfc");
    file_little(&f, (uint64_t) -5, 8);
    file_str(&f, "\2\1d\2\1x\1y");

    /* -1 is never; and how it was used */
    file_str(&f, "\xfc");
    file_little(&f, (uint64_t) -1, 8);
    file_str(&f, "\xf9\x2a\0\1e\1v");
    file_str(&f, "\xf8\x10\0\1f\1v");

    /* values without elements, which old versions wrote */
    file_str(&f, "\1\1g\0\4\1h\0\x0a\1i\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff");
    file_str(&f, "\0\1j\0");
    file_end(&f);

    load_file(b, &f, &r);
    assert_int_equal(r.keys, 5);
    assert_int_equal(r.expired, 2);
    assert_int_equal(r.empty, 3);
    assert_int_equal(r.libraries, 1);
    assert_string_equal(load_text, "#!lua name=l\nnothing");

    assert_int_equal(integer(line(b, "DBSIZE")), 5);
    assert_int_equal(integer(line(b, "PTTL a")), 5000);
    assert_true(integer(line(b, "PEXPIRETIME b"))
                == (int64_t) (NOW / 1000 + 7) * 1000);
    assert_int_equal(integer(line(b, "TTL e")), -1);
    assert_int_equal(integer(line(b, "OBJECT FREQ e")), 0x2a);
    assert_string_equal(line(b, "GET j"), "$0\r\n\r\n");

    file_free(&f);
    box_close(b);
}


/* fields that expire: some are over, or all of them */

static void
test_fields(void **state)
{
    box_t            *b;
    file_t            f;
    ks_load_report_t  r;

    (void) state;

    b = box_open(1 << 20, KS_NOEVICTION);
    file_begin(&f, "VALKEY080");

    file_str(&f, "\x16\1h\3\1a\1v");
    file_little(&f, NOW + 1000, 8);
    file_str(&f, "\1b\1v");
    file_little(&f, (uint64_t) -1, 8);
    file_str(&f, "\1c\1v");
    file_little(&f, 0, 8);

    file_str(&f, "\x16\1i\1\1a\1v");
    file_little(&f, NOW - 1, 8);
    file_end(&f);

    load_file(b, &f, &r);
    assert_int_equal(r.keys, 1);
    assert_int_equal(r.expired, 1);
    assert_string_equal(line(b, "HPTTL h FIELDS 3 a b c"),
                        "*3\r\n:1000\r\n:-1\r\n:-2\r\n");

    file_free(&f);
    box_close(b);
}


/* --- values that do not fit into the window --- */

#define MANY   60000
#define NODES  600
#define NOISE  (3u << 20)

static u_char  noise[NOISE];

/* a node of 200 elements in a listpack, or of one that is long */

static void
add_node(file_t *f, int plain)
{
    size_t   i, start;
    u_char  *p;

    file_str(f, "\2");
    start = f->len;
    file_add(f, "\0\0\0\0\0" "\0\0\0\0\0\0", KS_RDB_GAP + 6);

    if (plain) {
        f->p[start - 1] = KS_RDB_NODE_PLAIN;
        f->len -= 6;
        file_add(f, noise, NOISE);
        ks_rdb_fill_gap(f->p + start, NOISE);
        return;
    }

    for (i = 0; i < 100; i++) {
        file_str(f, "\x86" "abcdef\7");
        file_str(f, "\xc3\xe8\2");
    }

    file_str(f, "\xff");

    p = f->p + start + KS_RDB_GAP;
    ks_rdb_fill_gap(f->p + start, (uint32_t) (f->p + f->len - p));
    ks_put_little(p, (uint64_t) (f->p + f->len - p), 4);
    ks_put_little(p + 4, 200, 2);
}


static void
add_large(file_t *f, const char *key, unsigned form)
{
    size_t  i;
    double  score;
    u_char  byte;

    byte = (u_char) form;
    file_add(f, &byte, 1);
    file_text(f, "%s", key);

    if (form == KS_RDB_LIST_QUICKLIST_2) {
        file_length(f, NODES);

        for (i = 0; i < NODES; i++) {
            add_node(f, i == 7);
        }

        return;
    }

    file_length(f, MANY);

    for (i = 0; i < MANY; i++) {

        if (form == KS_RDB_HASH) {
            file_text(f, "field %zu", i);
        }

        file_text(f, LARGE "%zu", i);

        if (form == KS_RDB_ZSET_2) {
            score = (double) i / 2;
            file_add(f, &score, 8);
        }
    }
}


/* an entry of each listpack, with when it was delivered, or without */

static void
add_pending(file_t *f, unsigned nodes, int times)
{
    u_char    id[16];
    unsigned  n;

    memset(id, 0, sizeof(id));

    for (n = 1; n <= nodes; n++) {
        id[5] = (u_char) (n >> 16);
        id[6] = (u_char) (n >> 8);
        id[7] = (u_char) n;
        file_add(f, id, 16);

        if (times) {
            file_little(f, NOW, 8);
            file_str(f, "\1");
        }
    }
}


/*
 * A stream of so many listpacks with 100 entries each, and a group that has got
 * all of them and has the first of each pending, as Redis 7.0 has it.
 */

static void
add_stream(file_t *f, const char *key, unsigned nodes)
{
    u_char    id[16], *p;
    size_t    start;
    unsigned  i, n;

    file_str(f, "\x13");
    file_text(f, "%s", key);
    file_length(f, nodes);
    memset(id, 0, sizeof(id));

    for (n = 0; n < nodes; n++) {
        id[5] = (u_char) ((n + 1) >> 16);
        id[6] = (u_char) ((n + 1) >> 8);
        id[7] = (u_char) (n + 1);
        file_string(f, id, 16);
        start = f->len;
        file_add(f, "\0\0\0\0\0" "\0\0\0\0\0\0", KS_RDB_GAP + 6);

        /* 100 of the fields "f"; each with its own value */

        file_str(f, "\x64\1\0\1\1\1\x81" "f\2\0\1");

        for (i = 0; i < 100; i++) {
            file_str(f, "\2\1\0\1");
            file_add(f, &(u_char) { (u_char) i }, 1);
            file_str(f, "\1\x8a" "some value\x0b\4\1");
        }

        file_str(f, "\xff");
        p = f->p + start + KS_RDB_GAP;
        ks_rdb_fill_gap(f->p + start, (uint32_t) (f->p + f->len - p));
        ks_put_little(p, (uint64_t) (f->p + f->len - p), 4);
        ks_put_little(p + 4, 5 + 100 * 5, 2);
    }

    file_length(f, nodes * 100);
    file_length(f, nodes);
    file_length(f, 99);
    file_str(f, "\1\0\0\0");
    file_length(f, nodes * 100 + 7);

    file_str(f, "\2\1g");
    file_length(f, nodes);
    file_length(f, 99);
    file_length(f, nodes * 100 + 7);
    file_length(f, nodes);
    add_pending(f, nodes, 1);
    file_str(f, "\1\3" "bob");
    file_little(f, NOW, 8);
    file_length(f, nodes);
    add_pending(f, nodes, 0);

    file_str(f, "\1h\0\0\0\0\0");
}


/* "abcd" over and over, as LZF has it: a run, and references to it */

static void
add_compressed(file_t *f, const char *key, size_t times)
{
    size_t  i;

    file_str(f, "\0");
    file_text(f, "%s", key);
    file_str(f, "\xc3");
    file_length(f, 5 + times * 3);
    file_length(f, 4 + times * 264);
    file_str(f, "\3" "abcd");

    for (i = 0; i < times; i++) {
        file_str(f, "\xe0\xff\3");
    }
}


static void
test_large(void **state)
{
    char               text[64], field[64];
    size_t             i, k, n;
    box_t             *b;
    file_t             f, stream;
    ks_load_report_t   r;

    static const size_t  most[] = { 997, 100000, SIZE_MAX };

    (void) state;

    for (i = 0; i < NOISE; i++) {
        noise[i] = (u_char) (i * i >> 7);
    }

    /* the same as a dump: without its key */

    file_begin(&stream, "");
    add_stream(&stream, "", MANY / 10);
    memmove(stream.p + 1, stream.p + 2, --stream.len - 1);

    file_begin(&f, "REDIS0011");
    file_str(&f, "\xfc");
    file_little(&f, NOW + 5000, 8);
    add_large(&f, "list", KS_RDB_LIST);
    add_large(&f, "set", KS_RDB_SET);
    file_str(&f, "\xfc");
    file_little(&f, NOW + 6000, 8);
    add_large(&f, "hash", KS_RDB_HASH);
    add_large(&f, "zset", KS_RDB_ZSET_2);
    add_large(&f, "quick", KS_RDB_LIST_QUICKLIST_2);
    file_str(&f, "\0\5plain");
    file_string(&f, noise, NOISE);
    add_stream(&f, "stream", MANY / 10);
    add_compressed(&f, "packed", 20000);
    add_compressed(&f, "little", 200);
    file_str(&f, "\0\4last\xc0\7");
    file_end(&f);

    for (k = 0; k < ks_nelts(most); k++) {
        b = box_open(64 << 20, KS_NOEVICTION);
        load_most = most[k];
        load_file(b, &f, &r);

        assert_int_equal(r.keys, 10);
        assert_int_equal(integer(line(b, "LLEN list")), MANY);
        assert_int_equal(integer(line(b, "SCARD set")), MANY);
        assert_int_equal(integer(line(b, "HLEN hash")), MANY);
        assert_int_equal(integer(line(b, "ZCARD zset")), MANY);
        assert_int_equal(integer(line(b, "LLEN quick")),
                         (NODES - 1) * 200 + 1);
        assert_int_equal(integer(line(b, "PTTL list")), 5000);
        assert_int_equal(integer(line(b, "PTTL hash")), 6000);
        assert_int_equal(integer(line(b, "PTTL set")), -1);

        for (i = 0; i < MANY; i += 997) {
            n = (size_t) snprintf(text, sizeof(text), LARGE "%zu", i);
            linef(b, "LINDEX list %zu", i);
            assert_non_null(strstr(b->reply, text));
            line_with(b, "SISMEMBER set", (u_char *) text, n);
            assert_string_equal(b->reply, ":1\r\n");
            line_with(b, "ZSCORE zset", (u_char *) text, n);
            assert_true(strtod(strchr(b->reply, '\n') + 1, NULL)
                        == (double) i / 2);

            snprintf(field, sizeof(field), "field %zu", i);
            line_with(b, "HGET hash", (u_char *) field, strlen(field));
            assert_non_null(strstr(b->reply, text));
        }

        assert_int_equal(integer(line(b, "XLEN stream")), MANY * 10);
        assert_string_equal(line(b, "XRANGE stream 6000-99 +"),
                            "*1\r\n*2\r\n$7\r\n6000-99\r\n"
                            "*2\r\n$1\r\nf\r\n$10\r\nsome value\r\n");
        expect_dump(b, "stream", stream.p, stream.len);
        assert_string_equal(line(b, "LINDEX quick 1399"), "$4\r\n1000\r\n");
        assert_int_equal(integer(line(b, "STRLEN plain")), NOISE);
        line(b, "GET plain");
        assert_memory_equal(b->reply + 10, noise, NOISE);
        line(b, "LINDEX quick 1400");
        assert_memory_equal(b->reply + 10, noise, NOISE);
        assert_int_equal(integer(line(b, "STRLEN packed")),
                         4 + 20000 * 264);

        for (i = 0; i < 20000 * 264; i += 263 * 264) {
            linef(b, "GETRANGE packed %zu %zu", i * 4, i * 4 + 7);
            assert_true(b->len == 6 || strstr(b->reply, "abcdabcd"));
        }

        assert_int_equal(integer(line(b, "STRLEN little")), 4 + 200 * 264);
        assert_string_equal(line(b, "GET last"), "$1\r\n7\r\n");

        box_close(b);
    }

    file_free(&stream);
    file_free(&f);
    reset();
}


/* --- what a zone cannot hold --- */

/* the id of ReJSON-RL, version 3 */
#define MODULE  "\x81\105\342\122\070\337\221\054\007"

static void
add_strange(file_t *f)
{
    u_char  *key;

    /* beside all keys; and a value: numbers, a string, the end */
    file_str(f, "\xf7" MODULE "\2\1\2\5\0");
    file_str(f, "\7\1m" MODULE "\1\x40\x80\2\7\3\1\2\3\4\4\1\2\3\4\5\6\7\7");
    file_str(f, "\5\3xyz\0");
    file_str(f, "\7\1n" MODULE "\0");

    key = calloc(1, KS_KEY_MAX + 1);
    file_str(f, "\0");
    file_string(f, key, KS_KEY_MAX + 1);
    file_str(f, "\1v");
    free(key);

    file_str(f, "\xfe\x0c\0\1k\1v\xfc\1\1\1\1\1\1\1\1\1\1k\1\1v");
}


static void
test_left_out(void **state)
{
    char              text[512];
    box_t            *b;
    size_t            n;
    file_t            f;
    ks_load_report_t  r;

    (void) state;

    b = box_open(1 << 20, KS_NOEVICTION);
    file_begin(&f, "REDIS0011");
    file_str(&f, "\0\5first\1v");
    add_strange(&f);
    file_str(&f, "\xfe\0\0\4last\1v");
    file_end(&f);

    load_refused(b, &f, "a zone cannot hold data of module \"");
    line(b, "FLUSHALL");

    load_skip = 1;
    load_file(b, &f, &r);
    assert_int_equal(r.keys, 2);
    assert_int_equal(integer(line(b, "EXISTS first last")), 2);
    n = ks_load_left(&r, text, sizeof(text));
    assert_int_equal(n, strlen(text));
    assert_true(starts(text, "1 of data of module \"ReJSON-RL\", "));
    assert_non_null(strstr(text, "1 of keys longer than 65535 bytes"));
    assert_non_null(strstr(text, "2 of keys of other databases than 0"));
    assert_non_null(strstr(text, "2 of keys of module \""));

    /* less room than the text needs */
    assert_true(ks_load_left(&r, text, 10) > 10);
    assert_int_equal(strlen(text), 9);

    file_free(&f);
    box_close(b);
    reset();
}


static void
test_libraries(void **state)
{
    box_t            *b;
    file_t            f;
    ks_load_report_t  r;

    (void) state;

    b = box_open(1 << 20, KS_NOEVICTION);
    file_begin(&f, "REDIS0011");
    file_str(&f, "\xf5\x04" "oops");
    file_end(&f);

    load_library = "it does not compile";
    load_refused(b, &f, "cannot be loaded: it does not compile at byte 9");

    load_skip = 1;
    load_file(b, &f, &r);
    assert_int_equal(r.nleft, 1);
    assert_int_equal(r.left[0].n, 1);

    file_free(&f);
    box_close(b);
    reset();
}


/* --- what is refused --- */

static void
test_refused(void **state)
{
    size_t   i;
    box_t   *b;
    file_t   f;

    static const struct {
        const char  *bytes;
        size_t       len;
        const char  *err;
    } cases[] = {
#define CASE(bytes, err)  { bytes, sizeof(bytes) - 1, err }
        CASE("\0\1k\1v\0\1k\1w", "twice at byte 18 (key \"k\")"),
        CASE("\2\1s\2\1x\1x", "twice at byte 13 (key \"s\")"),
        CASE("\4\1h\2\1x\1y\1x\1z", "twice at byte 13 (key \"h\")"),
        CASE("\5\1z\2\1x\0\0\0\0\0\0\0\0\1x\0\0\0\0\0\0\0\0", "twice"),
        CASE("\x10\1h\x0a\x0a\0\0\0\1\0\x81" "a\2\xff", "the file is damaged"),
        CASE("\6\1m\0", "candidate of Redis 4.0"),
        CASE("\x1a\1m\0", "record of unknown type 26"),
        CASE("\x08\1m\0", "record of unknown type 8"),
        CASE("\xf0\1m\0", "record of unknown type 240"),
        CASE("\xf6\1m", "candidate of Redis 7.0"),
        CASE("\xfe\xc0", "the file is damaged"),
        CASE("\xfb\1\x82\1\1\1\1\1\1\1\1", "the file is damaged"),
        CASE("\0\xc4", "the file is damaged"),
        CASE("\1\1k\x81\x7f\xff\xff\xff\xff\xff\xff\xff", "ends too early"),
        CASE("\0\1k\x81\0\0\0\0\x10\0\0\0", "ends too early"),
        CASE("\x0f\1k\2\1a\1b\1a\xc4", "the file is damaged"),
    };

    (void) state;

    for (i = 0; i < ks_nelts(cases); i++) {
        b = box_open(1 << 20, KS_NOEVICTION);
        file_begin(&f, "REDIS0011");
        file_str(&f, "\0\1a\0");
        file_add(&f, cases[i].bytes, cases[i].len);
        file_end(&f);
        load_refused(b, &f, cases[i].err);
        file_free(&f);
        box_close(b);
    }
}


static void
test_twice_large(void **state)
{
    box_t   *b;
    file_t   f;
    size_t   i;

    static const struct {
        unsigned     form;
        const char  *tail;              /* the last element, once more */
        size_t       len;
    } cases[] = {
        { KS_RDB_SET, "\x11" LARGE "59998", 18 },
        { KS_RDB_HASH, "\x0b" "field 59998\x11" LARGE "59998", 30 },
        { KS_RDB_ZSET_2, "\x11" LARGE "59998\0\0\0\0\0\0\0\0", 26 },
    };

    (void) state;

    for (i = 0; i < ks_nelts(cases); i++) {
        b = box_open(32 << 20, KS_NOEVICTION);
        file_begin(&f, "REDIS0011");
        add_large(&f, "k", cases[i].form);

        /* the last element becomes the one before it */

        f.len -= cases[i].len;
        file_add(&f, cases[i].tail, cases[i].len);
        file_end(&f);
        load_refused(b, &f, "twice at byte 9 (key \"k\")");
        file_free(&f);

        /* a key that is there, of a large value */

        line(b, "FLUSHALL");
        line(b, "SET k v");
        file_begin(&f, "REDIS0011");
        add_large(&f, "k", cases[i].form);
        file_end(&f);
        load_refused(b, &f, "twice at byte 9 (key \"k\")");
        assert_string_equal(line(b, "GET k"), "$1\r\nv\r\n");
        file_free(&f);
        box_close(b);
    }
}


/* a file that ends anywhere is refused, and says where */

static void
test_truncated(void **state)
{
    size_t             len;
    box_t             *b;
    file_t             f;
    u_char            *copy;
    ks_load_report_t   r;

    (void) state;

    file_begin(&f, "REDIS0011");
    add_samples(&f);
    file_str(&f, "\xf5\x04" "oops");
    add_strange(&f);
    file_end(&f);

    b = box_open(1 << 20, KS_NOEVICTION);
    load_skip = 1;

    for (len = 0; len < f.len; len++) {

        /* the long key is all zeros */

        if (len > 2000 && len < f.len - 500 && len % 997) {
            continue;
        }

        copy = malloc(ks_max(len, 1));
        memcpy(copy, f.p, len);
        assert_int_equal(load_bytes(b->client.space, copy, len, &r), KS_ERR);
        assert_non_null(strstr(r.err, " at byte "));
        assert_int_equal(load_bytes(NULL, copy, len, &r), KS_ERR);
        assert_non_null(strstr(r.err, " at byte "));
        free(copy);

        line(b, "FLUSHALL");
    }

    load_bytes(b->client.space, f.p, f.len, &r);
    assert_string_equal(r.err, "");

    file_free(&f);
    box_close(b);
    reset();
}


/* --- a zone that is too small --- */

static void
test_no_room(void **state)
{
    box_t            *b;
    unsigned          i;
    file_t            f;
    ks_load_report_t  r;

    (void) state;

    file_begin(&f, "REDIS0011");
    add_large(&f, "list", KS_RDB_LIST);
    add_large(&f, "hash", KS_RDB_HASH);
    file_end(&f);

    b = box_open(2 << 20, KS_NOEVICTION);
    load_refused(b, &f, "the zone of 2097152 bytes is full: about ");
    box_close(b);

    /* an evicting zone keeps what came last */

    file_free(&f);
    file_begin(&f, "REDIS0011");

    for (i = 0; i < 40000; i++) {
        file_str(&f, "\0");
        file_text(&f, "key %u", i);
        file_text(&f, "value %u of a key that may go", i);
    }

    file_end(&f);

    b = box_open(2 << 20, KS_ALLKEYS_LRU);
    load_file(b, &f, &r);
    assert_int_equal(r.keys, 40000);
    assert_in_range(integer(line(b, "DBSIZE")), 5000, 39999);
    box_close(b);

    b = box_open(2 << 20, KS_NOEVICTION);
    load_refused(b, &f, "is full: about ");
    box_close(b);

    file_free(&f);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_libraries),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_twice_large),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
