/*
 * Writing entries in the form of RDB files.
 *
 * What a value of elements looks like when it is small is said by the row of
 * its type, as for a dump.  A large one has the oldest and plainest form that
 * its type has: a length, and the elements one behind the other.
 */

#include <stdlib.h>

#include "keyspace/ks_image.h"
#include "keyspace/ks_keyspace.h"
#include "types/ks_dump_item.h"
#include "types/ks_number.h"


/* what may stand in front of a type */

#define KS_RDB_IDLE        248          /* seconds, a length */
#define KS_RDB_FREQ        249          /* a byte */
#define KS_RDB_EXPIRE_MS   252          /* 8 bytes, the lowest first */

#define KS_HEAD_ROOM       64           /* all of these, and a key's length */

/* a string that is written whole: a longer one goes by runs */
#define KS_IMAGE_STRING    512

#define KS_IMAGE_BLOCKS    64           /* of a type that says its own room */
#define KS_IMAGE_COUNT     1024         /* elements that are counted at once */


int
ks_image_timed(const ks_entry_t *e)
{
    return (e->flags & KS_ENTRY_FIELDS) != 0;
}


/* of a value of elements, as far as it matters */

static int
ks_image_many(const ks_value_t *v)
{
    int               more;
    size_t            size;
    unsigned          col;
    ks_pos_t          pos;
    const ks_type_t  *type;

    type = &ks_types[v->type];

    if (type->steps != NULL) {
        return type->room(v) > KS_IMAGE_BYTES;
    }

    if (type->room != NULL) {
        return ks_value_count(v) > KS_IMAGE_BLOCKS
               || type->room(v) > KS_IMAGE_ROOM / 2;
    }

    if (ks_value_count(v) > KS_IMAGE_ITEMS) {
        return 1;
    }

    size = 0;

    for (more = ks_value_at(v, &pos, 0); more; more = ks_value_next(v, &pos)) {

        for (col = 0; col < type->strings; col++) {
            size += ks_value_item(v, &pos, col).len;
        }

        if (size > KS_IMAGE_BYTES) {
            return 1;
        }
    }

    return 0;
}


int
ks_image_large(ks_space_t *sp, ks_entry_t *e)
{
    ks_value_t  v;

    if (!(e->flags & KS_ENTRY_TREE)) {
        return e->vlen > KS_IMAGE_BYTES;
    }

    ks_value_attach(sp, NULL, e, &v);

    return ks_image_many(&v);
}


/* --- the head: all but the value --- */

static u_char *
ks_image_little(u_char *p, uint64_t n)
{
    memcpy(p, &n, sizeof(n));

    return p + sizeof(n);
}


static u_char *
ks_image_used(ks_space_t *sp, const ks_entry_t *e, u_char *p)
{
    switch (ks_zone_policy(sp->mem.zone)) {

    case KS_ALLKEYS_LFU:
    case KS_VOLATILE_LFU:
        *p++ = KS_RDB_FREQ;
        *p++ = (u_char) ks_entry_freq(sp, e);
        break;

    case KS_ALLKEYS_LRU:
    case KS_VOLATILE_LRU:
        *p++ = KS_RDB_IDLE;
        p = ks_rdb_put_length(p, ks_entry_idle(sp, e));
        break;

    default:
        break;
    }

    return p;
}


/* *type is where the type belongs, one byte */

static u_char *
ks_image_head(ks_space_t *sp, const ks_entry_t *e, u_char *p, u_char **type)
{
    uint64_t   at;
    ks_blob_t  b;
    ks_str_t   key;

    at = ks_entry_expire(e);

    if (at != KS_NO_EXPIRE) {
        *p++ = KS_RDB_EXPIRE_MS;
        p = ks_image_little(p, at);
    }

    p = ks_image_used(sp, e, p);
    *type = p++;
    p = ks_rdb_put_length(p, e->klen);

    if (e->flags & KS_ENTRY_BIGKEY) {
        b = ks_entry_keyblob(e);
        ks_blob_read(&sp->mem, &b, 0, p, e->klen);

    } else {
        key = ks_entry_key(sp, e);
        memcpy(p, key.data, key.len);
    }

    return p + e->klen;
}


/* --- small values --- */

size_t
ks_image_size(ks_space_t *sp, ks_entry_t *e)
{
    size_t      size;
    ks_value_t  v;

    size = KS_HEAD_ROOM + e->klen;

    if (!(e->flags & KS_ENTRY_ELEMENTS)) {
        return size + e->vlen + KS_DUMP_STRING;
    }

    ks_value_attach(sp, NULL, e, &v);

    return size + ks_value_dump_room(&v);
}


static u_char *
ks_image_string(ks_space_t *sp, const ks_entry_t *e, u_char *p)
{
    int64_t    n;
    ks_str_t   s;
    ks_blob_t  b;

    s.len = e->vlen;
    s.data = ks_entry_value(e);

    if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);
        p = ks_rdb_put_length(p, s.len);
        ks_blob_read(&sp->mem, &b, 0, p, s.len);
        return p + s.len;
    }

    if (s.len <= KS_INT_LEN && ks_parse_int(&s, &n) == KS_OK
        && ks_rdb_is_short(n))
    {
        return ks_rdb_put_integer(p, n);
    }

    p = ks_rdb_put_length(p, s.len);
    memcpy(p, s.data, s.len);

    return p + s.len;
}


