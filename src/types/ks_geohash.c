/*
 * Geohashes, distances, and the cells that a search has to look at.
 *
 * Bits of both numbers in turn: Morton's order (1966); as text, Niemeyer's
 * geohash (2008).  Distances are by the haversine formula, on a ball.
 *
 * The order of the operations on doubles is part of the result.
 */

#include "types/ks_geohash.h"

#include <math.h>


#define KS_EARTH_RADIUS  6372797.560856         /* meters */
#define KS_MERCATOR      20037726.37            /* half of the equator */
#define KS_RADIAN        (M_PI / 180.0)

#define KS_EVEN_BITS     0x5555555555555555ull

/* a part of the map */
typedef struct {
    ks_geo_point_t  min;
    ks_geo_point_t  max;
} ks_geo_area_t;

static const ks_geo_area_t  ks_geo_map = {
    { -KS_GEO_LON, -KS_GEO_LAT }, { KS_GEO_LON, KS_GEO_LAT }
};

/* the common geohash knows the poles, too */
static const ks_geo_area_t  ks_geo_globe = {
    { -180.0, -90.0 }, { 180.0, 90.0 }
};


/* bit n goes to bit 2n */

static uint64_t
ks_geo_spread(uint32_t v)
{
    unsigned  shift;
    uint64_t  x, mask;

    x = v;
    mask = UINT64_MAX >> 32;

    for (shift = 16; shift > 0; shift /= 2) {
        mask ^= mask << shift;
        x = (x | x << shift) & mask;
    }

    return x;
}


static uint32_t
ks_geo_gather(uint64_t x)
{
    unsigned  shift;
    uint64_t  mask;

    mask = KS_EVEN_BITS;
    x &= mask;

    for (shift = 1; shift <= 16; shift *= 2) {
        mask = UINT64_MAX / ((1ull << (2 * shift)) + 1);
        x = (x | x >> shift) & mask;
    }

    return (uint32_t) x;
}


static ks_geo_cell_t
ks_geo_cell(const ks_geo_area_t *map, const ks_geo_point_t *at,
    unsigned step)
{
    double         x, y;
    ks_geo_cell_t  cell;

    y = (at->lat - map->min.lat) / (map->max.lat - map->min.lat);
    x = (at->lon - map->min.lon) / (map->max.lon - map->min.lon);

    y *= (double) (1ull << step);
    x *= (double) (1ull << step);

    cell.bits = ks_geo_spread((uint32_t) y) | ks_geo_spread((uint32_t) x) << 1;
    cell.step = step;

    return cell;
}


static ks_geo_area_t
ks_geo_area(const ks_geo_cell_t *cell)
{
    double         width, height, parts;
    uint32_t       x, y;
    ks_geo_area_t  area;

    x = ks_geo_gather(cell->bits >> 1);
    y = ks_geo_gather(cell->bits);
    parts = (double) (1ull << cell->step);

    height = ks_geo_map.max.lat - ks_geo_map.min.lat;
    width = ks_geo_map.max.lon - ks_geo_map.min.lon;

    area.min.lat = ks_geo_map.min.lat + (y / parts) * height;
    area.max.lat = ks_geo_map.min.lat + ((uint32_t) (y + 1) / parts) * height;
    area.min.lon = ks_geo_map.min.lon + (x / parts) * width;
    area.max.lon = ks_geo_map.min.lon + ((uint32_t) (x + 1) / parts) * width;

    return area;
}


int
ks_geo_valid(const ks_geo_point_t *at)
{
    return at->lon >= -KS_GEO_LON && at->lon <= KS_GEO_LON
           && at->lat >= -KS_GEO_LAT && at->lat <= KS_GEO_LAT;
}


double
ks_geo_score(const ks_geo_point_t *at)
{
    return (double) ks_geo_cell(&ks_geo_map, at, KS_GEO_STEPS).bits;
}


/*
 * A sorted set may have any scores: those that are no geohash have the bits
 * that the conversion gives on the machines that Redis usually runs on.
 */

static uint64_t
ks_geo_bits(double score)
{
    double  half;

    half = 9223372036854775808.0;

    if (score >= half) {
        score -= half;
        return score < half ? (uint64_t) score ^ (1ull << 63) : 0;
    }

    return score >= -half ? (uint64_t) (int64_t) score : 1ull << 63;
}


