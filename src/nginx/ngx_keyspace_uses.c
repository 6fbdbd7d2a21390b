
/*
 * What directives do with keys of a zone, and whether that can be: of a zone
 * that is the edge of another store, some keys are that store's, and some of
 * them are not here.  See docs/replication.md for the table of all of it.
 */


#include "ngx_keyspace_uses.h"
#include "ngx_keyspace_far.h"


typedef struct {
    ngx_keyspace_use_t  what;
    ngx_str_t           directive;
    ngx_str_t           key;
    ngx_str_t           file;
    ngx_uint_t          line;
} ngx_keyspace_used_t;


static ngx_uint_t ngx_keyspace_used_local(ngx_keyspace_upstream_t *us,
    ngx_keyspace_used_t *u);
static const char *ngx_keyspace_used_wrong(ngx_keyspace_upstream_t *us,
    ngx_keyspace_used_t *u, ngx_uint_t *level);


char *
ngx_keyspace_use(ngx_conf_t *cf, ngx_keyspace_zone_t *kz,
    ngx_keyspace_use_t what, const ngx_str_t *key)
{
    ngx_str_t            *value;
    ngx_keyspace_used_t  *u;

    if (kz->uses == NULL) {
        kz->uses = ngx_array_create(cf->pool, 2, sizeof(ngx_keyspace_used_t));
        if (kz->uses == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    u = ngx_array_push(kz->uses);
    if (u == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    u->what = what;
    u->directive = value[0];
    u->key = *key;
    u->file = cf->conf_file->file.name;
    u->line = cf->conf_file->line;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_keyspace_uses_check(ngx_cycle_t *cycle, ngx_keyspace_zone_t *kz)
{
    const char           *wrong;
    ngx_uint_t            i, level;
    ngx_keyspace_used_t  *u;

    if (kz->upstream == NULL || kz->uses == NULL) {
        return NGX_OK;
    }

    u = kz->uses->elts;

    for (i = 0; i < kz->uses->nelts; i++) {
        level = NGX_LOG_EMERG;

        wrong = ngx_keyspace_used_wrong(kz->upstream, &u[i], &level);
        if (wrong == NULL) {
            continue;
        }

        ngx_log_error(level, cycle->log, 0,
                      "\"%V\"%s%V%s in keyspace zone \"%V\", which has an "
                      "\"upstream\": %s in %V:%ui", &u[i].directive,
                      u[i].key.len ? " with keys \"" : "", &u[i].key,
                      u[i].key.len ? "\"" : "", &kz->name, wrong, &u[i].file,
                      u[i].line);

        if (level == NGX_LOG_EMERG) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* NULL: it can be; otherwise why not, and what there is to do. */

static const char *
ngx_keyspace_used_wrong(ngx_keyspace_upstream_t *us, ngx_keyspace_used_t *u,
    ngx_uint_t *level)
{
    ngx_uint_t  near;

    near = (us->mode == NGX_KEYSPACE_NEAR);

    if (ngx_keyspace_used_local(us, u)) {
        return NULL;
    }

    switch (u->what) {

    case NGX_KEYSPACE_USE_LIMITS:
        return "limits are this edge's own, and their keys have to be in "
               "\"local_prefix\"";

    case NGX_KEYSPACE_USE_SESSIONS:

        if (near) {
            return "sessions are this edge's own, and their keys have to be "
                   "in \"local_prefix\"";
        }

        *level = NGX_LOG_WARN;
        return "sessions are those of the upstream: they can be used here, but "
               "none begins, changes or lasts longer for it; \"local_prefix\" "
               "makes them this edge's own";

    case NGX_KEYSPACE_USE_RESPONSES:
        *level = NGX_LOG_WARN;
        return near ? "what is stored is deleted when the link is lost; "
                      "\"local_prefix\" keeps it" : NULL;

    case NGX_KEYSPACE_USE_RUN:
        return (us->writes == NGX_KEYSPACE_REFUSE)
               ? "the command is refused each time by \"writes=refuse\"" : NULL;

    case NGX_KEYSPACE_USE_ALL:
        return near ? "a command that scripts or that asks for all keys is run "
                      "by the upstream with \"mode=near\", and a variable "
                      "cannot wait for that" : NULL;

    case NGX_KEYSPACE_USE_STREAM:
        return near ? "streams are followed with \"mode=replica\"; with "
                      "\"mode=near\" only \"channel\" and \"pattern\" come here"
                    : NULL;
    }

    return NULL;
}


/*
 * Whether it is one of the keys of this edge alone.  A key with variables may
 * turn out to be one, if what comes before the first of them does not speak
 * against it.
 */

static ngx_uint_t
ngx_keyspace_used_local(ngx_keyspace_upstream_t *us, ngx_keyspace_used_t *u)
{
    u_char      *end;
    size_t       len;
    ngx_str_t   *prefix;
    ngx_uint_t   i, open;

    if (us->local == NULL || u->key.len == 0) {
        return 0;
    }

    end = (u->what < NGX_KEYSPACE_USE_RUN)
          ? NULL : ngx_strlchr(u->key.data, u->key.data + u->key.len, '$');

    open = (end != NULL);
    len = open ? (size_t) (end - u->key.data) : u->key.len;
    prefix = us->local->elts;

    for (i = 0; i < us->local->nelts; i++) {
        if ((len >= prefix[i].len || open)
            && ngx_strncmp(u->key.data, prefix[i].data,
                           ngx_min(len, prefix[i].len)) == 0)
        {
            return 1;
        }
    }

    return 0;
}
