/*
 * Paths into JSON documents: compiled, and followed.
 *
 * Two dialects.  A path that is "$", or begins with "$." or "$[", is a JSONPath
 * and may have any number of results; any other is a legacy one, ".a.b" or
 * "a.b", which is the same path with a "$" in front, and whose first result
 * counts.  The language is RedisJSON's, with the order of its results, and
 * where RFC 9535 has more that does not contradict it, that too: escapes in
 * names, unions of any selectors, steps below 0, the functions length(),
 * count(), match(), search() and value().
 *
 * How much is looked at is bounded (KS_JSON_LOOKS), because filters inside of
 * filters can ask for more than any document is worth.
 */

#ifndef KS_JSON_PATH_H
#define KS_JSON_PATH_H

#include "types/ks_json.h"


#define KS_JSON_SEGMENTS  512           /* of a path, those in filters
                                           included */
#define KS_JSON_LOOKS     (32u << 20)   /* values and steps of expressions */

typedef struct ks_json_expr_s      ks_json_expr_t;
typedef struct ks_json_selector_s  ks_json_selector_t;
typedef struct ks_json_segment_s   ks_json_segment_t;

struct ks_json_selector_s {
    enum {
        KS_JSON_BY_NAME = 0,
        KS_JSON_BY_INDEX,
        KS_JSON_BY_SLICE,
        KS_JSON_BY_ALL,
        KS_JSON_BY_FILTER
    }                    by;
    ks_str_t             name;
    int64_t              from;          /* or the index */
    int64_t              to;
    int64_t              step;
    unsigned             has_from:1;
    unsigned             has_to:1;
    ks_json_expr_t      *filter;
    ks_json_selector_t  *next;          /* of a union */
};

struct ks_json_segment_s {
    unsigned             deep:1;        /* behind ".." */
    ks_json_selector_t  *selectors;
    ks_json_segment_t   *next;
};

typedef struct {
    ks_str_t             text;          /* as it was given */
    unsigned             legacy:1;
    unsigned             fixed:1;       /* names and numbers, one at a time: it
                                           has one result at the most */
    unsigned             n;             /* segments */
    ks_json_segment_t   *segments;      /* NULL: the document itself */
} ks_json_path_t;

/* whether a text is of the legacy dialect */
int ks_json_path_legacy(const ks_str_t *text);

/*
 * KS_ERR: it is none; err has the text for the client then, of up to
 * KS_JSON_PATH_ERR bytes with a NUL.  text has to live as long.
 */
#define KS_JSON_PATH_ERR  512

int ks_json_path_compile(ks_json_path_t *path, const ks_json_memory_t *m,
    const ks_str_t *text, char *err);


/* what a path has led to */
typedef struct {
    ks_json_node_t         node;
    const ks_json_step_t  *at;          /* if it was asked for */
} ks_json_match_t;

typedef struct ks_json_found_s  ks_json_found_t;

struct ks_json_found_s {
    /* set by the caller */
    const ks_value_t        *v;
    const ks_json_memory_t  *m;
    unsigned                 places:1;  /* the ways are wanted, too */
    unsigned                 last:1;    /* behind "..": what lies deeper comes
                                           first, as Upstash has it */
    unsigned                 counts:1;  /* their number is enough */
    size_t                   most;      /* results that are enough; 0: all */

    ks_json_match_t         *matches;
    size_t                   n;

    /* ks_json_eval.c's own */
    ks_json_match_t          one;       /* room for the first */
    size_t                   max;
    uint64_t                 looks;
    ks_json_node_t           root;
    int                    (*filter)(ks_json_found_t *f,
                                     const ks_json_expr_t *e,
                                     const ks_json_node_t *n);
};

/*
 * The matches, in memory of m.  KS_ERR: it would take too long.  A match is
 * good until the document changes; its way, until something on it is taken out.
 */
int ks_json_path_follow(const ks_json_path_t *path, ks_json_found_t *found);


#endif /* KS_JSON_PATH_H */