static double
ks_geo_clamp(double v, double limit)
{
    return v > limit ? limit : v < -limit ? -limit : v;
}


ks_geo_point_t
ks_geo_point(double score)
{
    ks_geo_cell_t   cell;
    ks_geo_area_t   area;
    ks_geo_point_t  at;

    cell.bits = ks_geo_bits(score);
    cell.step = KS_GEO_STEPS;
    area = ks_geo_area(&cell);

    at.lon = ks_geo_clamp((area.min.lon + area.max.lon) / 2, KS_GEO_LON);
    at.lat = ks_geo_clamp((area.min.lat + area.max.lat) / 2, KS_GEO_LAT);

    return at;
}


/* 52 bits are ten letters of five bits each, and the last one is a zero */

void
ks_geo_text(const ks_geo_point_t *at, char to[KS_GEO_TEXT])
{
    unsigned       i;
    ks_geo_cell_t  cell;

    static const char  letters[] = "0123456789bcdefghjkmnpqrstuvwxyz";

    cell = ks_geo_cell(&ks_geo_globe, at, KS_GEO_STEPS);

    for (i = 0; i < KS_GEO_TEXT - 1; i++) {
        to[i] = letters[(cell.bits >> (52 - (i + 1) * 5)) & 0x1f];
    }

    to[KS_GEO_TEXT - 1] = letters[0];
}


/* --- distances --- */

static double
ks_geo_north_south(double lat1, double lat2)
{
    return KS_EARTH_RADIUS * fabs(lat2 * KS_RADIAN - lat1 * KS_RADIAN);
}


/* the haversine formula */

double
ks_geo_distance(const ks_geo_point_t *a, const ks_geo_point_t *b)
{
    double  lat1, lat2, u, v;

    v = sin((b->lon * KS_RADIAN - a->lon * KS_RADIAN) / 2);

    if (v == 0.0) {
        return ks_geo_north_south(a->lat, b->lat);
    }

    lat1 = a->lat * KS_RADIAN;
    lat2 = b->lat * KS_RADIAN;
    u = sin((lat2 - lat1) / 2);

    return 2.0 * KS_EARTH_RADIUS
           * asin(sqrt(u * u + cos(lat1) * cos(lat2) * v * v));
}


static int
ks_geo_within_box(const ks_geo_shape_t *shape, const ks_geo_point_t *at)
{
    ks_geo_point_t  beside;

    if (ks_geo_north_south(at->lat, shape->at.lat)
        > shape->height * shape->unit / 2)
    {
        return 0;
    }

    beside.lon = shape->at.lon;
    beside.lat = at->lat;

    return ks_geo_distance(at, &beside) <= shape->width * shape->unit / 2;
}


/*
 * Even or odd: how many sides a ray to the east crosses.  Each side has its
 * lower end, but not its upper one, so that none is counted twice.
 */

static int
ks_geo_within_polygon(const ks_geo_shape_t *shape, const ks_geo_point_t *at)
{
    int                    inside;
    double                 lon;
    unsigned               i;
    const ks_geo_point_t  *a, *b;

    b = &shape->polygon[shape->vertices - 1];

    for (inside = 0, i = 0; i < shape->vertices; i++, b = a) {
        a = &shape->polygon[i];

        if ((a->lat > at->lat) == (b->lat > at->lat)) {
            continue;
        }

        lon = (b->lon - a->lon) * (at->lat - a->lat) / (b->lat - a->lat)
              + a->lon;

        inside ^= (at->lon < lon);
    }

    return inside;
}


/* The middle is that of the vertices in space, seen from the earth's. */

void
ks_geo_polygon(ks_geo_shape_t *shape, ks_geo_point_t *polygon,
    unsigned vertices)
{
    double    x, y, z, lon, lat;
    unsigned  i;

    x = 0;
    y = 0;
    z = 0;

    for (i = 0; i < vertices; i++) {
        lon = polygon[i].lon * KS_RADIAN;
        lat = polygon[i].lat * KS_RADIAN;

        x += cos(lat) * cos(lon);
        y += cos(lat) * sin(lon);
        z += sin(lat);
    }

    shape->at.lon = atan2(y, x) / KS_RADIAN;
    shape->at.lat = atan2(z, sqrt(x * x + y * y)) / KS_RADIAN;
    shape->polygon = polygon;
    shape->vertices = vertices;
    shape->unit = 1;
}


