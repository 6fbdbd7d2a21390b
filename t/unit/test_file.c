/*
 * The file of a zone: found, made, shared, closed, refused; and what it holds
 * when all processes were killed at random.
 *
 * Who has a file is a matter of processes, so nearly all is done in children.
 * One that stands for a program that was executed has only what is inherited
 * then: it closes what would be closed.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "memory/ks_process.h"
#include "persist/ks_carry.h"
#include "persist/ks_file.h"
#include "process_test.h"


#define ZONE   (1u << 20)
#define RING   (1u << 20)

static char  dir[64];
static char  path[96];
static char  boot_now[KS_FILE_BOOT] = "this boot";
static char  boot_then[KS_FILE_BOOT] = "the one before";
static char  boot_unknown[KS_FILE_BOOT];


/* --- files --- */

static ks_file_conf_t
conf_of(size_t size)
{
    ks_file_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.path = path;
    conf.size = size;
    conf.ring = RING;
    conf.boot = boot_now;

    return conf;
}


static void
lay_out(ks_file_t *f)
{
    const char  *err;
    ks_zone_t   *zone;

    zone = ks_zone_create(ks_file_base(f), f->size, SEED, NOW, &err);
    assert_non_null(zone);
    ks_journal_create(zone, f->ring);
}


static void
make_file(ks_file_t *f)
{
    ks_file_conf_t  conf = conf_of(ZONE);

    assert_int_equal(ks_file_open(f, &conf, NOW), KS_FILE_NONE);
    assert_int_equal(ks_file_create(f, &conf), KS_OK);
    lay_out(f);
    assert_int_equal(ks_file_settle(f, &conf, 0), KS_OK);
}


/* what a process finds that has inherited nothing, and why */

typedef struct {
    ks_file_found_t  found;
    int              created;           /* what became of making it, if none */
    char             fault[KS_FILE_FAULT];
} outcome_t;

static outcome_t  *outcome;             /* shared with children */


/* all that nginx closes or an exec() would: every descriptor but the first */

static void
forget_files(void)
{
    int  fd;

    for (fd = 3; fd < 100; fd++) {
        close(fd);
    }
}


static void
look_by(const ks_file_conf_t *conf)
{
    ks_file_t  f;

    forget_files();
    outcome->found = ks_file_open(&f, conf, NOW);
    memcpy(outcome->fault, f.fault, KS_FILE_FAULT);

    if (outcome->found == KS_FILE_NONE) {
        outcome->created = ks_file_create(&f, conf);
        memcpy(outcome->fault, f.fault, KS_FILE_FAULT);

        if (outcome->created == KS_OK) {
            ks_file_discard(&f, conf);
        }
    }
}


static void
wait_for_end(pid_t pid)
{
    int  status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}


static ks_file_found_t
look(const ks_file_conf_t *conf)
{
    pid_t  pid;

    memset(outcome, 0, sizeof(*outcome));
    pid = fork();

    if (pid == 0) {
        look_by(conf);
        _exit(0);
    }

    wait_for_end(pid);

    return outcome->found;
}


static void
expect(ks_file_found_t found, const char *fault)
{
    ks_file_conf_t  conf = conf_of(ZONE);

    assert_int_equal(look(&conf), found);

    if (strstr(outcome->fault, fault) == NULL) {
        fail_msg("\"%s\" instead of \"%s\"", outcome->fault, fault);
    }
}


static void
write_at(off_t at, const void *p, size_t n)
{
    int  fd;

    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, p, n, at), (ssize_t) n);
    close(fd);
}


static void
set_key(ks_file_t *f, const char *key, const char *value)
{
    ks_str_t     k = { strlen(key), (u_char *) key };
    ks_space_t  *sp;

    sp = ks_space_open(ks_file_zone(f));
    ks_space_set_time(sp, NOW);
    assert_int_equal(kv_set(sp, k, (u_char *) value, strlen(value),
                            KS_NO_EXPIRE), KS_OK);
    ks_space_close(sp);
}


