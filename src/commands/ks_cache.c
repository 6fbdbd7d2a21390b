/*
 * Entries of an HTTP cache: the hash, and what is told of its changes.
 *
 * A transaction may be rolled back and run again, so a body begins with its
 * outputs.
 */

#include "commands/ks_cache.h"
#include "commands/ks_cache_tag.h"
#include "keyspace/ks_ended.h"
#include "types/ks_hash.h"
#include "types/ks_number.h"


#define KS_CACHE_FIELD   (sizeof("meta:") - 1 + KS_CACHE_ID)
#define KS_CACHE_TEXT    512            /* bytes of "meta" */
#define KS_CACHE_TRIES   4              /* of reading a body in slices */

/* where all is fresh */
#define KS_CACHE_FOREVER ((uint64_t) INT64_MAX)

/* a field of the hash for a variant */
typedef struct {
    u_char           text[KS_CACHE_FIELD];
    ks_str_t         name;
} ks_cache_field_t;

typedef struct {
    ks_cache_get_t  *get;
    ks_cache_found_t found;
    uint64_t         now;       /* for the call */
    unsigned         whole:1;   /* the body is copied in one run */
    size_t           copied;    /* bytes of it */
} ks_cache_look_t;

typedef struct {
    ks_cache_put_t  *put;
    int              rc;
    uint64_t         until;
    uint64_t         shards;    /* that the call locks */
    ks_str_t         tags;      /* those of the entry as well */
    ks_str_t         time;      /* "until" as text */
    ks_str_t         text;      /* "meta" */
    u_char           times[KS_INTEGER_TEXT];
    u_char           texts[KS_CACHE_TEXT];
    ks_cache_field_t meta;
    ks_cache_field_t head;
    ks_cache_field_t body;
} ks_cache_store_t;

typedef struct {
    const ks_str_t  *key;
    int              found;
} ks_cache_end_t;

static const ks_str_t  ks_cache_vary = ks_str("vary");
static const ks_str_t  ks_cache_until = ks_str("until");
static const ks_str_t  ks_cache_tags = ks_str("tags");


/* --- numbers of a variant --- */

static const struct {
    ks_str_t  name;
    size_t    offset;
} ks_cache_numbers[] = {
    { ks_str("version"), offsetof(ks_cache_meta_t, version) },
    { ks_str("status"), offsetof(ks_cache_meta_t, status) },
    { ks_str("stored"), offsetof(ks_cache_meta_t, stored) },
    { ks_str("age"), offsetof(ks_cache_meta_t, age) },
    { ks_str("fresh"), offsetof(ks_cache_meta_t, fresh) },
    { ks_str("stale"), offsetof(ks_cache_meta_t, stale) },
    { ks_str("error"), offsetof(ks_cache_meta_t, error) },
    { ks_str("flags"), offsetof(ks_cache_meta_t, flags) },
};

#define ks_cache_number(meta, i)                                              \
    ((uint64_t *) ((u_char *) (meta) + ks_cache_numbers[i].offset))


static size_t
ks_cache_meta_text(u_char *p, const ks_cache_meta_t *meta)
{
    size_t  i, n, len;

    for (len = 0, i = 0; i < ks_nelts(ks_cache_numbers); i++) {
        n = ks_cache_numbers[i].name.len;

        if (i) {
            p[len++] = ' ';
        }

        memcpy(p + len, ks_cache_numbers[i].name.data, n);
        len += n;
        p[len++] = '=';
        len += ks_integer_text(p + len,
                               (int64_t) *ks_cache_number(meta, i));
    }

    return len;
}


/* KS_ERR: somebody has written something else there. */

