/*
 * Tokens for REST that name their user: what ACL RESTTOKEN replies with.
 *
 * Such a token is a name and a password in base64url, behind a mark; so nothing
 * is kept of it, and it is good for as long as the password is.
 */

#ifndef KS_REST_TOKEN_H
#define KS_REST_TOKEN_H

#include "keyspace/ks_handle.h"


/* A token of the arena; the name has 255 bytes at most. */
ks_str_t ks_rest_token(ks_space_t *sp, const ks_str_t *name,
    const ks_str_t *password);

/* Whether it may be one, at a glance. */
int ks_rest_token_may(const ks_str_t *token);

/*
 * The name and the password of a token, in buf, which has as many bytes as the
 * token.  KS_ERR: it is no such token.
 */
int ks_rest_token_split(const ks_str_t *token, u_char *buf, ks_str_t *name,
    ks_str_t *password);


#endif /* KS_REST_TOKEN_H */
