/*
 * Groups of consumers: what the checker says of them.
 *
 * May assume that each tree by itself is sound.
 */

#include "types/ks_group_trees.h"


static void
ks_check_consumers(ks_checker_t *ck, const ks_value_t *v, const ks_group_t *g,
    uint32_t given)
{
    uint32_t       i, owned;
    ks_item_t      name;
    ks_consumer_t  c, before;

    for (i = 0, owned = 0; ks_consumer_at(v, g, &c, i); i++) {
        name = ks_consumer_name(v, c.no);

        if (c.no >= given || ks_item_compare(v->mem, &name, &c.name) != 0) {
            ks_checker_fault(ck, "group %u: no consumer has number %u", g->no,
                             c.no);
        }

        if (i && ks_item_compare(v->mem, &before.name, &c.name) >= 0) {
            ks_checker_fault(ck, "group %u: consumers out of order", g->no);
        }

        owned += ks_consumer_pending(v, &c);
        before = c;
    }

    if (owned != ks_group_pending(v, g)) {
        ks_checker_fault(ck, "group %u has %u pending, its consumers %u",
                         g->no, ks_group_pending(v, g), owned);
    }
}


/*
 * All that its consumers own is pending in the group for them; as both are as
 * many, nothing else is.
 */

static void
ks_check_owned(ks_checker_t *ck, const ks_value_t *v, const ks_group_t *g)
{
    int             more;
    uint32_t        i;
    ks_pending_t    p;
    ks_consumer_t   c;
    ks_stream_id_t  id, first = { 0, 0 };

    for (i = 0; ks_consumer_at(v, g, &c, i); i++) {
        id = first;

        for (more = ks_pending_seek(v, g, &c, &p, &first); more;
             more = ks_pending_next(v, &p))
        {
            if (p.consumer != c.no || p.group != g->no
                || ks_stream_id_compare(&p.id, &id) < 0)
            {
                ks_checker_fault(ck, "group %u, consumer %u: entry %ju-%ju is "
                                 "that of group %u, consumer %u", g->no, c.no,
                                 (uintmax_t) p.id.ms, (uintmax_t) p.id.seq,
                                 p.group, p.consumer);
                return;
            }

            id = p.id;
        }
    }
}


void
ks_group_check(ks_checker_t *ck, const ks_value_t *v)
{
    uint32_t          i, consumers, pending;
    ks_group_t        g, before;
    ks_stream_head_t  head;

    ks_stream_head(v, &head);

    consumers = 0;
    pending = 0;

    for (i = 0; ks_group_at(v, &g, i); i++) {

        if (g.no >= head.groups
            || (i && ks_item_compare(v->mem, &before.name, &g.name) >= 0))
        {
            ks_checker_fault(ck, "group %u is out of order", g.no);
            return;
        }

        consumers += ks_group_consumers(v, &g);
        pending += ks_group_pending(v, &g);
        ks_check_consumers(ck, v, &g, head.consumers);
        ks_check_owned(ck, v, &g);
        before = g;
    }

    if (consumers * 2 != ks_tree_count(ks_consumers(v))
        || pending != ks_tree_count(ks_pendings(v))
        || pending != ks_tree_count(ks_owned(v)))
    {
        ks_checker_fault(ck, "groups have %u consumers and %u pending, trees "
                         "%u, %u and %u", consumers, pending,
                         ks_tree_count(ks_consumers(v)),
                         ks_tree_count(ks_pendings(v)),
                         ks_tree_count(ks_owned(v)));
    }
}
