/*
 * Who has the file of a zone: locks of open file descriptions.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* F_OFD_SETLK */
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "persist/ks_file_part.h"


#define KS_FILE_NAP  5                  /* ms */


/* KS_AGAIN: somebody else has */

int
ks_file_lock(int fd, off_t byte)
{
    struct flock  fl;

    memset(&fl, 0, sizeof(fl));
    fl.l_type = F_WRLCK;
    fl.l_whence = SEEK_SET;
    fl.l_start = byte;
    fl.l_len = 1;

    if (fcntl(fd, F_OFD_SETLK, &fl) == 0) {
        return KS_OK;
    }

    return (errno == EAGAIN || errno == EACCES) ? KS_AGAIN : KS_ERR;
}


int
ks_file_again(int fd)
{
    char  name[40];

    (void) snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);

    return open(name, O_RDWR|O_CLOEXEC);
}


int
ks_file_inherited(dev_t dev, ino_t inode, int but, int own)
{
    int             fd, found;
    DIR            *dir;
    struct stat     st;
    struct dirent  *entry;

    found = -1;
    dir = opendir("/proc/self/fd");

    if (dir == NULL) {
        return -1;
    }

    while (found == -1 && (entry = readdir(dir)) != NULL) {
        fd = atoi(entry->d_name);

        if (entry->d_name[0] == '.' || fd == but || fd == dirfd(dir)
            || fstat(fd, &st) == -1 || st.st_dev != dev
            || st.st_ino != inode || (!own && fcntl(fd, F_GETFD) != 0)
            || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
        {
            continue;
        }

        found = fd;
    }

    closedir(dir);

    return found;
}


static int
ks_file_sit(ks_file_t *f)
{
    int       rc;
    unsigned  i;

    for (i = 0; i < KS_FILE_SEATS; i++) {
        rc = ks_file_lock(f->own, KS_BYTE_SEAT + (off_t) i);

        if (rc != KS_AGAIN) {
            f->seat = i;
            return rc;
        }
    }

    return KS_AGAIN;
}


int
ks_file_enter(ks_file_t *f, const ks_file_conf_t *conf)
{
    int              rc, ours;
    unsigned         ms;
    struct timespec  nap = { 0, KS_FILE_NAP * 1000000l };

    for (ms = 0; ; ms += KS_FILE_NAP) {
        rc = ks_file_lock(f->family, KS_BYTE_FAMILY);
        ours = (rc == KS_OK);

        if (ours) {
            rc = ks_file_sit(f);
        }

        if (rc != KS_AGAIN || ms >= conf->patience) {
            break;
        }

        nanosleep(&nap, NULL);
    }

    if (rc == KS_OK) {
        return KS_OK;
    }

    if (rc == KS_AGAIN) {
        return ks_file_wrong(f, ours ? "is in use by two nginx already, of "
                                       "which one has to end first"
                                     : "is in use by another nginx");
    }

    return ks_file_wrong(f, "cannot be locked: %s", strerror(errno));
}


int
ks_file_alone(const ks_file_t *f)
{
    unsigned  i;

    for (i = 0; i < KS_FILE_SEATS; i++) {
        if (ks_file_lock(f->own, KS_BYTE_SEAT + (off_t) i) != KS_OK) {
            return 0;
        }
    }

    return 1;
}
