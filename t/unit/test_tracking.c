/*
 * Clients that are told of what they have read, between two handles on a zone;
 * and what processes ask each other.
 */

#include "engine_test.h"
#include "bus/ks_invalidate.h"
#include "commands/ks_args.h"
#include "keyspace/ks_aof.h"
#include "keyspace/ks_keyspace.h"


#define SIZE  (4u << 20)
#define RING  (256u * 1024)

/* a client, and what was pushed to it, its keys separated by spaces */
typedef struct {
    ks_sink_t     sink;
    ks_peer_t     peer;
    ks_tracker_t  t;
    char          told[4096];
} reader_t;

typedef struct {
    ks_space_t  *sp[2];
    ks_peers_t   peers[2];
} pair_t;

static unsigned  notices;


static void
sink_push(ks_sink_t *sink, ks_push_t *push)
{
    size_t     i;
    reader_t  *r = (reader_t *) sink;

    if (push->kind == KS_PUSH_REDIRECTION_BROKEN) {
        strcat(r->told, "broken;");
        return;
    }

    assert_int_equal(push->kind, KS_PUSH_INVALIDATE);

    for (i = 0; i < push->nkeys; i++) {
        strncat(r->told, (char *) push->keys[i].data, push->keys[i].len);
        strcat(r->told, i + 1 < push->nkeys ? " " : "");
    }

    strcat(r->told, push->nkeys ? ";" : "all;");
}


static void
sink_lost(ks_sink_t *sink)
{
    (void) sink;
}


static const ks_sink_ops_t  sink_ops = { sink_push, sink_lost };


/* one answers with its clients' ids, three in each piece */

static void
answer(ks_space_t *sp, ks_peers_t *peers, const ks_question_t *q,
    ks_answer_t *a)
{
    int         n;
    ks_peer_t  *peer;

    if (a == NULL) {
        notices++;
        ks_invalidate_notice(sp, peers, q);
        return;
    }

    for (n = 0, peer = peers->first; peer != NULL; peer = peer->next) {

        if (peer->id <= q->after) {
            continue;
        }

        if (n++ == 3) {
            return;
        }

        a->len += (size_t) sprintf((char *) a->data + a->len, "%llu ",
                                   (unsigned long long) peer->id);
        a->number++;
        a->after = peer->id;
    }

    a->after = 0;
}


static void
pair_open(pair_t *p)
{
    int  i;

    memset(p, 0, sizeof(pair_t));
    notices = 0;

    for (i = 0; i < 2; i++) {
        p->sp[i] = i ? ks_space_open(ks_space_zone(p->sp[0]))
                     : open_zone_told(SIZE, 4, KS_NOEVICTION, RING);
        assert_int_equal(ks_hub_open(p->sp[i], (uint32_t) i, NULL, NULL),
                         KS_OK);
        assert_int_equal(ks_asks_open(p->sp[i], &p->peers[i], answer), KS_OK);
    }
}


static void
pair_close(pair_t *p)
{
    int  i;

    for (i = 1; i >= 0; i--) {
        ks_asks_close(p->sp[i]);
        ks_hub_close(p->sp[i]);
    }

    ks_space_close(p->sp[1]);
    close_zone(p->sp[0]);
}


static void
pair_hear(pair_t *p)
{
    int  i;

    for (i = 0; i < 8; i++) {
        ks_hub_hear(p->sp[i % 2], RING);
    }
}


static void
reader_come(pair_t *p, int side, reader_t *r)
{
    memset(r, 0, sizeof(reader_t));
    r->sink.ops = &sink_ops;
    r->peer.id = ks_next_id(p->sp[side]);
    r->peer.sink = &r->sink;
    r->t.peer = &r->peer;
    assert_int_equal(ks_peers_add(&p->peers[side], &r->peer), KS_OK);
}


static void
reader_on(pair_t *p, int side, reader_t *r)
{
    reader_come(p, side, r);
    assert_int_equal(ks_tracking_on(p->sp[side], &p->peers[side], &r->t),
                     KS_OK);
}


