/*
 * Dumps: the forms of all versions are read as Redis means them, what is
 * written reads back, and whatever bytes come, nothing beyond them is touched.
 */

#include <math.h>

#include "engine_test.h"
#include "types/ks_crc64.h"
#include "types/ks_packed.h"
#include "types/ks_rdb.h"
#include "rdb_samples.h"


#define FUZZ_ROUNDS  4000               /* mutations of each dump */
#define MAX_DUMP     4096

static const uint64_t  seed[2] = { 1, 2 };


/* --- memory that is let go at the end of a reading --- */

typedef struct piece_s  piece_t;

struct piece_s {
    piece_t  *next;
    u_char    data[];
};

static piece_t  *pieces;
static size_t    taken;


static void *
take(void *data, size_t size)
{
    piece_t  *p;

    (void) data;

    p = malloc(sizeof(piece_t) + size);
    assert_non_null(p);
    p->next = pieces;
    pieces = p;
    taken += size;

    return p->data;
}


static void
let_go(void)
{
    piece_t  *p;

    while ((p = pieces) != NULL) {
        pieces = p->next;
        free(p);
    }

    taken = 0;
}


static ks_rdb_in_t
input(const u_char *p, size_t len)
{
    ks_rdb_in_t  in;

    memset(&in, 0, sizeof(ks_rdb_in_t));
    in.p = p;
    in.end = p + len;
    in.seed = seed;
    in.alloc = take;
    in.data = NULL;

    return in;
}


static int
read_value(const u_char *p, size_t len, ks_rdb_value_t *v)
{
    ks_rdb_in_t  in;

    in = input(p, len);

    return ks_rdb_read(&in, v);
}


/* --- what a value is, as text: strings, then =score or @time --- */

static char * __attribute__((format(printf, 3, 4)))
add(char *to, char *end, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    to += vsnprintf(to, (size_t) (end - to), fmt, args);
    va_end(args);
    assert_true(to < end);

    return to;
}


#define ID(id)  (unsigned long long) (id).ms, (unsigned long long) (id).seq

/* ids and how many strings they have, figures, groups in brackets */

static void
describe_stream(const ks_rdb_stream_t *s, char *to, char *end)
{
    size_t             i, k;
    ks_rdb_group_t    *g;
    ks_rdb_pending_t  *p;

    for (i = 0; i < s->n; i++) {
        to = add(to, end, " %llu-%llu/%u", ID(s->entries[i].id),
                 s->entries[i].n);
    }

    to = add(to, end, " last %llu-%llu added %u", ID(s->head.last),
             (unsigned) s->head.added);

    for (i = 0; i < s->ngroups; i++) {
        g = &s->groups[i];
        to = add(to, end, " [%.*s %llu-%llu %d", (int) g->name.len,
                 g->name.data, ID(g->last), (int) g->read);

        for (k = 0; k < g->npending; k++) {
            p = &g->pending[k];
            to = add(to, end, " %llu-%llu:%u:%u", ID(p->id),
                     (unsigned) p->delivered, (unsigned) p->count);
        }

        for (k = 0; k < g->nconsumers; k++) {
            to = add(to, end, " %.*s %u %u", (int) g->consumers[k].name.len,
                     g->consumers[k].name.data,
                     (unsigned) g->consumers[k].seen,
                     (unsigned) g->consumers[k].active);
        }

        to = add(to, end, "]");
    }
}


static void
describe(const ks_rdb_value_t *v, char *to, size_t size)
{
    char      *end;
    size_t     i, k;
    ks_str_t  *s;

    end = to + size;
    *to = '\0';

    for (i = 0; i < v->n; i++) {

        for (k = 0; k < v->cols; k++) {
            s = &v->strings[i * v->cols + k];
            to += snprintf(to, (size_t) (end - to), "%s%.*s",
                           i + k ? " " : "", (int) s->len, s->data);
            assert_true(to < end);
        }

        if (v->scores) {
            to += snprintf(to, (size_t) (end - to), "=%.17g", v->scores[i]);
        }

        if (v->expiries) {
            to += snprintf(to, (size_t) (end - to), "@%llu",
                           (unsigned long long) v->expiries[i]);
        }
    }

    if (v->stream) {
        describe_stream(v->stream, to, end);
    }
}


