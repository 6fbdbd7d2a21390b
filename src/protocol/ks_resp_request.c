/*
 * The RESP parser.
 *
 * A command that is there as a whole, with lengths of a few digits, is cut by
 * ks_resp_digits() and nothing else that looks at single bytes.  Everything
 * else (lines that are not complete, odd numbers, errors) takes a longer way.
 *
 * Where Redis differs from its documentation this follows Redis: the byte
 * behind a CR is not looked at, nor are the two behind an argument.
 */

#include "types/ks_chars.h"
#include "protocol/ks_resp_request.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>


#define KS_RESP_DIGITS     9            /* of the short way */
#define KS_RESP_LEAST      7            /* bytes of an argument of one byte */
#define KS_RESP_ARGS_KEPT  1024         /* room kept from one to the next */


static ks_resp_rc_t ks_resp_prefix(ks_resp_request_t *rq, u_char *start,
    u_char *end);
static ks_resp_rc_t ks_resp_length(ks_resp_request_t *rq, u_char *start,
    u_char *end);
static ks_resp_rc_t ks_resp_amount(ks_resp_request_t *rq, u_char *start,
    u_char *end, int64_t *n, const char *what);
static ks_resp_rc_t ks_resp_inline(ks_resp_request_t *rq, u_char *start,
    u_char *end);
static ks_resp_rc_t ks_resp_split(ks_resp_request_t *rq, u_char *p,
    u_char *end);
static int ks_resp_word(u_char **at, u_char *end, u_char **to,
    ks_str_t *word);
static int ks_resp_grow(ks_resp_request_t *rq);


void
ks_resp_request_init(ks_resp_request_t *rq)
{
    memset(rq, 0, sizeof(ks_resp_request_t));

    rq->bulk = -1;
    rq->argv = rq->small;
    rq->room = KS_RESP_ARGS;
}


void
ks_resp_request_free(ks_resp_request_t *rq)
{
    if (rq->argv != rq->small) {
        free(rq->argv);
    }

    rq->argv = rq->small;
    rq->room = KS_RESP_ARGS;
    rq->argc = 0;

    ks_resp_request_rest(rq);
}


void
ks_resp_forget_text(ks_resp_request_t *rq)
{
    free(rq->text);
    rq->text = NULL;
}


static ks_resp_rc_t
ks_resp_fault(ks_resp_request_t *rq, const char *text)
{
    (void) snprintf(rq->error, sizeof(rq->error), "ERR Protocol error: %s",
                    text);
    return KS_RESP_ERROR;
}


/* A command ends; the next call begins another one. */

static inline ks_resp_rc_t
ks_resp_done(ks_resp_request_t *rq)
{
    rq->used = rq->at;
    rq->at = 0;
    rq->seen = 0;

    return KS_RESP_COMMAND;
}


/*
 * A number of up to nine digits, as Redis writes it, and the two bytes behind
 * it.  NULL: it takes a closer look.
 */

static inline u_char *
ks_resp_digits(u_char *p, const u_char *end, int64_t *n)
{
    u_char    *first;
    uint32_t   v;

    if (p == end || *p == '0') {
        return NULL;
    }

    for (v = 0, first = p; p < end && ks_is_digit(*p); p++) {
        if (p - first == KS_RESP_DIGITS) {
            return NULL;
        }

        v = v * 10 + (uint32_t) (*p - '0');
    }

    if (p == first || end - p < 2 || *p != '\r') {
        return NULL;
    }

    *n = v;

    return p + 2;
}


/* The same behind a mark, in fewer steps; KS_RESP_LEAST bytes are there. */

static inline u_char *
ks_resp_few_digits(u_char *p, const u_char *end, uint32_t *n)
{
    int64_t   v;
    uint32_t  d;

    *n = (uint32_t) p[1] - '0';

    if (ks_likely(*n - 1 < 9)) {

        if (p[2] == '\r') {
            return p + 4;
        }

        d = (uint32_t) p[2] - '0';
        *n = *n * 10 + d;

        if (d < 10 && p[3] == '\r') {
            return p + 5;
        }
    }

    v = 0;
    p = ks_resp_digits(p + 1, end, &v);
    *n = (uint32_t) v;

    return p;
}


