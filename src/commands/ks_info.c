/*
 * The text of INFO, line by line.
 */

#include "commands/ks_info.h"

#include <stdarg.h>
#include <stdio.h>


void
ks_info_line(ks_info_t *info, const char *fmt, ...)
{
    int      n;
    size_t   room;
    va_list  args;

    room = info->room - info->len;

    va_start(args, fmt);
    n = vsnprintf(info->text + info->len, room, fmt, args);
    va_end(args);

    if (n < 0 || (size_t) n + 2 > room) {
        return;
    }

    info->len += (size_t) n;
    info->text[info->len++] = '\r';
    info->text[info->len++] = '\n';
}
