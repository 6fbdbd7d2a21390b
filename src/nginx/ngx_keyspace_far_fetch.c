
/*
 * mode=near: keys that are fetched over the link, each once for all that wait
 * for it, in all workers, and keys that are known to be none.
 *
 * Who fetches a key notes so in memory of all workers.  Clients of others wait
 * until that is gone: they look every few milliseconds, no longer than
 * "timeout", and whether the process is there.
 */


#include "ngx_keyspace_far_fetch.h"
#include "commands/ks_args.h"


#define NGX_KEYSPACE_NEAR_LOOK   2              /* ms */
#define NGX_KEYSPACE_NEAR_ODD    5000           /* ms until a key that cannot be
                                                   kept is fetched again */


typedef struct {
    ngx_queue_t              queue;         /* of the link, or of others */
    ngx_queue_t              bucket;
    ngx_queue_t              waits;
    ks_str_t                 key;           /* behind it */
    uint64_t                 number;
    uint64_t                 hash;
    uint64_t                 sent;          /* ms since the epoch */
    int64_t                  pttl;
    uint32_t                 seen;          /* its cell */
    uint32_t                 purges;        /* when it was asked for */
    unsigned                 half:1;        /* PTTL has been replied to, */
    unsigned                 denied:1;      /* with "NOPERM" */
    unsigned                 ping:1;        /* it is no key, but a PING, */
    unsigned                 other:1;       /* another worker fetches it */
    ngx_keyspace_near_fence_t  *fence;      /* of this; NULL: of the link */
    ngx_atomic_uint_t        word;          /* that says so; 0: there is none */
} ngx_keyspace_near_fetch_t;

/* a client that waits for one */
typedef struct {
    ngx_queue_t              queue;
    ks_waiter_t             *waiter;
    ks_str_t                 command;       /* behind it, as it would be sent */
} ngx_keyspace_near_wait_t;


static int ngx_keyspace_near_knows(ks_far_t *far, const ks_str_t *key);
static ngx_uint_t ngx_keyspace_near_noted(ngx_keyspace_near_t *nr,
    const ks_str_t *key, uint32_t odd);
static int ngx_keyspace_near_serves(ks_far_t *far, const ks_str_t *key);
static ngx_keyspace_near_link_t *ngx_keyspace_near_way(ngx_keyspace_near_t *nr,
    const ks_str_t *key);
static int ngx_keyspace_near_fetch(ks_far_t *far, ks_client_t *client,
    const ks_far_job_t *job, const ks_str_t **keys, int n);
static ngx_keyspace_near_fetch_t *ngx_keyspace_near_asked(
    ngx_keyspace_near_t *nr, uint64_t hash, const ks_str_t *key);
static ngx_keyspace_near_fetch_t *ngx_keyspace_near_ask(
    ngx_keyspace_near_link_t *l, const ks_str_t *key);
static void ngx_keyspace_near_expect(ngx_keyspace_near_link_t *l);
static ngx_int_t ngx_keyspace_near_wait(ngx_keyspace_near_fetch_t *f,
    ks_waiter_t *waiter, int argc, const ks_str_t *argv);
static void ngx_keyspace_near_left(ks_waiter_t *w);
static int ngx_keyspace_near_again(void *data, const ks_str_t *bytes,
    ks_reply_t *reply);
static ngx_uint_t ngx_keyspace_near_fetches(ngx_keyspace_near_t *nr,
    ngx_keyspace_near_fetch_t *f);
static void ngx_keyspace_near_fetches_no_more(ngx_keyspace_near_t *nr,
    ngx_keyspace_near_fetch_t *f);
static void ngx_keyspace_near_look(ngx_event_t *ev);
static void ngx_keyspace_near_done(ngx_keyspace_near_t *nr,
    ngx_keyspace_near_fetch_t *f);
static void ngx_keyspace_near_value(ngx_keyspace_near_t *nr,
    ngx_keyspace_near_fetch_t *f, u_char *p, size_t len);


void
ngx_keyspace_near_reads(ngx_keyspace_near_t *nr, ks_far_t *far)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_KEYSPACE_NEAR_BUCKETS; i++) {
        ngx_queue_init(&nr->buckets[i]);
    }

    ngx_queue_init(&nr->others);
    nr->look.handler = ngx_keyspace_near_look;
    nr->look.data = nr;
    nr->look.log = ngx_cycle->log;

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


