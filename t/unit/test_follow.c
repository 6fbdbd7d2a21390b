/*
 * Following an upstream, byte by byte and in other cuts: what is said before
 * the stream, all keys as a file, the stream and how far it is, and what ends a
 * link.
 */

#include "follow_test.h"

#include "keyspace/ks_role.h"


/* --- before the stream --- */

static void
test_sizes(void **state)
{
    size_t               cut;
    int                  marked;
    file_t               f;
    edge_t              *e;
    ks_upstream_state_t  st;

    (void) state;

    edge_keys(&f, 5000);
    file_str(&f, "\xfc");
    file_little(&f, NOW - 1000, 8);
    file_add(&f, "\0", 1);
    file_text(&f, "due");
    file_text(&f, "is the upstream's to end");
    file_end(&f);

    for (marked = 0; marked < 2; marked++) {

        for (cut = 0; cut < 5; cut++) {
            e = edge_open();
            e->cut = cut < 4 ? cut : 1 << 20;

            assert_string_equal(line(e->b, "GET k0"),
                                "-" KS_ERR_MASTERDOWN "\r\n");
            edge_connect(e, "PSYNC ? -1");
            assert_int_equal(edge_file(e, &f, 77, marked), KS_OK);
            edge_says(e, "REPLCONF ACK 77");

            assert_string_equal(line(e->b, "GET k4999"), "$4\r\n4999\r\n");
            assert_string_equal(line(e->b, "GET due"), "$-1\r\n");
            assert_string_equal(line(e->b, "DBSIZE"), ":5001\r\n");

            st = edge_state(e);
            assert_true(st.whole);
            assert_int_equal(st.link, KS_LINK_UP);
            assert_int_equal(st.offset, 77);
            assert_memory_equal(st.replid, ID, KS_REPLID);

            edge_close(e);
        }
    }

    file_free(&f);
}


/* values that fill the window, and come in parts */

static void
test_large(void **state)
{
    size_t     i;
    unsigned   k;
    file_t     f;
    edge_t    *e;
    u_char    *value;

    (void) state;

    value = malloc(3 << 20);
    assert_non_null(value);

    for (i = 0; i < 3 << 20; i++) {
        value[i] = (u_char) rnd(256);
    }

    edge_keys(&f, 10);
    file_add(&f, "\0", 1);
    file_text(&f, "large");
    file_string(&f, value, 3 << 20);

    file_add(&f, "\1", 1);
    file_text(&f, "list");
    file_length(&f, 100000);

    for (k = 0; k < 100000; k++) {
        file_text(&f, "%u", k);
    }

    file_end(&f);

    for (k = 0; k < 2; k++) {
        e = edge_open_with(32 << 20, NULL, NULL);
        e->cut = k ? 4099 : 65536;
        edge_connect(e, "PSYNC ? -1");
        assert_int_equal(edge_file(e, &f, 1, (int) k), KS_OK);

        assert_string_equal(line(e->b, "LLEN list"), ":100000\r\n");
        assert_string_equal(line(e->b, "LINDEX list 77777"),
                            "$5\r\n77777\r\n");
        line(e->b, "GET large");
        assert_int_equal(e->b->len, (3 << 20) + 12);
        assert_memory_equal(e->b->reply + 10, value, 3 << 20);
        edge_close(e);
    }

    file_free(&f);
    free(value);
}


static void
test_functions(void **state)
{
    file_t   f;
    edge_t  *e;

    static const char  old[] = "#!lua name=old\n"
        "redis.register_function('o', function() return 1 end)";
    static const char  text[] = "#!lua name=l\n"
        "redis.register_function{function_name='f', callback=function() "
        "return 42 end, flags={'no-writes'}}";

    (void) state;

    e = edge_open();
    ks_upstream_configure(ks_space_zone(e->b->client.space), NULL);
    assert_true(starts(line_with(e->b, "FUNCTION LOAD", (u_char *) old,
                                 sizeof(old) - 1), "$"));
    edge_configure(e, KS_STALE_EVER);

    edge_connect(e, "PSYNC ? -1");
    edge_keys(&f, 1);
    file_str(&f, "\xf5");
    file_string(&f, text, sizeof(text) - 1);
    file_end(&f);
    assert_int_equal(edge_file(e, &f, 5, 0), KS_OK);

    assert_string_equal(line(e->b, "FCALL f 0"), ":42\r\n");
    assert_string_equal(line(e->b, "FCALL o 0"), "-ERR Function not found\r\n");

    file_free(&f);
    edge_close(e);
}


static void
test_passwords(void **state)
{
    edge_t  *e;

    (void) state;

    e = edge_open_with(8 << 20, "me", "secret");
    assert_int_equal(ks_follow_connected(e->f, e->now), KS_OK);
    edge_says(e, "AUTH me secret");
    assert_int_equal(edge_gets(e, "+OK\r\n"), KS_OK);
    edge_says(e, "PING");
    edge_close(e);

    e = edge_open_with(8 << 20, NULL, "secret");
    assert_int_equal(ks_follow_connected(e->f, e->now), KS_OK);
    edge_says(e, "AUTH secret");
    assert_int_equal(edge_gets(e, "-WRONGPASS no\r\n"), KS_ERR);
    assert_string_equal(ks_follow_why(e->f), "the upstream answers "
                        "\"-WRONGPASS no\" to AUTH");
    assert_int_equal(ks_follow_lost(e->f, e->now, NULL), 0);
    assert_int_equal(edge_state(e).link, KS_LINK_DOWN);
    edge_close(e);
}


/* what ends a link before it is one */

