/*
 * Values made of elements in entries; what is said in ks_key.h of entries holds
 * here too.
 */

#ifndef KS_ELEMENTS_H
#define KS_ELEMENTS_H

#include "keyspace/ks_key.h"
#include "types/ks_value.h"


/*
 * A handle on the value of e, which is a list, set, sorted set or hash, for
 * the functions of src/types.  It is good until the entry is changed by other
 * means than the handle, and key must live as long.  e's place may change with
 * any change of the value: v->entry is where it is now.
 *
 * A change is to be followed by ks_value_close(), which removes the key of a
 * value that has become empty, and says the event "del"; 1: it did.  After
 * reading it is not needed.
 * Fields that are due have been taken out by ks_lookup().
 *
 * ks_value_aside() follows a change that is none for those who watch the key,
 * have read it, or wait for it: one of a stream's groups.  ks_value_ready() has
 * those served who wait for the key, as after any other change.
 *
 * ks_value_create() puts an empty value at key in the place of old (NULL: of
 * none), with room for about so many bytes of elements; it must be closed.
 * expire as for ks_string_set().
 */
void ks_value_open(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    ks_value_t *v);
void ks_value_create(ks_space_t *sp, const ks_str_t *key, ks_entry_t *old,
    unsigned type, unsigned enc, size_t room, uint64_t expire, ks_value_t *v);
int ks_value_close(ks_value_t *v);
void ks_value_aside(ks_value_t *v);
void ks_value_ready(ks_value_t *v);

/*
 * A small hash of so many fields (KS_RECORD_FIELDS at the most) in this very
 * order, without a handle: its values, which lie in the zone.  0: the hash has
 * other fields, or another form.
 *
 * ks_record_write() stores other values, each of KS_HASH_LISTPACK_BYTES at the
 * most, into a hash that ks_record_read() has just read; data NULL: that
 * value stays.  0: there is no room, and nothing has changed.
 */
#define KS_RECORD_FIELDS  4

int ks_record_read(const ks_entry_t *e, const ks_str_t *fields,
    ks_str_t *values, unsigned n);
int ks_record_write(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    const ks_str_t *values, unsigned n);

/* The contiguous bytes of an item from off on; *n of them, 0 at the end. */
const u_char *ks_item_run(ks_space_t *sp, const ks_item_t *it, size_t off,
    size_t *n);

/* The bytes of an item side by side; of a long one a copy in the arena. */
ks_str_t ks_item_flat(ks_space_t *sp, const ks_item_t *it);

/* The same, always a copy: it outlives changes of the value. */
ks_str_t ks_item_copy(ks_space_t *sp, const ks_item_t *it);


#endif /* KS_ELEMENTS_H */
