/*
 * What a connection keeps for its EXEC, in memory of the process: the commands
 * that MULTI queues, and the keys that WATCH has noted.  Each has the limit of
 * the connection, queue_max bytes.
 */

#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_conn_seat.h"

#include <stdlib.h>


/* a place of the connection's table of watched keys, by the keys' hashes */
struct ks_watch_s {
    ks_watched_t         state;
    ks_str_t             key;           /* data NULL: the place is free */
    uint64_t             hash;
    unsigned             db;
};


/* --- commands --- */

int
ks_conn_queue(ks_conn_t *s, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply)
{
    int           i;
    size_t        size;
    u_char       *p;
    ks_queued_t  *q;

    if (s->aborted) {
        return KS_OK;                   /* it is not going to be run */
    }

    size = sizeof(ks_queued_t) + (size_t) argc * sizeof(ks_str_t);

    for (i = 0; i < argc; i++) {
        size += argv[i].len;
    }

    if (size > s->queue_max - s->queue_bytes) {
        s->aborted = 1;
        ks_reply_error(reply, "ERR the transaction is too large");
        return KS_ERR;
    }

    q = malloc(size);

    if (q == NULL) {
        s->aborted = 1;
        ks_reply_error(reply, KS_ERR_NOMEM);
        return KS_ERR;
    }

    q->next = NULL;
    q->cmd = cmd;
    q->argc = argc;
    q->argv = (ks_str_t *) (q + 1);     /* their bytes follow */
    p = (u_char *) &q->argv[argc];

    for (i = 0; i < argc; i++) {
        q->argv[i].data = p;
        q->argv[i].len = argv[i].len;
        memcpy(p, argv[i].data, argv[i].len);
        p += argv[i].len;
    }

    *s->queue_end = q;
    s->queue_end = &q->next;
    s->queued++;
    s->queue_bytes += size;

    return KS_OK;
}


void
ks_conn_unwatch(ks_conn_t *s)
{
    size_t  i;

    for (i = 0; s->nwatches != 0; i++) {
        if (s->watches[i].key.data != NULL) {
            free(s->watches[i].key.data);
            s->watches[i].key.data = NULL;
            s->nwatches--;
        }
    }

    s->watch_bytes = 0;
}


void
ks_conn_discard(ks_conn_t *s)
{
    ks_queued_t  *q;

    while (s->queue != NULL) {
        q = s->queue;
        s->queue = q->next;
        free(q);
    }

    s->queue_end = &s->queue;
    s->queued = 0;
    s->queue_bytes = 0;
    s->shards = 0;
    s->multi = 0;
    s->aborted = 0;

    ks_conn_unwatch(s);
}


/* --- watched keys --- */

/* the place of a key, or the free one that it may have */

static ks_watch_t *
ks_watch_place(const ks_conn_t *s, unsigned db, uint64_t hash,
    const ks_str_t *key)
{
    size_t       i;
    ks_watch_t  *watch;

    for (i = hash; /* void */ ; i++) {
        watch = &s->watches[i % s->watch_room];

        if (watch->key.data == NULL
            || (watch->hash == hash && watch->db == db
                && ks_str_same(&watch->key, key)))
        {
            return watch;
        }
    }
}


/* a table twice as large; its room is a power of two */

static int
ks_watch_grow(ks_conn_t *s)
{
    size_t       i, room;
    ks_watch_t  *old, *watch;

    old = s->watches;
    room = s->watch_room;

    watch = calloc(room ? room * 2 : 8, sizeof(ks_watch_t));

    if (watch == NULL) {
        return KS_NOMEM;
    }

    s->watches = watch;
    s->watch_room = room ? room * 2 : 8;

    for (i = 0; i < room; i++) {
        if (old[i].key.data != NULL) {
            *ks_watch_place(s, old[i].db, old[i].hash, &old[i].key) = old[i];
        }
    }

    free(old);

    return KS_OK;
}


int
ks_conn_watch(ks_conn_t *s, const ks_str_t *key, const ks_watched_t *w)
{
    size_t       size;
    uint64_t     hash;
    ks_watch_t  *watch;

    if (s->nwatches >= s->watch_room / 2 && ks_watch_grow(s) != KS_OK) {
        return KS_NOMEM;
    }

    hash = ks_place(s->client.space, key).hash;
    watch = ks_watch_place(s, s->client.db, hash, key);

    if (watch->key.data != NULL) {
        return KS_OK;
    }

    size = 2 * sizeof(ks_watch_t) + key->len;

    if (size > s->queue_max - ks_min(s->watch_bytes, s->queue_max)) {
        return KS_ERR;
    }

    watch->key.data = malloc(ks_max(key->len, (size_t) 1));

    if (watch->key.data == NULL) {
        return KS_NOMEM;
    }

    watch->state = *w;
    watch->hash = hash;
    watch->db = s->client.db;
    watch->key.len = key->len;
    memcpy(watch->key.data, key->data, key->len);
    s->watch_bytes += size;
    s->nwatches++;

    return KS_OK;
}


uint64_t
ks_conn_watched(const ks_conn_t *s, unsigned db)
{
    size_t       i;
    uint64_t     shards;
    ks_space_t  *sp;

    shards = 0;
    sp = ks_conn_space(s, db);

    for (i = 0; s->nwatches != 0 && i < s->watch_room; i++) {
        if (s->watches[i].key.data != NULL && s->watches[i].db == db) {
            shards |= ks_key_shard(sp, &s->watches[i].key);
        }
    }

    return shards;
}


int
ks_conn_unchanged(const ks_conn_t *s, unsigned db)
{
    size_t       i;
    ks_watch_t  *watch;
    ks_space_t  *sp;

    sp = ks_conn_space(s, db);

    for (i = 0; s->nwatches != 0 && i < s->watch_room; i++) {
        watch = &s->watches[i];

        if (watch->key.data != NULL && watch->db == db
            && !ks_unchanged(sp, &watch->key, &watch->state))
        {
            return 0;
        }
    }

    return 1;
}
