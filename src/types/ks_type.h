/*
 * The types of values, one row each: what the files of every layer need to
 * know of a type whatever it is.  A new type is a number in ks_value.h, a row
 * here and a file of its own (ks_hash.c, ks_hash.h).  Beside these only
 * ks_rdb_value.c has a list, that of the forms which Redis gives to dumps.
 *
 * Constant data, and functions on a handle (ks_value.h).
 */

#ifndef KS_TYPE_H
#define KS_TYPE_H

#include "types/ks_rdb.h"
#include "types/ks_value.h"


/* Types and encodings share one byte of an entry, 4 bits each. */
#define KS_TYPES      16
#define KS_ENCODINGS  16

#define KS_TYPE_STEP  16384

/* what a tree's handle has to know before the tree can be read */
typedef struct {
    uint8_t             key;            /* bytes of the key: 0, 4 or 8 */
    uint8_t             width;          /* strings in an item */
    uint16_t            max;            /* bytes of a leaf of many */
} ks_shape_t;

/* a type in one of its encodings */
typedef struct {
    uint16_t            exists;         /* 0: the type has no such encoding */
    uint16_t            trees;          /* 0: the value is bytes */
    uint16_t            head;           /* bytes that it has beside its trees,
                                           if these are two or more */
    ks_shape_t          shape[KS_VALUE_TREES];
} ks_stored_t;

typedef struct {
    const char         *name;           /* as TYPE says; NULL: no such type */
    unsigned            distinct:1;     /* no element is there twice */
    unsigned            ends_empty:1;   /* the last element takes the key */

    /*
     * Says what is wrong with a live value beyond its trees, which are checked
     * by themselves; NULL: nothing can be.
     */
    void              (*check)(ks_checker_t *ck, const ks_value_t *v);

    /*
     * A dump of the value: dump() writes all of it but the footer.  An
     * element has so many strings in it, and takes at most so many bytes each
     * beside them; or room() says how many bytes it takes at most.
     *
     * A value from a dump: restore_as() says in which encoding it is to be
     * made, empty, and restore() puts the elements into it, behind those that
     * it has; KS_ERR: an element is there already, and nothing is said of the
     * others.
     */
    unsigned            strings;
    size_t              each;
    size_t            (*room)(const ks_value_t *v);

    /*
     * The form of a dump that is a length, and the elements one behind the
     * other, so that a large value can be written a part at a time: their
     * strings, and what behind() writes, 16 bytes at the most (NULL: nothing).
     * Or part() writes an element, and with pos NULL what stands behind all of
     * them, each of part_room() bytes at the most.
     */
    unsigned            plain;
    u_char           *(*behind)(const ks_value_t *v, const ks_pos_t *pos,
                                u_char *p);
    size_t            (*part_room)(const ks_value_t *v, const ks_pos_t *pos);
    u_char           *(*part)(const ks_value_t *v, const ks_pos_t *pos,
                              u_char *p);

    /*
     * Or steps() writes the value, from its first byte behind the key on, at
     * any number of times: where it is is kept in so many bytes, all zero at
     * first.  There is room for KS_TYPE_STEP bytes behind end.  *done: that was
     * all.
     */
    size_t            (*steps_size)(void);
    u_char           *(*steps)(void *steps, const ks_value_t *v, u_char *p,
                               u_char *end, int *done);

    u_char           *(*dump)(const ks_value_t *v, u_char *p);
    unsigned          (*restore_as)(const ks_zone_t *zone,
                                    const ks_rdb_value_t *in);
    int               (*restore)(ks_value_t *v, const ks_rdb_value_t *in);

    ks_stored_t         stored[KS_ENCODINGS];
} ks_type_t;

extern const ks_type_t  ks_types[KS_TYPES];


/* Names as clients see them, good for ever; "unknown" for any other number. */
const char *ks_type_name(unsigned type);
const char *ks_encoding_name(unsigned enc);

/* More bytes than a dump of the value takes, without its footer. */
size_t ks_value_dump_room(const ks_value_t *v);

/* How a value of that type and encoding is stored. */
static inline const ks_stored_t *
ks_value_stored(unsigned type, unsigned enc)
{
    return &ks_types[type].stored[enc];
}


/* How many trees it has. */
static inline unsigned
ks_value_trees(unsigned type, unsigned enc)
{
    return ks_types[type].stored[enc].trees;
}


#endif /* KS_TYPE_H */
