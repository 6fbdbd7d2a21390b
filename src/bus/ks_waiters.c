/*
 * The waiters of one process, by their ids, and the answers that they hear.
 *
 * While there are any, the process wants KS_TOLD_WAITERS: then the transactions
 * of all processes look for clients that wait.
 */

#include <stdlib.h>

#include "bus/ks_waiters.h"
#include "keyspace/ks_space.h"
#include "keyspace/ks_upstream.h"


#define KS_WAITERS_SLOTS  1024          /* a power of two */
#define KS_SWEEP_STEP     64            /* records a transaction */

struct ks_waiters_s {
    unsigned      count;
    ks_waiter_t  *slots[KS_WAITERS_SLOTS];
};


static void ks_waiters_heard(ks_space_t *sp, void *data,
    const ks_frame_record_t *record);
static void ks_waiters_overtaken(ks_space_t *sp, void *data);
static void ks_waiters_leave_far(ks_waiter_t *w);
static void ks_waiters_ended(ks_space_t *sp, void *data,
    const ks_frame_record_t *record);


/* --- what the dead have left --- */

static void
ks_waiters_sweep_body(ks_space_t *sp, void *data)
{
    uint64_t  *at = data;               /* where to begin, and to go on */

    at[1] = at[0];
    ks_wait_sweep(sp, &at[1], KS_SWEEP_STEP);
}


/* in a transaction of its own; rc of it */

static int
ks_waiters_try(ks_space_t *sp, ks_body_pt body, void *data, unsigned patience)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));

    call.shards = ks_wait_shard(sp);
    call.urgent = 1;
    call.quiet = 1;
    call.patience = patience;
    call.body = body;
    call.data = data;

    return ks_run(sp, &call);
}


static int
ks_waiters_run(ks_space_t *sp, ks_body_pt body, void *data)
{
    return ks_waiters_try(sp, body, data, 0);
}


int
ks_waiters_sweep(ks_space_t *sp, unsigned patience)
{
    int       rc;
    uint64_t  at[2];

    if (ks_wait_count(sp) == 0) {
        return KS_OK;
    }

    at[0] = 1;

    do {
        rc = ks_waiters_try(sp, ks_waiters_sweep_body, at, patience);
        at[0] = at[1];
    } while (rc == KS_OK && at[1]);

    return (rc == KS_AGAIN) ? KS_AGAIN : KS_OK;
}


/* --- the table --- */

int
ks_waiters_open(ks_space_t *sp)
{
    ks_listener_t   l;
    ks_waiters_t   *ws;

    ws = calloc(1, sizeof(ks_waiters_t));

    if (ws == NULL) {
        return KS_ERR;
    }

    ks_space_set_waiters(sp, ws);

    memset(&l, 0, sizeof(l));
    l.record = ks_waiters_heard;
    l.overtaken = ks_waiters_overtaken;
    l.data = ws;
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_ANSWERS, &l);

    l.record = ks_waiters_ended;
    l.overtaken = NULL;                 /* the other one does for both */
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_WAITERS, &l);

    return KS_OK;
}


void
ks_waiters_close(ks_space_t *sp)
{
    free(ks_space_waiters(sp));
    ks_space_set_waiters(sp, NULL);
}


static inline ks_waiter_t **
ks_waiters_slot(ks_waiters_t *ws, uint64_t id)
{
    return &ws->slots[id % KS_WAITERS_SLOTS];
}


/* where a waiter hangs; *link NULL: there is none of that id */

static ks_waiter_t **
ks_waiters_find(ks_waiters_t *ws, uint64_t id)
{
    ks_waiter_t  **link;

    for (link = ks_waiters_slot(ws, id);
         *link != NULL && (*link)->id != id;
         link = &(*link)->next)
    {
        /* void */
    }

    return link;
}


int
ks_waiters_expect(ks_space_t *sp)
{
    if (ks_space_waiters(sp) == NULL) {
        return KS_ERR;
    }

    ks_hub_want(sp, KS_TOLD_WAITERS);

    return KS_OK;
}


void
ks_waiters_settle(ks_space_t *sp)
{
    if (ks_space_waiters(sp)->count == 0) {
        ks_hub_unwant(sp, KS_TOLD_WAITERS);
    }
}


