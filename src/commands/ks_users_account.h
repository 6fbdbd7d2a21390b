/*
 * Accounts, as the files of ks_users.h share them.
 */

#ifndef KS_USERS_ACCOUNT_H
#define KS_USERS_ACCOUNT_H

#include "commands/ks_users.h"
#include "keyspace/ks_transact.h"


typedef struct ks_account_s  ks_account_t;

struct ks_account_s {
    ks_user_t         user;     /* first */
    ks_account_t     *next;
    ks_acl_t          acl;
    ks_str_t          text;     /* that acl was made of; data NULL: none */
    uint64_t          birth;
    uint64_t          seen;     /* the version at which all this is true */
    uint64_t          tried;    /* or the transaction in which it is, alone, */
    uint64_t          tried_at; /* and at which version */
    uint32_t          holders;
    unsigned          gone:1;   /* there is no such user any more */
    unsigned          absent:1; /* the same, for the time of "seen", "tried" */
    unsigned          kept:1;   /* "default" has a record */
    char              name[];
};

typedef struct {
    ks_account_t     *first;
    ks_account_t     *own;      /* of "default", which is never gone */
    ks_str_t          rules;    /* of "default" without a record */
    uint64_t          listed;   /* the version at which all accounts are true */
    unsigned          reading:1;        /* the transaction is ks_users_run() */
} ks_users_t;


static inline ks_account_t *
ks_account_of(const ks_user_t *user)
{
    return (ks_account_t *) user;
}


/* the rules of "default", if nobody says others */
#define KS_USERS_DEFAULT  "on\nnopass\nsanitize-payload\n~*\n&*\n+@all"

/* Stores a record, and tells all processes; two parts of ks_users_put(). */
void ks_users_store(ks_space_t *sp, ks_users_record_t *u);
void ks_users_tell(ks_space_t *sp);

/* NULL: the process has no memory. */
ks_users_t *ks_users_of(ks_space_t *sp);

/* A transaction with the library's shard; and an account as it is now. */
int ks_users_run(ks_space_t *sp, ks_body_pt body, void *data);
int ks_account_now(ks_space_t *sp, ks_account_t *a);


#endif /* KS_USERS_ACCOUNT_H */
