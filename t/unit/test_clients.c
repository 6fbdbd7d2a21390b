/*
 * Which clients are meant: CLIENT KILL is for those that were there when it was
 * said, and not for those that have come again since.
 */

#include "engine_test.h"
#include "commands/ks_clients.h"


#define CLIENTS  3

typedef struct {
    ks_peer_t  peer;
    unsigned   kills;
} client_t;


static void
about(ks_peer_t *peer, ks_peer_about_t *a)
{
    a->created = NOW - peer->id * 1000;
    a->type = peer->id == 1 ? KS_PEER_PUBSUB : KS_PEER_NORMAL;
}


static void
count_kill(ks_peer_t *peer)
{
    ((client_t *) peer)->kills++;
}


static void
test_newest(void **state)
{
    size_t              i;
    client_t            clients[CLIENTS];
    ks_peers_t          peers;
    ks_client_filter_t  f;

    static const ks_peer_ops_t  ops = { about, count_kill, NULL };

    (void) state;

    memset(&peers, 0, sizeof(peers));
    memset(clients, 0, sizeof(clients));

    for (i = 0; i < CLIENTS; i++) {
        clients[i].peer.id = i + 1;
        clients[i].peer.ops = &ops;
        assert_int_equal(ks_peers_add(&peers, &clients[i].peer), KS_OK);
    }

    memset(&f, 0, sizeof(f));
    f.type = KS_PEER_NORMAL;
    f.newest = 2;
    assert_int_equal(ks_clients_kill(&peers, &f, NOW), 1);
    assert_int_equal(clients[0].kills, 0);
    assert_int_equal(clients[1].kills, 1);
    assert_int_equal(clients[2].kills, 0);

    /* a client is killed once, and without a bound all are meant */

    f.type = KS_CLIENT_ANY;
    f.newest = 0;
    assert_int_equal(ks_clients_kill(&peers, &f, NOW), 2);
    assert_int_equal(clients[1].kills, 1);

    for (i = 0; i < CLIENTS; i++) {
        ks_peers_remove(&peers, &clients[i].peer);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_newest)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
