/*
 * Making the file of a zone, giving it its name, and setting one aside.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* syscall() */
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "persist/ks_file_part.h"


#define KS_FILE_NEW   ".new"
#define KS_FILE_OLD   ".old"
#define KS_FILE_OLDS  99

#define KS_FILE_NO_REPLACE  1   /* RENAME_NOREPLACE of the kernel */


/* whoever may rename in it could put another file in the place of ours */

static int
ks_file_directory(ks_file_t *f, const char *path)
{
    char         *dir, *slash;
    struct stat   st;

    dir = strdup(path);

    if (dir == NULL) {
        return ks_file_wrong(f, "there is no memory");
    }

    slash = strrchr(dir, '/');

    if (slash == NULL) {
        strcpy(dir, ".");

    } else if (slash == dir) {
        dir[1] = '\0';

    } else {
        *slash = '\0';
    }

    if (stat(dir, &st) == -1) {
        (void) ks_file_wrong(f, "cannot be made: its directory: %s",
                             strerror(errno));

    } else if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)) {
        (void) ks_file_wrong(f, "is in a directory in which others may write "
                             "(mode %04o)", (unsigned) st.st_mode & 07777);
    }

    free(dir);

    return f->fault[0] ? KS_ERR : KS_OK;
}


static char *
ks_file_beside(const ks_file_conf_t *conf)
{
    char    *name;
    size_t   len;

    len = strlen(conf->path);
    name = malloc(len + sizeof(KS_FILE_NEW));

    if (name != NULL) {
        memcpy(name, conf->path, len);
        memcpy(name + len, KS_FILE_NEW, sizeof(KS_FILE_NEW));
    }

    return name;
}


/*
 * What lies there was never given its name: unless somebody is about to do it,
 * it is taken away.
 */

static int
ks_file_clear(ks_file_t *f, const char *name)
{
    int    fd, rc;
    ino_t  inode;
    off_t  len;

    fd = open(name, O_RDWR|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1) {
        return ks_file_wrong(f, "cannot be made: \"" KS_FILE_NEW "\" beside "
                             "it: %s", strerror(errno));
    }

    rc = ks_file_proper(f, fd, &inode, &len);

    if (rc == KS_OK && ks_file_lock(fd, KS_BYTE_FAMILY) != KS_OK) {
        rc = ks_file_wrong(f, "is being made by another nginx");
    }

    if (rc == KS_OK && unlink(name) == -1) {
        rc = ks_file_wrong(f, "cannot be made: \"" KS_FILE_NEW "\" beside it: "
                           "%s", strerror(errno));
    }

    close(fd);

    return rc;
}


static int
ks_file_make(ks_file_t *f, const char *name)
{
    unsigned  i;

    for (i = 0; i < 2; i++) {
        f->own = open(name, O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

        if (f->own != -1) {
            return KS_OK;
        }

        if (errno != EEXIST) {
            return ks_file_wrong(f, "cannot be made: %s", strerror(errno));
        }

        if (ks_file_clear(f, name) != KS_OK) {
            return KS_ERR;
        }
    }

    return ks_file_wrong(f, "is being made by another nginx");
}


static int
ks_file_furnish(ks_file_t *f, const ks_file_conf_t *conf, const char *name)
{
    if (ks_file_directory(f, conf->path) != KS_OK
        || ks_file_make(f, name) != KS_OK)
    {
        return KS_ERR;
    }

    f->len = KS_FILE_HEADER + conf->size + conf->ring;
    f->size = conf->size;
    f->ring = conf->ring;
    f->family = ks_file_again(f->own);

    if (f->family == -1 || fcntl(f->family, F_SETFD, 0) == -1) {
        return ks_file_wrong(f, "cannot be opened: %s", strerror(errno));
    }

    if (ks_file_enter(f, conf) != KS_OK || ks_file_reserve(f) != KS_OK) {
        return KS_ERR;
    }

    return ks_file_map(f);
}


int
ks_file_create(ks_file_t *f, const ks_file_conf_t *conf)
{
    int    rc;
    char  *name;

    ks_file_init(f);

    name = ks_file_beside(conf);

    if (name == NULL) {
        return ks_file_wrong(f, "there is no memory");
    }

    rc = ks_file_furnish(f, conf, name);

    if (rc != KS_OK && f->own != -1) {
        ks_file_discard(f, conf);
    }

    free(name);

    return rc;
}


/* so that the name outlives a power failure, as the bytes do */

static void
ks_file_sync_directory(const char *path)
{
    int    fd;
    char  *dir, *slash;

    dir = strdup(path);

    if (dir == NULL) {
        return;
    }

    slash = strrchr(dir, '/');

    if (slash != NULL) {
        slash[slash == dir] = '\0';
    }

    fd = open(slash ? dir : ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd != -1) {
        (void) fsync(fd);
        close(fd);
    }

    free(dir);
}


/*
 * Keys that were carried over are on the disk before the file takes the name of
 * the one that they come from.
 */

int
ks_file_settle(ks_file_t *f, const ks_file_conf_t *conf, int over)
{
    int          rc;
    char        *name;
    struct stat  st;

    name = ks_file_beside(conf);

    if (name == NULL) {
        return ks_file_wrong(f, "there is no memory");
    }

    rc = KS_OK;

    if (over && msync(f->map, f->len, MS_SYNC) == -1) {
        rc = ks_file_wrong(f, "cannot be written to: %s", strerror(errno));
    }

    if (rc == KS_OK) {
        rc = ks_file_mark(f, conf, over);
    }

    if (rc == KS_OK && !over && lstat(conf->path, &st) == 0) {
        rc = ks_file_wrong(f, "was made by another nginx meanwhile");
    }

    if (rc == KS_OK && rename(name, conf->path) == -1) {
        rc = ks_file_wrong(f, "cannot be given its name: %s",
                           strerror(errno));
    }

    free(name);

    if (rc != KS_OK) {
        ks_file_discard(f, conf);
        return rc;
    }

    ks_file_sync_directory(conf->path);

    return over ? ks_file_mark(f, conf, 0) : KS_OK;
}


void
ks_file_discard(ks_file_t *f, const ks_file_conf_t *conf)
{
    char  *name;

    name = ks_file_beside(conf);

    if (name != NULL) {
        (void) unlink(name);
        free(name);
    }

    ks_file_let_go(f);
}


/* KS_ERR with errno; EEXIST: there is such a file */

static int
ks_file_rename(const char *path, const char *to)
{
    struct stat  st;

    /* renameat2(), which not each libc has */

    if (syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, to,
                KS_FILE_NO_REPLACE) == 0)
    {
        return KS_OK;
    }

    if (errno != EINVAL && errno != ENOSYS) {
        return KS_ERR;
    }

    /* a filesystem that does not know this */

    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return KS_ERR;
    }

    return (rename(path, to) == 0) ? KS_OK : KS_ERR;
}


int
ks_file_aside(const char *path, char *to, size_t room,
    char fault[KS_FILE_FAULT])
{
    size_t    len;
    unsigned  i;

    for (i = 1; i <= KS_FILE_OLDS; i++) {
        len = (size_t) snprintf(to, room, "%s" KS_FILE_OLD ".%u", path, i);

        if (len >= room) {
            errno = ENAMETOOLONG;
            break;
        }

        if (ks_file_rename(path, to) == KS_OK) {
            return KS_OK;
        }

        if (errno != EEXIST) {
            break;
        }
    }

    (void) snprintf(fault, KS_FILE_FAULT, "cannot be set aside: %s",
                    strerror(errno));
    return KS_ERR;
}
