
/*
 * Commands that the configuration names; see the header.
 *
 * They run as the user "default": whoever writes the configuration may do
 * everything.
 */


#include "ngx_keyspace_query.h"
#include "ngx_keyspace_param.h"
#include "ngx_keyspace_uses.h"
#include "commands/ks_blocking.h"
#include "commands/ks_far.h"
#include "commands/ks_transaction.h"
#include "protocol/ks_writers.h"

#include <cjson/cJSON.h>


#define NGX_KEYSPACE_QUERY_MAX    (1024 * 1024)     /* bytes of a value */
#define NGX_KEYSPACE_QUERY_BLOCK  512


/* a query while it runs */

typedef struct {
    ngx_keyspace_answer_t  *answer;
    ks_queued_t             queued;
    ks_out_t                out;
    ks_plain_t              writer;
    unsigned                away:1;     /* another store has it */
    u_char                  block[NGX_KEYSPACE_QUERY_BLOCK];
} ngx_keyspace_running_t;


/* what a query of the configuration does with keys */

typedef struct {
    ngx_conf_t              *cf;
    ngx_keyspace_zone_t     *zone;
    ngx_keyspace_use_t       what;
    ngx_uint_t               keys;
} ngx_keyspace_query_use_t;


typedef struct {
    ngx_keyspace_running_t  *running;
    ngx_uint_t               n;
    ngx_uint_t               next;
    ngx_pool_t              *pool;
} ngx_keyspace_runs_t;


static const ngx_str_t  ngx_keyspace_no_key = ngx_null_string;


static char *ngx_keyspace_query_options(ngx_conf_t *cf, ngx_uint_t last,
    ngx_keyspace_query_t *q, ngx_uint_t *end);
static ngx_uint_t ngx_keyspace_query_option(ngx_str_t *arg, const char *name,
    ngx_str_t *value);
static char *ngx_keyspace_query_check(ngx_conf_t *cf, ngx_keyspace_query_t *q,
    ngx_uint_t reads);
static ngx_uint_t ngx_keyspace_query_may_run(const ks_command_t *cmd);
static char *ngx_keyspace_query_uses(ngx_conf_t *cf, ngx_keyspace_query_t *q,
    const ks_command_t *cmd, ngx_uint_t reads);
static int ngx_keyspace_query_key(void *data, const ks_str_t *key);
static int ngx_keyspace_query_one(ngx_keyspace_running_t *run,
    ngx_pool_t *pool, ngx_keyspace_query_wait_t *wait);
static void ngx_keyspace_query_far(ngx_keyspace_running_t *run,
    ngx_pool_t *pool);
static ngx_int_t ngx_keyspace_query_all(ngx_keyspace_running_t *run,
    ngx_uint_t n, ngx_pool_t *pool);
static void ngx_keyspace_query_begin(ngx_keyspace_running_t *run,
    ngx_pool_t *pool);
static int ngx_keyspace_query_begin_all(void *data);
static ks_reply_t *ngx_keyspace_query_open(void *data);
static void ngx_keyspace_query_end(ngx_keyspace_running_t *run,
    ngx_pool_t *pool, ngx_log_t *log);
static ngx_int_t ngx_keyspace_query_text(ks_out_t *out, ngx_pool_t *pool,
    ngx_str_t *text);
static ngx_int_t ngx_keyspace_query_path(ngx_str_t *path, ngx_pool_t *pool,
    ngx_str_t *text);
static cJSON *ngx_keyspace_query_step(cJSON *at, u_char *p, size_t len);


/* --- configuration --- */

char *
ngx_keyspace_query_variable(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (value[1].len < 2 || value[1].data[0] != '$') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid variable name \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts < 4) {
        return "names no command";
    }

    name->data = value[1].data + 1;
    name->len = value[1].len - 1;

    return NGX_CONF_OK;
}


