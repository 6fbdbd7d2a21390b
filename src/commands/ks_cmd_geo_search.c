/*
 * Searching places: GEOSEARCH, GEOSEARCHSTORE, and their forerunners
 * GEORADIUS and GEORADIUSBYMEMBER.
 *
 * The members of some ranges of scores are looked at one by one; without an
 * order asked for they are replied with as they are found.
 */

#include "commands/ks_geo_args.h"
#include "commands/ks_handlers.h"

#include <stdlib.h>


/* what a command is */
#define KS_GEO_SEARCH   0x01            /* GEOSEARCH and GEOSEARCHSTORE */
#define KS_GEO_STORE    0x02            /* GEOSEARCHSTORE */
#define KS_GEO_MEMBER   0x04            /* GEORADIUSBYMEMBER */
#define KS_GEO_READ     0x08            /* those with _RO */

#define KS_GEO_FIRST    32              /* room for results, to begin with */

typedef struct {
    ks_item_t            member;
    ks_geo_point_t       at;
    double               score;
    double               distance;      /* meters */
    size_t               n;             /* the how manieth that was found */
} ks_geo_found_t;

typedef struct {
    ks_ctx_t            *c;
    unsigned             mode;
    int                  argc;
    ks_str_t            *argv;
    ks_entry_t          *e;             /* NULL: there is no such key */
    ks_value_t           v;

    ks_geo_shape_t       shape;
    unsigned             from_member:1;
    unsigned             from_point:1;
    unsigned             by_radius:1;
    unsigned             by_box:1;
    unsigned             by_polygon:1;
    unsigned             with_distance:1;
    unsigned             with_hash:1;
    unsigned             with_point:1;
    unsigned             any:1;
    unsigned             store_distance:1;
    int                  order;         /* 1: nearest first, -1: last */
    int64_t              count;         /* 0: all */
    const ks_str_t      *store;

    ks_geo_found_t      *found;
    size_t               n;
    size_t               max;
} ks_geo_search_t;


/* --- arguments --- */

static int
ks_geo_from_member(ks_geo_search_t *s, const ks_str_t *member)
{
    double  score;

    if (!ks_zset_score(&s->v, member, &score)) {
        ks_reply_error(s->c->reply,
                       "ERR could not decode requested zset member");
        return KS_ERR;
    }

    s->shape.at = ks_geo_point(score);

    return KS_OK;
}


static int
ks_geo_radius(ks_geo_search_t *s, const ks_str_t *args)
{
    if (ks_arg_double(s->c, &args[0], &s->shape.radius,
                      "ERR need numeric radius") != KS_OK)
    {
        return KS_ERR;
    }

    if (s->shape.radius < 0) {
        ks_reply_error(s->c->reply, "ERR radius cannot be negative");
        return KS_ERR;
    }

    s->shape.box = 0;

    return ks_arg_unit(s->c, &args[1], &s->shape.unit);
}


static int
ks_geo_box(ks_geo_search_t *s, const ks_str_t *args)
{
    if (ks_arg_double(s->c, &args[0], &s->shape.width,
                      "ERR need numeric width") != KS_OK
        || ks_arg_double(s->c, &args[1], &s->shape.height,
                         "ERR need numeric height") != KS_OK)
    {
        return KS_ERR;
    }

    if (s->shape.width < 0 || s->shape.height < 0) {
        ks_reply_error(s->c->reply, "ERR height or width cannot be negative");
        return KS_ERR;
    }

    s->shape.box = 1;

    return ks_arg_unit(s->c, &args[2], &s->shape.unit);
}


/*
 * The vertices' number and places; how many arguments they take, or KS_ERR.
 */

static int
ks_geo_vertices(ks_geo_search_t *s, const ks_str_t *args, int argc)
{
    int              i;
    int64_t          n;
    ks_geo_point_t  *polygon;

    if (ks_parse_int(&args[0], &n) != KS_OK) {
        ks_reply_error(s->c->reply, "ERR invalid number of vertices");
        return KS_ERR;
    }

    if (n < 3 || n > (argc - 1) / 2) {
        ks_reply_error(s->c->reply, "ERR GEOSEARCH BYPOLYGON must have at "
                       "least 3 vertices");
        return KS_ERR;
    }

    polygon = ks_arena_alloc(s->c->space, (size_t) n * sizeof(ks_geo_point_t));

    for (i = 0; i < n; i++) {
        if (ks_arg_point(s->c, &args[1 + 2 * i], &polygon[i]) != KS_OK) {
            return KS_ERR;
        }
    }

    ks_geo_polygon(&s->shape, polygon, (unsigned) n);

    return 1 + 2 * (int) n;
}


