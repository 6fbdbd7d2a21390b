/*
 * A process dies at every single store of every write path.
 *
 * A child runs one operation on a shared zone that it may only read: a store
 * faults, is let through alone (one instruction, see one_store.h), and
 * then the child waits.  The parent takes a copy of the zone
 * as it is at that moment, marks the locks that were held as a dead man's
 * (which is what the kernel does), lets the next one lock, recover and check
 * it, and reads all keys back: they must be all as before the operation or all
 * as after it, and once they are as after it they stay so; and then those who
 * watched a key that differs must learn of it, and what is told must be in the
 * journal, and not before.  At some of the stores the
 * recovery itself is killed at each of its stores in the same way.
 */

#define _GNU_SOURCE                     /* REG_EFL */

#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#include "keyspace/ks_wire.h"
#include "one_store.h"
#include "crash_values.h"
#include "crash_stream.h"
#include "crash_json.h"
#include "crash_session.h"
#include "crash_cache.h"
#include "crash_wait.h"
#include "crash_shards.h"
#include "crash_pubsub.h"
#include "crash_users.h"
#include "crash_follow.h"


#define ZONE        (768u * 1024)
#define SIZE        (ZONE + KS_JOURNAL_MIN)
#define SHARDS      4
#define OWNER_DIED  0x40000000          /* FUTEX_OWNER_DIED */

static u_char      *zone_mem;           /* what the child works on */
static u_char      *copy;               /* as the dead process left it */
static u_char      *copy2;
static ks_space_t  *probe;              /* a handle on copy */
static ks_space_t  *probe2;
static u_char       longkey[2000];
static char         names[NKEYS][80];

static uint64_t      values[NKEYS];     /* hashes of what was last read back */
static uint64_t      values_before[NKEYS];
static uint64_t      values_after[NKEYS];
static ks_watched_t  watched[NKEYS];


/* --- reading back --- */

static uint64_t
mix(uint64_t h, const u_char *p, size_t n)
{
    static const uint64_t  seed[2] = { 1, 2 };

    return h * 31 + ks_siphash(seed, p, n);
}


/* of what goes with keys, and those who watch them do not hear of: groups */

static uint64_t  aside;


/* all trees of a value, item by item */

static uint64_t
mix_value(uint64_t h, ks_space_t *sp, const ks_str_t *key, ks_entry_t *e)
{
    int           more;
    size_t        off, n;
    uint64_t      mark;
    unsigned      i, col;
    ks_pos_t      pos;
    ks_item_t     it;
    ks_value_t    v;
    const u_char *p;

    ks_value_open(sp, key, e, &v);
    h = h * 31 + e->type + v.due;

    if (v.type == KS_TYPE_STREAM) {
        aside = g_mix(&v, aside);
        return x_mix(&v, h);
    }

    if (v.type == KS_TYPE_JSON && v.head) {
        h = mix(h, v.head, sizeof(ks_json_head_t));
    }

    for (i = 0; i < ks_value_trees(v.type, v.enc); i++) {

        for (more = ks_tree_at(&v.tree[i], &pos, 0); more;
             more = ks_tree_next(&v.tree[i], &pos))
        {
            mark = ks_tree_key(&v.tree[i], &pos);
            h = mix(h, (u_char *) &mark, sizeof(mark));

            for (col = 0; col < v.tree[i].width; col++) {
                it = ks_tree_get(&v.tree[i], &pos, col);

                for (off = 0; (p = ks_item_run(sp, &it, off, &n), n);
                     off += n)
                {
                    h = mix(h + n, p, n);
                }
            }
        }
    }

    return h;
}


