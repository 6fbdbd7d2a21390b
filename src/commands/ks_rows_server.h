/*
 * Rows of the command table: the server.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("asking", ks_cmd_cluster, 1, FAST|ALONE, CONNECTION, NO_KEYS,
    "cluster", "3.0.0", "O(1)",
    "Refused, as by a Redis that is no part of a Cluster.")
ROW("bgrewriteaof", ks_cmd_bgrewriteaof, 1, ADMIN|NOSCRIPT|NO_ASYNC|ALONE, 0,
    NO_KEYS,
    "server", "1.0.0", "O(1)",
    "Has the journal on disk rewritten.")
ROW("bgsave", ks_cmd_bgsave, -1, ADMIN|NOSCRIPT|NO_ASYNC|ALONE, 0, NO_KEYS,
    "server", "1.0.0", "O(1)",
    "Has a snapshot of the keyspace made.")
ROW("cluster", ks_cmd_cluster, -2, ALONE, 0, NO_KEYS,
    "cluster", "3.0.0", "O(1)",
    "Refused, as by a Redis that is no part of a Cluster.")
ROW("command", ks_cmd_command, -1, LOAD|ALONE|OPEN|PARENT, CONNECTION,
    NO_KEYS,
    "server", "2.8.13", "O(N), N the number of commands",
    "Describes the commands.",
    .tips = "nondeterministic_output_order")
ROW("command|count", ks_cmd_command_count, 2, LOAD|ALONE|OPEN|SUB,
    CONNECTION, NO_KEYS,
    "server", "2.8.13", "O(1)",
    "Counts the commands.")
ROW("command|docs", ks_cmd_command_docs, -2, LOAD|ALONE|OPEN|SUB,
    CONNECTION, NO_KEYS,
    "server", "7.0.0", "O(N), N the number of commands",
    "Describes commands in words.",
    .tips = "nondeterministic_output_order")
ROW("command|getkeys", ks_cmd_command_getkeys, -3, LOAD|ALONE|OPEN|SUB,
    CONNECTION, NO_KEYS,
    "server", "2.8.13", "O(N), N the number of arguments",
    "Finds the keys among the arguments of a command.")
ROW("command|getkeysandflags", ks_cmd_command_getkeysandflags, -3,
    LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
    "server", "7.0.0", "O(N), N the number of arguments",
    "Finds the keys of a command and what it does with them.")
ROW("command|help", ks_cmd_command_help, 2, LOAD|ALONE|OPEN|SUB,
    CONNECTION, NO_KEYS,
    "server", "5.0.0", "O(1)",
    "Lists the subcommands.")
ROW("command|info", ks_cmd_command_info, -2, LOAD|ALONE|OPEN|SUB,
    CONNECTION, NO_KEYS,
    "server", "2.8.13", "O(N), N the number of commands",
    "Describes some commands.",
    .tips = "nondeterministic_output_order")
ROW("command|list", ks_cmd_command_list, -2, LOAD|ALONE|OPEN|SUB,
    CONNECTION, NO_KEYS,
    "server", "7.0.0", "O(N), N the number of commands",
    "Lists the names of the commands.",
    .tips = "nondeterministic_output_order")
PARENT_ROW("config", -2, PARENT, 0, NO_KEYS,
    "server", "2.0.0", "O(1)",
    "Shows and changes the settings.")
ROW("config|get", ks_cmd_config_get, -3, ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0,
    NO_KEYS,
    "server", "2.0.0", "O(N), N the number of patterns",
    "Shows the settings that match a pattern.")
ROW("config|help", ks_cmd_config_help, 2, LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "5.0.0", "O(1)",
    "Lists the subcommands.")
ROW("config|resetstat", ks_cmd_config_resetstat, 2,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.0.0", "O(1)",
    "Sets the counters of INFO back to zero.")
ROW("config|rewrite", ks_cmd_config_rewrite, 2,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.8.0", "O(1)",
    "Refused: the configuration is that of nginx.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("config|set", ks_cmd_config_set, -4, ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0,
    NO_KEYS,
    "server", "2.0.0", "O(N), N the number of settings",
    "Changes settings until nginx is reloaded.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("dbsize", ks_cmd_dbsize, 1, R|FAST|ALLKEYS, KEYSPACE, NO_KEYS,
    "server", "1.0.0", "O(1)",
    "Counts the keys.",
    .tips = ALL_SHARDS " response_policy:agg_sum")
ROW("debug", ks_cmd_debug, -2, ADMIN|NOSCRIPT|LOAD|ALONE, 0, NO_KEYS,
    "server", "1.0.0", "Depends on subcommand.",
    "Is refused, as by a Redis that does not enable it.")
ROW("echo", ks_cmd_echo, 2, LOAD|FAST|ALONE|OPEN, CONNECTION, NO_KEYS,
    "connection", "1.0.0", "O(1)",
    "Replies with its argument.")
ROW("failover", ks_cmd_failover, -1, ADMIN|NOSCRIPT|STALE|ALONE, 0, NO_KEYS,
    "server", "6.2.0", "O(1)",
    "Refused: which server is the primary is said by nginx.conf.")
ROW("flushall", ks_cmd_flushall, -1, W|ALLKEYS, KEYSPACE|DANGEROUS,
    NO_KEYS,
    "server", "1.0.0", "O(1)",
    "Deletes all keys.",
    .tips = ALL_SHARDS " response_policy:all_succeeded")
ROW("flushdb", ks_cmd_flushall, -1, W|ALLKEYS, KEYSPACE|DANGEROUS, NO_KEYS,
    "server", "1.0.0", "O(1)",
    "Deletes all keys.",
    .tips = ALL_SHARDS " response_policy:all_succeeded")
ROW("info", ks_cmd_info, -1, LOAD|ALONE, DANGEROUS, NO_KEYS,
    "server", "1.0.0", "O(1)",
    "Shows the state of the server.",

    .tips = "nondeterministic_output " ALL_SHARDS
            " response_policy:special")
ROW("keyspace.sync", ks_cmd_keyspace_sync, -1,
    LOAD|FAST|ALONE|NOSCRIPT|NO_MULTI, CONNECTION, NO_KEYS,
    "server", "0.1.0", "O(1)",
    "Replies with the sync token of the zone, once it has come to another one.")
ROW("lastsave", ks_cmd_lastsave, 1, LOAD|FAST|ALONE, KS_ACL_ADMIN|DANGEROUS,
    NO_KEYS,
    "server", "1.0.0", "O(1)",
    "Replies with the time of the last snapshot that was complete.",
    .tips = "nondeterministic_output")
PARENT_ROW("latency", -2, PARENT, 0, NO_KEYS,
    "server", "2.8.13", "Depends on subcommand.",
    "Shows how long commands take.")
ROW("latency|doctor", ks_cmd_latency_doctor, 2,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.8.13", "O(1)",
    "Reports on the commands that took long.",
    .tips = "nondeterministic_output request_policy:all_nodes "
            "response_policy:special")
ROW("latency|graph", ks_cmd_latency_graph, 3,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.8.13", "O(1)",
    "Draws when an event took how long.",
    .tips = "nondeterministic_output request_policy:all_nodes "
            "response_policy:special")
ROW("latency|help", ks_cmd_latency_help, 2, LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.8.13", "O(1)",
    "Lists the subcommands.")
ROW("latency|histogram", ks_cmd_latency_histogram, -2,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "7.0.0", "O(N), N the number of commands",
    "Replies with how many calls of commands took how long.",
    .tips = "nondeterministic_output request_policy:all_nodes "
            "response_policy:special")
ROW("latency|history", ks_cmd_latency_history, 3,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.8.13", "O(1)",
    "Replies with when commands took long.",
    .tips = "nondeterministic_output request_policy:all_nodes "
            "response_policy:special")
ROW("latency|latest", ks_cmd_latency_latest, 2,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.8.13", "O(1)",
    "Replies with the last time that commands took long.",
    .tips = "nondeterministic_output request_policy:all_nodes "
            "response_policy:special")
ROW("latency|reset", ks_cmd_latency_reset, -2,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.8.13", "O(1)",
    "Forgets the times when commands took long.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("lolwut", ks_cmd_lolwut, -1, R|FAST|ALONE, 0, NO_KEYS,
    "server", "5.0.0", "O(N) where N is the size of the maze",
    "Shows a maze and the version.")
PARENT_ROW("memory", -2, PARENT, 0, NO_KEYS,
    "server", "4.0.0", "O(1)",
    "Shows what takes memory.")
ROW("memory|doctor", ks_cmd_memory_doctor, 2, ALLKEYS|ALONE|SUB, 0, NO_KEYS,
    "server", "4.0.0", "O(N) where N is the number of keys",
    "Checks every structure of the zone.",
    .tips = "nondeterministic_output " ALL_SHARDS
            " response_policy:special")
ROW("memory|help", ks_cmd_memory_help, 2, LOAD|ALONE|OPEN|SUB, 0, NO_KEYS,
    "server", "4.0.0", "O(1)",
    "Lists the subcommands.")
ROW("memory|malloc-stats", ks_cmd_memory_malloc_stats, 2, ALONE|SUB, 0,
    NO_KEYS,
    "server", "4.0.0", "O(1)",
    "Shows what the allocator has.",
    .tips = "nondeterministic_output " ALL_SHARDS
            " response_policy:special")
ROW("memory|purge", ks_cmd_memory_purge, 2, ALONE|SUB, 0, NO_KEYS,
    "server", "4.0.0", "O(1)",
    "Does nothing: the allocator keeps nothing back.",
    .tips = ALL_SHARDS " response_policy:all_succeeded")
ROW("memory|stats", ks_cmd_memory_stats, 2, ALONE|SUB, 0, NO_KEYS,
    "server", "4.0.0", "O(1)",
    "Shows what takes memory.",
    .tips = "nondeterministic_output " ALL_SHARDS
            " response_policy:special")
ROW("memory|usage", ks_cmd_memory_usage, -3, R|SUB, 0, KEYS(RO, 2, 2, 1),
    "server", "4.0.0", "O(1) for a string",
    "Replies with the bytes that a key and its value take.")
PARENT_ROW("module", -2, PARENT, 0, NO_KEYS,
    "server", "4.0.0", "O(1)",
    "Is about modules, of which there are none.")
ROW("module|help", ks_cmd_module_help, 2, LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "5.0.0", "O(1)",
    "Lists the subcommands.")
ROW("module|list", ks_cmd_module_list, 2, ADMIN|NOSCRIPT|ALONE|SUB, 0,
    NO_KEYS,
    "server", "4.0.0", "O(1)",
    "Lists no modules: none can be loaded.",
    .tips = "nondeterministic_output_order")
ROW("monitor", ks_cmd_monitor, 1, ADMIN|NOSCRIPT|LOAD|ALONE, 0, NO_KEYS,
    "server", "1.0.0", "O(1)",
    "Shows all commands from now on.")
ROW("ping", ks_cmd_ping, -1, FAST|ALONE|OPEN|BETWEEN, CONNECTION, NO_KEYS,
    "connection", "1.0.0", "O(1)",
    "Replies with PONG, or with its argument.",
    .tips = ALL_SHARDS " response_policy:all_succeeded")
ROW("readonly", ks_cmd_cluster, 1, LOAD|FAST|ALONE, CONNECTION, NO_KEYS,
    "cluster", "3.0.0", "O(1)",
    "Refused, as by a Redis that is no part of a Cluster.")
ROW("readwrite", ks_cmd_cluster, 1, LOAD|FAST|ALONE, CONNECTION, NO_KEYS,
    "cluster", "3.0.0", "O(1)",
    "Refused, as by a Redis that is no part of a Cluster.")
ROW("replicaof", ks_cmd_replicaof, 3,
    ADMIN|NOSCRIPT|STALE|NO_ASYNC|ALLKEYS|LIBRARY, 0, NO_KEYS,
    "server", "5.0.0", "O(1)",
    "Makes the zone a replica, or a primary, if nginx.conf lets it.")
ROW("role", ks_cmd_role, 1, NOSCRIPT|LOAD|FAST|ALONE, KS_ACL_ADMIN|DANGEROUS,
    NO_KEYS,
    "server", "2.8.12", "O(N), N the number of replicas",
    "Replies with the role of the server, and its replicas.")
ROW("save", ks_cmd_save, 1, ADMIN|NOSCRIPT|NO_ASYNC|NO_MULTI|ALONE, 0,
    NO_KEYS,
    "server", "1.0.0", "O(N) where N is the number of keys",
    "Has a snapshot of the keyspace made, and waits for it.")
ROW("select", ks_cmd_select, 2, LOAD|FAST|ALONE|OPEN, CONNECTION, NO_KEYS,
    "connection", "1.0.0", "O(1)",
    "Chooses the database.")
ROW("slaveof", ks_cmd_replicaof, 3,
    ADMIN|NOSCRIPT|STALE|NO_ASYNC|ALLKEYS|LIBRARY, 0, NO_KEYS,
    "server", "1.0.0", "O(1)",
    "Makes the zone a replica, or a primary, if nginx.conf lets it.",
    .retired = "5.0.0", .instead = "`REPLICAOF`")
PARENT_ROW("slowlog", -2, PARENT, 0, NO_KEYS,
    "server", "2.2.12", "Depends on subcommand.",
    "Shows the commands that took long.")
ROW("slowlog|get", ks_cmd_slowlog_get, -2, ADMIN|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.2.12", "O(N), N the number of entries",
    "Replies with the last entries of the slow log.",
    .tips = "nondeterministic_output request_policy:all_nodes")
ROW("slowlog|help", ks_cmd_slowlog_help, 2, LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "6.2.0", "O(1)",
    "Lists the subcommands.")
ROW("slowlog|len", ks_cmd_slowlog_len, 2, ADMIN|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "2.2.12", "O(1)",
    "Counts the entries of the slow log.",
    .tips = "nondeterministic_output request_policy:all_nodes "
            "response_policy:agg_sum")
ROW("slowlog|reset", ks_cmd_slowlog_reset, 2, ADMIN|LOAD|ALONE|SUB, 0,
    NO_KEYS,
    "server", "2.2.12", "O(1)",
    "Forgets the entries of the slow log.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("swapdb", ks_cmd_swapdb, 3, W|FAST|ALONE, KEYSPACE|DANGEROUS, NO_KEYS,
    "server", "4.0.0", "O(1)",
    "Is refused: databases are zones, and stay where they are.")
ROW("time", ks_cmd_time, 1, LOAD|FAST|ALONE|OPEN, 0, NO_KEYS,
    "server", "2.6.0", "O(1)",
    "Replies with the time, in seconds and microseconds.",
    .tips = "nondeterministic_output")
