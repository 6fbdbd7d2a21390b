/*
 * Finding, making and closing the file of a zone.  ks_file.h has the rules.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* F_OFD_SETLK, fallocate() */
#endif

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "persist/ks_file.h"
#include "types/ks_crc64.h"


#define KS_FILE_MAGIC    0x656c69662d736b31ull          /* "1ks-file" */
#define KS_FILE_HEADER   4096
#define KS_FILE_NEW      ".new"
#define KS_FILE_OLD      ".old"
#define KS_FILE_OLDS     99
#define KS_FILE_NAP      5              /* ms */

#define KS_HUGETLBFS     0x958458f6     /* of statfs() */

/* bytes of the file that are locked */
#define KS_BYTE_FAMILY   0
#define KS_BYTE_SEAT     1              /* and the next one */

/* what is true of the file for as long as it is closed, or open */
typedef struct {
    uint64_t     magic;
    uint64_t     turn;                  /* the higher one is valid */
    uint64_t     layout;
    uint64_t     len;                   /* of the file */
    uint64_t     size;                  /* of the zone */
    uint64_t     ring;
    uint64_t     closed;
    uint64_t     inode;                 /* if it is open, */
    char         boot[KS_FILE_BOOT];    /* in that boot */
    uint64_t     crc;                   /* of all before it */
} __attribute__((aligned(512))) ks_head_t;

/*
 * The heads take turns: one that is written is not the valid one, so a process
 * may be killed amid of it.  Each is a sector of its own.
 */
typedef struct {
    ks_head_t    head[2];
    uint32_t     words[KS_FILE_WORDS];
} ks_header_t;

_Static_assert(sizeof(ks_header_t) <= KS_FILE_HEADER, "the header is a page");


