/*
 * The manifest of an append-only file: what is one and what is none, its files
 * in their order, and the file on the disk, of which there is a whole one at
 * any time.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_test.h"
#include "persist/ks_aof_manifest.h"


static ks_aof_manifest_t  m;
static char               text[4096];


static int
parse(const char *p)
{
    return ks_aof_manifest_parse(&m, (const u_char *) p, strlen(p));
}


static void
wrong(const char *p, const char *fault)
{
    assert_int_equal(parse(p), KS_ERR);
    assert_string_equal(m.fault, fault);
}


static void
composes(const char *expected)
{
    size_t  len;

    len = ks_aof_manifest_compose(&m, text, sizeof(text));
    assert_int_equal(len, strlen(expected));
    assert_string_equal(text, expected);
}


static int
forget(void **state)
{
    (void) state;

    ks_aof_manifest_free(&m);

    return 0;
}


/* as redis-server 7.0.15 and 8.0.2 wrote them */

static void
test_of_redis(void **state)
{
    const ks_aof_file_t  *f;

    (void) state;

    assert_int_equal(parse("file appendonly.aof.1.base.rdb seq 1 type b\n"
                           "file appendonly.aof.1.incr.aof seq 1 type i\n"),
                     KS_OK);
    assert_int_equal(m.n, 2);
    assert_int_equal(m.base, 1);
    assert_int_equal(m.increment, 1);

    assert_int_equal(parse("file \"a \\\"b\\\" \\xc3\\xa9.aof.4.base.rdb\" "
                           "seq 4 type b\n"
                           "file old.aof.3.base.rdb seq 3 type h\n"
                           "file old.aof.6.incr.aof seq 6 type h\n"
                           "file x.7.incr.aof seq 7 type i\n"
                           "file x.8.incr.aof seq 8 type i startoffset 912 "
                           "endoffset 1000\n"), KS_OK);
    assert_int_equal(m.n, 5);

    f = ks_aof_manifest_next(&m, KS_AOF_BASE, NULL);
    assert_string_equal(f->name, "a \"b\" \xc3\xa9.aof.4.base.rdb");
    assert_int_equal(f->seq, 4);
    assert_null(ks_aof_manifest_next(&m, KS_AOF_BASE, f));

    f = ks_aof_manifest_next(&m, KS_AOF_INCREMENT, NULL);
    assert_string_equal(f->name, "x.7.incr.aof");
    f = ks_aof_manifest_next(&m, KS_AOF_INCREMENT, f);
    assert_string_equal(f->name, "x.8.incr.aof");
    assert_null(ks_aof_manifest_next(&m, KS_AOF_INCREMENT, f));

    composes("file \"a \\\"b\\\" \\xc3\\xa9.aof.4.base.rdb\" seq 4 type b\n"
             "file x.7.incr.aof seq 7 type i\n"
             "file x.8.incr.aof seq 8 type i\n"
             "file old.aof.3.base.rdb seq 3 type h\n"
             "file old.aof.6.incr.aof seq 6 type h\n");
}


static void
test_words(void **state)
{
    (void) state;

    /* comments, blanks, another order, single quotes, an upgraded old AOF */

    assert_int_equal(parse("# a comment of any kind \" '\n"
                           "  type b \t seq 1  file appendonly.aof \r\n"
                           "FILE 'it\\'s' SEQ 12 TYPE i\n"), KS_OK);
    assert_string_equal(m.files[0].name, "appendonly.aof");
    assert_int_equal(parse("file 'it\\'s n' seq 12 type i\n"), KS_OK);
    assert_string_equal(m.files[0].name, "it's n");

    assert_int_equal(parse("file \"\\n\\r\\t\\b\\a\\x41\\xzz\\q\" seq 1 type b"
                           "\n"), KS_OK);
    assert_string_equal(m.files[0].name, "\n\r\t\b\aAxzzq");
}


