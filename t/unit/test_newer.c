/*
 * Commands that are newer than the server that referees the others: those of
 * Redis 8.2 to 8.10, and those of Valkey 8.1 to 9.2.  What they reply is known
 * from their documentation and their own tests; where a model is simple, chance
 * says what is asked.
 */

#include "command_test.h"

#include "types/ks_geohash.h"

#include <math.h>


#define ZONE  (8u << 20)

typedef struct {
    const char  *command;
    const char  *reply;         /* lines separated by single spaces */
} row_t;


/* RESP with a space for each CR LF but the last */

static const char *
flat(const char *reply)
{
    static char   copy[65536];
    char         *p;
    size_t        n;

    for (p = copy; *reply != '\0' && p < copy + sizeof(copy) - 1; reply++) {
        if (*reply != '\r') {
            *p++ = (*reply == '\n') ? ' ' : *reply;
        }
    }

    *p = '\0';
    n = (size_t) (p - copy);

    if (n && copy[n - 1] == ' ') {
        copy[n - 1] = '\0';
    }

    return copy;
}


static void
play(box_t *b, const row_t *rows, size_t n)
{
    size_t       i;
    const char  *got;

    for (i = 0; i < n; i++) {
        got = flat(line(b, rows[i].command));

        if (strcmp(got, rows[i].reply) != 0) {
            fail_msg("%s: %s, and not %s", rows[i].command, got,
                     rows[i].reply);
        }
    }

    box_check(b);
}


#define PLAY(...)                                                             \
    do {                                                                      \
        static const row_t   rows_[] = { __VA_ARGS__ };                       \
        box_t               *b_ = box_open(ZONE, KS_NOEVICTION);       \
                                                                              \
        play(b_, rows_, ks_nelts(rows_));                                     \
        box_close(b_);                                                        \
    } while (0)


#define SYNTAX     "-ERR syntax error"
#define WRONGTYPE  "-WRONGTYPE Operation against a key holding the wrong "    \
                   "kind of value"
#define DIGITS     "-ERR must be exactly 16 hexadecimal characters"
#define HELLO      "9555e8555c62dcfd"       /* the digest of hello */


/* --- strings --- */

static void
test_digest(void **state)
{
    (void) state;

    PLAY(
        { "DIGEST k", "$-1" },
        { "SET k hello", "+OK" },
        { "DIGEST k", "$16 " HELLO },
        { "SET k 123", "+OK" },
        { "DIGEST k", "$16 404a763b3f4c8c9a" },
        { "SET k \"\"", "+OK" },
        { "DIGEST k", "$16 2d06800538d394c2" },
        { "SET k v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc"
          "26nnf961u2jkfzkjytls2kwlj7626sd", "+OK" },
        { "DIGEST k", "$16 00006c38adf31777" },
        { "LPUSH l a", ":1" },
        { "DIGEST l", WRONGTYPE },
        { "DIGEST k k", "-ERR wrong number of arguments for 'digest' "
          "command" },
    );
}


/* A string in pieces has the digest that it has in one: SET IFDEQ knows. */

static void
test_digest_long(void **state)
{
    char     text[64], digest[KS_INTEGER_TEXT];
    box_t   *b;
    size_t   i, len, at;
    u_char  *p;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);
    p = malloc(300000);
    assert_non_null(p);

    for (i = 0; i < 300000; i++) {
        p[i] = (u_char) (i * 2654435761u >> 13);
    }

    for (len = 700; len <= 300000; len = len * 3 + 1) {
        assert_string_equal(line_with(b, "SET k", p, len), "+OK\r\n");
        snprintf(digest, 17, "%s", line(b, "DIGEST k") + 5);

        /* as the same bytes have that came one after the other */

        assert_true(integer(line(b, "DEL q")) >= 0);

        for (at = 0; at < len; at += 509) {
            (void) line_with(b, "APPEND q", p + at, ks_min(len - at, 509u));
        }

        snprintf(text, sizeof(text), "DELEX q IFDEQ %.16s", digest);
        assert_string_equal(line(b, text), ":1\r\n");

        p[len / 2] ^= 1;
        assert_string_equal(line_with(b, "DELEX k IFEQ", p, len), ":0\r\n");
        p[len / 2] ^= 1;
        assert_string_equal(line_with(b, "DELEX k IFNE", p, len), ":0\r\n");
        assert_string_equal(line_with(b, "DELEX k IFEQ", p, len - 1), ":0\r\n");
        assert_string_equal(line_with(b, "DELEX k IFEQ", p, len), ":1\r\n");
    }

    free(p);
    box_close(b);
}


