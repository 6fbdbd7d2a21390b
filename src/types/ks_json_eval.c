/*
 * Paths into JSON documents: following them.
 *
 * Behind ".." a value comes before what lies in it, as RedisJSON has it; or
 * behind it, as Upstash does.
 */

#include "types/ks_json_expr.h"


static int ks_json_select(ks_json_found_t *f, const ks_json_segment_t *s,
    const ks_json_node_t *n, ks_json_way_t *at);


/* --- results --- */

static int
ks_json_look(ks_json_found_t *f)
{
    return ++f->looks > KS_JSON_LOOKS ? KS_ERR : KS_OK;
}


/* --- ways --- */

/* The step to where one is, with a name that outlives changes. */

static const ks_json_step_t *
ks_json_step(ks_json_found_t *f, ks_json_way_t *at)
{
    ks_json_step_t        *step;
    const ks_json_walk_t  *w;

    if (at == NULL || at->made) {
        return at ? at->made : NULL;
    }

    step = f->m->alloc(f->m->data, sizeof(ks_json_step_t));
    step->up = ks_json_step(f, at->up);
    step->depth = step->up ? (uint8_t) (step->up->depth + 1) : 1;
    w = at->walk;
    step->i = w ? w->i : at->i;
    step->named = at->name != NULL || (w && w->object);

    if (at->name) {
        step->name = *at->name;

    } else if (step->named) {
        step->name.len = w->name.len;
        step->name.data = f->m->alloc(f->m->data, w->name.len + 1);

        if (w->name.len) {
            ks_item_read(f->v->mem, &w->name, step->name.data);
        }
    }

    at->made = step;

    return step;
}


static void
ks_json_add_match(ks_json_found_t *f, const ks_json_node_t *n,
    ks_json_way_t *at)
{
    ks_json_match_t  *more;

    if (f->counts) {
        f->n++;
        return;
    }

    if (f->n == f->max) {
        f->max = ks_max(f->max * 4, (size_t) 4);
        more = f->m->alloc(f->m->data, f->max * sizeof(ks_json_match_t));

        if (f->n) {
            memcpy(more, f->matches, f->n * sizeof(ks_json_match_t));
        }

        f->matches = more;
    }

    f->matches[f->n].node = *n;
    f->matches[f->n].at = f->places ? ks_json_step(f, at) : NULL;
    f->n++;
}


static int
ks_json_enough(const ks_json_found_t *f)
{
    return f->most && f->n >= f->most;
}


static ks_json_way_t
ks_json_way(ks_json_way_t *up, const ks_str_t *name,
    const ks_json_walk_t *walk, uint32_t i)
{
    ks_json_way_t  way;

    way.up = up;
    way.name = name;
    way.walk = walk;
    way.i = i;
    way.made = NULL;

    return way;
}


/* --- selectors --- */

static int
ks_json_by_name(ks_json_found_t *f, const ks_json_segment_t *s,
    const ks_str_t *name, const ks_json_node_t *n, ks_json_way_t *at)
{
    ks_json_way_t   way;
    ks_json_node_t  child;

    if (!ks_json_find(f->v, n, name, &child)) {
        return KS_OK;
    }

    way = ks_json_way(at, name, NULL, 0);

    return ks_json_follow(f, s->next, &child, &way);
}


static int
ks_json_by_index(ks_json_found_t *f, const ks_json_segment_t *s, int64_t i,
    const ks_json_node_t *n, ks_json_way_t *at)
{
    ks_json_way_t   way;
    ks_json_node_t  child;

    if (n->kind != KS_JSON_ARRAY) {
        return KS_OK;
    }

    /* as RedisJSON: what is in front of the first one is the first one */

    if (i < 0) {
        i += ks_json_count(f->v, n);
        i = ks_max(i, 0);
    }

    if (!ks_json_at(f->v, n, (uint32_t) i, &child)) {
        return KS_OK;
    }

    way = ks_json_way(at, NULL, NULL, (uint32_t) i);

    return ks_json_follow(f, s->next, &child, &way);
}


