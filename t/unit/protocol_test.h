/*
 * What the tests of the protocol layer share: a pool that can say no, inputs
 * in buffers of their exact size (so that a sanitizer sees a byte too far),
 * commands and replies as readable text, and random numbers that repeat.
 */

#ifndef PROTOCOL_TEST_H
#define PROTOCOL_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "protocol/ks_request.h"
#include "protocol/ks_writers.h"


#define LIT(s)  (s), sizeof(s) - 1


typedef struct pool_block_s  pool_block_t;

struct pool_block_s {
    pool_block_t  *next;
    size_t         size;
};

typedef struct {
    pool_block_t  *blocks;
    size_t         count;
    size_t         bytes;
    size_t         refuse;      /* from this allocation on; 0: never */
} pool_t;


static inline void *
pool_alloc(void *data, size_t size)
{
    pool_t        *pool = data;
    pool_block_t  *b;

    pool->count++;

    if (pool->refuse != 0 && pool->count >= pool->refuse) {
        return NULL;
    }

    b = malloc(sizeof(pool_block_t) + size);
    assert_non_null(b);

    pool->bytes += size;
    b->size = size;
    b->next = pool->blocks;
    pool->blocks = b;

    return b + 1;
}


static inline void
pool_free(pool_t *pool)
{
    pool_block_t  *b;

    while (pool->blocks != NULL) {
        b = pool->blocks;
        pool->blocks = b->next;
        free(b);
    }

    memset(pool, 0, sizeof(*pool));
}


static inline uint32_t
test_random(uint64_t *state, uint32_t below)
{
    uint64_t  x;

    x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;

    return (uint32_t) ((x >> 20) % below);
}


/* a copy in a buffer of the exact size; free() it */

static inline u_char *
test_copy(const void *p, size_t len)
{
    u_char  *buf;

    buf = malloc(len);
    assert_true(buf != NULL || len == 0);

    if (len != 0) {
        memcpy(buf, p, len);
    }

    return buf;
}


typedef int (*parser_pt)(ks_request_t *rq, u_char *p, size_t len);

typedef struct {
    ks_request_t   rq;
    pool_t         pool;
    u_char        *buf;
    int            rc;
} parsed_t;


static inline void
parse_begin(parsed_t *t)
{
    memset(t, 0, sizeof(*t));

    t->rq.alloc = pool_alloc;
    t->rq.data = &t->pool;

    /* must be set by the parser */
    t->rq.commands = (ks_argv_t *) t;
    t->rq.ncommands = 12345;
    t->rq.error = "not set";
}


static inline void
parse_as(parsed_t *t, parser_pt parser, const void *p, size_t len)
{
    size_t  i;
    int     k;

    parse_begin(t);

    t->buf = test_copy(p, len);
    t->rc = parser(&t->rq, t->buf, len);

    if (t->rc != KS_OK) {
        assert_non_null(t->rq.error);
        return;
    }

    assert_null(t->rq.error);

    for (i = 0; i < t->rq.ncommands; i++) {
        assert_true(t->rq.commands[i].argc >= 1);

        for (k = 0; k < t->rq.commands[i].argc; k++) {
            ks_str_t  *arg = &t->rq.commands[i].argv[k];

            assert_true(arg->data >= t->buf);
            assert_true(arg->data + arg->len <= t->buf + len);
        }
    }
}


static inline void
parse_end(parsed_t *t)
{
    pool_free(&t->pool);
    free(t->buf);
}


static inline size_t
render_bytes(char *d, const u_char *p, size_t len)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < len; i++) {

        if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '|' && p[i] != '\\') {
            d[n++] = (char) p[i];

        } else {
            n += (size_t) sprintf(d + n, "\\x%02x", p[i]);
        }
    }

    d[n] = '\0';

    return n;
}


/* "GET|foo" a command, a line each; free() it */

static inline char *
render_commands(const ks_request_t *rq)
{
    int     k;
    char   *text;
    size_t  i, n;

    n = 1;

    for (i = 0; i < rq->ncommands; i++) {
        for (k = 0; k < rq->commands[i].argc; k++) {
            n += 4 * rq->commands[i].argv[k].len + 1;
        }
    }

    text = malloc(n);
    assert_non_null(text);
    text[0] = '\0';
    n = 0;

    for (i = 0; i < rq->ncommands; i++) {

        if (i != 0) {
            text[n++] = '\n';
        }

        for (k = 0; k < rq->commands[i].argc; k++) {

            if (k != 0) {
                text[n++] = '|';
            }

            n += render_bytes(text + n, rq->commands[i].argv[k].data,
                              rq->commands[i].argv[k].len);
        }
    }

    return text;
}


static inline void
expect_commands(parser_pt parser, const void *p, size_t len,
    const char *expected)
{
    char      *text;
    parsed_t   t;

    parse_as(&t, parser, p, len);

    if (t.rc != KS_OK) {
        print_error("input: %.*s\n", (int) ks_min(len, 200), (const char *) p);
        fail_msg("refused: %s", t.rq.error);
    }

    text = render_commands(&t.rq);
    assert_string_equal(text, expected);

    free(text);
    parse_end(&t);
}


static inline void
expect_refusal(parser_pt parser, const void *p, size_t len, const char *error)
{
    parsed_t  t;

    parse_as(&t, parser, p, len);

    if (t.rc == KS_OK) {
        fail_msg("accepted: %.*s", (int) ks_min(len, 200), (const char *) p);
    }

    assert_int_equal(t.rc, KS_ERR);
    assert_string_equal(t.rq.error, error);

    parse_end(&t);
}


/* Every allocation refused in its turn: KS_NOMEM, until none is. */

static inline void
expect_no_memory(parser_pt parser, const void *p, size_t len)
{
    size_t    refuse;
    parsed_t  t;

    for (refuse = 1; /* void */; refuse++) {
        parse_begin(&t);

        t.pool.refuse = refuse;
        t.buf = test_copy(p, len);
        t.rc = parser(&t.rq, t.buf, len);

        if (t.pool.count < refuse) {
            assert_int_equal(t.rc, KS_OK);
            parse_end(&t);
            break;
        }

        assert_int_equal(t.rc, KS_NOMEM);
        assert_non_null(t.rq.error);
        parse_end(&t);
    }

    assert_true(refuse > 1);
}


/* the bytes of all segments; free() it */

static inline u_char *
out_bytes(const ks_out_t *out, size_t *size)
{
    size_t               n;
    u_char              *p;
    const ks_segment_t  *seg;

    assert_false(out->failed);

    p = malloc(out->size + 1);
    assert_non_null(p);
    n = 0;

    for (seg = out->first; seg != NULL; seg = seg->next) {
        size_t  len = (size_t) (seg->last - seg->start);

        assert_true(seg->last <= seg->end);
        assert_true(n + len <= out->size);

        if (len != 0) {
            memcpy(p + n, seg->start, len);
        }

        n += len;

        if (seg->next == NULL) {
            assert_ptr_equal(seg, out->tail);
        }
    }

    assert_int_equal(n, out->size);
    p[n] = '\0';

    if (size != NULL) {
        *size = n;
    }

    return p;
}


static inline void
expect_out(const ks_out_t *out, const void *p, size_t len)
{
    size_t   size;
    u_char  *bytes;

    bytes = out_bytes(out, &size);

    if (size != len || (len != 0 && memcmp(bytes, p, len) != 0)) {
        print_error("got:      %s\nexpected: %s\n", bytes, (const char *) p);
        fail();
    }

    free(bytes);
}


#endif /* PROTOCOL_TEST_H */