/*
 * That there is no such key over there, or one that cannot be kept: which is so
 * until its time is over, or a change is told.
 */

static ngx_inline uint64_t
ngx_keyspace_near_check(const ngx_keyspace_near_none_t *none, uint64_t hash)
{
    uint64_t  n;

    n = (uint64_t) none->purges << 32 | none->seen;

    return hash ^ (n + 1) * 0x9e3779b97f4a7c15
           ^ (none->until << 1 | none->odd) * 0xff51afd7ed558ccd;
}


static int
ngx_keyspace_near_knows(ks_far_t *far, const ks_str_t *key)
{
    return ngx_keyspace_near_noted(far->near, key, 0);
}


static ngx_uint_t
ngx_keyspace_near_noted(ngx_keyspace_near_t *nr, const ks_str_t *key,
    uint32_t odd)
{
    uint64_t                   hash;
    ngx_keyspace_near_none_t   none;

    hash = ngx_keyspace_near_hash(nr, key);
    none = nr->shared->none[hash % NGX_KEYSPACE_NEAR_NONE];

    return none.check == ngx_keyspace_near_check(&none, hash)
           && none.odd == odd
           && none.purges == (uint32_t) nr->shared->purges
           && nr->shared->whole
           && (odd || none.seen == ks_near_cell(&nr->shared->near,
                                                nr->zone->space, key))
           && (none.until == 0 || none.until > ks_clock());
}


/* Without a cluster the first slot is that of all keys. */

static int
ngx_keyspace_near_serves(ks_far_t *far, const ks_str_t *key)
{
    uint32_t              word;
    unsigned              slot;
    ngx_msec_t            stale;
    ngx_uint_t            node;
    ngx_keyspace_near_t  *nr;

    nr = far->near;
    slot = key ? ks_near_slot(&nr->shared->near, key) : 0;
    word = ks_near_slot_word(&nr->shared->near, slot);

    if (nr->cluster != NULL) {
        nr->calls->look(nr->cluster);
    }

    if (ks_near_state(word) == KS_NEAR_GOOD) {
        return 1;
    }

    /* while there is no link nobody can tell: then what is there may be read
       on for a while */

    stale = nr->zone->upstream->stale;
    node = ks_near_node(word);

    return stale != 0 && ks_near_state(word) == KS_NEAR_SUSPECT
           && (node >= nr->shared->nnodes || nr->links[node] == NULL
               || !nr->links[node]->armed)
           && ks_clock() - nr->shared->since[slot] < (uint64_t) stale;
}


/* The link over which a key may be fetched now; NULL: there is none. */

static ngx_keyspace_near_link_t *
ngx_keyspace_near_way(ngx_keyspace_near_t *nr, const ks_str_t *key)
{
    uint32_t                   word;
    ngx_uint_t                 node;
    ngx_keyspace_near_link_t  *l;

    word = ks_near_slot_word(&nr->shared->near,
                             ks_near_slot(&nr->shared->near, key));
    node = ks_near_node(word);
    l = (node < nr->shared->nnodes) ? nr->links[node] : NULL;

    if (l == NULL || !l->armed || l->leaves
        || l->birth != nr->shared->nodes[node].birth)
    {
        return NULL;
    }

    if (ks_near_state(word) != KS_NEAR_GOOD) {
        ngx_keyspace_near_clean(nr);
        return NULL;
    }

    return l;
}


