/*
 * Commands of the stream that are about other databases than the one that was
 * selected: those that put keys into another one, and those that are about all.
 *
 * The values of other databases are not here.  Where database 0 gets some of
 * them, the zone's place in the stream is forgotten and the link ends: then all
 * keys come anew, and those that are there are read meanwhile.
 */

#include <strings.h>

#include "commands/ks_args.h"
#include "replica/ks_follow_in.h"


/* a name that no history has */
static const u_char  ks_follow_nowhere[KS_REPLID] =
    "0000000000000000000000000000000000000000";


static void
ks_follow_forget(ks_space_t *sp, void *data)
{
    ks_follow_holds(sp, data);
    ks_upstream_rename(sp, ks_follow_nowhere);
}


int
ks_follow_anew(ks_follow_t *f, const char *name, const char *why)
{
    if (ks_follow_by_itself(f, ks_follow_forget) != KS_OK) {
        return ks_follow_undone(f);
    }

    return ks_follow_fail(f, "\"%s\" %s: all keys are to come anew", name,
                          why);
}


static int
ks_follow_given(ks_follow_t *f, const char *name)
{
    return ks_follow_anew(f, name,
                          "has given database 0 the keys of another one");
}


/* the number of a database, or -1: the command is not sound */

static int64_t
ks_follow_database(const ks_str_t *arg)
{
    uint64_t  n;

    return (ks_parse_uint(arg, &n) == KS_OK && n <= INT32_MAX) ? (int64_t) n
                                                               : -1;
}


static int
ks_follow_swapdb(ks_follow_t *f, const ks_str_t *argv)
{
    int64_t  a, b;

    a = ks_follow_database(&argv[1]);
    b = ks_follow_database(&argv[2]);

    return (a == 0) == (b == 0) ? KS_NONE : ks_follow_given(f, "SWAPDB");
}


/* A key that has left database 0 is deleted: "DEL key key". */

static int
ks_follow_move(ks_follow_t *f, const ks_command_t **cmd, ks_str_t *argv)
{
    int64_t  to;

    to = ks_follow_database(&argv[2]);

    if (f->db != 0) {
        return to == 0 ? ks_follow_given(f, "MOVE") : KS_NONE;
    }

    argv[0] = ks_text("DEL");
    argv[2] = argv[1];
    *cmd = ks_command_find(3, argv);

    return KS_OK;
}


static int
ks_follow_copy(ks_follow_t *f, int argc, const ks_str_t *argv)
{
    int      i;
    int64_t  to;

    to = f->db;

    for (i = 3; i + 1 < argc; i++) {
        if (ks_arg_is(&argv[i], "db")) {
            to = ks_follow_database(&argv[i + 1]);
        }
    }

    if (f->db != 0) {
        return to == 0 ? ks_follow_given(f, "COPY") : KS_NONE;
    }

    return to == 0 ? KS_AGAIN : KS_NONE;
}


/* those that have nothing to do with databases, or with all of them */

static int
ks_follow_everywhere(const ks_command_t *cmd)
{
    return (cmd->acl & (KS_ACL_SCRIPTING|KS_ACL_PUBSUB))
           || strcmp(cmd->name, "flushall") == 0;
}


int
ks_follow_across(ks_follow_t *f, const ks_command_t **cmd, int argc,
    ks_str_t *argv)
{
    const char  *name;

    name = (*cmd)->name;

    if (argc == 3 && strcmp(name, "swapdb") == 0) {
        return ks_follow_swapdb(f, argv);
    }

    if (argc == 3 && strcmp(name, "move") == 0) {
        return ks_follow_move(f, cmd, argv);
    }

    if (strcmp(name, "copy") == 0) {
        return ks_follow_copy(f, argc, argv);
    }

    return (f->db != 0 && ks_follow_everywhere(*cmd)) ? KS_OK : KS_AGAIN;
}
