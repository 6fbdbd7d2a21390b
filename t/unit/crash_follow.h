/*
 * What test_crash.c kills a process in, as crash_ops.h: commands of an upstream
 * with the offset behind them, its history's other name, and what REPLICAOF
 * says.
 */

#ifndef CRASH_FOLLOW_H
#define CRASH_FOLLOW_H

#include "crash_users.h"

#include "keyspace/ks_primary.h"
#include "keyspace/ks_role.h"
#include "keyspace/ks_upstream.h"
#include "replica/ks_follow.h"


#define FOLLOW_ID     "0123456789abcdef0123456789abcdef01234567"
#define FOLLOW_OTHER  "fedcba9876543210fedcba9876543210fedcba98"


static void
follow_begin_body(ks_space_t *sp, void *data)
{
    (void) data;

    ks_upstream_begin(sp, (const u_char *) FOLLOW_ID, 1000);
}


static void
setup_follow(ks_space_t *sp)
{
    ks_upstream_settings_t  settings = { "primary", 6379, 0, KS_STALE_EVER };

    ks_upstream_configure(ks_space_zone(sp), &settings);
    assert_int_equal(transaction(sp, all(sp), follow_begin_body, NULL), KS_OK);
    ks_upstream_show(sp);
}


static void
follow_send(void *data, const u_char *p, size_t n)
{
    (void) data;
    (void) p;
    (void) n;
}


/* From a connection to these bytes of the stream. */

static void
follow_answers(ks_space_t *sp, const char *answer, size_t len)
{
    uint64_t             now;
    ks_follow_t         *f;
    ks_follow_options_t  options;

    memset(&options, 0, sizeof(options));
    options.space = sp;
    options.timeout = 60000;
    options.send = follow_send;

    now = ks_space_now(sp);
    f = ks_follow_open(&options);
    assert_non_null(f);

    assert_int_equal(ks_follow_connected(f, now), KS_OK);
    assert_int_equal(ks_follow_input(f, (const u_char *) "+PONG\r\n+OK\r\n",
                                     12, now), KS_OK);

    if (ks_follow_input(f, (const u_char *) answer, len, now) != KS_OK) {
        fail_msg("%s", ks_follow_why(f));
    }

    ks_follow_close(f);
}


static void
follow_bytes(ks_space_t *sp, const char *answer, const char *text)
{
    char  both[1024];

    snprintf(both, sizeof(both), "%s%s", answer, text);
    follow_answers(sp, both, strlen(both));
}


#define FOLLOW_SET(key, value)                                                \
    "*3\r\n$3\r\nSET\r\n$5\r\n" key "\r\n$3\r\n" value "\r\n"


static void
op_follow_batch(ks_space_t *sp)
{
    follow_bytes(sp, "+CONTINUE\r\n",
                 FOLLOW_SET("key:1", "123") FOLLOW_SET("key:2", "def")
                 "*2\r\n$3\r\nDEL\r\n$5\r\nkey:3\r\n"
                 "*3\r\n$5\r\nRPUSH\r\n$6\r\nkey:23\r\n$1\r\nx\r\n"
                 "*2\r\n$4\r\nINCR\r\n$5\r\nkey:1\r\n*1\r\n$4\r\nPING\r\n");
}


static void
op_follow_multi(ks_space_t *sp)
{
    follow_bytes(sp, "+CONTINUE\r\n",
                 "*1\r\n$5\r\nMULTI\r\n"
                 FOLLOW_SET("key:1", "abc") FOLLOW_SET("key:2", "def")
                 FOLLOW_SET("key:4", "ghi")
                 "*1\r\n$4\r\nEXEC\r\n");
}


static void
op_follow_flush(ks_space_t *sp)
{
    follow_bytes(sp, "+CONTINUE\r\n", "*1\r\n$8\r\nFLUSHALL\r\n");
}


static void
op_follow_select(ks_space_t *sp)
{
    follow_bytes(sp, "+CONTINUE\r\n", "*2\r\n$6\r\nSELECT\r\n$1\r\n7\r\n");
}


static void
op_follow_rename(ks_space_t *sp)
{
    follow_bytes(sp, "+CONTINUE " FOLLOW_OTHER "\r\n", "");
}


