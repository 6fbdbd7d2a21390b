/*
 * Regular expressions: the text of an expression is compiled into steps.
 *
 * One function for each rule of the grammar puts the steps of its part behind
 * those that are there (ks_regex_code.h).  A part that is repeated is copied.
 */

#include "types/ks_regex_code.h"


#define KS_REGEX_NESTED  64
#define KS_REGEX_TIMES   200            /* of {n,m} */
#define KS_REGEX_LAST    0x10ffff

typedef struct {
    ks_regex_t    *re;
    const u_char  *p;
    const u_char  *end;
    unsigned       nested;
} ks_regex_parser_t;


static int ks_regex_choice(ks_regex_parser_t *s);


static int
ks_regex_emit(ks_regex_parser_t *s, unsigned op, int32_t x)
{
    ks_regex_code_t  *code;

    if (s->re->n == KS_REGEX_CODE) {
        return KS_ERR;
    }

    code = &s->re->code[s->re->n++];
    code->op = (uint8_t) op;
    code->negated = 0;
    code->n = 0;
    code->x = x;

    return KS_OK;
}


/* a step in front of those from at on */

static int
ks_regex_prepend(ks_regex_parser_t *s, unsigned at, unsigned op, int32_t x)
{
    ks_regex_code_t  code;

    if (ks_regex_emit(s, op, x) != KS_OK) {
        return KS_ERR;
    }

    code = s->re->code[s->re->n - 1];
    memmove(&s->re->code[at + 1], &s->re->code[at],
            (s->re->n - 1 - at) * sizeof(code));
    s->re->code[at] = code;

    return KS_OK;
}


/* n steps from at on once more, behind all */

static int
ks_regex_again(ks_regex_parser_t *s, const ks_regex_code_t *code, unsigned n)
{
    if (s->re->n + n > KS_REGEX_CODE) {
        return KS_ERR;
    }

    memcpy(&s->re->code[s->re->n], code, n * sizeof(*code));
    s->re->n += n;

    return KS_OK;
}


static int
ks_regex_range(ks_regex_parser_t *s, uint32_t from, uint32_t to)
{
    ks_regex_range_t  *r;

    if (s->re->nranges == KS_REGEX_RANGES || from > to) {
        return KS_ERR;
    }

    r = &s->re->ranges[s->re->nranges++];
    r->from = from;
    r->to = to;

    return KS_OK;
}


/* The ranges of d, w, s; KS_NONE: it is none of them. */

static int
ks_regex_set(ks_regex_parser_t *s, int c)
{
    switch (c) {

    case 'd':
        return ks_regex_range(s, '0', '9');

    case 'w':
        return ks_regex_range(s, '0', '9') | ks_regex_range(s, 'A', 'Z')
               | ks_regex_range(s, '_', '_') | ks_regex_range(s, 'a', 'z')
               | ks_regex_range(s, 0x80, KS_REGEX_LAST);

    case 's':
        return ks_regex_range(s, '\t', '\r') | ks_regex_range(s, ' ', ' ')
               | ks_regex_range(s, 0x85, 0x85)
               | ks_regex_range(s, 0xa0, 0xa0)
               | ks_regex_range(s, 0x2000, 0x200a);

    default:
        return KS_NONE;
    }
}


/* the same, but all that is not in them: in order and apart, as they are */

static int
ks_regex_not_set(ks_regex_parser_t *s, int c)
{
    int       rc;
    unsigned  i, first, n;
    uint32_t  from, to[8];

    first = s->re->nranges;
    rc = ks_regex_set(s, c);

    if (rc != KS_OK) {
        return rc;
    }

    n = s->re->nranges - first;
    from = 0;

    for (i = 0; i < n; i++) {
        to[i] = s->re->ranges[first + i].from;
    }

    for (i = 0; i < n; i++) {
        rc = (int) s->re->ranges[first + i].to + 1;
        s->re->ranges[first + i].from = from;
        s->re->ranges[first + i].to = to[i] ? to[i] - 1 : 0;
        from = (uint32_t) rc;
    }

    return from <= KS_REGEX_LAST ? ks_regex_range(s, from, KS_REGEX_LAST)
                                 : KS_OK;
}


