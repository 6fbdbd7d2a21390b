/*
 * The two transactions of a migration, and the replies in between.
 */

#include <stdio.h>
#include <stdlib.h>

#include "commands/ks_args.h"
#include "commands/ks_migrate.h"


#define KS_MIGRATE_ROOM  4096           /* bytes, at first */

typedef struct {
    ks_migration_t  *migration;
    int              nkeys;
    const ks_str_t  *keys;
} ks_taking_t;


/* --- the first: keys as commands --- */

/* Memory of the process, which outlives the transaction. */

static u_char *
ks_migration_room(ks_migration_t *m, size_t len)
{
    size_t   size;
    u_char  *bytes;

    if (m->size - m->len < len) {
        size = ks_max(m->size * 2, (size_t) KS_MIGRATE_ROOM);
        size = ks_max(size, m->len + len);

        bytes = realloc(m->bytes, size);

        if (bytes == NULL) {
            m->nomem = 1;
            return NULL;
        }

        m->bytes = bytes;
        m->size = size;
    }

    return m->bytes + m->len;
}


static void
ks_migration_put(ks_migration_t *m, const void *p, size_t len)
{
    u_char  *to;

    to = ks_migration_room(m, len);

    if (to != NULL) {
        memcpy(to, p, len);
        m->len += len;
    }
}


static void
ks_migration_head(ks_migration_t *m, char kind, size_t n)
{
    int   len;
    char  head[32];

    len = snprintf(head, sizeof(head), "%c%zu\r\n", kind, n);
    ks_migration_put(m, head, (size_t) len);
}


static void
ks_migration_bulk(ks_migration_t *m, const void *p, size_t len)
{
    ks_migration_head(m, '$', len);
    ks_migration_put(m, p, len);
    ks_migration_put(m, "\r\n", 2);
}


static void
ks_migration_dump(ks_migration_t *m, ks_space_t *sp, ks_entry_t *e)
{
    size_t         n;
    ks_dump_t      d;
    const u_char  *part;

    ks_dump_begin(&d, sp, e);
    ks_migration_head(m, '$', d.len);

    while ((part = ks_dump_part(&d, &n)) != NULL) {
        ks_migration_put(m, part, n);
    }

    ks_migration_put(m, "\r\n", 2);
}


static ks_migrated_t *
ks_migration_next(ks_migration_t *m)
{
    size_t          room;
    ks_migrated_t  *keys;

    if (m->nkeys == m->room) {
        room = ks_max(m->room * 2, (size_t) 4);
        keys = realloc(m->keys, room * sizeof(ks_migrated_t));

        if (keys == NULL) {
            m->nomem = 1;
            return NULL;
        }

        m->keys = keys;
        m->room = room;
    }

    memset(&m->keys[m->nkeys], 0, sizeof(ks_migrated_t));

    return &m->keys[m->nkeys++];
}


/* RESTORE key ttl dump [REPLACE]; a key that expires has 1 ms at least */

static void
ks_migration_key(ks_migration_t *m, ks_space_t *sp, const ks_str_t *key,
    ks_entry_t *e)
{
    int             len;
    char            ttl[32];
    uint64_t        at, now;
    ks_migrated_t  *k;

    k = ks_migration_next(m);

    if (k == NULL) {
        return;
    }

    ks_watch(sp, key, &k->watched);

    at = ks_entry_expire(e);
    now = ks_space_now(sp);
    len = snprintf(ttl, sizeof(ttl), "%llu", (unsigned long long)
                   (at == 0 ? 0 : at > now ? at - now : 1));

    ks_migration_head(m, '*', m->replace ? 5 : 4);
    ks_migration_bulk(m, "RESTORE", 7);
    ks_migration_head(m, '$', key->len);
    k->at = m->len;
    k->len = key->len;
    ks_migration_put(m, key->data, key->len);
    ks_migration_put(m, "\r\n", 2);
    ks_migration_bulk(m, ttl, (size_t) len);
    ks_migration_dump(m, sp, e);

    if (m->replace) {
        ks_migration_bulk(m, "REPLACE", 7);
    }
}


/* may be left by longjmp and started again */

static void
ks_migration_take_body(ks_space_t *sp, void *data)
{
    int              i;
    ks_entry_t      *e;
    ks_taking_t     *t;
    ks_migration_t  *m;

    t = data;
    m = t->migration;
    m->len = 0;
    m->nkeys = 0;

    for (i = 0; i < t->nkeys && !m->nomem; i++) {
        e = ks_lookup(sp, &t->keys[i], KS_LOOKUP_READ);

        if (e != NULL) {
            ks_migration_key(m, sp, &t->keys[i], e);
        }
    }
}


int
ks_migration_take(ks_migration_t *m, const ks_client_t *client, int nkeys,
    const ks_str_t *keys)
{
    int          i, rc;
    ks_call_t    call;
    ks_taking_t  t = { m, nkeys, keys };

    memset(&call, 0, sizeof(ks_call_t));
    call.urgent = 1;
    call.quiet = client->quiet;
    call.patience = client->patience;
    call.body = ks_migration_take_body;
    call.data = &t;

    for (i = 0; i < nkeys; i++) {
        call.shards |= ks_key_shard(m->space, &keys[i]);
    }

    do {
        rc = ks_run(m->space, &call);
    } while (rc == KS_AGAIN && client->patience == 0);

    return rc;
}


