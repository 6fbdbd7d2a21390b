/*
 * BITFIELD and BITFIELD_RO: integers of any width at any bit of a string.
 *
 * All operations are read before the first one runs, so that a fault in any
 * of them leaves the string alone.
 */

#include "commands/ks_bitmap.h"
#include "commands/ks_handlers.h"


#define KS_FIELD_BYTES  9       /* 64 bits from any bit of a byte on */

typedef enum {
    KS_FIELD_GET = 0,
    KS_FIELD_SET,
    KS_FIELD_INCRBY
} ks_field_cmd_t;

typedef enum {
    KS_OVERFLOW_WRAP = 0,
    KS_OVERFLOW_SAT,
    KS_OVERFLOW_FAIL
} ks_overflow_t;

typedef struct {
    ks_field_cmd_t  cmd;
    ks_overflow_t   overflow;
    unsigned        is_signed;
    unsigned        width;
    uint64_t        bit;
    int64_t         value;
} ks_field_t;

typedef struct {
    ks_field_t     *ops;
    size_t          n;
    uint64_t        end;        /* bytes that the writes need; 0: none does */
    ks_overflow_t   overflow;   /* for the operations to come */
} ks_bitops_t;


/* "i8", "u16" */

static int
ks_field_type(ks_ctx_t *c, const ks_str_t *arg, ks_field_t *f)
{
    int64_t   width;
    ks_str_t  s;

    if (arg->len < 2 || (arg->data[0] != 'i' && arg->data[0] != 'u')) {
        goto invalid;
    }

    s.data = arg->data + 1;
    s.len = arg->len - 1;
    f->is_signed = (arg->data[0] == 'i');

    if (ks_parse_int(&s, &width) != KS_OK
        || width < 1 || width > 63 + (int) f->is_signed)
    {
        goto invalid;
    }

    f->width = (unsigned) width;

    return KS_OK;

invalid:

    ks_reply_error(c->reply, "ERR Invalid bitfield type. Use something like "
                   "i16 u8. Note that u64 is not supported but i64 is.");

    return KS_ERR;
}


static int
ks_field_overflow(ks_ctx_t *c, const ks_str_t *arg, ks_overflow_t *overflow)
{
    if (ks_arg_is(arg, "wrap")) {
        *overflow = KS_OVERFLOW_WRAP;

    } else if (ks_arg_is(arg, "sat")) {
        *overflow = KS_OVERFLOW_SAT;

    } else if (ks_arg_is(arg, "fail")) {
        *overflow = KS_OVERFLOW_FAIL;

    } else {
        ks_reply_error(c->reply, "ERR Invalid OVERFLOW type specified");
        return KS_ERR;
    }

    return KS_OK;
}


/* The name of an operation: how many arguments follow it, 0 if it is none. */

static int
ks_field_name(const ks_str_t *arg, ks_field_cmd_t *cmd)
{
    if (ks_arg_is(arg, "get")) {
        *cmd = KS_FIELD_GET;
        return 2;
    }

    if (ks_arg_is(arg, "set")) {
        *cmd = KS_FIELD_SET;
        return 3;
    }

    if (ks_arg_is(arg, "incrby")) {
        *cmd = KS_FIELD_INCRBY;
        return 3;
    }

    return 0;
}


/* type, offset and value of the operation whose name is at argv[0] */

static int
ks_field_op(ks_ctx_t *c, ks_str_t *argv, ks_field_t *f)
{
    if (ks_field_type(c, &argv[1], f) != KS_OK
        || ks_arg_bit_offset(c, &argv[2], f->width, &f->bit) != KS_OK)
    {
        return KS_ERR;
    }

    if (f->cmd == KS_FIELD_GET) {
        return KS_OK;
    }

    return ks_arg_int(c, &argv[3], &f->value, NULL);
}


/* One operation or OVERFLOW: how many arguments follow its name, or KS_ERR. */

