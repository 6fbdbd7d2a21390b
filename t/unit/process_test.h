/*
 * What tests of several processes share: waiting, and killing one.
 */

#ifndef PROCESS_TEST_H
#define PROCESS_TEST_H

#include "engine_test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


static inline void
nap(unsigned us)
{
    struct timespec  ts = { 0, us * 1000L };

    nanosleep(&ts, NULL);
}


/* Kills a worker, which must be at work still. */

static inline void
fire(pid_t pid)
{
    int  status;

    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);

    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        fail_msg("a worker ended by itself: status %x", status);
    }
}


#endif /* PROCESS_TEST_H */