static void
test_set_conditions(void **state)
{
    (void) state;

    PLAY(
        { "SET k hello", "+OK" },
        { "SET k a IFEQ other", "$-1" },
        { "SET k a ifeq hello", "+OK" },
        { "GET k", "$1 a" },
        { "SET k b IFNE a", "$-1" },
        { "SET k hello IFNE other", "+OK" },
        { "SET k c IFDEQ 0000000000000000", "$-1" },
        { "SET k c IFDNE " HELLO, "$-1" },
        { "SET k c IFDNE 9555E8555C62DCFD", "$-1" },
        { "SET k c IFDEQ 9555E8555C62DCFD", "+OK" },
        { "SET k hello IFDNE 0000000000000000", "+OK" },
        { "GET k", "$5 hello" },

        /* no such key */
        { "SET no v IFEQ x", "$-1" },
        { "SET no v IFDEQ 12", "$-1" },
        { "EXISTS no", ":0" },
        { "SET no v IFNE x", "+OK" },
        { "DEL no", ":1" },
        { "SET no v IFDNE 12", "+OK" },
        { "DEL no", ":1" },

        /* with GET the old value is the reply, whatever comes of it */
        { "SET k a GET IFEQ other", "$5 hello" },
        { "GET k", "$5 hello" },
        { "SET k a IFEQ hello GET", "$5 hello" },
        { "SET k hello IFNE x GET", "$1 a" },
        { "SET no v IFEQ x GET", "$-1" },
        { "EXISTS no", ":0" },
        { "SET no v IFNE x GET", "$-1" },
        { "GET no", "$1 v" },

        /* times */
        { "SET k hello IFEQ hello EX 100", "+OK" },
        { "TTL k", ":100" },
        { "SET k other IFEQ x", "$-1" },
        { "TTL k", ":100" },
        { "SET k hello IFEQ hello KEEPTTL", "+OK" },
        { "TTL k", ":100" },
        { "SET k hello IFEQ hello PXAT 1", "+OK" },
        { "EXISTS k", ":0" },

        /* what is wrong */
        { "SET k hello", "+OK" },
        { "SET k a IFDEQ 12", DIGITS },
        { "SET k a IFDNE 12 GET", DIGITS },
        { "SET k a IFDEQ \"\"", DIGITS },
        { "SET k a IFEQ", SYNTAX },
        { "SET k a IFEQ hello NX", SYNTAX },
        { "SET k a XX IFEQ hello", SYNTAX },
        { "SET k a IFEQ hello IFNE x", SYNTAX },
        { "SET k a NX XX", SYNTAX },
        { "SET k a IFEQ x IFEQ hello", "+OK" },
        { "LPUSH l a", ":1" },
        { "SET l v IFEQ a", WRONGTYPE },
        { "SET l v IFDNE 12", WRONGTYPE },
        { "SET l v IFNE a GET", WRONGTYPE },
        { "GETEX k IFEQ a", SYNTAX },
    );
}


static void
test_delex(void **state)
{
    static const char  arity[] = "-ERR wrong number of arguments for 'delex' "
                                 "command";

    (void) state;

    PLAY(
        { "DELEX k", ":0" },
        { "DELEX k IFEQ v", ":0" },
        { "DELEX k WHAT v", ":0" },
        { "DELEX k IFDEQ 12", ":0" },
        { "HSET h f v", ":1" },
        { "DELEX h", ":1" },
        { "SET k hello", "+OK" },
        { "DELEX k IFEQ other", ":0" },
        { "DELEX k IFNE hello", ":0" },
        { "DELEX k IFDEQ 0000000000000000", ":0" },
        { "DELEX k IFDNE " HELLO, ":0" },
        { "DELEX k IFDEQ zzzzzzzzzzzzzzzz", ":0" },
        { "DELEX k IFDEQ 12", DIGITS },
        { "DELEX k IF hello", "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, "
          "or IFDNE" },
        { "EXISTS k", ":1" },
        { "DELEX k ifeq hello", ":1" },
        { "EXISTS k", ":0" },
        { "SET k 0123", "+OK" },
        { "DELEX k IFEQ 123", ":0" },
        { "DELEX k IFNE 123", ":1" },
        { "SET k hello", "+OK" },
        { "DELEX k IFDEQ 9555E8555c62dcfd", ":1" },
        { "SET k hello", "+OK" },
        { "DELEX k IFDNE 0000000000000000", ":1" },
        { "RPUSH l a", ":1" },
        { "DELEX l WHAT a", "-ERR Key should be of string type if conditions "
          "are specified" },
        { "DELEX l", ":1" },
        { "DELEX k IFEQ", arity },
        { "DELEX k IFEQ a b", arity },

        { "DELIFEQ k v", ":0" },
        { "SET k 12345", "+OK" },
        { "DELIFEQ k 1234", ":0" },
        { "DELIFEQ k 12345", ":1" },
        { "EXISTS k", ":0" },
        { "RPUSH l a", ":1" },
        { "DELIFEQ l a", WRONGTYPE },
    );
}


static void
test_msetex(void **state)
{
    static const char  numkeys[] = "-ERR invalid numkeys value";
    static const char  pairs[] = "-ERR wrong number of key-value pairs";

    (void) state;

    PLAY(
        { "MSETEX 2 a 1 b 2 EX 5", ":1" },
        { "MGET a b", "*2 $1 1 $1 2" },
        { "TTL b", ":5" },
        { "MSETEX 2 a 3 c 4 NX", ":0" },
        { "MGET a c", "*2 $1 1 $-1" },
        { "MSETEX 2 a 3 c 4 XX", ":0" },
        { "MSETEX 2 a 3 b 4 xx keepttl", ":1" },
        { "TTL a", ":5" },
        { "MSETEX 1 a 5", ":1" },
        { "TTL a", ":-1" },
        { "MSETEX 2 d 1 d 2 NX PX 7000", ":1" },
        { "GET d", "$1 2" },
        { "PTTL d", ":7000" },
        { "MSETEX 2 a 1 d 2 PXAT 1", ":1" },
        { "EXISTS a d", ":0" },
        { "LPUSH l x", ":1" },
        { "MSETEX 1 l v XX", ":1" },
        { "GET l", "$1 v" },
        { "MSETEX a 1 EX 10", numkeys },
        { "MSETEX 0 a 1", numkeys },
        { "MSETEX 2147483648 a 1 EX 10", numkeys },
        { "MSETEX 2147483647 a 1 EX 10", pairs },
        { "MSETEX 2 a 1 b", pairs },
        { "MSETEX 1 a 1 what", SYNTAX },
        { "MSETEX 1 a 1 NX XX", SYNTAX },
        { "MSETEX 1 a 1 GET", SYNTAX },
        { "MSETEX 1 a 1 IFEQ 1", SYNTAX },
        { "MSETEX 1 a 1 EX 1 PX 1", SYNTAX },
        { "MSETEX 1 a 1 KEEPTTL EX 1", SYNTAX },
        { "MSETEX 1 a 1 EX", SYNTAX },
        { "MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' "
          "command" },
        { "EXISTS a", ":0" },
        { "COMMAND GETKEYS MSETEX 2 a 1 b 2 EX 5", "*2 $1 a $1 b" },
    );
}


