/*
 * Users and denials, for test_crash.c: a user is made, changed or deleted, the
 * users of a configuration come into force, and a denial is noted.
 */

#ifndef CRASH_USERS_H
#define CRASH_USERS_H

#include "crash_ops.h"

#include "commands/ks_args.h"
#include "commands/ks_denials.h"
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
    ks_str_t  names[3], rules[3];

    names[0] = ks_text("conf0");
    names[1] = ks_text("user4");
    names[2] = ks_text("conf2");
    rules[0] = ks_text("on\n+@all");
    rules[1] = ks_text("on\n~k\n+get");
    rules[2] = ks_text("on\n&c");

    assert_int_equal(ks_users_configure(sp, n, names, rules), KS_OK);
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

    h = 0;

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

static const op_t  user_ops[] = {
    user_row(users_new),
    user_row(users_change),
    user_row(users_end),
    user_row(users_conf),
    user_row(users_none),
    user_row(denied),
    user_row(denied_again),
};


#endif /* CRASH_USERS_H */
