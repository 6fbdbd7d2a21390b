/*
 * Loading append-only files from the disk: directories with a manifest, single
 * files, those that begin with an RDB file; and what is missing or torn.
 */

#define _GNU_SOURCE                     /* memmem() */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aof_test.h"


#define MANIFEST  "file a.1.base.rdb seq 1 type b\n"                          \
                  "file a.1.incr.aof seq 1 type i\n"                          \
                  "file a.2.incr.aof seq 2 type i\n"                          \
                  "file a.0.base.rdb seq 7 type h\n"

static char             dir[64];
static box_t           *box;
static file_t           rdb, first, second;
static ks_aof_report_t  r;
static int              cut;
static const char      *manifest;


static void
put(const char *name, const void *p, size_t len)
{
    int   fd;
    char  path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY|O_CREAT|O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, len), len);
    close(fd);
}


static off_t
size_of(const char *name)
{
    char         path[128];
    struct stat  st;

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    return stat(path, &st) == 0 ? st.st_size : -1;
}


static ino_t
inode_of(const char *name)
{
    char         path[128];
    struct stat  st;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(stat(path, &st), 0);

    return st.st_ino;
}


static void
drop(const char *name)
{
    char  path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(unlink(path), 0);
}


/* the directory, or that file in it; what is said of it */

static int
load(ks_space_t *sp, const char *name)
{
    int                    rc;
    char                   path[128];
    memory_t               m;
    ks_aof_load_t         *l;
    ks_aof_load_options_t  options;

    snprintf(path, sizeof(path), "%s%s%s", dir, name ? "/" : "",
             name ? name : "");

    memset(&m, 0, sizeof(m));
    memset(&options, 0, sizeof(options));
    options.path = path;
    options.manifest = manifest;
    options.skip = (aof_skip != 0);
    options.cut = (cut != 0);
    options.library = memory_library;
    options.data = &m;

    l = ks_aof_load_open(sp, &options);
    assert_non_null(l);

    do {
        rc = ks_aof_load_step(l, 100);
    } while (rc == KS_AGAIN);

    r = *ks_aof_load_report(l);
    ks_aof_load_close(l);

    assert_int_equal(rc == KS_ERR, r.err[0] != '\0');

    return rc;
}


static void
loads(const char *name)
{
    if (load(box->client.space, name) != KS_OK) {
        fail_msg("not loaded: %s", r.err);
    }

    assert_int_equal(r.loaded, r.size);
}


static void  __attribute__((format(printf, 2, 3)))
refused(const char *name, const char *fmt, ...)
{
    char     why[1024];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(why, sizeof(why), fmt, args);
    va_end(args);

    assert_int_equal(load(box->client.space, name), KS_ERR);

    if (strstr(r.err, why) == NULL) {
        fail_msg("\"%s\" is not said in: %s", why, r.err);
    }

    box_check(box);
    line(box, "FLUSHALL");
}


static int
set_up(void **state)
{
    (void) state;

    aof_skip = 0;
    cut = 0;
    manifest = NULL;

    strcpy(dir, "/tmp/ks_aof.XXXXXX");
    assert_non_null(mkdtemp(dir));
    box = aof_open(8 << 20);

    /* "due" is long past, but may be changed yet */

    file_begin(&rdb, "REDIS0010");
    file_str(&rdb, "\xfa\x09redis-ver\5" "7.0.1" "\xfa\x08" "aof-base\xc0\1"
             "\xfe\0\xfb\2\1");
    file_str(&rdb, "\0\1k\2v1");
    file_str(&rdb, "\xfc");
    file_little(&rdb, 1500000000000, 8);
    file_str(&rdb, "\0\3due\2v2");
    file_end(&rdb);

    memset(&first, 0, sizeof(first));
    aof_line(&first, "SELECT 0");
    aof_line(&first, "APPEND k 2");
    aof_line(&first, "PERSIST due");

    memset(&second, 0, sizeof(second));
    aof_line(&second, "APPEND k 3");
    aof_line(&second, "MULTI");
    aof_line(&second, "RPUSH l a");
    aof_line(&second, "RPUSH l b");
    aof_line(&second, "EXEC");

    put("x.manifest", MANIFEST, sizeof(MANIFEST) - 1);
    put("a.1.base.rdb", rdb.p, rdb.len);
    put("a.1.incr.aof", first.p, first.len);
    put("a.2.incr.aof", second.p, second.len);

    return 0;
}


