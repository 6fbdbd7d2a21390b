/*
 * The handlers that the command table names.
 *
 * A handler runs inside the transaction of its command, with the shards of
 * its keys locked, its arity checked and the time set; it writes exactly one
 * reply.  It may be left by longjmp wherever it stores or allocates, and is
 * then run again from its start: it owns arena memory only.
 */

#ifndef KS_HANDLERS_H
#define KS_HANDLERS_H

#include "commands/ks_command.h"


#define KS_HANDLER(name)  void name(ks_ctx_t *c, int argc, ks_str_t *argv)

#define ROW(name, handler, ...)  KS_HANDLER(handler);
#define PARENT_ROW(...)
#include "commands/ks_rows.h"
#undef ROW
#undef PARENT_ROW

/* what else rows name */
unsigned ks_cmd_set_key_flags(int argc, const ks_str_t *argv);
unsigned ks_cmd_bitfield_key_flags(int argc, const ks_str_t *argv);
int ks_cmd_sort_extra_key(int argc, const ks_str_t *argv);
int ks_cmd_georadius_extra_key(int argc, const ks_str_t *argv);


#endif /* KS_HANDLERS_H */
