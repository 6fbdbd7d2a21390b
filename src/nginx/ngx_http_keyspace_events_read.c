
/*
 * Reading streams for browsers: a bounded part at a time, copied into a block
 * of the process, from which events are made when the shard is free again.
 *
 * The block holds one part.  Each entry in it is its id and the number of its
 * strings, and then each of these with its length before it.
 */


#include "ngx_http_keyspace_events_read.h"
#include "keyspace/ks_elements.h"
#include "keyspace/ks_key.h"
#include "keyspace/ks_transact.h"
#include "protocol/ks_events.h"


/* a part: so many entries, or those after so many bytes */

#define NGX_HTTP_KEYSPACE_READ_MAX    256
#define NGX_HTTP_KEYSPACE_READ_BYTES  65536


typedef struct {
    ks_stream_id_t  id;
    uint64_t        strings;
} ngx_http_keyspace_read_head_t;


/* what a visit of an entry's strings needs */

typedef struct {
    const ks_value_t  *value;
} ngx_http_keyspace_visit_t;


static void ngx_http_keyspace_read_body(ks_space_t *sp, void *data);
static void ngx_http_keyspace_read_entries(ngx_http_keyspace_read_t *read,
    const ks_value_t *v);
static void ngx_http_keyspace_read_entry(const ks_value_t *v,
    const ks_stream_entry_t *entry);
static void ngx_http_keyspace_read_string(void *data,
    const ks_stream_string_t *s);
static ngx_uint_t ngx_http_keyspace_read_room(
    ngx_http_keyspace_entry_t *entry, ngx_uint_t n);


static ks_text_t  ngx_http_keyspace_part;


int
ngx_http_keyspace_read(ngx_keyspace_zone_t *kz, ngx_http_keyspace_read_t *read,
    unsigned patience)
{
    int        rc;
    ks_call_t  call;

    ngx_memzero(&call, sizeof(ks_call_t));
    call.shards = ks_key_shard(kz->space, read->key);
    call.patience = patience;
    call.body = ngx_http_keyspace_read_body;
    call.data = read;

    rc = ngx_keyspace_run(kz, &call);

    if (rc == KS_OK && ngx_http_keyspace_part.failed) {
        ngx_http_keyspace_part.failed = 0;
        return KS_NOMEM;
    }

    return rc;
}


static void
ngx_http_keyspace_read_body(ks_space_t *sp, void *data)
{
    ngx_http_keyspace_read_t *read = data;

    ks_entry_t         *e;
    ks_value_t          v;
    ks_stream_entry_t   entry;

    ngx_http_keyspace_part.len = 0;

    ngx_memzero(&read->head, sizeof(ks_stream_head_t));
    read->n = 0;
    read->exists = 0;
    read->found = 0;
    read->more = 0;

    e = ks_lookup(sp, read->key, KS_LOOKUP_READ);

    if (e == NULL || ks_entry_type(e) != KS_TYPE_STREAM) {
        return;
    }

    ks_value_open(sp, read->key, e, &v);
    ks_stream_head(&v, &read->head);

    read->exists = 1;
    read->found = ks_stream_find(&v, &entry, &read->after) != 0;

    ngx_http_keyspace_read_entries(read, &v);
}


static void
ngx_http_keyspace_read_entries(ngx_http_keyspace_read_t *read,
    const ks_value_t *v)
{
    int                more;
    ks_stream_id_t     id;
    ks_stream_entry_t  entry;

    id = read->after;

    if (!ks_stream_id_incr(&id)) {
        return;
    }

    for (more = ks_stream_seek(v, &entry, &id);
         more && ks_stream_id_compare(&entry.id, &read->upto) <= 0;
         more = ks_stream_next(v, &entry))
    {
        if (read->n == NGX_HTTP_KEYSPACE_READ_MAX
            || ngx_http_keyspace_part.len >= NGX_HTTP_KEYSPACE_READ_BYTES)
        {
            read->more = 1;
            return;
        }

        ngx_http_keyspace_read_entry(v, &entry);
        read->last = entry.id;
        read->n++;
    }
}


static void
ngx_http_keyspace_read_entry(const ks_value_t *v,
    const ks_stream_entry_t *entry)
{
    ngx_http_keyspace_visit_t      visit;
    ngx_http_keyspace_read_head_t  head;

    head.id = entry->id;
    head.strings = (uint64_t) entry->fields * 2;
    ks_text_put(&ngx_http_keyspace_part, &head, sizeof(head));

    visit.value = v;
    ks_stream_visit(v, entry, ngx_http_keyspace_read_string, &visit);
}


static void
ngx_http_keyspace_read_string(void *data, const ks_stream_string_t *s)
{
    ngx_http_keyspace_visit_t *visit = data;

    size_t         off, n;
    uint64_t       len;
    const u_char  *p;

    len = s->len;
    ks_text_put(&ngx_http_keyspace_part, &len, sizeof(len));

    for (off = 0; off < s->len; off += n) {
        p = ks_stream_run(visit->value, s, off, &n);
        ks_text_put(&ngx_http_keyspace_part, p, n);
    }
}


/* --- entries one by one --- */

ngx_uint_t
ngx_http_keyspace_read_next(const ngx_http_keyspace_read_t *read,
    ngx_http_keyspace_entry_t *entry)
{
    u_char                         *p;
    uint64_t                        len;
    ngx_uint_t                      i;
    ngx_http_keyspace_read_head_t   head;

    if (read->n == 0 || entry->at == ngx_http_keyspace_part.len) {
        return 0;
    }

    p = ngx_http_keyspace_part.data + entry->at;
    ngx_memcpy(&head, p, sizeof(head));
    p += sizeof(head);

    if (!ngx_http_keyspace_read_room(entry, head.strings)) {
        entry->failed = 1;
        return 0;
    }

    entry->id = head.id;
    entry->n = head.strings;

    for (i = 0; i < entry->n; i++) {
        ngx_memcpy(&len, p, sizeof(len));
        p += sizeof(len);

        entry->fields[i].data = p;
        entry->fields[i].len = len;
        p += len;
    }

    entry->at = p - ngx_http_keyspace_part.data;

    return 1;
}


static ngx_uint_t
ngx_http_keyspace_read_room(ngx_http_keyspace_entry_t *entry, ngx_uint_t n)
{
    if (n <= entry->room) {
        return 1;
    }

    ngx_free(entry->fields);

    entry->fields = ngx_alloc(n * sizeof(ks_str_t), ngx_cycle->log);
    entry->room = (entry->fields == NULL) ? 0 : n;

    return entry->room != 0;
}


/* --- what is gone --- */

ngx_uint_t
ngx_http_keyspace_read_anew(const ngx_http_keyspace_read_t *read)
{
    return read->exists
           && ks_stream_id_compare(&read->head.last, &read->after) < 0;
}


ngx_uint_t
ngx_http_keyspace_read_trimmed(const ngx_http_keyspace_read_t *read)
{
    const ks_stream_id_t  *gone;

    if (!read->exists || read->found) {
        return 0;
    }

    gone = &read->head.trimmed;

    if (ks_stream_id_compare(gone, &read->head.deleted) < 0) {
        gone = &read->head.deleted;
    }

    return ks_stream_id_compare(&read->after, gone) < 0;
}
