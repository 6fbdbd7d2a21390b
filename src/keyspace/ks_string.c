/*
 * String values in entries: inside the entry's chunk, or in a blob.
 *
 * A value is overwritten in place if the new one takes a chunk of the same
 * class and not many bytes are to be logged; otherwise a new entry is built
 * aside and put into the old one's slot with one store.
 */

#include "keyspace/ks_keyspace.h"
#include "types/ks_number.h"


#define KS_INPLACE     256              /* bytes logged rather than copied */
#define KS_EMBSTR_MAX  44


static int ks_string_overwrite(ks_space_t *sp, const ks_place_t *at,
    ks_entry_t *e, const ks_form_t *form, const ks_str_t *value);
static ks_entry_t *ks_string_expand(ks_space_t *sp, const ks_place_t *at,
    const ks_str_t *key, ks_entry_t *e, size_t len);


static inline void
ks_form_fit(ks_form_t *f)
{
    f->flags = 0;

    if (ks_form_size(f) > KS_ENTRY_INLINE) {
        f->flags = KS_ENTRY_BLOB;
    }
}


/* the length and the type of an entry that stays where it is */

static inline void
ks_string_set_form(ks_mem_t *m, ks_shard_t *sh, ks_entry_t *e,
    const ks_form_t *form)
{
    ks_save(m, sh, e, KS_ENTRY_HEADER);
    e->vlen = form->vlen;
    e->type = form->type;
    ks_barrier();
}


size_t
ks_string_len(const ks_entry_t *e)
{
    return e->vlen;
}


static const u_char * __attribute__((noinline))
ks_string_run_blob(ks_space_t *sp, const ks_entry_t *e, size_t off, size_t *n)
{
    ks_blob_t  b;

    b = ks_entry_blob(e);

    return ks_blob_run(&sp->mem, &b, off, n);
}


const u_char *
ks_string_run(ks_space_t *sp, const ks_entry_t *e, size_t off, size_t *n)
{
    if (e->flags & KS_ENTRY_BLOB) {
        return ks_string_run_blob(sp, e, off, n);
    }

    *n = off < e->vlen ? e->vlen - off : 0;

    return ks_entry_value(e) + off;
}


ks_str_t
ks_string_flat(ks_space_t *sp, const ks_entry_t *e)
{
    ks_str_t   s;
    ks_blob_t  b;

    s.len = e->vlen;
    s.data = ks_entry_value(e);

    if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);
        s.data = ks_arena_alloc(sp, s.len);
        ks_blob_read(&sp->mem, &b, 0, s.data, s.len);
    }

    return s;
}


/* The form of a value of len bytes that replaces that of e, or of none. */

static ks_form_t
ks_string_form(const ks_str_t *key, const ks_entry_t *e, size_t len,
    unsigned enc, uint64_t expire)
{
    ks_form_t  form;

    if (expire == KS_KEEP_TTL) {
        expire = e ? ks_entry_expire(e) : KS_NO_EXPIRE;
    }

    form.key = key;
    form.at = expire;
    form.vlen = (uint32_t) len;
    form.type = (uint8_t) (KS_TYPE_STRING | enc << 4);
    ks_form_fit(&form);

    return form;
}


ks_entry_t *
ks_string_set(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e,
    const ks_str_t *value, unsigned enc, uint64_t expire)
{
    ks_blob_t    b;
    ks_form_t    form;
    ks_place_t   at;
    ks_entry_t  *fresh;

    at = ks_place_now(sp, key);
    form = ks_string_form(key, e, value->len, enc, expire);

    if (e && ks_string_overwrite(sp, &at, e, &form, value)) {
        return e;
    }

    fresh = ks_entry_succeed(sp, &at, e, &form);

    if (form.flags & KS_ENTRY_BLOB) {
        b = ks_blob_create(&sp->mem, at.shard, value->data, value->len);
        ks_entry_set_blob(fresh, &b);

    } else {
        memcpy(ks_entry_value(fresh), value->data, value->len);
    }

    return fresh;
}


ks_entry_t *
ks_string_make(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e, size_t len,
    unsigned enc, uint64_t expire, ks_fill_pt fill, void *data)
{
    size_t       off, n;
    u_char      *p;
    ks_str_t     value;
    ks_blob_t    b;
    ks_form_t    form;
    ks_place_t   at;
    ks_entry_t  *fresh;

    at = ks_place(sp, key);
    form = ks_string_form(key, e, len, enc, expire);

    if (!(form.flags & KS_ENTRY_BLOB)) {
        value.len = len;
        value.data = ks_arena_alloc(sp, len);
        fill(data, 0, value.data, len);
        return ks_string_set(sp, key, e, &value, enc, expire);
    }

    b = ks_blob_room(&sp->mem, at.shard, len);

    for (off = 0; off < len; off += n) {
        p = ks_blob_run(&sp->mem, &b, off, &n);
        fill(data, off, p, n);
    }

    fresh = ks_entry_succeed(sp, &at, e, &form);
    ks_entry_set_blob(fresh, &b);

    return fresh;
}


