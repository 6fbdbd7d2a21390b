/*
 * The files of the journal on disk: found again, begun, and put in the place of
 * others.  What may wait for a disk is a job, which touches nothing but what it
 * is given.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persist/ks_appender_part.h"


static char *
ks_path_of(const char *dir, const char *name)
{
    size_t   len;
    char    *path;

    len = strlen(dir) + strlen(name) + 2;
    path = malloc(len);

    if (path != NULL) {
        (void) snprintf(path, len, "%s/%s", dir, name);
    }

    return path;
}


char *
ks_appender_path(const ks_appender_t *a, const char *name)
{
    return ks_path_of(a->conf->dir, name);
}


/* --- bytes --- */

/* What an earlier try has left behind that offset goes. */

int
ks_appender_write(void *data)
{
    ks_append_t *w = data;

    int      err;
    size_t   done;
    ssize_t  n;

    if (ftruncate(w->fd, (off_t) w->offset) == -1) {
        return errno;
    }

    for (done = 0; done < w->bytes.len; done += (size_t) n) {
        n = pwrite(w->fd, w->bytes.p + done, w->bytes.len - done,
                   (off_t) (w->offset + done));

        if (n == -1 && errno == EINTR) {
            n = 0;

        } else if (n <= 0) {
            err = (n == -1) ? errno : ENOSPC;

            /* if this fails, too, the next attempt begins with it */

            n = ftruncate(w->fd, (off_t) w->offset);
            return err;
        }
    }

    return (w->sync && fdatasync(w->fd) == -1) ? errno : 0;
}


int
ks_appender_sync(void *data)
{
    ks_sync_t *s = data;

    return fdatasync(s->fd) == -1 ? errno : 0;
}


void
ks_appender_ask(ks_appender_t *a)
{
    a->sync.fd = a->fd;
    a->sync.at = a->spot.at;
    a->syncs = 1;
    a->dirty = 0;
    a->asked = a->now;

    ks_disk_give(a->syncer, ks_appender_sync, &a->sync);
}


/* --- what there is --- */

static const ks_aof_file_t *
ks_appender_named(const ks_appender_t *a, uint64_t number)
{
    const ks_aof_file_t  *f;

    for (f = ks_aof_manifest_next(&a->manifest, KS_AOF_INCREMENT, NULL);
         f != NULL;
         f = ks_aof_manifest_next(&a->manifest, KS_AOF_INCREMENT, f))
    {
        if (f->seq == number) {
            return f;
        }
    }

    return NULL;
}


/* KS_OK: the increment is the one of the place, and what lies behind it is cut
 * off; it is open. */

static int
ks_appender_reopen(ks_appender_t *a, const ks_aof_file_t *f, const char **why)
{
    char         *path;
    struct stat   st;

    path = ks_appender_path(a, f->name);

    if (path == NULL) {
        *why = "there is no memory";
        return KS_NONE;
    }

    a->fd = open(path, O_WRONLY|O_NOFOLLOW|O_CLOEXEC);
    free(path);

    if (a->fd == -1 || fstat(a->fd, &st) == -1) {
        *why = "its last increment cannot be opened";

    } else if (st.st_ino != (ino_t) a->spot.inode) {
        *why = "its last increment is another file than that of before";

    } else if (st.st_size < (off_t) a->spot.length) {
        *why = "its last increment is shorter than what was written";

    } else if (st.st_size > (off_t) a->spot.length
               && ftruncate(a->fd, (off_t) a->spot.length) == -1)
    {
        *why = "its last increment cannot be cut to what counts";

    } else {
        return KS_OK;
    }

    if (a->fd != -1) {
        (void) close(a->fd);
        a->fd = -1;
    }

    return KS_NONE;
}


/* An increment that was begun behind the place has nothing in it, and goes: the
 * one before it is written on. */