static void
test_refused(void **state)
{
    size_t   i;
    file_t   f;
    edge_t  *e;

    static const char *const  answers[][2] = {
        { "-NOMASTERLINK Can't SYNC\r\n", "NOMASTERLINK" },
        { "-LOADING Redis\r\n", "LOADING" },
        { "-ERR unknown command\r\n", "unknown command" },
        { "+CONTINUE\r\n", "+CONTINUE" },
        { "+FULLRESYNC short 7\r\n", "FULLRESYNC short" },
        { "+FULLRESYNC " ID " x\r\n", "FULLRESYNC" },
        { "+FULLRESYNC " ID "\r\n", "FULLRESYNC" },
        { "+FULLRESYNC " ID " 1\r\n-ERR no\r\n", "-ERR no" },
        { "+FULLRESYNC " ID " 1\r\n$x\r\n", "$x" },
        { "+FULLRESYNC " ID " 1\r\n$0\r\n", "$0" },
        { "+FULLRESYNC " ID " 1\r\n$EOF:short\r\n", "$EOF" },
        { "+FULLRESYNC " ID " 1\r\n$20\r\nREDIS9999-----------", "version" },
        { "+FULLRESYNC " ID " 1\r\n$20\r\nnothing of the kind-", "no RDB" },
        { "+FULLRESYNC " ID " 1\r\n$EOF:" MARK "\r\nREDIS0011" MARK, "shorter" }
    };

    (void) state;

    for (i = 0; i < ks_nelts(answers); i++) {
        e = edge_open();
        edge_connect(e, "PSYNC ? -1");
        assert_int_equal(edge_gets(e, answers[i][0]), KS_ERR);

        if (strstr(ks_follow_why(e->f), answers[i][1]) == NULL) {
            fail_msg("\"%s\" is not in: %s", answers[i][1],
                     ks_follow_why(e->f));
        }

        ks_follow_lost(e->f, e->now, NULL);

        /* and then it goes well */

        edge_connect(e, "PSYNC ? -1");
        edge_keys(&f, 2);
        file_end(&f);
        assert_int_equal(edge_file(e, &f, 9, 1), KS_OK);
        assert_string_equal(line(e->b, "GET k1"), "$1\r\n1\r\n");
        file_free(&f);
        edge_close(e);
    }

    /* a line without an end */

    e = edge_open();
    edge_connect(e, "PSYNC ? -1");

    for (i = 0; edge_gets(e, "xxxxxxxxxxxxxxxx") == KS_OK; i++) {
        assert_true(i < 1000);
    }

    edge_close(e);
}


/* the file ends amid a key, and comes once more */

static void
test_cut_file(void **state)
{
    file_t   f, all;
    edge_t  *e;

    (void) state;

    e = edge_follows();
    edge_keys(&f, 1000);
    file_end(&f);

    ks_follow_lost(e->f, e->now, "cut");
    edge_connect(e, "PSYNC " ID " 101");

    memset(&all, 0, sizeof(all));
    file_str(&all, "+FULLRESYNC " ID2 " 500\r\n$EOF:" MARK "\r\n");
    file_add(&all, f.p, f.len / 2);
    assert_int_equal(edge_bytes(e, all.p, all.len), KS_OK);
    ks_follow_lost(e->f, e->now, "cut");

    assert_false(edge_state(e).link == KS_LINK_UP);

    e->len = 0;
    edge_connect(e, edge_state(e).whole ? "PSYNC " ID " 101" : "PSYNC ? -1");
    assert_int_equal(edge_file(e, &f, 600, 1), KS_OK);
    assert_string_equal(line(e->b, "GET k999"), "$3\r\n999\r\n");
    assert_int_equal(edge_state(e).offset, 600);

    file_free(&f);
    file_free(&all);
    edge_close(e);
}


/* --- the stream --- */

static void
stream_commands(file_t *f)
{
    aof_line(f, "SELECT 0");
    aof_line(f, "SET s v");
    aof_line(f, "RPUSH l a b \"\"");
    file_str(f, "\n");
    aof_line(f, "MULTI");
    aof_line(f, "INCR n");
    aof_line(f, "INCR n");
    aof_line(f, "EXEC");
    aof_line(f, "MULTI");
    aof_line(f, "EXEC");
    aof_line(f, "PING");
    aof_line(f, "SELECT 3");
    aof_line(f, "SET s other");
    aof_line(f, "SELECT 0");
    aof_line(f, "XADD x 4-1 f v");
    aof_line(f, "XGROUP CREATE x g 0 ENTRIESREAD 0");
    aof_line(f, "SADD t 1 2 3");
    aof_line(f, "SREM t 2");
    aof_line(f, "DEL none");
    aof_line(f, "NOTHING of the kind");
    aof_line(f, "INCR l");
    aof_line(f, "PFADD p a b c");
    aof_line(f, "PFCOUNT p");
    aof_line(f, "INCR n");
    aof_line(f, "REPLCONF GETACK *");
    aof_line(f, "EVAL return(redis.call('INCR',KEYS[1])) 1 n");
}


static void
stream_came(edge_t *e)
{
    assert_string_equal(line(e->b, "GET s"), "$1\r\nv\r\n");
    assert_string_equal(line(e->b, "GET n"), "$1\r\n4\r\n");
    assert_string_equal(line(e->b, "LLEN l"), ":3\r\n");
    assert_string_equal(line(e->b, "SMEMBERS t"),
                        "*2\r\n$1\r\n1\r\n$1\r\n3\r\n");
    assert_string_equal(line(e->b, "XLEN x"), ":1\r\n");
    assert_string_equal(line(e->b, "GET k2"), "$1\r\n2\r\n");
}


static void
test_stream(void **state)
{
    size_t   cut;
    file_t   f = { NULL, 0, 0 };
    edge_t  *e;
    char     ack[64];

    (void) state;

    stream_commands(&f);

    for (cut = 0; cut < 6; cut++) {
        e = edge_follows();
        e->cut = cut < 5 ? cut : 1 << 20;

        assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);
        stream_came(e);

        assert_int_equal(edge_state(e).offset, 100 + f.len);
        assert_non_null(strstr(e->said, "ACK"));
        e->len = 0;

        /* the lines of the log, and what was counted */

        assert_non_null(strstr(e->log, "it is for another database"));
        assert_int_equal(ks_space_zone(e->b->client.space)->counts
                         [KS_COUNT_UPSTREAM_SKIPPED], 3);

        /* nothing more to say before a second is over */

        assert_int_equal(ks_follow_tick(e->f, e->now + 500), KS_OK);
        edge_says(e, "");
        e->now += 1100;
        assert_int_equal(ks_follow_tick(e->f, e->now), KS_OK);
        snprintf(ack, sizeof(ack), "REPLCONF ACK %zu", 100 + f.len);
        edge_says(e, ack);

        edge_close(e);
    }

    file_free(&f);
}


