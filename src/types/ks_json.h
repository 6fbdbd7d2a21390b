/*
 * JSON documents: trees of values that are read, walked and changed in place.
 *
 * How one is kept.  A container that is short as a whole, up to KS_JSON_PACK
 * bytes, is packed: one string, in which its values stand one behind the other
 * (ks_json_node.h).  A longer one is opened: it gets a number, and each of its
 * values is an item of tree[0], {name, value}, whose key is that number.  So
 * the items of a container lie side by side, in their order; the i-th is found
 * by its rank, and their count is the distance of two ranks.  What stands in
 * the place of an open container is its number.  The document itself is the
 * only item of container 0.
 *
 * The number of a container that is opened is one above the highest that has
 * items: so a container has a higher number than the one around it, an open one
 * is never empty (the last value gone, it is packed again), and items of new
 * containers are put behind all others.
 *
 * An object of more than KS_JSON_FEW members that is open has an index: for
 * each member an item of tree[1], by a hash of the name and the container's
 * number, which says its place among the members.  A member that goes leaves
 * its place to the last one, as in RedisJSON, so that no other place changes.
 *
 * A change costs by the way to its place (a few steps a level), and by the
 * packed container, or the item, that it lies in; never by the document.  A
 * packed container that becomes too long is opened, which moves its own values
 * and none that lie deeper.
 *
 * Numbers are kept as the text that is written for them, strings as their bytes
 * without escapes.  So a node takes one byte beside its text in a packed
 * container, and about eight as an item; a member with an index seven more.
 *
 * A small document is one tree that lies in the entry (KS_ENC_JSON).  Beyond it
 * is KS_ENC_JSON_TREES: both trees, and a head that knows how long the text of
 * the document is.
 *
 * Handles are good until the next change of the value.
 */

#ifndef KS_JSON_H
#define KS_JSON_H

#include "types/ks_value.h"


#define KS_JSON_NESTING     128           /* containers inside of each other */
#define KS_JSON_TEXT_MAX  (512ull * 1024 * 1024)        /* bytes of text */

typedef enum {
    KS_JSON_NULL = 0,
    KS_JSON_FALSE,
    KS_JSON_TRUE,
    KS_JSON_INTEGER,            /* of int64 or uint64 */
    KS_JSON_NUMBER,             /* a double */
    KS_JSON_STRING,
    KS_JSON_ARRAY,
    KS_JSON_OBJECT
} ks_json_kind_t;

/* what a document of trees has beside them */
typedef struct {
    uint64_t            text;           /* bytes of its shortest text */
} ks_json_head_t;

/* a value, of a document or of what was parsed */
typedef struct {
    uint8_t             kind;           /* ks_json_kind_t */
    uint8_t             tag;            /* as it is kept: ks_json_node.h */
    uint8_t             bits;           /* of the name of its item */
    uint16_t            off;            /* in the bytes of its item; 0: all */
    uint32_t            rank;           /* of the item */
    uint32_t            cid;            /* of an open container, or 0 */
    ks_ref_t            root;           /* of a string in pieces, or 0 */
    uint64_t            len;            /* bytes at data, or of the string */
    const u_char       *data;           /* text, or what is packed */
} ks_json_node_t;

/* memory that is let go with the rest of the command; never fails */
typedef struct {
    void             *(*alloc)(void *data, size_t size);
    void               *data;
    const uint64_t     *seed;           /* of hashes that nobody can foresee */
} ks_json_memory_t;


/* --- parsing (ks_json_parse.c) --- */

/* a value that was parsed, in plain memory: one node in packed form */
typedef struct {
    u_char             *data;
    size_t              len;
    size_t              text;           /* bytes of its shortest text */
    unsigned            depth;          /* containers inside of each other */
    size_t              opens;          /* of these, so many may be opened, */
    size_t              members;        /* and so many members be in indexes */
    void               *work;           /* memory for that, of a parsed one */
} ks_json_flat_t;

typedef struct {
    const char         *what;           /* static */
    size_t              line;           /* from 1 on */
    size_t              column;         /* bytes of the line up to there */
} ks_json_error_t;

