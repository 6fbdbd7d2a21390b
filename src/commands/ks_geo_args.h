/*
 * What the handlers of places share.
 */

#ifndef KS_GEO_ARGS_H
#define KS_GEO_ARGS_H

#include "commands/ks_zset_args.h"
#include "types/ks_geohash.h"


/* Two arguments: a longitude and a latitude that are on the map. */
int ks_arg_point(ks_ctx_t *c, const ks_str_t *args, ks_geo_point_t *at);

/* The meters that a unit has. */
int ks_arg_unit(ks_ctx_t *c, const ks_str_t *arg, double *meters);

/* An array of two coordinates; a distance, with four decimals. */
void ks_reply_point(ks_ctx_t *c, const ks_geo_point_t *at);
void ks_reply_distance(ks_ctx_t *c, double distance);


#endif /* KS_GEO_ARGS_H */
