
/*
 * Reading a part of a stream in one transaction, and its entries one by one
 * after that.
 */


#ifndef _NGX_HTTP_KEYSPACE_EVENTS_READ_H_INCLUDED_
#define _NGX_HTTP_KEYSPACE_EVENTS_READ_H_INCLUDED_


#include "ngx_keyspace.h"
#include "types/ks_stream.h"


/* all zero but for what is to be read: between two ids */

typedef struct {
    const ks_str_t    *key;
    ks_stream_id_t     after;           /* without it */
    ks_stream_id_t     upto;            /* with it; 0-0: nothing is */

    /* what has come of it */
    ks_stream_head_t   head;            /* zero, if there is no stream */
    ks_stream_id_t     last;            /* of those that were read */
    ngx_uint_t         n;               /* of these */
    unsigned           exists:1;
    unsigned           found:1;         /* the entry "after" is there */
    unsigned           more:1;          /* not all were read */
} ngx_http_keyspace_read_t;


/* all zero before the first; its fields are to be freed by ngx_free() */

typedef struct {
    ks_stream_id_t     id;
    ks_str_t          *fields;          /* names and values by turns */
    ngx_uint_t         n;
    unsigned           failed:1;        /* the process had no memory */

    size_t             at;
    ngx_uint_t         room;
} ngx_http_keyspace_entry_t;


/*
 * KS_OK; KS_AGAIN: its patience was over; else there was no memory.  What was
 * read is good until the next call, of whomever.
 */
int ngx_http_keyspace_read(ngx_keyspace_zone_t *kz,
    ngx_http_keyspace_read_t *read, unsigned patience);

/* The next entry; 0: there is none. */
ngx_uint_t ngx_http_keyspace_read_next(const ngx_http_keyspace_read_t *read,
    ngx_http_keyspace_entry_t *entry);

/*
 * Whether the stream has begun anew since somebody was at "after"; and whether
 * nothing is there any more of what was there then, so that something behind it
 * may be gone, too.
 */
ngx_uint_t ngx_http_keyspace_read_anew(const ngx_http_keyspace_read_t *read);
ngx_uint_t ngx_http_keyspace_read_trimmed(
    const ngx_http_keyspace_read_t *read);


#endif /* _NGX_HTTP_KEYSPACE_EVENTS_READ_H_INCLUDED_ */
