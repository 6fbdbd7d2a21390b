
/*
 * mode=near: keys that are fetched over the link, each once for all that wait for
 * it, and keys that are known to be none.
 */


#include "ngx_keyspace_far_fetch.h"
#include "commands/ks_args.h"


typedef struct {
    ngx_queue_t              queue;         /* of the link */
    ngx_queue_t              bucket;
    ngx_queue_t              waits;
    ks_str_t                 key;           /* behind it */
    uint64_t                 number;
    uint64_t                 hash;
    uint64_t                 sent;          /* ms since the epoch */
    int64_t                  pttl;
    uint32_t                 seen;          /* its cell */
    unsigned                 half:1;        /* PTTL has been replied to */
} ngx_keyspace_near_fetch_t;

/* a client that waits for one */
typedef struct {
    ngx_queue_t              queue;
    ks_waiter_t             *waiter;
    ks_str_t                 command;       /* behind it, as it would be sent */
} ngx_keyspace_near_wait_t;


static int ngx_keyspace_near_knows(ks_far_t *far, const ks_str_t *key);
static int ngx_keyspace_near_serves(ks_far_t *far);
static int ngx_keyspace_near_fetch(ks_far_t *far, ks_client_t *client,
    const ks_far_job_t *job, const ks_str_t **keys, int n);
static ngx_keyspace_near_fetch_t *ngx_keyspace_near_asked(
    ngx_keyspace_near_t *nr, uint64_t hash, const ks_str_t *key);
static ngx_keyspace_near_fetch_t *ngx_keyspace_near_ask(
    ngx_keyspace_near_t *nr, const ks_str_t *key);
static ngx_int_t ngx_keyspace_near_wait(ngx_keyspace_near_fetch_t *f,
    ks_client_t *client, const ks_far_job_t *job);
static void ngx_keyspace_near_left(ks_waiter_t *w);
static int ngx_keyspace_near_again(void *data, const ks_str_t *bytes,
    ks_reply_t *reply);
static void ngx_keyspace_near_done(ngx_keyspace_near_fetch_t *f);
static void ngx_keyspace_near_value(ngx_keyspace_near_t *nr,
    ngx_keyspace_near_fetch_t *f, u_char *p, size_t len);


void
ngx_keyspace_near_reads(ngx_keyspace_near_t *nr, ks_far_t *far)
{
    ngx_uint_t  i;

    ngx_queue_init(&nr->fetches);

    for (i = 0; i < NGX_KEYSPACE_NEAR_BUCKETS; i++) {
        ngx_queue_init(&nr->buckets[i]);
    }

    far->knows = ngx_keyspace_near_knows;
    far->serves = ngx_keyspace_near_serves;
    far->fetch = ngx_keyspace_near_fetch;
    far->near = nr;
}


/* --- reads --- */

static ngx_inline uint64_t
ngx_keyspace_near_hash(ngx_keyspace_near_t *nr, const ks_str_t *key)
{
    return ks_place(nr->zone->space, key).hash;
}


/* That there is no such key over there. */

static int
ngx_keyspace_near_knows(ks_far_t *far, const ks_str_t *key)
{
    uint64_t                   hash;
    ngx_keyspace_near_t       *nr;
    ngx_keyspace_near_none_t  *none;

    nr = far->near;
    hash = ngx_keyspace_near_hash(nr, key);
    none = &nr->none[hash % NGX_KEYSPACE_NEAR_NONE];

    return none->hash == hash
           && none->purges == (uint32_t) nr->shared->purges
           && none->seen == ks_near_cell(&nr->shared->near, nr->zone->space,
                                         key)
           && (none->until == 0 || none->until > ks_clock());
}


static int
ngx_keyspace_near_serves(ks_far_t *far)
{
    ngx_msec_t            stale;
    ngx_keyspace_near_t  *nr;

    nr = far->near;

    if (__atomic_load_n(&nr->shared->near.suspect, __ATOMIC_SEQ_CST) == 0) {
        return 1;
    }

    /* while there is no link nobody can tell: then what is there may be read
       on for a while */

    stale = nr->zone->upstream->stale;

    return stale != 0 && !nr->armed && nr->shared->near.suspect == 1
           && nr->shared->purges != 0
           && ks_clock() - nr->shared->since < (uint64_t) stale;
}