/*
 * The text of one value, all of which is looked at.  Of members of one name the
 * last one counts, in the place of the first.  KS_ERR: it is none, see err.
 */
int ks_json_parse(const ks_json_memory_t *m, const ks_str_t *text,
    ks_json_flat_t *flat, ks_json_error_t *err);

ks_json_node_t ks_json_flat_node(const ks_json_flat_t *flat);

/* Values made of what is at hand; scalars only.  data has room for them. */
#define KS_JSON_SCALAR_ROOM  64

void ks_json_flat_word(ks_json_flat_t *flat, u_char *data,
    ks_json_kind_t kind);               /* null, false, true; [] and {} */
void ks_json_flat_integer(ks_json_flat_t *flat, u_char *data, int64_t v);
int ks_json_flat_number(ks_json_flat_t *flat, u_char *data,
    double v);                          /* KS_ERR: it is not finite */
void ks_json_flat_string(ks_json_flat_t *flat, const ks_json_memory_t *m,
    const ks_str_t *s);

/* A double as a document writes it, into 32 bytes: 1.0, 1e20, 0.1. */
#define KS_JSON_NUMBER_ROOM  32
size_t ks_json_number_text(u_char *buf, double v);


/* --- reading (ks_json.c) --- */

void ks_json_root(const ks_value_t *v, ks_json_node_t *n);

/* how many values a container has */
uint32_t ks_json_count(const ks_value_t *v, const ks_json_node_t *n);

/* the value number i, or of that name, of a container; 0: there is none */
int ks_json_at(const ks_value_t *v, const ks_json_node_t *in, uint32_t i,
    ks_json_node_t *n);
int ks_json_find(const ks_value_t *v, const ks_json_node_t *in,
    const ks_str_t *name, ks_json_node_t *n);

/* a walk over the values of a container, which does not change meanwhile */
typedef struct {
    ks_json_node_t      node;
    ks_item_t           name;           /* of a member */
    uint32_t            i;              /* its number */
    uint8_t             escapes;        /* the name is written with some */

    /* ks_json.c's own */
    uint8_t             object;
    const ks_value_t   *v;
    const u_char       *next;           /* of a packed one */
    const u_char       *end;
    const u_char       *from;           /* of the item; NULL: parsed */
    uint32_t            left;           /* of an open one */
    ks_pos_t            pos;
} ks_json_walk_t;

/* v may be NULL for what was parsed.  0: there are no more. */
int ks_json_first(const ks_value_t *v, const ks_json_node_t *in,
    ks_json_walk_t *w);
int ks_json_next(ks_json_walk_t *w);

/* numbers; an integer above INT64_MAX is read as a double */
int ks_json_integer(const ks_json_node_t *n, int64_t *i);       /* KS_ERR */
double ks_json_double(const ks_json_node_t *n);

/* a string as an item: bytes side by side, or in pieces */
ks_item_t ks_json_string(const ks_json_node_t *n);
/* and as bytes: a copy of those in pieces, made with m->alloc() */
ks_str_t ks_json_string_flat(const ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *n);
ks_str_t ks_json_name_flat(const ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_walk_t *w);

/* Whether they are the same value, numbers of one kind by their value; either
 * may be of a document, or of what was parsed (its v is NULL). */
int ks_json_equal(const ks_value_t *v, const ks_json_node_t *a,
    const ks_value_t *w, const ks_json_node_t *b);

/* How two strings are ordered, by their bytes; the characters of one. */
int ks_json_order_strings(const ks_value_t *v, const ks_json_node_t *a,
    const ks_value_t *w, const ks_json_node_t *b);
uint64_t ks_json_chars(const ks_value_t *v, const ks_json_node_t *s);

/*
 * The values in a container, all told, or 1; containers inside of each other.
 */
uint64_t ks_json_fields(const ks_value_t *v, const ks_json_node_t *n);
unsigned ks_json_depth(const ks_value_t *v, const ks_json_node_t *n);

/* About the bytes of zone that the value takes, as a part of the document. */
uint64_t ks_json_memory(const ks_value_t *v, const ks_json_node_t *n);