static int
ks_fields_step(ks_ctx_t *c, int left, ks_str_t *argv, ks_bitops_t *fs)
{
    int          n;
    ks_field_t  *f;

    f = &fs->ops[fs->n];
    n = ks_field_name(&argv[0], &f->cmd);

    if (n == 0 && left > 0 && ks_arg_is(&argv[0], "overflow")) {
        return ks_field_overflow(c, &argv[1], &fs->overflow) == KS_OK ? 1
                                                                     : KS_ERR;
    }

    if (n == 0 || n > left) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    if (ks_field_op(c, argv, f) != KS_OK) {
        return KS_ERR;
    }

    f->overflow = fs->overflow;
    fs->n++;

    if (f->cmd != KS_FIELD_GET) {
        fs->end = ks_max(fs->end, (f->bit + f->width - 1) / 8 + 1);
    }

    return n;
}


static int
ks_fields_parse(ks_ctx_t *c, int argc, ks_str_t *argv, ks_bitops_t *fs)
{
    int  i, n;

    fs->n = 0;
    fs->end = 0;
    fs->overflow = KS_OVERFLOW_WRAP;
    fs->ops = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_field_t));

    for (i = 2; i < argc; i += n + 1) {
        n = ks_fields_step(c, argc - i - 1, argv + i, fs);

        if (n == KS_ERR) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/*
 * A field as a number: buf has the bytes from the one that its first bit is
 * in; 64 bits and a part of a byte fit into 128.
 */

static uint64_t
ks_field_load(const u_char *buf, const ks_field_t *f)
{
    unsigned           i;
    uint64_t           v;
    unsigned __int128  all;

    for (all = 0, i = 0; i < KS_FIELD_BYTES; i++) {
        all = all << 8 | buf[i];
    }

    all >>= KS_FIELD_BYTES * 8 - f->bit % 8 - f->width;
    v = (uint64_t) all;

    return f->width < 64 ? v & (((uint64_t) 1 << f->width) - 1) : v;
}


static void
ks_field_save(u_char *buf, const ks_field_t *f, uint64_t v)
{
    unsigned  i, at;

    for (i = 0; i < f->width; i++) {
        at = (unsigned) (f->bit % 8) + i;
        buf[at / 8] &= (u_char) ~(0x80 >> at % 8);

        if (v >> (f->width - 1 - i) & 1) {
            buf[at / 8] |= (u_char) (0x80 >> at % 8);
        }
    }
}


/* width bits -> the number that they are */

static int64_t
ks_field_number(const ks_field_t *f, uint64_t v)
{
    unsigned  up;

    up = 64 - f->width;
    v <<= up;

    return f->is_signed ? (int64_t) v >> up : (int64_t) (v >> up);
}


/* *v as it fits into the field; KS_ERR: it does not, and shall fail */

static int
ks_field_fit(const ks_field_t *f, __int128 *v)
{
    int       below;
    __int128  min, max;

    max = ((__int128) 1 << (f->width - f->is_signed)) - 1;
    min = f->is_signed ? -max - 1 : 0;

    if (*v >= min && *v <= max) {
        return KS_OK;
    }

    /*
     * Redis takes what SET is given for too large if its distance from max,
     * in 64 bits, turns negative, however far below min it is.
     */

    below = *v < min
            && (f->cmd == KS_FIELD_INCRBY || max - *v <= INT64_MAX);

    if (f->overflow == KS_OVERFLOW_SAT) {
        *v = below ? min : max;
    }

    return f->overflow == KS_OVERFLOW_FAIL ? KS_ERR : KS_OK;
}


/* what SET and INCRBY are to leave in the field */

static __int128
ks_field_wanted(const ks_field_t *f, int64_t old)
{
    if (f->cmd == KS_FIELD_INCRBY) {
        return (__int128) old + f->value;
    }

    /* a negative number does not fit below an unsigned field but above */

    return f->is_signed ? (__int128) f->value
                        : (__int128) (uint64_t) f->value;
}


static int
ks_field_run(ks_ctx_t *c, const ks_str_t *key, ks_entry_t **e, int grown,
    const ks_field_t *f)
{
    int       differs;
    size_t    off, n;
    u_char    buf[KS_FIELD_BYTES];
    int64_t   old;
    __int128  v;

    off = f->bit / 8;
    ks_bitmap_read(c, *e, off, buf, sizeof(buf));
    old = ks_field_number(f, ks_field_load(buf, f));

    if (f->cmd == KS_FIELD_GET) {
        ks_reply_integer(c->reply, old);
        return 0;
    }

    v = ks_field_wanted(f, old);

    if (ks_field_fit(f, &v) != KS_OK) {
        ks_reply_null(c->reply);
        return 0;
    }

    /* what changes nothing is no change for those who watch the key */

    differs = (ks_field_number(f, (uint64_t) v) != old);

    if (differs) {
        n = (f->bit % 8 + f->width + 7) / 8;
        ks_field_save(buf, f, (uint64_t) v);
        *e = ks_string_write(c->space, key, *e, off, buf, n);
    }

    ks_reply_integer(c->reply, (f->cmd == KS_FIELD_SET) ? old
                               : ks_field_number(f, (uint64_t) v));

    return grown || differs;
}


void
ks_cmd_bitfield(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int           grown, changed;
    size_t        i;
    ks_entry_t   *e;
    ks_bitops_t   fs;

    if (ks_fields_parse(c, argc, argv, &fs) != KS_OK) {
        return;
    }

    grown = 0;
    changed = 0;

    if (fs.end > KS_STRING_MAX) {
        ks_reply_error(c->reply, KS_ERR_TOOBIG);
        return;
    }

    if (fs.end == 0) {
        if (ks_read_string(c, &argv[1], &e) != KS_OK) {
            return;
        }

    } else {
        if (ks_write_string(c, &argv[1], &e) != KS_OK) {
            return;
        }

        /* even a write that fails later makes the string long enough */

        grown = (e == NULL || ks_string_len(e) < fs.end);
        e = ks_string_write(c->space, &argv[1], e, fs.end, NULL, 0);
    }

    ks_reply_array(c->reply, fs.n);

    for (i = 0; i < fs.n; i++) {
        changed |= ks_field_run(c, &argv[1], &e, grown, &fs.ops[i]);
    }

    if (changed) {
        ks_event(c->space, KS_NOTIFY_STRING, "setbit", &argv[1]);
    }
}


void
ks_cmd_bitfield_ro(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t        i;
    ks_entry_t   *e;
    ks_bitops_t   fs;

    if (ks_fields_parse(c, argc, argv, &fs) != KS_OK) {
        return;
    }

    if (fs.end != 0) {
        ks_reply_error(c->reply,
                       "ERR BITFIELD_RO only supports the GET subcommand");
        return;
    }

    if (ks_read_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    ks_reply_array(c->reply, fs.n);

    for (i = 0; i < fs.n; i++) {
        ks_field_run(c, &argv[1], &e, 0, &fs.ops[i]);
    }
}


/* what BITFIELD does with its key, for COMMAND GETKEYSANDFLAGS */

unsigned
ks_cmd_bitfield_key_flags(int argc, const ks_str_t *argv)
{
    int             i, n;
    ks_field_cmd_t  cmd;

    for (i = 2; i < argc; i += n + 1) {
        n = ks_field_name(&argv[i], &cmd);

        if (n != 0 ? cmd != KS_FIELD_GET : !ks_arg_is(&argv[i], "overflow")) {
            return KS_KEY_RW|KS_KEY_ACCESS|KS_KEY_UPDATE;
        }

        n = n ? n : 1;
    }

    return KS_KEY_RO|KS_KEY_ACCESS;
}
