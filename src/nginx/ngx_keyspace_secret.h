
/*
 * Secrets of the configuration that are kept elsewhere: in files and in the
 * environment.
 */


#ifndef _NGX_KEYSPACE_SECRET_H_INCLUDED_
#define _NGX_KEYSPACE_SECRET_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


#define NGX_KEYSPACE_SECRET_MAX  65536          /* bytes of a file */


/*
 * The length of the file, whose name is complete, and which is read whole; -1:
 * an error, which is told.  of: what the file is, in messages ("the token
 * file").
 */
ssize_t ngx_keyspace_secret_read(ngx_conf_t *cf, ngx_str_t *path, u_char *buf,
    size_t size, const char *of);

/* Blanks and ends of lines at either end do not belong to it. */
void ngx_keyspace_secret_trim(ngx_str_t *s);

/*
 * A secret that is given as file:PATH (its first line that is not empty),
 * env:NAME or as it is; a copy in cf->pool.  NGX_DECLINED: it is in another
 * shell's environment, and here the configuration is only tested.  what: what
 * it is ("the password of \"upstream\"").  It reaches no message.
 */
ngx_int_t ngx_keyspace_secret_value(ngx_conf_t *cf, ngx_str_t *value,
    ngx_str_t *secret, const char *what);


#endif /* _NGX_KEYSPACE_SECRET_H_INCLUDED_ */
