
/*
 * Queries in a zone that is the edge of another store: that may have to run the
 * command, or to be asked for keys first.
 *
 * Who asks goes on, as a rule, and finds out with the log what has become of
 * it; the keys are here the next time.  Who can wait is woken.
 */


#include "ngx_keyspace_query.h"
#include "commands/ks_far.h"
#include "replica/ks_reply_reader.h"


static void ngx_keyspace_query_woken(ks_waiter_t *w, ks_woken_t why,
    const ks_str_t *bytes);
static void ngx_keyspace_query_judge(ngx_keyspace_query_wait_t *wait,
    const ks_str_t *bytes);


ngx_uint_t
ngx_keyspace_near(const ngx_keyspace_zone_t *kz)
{
    const ks_far_t  *far;

    far = ks_space_far(kz->space);

    return far != NULL && far->knows != NULL;
}


ngx_keyspace_query_wait_t *
ngx_keyspace_query_wait(ngx_keyspace_query_t *q, void (*woken)(void *data),
    void *data)
{
    ngx_keyspace_query_wait_t  *wait;

    wait = ngx_calloc(sizeof(ngx_keyspace_query_wait_t), ngx_cycle->log);
    if (wait == NULL) {
        return NULL;
    }

    wait->waiter.id = ks_next_id(q->zone->space);
    wait->waiter.woken = ngx_keyspace_query_woken;
    wait->query = q;
    wait->woken = woken;
    wait->data = data;

    return wait;
}


/* A worker that shuts down stays for it. */

void
ngx_keyspace_query_waits(ngx_keyspace_query_wait_t *wait)
{
    ngx_keyspace_keep(1);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace query: \"%V\" waits for the upstream of \"%V\"",
                   &wait->query->args[0], &wait->query->zone->name);
}


static void
ngx_keyspace_query_woken(ks_waiter_t *w, ks_woken_t why,
    const ks_str_t *bytes)
{
    ngx_keyspace_query_wait_t  *wait;

    wait = (ngx_keyspace_query_wait_t *) w;
    wait->why = why;
    ngx_keyspace_keep(-1);

    if (wait->woken == NULL) {

        if (!wait->query->reads) {
            ngx_keyspace_query_judge(wait, bytes);
        }

        ngx_keyspace_query_leave(wait);
        return;
    }

    ngx_free(wait->said.data);
    wait->said.data = ngx_alloc(ngx_max(bytes->len, 1), ngx_cycle->log);
    wait->said.len = bytes->len;

    if (wait->said.data == NULL) {
        wait->why = KS_WOKEN_LOST;

    } else {
        ngx_memcpy(wait->said.data, bytes->data, bytes->len);
    }

    wait->woken(wait->data);
}


/* It was run for its effect: only a failure is of interest. */

static void
ngx_keyspace_query_judge(ngx_keyspace_query_wait_t *wait,
    const ks_str_t *bytes)
{
    ngx_str_t              text;
    const u_char          *p;
    ks_reader_item_t       it;
    ngx_keyspace_query_t  *q;

    q = wait->query;
    p = bytes->data;
    ngx_str_set(&text, "its reply was lost");

    if (wait->why == KS_WOKEN_SERVED
        && ks_reader_item(&p, bytes->data + bytes->len, &it) == KS_OK)
    {
        if (it.kind != '-' && it.kind != '!') {
            return;
        }

        text.data = it.text.data;
        text.len = it.text.len;
    }

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "\"%V\" in keyspace zone \"%V\", which was handed to its "
                  "upstream, failed: %V", &q->args[0], &q->zone->name, &text);

    ks_count(q->zone->zone, KS_COUNT_RUN_FAULTS);
}


void
ngx_keyspace_query_leave(ngx_keyspace_query_wait_t *wait)
{
    if (wait->waiter.waits) {
        wait->woken = NULL;
        return;
    }

    ngx_free(wait->said.data);
    ngx_free(wait);
}
