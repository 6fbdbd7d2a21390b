
/*
 * Clients that bring a sync token (commands/ks_sync_token.h), and wait until
 * what they read here is at least as new.
 *
 * mode=replica: a token of the history that the zone follows is compared with
 * its place there.  mode=near: the zone has no place; its own tokens are
 * covered, since what its clients write, or are told by the store, is gone from
 * here before they have their reply.
 *
 * Any other token is of an edge of the same store, or of a history that has
 * ended.  What it stands for is in the store by now: so the store is asked how
 * far it is, and the zone comes to there; or, in mode=near, all that has
 * happened over there up to now is waited for on the link, of a cluster on the
 * links to all nodes.  A store that is an edge itself, of which the token may
 * be ahead, waits for it first.  What was waited for once is remembered.
 *
 * A wait has the waiter of its client, and one of its own, for what is asked.
 */


#include "ngx_keyspace_far_job.h"
#include "commands/ks_args.h"
#include "commands/ks_sync_token.h"
#include "keyspace/ks_primary.h"
#include "keyspace/ks_upstream.h"


#define NGX_KEYSPACE_SYNC_KNOWN  64             /* histories */
#define NGX_KEYSPACE_SYNC_TRIES  4              /* to see a place as one */
#define NGX_KEYSPACE_SYNC_FENCES 100            /* on a link that is young */


struct ngx_keyspace_syncs_s {
    ngx_queue_t              syncs;
    ngx_uint_t               next;
    ks_sync_token_t          known[NGX_KEYSPACE_SYNC_KNOWN];
};

typedef enum {
    NGX_KEYSPACE_SYNC_ROLE = 0,     /* the store is asked how far it is, */
    NGX_KEYSPACE_SYNC_EDGE,         /* or to wait for the token; */
    NGX_KEYSPACE_SYNC_HERE          /* the zone comes to there */
} ngx_keyspace_sync_step_t;

typedef struct {
    ngx_queue_t              queue;
    ks_waiter_t             *waiter;        /* the client's */
    ks_waiter_t              inner;
    ngx_keyspace_forward_t  *forward;
    ks_sync_token_t          token;
    ngx_keyspace_sync_step_t  step;
    ngx_msec_t               ms;
    ngx_uint_t               fences;
    ngx_event_t              timer;
    unsigned                 foreign:1;     /* it is to be remembered */
    unsigned                 ready:1;       /* the zone was there at once */
} ngx_keyspace_sync_t;


static int ngx_keyspace_sync_position(ks_far_t *far, ks_sync_token_t *token);
static int ngx_keyspace_sync_take(ks_far_t *far, ks_waiter_t *waiter,
    const ks_sync_token_t *token, uint64_t ms);
static ks_sync_token_t *ngx_keyspace_sync_known(ngx_keyspace_syncs_t *syncs,
    const ks_sync_token_t *token);
static void ngx_keyspace_sync_remember(ngx_keyspace_syncs_t *syncs,
    const ks_sync_token_t *token);
static ngx_int_t ngx_keyspace_sync_ask(ngx_keyspace_sync_t *s);
static ngx_int_t ngx_keyspace_sync_role(ngx_keyspace_sync_t *s);
static ngx_int_t ngx_keyspace_sync_edge(ngx_keyspace_sync_t *s);
static ngx_int_t ngx_keyspace_sync_here(ngx_keyspace_sync_t *s,
    uint64_t offset);
static void ngx_keyspace_sync_woken(ks_waiter_t *w, ks_woken_t why,
    const ks_str_t *bytes);
static ngx_int_t ngx_keyspace_sync_fenced(ngx_keyspace_sync_t *s);
static ngx_int_t ngx_keyspace_sync_said(ngx_keyspace_sync_t *s,
    const ks_str_t *bytes);
static void ngx_keyspace_sync_late(ngx_event_t *ev);
static void ngx_keyspace_sync_end(ngx_keyspace_sync_t *s, ngx_int_t rc);
static void ngx_keyspace_sync_left(ks_waiter_t *w);
static void ngx_keyspace_sync_free(ngx_keyspace_sync_t *s);
static int ngx_keyspace_sync_say(void *client, const ks_str_t *bytes,
    ks_reply_t *reply);


