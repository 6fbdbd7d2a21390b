/*
 * JSON documents: parsing a text.
 *
 * One pass, into memory of the process: nothing is stored before all of the
 * text is known to be right.  A container is written with room for a long
 * length, and moved together when it has turned out to be short.
 *
 * The errors are those of serde_json, which RedisJSON reads with.
 */

#include "types/ks_chars.h"
#include "types/ks_json_node.h"
#include "types/ks_json_number.h"
#include "types/ks_utf8.h"


#define KS_JSON_SLACK   64              /* bytes of a node beside its text */
#define KS_JSON_CHARS   8               /* characters, read in one go */

typedef struct {
    const ks_json_memory_t  *m;
    const u_char            *start;     /* of the text */
    const u_char            *p;
    const u_char            *end;
    u_char                  *out;       /* what has been made */
    size_t                   len;
    size_t                   room;
    size_t                   text;      /* bytes of the shortest text */
    size_t                   opens;     /* containers that are long, */
    size_t                   members;   /* and members of large ones */
    unsigned                 depth;
    unsigned                 deepest;
    unsigned                 again:1;   /* the length of the text is to be
                                           found out anew */
    const char              *err;
} ks_json_parser_t;


static int ks_json_value(ks_json_parser_t *s);


static int
ks_json_fail(ks_json_parser_t *s, const char *err)
{
    s->err = err;

    return KS_ERR;
}


/* Room for n bytes more behind what has been made. */

static void
ks_json_more(ks_json_parser_t *s, size_t n)
{
    u_char  *p;

    if (ks_likely(s->room - s->len >= n)) {
        return;
    }

    s->room = (s->room + n) * 2;
    p = s->m->alloc(s->m->data, s->room);
    memcpy(p, s->out, s->len);
    s->out = p;
}


static inline int
ks_json_blank(u_char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}


/* the first byte that is no blank; 0: there is none */

static inline int
ks_json_skip(ks_json_parser_t *s)
{
    while (s->p < s->end && ks_json_blank(*s->p)) {
        s->p++;
    }

    return s->p < s->end;
}


/* --- strings --- */

/*
 * Which of 8 bytes are quotes, backslashes, control characters, or beyond
 * ASCII: the lowest bit that is set is of the first of them.
 */

static inline uint64_t
ks_json_special(uint64_t x)
{
    uint64_t  quote, slash;

    const uint64_t  ones = 0x0101010101010101ull;

    quote = x ^ ones * '"';
    slash = x ^ ones * '\\';

    return ((((x - ones * 0x20) & ~x) | ((quote - ones) & ~quote)
             | ((slash - ones) & ~slash) | x) & (ones * 0x80));
}


/* the next byte that is not a plain one */

static const u_char *
ks_json_plain(const u_char *p, const u_char *end)
{
    uint64_t  special;

    while (end - p >= 8) {
        special = ks_json_special(ks_load64(p));

        if (special) {
            return p + __builtin_ctzll(special) / 8;
        }

        p += 8;
    }

    while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') {
        p++;
    }

    return p;
}


static int
ks_json_hex(ks_json_parser_t *s, int *v)
{
    int  i, digit;

    for (i = 0, *v = 0; i < 4; i++) {

        if (s->p == s->end) {
            return ks_json_fail(s, "EOF while parsing a string");
        }

        digit = ks_hex_value(*s->p++);

        if (digit < 0) {
            return ks_json_fail(s, "invalid escape");
        }

        *v = *v << 4 | digit;
    }

    return KS_OK;
}


/* what is behind \u: one or two halves of a character */

static int
ks_json_unicode(ks_json_parser_t *s)
{
    int       c, low;
    unsigned  code;

    if (ks_json_hex(s, &c) != KS_OK) {
        return KS_ERR;
    }

    if (c >= 0xdc00 && c <= 0xdfff) {
        return ks_json_fail(s, "lone leading surrogate in hex escape");
    }

    code = (unsigned) c;

    if (ks_is_surrogate(c)) {

        if (s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u') {
            return ks_json_fail(s, "unexpected end of hex escape");
        }

        s->p += 2;

        if (ks_json_hex(s, &low) != KS_OK) {
            return KS_ERR;
        }

        if (!ks_is_pair(c, low)) {
            return ks_json_fail(s, "lone leading surrogate in hex escape");
        }

        code = ks_pair_code(c, low);
    }

    s->len = (size_t) (ks_utf8_encode(s->out + s->len, code) - s->out);

    return KS_OK;
}


static int
ks_json_escape(ks_json_parser_t *s)
{
    u_char  c;

    if (s->p == s->end) {
        return ks_json_fail(s, "EOF while parsing a string");
    }

    c = *s->p++;

    if (c == 'u') {
        return ks_json_unicode(s);
    }

    c = ks_json_escaped(c);

    if (c == 0) {
        return ks_json_fail(s, "invalid escape");
    }

    s->out[s->len++] = c;

    return KS_OK;
}