static void
test_forms(void **state)
{
    char             text[1024];
    size_t           i;
    ks_rdb_value_t   v;
    const sample_t  *s;

    (void) state;

    for (i = 0; i < ks_nelts(samples); i++) {
        s = &samples[i];

        if (read_value((u_char *) s->bytes, s->len, &v) != KS_OK) {
            fail_msg("sample %zu is refused: %s", i, s->text);
        }

        assert_int_equal(v.type, s->type);
        describe(&v, text, sizeof(text));
        assert_string_equal(text, s->text);
        let_go();
    }
}


/* not one byte less may do */

static void
test_truncated(void **state)
{
    size_t           i, len;
    u_char          *copy;
    ks_rdb_value_t   v;

    (void) state;

    for (i = 0; i < ks_nelts(samples); i++) {

        for (len = 0; len < samples[i].len; len++) {
            copy = malloc(ks_max(len, 1));
            memcpy(copy, samples[i].bytes, len);
            assert_int_equal(read_value(copy, len, &v), KS_ERR);
            free(copy);
            let_go();
        }
    }
}


static void
test_refused(void **state)
{
    size_t          i;
    ks_rdb_value_t  v;

    static const struct {
        const char  *bytes;
        size_t       len;
        const char  *why;
    } bad[] = {
#define BAD(bytes, why)  { bytes, sizeof(bytes) - 1, why }
        BAD("\x06\1", "a module's value"),
        BAD("\x08\1", "a type that never was"),
        BAD("\x0f\1\1", "a stream without an id"),
        BAD("\x0f\0\0\0\0", "a stream that does not say its groups"),
        BAD("\x1a\1\1", "a type to come"),
        BAD("\xff", "no type at all"),
        BAD("\1\0", "a list without elements"),
        BAD("\2\2\1x\1x", "a member twice"),
        BAD("\2\2\1" "1\xc0\1", "a member twice, in two forms"),
        BAD("\4\2\1f\1v\1f\1w", "a field twice"),
        BAD("\5\2\1m\0\0\0\0\0\0\xf8\x3f\1m\0\0\0\0\0\0\xf0\x3f",
            "a scored member twice"),
        BAD("\5\1\1m\0\0\0\0\0\0\xf8\x7f", "a score that is no number"),
        BAD("\3\1\1m\xfd", "a score that says so"),
        BAD("\3\1\1m\3" "1.x", "a score with something behind it"),
        BAD("\3\1\1m\0", "an empty score"),
        BAD("\3\1\1m\3nan", "a score spelt nan"),
        BAD("\1\x81\xff\xff\xff\xff\xff\xff\xff\xff\1x", "a vast count"),
        BAD("\0\x81\xff\xff\xff\xff\xff\xff\xff\xff\1x", "a vast length"),
        BAD("\0\x82\1x", "a length of no form"),
        BAD("\0\xc4\1", "a string of no encoding"),
        BAD("\1\xc0\1", "a count that is an integer's text"),
        BAD("\0\xc3\3\x81\0\0\0\1\0\0\0\0\x20\0\0", "LZF of 4 GB"),
        BAD("\0\xc3\3\5\x20\0\0", "LZF that refers to before the start"),
        BAD("\0\xc3\2\2\0x", "LZF that is shorter than it says"),
        BAD("\0\xc3\2\0\0x", "LZF that is longer than it says"),
        BAD("\0\xc3\1\1\xe0", "LZF that ends amid a reference"),
        BAD("\x0b\x08\2\0\0\0\0\0\0\0", "an empty intset"),
        BAD("\x0b\x0b\3\0\0\0\1\0\0\0\1\0\0", "an intset of odd integers"),
        BAD("\x0b\x0a\2\0\0\0\2\0\0\0\1\0", "an intset that is short"),
        BAD("\x0b\x0c\2\0\0\0\2\0\0\0\1\0\1\0", "an intset's member twice"),
        BAD("\x10\7\7\0\0\0\0\0\xff", "an empty listpack"),
        BAD("\x10\x0a\x0a\0\0\0\1\0\x81" "a\2\xff", "a field alone"),
        BAD("\x14\x0a\x0b\0\0\0\1\0\x81" "a\2\xff", "a listpack's size"),
        BAD("\x14\x0a\x0a\0\0\0\2\0\x81" "a\2\xff", "a listpack's count"),
        BAD("\x14\x0a\x0a\0\0\0\1\0\x81" "a\3\xff", "an entry's size"),
        BAD("\x14\x0a\x0a\0\0\0\1\0\x82" "a\2\xff", "an entry too long"),
        BAD("\x14\x0a\x0a\0\0\0\1\0\xf5" "a\2\xff", "an entry of no form"),
        BAD("\x14\x0a\x0a\0\0\0\1\0\x81" "a\2\xfe", "no end"),
        BAD("\x11\x0d\x0d\0\0\0\2\0\x81" "a\2\x81" "x\2\xff",
            "a packed score that is none"),
        BAD("\x0a\x0e\x0e\0\0\0\x0a\0\0\0\1\0\1\1x\xff",
            "a ziplist's first with one before"),
        BAD("\x0a\x0d\x0d\0\0\0\x0a\0\0\0\1\0\0\xff\xff",
            "a ziplist's entry of no form"),
        BAD("\x09\4\1\1a\xff", "a zipmap's key alone"),
        BAD("\x09\7\1\1a\1\1x\xff", "a zipmap with too few bytes to spare"),
        BAD("\x12\1\3\1x", "a list's node of no kind"),
        BAD("\x12\1\2\7\7\0\0\0\0\0\xff", "a list of empty nodes"),
        BAD("\x18\xe8\3\0\0\0\0\0\0\1\x81\xff\xff\0\0\0\0\0\0\1f\1v",
            "a time that is too late"),
        BAD("\x18\xff\xff\xff\xff\xff\xff\xff\xff\1\2\1f\1v",
            "a first time that is too late"),
    };

    (void) state;

    for (i = 0; i < ks_nelts(bad); i++) {

        if (read_value((u_char *) bad[i].bytes, bad[i].len, &v) == KS_OK) {
            fail_msg("accepted: %s", bad[i].why);
        }

        let_go();
    }
}