static int
ks_cache_meta_parse(const ks_str_t *text, ks_cache_meta_t *meta)
{
    int64_t     v;
    size_t      i, n;
    ks_str_t    s;
    u_char     *p, *end;

    p = text->data;
    end = p + text->len;

    for (i = 0; i < ks_nelts(ks_cache_numbers); i++) {
        n = ks_cache_numbers[i].name.len;

        if ((size_t) (end - p) <= n || p[n] != '='
            || memcmp(p, ks_cache_numbers[i].name.data, n) != 0)
        {
            return KS_ERR;
        }

        s.data = p + n + 1;

        for (p = s.data; p < end && *p != ' '; p++) {
            /* void */
        }

        s.len = (size_t) (p - s.data);

        if (ks_parse_int(&s, &v) != KS_OK || v < 0) {
            return KS_ERR;
        }

        *ks_cache_number(meta, i) = (uint64_t) v;
        p += (p < end);
    }

    return KS_OK;
}


/* --- the hash --- */

static const ks_str_t *
ks_cache_field(ks_cache_field_t *f, const char *kind, const u_char *id,
    size_t len)
{
    memcpy(f->text, kind, sizeof("meta:") - 1);
    memcpy(f->text + sizeof("meta:") - 1, id, len);

    f->name.data = f->text;
    f->name.len = sizeof("meta:") - 1 + len;

    return &f->name;
}


static int
ks_cache_item(const ks_value_t *v, const ks_str_t *field, ks_item_t *item)
{
    ks_pos_t  pos;

    if (!ks_hash_find(v, &pos, field)) {
        return 0;
    }

    *item = ks_hash_value(v, &pos);

    return 1;
}


/* A number of the hash, 0: there is none. */

static uint64_t
ks_cache_time(ks_space_t *sp, const ks_value_t *v, const ks_str_t *field)
{
    int64_t    n;
    ks_str_t   s;
    ks_item_t  item;

    if (!ks_cache_item(v, field, &item) || item.len > KS_INTEGER_TEXT) {
        return 0;
    }

    s = ks_item_flat(sp, &item);

    return (ks_parse_int(&s, &n) == KS_OK && n > 0) ? (uint64_t) n : 0;
}


/* The names of an entry's tags, a copy in the arena; empty: it has none. */

static ks_str_t
ks_cache_names(ks_space_t *sp, const ks_value_t *v)
{
    ks_str_t   none = { 0, NULL };
    ks_item_t  item;

    if (!ks_cache_item(v, &ks_cache_tags, &item) || item.len == 0) {
        return none;
    }

    return ks_item_copy(sp, &item);
}


static int
ks_cache_meta(ks_space_t *sp, const ks_value_t *v, const u_char *id,
    size_t len, ks_cache_meta_t *meta)
{
    ks_str_t          s;
    ks_item_t         item;
    ks_cache_field_t  f;

    if (!ks_cache_item(v, ks_cache_field(&f, "meta:", id, len), &item)
        || item.len > KS_CACHE_TEXT)
    {
        return KS_NONE;
    }

    s = ks_item_flat(sp, &item);

    return ks_cache_meta_parse(&s, meta) == KS_OK ? KS_OK : KS_NONE;
}


/* The key's TTL has the last word. */

static void
ks_cache_move(ks_space_t *sp, ks_value_t *v, ks_cache_meta_t *meta)
{
    uint64_t  at, until, back;

    at = ks_entry_expire(v->entry);
    until = ks_cache_time(sp, v, &ks_cache_until);

    if (at == 0) {
        meta->fresh = KS_CACHE_FOREVER;

    } else if (until == 0 || at == until) {
        return;

    } else if (at > until) {
        meta->fresh += at - until;

    } else {
        back = until - at;
        meta->fresh = meta->fresh > back ? meta->fresh - back : 0;
    }
}


/* --- reading --- */

static u_char *
ks_cache_copy(ks_space_t *sp, const ks_item_t *item, size_t from, size_t to,
    u_char *p)
{
    size_t         n;
    const u_char  *run;

    for ( /* void */ ; from < to; from += n) {
        run = ks_item_run(sp, item, from, &n);

        if (n == 0) {
            break;
        }

        n = ks_min(n, to - from);
        p = (u_char *) memcpy(p, run, n) + n;
    }

    return p;
}


/* A copy of all of an item in the caller's memory. */

static int
ks_cache_take(ks_space_t *sp, ks_cache_get_t *get, const ks_item_t *item,
    ks_str_t *to)
{
    to->len = item->len;
    to->data = get->room(get->data, item->len);

    if (to->data == NULL) {
        return KS_ERR;
    }

    (void) ks_cache_copy(sp, item, 0, item->len, to->data);

    return KS_OK;
}