/*
 * A dump begins with the type, and in a file the key lies behind that: so the
 * byte in front of the value is lent to the dump.
 */

u_char *
ks_image_put(ks_space_t *sp, ks_entry_t *e, int times, u_char *p)
{
    u_char       last, *type, *value, *end;
    ks_value_t   v;

    value = ks_image_head(sp, e, p, &type);

    if (!(e->flags & KS_ENTRY_ELEMENTS)) {
        *type = KS_RDB_STRING;
        return ks_image_string(sp, e, value);
    }

    ks_value_attach(sp, NULL, e, &v);
    v.past = (v.expiries && ks_saved_due(sp, e)) ? 0 : v.past;

    if (v.expiries && ks_hash_alive(&v) == 0) {
        return p;
    }

    last = value[-1];
    end = v.expiries && !times ? ks_hash_dump_plain(&v, value - 1)
                               : ks_types[v.type].dump(&v, value - 1);
    *type = value[-1];
    value[-1] = last;

    /* cppcheck-suppress returnDanglingLifetime ; it is the caller's */
    return end;
}


/* --- large values --- */

/* fields that are not due, and when the first is; 1: all were counted */

static int
ks_image_count(ks_image_steps_t *s, const ks_value_t *v)
{
    int       more;
    unsigned  i;
    ks_pos_t  pos;

    if (!v->expiries) {
        s->n = ks_value_count(v);
        s->counted = 1;
        return 1;
    }

    more = ks_value_at(v, &pos, s->at);

    for (i = 0; more && i < KS_IMAGE_COUNT; i++) {
        s->n += !ks_hash_due(v, &pos);

        if (s->times) {
            s->first = ks_hash_sooner(v, &pos, s->first);
        }

        s->at++;
        more = ks_value_next(v, &pos);
    }

    if (!more) {
        s->counted = 1;
        s->at = 0;
    }

    return !more;
}


/* bytes of a part that was too large for any room, or of a string in pieces */

static u_char *
ks_image_copy(ks_image_steps_t *s, const u_char *from, size_t n, u_char *p,
    u_char *end)
{
    n = ks_min(n, (size_t) (end - p));
    memcpy(p, from, n);
    s->off += n;

    return p + n;
}


/* the bytes of a string of an element, as far as they fit; NULL: none does */

static u_char *
ks_image_item(ks_image_steps_t *s, const ks_value_t *v, const ks_item_t *it,
    u_char *p, u_char *end)
{
    size_t      n;
    ks_blob_t   b;
    u_char     *from;

    if (it->data != NULL) {

        if ((size_t) (end - p) < it->len + KS_DUMP_STRING) {
            return NULL;
        }

        return ks_dump_item(v->mem, it, p);
    }

    if (!s->inside) {

        if (end - p < KS_DUMP_STRING) {
            return NULL;
        }

        p = ks_rdb_put_length(p, it->len);
        s->inside = 1;
        s->off = 0;
    }

    b = ks_item_blob(it);

    while (s->off < it->len && p < end) {
        from = ks_blob_run(v->mem, &b, s->off, &n);
        p = ks_image_copy(s, from, n, p, end);
    }

    s->inside = (s->off < it->len);

    return p;
}


/* the strings of an element; NULL: there is no room, or not for all of it */

static u_char *
ks_image_element(ks_image_steps_t *s, const ks_value_t *v, ks_pos_t *pos,
    u_char **to, u_char *end)
{
    u_char           *p;
    ks_item_t         it;
    const ks_type_t  *type;

    type = &ks_types[v->type];

    if (s->first != 0 && !s->timed) {

        if (end - *to < KS_RDB_LENGTH) {
            return NULL;
        }

        *to = ks_hash_dump_time(v, pos, s->first, *to);
        s->timed = 1;
    }

    for ( /* void */ ; s->col < type->strings; s->col++) {
        it = ks_value_item(v, pos, s->col);
        p = ks_image_item(s, v, &it, *to, end);

        if (p == NULL) {
            return NULL;
        }

        *to = p;

        if (s->inside) {
            return NULL;
        }
    }

    if (type->behind != NULL) {

        if (end - *to < KS_DUMP_STRING) {
            return NULL;
        }

        *to = type->behind(v, pos, *to);
    }

    s->col = 0;
    s->timed = 0;

    return *to;
}


/*
 * An element that the row writes, or with pos NULL what stands behind them
 * all; it may go beyond end.  *more: not all of it was written.  NULL: the
 * process has no memory.
 */

