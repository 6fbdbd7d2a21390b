/*
 * Entries of an HTTP cache: what is stored and found, variants, the TTL, what
 * is not an entry, a body that is replaced while it is read, a zone without
 * room, locks, and what is told.
 */

#include <sys/wait.h>
#include <unistd.h>

#include "event_test.h"

#include "commands/ks_cache.h"
#include "commands/ks_cache_lock.h"
#include "keyspace/ks_ended.h"
#include "memory/ks_process.h"


static u_char    content[2000000];
static u_char   *rooms[64];
static unsigned  nrooms;
static int       exhausted;


static size_t
select_id(void *data, const ks_str_t *vary, u_char *id)
{
    const char  *text = data;

    assert_true(vary->len != 0);
    memcpy(id, text, strlen(text));

    return strlen(text);
}


static u_char *
room(void *data, size_t len)
{
    (void) data;

    if (exhausted) {
        return NULL;
    }

    assert_true(nrooms < ks_nelts(rooms));
    rooms[nrooms] = malloc(len + 1);

    return rooms[nrooms++];
}


static ks_cache_get_t *
get(box_t *b, const char *key, const char *id, ks_cache_found_t found)
{
    static ks_cache_get_t  g;

    while (nrooms) {
        free(rooms[--nrooms]);
    }

    memset(&g, 0, sizeof(g));
    g.key = ks_text(key);
    g.select = select_id;
    g.room = room;
    g.data = (void *) id;
    g.now = b->now;

    assert_int_equal(ks_cache_get(b->client.space, &g), found);

    return &g;
}


static int
put(box_t *b, const char *key, const char *vary, const char *id, size_t len)
{
    ks_cache_put_t  p = {
        .key = ks_text(key), .vary = ks_text(vary), .id = ks_text(id),
        .head = ks_text("A: b\r\n"), .body = { len, content },
        .meta = { .status = 200, .stored = b->now, .age = 7,
                  .fresh = b->now + 5000, .stale = 11, .error = 12,
                  .flags = KS_CACHE_STRICT },
        .keep = 10000, .now = b->now,
    };

    return ks_cache_put(b->client.space, &p);
}


static void
test_life(void **state)
{
    size_t           i;
    box_t           *b;
    ks_cache_get_t  *g;
    static const size_t  sizes[] = { 0, 1, 511, 513, 4096, 65536, 65537,
                                     200000, 1000000 };

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);

    get(b, "k", "", KS_CACHE_NONE);

    for (i = 0; i < ks_nelts(sizes); i++) {
        assert_int_equal(put(b, "k", "", "", sizes[i]), KS_OK);

        g = get(b, "k", "", KS_CACHE_FOUND);
        assert_int_equal(g->body.len, sizes[i]);
        assert_memory_equal(g->body.data, content, sizes[i]);
        assert_int_equal(g->head.len, 6);
        assert_memory_equal(g->head.data, "A: b\r\n", 6);
        assert_int_equal(g->now, b->now);
        assert_int_equal(g->meta.status, 200);
        assert_int_equal(g->meta.age, 7);
        assert_int_equal(g->meta.fresh, b->now + 5000);
        assert_int_equal(g->meta.stale, 11);
        assert_int_equal(g->meta.error, 12);
        assert_int_equal(g->meta.flags, KS_CACHE_STRICT);
    }

    assert_string_equal(line(b, "TYPE k"), "+hash\r\n");
    assert_string_equal(line(b, "PTTL k"), ":15000\r\n");

    /* the TTL moves the freshness */

    line(b, "PEXPIRE k 11000");
    assert_int_equal(get(b, "k", "", KS_CACHE_FOUND)->meta.fresh,
                     b->now + 1000);
    line(b, "PEXPIRE k 1000000");
    assert_int_equal(get(b, "k", "", KS_CACHE_FOUND)->meta.fresh,
                     b->now + 990000);
    line(b, "PERSIST k");
    assert_true(get(b, "k", "", KS_CACHE_FOUND)->meta.fresh > b->now << 8);
    line(b, "PEXPIRE k 9000");
    assert_int_equal(get(b, "k", "", KS_CACHE_FOUND)->meta.fresh,
                     b->now - 1000);

    assert_int_equal(ks_cache_drop(b->client.space, &(ks_str_t) ks_str("k"),
                                   b->now), 1);
    assert_int_equal(ks_cache_drop(b->client.space, &(ks_str_t) ks_str("k"),
                                   b->now), 0);
    get(b, "k", "", KS_CACHE_NONE);

    assert_int_equal(put(b, "k", "", "", 100), KS_OK);
    b->now += 15001;
    get(b, "k", "", KS_CACHE_NONE);

    box_close(b);
}


static void
test_variants(void **state)
{
    int     i;
    char    id[8];
    box_t  *b;

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);

    assert_int_equal(put(b, "k", "a,b", "1", 10), KS_OK);
    assert_int_equal(put(b, "k", "a,b", "2", 20), KS_OK);
    assert_int_equal(get(b, "k", "1", KS_CACHE_FOUND)->body.len, 10);
    assert_int_equal(get(b, "k", "2", KS_CACHE_FOUND)->body.len, 20);
    get(b, "k", "3", KS_CACHE_OTHER);
    assert_string_equal(line(b, "HLEN k"), ":8\r\n");

    /* the key lives as long as its freshest variant */

    line(b, "PEXPIRE k 20000");
    assert_int_equal(put(b, "k", "a,b", "1", 11), KS_OK);
    assert_string_equal(line(b, "PTTL k"), ":20000\r\n");
    assert_int_equal(get(b, "k", "1", KS_CACHE_FOUND)->body.len, 11);

    assert_int_equal(put(b, "k", "a", "1", 30), KS_OK);
    assert_string_equal(line(b, "HLEN k"), ":5\r\n");
    get(b, "k", "2", KS_CACHE_OTHER);

    for (i = 0; i < 3 * KS_CACHE_VARIANTS; i++) {
        snprintf(id, sizeof(id), "v%d", i);
        assert_int_equal(put(b, "k", "a", id, 30), KS_OK);
        get(b, "k", id, KS_CACHE_FOUND);
        assert_true(strtol(line(b, "HLEN k") + 1, NULL, 10)
                    <= 3 * KS_CACHE_VARIANTS + 2);
    }

    box_close(b);
}


static void
test_update(void **state)
{
    box_t           *b;
    ks_cache_put_t   p;
    ks_cache_get_t  *g;

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);
    assert_int_equal(put(b, "k", "", "", 3000), KS_OK);
    g = get(b, "k", "", KS_CACHE_FOUND);

    memset(&p, 0, sizeof(p));
    p.key = ks_text("k");
    p.vary = ks_text("");
    p.id = ks_text("");
    p.head = ks_text("C: d\r\n");
    p.meta = g->meta;
    p.meta.fresh = b->now + 7000;
    p.keep = 1;
    p.update = 1;
    p.now = b->now;

    assert_int_equal(ks_cache_put(b->client.space, &p), KS_OK);
    assert_string_equal(line(b, "PTTL k"), ":7001\r\n");

    g = get(b, "k", "", KS_CACHE_FOUND);
    assert_memory_equal(g->head.data, "C: d\r\n", 6);
    assert_int_equal(g->body.len, 3000);
    assert_int_equal(g->meta.version, p.meta.version);

    /* not if there is another body, or none */

    assert_int_equal(put(b, "k", "", "", 10), KS_OK);
    assert_int_equal(ks_cache_put(b->client.space, &p), KS_NONE);
    line(b, "DEL k");
    assert_int_equal(ks_cache_put(b->client.space, &p), KS_NONE);
    assert_string_equal(line(b, "EXISTS k"), ":0\r\n");

    box_close(b);
}