static void
test_increx(void **state)
{
    static const char  crossed[] = "-ERR LBOUND can't be greater than UBOUND";
    static const char  high[] = "-ERR UBOUND is not an integer or out of range";

    (void) state;

    PLAY(
        { "INCREX k", "*2 :1 :1" },
        { "INCREX k BYINT 5", "*2 :6 :5" },
        { "INCREX k BYINT -10", "*2 :-4 :-10" },
        { "OBJECT ENCODING k", "$3 int" },

        /* bounds are for the sum, and not for the way to it */
        { "SET k 10", "+OK" },
        { "INCREX k BYINT 5 UBOUND 12", "*2 :10 :0" },
        { "INCREX k BYINT 5 LBOUND 20", "*2 :10 :0" },
        { "INCREX k BYINT -5 UBOUND 5", "*2 :5 :-5" },
        { "INCREX k BYINT 5 LBOUND 0 UBOUND 10", "*2 :10 :5" },
        { "INCREX k BYINT 5 UBOUND 12 SATURATE", "*2 :12 :2" },
        { "INCREX k BYINT 5 UBOUND 5 SATURATE", "*2 :5 :-7" },
        { "INCREX k BYINT -5 LBOUND 20 SATURATE", "*2 :20 :15" },
        { "SET k 9223372036854775800", "+OK" },
        { "INCREX k BYINT 10", "*2 :9223372036854775800 :0" },
        { "INCREX k BYINT 10 SATURATE", "*2 :9223372036854775807 :7" },
        { "INCREX k BYINT -5 UBOUND -9223372036854775808 SATURATE",
          "-ERR applied increment would overflow" },
        { "SET k 10", "+OK" },
        { "INCREX k BYINT 9223372036854775807 UBOUND 100 SATURATE",
          "*2 :100 :90" },

        /* no such key */
        { "INCREX no UBOUND 0", "*2 :0 :0" },
        { "EXISTS no", ":0" },
        { "INCREX no UBOUND 0 SATURATE", "*2 :0 :0" },
        { "GET no", "$1 0" },
        { "DEL no", ":1" },
        { "INCREX no LBOUND 5 SATURATE", "*2 :5 :5" },
        { "DEL no", ":1" },
        { "INCREX no XX", "*2 :0 :0" },
        { "INCREX no XX BYFLOAT 1.5", "*2 $1 0 $1 0" },
        { "EXISTS no", ":0" },
        { "INCREX no NX", "*2 :1 :1" },
        { "INCREX no NX", "*2 :1 :0" },
        { "INCREX no XX", "*2 :2 :1" },

        /* times */
        { "SET k 10 EX 500", "+OK" },
        { "INCREX k", "*2 :11 :1" },
        { "TTL k", ":500" },
        { "INCREX k EX 100 ENX", "*2 :12 :1" },
        { "TTL k", ":500" },
        { "INCREX k UBOUND 5 EX 100", "*2 :12 :0" },
        { "TTL k", ":500" },
        { "INCREX k UBOUND 5 PERSIST", "*2 :12 :0" },
        { "TTL k", ":500" },
        { "INCREX k EX 100", "*2 :13 :1" },
        { "TTL k", ":100" },
        { "INCREX k PERSIST", "*2 :14 :1" },
        { "TTL k", ":-1" },
        { "INCREX k PX 9000 ENX", "*2 :15 :1" },
        { "PTTL k", ":9000" },
        { "INCREX k EXAT 100 ENX", "*2 :16 :1" },
        { "PTTL k", ":9000" },
        { "INCREX k EXAT 100", "*2 :17 :1" },
        { "EXISTS k", ":0" },
        { "INCREX k EXAT 100", "*2 :1 :1" },
        { "EXISTS k", ":0" },

        /* with a fraction */
        { "SET k 10", "+OK" },
        { "INCREX k BYFLOAT 2.5 LBOUND 5.0 UBOUND 15.0", "*2 $4 12.5 $3 2.5" },
        { "GET k", "$4 12.5" },
        { "INCREX k", "-ERR value is not an integer or out of range" },
        { "INCREX k BYFLOAT 5.5 UBOUND 12.5", "*2 $4 12.5 $1 0" },
        { "INCREX k BYFLOAT -6 LBOUND 8.0 SATURATE", "*2 $1 8 $4 -4.5" },
        { "INCREX k BYFLOAT 1e4932 UBOUND 100 SATURATE", "*2 $3 100 $2 92" },
        { "INCREX k BYFLOAT 1 UBOUND inf", "*2 $3 101 $1 1" },
        { "INCREX k BYFLOAT 1 LBOUND -inf UBOUND -inf", "*2 $3 101 $1 0" },
        { "INCREX k BYFLOAT 1 LBOUND inf UBOUND inf SATURATE",
          "-ERR applied increment would be Infinity" },
        { "INCREX k BYFLOAT 1 UBOUND -inf", crossed },
        { "INCREX k BYFLOAT 1 LBOUND +inf", crossed },

        /* what is wrong */
        { "INCREX k LBOUND 20 UBOUND 0", crossed },
        { "INCREX k BYFLOAT 1 LBOUND 20 UBOUND 0", crossed },
        { "INCREX k UBOUND 12.5", high },
        { "INCREX k UBOUND inf", high },
        { "INCREX k LBOUND abc",
          "-ERR LBOUND is not an integer or out of range" },
        { "INCREX k BYINT 1.5",
          "-ERR Increment is not an integer or out of range" },
        { "INCREX k BYFLOAT x", "-ERR Increment is not a valid float" },
        { "INCREX k BYFLOAT 1 UBOUND x", "-ERR UBOUND is not a valid float" },
        { "INCREX k ENX", "-ERR ENX flag requires an expiration" },
        { "INCREX k PERSIST ENX", SYNTAX },
        { "INCREX k EX 10 PERSIST", SYNTAX },
        { "INCREX k BYINT 1 BYFLOAT 1", SYNTAX },
        { "INCREX k BYINT 1 BYINT 1", SYNTAX },
        { "INCREX k EX 1 PX 1", SYNTAX },
        { "INCREX k EX 1 EX 1", SYNTAX },
        { "INCREX k SATURATE SATURATE", SYNTAX },
        { "INCREX k NX XX", SYNTAX },
        { "INCREX k BYINT", SYNTAX },
        { "INCREX k what", SYNTAX },
        { "INCREX k EX 0", "-ERR invalid expire time in 'increx' command" },
        { "LPUSH l a", ":1" },
        { "INCREX l", WRONGTYPE },
        { "SET s abc", "+OK" },
        { "INCREX s", "-ERR value is not an integer or out of range" },
        { "INCREX s BYFLOAT 1", "-ERR value is not a valid float" },
    );
}


