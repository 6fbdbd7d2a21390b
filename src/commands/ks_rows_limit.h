/*
 * Rows of the command table: rate limits.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("cl.throttle", ks_cmd_throttle, -1, W|OOM|FAST, 0,
    KEY(RW|ACCESS|UPDATE),
    "generic", "0.1.0", "O(1)",
    "Asks for units of a rate, as redis-cell's command does.")
