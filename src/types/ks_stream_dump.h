/*
 * Streams as they travel in dumps (ks_rdb.h): a listpack for each block, the
 * figures of the stream, and its groups.
 *
 * They are written as Redis 7.0 does, which does not tell when a consumer was
 * last active, and without the entries that are deleted.
 */

#ifndef KS_STREAM_DUMP_H
#define KS_STREAM_DUMP_H

#include "types/ks_dump_item.h"
#include "types/ks_stream.h"


/* the row of the type (ks_type.h) */

size_t ks_stream_dump_room(const ks_value_t *v);
u_char *ks_stream_dump(const ks_value_t *v, u_char *p);
size_t ks_stream_part_room(const ks_value_t *v, const ks_pos_t *pos);
u_char *ks_stream_part(const ks_value_t *v, const ks_pos_t *pos, u_char *p);
unsigned ks_stream_restore_as(const ks_zone_t *zone, const ks_rdb_value_t *in);
int ks_stream_restore(ks_value_t *v, const ks_rdb_value_t *in);


#endif /* KS_STREAM_DUMP_H */
