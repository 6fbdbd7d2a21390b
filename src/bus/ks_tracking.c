/*
 * Who is told of a key that has changed.
 */

#include "bus/ks_tracking.h"
#include "bus/ks_tracking_table.h"

#include <stdlib.h>


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

struct ks_tracking_s {
    ks_space_t          *space;
    ks_peers_t          *peers;
    ks_tracker_t        *trackers;
    size_t               clients;
    size_t               broadcasts;    /* of these, in that mode */
    size_t               nprefixes;
    ks_prefix_t         *prefixes;
    ks_tracked_table_t   table;

    /* keys of the table in each cell, see ks_track.h */
    uint32_t            *cells;
};


static void ks_tracking_record(ks_space_t *sp, void *data,
    const ks_frame_record_t *record);
static void ks_tracking_overtaken(ks_space_t *sp, void *data);
static void ks_tracking_heard(ks_space_t *sp, void *data);


/* --- for INFO --- */

static void
ks_tracking_count(ks_space_t *sp)
{
    uint64_t             tracks[KS_TRACKS];
    ks_tracking_stats_t  st;

    ks_tracking_stats(sp, &st);

    tracks[KS_TRACKS_CLIENTS] = st.clients;
    tracks[KS_TRACKS_KEYS] = st.keys;
    tracks[KS_TRACKS_ITEMS] = st.items;
    tracks[KS_TRACKS_PREFIXES] = st.prefixes;

    ks_hub_set_tracks(sp, tracks);
}


/* --- on and off --- */

static ks_tracking_t *
ks_tracking_open(ks_space_t *sp, ks_peers_t *peers)
{
    ks_listener_t   l;
    ks_tracking_t  *t;

    t = ks_hub_listener(sp, KS_TOLD_CHANGES);

    if (t != NULL || ks_space_hub(sp) == NULL) {
        return t;
    }

    t = calloc(1, sizeof(ks_tracking_t));

    if (t == NULL) {
        return NULL;
    }

    t->cells = calloc(ks_track_cells(sp, KS_TRACKED), sizeof(uint32_t));

    if (t->cells == NULL) {
        free(t);
        return NULL;
    }

    t->space = sp;
    t->peers = peers;
    ks_track_forget_all(sp, KS_TRACKED);

    memset(&l, 0, sizeof(l));
    l.record = ks_tracking_record;
    l.overtaken = ks_tracking_overtaken;
    l.heard = ks_tracking_heard;
    l.data = t;
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_CHANGES, &l);
    ks_hub_want(sp, KS_TOLD_TRACKED);

    return t;
}


static void
ks_tracking_close(ks_space_t *sp, ks_tracking_t *t)
{
    ks_listener_t  l;

    memset(&l, 0, sizeof(l));
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_CHANGES, &l);
    ks_hub_unwant(sp, KS_TOLD_TRACKED|KS_TOLD_CHANGES);

    ks_tracked_clear(&t->table);
    free(t->cells);
    free(t);
}


/* who wants all changes at present */

static void
ks_tracking_wants(ks_space_t *sp, const ks_tracking_t *tracking)
{
    if (tracking->broadcasts) {
        ks_hub_want(sp, KS_TOLD_CHANGES);

    } else {
        ks_hub_unwant(sp, KS_TOLD_CHANGES);
    }
}


int
ks_tracking_on(ks_space_t *sp, ks_peers_t *peers, ks_tracker_t *t)
{
    ks_tracking_t  *tracking;

    if (t->tracking != NULL) {
        return KS_OK;
    }

    tracking = ks_tracking_open(sp, peers);

    if (tracking == NULL) {
        return KS_ERR;
    }

    t->tracking = tracking;
    t->prefixes = NULL;

    t->next = tracking->trackers;
    t->prev = &tracking->trackers;

    if (t->next != NULL) {
        t->next->prev = &t->next;
    }

    tracking->trackers = t;
    t->peer->tracker = t;
    tracking->clients++;
    tracking->broadcasts += t->bcast;
    ks_tracking_wants(sp, tracking);

    t->since = ks_track_serial(sp);
    ks_told_more(sp, KS_TOLD_TRACKED | (t->bcast ? KS_TOLD_CHANGES : 0));
    ks_tracking_count(sp);

    return KS_OK;
}


/* --- prefixes --- */

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


