
/*
 * Which keys of an edge are its own.
 */


#include "ngx_keyspace_far.h"


ngx_uint_t
ngx_keyspace_far_local(const ngx_keyspace_upstream_t *us, const ks_str_t *key)
{
    ngx_str_t   *prefix;
    ngx_uint_t   i;

    if (us->local == NULL) {
        return 0;
    }

    prefix = us->local->elts;

    for (i = 0; i < us->local->nelts; i++) {
        if (key->len >= prefix[i].len
            && ngx_memcmp(key->data, prefix[i].data, prefix[i].len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


uint32_t
ngx_keyspace_far_locals(const ngx_keyspace_upstream_t *us, ks_str_t *locals,
    ngx_uint_t most)
{
    ngx_str_t   *prefix;
    ngx_uint_t   i, n;

    if (us->local == NULL) {
        return 0;
    }

    prefix = us->local->elts;
    n = ngx_min(us->local->nelts, most);

    for (i = 0; i < n; i++) {
        locals[i].len = prefix[i].len;
        locals[i].data = prefix[i].data;
    }

    return (uint32_t) n;
}
