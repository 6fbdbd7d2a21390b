
/*
 * Users, as the modules of the host see them: the secret that a client shows,
 * and who it is with it.
 */


#ifndef _NGX_KEYSPACE_USER_H_INCLUDED_
#define _NGX_KEYSPACE_USER_H_INCLUDED_


#include "ngx_keyspace.h"
#include "commands/ks_rest_token.h"
#include "commands/ks_usage.h"
#include "commands/ks_users.h"


/* what became of a secret: only digests are kept */

typedef struct {
    u_char                  digest[NGX_KEYSPACE_DIGEST_LEN];
    ngx_str_t               name;       /* of the user that it names */
    u_char                  password[NGX_KEYSPACE_DIGEST_LEN];
    unsigned                given:1;
    unsigned                named:1;    /* it is of ACL RESTTOKEN's form */
} ngx_keyspace_secret_t;


/* an address that a user may come from, or may not */

typedef struct {
    ngx_array_t             cidrs;      /* of ngx_cidr_t, one */
    unsigned                all:1;
    unsigned                deny:1;
} ngx_keyspace_access_t;


/* a user of the configuration */

typedef struct {
    ngx_str_t               name;
    ngx_array_t             words;      /* of ks_str_t: its rules */
    ngx_str_t               rules;      /* these and its tokens, one a line */
    ngx_array_t             access;     /* of ngx_keyspace_access_t */
    ks_quota_t              quota;
    ngx_uint_t              metered;    /* it is counted what it uses */
} ngx_keyspace_user_conf_t;


/* its block, while it is read */

typedef struct {
    ngx_keyspace_zone_t       *zone;
    ngx_keyspace_user_conf_t  *user;
    uint64_t                   given;
} ngx_keyspace_user_block_t;


/* Lines of that block which say what the user may use. */
const char *ngx_keyspace_user_usage(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_user_rate(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_user_commands(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_user_bandwidth(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_user_memory(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
const char *ngx_keyspace_user_request(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);

/* NGX_ERROR, and a message: the zone has no meters for so many users. */
ngx_int_t ngx_keyspace_user_meters(ngx_conf_t *cf, ngx_keyspace_zone_t *kz);


/* "user" in a zone's block; the user of that name, or NULL. */
char *ngx_keyspace_user_block(ngx_conf_t *cf, ngx_keyspace_zone_t *kz);
ngx_keyspace_user_conf_t *ngx_keyspace_user_conf(ngx_keyspace_zone_t *kz,
    u_char *name, size_t len);

/* NGX_ERROR, and a message: the zone has not all users that are named. */
ngx_int_t ngx_keyspace_users_check(ngx_cycle_t *cycle,
    ngx_keyspace_zone_t *kz);

/* Whether the user may come from the address. */
ngx_uint_t ngx_keyspace_admits(ngx_keyspace_zone_t *kz, const ks_user_t *user,
    struct sockaddr *sockaddr);

/*
 * A cycle has taken over: the users of the zone are what its configuration
 * says, and those that commands have made.
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
