/*
 * Paths into JSON documents: reading their segments.  Filters are read by what
 * the reader names for them.
 */

#include "types/ks_chars.h"
#include "types/ks_json_expr.h"


#define KS_JSON_NUMBER_MAX  9           /* digits of an index */

static const char  ks_json_in_brackets[] =
    "'<string>[,<string>,...]', '<number>[,<number>,...]', "
    "['start:end:steps'], '*', '[?(filter_expression)]'";


/* --- what is next --- */

int
ks_json_read_fail(ks_json_reader_t *r, const char *expected)
{
    if (r->expected == NULL) {
        r->expected = expected;
        r->where = r->p;
    }

    return KS_ERR;
}


void
ks_json_read_blanks(ks_json_reader_t *r)
{
    while (r->p < r->end && *r->p == ' ') {
        r->p++;
    }
}


int
ks_json_read_is(ks_json_reader_t *r, const char *word)
{
    size_t  n;

    n = strlen(word);
    ks_json_read_blanks(r);

    if ((size_t) (r->end - r->p) < n || memcmp(r->p, word, n) != 0) {
        return 0;
    }

    r->p += n;

    return 1;
}


static int
ks_json_name_char(u_char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
           || c >= 0x80 || (c != '\0' && strchr("-_`~+#%$^/:", c) != NULL);
}


/* a name without quotes */

static int
ks_json_read_name(ks_json_reader_t *r, ks_str_t *s)
{
    ks_json_read_blanks(r);
    s->data = (u_char *) r->p;

    while (r->p < r->end && ks_json_name_char(*r->p)) {
        r->p++;
    }

    s->len = (size_t) (r->p - s->data);

    return s->len ? KS_OK : ks_json_read_fail(r, "<string>, '*'");
}


/* --- strings --- */

/* the four digits of \u, and of its other half */

static int
ks_json_read_hex(ks_json_reader_t *r, int *c)
{
    int  i, digit;

    for (i = 0, *c = 0; i < 4; i++) {

        if (r->p == r->end) {
            return KS_ERR;
        }

        digit = ks_hex_value(*r->p++);

        if (digit < 0) {
            return KS_ERR;
        }

        *c = *c << 4 | digit;
    }

    return KS_OK;
}


static int
ks_json_read_unicode(ks_json_reader_t *r, u_char **to)
{
    int       c, low;
    unsigned  code;

    if (ks_json_read_hex(r, &c) != KS_OK || (c >= 0xdc00 && c <= 0xdfff)) {
        return KS_ERR;
    }

    code = (unsigned) c;

    if (ks_is_surrogate(c)) {

        if (r->end - r->p < 2 || *r->p++ != '\\' || *r->p++ != 'u'
            || ks_json_read_hex(r, &low) != KS_OK || !ks_is_pair(c, low))
        {
            return KS_ERR;
        }

        code = ks_pair_code(c, low);
    }

    *to = ks_utf8_encode(*to, code);

    return KS_OK;
}


static int
ks_json_read_escape(ks_json_reader_t *r, u_char **to)
{
    u_char  c;

    if (r->p == r->end) {
        return KS_ERR;
    }

    c = *r->p++;

    if (c == 'u') {
        return ks_json_read_unicode(r, to);
    }

    if (c != '\'') {
        c = ks_json_escaped(c);
    }

    if (c == 0) {
        return KS_ERR;
    }

    *(*to)++ = c;

    return KS_OK;
}


int
ks_json_read_string(ks_json_reader_t *r, ks_str_t *s)
{
    u_char         quote, *to;
    const u_char  *p;

    quote = *r->p++;

    for (p = r->p; p < r->end && *p != quote && *p != '\\'; p++) { /* void */ }

    if (p < r->end && *p == quote) {
        s->data = (u_char *) r->p;
        s->len = (size_t) (p - r->p);
        r->p = p + 1;
        return KS_OK;
    }

    s->data = to = r->m->alloc(r->m->data, (size_t) (r->end - r->p));

    while (r->p < r->end && *r->p != quote) {

        if (*r->p != '\\') {
            *to++ = *r->p++;
            continue;
        }

        r->p++;

        if (ks_json_read_escape(r, &to) != KS_OK) {
            return ks_json_read_fail(r, "string_escape");
        }
    }

    if (r->p == r->end) {
        return ks_json_read_fail(r, "the end of the string");
    }

    r->p++;
    s->len = (size_t) (to - s->data);

    return KS_OK;
}


/* --- selectors --- */

/* a number; KS_NONE: there is none */