static int
has_key(ks_file_t *f, const char *key, const char *value)
{
    int          has;
    ks_str_t     k = { strlen(key), (u_char *) key };
    ks_space_t  *sp;

    sp = ks_space_open(ks_file_zone(f));
    ks_space_set_time(sp, NOW);
    has = kv_get(sp, k, (u_char *) value, strlen(value));
    assert_int_equal(ks_check(sp, report, NULL), 0);
    ks_space_close(sp);

    return has;
}


/* each test has a directory without the file */

static int
setup(void **state)
{
    (void) state;

    snprintf(dir, sizeof(dir), "/tmp/ks_file.XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/zone.ks", dir);

    return 0;
}


static int
teardown(void **state)
{
    char  command[128];

    (void) state;

    snprintf(command, sizeof(command), "rm -rf %s", dir);

    return system(command);
}


/* --- a life --- */

static void
test_life(void **state)
{
    ks_file_t       f;
    struct stat     st;
    ks_file_conf_t  conf = conf_of(ZONE);

    (void) state;

    make_file(&f);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true((size_t) st.st_blocks * 512 >= ZONE + RING);
    set_key(&f, "key", "value");

    /* a stranger gets no hold of it while we have it */
    expect(KS_FILE_REFUSED, "in use by another nginx");

    assert_int_equal(ks_file_close(&f, 1), 1);
    conf.boot = boot_then;
    assert_int_equal(look(&conf), KS_FILE_KEPT);        /* left open then */

    expect(KS_FILE_UNFIT, "was in use when the machine went down");
    conf.boot = boot_then;
    assert_int_equal(ks_file_open(&f, &conf, NOW), KS_FILE_KEPT);
    assert_true(has_key(&f, "key", "value"));
    assert_int_equal(ks_file_close(&f, 1), 1);

    /* one that was closed is good in any boot */
    conf = conf_of(ZONE);
    assert_int_equal(ks_file_open(&f, &conf, NOW), KS_FILE_KEPT);
    assert_true(has_key(&f, "key", "value"));
    assert_int_equal(ks_file_close(&f, 0), 0);

    /* and one that was not in the same: */
    assert_int_equal(look(&conf), KS_FILE_KEPT);

    /* nobody knows which boot it is */
    conf.boot = boot_unknown;
    assert_int_equal(look(&conf), KS_FILE_UNFIT);

    conf = conf_of(ZONE * 2);
    assert_int_equal(ks_file_open(&f, &conf, NOW), KS_FILE_RESIZE);
    assert_int_equal(f.size, ZONE);
    assert_true(has_key(&f, "key", "value"));
    assert_int_equal(ks_file_close(&f, 1), 1);
}


/* --- two masters --- */

/*
 * A master is executed by another one: it has the family's descriptor, and
 * nothing else of it.  It tells what it finds, and stays as long as asked.
 */

typedef struct {
    pid_t  pid;
    int    end;
} upgrade_t;


static upgrade_t
upgrade(ks_file_t *old, const ks_file_conf_t *conf, int last)
{
    int        fd, shared, found[2], end[2];
    char       c;
    ks_file_t  f;
    upgrade_t  u;

    assert_int_equal(pipe2(found, O_CLOEXEC), 0);
    assert_int_equal(pipe2(end, O_CLOEXEC), 0);
    memset(outcome, 0, sizeof(*outcome));

    u.pid = fork();

    if (u.pid == 0) {

        for (fd = 3; fd < 100; fd++) {
            if (fd != found[1] && fd != end[0]
                && (fcntl(fd, F_GETFD) & FD_CLOEXEC))
            {
                close(fd);
            }
        }

        munmap(old->map, old->len);
        shared = (ks_file_open(&f, conf, NOW) == KS_FILE_SHARED);
        outcome->found = shared ? KS_FILE_SHARED : KS_FILE_REFUSED;
        outcome->created = (int) f.seat;
        memcpy(outcome->fault, f.fault, KS_FILE_FAULT);

        if (shared) {
            set_key(&f, "upgrade", "was here");
        }

        if (write(found[1], "f", 1) != 1 || read(end[0], &c, 1) == -1) {
            _exit(1);
        }

        if (shared) {
            outcome->created = ks_file_close(&f, last);
        }

        _exit(0);
    }

    close(found[1]);
    close(end[0]);
    u.end = end[1];
    assert_int_equal(read(found[0], &c, 1), 1);
    close(found[0]);

    return u;
}