ngx_int_t
ngx_keyspace_sync_open(ngx_keyspace_forward_t *fw)
{
    fw->syncs = ngx_calloc(sizeof(ngx_keyspace_syncs_t), ngx_cycle->log);
    if (fw->syncs == NULL) {
        return NGX_ERROR;
    }

    ngx_queue_init(&fw->syncs->syncs);

    fw->far.position = ngx_keyspace_sync_position;
    fw->far.sync = ngx_keyspace_sync_take;

    return NGX_OK;
}


void
ngx_keyspace_sync_close(ngx_keyspace_forward_t *fw)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&fw->syncs->syncs)) {
        q = ngx_queue_head(&fw->syncs->syncs);
        ngx_keyspace_sync_free(ngx_queue_data(q, ngx_keyspace_sync_t, queue));
    }

    ngx_free(fw->syncs);
}


/* --- where the zone is --- */

/* The name and the offset are two words: they are read until they stay. */

static int
ngx_keyspace_sync_follows(ngx_keyspace_forward_t *fw, ks_sync_token_t *token)
{
    ngx_uint_t           i;
    ks_upstream_state_t  before, st;

    ks_upstream_state(fw->zone->zone, &before);

    for (i = 0; i < NGX_KEYSPACE_SYNC_TRIES; i++) {
        ngx_memory_barrier();
        ks_upstream_state(fw->zone->zone, &st);

        if (ngx_memcmp(st.replid, before.replid, KS_REPLID) == 0) {
            ngx_memcpy(token->id, st.replid, KS_REPLID);
            token->n = before.offset;
            return (st.whole && st.replid[0] != '\0') ? KS_OK : KS_NONE;
        }

        before = st;
    }

    return KS_NONE;
}


static int
ngx_keyspace_sync_position(ks_far_t *far, ks_sync_token_t *token)
{
    ngx_keyspace_forward_t      *fw;
    ngx_keyspace_near_shared_t  *shared;

    fw = (ngx_keyspace_forward_t *) far;
    shared = fw->zone->upstream->shared;

    if (shared != NULL) {
        ngx_memcpy(token->id, shared->id, KS_REPLID);
        token->n = shared->clock;
        return KS_OK;
    }

    if (fw->lates == NULL || ngx_keyspace_sync_follows(fw, token) != KS_OK) {
        return KS_NONE;
    }

    /* what its client was told of, if the zone is not there yet */

    token->n = ngx_max(token->n, ngx_keyspace_far_late_behind(fw->lates));

    return KS_OK;
}


/* --- histories of others --- */

static ks_sync_token_t *
ngx_keyspace_sync_known(ngx_keyspace_syncs_t *syncs,
    const ks_sync_token_t *token)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_KEYSPACE_SYNC_KNOWN; i++) {
        if (ngx_memcmp(syncs->known[i].id, token->id, KS_REPLID) == 0) {
            return &syncs->known[i];
        }
    }

    return NULL;
}


static void
ngx_keyspace_sync_remember(ngx_keyspace_syncs_t *syncs,
    const ks_sync_token_t *token)
{
    ks_sync_token_t  *known;

    known = ngx_keyspace_sync_known(syncs, token);

    if (known == NULL) {
        known = &syncs->known[syncs->next++ % NGX_KEYSPACE_SYNC_KNOWN];
        *known = *token;
        return;
    }

    known->n = ngx_max(known->n, token->n);
}


/* --- a wait --- */

/*
 * KS_OK: it is there; KS_NONE: it is not; KS_ERR: the history is none that the
 * zone goes by.
 */

static int
ngx_keyspace_sync_compare(ngx_keyspace_forward_t *fw,
    const ks_sync_token_t *token)
{
    ks_sync_token_t   own, *known;

    /* as a primary, and in mode=near, all that it has told of is here */

    if (ks_sync_token_own(fw->zone->space, &own) == KS_OK
        && (fw->lates == NULL || ks_primary_on(fw->zone->space))
        && ngx_memcmp(own.id, token->id, KS_REPLID) == 0)
    {
        return KS_OK;
    }

    if (fw->lates != NULL
        && ngx_keyspace_sync_follows(fw, &own) == KS_OK
        && ngx_memcmp(own.id, token->id, KS_REPLID) == 0)
    {
        return own.n >= token->n ? KS_OK : KS_NONE;
    }

    known = ngx_keyspace_sync_known(fw->syncs, token);

    return (known != NULL && known->n >= token->n) ? KS_OK : KS_ERR;
}