/* --- replies --- */

/* Without the "-" in front, and the end of the line. */

static void
ks_migration_error(ks_migration_t *m, const u_char *p, size_t len)
{
    size_t  n;

    if (m->error[0] != '\0') {
        return;
    }

    for (n = 0; n + 1 < len && p[n + 1] != '\r' && p[n + 1] != '\n'; n++) {
        /* void */
    }

    (void) snprintf(m->error, sizeof(m->error), "%.*s",
                    (int) ks_min(n, sizeof(m->error)), p + 1);
}


void
ks_migration_reply(ks_migration_t *m, const u_char *p, size_t len)
{
    if (m->replies == m->nkeys) {
        return;
    }

    if (*p == '+') {
        m->keys[m->replies].arrived = 1;

    } else {
        ks_migration_error(m, p, len);
    }

    m->replies++;
}


void
ks_migration_refused(ks_migration_t *m, const u_char *p, size_t len)
{
    ks_migration_error(m, p, len);
}


/* --- the second: what has arrived is deleted --- */

static ks_str_t
ks_migration_name(const ks_migration_t *m, const ks_migrated_t *k)
{
    ks_str_t  key;

    key.data = m->bytes + k->at;
    key.len = k->len;

    return key;
}


/*
 * May be left by longjmp and started again.  A key may have been named twice,
 * so that all are looked at before the first one is deleted.
 */

static void
ks_migration_end_body(ks_space_t *sp, void *data)
{
    size_t           i;
    ks_str_t         key;
    ks_entry_t      *e;
    ks_migrated_t   *k;
    ks_migration_t  *m;

    m = data;

    for (i = 0; i < m->nkeys; i++) {
        k = &m->keys[i];
        key = ks_migration_name(m, k);
        k->changed = (k->arrived && !ks_unchanged(sp, &key, &k->watched));
    }

    for (i = 0; i < m->nkeys; i++) {
        k = &m->keys[i];

        if (!k->arrived || k->changed) {
            continue;
        }

        key = ks_migration_name(m, k);
        e = ks_lookup(sp, &key, KS_LOOKUP_PEEK);

        if (e != NULL) {
            ks_remove(sp, &key, e);
            ks_event(sp, KS_NOTIFY_GENERIC, "del", &key);
            ks_effect_as(sp, "DEL %s", &key);
        }
    }
}


static int
ks_migration_delete(ks_migration_t *m, uint64_t *wrote)
{
    int        rc;
    size_t     i;
    ks_str_t   key;
    ks_call_t  call;

    memset(&call, 0, sizeof(ks_call_t));
    call.urgent = 1;
    call.quiet = 1;
    call.body = ks_migration_end_body;
    call.data = m;

    for (i = 0; i < m->nkeys; i++) {

        if (m->keys[i].arrived) {
            key = ks_migration_name(m, &m->keys[i]);
            call.shards |= ks_key_shard(m->space, &key);
        }
    }

    if (call.shards == 0) {
        return KS_OK;
    }

    do {
        rc = ks_run(m->space, &call);
    } while (rc == KS_AGAIN);

    *wrote = call.wrote;

    return rc;
}


static size_t
ks_migration_changed(const ks_migration_t *m)
{
    size_t  i, n;

    for (i = 0, n = 0; i < m->nkeys; i++) {
        n += m->keys[i].changed;
    }

    return n;
}


size_t
ks_migration_end(ks_migration_t *m, const char *failed, u_char *reply,
    uint64_t *wrote)
{
    int     rc, n;
    char   *to;
    size_t  changed;

    *wrote = 0;
    rc = m->copy ? KS_OK : ks_migration_delete(m, wrote);
    changed = ks_migration_changed(m);
    to = (char *) reply;

    if (failed != NULL) {
        n = snprintf(to, KS_MIGRATE_REPLY, "-%s\r\n", failed);

    } else if (m->error[0] != '\0') {
        n = snprintf(to, KS_MIGRATE_REPLY,
                     "-ERR Target instance replied with error: %s\r\n",
                     m->error);

    } else if (rc != KS_OK) {
        n = snprintf(to, KS_MIGRATE_REPLY, "-ERR the keys have arrived, and "
                     "could not be deleted here\r\n");

    } else if (changed != 0) {
        n = snprintf(to, KS_MIGRATE_REPLY, "-ERR %zu of %zu keys changed "
                     "while they were on their way: these are not deleted "
                     "here, and the target has them as they were before\r\n",
                     changed, m->nkeys);

    } else {
        n = snprintf(to, KS_MIGRATE_REPLY, "+OK\r\n");
    }

    return (size_t) n;
}


void
ks_migration_free(ks_migration_t *m)
{
    free(m->bytes);
    free(m->keys);
    free(m);
}
