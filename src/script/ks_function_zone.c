/*
 * Libraries of the zone: the text of each, and in its note what the text
 * registered when it was loaded.
 */

#include "commands/ks_args.h"
#include "script/ks_function.h"
#include "types/ks_packed.h"


#define KS_NOTE_ID     8                /* bytes */
#define KS_NOTE_ENTRY  10               /* flags, and of each text the length */


/*
 * A note is the id, and for each function: its flags, whether it has a
 * description, the lengths of name and description, and both texts.
 */

void
ks_functions_put(ks_space_t *sp, const ks_functions_t *lib)
{
    size_t                i, len;
    u_char               *p;
    ks_volume_t           vol;
    const ks_function_t  *f;

    len = KS_NOTE_ID;

    for (i = 0; i < lib->n; i++) {
        f = &lib->functions[i];
        len += KS_NOTE_ENTRY + f->name.len + f->description.len;
    }

    vol.name = lib->name;
    vol.text = lib->text;
    vol.note.len = len;
    vol.note.data = ks_arena_alloc(sp, len);

    p = ks_put_little(vol.note.data, lib->id, KS_NOTE_ID);

    for (i = 0; i < lib->n; i++) {
        f = &lib->functions[i];
        *p++ = (u_char) f->flags;
        *p++ = (f->description.data != NULL);
        p = ks_put_little(p, f->name.len, 4);
        p = ks_put_little(p, f->description.len, 4);
        memcpy(p, f->name.data, f->name.len);
        p += f->name.len;

        if (f->description.data) {
            memcpy(p, f->description.data, f->description.len);
            p += f->description.len;
        }
    }

    ks_library_put(sp, KS_LIBRARY_FUNCTIONS, &vol);
}


/* the entry at p; returns the next one */

static u_char *
ks_note_entry(u_char *p, ks_function_t *f)
{
    int  described;

    f->flags = *p++;
    described = *p++;
    f->name.len = (size_t) ks_little(p, 4);
    f->description.len = (size_t) ks_little(p + 4, 4);

    p += 8;
    f->name.data = p;
    p += f->name.len;
    f->description.data = described ? p : NULL;

    return p + f->description.len;
}


static void
ks_functions_read(ks_space_t *sp, const ks_volume_t *vol, ks_functions_t *lib)
{
    u_char         *p, *end;
    ks_function_t   f;

    lib->name = vol->name;
    lib->text = vol->text;
    lib->id = ks_little(vol->note.data, KS_NOTE_ID);
    lib->n = 0;

    end = vol->note.data + vol->note.len;

    for (p = vol->note.data + KS_NOTE_ID; p < end; lib->n++) {
        p = ks_note_entry(p, &f);
    }

    lib->functions = ks_arena_alloc(sp, lib->n * sizeof(ks_function_t) + 1);
    lib->n = 0;

    for (p = vol->note.data + KS_NOTE_ID; p < end; lib->n++) {
        p = ks_note_entry(p, &lib->functions[lib->n]);
    }
}


int
ks_functions_at(ks_space_t *sp, uint32_t i, ks_functions_t *lib)
{
    ks_volume_t  vol;

    if (i >= ks_library_count(sp, KS_LIBRARY_FUNCTIONS)
        || ks_library_at(sp, KS_LIBRARY_FUNCTIONS, i, &vol) != KS_OK)
    {
        return KS_ERR;
    }

    ks_functions_read(sp, &vol, lib);

    return KS_OK;
}


int
ks_functions_known(ks_space_t *sp, const ks_str_t *name)
{
    ks_volume_t  vol;

    return ks_library_get(sp, KS_LIBRARY_FUNCTIONS, name, &vol) == KS_OK;
}


/* --- names that are taken --- */

static int
ks_function_same(const ks_str_t *a, const ks_str_t *b)
{
    return a->len == b->len
           && strncasecmp((char *) a->data, (char *) b->data, a->len) == 0;
}


const ks_function_t *
ks_functions_shared(const ks_functions_t *a, const ks_functions_t *b)
{
    size_t  i, j;

    for (i = 0; i < a->n; i++) {

        for (j = 0; j < b->n; j++) {

            if (ks_function_same(&a->functions[i].name,
                                 &b->functions[j].name))
            {
                return &a->functions[i];
            }
        }
    }

    return NULL;
}


const ks_functions_t *
ks_shelf_find(const ks_shelf_t *shelf, const ks_str_t *name)
{
    size_t  i;

    for (i = 0; i < shelf->n; i++) {
        if (ks_str_same(&shelf->list[i].name, name)) {
            return &shelf->list[i];
        }
    }

    return NULL;
}


const ks_function_t *
ks_shelf_collision(ks_space_t *sp, const ks_shelf_t *shelf)
{
    size_t                i;
    uint32_t              at;
    ks_functions_t        lib;
    const ks_function_t  *f;

    for (at = 0; ks_functions_at(sp, at, &lib) == KS_OK; at++) {

        if (ks_shelf_find(shelf, &lib.name)) {
            continue;
        }

        for (i = 0; i < shelf->n; i++) {
            f = ks_functions_shared(&shelf->list[i], &lib);

            if (f) {
                return f;
            }
        }
    }

    return NULL;
}


void
ks_error_taken(ks_ctx_t *c, const ks_str_t *name)
{
    ks_reply_errorf(c->reply, "ERR Function %.*s already exists",
                    (int) name->len, name->data);
}
