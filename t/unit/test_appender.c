/*
 * The writer of the journal on disk against the ring and the files: what it has
 * written is the keyspace, wherever it is killed, whatever a disk refuses, and
 * if frames are lost.
 *
 * The files are read by the test itself: the base as an RDB file, the
 * increments as commands.
 */

#define _GNU_SOURCE                     /* REG_EFL */

#include "snapshot_test.h"
#include "one_store.h"

#include "keyspace/ks_aof.h"
#include "persist/ks_aof_manifest.h"
#include "persist/ks_appender.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>


#define LITTLE  (256u * 1024)           /* a ring */

/* a process that writes */
typedef struct {
    ks_space_t          *space;
    ks_saver_conf_t      saving;
    ks_saver_t          *saver;
    ks_appender_conf_t   conf;
    ks_appender_t       *appender;
} scribe_t;

static char      dir[64];
static char      said[4096];            /* the log */
static int       told_too;              /* the lines are printed */

static ks_aof_settings_t  settings = {
    KS_AOF_EVERYSEC, 0, 0, 0, "test"
};


/* --- a disk that fails, and a process that is killed --- */

static int    disk_err;                 /* of writing; 0: it is good */
static int    sync_err;
static long   calls;                    /* so far */
static long   fatal;                    /* the call that it is killed before */
static int    slow;                     /* the next fdatasync() takes as long
                                           as it is held */
static int    held;


static void
step(void)
{
    if (++calls == fatal) {
        raise(SIGKILL);
    }
}


ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
    step();

    if (disk_err) {
        /* a part of it is written all the same */

        if (n > 7) {
            (void) syscall(SYS_pwrite64, fd, p, n / 2, off);
        }

        errno = disk_err;
        return -1;
    }

    return syscall(SYS_pwrite64, fd, p, n, off);
}


int
fdatasync(int fd)
{
    step();

    if (__atomic_exchange_n(&slow, 0, __ATOMIC_SEQ_CST)) {
        while (__atomic_load_n(&held, __ATOMIC_SEQ_CST)) {
            usleep(1000);
        }
    }

    if (sync_err) {
        errno = sync_err;
        return -1;
    }

    (void) fd;
    return 0;
}


int
fsync(int fd)
{
    (void) fd;
    step();
    return 0;
}


int
ftruncate(int fd, off_t size)
{
    step();
    return (int) syscall(SYS_ftruncate, fd, size);
}


int
unlink(const char *path)
{
    step();
    return (int) syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}


int
rename(const char *from, const char *to)
{
    step();

    if (disk_err) {
        errno = disk_err;
        return -1;
    }

    return (int) syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}


/* --- the writer --- */

static void  (*scribe_done)(void *data);        /* NULL: it has no threads */


static void
scribe_log(void *data, ks_saver_level_t level, int err, const char *text)
{
    (void) data;

    if (told_too || level == KS_SAVER_ERROR) {
        print_message("%d: %s\n", err, text);
    }

    snprintf(said, sizeof(said), "%s", text);
}


static void
scribe_open(scribe_t *s, ks_zone_t *zone)
{
    memset(s, 0, sizeof(scribe_t));

    s->space = ks_space_open(zone);
    assert_non_null(s->space);
    assert_int_equal(ks_hub_open(s->space, 0, maker_wake, NULL), KS_OK);
    ks_process_set_helper(&s->space->mem);

    s->saving.log = scribe_log;
    s->conf.dir = dir;
    s->conf.mode = settings.mode;
    s->conf.lax = settings.lax;
    s->conf.log = scribe_log;
    s->conf.done = scribe_done;

    s->saver = ks_saver_open(s->space, &s->saving);
    assert_non_null(s->saver);
    s->appender = ks_appender_open(s->space, &s->conf, s->saver);
    assert_non_null(s->appender);
}


static void
scribe_close(scribe_t *s)
{
    ks_appender_close(s->appender);
    ks_saver_close(s->saver);
    ks_hub_close(s->space);
    ks_space_close(s->space);
}