/* --- the footer --- */

/* bit by bit */

static uint64_t
crc64_slowly(const u_char *p, size_t n)
{
    int       i;
    uint64_t  crc;

    for (crc = 0; n > 0; n--) {
        crc ^= *p++;

        for (i = 0; i < 8; i++) {
            crc = (crc >> 1) ^ ((crc & 1) ? 0x95ac9329ac4bc9b5ull : 0);
        }
    }

    return crc;
}


/* of any length, at any place, in one piece and in two */

static void
test_crc64(void **state)
{
    size_t     i, n, cut;
    u_char     b[600];
    uint64_t   crc;
    unsigned   round;

    (void) state;

    srandom(20250102);

    for (round = 0; round < 2000; round++) {

        for (i = 0; i < sizeof(b); i++) {
            b[i] = (u_char) (random() >> 7);
        }

        i = (size_t) random() % 16;
        n = (size_t) random() % (sizeof(b) - i);
        cut = (size_t) random() % (n + 1);
        crc = crc64_slowly(b + i, n);

        assert_true(ks_crc64(b + i, n) == crc);
        assert_true(ks_crc64_more(ks_crc64(b + i, cut), b + i + cut, n - cut)
                    == crc);

        /* a byte becomes another one */

        if (n > 0) {
            cut %= n;
            b[i + cut] ^= 0x02;
            assert_true(ks_crc64_changed(crc, 0x02, n - cut - 1)
                        == crc64_slowly(b + i, n));
        }
    }
}


