/*
 * From bytes to commands.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* memmem() */
#endif

#include <limits.h>
#include <stdlib.h>

#include "persist/ks_aof_reader.h"
#include "types/ks_number.h"


#define KS_AOF_DIGITS      10           /* of a number, at most */
#define KS_AOF_ANNOTATION  1024         /* bytes of an annotation */


void
ks_aof_reader_open(ks_aof_reader_t *r, uint64_t from, uint64_t size)
{
    static const uint64_t  none[2];

    ks_source_open(&r->source, size - from, none);
    r->source.unsummed = 1;
    r->source.at = from;
}


void
ks_aof_reader_close(ks_aof_reader_t *r)
{
    ks_source_close(&r->source);
    free(r->commands);
    free(r->args);
    r->commands = NULL;
    r->args = NULL;
}


void
ks_aof_reader_drop(ks_aof_reader_t *r)
{
    r->n = 0;
    r->nargs = 0;
}


void
ks_aof_reader_back(ks_aof_reader_t *r, size_t n)
{
    const ks_aof_command_t  *c;

    c = &r->commands[n];
    r->source.in.p = r->source.window + (c->offset - r->source.at);
    r->nargs = c->first;
    r->n = n;
}


/* --- what is made of them --- */

/* a list of which n elements are in use, with room for one more */

static void *
ks_aof_grow(ks_aof_reader_t *r, void *list, size_t n, size_t *room,
    size_t size)
{
    void  *p;

    if (n < *room) {
        return list;
    }

    *room = *room ? *room * 2 : 64;
    p = realloc(list, *room * size);

    if (p == NULL) {
        r->source.err = "the process has no memory";
        longjmp(*r->source.jump, 1);
    }

    return p;
}


static void
ks_aof_add_arg(ks_aof_reader_t *r, const u_char *p, size_t len)
{
    r->args = ks_aof_grow(r, r->args, r->nargs, &r->args_room,
                          sizeof(ks_str_t));
    r->args[r->nargs].data = (u_char *) p;
    r->args[r->nargs].len = len;
    r->nargs++;
}


static ks_aof_command_t *
ks_aof_add_command(ks_aof_reader_t *r)
{
    ks_aof_command_t  *c;

    r->commands = ks_aof_grow(r, r->commands, r->n, &r->room,
                              sizeof(ks_aof_command_t));
    c = &r->commands[r->n];
    c->offset = r->offset;
    c->first = r->nargs;
    c->argc = 0;

    return c;
}


/* --- bytes --- */

static int
ks_aof_fault(ks_aof_reader_t *r, const u_char *p, const char *fault)
{
    r->source.in.p = p;
    r->fault = fault;

    return KS_ERR;
}


/* the bytes of a text, as far as they are there */

static int
ks_aof_expect(ks_aof_reader_t *r, const u_char **p, const char *text,
    const char *fault)
{
    for ( /* void */ ; *text; text++, ++*p) {
        if (*p == r->source.in.end) {
            return KS_AGAIN;
        }

        if (**p != (u_char) *text) {
            return ks_aof_fault(r, *p, fault);
        }
    }

    return KS_OK;
}


/* a sign, a number without a zero in front, and the end of the line */

static int
ks_aof_number(ks_aof_reader_t *r, const u_char **at, const char *sign,
    const char *fault, uint64_t *n)
{
    int            rc;
    const u_char  *p, *digits, *end;

    rc = ks_aof_expect(r, at, sign, fault);

    if (rc != KS_OK) {
        return rc;
    }

    end = r->source.in.end;
    digits = *at;
    *n = 0;

    for (p = digits; p < end && *p >= '0' && *p <= '9'; p++) {
        if (p - digits == KS_AOF_DIGITS || (p > digits && *digits == '0')) {
            return ks_aof_fault(r, p, "a number is none");
        }

        *n = *n * 10 + (*p - '0');
    }

    if (p < end && p == digits) {
        return ks_aof_fault(r, p, "a number is none");
    }

    *at = p;

    return ks_aof_expect(r, at, "\r\n", "a number is none");
}