/* Until it has nothing to do for a while; now is moved on to that. */

static void
scribe_run(scribe_t *s, uint64_t *now, uint64_t for_ms)
{
    unsigned  i;
    uint64_t  wait, other, end;

    end = *now + for_ms;

    for (i = 0; *now <= end; i++) {
        assert_true(i < 100000);
        wait = ks_saver_run(s->saver, *now);
        other = ks_appender_run(s->appender, *now);
        wait = ks_min(wait, other);

        if (wait == KS_SAVER_SLEEP) {
            break;
        }

        *now += wait;
    }

    *now = ks_max(*now, end);
}


static void
scribe_settles(scribe_t *s, uint64_t *now)
{
    ks_aof_spot_t  spot;

    scribe_run(s, now, 3000);
    assert_true(ks_aof_whole(s->space));
    ks_aof_spot(s->space, &spot);
    assert_int_equal(spot.at, ks_aof_head(s->space));
    assert_true(ks_aof_synced(s->space, spot.at));
}


/* --- the files --- */

static void
clean(void)
{
    char  text[256];

    snprintf(dir, sizeof(dir), "/tmp/test_appender.%d", (int) getpid());
    snprintf(text, sizeof(text), "rm -rf %s && mkdir %s", dir, dir);
    assert_int_equal(system(text), 0);
}


/* what is behind EXEC's commands is run with them, as they are one by one */

static void
load_increment(const char *path, box_t *to)
{
    int          fd;
    u_char      *p, *data;
    const char  *reply;
    struct stat  st;

    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    data = calloc(1, (size_t) st.st_size + 1);
    assert_int_equal(read(fd, data, (size_t) st.st_size), st.st_size);
    close(fd);

    for (p = data; p < data + st.st_size; /* void */ ) {
        p += replay_cut(to, p);

        if (ks_arg_is(&to->argv[0], "multi") || ks_arg_is(&to->argv[0], "exec")
            || ks_arg_is(&to->argv[0], "select"))
        {
            continue;
        }

        to->now = 5000;         /* "EXAT 1" is over, and nothing else */
        reply = box_execute(to);

        if (reply[0] == '-') {
            fail_msg("%s: %.*s %.*s at %zu: %s", path, (int) to->argv[0].len,
                     to->argv[0].data, (int) to->argv[1].len, to->argv[1].data,
                     (size_t) (p - data), reply);
        }
    }

    assert_ptr_equal(p, data + st.st_size);
    free(data);
}


static box_t *
load_files(void)
{
    char                  path[400];
    rdb_t                 f;
    box_t                *to;
    ks_aof_manifest_t     m;
    const ks_aof_file_t  *a;

    memset(&m, 0, sizeof(m));
    assert_int_equal(ks_aof_manifest_read(&m, dir, KS_AOF_MANIFEST), KS_OK);
    assert_null(ks_aof_manifest_next(&m, KS_AOF_HISTORY, NULL));

    to = replay_open(64u << 20, KS_NOEVICTION, 0);
    a = ks_aof_manifest_next(&m, KS_AOF_BASE, NULL);
    assert_non_null(a);
    snprintf(path, sizeof(path), "%s/%s", dir, a->name);
    rdb_read(&f, path);
    rdb_load(&f, to);

    for (a = ks_aof_manifest_next(&m, KS_AOF_INCREMENT, NULL);
         a != NULL;
         a = ks_aof_manifest_next(&m, KS_AOF_INCREMENT, a))
    {
        snprintf(path, sizeof(path), "%s/%s", dir, a->name);
        load_increment(path, to);
    }

    ks_aof_manifest_free(&m);

    return to;
}


/* The files are the keyspace; how many keys. */

static size_t
compare(box_t *a)
{
    size_t    n;
    uint64_t  now;
    box_t    *to;

    now = a->now;
    to = load_files();
    n = rdb_compare(a, to, now);
    replay_close(to);
    a->now = now;

    return n;
}