static void
reader_go(pair_t *p, int side, reader_t *r)
{
    ks_tracking_off(p->sp[side], &r->t);
    ks_peers_remove(&p->peers[side], &r->peer);
}


typedef struct {
    ks_str_t   key;
    reader_t  *reader;
    uint64_t   author;
} step_t;


static void
read_body(ks_space_t *sp, void *data)
{
    step_t  *s = data;

    ks_lookup(sp, &s->key, KS_LOOKUP_READ);
    ks_tracking_read(sp, &s->reader->t, &s->key);
}


static void
write_body(ks_space_t *sp, void *data)
{
    step_t      *s = data;
    ks_str_t     v = ks_text("v");
    ks_entry_t  *e;

    ks_set_author(sp, s->author);
    e = ks_lookup(sp, &s->key, KS_LOOKUP_WRITE);
    ks_string_set(sp, &s->key, e, &v, KS_ENC_RAW, 0);
}


static void
reads(pair_t *p, int side, reader_t *r, const char *key)
{
    step_t  s = { ks_text(key), r, 0 };

    assert_int_equal(transaction(p->sp[side],
                                 ks_key_shard(p->sp[side], &s.key), read_body,
                                 &s), KS_OK);
}


static void
writes(pair_t *p, int side, const char *key, uint64_t author)
{
    step_t  s = { ks_text(key), NULL, author };

    assert_int_equal(transaction(p->sp[side],
                                 ks_key_shard(p->sp[side], &s.key), write_body,
                                 &s), KS_OK);
}


static void
flush_body(ks_space_t *sp, void *data)
{
    (void) data;
    ks_flush(sp);
}


static void
is_told(pair_t *p, reader_t *r, const char *what)
{
    pair_hear(p);
    assert_string_equal(r->told, what);
    r->told[0] = '\0';
}


static void
test_tracking(void **unused)
{
    pair_t    p;
    reader_t  a, b, c;

    (void) unused;

    pair_open(&p);
    writes(&p, 1, "k", 0);
    assert_int_equal(ks_journal_head(&p.sp[0]->mem), 0);

    reader_on(&p, 0, &a);
    reader_on(&p, 0, &b);
    reader_on(&p, 1, &c);

    reads(&p, 0, &a, "k");
    reads(&p, 0, &b, "k");
    reads(&p, 1, &c, "k");
    reads(&p, 1, &c, "l");

    writes(&p, 1, "k", 0);
    is_told(&p, &a, "k;");
    is_told(&p, &b, "k;");
    is_told(&p, &c, "k;");

    writes(&p, 0, "k", 0);
    is_told(&p, &a, "");
    is_told(&p, &c, "");

    /* not by itself, if it likes it so */

    writes(&p, 1, "l", c.peer.id);
    is_told(&p, &c, "");
    writes(&p, 1, "l", 0);
    is_told(&p, &c, "");
    reads(&p, 1, &c, "l");
    writes(&p, 0, "l", 0);
    is_told(&p, &c, "l;");

    reads(&p, 0, &a, "x");
    transaction(p.sp[1], ks_all_shards(p.sp[1]), flush_body, NULL);
    is_told(&p, &a, "all;");
    is_told(&p, &c, "all;");
    is_told(&p, &b, "all;");

    reader_go(&p, 0, &a);
    reader_go(&p, 0, &b);
    reader_go(&p, 1, &c);
    assert_int_equal(ks_journal_told(&p.sp[0]->mem), 0);
    pair_close(&p);
}


/*
 * What a client reads behind a change of its own process is not forgotten when
 * the process hears of that change.
 */

