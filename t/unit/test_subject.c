/*
 * The sessions of a subject: which are known, which are ended, and what of that
 * others can see and do.
 */

#include "event_test.h"

#include "commands/ks_session.h"


#define TTL       20000u
#define ABSOLUTE  50000u
#define PREFIX    "session:"

static ks_session_rule_t  rule = {
    TTL, ABSOLUTE, 3000, 0, ks_str("user"), 0
};


static ks_str_t
key_of(int n)
{
    static char      text[4][80];
    static unsigned  next;

    next = (next + 1) % 4;
    snprintf(text[next], sizeof(text[next]), PREFIX "%064d", n);

    return ks_text(text[next]);
}


/* session n, or one that begins (0), gets these; to: its key from then on */

static ks_session_found_t
change(box_t *b, int n, const ks_session_changes_t *ch, int to)
{
    ks_str_t      key;
    ks_session_t  s = { .rule = &rule, .now = b->now };

    s.key = key_of(n);
    key = key_of(to);

    if (n == 0) {
        s.key.data = NULL;
    }

    return ks_session_change(b->client.space, &s, ch, to ? &key : NULL);
}


static void
set(box_t *b, int n, const char *field, const char *value, int to)
{
    ks_session_edit_t     edit = { ks_text(field), ks_text(value), 0 };
    ks_session_changes_t  ch = { &edit, 1, 0, 0, 0 };

    assert_int_equal(change(b, n, &ch, to), KS_SESSION_FOUND);
}


static void
begin(box_t *b, int n, const char *user)
{
    set(b, 0, "user", user, n);
}


static int
lives(box_t *b, int n)
{
    ks_session_t  s = { .rule = &rule, .now = b->now };

    s.key = key_of(n);

    return ks_session_use(b->client.space, &s) == KS_SESSION_FOUND;
}


/* whether these are the sessions of a user, in the order in which they began */

static void
known(box_t *b, const char *user, int n, ...)
{
    int      i;
    char     expected[1024];
    size_t   len;
    va_list  args;

    len = (size_t) snprintf(expected, sizeof(expected), "*%d\r\n", n);
    va_start(args, n);

    for (i = 0; i < n; i++) {
        len += (size_t) snprintf(expected + len, sizeof(expected) - len,
                                 "$64\r\n%064d\r\n", va_arg(args, int));
    }

    va_end(args);

    assert_string_equal(linef(b, "ZRANGE " PREFIX "of:%s 0 -1", user),
                        expected);
}


static box_t *
start(unsigned limit)
{
    box_t  *b;

    rule.limit = limit;
    rule.absolute = ABSOLUTE;
    rule.remember = 0;

    b = box_open(4u << 20, KS_NOEVICTION);
    b->now = 1700000000000;

    return b;
}


static void
test_index(void **state)
{
    box_t                *b;
    ks_session_edit_t     unset = { ks_str("user"), { 0, NULL }, 1 };
    ks_session_changes_t  ch = { &unset, 1, 0, 0, 0 };
    ks_session_changes_t  end = { NULL, 0, 1, 0, 0 };

    (void) state;

    b = start(0);

    begin(b, 1, "ann");
    b->now += 10;
    begin(b, 2, "ann");
    b->now += 10;
    set(b, 0, "cart", "x", 3);

    known(b, "ann", 2, 1, 2);
    assert_string_equal(line(b, "PTTL " PREFIX "of:ann"), ":49990\r\n");

    /* another one gets a subject, one another's, and one a new id */

    set(b, 3, "user", "ann", 0);
    known(b, "ann", 3, 1, 2, 3);

    set(b, 1, "user", "bob", 0);
    known(b, "ann", 2, 2, 3);
    known(b, "bob", 1, 1);

    set(b, 2, "role", "admin", 4);
    known(b, "ann", 2, 4, 3);
    assert_true(lives(b, 4));

    /* without a subject, and at its end, it is no more there */

    assert_int_equal(change(b, 4, &ch, 0), KS_SESSION_FOUND);
    known(b, "ann", 1, 3);
    assert_true(lives(b, 4));

    assert_int_equal(change(b, 1, &end, 0), KS_SESSION_FOUND);
    assert_string_equal(line(b, "EXISTS " PREFIX "of:bob"), ":0\r\n");

    box_close(b);
}


