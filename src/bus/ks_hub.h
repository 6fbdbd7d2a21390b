/*
 * A process's end of the bus: it hears what is told to this process, by itself
 * and by the others that have the zone, in the one order of the journal.
 *
 * A transaction tells with ks_tell() (keyspace/ks_change.h), and what it has
 * told comes with its commit.  Each kind of records has a listener here, one
 * file of this layer: messages of channels, answers to clients that wait, and
 * so on.  A listener is called between transactions, may run some, and may
 * tell.
 *
 * Nothing is heard while nothing is wanted: the host's ks_mem_t.wake is called
 * when there is something, and then the host calls ks_hub_hear().
 */

#ifndef KS_HUB_H
#define KS_HUB_H

#include "keyspace/ks_change.h"


typedef void (*ks_listener_pt)(ks_space_t *sp, void *data,
    const ks_frame_record_t *record);

/*
 * Something that was told was overwritten before it was heard; or all that is
 * at hand was heard.
 */
typedef void (*ks_overtaken_pt)(ks_space_t *sp, void *data);
typedef void (*ks_heard_pt)(ks_space_t *sp, void *data);

typedef struct {
    ks_listener_pt   record;
    ks_overtaken_pt  overtaken;         /* NULL: does not matter */
    void            *data;
    ks_heard_pt      heard;             /* NULL: does not matter */
} ks_listener_t;


/*
 * Opens the handle's end of the bus.  wake(wake_data, row) wakes the process of
 * a row, this one included; it is called with locks held, and number is what it
 * goes by: ks_process_wake().  KS_ERR: the zone has no row left for the
 * process, or the process no memory; then it is told nothing, and
 * ks_space_hub() is NULL.
 */
int ks_hub_open(ks_space_t *sp, uint32_t number,
    void (*wake)(void *data, unsigned row), void *wake_data);
void ks_hub_close(ks_space_t *sp);

/* This process serves no clients, and is none of ks_hub_alive(). */
void ks_hub_set_helper(ks_space_t *sp);

/* This process has so many Redis clients now: for INFO. */
void ks_hub_set_clients(ks_space_t *sp, unsigned clients);

/* And so many of its KS_TRACKS. */
void ks_hub_set_tracks(ks_space_t *sp, const uint64_t *tracks);

/* Who hears records of that kind, one bit of KS_TOLD_*. */
void ks_hub_listen(ks_hub_t *hub, uint32_t kind, const ks_listener_t *l);

/* The data of that kind's listener; NULL: there is none. */
void *ks_hub_listener(const ks_space_t *sp, uint32_t kind);

/*
 * What this process wants to be told from now on, beside what names it: kinds
 * are added, or taken away.  ks_hub_wants(): whether it wants that kind.
 */
void ks_hub_want(ks_space_t *sp, uint32_t kinds);
void ks_hub_unwant(ks_space_t *sp, uint32_t kinds);
int ks_hub_wants(const ks_space_t *sp, uint32_t kind);

/* The bit of this process in a set of readers; of all that are alive. */
uint64_t ks_hub_bit(const ks_space_t *sp);
uint64_t ks_hub_alive(ks_space_t *sp);

/* Whether there is a helper besides this process, which is one. */
int ks_hub_helped(ks_space_t *sp);

/*
 * Hears what was told so far, outside of transactions, up to about max bytes.
 * KS_OK: all of it.  KS_AGAIN: there is more, and nobody wakes this process for
 * it.  It does not nest: inside of a listener it does nothing.
 */
int ks_hub_hear(ks_space_t *sp, size_t max);

/*
 * Hears all that was told before; what is told meanwhile may wake this process
 * again.
 */
void ks_hub_hear_all(ks_space_t *sp);

/* For a listener: the position behind the frame that its record is of. */
uint64_t ks_hub_at(const ks_space_t *sp);

/* Takes all that was told before for heard. */
void ks_hub_skip(ks_space_t *sp);

/* How often something was overwritten before this process has heard it. */
uint64_t ks_hub_losses(const ks_space_t *sp);


#endif /* KS_HUB_H */
