/*
 * Where a replica is in the stream.
 */

#include <stdio.h>

#include "keyspace/ks_keyspace.h"
#include "memory/ks_metrics.h"
#include "replica/ks_replica.h"


static ks_replica_row_t *
ks_replica_row(const ks_replica_t *r)
{
    return ks_primary_row(r->space, r->row);
}


static void
ks_replica_masks(u_char *command, size_t len)
{
    (void) ks_replica_mask(command, len);
}


/* Whether it has a part of this history, or all of the one before. */

static int
ks_replica_knows(const ks_replica_said_t *said, const ks_primary_state_t *st)
{
    if (memcmp(said->id, st->id, KS_REPLID) == 0) {
        return said->offset >= st->until;
    }

    return st->before[0] != '\0' && said->offset == st->until
           && memcmp(said->id, st->before, KS_REPLID) == 0;
}


/* KS_OK: the ring has all that follows what it says that it has. */

static int
ks_replica_goes_on(ks_replica_t *r, const ks_replica_said_t *said)
{
    uint64_t            at;
    ks_primary_state_t  st;

    if (!said->partial) {
        return KS_NONE;
    }

    ks_primary_state(r->space, &st);
    at = said->offset - st.shift;

    if (!ks_replica_knows(said, &st) || at < st.since
        || ks_journal_find(&r->space->mem, at, &r->cursor.at) != KS_OK)
    {
        return KS_NONE;
    }

    r->turn = st.turn;
    r->offset = at;

    return KS_OK;
}


static void
ks_replica_continue(const ks_replica_t *r, char *text)
{
    ks_primary_state_t  st;

    if (!r->said->psync2) {
        (void) snprintf(text, KS_REPLICA_TEXT, "+CONTINUE\r\n");
        return;
    }

    ks_primary_settings(ks_space_zone(r->space), &st);
    (void) snprintf(text, KS_REPLICA_TEXT, "+CONTINUE %s\r\n", st.id);
}


int
ks_replica_begin(ks_replica_t *r, ks_space_t *sp, uint64_t client,
    ks_replica_said_t *said, char *text)
{
    r->space = sp;
    r->said = said;
    r->row = ks_replica_take(sp, client, said);

    if (r->row == KS_REPLICAS) {
        return KS_ERR;
    }

    r->open = 1;
    said->row = r->row + 1;

    if (ks_replica_goes_on(r, said) == KS_OK) {
        ks_count(ks_space_zone(sp), KS_COUNT_SYNC_PARTIAL_OK);
        ks_replica_online(r);
        ks_replica_continue(r, text);
        return KS_OK;
    }

    if (said->partial) {
        ks_count(ks_space_zone(sp), KS_COUNT_SYNC_PARTIAL_ERR);
    }

    ks_count(ks_space_zone(sp), KS_COUNT_SYNC_FULL);
    (void) ks_replica_turn(sp, r->row, KS_REPLICA_NONE, KS_REPLICA_ASKS);
    ks_primary_call(sp);

    return KS_AGAIN;
}


void
ks_replica_end(ks_replica_t *r)
{
    if (r->open) {
        r->open = 0;
        ks_replica_leave(r->space, r->row);
        r->said->row = 0;
    }

    ks_journal_done(&r->cursor);
    ks_wire_free(&r->wire);
}


/* The state comes first: a file that is complete has its whole size. */

static void
ks_replica_file_is(const ks_replica_row_t *row, uint32_t state,
    ks_replica_file_t *file)
{
    file->number = row->file;
    file->size = __atomic_load_n(&row->size, __ATOMIC_ACQUIRE);
    file->grows = (state == KS_REPLICA_MAKES);
}


int
ks_replica_file(const ks_replica_t *r, ks_replica_file_t *file)
{
    uint32_t                 state;
    const ks_replica_row_t  *row;

    row = ks_replica_row(r);

    if (row == NULL) {
        return KS_ERR;
    }

    state = __atomic_load_n(&row->state, __ATOMIC_ACQUIRE);

    switch (state) {

    case KS_REPLICA_MAKES:
        if (!r->said->eof) {
            return KS_AGAIN;
        }

        ks_replica_file_is(row, state, file);
        return file->size != 0 ? KS_OK : KS_AGAIN;

    case KS_REPLICA_READY:
        ks_replica_file_is(row, state, file);
        return KS_OK;

    case KS_REPLICA_FAILED:
        return KS_ERR;

    default:
        return KS_AGAIN;
    }
}