static void
test_wrong(void **state)
{
    char  *p, line[1200];

    (void) state;

    wrong("", "line 1: it names no file that is to be read");
    wrong("# nothing\n", "line 2: it names no file that is to be read");
    wrong("file a seq 1 type h\n",
          "line 2: it names no file that is to be read");
    wrong("file a seq 1 type b", "line 1: it has no end");
    wrong("file a seq 1 type b\nfile b seq 1 ty", "line 2: it has no end");
    wrong("file a seq 1 type b\n\n",
          "line 2: it is not \"file NAME seq N type b|i|h\"");
    wrong("file a seq 1\n",
          "line 1: it is not \"file NAME seq N type b|i|h\"");
    wrong("file a type b\n",
          "line 1: it is not \"file NAME seq N type b|i|h\"");
    wrong("seq 1 type b\n",
          "line 1: it is not \"file NAME seq N type b|i|h\"");
    wrong("file a seq 1 type b x\n",
          "line 1: it is not \"file NAME seq N type b|i|h\"");

    wrong("file a seq 1 type b\nfile b seq 2 type b\n",
          "line 2: a second base");
    wrong("file a seq 1 type b\nfile a seq 2 type i\n",
          "line 2: a second file of that name");
    wrong("file a seq 1 type i\nfile b seq 3 type i\n",
          "line 2: the increment behind 1 is 3");
    wrong("file a seq 2 type i\nfile b seq 2 type i\n",
          "line 2: the increment behind 2 is 2");
    wrong("file a seq 2 type i\nfile b seq 1 type i\n",
          "line 2: the increment behind 2 is 1");

    wrong("file a/b seq 1 type b\n",
          "line 1: a name is no name in the directory");
    wrong("file ../b seq 1 type b\n",
          "line 1: a name is no name in the directory");
    wrong("file \"a\\x2fb\" seq 1 type b\n",
          "line 1: a name is no name in the directory");
    wrong("file a\\b seq 1 type b\n",
          "line 1: a name is no name in the directory");
    wrong("file \"a\\x00\" seq 1 type b\n",
          "line 1: a name is no name in the directory");
    wrong("file .. seq 1 type b\n",
          "line 1: a name is no name in the directory");
    wrong("file . seq 1 type b\n",
          "line 1: a name is no name in the directory");
    wrong("file \"\" seq 1 type b\n", "line 1: a name has 0 bytes");

    wrong("file a seq 1 type x\n", "line 1: a type is none of b, i and h");
    wrong("file a seq 1 type base\n", "line 1: a type is none of b, i and h");
    wrong("file a seq 1 type \"\\x00\"\n",
          "line 1: a type is none of b, i and h");
    wrong("file a seq 0 type b\n", "line 1: a sequence number is none");
    wrong("file a seq -1 type b\n", "line 1: a sequence number is none");
    wrong("file a seq 1x type b\n", "line 1: a sequence number is none");
    wrong("file a seq 9223372036854775807 type b\n",
          "line 1: a sequence number is none");
    wrong("file a seq 99999999999999999999 type b\n",
          "line 1: a sequence number is none");

    wrong("file \"a seq 1 type b\n", "line 1: a word in quotes does not end,"
          " or there are too many words");
    wrong("file \"a\"b seq 1 type b\n", "line 1: a word in quotes does not end,"
          " or there are too many words");
    wrong("file \"a\\\" seq 1 type b\n", "line 1: a word in quotes does not "
          "end, or there are too many words");
    wrong("a b c d e f g h a b c d e f g h a b c d e f g h a b c d e f g h i\n",
          "line 1: a word in quotes does not end, or there are too many words");

    memset(line, 'a', sizeof(line));
    memcpy(line, "file ", 5);
    memcpy(line + sizeof(line) - 2, "\n", 2);
    wrong(line, "line 1: it is longer than 1024 bytes");

    p = line + 5 + KS_AOF_NAME - 1;
    strcpy(p, " seq 1 type b\n");
    assert_int_equal(parse(line), KS_OK);
    strcpy(p, "a seq 1 type b\n");
    wrong(line, "line 1: a name has 256 bytes");
}


/* Whatever is cut off or put in the place of a byte: no more than an error. */

static void
test_damaged(void **state)
{
    size_t      i;
    unsigned    c;
    u_char     *p;
    const char *good = "file \"a \\x41\" seq 1 type b\n"
                       "file 'b' seq 1 type i\nfile c seq 2 type i\n";

    (void) state;

    for (i = 0; i < strlen(good); i++) {
        p = malloc(i + 1);
        memcpy(p, good, i);
        (void) ks_aof_manifest_parse(&m, p, i);
        free(p);
    }

    for (i = 0; i < strlen(good); i++) {
        for (c = 0; c < 256; c++) {
            p = malloc(strlen(good));
            memcpy(p, good, strlen(good));
            p[i] = (u_char) c;
            (void) ks_aof_manifest_parse(&m, p, strlen(good));
            free(p);
        }
    }
}


