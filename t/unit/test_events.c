/*
 * Events of keyspace_events: both forms, any bytes, and that none of these ends
 * a line or an event.
 */

#include "protocol_test.h"

#include "protocol/ks_events.h"
#include "protocol/ks_websocket.h"


static ks_str_t
str(const char *p, size_t len)
{
    ks_str_t  s;

    s.data = (u_char *) p;
    s.len = len;

    return s;
}


static void
check(const ks_event_of_t *e, const char *sse, const char *json)
{
    ks_text_t   t;
    ks_event_of_t  copy;
    u_char      head[KS_WS_HEADER_MAX];
    size_t      size;

    copy = *e;
    memset(&t, 0, sizeof(t));

    ks_event_sse(&t, &copy);
    assert_false(t.failed);
    assert_int_equal(t.len, strlen(sse));
    assert_memory_equal(t.data, sse, t.len);

    t.len = 0;
    ks_event_json(&t, &copy);
    assert_int_equal(t.len, strlen(json));
    assert_memory_equal(t.data, json, t.len);

    t.len = 0;
    ks_event_frame(&t, &copy);
    size = ks_ws_header_size(strlen(json));
    (void) ks_ws_header(head, KS_WS_TEXT, strlen(json));
    assert_int_equal(t.len, size + strlen(json));
    assert_memory_equal(t.data, head, size);
    assert_memory_equal(t.data + size, json, strlen(json));

    free(t.data);
}


static void
test_forms(void **state)
{
    ks_event_of_t  e;

    ks_str_t  fields[] = {
        ks_str("order"), ks_str("7"), ks_str("note"), ks_str("a\nb")
    };

    (void) state;

    memset(&e, 0, sizeof(e));
    e.id = str(LIT("1-2"));
    e.name = str(LIT("paid"));
    e.text = str(LIT("hello"));

    check(&e, "id: 1-2\nevent: paid\ndata: hello\n\n",
          "{\"id\":\"1-2\",\"event\":\"paid\",\"data\":\"hello\"}");

    e.data = KS_DATA_FIELDS;
    e.fields = fields;
    e.nfields = 4;
    check(&e, "id: 1-2\nevent: paid\n"
              "data: {\"order\":\"7\",\"note\":\"a\\u000ab\"}\n\n",
          "{\"id\":\"1-2\",\"event\":\"paid\","
          "\"data\":{\"order\":\"7\",\"note\":\"a\\u000ab\"}}");

    e.name.len = 0;
    e.nfields = 0;
    check(&e, "id: 1-2\ndata: {}\n\n", "{\"id\":\"1-2\",\"data\":{}}");

    e.data = KS_DATA_NONE;
    check(&e, "id: 1-2\n\n", "{\"id\":\"1-2\"}");

    e.id.len = 0;
    e.name = str(LIT("x"));
    check(&e, "event: x\n\n", "{\"event\":\"x\"}");

    e.name.len = 0;
    e.data = KS_DATA_TEXT;
    e.text.len = 0;
    check(&e, "data: \n\n", "{\"data\":\"\"}");
}


static void
check_text(const char *p, size_t len, const char *sse, const char *json)
{
    ks_event_of_t  e;

    memset(&e, 0, sizeof(e));
    e.text = str(p, len);

    check(&e, sse, json);
}


static void
test_bytes(void **state)
{
    ks_event_of_t  e;

    (void) state;

    check_text(LIT("a\nb"), "data: a\ndata: b\n\n", "{\"data\":\"a\\u000ab\"}");
    check_text(LIT("a\r\nb\rc\n"), "data: a\ndata: b\ndata: c\ndata: \n\n",
               "{\"data\":\"a\\u000d\\u000ab\\u000dc\\u000a\"}");
    check_text(LIT("\n\n"), "data: \ndata: \ndata: \n\n",
               "{\"data\":\"\\u000a\\u000a\"}");
    check_text(LIT("x\n\nid: 9\ndata: forged\n\n"),
               "data: x\ndata: \ndata: id: 9\ndata: data: forged\n"
               "data: \ndata: \n\n",
               "{\"data\":\"x\\u000a\\u000aid: 9\\u000adata: forged"
               "\\u000a\\u000a\"}");
    check_text(LIT(" \t\"\\/"), "data:  \t\"\\/\n\n",
               "{\"data\":\" \\u0009\\\"\\\\/\"}");
    check_text(LIT("\xe2\x82\xac\xff\xe2\x82"),
               "data: \xe2\x82\xac" "\xef\xbf\xbd" "\xef\xbf\xbd"
               "\xef\xbf\xbd\n\n",
               "{\"data\":\"\xe2\x82\xac\\udcff\\udce2\\udc82\"}");
    check_text(LIT("\xed\xa0\x80"),
               "data: \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n\n",
               "{\"data\":\"\\udced\\udca0\\udc80\"}");

    /* a name has one line, whatever it is */
    memset(&e, 0, sizeof(e));
    e.name = str(LIT("a\nid: 1\r\xff\x7f"));
    e.data = KS_DATA_NONE;
    check(&e, "event: a\xef\xbf\xbdid: 1\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
              "\n\n",
          "{\"event\":\"a\\u000aid: 1\\u000d\\udcff\x7f\"}");
}