/* --- tests --- */

static box_t *
source(size_t size, size_t ring)
{
    box_t  *b;

    b = box_open(size, KS_NOEVICTION);
    b->now = NOW;
    close_zone(b->client.space);
    b->client.space = open_zone_told(size, 0, KS_NOEVICTION, ring);
    replay_scripts_run_on(b->client.space);
    ks_aof_configure(ks_space_zone(b->client.space), &settings);

    return b;
}


static void
asked(box_t *a)
{
    assert_string_equal(line(a, "BGREWRITEAOF"),
                        "+Background append only file rewriting started\r\n");
}


static void
test_effects(void **unused)
{
    int        i;
    box_t     *a;
    scribe_t   s;
    uint64_t   now;

    (void) unused;

    clean();
    replay_fields = 0;
    replay_flushes = 500;
    replay_names = 20;
    settings.mode = KS_AOF_EVERYSEC;
    a = source(16u << 20, RING);
    scribe_open(&s, ks_space_zone(a->client.space));
    now = NOW;
    scribe_settles(&s, &now);

    for (i = 0; i < 20000; i++) {
        a->now = now;
        replay_random(a);

        if (i % 50 == 0) {
            scribe_run(&s, &now, rnd(20));
        }

        if (i % 4000 == 3999) {
            asked(a);
        }

        if (i % 5000 == 4000) {
            scribe_settles(&s, &now);
            a->now = now;
            assert_true(compare(a) > 0);
        }
    }

    scribe_settles(&s, &now);
    a->now = now;
    assert_true(compare(a) > 0);

    scribe_close(&s);
    box_check(a);
    replay_close(a);
}


/* --- it is killed at every store to the zone's words, and at every call --- */

static u_char  *watched_page;
static long     stores;
static long     fatal_store;
static size_t   page_room;


static void
on_fault(int sig, siginfo_t *info, void *ctx)
{
    (void) sig;

    if ((u_char *) info->si_addr < watched_page
        || (u_char *) info->si_addr >= watched_page + page_room)
    {
        _exit(3);
    }

    if (++stores == fatal_store) {
        raise(SIGKILL);
    }

    mprotect(watched_page, page_room, PROT_READ|PROT_WRITE);
    one_store_go(ctx);
}


static void
on_step(int sig, siginfo_t *info, void *ctx)
{
    (void) sig;
    (void) info;

    mprotect(watched_page, page_room, PROT_READ);
    one_store_gone(ctx);
}


static void
watch(ks_zone_t *zone)
{
    u_char            *p, *end;
    struct sigaction   sa;

    if (one_store_init() != 0) {
        _exit(6);
    }

    memset(&sa, 0, sizeof(sa));
    sa.sa_flags = SA_SIGINFO|SA_NODEFER;
    sa.sa_sigaction = on_fault;
    sigaction(SIGSEGV, &sa, NULL);
    sa.sa_sigaction = on_step;
    sigaction(SIGTRAP, &sa, NULL);

    p = (u_char *) ((uintptr_t) &zone->aof & ~4095ul);
    end = (u_char *) (((uintptr_t) (&zone->aof + 1) + 4095) & ~4095ul);
    watched_page = p;
    page_room = (size_t) (end - p);
    mprotect(p, page_room, PROT_READ);
}


/* What a child does: it goes on, writes, and makes a new base. */

static void
child(ks_zone_t *zone, int by_calls, long at)
{
    scribe_t  s;
    uint64_t  now;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    told_too = 0;
    calls = stores = 0;
    fatal = by_calls ? at : 0;
    fatal_store = by_calls ? 0 : at;

    if (!by_calls) {
        watch(zone);
    }

    now = NOW + 10000;
    scribe_open(&s, zone);
    (void) ks_aof_ask(s.space);
    scribe_run(&s, &now, 2500);
    _exit(ks_aof_whole(s.space) ? 0 : 1);
}


