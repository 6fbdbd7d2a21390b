/*
 * What is said of a link: why it ended, and lines for the log.
 */

#include <stdarg.h>
#include <stdio.h>

#include "replica/ks_follow_in.h"


int
ks_follow_fail(ks_follow_t *f, const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(f->why, sizeof(f->why), fmt, args);
    va_end(args);

    return KS_ERR;
}


void
ks_follow_log(ks_follow_t *f, ks_follow_level_t level, const char *fmt, ...)
{
    char     text[1024];
    va_list  args;

    if (f->options.log == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    f->options.log(f->options.data, level, text);
}