static void
end_upgrade(upgrade_t *u)
{
    close(u->end);
    wait_for_end(u->pid);
}


static void
test_upgrade(void **state)
{
    ks_file_t       f;
    upgrade_t       second, third;
    ks_file_conf_t  conf = conf_of(ZONE), other = conf_of(2 * ZONE);

    (void) state;

    make_file(&f);
    set_key(&f, "key", "value");
    assert_int_equal(f.seat, 0);
    ks_file_words(&f)[7] = 42;

    third = upgrade(&f, &other, 1);
    assert_int_equal(outcome->found, KS_FILE_REFUSED);
    assert_non_null(strstr(outcome->fault, "1048576 bytes and not of 2097152"));
    end_upgrade(&third);

    second = upgrade(&f, &conf, 1);
    assert_int_equal(outcome->found, KS_FILE_SHARED);
    assert_int_equal(outcome->created, 1);              /* its seat */
    assert_true(has_key(&f, "upgrade", "was here"));
    assert_int_equal(ks_file_words(&f)[7], 42);

    third = upgrade(&f, &conf, 1);
    assert_int_equal(outcome->found, KS_FILE_REFUSED);
    assert_non_null(strstr(outcome->fault, "by two nginx already"));
    end_upgrade(&third);

    /* it goes: there is one who stays, so that the file is not closed */
    end_upgrade(&second);
    assert_int_equal(outcome->created, 0);

    /* and once more, and the old one goes first */
    second = upgrade(&f, &conf, 1);
    assert_int_equal(outcome->found, KS_FILE_SHARED);
    assert_int_equal(outcome->created, 1);
    assert_int_equal(ks_file_close(&f, 1), 0);
    expect(KS_FILE_REFUSED, "in use by another nginx");
    memset(outcome, 0, sizeof(*outcome));
    end_upgrade(&second);
    assert_int_equal(outcome->created, 1);

    assert_int_equal(ks_file_open(&f, &conf, NOW), KS_FILE_KEPT);
    assert_true(has_key(&f, "key", "value"));
    assert_int_equal(ks_file_words(&f)[7], 0);
    assert_int_equal(ks_file_close(&f, 1), 1);
}


/* The old one closes it while the new one has only begun. */

static void
test_handed_over(void **state)
{
    int             fd;
    ks_file_t       f;
    ks_file_conf_t  conf = conf_of(ZONE);

    (void) state;

    make_file(&f);
    set_key(&f, "key", "value");
    fd = dup(f.family);
    assert_int_equal(ks_file_close(&f, 1), 1);

    assert_int_equal(ks_file_open(&f, &conf, NOW), KS_FILE_SHARED);
    assert_int_equal(f.family, fd);
    assert_true(has_key(&f, "key", "value"));
    assert_int_equal(ks_file_close(&f, 0), 0);

    conf.boot = boot_then;
    assert_int_equal(look(&conf), KS_FILE_UNFIT);       /* it is open again */
}


/* --- what is refused --- */

static void
test_refused(void **state)
{
    char       other[128];
    ks_file_t  f;

    (void) state;

    snprintf(other, sizeof(other), "%s/other", dir);

    make_file(&f);
    assert_int_equal(ks_file_close(&f, 1), 1);
    expect(KS_FILE_KEPT, "");

    assert_int_equal(chmod(path, 0640), 0);
    expect(KS_FILE_REFUSED, "has mode 0640");
    assert_int_equal(chmod(path, 0600), 0);

    assert_int_equal(link(path, other), 0);
    expect(KS_FILE_REFUSED, "has another name");
    assert_int_equal(unlink(other), 0);

    if (geteuid() == 0) {
        assert_int_equal(chown(path, 65534, 65534), 0);
        expect(KS_FILE_REFUSED, "belongs to user 65534");
        assert_int_equal(chown(path, 0, 0), 0);
    }

    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    expect(KS_FILE_REFUSED, "is a symbolic link");
    assert_int_equal(unlink(path), 0);

    assert_int_equal(mkdir(path, 0700), 0);
    expect(KS_FILE_REFUSED, "cannot be opened: Is a directory");
    assert_int_equal(rmdir(path), 0);

    assert_int_equal(mkfifo(path, 0600), 0);
    expect(KS_FILE_REFUSED, "is not a regular file");
    assert_int_equal(unlink(path), 0);

    assert_int_equal(rename(other, path), 0);
    expect(KS_FILE_KEPT, "");
}


