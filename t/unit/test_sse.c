/*
 * Events of pushes and of replies: what stands as it is, what is escaped, and
 * that each is one event whatever the bytes are.
 */

#include "protocol_test.h"

#include "commands/ks_args.h"
#include "protocol/ks_sse.h"


static void
check_push(ks_push_kind_t kind, const char *pattern, const char *channel,
    const char *text, size_t len, const char *event)
{
    ks_push_t    push;
    ks_bytes_t  *b;

    memset(&push, 0, sizeof(push));
    push.kind = kind;
    push.pattern = ks_text(pattern);
    push.channel = ks_text(channel);
    push.text.data = (u_char *) text;
    push.text.len = len;

    b = ks_push_sse(&push);
    assert_non_null(b);
    assert_ptr_equal(b, ks_push_sse(&push));

    assert_int_equal(b->len, strlen(event));
    assert_memory_equal(b->data, event, b->len);

    ks_push_release(&push);
}


static void
test_pushes(void **state)
{
    (void) state;

    check_push(KS_PUSH_MESSAGE, "", "news", LIT("hello"),
               "data: message,news,hello\n\n");
    check_push(KS_PUSH_PMESSAGE, "n*", "news", LIT("a,b,,c"),
               "data: pmessage,n*,news,a,b,,c\n\n");
    check_push(KS_PUSH_SMESSAGE, "", "s", LIT(""), "data: smessage,s,\n\n");
    check_push(KS_PUSH_MONITOR, "", "", LIT("1.5 [0 a:1] \"GET\" \"k\""),
               "data: 1.5 [0 a:1] \"GET\" \"k\"\n\n");

    check_push(KS_PUSH_PMESSAGE, "a,*", "a,b", LIT("x"),
               "data: pmessage, \"a\\u002c*\", \"a\\u002cb\",x\n\n");
    check_push(KS_PUSH_MESSAGE, "", "c", LIT("a\nb\r\"\\\t"),
               "data: message,c, \"a\\u000ab\\u000d\\\"\\\\\\u0009\"\n\n");
    check_push(KS_PUSH_MESSAGE, "", "c", LIT("\t\"plain\""),
               "data: message,c,\t\"plain\"\n\n");
    check_push(KS_PUSH_MESSAGE, "", "c", LIT(" \"x"),
               "data: message,c, \" \\\"x\"\n\n");
    check_push(KS_PUSH_MESSAGE, "", "c", LIT("\xe2\x82\xac"),
               "data: message,c,\xe2\x82\xac\n\n");
    check_push(KS_PUSH_MESSAGE, "", "c", LIT("\xe2\x82\xac\xe2\x82\0"),
               "data: message,c, \"\xe2\x82\xac\\udce2\\udc82\\u0000\"\n\n");
}


static void
test_replies(void **state)
{
    pool_t    pool;
    ks_out_t  out;
    ks_sse_t  w;

    static const char  events[] =
        "data: subscribe,a,1\n\n"
        "data: subscribe, \"b\\u002c\",2\n\n"
        "data: \"OK\"\n\n"
        "data: null\n\n";

    (void) state;

    memset(&pool, 0, sizeof(pool));
    ks_out_init(&out, NULL, 0, pool_alloc, &pool);
    ks_sse_init(&w, &out);

    w.reply.ops->mark(&w.reply);
    w.reply.ops->open(&w.reply, KS_AGG_PUSH, 3);
    ks_reply_cstr(&w.reply, "half");
    ks_reply_error(&w.reply, "ERR why");
    assert_int_equal(w.why.len, 7);
    assert_true(w.reply.failed);

    w.reply.ops->rewind(&w.reply);
    assert_int_equal(w.why.len, 0);

    w.reply.ops->open(&w.reply, KS_AGG_PUSH, 3);
    ks_reply_cstr(&w.reply, "subscribe");
    ks_reply_cstr(&w.reply, "a");
    ks_reply_integer(&w.reply, 1);
    w.reply.ops->open(&w.reply, KS_AGG_PUSH, 3);
    ks_reply_cstr(&w.reply, "subscribe");
    ks_reply_cstr(&w.reply, "b,");
    ks_reply_integer(&w.reply, 2);
    ks_reply_ok(&w.reply);
    ks_reply_null(&w.reply);

    assert_false(w.reply.failed);
    assert_int_equal(out.size, sizeof(events) - 1);
    assert_memory_equal(out.tail->last - out.size, events, out.size);

    pool_free(&pool);
}


static void
test_no_memory(void **state)
{
    pool_t    pool;
    ks_out_t  out;
    ks_sse_t  w;

    (void) state;

    memset(&pool, 0, sizeof(pool));
    pool.refuse = 1;
    ks_out_init(&out, NULL, 0, pool_alloc, &pool);
    ks_sse_init(&w, &out);

    ks_reply_cstr(&w.reply, "text");
    assert_true(ks_reply_lost(&w.reply));

    pool_free(&pool);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_pushes),
        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_no_memory)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
