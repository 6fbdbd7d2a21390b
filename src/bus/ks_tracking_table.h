/*
 * The keys that clients of this process have read, and who has read each.
 */

#ifndef KS_TRACKING_TABLE_H
#define KS_TRACKING_TABLE_H

#include "memory/ks_base.h"


typedef struct ks_tracked_s  ks_tracked_t;

struct ks_tracked_s {
    ks_tracked_t  *next;
    uint64_t       hash;
    uint64_t      *ids;         /* of clients, in ascending order */
    uint32_t       n;
    uint32_t       room;
    uint32_t       len;
    u_char         key[];
};

/* all zero at its beginning */
typedef struct {
    ks_tracked_t **slots;
    size_t         size;        /* a power of two, or 0 */
    size_t         keys;
    size_t         items;       /* ids of all keys */
    size_t         bytes;
} ks_tracked_table_t;


/*
 * Notes that the client has read the key.  KS_OK; KS_NONE: that is known, or
 * only the client is new; KS_NOMEM: it could not be noted.
 */
int ks_tracked_add(ks_tracked_table_t *t, uint64_t hash, const ks_str_t *key,
    uint64_t id);

/* Takes a key out, for the caller to free; NULL: it is not there. */
ks_tracked_t *ks_tracked_take(ks_tracked_table_t *t, uint64_t hash,
    const ks_str_t *key);
void ks_tracked_free(ks_tracked_t *e);

/* Some key, by a number that is random; NULL: there is none. */
const ks_tracked_t *ks_tracked_any(const ks_tracked_table_t *t, size_t random);

void ks_tracked_clear(ks_tracked_table_t *t);


#endif /* KS_TRACKING_TABLE_H */
