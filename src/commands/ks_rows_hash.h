/*
 * Rows of the command table: hashes.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("hdel", ks_cmd_hdel, -3, W|FAST, HASH, KEY(RW|DELETE),
    "hash", "2.0.0", "O(N), N the number of fields",
    "Deletes fields of a hash.")
ROW("hexists", ks_cmd_hexists, 3, R|FAST, HASH, KEY(RO),
    "hash", "2.0.0", "O(1)",
    "Tells whether a hash has a field.")
ROW("hexpire", ks_cmd_hexpire, -6, W|OOM|FAST, HASH, KEY(RW|UPDATE),
    "hash", "7.4.0", "O(N), N the number of fields",
    "Sets the seconds that fields of a hash live.")
ROW("hexpireat", ks_cmd_hexpireat, -6, W|OOM|FAST, HASH, KEY(RW|UPDATE),
    "hash", "7.4.0", "O(N), N the number of fields",
    "Sets the second at which fields of a hash expire.")
ROW("hexpiretime", ks_cmd_hexpiretime, -5, R|FAST, HASH, KEY(RO|ACCESS),
    "hash", "7.4.0", "O(N), N the number of fields",
    "Replies with the second at which fields of a hash expire.")
ROW("hget", ks_cmd_hget, 3, R|FAST, HASH, KEY(RO|ACCESS),
    "hash", "2.0.0", "O(1)",
    "Replies with the value of a field of a hash.")
ROW("hgetall", ks_cmd_hgetall, 2, R, HASH, KEY(RO|ACCESS),
    "hash", "2.0.0", "O(N), N the number of fields",
    "Replies with all fields of a hash and their values.",
    .tips = "nondeterministic_output_order")
ROW("hgetdel", ks_cmd_hgetdel, -5, W|FAST, HASH, KEY(RW|ACCESS|DELETE),
    "hash", "8.0.0", "O(N), N the number of fields",
    "Replies with the values of fields of a hash and deletes them.")
ROW("hgetex", ks_cmd_hgetex, -5, W|FAST, HASH, KEY(RW|ACCESS|UPDATE),
    "hash", "8.0.0", "O(N), N the number of fields",
    "Replies with the values of fields and changes the time they have.")
ROW("hincrby", ks_cmd_hincrby, 4, W|OOM|FAST, HASH, KEY(RW|ACCESS|UPDATE),
    "hash", "2.0.0", "O(1)",
    "Adds a number to the integer in a field of a hash.")
ROW("hincrbyfloat", ks_cmd_hincrbyfloat, 4, W|OOM|FAST, HASH,
    KEY(RW|ACCESS|UPDATE),
    "hash", "2.6.0", "O(1)",
    "Adds a number to one with a fraction in a field of a hash.")
ROW("hkeys", ks_cmd_hkeys, 2, R, HASH, KEY(RO|ACCESS),
    "hash", "2.0.0", "O(N), N the number of fields",
    "Replies with all fields of a hash.",
    .tips = "nondeterministic_output_order")
ROW("hlen", ks_cmd_hlen, 2, R|FAST, HASH, KEY(RO),
    "hash", "2.0.0", "O(1)",
    "Replies with the number of fields of a hash.")
ROW("hmget", ks_cmd_hmget, -3, R|FAST, HASH, KEY(RO|ACCESS),
    "hash", "2.0.0", "O(N), N the number of fields",
    "Replies with the values of fields of a hash.")
ROW("hmset", ks_cmd_hmset, -4, W|OOM|FAST, HASH, KEY(RW|UPDATE),
    "hash", "2.0.0", "O(N), N the number of fields",
    "Sets fields of a hash.",
    .retired = "4.0.0", .instead = "`HSET` with multiple field-value pairs")
ROW("hpersist", ks_cmd_hpersist, -5, W|FAST, HASH, KEY(RW|UPDATE),
    "hash", "7.4.0", "O(N), N the number of fields",
    "Lets fields of a hash live forever.")
ROW("hpexpire", ks_cmd_hpexpire, -6, W|OOM|FAST, HASH, KEY(RW|UPDATE),
    "hash", "7.4.0", "O(N), N the number of fields",
    "Sets the milliseconds that fields of a hash live.")
ROW("hpexpireat", ks_cmd_hpexpireat, -6, W|OOM|FAST, HASH, KEY(RW|UPDATE),
    "hash", "7.4.0", "O(N), N the number of fields",
    "Sets the millisecond at which fields of a hash expire.")
ROW("hpexpiretime", ks_cmd_hpexpiretime, -5, R|FAST, HASH, KEY(RO|ACCESS),
    "hash", "7.4.0", "O(N), N the number of fields",
    "Replies with the millisecond at which fields of a hash expire.")
ROW("hpttl", ks_cmd_hpttl, -5, R|FAST, HASH, KEY(RO|ACCESS),
    "hash", "7.4.0", "O(N), N the number of fields",
    "Replies with the milliseconds that fields of a hash have left.",
    .tips = "nondeterministic_output")
ROW("hrandfield", ks_cmd_hrandfield, -2, R, HASH, KEY(RO|ACCESS),
    "hash", "6.2.0", "O(N), N the number of fields that are replied",
    "Replies with random fields of a hash.",
    .tips = "nondeterministic_output")
ROW("hscan", ks_cmd_hscan, -3, R, HASH, KEY(RO|ACCESS),
    "hash", "2.8.0", "O(1) for a call, O(N) for all of them",
    "Lists the fields of a hash and their values, some at a time.",
    .tips = "nondeterministic_output")
ROW("hset", ks_cmd_hset, -4, W|OOM|FAST, HASH, KEY(RW|UPDATE),
    "hash", "2.0.0", "O(N), N the number of fields",
    "Sets fields of a hash.")
ROW("hsetex", ks_cmd_hsetex, -6, W|OOM|FAST, HASH, KEY(RW|UPDATE),
    "hash", "8.0.0", "O(N), N the number of fields",
    "Sets fields of a hash and the time that they have.")
ROW("hsetnx", ks_cmd_hsetnx, 4, W|OOM|FAST, HASH, KEY(RW|INSERT),
    "hash", "2.0.0", "O(1)",
    "Sets a field of a hash if it does not exist.")
ROW("hstrlen", ks_cmd_hstrlen, 3, R|FAST, HASH, KEY(RO),
    "hash", "3.2.0", "O(1)",
    "Replies with the length of the value of a field.")
ROW("httl", ks_cmd_httl, -5, R|FAST, HASH, KEY(RO|ACCESS),
    "hash", "7.4.0", "O(N), N the number of fields",
    "Replies with the seconds that fields of a hash have left.",
    .tips = "nondeterministic_output")
ROW("hvals", ks_cmd_hvals, 2, R, HASH, KEY(RO|ACCESS),
    "hash", "2.0.0", "O(N), N the number of fields",
    "Replies with the values of all fields of a hash.",
    .tips = "nondeterministic_output_order")
