/*
 * What another store is to run, and keys of it that are kept: with a store that
 * notes what it is given.
 */

#include "command_test.h"

#include "commands/ks_far.h"
#include "commands/ks_near.h"


typedef struct {
    ks_far_t       far;
    ks_near_t     *near;
    int            forwarded;
    int            fetched;
    int            knows;               /* that keys are none */
    int            serves;
    const char    *command;
    int            slot;
} store_t;

static store_t      store;
static ks_waiter_t  waiter;


static int
store_local(const ks_far_t *far, const ks_str_t *key)
{
    (void) far;

    return key->len >= 2 && memcmp(key->data, "l:", 2) == 0;
}


static int
store_keeps(void *data, const ks_str_t *key)
{
    return store_local(data, key);
}


static int
store_forward(ks_far_t *far, ks_client_t *client, const ks_far_job_t *job,
    ks_reply_t *reply)
{
    (void) far;

    store.forwarded++;
    store.command = job->cmd ? job->cmd->name : NULL;
    store.slot = job->slot;
    client->outcome = KS_OUTCOME_OK;
    ks_reply_status(reply, "FAR");

    return KS_OK;
}


static int
store_knows(ks_far_t *far, const ks_str_t *key)
{
    (void) far;
    (void) key;

    return store.knows;
}


static int
store_serves(ks_far_t *far, const ks_str_t *key)
{
    (void) far;
    (void) key;

    return store.serves;
}


static int
store_fetch(ks_far_t *far, ks_client_t *client, const ks_far_job_t *job,
    const ks_str_t **keys, int n)
{
    (void) far;
    (void) client;
    (void) job;
    (void) keys;

    store.fetched = n;

    return KS_NONE;
}


static box_t *
open_edge(int near)
{
    box_t  *b;

    b = box_open(4u << 20, KS_NOEVICTION);
    memset(&store, 0, sizeof(store));
    memset(&waiter, 0, sizeof(waiter));

    store.far.local = store_local;
    store.far.forward = store_forward;
    store.serves = 1;

    if (near) {
        store.near = calloc(1, sizeof(ks_near_t));
        assert_non_null(store.near);
        store.far.knows = store_knows;
        store.far.fetch = store_fetch;
        store.far.serves = store_serves;
    }

    b->client.waiter = &waiter;
    ks_space_set_far(b->client.space, &store.far);

    return b;
}


static void
close_edge(box_t *b)
{
    ks_space_set_far(b->client.space, NULL);
    free(store.near);
    box_close(b);
}


static void
test_writes(void **state)
{
    box_t  *b;

    (void) state;

    b = open_edge(0);

    assert_string_equal(line(b, "SET a 1"), "+FAR\r\n");
    assert_string_equal(line(b, "GET a"), "$-1\r\n");
    assert_string_equal(line(b, "PUBLISH c m"), "+FAR\r\n");
    assert_string_equal(line(b, "FLUSHALL"), "+FAR\r\n");
    assert_int_equal(store.forwarded, 3);

    /* its own keys */

    assert_string_equal(line(b, "SET l:a 1"), "+OK\r\n");
    assert_string_equal(line(b, "GET l:a"), "$1\r\n1\r\n");
    assert_non_null(strstr(line(b, "MSET l:a 1 b 2"),
                           "-CROSSSLOT "));
    assert_non_null(strstr(line(b, "WATCH a"), "-ERR "));
    assert_int_equal(store.forwarded, 3);

    /* what is wrong is said here */

    assert_non_null(strstr(line(b, "SET a"), "-ERR wrong number"));
    assert_int_equal(store.forwarded, 3);

    store.far.writes = KS_FAR_REFUSE;
    assert_non_null(strstr(line(b, "SET a 1"), "-READONLY "));
    assert_string_equal(line(b, "SET l:a 2"), "+OK\r\n");

    store.far.writes = KS_FAR_LOCAL;
    assert_string_equal(line(b, "SET a 1"), "+OK\r\n");
    assert_int_equal(store.forwarded, 3);

    /* effects of another server, and a client that cannot wait */

    store.far.writes = KS_FAR_FORWARD;
    b->client.obeys = 1;
    assert_string_equal(line(b, "SET a 3"), "+OK\r\n");
    b->client.obeys = 0;
    b->client.waiter = NULL;
    assert_non_null(strstr(line(b, "SET a 4"), "-ERR "));
    assert_string_equal(line(b, "GET a"), "$1\r\n3\r\n");
    assert_int_equal(store.forwarded, 3);

    close_edge(b);
}