char *
ngx_keyspace_query_read(ngx_conf_t *cf, ngx_uint_t first,
    ngx_keyspace_query_t *q, ngx_uint_t reads)
{
    ngx_str_t   *value;
    ngx_uint_t   end;

    value = cf->args->elts;
    end = cf->args->nelts;
    q->item = KS_PLAIN_WHOLE;
    q->reads = (reads != 0);

    if (reads
        && ngx_keyspace_query_options(cf, first + 2, q, &end) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    q->zone = ngx_keyspace_zone_named(cf, &value[first]);
    if (q->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    q->nargs = end - first - 1;
    q->args = ngx_palloc(cf->pool, q->nargs * sizeof(ngx_str_t));
    if (q->args == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(q->args, &value[first + 1], q->nargs * sizeof(ngx_str_t));

    return ngx_keyspace_query_check(cf, q, reads);
}


/*
 * Takes options from the end, each once, down to argument number "last"; so
 * what looks like an option can be an argument in front of it.
 */

static char *
ngx_keyspace_query_options(ngx_conf_t *cf, ngx_uint_t last,
    ngx_keyspace_query_t *q, ngx_uint_t *end)
{
    ngx_int_t   n;
    ngx_str_t  *arg, v;

    for (arg = cf->args->elts; *end > last; (*end)--) {

        if (q->value.data == NULL
            && ngx_keyspace_query_option(&arg[*end - 1], "default=", &v))
        {
            q->value = v;
            continue;
        }

        if (q->path.data == NULL
            && ngx_keyspace_query_option(&arg[*end - 1], "path=", &v))
        {
            q->path = v;
            continue;
        }

        if (q->wait == 0
            && ngx_keyspace_query_option(&arg[*end - 1], "wait=", &v))
        {
            q->wait = (ngx_msec_t) ngx_parse_time(&v, 0);

            if (q->wait == (ngx_msec_t) NGX_ERROR || q->wait == 0) {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid time in \"%V\"", &arg[*end - 1]);
                return NGX_CONF_ERROR;
            }

            continue;
        }

        if (q->item != KS_PLAIN_WHOLE
            || !ngx_keyspace_query_option(&arg[*end - 1], "item=", &v))
        {
            break;
        }

        n = ngx_atoi(v.data, v.len);

        if (n == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid number of an item in \"%V\"",
                               &arg[*end - 1]);
            return NGX_CONF_ERROR;
        }

        q->item = n;
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_keyspace_query_option(ngx_str_t *arg, const char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (arg->len < len || ngx_strncmp(arg->data, name, len) != 0) {
        return 0;
    }

    value->data = arg->data + len;
    value->len = arg->len - len;

    return 1;
}


/* Variables stand for one argument each, so the number is known already. */

static char *
ngx_keyspace_query_check(ngx_conf_t *cf, ngx_keyspace_query_t *q,
    ngx_uint_t reads)
{
    ks_str_t             name[2];
    ngx_uint_t           i;
    const ks_command_t  *cmd;

    if (ngx_keyspace_know_commands() != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < 2 && i < q->nargs; i++) {
        name[i].data = q->args[i].data;
        name[i].len = q->args[i].len;
    }

    cmd = ks_command_find((int) i, name);

    if (cmd == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown command \"%V%s%V\"", &q->args[0],
                           (i == 2) ? " " : "", &q->args[i - 1]);
        return NGX_CONF_ERROR;
    }

    if (q->nargs > INT_MAX || !ks_command_arity_ok(cmd, (int) q->nargs)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "wrong number of arguments for command \"%s\"",
                           ks_command_name(cmd));
        return NGX_CONF_ERROR;
    }

    if (reads && (!(cmd->flags & KS_CMD_READONLY)
                  || (cmd->flags & KS_CMD_BLOCKING)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "command \"%s\" does not only read, as a variable "
                           "has to", ks_command_name(cmd));
        return NGX_CONF_ERROR;
    }

    if (!reads && !ngx_keyspace_query_may_run(cmd)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "command \"%s\" changes nothing that a request "
                           "could want to be changed", ks_command_name(cmd));
        return NGX_CONF_ERROR;
    }

    return ngx_keyspace_query_uses(cf, q, cmd, reads);
}


/* It writes or publishes, or is a script, which may; and it does not wait. */

static ngx_uint_t
ngx_keyspace_query_may_run(const ks_command_t *cmd)
{
    if (cmd->flags & (KS_CMD_READONLY|KS_CMD_BLOCKING)) {
        return 0;
    }

    return (cmd->flags & (KS_CMD_WRITE|KS_CMD_PAUSES))
           || ((cmd->acl & KS_ACL_SCRIPTING) && cmd->keys[0].first != 0);
}