static void
test_increx_resp3(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);
    b->version = 3;

    assert_string_equal(line(b, "INCREX k BYINT 5"), "*2\r\n:5\r\n:5\r\n");
    assert_string_equal(line(b, "INCREX k BYFLOAT -2.5"),
                        "*2\r\n,2.5\r\n,-2.5\r\n");

    box_close(b);
}


/* --- bits --- */

static void
test_bitop(void **state)
{
    static const char  two[] = "must be called with at least two source keys.";
    char               text[128];
    box_t             *b;
    size_t             i;

    static const char *const  names[] = { "DIFF", "DIFF1", "ANDOR" };

    (void) state;

    b = box_open(ZONE, KS_NOEVICTION);

    for (i = 0; i < ks_nelts(names); i++) {
        snprintf(text, sizeof(text), "-ERR BITOP %s %s", names[i], two);
        assert_string_equal(flat(linef(b, "BITOP %s d a", names[i])), text);
    }

    assert_string_equal(line(b, "SET a abc"), "+OK\r\n");
    assert_string_equal(line(b, "BITOP ONE d a"), ":3\r\n");
    assert_string_equal(flat(line(b, "GET d")), "$3 abc");
    assert_string_equal(line(b, "BITOP DIFF d no a"), ":3\r\n");
    assert_string_equal(line(b, "BITCOUNT d"), ":0\r\n");
    assert_string_equal(line(b, "BITOP DIFF d no nor"), ":0\r\n");
    assert_string_equal(line(b, "EXISTS d"), ":0\r\n");
    assert_string_equal(flat(line(b, "BITOP NOR d a")), SYNTAX);
    assert_string_equal(flat(line(b, "BITOP NOT d a a")), "-ERR BITOP NOT must "
                        "be called with a single source key.");

    box_close(b);
}


#define SOURCES  4

static u_char
bit_model(unsigned op, const u_char *v, unsigned n)
{
    unsigned  i, bit, set, first, others;
    u_char    res;

    for (res = 0, bit = 0; bit < 8; bit++) {

        for (others = 0, i = 1; i < n; i++) {
            others += v[i] >> bit & 1;
        }

        first = v[0] >> bit & 1;

        switch (op) {
        case 0:
            set = first && !others;
            break;
        case 1:
            set = !first && others;
            break;
        case 2:
            set = first && others;
            break;
        case 3:
            set = (first + others == 1);
            break;
        case 4:
            set = (first + others == n);
            break;
        case 5:
            set = first || others;
            break;
        case 6:
            set = (first + others) & 1;
            break;
        default:
            set = !first;
        }

        res |= (u_char) (set << bit);
    }

    return res;
}


/*
 * Strings of any length, some in pieces, some of them missing; the result may
 * take the place of a source.
 */

