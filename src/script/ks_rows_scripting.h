/*
 * Rows of commands: scripts and functions.  Not a header of its own; see
 * ks_script_commands.c.
 */

ROW("eval", ks_handle_eval, -3, SCRIPT, SCRIPTING,
    COUNTED(RW|ACCESS|UPDATE, 2),
    "scripting", "2.6.0", "Depends on the script",
    "Runs a script.")
ROW("eval_ro", ks_handle_eval, -3, R|SCRIPT, SCRIPTING,
    COUNTED(RO|ACCESS, 2),
    "scripting", "7.0.0", "Depends on the script",
    "Runs a script that only reads.")
ROW("evalsha", ks_handle_evalsha, -3, SCRIPT, SCRIPTING,
    COUNTED(RW|ACCESS|UPDATE, 2),
    "scripting", "2.6.0", "Depends on the script",
    "Runs a script that is known by its digest.")
ROW("evalsha_ro", ks_handle_evalsha, -3, R|SCRIPT, SCRIPTING,
    COUNTED(RO|ACCESS, 2),
    "scripting", "7.0.0", "Depends on the script",
    "Runs a script that is known by its digest and only reads.")
ROW("fcall", ks_handle_fcall, -3, SCRIPT, SCRIPTING,
    COUNTED(RW|ACCESS|UPDATE, 2),
    "scripting", "7.0.0", "Depends on the function",
    "Calls a function.")
ROW("fcall_ro", ks_handle_fcall, -3, R|SCRIPT, SCRIPTING,
    COUNTED(RO|ACCESS, 2),
    "scripting", "7.0.0", "Depends on the function",
    "Calls a function that only reads.")
PARENT_ROW("function", -2, PARENT, 0, NO_KEYS,
    "scripting", "7.0.0", "Depends on subcommand",
    "Loads functions, lists and forgets them.")
ROW("function|delete", ks_handle_function_delete, 3, W|NOSCRIPT|LIBRARY|SUB,
    SCRIPTING, NO_KEYS,
    "scripting", "7.0.0", "O(1)",
    "Forgets a library and its functions.",
    .tips = ALL_SHARDS " response_policy:all_succeeded")
ROW("function|dump", ks_handle_function_dump, 2, NOSCRIPT|LIBRARY|SUB,
    SCRIPTING, NO_KEYS,
    "scripting", "7.0.0", "O(N), N the number of functions",
    "Replies with all libraries in a form that can be restored.")
ROW("function|flush", ks_handle_function_flush, -2, W|NOSCRIPT|LIBRARY|SUB,
    SCRIPTING, NO_KEYS,
    "scripting", "7.0.0", "O(N), N the number of functions",
    "Forgets all libraries.",
    .tips = ALL_SHARDS " response_policy:all_succeeded")
ROW("function|help", ks_handle_function_help, 2, LOAD|ALONE|OPEN|SUB, SCRIPTING,
    NO_KEYS,
    "scripting", "7.0.0", "O(1)",
    "Lists the subcommands.")
ROW("function|kill", ks_handle_kill, 2, NOSCRIPT|BUSY|ALONE|SUB,
    SCRIPTING, NO_KEYS,
    "scripting", "7.0.0", "O(1)",
    "Ends the function that is running.",
    .tips = ALL_SHARDS " response_policy:one_succeeded")
ROW("function|list", ks_handle_function_list, -2, NOSCRIPT|LIBRARY|SUB,
    SCRIPTING, NO_KEYS,
    "scripting", "7.0.0", "O(N), N the number of functions",
    "Lists the libraries and their functions.",
    .tips = "nondeterministic_output_order")
ROW("function|load", ks_handle_function_load, -3, W|OOM|NOSCRIPT|LIBRARY|SUB,
    SCRIPTING, NO_KEYS,
    "scripting", "7.0.0", "O(1)",
    "Makes the functions of a library known.",
    .tips = ALL_SHARDS " response_policy:all_succeeded")
ROW("function|restore", ks_handle_function_restore, -3,
    W|OOM|NOSCRIPT|LIBRARY|SUB, SCRIPTING, NO_KEYS,
    "scripting", "7.0.0", "O(N), N the number of functions",
    "Makes the libraries of a dump known.",
    .tips = ALL_SHARDS " response_policy:all_succeeded")
ROW("function|stats", ks_handle_function_stats, 2, NOSCRIPT|BUSY|LIBRARY|SUB,
    SCRIPTING, NO_KEYS,
    "scripting", "7.0.0", "O(1)",
    "Counts libraries and functions.",
    .tips = "nondeterministic_output " ALL_SHARDS " response_policy:special")
PARENT_ROW("script", -2, PARENT, 0, NO_KEYS,
    "scripting", "2.6.0", "Depends on subcommand",
    "Loads scripts and forgets them.")
ROW("script|exists", ks_handle_script_exists, -3, NOSCRIPT|LIBRARY|SUB,
    SCRIPTING, NO_KEYS,
    "scripting", "2.6.0", "O(N), N the number of scripts asked for",
    "Says which scripts are known.",
    .tips = ALL_SHARDS " response_policy:agg_logical_and")
ROW("script|flush", ks_handle_script_flush, -2, NOSCRIPT|LIBRARY|SUB, SCRIPTING,
    NO_KEYS,
    "scripting", "2.6.0", "O(N), N the number of scripts",
    "Forgets all scripts.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
ROW("script|help", ks_handle_script_help, 2, LOAD|ALONE|OPEN|SUB, SCRIPTING,
    NO_KEYS,
    "scripting", "5.0.0", "O(1)",
    "Lists the subcommands.")
ROW("script|kill", ks_handle_kill, 2, NOSCRIPT|BUSY|ALONE|SUB, SCRIPTING,
    NO_KEYS,
    "scripting", "2.6.0", "O(1)",
    "Ends the script that is running.",
    .tips = ALL_SHARDS " response_policy:one_succeeded")
ROW("script|load", ks_handle_script_load, 3, NOSCRIPT|STALE|LIBRARY|SUB,
    SCRIPTING, NO_KEYS,
    "scripting", "2.6.0", "O(N), N the length of the script",
    "Makes a script known without running it.",
    .tips = "request_policy:all_nodes response_policy:all_succeeded")
