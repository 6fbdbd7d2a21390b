/*
 * The keys that the running transaction has looked up, by their hashes: when it
 * lacks memory, none of them may be the victim that is evicted for it.
 *
 * They are kept in memory of the process.  If it has none for more of them,
 * the first ones are forgotten.
 */

#include <stdlib.h>

#include "keyspace/ks_keyspace.h"


#define KS_SEEN_FEW   16                /* these are gone through one by one */


void
ks_seen_more(ks_space_t *sp)
{
    uint32_t   room;
    uint64_t  *seen;

    room = sp->seen_room * 2;
    seen = (room != 0) ? malloc(room * sizeof(uint64_t)) : NULL;

    if (seen == NULL) {
        sp->nseen = 0;
        return;
    }

    memcpy(seen, sp->seen, sp->nseen * sizeof(uint64_t));
    ks_seen_free(sp);

    sp->seen = seen;
    sp->seen_room = room;
}


void
ks_seen_free(ks_space_t *sp)
{
    if (sp->seen != sp->seen_few) {
        free(sp->seen);
    }

    sp->seen = sp->seen_few;
    sp->seen_room = KS_SEEN_ROOM;
}


static int
ks_seen_order(const void *one, const void *two)
{
    const uint64_t  *a = one, *b = two;

    return (*a > *b) - (*a < *b);
}


void
ks_seen_sort(ks_space_t *sp)
{
    if (sp->nseen > KS_SEEN_FEW) {
        qsort(sp->seen, sp->nseen, sizeof(uint64_t), ks_seen_order);
    }
}


int
ks_seen_has(const ks_space_t *sp, uint64_t hash)
{
    uint32_t  i;

    if (sp->nseen > KS_SEEN_FEW) {
        return bsearch(&hash, sp->seen, sp->nseen, sizeof(uint64_t),
                       ks_seen_order) != NULL;
    }

    for (i = 0; i < sp->nseen && sp->seen[i] != hash; i++) { /* void */ }

    return i < sp->nseen;
}
