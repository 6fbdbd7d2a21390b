
/*
 * A worker hears here when somebody sets the system's clock.
 *
 * Keys expire by that clock, nginx's timers go by one that nobody can set.  So
 * a timer that was armed for a key's time is too late once the clock was set
 * forward.  Linux tells of it: a timerfd with TFD_TIMER_CANCEL_ON_SET, of a
 * time that never comes, becomes readable when the clock is set.  Nothing
 * wakes a worker until then.
 *
 * Where there is no such thing the timers come late, and no worse: a lookup
 * goes by the clock in any case.
 */


#include "ngx_keyspace.h"

#if (NGX_LINUX)

#include <sys/timerfd.h>


#define NGX_KEYSPACE_CLOCK_NEVER  0x7fffffff    /* s, plus the present time */


static ngx_int_t ngx_keyspace_clock_arm(ngx_socket_t fd);
static void ngx_keyspace_clock_handler(ngx_event_t *ev);


/* of this process; it takes none of worker_connections */

static ngx_keyspace_fd_t  ngx_keyspace_clock;


void
ngx_keyspace_clock_open(ngx_cycle_t *cycle)
{
    ngx_socket_t  fd;

    fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK|TFD_CLOEXEC);

    if (fd == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "timerfd_create() failed: keys may expire late after "
                      "the clock was set");
        return;
    }

    if (ngx_keyspace_clock_arm(fd) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                      "timerfd_settime() failed: keys may expire late after "
                      "the clock was set");
        (void) close(fd);
        return;
    }

    if (ngx_keyspace_fd_listen(&ngx_keyspace_clock, fd,
                               ngx_keyspace_clock_handler, cycle->log)
        != NGX_OK)
    {
        (void) close(fd);
    }
}


static ngx_int_t
ngx_keyspace_clock_arm(ngx_socket_t fd)
{
    struct itimerspec  at;

    ngx_memzero(&at, sizeof(struct itimerspec));
    at.it_value.tv_sec = ngx_time() + NGX_KEYSPACE_CLOCK_NEVER;

    return (timerfd_settime(fd, TFD_TIMER_ABSTIME|TFD_TIMER_CANCEL_ON_SET,
                            &at, NULL) == -1) ? NGX_ERROR : NGX_OK;
}


static void
ngx_keyspace_clock_handler(ngx_event_t *ev)
{
    uint64_t              n;
    ngx_uint_t            i = 0;
    ngx_keyspace_zone_t  *kz;

    /* it fails with ECANCELED, which is what it is to say */

    while (read(ngx_keyspace_clock.connection.fd, &n, sizeof(n)) > 0) {
        /* void */
    }

    ngx_log_debug0(NGX_LOG_DEBUG_CORE, ev->log, 0,
                   "keyspace: the clock was set");

    if (ngx_keyspace_clock_arm(ngx_keyspace_clock.connection.fd) != NGX_OK) {
        ngx_log_error(NGX_LOG_WARN, ev->log, ngx_errno,
                      "timerfd_settime() failed: keys may expire late after "
                      "the clock is set again");
        ngx_del_event(ev, NGX_READ_EVENT, 0);
    }

    while ((kz = ngx_keyspace_zone_next(ngx_cycle, &i)) != NULL) {
        ngx_keyspace_rearm(kz);
    }
}

#else

void
ngx_keyspace_clock_open(ngx_cycle_t *cycle)
{
    /* void */
}

#endif
