/*
 * What is said of a load: why it has failed, and what is left out.
 */

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "persist/ks_load_in.h"


/* --- what is wrong --- */

static void
ks_load_text(ks_load_report_t *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


static void
ks_load_text(ks_load_report_t *r, const char *fmt, ...)
{
    size_t   len;
    va_list  args;

    len = strlen(r->err);

    va_start(args, fmt);
    (void) vsnprintf(r->err + len, sizeof(r->err) - len, fmt, args);
    va_end(args);
}


/* the beginning of a key, with no byte that a log would stumble over */

static void
ks_load_name(ks_load_report_t *r, const ks_str_t *key)
{
    size_t  i;

    ks_load_text(r, " (key \"");

    for (i = 0; i < ks_min(key->len, (size_t) KS_LOAD_NAME); i++) {
        ks_load_text(r, "%c", isgraph(key->data[i]) && key->data[i] != '"'
                              ? key->data[i] : '?');
    }

    ks_load_text(r, "%s\")", i < key->len ? "..." : "");
}


int
ks_load_fail(ks_load_t *l, const ks_str_t *key, const char *fmt, ...)
{
    va_list            args;
    ks_load_report_t  *r;

    r = &l->report;

    if (r->err[0] != '\0') {
        return KS_ERR;
    }

    va_start(args, fmt);
    (void) vsnprintf(r->err, sizeof(r->err) - 2 * KS_LOAD_NAME, fmt, args);
    va_end(args);

    ks_load_text(r, " at byte %llu", (unsigned long long) l->offset);

    if (key != NULL) {
        ks_load_name(r, key);
    }

    return KS_ERR;
}


int
ks_load_damaged(ks_load_t *l, const ks_str_t *key)
{
    const char  *err;

    err = l->source.err;

    if (err == NULL) {
        err = l->source.in.ended ? "the file ends too early"
                                 : "the file is damaged";
    }

    return ks_load_fail(l, key, "%s", err);
}


/* --- what a zone cannot hold --- */

/* The last kind stands for all that are too many. */

void
ks_load_count(ks_load_report_t *r, const char *name)
{
    unsigned  i;

    for (i = 0; i < r->nleft && strcmp(r->left[i].name, name) != 0; i++) {
        if (i == KS_LOAD_KINDS - 1) {
            break;
        }
    }

    if (i == r->nleft) {
        r->nleft++;
        (void) snprintf(r->left[i].name, KS_LOAD_NAME, "%s",
                        i == KS_LOAD_KINDS - 1 ? "other kinds" : name);
    }

    r->left[i].n++;
}


int
ks_load_leave(ks_load_t *l, const ks_str_t *key, const char *fmt, ...)
{
    char     name[KS_LOAD_NAME];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(name, sizeof(name), fmt, args);
    va_end(args);

    ks_load_count(&l->report, name);

    if (l->space != NULL && !l->options.skip) {
        return ks_load_fail(l, key, "a zone cannot hold %s", name);
    }

    return KS_OK;
}


size_t
ks_load_left(const ks_load_report_t *r, char *to, size_t size)
{
    int       n;
    size_t    len;
    unsigned  i;

    for (len = 0, i = 0; i < r->nleft; i++) {
        n = snprintf(len < size ? to + len : NULL, len < size ? size - len : 0,
                     "%s%llu of %s", i ? ", " : "",
                     (unsigned long long) r->left[i].n, r->left[i].name);
        len += (size_t) ks_max(n, 0);
    }

    return len;
}
