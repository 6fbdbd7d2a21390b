/*
 * One instruction and no more: what a handler of SIGSEGV does to have the store
 * that has faulted executed alone, before a SIGTRAP.
 *
 * x86-64 has a flag for it.  64-bit Arm has none that a program may set: there
 * the instruction is executed in a page of its own, where a breakpoint follows.
 * A store does not depend on where it lies.  The second half of a pair of
 * exclusive instructions fails after any signal, so that the program would try
 * it again for ever: code for that test uses the atomic instructions of
 * ARMv8.1, as libgcc and libc do where the processor has them.
 */

#ifndef ONE_STORE_H
#define ONE_STORE_H

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>


#if defined(__x86_64__)

#define TRAP_FLAG  0x100


/* before the handlers are in place; 0, or -1 where it cannot be done */

static inline int
one_store_init(void)
{
    return 0;
}


/* at the store */

static inline void
one_store_go(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}


/* behind it */

static inline void
one_store_gone(ucontext_t *uc)
{
    uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

#elif defined(__aarch64__)

#define BREAKPOINT      0xd4200000u
#define EXCLUSIVE       0x3fe00000u     /* of these bits of an instruction
                                           ... */
#define EXCLUSIVE_IS    0x08000000u     /* ... STXR and STLXR have these */

static uint32_t  *one_place;            /* two instructions */
static uint64_t   one_from;


static inline int
one_store_init(void)
{
    one_place = mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC,
                     MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    return one_place == MAP_FAILED ? -1 : 0;
}


static inline void
one_store_go(ucontext_t *uc)
{
    one_from = uc->uc_mcontext.pc;
    one_place[0] = *(uint32_t *) one_from;
    one_place[1] = BREAKPOINT;

    if ((one_place[0] & EXCLUSIVE) == EXCLUSIVE_IS) {
        _exit(5);
    }

    __builtin___clear_cache((char *) one_place, (char *) (one_place + 2));
    uc->uc_mcontext.pc = (uint64_t) one_place;
}


static inline void
one_store_gone(ucontext_t *uc)
{
    uc->uc_mcontext.pc = one_from + 4;
}

#else
#error "how is a single instruction executed on this machine?"
#endif

#endif
