
/*
 * keyspace_limit_rule: what a rule says, in the configuration and in the
 * variables that it names.
 *
 * A rule may be named by keyspace_limit before it is declared; that it is in
 * the end is checked by the module.
 */


#include "ngx_http_keyspace_common.h"
#include "ngx_http_keyspace_limit.h"
#include "ngx_keyspace_param.h"
#include "ngx_keyspace_uses.h"


static char *ngx_http_keyspace_limit_rule_finish(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule);
static char *ngx_http_keyspace_limit_rule_texts(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule);
static char *ngx_http_keyspace_limit_rule_burst(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule);
static const char *ngx_http_keyspace_limit_set_zone(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_limit_set_key(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static char *ngx_http_keyspace_limit_set_variable(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule, ngx_str_t name);
static const char *ngx_http_keyspace_limit_set_rate(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_limit_set_concurrent(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_limit_set_algorithm(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_limit_set_burst(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_limit_set_cost(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_limit_set_prefix(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_limit_set_delay(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static const char *ngx_http_keyspace_limit_set_block(ngx_conf_t *cf,
    void *conf, ngx_str_t *value);
static char *ngx_http_keyspace_limit_rule_names(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule);
static char *ngx_http_keyspace_limit_variable(ngx_conf_t *cf,
    ngx_str_t *value, ngx_http_complex_value_t **cv);


static ngx_conf_enum_t  ngx_http_keyspace_limit_errors[] = {
    { ngx_string("pass"), 0 },
    { ngx_string("reject"), 1 },
    { ngx_null_string, 0 }
};


static ngx_keyspace_param_t  ngx_http_keyspace_limit_params[] = {
    ngx_keyspace_param_row("zone", ngx_http_keyspace_limit_set_zone, 0),
    ngx_keyspace_param_row("key", ngx_http_keyspace_limit_set_key, 0),
    ngx_keyspace_param_row("rate", ngx_http_keyspace_limit_set_rate, 0),
    ngx_keyspace_param_row("concurrent", ngx_http_keyspace_limit_set_concurrent,
                           0),
    ngx_keyspace_param_row("algorithm", ngx_http_keyspace_limit_set_algorithm,
                           0),
    ngx_keyspace_param_row("burst", ngx_http_keyspace_limit_set_burst, 0),
    ngx_keyspace_param_row("cost", ngx_http_keyspace_limit_set_cost, 0),
    ngx_keyspace_param_row("prefix", ngx_http_keyspace_limit_set_prefix, 0),
    ngx_keyspace_param_words("on_error", ngx_http_keyspace_limit_errors,
                             ngx_http_keyspace_limit_rule_t, strict),
    ngx_keyspace_param_row("delay", ngx_http_keyspace_limit_set_delay, 0),
    ngx_keyspace_param_row("block", ngx_http_keyspace_limit_set_block, 0),
    ngx_keyspace_param_words("dry_run", ngx_keyspace_on_off,
                             ngx_http_keyspace_limit_rule_t, dry),
    ngx_keyspace_param_words("misses", ngx_keyspace_on_off,
                             ngx_http_keyspace_limit_rule_t, misses),
    ngx_keyspace_null_param
};


/* in the order of ks_limit_algorithm_t; the last goes by "concurrent" alone */

static ngx_str_t  ngx_http_keyspace_limit_algorithms[] = {
    ngx_string("fixed_window"),
    ngx_string("sliding_window"),
    ngx_string("token_bucket"),
    ngx_string("gcra"),
    ngx_string("concurrent"),
    ngx_null_string
};


ngx_str_t *
ngx_http_keyspace_limit_algorithm(ks_limit_algorithm_t algorithm)
{
    return &ngx_http_keyspace_limit_algorithms[algorithm];
}


ngx_http_keyspace_limit_rule_t *
ngx_http_keyspace_limit_rule_named(ngx_conf_t *cf,
    ngx_http_keyspace_limit_main_conf_t *lmcf, ngx_str_t *name)
{
    ngx_uint_t                        i;
    ngx_http_keyspace_limit_rule_t  **slot, *rule;

    slot = lmcf->rules.elts;

    for (i = 0; i < lmcf->rules.nelts; i++) {
        if (slot[i]->name.len == name->len
            && ngx_strncmp(slot[i]->name.data, name->data, name->len) == 0)
        {
            return slot[i];
        }
    }

    rule = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_limit_rule_t));
    if (rule == NULL) {
        return NULL;
    }

    rule->name = *name;
    rule->variable = NGX_ERROR;
    rule->file = cf->conf_file->file.name;
    rule->line = cf->conf_file->line;

    slot = ngx_array_push(&lmcf->rules);
    if (slot == NULL) {
        return NULL;
    }

    *slot = rule;

    return rule;
}


/* It is sent as a string of a structured field, and begins keys. */

static ngx_uint_t
ngx_http_keyspace_limit_name_ok(ngx_str_t *name)
{
    u_char      c;
    ngx_uint_t  i;

    if (name->len == 0 || name->len > NGX_HTTP_KEYSPACE_LIMIT_NAME
        || (name->len == 3 && ngx_strncmp(name->data, "off", 3) == 0))
    {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if ((c < '0' || c > '9') && (c < 'a' || c > 'z')
            && (c < 'A' || c > 'Z') && c != '_' && c != '-' && c != '.')
        {
            return 0;
        }
    }

    return 1;
}


char *
ngx_http_keyspace_limit_rule(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_limit_main_conf_t *lmcf = conf;

    char                            *rv;
    u_char                           of[NGX_HTTP_KEYSPACE_LIMIT_NAME + 40];
    ngx_str_t                       *value;
    ngx_http_keyspace_limit_rule_t  *rule;

    value = cf->args->elts;

    if (!ngx_http_keyspace_limit_name_ok(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of a keyspace limit rule: it "
                           "is at most %d letters, digits, \"_\", \"-\" and "
                           "\".\", and not \"off\"", &value[1],
                           NGX_HTTP_KEYSPACE_LIMIT_NAME);
        return NGX_CONF_ERROR;
    }

    rule = ngx_http_keyspace_limit_rule_named(cf, lmcf, &value[1]);
    if (rule == NULL) {
        return NGX_CONF_ERROR;
    }

    if (rule->zone != NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate keyspace limit rule \"%V\", "
                           "declared in %V:%ui", &rule->name, &rule->file,
                           rule->line);
        return NGX_CONF_ERROR;
    }

    rule->file = cf->conf_file->file.name;
    rule->line = cf->conf_file->line;

    *ngx_snprintf(of, sizeof(of) - 1, "keyspace limit rule \"%V\"",
                  &rule->name) = '\0';

    rv = ngx_keyspace_params(cf, 2, ngx_http_keyspace_limit_params, rule,
                             (char *) of);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    lmcf->misses |= rule->misses;

    return ngx_http_keyspace_limit_rule_finish(cf, rule);
}


/* What is missing or does not go together; then what it is by default. */

static char *
ngx_http_keyspace_limit_rule_finish(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule)
{
    if (rule->zone == NULL || rule->key.value.data == NULL
        || (rule->rate == NULL && rule->limit.count == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keyspace limit rule \"%V\" must have the "
                           "parameter \"%s\"", &rule->name,
                           (rule->zone == NULL) ? "zone"
                           : (rule->key.value.data == NULL) ? "key" : "rate");
        return NGX_CONF_ERROR;
    }

    if (rule->concurrent) {
        rule->limit.algorithm = KS_LIMIT_CONCURRENT;

    } else if (!rule->algorithm) {
        rule->limit.algorithm = KS_LIMIT_SLIDING_WINDOW;
    }

    if (rule->cost == NULL && rule->units == 0) {
        rule->units = 1;
    }

    if (rule->dry) {
        rule->strict = 0;
    }

    if (ngx_http_keyspace_limit_rule_names(cf, rule) != NGX_CONF_OK
        || ngx_http_keyspace_limit_rule_burst(cf, rule) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_keyspace_use(cf, rule->zone, NGX_KEYSPACE_USE_LIMITS,
                         &rule->prefix)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return (rule->rate == NULL) ? ngx_http_keyspace_limit_rule_texts(cf, rule)
                                : NGX_CONF_OK;
}


/*
 * The beginnings of its keys.  No name of a rule has the "!" that makes the
 * difference.
 */

static char *
ngx_http_keyspace_limit_rule_names(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule)
{
    u_char     *p;
    ngx_str_t   prefix;

    ngx_str_set(&prefix, "limit:");

    if (rule->prefixed) {
        prefix = rule->prefix;
    }

    p = ngx_pnalloc(cf->pool, 2 * (prefix.len + rule->name.len)
                              + sizeof(":!:") - 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->prefix.data = p;
    p = ngx_sprintf(p, "%V%V:", &prefix, &rule->name);
    rule->prefix.len = p - rule->prefix.data;

    rule->bar.data = p;
    p = ngx_sprintf(p, "%V%V!:", &prefix, &rule->name);
    rule->bar.len = p - rule->bar.data;

    return NGX_CONF_OK;
}


/* What is the same in the fields of all responses. */

static char *
ngx_http_keyspace_limit_rule_texts(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule)
{
    u_char  *p;

    p = ngx_pnalloc(cf->pool, NGX_HTTP_KEYSPACE_LIMIT_ITEM + KS_INTEGER_TEXT);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    rule->policy.data = p;
    p = ngx_http_keyspace_limit_policy_item(p, p, rule, &rule->limit);
    rule->policy.len = p - rule->policy.data;

    rule->quota.data = p;
    rule->quota.len = ks_integer_text(p, ks_limit_quota(&rule->limit));

    return NGX_CONF_OK;
}


static char *
ngx_http_keyspace_limit_rule_burst(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule)
{
    ngx_str_t  *name;

    if (rule->concurrent && rule->algorithm) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keyspace limit rule \"%V\": there is no "
                           "\"algorithm\" with \"concurrent\"", &rule->name);
        return NGX_CONF_ERROR;
    }

    name = &ngx_http_keyspace_limit_algorithms[rule->limit.algorithm];

    if (rule->burst
        && rule->limit.algorithm != KS_LIMIT_TOKEN_BUCKET
        && rule->limit.algorithm != KS_LIMIT_GCRA)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keyspace limit rule \"%V\": there is no \"burst\" "
                           "with the algorithm \"%V\", only with token_bucket "
                           "and gcra", &rule->name, name);
        return NGX_CONF_ERROR;
    }

    if (rule->delay && rule->limit.algorithm != KS_LIMIT_GCRA) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keyspace limit rule \"%V\": there is no \"delay\" "
                           "with the algorithm \"%V\", only with gcra",
                           &rule->name, name);
        return NGX_CONF_ERROR;
    }

    if (rule->limit.algorithm == KS_LIMIT_TOKEN_BUCKET
        && rule->burst && rule->limit.burst == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keyspace limit rule \"%V\": with token_bucket "
                           "\"burst\" is how many tokens there are at most, "
                           "and must be 1 or more", &rule->name);
        return NGX_CONF_ERROR;
    }

    if (rule->limit.algorithm == KS_LIMIT_TOKEN_BUCKET && !rule->burst) {
        rule->limit.burst = rule->limit.count;
    }

    if (rule->limit.algorithm == KS_LIMIT_GCRA && rule->rate == NULL
        && ks_limit_interval(&rule->limit) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "keyspace limit rule \"%V\": with gcra the rate "
                           "may be at most one in a nanosecond", &rule->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* --- parameters --- */

static const char *
ngx_http_keyspace_limit_set_zone(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    rule->zone = ngx_keyspace_zone_named(cf, value);

    return (rule->zone == NULL) ? NGX_CONF_ERROR : NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_limit_set_key(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    if (value->len == 0) {
        return "it is empty";
    }

    if (ngx_http_keyspace_compile(cf, value, &rule->key) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_keyspace_limit_set_variable(cf, rule, *value);
}


/* A key that is one variable and nothing else is had without its script. */

static char *
ngx_http_keyspace_limit_set_variable(ngx_conf_t *cf,
    ngx_http_keyspace_limit_rule_t *rule, ngx_str_t name)
{
    u_char      c;
    ngx_uint_t  i;

    if (name.len < 2 || name.data[0] != '$') {
        return NGX_CONF_OK;
    }

    name.data++;
    name.len--;

    /* a name that begins with a digit is a part of a match */

    for (i = 0; i < name.len; i++) {
        c = name.data[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_'
            && (i == 0 || c < '0' || c > '9'))
        {
            return NGX_CONF_OK;
        }
    }

    rule->variable = ngx_http_get_variable_index(cf, &name);

    return (rule->variable == NGX_ERROR) ? NGX_CONF_ERROR : NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_limit_set_rate(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    if (rule->concurrent) {
        return "there is a \"concurrent\" already";
    }

    rule->rated = 1;

    if (ngx_http_keyspace_limit_variable(cf, value, &rule->rate) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (rule->rate != NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_keyspace_limit_rate(rule, value, &rule->limit) != NGX_OK) {
        return "a rate is a number and a period of 1ms to 366d, "
               "such as 100r/m, 5r/500ms or 1000r/d";
    }

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_limit_set_concurrent(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    rule->concurrent = 1;

    if (rule->rated) {
        return "there is a \"rate\" already";
    }

    if (ngx_http_keyspace_limit_variable(cf, value, &rule->rate) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (rule->rate == NULL
        && ngx_http_keyspace_limit_rate(rule, value, &rule->limit) != NGX_OK)
    {
        return "concurrent is a number above 0, or has variables";
    }

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_limit_set_algorithm(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    ngx_str_t   *name;
    ngx_uint_t   i;

    name = ngx_http_keyspace_limit_algorithms;

    for (i = 0; i < KS_LIMIT_CONCURRENT; i++) {
        if (name[i].len == value->len
            && ngx_strncmp(name[i].data, value->data, value->len) == 0)
        {
            rule->limit.algorithm = i;
            rule->algorithm = 1;
            return NGX_CONF_OK;
        }
    }

    return "the algorithm is one of fixed_window, sliding_window, "
           "token_bucket, gcra";
}


static const char *
ngx_http_keyspace_limit_set_burst(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    u_char  *p;

    p = value->data;

    if (ngx_keyspace_number(&p, p + value->len, &rule->limit.burst)
        != NGX_OK
        || p != value->data + value->len)
    {
        return "burst is a number";
    }

    rule->burst = 1;

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_limit_set_cost(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    if (ngx_http_keyspace_limit_variable(cf, value, &rule->cost) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (rule->cost != NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_keyspace_limit_cost(value, &rule->units) != NGX_OK
        || rule->units == 0)
    {
        return "cost is a number above 0, or has variables";
    }

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_limit_set_prefix(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    if (value->len > NGX_HTTP_KEYSPACE_LIMIT_PREFIX) {
        return "it is too long";
    }

    rule->prefix = *value;
    rule->prefixed = 1;

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_limit_set_delay(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    u_char  *p;

    p = value->data;

    if (ngx_keyspace_number(&p, p + value->len, &rule->at_once)
        != NGX_OK
        || p != value->data + value->len)
    {
        return "delay is a number";
    }

    rule->delay = 1;

    return NGX_CONF_OK;
}


static const char *
ngx_http_keyspace_limit_set_block(ngx_conf_t *cf, void *conf,
    ngx_str_t *value)
{
    ngx_http_keyspace_limit_rule_t *rule = conf;

    ngx_int_t  ms;

    ms = ngx_parse_time(value, 0);

    if (ms == NGX_ERROR || ms == 0 || ms > KS_LIMIT_PERIOD_MAX) {
        return "block is a time of 1ms to 366d, such as 10m";
    }

    rule->block = ms;

    return NGX_CONF_OK;
}


/* What has variables, to be worked out for each request; NULL: it has none. */

static char *
ngx_http_keyspace_limit_variable(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_complex_value_t **cv)
{
    ngx_http_complex_value_t  compiled;

    *cv = NULL;

    if (ngx_http_keyspace_compile(cf, value, &compiled) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (compiled.lengths == NULL) {
        return NGX_CONF_OK;
    }

    *cv = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (*cv == NULL) {
        return NGX_CONF_ERROR;
    }

    **cv = compiled;

    return NGX_CONF_OK;
}


/* --- numbers --- */

/* N[r]/[M]UNIT; of requests at once only N */

ngx_int_t
ngx_http_keyspace_limit_rate(ngx_http_keyspace_limit_rule_t *rule,
    ngx_str_t *text, ks_limit_t *limit)
{
    u_char  *p, *last;

    if (text->len == 0) {
        return NGX_DECLINED;
    }

    if (rule->concurrent) {
        p = text->data;
        last = p + text->len;
        limit->period = 1;

        return (ngx_keyspace_number(&p, last, &limit->count) == NGX_OK
                && limit->count != 0 && p == last) ? NGX_OK : NGX_ERROR;
    }

    if (ngx_keyspace_rate(text, limit) != NGX_OK) {
        return NGX_ERROR;
    }

    if (rule->rate == NULL) {
        return NGX_OK;
    }

    if (limit->algorithm == KS_LIMIT_TOKEN_BUCKET && !rule->burst) {
        limit->burst = limit->count;
    }

    return (limit->algorithm == KS_LIMIT_GCRA
            && ks_limit_interval(limit) == 0) ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_keyspace_limit_cost(ngx_str_t *text, int64_t *cost)
{
    u_char  *p;

    if (text->len == 0) {
        return NGX_DECLINED;
    }

    p = text->data;

    if (ngx_keyspace_number(&p, p + text->len, cost) != NGX_OK
        || p != text->data + text->len)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
