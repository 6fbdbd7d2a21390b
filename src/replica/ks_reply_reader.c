/*
 * Replies of another store: where one ends, and what it says.
 *
 * An element is a line, or a line and as many bytes as it announces.  How many
 * elements are to come is one number however deep they lie, since all that an
 * aggregate does is to raise it.
 */

#include <math.h>
#include <stdlib.h>

#include "replica/ks_reply_reader.h"


#define KS_READER_LINE    (64 * 1024)   /* bytes of a line, its end included */
#define KS_READER_NUMBER  64            /* digits of a double */


/* --- elements --- */

/*
 * The line at p, without its end; *next is behind it.  KS_AGAIN: its end has
 * not come.  Without a letter it is no line.
 */

static int
ks_reader_line(const u_char *p, const u_char *end, ks_str_t *line,
    const u_char **next)
{
    size_t         len;
    const u_char  *nl;

    len = ks_min((size_t) (end - p), (size_t) KS_READER_LINE);
    nl = len ? memchr(p, '\n', len) : NULL;

    if (nl == NULL) {
        return (len == KS_READER_LINE) ? KS_ERR : KS_AGAIN;
    }

    if (nl - p < 2 || nl[-1] != '\r') {
        return KS_ERR;
    }

    line->data = (u_char *) p;
    line->len = (size_t) (nl - 1 - p);
    *next = nl + 1;

    return KS_OK;
}


/* the number of a line, behind its letter */

static int
ks_reader_count(const ks_str_t *line, int64_t *v)
{
    ks_str_t  digits;

    digits.data = line->data + 1;
    digits.len = line->len - 1;

    return ks_parse_int(&digits, v);
}


static int
ks_reader_string(ks_reader_item_t *it, const u_char **p, const u_char *end)
{
    const u_char  *at;

    if (it->n == -1 && it->kind == '$') {
        it->null = 1;
        return KS_OK;
    }

    if (it->n < 0 || (uint64_t) it->n > KS_READER_MAX
        || (it->kind == '=' && it->n < 4))
    {
        return KS_ERR;
    }

    at = *p;

    if ((uint64_t) (end - at) < (uint64_t) it->n + 2) {
        return KS_AGAIN;
    }

    if (at[it->n] != '\r' || at[it->n + 1] != '\n'
        || (it->kind == '=' && at[3] != ':'))
    {
        return KS_ERR;
    }

    it->text.data = (u_char *) at;
    it->text.len = (size_t) it->n;
    *p = at + it->n + 2;

    return KS_OK;
}


static int
ks_reader_aggregate(ks_reader_item_t *it)
{
    if (it->n == -1 && it->kind == '*') {
        it->null = 1;
        it->n = 0;
        return KS_OK;
    }

    if (it->n < 0 || (uint64_t) it->n > KS_READER_MAX) {
        return KS_ERR;
    }

    if (it->kind == '%' || it->kind == '|') {
        it->n *= 2;
    }

    return KS_OK;
}


/* one whose line is all there is of it */

static int
ks_reader_simple(ks_reader_item_t *it, const ks_str_t *line)
{
    it->text.data = line->data + 1;
    it->text.len = line->len - 1;

    switch (it->kind) {

    case '+':
    case '-':
        return KS_OK;

    case ':':
        return ks_parse_int(&it->text, &it->n);

    case '_':
        it->null = 1;
        return (it->text.len == 0) ? KS_OK : KS_ERR;

    case '#':
        if (it->text.len != 1
            || (it->text.data[0] != 't' && it->text.data[0] != 'f'))
        {
            return KS_ERR;
        }

        it->n = (it->text.data[0] == 't');
        return KS_OK;

    case ',':
    case '(':
        return (it->text.len != 0 && it->text.len < KS_READER_NUMBER)
               || it->kind == '(' ? KS_OK : KS_ERR;

    default:
        return KS_ERR;
    }
}


/* KS_OK, KS_AGAIN or KS_ERR; *p moves on with KS_OK alone */

static int
ks_reader_element(const u_char **p, const u_char *end, ks_reader_item_t *it)
{
    int            rc;
    ks_str_t       line;
    const u_char  *next;

    rc = ks_reader_line(*p, end, &line, &next);

    if (rc != KS_OK) {
        return rc;
    }

    memset(it, 0, sizeof(ks_reader_item_t));
    it->kind = line.data[0];

    switch (it->kind) {

    case '$':
    case '!':
    case '=':
        rc = ks_reader_count(&line, &it->n);
        rc = (rc == KS_OK) ? ks_reader_string(it, &next, end) : KS_ERR;
        break;

    case '*':
    case '%':
    case '~':
    case '>':
    case '|':
        rc = ks_reader_count(&line, &it->n);
        rc = (rc == KS_OK) ? ks_reader_aggregate(it) : KS_ERR;
        break;

    default:
        rc = (ks_reader_simple(it, &line) == KS_OK) ? KS_OK : KS_ERR;
    }

    if (rc == KS_OK) {
        *p = next;
    }

    return rc;
}


