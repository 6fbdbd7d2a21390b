/*
 * The small helpers on top of the writer interface.
 *
 * Allocates nothing and knows no wire format.
 */

#include "commands/ks_reply.h"

#include <stdarg.h>
#include <stdio.h>


#define KS_ERROR_MAX     1024


void
ks_reply_status(ks_reply_t *r, const char *text)
{
    r->ops->status(r, (const u_char *) text, strlen(text));
}


void
ks_reply_error_text(ks_reply_t *r, const u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len && i < KS_REPLY_CODE - 1 && p[i] != ' '; i++) {
        r->code[i] = (char) p[i];
    }

    r->code[i] = '\0';

    r->ops->error(r, p, len);
}


void
ks_reply_error(ks_reply_t *r, const char *text)
{
    ks_reply_error_text(r, (const u_char *) text, strlen(text));
}


static void
ks_why_error(ks_reply_t *r, const u_char *p, size_t len)
{
    ks_reply_why_t  *why = (ks_reply_why_t *) r;

    why->len = ks_min(len, sizeof(why->text));
    memcpy(why->text, p, why->len);
    r->failed = 1;
}


static void
ks_why_none(ks_reply_t *r)
{
    (void) r;
}


static void
ks_why_boolean(ks_reply_t *r, int v)
{
    (void) r;
    (void) v;
}


static void
ks_why_integer(ks_reply_t *r, int64_t v)
{
    (void) r;
    (void) v;
}


static void
ks_why_double(ks_reply_t *r, double v)
{
    (void) r;
    (void) v;
}


static void
ks_why_size(ks_reply_t *r, size_t n)
{
    (void) r;
    (void) n;
}


static void
ks_why_bytes(ks_reply_t *r, const u_char *p, size_t n)
{
    (void) r;
    (void) p;
    (void) n;
}


static void
ks_why_verbatim(ks_reply_t *r, const char *fmt, const u_char *p, size_t n)
{
    (void) fmt;
    ks_why_bytes(r, p, n);
}


static void
ks_why_open(ks_reply_t *r, ks_agg_t kind, size_t n)
{
    (void) kind;
    ks_why_size(r, n);
}


static void
ks_why_deferred(ks_reply_t *r, ks_agg_t kind)
{
    ks_why_open(r, kind, 0);
}


static void
ks_why_again(ks_reply_t *r)
{
    r->failed = 0;
    ((ks_reply_why_t *) r)->len = 0;
}


void
ks_reply_why(ks_reply_why_t *why)
{
    static const ks_reply_ops_t  ops = {
        .null = ks_why_none,
        .null_array = ks_why_none,
        .boolean = ks_why_boolean,
        .integer = ks_why_integer,
        .dbl = ks_why_double,
        .status = ks_why_bytes,
        .error = ks_why_error,
        .bulk_begin = ks_why_size,
        .bulk_part = ks_why_bytes,
        .bulk_end = ks_why_none,
        .verbatim = ks_why_verbatim,
        .open = ks_why_open,
        .open_deferred = ks_why_deferred,
        .close = ks_why_size,
        .mark = ks_why_again,
        .rewind = ks_why_again,
        .bulk = ks_why_bytes
    };

    memset(&why->reply, 0, sizeof(ks_reply_t));
    why->reply.ops = &ops;
    why->len = 0;
}


void
ks_reply_errorf(ks_reply_t *r, const char *fmt, ...)
{
    int      n, i;
    char     text[KS_ERROR_MAX + 1];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    n = ks_max(n, 0);
    n = ks_min(n, KS_ERROR_MAX);

    for (i = 0; i < n; i++) {
        if (text[i] == '\r' || text[i] == '\n') {
            text[i] = ' ';
        }
    }

    ks_reply_error_text(r, (const u_char *) text, (size_t) n);
}


void
ks_reply_cstr(ks_reply_t *r, const char *text)
{
    ks_reply_bulk(r, text, strlen(text));
}


void
ks_reply_big(ks_reply_t *r, const char *digits)
{
    if (r->ops->big) {
        r->ops->big(r, (const u_char *) digits, strlen(digits));

    } else {
        ks_reply_cstr(r, digits);
    }
}


void
ks_reply_ok(ks_reply_t *r)
{
    r->ops->status(r, (const u_char *) "OK", 2);
}
