/*
 * Reading listpacks, ziplists, zipmaps and intsets; writing the first and the
 * last.
 *
 * An element is decoded by a function that is given the bytes that are left
 * before the end mark and says how many the element takes; 0: it is damaged.
 */

#include "types/ks_packed.h"


#define KS_LISTPACK_HEADER  6
#define KS_ZIPLIST_HEADER   10
#define KS_PACKED_END       0xff
#define KS_PACKED_MANY      0xffff      /* elements: not said how many */

#define KS_ZIP_LONG         254         /* the length is in the next 4 bytes */
#define KS_ZIPMAP_MANY      254


static size_t
ks_packed_bytes(ks_packed_t *el, const u_char *p, size_t left, size_t header,
    uint64_t len)
{
    if (left < header || len > left - header) {
        return 0;
    }

    el->data = p + header;
    el->len = (size_t) len;

    return header + (size_t) len;
}


/* an integer of n bytes behind a byte that says so */

static size_t
ks_packed_integer(ks_packed_t *el, const u_char *p, size_t left, unsigned n)
{
    if (left < 1 + n) {
        return 0;
    }

    el->data = NULL;
    el->v = ks_little_signed(p + 1, n);

    return 1 + n;
}


static size_t
ks_packed_small(ks_packed_t *el, int64_t v, size_t size)
{
    el->data = NULL;
    el->v = v;

    return size;
}


/* --- listpack --- */

static size_t
ks_listpack_wide(ks_packed_t *el, const u_char *p, size_t left)
{
    switch (*p) {

    case 0xf0:
        return left < 5 ? 0 : ks_packed_bytes(el, p, left, 5,
                                              ks_little(p + 1, 4));
    case 0xf1:
        return ks_packed_integer(el, p, left, 2);

    case 0xf2:
        return ks_packed_integer(el, p, left, 3);

    case 0xf3:
        return ks_packed_integer(el, p, left, 4);

    case 0xf4:
        return ks_packed_integer(el, p, left, 8);

    default:
        return 0;
    }
}


static size_t
ks_listpack_element(ks_packed_t *el, const u_char *p, size_t left)
{
    unsigned  b;

    b = *p;

    if (b < 0x80) {
        return ks_packed_small(el, b, 1);
    }

    if (b < 0xc0) {
        return ks_packed_bytes(el, p, left, 1, b & 0x3f);
    }

    if (b >= 0xf0) {
        return ks_listpack_wide(el, p, left);
    }

    if (left < 2) {
        return 0;
    }

    if (b >= 0xe0) {
        return ks_packed_bytes(el, p, left, 2, (b & 0x0fu) << 8 | p[1]);
    }

    b = (b & 0x1f) << 8 | p[1];                 /* 13 bits with a sign */

    return ks_packed_small(el, b < 0x1000 ? (int) b : (int) b - 0x2000, 2);
}


/* the size of an element once more, behind it, to be read backwards */

static unsigned
ks_listpack_backlen(u_char *to, size_t size)
{
    unsigned  i, n;

    n = size <= 127 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3
                      : size < 268435455 ? 4 : 5;

    for (i = n; i > 0; i--) {
        to[i - 1] = (u_char) ((size & 127) | (i > 1 ? 128 : 0));
        size >>= 7;
    }

    return n;
}


int
ks_listpack_read(const ks_str_t *s, ks_packed_pt visit, void *data)
{
    size_t         size;
    u_char         back[8];
    unsigned       n;
    uint32_t       count;
    ks_packed_t    el;
    const u_char  *p, *end;

    if (s->len < KS_LISTPACK_EMPTY || ks_little(s->data, 4) != s->len
        || s->data[s->len - 1] != KS_PACKED_END)
    {
        return KS_ERR;
    }

    p = s->data + KS_LISTPACK_HEADER;
    end = s->data + s->len - 1;

    for (count = 0; p < end; count++) {
        size = ks_listpack_element(&el, p, (size_t) (end - p));

        if (size == 0) {
            return KS_ERR;
        }

        p += size;
        n = ks_listpack_backlen(back, size);

        if ((size_t) (end - p) < n || memcmp(p, back, n) != 0) {
            return KS_ERR;
        }

        p += n;
        visit(data, &el);
    }

    n = (unsigned) ks_little(s->data + 4, 2);

    return n == KS_PACKED_MANY || n == count ? KS_OK : KS_ERR;
}


