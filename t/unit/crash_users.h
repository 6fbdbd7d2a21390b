/*
 * Users and denials, for test_crash.c: a user is made, changed or deleted, the
 * users of a configuration come into force, a denial is noted, and what a user
 * uses is counted.
 */

#ifndef CRASH_USERS_H
#define CRASH_USERS_H

#include "crash_ops.h"

#include "commands/ks_args.h"
#include "commands/ks_denials.h"
#include "commands/ks_usage.h"
#include "commands/ks_users.h"


#define USERS  40               /* so many that a tree has inner nodes */


/* some have so many rules that they are blobs */

static ks_users_record_t
some_user(unsigned i, const char *more)
{
    static char  name[32], text[4096];

    unsigned           n;
    size_t             len;
    ks_users_record_t  u;

    memset(&u, 0, sizeof(u));
    snprintf(name, sizeof(name), "user%u", i);
    len = (size_t) snprintf(text, sizeof(text), "on\n>pass%u\n%s", i, more);

    for (n = 0; i % 7 == 6 && n < 100; n++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len,
                                 "\n~a long pattern:%u", n);
    }

    u.name = ks_text(name);
    u.text = ks_text(text);

    return u;
}


static void
put_user(ks_space_t *sp, unsigned i, const char *more)
{
    ks_users_record_t  u, old;

    u = some_user(i, more);

    if (ks_users_get(sp, &u.name, &old) == KS_OK) {
        u.birth = old.birth;
    }

    ks_users_put(sp, &u);
}


static void
users_body(ks_space_t *sp, void *data)
{
    unsigned  i;

    (void) data;

    for (i = 0; i < USERS; i++) {
        put_user(sp, i, "+get");
    }
}


static void
users_new_body(ks_space_t *sp, void *data)
{
    (void) data;

    put_user(sp, USERS, "+@all");
    put_user(sp, USERS + 1, "~k");
}


static void
users_change_body(ks_space_t *sp, void *data)
{
    (void) data;

    put_user(sp, 3, "+set");
    put_user(sp, 6, "-@all\n~*\n&*");
}


static void
users_end_body(ks_space_t *sp, void *data)
{
    unsigned           i;
    ks_users_record_t  u;

    (void) data;

    for (i = 0; i < USERS; i += 3) {
        u = some_user(i, "");
        assert_int_equal(ks_users_remove(sp, &u.name), KS_OK);
    }
}


static void
users_run(ks_space_t *sp, ks_body_pt body)
{
    assert_int_equal(transaction(sp, ks_library_shard(sp), body, NULL), KS_OK);
}


static void
users_configure(ks_space_t *sp, unsigned n)
{
    ks_users_conf_t  users[3];

    memset(users, 0, sizeof(users));
    users[0].name = ks_text("conf0");
    users[1].name = ks_text("user4");
    users[2].name = ks_text("conf2");
    users[0].rules = ks_text("on\n+@all");
    users[1].rules = ks_text("on\n~k\n+get");
    users[2].rules = ks_text("on\n&c");
    users[1].metered = 1;
    users[1].quota.commands[KS_METER_DAY] = 100;
    users[1].quota.rate = 1000;
    users[1].quota.period = 1000;
    users[1].quota.burst = 1000;
    users[2].metered = 1;

    assert_int_equal(ks_users_configure(sp, n, users), KS_OK);
}


static void
deny_body(ks_space_t *sp, void *object)
{
    ks_client_t  client;

    ks_client_init(&client, sp, &ks_user_reader);
    ks_denials_note(&client, "default", ks_text(object), KS_DENIED_KEY,
                    KS_DENIED_TOPLEVEL);
}


/* as a part of a transaction, whose time is the test's */

static void
deny(ks_space_t *sp, const char *object)
{
    assert_int_equal(transaction(sp, ks_library_shard(sp), deny_body,
                                 (void *) object),
                     KS_OK);
}


/* --- usage --- */

static void
usage_nothing(ks_space_t *sp, void *data)
{
    (void) sp;
    (void) data;
}


static void
usage_last(ks_space_t *sp, void *data)
{
    int          i;
    ks_user_t    user;
    ks_meter_t  *mt;
    ks_client_t  client;

    (void) data;

    i = ks_meter_find(ks_space_zone(sp), (u_char *) "user4", 5);
    assert_true(i >= 0);
    mt = ks_meter_at(ks_space_zone(sp), (unsigned) i);

    user = ks_user_default;
    user.meter = mt;
    user.meter_birth = mt->birth;
    ks_client_init(&client, sp, &user);
    client.spent = 3;

    ks_usage_charge(sp, &client);
}


