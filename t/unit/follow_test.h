/*
 * What tests of following an upstream share: a zone that follows, and what it
 * is sent and says.
 */

#ifndef FOLLOW_TEST_H
#define FOLLOW_TEST_H

#include "aof_test.h"

#include "keyspace/ks_upstream.h"
#include "memory/ks_process.h"
#include "replica/ks_follow.h"


#define ID     "0123456789abcdef0123456789abcdef01234567"
#define ID2    "fedcba9876543210fedcba9876543210fedcba98"
#define MARK   "MARKmarkMARKmarkMARKmarkMARKmarkMARKmark"

typedef struct {
    box_t        *b;
    ks_follow_t  *f;
    uint64_t      now;
    char          said[65536];  /* what it has sent since it was asked */
    size_t        len;
    char          log[65536];
    size_t        cut;          /* bytes that are given at once; 0: any
                                   number */
} edge_t;


static inline void
edge_send(void *data, const u_char *p, size_t n)
{
    edge_t  *e;

    e = data;
    assert_true(n < sizeof(e->said) - e->len);
    memcpy(e->said + e->len, p, n);
    e->len += n;
    e->said[e->len] = '\0';
}


static inline void
edge_log(void *data, ks_follow_level_t level, const char *text)
{
    edge_t  *e;

    (void) level;

    e = data;
    snprintf(e->log + strlen(e->log), sizeof(e->log) - strlen(e->log), "%s\n",
             text);
}


static inline void
edge_configure(edge_t *e, uint64_t stale)
{
    ks_upstream_settings_t  settings = { "primary", 6379, 0, stale };

    ks_upstream_configure(ks_space_zone(e->b->client.space), &settings);
}


static inline edge_t *
edge_open_box(box_t *b, const char *user, const char *password)
{
    edge_t               *e;
    ks_follow_options_t   options;

    e = calloc(1, sizeof(edge_t));
    assert_non_null(e);

    e->b = b;
    e->now = ks_clock();

    assert_int_equal(ks_process_open(&e->b->client.space->mem, 0), KS_OK);
    edge_configure(e, KS_STALE_EVER);

    memset(&options, 0, sizeof(options));
    options.space = e->b->client.space;
    options.timeout = 60000;
    options.port = 6380;
    options.send = edge_send;
    options.log = edge_log;
    options.data = e;

    if (user) {
        options.user = ks_text(user);
    }

    if (password) {
        options.password = ks_text(password);
    }

    assert_int_equal(ks_upstream_claim(options.space), KS_OK);
    e->f = ks_follow_open(&options);
    assert_non_null(e->f);

    return e;
}


static inline edge_t *
edge_open_with(size_t size, const char *user, const char *password)
{
    return edge_open_box(aof_open(size), user, password);
}


/* In a zone with spare shards, in which "limit:" is local. */

static inline edge_t *
edge_open_spared(size_t size)
{
    box_t             *b;
    ks_space_t        *sp;
    ks_script_conf_t   conf;

    b = aof_open(1 << 20);
    ks_script_close(b->client.space);
    close_zone(b->client.space);

    sp = ks_space_open(lay_zone(map_zone(size), size, 0, "limit:"));
    assert_non_null(sp);
    b->client.space = sp;
    memset(&conf, 0, sizeof(conf));
    ks_script_configure(sp, &conf);

    return edge_open_box(b, NULL, NULL);
}


static inline edge_t *
edge_open(void)
{
    return edge_open_with(8 << 20, NULL, NULL);
}


static inline void
edge_close(edge_t *e)
{
    ks_follow_close(e->f);
    ks_process_close(&e->b->client.space->mem);
    aof_close(e->b);
    free(e);
}


/* What it has said, and no more, is that; "": nothing. */

