/*
 * The files of an append-only file, one after the other: which ones there are,
 * and by whom each is read.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persist/ks_aof_load.h"


struct ks_aof_load_s {
    ks_space_t             *space;
    ks_aof_load_options_t   options;
    ks_aof_report_t         report;
    ks_aof_manifest_t       manifest;
    unsigned                files;      /* that are to be read */
    char                    path[PATH_MAX];     /* of the one that is */
    unsigned                begun:1;
    unsigned                directory:1;
    unsigned                ended:1;

    int                     fd;         /* of the open file; -1 */
    int                     err;        /* errno of reading it */
    uint64_t                size;
    uint64_t                inode;
    uid_t                   owner;
    uint64_t                offset;     /* where it is read next */
    uint64_t                before;     /* bytes of the files before it */

    ks_load_t              *rdb;        /* who reads it: either, or none */
    ks_aof_replay_t        *replay;
};


static int ks_aof_load_fail(ks_aof_load_t *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static int
ks_aof_load_fail(ks_aof_load_t *l, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(l->report.err, sizeof(l->report.err), fmt, args);
    va_end(args);

    return KS_ERR;
}


static int
ks_aof_load_failed(ks_aof_load_t *l, const char *call, const char *path)
{
    return ks_aof_load_fail(l, "%s \"%s\" failed: %s", call, path,
                            strerror(errno));
}


/* --- a file --- */

static ssize_t
ks_aof_load_read(void *data, u_char *to, size_t n, const char **err)
{
    ssize_t         got;
    ks_aof_load_t  *l;

    l = data;

    do {
        got = pread(l->fd, to, n, (off_t) l->offset);
    } while (got == -1 && errno == EINTR);

    if (got == -1) {
        *err = "the file cannot be read";
        l->err = errno;
        return -1;
    }

    l->offset += (uint64_t) got;

    return got;
}


static int
ks_aof_load_library(void *data, const ks_str_t *text, const char **err)
{
    ks_aof_load_t  *l;

    l = data;

    return l->options.library(l->options.data, text, err);
}


/* What a reader has found is said of the file that it is in. */

static int
ks_aof_load_wrong(ks_aof_load_t *l)
{
    return ks_aof_load_fail(l, "\"%s\" cannot be loaded: %s%s%s", l->path,
                            l->report.rdb.err, l->err ? ": " : "",
                            l->err ? strerror(l->err) : "");
}


static void
ks_aof_load_shut(ks_aof_load_t *l)
{
    if (l->rdb != NULL) {
        ks_load_close(l->rdb);
        l->rdb = NULL;
    }

    if (l->replay != NULL) {
        ks_aof_replay_close(l->replay);
        l->replay = NULL;
    }

    if (l->fd != -1) {
        (void) close(l->fd);
        l->fd = -1;
    }
}


static int
ks_aof_load_rdb(ks_aof_load_t *l)
{
    ks_load_options_t  options;

    memset(&options, 0, sizeof(ks_load_options_t));

    options.size = l->size;
    options.skip = l->options.skip;
    options.tail = 1;
    options.read = ks_aof_load_read;
    options.library = l->options.library ? ks_aof_load_library : NULL;
    options.data = l;

    l->rdb = ks_load_open(l->space, &options);

    return l->rdb ? KS_OK : ks_aof_load_fail(l, "there is no memory");
}


static int
ks_aof_load_commands(ks_aof_load_t *l)
{
    ks_aof_replay_options_t  options;

    memset(&options, 0, sizeof(ks_aof_replay_options_t));

    options.from = l->offset;
    options.size = l->size;
    options.skip = l->options.skip;
    options.last = (l->report.files == l->files);
    options.read = ks_aof_load_read;
    options.data = l;

    l->replay = ks_aof_replay_open(l->space, &options, &l->report.done,
                                   &l->report.rdb);

    return l->replay ? KS_OK : ks_aof_load_fail(l, "there is no memory");
}


/*
 * What has the magic of an RDB file is read as one.  In a directory all else
 * are commands, even if there are none; by itself, what begins as one does.
 */

static int
ks_aof_load_reader(ks_aof_load_t *l)
{
    int     n;
    u_char  magic[6];

    n = (int) pread(l->fd, magic, sizeof(magic), 0);

    if (n == -1) {
        return ks_aof_load_failed(l, "read()", l->path);
    }

    if ((n >= 5 && memcmp(magic, "REDIS", 5) == 0)
        || (n >= 6 && memcmp(magic, "VALKEY", 6) == 0))
    {
        return ks_aof_load_rdb(l);
    }

    return l->directory || (n > 0 && (magic[0] == '*' || magic[0] == '#'))
           ? ks_aof_load_commands(l) : ks_aof_load_rdb(l);
}


static int
ks_aof_load_file(ks_aof_load_t *l)
{
    struct stat  st;

    l->fd = open(l->path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (l->fd == -1) {
        return ks_aof_load_failed(l, "open()", l->path);
    }

    if (fstat(l->fd, &st) == -1) {
        return ks_aof_load_failed(l, "fstat()", l->path);
    }

    if (!S_ISREG(st.st_mode)) {
        return ks_aof_load_fail(l, "\"%s\" is no regular file", l->path);
    }

    l->report.files++;
    l->size = (uint64_t) st.st_size;
    l->inode = (uint64_t) st.st_ino;
    l->owner = st.st_uid;
    l->offset = 0;
    l->err = 0;

    return ks_aof_load_reader(l);
}


/* A tail that is torn is not to be there when somebody appends. */

static int
ks_aof_load_cut(ks_aof_load_t *l)
{
    int          fd, rc;
    struct stat  st;

    fd = open(l->path, O_WRONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        return ks_aof_load_failed(l, "open()", l->path);
    }

    if (fstat(fd, &st) == -1) {
        rc = ks_aof_load_failed(l, "fstat()", l->path);

    } else if ((uint64_t) st.st_size != l->size) {
        rc = ks_aof_load_fail(l, "\"%s\" has grown meanwhile", l->path);

    } else if (ftruncate(fd, (off_t) l->report.done.torn_at) == -1) {
        rc = ks_aof_load_failed(l, "ftruncate()", l->path);

    } else {
        rc = fsync(fd) == -1 ? ks_aof_load_failed(l, "fsync()", l->path)
                             : KS_OK;
    }

    (void) close(fd);

    return rc;
}


/* --- the files --- */

/* Those of the manifest that count are its first: how many. */

static unsigned
ks_aof_load_files(const ks_aof_load_t *l)
{
    unsigned  n;

    for (n = 0; n < l->manifest.n; n++) {
        if (l->manifest.files[n].kind == KS_AOF_HISTORY) {
            break;
        }
    }

    return n;
}


static int
ks_aof_load_path(ks_aof_load_t *l, const char *name)
{
    int  n;

    n = snprintf(l->path, sizeof(l->path), "%s%s%s", l->options.path,
                 name ? "/" : "", name ? name : "");

    return n < (int) sizeof(l->path)
           ? KS_OK : ks_aof_load_fail(l, "the path \"%s\" is too long",
                                      l->options.path);
}


/* The next one, or the only one.  KS_NONE: there is no more. */

static int
ks_aof_load_next(ks_aof_load_t *l)
{
    l->before += l->size;
    l->report.rdb.loaded = 0;
    ks_aof_load_shut(l);

    if (l->report.files == l->files) {
        return KS_NONE;
    }

    return ks_aof_load_path(l, l->directory
                               ? l->manifest.files[l->report.files].name
                               : NULL) == KS_OK
           ? ks_aof_load_file(l) : KS_ERR;
}


/* how much there is to be read; a file that is missing is found later */

static void
ks_aof_load_size(ks_aof_load_t *l)
{
    unsigned     i;
    struct stat  st;

    for (i = 0; i < l->files; i++) {
        if (ks_aof_load_path(l, l->directory ? l->manifest.files[i].name
                                             : NULL) == KS_OK
            && stat(l->path, &st) == 0)
        {
            l->report.size += (uint64_t) st.st_size;
        }
    }
}


/*
 * Increments without a manifest: somebody has lost it, and would lose the keys
 * with it if there were nothing to be said.
 */

static int
ks_aof_load_strays(ks_aof_load_t *l)
{
    int             rc;
    DIR            *d;
    size_t          len;
    struct stat     st;
    struct dirent  *e;

    d = opendir(l->options.path);

    if (d == NULL) {
        return ks_aof_load_failed(l, "opendir()", l->options.path);
    }

    rc = KS_NONE;

    while (rc == KS_NONE && (e = readdir(d)) != NULL) {
        len = strlen(e->d_name);

        if (len > 9 && strcmp(e->d_name + len - 9, ".incr.aof") == 0
            && fstatat(dirfd(d), e->d_name, &st, 0) == 0 && st.st_size > 0)
        {
            rc = ks_aof_load_fail(l, "\"%s\" has \"%s\", but no manifest "
                                  "\"%s\"", l->options.path, e->d_name,
                                  l->options.manifest);
        }
    }

    (void) closedir(d);

    return rc;
}


static int
ks_aof_load_manifest(ks_aof_load_t *l)
{
    int          rc;
    char         name[KS_AOF_NAME];
    const char  *path;

    path = l->options.path;

    if (l->options.manifest != NULL) {
        rc = ks_aof_manifest_read(&l->manifest, path, l->options.manifest);

        if (rc == KS_NONE) {
            return ks_aof_load_strays(l);
        }

    } else {
        rc = ks_aof_manifest_find(&l->manifest, path, name);

        if (rc == KS_NONE) {
            return ks_aof_load_fail(l, "\"%s\" has no manifest", path);
        }

        if (rc == KS_OK) {
            rc = ks_aof_manifest_read(&l->manifest, path, name);
        }
    }

    if (rc != KS_OK) {
        return ks_aof_load_fail(l, "the manifest of \"%s\": %s", path,
                                rc == KS_NOMEM ? "there is no memory"
                                               : l->manifest.fault);
    }

    l->files = ks_aof_load_files(l);

    return KS_OK;
}


static int
ks_aof_load_begin(ks_aof_load_t *l)
{
    int          rc;
    struct stat  st;

    l->begun = 1;
    l->files = 1;

    if (stat(l->options.path, &st) == -1) {
        return errno == ENOENT && l->options.manifest != NULL
               ? KS_NONE : ks_aof_load_failed(l, "open()", l->options.path);
    }

    if (S_ISDIR(st.st_mode) || l->options.manifest != NULL) {
        l->directory = 1;
        rc = ks_aof_load_manifest(l);

        if (rc != KS_OK) {
            return rc;
        }

        if (l->space != NULL) {
            ks_space_set_expiry(l->space, 0);
        }
    }

    ks_aof_load_size(l);

    return ks_aof_load_next(l);
}


/* --- steps --- */

/* Behind an RDB file there may be commands. */

static int
ks_aof_load_rdb_done(ks_aof_load_t *l)
{
    uint64_t  loaded;

    loaded = l->report.rdb.loaded;
    ks_load_close(l->rdb);
    l->rdb = NULL;

    if (loaded == l->size) {
        return ks_aof_load_next(l);
    }

    l->offset = loaded;

    return ks_aof_load_commands(l);
}


static int
ks_aof_load_replay_done(ks_aof_load_t *l)
{
    const ks_aof_file_t  *f;

    f = l->directory ? &l->manifest.files[l->report.files - 1] : NULL;

    if (f != NULL && f->kind == KS_AOF_INCREMENT) {
        l->report.increment = f->seq;
        l->report.length = l->report.done.torn ? l->report.done.torn_at
                                               : l->size;
        l->report.inode = l->inode;
        l->report.owner = l->owner;
    }

    if (l->report.done.torn == 0) {
        return ks_aof_load_next(l);
    }

    l->report.torn = l->path;

    if (l->options.cut && ks_aof_load_cut(l) != KS_OK) {
        return KS_ERR;
    }

    ks_aof_load_shut(l);

    return KS_NONE;
}


static int
ks_aof_load_go_on(ks_aof_load_t *l, uint64_t bytes)
{
    int  rc;

    if (l->rdb != NULL) {
        rc = ks_load_step(l->rdb, bytes);
        l->report.rdb = *ks_load_report(l->rdb);

    } else {
        rc = ks_aof_replay_step(l->replay, bytes);
    }

    if (rc == KS_ERR) {
        return ks_aof_load_wrong(l);
    }

    if (rc == KS_AGAIN) {
        return KS_OK;
    }

    return l->rdb ? ks_aof_load_rdb_done(l) : ks_aof_load_replay_done(l);
}


int
ks_aof_load_step(ks_aof_load_t *l, uint64_t bytes)
{
    int  rc;

    if (l->report.err[0] != '\0') {
        return KS_ERR;
    }

    if (l->ended) {
        return KS_OK;
    }

    if (!l->begun) {
        rc = ks_aof_load_begin(l);

        return rc == KS_OK ? KS_AGAIN : rc;
    }

    rc = ks_aof_load_go_on(l, bytes);
    l->report.loaded = l->before + l->report.rdb.loaded;

    if (rc == KS_NONE) {
        l->report.loaded = l->report.size;
        l->ended = 1;
        return KS_OK;
    }

    return rc == KS_OK ? KS_AGAIN : KS_ERR;
}


ks_aof_load_t *
ks_aof_load_open(ks_space_t *sp, const ks_aof_load_options_t *options)
{
    ks_aof_load_t  *l;

    l = calloc(1, sizeof(ks_aof_load_t));

    if (l == NULL) {
        return NULL;
    }

    l->space = sp;
    l->options = *options;
    l->fd = -1;
    l->report.path = l->path;

    return l;
}


void
ks_aof_load_close(ks_aof_load_t *l)
{
    ks_aof_load_shut(l);
    ks_aof_manifest_free(&l->manifest);

    if (l->space != NULL) {
        ks_space_set_expiry(l->space, 1);
    }

    free(l);
}


const ks_aof_report_t *
ks_aof_load_report(const ks_aof_load_t *l)
{
    return &l->report;
}
