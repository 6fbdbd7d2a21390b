/*
 * Reading streams from dumps: listpacks of entries, the figures of the stream,
 * its groups with what is pending, and their consumers.
 *
 * A stream is believed nothing.  Ids ascend, names ascend as in Redis's own
 * order, and so none is there twice; what is pending is some consumer's; and
 * there are as many entries as are said to be.
 */

#include "types/ks_packed.h"
#include "types/ks_rdb_in.h"


#define KS_RDB_ID_BYTES     16          /* ms and seq, the highest byte first */

/* flags of an entry in a listpack */
#define KS_RDB_DELETED      1
#define KS_RDB_SAME_FIELDS  2

/* bytes that these take at least */
#define KS_RDB_MIN_PENDING   (KS_RDB_ID_BYTES + 8 + 1)
#define KS_RDB_MIN_CONSUMER  (1 + 8 + 1)
#define KS_RDB_MIN_GROUP     (1 + 2 + 2)

/* elements of a listpack, and those of them that were used */
typedef struct {
    ks_packed_t      *a;
    size_t            n;
    size_t            max;
    size_t            next;
    ks_rdb_in_t      *in;
} ks_elements_t;

/* the stream as it grows */
typedef struct {
    ks_rdb_in_t      *in;
    ks_rdb_value_t   *v;
    ks_rdb_stream_t  *stream;
    size_t            max_entries;
    size_t            max_strings;
    uint64_t          total;            /* of entries, in all its parts */
    ks_stream_id_t    last;             /* of them; 0-0: none */
} ks_rdb_reader_t;


/* room for one more of what grows, in memory that is let go later */

static void *
ks_rdb_more(ks_rdb_in_t *in, void *a, size_t n, size_t *max, size_t size)
{
    void  *more;

    if (n < *max) {
        return a;
    }

    *max = ks_max(*max * 2, (size_t) 64);
    more = in->alloc(in->data, *max * size);

    if (n) {
        memcpy(more, a, n * size);
    }

    return more;
}


/* as many as there are said to be, if there are bytes enough for them here */

static void *
ks_rdb_array(ks_rdb_in_t *in, uint64_t n, size_t least, size_t size)
{
    uint64_t  left;

    left = (uint64_t) (in->end - in->p);

    if (n > left / least) {
        in->starved = (n <= (left + in->rest) / least);
        in->ended = !in->starved;
        return NULL;
    }

    return in->alloc(in->data, ks_max((size_t) n, (size_t) 1) * size);
}


/* --- elements of a listpack --- */

static void
ks_elements_add(void *data, const ks_packed_t *el)
{
    ks_elements_t  *els;

    els = data;
    els->a = ks_rdb_more(els->in, els->a, els->n, &els->max,
                         sizeof(ks_packed_t));
    els->a[els->n++] = *el;
}


static int
ks_elements_integer(ks_elements_t *els, int64_t *v)
{
    if (els->next == els->n || els->a[els->next].data != NULL) {
        return KS_ERR;
    }

    *v = els->a[els->next++].v;

    return KS_OK;
}


/* a number that is not negative, and for which there may be elements */

static int
ks_elements_count(ks_elements_t *els, uint64_t *n)
{
    int64_t  v;

    if (ks_elements_integer(els, &v) != KS_OK || v < 0
        || (uint64_t) v > els->n)
    {
        return KS_ERR;
    }

    *n = (uint64_t) v;

    return KS_OK;
}


static void
ks_elements_string(ks_elements_t *els, size_t i, ks_str_t *s)
{
    const ks_packed_t  *el;

    el = &els->a[i];

    if (el->data == NULL) {
        ks_rdb_integer_text(els->in, el->v, s);
        return;
    }

    s->data = (u_char *) el->data;
    s->len = el->len;
}


/* --- entries --- */

static void
ks_rdb_add_string(ks_rdb_reader_t *r, ks_elements_t *els, size_t i)
{
    r->v->strings = ks_rdb_more(r->in, r->v->strings, r->v->n, &r->max_strings,
                                sizeof(ks_str_t));
    ks_elements_string(els, i, &r->v->strings[r->v->n++]);
}