static void
little(box_t *a, int i)
{
    linef(a, "SET s:%d %d", i % 7, i);
    linef(a, "RPUSH l:%d a%d b%d", i % 3, i, i);
    linef(a, "INCR n");
    linef(a, "SPOP t %d", i % 2);
    linef(a, "SADD t m%d", i);
    linef(a, "EVAL redis.call('INCR',KEYS[1])redis.call('APPEND',KEYS[2],'x') "
          "2 one two");

    if (i % 5 == 0) {
        linef(a, "DEL l:%d", i % 3);
    }
}


static void
killed(int by_calls, ks_aof_mode_t mode)
{
    int        status;
    long       at;
    pid_t      pid;
    box_t     *a;
    scribe_t   s;
    uint64_t   now;

    clean();
    settings.mode = mode;
    a = source(4u << 20, LITTLE);
    now = NOW;

    for (at = 1; /* void */ ; at++) {

        if (at % 40 == 1) {
            /* from the beginning, too */

            replay_close(a);
            clean();
            a = source(4u << 20, LITTLE);
            now = NOW;
        }

        little(a, (int) at);
        pid = fork();

        if (pid == 0) {
            child(ks_space_zone(a->client.space), by_calls, at);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);

        if (!WIFSIGNALED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            break;
        }

        assert_int_equal(WTERMSIG(status), SIGKILL);

        little(a, (int) at);
        now += 20000;
        scribe_open(&s, ks_space_zone(a->client.space));
        scribe_settles(&s, &now);
        little(a, (int) at + 1);
        scribe_settles(&s, &now);
        a->now = now;
        assert_true(compare(a) > 0);
        scribe_close(&s);
    }

    print_message("killed %ld times\n", at - 1);
    assert_true(at > 10);
    box_check(a);
    replay_close(a);
}


static void
test_killed_at_stores(void **unused)
{
    (void) unused;
    killed(0, KS_AOF_EVERYSEC);
    killed(0, KS_AOF_ALWAYS);
}


static void
test_killed_at_calls(void **unused)
{
    (void) unused;
    killed(1, KS_AOF_EVERYSEC);
    killed(1, KS_AOF_ALWAYS);
}


/* --- errors --- */

static void
says(box_t *b, const char *text, const char *want)
{
    assert_string_equal(line(b, text), want);
}


static void
test_stops(void **unused)
{
    box_t     *a;
    scribe_t   s;
    uint64_t   now, before;

    (void) unused;

    clean();
    settings.mode = KS_AOF_ALWAYS;
    a = source(4u << 20, LITTLE);
    scribe_open(&s, ks_space_zone(a->client.space));
    now = NOW;
    scribe_settles(&s, &now);
    little(a, 1);
    scribe_settles(&s, &now);
    before = ks_aof_head(s.space);

    disk_err = ENOSPC;
    line(a, "SET more 1");
    assert_string_equal(a->reply, "+OK\r\n");
    scribe_run(&s, &now, 3000);

    assert_true(ks_aof_synced(s.space, before));
    assert_false(ks_aof_passes(s.space, ks_aof_head(s.space)));
    says(a, "SET more 2", "-MISCONF Errors writing to the AOF file: "
         "No space left on device\r\n");
    says(a, "PING", "-MISCONF Errors writing to the AOF file: "
         "No space left on device\r\n");
    says(a, "GET more", "$1\r\n1\r\n");
    says(a, "EVAL return(redis.pcall('SET','more','3')) 0",
         "-MISCONF Errors writing to the AOF file: "
         "No space left on device\r\n");
    line(a, "INFO persistence");
    assert_non_null(strstr(a->reply, "aof_last_write_status:err"));

    disk_err = 0;
    scribe_settles(&s, &now);
    assert_non_null(strstr(said, "can be written again"));
    says(a, "SET more 4", "+OK\r\n");
    scribe_settles(&s, &now);
    a->now = now;
    assert_true(compare(a) > 0);

    scribe_close(&s);
    replay_close(a);
}


