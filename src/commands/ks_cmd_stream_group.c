/*
 * Consumer groups: XGROUP, XACK, XACKDEL.
 */

#include "commands/ks_group_args.h"
#include "commands/ks_handlers.h"


#define KS_ERR_XGROUP_KEY                                                     \
    "ERR The XGROUP subcommand requires the key to exist. Note that for "     \
    "CREATE you may want to use the MKSTREAM option to create an empty "      \
    "stream automatically."


/* --- XGROUP --- */

/* what CREATE and SETID have behind the id */
typedef struct {
    int64_t   read;
    int       make;                     /* MKSTREAM */
} ks_xgroup_options_t;


static int
ks_xgroup_options(ks_ctx_t *c, int argc, const ks_str_t *argv, int create,
    ks_xgroup_options_t *x)
{
    int  i;

    x->read = KS_GROUP_READ_UNKNOWN;
    x->make = 0;

    for (i = 5; i < argc; i++) {

        if (create && ks_arg_is(&argv[i], "mkstream")) {
            x->make = 1;
            continue;
        }

        if (!ks_arg_is(&argv[i], "entriesread") || i + 1 == argc) {
            ks_reply_subcommand(c, argv);
            return KS_ERR;
        }

        if (ks_arg_int(c, &argv[++i], &x->read, NULL) != KS_OK) {
            return KS_ERR;
        }

        if (x->read < 0 && x->read != KS_GROUP_READ_UNKNOWN) {
            ks_reply_error(c->reply, "ERR value for ENTRIESREAD must be "
                           "positive or -1");
            return KS_ERR;
        }
    }

    return KS_OK;
}


static int
ks_is_dollar(const ks_str_t *arg)
{
    return arg->len == 1 && arg->data[0] == '$';
}


/* The stream, which has to be there, and the group, if it is wanted. */

static int
ks_xgroup_open(ks_ctx_t *c, const ks_str_t *argv, ks_grouped_t *o, int want)
{
    int          rc;
    ks_entry_t  *e;

    if (ks_write_value(c, &argv[2], KS_TYPE_STREAM, &e, &o->v) != KS_OK) {
        return KS_ERR;
    }

    if (e == NULL) {
        ks_reply_error(c->reply, KS_ERR_XGROUP_KEY);
        return KS_ERR;
    }

    o->key = &argv[2];
    o->name = &argv[3];
    rc = ks_group_find(&o->v, &o->g, o->name) ? KS_OK : KS_NONE;

    if (rc == KS_NONE && want) {
        ks_error_no_group(c, o->key, o->name);
        return KS_ERR;
    }

    return rc;
}


/* The stream and how far a new group is; e NULL: there is none. */

static int
ks_xgroup_begin(ks_ctx_t *c, int argc, const ks_str_t *argv,
    const ks_xgroup_options_t *x, ks_value_t *v, ks_entry_t **e,
    ks_stream_id_t *last)
{
    ks_stream_head_t  head;

    if (ks_write_value(c, &argv[2], KS_TYPE_STREAM, e, v) != KS_OK) {
        return KS_ERR;
    }

    if (*e == NULL && !x->make) {
        ks_reply_error(c->reply, KS_ERR_XGROUP_KEY);
        return KS_ERR;
    }

    if (argc > 8) {
        ks_reply_subcommand(c, argv);
        return KS_ERR;
    }

    if (!ks_is_dollar(&argv[4])) {
        return ks_arg_stream_id(c, &argv[4], 0, last);
    }

    memset(&head, 0, sizeof(head));

    if (*e != NULL) {
        ks_stream_head(v, &head);
    }

    *last = head.last;

    return KS_OK;
}


