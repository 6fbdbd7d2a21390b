/*
 * Places: sorted sets whose scores are geohashes of 52 bits.  GEOADD, GEODIST,
 * GEOHASH and GEOPOS; searching is in ks_cmd_geo_search.c.
 */

#include "commands/ks_geo_args.h"
#include "commands/ks_handlers.h"

#include <stdio.h>


#define KS_GEO_DISTANCE  352            /* room for any double in full */


int
ks_arg_point(ks_ctx_t *c, const ks_str_t *args, ks_geo_point_t *at)
{
    if (ks_arg_double(c, &args[0], &at->lon, NULL) != KS_OK
        || ks_arg_double(c, &args[1], &at->lat, NULL) != KS_OK)
    {
        return KS_ERR;
    }

    if (!ks_geo_valid(at)) {
        ks_reply_errorf(c->reply, "ERR invalid longitude,latitude pair %f,%f",
                        at->lon, at->lat);
        return KS_ERR;
    }

    return KS_OK;
}


int
ks_arg_unit(ks_ctx_t *c, const ks_str_t *arg, double *meters)
{
    *meters = ks_arg_is(arg, "m") ? 1
              : ks_arg_is(arg, "km") ? 1000
              : ks_arg_is(arg, "ft") ? 0.3048
              : ks_arg_is(arg, "mi") ? 1609.34 : 0;

    if (*meters == 0) {
        ks_reply_error(c->reply, "ERR unsupported unit provided. please use "
                       "M, KM, FT, MI");
        return KS_ERR;
    }

    return KS_OK;
}


/* with 17 decimals in RESP3 too, where scores have their shortest form */

static void
ks_reply_coordinate(ks_ctx_t *c, double v)
{
    u_char  text[KS_FLOAT_LEN];

    ks_reply_number(c->reply, v, text, ks_float_text(text, v));
}


void
ks_reply_point(ks_ctx_t *c, const ks_geo_point_t *at)
{
    ks_reply_array(c->reply, 2);
    ks_reply_coordinate(c, at->lon);
    ks_reply_coordinate(c, at->lat);
}


void
ks_reply_distance(ks_ctx_t *c, double distance)
{
    int   n;
    char  text[KS_GEO_DISTANCE];

    n = snprintf(text, sizeof(text), "%.4f", distance);
    ks_reply_bulk(c->reply, text, (size_t) n);
}


/* --- GEOADD --- */

static int
ks_geoadd_options(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int  i, nx, xx;

    nx = 0;
    xx = 0;

    for (i = 2; i < argc; i++) {

        if (ks_arg_is(&argv[i], "nx")) {
            nx = 1;

        } else if (ks_arg_is(&argv[i], "xx")) {
            xx = 1;

        } else if (!ks_arg_is(&argv[i], "ch")) {
            break;
        }
    }

    if ((argc - i) % 3 != 0 || (nx && xx)) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    return i;
}


/* It is ZADD with other words: the same options, and scores for places. */

void
ks_cmd_geoadd(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i, first, n;
    u_char          *text;
    ks_str_t        *args;
    ks_geo_point_t   at;

    first = ks_geoadd_options(c, argc, argv);

    if (first == KS_ERR) {
        return;
    }

    args = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_str_t));
    memcpy(args, argv, (size_t) first * sizeof(ks_str_t));
    n = first;

    for (i = first; i < argc; i += 3) {

        if (ks_arg_point(c, &argv[i], &at) != KS_OK) {
            return;
        }

        text = ks_arena_alloc(c->space, KS_INTEGER_TEXT);
        args[n].data = text;
        args[n++].len = ks_integer_text(text, (int64_t) ks_geo_score(&at));
        args[n++] = argv[i + 2];
    }

    ks_cmd_zadd(c, n, args);
}


/* --- GEODIST, GEOHASH, GEOPOS --- */

static int
ks_geo_member(const ks_entry_t *e, const ks_value_t *v,
    const ks_str_t *member, ks_geo_point_t *at)
{
    double  score;

    if (e == NULL || !ks_zset_score(v, member, &score)) {
        return 0;
    }

    *at = ks_geo_point(score);

    return 1;
}


void
ks_cmd_geodist(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    double           unit;
    ks_entry_t      *e;
    ks_value_t       v;
    ks_geo_point_t   a, b;

    unit = 1;

    if (argc > 5) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if ((argc == 5 && ks_arg_unit(c, &argv[4], &unit) != KS_OK)
        || ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK)
    {
        return;
    }

    if (!ks_geo_member(e, &v, &argv[2], &a)
        || !ks_geo_member(e, &v, &argv[3], &b))
    {
        ks_reply_null(c->reply);
        return;
    }

    ks_reply_distance(c, ks_geo_distance(&a, &b) / unit);
}


void
ks_cmd_geohash(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i;
    char             text[KS_GEO_TEXT];
    ks_entry_t      *e;
    ks_value_t       v;
    ks_geo_point_t   at;

    if (ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK) {
        return;
    }

    ks_reply_array(c->reply, (size_t) argc - 2);

    for (i = 2; i < argc; i++) {

        if (ks_geo_member(e, &v, &argv[i], &at)) {
            ks_geo_text(&at, text);
            ks_reply_bulk(c->reply, text, KS_GEO_TEXT);

        } else {
            ks_reply_null(c->reply);
        }
    }
}


void
ks_cmd_geopos(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i;
    ks_entry_t      *e;
    ks_value_t       v;
    ks_geo_point_t   at;

    if (ks_read_value(c, &argv[1], KS_TYPE_ZSET, &e, &v) != KS_OK) {
        return;
    }

    ks_reply_array(c->reply, (size_t) argc - 2);

    for (i = 2; i < argc; i++) {

        if (ks_geo_member(e, &v, &argv[i], &at)) {
            ks_reply_point(c, &at);

        } else {
            ks_reply_null_array(c->reply);
        }
    }
}