static void
test_not_made(void **state)
{
    char  other[128];

    (void) state;

    assert_int_equal(chmod(dir, 0777), 0);
    expect(KS_FILE_NONE, "a directory in which others may write");
    assert_int_equal(outcome->created, KS_ERR);
    assert_int_equal(chmod(dir, 01777), 0);
    expect(KS_FILE_NONE, "");
    assert_int_equal(outcome->created, KS_OK);

    /* what lies there of an attempt is taken away, if it is ours */
    snprintf(other, sizeof(other), "%s.new", path);
    close(open(other, O_CREAT|O_WRONLY, 0600));
    expect(KS_FILE_NONE, "");
    assert_int_equal(outcome->created, KS_OK);

    assert_int_equal(symlink("/etc/passwd", other), 0);
    expect(KS_FILE_NONE, "cannot be made: \".new\" beside it");
    assert_int_equal(outcome->created, KS_ERR);
    assert_int_equal(unlink(other), 0);

    snprintf(path, sizeof(path), "%s/none/zone.ks", dir);
    expect(KS_FILE_NONE, "its directory: No such file");
    assert_int_equal(outcome->created, KS_ERR);
}


/* no block may be missing once it is there */

static void
test_no_room(void **state)
{
    pid_t           pid;
    ks_file_conf_t  conf = conf_of(ZONE);
    struct rlimit   limit = { ZONE / 2, ZONE / 2 };

    (void) state;

    memset(outcome, 0, sizeof(*outcome));
    pid = fork();

    if (pid == 0) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        look_by(&conf);
        _exit(0);
    }

    wait_for_end(pid);
    assert_int_equal(outcome->found, KS_FILE_NONE);
    assert_int_equal(outcome->created, KS_ERR);
    assert_non_null(strstr(outcome->fault, "File too large"));
    assert_int_equal(access(path, F_OK), -1);
    expect(KS_FILE_NONE, "");
    assert_int_equal(outcome->created, KS_OK);
}


/* --- what is unfit --- */

static void
test_unfit(void **state)
{
    int       fd;
    u_char    header[4096], both[1024], byte;
    ks_file_t f;

    (void) state;

    make_file(&f);
    assert_int_equal(ks_file_close(&f, 1), 1);

    fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
    close(fd);

    /* one head of two may be torn, but not both */
    byte = 0x55;
    write_at(20, &byte, 1);
    expect(KS_FILE_KEPT, "");
    write_at(0, header, sizeof(header));

    memcpy(both, header, sizeof(both));
    both[20] ^= 1;
    both[532] ^= 1;
    write_at(0, both, sizeof(both));
    expect(KS_FILE_UNFIT, "is torn: its header is damaged");

    memset(both, 'x', sizeof(both));
    write_at(0, both, sizeof(both));
    expect(KS_FILE_REFUSED, "is not the file of a keyspace zone");
    write_at(0, header, sizeof(header));

    byte = 0x55;
    write_at(4096, &byte, 1);
    expect(KS_FILE_UNFIT, "is torn: its zone is damaged");
    byte = '1';
    write_at(4096, &byte, 1);
    expect(KS_FILE_KEPT, "");

    assert_int_equal(truncate(path, ZONE), 0);
    expect(KS_FILE_UNFIT, "is torn: it has another length");
    assert_int_equal(truncate(path, 100), 0);
    expect(KS_FILE_UNFIT, "is torn");
    assert_int_equal(truncate(path, 0), 0);
    expect(KS_FILE_UNFIT, "is torn: it is empty");
}


