/*
 * Rows of the command table: publish/subscribe.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 *
 * All of them are about the registry, which lives with the library.
 */

ROW("psubscribe", ks_cmd_psubscribe, -2, LISTEN, PUBSUB, NO_KEYS,
    "pubsub", "2.0.0", "O(N), N the number of patterns",
    "Subscribes to the channels that patterns match.",
    .channels = { 0, 1, -1, 1 }, .channel_use = KS_CHANNEL_PATTERN)
ROW("publish", ks_cmd_publish, 3, SPREAD|FAST|PAUSES, PUBSUB, NO_KEYS,
    "pubsub", "2.0.0", "O(N+M), N the subscribers, M all patterns",
    "Publishes a message in a channel.",
    .channels = { 0, 1, 1, 1 }, .channel_use = KS_CHANNEL_NAME)
PARENT_ROW("pubsub", -2, PARENT, 0, NO_KEYS,
    "pubsub", "2.8.0", "O(1)",
    "Tells of subscriptions.")
ROW("pubsub|channels", ks_cmd_pubsub_channels, -2, SPREAD|OPEN|SUB, PUBSUB,
    NO_KEYS,
    "pubsub", "2.8.0", "O(N), N the number of channels",
    "Lists channels that have a subscriber.")
ROW("pubsub|help", ks_cmd_pubsub_help, 2, LOAD|ALONE|OPEN|SUB, 0, NO_KEYS,
    "pubsub", "6.2.0", "O(1)",
    "Lists the subcommands.")
ROW("pubsub|numpat", ks_cmd_pubsub_numpat, 2, SPREAD|OPEN|SUB, PUBSUB,
    NO_KEYS,
    "pubsub", "2.8.0", "O(N), N the number of patterns",
    "Counts patterns that have a subscriber.")
ROW("pubsub|numsub", ks_cmd_pubsub_numsub, -2, SPREAD|OPEN|SUB, PUBSUB,
    NO_KEYS,
    "pubsub", "2.8.0", "O(N), N the number of channels",
    "Counts the subscribers of channels.")
ROW("pubsub|shardchannels", ks_cmd_pubsub_shardchannels, -2,
    SPREAD|OPEN|SUB, PUBSUB, NO_KEYS,
    "pubsub", "7.0.0", "O(N), N the number of channels of shards",
    "Lists channels of shards that have a subscriber.")
ROW("pubsub|shardnumsub", ks_cmd_pubsub_shardnumsub, -2, SPREAD|OPEN|SUB,
    PUBSUB, NO_KEYS,
    "pubsub", "7.0.0", "O(N), N the number of channels of shards",
    "Counts the subscribers of channels of shards.")
ROW("punsubscribe", ks_cmd_punsubscribe, -1, LISTEN, PUBSUB, NO_KEYS,
    "pubsub", "2.0.0", "O(N), N the number of patterns",
    "Ends subscriptions to patterns, or all of them.")
ROW("spublish", ks_cmd_spublish, 3, SPREAD|FAST|PAUSES, PUBSUB, NO_KEYS,
    "pubsub", "7.0.0", "O(N), N the number of subscribers",
    "Publishes a message in a channel of shards.",
    .channels = { KS_KEY_NOT, 1, 1, 1 }, .channel_use = KS_CHANNEL_NAME)
ROW("ssubscribe", ks_cmd_ssubscribe, -2, LISTEN, PUBSUB, NO_KEYS,
    "pubsub", "7.0.0", "O(N), N the number of channels",
    "Subscribes to channels of shards.",
    .channels = { KS_KEY_NOT, 1, -1, 1 }, .channel_use = KS_CHANNEL_NAME)
ROW("subscribe", ks_cmd_subscribe, -2, LISTEN, PUBSUB, NO_KEYS,
    "pubsub", "2.0.0", "O(N), N the number of channels",
    "Subscribes to channels.",
    .channels = { 0, 1, -1, 1 }, .channel_use = KS_CHANNEL_NAME)
ROW("sunsubscribe", ks_cmd_sunsubscribe, -1, LISTEN, PUBSUB, NO_KEYS,
    "pubsub", "7.0.0", "O(N), N the number of channels",
    "Ends subscriptions to channels of shards, or all of them.",
    .channels = { KS_KEY_NOT, 1, -1, 1 })
ROW("unsubscribe", ks_cmd_unsubscribe, -1, LISTEN, PUBSUB, NO_KEYS,
    "pubsub", "2.0.0", "O(N), N the number of channels",
    "Ends subscriptions to channels, or all of them.")
