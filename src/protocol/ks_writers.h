/*
 * The writers: the reply interface of the command layer, in bytes.
 *
 * A writer belongs to one reply (JSON) or to a stream of them (RESP), writes
 * to a ks_out_t and holds no memory of its own.
 */

#ifndef KS_WRITERS_H
#define KS_WRITERS_H

#include "commands/ks_reply.h"
#include "protocol/ks_out.h"


#define KS_WRITER_DEPTH  128    /* aggregates in aggregates; RESP has no limit
                                 * for counted ones */

typedef struct {
    ks_reply_t   reply;         /* first: a ks_reply_t * is a writer */
    ks_out_t    *out;
    unsigned     base64:1;      /* strings and statuses but "OK" as base64 */
    /* private from here on */
    ks_out_t     mark_out;
    ks_segment_t mark_tail;
    int          depth;
    int64_t      left[KS_WRITER_DEPTH];     /* elements to come, -1 deferred */
    unsigned     started:1;
    u_char       carry[4];      /* a split UTF-8 sequence or base64 group */
    unsigned     ncarry;
} ks_json_t;

typedef struct {
    ks_reply_t    reply;
    ks_out_t     *out;
    ks_out_t      mark_out;
    ks_segment_t  mark_tail;
    int           depth;        /* of open deferred aggregates */
    ks_segment_t *deferred[KS_WRITER_DEPTH];
} ks_resp_t;


/*
 * One JSON envelope: {"result":...} or {"error":"..."}.  Start with ks_json_init,
 * let a command write, end with ks_json_finish; init again for the next one.
 */
void ks_json_init(ks_json_t *w, ks_out_t *out, unsigned base64);
void ks_json_finish(ks_json_t *w);

/* version: 2 or 3 */
void ks_resp_init(ks_resp_t *w, ks_out_t *out, unsigned version);


#endif /* KS_WRITERS_H */
