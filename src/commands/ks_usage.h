/*
 * What users use, and quotas: of commands, of bytes, of memory, and rates.
 *
 * A user whose use is counted has a meter of the zone (memory/ks_meter.h); to
 * ask whether it has one is the test of a field.  A command of such a user is
 * looked at where its rights are (ks_usage_admits()), without a lock, so that
 * what is refused costs little.  What counts is the very end of its transaction
 * (ks_usage_charge()): there the quotas are asked once more under the meters'
 * lock, and what was used is committed with all else.  A transaction that finds
 * that another one has used up the rest is undone.
 *
 * Commands count one by one, those inside of transactions and scripts too, and
 * all of a transaction or a script pass or none.  What concerns the connection
 * or administrators, INFO and ACL are not counted, and have no quotas.
 */

#ifndef KS_USAGE_H
#define KS_USAGE_H

#include "commands/ks_users.h"
#include "memory/ks_meter.h"


/* Whether the command counts. */
unsigned ks_usage_counts(const ks_command_t *cmd);

/*
 * Whether the client, whose user has a meter, may run the command by its
 * quotas; 0: the error is written.
 */
int ks_usage_admits(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply);

/*
 * The end of a transaction: it has run client->spent commands.  If that is more
 * than the user may, it is left, with client->aborted set.  The other one is
 * for a command that was run without a transaction around it: KS_OK, or what
 * ks_run() says.
 */
void ks_usage_charge(ks_space_t *sp, ks_client_t *client);
int ks_usage_charge_alone(ks_client_t *client);

/* Bytes that the user sends and is sent. */

static inline void
ks_usage_bytes(const ks_user_t *user, uint64_t in, uint64_t out)
{
    if (ks_unlikely(user->meter != NULL)
        && ks_meter_is(user->meter, user->meter_birth))
    {
        ks_meter_bytes(user->meter, in, out);
    }
}


/* --- for ks_users.h, in a transaction that has the library locked --- */

/* The meters of the zone are those of the users that are metered. */
void ks_usage_configure(ks_space_t *sp, unsigned n,
    const ks_users_conf_t *users);

/* Gives the record the meter of its name; whether it has that one. */
void ks_usage_assign(ks_space_t *sp, ks_users_record_t *u);
int ks_usage_current(ks_space_t *sp, const ks_users_record_t *u);


/* --- telling --- */

/* what a meter says at a time */
typedef struct {
    uint64_t     commands[KS_METER_WINDOWS];
    uint64_t     in[KS_METER_WINDOWS];
    uint64_t     out[KS_METER_WINDOWS];
    uint64_t     ends[KS_METER_WINDOWS];        /* ms since the epoch */
} ks_used_t;

/* now: ms since the epoch. */
void ks_usage_read(const ks_meter_t *mt, uint64_t now, ks_used_t *used);

/* Inside of a transaction: its windows and its rate begin anew. */
void ks_usage_reset(ks_space_t *sp, ks_meter_t *mt);

/* The memory of the zone over time, in GB-hours. */
double ks_usage_gb_hours(const ks_zone_t *zone, uint64_t now);


#endif /* KS_USAGE_H */
