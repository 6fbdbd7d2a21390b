/*
 * Lists: commands of more than one key.
 */

#include "commands/ks_list_args.h"
#include "commands/ks_handlers.h"


/* Takes an element off an end; its bytes are in the arena. */

static ks_str_t
ks_list_take(ks_ctx_t *c, ks_value_t *v, int end)
{
    ks_str_t   s;
    ks_pos_t   pos;
    ks_item_t  it;

    ks_list_from(v, &pos, end, 0);
    it = ks_value_item(v, &pos, 0);
    s = ks_item_copy(c->space, &it);
    ks_list_remove_at(v, &pos);

    return s;
}


int
ks_list_move(ks_ctx_t *c, const ks_str_t *src, const ks_str_t *dst, int from,
    int to)
{
    ks_str_t     s;
    ks_entry_t  *e;
    ks_value_t   sv, dv;

    if (ks_write_value(c, src, KS_TYPE_LIST, &e, &sv) != KS_OK) {
        return KS_ERR;
    }

    if (e == NULL) {
        return KS_NONE;
    }

    if (ks_str_same(src, dst)) {
        s = ks_list_take(c, &sv, from);
        ks_list_give(c, src, e, &sv, to, 1, &s);
        ks_event(c->space, KS_NOTIFY_LIST, ks_list_pushed(to), src);

    } else {
        if (ks_write_value(c, dst, KS_TYPE_LIST, &e, &dv) != KS_OK) {
            return KS_ERR;
        }

        s = ks_list_take(c, &sv, from);
        ks_list_give(c, dst, e, &dv, to, 1, &s);
        ks_event(c->space, KS_NOTIFY_LIST, ks_list_pushed(to), dst);
        (void) ks_value_close(&dv);
    }

    ks_event(c->space, KS_NOTIFY_LIST, ks_list_popped(from), src);
    ks_list_shrunk(&sv);
    (void) ks_value_close(&sv);
    ks_reply_bulk(c->reply, s.data, s.len);

    return KS_OK;
}


void
ks_cmd_lmove(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int  from, to;

    (void) argc;

    if (ks_list_end(c, &argv[3], &from) != KS_OK
        || ks_list_end(c, &argv[4], &to) != KS_OK)
    {
        return;
    }

    if (ks_list_move(c, &argv[1], &argv[2], from, to) == KS_NONE) {
        ks_reply_null(c->reply);
    }
}


void
ks_cmd_rpoplpush(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    if (ks_list_move(c, &argv[1], &argv[2], KS_LIST_TAIL, KS_LIST_HEAD)
        == KS_NONE)
    {
        ks_reply_null(c->reply);
    }
}


/* --- LMOVEM --- */

int
ks_lmovem_ends(ks_ctx_t *c, const ks_str_t *argv, ks_lmovem_t *m)
{
    if (ks_list_end(c, &argv[0], &m->from) != KS_OK) {
        return KS_ERR;
    }

    return ks_list_end(c, &argv[1], &m->to);
}