static int
ks_reader_aggregates(u_char kind)
{
    return kind == '*' || kind == '%' || kind == '~' || kind == '>'
           || kind == '|';
}


/* --- the end of a reply --- */

int
ks_reader_next(ks_reader_t *rd, const u_char *p, size_t len, size_t *n)
{
    int                rc;
    size_t             max;
    const u_char      *at;
    ks_reader_item_t   it;

    max = rd->max ? rd->max : KS_READER_MAX;
    at = p + rd->looked;

    if (rd->looked == 0) {
        rd->left = 1;
    }

    while (rd->left != 0) {
        rc = ks_reader_element(&at, p + len, &it);

        if (rc == KS_ERR
            || (rc == KS_AGAIN && len > max)
            || (size_t) (at - p) > max)
        {
            return KS_ERR;
        }

        if (rc == KS_AGAIN) {
            return KS_AGAIN;
        }

        rd->looked = (size_t) (at - p);

        /* an attribute is none of the elements that were announced */

        rd->left -= (it.kind != '|');

        if (ks_reader_aggregates(it.kind)) {
            rd->left += (uint64_t) it.n;
        }

        if (rd->left > KS_READER_MAX) {
            return KS_ERR;
        }
    }

    *n = rd->looked;
    rd->looked = 0;

    return KS_OK;
}


/* --- what it says --- */

int
ks_reader_item(const u_char **p, const u_char *end, ks_reader_item_t *it)
{
    return (*p < end && ks_reader_element(p, end, it) == KS_OK) ? KS_OK
                                                                : KS_NONE;
}


/* Passes over n elements, with all that is in them. */

static void
ks_reader_skip(const u_char **p, const u_char *end, uint64_t n)
{
    ks_reader_item_t  it;

    while (n != 0 && ks_reader_item(p, end, &it) == KS_OK) {
        n -= (it.kind != '|');
        n += ks_reader_aggregates(it.kind) ? (uint64_t) it.n : 0;
    }
}


u_char
ks_reader_kind(const u_char *p, size_t len)
{
    const u_char      *end;
    ks_reader_item_t   it;

    end = p + len;

    while (ks_reader_item(&p, end, &it) == KS_OK) {

        if (it.kind != '|') {
            return it.kind;
        }

        ks_reader_skip(&p, end, (uint64_t) it.n);
    }

    return 0;
}


static void
ks_reader_say_aggregate(const ks_reader_item_t *it, ks_reply_t *r)
{
    if (it->null) {
        ks_reply_null_array(r);
        return;
    }

    switch (it->kind) {

    case '%':
        r->ops->open(r, KS_AGG_MAP, (size_t) it->n / 2);
        return;

    case '~':
        r->ops->open(r, KS_AGG_SET, (size_t) it->n);
        return;

    case '>':
        r->ops->open(r, KS_AGG_PUSH, (size_t) it->n);
        return;

    default:
        r->ops->open(r, KS_AGG_ARRAY, (size_t) it->n);
    }
}


static void
ks_reader_say_double(const ks_reader_item_t *it, ks_reply_t *r)
{
    char  text[KS_READER_NUMBER];

    memcpy(text, it->text.data, it->text.len);
    text[it->text.len] = '\0';

    ks_reply_number(r, strtod(text, NULL), it->text.data, it->text.len);
}


static void
ks_reader_say_verbatim(const ks_reader_item_t *it, ks_reply_t *r)
{
    char  fmt[4];

    memcpy(fmt, it->text.data, 3);
    fmt[3] = '\0';

    r->ops->verbatim(r, fmt, it->text.data + 4, it->text.len - 4);
}


static void
ks_reader_say_item(const ks_reader_item_t *it, ks_reply_t *r)
{
    if (it->null && it->kind != '*') {
        ks_reply_null(r);
        return;
    }

    switch (it->kind) {

    case '+':
        r->ops->status(r, it->text.data, it->text.len);
        return;

    case '-':
    case '!':
        ks_reply_error_text(r, it->text.data, it->text.len);
        return;

    case ':':
        ks_reply_integer(r, it->n);
        return;

    case '#':
        r->ops->boolean(r, (int) it->n);
        return;

    case ',':
        ks_reader_say_double(it, r);
        return;

    case '(':
        if (r->ops->big) {
            r->ops->big(r, it->text.data, it->text.len);
            return;
        }

        break;

    case '=':
        ks_reader_say_verbatim(it, r);
        return;

    case '$':
        break;

    default:
        ks_reader_say_aggregate(it, r);
        return;
    }

    ks_reply_bulk(r, it->text.data, it->text.len);
}


void
ks_reader_say(const u_char *p, size_t len, ks_reply_t *reply)
{
    const u_char      *end;
    ks_reader_item_t   it;

    end = p + len;

    while (ks_reader_item(&p, end, &it) == KS_OK) {

        if (it.kind == '|') {
            ks_reader_skip(&p, end, (uint64_t) it.n);
            continue;
        }

        ks_reader_say_item(&it, reply);
    }
}