/* all keys come beside those that there are, and take their place */

#define FOLLOW_FILE                                                           \
    "REDIS0011\xfe\x00\x00\x05key:1\x03new\x00\x05key:9\x02ok"                 \
    "\x01\x06key:23\x02\x01x\x01y\xff\x00\x00\x00\x00\x00\x00\x00\x00"

static void
op_follow_swap(ks_space_t *sp)
{
    char    text[256];
    size_t  n;

    n = (size_t) snprintf(text, sizeof(text), "+FULLRESYNC " FOLLOW_OTHER
                          " 77\r\n$%zu\r\n", sizeof(FOLLOW_FILE) - 1);
    memcpy(text + n, FOLLOW_FILE, sizeof(FOLLOW_FILE) - 1);

    follow_answers(sp, text, n + sizeof(FOLLOW_FILE) - 1);
}


/* --- REPLICAOF --- */

static void
setup_role(ks_space_t *sp)
{
    ks_role_settings_t                  obeys = { 1, 1, 100 };
    static const ks_primary_settings_t  settings = { FOLLOW_OTHER, 1000, 1000,
                                                     0, 0 };

    ks_primary_configure(ks_space_zone(sp), &settings);
    ks_role_configure(ks_space_zone(sp), &obeys);
}


static void
setup_role_replica(ks_space_t *sp)
{
    setup_role(sp);
    setup_follow(sp);
}


static void
role_replica_body(ks_space_t *sp, void *data)
{
    ks_str_t  host = ks_str("10.0.0.7");

    (void) data;
    (void) ks_role_replica(sp, &host, 6380);
}


static void
op_role_replica(ks_space_t *sp)
{
    transaction(sp, all(sp), role_replica_body, NULL);
}


static void
role_primary_body(ks_space_t *sp, void *data)
{
    (void) data;
    (void) ks_role_primary(sp);
}


static void
op_role_primary(ks_space_t *sp)
{
    transaction(sp, all(sp), role_primary_body, NULL);
}


/* what the zone is, but for names, which are never the same */

static uint64_t
role_state(ks_space_t *sp)
{
    const ks_zone_t     *zone;
    const ks_history_t  *h;

    zone = ks_space_zone(sp);
    h = &zone->primary.history;

    return ((zone->role.order.role * 31ull + zone->role.order.port) * 31
            + zone->role.order.turn) * 31
           + (zone->gate.upstream & (KS_GATE_FOLLOWS|KS_GATE_READONLY)) * 17
           + (h->turn * 31 + h->shift) * 31 + h->until
           + ks_siphash((const uint64_t *) SEED,
                        (const u_char *) zone->role.order.host,
                        KS_UPSTREAM_HOST)
           + ks_siphash((const uint64_t *) SEED, (const u_char *) h->before,
                        KS_REPLID);
}


/* how far the zone is, as a number */

static uint64_t
follow_state(ks_space_t *sp)
{
    const ks_upstream_words_t  *up;

    up = &ks_space_zone(sp)->upstream;

    return (up->offset * 31 + up->db) * 31 + up->whole
           + ks_siphash((const uint64_t *) SEED, up->replid, KS_REPLID)
           + role_state(sp);
}


static const op_t  follow_ops[] = {
    { "follow_batch", op_follow_batch, setup_follow, NOW, 0 },
    { "follow_told", op_follow_batch, setup_follow, NOW, KS_TOLD_EFFECTS },
    { "follow_multi", op_follow_multi, setup_follow, NOW, KS_TOLD_EFFECTS },
    { "follow_flush", op_follow_flush, setup_follow, NOW, KS_TOLD_EFFECTS },
    { "follow_select", op_follow_select, setup_follow, NOW, 0 },
    { "follow_rename", op_follow_rename, setup_follow, NOW, 0 },
    { "follow_swap", op_follow_swap, setup_follow, NOW, 0 },
    { "follow_swap_told", op_follow_swap, setup_follow, NOW, KS_TOLD_EFFECTS },
    { "role_replica", op_role_replica, setup_role, NOW, 0 },
    { "role_primary", op_role_primary, setup_role_replica, NOW, 0 },
};


#endif /* CRASH_FOLLOW_H */