void
ks_waiters_join(ks_space_t *sp, ks_waiter_t *w)
{
    ks_waiters_t   *ws;
    ks_waiter_t   **slot;

    ws = ks_space_waiters(sp);
    slot = ks_waiters_slot(ws, w->id);

    w->leave = NULL;
    w->say = NULL;
    w->waits = 1;
    w->next = *slot;
    *slot = w;
    ws->count++;
}


void
ks_waiters_part(ks_space_t *sp, ks_waiter_t *w)
{
    ks_waiters_t  *ws;

    if (!w->waits) {
        return;
    }

    if (w->leave != NULL) {
        ks_waiters_leave_far(w);
        return;
    }

    ws = ks_space_waiters(sp);
    *ks_waiters_find(ws, w->id) = w->next;
    w->waits = 0;
    ws->count--;

    ks_waiters_settle(sp);
}


unsigned
ks_waiters_count(const ks_space_t *sp)
{
    const ks_waiters_t  *ws;

    ws = ks_space_waiters(sp);

    return ws ? ws->count : 0;
}


/* --- those who wait for another store --- */

void
ks_waiters_begin_far(ks_waiter_t *w, void *far, void (*leave)(ks_waiter_t *w),
    int (*say)(void *client, const ks_str_t *bytes, ks_reply_t *reply))
{
    w->far = far;
    w->leave = leave;
    w->say = say;
    w->until = 0;
    w->over = KS_OVER_NULL_ARRAY;
    w->at = 0;
    w->waits = 1;
}


void
ks_waiters_wake_far(ks_waiter_t *w, const ks_str_t *bytes)
{
    w->waits = 0;
    w->leave = NULL;
    w->far = NULL;

    w->woken(w, KS_WOKEN_SERVED, bytes);
}


static void
ks_waiters_leave_far(ks_waiter_t *w)
{
    void  (*leave)(ks_waiter_t *w);

    leave = w->leave;
    w->waits = 0;
    w->leave = NULL;

    leave(w);
}


/* --- leaving --- */

typedef struct {
    uint64_t  id;
    int       found;
} ks_waiters_call_t;


static void
ks_waiters_leave_body(ks_space_t *sp, void *data)
{
    ks_wait_t           w;
    ks_waiters_call_t  *call = data;

    call->found = (ks_wait_read(sp, call->id, &w) == KS_OK);

    if (call->found) {
        ks_wait_end(sp, &w);
    }
}


static void
ks_waiters_look_body(ks_space_t *sp, void *data)
{
    ks_wait_t           w;
    ks_waiters_call_t  *call = data;

    call->found = (ks_wait_read(sp, call->id, &w) == KS_OK);
}


/* What is not taken away stays until a process sweeps up after the dead. */

void
ks_waiters_leave_all(ks_space_t *sp)
{
    unsigned            i;
    ks_waiter_t        *w;
    ks_waiters_t       *ws;
    ks_waiters_call_t   call;

    ws = ks_space_waiters(sp);

    if (ws == NULL || ws->count == 0) {
        return;
    }

    for (i = 0; i < KS_WAITERS_SLOTS; i++) {
        for (w = ws->slots[i]; w != NULL; w = w->next) {
            call.id = w->id;

            if (ks_waiters_run(sp, ks_waiters_leave_body, &call) != KS_OK) {
                return;
            }
        }
    }
}


/*
 * Where there is no memory to take the record away, it stays as that of a
 * client that nobody knows: what it is served with is lost.  The shard of
 * records is given its pages from the reserve.
 */

int
ks_waiters_leave(ks_space_t *sp, ks_waiter_t *w)
{
    int                rc;
    ks_waiters_call_t  call;

    if (w->leave != NULL) {
        ks_waiters_leave_far(w);
        return KS_OK;
    }

    call.id = w->id;
    call.found = 0;

    rc = ks_waiters_run(sp, ks_waiters_leave_body, &call);

    if (rc == KS_OK && !call.found) {
        return KS_NONE;
    }

    ks_waiters_part(sp, w);

    return KS_OK;
}


/* --- answers --- */

void
ks_waiters_tell(ks_space_t *sp, uint64_t id, unsigned process, ks_woken_t why,
    const ks_str_t *reply)
{
    u_char    code;
    ks_str_t  parts[3];

    code = (u_char) why;

    parts[0].data = (u_char *) &id;
    parts[0].len = sizeof(id);
    parts[1].data = &code;
    parts[1].len = 1;
    parts[2].data = reply ? reply->data : NULL;
    parts[2].len = reply ? reply->len : 0;

    ks_tell(sp, KS_TOLD_ANSWERS, 1ull << process, 3, parts);
}


