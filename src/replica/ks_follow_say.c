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


int
ks_follow_undone(ks_follow_t *f)
{
    if (f->other) {
        return ks_follow_fail(f, "REPLICAOF has said something else");
    }

    (void) ks_follow_fail(f, "the zone is full");

    return ks_follow_no_room(f);
}


int
ks_follow_no_room(ks_follow_t *f)
{
    f->crowded = 1;
    f->lacked = f->step;

    if (ks_upstream_set_full(f->space, 1, f->now)) {
        ks_follow_log(f, KS_FOLLOW_ERROR, "%s; the link has ended, and is "
                      "tried until there is room", f->why);
    }

    return KS_ERR;
}


void
ks_follow_has_room(ks_follow_t *f)
{
    f->lacked = KS_FOLLOW_CLOSED;

    if (ks_upstream_set_full(f->space, 0, f->now)) {
        ks_follow_log(f, KS_FOLLOW_NOTICE, "there is room for the upstream's "
                      "keys again");
    }
}


int
ks_follow_lacks_room(const ks_follow_t *f)
{
    return f->crowded;
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
