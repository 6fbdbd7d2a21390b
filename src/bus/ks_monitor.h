/*
 * MONITOR: the clients of this process that see all commands of the zone.
 *
 * A line is told with the commit of its command, once, and comes to each of
 * them in the order of the journal.  What a client does not read in time is
 * its sink's to limit; one whose process was overtaken has lost lines, and
 * ends.
 */

#ifndef KS_MONITOR_H
#define KS_MONITOR_H

#include "bus/ks_hub.h"
#include "bus/ks_sink.h"


/* a part of the client; all zero: it sees nothing */
typedef struct ks_monitor_s  ks_monitor_t;

struct ks_monitor_s {
    ks_sink_t      *sink;
    ks_monitor_t   *next;
    ks_monitor_t  **prev;
};


/*
 * From the next transaction on it sees all commands.  KS_ERR: the process hears
 * nothing, or has no memory.  It has to end before its sink does, and may not
 * end while it is pushed to.
 */
int ks_monitor_begin(ks_space_t *sp, ks_monitor_t *monitor, ks_sink_t *sink);
void ks_monitor_end(ks_space_t *sp, ks_monitor_t *monitor);

/* Whether it sees them. */
static inline int
ks_monitors(const ks_monitor_t *monitor)
{
    return monitor->prev != NULL;
}


#endif /* KS_MONITOR_H */