void
ks_listpack_begin(ks_listpack_t *lp, u_char *to)
{
    lp->start = to;
    lp->p = to + KS_LISTPACK_HEADER;
    lp->n = 0;
}


static void
ks_listpack_close(ks_listpack_t *lp, size_t size)
{
    lp->p += ks_listpack_backlen(lp->p, size);
    lp->n++;
}


void
ks_listpack_integer(ks_listpack_t *lp, int64_t v)
{
    u_char    *p;
    unsigned   n;

    p = lp->p;

    if (v >= 0 && v <= 127) {
        *lp->p++ = (u_char) v;

    } else if (v >= -4096 && v <= 4095) {
        *lp->p++ = (u_char) (0xc0 | (((uint64_t) v >> 8) & 0x1f));
        *lp->p++ = (u_char) v;

    } else {
        n = v == (int16_t) v ? 2 : (v >= -0x800000 && v <= 0x7fffff) ? 3
                                 : v == (int32_t) v ? 4 : 8;
        *lp->p++ = (u_char) (n == 8 ? 0xf4 : 0xef + n);
        lp->p = ks_put_little(lp->p, (uint64_t) v, n);
    }

    ks_listpack_close(lp, (size_t) (lp->p - p));
}


u_char *
ks_listpack_string(ks_listpack_t *lp, size_t len)
{
    u_char  *p, *place;

    p = lp->p;

    if (len < 64) {
        *lp->p++ = (u_char) (0x80 | len);

    } else if (len < 4096) {
        *lp->p++ = (u_char) (0xe0 | len >> 8);
        *lp->p++ = (u_char) len;

    } else {
        *lp->p++ = 0xf0;
        lp->p = ks_put_little(lp->p, len, 4);
    }

    place = lp->p;
    lp->p += len;
    ks_listpack_close(lp, (size_t) (lp->p - p));

    return place;
}


u_char *
ks_listpack_end(ks_listpack_t *lp)
{
    *lp->p++ = KS_PACKED_END;

    ks_put_little(lp->start, (uint64_t) (lp->p - lp->start), 4);
    ks_put_little(lp->start + 4, ks_min(lp->n, KS_PACKED_MANY), 2);

    return lp->p;
}


/* --- ziplist --- */

static size_t
ks_ziplist_integer(ks_packed_t *el, const u_char *p, size_t left)
{
    switch (*p) {

    case 0xc0:
        return ks_packed_integer(el, p, left, 2);

    case 0xd0:
        return ks_packed_integer(el, p, left, 4);

    case 0xe0:
        return ks_packed_integer(el, p, left, 8);

    case 0xf0:
        return ks_packed_integer(el, p, left, 3);

    case 0xfe:
        return ks_packed_integer(el, p, left, 1);

    default:
        return *p > 0xf0 && *p < 0xfe ? ks_packed_small(el, *p - 0xf1, 1) : 0;
    }
}


static size_t
ks_ziplist_element(ks_packed_t *el, const u_char *p, size_t left)
{
    uint64_t  len;

    switch (*p >> 6) {

    case 0:
        return ks_packed_bytes(el, p, left, 1, *p & 0x3f);

    case 1:
        return left < 2 ? 0 : ks_packed_bytes(el, p, left, 2,
                                              (*p & 0x3fu) << 8 | p[1]);
    case 2:
        if (left < 5) {
            return 0;
        }

        len = (uint64_t) p[1] << 24 | p[2] << 16 | p[3] << 8 | p[4];
        return ks_packed_bytes(el, p, left, 5, len);

    default:
        return ks_ziplist_integer(el, p, left);
    }
}


/* the length of the element before, and how many bytes it takes; 0: damaged */

