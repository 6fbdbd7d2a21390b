/*
 * A large value on its way into the zone, in parts: pieces of a string, or some
 * elements, each in a transaction of its own.  When it expires is set at last,
 * so that nobody takes it away meanwhile.
 *
 * When nothing is at hand but the source's window, it moves on as bytes are
 * wanted; the key is kept in l->large.
 */

#include "persist/ks_load_in.h"
#include "persist/ks_rdb_skim.h"
#include "types/ks_lzf.h"
#include "types/ks_packed.h"
#include "types/ks_rdb_in.h"


#define KS_LOAD_PART    4092            /* strings */
#define KS_LOAD_EXPAND  (256u * 1024)   /* bytes that are expanded at once */


/* --- parts --- */

static int
ks_load_part_elements(ks_space_t *sp, ks_load_large_t *k, ks_entry_t *e)
{
    return e == NULL
           ? ks_restore_new(sp, &k->key, &e, k->value, KS_NO_EXPIRE)
           : ks_restore_more(sp, &k->key, e, k->value);
}


static void
ks_load_part_bytes(ks_space_t *sp, ks_load_large_t *k, ks_entry_t *e)
{
    if (e == NULL) {
        (void) ks_string_set(sp, &k->key, NULL, &k->bytes,
                             k->whole ? ks_encoding(&k->bytes) : KS_ENC_RAW,
                             KS_NO_EXPIRE);
        return;
    }

    (void) ks_string_write(sp, &k->key, e, k->off, k->bytes.data,
                           k->bytes.len);
}


static void
ks_load_part_body(ks_space_t *sp, void *data)
{
    ks_entry_t       *e;
    ks_load_large_t  *k;

    k = &((ks_load_t *) data)->large;
    ks_tell_nothing(sp);

    e = ks_lookup(sp, &k->key, KS_LOOKUP_WRITE);

    if (e != NULL && !k->begun) {
        ks_abort(sp);
    }

    if (k->value == NULL) {
        ks_load_part_bytes(sp, k, e);

    } else if (ks_load_part_elements(sp, k, e) != KS_OK) {
        ks_abort(sp);
    }
}


static int
ks_load_part(ks_load_t *l)
{
    int               rc;
    ks_load_large_t  *k;

    k = &l->large;
    rc = ks_load_run(l, ks_key_shard(l->space, &k->key), ks_load_part_body);

    if (rc == KS_ABORTED) {
        return ks_load_fail(l, &k->key,
                            "the key, or an element of it, is there twice");
    }

    k->begun = 1;
    l->report.loaded = ks_source_offset(&l->source);

    return rc;
}


static int
ks_load_elements(void *data, const ks_rdb_value_t *v)
{
    ks_load_t       *l;
    ks_rdb_value_t   part;

    l = ((ks_source_t *) data)->data;
    part = *v;

    if (!ks_restore_alive(l->space, &part)) {
        return KS_OK;
    }

    l->large.value = &part;

    return ks_load_part(l);
}


/* --- strings --- */

/* the bytes from l->large.off on */

static int
ks_load_bytes(ks_load_t *l, const u_char *p, size_t n)
{
    int  rc;

    l->large.bytes.data = (u_char *) p;
    l->large.bytes.len = n;

    rc = ks_load_part(l);
    l->large.off += n;

    return rc;
}


static int
ks_load_plain(ks_load_t *l, uint64_t len)
{
    size_t        n;
    ks_source_t  *s;

    s = &l->source;

    do {
        if (s->in.p == s->in.end && len > 0
            && ks_source_more(s) != KS_OK)
        {
            return ks_load_damaged(l, &l->large.key);
        }

        n = (size_t) ks_min((uint64_t) (s->in.end - s->in.p), len);
        l->large.whole = (n == len && l->large.off == 0);

        if (ks_load_bytes(l, s->in.p, n) != KS_OK) {
            return KS_ERR;
        }

        s->in.p += n;
        len -= n;

    } while (len > 0);

    return KS_OK;
}


/* What is expanded is a part; the last bytes of it stay to be referred to. */

static int
ks_load_expanded(ks_load_t *l, ks_lzf_t *z, size_t *kept)
{
    size_t  n;

    n = z->at - *kept;

    if (n > 0 && ks_load_bytes(l, z->to + *kept, n) != KS_OK) {
        return KS_ERR;
    }

    *kept = ks_min(z->at, (size_t) KS_LZF_BACK);
    memmove(z->to, z->to + z->at - *kept, *kept);
    z->at = *kept;

    return KS_OK;
}


/* n bytes of the file become len */

static int
ks_load_compressed(ks_load_t *l, uint64_t n, uint64_t len)
{
    int           rc, all;
    size_t        kept;
    uint64_t      left;
    ks_lzf_t      z;
    ks_source_t  *s;

    s = &l->source;
    z.room = KS_LZF_BACK + KS_LOAD_EXPAND;
    z.to = ks_source_alloc(s, z.room);
    z.at = 0;
    kept = 0;

    while (n > 0) {
        left = (uint64_t) (s->in.end - s->in.p);
        all = (left >= n);
        z.p = s->in.p;
        z.end = z.p + ks_min(left, n);

        rc = ks_lzf_expand(&z);
        n -= (uint64_t) (z.p - s->in.p);
        s->in.p = z.p;

        if (rc == KS_ERR || (rc == KS_NONE && all)
            || l->large.off + z.at - kept > len)
        {
            return ks_load_damaged(l, &l->large.key);
        }

        if (rc == KS_AGAIN || n == 0) {
            if (ks_load_expanded(l, &z, &kept) != KS_OK) {
                return KS_ERR;
            }

        } else if (ks_source_more(s) != KS_OK) {
            return ks_load_damaged(l, &l->large.key);
        }
    }

    return l->large.off == len ? KS_OK : ks_load_damaged(l, &l->large.key);
}


