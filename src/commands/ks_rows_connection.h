/*
 * Rows of the command table: the connection.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

ROW("auth", ks_cmd_auth, -2,
    NOSCRIPT|LOAD|FAST|NO_AUTH|BUSY|ALONE|OPEN|SECRET,
    CONNECTION, NO_KEYS,
    "connection", "1.0.0", "O(1)",
    "Logs in.")
PARENT_ROW("client", -2, PARENT, 0, NO_KEYS,
    "connection", "2.4.0", "O(1)",
    "Is about the connections of clients.")
ROW("client|caching", ks_cmd_client_caching, 3,
    NOSCRIPT|LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
    "connection", "6.0.0", "O(1)",
    "Says whether the keys of the next command are tracked.")
ROW("client|getname", ks_cmd_client_getname, 2,
    NOSCRIPT|LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
    "connection", "2.6.9", "O(1)",
    "Replies with the name of the connection.")
ROW("client|getredir", ks_cmd_client_getredir, 2,
    NOSCRIPT|LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
    "connection", "6.0.0", "O(1)",
    "Replies with the client that is told of changes.")
ROW("client|help", ks_cmd_client_help, 2, LOAD|ALONE|OPEN|SUB, CONNECTION,
    NO_KEYS,
    "connection", "5.0.0", "O(1)",
    "Lists the subcommands.")
ROW("client|id", ks_cmd_client_id, 2, NOSCRIPT|LOAD|ALONE|OPEN|SUB,
    CONNECTION, NO_KEYS,
    "connection", "5.0.0", "O(1)",
    "Replies with the number of the connection.")
ROW("client|info", ks_cmd_client_info, 2, NOSCRIPT|LOAD|ALONE|OPEN|SUB,
    CONNECTION, NO_KEYS,
    "connection", "6.2.0", "O(1)",
    "Describes the connection.",
    .tips = "nondeterministic_output")
ROW("client|kill", ks_cmd_client_kill, -3, ADMIN|NOSCRIPT|LOAD|ALONE|SUB,
    CONNECTION, NO_KEYS,
    "connection", "2.4.0", "O(N), N the number of connections",
    "Closes connections.")
ROW("client|list", ks_cmd_client_list, -2, ADMIN|NOSCRIPT|LOAD|ALONE|SUB,
    CONNECTION, NO_KEYS,
    "connection", "2.4.0", "O(N), N the number of connections",
    "Describes the connections.",
    .tips = "nondeterministic_output")
ROW("client|no-evict", ks_cmd_client_no_evict, 3,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, CONNECTION, NO_KEYS,
    "connection", "7.0.0", "O(1)",
    "Is noted: no connection is closed for want of memory.")
ROW("client|no-touch", ks_cmd_client_no_touch, 3,
    NOSCRIPT|LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
    "connection", "7.2.0", "O(1)",
    "Says whether reads count as uses of their keys.")
ROW("client|pause", ks_cmd_client_pause, -3, ADMIN|NOSCRIPT|LOAD|ALONE|SUB,
    CONNECTION, NO_KEYS,
    "connection", "3.0.0", "O(1)",
    "Holds back commands for a time.")
ROW("client|reply", ks_cmd_client_reply, 3, NOSCRIPT|LOAD|ALONE|OPEN|SUB,
    CONNECTION, NO_KEYS,
    "connection", "3.2.0", "O(1)",
    "Switches replies off and on.")
ROW("client|setinfo", ks_cmd_client_setinfo, 4,
    NOSCRIPT|LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
    "connection", "7.2.0", "O(1)",
    "Notes the client's library and its version.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("client|setname", ks_cmd_client_setname, 3,
    NOSCRIPT|LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
    "connection", "2.6.9", "O(1)",
    "Names the connection.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("client|tracking", ks_cmd_client_tracking, -3,
    NOSCRIPT|LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
    "connection", "6.0.0", "O(1)",
    "Says whether changes of what was read are told.")
ROW("client|trackinginfo", ks_cmd_client_trackinginfo, 2,
    NOSCRIPT|LOAD|ALONE|OPEN|SUB, CONNECTION, NO_KEYS,
    "connection", "6.2.0", "O(1)",
    "Tells how the connection tracks.")
ROW("client|unblock", ks_cmd_client_unblock, -3, ADMIN|NOSCRIPT|LOAD|SUB,
    CONNECTION, NO_KEYS,
    "connection", "5.0.0", "O(log N), N the number of clients that wait",
    "Ends the waiting of a client.")
ROW("client|unpause", ks_cmd_client_unpause, 2,
    ADMIN|NOSCRIPT|LOAD|ALONE|SUB, CONNECTION, NO_KEYS,
    "connection", "6.2.0", "O(1)",
    "Ends a pause.")
ROW("hello", ks_cmd_hello, -1,
    NOSCRIPT|LOAD|FAST|NO_AUTH|BUSY|ALONE|OPEN|SECRET,
    CONNECTION, NO_KEYS,
    "connection", "6.0.0", "O(1)",
    "Chooses the protocol, logs in and names the connection.")
ROW("quit", ks_cmd_quit, -1,
    NOSCRIPT|LOAD|FAST|NO_AUTH|BUSY|ALONE|OPEN|ATONCE|BETWEEN, CONNECTION,
    NO_KEYS,
    "connection", "1.0.0", "O(1)",
    "Closes the connection.",
    .retired = "7.2.0", .instead = "just closing the connection")
ROW("reset", ks_cmd_reset, 1,
    NOSCRIPT|LOAD|FAST|NO_AUTH|BUSY|ALONE|OPEN|ATONCE|BETWEEN, CONNECTION,
    NO_KEYS,
    "connection", "6.2.0", "O(1)",
    "Makes the connection as it was when it came.")
