/*
 * JSON documents: items, containers and indexes are made of what was parsed.
 *
 * Containers are made one level after the other, each as soon as those before
 * it are whole: so all items are put behind all others, into full leaves.  The
 * members of indexes are gathered, and put in by the order of their hashes.
 */

#include "types/ks_json_node.h"

#include <stdlib.h>


static void ks_json_fill_one(ks_json_builder_t *b, const u_char *node,
    uint32_t cid);
static void ks_json_fill_index(ks_json_builder_t *b);


void
ks_json_builder(ks_json_builder_t *b, ks_value_t *v, const ks_json_memory_t *m)
{
    ks_pos_t          pos;
    const ks_tree_t  *t;

    memset(b, 0, offsetof(ks_json_builder_t, fill));
    b->v = v;
    b->m = m;
    b->next = 1;

    t = &v->tree[0];

    if (ks_tree_count(t)) {
        (void) ks_tree_at(t, &pos, ks_tree_count(t) - 1);
        b->next = (uint32_t) ks_tree_key(t, &pos) + 1;
    }
}


/* Room for one more in an array of *max. */

static void *
ks_json_builder_room(ks_json_builder_t *b, void *old, size_t n, size_t *max,
    size_t size)
{
    void  *p;

    if (n < *max) {
        return old;
    }

    *max = ks_max(*max * 2, (size_t) 64);
    p = b->m->alloc(b->m->data, *max * size);

    if (n) {
        memcpy(p, old, n * size);
    }

    return p;
}


static uint32_t
ks_json_number_container(ks_json_builder_t *b, const u_char *node)
{
    b->ahead = ks_json_builder_room(b, b->ahead, b->nahead, &b->maxahead,
                                    sizeof(ks_json_ahead_t));
    b->ahead[b->nahead].node = node;
    b->ahead[b->nahead].cid = b->next;
    b->nahead++;

    return b->next++;
}


/* --- items --- */

static uint32_t
ks_jnode_pairs(const u_char *p, size_t len)
{
    uint32_t       n;
    const u_char  *end;

    for (end = p + len, n = 0; p < end; n++) {
        p = ks_jnode_skip(ks_jnode_skip(p));
    }

    return n;
}


/* whether an object that is opened is to have an index */

static int
ks_json_indexes(const ks_value_t *v, unsigned tag, const u_char *data,
    size_t len)
{
    return tag == KS_JTAG_OBJECT && v->enc == KS_ENC_JSON_TREES
           && ks_jnode_pairs(data, len) > KS_JSON_FEW;
}


/* a string that does not fit into a leaf, behind its tag */

static ks_item_t
ks_json_make_blob(ks_value_t *v, u_char tag, const u_char *data, size_t len)
{
    ks_blob_t  b;
    ks_item_t  it;

    b = ks_blob_room(v->mem, v->shard, len + 1);
    ks_blob_fill(v->mem, &b, 0, &tag, 1);
    ks_blob_fill(v->mem, &b, 1, data, len);

    it.data = NULL;
    it.len = len + 1;
    it.root = b.root;

    return it;
}


ks_item_t
ks_json_make_open(ks_json_builder_t *b, const u_char *node, unsigned bits,
    u_char *buf)
{
    size_t         len;
    unsigned       tag;
    uint32_t       cid;
    const u_char  *data;

    (void) ks_jnode_read(node, &tag, &data, &len);

    tag = tag == KS_JTAG_ARRAY ? KS_JTAG_OPEN_ARRAY
          : ks_json_indexes(b->v, tag, data, len) ? KS_JTAG_INDEXED
          : KS_JTAG_OPEN_OBJECT;

    cid = ks_json_number_container(b, node);
    buf[0] = (u_char) (tag | bits);
    memcpy(buf + 1, &cid, sizeof(cid));

    return ks_item(buf, 1 + sizeof(cid));
}


ks_item_t
ks_json_make(ks_json_builder_t *b, const u_char *node, unsigned bits,
    u_char *buf)
{
    size_t         len;
    unsigned       tag;
    const u_char  *data;

    (void) ks_jnode_read(node, &tag, &data, &len);

    if (ks_jtag_container(tag) && len > KS_JSON_PACK) {
        return ks_json_make_open(b, node, bits, buf);
    }

    buf[0] = (u_char) (tag | bits);

    if (len >= KS_ITEM_MAX) {
        return ks_json_make_blob(b->v, buf[0], data, len);
    }

    memcpy(buf + 1, data, len);

    return ks_item(buf, len + 1);
}


ks_item_t
ks_json_make_name(ks_value_t *v, const u_char *data, size_t len)
{
    ks_blob_t  b;
    ks_item_t  it;

    if (len <= KS_ITEM_MAX) {
        return ks_item(data, len);
    }

    b = ks_blob_create(v->mem, v->shard, data, len);
    it.data = NULL;
    it.len = len;
    it.root = b.root;

    return it;
}


