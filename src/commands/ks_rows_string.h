/*
 * Rows of the command table: strings.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("append", ks_cmd_append, 3, W|OOM|FAST, STRING, KEY(RW|INSERT),
    "string", "2.0.0", "O(1), amortized",
    "Adds bytes to the end of a string, which it creates if need be.")
ROW("decr", ks_cmd_decr, 2, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
    "string", "1.0.0", "O(1)",
    "Takes one off an integer.")
ROW("decrby", ks_cmd_decrby, 3, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
    "string", "1.0.0", "O(1)",
    "Takes a number off an integer.")
ROW("delex", ks_cmd_delex, -2, W|FAST, STRING, KEY(RM|DELETE),
    "string", "8.4.0", "O(1), by a digest O(N), N the length of the string",
    "Deletes a key if the string that it holds is what it should be.")
ROW("delifeq", ks_cmd_delifeq, 3, W|FAST, STRING, KEY(RM|DELETE),
    "string", "9.0.0", "O(1)",
    "Deletes a key if the string that it holds is the one given.")
ROW("digest", ks_cmd_digest, 2, R|FAST, STRING, KEY(RO|ACCESS),
    "string", "8.4.0", "O(N), N the length of the string",
    "Replies with the XXH3 digest of a string.")
ROW("get", ks_cmd_get, 2, R|FAST, STRING, KEY(RO|ACCESS),
    "string", "1.0.0", "O(1)",
    "Replies with a string.")
ROW("getdel", ks_cmd_getdel, 2, W|FAST, STRING, KEY(RW|ACCESS|DELETE),
    "string", "6.2.0", "O(1)",
    "Replies with a string and deletes its key.")
ROW("getex", ks_cmd_getex, -2, W|FAST, STRING, KEY(RW|ACCESS|UPDATE),
    "string", "6.2.0", "O(1)",
    "Replies with a string and changes the time that its key has.")
ROW("getrange", ks_cmd_getrange, 4, R, STRING, KEY(RO|ACCESS),
    "string", "2.4.0", "O(N), N the length of the reply",
    "Replies with a part of a string.")
ROW("getset", ks_cmd_getset, 3, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
    "string", "1.0.0", "O(1)",
    "Sets a string and replies with the one that it replaces.",
    .retired = "6.2.0", .instead = "`SET` with the `GET` argument")
ROW("incr", ks_cmd_incr, 2, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
    "string", "1.0.0", "O(1)",
    "Adds one to an integer.")
ROW("incrby", ks_cmd_incrby, 3, W|OOM|FAST, STRING, KEY(RW|ACCESS|UPDATE),
    "string", "1.0.0", "O(1)",
    "Adds a number to an integer.")
ROW("incrbyfloat", ks_cmd_incrbyfloat, 3, W|OOM|FAST, STRING,
    KEY(RW|ACCESS|UPDATE),
    "string", "2.6.0", "O(1)",
    "Adds a number to one with a fraction.")
ROW("increx", ks_cmd_increx, -2, W|OOM|FAST, STRING,
    KEY(RW|ACCESS|UPDATE),
    "string", "8.8.0", "O(1)",
    "Adds to a number, within bounds, and sets the time that its key has.")
ROW("lcs", ks_cmd_lcs, -3, R|POWERFUL, STRING, KEYS(RO|ACCESS, 1, 2, 1),
    "string", "7.0.0", "O(N*M), N and M the lengths of the strings",
    "Finds the longest common subsequence of two strings.")
ROW("mget", ks_cmd_mget, -2, R|FAST, STRING, KEYS(RO|ACCESS, 1, -1, 1),
    "string", "1.0.0", "O(N), N the number of keys",
    "Replies with several strings.",
    .tips = MULTI_SHARD)
ROW("mset", ks_cmd_mset, -3, W|OOM, STRING, KEYS(OW|UPDATE, 1, -1, 2),
    "string", "1.0.1", "O(N), N the number of keys",
    "Sets several strings at once.",
    .tips = MULTI_SHARD " response_policy:all_succeeded")
ROW("msetex", ks_cmd_msetex, -4, W|OOM|MOVABLE, STRING,
    KEYS(OW|UPDATE, 1, KS_KEYS_COUNTED, 2),
    "string", "8.4.0", "O(N), N the number of keys",
    "Sets several strings and the time that they live, under a condition.",
    .tips = MULTI_SHARD " response_policy:agg_min")
ROW("msetnx", ks_cmd_msetnx, -3, W|OOM, STRING, KEYS(OW|INSERT, 1, -1, 2),
    "string", "1.0.1", "O(N), N the number of keys",
    "Sets several strings if none of their keys exists.",
    .tips = MULTI_SHARD " response_policy:agg_min")
ROW("psetex", ks_cmd_psetex, 4, W|OOM|SHORT, STRING, KEY(OW|UPDATE),
    "string", "2.6.0", "O(1)",
    "Sets a string and the milliseconds that it lives.",
    .retired = "2.6.12", .instead = "`SET` with the `PX` argument")
ROW("set", ks_cmd_set, -3, W|OOM|SHORT, STRING, KEY(RW|ACCESS|UPDATE|VARIABLE),
    "string", "1.0.0", "O(1)",
    "Sets a string, whatever its key holds.",
    .key_flags = ks_cmd_set_key_flags)
ROW("setex", ks_cmd_setex, 4, W|OOM|SHORT, STRING, KEY(OW|UPDATE),
    "string", "2.0.0", "O(1)",
    "Sets a string and the seconds that it lives.",
    .retired = "2.6.12", .instead = "`SET` with the `EX` argument")
ROW("setnx", ks_cmd_setnx, 3, W|OOM|FAST, STRING, KEY(OW|INSERT),
    "string", "1.0.0", "O(1)",
    "Sets a string if its key does not exist.",
    .retired = "2.6.12", .instead = "`SET` with the `NX` argument")
ROW("setrange", ks_cmd_setrange, 4, W|OOM, STRING, KEY(RW|UPDATE),
    "string", "2.2.0", "O(N), N the length of the new part",
    "Overwrites a part of a string.")
ROW("strlen", ks_cmd_strlen, 2, R|FAST, STRING, KEY(RO),
    "string", "2.2.0", "O(1)",
    "Replies with the length of a string.")
ROW("substr", ks_cmd_getrange, 4, R, STRING, KEY(RO|ACCESS),
    "string", "1.0.0", "O(N), N the length of the reply",
    "Replies with a part of a string.",
    .retired = "2.0.0", .instead = "`GETRANGE`")