static void
dump_body(ks_space_t *sp, void *data)
{
    int           k;
    size_t        n, off;
    uint64_t      at, h, *all_of_it = data;
    ks_entry_t   *e;
    const u_char *p;

    aside = 0;

    for (k = 0; k < NKEYS; k++) {
        e = ks_lookup(sp, &keys[k], KS_LOOKUP_PEEK);
        at = e ? ks_entry_expire(e) + 1 : 0;
        h = mix(0, (u_char *) &at, sizeof(at));

        if (e && ks_entry_type(e) != KS_TYPE_STRING) {
            h = mix_value(h, sp, &keys[k], e);
            e = NULL;
        }

        for (off = 0; e && (p = ks_string_run(sp, e, off, &n), n); off += n) {
            h = mix(h + n, p, n);
        }

        values[k] = h;
        *all_of_it = mix(*all_of_it, (u_char *) &h, sizeof(h));
    }

    *all_of_it = *all_of_it * 31 + aside;
    *all_of_it = *all_of_it * 31 + registry_state(sp);
    *all_of_it = *all_of_it * 31 + users_state(sp);
    *all_of_it = *all_of_it * 31 + follow_state(sp);
    *all_of_it = wait_state(sp, *all_of_it);
}


static uint64_t
dump(ks_space_t *sp)
{
    uint64_t  h = 0;

    transaction(sp, all(sp) | ks_library_shard(sp), dump_body, &h);
    return h;
}


/* --- watching --- */

static void
watch_body(ks_space_t *sp, void *data)
{
    int  k;

    (void) data;

    for (k = 0; k < NKEYS; k++) {
        ks_watch(sp, &keys[k], &watched[k]);
    }
}


/* what has changed must be seen; how many keys that is */

static void
watchers_body(ks_space_t *sp, void *data)
{
    int  k, *n = data;

    for (k = 0; k < NKEYS; k++) {

        if (values_before[k] == values_after[k]) {
            continue;
        }

        ++*n;

        if (ks_unchanged(sp, &keys[k], &watched[k])) {
            fail_msg("nobody hears that key %d has changed", k);
        }
    }
}


static int
watchers_know(ks_space_t *sp)
{
    int  n = 0;

    transaction(sp, all(sp), watchers_body, &n);
    return n;
}


/* --- dying --- */

/* the kernel's part: locks of the dead are marked so, and free */

static void
bury_locks(ks_space_t *sp)
{
    int               *futex;
    unsigned           i;
    pthread_mutex_t   *locks[2 * SHARDS + KS_OWN_SHARDS + 6];

    for (i = 0; i < ks_zone_locks(sp->mem.zone); i++) {
        locks[i] = &sp->mem.shards[i].mutex;
    }

    locks[i++] = &sp->mem.zone->pool.mutex;
    locks[i++] = &sp->mem.zone->journal.mutex;
    locks[i++] = &sp->mem.zone->meters;
    locks[i++] = &sp->mem.zone->ferry;

    while (i--) {
        futex = (int *) locks[i];

        if (*futex) {
            *futex = OWNER_DIED;
        }
    }
}


static void
bury(u_char *to, const u_char *from, ks_space_t *sp)
{
    memcpy(to, from, SIZE);
    bury_locks(sp);
}


/*
 * At some of the steps all other processes are dead as well, and a zone in a
 * file goes on by ks_zone_revive(): always, if one has died amid that.
 */

static int  reviving;

static uint64_t
recovered_state(ks_space_t *sp, const char *name, long step)
{
    ks_upstream_state_t  seen, is;

    ks_upstream_state(sp->mem.zone, &seen);

    if (reviving || step % 5 == 2) {
        ks_zone_revive(sp->mem.zone, NOW);
    }

    /* the journal, too, and nothing is told of what follows here */

    if (step % 3 == 1) {
        ks_journal_want(&sp->mem, 0, 0);
    }

    if (step >= 0) {                    /* each shard is the first at times */
        ks_lock(&sp->mem, 1ull << step % (SHARDS + 1));
        ks_unlock(&sp->mem);
    }

    ks_journal_want(&sp->mem, 0, 0);

    if (ks_check(sp, report, (void *) name)) {
        fail_msg("%s: faults after a death at step %ld", name, step);
    }

    /* what others were told of an upstream's offset is not undone */

    ks_upstream_state(sp->mem.zone, &is);

    if (is.offset < seen.shown) {
        fail_msg("%s: an offset that was shown is undone at step %ld", name,
                 step);
    }

    return dump(sp);
}


/* which entries are marked as saved in a snapshot, as a number */

