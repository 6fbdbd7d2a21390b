/*
 * A list of clients in the order in which they came, and a table by their ids.
 */

#include "bus/ks_peers.h"

#include <stdlib.h>


#define KS_PEERS_ROOM  16


static inline ks_peer_t **
ks_peers_slot(const ks_peers_t *peers, uint64_t id)
{
    return &peers->table[id & (peers->size - 1)];
}


static int
ks_peers_grow(ks_peers_t *peers)
{
    size_t       size;
    ks_peer_t   *peer, **table, **slot;

    size = peers->size ? peers->size * 2 : KS_PEERS_ROOM;
    table = calloc(size, sizeof(ks_peer_t *));

    if (table == NULL) {
        return KS_NOMEM;
    }

    free(peers->table);
    peers->table = table;
    peers->size = size;

    for (peer = peers->first; peer != NULL; peer = peer->next) {
        slot = ks_peers_slot(peers, peer->id);
        peer->chain = *slot;
        *slot = peer;
    }

    return KS_OK;
}


int
ks_peers_add(ks_peers_t *peers, ks_peer_t *peer)
{
    ks_peer_t  **slot;

    if (peers->n == peers->size && ks_peers_grow(peers) != KS_OK) {
        return KS_NOMEM;
    }

    slot = ks_peers_slot(peers, peer->id);
    peer->chain = *slot;
    *slot = peer;

    peer->next = NULL;
    peer->prev = peers->last;

    if (peers->last != NULL) {
        peers->last->next = peer;

    } else {
        peers->first = peer;
    }

    peers->last = peer;
    peers->n++;

    return KS_OK;
}


void
ks_peers_remove(ks_peers_t *peers, ks_peer_t *peer)
{
    ks_peer_t  **slot;

    slot = ks_peers_slot(peers, peer->id);

    while (*slot != peer) {
        slot = &(*slot)->chain;
    }

    *slot = peer->chain;

    if (peer->next != NULL) {
        peer->next->prev = peer->prev;

    } else {
        peers->last = peer->prev;
    }

    if (peer->prev != NULL) {
        peer->prev->next = peer->next;

    } else {
        peers->first = peer->next;
    }

    if (--peers->n == 0) {
        free(peers->table);
        peers->table = NULL;
        peers->size = 0;
    }
}


ks_peer_t *
ks_peers_find(const ks_peers_t *peers, uint64_t id)
{
    ks_peer_t  *peer;

    if (peers->n == 0) {
        return NULL;
    }

    peer = *ks_peers_slot(peers, id);

    while (peer != NULL && peer->id != id) {
        peer = peer->chain;
    }

    return peer;
}
