
/*
 * What the console's page has to know from the beginning, and the metrics of
 * its zone.
 */


#include "ngx_http_keyspace_console.h"
#include "ngx_http_keyspace_limit.h"
#include "ngx_http_keyspace_metrics.h"
#include "ngx_http_keyspace_session.h"


static void ngx_http_keyspace_console_limits(ngx_http_request_t *r,
    ngx_keyspace_zone_t *kz, cJSON *list);
static void ngx_http_keyspace_console_limit(cJSON *object,
    ngx_http_keyspace_limit_rule_t *rule);
static void ngx_http_keyspace_console_sessions(ngx_http_request_t *r,
    ngx_keyspace_zone_t *kz, cJSON *list);
static void ngx_http_keyspace_console_text(cJSON *object, const char *name,
    ngx_str_t *s);


ngx_int_t
ngx_http_keyspace_console_about(ngx_http_request_t *r, ngx_str_t *body)
{
    cJSON                         *about;
    ngx_keyspace_zone_t           *kz;
    ngx_http_keyspace_ctx_t       *ctx;
    ngx_http_keyspace_loc_conf_t  *klcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);
    kz = klcf->zone;

    about = cJSON_CreateObject();

    ngx_http_keyspace_console_text(about, "zone", &kz->name);
    cJSON_AddStringToObject(about, "version", KS_VERSION);
    cJSON_AddStringToObject(about, "user", ctx->user->name);
    cJSON_AddBoolToObject(about, "writes",
                          ctx->user->rights != KS_RIGHTS_READ);
    cJSON_AddBoolToObject(about, "metrics", kz->stats != NULL);

    ngx_http_keyspace_console_limits(r, kz,
                                     cJSON_AddArrayToObject(about, "limits"));
    ngx_http_keyspace_console_sessions(r, kz,
                                    cJSON_AddArrayToObject(about, "sessions"));

    ctx->ours = 1;
    ctx->outcome = KS_OUTCOME_OK;

    return ngx_http_keyspace_send_json(r, about);
}


static void
ngx_http_keyspace_console_limits(ngx_http_request_t *r,
    ngx_keyspace_zone_t *kz, cJSON *list)
{
    cJSON                                *object;
    ngx_uint_t                            i;
    ngx_http_keyspace_limit_rule_t      **rule;
    ngx_http_keyspace_limit_main_conf_t  *lmcf;

    lmcf = ngx_http_get_module_main_conf(r, ngx_http_keyspace_limit_module);
    rule = lmcf->rules.elts;

    for (i = 0; i < lmcf->rules.nelts; i++) {

        if (rule[i]->zone != kz) {
            continue;
        }

        object = cJSON_CreateObject();
        ngx_http_keyspace_console_limit(object, rule[i]);

        if (!cJSON_AddItemToArray(list, object)) {
            cJSON_Delete(object);
        }
    }
}


/* A rate with variables is another one for each key: it is left out. */

static void
ngx_http_keyspace_console_limit(cJSON *object,
    ngx_http_keyspace_limit_rule_t *rule)
{
    ngx_http_keyspace_console_text(object, "name", &rule->name);
    ngx_http_keyspace_console_text(object, "prefix", &rule->prefix);
    ngx_http_keyspace_console_text(object, "algorithm",
               ngx_http_keyspace_limit_algorithm(rule->limit.algorithm));

    if (rule->rate == NULL) {
        cJSON_AddNumberToObject(object, "count", (double) rule->limit.count);
        cJSON_AddNumberToObject(object, "period", (double) rule->limit.period);
        cJSON_AddNumberToObject(object, "burst", (double) rule->limit.burst);
    }
}


/* Several locations may have the same. */

static void
ngx_http_keyspace_console_sessions(ngx_http_request_t *r,
    ngx_keyspace_zone_t *kz, cJSON *list)
{
    ngx_uint_t                               i, k;
    ngx_http_keyspace_session_conf_t       **sc;
    ngx_http_keyspace_session_main_conf_t   *smcf;

    smcf = ngx_http_get_module_main_conf(r, ngx_http_keyspace_session_module);
    sc = smcf->sessions.elts;

    for (i = 0; i < smcf->sessions.nelts; i++) {

        if (sc[i]->zone != kz) {
            continue;
        }

        for (k = 0; k < i; k++) {
            if (sc[k]->zone == kz && sc[k]->prefix.len == sc[i]->prefix.len
                && ngx_memcmp(sc[k]->prefix.data, sc[i]->prefix.data,
                              sc[i]->prefix.len) == 0)
            {
                break;
            }
        }

        if (k == i) {
            ngx_http_keyspace_console_text(list, NULL, &sc[i]->prefix);
        }
    }
}


/* A member of an object; without a name, an item of an array. */

static void
ngx_http_keyspace_console_text(cJSON *to, const char *name, ngx_str_t *s)
{
    cJSON   *item;
    u_char   text[NGX_MAX_CONF_ERRSTR];

    (void) ngx_cpystrn(text, s->data, ngx_min(s->len + 1, sizeof(text)));

    item = cJSON_CreateString((char *) text);

    if (!(name ? cJSON_AddItemToObject(to, name, item)
               : cJSON_AddItemToArray(to, item)))
    {
        cJSON_Delete(item);
    }
}


ngx_int_t
ngx_http_keyspace_console_metrics(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_http_keyspace_ctx_t       *ctx;
    ngx_http_keyspace_loc_conf_t  *klcf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_keyspace_module);
    klcf = ngx_http_get_module_loc_conf(r, ngx_http_keyspace_module);

    ctx->ours = 1;
    ctx->outcome = KS_OUTCOME_OK;

    return ngx_http_keyspace_send_json(r,
                               ngx_http_keyspace_metrics_zone(klcf->zone));
}
