/*
 * Sync tokens: how far a zone is, as text for its clients.
 *
 * A token is the name of a history and a place in it.  Of a primary that is its
 * id and the offset of its stream; of a zone that follows, its upstream's; of
 * one that holds what was asked for (mode=near), a name and a counter of its
 * own.  Whoever brings a token wants to see at least what had happened by then.
 *
 * What a zone does with a token of a history that it does not go by is the
 * host's matter (ks_far_t.sync).
 */

#ifndef KS_SYNC_TOKEN_H
#define KS_SYNC_TOKEN_H

#include "commands/ks_command_table.h"


typedef struct {
    u_char    id[KS_REPLID];            /* hexadecimal digits */
    uint64_t  n;
} ks_sync_token_t;

/* bytes of a token's text at most, without a NUL */
#define KS_SYNC_TOKEN  (KS_REPLID + 1 + 20)


/* KS_ERR: the text is no token of this form. */
int ks_sync_token_read(const ks_str_t *text, ks_sync_token_t *token);

/* Writes the text; returns its length. */
size_t ks_sync_token_write(const ks_sync_token_t *token,
    u_char text[KS_SYNC_TOKEN]);

/*
 * The zone's own, of all that was seen of it so far.  KS_NONE: it is neither a
 * primary nor an edge, and all its clients see everything.
 */
int ks_sync_token_own(ks_space_t *sp, ks_sync_token_t *token);

#define KS_ERR_SYNC_TOKEN  "ERR it is no sync token"

#endif /* KS_SYNC_TOKEN_H */
