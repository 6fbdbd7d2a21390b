/*
 * What test_crash.c kills a process in, as crash_ops.h: changes of JSON
 * documents, and of the keys that have them.
 */

#ifndef CRASH_JSON_H
#define CRASH_JSON_H

#include "crash_stream.h"
#include "types/ks_json.h"


/* a change: where, and with what */

typedef struct {
    const char  *way[4];                /* names, or "#" and a number */
    const char  *name;                  /* of a member */
    const char  *text;                  /* a value; a string to be appended */
    unsigned     times;                 /* the text as an array of so many */
    uint32_t     i;
    uint32_t     n;
} json_job_t;


static void *
j_alloc(void *data, size_t size)
{
    return ks_arena_alloc(data, size);
}


static ks_json_memory_t
j_memory(ks_space_t *sp)
{
    ks_json_memory_t  m = { j_alloc, sp, sp->mem.zone->seed };

    return m;
}


static void
j_parse(const ks_json_memory_t *m, const json_job_t *j, ks_json_flat_t *flat)
{
    static char      text[1 << 16];
    size_t           len;
    unsigned         i;
    ks_str_t         s;
    ks_json_error_t  err;

    if (j->times == 0) {
        len = (size_t) snprintf(text, sizeof(text), "%s", j->text);

    } else {
        for (i = 0, len = 0; i < j->times; i++) {
            len += (size_t) snprintf(text + len, sizeof(text) - len, "%s%s",
                                     i ? "," : "[", j->text);
        }

        text[len++] = ']';
    }

    s.data = (u_char *) text;
    s.len = len;
    assert_int_equal(ks_json_parse(m, &s, flat, &err), KS_OK);
}


static const ks_json_step_t *
j_way(const json_job_t *j, ks_json_step_t steps[4])
{
    unsigned               i;
    const ks_json_step_t  *at;

    for (i = 0, at = NULL; i < 4 && j->way[i]; i++) {
        steps[i].up = at;
        steps[i].named = (j->way[i][0] != '#');
        steps[i].name.data = (u_char *) j->way[i];
        steps[i].name.len = strlen(j->way[i]);
        steps[i].i = (uint32_t) atoi(j->way[i] + 1);
        at = &steps[i];
    }

    return at;
}


#define j_change(change, call)                                                \
    static void                                                               \
    j_##change(ks_value_t *v, const void *data)                               \
    {                                                                         \
        ks_str_t               s = { 0, NULL };                               \
        ks_json_step_t         steps[4];                                      \
        ks_json_flat_t         flat;                                          \
        ks_json_memory_t       m = j_memory(v->space);                        \
        const json_job_t      *j = data;                                      \
        const ks_json_step_t  *at = j_way(j, steps);                          \
                                                                              \
        if (j->name) {                                                        \
            s.data = (u_char *) j->name;                                      \
            s.len = strlen(j->name);                                          \
        }                                                                     \
                                                                              \
        if (j->text) {                                                        \
            j_parse(&m, j, &flat);                                            \
        }                                                                     \
                                                                              \
        call;                                                                 \
        (void) s;                                                             \
    }

j_change(set, ks_json_set(v, &m, at, &flat))
j_change(add, ks_json_add(v, &m, at, &s, &flat))
j_change(insert, ks_json_insert(v, &m, at, j->i, &flat, 1))
j_change(remove, ks_json_remove(v, &m, at, j->i, j->n))
j_change(take, ks_json_remove_member(v, &m, at, &s))
j_change(append, (void) ks_json_append(v, &m, at, &s))


/* --- before it --- */

static void
jmake_body(ks_space_t *sp, void *data)
{
    size_t            leaf;
    vjob_t           *j = data;
    unsigned          enc;
    ks_value_t        v;
    ks_entry_t       *e;
    ks_json_flat_t    flat;
    ks_json_memory_t  m = j_memory(sp);

    j_parse(&m, j->data, &flat);
    e = ks_lookup(sp, &keys[j->k], KS_LOOKUP_WRITE);
    enc = ks_json_encoding(&flat, &leaf);
    ks_value_create(sp, &keys[j->k], e, KS_TYPE_JSON, enc, leaf, j->at, &v);
    ks_json_begin(&v, &flat);
    ks_value_close(&v);
}


static void
jmake(ks_space_t *sp, int k, const json_job_t *job)
{
    vjob_t  j = { .k = k, .data = job,
                  .at = k % 2 ? NOW + 44000 : KS_NO_EXPIRE };

    assert_int_equal(transaction(sp, all(sp), jmake_body, &j), KS_OK);
}