/* It is cut after each byte: what is asked for then is what was not applied. */

static void
test_cuts(void **state)
{
    char      psync[128];
    size_t    at, offset;
    file_t    f = { NULL, 0, 0 };
    edge_t   *e;

    (void) state;

    stream_commands(&f);

    for (at = 0; at <= f.len; at++) {
        e = edge_follows();

        if (at) {
            assert_int_equal(edge_bytes(e, f.p, at), KS_OK);
        }

        assert_int_equal(ks_follow_lost(e->f, e->now, "cut"), 1);
        e->len = 0;

        offset = (size_t) edge_state(e).offset - 100;
        assert_true(offset <= at);

        snprintf(psync, sizeof(psync), "PSYNC " ID " %zu", 101 + offset);
        edge_connect(e, psync);
        assert_int_equal(edge_gets(e, "+CONTINUE\r\n"), KS_OK);

        if (offset < f.len) {
            assert_int_equal(edge_bytes(e, f.p + offset, f.len - offset),
                             KS_OK);
        }

        stream_came(e);
        assert_int_equal(edge_state(e).offset, 100 + f.len);
        edge_close(e);
    }

    file_free(&f);
}


static void
test_flush(void **state)
{
    file_t   f = { NULL, 0, 0 };
    edge_t  *e;

    (void) state;

    e = edge_follows();
    aof_line(&f, "SET a 1");
    aof_line(&f, "FLUSHALL");
    aof_line(&f, "SET b 2");
    aof_line(&f, "MULTI");
    aof_line(&f, "SET c 3");
    aof_line(&f, "FLUSHDB ASYNC");
    aof_line(&f, "SET d 4");
    aof_line(&f, "EXEC");
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);
    assert_int_equal(edge_state(e).offset, 100 + f.len);
    assert_string_equal(line(e->b, "KEYS *"), "*1\r\n$1\r\nd\r\n");
    file_free(&f);
    edge_close(e);
}


/* the history goes on under another name, after a failover */

static void
test_renamed(void **state)
{
    edge_t  *e;

    (void) state;

    e = edge_follows();
    ks_follow_lost(e->f, e->now, "cut");
    edge_connect(e, "PSYNC " ID " 101");
    assert_int_equal(edge_gets(e, "+CONTINUE " ID2 "\r\n"), KS_OK);
    edge_says(e, "REPLCONF ACK 100");
    assert_memory_equal(edge_state(e).replid, ID2, KS_REPLID);

    ks_follow_lost(e->f, e->now, "cut");
    edge_connect(e, "PSYNC " ID2 " 101");

    assert_int_equal(edge_gets(e, "+CONTINUE short\r\n"), KS_ERR);
    edge_close(e);
}


static void
test_damaged(void **state)
{
    size_t   i;
    edge_t  *e;

    static const char *const  bytes[] = {
        "SET a b\r\n", "*0\r\n", "*x\r\n", "*1\n", "*1\r\n:1\r\n",
        "*1\r\n$4\r\nPINGxx", "*-1\r\n", "*1\r\n$99999999999\r\n",
        "*99999999999\r\n", "*1\r\n$4000000000\r\n",
        "*11111111111111111111111\r\n", "*2\r\n$6\r\nSELECT\r\n$1\r\nx\r\n"
    };

    (void) state;

    for (i = 0; i < ks_nelts(bytes); i++) {
        e = edge_follows();
        assert_int_equal(edge_gets(e, "*1\r\n$4\r\nPING\r\n"), KS_OK);
        assert_int_equal(edge_gets(e, bytes[i]), KS_ERR);
        assert_int_equal(edge_state(e).offset, 114);
        ks_follow_lost(e->f, e->now, NULL);
        e->len = 0;
        edge_connect(e, "PSYNC " ID " 115");
        edge_close(e);
    }
}


/* a number names more than there is: no memory goes by it */

static void
test_promises(void **state)
{
    edge_t  *e;

    (void) state;

    e = edge_follows();
    assert_int_equal(edge_gets(e, "*1000000000\r\n$500000000\r\nabc"), KS_OK);
    assert_int_equal(edge_state(e).offset, 100);
    edge_close(e);
}


/* --- what clients are told --- */

static void
test_gate(void **state)
{
    file_t   f = { NULL, 0, 0 };
    edge_t  *e;

    (void) state;

    e = edge_follows();

    assert_string_equal(line(e->b, "SET a 1"), "-" KS_ERR_READONLY "\r\n");
    assert_string_equal(line(e->b, "DEL k1"), "-" KS_ERR_READONLY "\r\n");
    assert_string_equal(line(e->b, "FLUSHALL"), "-" KS_ERR_READONLY "\r\n");
    assert_string_equal(line(e->b, "GET k1"), "$1\r\n1\r\n");
    assert_true(starts(line(e->b, "EVAL return(redis.call('SET','a',1)) 0"),
                       "-READONLY You can't write"));
    assert_string_equal(line(e->b, "EVAL return(redis.call('GET','k2')) 0"),
                        "$1\r\n2\r\n");

    /* the link is down: for a time reads go on */

    edge_configure(e, 5000);
    ks_follow_lost(e->f, e->now, "cut");
    assert_int_equal(ks_follow_due(e->f), e->now + 5000);
    e->now += 4999;
    assert_int_equal(ks_follow_tick(e->f, e->now), KS_OK);
    assert_string_equal(line(e->b, "GET k1"), "$1\r\n1\r\n");
    e->now++;
    assert_int_equal(ks_follow_tick(e->f, e->now), KS_OK);
    assert_int_equal(ks_follow_due(e->f), UINT64_MAX);
    assert_string_equal(line(e->b, "GET k1"), "-" KS_ERR_MASTERDOWN "\r\n");
    assert_string_equal(line(e->b, "SET k1 1"), "-" KS_ERR_READONLY "\r\n");
    assert_true(starts(line(e->b, "INFO replication"), "$"));

    /* all keys come anew: none is read meanwhile */

    edge_connect(e, "PSYNC " ID " 101");
    edge_keys(&f, 10);
    file_end(&f);
    assert_int_equal(edge_gets(e, "+FULLRESYNC " ID2 " 7\r\n"), KS_OK);
    assert_string_equal(line(e->b, "GET k1"), "-" KS_ERR_MASTERDOWN "\r\n");
    assert_int_equal(edge_gets(e, "$EOF:" MARK "\r\n"), KS_OK);
    assert_string_equal(line(e->b, "GET k1"), "-" KS_ERR_LOADING "\r\n");
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);
    assert_string_equal(line(e->b, "GET k1"), "-" KS_ERR_LOADING "\r\n");
    assert_int_equal(edge_gets(e, MARK), KS_OK);
    assert_string_equal(line(e->b, "GET k9"), "$1\r\n9\r\n");

    /* it follows nobody any more */

    ks_upstream_configure(ks_space_zone(e->b->client.space), NULL);
    assert_string_equal(line(e->b, "SET k9 1"), "+OK\r\n");

    file_free(&f);
    edge_close(e);
}


