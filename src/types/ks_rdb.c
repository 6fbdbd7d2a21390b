/*
 * Dumps: lengths, strings, numbers and the footer, in both directions.  What
 * whole values are made of is in ks_rdb_value.c.
 */

#include "types/ks_crc64.h"
#include "types/ks_lzf.h"
#include "types/ks_packed.h"
#include "types/ks_rdb_in.h"

#include <inttypes.h>
#include <stdio.h>


#define KS_RDB_32BIT      0x80
#define KS_RDB_64BIT      0x81

/* encoded strings: integers of 1, 2 and 4 bytes, or compressed */
#define KS_RDB_ENCODED    0xc0

static uint64_t
ks_big(const u_char *p, unsigned n)
{
    uint64_t  v;

    for (v = 0; n > 0; n--) {
        v = v << 8 | *p++;
    }

    return v;
}


static u_char *
ks_put_big(u_char *p, uint64_t v, unsigned n)
{
    for ( /* void */ ; n > 0; n--) {
        *p++ = (u_char) (v >> (8 * (n - 1)));
    }

    return p;
}


const u_char *
ks_rdb_take(ks_rdb_in_t *in, uint64_t n)
{
    uint64_t       left;
    const u_char  *p;

    left = (uint64_t) (in->end - in->p);

    if (ks_unlikely(left < n)) {
        in->starved = (n - left <= in->rest);
        in->ended = !in->starved;
        return NULL;
    }

    p = in->p;
    in->p += n;

    return p;
}


int
ks_rdb_any_length(ks_rdb_in_t *in, uint64_t *n, int *special)
{
    unsigned       b, more;
    const u_char  *p;

    p = ks_rdb_take(in, 1);

    if (p == NULL) {
        return KS_ERR;
    }

    b = *p;
    *special = (b >= KS_RDB_ENCODED);

    if (b < 0x40 || *special) {
        *n = b & 0x3f;
        return KS_OK;
    }

    more = b < 0x80 ? 1 : b == KS_RDB_32BIT ? 4 : b == KS_RDB_64BIT ? 8 : 0;
    p = ks_rdb_take(in, more);

    if (p == NULL || more == 0) {
        return KS_ERR;
    }

    *n = ks_big(p, more);

    if (more == 1) {
        *n |= (uint64_t) (b & 0x3f) << 8;
    }

    return KS_OK;
}


int
ks_rdb_length(ks_rdb_in_t *in, uint64_t *n)
{
    int  special;

    return ks_rdb_any_length(in, n, &special) == KS_OK && !special ? KS_OK
                                                                  : KS_ERR;
}


void
ks_rdb_integer_text(ks_rdb_in_t *in, int64_t v, ks_str_t *s)
{
    char  text[24];

    s->len = (size_t) snprintf(text, sizeof(text), "%" PRId64, v);
    s->data = in->alloc(in->data, s->len);
    memcpy(s->data, text, s->len);
}


static int
ks_rdb_compressed(ks_rdb_in_t *in, ks_str_t *s)
{
    uint64_t       n, len;
    ks_lzf_t       z;
    const u_char  *p;

    if (ks_rdb_length(in, &n) != KS_OK || ks_rdb_length(in, &len) != KS_OK) {
        return KS_ERR;
    }

    p = ks_rdb_take(in, n);

    if (p == NULL || len > KS_RDB_STRING_MAX || len > n * KS_LZF_RATIO) {
        return KS_ERR;
    }

    s->len = (size_t) len;
    s->data = in->alloc(in->data, s->len);

    z.p = p;
    z.end = p + n;
    z.to = s->data;
    z.at = 0;
    z.room = s->len;

    return ks_lzf_expand(&z) == KS_OK && z.at == len ? KS_OK : KS_ERR;
}


int
ks_rdb_string(ks_rdb_in_t *in, ks_str_t *s)
{
    int            special;
    uint64_t       n;
    const u_char  *p;

    if (ks_rdb_any_length(in, &n, &special) != KS_OK) {
        return KS_ERR;
    }

    if (special && n == KS_RDB_LZF) {
        return ks_rdb_compressed(in, s);
    }

    if (n > (special ? KS_RDB_LZF : KS_RDB_STRING_MAX)) {
        return KS_ERR;
    }

    p = ks_rdb_take(in, special ? 1u << n : n);

    if (p == NULL) {
        return KS_ERR;
    }

    if (special) {
        ks_rdb_integer_text(in, ks_little_signed(p, 1u << n), s);
        return KS_OK;
    }

    s->data = (u_char *) p;
    s->len = (size_t) n;

    return KS_OK;
}


int
ks_rdb_verify(const ks_str_t *dump)
{
    const u_char  *footer;

    if (dump->len < KS_RDB_FOOTER) {
        return KS_ERR;
    }

    footer = dump->data + dump->len - KS_RDB_FOOTER;

    if (ks_little(footer, 2) > KS_RDB_VERSION_MAX) {
        return KS_ERR;
    }

    return ks_crc64(dump->data, dump->len - 8) == ks_little(footer + 2, 8)
           ? KS_OK : KS_ERR;
}


/* --- writing --- */

u_char *
ks_rdb_put_length(u_char *p, uint64_t n)
{
    if (n < 0x40) {
        *p++ = (u_char) n;
        return p;
    }

    if (n < 0x4000) {
        return ks_put_big(p, 0x4000 | n, 2);
    }

    if (n <= UINT32_MAX) {
        *p++ = KS_RDB_32BIT;
        return ks_put_big(p, n, 4);
    }

    *p++ = KS_RDB_64BIT;

    return ks_put_big(p, n, 8);
}


int
ks_rdb_is_short(int64_t v)
{
    return v == (int32_t) v;
}


u_char *
ks_rdb_put_integer(u_char *p, int64_t v)
{
    unsigned  kind;

    kind = v == (int8_t) v ? 0 : v == (int16_t) v ? 1 : 2;
    *p++ = (u_char) (KS_RDB_ENCODED | kind);

    return ks_put_little(p, (uint64_t) v, 1u << kind);
}


u_char *
ks_rdb_put_double(u_char *p, double v)
{
    uint64_t  bits;

    memcpy(&bits, &v, sizeof(bits));

    return ks_put_little(p, bits, 8);
}


u_char *
ks_rdb_put_time(u_char *p, uint64_t ms)
{
    return ks_put_little(p, ms, 8);
}


void
ks_rdb_fill_gap(u_char *gap, uint32_t n)
{
    *gap = KS_RDB_32BIT;
    ks_put_big(gap + 1, n, 4);
}


u_char *
ks_rdb_put_footer(uint64_t crc, u_char *start, u_char *p)
{
    int  times;

    times = (crc == 0 && p > start && *start == KS_RDB_HASH_METADATA);
    p = ks_put_little(p, times ? KS_RDB_VERSION_TIMES : KS_RDB_VERSION, 2);
    crc = ks_crc64_more(crc, start, (size_t) (p - start));

    return ks_put_little(p, crc, 8);
}
