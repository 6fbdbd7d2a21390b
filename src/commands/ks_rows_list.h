/*
 * Rows of the command table: lists.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */
