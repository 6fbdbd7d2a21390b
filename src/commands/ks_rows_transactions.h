/*
 * Rows of the command table: transactions.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("discard", ks_cmd_discard, 1, NOSCRIPT|LOAD|FAST|BUSY|ALONE|OPEN|ATONCE,
    TRANSACT, NO_KEYS,
    "transactions", "2.0.0", "O(N), N the number of commands in the queue",
    "Forgets the commands of a transaction.")
ROW("exec", ks_cmd_exec, 1,
    NOSCRIPT|LOAD|NO_SLOWLOG|ALONE|OPEN|ATONCE|EXECUTES,
    TRANSACT, NO_KEYS,
    "transactions", "1.2.0", "That of the commands in the queue",
    "Runs the commands of a transaction, all or none.")
ROW("multi", ks_cmd_multi, 1, NOSCRIPT|LOAD|FAST|BUSY|ALONE|OPEN|ATONCE,
    TRANSACT, NO_KEYS,
    "transactions", "1.2.0", "O(1)",
    "Begins a transaction.")
ROW("unwatch", ks_cmd_unwatch, 1, NOSCRIPT|LOAD|FAST|BUSY|ALONE|OPEN,
    TRANSACT, NO_KEYS,
    "transactions", "2.2.0", "O(1)",
    "Stops watching keys.")
ROW("watch", ks_cmd_watch, -2, NOSCRIPT|LOAD|FAST|BUSY|OPEN|ATONCE,
    TRANSACT, KEYS(RO, 1, -1, 1),
    "transactions", "2.2.0", "O(N), N the number of keys",
    "Makes the next transaction depend on keys that do not change.")
