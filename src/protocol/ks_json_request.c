/*
 * JSON requests: an array of words is a command, an array of those is
 * a pipeline.
 *
 * A tokenizer, not a JSON library: it keeps every byte of a string and every
 * digit of a number, builds no tree and recurses nowhere, since nothing that
 * nests deeper than the form asks for is an argument.
 *
 * Assumes that the buffer may be written to; promises never to read beyond it.
 */

#include "types/ks_chars.h"
#include "protocol/ks_build.h"
#include "protocol/ks_scan.h"


typedef struct {
    u_char      *p;             /* what is not parsed yet */
    u_char      *end;
    ks_build_t   build;
} ks_json_parse_t;


static int ks_json_command(ks_json_parse_t *j);
static int ks_json_argument(ks_json_parse_t *j);
static int ks_json_quoted(ks_json_parse_t *j);
static int ks_json_string_escaped(ks_json_parse_t *j, u_char *start);
static u_char *ks_json_unescape(ks_json_parse_t *j, u_char *d);
static u_char *ks_json_unicode(ks_json_parse_t *j, u_char *d);
static int ks_json_number(ks_json_parse_t *j);
static u_char *ks_json_digits(const ks_json_parse_t *j, u_char *p);
static int ks_json_word(ks_json_parse_t *j, const char *word, size_t len);
static inline int ks_json_next(ks_json_parse_t *j);
static int ks_json_begin(ks_json_parse_t *j, ks_request_t *rq, u_char *p,
    size_t len);
static int ks_json_end(ks_json_parse_t *j);
static int ks_json_fault(ks_json_parse_t *j, const char *error);


int
ks_parse_json(ks_request_t *rq, u_char *p, size_t len)
{
    int              rc;
    ks_json_parse_t  j;

    rc = ks_json_begin(&j, rq, p, len);

    if (rc == KS_OK) {
        rc = ks_json_command(&j);
    }

    return (rc == KS_OK) ? ks_json_end(&j) : rc;
}


int
ks_parse_json_batch(ks_request_t *rq, u_char *p, size_t len)
{
    int              c, rc;
    ks_json_parse_t  j;

    rc = ks_json_begin(&j, rq, p, len);

    if (rc != KS_OK) {
        return rc;
    }

    if (*j.p != '[') {
        return ks_json_fault(&j, "a pipeline must be a JSON array of commands");
    }

    j.p++;

    if (ks_json_next(&j) == ']') {
        j.p++;
        return ks_json_end(&j);
    }

    do {
        if (ks_json_next(&j) < 0) {
            return KS_ERR;
        }

        rc = ks_json_command(&j);

        if (rc != KS_OK) {
            return rc;
        }

        c = ks_json_next(&j);

        if (c < 0) {
            return KS_ERR;
        }

        j.p++;

    } while (c == ',');

    if (c != ']') {
        return ks_json_fault(&j, "invalid JSON: expected ',' or ']' "
                                 "after a command");
    }

    return ks_json_end(&j);
}


/* At a command's first byte, which is there. */

static int
ks_json_command(ks_json_parse_t *j)
{
    int  c, rc;

    if (*j->p != '[') {
        return ks_json_fault(j, "a command must be a JSON array; one alone "
                                "goes to the base URL");
    }

    j->p++;

    if (ks_json_next(j) == ']') {
        return ks_json_fault(j, "empty command");
    }

    do {
        if (ks_json_next(j) < 0) {
            return KS_ERR;
        }

        rc = ks_json_argument(j);

        if (rc != KS_OK) {
            return rc;
        }

        c = ks_json_next(j);

        if (c < 0) {
            return KS_ERR;
        }

        j->p++;

    } while (c == ',');

    if (c != ']') {
        return ks_json_fault(j, "invalid JSON: expected ',' or ']' "
                                "after an argument");
    }

    return ks_build_command(&j->build);
}


static int
ks_json_argument(ks_json_parse_t *j)
{
    u_char  c;

    c = *j->p;

    if (ks_likely(c == '"')) {
        return ks_json_quoted(j);
    }

    if (c == '-' || ks_is_digit(c)) {
        return ks_json_number(j);
    }

    switch (c) {

    case 't':
        return ks_json_word(j, "true", 4);

    case 'f':
        return ks_json_word(j, "false", 5);

    case 'n':
        return ks_json_fault(j, "null cannot be an argument of a command");

    case '{':
        return ks_json_fault(j, "an object cannot be an argument of a command; "
                                "send it as a string");
    case '[':
        return ks_json_fault(j, (j->build.nargs == j->build.first)
                             ? "a command begins with its name, and an array "
                               "of commands goes to /pipeline or /multi-exec"
                             : "an array cannot be an argument of a command");

    default:
        return ks_json_fault(j, "invalid JSON: expected an argument");
    }
}


