/*
 * What tests of loading share: RDB files in memory, and a zone that they are
 * loaded into.
 */

#ifndef LOAD_TEST_H
#define LOAD_TEST_H

#include "command_test.h"
#include "rdb_samples.h"

#include "persist/ks_load.h"
#include "types/ks_crc64.h"
#include "types/ks_packed.h"


/* --- a file that is written --- */

typedef struct {
    u_char    *p;
    size_t     len;
    size_t     room;
} file_t;


static inline void
file_add(file_t *f, const void *p, size_t len)
{
    if (f->len + len > f->room) {
        f->room = (f->len + len) * 2 + 64;
        f->p = realloc(f->p, f->room);
        assert_non_null(f->p);
    }

    memcpy(f->p + f->len, p, len);
    f->len += len;
}


#define file_str(f, text)  file_add(f, text, sizeof(text) - 1)


static inline void
file_begin(file_t *f, const char *magic)
{
    memset(f, 0, sizeof(file_t));
    file_add(f, magic, strlen(magic));
}


static inline void
file_length(file_t *f, uint64_t n)
{
    u_char  b[KS_RDB_LENGTH];

    file_add(f, b, (size_t) (ks_rdb_put_length(b, n) - b));
}


static inline void
file_string(file_t *f, const void *p, size_t len)
{
    file_length(f, len);
    file_add(f, p, len);
}


static inline void  __attribute__((format(printf, 2, 3)))
file_text(file_t *f, const char *fmt, ...)
{
    char     text[256];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    file_string(f, text, strlen(text));
}


static inline void
file_little(file_t *f, uint64_t v, unsigned n)
{
    u_char  b[8];

    ks_put_little(b, v, n);
    file_add(f, b, n);
}


/* a key with a value that is a dump without its footer */

static inline void
file_dump(file_t *f, const char *key, const char *bytes, size_t len)
{
    file_add(f, bytes, 1);
    file_text(f, "%s", key);
    file_add(f, bytes + 1, len - 1);
}


/* the end, from version 5 on with a sum */

static inline void
file_end(file_t *f)
{
    file_str(f, "\xff");
    file_little(f, ks_crc64(f->p, f->len), 8);
}


static inline void
file_free(file_t *f)
{
    free(f->p);
    memset(f, 0, sizeof(file_t));
}


/* --- and is read --- */

typedef struct {
    const u_char  *p;
    size_t         left;
    size_t         most;        /* bytes that are given at once */
    const char    *library;     /* what is said of libraries; NULL: fine */
    char           text[256];   /* the last of them */
} memory_t;


static inline ssize_t
memory_read(void *data, u_char *to, size_t n, const char **err)
{
    memory_t  *m;

    (void) err;

    m = data;
    n = ks_min(ks_min(n, m->most), m->left);
    memcpy(to, m->p, n);
    m->p += n;
    m->left -= n;

    return (ssize_t) n;
}


static inline int
memory_library(void *data, const ks_str_t *text, const char **err)
{
    memory_t  *m;

    m = data;
    snprintf(m->text, sizeof(m->text), "%.*s", (int) text->len, text->data);
    *err = m->library;

    return m->library ? KS_ERR : KS_OK;
}


/* how files are loaded from here on */

static size_t       load_most = SIZE_MAX;
static int          load_skip;
static int          load_tail;
static const char  *load_library;
static char         load_text[256];


/* Into sp, or only to look (NULL); what is said of it. */

static inline int
load_bytes(ks_space_t *sp, const u_char *p, size_t len, ks_load_report_t *r)
{
    int                 rc;
    memory_t            m;
    ks_load_t          *load;
    ks_load_options_t   options;

    memset(&m, 0, sizeof(m));
    m.p = p;
    m.left = len;
    m.most = load_most;
    m.library = load_library;

    memset(&options, 0, sizeof(options));
    options.size = len;
    options.now = NOW;
    options.skip = (load_skip != 0);
    options.tail = (load_tail != 0);
    options.read = memory_read;
    options.library = memory_library;
    options.data = &m;

    load = ks_load_open(sp, &options);
    assert_non_null(load);

    do {
        rc = ks_load_step(load, 10000);
    } while (rc == KS_AGAIN);

    *r = *ks_load_report(load);
    ks_load_close(load);

    if (sp != NULL) {
        ks_space_set_expiry(sp, 1);
    }

    memcpy(load_text, m.text, sizeof(load_text));

    assert_int_equal(rc != KS_OK, r->err[0] != '\0');

    return rc;
}


static inline void
load_file(box_t *b, const file_t *f, ks_load_report_t *r)
{
    if (load_bytes(b->client.space, f->p, f->len, r) != KS_OK) {
        fail_msg("not loaded: %s", r->err);
    }
}


/* The file is refused, for that reason. */

static inline void
load_refused(box_t *b, const file_t *f, const char *why)
{
    ks_load_report_t  r;

    assert_int_equal(load_bytes(b->client.space, f->p, f->len, &r), KS_ERR);

    if (strstr(r.err, why) == NULL || strstr(r.err, " at byte ") == NULL) {
        fail_msg("\"%s\" is not said in: %s", why, r.err);
    }

    box_check(b);
}


#endif /* LOAD_TEST_H */
