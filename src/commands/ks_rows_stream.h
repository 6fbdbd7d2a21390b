/*
 * Rows of the command table: streams.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("xadd", ks_cmd_xadd, -5, W|OOM|FAST, STREAM, KEY(RW|UPDATE),
    "stream", "5.0.0", "O(1), and O(N) with N entries that are trimmed",
    "Adds an entry to a stream, which it creates if need be.",
    .tips = "nondeterministic_output")
ROW("xdel", ks_cmd_xdel, -3, W|FAST, STREAM, KEY(RW|DELETE),
    "stream", "5.0.0", "O(log(N)) for each entry",
    "Deletes entries of a stream.")
ROW("xdelex", ks_cmd_xdelex, -5, W|FAST, STREAM, KEY(RW|DELETE),
    "stream", "8.2.0", "O(log(N)) for each entry",
    "Deletes entries of a stream, and says what becomes of references.")
PARENT_ROW("xinfo", -2, PARENT, 0, NO_KEYS,
    "stream", "5.0.0", "O(1)",
    "Describes streams, groups and consumers.")
ROW("xinfo|consumers", ks_cmd_xinfo_consumers, 4, R|SUB, STREAM,
    KEYS(RO|ACCESS, 2, 2, 1),
    "stream", "5.0.0", "O(N), N the number of consumers",
    "Describes the consumers of a group.",
    .tips = "nondeterministic_output")
ROW("xinfo|groups", ks_cmd_xinfo_groups, 3, R|SUB, STREAM,
    KEYS(RO|ACCESS, 2, 2, 1),
    "stream", "5.0.0", "O(N), N the number of groups",
    "Describes the groups of a stream.")
ROW("xinfo|help", ks_cmd_xinfo_help, 2, LOAD|ALONE|SUB, STREAM, NO_KEYS,
    "stream", "5.0.0", "O(1)",
    "Lists the subcommands.")
ROW("xinfo|stream", ks_cmd_xinfo_stream, -3, R|SUB, STREAM,
    KEYS(RO|ACCESS, 2, 2, 1),
    "stream", "5.0.0", "O(1), and O(N) for FULL with N items of the reply",
    "Describes a stream.")
ROW("xlen", ks_cmd_xlen, 2, R|FAST, STREAM, KEY(RO),
    "stream", "5.0.0", "O(1)",
    "Replies with the number of entries.")
ROW("xrange", ks_cmd_xrange, -4, R, STREAM, KEY(RO|ACCESS),
    "stream", "5.0.0", "O(log(N)+M), M the number of entries replied",
    "Replies with the entries of an interval of ids.")
ROW("xread", ks_cmd_xread, -4, R|MOVABLE|BLOCKS, STREAM,
    STREAMS(RO|ACCESS, 1),
    "stream", "5.0.0", "O(log(N)+M) a stream, M the number of entries replied",
    "Replies with what streams have behind ids, and waits for entries.")
ROW("xrevrange", ks_cmd_xrevrange, -4, R, STREAM, KEY(RO|ACCESS),
    "stream", "5.0.0", "O(log(N)+M), M the number of entries replied",
    "Replies with the entries of an interval of ids, the last ones first.")
ROW("xsetid", ks_cmd_xsetid, -3, W|OOM|FAST, STREAM, KEY(RW|UPDATE),
    "stream", "5.0.0", "O(1)",
    "Sets the last id of a stream, and what it has counted.")
ROW("xtrim", ks_cmd_xtrim, -4, W, STREAM, KEY(RW|DELETE),
    "stream", "5.0.0", "O(N), N the number of entries that are deleted",
    "Deletes the oldest entries of a stream.",
    .tips = "nondeterministic_output")