/* What it does with which keys, as they are written. */

static char *
ngx_keyspace_query_uses(ngx_conf_t *cf, ngx_keyspace_query_t *q,
    const ks_command_t *cmd, ngx_uint_t reads)
{
    ks_str_t                  *argv;
    ngx_uint_t                 i;
    ngx_keyspace_query_use_t   use;

    if (reads && !(cmd->flags & KS_CMD_ALLKEYS)
        && !(cmd->acl & KS_ACL_SCRIPTING))
    {
        return NGX_CONF_OK;
    }

    argv = ngx_palloc(cf->pool, q->nargs * sizeof(ks_str_t));
    if (argv == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < q->nargs; i++) {
        argv[i].data = q->args[i].data;
        argv[i].len = q->args[i].len;
    }

    use.cf = cf;
    use.zone = q->zone;
    use.what = reads ? NGX_KEYSPACE_USE_ALL : NGX_KEYSPACE_USE_RUN;
    use.keys = 0;

    if (ks_far_keys(cmd, (int) q->nargs, argv, ngx_keyspace_query_key, &use)
        != 0)
    {
        return NGX_CONF_ERROR;
    }

    return use.keys ? NGX_CONF_OK
           : ngx_keyspace_use(cf, q->zone, use.what, &ngx_keyspace_no_key);
}


static int
ngx_keyspace_query_key(void *data, const ks_str_t *key)
{
    ngx_keyspace_query_use_t *use = data;

    ngx_str_t  text;

    text.data = key->data;
    text.len = key->len;
    use->keys++;

    return ngx_keyspace_use(use->cf, use->zone, use->what, &text)
           != NGX_CONF_OK;
}


/* --- a request --- */

void
ngx_keyspace_query_run(ngx_keyspace_answer_t *answers, ngx_uint_t n,
    ngx_pool_t *pool, ngx_log_t *log)
{
    ngx_uint_t               i;
    const ks_far_t          *far;
    ngx_keyspace_query_t    *q;
    ngx_keyspace_running_t  *run, one;

    q = answers[0].query;
    far = ks_space_far(q->zone->space);
    run = (n == 1) ? &one : ngx_palloc(pool,
                                       n * sizeof(ngx_keyspace_running_t));

    for (i = 0; i < n; i++) {
        answers[i].value = answers[i].query->value;
        answers[i].error = (run == NULL);
    }

    if (run == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        run[i].answer = &answers[i];
        run[i].away = 0;
    }

    if (far != NULL && (!q->reads || ngx_keyspace_near(q->zone))) {

        for (i = 0; i < n; i++) {
            ngx_keyspace_query_far(&run[i], pool);
        }

    } else if ((n == 1 && far == NULL)
               || ngx_keyspace_query_all(run, n, pool) != NGX_OK)
    {
        for (i = 0; i < n; i++) {
            (void) ngx_keyspace_query_one(&run[i], pool, NULL);
        }
    }

    ngx_keyspace_settle(q->zone);

    for (i = 0; i < n; i++) {
        ngx_keyspace_query_end(&run[i], pool, log);
    }
}


static void *
ngx_keyspace_query_alloc(void *pool, size_t size)
{
    return ngx_palloc(pool, size);
}


static void
ngx_keyspace_query_begin(ngx_keyspace_running_t *run, ngx_pool_t *pool)
{
    ks_out_init(&run->out, run->block, NGX_KEYSPACE_QUERY_BLOCK,
                ngx_keyspace_query_alloc, pool);
    run->out.limit = NGX_KEYSPACE_QUERY_MAX;

    ks_plain_init(&run->writer, &run->out, run->answer->query->item);
}


/*
 * Where the command would have to wait, and wait is NULL, its reply is an
 * error.
 */

static int
ngx_keyspace_query_one(ngx_keyspace_running_t *run, ngx_pool_t *pool,
    ngx_keyspace_query_wait_t *wait)
{
    ks_client_t            client;
    ngx_keyspace_query_t  *q;

    q = run->answer->query;

    ks_ahead_t  a = ks_ahead((int) q->nargs, run->answer->argv);

    ngx_keyspace_query_begin(run, pool);
    ks_client_init(&client, q->zone->space, &ks_user_default);
    client.waiter = wait ? &wait->waiter : NULL;

    if (ks_execute(&client, &a, &run->writer.reply) != KS_WAITS) {
        return KS_OK;
    }

    ngx_keyspace_query_waits(wait);

    return KS_WAITS;
}


