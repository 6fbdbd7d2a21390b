/*
 * Rows of the command table: keys of any type.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("copy", ks_cmd_copy, -3, W|OOM, KEYSPACE,
    KEYS2(RO|ACCESS, 1, 1, 1, OW|UPDATE, 2, 2, 1),
    "generic", "6.2.0", "O(N), N the size of the value",
    "Copies a value to another key.")
ROW("del", ks_cmd_del, -2, W, KEYSPACE, KEYS(RM|DELETE, 1, -1, 1),
    "generic", "1.0.0", "O(N), N the number of keys",
    "Deletes keys.",
    .tips = MULTI_SHARD " response_policy:agg_sum")
ROW("exists", ks_cmd_exists, -2, R|FAST, KEYSPACE, KEYS(RO, 1, -1, 1),
    "generic", "1.0.0", "O(N), N the number of keys",
    "Counts which of the keys exist.",
    .tips = MULTI_SHARD " response_policy:agg_sum")
ROW("expire", ks_cmd_expire, -3, W|FAST, KEYSPACE, KEY(RW|UPDATE),
    "generic", "1.0.0", "O(1)",
    "Sets the seconds that a key lives.")
ROW("expireat", ks_cmd_expireat, -3, W|FAST, KEYSPACE, KEY(RW|UPDATE),
    "generic", "1.2.0", "O(1)",
    "Sets the second at which a key expires.")
ROW("expiretime", ks_cmd_expiretime, 2, R|FAST, KEYSPACE, KEY(RO|ACCESS),
    "generic", "7.0.0", "O(1)",
    "Replies with the second at which a key expires.")
ROW("keys", ks_cmd_keys, 2, R|ALLKEYS, KEYSPACE|DANGEROUS, NO_KEYS,
    "generic", "1.0.0", "O(N), N the number of keys",
    "Lists the keys that match a pattern.",
    .tips = ALL_SHARDS " nondeterministic_output_order")
ROW("move", ks_cmd_move, 3, W|FAST|ALONE, KEYSPACE,
    KEY(RW|ACCESS|UPDATE),
    "generic", "1.0.0", "O(N), N the size of the value",
    "Moves a key to another database.")
PARENT_ROW("object", -2, PARENT, 0, NO_KEYS,
    "generic", "2.2.3", "O(1)",
    "Shows what a key is made of.")
ROW("object|encoding", ks_cmd_object_encoding, 3, R|SUB, KEYSPACE,
    KEYS(RO, 2, 2, 1),
    "generic", "2.2.3", "O(1)",
    "Names how a value is kept.",
    .tips = "nondeterministic_output")
ROW("object|freq", ks_cmd_object_freq, 3, R|SUB, KEYSPACE,
    KEYS(RO, 2, 2, 1),
    "generic", "4.0.0", "O(1)",
    "Replies with how often a key is used, on a logarithmic scale.",
    .tips = "nondeterministic_output")
ROW("object|help", ks_cmd_object_help, 2, LOAD|ALONE|OPEN|SUB, KEYSPACE,
    NO_KEYS,
    "generic", "6.2.0", "O(1)",
    "Lists the subcommands.")
ROW("object|idletime", ks_cmd_object_idletime, 3, R|SUB, KEYSPACE,
    KEYS(RO, 2, 2, 1),
    "generic", "2.2.3", "O(1)",
    "Replies with the seconds since a key was last used.",
    .tips = "nondeterministic_output")
ROW("object|refcount", ks_cmd_object_refcount, 3, R|SUB, KEYSPACE,
    KEYS(RO, 2, 2, 1),
    "generic", "2.2.3", "O(1)",
    "Replies with the number of references to a value.",
    .tips = "nondeterministic_output")
ROW("persist", ks_cmd_persist, 2, W|FAST, KEYSPACE, KEY(RW|UPDATE),
    "generic", "2.2.0", "O(1)",
    "Lets a key live forever.")
ROW("pexpire", ks_cmd_pexpire, -3, W|FAST, KEYSPACE, KEY(RW|UPDATE),
    "generic", "2.6.0", "O(1)",
    "Sets the milliseconds that a key lives.")
ROW("pexpireat", ks_cmd_pexpireat, -3, W|FAST, KEYSPACE, KEY(RW|UPDATE),
    "generic", "2.6.0", "O(1)",
    "Sets the millisecond at which a key expires.")
ROW("pexpiretime", ks_cmd_pexpiretime, 2, R|FAST, KEYSPACE, KEY(RO|ACCESS),
    "generic", "7.0.0", "O(1)",
    "Replies with the millisecond at which a key expires.")
ROW("pttl", ks_cmd_pttl, 2, R|FAST, KEYSPACE, KEY(RO|ACCESS),
    "generic", "2.6.0", "O(1)",
    "Replies with the milliseconds that a key has left.",
    .tips = "nondeterministic_output")
ROW("randomkey", ks_cmd_randomkey, 1, R|ALLKEYS|POWERFUL, KEYSPACE,
    NO_KEYS,
    "generic", "1.0.0", "O(1)",
    "Replies with one of the keys.",
    .tips = ALL_SHARDS " nondeterministic_output")
ROW("rename", ks_cmd_rename, 3, W, KEYSPACE,
    KEYS2(RW|ACCESS|DELETE, 1, 1, 1, OW|UPDATE, 2, 2, 1),
    "generic", "1.0.0", "O(1)",
    "Gives a value another key, whatever that holds.")
ROW("renamenx", ks_cmd_renamenx, 3, W|FAST, KEYSPACE,
    KEYS2(RW|ACCESS|DELETE, 1, 1, 1, OW|INSERT, 2, 2, 1),
    "generic", "1.0.0", "O(1)",
    "Gives a value another key if that does not exist.")
ROW("scan", ks_cmd_scan, -2, R|ALLKEYS|ALONE|POWERFUL, KEYSPACE, NO_KEYS,
    "generic", "2.8.0", "O(1) for a call, O(N) for all of them",
    "Lists the keys, some at a time.",
    .tips = "nondeterministic_output request_policy:special")
ROW("touch", ks_cmd_touch, -2, R|FAST|USES, KEYSPACE, KEYS(RO, 1, -1, 1),
    "generic", "3.2.1", "O(N), N the number of keys",
    "Counts which of the keys exist, as a use of each.",
    .tips = MULTI_SHARD " response_policy:agg_sum")
ROW("ttl", ks_cmd_ttl, 2, R|FAST, KEYSPACE, KEY(RO|ACCESS),
    "generic", "1.0.0", "O(1)",
    "Replies with the seconds that a key has left.",
    .tips = "nondeterministic_output")
ROW("type", ks_cmd_type, 2, R|FAST, KEYSPACE, KEY(RO),
    "generic", "1.0.0", "O(1)",
    "Names the type of a value.")
ROW("unlink", ks_cmd_del, -2, W|FAST, KEYSPACE, KEYS(RM|DELETE, 1, -1, 1),
    "generic", "4.0.0", "O(N), N the number of keys",
    "Deletes keys.",
    .tips = MULTI_SHARD " response_policy:agg_sum")
ROW("wait", ks_cmd_wait, 3, BLOCKS, CONNECTION, NO_KEYS,
    "generic", "3.0.0", "O(1)",
    "Waits until replicas have what the client has written.",
    .tips = "request_policy:all_shards response_policy:agg_min")
ROW("waitaof", ks_cmd_waitaof, 4, BLOCKS, CONNECTION, NO_KEYS,
    "generic", "7.2.0", "O(1)",
    "Waits until disks have what the client has written.",
    .tips = "request_policy:all_shards response_policy:agg_min")
