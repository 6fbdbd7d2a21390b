/*
 * A process dies at every single store of every write path.
 *
 * A child runs one operation on a shared zone that it may only read: a store
 * faults, is let through alone (one instruction, with the trap flag), and
 * then the child waits.  The parent takes a copy of the zone
 * as it is at that moment, marks the locks that were held as a dead man's
 * (which is what the kernel does), lets the next one lock, recover and check
 * it, and reads all keys back: they must be all as before the operation or all
 * as after it, and once they are as after it they stay so.  At some of the
 * stores the recovery itself is killed at each of its stores in the same way.
 */

#define _GNU_SOURCE                     /* REG_EFL */

#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "engine_test.h"


#define SIZE      (384u * 1024)
#define SHARDS    4
#define CROWD     24                    /* keys from here on share a bucket */
#define NKEYS     (CROWD + KS_BUCKET_SLOTS + 3)
#define OWNER_DIED  0x40000000          /* FUTEX_OWNER_DIED */

typedef void (*op_pt)(ks_space_t *sp);

static u_char      *zone_mem;           /* what the child works on */
static u_char      *copy;               /* as the dead process left it */
static u_char      *copy2;
static ks_space_t  *probe;              /* a handle on copy */
static ks_space_t  *probe2;
static ks_str_t     keys[NKEYS];
static u_char       bytes[200000];
static u_char       longkey[2000];
static char         names[NKEYS][16];


/* --- the operations --- */

static uint64_t
all(ks_space_t *sp)
{
    return ks_all_shards(sp);
}


static void
set(ks_space_t *sp, int k, size_t off, size_t len, uint64_t at)
{
    assert_int_equal(kv_set(sp, keys[k], bytes + off, len, at), KS_OK);
}


static void
put(ks_space_t *sp, int k, size_t off, size_t len)
{
    kv_t  kv = { .key = keys[k], .off = off, .value = { len, bytes + 777 } };

    kv_run(sp, kv_write_body, &kv);
}


static void
del(ks_space_t *sp, int k)
{
    kv_del(sp, keys[k]);
}


static void
expire(ks_space_t *sp, int k, uint64_t at)
{
    kv_t  kv = { .key = keys[k], .at = at };

    kv_run(sp, kv_expire_body, &kv);
}


static void
two(ks_space_t *sp, ks_body_pt body, int k, int k2)
{
    kv_t  kv = { .key = keys[k], .to = keys[k2] };

    assert_int_equal(kv_run(sp, body, &kv), KS_OK);
}


typedef struct {
    int     n;
    size_t  len;
} many_t;


static void
many_body(ks_space_t *sp, void *data)
{
    int          i;
    many_t      *j = data;
    ks_str_t     v;
    ks_entry_t  *e;

    for (i = 0; i < j->n; i++) {
        v.data = bytes + 5 * i;
        v.len = j->len;
        e = ks_lookup(sp, &keys[i], KS_LOOKUP_WRITE);
        ks_string_set(sp, &keys[i], e, &v, KS_ENC_RAW, KS_NO_EXPIRE);
    }
}


static void
many(ks_space_t *sp, int n, size_t len)
{
    many_t  j = { .n = n, .len = len };

    ks_transact(sp, all(sp), many_body, &j);
}


static void
flush_body(ks_space_t *sp, void *data)
{
    (void) data;
    ks_flush(sp);
}


static void
flush_logged_body(ks_space_t *sp, void *data)
{
    kv_set_body(sp, data);
    ks_flush(sp);
}


/* every kind of value and key, with and without a TTL */

static void
prepare(ks_space_t *sp)
{
    int  k;

    for (k = 0; k < 14; k++) {
        set(sp, k, (size_t) k * 100, 40, k % 3 ? KS_NO_EXPIRE : NOW + 5000 + k);
    }

    set(sp, 1, 50, 9000, KS_NO_EXPIRE);         /* a blob of three pieces */
    set(sp, 3, 60, 9000, NOW + 60000);
    set(sp, 14, 0, 20000, KS_NO_EXPIRE);        /* a long key */
    set(sp, 15, 0, 10, NOW + 700000);
    set(sp, 5, 0, 3000, KS_NO_EXPIRE);
    set(sp, 7, 0, 4000, KS_NO_EXPIRE);          /* a blob of one piece */
}

