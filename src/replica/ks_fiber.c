/*
 * By the C library's contexts.  A page that nobody may touch is below the
 * stack, so that one that is too small ends the process instead of its data.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* MAP_STACK */
#endif

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "replica/ks_fiber.h"

#if defined(__SANITIZE_ADDRESS__)
#define KS_FIBER_ASAN  1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KS_FIBER_ASAN  1
#endif
#endif

#ifdef KS_FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif


#define KS_FIBER_STACK  (1024u * 1024)
#define KS_FIBER_GUARD  4096u

struct ks_fiber_s {
    ucontext_t    own;
    ucontext_t    outer;
    int         (*run)(void *data);
    void         *data;
    u_char       *stack;
    int           rc;
    unsigned      ended:1;

    /* for the sanitizer */
    const void   *outer_stack;
    size_t        outer_size;
    void         *fake;
};


static inline void
ks_fiber_leaves(void **fake, const void *stack, size_t size)
{
#ifdef KS_FIBER_ASAN
    __sanitizer_start_switch_fiber(fake, stack, size);
#else
    (void) fake;
    (void) stack;
    (void) size;
#endif
}


static inline void
ks_fiber_enters(void *fake, const void **stack, size_t *size)
{
#ifdef KS_FIBER_ASAN
    __sanitizer_finish_switch_fiber(fake, stack, size);
#else
    (void) fake;
    (void) stack;
    (void) size;
#endif
}


/* makecontext() passes integers, so a pointer comes in two halves */

static void
ks_fiber_main(unsigned high, unsigned low)
{
    ks_fiber_t  *f;

    f = (ks_fiber_t *) (uintptr_t) ((uint64_t) high << 32 | low);

    ks_fiber_enters(NULL, &f->outer_stack, &f->outer_size);

    f->rc = f->run(f->data);
    f->ended = 1;

    ks_fiber_leaves(NULL, f->outer_stack, f->outer_size);
    swapcontext(&f->own, &f->outer);
}


static void
ks_fiber_prepare(ks_fiber_t *f)
{
    uint64_t  at;

    at = (uint64_t) (uintptr_t) f;

    f->own.uc_stack.ss_sp = f->stack;
    f->own.uc_stack.ss_size = KS_FIBER_STACK;
    f->own.uc_link = NULL;

    makecontext(&f->own, (void (*)(void)) ks_fiber_main, 2,
                (unsigned) (at >> 32), (unsigned) at);
}


/* getcontext() may return twice for a compiler, so no local is used after it */

static ks_fiber_t *
ks_fiber_made(ks_fiber_t *const f)
{
    getcontext(&f->own);
    ks_fiber_prepare(f);

    return f;
}


ks_fiber_t *
ks_fiber_open(int (*run)(void *data), void *data)
{
    ks_fiber_t  *f;

    f = calloc(1, sizeof(ks_fiber_t));

    if (f == NULL) {
        return NULL;
    }

    f->stack = mmap(NULL, KS_FIBER_STACK, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK,
                    -1, 0);

    if (f->stack == MAP_FAILED) {
        free(f);
        return NULL;
    }

    (void) mprotect(f->stack, KS_FIBER_GUARD, PROT_NONE);

    f->run = run;
    f->data = data;
    f->rc = KS_AGAIN;

    return ks_fiber_made(f);
}


void
ks_fiber_close(ks_fiber_t *f)
{
    munmap(f->stack, KS_FIBER_STACK);
    free(f);
}


int
ks_fiber_resume(ks_fiber_t *f)
{
    void  *fake;

    if (f->ended) {
        return f->rc;
    }

    fake = NULL;
    ks_fiber_leaves(&fake, f->stack, KS_FIBER_STACK);
    swapcontext(&f->outer, &f->own);
    ks_fiber_enters(fake, NULL, NULL);

    return f->ended ? f->rc : KS_AGAIN;
}


void
ks_fiber_pause(ks_fiber_t *f)
{
    ks_fiber_leaves(&f->fake, f->outer_stack, f->outer_size);
    swapcontext(&f->own, &f->outer);
    ks_fiber_enters(f->fake, &f->outer_stack, &f->outer_size);
}
