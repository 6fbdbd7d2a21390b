
/*
 * mode=near: messages of the other store.
 *
 * One worker of all has a connection which subscribes to everything there is
 * ("PSUBSCRIBE *"), and publishes here what comes, in its order, once: to all
 * subscribers of the zone.  Its process is noted in memory of all workers.
 * When it dies, the worker that takes its place looks.  A node of a cluster
 * hears all that is published in it.
 *
 * There are no patterns of channels of shards: it subscribes to each that has a
 * subscriber here (ngx_keyspace_far_shards.c), over the same connection, an
 * heir before its mark.  In a cluster they belong to the nodes of their slots,
 * to each of which there is such a connection for them alone, of any worker,
 * while there are any.
 *
 * A worker that shuts down hands this over, and nothing is missed or comes
 * twice.  Another one, its heir, subscribes and publishes a mark at the store,
 * which both hear at the same place among the messages.  The first one
 * publishes here what is before the mark, and its heir what is behind it, once
 * the first one has come there.  Of a cluster both are at the same node, where
 * messages have one order; a mark for the channels of a node has its own name.
 *
 * Where there is no heir in time, its mark is refused, or a connection is down,
 * messages may be missed, as by any client of the store.
 */


#include "ngx_keyspace_far_news.h"
#include "ngx_keyspace_far_shards.h"
#include "bus/ks_ask.h"
#include "commands/ks_args.h"


#define NGX_KEYSPACE_NEWS_PAUSE  1              /* ms, for slow subscribers */
#define NGX_KEYSPACE_NEWS_LOOK   10             /* ms, of an heir */
#define NGX_KEYSPACE_NEWS_LEAVE  50             /* ms: one that leaves looks */
#define NGX_KEYSPACE_NEWS_HEIR   20             /* times, for an heir, and */
#define NGX_KEYSPACE_NEWS_MARK   100            /* for its mark */

#define NGX_KEYSPACE_NEWS_MARKS  "__keyspace_edge__:"   /* channels of marks */


typedef enum {
    NGX_KEYSPACE_NEWS_NONE = 0, /* another worker hears of messages, or none
                                   does */
    NGX_KEYSPACE_NEWS_HEARS,    /* this one does, and publishes them */
    NGX_KEYSPACE_NEWS_HEIR_OF,  /* it is to; it waits for its mark, */
    NGX_KEYSPACE_NEWS_MARKED    /* and for the other one to come there */
} ngx_keyspace_news_state_t;

struct ngx_keyspace_news_s {
    ngx_keyspace_far_t          far;            /* first */
    ngx_keyspace_near_t        *near;
    ngx_keyspace_near_link_t   *link;           /* of a node; NULL: of any */
    ngx_keyspace_near_ear_t    *ear;
    ngx_keyspace_news_state_t   state;
    ks_str_t                    mark;           /* channel of its marks, in */
    u_char                      text[sizeof(NGX_KEYSPACE_NEWS_MARKS)
                                     + KS_REPLID + sizeof(":")
                                     + NGX_INT64_LEN];
    ngx_event_t                 pause;
    ngx_event_t                 leave;
    ngx_keyspace_shards_t       shards;
    ngx_uint_t                  looks;          /* that were in vain */
    unsigned                    refused:1;      /* it may not subscribe */
    unsigned                    subscribed:1;
    unsigned                    crowded:1;
};