static void
test_foreign(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);

    line(b, "SET k v");
    get(b, "k", "", KS_CACHE_FAILED);
    assert_int_equal(put(b, "k", "", "", 10), KS_NONE);
    assert_string_equal(line(b, "GET k"), "$1\r\nv\r\n");
    line(b, "DEL k");
    line(b, "HSET k f v");
    get(b, "k", "", KS_CACHE_FAILED);
    assert_int_equal(put(b, "k", "", "", 10), KS_NONE);
    assert_int_equal(ks_cache_drop(b->client.space, &(ks_str_t) ks_str("k"),
                                   b->now), 0);
    assert_string_equal(line(b, "HLEN k"), ":1\r\n");

    /* fields that somebody has changed */

    assert_int_equal(put(b, "e", "", "", 10), KS_OK);
    line(b, "HDEL e body:");
    get(b, "e", "", KS_CACHE_OTHER);
    assert_int_equal(put(b, "e", "", "", 10), KS_OK);
    line(b, "HSET e meta: version=1");
    get(b, "e", "", KS_CACHE_OTHER);
    line(b, "HSET e meta: x");
    get(b, "e", "", KS_CACHE_OTHER);
    assert_int_equal(put(b, "e", "", "", 10), KS_OK);
    line(b, "HSET e until x");
    assert_int_equal(get(b, "e", "", KS_CACHE_FOUND)->meta.fresh,
                     b->now + 5000);
    line(b, "HDEL e head:");
    get(b, "e", "", KS_CACHE_OTHER);

    exhausted = 1;
    assert_int_equal(put(b, "e", "", "", 10), KS_OK);
    get(b, "e", "", KS_CACHE_FAILED);
    exhausted = 0;

    box_close(b);
}


/*
 * Another process stores bodies that are all of one letter, while this one
 * reads them in slices.
 */

static void
replace(ks_zone_t *zone)
{
    unsigned         i;
    ks_space_t      *sp;
    ks_cache_put_t   p;
    static u_char    body[300000];

    sp = ks_space_open(zone);
    memset(&p, 0, sizeof(p));

    for (i = 0; i < 4000; i++) {
        memset(body, 'a' + i % 26, sizeof(body));

        p.key = ks_text("k");
        p.body.data = body;
        p.body.len = sizeof(body) - i % 2;
        p.meta.fresh = NOW + 5000;
        p.now = NOW;

        if (sp == NULL || ks_cache_put(sp, &p) != KS_OK) {
            _exit(1);
        }
    }

    _exit(0);
}


static void
test_replaced(void **state)
{
    int              status;
    box_t           *b;
    pid_t            pid;
    unsigned         reads;
    ks_cache_get_t  *g;

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);
    memset(content, 'z', 300000);
    assert_int_equal(put(b, "k", "", "", 300000), KS_OK);

    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        replace(ks_space_zone(b->client.space));
    }

    for (reads = 0; waitpid(pid, &status, WNOHANG) == 0; reads++) {
        g = get(b, "k", "", KS_CACHE_FOUND);
        assert_true(g->body.len >= 299999);
        assert_memory_equal(g->body.data, g->body.data + 1, g->body.len - 1);
    }

    assert_int_equal(status, 0);
    assert_true(reads > 0);
    box_close(b);
}


static void
test_full(void **state)
{
    int     i, rc, full;
    char    key[16];
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);

    for (full = 0, i = 0; i < 40; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        rc = put(b, key, "", "", 300000);
        assert_true(rc == KS_OK || rc == KS_NOMEM);
        full += (rc == KS_NOMEM);
        get(b, key, "", rc == KS_OK ? KS_CACHE_FOUND : KS_CACHE_NONE);
    }

    assert_true(full > 10);
    assert_int_equal(ks_check(b->client.space, report, "full"), 0);
    box_close(b);

    b = box_open(4u << 20, KS_ALLKEYS_LRU);

    for (i = 0; i < 40; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        assert_int_equal(put(b, key, "", "", 300000), KS_OK);
        get(b, key, "", KS_CACHE_FOUND);
    }

    assert_int_equal(put(b, key, "", "", 2000000), KS_OK);
    assert_int_equal(ks_check(b->client.space, report, "evicting"), 0);
    box_close(b);
}