void
ks_cmd_xgroup_create(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t           *e;
    ks_value_t            v;
    ks_group_t            g;
    ks_stream_id_t        last;
    ks_xgroup_options_t   x;

    if (ks_xgroup_options(c, argc, argv, 1, &x) != KS_OK
        || ks_xgroup_begin(c, argc, argv, &x, &v, &e, &last) != KS_OK)
    {
        return;
    }

    if (e != NULL && ks_group_find(&v, &g, &argv[3])) {
        ks_reply_error(c->reply,
                       "BUSYGROUP Consumer Group name already exists");
        return;
    }

    if (e == NULL) {
        ks_stream_create(c, &argv[2], &v);
    }

    ks_group_create(&v, &g, &argv[3], &last, x.read);
    ks_event(c->space, KS_NOTIFY_STREAM, "xgroup-create", &argv[2]);
    ks_value_aside(&v);
    ks_reply_ok(c->reply);
}


/* "-" and "+" are ids here, as in Redis */

static int
ks_xgroup_last(ks_ctx_t *c, const ks_str_t *arg, ks_grouped_t *o)
{
    ks_stream_head_t  head;

    if (ks_is_dollar(arg)) {
        ks_stream_head(&o->v, &head);
        o->g.last = head.last;
        return KS_OK;
    }

    if (arg->len == 1 && (arg->data[0] == '-' || arg->data[0] == '+')) {
        return ks_arg_stream_start(c, arg, &o->g.last);
    }

    return ks_arg_stream_id(c, arg, 0, &o->g.last);
}


void
ks_cmd_xgroup_setid(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_grouped_t         o;
    ks_xgroup_options_t  x;

    if (ks_xgroup_options(c, argc, argv, 0, &x) != KS_OK
        || ks_xgroup_open(c, argv, &o, 1) != KS_OK)
    {
        return;
    }

    if (argc > 7) {
        ks_reply_subcommand(c, argv);
        return;
    }

    if (ks_xgroup_last(c, &argv[4], &o) != KS_OK) {
        return;
    }

    o.g.read = x.read;
    ks_group_set(&o.v, &o.g);
    ks_event(c->space, KS_NOTIFY_STREAM, "xgroup-setid", o.key);
    ks_group_close(&o);
    ks_reply_ok(c->reply);
}


/* Those who wait for entries of the group are told that it is gone. */

void
ks_cmd_xgroup_destroy(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int           rc;
    ks_grouped_t  o;

    (void) argc;

    rc = ks_xgroup_open(c, argv, &o, 0);

    if (rc == KS_ERR) {
        return;
    }

    if (rc == KS_OK) {
        ks_group_destroy(&o.v, &o.g);
        ks_event(c->space, KS_NOTIFY_STREAM, "xgroup-destroy", o.key);
        ks_group_close(&o);
        ks_value_ready(&o.v);
    }

    ks_reply_integer(c->reply, rc == KS_OK);
}


void
ks_cmd_xgroup_createconsumer(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int            made;
    ks_grouped_t   o;
    ks_consumer_t  who;

    (void) argc;

    if (ks_xgroup_open(c, argv, &o, 1) != KS_OK) {
        return;
    }

    made = !ks_consumer_find(&o.v, &o.g, &who, &argv[4]);

    if (made) {
        (void) ks_group_join(c, &o, &argv[4], &who);
        ks_group_close(&o);
    }

    ks_reply_integer(c->reply, made);
}


void
ks_cmd_xgroup_delconsumer(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint32_t       n;
    ks_grouped_t   o;
    ks_consumer_t  who;

    (void) argc;

    if (ks_xgroup_open(c, argv, &o, 1) != KS_OK) {
        return;
    }

    n = 0;

    if (ks_consumer_find(&o.v, &o.g, &who, &argv[4])) {
        n = ks_consumer_remove(&o.v, &o.g, &who);
        ks_event(c->space, KS_NOTIFY_STREAM, "xgroup-delconsumer", o.key);
        ks_group_close(&o);
    }

    ks_reply_integer(c->reply, n);
}


