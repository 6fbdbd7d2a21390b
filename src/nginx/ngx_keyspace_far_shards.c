
/*
 * mode=near: channels of shards at the store.
 *
 * Which channels have subscribers, of all workers, is in the zone's registry.
 * A worker that gets its first subscriber of a channel, or loses the last one,
 * tells the name to all with the commit of that (KS_ASK_SHARD), and the worker
 * with the connection then looks how many there are.  Each channel is a
 * command of its own, so that an error is about a single channel.
 * ngx_keyspace_far_asked.c finds the command of a reply.
 *
 * In a cluster a channel belongs to the node of its slot, and each node has a
 * connection and channels of its own here, while it has any.  A node that loses
 * a slot ends the subscriptions to its channels behind their last message
 * ("sunsubscribe"); until then what comes from there is good, whatever the map
 * says.  The node that the map names is subscribed to as soon as it is named.
 */


#include "ngx_keyspace_far_shards.h"
#include "bus/ks_ask.h"
#include "commands/ks_args.h"
#include "keyspace/ks_library.h"
#include "keyspace/ks_registry.h"
#include "keyspace/ks_transact.h"
#include "types/ks_siphash.h"


#define NGX_KEYSPACE_SHARDS_LOOK   10000        /* ms between two looks at
                                                   all */
#define NGX_KEYSPACE_SHARDS_BATCH  256          /* channels in a transaction */
#define NGX_KEYSPACE_SHARDS_KEEP   5000         /* ms for those that wait */

#define NGX_KEYSPACE_SHARDS_NO     1            /* of a word: it is refused */


typedef struct {
    ngx_str_node_t            sn;               /* its name follows */
    ngx_queue_t               queue;
    ngx_uint_t                round;            /* in which it was met */
    ngx_msec_t                kept;             /* it is, until then, without a
                                                   subscriber */
    unsigned                  awaited:1;        /* a client waits for it */
    unsigned                  sent:1;           /* it was subscribed to */
    unsigned                  done:1;           /* the store has said so, */
    unsigned                  refused:1;        /* or an error */
} ngx_keyspace_shard_t;

typedef struct {
    ngx_keyspace_shards_t    *shards;
    ks_topic_walk_t           walk;
    uint32_t                  from;
    ngx_uint_t                done;
    ngx_uint_t                new;              /* a node has got a channel */
} ngx_keyspace_shards_walk_t;

typedef struct {
    const ks_str_t           *name;
    uint64_t                  clients;
} ngx_keyspace_shards_count_t;


static ngx_atomic_t *ngx_keyspace_shards_word(ngx_keyspace_near_t *nr,
    ngx_atomic_uint_t turn, const ks_str_t *channel, ngx_atomic_uint_t *word);
static void ngx_keyspace_shards_note(ngx_keyspace_shards_t *sh,
    ngx_keyspace_shard_t *s);
static void ngx_keyspace_shards_resume(ngx_keyspace_shards_t *sh);
static void ngx_keyspace_shards_walk(ngx_keyspace_shards_t *sh);
static void ngx_keyspace_shards_walk_body(ks_space_t *sp, void *data);
static void ngx_keyspace_shards_met(ngx_keyspace_shards_walk_t *w,
    const ks_str_t *name);
static void ngx_keyspace_shards_denied(ngx_keyspace_shards_t *sh);
static void ngx_keyspace_shards_again(ngx_keyspace_shards_t *sh);
static ngx_uint_t ngx_keyspace_shards_node(ngx_keyspace_near_t *nr,
    const ks_str_t *name);
static ngx_int_t ngx_keyspace_shards_wanted(ngx_keyspace_shards_t *sh,
    const ks_str_t *name);
static void ngx_keyspace_shards_count_body(ks_space_t *sp, void *data);
static ngx_keyspace_shard_t *ngx_keyspace_shards_find(
    ngx_keyspace_shards_t *sh, const ks_str_t *name);
static ngx_keyspace_shard_t *ngx_keyspace_shards_add(
    ngx_keyspace_shards_t *sh, const ks_str_t *name);
static void ngx_keyspace_shards_drop(ngx_keyspace_shards_t *sh,
    ngx_keyspace_shard_t *s);
static void ngx_keyspace_shards_subscribe(ngx_keyspace_shards_t *sh,
    ngx_keyspace_shard_t *s);