/*
 * The zone is too small: nothing is evicted, and the link ends with a reason.
 */

static void
test_full(void **state)
{
    unsigned   i;
    file_t     f = { NULL, 0, 0 };
    edge_t    *e;
    uint64_t   offset;

    (void) state;

    e = edge_follows();
    ks_zone_set_policy(ks_space_zone(e->b->client.space), KS_ALLKEYS_LRU);

    for (i = 0; i < 400000; i++) {
        aof_linef(&f, "SET key:%u %064u", i, i);
    }

    assert_int_equal(edge_bytes(e, f.p, f.len), KS_ERR);
    assert_non_null(strstr(ks_follow_why(e->f), "is full"));

    /* what it has is the stream's beginning */

    offset = edge_state(e).offset - 100;
    assert_true(offset > 0 && offset < f.len);
    assert_memory_equal(f.p + offset, "*3\r\n$3\r\nSET", 11);
    assert_string_equal(line(e->b, "GET k1"), "$1\r\n1\r\n");
    assert_string_equal(line(e->b, "EXISTS key:0"), ":1\r\n");

    file_free(&f);
    edge_close(e);
}


static void
test_silence(void **state)
{
    edge_t  *e;

    (void) state;

    e = edge_follows();
    e->now += 59999;
    assert_int_equal(ks_follow_tick(e->f, e->now), KS_OK);
    e->now++;
    assert_int_equal(ks_follow_tick(e->f, e->now), KS_ERR);
    assert_string_equal(ks_follow_why(e->f),
                        "the upstream has said nothing for 60 s");
    edge_close(e);
}


/* the link is one process's, as long as it lives */

static void
test_claim(void **state)
{
    edge_t      *e;
    ks_space_t  *other;

    (void) state;

    e = edge_follows();
    other = ks_space_open(ks_space_zone(e->b->client.space));
    assert_non_null(other);
    assert_int_equal(ks_process_open(&other->mem, 0), KS_OK);

    assert_true(ks_upstream_taken(other));
    assert_int_equal(ks_upstream_claim(other), KS_AGAIN);
    assert_false(ks_upstream_taken(e->b->client.space));

    ks_upstream_leave(e->b->client.space);
    assert_false(ks_upstream_taken(other));
    assert_int_equal(ks_upstream_claim(other), KS_OK);
    assert_int_equal(ks_upstream_claim(e->b->client.space), KS_AGAIN);

    ks_process_close(&other->mem);
    assert_int_equal(ks_upstream_claim(e->b->client.space), KS_OK);

    ks_space_close(other);
    edge_close(e);
}


/* --- beside what is there --- */

/* As a client whose writes of local keys are not refused. */

static const char *
own(edge_t *e, const char *text)
{
    const char  *reply;

    e->b->client.obeys = 1;
    reply = line(e->b, text);
    e->b->client.obeys = 0;

    return reply;
}