static void
test_footer(void **state)
{
    u_char    *end, b[32];
    unsigned   i;
    ks_str_t   s;

    (void) state;

    assert_true(ks_crc64((u_char *) "123456789", 9) == 0xe9c6d914c4b8d9caull);
    assert_true(ks_crc64((u_char *) "", 0) == 0);

    /* as Redis 7.0 ends this one */

    memcpy(b, "\0\5hello", 7);
    end = ks_rdb_put_footer(0, b, b + 7);
    assert_memory_equal(b, "\0\5hello\n\0cr\xdfve4 \n", 17);

    s.data = b;
    s.len = (size_t) (end - b);
    assert_int_equal(s.len, 17);
    assert_int_equal(ks_rdb_verify(&s), KS_OK);

    for (i = 0; i < s.len * 8; i++) {
        b[i / 8] ^= (u_char) (1 << i % 8);
        assert_int_equal(ks_rdb_verify(&s), KS_ERR);
        b[i / 8] ^= (u_char) (1 << i % 8);
    }

    for (s.len = 0; s.len < 17; s.len++) {
        assert_int_equal(ks_rdb_verify(&s), KS_ERR);
    }

    for (i = 0; i < 300; i++) {
        ks_put_little(b + 7, i, 2);
        ks_put_little(b + 9, ks_crc64(b, 9), 8);
        assert_int_equal(ks_rdb_verify(&s), i <= 12 ? KS_OK : KS_ERR);
    }
}


/* --- what is written reads back --- */

static const int64_t  edges[] = {
    0, 1, 127, 128, 255, 4095, 4096, 32767, 32768, 65535, 8388607, 8388608,
    2147483647, 2147483648ll, INT64_MAX, -1, -128, -129, -4096, -4097, -32768,
    -32769, -8388608, -8388609, -2147483648ll, -2147483649ll, INT64_MIN
};

static const size_t  lengths[] = {
    0, 1, 62, 63, 64, 65, 124, 125, 126, 127, 128, 4094, 4095, 4096, 4097,
    16375, 16376, 16377, 16378, 16379, 16380, 70000, 2097140, 2097145,
    2097146, 2097147, 2097150
};

typedef struct {
    size_t         n;
    const u_char  *noise;
} expected_t;


static void
expect_element(void *data, const ks_packed_t *el)
{
    expected_t  *x = data;

    if (x->n < ks_nelts(edges)) {
        assert_null(el->data);
        assert_true(el->v == edges[x->n]);

    } else {
        assert_non_null(el->data);
        assert_int_equal(el->len, lengths[x->n - ks_nelts(edges)]);
        assert_memory_equal(el->data, x->noise, el->len);
    }

    x->n++;
}


static void
test_listpack(void **state)
{
    size_t          i, room;
    u_char         *b, *noise;
    ks_str_t        s;
    expected_t      x;
    ks_listpack_t   lp;

    (void) state;

    room = KS_LISTPACK_EMPTY + KS_LISTPACK_ELEMENT * ks_nelts(edges);

    for (i = 0; i < ks_nelts(lengths); i++) {
        room += lengths[i] + KS_LISTPACK_ELEMENT;
    }

    b = malloc(room);
    noise = malloc(2097150);

    for (i = 0; i < 2097150; i++) {
        noise[i] = (u_char) rnd(256);
    }

    ks_listpack_begin(&lp, b);

    for (i = 0; i < ks_nelts(edges); i++) {
        ks_listpack_integer(&lp, edges[i]);
    }

    for (i = 0; i < ks_nelts(lengths); i++) {
        memcpy(ks_listpack_string(&lp, lengths[i]), noise, lengths[i]);
    }

    s.data = b;
    s.len = (size_t) (ks_listpack_end(&lp) - b);
    assert_true(s.len <= room);

    x.n = 0;
    x.noise = noise;
    assert_int_equal(ks_listpack_read(&s, expect_element, &x), KS_OK);
    assert_int_equal(x.n, ks_nelts(edges) + ks_nelts(lengths));

    free(noise);
    free(b);
}


typedef struct {
    const int64_t  *v;
    size_t          n;
} integers_t;


static void
expect_integer(void *data, const ks_packed_t *el)
{
    integers_t  *x = data;

    assert_null(el->data);
    assert_true(el->v == x->v[x->n++]);
}