/* one character, or a few, that are not plain: no quote */

static int
ks_json_odd(ks_json_parser_t *s)
{
    int     i;
    size_t  n;

    if (*s->p == '\\') {
        s->p++;
        return ks_json_escape(s);
    }

    if (*s->p < 0x20) {
        s->p++;
        return ks_json_fail(s, "control character (\\u0000-\\u001F) found "
                            "while parsing a string");
    }

    for (i = 0; i < KS_JSON_CHARS && s->p < s->end && *s->p >= 0x80; i++) {
        n = ks_utf8_length(s->p, s->end);

        if (n == 0) {
            s->p++;
            return ks_json_fail(s, "invalid unicode code point");
        }

        memcpy(s->out + s->len, s->p, n);
        s->len += n;
        s->p += n;
    }

    return KS_OK;
}


/*
 * The string behind a quote.  Its bytes are written behind room for the longest
 * head, and moved to where they belong: up to 4 bytes.
 */

static int
ks_json_string_slow(ks_json_parser_t *s, const u_char *plain)
{
    int      escapes;
    size_t   at, n;
    u_char  *p;

    ks_json_more(s, KS_JSON_SLACK);
    at = s->len;
    s->len += 5;

    for ( ;; ) {
        n = (size_t) (plain - s->p);
        ks_json_more(s, n + KS_JSON_SLACK);
        memcpy(s->out + s->len, s->p, n);
        s->len += n;
        s->p = plain;

        if (s->p == s->end) {
            return ks_json_fail(s, "EOF while parsing a string");
        }

        if (*s->p == '"') {
            break;
        }

        if (ks_json_odd(s) != KS_OK) {
            return KS_ERR;
        }

        plain = ks_json_plain(s->p, s->end);
    }

    s->p++;
    n = s->len - at - 5;
    escapes = ks_json_escapes(s->out + at + 5, n);
    s->text += escapes ? ks_json_quoted_len(s->out + at + 5, n) : n + 2;
    p = s->out + at;
    memmove(p + ks_jnode_head(KS_JTAG_STRING, n), p + 5, n);
    p = ks_jnode_put_head(p, escapes ? KS_JTAG_ESCAPES : KS_JTAG_STRING, n);
    s->len = (size_t) (p - s->out) + n;

    return KS_OK;
}


static int
ks_json_parse_string(ks_json_parser_t *s)
{
    size_t         n;
    u_char        *p;
    const u_char  *plain;

    plain = ks_json_plain(s->p, s->end);

    if (ks_unlikely(plain == s->end || *plain != '"')) {
        return ks_json_string_slow(s, plain);
    }

    n = (size_t) (plain - s->p);
    ks_json_more(s, n + KS_JSON_SLACK);
    p = ks_jnode_put_head(s->out + s->len, KS_JTAG_STRING, n);
    memcpy(p, s->p, n);
    s->len = (size_t) (p - s->out) + n;
    s->text += n + 2;
    s->p = plain + 1;

    return KS_OK;
}


/* --- numbers and words --- */

static inline const u_char *
ks_json_run_of_digits(const u_char *p, const u_char *end)
{
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }

    return p;
}


/* Digits are wanted at s->p; KS_ERR: there are none. */

static int
ks_json_digits(ks_json_parser_t *s)
{
    const u_char  *p;

    p = ks_json_run_of_digits(s->p, s->end);

    if (p == s->p) {

        if (p == s->end) {
            return ks_json_fail(s, "EOF while parsing a value");
        }

        s->p++;
        return ks_json_fail(s, "invalid number");
    }

    s->p = p;

    return KS_OK;
}


/*
 * Whether a number of KS_JLEN_MAX bytes or less is stored as it is written: an
 * integer, or digits with a point, which are too few for a double to confuse,
 * without zeros at the end or behind "0.".
 */

static inline int
ks_json_number_as_is(const u_char *from, size_t n, const u_char *point)
{
    if (point == NULL) {
        return *from != '-';
    }

    return from[n - 1] != '0' && (from[*from == '-'] != '0' || point[1] != '0');
}


static int
ks_json_number_end(ks_json_parser_t *s, const u_char *from,
    const u_char *point, int exponent)
{
    size_t    len, n;
    unsigned  tag;
    u_char   *p, text[KS_JSON_NUMBER_ROOM];

    n = (size_t) (s->p - from);
    ks_json_more(s, KS_JSON_SLACK);

    /* most are of these kinds */

    if (ks_likely(!exponent && n <= KS_JLEN_MAX
                  && ks_json_number_as_is(from, n, point)))
    {
        p = s->out + s->len;
        *p++ = (u_char) ((point ? KS_JTAG_NUMBER : KS_JTAG_INTEGER) | n);
        memcpy(p, from, n);
        s->len += n + 1;
        s->text += n;
        return KS_OK;
    }

    if (ks_json_number_read(from, n, point != NULL || exponent, text, &len,
                            &tag)
        != KS_OK)
    {
        return ks_json_fail(s, "number out of range");
    }

    p = ks_jnode_put_head(s->out + s->len, tag, len);
    memcpy(p, text, len);
    s->len = (size_t) (p - s->out) + len;
    s->text += len;

    return KS_OK;
}


