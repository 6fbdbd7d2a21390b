/*
 * FUNCTION LOAD without a client of anybody's, and what it says: the name of
 * the library, or an error.
 */

#include <stdio.h>

#include "commands/ks_command.h"
#include "persist/ks_load_library.h"


/* what the last call has said */
static ks_reply_why_t  ks_load_said;
static char            ks_load_text[KS_WHY_MAX + 1];


int
ks_load_library_text(ks_space_t *sp, const ks_str_t *text, const char **err)
{
    ks_str_t     argv[3] = { ks_str("FUNCTION"), ks_str("LOAD"), *text };
    ks_ahead_t   a = ks_ahead(3, argv);
    ks_client_t  client;

    ks_reply_why(&ks_load_said);
    ks_client_init(&client, sp, &ks_user_default);
    client.obeys = 1;

    (void) ks_execute(&client, &a, &ks_load_said.reply);

    (void) snprintf(ks_load_text, sizeof(ks_load_text), "%.*s",
                    (int) ks_load_said.len, (char *) ks_load_said.text);
    *err = ks_load_text;

    return ks_load_said.reply.failed ? KS_ERR : KS_OK;
}