/* one that is there; names: where its fields are, 1 or 2 elements apart */

static int
ks_rdb_add_entry(ks_rdb_reader_t *r, ks_elements_t *els,
    const ks_stream_id_t *id, size_t names, uint64_t fields, unsigned step)
{
    size_t            value;
    uint64_t          i;
    ks_rdb_stream_t  *s;

    s = r->stream;
    value = els->next + step - 1;

    if (fields == 0 || ks_stream_id_compare(id, &r->last) <= 0) {
        return KS_ERR;
    }

    s->entries = ks_rdb_more(r->in, s->entries, s->n, &r->max_entries,
                             sizeof(ks_rdb_entry_t));
    s->entries[s->n].id = *id;
    s->entries[s->n++].n = (uint32_t) fields * 2;
    r->last = *id;
    r->total++;

    for (i = 0; i < fields; i++) {
        ks_rdb_add_string(r, els, names + i * step);
        ks_rdb_add_string(r, els, value + i * step);
    }

    return KS_OK;
}


/* The next entry in a listpack; whether it is deleted. */

static int
ks_rdb_entry(ks_rdb_reader_t *r, ks_elements_t *els,
    const ks_stream_id_t *base, size_t names, uint64_t fields, int *deleted)
{
    size_t          start;
    int64_t         flags, ms, seq, n;
    unsigned        step;
    ks_stream_id_t  id;

    start = els->next;

    if (ks_elements_integer(els, &flags) != KS_OK
        || ks_elements_integer(els, &ms) != KS_OK
        || ks_elements_integer(els, &seq) != KS_OK
        || (flags & ~(KS_RDB_DELETED | KS_RDB_SAME_FIELDS)) != 0)
    {
        return KS_ERR;
    }

    id.ms = base->ms + (uint64_t) ms;
    id.seq = base->seq + (uint64_t) seq;
    step = 1;

    if (!(flags & KS_RDB_SAME_FIELDS)) {

        if (ks_elements_count(els, &fields) != KS_OK) {
            return KS_ERR;
        }

        names = els->next;
        step = 2;
    }

    if (fields * step > els->n - els->next) {
        return KS_ERR;
    }

    *deleted = (flags & KS_RDB_DELETED) != 0;

    if (!*deleted
        && ks_rdb_add_entry(r, els, &id, names, fields, step) != KS_OK)
    {
        return KS_ERR;
    }

    els->next += fields * step;
    n = (int64_t) (els->next - start);

    return ks_elements_integer(els, &flags) == KS_OK && flags == n ? KS_OK
                                                                   : KS_ERR;
}


/* what a listpack has, its first entry being what names the fields */

static int
ks_rdb_entries(ks_rdb_reader_t *r, ks_elements_t *els,
    const ks_stream_id_t *base)
{
    int       deleted;
    size_t    names;
    int64_t   zero;
    uint64_t  live, gone, fields;

    if (ks_elements_count(els, &live) != KS_OK
        || ks_elements_count(els, &gone) != KS_OK
        || ks_elements_count(els, &fields) != KS_OK
        || fields > els->n - els->next)
    {
        return KS_ERR;
    }

    names = els->next;
    els->next += fields;

    if (ks_elements_integer(els, &zero) != KS_OK || zero != 0) {
        return KS_ERR;
    }

    while (els->next < els->n) {

        if (ks_rdb_entry(r, els, base, names, fields, &deleted) != KS_OK
            || (deleted ? gone-- : live--) == 0)
        {
            return KS_ERR;
        }
    }

    return live == 0 && gone == 0 ? KS_OK : KS_ERR;
}


static uint64_t
ks_rdb_big(const u_char *p)
{
    return __builtin_bswap64(ks_load64(p));
}


