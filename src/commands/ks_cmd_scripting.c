/*
 * The commands of scripts and functions, which live in the layer above.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_scripting.h"


ks_scripting_t  ks_scripting;


/* a program may do without that layer */

static void
ks_scripting_run(ks_ctx_t *c, int argc, ks_str_t *argv, ks_handler_pt handler)
{
    if (handler == NULL) {
        ks_reply_error(c->reply, "ERR there are no scripts here");
        return;
    }

    handler(c, argc, argv);
}


#define KS_SCRIPTING(name)                                                    \
    void                                                                      \
    ks_cmd_##name(ks_ctx_t *c, int argc, ks_str_t *argv)                      \
    {                                                                         \
        ks_scripting_run(c, argc, argv, ks_scripting.name);                   \
    }

KS_SCRIPTING(eval)
KS_SCRIPTING(eval_ro)
KS_SCRIPTING(evalsha)
KS_SCRIPTING(evalsha_ro)
KS_SCRIPTING(script_exists)
KS_SCRIPTING(script_flush)
KS_SCRIPTING(script_kill)
KS_SCRIPTING(script_load)
KS_SCRIPTING(fcall)
KS_SCRIPTING(fcall_ro)
KS_SCRIPTING(function_delete)
KS_SCRIPTING(function_dump)
KS_SCRIPTING(function_flush)
KS_SCRIPTING(function_kill)
KS_SCRIPTING(function_list)
KS_SCRIPTING(function_load)
KS_SCRIPTING(function_restore)
KS_SCRIPTING(function_stats)


void
ks_cmd_script_help(ks_ctx_t *c, int argc, ks_str_t *argv)
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
ks_cmd_function_help(ks_ctx_t *c, int argc, ks_str_t *argv)
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