static int
ks_json_parse_number(ks_json_parser_t *s)
{
    int            exponent;
    const u_char  *from, *point;

    from = s->p;
    s->p += (*s->p == '-');

    if (s->p < s->end && *s->p == '0') {
        s->p++;

        if (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
            s->p++;
            return ks_json_fail(s, "invalid number");
        }

    } else if (ks_json_digits(s) != KS_OK) {
        return KS_ERR;
    }

    point = NULL;
    exponent = 0;

    if (s->p < s->end && *s->p == '.') {
        point = s->p++;

        if (ks_json_digits(s) != KS_OK) {
            return KS_ERR;
        }
    }

    if (s->p < s->end && (*s->p | 0x20) == 'e') {
        exponent = 1;
        s->p++;
        s->p += (s->p < s->end && (*s->p == '-' || *s->p == '+'));

        if (ks_json_digits(s) != KS_OK) {
            return KS_ERR;
        }
    }

    return ks_json_number_end(s, from, point, exponent);
}


static int
ks_json_word(ks_json_parser_t *s, const char *word, unsigned tag)
{
    size_t  i;

    for (i = 0; word[i]; i++) {

        if (s->p == s->end) {
            return ks_json_fail(s, "EOF while parsing a value");
        }

        if (*s->p++ != (u_char) word[i]) {
            return ks_json_fail(s, "expected ident");
        }
    }

    ks_json_more(s, KS_JSON_SLACK);
    s->out[s->len++] = (u_char) tag;
    s->text += i;

    return KS_OK;
}


/* --- containers --- */

static int
ks_json_enter(ks_json_parser_t *s, size_t *at)
{
    if (s->depth == KS_JSON_NESTING) {
        return ks_json_fail(s, "recursion limit exceeded");
    }

    s->depth++;
    s->deepest = ks_max(s->deepest, s->depth);
    ks_json_more(s, KS_JSON_SLACK);
    *at = s->len;
    s->len += 5;
    s->text += 2;

    return KS_OK;
}


static void
ks_json_leave(ks_json_parser_t *s, size_t at, unsigned tag, uint32_t members)
{
    size_t   n;
    u_char  *p;

    s->depth--;
    n = s->len - at - 5;
    p = s->out + at;

    if (n <= KS_JSON_PACK) {
        memmove(p + 2, p + 5, n);
        s->len -= 3;

    } else {
        s->opens++;
        s->members += members > KS_JSON_FEW ? members : 0;
    }

    (void) ks_jnode_put_head(p, tag, n);
}


static int
ks_json_parse_array(ks_json_parser_t *s)
{
    size_t  at;

    if (ks_json_enter(s, &at) != KS_OK) {
        return KS_ERR;
    }

    if (ks_json_skip(s) && *s->p == ']') {
        s->p++;
        ks_json_leave(s, at, KS_JTAG_ARRAY, 0);
        return KS_OK;
    }

    for ( ;; ) {

        if (!ks_json_skip(s)) {
            return ks_json_fail(s, "EOF while parsing a list");
        }

        if (ks_json_value(s) != KS_OK) {
            return KS_ERR;
        }

        if (!ks_json_skip(s)) {
            return ks_json_fail(s, "EOF while parsing a list");
        }

        if (*s->p == ']') {
            s->p++;
            ks_json_leave(s, at, KS_JTAG_ARRAY, 0);
            return KS_OK;
        }

        if (*s->p++ != ',') {
            return ks_json_fail(s, "expected `,` or `]`");
        }

        s->text++;

        if (ks_json_skip(s) && *s->p == ']') {
            s->p++;
            return ks_json_fail(s, "trailing comma");
        }
    }
}


/* a name, a colon, a value; the name sets a bit of seen, and *twice */

