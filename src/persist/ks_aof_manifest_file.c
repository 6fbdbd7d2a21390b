/*
 * Manifests on the disk: found, read, and replaced.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persist/ks_aof_manifest.h"


#define KS_AOF_SUFFIX  ".manifest"
#define KS_AOF_TEMP    "temp-"          /* in front of a name, as in Redis */
#define KS_AOF_MOST    (16u * 1024 * 1024)      /* bytes of a manifest */


static int
ks_aof_failed(ks_aof_manifest_t *m, const char *call, const char *name)
{
    m->err = errno;
    (void) snprintf(m->fault, sizeof(m->fault), "%s \"%s\" failed: %s", call,
                    name, strerror(m->err));

    return KS_ERR;
}


static int
ks_aof_directory(ks_aof_manifest_t *m, const char *dir)
{
    int  fd;

    m->err = 0;
    fd = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1 && errno != ENOENT) {
        (void) ks_aof_failed(m, "open()", dir);
    }

    return fd;
}


/* --- reading --- */

static int
ks_aof_read_bytes(ks_aof_manifest_t *m, int fd, const char *name, size_t size,
    u_char *p)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += (size_t) n) {
        n = read(fd, p + len, size - len);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n == -1) {
            return ks_aof_failed(m, "read()", name);
        }

        if (n == 0) {
            break;
        }
    }

    return ks_aof_manifest_parse(m, p, len);
}


static int
ks_aof_read_open(ks_aof_manifest_t *m, int fd, const char *name)
{
    int          rc;
    u_char      *p;
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return ks_aof_failed(m, "fstat()", name);
    }

    if (!S_ISREG(st.st_mode) || st.st_size > KS_AOF_MOST) {
        (void) snprintf(m->fault, sizeof(m->fault), "\"%s\" is no manifest",
                        name);
        return KS_ERR;
    }

    p = malloc((size_t) st.st_size + 1);

    if (p == NULL) {
        return KS_NOMEM;
    }

    rc = ks_aof_read_bytes(m, fd, name, (size_t) st.st_size, p);
    free(p);

    return rc;
}


int
ks_aof_manifest_read(ks_aof_manifest_t *m, const char *dir, const char *name)
{
    int  at, fd, rc;

    ks_aof_manifest_free(m);
    at = ks_aof_directory(m, dir);

    if (at == -1) {
        return m->err ? KS_ERR : KS_NONE;
    }

    fd = openat(at, name, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        rc = errno == ENOENT ? KS_NONE : ks_aof_failed(m, "open()", name);

    } else {
        rc = ks_aof_read_open(m, fd, name);
        (void) close(fd);
    }

    (void) close(at);

    return rc;
}


static int
ks_aof_is_manifest(const char *name)
{
    size_t  len;

    len = strlen(name);

    return len < KS_AOF_NAME && len > sizeof(KS_AOF_SUFFIX) - 1
           && strcmp(name + len - (sizeof(KS_AOF_SUFFIX) - 1), KS_AOF_SUFFIX)
              == 0
           && strncmp(name, KS_AOF_TEMP, sizeof(KS_AOF_TEMP) - 1) != 0;
}


int
ks_aof_manifest_find(ks_aof_manifest_t *m, const char *dir,
    char name[KS_AOF_NAME])
{
    int             fd, rc;
    DIR            *d;
    struct dirent  *e;

    fd = ks_aof_directory(m, dir);

    if (fd == -1) {
        return m->err ? KS_ERR : KS_NONE;
    }

    d = fdopendir(fd);

    if (d == NULL) {
        rc = ks_aof_failed(m, "fdopendir()", dir);
        (void) close(fd);
        return rc;
    }

    rc = KS_NONE;

    while ((e = readdir(d)) != NULL && rc != KS_ERR) {
        if (!ks_aof_is_manifest(e->d_name)) {
            continue;
        }

        if (rc == KS_OK) {
            (void) snprintf(m->fault, sizeof(m->fault),
                            "there is more than one manifest");
            rc = KS_ERR;

        } else {
            memcpy(name, e->d_name, strlen(e->d_name) + 1);
            rc = KS_OK;
        }
    }

    (void) closedir(d);

    return rc;
}


/* --- writing --- */

static int
ks_aof_write_bytes(ks_aof_manifest_t *m, int fd, const char *name,
    const char *p, size_t len)
{
    ssize_t  n;

    while (len > 0) {
        n = write(fd, p, len);

        if (n == -1 && errno != EINTR) {
            return ks_aof_failed(m, "write()", name);
        }

        if (n > 0) {
            p += n;
            len -= (size_t) n;
        }
    }

    return fsync(fd) == -1 ? ks_aof_failed(m, "fsync()", name) : KS_OK;
}


/* What somebody who died has left goes; a link is not followed. */

static int
ks_aof_write_temp(ks_aof_manifest_t *m, int at, const char *temp,
    const char *p, size_t len)
{
    int  fd, rc;

    if (unlinkat(at, temp, 0) == -1 && errno != ENOENT) {
        return ks_aof_failed(m, "unlink()", temp);
    }

    fd = openat(at, temp, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        return ks_aof_failed(m, "open()", temp);
    }

    rc = ks_aof_write_bytes(m, fd, temp, p, len);

    if (close(fd) == -1 && rc == KS_OK) {
        rc = ks_aof_failed(m, "close()", temp);
    }

    return rc;
}


static int
ks_aof_write_at(ks_aof_manifest_t *m, int at, const char *dir,
    const char *name, const char *p, size_t len)
{
    char  temp[sizeof(KS_AOF_TEMP) + KS_AOF_NAME];

    (void) snprintf(temp, sizeof(temp), KS_AOF_TEMP "%s", name);

    if (ks_aof_write_temp(m, at, temp, p, len) != KS_OK) {
        (void) unlinkat(at, temp, 0);
        return KS_ERR;
    }

    if (renameat(at, temp, at, name) == -1) {
        (void) ks_aof_failed(m, "rename()", temp);
        (void) unlinkat(at, temp, 0);
        return KS_ERR;
    }

    return fsync(at) == -1 ? ks_aof_failed(m, "fsync()", dir) : KS_OK;
}


int
ks_aof_manifest_write(ks_aof_manifest_t *m, const char *dir, const char *name)
{
    int      at, rc;
    char    *p;
    size_t   len;

    len = ks_aof_manifest_compose(m, NULL, 0);
    p = malloc(len + 1);

    if (p == NULL) {
        return KS_NOMEM;
    }

    (void) ks_aof_manifest_compose(m, p, len + 1);
    m->err = 0;
    at = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (at == -1) {
        rc = ks_aof_failed(m, "open()", dir);

    } else {
        rc = ks_aof_write_at(m, at, dir, name, p, len);
        (void) close(at);
    }

    free(p);

    return rc;
}
