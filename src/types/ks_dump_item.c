/*
 * Items of trees as strings of dumps, and the sizes of both.
 */

#include "types/ks_dump_item.h"
#include "types/ks_number.h"


int
ks_dump_integer(const ks_item_t *it, int64_t *v)
{
    ks_str_t  s;

    s.len = it->len;
    s.data = (u_char *) it->data;

    return s.data != NULL && ks_parse_int(&s, v) == KS_OK;
}


u_char *
ks_dump_bytes(const ks_mem_t *m, const ks_item_t *it, u_char *p)
{
    p = ks_rdb_put_length(p, it->len);
    ks_item_read(m, it, p);

    return p + it->len;
}


u_char *
ks_dump_item(const ks_mem_t *m, const ks_item_t *it, u_char *p)
{
    int64_t  v;

    if (ks_dump_integer(it, &v) && ks_rdb_is_short(v)) {
        return ks_rdb_put_integer(p, v);
    }

    return ks_dump_bytes(m, it, p);
}


void
ks_dump_packed(const ks_mem_t *m, const ks_item_t *it, ks_listpack_t *lp)
{
    int64_t  v;

    if (ks_dump_integer(it, &v)) {
        ks_listpack_integer(lp, v);

    } else {
        ks_item_read(m, it, ks_listpack_string(lp, it->len));
    }
}


size_t
ks_dump_room(const ks_value_t *v, unsigned strings, size_t each)
{
    int        more;
    size_t     room;
    unsigned   col;
    ks_pos_t   pos;

    room = KS_DUMP_MORE;

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {
        room += each;

        for (col = 0; col < strings; col++) {
            room += ks_value_item(v, &pos, col).len + KS_DUMP_STRING;
        }
    }

    return room;
}


size_t
ks_rdb_longest(const ks_rdb_value_t *in)
{
    size_t  i, longest;

    longest = 0;

    for (i = 0; i < in->n * in->cols; i++) {
        longest = ks_max(longest, in->strings[i].len);
    }

    return longest;
}


size_t
ks_rdb_bytes(const ks_rdb_value_t *in)
{
    size_t  i, all;

    all = 0;

    for (i = 0; i < in->n * in->cols; i++) {
        all += in->strings[i].len;
    }

    return all;
}
