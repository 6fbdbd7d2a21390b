/*
 * Rows of the command table: users.  Not a header of its own; see
 * ks_command_table.c, and ks_handlers.h.
 */

PARENT_ROW("acl", -2, PARENT, 0, NO_KEYS,
    "server", "6.0.0", "Depends on subcommand.",
    "Is about users and their rights.")
ROW("acl|cat", ks_cmd_acl_cat, -2, NOSCRIPT|LOAD|ALONE|OPEN|SUB, 0, NO_KEYS,
    "server", "6.0.0", "O(1)",
    "Lists the categories, or the commands of one.")
ROW("acl|deluser", ks_cmd_acl_deluser, -3, ADMIN|NOSCRIPT|LOAD|LIBRARY|SUB,
    0, NO_KEYS,
    "server", "6.0.0", "O(1) for each user",
    "Deletes users, and closes their connections.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("acl|dryrun", ks_cmd_acl_dryrun, -4, ADMIN|NOSCRIPT|LOAD|LIBRARY|SUB, 0,
    NO_KEYS,
    "server", "7.0.0", "O(1)",
    "Says whether a user may run a command.")
ROW("acl|genpass", ks_cmd_acl_genpass, -2, NOSCRIPT|LOAD|ALONE|OPEN|SUB, 0,
    NO_KEYS,
    "server", "6.0.0", "O(1)",
    "Makes a password that nobody guesses.")
ROW("acl|getuser", ks_cmd_acl_getuser, 3, ADMIN|NOSCRIPT|LOAD|LIBRARY|SUB, 0,
    NO_KEYS,
    "server", "6.0.0", "O(N), N the rules of the user",
    "Tells the rights of a user.")
ROW("acl|help", ks_cmd_acl_help, 2, LOAD|ALONE|OPEN|SUB, 0, NO_KEYS,
    "server", "6.0.0", "O(1)",
    "Lists the subcommands.")
ROW("acl|list", ks_cmd_acl_list, 2, ADMIN|NOSCRIPT|LOAD|LIBRARY|SUB, 0,
    NO_KEYS,
    "server", "6.0.0", "O(N), N the number of users",
    "Lists the users with their rules.")
ROW("acl|load", ks_cmd_acl_load, 2, ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "6.0.0", "O(1)",
    "Refused: users are kept in the zone, and come by nginx's configuration.")
ROW("acl|log", ks_cmd_acl_log, -2, ADMIN|NOSCRIPT|LOAD|LIBRARY|SUB, 0,
    NO_KEYS,
    "server", "6.0.0", "O(N), N the number of entries",
    "Lists what was denied, or forgets it.")
ROW("acl|resttoken", ks_cmd_acl_resttoken, 4,
    NOSCRIPT|LOAD|LIBRARY|SECRET|SUB, 0, NO_KEYS,
    "server", "6.0.0", "O(1)",
    "Replies with what a user shows as a token over REST.")
ROW("acl|save", ks_cmd_acl_load, 2, ADMIN|NOSCRIPT|LOAD|ALONE|SUB, 0, NO_KEYS,
    "server", "6.0.0", "O(1)",
    "Refused: users are kept in the zone, and come by nginx's configuration.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("acl|setuser", ks_cmd_acl_setuser, -3,
    ADMIN|NOSCRIPT|LOAD|LIBRARY|SECRET|SUB, 0, NO_KEYS,
    "server", "6.0.0", "O(N), N the number of rules",
    "Makes a user, or changes one.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("acl|usage", ks_cmd_acl_usage, -2, NOSCRIPT|LOAD|LIBRARY|SUB, 0, NO_KEYS,
    "server", "7.2.0", "O(1)",
    "Replies with what a user has used, and may use; or begins anew.")
ROW("acl|users", ks_cmd_acl_users, 2, ADMIN|NOSCRIPT|LOAD|LIBRARY|SUB, 0,
    NO_KEYS,
    "server", "6.0.0", "O(N), N the number of users",
    "Lists the names of the users.")
ROW("acl|whoami", ks_cmd_acl_whoami, 2, NOSCRIPT|LOAD|ALONE|OPEN|SUB, 0,
    NO_KEYS,
    "server", "6.0.0", "O(1)",
    "Replies with the name of the client's user.")