static void
test_beside(void **state)
{
    size_t   at, n;
    file_t   f, all;
    edge_t  *e;
    char     text[256];

    (void) state;

    e = edge_open_spared(16 << 20);
    edge_connect(e, "PSYNC ? -1");
    edge_keys(&f, 3000);
    file_end(&f);
    assert_int_equal(edge_file(e, &f, 100, 0), KS_OK);
    file_free(&f);

    assert_string_equal(own(e, "SET limit:a 1"), "+OK\r\n");
    assert_string_equal(own(e, "SET limit:b 2 PX 100000000"), "+OK\r\n");

    /* other keys come, and one that is local here */

    ks_follow_lost(e->f, e->now, "cut");
    e->len = 0;
    edge_connect(e, "PSYNC " ID " 101");

    file_begin(&f, "REDIS0011");
    file_add(&f, "\xfe\0", 2);

    for (n = 0; n < 3000; n++) {
        file_add(&f, "\0", 1);
        file_text(&f, "k%zu", n * 2);
        file_text(&f, "new");
    }

    file_add(&f, "\0", 1);
    file_text(&f, "limit:a");
    file_text(&f, "the upstream's");
    file_end(&f);

    memset(&all, 0, sizeof(all));
    snprintf(text, sizeof(text), "+FULLRESYNC " ID2 " 500\r\n$%zu\r\n",
             f.len);
    file_add(&all, text, strlen(text));
    file_add(&all, f.p, f.len);

    /* each client sees what was, up to the last byte */

    for (at = 0; at < all.len; at += n) {
        assert_string_equal(line(e->b, "MGET k2 k3 k5998"),
                            "*3\r\n$1\r\n2\r\n$1\r\n3\r\n$-1\r\n");
        assert_string_equal(line(e->b, "DBSIZE"), ":3002\r\n");
        n = ks_min(all.len - at, (size_t) 1000);
        assert_int_equal(edge_bytes(e, all.p + at, n), KS_OK);
    }

    assert_string_equal(line(e->b, "MGET k2 k3 k5998"),
                        "*3\r\n$3\r\nnew\r\n$-1\r\n$3\r\nnew\r\n");
    assert_string_equal(line(e->b, "DBSIZE"), ":3002\r\n");
    assert_string_equal(line(e->b, "MGET limit:a limit:b"),
                        "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    assert_int_equal(edge_state(e).offset, 500);
    assert_memory_equal(edge_state(e).replid, ID2, KS_REPLID);
    box_check(e->b);

    /* and again, from the other side, cut before its end */

    ks_follow_lost(e->f, e->now, "cut");
    e->len = 0;
    edge_connect(e, "PSYNC " ID2 " 501");
    assert_int_equal(edge_bytes(e, all.p, all.len - 1), KS_OK);
    ks_follow_lost(e->f, e->now, "cut");
    assert_string_equal(line(e->b, "GET k2"), "$3\r\nnew\r\n");
    box_check(e->b);

    e->len = 0;
    edge_connect(e, "PSYNC " ID2 " 501");
    assert_int_equal(edge_bytes(e, all.p, all.len), KS_OK);
    assert_string_equal(line(e->b, "DBSIZE"), ":3002\r\n");
    assert_null(strstr(e->log, "take the place"));

    file_free(&f);
    file_free(&all);
    edge_close(e);
}


/* Local keys are no part of what the upstream does. */

static void
test_local(void **state)
{
    file_t       f = { NULL, 0, 0 };
    edge_t      *e;
    ks_space_t  *sp;

    (void) state;

    e = edge_open_spared(16 << 20);
    sp = e->b->client.space;
    edge_connect(e, "PSYNC ? -1");
    edge_keys(&f, 3);
    file_end(&f);
    assert_string_equal(own(e, "SET limit:a 1"), "+OK\r\n");
    assert_int_equal(edge_file(e, &f, 100, 0), KS_OK);
    assert_string_equal(line(e->b, "GET limit:a"), "$1\r\n1\r\n");

    f.len = 0;
    aof_line(&f, "SET limit:a upstream");
    aof_line(&f, "SET a 1");
    aof_line(&f, "FLUSHALL");
    aof_line(&f, "MULTI");
    aof_line(&f, "SET b 2");
    aof_line(&f, "FLUSHALL");
    aof_line(&f, "SET c 3");
    aof_line(&f, "EXEC");
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);
    assert_string_equal(line(e->b, "GET limit:a"), "$1\r\n1\r\n");
    assert_string_equal(line(e->b, "DBSIZE"), ":2\r\n");
    assert_string_equal(line(e->b, "GET c"), "$1\r\n3\r\n");

    /* they end by themselves */

    e->b->now = e->now;
    own(e, "SET limit:a 1 PX 5");
    e->b->now = e->now + 10;
    assert_string_equal(line(e->b, "GET limit:a"), "$-1\r\n");
    e->b->now = e->now;
    own(e, "SET limit:b 1 PX 5");
    assert_true(ks_expire_next(sp) < e->now + 100);
    ks_space_set_time(sp, e->now + 100);
    assert_int_equal(ks_expire_cycle(sp, SIZE_MAX), 1);
    e->b->now = 0;

    file_free(&f);
    edge_close(e);
}


/* Of a command with keys of both kinds only the upstream's change. */

static void
test_local_mixed(void **state)
{
    file_t   f = { NULL, 0, 0 };
    edge_t  *e;

    (void) state;

    e = edge_open_spared(16 << 20);
    edge_connect(e, "PSYNC ? -1");
    edge_keys(&f, 3);
    file_end(&f);
    assert_string_equal(own(e, "SET limit:a 1"), "+OK\r\n");
    assert_int_equal(edge_file(e, &f, 100, 0), KS_OK);

    f.len = 0;
    aof_line(&f, "MSET limit:a up b 1 limit:c up d 2 limit:a up b 3");
    aof_line(&f, "MSETNX e 4 limit:e up");
    aof_line(&f, "MSETEX 3 limit:a up g 5 limit:g up EX 10000");
    aof_line(&f, "MULTI");
    aof_line(&f, "DEL limit:a k0 limit:b");
    aof_line(&f, "UNLINK k1 limit:a");
    aof_line(&f, "EXEC");
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);
    assert_string_equal(line(e->b, "GET limit:a"), "$1\r\n1\r\n");
    assert_string_equal(line(e->b, "EXISTS limit:b limit:c limit:e limit:g"),
                        ":0\r\n");
    assert_string_equal(line(e->b, "MGET b d e g k0 k1 k2"),
                        "*7\r\n$1\r\n3\r\n$1\r\n2\r\n$1\r\n4\r\n$1\r\n5\r\n"
                        "$-1\r\n$-1\r\n$1\r\n2\r\n");

    /* it changes nothing of the upstream's */

    f.len = 0;
    aof_line(&f, "SADD s 1 2");
    aof_line(&f, "SUNIONSTORE limit:a s");
    aof_line(&f, "COPY b limit:a REPLACE");
    aof_line(&f, "BITOP NOT limit:a b");
    aof_line(&f, "SORT s STORE limit:a");
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);
    assert_string_equal(line(e->b, "GET limit:a"), "$1\r\n1\r\n");
    box_check(e->b);

    /* what the upstream's key of that name holds is not known */

    f.len = 0;
    aof_line(&f, "RENAME limit:a b");
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_ERR);
    assert_non_null(strstr(ks_follow_why(e->f), "all keys are to come anew"));
    assert_string_equal(line(e->b, "MGET limit:a b"),
                        "*2\r\n$1\r\n1\r\n$1\r\n3\r\n");
    assert_memory_not_equal(edge_state(e).replid, ID, KS_REPLID);

    file_free(&f);
    edge_close(e);
}


/* With too little room beside them the keys are replaced in their place. */

