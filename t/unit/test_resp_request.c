/*
 * The RESP parser: every way that bytes can arrive in pieces, in a buffer that
 * moves with each of them; errors and limits; and bytes at random.
 *
 * What is expected here is what redis-server 7.0 does with the same bytes.
 */

#include "protocol_test.h"

#include "protocol/ks_resp_request.h"


#define TEXT_MAX  120000

/* a connection: the bytes that have arrived, and what came out of them */
typedef struct {
    ks_resp_request_t   rq;
    u_char             *buf;        /* of exactly len bytes */
    size_t              len;
    ks_resp_rc_t        rc;
    char               *text;       /* a line a command */
    size_t              used;
    unsigned            calls;
    unsigned            cut;        /* by the short way */
} conn_t;


static void
conn_open(conn_t *c)
{
    memset(c, 0, sizeof(*c));
    ks_resp_request_init(&c->rq);

    c->text = malloc(TEXT_MAX);
    assert_non_null(c->text);
    c->text[0] = '\0';
    c->rc = KS_RESP_AGAIN;
}


static void
conn_close(conn_t *c)
{
    ks_resp_request_free(&c->rq);
    free(c->buf);
    free(c->text);
}


static void
conn_note(conn_t *c, const u_char *start)
{
    int            i;
    const u_char  *from;

    for (i = 0; i < c->rq.argc; i++) {
        from = (c->rq.text != NULL && c->rq.argv[i].data >= c->rq.text
                && c->rq.argv[i].data <= c->rq.text + c->rq.used)
               ? c->rq.text : start;

        assert_true(c->rq.argv[i].data >= from);
        assert_true(c->rq.argv[i].data + c->rq.argv[i].len
                    <= from + c->rq.used);

        if (i) {
            c->text[c->used++] = '|';
        }

        c->used += render_bytes(c->text + c->used, c->rq.argv[i].data,
                                c->rq.argv[i].len);
        assert_true(c->used < TEXT_MAX - 2);
    }

    if (c->rq.argc) {
        c->text[c->used++] = '\n';
    }

    c->text[c->used] = '\0';
}


/* ks_resp_parse(), and the short way has to say the same or nothing */

static ks_resp_rc_t
conn_parse(conn_t *c, u_char *start, u_char *end)
{
    int           i, argc;
    size_t        len;
    u_char       *next, *copy;
    ks_str_t      argv[64];
    ks_resp_rc_t  rc;

    len = (size_t) (end - start);
    copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, start, len);

    argc = 0;
    next = ks_resp_cut(&c->rq, start, end, argv, 64, &argc);
    rc = ks_resp_parse(&c->rq, start, end);

    assert_memory_equal(copy, start, len);      /* to be parsed again */
    free(copy);

    if (next == NULL) {
        return rc;
    }

    c->cut++;
    assert_int_equal(rc, KS_RESP_COMMAND);
    assert_ptr_equal(next, start + c->rq.used);
    assert_int_equal(argc, c->rq.argc);

    for (i = 0; i < argc; i++) {
        assert_ptr_equal(argv[i].data, c->rq.argv[i].data);
        assert_int_equal(argv[i].len, c->rq.argv[i].len);
    }

    return rc;
}


/* the commands that are there; what they took leaves the buffer */

static void
conn_run(conn_t *c)
{
    u_char  *start, *end, *rest;

    start = c->buf;
    end = c->buf + c->len;

    for ( ;; ) {
        c->calls++;
        c->rc = conn_parse(c, start, end);

        if (c->rc != KS_RESP_COMMAND) {
            break;
        }

        assert_true(c->rq.used > 0);
        assert_true(c->rq.used <= (size_t) (end - start));
        conn_note(c, start);
        start += c->rq.used;
    }

    c->len = (size_t) (end - start);
    rest = test_copy(start, c->len);
    free(c->buf);
    c->buf = rest;

    if (c->rc == KS_RESP_AGAIN) {
        assert_true(c->rq.wanted == 0 || c->rq.wanted > c->len);
    }
}


