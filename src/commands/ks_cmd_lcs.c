/*
 * LCS: the longest common subsequence of two strings.
 *
 * The lengths of common subsequences of prefixes fill a table of |a| x |b|
 * cells, row by row (Wagner and Fischer, 1974).  Only two rows of numbers are
 * kept; to walk back, one bit a cell is enough: whether the way up is the
 * better one.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"


typedef struct {
    ks_str_t     a;
    ks_str_t     b;
    uint64_t    *up;                /* one bit a cell; NULL: only the length */
    size_t       stride;            /* words a row of it */
    uint32_t     len;

    unsigned     idx:1;
    unsigned     only_len:1;
    unsigned     with_len:1;
    int64_t      min_len;
} ks_lcs_t;

/* a run of equal bytes, found from its end backwards */
typedef struct {
    size_t       a;
    size_t       b;
    size_t       n;
} ks_lcs_match_t;


static int
ks_lcs_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_lcs_t *l)
{
    int  i;

    for (i = 3; i < argc; i++) {

        if (ks_arg_is(&argv[i], "idx")) {
            l->idx = 1;

        } else if (ks_arg_is(&argv[i], "len")) {
            l->only_len = 1;

        } else if (ks_arg_is(&argv[i], "withmatchlen")) {
            l->with_len = 1;

        } else if (ks_arg_is(&argv[i], "minmatchlen") && i + 1 < argc) {
            if (ks_arg_int(c, &argv[++i], &l->min_len, NULL) != KS_OK) {
                return KS_ERR;
            }

        } else {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    if (l->idx && l->only_len) {
        ks_reply_error(c->reply, "ERR If you want both the length and "
                       "indexes, please just use IDX.");
        return KS_ERR;
    }

    return KS_OK;
}


/* the same bound as Redis's, whose table has four bytes a cell */

static int
ks_lcs_fits(const ks_entry_t *a, const ks_entry_t *b)
{
    uint64_t  rows, cols, bytes;

    rows = (a ? ks_string_len(a) : 0) + 1;
    cols = (b ? ks_string_len(b) : 0) + 1;

    return !__builtin_mul_overflow(rows * sizeof(uint32_t), cols, &bytes)
           && bytes <= KS_STRING_MAX;
}


static inline void
ks_lcs_row(ks_lcs_t *l, size_t i, const uint32_t *above, uint32_t *row)
{
    size_t     j;
    uint64_t  *up;

    up = l->up ? l->up + i * l->stride : NULL;
    row[0] = 0;

    for (j = 0; j < l->b.len; j++) {

        if (l->a.data[i] == l->b.data[j]) {
            row[j + 1] = above[j] + 1;

        } else if (above[j + 1] > row[j]) {
            row[j + 1] = above[j + 1];

            if (up != NULL) {
                up[j / 64] |= (uint64_t) 1 << (j % 64);
            }

        } else {
            row[j + 1] = row[j];
        }
    }
}


static void
ks_lcs_fill(ks_ctx_t *c, ks_lcs_t *l)
{
    size_t     i, n;
    uint32_t  *above, *row, *swap;

    if (!l->only_len) {
        l->stride = (l->b.len + 63) / 64;
        n = l->a.len * l->stride * sizeof(uint64_t);
        l->up = ks_arena_alloc(c->space, n + 1);
        memset(l->up, 0, n);
    }

    n = (l->b.len + 1) * sizeof(uint32_t);
    above = ks_arena_alloc(c->space, n);
    row = ks_arena_alloc(c->space, n);
    memset(above, 0, n);

    for (i = 0; i < l->a.len; i++) {
        ks_lcs_row(l, i, above, row);
        swap = above;
        above = row;
        row = swap;
    }

    l->len = above[l->b.len];
}


/* One step back from the cell (*i, *j): true if the two bytes are equal. */

static int
ks_lcs_back(const ks_lcs_t *l, size_t *i, size_t *j)
{
    size_t  row, col;

    row = *i - 1;
    col = *j - 1;

    if (l->a.data[row] == l->b.data[col]) {
        *i = row;
        *j = col;
        return 1;
    }

    if (l->up[row * l->stride + col / 64] >> (col % 64) & 1) {
        *i = row;
    } else {
        *j = col;
    }

    return 0;
}


static void
ks_lcs_reply_text(ks_ctx_t *c, const ks_lcs_t *l)
{
    size_t   i, j;
    u_char  *text, *p;

    text = ks_arena_alloc(c->space, (size_t) l->len + 1);
    p = text + l->len;

    for (i = l->a.len, j = l->b.len; i > 0 && j > 0; /* void */ ) {
        if (ks_lcs_back(l, &i, &j)) {
            *--p = l->a.data[i];
        }
    }

    ks_reply_bulk(c->reply, text, l->len);
}


static size_t
ks_lcs_reply_match(ks_ctx_t *c, const ks_lcs_t *l, ks_lcs_match_t *m)
{
    size_t  n;

    n = m->n;
    m->n = 0;

    if (n == 0 || (l->min_len > 0 && n < (uint64_t) l->min_len)) {
        return 0;
    }

    ks_reply_array(c->reply, 2 + l->with_len);

    ks_reply_array(c->reply, 2);
    ks_reply_integer(c->reply, (int64_t) m->a);
    ks_reply_integer(c->reply, (int64_t) (m->a + n - 1));

    ks_reply_array(c->reply, 2);
    ks_reply_integer(c->reply, (int64_t) m->b);
    ks_reply_integer(c->reply, (int64_t) (m->b + n - 1));

    if (l->with_len) {
        ks_reply_integer(c->reply, (int64_t) n);
    }

    return 1;
}


static void
ks_lcs_reply_idx(ks_ctx_t *c, const ks_lcs_t *l)
{
    size_t          i, j, matches;
    ks_lcs_match_t  m;

    ks_reply_map(c->reply, 2);
    ks_reply_cstr(c->reply, "matches");
    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    memset(&m, 0, sizeof(m));
    matches = 0;

    for (i = l->a.len, j = l->b.len; i > 0 && j > 0; /* void */ ) {
        if (ks_lcs_back(l, &i, &j)) {
            m.a = i;
            m.b = j;
            m.n++;
        } else {
            matches += ks_lcs_reply_match(c, l, &m);
        }
    }

    matches += ks_lcs_reply_match(c, l, &m);
    ks_reply_close(c->reply, matches);

    ks_reply_cstr(c->reply, "len");
    ks_reply_integer(c->reply, l->len);
}


static ks_str_t
ks_lcs_value(ks_ctx_t *c, const ks_entry_t *e)
{
    ks_str_t  none = ks_str("");

    return e ? ks_string_flat(c->space, e) : none;
}


static int
ks_lcs_lookup(ks_ctx_t *c, const ks_str_t *key, ks_entry_t **e)
{
    *e = ks_lookup(c->space, key, KS_LOOKUP_READ);

    return *e == NULL || ks_entry_type(*e) == KS_TYPE_STRING;
}


void
ks_cmd_lcs(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          strings;
    ks_lcs_t     l;
    ks_entry_t  *a, *b;

    strings = ks_lcs_lookup(c, &argv[1], &a);
    strings &= ks_lcs_lookup(c, &argv[2], &b);

    if (!strings) {
        ks_reply_error(c->reply,
                       "ERR The specified keys must contain string values");
        return;
    }

    memset(&l, 0, sizeof(l));

    if (ks_lcs_options(c, argc, argv, &l) != KS_OK) {
        return;
    }

    if (!ks_lcs_fits(a, b)) {
        ks_reply_error(c->reply, "ERR Insufficient memory, transient memory "
                       "for LCS exceeds proto-max-bulk-len");
        return;
    }

    l.a = ks_lcs_value(c, a);
    l.b = ks_lcs_value(c, b);
    ks_lcs_fill(c, &l);

    if (l.only_len) {
        ks_reply_integer(c->reply, l.len);

    } else if (l.idx) {
        ks_lcs_reply_idx(c, &l);

    } else {
        ks_lcs_reply_text(c, &l);
    }
}
