/*
 * SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP.
 *
 * Values are walked run by run where they lie, and the result of BITOP is made
 * where it is to stay.
 */

#include "commands/ks_bitmap.h"
#include "commands/ks_handlers.h"


/* a range of a string's bits, both ends within it */
typedef struct {
    int64_t   first;
    int64_t   last;                 /* less than first: empty */
    unsigned  open:1;               /* its end was not given */
} ks_bits_t;

typedef enum {
    KS_BITOP_AND = 0,
    KS_BITOP_OR,
    KS_BITOP_XOR,
    KS_BITOP_NOT,
    KS_BITOP_DIFF,                  /* in the first and in none of the others */
    KS_BITOP_DIFF1,                 /* not in the first, but in another */
    KS_BITOP_ANDOR,                 /* in the first and in another */
    KS_BITOP_ONE                    /* in one and no more */
} ks_bitop_t;


int
ks_arg_bit_offset(ks_ctx_t *c, const ks_str_t *arg, unsigned width,
    uint64_t *bit)
{
    int64_t   v;
    ks_str_t  s;

    s = *arg;

    if (width != 0 && s.len != 0 && s.data[0] == '#') {
        s.data++;
        s.len--;
    } else {
        width = 1;
    }

    if (ks_parse_int(&s, &v) != KS_OK
        || __builtin_mul_overflow(v, (int64_t) width, &v)
        || v < 0 || v / 8 >= (int64_t) KS_STRING_MAX)
    {
        ks_reply_error(c->reply,
                       "ERR bit offset is not an integer or out of range");
        return KS_ERR;
    }

    *bit = (uint64_t) v;

    return KS_OK;
}


void
ks_bitmap_read(ks_ctx_t *c, const ks_entry_t *e, size_t off, u_char *p,
    size_t n)
{
    size_t         len, run;
    const u_char  *q;

    memset(p, 0, n);

    len = e ? ks_string_len(e) : 0;
    n = (off < len) ? ks_min(n, len - off) : 0;

    while (n != 0) {
        q = ks_string_run(c->space, e, off, &run);
        run = ks_min(run, n);
        memcpy(p, q, run);
        p += run;
        off += run;
        n -= run;
    }
}