static int
ks_appender_trim(ks_appender_t *a)
{
    unsigned            i, n;
    char               *path;
    ks_aof_manifest_t  *m;

    m = &a->manifest;

    if (m->increment == a->spot.number) {
        return KS_OK;
    }

    for (i = 0, n = 0; i < m->n; i++) {

        if (m->files[i].kind == KS_AOF_INCREMENT
            && m->files[i].seq > a->spot.number)
        {
            path = ks_appender_path(a, m->files[i].name);

            if (path != NULL) {
                (void) unlink(path);
                free(path);
            }

            continue;
        }

        m->files[n++] = m->files[i];
    }

    m->n = n;
    m->increment = a->spot.number;

    return ks_aof_manifest_write(m, a->conf->dir, a->name);
}


/* the bytes of all files but the increment that is written */

static uint64_t
ks_appender_sizes(const ks_appender_t *a)
{
    char                 *path;
    unsigned              i;
    uint64_t              sum;
    struct stat           st;
    const ks_aof_file_t  *f;

    for (sum = 0, i = 0; i < a->manifest.n; i++) {
        f = &a->manifest.files[i];

        if (f->kind == KS_AOF_HISTORY
            || (f->kind == KS_AOF_INCREMENT && f->seq == a->spot.number))
        {
            continue;
        }

        path = ks_appender_path(a, f->name);

        if (path != NULL && stat(path, &st) == 0) {
            sum += (uint64_t) st.st_size;
        }

        free(path);
    }

    return sum;
}


int
ks_appender_find(ks_appender_t *a, const char **why)
{
    int                   rc;
    const ks_aof_file_t  *f;

    *why = NULL;
    ks_aof_spot(a->space, &a->spot);

    rc = ks_aof_manifest_find(&a->manifest, a->conf->dir, a->name);

    if (rc == KS_OK) {
        rc = ks_aof_manifest_read(&a->manifest, a->conf->dir, a->name);
    }

    if (rc == KS_NONE) {
        (void) snprintf(a->name, sizeof(a->name), "%s", KS_AOF_MANIFEST);
        *why = a->spot.number ? "its manifest is gone" : NULL;
        return KS_NONE;
    }

    if (rc != KS_OK) {
        return KS_ERR;
    }

    f = ks_appender_named(a, a->spot.number);

    if (!ks_aof_whole(a->space) || f == NULL) {
        *why = a->spot.number ? "it is not known to be complete"
                              : "it is not of this keyspace";
        return KS_NONE;
    }

    if (ks_appender_reopen(a, f, why) != KS_OK) {
        return KS_NONE;
    }

    if (ks_appender_trim(a) != KS_OK) {
        (void) close(a->fd);
        a->fd = -1;
        return KS_ERR;
    }

    a->files = ks_appender_sizes(a);

    return KS_OK;
}


/* --- the next increment --- */

static int
ks_files_sync_dir(const char *dir)
{
    int  fd, rc;

    fd = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    rc = fsync(fd);
    (void) close(fd);

    return rc;
}


static int
ks_files_failed(ks_files_job_t *job, const char *call)
{
    job->call = call;

    return errno ? errno : EIO;
}


static int
ks_files_create(ks_files_job_t *job)
{
    char         *path;
    struct stat   st;

    path = ks_path_of(job->dir, job->file);

    if (path == NULL) {
        errno = ENOMEM;
        return ks_files_failed(job, "malloc()");
    }

    if (unlink(path) == -1 && errno != ENOENT) {
        free(path);
        return ks_files_failed(job, "unlink()");
    }

    job->fd = open(path, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);
    free(path);

    if (job->fd == -1) {
        return ks_files_failed(job, "open()");
    }

    if (fstat(job->fd, &st) == -1 || fsync(job->fd) == -1
        || ks_files_sync_dir(job->dir) == -1)
    {
        return ks_files_failed(job, "fsync()");
    }

    job->inode = (uint64_t) st.st_ino;

    return 0;
}


static int
ks_files_manifest(ks_files_job_t *job)
{
    int  rc;

    rc = ks_aof_manifest_write(&job->manifest, job->dir, job->name);

    if (rc == KS_OK) {
        return 0;
    }

    errno = (rc == KS_NOMEM) ? ENOMEM : job->manifest.err;

    return ks_files_failed(job, "writing the manifest");
}


