/*
 * What tests of snapshots share: one that is made a step at a time, into a
 * file; the reading of that file into a zone of its own; and the comparison of
 * the two keyspaces at a time when nothing has expired.
 */

#ifndef SNAPSHOT_TEST_H
#define SNAPSHOT_TEST_H

#include "process_test.h"
#include "replay_test.h"

#include "bus/ks_hub.h"
#include "keyspace/ks_snapshot.h"
#include "memory/ks_process.h"
#include "persist/ks_rdb_file.h"
#include "types/ks_crc64.h"
#include "types/ks_rdb_in.h"

#include <fcntl.h>
#include <sys/stat.h>


#define FOLLOWER  63u           /* the row of who reads effects */

/* the process that makes snapshots */
typedef struct {
    ks_space_t     *space;
    ks_snapshot_t   snapshot;
    ks_rdb_file_t   file;
    char            path[64];
    uint64_t        images;
    unsigned        steps;
    int             newer;
} maker_t;


static inline void
maker_wake(void *data, unsigned row)
{
    (void) data;
    (void) row;
}


static inline void
maker_image(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    maker_t          *m = data;
    ks_image_head_t   head;

    (void) sp;

    memcpy(&head, record->data, sizeof(head));

    if (head.number != m->snapshot.number) {
        return;
    }

    m->snapshot.timed += head.timed;
    ks_rdb_file_put(&m->file, record->data + sizeof(head),
                    record->len - sizeof(head));
    m->images++;
}


static inline void
maker_overtaken(ks_space_t *sp, void *data)
{
    (void) data;
    ks_snapshot_give_up(sp, 1);
}


/* a handle of its own; 1: the one before it died amid a snapshot */

static inline int
maker_open(maker_t *m, ks_zone_t *zone, uint64_t now)
{
    int            cut;
    ks_listener_t  l;

    memset(m, 0, sizeof(maker_t));
    snprintf(m->path, sizeof(m->path), "/tmp/test_snapshot.%d",
             (int) getpid());

    m->space = ks_space_open(zone);
    assert_non_null(m->space);
    ks_space_set_time(m->space, now);
    assert_int_equal(ks_hub_open(m->space, 0, maker_wake, NULL), KS_OK);
    ks_process_set_helper(&m->space->mem);

    memset(&l, 0, sizeof(l));
    l.record = maker_image;
    l.overtaken = maker_overtaken;
    l.data = m;
    ks_hub_listen(ks_space_hub(m->space), KS_TOLD_IMAGES, &l);

    assert_int_equal(ks_snapshot_claim(m->space, 1, &cut), KS_OK);

    return cut;
}


static inline void
maker_close(maker_t *m)
{
    ks_snapshot_end(&m->snapshot);
    ks_rdb_file_close(&m->file);
    ks_hub_close(m->space);
    ks_space_close(m->space);
    (void) unlink(m->path);
}


static inline void
maker_begin(maker_t *m)
{
    uint64_t  at;

    for (at = 0; ks_snapshot_clear(m->space, &at) != KS_NONE; ) { /* void */ }

    m->snapshot.space = m->space;
    m->snapshot.times = 1;
    m->images = 0;
    m->steps = 0;
    assert_int_equal(ks_rdb_file_begin(&m->file, m->path, 0), KS_OK);
    ks_hub_want(m->space, KS_TOLD_IMAGES);
    ks_snapshot_beat(m->space);

    while (ks_snapshot_begin(&m->snapshot, 20) != KS_OK) {
        ks_snapshot_beat(m->space);
    }

    ks_rdb_file_head(&m->file, ks_space_now(m->space), m->snapshot.keys,
                     m->snapshot.expires, NULL, 0);
}


/* KS_OK: there is more; KS_NONE: the file is complete; KS_ERR: it broke */