static int
ks_string_overwrite(ks_space_t *sp, const ks_place_t *at, ks_entry_t *e,
    const ks_form_t *form, const ks_str_t *value)
{
    u_char      *p;
    ks_mem_t    *m;

    m = &sp->mem;

    if (((e->flags | form->flags) & (KS_ENTRY_BLOB|KS_ENTRY_ELEMENTS))
        || e->vlen > KS_INPLACE
        || !(e->flags & KS_ENTRY_TTL) != !form->at
        || (e->vlen != form->vlen
            && ks_class_of(ks_form_size(form))
               != ks_class_of(ks_entry_size(e))))
    {
        return 0;
    }

    if (form->at && form->at != ks_entry_expire(e)) {
        ks_wheel_reset(sp, at->shard, e, form->at);
    }

    ks_changed(sp, at, form->key, KS_CHANGE_VALUE);
    p = ks_entry_value(e);

    /* what the new value leaves behind its end is nobody's from now on */

    if (e->vlen) {
        ks_save(m, at->shard, p, e->vlen);
    }

    if (e->vlen != form->vlen || e->type != form->type) {
        ks_string_set_form(m, at->shard, e, form);
    }

    memcpy(p, value->data, value->len);
    ks_barrier();

    return 1;
}


ks_entry_t *
ks_string_write(ks_space_t *sp, const ks_str_t *key, ks_entry_t *e, size_t off,
    const u_char *data, size_t len)
{
    u_char      *p;
    size_t       old, end, n;
    ks_mem_t    *m;
    ks_blob_t    b;
    ks_place_t   at;

    m = &sp->mem;
    at = ks_place(sp, key);
    end = off + len;
    old = e ? e->vlen : 0;

    if (data != NULL || end > old) {
        ks_changed(sp, &at, key, e ? KS_CHANGE_VALUE : KS_CHANGE_CAME);
    }

    e = ks_string_expand(sp, &at, key, e, ks_max(old, end));

    /* from here on the bytes from old on are fresh, and not yet set */

    n = off < old ? ks_min(end, old) - off : 0;

    if (e->flags & KS_ENTRY_BLOB) {
        b = ks_entry_blob(e);

        if (n) {
            ks_blob_write(m, at.shard, &b, off, data, n);
            ks_set32(m, at.shard, ks_entry_value(e), b.root);
        }

        if (off > old) {
            ks_blob_fill(m, &b, old, NULL, off - old);
        }

        ks_blob_fill(m, &b, off + n, data ? data + n : NULL, len - n);
        return e;
    }

    p = ks_entry_value(e);

    if (n) {
        ks_save(m, at.shard, p + off, n);
    }

    if (off > old) {
        memset(p + old, 0, off - old);
    }

    if (data) {
        memcpy(p + off, data, len);

    } else {
        memset(p + off, 0, len);
    }

    ks_barrier();

    return e;
}


/*
 * Makes e (NULL: none yet) a string of len bytes, no less than it has, of
 * which the old ones are kept and the new ones are undefined.
 */

static ks_entry_t *
ks_string_expand(ks_space_t *sp, const ks_place_t *at, const ks_str_t *key,
    ks_entry_t *e, size_t len)
{
    size_t       old;
    ks_mem_t    *m;
    ks_blob_t    b;
    ks_form_t    form;
    ks_entry_t  *fresh;

    m = &sp->mem;
    old = e ? e->vlen : 0;

    form.key = key;
    form.at = e ? ks_entry_expire(e) : KS_NO_EXPIRE;
    form.vlen = (uint32_t) len;
    form.type = KS_TYPE_STRING | KS_ENC_RAW << 4;
    ks_form_fit(&form);

    if (e && (e->flags & KS_ENTRY_BLOB)) {

        if (len > old) {
            b = ks_entry_blob(e);
            ks_blob_grow(m, at->shard, &b, len);
            ks_save(m, at->shard, ks_entry_value(e), sizeof(ks_tail_t));
            ks_entry_set_blob(e, &b);
        }

        ks_string_set_form(m, at->shard, e, &form);
        return e;
    }

    if (e && !(form.flags & KS_ENTRY_BLOB)
        && ks_form_size(&form) <= ks_chunk_size(m, ks_ref(m, e)))
    {
        ks_string_set_form(m, at->shard, e, &form);
        return e;
    }

    fresh = ks_entry_succeed(sp, at, e, &form);

    if (form.flags & KS_ENTRY_BLOB) {
        b = ks_blob_create(m, at->shard, NULL, len);
        ks_blob_fill(m, &b, 0, e ? ks_entry_value(e) : NULL, old);
        ks_entry_set_blob(fresh, &b);

    } else if (e) {
        memcpy(ks_entry_value(fresh), ks_entry_value(e), old);
    }

    return fresh;
}


/* --- encodings --- */

unsigned
ks_encoding(const ks_str_t *value)
{
    int64_t  v;

    if (value->len <= KS_INT_LEN && ks_parse_int(value, &v) == KS_OK) {
        return KS_ENC_INT;
    }

    return ks_text_encoding(value);
}


unsigned
ks_text_encoding(const ks_str_t *value)
{
    return value->len <= KS_EMBSTR_MAX ? KS_ENC_EMBSTR : KS_ENC_RAW;
}
