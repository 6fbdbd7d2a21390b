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


static void
ks_list_move(ks_ctx_t *c, ks_str_t *argv, int from, int to)
{
    ks_str_t     s;
    ks_entry_t  *e;
    ks_value_t   src, dst;

    if (ks_write_value(c, &argv[1], KS_TYPE_LIST, &e, &src) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    if (ks_str_same(&argv[1], &argv[2])) {
        s = ks_list_take(c, &src, from);
        ks_list_give(c, &argv[1], e, &src, to, 1, &s);
        ks_event(c->space, KS_NOTIFY_LIST, ks_list_pushed(to), &argv[1]);

    } else {
        if (ks_write_value(c, &argv[2], KS_TYPE_LIST, &e, &dst) != KS_OK) {
            return;
        }

        s = ks_list_take(c, &src, from);
        ks_list_give(c, &argv[2], e, &dst, to, 1, &s);
        ks_event(c->space, KS_NOTIFY_LIST, ks_list_pushed(to), &argv[2]);
        (void) ks_value_close(&dst);
    }

    ks_event(c->space, KS_NOTIFY_LIST, ks_list_popped(from), &argv[1]);
    ks_list_shrunk(&src);
    (void) ks_value_close(&src);
    ks_reply_bulk(c->reply, s.data, s.len);
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

    ks_list_move(c, argv, from, to);
}


void
ks_cmd_rpoplpush(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    ks_list_move(c, argv, KS_LIST_TAIL, KS_LIST_HEAD);
}


/* --- LMOVEM --- */

typedef struct {
    int      from;
    int      to;
    int64_t  count;
    int      exactly;               /* as many, or none */
    int      bulk;                  /* in the order in which they were */
} ks_lmovem_t;


static int
ks_lmovem_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_lmovem_t *m)
{
    if (ks_list_end(c, &argv[3], &m->from) != KS_OK
        || ks_list_end(c, &argv[4], &m->to) != KS_OK)
    {
        return KS_ERR;
    }

    m->count = 1;
    m->exactly = 0;
    m->bulk = 1;

    if (argc == 5) {
        return KS_OK;
    }

    if (argc != 8) {
        goto syntax;
    }

    m->exactly = ks_arg_is(&argv[5], "exactly");
    m->bulk = ks_arg_is(&argv[7], "bulk");

    if (!(m->exactly || ks_arg_is(&argv[5], "count"))
        || !(m->bulk || ks_arg_is(&argv[7], "obo")))
    {
        goto syntax;
    }

    return ks_arg_within(c, &argv[6], 1, &m->count,
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


void
ks_cmd_lmovem(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint32_t      n;
    ks_str_t     *s;
    ks_entry_t   *e;
    ks_value_t    src, dst;
    ks_lmovem_t   m;

    if (ks_lmovem_options(c, argc, argv, &m) != KS_OK
        || ks_write_value(c, &argv[1], KS_TYPE_LIST, &e, &src) != KS_OK)
    {
        return;
    }

    n = e ? (uint32_t) ks_min(m.count, (int64_t) ks_value_count(&src)) : 0;

    if (n == 0 || (m.exactly && n < m.count)) {
        ks_reply_null_array(c->reply);
        return;
    }

    if (ks_str_same(&argv[1], &argv[2])) {
        s = ks_lmovem_take(c, &src, &m, n);
        ks_list_give(c, &argv[1], e, &src, m.to, (int) n, s);
        ks_event(c->space, KS_NOTIFY_LIST, ks_list_pushed(m.to), &argv[1]);

    } else {
        if (ks_write_value(c, &argv[2], KS_TYPE_LIST, &e, &dst) != KS_OK) {
            return;
        }

        s = ks_lmovem_take(c, &src, &m, n);
        ks_list_give(c, &argv[2], e, &dst, m.to, (int) n, s);
        ks_event(c->space, KS_NOTIFY_LIST, ks_list_pushed(m.to), &argv[2]);
        (void) ks_value_close(&dst);
    }

    ks_event(c->space, KS_NOTIFY_LIST, ks_list_popped(m.from), &argv[1]);
    ks_list_shrunk(&src);
    (void) ks_value_close(&src);
    ks_lmovem_reply(c, s, n, m.to);
}


/* --- LMPOP --- */

/* what stands behind the keys of LMPOP: an end, and COUNT n or nothing */

static int
ks_lmpop_options(ks_ctx_t *c, int argc, ks_str_t *argv, int *end,
    int64_t *count)
{
    if (ks_list_end(c, &argv[0], end) != KS_OK) {
        return KS_ERR;
    }

    *count = 1;

    if (argc == 1) {
        return KS_OK;
    }

    if (argc == 2 || !ks_arg_is(&argv[1], "count")) {
        goto syntax;
    }

    if (ks_arg_within(c, &argv[2], 1, count,
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


static void
ks_lmpop_reply(ks_ctx_t *c, const ks_str_t *key, ks_value_t *v, int end,
    int64_t count)
{
    count = ks_min(count, (int64_t) ks_value_count(v));

    ks_reply_array(c->reply, 2);
    ks_reply_bulk(c->reply, key->data, key->len);
    ks_reply_array(c->reply, (size_t) count);
    ks_list_pop(c, v, end, (uint32_t) count);
}


void
ks_cmd_lmpop(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i, end;
    int64_t      n, count;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_arg_within(c, &argv[1], 1, &n,
                      "ERR numkeys should be greater than 0")
        != KS_OK)
    {
        return;
    }

    if (n > argc - 3) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (ks_lmpop_options(c, argc - 2 - (int) n, &argv[2 + n], &end, &count)
        != KS_OK)
    {
        return;
    }

    for (i = 2; i < 2 + n; i++) {
        if (ks_write_value(c, &argv[i], KS_TYPE_LIST, &e, &v) != KS_OK) {
            return;
        }

        if (e != NULL) {
            ks_lmpop_reply(c, &argv[i], &v, end, count);
            return;
        }
    }

    ks_reply_null_array(c->reply);
}