static void
conn_feed(conn_t *c, const void *p, size_t len)
{
    u_char  *buf;

    if (c->rc == KS_RESP_ERROR) {
        return;
    }

    buf = malloc(c->len + len);
    assert_non_null(buf);

    if (c->len) {
        memcpy(buf, c->buf, c->len);
    }

    memcpy(buf + c->len, p, len);
    free(c->buf);
    c->buf = buf;
    c->len += len;

    conn_run(c);
}


static void
conn_expect(conn_t *c, const char *text, const char *error)
{
    assert_string_equal(c->text, text);

    if (error != NULL) {
        assert_int_equal(c->rc, KS_RESP_ERROR);
        assert_string_equal(c->rq.error, error);

    } else {
        assert_int_equal(c->rc, KS_RESP_AGAIN);
    }
}


/* --- a corpus --- */

typedef struct {
    const char  *in;
    size_t       len;
    const char  *out;
    const char  *error;
} case_t;

#define GOOD(in, out)       { in, sizeof(in) - 1, out, NULL }
#define BAD(in, out, error)                                                   \
    { in, sizeof(in) - 1, out, "ERR Protocol error: " error }

static const case_t  cases[] = {
    GOOD("*1\r\n$4\r\nPING\r\n", "PING\n"),
    GOOD("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", "SET|k|\n"),
    GOOD("*2\r\n$3\r\nGET\r\n$10\r\n0123456789\r\n*1\r\n$4\r\nQUIT\r\n",
         "GET|0123456789\nQUIT\n"),
    GOOD("*1\r\n$7\r\na\r\nb\0\r\n\r\n", "a\\x0d\\x0ab\\x00\\x0d\\x0a\n"),
    GOOD("*0\r\n*-1\r\n*-5\r\n\r\n*1\r\n$1\r\na\r\n", "a\n"),
    GOOD("*-9223372036854775808\r\nb\r\n", "b\n"),
    GOOD("*1\r\n$4\r\nPINGxx*1\r\n$1\r\nb\r\n", "PING\nb\n"),
    GOOD("*1\rx$4\rxPINGxx*1\r\n$1\r\nb\r\n", "PING\nb\n"),
    GOOD("*17\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n"
         "$1\r\n6\r\n$1\r\n7\r\n$1\r\n8\r\n$1\r\n9\r\n$1\r\na\r\n$1\r\nb\r\n"
         "$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n$1\r\ng\r\n$1\r\nh\r\n"
         "*1\r\n$1\r\nz\r\n",
         "1|2|3|4|5|6|7|8|9|a|b|c|d|e|f|g|h\nz\n"),

    /* not complete */
    GOOD("*1", ""), GOOD("*1\r", ""), GOOD("*", ""), GOOD("", ""),
    GOOD("*2\r\n$1\r\na\r\n", ""), GOOD("*1\r\n$1\r\na", ""),
    GOOD("*1\r\n$1\r\na\r", ""), GOOD("*1\r\n$", ""), GOOD("*1\r\n\0", ""),
    GOOD("PING", ""), GOOD("PING\r", ""), GOOD("PING \"a", ""),
    GOOD("*2147483647\r\n", ""), GOOD("*1\r\n$536870912\r\n", ""),

    BAD("*2147483648\r\n", "", "invalid multibulk length"),
    BAD("*99999999999999999999\r\n", "", "invalid multibulk length"),
    BAD("*abc\r\n", "", "invalid multibulk length"),
    BAD("*\r\n", "", "invalid multibulk length"),
    BAD("*+1\r\n", "", "invalid multibulk length"),
    BAD("*01\r\n", "", "invalid multibulk length"),
    BAD("*-0\r\n", "", "invalid multibulk length"),
    BAD("*1 \r\n", "", "invalid multibulk length"),
    BAD("*1\0\r\n", "", "invalid multibulk length"),
    BAD("*1\n\n$4\r\nPING\r\n", "", "invalid multibulk length"),
    BAD("*1\r\n$536870913\r\n", "", "invalid bulk length"),
    BAD("*1\r\n$-1\r\n", "", "invalid bulk length"),
    BAD("*1\r\n$\r\n", "", "invalid bulk length"),
    BAD("*1\r\n$04\r\n", "", "invalid bulk length"),
    BAD("*1\r\n$9223372036854775808\r\n", "", "invalid bulk length"),
    BAD("*1\r\n$1a\r\n", "", "invalid bulk length"),
    BAD("*1\r\n+4\r\n", "", "expected '$', got '+'"),
    BAD("*1\r\n\r\n", "", "expected '$', got '\r'"),
    BAD("a\r\n*1\r\n$1\r\nb\r\n*1\r\n:1\r\n", "a\nb\n",
        "expected '$', got ':'"),

    /* inline */
    GOOD("PING\r\n", "PING\n"), GOOD("PING\n", "PING\n"),
    GOOD("PING\r\r\n", "PING\n"),
    GOOD("  \r\n\r\n \n SET  k\tv \n", "SET|k|v\n"),
    GOOD("PING 'a\\'b' 'c\\n'\r\n", "PING|a'b|c\\x5cn\n"),
    GOOD("x \"\\x41\\n\\r\\t\\b\\a\\q\\\"\\xzz\\x4\" \"\"\r\n",
         "x|A\\x0a\\x0d\\x09\\x08\\x07q\"xzzx4|\n"),
    GOOD("'' a\r\n\"\"\n", "|a\n\n"),
    GOOD("PING a\"b c\" d\r\n", "PING|ab c|d\n"),
    GOOD("PING\v\f a\r\n", "PING\\x0b\\x0c|a\n"),
    GOOD("\v\fPING\r\n", "PING\n"),
    GOOD("1 2 3 4 5 6 7 8 9 a b c d e f g h\nz\n",
         "1|2|3|4|5|6|7|8|9|a|b|c|d|e|f|g|h\nz\n"),
    GOOD("a\r\n*1\r\n$1\r\nb\r\nc\n", "a\nb\nc\n"),
    BAD("PING \"a\r\n", "", "unbalanced quotes in request"),
    BAD("PING 'a\r\n", "", "unbalanced quotes in request"),
    BAD("PING \"a\\\r\n", "", "unbalanced quotes in request"),
    BAD("PING \"a\"b\r\n", "", "unbalanced quotes in request"),
    BAD("x\nPING 'a'b\r\n", "x\n", "unbalanced quotes in request"),
};