/* --- containers --- */

/*
 * What is long goes into leaves of its own; what is short is put behind what is
 * there.
 */

#define KS_JSON_LEAF  2048


void
ks_json_fill(ks_json_builder_t *b)
{
    size_t            len;
    unsigned          tag;
    const u_char     *data;
    ks_json_ahead_t   next;

    if (b->nahead) {
        (void) ks_jnode_read(b->ahead[0].node, &tag, &data, &len);

        if (len >= KS_JSON_LEAF) {
            ks_tree_fill_begin(&b->fill, &b->v->tree[0]);
            b->filling = 1;
        }
    }

    while (b->done < b->nahead) {
        next = b->ahead[b->done++];
        ks_json_fill_one(b, next.node, next.cid);
    }

    if (b->filling) {
        ks_tree_fill_end(&b->fill);
        b->filling = 0;
    }

    if (b->nentries) {
        ks_json_fill_index(b);
    }
}


void
ks_json_gather(ks_json_builder_t *b, uint32_t cid, const u_char *name,
    size_t len, uint32_t place)
{
    b->entries = ks_json_builder_room(b, b->entries, b->nentries,
                                      &b->maxentries,
                                      sizeof(ks_json_entry_t));
    b->entries[b->nentries].hash = ks_json_hash(b->v, cid, name, len);
    b->entries[b->nentries].place = place;
    b->nentries++;
}


static void
ks_json_fill_one(ks_json_builder_t *b, const u_char *node, uint32_t cid)
{
    int            object, indexed;
    u_char         buf[KS_ITEM_MAX];
    size_t         len;
    unsigned       tag, bits;
    uint32_t       place;
    ks_item_t      cols[2];
    const u_char  *p, *end;

    (void) ks_jnode_read(node, &tag, &p, &len);
    end = p + len;
    object = (tag == KS_JTAG_OBJECT);
    indexed = ks_json_indexes(b->v, tag, p, len);
    cols[0] = ks_item((const u_char *) "", 0);
    bits = 0;

    for (place = 0; p < end; place++) {

        if (object) {
            p = ks_jnode_read(p, &tag, &node, &len);
            bits = (tag == KS_JTAG_ESCAPES) ? KS_JNAME_ESCAPES : 0;
            cols[0] = ks_json_make_name(b->v, node, len);

            if (indexed) {
                ks_json_gather(b, cid, node, len, place);
            }
        }

        cols[1] = ks_json_make(b, p, bits, buf);
        p = ks_jnode_skip(p);

        if (b->filling) {
            ks_tree_fill(&b->fill, cid, cols);

        } else {
            ks_tree_append(&b->v->tree[0], cid, cols);
        }
    }
}


/* --- the index --- */

static int
ks_json_by_hash(const void *a, const void *b)
{
    const ks_json_entry_t  *x, *y;

    x = a;
    y = b;

    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }

    return x->place < y->place ? -1 : x->place > y->place;
}


/* many are put in order by 11 bits of the hash at a time, the lowest first */

#define KS_JSON_DIGIT   2048
#define KS_JSON_SORTED  256             /* fewer are put in order otherwise */


void
ks_json_sort(ks_json_builder_t *b)
{
    size_t            i, sum, n, count[KS_JSON_DIGIT];
    unsigned          shift, digit;
    ks_json_entry_t  *from, *to, *swap;

    from = b->entries;

    if (b->nentries < KS_JSON_SORTED) {
        qsort(from, b->nentries, sizeof(ks_json_entry_t), ks_json_by_hash);
        return;
    }

    to = b->m ? b->m->alloc(b->m->data,
                            b->nentries * sizeof(ks_json_entry_t))
              : from + b->maxentries;

    for (shift = 0; shift < 32; shift += 11) {
        memset(count, 0, sizeof(count));

        for (i = 0; i < b->nentries; i++) {
            count[from[i].hash >> shift & (KS_JSON_DIGIT - 1)]++;
        }

        for (i = 0, sum = 0; i < KS_JSON_DIGIT; i++) {
            n = count[i];
            count[i] = sum;
            sum += n;
        }

        for (i = 0; i < b->nentries; i++) {
            digit = from[i].hash >> shift & (KS_JSON_DIGIT - 1);
            to[count[digit]++] = from[i];
        }

        swap = from;
        from = to;
        to = swap;
    }

    b->entries = from;
}


static void
ks_json_fill_empty_index(ks_json_builder_t *b)
{
    size_t           i;
    u_char           bytes[4];
    ks_item_t        it;
    ks_tree_fill_t   fill;

    ks_tree_fill_begin(&fill, &b->v->tree[1]);

    for (i = 0; i < b->nentries; i++) {
        it = ks_json_place_item(bytes, b->entries[i].place);
        ks_tree_fill(&fill, b->entries[i].hash, &it);
    }

    ks_tree_fill_end(&fill);
}


