/*
 * Slots of a Redis Cluster, its map as text, and errors that send a command
 * elsewhere.
 */

#include "command_test.h"

#include "replica/ks_cluster.h"


static unsigned
slot_of(const char *text)
{
    ks_str_t  key;

    key = ks_text(text);

    return ks_slot(&key);
}


/* what CLUSTER KEYSLOT of redis-server 7.0.15 replies */

static void
test_slots(void **state)
{
    ks_str_t  none = { 0, NULL };

    (void) state;

    assert_int_equal(slot_of("123456789"), 12739);
    assert_int_equal(slot_of("foo"), 12182);
    assert_int_equal(slot_of(""), 0);
    assert_int_equal(ks_slot(&none), 0);
    assert_int_equal(slot_of("{user1000}.following"),
                     slot_of("user1000"));
    assert_int_equal(slot_of("a{user1000}{b}"), slot_of("user1000"));
    assert_int_equal(slot_of("foo{{bar}}zap"), slot_of("{bar"));
    assert_int_equal(slot_of("foo{}{bar}"), 8363);
    assert_int_not_equal(slot_of("foo{}{bar}"), slot_of("bar"));
    assert_int_equal(slot_of("foo{bar"), 15278);
    assert_int_equal(slot_of("\xff\xfe{\x80}"), slot_of("\x80"));
}


static const char  map[] =
    "07c37dfeb235213a872192d90877d0cd55635b91 127.0.0.1:30004@31004,h4 slave "
    "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca 0 1426238317239 4 connected\n"
    "67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1 ::1:30002@31002,,shard-id=1 "
    "master - 0 1426238316232 2 connected 5461-10922 10930\n"
    "e7d1eecce10fd6bb5eb35b9f99a514335d9ba9ca :30001@31001 myself,master - 0 0 "
    "18446744073709551615 connected 0-5460 [5460->-67ed2db8d677e59ec4a4cefb06"
    "858cf2a1a89fa1] [77-<-67ed2db8d677e59ec4a4cefb06858cf2a1a89fa1] 16383\n"
    "6ec23923021cf3ffec47632106199cb7f496ce01 old:30005 master,fail? - 0 "
    "1426238316232 5 disconnected\n"
    "824fe116063bc5fcf9f4ffd895bc17aee7731ac3 :0@0 master,noaddr - 0 0 6 "
    "disconnected\n";


static void
test_map(void **state)
{
    unsigned           first, last;
    ks_str_t           text;
    ks_cluster_node_t  n;

    (void) state;

    text = ks_text(map);

    assert_int_equal(ks_cluster_node(&text, &n), KS_OK);
    assert_memory_equal(n.id.data, "07c37dfeb235213a872192d9", 24);
    assert_int_equal(n.host.len, 9);
    assert_memory_equal(n.host.data, "127.0.0.1", 9);
    assert_int_equal(n.name.len, 2);
    assert_int_equal(n.port, 30004);
    assert_false(n.primary || n.myself || n.fails || n.unknown);
    assert_int_equal(n.epoch, 4);
    assert_int_equal(ks_cluster_slots(&n.slots, &first, &last), KS_NONE);

    assert_int_equal(ks_cluster_node(&text, &n), KS_OK);
    assert_int_equal(n.host.len, 3);
    assert_memory_equal(n.host.data, "::1", 3);
    assert_int_equal(n.name.len, 0);
    assert_true(n.primary);
    assert_int_equal(ks_cluster_slots(&n.slots, &first, &last), KS_OK);
    assert_int_equal(first, 5461);
    assert_int_equal(last, 10922);
    assert_int_equal(ks_cluster_slots(&n.slots, &first, &last), KS_OK);
    assert_int_equal(first, 10930);
    assert_int_equal(last, 10930);
    assert_int_equal(ks_cluster_slots(&n.slots, &first, &last), KS_NONE);

    assert_int_equal(ks_cluster_node(&text, &n), KS_OK);
    assert_true(n.primary && n.myself);
    assert_int_equal(n.host.len, 0);
    assert_int_equal(n.port, 30001);
    assert_true(n.epoch == UINT64_MAX);
    assert_int_equal(ks_cluster_slots(&n.slots, &first, &last), KS_OK);
    assert_int_equal(last, 5460);
    assert_int_equal(ks_cluster_slots(&n.slots, &first, &last), KS_OK);
    assert_int_equal(first, 16383);
    assert_int_equal(ks_cluster_slots(&n.slots, &first, &last), KS_NONE);

    assert_int_equal(ks_cluster_node(&text, &n), KS_OK);
    assert_true(n.primary && n.fails);
    assert_int_equal(n.port, 30005);

    assert_int_equal(ks_cluster_node(&text, &n), KS_OK);
    assert_true(n.unknown);
    assert_int_equal(ks_cluster_node(&text, &n), KS_NONE);
}


