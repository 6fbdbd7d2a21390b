/*
 * The arena of a handle: memory for the time of one command, taken a piece at a
 * time and given back all at once, or down to a mark.
 *
 * It is the process's own, not the zone's.  Where there is none, the command is
 * left as one for which the zone has no room, inside of a transaction or of
 * ks_run_alone(); elsewhere nobody takes any.  One block stays for the next
 * one.
 */

#include <stdlib.h>

#include "keyspace/ks_keyspace.h"


#define KS_ARENA_BLOCK  16384


struct ks_arena_s {
    ks_arena_t  *next;
    size_t       used;
    size_t       size;
    u_char       data[];
};


static ks_arena_t *
ks_arena_block(ks_space_t *sp, size_t size)
{
    ks_arena_t  *block;

    block = malloc(sizeof(ks_arena_t) + size);

    if (block == NULL) {

        if (sp->mem.jump != NULL) {
            sp->exhausted = 1;
            longjmp(*sp->mem.jump, 1);
        }

        if (sp->alone) {
            longjmp(sp->outer, 1);
        }

        abort();
    }

    block->next = NULL;
    block->used = 0;
    block->size = size;

    return block;
}


void *
ks_arena_alloc(ks_space_t *sp, size_t size)
{
    void        *p;
    ks_arena_t  *block;

    sp->arena_taken = 1;
    size = ks_align(ks_max(size, (size_t) 1), 16);

    if (size > KS_ARENA_BLOCK / 4) {
        block = ks_arena_block(sp, size);
        block->next = sp->arena_large;
        sp->arena_large = block;
        return block->data;
    }

    if (sp->arena == NULL || sp->arena->size - sp->arena->used < size) {
        block = ks_arena_block(sp, KS_ARENA_BLOCK);
        block->next = sp->arena;
        sp->arena = block;
    }

    p = sp->arena->data + sp->arena->used;
    sp->arena->used += size;

    return p;
}


ks_arena_mark_t
ks_arena_mark(ks_space_t *sp)
{
    ks_arena_mark_t  mark;

    mark.block = sp->arena;
    mark.large = sp->arena_large;
    mark.used = sp->arena ? sp->arena->used : 0;

    return mark;
}


void
ks_arena_release(ks_space_t *sp, const ks_arena_mark_t *mark)
{
    ks_arena_t  *block;

    while (sp->arena_large != mark->large) {
        block = sp->arena_large;
        sp->arena_large = block->next;
        free(block);
    }

    if (mark->block == NULL) {

        /* the first block stays, as it does after a reset */

        while (sp->arena && sp->arena->next) {
            block = sp->arena;
            sp->arena = block->next;
            free(block);
        }

    } else {

        while (sp->arena != mark->block) {
            block = sp->arena;
            sp->arena = block->next;
            free(block);
        }
    }

    if (sp->arena) {
        sp->arena->used = mark->used;
    }
}


void
ks_arena_reset(ks_space_t *sp)
{
    ks_arena_t  *block, *next;

    sp->arena_taken = 0;

    for (block = sp->arena_large; block; block = next) {
        next = block->next;
        free(block);
    }

    sp->arena_large = NULL;

    if (sp->arena) {

        for (block = sp->arena->next; block; block = next) {
            next = block->next;
            free(block);
        }

        sp->arena->next = NULL;
        sp->arena->used = 0;
    }
}