static void
test_narrow(void **state)
{
    unsigned  i;
    file_t    f;
    edge_t   *e;

    (void) state;

    e = edge_open_spared(8 << 20);

    edge_keys(&f, 0);

    for (i = 0; i < 40000; i++) {
        file_add(&f, "\0", 1);
        file_text(&f, "key:%u", i);
        file_text(&f, "%0*u", 80, i);
    }

    file_end(&f);

    edge_connect(e, "PSYNC ? -1");
    assert_int_equal(edge_file(e, &f, 100, 1), KS_OK);
    ks_follow_lost(e->f, e->now, "cut");
    e->len = 0;
    edge_connect(e, "PSYNC " ID " 101");
    assert_int_equal(edge_file(e, &f, 200, 1), KS_OK);
    assert_non_null(strstr(e->log, "has not enough room for both"));
    assert_string_equal(line(e->b, "DBSIZE"), ":40000\r\n");
    assert_int_equal(edge_state(e).offset, 200);

    file_free(&f);
    edge_close(e);
}


/* It seemed to fit beside them, and did not: the next one takes their place. */

static void
test_tight(void **state)
{
    unsigned  i;
    file_t    f;
    edge_t   *e;

    (void) state;

    e = edge_open_spared(8 << 20);
    edge_keys(&f, 3);
    file_end(&f);
    edge_connect(e, "PSYNC ? -1");
    assert_int_equal(edge_file(e, &f, 100, 1), KS_OK);
    file_free(&f);

    own(e, "SET limit:large x");
    e->b->client.obeys = 1;
    linef(e->b, "SETRANGE limit:large %d x", 2500000);
    e->b->client.obeys = 0;

    edge_keys(&f, 0);

    for (i = 0; i < 40000; i++) {
        file_add(&f, "\0", 1);
        file_text(&f, "key:%u", i);
        file_text(&f, "%0*u", 80, i);
    }

    file_end(&f);

    ks_follow_lost(e->f, e->now, "cut");
    e->len = 0;
    edge_connect(e, "PSYNC " ID " 101");
    assert_int_equal(edge_file(e, &f, 200, 1), KS_ERR);
    assert_non_null(strstr(ks_follow_why(e->f), "is full"));
    ks_follow_lost(e->f, e->now, NULL);
    assert_string_equal(line(e->b, "GET k1"), "$1\r\n1\r\n");
    box_check(e->b);

    e->len = 0;
    edge_connect(e, "PSYNC " ID " 101");
    assert_int_equal(edge_file(e, &f, 200, 1), KS_ERR);
    assert_non_null(strstr(e->log, "has not enough room for both"));

    file_free(&f);
    edge_close(e);
}


/*
 * An edge that has all of a small file, and so much of its own that a value of
 * 3 MB, to which *value is set, has no room.
 */

static edge_t *
crowded(u_char **value)
{
    file_t   f;
    edge_t  *e;

    e = edge_open_spared(8 << 20);
    edge_keys(&f, 3);
    file_end(&f);
    edge_connect(e, "PSYNC ? -1");
    assert_int_equal(edge_file(e, &f, 100, 1), KS_OK);
    file_free(&f);

    assert_string_equal(own(e, "SETRANGE limit:a 2499999 x"), ":2500000\r\n");
    assert_string_equal(own(e, "SETRANGE limit:b 2499999 x"), ":2500000\r\n");

    *value = malloc(3 << 20);
    assert_non_null(*value);
    memset(*value, 'x', 3 << 20);
    e->cut = 1 << 24;

    return e;
}


/* the next try, in one cut; the state stays that of a zone that is full */

static void
again(edge_t *e, const file_t *f, int rc)
{
    ks_follow_lost(e->f, e->now, NULL);
    assert_true(edge_state(e).full);
    assert_int_equal(ks_follow_connected(e->f, e->now), KS_OK);
    assert_false(ks_follow_lacks_room(e->f));
    assert_int_equal(edge_gets(e, "+PONG\r\n+OK\r\n+OK\r\n+CONTINUE\r\n"),
                     KS_OK);
    e->len = 0;

    assert_true(edge_state(e).full);
    assert_int_equal(edge_state(e).link, KS_LINK_CONNECTING);
    assert_int_equal(edge_bytes(e, f->p, f->len), rc);
    assert_int_equal(ks_follow_lacks_room(e->f), rc != KS_OK);
    assert_true(edge_state(e).full);
}


static unsigned
lines_with(const edge_t *e, const char *text)
{
    unsigned     n;
    const char  *p;

    for (n = 0, p = e->log; (p = strstr(p, text)) != NULL; p++) {
        n++;
    }

    return n;
}


/* What is left out is told at once, and then once a minute. */

static void
test_left_out(void **state)
{
    unsigned  i;
    file_t    f = { NULL, 0, 0 };
    edge_t   *e;

    (void) state;

    e = edge_follows();
    aof_line(&f, "SELECT 1");

    for (i = 0; i < 1000; i++) {
        aof_line(&f, "SET a 1");
    }

    assert_int_equal(edge_bytes(e, f.p, f.len), KS_OK);
    assert_int_equal(lines_with(e, "were not applied"), 1);
    assert_int_equal(lines_with(e, "1 commands of the upstream"), 1);

    e->now += 59000;
    assert_int_equal(edge_gets(e, "*1\r\n$4\r\nPING\r\n"), KS_OK);
    assert_int_equal(ks_follow_tick(e->f, e->now), KS_OK);
    assert_int_equal(lines_with(e, "were not applied"), 1);

    e->now += 1000;
    assert_int_equal(ks_follow_tick(e->f, e->now), KS_OK);
    assert_int_equal(lines_with(e, "999 commands of the upstream were not "
                                   "applied, the last one \"SET\": it is for "
                                   "another database than 0"), 1);

    e->now += 1000;
    assert_int_equal(ks_follow_tick(e->f, e->now), KS_OK);
    assert_int_equal(lines_with(e, "were not applied"), 2);

    file_free(&f);
    edge_close(e);
}


