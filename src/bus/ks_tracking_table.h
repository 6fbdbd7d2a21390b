/*
 * The keys that clients of this process have read, and who has read each.
 */

#ifndef KS_TRACKING_TABLE_H
#define KS_TRACKING_TABLE_H

#include "memory/ks_base.h"


typedef struct ks_tracked_s  ks_tracked_t;

typedef struct {
    uint64_t         id;        /* of a client */
    uint64_t         first;     /* when it has read the key, and was not told */
    uint64_t         last;      /* since: see ks_track_serial() */
} ks_tracked_by_t;

struct ks_tracked_s {
    ks_tracked_t    *next;
    uint64_t         hash;
    ks_tracked_by_t *by;        /* in ascending order of their ids */
    uint32_t         n;
    uint32_t         room;
    uint32_t         len;
    u_char           key[];
};

/* all zero at its beginning */
typedef struct {
    ks_tracked_t **slots;
    size_t         size;        /* a power of two, or 0 */
    size_t         keys;
    size_t         items;       /* readers of all keys */
    size_t         bytes;
} ks_tracked_table_t;


/*
 * Notes that the client has read the key after the change of that number.
 * KS_OK; KS_NONE: that is known, or only the client is new; KS_NOMEM: it could
 * not be noted.
 */
int ks_tracked_add(ks_tracked_table_t *t, uint64_t hash, const ks_str_t *key,
    uint64_t id, uint64_t since);

/*
 * Takes a key out, for the caller to free, or to put back with fewer readers;
 * NULL: it is not there.
 */
ks_tracked_t *ks_tracked_take(ks_tracked_table_t *t, uint64_t hash,
    const ks_str_t *key);
void ks_tracked_put(ks_tracked_table_t *t, ks_tracked_t *e);
void ks_tracked_free(ks_tracked_t *e);

/* Some key, by a number that is random; NULL: there is none. */
const ks_tracked_t *ks_tracked_any(const ks_tracked_table_t *t, size_t random);

/*
 * A reader is told of a change: it stays one if it has read the key since that
 * serial.
 */
int ks_tracked_stays(ks_tracked_by_t *by, uint64_t serial);

/*
 * All readers are told of a change, and those who do not stay are taken out;
 * gone() is told of the keys that have none any more.
 */
void ks_tracked_drop(ks_tracked_table_t *t, uint64_t serial,
    void (*gone)(void *data, const ks_tracked_t *e), void *data);

void ks_tracked_clear(ks_tracked_table_t *t);


#endif /* KS_TRACKING_TABLE_H */