#define J_X40   "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define J_X400  J_X40 J_X40 J_X40 J_X40 J_X40 J_X40 J_X40 J_X40 J_X40 J_X40
#define J_LONG  J_X400 J_X400 J_X400 J_X400 J_X400 J_X400 J_X400 J_X400 J_X400

/* 34 members, so that there is an index */
#define J_MANY                                                                \
    "{\"a0\":1,\"a1\":1,\"a2\":1,\"a3\":1,\"a4\":1,\"a5\":1,\"a6\":1,"        \
    "\"a7\":1,\"a8\":1,\"a9\":1,\"b0\":1,\"b1\":1,\"b2\":1,\"b3\":1,"         \
    "\"b4\":1,\"b5\":1,\"b6\":1,\"b7\":1,\"b8\":1,\"b9\":1,\"c0\":1,"         \
    "\"c1\":1,\"c2\":1,\"c3\":1,\"c4\":1,\"c5\":1,\"c6\":1,\"c7\":1,"         \
    "\"c8\":1,\"c9\":1,\"d0\":1,\"d1\":1,\"d2\":[\"" J_X400 "\",1,2],"        \
    "\"d3\":\"" J_X40 "\"}"

static const json_job_t
    J_SMALL = { .text = "{\"a\":1,\"b\":[1,[2,3],{\"x\":4}],\"c\":\"str\"}" },
    J_LARGE = { .text = "{\"many\":" J_MANY ",\"list\":[1,2,{\"k\":[1,2,3]}],"
                        "\"t\":\"" J_X400 "\",\"u\":{\"v\":1,\"w\":"
                        "\"" J_X40 "\"}}", .times = 6 },
    J_BLOBS = { .text = "{\"s\":\"" J_LONG "\",\"n\":[\"" J_LONG "\",1],"
                        "\"z\":\"" J_LONG "\"}" };


static void
setup_json(ks_space_t *sp)
{
    jmake(sp, SMALL, &J_SMALL);
    jmake(sp, LARGE, &J_LARGE);
    jmake(sp, BLOBS, &J_BLOBS);
}


static void
setup_dead_json(ks_space_t *sp)
{
    setup_json(sp);
    del(sp, LARGE);
    del(sp, BLOBS);
}


/* --- the operations --- */

#define J_BIG  "{\"y\":" J_MANY ",\"t\":[\"" J_X400 "\",\"" J_LONG "\"]}"

static const json_job_t
    J_NUMBER = { .way = { "b", "#1", "#0" }, .text = "12345" },
    J_OPEN = { .way = { "b", "#2", "x" }, .text = "\"" J_X400 "\"" },
    J_GROW = { .way = { "a" }, .text = J_BIG },
    J_ROOT = { .text = J_BIG },
    J_DEEP = { .way = { "#3", "u", "v" }, .text = "2" },
    J_WIDE = { .way = { "#3", "list", "#2" }, .text = J_BIG },
    J_WHOLE = { .way = { "#1", "many" }, .text = "[]" },
    J_MEMBER = { .way = { "#2", "many" }, .name = "new", .text = "[1]" },
    J_PACKED = { .way = { "#2", "u" }, .name = "new", .text = "1" },
    J_LONGER = { .way = { "#2", "u" }, .name = J_X400 J_X400,
                 .text = "\"" J_X400 "\"" },
    J_INDEX = { .way = { "y" }, .name = "e0", .text = J_MANY },
    J_FRONT = { .way = { "#3", "list" }, .text = "[1,2]", .i = 0 },
    J_FIRST = { .text = J_BIG, .i = 0 },
    J_SOME = { .i = 2, .n = 3 },
    J_ALL = { .i = 0, .n = 6 },
    J_ITEM = { .way = { "#3", "list" }, .i = 1, .n = 1 },
    J_NAMED = { .way = { "#4", "many" }, .name = "b3" },
    J_LAST = { .way = { "#4", "many" }, .name = "d3" },
    J_ANY = { .way = { "#4" }, .name = "many" },
    J_BLOB = { .name = "s" },
    J_MORE = { .way = { "s" }, .name = J_LONG },
    J_ODD = { .way = { "n", "#0" }, .name = "\"\n" },
    J_SHORT = { .way = { "#4", "t" }, .name = J_X400 },
    J_CLEAR = { .way = { "n" }, .text = "0" };

