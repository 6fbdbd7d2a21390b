/*
 * A clock that a test sets, to be preloaded: the file KS_CLOCK says by how many
 * seconds CLOCK_REALTIME is moved, or with a "=" before them, at which it stands
 * still.  A timerfd of that clock is a pipe that becomes readable when
 * KS_CLOCK.PID is written to, as Linux's is when the clock is set.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>


/* nginx gives its workers an environment of their own */

static char  path[4000];


__attribute__((constructor))
static void
init(void)
{
    const char  *name;

    name = getenv("KS_CLOCK");
    snprintf(path, sizeof(path), "%s", name ? name : "");
}


static void
move(struct timespec *ts)
{
    int      fd;
    char     text[32];
    ssize_t  n;

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    n = read(fd, text, sizeof(text) - 1);
    close(fd);

    if (n <= 0) {
        return;
    }

    text[n] = '\0';

    if (text[0] == '=') {
        ts->tv_sec = strtol(text + 1, NULL, 10);
        ts->tv_nsec = 0;

    } else {
        ts->tv_sec += strtol(text, NULL, 10);
    }
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc;

    rc = (int) syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && id == CLOCK_REALTIME) {
        move(ts);
    }

    return rc;
}


int
gettimeofday(struct timeval *tv, void *tz)
{
    struct timespec  ts;

    (void) tz;
    clock_gettime(CLOCK_REALTIME, &ts);
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


int
timerfd_create(int id, int flags)
{
    char  fifo[4096];

    (void) id;
    (void) flags;
    snprintf(fifo, sizeof(fifo), "%s.%d", path, (int) getpid());

    if (mkfifo(fifo, 0600) != 0) {
        return -1;
    }

    return open(fifo, O_RDWR|O_NONBLOCK|O_CLOEXEC);
}


int
timerfd_settime(int fd, int flags, const struct itimerspec *to,
    struct itimerspec *old)
{
    (void) fd;
    (void) to;
    (void) old;

    return flags == (TFD_TIMER_ABSTIME|TFD_TIMER_CANCEL_ON_SET) ? 0 : -1;
}
