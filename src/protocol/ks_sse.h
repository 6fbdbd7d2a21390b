/*
 * Server-sent events: pushes and replies as events, one line of data each.
 *
 *     data: message,CHANNEL,TEXT
 *     data: pmessage,PATTERN,CHANNEL,TEXT
 *
 * Names and texts are any bytes.  A field stands as it is unless that would be
 * ambiguous or would end the line.  Otherwise it is a space and a JSON string,
 * and no other field begins with a space and a quote, so that all bytes can be
 * had back.  In that string a byte that is no part of UTF-8 is \udc80 to
 * \udcff, as Python's "surrogateescape" has it.
 */

#ifndef KS_SSE_H
#define KS_SSE_H

#include "bus/ks_sink.h"
#include "commands/ks_reply.h"
#include "protocol/ks_out.h"


/*
 * A writer of replies: each is an event, its elements are the fields, however
 * they nest.  A status is a JSON string.  An error is no event: its text is
 * kept, for the host to send in another way.
 */
typedef struct {
    ks_reply_t      reply;              /* first: a ks_reply_t * is a writer */
    ks_out_t       *out;
    ks_reply_why_t  why;                /* len 0: there was no error */

    /* private from here on */
    size_t          left;               /* fields to come */
    unsigned        begun:1;
    ks_out_mark_t   mark;
} ks_sse_t;


/*
 * The push, a message or a line of MONITOR, as an event.  The bytes are the
 * push's, for others to hold.  NULL: the process has no memory.
 */
ks_bytes_t *ks_push_sse(ks_push_t *push);

/* out is where the events go. */
void ks_sse_init(ks_sse_t *w, ks_out_t *out);


#endif /* KS_SSE_H */
