/*
 * The writers: the reply interface of the command layer, in bytes.
 *
 * A writer belongs to one reply (JSON) or to a stream of them (RESP), writes
 * to a ks_out_t and holds no memory of its own: what a very deep or a deferred
 * reply needs is taken from the ks_out_t's allocator.  When that says no, the
 * ks_out_t has failed, and all that is written is ignored until a rewind.
 *
 * A writer must stay where it is while it is in use.
 */

#ifndef KS_WRITERS_H
#define KS_WRITERS_H

#include "commands/ks_reply.h"
#include "protocol/ks_out.h"


#define KS_JSON_DEPTH  24       /* levels that need no memory from outside */

typedef struct {
    size_t         depth;
    size_t         room;
    size_t        *left;        /* elements to come, a level */
    size_t         levels[KS_JSON_DEPTH];
} ks_json_stack_t;

typedef struct {
    ks_reply_t       reply;     /* first: a ks_reply_t * is a writer */
    ks_out_t        *out;

    /* private from here on */
    unsigned         base64:1;
    unsigned         raw:1;         /* this string is not base64 */
    unsigned         started:1;
    unsigned         comma:1;       /* before the next element */
    unsigned         mark_started:1;
    unsigned         mark_comma:1;
    unsigned         ncarry;
    u_char           carry[4];      /* a split UTF-8 sequence or triple */
    ks_json_stack_t  stack;
    ks_json_stack_t  mark_stack;
    ks_out_mark_t    mark;
} ks_json_t;

typedef struct {
    ks_reply_t       reply;
    ks_out_t        *out;

    /* private from here on */
    ks_segment_t    *deferred;      /* the innermost that is open */
    ks_segment_t    *mark_deferred;
    ks_out_mark_t    mark;
} ks_resp_t;

#define KS_PLAIN_DEPTH  32      /* levels of a reply; more are lost */
#define KS_PLAIN_WHOLE  (-1)

typedef struct {
    ks_reply_t       reply;
    ks_out_t        *out;
    unsigned         found:1;       /* there is a value, not null */
    unsigned         error:1;       /* and it is the text of an error */

    /* private from here on */
    unsigned         chosen:1;      /* this string is the value */
    unsigned         inside:1;      /* what is said is a part of it */
    int64_t          item;
    int64_t          index;         /* of the next element of the outermost */
    size_t           depth;
    size_t           left[KS_PLAIN_DEPTH];
    ks_json_t        json;
    ks_out_mark_t    mark;
} ks_plain_t;


/*
 * One JSON envelope: {"result":...} or {"error":"..."}.  Start with
 * ks_json_init, let a command write, end with ks_json_finish.  Start the next
 * one with ks_json_again, which leaves the mark where it was.
 *
 * Statuses are strings, doubles are strings in their shortest form, booleans
 * are 1 and 0, maps and sets are flat arrays, an error inside of an array is a
 * string.  What is not UTF-8 becomes U+FFFD, one for each maximal piece of
 * a sequence.  base64: every string of a result is base64 but the status OK;
 * the text of {"error":...} is not.
 */
void ks_json_init(ks_json_t *w, ks_out_t *out, unsigned base64);
void ks_json_again(ks_json_t *w);
void ks_json_finish(ks_json_t *w);

/*
 * Nothing but the value is written, without an envelope; no ks_json_finish().
 */
void ks_json_bare(ks_json_t *w, ks_out_t *out);

/*
 * One reply as a value in text: strings and numbers are their bytes, an array
 * is JSON.  item: of an array, its element of that number, from 0 on, takes the
 * place of the whole (KS_PLAIN_WHOLE).  Nothing is written, and nothing is
 * found, where that is null or not there.  Marks come between replies.
 */
void ks_plain_init(ks_plain_t *w, ks_out_t *out, int64_t item);

/*
 * version: 2 or 3.  A CR or LF in a status or an error is written as a space:
 * it would end the reply.
 */
void ks_resp_init(ks_resp_t *w, ks_out_t *out, unsigned version);


#endif /* KS_WRITERS_H */
