/*
 * Rows of the command table: sets.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("sadd", ks_cmd_sadd, -3, W|OOM|FAST, SET, KEY(RW|INSERT),
    "set", "1.0.0", "O(N), N the number of members to add",
    "Adds members to a set, which it creates if need be.")
ROW("scard", ks_cmd_scard, 2, R|FAST, SET, KEY(RO),
    "set", "1.0.0", "O(1)",
    "Counts the members of a set.")
ROW("sdiff", ks_cmd_sdiff, -2, R, SET, KEYS(RO|ACCESS, 1, -1, 1),
    "set", "1.0.0", "O(N), N the members of all sets",
    "Replies with what is in the first set and in none of the others.",
    .tips = "nondeterministic_output_order")
ROW("sdiffcard", ks_cmd_sdiffcard, -3, R|MOVABLE, SET,
    COUNTED(RO|ACCESS, 1),
    "set", "8.10.0", "O(N), N the members of all sets",
    "Counts what is in the first set and in none of the others, up to a limit.")
ROW("sdiffstore", ks_cmd_sdiffstore, -3, W|OOM, SET,
    KEYS2(OW|UPDATE, 1, 1, 1, RO|ACCESS, 2, -1, 1),
    "set", "1.0.0", "O(N), N the members of all sets",
    "Stores what is in the first set and in none of the others.")
ROW("sinter", ks_cmd_sinter, -2, R, SET, KEYS(RO|ACCESS, 1, -1, 1),
    "set", "1.0.0", "O(N*M), N the members of the smallest set, M the sets",
    "Replies with what is in all sets.",
    .tips = "nondeterministic_output_order")
ROW("sintercard", ks_cmd_sintercard, -3, R|MOVABLE, SET,
    COUNTED(RO|ACCESS, 1),
    "set", "7.0.0", "O(N*M), N the members of the smallest set, M the sets",
    "Counts what is in all sets, up to a limit.")
ROW("sinterstore", ks_cmd_sinterstore, -3, W|OOM, SET,
    KEYS2(RW|UPDATE, 1, 1, 1, RO|ACCESS, 2, -1, 1),
    "set", "1.0.0", "O(N*M), N the members of the smallest set, M the sets",
    "Stores what is in all sets.")
ROW("sismember", ks_cmd_sismember, 3, R|FAST, SET, KEY(RO),
    "set", "1.0.0", "O(1)",
    "Tells whether a set has a member.")
ROW("smembers", ks_cmd_smembers, 2, R, SET, KEY(RO|ACCESS),
    "set", "1.0.0", "O(N), N the members of the set",
    "Replies with all members of a set.",
    .tips = "nondeterministic_output_order")
ROW("smismember", ks_cmd_smismember, -3, R|FAST, SET, KEY(RO|ACCESS),
    "set", "6.2.0", "O(N), N the number of members to look for",
    "Tells which of the members a set has.")
ROW("smove", ks_cmd_smove, 4, W|FAST, SET,
    KEYS2(RW|ACCESS|DELETE, 1, 1, 1, RW|INSERT, 2, 2, 1),
    "set", "1.0.0", "O(1)",
    "Takes a member out of one set and adds it to another.")
ROW("spop", ks_cmd_spop, -2, W|FAST, SET, KEY(RW|ACCESS|DELETE),
    "set", "1.0.0", "O(N), N the number of members to take",
    "Takes random members out of a set.",
    .tips = "nondeterministic_output")
ROW("srandmember", ks_cmd_srandmember, -2, R, SET, KEY(RO|ACCESS),
    "set", "1.0.0", "O(N), N the number of members to draw",
    "Replies with random members of a set.",
    .tips = "nondeterministic_output")
ROW("srem", ks_cmd_srem, -3, W|FAST, SET, KEY(RW|DELETE),
    "set", "1.0.0", "O(N), N the number of members to take",
    "Takes members out of a set.")
ROW("sscan", ks_cmd_sscan, -3, R, SET, KEY(RO|ACCESS),
    "set", "2.8.0", "O(1) for a call, O(N) for all of them",
    "Lists the members of a set, some at a time.",
    .tips = "nondeterministic_output")
ROW("sunion", ks_cmd_sunion, -2, R, SET, KEYS(RO|ACCESS, 1, -1, 1),
    "set", "1.0.0", "O(N), N the members of all sets",
    "Replies with what is in any of the sets.",
    .tips = "nondeterministic_output_order")
ROW("sunioncard", ks_cmd_sunioncard, -3, R|MOVABLE, SET,
    COUNTED(RO|ACCESS, 1),
    "set", "8.10.0", "O(N), N the members of all sets",
    "Counts what is in any of the sets, up to a limit.")
ROW("sunionstore", ks_cmd_sunionstore, -3, W|OOM, SET,
    KEYS2(OW|UPDATE, 1, 1, 1, RO|ACCESS, 2, -1, 1),
    "set", "1.0.0", "O(N), N the members of all sets",
    "Stores what is in any of the sets.")
