/*
 * Streams: XINFO STREAM, XINFO HELP.
 *
 * There is no radix tree: its keys and nodes are the blocks of entries.
 */

#include "commands/ks_group_args.h"
#include "commands/ks_handlers.h"


#define KS_XINFO_COUNT  10              /* of FULL, if COUNT does not say it */


static void
ks_xinfo_number(ks_ctx_t *c, const char *name, uint64_t n)
{
    ks_reply_cstr(c->reply, name);
    ks_reply_integer(c->reply, (int64_t) n);
}


static void
ks_xinfo_id(ks_ctx_t *c, const char *name, const ks_stream_id_t *id)
{
    ks_reply_cstr(c->reply, name);
    ks_reply_stream_id(c, id);
}


static void
ks_xinfo_entry(ks_ctx_t *c, const char *name, const ks_value_t *v,
    const ks_stream_entry_t *e)
{
    ks_reply_cstr(c->reply, name);

    if (e != NULL) {
        ks_reply_stream_entry(c, v, e);

    } else {
        ks_reply_null(c->reply);
    }
}


static void
ks_xinfo_head(ks_ctx_t *c, const ks_value_t *v)
{
    ks_stream_id_t    first;
    ks_stream_head_t  head;

    ks_stream_head(v, &head);
    first = ks_stream_first(v);

    ks_xinfo_number(c, "length", head.length);
    ks_xinfo_number(c, "radix-tree-keys", ks_value_count(v));
    ks_xinfo_number(c, "radix-tree-nodes", ks_value_count(v));
    ks_xinfo_id(c, "last-generated-id", &head.last);
    ks_xinfo_id(c, "max-deleted-entry-id", &head.deleted);
    ks_xinfo_number(c, "entries-added", head.added);
    ks_xinfo_id(c, "recorded-first-entry-id", &first);
}


static void
ks_xinfo_short(ks_ctx_t *c, const ks_value_t *v)
{
    int                some;
    ks_stream_id_t     first = KS_STREAM_ID_MIN, last = KS_STREAM_ID_MAX;
    ks_stream_entry_t  e;

    ks_reply_map(c->reply, 10);
    ks_xinfo_head(c, v);
    ks_xinfo_number(c, "groups", ks_group_count(v));

    some = ks_stream_seek(v, &e, &first);
    ks_xinfo_entry(c, "first-entry", v, some ? &e : NULL);

    some = ks_stream_seek_back(v, &e, &last);
    ks_xinfo_entry(c, "last-entry", v, some ? &e : NULL);
}


/* --- FULL --- */

/*
 * Up to count of what is pending in the group, with the names of consumers; or
 * of what one consumer has.
 */

static void
ks_xinfo_pending(ks_ctx_t *c, const ks_value_t *v, const ks_group_t *g,
    const ks_consumer_t *of, uint64_t count)
{
    int             more;
    uint64_t        n;
    ks_item_t       owner;
    ks_pending_t    p;
    ks_stream_id_t  start = KS_STREAM_ID_MIN;

    n = of ? ks_consumer_pending(v, of) : ks_group_pending(v, g);
    n = count ? ks_min(n, count) : n;

    ks_reply_cstr(c->reply, "pending");
    ks_reply_array(c->reply, (size_t) n);

    for (more = ks_pending_seek(v, g, of, &p, &start);
         n != 0 && more;
         n--, more = ks_pending_next(v, &p))
    {
        ks_reply_array(c->reply, of ? 3 : 4);
        ks_reply_stream_id(c, &p.id);

        if (of == NULL) {
            owner = ks_consumer_name(v, p.consumer);
            ks_reply_item(c, &owner);
        }

        ks_reply_integer(c->reply, (int64_t) p.delivered);
        ks_reply_integer(c->reply, (int64_t) p.count);
    }
}


