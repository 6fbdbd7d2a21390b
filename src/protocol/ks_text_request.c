/*
 * Command text: what a person types, one command a line.
 *
 * A word is decoded onto itself: what has been read of it is always at least
 * as long as what has been written.  Brackets are counted, not stacked, and
 * no word is looked at more than twice, so neither depth nor a hostile text
 * costs more than its length.  Where a script without quotes ends is found by
 * trying; how much of that a text may cause is in proportion to its length.
 *
 * Assumes that the buffer may be written to; promises never to read beyond it.
 */

#include "types/ks_chars.h"
#include "protocol/ks_build.h"
#include "protocol/ks_scan.h"


#define KS_TEXT_UNBALANCED_QUOTES    "unbalanced quotes in request"
#define KS_TEXT_UNBALANCED_BRACKETS  "unbalanced brackets in request; " \
                                     "quote the argument if it is not JSON"
#define KS_TEXT_NO_SCRIPT  "no end of the script: it must compile as Lua, " \
                           "with the number of keys and the keys behind "   \
                           "it; or quote it"
#define KS_TEXT_LONG_SCRIPT  "the end of the script is too hard to find: " \
                             "quote it"

/* bytes to be looked at for ends of scripts: so many, and some for each byte */
#define KS_TEXT_WORK       (2 * 1024 * 1024)
#define KS_TEXT_WORK_BYTE  8

typedef struct {
    u_char      *p;             /* what is not parsed yet */
    u_char      *end;
    ssize_t      work;          /* that may yet be spent on scripts */
    unsigned     broken:1;      /* there is a script that does not compile */
    ks_build_t   build;
} ks_text_parse_t;

/* where a script may end: NULL: nowhere */
typedef struct {
    u_char      *end;
    u_char      *count;         /* the number of keys */
} ks_text_place_t;


static int ks_text_line(ks_text_parse_t *t);
static int ks_text_is_eval(const ks_text_parse_t *t);
static int ks_text_script(ks_text_parse_t *t);
static int ks_text_script_end(ks_text_parse_t *t, u_char *start,
    ks_text_place_t *found);
static int ks_text_script_try(ks_text_parse_t *t, const u_char *start,
    const u_char *end);
static int ks_text_next_place(ks_text_parse_t *t, ks_text_place_t *place);
static int ks_text_is_count(ks_text_parse_t *t, u_char *p);
static int ks_text_has_words(ks_text_parse_t *t, size_t n);
static int ks_text_skip(ks_text_parse_t *t);
static int ks_text_skip_quoted(ks_text_parse_t *t, u_char quote);
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
    t.work = KS_TEXT_WORK + KS_TEXT_WORK_BYTE * (ssize_t) len;
    t.broken = 0;

    while (t.p < t.end) {
        rc = ks_text_line(&t);

        if (rc != KS_OK) {
            return rc;
        }
    }

    if (t.build.ncommands == 0) {
        return ks_build_error(&t.build, "empty request");
    }

    if (t.broken && t.build.ncommands > 1) {
        return ks_build_error(&t.build, KS_TEXT_NO_SCRIPT);
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

        if (rc == KS_OK && t->build.nargs == t->build.first + 1
            && ks_text_is_eval(t))
        {
            rc = ks_text_script(t);
        }

        if (rc != KS_OK) {
            return rc;
        }
    }

    if (t->build.nargs == t->build.first) {
        return KS_OK;
    }

    return ks_build_command(&t->build);
}


/* Is the last argument the name of a command that takes a script? */

static int
ks_text_is_eval(const ks_text_parse_t *t)
{
    size_t           i;
    const ks_str_t  *name;

    name = &t->build.args[t->build.nargs - 1];

    if (t->build.rq->compiles == NULL || (name->len != 4 && name->len != 7)) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        if ((name->data[i] & ~0x20) != ("EVAL_RO"[i] & ~0x20)) {
            return 0;
        }
    }

    return 1;
}


/* Behind the name: an unquoted script becomes an argument. */

