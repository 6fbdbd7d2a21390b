/*
 * Strings in entries; what is said in ks_key.h of entries holds here too.
 */

#ifndef KS_STRING_H
#define KS_STRING_H

#include "keyspace/ks_key.h"


#define KS_STRING_MAX    (512u * 1024 * 1024)


/*
 * The encoding of a string that is stored as it came; and of one that is text
 * whatever it looks like.
 */
unsigned ks_encoding(const ks_str_t *value);
unsigned ks_text_encoding(const ks_str_t *value);

size_t ks_string_len(const ks_entry_t *e);

/*
 * The longest contiguous run of the value's bytes from off on; *n is its
 * length, 0 at the end.  An inline value is one run.
 */
const u_char *ks_string_run(ks_space_t *sp, const ks_entry_t *e, size_t off,
    size_t *n);

/* The whole value as one slice; of a long one a copy in the arena. */
ks_str_t ks_string_flat(ks_space_t *sp, const ks_entry_t *e);

/*
 * Stores a whole string value at key.  e is what ks_lookup() gave for the key
 * (NULL: none), of any type: it is replaced.  expire: ms, KS_NO_EXPIRE or
 * KS_KEEP_TTL.  enc is one of KS_ENC_*.  value may not point into the zone.
 */
ks_entry_t *ks_string_set(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    const ks_str_t *value, unsigned enc, uint64_t expire);

/* Sets the bytes [off, off + n) of a value, which are p's. */
typedef void (*ks_fill_pt)(void *data, size_t off, u_char *p, size_t n);

/*
 * As ks_string_set(), of len bytes that fill() sets from the first on, a run at
 * a time and where they are to stay.  Until it has set the last of them, all
 * values of the zone can be read, that of the key included.
 */
ks_entry_t *ks_string_make(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    size_t len, unsigned enc, uint64_t expire, ks_fill_pt fill, void *data);

/*
 * Writes len bytes at off into the string e (NULL: the key is created), which
 * grows with zero bytes as needed; its TTL stays, its encoding becomes RAW.
 * data NULL: only grows, to off + len; if it is as long already, that is no
 * change to those who watch the key.  In place where it can be.
 */
ks_entry_t *ks_string_write(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    size_t off, const u_char *data, size_t len);


#endif /* KS_STRING_H */
