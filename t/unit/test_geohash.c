/*
 * Geohashes: scores, places and distances are those of Redis to the last
 * digit, and no place within a shape lies outside of its cells.
 */

#include <math.h>

#include "engine_test.h"
#include "types/ks_geohash.h"


#define ROUNDS  200000

/* what redis-server 7.0.15 says */

static const struct {
    ks_geo_point_t   at;
    double           score;
    const char      *text;
    ks_geo_point_t   middle;            /* of the cell it is in */
} places[] = {
    { { 13.361389, 38.115556 }, 3479099956230698, "sqc8b49rny0",
      { 13.36138933897018433, 38.11555639549629859 } },
    { { 15.087269, 37.502669 }, 3479447370796909, "sqdtr74hyu0",
      { 15.08726745843887329, 37.50266842333162032 } },
    { { 0, 0 }, 3377699720527872, "s0000000000",
      { 0.00000268220901489, 0.00000126736058093 } },
    { { -180, -85.05112878 }, 0, "00bh0hbj200",
      { -179.99999731779098511, -85.05112751263942528 } },
    { { 180, 85.05112878 }, 13510798882111488.0, "bp05b5048p0",
      { 180, 85.0511287799999991 } },
    { { -122.27652, 37.805186 }, 1367952638197536, "9q9p1d0znt0",
      { -122.27652043104171753, 37.80518485897756165 } },
    { { 179.999999, 0.000001 }, 4128299658422954, "xbpbpbpbpb0",
      { 179.99999731779098511, 0.00000126736058093 } },
};

static const struct {
    double           score;
    ks_geo_point_t   at;
} strange[] = {
    { -1, { 180, 85.0511287799999991 } },
    { 0.5, { -179.99999731779098511, -85.05112751263942528 } },
    { 1e19, { 180, 85.0511287799999991 } },
    { 4503599627370496.0, { -179.99999731779098511, 85.0511287799999991 } },
    { INFINITY, { -179.99999731779098511, -85.05112751263942528 } },
    { -INFINITY, { 180, -85.05112751263942528 } },
};


static void
assert_close(double a, double b)
{
    if (fabs(a - b) > 1e-17 + fabs(b) * 1e-15) {
        fail_msg("%.17g is not %.17g", a, b);
    }
}


static void
test_places(void **state)
{
    char             text[KS_GEO_TEXT];
    size_t           i;
    double           score;
    ks_geo_point_t   at;

    (void) state;

    for (i = 0; i < ks_nelts(places); i++) {
        assert_true(ks_geo_valid(&places[i].at));
        score = ks_geo_score(&places[i].at);
        assert_true(score == places[i].score);

        at = ks_geo_point(score);
        assert_close(at.lon, places[i].middle.lon);
        assert_close(at.lat, places[i].middle.lat);

        ks_geo_text(&at, text);
        assert_memory_equal(text, places[i].text, KS_GEO_TEXT);
    }

    for (i = 0; i < ks_nelts(strange); i++) {
        at = ks_geo_point(strange[i].score);
        assert_close(at.lon, strange[i].at.lon);
        assert_close(at.lat, strange[i].at.lat);
    }
}


static void
test_limits(void **state)
{
    ks_geo_point_t  at;

    (void) state;

    at.lon = 180.0000001;
    at.lat = 0;
    assert_false(ks_geo_valid(&at));
    at.lon = -at.lon;
    assert_false(ks_geo_valid(&at));
    at.lon = 0;
    at.lat = 85.0511288;
    assert_false(ks_geo_valid(&at));
    at.lat = -at.lat;
    assert_false(ks_geo_valid(&at));
    at.lat = NAN;
    assert_false(ks_geo_valid(&at));
}


static void
test_distances(void **state)
{
    char             text[32];
    size_t           i;
    ks_geo_point_t   a, b;

    static const struct {
        unsigned     a;
        unsigned     b;
        const char  *meters;
    } pairs[] = {
        { 0, 1, "166274.1516" },
        { 0, 5, "10431665.6681" },
        { 3, 4, "18919844.5891" },
        { 2, 6, "20020733.3421" },
        { 5, 5, "0.0000" },
    };

    (void) state;

    for (i = 0; i < ks_nelts(pairs); i++) {
        a = ks_geo_point(places[pairs[i].a].score);
        b = ks_geo_point(places[pairs[i].b].score);

        snprintf(text, sizeof(text), "%.4f", ks_geo_distance(&a, &b));
        assert_string_equal(text, pairs[i].meters);

        snprintf(text, sizeof(text), "%.4f", ks_geo_distance(&b, &a));
        assert_string_equal(text, pairs[i].meters);
    }
}


/* from -1 to 1 */

static double
fraction(void)
{
    return (double) rnd(2000000001) / 1000000000 - 1;
}


