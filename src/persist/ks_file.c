/*
 * Finding the file of a zone, judging it, closing it.  ks_file.h has the rules.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persist/ks_file_part.h"


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

    f->family = ks_file_inherited(st.st_dev, st.st_ino, f->own, 0);

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
