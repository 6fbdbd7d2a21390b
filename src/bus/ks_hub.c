/*
 * Reading the journal for one process, and giving each record to its listener.
 */

#include <stdlib.h>

#include "bus/ks_hub.h"
#include "keyspace/ks_keyspace.h"
#include "memory/ks_process.h"


struct ks_hub_s {
    uint64_t       bit;                 /* of this process */
    uint32_t       wants;
    unsigned       hearing:1;
    ks_cursor_t    cursor;
    uint64_t       losses;
    ks_listener_t  listeners[KS_TOLD_KINDS];
};


int
ks_hub_open(ks_space_t *sp, uint32_t number,
    void (*wake)(void *data, unsigned row), void *wake_data)
{
    ks_hub_t  *hub;

    hub = calloc(1, sizeof(ks_hub_t));

    if (hub == NULL) {
        return KS_ERR;
    }

    if (ks_process_open(&sp->mem, number) != KS_OK) {
        free(hub);
        return KS_ERR;
    }

    hub->bit = 1ull << sp->mem.process;
    sp->mem.wake = wake;
    sp->mem.wake_data = wake_data;
    ks_space_set_hub(sp, hub);

    return KS_OK;
}


void
ks_hub_close(ks_space_t *sp)
{
    ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    if (hub == NULL) {
        return;
    }

    ks_process_close(&sp->mem);
    sp->mem.wake = NULL;
    ks_space_set_hub(sp, NULL);

    ks_journal_done(&hub->cursor);
    free(hub);
}


void
ks_hub_set_helper(ks_space_t *sp)
{
    ks_process_set_helper(&sp->mem);
}


void
ks_hub_set_clients(ks_space_t *sp, unsigned clients)
{
    ks_process_set_clients(&sp->mem, clients);
}


void
ks_hub_set_tracks(ks_space_t *sp, const uint64_t *tracks)
{
    ks_process_set_tracks(&sp->mem, tracks);
}


void
ks_hub_listen(ks_hub_t *hub, uint32_t kind, const ks_listener_t *l)
{
    hub->listeners[__builtin_ctz(kind)] = *l;
}


void *
ks_hub_listener(const ks_space_t *sp, uint32_t kind)
{
    const ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    return hub ? hub->listeners[__builtin_ctz(kind)].data : NULL;
}


static void
ks_hub_set(ks_space_t *sp, uint32_t wants)
{
    ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    if (hub != NULL && hub->wants != wants) {
        hub->wants = wants;
        ks_journal_want(&sp->mem, sp->mem.process, wants);
    }
}


void
ks_hub_want(ks_space_t *sp, uint32_t kinds)
{
    ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    if (hub != NULL) {
        ks_hub_set(sp, hub->wants | kinds);
    }
}


void
ks_hub_unwant(ks_space_t *sp, uint32_t kinds)
{
    ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    if (hub != NULL) {
        ks_hub_set(sp, hub->wants & ~kinds);
    }
}


int
ks_hub_wants(const ks_space_t *sp, uint32_t kind)
{
    const ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    return hub != NULL && (hub->wants & kind);
}


uint64_t
ks_hub_bit(const ks_space_t *sp)
{
    const ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    return hub ? hub->bit : 0;
}


uint64_t
ks_hub_alive(ks_space_t *sp)
{
    return ks_process_all(&sp->mem);
}


int
ks_hub_helped(ks_space_t *sp)
{
    return ks_process_helpers(&sp->mem) > 1;
}


/* --- hearing --- */

static void
ks_hub_record(ks_space_t *sp, ks_hub_t *hub, const ks_frame_record_t *record)
{
    const ks_listener_t  *l;

    if (!(record->readers & hub->bit) && !(record->kind & hub->wants)) {
        return;
    }

    l = &hub->listeners[__builtin_ctz(record->kind)];

    if (l->record != NULL) {
        l->record(sp, l->data, record);
    }
}


static void
ks_hub_frame(ks_space_t *sp, ks_hub_t *hub)
{
    const ks_frame_record_t  *record, *end;

    end = ks_frame_end(hub->cursor.frame);

    for (record = ks_frame_first(hub->cursor.frame);
         record < end;
         record = ks_frame_next(record))
    {
        ks_hub_record(sp, hub, record);
    }
}


/* What is lost cannot be had again, and all that was told since is new. */

static void
ks_hub_overtaken(ks_space_t *sp, ks_hub_t *hub, uint64_t head)
{
    unsigned              i;
    const ks_listener_t  *l;

    hub->cursor.at = head;
    hub->losses++;

    for (i = 0; i < KS_TOLD_KINDS; i++) {
        l = &hub->listeners[i];

        if (l->overtaken != NULL) {
            l->overtaken(sp, l->data);
        }
    }
}


/* Whether there is more before that head; the process may lack memory. */

static int
ks_hub_next(ks_space_t *sp, ks_hub_t *hub, uint64_t head)
{
    int  rc;

    rc = ks_journal_read(&sp->mem, &hub->cursor, head);

    if (rc == KS_OK) {
        ks_hub_frame(sp, hub);

    } else if (rc != KS_NONE) {
        ks_hub_overtaken(sp, hub, head);
    }

    return rc == KS_OK;
}


static int
ks_hub_read(ks_space_t *sp, ks_hub_t *hub, size_t max)
{
    uint64_t  head, last;

    if (ks_journal_wakes(&sp->mem, &hub->cursor, &head) != KS_OK) {
        return KS_OK;
    }

    last = hub->cursor.at + max;

    do {
        while (ks_hub_next(sp, hub, head)) {
            if (hub->cursor.at > last) {
                ks_journal_heard(&sp->mem, &hub->cursor);
                return KS_AGAIN;
            }
        }

    } while (ks_journal_sleeps(&sp->mem, &head) == KS_AGAIN);

    return KS_OK;
}


static void
ks_hub_heard(ks_space_t *sp, ks_hub_t *hub)
{
    unsigned              i;
    const ks_listener_t  *l;

    for (i = 0; i < KS_TOLD_KINDS; i++) {
        l = &hub->listeners[i];

        if (l->heard != NULL) {
            l->heard(sp, l->data);
        }
    }
}


int
ks_hub_hear(ks_space_t *sp, size_t max)
{
    int        rc;
    ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    if (hub == NULL || hub->hearing) {
        return KS_OK;
    }

    ks_let_go(sp);

    hub->hearing = 1;
    rc = ks_hub_read(sp, hub, max);
    ks_hub_heard(sp, hub);
    hub->hearing = 0;

    return rc;
}


/* no more than the ring's bytes lie before the head that is there now */

void
ks_hub_hear_all(ks_space_t *sp)
{
    const ks_mem_t  *m;

    m = &sp->mem;

    if (ks_hub_hear(sp, m->zone->journal.size) == KS_AGAIN
        && m->wake != NULL)
    {
        m->wake(m->wake_data, m->process);
    }
}


uint64_t
ks_hub_at(const ks_space_t *sp)
{
    const ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    return hub ? hub->cursor.at : 0;
}


void
ks_hub_skip(ks_space_t *sp)
{
    uint64_t   head;
    ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    if (hub == NULL || hub->hearing
        || ks_journal_wakes(&sp->mem, &hub->cursor, &head) != KS_OK)
    {
        return;
    }

    do {
        hub->cursor.at = head;
    } while (ks_journal_sleeps(&sp->mem, &head) == KS_AGAIN);
}


uint64_t
ks_hub_losses(const ks_space_t *sp)
{
    const ks_hub_t  *hub;

    hub = ks_space_hub(sp);

    return hub ? hub->losses : 0;
}
