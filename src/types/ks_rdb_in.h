/*
 * What ks_rdb.c, ks_rdb_value.c and ks_rdb_stream.c share of reading.
 */

#ifndef KS_RDB_IN_H
#define KS_RDB_IN_H

#include "types/ks_rdb.h"


/* The next n bytes; NULL: there are fewer. */
const u_char *ks_rdb_take(ks_rdb_in_t *in, uint64_t n);

/* A length; KS_ERR: there is none.  A number as its text, in in->alloc()'s. */
int ks_rdb_length(ks_rdb_in_t *in, uint64_t *n);
void ks_rdb_integer_text(ks_rdb_in_t *in, int64_t v, ks_str_t *s);

/* The stream behind the first byte, whose form is in v; sets all of v. */
int ks_rdb_read_stream(ks_rdb_in_t *in, ks_rdb_value_t *v);


#endif /* KS_RDB_IN_H */
