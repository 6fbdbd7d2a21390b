/*
 * Dumps of values, and values from dumps.  What an element looks like in one
 * is said by the row of its type (ks_type.h), and strings are here.
 *
 * What Redis has added since 7.0 is not written: a set is an intset or a plain
 * set, never a listpack.  But a hash whose fields expire has the form of 7.4.
 */

#include "keyspace/ks_keyspace.h"
#include "types/ks_crc64.h"
#include "types/ks_dump_item.h"
#include "types/ks_hash.h"
#include "types/ks_number.h"


/* of one that is not in pieces */

static u_char *
ks_dump_string(ks_space_t *sp, const ks_entry_t *e, u_char **start)
{
    u_char    *p;
    int64_t    v;
    ks_str_t   s;

    s = ks_string_flat(sp, e);
    p = *start = ks_arena_alloc(sp, s.len + KS_DUMP_MORE);
    *p++ = KS_RDB_STRING;

    if (s.len <= KS_INT_LEN && ks_parse_int(&s, &v) == KS_OK
        && ks_rdb_is_short(v))
    {
        return ks_rdb_put_integer(p, v);
    }

    p = ks_rdb_put_length(p, s.len);
    memcpy(p, s.data, s.len);

    return p + s.len;
}


static u_char *
ks_dump_elements(ks_space_t *sp, ks_entry_t *e, u_char **start)
{
    ks_value_t  v;

    ks_value_attach(sp, NULL, e, &v);
    *start = ks_arena_alloc(sp, ks_value_dump_room(&v));

    /* cppcheck-suppress returnDanglingLifetime ; it is of the arena */
    return ks_types[v.type].dump(&v, *start);
}


int
ks_dump_any(ks_space_t *sp, ks_entry_t *e)
{
    ks_value_t  v;

    if (!(e->flags & KS_ENTRY_FIELDS)) {
        return 1;
    }

    ks_value_attach(sp, NULL, e, &v);

    return ks_hash_alive(&v) != 0;
}


/* what stands in front of a string in pieces */

static void
ks_dump_head(ks_dump_t *d)
{
    u_char  *p;
    size_t   len;

    len = ks_string_len(d->entry);
    p = d->next.data = ks_arena_alloc(d->space, KS_DUMP_MORE);
    *p++ = KS_RDB_STRING;
    p = ks_rdb_put_length(p, len);

    d->next.len = (size_t) (p - d->next.data);
    d->crc = ks_crc64(d->next.data, d->next.len);
    d->len = d->next.len + len + KS_RDB_FOOTER;
}


void
ks_dump_begin(ks_dump_t *d, ks_space_t *sp, ks_entry_t *e)
{
    u_char  *end;

    d->space = sp;
    d->entry = (e->flags & KS_ENTRY_BLOB) ? e : NULL;
    d->off = 0;
    d->crc = 0;

    if (d->entry) {
        ks_dump_head(d);
        return;
    }

    end = (e->flags & KS_ENTRY_ELEMENTS)
          ? ks_dump_elements(sp, e, &d->next.data)
          : ks_dump_string(sp, e, &d->next.data);

    end = ks_rdb_put_footer(0, d->next.data, end);
    d->next.len = (size_t) (end - d->next.data);
    d->len = d->next.len;
}


const u_char *
ks_dump_part(ks_dump_t *d, size_t *n)
{
    u_char        *end;
    const u_char  *p;

    p = d->next.data;
    *n = d->next.len;
    d->next.data = NULL;

    if (p != NULL || d->entry == NULL) {
        return p;
    }

    p = ks_string_run(d->space, d->entry, d->off, n);

    if (*n != 0) {
        d->off += *n;
        d->crc = ks_crc64_more(d->crc, p, *n);
        return p;
    }

    /* the footer, and no more then */

    d->entry = NULL;
    d->next.data = ks_arena_alloc(d->space, KS_RDB_FOOTER);
    end = ks_rdb_put_footer(d->crc, d->next.data, d->next.data);
    d->next.len = (size_t) (end - d->next.data);

    return ks_dump_part(d, n);
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
    from.rest = 0;
    from.valkey = 0;
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

        if (in->expiries[i] != 0 && in->expiries[i] <= sp->past) {
            continue;
        }

        memmove(&in->strings[2 * n], &in->strings[2 * i],
                2 * sizeof(ks_str_t));
        in->expiries[n++] = in->expiries[i];
    }

    in->n = n;

    return n > 0;
}


int
ks_restore_new(ks_space_t *sp, const ks_str_t *key, ks_entry_t **e,
    const ks_rdb_value_t *in, uint64_t expire)
{
    int               rc;
    ks_value_t        v;
    const ks_type_t  *type;

    type = &ks_types[in->type];

    if (type->restore == NULL) {
        *e = ks_string_set(sp, key, *e, &in->strings[0],
                           ks_encoding(&in->strings[0]), expire);
        return KS_OK;
    }

    ks_value_create(sp, key, *e, in->type,
                    type->restore_as(sp->mem.zone, in), ks_rdb_bytes(in),
                    expire, &v);
    rc = type->restore(&v, in);
    *e = ks_value_close(&v) ? NULL : v.entry;

    return rc;
}


int
ks_restore_more(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    const ks_rdb_value_t *in)
{
    int         rc;
    ks_value_t  v;

    ks_value_open(sp, key, e, &v);
    rc = ks_types[in->type].restore(&v, in);
    (void) ks_value_close(&v);

    return rc;
}


ks_entry_t *
ks_restore(ks_space_t *sp, const ks_str_t *key, ks_entry_t *old,
    const ks_rdb_value_t *in, uint64_t expire)
{
    (void) ks_restore_new(sp, key, &old, in, expire);

    return old;
}
