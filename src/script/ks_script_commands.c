/*
 * The commands of this layer: their rows, and those that only tell of others.
 */

#include "commands/ks_args.h"
#include "commands/ks_row_words.h"
#include "script/ks_script_handlers.h"
#include "script/ks_script.h"


static const ks_command_t  ks_script_rows[] = {
#include "script/ks_rows_scripting.h"
    { .name = NULL }
};


int
ks_script_init(void)
{
    return ks_commands_add(ks_script_rows);
}


void
ks_handle_script_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "EXISTS <sha1> [<sha1> ...]",
        "    Which of the scripts are known.",
        "FLUSH [ASYNC|SYNC]",
        "    Forgets all scripts.",
        "KILL",
        "    Ends the script that is running, and rolls it back.",
        "LOAD <script>",
        "    Makes a script known without running it.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}


void
ks_handle_function_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "LOAD [REPLACE] <library code>",
        "    Makes the functions of a library known.",
        "DELETE <library name>",
        "    Forgets a library and its functions.",
        "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
        "    The libraries, and what is in them.",
        "STATS",
        "    How many there are, and which function runs.",
        "KILL",
        "    Ends the function that is running, and rolls it back.",
        "FLUSH [ASYNC|SYNC]",
        "    Forgets all libraries.",
        "DUMP",
        "    All libraries in a form that RESTORE takes.",
        "RESTORE <dump> [FLUSH|APPEND|REPLACE]",
        "    Makes the libraries of a dump known.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