/* A file that was in use is good only as itself. */

static void
test_copied(void **state)
{
    char       command[512];
    ks_file_t  f;

    (void) state;

    make_file(&f);
    set_key(&f, "key", "value");
    assert_int_equal(ks_file_close(&f, 0), 0);

    snprintf(command, sizeof(command), "cp %s %s/c && mv %s/c %s", path, dir,
             dir, path);
    assert_int_equal(system(command), 0);
    expect(KS_FILE_UNFIT, "is a copy of a file that was in use");
}


/*
 * After a power failure pages are of different moments, and nothing is found
 * to be wrong with any of them.
 */

static void
test_power_failure(void **state)
{
    int             fd;
    size_t          at, len;
    u_char         *then;
    ks_file_t       f;
    ks_file_conf_t  conf = conf_of(ZONE);

    (void) state;

    make_file(&f);
    set_key(&f, "key", "one");
    len = f.len;
    then = malloc(len);
    memcpy(then, f.map, len);

    set_key(&f, "key", "two");
    set_key(&f, "more", "three");
    assert_int_equal(ks_file_close(&f, 0), 0);

    fd = open(path, O_RDWR);

    for (at = 4096; at < len; at += 4096) {
        if (rnd(2)) {
            assert_int_equal(pwrite(fd, then + at, 4096, (off_t) at), 4096);
        }
    }

    close(fd);
    free(then);

    conf.boot = boot_then;
    assert_int_equal(look(&conf), KS_FILE_UNFIT);
    assert_non_null(strstr(outcome->fault, "machine went down"));
}


static void
test_aside(void **state)
{
    int   i;
    char  to[128], expected[128], fault[KS_FILE_FAULT];

    (void) state;

    for (i = 1; i < 4; i++) {
        close(open(path, O_CREAT|O_WRONLY, 0600));
        assert_int_equal(ks_file_aside(path, to, sizeof(to), fault), KS_OK);
        snprintf(expected, sizeof(expected), "%s.old.%d", path, i);
        assert_string_equal(to, expected);
        assert_int_equal(access(to, F_OK), 0);
        assert_int_equal(access(path, F_OK), -1);
    }

    assert_int_equal(ks_file_aside(path, to, sizeof(to), fault), KS_ERR);
    assert_string_equal(fault, "cannot be set aside: No such file or "
                               "directory");
}


/* --- all processes are killed --- */

#define WORKERS   3
#define COUNTERS  8
#define ROUNDS    60

/* what a worker knows to be done, in memory that is no zone's */
typedef struct {
    uint64_t  done[WORKERS][COUNTERS];
} noted_t;

typedef struct {
    int       worker;
    unsigned  counter;
    uint64_t  n;
} count_t;

static noted_t  *noted;


static ks_str_t
count_name(name_t buf, int worker, unsigned counter, int twin)
{
    return name(buf, "%s:%d:%u", twin ? "twin" : "count", worker, counter);
}


/* a number, and its twin in another shard, with a value of any length */

static void
count_body(ks_space_t *sp, void *data)
{
    int       twin;
    kv_t      kv;
    name_t    buf;
    u_char    value[6000];
    count_t  *c = data;

    memset(value, (int) c->n, sizeof(value));
    memcpy(value, &c->n, sizeof(c->n));

    for (twin = 0; twin < 2; twin++) {
        memset(&kv, 0, sizeof(kv));
        kv.key = count_name(buf, c->worker, c->counter, twin);
        kv.value.data = value;
        kv.value.len = 8 + (size_t) (c->n * 977 % 5900);
        kv_set_body(sp, &kv);
    }
}