static int
ks_geo_count(ks_geo_search_t *s, const ks_str_t *arg)
{
    if (ks_arg_int(s->c, arg, &s->count, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (s->count <= 0) {
        ks_reply_error(s->c->reply, "ERR COUNT must be > 0");
        return KS_ERR;
    }

    return KS_OK;
}


/* an option that is one word; 0: it is none */

static int
ks_geo_word(ks_geo_search_t *s, const ks_str_t *arg)
{
    if (ks_arg_is(arg, "withdist")) {
        s->with_distance = 1;

    } else if (ks_arg_is(arg, "withhash")) {
        s->with_hash = 1;

    } else if (ks_arg_is(arg, "withcoord")) {
        s->with_point = 1;

    } else if (ks_arg_is(arg, "any")) {
        s->any = 1;

    } else if (ks_arg_is(arg, "asc")) {
        s->order = 1;

    } else if (ks_arg_is(arg, "desc")) {
        s->order = -1;

    } else if (ks_arg_is(arg, "storedist") && (s->mode & KS_GEO_STORE)) {
        s->store_distance = 1;

    } else {
        return 0;
    }

    return 1;
}


/*
 * The options that only the newer commands have.  How many arguments this one
 * takes; 0: it is none of them; KS_ERR: an error is written.
 */

static int
ks_geo_search_option(ks_geo_search_t *s, int i)
{
    int        n, more;
    ks_str_t  *arg;

    arg = &s->argv[i];
    more = s->argc - i - 1;

    /* a polygon says all by itself */

    if (s->by_polygon) {
        return 0;
    }

    if (ks_arg_is(arg, "bypolygon") && more >= 2
        && !(s->from_member || s->from_point || s->by_radius || s->by_box))
    {
        s->by_polygon = 1;
        n = ks_geo_vertices(s, arg + 1, more);
        return n == KS_ERR ? KS_ERR : n + 1;
    }

    if (ks_arg_is(arg, "frommember") && more >= 1 && !s->from_point) {
        s->from_member = 1;

        /* without a key the rest of the arguments is looked at as well */

        return s->e && ks_geo_from_member(s, arg + 1) != KS_OK ? KS_ERR : 2;
    }

    if (ks_arg_is(arg, "fromlonlat") && more >= 2 && !s->from_member) {
        s->from_point = 1;
        return ks_arg_point(s->c, arg + 1, &s->shape.at) != KS_OK ? KS_ERR : 3;
    }

    if (ks_arg_is(arg, "byradius") && more >= 2 && !s->by_box) {
        s->by_radius = 1;
        return ks_geo_radius(s, arg + 1) != KS_OK ? KS_ERR : 3;
    }

    if (ks_arg_is(arg, "bybox") && more >= 3 && !s->by_radius) {
        s->by_box = 1;
        return ks_geo_box(s, arg + 1) != KS_OK ? KS_ERR : 4;
    }

    return 0;
}


/* STORE and STOREDIST, of the older ones */

static int
ks_geo_store_option(ks_geo_search_t *s, int i)
{
    int  distance;

    distance = ks_arg_is(&s->argv[i], "storedist");

    if ((s->mode & KS_GEO_READ) || i + 1 >= s->argc
        || !(distance || ks_arg_is(&s->argv[i], "store")))
    {
        return 0;
    }

    s->store = &s->argv[i + 1];
    s->store_distance = (distance != 0);

    return 2;
}


static int
ks_geo_option(ks_geo_search_t *s, int i)
{
    if (ks_geo_word(s, &s->argv[i])) {
        return 1;
    }

    if (ks_arg_is(&s->argv[i], "count") && i + 1 < s->argc) {
        return ks_geo_count(s, &s->argv[i + 1]) != KS_OK ? KS_ERR : 2;
    }

    return (s->mode & KS_GEO_SEARCH) ? ks_geo_search_option(s, i)
                                     : ks_geo_store_option(s, i);
}


/* what the options must not be together */

static int
ks_geo_conflict(ks_geo_search_t *s)
{
    int          len;
    ks_reply_t  *r;

    r = s->c->reply;
    len = (int) ks_min(s->argv[0].len, 128);

    if (s->store && (s->with_distance || s->with_hash || s->with_point)) {
        ks_reply_errorf(r, "ERR %s is not compatible with WITHDIST, WITHHASH "
                        "and WITHCOORD options", (s->mode & KS_GEO_STORE)
                        ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");

    } else if ((s->mode & KS_GEO_SEARCH)
               && !(s->from_member || s->from_point || s->by_polygon))
    {
        ks_reply_errorf(r, "ERR exactly one of FROMMEMBER or FROMLONLAT can "
                        "be specified for %.*s", len,
                        (char *) s->argv[0].data);

    } else if ((s->mode & KS_GEO_SEARCH)
               && !(s->by_radius || s->by_box || s->by_polygon))
    {
        ks_reply_errorf(r, "ERR exactly one of BYRADIUS and BYBOX can be "
                        "specified for %.*s", len, (char *) s->argv[0].data);

    } else if (s->any && s->count == 0) {
        ks_reply_error(r, "ERR the ANY argument requires COUNT argument");

    } else {
        return KS_OK;
    }

    return KS_ERR;
}


/* What the older commands have before their options; where these begin. */

static int
ks_geo_positional(ks_geo_search_t *s)
{
    int  rc;

    if (s->mode & KS_GEO_SEARCH) {
        return (s->mode & KS_GEO_STORE) ? 3 : 2;
    }

    if (s->mode & KS_GEO_MEMBER) {

        /* without a key only the options are looked at */

        rc = s->e == NULL || (ks_geo_from_member(s, &s->argv[2]) == KS_OK
                              && ks_geo_radius(s, &s->argv[3]) == KS_OK);

        return rc ? 5 : KS_ERR;
    }

    rc = ks_arg_point(s->c, &s->argv[2], &s->shape.at) == KS_OK
         && ks_geo_radius(s, &s->argv[4]) == KS_OK;

    return rc ? 6 : KS_ERR;
}


static int
ks_geo_parse(ks_geo_search_t *s)
{
    int  i, n;

    i = ks_geo_positional(s);

    if (i == KS_ERR) {
        return KS_ERR;
    }

    for ( /* void */ ; i < s->argc; i += n) {
        n = ks_geo_option(s, i);

        if (n == 0) {
            ks_reply_error(s->c->reply, KS_ERR_SYNTAX);
        }

        if (n <= 0) {
            return KS_ERR;
        }
    }

    return ks_geo_conflict(s);
}


/* --- searching --- */

static ks_geo_found_t *
ks_geo_push(ks_geo_search_t *s)
{
    ks_geo_found_t  *more;

    if (s->n == s->max) {
        s->max = ks_max(s->max * 2, KS_GEO_FIRST);
        more = ks_arena_alloc(s->c->space, s->max * sizeof(ks_geo_found_t));

        if (s->n > 0) {
            memcpy(more, s->found, s->n * sizeof(ks_geo_found_t));
        }

        s->found = more;
    }

    s->found[s->n].n = s->n;

    return &s->found[s->n++];
}


static int
ks_geo_enough(const ks_geo_search_t *s)
{
    return s->any && s->n >= (uint64_t) s->count;
}


static void
ks_geo_search_cell(ks_geo_search_t *s, const ks_geo_cell_t *cell)
{
    int              more;
    double           min, max, score, distance;
    ks_pos_t         pos;
    ks_geo_found_t  *f;
    ks_geo_point_t   at;

    ks_geo_range(cell, &min, &max);

    for (more = ks_zset_seek(&s->v, &pos, min, 0);
         more && !ks_geo_enough(s);
         more = ks_value_next(&s->v, &pos))
    {
        score = ks_zset_score_at(&s->v, &pos);

        if (score >= max) {
            break;
        }

        at = ks_geo_point(score);

        if (ks_geo_within(&s->shape, &at, &distance)) {
            f = ks_geo_push(s);
            f->member = ks_value_item(&s->v, &pos, 0);
            f->at = at;
            f->score = score;
            f->distance = distance;
        }
    }
}


/* Among the same distances the one that was found first comes first. */

static int
ks_geo_nearer(const void *one, const void *two)
{
    const ks_geo_found_t  *a, *b;

    a = one;
    b = two;

    if (a->distance != b->distance) {
        return a->distance < b->distance ? -1 : 1;
    }

    return a->n < b->n ? -1 : 1;
}


static int
ks_geo_farther(const void *one, const void *two)
{
    const ks_geo_found_t  *a, *b;

    a = one;
    b = two;

    if (a->distance != b->distance) {
        return a->distance > b->distance ? -1 : 1;
    }

    return a->n < b->n ? -1 : 1;
}


/* Whatever it takes from the zone is good until the next store. */

static void
ks_geo_find(ks_geo_search_t *s)
{
    unsigned       i, n;
    ks_geo_cell_t  cells[KS_GEO_CELLS];

    n = ks_geo_cells(&s->shape, cells);

    for (i = 0; i < n && !ks_geo_enough(s); i++) {
        ks_geo_search_cell(s, &cells[i]);
    }

    /* the first of them are meant to be the nearest */

    if (s->count != 0 && s->order == 0 && !s->any) {
        s->order = 1;
    }

    if (s->order != 0 && s->n > 1) {
        qsort(s->found, s->n, sizeof(ks_geo_found_t),
              s->order > 0 ? ks_geo_nearer : ks_geo_farther);
    }

    if (s->count != 0 && s->n > (uint64_t) s->count) {
        s->n = (size_t) s->count;
    }
}


/* --- results --- */

static void
ks_geo_reply_one(ks_geo_search_t *s, const ks_geo_found_t *f)
{
    unsigned  more;

    more = s->with_distance + s->with_hash + s->with_point;

    if (more) {
        ks_reply_array(s->c->reply, 1 + more);
    }

    ks_reply_item(s->c, &f->member);

    if (s->with_distance) {
        ks_reply_distance(s->c, f->distance / s->shape.unit);
    }

    if (s->with_hash) {
        ks_reply_integer(s->c->reply, (int64_t) f->score);
    }

    if (s->with_point) {
        ks_reply_point(s->c, &f->at);
    }
}


static int
ks_geo_item_order(const void *one, const void *two)
{
    int                rc;
    const ks_zitem_t  *a, *b;

    a = one;
    b = two;

    if (a->score != b->score) {
        return a->score < b->score ? -1 : 1;
    }

    rc = memcmp(a->member.data, b->member.data,
                ks_min(a->member.len, b->member.len));

    return rc ? rc : (a->member.len > b->member.len)
                     - (a->member.len < b->member.len);
}


static void
ks_geo_store(ks_geo_search_t *s)
{
    size_t       i;
    ks_zitem_t  *items;

    items = ks_arena_alloc(s->c->space, (s->n + 1) * sizeof(ks_zitem_t));

    for (i = 0; i < s->n; i++) {
        items[i].member = ks_item_copy(s->c->space, &s->found[i].member);
        items[i].score = s->store_distance
                         ? s->found[i].distance / s->shape.unit
                         : s->found[i].score;
    }

    qsort(items, s->n, sizeof(ks_zitem_t), ks_geo_item_order);
    ks_zset_store(s->c, s->c->cmd->handler == ks_cmd_geosearchstore
                        ? "geosearchstore" : "georadiusstore",
                  s->store, items, s->n);
}


static void
ks_geo_search(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned mode)
{
    size_t           i;
    ks_str_t        *key;
    ks_geo_search_t  s;

    memset(&s, 0, sizeof(s));
    s.c = c;
    s.mode = mode;
    s.argc = argc;
    s.argv = argv;
    key = &argv[1];

    if (mode & KS_GEO_STORE) {
        s.store = &argv[1];
        key = &argv[2];
    }

    if (ks_read_value(c, key, KS_TYPE_ZSET, &s.e, &s.v) != KS_OK
        || ks_geo_parse(&s) != KS_OK)
    {
        return;
    }

    if (s.e) {
        ks_geo_find(&s);
    }

    if (s.store) {
        ks_geo_store(&s);
        return;
    }

    ks_reply_array(c->reply, s.n);

    for (i = 0; i < s.n; i++) {
        ks_geo_reply_one(&s, &s.found[i]);
    }
}


void
ks_cmd_geosearch(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_geo_search(c, argc, argv, KS_GEO_SEARCH);
}


void
ks_cmd_geosearchstore(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_geo_search(c, argc, argv, KS_GEO_SEARCH|KS_GEO_STORE);
}


void
ks_cmd_georadius(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_geo_search(c, argc, argv, 0);
}


void
ks_cmd_georadius_ro(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_geo_search(c, argc, argv, KS_GEO_READ);
}


void
ks_cmd_georadiusbymember(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_geo_search(c, argc, argv, KS_GEO_MEMBER);
}


void
ks_cmd_georadiusbymember_ro(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_geo_search(c, argc, argv, KS_GEO_MEMBER|KS_GEO_READ);
}


/* The key that the last STORE or STOREDIST names. */

int
ks_cmd_georadius_extra_key(int argc, const ks_str_t *argv)
{
    int  i, at;

    for (at = 0, i = 5; i + 1 < argc; i++) {

        if (ks_arg_is(&argv[i], "store") || ks_arg_is(&argv[i], "storedist")) {
            at = ++i;
        }
    }

    return at;
}
