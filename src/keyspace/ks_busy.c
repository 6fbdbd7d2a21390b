/*
 * Telling of a script that takes long.
 *
 * The owner's word is taken by whoever finds it free, or a dead process's, or
 * past its time.  What belongs to it is written between two turns, the first of
 * which is odd.  A reader trusts its copy if the turn is even, and the same
 * before and behind.  It checks the lengths in the text nevertheless, because
 * two writers are not kept apart for certain.
 */

#include "keyspace/ks_busy.h"
#include "keyspace/ks_keyspace.h"
#include "memory/ks_process.h"

#include <time.h>


#define KS_BUSY_TAKEN   (1ull << 63)    /* in an owner's word */
#define KS_BUSY_TRIES   10
#define KS_BUSY_PARTS   64              /* of the text, at most */

typedef uint16_t  ks_busy_len_t;        /* before each part of the text */


static inline ks_busy_t *
ks_busy_of(const ks_space_t *sp)
{
    return &sp->mem.zone->busy;
}


/* The wall clock, read anew: the handle's stands still while a script runs. */

static uint64_t
ks_busy_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}


static uint64_t
ks_busy_self(const ks_space_t *sp)
{
    uint64_t  birth;

    birth = sp->mem.process < KS_PROCESSES ? ks_process_birth(&sp->mem) : 0;

    return KS_BUSY_TAKEN | ((uint64_t) sp->mem.process << 32) | birth;
}


/* A process without a row lives as long as it says. */

static int
ks_busy_runs(ks_space_t *sp, uint64_t owner)
{
    unsigned  process;

    process = (unsigned) ((owner & ~KS_BUSY_TAKEN) >> 32);

    return owner != 0
           && __atomic_load_n(&ks_busy_of(sp)->until, __ATOMIC_RELAXED)
              > ks_busy_clock()
           && (process >= KS_PROCESSES
               || ks_process_lives(&sp->mem, process, (uint32_t) owner));
}


/* --- telling --- */

/* A part that does not fit is cut off; 0: there is no room for more. */

static int
ks_busy_add(ks_busy_t *b, const ks_str_t *part)
{
    size_t         room;
    ks_busy_len_t  len;

    if (b->len + sizeof(len) > KS_BUSY_TEXT) {
        return 0;
    }

    room = KS_BUSY_TEXT - b->len - sizeof(len);
    len = (ks_busy_len_t) ks_min(part->len, room);

    memcpy(b->text + b->len, &len, sizeof(len));
    b->len = (uint16_t) (b->len + sizeof(len));

    if (len != 0) {
        memcpy(b->text + b->len, part->data, len);
        b->len = (uint16_t) (b->len + len);
    }

    return len == part->len;
}


static void
ks_busy_write(ks_busy_t *b, const ks_busy_script_t *s, uint64_t ms)
{
    int  i, room;

    b->since = ks_busy_clock();
    __atomic_store_n(&b->until, b->since + ms, __ATOMIC_RELAXED);
    b->function = s->function;
    b->len = 0;

    room = ks_busy_add(b, &s->name);

    for (i = 0; room && i < s->argc && i < KS_BUSY_PARTS - 1; i++) {
        room = ks_busy_add(b, &s->argv[i]);
    }
}


int
ks_busy_tell(ks_space_t *sp, const ks_busy_script_t *s, uint64_t ms)
{
    uint32_t    turn;
    uint64_t    owner;
    ks_busy_t  *b;

    b = ks_busy_of(sp);
    owner = __atomic_load_n(&b->owner, __ATOMIC_RELAXED);

    if (ks_busy_runs(sp, owner)
        || !__atomic_compare_exchange_n(&b->owner, &owner, ks_busy_self(sp), 0,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    {
        return 0;
    }

    turn = b->turn | 1;
    __atomic_store_n(&b->turn, turn, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);

    ks_busy_write(b, s, ms);

    __atomic_store_n(&b->turn, turn + 1, __ATOMIC_RELEASE);

    return 1;
}


void
ks_busy_end(ks_space_t *sp)
{
    uint64_t  owner;

    owner = ks_busy_self(sp);

    (void) __atomic_compare_exchange_n(&ks_busy_of(sp)->owner, &owner, 0, 0,
                                       __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}


/* --- looking --- */

/* a copy that nobody has written to meanwhile; or KS_ERR */

static int
ks_busy_copy(const ks_busy_t *b, ks_busy_t *copy)
{
    uint32_t  turn;

    turn = __atomic_load_n(&b->turn, __ATOMIC_ACQUIRE);
    memcpy(copy, b, sizeof(ks_busy_t));
    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return (turn & 1) == 0
           && __atomic_load_n(&b->turn, __ATOMIC_RELAXED) == turn
           ? KS_OK : KS_ERR;
}


/* The parts of a text, which has to stay; how many there are. */

static int
ks_busy_parts(const ks_busy_t *b, ks_str_t *parts)
{
    int            n;
    size_t         at, size;
    ks_busy_len_t  len;

    size = ks_min(b->len, (size_t) KS_BUSY_TEXT);

    for (n = 0, at = 0;
         n < KS_BUSY_PARTS && at + sizeof(len) <= size;
         n++, at += len)
    {
        memcpy(&len, b->text + at, sizeof(len));
        at += sizeof(len);

        if (len > size - at) {
            break;
        }

        parts[n].data = (u_char *) b->text + at;
        parts[n].len = len;
    }

    return n;
}


int
ks_busy_look(ks_space_t *sp, ks_busy_script_t *s)
{
    int         i, n;
    uint64_t    now, owner;
    ks_str_t   *parts;
    ks_busy_t  *b, *copy;

    b = ks_busy_of(sp);
    owner = __atomic_load_n(&b->owner, __ATOMIC_RELAXED);

    /* what this process runs is the command that asks: its script has ended */

    if (owner == ks_busy_self(sp) || !ks_busy_runs(sp, owner)) {
        return 0;
    }

    if (s == NULL) {
        return 1;
    }

    copy = ks_arena_alloc(sp, sizeof(ks_busy_t));
    parts = ks_arena_alloc(sp, KS_BUSY_PARTS * sizeof(ks_str_t));

    for (i = 0; ks_busy_copy(b, copy) != KS_OK; i++) {
        if (i == KS_BUSY_TRIES) {
            return 0;
        }
    }

    n = ks_busy_parts(copy, parts);

    if (n == 0) {
        return 0;
    }

    now = ks_busy_clock();

    s->function = (copy->function != 0);
    s->name = parts[0];
    s->argc = n - 1;
    s->argv = parts + 1;
    s->ms = now > copy->since ? now - copy->since : 0;

    return 1;
}