static void op_new(ks_space_t *sp) { set(sp, 20, 10, 64, KS_NO_EXPIRE); }
static void op_new_ttl(ks_space_t *sp) { set(sp, 20, 10, 64, NOW + 99); }
static void op_new_blob(ks_space_t *sp) { set(sp, 21, 10, 30000, NOW + 99); }
static void op_new_long(ks_space_t *sp) { set(sp, 22, 10, 5000, NOW + 99); }
static void op_inplace(ks_space_t *sp) { set(sp, 2, 900, 41, KS_NO_EXPIRE); }
static void op_inplace_ttl(ks_space_t *sp) { set(sp, 6, 900, 40, NOW + 88888); }
static void op_larger(ks_space_t *sp) { set(sp, 6, 900, 600, KS_NO_EXPIRE); }
static void op_to_blob(ks_space_t *sp) { set(sp, 6, 900, 7000, NOW + 1); }
static void op_from_blob(ks_space_t *sp) { set(sp, 3, 900, 70, KS_KEEP_TTL); }
static void op_append(ks_space_t *sp) { put(sp, 4, 40, 3); }
static void op_append_grow(ks_space_t *sp) { put(sp, 4, 40, 3000); }
static void op_append_blob(ks_space_t *sp) { put(sp, 3, 9000, 300); }
static void op_append_blob2(ks_space_t *sp) { put(sp, 3, 9000, 9000); }
static void op_range_blob(ks_space_t *sp) { put(sp, 3, 100, 5000); }
static void op_range(ks_space_t *sp) { put(sp, 4, 5, 20); }
static void op_range_piece(ks_space_t *sp) { put(sp, 7, 100, 2000); }
static void op_range_far(ks_space_t *sp) { put(sp, 6, 30000, 100); }
static void op_range_new(ks_space_t *sp) { put(sp, 23, 5000, 100); }
static void op_del(ks_space_t *sp) { del(sp, 2); }
static void op_del_ttl(ks_space_t *sp) { del(sp, 6); }
static void op_del_blob(ks_space_t *sp) { del(sp, 3); }
static void op_del_long(ks_space_t *sp) { del(sp, 14); }
static void op_expire(ks_space_t *sp) { expire(sp, 2, NOW + 100); }
static void op_expire_move(ks_space_t *sp) { expire(sp, 6, NOW + 1000000); }
static void op_persist(ks_space_t *sp) { expire(sp, 3, KS_NO_EXPIRE); }
static void op_rename(ks_space_t *sp) { two(sp, kv_rename_body, 0, 20); }
static void op_rename_over(ks_space_t *sp) { two(sp, kv_rename_body, 2, 3); }
static void op_rename_blob(ks_space_t *sp) { two(sp, kv_rename_body, 1, 20); }
static void op_rename_blob2(ks_space_t *sp) { two(sp, kv_rename_body, 3, 21); }
static void op_rename_long(ks_space_t *sp) { two(sp, kv_rename_body, 14, 23); }
static void op_copy(ks_space_t *sp) { two(sp, kv_copy_body, 0, 20); }
static void op_copy_blob(ks_space_t *sp) { two(sp, kv_copy_body, 3, 22); }

/* more keys than a bucket holds come and go; one takes another's slot */

static void
crowd_body(ks_space_t *sp, void *data)
{
    int   k;
    kv_t  kv = { .value = { 50, bytes + 5 } };

    (void) data;

    for (k = NKEYS - 3; k < NKEYS; k++) {
        kv.key = keys[k];
        kv_set_body(sp, &kv);
    }
}

static void
uncrowd_body(ks_space_t *sp, void *data)
{
    int   k;
    kv_t  kv;

    (void) data;

    for (k = NKEYS - 8; k < NKEYS; k++) {
        kv.key = keys[k];
        kv_del_body(sp, &kv);
    }
}