static int
ks_json_by_slice(ks_json_found_t *f, const ks_json_segment_t *s,
    const ks_json_selector_t *by, const ks_json_node_t *n,
    ks_json_way_t *at)
{
    int64_t         i, from, to, len;
    ks_json_way_t   way;
    ks_json_node_t  child;

    if (n->kind != KS_JSON_ARRAY || by->step == 0) {
        return KS_OK;
    }

    len = ks_json_count(f->v, n);
    from = by->has_from ? by->from : by->step > 0 ? 0 : len - 1;
    to = by->has_to ? by->to : by->step > 0 ? len : - len - 1;
    from = by->has_from && from < 0 ? from + len : from;
    to = to < 0 ? to + len : to;

    if (by->step > 0) {
        from = ks_min(ks_max(from, 0), len);
        to = ks_min(ks_max(to, 0), len);

    } else {
        from = ks_min(ks_max(from, -1), len - 1);
        to = ks_min(ks_max(to, -1), len - 1);
    }

    for (i = from; by->step > 0 ? i < to : i > to; i += by->step) {

        if (!ks_json_at(f->v, n, (uint32_t) i, &child)
            || ks_json_enough(f))
        {
            break;
        }

        way = ks_json_way(at, NULL, NULL, (uint32_t) i);

        if (ks_json_look(f) != KS_OK
            || ks_json_follow(f, s->next, &child, &way) != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* all values of a container, or those for which the filter holds */

static int
ks_json_by_each(ks_json_found_t *f, const ks_json_segment_t *s,
    const ks_json_expr_t *filter, const ks_json_node_t *n,
    ks_json_way_t *at)
{
    int             more, rc;
    ks_json_way_t   way;
    ks_json_walk_t  w;

    for (more = ks_json_first(f->v, n, &w); more; more = ks_json_next(&w)) {

        if (ks_json_look(f) != KS_OK) {
            return KS_ERR;
        }

        rc = filter ? f->filter(f, filter, &w.node) : 1;
        way = ks_json_way(at, NULL, &w, 0);

        if (rc == KS_ERR
            || (rc && ks_json_follow(f, s->next, &w.node, &way) != KS_OK))
        {
            return KS_ERR;
        }

        if (ks_json_enough(f)) {
            break;
        }
    }

    return KS_OK;
}


/* as RedisJSON: a scalar is asked itself */

static int
ks_json_by_filter(ks_json_found_t *f, const ks_json_segment_t *s,
    const ks_json_expr_t *filter, const ks_json_node_t *n,
    ks_json_way_t *at)
{
    int  rc;

    if (ks_jtag_container(n->tag)) {
        return ks_json_by_each(f, s, filter, n, at);
    }

    rc = f->filter(f, filter, n);

    return rc == 1 ? ks_json_follow(f, s->next, n, at) : rc;
}


static int
ks_json_by(ks_json_found_t *f, const ks_json_segment_t *s,
    const ks_json_selector_t *by, const ks_json_node_t *n,
    ks_json_way_t *at)
{
    switch (by->by) {

    case KS_JSON_BY_NAME:
        return ks_json_by_name(f, s, &by->name, n, at);

    case KS_JSON_BY_INDEX:
        return ks_json_by_index(f, s, by->from, n, at);

    case KS_JSON_BY_SLICE:
        return ks_json_by_slice(f, s, by, n, at);

    case KS_JSON_BY_ALL:
        return ks_json_by_each(f, s, NULL, n, at);

    default:
        return ks_json_by_filter(f, s, by->filter, n, at);
    }
}


static int
ks_json_select(ks_json_found_t *f, const ks_json_segment_t *s,
    const ks_json_node_t *n, ks_json_way_t *at)
{
    const ks_json_selector_t  *by;

    for (by = s->selectors; by && !ks_json_enough(f); by = by->next) {
        if (ks_json_look(f) != KS_OK || ks_json_by(f, s, by, n, at) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* the value itself, and all that lies in it */

static int
ks_json_scan(ks_json_found_t *f, const ks_json_segment_t *s,
    const ks_json_node_t *n, ks_json_way_t *at)
{
    int             more;
    ks_json_way_t   way;
    ks_json_walk_t  w;

    if (!f->last && ks_json_select(f, s, n, at) != KS_OK) {
        return KS_ERR;
    }

    for (more = ks_json_first(f->v, n, &w); more && !ks_json_enough(f);
         more = ks_json_next(&w))
    {
        way = ks_json_way(at, NULL, &w, 0);

        if (ks_json_look(f) != KS_OK
            || ks_json_scan(f, s, &w.node, &way) != KS_OK)
        {
            return KS_ERR;
        }
    }

    return f->last ? ks_json_select(f, s, n, at) : KS_OK;
}


int
ks_json_follow(ks_json_found_t *f, const ks_json_segment_t *s,
    const ks_json_node_t *n, ks_json_way_t *at)
{
    if (s == NULL) {
        ks_json_add_match(f, n, at);
        return KS_OK;
    }

    return s->deep ? ks_json_scan(f, s, n, at) : ks_json_select(f, s, n, at);
}