static void
test_bitop_random(void **state)
{
    char          text[64];
    box_t        *b;
    u_char       *p[SOURCES], v[SOURCES];
    size_t        k, max, len[SOURCES];
    unsigned      i, n, op, round;
    const char   *got, *to;

    static const char *const  names[] = {
        "DIFF", "DIFF1", "ANDOR", "ONE", "AND", "OR", "XOR", "NOT"
    };

    (void) state;

    srandom(20250101);
    b = box_open(ZONE, KS_NOEVICTION);

    for (i = 0; i < SOURCES; i++) {
        p[i] = malloc(20000);
        assert_non_null(p[i]);
    }

    for (round = 0; round < 400; round++) {
        op = round % ks_nelts(names);
        n = (op == 7) ? 1 : 2 + (unsigned) random() % (SOURCES - 1);
        to = (random() & 3) ? "d" : (n > 1 && (random() & 1)) ? "s1" : "s0";

        for (max = 0, i = 0; i < n; i++) {
            len[i] = (size_t) random() % ((random() & 1) ? 20 : 20000);
            max = ks_max(max, len[i]);

            for (k = 0; k < len[i]; k++) {
                p[i][k] = (u_char) (random() >> 7);
            }

            snprintf(text, sizeof(text), "SET s%u", i);
            (void) line_with(b, text, p[i], len[i]);

            if (len[i] == 0) {
                (void) linef(b, "DEL s%u", i);
            }
        }

        (void) snprintf(text, sizeof(text), "BITOP %s %s%.*s", names[op], to,
                        (int) n * 3, " s0 s1 s2 s3");

        assert_int_equal(integer(line(b, text)), max);

        if (max == 0) {
            continue;
        }

        got = linef(b, "GET %s", to);
        got = strchr(got, '\n') + 1;

        for (k = 0; k < max; k++) {

            for (i = 0; i < n; i++) {
                v[i] = k < len[i] ? p[i][k] : 0;
            }

            assert_int_equal((u_char) got[k], bit_model(op, v, n));
        }
    }

    for (i = 0; i < SOURCES; i++) {
        free(p[i]);
    }

    box_close(b);
}


/* --- sets and sorted sets --- */

static void
test_cards(void **state)
{
    static const char  many[] = "-ERR Number of keys can't be greater than "
                                "number of args";
    static const char  none[] = "-ERR numkeys should be greater than 0";

    (void) state;

    PLAY(
        { "SADD a 1 2 3 4", ":4" },
        { "SADD b 3 4 5", ":3" },
        { "SADD c x y", ":2" },
        { "SUNIONCARD 3 a b c", ":7" },
        { "SUNIONCARD 1 a", ":4" },
        { "SUNIONCARD 2 no nor", ":0" },
        { "SUNIONCARD 2 no a", ":4" },
        { "SUNIONCARD 3 a b c LIMIT 5", ":5" },
        { "SUNIONCARD 3 a b c LIMIT 1", ":1" },
        { "SUNIONCARD 3 a b c LIMIT 4", ":4" },
        { "SUNIONCARD 3 a b c limit 0", ":7" },
        { "SUNIONCARD 1 a LIMIT 2", ":2" },
        { "SUNIONCARD 3 a b c APPROX", ":7" },
        { "SUNIONCARD 3 a b c APPROX LIMIT 3", ":3" },
        { "SUNIONCARD 3 a b c LIMIT 3 approx", ":3" },
        { "SDIFFCARD 2 a b", ":2" },
        { "SDIFFCARD 1 a", ":4" },
        { "SDIFFCARD 2 no a", ":0" },
        { "SDIFFCARD 3 a no c", ":4" },
        { "SDIFFCARD 2 a b LIMIT 1", ":1" },
        { "SDIFFCARD 2 a b LIMIT 9", ":2" },
        { "SDIFFCARD 2 a a", ":0" },
        { "SUNIONCARD 0 a", none },
        { "SDIFFCARD x a", none },
        { "SUNIONCARD 2 a", many },
        { "SDIFFCARD 9 a", many },
        { "SUNIONCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative" },
        { "SDIFFCARD 1 a LIMIT", SYNTAX },
        { "SDIFFCARD 1 a APPROX", SYNTAX },
        { "SINTERCARD 1 a APPROX", SYNTAX },
        { "SUNIONCARD 1 a b", SYNTAX },
        { "SET s v", "+OK" },
        { "SUNIONCARD 2 a s", WRONGTYPE },
        { "SDIFFCARD 2 s a", WRONGTYPE },
        { "COMMAND GETKEYS SUNIONCARD 2 a b", "*2 $1 a $1 b" },
    );
}


/* large ones, by both ways to subtract, against what SUNION and SDIFF store */

static void
test_cards_random(void **state)
{
    int       i;
    box_t    *b;
    int64_t   want, got, limit;
    unsigned  round, k;

    (void) state;

    srandom(20250102);
    b = box_open(ZONE, KS_NOEVICTION);

    for (round = 0; round < 60; round++) {
        (void) line(b, "FLUSHALL");

        for (k = 0; k < 3; k++) {
            for (i = (int) (random() % (k ? 100 : 700)); i > 0; i--) {
                (void) linef(b, "SADD s%u %s%ld", k, round % 2 ? "" : "m",
                             random() % 900);
            }
        }

        limit = 1 + random() % 400;

        want = integer(line(b, "SUNIONSTORE d s0 s1 s2"));
        assert_int_equal(integer(line(b, "SUNIONCARD 3 s0 s1 s2")), want);
        got = integer(linef(b, "SUNIONCARD 3 s0 s1 s2 LIMIT %d", (int) limit));
        assert_int_equal(got, ks_min(want, limit));

        got = integer(line(b, "SUNIONCARD 3 s0 s1 s2 APPROX"));
        assert_true(llabs(got - want) <= 5 + want / 20);

        want = integer(line(b, "SDIFFSTORE d s0 s1 s2 s1 s2 s1 s2"));
        assert_int_equal(integer(line(b, "SDIFFCARD 3 s0 s1 s2")), want);
        got = integer(linef(b, "SDIFFCARD 3 s0 s1 s2 LIMIT %d", (int) limit));
        assert_int_equal(got, ks_min(want, limit));
        got = integer(linef(b, "SDIFFCARD 7 s0 s1 s2 s1 s2 s1 s2 LIMIT %d",
                            (int) limit));
        assert_int_equal(got, ks_min(want, limit));
    }

    box_close(b);
}