static void
test_continues(void **unused)
{
    int        i;
    box_t     *a;
    scribe_t   s;
    uint64_t   now;

    (void) unused;

    clean();
    settings.mode = KS_AOF_ALWAYS;
    settings.lax = 1;
    a = source(4u << 20, LITTLE);
    scribe_open(&s, ks_space_zone(a->client.space));
    now = NOW;
    scribe_settles(&s, &now);
    disk_err = EIO;

    for (i = 0; i < 3000; i++) {
        little(a, i);

        if (i % 100 == 0) {
            scribe_run(&s, &now, 100);
        }
    }

    assert_true(ks_aof_passes(s.space, ks_aof_head(s.space)));
    assert_false(ks_aof_synced(s.space, ks_aof_head(s.space)));

    disk_err = 0;
    now += 120000;
    scribe_settles(&s, &now);
    a->now = now;
    assert_true(compare(a) > 0);

    scribe_close(&s);
    replay_close(a);
    settings.lax = 0;
}


/* What an fsync has failed for may be lost: a new base. */

static void
test_sync_fails(void **unused)
{
    box_t           *a;
    scribe_t         s;
    uint64_t         now;
    ks_aof_state_t   before, after;

    (void) unused;

    clean();
    settings.mode = KS_AOF_EVERYSEC;
    a = source(4u << 20, LITTLE);
    scribe_open(&s, ks_space_zone(a->client.space));
    now = NOW;
    scribe_settles(&s, &now);
    ks_aof_state(ks_space_zone(s.space), &before);

    little(a, 1);
    sync_err = EIO;
    scribe_run(&s, &now, 50);
    assert_int_equal(ks_aof_refuses(s.space), EIO);
    ks_aof_state(ks_space_zone(s.space), &after);
    assert_int_equal(after.last_error, EIO);
    sync_err = 0;
    now += 120000;
    scribe_settles(&s, &now);
    assert_int_equal(ks_aof_refuses(s.space), 0);
    ks_aof_state(ks_space_zone(s.space), &after);
    assert_int_equal(before.last_error, 0);
    assert_int_equal(after.last_error, EIO);
    assert_true(after.rewrites > before.rewrites);
    a->now = now;
    assert_true(compare(a) > 0);

    scribe_close(&s);
    replay_close(a);
}


static int  jobs_done;


static void
done(void *data)
{
    (void) data;
    __atomic_fetch_add(&jobs_done, 1, __ATOMIC_SEQ_CST);
}


/*
 * Whoever goes on with the files brings what it finds to the disk, and that
 * takes long: what is written meanwhile, with an fdatasync() of its own, is on
 * the disk, and stays there when the other one ends.
 */

static void
test_sync_late(void **unused)
{
    int        i, before;
    box_t     *a;
    scribe_t   s;
    uint64_t   now, head;

    (void) unused;

    clean();
    settings.mode = KS_AOF_ALWAYS;
    a = source(4u << 20, LITTLE);
    scribe_open(&s, ks_space_zone(a->client.space));
    now = NOW;
    scribe_settles(&s, &now);
    little(a, 1);
    scribe_settles(&s, &now);
    scribe_close(&s);

    scribe_done = done;
    scribe_open(&s, ks_space_zone(a->client.space));
    held = 1;
    slow = 1;
    scribe_run(&s, &now, 100);

    for (i = 0; __atomic_load_n(&slow, __ATOMIC_SEQ_CST); i++) {
        assert_true(i < 60000);
        usleep(1000);
    }

    line(a, "SET late 1");
    head = ks_aof_head(s.space);
    scribe_run(&s, &now, 100);

    for (i = 0; !ks_aof_synced(s.space, head); i++) {
        assert_true(i < 60000);
        usleep(1000);
        scribe_run(&s, &now, 1);
    }

    before = __atomic_load_n(&jobs_done, __ATOMIC_SEQ_CST);
    __atomic_store_n(&held, 0, __ATOMIC_SEQ_CST);

    for (i = 0; __atomic_load_n(&jobs_done, __ATOMIC_SEQ_CST) == before; i++) {
        assert_true(i < 60000);
        usleep(1000);
    }

    scribe_run(&s, &now, 100);
    assert_true(ks_aof_synced(s.space, head));

    scribe_close(&s);
    scribe_done = NULL;
    replay_close(a);
}


