/*
 * The command table: all that is known about a command.
 *
 * Rows of a group are in alphabetical order, subcommands behind their parents.
 * The columns: name, handler, arity, flags, categories beyond those that the
 * flags imply, keys, group, since, complexity, summary; then what only a few
 * rows have.
 */

#include "commands/ks_command_table.h"
#include "commands/ks_handlers.h"


#define R            KS_CMD_READONLY
#define W            KS_CMD_WRITE
#define OOM          KS_CMD_DENYOOM
#define FAST         KS_CMD_FAST
#define LOAD         (KS_CMD_LOADING|KS_CMD_STALE)
#define ADMIN        KS_CMD_ADMIN
#define NOSCRIPT     KS_CMD_NOSCRIPT
#define PARENT       KS_CMD_PARENT
#define SUB          KS_CMD_SUB
#define ALLKEYS      KS_CMD_ALLKEYS
#define ALONE        KS_CMD_ALONE
#define OPEN         KS_CMD_OPEN
#define POWERFUL     KS_CMD_POWERFUL

#define STRING       KS_ACL_STRING
#define BITMAP       KS_ACL_BITMAP
#define KEYSPACE     KS_ACL_KEYSPACE
#define DANGEROUS    KS_ACL_DANGEROUS
#define CONNECTION   KS_ACL_CONNECTION

#define RO           KS_KEY_RO
#define RW           KS_KEY_RW
#define OW           KS_KEY_OW
#define RM           KS_KEY_RM
#define ACCESS       KS_KEY_ACCESS
#define INSERT       KS_KEY_INSERT
#define UPDATE       KS_KEY_UPDATE
#define DELETE       KS_KEY_DELETE
#define VARIABLE     KS_KEY_VARIABLE

/* what the keys are for, then the first, the last, and the step */
#define KEYS2(f1, a1, b1, s1, f2, a2, b2, s2)                                 \
    { { f1, a1, b1, s1 }, { f2, a2, b2, s2 } }
#define KEYS(f, a, b, s)  KEYS2(f, a, b, s, 0, 0, 0, 0)
#define KEY(f)            KEYS(f, 1, 1, 1)
#define NO_KEYS           KEYS(0, 0, 0, 0)

#define MULTI_SHARD  "request_policy:multi_shard"
#define ALL_SHARDS   "request_policy:all_shards"

#define ROW(n, h, a, f, c, k, g, v, o, s, ...)                                \
    { .name = n, .handler = h, .arity = a, .flags = f, .acl = c, .keys = k,   \
      .group = g, .since = v, .complexity = o, .summary = s, __VA_ARGS__ }