void
ks_cmd_xgroup_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "CREATE <key> <group> <id|$> [MKSTREAM] [ENTRIESREAD <n>]",
        "    A new group that is given what comes behind the id.",
        "CREATECONSUMER <key> <group> <consumer>",
        "    A new consumer of the group.",
        "DELCONSUMER <key> <group> <consumer>",
        "    Removes a consumer, with what is pending for it.",
        "DESTROY <key> <group>",
        "    Removes a group.",
        "SETID <key> <group> <id|$> [ENTRIESREAD <n>]",
        "    Sets how far the group is.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}


/* --- XACK, XACKDEL --- */

void
ks_cmd_xack(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i, n, rc;
    ks_grouped_t     o;
    ks_pending_t     p;
    ks_stream_id_t  *ids;

    rc = ks_group_read(c, &o, &argv[1], &argv[2]);

    if (rc == KS_NONE) {
        ks_reply_integer(c->reply, 0);
    }

    if (rc != KS_OK) {
        return;
    }

    ids = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_stream_id_t));

    for (i = 3; i < argc; i++) {
        if (ks_arg_stream_id(c, &argv[i], 0, &ids[i]) != KS_OK) {
            return;
        }
    }

    for (n = 0, i = 3; i < argc; i++) {
        if (ks_pending_find(&o.v, &o.g, &p, &ids[i])) {
            ks_pending_remove(&o.v, &p);
            n++;
        }
    }

    if (n != 0) {
        ks_group_close(&o);
    }

    ks_reply_integer(c->reply, n);
}


/* what has become of an entry */
#define KS_XACKDEL_NONE     (-1)
#define KS_XACKDEL_DELETED  1
#define KS_XACKDEL_KEPT     2


static int
ks_xackdel_one(ks_grouped_t *o, ks_refs_t refs, const ks_stream_id_t *id,
    int *deleted)
{
    ks_pending_t       p;
    ks_stream_entry_t  e;

    if (!ks_pending_find(&o->v, &o->g, &p, id)) {
        return KS_XACKDEL_NONE;
    }

    ks_pending_remove(&o->v, &p);

    if (!ks_refs_may(&o->v, id, &refs)) {
        return KS_XACKDEL_KEPT;
    }

    if (ks_stream_find(&o->v, &e, id)) {
        ks_stream_remove(&o->v, &e);
        ++*deleted;
    }

    return KS_XACKDEL_DELETED;
}


/* To those who do not know the command. */

static void
ks_xackdel_tell(ks_ctx_t *c, const ks_str_t *argv, const ks_stream_id_t *id,
    int state)
{
    u_char    text[KS_STREAM_ID_TEXT];
    ks_str_t  s;

    s.data = text;
    s.len = ks_stream_id_text(text, id);
    ks_effect_as(c->space, "XACK %s %s %s", &argv[1], &argv[2], &s);

    if (state == KS_XACKDEL_DELETED) {
        ks_stream_tell_id(c, "XDEL %s %s", &argv[1], id);
    }
}


void
ks_cmd_xackdel(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i, rc, state, acked, deleted;
    ks_grouped_t     o;
    ks_stream_ids_t  x;

    rc = ks_group_read(c, &o, &argv[1], &argv[2]);

    if (rc == KS_ERR
        || ks_arg_stream_ids(c, argc - 3, &argv[3], &x) != KS_OK)
    {
        return;
    }

    ks_reply_array(c->reply, (size_t) x.n);
    acked = 0;
    deleted = 0;

    for (i = 0; i < x.n; i++) {
        state = rc == KS_OK ? ks_xackdel_one(&o, x.refs, &x.id[i], &deleted)
                            : KS_XACKDEL_NONE;
        acked += (state != KS_XACKDEL_NONE);
        ks_reply_integer(c->reply, state);

        if (state != KS_XACKDEL_NONE) {
            ks_xackdel_tell(c, argv, &x.id[i], state);
        }
    }

    if (deleted) {
        ks_event(c->space, KS_NOTIFY_STREAM, "xdel", o.key);
        (void) ks_value_close(&o.v);

    } else if (acked) {
        ks_group_close(&o);
    }

    if (acked && x.refs == KS_REFS_DELETE) {
        ks_effect_value(c, o.key);
    }
}
