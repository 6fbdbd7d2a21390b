/*
 * A sink: where a client that is told something takes it.
 *
 * A connection over RESP, a stream of server-sent events and a held request
 * are sinks.  What is pushed is a value here; the sink makes bytes of it.  Many
 * sinks want the same bytes, so these are kept with the value: the first sink
 * that needs a form makes it, and all that keep it for a while hold it.
 */

#ifndef KS_SINK_H
#define KS_SINK_H

#include <stdlib.h>

#include "keyspace/ks_handle.h"


typedef struct ks_sink_s          ks_sink_t;
typedef struct ks_subscription_s  ks_subscription_t;

typedef enum {
    KS_PUSH_MESSAGE = 0,        /* channel, text */
    KS_PUSH_PMESSAGE,           /* pattern, channel, text */
    KS_PUSH_SMESSAGE,           /* channel, text */
    KS_PUSH_MONITOR,            /* text: a line */
    KS_PUSH_INVALIDATE,         /* keys; none: all */
    KS_PUSH_REDIRECTION_BROKEN  /* number: the client that is gone */
} ks_push_kind_t;

typedef enum {
    KS_FORM_RESP2 = 0,
    KS_FORM_RESP3,
    KS_FORM_EVENT,              /* of a stream of server-sent events */

    /* of keyspace_events: as server-sent events, and in WebSocket frames */
    KS_FORM_TEXT_EVENT,
    KS_FORM_JSON_EVENT,
    KS_FORM_TEXT_FRAME,
    KS_FORM_JSON_FRAME,
    KS_FORMS
} ks_form_kind_t;

/* bytes that several have, and that the last of them frees */
typedef struct {
    uint32_t  holders;
    size_t    len;
    u_char    data[];
} ks_bytes_t;

typedef struct {
    ks_push_kind_t  kind;
    ks_str_t        pattern;
    ks_str_t        channel;
    ks_str_t        text;
    const ks_str_t *keys;
    size_t          nkeys;
    uint64_t        number;
    unsigned        redirected:1;       /* the client did not ask for it by
                                           itself */
    ks_bytes_t     *forms[KS_FORMS];    /* NULL: not made */
} ks_push_t;

typedef struct {
    /*
     * Takes it, or ends: it has no way to say no.  It may not end its
     * subscriptions before the push has returned.
     */
    void          (*push)(ks_sink_t *sink, ks_push_t *push);

    /*
     * Something for it was lost: it has to end, so that its client knows; but
     * not before this has returned.  It may be said several times.
     */
    void          (*lost)(ks_sink_t *sink);
} ks_sink_ops_t;

#define KS_SINK_TOPICS  3       /* kinds of them, see ks_registry.h */

/* so many zones may stand behind one door, as databases */
#define KS_DATABASES_MAX  16

/*
 * A part of what it is the sink of, which its host knows how to find; all zero
 * but for "ops" at its beginning.
 */
struct ks_sink_s {
    const ks_sink_ops_t  *ops;

    /* see ks_pubsub.c: by kind of topic, in the order in which they came */
    uint32_t              subscribed[KS_SINK_TOPICS];
    ks_subscription_t    *first[KS_SINK_TOPICS];
    ks_subscription_t    *last[KS_SINK_TOPICS];
    unsigned              unsettled:1;

    /* the number that its client knows the zone by, for the names of events */
    unsigned              db;
};


/* Whether it subscribes to anything. */
static inline int
ks_sink_subscribes(const ks_sink_t *sink)
{
    return (sink->subscribed[0] | sink->subscribed[1] | sink->subscribed[2])
           != 0;
}


/* Room for so many bytes, with one holder; NULL: the process has no memory. */
static inline ks_bytes_t *
ks_bytes_new(size_t len)
{
    ks_bytes_t  *b;

    b = malloc(sizeof(ks_bytes_t) + len);

    if (b != NULL) {
        b->holders = 1;
        b->len = len;
    }

    return b;
}


static inline ks_bytes_t *
ks_bytes_hold(ks_bytes_t *b)
{
    b->holders++;

    return b;
}


static inline void
ks_bytes_release(ks_bytes_t *b)
{
    if (b != NULL && --b->holders == 0) {
        free(b);
    }
}


/* The sender is done with it. */
static inline void
ks_push_release(ks_push_t *push)
{
    unsigned  i;

    for (i = 0; i < KS_FORMS; i++) {
        ks_bytes_release(push->forms[i]);
        push->forms[i] = NULL;
    }
}


#endif /* KS_SINK_H */