const ks_command_t  ks_command_table[] = {

    /* --- strings --- */

    ROW("append", ks_cmd_append, 3, W|OOM|FAST, STRING, KEY(RW|INSERT),
        "string", "2.0.0", "O(1), amortized",
        "Adds bytes to the end of a string, which it creates if need be."),
    ROW("decr", ks_cmd_decr, 2, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
        "string", "1.0.0", "O(1)",
        "Takes one off an integer."),
    ROW("decrby", ks_cmd_decrby, 3, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
        "string", "1.0.0", "O(1)",
        "Takes a number off an integer."),
    ROW("get", ks_cmd_get, 2, R|FAST, STRING, KEY(RO|ACCESS),
        "string", "1.0.0", "O(1)",
        "Replies with a string."),
    ROW("getdel", ks_cmd_getdel, 2, W|FAST, STRING, KEY(RW|ACCESS|DELETE),
        "string", "6.2.0", "O(1)",
        "Replies with a string and deletes its key."),
    ROW("getex", ks_cmd_getex, -2, W|FAST, STRING, KEY(RW|ACCESS|UPDATE),
        "string", "6.2.0", "O(1)",
        "Replies with a string and changes the time that its key has."),
    ROW("getrange", ks_cmd_getrange, 4, R, STRING, KEY(RO|ACCESS),
        "string", "2.4.0", "O(N), N the length of the reply",
        "Replies with a part of a string."),
    ROW("getset", ks_cmd_getset, 3, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
        "string", "1.0.0", "O(1)",
        "Sets a string and replies with the one that it replaces.",
        .retired = "6.2.0", .instead = "`SET` with the `GET` argument"),
    ROW("incr", ks_cmd_incr, 2, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
        "string", "1.0.0", "O(1)",
        "Adds one to an integer."),
    ROW("incrby", ks_cmd_incrby, 3, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
        "string", "1.0.0", "O(1)",
        "Adds a number to an integer."),
    ROW("incrbyfloat", ks_cmd_incrbyfloat, 3, W|OOM|FAST, STRING,
        KEY(RW|ACCESS|UPDATE),
        "string", "2.6.0", "O(1)",
        "Adds a number to one with a fraction."),
    ROW("lcs", ks_cmd_lcs, -3, R|POWERFUL, STRING, KEYS(RO|ACCESS, 1, 2, 1),
        "string", "7.0.0", "O(N*M), N and M the lengths of the strings",
        "Finds the longest common subsequence of two strings."),
    ROW("mget", ks_cmd_mget, -2, R|FAST, STRING, KEYS(RO|ACCESS, 1, -1, 1),
        "string", "1.0.0", "O(N), N the number of keys",
        "Replies with several strings.",
        .tips = MULTI_SHARD),
    ROW("mset", ks_cmd_mset, -3, W|OOM, STRING, KEYS(OW|UPDATE, 1, -1, 2),
        "string", "1.0.1", "O(N), N the number of keys",
        "Sets several strings at once.",
        .tips = MULTI_SHARD " response_policy:all_succeeded"),
    ROW("msetnx", ks_cmd_msetnx, -3, W|OOM, STRING, KEYS(OW|INSERT, 1, -1, 2),
        "string", "1.0.1", "O(N), N the number of keys",
        "Sets several strings if none of their keys exists.",
        .tips = MULTI_SHARD " response_policy:agg_min"),
    ROW("psetex", ks_cmd_psetex, 4, W|OOM, STRING, KEY(OW|UPDATE),
        "string", "2.6.0", "O(1)",
        "Sets a string and the milliseconds that it lives.",
        .retired = "2.6.12", .instead = "`SET` with the `PX` argument"),
    ROW("set", ks_cmd_set, -3, W|OOM, STRING, KEY(RW|ACCESS|UPDATE|VARIABLE),
        "string", "1.0.0", "O(1)",
        "Sets a string, whatever its key holds.",
        .key_flags = ks_cmd_set_key_flags),
    ROW("setex", ks_cmd_setex, 4, W|OOM, STRING, KEY(OW|UPDATE),
        "string", "2.0.0", "O(1)",
        "Sets a string and the seconds that it lives.",
        .retired = "2.6.12", .instead = "`SET` with the `EX` argument"),
    ROW("setnx", ks_cmd_setnx, 3, W|OOM|FAST, STRING, KEY(OW|INSERT),
        "string", "1.0.0", "O(1)",
        "Sets a string if its key does not exist.",
        .retired = "2.6.12", .instead = "`SET` with the `NX` argument"),
    ROW("setrange", ks_cmd_setrange, 4, W|OOM, STRING, KEY(RW|UPDATE),
        "string", "2.2.0", "O(N), N the length of the new part",
        "Overwrites a part of a string."),
    ROW("strlen", ks_cmd_strlen, 2, R|FAST, STRING, KEY(RO),
        "string", "2.2.0", "O(1)",
        "Replies with the length of a string."),
    ROW("substr", ks_cmd_getrange, 4, R, STRING, KEY(RO|ACCESS),
        "string", "1.0.0", "O(N), N the length of the reply",
        "Replies with a part of a string.",
        .retired = "2.0.0", .instead = "`GETRANGE`"),

    /* --- strings as bits --- */

    ROW("bitcount", ks_cmd_bitcount, -2, R, BITMAP, KEY(RO|ACCESS),
        "bitmap", "2.6.0", "O(N)",
        "Counts the bits that are set."),
    ROW("bitfield", ks_cmd_bitfield, -2, W|OOM, BITMAP,
        KEY(RW|ACCESS|UPDATE|VARIABLE),
        "bitmap", "3.2.0", "O(1) for each operation",
        "Reads and changes integers of any width at any bit.",
        .key_flags = ks_cmd_bitfield_key_flags),
    ROW("bitfield_ro", ks_cmd_bitfield_ro, -2, R|FAST, BITMAP, KEY(RO|ACCESS),
        "bitmap", "6.0.0", "O(1) for each operation",
        "Reads integers of any width at any bit."),
    ROW("bitop", ks_cmd_bitop, -4, W|OOM, BITMAP,
        KEYS2(OW|UPDATE, 2, 2, 1, RO|ACCESS, 3, -1, 1),
        "bitmap", "2.6.0", "O(N)",
        "Combines strings bit by bit and stores the result."),
    ROW("bitpos", ks_cmd_bitpos, -3, R, BITMAP, KEY(RO|ACCESS),
        "bitmap", "2.8.7", "O(N)",
        "Finds the first bit that is set, or is not."),
    ROW("getbit", ks_cmd_getbit, 3, R|FAST, BITMAP, KEY(RO|ACCESS),
        "bitmap", "2.2.0", "O(1)",
        "Replies with one bit."),
    ROW("setbit", ks_cmd_setbit, 4, W|OOM, BITMAP, KEY(RW|ACCESS|UPDATE),
        "bitmap", "2.2.0", "O(1)",
        "Sets or clears one bit and replies with what it was."),

    /* --- keys of any type --- */

    ROW("copy", ks_cmd_copy, -3, W|OOM, KEYSPACE,
        KEYS2(RO|ACCESS, 1, 1, 1, OW|UPDATE, 2, 2, 1),
        "generic", "6.2.0", "O(N), N the size of the value",
        "Copies a value to another key."),
    ROW("del", ks_cmd_del, -2, W, KEYSPACE, KEYS(RM|DELETE, 1, -1, 1),
        "generic", "1.0.0", "O(N), N the number of keys",
        "Deletes keys.",
        .tips = MULTI_SHARD " response_policy:agg_sum"),
    ROW("exists", ks_cmd_exists, -2, R|FAST, KEYSPACE, KEYS(RO, 1, -1, 1),
        "generic", "1.0.0", "O(N), N the number of keys",
        "Counts which of the keys exist.",
        .tips = MULTI_SHARD " response_policy:agg_sum"),
    ROW("expire", ks_cmd_expire, -3, W|FAST, KEYSPACE, KEY(RW|UPDATE),
        "generic", "1.0.0", "O(1)",
        "Sets the seconds that a key lives."),
    ROW("expireat", ks_cmd_expireat, -3, W|FAST, KEYSPACE, KEY(RW|UPDATE),
        "generic", "1.2.0", "O(1)",
        "Sets the second at which a key expires."),
    ROW("expiretime", ks_cmd_expiretime, 2, R|FAST, KEYSPACE, KEY(RO|ACCESS),
        "generic", "7.0.0", "O(1)",
        "Replies with the second at which a key expires."),
    ROW("keys", ks_cmd_keys, 2, R|ALLKEYS, KEYSPACE|DANGEROUS, NO_KEYS,
        "generic", "1.0.0", "O(N), N the number of keys",
        "Lists the keys that match a pattern.",
        .tips = ALL_SHARDS " nondeterministic_output_order"),
    ROW("object", NULL, -2, PARENT, 0, NO_KEYS,
        "generic", "2.2.3", "O(1)",
        "Shows what a key is made of."),
    ROW("object|encoding", ks_cmd_object_encoding, 3, R|SUB, KEYSPACE,
        KEYS(RO, 2, 2, 1),
        "generic", "2.2.3", "O(1)",
        "Names how a value is kept.",
        .tips = "nondeterministic_output"),
    ROW("object|freq", ks_cmd_object_freq, 3, R|SUB, KEYSPACE,
        KEYS(RO, 2, 2, 1),
        "generic", "4.0.0", "O(1)",
        "Replies with how often a key is used, on a logarithmic scale.",
        .tips = "nondeterministic_output"),
    ROW("object|help", ks_cmd_object_help, 2, LOAD|ALONE|OPEN|SUB, KEYSPACE,
        NO_KEYS,
        "generic", "6.2.0", "O(1)",
        "Lists the subcommands."),
    ROW("object|idletime", ks_cmd_object_idletime, 3, R|SUB, KEYSPACE,
        KEYS(RO, 2, 2, 1),
        "generic", "2.2.3", "O(1)",
        "Replies with the seconds since a key was last used.",
        .tips = "nondeterministic_output"),
    ROW("object|refcount", ks_cmd_object_refcount, 3, R|SUB, KEYSPACE,
        KEYS(RO, 2, 2, 1),
        "generic", "2.2.3", "O(1)",
        "Replies with the number of references to a value.",
        .tips = "nondeterministic_output"),
    ROW("persist", ks_cmd_persist, 2, W|FAST, KEYSPACE, KEY(RW|UPDATE),
        "generic", "2.2.0", "O(1)",
        "Lets a key live forever."),
    ROW("pexpire", ks_cmd_pexpire, -3, W|FAST, KEYSPACE, KEY(RW|UPDATE),
        "generic", "2.6.0", "O(1)",
        "Sets the milliseconds that a key lives."),
    ROW("pexpireat", ks_cmd_pexpireat, -3, W|FAST, KEYSPACE, KEY(RW|UPDATE),
        "generic", "2.6.0", "O(1)",
        "Sets the millisecond at which a key expires."),
    ROW("pexpiretime", ks_cmd_pexpiretime, 2, R|FAST, KEYSPACE, KEY(RO|ACCESS),
        "generic", "7.0.0", "O(1)",
        "Replies with the millisecond at which a key expires."),
    ROW("pttl", ks_cmd_pttl, 2, R|FAST, KEYSPACE, KEY(RO|ACCESS),
        "generic", "2.6.0", "O(1)",
        "Replies with the milliseconds that a key has left.",
        .tips = "nondeterministic_output"),
    ROW("randomkey", ks_cmd_randomkey, 1, R|ALLKEYS|POWERFUL, KEYSPACE,
        NO_KEYS,
        "generic", "1.0.0", "O(1)",
        "Replies with one of the keys.",
        .tips = ALL_SHARDS " nondeterministic_output"),
    ROW("rename", ks_cmd_rename, 3, W, KEYSPACE,
        KEYS2(RW|ACCESS|DELETE, 1, 1, 1, OW|UPDATE, 2, 2, 1),
        "generic", "1.0.0", "O(1)",
        "Gives a value another key, whatever that holds."),
    ROW("renamenx", ks_cmd_renamenx, 3, W|FAST, KEYSPACE,
        KEYS2(RW|ACCESS|DELETE, 1, 1, 1, OW|INSERT, 2, 2, 1),
        "generic", "1.0.0", "O(1)",
        "Gives a value another key if that does not exist."),
    ROW("scan", ks_cmd_scan, -2, R|ALLKEYS|ALONE|POWERFUL, KEYSPACE, NO_KEYS,
        "generic", "2.8.0", "O(1) for a call, O(N) for all of them",
        "Lists the keys, some at a time.",
        .tips = "nondeterministic_output request_policy:special"),
    ROW("touch", ks_cmd_touch, -2, R|FAST, KEYSPACE, KEYS(RO, 1, -1, 1),
        "generic", "3.2.1", "O(N), N the number of keys",
        "Counts which of the keys exist, as a use of each.",
        .tips = MULTI_SHARD " response_policy:agg_sum"),
    ROW("ttl", ks_cmd_ttl, 2, R|FAST, KEYSPACE, KEY(RO|ACCESS),
        "generic", "1.0.0", "O(1)",
        "Replies with the seconds that a key has left.",
        .tips = "nondeterministic_output"),
    ROW("type", ks_cmd_type, 2, R|FAST, KEYSPACE, KEY(RO),
        "generic", "1.0.0", "O(1)",
        "Names the type of a value."),
    ROW("unlink", ks_cmd_del, -2, W|FAST, KEYSPACE, KEYS(RM|DELETE, 1, -1, 1),
        "generic", "4.0.0", "O(N), N the number of keys",
        "Deletes keys.",
        .tips = MULTI_SHARD " response_policy:agg_sum"),

    /* --- server and connection --- */

    ROW("command", ks_cmd_command, -1, LOAD|ALONE|OPEN|PARENT, CONNECTION,
        NO_KEYS,
        "server", "2.8.13", "O(N), N the number of commands",
        "Describes the commands.",
        .tips = "nondeterministic_output_order"),
    ROW("command|count", ks_cmd_command_count, 2, LOAD|ALONE|OPEN|SUB,
        CONNECTION, NO_KEYS,
        "server", "2.8.13", "O(1)",
        "Counts the commands."),
    ROW("command|docs", ks_cmd_command_docs, -2, LOAD|ALONE|OPEN|SUB,
        CONNECTION, NO_KEYS,
        "server", "7.0.0", "O(N), N the number of commands",
        "Describes commands in words.",
        .tips = "nondeterministic_output_order"),
    ROW("command|getkeys", ks_cmd_command_getkeys, -4, LOAD|ALONE|OPEN|SUB,
        CONNECTION, NO_KEYS,
        "server", "2.8.13", "O(N), N the number of arguments",
        "Finds the keys among the arguments of a command."),
    ROW("command|getkeysandflags", ks_cmd_command_getkeysandflags, -4,
        LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
        "server", "7.0.0", "O(N), N the number of arguments",
        "Finds the keys of a command and what it does with them."),
    ROW("command|help", ks_cmd_command_help, 2, LOAD|ALONE|OPEN|SUB,
        CONNECTION, NO_KEYS,
        "server", "5.0.0", "O(1)",
        "Lists the subcommands."),
    ROW("command|info", ks_cmd_command_info, -2, LOAD|ALONE|OPEN|SUB,
        CONNECTION, NO_KEYS,
        "server", "2.8.13", "O(N), N the number of commands",
        "Describes some commands.",
        .tips = "nondeterministic_output_order"),
    ROW("command|list", ks_cmd_command_list, -2, LOAD|ALONE|OPEN|SUB,
        CONNECTION, NO_KEYS,
        "server", "7.0.0", "O(N), N the number of commands",
        "Lists the names of the commands.",
        .tips = "nondeterministic_output_order"),
    ROW("config", NULL, -2, PARENT, 0, NO_KEYS,
        "server", "2.0.0", "O(1)",
        "Shows the settings."),
    ROW("config|get", ks_cmd_config_get, -3, ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0,
        NO_KEYS,
        "server", "2.0.0", "O(N), N the number of patterns",
        "Shows the settings that match a pattern."),
    ROW("config|help", ks_cmd_config_help, 2, LOAD|ALONE|SUB, 0, NO_KEYS,
        "server", "5.0.0", "O(1)",
        "Lists the subcommands."),
    ROW("config|resetstat", ks_cmd_config_resetstat, 2,
        ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
        "server", "2.0.0", "O(1)",
        "Sets the counters of INFO back to zero."),
    ROW("config|set", ks_cmd_config_set, -4, ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0,
        NO_KEYS,
        "server", "2.0.0", "O(1)",
        "Refused: the settings are those of nginx.conf.",
        .tips = "request_policy:all_nodes response_policy:all_succeeded"),
    ROW("dbsize", ks_cmd_dbsize, 1, R|FAST|ALLKEYS, KEYSPACE, NO_KEYS,
        "server", "1.0.0", "O(1)",
        "Counts the keys.",
        .tips = ALL_SHARDS " response_policy:agg_sum"),
    ROW("echo", ks_cmd_echo, 2, LOAD|FAST|ALONE|OPEN, CONNECTION, NO_KEYS,
        "connection", "1.0.0", "O(1)",
        "Replies with its argument."),
    ROW("flushall", ks_cmd_flushall, -1, W|ALLKEYS, KEYSPACE|DANGEROUS,
        NO_KEYS,
        "server", "1.0.0", "O(1)",
        "Deletes all keys.",
        .tips = ALL_SHARDS " response_policy:all_succeeded"),
    ROW("flushdb", ks_cmd_flushall, -1, W|ALLKEYS, KEYSPACE|DANGEROUS, NO_KEYS,
        "server", "1.0.0", "O(1)",
        "Deletes all keys.",
        .tips = ALL_SHARDS " response_policy:all_succeeded"),
    ROW("info", ks_cmd_info, -1, LOAD|ALONE, DANGEROUS, NO_KEYS,
        "server", "1.0.0", "O(1)",
        "Shows the state of the server.",

        .tips = "nondeterministic_output " ALL_SHARDS
                " response_policy:special"),
    ROW("memory", NULL, -2, PARENT, 0, NO_KEYS,
        "server", "4.0.0", "O(1)",
        "Shows what takes memory."),
    ROW("memory|doctor", ks_cmd_memory_doctor, 2, ALONE|SUB, 0, NO_KEYS,
        "server", "4.0.0", "O(N) where N is the number of keys",
        "Checks every structure of the zone."),
    ROW("memory|help", ks_cmd_memory_help, 2, LOAD|ALONE|OPEN|SUB, 0, NO_KEYS,
        "server", "4.0.0", "O(1)",
        "Lists the subcommands."),
    ROW("memory|usage", ks_cmd_memory_usage, -3, R|SUB, 0, KEYS(RO, 2, 2, 1),
        "server", "4.0.0", "O(1) for a string",
        "Replies with the bytes that a key and its value take."),
    ROW("ping", ks_cmd_ping, -1, FAST|ALONE|OPEN, CONNECTION, NO_KEYS,
        "connection", "1.0.0", "O(1)",
        "Replies with PONG, or with its argument.",
        .tips = ALL_SHARDS " response_policy:all_succeeded"),
    ROW("select", ks_cmd_select, 2, LOAD|FAST|ALONE|OPEN, CONNECTION, NO_KEYS,
        "connection", "1.0.0", "O(1)",
        "Chooses the database: there is one, 0."),
    ROW("time", ks_cmd_time, 1, LOAD|FAST|ALONE|OPEN, 0, NO_KEYS,
        "server", "2.6.0", "O(1)",
        "Replies with the time, in seconds and microseconds.",
        .tips = "nondeterministic_output"),

    { .name = NULL }
};