static ks_prefix_t *
ks_prefix_get(ks_tracking_t *tracking, const ks_str_t *text)
{
    int           rc;
    ks_prefix_t  *p, **at;

    rc = 1;

    for (at = &tracking->prefixes; *at != NULL; at = &(*at)->next) {
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
    p->since = ks_track_serial(tracking->space);
    p->next = *at;
    *at = p;
    tracking->nprefixes++;

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
ks_prefix_leave(ks_tracking_t *tracking, ks_prefix_t *p)
{
    ks_prefix_t  **at;

    if (p->members != NULL) {
        return;
    }

    for (at = &tracking->prefixes; *at != p; at = &(*at)->next) {
        /* void */
    }

    *at = p->next;
    tracking->nprefixes--;

    ks_prefix_clear(p);
    free(p->changed);
    free(p);
}


int
ks_tracking_prefix(ks_tracker_t *t, const ks_str_t *text)
{
    ks_prefix_t    *prefix;
    ks_prefixed_t  *p, **at;

    p = calloc(1, sizeof(ks_prefixed_t));

    if (p == NULL) {
        return KS_NOMEM;
    }

    prefix = ks_prefix_get(t->tracking, text);

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
    ks_tracking_count(t->tracking->space);

    return KS_OK;
}


void
ks_tracking_off(ks_space_t *sp, ks_tracker_t *t)
{
    ks_tracking_t  *tracking;
    ks_prefixed_t  *p;

    tracking = t->tracking;

    if (tracking == NULL) {
        return;
    }

    while (t->prefixes != NULL) {
        p = t->prefixes;
        t->prefixes = p->more;
        *p->prev = p->next;

        if (p->next != NULL) {
            p->next->prev = p->prev;
        }

        ks_prefix_leave(tracking, p->prefix);
        free(p);
    }

    *t->prev = t->next;

    if (t->next != NULL) {
        t->next->prev = t->prev;
    }

    t->peer->tracker = NULL;
    tracking->clients--;
    tracking->broadcasts -= t->bcast;
    memset(t, 0, sizeof(ks_tracker_t));

    if (tracking->clients == 0) {
        ks_tracking_close(sp, tracking);

    } else {
        ks_tracking_wants(sp, tracking);
    }

    ks_tracking_count(sp);
}


/* --- reading --- */

/* Beyond the limit some key goes, as if it had changed. */

static void
ks_tracking_bound(ks_space_t *sp, ks_tracking_t *tracking)
{
    size_t               max;
    ks_str_t             key;
    const ks_tracked_t  *e;

    max = (size_t) ks_zone_setting(ks_space_zone(sp),
                                   KS_SETTING_TRACKING_KEYS);

    if ((max == 0 || tracking->table.keys <= max)
        && tracking->table.bytes <= KS_TRACKING_BYTES)
    {
        return;
    }

    e = ks_tracked_any(&tracking->table, ks_random_below(sp, UINT32_MAX));

    if (e != NULL) {
        key.data = (u_char *) e->key;
        key.len = e->len;
        ks_track_tell_self(sp, e->hash, &key);
    }
}


void
ks_tracking_read(ks_space_t *sp, ks_tracker_t *t, const ks_str_t *key)
{
    int             rc;
    ks_place_t      at;
    ks_tracking_t  *tracking;

    tracking = t->tracking;
    at = ks_place(sp, key);
    ks_track_read(sp, KS_TRACKED, &at);

    rc = ks_tracked_add(&tracking->table, at.hash, key, t->peer->id,
                        ks_track_serial(sp));

    if (rc == KS_OK) {
        tracking->cells[ks_track_cell(sp, KS_TRACKED, at.hash)]++;
        ks_tracking_bound(sp, tracking);
    }

    ks_tracking_count(sp);
}


/* --- pushing --- */

static void
ks_tracking_broken(ks_tracker_t *t)
{
    ks_push_t  push;

    t->broken = 1;

    memset(&push, 0, sizeof(push));
    push.kind = KS_PUSH_REDIRECTION_BROKEN;
    push.number = t->redirect;
    t->peer->sink->ops->push(t->peer->sink, &push);
    ks_push_release(&push);
}


/*
 * To a client of another process: two ids, of who tracks and who is told; then
 * the keys, a length of four bytes before each.
 */

static void
ks_tracking_send(ks_tracker_t *t, const ks_push_t *push)
{
    size_t     i, size;
    u_char    *p;
    uint32_t   len;
    ks_str_t   text;

    if (!(ks_hub_alive(t->tracking->space) & t->away)) {
        ks_tracking_broken(t);
        return;
    }

    size = 2 * sizeof(uint64_t);

    for (i = 0; i < push->nkeys; i++) {
        size += sizeof(len) + push->keys[i].len;
    }

    text.data = malloc(size);

    if (text.data == NULL) {
        return;
    }

    memcpy(text.data, &t->peer->id, sizeof(uint64_t));
    memcpy(text.data + sizeof(uint64_t), &t->redirect, sizeof(uint64_t));
    p = text.data + 2 * sizeof(uint64_t);

    for (i = 0; i < push->nkeys; i++) {
        len = (uint32_t) push->keys[i].len;
        memcpy(p, &len, sizeof(len));
        p += sizeof(len);

        if (len != 0) {
            memcpy(p, push->keys[i].data, len);
            p += len;
        }
    }

    text.len = size;
    ks_ask_tell(t->tracking->space, t->away, KS_ASK_PUSH, &text);
    free(text.data);
}


static void
ks_tracking_push(ks_tracker_t *t, ks_push_t *push)
{
    ks_peer_t  *peer;

    push->redirected = (t->redirect != 0);

    if (t->away != 0) {
        ks_tracking_send(t, push);
        return;
    }

    peer = t->redirect ? ks_peers_find(t->tracking->peers, t->redirect)
                       : t->peer;

    if (peer == NULL || peer->killed) {

        if (t->redirect != 0) {
            ks_tracking_broken(t);
        }

        return;
    }

    if (peer->sink != NULL) {
        peer->sink->ops->push(peer->sink, push);
    }
}


/* --- what other processes tell --- */

static void
ks_tracking_push_on(ks_peer_t *peer, const u_char *p, const u_char *end)
{
    size_t      n;
    uint32_t    len;
    ks_str_t   *keys;
    ks_push_t   push;

    n = (size_t) (end - p) / sizeof(len) + 1;
    keys = malloc(n * sizeof(ks_str_t));

    if (keys == NULL) {
        return;
    }

    memset(&push, 0, sizeof(push));
    push.kind = KS_PUSH_INVALIDATE;
    push.keys = keys;
    push.redirected = 1;

    while (p < end) {
        memcpy(&len, p, sizeof(len));
        keys[push.nkeys].data = (u_char *) p + sizeof(len);
        keys[push.nkeys++].len = len;
        p += sizeof(len) + len;
    }

    peer->sink->ops->push(peer->sink, &push);
    ks_push_release(&push);
    free(keys);
}


void
ks_tracking_notice(ks_space_t *sp, ks_peers_t *peers, const ks_question_t *q)
{
    uint64_t       ids[2];
    ks_peer_t     *peer;

    if (q->text.len < sizeof(ids)) {
        return;
    }

    memcpy(ids, q->text.data, sizeof(ids));

    if (q->what == KS_ASK_GONE) {
        peer = ks_peers_find(peers, ids[0]);

        if (peer != NULL && peer->tracker != NULL
            && peer->tracker->redirect == ids[1])
        {
            ks_tracking_broken(peer->tracker);
        }

        return;
    }

    peer = ks_peers_find(peers, ids[1]);

    if (peer != NULL && !peer->killed && peer->sink != NULL) {
        ks_tracking_push_on(peer, q->text.data + sizeof(ids),
                            q->text.data + q->text.len);
        return;
    }

    if (peer == NULL || peer->killed) {
        ks_ask_tell(sp, 1ull << q->from, KS_ASK_GONE, &q->text);
    }
}


/* track: what has happened; NULL: whatever may have */

static void
ks_tracking_push_all(ks_tracking_t *tracking, const ks_track_t *track)
{
    ks_push_t      push;
    ks_tracker_t  *t;

    for (t = tracking->trackers; t != NULL; t = t->next) {

        if (track != NULL && ks_track_past(tracking->space, track, t->since)) {
            continue;
        }

        memset(&push, 0, sizeof(push));
        push.kind = KS_PUSH_INVALIDATE;
        ks_tracking_push(t, &push);
        ks_push_release(&push);
    }
}


/* --- hearing --- */

static void
ks_tracking_gone(void *data, const ks_tracked_t *e)
{
    ks_tracking_t *tracking = data;

    tracking->cells[ks_track_cell(tracking->space, KS_TRACKED,
                                  e->hash)]--;
}


static void
ks_tracking_forget_all(ks_space_t *sp, ks_tracking_t *tracking)
{
    ks_tracked_clear(&tracking->table);
    memset(tracking->cells, 0,
           ks_track_cells(sp, KS_TRACKED) * sizeof(uint32_t));
}


/* To one of those who have read the key. */

static void
ks_tracking_tell_reader(ks_tracking_t *tracking, const ks_tracked_by_t *by,
    const ks_track_t *track, ks_push_t *push)
{
    ks_peer_t     *peer;
    ks_tracker_t  *t;

    peer = ks_peers_find(tracking->peers, by->id);
    t = peer ? peer->tracker : NULL;

    if (t != NULL && !t->bcast && track->author != by->id
        && !ks_track_past(tracking->space, track, t->since))
    {
        ks_tracking_push(t, push);
    }
}


/*
 * Those who have read the key before it changed.  Who has read it since stays
 * its reader.
 */

static void
ks_tracking_tell_readers(ks_tracking_t *tracking, ks_tracked_t *e,
    const ks_track_t *track)
{
    int               own;
    uint32_t          i, left;
    ks_str_t          key;
    ks_push_t         push;
    ks_tracked_by_t  *by;

    own = ks_track_past(tracking->space, track, UINT64_MAX);

    key.data = (u_char *) e->key;
    key.len = e->len;

    memset(&push, 0, sizeof(push));
    push.kind = KS_PUSH_INVALIDATE;
    push.keys = &key;
    push.nkeys = 1;

    for (left = 0, i = 0; i < e->n; i++) {
        by = &e->by[i];

        if (!own || by->first < track->serial) {
            ks_tracking_tell_reader(tracking, by, track, &push);

            if (!own || !ks_tracked_stays(by, track->serial)) {
                continue;
            }
        }

        e->by[left++] = *by;
    }

    e->n = left;
    ks_push_release(&push);
}


/* The cell's bit is taken away if it was for no key of this process. */

static void
ks_tracking_changed(ks_space_t *sp, ks_tracking_t *tracking,
    const ks_track_t *track, const ks_str_t *key)
{
    unsigned       cell;
    ks_tracked_t  *e;

    cell = ks_track_cell(sp, KS_TRACKED, track->hash);
    e = ks_tracked_take(&tracking->table, track->hash, key);

    if (e != NULL) {
        ks_tracking_tell_readers(tracking, e, track);

        if (e->n != 0) {
            ks_tracked_put(&tracking->table, e);
            return;
        }

        tracking->cells[cell]--;
        ks_tracked_free(e);

    } else if (tracking->cells[cell] == 0) {
        ks_track_forget(sp, KS_TRACKED, cell);
    }
}


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


static void
ks_tracking_broadcast(ks_tracking_t *tracking, const ks_track_t *track,
    const ks_str_t *key)
{
    ks_prefix_t  *p;

    for (p = tracking->prefixes; p != NULL; p = p->next) {
        if (p->text.len <= key->len
            && memcmp(p->text.data, key->data, p->text.len) == 0
            && !ks_track_past(tracking->space, track, p->since))
        {
            ks_prefix_add(p, track, key);
        }
    }
}


static void
ks_tracking_flushed(ks_space_t *sp, ks_tracking_t *tracking,
    const ks_track_t *track)
{
    ks_tracking_push_all(tracking, track);

    if (ks_track_past(sp, track, UINT64_MAX)) {
        ks_tracked_drop(&tracking->table, track->serial, ks_tracking_gone,
                        tracking);

    } else {
        ks_tracking_forget_all(sp, tracking);
    }
}


static void
ks_tracking_record(ks_space_t *sp, void *data,
    const ks_frame_record_t *record)
{
    ks_tracking_t *tracking = data;

    size_t      at;
    ks_str_t    part;
    ks_track_t  track;

    at = 0;

    if (ks_record_part(record, &at, &part) != KS_OK
        || part.len != sizeof(ks_track_t))
    {
        return;
    }

    memcpy(&track, part.data, sizeof(ks_track_t));

    if (track.all) {
        ks_tracking_flushed(sp, tracking, &track);
        return;
    }

    if (ks_record_part(record, &at, &part) == KS_OK) {

        /* a key that only makes room for others has not changed */

        if (!track.spared) {
            ks_tracking_broadcast(tracking, &track, &part);
        }

        ks_tracking_changed(sp, tracking, &track, &part);
    }
}


/* Whatever was read may have changed. */

static void
ks_tracking_overtaken(ks_space_t *sp, void *data)
{
    ks_tracking_t *tracking = data;

    ks_tracking_push_all(tracking, NULL);
    ks_tracking_forget_all(sp, tracking);
}


/* --- broadcasts --- */

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
ks_prefix_push_to(const ks_prefix_t *p, ks_tracker_t *t, ks_str_t *keys)
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
        ks_tracking_push(t, &push);
        ks_push_release(&push);
    }
}


static void
ks_prefix_push(ks_prefix_t *p)
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
            ks_prefix_push_to(p, m->tracker, keys + p->n);

        } else {
            ks_tracking_push(m->tracker, &push);
        }
    }

    ks_push_release(&push);
    free(keys);
}


static void
ks_tracking_heard(ks_space_t *sp, void *data)
{
    ks_tracking_t *tracking = data;

    ks_prefix_t  *p;

    for (p = tracking->prefixes; p != NULL; p = p->next) {
        if (p->n != 0 || p->lost) {
            ks_prefix_push(p);
            ks_prefix_clear(p);
        }
    }

    ks_tracking_count(sp);
}


void
ks_tracking_stats(const ks_space_t *sp, ks_tracking_stats_t *st)
{
    const ks_tracking_t  *tracking;

    memset(st, 0, sizeof(ks_tracking_stats_t));
    tracking = ks_hub_listener(sp, KS_TOLD_CHANGES);

    if (tracking != NULL) {
        st->clients = tracking->clients;
        st->keys = tracking->table.keys;
        st->items = tracking->table.items;
        st->prefixes = tracking->nprefixes;
    }
}
