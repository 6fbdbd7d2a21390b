
/*
 * The build's mark in the file, and what is told of it.
 *
 * The mark is text that can be found in a file without loading it (it begins
 * as what(1) wants it), so that a reload can tell what lies on the disk.
 */


#include "ngx_keyspace_build.h"

#include <dlfcn.h>

#include "memory/ks_zone.h"


#define NGX_KEYSPACE_MARK      "@(#)keyspace "
#define NGX_KEYSPACE_MARK_LEN  (sizeof(NGX_KEYSPACE_MARK) - 1)
#define NGX_KEYSPACE_MARK_MAX  64               /* bytes behind it */

#define NGX_KEYSPACE_PIECE     65536            /* read at a time */


static ngx_int_t ngx_keyspace_build_read(ngx_fd_t fd, char *build);
static u_char *ngx_keyspace_build_find(u_char *p, u_char *last);


static const char  ngx_keyspace_mark[] =
    NGX_KEYSPACE_MARK NGX_KEYSPACE_BUILD;

static const char *const  ngx_keyspace_build =
    ngx_keyspace_mark + NGX_KEYSPACE_MARK_LEN;


ngx_uint_t
ngx_keyspace_same_build(const char *build)
{
    return ngx_strcmp(build, ngx_keyspace_build) == 0;
}


void
ngx_keyspace_tell_build(ngx_cycle_t *cycle)
{
    char      build[NGX_KEYSPACE_MARK_MAX];
    Dl_info   info;
    ngx_fd_t  fd;

    if (ngx_is_init_cycle(cycle->old_cycle)) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "keyspace %s, zones of layout %ui", ngx_keyspace_build,
                      (ngx_uint_t) ks_zone_version());
        return;
    }

    if (dladdr(ngx_keyspace_mark, &info) == 0 || info.dli_fname == NULL) {
        return;
    }

    fd = ngx_open_file(info.dli_fname, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, ngx_errno,
                      "keyspace %s: its file \"%s\" cannot be opened",
                      ngx_keyspace_build, info.dli_fname);
        return;
    }

    if (ngx_keyspace_build_read(fd, build) == NGX_OK
        && !ngx_keyspace_same_build(build))
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "keyspace %s goes on after this reload, although \"%s\" "
                      "now holds %s: that one runs after a restart or an "
                      "upgrade of the binary", ngx_keyspace_build,
                      info.dli_fname, build);
    }

    if (ngx_close_file(fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      ngx_close_file_n " \"%s\" failed", info.dli_fname);
    }
}


/* What stands behind the mark in a file: NGX_DECLINED if it has none. */

static ngx_int_t
ngx_keyspace_build_read(ngx_fd_t fd, char *build)
{
    u_char   *p, *last;
    size_t    keep;
    ssize_t   n;

    static u_char  block[NGX_KEYSPACE_PIECE];

    keep = 0;

    for ( ;; ) {
        n = ngx_read_fd(fd, block + keep, sizeof(block) - keep);

        if (n <= 0) {
            return NGX_DECLINED;
        }

        last = block + keep + n;
        p = ngx_keyspace_build_find(block, last);

        if (p != NULL) {
            ngx_cpystrn((u_char *) build, p, NGX_KEYSPACE_MARK_MAX);
            return NGX_OK;
        }

        /* it may lie across the end of what was read */

        keep = ngx_min((size_t) (last - block),
                       NGX_KEYSPACE_MARK_LEN + NGX_KEYSPACE_MARK_MAX);
        ngx_memmove(block, last - keep, keep);
    }
}


/* The text behind a mark that is there with its zero; NULL: there is none. */

static u_char *
ngx_keyspace_build_find(u_char *p, u_char *last)
{
    const char  *mark;

    mark = ngx_keyspace_mark;

    for ( /* void */ ; last - p > (ssize_t) NGX_KEYSPACE_MARK_LEN; p++) {

        p = memchr(p, mark[0], last - p - NGX_KEYSPACE_MARK_LEN);

        if (p == NULL) {
            return NULL;
        }

        if (ngx_memcmp(p, mark, NGX_KEYSPACE_MARK_LEN) == 0
            && memchr(p, '\0', last - p) != NULL)
        {
            return p + NGX_KEYSPACE_MARK_LEN;
        }
    }

    return NULL;
}