static int
ks_load_integer(ks_load_t *l, unsigned n)
{
    ks_str_t      text;
    ks_source_t  *s;

    s = &l->source;

    if (ks_source_need(s, n) != KS_OK) {
        return ks_load_damaged(l, &l->large.key);
    }

    ks_rdb_integer_text(&s->in, ks_little_signed(s->in.p, n), &text);
    s->in.p += n;
    l->large.whole = 1;

    return ks_load_bytes(l, text.data, text.len);
}


static int
ks_load_string(ks_load_t *l)
{
    int           special;
    uint64_t      n, len;
    ks_source_t  *src;

    src = &l->source;
    l->large.value = NULL;

    if (ks_skim_length(src, &n, &special) != KS_OK) {
        return ks_load_damaged(l, &l->large.key);
    }

    if (special && n < KS_RDB_LZF) {
        return ks_load_integer(l, 1u << n);
    }

    len = n;

    if (special
        && (n != KS_RDB_LZF || ks_skim_length(src, &n, NULL) != KS_OK
            || ks_skim_length(src, &len, NULL) != KS_OK))
    {
        return ks_load_damaged(l, &l->large.key);
    }

    if (len > KS_RDB_STRING_MAX) {
        return ks_load_fail(l, &l->large.key, "its %llu bytes are more than a "
                            "string may have", (unsigned long long) len);
    }

    return special ? ks_load_compressed(l, n, len) : ks_load_plain(l, len);
}


/* --- whole values --- */

static int
ks_load_more(void *data)
{
    return ks_source_more(data);
}


static void
ks_load_finish_body(ks_space_t *sp, void *data)
{
    ks_load_t   *l;
    ks_entry_t  *e;

    l = data;
    ks_tell_nothing(sp);
    e = ks_lookup(sp, &l->large.key, KS_LOOKUP_PEEK);

    if (e == NULL) {
        return;
    }

    if (l->marks.expire >= 0) {
        e = ks_set_expire(sp, &l->large.key, e, (uint64_t) l->marks.expire);
    }

    if ((l->marks.idle & l->marks.freq) >= 0) {
        ks_entry_used(sp, e, l->marks.idle, l->marks.freq);
    }
}


static int
ks_load_collection(ks_load_t *l, unsigned form)
{
    ks_rdb_parts_t  parts;

    parts.most = KS_LOAD_PART;
    parts.part = ks_load_elements;
    parts.more = ks_load_more;
    parts.mark = ks_source_mark;
    parts.release = ks_source_release;
    parts.data = &l->source;

    l->source.in.ended = 0;

    return ks_rdb_read_parts(&l->source.in, form, &parts) == KS_OK
           ? KS_OK : ks_load_damaged(l, &l->large.key);
}


/* A document, whose text is read as a whole: behind the id of its module. */

static int
ks_load_document(ks_load_t *l)
{
    int              rc;
    uint64_t         n;
    ks_str_t         text;
    const u_char    *start;
    ks_source_t     *s;
    ks_rdb_value_t   v;

    s = &l->source;

    if (ks_skim_length(s, &n, NULL) != KS_OK || n != KS_MODULE_STRING) {
        return ks_load_damaged(l, &l->large.key);
    }

    for ( ;; ) {
        start = s->in.p;
        s->in.starved = 0;

        if (ks_rdb_string(&s->in, &text) == KS_OK) {
            break;
        }

        s->in.p = start;

        if (!s->in.starved || ks_source_more(s) != KS_OK) {
            return ks_load_damaged(l, &l->large.key);
        }
    }

    /* what is made of the text stays, while the window moves on */

    rc = ks_rdb_make_json(&s->in, &text, &v);

    if (rc != KS_OK || ks_skim_length(s, &n, NULL) != KS_OK
        || n != KS_MODULE_END)
    {
        return ks_load_damaged(l, &l->large.key);
    }

    l->large.value = &v;

    return ks_load_part(l);
}


int
ks_load_value(ks_load_t *l, unsigned form)
{
    int               rc;
    ks_load_large_t  *k;

    k = &l->large;
    k->begun = 0;
    k->whole = 0;
    k->off = 0;

    rc = form == KS_RDB_STRING ? ks_load_string(l)
         : form == KS_RDB_MODULE_2 ? ks_load_document(l)
         : ks_load_collection(l, form);

    if (rc != KS_OK) {
        return KS_ERR;
    }

    if (!k->begun) {
        l->report.empty++;
        return KS_OK;
    }

    l->report.keys++;

    return ks_load_run(l, ks_key_shard(l->space, &k->key),
                       ks_load_finish_body);
}
