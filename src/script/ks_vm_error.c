/*
 * Errors of scripts: raised as Redis's are, and where they were.
 */

#include <stdarg.h>
#include <stdio.h>

#include "script/ks_vm.h"


void
ks_push_error(lua_State *L, const char *text, size_t len)
{
    lua_createtable(L, 0, 1);
    lua_pushlstring(L, text, len);
    lua_setfield(L, -2, "err");
}


int
ks_raise(lua_State *L, const char *fmt, ...)
{
    int      n;
    char     text[1024];
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    ks_push_error(L, text, ks_min((size_t) n, sizeof(text) - 1));

    return lua_error(L);
}


int
ks_vm_line(lua_State *L, char source[KS_SOURCE_LEN])
{
    int        level;
    lua_Debug  ar;

    for (level = 0; lua_getstack(L, level, &ar); level++) {

        if (lua_getinfo(L, "Sl", &ar) && ar.currentline > 0) {
            snprintf(source, KS_SOURCE_LEN, "%s", ar.source);
            return ar.currentline;
        }
    }

    return 0;
}
