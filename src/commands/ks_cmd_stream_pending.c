/*
 * Consumer groups: XPENDING, XINFO GROUPS, XINFO CONSUMERS.
 */

#include "commands/ks_group_args.h"
#include "commands/ks_handlers.h"


/* --- XPENDING --- */

/* what is asked for beside the group */
typedef struct {
    int64_t          idle;              /* 0: any */
    int64_t          count;
    ks_stream_id_t   start;
    ks_stream_id_t   end;
    const ks_str_t  *consumer;          /* NULL: any */
} ks_xpending_t;


static int
ks_xpending_options(ks_ctx_t *c, int argc, const ks_str_t *argv,
    ks_xpending_t *x)
{
    int  i;

    memset(x, 0, sizeof(ks_xpending_t));

    if (argc == 3) {
        return KS_OK;
    }

    i = 3;

    if (argc >= 6 && argc <= 9 && ks_arg_is(&argv[3], "idle")) {

        if (ks_arg_int(c, &argv[4], &x->idle, NULL) != KS_OK) {
            return KS_ERR;
        }

        i = 5;
    }

    if (argc > 9 || argc < i + 3) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    if (ks_arg_int(c, &argv[i + 2], &x->count, NULL) != KS_OK
        || ks_arg_stream_start(c, &argv[i], &x->start) != KS_OK
        || ks_arg_stream_end(c, &argv[i + 1], &x->end) != KS_OK)
    {
        return KS_ERR;
    }

    x->consumer = (argc > i + 3) ? &argv[i + 3] : NULL;

    return KS_OK;
}


static void
ks_xpending_consumers(ks_ctx_t *c, const ks_grouped_t *o)
{
    size_t         len;
    u_char         buf[KS_INTEGER_TEXT];
    uint32_t       i, n;
    size_t         count;
    ks_consumer_t  who;

    ks_reply_deferred(c->reply, KS_AGG_ARRAY);
    count = 0;

    for (i = 0; ks_consumer_at(&o->v, &o->g, &who, i); i++) {
        n = ks_consumer_pending(&o->v, &who);

        if (n != 0) {
            ks_reply_array(c->reply, 2);
            ks_reply_item(c, &who.name);
            len = ks_integer_text(buf, n);
            ks_reply_bulk(c->reply, buf, len);
            count++;
        }
    }

    ks_reply_close(c->reply, count);
}


static void
ks_xpending_summary(ks_ctx_t *c, const ks_grouped_t *o)
{
    ks_pending_t    p;
    ks_stream_id_t  first = KS_STREAM_ID_MIN;

    ks_reply_array(c->reply, 4);
    ks_reply_integer(c->reply, ks_group_pending(&o->v, &o->g));

    if (!ks_pending_seek(&o->v, &o->g, NULL, &p, &first)) {
        ks_reply_null(c->reply);
        ks_reply_null(c->reply);
        ks_reply_null_array(c->reply);
        return;
    }

    ks_reply_stream_id(c, &p.id);
    (void) ks_pending_last(&o->v, &o->g, &p);
    ks_reply_stream_id(c, &p.id);
    ks_xpending_consumers(c, o);
}


static void
ks_xpending_one(ks_ctx_t *c, const ks_grouped_t *o, const ks_pending_t *p,
    int64_t idle)
{
    ks_item_t  name;

    name = ks_consumer_name(&o->v, p->consumer);

    ks_reply_array(c->reply, 4);
    ks_reply_stream_id(c, &p->id);
    ks_reply_item(c, &name);
    ks_reply_integer(c->reply, ks_max(idle, 0));
    ks_reply_integer(c->reply, (int64_t) p->count);
}


