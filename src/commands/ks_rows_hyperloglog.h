/*
 * Rows of the command table: HyperLogLog.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */
