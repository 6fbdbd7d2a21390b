/*
 * Prefixes in the order of their texts, each with its members and the keys that
 * they are going to be told of.
 */

#include "bus/ks_tracking_prefix.h"
#include "bus/ks_invalidate.h"

#include <stdlib.h>
#include <string.h>


/* a key that is going to be told of, to those who asked for a prefix of it */
typedef struct {
    ks_str_t         key;               /* malloc()ed */
    uint64_t         author;
} ks_changed_key_t;

struct ks_prefix_s {
    ks_prefix_t       *next;            /* in the order of the texts */
    ks_str_t           text;            /* lies behind */
    uint64_t           since;           /* see ks_track_serial() */
    ks_prefixed_t     *members;
    ks_changed_key_t  *changed;
    size_t             n;
    size_t             room;
    unsigned           lost:1;          /* there was no memory for a key */
};

const ks_str_t *
ks_tracking_prefix_text(const ks_prefixed_t *p)
{
    return &p->prefix->text;
}


static int
ks_text_compare(const ks_str_t *a, const ks_str_t *b)
{
    int  rc;

    rc = memcmp(a->data, b->data, ks_min(a->len, b->len));

    return rc ? rc : (a->len > b->len) - (a->len < b->len);
}


/* --- members --- */

static ks_prefix_t *
ks_prefix_get(ks_prefixes_t *ps, const ks_str_t *text, uint64_t since)
{
    int           rc;
    ks_prefix_t  *p, **at;

    rc = 1;

    for (at = &ps->first; *at != NULL; at = &(*at)->next) {
        rc = ks_text_compare(&(*at)->text, text);

        if (rc >= 0) {
            break;
        }
    }

    if (*at != NULL && rc == 0) {
        return *at;
    }

    p = calloc(1, sizeof(ks_prefix_t) + text->len);

    if (p == NULL) {
        return NULL;
    }

    p->text.data = (u_char *) (p + 1);
    p->text.len = text->len;
    memcpy(p->text.data, text->data, text->len);
    p->since = since;
    p->next = *at;
    *at = p;
    ps->n++;

    return p;
}


static void
ks_prefix_clear(ks_prefix_t *p)
{
    size_t  i;

    for (i = 0; i < p->n; i++) {
        free(p->changed[i].key.data);
    }

    p->n = 0;
    p->lost = 0;
}


/* It goes with its last member. */

static void
ks_prefix_leave(ks_prefixes_t *ps, ks_prefix_t *p)
{
    ks_prefix_t  **at;

    if (p->members != NULL) {
        return;
    }

    for (at = &ps->first; *at != p; at = &(*at)->next) {
        /* void */
    }

    *at = p->next;
    ps->n--;

    ks_prefix_clear(p);
    free(p->changed);
    free(p);
}


int
ks_prefixes_join(ks_prefixes_t *ps, ks_tracker_t *t, const ks_str_t *text,
    uint64_t since)
{
    ks_prefix_t    *prefix;
    ks_prefixed_t  *p, **at;

    p = calloc(1, sizeof(ks_prefixed_t));

    if (p == NULL) {
        return KS_NOMEM;
    }

    prefix = ks_prefix_get(ps, text, since);

    if (prefix == NULL) {
        free(p);
        return KS_NOMEM;
    }

    p->tracker = t;
    p->prefix = prefix;
    p->next = prefix->members;
    p->prev = &prefix->members;

    if (p->next != NULL) {
        p->next->prev = &p->next;
    }

    prefix->members = p;

    for (at = &t->prefixes;
         *at != NULL && ks_text_compare(&(*at)->prefix->text, text) < 0;
         at = &(*at)->more)
    {
        /* void */
    }

    p->more = *at;
    *at = p;

    return KS_OK;
}


void
ks_prefixes_leave(ks_prefixes_t *ps, ks_tracker_t *t)
{
    ks_prefixed_t  *p;

    while (t->prefixes != NULL) {
        p = t->prefixes;
        t->prefixes = p->more;
        *p->prev = p->next;

        if (p->next != NULL) {
            p->next->prev = p->prev;
        }

        ks_prefix_leave(ps, p->prefix);
        free(p);
    }
}


/* --- changes --- */

static void
ks_prefix_add(ks_prefix_t *p, const ks_track_t *track, const ks_str_t *key)
{
    size_t             room;
    ks_changed_key_t  *k;

    if (p->n == p->room) {
        room = p->room ? p->room * 2 : 4;
        k = realloc(p->changed, room * sizeof(ks_changed_key_t));

        if (k == NULL) {
            p->lost = 1;
            return;
        }

        p->changed = k;
        p->room = room;
    }

    k = &p->changed[p->n];
    k->author = track->lapsed ? 0 : track->author;
    k->key.len = key->len;
    k->key.data = malloc(key->len + 1);

    if (k->key.data == NULL) {
        p->lost = 1;
        return;
    }

    memcpy(k->key.data, key->data, key->len);
    p->n++;
}


void
ks_prefixes_changed(ks_prefixes_t *ps, ks_space_t *sp, const ks_track_t *track,
    const ks_str_t *key)
{
    ks_prefix_t  *p;

    for (p = ps->first; p != NULL; p = p->next) {
        if (p->text.len <= key->len
            && memcmp(p->text.data, key->data, p->text.len) == 0
            && !ks_track_past(sp, track, p->since))
        {
            ks_prefix_add(p, track, key);
        }
    }
}


/* --- telling --- */

/* by key, and the first change of a key in front */

static int
ks_changed_compare(const void *a, const void *b)
{
    int                      rc;
    const ks_changed_key_t  *x, *y;

    x = a;
    y = b;
    rc = ks_text_compare(&x->key, &y->key);

    return rc ? rc : (x > y) - (x < y);
}


/* Sorted, each key once. */

static void
ks_prefix_sort(ks_prefix_t *p)
{
    size_t  i, n;

    qsort(p->changed, p->n, sizeof(ks_changed_key_t), ks_changed_compare);

    for (n = 0, i = 0; i < p->n; i++) {

        if (n != 0
            && ks_text_compare(&p->changed[n - 1].key,
                               &p->changed[i].key) == 0)
        {
            free(p->changed[i].key.data);
            continue;
        }

        p->changed[n++] = p->changed[i];
    }

    p->n = n;
}


/* To one client: all but what it has changed itself and will not be told. */

static void
ks_prefix_push_to(ks_space_t *sp, ks_peers_t *peers, const ks_prefix_t *p,
    ks_tracker_t *t, ks_str_t *keys)
{
    size_t     i;
    ks_push_t  push;

    memset(&push, 0, sizeof(push));
    push.kind = KS_PUSH_INVALIDATE;
    push.keys = keys;

    for (i = 0; i < p->n; i++) {
        if (p->changed[i].author != t->peer->id) {
            keys[push.nkeys++] = p->changed[i].key;
        }
    }

    if (push.nkeys != 0) {
        ks_invalidate(sp, peers, t, &push);
        ks_push_release(&push);
    }
}


static void
ks_prefix_push(ks_space_t *sp, ks_peers_t *peers, ks_prefix_t *p)
{
    int             authors;
    size_t          i;
    ks_str_t       *keys;
    ks_push_t       push;
    ks_prefixed_t  *m;

    ks_prefix_sort(p);
    authors = 0;

    keys = p->lost ? NULL : malloc(2 * p->n * sizeof(ks_str_t));

    memset(&push, 0, sizeof(push));
    push.kind = KS_PUSH_INVALIDATE;
    push.keys = keys;

    if (keys != NULL) {
        push.nkeys = p->n;

        for (i = 0; i < p->n; i++) {
            keys[i] = p->changed[i].key;
            authors |= (p->changed[i].author != 0);
        }
    }

    for (m = p->members; m != NULL; m = m->next) {

        if (authors) {
            ks_prefix_push_to(sp, peers, p, m->tracker, keys + p->n);

        } else {
            ks_invalidate(sp, peers, m->tracker, &push);
        }
    }

    ks_push_release(&push);
    free(keys);
}


void
ks_prefixes_push(ks_prefixes_t *ps, ks_space_t *sp, ks_peers_t *peers)
{
    ks_prefix_t  *p;

    for (p = ps->first; p != NULL; p = p->next) {
        if (p->n != 0 || p->lost) {
            ks_prefix_push(sp, peers, p);
            ks_prefix_clear(p);
        }
    }
}
