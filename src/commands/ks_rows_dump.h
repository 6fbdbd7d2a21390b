/*
 * Rows of the command table: values on the move: DUMP, RESTORE, SORT.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */
