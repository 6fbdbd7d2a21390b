/*
 * CONFIG: the commands.  What can be asked for and set is ks_param.h's.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_param.h"
#include "types/ks_glob.h"


/* --- CONFIG GET --- */

static int
ks_param_is_pattern(const ks_str_t *arg)
{
    return memchr(arg->data, '*', arg->len) || memchr(arg->data, '?', arg->len)
           || memchr(arg->data, '[', arg->len);
}


/* Whether the row is asked for, and by which name, as it was spelled. */

static int
ks_param_wanted(const ks_param_t *p, int argc, ks_str_t *argv, ks_str_t *name)
{
    int       i;
    ks_str_t  own;

    own = ks_text(p->name);

    for (i = 2; i < argc; i++) {
        if (ks_glob(&argv[i], &own, 1)) {
            *name = ks_param_is_pattern(&argv[i]) ? own : argv[i];
            return 1;
        }
    }

    return 0;
}


static const char *
ks_param_value(ks_ctx_t *c, const ks_param_t *p, char text[KS_PARAM_TEXT])
{
    if (p->get != NULL) {
        p->get(p, ks_space_zone(c->space), text);
        return text;
    }

    if (p->tell != NULL) {
        p->tell(p, c->client, text);
        return text;
    }

    return p->value;
}


void
ks_cmd_config_get(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    char               text[KS_PARAM_TEXT];
    size_t             i, n;
    ks_str_t           name;
    const ks_param_t  *p;

    ks_reply_deferred(c->reply, KS_AGG_MAP);

    for (n = 0, i = 0; i < ks_nparams; i++) {
        p = &ks_params[i];

        if (!ks_param_wanted(p, argc, argv, &name)) {
            continue;
        }

        ks_reply_bulk(c->reply, name.data, name.len);
        ks_reply_cstr(c->reply, ks_param_value(c, p, text));
        n++;
    }

    ks_reply_close(c->reply, n);
}


/* --- CONFIG SET --- */

typedef struct {
    const ks_param_t  *param;
    int64_t            v;
} ks_param_change_t;


static void
ks_config_failed(ks_ctx_t *c, const ks_param_t *p, const char *why)
{
    ks_reply_errorf(c->reply, "ERR CONFIG SET failed (possibly related to "
                    "argument '%s') - %s", p->name, why);
}


/* Whether a setting has that value already. */

static int
ks_config_holds(ks_ctx_t *c, const ks_param_t *p, const ks_str_t *value)
{
    char      text[KS_PARAM_TEXT];
    ks_str_t  is;

    is = ks_text(ks_param_value(c, p, text));

    return ks_str_same(&is, value);
}


/*
 * The row of a name, the changes before which have been looked at; NULL.  What
 * is fixed may be set to what it is.
 */

static const ks_param_t *
ks_config_param(ks_ctx_t *c, const ks_str_t *name, const ks_str_t *value,
    const ks_param_change_t *changes, int n)
{
    int                i;
    const ks_param_t  *p;

    p = ks_param_find(name);

    if (p == NULL) {
        ks_reply_errorf(c->reply, "ERR Unknown option or number of arguments "
                        "for CONFIG SET - '%.*s'", (int) ks_min(name->len, 128),
                        (char *) name->data);
        return NULL;
    }

    if (p->parse == NULL && !ks_config_holds(c, p, value)) {
        ks_config_failed(c, p, "can't set immutable config");
        return NULL;
    }

    for (i = 0; i < n; i++) {
        if (changes[i].param == p) {
            ks_config_failed(c, p, "duplicate parameter");
            return NULL;
        }
    }

    return p;
}


/* All names are looked at before any value, all values before any is set. */

void
ks_cmd_config_set(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                 i, n;
    const char         *why;
    const ks_param_t   *p;
    ks_param_change_t  *changes;

    if (argc % 2 != 0) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    n = (argc - 2) / 2;
    changes = ks_arena_alloc(c->space, (size_t) n * sizeof(ks_param_change_t));

    for (i = 0; i < n; i++) {
        changes[i].param = ks_config_param(c, &argv[2 + 2 * i],
                                           &argv[3 + 2 * i], changes, i);

        if (changes[i].param == NULL) {
            return;
        }
    }

    for (i = 0; i < n; i++) {
        p = changes[i].param;

        if (p->parse == NULL) {
            continue;
        }

        why = p->parse(p, &argv[3 + 2 * i], &changes[i].v);

        if (why != NULL) {
            ks_config_failed(c, p, why);
            return;
        }
    }

    for (i = 0; i < n; i++) {
        p = changes[i].param;

        if (p->set != NULL) {
            p->set(p, ks_space_zone(c->space), changes[i].v);
        }
    }

    ks_reply_ok(c->reply);
}


/* --- the others --- */

void
ks_cmd_config_resetstat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_metrics_reset(ks_space_zone(c->space));

    if (ks_space_stats(c->space) != NULL) {
        ks_stats_reset(ks_space_stats(c->space));
    }

    ks_reply_ok(c->reply);
}


void
ks_cmd_config_rewrite(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_error(c->reply, "ERR The server is running without a config file");
}


void
ks_cmd_config_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    The settings whose names match one of the patterns.",
        "RESETSTAT",
        "    Sets the counters that INFO shows back to zero.",
        "REWRITE",
        "    Refused: the configuration is that of nginx.",
        "SET <setting> <value> [<setting> <value> ...]",
        "    Changes settings, until nginx is reloaded.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
