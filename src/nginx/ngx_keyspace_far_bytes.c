
/*
 * What is sent to another store: bytes that wait in memory of the connection,
 * and commands as bytes.
 */


#include "ngx_keyspace_far.h"


#define NGX_KEYSPACE_FAR_OUT  4096              /* bytes, at first */


static ngx_int_t ngx_keyspace_far_append(ngx_keyspace_far_t *far,
    const void *p, size_t len);


size_t
ngx_keyspace_far_size(int argc, const ks_str_t *argv)
{
    int     i;
    size_t  size;

    size = NGX_INT_T_LEN + 3;

    for (i = 0; i < argc; i++) {
        size += NGX_SIZE_T_LEN + 3 + argv[i].len + 2;
    }

    return size;
}


u_char *
ngx_keyspace_far_write_command(u_char *p, int argc, const ks_str_t *argv)
{
    int  i;

    p = ngx_sprintf(p, "*%d" CRLF, argc);

    for (i = 0; i < argc; i++) {
        p = ngx_sprintf(p, "$%uz" CRLF, argv[i].len);

        if (argv[i].len != 0) {
            p = ngx_cpymem(p, argv[i].data, argv[i].len);
        }

        *p++ = CR;
        *p++ = LF;
    }

    return p;
}


/* --- bytes that go --- */

ngx_int_t
ngx_keyspace_far_send(ngx_keyspace_far_t *far, const void *p, size_t len)
{
    if (ngx_keyspace_far_append(far, p, len) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_post_event(far->connection->write, &ngx_posted_events);

    return NGX_OK;
}


ngx_int_t
ngx_keyspace_far_command(ngx_keyspace_far_t *far, ngx_uint_t argc,
    const ks_str_t *argv)
{
    size_t      unsent;
    u_char      head[NGX_SIZE_T_LEN + 8], *p;
    ngx_int_t   rc;
    ngx_uint_t  i;

    unsent = far->unsent;

    p = ngx_sprintf(head, "*%ui" CRLF, argc);
    rc = ngx_keyspace_far_append(far, head, p - head);

    for (i = 0; i < argc && rc == NGX_OK; i++) {
        p = ngx_sprintf(head, "$%uz" CRLF, argv[i].len);
        rc = ngx_keyspace_far_append(far, head, p - head);

        if (rc == NGX_OK && argv[i].len != 0) {
            rc = ngx_keyspace_far_append(far, argv[i].data, argv[i].len);
        }

        if (rc == NGX_OK) {
            rc = ngx_keyspace_far_append(far, CRLF, 2);
        }
    }

    if (rc != NGX_OK) {
        far->unsent = unsent;
        return NGX_ERROR;
    }

    ngx_post_event(far->connection->write, &ngx_posted_events);

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_far_append(ngx_keyspace_far_t *far, const void *p, size_t len)
{
    u_char  *out;
    size_t   size;

    if (far->out_pos != 0
        && far->out_size - far->out_pos - far->unsent < len)
    {
        ngx_memmove(far->out, far->out + far->out_pos, far->unsent);
        far->out_pos = 0;
    }

    if (far->out_size - far->out_pos - far->unsent < len) {
        size = ngx_max(far->out_size * 2, NGX_KEYSPACE_FAR_OUT);
        size = ngx_max(size, far->unsent + len);

        out = realloc(far->out, size);
        if (out == NULL) {
            return NGX_ERROR;
        }

        far->out = out;
        far->out_size = size;
    }

    ngx_memcpy(far->out + far->out_pos + far->unsent, p, len);
    far->unsent += len;

    return NGX_OK;
}