static int ks_file_wrong(ks_file_t *f, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static int ks_file_proper(ks_file_t *f, int fd, ino_t *inode, off_t *len);
static int ks_file_inherited(dev_t dev, ino_t inode, int but);
static int ks_file_lock(int fd, off_t byte);
static int ks_file_enter(ks_file_t *f, const ks_file_conf_t *conf);
static ks_file_found_t ks_file_judge(ks_file_t *f, const ks_file_conf_t *conf,
    ks_header_t *header, ino_t inode, off_t len);
static int ks_file_map(ks_file_t *f);
static int ks_file_reserve(ks_file_t *f);
static int ks_file_mark(ks_file_t *f, const ks_file_conf_t *conf, int closed);
static void ks_file_let_go(ks_file_t *f);


static inline ks_header_t *
ks_file_header(const ks_file_t *f)
{
    return (ks_header_t *) f->map;
}


static void
ks_file_init(ks_file_t *f)
{
    memset(f, 0, sizeof(*f));
    f->family = -1;
    f->own = -1;
}


/* says why not; KS_ERR */

static int
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


/* --- who has it --- */

/* KS_AGAIN: somebody else has */

static int
ks_file_lock(int fd, off_t byte)
{
    struct flock  fl;

    memset(&fl, 0, sizeof(fl));
    fl.l_type = F_WRLCK;
    fl.l_whence = SEEK_SET;
    fl.l_start = byte;
    fl.l_len = 1;

    if (fcntl(fd, F_OFD_SETLK, &fl) == 0) {
        return KS_OK;
    }

    return (errno == EAGAIN || errno == EACCES) ? KS_AGAIN : KS_ERR;
}


/*
 * A descriptor of the file that this process was executed with; -1: none.  They
 * are all the same family's.
 */

static int
ks_file_inherited(dev_t dev, ino_t inode, int but)
{
    int             fd, found;
    DIR            *dir;
    struct stat     st;
    struct dirent  *entry;

    found = -1;
    dir = opendir("/proc/self/fd");

    if (dir == NULL) {
        return -1;
    }

    while (found == -1 && (entry = readdir(dir)) != NULL) {
        fd = atoi(entry->d_name);

        if (entry->d_name[0] == '.' || fd == but || fd == dirfd(dir)
            || fstat(fd, &st) == -1 || st.st_dev != dev
            || st.st_ino != inode || fcntl(fd, F_GETFD) != 0
            || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
        {
            continue;
        }

        found = fd;
    }

    closedir(dir);

    return found;
}


static int
ks_file_sit(ks_file_t *f)
{
    int       rc;
    unsigned  i;

    for (i = 0; i < KS_FILE_SEATS; i++) {
        rc = ks_file_lock(f->own, KS_BYTE_SEAT + (off_t) i);

        if (rc != KS_AGAIN) {
            f->seat = i;
            return rc;
        }
    }

    return KS_AGAIN;
}


/*
 * Takes the family's lock, or sees that it is ours, and then a seat.  Those who
 * are on their way out are waited for.
 */

static int
ks_file_enter(ks_file_t *f, const ks_file_conf_t *conf)
{
    int              rc, ours;
    unsigned         ms;
    struct timespec  nap = { 0, KS_FILE_NAP * 1000000l };

    for (ms = 0; ; ms += KS_FILE_NAP) {
        rc = ks_file_lock(f->family, KS_BYTE_FAMILY);
        ours = (rc == KS_OK);

        if (ours) {
            rc = ks_file_sit(f);
        }

        if (rc != KS_AGAIN || ms >= conf->patience) {
            break;
        }

        nanosleep(&nap, NULL);
    }

    if (rc == KS_OK) {
        return KS_OK;
    }

    if (rc == KS_AGAIN) {
        return ks_file_wrong(f, ours ? "is in use by two nginx already, of "
                                       "which one has to end first"
                                     : "is in use by another nginx");
    }

    return ks_file_wrong(f, "cannot be locked: %s", strerror(errno));
}


/* --- what it is --- */

/* a file that only we can have made and changed */

static int
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


/* whoever may rename in it could put another file in the place of ours */

static int
ks_file_directory(ks_file_t *f, const char *path)
{
    char         *dir, *slash;
    struct stat   st;

    dir = strdup(path);

    if (dir == NULL) {
        return ks_file_wrong(f, "there is no memory");
    }

    slash = strrchr(dir, '/');

    if (slash == NULL) {
        strcpy(dir, ".");

    } else if (slash == dir) {
        dir[1] = '\0';

    } else {
        *slash = '\0';
    }

    if (stat(dir, &st) == -1) {
        (void) ks_file_wrong(f, "cannot be made: its directory: %s",
                             strerror(errno));

    } else if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)) {
        (void) ks_file_wrong(f, "is in a directory in which others may write "
                             "(mode %04o)", (unsigned) st.st_mode & 07777);
    }

    free(dir);

    return f->fault[0] ? KS_ERR : KS_OK;
}


static uint64_t
ks_head_crc(const ks_head_t *head)
{
    return ks_crc64((const u_char *) head, offsetof(ks_head_t, crc));
}


/* the one that is valid, NULL: none is */

static ks_head_t *
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


/* of what is found, and wrong in a way that leaves it ours */

static ks_file_found_t
ks_file_unfit(ks_file_t *f, const char *why)
{
    (void) ks_file_wrong(f, "%s", why);

    return KS_FILE_UNFIT;
}


/* F3 */

static ks_file_found_t
ks_file_trusted(ks_file_t *f, const ks_file_conf_t *conf,
    const ks_head_t *head, ino_t inode)
{
    if (!head->closed) {

        if (conf->boot[0] == '\0'
            || memcmp(head->boot, conf->boot, KS_FILE_BOOT) != 0)
        {
            return ks_file_unfit(f, "was in use when the machine went down: "
                                 "its pages may be of different moments");
        }

        if (head->inode != inode) {
            return ks_file_unfit(f, "is a copy of a file that was in use: its "
                                 "pages may be of different moments");
        }
    }

    return (f->size != conf->size || f->ring != conf->ring)
           ? KS_FILE_RESIZE : KS_FILE_KEPT;
}


/*
 * The header alone is looked at.  A file that is in use in our family is never
 * unfit: it is its users' matter.
 */