static uint64_t
marks(ks_space_t *sp)
{
    int          k;
    uint64_t     h;
    ks_place_t   at;
    ks_entry_t  *e;

    for (h = 0, k = 0; k < NKEYS; k++) {
        at = ks_locate(sp, &keys[k]);
        e = ks_table_find(sp, &at, &keys[k]);
        h = h * 31 + (e != NULL && (e->flags & KS_ENTRY_SAVED));
    }

    return h;
}


/*
 * The stream is as long as what its frames come to, from the first of them on.
 */

static void
stream_fits(ks_space_t *sp, uint64_t at)
{
    int          rc;
    uint64_t     head, stream, sum;
    ks_wire_t    w;
    ks_cursor_t  c;

    memset(&c, 0, sizeof(c));
    memset(&w, 0, sizeof(w));
    c.at = at;
    sum = UINT64_MAX;
    head = ks_journal_ends(&sp->mem, &stream);

    while ((rc = ks_journal_read(&sp->mem, &c, head)) == KS_OK) {
        sum = ks_min(sum, ((ks_frame_t *) c.frame)->offset);
        assert_int_equal(((ks_frame_t *) c.frame)->offset, sum);

        w.len = 0;
        assert_int_equal(ks_wire_frame(&w, c.frame, KS_WIRE_STREAM, 0, NULL),
                         KS_OK);
        sum += w.len;
    }

    if (rc == KS_NONE && stream != 0) {
        assert_true(sum == UINT64_MAX || sum == stream);
        assert_int_equal(ks_journal_find(&sp->mem, stream, &at), KS_OK);
        assert_int_equal(at, head);
    }

    ks_wire_free(&w);
    ks_journal_done(&c);
}


/*
 * What the journal has from at on, as a number; its head is part of it, and so
 * is what goes with its images.
 */

static uint64_t
told_since(ks_space_t *sp, uint64_t at)
{
    int          rc;
    uint64_t     head, h;
    ks_frame_t  *frame;
    ks_cursor_t  c;

    memset(&c, 0, sizeof(c));
    c.at = at;
    head = ks_journal_head(&sp->mem);
    h = head + marks(sp);

    while ((rc = ks_journal_read(&sp->mem, &c, head)) == KS_OK) {
        frame = (ks_frame_t *) c.frame;
        h = mix(h, c.frame, frame->len);
    }

    ks_journal_done(&c);
    stream_fits(sp, at);

    return h * 31 + (uint64_t) rc;
}


/* --- one store at a time --- */

typedef struct {
    pid_t  pid;
    int    stored;                      /* a byte from the child: it has */
    int    go;                          /* a byte to the child: go on */
} victim_t;

/* in the child: where it works, and whom it tells of which of its stores */

static u_char  *guarded;
static size_t   guarded_len = SIZE;
static int      said, heard;
static long     stored, told_all, told_every;

static void
on_store(int sig, siginfo_t *info, void *context)
{
    (void) sig;

    if ((u_char *) info->si_addr < guarded
        || (u_char *) info->si_addr >= guarded + guarded_len)
    {
        _exit(3);                       /* a fault of its own */
    }

    mprotect(guarded, guarded_len, PROT_READ|PROT_WRITE);
    one_store_go(context);
}


static void
on_stored(int sig, siginfo_t *info, void *context)
{
    char  c = 's';

    (void) sig;
    (void) info;

    one_store_gone(context);
    mprotect(guarded, guarded_len, PROT_READ);

    if (stored++ >= told_all && stored % told_every) {
        return;
    }

    if (write(said, &c, 1) != 1 || read(heard, &c, 1) != 1) {
        _exit(4);
    }
}


/* tells of its first stores, so many, and of every so manyth after them */

static victim_t
spawn_victim(ks_space_t *sp, u_char *mem, op_pt op, long all, long every)
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
        stored = 0;
        told_all = all;
        told_every = every;

        if (one_store_init() != 0) {
            _exit(6);
        }

        memset(&sa, 0, sizeof(sa));
        sa.sa_flags = SA_SIGINFO;
        sa.sa_sigaction = on_store;
        sigaction(SIGSEGV, &sa, NULL);
        sa.sa_sigaction = on_stored;
        sigaction(SIGTRAP, &sa, NULL);

        mprotect(mem, guarded_len, PROT_READ);
        op(sp);
        _exit(0);
    }

    close(out[1]);
    close(in[0]);
    v.stored = out[0];
    v.go = in[1];

    return v;
}


