/*
 * A table of keys by their hashes.
 */

#include "bus/ks_tracking_table.h"

#include <stdlib.h>
#include <string.h>


#define KS_TRACKED_ROOM  256            /* slots to begin with */
#define KS_TRACKED_BY    2              /* readers of a key to begin with */


static inline ks_tracked_t **
ks_tracked_slot(const ks_tracked_table_t *t, uint64_t hash)
{
    return &t->slots[hash & (t->size - 1)];
}


static int
ks_tracked_grow(ks_tracked_table_t *t)
{
    size_t          i, size;
    ks_tracked_t   *e, *next, **old, **slot;

    old = t->slots;
    size = t->size;

    t->slots = calloc(size ? size * 2 : KS_TRACKED_ROOM,
                      sizeof(ks_tracked_t *));

    if (t->slots == NULL) {
        t->slots = old;
        return KS_NOMEM;
    }

    t->size = size ? size * 2 : KS_TRACKED_ROOM;

    for (i = 0; i < size; i++) {
        for (e = old[i]; e != NULL; e = next) {
            next = e->next;
            slot = ks_tracked_slot(t, e->hash);
            e->next = *slot;
            *slot = e;
        }
    }

    free(old);

    return KS_OK;
}


/* where the key is, or where a pointer to it would be NULL */

static ks_tracked_t **
ks_tracked_find(const ks_tracked_table_t *t, uint64_t hash,
    const ks_str_t *key)
{
    ks_tracked_t  **slot;

    slot = ks_tracked_slot(t, hash);

    while (*slot != NULL
           && ((*slot)->hash != hash || (*slot)->len != key->len
               || memcmp((*slot)->key, key->data, key->len) != 0))
    {
        slot = &(*slot)->next;
    }

    return slot;
}


static size_t
ks_tracked_bytes(const ks_tracked_t *e)
{
    return sizeof(ks_tracked_t) + e->len + e->room * sizeof(ks_tracked_by_t);
}


/* the place of an id in ascending order */

static uint32_t
ks_tracked_place(const ks_tracked_t *e, uint64_t id)
{
    uint32_t  low, high, mid;

    low = 0;
    high = e->n;

    while (low < high) {
        mid = (low + high) / 2;

        if (e->by[mid].id < id) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    return low;
}


static int
ks_tracked_client(ks_tracked_table_t *t, ks_tracked_t *e, uint64_t id,
    uint64_t since)
{
    uint32_t          i, room;
    ks_tracked_by_t  *by;

    i = ks_tracked_place(e, id);

    if (i < e->n && e->by[i].id == id) {
        e->by[i].last = since;
        return KS_NONE;
    }

    if (e->n == e->room) {
        room = e->room ? e->room * 2 : KS_TRACKED_BY;
        by = realloc(e->by, room * sizeof(ks_tracked_by_t));

        if (by == NULL) {
            return KS_NOMEM;
        }

        t->bytes += (room - e->room) * sizeof(ks_tracked_by_t);
        e->by = by;
        e->room = room;
    }

    memmove(e->by + i + 1, e->by + i, (e->n - i) * sizeof(ks_tracked_by_t));
    e->by[i].id = id;
    e->by[i].first = since;
    e->by[i].last = since;
    e->n++;
    t->items++;

    return KS_NONE;
}


static ks_tracked_t *
ks_tracked_new(uint64_t hash, const ks_str_t *key)
{
    ks_tracked_t  *e;

    e = calloc(1, sizeof(ks_tracked_t) + key->len);

    if (e != NULL) {
        e->hash = hash;
        e->len = (uint32_t) key->len;
        memcpy(e->key, key->data, key->len);
    }

    return e;
}


int
ks_tracked_add(ks_tracked_table_t *t, uint64_t hash, const ks_str_t *key,
    uint64_t id, uint64_t since)
{
    ks_tracked_t  *e, **slot;

    if (t->keys >= t->size && ks_tracked_grow(t) != KS_OK) {
        return KS_NOMEM;
    }

    slot = ks_tracked_find(t, hash, key);

    if (*slot != NULL) {
        return ks_tracked_client(t, *slot, id, since);
    }

    e = ks_tracked_new(hash, key);

    if (e == NULL) {
        return KS_NOMEM;
    }

    if (ks_tracked_client(t, e, id, since) == KS_NOMEM) {
        free(e);
        return KS_NOMEM;
    }

    *slot = e;
    t->keys++;
    t->bytes += sizeof(ks_tracked_t) + e->len;

    return KS_OK;
}


ks_tracked_t *
ks_tracked_take(ks_tracked_table_t *t, uint64_t hash, const ks_str_t *key)
{
    ks_tracked_t  *e, **slot;

    if (t->keys == 0) {
        return NULL;
    }

    slot = ks_tracked_find(t, hash, key);
    e = *slot;

    if (e != NULL) {
        *slot = e->next;
        t->keys--;
        t->items -= e->n;
        t->bytes -= ks_tracked_bytes(e);
    }

    return e;
}


void
ks_tracked_put(ks_tracked_table_t *t, ks_tracked_t *e)
{
    ks_tracked_t  **slot;

    slot = ks_tracked_slot(t, e->hash);
    e->next = *slot;
    *slot = e;
    t->keys++;
    t->items += e->n;
    t->bytes += ks_tracked_bytes(e);
}


void
ks_tracked_free(ks_tracked_t *e)
{
    free(e->by);
    free(e);
}


const ks_tracked_t *
ks_tracked_any(const ks_tracked_table_t *t, size_t random)
{
    if (t->keys == 0) {
        return NULL;
    }

    while (t->slots[random & (t->size - 1)] == NULL) {
        random++;
    }

    return t->slots[random & (t->size - 1)];
}


int
ks_tracked_stays(ks_tracked_by_t *by, uint64_t serial)
{
    by->first = by->last;

    return by->last >= serial;
}


/* Puts those who stay in front, and says how many they are. */

static uint32_t
ks_tracked_staying(ks_tracked_t *e, uint64_t serial)
{
    uint32_t  i, n;

    for (n = 0, i = 0; i < e->n; i++) {
        if (ks_tracked_stays(&e->by[i], serial)) {
            e->by[n++] = e->by[i];
        }
    }

    return n;
}


void
ks_tracked_drop(ks_tracked_table_t *t, uint64_t serial,
    void (*gone)(void *data, const ks_tracked_t *e), void *data)
{
    size_t         i;
    uint32_t       n;
    ks_tracked_t  *e, **at;

    for (i = 0; i < t->size; i++) {

        for (at = &t->slots[i]; *at != NULL; /* void */ ) {
            e = *at;
            n = ks_tracked_staying(e, serial);
            t->items -= e->n - n;
            e->n = n;

            if (n != 0) {
                at = &e->next;
                continue;
            }

            *at = e->next;
            t->keys--;
            t->bytes -= ks_tracked_bytes(e);
            gone(data, e);
            ks_tracked_free(e);
        }
    }
}


void
ks_tracked_clear(ks_tracked_table_t *t)
{
    size_t         i;
    ks_tracked_t  *e, *next;

    for (i = 0; i < t->size; i++) {
        for (e = t->slots[i]; e != NULL; e = next) {
            next = e->next;
            ks_tracked_free(e);
        }
    }

    free(t->slots);
    memset(t, 0, sizeof(ks_tracked_table_t));
}
