/*
 * Rows of the command table: keys on the move.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("dump", ks_cmd_dump, 2, R, KEYSPACE, KEY(RO|ACCESS),
    "generic", "2.6.0", "O(N), N the size of the value",
    "Replies with a value in the form that RESTORE takes.",
    .tips = "nondeterministic_output")
ROW("migrate", ks_cmd_migrate, -6, W|MOVABLE|ALONE|SECRET, KEYSPACE|DANGEROUS,
    NAMED(RW|ACCESS|DELETE, 3),
    "generic", "2.6.0", "that of DUMP, DEL and, there, RESTORE",
    "Sends keys to another server, and deletes them here.",
    .tips = "nondeterministic_output")
ROW("restore", ks_cmd_restore, -4, W|OOM, KEYSPACE|DANGEROUS,
    KEY(OW|UPDATE),
    "generic", "2.6.0", "O(N), N the size of the value",
    "Makes a key of what DUMP replied with.")
