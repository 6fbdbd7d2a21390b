/*
 * Publish/subscribe: SUBSCRIBE and its kin, PUBLISH, PUBSUB.
 *
 * A subscription is of a sink, and each is answered on its own, by what is a
 * push in RESP3.  A REST request that is no stream has none.
 */

#include "bus/ks_pubsub.h"
#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_databases.h"
#include "commands/ks_handlers.h"
#include "types/ks_glob.h"


/* --- subscribing --- */

/* the words of replies, by kind of topic */

static const char *const  ks_subscribe_words[KS_SINK_TOPICS] = {
    "subscribe", "psubscribe", "ssubscribe"
};

static const char *const  ks_unsubscribe_words[KS_SINK_TOPICS] = {
    "unsubscribe", "punsubscribe", "sunsubscribe"
};


/* The client's sink; NULL if it has none, and the error is written. */

static ks_sink_t *
ks_want_sink(ks_ctx_t *c)
{
    if (c->client->conn != NULL && c->client->conn->several
        && !ks_databases_alone(c))
    {
        return NULL;
    }

    if (c->client->sink == NULL) {
        ks_reply_errorf(c->reply, "ERR '%s' is for connections that stay open: "
                        "RESP, or a REST request of its own",
                        ks_command_name(c->cmd));
    }

    return c->client->sink;
}


/* channels and patterns are counted together */

static void
ks_reply_subscription(ks_ctx_t *c, const ks_sink_t *sink, const char *word,
    ks_topic_kind_t kind, const ks_str_t *name)
{
    uint64_t  n;

    n = (kind == KS_TOPIC_SHARD)
        ? sink->subscribed[KS_TOPIC_SHARD]
        : (uint64_t) sink->subscribed[KS_TOPIC_CHANNEL]
          + sink->subscribed[KS_TOPIC_PATTERN];

    c->reply->ops->open(c->reply, KS_AGG_PUSH, 3);
    ks_reply_cstr(c->reply, word);

    if (name != NULL) {
        ks_reply_bulk(c->reply, name->data, name->len);

    } else {
        ks_reply_null(c->reply);
    }

    ks_reply_integer(c->reply, (int64_t) n);
}


static void
ks_subscribe(ks_ctx_t *c, int argc, ks_str_t *argv, ks_topic_kind_t kind)
{
    int         i, rc;
    ks_sink_t  *sink;

    sink = ks_want_sink(c);

    if (sink == NULL) {
        return;
    }

    for (i = 1; i < argc; i++) {
        rc = (sink->ops == NULL)
             ? KS_ERR : ks_pubsub_subscribe(c->space, sink, kind, &argv[i]);

        if (rc == KS_ERR || rc == KS_NOMEM) {
            ks_reply_error(c->reply, rc == KS_NOMEM ? KS_ERR_NOMEM
                           : "ERR this worker serves no subscriptions");
            return;
        }

        ks_reply_subscription(c, sink, ks_subscribe_words[kind], kind,
                              &argv[i]);
    }
}


/* all of that kind; one that has none hears that, too */

static void
ks_unsubscribe_all(ks_ctx_t *c, ks_sink_t *sink, ks_topic_kind_t kind)
{
    const ks_str_t     *name;
    ks_subscription_t  *sub;

    sub = ks_pubsub_next(c->space, sink, kind, NULL);

    if (sub == NULL) {
        ks_reply_subscription(c, sink, ks_unsubscribe_words[kind], kind, NULL);
        return;
    }

    while (sub != NULL) {
        name = ks_subscription_name(sub);
        ks_pubsub_unsubscribe(c->space, sink, kind, name);
        ks_reply_subscription(c, sink, ks_unsubscribe_words[kind], kind, name);

        sub = ks_pubsub_next(c->space, sink, kind, sub);
    }
}


static void
ks_unsubscribe(ks_ctx_t *c, int argc, ks_str_t *argv, ks_topic_kind_t kind)
{
    int         i;
    ks_sink_t  *sink;

    sink = ks_want_sink(c);

    if (sink == NULL) {
        return;
    }

    if (argc == 1) {
        ks_unsubscribe_all(c, sink, kind);
        return;
    }

    for (i = 1; i < argc; i++) {
        ks_pubsub_unsubscribe(c->space, sink, kind, &argv[i]);
        ks_reply_subscription(c, sink, ks_unsubscribe_words[kind], kind,
                              &argv[i]);
    }
}


void
ks_cmd_subscribe(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_subscribe(c, argc, argv, KS_TOPIC_CHANNEL);
}