static void
test_there_and_back(void **state)
{
    int              i;
    double           score;
    ks_geo_point_t   at, middle;

    (void) state;

    for (i = 0; i < ROUNDS; i++) {
        at.lon = fraction() * 179.99;
        at.lat = fraction() * 85.05;

        score = ks_geo_score(&at);
        middle = ks_geo_point(score);

        /* half of a cell, at most */

        assert_true(fabs(middle.lon - at.lon) <= 180.0 / (1 << 26) + 1e-12);
        assert_true(fabs(middle.lat - at.lat)
                    <= KS_GEO_LAT / (1 << 26) + 1e-12);
        assert_true(ks_geo_score(&middle) == score);
    }
}


static unsigned
holders(const ks_geo_cell_t *cells, unsigned n, double score)
{
    double    min, max;
    unsigned  i, count;

    for (count = 0, i = 0; i < n; i++) {
        ks_geo_range(&cells[i], &min, &max);
        assert_true(min < max);
        count += (score >= min && score < max);
    }

    return count;
}


/*
 * Places around the middle of a shape: those within it are in just one cell.
 * The date line and the poles are where Redis's search leaves some out, too.
 */

static void
test_cells(void **state)
{
    int              i, k, inside;
    double           size, distance, meters;
    unsigned         n;
    ks_geo_cell_t    cells[KS_GEO_CELLS];
    ks_geo_shape_t   shape;
    ks_geo_point_t   at;

    (void) state;

    inside = 0;

    for (i = 0; i < ROUNDS / 20; i++) {
        memset(&shape, 0, sizeof(shape));
        shape.at.lon = fraction() * 120;
        shape.at.lat = fraction() * 60;
        shape.unit = rnd(2) ? 1 : 1000;
        shape.box = rnd(2);

        size = pow(10, rnd(6000) / 1000.0) / shape.unit;
        shape.radius = size;
        shape.width = size * (1 + rnd(3));
        shape.height = size * (1 + rnd(3));

        n = ks_geo_cells(&shape, cells);
        assert_in_range(n, 1, KS_GEO_CELLS);

        for (k = 0; k < 20; k++) {
            meters = size * shape.unit * 2;
            at.lon = shape.at.lon + fraction() * meters / 60000;
            at.lat = shape.at.lat + fraction() * meters / 111000;

            if (!ks_geo_valid(&at)) {
                continue;
            }

            at = ks_geo_point(ks_geo_score(&at));

            if (!ks_geo_within(&shape, &at, &distance)) {
                assert_true(holders(cells, n, ks_geo_score(&at)) <= 1);
                continue;
            }

            inside++;
            assert_close(distance, ks_geo_distance(&shape.at, &at));

            if (holders(cells, n, ks_geo_score(&at)) != 1) {
                fail_msg("%.9f,%.9f is not in the cells around %.9f,%.9f, "
                         "%.3f m", at.lon, at.lat, shape.at.lon, shape.at.lat,
                         size * shape.unit);
            }
        }
    }

    assert_true(inside > ROUNDS / 20);
}


/* shapes of all sizes anywhere end in cells */

static void
test_any_shape(void **state)
{
    int              i;
    double           min, max;
    unsigned         n, k, other;
    ks_geo_cell_t    cells[KS_GEO_CELLS];
    ks_geo_shape_t   shape;

    static const double  sizes[] = {
        0, 1e-320, 1e-9, 1, 1000, 6e6, 1.001e7, 2e7, 4e7, 1e9, 1e300, INFINITY
    };

    (void) state;

    for (i = 0; i < ROUNDS / 4; i++) {
        memset(&shape, 0, sizeof(shape));
        shape.at.lon = rnd(10) ? fraction() * 180 : 180 * ((int) rnd(3) - 1);
        shape.at.lat = rnd(10) ? fraction() * KS_GEO_LAT
                               : KS_GEO_LAT * ((int) rnd(3) - 1);
        shape.unit = rnd(2) ? 1609.34 : 0.3048;
        shape.box = rnd(2);
        shape.radius = sizes[rnd(ks_nelts(sizes))];
        shape.width = sizes[rnd(ks_nelts(sizes))];
        shape.height = sizes[rnd(ks_nelts(sizes))];

        n = ks_geo_cells(&shape, cells);
        assert_in_range(n, 1, KS_GEO_CELLS);

        for (k = 0; k < n; k++) {
            assert_in_range(cells[k].step, 1, KS_GEO_STEPS);
            ks_geo_range(&cells[k], &min, &max);
            assert_true(min >= 0 && min < max);

            /* no member is found twice */

            for (other = 0; other < k; other++) {
                assert_true(cells[k].bits != cells[other].bits);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_distances),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_any_shape),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
