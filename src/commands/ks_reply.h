/*
 * The writer interface: how a command says its reply.
 *
 * A handler calls these functions in the order of the reply's elements and
 * never sees bytes of a wire format.  The writers (JSON, RESP2, RESP3, Lua)
 * live in the layer above and fill in ks_reply_ops_t.  No tree is built.
 *
 * An aggregate is opened with its count and closes by itself after as many
 * elements; one whose count is not known yet is opened with
 * ks_reply_deferred() and closed with ks_reply_close(), which names the count
 * (counted in the terms of ks_reply_array/map/set: a map of n has 2n
 * elements).  Aggregates nest.
 *
 * A reply may be started over: the transaction that runs a handler can be
 * rolled back and run again.  All that was written since the mark vanishes with
 * rewind, which the caller of the handler calls before the second run.
 *
 * Nothing here fails: a writer that runs out of room remembers that, see
 * ks_reply_lost().
 */

#ifndef KS_REPLY_H
#define KS_REPLY_H

#include "types/ks_number.h"


typedef struct ks_reply_s  ks_reply_t;

typedef enum {
    KS_AGG_ARRAY = 0,
    KS_AGG_MAP,                 /* RESP2, JSON: a flat array of 2n */
    KS_AGG_SET,                 /* RESP2, JSON: an array */
    KS_AGG_PUSH
} ks_agg_t;

typedef struct {
    void  (*null)(ks_reply_t *r);
    void  (*null_array)(ks_reply_t *r);     /* RESP2: *-1 */
    void  (*boolean)(ks_reply_t *r, int v); /* RESP2: :1 or :0 */
    void  (*integer)(ks_reply_t *r, int64_t v);
    void  (*dbl)(ks_reply_t *r, double v);  /* RESP2, JSON: a string */
    void  (*status)(ks_reply_t *r, const u_char *p, size_t len);
    void  (*error)(ks_reply_t *r, const u_char *p, size_t len);

    /* a string of total len, its bytes given in any number of parts */
    void  (*bulk_begin)(ks_reply_t *r, size_t len);
    void  (*bulk_part)(ks_reply_t *r, const u_char *p, size_t n);
    void  (*bulk_end)(ks_reply_t *r);

    /* text meant for people; fmt is three letters: "txt", "mkd" */
    void  (*verbatim)(ks_reply_t *r, const char *fmt, const u_char *p,
                      size_t len);

    void  (*open)(ks_reply_t *r, ks_agg_t kind, size_t n);
    void  (*open_deferred)(ks_reply_t *r, ks_agg_t kind);
    void  (*close)(ks_reply_t *r, size_t n);    /* the innermost deferred one */

    void  (*mark)(ks_reply_t *r);       /* one mark a writer */
    void  (*rewind)(ks_reply_t *r);     /* back to the mark */

    /* v in digits of the handler's own; NULL where resp3 is never set */
    void  (*number)(ks_reply_t *r, double v, const u_char *p, size_t len);

    /* a number of any length, given as text; NULL: it is a string */
    void  (*big)(ks_reply_t *r, const u_char *p, size_t len);

    /* a string in one piece; NULL: bulk_begin, one bulk_part, bulk_end */
    void  (*bulk)(ks_reply_t *r, const u_char *p, size_t len);

    unsigned  script;                   /* it is for a script */
} ks_reply_ops_t;

#define KS_REPLY_CODE  24               /* bytes of an error's first word */

struct ks_reply_s {
    const ks_reply_ops_t  *ops;
    unsigned               resp3:1;     /* the handler may pick richer types */
    unsigned               failed:1;    /* an error was written since mark */
    const unsigned        *lost;        /* not 0: it did not fit; or NULL */
    char                   code[KS_REPLY_CODE];     /* of the last error */
};

#define KS_ERR_REPLY  "ERR the reply is too large"


/*
 * Whether what was written is lost, because it has gone beyond its limit or
 * there was no memory for it.  Asked before a commit, so that nothing happens
 * of which its client hears nothing.
 */

static inline int
ks_reply_lost(const ks_reply_t *r)
{
    return r->lost != NULL && *r->lost != 0;
}


static inline void
ks_reply_null(ks_reply_t *r)
{
    r->ops->null(r);
}


static inline void
ks_reply_null_array(ks_reply_t *r)
{
    r->ops->null_array(r);
}


static inline void
ks_reply_integer(ks_reply_t *r, int64_t v)
{
    r->ops->integer(r, v);
}


static inline void
ks_reply_double(ks_reply_t *r, double v)
{
    r->ops->dbl(r, v);
}


static inline void
ks_reply_bulk(ks_reply_t *r, const void *p, size_t len)
{
    if (r->ops->bulk) {
        r->ops->bulk(r, p, len);
        return;
    }

    r->ops->bulk_begin(r, len);
    r->ops->bulk_part(r, p, len);
    r->ops->bulk_end(r);
}


/* a double in digits of one's own: RESP2, JSON: a string */

static inline void
ks_reply_number(ks_reply_t *r, double v, const u_char *p, size_t len)
{
    if (r->resp3) {
        r->ops->number(r, v, p, len);

    } else {
        ks_reply_bulk(r, p, len);
    }
}


static inline void
ks_reply_array(ks_reply_t *r, size_t n)
{
    r->ops->open(r, KS_AGG_ARRAY, n);
}


static inline void
ks_reply_map(ks_reply_t *r, size_t n)
{
    r->ops->open(r, KS_AGG_MAP, n);
}


static inline void
ks_reply_set(ks_reply_t *r, size_t n)
{
    r->ops->open(r, KS_AGG_SET, n);
}


static inline void
ks_reply_deferred(ks_reply_t *r, ks_agg_t kind)
{
    r->ops->open_deferred(r, kind);
}


static inline void
ks_reply_close(ks_reply_t *r, size_t n)
{
    r->ops->close(r, n);
}


/*
 * text is a C string here: a status or an error never holds a NUL.  That of an
 * error begins with its code: "ERR syntax error".
 */
void ks_reply_status(ks_reply_t *r, const char *text);
void ks_reply_error(ks_reply_t *r, const char *text);
void ks_reply_error_text(ks_reply_t *r, const u_char *p, size_t len);
void ks_reply_errorf(ks_reply_t *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));      /* at most 1 kB, CR LF -> ' ' */
void ks_reply_cstr(ks_reply_t *r, const char *text);         /* as a bulk */
void ks_reply_big(ks_reply_t *r, const char *digits);
void ks_reply_ok(ks_reply_t *r);                             /* status OK */

/*
 * A writer that keeps the text of the last error that is written to it, so that
 * a longer text can quote it, and nothing else.
 */

#define KS_WHY_MAX  512

typedef struct {
    ks_reply_t  reply;
    size_t      len;
    u_char      text[KS_WHY_MAX];
} ks_reply_why_t;

void ks_reply_why(ks_reply_why_t *why);


#endif /* KS_REPLY_H */
