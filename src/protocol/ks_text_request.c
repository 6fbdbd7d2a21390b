/*
 * Command text: what a person types, one command a line.
 *
 * A word is decoded onto itself: what has been read of it is always at least
 * as long as what has been written.  Brackets are counted, not stacked, and
 * no word is looked at more than twice, so neither depth nor a hostile text
 * costs more than its length.
 *
 * Assumes that the buffer may be written to; promises never to read beyond it.
 */

#include "protocol/ks_build.h"
#include "protocol/ks_chars.h"
#include "protocol/ks_scan.h"


#define KS_TEXT_UNBALANCED_QUOTES    "unbalanced quotes in request"
#define KS_TEXT_UNBALANCED_BRACKETS  "unbalanced brackets in request; " \
                                     "quote the argument if it is not JSON"

typedef struct {
    u_char      *p;             /* what is not parsed yet */
    u_char      *end;
    ks_build_t   build;
} ks_text_parse_t;


static int ks_text_line(ks_text_parse_t *t);
static int ks_text_word(ks_text_parse_t *t);
static int ks_text_looks_like_json(const ks_text_parse_t *t);
static int ks_text_json(ks_text_parse_t *t);
static int ks_text_json_string(ks_text_parse_t *t);
static u_char *ks_text_double_quoted(ks_text_parse_t *t, u_char *d);
static u_char ks_text_unescape(ks_text_parse_t *t);
static u_char *ks_text_single_quoted(ks_text_parse_t *t, u_char *d);


int
ks_parse_text(ks_request_t *rq, u_char *p, size_t len)
{
    int              rc;
    ks_text_parse_t  t;

    ks_build_init(&t.build, rq);

    t.p = p;
    t.end = p + len;

    while (t.p < t.end) {
        rc = ks_text_line(&t);

        if (rc != KS_OK) {
            return rc;
        }
    }

    if (t.build.ncommands == 0) {
        return ks_build_error(&t.build, "empty request");
    }

    return ks_build_finish(&t.build);
}


/* One line, its end included: a command or nothing. */

static int
ks_text_line(ks_text_parse_t *t)
{
    int     rc;
    u_char  c;

    while (t->p < t->end) {
        c = *t->p;

        if (c == '\n') {
            t->p++;
            break;
        }

        if (ks_is_space(c)) {
            t->p++;
            continue;
        }

        rc = ks_text_word(t);

        if (rc != KS_OK) {
            return rc;
        }
    }

    if (t->build.nargs == t->build.first) {
        return KS_OK;
    }

    return ks_build_command(&t->build);
}


/* At the first byte of a word. */

static int
ks_text_word(ks_text_parse_t *t)
{
    u_char  *start, *d, c;

    start = t->p;

    if ((*start == '{' || (*start == '[' && ks_text_looks_like_json(t)))
        && ks_text_json(t) != KS_OK)
    {
        return ks_build_error(&t->build, KS_TEXT_UNBALANCED_BRACKETS);
    }

    for (d = t->p; t->p < t->end; *d++ = c) {
        c = *t->p;

        if (ks_is_space(c)) {
            break;
        }

        t->p++;

        if (c != '"' && c != '\'') {
            continue;
        }

        d = (c == '"') ? ks_text_double_quoted(t, d)
                       : ks_text_single_quoted(t, d);

        if (d == NULL || (t->p < t->end && !ks_is_space(*t->p))) {
            return ks_build_error(&t->build, KS_TEXT_UNBALANCED_QUOTES);
        }

        break;
    }

    return ks_build_arg(&t->build, start, d);
}


/*
 * At a '['.  A bound of a range and a pattern may begin with one as well, and
 * such a bound never ends with a bracket of its own.
 */

static int
ks_text_looks_like_json(const ks_text_parse_t *t)
{
    const u_char  *p;

    p = t->p + 1;

    while (p < t->end && ks_is_space(*p)) {
        p++;
    }

    if (p < t->end && (*p == '"' || *p == '{' || *p == '[')) {
        return 1;
    }

    while (p < t->end && !ks_is_space(*p)
           && memchr("\"'{}[],", *p, 7) == NULL)
    {
        p++;
    }

    while (p < t->end && ks_is_space(*p)) {
        p++;
    }

    return p < t->end && (*p == ',' || *p == ']');
}


/* At an opening bracket: goes behind the one that closes it. */

static int
ks_text_json(ks_text_parse_t *t)
{
    size_t  curly, square;

    curly = 0;
    square = 0;

    while (t->p < t->end) {

        switch (*t->p++) {

        case '{':
            curly++;
            continue;

        case '[':
            square++;
            continue;

        case '}':
            if (curly == 0) {
                return KS_ERR;
            }

            curly--;
            break;

        case ']':
            if (square == 0) {
                return KS_ERR;
            }

            square--;
            break;

        case '"':
            if (ks_text_json_string(t) != KS_OK) {
                return KS_ERR;
            }

            continue;

        default:
            continue;
        }

        if (curly == 0 && square == 0) {
            return KS_OK;
        }
    }

    return KS_ERR;
}


/* Behind an opening quote: goes behind the closing one. */

static int
ks_text_json_string(ks_text_parse_t *t)
{
    for ( ;; ) {
        t->p = ks_find_quote(t->p, t->end);

        if (t->p == t->end) {
            return KS_ERR;
        }

        if (*t->p++ == '"') {
            return KS_OK;
        }

        if (t->p < t->end) {
            t->p++;                             /* what is escaped */
        }
    }
}


/* Behind an opening quote: returns d behind the text, or NULL. */

static u_char *
ks_text_double_quoted(ks_text_parse_t *t, u_char *d)
{
    size_t   n;
    u_char  *p;

    for ( ;; ) {
        p = t->p;
        t->p = ks_find_quote(p, t->end);
        n = (size_t) (t->p - p);

        memmove(d, p, n);
        d += n;

        if (t->p == t->end) {
            return NULL;
        }

        if (*t->p++ == '"') {
            return d;
        }

        if (t->p == t->end) {
            return NULL;
        }

        *d++ = ks_text_unescape(t);
    }
}


/* Behind a backslash, before the end. */

static u_char
ks_text_unescape(ks_text_parse_t *t)
{
    int     high, low;
    u_char  c;

    c = *t->p++;

    switch (c) {

    case 'n':
        return '\n';

    case 'r':
        return '\r';

    case 't':
        return '\t';

    case 'b':
        return '\b';

    case 'a':
        return '\a';

    case 'x':
        if (t->end - t->p < 2) {
            return c;
        }

        high = ks_hex_value(t->p[0]);
        low = ks_hex_value(t->p[1]);

        if (high < 0 || low < 0) {
            return c;
        }

        t->p += 2;

        return (u_char) (high * 16 + low);

    default:
        return c;
    }
}


/* Behind an opening quote: returns d behind the text, or NULL. */

static u_char *
ks_text_single_quoted(ks_text_parse_t *t, u_char *d)
{
    u_char  c;

    while (t->p < t->end) {
        c = *t->p++;

        if (c == '\'') {
            return d;
        }

        if (c == '\\' && t->p < t->end && *t->p == '\'') {
            c = *t->p++;
        }

        *d++ = c;
    }

    return NULL;
}
