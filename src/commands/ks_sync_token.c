/*
 * Sync tokens, and KEYSPACE.SYNC, by which clients of RESP have them.
 */

#include <stdio.h>

#include "commands/ks_args.h"
#include "commands/ks_far.h"
#include "commands/ks_handlers.h"
#include "commands/ks_sync_token.h"
#include "keyspace/ks_primary.h"


static int
ks_sync_token_digit(u_char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}


int
ks_sync_token_read(const ks_str_t *text, ks_sync_token_t *token)
{
    size_t    i;
    int64_t   n;
    ks_str_t  number;

    if (text->len < KS_REPLID + 2 || text->data[KS_REPLID] != ':') {
        return KS_ERR;
    }

    for (i = 0; i < KS_REPLID; i++) {
        if (!ks_sync_token_digit(text->data[i])) {
            return KS_ERR;
        }
    }

    number.data = text->data + KS_REPLID + 1;
    number.len = text->len - KS_REPLID - 1;

    if (ks_parse_int(&number, &n) != KS_OK || n < 0) {
        return KS_ERR;
    }

    memcpy(token->id, text->data, KS_REPLID);
    token->n = (uint64_t) n;

    return KS_OK;
}


size_t
ks_sync_token_write(const ks_sync_token_t *token, u_char text[KS_SYNC_TOKEN])
{
    int   n;
    char  number[24];

    n = snprintf(number, sizeof(number), ":%llu",
                 (unsigned long long) token->n);

    memcpy(text, token->id, KS_REPLID);
    memcpy(text + KS_REPLID, number, (size_t) n);

    return KS_REPLID + (size_t) n;
}


/* A primary's own history is known to its edges, and to the zone itself. */

int
ks_sync_token_own(ks_space_t *sp, ks_sync_token_t *token)
{
    ks_far_t            *far;
    ks_primary_state_t   st;

    if (ks_primary_on(sp)) {
        ks_primary_settings(ks_space_zone(sp), &st);
        memcpy(token->id, st.id, KS_REPLID);
        token->n = ks_primary_shown(sp, ks_primary_offset(sp));
        return KS_OK;
    }

    far = ks_space_far(sp);

    return (far != NULL && far->position != NULL)
           ? far->position(far, token) : KS_NONE;
}


/*
 * KEYSPACE.SYNC [token [milliseconds]]: where the zone is; it has waited for
 * the token by now (ks_far_take()).
 */

void
ks_cmd_keyspace_sync(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t           n;
    u_char           text[KS_SYNC_TOKEN];
    int64_t          ms;
    ks_sync_token_t  token;

    if (argc > 1 && ks_sync_token_read(&argv[1], &token) != KS_OK) {
        ks_reply_error(c->reply, KS_ERR_SYNC_TOKEN);
        return;
    }

    if (argc > 2 && ks_arg_int(c, &argv[2], &ms, NULL) != KS_OK) {
        return;
    }

    if (argc > 3) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (ks_sync_token_own(c->space, &token) != KS_OK) {
        ks_reply_null(c->reply);
        return;
    }

    n = ks_sync_token_write(&token, text);
    ks_reply_bulk(c->reply, text, n);
}