static void
usage_run(ks_space_t *sp, uint64_t shards, ks_body_pt body, uint64_t now)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));
    call.now = now;
    call.shards = shards;
    call.body = body;
    call.last = usage_last;

    assert_int_equal(ks_run(sp, &call), KS_OK);
}


/* with changes of the users, with nothing else locked, and on another day */

static void
op_usage(ks_space_t *sp)
{
    usage_run(sp, ks_library_shard(sp), users_new_body, NOW);
}


static void
op_usage_bare(ks_space_t *sp)
{
    usage_run(sp, 0, usage_nothing, NOW);
}


static void
op_usage_turn(ks_space_t *sp)
{
    usage_run(sp, ks_library_shard(sp), users_change_body,
              NOW + 40 * 86400000ull);
}


static void
usage_reset_body(ks_space_t *sp, void *data)
{
    int  i;

    (void) data;

    i = ks_meter_find(ks_space_zone(sp), (u_char *) "user4", 5);
    ks_usage_reset(sp, ks_meter_at(ks_space_zone(sp), (unsigned) i));
}


static void
op_usage_reset(ks_space_t *sp)
{
    users_run(sp, usage_reset_body);
}


static uint64_t
usage_state(ks_space_t *sp)
{
    unsigned           i, w;
    uint64_t           h;
    const ks_zone_t   *zone;
    const ks_meter_t  *mt;

    h = 0;
    zone = ks_space_zone(sp);

    for (i = 0; i < zone->nmeters; i++) {
        mt = ks_meter_at(zone, i);

        if (mt->birth == 0) {
            continue;
        }

        h = h * 31 + ks_siphash((const uint64_t *) SEED, mt->name, mt->len);
        h = h * 31 + mt->commands;
        h = h * 31 + mt->quota.commands[KS_METER_DAY];

        for (w = 0; w < KS_METER_WINDOWS; w++) {
            h = h * 31 + mt->windows[w].end;
            h = h * 31 + mt->windows[w].commands;
        }
    }

    return h;
}


static void
setup_usage(ks_space_t *sp)
{
    users_run(sp, users_body);
    users_configure(sp, 3);
    op_usage_bare(sp);
}


static void
setup_users(ks_space_t *sp)
{
    users_run(sp, users_body);
    users_configure(sp, 1);
    deny(sp, "a key");
    deny(sp, "another");
}


static void op_users_new(ks_space_t *sp) { users_run(sp, users_new_body); }
static void op_users_end(ks_space_t *sp) { users_run(sp, users_end_body); }
static void op_users_conf(ks_space_t *sp) { users_configure(sp, 3); }
static void op_users_none(ks_space_t *sp) { users_configure(sp, 0); }
static void op_denied(ks_space_t *sp) { deny(sp, "a third one"); }
static void op_denied_again(ks_space_t *sp) { deny(sp, "a key"); }


static void
op_users_change(ks_space_t *sp)
{
    users_run(sp, users_change_body);
}


/* what the library has of users and denials */

static uint64_t
users_state(ks_space_t *sp)
{
    uint32_t     i, kind;
    uint64_t     h;
    ks_volume_t  vol;

    h = usage_state(sp);

    for (kind = KS_LIBRARY_USERS; kind <= KS_LIBRARY_DENIALS; kind++) {
        for (i = 0;
             ks_library_at(sp, (ks_library_kind_t) kind, i, &vol) == KS_OK;
             i++)
        {
            h = h * 31 + ks_siphash((const uint64_t *) SEED, vol.name.data,
                                    vol.name.len);
            h = h * 31 + ks_siphash((const uint64_t *) SEED, vol.text.data,
                                    vol.text.len);
        }
    }

    return h;
}


#define user_row(name)  { #name, op_##name, setup_users, NOW, 0 }
#define usage_row(name)  { #name, op_##name, setup_usage, NOW, 0 }

static const op_t  user_ops[] = {
    user_row(users_new),
    user_row(users_change),
    user_row(users_end),
    user_row(users_conf),
    user_row(users_none),
    user_row(denied),
    user_row(denied_again),
    usage_row(usage),
    usage_row(usage_bare),
    usage_row(usage_turn),
    usage_row(usage_reset),
};


#endif /* CRASH_USERS_H */
