/*
 * A sink: where a client that is told something takes it.
 *
 * A connection over RESP, a stream of server-sent events and a held request
 * are sinks.  What is pushed is a value here; the sink makes bytes of it.  Many
 * sinks want the same bytes, so these are kept with the value: the first sink
 * that needs a form makes it, and the sender frees them all.
 */

#ifndef KS_SINK_H
#define KS_SINK_H

#include "keyspace/ks_handle.h"


typedef struct ks_sink_s  ks_sink_t;

typedef enum {
    KS_PUSH_MESSAGE = 0,        /* channel, text */
    KS_PUSH_PMESSAGE,           /* pattern, channel, text */
    KS_PUSH_SMESSAGE,           /* channel, text */
    KS_PUSH_MONITOR,            /* text: a line */
    KS_PUSH_INVALIDATE          /* text: a key; or all, if its data is NULL */
} ks_push_kind_t;

typedef enum {
    KS_FORM_RESP2 = 0,
    KS_FORM_RESP3,
    KS_FORM_EVENT,              /* of a stream of server-sent events */
    KS_FORMS
} ks_form_kind_t;

typedef struct {
    ks_push_kind_t  kind;
    ks_str_t        pattern;
    ks_str_t        channel;
    ks_str_t        text;
    ks_str_t        forms[KS_FORMS];    /* malloc()ed; data NULL: not made */
} ks_push_t;

typedef struct {
    /* Takes it, or ends: it has no way to say no. */
    void          (*push)(ks_sink_t *sink, ks_push_t *push);

    /* Something for it was lost: it has to end, so that its client knows. */
    void          (*lost)(ks_sink_t *sink);
} ks_sink_ops_t;

/* a part of what it is the sink of, which its host knows how to find */
struct ks_sink_s {
    const ks_sink_ops_t  *ops;
};


#endif /* KS_SINK_H */
