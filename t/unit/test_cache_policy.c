/*
 * What HTTP says of caches, as functions: dates, Cache-Control in both forms,
 * and which responses may be stored, for how long.
 */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "protocol/ks_cache_policy.h"
#include "protocol/ks_cache_vary.h"
#include "protocol/ks_http_date.h"


#define NOW  1700000000


static ks_str_t
text(const char *s)
{
    ks_str_t  t = { strlen(s), (u_char *) s };

    return t;
}


static int64_t
date(const char *s)
{
    int64_t   at;
    ks_str_t  t = text(s);

    return ks_http_date(&t, NOW, &at) == KS_OK ? at : -1;
}


static void
test_dates(void **state)
{
    (void) state;

    assert_int_equal(date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
    assert_int_equal(date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
    assert_int_equal(date("Sun Nov  6 08:49:37 1994"), 784111777);
    assert_int_equal(date("SUN, 06 NOV 1994 08:49:37 gmt"), 784111777);
    assert_int_equal(date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    assert_int_equal(date("Thu, 29 Feb 2024 23:59:60 GMT"), 1709251200);
    assert_int_equal(date("Tue, 19 Jan 2038 03:14:08 GMT"), 2147483648);
    assert_int_equal(date("Thursday, 18-Aug-50 02:01:18 GMT"), 2544400878);
    assert_int_equal(date("Friday, 18-Aug-78 02:01:18 GMT"), 272253678);

    assert_int_equal(date(""), -1);
    assert_int_equal(date("0"), -1);
    assert_int_equal(date("Sun"), -1);
    assert_int_equal(date("Sun, 06 Nov 1994 08:49:37"), -1);
    assert_int_equal(date("Sun, 06 Nov 1994 08:49:37 UTC"), -1);
    assert_int_equal(date("Sun, 06 Nov 1994 08:49:37 GMT "), -1);
    assert_int_equal(date("Sun, 06 Nov 94 08:49:37 GMT"), -1);
    assert_int_equal(date("Sun, 6 Nov 1994 08:49:37 GMT"), -1);
    assert_int_equal(date("Sun, 006 Nov 1994 08:49:37 GMT"), -1);
    assert_int_equal(date("Sun, 00 Nov 1994 08:49:37 GMT"), -1);
    assert_int_equal(date("Sun, 06 Nov 1994 24:49:37 GMT"), -1);
    assert_int_equal(date("Sun, 06 Nov 1994 08:60:37 GMT"), -1);
    assert_int_equal(date("Sun 06 Nov 1994 08:49:37 GMT"), -1);
    assert_int_equal(date("Sun, 06-Nov-1994 08:49:37 GMT"), -1);
    assert_int_equal(date("Sun, 06 Nov 1994 8:49:37 GMT"), -1);
    assert_int_equal(date("Sun, 06 Foo 1994 08:49:37 GMT"), -1);
}


static ks_cache_control_t
control(const char *line, const char *line2)
{
    ks_str_t            t;
    ks_cache_control_t  cc;

    ks_cache_control_init(&cc);
    t = text(line);
    ks_cache_control_line(&cc, &t);

    if (line2) {
        t = text(line2);
        ks_cache_control_line(&cc, &t);
    }

    return cc;
}


static void
test_control(void **state)
{
    ks_str_t            name;
    ks_cache_control_t  cc;

    (void) state;

    cc = control("max-age=10, s-maxage=\"20\",public,NO-STORE , "
                 "x=\"a,max-age=1\"",
                 "max-age=30, must-revalidate, stale-if-error=7");
    assert_int_equal(cc.max_age, 10);
    assert_int_equal(cc.s_maxage, 20);
    assert_int_equal(cc.stale_if_error, 7);
    assert_int_equal(cc.stale_while_revalidate, KS_CACHE_UNSAID);
    assert_true(cc.public && cc.no_store && cc.must_revalidate);
    assert_false(cc.no_cache || cc.private || cc.proxy_revalidate);

    assert_int_equal(control("max-age", NULL).max_age, 0);
    assert_int_equal(control("max-age=", NULL).max_age, 0);
    assert_int_equal(control("max-age=1x", NULL).max_age, 0);
    assert_int_equal(control("max-age =9", NULL).max_age, 0);
    assert_int_equal(control("max-age= 9", NULL).max_age, 0);
    assert_int_equal(control("max-age=9 9", NULL).max_age, 0);
    assert_int_equal(control("max-age=\"9", NULL).max_age, 0);
    assert_true(control("max-age=9, a=\"b, no-store", NULL).no_store);
    assert_int_equal(control("max-age=009", NULL).max_age, 9);
    assert_int_equal(control("max-age=99999999999999999999999", NULL).max_age,
                     KS_CACHE_AGE_MAX);
    assert_int_equal(control(",, ,max-age=9,,", NULL).max_age, 9);
    assert_int_equal(control("max-stale", NULL).max_stale, KS_CACHE_ANY);
    assert_int_equal(control("max-stale=4", NULL).max_stale, 4);
    assert_int_equal(control("", NULL).given, 0);
    assert_int_equal(control("\"", NULL).given, 0);

    cc = control("no-cache=\"a, Set-Cookie\", private=b", NULL);
    assert_false(cc.no_cache || cc.private);
    name = text("set-cookie");
    assert_true(ks_cache_control_lists(&cc, &name));
    name = text("B");
    assert_true(ks_cache_control_lists(&cc, &name));
    name = text("c");
    assert_false(ks_cache_control_lists(&cc, &name));

    assert_true(control("no-cache=\"\"", NULL).no_cache);
    assert_true(control("private", NULL).private);

    /* more lists than there is room for: then it is all of the response */

    assert_true(control("no-cache=a,no-cache=b,no-cache=c,no-cache=d,"
                        "no-cache=e", NULL).no_cache);
}


static int
targeted(const char *line, ks_cache_control_t *cc)
{
    ks_str_t  t = text(line);

    ks_cache_control_init(cc);

    return ks_cache_control_targeted(cc, &t) == KS_OK;
}


static void
test_targeted(void **state)
{
    size_t              i;
    ks_cache_control_t  cc;
    static const char *const  wrong[] = {
        "max-age=10,", "max-age=10 no-store", "MAX-AGE=1", "max-age=\"10\"",
        "max-age=1.5", "max-age=-1", "max-age", "max-age =1", "max-age= 1",
        "&", "a=&", "a=\"x", "a=(1 2", "a=:x", "a=?2", "a;", "a;=1", "=",
        "a=12345678901234567"
    };

    (void) state;

    assert_true(targeted("max-age=10, no-store, x;y=1;z, u=?0, "
                         "v=:YQ==:, w=(1 2)", &cc));
    assert_int_equal(cc.max_age, 10);
    assert_true(cc.no_store && cc.given);
    assert_true(targeted(" a=tok/en , must-revalidate\t", &cc));
    assert_true(cc.must_revalidate);
    assert_true(targeted("", &cc));
    assert_false(cc.given);

    assert_true(targeted("max-age=10, max-age=20, no-store=?0, private=?1",
                         &cc));
    assert_int_equal(cc.max_age, 20);
    assert_true(cc.private && cc.given && !cc.no_store);
    assert_true(targeted("no-store=?0", &cc));
    assert_true(cc.given && !cc.no_store);

    for (i = 0; i < ks_nelts(wrong); i++) {
        assert_false(targeted(wrong[i], &cc));
    }
}


static ks_cache_control_t
surrogate(const char *line)
{
    ks_str_t            t = text(line);
    ks_cache_control_t  cc;

    ks_cache_control_init(&cc);
    ks_cache_control_surrogate(&cc, &t);

    return cc;
}


static void
test_surrogate(void **state)
{
    ks_cache_control_t  cc;

    (void) state;

    assert_int_equal(surrogate("MaX-aGe=3600").max_age, 3600);
    assert_int_equal(surrogate("foobar, max-age=3600").max_age, 3600);
    assert_true(surrogate("no-store").no_store);

    cc = surrogate("content=\"ESI/1.0\", max-age=600+30");
    assert_int_equal(cc.max_age, 600);
    assert_int_equal(cc.stale_while_revalidate, 30);

    /* garbled: stale */

    assert_int_equal(surrogate("max-age=x").max_age, 0);
    assert_int_equal(surrogate("max-age=+30").max_age, 0);
    assert_int_equal(surrogate("max-age=5+").stale_while_revalidate, 0);

    /* it says nothing to us */

    assert_false(surrogate("max-age=3600;other, no-store;other").given);
    assert_false(surrogate("content=\"ESI/1.0\"").given);
    assert_false(surrogate("max-age =60").given);
    assert_false(surrogate("").given);
}


/* Whether values of a field are the same to Vary. */

static int
alike(const char *name, const char *one, const char *two)
{
    size_t    a, b;
    u_char    p[2][2048];
    ks_str_t  n = text(name), v1 = text(one), v2 = text(two);

    a = ks_cache_vary_value(&n, &v1, p[0]);
    b = ks_cache_vary_value(&n, &v2, p[1]);

    return a == b && memcmp(p[0], p[1], a) == 0;
}


static void
test_vary(void **state)
{
    int   i;
    char  *p, one[2000], two[2000];

    (void) state;

    assert_true(alike("foo", " 1 ,2,, ", "1, 2"));
    assert_false(alike("foo", "1, 2", "2, 1"));
    assert_false(alike("foo", "a", "A"));
    assert_false(alike("foo", "a b", "ab"));

    assert_true(alike("Accept-Language", "eN , De;Q=0.5", "en,de; q=0.5"));
    assert_false(alike("accept-language", "en, de", "de, en"));
    assert_true(alike("accept-language", "fr;q=0.5, de", "de;q=1.0,fr;q=0.50"));
    assert_true(alike("accept-language", "de;q=0, en;q=0.500",
                      "en;q=0.5,de;q=0."));
    assert_true(alike("accept-language", "en, en", "en"));
    assert_false(alike("accept-language", "fr;q=0.5, de", "fr, de;q=0.5"));
    assert_false(alike("accept-language", "de;q=0.5", "de;q=0.05"));
    assert_false(alike("accept-language", "de;q=1", "de;q=1.1"));
    assert_false(alike("accept-language", "de;q=x, en", "en, de;q=x"));
    assert_true(alike("accept", "a/b;q=0.1, c/d, e/f", "c/d, e/f, a/b;q=0.1"));
    assert_false(alike("accept", "a/b, c/d", "c/d, a/b"));
    assert_false(alike("accept", "a/b;x=\"1,c/d;q=0.1\", e/f",
                       "e/f, a/b;x=\"1,c/d;q=0.1\""));
    assert_true(alike("accept", "text/html; level=1", "Text/HTML;level=1"));
    assert_false(alike("accept", "a/b;x=\"c d\"", "a/b;x=\"cd\""));

    /* a weight with parameters behind it may be another one to the server */

    assert_false(alike("accept", "a/a;q=0.8;x=1, b/b;q=0.9",
                       "b/b;q=0.9, a/a;q=0.8;x=1"));
    assert_false(alike("accept", "b/b;q=0.9, a/a ; Q = 0.8 ; x=1",
                       "a/a ; Q = 0.8 ; x=1, b/b;q=0.9"));
    assert_false(alike("accept", "a/a;q=0.1;q=0.9, b/b;q=0.5",
                       "b/b;q=0.5, a/a;q=0.1;q=0.9"));
    assert_false(alike("accept", "a/a;q=0.8;q=1", "a/a;q=0.8"));
    assert_false(alike("accept", "a/a;q=0.8;x=A", "a/a;q=0.8;x=a"));
    assert_false(alike("accept-encoding", "a;q=0.1;, b", "b, a;q=0.1;"));
    assert_true(alike("accept", "a/a;q=0.8;x=1 ,b/b", "a/a;q=0.8;x=1, b/b"));
    assert_true(alike("accept", "b/b;q=0.8, a/a;x=1;q=0.9",
                      "a/a;x=1;q=0.9, b/b;q=0.8"));
    assert_true(alike("accept-encoding", "a;q=0.1, b;xq=1;y",
                      "b;xq=1;y,a;q=0.1"));

    assert_true(alike("accept-encoding", "gzip, br", "BR,gzip;q=1.0,gzip"));
    assert_true(alike("accept-encoding", "gzip;q=1", "gzip ; q = 1.000"));
    assert_false(alike("accept-encoding", "gzip", "gzip;q=0"));
    assert_false(alike("accept-encoding", "gzip", "gzip;q=1.0000"));
    assert_false(alike("accept-encoding", "gzip", "gzip;q=1.01"));
    assert_false(alike("accept-encoding", "gzip", "gzip;q=10"));
    assert_false(alike("accept-encoding", "", "identity"));
    assert_true(alike("accept-charset", "utf-8, a", "a, utf-8"));

    /* what is very long is not sorted, and nothing of it is lost */

    for (p = one, i = 0; i < 150; i++) {
        p += sprintf(p, "c%d,", i);
    }

    for (p = two, i = 149; i >= 0; i--) {
        p += sprintf(p, "c%d,", i);
    }

    assert_true(alike("accept-encoding", one, one));
    assert_false(alike("accept-encoding", one, two));

    memset(one, ',', 512);
    memset(two, 'a', 512);
    one[512] = two[512] = '\0';

    for (i = 0; i < 512; i += 2) {
        one[i] = 'a';
    }

    assert_true(alike("accept-encoding", one, "a"));
    assert_true(alike("accept-encoding", two, two));
}


static ks_cache_life_t  life;

static int
judge(unsigned status, const char *line, int64_t modified, int64_t age)
{
    ks_cache_rule_t      rule = { KS_CACHE_UNSAID, 3000, 4000, 5000, 0 };
    ks_cache_response_t  res = { .status = status, .now = NOW * 1000ll,
                                 .date = NOW, .expires = KS_CACHE_NEVER,
                                 .modified = modified, .age = age };

    res.cc = control(line, NULL);

    return ks_cache_judge(&rule, &res, &life) == KS_OK;
}


static void
test_policy(void **state)
{
    (void) state;

    assert_true(judge(200, "max-age=9", KS_CACHE_NEVER, 0));
    assert_int_equal(life.fresh, 9000);
    assert_int_equal(life.age, 0);
    assert_int_equal(life.stale, 3000);
    assert_int_equal(life.error, 4000);
    assert_int_equal(life.keep, 5000);

    assert_true(judge(200, "max-age=9", KS_CACHE_NEVER, 12));
    assert_int_equal(life.fresh, -3000);
    assert_int_equal(life.age, 12000);

    assert_true(judge(200, "s-maxage=9, max-age=1", KS_CACHE_NEVER, 0));
    assert_int_equal(life.fresh, 9000);
    assert_int_equal(life.stale + life.error, 0);
    assert_true(life.strict && !life.check);

    assert_true(judge(200, "s-maxage=9, stale-if-error=8", KS_CACHE_NEVER, 0));
    assert_int_equal(life.error, 8000);
    assert_int_equal(life.keep, 8000);

    assert_true(judge(200, "max-age=9, must-revalidate, stale-if-error=8",
                      KS_CACHE_NEVER, 0));
    assert_int_equal(life.error, 0);

    assert_true(judge(200, "", NOW - 1000, 0));
    assert_int_equal(life.fresh, 100000);
    assert_true(judge(404, "", NOW - 10 * 365 * 86400, 0));
    assert_int_equal(life.fresh, 86400000);
    assert_false(judge(201, "", NOW - 1000, 0));
    assert_true(judge(201, "public", NOW - 1000, 0));
    assert_true(judge(201, "max-age=1", NOW - 1000, 0));
    assert_true(judge(200, "no-cache", NOW - 1000, 0));
    assert_true(life.check && life.strict);
    assert_false(judge(200, "no-cache", KS_CACHE_NEVER, 0));
    assert_false(judge(200, "", KS_CACHE_NEVER, 0));

    assert_false(judge(206, "max-age=9", KS_CACHE_NEVER, 0));
    assert_true(judge(413, "max-age=9", KS_CACHE_NEVER, 0));
    assert_true(judge(414, "max-age=9", KS_CACHE_NEVER, 0));
    assert_false(judge(431, "max-age=9", KS_CACHE_NEVER, 0));
    assert_false(judge(304, "max-age=9", KS_CACHE_NEVER, 0));
    assert_false(judge(103, "max-age=9", KS_CACHE_NEVER, 0));
    assert_false(judge(200, "max-age=9, no-store", KS_CACHE_NEVER, 0));
    assert_false(judge(200, "max-age=9, private", KS_CACHE_NEVER, 0));
    assert_true(judge(200, "max-age=9, private=\"a\"", KS_CACHE_NEVER, 0));
    assert_true(judge(200, "max-age=9, no-store, must-understand",
                      KS_CACHE_NEVER, 0));
    assert_false(judge(299, "max-age=9, must-understand", KS_CACHE_NEVER, 0));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_targeted),
        cmocka_unit_test(test_surrogate),
        cmocka_unit_test(test_vary),
        cmocka_unit_test(test_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
