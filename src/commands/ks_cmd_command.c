/*
 * COMMAND: the table as clients see it.
 */

#include "commands/ks_args.h"
#include "types/ks_glob.h"
#include "commands/ks_handlers.h"
#include "commands/ks_syntax.h"


typedef struct {
    unsigned       bit;
    const char    *name;
} ks_flag_name_t;

typedef enum {
    KS_FILTER_NONE = 0,
    KS_FILTER_ACL,
    KS_FILTER_PATTERN
} ks_filter_t;


static const ks_flag_name_t  ks_flag_names[] = {
    { KS_CMD_WRITE,      "write" },
    { KS_CMD_READONLY,   "readonly" },
    { KS_CMD_DENYOOM,    "denyoom" },
    { KS_CMD_ADMIN,      "admin" },
    { KS_CMD_PUBSUB,     "pubsub" },
    { KS_CMD_NOSCRIPT,   "noscript" },
    { KS_CMD_BLOCKING,   "blocking" },
    { KS_CMD_LOADING,    "loading" },
    { KS_CMD_STALE,      "stale" },
    { KS_CMD_FAST,       "fast" },
    { KS_CMD_NO_MONITOR, "skip_monitor" },
    { KS_CMD_NO_SLOWLOG, "skip_slowlog" },
    { KS_CMD_NO_AUTH,    "no_auth" },
    { KS_CMD_BUSY,       "allow_busy" },
    { KS_CMD_KEYLESS,    "no_mandatory_keys" },
    { KS_CMD_NO_MULTI,   "no_multi" },
    { KS_CMD_NO_ASYNC_LOADING, "no_async_loading" },
    { KS_CMD_MOVABLE,    "movablekeys" },
    { 0, NULL }
};

/* the @ is not part of the name in COMMAND LIST FILTERBY ACLCAT */

static const ks_flag_name_t  ks_acl_names[] = {
    { KS_ACL_KEYSPACE,   "@keyspace" },
    { KS_ACL_READ,       "@read" },
    { KS_ACL_WRITE,      "@write" },
    { KS_ACL_STRING,     "@string" },
    { KS_ACL_BITMAP,     "@bitmap" },
    { KS_ACL_ADMIN,      "@admin" },
    { KS_ACL_FAST,       "@fast" },
    { KS_ACL_SLOW,       "@slow" },
    { KS_ACL_DANGEROUS,  "@dangerous" },
    { KS_ACL_CONNECTION, "@connection" },
    { KS_ACL_LIST,       "@list" },
    { KS_ACL_HASH,       "@hash" },
    { KS_ACL_SET,        "@set" },
    { KS_ACL_ZSET,       "@sortedset" },
    { KS_ACL_GEO,        "@geo" },
    { KS_ACL_HLL,        "@hyperloglog" },
    { KS_ACL_TRANSACT,   "@transaction" },
    { KS_ACL_BLOCKING,   "@blocking" },
    { KS_ACL_SCRIPTING,  "@scripting" },
    { KS_ACL_PUBSUB,     "@pubsub" },
    { KS_ACL_STREAM,     "@stream" },
    { KS_ACL_JSON,       "@json" },
    { 0, NULL }
};

static const ks_flag_name_t  ks_key_names[] = {
    { KS_KEY_RO,         "RO" },
    { KS_KEY_RW,         "RW" },
    { KS_KEY_OW,         "OW" },
    { KS_KEY_RM,         "RM" },
    { KS_KEY_ACCESS,     "access" },
    { KS_KEY_UPDATE,     "update" },
    { KS_KEY_INSERT,     "insert" },
    { KS_KEY_DELETE,     "delete" },
    { KS_KEY_VARIABLE,   "variable_flags" },
    { KS_KEY_NOT,        "not_key" },
    { KS_KEY_INCOMPLETE, "incomplete" },
    { 0, NULL }
};