static ngx_int_t ngx_keyspace_shards_say(ngx_keyspace_shards_t *sh,
    ngx_keyspace_asked_kind_t kind, ngx_keyspace_shard_t *s);


void
ngx_keyspace_shards_init(ngx_keyspace_shards_t *sh, ngx_keyspace_near_t *nr,
    ngx_keyspace_near_ear_t *ear, ngx_keyspace_far_t *far, ngx_uint_t node)
{
    sh->near = nr;
    sh->ear = ear;
    sh->far = far;
    sh->node = node;
    ngx_queue_init(&sh->all);
    ngx_queue_init(&sh->asked);
    ngx_rbtree_init(&sh->names, &sh->sentinel, ngx_str_rbtree_insert_value);
}


void
ngx_keyspace_shards_up(ngx_keyspace_shards_t *sh)
{
    sh->up = 1;
    sh->again = 0;
    ngx_keyspace_shards_walk(sh);
    sh->idle = 0;
}


void
ngx_keyspace_shards_down(ngx_keyspace_shards_t *sh)
{
    sh->up = 0;
    sh->idle = 0;

    if (sh->turn != 0) {
        (void) ngx_atomic_cmp_set(&sh->ear->turn, sh->turn, 0);
        sh->turn = 0;
    }

    while (!ngx_queue_empty(&sh->all)) {
        ngx_keyspace_shards_drop(sh, ngx_queue_data(ngx_queue_head(&sh->all),
                                                    ngx_keyspace_shard_t,
                                                    queue));
    }

    ngx_keyspace_asked_clear(&sh->asked);
}


void
ngx_keyspace_shards_told(ngx_keyspace_shards_t *sh, const ks_str_t *channel)
{
    ngx_int_t              wanted;
    ngx_keyspace_shard_t  *s;

    if (!sh->up || sh->node == NGX_KEYSPACE_NEAR_NOBODY) {
        return;
    }

    s = ngx_keyspace_shards_find(sh, channel);

    if (s == NULL && !ngx_keyspace_shards_has(sh, channel)) {
        return;
    }

    wanted = ngx_keyspace_shards_wanted(sh, channel);

    if (wanted == NGX_OK && s == NULL) {
        s = ngx_keyspace_shards_add(sh, channel);

        if (s != NULL) {
            ngx_keyspace_shards_subscribe(sh, s);
        }

    } else if (wanted == NGX_OK && s != NULL) {
        s->kept = ngx_current_msec;

    } else if (wanted == NGX_DECLINED && s != NULL
               && (ngx_msec_int_t) (s->kept - ngx_current_msec) <= 0
               && ngx_keyspace_shards_say(sh, NGX_KEYSPACE_ASKED_OUT, s)
                  == NGX_OK)
    {
        ngx_keyspace_shards_drop(sh, s);
    }
}


void
ngx_keyspace_shards_look(ngx_keyspace_shards_t *sh)
{
    ngx_uint_t  due;

    if (!sh->up) {
        return;
    }

    due = (ngx_current_msec - sh->looked >= NGX_KEYSPACE_SHARDS_LOOK);

    if (due || sh->map != sh->near->shared->map) {
        ngx_keyspace_shards_walk(sh);
        sh->idle = (due && ngx_queue_empty(&sh->all));
    }

    if (sh->again) {
        ngx_keyspace_shards_again(sh);
    }
}


ngx_uint_t
ngx_keyspace_shards_needs(ngx_keyspace_shards_t *sh, const ks_str_t *channel)
{
    return ngx_keyspace_shards_has(sh, channel)
           && ngx_keyspace_shards_wanted(sh, channel) == NGX_OK;
}


ngx_uint_t
ngx_keyspace_shards_has(ngx_keyspace_shards_t *sh, const ks_str_t *channel)
{
    return ngx_keyspace_shards_node(sh->near, channel) == sh->node;
}


/* --- what is heard of --- */

/*
 * The word of a channel over that connection, without the bit that says that it
 * is refused, and its bucket.
 */

