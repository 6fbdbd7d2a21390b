/*
 * What the handlers of JSON.* share: documents, paths, values as arguments, and
 * their errors, which are those of RedisJSON 2.6.
 *
 * A function that returns KS_ERR has written the error: the handler returns.
 * Memory is the arena's.
 */

#ifndef KS_JSON_ARGS_H
#define KS_JSON_ARGS_H

#include "commands/ks_args.h"
#include "types/ks_json_path.h"


#define KS_ERR_JSON_NOKEY  "ERR could not perform this operation on a key "    \
                           "that doesn't exist"
#define KS_ERR_JSON_ROOT   "ERR new objects must be created at the root"
#define KS_ERR_JSON_DEEP   "ERR recursion limit exceeded"
#define KS_ERR_JSON_FORMAT "ERR FORMAT argument is not supported on RESP2"
#define KS_ERR_JSON_LARGE  "ERR the document would exceed the maximum size"

/* what is put behind "does not exist" where one kind of value is wanted */
#define KS_JSON_NO_ARRAY   " or not an array"
#define KS_JSON_NO_OBJECT  " or not an object"
#define KS_JSON_NO_STRING  " or not a string"
#define KS_JSON_NO_BOOL    " or not a bool"
#define KS_JSON_NO_NUMBER  " or does not contains a number"

typedef struct {
    ks_ctx_t          *c;
    const ks_str_t    *key;
    ks_entry_t        *e;               /* NULL: there is no document */
    ks_value_t         v;
    ks_json_memory_t   m;
    ks_json_path_t     path;
    ks_json_found_t    found;
} ks_doc_t;


/* The document at key, to be read or to be changed. */
int ks_doc_read(ks_ctx_t *c, ks_doc_t *d, const ks_str_t *key);
int ks_doc_write(ks_ctx_t *c, ks_doc_t *d, const ks_str_t *key);

/* without a document, for what needs memory only */
void ks_doc_init(ks_ctx_t *c, ks_doc_t *d, const ks_str_t *key);

/* Has the error written if there is no document. */
int ks_doc_wanted(ks_doc_t *d);

/* A path as an argument; NULL: the legacy one of the document itself. */
int ks_doc_path(ks_doc_t *d, const ks_str_t *arg);

/* Whether the path is of the document itself. */
static inline int
ks_doc_is_root(const ks_doc_t *d)
{
    return d->path.segments == NULL;
}

/*
 * Where the path leads: to be read, in which case one match is enough for a
 * legacy path; or with the ways to the matches, of which all count.
 */
int ks_doc_find(ks_doc_t *d, const ks_str_t *arg);
int ks_doc_find_places(ks_doc_t *d, const ks_str_t *arg);
int ks_doc_follow(ks_doc_t *d, int places);

/* The path as it was given does not exist; what: one of those above, or "". */
void ks_doc_no_path(ks_doc_t *d, const ks_str_t *path, const char *what);

/* the same for a path whose "$" is told, too */
void ks_doc_no_such(ks_doc_t *d, const char *what);

/* A value of another kind than the one that is wanted. */
void ks_doc_wrong(ks_doc_t *d, const char *wanted, const ks_json_node_t *n);

/* "integer", "string" ... */
const char *ks_doc_kind(const ks_json_node_t *n);

/* A value as an argument, and many of them. */
int ks_doc_parse(ks_doc_t *d, const ks_str_t *arg, ks_json_flat_t *flat);
ks_json_flat_t *ks_doc_parse_all(ks_doc_t *d, int n, const ks_str_t *args);

/*
 * Whether a value of that depth and length may come below or in the place of
 * steps; KS_ERR: the document would be too deep, or too long.
 */
int ks_doc_fits(ks_doc_t *d, const ks_json_step_t *at, unsigned depth,
    uint64_t text);

/*
 * Nothing is where the path leads: a member, whose name is its last step, for
 * the object in front of it.  1: it is there; 0: there is no such object, or it
 * has the member.  The path is spoilt.
 */
int ks_doc_add(ks_doc_t *d, const ks_json_flat_t *flat);

/*
 * The numbers of the matches in the order in which they can be changed: what
 * lies deeper, and what stands further behind in an array, first.
 */
size_t *ks_doc_order(ks_doc_t *d);

/*
 * The same for taking them out: without those that lie in others; *n of them.
 */
size_t *ks_doc_order_topmost(ks_doc_t *d, size_t *n);

/* A scalar in the place of a match. */
void ks_doc_set(ks_doc_t *d, const ks_json_match_t *match,
    const ks_json_flat_t *flat);

/* The document has changed, says this event. */
void ks_doc_done(ks_doc_t *d, const char *event);


/* A text in the arena. */
void ks_doc_text(ks_doc_t *d, ks_json_out_t *out, size_t room);

#define KS_DOC_TEXT  2048               /* bytes, to begin with */

/* Values as a JSON array; a value as its text, replied as a bulk. */
void ks_doc_out_matches(ks_doc_t *d, const ks_json_format_t *f,
    unsigned depth, ks_json_out_t *out);
void ks_doc_reply_node(ks_doc_t *d, const ks_json_node_t *n,
    const ks_json_format_t *f);
void ks_doc_reply_text(ks_doc_t *d, const ks_json_out_t *out);

/*
 * How values are replied: as text, or in RESP3, where FORMAT says so, scalars
 * as what they are and containers as text, or all as what it is.
 */
typedef enum {
    KS_DOC_STRING = 0,
    KS_DOC_EXPAND1,
    KS_DOC_EXPAND
} ks_doc_form_t;

/* FORMAT's argument; many: the one that is text is called STRINGS. */
int ks_doc_form(ks_ctx_t *c, const ks_str_t *arg, int many,
    ks_doc_form_t *form);

/* A value in such a form but the first; v is NULL for what was parsed. */
void ks_doc_reply_value(ks_doc_t *d, const ks_value_t *v,
    const ks_json_node_t *n, const ks_json_format_t *f, ks_doc_form_t form);


#endif /* KS_JSON_ARGS_H */