static void
work(ks_file_t *f, int worker)
{
    name_t       buf[2];
    count_t      c;
    ks_str_t     key[2];
    ks_space_t  *sp;

    rnd_state += (uint64_t) getpid() * 7919;
    sp = ks_space_open(ks_file_zone(f));

    for ( ;; ) {
        c.worker = worker;
        c.counter = rnd(COUNTERS);
        c.n = noted->done[worker][c.counter] + 1;
        key[0] = count_name(buf[0], worker, c.counter, 0);
        key[1] = count_name(buf[1], worker, c.counter, 1);

        if (transaction(sp, ks_key_shard(sp, &key[0])
                            | ks_key_shard(sp, &key[1]), count_body, &c)
            != KS_OK)
        {
            _exit(1);
        }

        noted->done[worker][c.counter] = c.n;
    }
}


typedef struct {
    ks_str_t  key;
    uint64_t  n;
} read_t;


static void
read_body(ks_space_t *sp, void *data)
{
    size_t         n;
    read_t        *r = data;
    ks_entry_t    *e;
    const u_char  *p;

    e = ks_lookup(sp, &r->key, KS_LOOKUP_READ);
    r->n = 0;

    if (e) {
        p = ks_string_run(sp, e, 0, &n);
        memcpy(&r->n, p, sizeof(r->n));
        assert_int_equal(ks_string_len(e), 8 + r->n * 977 % 5900);
    }
}


/* What was noted is there, one more at the most, and twins are equal. */

static void
compare(ks_space_t *sp, int worker, unsigned counter)
{
    int       twin;
    name_t    buf;
    read_t    r[2];
    uint64_t  done;

    for (twin = 0; twin < 2; twin++) {
        r[twin].key = count_name(buf, worker, counter, twin);
        transaction(sp, ks_key_shard(sp, &r[twin].key), read_body, &r[twin]);
    }

    done = noted->done[worker][counter];
    assert_int_equal(r[0].n, r[1].n);
    assert_true(r[0].n == done || r[0].n == done + 1);

    noted->done[worker][counter] = r[0].n;
}


static void
begin_again(const ks_file_conf_t *conf)
{
    int          i, k;
    unsigned     j;
    pid_t        pids[WORKERS];
    ks_file_t    f;
    ks_space_t  *sp;

    assert_int_equal(ks_file_open(&f, conf, NOW), KS_FILE_KEPT);

    sp = ks_space_open(ks_file_zone(&f));
    assert_int_equal(ks_check(sp, report, NULL), 0);

    for (i = 0; i < WORKERS; i++) {
        for (j = 0; j < COUNTERS; j++) {
            compare(sp, i, j);
        }
    }

    ks_space_close(sp);

    for (i = 0; i < WORKERS; i++) {
        pids[i] = fork();

        if (pids[i] == 0) {
            work(&f, i);
        }
    }

    nap(2000 + rnd(20000));

    for (k = 0; k < WORKERS; k++) {
        kill(pids[k], SIGKILL);
    }

    for (k = 0; k < WORKERS; k++) {
        fire(pids[k]);
    }

    assert_int_equal(ks_file_close(&f, 0), 0);
}


static void
test_killed(void **state)
{
    int             i;
    ks_file_t       f;
    ks_file_conf_t  conf = conf_of(ZONE);

    (void) state;

    memset(noted, 0, sizeof(*noted));
    make_file(&f);
    assert_int_equal(ks_file_close(&f, 0), 0);

    for (i = 0; i < ROUNDS; i++) {
        begin_again(&conf);
    }

    assert_int_equal(ks_file_open(&f, &conf, NOW), KS_FILE_KEPT);
    print_message("worker 0 has counted to %llu\n",
                  (unsigned long long) noted->done[0][0]);
    assert_true(noted->done[0][0] > 0);
    assert_int_equal(ks_file_close(&f, 1), 1);
}


/* --- a process is killed while it carries keys over --- */

#define CARRIED  400