static void
test_aggregate_count(void **state)
{
    (void) state;

    PLAY(
        { "ZADD a 5 x 7 y", ":2" },
        { "ZADD b 9 y 1 z", ":2" },
        { "SADD c y", ":1" },
        { "ZUNION 3 a b c AGGREGATE COUNT WITHSCORES",
          "*6 $1 x $1 1 $1 z $1 1 $1 y $1 3" },
        { "ZINTER 2 a b aggregate count WITHSCORES", "*2 $1 y $1 2" },
        { "ZUNIONSTORE d 3 a b c WEIGHTS 2 3 0.5 AGGREGATE COUNT", ":3" },
        { "ZRANGE d 0 -1 WITHSCORES",
          "*6 $1 x $1 2 $1 z $1 3 $1 y $3 5.5" },
        { "ZINTERSTORE d 3 a b c WEIGHTS inf -inf 1 AGGREGATE COUNT", ":1" },
        { "ZRANGE d 0 -1 WITHSCORES", "*2 $1 y $1 0" },
        { "ZINTER 2 a a WEIGHTS 2 3 AGGREGATE COUNT WITHSCORES",
          "*4 $1 x $1 5 $1 y $1 5" },
        { "ZUNION 1 a AGGREGATE COUNTS", SYNTAX },
    );
}


/* --- places --- */

#define BAY  "151.21619137411474 -33.869643764947696 "                        \
             "151.20408853981647 -33.87845382042545 "                         \
             "151.2123775086366 -33.87864711938855 "                          \
             "151.21046943124387 -33.87588862400425 "                         \
             "151.21701035939626 -33.874286511854834 "                        \
             "151.2239557405701 -33.8735722632175 "                           \
             "151.22495056246407 -33.87893571656996 "                         \
             "151.2274447496748 -33.882307713036354 "                         \
             "151.23212935868654 -33.88136096120022 "                         \
             "151.23097291274465 -33.87456240592362 "                         \
             "151.22475424781445 -33.87099633192101"

#define STAR  "151.2154285314146 -33.867438205607186 "                        \
              "151.20024487595015 -33.88138572784347 "                        \
              "151.2374118848648 -33.87601765283626 "                         \
              "151.19695829592922 -33.87272872054441 "                        \
              "151.2278336546125 -33.88345323146266"

#define TRIANGLE  "151.2 -33.9 151.3 -33.9 151.25 -33.8"


static void
test_polygon(void **state)
{
    static const char  few[] = "-ERR GEOSEARCH BYPOLYGON must have at least 3 "
                               "vertices";

    (void) state;

    PLAY(
        { "GEOADD g 151.20932132005692 -33.877723137822436 elizabeth "
          "151.2119820713997 -33.87697539508043 connaught "
          "151.2119820713997 -33.87156123068408 archibald "
          "151.2229523062706 -33.883973760201364 oxford "
          "151.22852593660355 -33.88116782387797 goodhope "
          "151.2224105000496 -33.87544442350019 kings "
          "151.22953444719315 -33.874838625143106 bartley", ":7" },
        { "GEOSEARCH g BYPOLYGON 11 " BAY,
          "*3 $8 goodhope $7 bartley $9 elizabeth" },
        { "GEOSEARCH g BYPOLYGON 11 " BAY " WITHDIST ASC",
          "*3 *2 $7 bartley $8 858.3013 *2 $8 goodhope $8 929.4979 "
          "*2 $9 elizabeth $9 1035.7735" },
        { "GEOSEARCH g BYPOLYGON 11 " BAY " DESC COUNT 1",
          "*1 $9 elizabeth" },
        { "GEOSEARCH g BYPOLYGON 5 " STAR,
          "*3 $9 elizabeth $9 archibald $5 kings" },
        { "GEOSEARCHSTORE d g BYPOLYGON 11 " BAY " ASC STOREDIST COUNT 2",
          ":2" },
        { "ZRANGE d 0 -1", "*2 $7 bartley $8 goodhope" },
        { "GEOSEARCH no BYPOLYGON 11 " BAY, "*0" },

        { "GEOSEARCH g BYPOLYGON 2 151.2 -33.8 151.3 -33.8", few },
        { "GEOSEARCH g BYPOLYGON 4 " TRIANGLE, few },
        { "GEOSEARCH g BYPOLYGON -1 " TRIANGLE, few },
        { "GEOSEARCH g BYPOLYGON x " TRIANGLE,
          "-ERR invalid number of vertices" },
        { "GEOSEARCH g BYPOLYGON 3 " TRIANGLE " 151", SYNTAX },
        { "GEOSEARCH g BYPOLYGON 3 " TRIANGLE " BYBOX 4 4 km", SYNTAX },
        { "GEOSEARCH g BYBOX 4 4 km BYPOLYGON 3 " TRIANGLE, SYNTAX },
        { "GEOSEARCH g BYRADIUS 4 km BYPOLYGON 3 " TRIANGLE, SYNTAX },
        { "GEOSEARCH g BYPOLYGON 3 " TRIANGLE " FROMLONLAT 1 1", SYNTAX },
        { "GEOSEARCH g FROMMEMBER kings BYPOLYGON 3 " TRIANGLE, SYNTAX },
        { "GEOSEARCH g BYPOLYGON 3 " TRIANGLE " BYPOLYGON 3 " TRIANGLE,
          SYNTAX },
        { "GEOSEARCH g BYPOLYGON 3 151 -33 151 -99 152 -33",
          "-ERR invalid longitude,latitude pair 151.000000,-99.000000" },
    );
}