static void ks_command_reply_info(ks_reply_t *r, const ks_command_t *cmd);
static void ks_command_reply_docs(ks_reply_t *r, const ks_command_t *cmd);


static inline int
ks_command_is_top(const ks_command_t *cmd)
{
    return !(cmd->flags & KS_CMD_SUB);
}


static size_t
ks_command_count_subs(const ks_command_t *parent)
{
    size_t               n;
    const ks_command_t  *cmd;

    n = 0;

    for (cmd = ks_command_sub(parent, NULL);
         cmd != NULL;
         cmd = ks_command_sub(parent, cmd))
    {
        n++;
    }

    return n;
}


static size_t
ks_command_count_top(void)
{
    size_t               i, n;
    const ks_command_t  *cmd;

    n = 0;

    for (i = 0; (cmd = ks_command_row(i)) != NULL; i++) {
        n += ks_command_is_top(cmd);
    }

    return n;
}


static void
ks_reply_flags(ks_reply_t *r, const ks_flag_name_t *names, unsigned flags)
{
    size_t                 n;
    const ks_flag_name_t  *f;

    for (n = 0, f = names; f->name != NULL; f++) {
        n += (flags & f->bit) != 0;
    }

    ks_reply_set(r, n);

    for (f = names; f->name != NULL; f++) {
        if (flags & f->bit) {
            ks_reply_status(r, f->name);
        }
    }
}


static void
ks_reply_tips(ks_reply_t *r, const char *tips)
{
    size_t  n, len;

    ks_reply_deferred(r, KS_AGG_SET);

    for (n = 0; tips != NULL && *tips != '\0'; n++) {
        len = strcspn(tips, " ");
        ks_reply_bulk(r, tips, len);
        tips += len;
        tips += (*tips == ' ');
    }

    ks_reply_close(r, n);
}


static void
ks_reply_field(ks_reply_t *r, const char *name, const char *value)
{
    ks_reply_cstr(r, name);
    ks_reply_cstr(r, value);
}


static void
ks_reply_range(ks_reply_t *r, int last, int step, int limit)
{
    ks_reply_cstr(r, "range");
    ks_reply_cstr(r, "spec");
    ks_reply_map(r, 3);
    ks_reply_cstr(r, "lastkey");
    ks_reply_integer(r, last);
    ks_reply_cstr(r, "keystep");
    ks_reply_integer(r, step);
    ks_reply_cstr(r, "limit");
    ks_reply_integer(r, limit);
}


static void
ks_reply_counted(ks_reply_t *r, int step)
{
    ks_reply_cstr(r, "keynum");
    ks_reply_cstr(r, "spec");
    ks_reply_map(r, 3);
    ks_reply_cstr(r, "keynumidx");
    ks_reply_integer(r, 0);
    ks_reply_cstr(r, "firstkey");
    ks_reply_integer(r, 1);
    ks_reply_cstr(r, "keystep");
    ks_reply_integer(r, step);
}


/* where the search for keys begins: at an index, or behind a word */

static void
ks_reply_begin(ks_reply_t *r, const char *word, int from)
{
    ks_reply_cstr(r, "begin_search");
    ks_reply_map(r, 2);
    ks_reply_field(r, "type", word ? "keyword" : "index");
    ks_reply_cstr(r, "spec");
    ks_reply_map(r, word ? 2 : 1);

    if (word) {
        ks_reply_field(r, "keyword", word);
    }

    ks_reply_cstr(r, word ? "startfrom" : "index");
    ks_reply_integer(r, from);
}


/* Redis counts the last key of a range from its first one */