void
ks_cmd_setbit(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char  err[] = "ERR bit is not an integer or out of range";

    u_char       byte, mask;
    int64_t      on;
    uint64_t     bit;
    ks_entry_t  *e;

    (void) argc;

    if (ks_arg_bit_offset(c, &argv[2], 0, &bit) != KS_OK
        || ks_arg_int(c, &argv[3], &on, err) != KS_OK)
    {
        return;
    }

    if (on != 0 && on != 1) {
        ks_reply_error(c->reply, err);
        return;
    }

    if (ks_write_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    ks_bitmap_read(c, e, bit / 8, &byte, 1);
    mask = (u_char) (0x80 >> (bit % 8));
    ks_reply_integer(c->reply, (byte & mask) != 0);

    /* what changes nothing is no change for those who watch the key */

    if (e != NULL && bit / 8 < ks_string_len(e) && on == !!(byte & mask)) {
        ks_string_write(c->space, &argv[1], e, 0, NULL, 0);
        return;
    }

    byte = (u_char) (on ? byte | mask : byte & ~mask);
    ks_string_write(c->space, &argv[1], e, bit / 8, &byte, 1);
    ks_event(c->space, KS_NOTIFY_STRING, "setbit", &argv[1]);
}


void
ks_cmd_getbit(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    u_char       byte;
    uint64_t     bit;
    ks_entry_t  *e;

    (void) argc;

    if (ks_arg_bit_offset(c, &argv[2], 0, &bit) != KS_OK
        || ks_read_string(c, &argv[1], &e) != KS_OK)
    {
        return;
    }

    ks_bitmap_read(c, e, bit / 8, &byte, 1);
    ks_reply_integer(c->reply, byte >> (7 - bit % 8) & 1);
}


/* BYTE or BIT */

static int
ks_arg_unit(ks_ctx_t *c, const ks_str_t *arg, int *bits)
{
    *bits = ks_arg_is(arg, "bit");

    if (*bits || ks_arg_is(arg, "byte")) {
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


/*
 * start and end, in bytes or bits and negative from the end, of a string of
 * len bytes -> its bits
 */

static void
ks_bits_range(ks_bits_t *b, int64_t start, int64_t end, int64_t len, int bits)
{
    if (bits) {
        len *= 8;
    }

    start = ks_max((start < 0) ? start + len : start, 0);
    end = ks_max((end < 0) ? end + len : end, 0);
    end = ks_min(end, len - 1);

    if (start > end) {
        b->first = 0;
        b->last = -1;

    } else if (bits) {
        b->first = start;
        b->last = end;

    } else {
        b->first = start * 8;
        b->last = end * 8 + 7;
    }
}


static unsigned
ks_popcount(uint64_t v)
{
    v -= v >> 1 & 0x5555555555555555;
    v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
    v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;

    return (unsigned) (v * 0x0101010101010101 >> 56);
}


static uint64_t
ks_count_bytes(const u_char *p, size_t n)
{
    uint64_t  bits;

    for (bits = 0; n >= 8; p += 8, n -= 8) {
        bits += ks_popcount(ks_load64(p));
    }

    for ( /* void */ ; n != 0; n--) {
        bits += ks_popcount(*p++);
    }

    return bits;
}


static int64_t
ks_count_range(ks_ctx_t *c, const ks_entry_t *e, const ks_bits_t *b)
{
    size_t         off, left, n;
    u_char         edge;
    uint64_t       bits;
    const u_char  *p;

    if (b->first > b->last) {
        return 0;
    }

    off = (size_t) b->first / 8;
    left = (size_t) b->last / 8 - off + 1;

    for (bits = 0; left != 0; left -= n, off += n) {
        p = ks_string_run(c->space, e, off, &n);
        n = ks_min(n, left);
        bits += ks_count_bytes(p, n);
    }

    /* what the first and the last byte have beyond the range */

    ks_bitmap_read(c, e, (size_t) b->first / 8, &edge, 1);
    bits -= ks_popcount((uint64_t) edge >> (8 - b->first % 8));

    ks_bitmap_read(c, e, (size_t) b->last / 8, &edge, 1);
    bits -= ks_popcount((uint64_t) edge & (0x7fu >> b->last % 8));

    return (int64_t) bits;
}


void
ks_cmd_bitcount(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          bits;
    int64_t      start, end;
    ks_bits_t    b;
    ks_entry_t  *e;

    bits = 0;
    start = 0;
    end = -1;

    if (argc == 4 || argc == 5) {
        if (ks_arg_int(c, &argv[2], &start, NULL) != KS_OK
            || ks_arg_int(c, &argv[3], &end, NULL) != KS_OK)
        {
            return;
        }

        if (argc == 5 && ks_arg_unit(c, &argv[4], &bits) != KS_OK) {
            return;
        }

    } else if (argc != 2) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (ks_read_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    if (e == NULL || (start < 0 && end < 0 && start > end)) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    ks_bits_range(&b, start, end, (int64_t) ks_string_len(e), bits);
    ks_reply_integer(c->reply, ks_count_range(c, e, &b));
}


/*
 * The first bit that equals want among the bits [from, to) of p, where from
 * is less than 8; to if there is none.
 */

static int64_t
ks_find_bit(const u_char *p, int64_t from, int64_t to, int want)
{
    int64_t   i;
    uint64_t  none;

    none = want ? 0 : UINT64_MAX;

    for (i = from; i < to; i++) {

        while (i % 8 == 0 && to - i >= 64 && ks_load64(p + i / 8) == none) {
            i += 64;
        }

        while (i % 8 == 0 && to - i >= 8 && p[i / 8] == (u_char) none) {
            i += 8;
        }

        if (i == to) {
            break;
        }

        if ((p[i / 8] >> (7 - i % 8) & 1) == want) {
            return i;
        }
    }

    return to;
}


static int64_t
ks_find_in_range(ks_ctx_t *c, const ks_entry_t *e, const ks_bits_t *b,
    int want)
{
    size_t         off, n;
    int64_t        from, to, pos, base;
    const u_char  *p;

    for (off = (size_t) b->first / 8; /* void */ ; off += n) {
        base = (int64_t) off * 8;

        if (base > b->last) {
            break;
        }

        p = ks_string_run(c->space, e, off, &n);
        from = ks_max(b->first - base, 0);
        to = ks_min(b->last - base + 1, (int64_t) n * 8);
        pos = ks_find_bit(p, from, to, want);

        if (pos < to) {
            return base + pos;
        }
    }

    /* a string without an end goes on in zeros */

    return (want == 0 && b->open && b->first <= b->last) ? b->last + 1 : -1;
}


/* what BITPOS is asked for, as it stands there */
typedef struct {
    int64_t   bit;
    int64_t   start;
    int64_t   end;
    int       bits;                 /* start and end are no bytes */
} ks_bitpos_t;


static int
ks_bitpos_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_bitpos_t *o)
{
    o->start = 0;
    o->end = -1;
    o->bits = 0;

    if (ks_arg_int(c, &argv[2], &o->bit, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (o->bit != 0 && o->bit != 1) {
        ks_reply_error(c->reply, "ERR The bit argument must be 1 or 0.");
        return KS_ERR;
    }

    if (argc > 6) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    if ((argc > 3 && ks_arg_int(c, &argv[3], &o->start, NULL) != KS_OK)
        || (argc > 5 && ks_arg_unit(c, &argv[5], &o->bits) != KS_OK)
        || (argc > 4 && ks_arg_int(c, &argv[4], &o->end, NULL) != KS_OK))
    {
        return KS_ERR;
    }

    return KS_OK;
}


/* The arguments are looked at before the key is, as Redis does from 7.2 on. */

void
ks_cmd_bitpos(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_bits_t     b;
    ks_entry_t   *e;
    ks_bitpos_t   o;

    if (ks_bitpos_options(c, argc, argv, &o) != KS_OK
        || ks_read_string(c, &argv[1], &e) != KS_OK)
    {
        return;
    }

    if (e == NULL) {
        ks_reply_integer(c->reply, o.bit ? -1 : 0);
        return;
    }

    b.open = (argc < 5);
    ks_bits_range(&b, o.start, o.end, (int64_t) ks_string_len(e), o.bits);
    ks_reply_integer(c->reply, ks_find_in_range(c, e, &b, (int) o.bit));
}


static const struct {
    const char  *name;
    const char  *upper;
    int          sources;           /* at least; -1: just one */
} ks_bitops[] = {
    [KS_BITOP_AND]   = { "and",   "AND",    1 },
    [KS_BITOP_OR]    = { "or",    "OR",     1 },
    [KS_BITOP_XOR]   = { "xor",   "XOR",    1 },
    [KS_BITOP_NOT]   = { "not",   "NOT",   -1 },
    [KS_BITOP_DIFF]  = { "diff",  "DIFF",   2 },
    [KS_BITOP_DIFF1] = { "diff1", "DIFF1",  2 },
    [KS_BITOP_ANDOR] = { "andor", "ANDOR",  2 },
    [KS_BITOP_ONE]   = { "one",   "ONE",    1 }
};


static int
ks_bitop_name(ks_ctx_t *c, int argc, ks_str_t *argv, ks_bitop_t *op)
{
    int       min;
    size_t    i;

    for (i = 0; i < ks_nelts(ks_bitops); i++) {
        if (argv[1].len == strlen(ks_bitops[i].name)
            && ks_arg_same(&argv[1], ks_bitops[i].name))
        {
            break;
        }
    }

    if (i == ks_nelts(ks_bitops)) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    *op = (ks_bitop_t) i;
    min = ks_bitops[i].sources;

    if (min < 0 ? argc - 3 == 1 : argc - 3 >= min) {
        return KS_OK;
    }

    ks_reply_errorf(c->reply, "ERR BITOP %s must be called with %s.",
                    ks_bitops[i].upper, min < 0 ? "a single source key"
                                                : "at least two source keys");

    return KS_ERR;
}


typedef struct {
    ks_ctx_t     *c;
    ks_bitop_t    op;
    ks_entry_t  **src;
    int           n;
} ks_bitop_run_t;


/*
 * The result so far, a, and a source, b.  Of the operations that set the first
 * source apart, a is what all others together have.
 */

static inline uint64_t
ks_bitop_word(ks_bitop_t op, uint64_t a, uint64_t b)
{
    switch (op) {
    case KS_BITOP_AND:
    case KS_BITOP_ANDOR:
        return a & b;
    case KS_BITOP_OR:
        return a | b;
    case KS_BITOP_XOR:
        return a ^ b;
    case KS_BITOP_DIFF:
        return b & ~a;
    case KS_BITOP_DIFF1:
        return a & ~b;
    default: /* KS_BITOP_NOT */
        return ~b;
    }
}


/* p[0..n) op= q[0..n); the operation is known where this is compiled */

static inline __attribute__((always_inline)) void
ks_bitop_words(ks_bitop_t op, u_char *p, const u_char *q, size_t n)
{
    unsigned  i;
    uint64_t  v[4];

    for ( /* void */ ; n >= sizeof(v); p += sizeof(v), q += sizeof(v)) {

        for (i = 0; i < ks_nelts(v); i++) {
            v[i] = ks_bitop_word(op, ks_load64(p + 8 * i),
                                 ks_load64(q + 8 * i));
        }

        memcpy(p, v, sizeof(v));
        n -= sizeof(v);
    }

    for ( /* void */ ; n != 0; p++, q++, n--) {
        *p = (u_char) ks_bitop_word(op, *p, *q);
    }
}


static void
ks_bitop_bytes(ks_bitop_t op, u_char *p, const u_char *q, size_t n)
{
    switch (op) {
    case KS_BITOP_AND:
    case KS_BITOP_ANDOR:
        ks_bitop_words(KS_BITOP_AND, p, q, n);
        break;
    case KS_BITOP_OR:
        ks_bitop_words(KS_BITOP_OR, p, q, n);
        break;
    case KS_BITOP_XOR:
        ks_bitop_words(KS_BITOP_XOR, p, q, n);
        break;
    case KS_BITOP_DIFF:
        ks_bitop_words(KS_BITOP_DIFF, p, q, n);
        break;
    case KS_BITOP_DIFF1:
        ks_bitop_words(KS_BITOP_DIFF1, p, q, n);
        break;
    default: /* KS_BITOP_NOT */
        ks_bitop_words(KS_BITOP_NOT, p, q, n);
    }
}


/*
 * One source, zeros behind its end, into the part [off, off + n) of the
 * result.
 */

static void
ks_bitop_source(ks_ctx_t *c, ks_bitop_t op, const ks_entry_t *e, size_t off,
    u_char *p, size_t n)
{
    size_t         len, end, run;
    const u_char  *q;

    len = e ? ks_string_len(e) : 0;
    end = ks_min(off + n, len);

    for ( /* void */ ; off < end; off += run, p += run, n -= run) {
        q = ks_string_run(c->space, e, off, &run);
        run = ks_min(run, end - off);
        ks_bitop_bytes(op, p, q, run);
    }

    /* what has no bits there takes them away */

    if (op == KS_BITOP_AND || op == KS_BITOP_ANDOR || op == KS_BITOP_DIFF) {
        memset(p, 0, n);
    }
}


/*
 * The bits that are in one source alone: in some, but not in a second.  A part
 * is no longer than a page.
 */

static void
ks_bitop_one(const ks_bitop_run_t *b, size_t off, u_char *p, size_t n)
{
    int     i;
    size_t  k;
    u_char  more[KS_PAGE_SIZE], q[KS_PAGE_SIZE];

    memset(more, 0, n);

    for (i = 0; i < b->n; i++) {
        ks_bitmap_read(b->c, b->src[i], off, q, n);

        for (k = 0; k < n; k++) {
            more[k] |= p[k] & q[k];
            p[k] |= q[k];
        }
    }

    ks_bitop_bytes(KS_BITOP_DIFF1, p, more, n);
}


/* a part of the result, of all sources */

static void
ks_bitop_fill(void *data, size_t off, u_char *p, size_t n)
{
    int              i, apart;
    ks_bitop_run_t  *b = data;

    memset(p, (b->op == KS_BITOP_AND) ? 0xff : 0, n);

    if (b->op == KS_BITOP_ONE) {
        ks_bitop_one(b, off, p, n);
        return;
    }

    apart = (b->op == KS_BITOP_DIFF || b->op == KS_BITOP_DIFF1
             || b->op == KS_BITOP_ANDOR);

    for (i = apart; i < b->n; i++) {
        ks_bitop_source(b->c, apart ? KS_BITOP_OR : b->op, b->src[i], off, p,
                        n);
    }

    if (apart) {
        ks_bitop_source(b->c, b->op, b->src[0], off, p, n);
    }
}


static void
ks_bitop_store(ks_bitop_run_t *b, const ks_str_t *key, size_t len)
{
    ks_ctx_t    *c;
    ks_entry_t  *e;

    c = b->c;
    e = ks_lookup(c->space, key, KS_LOOKUP_WRITE);

    if (len != 0) {
        ks_string_make(c->space, key, e, len, KS_ENC_RAW, KS_NO_EXPIRE,
                       ks_bitop_fill, b);
        ks_event(c->space, KS_NOTIFY_STRING, "set", key);

    } else if (e != NULL) {
        ks_delete(c, key, e);
    }
}


void
ks_cmd_bitop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i;
    size_t           len;
    ks_bitop_run_t   b;

    if (ks_bitop_name(c, argc, argv, &b.op) != KS_OK) {
        return;
    }

    b.c = c;
    b.n = argc - 3;
    b.src = ks_arena_alloc(c->space, (size_t) b.n * sizeof(ks_entry_t *));

    for (len = 0, i = 0; i < b.n; i++) {
        if (ks_read_string(c, &argv[3 + i], &b.src[i]) != KS_OK) {
            return;
        }

        if (b.src[i] != NULL) {
            len = ks_max(len, ks_string_len(b.src[i]));
        }
    }

    ks_bitop_store(&b, &argv[2], len);

    if (b.op >= KS_BITOP_DIFF) {
        ks_effect_value(c, &argv[2]);
    }

    ks_reply_integer(c->reply, (int64_t) len);
}
