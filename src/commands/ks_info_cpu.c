
/*
 * INFO cpu: the processor time of the processes that have the zone.
 *
 * The kernel tells it of each in /proc.  The sum is of those that are alive:
 * after a reload it is smaller, as that of a Redis is after a restart.
 */

#include "commands/ks_info.h"
#include "memory/ks_process.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>


typedef struct {
    unsigned long  user;        /* ticks of the kernel */
    unsigned long  sys;
} ks_info_ticks_t;


/*
 * The line is "PID (NAME) STATE" and numbers; a name may have spaces and
 * brackets.  A process that is gone has used nothing.
 */

static void
ks_info_ticks(int32_t pid, ks_info_ticks_t *t)
{
    FILE           *f;
    char            path[32], line[512], *p;
    unsigned long   user, sys;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);

    f = fopen(path, "r");
    if (f == NULL) {
        return;
    }

    if (fgets(line, sizeof(line), f) != NULL
        && (p = strrchr(line, ')')) != NULL
        && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                  &user, &sys)
           == 2)
    {
        t->user += user;
        t->sys += sys;
    }

    fclose(f);
}


void
ks_info_cpu(ks_info_t *info)
{
    double           second;
    int32_t          pids[KS_PROCESSES];
    unsigned         i, n;
    ks_info_ticks_t  sum;

    n = ks_process_pids(ks_space_mem(info->space), pids);

    memset(&sum, 0, sizeof(ks_info_ticks_t));

    for (i = 0; i < n; i++) {
        ks_info_ticks(pids[i], &sum);
    }

    second = (double) sysconf(_SC_CLK_TCK);

    ks_info_line(info, "used_cpu_sys:%.6f", (double) sum.sys / second);
    ks_info_line(info, "used_cpu_user:%.6f", (double) sum.user / second);
}
