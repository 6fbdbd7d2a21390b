/*
 * Operations on clients that wait, for test_crash.c: a wait begun, ended,
 * served, unblocked, swept, and a flush that leaves it.
 */

#ifndef CRASH_WAIT_H
#define CRASH_WAIT_H

#include "crash_ops.h"

#include "commands/ks_args.h"
#include "commands/ks_blocking.h"
#include "protocol/ks_writers.h"


#define WAIT_FIRST  101                 /* ids of those that may wait */
#define WAIT_LAST   106


typedef struct {
    ks_wait_t  w;
    ks_str_t   argv[9];
} waiting_t;


static void
wait_body(ks_space_t *sp, void *data)
{
    waiting_t  *w = data;

    ks_wait_here(sp, &w->w);
    ks_wait_begin(sp, &w->w);
}


static void
dead_body(ks_space_t *sp, void *data)
{
    waiting_t  *w = data;

    w->w.process = 5;
    w->w.birth = 77;
    ks_wait_begin(sp, &w->w);
}


/* one that waits with a command of two keys for the first nkeys of them */

static void
wait_for_keys(ks_space_t *sp, ks_body_pt body, uint64_t id, const char *name,
    int nkeys, int k, int k2)
{
    waiting_t  w;

    memset(&w, 0, sizeof(w));

    w.argv[0] = ks_text(name);
    w.argv[1] = keys[k];
    w.argv[2] = keys[k2];
    w.argv[3] = ks_text("0");

    w.w.id = id;
    w.w.types = 1u << KS_TYPE_LIST;
    w.w.first = 1;
    w.w.nkeys = nkeys;
    w.w.argc = 4;
    w.w.argv = w.argv;

    assert_int_equal(transaction(sp, all(sp), body, &w), KS_OK);
}


static void
wait_two(ks_space_t *sp, ks_body_pt body, uint64_t id, int k, int k2)
{
    wait_for_keys(sp, body, id, "BLPOP", 2, k, k2);
}


static void
wait_move(ks_space_t *sp, uint64_t id, int k, int k2)
{
    wait_for_keys(sp, wait_body, id, "BRPOPLPUSH", 1, k, k2);
}


/* the keys 20 and 23 are not there; that of 22 is a long one */

static void
setup_wait(ks_space_t *sp)
{
    wait_two(sp, wait_body, 101, 23, 20);
}


static void
setup_chain(ks_space_t *sp)
{
    wait_two(sp, dead_body, 101, 20, 23);
    wait_move(sp, 102, 20, 22);
    wait_two(sp, wait_body, 103, 22, 23);
    wait_two(sp, wait_body, 104, 20, 23);
}


static void
setup_gone(ks_space_t *sp)
{
    wait_two(sp, wait_body, 101, 20, 22);
    wait_two(sp, dead_body, 102, 20, 22);
    wait_two(sp, dead_body, 103, 23, 20);
}


static void
op_wait_begun(ks_space_t *sp)
{
    wait_two(sp, wait_body, 105, 20, 22);
}


static void
leave_body(ks_space_t *sp, void *data)
{
    ks_wait_t  w;

    (void) data;

    assert_int_equal(ks_wait_read(sp, 101, &w), KS_OK);
    ks_wait_end(sp, &w);
}


static void
op_wait_over(ks_space_t *sp)
{
    transaction(sp, all(sp), leave_body, NULL);
}


static void
unblock_body(ks_space_t *sp, void *data)
{
    (void) data;
    assert_true(ks_waiters_unblock(sp, 101, KS_WOKEN_TIMEOUT));
}


static void
op_wait_unblocked(ks_space_t *sp)
{
    transaction(sp, all(sp), unblock_body, NULL);
}


static void
sweep_body(ks_space_t *sp, void *data)
{
    uint64_t  from = 1;

    (void) data;
    ks_wait_sweep(sp, &from, 100);
}


static void
op_wait_swept(ks_space_t *sp)
{
    transaction(sp, all(sp), sweep_body, NULL);
}


static void *
no_more(void *data, size_t size)
{
    (void) data;
    (void) size;

    return NULL;
}


/* a command whose words are separated by spaces, % being the key 20 */

static void
wait_run(ks_space_t *sp, const char *command, const char *reply)
{
    static u_char  room[4096];

    int          argc;
    char         copy[128], *word, *rest;
    ks_out_t     out;
    ks_str_t     argv[8];
    ks_resp_t    resp;
    ks_ahead_t   a = ks_ahead(0, argv);
    ks_client_t  client;

    memset(&client, 0, sizeof(client));
    client.space = sp;
    client.user = &ks_user_default;

    snprintf(copy, sizeof(copy), "%s", command);
    rest = copy;

    for (argc = 0; (word = strsep(&rest, " ")) != NULL; argc++) {
        argv[argc] = strcmp(word, "%") == 0 ? keys[20] : ks_text(word);
    }

    ks_out_init(&out, room, sizeof(room), no_more, NULL);
    ks_resp_init(&resp, &out, 2);

    a.argc = argc;
    a.now = ks_space_now(sp);
    assert_int_equal(ks_execute(&client, &a, &resp.reply), KS_OK);
    assert_memory_equal(room, reply, strlen(reply));
}