static void ngx_keyspace_news_up(ngx_keyspace_far_t *far);
static ssize_t ngx_keyspace_news_received(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static ngx_int_t ngx_keyspace_news_said(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static ngx_int_t ngx_keyspace_news_message(ngx_keyspace_news_t *nw,
    const ks_str_t *channel, const ks_str_t *text);
static void ngx_keyspace_news_turns(ngx_keyspace_news_t *nw);
static ngx_uint_t ngx_keyspace_news_is(const ks_str_t *kind, const char *name);
static void ngx_keyspace_news_error(ngx_keyspace_news_t *nw, u_char *p,
    size_t len);
static void ngx_keyspace_news_refuses(ngx_keyspace_news_t *nw);
static ngx_int_t ngx_keyspace_news_mark(ngx_keyspace_news_t *nw,
    const ks_str_t *text);
static void ngx_keyspace_news_publish(ngx_keyspace_news_t *nw,
    const char *publish, const ks_str_t *channel, const ks_str_t *text);
static void ngx_keyspace_news_pause(ngx_event_t *ev);
static void ngx_keyspace_news_inherits(ngx_keyspace_news_t *nw);
static void ngx_keyspace_news_down(ngx_keyspace_far_t *far, const char *why);
static void ngx_keyspace_news_leaves(ngx_keyspace_far_t *far);
static void ngx_keyspace_news_waits(ngx_event_t *ev);
static void ngx_keyspace_news_leave(ngx_keyspace_news_t *nw);
static void ngx_keyspace_news_stop(ngx_keyspace_news_t *nw);


static const ngx_keyspace_far_owner_t  ngx_keyspace_news_owner = {
    ngx_keyspace_news_up,
    ngx_keyspace_news_received,
    ngx_keyspace_news_down,
    ngx_keyspace_news_leaves
};


ngx_keyspace_news_t *
ngx_keyspace_news_open(ngx_keyspace_near_t *nr, ngx_keyspace_near_link_t *l)
{
    u_char               *p;
    ngx_uint_t            node;
    ngx_keyspace_news_t  *nw;

    nw = ngx_calloc(sizeof(ngx_keyspace_news_t), ngx_cycle->log);
    if (nw == NULL) {
        return NULL;
    }

    nw->near = nr;
    nw->far.owner = &ngx_keyspace_news_owner;
    nw->far.upstream = nr->zone->upstream;
    nw->far.data = nw;
    nw->far.name = "keyspace-news";
    nw->far.resp3 = 1;
    nw->far.alert = 1;

    nw->link = l;
    nw->ear = &nr->shared->ear;
    node = nr->zone->upstream->cluster ? NGX_KEYSPACE_NEAR_NOBODY : 0;

    nw->mark.data = nw->text;
    p = ngx_sprintf(nw->text, NGX_KEYSPACE_NEWS_MARKS "%*s",
                    (size_t) KS_REPLID, nr->shared->id);

    if (l != NULL) {
        nw->far.node = l->far.node;
        nw->ear = &nr->shared->nodes[l->node].ear;
        node = l->node;
        p = ngx_sprintf(p, ":%ui", l->birth);
    }

    nw->mark.len = p - nw->text;
    ngx_keyspace_shards_init(&nw->shards, nr, nw->ear, &nw->far, node);

    nw->pause.handler = ngx_keyspace_news_pause;
    nw->pause.data = nw;
    nw->pause.log = ngx_cycle->log;

    nw->leave.handler = ngx_keyspace_news_waits;
    nw->leave.data = nw;
    nw->leave.log = ngx_cycle->log;

    ngx_keyspace_news_look(nw);

    return nw;
}


void
ngx_keyspace_news_close(ngx_keyspace_news_t *nw)
{
    if (nw == NULL) {
        return;
    }

    ngx_keyspace_news_leave(nw);

    if (nw->pause.timer_set) {
        ngx_del_timer(&nw->pause);
    }

    if (nw->leave.timer_set) {
        ngx_del_timer(&nw->leave);
    }

    ngx_free(nw);
}


/* Puts this process in the place of none, or of one that is dead. */

static ngx_uint_t
ngx_keyspace_news_takes(ngx_atomic_t *word)
{
    ngx_atomic_uint_t  pid;

    pid = *word;

    return (pid == 0 || !ngx_keyspace_links_lives((ngx_pid_t) pid))
           && ngx_atomic_cmp_set(word, pid, (ngx_atomic_uint_t) ngx_pid);
}


void
ngx_keyspace_news_look(ngx_keyspace_news_t *nw)
{
    ngx_atomic_uint_t         heir;
    ngx_keyspace_near_ear_t  *ear;

    ear = nw->ear;

    if (nw->state == NGX_KEYSPACE_NEWS_HEIR_OF
        || nw->state == NGX_KEYSPACE_NEWS_MARKED)
    {
        ngx_keyspace_news_inherits(nw);
        return;
    }

    if (nw->state == NGX_KEYSPACE_NEWS_HEARS) {
        ngx_keyspace_shards_look(&nw->shards);

        if (nw->link != NULL && nw->shards.idle
            && ear->leaves != (ngx_atomic_uint_t) ngx_pid)
        {
            /* whoever subscribes from now on is told behind this */

            ear->wanted = 0;
            ngx_keyspace_news_leave(nw);
        }

        return;
    }

    if (nw->refused && ear->pid == 0) {
        ngx_keyspace_news_refuses(nw);
    }

    if (ngx_exiting || nw->refused || !ear->wanted) {
        return;
    }

    heir = ear->heir;

    if (ear->pid == 0 && heir != 0
        && ngx_keyspace_links_lives((ngx_pid_t) heir))
    {
        /* it is about to take it */
        return;
    }

    if (ngx_keyspace_news_takes(&ear->pid)) {
        nw->state = NGX_KEYSPACE_NEWS_HEARS;

    } else if (ear->leaves != 0 && ear->leaves == ear->pid
               && ngx_keyspace_news_takes(&ear->heir))
    {
        nw->state = NGX_KEYSPACE_NEWS_HEIR_OF;
        nw->far.next = ear->next;
        ngx_add_timer(&nw->pause, NGX_KEYSPACE_NEWS_LOOK);

    } else {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace news: this worker is to hear of messages: %d",
                   (int) nw->state);

    ngx_keyspace_far_start(&nw->far);
}


void
ngx_keyspace_news_shard(ngx_keyspace_news_t *nw, const ks_str_t *channel)
{
    if (nw->state != NGX_KEYSPACE_NEWS_NONE) {
        ngx_keyspace_shards_told(&nw->shards, channel);
        return;
    }

    if (nw->link != NULL && nw->ear->pid == 0
        && ngx_keyspace_shards_needs(&nw->shards, channel))
    {
        nw->ear->wanted = 1;
        ngx_keyspace_news_look(nw);
    }
}


void
ngx_keyspace_news_awaited(ngx_keyspace_news_t *nw, const ks_str_t *channel)
{
    if (nw->state == NGX_KEYSPACE_NEWS_NONE
        && nw->link != NULL && nw->ear->pid == 0
        && ngx_keyspace_shards_has(&nw->shards, channel))
    {
        nw->ear->wanted = 1;
        ngx_keyspace_news_look(nw);
    }

    if (nw->state != NGX_KEYSPACE_NEWS_NONE) {
        ngx_keyspace_shards_awaited(&nw->shards, channel);
    }
}


/* --- the connection --- */

static void
ngx_keyspace_news_up(ngx_keyspace_far_t *far)
{
    u_char                pid[NGX_INT64_LEN];
    ngx_int_t             rc;
    ks_str_t              argv[3];
    ngx_keyspace_news_t  *nw;

    nw = far->data;
    nw->subscribed = 0;

    if (ngx_exiting) {
        ngx_keyspace_news_leave(nw);
        return;
    }

    argv[0] = nw->link ? ks_text("SUBSCRIBE") : ks_text("PSUBSCRIBE");
    argv[1] = nw->link ? nw->mark : ks_text("*");

    rc = ngx_keyspace_far_command(far, 2, argv);

    if (rc == NGX_OK) {
        ngx_keyspace_shards_up(&nw->shards);
    }

    if (rc == NGX_OK && nw->state == NGX_KEYSPACE_NEWS_HEIR_OF) {
        argv[0] = ks_text("PUBLISH");
        argv[1] = nw->mark;
        argv[2].data = pid;
        argv[2].len = ngx_sprintf(pid, "%P", ngx_pid) - pid;

        rc = ngx_keyspace_far_command(far, 3, argv);

        if (rc == NGX_OK) {
            rc = ngx_keyspace_shards_ask(&nw->shards);
        }
    }

    if (rc != NGX_OK) {
        ngx_keyspace_far_lost(far, "there is no memory for it");
    }
}


static ssize_t
ngx_keyspace_news_received(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    ssize_t               done;
    ngx_keyspace_news_t  *nw;

    nw = far->data;
    done = ngx_keyspace_far_replies(far, p, len, ngx_keyspace_news_said,
                                    NGX_KEYSPACE_FAR_STRANGE);

    ngx_keyspace_shards_settle(&nw->shards);
    ngx_keyspace_settle(nw->near->zone);

    if (done != NGX_ERROR && nw->state == NGX_KEYSPACE_NEWS_HEARS
        && ngx_keyspace_crowded(nw->near->zone))
    {
        nw->crowded = 1;
        ngx_keyspace_far_pause(far);
        ngx_add_timer(&nw->pause, NGX_KEYSPACE_NEWS_PAUSE);
    }

    return done;
}


/*
 * "pmessage", the pattern, the channel and the text; "message", "smessage" of
 * shards, the channel and the text; "ssubscribe", "sunsubscribe" and the
 * channel; to how many the mark went; or an error.
 */

static ngx_int_t
ngx_keyspace_news_said(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    const u_char         *at, *end;
    ks_reader_item_t      kind, channel, text;
    ngx_keyspace_news_t  *nw;

    nw = far->data;
    at = p;
    end = p + len;

    if (*p == '-') {
        ngx_keyspace_news_error(nw, p, len);
        return (nw->subscribed) ? NGX_OK : NGX_ERROR;
    }

    if (*p == ':') {
        ngx_keyspace_shards_answered(&nw->shards);
        return NGX_OK;
    }

    if (*p == '>' && !nw->subscribed) {
        nw->subscribed = 1;
        ngx_keyspace_news_turns(nw);
    }

    if (ks_reader_item(&at, end, &kind) != KS_OK
        || ks_reader_item(&at, end, &kind) != KS_OK
        || ks_reader_item(&at, end, &channel) != KS_OK
        || ks_reader_item(&at, end, &text) != KS_OK)
    {
        return NGX_OK;
    }

    if (ngx_keyspace_news_is(&kind.text, "ssubscribe")
        || ngx_keyspace_news_is(&kind.text, "sunsubscribe"))
    {
        ngx_keyspace_shards_heard(&nw->shards, &channel.text,
                                  kind.text.data[1] == 's');
        return NGX_OK;
    }

    if (ngx_keyspace_news_is(&kind.text, "message")) {
        return ngx_keyspace_news_message(nw, &channel.text, &text.text);
    }

    if (ngx_keyspace_news_is(&kind.text, "smessage")) {

        if (nw->state == NGX_KEYSPACE_NEWS_HEARS) {
            ngx_keyspace_news_publish(nw, "SPUBLISH", &channel.text,
                                      &text.text);
        }

        return NGX_OK;
    }

    if (ngx_keyspace_news_is(&kind.text, "pmessage")) {
        channel = text;

        if (ks_reader_item(&at, end, &text) == KS_OK) {
            return ngx_keyspace_news_message(nw, &channel.text, &text.text);
        }
    }

    return NGX_OK;
}


/*
 * It is subscribed, and hears: whoever waits for that goes on.  Not of a node
 * whose row has become another's.
 */

static void
ngx_keyspace_news_turns(ngx_keyspace_news_t *nw)
{
    ngx_keyspace_near_link_t    *l;
    ngx_keyspace_near_shared_t  *sh;

    l = nw->link;
    sh = nw->near->shared;

    if (nw->state == NGX_KEYSPACE_NEWS_HEARS && nw->subscribed
        && (l == NULL || l->birth == sh->nodes[l->node].birth))
    {
        ngx_keyspace_shards_turn(&nw->shards);
    }
}


static ngx_uint_t
ngx_keyspace_news_is(const ks_str_t *kind, const char *name)
{
    return kind->len == ngx_strlen(name)
           && ngx_memcmp(kind->data, name, kind->len) == 0;
}


/*
 * Without PSUBSCRIBE it ends, and nobody waits for messages, unless another
 * worker hears of them.  Later ones are of the mark, and then there is none, or
 * of a channel of shards, from which nothing comes, unless it is another
 * node's.
 */

static void
ngx_keyspace_news_error(ngx_keyspace_news_t *nw, u_char *p, size_t len)
{
    u_char  why[256];

    if (nw->subscribed
        && ngx_keyspace_shards_refused(&nw->shards, p, len) == NGX_OK)
    {
        return;
    }

    if (nw->subscribed) {
        ngx_log_error(NGX_LOG_INFO, ngx_cycle->log, 0,
                      "upstream of keyspace zone \"%V\" refuses a part of its "
                      "messages: %*s", &nw->near->zone->name,
                      ngx_min(len - 3, 128), p + 1);
        return;
    }

    *ngx_snprintf(why, sizeof(why) - 1, "its messages do not come here: "
                  "%*s", ngx_min(len - 3, 128), p + 1)
        = '\0';
    nw->refused = 1;

    if (nw->state == NGX_KEYSPACE_NEWS_HEARS) {
        ngx_keyspace_news_refuses(nw);
    }

    nw->far.once = 1;
    ngx_keyspace_far_lost(&nw->far, (char *) why);
}


/* While there is nobody, whoever waits goes on. */

static void
ngx_keyspace_news_refuses(ngx_keyspace_news_t *nw)
{
    ks_str_t  none = { 0, NULL };

    if (nw->ear->refuses == 0) {
        nw->ear->refuses = 1;
        ks_ask_all(nw->near->zone->space, KS_ASK_RESUME, &none);
    }
}


/* Marks are nobody's but of the edge whose name they have. */

static ngx_int_t
ngx_keyspace_news_message(ngx_keyspace_news_t *nw, const ks_str_t *channel,
    const ks_str_t *text)
{
    size_t  n;

    n = sizeof(NGX_KEYSPACE_NEWS_MARKS) - 1;

    if (channel->len >= n + KS_REPLID
        && ngx_memcmp(channel->data, NGX_KEYSPACE_NEWS_MARKS, n) == 0)
    {
        return (channel->len == nw->mark.len
                && ngx_memcmp(channel->data, nw->mark.data, nw->mark.len) == 0)
               ? ngx_keyspace_news_mark(nw, text) : NGX_OK;
    }

    if (nw->state == NGX_KEYSPACE_NEWS_HEARS) {
        ngx_keyspace_news_publish(nw, "PUBLISH", channel, text);
    }

    return NGX_OK;
}


/*
 * The mark of an heir: what is behind it is the heir's to publish, who reads no
 * further before the other one has come there.
 */

static ngx_int_t
ngx_keyspace_news_mark(ngx_keyspace_news_t *nw, const ks_str_t *text)
{
    ngx_atomic_int_t          pid;
    ks_str_t                  none = { 0, NULL };
    ngx_keyspace_near_ear_t  *ear;

    ear = nw->ear;
    pid = ngx_atoi(text->data, text->len);

    ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace news: the mark of %A, state %d", pid,
                   (int) nw->state);

    if (nw->state == NGX_KEYSPACE_NEWS_HEIR_OF && pid == ngx_pid) {
        nw->state = NGX_KEYSPACE_NEWS_MARKED;
        ngx_keyspace_far_pause(&nw->far);
        return NGX_DONE;
    }

    if (nw->state != NGX_KEYSPACE_NEWS_HEARS
        || ear->leaves != (ngx_atomic_uint_t) ngx_pid
        || pid <= 0 || ear->heir != (ngx_atomic_uint_t) pid)
    {
        return NGX_OK;
    }

    nw->state = NGX_KEYSPACE_NEWS_NONE;
    ngx_keyspace_news_stop(nw);

    if (nw->leave.timer_set) {
        ngx_del_timer(&nw->leave);
    }

    /* in that order: an heir of a process that does not leave is none */

    (void) ngx_atomic_cmp_set(&ear->pid, (ngx_atomic_uint_t) ngx_pid,
                              (ngx_atomic_uint_t) pid);
    (void) ngx_atomic_cmp_set(&ear->leaves, (ngx_atomic_uint_t) ngx_pid, 0);

    ks_ask_all(nw->near->zone->space, KS_ASK_FAR, &none);

    return NGX_ERROR;
}


/* An heir looks whether the other one has come to the mark, or is no more. */

static void
ngx_keyspace_news_inherits(ngx_keyspace_news_t *nw)
{
    ngx_uint_t                marked;
    ngx_atomic_uint_t         pid;
    ngx_keyspace_near_ear_t  *ear;

    ear = nw->ear;
    pid = ear->pid;

    if (pid != (ngx_atomic_uint_t) ngx_pid
        && !ngx_keyspace_news_takes(&ear->pid))
    {
        if (ear->pid == pid && ear->leaves != pid) {
            ngx_keyspace_news_leave(nw);
            return;
        }

        if (!nw->pause.timer_set) {
            ngx_add_timer(&nw->pause, NGX_KEYSPACE_NEWS_LOOK);
        }

        return;
    }

    ngx_log_debug0(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "keyspace news: this worker hears of messages now");

    marked = (nw->state == NGX_KEYSPACE_NEWS_MARKED);
    nw->state = NGX_KEYSPACE_NEWS_HEARS;
    (void) ngx_atomic_cmp_set(&ear->heir, (ngx_atomic_uint_t) ngx_pid, 0);
    ngx_keyspace_news_turns(nw);

    if (marked) {
        ngx_keyspace_far_resume(&nw->far);
    }
}


static void
ngx_keyspace_news_publish(ngx_keyspace_news_t *nw, const char *publish,
    const ks_str_t *channel, const ks_str_t *text)
{
    ks_str_t         argv[3];
    ks_ahead_t       a = ks_ahead(3, argv);
    ks_client_t      client;
    ks_reply_why_t   why;

    argv[0].data = (u_char *) publish;
    argv[0].len = ngx_strlen(publish);
    argv[1] = *channel;
    argv[2] = *text;

    ks_client_init(&client, nw->near->zone->space, &ks_user_default);
    client.obeys = 1;
    client.quiet = 1;
    ks_reply_why(&why);

    (void) ks_execute(&client, &a, &why.reply);

    ks_count(nw->near->zone->zone, KS_COUNT_NEAR_MESSAGES);
}


static void
ngx_keyspace_news_pause(ngx_event_t *ev)
{
    ngx_keyspace_news_t *nw = ev->data;

    if (nw->state != NGX_KEYSPACE_NEWS_HEARS) {
        ngx_keyspace_news_look(nw);
        return;
    }

    if (!nw->crowded) {
        return;
    }

    if (ngx_keyspace_crowded(nw->near->zone)) {
        ngx_add_timer(&nw->pause, NGX_KEYSPACE_NEWS_PAUSE);
        return;
    }

    nw->crowded = 0;
    ngx_keyspace_far_resume(&nw->far);
}


/* An heir that is connected again sets another mark. */

static void
ngx_keyspace_news_down(ngx_keyspace_far_t *far, const char *why)
{
    ngx_keyspace_news_t  *nw;

    nw = far->data;
    nw->crowded = 0;
    nw->subscribed = 0;
    ngx_keyspace_shards_down(&nw->shards);

    if (nw->link != NULL) {
        nw->near->calls->renew(nw->near->cluster);
    }

    if (nw->state == NGX_KEYSPACE_NEWS_MARKED) {
        nw->state = NGX_KEYSPACE_NEWS_HEIR_OF;
    }

    if (nw->refused || ngx_exiting) {
        ngx_keyspace_news_leave(nw);
    }
}


static void
ngx_keyspace_news_leaves(ngx_keyspace_far_t *far)
{
    ks_str_t                  none = { 0, NULL };
    ngx_keyspace_news_t      *nw;
    ngx_keyspace_near_ear_t  *ear;

    nw = far->data;
    ear = nw->ear;

    if (nw->state != NGX_KEYSPACE_NEWS_HEARS) {
        ngx_keyspace_news_leave(nw);
        return;
    }

    ear->next = far->next;
    ear->leaves = (ngx_atomic_uint_t) ngx_pid;
    nw->looks = 0;

    ks_ask_all(nw->near->zone->space, KS_ASK_FAR, &none);
    ngx_add_timer(&nw->leave, NGX_KEYSPACE_NEWS_LEAVE);
}


/* It waits a second for an heir, and some for the mark of one that lives. */

static void
ngx_keyspace_news_waits(ngx_event_t *ev)
{
    ngx_uint_t            most;
    ngx_atomic_uint_t     heir;
    ngx_keyspace_news_t  *nw;

    nw = ev->data;
    heir = nw->ear->heir;

    most = (heir != 0 && ngx_keyspace_links_lives((ngx_pid_t) heir))
           ? NGX_KEYSPACE_NEWS_MARK : NGX_KEYSPACE_NEWS_HEIR;

    if (++nw->looks >= most) {
        ngx_keyspace_news_leave(nw);
        return;
    }

    ngx_add_timer(&nw->leave, NGX_KEYSPACE_NEWS_LEAVE);
}


/* Another worker may have it. */

static void
ngx_keyspace_news_leave(ngx_keyspace_news_t *nw)
{
    ks_str_t                  none = { 0, NULL };
    ngx_uint_t                had;
    ngx_keyspace_near_ear_t  *ear;

    ear = nw->ear;

    ngx_keyspace_news_stop(nw);
    nw->state = NGX_KEYSPACE_NEWS_NONE;

    if (nw->leave.timer_set) {
        ngx_del_timer(&nw->leave);
    }

    had = ngx_atomic_cmp_set(&ear->pid, (ngx_atomic_uint_t) ngx_pid, 0);
    (void) ngx_atomic_cmp_set(&ear->heir, (ngx_atomic_uint_t) ngx_pid, 0);
    (void) ngx_atomic_cmp_set(&ear->leaves, (ngx_atomic_uint_t) ngx_pid, 0);

    if (had && !nw->refused) {
        ks_ask_all(nw->near->zone->space, KS_ASK_FAR, &none);
    }
}


static void
ngx_keyspace_news_stop(ngx_keyspace_news_t *nw)
{
    nw->subscribed = 0;
    ngx_keyspace_far_stop(&nw->far);
    ngx_keyspace_shards_down(&nw->shards);
}