static ks_file_found_t
ks_file_judge(ks_file_t *f, const ks_file_conf_t *conf, ks_header_t *header,
    ino_t inode, off_t len)
{
    const ks_head_t  *head;

    if (len == 0) {
        return ks_file_unfit(f, "is torn: it is empty");
    }

    if (header->head[0].magic != KS_FILE_MAGIC
        && header->head[1].magic != KS_FILE_MAGIC)
    {
        (void) ks_file_wrong(f, "is not the file of a keyspace zone");
        return KS_FILE_REFUSED;
    }

    head = ks_head_valid(header);

    if (head == NULL) {
        return ks_file_unfit(f, "is torn: its header is damaged");
    }

    if (head->layout != ks_zone_layout()) {
        return ks_file_unfit(f, "is of another version of the module, which "
                             "lays out zones in another way");
    }

    if ((uint64_t) len != head->len) {
        return ks_file_unfit(f, "is torn: it has another length than it was "
                             "made with");
    }

    f->len = head->len;
    f->size = head->size;
    f->ring = head->ring;

    return ks_file_trusted(f, conf, head, inode);
}


/* --- finding it --- */

/* another description of the same file, whatever its name is by now */

static int
ks_file_again(int fd)
{
    char  name[40];

    (void) snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);

    return open(name, O_RDWR|O_CLOEXEC);
}


/*
 * Sets both descriptors, of the file under that name.  KS_NONE: there is none;
 * KS_AGAIN: they are the file's, and it is our family's; KS_OK: it is not.
 */