static u_char *
ks_image_part(ks_image_steps_t *s, const ks_value_t *v, const ks_pos_t *pos,
    u_char *p, u_char *end, int *more)
{
    size_t            room;
    const ks_type_t  *type;

    type = &ks_types[v->type];
    *more = 0;

    if (s->part == NULL) {
        room = type->part_room(v, pos);

        if (room <= KS_IMAGE_ROOM / 2) {
            return type->part(v, pos, p);
        }

        s->part = malloc(room);

        if (s->part == NULL) {
            return NULL;
        }

        s->len = (size_t) (type->part(v, pos, s->part) - s->part);
        s->off = 0;
    }

    p = ks_image_copy(s, s->part + s->off, s->len - s->off, p, end);
    *more = (s->off < s->len);

    if (!*more) {
        free(s->part);
        s->part = NULL;
    }

    return p;
}


/* one element; *more as above */

static u_char *
ks_image_one(ks_image_steps_t *s, const ks_value_t *v, ks_pos_t *pos,
    u_char *p, u_char *end, int *more)
{
    if (ks_types[v->type].part != NULL) {
        return ks_image_part(s, v, pos, p, end, more);
    }

    *more = !(v->expiries && ks_hash_due(v, pos))
            && ks_image_element(s, v, pos, &p, end) == NULL;

    return p;
}


static u_char *
ks_image_elements(ks_image_steps_t *s, const ks_value_t *v, u_char *p,
    u_char *end, int *done)
{
    int       left, more;
    ks_pos_t  pos;

    left = !s->last && ks_value_at(v, &pos, s->at);

    while (left) {
        p = ks_image_one(s, v, &pos, p, end, &more);

        if (p == NULL || more) {
            return p;
        }

        s->at++;
        left = ks_value_next(v, &pos);

        if (p >= end) {
            return p;
        }
    }

    s->last = 1;
    more = 0;

    if (ks_types[v->type].part != NULL) {
        p = ks_image_part(s, v, NULL, p, end, &more);
    }

    *done = (p != NULL && !more) ? KS_IMAGE_DONE : 0;

    return p;
}


/* A value whose row knows its steps.  NULL: the process has no memory. */

static u_char *
ks_image_rest(ks_image_steps_t *s, const ks_value_t *v, u_char *p,
    u_char *end, int *done)
{
    int               all;
    const ks_type_t  *type;

    type = &ks_types[v->type];

    if (s->part == NULL) {
        s->part = calloc(1, type->steps_size());

        if (s->part == NULL) {
            return NULL;
        }
    }

    p = type->steps(s->part, v, p, end, &all);
    *done = all ? KS_IMAGE_DONE : 0;

    /* cppcheck-suppress returnDanglingLifetime ; p is in the buffer */
    return p;
}


/* a string in pieces */

static u_char *
ks_image_pieces(ks_space_t *sp, ks_entry_t *e, ks_image_steps_t *s, u_char *p,
    u_char *end, int *done)
{
    size_t     n;
    u_char    *type, *from;
    ks_blob_t  b;

    if (!s->begun) {
        p = ks_image_head(sp, e, p, &type);
        *type = KS_RDB_STRING;
        p = ks_rdb_put_length(p, e->vlen);
        s->begun = 1;
    }

    b = ks_entry_blob(e);

    while (s->off < e->vlen && p < end) {
        from = ks_blob_run(&sp->mem, &b, s->off, &n);
        p = ks_image_copy(s, from, n, p, end);
    }

    *done = (s->off == e->vlen) ? KS_IMAGE_DONE : 0;

    return p;
}


/* what stands before the elements */

static u_char *
ks_image_begin(ks_space_t *sp, const ks_entry_t *e, ks_image_steps_t *s,
    u_char *p)
{
    u_char           *form;
    const ks_type_t  *type;

    type = &ks_types[ks_entry_type(e)];
    p = ks_image_head(sp, e, p, &form);
    *form = (u_char) type->plain;
    s->begun = 1;

    if (s->first != 0) {
        *form = KS_RDB_HASH_METADATA;
        p = ks_rdb_put_time(p, s->first);
    }

    return type->steps == NULL ? ks_rdb_put_length(p, s->n) : p;
}


u_char *
ks_image_step(ks_space_t *sp, ks_entry_t *e, ks_image_steps_t *s, u_char *p,
    u_char *end, int *done)
{
    ks_value_t  v;

    *done = 0;

    if (!(e->flags & KS_ENTRY_ELEMENTS)) {
        return ks_image_pieces(sp, e, s, p, end, done);
    }

    ks_value_attach(sp, NULL, e, &v);
    s->now = s->now ? s->now : sp->now;
    v.past = (v.expiries && ks_saved_due(sp, e)) ? 0 : s->now;

    if (!s->counted && !ks_image_count(s, &v)) {
        return p;
    }

    if (v.expiries && s->n == 0) {
        *done = KS_IMAGE_EMPTY;
        return p;
    }

    if (!s->begun) {
        p = ks_image_begin(sp, e, s, p);
    }

    if (ks_types[v.type].steps != NULL) {
        return ks_image_rest(s, &v, p, end, done);
    }

    return ks_image_elements(s, &v, p, end, done);
}


void
ks_image_end(ks_image_steps_t *s)
{
    free(s->part);
    memset(s, 0, sizeof(ks_image_steps_t));
}
