/*
 * Texts of scripts: compiling them, and the digests that they are known by.
 *
 * A text is compiled inside of ks_vm_enter(), but for one that is only looked
 * at (ks_script_text.c): lua_load() is protected by itself.
 */

/*
 * SHA1_Init() and its like are deprecated in favour of EVP, which wants memory
 * for every digest, and may not have it.
 */

#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/sha.h>

#include "script/ks_vm.h"


#define KS_VM_PIECE  4096               /* bytes of a text between looks at the
                                           clock */


/* --- digests --- */

int
ks_sha1hex(const u_char *p, size_t len, char *to)
{
    unsigned           i;
    SHA_CTX            sha;
    unsigned char      md[SHA_DIGEST_LENGTH];
    static const char  hex[] = "0123456789abcdef";

    if (SHA1_Init(&sha) != 1
        || SHA1_Update(&sha, p, len) != 1
        || SHA1_Final(md, &sha) != 1)
    {
        return KS_ERR;
    }

    for (i = 0; i < KS_SHA_LEN / 2; i++) {
        to[2 * i] = hex[md[i] >> 4];
        to[2 * i + 1] = hex[md[i] & 15];
    }

    to[KS_SHA_LEN] = '\0';

    return KS_OK;
}


/* --- compiling --- */

/* a text that is read piece by piece, as compiling one can take long */

typedef struct {
    const u_char  *p;
    size_t         left;
    ks_vm_time_t  *time;                /* NULL: any */
} ks_vm_text_t;


static const char *
ks_vm_read(lua_State *L, void *data, size_t *size)
{
    const u_char  *p;
    ks_vm_text_t  *text;

    text = data;

    if (text->time && ks_vm_over(ks_vm_of(L), text->time)) {
        luaL_error(L, "it takes longer than script_timeout allows");
    }

    p = text->p;
    *size = ks_min(text->left, (size_t) KS_VM_PIECE);
    text->p += *size;
    text->left -= *size;

    return (const char *) p;
}


/*
 * Nothing of Lua's may be left by longjmp while it compiles: so a text that
 * takes too long is an error, and who runs a script looks at the clock then.
 */

int
ks_vm_compile(lua_State *L, const char *p, size_t len, const char *name)
{
    int            rc;
    ks_vm_t       *vm;
    ks_vm_text_t   text;

    vm = ks_vm_of(L);
    text.p = (const u_char *) p;
    text.left = len;
    text.time = vm->run ? &vm->run->time : NULL;

    rc = lua_load(L, ks_vm_read, &text, name, "t");

    if (rc != LUA_OK || len > KS_VM_PIECE) {
        ks_vm_tick(L);
    }

    return rc;
}


int
ks_vm_compile_bounded(ks_vm_t *vm, lua_State *L, const u_char *p, size_t len,
    const char *name)
{
    int           rc;
    ks_vm_text_t  text;
    ks_vm_time_t  time;

    text.p = p;
    text.left = len;
    text.time = NULL;

    if (len > KS_VM_PIECE) {
        ks_vm_begin(vm, &time);
        text.time = &time;
    }

    vm->refused = 0;
    vm->late = 0;
    vm->limit = vm->conf.memory ? vm->used + vm->conf.memory : 0;
    rc = lua_load(L, ks_vm_read, &text, name, "t");
    vm->limit = 0;

    return rc;
}


int
ks_vm_load(ks_vm_t *vm, const ks_str_t *text, const char *name)
{
    lua_State  *L;

    L = vm->L;

    if (ks_vm_compile_bounded(vm, L, text->data, text->len, name) != LUA_OK) {

        /* ks_vm_enter() tells of it */

        if (vm->dry) {
            lua_error(L);
        }

        return KS_ERR;
    }

    ks_vm_push_env(L);
    lua_setupvalue(L, -2, 1);

    return KS_OK;
}
