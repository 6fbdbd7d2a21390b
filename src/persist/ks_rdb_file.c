/*
 * Writing an RDB file.
 *
 * The file is made under another name, on the disk before it gets its own, and
 * its directory after that: so there is a whole one at any time.  Of what was
 * written the kernel is asked to begin with the disk early, so that there is
 * little left to be waited for in the end.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* sync_file_range() */
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands/ks_command.h"
#include "persist/ks_rdb_file.h"
#include "types/ks_crc64.h"
#include "types/ks_rdb.h"


#define KS_RDB_BUFFER     (1024u * 1024)
#define KS_RDB_TEMP       ".new"
#define KS_RDB_PIECE      (8u * 1024 * 1024)    /* that the disk begins with */

#define KS_RDB_AUX        250
#define KS_RDB_SIZES      251
#define KS_RDB_SELECT     254
#define KS_RDB_EOF        255

#define KS_RDB_DIGIT      8             /* where the version's last one is */

#define KS_RDB_TEXT       64            /* bytes of what the head says */


static int
ks_rdb_file_failed(ks_rdb_file_t *f, const char *call)
{
    if (f->err == 0) {
        f->err = errno;
        f->call = call;
    }

    return KS_ERR;
}


int
ks_rdb_file_temp(const char *path, char *temp, size_t room)
{
    int  n;

    n = snprintf(temp, room, "%s" KS_RDB_TEMP, path);

    return (n < 0 || (size_t) n >= room) ? KS_ERR : KS_OK;
}


static int
ks_rdb_file_names(ks_rdb_file_t *f, const char *path)
{
    size_t  len;

    if (f->buf == NULL) {
        f->buf = malloc(KS_RDB_BUFFER);
    }

    free(f->path);
    free(f->temp);

    len = strlen(path) + sizeof(KS_RDB_TEMP);
    f->path = strdup(path);
    f->temp = malloc(len);

    if (f->buf == NULL || f->path == NULL || f->temp == NULL) {
        return KS_NOMEM;
    }

    return ks_rdb_file_temp(path, f->temp, len);
}


/* What somebody who died has left goes; a link is not followed. */

