/*
 * A map: things of this process by a hash, which is their owner's to make.
 *
 * What is in it has a ks_link_t as its first part.  The map owns nothing but
 * its table, which grows with what is in it.
 */

#ifndef KS_MAP_H
#define KS_MAP_H

#include "memory/ks_base.h"


typedef struct ks_link_s  ks_link_t;

struct ks_link_s {
    ks_link_t   *next;
    uint64_t     hash;
};

typedef struct {
    ks_link_t  **table;
    size_t       size;          /* a power of two */
    size_t       n;
} ks_map_t;


/* KS_NOMEM: the process has no memory. */
int ks_map_open(ks_map_t *map);
void ks_map_close(ks_map_t *map);

/* It is not in the map yet; it is in it. */
void ks_map_add(ks_map_t *map, ks_link_t *link);
void ks_map_remove(ks_map_t *map, ks_link_t *link);

/* The first of that hash, and the next one of the same; NULL: there is none. */
ks_link_t *ks_map_first(const ks_map_t *map, uint64_t hash);
ks_link_t *ks_map_next(const ks_link_t *link);


#endif /* KS_MAP_H */