void
ks_cmd_psubscribe(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_subscribe(c, argc, argv, KS_TOPIC_PATTERN);
}


/* This one alone Redis refuses in a transaction. */

void
ks_cmd_ssubscribe(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    if (c->client->conn != NULL && c->client->conn->executing) {
        ks_reply_error(c->reply, "ERR SSUBSCRIBE isn't allowed for a DENY "
                       "BLOCKING client");
        return;
    }

    ks_subscribe(c, argc, argv, KS_TOPIC_SHARD);
}


void
ks_cmd_unsubscribe(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_unsubscribe(c, argc, argv, KS_TOPIC_CHANNEL);
}


void
ks_cmd_punsubscribe(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_unsubscribe(c, argc, argv, KS_TOPIC_PATTERN);
}


void
ks_cmd_sunsubscribe(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_unsubscribe(c, argc, argv, KS_TOPIC_SHARD);
}


/* --- PUBLISH --- */

static void
ks_publish(ks_ctx_t *c, ks_str_t *argv, ks_topic_kind_t kind)
{
    uint64_t  clients;

    if (ks_pubsub_publish(c->space, kind, &argv[1], &argv[2], &clients)
        != KS_OK)
    {
        ks_reply_errorf(c->reply, "ERR the message is too large: channel and "
                        "text may have %zu bytes together here",
                        ks_pubsub_room(c->space));
        return;
    }

    if (clients != 0) {
        c->client->crowded = (ks_pubsub_crowded(c->space) != 0);
    }

    ks_reply_integer(c->reply, (int64_t) clients);
}


void
ks_cmd_publish(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    ks_publish(c, argv, KS_TOPIC_CHANNEL);
}


void
ks_cmd_spublish(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    ks_publish(c, argv, KS_TOPIC_SHARD);
}


/* --- PUBSUB --- */

static void
ks_pubsub_list(ks_ctx_t *c, int argc, ks_str_t *argv, ks_topic_kind_t kind)
{
    size_t           n;
    ks_topic_walk_t  w;

    if (argc > 3) {
        ks_reply_subcommand(c, argv);
        return;
    }

    memset(&w, 0, sizeof(w));
    n = 0;
    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    while (ks_registry_next(c->space, kind, &w) == KS_OK) {
        if (argc == 2 || ks_glob(&argv[2], &w.name, 0)) {
            ks_reply_bulk(c->reply, w.name.data, w.name.len);
            n++;
        }
    }

    ks_reply_close(c->reply, n);
}


static void
ks_pubsub_count(ks_ctx_t *c, int argc, ks_str_t *argv, ks_topic_kind_t kind)
{
    int  i;

    ks_reply_array(c->reply, (size_t) (argc - 2) * 2);

    for (i = 2; i < argc; i++) {
        ks_reply_bulk(c->reply, argv[i].data, argv[i].len);
        ks_reply_integer(c->reply,
                     (int64_t) ks_registry_clients(c->space, kind, &argv[i]));
    }
}


void
ks_cmd_pubsub_channels(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_pubsub_list(c, argc, argv, KS_TOPIC_CHANNEL);
}


void
ks_cmd_pubsub_shardchannels(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_pubsub_list(c, argc, argv, KS_TOPIC_SHARD);
}


void
ks_cmd_pubsub_numsub(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_pubsub_count(c, argc, argv, KS_TOPIC_CHANNEL);
}


void
ks_cmd_pubsub_shardnumsub(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_pubsub_count(c, argc, argv, KS_TOPIC_SHARD);
}


void
ks_cmd_pubsub_numpat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t          n;
    ks_topic_walk_t  w;

    (void) argc;
    (void) argv;

    memset(&w, 0, sizeof(w));

    for (n = 0; ks_registry_next(c->space, KS_TOPIC_PATTERN, &w) == KS_OK; n++)
    {
        /* void */
    }

    ks_reply_integer(c->reply, n);
}


void
ks_cmd_pubsub_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "CHANNELS [<pattern>]",
        "    The channels that have a subscriber, or those of them that the",
        "    pattern matches.",
        "NUMPAT",
        "    The number of patterns that have a subscriber.",
        "NUMSUB [<channel> ...]",
        "    The number of subscribers of each of the channels, those of",
        "    patterns left out.",
        "SHARDCHANNELS [<pattern>]",
        "    As CHANNELS, of channels of shards.",
        "SHARDNUMSUB [<channel> ...]",
        "    As NUMSUB, of channels of shards.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