static void
test_locks(void **state)
{
    box_t       *b;
    uint64_t     id, other;
    ks_str_t     key = ks_str("lock:k");
    ks_space_t  *sp;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;
    assert_int_equal(ks_process_open(&sp->mem, 0), KS_OK);

    assert_int_equal(ks_cache_inherit(sp, &key, 1000, b->now, &id),
                     KS_CACHE_FREE);
    assert_int_equal(ks_cache_lock(sp, &key, 1000, b->now, &id),
                     KS_CACHE_LOCKED);
    assert_true(id != 0);
    assert_string_equal(line(b, "PTTL lock:k"), ":1000\r\n");
    assert_int_equal(ks_cache_lock(sp, &key, 1000, b->now, &other),
                     KS_CACHE_HELD);
    assert_int_equal(ks_cache_inherit(sp, &key, 1000, b->now, &other),
                     KS_CACHE_HELD);

    /* another's number lets nothing go */

    ks_cache_unlock(sp, &key, id + 1, b->now);
    assert_string_equal(line(b, "EXISTS lock:k"), ":1\r\n");
    ks_cache_unlock(sp, &key, id, b->now);
    assert_string_equal(line(b, "EXISTS lock:k"), ":0\r\n");

    /* its time, and whoever writes there, end it */

    assert_int_equal(ks_cache_lock(sp, &key, 1000, b->now, &id),
                     KS_CACHE_LOCKED);
    b->now += 1001;
    assert_int_equal(ks_cache_lock(sp, &key, 1000, b->now, &other),
                     KS_CACHE_LOCKED);
    assert_true(other != id);
    line(b, "SET lock:k x");
    assert_int_equal(ks_cache_inherit(sp, &key, 1000, b->now, &id),
                     KS_CACHE_LOCKED);

    /* that of a process that is dead */

    line_with(b, "SET lock:k", (const u_char *) "77 5 9", 6);
    assert_int_equal(ks_cache_inherit(sp, &key, 1000, b->now, &id),
                     KS_CACHE_LOCKED);
    line(b, "DEL lock:k");
    line(b, "LPUSH lock:k x");
    assert_int_equal(ks_cache_lock(sp, &key, 1000, b->now, &id),
                     KS_CACHE_LOCKED);

    ks_process_close(&sp->mem);
    box_close(b);
}


static void
test_uses(void **state)
{
    box_t       *b;
    ks_str_t     key = ks_str("uses:k");
    ks_space_t  *sp;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION);
    sp = b->client.space;

    assert_int_equal(ks_cache_use(sp, &key, 1000, b->now), 1);
    assert_int_equal(ks_cache_use(sp, &key, 1000, b->now + 900), 2);
    assert_int_equal(ks_cache_use(sp, &key, 1000, b->now + 1800), 3);
    b->now += 1800;
    assert_string_equal(line(b, "GET uses:k"), "$1\r\n3\r\n");
    assert_int_equal(ks_cache_use(sp, &key, 1000, b->now + 1001), 1);
    b->now += 1001;
    line(b, "SET uses:k x");
    assert_int_equal(ks_cache_use(sp, &key, 1000, b->now), 0);
    line(b, "DEL uses:k");
    line(b, "LPUSH uses:k x");
    assert_int_equal(ks_cache_use(sp, &key, 1000, b->now), 0);

    box_close(b);
}


/* with tags, or an update of them */

static int
put_tags(box_t *b, const char *key, const char *vary, const char *id,
    const char *tags)
{
    ks_cache_put_t  p = {
        .key = ks_text(key), .vary = ks_text(vary), .id = ks_text(id),
        .tags = ks_text(tags), .head = ks_text("A: b\r\n"),
        .body = { 100, content },
        .meta = { .status = 200, .stored = b->now, .fresh = b->now + 5000 },
        .keep = 10000, .now = b->now,
    };

    return ks_cache_put(b->client.space, &p);
}