u_char *
ks_resp_cut(const ks_resp_request_t *rq, u_char *start, u_char *end,
    ks_str_t *argv, int max, int *argc)
{
    u_char    *p;
    uint32_t   n, len;
    ks_str_t  *last;

    p = start;

    if (rq->left != 0 || rq->seen != 0 || rq->guest
        || rq->room > KS_RESP_ARGS_KEPT
        || end - p < KS_RESP_LEAST || *p != '*')
    {
        return NULL;
    }

    p = ks_resp_few_digits(p, end, &n);

    if (p == NULL || n > (uint32_t) max) {
        return NULL;
    }

    *argc = (int) n;

    for (last = argv + n; argv < last; argv++) {

        if (end - p < KS_RESP_LEAST || *p != '$') {
            return NULL;
        }

        p = ks_resp_few_digits(p, end, &len);

        if (p == NULL || len > KS_RESP_BULK_MAX
            || (size_t) (end - p) < (size_t) len + 2)
        {
            return NULL;
        }

        argv->data = p;
        argv->len = len;
        p += len + 2;
    }

    return p;
}


/*
 * Slices are offsets until the command is complete: the buffer may move.
 */

ks_resp_rc_t
ks_resp_parse(ks_resp_request_t *rq, u_char *start, u_char *end)
{
    int            i;
    size_t         size;
    ks_str_t      *arg;
    ks_resp_rc_t   rc;

    size = (size_t) (end - start);

    if (rq->left == 0) {
        rc = ks_resp_prefix(rq, start, end);

        if (rq->left == 0) {
            return rc;
        }
    }

    while (rq->left != 0) {

        if (rq->bulk < 0) {
            rc = ks_resp_length(rq, start, end);

            if (ks_unlikely(rc != KS_RESP_COMMAND)) {
                return rc;
            }
        }

        if (size - rq->at < (size_t) rq->bulk + 2) {
            rq->wanted = rq->at + (size_t) rq->bulk + 2;
            return KS_RESP_AGAIN;
        }

        if (ks_unlikely(rq->argc == rq->room)
            && ks_resp_grow(rq) != KS_OK)
        {
            return KS_RESP_NOMEM;
        }

        arg = &rq->argv[rq->argc++];
        arg->data = (u_char *) (uintptr_t) rq->at;
        arg->len = (size_t) rq->bulk;

        rq->at += arg->len + 2;
        rq->bulk = -1;
        rq->left--;
    }

    for (i = 0; i < rq->argc; i++) {
        rq->argv[i].data = start + (uintptr_t) rq->argv[i].data;
    }

    return ks_resp_done(rq);
}


/*
 * The beginning of a command.  With arguments to come left is set; all else
 * (an inline command, an empty one, an error) is the end of the call.
 */

static ks_resp_rc_t
ks_resp_prefix(ks_resp_request_t *rq, u_char *start, u_char *end)
{
    u_char        *p;
    int64_t        n;
    ks_resp_rc_t   rc;

    rq->argc = 0;
    rq->wanted = 0;
    ks_resp_request_rest(rq);

    if (ks_unlikely(rq->room > KS_RESP_ARGS_KEPT)) {
        ks_resp_request_free(rq);
    }

    if (start == end) {
        return KS_RESP_AGAIN;
    }

    if (*start != '*') {
        return ks_resp_inline(rq, start, end);
    }

    p = ks_resp_digits(start + 1, end, &n);

    if (ks_likely(p != NULL)) {
        rq->at = (size_t) (p - start);
        rq->seen = 0;

    } else {
        rc = ks_resp_amount(rq, start, end, &n, "mbulk");

        if (rc != KS_RESP_COMMAND) {
            return rc;
        }
    }

    if (n > INT_MAX) {
        return ks_resp_fault(rq, "invalid multibulk length");
    }

    if (n > KS_RESP_NOAUTH_ARGS && rq->guest) {
        return ks_resp_fault(rq, "unauthenticated multibulk length");
    }

    if (n <= 0) {
        return ks_resp_done(rq);
    }

    rq->left = (int) n;

    return KS_RESP_COMMAND;
}