/* lets it go on to the next store that it tells of; whether there was one */

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


static void
revive_all(ks_space_t *sp)
{
    ks_zone_revive(sp->mem.zone, NOW);
}


/*
 * The recovery of copy dies at each of its stores, up to some number: long
 * logs are applied in a loop.
 */

static long
die_recovering(const char *name, uint64_t state, op_pt recover)
{
    long       n;
    u_char    *before;
    victim_t   v;

    before = malloc(SIZE);
    memcpy(before, copy, SIZE);
    reviving = (recover == revive_all);
    v = spawn_victim(probe, copy, recover, reviving ? 8 : 40,
                     reviving ? 59 : 16);

    for (n = 0; next_store(&v, n == 0); n++) {

        bury(copy2, copy, probe2);

        if (recovered_state(probe2, name, n) != state) {
            fail_msg("%s: a recovery that died came to another state", name);
        }
    }

    reviving = 0;
    memcpy(copy, before, SIZE);
    free(before);

    return n;
}


static void
die_everywhere(const op_t *op)
{
    long         stores, nested;
    u_char      *start;
    uint64_t     before, after, state, at, told_before, told_after;
    victim_t     v;
    ks_zone_t   *zone;
    ks_space_t  *sp, saved;

    zone = lay_zone(zone_mem, ZONE, SHARDS, "session:");
    assert_non_null(zone);
    ks_journal_create(zone, KS_JOURNAL_MIN);
    sp = ks_space_open(zone);
    ks_space_set_time(sp, NOW);
    ks_journal_want(&sp->mem, 0, op->told);
    sp->mem.process = 0;                /* which its clients belong to */

    prepare(sp);

    if (op->setup) {
        op->setup(sp);
    }

    transaction(sp, all(sp), watch_body, NULL);

    ks_space_set_time(sp, op->now);
    ks_space_set_time(probe, NOW);
    ks_space_set_time(probe2, NOW);

    /* what it is before, and what it comes to */

    at = ks_journal_head(&sp->mem);
    memcpy(copy, zone_mem, SIZE);
    before = recovered_state(probe, op->name, -1);
    told_before = told_since(probe, at);
    memcpy(values_before, values, sizeof(values));

    start = malloc(SIZE);
    memcpy(start, zone_mem, SIZE);
    saved = *sp;

    op->op(sp);

    memcpy(copy, zone_mem, SIZE);
    after = recovered_state(probe, op->name, -2);
    told_after = told_since(probe, at);
    assert_int_equal(op->told != 0, told_before != told_after);
    memcpy(values_after, values, sizeof(values));
    assert_int_equal(watchers_know(probe) != 0,
                     memcmp(values_before, values_after, sizeof(values)) != 0);

    memcpy(zone_mem, start, SIZE);
    free(start);
    saved.arena = sp->arena;
    *sp = saved;

    state = before;
    nested = 0;
    v = spawn_victim(sp, zone_mem, op->op, LONG_MAX, 1);

    for (stores = 0; next_store(&v, stores == 0); stores++) {

        if (stores % 37 == 5 && nested < 3000) {
            bury(copy, zone_mem, probe);
            bury(copy2, copy, probe2);
            nested += die_recovering(op->name,
                                     recovered_state(probe2, op->name, stores),
                                     stores % 2 ? lock_all : revive_all);
        }

        bury(copy, zone_mem, probe);

        if (recovered_state(probe, op->name, stores) != state) {
            assert_int_equal(state, before);    /* once, and to the end state */
            state = after;
            bury(copy, zone_mem, probe);
            assert_int_equal(recovered_state(probe, op->name, stores), after);
        }

        if (state == after) {
            watchers_know(probe);
        }

        if (told_since(probe, at) != (state == after ? told_after
                                                     : told_before))
        {
            fail_msg("%s: the journal at store %ld", op->name, stores);
        }
    }

    print_message("%-16s %6ld stores, %6ld in recovery\n", op->name, stores,
                  nested);

    assert_true(stores > 0);
    assert_int_equal(state, after);

    sp->mem.process = KS_PROCESSES;
    ks_space_close(sp);
}