/*
 * The entry of that key, and its names of request fields; NULL: there is none,
 * or it is something else.
 */

static ks_entry_t *
ks_cache_lookup(ks_space_t *sp, const ks_str_t *key, unsigned flags,
    ks_value_t *v, ks_item_t *vary, ks_cache_found_t *found)
{
    ks_entry_t  *e;

    *found = KS_CACHE_NONE;
    e = ks_lookup(sp, key, flags);

    if (e == NULL) {
        return NULL;
    }

    if (ks_entry_type(e) == KS_TYPE_HASH) {
        ks_value_open(sp, key, e, v);

        if (ks_cache_item(v, &ks_cache_vary, vary)) {
            return e;
        }
    }

    *found = KS_CACHE_FAILED;

    return NULL;
}


static void
ks_cache_look_body(ks_space_t *sp, void *data)
{
    ks_cache_look_t *look = data;

    size_t             n;
    ks_str_t           vary, tags;
    ks_item_t          names, item;
    ks_value_t         v;
    ks_cache_get_t    *get;
    ks_cache_field_t   f;
    ks_cache_tagged_t  tagged;

    get = look->get;
    get->now = ks_space_now(sp);
    get->body = (ks_str_t) { 0, NULL };

    if (ks_cache_lookup(sp, &get->key, KS_LOOKUP_READ, &v, &names,
                        &look->found)
        == NULL)
    {
        return;
    }

    tagged = KS_CACHE_TAGGED;
    tags = ks_cache_names(sp, &v);

    if (tags.len) {
        tagged = ks_cache_tagged(sp, &get->key, &tags);

        if (tagged == KS_CACHE_UNTAGGED) {
            look->found = KS_CACHE_NONE;
            return;
        }
    }

    look->found = KS_CACHE_FAILED;

    vary = ks_item_flat(sp, &names);
    get->idlen = vary.len ? get->select(get->data, &vary, get->id) : 0;

    if (ks_cache_take(sp, get, &names, &get->vary) != KS_OK) {
        return;
    }

    if (ks_cache_meta(sp, &v, get->id, get->idlen, &get->meta) != KS_OK
        || !ks_cache_item(&v, ks_cache_field(&f, "head:", get->id,
                                             get->idlen), &item))
    {
        look->found = KS_CACHE_OTHER;
        return;
    }

    if (ks_cache_take(sp, get, &item, &get->head) != KS_OK) {
        return;
    }

    if (!ks_cache_item(&v, ks_cache_field(&f, "body:", get->id, get->idlen),
                       &item))
    {
        look->found = KS_CACHE_OTHER;
        return;
    }

    ks_cache_move(sp, &v, &get->meta);

    if (tagged == KS_CACHE_TAGGED_STALE) {
        get->meta.fresh = ks_min(get->meta.fresh, get->now);
    }

    get->body.len = item.len;

    if (!get->bare) {
        get->body.data = get->room(get->data, item.len);

        if (get->body.data == NULL) {
            return;
        }

        n = look->whole ? item.len : ks_min(item.len, (size_t) KS_CACHE_SLICE);
        (void) ks_cache_copy(sp, &item, 0, n, get->body.data);
        look->copied = n;
    }

    look->found = KS_CACHE_FOUND;
}


/* The next slice; found is KS_CACHE_OTHER if there is another body now. */

static void
ks_cache_slice_body(ks_space_t *sp, void *data)
{
    ks_cache_look_t *look = data;

    size_t            to;
    ks_item_t         item;
    ks_value_t        v;
    ks_cache_get_t   *get;
    ks_cache_meta_t   meta;
    ks_cache_field_t  f;

    get = look->get;

    if (ks_cache_lookup(sp, &get->key, KS_LOOKUP_PEEK, &v, &item,
                        &look->found)
        == NULL)
    {
        look->found = KS_CACHE_OTHER;
        return;
    }

    look->found = KS_CACHE_OTHER;

    if (ks_cache_meta(sp, &v, get->id, get->idlen, &meta) == KS_OK
        && meta.version == get->meta.version
        && ks_cache_item(&v, ks_cache_field(&f, "body:", get->id, get->idlen),
                         &item)
        && item.len == get->body.len)
    {
        to = ks_min(look->copied + KS_CACHE_SLICE, item.len);
        (void) ks_cache_copy(sp, &item, look->copied, to,
                             get->body.data + look->copied);
        look->copied = to;
        look->found = KS_CACHE_FOUND;
    }
}