int
ks_rdb_file_begin(ks_rdb_file_t *f, const char *path, int brief)
{
    f->fd = -1;
    f->brief = (brief != 0);
    f->err = 0;
    f->size = 0;
    f->crc = 0;
    f->asked = 0;
    f->newer = 0;
    f->raised = 0;

    if (ks_rdb_file_names(f, path) != KS_OK) {
        return KS_NOMEM;
    }

    f->p = f->buf;

    if (unlink(f->temp) == -1 && errno != ENOENT) {
        return ks_rdb_file_failed(f, "unlink()");
    }

    f->fd = open(f->temp, O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    return f->fd == -1 ? ks_rdb_file_failed(f, "open()") : KS_OK;
}


/* --- bytes --- */

static int
ks_rdb_file_write(ks_rdb_file_t *f, const u_char *p, size_t len)
{
    ssize_t  n;

    while (len != 0 && f->err == 0) {
        n = write(f->fd, p, len);

        if (n == -1) {
            if (errno != EINTR) {
                return ks_rdb_file_failed(f, "write()");
            }

            continue;
        }

        p += n;
        len -= (size_t) n;
    }

    return f->err ? KS_ERR : KS_OK;
}


static int
ks_rdb_file_flush(ks_rdb_file_t *f)
{
    size_t  len;

    len = (size_t) (f->p - f->buf);
    f->p = f->buf;

    if (f->err != 0 || len == 0) {
        return f->err ? KS_ERR : KS_OK;
    }

    f->crc = ks_crc64_more(f->crc, f->buf, len);
    f->size += len;

    if (ks_rdb_file_write(f, f->buf, len) != KS_OK) {
        return KS_ERR;
    }

    if (!f->brief && f->size - f->asked >= KS_RDB_PIECE) {
        (void) sync_file_range(f->fd, (off64_t) f->asked,
                               (off64_t) (f->size - f->asked),
                               SYNC_FILE_RANGE_WRITE);
        f->asked = f->size;
    }

    return KS_OK;
}


u_char *
ks_rdb_file_room(ks_rdb_file_t *f, size_t room, u_char **end)
{
    *end = f->buf + KS_RDB_BUFFER;

    if ((size_t) (*end - f->p) < room) {
        (void) ks_rdb_file_flush(f);
    }

    return f->p;
}


void
ks_rdb_file_put(ks_rdb_file_t *f, const u_char *data, size_t len)
{
    size_t   n;
    u_char  *end;

    while (len != 0) {
        (void) ks_rdb_file_room(f, 1, &end);
        n = ks_min((size_t) (end - f->p), len);
        memcpy(f->p, data, n);
        f->p += n;
        data += n;
        len -= n;
    }
}


static void
ks_rdb_file_string(ks_rdb_file_t *f, const char *text)
{
    u_char  length[KS_RDB_LENGTH];

    ks_rdb_file_put(f, length,
                    (size_t) (ks_rdb_put_length(length, strlen(text))
                              - length));
    ks_rdb_file_put(f, (const u_char *) text, strlen(text));
}


static void
ks_rdb_file_code(ks_rdb_file_t *f, unsigned code)
{
    u_char  c;

    c = (u_char) code;
    ks_rdb_file_put(f, &c, 1);
}


static void
ks_rdb_file_number(ks_rdb_file_t *f, uint64_t n)
{
    u_char  length[KS_RDB_LENGTH];

    ks_rdb_file_put(f, length,
                    (size_t) (ks_rdb_put_length(length, n) - length));
}


static void
ks_rdb_file_aux(ks_rdb_file_t *f, const char *name, const char *value)
{
    ks_rdb_file_code(f, KS_RDB_AUX);
    ks_rdb_file_string(f, name);
    ks_rdb_file_string(f, value);
}


/* as Redis has it */

static void
ks_rdb_file_stream(ks_rdb_file_t *f, const char *id, uint64_t offset)
{
    char  text[KS_RDB_TEXT];

    ks_rdb_file_aux(f, "repl-stream-db", "0");
    ks_rdb_file_aux(f, "repl-id", id);

    snprintf(text, sizeof(text), "%llu", (unsigned long long) offset);
    ks_rdb_file_aux(f, "repl-offset", text);
}


void
ks_rdb_file_head(ks_rdb_file_t *f, uint64_t now, uint64_t keys,
    uint64_t expires, const char *id, uint64_t offset)
{
    char  text[KS_RDB_TEXT];

    f->raised = (f->newer != 0);
    snprintf(text, sizeof(text), "REDIS%04d",
             f->raised ? KS_RDB_VERSION_TIMES : KS_RDB_VERSION);
    ks_rdb_file_put(f, (u_char *) text, strlen(text));

    ks_rdb_file_aux(f, "redis-ver", KS_REDIS_VERSION);
    ks_rdb_file_aux(f, "redis-bits", "64");

    snprintf(text, sizeof(text), "%llu", (unsigned long long) now / 1000);
    ks_rdb_file_aux(f, "ctime", text);

    ks_rdb_file_aux(f, "keyspace-ver", KS_VERSION);

    if (id != NULL) {
        ks_rdb_file_stream(f, id, offset);
    }

    ks_rdb_file_code(f, KS_RDB_SELECT);
    ks_rdb_file_number(f, 0);
    ks_rdb_file_code(f, KS_RDB_SIZES);
    ks_rdb_file_number(f, keys);
    ks_rdb_file_number(f, expires);
}


/* --- the end --- */

/* the directory has the new name on the disk, too */

static int
ks_rdb_file_settle(ks_rdb_file_t *f)
{
    int    fd, rc;
    char  *dir, *slash;

    dir = (char *) f->buf;
    snprintf(dir, KS_RDB_BUFFER, "%s", f->path);
    slash = strrchr(dir, '/');

    if (slash == NULL) {
        snprintf(dir, KS_RDB_BUFFER, ".");

    } else {
        slash[slash == dir] = '\0';
    }

    fd = open(dir, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return ks_rdb_file_failed(f, "open()");
    }

    rc = fsync(fd) == -1 ? ks_rdb_file_failed(f, "fsync()") : KS_OK;
    (void) close(fd);

    return rc;
}


/*
 * Which version it is turns out when all is written: then one byte of the head
 * is another one, and the checksum that of the file with this byte.
 */

static int
ks_rdb_file_raise(ks_rdb_file_t *f)
{
    u_char  old, new;

    old = '0' + KS_RDB_VERSION % 10;
    new = '0' + KS_RDB_VERSION_TIMES % 10;

    if (pwrite(f->fd, &new, 1, KS_RDB_DIGIT) != 1) {
        return ks_rdb_file_failed(f, "pwrite()");
    }

    f->crc = ks_crc64_changed(f->crc, old ^ new, f->size - KS_RDB_DIGIT - 1);

    return KS_OK;
}


static int
ks_rdb_file_complete(ks_rdb_file_t *f)
{
    int  fd;

    ks_rdb_file_code(f, KS_RDB_EOF);

    if (ks_rdb_file_flush(f) != KS_OK
        || (f->newer && !f->raised && ks_rdb_file_raise(f) != KS_OK))
    {
        return KS_ERR;
    }

    if (ks_rdb_file_write(f, (u_char *) &f->crc, sizeof(f->crc)) != KS_OK) {
        return KS_ERR;
    }

    f->size += sizeof(f->crc);

    if (!f->brief && fsync(f->fd) == -1) {
        return ks_rdb_file_failed(f, "fsync()");
    }

    fd = f->fd;
    f->fd = -1;

    if (close(fd) == -1) {
        return ks_rdb_file_failed(f, "close()");
    }

    if (rename(f->temp, f->path) == -1) {
        return ks_rdb_file_failed(f, "rename()");
    }

    return KS_OK;
}


int
ks_rdb_file_finish(ks_rdb_file_t *f)
{
    if (ks_rdb_file_complete(f) != KS_OK) {
        ks_rdb_file_drop(f);
        return KS_ERR;
    }

    return f->brief ? KS_OK : ks_rdb_file_settle(f);
}


void
ks_rdb_file_drop(ks_rdb_file_t *f)
{
    if (f->fd != -1) {
        (void) close(f->fd);
        f->fd = -1;
    }

    if (f->temp != NULL) {
        (void) unlink(f->temp);
    }
}


void
ks_rdb_file_close(ks_rdb_file_t *f)
{
    free(f->buf);
    free(f->path);
    free(f->temp);
    memset(f, 0, sizeof(ks_rdb_file_t));
    f->fd = -1;
}
