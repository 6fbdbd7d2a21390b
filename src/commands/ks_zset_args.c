/*
 * What the handlers of sorted sets share.
 */

#include "commands/ks_zset_args.h"


void
ks_zset_reply_open(ks_ctx_t *c, size_t n, int scores)
{
    ks_reply_array(c->reply, (scores && !c->reply->resp3) ? 2 * n : n);
}


void
ks_zset_reply_one(ks_ctx_t *c, const ks_value_t *v, const ks_pos_t *pos,
    int scores)
{
    ks_item_t  it;

    if (scores && c->reply->resp3) {
        ks_reply_array(c->reply, 2);
    }

    it = ks_value_item(v, pos, 0);
    ks_reply_item(c, &it);

    if (scores) {
        ks_reply_double(c->reply, ks_zset_score_at(v, pos));
    }
}


ks_zitem_t *
ks_zset_items(ks_ctx_t *c, const ks_value_t *v, uint32_t rank, uint32_t n,
    int copy)
{
    int          more;
    uint32_t     i;
    ks_pos_t     pos;
    ks_item_t    it;
    ks_zitem_t  *items;

    items = ks_arena_alloc(c->space, (n + 1u) * sizeof(ks_zitem_t));
    more = n && ks_value_at(v, &pos, rank);

    for (i = 0; more; i++) {
        it = ks_value_item(v, &pos, 0);
        items[i].member = copy ? ks_item_copy(c->space, &it)
                               : ks_item_flat(c->space, &it);
        items[i].score = ks_zset_score_at(v, &pos);
        more = (i + 1 < n) && ks_value_next(v, &pos);
    }

    return items;
}


void
ks_zset_store(ks_ctx_t *c, const char *event, const ks_str_t *dst,
    const ks_zitem_t *items, size_t n)
{
    size_t       i, room, longest;
    ks_item_t    it;
    ks_value_t   v;
    ks_entry_t  *old;

    old = ks_lookup(c->space, dst, KS_LOOKUP_WRITE);
    ks_reply_integer(c->reply, (int64_t) n);

    if (n == 0) {
        if (old) {
            ks_delete(c, dst, old);
        }

        return;
    }

    for (room = 0, longest = 0, i = 0; i < n; i++) {
        longest = ks_max(longest, items[i].member.len);
        room += items[i].member.len + KS_ZSET_ITEM_BYTES;
    }

    ks_value_create(c->space, dst, old, KS_TYPE_ZSET,
                    ks_zset_encoding(ks_space_zone(c->space), longest, n), room,
                    KS_NO_EXPIRE, &v);

    for (i = 0; i < n; i++) {
        it = ks_item(items[i].member.data, items[i].member.len);
        ks_zset_append(&v, &it, items[i].score);
    }

    (void) ks_value_close(&v);
    ks_event(c->space, KS_NOTIFY_ZSET, event, dst);
}
