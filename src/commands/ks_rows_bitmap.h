/*
 * Rows of the command table: strings as bits.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("bitcount", ks_cmd_bitcount, -2, R, BITMAP, KEY(RO|ACCESS),
    "bitmap", "2.6.0", "O(N)",
    "Counts the bits that are set.")
ROW("bitfield", ks_cmd_bitfield, -2, W|OOM, BITMAP,
    KEY(RW|ACCESS|UPDATE|VARIABLE),
    "bitmap", "3.2.0", "O(1) for each operation",
    "Reads and changes integers of any width at any bit.",
    .key_flags = ks_cmd_bitfield_key_flags)
ROW("bitfield_ro", ks_cmd_bitfield_ro, -2, R|FAST, BITMAP, KEY(RO|ACCESS),
    "bitmap", "6.0.0", "O(1) for each operation",
    "Reads integers of any width at any bit.")
ROW("bitop", ks_cmd_bitop, -4, W|OOM, BITMAP,
    KEYS2(OW|UPDATE, 2, 2, 1, RO|ACCESS, 3, -1, 1),
    "bitmap", "2.6.0", "O(N)",
    "Combines strings bit by bit and stores the result.")
ROW("bitpos", ks_cmd_bitpos, -3, R, BITMAP, KEY(RO|ACCESS),
    "bitmap", "2.8.7", "O(N)",
    "Finds the first bit that is set, or is not.")
ROW("getbit", ks_cmd_getbit, 3, R|FAST, BITMAP, KEY(RO|ACCESS),
    "bitmap", "2.2.0", "O(1)",
    "Replies with one bit.")
ROW("setbit", ks_cmd_setbit, 4, W|OOM, BITMAP, KEY(RW|ACCESS|UPDATE),
    "bitmap", "2.2.0", "O(1)",
    "Sets or clears one bit and replies with what it was.")
