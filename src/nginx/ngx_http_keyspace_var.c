
/*
 * keyspace_var: variables that are the replies of commands.
 *
 * A variable is read when it is asked for, once a request.  With the first of
 * a zone come all others of that zone that can be read as early, in one
 * transaction: so the variables of a request belong together.  Those are the
 * ones whose arguments are text and fields of the request.  If its arguments
 * have changed by the time that such a variable is asked for, it is read once
 * more.
 */


#include "ngx_http_keyspace_var.h"


static ngx_int_t ngx_http_keyspace_var_get(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_keyspace_answer_t *ngx_http_keyspace_var_ask(ngx_http_request_t *r,
    ngx_http_keyspace_var_ctx_t *ctx, ngx_http_keyspace_var_t *var,
    ks_str_t *argv);
static ngx_uint_t ngx_http_keyspace_var_with(ngx_http_request_t *r,
    ngx_http_keyspace_var_ctx_t *ctx, ngx_http_keyspace_var_t *var,
    ngx_keyspace_answer_t *answers);
static ngx_uint_t ngx_http_keyspace_var_same(ngx_keyspace_answer_t *answer,
    ks_str_t *argv);
static char *ngx_http_keyspace_var_look(ngx_conf_t *cf,
    ngx_http_keyspace_var_t *var);
static ngx_uint_t ngx_http_keyspace_var_of_request(ngx_str_t *name);


/* what a request has from its beginning */

static ngx_str_t  ngx_http_keyspace_var_prefixes[] = {
    ngx_string("http_"),
    ngx_string("cookie_"),
    ngx_string("arg_"),
    ngx_null_string
};


static ngx_str_t  ngx_http_keyspace_var_names[] = {
    ngx_string("args"),
    ngx_string("document_uri"),
    ngx_string("host"),
    ngx_string("https"),
    ngx_string("is_args"),
    ngx_string("query_string"),
    ngx_string("request_method"),
    ngx_string("request_uri"),
    ngx_string("scheme"),
    ngx_string("server_name"),
    ngx_string("server_port"),
    ngx_string("uri"),
    ngx_null_string
};


/* --- configuration --- */

char *
ngx_http_keyspace_var(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_keyspace_var_main_conf_t *vmcf = conf;

    char                     *rv;
    ngx_str_t                 name;
    ngx_http_variable_t      *v;
    ngx_http_keyspace_var_t  *var, **slot;

    rv = ngx_keyspace_query_variable(cf, &name);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    var = ngx_pcalloc(cf->pool, sizeof(ngx_http_keyspace_var_t));
    if (var == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_keyspace_query(cf, 2, &var->q, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    v = ngx_http_add_variable(cf, &name, 0);
    if (v == NULL) {
        return NGX_CONF_ERROR;
    }

    v->get_handler = ngx_http_keyspace_var_get;
    v->data = (uintptr_t) var;

    var->name = v->name;
    var->number = vmcf->vars.nelts;

    slot = ngx_array_push(&vmcf->vars);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = var;

    if (ngx_http_keyspace_var_look(cf, var) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (var->q.query.wait == 0) {
        return NGX_CONF_OK;
    }

    vmcf->waits = 1;

    return var->early ? NGX_CONF_OK
           : "with \"wait\" is read where a request begins: its arguments can "
             "be text and what a request begins with";
}


/* Finds out what variables its arguments are made of. */

static char *
ngx_http_keyspace_var_look(ngx_conf_t *cf, ngx_http_keyspace_var_t *var)
{
    u_char      *p, *last;
    ngx_int_t    index;
    ngx_str_t    name;
    ngx_uint_t   i, *take, brace;

    if (ngx_array_init(&var->takes, cf->pool, 2, sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < var->q.query.nargs; i++) {
        p = var->q.query.args[i].data;
        last = p + var->q.query.args[i].len;

        while (p < last) {
            if (*p++ != '$') {
                continue;
            }

            brace = (p < last && *p == '{');
            p += brace;

            for (name.data = p; p < last; p++) {
                if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
                      || (*p >= '0' && *p <= '9') || *p == '_'))
                {
                    break;
                }
            }

            name.len = p - name.data;

            if (!ngx_http_keyspace_var_of_request(&name)) {
                return NGX_CONF_OK;
            }

            index = ngx_http_get_variable_index(cf, &name);
            take = ngx_array_push(&var->takes);

            if (index == NGX_ERROR || take == NULL) {
                return NGX_CONF_ERROR;
            }

            *take = index;
        }
    }

    var->early = 1;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_keyspace_var_of_request(ngx_str_t *name)
{
    ngx_str_t  *s;

    for (s = ngx_http_keyspace_var_names; s->len; s++) {
        if (name->len == s->len
            && ngx_strncasecmp(name->data, s->data, s->len) == 0)
        {
            return 1;
        }
    }

    for (s = ngx_http_keyspace_var_prefixes; s->len; s++) {
        if (name->len > s->len
            && ngx_strncasecmp(name->data, s->data, s->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* Variables that only SSI or the like may ask for are read by themselves. */

void
ngx_http_keyspace_var_settle(ngx_conf_t *cf,
    ngx_http_keyspace_var_main_conf_t *vmcf)
{
    ngx_uint_t                   i, j;
    ngx_http_variable_t         *v;
    ngx_http_keyspace_var_t    **var;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    var = vmcf->vars.elts;
    v = cmcf->variables.elts;

    for (i = 0; i < vmcf->vars.nelts; i++) {
        for (j = 0; j < cmcf->variables.nelts; j++) {
            if (v[j].name.len == var[i]->name.len
                && ngx_strncmp(v[j].name.data, var[i]->name.data,
                               v[j].name.len) == 0)
            {
                var[i]->used = 1;
            }
        }
    }
}


/* --- a request --- */

static ngx_int_t
ngx_http_keyspace_var_get(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ks_str_t                     *argv;
    ngx_keyspace_answer_t        *answer;
    ngx_http_keyspace_var_t      *var;
    ngx_http_keyspace_var_ctx_t  *ctx;

    var = (ngx_http_keyspace_var_t *) data;

    argv = ngx_http_keyspace_query_args(r, &var->q);
    ctx = ngx_http_keyspace_var_ctx(r);

    if (argv == NULL || ctx == NULL) {
        return NGX_ERROR;
    }

    answer = ctx->answers[var->number];

    if (answer == NULL || !ngx_http_keyspace_var_same(answer, argv)) {
        answer = ngx_http_keyspace_var_ask(r, ctx, var, argv);

        if (answer == NULL) {
            return NGX_ERROR;
        }
    }

    if (answer->value.data == NULL) {
        v->not_found = 1;

    } else {
        ngx_http_keyspace_found(v, answer->value.data, answer->value.len);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_keyspace_var_same(ngx_keyspace_answer_t *answer, ks_str_t *argv)
{
    ngx_uint_t  i;

    for (i = 0; i < answer->query->nargs; i++) {
        if (answer->argv[i].len != argv[i].len
            || ngx_memcmp(answer->argv[i].data, argv[i].data, argv[i].len)
               != 0)
        {
            return 0;
        }
    }

    return 1;
}


static ngx_keyspace_answer_t *
ngx_http_keyspace_var_ask(ngx_http_request_t *r,
    ngx_http_keyspace_var_ctx_t *ctx, ngx_http_keyspace_var_t *var,
    ks_str_t *argv)
{
    ngx_uint_t                          n;
    ngx_keyspace_answer_t              *answers;
    ngx_http_keyspace_var_main_conf_t  *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_keyspace_var_module);

    answers = ngx_palloc(r->pool, vmcf->vars.nelts
                                  * sizeof(ngx_keyspace_answer_t));
    if (answers == NULL) {
        return NULL;
    }

    answers[0].query = &var->q.query;
    answers[0].argv = argv;
    n = 1;

    if (var->early && ctx->answers[var->number] == NULL) {
        n += ngx_http_keyspace_var_with(r, ctx, var, answers + 1);
    }

    ctx->answers[var->number] = answers;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "keyspace var: $%V is read, of %ui", &var->name, n);

    ngx_keyspace_query_run(answers, n, r->pool, r->connection->log);

    return answers;
}


/* Those that can be read with a variable; the number of them. */

static ngx_uint_t
ngx_http_keyspace_var_with(ngx_http_request_t *r,
    ngx_http_keyspace_var_ctx_t *ctx, ngx_http_keyspace_var_t *var,
    ngx_keyspace_answer_t *answers)
{
    ks_str_t                            *argv;
    ngx_uint_t                           i, n;
    ngx_http_keyspace_var_t            **other;
    ngx_http_keyspace_var_main_conf_t   *vmcf;

    vmcf = ngx_http_get_module_main_conf(r, ngx_http_keyspace_var_module);
    other = vmcf->vars.elts;
    n = 0;

    for (i = 0; i < vmcf->vars.nelts; i++) {

        if (other[i] == var || !other[i]->early || !other[i]->used
            || other[i]->q.query.zone != var->q.query.zone
            || ctx->answers[i] != NULL)
        {
            continue;
        }

        argv = ngx_http_keyspace_var_early_args(r, other[i]);
        if (argv == NULL) {
            continue;
        }

        answers[n].query = &other[i]->q.query;
        answers[n].argv = argv;
        ctx->answers[i] = &answers[n++];
    }

    return n;
}


/*
 * The arguments of a variable before it is asked for.  What they are made of is
 * left as if nobody had looked: other modules may still change a header.
 */

ks_str_t *
ngx_http_keyspace_var_early_args(ngx_http_request_t *r,
    ngx_http_keyspace_var_t *var)
{
    ks_str_t                   *argv;
    ngx_uint_t                  i, *take;
    ngx_http_variable_value_t  *before, *v;

    take = var->takes.elts;

    before = ngx_palloc(r->pool, ngx_max(var->takes.nelts, 1)
                                 * sizeof(ngx_http_variable_value_t));
    if (before == NULL) {
        return NULL;
    }

    for (i = 0; i < var->takes.nelts; i++) {
        before[i] = r->variables[take[i]];
    }

    argv = ngx_http_keyspace_query_args(r, &var->q);

    for (i = 0; i < var->takes.nelts; i++) {
        v = &r->variables[take[i]];

        if (!before[i].valid && !before[i].not_found) {
            v->valid = 0;
            v->not_found = 0;
        }
    }

    return argv;
}