static int
ngx_keyspace_near_fetch(ks_far_t *far, ks_client_t *client,
    const ks_far_job_t *job, const ks_str_t **keys, int n)
{
    int                         i;
    uint64_t                    hash;
    ngx_keyspace_near_t        *nr;
    ngx_keyspace_near_link_t   *l;
    ngx_keyspace_near_fetch_t  *f, *last;

    nr = far->near;
    l = ngx_keyspace_near_way(nr, keys[0]);

    if (l == NULL || client->waiter->waits) {
        return KS_NONE;
    }

    for (i = 0; i < n; i++) {
        if (ngx_keyspace_near_noted(nr, keys[i], 1)) {
            return KS_NONE;
        }
    }

    for (i = 0, last = NULL; i < n; i++) {
        hash = ngx_keyspace_near_hash(nr, keys[i]);
        f = ngx_keyspace_near_asked(nr, hash, keys[i]);

        if (f == NULL) {
            f = ngx_keyspace_near_ask(l, keys[i]);
        }

        if (f == NULL) {
            return KS_NONE;
        }

        if (last == NULL || f->number > last->number) {
            last = f;
        }
    }

    return (ngx_keyspace_near_wait(last, client->waiter, job->argc, job->argv)
            == NGX_OK)
           ? KS_WAITS : KS_NONE;
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
ngx_keyspace_near_ask(ngx_keyspace_near_link_t *l, const ks_str_t *key)
{
    ks_str_t                    argv[2];
    ngx_keyspace_near_t        *nr;
    ngx_keyspace_near_fetch_t  *f;

    nr = l->near;

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
    f->purges = (uint32_t) nr->shared->purges;
    f->sent = ks_clock();
    f->number = ++nr->number;
    ngx_queue_init(&f->waits);

    if (ngx_keyspace_near_fetches(nr, f)) {
        f->other = 1;
        ngx_queue_insert_tail(&nr->others, &f->queue);
        ngx_queue_insert_tail(
            &nr->buckets[f->hash % NGX_KEYSPACE_NEAR_BUCKETS], &f->bucket);

        if (!nr->look.timer_set) {
            ngx_add_timer(&nr->look, NGX_KEYSPACE_NEAR_LOOK);
        }

        return f;
    }

    argv[0] = ks_text("PTTL");
    argv[1] = f->key;

    if (ngx_keyspace_far_command(&l->far, 2, argv) != NGX_OK) {
        ngx_keyspace_near_fetches_no_more(nr, f);
        ngx_free(f);
        return NULL;
    }

    argv[0] = ks_text("DUMP");

    if (ngx_keyspace_far_command(&l->far, 2, argv) != NGX_OK) {

        /* there is a reply to come that nobody waits for */

        ngx_keyspace_near_fetches_no_more(nr, f);
        ngx_free(f);
        ngx_keyspace_far_lost(&l->far, "there is no memory for it");
        return NULL;
    }

    ngx_queue_insert_tail(&l->fetches, &f->queue);
    ngx_queue_insert_tail(&nr->buckets[f->hash % NGX_KEYSPACE_NEAR_BUCKETS],
                          &f->bucket);

    ngx_keyspace_near_expect(l);
    ks_count(nr->zone->zone, KS_COUNT_NEAR_FETCHES);

    return f;
}


/*
 * Its replies are expected, from the first question on: what is asked behind
 * that puts off nothing, or a store that hangs would not be found out as long
 * as there are questions.
 */

static void
ngx_keyspace_near_expect(ngx_keyspace_near_link_t *l)
{
    if (l->far.expects == 0) {
        ngx_keyspace_far_expect(&l->far, l->far.upstream->timeout);
    }
}


/* --- fetches of all workers --- */

/*
 * Whether another worker fetches the key already; otherwise this one does from
 * now on, and says so, if the place is free.
 */

static ngx_uint_t
ngx_keyspace_near_fetches(ngx_keyspace_near_t *nr,
    ngx_keyspace_near_fetch_t *f)
{
    ngx_pid_t           pid;
    ngx_atomic_t       *place;
    ngx_atomic_uint_t   word, mine;

    place = &nr->shared->fetches[f->hash % NGX_KEYSPACE_NEAR_FETCHES];
    mine = (ngx_atomic_uint_t) ngx_pid << 32 | (uint32_t) (f->hash >> 32);
    word = *place;
    pid = (ngx_pid_t) (word >> 32);

    if (word != 0 && ngx_keyspace_links_lives(pid)) {
        f->word = word;
        return pid != ngx_pid && (uint32_t) word == (uint32_t) mine;
    }

    f->word = ngx_atomic_cmp_set(place, word, mine) ? mine : 0;

    return 0;
}


static void
ngx_keyspace_near_fetches_no_more(ngx_keyspace_near_t *nr,
    ngx_keyspace_near_fetch_t *f)
{
    ngx_atomic_uint_t  mine;

    mine = (ngx_atomic_uint_t) ngx_pid << 32 | (uint32_t) (f->hash >> 32);

    if (!f->other && !f->ping && f->word == mine) {
        (void) ngx_atomic_cmp_set(
            &nr->shared->fetches[f->hash % NGX_KEYSPACE_NEAR_FETCHES], mine,
            0);
    }
}


/* Those that are over: the key is here, or known to be none, or asked for. */

static void
ngx_keyspace_near_look(ngx_event_t *ev)
{
    ngx_queue_t                *q, *next, due;
    ngx_atomic_uint_t           word;
    ngx_keyspace_near_t        *nr;
    ngx_keyspace_near_fetch_t  *f;

    nr = ev->data;
    ngx_queue_init(&due);

    for (q = ngx_queue_head(&nr->others);
         q != ngx_queue_sentinel(&nr->others);
         q = next)
    {
        next = ngx_queue_next(q);
        f = ngx_queue_data(q, ngx_keyspace_near_fetch_t, queue);
        word = nr->shared->fetches[f->hash % NGX_KEYSPACE_NEAR_FETCHES];

        if (word == f->word
            && ngx_keyspace_links_lives((ngx_pid_t) (word >> 32))
            && ks_clock() - f->sent < nr->zone->upstream->timeout)
        {
            continue;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&due, q);
    }

    while (!ngx_queue_empty(&due)) {
        f = ngx_queue_data(ngx_queue_head(&due), ngx_keyspace_near_fetch_t,
                           queue);
        ngx_keyspace_near_done(nr, f);
    }

    if (!ngx_queue_empty(&nr->others) && !nr->look.timer_set) {
        ngx_add_timer(&nr->look, NGX_KEYSPACE_NEAR_LOOK);
    }
}


ngx_int_t
ngx_keyspace_near_ping(ngx_keyspace_near_link_t *l,
    ngx_keyspace_near_fence_t *fence)
{
    ks_str_t                    argv[1];
    ngx_keyspace_near_fetch_t  *f;

    f = ngx_calloc(sizeof(ngx_keyspace_near_fetch_t), ngx_cycle->log);
    if (f == NULL) {
        return NGX_ERROR;
    }

    argv[0] = ks_text("PING");

    if (ngx_keyspace_far_command(&l->far, 1, argv) != NGX_OK) {
        ngx_free(f);
        return NGX_ERROR;
    }

    f->ping = 1;
    f->fence = fence;
    ngx_queue_init(&f->bucket);
    ngx_queue_init(&f->waits);
    ngx_queue_insert_tail(&l->fetches, &f->queue);

    ngx_keyspace_near_expect(l);

    return NGX_OK;
}


static ngx_int_t
ngx_keyspace_near_wait(ngx_keyspace_near_fetch_t *f, ks_waiter_t *waiter,
    int argc, const ks_str_t *argv)
{
    size_t                     size;
    ngx_keyspace_near_wait_t  *w;

    size = ngx_keyspace_far_size(argc, argv);

    w = ngx_alloc(sizeof(ngx_keyspace_near_wait_t) + size, ngx_cycle->log);
    if (w == NULL) {
        return NGX_ERROR;
    }

    w->waiter = waiter;
    w->command.data = (u_char *) (w + 1);
    w->command.len = ngx_keyspace_far_write_command(w->command.data,
                                                    argc, argv)
                     - w->command.data;

    ngx_queue_insert_tail(&f->waits, &w->queue);

    ks_waiters_begin_far(waiter, w, ngx_keyspace_near_left,
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
    unsigned           patience, batches;
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
    batches = client->batches;
    client->patience = 0;
    client->batches = 0;                /* nobody would close one */
    client->fetched = 1;

    rc = ks_execute(client, &a, reply);

    client->fetched = 0;
    client->batches = (batches != 0);
    client->patience = patience;
    ngx_free(argv);

    return rc;
}


/* It is over: those who wait for it are woken. */

static void
ngx_keyspace_near_done(ngx_keyspace_near_t *nr, ngx_keyspace_near_fetch_t *f)
{
    ks_waiter_t               *waiter;
    ngx_keyspace_near_wait_t  *w;

    ngx_keyspace_near_fetches_no_more(nr, f);
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

    if (f->fence != NULL) {
        f->fence->replied(f->fence);
    }

    ngx_free(f);
}


/* The user may not ask for the key in that way, and next time neither. */

static ngx_inline ngx_uint_t
ngx_keyspace_near_denies(const u_char *p, size_t len)
{
    return len > 7 && ngx_memcmp(p, "-NOPERM", 7) == 0;
}


static void
ngx_keyspace_near_note(ngx_keyspace_near_t *nr, ngx_keyspace_near_fetch_t *f,
    uint32_t odd, uint64_t ttl)
{
    ngx_keyspace_near_none_t   none;

    ngx_memzero(&none, sizeof(ngx_keyspace_near_none_t));
    none.seen = f->seen;
    none.purges = f->purges;
    none.odd = odd;
    none.until = ttl ? f->sent + ttl : 0;
    none.check = ngx_keyspace_near_check(&none, f->hash);

    nr->shared->none[f->hash % NGX_KEYSPACE_NEAR_NONE] = none;
}


/*
 * A value comes into the zone, or it is noted that there is none, or one that
 * finds no room here or cannot be read.
 */

static void
ngx_keyspace_near_value(ngx_keyspace_near_t *nr, ngx_keyspace_near_fetch_t *f,
    u_char *p, size_t len)
{
    uint64_t           expire, ttl;
    const u_char      *at;
    ks_reader_item_t   it;

    at = p;
    ttl = nr->zone->upstream->ttl;

    if (f->denied || ngx_keyspace_near_denies(p, len)) {
        ngx_keyspace_near_note(nr, f, 1, NGX_KEYSPACE_NEAR_ODD);
        return;
    }

    if (ks_reader_item(&at, p + len, &it) != KS_OK
        || (it.kind != '$' && it.kind != '_'))
    {
        return;
    }

    ngx_keyspace_near_tick(nr->zone);

    if (it.null) {
        ngx_keyspace_near_note(nr, f, 0, ttl);
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

    if (ks_near_store(&nr->shared->near, nr->zone->space, &f->key, f->seen,
                      &it.text, expire)
        == KS_ERR)
    {
        ngx_keyspace_near_note(nr, f, 1, NGX_KEYSPACE_NEAR_ODD);
    }
}


void
ngx_keyspace_near_unnote(ngx_keyspace_near_t *nr, const ks_str_t *key)
{
    uint64_t                   hash;
    ngx_keyspace_near_none_t  *none;

    hash = ngx_keyspace_near_hash(nr, key);
    none = &nr->shared->none[hash % NGX_KEYSPACE_NEAR_NONE];

    if (none->odd && none->check == ngx_keyspace_near_check(none, hash)) {
        none->check = ~none->check;
    }
}


void
ngx_keyspace_near_fetched(ngx_keyspace_near_link_t *l, u_char *p, size_t len)
{
    ngx_uint_t                  passes;
    const u_char               *at;
    ks_reader_item_t            it;
    ngx_keyspace_near_fetch_t  *f;

    f = ngx_queue_data(ngx_queue_head(&l->fetches), ngx_keyspace_near_fetch_t,
                       queue);

    if (f->ping) {
        passes = (f->fence == NULL);
        ngx_keyspace_near_done(l->near, f);

        if (passes) {
            l->passed(l);
        }

        return;
    }

    if (*p == '-' && l->near->cluster != NULL) {
        l->near->calls->heard(l->near->cluster, p, len);
    }

    if (!f->half) {
        at = p;
        f->half = 1;
        f->denied = ngx_keyspace_near_denies(p, len);
        f->pttl = (ks_reader_item(&at, p + len, &it) == KS_OK
                   && it.kind == ':')
                  ? it.n : -2;
        return;
    }

    ngx_keyspace_near_value(l->near, f, p, len);
    ngx_keyspace_near_done(l->near, f);
}


void
ngx_keyspace_near_clean(ngx_keyspace_near_t *nr)
{
    if (!nr->purge.posted && ngx_keyspace_links_purge(nr->shared)) {
        nr->cursor = 0;
        ngx_post_event(&nr->purge, &ngx_posted_events);
    }
}


void
ngx_keyspace_near_end(ngx_keyspace_near_link_t *l)
{
    while (!ngx_queue_empty(&l->fetches)) {
        ngx_keyspace_near_done(l->near,
                               ngx_queue_data(ngx_queue_head(&l->fetches),
                                              ngx_keyspace_near_fetch_t,
                                              queue));
    }
}


void
ngx_keyspace_near_forget(ngx_queue_t *fetches)
{
    ngx_queue_t                *q;
    ngx_keyspace_near_fetch_t  *f;

    while (!ngx_queue_empty(fetches)) {
        q = ngx_queue_head(fetches);
        f = ngx_queue_data(q, ngx_keyspace_near_fetch_t, queue);
        ngx_queue_remove(&f->queue);
        ngx_queue_remove(&f->bucket);
        ngx_free(f);
    }
}
