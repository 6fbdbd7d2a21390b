/*
 * What has to happen before an entry changes that a running snapshot has not
 * saved yet: its image is told, as a record of the frame that the change will
 * be in, and it is marked.  So both come with one commit, or neither.
 *
 * That is done when the entry is looked up by a command that may change keys,
 * whether it then does or not: to save an entry early does no harm.  What is
 * large is not told, but asked for: the process that makes the snapshot saves
 * it next, and who wants to change it waits as one who wants a busy shard.
 *
 * What has expired needs no image: whoever loads the file would drop it.
 */

#include "keyspace/ks_image.h"
#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_snapshot.h"


/* Images of one transaction may take that part of the journal. */
#define KS_BEFORE_SHARE  4


static void
ks_before_tell(ks_space_t *sp, ks_entry_t *e)
{
    size_t            size;
    u_char           *p;
    ks_image_head_t   head;

    size = sizeof(head) + ks_image_size(sp, e);

    if (sp->tell.len + size > sp->mem.zone->journal.size / KS_BEFORE_SHARE) {
        ks_saved_break(sp, KS_BROKEN_LARGE);
        return;
    }

    p = ks_frame_open(sp, KS_TOLD_IMAGES, size);

    if (p == NULL) {
        ks_saved_break(sp, KS_BROKEN_OVERTAKEN);
        return;
    }

    head.number = sp->mem.zone->save.number;
    head.timed = (uint32_t) ks_image_timed(e);
    head.type = ks_entry_type(e);
    memcpy(p, &head, sizeof(head));
    ks_frame_close(sp, ks_image_put(sp, e, (int) sp->mem.zone->save.times,
                                    p + sizeof(head)));
}


/* a look-up takes out fields that are due, whoever looks */

static inline int
ks_before_purges(const ks_space_t *sp, const ks_entry_t *e)
{
    uint64_t  due;

    if (!(e->flags & KS_ENTRY_FIELDS)) {
        return 0;
    }

    due = ks_time_of(ks_entry_fields(e)->due);

    return due != 0 && sp->now >= due;
}


void
ks_before(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e)
{
    if (!ks_unsaved(sp, at, e)) {
        return;
    }

    if (ks_saved_over(sp, e)) {

        if (ks_saved_pinned(sp, at->hash)) {
            ks_saved_wait(sp, KS_BROKEN_LARGE);
        }

        return;
    }

    if (sp->reads && !ks_before_purges(sp, e)) {
        return;
    }

    if (ks_image_large(sp, e)) {
        ks_saved_ask(sp, at->hash);
        ks_saved_wait(sp, KS_BROKEN_LARGE);
        return;
    }

    if (sp->call->patience != 0 && !ks_saved_room(sp)) {
        longjmp(sp->jump, KS_AGAIN);
    }

    ks_set(&sp->mem, at->shard, e->flags,
           (uint8_t) (e->flags | KS_ENTRY_SAVED));
    ks_before_tell(sp, e);
}


void
ks_before_evicted(ks_space_t *sp, ks_entry_t *e)
{
    ks_place_t  at;

    at.hash = ks_entry_hash(sp, e);
    at.shard = ks_hash_shard(sp, at.hash);

    if (ks_unsaved(sp, &at, e) && !ks_saved_over(sp, e)) {
        ks_before_tell(sp, e);
    }
}


int
ks_before_waits(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e)
{
    return sp->mem.zone->save.cursor != KS_SAVE_NONE
           && ks_unsaved(sp, at, e) && ks_image_large(sp, e);
}