int
ks_geo_within(const ks_geo_shape_t *shape, const ks_geo_point_t *at,
    double *distance)
{
    if (shape->vertices) {
        *distance = ks_geo_distance(&shape->at, at);
        return ks_geo_within_polygon(shape, at);
    }

    if (shape->box && !ks_geo_within_box(shape, at)) {
        return 0;
    }

    *distance = ks_geo_distance(&shape->at, at);

    return shape->box || *distance <= shape->radius * shape->unit;
}


/* --- cells --- */

static ks_geo_area_t
ks_geo_polygon_bounds(const ks_geo_shape_t *shape)
{
    unsigned               i;
    ks_geo_area_t          bounds;
    const ks_geo_point_t  *p;

    bounds.min = shape->polygon[0];
    bounds.max = bounds.min;

    for (i = 1; i < shape->vertices; i++) {
        p = &shape->polygon[i];

        bounds.min.lon = ks_min(bounds.min.lon, p->lon);
        bounds.min.lat = ks_min(bounds.min.lat, p->lat);
        bounds.max.lon = ks_max(bounds.max.lon, p->lon);
        bounds.max.lat = ks_max(bounds.max.lat, p->lat);
    }

    return bounds;
}


/* What the shape is inside of; beyond the edges of the map it may extend. */

static ks_geo_area_t
ks_geo_bounds(const ks_geo_shape_t *shape)
{
    double         height, width, dlat, dlon;
    ks_geo_area_t  bounds;

    if (shape->vertices) {
        return ks_geo_polygon_bounds(shape);
    }

    height = shape->unit * (shape->box ? shape->height / 2 : shape->radius);
    width = shape->unit * (shape->box ? shape->width / 2 : shape->radius);

    dlat = height / KS_EARTH_RADIUS / KS_RADIAN;

    /* the edge that is nearer to a pole has more degrees */

    dlon = shape->at.lat + (shape->at.lat < 0 ? -dlat : dlat);
    dlon = width / KS_EARTH_RADIUS / cos(dlon * KS_RADIAN) / KS_RADIAN;

    bounds.min.lon = shape->at.lon - dlon;
    bounds.max.lon = shape->at.lon + dlon;
    bounds.min.lat = shape->at.lat - dlat;
    bounds.max.lat = shape->at.lat + dlat;

    return bounds;
}


/* from the middle of the shape to what is farthest from it, meters */

static double
ks_geo_reach(const ks_geo_shape_t *shape, const ks_geo_area_t *bounds)
{
    int             i;
    double          w, h, range;
    ks_geo_point_t  corner;

    if (shape->vertices == 0) {
        w = shape->width / 2;
        h = shape->height / 2;

        return (shape->box ? sqrt(w * w + h * h) : shape->radius)
               * shape->unit;
    }

    for (range = 0, i = 0; i < 4; i++) {
        corner.lon = (i & 1) ? bounds->max.lon : bounds->min.lon;
        corner.lat = (i & 2) ? bounds->max.lat : bounds->min.lat;
        range = fmax(range, ks_geo_distance(&shape->at, &corner));
    }

    return range;
}


/* how small cells can be of which nine cover the shape, mostly */

static unsigned
ks_geo_step(const ks_geo_shape_t *shape, const ks_geo_area_t *bounds)
{
    int     step;
    double  range;

    range = ks_geo_reach(shape, bounds);

    if (range == 0) {
        return KS_GEO_STEPS;
    }

    for (step = 1; range < KS_MERCATOR; step++) {
        range *= 2;
    }

    step -= 2;

    /* meridians are closer together towards the poles */

    step -= (fabs(shape->at.lat) > 66) + (fabs(shape->at.lat) > 80);
    step = ks_max(step, 1);

    return (unsigned) ks_min(step, KS_GEO_STEPS);
}


static uint32_t
ks_geo_move(uint32_t v, int by, unsigned step)
{
    return by ? (v + (uint32_t) by) & (uint32_t) ((1ull << step) - 1) : v;
}


/* the cell so many to the east and to the north, around the globe */