static int
ngx_keyspace_near_fetch(ks_far_t *far, ks_client_t *client,
    const ks_far_job_t *job, const ks_str_t **keys, int n)
{
    int                         i;
    uint64_t                    hash;
    ngx_keyspace_near_t        *nr;
    ngx_keyspace_near_fetch_t  *f, *last;

    nr = far->near;

    if (!nr->armed || nr->shared->near.suspect != 0 || client->waiter->waits) {
        return KS_NONE;
    }

    for (i = 0, last = NULL; i < n; i++) {
        hash = ngx_keyspace_near_hash(nr, keys[i]);
        f = ngx_keyspace_near_asked(nr, hash, keys[i]);

        if (f == NULL) {
            f = ngx_keyspace_near_ask(nr, keys[i]);
        }

        if (f == NULL) {
            return KS_NONE;
        }

        if (last == NULL || f->number > last->number) {
            last = f;
        }
    }

    return (ngx_keyspace_near_wait(last, client, job) == NGX_OK) ? KS_WAITS
                                                                 : KS_NONE;
}


/* One that is under way. */

static ngx_keyspace_near_fetch_t *
ngx_keyspace_near_asked(ngx_keyspace_near_t *nr, uint64_t hash,
    const ks_str_t *key)
{
    ngx_queue_t                *q, *bucket;
    ngx_keyspace_near_fetch_t  *f;

    bucket = &nr->buckets[hash % NGX_KEYSPACE_NEAR_BUCKETS];

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        f = ngx_queue_data(q, ngx_keyspace_near_fetch_t, bucket);

        if (f->hash == hash && f->key.len == key->len
            && ngx_memcmp(f->key.data, key->data, key->len) == 0)
        {
            return f;
        }
    }

    return NULL;
}


static ngx_keyspace_near_fetch_t *
ngx_keyspace_near_ask(ngx_keyspace_near_t *nr, const ks_str_t *key)
{
    ks_str_t                    argv[2];
    ngx_keyspace_near_fetch_t  *f;

    f = ngx_calloc(sizeof(ngx_keyspace_near_fetch_t) + key->len + 1,
                   ngx_cycle->log);
    if (f == NULL) {
        return NULL;
    }

    f->key.data = (u_char *) (f + 1);
    f->key.len = key->len;
    ngx_memcpy(f->key.data, key->data, key->len);

    f->hash = ngx_keyspace_near_hash(nr, key);
    f->seen = ks_near_cell(&nr->shared->near, nr->zone->space, key);
    f->sent = ks_clock();
    f->number = ++nr->number;
    ngx_queue_init(&f->waits);

    argv[0] = ks_text("PTTL");
    argv[1] = f->key;

    if (ngx_keyspace_far_command(&nr->far, 2, argv) != NGX_OK) {
        ngx_free(f);
        return NULL;
    }

    argv[0] = ks_text("DUMP");

    if (ngx_keyspace_far_command(&nr->far, 2, argv) != NGX_OK) {

        /* there is a reply to come that nobody waits for */

        ngx_free(f);
        ngx_keyspace_far_lost(&nr->far, "there is no memory for it");
        return NULL;
    }

    ngx_queue_insert_tail(&nr->fetches, &f->queue);
    ngx_queue_insert_tail(&nr->buckets[f->hash % NGX_KEYSPACE_NEAR_BUCKETS],
                          &f->bucket);

    ngx_keyspace_far_expect(&nr->far, nr->zone->upstream->timeout);
    ks_count(nr->zone->zone, KS_COUNT_NEAR_FETCHES);

    return f;
}


static ngx_int_t
ngx_keyspace_near_wait(ngx_keyspace_near_fetch_t *f, ks_client_t *client,
    const ks_far_job_t *job)
{
    size_t                     size;
    ngx_keyspace_near_wait_t  *w;

    size = ngx_keyspace_far_size(job->argc, job->argv);

    w = ngx_alloc(sizeof(ngx_keyspace_near_wait_t) + size, ngx_cycle->log);
    if (w == NULL) {
        return NGX_ERROR;
    }

    w->waiter = client->waiter;
    w->command.data = (u_char *) (w + 1);
    w->command.len = ngx_keyspace_far_write_command(w->command.data,
                                                    job->argc, job->argv)
                     - w->command.data;

    ngx_queue_insert_tail(&f->waits, &w->queue);

    ks_waiters_begin_far(client->waiter, w, ngx_keyspace_near_left,
                         ngx_keyspace_near_again);

    return NGX_OK;
}


static void
ngx_keyspace_near_left(ks_waiter_t *waiter)
{
    ngx_keyspace_near_wait_t  *w;

    w = waiter->far;

    ngx_queue_remove(&w->queue);
    ngx_free(w);
}


/* Runs the command again, for which keys were fetched. */

