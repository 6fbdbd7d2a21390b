/*
 * Keys of another store, kept while they do not change there.
 *
 * What is stored and dropped is stored and dropped by the commands RESTORE and
 * DEL, so that those who watch or track keys here, and the journal, hear of it
 * as of any change.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands/ks_args.h"
#include "commands/ks_near.h"
#include "keyspace/ks_upstream.h"
#include "keyspace/ks_walk.h"
#include "types/ks_rdb.h"


#define KS_NEAR_STEP  512               /* keys that are looked at, at a time */

typedef struct {
    ks_near_t        *near;
    ks_client_t       client;
    const ks_str_t   *key;
    const ks_str_t   *dump;             /* NULL: it is dropped */
    uint32_t          seen;
    uint64_t          expire;
    int               rc;
    ks_reply_why_t    why;
} ks_near_change_t;

typedef struct {
    int     (*keeps)(void *data, const ks_str_t *key);
    void     *data;
    size_t    n;
    size_t    len;
    u_char   *keys;                     /* each a size_t and its bytes */
    size_t    room;
} ks_near_keys_t;


static uint32_t *
ks_near_place(ks_near_t *near, ks_space_t *sp, const ks_str_t *key)
{
    return &near->cells[ks_place(sp, key).hash & (KS_NEAR_CELLS - 1)];
}


uint32_t
ks_near_cell(const ks_near_t *near, ks_space_t *sp, const ks_str_t *key)
{
    return __atomic_load_n(ks_near_place((ks_near_t *) near, sp, key),
                           __ATOMIC_SEQ_CST);
}


/* --- changes --- */

/* KS_NONE: it is older than what has been heard since */

static int
ks_near_late(ks_near_change_t *ch)
{
    unsigned  slot;

    slot = ks_near_slot(ch->near, ch->key);

    return ks_upstream_store(ch->client.space) != ch->near->store
           || ks_near_state(ks_near_slot_word(ch->near, slot)) != KS_NEAR_GOOD
           || ks_near_cell(ch->near, ch->client.space, ch->key) != ch->seen;
}


static void
ks_near_restore(ks_near_change_t *ch)
{
    char                 at[32];
    ks_str_t             argv[6];
    const ks_command_t  *cmd;

    snprintf(at, sizeof(at), "%" PRIu64, ch->expire);

    argv[0] = ks_text("RESTORE");
    argv[1] = *ch->key;
    argv[2] = ks_text(at);
    argv[3] = *ch->dump;
    argv[4] = ks_text("REPLACE");
    argv[5] = ks_text("ABSTTL");

    cmd = ks_command_find(6, argv);
    ks_perform(&ch->client, cmd, 6, argv, &ch->why.reply);

    ch->rc = ch->why.reply.failed ? KS_ERR : KS_OK;
}


static void
ks_near_delete(ks_near_change_t *ch)
{
    ks_str_t             argv[2];
    const ks_command_t  *cmd;

    argv[0] = ks_text("DEL");
    argv[1] = *ch->key;

    cmd = ks_command_find(2, argv);
    ks_perform(&ch->client, cmd, 2, argv, &ch->why.reply);
}


static void
ks_near_body(ks_space_t *sp, void *data)
{
    ks_near_change_t  *ch = data;

    ks_reply_why(&ch->why);
    ch->rc = KS_NONE;

    if (ch->dump == NULL) {

        if (ks_lookup(sp, ch->key, KS_LOOKUP_PEEK) != NULL) {
            ks_near_delete(ch);
        }

        return;
    }

    if (!ks_near_late(ch)) {
        ks_near_restore(ch);
    }
}