static void
op_wait_served(ks_space_t *sp)
{
    wait_run(sp, "RPUSH % one two", ":2\r\n");
}


/* --- consumers of a group of the key 20 --- */

static void
setup_consumers(ks_space_t *sp)
{
    int         i;
    waiting_t   w;

    static const char *const  words[] = {
        "XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "", ">"
    };

    wait_run(sp, "XGROUP CREATE % g $ MKSTREAM", "+OK\r\n");
    memset(&w, 0, sizeof(w));

    for (i = 0; i < (int) ks_nelts(words); i++) {
        w.argv[i] = i == 7 ? keys[20] : ks_text(words[i]);
    }

    w.w.types = 1u << KS_TYPE_STREAM | KS_WAIT_ENDS;
    w.w.first = 7;
    w.w.nkeys = 1;
    w.w.argc = (int) ks_nelts(words);
    w.w.argv = w.argv;

    for (w.w.id = 101; w.w.id <= 102; w.w.id++) {
        assert_int_equal(transaction(sp, all(sp), wait_body, &w), KS_OK);
    }
}


static void
setup_brief_consumers(ks_space_t *sp)
{
    setup_consumers(sp);
    expire(sp, 20, NOW + 5);
}


static void
op_wait_given(ks_space_t *sp)
{
    wait_run(sp, "XADD % 5-1 a b", "$3\r\n5-1\r\n");
}


static void
op_wait_key_ends(ks_space_t *sp)
{
    wait_run(sp, "DEL %", ":1\r\n");
}


static void
op_wait_group_ends(ks_space_t *sp)
{
    wait_run(sp, "XGROUP DESTROY % g", ":1\r\n");
}


static void
op_wait_other_type(ks_space_t *sp)
{
    wait_run(sp, "SET % x", "+OK\r\n");
}


/* the key expires by itself; what is told of it leads to this */

static void
op_wait_expired(ks_space_t *sp)
{
    ks_space_set_time(sp, NOW + 100);
    ks_expire_cycle(sp, 100);
}


static void
ended_body(ks_space_t *sp, void *data)
{
    ks_wait_recall(sp, data);
}


static void
op_wait_recalled(ks_space_t *sp)
{
    union {
        ks_frame_record_t  record;
        u_char             room[64];
    } r;
    uint32_t  len = 8;

    del(sp, 20);
    memset(&r, 0, sizeof(r));
    memcpy(r.record.data, &len, sizeof(len));
    r.record.len = (uint32_t) sizeof(len) + len;
    transaction(sp, ks_wait_shard(sp), ended_body, &r.record);
}


/* what waits, as a part of what there is */

static inline uint64_t
wait_state(ks_space_t *sp, uint64_t h)
{
    int        i;
    uint64_t   id;
    ks_wait_t  w;

    for (id = WAIT_FIRST; id <= WAIT_LAST; id++) {

        if (ks_wait_read(sp, id, &w) != KS_OK) {
            continue;
        }

        h = h * 31 + id;

        for (i = 0; i < w.argc; i++) {
            h = h * 31 + w.argv[i].len;
        }
    }

    return h;
}


#define TOLD  (KS_TOLD_EFFECTS | KS_TOLD_WAITERS)

#define wait_row(name, setup, told)  { #name, op_##name, setup, NOW, told }

static const op_t  wait_ops[] = {
    wait_row(wait_begun, setup_wait, 0),
    wait_row(wait_over, setup_wait, 0),
    wait_row(wait_unblocked, setup_wait, TOLD),
    wait_row(wait_swept, setup_gone, 0),
    wait_row(wait_served, setup_wait, TOLD),
    { "wait_chain", op_wait_served, setup_chain, NOW, TOLD },
    { "wait_flush", op_told_flush, setup_wait, NOW, TOLD },
    wait_row(wait_given, setup_consumers, TOLD),
    wait_row(wait_key_ends, setup_consumers, TOLD),
    wait_row(wait_group_ends, setup_consumers, TOLD),
    wait_row(wait_other_type, setup_consumers, TOLD),
    wait_row(wait_expired, setup_brief_consumers, TOLD),
    wait_row(wait_recalled, setup_consumers, 0),
    { "wait_flush2", op_told_flush, setup_consumers, NOW, TOLD },
};


#endif /* CRASH_WAIT_H */