static void
test_op(void **state)
{
    die_everywhere(*state);
}


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
    ks_zone_t   *zone;
    ks_space_t  *sp;

    (void) unused;

    zone = lay_zone(zone_mem, ZONE, SHARDS, "session:");
    sp = ks_space_open(zone);
    ks_space_set_time(sp, NOW);
    fill(sp);

    v = spawn_victim(sp, zone_mem, op_evict, 0, 7);     /* of very many */

    for (stores = 0; next_store(&v, stores == 0); stores++) {
        bury(copy, zone_mem, probe);
        recovered_state(probe, "evict", stores);
    }

    print_message("%-16s %6ld stores\n", "evict", stores);
    assert_int_equal(ks_check(sp, report, "evict"), 0);

    ks_space_close(sp);
}


#include "crash_watch.h"
#include "crash_move.h"


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

    for (k = SESSION; k < SESSION + 2; k++) {
        keys[k].len = (size_t) snprintf(names[k], sizeof(names[k]),
                                        "session:%064d", k);
        assert_int_equal(keys[k].len, SESSION_KEY);
    }

    probe = ks_space_open(lay_zone(copy, ZONE, SHARDS, "session:"));
    probe2 = ks_space_open(lay_zone(copy2, ZONE, SHARDS, "session:"));

    find_crowd();
    assert_int_equal(ks_commands_init(), KS_OK);

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


static const struct {
    const op_t  *ops;
    size_t       n;
} all_ops[] = {
    { ops, ks_nelts(ops) },
    { value_ops, ks_nelts(value_ops) },
    { stream_ops, ks_nelts(stream_ops) },
    { json_ops, ks_nelts(json_ops) },
    { group_ops, ks_nelts(group_ops) },
    { told_ops, ks_nelts(told_ops) },
    { session_ops, ks_nelts(session_ops) },
    { cache_ops, ks_nelts(cache_ops) },
    { wait_ops, ks_nelts(wait_ops) },
    { shard_ops, ks_nelts(shard_ops) },
    { pubsub_ops, ks_nelts(pubsub_ops) },
    { user_ops, ks_nelts(user_ops) },
    { follow_ops, ks_nelts(follow_ops) },
};


int
main(int argc, char **argv)
{
    size_t             i, j, n;
    const op_t        *op;
    struct CMUnitTest  tests[ks_nelts(ops) + ks_nelts(value_ops)
                             + ks_nelts(stream_ops) + ks_nelts(group_ops)
                             + ks_nelts(json_ops)
                             + ks_nelts(told_ops) + ks_nelts(session_ops)
                             + ks_nelts(shard_ops) + ks_nelts(pubsub_ops)
                             + ks_nelts(wait_ops) + ks_nelts(cache_ops)
                             + ks_nelts(user_ops) + ks_nelts(follow_ops)
                             + ks_nelts(move_ops) + 2];

    memset(tests, 0, sizeof(tests));

    for (n = 0, i = 0; i < ks_nelts(all_ops); i++) {
        for (j = 0; j < all_ops[i].n; j++, n++) {
            op = &all_ops[i].ops[j];
            tests[n].name = op->name;
            tests[n].test_func = test_op;
            tests[n].initial_state = (void *) op;
        }
    }

    for (i = 0; i < ks_nelts(move_ops); i++, n++) {
        tests[n].name = move_ops[i].name;
        tests[n].test_func = test_move;
        tests[n].initial_state = (void *) &move_ops[i];
    }

    tests[n].name = "evict";
    tests[n++].test_func = test_evict;

    tests[n].name = "turned_out";
    tests[n].test_func = test_turned_out;

    without_rep(argv);

    if (argc > 1) {                     /* the names of some, with * and ? */
        cmocka_set_test_filter(argv[1]);
    }

    return cmocka_run_group_tests(tests, setup_all, NULL);
}
