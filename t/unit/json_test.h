/*
 * What the tests of JSON documents share: documents at random, a model that is
 * changed as they are, and their texts.
 */

#ifndef JSON_TEST_H
#define JSON_TEST_H

#include "engine_test.h"
#include "types/ks_json.h"


typedef struct model_s  model_t;

struct model_s {
    ks_json_kind_t   kind;
    char            *text;          /* of a number; the bytes of a string */
    size_t           len;
    unsigned         n;             /* values in it */
    unsigned         max;
    model_t        **items;
    model_t        **names;         /* of an object: strings */
};

typedef struct {
    char    *p;
    size_t   len;
    size_t   room;
} text_t;


/* --- texts --- */

static inline void
text_add(text_t *t, const void *p, size_t n)
{
    if (t->room - t->len < n + 1) {
        t->room = (t->room + n + 1) * 2;
        t->p = realloc(t->p, t->room);
        assert_non_null(t->p);
    }

    if (n) {
        memcpy(t->p + t->len, p, n);
    }

    t->len += n;
    t->p[t->len] = '\0';
}


static inline void
text_string(text_t *t, const char *p, size_t n)
{
    char         code[8];
    size_t       i;
    const char  *at;

    static const char  odd[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";

    text_add(t, "\"", 1);

    for (i = 0; i < n; i++) {
        at = p[i] ? strchr(odd, p[i]) : NULL;

        if (at) {
            code[0] = '\\';
            code[1] = letters[at - odd];
            text_add(t, code, 2);

        } else if ((u_char) p[i] < 0x20) {
            snprintf(code, sizeof(code), "\\u%04x", (u_char) p[i]);
            text_add(t, code, 6);

        } else {
            text_add(t, p + i, 1);
        }
    }

    text_add(t, "\"", 1);
}


static inline void
text_model(text_t *t, const model_t *m)
{
    unsigned  i;

    static const char *const  words[] = { "null", "false", "true" };

    switch (m->kind) {

    case KS_JSON_INTEGER:
    case KS_JSON_NUMBER:
        text_add(t, m->text, m->len);
        return;

    case KS_JSON_STRING:
        text_string(t, m->text, m->len);
        return;

    case KS_JSON_ARRAY:
    case KS_JSON_OBJECT:
        break;

    default:
        text_add(t, words[m->kind], strlen(words[m->kind]));
        return;
    }

    text_add(t, m->kind == KS_JSON_ARRAY ? "[" : "{", 1);

    for (i = 0; i < m->n; i++) {

        if (i) {
            text_add(t, ",", 1);
        }

        if (m->kind == KS_JSON_OBJECT) {
            text_model(t, m->names[i]);
            text_add(t, ":", 1);
        }

        text_model(t, m->items[i]);
    }

    text_add(t, m->kind == KS_JSON_ARRAY ? "]" : "}", 1);
}


/* --- the model --- */

static inline model_t *
model_scalar(ks_json_kind_t kind, const void *p, size_t n)
{
    model_t  *m;

    m = calloc(1, sizeof(model_t));
    assert_non_null(m);
    m->kind = kind;
    m->len = n;
    m->text = malloc(n + 1);
    memcpy(m->text, p, n);

    return m;
}


static inline void
model_free(model_t *m)
{
    unsigned  i;

    if (m == NULL) {
        return;
    }

    for (i = 0; i < m->n; i++) {
        model_free(m->items[i]);

        if (m->kind == KS_JSON_OBJECT) {
            model_free(m->names[i]);
        }
    }

    free(m->items);
    free(m->names);
    free(m->text);
    free(m);
}


static inline void
model_insert(model_t *m, unsigned i, model_t *name, model_t *value)
{
    if (m->n == m->max) {
        m->max = m->max * 2 + 4;
        m->items = realloc(m->items, m->max * sizeof(model_t *));
        m->names = realloc(m->names, m->max * sizeof(model_t *));
        assert_non_null(m->items);
        assert_non_null(m->names);
    }

    memmove(m->items + i + 1, m->items + i, (m->n - i) * sizeof(model_t *));
    memmove(m->names + i + 1, m->names + i, (m->n - i) * sizeof(model_t *));
    m->items[i] = value;
    m->names[i] = name;
    m->n++;
}


/* swap: a member, whose place the last one takes */

static inline void
model_remove(model_t *m, unsigned i, int swap)
{
    unsigned  last;

    model_free(m->items[i]);

    if (m->kind == KS_JSON_OBJECT) {
        model_free(m->names[i]);
    }

    last = --m->n;

    if (swap) {
        m->items[i] = m->items[last];
        m->names[i] = m->names[last];
        return;
    }

    memmove(m->items + i, m->items + i + 1, (last - i) * sizeof(model_t *));
    memmove(m->names + i, m->names + i + 1, (last - i) * sizeof(model_t *));
}


static inline int
model_member(const model_t *m, const model_t *name)
{
    unsigned  i;

    for (i = 0; i < m->n; i++) {
        if (m->names[i]->len == name->len
            && memcmp(m->names[i]->text, name->text, name->len) == 0)
        {
            return (int) i;
        }
    }

    return -1;
}


static inline model_t *
model_string(size_t len)
{
    size_t    i;
    model_t  *m;

    static const char  odd[] = "\n\t\"\\\x01/";

    m = model_scalar(KS_JSON_STRING, "", 0);
    m->text = realloc(m->text, len + 1);
    m->len = len;

    for (i = 0; i < len; i++) {
        m->text[i] = (char) ('a' + rnd(26));
    }

    if (len && rnd(4) == 0) {
        m->text[rnd((unsigned) len)] = odd[rnd(sizeof(odd) - 1)];
    }

    if (len > 2 && rnd(4) == 0) {
        memcpy(m->text + rnd((unsigned) len - 1), "\xc3\xa9", 2);
    }

    return m;
}


static inline model_t *
model_name(void)
{
    char  text[16];

    switch (rnd(20)) {

    case 0:
        return model_string(rnd(30));

    case 1:
        return model_string(rnd(8) == 0 ? 600 : 40);

    default:
        return model_scalar(KS_JSON_STRING, text,
                            (size_t) snprintf(text, sizeof(text), "n%u",
                                              rnd(120)));
    }
}


static inline model_t *
model_random(unsigned depth)
{
    char      text[24];
    unsigned  i, n, kind;
    model_t  *m, *name;

    kind = rnd(depth ? 12 : 7);

    switch (kind) {

    case 0: case 1: case 2:
        return model_scalar((ks_json_kind_t) kind, "", 0);

    case 3: case 4:
        return model_scalar(KS_JSON_INTEGER, text,
                            (size_t) snprintf(text, sizeof(text), "%d",
                                              (int) rnd(1u << rnd(31))
                                              - 1000));
    case 5:
        return model_string(rnd(20) == 0 ? rnd(3000) : rnd(40));

    case 6:
        return model_scalar(KS_JSON_NUMBER, text,
                            (size_t) snprintf(text, sizeof(text), "%u.%u5",
                                              rnd(1000), rnd(1000)));
    }

    m = model_scalar(kind % 2 ? KS_JSON_ARRAY : KS_JSON_OBJECT, "", 0);
    n = rnd(8) == 0 ? rnd(120) : rnd(7);

    for (i = 0; i < n; i++) {
        name = NULL;

        if (m->kind == KS_JSON_OBJECT) {
            name = model_name();

            if (model_member(m, name) >= 0) {
                model_free(name);
                continue;
            }
        }

        model_insert(m, m->n, name, model_random(depth - 1));
    }

    return m;
}


/* --- documents --- */

static inline void *
json_alloc(void *data, size_t size)
{
    return ks_arena_alloc(data, size);
}


static inline ks_json_memory_t
json_memory(ks_space_t *sp)
{
    ks_json_memory_t  m = { json_alloc, sp, sp->mem.zone->seed };

    return m;
}


static inline void
json_parse(const ks_json_memory_t *m, const model_t *model,
    ks_json_flat_t *flat)
{
    text_t           t = { NULL, 0, 0 };
    ks_str_t         text;
    ks_json_error_t  err;

    text_model(&t, model);
    text.data = (u_char *) t.p;
    text.len = t.len;

    if (ks_json_parse(m, &text, flat, &err) != KS_OK) {
        fail_msg("%s at %zu: %s", err.what, err.column, t.p);
    }

    assert_int_equal(flat->text, t.len);
    free(t.p);
}


static inline void
json_room(ks_json_out_t *out, size_t n)
{
    size_t  len, size;

    len = (size_t) (out->p - out->start);
    size = (len + n) * 2;
    out->start = realloc(out->start, size);
    assert_non_null(out->start);
    out->p = out->start + len;
    out->end = out->start + size;
}


/* The text of a document, for free(); with a NUL. */

static inline char *
json_text(const ks_value_t *v, size_t *len)
{
    ks_json_out_t   out;
    ks_json_node_t  n;

    memset(&out, 0, sizeof(out));
    out.room = json_room;
    ks_json_root(v, &n);
    ks_json_text(v, &n, NULL, 0, &out);
    ks_json_out_bytes(&out, "", 1);
    *len = (size_t) (out.p - out.start) - 1;

    return (char *) out.start;
}


static inline void
json_make(ks_space_t *sp, const ks_str_t *key, const ks_json_flat_t *flat,
    ks_value_t *v)
{
    size_t    leaf;
    unsigned  enc;

    enc = ks_json_encoding(flat, &leaf);
    ks_value_create(sp, key, ks_lookup(sp, key, KS_LOOKUP_WRITE),
                    KS_TYPE_JSON, enc, leaf, KS_NO_EXPIRE, v);
    ks_json_begin(v, flat);
    ks_value_close(v);
}


#endif /* JSON_TEST_H */