static ks_cache_found_t
ks_cache_run(ks_space_t *sp, ks_cache_look_t *look, ks_body_pt body)
{
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));

    call.now = look->now;
    call.shards = ks_key_shard(sp, &look->get->key);
    call.urgent = 1;
    call.body = body;
    call.data = look;

    return ks_run(sp, &call) == KS_OK ? look->found : KS_CACHE_FAILED;
}


ks_cache_found_t
ks_cache_get(ks_space_t *sp, ks_cache_get_t *get)
{
    unsigned          tries;
    ks_cache_look_t   look;
    ks_cache_found_t  found;

    memset(&look, 0, sizeof(ks_cache_look_t));
    look.get = get;
    look.now = get->now;

    for (tries = 1; /* void */ ; tries++) {
        look.whole = (tries == KS_CACHE_TRIES);
        look.copied = 0;

        found = ks_cache_run(sp, &look, ks_cache_look_body);

        if (get->bare) {
            return found;
        }

        while (found == KS_CACHE_FOUND && look.copied < get->body.len) {
            found = ks_cache_run(sp, &look, ks_cache_slice_body);
        }

        /* a body that was replaced while it was read begins anew */

        if (found != KS_CACHE_OTHER || look.copied == 0) {
            return found;
        }
    }
}


/* --- storing --- */

static void
ks_cache_remove(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e)
{
    ks_remove(sp, key, e);
    ks_effectf(sp, "DEL %s", key);
    ks_event(sp, KS_NOTIFY_GENERIC, "del", key);
}


/* Whether the variant goes beside what is there. */

static int
ks_cache_joins(const ks_value_t *v, const ks_str_t *vary)
{
    ks_pos_t   pos;
    ks_item_t  item;

    return ks_hash_find(v, &pos, &ks_cache_vary)
           && ks_value_is(v, &pos, 1, vary)
           && ks_value_count(v) - ks_cache_item(v, &ks_cache_tags, &item)
              < 3 * KS_CACHE_VARIANTS + 2;
}


/* Whether there are other variants than this one. */

static int
ks_cache_others(const ks_value_t *v, const ks_str_t *meta)
{
    unsigned  own;
    ks_pos_t  pos;

    own = 2 + (ks_hash_find(v, &pos, meta) ? 3 : 0)
          + (ks_hash_find(v, &pos, &ks_cache_tags) ? 1 : 0);

    return ks_value_count(v) > own;
}


static void
ks_cache_texts(ks_space_t *sp, ks_cache_store_t *st)
{
    ks_cache_put_t  *put = st->put;

    if (!put->update) {
        put->meta.version = ks_next_id(sp);
    }

    st->time.data = st->times;
    st->time.len = ks_integer_text(st->times, (int64_t) st->until);
    st->text.data = st->texts;
    st->text.len = ks_cache_meta_text(st->texts, &put->meta);
}


static void
ks_cache_fields(ks_space_t *sp, ks_cache_store_t *st, ks_value_t *v)
{
    int              argc;
    size_t           i;
    ks_cache_put_t  *put = st->put;
    const ks_str_t  *key = &put->key;
    const ks_str_t  *pair[6][2] = {
        { &ks_cache_vary, &put->vary },
        { &ks_cache_until, &st->time },
        { &st->meta.name, &st->text },
        { &st->head.name, &put->head },
    };

    argc = 4;

    if (!put->update) {
        pair[argc][0] = &st->body.name;
        pair[argc++][1] = &put->body;
    }

    if (st->tags.len) {
        pair[argc][0] = &ks_cache_tags;
        pair[argc++][1] = &st->tags;
    }

    ks_effect_begin(sp, 2 + 2 * argc);
    ks_effect_arg(sp, (const u_char *) "HSET", 4);
    ks_effect_arg(sp, key->data, key->len);

    for (i = 0; i < (size_t) argc; i++) {
        (void) ks_hash_set(v, pair[i][0], pair[i][1], 0);
        ks_effect_arg(sp, pair[i][0]->data, pair[i][0]->len);
        ks_effect_arg(sp, pair[i][1]->data, pair[i][1]->len);
    }
}