static void
test_tags(void **state)
{
    int              i, dead;
    char             key[32];
    box_t           *b;
    ks_cache_put_t   p;
    ks_cache_get_t  *g;

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);

    assert_int_equal(put_tags(b, "k1", "", "", "red blue"), KS_OK);
    assert_int_equal(put_tags(b, "k2", "", "", "red"), KS_OK);
    assert_string_equal(line(b, "SCARD tag:red"), ":2\r\n");
    assert_string_equal(line(b, "SCARD tag:blue"), ":1\r\n");
    assert_string_equal(line(b, "PTTL tag:blue"), ":75000\r\n");
    get(b, "k1", "", KS_CACHE_FOUND);
    get(b, "k2", "", KS_CACHE_FOUND);

    /* the end of a set purges its entries */

    line(b, "DEL tag:blue");
    get(b, "k1", "", KS_CACHE_NONE);
    get(b, "k2", "", KS_CACHE_FOUND);
    assert_int_equal(put_tags(b, "k1", "", "", "red blue"), KS_OK);
    get(b, "k1", "", KS_CACHE_FOUND);
    line(b, "SREM tag:red k1");
    get(b, "k1", "", KS_CACHE_NONE);

    /* soft: they are stale, until they are stored or updated */

    assert_int_equal(put_tags(b, "k1", "", "", "red blue"), KS_OK);
    line(b, "RENAME tag:red stale:tag:red");
    assert_int_equal(get(b, "k2", "", KS_CACHE_FOUND)->meta.fresh, b->now);
    g = get(b, "k1", "", KS_CACHE_FOUND);
    assert_int_equal(g->meta.fresh, b->now);

    memset(&p, 0, sizeof(p));
    p.key = ks_text("k1");
    p.vary = ks_text("");
    p.id = ks_text("");
    p.head = ks_text("C: d\r\n");
    p.meta = g->meta;
    p.meta.fresh = b->now + 7000;
    p.update = 1;
    p.keep = 1;
    p.now = b->now;
    assert_int_equal(ks_cache_put(b->client.space, &p), KS_OK);
    assert_int_equal(get(b, "k1", "", KS_CACHE_FOUND)->meta.fresh,
                     b->now + 7000);
    assert_string_equal(line(b, "SMEMBERS tag:red"), "*1\r\n$2\r\nk1\r\n");

    /* what is purged is not updated */

    line(b, "DEL tag:blue");
    assert_int_equal(ks_cache_put(b->client.space, &p), KS_NONE);
    get(b, "k1", "", KS_CACHE_NONE);

    /* the tags of variants are those of the key */

    assert_int_equal(put_tags(b, "v", "a", "1", "x"), KS_OK);
    assert_int_equal(put_tags(b, "v", "a", "2", "y x"), KS_OK);
    assert_string_equal(line(b, "HGET v tags"), "$3\r\nx y\r\n");
    get(b, "v", "1", KS_CACHE_FOUND);
    line(b, "DEL tag:y");
    get(b, "v", "1", KS_CACHE_NONE);
    assert_int_equal(put_tags(b, "v", "a", "3", "z"), KS_OK);
    get(b, "v", "1", KS_CACHE_OTHER);
    get(b, "v", "3", KS_CACHE_FOUND);
    assert_int_equal(put_tags(b, "v", "a", "4", "z"), KS_OK);
    line(b, "RENAME tag:z stale:tag:z");
    assert_int_equal(put_tags(b, "v", "a", "3", "z"), KS_OK);
    get(b, "v", "4", KS_CACHE_OTHER);

    /* a key of another type */

    line(b, "SET tag:w 1");
    assert_int_equal(put_tags(b, "w", "", "", "w"), KS_NONE);
    get(b, "w", "", KS_CACHE_NONE);

    /* members whose entries have ended are taken out by and by */

    for (dead = 0; dead < 3000; dead++) {
        snprintf(key, sizeof(key), "dead%d", dead);
        assert_int_equal(put_tags(b, key, "", "", "many"), KS_OK);
        ks_cache_drop(b->client.space, &(ks_str_t) { strlen(key),
                      (u_char *) key }, b->now);
    }

    for (i = 0; i < 3000; i++) {
        snprintf(key, sizeof(key), "live%d", i);
        assert_int_equal(put_tags(b, key, "", "", "many"), KS_OK);
    }

    assert_true(integer(line(b, "SCARD tag:many")) < 5500);
    get(b, "live0", "", KS_CACHE_FOUND);

    box_close(b);
}


/* What was purged while it was fetched is not stored. */

