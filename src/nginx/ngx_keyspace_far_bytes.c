
/*
 * Commands as they are sent to another store.
 */


#include "ngx_keyspace_far.h"


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