/* Whether "tags" has the n bytes at p among its names. */

static int
ks_cache_named(const ks_str_t *tags, const u_char *p, size_t n)
{
    size_t  i;

    for (i = 0; i + n <= tags->len; i++) {
        if ((i == 0 || tags->data[i - 1] == ' ')
            && (i + n == tags->len || tags->data[i + n] == ' ')
            && memcmp(tags->data + i, p, n) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* The tags of both, in the arena; data NULL: they are too many. */

static ks_str_t
ks_cache_union(ks_space_t *sp, const ks_str_t *own, const ks_str_t *more)
{
    size_t    i, n;
    ks_str_t  all;

    all.data = ks_arena_alloc(sp, own->len + more->len + 1);
    all.len = own->len;
    memcpy(all.data, own->data, own->len);

    for (i = 0; i < more->len; i += n + 1) {
        for (n = 0; i + n < more->len && more->data[i + n] != ' '; n++) {
            /* void */
        }

        if (n == 0 || ks_cache_named(own, more->data + i, n)) {
            continue;
        }

        if (all.len + n + 1 > KS_CACHE_TAGS) {
            return (ks_str_t) { 0, NULL };
        }

        all.data[all.len++] = ' ';
        memcpy(all.data + all.len, more->data + i, n);
        all.len += n;
    }

    return all;
}


/*
 * What the tags of the entry say: 0: it ends, as it is purged, as it is stale
 * and what is stored would make its other variants fresh, or as all of its
 * variants have too many.
 */

static int
ks_cache_stands(ks_space_t *sp, ks_cache_store_t *st, const ks_value_t *v)
{
    ks_str_t           own, all;
    ks_cache_tagged_t  tagged;

    own = ks_cache_names(sp, v);

    if (own.len == 0) {
        return 1;
    }

    tagged = ks_cache_tagged(sp, &st->put->key, &own);

    if (tagged == KS_CACHE_UNTAGGED
        || (tagged == KS_CACHE_TAGGED_STALE
            && ks_cache_others(v, &st->meta.name)))
    {
        return 0;
    }

    if (st->tags.len == 0) {
        st->tags = own;
        return 1;
    }

    all = ks_cache_union(sp, &own, &st->tags);

    if (all.data == NULL) {
        return 0;
    }

    st->tags = all;

    return 1;
}


/*
 * The hash that the variant goes into, and when its key is to expire; NULL: a
 * new one.  rc is KS_NONE if nothing can be stored there.
 */

static ks_entry_t *
ks_cache_house(ks_space_t *sp, ks_cache_store_t *st, ks_value_t *v)
{
    uint64_t          at;
    ks_item_t         item;
    ks_entry_t       *e;
    ks_cache_put_t   *put = st->put;
    ks_cache_meta_t   meta;
    ks_cache_found_t  found;

    st->rc = KS_OK;
    st->tags = put->tags;
    st->until = put->meta.fresh + put->keep;

    e = ks_cache_lookup(sp, &put->key, KS_LOOKUP_WRITE, v, &item, &found);

    if (found == KS_CACHE_FAILED) {
        st->rc = KS_NONE;
        return NULL;
    }

    if (put->update
        && (e == NULL
            || ks_cache_meta(sp, v, put->id.data, put->id.len, &meta) != KS_OK
            || meta.version != put->meta.version))
    {
        st->rc = KS_NONE;
        return NULL;
    }

    if (e && !put->update && !ks_cache_joins(v, &put->vary)) {
        ks_cache_remove(sp, &put->key, e);
        return NULL;
    }

    if (e && !ks_cache_stands(sp, st, v)) {
        ks_cache_remove(sp, &put->key, e);
        st->rc = put->update ? KS_NONE : KS_OK;
        return NULL;
    }

    if (e && ks_cache_others(v, &st->meta.name)) {
        at = ks_entry_expire(e);
        st->until = at ? ks_max(st->until, at) : 0;
    }

    return e;
}


/* Whether it was purged on its way. */

static int
ks_cache_late(ks_space_t *sp, const ks_cache_put_t *put)
{
    return put->since != 0
           && (ks_ended_since(sp, &put->key, put->since)
               || ks_cache_tags_ended(sp, &put->tags, put->since));
}


static void
ks_cache_put_body(ks_space_t *sp, void *data)
{
    ks_cache_store_t *st = data;

    ks_entry_t      *e;
    ks_value_t       v;
    const ks_str_t  *key = &st->put->key;

    if (ks_cache_late(sp, st->put)) {
        st->rc = KS_NONE;
        return;
    }

    e = ks_cache_house(sp, st, &v);

    if (st->rc != KS_OK) {
        return;
    }

    /* what was removed just now must not stop the body if it is run again */

    if (st->put->since) {
        st->put->since = ks_ended_now(sp);
    }

    if (st->tags.len
        && ks_cache_tag(sp, key, &st->tags, st->until, st->shards) != KS_OK)
    {
        st->rc = KS_NONE;
        return;
    }

    if (e) {
        ks_value_open(sp, key, e, &v);

    } else {
        ks_value_create(sp, key, NULL, KS_TYPE_HASH, KS_ENC_LISTPACK,
                        KS_CACHE_TEXT, st->until, &v);
    }

    ks_cache_texts(sp, st);
    ks_cache_fields(sp, st, &v);
    ks_event(sp, KS_NOTIFY_HASH, "hset", key);
    (void) ks_value_close(&v);

    if (st->until == 0) {
        return;
    }

    if (e) {
        (void) ks_set_expire(sp, key, v.entry, st->until);
    }

    ks_effectf(sp, "PEXPIREAT %s %u", key, st->until);
    ks_event(sp, KS_NOTIFY_GENERIC, "expire", key);
}


int
ks_cache_put(ks_space_t *sp, ks_cache_put_t *put)
{
    int               rc;
    ks_call_t         call;
    ks_cache_store_t  st;

    memset(&call, 0, sizeof(ks_call_t));

    st.put = put;
    st.rc = KS_OK;

    (void) ks_cache_field(&st.meta, "meta:", put->id.data, put->id.len);
    (void) ks_cache_field(&st.head, "head:", put->id.data, put->id.len);
    (void) ks_cache_field(&st.body, "body:", put->id.data, put->id.len);

    st.shards = ks_key_shard(sp, &put->key)
                | ks_cache_tag_shards(sp, &put->tags);

    call.now = put->now;
    call.shards = st.shards;
    call.body = ks_cache_put_body;
    call.data = &st;

    rc = ks_run(sp, &call);

    return rc == KS_OK ? st.rc : KS_NOMEM;
}


static void
ks_cache_drop_body(ks_space_t *sp, void *data)
{
    ks_cache_end_t *end = data;

    ks_item_t          item;
    ks_entry_t        *e;
    ks_value_t         v;
    ks_cache_found_t   found;

    e = ks_cache_lookup(sp, end->key, KS_LOOKUP_PEEK, &v, &item, &found);
    end->found = (e != NULL);

    if (e) {
        ks_cache_remove(sp, end->key, e);

    } else {
        /* what is on its way to become one is of before */
        ks_ended_say(sp, end->key);
    }
}


int
ks_cache_drop(ks_space_t *sp, const ks_str_t *key, uint64_t now)
{
    ks_call_t       call;
    ks_cache_end_t  end = { key, 0 };

    memset(&call, 0, sizeof(ks_call_t));

    call.now = now;
    call.shards = ks_key_shard(sp, key);
    call.urgent = 1;
    call.body = ks_cache_drop_body;
    call.data = &end;

    return ks_run(sp, &call) == KS_OK && end.found;
}
