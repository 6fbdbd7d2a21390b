/*
 * A clock that a test sets, to be preloaded: what CLOCK_REALTIME says is moved
 * by the seconds in the file KS_CLOCK.  A timerfd of that clock is a pipe that
 * becomes readable when KS_CLOCK.PID is written to, as Linux's is when the
 * clock is set.
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


static long
offset(void)
{
    int          fd;
    char         text[32];
    ssize_t      n;
    const char  *path;

    path = getenv("KS_CLOCK");
    fd = path ? open(path, O_RDONLY|O_CLOEXEC) : -1;

    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text) - 1);
    close(fd);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    return strtol(text, NULL, 10);
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc;

    rc = (int) syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && id == CLOCK_REALTIME) {
        ts->tv_sec += offset();
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
    char  path[4096];

    (void) id;
    (void) flags;
    snprintf(path, sizeof(path), "%s.%d", getenv("KS_CLOCK"), (int) getpid());

    if (mkfifo(path, 0600) != 0) {
        return -1;
    }

    return open(path, O_RDWR|O_NONBLOCK|O_CLOEXEC);
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
