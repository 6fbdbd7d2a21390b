/*
 * Rows of the command table: consumer groups of streams.  Not a header of its
 * own; see ks_command_table.c, and ks_handlers.h.  XINFO is in
 * ks_rows_stream.h.
 */

ROW("xack", ks_cmd_xack, -4, W|FAST, STREAM, KEY(RW|UPDATE),
    "stream", "5.0.0", "O(log(N)) for each entry, N those that are pending",
    "Acknowledges entries: they are not pending any more.")
ROW("xackdel", ks_cmd_xackdel, -6, W|FAST, STREAM,
    KEY(RW|UPDATE|DELETE),
    "stream", "8.2.0", "O(log(N)) for each entry",
    "Acknowledges entries and deletes them.")
ROW("xautoclaim", ks_cmd_xautoclaim, -6, W|FAST, STREAM, KEY(RW|DELETE),
    "stream", "6.2.0", "O(M*log(N)), M ten times COUNT at most",
    "Takes over what has been pending for long, whosever it is.",
    .tips = "nondeterministic_output")
ROW("xclaim", ks_cmd_xclaim, -6, W|FAST, STREAM, KEY(RW|UPDATE),
    "stream", "5.0.0", "O(log(N)) for each entry",
    "Takes over entries that are pending for others.",
    .tips = "nondeterministic_output")
PARENT_ROW("xgroup", -2, PARENT, 0, NO_KEYS,
    "stream", "5.0.0", "Depends on subcommand.",
    "Makes, changes and removes consumer groups.")
ROW("xgroup|create", ks_cmd_xgroup_create, -5, W|OOM|SUB, STREAM,
    KEYS(RW|INSERT, 2, 2, 1),
    "stream", "5.0.0", "O(1)",
    "Creates a consumer group.")
ROW("xgroup|createconsumer", ks_cmd_xgroup_createconsumer, 5, W|OOM|SUB,
    STREAM, KEYS(RW|INSERT, 2, 2, 1),
    "stream", "6.2.0", "O(log(N)), N the number of consumers",
    "Creates a consumer of a group.")
ROW("xgroup|delconsumer", ks_cmd_xgroup_delconsumer, 5, W|SUB, STREAM,
    KEYS(RW|DELETE, 2, 2, 1),
    "stream", "5.0.0", "O(M*log(N)), M what is pending for it",
    "Removes a consumer of a group, with what is pending for it.")
ROW("xgroup|destroy", ks_cmd_xgroup_destroy, 4, W|SUB, STREAM,
    KEYS(RW|DELETE, 2, 2, 1),
    "stream", "5.0.0", "O(N), N what is pending, by the pages of it",
    "Removes a consumer group.")
ROW("xgroup|help", ks_cmd_xgroup_help, 2, LOAD|ALONE|SUB, STREAM, NO_KEYS,
    "stream", "5.0.0", "O(1)",
    "Lists the subcommands.")
ROW("xgroup|setid", ks_cmd_xgroup_setid, -5, W|SUB, STREAM,
    KEYS(RW|UPDATE, 2, 2, 1),
    "stream", "5.0.0", "O(1)",
    "Sets how far a consumer group is.")
ROW("xpending", ks_cmd_xpending, -3, R, STREAM, KEY(RO|ACCESS),
    "stream", "5.0.0", "O(log(N)+M), M the number of consumers or of entries "
    "replied; with IDLE that of entries looked at",
    "Replies with what is pending in a consumer group.",
    .tips = "nondeterministic_output")
ROW("xreadgroup", ks_cmd_xreadgroup, -7, W|MOVABLE|BLOCKS, STREAM,
    STREAMS(RO|ACCESS, 4),
    "stream", "5.0.0", "O(M*log(N)) a stream, M the number of entries replied",
    "Gives a consumer of a group entries that are new, or its own once more.")
