/*
 * Passing over what an RDB file has: values and other records, of any length,
 * whose bytes nobody wants.  They are found to be whole, and are not looked
 * into: whether the strings of a listpack are right is not seen.
 *
 * KS_ERR: the file ends, cannot be read, or holds something else there; then
 * s->err says why, or is NULL if the bytes are wrong.
 */

#ifndef KS_RDB_SKIM_H
#define KS_RDB_SKIM_H

#include "persist/ks_rdb_source.h"


#define KS_RDB_MODULE      6            /* of Redis 4's candidates: no end */

#define KS_MODULE_NAME     9            /* characters */

/* what a module writes: each has a kind in front of it */

enum {
    KS_MODULE_END = 0,
    KS_MODULE_SIGNED,
    KS_MODULE_UNSIGNED,
    KS_MODULE_FLOAT,
    KS_MODULE_DOUBLE,
    KS_MODULE_STRING
};

/*
 * A length; with special not NULL also what stands before an encoded string
 * (ks_rdb_any_length()).
 */
int ks_skim_length(ks_source_t *s, uint64_t *n, int *special);

/* A string; how many bytes it has when it is read, or the most that it may. */
int ks_skim_string(ks_source_t *s, uint64_t *len);

/* whether there is such a form of values, those of modules not among them */
int ks_skim_known(unsigned form);

/*
 * A value, behind the byte that says its form; adds to *bytes what its strings
 * take that are not packed.
 */
int ks_skim_value(ks_source_t *s, unsigned form, uint64_t *bytes);

/*
 * What a module has written, as a value: first the id of the module, whose name
 * is in it, then the rest.  And what it has written beside all values.
 */
int ks_skim_module(ks_source_t *s, uint64_t *id, char name[KS_MODULE_NAME + 1]);
int ks_skim_module_rest(ks_source_t *s);
int ks_skim_module_aux(ks_source_t *s, char name[KS_MODULE_NAME + 1]);


#endif /* KS_RDB_SKIM_H */