static inline void
edge_says(edge_t *e, const char *line)
{
    file_t  f = { NULL, 0, 0 };

    if (line[0] != '\0') {
        aof_line(&f, line);
    }

    if (f.len != e->len || (f.len && memcmp(f.p, e->said, f.len) != 0)) {
        fail_msg("\"%s\" is not what it said: %.*s", line, (int) e->len,
                 e->said);
    }

    file_free(&f);
    e->len = 0;
}


/* bytes of the upstream, in cuts */

static inline int
edge_bytes(edge_t *e, const void *bytes, size_t n)
{
    int            rc;
    size_t         k;
    u_char        *copy;
    const u_char  *p;

    for (rc = KS_OK, p = bytes; n > 0 && rc == KS_OK; p += k, n -= k) {
        k = e->cut ? e->cut : 1 + rnd(300);
        k = ks_min(k, n);

        /* of its own, so that a look behind it is found */

        copy = malloc(k);
        assert_non_null(copy);
        memcpy(copy, p, k);
        rc = ks_follow_input(e->f, copy, k, e->now);
        free(copy);
    }

    if (rc != KS_OK && getenv("KS_SHOW")) {
        fprintf(stderr, "%s\n", ks_follow_why(e->f));
    }

    return rc;
}


static inline int
edge_gets(edge_t *e, const char *text)
{
    return edge_bytes(e, text, strlen(text));
}


/* From a connection to the question for the stream. */

static inline void
edge_connect(edge_t *e, const char *psync)
{
    assert_int_equal(ks_follow_connected(e->f, e->now), KS_OK);
    edge_says(e, "PING");
    assert_int_equal(edge_gets(e, "+PONG\r\n"), KS_OK);
    edge_says(e, "REPLCONF listening-port 6380");
    assert_int_equal(edge_gets(e, "+OK\r\n"), KS_OK);
    edge_says(e, "REPLCONF capa eof capa psync2 capa documents");
    assert_int_equal(edge_gets(e, "+OK\r\n"), KS_OK);
    edge_says(e, psync);
}


/* All keys come, as that file: with its size, or with a mark. */

static inline int
edge_file(edge_t *e, const file_t *f, uint64_t offset, int marked)
{
    char    text[128];
    file_t  all = { NULL, 0, 0 };
    int     rc;

    snprintf(text, sizeof(text), "\n+FULLRESYNC " ID " %llu\r\n\n\n",
             (unsigned long long) offset);
    file_add(&all, text, strlen(text));

    if (marked) {
        snprintf(text, sizeof(text), "$EOF:" MARK "\r\n");

    } else {
        snprintf(text, sizeof(text), "$%zu\r\n", f->len);
    }

    file_add(&all, text, strlen(text));
    file_add(&all, f->p, f->len);

    if (marked) {
        file_str(&all, MARK);
    }

    rc = edge_bytes(e, all.p, all.len);
    file_free(&all);

    return rc;
}


/* a file with the keys k0 and so on, whose values are their numbers */

static inline void
edge_keys(file_t *f, unsigned n)
{
    unsigned  i;

    file_begin(f, "REDIS0011");
    file_str(f, "\xfe\x00");
    f->len--;
    file_add(f, "\0", 1);

    for (i = 0; i < n; i++) {
        file_add(f, "\0", 1);
        file_text(f, "k%u", i);
        file_text(f, "%u", i);
    }
}


static inline ks_upstream_state_t
edge_state(edge_t *e)
{
    ks_upstream_state_t  st;

    ks_upstream_state(ks_space_zone(e->b->client.space), &st);

    return st;
}


/* An edge that has all of a small file, and the stream from offset 100 on. */

static inline edge_t *
edge_follows(void)
{
    file_t   f;
    edge_t  *e;

    e = edge_open();
    edge_connect(e, "PSYNC ? -1");
    edge_keys(&f, 3);
    file_end(&f);
    assert_int_equal(edge_file(e, &f, 100, 0), KS_OK);
    edge_says(e, "REPLCONF ACK 100");
    file_free(&f);

    return e;
}


#endif /* FOLLOW_TEST_H */
