/*
 * The users of a zone.
 *
 * What the zone keeps of a user is a record of the library: name, rules as a
 * text, and a birth, a number that no other user has had.  A process keeps what
 * it has made of a record (an account), and learns of changes by the version
 * that ks_users_version() reads: it looks at a record again when that has moved
 * on.  What a transaction has changed and not committed holds inside of it.
 *
 * The user "default" need not have a record: then it has the rules that the
 * host has given to this process (ks_users_open()).
 *
 * Accounts stay where they are as long as they are held, ks_user_hold(); one
 * that is not held is good until the next call of a function here.
 */

#ifndef KS_USERS_H
#define KS_USERS_H

#include "bus/ks_peers.h"
#include "commands/ks_acl.h"
#include "commands/ks_user.h"


/* where a user's rules come from */
typedef enum {
    KS_USERS_COMMAND = 0,       /* ACL SETUSER */
    KS_USERS_CONFIGURATION      /* and from there anew with each one */
} ks_users_source_t;

/* a user as it is kept; inside of a transaction, and in the arena */
typedef struct {
    ks_str_t           name;
    ks_str_t           text;    /* rules, one a line */
    uint64_t           birth;   /* 0: "default" without a record */
    ks_users_source_t  source;

    /* what is counted of it: 1 + the number of a meter, whose birth this is;
       0: nothing.  ks_users_put() sets them, by the name. */
    uint32_t           meter;
    uint64_t           meter_birth;
} ks_users_record_t;


/*
 * Sets what "default" is without a record: rules, one a line; without this call
 * it may do all, with any password.  KS_NOMEM: the process has no memory.
 */
int ks_users_open(ks_space_t *sp, const ks_str_t *rules);

/* Accounts that are held are left to who holds them. */
void ks_users_close(ks_space_t *sp);


/* --- anywhere; inside of transactions some want the library's shard --- */

/* The account of "default"; NULL: the process has no memory. */
const ks_user_t *ks_users_default(ks_space_t *sp);

/*
 * As whom a client comes that shows nothing: "default", if that user is on and
 * needs no password, or else ks_user_guest.
 */
const ks_user_t *ks_users_arrival(ks_space_t *sp);

/* Whether "default" has a record, which counts in the place of the host's. */
int ks_users_default_kept(ks_space_t *sp);

/* The user of that name, which is on, whoever asks for it; NULL: none. */
const ks_user_t *ks_users_named(ks_space_t *sp, const ks_str_t *name);

/* The user of that name, with a password of that digest; NULL: none. */
const ks_user_t *ks_users_login(ks_space_t *sp, const ks_str_t *name,
    const u_char *hex);

/*
 * Outside of transactions: the user whose password it is; NULL: nobody's, or
 * that of several.
 */
const ks_user_t *ks_users_bearer(ks_space_t *sp, const u_char *hex);

/* Whether there is a user of that name. */
int ks_users_known(ks_space_t *sp, const ks_str_t *name);

/* Whether the user is no more; one with fixed rights stays. */
int ks_user_gone(ks_space_t *sp, const ks_user_t *user);

/* Whether an account may go at all.  As long as it is held, it stays. */
int ks_user_may_go(const ks_user_t *user);
void ks_user_hold(const ks_user_t *user);
void ks_user_release(const ks_user_t *user);

/*
 * Outside of transactions: the users that a configuration has, with their
 * rules, one a line, and quotas.  Others that came by a configuration go, as
 * does a record of "default".  KS_OK; or what ks_run() says.
 */
typedef struct {
    ks_str_t     name;
    ks_str_t     rules;
    unsigned     metered;       /* it is counted what it uses, */
    ks_quota_t   quota;         /* and it may use so much */
} ks_users_conf_t;

int ks_users_configure(ks_space_t *sp, unsigned n,
    const ks_users_conf_t *users);

/* All processes are to look whether users have changed, if there are any. */
void ks_users_announce(ks_space_t *sp);

/*
 * Outside of transactions: users have changed.  It kills those of the clients
 * whose user is gone, or who hear what it may not hear any more.
 */
void ks_users_changed(ks_space_t *sp, ks_peers_t *peers);

/* The rights of a user who has rules, as they are now; NULL: it is gone. */
const ks_acl_t *ks_user_acl(ks_space_t *sp, const ks_user_t *user);

/* Whether the user may run the command and read keys of any name. */
int ks_user_reads_all(ks_space_t *sp, const ks_user_t *user,
    const ks_command_t *cmd, int argc, const ks_str_t *argv);

/*
 * A user as bytes, so that another process knows it: of the arena.  And back
 * again, inside of a transaction; never NULL.
 */
ks_str_t ks_user_ticket(ks_space_t *sp, const ks_user_t *user);
const ks_user_t *ks_users_ticket(ks_space_t *sp, const ks_str_t *ticket);


/* --- inside of a transaction, which has the library's shard locked --- */

/* The record of a name; KS_ERR: there is none.  "default" has one always. */
int ks_users_get(ks_space_t *sp, const ks_str_t *name, ks_users_record_t *u);

/* All of them in the order of their names; how many. */
size_t ks_users_list(ks_space_t *sp, ks_users_record_t **list);

/* Stores a record; birth 0: a new user.  KS_ERR: there is no such user. */
void ks_users_put(ks_space_t *sp, ks_users_record_t *u);
int ks_users_remove(ks_space_t *sp, const ks_str_t *name);


#endif /* KS_USERS_H */