/*
 * A zone that is full says so until it has come past what it had no room for,
 * and its place is right before that.
 */

static void
test_full_stays(void **state)
{
    file_t                f = { NULL, 0, 0 }, ping = { NULL, 0, 0 };
    edge_t               *e;
    size_t                head;
    u_char               *value;
    ks_upstream_state_t   st;

    (void) state;

    e = crowded(&value);
    edge_configure(e, 5000);

    assert_false(edge_state(e).full);
    assert_non_null(strstr(line(e->b, "INFO replication"),
                           "keyspace_upstream_full:0\r\n"));

    /* one that fits, what changes nothing, one that does not, others */

    aof_line(&f, "SET k1 2");
    aof_line(&f, "PING");
    head = f.len;
    file_str(&f, "*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$3145728\r\n");
    file_add(&f, value, 3 << 20);
    file_str(&f, "\r\n");
    aof_line(&f, "SELECT 3");
    aof_line(&f, "SET k2 3");
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_ERR);
    st = edge_state(e);
    assert_true(st.full);
    assert_int_equal(st.offset, 100 + head);
    assert_int_equal(st.db, 0);
    assert_int_equal(st.link, KS_LINK_CONNECTING);
    assert_true(ks_follow_lacks_room(e->f));
    assert_int_equal(lines_with(e, "is full"), 1);
    assert_non_null(strstr(line(e->b, "INFO replication"),
                           "keyspace_upstream_full:1\r\n"));
    assert_string_equal(line(e->b, "GET k1"), "$1\r\n2\r\n");

    /* it comes up for a moment each time: reads are out of date all the same */

    memmove(f.p, f.p + head, f.len - head);
    f.len -= head;
    e->now += 3000;
    again(e, &f, KS_ERR);
    e->now += 3000;
    again(e, &f, KS_ERR);
    ks_follow_tick(e->f, e->now);
    assert_string_equal(line(e->b, "GET k1"), "-" KS_ERR_MASTERDOWN "\r\n");
    assert_int_equal(edge_state(e).offset, 100 + head);
    assert_int_equal(lines_with(e, "is full"), 1);
    assert_int_equal(lines_with(e, "goes on at offset"), 0);

    /* nothing but a word of the link: it has not come further */

    e->now += 3000;
    again(e, &ping, KS_OK);
    e->now += 3000;
    assert_int_equal(ks_follow_tick(e->f, e->now), KS_OK);
    assert_true(edge_state(e).full);

    /* there is room: it takes a second until it is sure */

    assert_string_equal(own(e, "DEL limit:a"), ":1\r\n");
    again(e, &f, KS_OK);
    ks_follow_tick(e->f, e->now + 500);
    assert_true(edge_state(e).full);
    e->now += 1000;
    ks_follow_tick(e->f, e->now);
    st = edge_state(e);
    assert_false(st.full);
    assert_int_equal(st.link, KS_LINK_UP);
    assert_int_equal(st.since, e->now);
    assert_int_equal(lines_with(e, "there is room for the upstream's keys "
                                "again"), 1);
    assert_string_equal(line(e->b, "STRLEN v"), ":3145728\r\n");
    assert_string_equal(line(e->b, "GET k2"), "$1\r\n2\r\n");

    free(value);
    file_free(&f);
    edge_close(e);
}


/* A transaction, and one command that stands alone in its own. */

static void
test_full_before(void **state)
{
    file_t    f = { NULL, 0, 0 };
    edge_t   *e;
    size_t    head;
    u_char   *value;

    (void) state;

    e = crowded(&value);

    aof_line(&f, "SELECT 0");
    aof_line(&f, "PING");
    head = f.len;
    aof_line(&f, "MULTI");
    aof_line(&f, "PING");
    aof_line(&f, "SET k1 2");
    file_str(&f, "*3\r\n$3\r\nSET\r\n$1\r\nv\r\n$3145728\r\n");
    file_add(&f, value, 3 << 20);
    file_str(&f, "\r\n");
    aof_line(&f, "EXEC");
    assert_int_equal(edge_bytes(e, f.p, f.len), KS_ERR);
    assert_true(edge_state(e).full);
    assert_int_equal(edge_state(e).offset, 100 + head);
    assert_string_equal(line(e->b, "GET k1"), "$1\r\n1\r\n");

    /* all keys come anew, and fit */

    file_free(&f);
    ks_follow_lost(e->f, e->now, NULL);
    e->len = 0;
    edge_keys(&f, 5);
    file_end(&f);
    assert_int_equal(ks_follow_connected(e->f, e->now), KS_OK);
    assert_int_equal(edge_gets(e, "+PONG\r\n+OK\r\n+OK\r\n"), KS_OK);
    assert_int_equal(edge_file(e, &f, 500, 1), KS_OK);
    assert_false(edge_state(e).full);
    assert_int_equal(edge_state(e).link, KS_LINK_UP);

    /* a zone that follows nobody is not full */

    assert_true(ks_upstream_set_full(e->b->client.space, 1, e->now));
    assert_false(ks_upstream_set_full(e->b->client.space, 1, e->now));
    assert_true(edge_state(e).full);
    ks_upstream_configure(ks_space_zone(e->b->client.space), NULL);
    assert_false(edge_state(e).full);
    assert_false(ks_upstream_set_full(e->b->client.space, 1, e->now));

    free(value);
    file_free(&f);
    edge_close(e);
}


/* What writes without a command is barred, but of local keys. */

static void
put_body(ks_space_t *sp, void *data)
{
    ks_str_t    *key = data, value = ks_str("x");
    ks_entry_t  *e;

    e = ks_lookup(sp, key, KS_LOOKUP_WRITE);
    (void) ks_string_set(sp, key, e, &value, KS_ENC_RAW, KS_NO_EXPIRE);
}


