/*
 * A disk that fails, for tests: to be loaded before the C library (LD_PRELOAD).
 *
 * The file that KS_DISK names says which call is to fail, for files whose path
 * has a certain part, with which errno, after how many calls that are let pass,
 * and how often; and is told how often it did.
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>


typedef struct {
    char      call[16];                 /* "": none */
    char      part[64];                 /* of the path */
    int32_t   err;
    uint32_t  pass;                     /* calls that are good before */
    uint32_t  fail;                     /* and that fail then */
    uint32_t  failed;
} disk_t;

static disk_t  *shared;


static void __attribute__((constructor))
attach(void)
{
    int          fd;
    const char  *path;

    path = getenv("KS_DISK");
    fd = path ? open(path, O_RDWR|O_CLOEXEC) : -1;

    if (fd == -1) {
        return;
    }

    shared = mmap(NULL, sizeof(disk_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd,
                  0);
    close(fd);

    if (shared == MAP_FAILED) {
        shared = NULL;
    }
}


static int
fails(const char *call, const char *path)
{
    if (strcmp(shared->call, call) != 0 || strstr(path, shared->part) == NULL) {
        return 0;
    }

    if (shared->pass > 0) {
        __atomic_fetch_sub(&shared->pass, 1, __ATOMIC_SEQ_CST);
        return 0;
    }

    if (shared->fail == 0) {
        return 0;
    }

    __atomic_fetch_sub(&shared->fail, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&shared->failed, 1, __ATOMIC_SEQ_CST);
    errno = shared->err;

    return 1;
}


static int
fails_fd(const char *call, int fd)
{
    char     link[64], path[4096];
    ssize_t  n;

    if (shared == NULL || shared->call[0] == '\0') {
        return 0;
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);

    if (n < 0) {
        return 0;
    }

    path[n] = '\0';

    return fails(call, path);
}


#define next(name)  ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))


ssize_t
write(int fd, const void *p, size_t n)
{
    static __typeof__(&write)  real;

    if (real == NULL) {
        real = next(write);
    }

    /* a part of it may be there before there is no room */

    if (fails_fd("write", fd)) {
        return -1;
    }

    if (shared != NULL && n > 1 && fails_fd("short", fd)) {
        return real(fd, p, n / 2);
    }

    return real(fd, p, n);
}


int
fsync(int fd)
{
    static __typeof__(&fsync)  real;

    if (real == NULL) {
        real = next(fsync);
    }

    return fails_fd("fsync", fd) ? -1 : real(fd);
}


int
fdatasync(int fd)
{
    static __typeof__(&fdatasync)  real;

    if (real == NULL) {
        real = next(fdatasync);
    }

    return fails_fd("fdatasync", fd) ? -1 : real(fd);
}


int
close(int fd)
{
    int  failed;

    static __typeof__(&close)  real;

    if (real == NULL) {
        real = next(close);
    }

    failed = fails_fd("close", fd);

    return real(fd) == -1 || failed ? -1 : 0;
}


int
rename(const char *from, const char *to)
{
    static __typeof__(&rename)  real;

    if (real == NULL) {
        real = next(rename);
    }

    return shared != NULL && fails("rename", from) ? -1 : real(from, to);
}


ssize_t
read(int fd, void *p, size_t n)
{
    static __typeof__(&read)  real;

    if (real == NULL) {
        real = next(read);
    }

    return fails_fd("read", fd) ? -1 : real(fd, p, n);
}


ssize_t
pread(int fd, void *p, size_t n, off_t at)
{
    static __typeof__(&pread)  real;

    if (real == NULL) {
        real = next(pread);
    }

    return fails_fd("pread", fd) ? -1 : real(fd, p, n, at);
}


ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
    static __typeof__(&pwrite)  real;

    if (real == NULL) {
        real = next(pwrite);
    }

    if (fails_fd("pwrite", fd)) {
        return -1;
    }

    if (shared != NULL && n > 1 && fails_fd("pshort", fd)) {
        return real(fd, p, n / 2, at);
    }

    return real(fd, p, n, at);
}


int
ftruncate(int fd, off_t n)
{
    static __typeof__(&ftruncate)  real;

    if (real == NULL) {
        real = next(ftruncate);
    }

    return fails_fd("ftruncate", fd) ? -1 : real(fd, n);
}


int
renameat(int at, const char *from, int to, const char *name)
{
    static __typeof__(&renameat)  real;

    if (real == NULL) {
        real = next(renameat);
    }

    return shared != NULL && fails("renameat", from) ? -1
           : real(at, from, to, name);
}
