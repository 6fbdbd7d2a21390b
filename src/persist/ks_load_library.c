/*
 * FUNCTION LOAD without a client of anybody's, and what it says: the name of
 * the library, or an error.
 */

#include <stdio.h>

#include "commands/ks_command.h"
#include "persist/ks_load_library.h"


/* what the last call has said */
static char  ks_load_said[256];


static void
ks_load_reply_error(ks_reply_t *r, const u_char *p, size_t len)
{
    r->failed = 1;
    (void) snprintf(ks_load_said, sizeof(ks_load_said), "%.*s", (int) len, p);
}


static void
ks_load_reply_name(ks_reply_t *r, const u_char *p, size_t len)
{
    (void) r;
    (void) p;
    (void) len;
}


static void
ks_load_reply_mark(ks_reply_t *r)
{
    r->failed = 0;
}


static const ks_reply_ops_t  ks_load_reply_ops = {
    .error = ks_load_reply_error,
    .bulk = ks_load_reply_name,
    .mark = ks_load_reply_mark,
    .rewind = ks_load_reply_mark
};


int
ks_load_library_text(ks_space_t *sp, const ks_str_t *text, const char **err)
{
    ks_str_t     argv[3] = { ks_str("FUNCTION"), ks_str("LOAD"), *text };
    ks_reply_t   reply;
    ks_ahead_t   a = ks_ahead(3, argv);
    ks_client_t  client;

    memset(&reply, 0, sizeof(reply));
    reply.ops = &ks_load_reply_ops;

    ks_client_init(&client, sp, &ks_user_default);

    (void) ks_execute(&client, &a, &reply);

    *err = ks_load_said;

    return reply.failed ? KS_ERR : KS_OK;
}