static void
swap_body(ks_space_t *sp, void *data)
{
    kv_t  kv = { .key = keys[CROWD + 2], .value = { 70, bytes + 5 } };

    (void) data;

    kv_del_body(sp, &kv);
    kv.key = keys[NKEYS - 1];
    kv_set_body(sp, &kv);
}

static void
op_crowd(ks_space_t *sp)
{
    ks_transact(sp, all(sp), crowd_body, NULL);
}

static void
op_uncrowd(ks_space_t *sp)
{
    ks_transact(sp, all(sp), uncrowd_body, NULL);
}

static void
op_swap(ks_space_t *sp)
{
    ks_transact(sp, all(sp), swap_body, NULL);
}

static void
setup_crowd(ks_space_t *sp)
{
    int  k;

    for (k = CROWD; k < NKEYS - 3; k++) {
        set(sp, k, 100, 50, KS_NO_EXPIRE);
    }
}

static void
setup_uncrowd(ks_space_t *sp)
{
    setup_crowd(sp);
    op_crowd(sp);
}

/* three pages of five entries; the second one is left by its last */

static void
setup_release(ks_space_t *sp)
{
    int  k;

    for (k = 0; k < 15; k++) {
        set(sp, CROWD + k, 100, 700, KS_NO_EXPIRE);
    }

    del(sp, CROWD);

    for (k = 5; k < 9; k++) {
        del(sp, CROWD + k);
    }

    del(sp, CROWD + 10);
}

static void op_release(ks_space_t *sp) { del(sp, CROWD + 9); }

/* the only TTL that there is; the wheel has not been turned for long */

static void
setup_lone(ks_space_t *sp)
{
    int  k;

    for (k = 0; k < 16; k += 3) {
        del(sp, k);
    }

    set(sp, 2, 0, 40, NOW + 1000000000);
}

static void op_lone(ks_space_t *sp) { expire(sp, 2, NOW + 900000000); }
static void op_late(ks_space_t *sp) { set(sp, 2, 9, 40, NOW + 30000000000); }

/* more than one page of log, and of the one after it */

static void
spill_body(ks_space_t *sp, void *data)
{
    size_t  i;
    kv_t    kv = { .value = { 900, bytes + 4000 } };

    (void) data;

    for (i = 0; i < 12; i++) {
        kv.key = keys[i % 2 ? 3 : 1];
        kv.off = i / 4 * 4096 % 8192 + i % 4 / 2 * 1000;
        kv.value.data += i;
        kv_write_body(sp, &kv);
    }
}

static void
op_spill(ks_space_t *sp)
{
    ks_transact(sp, all(sp), spill_body, NULL);
}

/* several changes of what was moved a moment ago, and back */

static void
wander_body(ks_space_t *sp, void *data)
{
    kv_t  *there = data;
    kv_t   back = *there, grown = *there;

    back.key = there->to;
    back.to = there->key;

    grown.key = there->to;
    grown.off = 3000;
    grown.value.data = bytes + 11;
    grown.value.len = 8000;

    kv_rename_body(sp, there);
    kv_write_body(sp, &grown);
    kv_rename_body(sp, &back);
    kv_copy_body(sp, there);
    kv_del_body(sp, &back);
}

static void op_wander(ks_space_t *sp) { two(sp, wander_body, 3, 21); }
static void op_many(ks_space_t *sp) { many(sp, 24, 60); }
static void op_many_blobs(ks_space_t *sp) { many(sp, 6, 5000); }
static void op_reclaim(ks_space_t *sp) { ks_reclaim(sp, 1000); }

static void
op_flush(ks_space_t *sp)
{
    ks_transact(sp, all(sp), flush_body, NULL);
}

static void
op_flush_logged(ks_space_t *sp)
{
    kv_t  kv = { .key = keys[20], .value = { 10, bytes } };

    ks_transact(sp, all(sp), flush_logged_body, &kv);
}

static void
op_turn(ks_space_t *sp)
{
    ks_expire_cycle(sp, 100);
}