static int
ks_near_change(ks_space_t *sp, ks_near_change_t *ch)
{
    int        rc;
    ks_call_t  call;

    ks_let_go(sp);

    ks_client_init(&ch->client, sp, &ks_user_default);
    ch->client.obeys = 1;
    ch->client.quiet = 1;
    ch->rc = KS_NONE;

    memset(&call, 0, sizeof(ks_call_t));
    call.shards = ks_key_shard(sp, ch->key);
    call.urgent = (ch->dump == NULL);
    call.quiet = 1;
    call.body = ks_near_body;
    call.data = ch;

    rc = ks_run(sp, &call);

    return (rc == KS_OK) ? ch->rc : KS_ERR;
}


/*
 * A value that would take more than half of the zone is none for it: most
 * others would be evicted, perhaps in vain.
 */

static int
ks_near_large(const ks_space_t *sp, const ks_str_t *dump)
{
    int          special;
    uint64_t     n, packed, size;
    ks_rdb_in_t  in;

    n = dump->len;
    memset(&in, 0, sizeof(ks_rdb_in_t));
    in.p = dump->data + 1;
    in.end = dump->data + dump->len;

    if (n > 1 && dump->data[0] == KS_RDB_STRING
        && ks_rdb_any_length(&in, &packed, &special) == KS_OK
        && special && packed == KS_RDB_LZF
        && ks_rdb_any_length(&in, &packed, &special) == KS_OK
        && ks_rdb_any_length(&in, &size, &special) == KS_OK)
    {
        n = size;
    }

    return n > ks_space_zone(sp)->size / 2;
}


int
ks_near_store(ks_near_t *near, ks_space_t *sp, const ks_str_t *key,
    uint32_t seen, const ks_str_t *dump, uint64_t expire)
{
    ks_near_change_t  ch;

    if (ks_near_large(sp, dump)) {
        return KS_ERR;
    }

    ch.near = near;
    ch.key = key;
    ch.dump = dump;
    ch.seen = seen;
    ch.expire = expire;

    return ks_near_change(sp, &ch);
}


void
ks_near_drop(ks_near_t *near, ks_space_t *sp, const ks_str_t *key)
{
    ks_near_change_t  ch;

    if (key->len > KS_KEY_MAX) {
        return;
    }

    __atomic_fetch_add(ks_near_place(near, sp, key), 1, __ATOMIC_SEQ_CST);

    ch.near = near;
    ch.key = key;
    ch.dump = NULL;
    ch.seen = 0;
    ch.expire = 0;

    (void) ks_near_change(sp, &ch);
}


/* --- all of them --- */

static void
ks_near_collect(ks_space_t *sp, ks_entry_t *e, void *data)
{
    u_char          *keys;
    size_t           need;
    ks_str_t         key;
    ks_near_keys_t  *all = data;

    key = ks_entry_key(sp, e);

    if (all->keeps(all->data, &key)) {
        return;
    }

    need = all->len + sizeof(size_t) + key.len;

    if (need > all->room) {
        keys = realloc(all->keys, need * 2);

        if (keys == NULL) {
            return;
        }

        all->keys = keys;
        all->room = need * 2;
    }

    memcpy(all->keys + all->len, &key.len, sizeof(size_t));

    if (key.len != 0) {
        memcpy(all->keys + all->len + sizeof(size_t), key.data, key.len);
    }

    all->len = need;
    all->n++;
}


uint64_t
ks_near_purge(ks_space_t *sp, uint64_t cursor,
    int (*keeps)(void *data, const ks_str_t *key), void *data)
{
    size_t            at;
    ks_str_t          key;
    ks_near_keys_t    all;
    ks_near_change_t  ch;

    memset(&all, 0, sizeof(all));
    all.keeps = keeps;
    all.data = data;

    cursor = ks_scan(sp, cursor, KS_NEAR_STEP, ks_near_collect, &all);

    for (at = 0; at < all.len; at += sizeof(size_t) + key.len) {
        memcpy(&key.len, all.keys + at, sizeof(size_t));
        key.data = all.keys + at + sizeof(size_t);

        memset(&ch, 0, sizeof(ch));
        ch.key = &key;
        (void) ks_near_change(sp, &ch);
    }

    free(all.keys);

    return cursor;
}