static inline int
maker_step(maker_t *m)
{
    int      rc;
    u_char  *p, *end;

    ks_snapshot_beat(m->space);

    if (ks_snapshot_between(&m->snapshot)) {
        (void) ks_hub_hear(m->space, 65536);
    }

    p = ks_rdb_file_room(&m->file, KS_IMAGE_ROOM, &end);
    rc = ks_snapshot_step(&m->snapshot, &p, end);
    assert_true(p <= end);
    ks_rdb_file_made(&m->file, p);
    m->steps++;

    if (rc == KS_OK || rc == KS_AGAIN) {
        return KS_OK;
    }

    if (rc == KS_NONE) {
        while (ks_hub_hear(m->space, 65536) == KS_AGAIN) { /* void */ }
        rc = ks_snapshot_complete(&m->snapshot);
    }

    if (m->snapshot.timed != 0) {
        ks_rdb_file_newer(&m->file);
    }

    m->newer = (m->snapshot.timed != 0);
    ks_hub_unwant(m->space, KS_TOLD_IMAGES);
    ks_snapshot_end(&m->snapshot);

    if (rc == KS_ERR) {
        ks_rdb_file_drop(&m->file);
        return KS_ERR;
    }

    assert_int_equal(ks_rdb_file_finish(&m->file), KS_OK);

    return KS_NONE;
}


/* --- the file --- */

typedef struct {
    u_char    *data;
    size_t     len;
    u_char    *p;
    uint64_t   keys;            /* as it says, and as there are */
    uint64_t   found;
    int        newer;           /* its version is 12 */
    unsigned   used;            /* keys of which it is told how they were
                                   used */
} rdb_t;


static inline uint64_t
rdb_length(rdb_t *f)
{
    uint64_t     n;
    ks_rdb_in_t  in = { .p = f->p, .end = f->data + f->len };

    assert_int_equal(ks_rdb_length(&in, &n), KS_OK);
    f->p = (u_char *) in.p;

    return n;
}


static inline ks_str_t
rdb_plain(rdb_t *f)
{
    ks_str_t  s;

    s.len = rdb_length(f);
    s.data = f->p;
    f->p += s.len;

    return s;
}


static inline void *
rdb_alloc(void *data, size_t size)
{
    (void) data;

    return malloc(size ? size : 1);     /* it is a test */
}


/* the value whose type is that, put under the key by RESTORE */

static inline void
rdb_value(rdb_t *f, box_t *to, u_char type, const ks_str_t *key, uint64_t at)
{
    u_char          *dump, *end;
    size_t           len;
    char             ttl[24];
    const char      *reply;
    ks_rdb_in_t      in;
    ks_rdb_value_t   v;

    f->p[-1] = type;            /* that was the end of the key */

    in.p = f->p - 1;
    in.end = f->data + f->len;
    in.seed = ks_space_zone(to->client.space)->seed;
    in.alloc = rdb_alloc;
    in.data = NULL;

    assert_int_equal(ks_rdb_read(&in, &v), KS_OK);

    len = (size_t) (in.p - f->p + 1);
    dump = malloc(len + KS_RDB_FOOTER);
    memcpy(dump, f->p - 1, len);
    end = ks_rdb_put_footer(0, dump, dump + len);
    f->p = (u_char *) in.p;

    snprintf(ttl, sizeof(ttl), "%llu", (unsigned long long) at);

    to->argc = 0;
    to->argv[to->argc++] = ks_text("RESTORE");
    to->argv[to->argc++] = *key;
    to->argv[to->argc++] = ks_text(ttl);
    to->argv[to->argc].data = dump;
    to->argv[to->argc++].len = (size_t) (end - dump);
    to->argv[to->argc++] = ks_text("ABSTTL");
    reply = box_execute(to);

    if (strcmp(reply, "+OK\r\n") != 0) {
        fail_msg("%.*s: %s", (int) key->len, key->data, reply);
    }

    free(dump);
    f->found++;
}


static inline void
rdb_function(rdb_t *f, box_t *to)
{
    to->argc = 0;
    to->argv[to->argc++] = ks_text("FUNCTION");
    to->argv[to->argc++] = ks_text("LOAD");
    to->argv[to->argc++] = rdb_plain(f);
    box_execute(to);
    assert_true(to->reply[0] == '$');
}