static ngx_atomic_t *
ngx_keyspace_shards_word(ngx_keyspace_near_t *nr, ngx_atomic_uint_t turn,
    const ks_str_t *channel, ngx_atomic_uint_t *word)
{
    uint64_t  hash;

    hash = ks_siphash(nr->zone->zone->seed, channel->data, channel->len);
    *word = (ngx_atomic_uint_t) (hash ^ (turn * 0x9e3779b97f4a7c15ull))
            & ~(ngx_atomic_uint_t) NGX_KEYSPACE_SHARDS_NO;

    if (*word == 0) {
        *word = ~(ngx_atomic_uint_t) NGX_KEYSPACE_SHARDS_NO;
    }

    return nr->shared->heard[hash % NGX_KEYSPACE_NEAR_HEARD];
}


/*
 * What two workers write into one place at a time is lost for one of them, and
 * noted when it is asked for again.
 */

static void
ngx_keyspace_shards_note(ngx_keyspace_shards_t *sh, ngx_keyspace_shard_t *s)
{
    ks_str_t            name;
    ngx_uint_t          i;
    ngx_atomic_t       *places, *free;
    ngx_atomic_uint_t   word, there, said;

    if (sh->turn == 0) {
        return;
    }

    name.data = s->sn.str.data;
    name.len = s->sn.str.len;
    places = ngx_keyspace_shards_word(sh->near, sh->turn, &name, &word);
    free = NULL;
    said = 0;

    if (s->done || s->refused) {
        said = s->done ? word : (word | NGX_KEYSPACE_SHARDS_NO);
    }

    for (i = 0; i < NGX_KEYSPACE_NEAR_WAYS; i++) {
        there = places[i];

        if ((there & ~(ngx_atomic_uint_t) NGX_KEYSPACE_SHARDS_NO) == word) {
            (void) ngx_atomic_cmp_set(&places[i], there, said);
            return;
        }

        if (there == 0 && free == NULL) {
            free = &places[i];
        }
    }

    if (said == 0) {
        return;
    }

    if (free == NULL) {
        free = &places[sh->out++ % NGX_KEYSPACE_NEAR_WAYS];
    }

    *free = said;
}


static void
ngx_keyspace_shards_resume(ngx_keyspace_shards_t *sh)
{
    ks_str_t  none = { 0, NULL };

    ks_ask_all(sh->near->zone->space, KS_ASK_RESUME, &none);
}


void
ngx_keyspace_shards_settle(ngx_keyspace_shards_t *sh)
{
    if (sh->heard) {
        sh->heard = 0;
        ngx_keyspace_shards_resume(sh);
    }
}


void
ngx_keyspace_shards_turn(ngx_keyspace_shards_t *sh)
{
    ngx_queue_t  *q;

    sh->turn = ngx_atomic_fetch_add(&sh->near->shared->turns, 1) + 1;

    for (q = ngx_queue_head(&sh->all);
         q != ngx_queue_sentinel(&sh->all);
         q = ngx_queue_next(q))
    {
        ngx_keyspace_shards_note(sh, ngx_queue_data(q, ngx_keyspace_shard_t,
                                                    queue));
    }

    sh->ear->turn = sh->turn;
    sh->ear->refuses = 0;
    ngx_keyspace_shards_resume(sh);
}


/*
 * It is subscribed to before it has a subscriber, and stays so for some time:
 * as soon as the connection is up.
 */

void
ngx_keyspace_shards_awaited(ngx_keyspace_shards_t *sh, const ks_str_t *channel)
{
    ngx_keyspace_shard_t  *s;

    if (sh->node == NGX_KEYSPACE_NEAR_NOBODY) {
        return;
    }

    s = ngx_keyspace_shards_find(sh, channel);

    if (s == NULL && ngx_keyspace_shards_has(sh, channel)) {
        s = ngx_keyspace_shards_add(sh, channel);

        if (s != NULL && sh->up) {
            ngx_keyspace_shards_subscribe(sh, s);
        }
    }

    if (s == NULL) {
        return;
    }

    s->kept = ngx_current_msec + NGX_KEYSPACE_SHARDS_KEEP;
    s->awaited = 1;

    if ((s->done || s->refused) && sh->turn != 0) {
        s->awaited = 0;
        ngx_keyspace_shards_note(sh, s);
        ngx_keyspace_shards_resume(sh);
    }
}