static void
resize(size_t size)
{
    ks_file_t       old, f;
    const char     *err;
    ks_zone_t      *zone;
    ks_carried_t    done;
    ks_file_conf_t  conf = conf_of(size);

    if (ks_file_open(&old, &conf, NOW) != KS_FILE_RESIZE
        || ks_file_create(&f, &conf) != KS_OK)
    {
        _exit(1);
    }

    zone = ks_zone_create_zeroed(ks_file_base(&f), f.size, 0,
                                 ks_zone_seed(ks_file_zone(&old)), NOW, &err);
    ks_journal_create(zone, f.ring);

    if (ks_carry(zone, ks_file_zone(&old), NOW, &done) != KS_OK
        || ks_file_settle(&f, &conf, 1) != KS_OK)
    {
        _exit(1);
    }

    (void) ks_file_close(&old, 0);
    (void) ks_file_close(&f, 1);
}


/* the size that it has now, with all keys */

static size_t
carried_to(size_t size)
{
    int              i;
    name_t           buf;
    ks_file_t        f;
    ks_space_t      *sp;
    ks_file_conf_t   conf = conf_of(size);
    ks_file_found_t  found;

    found = ks_file_open(&f, &conf, NOW);
    assert_true(found == KS_FILE_KEPT || found == KS_FILE_RESIZE);

    sp = ks_space_open(ks_file_zone(&f));
    ks_space_set_time(sp, NOW);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    assert_int_equal(stats(sp).keys, CARRIED);

    for (i = 0; i < CARRIED; i++) {
        assert_true(kv_get(sp, name(buf, "key:%d", i), NULL, 0));
    }

    ks_space_close(sp);
    size = f.size;
    assert_int_equal(ks_file_close(&f, 1), 1);

    return size;
}


static void
test_killed_resizing(void **state)
{
    int         i, taken;
    pid_t       pid;
    size_t      size;
    name_t      buf;
    ks_file_t   f;

    (void) state;

    make_file(&f);

    for (i = 0; i < CARRIED; i++) {
        (void) name(buf, "key:%d", i);
        set_key(&f, buf, "value");
    }

    assert_int_equal(ks_file_close(&f, 1), 1);

    size = ZONE;
    taken = 0;

    for (i = 0; i < 60; i++) {
        size = (size == ZONE) ? 2 * ZONE : ZONE;
        pid = fork();

        if (pid == 0) {
            resize(size);
            _exit(0);
        }

        nap(rnd(8000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);

        if (carried_to(size) == size) {
            taken++;

        } else {
            size = (size == ZONE) ? 2 * ZONE : ZONE;
        }
    }

    print_message("%d of 60 were carried over\n", taken);
}


/* What the dead had is forgotten: rows, wishes, a pause, locks. */

static void
test_forgotten(void **state)
{
    pid_t           pid;
    unsigned        i;
    ks_file_t       f;
    ks_mem_t        m;
    ks_zone_t      *zone;
    ks_file_conf_t  conf = conf_of(ZONE);

    (void) state;

    make_file(&f);
    pid = fork();

    if (pid == 0) {
        ks_mem_attach(&m, ks_file_zone(&f));
        (void) ks_process_open(&m, 7);
        ks_process_set_clients(&m, 9);
        ks_journal_want(&m, m.process, 1);
        m.zone->gate.pause = 1;
        ks_lock(&m, 3);
        kill(getpid(), SIGKILL);
    }

    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(ks_file_close(&f, 0), 0);
    assert_int_equal(ks_file_open(&f, &conf, NOW + 5000), KS_FILE_KEPT);

    zone = ks_file_zone(&f);
    ks_mem_attach(&m, zone);
    assert_int_equal(ks_process_all(&m), 0);
    assert_int_equal(ks_process_clients(zone), 0);
    assert_int_equal(zone->told, 0);
    assert_int_equal(zone->gate.pause, 0);
    assert_int_equal(zone->created_ms, NOW + 5000);

    for (i = 0; i < ks_zone_locks(zone); i++) {
        assert_int_equal(pthread_mutex_trylock(&m.shards[i].mutex), 0);
        pthread_mutex_unlock(&m.shards[i].mutex);
    }

    assert_int_equal(ks_file_close(&f, 1), 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_upgrade, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handed_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_made, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unfit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_copied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_power_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_resizing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
    };

    outcome = map_zone(sizeof(outcome_t));
    noted = map_zone(sizeof(noted_t));

    return cmocka_run_group_tests(tests, NULL, NULL);
}
