/*
 * Giving the lines of commands to the clients that want them.
 */

#include "bus/ks_monitor.h"

#include <stdlib.h>


typedef struct {
    ks_monitor_t  *first;
} ks_monitors_t;


static void
ks_monitor_record(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    ks_monitors_t *monitors = data;

    size_t         at;
    ks_push_t      push;
    ks_monitor_t  *m;

    (void) sp;

    memset(&push, 0, sizeof(push));
    push.kind = KS_PUSH_MONITOR;
    at = 0;

    if (ks_record_part(record, &at, &push.text) != KS_OK) {
        return;
    }

    for (m = monitors->first; m != NULL; m = m->next) {
        m->sink->ops->push(m->sink, &push);
    }

    ks_push_release(&push);
}


static void
ks_monitor_overtaken(ks_space_t *sp, void *data)
{
    ks_monitors_t *monitors = data;

    ks_monitor_t  *m;

    (void) sp;

    for (m = monitors->first; m != NULL; m = m->next) {
        m->sink->ops->lost(m->sink);
    }
}


static ks_monitors_t *
ks_monitor_open(ks_space_t *sp)
{
    ks_hub_t       *hub;
    ks_listener_t   l;
    ks_monitors_t  *monitors;

    hub = ks_space_hub(sp);

    if (hub == NULL) {
        return NULL;
    }

    monitors = ks_hub_listener(sp, KS_TOLD_CALLS);

    if (monitors != NULL) {
        return monitors;
    }

    monitors = calloc(1, sizeof(ks_monitors_t));

    if (monitors != NULL) {
        memset(&l, 0, sizeof(l));
        l.record = ks_monitor_record;
        l.overtaken = ks_monitor_overtaken;
        l.data = monitors;

        ks_hub_listen(hub, KS_TOLD_CALLS, &l);
        ks_hub_want(sp, KS_TOLD_CALLS);
    }

    return monitors;
}


int
ks_monitor_begin(ks_space_t *sp, ks_monitor_t *monitor, ks_sink_t *sink)
{
    ks_monitors_t  *monitors;

    monitors = ks_monitor_open(sp);

    if (monitors == NULL) {
        return KS_ERR;
    }

    monitor->sink = sink;
    monitor->next = monitors->first;
    monitor->prev = &monitors->first;

    if (monitor->next != NULL) {
        monitor->next->prev = &monitor->next;
    }

    monitors->first = monitor;

    return KS_OK;
}


void
ks_monitor_end(ks_space_t *sp, ks_monitor_t *monitor)
{
    ks_listener_t   l;
    ks_monitors_t  *monitors;

    if (!ks_monitors(monitor)) {
        return;
    }

    *monitor->prev = monitor->next;

    if (monitor->next != NULL) {
        monitor->next->prev = monitor->prev;
    }

    monitor->prev = NULL;

    monitors = ks_hub_listener(sp, KS_TOLD_CALLS);

    if (monitors->first == NULL) {
        ks_hub_unwant(sp, KS_TOLD_CALLS);

        memset(&l, 0, sizeof(l));
        ks_hub_listen(ks_space_hub(sp), KS_TOLD_CALLS, &l);
        free(monitors);
    }
}