static void
feed_case(const case_t *t, size_t first, size_t second)
{
    conn_t  c;

    conn_open(&c);

    if (first) {
        conn_feed(&c, t->in, first);
    }

    if (second > first) {
        conn_feed(&c, t->in + first, second - first);
    }

    if (t->len > second) {
        conn_feed(&c, t->in + second, t->len - second);
    }

    conn_expect(&c, t->out, t->error);
    conn_close(&c);
}


static void
test_splits(void **state)
{
    size_t  i, a, b;

    (void) state;

    for (i = 0; i < ks_nelts(cases); i++) {
        for (a = 0; a <= cases[i].len; a++) {
            for (b = a; b <= cases[i].len; b++) {
                feed_case(&cases[i], a, b);
            }
        }
    }
}


static void
test_bytes(void **state)
{
    size_t  i, k;
    conn_t  c;

    (void) state;

    for (i = 0; i < ks_nelts(cases); i++) {
        conn_open(&c);

        for (k = 0; k < cases[i].len; k++) {
            conn_feed(&c, cases[i].in + k, 1);
        }

        conn_expect(&c, cases[i].out, cases[i].error);
        conn_close(&c);
    }
}


/* --- before a password --- */

static void
feed_guest(const char *in, const char *out, const char *error)
{
    size_t  k;
    conn_t  c;

    conn_open(&c);
    c.rq.guest = 1;

    for (k = 0; k < strlen(in); k++) {
        conn_feed(&c, in + k, 1);
    }

    conn_expect(&c, out, error);
    conn_close(&c);

    conn_open(&c);
    c.rq.guest = 1;
    conn_feed(&c, in, strlen(in));
    conn_expect(&c, out, error);
    conn_close(&c);
}


