/*
 * Whether a text is a script, without running it.
 */

#include "script/ks_vm.h"


/*
 * Lua says what is wrong near which token: is it the end?  If nothing is said
 * of a place, it is wrong because of something that may yet come, as a label.
 */

static int
ks_vm_may_go_on(const char *message)
{
    size_t  len;

    len = strlen(message);

    return strstr(message, " near ") == NULL
           || (len > 5 && memcmp(message + len - 5, "<eof>", 5) == 0);
}


int
ks_script_compiles(ks_space_t *sp, const u_char *text, size_t len)
{
    int            rc;
    ks_vm_t       *vm;
    lua_State     *L;
    const u_char  *line;

    vm = ks_vm_made(sp);

    if (vm == NULL) {
        return -1;
    }

    /* the line of flags is not Lua */

    if (len > 1 && text[0] == '#' && text[1] == '!') {
        line = memchr(text, '\n', len);

        if (line == NULL) {
            return 0;
        }

        len -= (size_t) (line - text);
        text = line;
    }

    L = vm->main;
    vm->attempt = KS_VM_NONE;
    rc = ks_vm_compile_bounded(vm, L, text, len, KS_SCRIPT_NAME);

    if (rc == LUA_OK) {
        rc = 1;

    } else {
        rc = ks_vm_may_go_on(lua_tostring(L, -1)) ? 0 : -1;
    }

    lua_pop(L, 1);

    return rc;
}
