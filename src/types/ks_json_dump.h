/*
 * JSON documents as they travel in dumps and files (ks_rdb.h): as RedisJSON
 * writes them, a value of the module "ReJSON-RL" that is one string, the text.
 */

#ifndef KS_JSON_DUMP_H
#define KS_JSON_DUMP_H

#include "types/ks_rdb.h"


/* the row of the type (ks_type.h) */

size_t ks_json_dump_room(const ks_value_t *v);
u_char *ks_json_dump(const ks_value_t *v, u_char *p);
size_t ks_json_dump_steps_size(void);
u_char *ks_json_dump_steps(void *steps, const ks_value_t *v, u_char *p,
    u_char *end, int *done);
unsigned ks_json_restore_as(const ks_zone_t *zone, const ks_rdb_value_t *in);
int ks_json_restore(ks_value_t *v, const ks_rdb_value_t *in);


#endif /* KS_JSON_DUMP_H */