ngx_int_t
ngx_keyspace_shards_hears(ngx_keyspace_near_t *nr, const ks_str_t *channel)
{
    ngx_uint_t                   i, node;
    ngx_atomic_t                *places;
    ngx_atomic_uint_t            pid, turn, word, there;
    ngx_keyspace_near_ear_t     *ear;
    ngx_keyspace_near_shared_t  *sh;

    sh = nr->shared;
    ear = &sh->ear;

    if (channel != NULL && nr->cluster != NULL) {
        node = ngx_keyspace_shards_node(nr, channel);

        if (node >= sh->nnodes) {
            return NGX_AGAIN;
        }

        ear = &sh->nodes[node].ear;
    }

    pid = ear->pid;
    turn = ear->turn;

    if (turn == 0 || pid == 0
        || !ngx_keyspace_links_lives((ngx_pid_t) pid))
    {
        return ear->refuses ? NGX_DECLINED : NGX_AGAIN;
    }

    if (channel == NULL) {
        return NGX_OK;
    }

    places = ngx_keyspace_shards_word(nr, turn, channel, &word);

    for (i = 0; i < NGX_KEYSPACE_NEAR_WAYS; i++) {
        there = places[i];

        if (there == word) {
            return NGX_OK;
        }

        if (there == (word | NGX_KEYSPACE_SHARDS_NO)) {
            return NGX_DECLINED;
        }
    }

    return NGX_AGAIN;
}


/* --- what the store says --- */

void
ngx_keyspace_shards_heard(ngx_keyspace_shards_t *sh, const ks_str_t *channel,
    ngx_uint_t subscribed)
{
    ngx_keyspace_shard_t  *s;

    ngx_keyspace_asked_pop_to(&sh->asked,
                              subscribed ? NGX_KEYSPACE_ASKED_IN
                                         : NGX_KEYSPACE_ASKED_OUT,
                              channel);

    s = ngx_keyspace_shards_find(sh, channel);

    if (s == NULL) {
        return;
    }

    s->done = subscribed;
    s->refused = 0;
    ngx_keyspace_shards_note(sh, s);

    if (subscribed && s->awaited && sh->turn != 0) {
        s->awaited = 0;
        sh->heard = 1;
    }

    if (subscribed || sh->near->cluster == NULL) {
        return;
    }

    if (!ngx_keyspace_shards_has(sh, channel)) {
        ngx_keyspace_shards_drop(sh, s);
        return;
    }

    sh->again = 1;
    sh->near->calls->renew(sh->near->cluster);
}


ngx_int_t
ngx_keyspace_shards_refused(ngx_keyspace_shards_t *sh, u_char *p, size_t len)
{
    ks_str_t  host;
    unsigned  slot, port;

    if (sh->near->cluster == NULL
        || ks_cluster_move(p, len, &slot, &host, &port) == KS_CLUSTER_STAYS)
    {
        ngx_keyspace_shards_denied(sh);
        return NGX_DECLINED;
    }

    ngx_keyspace_asked_pop(&sh->asked);
    sh->again = 1;
    sh->near->calls->renew(sh->near->cluster);

    return NGX_OK;
}


/* Whoever waits for the channel goes on: it may never be heard of. */

static void
ngx_keyspace_shards_denied(ngx_keyspace_shards_t *sh)
{
    ngx_keyspace_shard_t  *s;
    ngx_keyspace_asked_t  *asked;

    asked = ngx_keyspace_asked_first(&sh->asked);
    s = NULL;

    if (asked != NULL && asked->kind == NGX_KEYSPACE_ASKED_IN) {
        s = ngx_keyspace_shards_find(sh, &asked->name);
    }

    ngx_keyspace_asked_pop(&sh->asked);

    if (s == NULL) {
        return;
    }

    s->done = 0;
    s->refused = 1;
    ngx_keyspace_shards_note(sh, s);

    if (s->awaited && sh->turn != 0) {
        s->awaited = 0;
        sh->heard = 1;
    }
}


/*
 * What is not subscribed to is tried again, or left to another node.  What is
 * under way may be said twice.
 */

static void
ngx_keyspace_shards_again(ngx_keyspace_shards_t *sh)
{
    ks_str_t               name;
    ngx_queue_t           *q, *next;
    ngx_keyspace_shard_t  *s;

    sh->again = 0;

    for (q = ngx_queue_head(&sh->all);
         q != ngx_queue_sentinel(&sh->all);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_keyspace_shard_t, queue);

        if (s->done) {
            continue;
        }

        name.data = s->sn.str.data;
        name.len = s->sn.str.len;

        if (!ngx_keyspace_shards_has(sh, &name)) {
            ngx_keyspace_shards_drop(sh, s);
            continue;
        }

        ngx_keyspace_shards_subscribe(sh, s);
    }
}