static void
ks_reply_keyrange(ks_reply_t *r, const ks_keyrange_t *range)
{
    const char  *word;

    word = (range->last != KS_KEYS_STREAMS) ? NULL
           : ks_keyrange_named(range) ? "KEYS" : "STREAMS";

    ks_reply_map(r, 3);

    ks_reply_cstr(r, "flags");
    ks_reply_flags(r, ks_key_names, range->flags);

    ks_reply_begin(r, word, range->first);

    ks_reply_cstr(r, "find_keys");
    ks_reply_map(r, 2);
    ks_reply_cstr(r, "type");

    if (range->last == KS_KEYS_COUNTED) {
        ks_reply_counted(r, range->step);

    } else if (range->last == KS_KEYS_STREAMS) {
        ks_reply_range(r, -1, range->step, ks_keyrange_named(range) ? 0 : 2);

    } else {
        ks_reply_range(r, range->last < 0 ? range->last
                                          : range->last - range->first,
                       range->step, 0);
    }
}


/* STORE or STOREDIST: the one key behind the word */

static void
ks_reply_stored(ks_reply_t *r, const char *word, int from)
{
    ks_reply_map(r, 3);

    ks_reply_cstr(r, "flags");
    ks_reply_flags(r, ks_key_names, KS_KEY_OW|KS_KEY_UPDATE);

    ks_reply_begin(r, word, from);

    ks_reply_cstr(r, "find_keys");
    ks_reply_map(r, 2);
    ks_reply_cstr(r, "type");
    ks_reply_range(r, 0, 1, 0);
}


/* BY and GET name keys that are made of what is sorted; STORE is anywhere */

static void
ks_reply_unknown(ks_reply_t *r, unsigned flags)
{
    unsigned  i;

    static const char *const  parts[] = { "begin_search", "find_keys" };

    ks_reply_map(r, 3);
    ks_reply_cstr(r, "flags");
    ks_reply_flags(r, ks_key_names, flags);

    for (i = 0; i < ks_nelts(parts); i++) {
        ks_reply_cstr(r, parts[i]);
        ks_reply_map(r, 2);
        ks_reply_field(r, "type", "unknown");
        ks_reply_cstr(r, "spec");
        ks_reply_map(r, 0);
    }
}


static size_t
ks_command_ranges(const ks_command_t *cmd)
{
    size_t  n;

    for (n = 0; n < KS_CMD_KEYS && cmd->keys[n].first != 0; n++) {
        /* void */
    }

    return n;
}


/*
 * The ranges as COMMAND shows them, in shown if they are not those of the row:
 * a key, and those behind a word that is looked for from the last but one on.
 */

static const ks_keyrange_t *
ks_command_shown(const ks_command_t *cmd, ks_keyrange_t *shown, size_t *n)
{
    *n = ks_command_ranges(cmd);

    if (*n == 0 || !ks_keyrange_named(&cmd->keys[0])) {
        return cmd->keys;
    }

    shown[0] = cmd->keys[0];
    shown[0].first = (int8_t) -cmd->keys[0].first;
    shown[0].last = shown[0].first;

    shown[1] = cmd->keys[0];
    shown[1].flags |= KS_KEY_INCOMPLETE;
    shown[1].first = -2;
    *n = 2;

    return shown;
}


static void
ks_command_reply_infos(ks_reply_t *r, const ks_command_t *parent)
{
    const ks_command_t  *cmd;

    ks_reply_array(r, ks_command_count_subs(parent));

    for (cmd = ks_command_sub(parent, NULL);
         cmd != NULL;
         cmd = ks_command_sub(parent, cmd))
    {
        ks_command_reply_info(r, cmd);
    }
}