/* whoever takes a session's id away ends it */

static void
test_void(void **state)
{
    int     i;
    box_t  *b;

    (void) state;

    b = start(0);

    for (i = 1; i <= 4; i++) {
        begin(b, i, "ann");
        b->now++;
    }

    linef(b, "ZREM " PREFIX "of:ann %064d", 2);
    assert_false(lives(b, 2));
    assert_true(lives(b, 1));
    assert_string_equal(linef(b, "EXISTS " PREFIX "%064d", 2), ":0\r\n");

    line(b, "DEL " PREFIX "of:ann");
    assert_false(lives(b, 1));
    assert_false(lives(b, 3));

    /* also where it is changed */

    {
        ks_session_edit_t     edit = { ks_str("x"), ks_str("1"), 0 };
        ks_session_changes_t  ch = { &edit, 1, 0, 0, 0 };

        assert_int_equal(change(b, 4, &ch, 0), KS_SESSION_NONE);
    }

    assert_string_equal(line(b, "DBSIZE"), ":0\r\n");

    /* what is no set knows nobody, and gives way */

    begin(b, 5, "ann");
    line(b, "SET " PREFIX "of:ann x");
    assert_false(lives(b, 5));
    begin(b, 6, "ann");
    known(b, "ann", 1, 6);

    box_close(b);
}


/*
 * whoever names a subject by a command has the session listed when it is used
 */

static void
test_command(void **state)
{
    box_t  *b;

    (void) state;

    b = start(0);

    set(b, 0, "cart", "x", 1);
    linef(b, "HSET " PREFIX "%064d user ann", 1);
    assert_true(lives(b, 1));
    known(b, "ann", 1, 1);

    linef(b, "HSET " PREFIX "%064d user bob", 1);
    assert_true(lives(b, 1));
    known(b, "bob", 1, 1);
    assert_string_equal(line(b, "EXISTS " PREFIX "of:ann"), ":0\r\n");

    linef(b, "HDEL " PREFIX "%064d user", 1);
    assert_true(lives(b, 1));
    assert_string_equal(line(b, "EXISTS " PREFIX "of:bob"), ":0\r\n");
    assert_string_equal(linef(b, "HEXISTS " PREFIX "%064d _subject", 1),
                        ":0\r\n");

    box_close(b);
}


static void
test_all(void **state)
{
    int                   i;
    box_t                *b;
    ks_session_changes_t  ch = { NULL, 0, 1, 1, 0 };

    (void) state;

    b = start(0);

    for (i = 1; i <= 40; i++) {
        begin(b, i, "ann");
        b->now++;
    }

    begin(b, 100, "bob");

    assert_int_equal(change(b, 7, &ch, 0), KS_SESSION_FOUND);
    assert_string_equal(line(b, "EXISTS " PREFIX "of:ann"), ":0\r\n");

    for (i = 1; i <= 40; i++) {
        assert_false(lives(b, i));
    }

    assert_true(lives(b, 100));
    assert_string_equal(line(b, "DBSIZE"), ":2\r\n");

    box_close(b);
}


static void
test_limit(void **state)
{
    int     i;
    box_t  *b;

    (void) state;

    b = start(3);

    for (i = 1; i <= 5; i++) {
        begin(b, i, "ann");
        b->now++;
    }

    known(b, "ann", 3, 3, 4, 5);
    assert_false(lives(b, 1));
    assert_string_equal(linef(b, "EXISTS " PREFIX "%064d", 2), ":0\r\n");

    /* the new one stays, also if its clock is behind */

    b->now -= 1000;
    begin(b, 6, "ann");
    known(b, "ann", 3, 6, 4, 5);

    box_close(b);
}


