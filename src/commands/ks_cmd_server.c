/*
 * The server and the connection to it: PING, ECHO, TIME, DEBUG, MODULE.
 */

#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_handlers.h"

#include <time.h>


void
ks_cmd_ping(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    if (argc > 2) {
        ks_error_arity(c);

    } else if (c->client->conn != NULL && c->client->conn->resp == 2
               && ks_sink_subscribes(&c->client->conn->sink))
    {
        ks_reply_array(c->reply, 2);
        ks_reply_cstr(c->reply, "pong");
        ks_reply_bulk(c->reply, argv[argc - 1].data,
                      argc == 2 ? argv[1].len : 0);

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


/* What Redis says unless its configuration enables the command. */

void
ks_cmd_debug(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_error(c->reply, "ERR DEBUG command not allowed. If the "
                   "enable-debug-command option is set to \"local\", you can "
                   "run it from a local connection, otherwise you need to set "
                   "this option in the configuration file, and then restart "
                   "the server.");
}


/*
 * By these words clients that try a Cluster first know that there is none.
 * Slots and nodes are known to Redis alone.
 */

void
ks_cmd_cluster(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_error(c->reply, "ERR This instance has cluster support disabled");
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