static int
ks_regex_hex(ks_regex_parser_t *s, int digits, uint32_t *c)
{
    u_char  d;

    for (*c = 0; digits; digits--) {

        if (s->p == s->end) {
            return KS_ERR;
        }

        d = *s->p++;

        if (d >= '0' && d <= '9') {
            d = (u_char) (d - '0');

        } else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f') {
            d = (u_char) ((d | 0x20) - 'a' + 10);

        } else {
            return KS_ERR;
        }

        *c = *c << 4 | d;
    }

    return KS_OK;
}


/* what is behind a backslash, if it is one character */

static int
ks_regex_escaped(ks_regex_parser_t *s, int e, uint32_t *c)
{
    switch (e) {

    case 'n':
        *c = '\n';
        return KS_OK;

    case 't':
        *c = '\t';
        return KS_OK;

    case 'r':
        *c = '\r';
        return KS_OK;

    case 'f':
        *c = '\f';
        return KS_OK;

    case 'v':
        *c = '\v';
        return KS_OK;

    case 'a':
        *c = '\a';
        return KS_OK;

    case 'x':
        return ks_regex_hex(s, 2, c);

    case 'u':
        return ks_regex_hex(s, 4, c);
    }

    if ((e >= '0' && e <= '9') || ((e | 0x20) >= 'a' && (e | 0x20) <= 'z')
        || e >= 0x80)
    {
        return KS_ERR;
    }

    *c = (uint32_t) e;

    return KS_OK;
}


static int
ks_regex_named(ks_regex_parser_t *s)
{
    size_t  i;

    static const struct {
        const char  *name;
        const char  *ranges;
    } names[] = {
        { "alpha:]", "AZaz" }, { "digit:]", "09" }, { "alnum:]", "09AZaz" },
        { "upper:]", "AZ" }, { "lower:]", "az" }, { "punct:]", "!/:@[`{~" },
        { "xdigit:]", "09AFaf" }, { "space:]", "\t\r  " },
        { "word:]", "09AZ__az" }
    };
    const char  *r;

    for (i = 0; i < ks_nelts(names); i++) {

        if ((size_t) (s->end - s->p) < strlen(names[i].name)
            || memcmp(s->p, names[i].name, strlen(names[i].name)) != 0)
        {
            continue;
        }

        s->p += strlen(names[i].name);

        for (r = names[i].ranges; *r; r += 2) {
            if (ks_regex_range(s, (u_char) r[0], (u_char) r[1]) != KS_OK) {
                return KS_ERR;
            }
        }

        return KS_OK;
    }

    return KS_ERR;
}


/* One character of a class; KS_NONE: it was a set, which has been added. */

static int
ks_regex_class_char(ks_regex_parser_t *s, uint32_t *c)
{
    int  rc, e;

    if (*s->p == '[' && s->end - s->p > 1 && s->p[1] == ':') {
        s->p += 2;
        return ks_regex_named(s) == KS_OK ? KS_NONE : KS_ERR;
    }

    if (*s->p != '\\') {
        *c = ks_regex_char(&s->p, s->end);
        return KS_OK;
    }

    if (++s->p == s->end) {
        return KS_ERR;
    }

    e = *s->p++;
    rc = (e >= 'a') ? ks_regex_set(s, e) : ks_regex_not_set(s, e | 0x20);

    if (rc != KS_NONE) {
        return rc == KS_OK ? KS_NONE : KS_ERR;
    }

    return ks_regex_escaped(s, e, c);
}


/* behind the bracket */

