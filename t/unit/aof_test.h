/*
 * What tests of append-only files share: files that are written in memory, and
 * a zone in which their commands are run.
 */

#ifndef AOF_TEST_H
#define AOF_TEST_H

#include "load_test.h"

#include "persist/ks_aof_load.h"
#include "script/ks_script.h"


/* --- a file that is written --- */

static inline void
aof_arg(file_t *f, const void *p, size_t len)
{
    char  head[32];

    file_add(f, head, (size_t) snprintf(head, sizeof(head), "$%zu\r\n", len));
    file_add(f, p, len);
    file_add(f, "\r\n", 2);
}


static inline void
aof_head(file_t *f, unsigned argc)
{
    char  head[32];

    file_add(f, head, (size_t) snprintf(head, sizeof(head), "*%u\r\n", argc));
}


/* the words of a command, separated by single spaces; "" is an empty one */

static inline void
aof_line(file_t *f, const char *text)
{
    size_t       len;
    unsigned     n;
    const char  *p;

    for (n = 1, p = text; *p; p++) {
        n += (*p == ' ');
    }

    aof_head(f, n);

    for (p = text; n > 0; n--, p += len + 1) {
        len = strcspn(p, " ");
        aof_arg(f, p, len == 2 && memcmp(p, "\"\"", 2) == 0 ? 0 : len);
    }
}


static inline void  __attribute__((format(printf, 2, 3)))
aof_linef(file_t *f, const char *fmt, ...)
{
    char     text[4096];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    aof_line(f, text);
}


/* --- and is run --- */

static inline box_t *
aof_open(size_t size)
{
    box_t             *b;
    ks_script_conf_t   conf;

    b = box_open(size, KS_NOEVICTION);
    b->now = 0;

    assert_int_equal(ks_script_init(), KS_OK);
    memset(&conf, 0, sizeof(conf));
    ks_script_configure(b->client.space, &conf);

    return b;
}


static inline void
aof_close(box_t *b)
{
    ks_script_close(b->client.space);
    box_close(b);
}


typedef struct {
    ks_aof_replayed_t  done;
    ks_load_report_t   report;
} aof_t;

static size_t  aof_most = SIZE_MAX;     /* bytes that are read at once */
static int     aof_skip;
static int     aof_first;               /* another file follows */


/* Into sp, or only to look (NULL); what is said of it. */

static inline int
aof_bytes(ks_space_t *sp, const u_char *p, size_t len, aof_t *a)
{
    int                      rc;
    memory_t                 m;
    ks_aof_replay_t         *replay;
    ks_aof_replay_options_t  options;

    memset(a, 0, sizeof(aof_t));
    memset(&m, 0, sizeof(m));
    m.p = p;
    m.left = len;
    m.most = aof_most;

    memset(&options, 0, sizeof(options));
    options.size = len;
    options.skip = (aof_skip != 0);
    options.last = (aof_first == 0);
    options.read = memory_read;
    options.data = &m;

    replay = ks_aof_replay_open(sp, &options, &a->done, &a->report);
    assert_non_null(replay);

    do {
        rc = ks_aof_replay_step(replay, 10000);
    } while (rc == KS_AGAIN);

    ks_aof_replay_close(replay);

    if (sp != NULL) {
        ks_space_set_expiry(sp, 1);
    }

    assert_int_equal(rc != KS_OK, a->report.err[0] != '\0');

    return rc;
}


static inline void
aof_runs(box_t *b, const file_t *f, aof_t *a)
{
    if (aof_bytes(b->client.space, f->p, f->len, a) != KS_OK) {
        fail_msg("not run: %s", a->report.err);
    }
}


/* It is refused, with that text. */

static inline void
aof_refused(box_t *b, const file_t *f, const char *why)
{
    aof_t  a;

    assert_int_equal(aof_bytes(b->client.space, f->p, f->len, &a), KS_ERR);
    assert_string_equal(a.report.err, why);
    box_check(b);
    line(b, "FLUSHALL");
}


#endif /* AOF_TEST_H */