static void
ngx_keyspace_query_far(ngx_keyspace_running_t *run, ngx_pool_t *pool)
{
    ngx_keyspace_query_wait_t  *wait;

    wait = ngx_keyspace_query_wait(run->answer->query, NULL, NULL);

    if (ngx_keyspace_query_one(run, pool, wait) == KS_WAITS) {
        run->away = 1;

    } else if (wait != NULL) {
        ngx_keyspace_query_leave(wait);
    }
}


ngx_int_t
ngx_keyspace_query_ask(ngx_keyspace_answer_t *answer,
    ngx_keyspace_query_wait_t *wait, ngx_pool_t *pool, ngx_log_t *log)
{
    int                     rc;
    ngx_keyspace_running_t  run;

    answer->value = answer->query->value;
    answer->error = 0;

    ngx_memzero(&run, sizeof(ngx_keyspace_running_t));
    run.answer = answer;

    rc = ngx_keyspace_query_one(&run, pool, wait);
    ngx_keyspace_settle(answer->query->zone);

    if (rc == KS_WAITS) {
        return NGX_AGAIN;
    }

    ngx_keyspace_query_end(&run, pool, log);

    return NGX_OK;
}


ngx_int_t
ngx_keyspace_query_go_on(ngx_keyspace_answer_t *answer,
    ngx_keyspace_query_wait_t *wait, ngx_pool_t *pool, ngx_log_t *log)
{
    int                     rc;
    ks_client_t             client;
    ngx_keyspace_zone_t    *kz;
    ngx_keyspace_running_t  run;

    kz = answer->query->zone;

    ngx_memzero(&run, sizeof(ngx_keyspace_running_t));
    run.answer = answer;

    ngx_keyspace_query_begin(&run, pool);
    ks_client_init(&client, kz->space, &ks_user_default);
    client.waiter = &wait->waiter;

    rc = ks_blocking_reply(&client, wait->why, &wait->said, &run.writer.reply);
    ngx_keyspace_settle(kz);

    if (rc != KS_OK) {
        ngx_keyspace_query_waits(wait);
        return NGX_AGAIN;
    }

    ngx_keyspace_query_end(&run, pool, log);

    return NGX_OK;
}


/*
 * NGX_DECLINED: they cannot run together, as one of them is wrong or asks for
 * too much; then each has to say so by itself.
 */

static ngx_int_t
ngx_keyspace_query_all(ngx_keyspace_running_t *run, ngx_uint_t n,
    ngx_pool_t *pool)
{
    ngx_uint_t              i;
    ks_queued_t            *q;
    ks_client_t             client;
    ks_transaction_t        t;
    ngx_keyspace_runs_t     runs;
    ngx_keyspace_answer_t  *answer;

    ngx_memzero(&t, sizeof(ks_transaction_t));
    ks_client_init(&client, run[0].answer->query->zone->space,
                   &ks_user_default);

    for (i = 0; i < n; i++) {
        answer = run[i].answer;
        q = &run[i].queued;

        q->next = (i + 1 < n) ? &run[i + 1].queued : NULL;
        q->argc = (int) answer->query->nargs;
        q->argv = answer->argv;

        ngx_keyspace_query_begin(&run[i], pool);

        if (ks_transaction_admit(&client, q, i + 1, &run[i].writer.reply,
                                 &t.shards)
            != KS_OK)
        {
            return NGX_DECLINED;
        }
    }

    runs.running = run;
    runs.n = n;
    runs.pool = pool;

    t.client = &client;
    t.queue = &run[0].queued;
    t.data = &runs;
    t.begin = ngx_keyspace_query_begin_all;
    t.open = ngx_keyspace_query_open;

    return (ks_transaction_run(&t) == KS_OK) ? NGX_OK : NGX_DECLINED;
}


static int
ngx_keyspace_query_begin_all(void *data)
{
    ngx_keyspace_runs_t *runs = data;

    runs->next = 0;

    return 1;
}