static int
ngx_keyspace_near_again(void *data, const ks_str_t *bytes, ks_reply_t *reply)
{
    ks_client_t *client = data;

    int                rc;
    unsigned           patience;
    ks_str_t          *argv;
    ks_ahead_t         a = ks_ahead(0, NULL);
    const u_char      *p, *end;
    ks_reader_item_t   it;

    p = bytes->data;
    end = p + bytes->len;

    if (ks_reader_item(&p, end, &it) != KS_OK) {
        ks_reply_error(reply, KS_ERR_NOMEM);
        return KS_OK;
    }

    argv = ngx_alloc((size_t) it.n * sizeof(ks_str_t), ngx_cycle->log);
    if (argv == NULL) {
        ks_reply_error(reply, KS_ERR_NOMEM);
        return KS_OK;
    }

    while (ks_reader_item(&p, end, &it) == KS_OK) {
        argv[a.argc++] = it.text;
    }

    a.argv = argv;

    /* it may wait for locks, but it cannot be put aside any more */

    patience = client->patience;
    client->patience = 0;
    client->fetched = 1;

    rc = ks_execute(client, &a, reply);

    client->fetched = 0;
    client->patience = patience;
    ngx_free(argv);

    return rc;
}


/* It is over: those who wait for it are woken. */

static void
ngx_keyspace_near_done(ngx_keyspace_near_fetch_t *f)
{
    ks_waiter_t               *waiter;
    ngx_keyspace_near_wait_t  *w;

    ngx_queue_remove(&f->queue);
    ngx_queue_remove(&f->bucket);

    while (!ngx_queue_empty(&f->waits)) {
        w = ngx_queue_data(ngx_queue_head(&f->waits),
                           ngx_keyspace_near_wait_t, queue);
        ngx_queue_remove(&w->queue);

        waiter = w->waiter;
        ks_waiters_wake_far(waiter, &w->command);
        ngx_free(w);
    }

    ngx_free(f);
}


/* A value comes into the zone, or it is noted that there is none. */

static void
ngx_keyspace_near_value(ngx_keyspace_near_t *nr, ngx_keyspace_near_fetch_t *f,
    u_char *p, size_t len)
{
    uint64_t                   expire, ttl;
    const u_char              *at;
    ks_reader_item_t           it;
    ngx_keyspace_near_none_t  *none;

    at = p;
    ttl = nr->zone->upstream->ttl;

    if (ks_reader_item(&at, p + len, &it) != KS_OK
        || (it.kind != '$' && it.kind != '_'))
    {
        return;
    }

    if (it.null) {
        none = &nr->none[f->hash % NGX_KEYSPACE_NEAR_NONE];
        none->hash = f->hash;
        none->seen = f->seen;
        none->purges = (uint32_t) nr->shared->purges;
        none->until = ttl ? f->sent + ttl : 0;
        return;
    }

    if (f->pttl == -2) {
        return;
    }

    expire = (f->pttl >= 0) ? f->sent + (uint64_t) f->pttl : 0;

    if (ttl != 0 && (expire == 0 || expire > f->sent + ttl)) {
        expire = f->sent + ttl;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace near: a key was fetched, %uz bytes", it.text.len);

    (void) ks_near_store(&nr->shared->near, nr->zone->space, &f->key, f->seen,
                         &it.text, expire);
}


void
ngx_keyspace_near_fetched(ngx_keyspace_near_t *nr, u_char *p, size_t len)
{
    const u_char               *at;
    ks_reader_item_t            it;
    ngx_keyspace_near_fetch_t  *f;

    f = ngx_queue_data(ngx_queue_head(&nr->fetches),
                       ngx_keyspace_near_fetch_t, queue);

    if (!f->half) {
        at = p;
        f->half = 1;
        f->pttl = (ks_reader_item(&at, p + len, &it) == KS_OK
                   && it.kind == ':')
                  ? it.n : -2;
        return;
    }

    ngx_keyspace_near_value(nr, f, p, len);
    ngx_keyspace_near_done(f);
}


void
ngx_keyspace_near_end(ngx_keyspace_near_t *nr)
{
    while (!ngx_queue_empty(&nr->fetches)) {
        ngx_keyspace_near_done(ngx_queue_data(ngx_queue_head(&nr->fetches),
                                              ngx_keyspace_near_fetch_t,
                                              queue));
    }
}


void
ngx_keyspace_near_forget(ngx_keyspace_near_t *nr)
{
    ngx_queue_t                *q;
    ngx_keyspace_near_fetch_t  *f;

    while (!ngx_queue_empty(&nr->fetches)) {
        q = ngx_queue_head(&nr->fetches);
        f = ngx_queue_data(q, ngx_keyspace_near_fetch_t, queue);
        ngx_queue_remove(&f->queue);
        ngx_free(f);
    }
}