static void
test_guest(void **state)
{
    conn_t  c;

    (void) state;

    feed_guest("*11\r\n", "",
               "ERR Protocol error: unauthenticated multibulk length");
    feed_guest("*10\r\n$16384\r\n", "", NULL);
    feed_guest("*1\r\n$16385\r\n", "",
               "ERR Protocol error: unauthenticated bulk length");
    feed_guest("a b c d e f g h i j k l\r\n",
               "a|b|c|d|e|f|g|h|i|j|k|l\n", NULL);

    conn_open(&c);
    c.rq.guest = 1;
    conn_feed(&c, LIT("*1\r\n$1\r\na\r\n"));
    c.rq.guest = 0;
    conn_feed(&c, LIT("*11\r\n$16385\r\n"));
    conn_expect(&c, "a\n", NULL);
    assert_int_equal(c.rq.wanted, 5 + 8 + 16385 + 2);
    conn_close(&c);
}


/* --- lines that do not end --- */

/* a line that begins at the end of head, as long as it may be, and a byte */

static void
feed_endless(const char *head, char fill, size_t piece, const char *error)
{
    char    *in;
    size_t   n, left;
    conn_t   c;

    in = malloc(65536);
    assert_non_null(in);
    memset(in, fill, 65536);

    conn_open(&c);
    conn_feed(&c, head, strlen(head));

    for (left = 65536 - c.rq.seen; left; left -= n) {
        n = ks_min(left, piece);
        conn_feed(&c, in, n);
    }

    conn_expect(&c, "", NULL);
    conn_feed(&c, in, 1);
    conn_expect(&c, "", error);

    conn_close(&c);
    free(in);
}


static void
test_limits(void **state)
{
    char    *in;
    size_t   piece;
    conn_t   c;

    (void) state;

    for (piece = 1000; piece <= 65536; piece += 64536) {
        feed_endless("x", 'x', piece,
                     "ERR Protocol error: too big inline request");
        feed_endless("*", '1', piece,
                     "ERR Protocol error: too big mbulk count string");
        feed_endless("*1\r\n", '$', piece,
                     "ERR Protocol error: too big bulk count string");
    }

    /* with its end in sight a line may be longer */

    in = malloc(70002);
    assert_non_null(in);
    memset(in, 'x', 70000);
    memcpy(in + 70000, "\r\n", 2);

    conn_open(&c);
    conn_feed(&c, in, 70002);
    assert_int_equal(c.rc, KS_RESP_AGAIN);
    assert_int_equal(c.used, 70001);
    conn_close(&c);
    free(in);
}


/* --- large commands --- */

static void
test_many_arguments(void **state)
{
    int     i, k;
    char    text[64];
    size_t  n;
    conn_t  c;

    (void) state;

    conn_open(&c);

    for (k = 0; k < 3; k++) {
        c.used = 0;
        c.text[0] = '\0';
        conn_feed(&c, LIT("*5000\r\n"));

        for (i = 0; i < 4999; i++) {
            n = (size_t) sprintf(text, "$4\r\n%04d\r\n", i);
            conn_feed(&c, text, n);
        }

        assert_int_equal(c.used, 0);
        conn_feed(&c, LIT("$4\r\nlast\r\n*1\r\n$1\r\na\r\n"));

        assert_int_equal(c.used, 5000 * 5 + 2);
        assert_memory_equal(c.text, "0000|0001|0002|", 15);
        assert_memory_equal(c.text + 4998 * 5, "4998|last\na\n", 12);

        /* and the room for them is given back */

        assert_ptr_equal(c.rq.argv, c.rq.small);
    }

    conn_close(&c);
}