/* A file that grows stays the maker's until it is complete. */

static int
ks_replica_takes(ks_replica_t *r, const ks_replica_file_t *file, int opened)
{
    if (file->grows) {
        return opened ? KS_OK : KS_ERR;
    }

    if (!opened) {
        (void) ks_replica_turn(r->space, r->row, KS_REPLICA_READY,
                               KS_REPLICA_ASKS);
        ks_primary_call(r->space);
        return KS_ERR;
    }

    return ks_replica_turn(r->space, r->row, KS_REPLICA_READY,
                           KS_REPLICA_SENDS);
}


int
ks_replica_took(ks_replica_t *r, const ks_replica_file_t *file, int opened,
    const char *mark, char *text)
{
    size_t                   len;
    ks_primary_state_t       st;
    const ks_replica_row_t  *row;

    row = ks_replica_row(r);

    if (row == NULL || ks_replica_takes(r, file, opened) != KS_OK) {
        return KS_ERR;
    }

    ks_primary_settings(ks_space_zone(r->space), &st);
    r->turn = row->turn;
    r->cursor.at = row->at;
    r->offset = row->offset;
    len = 0;

    if (!r->said->old) {
        len = (size_t) snprintf(text, KS_REPLICA_TEXT,
                                "+FULLRESYNC %s %llu\r\n", st.id,
                                (unsigned long long) (r->offset + st.shift));
    }

    if (file->grows) {
        (void) snprintf(text + len, KS_REPLICA_TEXT - len, "$EOF:%.*s\r\n",
                        KS_REPLICA_MARK, mark);

    } else {
        (void) snprintf(text + len, KS_REPLICA_TEXT - len, "$%llu\r\n",
                        (unsigned long long) file->size);
    }

    return KS_OK;
}


int
ks_replica_grown(ks_replica_t *r, ks_replica_file_t *file)
{
    uint32_t                 state;
    uint64_t                 number;
    const ks_replica_row_t  *row;

    row = ks_replica_row(r);

    if (row == NULL) {
        return KS_ERR;
    }

    state = __atomic_load_n(&row->state, __ATOMIC_ACQUIRE);

    if (state != KS_REPLICA_MAKES && state != KS_REPLICA_READY) {
        return KS_ERR;
    }

    number = file->number;
    ks_replica_file_is(row, state, file);

    if (file->number != number) {
        return KS_ERR;
    }

    return file->grows ? KS_OK
                       : ks_replica_turn(r->space, r->row, KS_REPLICA_READY,
                                         KS_REPLICA_SENDS);
}


void
ks_replica_online(ks_replica_t *r)
{
    ks_replica_row_t  *row;

    row = ks_replica_row(r);

    if (row != NULL) {
        row->seen = ks_clock();
        __atomic_store_n(&row->state, KS_REPLICA_ONLINE, __ATOMIC_RELEASE);
    }
}


/*
 * Whether the frame at hand follows what was put: one that was lost left a gap.
 */

static int
ks_replica_follows(const ks_replica_t *r)
{
    return ((const ks_frame_t *) r->cursor.frame)->offset
           == r->offset + r->wire.len;
}


int
ks_replica_next(ks_replica_t *r)
{
    int       rc;
    uint64_t  head;

    r->wire.len = 0;

    if (!ks_replica_current(r->space, r->turn)) {
        return KS_ABORTED;
    }

    head = ks_journal_head(&r->space->mem);

    do {
        rc = ks_journal_read(&r->space->mem, &r->cursor, head);

        if (rc != KS_OK) {
            break;
        }

        if (!ks_replica_follows(r)) {
            return KS_ERR;
        }

        rc = ks_wire_frame(&r->wire, r->cursor.frame, KS_WIRE_STREAM, 0,
                           r->said->documents ? NULL : ks_replica_masks);

    } while (rc == KS_OK && r->wire.len < KS_REPLICA_PIECE);

    if (rc != KS_OK && rc != KS_NONE) {
        return rc;
    }

    r->offset += r->wire.len;

    return r->wire.len != 0 ? KS_OK : KS_NONE;
}


uint64_t
ks_replica_silent(const ks_replica_t *r, uint64_t now)
{
    const ks_replica_row_t  *row;

    row = ks_replica_row(r);

    return row != NULL ? now - ks_min(now, row->seen) : 0;
}