static void
test_reads(void **state)
{
    box_t  *b;

    (void) state;

    b = open_edge(1);

    /* a key that is not here is fetched, or else asked for */

    assert_string_equal(line(b, "GET a"), "+FAR\r\n");
    assert_int_equal(store.fetched, 1);
    assert_string_equal(line(b, "MGET a l:b c"),
                        "-CROSSSLOT keys that are local to this edge "
                        "(local_prefix) and others do not go together\r\n");
    assert_int_equal(store.fetched, 2);
    assert_string_equal(line(b, "GET l:none"), "$-1\r\n");

    /* or is known to be none */

    store.knows = 1;
    store.forwarded = 0;
    assert_string_equal(line(b, "GET a"), "$-1\r\n");
    assert_string_equal(line(b, "EXISTS a c"), ":0\r\n");
    assert_int_equal(store.forwarded, 0);

    /* what is about all keys, and all while nothing may be read here */

    assert_string_equal(line(b, "DBSIZE"), "+FAR\r\n");
    assert_string_equal(line(b, "SCAN 0"), "+FAR\r\n");
    store.serves = 0;
    assert_string_equal(line(b, "GET a"), "+FAR\r\n");
    assert_string_equal(line(b, "GET l:a"), "$-1\r\n");
    assert_string_equal(line(b, "PING"), "+PONG\r\n");
    assert_int_equal(store.forwarded, 3);

    close_edge(b);
}


/* With a cluster: what a command is about lies in one slot. */

static void
test_slots(void **state)
{
    box_t       *b;
    const char  *crossslot = "-CROSSSLOT Keys in request don't hash to the "
                             "same slot\r\n";

    (void) state;

    b = open_edge(1);
    store.far.cluster = 1;

    assert_string_equal(line(b, "SET foo 1"), "+FAR\r\n");
    assert_int_equal(store.slot, 12182);
    assert_string_equal(line(b, "MSET {foo}1 1 {foo}2 2"), "+FAR\r\n");
    assert_int_equal(store.slot, 12182);
    assert_string_equal(line(b, "PUBLISH foo m"), "+FAR\r\n");
    assert_int_equal(store.slot, -1);
    assert_string_equal(line(b, "SPUBLISH foo m"), "+FAR\r\n");
    assert_int_equal(store.slot, 12182);
    assert_string_equal(line(b, "DBSIZE"), "+FAR\r\n");
    assert_int_equal(store.slot, -1);
    assert_string_equal(line(b, "SUNIONSTORE foo {foo}2"), "+FAR\r\n");
    assert_int_equal(store.slot, 12182);
    assert_string_equal(line(b, "GET bar"), "+FAR\r\n");
    assert_int_equal(store.slot, 5061);
    assert_int_equal(store.fetched, 1);

    /* several of them are refused, whether or not anything is sent */

    store.forwarded = 0;
    assert_string_equal(line(b, "MSET foo 1 bar 2"), crossslot);
    assert_string_equal(line(b, "MGET foo bar"), crossslot);
    store.knows = 1;
    assert_string_equal(line(b, "MGET foo bar"), crossslot);
    assert_string_equal(line(b, "SUNIONSTORE foo bar"), crossslot);
    assert_string_equal(line(b, "BLPOP foo bar 0"), crossslot);
    assert_int_equal(store.forwarded, 0);

    /* keys of this edge have none */

    assert_string_equal(line(b, "MSET l:a 1 l:b 2"), "+OK\r\n");
    assert_non_null(strstr(line(b, "MGET l:a l:b"), "$1\r\n2\r\n"));

    close_edge(b);
}


/* What is older than a change never comes into the zone. */