static int
tear_down(void **state)
{
    char  command[128];

    (void) state;

    aof_close(box);
    file_free(&rdb);
    file_free(&first);
    file_free(&second);
    snprintf(command, sizeof(command), "rm -r %s", dir);

    return system(command);
}


static void
expect_all(void)
{
    assert_string_equal(line(box, "GET k"), "$4\r\nv123\r\n");
    assert_string_equal(line(box, "GET due"), "$2\r\nv2\r\n");
    assert_string_equal(line(box, "LRANGE l 0 -1"),
                        "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
    assert_int_equal(integer(line(box, "DBSIZE")), 3);
    line(box, "FLUSHALL");
}


/* --- what is there --- */

static void
test_directory(void **state)
{
    (void) state;

    loads(NULL);
    assert_int_equal(r.files, 3);
    assert_int_equal(r.rdb.keys, 2);
    assert_int_equal(r.done.commands, 5);
    assert_int_equal(r.done.transactions, 1);
    assert_null(r.torn);
    assert_int_equal(r.increment, 2);
    assert_int_equal(r.length, second.len);
    assert_int_equal(r.inode, inode_of("a.2.incr.aof"));
    expect_all();

    manifest = "x.manifest";
    loads(NULL);
    expect_all();

    /* what is due expires as ever, afterwards */

    line(box, "SET k v PX 1");
    usleep(3000);
    assert_string_equal(line(box, "GET k"), "$-1\r\n");

    /* only to look */

    line(box, "FLUSHALL");
    assert_int_equal(load(NULL, NULL), KS_OK);
    assert_int_equal(r.rdb.keys, 2);
    assert_int_equal(integer(line(box, "DBSIZE")), 0);
}


/* Commands behind the RDB file, an increment that is empty, no base at all. */

static void
test_forms(void **state)
{
    file_t  f;

    static const char  increments[] = "file b seq 5 type i\n"
                                      "file a.2.incr.aof seq 6 type i\n";

    (void) state;

    /* an append-only file of before Redis 7 */

    file_begin(&f, "");
    file_add(&f, rdb.p, rdb.len);
    file_add(&f, first.p, first.len);
    file_add(&f, second.p, second.len);
    put("old.aof", f.p, f.len);
    loads("old.aof");
    assert_int_equal(r.files, 1);
    assert_int_equal(r.increment, 0);
    expect_all();

    put("a.1.base.rdb", f.p, f.len - second.len);
    put("a.1.incr.aof", "", 0);
    loads(NULL);
    expect_all();

    /* the same, but commands alone */

    f.len = 0;
    aof_line(&f, "SET k v1");
    aof_line(&f, "SET due v2 PXAT 1500000000000");
    file_add(&f, first.p, first.len);
    put("a.1.base.rdb", f.p, f.len);
    loads(NULL);
    expect_all();

    put("x.manifest", increments, sizeof(increments) - 1);
    put("b", f.p, f.len);
    loads(NULL);
    expect_all();

    file_add(&f, second.p, second.len);
    put("plain", f.p, f.len);
    loads("plain");
    expect_all();

    /* an RDB file is one: what is due has expired, and nothing may follow */

    ((u_char *) memmem(rdb.p, rdb.len, "\xc0\1", 2))[1] = 0;
    memset(rdb.p + rdb.len - 8, 0, 8);
    put("dump.rdb", rdb.p, rdb.len);
    loads("dump.rdb");
    assert_int_equal(r.rdb.keys, 1);
    assert_int_equal(r.rdb.expired, 1);
    line(box, "FLUSHALL");

    file_add(&rdb, first.p, first.len);
    put("dump.rdb", rdb.p, rdb.len);
    refused("dump.rdb", "bytes follow the end at byte ");

    file_free(&f);
}


/* --- what is missing --- */

static void
test_missing(void **state)
{
    char  path[128];

    (void) state;

    drop("a.1.incr.aof");
    refused(NULL, "open() \"%s/a.1.incr.aof\" failed: No such file", dir);

    snprintf(path, sizeof(path), "%s/a.1.incr.aof", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    refused(NULL, "\"%s/a.1.incr.aof\" is no regular file", dir);
    assert_int_equal(rmdir(path), 0);
    put("a.1.incr.aof", first.p, first.len);

    put("y.manifest", MANIFEST, sizeof(MANIFEST) - 1);
    refused(NULL, "the manifest of \"%s\": there is more than one", dir);
    drop("y.manifest");

    put("x.manifest", MANIFEST, sizeof(MANIFEST) - 2);
    refused(NULL, "the manifest of \"%s\": line 4: it has no end", dir);
    drop("x.manifest");
    refused(NULL, "\"%s\" has no manifest", dir);

    /* asked for by its name, there may be none, but then no increments */

    manifest = "x.manifest";
    refused(NULL, ".incr.aof\", but no manifest \"x.manifest\"");
    put("a.1.incr.aof", "", 0);
    put("a.2.incr.aof", "", 0);
    assert_int_equal(load(box->client.space, NULL), KS_NONE);
    assert_int_equal(load(box->client.space, "none"), KS_NONE);
    refused("a.1.incr.aof", "Not a directory");

    manifest = NULL;
    refused("none", "open() \"%s/none\" failed: No such file", dir);
    put("junk", "PK\3\4", 4);
    refused("junk", "it is no RDB file");
    put("junk", "", 0);
    refused("junk", "it is no RDB file");
}


/* --- what is torn --- */

static void
test_torn(void **state)
{
    size_t  len, whole;

    (void) state;

    whole = (size_t) ((u_char *) memmem(second.p, second.len, "*1\r\n$5", 6)
                      - second.p);

    for (len = whole + 1; len < second.len; len++) {
        put("a.2.incr.aof", second.p, len);
        cut = 0;
        loads(NULL);
        assert_int_equal(r.done.torn, len - whole);
        assert_int_equal(r.done.torn_at, whole);
        assert_int_equal(r.length, whole);
        assert_non_null(r.torn);
        assert_int_equal(size_of("a.2.incr.aof"), len);

        line(box, "FLUSHALL");
        cut = 1;
        loads(NULL);
        assert_int_equal(r.done.torn, len - whole);
        assert_int_equal(size_of("a.2.incr.aof"), whole);
        assert_string_equal(line(box, "GET k"), "$4\r\nv123\r\n");
        assert_int_equal(integer(line(box, "DBSIZE")), 2);

        line(box, "FLUSHALL");
        loads(NULL);
        assert_null(r.torn);
        line(box, "FLUSHALL");
    }

    /* not the last one, and an RDB file */

    put("a.1.incr.aof", first.p, first.len - 1);
    refused(NULL, "\"%s/a.1.incr.aof\" cannot be loaded: the file ends too "
            "early, and is not the last one: a command at byte ", dir);
    assert_int_equal(size_of("a.1.incr.aof"), first.len - 1);
    put("a.1.incr.aof", first.p, first.len);

    put("a.1.base.rdb", rdb.p, rdb.len - 1);
    refused(NULL, "\"%s/a.1.base.rdb\" cannot be loaded: the file ends too "
            "early at byte ", dir);

    put("x.manifest", MANIFEST, 31);
    refused(NULL, "ends too early at byte ");

    /* a fault is none, and nothing is cut off */

    put("a.1.base.rdb", rdb.p, rdb.len);
    put("x.manifest", MANIFEST, sizeof(MANIFEST) - 1);
    second.p[1] = 'x';
    put("a.2.incr.aof", second.p, second.len);
    refused(NULL, "\"%s/a.2.incr.aof\" cannot be loaded: a number is none at "
            "byte 1", dir);
    assert_int_equal(size_of("a.2.incr.aof"), second.len);
}


/* What is left out of the files of an append-only file is counted together. */

static void
test_left(void **state)
{
    char  text[256];

    (void) state;

    aof_line(&first, "BF.ADD k 1");
    put("a.1.incr.aof", first.p, first.len);
    aof_line(&second, "BF.ADD k 2");
    put("a.2.incr.aof", second.p, second.len);

    refused(NULL, "a.1.incr.aof\" cannot be loaded: a zone cannot run command "
            "\"bf.add\" at byte ");
    assert_int_equal(load(NULL, NULL), KS_OK);
    ks_load_left(&r.rdb, text, sizeof(text));
    assert_string_equal(text, "2 of command \"bf.add\"");

    aof_skip = 1;
    loads(NULL);
    expect_all();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_directory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_left, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