static void
test_large_argument(void **state)
{
    conn_t   c;
    size_t   n;
    u_char  *big;

    (void) state;

    n = 100000;
    big = malloc(n);
    assert_non_null(big);
    memset(big, 'b', n);

    conn_open(&c);
    conn_feed(&c, LIT("*2\r\n$3\r\nGET\r\n"));
    assert_int_equal(c.rq.wanted, 0);
    conn_feed(&c, LIT("$100000"));
    assert_int_equal(c.rq.wanted, 0);
    conn_feed(&c, LIT("\r\n"));
    assert_int_equal(c.rq.wanted, 4 + 9 + 9 + n + 2);

    conn_feed(&c, big, n);
    assert_int_equal(c.rq.wanted, 4 + 9 + 9 + n + 2);
    conn_feed(&c, LIT("\r"));
    assert_int_equal(c.used, 0);
    conn_feed(&c, LIT("\n"));
    assert_int_equal(c.used, 4 + n + 1);
    assert_int_equal(c.rq.wanted, 0);

    conn_close(&c);
    free(big);
}


/*
 * The bytes of an argument are not looked at again and again: many small
 * pieces take about as many calls as there are pieces, and each call goes on
 * where the last one was.
 */

static void
test_resumes(void **state)
{
    int     i;
    conn_t  c;

    (void) state;

    conn_open(&c);
    conn_feed(&c, LIT("*2\r\n$3\r\nGET\r\n$50\r\n"));

    for (i = 0; i < 51; i++) {
        conn_feed(&c, "v", 1);
        assert_int_equal(c.rq.at, 4 + 9 + 5);
        assert_int_equal(c.rq.argc, 1);
    }

    conn_feed(&c, "v", 1);
    assert_int_equal(c.used, 4 + 50 + 1);
    conn_close(&c);

    conn_open(&c);

    for (i = 1; i < 1000; i++) {
        conn_feed(&c, "v", 1);
        assert_int_equal(c.rq.seen, i);
    }

    conn_close(&c);
}


/* --- bytes at random --- */

/*
 * The same bytes in one piece and in random pieces: the same commands, the
 * same error, and nothing read or written beyond the end (which a sanitizer
 * sees, as the buffers have no byte too many).
 */

static void
test_random_bytes(void **state)
{
    int        i;
    size_t     k, n, len;
    conn_t     whole, parts;
    u_char     in[120];
    uint64_t   seed;
    size_t     errors, commands;

    static const char  letters[] = "*$\r\n\r\n\r\n0123a \"'\\x-";

    (void) state;

    seed = 20240229;
    errors = 0;
    commands = 0;

    for (i = 0; i < 60000; i++) {
        len = test_random(&seed, sizeof(in)) + 1;

        for (k = 0; k < len; k++) {
            in[k] = (u_char) letters[test_random(&seed, sizeof(letters))];

            if (in[k] == '*' && len - k > 16 && test_random(&seed, 2)) {
                memcpy(in + k, "*2\r\n$1\r\na\r\n$2\r\n", 16);
                k += 15;
            }
        }

        conn_open(&whole);
        conn_open(&parts);
        conn_feed(&whole, in, len);

        for (k = 0; k < len; k += n) {
            n = test_random(&seed, 5) + 1;
            n = ks_min(n, len - k);
            conn_feed(&parts, in + k, n);
        }

        assert_string_equal(parts.text, whole.text);
        assert_int_equal(parts.rc, whole.rc);

        if (whole.rc == KS_RESP_ERROR) {
            assert_string_equal(parts.rq.error, whole.rq.error);
            errors++;
        }

        commands += (whole.used != 0);
        conn_close(&whole);
        conn_close(&parts);
    }

    assert_true(errors > 10000);
    assert_true(commands > 10000);
}


/* a whole command of plain arguments is cut; one that is not is left */