static int
ngx_keyspace_sync_take(ks_far_t *far, ks_waiter_t *waiter,
    const ks_sync_token_t *token, uint64_t ms)
{
    int                      rc;
    ngx_int_t                ok;
    ngx_keyspace_sync_t     *s;
    ngx_keyspace_forward_t  *fw;

    fw = (ngx_keyspace_forward_t *) far;
    rc = ngx_keyspace_sync_compare(fw, token);

    if (rc == KS_OK || (far->serves != NULL && far->near != NULL
                        && !far->cluster && !far->serves(far, NULL)))
    {
        return KS_NONE;
    }

    s = ngx_calloc(sizeof(ngx_keyspace_sync_t), ngx_cycle->log);
    if (s == NULL) {
        return KS_NOMEM;
    }

    s->forward = fw;
    s->waiter = waiter;
    s->token = *token;
    s->foreign = (rc == KS_ERR);
    s->ms = ms ? (ngx_msec_t) ngx_min(ms, 24 * 3600 * 1000)
               : fw->zone->upstream->sync_timeout;
    s->inner.woken = ngx_keyspace_sync_woken;
    s->timer.handler = ngx_keyspace_sync_late;
    s->timer.data = s;
    s->timer.log = ngx_cycle->log;

    ngx_queue_insert_tail(&fw->syncs->syncs, &s->queue);
    ks_waiters_begin_far(waiter, s, ngx_keyspace_sync_left,
                         ngx_keyspace_sync_say);

    ok = s->foreign ? ngx_keyspace_sync_ask(s)
                    : ngx_keyspace_sync_here(s, token->n);

    ngx_log_debug4(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: a client waits for a sync token, "
                   "foreign: %d, %uL, for %M ms: %i", (int) s->foreign,
                   token->n, s->ms, ok);

    /* the waiter is never woken within this call */

    s->ready = (ok == NGX_OK);
    ngx_add_timer(&s->timer, ok == NGX_AGAIN ? s->ms : 0);

    return KS_WAITS;
}


/* NGX_AGAIN: the inner waiter waits. */

static ngx_int_t
ngx_keyspace_sync_ask(ngx_keyspace_sync_t *s)
{
    if (s->forward->cluster != NULL) {

        /* of which no node is an edge, or knows how far the others are */

        return ngx_keyspace_sync_here(s, 0);
    }

    if (s->forward->chained) {
        return ngx_keyspace_sync_edge(s);
    }

    return ngx_keyspace_sync_role(s);
}


static ngx_int_t
ngx_keyspace_sync_role(ngx_keyspace_sync_t *s)
{
    ks_str_t  argv[1];

    s->step = NGX_KEYSPACE_SYNC_ROLE;
    argv[0] = ks_text("ROLE");

    return s->forward->ask(s->forward, &s->inner, 1, argv, 0) == NGX_OK
           ? NGX_AGAIN : NGX_ERROR;
}


static ngx_int_t
ngx_keyspace_sync_edge(ngx_keyspace_sync_t *s)
{
    u_char    text[KS_SYNC_TOKEN], ms[NGX_INT64_LEN];
    ks_str_t  argv[3];

    s->step = NGX_KEYSPACE_SYNC_EDGE;

    argv[0] = ks_text("KEYSPACE.SYNC");
    argv[1].data = text;
    argv[1].len = ks_sync_token_write(&s->token, text);
    argv[2].data = ms;
    argv[2].len = ngx_sprintf(ms, "%M", s->ms) - ms;

    return s->forward->ask(s->forward, &s->inner, 3, argv, 1) == NGX_OK
           ? NGX_AGAIN : NGX_ERROR;
}


/* The zone comes to where the store is, or was. */

static ngx_int_t
ngx_keyspace_sync_here(ngx_keyspace_sync_t *s, uint64_t offset)
{
    ngx_keyspace_forward_t  *fw;

    fw = s->forward;
    s->step = NGX_KEYSPACE_SYNC_HERE;

    if (fw->lates != NULL) {
        return ngx_keyspace_far_late_wait(fw->lates, &s->inner, offset);
    }

    return (ngx_keyspace_near_fence(fw->zone, &s->inner) == NGX_OK)
           ? NGX_AGAIN : NGX_ERROR;
}


