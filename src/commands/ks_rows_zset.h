/*
 * Rows of the command table: sorted sets.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("bzmpop", ks_cmd_bzmpop, -5, W|MOVABLE|BLOCKS, ZSET,
    COUNTED(RW|ACCESS|DELETE, 2),
    "sorted-set", "7.0.0",
    "O(K+M*log(N)), K the number of keys, M of members popped",
    "Pops members from the first sorted set that there is, and waits for one.")
ROW("bzpopmax", ks_cmd_bzpopmax, -3, W|FAST|BLOCKS, ZSET,
    KEYS(RW|ACCESS|DELETE, 1, -2, 1),
    "sorted-set", "5.0.0", "O(log(N)), N the number of members",
    "Pops the member of the highest score, and waits for one if need be.")
ROW("bzpopmin", ks_cmd_bzpopmin, -3, W|FAST|BLOCKS, ZSET,
    KEYS(RW|ACCESS|DELETE, 1, -2, 1),
    "sorted-set", "5.0.0", "O(log(N)), N the number of members",
    "Pops the member of the lowest score, and waits for one if need be.")
ROW("zadd", ks_cmd_zadd, -4, W|OOM|FAST, ZSET, KEY(RW|UPDATE),
    "sorted-set", "1.2.0", "O(log(N)) for each member",
    "Adds members to a sorted set, or changes their scores.")
ROW("zcard", ks_cmd_zcard, 2, R|FAST, ZSET, KEY(RO),
    "sorted-set", "1.2.0", "O(1)",
    "Replies with the number of members.")
ROW("zcount", ks_cmd_zcount, 4, R|FAST, ZSET, KEY(RO|ACCESS),
    "sorted-set", "2.0.0", "O(log(N))",
    "Counts the members of a range of scores.")
ROW("zdiff", ks_cmd_zdiff, -3, R|MOVABLE, ZSET, COUNTED(RO|ACCESS, 1),
    "sorted-set", "6.2.0", "O(N), N the members of all sources",
    "Replies with the members that only the first source has.")
ROW("zdiffstore", ks_cmd_zdiffstore, -4, W|OOM|MOVABLE, ZSET,
    STORED(OW|UPDATE, RO|ACCESS, 2),
    "sorted-set", "6.2.0", "O(N), N the members of all sources",
    "Stores the members that only the first source has.")
ROW("zincrby", ks_cmd_zincrby, 4, W|OOM|FAST, ZSET, KEY(RW|ACCESS|UPDATE),
    "sorted-set", "1.2.0", "O(log(N))",
    "Adds to the score of a member.")
ROW("zinter", ks_cmd_zinter, -3, R|MOVABLE, ZSET, COUNTED(RO|ACCESS, 1),
    "sorted-set", "6.2.0", "O(N*K), N the members of the smallest of K sources",
    "Replies with the members that all sources have.")
ROW("zintercard", ks_cmd_zintercard, -3, R|MOVABLE, ZSET,
    COUNTED(RO|ACCESS, 1),
    "sorted-set", "7.0.0", "O(N*K), N the members of the smallest of K sources",
    "Counts the members that all sources have.")
ROW("zinterstore", ks_cmd_zinterstore, -4, W|OOM|MOVABLE, ZSET,
    STORED(OW|UPDATE, RO|ACCESS, 2),
    "sorted-set", "2.0.0", "O(N*K), N the members of the smallest of K sources",
    "Stores the members that all sources have.")
ROW("zlexcount", ks_cmd_zlexcount, 4, R|FAST, ZSET, KEY(RO|ACCESS),
    "sorted-set", "2.8.9", "O(log(N))",
    "Counts the members of a range of bytes.")
ROW("zmpop", ks_cmd_zmpop, -4, W|MOVABLE, ZSET, COUNTED(RW|ACCESS|DELETE, 1),
    "sorted-set", "7.0.0",
    "O(K+M*log(N)), K the number of keys, M of members popped",
    "Pops members from the first sorted set that there is.")
ROW("zmscore", ks_cmd_zmscore, -3, R|FAST, ZSET, KEY(RO|ACCESS),
    "sorted-set", "6.2.0", "O(M), M the number of members asked for",
    "Replies with the scores of several members.")
ROW("zpopmax", ks_cmd_zpopmax, -2, W|FAST, ZSET, KEY(RW|ACCESS|DELETE),
    "sorted-set", "5.0.0", "O(M*log(N)), M the number of members popped",
    "Pops the members of the highest scores.")
ROW("zpopmin", ks_cmd_zpopmin, -2, W|FAST, ZSET, KEY(RW|ACCESS|DELETE),
    "sorted-set", "5.0.0", "O(M*log(N)), M the number of members popped",
    "Pops the members of the lowest scores.")
ROW("zrandmember", ks_cmd_zrandmember, -2, R, ZSET, KEY(RO|ACCESS),
    "sorted-set", "6.2.0", "O(M*log(N)), M the number of members replied",
    "Replies with members at random.",
    .tips = "nondeterministic_output")
ROW("zrange", ks_cmd_zrange, -4, R, ZSET, KEY(RO|ACCESS),
    "sorted-set", "1.2.0", "O(log(N)+M), M the number of members replied",
    "Replies with a range of members.")
ROW("zrangebylex", ks_cmd_zrangebylex, -4, R, ZSET, KEY(RO|ACCESS),
    "sorted-set", "2.8.9", "O(log(N)+M), M the number of members replied",
    "Replies with the members of a range of bytes.",
    .retired = "6.2.0", .instead = "`ZRANGE` with the `BYLEX` argument")
ROW("zrangebyscore", ks_cmd_zrangebyscore, -4, R, ZSET, KEY(RO|ACCESS),
    "sorted-set", "1.0.5", "O(log(N)+M), M the number of members replied",
    "Replies with the members of a range of scores.",
    .retired = "6.2.0", .instead = "`ZRANGE` with the `BYSCORE` argument")
ROW("zrangestore", ks_cmd_zrangestore, -5, W|OOM, ZSET,
    KEYS2(OW|UPDATE, 1, 1, 1, RO|ACCESS, 2, 2, 1),
    "sorted-set", "6.2.0", "O(log(N)+M), M the number of members stored",
    "Stores a range of members.")
ROW("zrank", ks_cmd_zrank, -3, R|FAST, ZSET, KEY(RO|ACCESS),
    "sorted-set", "2.0.0", "O(log(N))",
    "Replies with the place of a member, from the lowest score on.")
ROW("zrem", ks_cmd_zrem, -3, W|FAST, ZSET, KEY(RW|DELETE),
    "sorted-set", "1.2.0", "O(M*log(N)), M the number of members removed",
    "Removes members.")
ROW("zremrangebylex", ks_cmd_zremrangebylex, 4, W, ZSET, KEY(RW|DELETE),
    "sorted-set", "2.8.9", "O(log(N)+M), M the number of members removed",
    "Removes the members of a range of bytes.")
ROW("zremrangebyrank", ks_cmd_zremrangebyrank, 4, W, ZSET, KEY(RW|DELETE),
    "sorted-set", "2.0.0", "O(log(N)+M), M the number of members removed",
    "Removes the members of a range of ranks.")
ROW("zremrangebyscore", ks_cmd_zremrangebyscore, 4, W, ZSET, KEY(RW|DELETE),
    "sorted-set", "1.2.0", "O(log(N)+M), M the number of members removed",
    "Removes the members of a range of scores.")
ROW("zrevrange", ks_cmd_zrevrange, -4, R, ZSET, KEY(RO|ACCESS),
    "sorted-set", "1.2.0", "O(log(N)+M), M the number of members replied",
    "Replies with a range of members from the highest score down.",
    .retired = "6.2.0", .instead = "`ZRANGE` with the `REV` argument")
ROW("zrevrangebylex", ks_cmd_zrevrangebylex, -4, R, ZSET, KEY(RO|ACCESS),
    "sorted-set", "2.8.9", "O(log(N)+M), M the number of members replied",
    "Replies with the members of a range of bytes, the last one first.",
    .retired = "6.2.0",
    .instead = "`ZRANGE` with the `REV` and `BYLEX` arguments")
ROW("zrevrangebyscore", ks_cmd_zrevrangebyscore, -4, R, ZSET, KEY(RO|ACCESS),
    "sorted-set", "2.2.0", "O(log(N)+M), M the number of members replied",
    "Replies with the members of a range of scores from the highest down.",
    .retired = "6.2.0",
    .instead = "`ZRANGE` with the `REV` and `BYSCORE` arguments")
ROW("zrevrank", ks_cmd_zrevrank, -3, R|FAST, ZSET, KEY(RO|ACCESS),
    "sorted-set", "2.0.0", "O(log(N))",
    "Replies with the place of a member, from the highest score on.")
ROW("zscan", ks_cmd_zscan, -3, R, ZSET, KEY(RO|ACCESS),
    "sorted-set", "2.8.0", "O(1) for a call, O(N) for all of them",
    "Lists the members and their scores, some at a time.",
    .tips = "nondeterministic_output")
ROW("zscore", ks_cmd_zscore, 3, R|FAST, ZSET, KEY(RO|ACCESS),
    "sorted-set", "1.2.0", "O(1)",
    "Replies with the score of a member.")
ROW("zunion", ks_cmd_zunion, -3, R|MOVABLE, ZSET, COUNTED(RO|ACCESS, 1),
    "sorted-set", "6.2.0",
    "O(N+M*log(M)), N the members of all sources, M of the result",
    "Replies with the members that any source has.")
ROW("zunionstore", ks_cmd_zunionstore, -4, W|OOM|MOVABLE, ZSET,
    STORED(OW|UPDATE, RO|ACCESS, 2),
    "sorted-set", "2.0.0",
    "O(N+M*log(M)), N the members of all sources, M of the result",
    "Stores the members that any source has.")