/* the length of an argument */

static ks_resp_rc_t
ks_resp_length(ks_resp_request_t *rq, u_char *start, u_char *end)
{
    u_char        *p;
    int64_t        n;
    ks_resp_rc_t   rc;

    p = start + rq->at;
    n = 0;
    rq->wanted = 0;

    if (end - p > 1 && *p == '$') {
        p = ks_resp_digits(p + 1, end, &n);

    } else {
        p = NULL;
    }

    if (ks_likely(p != NULL)) {
        rq->at = (size_t) (p - start);
        rq->seen = 0;

    } else {
        rc = ks_resp_amount(rq, start, end, &n, "bulk");

        if (rc != KS_RESP_COMMAND) {
            return rc;
        }
    }

    if (n < 0 || n > KS_RESP_BULK_MAX) {
        return ks_resp_fault(rq, "invalid bulk length");
    }

    if (n > KS_RESP_NOAUTH_BULK && rq->guest) {
        return ks_resp_fault(rq, "unauthenticated bulk length");
    }

    rq->bulk = n;

    return KS_RESP_COMMAND;
}


/* an integer of 64 bits in the only form that Redis takes; KS_ERR: it is not */

static int
ks_resp_integer_parse(const u_char *p, const u_char *end, int64_t *n)
{
    int       minus;
    uint64_t  v, max;

    minus = (p < end && *p == '-');
    p += minus;
    max = (uint64_t) INT64_MAX + (unsigned) minus;

    if (p == end || (*p == '0' && (minus || end - p > 1))) {
        return KS_ERR;
    }

    for (v = 0; p < end; p++) {
        if (!ks_is_digit(*p) || v > max / 10
            || v * 10 > max - (uint64_t) (*p - '0'))
        {
            return KS_ERR;
        }

        v = v * 10 + (uint64_t) (*p - '0');
    }

    *n = minus ? (int64_t) - v : (int64_t) v;

    return KS_OK;
}


/* The long way of a line that is a mark and a number, which rq->at is at. */

static ks_resp_rc_t
ks_resp_amount(ks_resp_request_t *rq, u_char *start, u_char *end, int64_t *n,
    const char *what)
{
    int      bulk;
    char     text[32];
    u_char  *p, *cr;

    bulk = (*what == 'b');
    p = start + rq->at;
    cr = memchr(p + rq->seen, '\r', (size_t) (end - p) - rq->seen);

    if (cr == NULL) {
        rq->seen = (size_t) (end - p);

        if (rq->seen > KS_RESP_INLINE_MAX) {
            (void) snprintf(text, sizeof(text), "too big %s count string",
                            what);
            return ks_resp_fault(rq, text);
        }

        return KS_RESP_AGAIN;
    }

    rq->seen = (size_t) (cr - p);

    if (cr + 1 == end) {
        return KS_RESP_AGAIN;
    }

    if (bulk && *p != '$') {
        (void) snprintf(text, sizeof(text), "expected '$', got '%c'", *p);
        return ks_resp_fault(rq, text);
    }

    if (ks_resp_integer_parse(p + 1, cr, n) != KS_OK) {
        return ks_resp_fault(rq, bulk ? "invalid bulk length"
                                      : "invalid multibulk length");
    }

    rq->at = (size_t) (cr + 2 - start);
    rq->seen = 0;

    return KS_RESP_COMMAND;
}


/* --- inline commands --- */

static ks_resp_rc_t
ks_resp_inline(ks_resp_request_t *rq, u_char *start, u_char *end)
{
    u_char        *lf, *last;
    ks_resp_rc_t   rc;

    lf = memchr(start + rq->seen, '\n', (size_t) (end - start) - rq->seen);

    if (lf == NULL) {
        rq->seen = (size_t) (end - start);

        if (rq->seen > KS_RESP_INLINE_MAX) {
            return ks_resp_fault(rq, "too big inline request");
        }

        return KS_RESP_AGAIN;
    }

    last = (lf > start && lf[-1] == '\r') ? lf - 1 : lf;
    rc = ks_resp_split(rq, start, last);

    if (rc != KS_RESP_COMMAND) {
        return rc;
    }

    rq->at = (size_t) (lf + 1 - start);

    return ks_resp_done(rq);
}


