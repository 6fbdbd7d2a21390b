/*
 * What the files of JSON documents share: how a node looks.
 *
 * A node is a tag, its length, and its bytes.  The upper half of the tag says
 * what it is; the lower half is the length, or that one of 1 or 4 bytes
 * follows.  The bytes of a scalar are its text (of null, true and false there
 * are none), those of an array nodes, and those of an object nodes in pairs, of
 * which the first is a string, the name.
 *
 * The value of an item is a tag without a length, and the bytes: the item knows
 * how many.  Bit 0 of the tag says that the name of the item is written with
 * escapes.  Only there may be a container that is open; its bytes are a number.
 *
 * What was parsed is a node in plain memory, whose containers are never open
 * and may be of any length.
 */

#ifndef KS_JSON_NODE_H
#define KS_JSON_NODE_H

#include "types/ks_json.h"


#define KS_JSON_PACK      248           /* bytes of a container that is
                                           packed */
#define KS_JSON_NEST      (KS_JSON_PACK + 2)    /* and of its node in another */
#define KS_JSON_FEW       32            /* members that are gone through */
#define KS_JSON_INLINE    640           /* bytes of items that lie in an
                                           entry */

/* tags, without their lower half */
enum {
    KS_JTAG_NULL = 0x00,
    KS_JTAG_FALSE = 0x10,
    KS_JTAG_TRUE = 0x20,
    KS_JTAG_INTEGER = 0x30,
    KS_JTAG_NUMBER = 0x40,
    KS_JTAG_STRING = 0x50,              /* written as it is */
    KS_JTAG_ESCAPES = 0x60,             /* a string that is not */
    KS_JTAG_ARRAY = 0x70,
    KS_JTAG_OBJECT = 0x80,
    KS_JTAG_OPEN_ARRAY = 0x90,
    KS_JTAG_OPEN_OBJECT = 0xa0,
    KS_JTAG_INDEXED = 0xb0              /* an open object with an index */
};

#define KS_JSON_TAGS      12

#define KS_JLEN_MAX       12            /* this or less: the length */
#define KS_JLEN_1         13
#define KS_JLEN_4         15

#define KS_JNAME_ESCAPES  0x01

extern const uint8_t  ks_json_kinds[16];        /* by the tag's upper half */


static inline int
ks_jtag_open(unsigned tag)
{
    return (tag & 0xf0) >= KS_JTAG_OPEN_ARRAY;
}


static inline int
ks_jtag_container(unsigned tag)
{
    return (tag & 0xf0) >= KS_JTAG_ARRAY;
}


/* The tag and the bytes of a node at p; returns what is behind it. */

static inline const u_char *
ks_jnode_read(const u_char *p, unsigned *tag, const u_char **data, size_t *len)
{
    unsigned  n;

    *tag = *p & 0xf0;
    n = *p++ & 0x0f;

    if (ks_unlikely(n > KS_JLEN_MAX)) {

        if (n == KS_JLEN_1) {
            n = *p++;

        } else {
            n = ks_load32(p);
            p += 4;
        }
    }

    *data = p;
    *len = n;

    return p + n;
}


static inline const u_char *
ks_jnode_skip(const u_char *p)
{
    size_t         len;
    unsigned       tag;
    const u_char  *data;

    return ks_jnode_read(p, &tag, &data, &len);
}


/* bytes in front of those of a node */

static inline size_t
ks_jnode_head(unsigned tag, size_t len)
{
    if (ks_jtag_container(tag)) {
        return len <= KS_JSON_PACK ? 2 : 5;
    }

    return len <= KS_JLEN_MAX ? 1 : len <= 255 ? 2 : 5;
}


static inline u_char *
ks_jnode_put_head(u_char *p, unsigned tag, size_t len)
{
    uint32_t  n;

    switch (ks_jnode_head(tag, len)) {

    case 1:
        *p++ = (u_char) (tag | len);
        break;

    case 2:
        *p++ = (u_char) (tag | KS_JLEN_1);
        *p++ = (u_char) len;
        break;

    default:
        *p++ = (u_char) (tag | KS_JLEN_4);
        n = (uint32_t) len;
        memcpy(p, &n, sizeof(n));
        p += sizeof(n);
    }

    return p;
}


/* a node that is not open, whose tag and bytes are known */

static inline void
ks_jnode_set(ks_json_node_t *n, unsigned tag, const u_char *data, size_t len)
{
    n->tag = (uint8_t) (tag & 0xf0);
    n->bits = (uint8_t) (tag & 0x0f);
    n->kind = ks_json_kinds[tag >> 4];
    n->data = data;
    n->len = len;
    n->root = 0;
    n->cid = 0;
}


/* where the bytes of a container lie in those of its item */

static inline size_t
ks_jnode_inside(const ks_json_node_t *n)
{
    return n->off ? n->off + 2u : 1;
}