static void
test_cells(void **state)
{
    box_t       *b;
    u_char      *copy;
    uint32_t     seen;
    uint64_t     at;
    ks_str_t     dump, key;
    ks_space_t  *sp;

    (void) state;

    b = open_edge(1);
    sp = b->client.space;
    key = ks_text("k");

    b->client.obeys = 1;
    line(b, "SET k value");
    line(b, "DUMP k");
    dump.data = (u_char *) strchr(b->reply, '\n') + 1;
    dump.len = (size_t) ((u_char *) b->reply + b->len - 2 - dump.data);
    copy = malloc(dump.len);
    assert_non_null(copy);
    memcpy(copy, dump.data, dump.len);
    dump.data = copy;
    line(b, "DEL k");

    seen = ks_near_cell(store.near, sp, &key);
    assert_int_equal(ks_near_store(store.near, sp, &key, seen, &dump, 0),
                     KS_OK);
    assert_string_equal(line(b, "GET k"), "$5\r\nvalue\r\n");

    ks_near_drop(store.near, sp, &key);
    assert_string_equal(line(b, "GET k"), "$-1\r\n");

    /* fetched before that */

    assert_int_equal(ks_near_store(store.near, sp, &key, seen, &dump, 0),
                     KS_NONE);
    assert_string_equal(line(b, "EXISTS k"), ":0\r\n");

    seen = ks_near_cell(store.near, sp, &key);
    store.near->slots[0] = KS_NEAR_SUSPECT;
    assert_int_equal(ks_near_store(store.near, sp, &key, seen, &dump, 0),
                     KS_NONE);
    store.near->slots[0] = KS_NEAR_GOOD;

    /* and what is no dump at all */

    dump.len--;
    assert_int_equal(ks_near_store(store.near, sp, &key, seen, &dump, 0),
                     KS_ERR);
    dump.len++;

    /* all but some are deleted */

    assert_int_equal(ks_near_store(store.near, sp, &key, seen, &dump, 0),
                     KS_OK);
    line(b, "SET l:k mine");

    at = 0;

    do {
        at = ks_near_purge(sp, at, store_keeps, &store.far);
    } while (at != 0);

    assert_string_equal(line(b, "EXISTS k"), ":0\r\n");
    assert_string_equal(line(b, "GET l:k"), "$4\r\nmine\r\n");

    free(copy);
    close_edge(b);
}


/* A process of an older configuration: the zone is another store's by now. */

static void
test_left(void **state)
{
    int         near;
    box_t      *b;
    ks_str_t    key, dump;
    ks_space_t *sp;

    (void) state;

    for (near = 0; near <= 1; near++) {
        b = open_edge(near);
        sp = b->client.space;
        store.knows = 1;

        assert_int_equal(ks_upstream_belongs(ks_space_zone(sp), 7), 1);
        assert_int_equal(ks_upstream_belongs(ks_space_zone(sp), 7), 0);
        assert_int_equal(ks_upstream_store(sp), 7);

        /* what reads goes to its own store, as does a transaction */

        assert_string_equal(line(b, "GET k"), "+FAR\r\n");
        assert_string_equal(line(b, "DBSIZE"), "+FAR\r\n");
        assert_string_equal(line(b, "GET l:k"), "$-1\r\n");
        assert_string_equal(line(b, "PING"), "+PONG\r\n");

        if (near) {
            key = ks_text("k");
            dump = ks_text("any");
            assert_int_equal(ks_near_store(store.near, sp, &key,
                                           ks_near_cell(store.near, sp, &key),
                                           &dump, 0),
                             KS_NONE);
        }

        store.far.store = 7;
        assert_string_equal(line(b, "GET k"), "$-1\r\n");
        close_edge(b);
    }
}


/* The prefixes of keys that were not fetched. */

static void
test_own(void **state)
{
    u_char      text[300];
    box_t      *b;
    ks_str_t    own[3], key;
    ks_zone_t  *zone;

    (void) state;

    b = open_edge(1);
    zone = ks_space_zone(b->client.space);
    key = ks_text("own:k");
    own[0] = ks_text("a");
    own[1] = ks_text("own:");

    assert_int_equal(ks_upstream_fetches(zone), 0);
    assert_int_equal(ks_upstream_fetched(zone, own, 2), KS_OK);
    assert_int_equal(ks_upstream_fetches(zone), 1);
    assert_int_equal(ks_upstream_own(zone, &key), 1);
    key.len = 3;
    assert_int_equal(ks_upstream_own(zone, &key), 0);
    key.len = 0;
    assert_int_equal(ks_upstream_own(zone, &key), 0);

    memset(text, 'x', sizeof(text));
    own[0].data = own[1].data = text;
    own[0].len = 255;
    own[1].len = KS_LOCALS - 2 - 255;
    assert_int_equal(ks_upstream_fetched(zone, own, 2), KS_OK);
    assert_int_equal(ks_upstream_own(zone, &key), 0);
    own[1].len++;
    assert_int_equal(ks_upstream_fetched(zone, own, 2), KS_ERR);
    assert_int_equal(ks_upstream_own(zone, &key), KS_NONE);
    own[0].len = 256;
    assert_int_equal(ks_upstream_fetched(zone, own, 1), KS_ERR);

    assert_int_equal(ks_upstream_fetched(zone, NULL, 0), KS_OK);
    assert_int_equal(ks_upstream_fetches(zone), 0);
    close_edge(b);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_left),
        cmocka_unit_test(test_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