static int
ks_regex_class(ks_regex_parser_t *s)
{
    int               rc;
    unsigned          at, first;
    uint32_t          from, to;
    ks_regex_code_t  *code;

    at = s->re->n;
    first = s->re->nranges;

    if (ks_regex_emit(s, KS_RE_CLASS, (int32_t) first) != KS_OK) {
        return KS_ERR;
    }

    code = &s->re->code[at];

    if (s->p < s->end && *s->p == '^') {
        code->negated = 1;
        s->p++;
    }

    for (rc = 1; s->p < s->end && (rc == 1 || *s->p != ']'); /* void */ ) {
        rc = ks_regex_class_char(s, &from);

        if (rc == KS_ERR) {
            return KS_ERR;
        }

        if (rc == KS_NONE) {
            continue;
        }

        to = from;

        if (s->end - s->p > 1 && s->p[0] == '-' && s->p[1] != ']') {
            s->p++;

            if (ks_regex_class_char(s, &to) != KS_OK) {
                return KS_ERR;
            }
        }

        if (ks_regex_range(s, from, to) != KS_OK) {
            return KS_ERR;
        }
    }

    if (s->p == s->end) {
        return KS_ERR;
    }

    s->p++;
    code->n = (uint16_t) (s->re->nranges - first);

    return KS_OK;
}


static int
ks_regex_escape(ks_regex_parser_t *s)
{
    int        rc, e;
    unsigned   first;
    uint32_t   c;

    if (s->p == s->end) {
        return KS_ERR;
    }

    e = *s->p++;
    first = s->re->nranges;
    rc = (e >= 'a') ? ks_regex_set(s, e) : ks_regex_not_set(s, e | 0x20);

    if (rc == KS_OK) {
        rc = ks_regex_emit(s, KS_RE_CLASS, (int32_t) first);

        if (rc == KS_OK) {
            s->re->code[s->re->n - 1].n
                = (uint16_t) (s->re->nranges - first);
        }
    }

    if (rc != KS_NONE) {
        return rc;
    }

    switch (e) {

    case 'b':
        return ks_regex_emit(s, KS_RE_EDGE, 0);

    case 'B':
        return ks_regex_emit(s, KS_RE_NO_EDGE, 0);

    case 'A':
        return ks_regex_emit(s, KS_RE_BEGIN, 0);

    case 'z':
        return ks_regex_emit(s, KS_RE_END, 0);
    }

    return ks_regex_escaped(s, e, &c) == KS_OK
           ? ks_regex_emit(s, KS_RE_CHAR, (int32_t) c) : KS_ERR;
}


static int
ks_regex_group(ks_regex_parser_t *s)
{
    if (s->end - s->p > 1 && s->p[0] == '?' && s->p[1] == ':') {
        s->p += 2;

    } else if (s->p < s->end && *s->p == '?') {
        return KS_ERR;
    }

    if (++s->nested > KS_REGEX_NESTED || ks_regex_choice(s) != KS_OK
        || s->p == s->end || *s->p != ')')
    {
        return KS_ERR;
    }

    s->nested--;
    s->p++;

    return KS_OK;
}


static int
ks_regex_atom(ks_regex_parser_t *s)
{
    switch (*s->p) {

    case '(':
        s->p++;
        return ks_regex_group(s);

    case '[':
        s->p++;
        return ks_regex_class(s);

    case '\\':
        s->p++;
        return ks_regex_escape(s);

    case '.':
        s->p++;
        return ks_regex_emit(s, KS_RE_ANY, 0);

    case '^':
        s->p++;
        return ks_regex_emit(s, KS_RE_BEGIN, 0);

    case '$':
        s->p++;
        return ks_regex_emit(s, KS_RE_END, 0);

    case '*': case '+': case '?': case '{':
        return KS_ERR;

    default:
        return ks_regex_emit(s, KS_RE_CHAR,
                             (int32_t) ks_regex_char(&s->p, s->end));
    }
}


/* {n}, {n,}, {n,m}; *to -1: any number */

