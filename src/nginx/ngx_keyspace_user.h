
/*
 * Users, as the modules of the host see them: the secret that a client shows,
 * and who it is with it.
 */


#ifndef _NGX_KEYSPACE_USER_H_INCLUDED_
#define _NGX_KEYSPACE_USER_H_INCLUDED_


#include "ngx_keyspace.h"
#include "commands/ks_rest_token.h"
#include "commands/ks_users.h"


/* what became of a secret: only digests are kept */

typedef struct {
    u_char                  digest[NGX_KEYSPACE_DIGEST_LEN];
    ngx_str_t               name;       /* of the user that it names */
    u_char                  password[NGX_KEYSPACE_DIGEST_LEN];
    unsigned                given:1;
    unsigned                named:1;    /* it is of ACL RESTTOKEN's form */
} ngx_keyspace_secret_t;


/*
 * A cycle has taken over: the users of the zone are what its configuration says,
 * and those that commands have made.
 */
void ngx_keyspace_users_apply(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz);

/* The accounts of this worker, with "default" as the configuration has it. */
ngx_int_t ngx_keyspace_users_open(ngx_keyspace_zone_t *kz);

/* NGX_ERROR: there is no memory, or OpenSSL will not do it. */
ngx_int_t ngx_keyspace_secret(ngx_pool_t *pool, u_char *p, size_t len,
    ngx_keyspace_secret_t *secret);

/*
 * The user that the secret makes of a client, or as whom one comes that shows
 * none (NULL), or a wrong one.  It is good until the next event, unless it is
 * held.
 */
const ks_user_t *ngx_keyspace_user(ngx_keyspace_zone_t *kz,
    ngx_keyspace_secret_t *secret);

/* ks_user_default or ks_user_reader, whose token it is; NULL: nobody's. */
const ks_user_t *ngx_keyspace_token_user(ngx_keyspace_zone_t *kz,
    u_char *digest);


#endif /* _NGX_KEYSPACE_USER_H_INCLUDED_ */
