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

/* ks_cmd_string.c */
KS_HANDLER(ks_cmd_append);
KS_HANDLER(ks_cmd_get);
KS_HANDLER(ks_cmd_getdel);
KS_HANDLER(ks_cmd_getex);
KS_HANDLER(ks_cmd_getrange);
KS_HANDLER(ks_cmd_getset);
KS_HANDLER(ks_cmd_mget);
KS_HANDLER(ks_cmd_mset);
KS_HANDLER(ks_cmd_msetnx);
KS_HANDLER(ks_cmd_psetex);
KS_HANDLER(ks_cmd_set);
KS_HANDLER(ks_cmd_setex);
KS_HANDLER(ks_cmd_setnx);
KS_HANDLER(ks_cmd_setrange);
KS_HANDLER(ks_cmd_strlen);
unsigned ks_cmd_set_key_flags(int argc, const ks_str_t *argv);

/* ks_cmd_incr.c */
KS_HANDLER(ks_cmd_decr);
KS_HANDLER(ks_cmd_decrby);
KS_HANDLER(ks_cmd_incr);
KS_HANDLER(ks_cmd_incrby);
KS_HANDLER(ks_cmd_incrbyfloat);

/* ks_cmd_lcs.c */
KS_HANDLER(ks_cmd_lcs);

/* ks_cmd_bits.c */
KS_HANDLER(ks_cmd_bitcount);
KS_HANDLER(ks_cmd_bitop);
KS_HANDLER(ks_cmd_bitpos);
KS_HANDLER(ks_cmd_getbit);
KS_HANDLER(ks_cmd_setbit);

/* ks_cmd_bitfield.c */
KS_HANDLER(ks_cmd_bitfield);
KS_HANDLER(ks_cmd_bitfield_ro);
unsigned ks_cmd_bitfield_key_flags(int argc, const ks_str_t *argv);

/* ks_cmd_key.c */
KS_HANDLER(ks_cmd_copy);
KS_HANDLER(ks_cmd_del);
KS_HANDLER(ks_cmd_exists);
KS_HANDLER(ks_cmd_rename);
KS_HANDLER(ks_cmd_renamenx);
KS_HANDLER(ks_cmd_touch);
KS_HANDLER(ks_cmd_type);

/* ks_cmd_expire.c */
KS_HANDLER(ks_cmd_expire);
KS_HANDLER(ks_cmd_expireat);
KS_HANDLER(ks_cmd_expiretime);
KS_HANDLER(ks_cmd_persist);
KS_HANDLER(ks_cmd_pexpire);
KS_HANDLER(ks_cmd_pexpireat);
KS_HANDLER(ks_cmd_pexpiretime);
KS_HANDLER(ks_cmd_pttl);
KS_HANDLER(ks_cmd_ttl);

/* ks_cmd_scan.c */
KS_HANDLER(ks_cmd_dbsize);
KS_HANDLER(ks_cmd_flushall);
KS_HANDLER(ks_cmd_keys);
KS_HANDLER(ks_cmd_randomkey);
KS_HANDLER(ks_cmd_scan);

/* ks_cmd_object.c */
KS_HANDLER(ks_cmd_memory_doctor);
KS_HANDLER(ks_cmd_memory_help);
KS_HANDLER(ks_cmd_memory_usage);
KS_HANDLER(ks_cmd_object_encoding);
KS_HANDLER(ks_cmd_object_freq);
KS_HANDLER(ks_cmd_object_help);
KS_HANDLER(ks_cmd_object_idletime);
KS_HANDLER(ks_cmd_object_refcount);

/* ks_cmd_server.c */
KS_HANDLER(ks_cmd_config_get);
KS_HANDLER(ks_cmd_config_help);
KS_HANDLER(ks_cmd_config_resetstat);
KS_HANDLER(ks_cmd_config_set);
KS_HANDLER(ks_cmd_echo);
KS_HANDLER(ks_cmd_ping);
KS_HANDLER(ks_cmd_select);
KS_HANDLER(ks_cmd_time);

/* ks_cmd_info.c */
KS_HANDLER(ks_cmd_info);

/* ks_cmd_command.c */
KS_HANDLER(ks_cmd_command);
KS_HANDLER(ks_cmd_command_count);
KS_HANDLER(ks_cmd_command_docs);
KS_HANDLER(ks_cmd_command_getkeys);
KS_HANDLER(ks_cmd_command_getkeysandflags);
KS_HANDLER(ks_cmd_command_help);
KS_HANDLER(ks_cmd_command_info);
KS_HANDLER(ks_cmd_command_list);


#endif /* KS_HANDLERS_H */