/* Whatever the polygon, no member of it is missed, and none comes twice. */

static void
test_polygon_random(void **state)
{
    int              i, want, vertices;
    char             text[2048];
    box_t           *b;
    size_t           len;
    double           spread, distance;
    unsigned         round;
    ks_geo_point_t   middle, polygon[8], at[400];
    ks_geo_shape_t   shape;

    (void) state;

    srandom(20250104);
    b = box_open(ZONE, KS_NOEVICTION);

    for (i = 0; i < 400; i++) {
        at[i].lon = (double) random() / RAND_MAX * 360 - 180;
        at[i].lat = (double) random() / RAND_MAX * 170 - 85;
        (void) linef(b, "GEOADD g %.17g %.17g m%d", at[i].lon, at[i].lat, i);
        at[i] = ks_geo_point(ks_geo_score(&at[i]));
    }

    for (round = 0; round < 400; round++) {
        spread = pow(2, (double) (random() % 9));
        middle.lon = (double) random() / RAND_MAX * 360 - 180;
        middle.lat = (double) random() / RAND_MAX * 170 - 85;
        vertices = 3 + (int) (random() % 6);
        len = (size_t) snprintf(text, sizeof(text), "GEOSEARCH g BYPOLYGON %d",
                                vertices);

        for (i = 0; i < vertices; i++) {
            polygon[i].lon = middle.lon
                             + ((double) random() / RAND_MAX - 0.5) * spread;
            polygon[i].lat = middle.lat
                             + ((double) random() / RAND_MAX - 0.5) * spread;
            polygon[i].lon = fmax(fmin(polygon[i].lon, 180), -180);
            polygon[i].lat = fmax(fmin(polygon[i].lat, 85), -85);

            len += (size_t) snprintf(text + len, sizeof(text) - len,
                                     " %.17g %.17g", polygon[i].lon,
                                     polygon[i].lat);
        }

        memset(&shape, 0, sizeof(shape));
        ks_geo_polygon(&shape, polygon, (unsigned) vertices);

        for (want = 0, i = 0; i < 400; i++) {
            want += ks_geo_within(&shape, &at[i], &distance);
        }

        assert_true(starts(line(b, text), "*"));
        assert_int_equal(strtol(b->reply + 1, NULL, 10), want);

        snprintf(text + len, sizeof(text) - len, " COUNT 1000");
        assert_true(starts(line(b, text), "*"));
        assert_int_equal(strtol(b->reply + 1, NULL, 10), want);
    }

    box_close(b);
}


/* --- lists --- */

static void
test_lmovem(void **state)
{
    static const char  count[] = "-ERR count should be greater than 0";

    (void) state;

    PLAY(
        { "LMOVEM s d LEFT RIGHT", "*-1" },
        { "LMOVEM s d LEFT RIGHT COUNT 5 BULK", "*-1" },
        { "RPUSH s 1 2 3 4 5 6 7 8", ":8" },
        { "LMOVEM s d LEFT RIGHT", "*1 $1 1" },
        { "LMOVEM s d left left count 3 obo", "*3 $1 4 $1 3 $1 2" },
        { "LRANGE d 0 -1", "*4 $1 4 $1 3 $1 2 $1 1" },
        { "LMOVEM d s LEFT LEFT COUNT 2 BULK", "*2 $1 4 $1 3" },
        { "LRANGE s 0 -1", "*6 $1 4 $1 3 $1 5 $1 6 $1 7 $1 8" },
        { "LMOVEM s d RIGHT RIGHT EXACTLY 2 OBO", "*2 $1 8 $1 7" },
        { "LRANGE d 0 -1", "*4 $1 2 $1 1 $1 8 $1 7" },
        { "LMOVEM s d RIGHT RIGHT COUNT 2 BULK", "*2 $1 5 $1 6" },
        { "LRANGE d 0 -1", "*6 $1 2 $1 1 $1 8 $1 7 $1 5 $1 6" },
        { "LMOVEM s d RIGHT LEFT EXACTLY 3 BULK", "*-1" },
        { "LRANGE s 0 -1", "*2 $1 4 $1 3" },
        { "LMOVEM s e RIGHT LEFT COUNT 100 OBO", "*2 $1 4 $1 3" },
        { "EXISTS s", ":0" },
        { "LRANGE e 0 -1", "*2 $1 4 $1 3" },

        /* onto itself */
        { "LMOVEM d d LEFT RIGHT COUNT 2 BULK", "*2 $1 2 $1 1" },
        { "LRANGE d 0 -1", "*6 $1 8 $1 7 $1 5 $1 6 $1 2 $1 1" },
        { "LMOVEM d d RIGHT RIGHT COUNT 9 BULK",
          "*6 $1 8 $1 7 $1 5 $1 6 $1 2 $1 1" },
        { "LRANGE d 0 -1", "*6 $1 8 $1 7 $1 5 $1 6 $1 2 $1 1" },
        { "LMOVEM e e LEFT RIGHT EXACTLY 2 OBO", "*2 $1 4 $1 3" },
        { "LLEN e", ":2" },

        /* what is wrong */
        { "LMOVEM d e LEFT RIGHT COUNT 0 BULK", count },
        { "LMOVEM d e LEFT RIGHT EXACTLY -1 OBO", count },
        { "LMOVEM d e LEFT RIGHT COUNT a BULK", count },
        { "LMOVEM d e LEFT", "-ERR wrong number of arguments for 'lmovem' "
          "command" },
        { "LMOVEM d e LEFT RIGHT COUNT 2", SYNTAX },
        { "LMOVEM d e LEFT RIGHT COUNT 2 OBO more", SYNTAX },
        { "LMOVEM d e LEFT RIGHT MANY 2 OBO", SYNTAX },
        { "LMOVEM d e LEFT RIGHT COUNT 2 ANY", SYNTAX },
        { "LMOVEM d e UP RIGHT", SYNTAX },
        { "LMOVEM d e LEFT UP COUNT 2 OBO", SYNTAX },
        { "SET s v", "+OK" },
        { "LMOVEM s d LEFT RIGHT", WRONGTYPE },
        { "LMOVEM d s LEFT RIGHT COUNT 2 BULK", WRONGTYPE },
        { "LLEN d", ":6" },
    );
}