/* --- the registry --- */

/*
 * What the walk has not met is asked for by itself, as others may have moved
 * names between two transactions.
 */

static void
ngx_keyspace_shards_walk(ngx_keyspace_shards_t *sh)
{
    ks_call_t                    call;
    ngx_queue_t                 *q, *next;
    ngx_keyspace_shard_t        *s;
    ks_str_t                     name, none = { 0, NULL };
    ngx_keyspace_zone_t         *kz;
    ngx_keyspace_shards_walk_t   w;

    kz = sh->near->zone;
    sh->round++;
    sh->looked = ngx_current_msec;
    sh->map = sh->near->shared->map;

    ngx_memzero(&w, sizeof(ngx_keyspace_shards_walk_t));
    ngx_memzero(&call, sizeof(ks_call_t));

    w.shards = sh;
    call.shards = ks_library_shard(kz->space);
    call.body = ngx_keyspace_shards_walk_body;
    call.data = &w;

    while (!w.done && ks_run(kz->space, &call) == KS_OK) {
        w.from = w.walk.rank;
    }

    if (w.new) {
        ks_ask_all(kz->space, KS_ASK_FAR, &none);
    }

    for (q = ngx_queue_head(&sh->all);
         q != ngx_queue_sentinel(&sh->all);
         q = next)
    {
        next = ngx_queue_next(q);
        s = ngx_queue_data(q, ngx_keyspace_shard_t, queue);
        name.data = s->sn.str.data;
        name.len = s->sn.str.len;

        if (!s->sent) {
            ngx_keyspace_shards_subscribe(sh, s);

        } else if (s->round != sh->round) {
            ngx_keyspace_shards_told(sh, &name);
        }
    }
}


/* It may be run again from its beginning. */

static void
ngx_keyspace_shards_walk_body(ks_space_t *sp, void *data)
{
    ngx_keyspace_shards_walk_t *w = data;

    ngx_uint_t  n;

    ngx_memzero(&w->walk, sizeof(ks_topic_walk_t));
    w->walk.rank = w->from;
    w->done = 0;

    for (n = 0; n < NGX_KEYSPACE_SHARDS_BATCH; n++) {

        if (ks_registry_next(sp, KS_TOPIC_SHARD, &w->walk) != KS_OK) {
            w->done = 1;
            return;
        }

        ngx_keyspace_shards_met(w, &w->walk.name);
    }
}


static void
ngx_keyspace_shards_met(ngx_keyspace_shards_walk_t *w, const ks_str_t *name)
{
    ngx_uint_t                   node;
    ngx_keyspace_shard_t        *s;
    ngx_keyspace_shards_t       *sh;
    ngx_keyspace_near_shared_t  *shared;

    sh = w->shards;
    shared = sh->near->shared;
    node = ngx_keyspace_shards_node(sh->near, name);

    if (sh->node == NGX_KEYSPACE_NEAR_NOBODY) {

        if (node < shared->nnodes) {
            w->new |= ngx_atomic_cmp_set(&shared->nodes[node].ear.wanted, 0,
                                         1);
        }

        return;
    }

    s = ngx_keyspace_shards_find(sh, name);

    if (s == NULL && node == sh->node) {
        s = ngx_keyspace_shards_add(sh, name);
    }

    if (s != NULL) {
        s->round = sh->round;
    }
}


static ngx_uint_t
ngx_keyspace_shards_node(ngx_keyspace_near_t *nr, const ks_str_t *name)
{
    ks_near_t  *near;

    near = &nr->shared->near;

    return ks_near_node(ks_near_slot_word(near, ks_near_slot(near, name)));
}


/* NGX_OK: it has subscribers here; NGX_DECLINED: none; NGX_ERROR: not known. */