static int
ks_file_descriptors(ks_file_t *f, const ks_file_conf_t *conf, ino_t *inode,
    off_t *len)
{
    struct stat  st;

    f->own = open(conf->path,
                  O_RDWR|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (f->own == -1) {

        if (errno == ENOENT) {
            return KS_NONE;
        }

        return ks_file_wrong(f, errno == ELOOP ? "is a symbolic link"
                                               : "cannot be opened: %s",
                             strerror(errno));
    }

    if (ks_file_proper(f, f->own, inode, len) != KS_OK
        || fstat(f->own, &st) == -1)
    {
        return KS_ERR;
    }

    f->family = ks_file_inherited(st.st_dev, st.st_ino, f->own);

    if (f->family != -1) {

        if (conf->again) {
            f->family = dup(f->family);
        }

        return (f->family != -1) ? KS_AGAIN
               : ks_file_wrong(f, "cannot be opened: %s", strerror(errno));
    }

    f->family = ks_file_again(f->own);

    if (f->family == -1 || fcntl(f->family, F_SETFD, 0) == -1) {
        return ks_file_wrong(f, "cannot be opened: %s", strerror(errno));
    }

    return KS_OK;
}


/* the file that is open and locked */

static ks_file_found_t
ks_file_look(ks_file_t *f, const ks_file_conf_t *conf, ino_t inode, off_t len)
{
    ks_header_t      header;
    ks_file_found_t  found;

    memset(&header, 0, sizeof(header));

    if (pread(f->own, &header, sizeof(header), 0) == -1) {
        (void) ks_file_wrong(f, "cannot be read: %s", strerror(errno));
        return KS_FILE_REFUSED;
    }

    found = ks_file_judge(f, conf, &header, inode, len);

    if (found == KS_FILE_UNFIT || found == KS_FILE_REFUSED) {
        return found;
    }

    if (ks_file_reserve(f) != KS_OK || ks_file_map(f) != KS_OK) {
        return KS_FILE_REFUSED;
    }

    if (ks_file_zone(f) == NULL) {
        return ks_file_unfit(f, "is torn: its zone is damaged");
    }

    return found;
}


static ks_file_found_t
ks_file_find(ks_file_t *f, const ks_file_conf_t *conf)
{
    int              rc, shared;
    ino_t            inode;
    off_t            len;
    ks_file_found_t  found;

    rc = ks_file_descriptors(f, conf, &inode, &len);

    if (rc == KS_NONE) {
        return KS_FILE_NONE;
    }

    shared = (rc == KS_AGAIN);

    if (rc == KS_ERR || ks_file_enter(f, conf) != KS_OK) {
        return KS_FILE_REFUSED;
    }

    found = ks_file_look(f, conf, inode, len);

    if (!shared) {
        return found;
    }

    if (found == KS_FILE_RESIZE) {
        (void) ks_file_wrong(f, "is in use by the nginx that runs, as a zone "
                             "of %zu bytes and not of %zu: a restart carries "
                             "the keys over", f->size, conf->size);
    }

    return (found == KS_FILE_KEPT) ? KS_FILE_SHARED : KS_FILE_REFUSED;
}


/*
 * The nginx that had it may have closed it while its upgrade began: so a file
 * that is shared is marked, too.
 */

ks_file_found_t
ks_file_open(ks_file_t *f, const ks_file_conf_t *conf, uint64_t now_ms)
{
    ks_file_found_t  found;

    ks_file_init(f);

    found = ks_file_find(f, conf);

    if (found == KS_FILE_NONE || found == KS_FILE_UNFIT
        || found == KS_FILE_REFUSED)
    {
        ks_file_let_go(f);
        return found;
    }

    if (ks_file_mark(f, conf, 0) != KS_OK) {
        ks_file_let_go(f);
        return KS_FILE_REFUSED;
    }

    if (found != KS_FILE_SHARED) {
        memset(ks_file_words(f), 0, KS_FILE_WORDS * sizeof(uint32_t));
        ks_zone_revive(ks_file_zone(f), now_ms);
    }

    return found;
}


static int
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


/*
 * What the header says from now on, on the disk; conf NULL: it was open until
 * now.
 */

static int
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


/* --- making one --- */

static char *
ks_file_beside(const ks_file_conf_t *conf)
{
    char    *name;
    size_t   len;

    len = strlen(conf->path);
    name = malloc(len + sizeof(KS_FILE_NEW));

    if (name != NULL) {
        memcpy(name, conf->path, len);
        memcpy(name + len, KS_FILE_NEW, sizeof(KS_FILE_NEW));
    }

    return name;
}


/*
 * What lies there was never given its name: unless somebody is about to do it,
 * it is taken away.
 */

static int
ks_file_clear(ks_file_t *f, const char *name)
{
    int    fd, rc;
    ino_t  inode;
    off_t  len;

    fd = open(name, O_RDWR|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1) {
        return ks_file_wrong(f, "cannot be made: \"" KS_FILE_NEW "\" beside "
                             "it: %s", strerror(errno));
    }

    rc = ks_file_proper(f, fd, &inode, &len);

    if (rc == KS_OK && ks_file_lock(fd, KS_BYTE_FAMILY) != KS_OK) {
        rc = ks_file_wrong(f, "is being made by another nginx");
    }

    if (rc == KS_OK && unlink(name) == -1) {
        rc = ks_file_wrong(f, "cannot be made: \"" KS_FILE_NEW "\" beside it: "
                           "%s", strerror(errno));
    }

    close(fd);

    return rc;
}


static int
ks_file_make(ks_file_t *f, const char *name)
{
    unsigned  i;

    for (i = 0; i < 2; i++) {
        f->own = open(name, O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

        if (f->own != -1) {
            return KS_OK;
        }

        if (errno != EEXIST) {
            return ks_file_wrong(f, "cannot be made: %s", strerror(errno));
        }

        if (ks_file_clear(f, name) != KS_OK) {
            return KS_ERR;
        }
    }

    return ks_file_wrong(f, "is being made by another nginx");
}


/* F4; a filesystem that cannot reserve blocks gets them written */

static int
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


static int
ks_file_furnish(ks_file_t *f, const ks_file_conf_t *conf, const char *name)
{
    if (ks_file_directory(f, conf->path) != KS_OK
        || ks_file_make(f, name) != KS_OK)
    {
        return KS_ERR;
    }

    f->len = KS_FILE_HEADER + conf->size + conf->ring;
    f->size = conf->size;
    f->ring = conf->ring;
    f->family = ks_file_again(f->own);

    if (f->family == -1 || fcntl(f->family, F_SETFD, 0) == -1) {
        return ks_file_wrong(f, "cannot be opened: %s", strerror(errno));
    }

    if (ks_file_enter(f, conf) != KS_OK || ks_file_reserve(f) != KS_OK) {
        return KS_ERR;
    }

    return ks_file_map(f);
}


int
ks_file_create(ks_file_t *f, const ks_file_conf_t *conf)
{
    int    rc;
    char  *name;

    ks_file_init(f);

    name = ks_file_beside(conf);

    if (name == NULL) {
        return ks_file_wrong(f, "there is no memory");
    }

    rc = ks_file_furnish(f, conf, name);

    if (rc != KS_OK && f->own != -1) {
        ks_file_discard(f, conf);
    }

    free(name);

    return rc;
}


/* so that the name outlives a power failure, as the bytes do */

static void
ks_file_sync_directory(const char *path)
{
    int    fd;
    char  *dir, *slash;

    dir = strdup(path);

    if (dir == NULL) {
        return;
    }

    slash = strrchr(dir, '/');

    if (slash != NULL) {
        slash[slash == dir] = '\0';
    }

    fd = open(slash ? dir : ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd != -1) {
        (void) fsync(fd);
        close(fd);
    }

    free(dir);
}


/*
 * Keys that were carried over are on the disk before the file takes the name of
 * the one that they come from.
 */

int
ks_file_settle(ks_file_t *f, const ks_file_conf_t *conf, int over)
{
    int          rc;
    char        *name;
    struct stat  st;

    name = ks_file_beside(conf);

    if (name == NULL) {
        return ks_file_wrong(f, "there is no memory");
    }

    rc = KS_OK;

    if (over && msync(f->map, f->len, MS_SYNC) == -1) {
        rc = ks_file_wrong(f, "cannot be written to: %s", strerror(errno));
    }

    if (rc == KS_OK) {
        rc = ks_file_mark(f, conf, over);
    }

    if (rc == KS_OK && !over && lstat(conf->path, &st) == 0) {
        rc = ks_file_wrong(f, "was made by another nginx meanwhile");
    }

    if (rc == KS_OK && rename(name, conf->path) == -1) {
        rc = ks_file_wrong(f, "cannot be given its name: %s",
                           strerror(errno));
    }

    free(name);

    if (rc != KS_OK) {
        ks_file_discard(f, conf);
        return rc;
    }

    ks_file_sync_directory(conf->path);

    return over ? ks_file_mark(f, conf, 0) : KS_OK;
}


void
ks_file_discard(ks_file_t *f, const ks_file_conf_t *conf)
{
    char  *name;

    name = ks_file_beside(conf);

    if (name != NULL) {
        (void) unlink(name);
        free(name);
    }

    ks_file_let_go(f);
}


/* KS_ERR with errno; EEXIST: there is such a file */

static int
ks_file_rename(const char *path, const char *to)
{
    struct stat  st;

    if (renameat2(AT_FDCWD, path, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
        return KS_OK;
    }

    if (errno != EINVAL && errno != ENOSYS) {
        return KS_ERR;
    }

    /* a filesystem that does not know this */

    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return KS_ERR;
    }

    return (rename(path, to) == 0) ? KS_OK : KS_ERR;
}


int
ks_file_aside(const char *path, char *to, size_t room,
    char fault[KS_FILE_FAULT])
{
    size_t    len;
    unsigned  i;

    for (i = 1; i <= KS_FILE_OLDS; i++) {
        len = (size_t) snprintf(to, room, "%s" KS_FILE_OLD ".%u", path, i);

        if (len >= room) {
            errno = ENAMETOOLONG;
            break;
        }

        if (ks_file_rename(path, to) == KS_OK) {
            return KS_OK;
        }

        if (errno != EEXIST) {
            break;
        }
    }

    (void) snprintf(fault, KS_FILE_FAULT, "cannot be set aside: %s",
                    strerror(errno));
    return KS_ERR;
}


/* --- the end --- */

static void
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


/* whether no other master has a seat */

static int
ks_file_alone(const ks_file_t *f)
{
    unsigned  i;

    for (i = 0; i < KS_FILE_SEATS; i++) {
        if (ks_file_lock(f->own, KS_BYTE_SEAT + (off_t) i) != KS_OK) {
            return 0;
        }
    }

    return 1;
}


int
ks_file_close(ks_file_t *f, int last)
{
    int  closed;

    closed = last && ks_file_alone(f)
             && msync(f->map, f->len, MS_SYNC) == 0
             && ks_file_mark(f, NULL, 1) == KS_OK;

    ks_file_let_go(f);

    return closed;
}
