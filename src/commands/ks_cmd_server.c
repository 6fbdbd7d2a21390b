/*
 * The server and the connection to it: PING, ECHO, SELECT, TIME, CONFIG,
 * MODULE.
 *
 * The configuration is nginx's: CONFIG shows what of it has a name in Redis,
 * and changes nothing.
 */

#include "commands/ks_args.h"
#include "commands/ks_glob.h"
#include "commands/ks_handlers.h"

#include <stdio.h>
#include <time.h>


typedef struct {
    const char   *name;
    const char   *value;            /* or, if it has to be asked for, NULL */
    void        (*get)(ks_ctx_t *c, char *text, size_t size);
} ks_param_t;


void
ks_cmd_ping(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    if (argc > 2) {
        ks_error_arity(c);

    } else if (argc == 2) {
        ks_reply_bulk(c->reply, argv[1].data, argv[1].len);

    } else {
        ks_reply_status(c->reply, "PONG");
    }
}


void
ks_cmd_echo(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    ks_reply_bulk(c->reply, argv[1].data, argv[1].len);
}


void
ks_cmd_select(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;

    if (ks_arg_db(c, &argv[1]) == KS_OK) {
        ks_reply_ok(c->reply);
    }
}


void
ks_cmd_time(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t    n;
    u_char    text[KS_INTEGER_TEXT];
    uint64_t  micros;

    (void) argc;
    (void) argv;

    micros = ks_call_micros(c->space);
    ks_reply_array(c->reply, 2);

    n = ks_integer_text(text, (int64_t) (micros / 1000000));
    ks_reply_bulk(c->reply, text, n);

    n = ks_integer_text(text, (int64_t) (micros % 1000000));
    ks_reply_bulk(c->reply, text, n);
}


static void
ks_param_maxmemory(ks_ctx_t *c, char *text, size_t size)
{
    ks_zone_stats_t  st;

    ks_zone_stats(ks_space_zone(c->space), &st);
    snprintf(text, size, "%llu", (unsigned long long) st.size);
}


static void
ks_param_policy(ks_ctx_t *c, char *text, size_t size)
{
    snprintf(text, size, "%s",
             ks_policy_name(ks_zone_policy(ks_space_zone(c->space))));
}


static void
ks_param_bulk_len(ks_ctx_t *c, char *text, size_t size)
{
    (void) c;

    snprintf(text, size, "%u", KS_STRING_MAX);
}


static const ks_param_t  ks_params[] = {
    { "appendonly",          "no", NULL },
    { "databases",           "1",  NULL },
    { "maxmemory",           NULL, ks_param_maxmemory },
    { "maxmemory-policy",    NULL, ks_param_policy },
    { "proto-max-bulk-len",  NULL, ks_param_bulk_len },
    { "save",                "",   NULL }
};


static int
ks_param_wanted(const ks_param_t *p, int argc, ks_str_t *argv)
{
    int       i;
    ks_str_t  name;

    name = ks_text(p->name);

    for (i = 2; i < argc; i++) {
        if (ks_glob(&argv[i], &name, 1)) {
            return 1;
        }
    }

    return 0;
}


void
ks_cmd_config_get(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    char               text[64];
    size_t             i, n;
    const ks_param_t  *p;

    ks_reply_deferred(c->reply, KS_AGG_MAP);

    for (n = 0, i = 0; i < ks_nelts(ks_params); i++) {
        p = &ks_params[i];

        if (!ks_param_wanted(p, argc, argv)) {
            continue;
        }

        if (p->get != NULL) {
            p->get(c, text, sizeof(text));
        }

        ks_reply_cstr(c->reply, p->name);
        ks_reply_cstr(c->reply, p->get ? text : p->value);
        n++;
    }

    ks_reply_close(c->reply, n);
}


void
ks_cmd_config_set(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_error(c->reply, "ERR CONFIG SET is not supported: the settings "
                   "are those of nginx.conf, and a reload of nginx applies "
                   "them");
}


void
ks_cmd_config_resetstat(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_metrics_reset(ks_space_zone(c->space));
    ks_reply_ok(c->reply);
}


void
ks_cmd_config_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "GET <pattern> [<pattern> ...]",
        "    The settings whose names match one of the patterns.",
        "RESETSTAT",
        "    Sets the counters that INFO shows back to zero.",
        "SET <setting> <value>",
        "    Refused: the settings are those of nginx.conf.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}


/* Modules are Redis's way to be extended; clients ask which there are. */

void
ks_cmd_module_list(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_array(c->reply, 0);
}


void
ks_cmd_module_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "LIST",
        "    The modules: none, and none can be loaded.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
