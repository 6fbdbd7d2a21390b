/*
 * Rows of the command table: what replicas say.  Not a header of its own; see
 * ks_replica_commands.c.
 */

ROW("psync", ks_cmd_psync, -3, ADMIN|NOSCRIPT|NO_ASYNC|NO_MULTI|ALONE, 0,
    NO_KEYS,
    "server", "2.8.0", "O(N), N the bytes that the replica gets",
    "Makes the connection that of a replica, which may go on from an offset.")
ROW("replconf", ks_cmd_replconf, -1, ADMIN|NOSCRIPT|LOAD|BUSY|ALONE, 0,
    NO_KEYS,
    "server", "3.0.0", "O(1)",
    "Is what a replica says of itself, and of how far it is.")
ROW("sync", ks_cmd_sync, 1, ADMIN|NOSCRIPT|NO_ASYNC|NO_MULTI|ALONE, 0,
    NO_KEYS,
    "server", "1.0.0", "O(N), N the bytes that the replica gets",
    "Makes the connection that of a replica, which gets everything.")