static int
ks_text_script(ks_text_parse_t *t)
{
    int               rc;
    u_char           *start;
    ks_text_place_t   place;

    while (t->p < t->end && ks_is_space(*t->p)) {
        t->p++;
    }

    if (t->p == t->end || *t->p == '"' || *t->p == '\'') {
        return KS_OK;
    }

    start = t->p;
    rc = ks_text_script_end(t, start, &place);

    if (rc != KS_OK) {
        return rc;
    }

    t->p = place.count;

    return ks_build_arg(&t->build, start, place.end);
}


static int
ks_text_script_end(ks_text_parse_t *t, u_char *start, ks_text_place_t *found)
{
    int              rc;
    ks_text_place_t  tried, place;

    memset(&tried, 0, sizeof(ks_text_place_t));

    *found = tried;
    place.count = start;

    while (ks_text_next_place(t, &place)) {
        rc = ks_text_script_try(t, start, place.end);
        tried = place;

        if (rc > 0) {
            *found = place;

        } else if (rc < 0) {
            break;
        }
    }

    if (t->work < 0) {
        return ks_build_error(&t->build, KS_TEXT_LONG_SCRIPT);
    }

    if (found->end == NULL) {
        t->broken = 1;
        *found = tried;
    }

    if (found->end == NULL) {
        return ks_build_error(&t->build, KS_TEXT_NO_SCRIPT);
    }

    return KS_OK;
}


static int
ks_text_script_try(ks_text_parse_t *t, const u_char *start, const u_char *end)
{
    ks_request_t  *rq;

    rq = t->build.rq;
    t->work -= end - start;

    return (t->work < 0) ? -1 : rq->compiles(rq->compiles_data, start,
                                             (size_t) (end - start));
}


/* From the word at place->count on; 0: there is none. */

static int
ks_text_next_place(ks_text_parse_t *t, ks_text_place_t *place)
{
    u_char  *p;

    p = place->count;

    do {
        while (p < t->end && !ks_is_space(*p)) {
            p++;
        }

        place->end = p;

        while (p < t->end && ks_is_space(*p)) {
            p++;
        }

        if (p == t->end) {
            return 0;
        }

        t->work -= p - place->count;
        place->count = p;

    } while (t->work >= 0 && !ks_text_is_count(t, p));

    return t->work >= 0;
}


/* Is there a number at p, and behind it as many words in its line? */

static int
ks_text_is_count(ks_text_parse_t *t, u_char *p)
{
    int      rc;
    size_t   n;
    u_char  *here, *word;

    n = 0;
    word = p;

    for ( /* void */ ; p < t->end && ks_is_digit(*p); p++) {
        n = n * 10 + (size_t) (*p - '0');

        if (n > (size_t) (t->end - p)) {
            return 0;
        }
    }

    if (p == word || (p < t->end && !ks_is_space(*p))) {
        return 0;
    }

    here = t->p;
    t->p = p;

    rc = ks_text_has_words(t, n);

    t->work -= t->p - p;
    t->p = here;

    return rc;
}


static int
ks_text_has_words(ks_text_parse_t *t, size_t n)
{
    for ( /* void */ ; n != 0; n--) {

        while (t->p < t->end && *t->p != '\n' && ks_is_space(*t->p)) {
            t->p++;
        }

        if (t->p == t->end || *t->p == '\n' || ks_text_skip(t) != KS_OK) {
            return 0;
        }
    }

    return 1;
}


/* At the first byte of a word: goes behind it as ks_text_word() does. */

static int
ks_text_skip(ks_text_parse_t *t)
{
    u_char  c;

    if ((*t->p == '{' || (*t->p == '[' && ks_text_looks_like_json(t)))
        && ks_text_json(t) != KS_OK)
    {
        return KS_ERR;
    }

    while (t->p < t->end && !ks_is_space(*t->p)) {
        c = *t->p++;

        if (c == '"' || c == '\'') {
            return ks_text_skip_quoted(t, c);
        }
    }

    return KS_OK;
}


/* Behind an opening quote: goes behind the word. */

static int
ks_text_skip_quoted(ks_text_parse_t *t, u_char quote)
{
    u_char  c;

    while (t->p < t->end) {
        c = *t->p++;

        if (c == quote) {
            return (t->p == t->end || ks_is_space(*t->p)) ? KS_OK : KS_ERR;
        }

        if (c == '\\' && t->p < t->end && (quote == '"' || *t->p == '\'')) {
            t->p++;
        }
    }

    return KS_ERR;
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