static ks_geo_cell_t
ks_geo_neighbour(const ks_geo_cell_t *cell, int east, int north)
{
    uint32_t       x, y;
    ks_geo_cell_t  other;

    x = ks_geo_move(ks_geo_gather(cell->bits >> 1), east, cell->step);
    y = ks_geo_move(ks_geo_gather(cell->bits), north, cell->step);

    other.bits = ks_geo_spread(y) | ks_geo_spread(x) << 1;
    other.step = cell->step;

    return other;
}


/* whether the shape ends before the cells beside this one do */

static int
ks_geo_covered(const ks_geo_cell_t *cell, const ks_geo_area_t *bounds)
{
    ks_geo_cell_t  north, south, east, west;

    north = ks_geo_neighbour(cell, 0, 1);
    south = ks_geo_neighbour(cell, 0, -1);
    east = ks_geo_neighbour(cell, 1, 0);
    west = ks_geo_neighbour(cell, -1, 0);

    return !(ks_geo_area(&north).max.lat < bounds->max.lat
             || ks_geo_area(&south).min.lat > bounds->min.lat
             || ks_geo_area(&east).max.lon < bounds->max.lon
             || ks_geo_area(&west).min.lon > bounds->min.lon);
}


/* The same of a polygon, which ends where the map does. */

static int
ks_geo_polygon_covered(const ks_geo_cell_t *cell, const ks_geo_area_t *bounds)
{
    double         width, height;
    ks_geo_area_t  area;

    area = ks_geo_area(cell);
    width = area.max.lon - area.min.lon;
    height = area.max.lat - area.min.lat;

    return area.min.lon - width <= bounds->min.lon
           && area.max.lon + width >= bounds->max.lon
           && area.min.lat - height <= bounds->min.lat
           && area.max.lat + height >= bounds->max.lat;
}


/* whether the shape does not reach that far out of the area in its middle */

static int
ks_geo_useless(const ks_geo_area_t *area, const ks_geo_area_t *bounds,
    int east, int north)
{
    return (north < 0 && area->min.lat < bounds->min.lat)
           || (north > 0 && area->max.lat > bounds->max.lat)
           || (east < 0 && area->min.lon < bounds->min.lon)
           || (east > 0 && area->max.lon > bounds->max.lon);
}


unsigned
ks_geo_cells(const ks_geo_shape_t *shape, ks_geo_cell_t cells[KS_GEO_CELLS])
{
    unsigned       i, n, step;
    ks_geo_cell_t  middle, cell;
    ks_geo_area_t  bounds, area;

    static const struct {
        int8_t  east;
        int8_t  north;
    } ways[KS_GEO_CELLS] = {
        { 0, 0 }, { 0, 1 }, { 0, -1 }, { 1, 0 }, { -1, 0 }, { 1, 1 },
        { -1, 1 }, { 1, -1 }, { -1, -1 }
    };

    bounds = ks_geo_bounds(shape);
    step = ks_geo_step(shape, &bounds);
    middle = ks_geo_cell(&ks_geo_map, &shape->at, step);

    if (shape->vertices) {
        while (step > 1 && !ks_geo_polygon_covered(&middle, &bounds)) {
            middle = ks_geo_cell(&ks_geo_map, &shape->at, --step);
        }

    } else if (step > 1 && !ks_geo_covered(&middle, &bounds)) {
        middle = ks_geo_cell(&ks_geo_map, &shape->at, --step);
    }

    area = ks_geo_area(&middle);

    for (n = 0, i = 0; i < KS_GEO_CELLS; i++) {

        if (step >= 2
            && ks_geo_useless(&area, &bounds, ways[i].east, ways[i].north))
        {
            continue;
        }

        cell = ks_geo_neighbour(&middle, ways[i].east, ways[i].north);

        /* where cells are large, one neighbour can be another as well */

        if (n == 0 || cell.bits != cells[n - 1].bits) {
            cells[n++] = cell;
        }
    }

    return n;
}


void
ks_geo_range(const ks_geo_cell_t *cell, double *min, double *max)
{
    unsigned  shift;

    shift = 2 * (KS_GEO_STEPS - cell->step);
    *min = (double) (cell->bits << shift);
    *max = (double) ((cell->bits + 1) << shift);
}