static void
ngx_keyspace_sync_woken(ks_waiter_t *w, ks_woken_t why, const ks_str_t *bytes)
{
    ngx_int_t             rc;
    ngx_keyspace_sync_t  *s;

    s = (ngx_keyspace_sync_t *)
            ((u_char *) w - offsetof(ngx_keyspace_sync_t, inner));

    rc = ngx_keyspace_sync_said(s, bytes);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace far: a sync token, step %d: %i", (int) s->step,
                   rc);

    if (rc != NGX_AGAIN) {
        ngx_keyspace_sync_end(s, rc);
    }
}


/*
 * What was told on this worker's link up to now is done.  If there is an older
 * link, that may have been told of more.
 */

static ngx_int_t
ngx_keyspace_sync_fenced(ngx_keyspace_sync_t *s)
{
    ngx_int_t  rc;

    rc = ngx_keyspace_near_fences(s->forward->zone);

    if (rc != NGX_AGAIN || ++s->fences == NGX_KEYSPACE_SYNC_FENCES) {
        return (rc == NGX_OK) ? NGX_OK : NGX_ERROR;
    }

    return ngx_keyspace_sync_here(s, 0);
}


/* NGX_OK: the zone is there; NGX_ERROR: it will not come there. */

static ngx_int_t
ngx_keyspace_sync_said(ngx_keyspace_sync_t *s, const ks_str_t *bytes)
{
    uint64_t                 offset;
    ngx_int_t                rc;
    ngx_keyspace_forward_t  *fw;

    fw = s->forward;

    if (s->step == NGX_KEYSPACE_SYNC_HERE) {
        return (fw->lates != NULL) ? NGX_OK : ngx_keyspace_sync_fenced(s);
    }

    rc = ngx_keyspace_job_answer(fw->zone, bytes->data, bytes->len, &offset);

    if (s->step == NGX_KEYSPACE_SYNC_ROLE && rc == NGX_DECLINED && fw->chained)
    {
        return ngx_keyspace_sync_edge(s);
    }

    if (bytes->len != 0 && *bytes->data == '-') {

        /* a link of mode=near needs no answer, if there is one at all */

        if (fw->lates != NULL || s->step == NGX_KEYSPACE_SYNC_EDGE
            || ngx_strncmp(bytes->data, "-NOPERM", 7) != 0)
        {
            return NGX_ERROR;
        }

        rc = NGX_OK;
    }

    if (rc == NGX_ERROR && fw->lates != NULL) {
        return NGX_ERROR;
    }

    return ngx_keyspace_sync_here(s, offset);
}


static void
ngx_keyspace_sync_late(ngx_event_t *ev)
{
    ngx_keyspace_sync_t  *s;

    s = ev->data;

    ngx_keyspace_sync_end(s, s->ready ? NGX_OK : NGX_ERROR);
}


/* Its client is told. */

static void
ngx_keyspace_sync_end(ngx_keyspace_sync_t *s, ngx_int_t rc)
{
    u_char                   text[128], token[KS_SYNC_TOKEN];
    size_t                   n;
    ks_str_t                 bytes;
    ks_waiter_t             *w;
    ks_sync_token_t          own;
    ngx_keyspace_forward_t  *fw;

    fw = s->forward;
    w = s->waiter;

    if (rc == NGX_OK && s->foreign) {
        ngx_keyspace_sync_remember(fw->syncs, &s->token);
        ngx_keyspace_near_tick(fw->zone);
    }

    bytes.data = text;

    if (rc == NGX_OK && ks_sync_token_own(fw->zone->space, &own) == KS_OK) {
        n = ks_sync_token_write(&own, token);
        bytes.len = ngx_sprintf(text, "$%uz" CRLF "%*s" CRLF, n, n, token)
                    - text;

    } else {
        bytes.len = ngx_sprintf(text, "-BEHIND this edge has not come to what "
                                "the sync token tells of within %M ms" CRLF,
                                s->ms)
                    - text;
    }

    ngx_keyspace_sync_free(s);
    ks_waiters_wake_far(w, &bytes);
}


static void
ngx_keyspace_sync_left(ks_waiter_t *w)
{
    ngx_keyspace_sync_free(w->far);
}


static void
ngx_keyspace_sync_free(ngx_keyspace_sync_t *s)
{
    if (s->inner.waits) {
        (void) ks_waiters_leave(s->forward->zone->space, &s->inner);
    }

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    ngx_queue_remove(&s->queue);
    ngx_free(s);
}


static int
ngx_keyspace_sync_say(void *client, const ks_str_t *bytes, ks_reply_t *reply)
{
    ks_reader_say(bytes->data, bytes->len, reply);

    return KS_OK;
}