static int
ks_rdb_listpack(ks_rdb_reader_t *r, ks_elements_t *els)
{
    ks_str_t        s;
    ks_stream_id_t  base;

    if (ks_rdb_string(r->in, &s) != KS_OK || s.len != KS_RDB_ID_BYTES) {
        return KS_ERR;
    }

    base.ms = ks_rdb_big(s.data);
    base.seq = ks_rdb_big(s.data + 8);
    els->n = 0;
    els->next = 0;

    if (ks_rdb_string(r->in, &s) != KS_OK
        || ks_listpack_read(&s, ks_elements_add, els) != KS_OK)
    {
        return KS_ERR;
    }

    return ks_rdb_entries(r, els, &base);
}


static int
ks_rdb_listpacks(ks_rdb_reader_t *r)
{
    uint64_t       n;
    ks_elements_t  els = { NULL, 0, 0, 0, r->in };

    if (ks_rdb_length(r->in, &n) != KS_OK) {
        return KS_ERR;
    }

    for ( /* void */ ; n; n--) {
        if (ks_rdb_listpack(r, &els) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* --- the figures --- */

static int
ks_rdb_id(ks_rdb_in_t *in, ks_stream_id_t *id)
{
    return ks_rdb_length(in, &id->ms) == KS_OK
           && ks_rdb_length(in, &id->seq) == KS_OK ? KS_OK : KS_ERR;
}


static int
ks_rdb_stream_head(ks_rdb_reader_t *r)
{
    ks_rdb_in_t       *in;
    ks_stream_id_t     first;
    ks_stream_head_t  *head;

    in = r->in;
    head = &r->stream->head;

    if (ks_rdb_length(in, &head->length) != KS_OK
        || ks_rdb_id(in, &head->last) != KS_OK)
    {
        return KS_ERR;
    }

    head->added = head->length;

    if (r->v->form != KS_RDB_STREAM
        && (ks_rdb_id(in, &first) != KS_OK
            || ks_rdb_id(in, &head->deleted) != KS_OK
            || ks_rdb_length(in, &head->added) != KS_OK))
    {
        return KS_ERR;
    }

    return head->length == r->total && head->added >= head->length
           && ks_stream_id_compare(&r->last, &head->last) <= 0 ? KS_OK
                                                               : KS_ERR;
}


/* --- groups --- */

/* a time; one that was never is -1 to Redis */

static int
ks_rdb_time(ks_rdb_in_t *in, uint64_t *ms)
{
    const u_char  *p;

    p = ks_rdb_take(in, 8);

    if (p == NULL) {
        return KS_ERR;
    }

    *ms = ks_load64(p);

    if (*ms > INT64_MAX) {
        *ms = 0;
    }

    return KS_OK;
}


static int
ks_rdb_raw_id(ks_rdb_in_t *in, ks_stream_id_t *id)
{
    const u_char  *p;

    p = ks_rdb_take(in, KS_RDB_ID_BYTES);

    if (p == NULL) {
        return KS_ERR;
    }

    id->ms = ks_rdb_big(p);
    id->seq = ks_rdb_big(p + 8);

    return KS_OK;
}


/* whether a name is behind the one before, as rax has them in order */

static int
ks_rdb_name_follows(const ks_str_t *before, const ks_str_t *s)
{
    int  rc;

    rc = memcmp(before->data, s->data, ks_min(before->len, s->len));

    return rc < 0 || (rc == 0 && before->len < s->len);
}


static int
ks_rdb_pending(ks_rdb_in_t *in, ks_rdb_group_t *g)
{
    size_t             i;
    uint64_t           n;
    ks_rdb_pending_t  *p;

    if (ks_rdb_length(in, &n) != KS_OK) {
        return KS_ERR;
    }

    g->pending = ks_rdb_array(in, n, KS_RDB_MIN_PENDING,
                              sizeof(ks_rdb_pending_t));

    if (g->pending == NULL) {
        return KS_ERR;
    }

    g->npending = (size_t) n;

    for (i = 0; i < n; i++) {
        p = &g->pending[i];
        p->owned = 0;

        if (ks_rdb_raw_id(in, &p->id) != KS_OK
            || ks_rdb_time(in, &p->delivered) != KS_OK
            || ks_rdb_length(in, &p->count) != KS_OK
            || (i && ks_stream_id_compare(&p[-1].id, &p->id) >= 0))
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static ks_rdb_pending_t *
ks_rdb_find_pending(const ks_rdb_group_t *g, const ks_stream_id_t *id)
{
    int     rc;
    size_t  lo, hi, mid;

    for (lo = 0, hi = g->npending; lo < hi; /* void */ ) {
        mid = (lo + hi) / 2;
        rc = ks_stream_id_compare(&g->pending[mid].id, id);

        if (rc == 0) {
            return &g->pending[mid];
        }

        if (rc < 0) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    return NULL;
}


/* what is pending with a consumer of the group */

static int
ks_rdb_owned(ks_rdb_in_t *in, const ks_rdb_group_t *g, ks_rdb_consumer_t *c)
{
    uint64_t            n;
    ks_stream_id_t      id;
    ks_rdb_pending_t   *p, **last;

    c->first = NULL;
    last = &c->first;

    if (ks_rdb_length(in, &n) != KS_OK) {
        return KS_ERR;
    }

    for ( /* void */ ; n; n--) {

        if (ks_rdb_raw_id(in, &id) != KS_OK) {
            return KS_ERR;
        }

        p = ks_rdb_find_pending(g, &id);

        if (p == NULL || p->owned) {
            return KS_ERR;
        }

        p->owned = 1;
        p->next = NULL;
        *last = p;
        last = &p->next;
    }

    return KS_OK;
}


static int
ks_rdb_consumer(ks_rdb_in_t *in, unsigned form, ks_rdb_group_t *g, size_t i)
{
    ks_rdb_consumer_t  *c;

    c = &g->consumers[i];

    if (ks_rdb_string(in, &c->name) != KS_OK
        || (i && !ks_rdb_name_follows(&c[-1].name, &c->name))
        || ks_rdb_time(in, &c->seen) != KS_OK)
    {
        return KS_ERR;
    }

    c->active = c->seen;

    if (form == KS_RDB_STREAM_3 && ks_rdb_time(in, &c->active) != KS_OK) {
        return KS_ERR;
    }

    return ks_rdb_owned(in, g, c);
}


static int
ks_rdb_consumers(ks_rdb_in_t *in, unsigned form, ks_rdb_group_t *g)
{
    size_t    i;
    uint64_t  n;

    if (ks_rdb_length(in, &n) != KS_OK) {
        return KS_ERR;
    }

    g->consumers = ks_rdb_array(in, n, KS_RDB_MIN_CONSUMER,
                                sizeof(ks_rdb_consumer_t));

    if (g->consumers == NULL || n >= UINT32_MAX) {
        return KS_ERR;
    }

    g->nconsumers = (size_t) n;

    for (i = 0; i < n; i++) {
        if (ks_rdb_consumer(in, form, g, i) != KS_OK) {
            return KS_ERR;
        }
    }

    for (i = 0; i < g->npending; i++) {
        if (!g->pending[i].owned) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


static int
ks_rdb_group(ks_rdb_in_t *in, unsigned form, ks_rdb_group_t *g)
{
    uint64_t  read;

    read = UINT64_MAX;

    if (ks_rdb_string(in, &g->name) != KS_OK
        || ks_rdb_id(in, &g->last) != KS_OK
        || (form != KS_RDB_STREAM && ks_rdb_length(in, &read) != KS_OK))
    {
        return KS_ERR;
    }

    g->read = read > INT64_MAX ? -1 : (int64_t) read;

    return ks_rdb_pending(in, g) == KS_OK
           && ks_rdb_consumers(in, form, g) == KS_OK ? KS_OK : KS_ERR;
}


static int
ks_rdb_groups(ks_rdb_in_t *in, unsigned form, ks_rdb_stream_t *s)
{
    size_t           i;
    uint64_t         n;
    ks_rdb_group_t  *g;

    if (ks_rdb_length(in, &n) != KS_OK) {
        return KS_ERR;
    }

    s->groups = ks_rdb_array(in, n, KS_RDB_MIN_GROUP, sizeof(ks_rdb_group_t));

    if (s->groups == NULL) {
        return KS_ERR;
    }

    s->ngroups = (size_t) n;

    for (i = 0; i < n; i++) {
        g = &s->groups[i];

        if (ks_rdb_group(in, form, g) != KS_OK
            || (i && !ks_rdb_name_follows(&g[-1].name, &g->name)))
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* --- the stream --- */

static void
ks_rdb_stream_begin(ks_rdb_reader_t *r, ks_rdb_in_t *in, ks_rdb_value_t *v)
{
    memset(r, 0, sizeof(ks_rdb_reader_t));

    v->stream = in->alloc(in->data, sizeof(ks_rdb_stream_t));
    memset(v->stream, 0, sizeof(ks_rdb_stream_t));
    v->stream->estimate = (v->form == KS_RDB_STREAM);

    r->in = in;
    r->v = v;
    r->stream = v->stream;
}


int
ks_rdb_read_stream(ks_rdb_in_t *in, ks_rdb_value_t *v)
{
    ks_rdb_reader_t  r;

    ks_rdb_stream_begin(&r, in, v);

    return ks_rdb_listpacks(&r) == KS_OK
           && ks_rdb_stream_head(&r) == KS_OK
           && ks_rdb_groups(in, v->form, v->stream) == KS_OK ? KS_OK : KS_ERR;
}


static int
ks_rdb_part_entries(ks_rdb_reader_t *r, ks_rdb_stream_parts_t *parts)
{
    int            rc;
    ks_elements_t  els = { NULL, 0, 0, 0, r->in };

    r->total = parts->entries;
    r->last = parts->last;
    r->stream->headless = 1;

    rc = ks_rdb_listpack(r, &els);

    parts->left--;
    parts->entries = r->total;
    parts->last = r->last;

    return rc;
}


/* groups follow the figures */

static int
ks_rdb_part_head(ks_rdb_reader_t *r, ks_rdb_stream_parts_t *parts)
{
    r->total = parts->entries;
    r->last = parts->last;
    parts->at = KS_RDB_STREAM_GROUPS;

    return ks_rdb_stream_head(r) == KS_OK
           && ks_rdb_length(r->in, &parts->left) == KS_OK ? KS_OK : KS_ERR;
}


static int
ks_rdb_part_group(ks_rdb_reader_t *r, ks_rdb_stream_parts_t *parts)
{
    ks_rdb_stream_t  *s;

    s = r->stream;
    s->headless = 1;
    s->ngroups = 1;
    s->groups = r->in->alloc(r->in->data, sizeof(ks_rdb_group_t));
    parts->left--;

    return ks_rdb_group(r->in, parts->form, s->groups);
}


int
ks_rdb_stream_part(ks_rdb_in_t *in, ks_rdb_stream_parts_t *parts,
    ks_rdb_value_t *v)
{
    ks_rdb_reader_t  r;

    if (parts->at == KS_RDB_STREAM_GROUPS && parts->left == 0) {
        return KS_NONE;
    }

    memset(v, 0, sizeof(ks_rdb_value_t));
    v->form = parts->form;
    v->type = KS_TYPE_STREAM;
    v->cols = 1;
    ks_rdb_stream_begin(&r, in, v);

    if (parts->at == KS_RDB_STREAM_GROUPS) {
        return ks_rdb_part_group(&r, parts);
    }

    if (parts->at == KS_RDB_STREAM_BEGINS) {

        if (ks_rdb_length(in, &parts->left) != KS_OK) {
            return KS_ERR;
        }

        parts->at = KS_RDB_STREAM_ENTRIES;
    }

    return parts->left ? ks_rdb_part_entries(&r, parts)
                       : ks_rdb_part_head(&r, parts);
}