value_op(j_number, SMALL, j_set, &J_NUMBER)
value_op(j_open, SMALL, j_set, &J_OPEN)
value_op(j_grow, SMALL, j_set, &J_GROW)
value_op(j_root, SMALL, j_set, &J_ROOT)
value_op(j_shrink, LARGE, j_set, &J_ROOT)
value_op(j_deep, LARGE, j_set, &J_DEEP)
value_op(j_wide, LARGE, j_set, &J_WIDE)
value_op(j_whole, LARGE, j_set, &J_WHOLE)
value_op(j_member, LARGE, j_add, &J_MEMBER)
value_op(j_packed, LARGE, j_add, &J_PACKED)
value_op(j_longer, LARGE, j_add, &J_LONGER)
value_op(j_index, FRESH, j_add, &J_INDEX)
value_op(j_front, LARGE, j_insert, &J_FRONT)
value_op(j_first, LARGE, j_insert, &J_FIRST)
value_op(j_some, LARGE, j_remove, &J_SOME)
value_op(j_all, LARGE, j_remove, &J_ALL)
value_op(j_item, LARGE, j_remove, &J_ITEM)
value_op(j_named, LARGE, j_take, &J_NAMED)
value_op(j_last, LARGE, j_take, &J_LAST)
value_op(j_any, LARGE, j_take, &J_ANY)
value_op(j_blob, BLOBS, j_take, &J_BLOB)
value_op(j_more, BLOBS, j_append, &J_MORE)
value_op(j_odd, BLOBS, j_append, &J_ODD)
value_op(j_short, LARGE, j_append, &J_SHORT)
value_op(j_clear, BLOBS, j_set, &J_CLEAR)

static void op_j_create(ks_space_t *sp) { jmake(sp, FRESH, &J_LARGE); }
static void op_j_small(ks_space_t *sp) { jmake(sp, FRESH, &J_SMALL); }
static void op_j_over(ks_space_t *sp) { jmake(sp, LARGE, &J_BLOBS); }
static void op_j_del(ks_space_t *sp) { del(sp, LARGE); }
static void op_j_expire(ks_space_t *sp) { expire(sp, LARGE, NOW + 77); }
static void op_j_reap(ks_space_t *sp) { reclaim_all(sp); }
static void op_j_rename(ks_space_t *sp) { two(sp, kv_rename_body, LARGE,
                                              FRESH); }
static void op_j_rename2(ks_space_t *sp) { two(sp, kv_rename_body, LARGE,
                                               FRESH + 1); }
static void op_j_copy(ks_space_t *sp) { two(sp, kv_copy_body, LARGE, FRESH); }
static void op_j_copy2(ks_space_t *sp) { two(sp, kv_copy_body, SMALL,
                                             FRESH + 1); }


static void
setup_index(ks_space_t *sp)
{
    jmake(sp, FRESH, &J_ROOT);
}


static const op_t  json_ops[] = {
    op_row(j_number, setup_json, NOW),
    op_row(j_open, setup_json, NOW),
    op_row(j_grow, setup_json, NOW),
    op_row(j_root, setup_json, NOW),
    op_row(j_shrink, setup_json, NOW),
    op_row(j_deep, setup_json, NOW),
    op_row(j_wide, setup_json, NOW),
    op_row(j_whole, setup_json, NOW),
    op_row(j_member, setup_json, NOW),
    op_row(j_packed, setup_json, NOW),
    op_row(j_longer, setup_json, NOW),
    op_row(j_index, setup_index, NOW),
    op_row(j_front, setup_json, NOW),
    op_row(j_first, setup_json, NOW),
    op_row(j_some, setup_json, NOW),
    op_row(j_all, setup_json, NOW),
    op_row(j_item, setup_json, NOW),
    op_row(j_named, setup_json, NOW),
    op_row(j_last, setup_json, NOW),
    op_row(j_any, setup_json, NOW),
    op_row(j_blob, setup_json, NOW),
    op_row(j_more, setup_json, NOW),
    op_row(j_odd, setup_json, NOW),
    op_row(j_short, setup_json, NOW),
    op_row(j_clear, setup_json, NOW),
    op_row(j_create, NULL, NOW),
    op_row(j_small, NULL, NOW),
    op_row(j_over, setup_json, NOW),
    op_row(j_del, setup_json, NOW),
    op_row(j_expire, setup_json, NOW),
    op_row(j_rename, setup_json, NOW),
    op_row(j_rename2, setup_json, NOW),
    op_row(j_copy, setup_json, NOW),
    op_row(j_copy2, setup_json, NOW),
    op_row(j_reap, setup_dead_json, NOW)
};


#endif /* CRASH_JSON_H */
