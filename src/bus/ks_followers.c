/*
 * Who follows which keys, and telling them.
 *
 * Keys are known by their hashes alone: two keys of one hash are told of both.
 * The cells of the zone are hints.  One that stands for no follower any more is
 * cleared when a change is told for it, so that to leave takes no lock.
 */

#include <stdlib.h>

#include "bus/ks_followers.h"
#include "keyspace/ks_track.h"
#include "keyspace/ks_transact.h"


typedef struct {
    ks_map_t        map;
    uint32_t       *cells;              /* followers in each, see ks_track.h */
    ks_follower_t  *told;
} ks_followers_t;


static void ks_followers_record(ks_space_t *sp, void *data,
    const ks_frame_record_t *record);
static void ks_followers_overtaken(ks_space_t *sp, void *data);
static void ks_followers_heard(ks_space_t *sp, void *data);


/* --- opening and closing --- */

static void
ks_followers_free(ks_followers_t *fs)
{
    ks_map_close(&fs->map);
    free(fs->cells);
    free(fs);
}


static ks_followers_t *
ks_followers_new(ks_space_t *sp)
{
    ks_followers_t  *fs;

    fs = calloc(1, sizeof(ks_followers_t));

    if (fs == NULL) {
        return NULL;
    }

    fs->cells = calloc(ks_track_cells(sp, KS_FOLLOWED), sizeof(uint32_t));

    if (fs->cells == NULL || ks_map_open(&fs->map) != KS_OK) {
        free(fs->cells);
        free(fs);
        return NULL;
    }

    return fs;
}


/* For the first that follows anything; it stays then. */

static ks_followers_t *
ks_followers_open(ks_space_t *sp)
{
    ks_listener_t    l;
    ks_followers_t  *fs;

    fs = ks_hub_listener(sp, KS_TOLD_FOLLOWED);

    if (fs != NULL || ks_space_hub(sp) == NULL) {
        return fs;
    }

    fs = ks_followers_new(sp);

    if (fs == NULL) {
        return NULL;
    }

    ks_track_forget_all(sp, KS_FOLLOWED);

    l.record = ks_followers_record;
    l.overtaken = ks_followers_overtaken;
    l.heard = ks_followers_heard;
    l.data = fs;
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_FOLLOWED, &l);

    return fs;
}


void
ks_followers_close(ks_space_t *sp)
{
    ks_listener_t    none;
    ks_followers_t  *fs;

    fs = ks_hub_listener(sp, KS_TOLD_FOLLOWED);

    if (fs != NULL) {
        memset(&none, 0, sizeof(none));
        ks_hub_unwant(sp, KS_TOLD_FOLLOWED);
        ks_hub_listen(ks_space_hub(sp), KS_TOLD_FOLLOWED, &none);
        ks_followers_free(fs);
    }
}


/* --- following --- */

static void
ks_follow_body(ks_space_t *sp, void *data)
{
    ks_place_t  *at = data;

    ks_track_read(sp, KS_FOLLOWED, at);
}


static void
ks_followers_rest(ks_space_t *sp, const ks_followers_t *fs)
{
    if (fs->map.n == 0) {
        ks_hub_unwant(sp, KS_TOLD_FOLLOWED);
    }
}


int
ks_follow(ks_space_t *sp, ks_follower_t *f, const ks_str_t *key,
    unsigned patience)
{
    int              rc;
    ks_call_t        call;
    ks_place_t       at;
    ks_followers_t  *fs;

    fs = ks_followers_open(sp);

    if (fs == NULL) {
        return KS_ERR;
    }

    ks_hub_want(sp, KS_TOLD_FOLLOWED);
    at = ks_locate(sp, key);
    memset(&call, 0, sizeof(call));

    call.shards = ks_place_shard(sp, &at);
    call.patience = patience;
    call.body = ks_follow_body;
    call.data = &at;

    rc = ks_run(sp, &call);

    if (rc != KS_OK) {
        ks_followers_rest(sp, fs);
        return (rc == KS_AGAIN) ? KS_AGAIN : KS_ERR;
    }

    f->link.hash = at.hash;
    f->prev = NULL;
    ks_map_add(&fs->map, &f->link);
    fs->cells[ks_track_cell(sp, KS_FOLLOWED, at.hash)]++;

    return KS_OK;
}


static void
ks_follower_settled(ks_follower_t *f)
{
    if (f->prev != NULL) {
        *f->prev = f->next;

        if (f->next != NULL) {
            f->next->prev = f->prev;
        }

        f->prev = NULL;
    }
}


void
ks_unfollow(ks_space_t *sp, ks_follower_t *f)
{
    ks_followers_t  *fs;

    fs = ks_hub_listener(sp, KS_TOLD_FOLLOWED);

    if (fs == NULL) {
        return;
    }

    ks_follower_settled(f);
    ks_map_remove(&fs->map, &f->link);
    fs->cells[ks_track_cell(sp, KS_FOLLOWED, f->link.hash)]--;
    ks_followers_rest(sp, fs);
}


/* --- telling --- */

static void
ks_follower_tell(ks_followers_t *fs, ks_follower_t *f)
{
    if (f->prev != NULL) {
        return;
    }

    f->next = fs->told;
    f->prev = &fs->told;

    if (f->next != NULL) {
        f->next->prev = &f->next;
    }

    fs->told = f;
}


static void
ks_followers_record(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    size_t           at;
    unsigned         cell;
    uint64_t         hash;
    ks_str_t         part;
    ks_link_t       *link;
    ks_followers_t  *fs = data;

    at = 0;

    if (ks_record_part(record, &at, &part) != KS_OK) {
        return;
    }

    if (part.len != sizeof(hash)) {
        ks_followers_overtaken(sp, data);
        return;
    }

    memcpy(&hash, part.data, sizeof(hash));

    for (link = ks_map_first(&fs->map, hash);
         link != NULL;
         link = ks_map_next(link))
    {
        ks_follower_tell(fs, (ks_follower_t *) link);
    }

    cell = ks_track_cell(sp, KS_FOLLOWED, hash);

    if (fs->cells[cell] == 0) {
        ks_track_forget(sp, KS_FOLLOWED, cell);
    }
}


static void
ks_followers_overtaken(ks_space_t *sp, void *data)
{
    size_t           i;
    ks_link_t       *link;
    ks_followers_t  *fs = data;

    (void) sp;

    for (i = 0; i < fs->map.size; i++) {
        for (link = fs->map.table[i]; link != NULL; link = link->next) {
            ks_follower_tell(fs, (ks_follower_t *) link);
        }
    }
}


static void
ks_followers_heard(ks_space_t *sp, void *data)
{
    ks_follower_t   *f;
    ks_followers_t  *fs = data;

    (void) sp;

    while ((f = fs->told) != NULL) {
        ks_follower_settled(f);
        f->changed(f);
    }
}