static void
same_lists(box_t *b, const char *one, const char *two)
{
    char  *want;

    want = strdup(linef(b, "LRANGE %s 0 -1", one));
    assert_non_null(want);
    assert_string_equal(linef(b, "LRANGE %s 0 -1", two), want);
    free(want);
}


/* Long lists of long and short elements, as LMOVE and LPUSH would do it. */

static void
test_lmovem_random(void **state)
{
    long      n, i;
    box_t    *b;
    unsigned  round, from, to, bulk;

    static const char *const  ends[] = { "LEFT", "RIGHT" };

    (void) state;

    srandom(20250103);
    b = box_open(ZONE, KS_NOEVICTION);

    for (round = 0; round < 150; round++) {
        (void) line(b, "FLUSHALL");

        for (i = 1 + random() % 60; i > 0; i--) {
            (void) linef(b, "RPUSH s %ld%0*d", random() % 1000,
                         (random() & 15) ? 1 : 900, 7);
        }

        (void) line(b, "COPY s t");
        (void) line(b, "RPUSH d first last");
        (void) line(b, "RPUSH e first last");

        n = 1 + random() % 70;
        from = round & 1;
        to = round >> 1 & 1;
        bulk = round >> 2 & 1;

        (void) linef(b, "LMOVEM s d %s %s COUNT %ld %s", ends[from], ends[to],
                     n, bulk ? "BULK" : "OBO");

        /* one by one; in one piece it is as if by way of a third list */

        if (bulk && from == to) {
            for (i = 0; i < n; i++) {
                (void) linef(b, "LMOVE t x %s %s", ends[from], ends[!to]);
            }

            for (i = 0; i < n; i++) {
                (void) linef(b, "LMOVE x e %s %s", ends[!to], ends[to]);
            }

        } else {
            for (i = 0; i < n; i++) {
                (void) linef(b, "LMOVE t e %s %s", ends[from], ends[to]);
            }
        }

        same_lists(b, "d", "e");
        same_lists(b, "s", "t");
    }

    box_close(b);
}


/* --- what is little --- */

static void
test_little(void **state)
{
    (void) state;

    PLAY(
        { "MODULE LIST", "*0" },
        { "MODULE LOAD /tmp/x.so", "-ERR unknown subcommand 'LOAD'. Try "
          "MODULE HELP." },
        { "HSETEX h XX EX 10 FIELDS 1 f v", ":0" },
        { "EXISTS h", ":0" },
        { "HSETEX h NX EX 10 FIELDS 1 f v", ":1" },
        { "HSETEX h NX FIELDS 1 f w", ":0" },
        { "HSETEX h XX FNX FIELDS 1 f w", ":0" },
        { "HSETEX h xx FXX KEEPTTL FIELDS 1 f w", ":1" },
        { "HTTL h FIELDS 1 f", "*1 :10" },
        { "HGET h f", "$1 w" },
        { "HSETEX h FXX NX FIELDS 1 f x", ":0" },
        { "HSETEX h NX XX FIELDS 1 f x",
          "-ERR Only one of XX or NX arguments can be specified" },
    );
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_digest),
        cmocka_unit_test(test_digest_long),
        cmocka_unit_test(test_set_conditions),
        cmocka_unit_test(test_delex),
        cmocka_unit_test(test_msetex),
        cmocka_unit_test(test_increx),
        cmocka_unit_test(test_increx_resp3),
        cmocka_unit_test(test_bitop),
        cmocka_unit_test(test_bitop_random),
        cmocka_unit_test(test_cards),
        cmocka_unit_test(test_cards_random),
        cmocka_unit_test(test_aggregate_count),
        cmocka_unit_test(test_polygon),
        cmocka_unit_test(test_polygon_random),
        cmocka_unit_test(test_little),
        cmocka_unit_test(test_lmovem),
        cmocka_unit_test(test_lmovem_random)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