static void
ks_command_reply_info(ks_reply_t *r, const ks_command_t *cmd)
{
    int                   placed;
    size_t                i, n, fixed, others;
    ks_keyrange_t         shown[2];
    const ks_keyrange_t  *keys, *first, *last;

    keys = ks_command_shown(cmd, shown, &n);

    for (fixed = 0; fixed < n; fixed++) {
        if (!ks_keyrange_fixed(&keys[fixed])) {
            break;
        }
    }

    first = fixed ? &keys[0] : &cmd->channels;
    last = fixed ? &keys[fixed - 1] : &cmd->channels;
    placed = (fixed != 0 || cmd->channels.flags != 0);
    others = (cmd->stored ? 2 : 0) + (size_t) cmd->unknown
             + (cmd->channels.flags != 0);

    ks_reply_array(r, 10);
    ks_reply_cstr(r, cmd->name);
    ks_reply_integer(r, cmd->arity);
    ks_reply_flags(r, ks_flag_names, cmd->flags);
    ks_reply_integer(r, placed ? first->first : 0);
    ks_reply_integer(r, placed ? last->last : 0);
    ks_reply_integer(r, placed ? first->step : 0);
    ks_reply_flags(r, ks_acl_names, ks_command_acl(cmd));
    ks_reply_tips(r, cmd->tips);

    ks_reply_set(r, n + others);

    for (i = 0; i < n; i++) {
        ks_reply_keyrange(r, &keys[i]);
    }

    if (cmd->channels.flags) {
        ks_reply_keyrange(r, &cmd->channels);
    }

    if (cmd->stored) {
        ks_reply_stored(r, "STORE", cmd->stored);
        ks_reply_stored(r, "STOREDIST", cmd->stored);
    }

    if (cmd->unknown > 0) {
        ks_reply_unknown(r, KS_KEY_RO|KS_KEY_ACCESS);
    }

    if (cmd->unknown > 1) {
        ks_reply_unknown(r, KS_KEY_OW|KS_KEY_UPDATE);
    }

    ks_command_reply_infos(r, cmd);
}


/* also COMMAND INFO without a name */

void
ks_cmd_command(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t               i;
    const ks_command_t  *cmd;

    (void) argc;
    (void) argv;

    ks_reply_array(c->reply, ks_command_count_top());

    for (i = 0; (cmd = ks_command_row(i)) != NULL; i++) {
        if (ks_command_is_top(cmd)) {
            ks_command_reply_info(c->reply, cmd);
        }
    }
}


void
ks_cmd_command_count(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_integer(c->reply, (int64_t) ks_command_count_top());
}


void
ks_cmd_command_info(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                  i;
    const ks_command_t  *cmd;

    if (argc == 2) {
        ks_cmd_command(c, argc, argv);
        return;
    }

    ks_reply_array(c->reply, (size_t) argc - 2);

    for (i = 2; i < argc; i++) {
        cmd = ks_command_named(&argv[i]);

        if (cmd != NULL) {
            ks_command_reply_info(c->reply, cmd);
        } else {
            ks_reply_null(c->reply);
        }
    }
}


static void
ks_command_reply_retired(ks_reply_t *r, const ks_command_t *cmd)
{
    ks_reply_cstr(r, "doc_flags");
    ks_reply_set(r, 1);
    ks_reply_status(r, "deprecated");

    ks_reply_field(r, "deprecated_since", cmd->retired);
    ks_reply_field(r, "replaced_by", cmd->instead);
}


static void
ks_command_reply_docs(ks_reply_t *r, const ks_command_t *cmd)
{
    size_t               subs;
    const char          *syntax;
    const ks_command_t  *sub;

    subs = ks_command_count_subs(cmd);
    syntax = ks_syntax_of(cmd->name);

    ks_reply_cstr(r, cmd->name);
    ks_reply_map(r, 4 + (cmd->retired ? 3 : 0) + (syntax ? 1 : 0)
                    + (subs ? 1 : 0));

    ks_reply_field(r, "summary", cmd->summary);
    ks_reply_field(r, "since", cmd->since);
    ks_reply_field(r, "group", cmd->group);
    ks_reply_field(r, "complexity", cmd->complexity);

    if (cmd->retired != NULL) {
        ks_command_reply_retired(r, cmd);
    }

    if (syntax != NULL) {
        ks_reply_cstr(r, "arguments");
        ks_syntax_reply(r, syntax);
    }

    if (subs == 0) {
        return;
    }

    ks_reply_cstr(r, "subcommands");
    ks_reply_map(r, subs);

    for (sub = ks_command_sub(cmd, NULL);
         sub != NULL;
         sub = ks_command_sub(cmd, sub))
    {
        ks_command_reply_docs(r, sub);
    }
}