static int
ks_regex_times(ks_regex_parser_t *s, int *from, int *to)
{
    int  *n;

    *from = 0;
    n = from;

    for (s->p++; s->p < s->end && *s->p != '}'; s->p++) {

        if (*s->p == ',' && n == from) {
            *to = -1;
            n = to;
            continue;
        }

        if (*s->p < '0' || *s->p > '9') {
            return KS_ERR;
        }

        *n = ks_max(*n, 0) * 10 + (*s->p - '0');

        if (*n > KS_REGEX_TIMES) {
            return KS_ERR;
        }
    }

    if (s->p == s->end || s->p[-1] == '{') {
        return KS_ERR;
    }

    s->p++;

    if (n == from) {
        *to = *from;
    }

    return *to < 0 || *from <= *to ? KS_OK : KS_ERR;
}


/* The steps from at on come so often. */

static int
ks_regex_repeat(ks_regex_parser_t *s, unsigned at, int from, int to)
{
    int               i;
    unsigned          n;
    ks_regex_code_t   code[KS_REGEX_CODE];

    n = s->re->n - at;
    memcpy(code, &s->re->code[at], n * sizeof(*code));
    s->re->n = at;

    for (i = 0; i < from; i++) {
        if (ks_regex_again(s, code, n) != KS_OK) {
            return KS_ERR;
        }
    }

    if (to < 0) {
        return ks_regex_emit(s, KS_RE_SPLIT, (int32_t) n + 2) != KS_OK
               || ks_regex_again(s, code, n) != KS_OK
               || ks_regex_emit(s, KS_RE_JUMP, - (int32_t) n - 1) != KS_OK
               ? KS_ERR : KS_OK;
    }

    for ( /* void */ ; i < to; i++) {
        if (ks_regex_emit(s, KS_RE_SPLIT, (int32_t) n + 1) != KS_OK
            || ks_regex_again(s, code, n) != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static int
ks_regex_sequence(ks_regex_parser_t *s)
{
    int       from, to;
    unsigned  at;

    while (s->p < s->end && *s->p != '|' && *s->p != ')') {
        at = s->re->n;

        if (ks_regex_atom(s) != KS_OK) {
            return KS_ERR;
        }

        while (s->p < s->end
               && (*s->p == '*' || *s->p == '+' || *s->p == '?'
                   || *s->p == '{'))
        {
            from = (*s->p == '+');
            to = (*s->p == '?') ? 1 : -1;

            if (*s->p == '{') {
                if (ks_regex_times(s, &from, &to) != KS_OK) {
                    return KS_ERR;
                }

            } else {
                s->p++;
            }

            if (s->p < s->end && *s->p == '?') {
                s->p++;                         /* lazy: as far as the same */
            }

            if (ks_regex_repeat(s, at, from, to) != KS_OK) {
                return KS_ERR;
            }
        }
    }

    return KS_OK;
}


static int
ks_regex_choice(ks_regex_parser_t *s)
{
    unsigned  at, jump;

    at = s->re->n;

    if (ks_regex_sequence(s) != KS_OK) {
        return KS_ERR;
    }

    if (s->p == s->end || *s->p != '|') {
        return KS_OK;
    }

    s->p++;

    if (++s->nested > KS_REGEX_NESTED * 4
        || ks_regex_prepend(s, at, KS_RE_SPLIT,
                            (int32_t) (s->re->n - at) + 2) != KS_OK)
    {
        return KS_ERR;
    }

    jump = s->re->n;

    if (ks_regex_emit(s, KS_RE_JUMP, 0) != KS_OK
        || ks_regex_choice(s) != KS_OK)
    {
        return KS_ERR;
    }

    s->nested--;
    s->re->code[jump].x = (int32_t) (s->re->n - jump);

    return KS_OK;
}


int
ks_regex_compile(ks_regex_t *re, const ks_str_t *text)
{
    ks_regex_parser_t  s;

    re->n = 0;
    re->nranges = 0;
    re->fold = 0;

    s.re = re;
    s.p = text->data;
    s.end = text->data + text->len;
    s.nested = 0;

    if (text->len >= 4 && memcmp(text->data, "(?i)", 4) == 0) {
        re->fold = 1;
        s.p += 4;
    }

    if (ks_regex_choice(&s) != KS_OK || s.p != s.end) {
        return KS_ERR;
    }

    return ks_regex_emit(&s, KS_RE_MATCH, 0);
}