static int
ks_json_member(ks_json_parser_t *s, uint64_t *seen, int *twice)
{
    size_t         len;
    uint64_t       bit;
    const u_char  *name;

    if (*s->p++ != '"') {
        return ks_json_fail(s, "key must be a string");
    }

    name = s->p;

    if (ks_json_parse_string(s) != KS_OK) {
        return KS_ERR;
    }

    /* names are told apart as they are written, unless that has escapes */

    len = (size_t) (s->p - name) - 1;
    bit = len * 29 + (len ? name[0] * 7u + name[len / 2] * 3u + name[len - 1]
                          : 0);
    bit = 1ull << (bit & 63);
    *twice |= (*seen & bit) || memchr(name, '\\', len) != NULL;
    *seen |= bit;

    if (!ks_json_skip(s)) {
        return ks_json_fail(s, "EOF while parsing an object");
    }

    if (*s->p++ != ':') {
        return ks_json_fail(s, "expected `:`");
    }

    s->text++;

    if (!ks_json_skip(s)) {
        return ks_json_fail(s, "EOF while parsing a value");
    }

    return ks_json_value(s);
}


static int
ks_json_parse_object(ks_json_parser_t *s)
{
    int       twice;
    size_t    at, len;
    uint32_t  n;
    uint64_t  seen;

    if (ks_json_enter(s, &at) != KS_OK) {
        return KS_ERR;
    }

    if (ks_json_skip(s) && *s->p == '}') {
        s->p++;
        ks_json_leave(s, at, KS_JTAG_OBJECT, 0);
        return KS_OK;
    }

    for (n = 1, seen = 0, twice = 0; ; n++) {

        if (!ks_json_skip(s)) {
            return ks_json_fail(s, "EOF while parsing an object");
        }

        if (ks_json_member(s, &seen, &twice) != KS_OK) {
            return KS_ERR;
        }

        if (!ks_json_skip(s)) {
            return ks_json_fail(s, "EOF while parsing an object");
        }

        if (*s->p == '}') {
            break;
        }

        if (*s->p++ != ',') {
            return ks_json_fail(s, "expected `,` or `}`");
        }

        s->text++;

        if (ks_json_skip(s) && *s->p == '}') {
            s->p++;
            return ks_json_fail(s, "trailing comma");
        }
    }

    s->p++;

    if (twice) {
        len = ks_json_distinct(s->m, s->out + at + 5, s->len - at - 5, n);
        s->again |= (len != s->len - at - 5);
        s->len = at + 5 + len;
    }

    ks_json_leave(s, at, KS_JTAG_OBJECT, n);

    return KS_OK;
}


static int
ks_json_value(ks_json_parser_t *s)
{
    switch (*s->p) {

    case '{':
        s->p++;
        return ks_json_parse_object(s);

    case '[':
        s->p++;
        return ks_json_parse_array(s);

    case '"':
        s->p++;
        return ks_json_parse_string(s);

    case 't':
        return ks_json_word(s, "true", KS_JTAG_TRUE);

    case 'f':
        return ks_json_word(s, "false", KS_JTAG_FALSE);

    case 'n':
        return ks_json_word(s, "null", KS_JTAG_NULL);

    case '-': case '0': case '1': case '2': case '3': case '4': case '5':
    case '6': case '7': case '8': case '9':
        return ks_json_parse_number(s);

    default:
        s->p++;
        return ks_json_fail(s, "expected value");
    }
}


/* serde_json counts the bytes of the line up to the one that is wrong */

static void
ks_json_where(const ks_json_parser_t *s, ks_json_error_t *err)
{
    const u_char  *p;

    err->what = s->err;
    err->line = 1;
    err->column = 0;

    for (p = s->start; p < s->p; p++) {
        err->column++;

        if (*p == '\n') {
            err->line++;
            err->column = 0;
        }
    }
}


int
ks_json_parse(const ks_json_memory_t *m, const ks_str_t *text,
    ks_json_flat_t *flat, ks_json_error_t *err)
{
    ks_json_node_t    n;
    ks_json_parser_t  s;

    memset(&s, 0, sizeof(s));
    s.m = m;
    s.start = s.p = text->data;
    s.end = text->data + text->len;
    s.room = text->len + text->len / 8 + 2 * KS_JSON_SLACK;
    s.out = m->alloc(m->data, s.room);

    if (!ks_json_skip(&s)) {
        (void) ks_json_fail(&s, "EOF while parsing a value");

    } else if (ks_json_value(&s) == KS_OK && ks_json_skip(&s)) {
        s.p++;
        (void) ks_json_fail(&s, "trailing characters");
    }

    if (s.err) {
        ks_json_where(&s, err);
        return KS_ERR;
    }

    flat->data = s.out;
    flat->len = s.len;
    flat->text = s.text;
    flat->depth = s.deepest;
    flat->opens = s.opens;
    flat->members = s.members;
    flat->work = s.opens == 0
                 ? NULL : m->alloc(m->data,
                                   s.opens * sizeof(ks_json_ahead_t)
                                   + 2 * s.members * sizeof(ks_json_entry_t));

    if (s.again) {
        n = ks_json_flat_node(flat);
        flat->text = ks_json_text_len(NULL, &n);
        flat->depth = ks_json_depth(NULL, &n);
    }

    return KS_OK;
}
