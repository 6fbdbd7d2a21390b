/*
 * Rows of processes, and whether their owners live.
 *
 * A row's lock is never waited for: it is tried.  If it can be had, its owner
 * has gone.  A look at a row holds its lock for a moment, in which other looks
 * may take the dead for alive; what goes by that is seen to by the next look.
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "memory/ks_journal.h"
#include "memory/ks_log.h"
#include "memory/ks_process.h"


/* Whether the row was free, and its lock is ours now. */

static int
ks_process_try(ks_process_t *row)
{
    int  rc;

    rc = pthread_mutex_trylock(&row->alive);

    if (rc == EOWNERDEAD) {
        pthread_mutex_consistent(&row->alive);
        return 1;
    }

    return rc == 0;
}


/*
 * The lock is ours, and the process that had the row is gone.  For a moment the
 * others find the lock taken: so they are told what was found.
 */

static void
ks_process_bury(ks_process_t *row)
{
    int32_t  pid;

    pid = __atomic_load_n(&row->pid, __ATOMIC_RELAXED);

    if (pid > 0) {
        __atomic_store_n(&row->pid, -pid, __ATOMIC_RELEASE);
    }
}


/*
 * what a process leaves behind that is gone, whether it closed its row or not
 */

static void
ks_process_clear(ks_mem_t *m, unsigned i)
{
    ks_process_t  *row;

    row = &m->zone->processes[i];

    if (row->pid != 0) {
        ks_journal_forget(m, i);
        row->clients = 0;
        row->helper = 0;
        memset(row->tracks, 0, sizeof(row->tracks));
        __atomic_store_n(&row->pid, 0, __ATOMIC_RELEASE);
    }
}


/* Rows of the dead are cleared on the way, all of them. */

int
ks_process_open(ks_mem_t *m, uint32_t wake)
{
    unsigned       i, mine;
    ks_process_t  *row;

    mine = KS_PROCESSES;

    for (i = 0; i < KS_PROCESSES; i++) {
        row = &m->zone->processes[i];

        if (!ks_process_try(row)) {
            continue;
        }

        ks_process_bury(row);
        ks_process_clear(m, i);

        if (mine == KS_PROCESSES) {
            mine = i;

        } else {
            pthread_mutex_unlock(&row->alive);
        }
    }

    m->process = mine;

    if (mine == KS_PROCESSES) {
        return KS_ERR;
    }

    row = &m->zone->processes[mine];
    row->birth = (uint32_t) __atomic_add_fetch(&m->zone->ids, 1,
                                               __ATOMIC_RELAXED);
    row->wake = wake;
    __atomic_store_n(&row->pid, (int32_t) getpid(), __ATOMIC_RELEASE);

    return KS_OK;
}


/* A child of the process that has opened the row is not its owner. */

void
ks_process_close(ks_mem_t *m)
{
    ks_process_t  *row;

    if (m->process == KS_PROCESSES) {
        return;
    }

    row = &m->zone->processes[m->process];

    if (row->pid == (int32_t) getpid()) {
        ks_process_clear(m, m->process);
        pthread_mutex_unlock(&row->alive);
    }

    m->process = KS_PROCESSES;
}


static int
ks_process_alive(ks_process_t *row)
{
    if (__atomic_load_n(&row->pid, __ATOMIC_ACQUIRE) <= 0) {
        return 0;
    }

    if (ks_process_try(row)) {
        ks_process_bury(row);
        pthread_mutex_unlock(&row->alive);
        return 0;
    }

    /* or does somebody else look at it just now? */

    return __atomic_load_n(&row->pid, __ATOMIC_ACQUIRE) > 0;
}


int
ks_process_lives(ks_mem_t *m, unsigned i, uint32_t birth)
{
    ks_process_t  *row;

    row = &m->zone->processes[i];

    return row->birth == birth && (i == m->process || ks_process_alive(row));
}


int
ks_process_is(ks_zone_t *zone, unsigned row, uint32_t birth)
{
    return zone->processes[row].birth == birth
           && ks_process_alive(&zone->processes[row]);
}


uint64_t
ks_process_all(ks_mem_t *m)
{
    unsigned       i;
    uint64_t       all;
    ks_process_t  *row;

    for (all = 0, i = 0; i < KS_PROCESSES; i++) {
        row = &m->zone->processes[i];

        if (!row->helper && (i == m->process || ks_process_alive(row))) {
            all |= 1ull << i;
        }
    }

    return all;
}


unsigned
ks_process_helpers(ks_mem_t *m)
{
    unsigned       i, n;
    ks_process_t  *row;

    for (n = 0, i = 0; i < KS_PROCESSES; i++) {
        row = &m->zone->processes[i];
        n += (row->helper && (i == m->process || ks_process_alive(row)));
    }

    return n;
}


unsigned
ks_process_pids(ks_mem_t *m, int32_t *pids)
{
    unsigned       i, n;
    ks_process_t  *row;

    for (n = 0, i = 0; i < KS_PROCESSES; i++) {
        row = &m->zone->processes[i];

        if (i == m->process || ks_process_alive(row)) {
            pids[n++] = row->pid;
        }
    }

    return n;
}


void
ks_process_set_helper(ks_mem_t *m)
{
    m->zone->processes[m->process].helper = 1;
}


void
ks_process_set_clients(ks_mem_t *m, unsigned clients)
{
    if (m->process != KS_PROCESSES) {
        m->zone->processes[m->process].clients = clients;
    }
}


uint64_t
ks_process_clients(ks_zone_t *zone)
{
    uint64_t       sum;
    ks_process_t  *row;

    sum = 0;

    for (row = zone->processes; row < zone->processes + KS_PROCESSES; row++) {
        if (row->clients != 0 && ks_process_alive(row)) {
            sum += row->clients;
        }
    }

    return sum;
}


void
ks_process_set_tracks(ks_mem_t *m, const uint64_t *tracks)
{
    if (m->process != KS_PROCESSES) {
        memcpy(m->zone->processes[m->process].tracks, tracks,
               KS_TRACKS * sizeof(uint64_t));
    }
}


uint64_t
ks_process_tracks(ks_zone_t *zone, unsigned what)
{
    uint64_t       sum;
    ks_process_t  *row;

    sum = 0;

    for (row = zone->processes; row < zone->processes + KS_PROCESSES; row++) {
        if (row->tracks[KS_TRACKS_CLIENTS] != 0 && ks_process_alive(row)) {
            sum += row->tracks[what];
        }
    }

    return sum;
}