static void
op_turn_far(ks_space_t *sp)
{
    ks_expire_cycle(sp, 100);
}


/* --- reading back --- */

static uint64_t
mix(uint64_t h, const u_char *p, size_t n)
{
    static const uint64_t  seed[2] = { 1, 2 };

    return h * 31 + ks_siphash(seed, p, n);
}


static void
dump_body(ks_space_t *sp, void *data)
{
    int           k;
    size_t        n, off;
    uint64_t      at, *h = data;
    ks_entry_t   *e;
    const u_char *p;

    for (k = 0; k < NKEYS; k++) {
        e = ks_lookup(sp, &keys[k], KS_LOOKUP_PEEK);
        at = e ? ks_entry_expire(e) + 1 : 0;
        *h = mix(*h, (u_char *) &at, sizeof(at));

        for (off = 0; e && (p = ks_string_run(sp, e, off, &n), n); off += n) {
            *h = mix(*h + n, p, n);
        }
    }
}


static uint64_t
dump(ks_space_t *sp)
{
    uint64_t  h = 0;

    ks_transact(sp, all(sp), dump_body, &h);
    return h;
}


/* --- dying --- */

/* the kernel's part: locks of the dead are marked so, and free */

static void
bury(u_char *to, const u_char *from, ks_space_t *sp)
{
    int       *futex;
    unsigned   i;

    memcpy(to, from, SIZE);

    for (i = 0; i <= SHARDS; i++) {
        futex = (int *) (i < SHARDS ? &sp->mem.shards[i].mutex
                                    : &sp->mem.zone->pool.mutex);
        if (*futex) {
            *futex = OWNER_DIED;
        }
    }
}


static uint64_t
recovered_state(ks_space_t *sp, const char *name, long step)
{
    if (ks_check(sp, report, (void *) name)) {
        fail_msg("%s: faults after a death at step %ld", name, step);
    }

    return dump(sp);
}


/* --- one store at a time --- */

typedef struct {
    pid_t  pid;
    int    stored;                      /* a byte from the child: it has */
    int    go;                          /* a byte to the child: go on */
} victim_t;

static u_char  *guarded;
static int      said, heard;

#define TRAP_FLAG  0x100


static void
on_store(int sig, siginfo_t *info, void *context)
{
    ucontext_t  *uc = context;

    (void) sig;

    if ((u_char *) info->si_addr < guarded
        || (u_char *) info->si_addr >= guarded + SIZE)
    {
        _exit(3);                       /* a fault of its own */
    }

    mprotect(guarded, SIZE, PROT_READ|PROT_WRITE);
    uc->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}


static void
on_stored(int sig, siginfo_t *info, void *context)
{
    char         c = 's';
    ucontext_t  *uc = context;

    (void) sig;
    (void) info;

    uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    mprotect(guarded, SIZE, PROT_READ);

    if (write(said, &c, 1) != 1 || read(heard, &c, 1) != 1) {
        _exit(4);
    }
}


static victim_t
spawn_victim(ks_space_t *sp, u_char *mem, op_pt op)
{
    int               out[2], in[2];
    victim_t          v;
    struct sigaction  sa;

    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(in), 0);

    v.pid = fork();

    if (v.pid == 0) {
        close(out[0]);
        close(in[1]);

        guarded = mem;
        said = out[1];
        heard = in[0];

        memset(&sa, 0, sizeof(sa));
        sa.sa_flags = SA_SIGINFO;
        sa.sa_sigaction = on_store;
        sigaction(SIGSEGV, &sa, NULL);
        sa.sa_sigaction = on_stored;
        sigaction(SIGTRAP, &sa, NULL);

        mprotect(mem, SIZE, PROT_READ);
        op(sp);
        _exit(0);
    }

    close(out[1]);
    close(in[0]);
    v.stored = out[0];
    v.go = in[1];

    return v;
}


/* lets it go on to its next store; whether there was one */

