/*
 * Bonds: two transactions of two zones that come to be with one store.
 *
 * One of them decides, the other follows.  The follower has done all that it
 * does, and its log is still open, when the two are bound.  The store that
 * closes the log of the deciding one commits both; then the follower's log is
 * closed, too, and the bond ends.
 *
 * What is known of a bond lies in the leaders of both: in "leads" of the
 * deciding shard and in "follows" of the other one, under the locks of these
 * shards.  If the process dies, the next holder of the deciding shard's lock
 * knows by the log what has become of the transaction, and says so in the other
 * zone with one compare-and-swap, before it does anything else
 * (ks_bond_decide()).  The next holder of the follower's lock makes sure that
 * this has been said (ks_lock.c), and then closes the log, or undoes it.
 *
 *  B1  "leads" is there as long as "follows" says that it is undecided.
 *  B2  A ticket is the follower's zone's, and no other bond has had it: so a
 *      word that is late decides nothing.
 *  B3  A fate that is known stays where it was written until the shard decides
 *      for another bond.
 *
 * A process that finds a follower whose other zone it does not have, or whose
 * other zone knows nothing of the ticket, keeps what the follower has done:
 * what was moved is then in both zones if the other was undone, and is never
 * lost.
 */

#include <stdlib.h>

#include "memory/ks_log.h"
#include "memory/ks_zone.h"


/* what is above the fate in a follower's word */
#define KS_BOND_TICKET  4


/* the zones that this process has */
static struct {
    ks_zone_t  **zones;
    unsigned     n;
    unsigned     room;
} ks_known;


int
ks_zone_know(ks_zone_t *zone)
{
    unsigned     room;
    ks_zone_t  **p;

    if (ks_known.n == ks_known.room) {
        room = ks_known.room ? 2 * ks_known.room : 4;
        p = realloc(ks_known.zones, room * sizeof(ks_zone_t *));

        if (p == NULL) {
            return KS_NOMEM;
        }

        ks_known.zones = p;
        ks_known.room = room;
    }

    ks_known.zones[ks_known.n++] = zone;

    return KS_OK;
}


void
ks_zone_forget(const ks_zone_t *zone)
{
    unsigned  i;

    for (i = 0; i < ks_known.n; i++) {
        if (ks_known.zones[i] == zone) {
            ks_known.zones[i] = ks_known.zones[--ks_known.n];
            return;
        }
    }
}


static ks_zone_t *
ks_zone_find(const uint64_t *seed)
{
    unsigned  i;

    for (i = 0; i < ks_known.n; i++) {
        if (ks_known.zones[i]->seed[0] == seed[0]
            && ks_known.zones[i]->seed[1] == seed[1])
        {
            return ks_known.zones[i];
        }
    }

    return NULL;
}


static inline ks_shard_t *
ks_bond_shard(ks_zone_t *zone, const ks_bond_t *bond)
{
    return (ks_shard_t *) ((u_char *) zone + zone->shards_at) + bond->shard;
}


static void
ks_bond_point(ks_bond_t *bond, const ks_mem_t *other)
{
    memcpy(bond->zone, other->zone->seed, sizeof(bond->zone));
    bond->shard = ks_shard_index(other, other->leader);
    bond->fate = KS_FATE_OPEN;
    ks_barrier();
}


/* --- while both are alive --- */

void
ks_bond_begin(ks_mem_t *first, ks_mem_t *m)
{
    uint64_t    ticket;
    ks_bond_t  *leads, *follows;

    leads = &first->leader->leads;
    follows = &m->leader->follows;

    ticket = __atomic_add_fetch(&m->zone->bonds, 1, __ATOMIC_RELAXED)
             * KS_BOND_TICKET;

    __atomic_store_n(&leads->ticket, 0, __ATOMIC_RELEASE);
    ks_bond_point(leads, m);
    __atomic_store_n(&leads->ticket, ticket, __ATOMIC_RELEASE);

    ks_bond_point(follows, first);
    __atomic_store_n(&follows->ticket, ticket, __ATOMIC_RELEASE);
}


void
ks_bond_end(ks_shard_t *first, ks_shard_t *sh)
{
    ks_bond_clear(sh);
    __atomic_store_n(&first->leads.ticket, 0, __ATOMIC_RELEASE);
    ks_barrier();
}


/* --- after a death --- */

/* The word of a follower of that ticket, which nobody has decided yet. */

static void
ks_bond_say(ks_bond_t *follows, uint64_t ticket, unsigned fate)
{
    (void) __atomic_compare_exchange_n(&follows->ticket, &ticket,
                                       ticket | fate, 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
    ks_barrier();
}


void
ks_bond_mark(ks_shard_t *sh)
{
    ks_bond_t  *leads;

    leads = &sh->leads;

    if (leads->ticket != 0 && leads->fate == KS_FATE_OPEN) {
        __atomic_store_n(&leads->fate,
                         sh->log.open ? KS_FATE_UNDONE : KS_FATE_KEPT,
                         __ATOMIC_RELEASE);
        ks_barrier();
    }
}


void
ks_bond_decide(ks_shard_t *sh)
{
    ks_zone_t  *zone;
    ks_bond_t  *leads;

    leads = &sh->leads;

    if (ks_likely(leads->ticket == 0)) {
        return;
    }

    ks_bond_mark(sh);
    zone = ks_zone_find(leads->zone);

    if (zone != NULL) {
        ks_bond_say(&ks_bond_shard(zone, leads)->follows, leads->ticket,
                    leads->fate);

        __atomic_store_n(&leads->ticket, 0, __ATOMIC_RELEASE);
        ks_barrier();
    }
}


/*
 * The ticket is read behind the fate: so this is the fate of that bond, or the
 * ticket is another one's.
 */

ks_zone_t *
ks_bond_ask(ks_shard_t *sh)
{
    unsigned          fate;
    uint64_t          ticket;
    ks_zone_t        *zone;
    ks_bond_t        *follows;
    const ks_bond_t  *leads;

    follows = &sh->follows;
    ticket = __atomic_load_n(&follows->ticket, __ATOMIC_ACQUIRE);

    if (sh->log.open == 0 || ticket % KS_BOND_TICKET != KS_FATE_OPEN
        || ticket == 0)
    {
        return NULL;
    }

    zone = ks_zone_find(follows->zone);

    if (zone == NULL) {
        ks_bond_say(follows, ticket, KS_FATE_KEPT);
        return NULL;
    }

    leads = &ks_bond_shard(zone, follows)->leads;
    fate = __atomic_load_n(&leads->fate, __ATOMIC_ACQUIRE);

    if (__atomic_load_n(&leads->ticket, __ATOMIC_ACQUIRE) != ticket) {
        ks_bond_say(follows, ticket, KS_FATE_KEPT);
        return NULL;
    }

    if (fate != KS_FATE_OPEN) {
        ks_bond_say(follows, ticket, fate);
        return NULL;
    }

    return zone;
}


int
ks_bond_keeps(const ks_shard_t *sh)
{
    return sh->follows.ticket % KS_BOND_TICKET == KS_FATE_KEPT;
}


void
ks_bond_clear(ks_shard_t *sh)
{
    if (sh->follows.ticket != 0) {
        __atomic_store_n(&sh->follows.ticket, 0, __ATOMIC_RELEASE);
        ks_barrier();
    }
}


int
ks_bond_open(const ks_shard_t *sh)
{
    return sh->log.open != 0 && sh->follows.ticket != 0
           && sh->follows.ticket % KS_BOND_TICKET == KS_FATE_OPEN;
}