static void
test_life(void **state)
{
    unsigned           i;
    ks_aof_manifest_t  copy;

    (void) state;

    memset(&copy, 0, sizeof(copy));

    assert_string_equal(ks_aof_manifest_rebase(&m, 1)->name,
                        "appendonly.aof.1.base.rdb");
    assert_string_equal(ks_aof_manifest_extend(&m)->name,
                        "appendonly.aof.1.incr.aof");
    composes("file appendonly.aof.1.base.rdb seq 1 type b\n"
             "file appendonly.aof.1.incr.aof seq 1 type i\n");

    /* a rewrite that fails leaves an increment more, the next one counts */

    assert_int_equal(ks_aof_manifest_extend(&m)->seq, 2);
    assert_int_equal(ks_aof_manifest_extend(&m)->seq, 3);
    assert_int_equal(ks_aof_manifest_copy(&copy, &m), KS_OK);
    assert_int_equal(ks_aof_manifest_rebase(&m, 3)->seq, 2);
    composes("file appendonly.aof.2.base.rdb seq 2 type b\n"
             "file appendonly.aof.3.incr.aof seq 3 type i\n"
             "file appendonly.aof.1.base.rdb seq 1 type h\n"
             "file appendonly.aof.1.incr.aof seq 1 type h\n"
             "file appendonly.aof.2.incr.aof seq 2 type h\n");

    /* what is history is kept in its order */

    assert_int_equal(ks_aof_manifest_extend(&m)->seq, 4);
    assert_int_equal(ks_aof_manifest_rebase(&m, 4)->seq, 3);
    composes("file appendonly.aof.3.base.rdb seq 3 type b\n"
             "file appendonly.aof.4.incr.aof seq 4 type i\n"
             "file appendonly.aof.1.base.rdb seq 1 type h\n"
             "file appendonly.aof.1.incr.aof seq 1 type h\n"
             "file appendonly.aof.2.incr.aof seq 2 type h\n"
             "file appendonly.aof.2.base.rdb seq 2 type h\n"
             "file appendonly.aof.3.incr.aof seq 3 type h\n");

    ks_aof_manifest_forget(&m);
    composes("file appendonly.aof.3.base.rdb seq 3 type b\n"
             "file appendonly.aof.4.incr.aof seq 4 type i\n");

    /* a copy is another one */

    assert_int_equal(copy.n, 4);
    assert_int_equal(ks_aof_manifest_copy(&m, &copy), KS_OK);
    ks_aof_manifest_free(&copy);
    composes("file appendonly.aof.1.base.rdb seq 1 type b\n"
             "file appendonly.aof.1.incr.aof seq 1 type i\n"
             "file appendonly.aof.2.incr.aof seq 2 type i\n"
             "file appendonly.aof.3.incr.aof seq 3 type i\n");

    for (i = 4; i < 100; i++) {
        assert_int_equal(ks_aof_manifest_extend(&m)->seq, i);
    }

    ks_aof_manifest_compose(&m, text, 10);      /* no byte too many */
    assert_int_equal(strlen(text), 9);
}


static void
test_disk(void **state)
{
    int    fd;
    char   dir[64], path[128], name[KS_AOF_NAME];

    (void) state;

    strcpy(dir, "/tmp/ks_manifest.XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/temp-" KS_AOF_MANIFEST, dir);

    assert_int_equal(ks_aof_manifest_read(&m, "/nowhere", "x"), KS_NONE);
    assert_int_equal(ks_aof_manifest_read(&m, dir, KS_AOF_MANIFEST), KS_NONE);
    assert_int_equal(ks_aof_manifest_find(&m, dir, name), KS_NONE);

    assert_non_null(ks_aof_manifest_rebase(&m, 1));
    assert_non_null(ks_aof_manifest_extend(&m));

    /* a link that somebody has put there is not followed */

    assert_int_equal(symlink("/nowhere/else", path), 0);
    assert_int_equal(ks_aof_manifest_write(&m, dir, KS_AOF_MANIFEST), KS_OK);
    assert_int_equal(access(path, F_OK), -1);

    assert_int_equal(ks_aof_manifest_find(&m, dir, name), KS_OK);
    assert_string_equal(name, KS_AOF_MANIFEST);
    assert_int_equal(ks_aof_manifest_read(&m, dir, name), KS_OK);
    assert_int_equal(m.n, 2);

    /* it cannot be written: the old one stays */

    assert_int_equal(mkdir(path, 0700), 0);
    assert_non_null(ks_aof_manifest_extend(&m));
    assert_int_equal(ks_aof_manifest_write(&m, dir, KS_AOF_MANIFEST), KS_ERR);
    assert_int_equal(m.err, EISDIR);
    assert_string_equal(m.fault, "unlink() \"temp-appendonly.aof.manifest\" "
                        "failed: Is a directory");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(ks_aof_manifest_read(&m, dir, name), KS_OK);
    assert_int_equal(m.n, 2);

    assert_int_equal(ks_aof_manifest_write(&m, "/nowhere", name), KS_ERR);
    assert_int_equal(m.err, ENOENT);

    /* a second one, and something else */

    snprintf(path, sizeof(path), "%s/other.manifest", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(ks_aof_manifest_find(&m, dir, name), KS_ERR);
    assert_string_equal(m.fault, "there is more than one manifest");
    assert_int_equal(ks_aof_manifest_read(&m, dir, "other.manifest"), KS_ERR);
    assert_string_equal(m.fault, "\"other.manifest\" is no manifest");
    assert_int_equal(rmdir(path), 0);

    fd = open(path, O_WRONLY|O_CREAT, 0600);
    assert_int_equal(write(fd, "file", 4), 4);
    close(fd);
    assert_int_equal(ks_aof_manifest_read(&m, dir, "other.manifest"), KS_ERR);
    assert_string_equal(m.fault, "line 1: it has no end");
    unlink(path);

    assert_int_equal(ks_aof_manifest_read(&m, "/dev/null", name), KS_ERR);
    assert_int_equal(m.err, ENOTDIR);

    snprintf(path, sizeof(path), "%s/" KS_AOF_MANIFEST, dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);            /* nothing is left over */
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_teardown(test_of_redis, forget),
        cmocka_unit_test_teardown(test_words, forget),
        cmocka_unit_test_teardown(test_wrong, forget),
        cmocka_unit_test_teardown(test_damaged, forget),
        cmocka_unit_test_teardown(test_life, forget),
        cmocka_unit_test_teardown(test_disk, forget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
