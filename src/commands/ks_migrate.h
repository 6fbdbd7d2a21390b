/*
 * Keys on the way to another server: MIGRATE.
 *
 * A migration begins in one transaction, which dumps the keys and watches them,
 * and ends in another one, which deletes those that have arrived and have not
 * changed meanwhile.  What happens in between is the host's matter: it sends
 * the bytes of the migration, and hands the replies over.  Nothing is locked
 * while they are on their way.
 *
 * A key is deleted here only if its reply was OK, and if it is still what was
 * sent.
 */

#ifndef KS_MIGRATE_H
#define KS_MIGRATE_H

#include "commands/ks_command.h"


#define KS_MIGRATE_REPLY    512         /* bytes of a reply, at most */
#define KS_MIGRATE_OPTIONS  6           /* position of the first, in its line */

typedef struct {
    ks_watched_t         watched;
    size_t               at;            /* of the key, in the bytes */
    size_t               len;
    unsigned             arrived:1;
    unsigned             changed:1;     /* meanwhile */
} ks_migrated_t;

typedef struct {
    ks_space_t          *space;

    /* where to, copies of the arguments; db is a number */
    ks_str_t             host;
    ks_str_t             db;
    ks_str_t             user;          /* empty: none is named */
    ks_str_t             password;      /* empty: none is given */
    unsigned             port;
    uint64_t             timeout;       /* ms, 1 or more */
    unsigned             copy:1;
    unsigned             replace:1;

    /* commands, as they are to be sent: one for each key */
    u_char              *bytes;
    size_t               len;
    size_t               size;
    ks_migrated_t       *keys;
    size_t               nkeys;
    size_t               room;          /* of the array */
    unsigned             nomem:1;       /* the process had no memory for them */

    size_t               replies;
    char                 error[KS_MIGRATE_REPLY / 2];   /* the first that the
                                               target has said, or empty */
} ks_migration_t;

/* what a host has that can send keys: of a handle (ks_space_migrates()) */
struct ks_migrates_s {

    /* NULL: keys may go to that address; or an error for the client. */
    const char        *(*refuses)(ks_migrates_t *mg, const ks_str_t *host);

    /*
     * Takes the migration, and has the client's waiter wait until it has ended.
     * KS_ERR: there is no memory, and it is the caller's still.
     */
    int                (*start)(ks_migrates_t *mg, ks_client_t *client,
                                ks_migration_t *m);
};


/*
 * A reply of the target to the next of the commands; and one to what came
 * before them, which refuses them all: only an error is noted.
 */
void ks_migration_reply(ks_migration_t *m, const u_char *p, size_t len);
void ks_migration_refused(ks_migration_t *m, const u_char *p, size_t len);

/*
 * It has come to an end; failed: what the client is told if the rest of the
 * replies does not come, or NULL.  Deletes what has arrived, unless it is to
 * stay.  Writes the client's reply as bytes, of KS_MIGRATE_REPLY at most, and
 * returns their length.  *wrote: the position behind the effects, 0: none.
 * Outside transactions.
 */
size_t ks_migration_end(ks_migration_t *m, const char *failed, u_char *reply,
    uint64_t *wrote);

void ks_migration_free(ks_migration_t *m);


/* --- for the handler --- */

/*
 * Takes the keys, outside transactions; none of them need to exist.  As
 * ks_run().
 */
int ks_migration_take(ks_migration_t *m, const ks_client_t *client, int nkeys,
    const ks_str_t *keys);


#endif /* KS_MIGRATE_H */