static int
put_since(box_t *b, const char *key, const char *tags, uint64_t since)
{
    ks_cache_put_t  p = {
        .key = ks_text(key), .vary = ks_text(""), .id = ks_text(""),
        .tags = ks_text(tags), .head = ks_text("A: b\r\n"),
        .body = { 100, content },
        .meta = { .status = 200, .stored = b->now, .fresh = b->now + 5000 },
        .keep = 10000, .now = b->now, .since = since,
    };

    return ks_cache_put(b->client.space, &p);
}


static void
test_late(void **state)
{
    box_t       *b;
    uint64_t     since;
    ks_space_t  *sp;

    (void) state;

    b = box_open(16u << 20, KS_NOEVICTION);
    sp = b->client.space;

    /* nothing is noted before the first question */

    assert_int_equal(put_tags(b, "k", "", "", "red"), KS_OK);
    line(b, "DEL k");
    since = ks_ended_now(sp);
    assert_int_not_equal(since, 0);
    assert_int_equal(put_since(b, "k", "red", since), KS_OK);

    /* the key; a tag; both, for those that have begun later */

    since = ks_ended_now(sp);
    line(b, "DEL k");
    assert_int_equal(put_since(b, "k", "", since), KS_NONE);
    get(b, "k", "", KS_CACHE_NONE);
    assert_int_equal(put_since(b, "other", "", since), KS_OK);
    assert_int_equal(put_since(b, "k", "red", ks_ended_now(sp)), KS_OK);

    since = ks_ended_now(sp);
    line(b, "UNLINK tag:red");
    assert_int_equal(put_since(b, "k2", "blue red", since), KS_NONE);
    get(b, "k2", "", KS_CACHE_NONE);
    assert_int_equal(put_since(b, "k2", "blue", since), KS_OK);
    assert_int_equal(put_since(b, "k2", "red", ks_ended_now(sp)), KS_OK);

    since = ks_ended_now(sp);
    line(b, "RENAME tag:red stale:tag:red");
    assert_int_equal(put_since(b, "k3", "red", since), KS_NONE);

    /* without a moment it is stored whatever happens */

    assert_int_equal(put_since(b, "k3", "red", 0), KS_OK);

    since = ks_ended_now(sp);
    line(b, "FLUSHALL");
    assert_int_equal(put_since(b, "k4", "", since), KS_NONE);
    assert_int_equal(put_since(b, "k4", "", ks_ended_now(sp)), KS_OK);

    /* what expires is no purge; nor are strings */

    assert_int_equal(put_since(b, "k5", "", ks_ended_now(sp)), KS_OK);
    line(b, "SET s 1");
    since = ks_ended_now(sp);
    line(b, "DEL s");
    b->now += 60000;
    get(b, "k5", "", KS_CACHE_NONE);
    assert_int_equal(ks_ended_now(sp), since);
    assert_int_equal(put_since(b, "k5", "", since), KS_OK);

    /* a response with another Vary ends what is there, and counts as one */

    since = ks_ended_now(sp);
    assert_int_equal(put_tags(b, "k5", "other", "1", ""), KS_OK);
    assert_int_equal(put_since(b, "k5", "", since), KS_NONE);
    assert_int_equal(put_since(b, "k5", "", ks_ended_now(sp)), KS_OK);

    box_close(b);
}


static void
test_told(void **state)
{
    told_t  t;

    (void) state;

    told_open(&t, 4u << 20, KS_NOEVICTION, "AKE");

    assert_int_equal(put(t.box, "k", "", "", 10), KS_OK);
    assert_string_equal(said(&t), "hset k, expire k");
    assert_int_equal(put(t.box, "k", "a", "1", 10), KS_OK);
    assert_string_equal(said(&t), "del k, hset k, expire k");
    assert_int_equal(ks_cache_drop(t.box->client.space,
                                   &(ks_str_t) ks_str("k"), t.box->now), 1);
    assert_string_equal(said(&t), "del k");

    told_close(&t);
}


int
main(int argc, char **argv)
{
    size_t                   i;
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_locks),
        cmocka_unit_test(test_uses),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_told),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }

    for (i = 0; i < sizeof(content); i++) {
        content[i] = (u_char) (i * 31 + i / 4093);
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