static void
test_cut(void **state)
{
    int                i, n, argc;
    char               in[64];
    u_char            *p, *end;
    ks_str_t           argv[3];
    ks_resp_request_t  rq;

    static const char *const  left[] = {
        "*0\r\n+OK\r\n+OK\r\n", "*-1\r\n$4\r\nPING\r\n", "PING\r\nPING\r\n",
        "*4\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n",
        "*1\r\n$0\r\n\r\n*1\r\n", "*1\r\n:4\r\nPING\r\n",
        "*1\r\n$9999999999\r\nPING\r\n", "*1\r\n$04\r\nPING\r\n",
        "*01\r\n$4\r\nPING\r\n", "*1\r\n$x\r\nPING\r\n",
    };

    (void) state;
    ks_resp_request_init(&rq);

    for (i = 0; i < (int) (sizeof(left) / sizeof(left[0])); i++) {
        n = (int) strlen(left[i]);
        p = test_copy(left[i], (size_t) n);
        assert_null(ks_resp_cut(&rq, p, p + n, argv, 3, &argc));
        free(p);
    }

    n = sprintf(in, "*2\r\n$3\r\nGET\r\n$12\r\nkey:00000001\r\n");

    for (i = 0; i <= n; i++) {
        p = test_copy(in, (size_t) i);
        end = ks_resp_cut(&rq, p, p + i, argv, 3, &argc);
        assert_true(end == (i < n ? NULL : p + n));
        free(p);
    }

    assert_int_equal(argc, 2);
    assert_int_equal(argv[0].len, 3);
    assert_int_equal(argv[1].len, 12);

    p = test_copy(in, (size_t) n);
    rq.guest = 1;
    assert_null(ks_resp_cut(&rq, p, p + n, argv, 3, &argc));
    rq.guest = 0;
    assert_int_equal(ks_resp_parse(&rq, p, p + n - 1), KS_RESP_AGAIN);
    assert_null(ks_resp_cut(&rq, p, p + n, argv, 3, &argc));
    free(p);

    ks_resp_request_free(&rq);
}


/* Commands of all sizes, encoded and cut at random, come out as they were. */

static void
test_random_commands(void **state)
{
    int        i, k, argc;
    char      *in, *expected;
    size_t     n, len, at, m;
    conn_t     c;
    u_char     arg[400];
    unsigned   cut;
    uint64_t   seed;

    (void) state;

    in = malloc(TEXT_MAX);
    expected = malloc(TEXT_MAX);
    assert_non_null(in);
    assert_non_null(expected);
    seed = 42;
    cut = 0;

    for (i = 0; i < 300; i++) {
        len = 0;
        m = 0;

        while (len < 8000) {
            argc = 1 + (int) test_random(&seed, 40);
            len += (size_t) sprintf(in + len, "*%d\r\n", argc);

            for (k = 0; k < argc; k++) {
                n = test_random(&seed, 8) ? test_random(&seed, 12)
                                          : test_random(&seed, sizeof(arg));

                for (at = 0; at < n; at++) {
                    arg[at] = (u_char) test_random(&seed, 256);
                }

                len += (size_t) sprintf(in + len, "$%zu\r\n", n);
                memcpy(in + len, arg, n);
                memcpy(in + len + n, "\r\n", 2);
                len += n + 2;

                m += render_bytes(expected + m, arg, n);
                expected[m++] = (k + 1 < argc) ? '|' : '\n';
            }
        }

        expected[m] = '\0';
        conn_open(&c);

        for (at = 0; at < len; at += n) {
            n = test_random(&seed, 600) + 1;
            n = ks_min(n, len - at);
            conn_feed(&c, in + at, n);
        }

        conn_expect(&c, expected, NULL);
        assert_int_equal(c.len, 0);
        cut += c.cut;
        conn_close(&c);
    }

    assert_true(cut > 50);

    free(in);
    free(expected);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_guest),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many_arguments),
        cmocka_unit_test(test_large_argument),
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_random_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
