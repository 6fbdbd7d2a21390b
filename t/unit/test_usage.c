/*
 * What users use, and quotas: windows that end, rates, and what a transaction
 * that is undone has used.
 */

#include "command_test.h"

#include "commands/ks_transaction.h"
#include "commands/ks_usage.h"
#include "commands/ks_users.h"


#define DAY  86400000ull

/* ms since the epoch, UTC */
#define LEAP_EVE      1709164800000ull          /* 2024-02-29 */
#define NEW_YEARS_EVE 1735603200000ull          /* 2024-12-31 */


static box_t *
open_user(const ks_quota_t *quota)
{
    u_char            hex[KS_ACL_DIGEST];
    box_t            *b;
    ks_str_t          name;
    ks_users_conf_t   conf;

    b = box_open(4 << 20, KS_NOEVICTION);

    memset(&conf, 0, sizeof(conf));
    conf.name = ks_text("u");
    conf.rules = ks_text("on\nnopass\n~*\n&*\n+@all");
    conf.metered = 1;
    conf.quota = *quota;
    assert_int_equal(ks_users_configure(b->client.space, 1, &conf), KS_OK);

    memset(hex, '0', sizeof(hex));
    name = ks_text("u");
    b->client.user = ks_users_login(b->client.space, &name, hex);
    assert_non_null(b->client.user);
    ks_user_hold(b->client.user);
    assert_non_null(b->client.user->meter);

    return b;
}


static void
close_user(box_t *b)
{
    ks_user_release(b->client.user);
    b->client.user = &ks_user_default;
    box_close(b);
}


/* so many pass at that time, and the next one is refused for that */

static void
passes(box_t *b, uint64_t now, unsigned n, const char *then)
{
    unsigned  i;

    b->now = now;

    for (i = 0; i < n; i++) {
        assert_int_equal(line(b, "APPEND k v")[0], ':');
    }

    if (then != NULL) {
        assert_string_equal(line(b, "APPEND k v"), then);
    }
}


static void
test_windows(void **state)
{
    box_t       *b;
    ks_used_t    used;
    ks_quota_t   quota;

    (void) state;

    memset(&quota, 0, sizeof(quota));
    quota.commands[KS_METER_DAY] = 3;
    quota.commands[KS_METER_MONTH] = 5;
    b = open_user(&quota);

    passes(b, LEAP_EVE, 1, NULL);
    passes(b, LEAP_EVE + DAY - 1, 2, "-ERR max daily request limit exceeded. "
           "Limit: 3, Usage: 3.\r\n");

    ks_usage_read(b->client.user->meter, LEAP_EVE, &used);
    assert_int_equal(used.commands[KS_METER_DAY], 3);
    assert_int_equal(used.commands[KS_METER_MONTH], 3);
    assert_int_equal(used.ends[KS_METER_DAY], LEAP_EVE + DAY);
    assert_int_equal(used.ends[KS_METER_MONTH], LEAP_EVE + DAY);

    /* the first of March is another day, and another month */

    passes(b, LEAP_EVE + DAY, 3, "-ERR max daily request limit exceeded. "
           "Limit: 3, Usage: 3.\r\n");
    passes(b, LEAP_EVE + 2 * DAY, 2, "-ERR max requests limit exceeded. "
           "Limit: 5, Usage: 5.\r\n");

    /* March has 31 days */

    passes(b, LEAP_EVE + 32 * DAY - 1, 0, "-ERR max requests limit exceeded. "
           "Limit: 5, Usage: 5.\r\n");
    passes(b, LEAP_EVE + 32 * DAY, 1, NULL);

    /* a clock that goes back opens no new window */

    passes(b, LEAP_EVE + 20 * DAY, 2, "-ERR max daily request limit exceeded. "
           "Limit: 3, Usage: 3.\r\n");

    passes(b, NEW_YEARS_EVE, 3, NULL);
    ks_usage_read(b->client.user->meter, NEW_YEARS_EVE, &used);
    assert_int_equal(used.ends[KS_METER_MONTH], NEW_YEARS_EVE + DAY);

    /* what is told of a window that is over */

    ks_usage_read(b->client.user->meter, NEW_YEARS_EVE + DAY, &used);
    assert_int_equal(used.commands[KS_METER_DAY], 0);
    assert_int_equal(used.commands[KS_METER_MONTH], 0);

    close_user(b);
}


static void
test_rate(void **state)
{
    box_t       *b;
    ks_quota_t   quota;

    static const char  said[] = "-ERR max commands per second exceeded. "
                                "Limit: 10.\r\n";

    (void) state;

    memset(&quota, 0, sizeof(quota));
    quota.rate = 10;
    quota.period = 1000;
    quota.burst = 4;
    b = open_user(&quota);

    passes(b, LEAP_EVE, 5, said);
    passes(b, LEAP_EVE + 99, 0, said);
    passes(b, LEAP_EVE + 100, 1, said);
    passes(b, LEAP_EVE + 300, 2, said);
    passes(b, LEAP_EVE + DAY, 5, said);

    close_user(b);
}


/* what is undone has used nothing */

static void
test_undone(void **state)
{
    box_t       *b;
    ks_quota_t   quota;

    (void) state;

    memset(&quota, 0, sizeof(quota));
    quota.commands[KS_METER_DAY] = 100;
    b = open_user(&quota);

    passes(b, LEAP_EVE, 1, NULL);

    /* there is no room for it */

    b->argc = 3;
    b->argv[0] = ks_text("SET");
    b->argv[1] = ks_text("k");
    b->argv[2].len = 8 << 20;
    b->argv[2].data = calloc(1, b->argv[2].len);
    assert_non_null(b->argv[2].data);
    assert_memory_equal(box_execute(b), "-OOM", 4);
    free(b->argv[2].data);

    assert_int_equal(b->client.user->meter->commands, 1);

    /* what is not known, and what is free */

    assert_int_equal(line(b, "NOSUCH k")[0], '-');
    assert_string_equal(line(b, "PING"), "+PONG\r\n");
    assert_int_equal(b->client.user->meter->commands, 1);

    close_user(b);
}


/* the hours of the zone grow with its memory */

static void
test_area(void **state)
{
    box_t      *b;
    uint64_t    first, second;
    ks_zone_t  *zone;

    (void) state;

    b = box_open(4 << 20, KS_NOEVICTION);
    zone = ks_space_zone(b->client.space);

    first = ks_zone_page_ms(zone, zone->pool.since);
    second = ks_zone_page_ms(zone, zone->pool.since + 1000);
    assert_int_equal(second - first,
                     1000 * (ks_zone_used(zone) / KS_PAGE_SIZE));
    assert_int_equal(ks_zone_page_ms(zone, zone->pool.since - 1), first);

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_undone),
        cmocka_unit_test(test_area),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