/* those that have ended by themselves are gone when another begins */

static void
test_over(void **state)
{
    int     i;
    box_t  *b;

    (void) state;

    for (i = 0; i < 2; i++) {
        b = start(0);
        rule.absolute = (i == 0) ? ABSOLUTE : 0;

        begin(b, 1, "ann");
        b->now += 1000;
        begin(b, 2, "ann");

        b->now += ABSOLUTE - 1000;
        begin(b, 3, "ann");

        if (i == 0) {
            known(b, "ann", 2, 2, 3);
            b->now += ABSOLUTE;
            assert_string_equal(line(b, "EXISTS " PREFIX "of:ann"), ":1\r\n");
            b->now++;
            assert_string_equal(line(b, "EXISTS " PREFIX "of:ann"), ":0\r\n");

        } else {
            known(b, "ann", 1, 3);
            assert_string_equal(line(b, "TTL " PREFIX "of:ann"), ":-1\r\n");
        }

        box_close(b);
    }
}


/* one that is remembered has its own end, and so has the set */

static void
test_remembered(void **state)
{
    int                   i;
    box_t                *b;
    uint64_t              now;
    ks_session_changes_t  ch = { NULL, 0, 0, 0, 1 };

    (void) state;

    b = start(0);
    rule.remember = 90000;
    now = b->now;

    begin(b, 1, "ann");
    b->now += 1000;
    assert_int_equal(change(b, 1, &ch, 2), KS_SESSION_FOUND);
    assert_string_equal(linef(b, "PTTL " PREFIX "%064d", 2), ":90000\r\n");
    assert_string_equal(linef(b, "HGET " PREFIX "%064d _remember", 2),
                        "$5\r\n90000\r\n");

    /* neither the absence of its user nor a use changes that */

    b->now = now + 81000;
    assert_true(lives(b, 2));
    assert_string_equal(linef(b, "PTTL " PREFIX "%064d", 2), ":10000\r\n");

    /* a renewal keeps it, and others do not sweep it away */

    set(b, 2, "x", "y", 3);
    assert_string_equal(linef(b, "PTTL " PREFIX "%064d", 3), ":10000\r\n");
    begin(b, 4, "ann");
    known(b, "ann", 2, 3, 4);

    b->now = now + 91001;
    assert_false(lives(b, 3));
    begin(b, 5, "ann");
    known(b, "ann", 2, 4, 5);

    /* one that is older than it would be remembered begins anew */

    rule.absolute = 0;
    begin(b, 6, "bob");

    for (i = 0; i < 10; i++) {
        b->now += TTL - 1;
        assert_true(lives(b, 6));
    }

    assert_int_equal(change(b, 6, &ch, 7), KS_SESSION_FOUND);
    assert_true(lives(b, 7));
    assert_string_equal(linef(b, "PTTL " PREFIX "%064d", 7), ":90000\r\n");

    box_close(b);
}


/* odd subjects: none, one that is too long, and bytes of any kind */

static void
test_odd(void **state)
{
    box_t  *b;
    char    text[600];

    (void) state;

    b = start(0);

    begin(b, 1, "");
    memset(text, 'x', sizeof(text));
    text[513] = '\0';
    begin(b, 2, text);
    assert_string_equal(line(b, "DBSIZE"), ":2\r\n");
    assert_true(lives(b, 1));
    assert_true(lives(b, 2));

    text[512] = '\0';
    begin(b, 3, text);
    known(b, text, 1, 3);

    begin(b, 4, "\xff:*?[");
    known(b, "\xff:*?[", 1, 4);
    assert_true(lives(b, 4));

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_void),
        cmocka_unit_test(test_command),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_over),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_odd)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
