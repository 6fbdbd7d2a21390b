/*
 * Rows of the command table: lists.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("blmove", ks_cmd_blmove, 6, W|OOM|BLOCKS, LIST,
    KEYS2(RW|ACCESS|DELETE, 1, 1, 1, RW|INSERT, 2, 2, 1),
    "list", "6.2.0", "O(1)",
    "Moves an element from a list to another, and waits for one if need be.")
ROW("blmovem", ks_cmd_blmovem, -6, W|OOM|BLOCKS, LIST,
    KEYS2(RW|ACCESS|DELETE, 1, 1, 1, RW|INSERT, 2, 2, 1),
    "list", "8.10.0", "O(N), N the number of elements",
    "Moves elements from a list to another, and waits for them if need be.")
ROW("blmpop", ks_cmd_blmpop, -5, W|MOVABLE|BLOCKS, LIST,
    COUNTED(RW|ACCESS|DELETE, 2),
    "list", "7.0.0", "O(N+M), N the number of keys, M that of elements",
    "Takes elements off the first list that has any, and waits for one.")
ROW("blpop", ks_cmd_blpop, -3, W|BLOCKS, LIST,
    KEYS(RW|ACCESS|DELETE, 1, -2, 1),
    "list", "2.0.0", "O(N), N the number of keys",
    "Takes the head of the first list that there is, and waits for one.")
ROW("brpop", ks_cmd_brpop, -3, W|BLOCKS, LIST,
    KEYS(RW|ACCESS|DELETE, 1, -2, 1),
    "list", "2.0.0", "O(N), N the number of keys",
    "Takes the tail of the first list that there is, and waits for one.")
ROW("brpoplpush", ks_cmd_brpoplpush, 4, W|OOM|BLOCKS, LIST,
    KEYS2(RW|ACCESS|DELETE, 1, 1, 1, RW|INSERT, 2, 2, 1),
    "list", "2.2.0", "O(1)",
    "Moves the last element of a list to the head of another, and waits.",
    .retired = "6.2.0",
    .instead = "`BLMOVE` with the `RIGHT` and `LEFT` arguments")
ROW("lindex", ks_cmd_lindex, 3, R, LIST, KEY(RO|ACCESS),
    "list", "1.0.0", "O(log(N)), N the length of the list",
    "Replies with the element at an index.")
ROW("linsert", ks_cmd_linsert, 5, W|OOM, LIST, KEY(RW|INSERT),
    "list", "2.2.0", "O(N), N the elements up to the one looked for",
    "Puts an element before or after another one.")
ROW("llen", ks_cmd_llen, 2, R|FAST, LIST, KEY(RO),
    "list", "1.0.0", "O(1)",
    "Replies with the length of a list.")
ROW("lmove", ks_cmd_lmove, 5, W|OOM, LIST,
    KEYS2(RW|ACCESS|DELETE, 1, 1, 1, RW|INSERT, 2, 2, 1),
    "list", "6.2.0", "O(1)",
    "Moves an element from an end of a list to an end of another.")
ROW("lmovem", ks_cmd_lmovem, -5, W|OOM, LIST,
    KEYS2(RW|ACCESS|DELETE, 1, 1, 1, RW|INSERT, 2, 2, 1),
    "list", "8.10.0", "O(N), N the number of elements",
    "Moves elements from an end of a list to an end of another.")
ROW("lmpop", ks_cmd_lmpop, -4, W|MOVABLE, LIST, COUNTED(RW|ACCESS|DELETE, 1),
    "list", "7.0.0", "O(N+M), N the number of keys, M that of elements",
    "Takes elements off an end of the first list that has any.")
ROW("lpop", ks_cmd_lpop, -2, W|FAST, LIST, KEY(RW|ACCESS|DELETE),
    "list", "1.0.0", "O(N), N the number of elements",
    "Takes elements off the head of a list.")
ROW("lpos", ks_cmd_lpos, -3, R, LIST, KEY(RO|ACCESS),
    "list", "6.0.6", "O(N), N the elements that are looked at",
    "Replies with the index of an element.")
ROW("lpush", ks_cmd_lpush, -3, W|OOM|FAST, LIST, KEY(RW|INSERT),
    "list", "1.0.0", "O(N), N the number of elements",
    "Puts elements at the head of a list, which it creates if need be.")
ROW("lpushx", ks_cmd_lpushx, -3, W|OOM|FAST, LIST, KEY(RW|INSERT),
    "list", "2.2.0", "O(N), N the number of elements",
    "Puts elements at the head of a list if it exists.")
ROW("lrange", ks_cmd_lrange, 4, R, LIST, KEY(RO|ACCESS),
    "list", "1.0.0", "O(log(N)+M), N the length, M that of the range",
    "Replies with a range of elements.")
ROW("lrem", ks_cmd_lrem, 4, W, LIST, KEY(RW|DELETE),
    "list", "1.0.0", "O(N), N the length of the list",
    "Removes elements that are equal to a value.")
ROW("lset", ks_cmd_lset, 4, W|OOM, LIST, KEY(RW|UPDATE),
    "list", "1.0.0", "O(log(N)), N the length of the list",
    "Replaces the element at an index.")
ROW("ltrim", ks_cmd_ltrim, 4, W, LIST, KEY(RW|DELETE),
    "list", "1.0.0", "O(log(N)+M), N the length, M the number removed",
    "Removes all elements but those of a range.")
ROW("rpop", ks_cmd_rpop, -2, W|FAST, LIST, KEY(RW|ACCESS|DELETE),
    "list", "1.0.0", "O(N), N the number of elements",
    "Takes elements off the tail of a list.")
ROW("rpoplpush", ks_cmd_rpoplpush, 3, W|OOM, LIST,
    KEYS2(RW|ACCESS|DELETE, 1, 1, 1, RW|INSERT, 2, 2, 1),
    "list", "1.2.0", "O(1)",
    "Moves the last element of a list to the head of another.",
    .retired = "6.2.0",
    .instead = "`LMOVE` with the `RIGHT` and `LEFT` arguments")
ROW("rpush", ks_cmd_rpush, -3, W|OOM|FAST, LIST, KEY(RW|INSERT),
    "list", "1.0.0", "O(N), N the number of elements",
    "Puts elements at the tail of a list, which it creates if need be.")
ROW("rpushx", ks_cmd_rpushx, -3, W|OOM|FAST, LIST, KEY(RW|INSERT),
    "list", "2.2.0", "O(N), N the number of elements",
    "Puts elements at the tail of a list if it exists.")
