/*
 * What the appender says of itself, to the zone and to the log, and what
 * becomes of the files when something is lost.
 */

#include <stdarg.h>

#include "persist/ks_appender_part.h"


#define KS_APPENDER_AFTER   60000               /* ms, the longest pause */


void
ks_appender_log(ks_appender_t *a, ks_saver_level_t level, int err,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    ks_saver_say(a->conf->log, a->conf->data, level, err, fmt, args);
    va_end(args);
}


/* --- errors --- */

/* The zone is told once, and the log when it is another one. */

void
ks_appender_fault(ks_appender_t *a, int err, const char *call)
{
    if (err != a->err) {
        ks_appender_log(a, KS_SAVER_ERROR, err,
                        "the journal \"%s\": %s failed; %s", a->conf->dir,
                        call, a->conf->lax
                        ? "commands go on, and it is behind until it is "
                          "rewritten"
                        : "commands that write are refused until it can be "
                          "written");
    }

    a->err = err;
    ks_aof_set_error(a->space, err);
}


void
ks_appender_mended(ks_appender_t *a)
{
    if (a->err != 0) {
        ks_appender_log(a, KS_SAVER_NOTICE, 0,
                        "the journal \"%s\" can be written again",
                        a->conf->dir);
    }

    a->err = 0;
    ks_aof_set_error(a->space, 0);
}


/* ms, longer each time */

uint64_t
ks_appender_pause(unsigned failures)
{
    return ks_min((uint64_t) KS_APPENDER_RETRY << ks_min(failures, 10u),
                  (uint64_t) KS_APPENDER_AFTER);
}


/* What was read of the ring, or is to be, goes nowhere. */

void
ks_appender_void(ks_appender_t *a)
{
    ks_aof_set_whole(a->space, 0);

    a->spot.number = 0;
    ks_aof_set_spot(a->space, &a->spot);
    ks_aof_set_floor(a->space, KS_AOF_FREE);

    a->fill.len = 0;
    a->append.stale = 1;
    a->fails = 0;
    a->dirty = 0;
    a->needed = 1;
}


/* The files are not the keyspace any more: A5. */

void
ks_appender_lost(ks_appender_t *a, const char *why)
{
    ks_appender_log(a, KS_SAVER_WARNING, 0,
                    "the journal \"%s\" is written anew: %s", a->conf->dir,
                    why);

    ks_appender_void(a);
    a->based = 0;
    a->after = a->now;
}
