/*
 * The records of users: volumes of the library; a note has birth and source.
 *
 * All processes are told when they change, with the commit.
 */

#include "bus/ks_ask.h"
#include "commands/ks_args.h"
#include "commands/ks_usage.h"
#include "commands/ks_users.h"
#include "commands/ks_users_account.h"
#include "keyspace/ks_space.h"

#include <stdlib.h>


/* the note of a record */
typedef struct {
    uint64_t  birth;
    uint32_t  source;
    uint32_t  meter;
    uint64_t  meter_birth;
} ks_users_note_t;


/* --- records --- */

static ks_str_t
ks_users_own_name(void)
{
    return ks_text("default");
}


static void
ks_users_record(const ks_volume_t *vol, ks_users_record_t *u)
{
    ks_users_note_t  note;

    memset(&note, 0, sizeof(note));
    memcpy(&note, vol->note.data, ks_min(vol->note.len, sizeof(note)));

    u->name = vol->name;
    u->text = vol->text;
    u->birth = note.birth;
    u->source = (ks_users_source_t) note.source;
    u->meter = note.meter;
    u->meter_birth = note.meter_birth;
}


static void
ks_users_own(ks_space_t *sp, ks_users_record_t *u)
{
    ks_users_t  *users;

    users = *ks_space_users(sp);

    memset(u, 0, sizeof(ks_users_record_t));
    u->name = ks_users_own_name();
    u->source = KS_USERS_CONFIGURATION;
    u->text = users ? users->rules : ks_text(KS_USERS_DEFAULT);
}


int
ks_users_get(ks_space_t *sp, const ks_str_t *name, ks_users_record_t *u)
{
    ks_str_t     own;
    ks_volume_t  vol;

    if (ks_library_get(sp, KS_LIBRARY_USERS, name, &vol) == KS_OK) {
        ks_users_record(&vol, u);
        return KS_OK;
    }

    own = ks_users_own_name();

    if (!ks_str_same(name, &own)) {
        return KS_ERR;
    }

    ks_users_own(sp, u);

    return KS_OK;
}


static int
ks_users_compare(const void *x, const void *y)
{
    int                       cmp;
    const ks_users_record_t  *a, *b;

    a = x;
    b = y;
    cmp = memcmp(a->name.data, b->name.data, ks_min(a->name.len, b->name.len));

    return cmp ? cmp : (a->name.len > b->name.len)
                       - (a->name.len < b->name.len);
}


size_t
ks_users_list(ks_space_t *sp, ks_users_record_t **list)
{
    int          own;
    size_t       n;
    uint32_t     i, count;
    ks_str_t     name;
    ks_volume_t  vol;

    own = 0;
    n = 0;
    name = ks_users_own_name();
    count = ks_library_count(sp, KS_LIBRARY_USERS);
    *list = ks_arena_alloc(sp, (count + 1) * sizeof(ks_users_record_t));

    for (i = 0; i < count; i++) {
        if (ks_library_at(sp, KS_LIBRARY_USERS, i, &vol) == KS_OK) {
            ks_users_record(&vol, &(*list)[n]);
            own |= ks_str_same(&vol.name, &name);
            n++;
        }
    }

    if (!own) {
        ks_users_own(sp, &(*list)[n++]);
    }

    qsort(*list, n, sizeof(ks_users_record_t), ks_users_compare);

    return n;
}


/* All processes look at their clients. */

void
ks_users_tell(ks_space_t *sp)
{
    ks_str_t  none = { 0, NULL };

    ks_ask_all(sp, KS_ASK_USERS, &none);
}


void
ks_users_store(ks_space_t *sp, ks_users_record_t *u)
{
    ks_volume_t      vol;
    ks_users_note_t  note;

    if (u->birth == 0) {
        u->birth = ks_next_id(sp);
    }

    ks_usage_assign(sp, u);

    memset(&note, 0, sizeof(note));
    note.birth = u->birth;
    note.source = u->source;
    note.meter = u->meter;
    note.meter_birth = u->meter_birth;

    vol.name = u->name;
    vol.text = u->text;
    vol.note.data = (u_char *) &note;
    vol.note.len = sizeof(note);

    ks_library_put(sp, KS_LIBRARY_USERS, &vol);
}


void
ks_users_put(ks_space_t *sp, ks_users_record_t *u)
{
    ks_users_store(sp, u);
    ks_users_tell(sp);
}


int
ks_users_remove(ks_space_t *sp, const ks_str_t *name)
{
    if (ks_library_remove(sp, KS_LIBRARY_USERS, name) != KS_OK) {
        return KS_ERR;
    }

    ks_users_tell(sp);

    return KS_OK;
}