static void
test_intset(void **state)
{
    size_t      i, k;
    u_char     *p, b[64];
    unsigned    size;
    ks_str_t    s;
    integers_t  x;

    static const struct {
        int64_t  v[3];
        size_t   size;
    } sets[] = {
        { { -32768, 0, 32767 }, 2 },
        { { -32769, 0, 1 }, 4 },
        { { 0, 1, 32768 }, 4 },
        { { -2147483649ll, 0, 1 }, 8 },
        { { INT64_MIN, 0, INT64_MAX }, 8 },
    };

    (void) state;

    for (i = 0; i < ks_nelts(sets); i++) {
        s.data = b;
        p = ks_intset_begin(b, sets[i].v[0], sets[i].v[2], 3, &size);

        for (k = 0; k < 3; k++) {
            p = ks_put_little(p, (uint64_t) sets[i].v[k], size);
        }

        s.len = (size_t) (p - b);
        assert_int_equal(s.len, KS_INTSET_HEADER + 3 * sets[i].size);

        x.v = sets[i].v;
        x.n = 0;
        assert_int_equal(ks_intset_read(&s, expect_integer, &x), KS_OK);
        assert_int_equal(x.n, 3);
    }
}


static void
test_strings(void **state)
{
    char         text[32];
    size_t       i, n;
    u_char      *b, *p;
    ks_str_t     s;
    ks_rdb_in_t  in;

    (void) state;

    for (i = 0; i < ks_nelts(edges); i++) {

        assert_int_equal(ks_rdb_is_short(edges[i]),
                         edges[i] >= INT32_MIN && edges[i] <= INT32_MAX);

        if (!ks_rdb_is_short(edges[i])) {
            continue;
        }

        b = malloc(5);
        p = ks_rdb_put_integer(b, edges[i]);
        in = input(b, (size_t) (p - b));
        assert_int_equal(ks_rdb_string(&in, &s), KS_OK);
        assert_ptr_equal(in.p, in.end);
        n = (size_t) snprintf(text, sizeof(text), "%lld",
                              (long long) edges[i]);
        assert_int_equal(s.len, n);
        assert_memory_equal(s.data, text, n);
        let_go();
        free(b);
    }

    for (i = 0; i < ks_nelts(lengths); i++) {
        b = calloc(1, KS_RDB_LENGTH + lengths[i]);
        p = ks_rdb_put_length(b, lengths[i]);
        in = input(b, (size_t) (p - b) + lengths[i]);
        assert_int_equal(ks_rdb_string(&in, &s), KS_OK);
        assert_int_equal(s.len, lengths[i]);
        assert_ptr_equal(in.p, in.end);

        in = input(b, (size_t) (p - b) + lengths[i] - 1);
        assert_int_equal(ks_rdb_string(&in, &s), KS_ERR);

        ks_rdb_fill_gap(b, (uint32_t) lengths[i]);
        in = input(b, KS_RDB_GAP + lengths[i]);
        assert_int_equal(ks_rdb_string(&in, &s), KS_OK);
        assert_int_equal(s.len, lengths[i]);
        free(b);
    }

    b = malloc(KS_RDB_LENGTH);
    p = ks_rdb_put_length(b, 0x123456789abcdefull);
    assert_int_equal(p - b, 9);
    assert_memory_equal(b, "\x81\x01\x23\x45\x67\x89\xab\xcd\xef", 9);
    free(b);
}


/* --- any bytes --- */

static size_t
mutate(u_char *p, size_t len)
{
    size_t    at, n;
    unsigned  times;

    static const u_char  spiteful[] = {
        0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xe0, 0xf0, 0xf4,
        0xfd, 0xfe, 0xff
    };

    for (times = 1 + rnd(4); times > 0; times--) {
        at = rnd((unsigned) len);

        switch (rnd(7)) {

        case 0:
            p[at] = (u_char) rnd(256);
            break;

        case 1:
            p[at] = spiteful[rnd(sizeof(spiteful))];
            break;

        case 2:
            p[at] ^= (u_char) (1 << rnd(8));
            break;

        case 3:
            p[at] += (u_char) (rnd(2) ? 1 : -1);
            break;

        case 4:                                 /* less */
            n = 1 + rnd((unsigned) (len - at));

            if (n < len) {
                memmove(p + at, p + at + n, len - at - n);
                len -= n;
            }

            break;

        case 5:                                 /* more */
            n = 1 + rnd(40);

            if (len + n <= MAX_DUMP) {
                memmove(p + at + n, p + at, len - at);

                while (n > 0) {
                    p[at + --n] = (u_char) rnd(256);
                    len++;
                }
            }

            break;

        default:                                /* of another type */
            p[0] = (u_char) rnd(27);
            break;
        }
    }

    return len;
}


