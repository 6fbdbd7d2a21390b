/*
 * The memory of rights, and the lists in them: patterns, rules, passwords.
 *
 * It comes from the arena of a space, which frees all at once, or from blocks
 * that belong to the rights.
 */

#include "commands/ks_acl_rule.h"
#include "commands/ks_args.h"

#include <stdlib.h>


#define KS_ACL_BLOCK  2000

struct ks_acl_block_s {
    ks_acl_block_t  *next;
    size_t           used;
    size_t           size;
    u_char           data[];
};


void *
ks_acl_alloc(ks_acl_t *acl, size_t len)
{
    size_t           size;
    ks_acl_block_t  *b;

    len = ks_align(len, 8);

    if (acl->sp != NULL) {
        return ks_arena_alloc(acl->sp, len);
    }

    b = acl->blocks;

    if (b == NULL || b->size - b->used < len) {
        size = ks_max(len, (size_t) KS_ACL_BLOCK);
        b = malloc(sizeof(ks_acl_block_t) + size);

        if (b == NULL) {
            return NULL;
        }

        b->next = acl->blocks;
        b->used = 0;
        b->size = size;
        acl->blocks = b;
    }

    b->used += len;

    return b->data + b->used - len;
}


void
ks_acl_done(ks_acl_t *acl)
{
    ks_acl_block_t  *b;

    while (acl->blocks != NULL) {
        b = acl->blocks;
        acl->blocks = b->next;
        free(b);
    }
}


ks_acl_item_t *
ks_acl_add(ks_acl_t *acl, ks_acl_item_t **list, const u_char *text, size_t len,
    unsigned bits)
{
    ks_acl_item_t  *item;

    item = ks_acl_alloc(acl, sizeof(ks_acl_item_t) + len + 1);

    if (item == NULL) {
        return NULL;
    }

    item->next = NULL;
    item->bits = bits;
    item->cmd = NULL;
    item->text.len = len;
    item->text.data = (u_char *) (item + 1);

    if (len != 0) {
        memcpy(item->text.data, text, len);
    }

    item->text.data[len] = '\0';

    while (*list != NULL) {
        list = &(*list)->next;
    }

    *list = item;

    return item;
}


ks_acl_item_t *
ks_acl_find(ks_acl_item_t *list, const ks_str_t *text)
{
    while (list != NULL && !ks_str_same(&list->text, text)) {
        list = list->next;
    }

    return list;
}


void
ks_acl_lower(ks_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] >= 'A' && text->data[i] <= 'Z') {
            text->data[i] |= 0x20;
        }
    }
}