void
ks_cmd_command_docs(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                  i;
    size_t               row, n;
    const ks_command_t  *cmd;

    ks_reply_deferred(c->reply, KS_AGG_MAP);

    for (n = 0, i = 2; i < argc; i++) {
        cmd = ks_command_named(&argv[i]);

        if (cmd != NULL) {
            ks_command_reply_docs(c->reply, cmd);
            n++;
        }
    }

    for (row = 0; argc == 2 && (cmd = ks_command_row(row)) != NULL; row++) {
        if (ks_command_is_top(cmd)) {
            ks_command_reply_docs(c->reply, cmd);
            n++;
        }
    }

    ks_reply_close(c->reply, n);
}


/*
 * Whether as many keys are there as the arguments say, and each that there must
 * be.  Scripts need none, and have none if their number is no good.
 */

static int
ks_command_counts_ok(const ks_command_t *cmd, int argc, const ks_str_t *argv)
{
    int     first, last;
    size_t  k;

    if (cmd->acl & KS_ACL_SCRIPTING) {
        return 1;
    }

    for (k = 0; k < ks_command_ranges(cmd); k++) {
        ks_keyrange_find(&cmd->keys[k], argc, argv, &first, &last);

        if (last < first) {
            return 0;
        }
    }

    return 1;
}


/* the row of the command that the arguments hold; NULL: an error is written */

static const ks_command_t *
ks_command_argument(ks_ctx_t *c, int argc, const ks_str_t *argv)
{
    const ks_command_t  *cmd;

    cmd = ks_command_find(argc, argv);

    if (cmd == NULL) {
        ks_reply_error(c->reply, "ERR Invalid command specified");

    } else if (cmd->keys[0].first == 0) {
        ks_reply_error(c->reply, "ERR The command has no key arguments");
        cmd = NULL;

    } else if (!ks_command_arity_ok(cmd, argc)) {
        ks_reply_error(c->reply, "ERR Invalid number of arguments specified "
                       "for command");
        cmd = NULL;

    } else if (!ks_command_counts_ok(cmd, argc, argv)) {
        ks_reply_error(c->reply, "ERR Invalid arguments specified for "
                       "command");
        cmd = NULL;
    }

    return cmd;
}


static void
ks_command_reply_key(ks_reply_t *r, const ks_str_t *key, unsigned flags,
    int with_flags)
{
    if (with_flags) {
        ks_reply_array(r, 2);
    }

    ks_reply_bulk(r, key->data, key->len);

    if (with_flags) {
        ks_reply_flags(r, ks_key_names, flags);
    }
}


/* the first key that each of the two words is followed by; how many */

static size_t
ks_command_reply_stored(ks_reply_t *r, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, int with_flags)
{
    int     i, word;
    size_t  n;

    for (n = 0, word = 0; word < 2; word++) {

        for (i = cmd->stored; i + 1 < argc; i++) {

            if (word ? ks_arg_is(&argv[i], "storedist")
                     : ks_arg_is(&argv[i], "store"))
            {
                ks_command_reply_key(r, &argv[i + 1],
                                     KS_KEY_OW|KS_KEY_UPDATE, with_flags);
                n++;
                break;
            }
        }
    }

    return n;
}