/* As an EventSource reads it: how many events there are, and lines of data. */

static void
count(const ks_text_t *t, unsigned *events, unsigned *lines)
{
    size_t  i, from;

    *events = 0;
    *lines = 0;

    for (i = 0, from = 0; i < t->len; i++) {

        if (t->data[i] != '\n' && t->data[i] != '\r') {
            continue;
        }

        if (i == from) {
            ++*events;

        } else if (i - from >= 6
                   && memcmp(t->data + from, "data: ", 6) == 0)
        {
            ++*lines;
        }

        from = i + 1;
    }
}


static void
test_random_bytes(void **state)
{
    size_t         i, len;
    u_char         text[64];
    uint64_t       seed;
    unsigned       round, events, lines;
    ks_text_t      t;
    ks_str_t       fields[2];
    ks_event_of_t  e;

    static const char  likely[] = "\n\r:d \0\x80\xe2";

    (void) state;

    seed = 13;
    memset(&t, 0, sizeof(t));

    for (round = 0; round < 20000; round++) {
        len = test_random(&seed, sizeof(text));

        for (i = 0; i < len; i++) {
            text[i] = (u_char) (test_random(&seed, 2)
                                ? likely[test_random(&seed, 8)]
                                : (int) test_random(&seed, 256));
        }

        memset(&e, 0, sizeof(e));
        e.text = str((char *) text, len);
        e.name = e.text;
        fields[0] = e.text;
        fields[1] = e.text;
        e.fields = fields;
        e.nfields = 2;

        t.len = 0;
        ks_event_sse(&t, &e);
        count(&t, &events, &lines);
        assert_int_equal(events, 1);

        e.data = KS_DATA_FIELDS;
        t.len = 0;
        ks_event_sse(&t, &e);
        count(&t, &events, &lines);
        assert_int_equal(events, 1);
        assert_int_equal(lines, 1);

        t.len = 0;
        ks_event_json(&t, &e);

        for (i = 0; i < t.len; i++) {
            assert_true(t.data[i] >= 0x20);
        }
    }

    free(t.data);
}


static void
check_push(ks_push_kind_t kind, ks_form_kind_t form, const char *want)
{
    ks_push_t    push;
    ks_bytes_t  *b;

    memset(&push, 0, sizeof(push));
    push.kind = kind;
    push.pattern = str(LIT("n*"));
    push.channel = str(LIT("news"));
    push.text = str(LIT("hi"));

    b = ks_push_event(&push, form);
    assert_non_null(b);
    assert_ptr_equal(b, ks_push_event(&push, form));
    assert_int_equal(b->len, strlen(want));
    assert_memory_equal(b->data, want, b->len);

    ks_push_release(&push);
}


static void
test_pushes(void **state)
{
    (void) state;

    check_push(KS_PUSH_MESSAGE, KS_FORM_TEXT_EVENT, "data: hi\n\n");
    check_push(KS_PUSH_MESSAGE, KS_FORM_JSON_EVENT,
               "data: {\"channel\":\"news\",\"message\":\"hi\"}\n\n");
    check_push(KS_PUSH_PMESSAGE, KS_FORM_TEXT_EVENT,
               "data: {\"channel\":\"news\",\"message\":\"hi\"}\n\n");
    check_push(KS_PUSH_MESSAGE, KS_FORM_TEXT_FRAME,
               "\x81\x0d{\"data\":\"hi\"}");
    check_push(KS_PUSH_PMESSAGE, KS_FORM_TEXT_FRAME,
               "\x81\x2a{\"data\":{\"channel\":\"news\",\"message\":\"hi\"}}");
    check_push(KS_PUSH_MESSAGE, KS_FORM_JSON_FRAME,
               "\x81\x2a{\"data\":{\"channel\":\"news\",\"message\":\"hi\"}}");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_pushes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
