/*
 * Events for browsers, as keyspace_events sends them: entries of streams and
 * messages of channels, each in two forms.
 *
 *     id: 1526919030474-55         {"id":"1526919030474-55",
 *     event: paid                   "event":"paid",
 *     data: {"order":"7"}           "data":{"order":"7"}}
 *
 * The first is a server-sent event, the second, without its line ends, is JSON
 * in a WebSocket frame.  An id and a name that are not given are left out.
 *
 * Any bytes are safe: none of them ends a line or an event.  In JSON all can be
 * had back: a byte that is no part of UTF-8 is \udc80 to \udcff, as Python's
 * "surrogateescape" has it.  A text that is data as it is has one "data:" for
 * each of its lines, whatever ends them, and U+FFFD for each such byte; so has
 * a name, and for each control character.
 */

#ifndef KS_EVENTS_H
#define KS_EVENTS_H

#include "bus/ks_sink.h"


typedef enum {
    KS_DATA_TEXT = 0,           /* "text", as it is */
    KS_DATA_FIELDS,             /* a JSON object: names and values */
    KS_DATA_NONE                /* there is only an id */
} ks_data_t;

typedef struct {
    ks_str_t         id;        /* empty: none; it is plain ASCII */
    ks_str_t         name;      /* empty: none */
    ks_data_t        data;
    ks_str_t         text;
    const ks_str_t  *fields;    /* a name, its value, and so on */
    size_t           nfields;   /* of both together */
} ks_event_of_t;

/* a run of bytes that grows; all zero at its beginning, free() its data */
typedef struct {
    u_char          *data;
    size_t           len;
    size_t           room;
    unsigned         failed:1;  /* the process had no memory: it is void */
} ks_text_t;


/* Puts the event behind what is there. */
void ks_event_sse(ks_text_t *t, const ks_event_of_t *e);
void ks_event_json(ks_text_t *t, const ks_event_of_t *e);

/* The same JSON as a frame, header and all. */
void ks_event_frame(ks_text_t *t, const ks_event_of_t *e);

/* A JSON string with its quotes. */
void ks_text_json(ks_text_t *t, const ks_str_t *s);
void ks_text_put(ks_text_t *t, const void *p, size_t len);

/*
 * A message of a channel, as an event without an id: KS_FORM_*_EVENT or
 * KS_FORM_*_FRAME.  In the forms of JSON, and for a pattern, its data are
 * {"channel":...,"message":...}.  The bytes are the push's, for others to hold.
 * NULL: the process has no memory.
 */
ks_bytes_t *ks_push_event(ks_push_t *push, ks_form_kind_t form);


#endif /* KS_EVENTS_H */
