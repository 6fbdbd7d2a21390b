/*
 * BLPOP hand-over: pairs of a connection that pops and one that pushes, each
 * pair at its own pace.  A hand-over is over when both have their replies.
 *
 *     handover PORT PAIRS COUNT
 *
 * prints hand-overs a second.
 */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>


#define PAIRS_MAX  256

typedef struct {
    int       pop;
    int       push;
    unsigned  due;              /* replies that are not there yet */
    char      name[16];
} pair_t;

static pair_t  pairs[PAIRS_MAX];


static void
die(const char *what)
{
    perror(what);
    exit(1);
}


static int
dial(int port)
{
    int                 fd, one = 1;
    struct sockaddr_in  sin;

    fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    if (fd == -1 || connect(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        die("connect");
    }

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    return fd;
}


static void
say(int fd, const char *text, int len)
{
    if (write(fd, text, (size_t) len) != len) {
        die("write");
    }
}


/* The one that pops asks first, and waits as a rule when the other pushes. */

static void
start(pair_t *p)
{
    int   n;
    char  text[128];

    n = snprintf(text, sizeof(text), "*3\r\n$5\r\nBLPOP\r\n$%zu\r\n%s\r\n"
                 "$1\r\n0\r\n", strlen(p->name), p->name);
    say(p->pop, text, n);

    n = snprintf(text, sizeof(text), "*3\r\n$5\r\nRPUSH\r\n$%zu\r\n%s\r\n"
                 "$8\r\nelement!\r\n", strlen(p->name), p->name);
    say(p->push, text, n);

    p->due = 2;
}


int
main(int argc, char **argv)
{
    int                 i, n, npairs, ep;
    char                buf[512];
    long                left, count;
    double              s;
    struct timespec     from, to;
    struct epoll_event  ev, events[2 * PAIRS_MAX];

    if (argc != 4) {
        fprintf(stderr, "handover PORT PAIRS COUNT\n");
        return 1;
    }

    npairs = atoi(argv[2]);
    npairs = npairs < 1 ? 1 : npairs > PAIRS_MAX ? PAIRS_MAX : npairs;
    count = atol(argv[3]);
    ep = epoll_create1(0);

    for (i = 0; i < npairs; i++) {
        snprintf(pairs[i].name, sizeof(pairs[i].name), "queue:%d", i);
        pairs[i].pop = dial(atoi(argv[1]));
        pairs[i].push = dial(atoi(argv[1]));

        memset(&ev, 0, sizeof(ev));
        ev.events = EPOLLIN;
        ev.data.u32 = (uint32_t) i << 1;
        epoll_ctl(ep, EPOLL_CTL_ADD, pairs[i].pop, &ev);
        ev.data.u32 |= 1;
        epoll_ctl(ep, EPOLL_CTL_ADD, pairs[i].push, &ev);
    }

    clock_gettime(CLOCK_MONOTONIC, &from);

    for (i = 0; i < npairs; i++) {
        start(&pairs[i]);
    }

    for (left = count; left > 0; /* void */ ) {
        n = epoll_wait(ep, events, 2 * npairs, 10000);

        if (n <= 0) {
            die("epoll_wait");
        }

        for (i = 0; i < n; i++) {
            pair_t  *p = &pairs[events[i].data.u32 >> 1];

            if (read(events[i].data.u32 & 1 ? p->push : p->pop, buf,
                     sizeof(buf)) <= 0)
            {
                die("read");
            }

            if (--p->due == 0) {
                left--;
                start(p);
            }
        }
    }

    clock_gettime(CLOCK_MONOTONIC, &to);
    s = (double) (to.tv_sec - from.tv_sec)
        + (double) (to.tv_nsec - from.tv_nsec) / 1e9;
    printf("%.0f\n", (double) count / s);

    return 0;
}
