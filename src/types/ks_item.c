/*
 * Strings of items, whether they lie in a leaf or are blobs: reading and
 * comparing.  All of it is reading, and knows no tree.
 */

#include "types/ks_tree.h"


void
ks_item_read(const ks_mem_t *m, const ks_item_t *it, u_char *to)
{
    ks_blob_t  b;

    if (it->data) {
        memcpy(to, it->data, it->len);
        return;
    }

    b = ks_item_blob(it);
    ks_blob_read(m, &b, 0, to, it->len);
}


/* the bytes side by side from off on */

static const u_char *
ks_item_part(const ks_mem_t *m, const ks_item_t *it, size_t off, size_t *n)
{
    ks_blob_t  b;

    if (it->data) {
        *n = it->len - off;
        return it->data + off;
    }

    b = ks_item_blob(it);

    return ks_blob_run(m, &b, off, n);
}


int
ks_item_compare(const ks_mem_t *m, const ks_item_t *a, const ks_item_t *b)
{
    int            rc;
    size_t         len, off, na, nb;
    const u_char  *pa, *pb;

    len = ks_min(a->len, b->len);

    if (ks_likely(a->data && b->data)) {
        rc = memcmp(a->data, b->data, len);
        return rc ? rc : (a->len > b->len) - (a->len < b->len);
    }

    for (off = 0; off < len; off += na) {
        pa = ks_item_part(m, a, off, &na);
        pb = ks_item_part(m, b, off, &nb);
        na = ks_min(ks_min(na, nb), len - off);

        rc = memcmp(pa, pb, na);

        if (rc) {
            return rc;
        }
    }

    return (a->len > b->len) - (a->len < b->len);
}