/* Words with quotes are decoded to memory of as many bytes as the line has. */

static ks_resp_rc_t
ks_resp_split(ks_resp_request_t *rq, u_char *p, u_char *end)
{
    u_char  *to;

    to = NULL;

    if (memchr(p, '"', (size_t) (end - p)) != NULL
        || memchr(p, '\'', (size_t) (end - p)) != NULL)
    {
        rq->text = malloc((size_t) (end - p));

        if (rq->text == NULL) {
            return KS_RESP_NOMEM;
        }

        to = rq->text;
    }

    for ( ;; ) {

        while (p < end && ks_is_space(*p)) {
            p++;
        }

        if (p == end) {
            return KS_RESP_COMMAND;
        }

        if (rq->argc == rq->room && ks_resp_grow(rq) != KS_OK) {
            return KS_RESP_NOMEM;
        }

        if (ks_resp_word(&p, end, &to, &rq->argv[rq->argc]) != KS_OK) {
            return ks_resp_fault(rq, "unbalanced quotes in request");
        }

        rq->argc++;
    }
}


/* what a backslash stands for in double quotes; *at is at the byte behind it */

static u_char
ks_resp_escape(u_char **at, const u_char *end)
{
    u_char  *p, c;

    p = *at;
    c = *p++;

    if (c == 'x' && end - p >= 2
        && ks_hex_value(p[0]) >= 0 && ks_hex_value(p[1]) >= 0)
    {
        c = (u_char) (ks_hex_value(p[0]) << 4 | ks_hex_value(p[1]));
        p += 2;

    } else {
        switch (c) {
        case 'n': c = '\n'; break;
        case 'r': c = '\r'; break;
        case 't': c = '\t'; break;
        case 'b': c = '\b'; break;
        case 'a': c = '\a'; break;
        default: break;
        }
    }

    *at = p;

    return c;
}


/* The inside of quotes, decoded to *to; NULL, or what follows the last one. */

static u_char *
ks_resp_quoted(u_char *p, u_char *end, u_char quote, u_char **to)
{
    u_char  *d;

    d = *to;

    while (p < end) {

        if (*p == quote) {
            *to = d;
            p++;

            return (p == end || ks_is_space(*p)) ? p : NULL;
        }

        if (*p == '\\' && end - p >= 2 && (quote == '"' || p[1] == '\'')) {
            p++;
            *d++ = (quote == '"') ? ks_resp_escape(&p, end) : *p++;
            continue;
        }

        *d++ = *p++;
    }

    return NULL;
}


/* A word at *at; with quotes, it goes to *to. */

static int
ks_resp_word(u_char **at, u_char *end, u_char **to, ks_str_t *word)
{
    u_char  *p, *d, quote;

    p = *at;

    while (p < end && *p != ' ' && *p != '\t' && *p != '\r' && *p != '\n'
           && *p != '"' && *p != '\'')
    {
        p++;
    }

    word->data = *at;
    word->len = (size_t) (p - *at);

    if (p < end && (*p == '"' || *p == '\'')) {
        quote = *p++;
        d = *to;

        memcpy(d, word->data, word->len);
        word->data = d;
        d += word->len;

        p = ks_resp_quoted(p, end, quote, &d);

        if (p == NULL) {
            return KS_ERR;
        }

        word->len = (size_t) (d - word->data);
        *to = d;
    }

    *at = p;

    return KS_OK;
}


/* --- room for arguments --- */

static int
ks_resp_grow(ks_resp_request_t *rq)
{
    int        room;
    ks_str_t  *argv;

    room = rq->room > INT_MAX / 2 ? INT_MAX : rq->room * 2;

    argv = realloc(rq->argv != rq->small ? rq->argv : NULL,
                   (size_t) room * sizeof(ks_str_t));

    if (argv == NULL) {
        return KS_ERR;
    }

    if (rq->argv == rq->small) {
        memcpy(argv, rq->small, sizeof(rq->small));
    }

    rq->argv = argv;
    rq->room = room;

    return KS_OK;
}
