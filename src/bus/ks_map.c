/*
 * The map: chains of links in a table, which doubles when it is full.  If there
 * is no memory for that, the chains become longer.
 */

#include <stdlib.h>

#include "bus/ks_map.h"


#define KS_MAP_SIZE  64


int
ks_map_open(ks_map_t *map)
{
    map->table = calloc(KS_MAP_SIZE, sizeof(ks_link_t *));
    map->size = KS_MAP_SIZE;
    map->n = 0;

    return map->table ? KS_OK : KS_NOMEM;
}


void
ks_map_close(ks_map_t *map)
{
    free(map->table);
    map->table = NULL;
}


static inline ks_link_t **
ks_map_chain(const ks_map_t *map, uint64_t hash)
{
    return &map->table[hash & (map->size - 1)];
}


static void
ks_map_grow(ks_map_t *map)
{
    size_t      i;
    ks_map_t    old;
    ks_link_t  *link, *next, **chain;

    old = *map;
    map->table = calloc(old.size * 2, sizeof(ks_link_t *));

    if (map->table == NULL) {
        map->table = old.table;
        return;
    }

    map->size = old.size * 2;

    for (i = 0; i < old.size; i++) {
        for (link = old.table[i]; link != NULL; link = next) {
            next = link->next;
            chain = ks_map_chain(map, link->hash);
            link->next = *chain;
            *chain = link;
        }
    }

    free(old.table);
}


void
ks_map_add(ks_map_t *map, ks_link_t *link)
{
    ks_link_t  **chain;

    if (map->n++ == map->size) {
        ks_map_grow(map);
    }

    chain = ks_map_chain(map, link->hash);
    link->next = *chain;
    *chain = link;
}


void
ks_map_remove(ks_map_t *map, ks_link_t *link)
{
    ks_link_t  **at;

    for (at = ks_map_chain(map, link->hash); *at != link; at = &(*at)->next) {
        /* void */
    }

    *at = link->next;
    map->n--;
}


static ks_link_t *
ks_link_of(ks_link_t *link, uint64_t hash)
{
    while (link != NULL && link->hash != hash) {
        link = link->next;
    }

    return link;
}


ks_link_t *
ks_map_first(const ks_map_t *map, uint64_t hash)
{
    return ks_link_of(*ks_map_chain(map, hash), hash);
}


ks_link_t *
ks_map_next(const ks_link_t *link)
{
    return ks_link_of(link->next, link->hash);
}
