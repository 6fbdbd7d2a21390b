/*
 * The parts of a zone's file: its header and what it says, its blocks, its
 * mapping.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* fallocate() */
#endif

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "persist/ks_file_part.h"
#include "types/ks_crc64.h"


#define KS_HUGETLBFS  0x958458f6        /* of statfs() */


void
ks_file_init(ks_file_t *f)
{
    memset(f, 0, sizeof(*f));
    f->family = -1;
    f->own = -1;
}


int
ks_file_wrong(ks_file_t *f, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(f->fault, sizeof(f->fault), fmt, args);
    va_end(args);

    return KS_ERR;
}


void
ks_file_boot(char boot[KS_FILE_BOOT])
{
    int      fd;
    ssize_t  n;

    n = 0;
    fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY|O_CLOEXEC);

    if (fd != -1) {
        n = read(fd, boot, KS_FILE_BOOT - 1);
        close(fd);
    }

    n = ks_max(n, 0);
    memset(boot + n, 0, KS_FILE_BOOT - (size_t) n);
}


void *
ks_file_base(const ks_file_t *f)
{
    return f->map + KS_FILE_HEADER;
}


ks_zone_t *
ks_file_zone(const ks_file_t *f)
{
    const char  *err;

    return ks_zone_attach(ks_file_base(f), f->size, &err);
}


uint32_t *
ks_file_words(const ks_file_t *f)
{
    return ks_file_header(f)->words;
}


int
ks_file_proper(ks_file_t *f, int fd, ino_t *inode, off_t *len)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return ks_file_wrong(f, "cannot be looked at: %s", strerror(errno));
    }

    if (!S_ISREG(st.st_mode)) {
        return ks_file_wrong(f, "is not a regular file");
    }

    if (st.st_uid != geteuid()) {
        return ks_file_wrong(f, "belongs to user %u, but must belong to "
                             "user %u, who starts nginx",
                             (unsigned) st.st_uid, (unsigned) geteuid());
    }

    if (st.st_mode & 077) {
        return ks_file_wrong(f, "has mode %04o, but only its owner may have "
                             "access: mode 0600",
                             (unsigned) st.st_mode & 07777);
    }

    if (st.st_nlink > 1) {
        return ks_file_wrong(f, "has another name beside this one");
    }

    *inode = st.st_ino;
    *len = st.st_size;

    return KS_OK;
}


static uint64_t
ks_head_crc(const ks_head_t *head)
{
    return ks_crc64((const u_char *) head, offsetof(ks_head_t, crc));
}


ks_head_t *
ks_head_valid(ks_header_t *header)
{
    unsigned    i;
    ks_head_t  *head, *valid;

    valid = NULL;

    for (i = 0; i < 2; i++) {
        head = &header->head[i];

        if (head->magic == KS_FILE_MAGIC && head->crc == ks_head_crc(head)
            && (valid == NULL || head->turn > valid->turn))
        {
            valid = head;
        }
    }

    return valid;
}


/*
 * What the header says from now on, on the disk; conf NULL: it was open until
 * now.
 */

int
ks_file_mark(ks_file_t *f, const ks_file_conf_t *conf, int closed)
{
    ks_head_t     next, *valid;
    ks_header_t  *header;
    struct stat   st;

    if (fstat(f->own, &st) == -1) {
        return ks_file_wrong(f, "cannot be looked at: %s", strerror(errno));
    }

    header = ks_file_header(f);
    valid = ks_head_valid(header);

    memset(&next, 0, sizeof(next));

    if (valid != NULL) {
        next = *valid;
    }

    next.magic = KS_FILE_MAGIC;
    next.turn++;
    next.layout = ks_zone_layout();
    next.len = f->len;
    next.size = f->size;
    next.ring = f->ring;
    next.closed = (uint64_t) closed;
    next.inode = st.st_ino;

    if (conf != NULL) {
        memcpy(next.boot, conf->boot, KS_FILE_BOOT);
    }

    next.crc = ks_head_crc(&next);
    header->head[valid == &header->head[0]] = next;

    if (msync(f->map, KS_FILE_HEADER, MS_SYNC) == -1) {
        return ks_file_wrong(f, "cannot be written to: %s", strerror(errno));
    }

    return KS_OK;
}


int
ks_file_map(ks_file_t *f)
{
    void  *p;

    p = mmap(NULL, f->len, PROT_READ|PROT_WRITE, MAP_SHARED, f->own, 0);

    if (p == MAP_FAILED) {
        return ks_file_wrong(f, "cannot be mapped: %s", strerror(errno));
    }

    f->map = p;

    return KS_OK;
}


/* F4; a filesystem that cannot reserve blocks gets them written */

int
ks_file_reserve(ks_file_t *f)
{
    int            rc;
    struct stat    st;
    struct statfs  fs;

    if (fstatfs(f->own, &fs) == -1 || fstat(f->own, &st) == -1) {
        return ks_file_wrong(f, "cannot be looked at: %s", strerror(errno));
    }

    if ((uint64_t) st.st_size == f->len
        && (uint64_t) st.st_blocks * 512 >= f->len)
    {
        return KS_OK;
    }

    if ((unsigned long) fs.f_type == KS_HUGETLBFS) {
        f->len = ks_align(f->len, (size_t) fs.f_bsize);
    }

    if (ftruncate(f->own, (off_t) f->len) == -1) {
        return ks_file_wrong(f, "cannot be made %zu bytes long: %s", f->len,
                             strerror(errno));
    }

    rc = (fallocate(f->own, 0, 0, (off_t) f->len) == -1) ? errno : 0;

    if (rc == EOPNOTSUPP) {
        rc = posix_fallocate(f->own, 0, (off_t) f->len);
    }

    if (rc != 0) {
        return ks_file_wrong(f, "has no room for %zu bytes: %s", f->len,
                             strerror(rc));
    }

    return KS_OK;
}


void
ks_file_let_go(ks_file_t *f)
{
    if (f->map != NULL) {
        munmap(f->map, f->len);
        f->map = NULL;
    }

    if (f->own != -1) {
        close(f->own);
        f->own = -1;
    }

    if (f->family != -1) {
        close(f->family);
        f->family = -1;
    }
}