/* --- the text (ks_json_text.c) --- */

/* what stands between values; all empty: the shortest text */
typedef struct {
    ks_str_t            indent;
    ks_str_t            newline;
    ks_str_t            space;
} ks_json_format_t;

/* bytes of the shortest text of a value, and of the document */
uint64_t ks_json_text_len(const ks_value_t *v, const ks_json_node_t *n);
uint64_t ks_json_document_len(const ks_value_t *v);

/*
 * A text that grows: room() is asked for more bytes behind p, of which there
 * are end - p, and moves what is from start on, if it has to.  It never fails.
 */
typedef struct ks_json_out_s  ks_json_out_t;

struct ks_json_out_s {
    u_char             *start;
    u_char             *p;
    u_char             *end;
    void              (*room)(ks_json_out_t *out, size_t n);
    void               *data;
};

/* depth: of containers around it, for the indents; f NULL: the shortest text */
void ks_json_text(const ks_value_t *v, const ks_json_node_t *n,
    const ks_json_format_t *f, unsigned depth, ks_json_out_t *out);

/* parts of a text, and a string with its quotes */
void ks_json_out_bytes(ks_json_out_t *out, const void *p, size_t n);
void ks_json_out_string(ks_json_out_t *out, const u_char *p, size_t n);
void ks_json_out_newline(ks_json_out_t *out, const ks_json_format_t *f,
    unsigned depth);

/*
 * The shortest text of a document in steps, while it does not change: where
 * it is is kept in memory of ks_json_steps_size() bytes, all zero at first.
 * More of it to p; there is room for KS_JSON_STEP bytes behind end.  *done:
 * that is all.
 */
#define KS_JSON_STEP   12288

typedef struct ks_json_steps_s  ks_json_steps_t;

size_t ks_json_steps_size(void);
u_char *ks_json_steps(ks_json_steps_t *s, const ks_value_t *v, u_char *p,
    u_char *end, int *done);


/* --- changing (ks_json_edit.c, ks_json_build.c) --- */

/* a way from the document to a value, the last step first; NULL: itself */
typedef struct ks_json_step_s  ks_json_step_t;

struct ks_json_step_s {
    const ks_json_step_t  *up;
    ks_str_t               name;        /* of a member, if it is named */
    uint32_t               i;           /* else its number */
    uint8_t                named;
    uint8_t                depth;       /* steps up to here */
};

/* What is there; 0: nothing. */
int ks_json_resolve(const ks_value_t *v, const ks_json_step_t *at,
    ks_json_node_t *n);

/* In which encoding a value is to be made, and of how many bytes of a leaf. */
unsigned ks_json_encoding(const ks_json_flat_t *flat, size_t *leaf);

/*
 * The document of an empty value, from what was parsed; v->enc is
 * ks_json_encoding()'s.
 */
void ks_json_begin(ks_value_t *v, const ks_json_flat_t *flat);

/*
 * A scalar in the place of one that has just been found, and that takes as much
 * or more.  0: it is neither, and nothing has changed.
 *
 * Changes of what is at a place, which is there and of the kind that they want:
 * another value; one more member, whose name is new; values in front of number
 * i of an array; without n values from number i on, or one member.
 */
int ks_json_set_scalar(ks_value_t *v, const ks_json_node_t *n,
    const ks_json_flat_t *flat);
void ks_json_set(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, const ks_json_flat_t *flat);
void ks_json_add(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, const ks_str_t *name,
    const ks_json_flat_t *flat);
void ks_json_insert(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, uint32_t i, const ks_json_flat_t *flats,
    uint32_t n);
void ks_json_remove(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, uint32_t i, uint32_t n);
void ks_json_remove_member(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, const ks_str_t *name);

/* More bytes behind a string; how many it has then. */
uint64_t ks_json_append(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_step_t *at, const ks_str_t *more);


/* --- the row of the type (ks_type.h; ks_json_check.c, ks_json_dump.c) --- */

void ks_json_check(ks_checker_t *ck, const ks_value_t *v);


#endif /* KS_JSON_H */
