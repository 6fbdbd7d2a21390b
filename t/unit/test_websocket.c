/*
 * WebSocket: the handshake, headers of frames, and what clients send, whole and
 * in pieces, right and wrong.
 */

#include "protocol_test.h"

#include "protocol/ks_websocket.h"


static void
check_accept(const char *key, const char *want)
{
    u_char    accept[KS_WS_ACCEPT];
    ks_str_t  s;

    s.data = (u_char *) key;
    s.len = strlen(key);

    if (want == NULL) {
        assert_int_equal(ks_ws_accept(&s, accept), KS_ERR);
        return;
    }

    assert_int_equal(ks_ws_accept(&s, accept), KS_OK);
    assert_memory_equal(accept, want, KS_WS_ACCEPT);
}


static void
test_accept(void **state)
{
    (void) state;

    /* of RFC 6455, section 1.3 */
    check_accept("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    check_accept("AAAAAAAAAAAAAAAAAAAAAA==", "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");

    check_accept("", NULL);
    check_accept("dGhlIHNhbXBsZSBub25jZQ=", NULL);
    check_accept("dGhlIHNhbXBsZSBub25jZQ=a", NULL);
    check_accept("dGhlIHNhbXBsZSBub25jZR==", NULL);
    check_accept("dGhlIHNhbXBs ZSBub25jZ==", NULL);
    check_accept("dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==", NULL);
}


static void
check_header(size_t len, const char *want, size_t size)
{
    u_char  head[KS_WS_HEADER_MAX];

    assert_int_equal(ks_ws_header_size(len), size);
    assert_int_equal(ks_ws_header(head, KS_WS_TEXT, len) - head, size);
    assert_memory_equal(head, want, size);
}


static void
test_headers(void **state)
{
    u_char  close[2 + KS_WS_HEADER_MAX];

    (void) state;

    check_header(0, LIT("\x81\x00"));
    check_header(125, LIT("\x81\x7d"));
    check_header(126, LIT("\x81\x7e\x00\x7e"));
    check_header(65535, LIT("\x81\x7e\xff\xff"));
    check_header(65536, LIT("\x81\x7f\0\0\0\0\0\x01\0\0"));

    assert_int_equal(ks_ws_close(close, KS_WS_RESTART) - close, 4);
    assert_memory_equal(close, "\x88\x02\x03\xf4", 4);
}


/* What a frame is, as text: "ping hello", "close 1000 bye", "text 5". */

static void
say_frame(char *to, const ks_ws_frame_t *f)
{
    static const char *const  names[] = {
        "", "text", "binary", "", "", "", "", "", "close", "ping", "pong"
    };

    to += sprintf(to, "%s", names[f->opcode]);

    if (f->opcode == KS_WS_CLOSE) {
        to += sprintf(to, " %u", f->code);

        if (f->payload.len > 2) {
            sprintf(to, " %.*s", (int) f->payload.len - 2,
                    (char *) f->payload.data + 2);
        }

    } else if (f->opcode < KS_WS_CLOSE) {
        sprintf(to, " %zu", f->payload.len);

    } else if (f->payload.len != 0) {
        sprintf(to, " %.*s", (int) f->payload.len, (char *) f->payload.data);
    }
}


/* All frames of these bytes, which come so many at a time; then the end. */

static void
read_all(const char *bytes, size_t len, size_t step, char *out)
{
    int             rc;
    u_char         *piece;
    size_t          n, at;
    ks_ws_frame_t   f;
    const u_char   *p;
    ks_ws_reader_t  r;

    memset(&r, 0, sizeof(r));
    memset(&f, 0, sizeof(f));
    *out = '\0';

    for (at = 0; at < len; at += n) {
        n = ks_min(step, len - at);
        piece = malloc(n);
        assert_non_null(piece);
        memcpy(piece, bytes + at, n);
        p = piece;

        while ((rc = ks_ws_read(&r, &p, piece + n, &f)) == KS_OK) {
            say_frame(out + strlen(out), &f);
            strcat(out, ";");

            if (f.opcode < KS_WS_CLOSE) {
                free(piece);
                return;
            }
        }

        free(piece);

        if (rc == KS_ERR) {
            sprintf(out + strlen(out), "wrong %u", f.code);
            return;
        }

        assert_int_equal(rc, KS_AGAIN);
    }

    strcat(out, "more");
}


static void
check_read(const char *bytes, size_t len, const char *want)
{
    char    out[8192];
    size_t  step;

    for (step = 1; step <= len; step++) {
        read_all(bytes, len, step, out);
        assert_string_equal(out, want);
    }
}


#define MASK    "\x01\x02\x03\x04"
#define HELLO   "igohn"                 /* "hello" under that mask */


static void
test_frames(void **state)
{
    (void) state;

    check_read(LIT("\x89\x85" MASK HELLO), "ping hello;more");
    check_read(LIT("\x8a\x80" MASK "\x89\x80" MASK), "pong;ping;more");
    check_read(LIT("\x88\x80" MASK), "close 1005;more");
    check_read(LIT("\x88\x82" MASK "\x02\xea"), "close 1000;more");
    check_read(LIT("\x88\x85" "\0\0\0\0" "\x0f\xa0" "bye"),
               "close 4000 bye;more");
    check_read(LIT("\x81\x85" MASK HELLO), "text 5;");
    check_read(LIT("\x01\x85" MASK HELLO), "text 5;");
    check_read(LIT("\x82\xfe\x01\x00" MASK), "binary 256;");
    check_read(LIT("\x82\xff\0\0\0\0\0\x01\0\0" MASK), "binary 65536;");
    check_read(LIT("\x89\x85" MASK "hel"), "more");
    check_read(LIT("\x89"), "more");
}


static void
test_wrong(void **state)
{
    (void) state;

    check_read(LIT("\x89\x05hello"), "wrong 1002");         /* no mask */
    check_read(LIT("\x09\x85" MASK HELLO), "wrong 1002");   /* in pieces */
    check_read(LIT("\x89\xfe\x01\x00" MASK), "wrong 1002"); /* too long */
    check_read(LIT("\xc9\x80" MASK), "wrong 1002");         /* reserved */
    check_read(LIT("\xa1\x80" MASK), "wrong 1002");
    check_read(LIT("\x91\x80" MASK), "wrong 1002");
    check_read(LIT("\x83\x80" MASK), "wrong 1002");         /* opcodes */
    check_read(LIT("\x8b\x80" MASK), "wrong 1002");
    check_read(LIT("\x8f\x80" MASK), "wrong 1002");
    check_read(LIT("\x80\x80" MASK), "wrong 1002");         /* goes on */
    check_read(LIT("\x88\x81" MASK "\x02"), "wrong 1002");
    check_read(LIT("\x88\x82" "\0\0\0\0" "\x03\xe7"), "wrong 1002");
    check_read(LIT("\x88\x82" "\0\0\0\0" "\x03\xed"), "wrong 1002");
    check_read(LIT("\x88\x82" "\0\0\0\0" "\x03\xee"), "wrong 1002");
    check_read(LIT("\x88\x82" "\0\0\0\0" "\x03\xf7"), "wrong 1002");
    check_read(LIT("\x88\x82" "\0\0\0\0" "\x13\x88"), "wrong 1002");
    check_read(LIT("\x88\x83" "\0\0\0\0" "\x03\xe8\xff"), "wrong 1007");
    check_read(LIT("\x88\x84" "\0\0\0\0" "\x03\xe8\xc0\x80"), "wrong 1007");
    check_read(LIT("\x88\x84" "\0\0\0\0" "\x03\xe8\xe2\x82"), "wrong 1007");

    /* lengths in too long a form, or beyond what there is */
    check_read(LIT("\x81\xfe\x00\x7d" MASK), "wrong 1002");
    check_read(LIT("\x81\xff\0\0\0\0\0\0\xff\xff" MASK), "wrong 1002");
    check_read(LIT("\x81\xff\x80\0\0\0\0\0\0\0" MASK), "wrong 1002");
}


/* Control frames among random bytes come to the same however they are cut. */

static void
test_cuts(void **state)
{
    char      bytes[512], one[8192], two[8192];
    size_t    i, len;
    uint64_t  seed;
    unsigned  round;

    (void) state;

    seed = 6455;

    for (round = 0; round < 20000; round++) {
        len = test_random(&seed, sizeof(bytes)) + 1;

        for (i = 0; i < len; i++) {
            bytes[i] = (char) test_random(&seed, 256);
        }

        /* likely frames, so that it comes further */
        for (i = 0; i + 6 < len; i += 6 + (size_t) (bytes[i + 1] & 0x7f)) {
            bytes[i + 1] = (char) (0x80 | test_random(&seed, 24));

            if (test_random(&seed, 16) != 0) {
                bytes[i] = (char) (0x89 + test_random(&seed, 2));
            }
        }

        read_all(bytes, len, len, one);
        read_all(bytes, len, test_random(&seed, 7) + 1, two);
        assert_string_equal(one, two);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_accept),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