static void
ks_xpending_list(ks_ctx_t *c, const ks_grouped_t *o, const ks_xpending_t *x)
{
    int             more;
    size_t          n;
    int64_t         idle, count;
    ks_pending_t    p;
    ks_consumer_t   who;

    if (x->consumer && !ks_consumer_find(&o->v, &o->g, &who, x->consumer)) {
        ks_reply_array(c->reply, 0);
        return;
    }

    ks_reply_deferred(c->reply, KS_AGG_ARRAY);
    count = x->count;
    n = 0;

    for (more = count > 0 && ks_pending_seek(&o->v, &o->g,
                                             x->consumer ? &who : NULL, &p,
                                             &x->start);
         more && count > 0 && ks_stream_id_compare(&p.id, &x->end) <= 0;
         more = ks_pending_next(&o->v, &p))
    {
        idle = (int64_t) (ks_space_now(c->space) - p.delivered);

        if (x->idle == 0 || idle >= x->idle) {
            ks_xpending_one(c, o, &p, idle);
            count--;
            n++;
        }
    }

    ks_reply_close(c->reply, n);
}


void
ks_cmd_xpending(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_grouped_t   o;
    ks_xpending_t  x;

    if (ks_xpending_options(c, argc, argv, &x) != KS_OK
        || ks_group_want(c, &o, &argv[1], &argv[2], "") != KS_OK)
    {
        return;
    }

    if (argc == 3) {
        ks_xpending_summary(c, &o);

    } else {
        ks_xpending_list(c, &o, &x);
    }
}


/* --- XINFO GROUPS, XINFO CONSUMERS --- */

static void
ks_xinfo_group_line(ks_ctx_t *c, const ks_value_t *v, const ks_group_t *g)
{
    ks_reply_map(c->reply, 6);

    ks_reply_cstr(c->reply, "name");
    ks_reply_item(c, &g->name);
    ks_reply_cstr(c->reply, "consumers");
    ks_reply_integer(c->reply, ks_group_consumers(v, g));
    ks_reply_cstr(c->reply, "pending");
    ks_reply_integer(c->reply, ks_group_pending(v, g));
    ks_reply_cstr(c->reply, "last-delivered-id");
    ks_reply_stream_id(c, &g->last);
    ks_reply_group_read(c, v, g);
}


void
ks_cmd_xinfo_groups(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint32_t     i;
    ks_entry_t  *e;
    ks_value_t   v;
    ks_group_t   g;

    (void) argc;

    if (ks_read_value(c, &argv[2], KS_TYPE_STREAM, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_error(c->reply, KS_ERR_NOKEY);
        return;
    }

    ks_reply_array(c->reply, ks_group_count(&v));

    for (i = 0; ks_group_at(&v, &g, i); i++) {
        ks_xinfo_group_line(c, &v, &g);
    }
}


static void
ks_xinfo_consumer_line(ks_ctx_t *c, const ks_value_t *v,
    const ks_consumer_t *who)
{
    int64_t  now, idle, inactive;

    now = (int64_t) ks_space_now(c->space);
    idle = ks_max(now - (int64_t) who->seen, 0);
    inactive = who->active ? ks_max(now - (int64_t) who->active, 0) : -1;

    ks_reply_map(c->reply, 4);

    ks_reply_cstr(c->reply, "name");
    ks_reply_item(c, &who->name);
    ks_reply_cstr(c->reply, "pending");
    ks_reply_integer(c->reply, ks_consumer_pending(v, who));
    ks_reply_cstr(c->reply, "idle");
    ks_reply_integer(c->reply, idle);
    ks_reply_cstr(c->reply, "inactive");
    ks_reply_integer(c->reply, inactive);
}


void
ks_cmd_xinfo_consumers(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint32_t       i;
    ks_entry_t    *e;
    ks_value_t     v;
    ks_group_t     g;
    ks_consumer_t  who;

    (void) argc;

    if (ks_read_value(c, &argv[2], KS_TYPE_STREAM, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_error(c->reply, KS_ERR_NOKEY);
        return;
    }

    if (!ks_group_find(&v, &g, &argv[3])) {
        ks_error_no_group(c, &argv[2], &argv[3]);
        return;
    }

    ks_reply_array(c->reply, ks_group_consumers(&v, &g));

    for (i = 0; ks_consumer_at(&v, &g, &who, i); i++) {
        ks_xinfo_consumer_line(c, &v, &who);
    }
}