/* the same of a stream, whose ids ascend and whose groups have all they need */

static size_t
examine_stream(const ks_rdb_value_t *v)
{
    size_t             i, k, owned, strings;
    ks_stream_id_t     last = KS_STREAM_ID_MIN;
    ks_rdb_group_t    *g;
    ks_rdb_stream_t   *s;
    ks_rdb_pending_t  *p;

    s = v->stream;

    for (i = 0, strings = 0; i < s->n; i++) {
        assert_true(ks_stream_id_compare(&s->entries[i].id, &last) > 0);
        assert_true(s->entries[i].n >= 2 && s->entries[i].n % 2 == 0);
        last = s->entries[i].id;
        strings += s->entries[i].n;
    }

    assert_int_equal(strings, v->n);
    assert_int_equal(s->n, s->head.length);
    assert_true(ks_stream_id_compare(&last, &s->head.last) <= 0);

    for (i = 0; i < s->ngroups; i++) {
        g = &s->groups[i];
        owned = 0;

        for (k = 0; k < g->nconsumers; k++) {
            for (p = g->consumers[k].first; p; p = p->next) {
                owned++;
            }
        }

        assert_int_equal(owned, g->npending);
    }

    return strings;
}


/* a value that was accepted is whole: each of its bytes can be read */

static size_t
examine(const ks_rdb_value_t *v)
{
    size_t  i, k, sum;

    assert_true(v->n > 0 || v->stream);
    assert_true(v->cols == (v->type == KS_TYPE_HASH ? 2 : 1));
    assert_int_equal(v->scores != NULL, v->type == KS_TYPE_ZSET);

    for (i = 0, sum = 0; i < v->n * v->cols; i++) {
        for (k = 0; k < v->strings[i].len; k++) {
            sum += v->strings[i].data[k];
        }
    }

    for (i = 0; v->scores && i < v->n; i++) {
        assert_false(isnan(v->scores[i]));
    }

    for (i = 0; v->expiries && i < v->n; i++) {
        assert_true(v->expiries[i] < 1ull << 48);
    }

    assert_int_equal(v->stream != NULL, v->type == KS_TYPE_STREAM);

    return v->stream ? sum + examine_stream(v) : sum;
}


static void
test_any_bytes(void **state)
{
    size_t           i, len, accepted, refused;
    u_char           b[MAX_DUMP + KS_RDB_FOOTER], *copy;
    ks_str_t         s;
    unsigned         round;
    ks_rdb_value_t   v;

    (void) state;

    accepted = 0;
    refused = 0;

    for (i = 0; i < ks_nelts(samples); i++) {

        for (round = 0; round < FUZZ_ROUNDS; round++) {
            memcpy(b, samples[i].bytes, samples[i].len);
            len = mutate(b, samples[i].len);

            s.data = b;
            s.len = (size_t) (ks_rdb_put_footer(0, b, b + len) - b);
            assert_int_equal(ks_rdb_verify(&s), KS_OK);

            /* memory of its very size, whose ends are watched */

            copy = malloc(len);
            memcpy(copy, b, len);

            if (read_value(copy, len, &v) == KS_OK) {
                examine(&v);
                accepted++;

            } else {
                refused++;
            }

            /* no small dump takes much memory, whatever it says */

            assert_true(taken < (len + 64) * 2048);
            let_go();
            free(copy);
        }
    }

    assert_true(accepted > 1000);
    assert_true(refused > 1000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_crc64),
        cmocka_unit_test(test_footer),
        cmocka_unit_test(test_listpack),
        cmocka_unit_test(test_intset),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_any_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