static size_t
ks_zip_length(const u_char *p, size_t left, uint64_t *len)
{
    if (left == 0 || *p == KS_PACKED_END) {
        return 0;
    }

    if (*p < KS_ZIP_LONG) {
        *len = *p;
        return 1;
    }

    if (left < 5) {
        return 0;
    }

    *len = ks_little(p + 1, 4);

    return 5;
}


int
ks_ziplist_read(const ks_str_t *s, ks_packed_pt visit, void *data)
{
    size_t         size, n;
    uint32_t       count;
    uint64_t       before, last;
    ks_packed_t    el;
    const u_char  *p, *end;

    if (s->len < KS_ZIPLIST_HEADER + 1 || ks_little(s->data, 4) != s->len
        || s->data[s->len - 1] != KS_PACKED_END)
    {
        return KS_ERR;
    }

    p = s->data + KS_ZIPLIST_HEADER;
    end = s->data + s->len - 1;
    last = 0;

    for (count = 0; p < end; count++) {
        n = ks_zip_length(p, (size_t) (end - p), &before);

        if (n == 0 || before != last || (size_t) (end - p) == n) {
            return KS_ERR;
        }

        size = ks_ziplist_element(&el, p + n, (size_t) (end - p) - n);

        if (size == 0) {
            return KS_ERR;
        }

        last = n + size;
        p += last;
        visit(data, &el);
    }

    n = ks_little(s->data + 8, 2);

    return n == KS_PACKED_MANY || n == count ? KS_OK : KS_ERR;
}


/* --- zipmap --- */

/* a string of a zipmap; that of a value has one byte more before it */

static size_t
ks_zipmap_string(ks_packed_t *el, const u_char *p, size_t left, int value)
{
    size_t    n, size, unused;
    uint64_t  len;

    n = ks_zip_length(p, left, &len);

    if (n == 0 || left < n + value) {
        return 0;
    }

    unused = value ? p[n] : 0;
    size = ks_packed_bytes(el, p, left, n + (size_t) value, len);

    return size == 0 || left - size < unused ? 0 : size + unused;
}


int
ks_zipmap_read(const ks_str_t *s, ks_packed_pt visit, void *data)
{
    size_t         size;
    uint32_t       count;
    ks_packed_t    el;
    const u_char  *p, *end;

    if (s->len < 2 || s->data[s->len - 1] != KS_PACKED_END) {
        return KS_ERR;
    }

    p = s->data + 1;
    end = s->data + s->len - 1;

    for (count = 0; p < end; count++) {
        size = ks_zipmap_string(&el, p, (size_t) (end - p), count & 1);

        if (size == 0) {
            return KS_ERR;
        }

        p += size;
        visit(data, &el);
    }

    if (count & 1) {
        return KS_ERR;
    }

    return s->data[0] >= KS_ZIPMAP_MANY || s->data[0] == count / 2 ? KS_OK
                                                                   : KS_ERR;
}


/* --- intset --- */

int
ks_intset_read(const ks_str_t *s, ks_packed_pt visit, void *data)
{
    uint64_t       size, count, i;
    ks_packed_t    el;
    const u_char  *p;

    if (s->len < KS_INTSET_HEADER) {
        return KS_ERR;
    }

    size = ks_little(s->data, 4);
    count = ks_little(s->data + 4, 4);

    if ((size != 2 && size != 4 && size != 8)
        || s->len - KS_INTSET_HEADER != size * count)
    {
        return KS_ERR;
    }

    el.data = NULL;
    el.len = 0;
    p = s->data + KS_INTSET_HEADER;

    for (i = 0; i < count; i++) {
        el.v = ks_little_signed(p, (unsigned) size);
        p += size;
        visit(data, &el);
    }

    return KS_OK;
}


u_char *
ks_intset_begin(u_char *to, int64_t first, int64_t last, size_t n,
    unsigned *size)
{
    *size = 2;

    if (first != (int16_t) first || last != (int16_t) last) {
        *size = first == (int32_t) first && last == (int32_t) last ? 4 : 8;
    }

    to = ks_put_little(to, *size, 4);

    return ks_put_little(to, n, 4);
}
