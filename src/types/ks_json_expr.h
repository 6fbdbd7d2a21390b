/*
 * What the files of paths share: filters.
 */

#ifndef KS_JSON_EXPR_H
#define KS_JSON_EXPR_H

#include "types/ks_json_node.h"
#include "types/ks_json_path.h"
#include "types/ks_regex.h"


/* what is compared */
typedef struct ks_json_term_s  ks_json_term_t;

struct ks_json_term_s {
    enum {
        KS_JSON_TERM_VALUE = 0,         /* written in the path */
        KS_JSON_TERM_HERE,              /* @ ... */
        KS_JSON_TERM_ROOT,              /* $ ... */
        KS_JSON_TERM_LENGTH,
        KS_JSON_TERM_COUNT,
        KS_JSON_TERM_FIRST,             /* value() */
        KS_JSON_TERM_MATCH,
        KS_JSON_TERM_SEARCH
    }                      what;
    ks_json_node_t         value;
    ks_json_segment_t     *segments;
    ks_json_term_t        *a;           /* of a function */
    ks_json_term_t        *b;
    ks_regex_t            *re;          /* of a value that is an expression */
};

typedef enum {
    KS_JSON_OR = 0,
    KS_JSON_AND,
    KS_JSON_NOT,
    KS_JSON_TEST,
    KS_JSON_EQ,
    KS_JSON_NE,
    KS_JSON_LT,
    KS_JSON_LE,
    KS_JSON_GT,
    KS_JSON_GE,
    KS_JSON_RE
} ks_json_op_t;

struct ks_json_expr_s {
    ks_json_op_t           op;
    ks_json_expr_t        *left;
    ks_json_expr_t        *right;
    ks_json_term_t        *a;
    ks_json_term_t        *b;
};


/* a path as it is read */
typedef struct ks_json_reader_s  ks_json_reader_t;

struct ks_json_reader_s {
    const ks_json_memory_t  *m;
    const u_char            *start;
    const u_char            *p;
    const u_char            *end;
    unsigned                 segments;
    unsigned                 nested;
    const u_char            *where;     /* of the error */
    const char              *expected;  /* NULL: there is none */
    int                    (*filter)(ks_json_reader_t *r, ks_json_expr_t **e);
};


/* --- ks_json_segment.c --- */

int ks_json_read_fail(ks_json_reader_t *r, const char *expected);
void ks_json_read_blanks(ks_json_reader_t *r);

/* whether that is next, which is passed then */
int ks_json_read_is(ks_json_reader_t *r, const char *word);

/* The segments from here on, as far as there are any; KS_ERR. */
int ks_json_read_segments(ks_json_reader_t *r, ks_json_segment_t **first,
    int bare);

/* a string in quotes */
int ks_json_read_string(ks_json_reader_t *r, ks_str_t *s);

/* --- ks_json_expr.c --- */

/* a filter behind its question mark */
int ks_json_read_filter(ks_json_reader_t *r, ks_json_expr_t **e);

/* --- ks_json_eval.c --- */

/* the way to where one is, on the stack; it is copied for a match */
typedef struct ks_json_way_s  ks_json_way_t;

struct ks_json_way_s {
    ks_json_way_t         *up;
    const ks_str_t        *name;        /* of a member, in the path, */
    const ks_json_walk_t  *walk;        /* or where a walk is now */
    uint32_t               i;
    ks_json_step_t        *made;        /* the copy, if there is one */
};

/* Follows segments from a node on; results are added to found. */
int ks_json_follow(ks_json_found_t *found, const ks_json_segment_t *s,
    const ks_json_node_t *n, ks_json_way_t *at);

/* --- ks_json_filter.c --- */

/* 1, 0, or KS_ERR: it takes too long */
int ks_json_filter(ks_json_found_t *found, const ks_json_expr_t *e,
    const ks_json_node_t *n);


#endif /* KS_JSON_EXPR_H */