static void
test_order(void **unused)
{
    pair_t               p;
    reader_t             a, b;
    ks_tracking_stats_t  st;

    (void) unused;

    pair_open(&p);
    reader_on(&p, 0, &a);
    reader_on(&p, 0, &b);

    writes(&p, 0, "k", a.peer.id);
    reads(&p, 0, &a, "k");
    is_told(&p, &a, "");
    writes(&p, 1, "k", 0);
    is_told(&p, &a, "k;");

    /* nor what it has read before */

    reads(&p, 0, &b, "k");
    writes(&p, 0, "k", a.peer.id);
    reads(&p, 0, &b, "k");
    is_told(&p, &b, "k;");
    is_told(&p, &a, "");
    writes(&p, 1, "k", 0);
    is_told(&p, &b, "k;");
    writes(&p, 1, "k", 0);
    is_told(&p, &b, "");

    /* a flush */

    reads(&p, 0, &a, "k");
    reads(&p, 0, &b, "l");
    transaction(p.sp[0], ks_all_shards(p.sp[0]), flush_body, NULL);
    reads(&p, 0, &a, "k");
    is_told(&p, &a, "all;");
    is_told(&p, &b, "all;");
    ks_tracking_stats(p.sp[0], &st);
    assert_int_equal(st.keys, 1);
    assert_int_equal(st.items, 1);
    writes(&p, 1, "l", 0);
    writes(&p, 1, "k", 0);
    is_told(&p, &a, "k;");
    is_told(&p, &b, "");

    /* what was before it came is none of its business */

    writes(&p, 0, "k", 0);
    transaction(p.sp[0], ks_all_shards(p.sp[0]), flush_body, NULL);
    reader_go(&p, 0, &a);
    reader_on(&p, 0, &a);
    is_told(&p, &a, "");
    is_told(&p, &b, "all;");

    reader_go(&p, 0, &a);
    reader_go(&p, 0, &b);
    pair_close(&p);
}


/* the zone's bits are of use, or go */

static void
test_bits(void **unused)
{
    pair_t    p;
    reader_t  a;
    uint64_t  head;

    (void) unused;

    pair_open(&p);
    reader_on(&p, 0, &a);
    reads(&p, 0, &a, "k");

    writes(&p, 1, "k", 0);
    is_told(&p, &a, "k;");
    writes(&p, 1, "k", 0);
    is_told(&p, &a, "");

    /* after one in vain, nothing more is told */

    head = ks_journal_head(&p.sp[0]->mem);
    writes(&p, 1, "k", 0);
    assert_int_equal(ks_journal_head(&p.sp[0]->mem), head);

    reads(&p, 0, &a, "k");
    writes(&p, 1, "k", 0);
    is_told(&p, &a, "k;");

    reader_go(&p, 0, &a);
    pair_close(&p);
}


static void
test_broadcast(void **unused)
{
    pair_t    p;
    reader_t  a, b;
    ks_str_t  foo = ks_text("foo");
    ks_str_t  bar = ks_text("bar");

    (void) unused;

    pair_open(&p);
    memset(&b, 0, sizeof(b));
    reader_come(&p, 0, &a);
    reader_come(&p, 0, &b);
    a.t.bcast = 1;
    b.t.bcast = 1;
    assert_int_equal(ks_tracking_on(p.sp[0], &p.peers[0], &a.t), KS_OK);
    assert_int_equal(ks_tracking_on(p.sp[0], &p.peers[0], &b.t), KS_OK);
    assert_int_equal(ks_tracking_prefix(&a.t, &foo), KS_OK);
    assert_int_equal(ks_tracking_prefix(&a.t, &bar), KS_OK);
    assert_int_equal(ks_tracking_prefix(&b.t, &foo), KS_OK);

    writes(&p, 1, "foo2", 0);
    writes(&p, 1, "other", 0);
    writes(&p, 1, "foo1", b.peer.id);
    writes(&p, 0, "bar", 0);
    writes(&p, 1, "foo2", 0);
    is_told(&p, &a, "bar;foo1 foo2;");
    is_told(&p, &b, "foo2;");

    reader_go(&p, 0, &a);
    reader_go(&p, 0, &b);
    pair_close(&p);
}


static void
test_bounded(void **unused)
{
    int                   i, n;
    char                  key[16];
    pair_t                p;
    reader_t              a;
    ks_tracking_stats_t   st;

    (void) unused;

    pair_open(&p);
    ks_zone_set(ks_space_zone(p.sp[0]), KS_SETTING_TRACKING_KEYS, 10);
    reader_on(&p, 0, &a);

    for (n = 0, i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        reads(&p, 0, &a, key);
        pair_hear(&p);
        n += (strlen(a.told) != 0);
        a.told[0] = '\0';
    }

    ks_tracking_stats(p.sp[0], &st);
    assert_int_equal(st.clients, 1);
    assert_int_equal(st.keys, 10);
    assert_int_equal(n, 90);

    reader_go(&p, 0, &a);
    pair_close(&p);
}