static int
next_store(victim_t *v, int first)
{
    int   status;
    char  c = 'g';

    if (!first) {
        assert_int_equal(write(v->go, &c, 1), 1);
    }

    if (read(v->stored, &c, 1) == 1) {
        return 1;
    }

    assert_int_equal(waitpid(v->pid, &status, 0), v->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    close(v->stored);
    close(v->go);

    return 0;
}


static void
lock_all(ks_space_t *sp)
{
    ks_lock(&sp->mem, all(sp));
    ks_unlock(&sp->mem);
}


/*
 * The recovery of copy dies at each of its stores, up to some number: long
 * logs are applied in a loop.
 */

static long
die_recovering(const char *name, uint64_t state)
{
    long       n;
    u_char    *before;
    victim_t   v;

    before = malloc(SIZE);
    memcpy(before, copy, SIZE);
    v = spawn_victim(probe, copy, lock_all);

    for (n = 0; next_store(&v, n == 0); n++) {

        if (n > 40 && n % 16) {
            continue;
        }

        bury(copy2, copy, probe2);

        if (recovered_state(probe2, name, n) != state) {
            fail_msg("%s: a recovery that died came to another state", name);
        }
    }

    memcpy(copy, before, SIZE);
    free(before);

    return n;
}


static void
die_everywhere(const char *name, op_pt op, op_pt setup, uint64_t now)
{
    long         stores, nested;
    u_char      *start;
    uint64_t     before, after, state;
    victim_t     v;
    const char  *err;
    ks_zone_t   *zone;
    ks_space_t  *sp, saved;

    zone = ks_zone_create_sharded(zone_mem, SIZE, SHARDS,
                                  SEED, NOW, &err);
    assert_non_null(zone);
    sp = ks_space_open(zone);
    ks_space_set_time(sp, NOW);

    prepare(sp);

    if (setup) {
        setup(sp);
    }

    ks_space_set_time(sp, now);
    ks_space_set_time(probe, NOW);
    ks_space_set_time(probe2, NOW);

    /* what it is before, and what it comes to */

    memcpy(copy, zone_mem, SIZE);
    before = recovered_state(probe, name, -1);

    start = malloc(SIZE);
    memcpy(start, zone_mem, SIZE);
    saved = *sp;

    op(sp);

    memcpy(copy, zone_mem, SIZE);
    after = recovered_state(probe, name, -2);

    memcpy(zone_mem, start, SIZE);
    free(start);
    saved.arena = sp->arena;
    *sp = saved;

    state = before;
    nested = 0;
    v = spawn_victim(sp, zone_mem, op);

    for (stores = 0; next_store(&v, stores == 0); stores++) {

        if (stores % 37 == 5 && nested < 20000) {
            bury(copy, zone_mem, probe);
            bury(copy2, copy, probe2);
            nested += die_recovering(name,
                                     recovered_state(probe2, name, stores));
        }

        bury(copy, zone_mem, probe);

        if (recovered_state(probe, name, stores) != state) {
            assert_int_equal(state, before);    /* once, and to the end state */
            state = after;
            bury(copy, zone_mem, probe);
            assert_int_equal(recovered_state(probe, name, stores), after);
        }
    }

    print_message("%-16s %6ld stores, %6ld in recovery\n", name, stores,
                  nested);

    assert_true(stores > 0);
    assert_int_equal(state, after);

    ks_space_close(sp);
}


#define op_test(name, setup, now)                                             \
    static void                                                               \
    test_##name(void **state)                                                 \
    {                                                                         \
        (void) state;                                                         \
        die_everywhere(#name, op_##name, setup, now);                         \
    }

op_test(new, NULL, NOW)
op_test(new_ttl, NULL, NOW)
op_test(new_blob, NULL, NOW)
op_test(new_long, NULL, NOW)
op_test(inplace, NULL, NOW)
op_test(inplace_ttl, NULL, NOW)
op_test(larger, NULL, NOW)
op_test(to_blob, NULL, NOW)
op_test(from_blob, NULL, NOW)
op_test(append, NULL, NOW)
op_test(append_grow, NULL, NOW)
op_test(append_blob, NULL, NOW)
op_test(append_blob2, NULL, NOW)
op_test(range_blob, NULL, NOW)
op_test(range, NULL, NOW)
op_test(range_piece, NULL, NOW)
op_test(range_far, NULL, NOW)
op_test(range_new, NULL, NOW)
op_test(del, NULL, NOW)
op_test(del_ttl, NULL, NOW)
op_test(del_blob, NULL, NOW)
op_test(del_long, NULL, NOW)
op_test(expire, NULL, NOW)
op_test(expire_move, NULL, NOW)
op_test(persist, NULL, NOW)
op_test(rename, NULL, NOW)
op_test(rename_over, NULL, NOW)
op_test(rename_blob, NULL, NOW)
op_test(rename_blob2, NULL, NOW)
op_test(rename_long, NULL, NOW)
op_test(copy, NULL, NOW)
op_test(copy_blob, NULL, NOW)
op_test(crowd, setup_crowd, NOW)
op_test(uncrowd, setup_uncrowd, NOW)
op_test(swap, setup_crowd, NOW)
op_test(release, setup_release, NOW)
op_test(lone, setup_lone, NOW + 500000000)
op_test(late, setup_lone, NOW + 20000000000)
op_test(spill, NULL, NOW)
op_test(wander, NULL, NOW)
op_test(many, NULL, NOW)
op_test(many_blobs, NULL, NOW)
op_test(flush, NULL, NOW)
op_test(flush_logged, NULL, NOW)

/* background work changes nothing that can be seen */

static void
setup_reclaim(ks_space_t *sp)
{
    set(sp, 20, 0, 100000, KS_NO_EXPIRE);
    del(sp, 20);
    del(sp, 14);
}

op_test(reclaim, setup_reclaim, NOW)
op_test(turn, NULL, NOW + 5003)


/* one key, and far enough to be cascaded over two levels on the way */

static void
setup_turn_far(ks_space_t *sp)
{
    int  k;

    for (k = 0; k < 16; k += 3) {
        del(sp, k);
    }

    set(sp, 13, 0, 100, NOW + 650000);
    set(sp, 10, 0, 100, NOW + 660000);
}

op_test(turn_far, setup_turn_far, NOW + 650100)


/*
 * Making room: nothing expires, entries move and some are evicted, so what is
 * left must be a part of what was there.  Only the structures are compared.
 */

static void
fill(ks_space_t *sp)
{
    int     i, rc;
    name_t  buf;

    ks_zone_set_policy(ks_space_zone(sp), KS_NOEVICTION);

    for (i = 0, rc = KS_OK; rc == KS_OK && i < 10000; i++) {
        rc = kv_set(sp, name(buf, "fill:%d", i), bytes, 90,
                    i % 3 ? KS_NO_EXPIRE : NOW + 10000 + (unsigned) i % 50);
    }

    assert_int_equal(rc, KS_NOMEM);
    ks_zone_set_policy(ks_space_zone(sp), KS_ALLKEYS_LRU);
}


static void
op_evict(ks_space_t *sp)
{
    set(sp, 20, 0, 10000, KS_NO_EXPIRE);
}


static void
test_evict(void **unused)
{
    long         stores;
    victim_t     v;
    const char  *err;
    ks_zone_t   *zone;
    ks_space_t  *sp;

    (void) unused;

    zone = ks_zone_create_sharded(zone_mem, SIZE, SHARDS,
                                  SEED, NOW, &err);
    sp = ks_space_open(zone);
    ks_space_set_time(sp, NOW);
    fill(sp);

    v = spawn_victim(sp, zone_mem, op_evict);

    for (stores = 0; next_store(&v, stores == 0); stores++) {

        if (stores % 7 == 0) {                  /* there are very many */
            bury(copy, zone_mem, probe);
            recovered_state(probe, "evict", stores);
        }
    }

    print_message("%-16s %6ld stores\n", "evict", stores);
    assert_int_equal(ks_check(sp, report, "evict"), 0);

    ks_space_close(sp);
}


static uint64_t
bucket_of(const ks_str_t *key)
{
    ks_place_t  at;

    at = ks_place(probe, key);

    return (at.hash & 0xffffffff) * ks_space_zone(probe)->nbuckets >> 32
           | (uint64_t) ks_shard_index(&probe->mem, at.shard) << 32;
}


static void
find_crowd(void)
{
    int       i, k;
    uint64_t  bucket;

    bucket = 0;

    for (i = 0, k = CROWD; k < NKEYS; i++) {
        keys[k].len = (size_t) snprintf(names[k], sizeof(names[k]), "crowd:%d",
                                        i);
        keys[k].data = (u_char *) names[k];

        if (k == CROWD) {
            bucket = bucket_of(&keys[k]);
        }

        k += (bucket_of(&keys[k]) == bucket);
    }
}


static int
setup_all(void **state)
{
    int          k;
    size_t       i;
    const char  *err;

    (void) state;

    zone_mem = map_zone(SIZE);
    copy = map_zone(SIZE);
    copy2 = map_zone(SIZE);

    for (i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (u_char) (i * 7 + i / 251);
    }

    for (k = 0; k < CROWD; k++) {
        keys[k].len = (size_t) snprintf(names[k], sizeof(names[k]), "key:%d",
                                        k);
        keys[k].data = (u_char *) names[k];
    }

    memset(longkey, 'k', sizeof(longkey));
    keys[14].data = longkey;
    keys[14].len = 1500;
    keys[22].data = longkey;
    keys[22].len = 2000;

    probe = ks_space_open(ks_zone_create_sharded(copy, SIZE, SHARDS,
                                   SEED, NOW, &err));
    probe2 = ks_space_open(ks_zone_create_sharded(copy2, SIZE, SHARDS,
                                   SEED, NOW, &err));

    find_crowd();

    return probe && probe2 ? 0 : -1;
}


/*
 * libc copies long runs with "rep movs", which traps at every byte; told not
 * to, it uses vector stores, of which there are fewer.
 */

static void
without_rep(char **argv)
{
    const char  *tunables = "glibc.cpu.x86_rep_movsb_threshold=100000000:"
                            "glibc.cpu.x86_rep_stosb_threshold=100000000";

    if (getenv("GLIBC_TUNABLES") == NULL) {
        setenv("GLIBC_TUNABLES", tunables, 1);
        execv("/proc/self/exe", argv);
    }
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_new_ttl),
        cmocka_unit_test(test_new_blob),
        cmocka_unit_test(test_new_long),
        cmocka_unit_test(test_inplace),
        cmocka_unit_test(test_inplace_ttl),
        cmocka_unit_test(test_larger),
        cmocka_unit_test(test_to_blob),
        cmocka_unit_test(test_from_blob),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_append_grow),
        cmocka_unit_test(test_append_blob),
        cmocka_unit_test(test_append_blob2),
        cmocka_unit_test(test_range_blob),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_range_piece),
        cmocka_unit_test(test_range_far),
        cmocka_unit_test(test_range_new),
        cmocka_unit_test(test_del),
        cmocka_unit_test(test_del_ttl),
        cmocka_unit_test(test_del_blob),
        cmocka_unit_test(test_del_long),
        cmocka_unit_test(test_expire),
        cmocka_unit_test(test_expire_move),
        cmocka_unit_test(test_persist),
        cmocka_unit_test(test_rename),
        cmocka_unit_test(test_rename_over),
        cmocka_unit_test(test_rename_blob),
        cmocka_unit_test(test_rename_blob2),
        cmocka_unit_test(test_rename_long),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_copy_blob),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_uncrowd),
        cmocka_unit_test(test_swap),
        cmocka_unit_test(test_release),
        cmocka_unit_test(test_lone),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_spill),
        cmocka_unit_test(test_wander),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_many_blobs),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_flush_logged),
        cmocka_unit_test(test_reclaim),
        cmocka_unit_test(test_turn),
        cmocka_unit_test(test_turn_far),
        cmocka_unit_test(test_evict),
    };

    (void) argc;
    without_rep(argv);

    return cmocka_run_group_tests(tests, setup_all, NULL);
}