static void
test_barred(void **state)
{
    file_t       f;
    edge_t      *e;
    ks_str_t     keys[] = { ks_str("k1"), ks_str("new"), ks_str("limit:a") };
    ks_space_t  *sp;

    (void) state;

    e = edge_open_spared(8 << 20);
    sp = e->b->client.space;
    edge_keys(&f, 3);
    file_end(&f);
    edge_connect(e, "PSYNC ? -1");
    assert_int_equal(edge_file(e, &f, 100, 1), KS_OK);

    assert_int_equal(transaction(sp, ks_all_shards(sp), put_body, &keys[0]),
                     KS_ABORTED);
    assert_true(ks_barred(sp));
    assert_int_equal(transaction(sp, ks_all_shards(sp), put_body, &keys[1]),
                     KS_ABORTED);
    assert_int_equal(transaction(sp, ks_all_shards(sp), put_body, &keys[2]),
                     KS_OK);
    assert_false(ks_barred(sp));
    assert_string_equal(line(e->b, "MGET k1 new limit:a"),
                        "*3\r\n$1\r\n1\r\n$-1\r\n$1\r\nx\r\n");

    file_free(&f);
    edge_close(e);
}


/* A key that is watched has changed, though it is there before and after. */

static void
watch_one(ks_space_t *sp, void *data)
{
    ks_str_t  key = ks_str("k1");

    ks_watch(sp, &key, data);
}


static ks_watched_t  watched_one;
static int           unchanged_one;

static void
look_one(ks_space_t *sp, void *data)
{
    ks_str_t  key = ks_str("k1");

    (void) data;

    unchanged_one = ks_unchanged(sp, &key, &watched_one);
}


static void
test_lag(void **state)
{
    edge_t               *e;
    const char           *half = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n";
    ks_upstream_state_t   st;

    (void) state;

    e = edge_follows();
    st = edge_state(e);
    assert_int_equal(ks_upstream_lag(&st), 0);

    /* of what has come not all is a command, and more is there */

    assert_int_equal(edge_gets(e, half), KS_OK);
    st = edge_state(e);
    assert_int_equal(ks_upstream_lag(&st), strlen(half));
    ks_follow_known(e->f, 100);
    st = edge_state(e);
    assert_int_equal(ks_upstream_lag(&st), strlen(half) + 100);
    assert_non_null(strstr(line(e->b, "INFO replication"),
                           "keyspace_upstream_lag_bytes:120\r\n"));

    assert_int_equal(edge_gets(e, "$1\r\nb\r\n"), KS_OK);
    st = edge_state(e);
    assert_int_equal(ks_upstream_lag(&st), 100 - 7);

    /* another link begins anew with what is known */

    ks_follow_lost(e->f, e->now, "cut");
    st = edge_state(e);
    assert_int_equal(ks_upstream_lag(&st), 100 - 7);
    e->len = 0;
    assert_int_equal(ks_follow_connected(e->f, e->now), KS_OK);
    assert_int_equal(edge_gets(e, "+PONG\r\n+OK\r\n+OK\r\n+CONTINUE\r\n"),
                     KS_OK);
    st = edge_state(e);
    assert_int_equal(st.link, KS_LINK_UP);
    assert_int_equal(ks_upstream_lag(&st), 0);

    edge_close(e);
}


static void
test_watched(void **state)
{
    file_t       f;
    edge_t      *e;
    ks_space_t  *sp;

    (void) state;

    e = edge_open_spared(8 << 20);
    sp = e->b->client.space;
    edge_keys(&f, 3);
    file_end(&f);
    edge_connect(e, "PSYNC ? -1");
    assert_int_equal(edge_file(e, &f, 100, 1), KS_OK);

    transaction(sp, ks_all_shards(sp), watch_one, &watched_one);
    transaction(sp, ks_all_shards(sp), look_one, NULL);
    assert_true(unchanged_one);

    ks_follow_lost(e->f, e->now, "cut");
    e->len = 0;
    edge_connect(e, "PSYNC " ID " 101");
    assert_int_equal(edge_file(e, &f, 200, 1), KS_OK);
    transaction(sp, ks_all_shards(sp), look_one, NULL);
    assert_false(unchanged_one);

    transaction(sp, ks_all_shards(sp), watch_one, &watched_one);
    transaction(sp, ks_all_shards(sp), look_one, NULL);
    assert_true(unchanged_one);

    file_free(&f);
    edge_close(e);
}


/* --- REPLICAOF --- */

static void
order_one(ks_space_t *sp, void *data)
{
    ks_str_t  host = ks_str("10.0.0.7");

    (void) data;

    assert_int_equal(ks_role_replica(sp, &host, 6380), KS_OK);
}


/* What the upstream of before still sends changes nothing, nor its place. */

static void
test_order(void **state)
{
    unsigned             i;
    file_t               f;
    edge_t              *e;
    ks_space_t          *sp;
    ks_upstream_state_t  st;

    static const char  *lines[] = {
        "SET k1 other", "FLUSHALL", "SWAPDB 0 1", "MULTI"
    };

    (void) state;

    for (i = 0; i < 4; i++) {
        e = edge_follows();
        sp = e->b->client.space;
        transaction(sp, ks_all_shards(sp), order_one, NULL);

        memset(&f, 0, sizeof(f));
        aof_line(&f, lines[i]);

        if (i == 3) {
            aof_line(&f, "DEL k1");
            aof_line(&f, "EXEC");
        }

        assert_int_equal(edge_bytes(e, f.p, f.len), KS_ERR);
        assert_string_equal(ks_follow_why(e->f),
                            "REPLICAOF has said something else");

        st = edge_state(e);
        assert_memory_equal(st.replid, ID, KS_REPLID);
        assert_int_equal(st.offset, 100);
        assert_string_equal(st.host, "10.0.0.7");
        assert_string_equal(line(e->b, "GET k1"), "$1\r\n1\r\n");

        file_free(&f);
        edge_close(e);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_cut_file),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_renamed),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_promises),
        cmocka_unit_test(test_gate),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_full_stays),
        cmocka_unit_test(test_full_before),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_claim),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_local_mixed),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_tight),
        cmocka_unit_test(test_barred),
        cmocka_unit_test(test_lag),
        cmocka_unit_test(test_watched),
        cmocka_unit_test(test_order)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
