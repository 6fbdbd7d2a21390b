/*
 * An allocator that fails at random, for t/memory.t: to be loaded before the C
 * library (LD_PRELOAD).
 *
 * The file that KS_MEMORY names says which processes lack memory and how often,
 * and is told how often they did.  A process that is not in it has all it wants.
 */

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


#define PROCESSES  8

typedef struct {
    uint32_t  one_in;                   /* calls that fail; 0: none */
    uint32_t  failed;
    uint32_t  seed;
    int32_t   pid[PROCESSES];           /* 0: the end */
} memory_t;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static memory_t  *shared;
static uint64_t   state;


static void __attribute__((constructor))
attach(void)
{
    int          fd;
    const char  *path;

    path = getenv("KS_MEMORY");
    fd = path ? open(path, O_RDWR|O_CLOEXEC) : -1;

    if (fd == -1) {
        return;
    }

    shared = mmap(NULL, sizeof(memory_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd,
                  0);
    close(fd);

    if (shared == MAP_FAILED) {
        shared = NULL;
    }
}


/* xorshift64 */

static int
fails(void)
{
    int      i;
    int32_t  pid;

    if (shared == NULL || shared->one_in == 0) {
        return 0;
    }

    pid = getpid();

    for (i = 0; i < PROCESSES && shared->pid[i] != pid; i++) {
        if (shared->pid[i] == 0) {
            return 0;
        }
    }

    if (i == PROCESSES) {
        return 0;
    }

    if (state == 0) {
        state = (uint64_t) shared->seed << 32 ^ (uint64_t) pid << 8 ^ 1;
    }

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;

    if ((state >> 16) % shared->one_in != 0) {
        return 0;
    }

    __atomic_fetch_add(&shared->failed, 1, __ATOMIC_RELAXED);
    errno = ENOMEM;

    return 1;
}


void *
malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}


void *
calloc(size_t n, size_t size)
{
    return fails() ? NULL : __libc_calloc(n, size);
}


void *
realloc(void *p, size_t size)
{
    return fails() ? NULL : __libc_realloc(p, size);
}


void *
memalign(size_t align, size_t size)
{
    return fails() ? NULL : __libc_memalign(align, size);
}


void *
aligned_alloc(size_t align, size_t size)
{
    return fails() ? NULL : __libc_memalign(align, size);
}


int
posix_memalign(void **p, size_t align, size_t size)
{
    *p = fails() ? NULL : __libc_memalign(align, size);

    return *p ? 0 : ENOMEM;
}