static ngx_int_t
ngx_keyspace_shards_wanted(ngx_keyspace_shards_t *sh, const ks_str_t *name)
{
    ks_call_t                    call;
    ngx_keyspace_shards_count_t  count;

    ngx_memzero(&call, sizeof(ks_call_t));

    count.name = name;
    count.clients = 0;
    call.shards = ks_library_shard(sh->near->zone->space);
    call.body = ngx_keyspace_shards_count_body;
    call.data = &count;

    if (ks_run(sh->near->zone->space, &call) != KS_OK) {
        return NGX_ERROR;
    }

    return count.clients ? NGX_OK : NGX_DECLINED;
}


static void
ngx_keyspace_shards_count_body(ks_space_t *sp, void *data)
{
    ngx_keyspace_shards_count_t *count = data;

    count->clients = ks_registry_clients(sp, KS_TOPIC_SHARD, count->name);
}


/* --- what is subscribed to --- */

static ngx_keyspace_shard_t *
ngx_keyspace_shards_find(ngx_keyspace_shards_t *sh, const ks_str_t *name)
{
    ngx_str_t  str;

    str.data = name->data;
    str.len = name->len;

    /* its node is the first of the structure */

    return (ngx_keyspace_shard_t *)
               ngx_str_rbtree_lookup(&sh->names, &str,
                                     ngx_crc32_long(str.data, str.len));
}


static ngx_keyspace_shard_t *
ngx_keyspace_shards_add(ngx_keyspace_shards_t *sh, const ks_str_t *name)
{
    ngx_keyspace_shard_t  *s;

    s = ngx_alloc(sizeof(ngx_keyspace_shard_t) + name->len, ngx_cycle->log);
    if (s == NULL) {
        return NULL;
    }

    s->sn.str.data = (u_char *) (s + 1);
    s->sn.str.len = name->len;
    s->round = sh->round;
    s->kept = ngx_current_msec;
    s->awaited = 0;
    s->sent = 0;
    s->done = 0;
    s->refused = 0;

    if (name->len != 0) {
        ngx_memcpy(s->sn.str.data, name->data, name->len);
    }

    s->sn.node.key = ngx_crc32_long(s->sn.str.data, name->len);
    ngx_rbtree_insert(&sh->names, &s->sn.node);
    ngx_queue_insert_head(&sh->all, &s->queue);

    return s;
}


static void
ngx_keyspace_shards_drop(ngx_keyspace_shards_t *sh, ngx_keyspace_shard_t *s)
{
    s->done = 0;
    s->refused = 0;
    ngx_keyspace_shards_note(sh, s);
    ngx_rbtree_delete(&sh->names, &s->sn.node);
    ngx_queue_remove(&s->queue);
    ngx_free(s);
}


static void
ngx_keyspace_shards_subscribe(ngx_keyspace_shards_t *sh,
    ngx_keyspace_shard_t *s)
{
    s->sent = (ngx_keyspace_shards_say(sh, NGX_KEYSPACE_ASKED_IN, s)
               == NGX_OK);
}


static ngx_int_t
ngx_keyspace_shards_say(ngx_keyspace_shards_t *sh,
    ngx_keyspace_asked_kind_t kind, ngx_keyspace_shard_t *s)
{
    ks_str_t               argv[2];
    ngx_keyspace_asked_t  *asked;

    asked = ngx_keyspace_asked_put(&sh->asked, kind, &s->sn.str);

    if (asked == NULL) {
        return NGX_ERROR;
    }

    argv[0] = (kind == NGX_KEYSPACE_ASKED_IN) ? ks_text("SSUBSCRIBE")
                                              : ks_text("SUNSUBSCRIBE");
    argv[1] = asked->name;

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace shards: %s %V", argv[0].data, &s->sn.str);

    if (ngx_keyspace_far_command(sh->far, 2, argv) != NGX_OK) {
        ngx_keyspace_asked_drop(asked);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* --- commands of the connection's owner --- */

ngx_int_t
ngx_keyspace_shards_ask(ngx_keyspace_shards_t *sh)
{
    ngx_str_t  none = ngx_null_string;

    return ngx_keyspace_asked_put(&sh->asked, NGX_KEYSPACE_ASKED_OTHER, &none)
           ? NGX_OK : NGX_ERROR;
}


void
ngx_keyspace_shards_answered(ngx_keyspace_shards_t *sh)
{
    ks_str_t  none = { 0, NULL };

    ngx_keyspace_asked_pop_to(&sh->asked, NGX_KEYSPACE_ASKED_OTHER, &none);
}
