/*
 * Rows of the command table: HyperLogLog.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("pfadd", ks_cmd_pfadd, -2, W|OOM|FAST, HLL, KEY(RW|INSERT),
    "hyperloglog", "2.8.9", "O(N), N the number of elements",
    "Adds elements to a HyperLogLog, which it creates if need be.")
ROW("pfcount", ks_cmd_pfcount, -2, R|PAUSES, HLL, KEYS(RW|ACCESS, 1, -1, 1),
    "hyperloglog", "2.8.9", "O(N), N the number of keys",
    "Estimates how many different elements were added.")
ROW("pfmerge", ks_cmd_pfmerge, -2, W|OOM, HLL,
    KEYS2(RW|ACCESS|INSERT, 1, 1, 1, RO|ACCESS, 2, -1, 1),
    "hyperloglog", "2.8.9", "O(N), N the number of keys",
    "Adds the elements of several HyperLogLogs to one.")
