/*
 * Sessions: a field by the name that it has as a variable.
 */

#include "commands/ks_session.h"
#include "types/ks_hash.h"


/* fields among which one is looked for regardless of case */
#define KS_SESSION_FIELDS  128


/* Names of variables are in lower case and have no "-". */

static int
ks_session_is_name(const ks_item_t *item, const ks_str_t *name)
{
    u_char  c;
    size_t  i;

    if (item->len != name->len || item->data == NULL) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = item->data[i];

        if (c >= 'A' && c <= 'Z') {
            c |= 0x20;
        }

        if (c != name->data[i] && !(c == '-' && name->data[i] == '_')) {
            return 0;
        }
    }

    return 1;
}


/* the first field that would have this name of a variable */

static int
ks_session_search(const ks_value_t *v, const ks_str_t *name, ks_pos_t *pos)
{
    int        more, n;
    ks_item_t  item;

    more = ks_value_at(v, pos, 0);

    for (n = 0; more && n < KS_SESSION_FIELDS; n++) {
        item = ks_value_item(v, pos, 0);

        if (ks_session_is_name(&item, name)) {
            return 1;
        }

        more = ks_value_next(v, pos);
    }

    return 0;
}


int
ks_session_field(const ks_value_t *v, const ks_str_t *name, ks_item_t *value)
{
    ks_pos_t  pos;

    if (!ks_hash_find(v, &pos, name) && !ks_session_search(v, name, &pos)) {
        return 0;
    }

    *value = ks_hash_value(v, &pos);

    return 1;
}
