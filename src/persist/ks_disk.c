/*
 * The thread, and its job.
 *
 * The state is the one thing that both sides look at: the process stores GIVEN,
 * the thread ENDED, each after all else that belongs to it.
 */

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "persist/ks_disk.h"


#define KS_DISK_STACK  (128u * 1024)

enum {
    KS_DISK_IDLE = 0,
    KS_DISK_GIVEN,
    KS_DISK_ENDED,
    KS_DISK_CLOSED
};

struct ks_disk_s {
    void            (*done)(void *data);
    void             *done_data;
    unsigned          running:1;        /* there is a thread */
    pthread_t         thread;
    pthread_mutex_t   mutex;
    pthread_cond_t    given;
    pthread_cond_t    ended;

    int               state;            /* under the mutex */
    ks_disk_job_pt    job;
    void             *data;
    int               err;
};


static void *
ks_disk_run(void *arg)
{
    int         err;
    ks_disk_t  *d = arg;

    pthread_mutex_lock(&d->mutex);

    for ( ;; ) {

        while (d->state != KS_DISK_GIVEN && d->state != KS_DISK_CLOSED) {
            pthread_cond_wait(&d->given, &d->mutex);
        }

        if (d->state == KS_DISK_CLOSED) {
            break;
        }

        pthread_mutex_unlock(&d->mutex);
        err = d->job(d->data);
        pthread_mutex_lock(&d->mutex);

        d->err = err;
        d->state = KS_DISK_ENDED;
        pthread_cond_signal(&d->ended);

        pthread_mutex_unlock(&d->mutex);
        d->done(d->done_data);
        pthread_mutex_lock(&d->mutex);
    }

    pthread_mutex_unlock(&d->mutex);

    return NULL;
}


/* Signals are the process's own thread's. */

static int
ks_disk_start(ks_disk_t *d)
{
    int             rc;
    sigset_t        all, before;
    pthread_attr_t  attr;

    if (pthread_attr_init(&attr) != 0) {
        return KS_ERR;
    }

    (void) pthread_attr_setstacksize(&attr, KS_DISK_STACK);

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&d->thread, &attr, ks_disk_run, d);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);

    d->running = (rc == 0);

    return rc == 0 ? KS_OK : KS_ERR;
}


ks_disk_t *
ks_disk_open(void (*done)(void *data), void *data)
{
    ks_disk_t  *d;

    d = calloc(1, sizeof(ks_disk_t));

    if (d == NULL) {
        return NULL;
    }

    d->done = done;
    d->done_data = data;
    pthread_mutex_init(&d->mutex, NULL);
    pthread_cond_init(&d->given, NULL);
    pthread_cond_init(&d->ended, NULL);

    return d;
}


void
ks_disk_close(ks_disk_t *d)
{
    int  err;

    (void) ks_disk_wait(d, &err);

    if (d->running) {
        pthread_mutex_lock(&d->mutex);
        d->state = KS_DISK_CLOSED;
        pthread_cond_signal(&d->given);
        pthread_mutex_unlock(&d->mutex);
        pthread_join(d->thread, NULL);
    }

    pthread_cond_destroy(&d->ended);
    pthread_cond_destroy(&d->given);
    pthread_mutex_destroy(&d->mutex);
    free(d);
}


void
ks_disk_give(ks_disk_t *d, ks_disk_job_pt job, void *data)
{
    d->job = job;
    d->data = data;

    if (d->done == NULL || (!d->running && ks_disk_start(d) != KS_OK)) {
        d->err = job(data);
        d->state = KS_DISK_ENDED;
        return;
    }

    pthread_mutex_lock(&d->mutex);
    d->state = KS_DISK_GIVEN;
    pthread_cond_signal(&d->given);
    pthread_mutex_unlock(&d->mutex);
}


void
ks_disk_do(ks_disk_t *d, ks_disk_job_pt job, void *data)
{
    int  err;

    err = job(data);

    pthread_mutex_lock(&d->mutex);
    d->err = err;
    d->state = KS_DISK_ENDED;
    pthread_mutex_unlock(&d->mutex);
}


/* IDLE is stored by the process alone. */

int
ks_disk_busy(const ks_disk_t *d)
{
    return __atomic_load_n(&d->state, __ATOMIC_RELAXED) != KS_DISK_IDLE;
}


int
ks_disk_take(ks_disk_t *d, int *err)
{
    int  state;

    pthread_mutex_lock(&d->mutex);
    state = d->state;

    if (state == KS_DISK_ENDED) {
        d->state = KS_DISK_IDLE;
        *err = d->err;
    }

    pthread_mutex_unlock(&d->mutex);

    return state == KS_DISK_ENDED ? KS_OK
                                  : state == KS_DISK_GIVEN ? KS_AGAIN : KS_NONE;
}


int
ks_disk_wait(ks_disk_t *d, int *err)
{
    pthread_mutex_lock(&d->mutex);

    while (d->state == KS_DISK_GIVEN) {
        pthread_cond_wait(&d->ended, &d->mutex);
    }

    pthread_mutex_unlock(&d->mutex);

    return ks_disk_take(d, err);
}