static int
ks_aof_bulk(ks_aof_reader_t *r, const u_char **p)
{
    int            rc;
    uint64_t       len;
    const u_char  *start;

    start = *p;
    rc = ks_aof_number(r, p, "$", "an argument does not begin here", &len);

    if (rc != KS_OK) {
        return rc;
    }

    if (len > KS_AOF_BULK) {
        return ks_aof_fault(r, start, "an argument is longer than 512 MB");
    }

    if ((uint64_t) (r->source.in.end - *p) < len) {
        r->payload = *p;
        return KS_AGAIN;
    }

    ks_aof_add_arg(r, *p, len);
    *p += len;

    return ks_aof_expect(r, p, "\r\n", "an argument does not end here");
}


static int
ks_aof_array(ks_aof_reader_t *r, const u_char **p)
{
    int                rc;
    uint64_t           argc, i;
    const u_char      *start;
    ks_aof_command_t  *c;

    start = *p;
    rc = ks_aof_number(r, p, "*", "a command does not begin here", &argc);

    if (rc != KS_OK) {
        return rc;
    }

    if (argc == 0 || argc > INT_MAX) {
        return ks_aof_fault(r, start, "a command has no arguments, or too "
                            "many");
    }

    c = ks_aof_add_command(r);

    for (i = 0; i < argc; i++) {
        rc = ks_aof_bulk(r, p);

        if (rc != KS_OK) {
            r->nargs = c->first;
            return rc;
        }
    }

    c->argc = (int) argc;
    r->n++;

    return KS_OK;
}


/* A line without an end is wrong from its first zero on, if it has one. */

static int
ks_aof_endless(ks_aof_reader_t *r, const u_char *p, size_t len)
{
    const u_char  *zero;

    zero = memchr(p, '\0', len);

    return ks_aof_fault(r, zero ? zero : p, "an annotation has no end");
}


static int
ks_aof_annotation(ks_aof_reader_t *r, const u_char **at)
{
    size_t         len;
    ks_str_t       digits;
    uint64_t       stamp;
    const u_char  *p;

    p = *at;
    len = ks_min((size_t) (r->source.in.end - p), (size_t) KS_AOF_ANNOTATION);
    *at = memchr(p, '\n', len);

    if (*at == NULL) {
        return len == KS_AOF_ANNOTATION || memchr(p, '\0', len)
               ? ks_aof_endless(r, p, len) : KS_AGAIN;
    }

    len = (size_t) (*at - p);
    ++*at;

    if (p[len - 1] != '\r') {
        return ks_aof_endless(r, p, len);
    }

    if (len > 5 && memcmp(p, "#TS:", 4) == 0) {
        digits.data = (u_char *) p + 4;
        digits.len = len - 5;

        if (ks_parse_uint(&digits, &stamp) != KS_OK) {
            return ks_aof_fault(r, p, "a time is none");
        }

        r->stamp = stamp;
    }

    return KS_NONE;
}


int
ks_aof_reader_next(ks_aof_reader_t *r)
{
    int            rc;
    const u_char  *p, *start;

    start = r->source.in.p;
    p = start;
    r->payload = NULL;

    if (p == r->source.in.end) {
        return r->source.in.rest ? KS_AGAIN : KS_NONE;
    }

    r->offset = ks_source_offset(&r->source);
    rc = *p == '#' ? ks_aof_annotation(r, &p) : ks_aof_array(r, &p);

    if (rc == KS_OK || rc == KS_NONE) {
        r->source.in.p = p;
    }

    return rc;
}


int
ks_aof_reader_blank(ks_aof_reader_t *r)
{
    ks_source_t   *s;
    const u_char  *p;

    s = &r->source;

    if (ks_aof_reader_ended(r)) {
        return 0;
    }

    for ( ;; ) {
        for (p = s->in.p; p < s->in.end; p++) {
            if (*p != '\0') {
                return 0;
            }
        }

        s->in.p = s->in.end;

        if (s->in.rest == 0) {
            return 1;
        }

        if (ks_source_more(s) != KS_OK) {
            return KS_ERR;
        }
    }
}


int
ks_aof_reader_inside(ks_aof_reader_t *r)
{
    int            rc;
    const u_char  *p, *next, *end;

    end = r->source.in.end;

    for (next = r->payload; next != NULL; /* void */ ) {
        p = memmem(next, (size_t) (end - next), "\r\n*", 3);

        if (p == NULL) {
            break;
        }

        next = p + 3;
        p += 2;
        rc = ks_aof_array(r, &p);
        r->payload = next;

        if (rc == KS_OK) {
            return KS_OK;
        }
    }

    return KS_NONE;
}
