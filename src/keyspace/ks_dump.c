/*
 * Dumps of values, and values from dumps.  What an element looks like in one
 * is said by the row of its type (ks_type.h), and strings are here.
 *
 * What Redis has added since 7.0 is not written: a set is an intset or a plain
 * set, never a listpack, and a hash whose fields expire is a plain hash,
 * without these times.
 */

#include "keyspace/ks_keyspace.h"
#include "types/ks_dump_item.h"
#include "types/ks_number.h"


static u_char *
ks_dump_string(ks_space_t *sp, const ks_entry_t *e, u_char **start)
{
    size_t         len, off, n;
    u_char        *p;
    int64_t        v;
    ks_str_t       s;
    const u_char  *run;

    len = ks_string_len(e);
    p = *start = ks_arena_alloc(sp, len + KS_DUMP_MORE);
    *p++ = KS_RDB_STRING;

    if (len <= KS_INT_LEN) {
        s = ks_string_flat(sp, e);

        if (ks_parse_int(&s, &v) == KS_OK && ks_rdb_is_short(v)) {
            return ks_rdb_put_integer(p, v);
        }
    }

    p = ks_rdb_put_length(p, len);

    for (off = 0; off < len; off += n) {
        run = ks_string_run(sp, e, off, &n);
        memcpy(p + off, run, n);
    }

    return p + len;
}


static u_char *
ks_dump_elements(ks_space_t *sp, ks_entry_t *e, u_char **start)
{
    ks_value_t        v;
    const ks_type_t  *type;

    ks_value_attach(sp, NULL, e, &v);
    type = &ks_types[v.type];
    *start = ks_arena_alloc(sp, ks_dump_room(&v, type->strings, type->each));

    /* cppcheck-suppress returnDanglingLifetime ; it is of the arena */
    return type->dump(&v, *start);
}


ks_str_t
ks_dump(ks_space_t *sp, ks_entry_t *e)
{
    u_char    *end;
    ks_str_t   s;

    end = (e->flags & KS_ENTRY_ELEMENTS) ? ks_dump_elements(sp, e, &s.data)
                                         : ks_dump_string(sp, e, &s.data);

    s.len = (size_t) (ks_rdb_put_footer(s.data, end) - s.data);

    return s;
}


static void *
ks_restore_alloc(void *data, size_t size)
{
    return ks_arena_alloc(data, size);
}


int
ks_restore_read(ks_space_t *sp, const ks_str_t *dump, ks_rdb_value_t *in)
{
    ks_rdb_in_t  from;

    from.p = dump->data;
    from.end = dump->data + dump->len - KS_RDB_FOOTER;
    from.seed = sp->mem.zone->seed;
    from.alloc = ks_restore_alloc;
    from.data = sp;

    return ks_rdb_read(&from, in);
}


int
ks_restore_alive(const ks_space_t *sp, ks_rdb_value_t *in)
{
    size_t  i, n;

    if (in->expiries == NULL) {
        return 1;
    }

    for (i = 0, n = 0; i < in->n; i++) {

        if (in->expiries[i] != 0 && in->expiries[i] <= sp->now) {
            continue;
        }

        memmove(&in->strings[2 * n], &in->strings[2 * i],
                2 * sizeof(ks_str_t));
        in->expiries[n++] = in->expiries[i];
    }

    in->n = n;

    return n > 0;
}


ks_entry_t *
ks_restore(ks_space_t *sp, const ks_str_t *key, ks_entry_t *old,
    const ks_rdb_value_t *in, uint64_t expire)
{
    ks_value_t        v;
    const ks_type_t  *type;

    type = &ks_types[in->type];

    if (type->restore == NULL) {
        return ks_string_set(sp, key, old, &in->strings[0],
                             ks_encoding(&in->strings[0]), expire);
    }

    ks_value_create(sp, key, old, in->type,
                    type->restore_as(sp->mem.zone, in), ks_rdb_bytes(in),
                    expire, &v);
    type->restore(&v, in);

    return ks_value_close(&v) ? NULL : v.entry;
}