static int
ks_json_quoted(ks_json_parse_t *j)
{
    u_char  *start, *p;

    start = j->p + 1;
    p = ks_find_quote(start, j->end);
    j->p = p;

    if (p == j->end) {
        return ks_json_fault(j, "invalid JSON: a string is not closed");
    }

    if (*p == '\\') {
        return ks_json_string_escaped(j, start);
    }

    j->p = p + 1;

    return ks_build_arg(&j->build, start, p);
}


/* At the first escape of a string. */

static int
ks_json_string_escaped(ks_json_parse_t *j, u_char *start)
{
    size_t   n;
    u_char  *d, *p;

    d = j->p;

    while (j->p < j->end) {

        if (*j->p == '"') {
            j->p++;
            return ks_build_arg(&j->build, start, d);
        }

        d = ks_json_unescape(j, d);

        if (d == NULL) {
            return ks_json_fault(j, "invalid JSON: a bad escape in a string");
        }

        p = j->p;
        j->p = ks_find_quote(p, j->end);
        n = (size_t) (j->p - p);

        memmove(d, p, n);
        d += n;
    }

    return ks_json_fault(j, "invalid JSON: a string is not closed");
}


/* At a backslash: writes what it stands for to d, and returns d behind it. */

static u_char *
ks_json_unescape(ks_json_parse_t *j, u_char *d)
{
    u_char  c;

    if (j->end - j->p < 2) {
        return NULL;
    }

    c = j->p[1];
    j->p += 2;

    if (c == 'u') {
        return ks_json_unicode(j, d);
    }

    c = ks_json_escaped(c);

    if (c == 0) {
        return NULL;
    }

    *d++ = c;

    return d;
}


static u_char *
ks_json_unicode(ks_json_parse_t *j, u_char *d)
{
    int  c, low;

    c = ks_hex4(j->p, j->end);

    if (c < 0) {
        return NULL;
    }

    j->p += 4;

    if (!ks_is_surrogate(c)) {
        return ks_utf8_encode(d, (unsigned) c);
    }

    if (j->end - j->p >= 6 && j->p[0] == '\\' && j->p[1] == 'u') {
        low = ks_hex4(j->p + 2, j->end);

        if (ks_is_pair(c, low)) {
            j->p += 6;
            return ks_utf8_encode(d, ks_pair_code(c, low));
        }
    }

    return ks_utf8_encode(d, 0xfffd);
}


/* The grammar of JSON; the text is the argument. */

static int
ks_json_number(ks_json_parse_t *j)
{
    u_char  *start, *p;

    start = j->p;
    p = start + (*start == '-');

    if (p < j->end && *p == '0') {
        p++;

    } else {
        p = ks_json_digits(j, p);
    }

    if (p != NULL && p < j->end && *p == '.') {
        p = ks_json_digits(j, p + 1);
    }

    if (p != NULL && p < j->end && (*p | 0x20) == 'e') {
        p++;

        if (p < j->end && (*p == '+' || *p == '-')) {
            p++;
        }

        p = ks_json_digits(j, p);
    }

    if (p == NULL || (p < j->end && ks_is_digit(*p))) {
        return ks_json_fault(j, "invalid JSON: a bad number");
    }

    j->p = p;

    return ks_build_arg(&j->build, start, p);
}


/* Behind one digit or more, or NULL. */

static u_char *
ks_json_digits(const ks_json_parse_t *j, u_char *p)
{
    const u_char  *start;

    start = p;

    while (p < j->end && ks_is_digit(*p)) {
        p++;
    }

    return (p == start) ? NULL : p;
}


static int
ks_json_word(ks_json_parse_t *j, const char *word, size_t len)
{
    u_char  *start;

    start = j->p;

    if ((size_t) (j->end - start) < len || memcmp(start, word, len) != 0) {
        return ks_json_fault(j, "invalid JSON: expected an argument");
    }

    j->p += len;

    return ks_build_arg(&j->build, start, j->p);
}


/* The next byte that is not white space, which stays there; or KS_ERR. */

static inline int
ks_json_next(ks_json_parse_t *j)
{
    u_char  c;

    for ( /* void */ ; j->p < j->end; j->p++) {
        c = *j->p;

        if (c > ' ' || (c != ' ' && c != '\n' && c != '\r' && c != '\t')) {
            return c;
        }
    }

    return ks_json_fault(j, "invalid JSON: the request ends too early");
}


static int
ks_json_begin(ks_json_parse_t *j, ks_request_t *rq, u_char *p, size_t len)
{
    ks_build_init(&j->build, rq);

    j->p = p;
    j->end = p + len;

    return (ks_json_next(j) < 0) ? ks_json_fault(j, "empty request") : KS_OK;
}


static int
ks_json_end(ks_json_parse_t *j)
{
    if (ks_json_next(j) >= 0) {
        return ks_json_fault(j, "invalid JSON: something follows the array");
    }

    j->build.rq->error = NULL;

    return ks_build_finish(&j->build);
}


static int
ks_json_fault(ks_json_parse_t *j, const char *error)
{
    return ks_build_error(&j->build, error);
}
