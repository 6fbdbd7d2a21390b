/*
 * Taking the lock of a directory, or finding that it is ours.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "persist/ks_appender_lock.h"
#include "persist/ks_file_part.h"


#define KS_LOCK_NAP  5                  /* ms */


static int
ks_lock_open(const char *dir)
{
    int      fd;
    char    *path;
    size_t   len;

    len = strlen(dir) + sizeof("/" KS_APPENDER_LOCK);
    path = malloc(len);

    if (path == NULL) {
        errno = ENOMEM;
        return -1;
    }

    (void) snprintf(path, len, "%s/" KS_APPENDER_LOCK, dir);
    fd = open(path, O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0600);
    free(path);

    return fd;
}


/* KS_AGAIN: somebody else has it. */

static int
ks_lock_take(int fd, unsigned patience)
{
    int              rc;
    unsigned         ms;
    struct timespec  nap = { 0, KS_LOCK_NAP * 1000000l };

    for (ms = 0; ; ms += KS_LOCK_NAP) {
        rc = ks_file_lock(fd, 0);

        if (rc != KS_AGAIN || ms >= patience) {
            return rc;
        }

        nanosleep(&nap, NULL);
    }
}


int
ks_appender_lock(const char *dir, int heirs, unsigned patience, int *had)
{
    int          fd, ours, err;
    struct stat  st;

    *had = 0;
    fd = ks_lock_open(dir);

    if (fd == -1) {
        return -1;
    }

    ours = (fstat(fd, &st) == 0)
           ? ks_file_inherited(st.st_dev, st.st_ino, fd, 1) : -1;

    if (ours != -1 && ks_file_lock(ours, 0) == KS_OK) {
        (void) close(fd);
        *had = 1;
        return ours;
    }

    switch (ks_lock_take(fd, patience)) {

    case KS_OK:
        if (!heirs || fcntl(fd, F_SETFD, 0) == 0) {
            return fd;
        }

        err = errno;
        break;

    case KS_AGAIN:
        err = EAGAIN;
        break;

    default:
        err = errno;
    }

    (void) close(fd);
    errno = err;

    return -1;
}