static int
ks_json_read_number(ks_json_reader_t *r, int64_t *n)
{
    int            sign;
    const u_char  *from;

    ks_json_read_blanks(r);
    from = r->p;
    sign = (r->p < r->end && *r->p == '-');
    r->p += sign;

    if (r->p == r->end || *r->p < '0' || *r->p > '9') {
        r->p = from;
        return KS_NONE;
    }

    for (*n = 0; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++) {
        *n = ks_min(*n * 10 + (*r->p - '0'), (int64_t) UINT32_MAX);
    }

    if (from[sign] == '0' && r->p - from - sign > 1) {
        r->p = from;
        return ks_json_read_fail(r, "'<number>'");
    }

    *n = sign ? - *n : *n;

    return KS_OK;
}


/* an index, or the start of a slice */

static int
ks_json_read_numbers(ks_json_reader_t *r, ks_json_selector_t *s)
{
    int  rc;

    rc = ks_json_read_number(r, &s->from);

    if (rc == KS_ERR) {
        return KS_ERR;
    }

    s->has_from = (rc == KS_OK);

    if (!ks_json_read_is(r, ":")) {
        s->by = KS_JSON_BY_INDEX;
        return rc == KS_OK ? KS_OK : ks_json_read_fail(r, ks_json_in_brackets);
    }

    s->by = KS_JSON_BY_SLICE;
    s->step = 1;
    rc = ks_json_read_number(r, &s->to);

    if (rc == KS_ERR) {
        return KS_ERR;
    }

    s->has_to = (rc == KS_OK);

    if (ks_json_read_is(r, ":")) {
        rc = ks_json_read_number(r, &s->step);
    }

    return rc == KS_ERR ? KS_ERR : KS_OK;
}


static int
ks_json_read_selector(ks_json_reader_t *r, ks_json_selector_t *s)
{
    ks_json_read_blanks(r);

    if (r->p == r->end) {
        return ks_json_read_fail(r, ks_json_in_brackets);
    }

    switch (*r->p) {

    case '*':
        r->p++;
        s->by = KS_JSON_BY_ALL;
        return KS_OK;

    case '\'':
    case '"':
        s->by = KS_JSON_BY_NAME;
        return ks_json_read_string(r, &s->name);

    case '?':
        r->p++;
        s->by = KS_JSON_BY_FILTER;
        return r->filter(r, &s->filter);

    default:
        return ks_json_read_numbers(r, s);
    }
}


static ks_json_selector_t *
ks_json_new_selector(ks_json_reader_t *r)
{
    ks_json_selector_t  *s;

    s = r->m->alloc(r->m->data, sizeof(ks_json_selector_t));
    memset(s, 0, sizeof(ks_json_selector_t));

    return s;
}


/* behind the bracket */

static int
ks_json_read_bracket(ks_json_reader_t *r, ks_json_segment_t *segment)
{
    ks_json_selector_t  **last;

    last = &segment->selectors;

    do {
        if (++r->segments > KS_JSON_SEGMENTS) {
            return ks_json_read_fail(r, "a shorter path");
        }

        *last = ks_json_new_selector(r);

        if (ks_json_read_selector(r, *last) != KS_OK) {
            return KS_ERR;
        }

        last = &(*last)->next;

    } while (ks_json_read_is(r, ","));

    return ks_json_read_is(r, "]") ? KS_OK : ks_json_read_fail(r, "']'");
}


/* a name or a star */

static int
ks_json_read_plain(ks_json_reader_t *r, ks_json_segment_t *segment)
{
    segment->selectors = ks_json_new_selector(r);

    if (ks_json_read_is(r, "*")) {
        segment->selectors->by = KS_JSON_BY_ALL;
        return KS_OK;
    }

    segment->selectors->by = KS_JSON_BY_NAME;

    return ks_json_read_name(r, &segment->selectors->name);
}


/* one segment; KS_NONE: there is none */

static int
ks_json_read_segment(ks_json_reader_t *r, ks_json_segment_t *segment, int bare)
{
    int  dot;

    segment->deep = ks_json_read_is(r, "..");
    dot = segment->deep || ks_json_read_is(r, ".");

    if (ks_json_read_is(r, "[")) {
        return ks_json_read_bracket(r, segment);
    }

    ks_json_read_blanks(r);

    if (!dot && !(bare && r->p < r->end
                  && (ks_json_name_char(*r->p) || *r->p == '*')))
    {
        return KS_NONE;
    }

    return ks_json_read_plain(r, segment);
}


int
ks_json_read_segments(ks_json_reader_t *r, ks_json_segment_t **first, int bare)
{
    int                rc;
    ks_json_segment_t  segment;

    for ( ;; bare = 0) {
        memset(&segment, 0, sizeof(segment));
        rc = ks_json_read_segment(r, &segment, bare);

        if (rc != KS_OK) {
            *first = NULL;
            return rc == KS_NONE ? KS_OK : KS_ERR;
        }

        if (++r->segments > KS_JSON_SEGMENTS) {
            return ks_json_read_fail(r, "a shorter path");
        }

        *first = r->m->alloc(r->m->data, sizeof(segment));
        **first = segment;
        first = &(*first)->next;
    }
}