static int
ks_files_begin(void *data)
{
    int  err;

    ks_files_job_t *job = data;

    err = ks_files_create(job);

    if (err == 0 && job->listed) {
        err = ks_files_manifest(job);
    }

    if (err != 0 && job->fd != -1) {
        (void) close(job->fd);
        job->fd = -1;
    }

    return err;
}


static int
ks_appender_job(ks_appender_t *a)
{
    ks_files_job_t  *job;

    job = &a->job;
    job->dir = a->conf->dir;
    job->name = a->name;
    job->file = NULL;
    job->fd = -1;
    job->call = NULL;
    job->listed = 1;

    return ks_aof_manifest_copy(&job->manifest, &a->manifest);
}


int
ks_appender_begin(ks_appender_t *a, int listed)
{
    const ks_aof_file_t  *f;

    if (ks_appender_job(a) != KS_OK) {
        return KS_NOMEM;
    }

    f = ks_aof_manifest_extend(&a->job.manifest);

    if (f == NULL) {
        return KS_NOMEM;
    }

    a->job.file = f->name;
    a->job.listed = (listed != 0);
    a->opens = 1;
    ks_disk_give(a->syncer, ks_files_begin, &a->job);

    return KS_OK;
}


/* One that is not listed yet is only begun in memory of this process. */

static void
ks_appender_adopt(ks_appender_t *a)
{
    ks_aof_manifest_t  old;

    old = a->manifest;
    a->manifest = a->job.manifest;
    a->job.manifest = old;
}


int
ks_appender_begun(ks_appender_t *a, int err)
{
    a->opens = 0;

    if (err != 0) {
        return KS_ERR;
    }

    ks_appender_adopt(a);

    if (a->fd != -1) {
        a->files += a->spot.length;
        ks_aof_set_files(a->space, a->files);
        (void) close(a->fd);
    }

    a->fd = a->job.fd;
    a->first = a->manifest.increment;

    a->spot.at = a->cut;
    a->spot.number = a->first;
    a->spot.length = 0;
    a->spot.inode = a->job.inode;
    ks_aof_set_spot(a->space, &a->spot);
    ks_aof_set_floor(a->space, a->spot.at);

    a->cursor.at = a->cut;
    a->cut = KS_APPENDER_UNCUT;

    return KS_OK;
}


/* --- the end of a rewriting --- */

/* What is history is removed, and then forgotten. */

static int
ks_files_commit(void *data)
{
    int                   err;
    char                 *path;
    const ks_aof_file_t  *f;

    ks_files_job_t *job = data;

    err = ks_files_manifest(job);

    if (err != 0) {
        return err;
    }

    for (f = ks_aof_manifest_next(&job->manifest, KS_AOF_HISTORY, NULL);
         f != NULL;
         f = ks_aof_manifest_next(&job->manifest, KS_AOF_HISTORY, f))
    {
        path = ks_path_of(job->dir, f->name);

        if (path != NULL) {
            (void) unlink(path);
            free(path);
        }
    }

    /* what stays named as history is forgotten the next time */

    ks_aof_manifest_forget(&job->manifest);
    (void) ks_files_manifest(job);

    return 0;
}


int
ks_appender_commit(ks_appender_t *a)
{
    if (ks_appender_job(a) != KS_OK
        || ks_aof_manifest_rebase(&a->job.manifest, a->first) == NULL)
    {
        return KS_NOMEM;
    }

    a->commits = 1;
    ks_disk_give(a->syncer, ks_files_commit, &a->job);

    return KS_OK;
}


int
ks_appender_committed(ks_appender_t *a, int err)
{
    a->commits = 0;

    if (err != 0) {
        /* the disk may have it all the same: its base's name is used up */

        a->manifest.base = a->job.manifest.base;
        return KS_ERR;
    }

    ks_appender_adopt(a);
    a->files = a->size;
    ks_aof_set_files(a->space, a->files);

    return KS_OK;
}
