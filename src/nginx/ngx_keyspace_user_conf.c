
/*
 * user NAME { ... } in a zone's block: a user with its tokens and rights, and
 * the addresses that it may come from.  Its quotas are
 * ngx_keyspace_user_quota.c's.
 *
 * Rules are applied where they stand, so that what is wrong with them is told
 * by the test of a configuration.  What comes of it is a text, which is written
 * into the zone when the cycle takes over.
 */


#include "ngx_keyspace_user.h"
#include "ngx_keyspace_param.h"


#define NGX_KEYSPACE_USER_NAME  255             /* bytes */


static char *ngx_keyspace_user_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_keyspace_user_rules(ngx_conf_t *cf,
    ngx_keyspace_zone_t *kz, ngx_keyspace_user_conf_t *u);
static const char *ngx_keyspace_user_token(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_user_rights(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_user_allow(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_user_deny(ngx_conf_t *cf, void *conf,
    ngx_str_t *value);
static const char *ngx_keyspace_user_access(ngx_conf_t *cf,
    ngx_keyspace_user_conf_t *u, ngx_str_t *value, ngx_uint_t deny);
static ngx_int_t ngx_keyspace_user_word(ngx_conf_t *cf,
    ngx_keyspace_user_conf_t *u, u_char *p, size_t len);


/* the lines of a user's block */

static ngx_keyspace_param_t  ngx_keyspace_user_lines[] = {
    ngx_keyspace_param_row("token", ngx_keyspace_user_token,
                           NGX_KEYSPACE_MANY),
    ngx_keyspace_param_row("rights", ngx_keyspace_user_rights,
                           NGX_KEYSPACE_MANY|NGX_KEYSPACE_MORE),
    ngx_keyspace_param_row("allow", ngx_keyspace_user_allow,
                           NGX_KEYSPACE_MANY),
    ngx_keyspace_param_row("deny", ngx_keyspace_user_deny, NGX_KEYSPACE_MANY),
    ngx_keyspace_param_row("usage", ngx_keyspace_user_usage, 0),
    ngx_keyspace_param_row("rate", ngx_keyspace_user_rate, NGX_KEYSPACE_MORE),
    ngx_keyspace_param_row("commands", ngx_keyspace_user_commands,
                           NGX_KEYSPACE_MANY),
    ngx_keyspace_param_row("bandwidth", ngx_keyspace_user_bandwidth,
                           NGX_KEYSPACE_MANY),
    ngx_keyspace_param_row("memory", ngx_keyspace_user_memory, 0),
    ngx_keyspace_param_row("max_request_size", ngx_keyspace_user_request, 0),
    ngx_keyspace_null_param
};


char *
ngx_keyspace_user_block(ngx_conf_t *cf, ngx_keyspace_zone_t *kz)
{
    char                       *rv;
    ngx_str_t                  *value;
    ngx_conf_t                  save;
    ngx_keyspace_user_block_t   block;

    value = cf->args->elts;

    if (value[1].len == 0 || value[1].len > NGX_KEYSPACE_USER_NAME
        || strpbrk((char *) value[1].data, " \t\r\n") != NULL)
    {
        return "needs a name without blanks, of 255 bytes at most";
    }

    if (ngx_strcmp(value[1].data, "default") == 0) {
        return "\"default\" is who has the zone's own tokens: "
               "give it another name";
    }

    if (ngx_keyspace_user_conf(kz, value[1].data, value[1].len) != NULL) {
        return "is duplicate";
    }

    block.zone = kz;
    block.given = 0;
    block.user = ngx_array_push(&kz->users);
    if (block.user == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(block.user, sizeof(ngx_keyspace_user_conf_t));
    block.user->name = value[1];

    if (ngx_array_init(&block.user->words, cf->pool, 8, sizeof(ks_str_t))
        != NGX_OK
        || ngx_array_init(&block.user->access, cf->pool, 2,
                          sizeof(ngx_keyspace_access_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_keyspace_user_line;
    /* cppcheck-suppress autoVariables ; cf is as before when it returns */
    cf->handler_conf = (void *) &block;
    kz->owner = kz->users.nelts;

    rv = ngx_conf_parse(cf, NULL);

    kz->owner = 0;
    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_keyspace_user_meters(cf, kz) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_keyspace_user_rules(cf, kz, block.user);
}


/* None of its arguments may reach a message: it may be a token. */

static char *
ngx_keyspace_user_line(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_keyspace_user_block_t *block = conf;

    return ngx_keyspace_param_line(cf, ngx_keyspace_user_lines, block,
                                   &block->given, "user");
}


static const char *
ngx_keyspace_user_token(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    if (ngx_strcmp(value->data, "off") == 0) {
        return "\"token off\" is not for a user: its rights may say \"nopass\"";
    }

    return ngx_keyspace_token(cf, block->zone, &ks_user_guest);
}


/* Rules, in one argument or in several, with blanks between them. */

static const char *
ngx_keyspace_user_rights(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    u_char      *p, *start, *last;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        p = value[i].data;
        last = p + value[i].len;

        while (p < last) {

            if (*p == ' ' || (*p >= '\t' && *p <= '\r')) {
                p++;
                continue;
            }

            start = p;

            while (p < last && *p != ' ' && !(*p >= '\t' && *p <= '\r')) {
                p++;
            }

            if (ngx_keyspace_user_word(cf, block->user, start, p - start)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


/* What stands in parentheses is one rule. */

static ngx_int_t
ngx_keyspace_user_word(ngx_conf_t *cf, ngx_keyspace_user_conf_t *u, u_char *p,
    size_t len)
{
    u_char    *text;
    ks_str_t  *word;

    word = u->words.elts;

    if (u->words.nelts != 0) {
        word += u->words.nelts - 1;

        if (word->data[0] == '(' && word->data[word->len - 1] != ')') {
            text = ngx_pnalloc(cf->pool, word->len + 1 + len);
            if (text == NULL) {
                return NGX_ERROR;
            }

            ngx_memcpy(text, word->data, word->len);
            text[word->len] = ' ';
            ngx_memcpy(text + word->len + 1, p, len);

            word->data = text;
            word->len += 1 + len;
            return NGX_OK;
        }
    }

    word = ngx_array_push(&u->words);
    if (word == NULL) {
        return NGX_ERROR;
    }

    word->data = p;
    word->len = len;

    return NGX_OK;
}


/* Whether the words of "rights" are rules; *nopass: the user has "nopass". */

static ngx_int_t
ngx_keyspace_user_judge(ngx_conf_t *cf, ngx_keyspace_user_conf_t *u,
    ngx_uint_t *nopass)
{
    ks_acl_t     acl;
    ks_str_t     bad;
    const char  *wrong;

    ks_acl_init(&acl, NULL);
    wrong = ks_acl_apply(&acl, (int) u->words.nelts, u->words.elts, &bad);
    *nopass = acl.nopass;
    ks_acl_done(&acl);

    if (wrong == NULL) {
        return NGX_OK;
    }

    if (bad.len != 0 && ngx_strchr(">#<!", bad.data[0]) != NULL) {
        bad.len = 1;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid rule \"%*s\" in \"rights\" of user "
                       "\"%V\": %s", bad.len, bad.data, &u->name, wrong);

    return NGX_ERROR;
}


/* The text: on, the rules, the tokens; once it is known that all is right. */

static char *
ngx_keyspace_user_rules(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    ngx_keyspace_user_conf_t *u)
{
    u_char                *p;
    size_t                 len;
    ks_str_t              *word;
    ngx_uint_t             i, tokens, nopass;
    ngx_keyspace_token_t  *token;

    if (ngx_keyspace_know_commands() != NGX_OK
        || ngx_keyspace_user_judge(cf, u, &nopass) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    word = u->words.elts;
    len = sizeof("on") - 1;
    tokens = 0;
    token = kz->tokens.elts;

    for (i = 0; i < u->words.nelts; i++) {
        len += 1 + word[i].len;
        nopass |= (word[i].data[0] == '>' || word[i].data[0] == '#');
    }

    for (i = 0; i < kz->tokens.nelts; i++) {
        tokens += (token[i].owner == kz->users.nelts);
    }

    if (tokens == 0 && !nopass && !kz->unset) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "user \"%V\" has no token: one is needed, or "
                           "\"nopass\" among its rights", &u->name);
        return NGX_CONF_ERROR;
    }

    u->rules.data = ngx_pnalloc(cf->pool,
                             len + tokens * (2 + 2 * NGX_KEYSPACE_DIGEST_LEN));
    if (u->rules.data == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_cpymem(u->rules.data, "on", 2);

    for (i = 0; i < u->words.nelts; i++) {
        *p++ = '\n';
        p = ngx_cpymem(p, word[i].data, word[i].len);
    }

    for (i = 0; i < kz->tokens.nelts; i++) {
        if (token[i].owner == kz->users.nelts) {
            *p++ = '\n';
            *p++ = '#';
            p = ngx_hex_dump(p, token[i].digest, NGX_KEYSPACE_DIGEST_LEN);
        }
    }

    u->rules.len = p - u->rules.data;

    return NGX_CONF_OK;
}


/* --- addresses --- */

static const char *
ngx_keyspace_user_allow(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    return ngx_keyspace_user_access(cf, block->user, value, 0);
}


static const char *
ngx_keyspace_user_deny(ngx_conf_t *cf, void *conf, ngx_str_t *value)
{
    ngx_keyspace_user_block_t *block = conf;

    return ngx_keyspace_user_access(cf, block->user, value, 1);
}


static const char *
ngx_keyspace_user_access(ngx_conf_t *cf, ngx_keyspace_user_conf_t *u,
    ngx_str_t *value, ngx_uint_t deny)
{
    ngx_int_t               rc;
    ngx_cidr_t             *cidr;
    ngx_keyspace_access_t  *access;

    access = ngx_array_push(&u->access);
    if (access == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(access, sizeof(ngx_keyspace_access_t));
    access->deny = deny;

    if (ngx_strcmp(value->data, "all") == 0) {
        access->all = 1;
        return NGX_CONF_OK;
    }

    if (ngx_array_init(&access->cidrs, cf->pool, 1, sizeof(ngx_cidr_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cidr = ngx_array_push(&access->cidrs);
    if (cidr == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(cidr, sizeof(ngx_cidr_t));

#if (NGX_HAVE_UNIX_DOMAIN)

    if (ngx_strcmp(value->data, "unix:") == 0) {
        cidr->family = AF_UNIX;
        return NGX_CONF_OK;
    }

#endif

    rc = ngx_ptocidr(value, cidr);

    if (rc == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid address \"%V\" of user \"%V\"", value,
                           &u->name);
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_DONE) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "low address bits of %V are meaningless", value);
    }

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keyspace_users_check(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz)
{
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = kz->named.elts;

    for (i = 0; i < kz->named.nelts; i++) {
        if (ngx_keyspace_user_conf(kz, name[i].data, name[i].len) == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                          "keyspace zone \"%V\" has no user \"%V\", which "
                          "a directive names", &kz->name, &name[i]);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_keyspace_user_conf_t *
ngx_keyspace_user_conf(ngx_keyspace_zone_t *kz, u_char *name, size_t len)
{
    ngx_uint_t                 i;
    ngx_keyspace_user_conf_t  *u;

    u = kz->users.elts;

    for (i = 0; i < kz->users.nelts; i++) {
        if (u[i].name.len == len && ngx_memcmp(u[i].name.data, name, len) == 0)
        {
            return &u[i];
        }
    }

    return NULL;
}


ngx_uint_t
ngx_keyspace_admits(ngx_keyspace_zone_t *kz, const ks_user_t *user,
    struct sockaddr *sockaddr)
{
    ngx_uint_t                 i;
    ngx_keyspace_access_t     *access;
    ngx_keyspace_user_conf_t  *u;

    if (kz->users.nelts == 0 || user->rights != KS_RIGHTS_RULES) {
        return 1;
    }

    u = ngx_keyspace_user_conf(kz, (u_char *) user->name,
                               ngx_strlen(user->name));
    if (u == NULL) {
        return 1;
    }

    access = u->access.elts;

    for (i = 0; i < u->access.nelts; i++) {
        if (access[i].all
            || ngx_cidr_match(sockaddr, &access[i].cidrs) == NGX_OK)
        {
            return !access[i].deny;
        }
    }

    return 1;
}
