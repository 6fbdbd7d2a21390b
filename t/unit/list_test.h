/*
 * What tests of lists share: elements that are pieces of noise, an array of
 * them that says how the list "l" is to be, and their commands.
 */

#ifndef LIST_TEST_H
#define LIST_TEST_H

#include "command_test.h"
#include "types/ks_list.h"


#define NOISE    (1u << 20)
#define MAXITEMS 200000

/* an element: a piece of the noise */
typedef struct {
    uint32_t   off;
    uint32_t   len;
} twin_t;

static u_char   noise[NOISE];
static twin_t  *twins;
static size_t   ntwins;


static inline int
set_up(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < NOISE; i++) {
        noise[i] = (u_char) rnd(256);
    }

    twins = malloc(MAXITEMS * sizeof(twin_t));
    ntwins = 0;

    return twins == NULL;
}


static inline int
tear_down(void **state)
{
    (void) state;
    free(twins);

    return 0;
}


/* --- the array --- */

static inline ks_str_t
bytes(const twin_t *twin)
{
    ks_str_t  s;

    s.data = noise + twin->off;
    s.len = twin->len;

    return s;
}


static inline void
twins_insert(size_t at, const twin_t *twin)
{
    assert_true(ntwins < MAXITEMS && at <= ntwins);
    memmove(twins + at + 1, twins + at, (ntwins - at) * sizeof(twin_t));
    twins[at] = *twin;
    ntwins++;
}


/* --- commands --- */

static inline void
words(box_t *b, const char *text)
{
    static char   copy[256];
    char         *p, *rest;

    snprintf(copy, sizeof(copy), "%s", text);
    rest = copy;
    b->argc = 0;

    while ((p = strsep(&rest, " ")) != NULL) {
        b->argv[b->argc++] = ks_text(p);
    }
}


static inline void
arg(box_t *b, const twin_t *twin)
{
    b->argv[b->argc++] = bytes(twin);
}


/* --- whether all is there --- */

static inline void
compare_body(ks_space_t *sp, void *data)
{
    int          more;
    size_t       i;
    ks_str_t     s, key;
    ks_pos_t     pos;
    ks_entry_t  *e;
    ks_value_t   v;

    (void) data;

    key = ks_text("l");
    e = ks_lookup(sp, &key, KS_LOOKUP_READ);
    assert_int_equal(e != NULL, ntwins != 0);

    if (e == NULL) {
        return;
    }

    ks_value_open(sp, &key, e, &v);
    assert_int_equal(ks_value_count(&v), ntwins);

    more = ks_tree_at(&v.tree[0], &pos, 0);

    for (i = 0; i < ntwins; i++) {
        assert_true(more);
        s = bytes(&twins[i]);
        assert_true(ks_tree_is(&v.tree[0], &pos, 0, &s));
        more = ks_tree_next(&v.tree[0], &pos);
    }

    assert_false(more);

    for (ks_list_from(&v, &pos, KS_LIST_TAIL, 0); i-- > 0; /* void */ ) {
        s = bytes(&twins[i]);
        assert_true(ks_tree_is(&v.tree[0], &pos, 0, &s));
        assert_int_equal(ks_list_step(&v, &pos, KS_LIST_TAIL), i != 0);
    }
}


static inline void
compare(box_t *b)
{
    ks_str_t  key;

    key = ks_text("l");
    assert_int_equal(transaction(b->client.space,
                                 ks_key_shard(b->client.space, &key),
                                 compare_body, NULL), KS_OK);
    box_check(b);
}


#endif /* LIST_TEST_H */