static inline void
rdb_read(rdb_t *f, const char *path)
{
    int          fd;
    uint64_t     crc;
    struct stat  st;

    memset(f, 0, sizeof(rdb_t));
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    f->len = (size_t) st.st_size;
    f->data = malloc(f->len);
    assert_int_equal(read(fd, f->data, f->len), f->len);
    close(fd);

    assert_true(f->len > 18);
    crc = ks_crc64(f->data, f->len - 8);
    assert_memory_equal(f->data + f->len - 8, &crc, 8);
    f->newer = (f->data[8] == '2');
    assert_memory_equal(f->data, f->newer ? "REDIS0012" : "REDIS0010", 9);
    f->p = f->data + 9;
    f->len -= 8;
}


/* all of the file into a zone, at the time 1, when nothing has expired */

static inline void
rdb_load(rdb_t *f, box_t *to)
{
    u_char     op;
    ks_str_t   key, keys = { 0, NULL };
    uint64_t   at;

    to->now = 1;
    at = 0;

    for ( ;; ) {
        assert_true(f->p < f->data + f->len);
        op = *f->p++;

        switch (op) {

        case 250:
            (void) rdb_plain(f);
            (void) rdb_plain(f);
            break;

        case 254:
            assert_int_equal(rdb_length(f), 0);
            break;

        case 251:
            f->keys = rdb_length(f);
            (void) rdb_length(f);
            break;

        case 245:
            rdb_function(f, to);
            break;

        case 248:
            (void) rdb_length(f);
            f->used++;
            break;

        case 249:
            f->p++;
            f->used++;
            break;

        case 252:
            memcpy(&at, f->p, 8);
            f->p += 8;
            break;

        case 255:
            assert_ptr_equal(f->p, f->data + f->len);
            free(f->data);
            free(keys.data);
            return;

        default:
            free(keys.data);
            key = rdb_plain(f);
            keys.data = malloc(key.len + 1);
            keys.len = key.len;
            memcpy(keys.data, key.data, key.len);
            rdb_value(f, to, op, &keys, at);
            at = 0;
        }
    }
}


/* --- the comparison --- */

/*
 * Those that are in the first one only must have been over at the time "until";
 * how many are in both.
 */

static inline size_t
rdb_compare(box_t *a, box_t *b, uint64_t until)
{
    char      *one, **in_a, **in_b;
    size_t     i, k, same;
    uint64_t   at;
    ks_str_t   key;

    a->now = b->now = 1;
    in_a = replay_keys(a);
    in_b = replay_keys(b);
    same = 0;

    for (i = 0, k = 0; in_a[i]; i++) {
        key = ks_text(in_a[i]);
        one = strdup(replay_look(a, &key));

        if (in_b[k] == NULL || strcmp(in_a[i], in_b[k]) != 0) {
            linef(a, "PEXPIRETIME %s", in_a[i]);
            at = strtoull(a->reply + 1, NULL, 10);

            if (a->reply[1] == '-' || at > until) {
                fail_msg("%s is not in the file: %s", in_a[i], one);
            }

            free(one);
            continue;
        }

        if (strcmp(one, replay_look(b, &key)) != 0) {
            fail_msg("%s: %s\nis in the file %s", in_a[i], one, b->reply);
        }

        free(one);
        same++;
        k++;
    }

    if (in_b[k] != NULL) {
        fail_msg("%s is in the file only", in_b[k]);
    }

    for (i = 0; in_a[i]; i++) {
        free(in_a[i]);
    }

    for (i = 0; in_b[i]; i++) {
        free(in_b[i]);
    }

    free(in_a);
    free(in_b);

    one = strdup(line(a, "FUNCTION LIST WITHCODE"));
    assert_string_equal(one, line(b, "FUNCTION LIST WITHCODE"));
    free(one);

    return same;
}


#endif /* SNAPSHOT_TEST_H */
