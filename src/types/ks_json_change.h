/*
 * What changes of JSON documents are made of (ks_json_change.c), for
 * ks_json_edit.c.  A node is as it has just been found; all calls want a
 * running transaction.
 */

#ifndef KS_JSON_CHANGE_H
#define KS_JSON_CHANGE_H

#include "types/ks_json_node.h"


/* The text gets longer by so much; a small document does not count it. */
void ks_json_text_more(ks_value_t *v, int64_t by);

/* Before a change that brings so many bytes, and opens containers or not. */
void ks_json_prepare(ks_value_t *v, const ks_json_memory_t *m, size_t more,
    size_t opens);

/* The position of the item of that rank. */
void ks_json_pos(const ks_value_t *v, ks_pos_t *pos, uint32_t rank);

/* Another value for an item that has no open container; a tag alone. */
void ks_json_put(ks_value_t *v, uint32_t rank, const ks_item_t *it);
void ks_json_put_tag(ks_value_t *v, uint32_t rank, unsigned bits,
    unsigned tag, uint32_t cid);

/*
 * Takes out what a value has beside its own item; and what count items of an
 * open container have from number i on.
 */
void ks_json_drop(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *n);
void ks_json_drop_range(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *n, uint32_t i, uint32_t count);

/*
 * In the item that the node is in: del bytes at "at" become len others.
 * itself: they are inside of the node, which is a container.  0: the item would
 * be too long, and nothing has changed.
 */
int ks_json_splice(ks_value_t *v, const ks_json_node_t *n, int itself,
    size_t at, size_t del, const u_char *p, size_t len);

/*
 * Opens a packed container, which is an item as a whole, and is not empty: what
 * is in it is to be looked for anew.  It may still be packed then, because the
 * document was made anew; then it is to be opened again.
 */
void ks_json_open(ks_value_t *v, const ks_json_memory_t *m, uint32_t rank);

/* The item becomes an open container with what the node has, which is new. */
void ks_json_put_open(ks_value_t *v, const ks_json_memory_t *m,
    const ks_json_node_t *n, const u_char *node);


#endif /* KS_JSON_CHANGE_H */
