
/*
 * Ids of events: where somebody is in each of his streams.
 *
 * Of one stream it is the id of an entry, "1526919030474-55".  Of several it is
 * one such after the other, in the order of the configuration, with a point
 * between them; to browsers it says nothing.
 */


#include "ngx_http_keyspace_events.h"


static u_char *ngx_http_keyspace_events_number(u_char *p, u_char *last,
    uint64_t *n);


ks_str_t
ngx_http_keyspace_events_id(u_char *buf, const ks_stream_id_t *at,
    ngx_uint_t n)
{
    u_char      *p;
    ks_str_t     s;
    ngx_uint_t   i;

    p = buf;

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%s%uL-%uL", (i != 0) ? "." : "", at[i].ms,
                        at[i].seq);
    }

    s.data = buf;
    s.len = p - buf;

    return s;
}


/* As in Redis an id without its second number has 0 there. */

ngx_int_t
ngx_http_keyspace_events_parse_id(const ngx_str_t *text, ks_stream_id_t *at,
    ngx_uint_t n)
{
    u_char      *p, *last;
    ngx_uint_t   i;

    p = text->data;
    last = p + text->len;

    for (i = 0; i < n; i++) {

        if (i != 0) {
            if (p == last || *p != '.') {
                return NGX_ERROR;
            }

            p++;
        }

        p = ngx_http_keyspace_events_number(p, last, &at[i].ms);
        if (p == NULL) {
            return NGX_ERROR;
        }

        at[i].seq = 0;

        if (p < last && *p == '-') {
            p = ngx_http_keyspace_events_number(p + 1, last, &at[i].seq);
            if (p == NULL) {
                return NGX_ERROR;
            }
        }
    }

    return (p == last) ? NGX_OK : NGX_ERROR;
}


/* NULL: there is none, or it is too large. */

static u_char *
ngx_http_keyspace_events_number(u_char *p, u_char *last, uint64_t *n)
{
    u_char    *first;
    uint64_t   digit;

    *n = 0;

    for (first = p; p < last && *p >= '0' && *p <= '9'; p++) {
        digit = *p - '0';

        if (*n > (UINT64_MAX - digit) / 10) {
            return NULL;
        }

        *n = *n * 10 + digit;
    }

    return (p == first) ? NULL : p;
}
