/*
 * Places on earth as numbers: a longitude and a latitude, 26 bits of each in
 * turn, which is what Redis uses as scores.  Pure functions, whose results are
 * Redis's to the last bit.
 *
 * A cell is what the first 2 * step bits of such a number leave open: a piece
 * of the map, whose places are a range of scores.
 */

#ifndef KS_GEOHASH_H
#define KS_GEOHASH_H

#include "memory/ks_base.h"


#define KS_GEO_LON     180.0            /* limits, to both sides */
#define KS_GEO_LAT     85.05112878
#define KS_GEO_STEPS   26
#define KS_GEO_CELLS   9                /* a cell and those around it */
#define KS_GEO_TEXT    11               /* letters of a geohash */

typedef struct {
    double              lon;
    double              lat;
} ks_geo_point_t;

typedef struct {
    uint64_t            bits;
    unsigned            step;
} ks_geo_cell_t;

/*
 * What is searched: around a place a circle, or a box of straight sides; or a
 * polygon, whose middle ks_geo_polygon() finds.  It does not reach around the
 * globe: its sides are straight on a map from 180 degrees west to east.
 */
typedef struct {
    ks_geo_point_t      at;
    unsigned            box:1;
    unsigned            vertices;       /* of a polygon, 3 or more; 0: none */
    ks_geo_point_t     *polygon;
    double              radius;         /* of a circle; in units */
    double              width;          /* of a box */
    double              height;
    double              unit;           /* meters */
} ks_geo_shape_t;


int ks_geo_valid(const ks_geo_point_t *at);

/* A valid place as a score; and what place a score, whatever it is, means. */
double ks_geo_score(const ks_geo_point_t *at);
ks_geo_point_t ks_geo_point(double score);

/* the letters of the common geohash; no NUL behind */
void ks_geo_text(const ks_geo_point_t *at, char to[KS_GEO_TEXT]);

/* The polygon, which must outlive the shape; sides may cross each other. */
void ks_geo_polygon(ks_geo_shape_t *shape, ks_geo_point_t *polygon,
    unsigned vertices);

/* meters */
double ks_geo_distance(const ks_geo_point_t *a,
    const ks_geo_point_t *b);

/* Whether the place is in the shape, and how far from its middle, in meters. */
int ks_geo_within(const ks_geo_shape_t *shape, const ks_geo_point_t *at,
    double *distance);

/*
 * The cells that the shape may extend to, in the order in which Redis goes
 * through them; how many.
 */
unsigned ks_geo_cells(const ks_geo_shape_t *shape,
    ks_geo_cell_t cells[KS_GEO_CELLS]);

/* The scores of a cell: from min on and below max. */
void ks_geo_range(const ks_geo_cell_t *cell, double *min, double *max);


#endif /* KS_GEOHASH_H */