static void
ks_xinfo_consumer(ks_ctx_t *c, const ks_value_t *v, const ks_group_t *g,
    const ks_consumer_t *one, uint64_t count)
{
    ks_reply_map(c->reply, 5);

    ks_reply_cstr(c->reply, "name");
    ks_reply_item(c, &one->name);
    ks_xinfo_number(c, "seen-time", one->seen);
    ks_reply_cstr(c->reply, "active-time");
    ks_reply_integer(c->reply, one->active ? (int64_t) one->active : -1);
    ks_xinfo_number(c, "pel-count", ks_consumer_pending(v, one));
    ks_xinfo_pending(c, v, g, one, count);
}


static void
ks_xinfo_group(ks_ctx_t *c, const ks_value_t *v, const ks_group_t *g,
    uint64_t count)
{
    uint32_t       i;
    ks_consumer_t  one;

    ks_reply_map(c->reply, 7);

    ks_reply_cstr(c->reply, "name");
    ks_reply_item(c, &g->name);
    ks_xinfo_id(c, "last-delivered-id", &g->last);
    ks_reply_group_read(c, v, g);
    ks_xinfo_number(c, "pel-count", ks_group_pending(v, g));
    ks_xinfo_pending(c, v, g, NULL, count);

    ks_reply_cstr(c->reply, "consumers");
    ks_reply_array(c->reply, ks_group_consumers(v, g));

    for (i = 0; ks_consumer_at(v, g, &one, i); i++) {
        ks_xinfo_consumer(c, v, g, &one, count);
    }
}


static void
ks_xinfo_full(ks_ctx_t *c, const ks_value_t *v, uint64_t count)
{
    uint32_t        i;
    ks_group_t      g;
    ks_stream_id_t  first = KS_STREAM_ID_MIN, last = KS_STREAM_ID_MAX;

    ks_reply_map(c->reply, 9);
    ks_xinfo_head(c, v);

    ks_reply_cstr(c->reply, "entries");
    (void) ks_reply_stream_range(c, v, &first, &last, count, 0);

    ks_reply_cstr(c->reply, "groups");
    ks_reply_array(c->reply, ks_group_count(v));

    for (i = 0; ks_group_at(v, &g, i); i++) {
        ks_xinfo_group(c, v, &g, count);
    }
}


/* --- XINFO STREAM --- */

/* FULL [COUNT n] behind the key; *full: it is given. */

static int
ks_xinfo_options(ks_ctx_t *c, int argc, const ks_str_t *argv, int *full,
    int64_t *count)
{
    *full = (argc != 3);
    *count = KS_XINFO_COUNT;

    if (!*full) {
        return KS_OK;
    }

    if ((argc != 4 && argc != 6) || !ks_arg_is(&argv[3], "full")
        || (argc == 6 && !ks_arg_is(&argv[4], "count")))
    {
        ks_reply_subcommand(c, argv);
        return KS_ERR;
    }

    if (argc == 6 && ks_arg_int(c, &argv[5], count, NULL) != KS_OK) {
        return KS_ERR;
    }

    *count = *count < 0 ? KS_XINFO_COUNT : *count;

    return KS_OK;
}


void
ks_cmd_xinfo_stream(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          full;
    int64_t      count;
    ks_entry_t  *e;
    ks_value_t   v;

    if (ks_read_value(c, &argv[2], KS_TYPE_STREAM, &e, &v) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_error(c->reply, KS_ERR_NOKEY);
        return;
    }

    if (ks_xinfo_options(c, argc, argv, &full, &count) != KS_OK) {
        return;
    }

    if (full) {
        ks_xinfo_full(c, &v, (uint64_t) count);

    } else {
        ks_xinfo_short(c, &v);
    }
}


/* --- XINFO HELP --- */

void
ks_cmd_xinfo_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "CONSUMERS <key> <group>",
        "    The consumers of a group.",
        "GROUPS <key>",
        "    The groups of a stream.",
        "STREAM <key> [FULL [COUNT <count>]]",
        "    A stream, and with FULL its entries and groups.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
