/*
 * Who is told of a key that has changed.
 */

#include "bus/ks_tracking.h"
#include "bus/ks_invalidate.h"
#include "bus/ks_tracking_prefix.h"
#include "bus/ks_tracking_table.h"

#include <stdlib.h>


struct ks_tracking_s {
    ks_space_t          *space;
    ks_peers_t          *peers;
    ks_tracker_t        *trackers;
    size_t               clients;
    size_t               broadcasts;    /* of these, in that mode */
    ks_prefixes_t        prefixes;
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
        st->prefixes = tracking->prefixes.n;
    }
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


int
ks_tracking_prefix(ks_tracker_t *t, const ks_str_t *prefix)
{
    int             rc;
    ks_tracking_t  *tracking;

    tracking = t->tracking;
    rc = ks_prefixes_join(&tracking->prefixes, t, prefix,
                          ks_track_serial(tracking->space));
    ks_tracking_count(tracking->space);

    return rc;
}


void
ks_tracking_off(ks_space_t *sp, ks_tracker_t *t)
{
    ks_tracking_t  *tracking;

    tracking = t->tracking;

    if (tracking == NULL) {
        return;
    }

    ks_prefixes_leave(&tracking->prefixes, t);

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
        ks_invalidate(tracking->space, tracking->peers, t, &push);
        ks_push_release(&push);
    }
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
        ks_invalidate(tracking->space, tracking->peers, t, push);
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
            ks_prefixes_changed(&tracking->prefixes, sp, &track, &part);
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


static void
ks_tracking_heard(ks_space_t *sp, void *data)
{
    ks_tracking_t *tracking = data;

    ks_prefixes_push(&tracking->prefixes, sp, tracking->peers);
    ks_tracking_count(sp);
}