static ks_reply_t *
ngx_keyspace_query_open(void *data)
{
    ngx_keyspace_runs_t *runs = data;

    ngx_keyspace_running_t  *run;

    run = &runs->running[runs->next++];
    ngx_keyspace_query_begin(run, runs->pool);

    return &run->writer.reply;
}


/* Makes the value; the reply is whole. */

static void
ngx_keyspace_query_end(ngx_keyspace_running_t *run, ngx_pool_t *pool,
    ngx_log_t *log)
{
    ngx_str_t               text;
    ngx_keyspace_query_t   *q;
    ngx_keyspace_answer_t  *answer;

    answer = run->answer;
    q = answer->query;

    if (run->away) {
        return;
    }

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, log, 0,
                   "keyspace query: \"%V\" found:%d error:%d size:%uz",
                   &q->args[0], run->writer.found, run->writer.error,
                   run->out.size);

    if (!run->out.failed && !run->writer.found && !run->writer.error) {
        return;
    }

    if (run->out.failed
        || ngx_keyspace_query_text(&run->out, pool, &text) != NGX_OK)
    {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "the reply to \"%V\" in keyspace zone \"%V\" is larger "
                      "than %d bytes", &q->args[0], &q->zone->name,
                      NGX_KEYSPACE_QUERY_MAX);
        answer->error = 1;
        return;
    }

    if (run->writer.error) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "\"%V\" in keyspace zone \"%V\" failed: %V",
                      &q->args[0], &q->zone->name, &text);
        answer->error = 1;
        return;
    }

    if (q->path.data == NULL
        || ngx_keyspace_query_path(&q->path, pool, &text) == NGX_OK)
    {
        answer->value = text;
    }
}


static ngx_int_t
ngx_keyspace_query_text(ks_out_t *out, ngx_pool_t *pool, ngx_str_t *text)
{
    u_char        *p;
    ks_segment_t  *seg;

    p = ngx_pnalloc(pool, ngx_max(out->size, 1));
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = out->size;

    for (seg = out->first; seg != NULL; seg = seg->next) {
        p = ngx_cpymem(p, seg->start, seg->last - seg->start);
    }

    return NGX_OK;
}


/*
 * What the path leads to, with names of members and numbers of elements between
 * dots; NGX_DECLINED: there is nothing.
 */

static ngx_int_t
ngx_keyspace_query_path(ngx_str_t *path, ngx_pool_t *pool, ngx_str_t *text)
{
    char       *printed;
    cJSON      *root, *at;
    u_char     *p, *dot, *last;
    ngx_int_t   rc;

    root = cJSON_ParseWithLength((char *) text->data, text->len);
    last = path->data + path->len;

    for (at = root, p = path->data; at != NULL && p < last; p = dot + 1) {
        dot = ngx_strlchr(p, last, '.');

        if (dot == NULL) {
            dot = last;
        }

        at = ngx_keyspace_query_step(at, p, dot - p);
    }

    if (at == NULL || cJSON_IsNull(at)) {
        cJSON_Delete(root);
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;
    printed = cJSON_IsString(at) ? NULL : cJSON_PrintUnformatted(at);

    p = (u_char *) (cJSON_IsString(at) ? at->valuestring : printed);

    if (p != NULL) {
        text->len = ngx_strlen(p);
        text->data = ngx_pnalloc(pool, ngx_max(text->len, 1));
    }

    if (p != NULL && text->data != NULL) {
        ngx_memcpy(text->data, p, text->len);
        rc = NGX_OK;
    }

    cJSON_free(printed);
    cJSON_Delete(root);

    return rc;
}


static cJSON *
ngx_keyspace_query_step(cJSON *at, u_char *p, size_t len)
{
    cJSON      *item;
    ngx_int_t   n;

    if (cJSON_IsArray(at)) {
        n = ngx_atoi(p, len);
        return (n == NGX_ERROR || n > INT_MAX)
               ? NULL : cJSON_GetArrayItem(at, (int) n);
    }

    if (!cJSON_IsObject(at)) {
        return NULL;
    }

    cJSON_ArrayForEach(item, at) {
        if (ngx_strlen(item->string) == len
            && ngx_strncmp(item->string, p, len) == 0)
        {
            return item;
        }
    }

    return NULL;
}
