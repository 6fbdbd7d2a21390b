/*
 * Rows of the command table: sorting.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("sort", ks_cmd_sort, -2, W|OOM|MOVABLE|ALLKEYS, SET|ZSET|LIST|DANGEROUS,
    KEY(RO|ACCESS),
    "generic", "1.0.0", "O(N*log(N)), N the number of elements",
    "Replies with the elements of a value in order, or stores them.",
    .extra_key = ks_cmd_sort_extra_key, .unknown = 2)
ROW("sort_ro", ks_cmd_sort_ro, -2, R|MOVABLE|ALLKEYS,
    SET|ZSET|LIST|DANGEROUS, KEY(RO|ACCESS),
    "generic", "7.0.0", "O(N*log(N)), N the number of elements",
    "Replies with the elements of a value in order.",
    .unknown = 1)