static void
ks_json_fill_index(ks_json_builder_t *b)
{
    size_t            i;
    u_char            bytes[4];
    ks_pos_t          pos;
    ks_item_t         it;
    ks_tree_t        *t;
    ks_json_entry_t  *e;

    t = &b->v->tree[1];
    ks_json_sort(b);

    if (ks_tree_count(t) == 0) {
        ks_json_fill_empty_index(b);

    } else {
        for (i = 0; i < b->nentries; i++) {
            e = &b->entries[i];
            it = ks_json_place_item(bytes, e->place);
            (void) ks_tree_find(t, &pos, (uint64_t) e->hash + 1, NULL, NULL);
            ks_tree_insert(t, &pos, e->hash, &it);
        }
    }

    b->nentries = 0;
}


void
ks_json_index_add(ks_value_t *v, uint32_t cid, const ks_str_t *name,
    uint32_t place)
{
    u_char     bytes[4];
    uint32_t   hash;
    ks_pos_t   pos;
    ks_item_t  it;

    hash = ks_json_hash(v, cid, name->data, name->len);
    it = ks_json_place_item(bytes, place);
    (void) ks_tree_find(&v->tree[1], &pos, hash, NULL, NULL);
    ks_tree_insert(&v->tree[1], &pos, hash, &it);
}


void
ks_json_index_remove(ks_value_t *v, uint32_t cid, const ks_str_t *name,
    uint32_t place)
{
    uint32_t  hash;
    ks_pos_t  pos;

    hash = ks_json_hash(v, cid, name->data, name->len);

    if (ks_json_index_find(v, &pos, hash, place)) {
        ks_tree_remove(&v->tree[1], &pos);
    }
}


void
ks_json_index(ks_value_t *v, const ks_json_memory_t *m, uint32_t cid)
{
    int                more;
    ks_str_t           name;
    ks_json_node_t     n;
    ks_json_walk_t     w;
    ks_json_builder_t  b;

    ks_json_builder(&b, v, m);
    ks_jnode_set(&n, KS_JTAG_OPEN_OBJECT, NULL, 0);
    n.cid = cid;

    for (more = ks_json_first(v, &n, &w); more; more = ks_json_next(&w)) {
        name = ks_json_name_flat(v, m, &w);
        ks_json_gather(&b, cid, name.data, name.len, w.i);
    }

    ks_json_fill_index(&b);
}


/* --- whole documents --- */

/* a leaf in the entry, or trees; its items take about as much as the node */

unsigned
ks_json_encoding(const ks_json_flat_t *flat, size_t *leaf)
{
    *leaf = flat->len + flat->len / 4 + 16;

    return flat->len <= KS_JSON_INLINE / 2 ? KS_ENC_JSON : KS_ENC_JSON_TREES;
}


void
ks_json_begin(ks_value_t *v, const ks_json_flat_t *flat)
{
    u_char             buf[KS_ITEM_MAX];
    ks_item_t          cols[2];
    ks_json_head_t     head;
    ks_json_builder_t  b;

    ks_json_builder(&b, v, NULL);
    b.maxahead = flat->opens;
    b.maxentries = flat->members;
    b.ahead = flat->work;
    b.entries = (ks_json_entry_t *) (b.ahead + flat->opens);

    cols[0] = ks_item((const u_char *) "", 0);
    cols[1] = ks_json_make(&b, flat->data, 0, buf);
    ks_tree_append(&v->tree[0], 0, cols);

    if (v->enc == KS_ENC_JSON_TREES) {
        head.text = flat->text;
        memcpy(v->head, &head, sizeof(head));
    }

    ks_json_fill(&b);
}


/*
 * The tree goes over as a whole, if it has left the entry.  Its nodes are not
 * of this transaction, so what changes in them is to be logged.
 */

void
ks_json_grow(ks_value_t *v)
{
    int             more;
    ks_pos_t        pos;
    ks_item_t       cols[2];
    ks_tree_t       old;
    ks_json_head_t  head;

    head.text = ks_json_document_len(v);
    old = v->tree[0];
    v->ops->reshape(v, KS_ENC_JSON_TREES, 0);
    memcpy(v->head, &head, sizeof(head));

    if (old.root) {
        *v->tree[0].root = *old.root;
        v->tree[0].fresh = 0;
        return;
    }

    for (more = ks_tree_at(&old, &pos, 0); more;
         more = ks_tree_next(&old, &pos))
    {
        cols[0] = ks_tree_get(&old, &pos, 0);
        cols[1] = ks_tree_get(&old, &pos, 1);
        ks_tree_append(&v->tree[0], ks_tree_key(&old, &pos), cols);
    }
}