/* Any text that is cut or has other bytes: an answer, and nothing beyond it. */

static void
test_map_damaged(void **state)
{
    int                rc;
    size_t             len, i;
    u_char            *copy;
    unsigned           first, last, seed;
    ks_str_t           text;
    ks_cluster_node_t  n;

    (void) state;

    for (seed = 1, len = 0; len < sizeof(map); len++) {
        copy = malloc(len + 1);
        assert_non_null(copy);
        memcpy(copy, map, len);

        for (i = 0; len != 0 && i < 3; i++) {
            seed = seed * 1103515245 + 12345;
            copy[(seed >> 8) % len] = " \n:@,-[9"[(seed >> 4) & 7];
        }

        text.data = copy;
        text.len = len;

        while ((rc = ks_cluster_node(&text, &n)) == KS_OK) {
            while (ks_cluster_slots(&n.slots, &first, &last) == KS_OK) {
                assert_true(first < KS_SLOTS && last < KS_SLOTS);
            }
        }

        assert_true(rc == KS_NONE || rc == KS_ERR);
        free(copy);
    }
}


static ks_cluster_move_t
move_of(const char *text, unsigned *slot, ks_str_t *host, unsigned *port)
{
    return ks_cluster_move((const u_char *) text, strlen(text), slot, host,
                           port);
}


static void
test_moves(void **state)
{
    unsigned  slot, port;
    ks_str_t  host;

    (void) state;

    assert_int_equal(move_of("-MOVED 3999 127.0.0.1:6381\r\n", &slot, &host,
                             &port), KS_CLUSTER_MOVED);
    assert_int_equal(slot, 3999);
    assert_int_equal(host.len, 9);
    assert_int_equal(port, 6381);

    assert_int_equal(move_of("-ASK 16383 :6381\r\n", &slot, &host, &port),
                     KS_CLUSTER_ASK);
    assert_int_equal(host.len, 0);
    assert_int_equal(move_of("-ASK 1 ?:6381\r\n", &slot, &host, &port),
                     KS_CLUSTER_ASK);
    assert_int_equal(host.len, 0);
    assert_int_equal(move_of("-MOVED 1 fe80::1:7\r\n", &slot, &host, &port),
                     KS_CLUSTER_MOVED);
    assert_int_equal(host.len, 7);

    assert_int_equal(move_of("-TRYAGAIN Multiple keys\r\n", &slot, &host,
                             &port), KS_CLUSTER_TRYAGAIN);
    assert_int_equal(move_of("-CLUSTERDOWN The cluster is down\r\n", &slot,
                             &host, &port), KS_CLUSTER_DOWN);

    assert_int_equal(move_of("-MOVED 16384 a:1\r\n", &slot, &host, &port),
                     KS_CLUSTER_STAYS);
    assert_int_equal(move_of("-MOVED 1 a:65536\r\n", &slot, &host, &port),
                     KS_CLUSTER_STAYS);
    assert_int_equal(move_of("-MOVED 1\r\n", &slot, &host, &port),
                     KS_CLUSTER_STAYS);
    assert_int_equal(move_of("-MOVEDX 1 a:1\r\n", &slot, &host, &port),
                     KS_CLUSTER_STAYS);
    assert_int_equal(move_of("-ERR MOVED 1 a:1\r\n", &slot, &host, &port),
                     KS_CLUSTER_STAYS);
    assert_int_equal(move_of("+MOVED 1 a:1\r\n", &slot, &host, &port),
                     KS_CLUSTER_STAYS);
    assert_int_equal(move_of("-", &slot, &host, &port), KS_CLUSTER_STAYS);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_map_damaged),
        cmocka_unit_test(test_moves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