int
ks_waiters_unblock(ks_space_t *sp, uint64_t id, ks_woken_t why)
{
    ks_wait_t  w;

    if (ks_wait_read(sp, id, &w) != KS_OK
        || !ks_wait_lives(sp, w.process, w.birth))
    {
        return 0;
    }

    ks_wait_end(sp, &w);
    ks_waiters_tell(sp, id, w.process, why, NULL);

    return 1;
}


static void
ks_waiters_demoted_body(ks_space_t *sp, void *data)
{
    ks_waiters_call_t *call = data;

    if (ks_upstream_gate(sp) & KS_GATE_READONLY) {
        (void) ks_waiters_unblock(sp, call->id, KS_WOKEN_DEMOTED);
    }
}


void
ks_waiters_demoted(ks_space_t *sp)
{
    unsigned            i;
    ks_waiter_t        *w;
    ks_waiters_t       *ws;
    ks_waiters_call_t   call;

    ws = ks_space_waiters(sp);

    if (ws == NULL || ws->count == 0
        || !(ks_upstream_gate(sp) & KS_GATE_READONLY))
    {
        return;
    }

    for (i = 0; i < KS_WAITERS_SLOTS; i++) {
        for (w = ws->slots[i]; w != NULL; w = w->next) {
            call.id = w->id;
            (void) ks_waiters_run(sp, ks_waiters_demoted_body, &call);
        }
    }
}


static void
ks_waiters_heard(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    size_t         at;
    uint64_t       id;
    ks_str_t       part, why, reply;
    ks_waiter_t   *w;
    ks_waiters_t  *ws = data;

    at = 0;

    if (ks_record_part(record, &at, &part) != KS_OK
        || ks_record_part(record, &at, &why) != KS_OK
        || ks_record_part(record, &at, &reply) != KS_OK)
    {
        return;
    }

    memcpy(&id, part.data, sizeof(id));
    w = *ks_waiters_find(ws, id);

    if (w == NULL) {
        return;                         /* its client is gone */
    }

    if (why.data[0] != KS_WOKEN_COME) {
        ks_waiters_part(sp, w);
    }

    w->at = ks_hub_at(sp);
    w->woken(w, (ks_woken_t) why.data[0], &reply);
}


/*
 * Something was told that was overwritten before it was heard.  Those whose
 * record is still there may have been told to come; the others' answers are
 * lost.
 */

static void
ks_waiters_recall(ks_space_t *sp, ks_waiters_t *ws, uint64_t id)
{
    ks_str_t            none = { 0, NULL };
    ks_waiter_t        *w;
    ks_waiters_call_t   call;

    call.id = id;
    call.found = 0;

    if (ks_waiters_run(sp, ks_waiters_look_body, &call) != KS_OK) {
        return;
    }

    w = *ks_waiters_find(ws, id);

    if (w == NULL) {
        return;
    }

    if (!call.found) {
        ks_waiters_part(sp, w);
    }

    w->woken(w, call.found ? KS_WOKEN_COME : KS_WOKEN_LOST, &none);
}


static void
ks_waiters_overtaken(ks_space_t *sp, void *data)
{
    size_t         i, n;
    uint64_t      *ids;
    ks_waiter_t   *w;
    ks_waiters_t  *ws = data;

    ids = malloc(ks_max(ws->count, 1u) * sizeof(uint64_t));

    if (ids == NULL) {
        return;
    }

    for (n = 0, i = 0; i < KS_WAITERS_SLOTS; i++) {
        for (w = ws->slots[i]; w != NULL; w = w->next) {
            ids[n++] = w->id;
        }
    }

    for (i = 0; i < n; i++) {
        ks_waiters_recall(sp, ws, ids[i]);
    }

    free(ids);
}


/* --- keys that have ended without anybody's command --- */

static void
ks_waiters_ended_body(ks_space_t *sp, void *data)
{
    ks_wait_recall(sp, data);
}


/* Its transaction serves those who wait for the end, at the end of its body. */

static void
ks_waiters_ended(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    (void) data;
    (void) ks_waiters_run(sp, ks_waiters_ended_body, (void *) record);
}