/* --- ks_json.c --- */

/* The node of the item at a position, whose rank is known. */
void ks_json_item(const ks_value_t *v, const ks_pos_t *pos, uint32_t rank,
    ks_json_node_t *n);
void ks_json_item_at(const ks_value_t *v, uint32_t rank, ks_json_node_t *n);

/* The rank of the first item of an open container, and how many there are. */
uint32_t ks_json_range(const ks_value_t *v, uint32_t cid, uint32_t *count);

/* The hash of a member's name in the index. */
uint32_t ks_json_hash(const ks_value_t *v, uint32_t cid, const u_char *name,
    size_t len);

/* A place in an item of the index: 1, 2 or 4 bytes. */
uint32_t ks_json_place(const ks_item_t *it);
ks_item_t ks_json_place_item(u_char bytes[4], uint32_t place);

/* The item of the index for a place, under that hash; 0: there is none. */
int ks_json_index_find(const ks_value_t *v, ks_pos_t *pos, uint32_t hash,
    uint32_t place);

/* A member of a packed object by its name; *i: its number. */
const u_char *ks_jnode_member(const u_char *p, const u_char *end,
    const ks_str_t *name, uint32_t *i);

/* --- ks_json_text.c --- */

/* whether a string is written with escapes, and how long it is with quotes */
int ks_json_escapes(const u_char *p, size_t n);
size_t ks_json_quoted_len(const u_char *p, size_t n);
uint64_t ks_json_item_len(const ks_value_t *v, const ks_item_t *it,
    int escapes);

/* bytes of a string as they stand between quotes; a string of an item */
void ks_json_out_escaped(ks_json_out_t *out, const u_char *p, size_t n);
void ks_json_out_item(const ks_value_t *v, const ks_item_t *it, int escapes,
    ks_json_out_t *out);

/* --- ks_json_distinct.c --- */

/*
 * n members in packed form, of len bytes, become those whose names are not
 * there twice: the last value of a name, in the place of the first.  How many
 * bytes they are then.
 */
size_t ks_json_distinct(const ks_json_memory_t *m, u_char *members,
    size_t len, uint32_t n);

/* --- ks_json_value.c --- */

/* An item as bytes, which are copied if they lie in pieces. */
ks_str_t ks_json_flat_item(const ks_value_t *v, const ks_json_memory_t *m,
    const ks_item_t *it);

/* --- ks_json_build.c --- */

/* what is made of what was parsed, and how far that is */
typedef struct {
    uint32_t             hash;
    uint32_t             place;
} ks_json_entry_t;

typedef struct {
    const u_char        *node;
    uint32_t             cid;
} ks_json_ahead_t;

typedef struct {
    ks_value_t              *v;
    const ks_json_memory_t  *m;
    uint32_t                 next;      /* number of the next container */
    ks_json_ahead_t         *ahead;     /* containers to be made, */
    size_t                   nahead;    /* all that ever were */
    size_t                   done;      /* of these */
    size_t                   maxahead;
    ks_json_entry_t         *entries;   /* of the index */
    size_t                   nentries;
    size_t                   maxentries;
    unsigned                 filling;   /* else items are put in one by one */
    ks_tree_fill_t           fill;
} ks_json_builder_t;

void ks_json_builder(ks_json_builder_t *b, ks_value_t *v,
    const ks_json_memory_t *m);

/*
 * The value of an item for a node that was parsed: in buf, of KS_ITEM_MAX
 * bytes, or a blob.  bits are those of the item's name.  A long container is
 * given a number, and is filled by ks_json_fill(), when the item is in its
 * place.
 */
ks_item_t ks_json_make(ks_json_builder_t *b, const u_char *node, unsigned bits,
    u_char *buf);

/* The same for a container of any length, which is not empty: it is opened. */
ks_item_t ks_json_make_open(ks_json_builder_t *b, const u_char *node,
    unsigned bits, u_char *buf);

/* A name for an item: as it is, or a blob. */
ks_item_t ks_json_make_name(ks_value_t *v, const u_char *data, size_t len);

void ks_json_fill(ks_json_builder_t *b);

/* One more member for the index; all of them in the order of their hashes. */
void ks_json_gather(ks_json_builder_t *b, uint32_t cid, const u_char *name,
    size_t len, uint32_t place);
void ks_json_sort(ks_json_builder_t *b);

/* Both trees, if there is one so far. */
void ks_json_grow(ks_value_t *v);

/* Makes the index of an open object; adds a member to it; takes it out. */
void ks_json_index(ks_value_t *v, const ks_json_memory_t *m, uint32_t cid);
void ks_json_index_add(ks_value_t *v, uint32_t cid, const ks_str_t *name,
    uint32_t place);
void ks_json_index_remove(ks_value_t *v, uint32_t cid, const ks_str_t *name,
    uint32_t place);


#endif /* KS_JSON_NODE_H */