static void
ks_command_reply_keys(ks_ctx_t *c, int argc, const ks_str_t *argv,
    int with_flags)
{
    int                   i, last;
    size_t                n, k;
    unsigned              flags;
    const ks_command_t   *cmd;
    const ks_keyrange_t  *range;

    cmd = ks_command_argument(c, argc, argv);

    if (cmd == NULL) {
        return;
    }

    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    for (n = 0, k = 0; k < ks_command_ranges(cmd); k++) {
        range = &cmd->keys[k];
        flags = cmd->key_flags ? cmd->key_flags(argc, argv) : range->flags;
        ks_keyrange_find(range, argc, argv, &i, &last);

        for ( /* void */ ; i <= last; i += range->step, n++) {
            ks_command_reply_key(c->reply, &argv[i], flags, with_flags);
        }
    }

    if (cmd->stored) {
        n += ks_command_reply_stored(c->reply, cmd, argc, argv, with_flags);

    } else if (cmd->extra_key && (i = cmd->extra_key(argc, argv)) != 0) {
        ks_command_reply_key(c->reply, &argv[i], KS_KEY_OW|KS_KEY_UPDATE,
                             with_flags);
        n++;
    }

    ks_reply_close(c->reply, n);
}


void
ks_cmd_command_getkeys(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_command_reply_keys(c, argc - 2, argv + 2, 0);
}


void
ks_cmd_command_getkeysandflags(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_command_reply_keys(c, argc - 2, argv + 2, 1);
}


static unsigned
ks_acl_category(const ks_str_t *arg)
{
    ks_str_t               name;
    const ks_flag_name_t  *f;

    for (f = ks_acl_names; f->name != NULL; f++) {
        name = ks_text(f->name + 1);

        if (name.len == arg->len && ks_arg_same(arg, f->name + 1)) {
            return f->bit;
        }
    }

    return 0;
}


static int
ks_command_list_filter(ks_ctx_t *c, int argc, ks_str_t *argv,
    ks_filter_t *filter)
{
    *filter = KS_FILTER_NONE;

    if (argc == 2) {
        return KS_OK;
    }

    if (argc == 5 && ks_arg_is(&argv[2], "filterby")) {

        if (ks_arg_is(&argv[3], "aclcat")) {
            *filter = KS_FILTER_ACL;
            return KS_OK;
        }

        if (ks_arg_is(&argv[3], "pattern")) {
            *filter = KS_FILTER_PATTERN;
            return KS_OK;
        }

        /* there are no modules, so there is nothing of any of them */

        if (ks_arg_is(&argv[3], "module")) {
            ks_reply_array(c->reply, 0);
            return KS_ERR;
        }
    }

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


void
ks_cmd_command_list(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t               i, n;
    ks_str_t             name;
    unsigned             category;
    ks_filter_t          filter;
    const ks_command_t  *cmd;

    if (ks_command_list_filter(c, argc, argv, &filter) != KS_OK) {
        return;
    }

    category = (filter == KS_FILTER_ACL) ? ks_acl_category(&argv[4]) : 0;
    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    for (n = 0, i = 0; (cmd = ks_command_row(i)) != NULL; i++) {
        name = ks_text(cmd->name);

        if ((filter == KS_FILTER_ACL && !(ks_command_acl(cmd) & category))
            || (filter == KS_FILTER_PATTERN && !ks_glob(&argv[4], &name, 1)))
        {
            continue;
        }

        ks_reply_bulk(c->reply, name.data, name.len);
        n++;
    }

    ks_reply_close(c->reply, n);
}


void
ks_cmd_command_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "(no subcommand)",
        "    All commands, as INFO describes them.",
        "COUNT",
        "    How many commands there are.",
        "DOCS [<command> ...]",
        "    What the commands, or all of them, do.",
        "GETKEYS <command and its arguments>",
        "    The keys among the arguments.",
        "GETKEYSANDFLAGS <command and its arguments>",
        "    The keys, and what the command does with each.",
        "INFO [<command> ...]",
        "    Arity, flags, key positions and categories of the commands.",
        "LIST [FILTERBY (ACLCAT <category>|PATTERN <pattern>|MODULE <name>)]",
        "    The names of the commands.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