/* More is told at once than the ring holds; and meanwhile it is held back. */

static void
test_overtaken(void **unused)
{
    int        i;
    char      *big;
    box_t     *a;
    scribe_t   s;
    uint64_t   now;

    (void) unused;

    clean();
    settings.mode = KS_AOF_EVERYSEC;
    a = source(8u << 20, LITTLE);
    scribe_open(&s, ks_space_zone(a->client.space));
    now = NOW;
    scribe_settles(&s, &now);
    little(a, 1);

    big = malloc(2 * LITTLE);
    memset(big, 'x', 2 * LITTLE);
    a->argc = 3;
    a->argv[0] = ks_text("SET");
    a->argv[1] = ks_text("big");
    a->argv[2].data = (u_char *) big;
    a->argv[2].len = 2 * LITTLE;
    assert_string_equal(box_execute(a), "+OK\r\n");
    scribe_settles(&s, &now);
    a->now = now;
    assert_true(compare(a) > 0);

    /* a client that can wait is told to */

    a->argc = 3;
    a->argv[0] = ks_text("SET");
    a->argv[1] = ks_text("big");
    a->argv[2].data = (u_char *) big;
    a->argv[2].len = LITTLE / 16;
    a->client.patience = 4;

    for (i = 0; !ks_aof_behind(s.space); i++) {
        assert_true(i < 20);
        assert_string_equal(box_execute(a), "+OK\r\n");
    }

    assert_true(i > 4);

    {
        ks_ahead_t  ahead = ks_ahead(a->argc, a->argv);

        assert_int_equal(ks_execute(&a->client, &ahead, &a->resp.reply),
                         KS_AGAIN);
    }

    scribe_settles(&s, &now);
    assert_false(ks_aof_behind(s.space));
    a->client.patience = 0;
    a->now = now;
    assert_true(compare(a) > 0);

    free(big);
    scribe_close(&s);
    replay_close(a);
}


/* A zone that goes on meets files that are not what it has written. */

static void
test_mismatch(void **unused)
{
    int        i;
    char       text[256];
    box_t     *a;
    scribe_t   s;
    uint64_t   now;

    static const char  *const damages[] = {
        "truncate -s 20 %s/*.incr.aof",
        "rm %s/*.incr.aof",
        "rm %s/*.manifest",
        "cd %s && for f in *.incr.aof; do cp $f x && mv x $f; done",
        "rm -r %s/*",
    };

    (void) unused;

    clean();
    settings.mode = KS_AOF_EVERYSEC;
    a = source(4u << 20, LITTLE);
    now = NOW;

    for (i = 0; i < (int) ks_nelts(damages); i++) {
        scribe_open(&s, ks_space_zone(a->client.space));
        scribe_settles(&s, &now);
        little(a, i);
        scribe_settles(&s, &now);
        scribe_close(&s);

        snprintf(text, sizeof(text), damages[i], dir);
        assert_int_equal(system(text), 0);
        said[0] = '\0';
        told_too = 0;

        scribe_open(&s, ks_space_zone(a->client.space));
        little(a, i + 1);
        scribe_settles(&s, &now);
        a->now = now;
        assert_true(compare(a) > 0);
        scribe_close(&s);
    }

    replay_close(a);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_effects),
        cmocka_unit_test(test_killed_at_stores),
        cmocka_unit_test(test_killed_at_calls),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_continues),
        cmocka_unit_test(test_sync_fails),
        cmocka_unit_test(test_sync_late),
        cmocka_unit_test(test_overtaken),
        cmocka_unit_test(test_mismatch),
    };

    assert_int_equal(ks_script_init(), KS_OK);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