int
ks_lmovem_options(ks_ctx_t *c, int argc, const ks_str_t *argv, ks_lmovem_t *m)
{
    m->count = 1;
    m->exactly = 0;
    m->bulk = 1;

    if (argc == 0) {
        return KS_OK;
    }

    if (argc != 3) {
        goto syntax;
    }

    m->exactly = ks_arg_is(&argv[0], "exactly");
    m->bulk = ks_arg_is(&argv[2], "bulk");

    if (!(m->exactly || ks_arg_is(&argv[0], "count"))
        || !(m->bulk || ks_arg_is(&argv[2], "obo")))
    {
        goto syntax;
    }

    return ks_arg_within(c, &argv[1], 1, &m->count,
                         "ERR count should be greater than 0");

syntax:

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


/*
 * Takes n elements off an end, to be pushed one after the other: their bytes
 * are in the arena.  They end up in the order of the list, or where one by one
 * goes from an end to the same end, in the opposite one.
 */

static ks_str_t *
ks_lmovem_take(ks_ctx_t *c, ks_value_t *v, const ks_lmovem_t *m, uint32_t n)
{
    int        turned;
    uint32_t   i;
    ks_pos_t   pos;
    ks_str_t  *s;
    ks_item_t  it;

    s = ks_arena_alloc(c->space, n * sizeof(ks_str_t));
    turned = m->bulk && m->from == m->to;

    ks_list_from(v, &pos, m->from, 0);

    for (i = 0; i < n; i++) {
        if (i != 0) {
            (void) ks_list_step(v, &pos, m->from);
        }

        it = ks_value_item(v, &pos, 0);
        s[turned ? n - 1 - i : i] = ks_item_copy(c->space, &it);
    }

    ks_list_cut(v, m->from, n);

    return s;
}


/* in the order in which they are now in the list */

static void
ks_lmovem_reply(ks_ctx_t *c, const ks_str_t *s, uint32_t n, int to)
{
    uint32_t         i;
    const ks_str_t  *one;

    ks_reply_array(c->reply, n);

    for (i = 0; i < n; i++) {
        one = &s[to == KS_LIST_TAIL ? i : n - 1 - i];
        ks_reply_bulk(c->reply, one->data, one->len);
    }
}


/*
 * What is taken, and what is pushed: most servers do not know the command.  The
 * first may be the end of a list, whose time comes back with it.
 */

static void
ks_lmovem_tell(ks_ctx_t *c, const ks_str_t *src, const ks_str_t *dst,
    const ks_lmovem_t *m, uint32_t n, const ks_str_t *s, uint64_t expire)
{
    ks_effect_as(c->space, m->from == KS_LIST_HEAD ? "LPOP %s %u"
                                                   : "RPOP %s %u",
                 src, (uint64_t) n);
    ks_effect_as(c->space, m->to == KS_LIST_HEAD ? "LPUSH %s %v"
                                                 : "RPUSH %s %v",
                 dst, (int) n, s);

    if (expire != 0) {
        ks_effect_as(c->space, "PEXPIREAT %s %u", dst, expire);
    }
}


int
ks_lmovem_move(ks_ctx_t *c, const ks_str_t *src, const ks_str_t *dst,
    const ks_lmovem_t *m)
{
    uint32_t      n;
    uint64_t      expire;
    ks_str_t     *s;
    ks_entry_t   *e;
    ks_value_t    sv, dv;

    if (ks_write_value(c, src, KS_TYPE_LIST, &e, &sv) != KS_OK) {
        return KS_ERR;
    }

    n = e ? (uint32_t) ks_min(m->count, (int64_t) ks_value_count(&sv)) : 0;

    if (n == 0 || (m->exactly && n < m->count)) {
        return KS_NONE;
    }

    expire = 0;

    if (ks_str_same(src, dst)) {
        expire = ks_entry_expire(e);
        s = ks_lmovem_take(c, &sv, m, n);
        ks_list_give(c, src, e, &sv, m->to, (int) n, s);
        ks_event(c->space, KS_NOTIFY_LIST, ks_list_pushed(m->to), src);

    } else {
        if (ks_write_value(c, dst, KS_TYPE_LIST, &e, &dv) != KS_OK) {
            return KS_ERR;
        }

        s = ks_lmovem_take(c, &sv, m, n);
        ks_list_give(c, dst, e, &dv, m->to, (int) n, s);
        ks_event(c->space, KS_NOTIFY_LIST, ks_list_pushed(m->to), dst);
        (void) ks_value_close(&dv);
    }

    ks_event(c->space, KS_NOTIFY_LIST, ks_list_popped(m->from), src);
    ks_list_shrunk(&sv);
    (void) ks_value_close(&sv);
    ks_lmovem_tell(c, src, dst, m, n, s, expire);
    ks_lmovem_reply(c, s, n, m->to);

    return KS_OK;
}


void
ks_cmd_lmovem(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_lmovem_t  m;

    if (ks_lmovem_ends(c, &argv[3], &m) != KS_OK
        || ks_lmovem_options(c, argc - 5, &argv[5], &m) != KS_OK)
    {
        return;
    }

    if (ks_lmovem_move(c, &argv[1], &argv[2], &m) == KS_NONE) {
        ks_reply_null_array(c->reply);
    }
}


/* --- LMPOP --- */

/* what stands behind the keys: an end, and COUNT n or nothing */

static int
ks_lmpop_rest(ks_ctx_t *c, int argc, ks_str_t *argv, ks_lmpop_t *m)
{
    if (ks_list_end(c, &argv[0], &m->end) != KS_OK) {
        return KS_ERR;
    }

    m->count = 1;

    if (argc == 1) {
        return KS_OK;
    }

    if (argc == 2 || !ks_arg_is(&argv[1], "count")) {
        goto syntax;
    }

    if (ks_arg_within(c, &argv[2], 1, &m->count,
                      "ERR count should be greater than 0")
        != KS_OK)
    {
        return KS_ERR;
    }

    if (argc == 3) {
        return KS_OK;
    }

syntax:

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


int
ks_lmpop_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_lmpop_t *m)
{
    int64_t  n;

    if (ks_arg_within(c, &argv[0], 1, &n,
                      "ERR numkeys should be greater than 0")
        != KS_OK)
    {
        return KS_ERR;
    }

    if (n > argc - 2) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    m->keys = &argv[1];
    m->nkeys = (int) n;

    return ks_lmpop_rest(c, argc - 1 - m->nkeys, &argv[1 + n], m);
}


static void
ks_lmpop_reply(ks_ctx_t *c, const ks_str_t *key, ks_value_t *v,
    const ks_lmpop_t *m)
{
    int64_t  count;

    count = ks_min(m->count, (int64_t) ks_value_count(v));

    ks_reply_array(c->reply, 2);
    ks_reply_bulk(c->reply, key->data, key->len);
    ks_reply_array(c->reply, (size_t) count);
    ks_list_pop(c, v, m->end, (uint32_t) count);
}


int
ks_lmpop_pop(ks_ctx_t *c, const ks_lmpop_t *m, const ks_str_t **key)
{
    int          i;
    ks_entry_t  *e;
    ks_value_t   v;

    for (i = 0; i < m->nkeys; i++) {
        if (ks_write_value(c, &m->keys[i], KS_TYPE_LIST, &e, &v) != KS_OK) {
            return KS_ERR;
        }

        if (e != NULL) {
            ks_lmpop_reply(c, &m->keys[i], &v, m);
            *key = &m->keys[i];
            return KS_OK;
        }
    }

    return KS_NONE;
}


void
ks_cmd_lmpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_lmpop_t       m;
    const ks_str_t  *key;

    if (ks_lmpop_options(c, argc - 1, &argv[1], &m) != KS_OK) {
        return;
    }

    if (ks_lmpop_pop(c, &m, &key) == KS_NONE) {
        ks_reply_null_array(c->reply);
    }
}