static void
test_redirected(void **unused)
{
    pair_t    p;
    reader_t  a, far;

    (void) unused;

    pair_open(&p);
    reader_on(&p, 0, &a);
    reader_come(&p, 1, &far);
    a.t.redirect = far.peer.id;
    a.t.away = ks_hub_bit(p.sp[1]);

    reads(&p, 0, &a, "k");
    writes(&p, 0, "k", 0);
    is_told(&p, &far, "k;");
    is_told(&p, &a, "");

    ks_peers_remove(&p.peers[1], &far.peer);
    reads(&p, 0, &a, "k");
    writes(&p, 0, "k", 0);
    is_told(&p, &a, "broken;");
    assert_true(a.t.broken);

    reader_go(&p, 0, &a);
    pair_close(&p);
}


static void
test_ask(void **unused)
{
    int        i;
    char      *word;
    pair_t     p;
    ks_ask_t   ask;
    ks_str_t   text = ks_text("?");
    ks_str_t   none = { 0, NULL };
    reader_t   r[8];

    (void) unused;

    pair_open(&p);
    memset(&ask, 0, sizeof(ask));

    for (i = 0; i < 8; i++) {
        reader_come(&p, 1, &r[i]);
    }

    assert_int_equal(ks_ask(p.sp[0], &ask, KS_ASK_LIST, &text, 1000), KS_OK);
    assert_true(ks_ask_waits(&ask, 1999));
    assert_false(ks_ask_waits(&ask, 2000));
    pair_hear(&p);
    assert_false(ks_ask_waits(&ask, 1000));
    assert_int_equal(ask.number, 8);
    assert_int_equal(ask.who, ks_hub_bit(p.sp[1]));

    for (i = 0, word = (char *) ask.data; i < 8; i++) {
        assert_int_equal(strtoull(word, &word, 10), r[i].peer.id);
    }

    ks_ask_end(&ask);
    assert_int_equal(ask.id, 0);

    ks_ask_all(p.sp[0], KS_ASK_RESUME, &none);
    pair_hear(&p);
    assert_int_equal(notices, 2);

    for (i = 0; i < 8; i++) {
        ks_peers_remove(&p.peers[1], &r[i].peer);
    }

    pair_close(&p);
}


static void
test_pause(void **unused)
{
    uint64_t     until;
    ks_space_t  *sp;

    (void) unused;

    sp = open_zone_told(SIZE, 4, KS_NOEVICTION, RING);
    assert_false(ks_gate_set(sp));

    ks_pause(sp, KS_PAUSE_WRITE, 1000, 3000);
    assert_int_equal(ks_paused(sp, 2999, &until), KS_PAUSE_WRITE);
    assert_int_equal(until, 3000);

    /* what ends later and what holds back more stays */

    ks_pause(sp, KS_PAUSE_ALL, 1000, 2000);
    assert_int_equal(ks_paused(sp, 2999, &until), KS_PAUSE_ALL);
    ks_pause(sp, KS_PAUSE_WRITE, 1000, 4000);
    assert_int_equal(ks_paused(sp, 3999, &until), KS_PAUSE_ALL);
    assert_int_equal(ks_paused(sp, 4000, &until), KS_PAUSE_NONE);

    assert_true(ks_gate_set(sp));
    ks_pause_over(sp, 3999);
    assert_true(ks_gate_set(sp));
    ks_pause_over(sp, 4000);
    assert_false(ks_gate_set(sp));

    ks_pause(sp, KS_PAUSE_WRITE, 5000, 6000);
    assert_int_equal(ks_paused(sp, 5000, &until), KS_PAUSE_WRITE);
    ks_pause(sp, KS_PAUSE_NONE, 0, 0);
    assert_false(ks_gate_set(sp));

    close_zone(sp);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_tracking),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_redirected),
        cmocka_unit_test(test_ask),
        cmocka_unit_test(test_pause)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
