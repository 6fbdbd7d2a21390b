/*
 * The keyspace as a whole: KEYS, SCAN, RANDOMKEY, DBSIZE, FLUSHALL, FLUSHDB.
 */

#include "commands/ks_args.h"
#include "commands/ks_elsewhere.h"
#include "types/ks_glob.h"
#include "commands/ks_handlers.h"
#include "types/ks_type.h"

#include <stdio.h>


typedef struct ks_found_s  ks_found_t;

struct ks_found_s {
    ks_found_t      *next;
    const char      *type;
    size_t           len;
    u_char           key[];
};

/* what a walk looks for, and what it has found */
typedef struct {
    ks_ctx_t        *c;
    const ks_str_t  *pattern;       /* NULL: any */
    const ks_str_t  *type;          /* NULL: any */
    ks_found_t      *first;
    ks_found_t     **last;
    size_t           n;
    unsigned         with_type;
} ks_scan_t;


static void
ks_walk_init(ks_scan_t *w, ks_ctx_t *c)
{
    memset(w, 0, sizeof(ks_scan_t));
    w->c = c;
    w->last = &w->first;
}


static int
ks_walk_wants(const ks_scan_t *w, const ks_entry_t *e, const ks_str_t *key)
{
    if (w->pattern != NULL && !ks_glob(w->pattern, key, 0)) {
        return 0;
    }

    return w->type == NULL || ks_type_asked(e, w->type);
}


static void
ks_keys_visit(ks_space_t *sp, ks_entry_t *e, void *data)
{
    ks_str_t    key;
    ks_scan_t  *w;

    w = data;
    key = ks_entry_key(sp, e);

    if (ks_walk_wants(w, e, &key)) {
        ks_reply_bulk(w->c->reply, key.data, key.len);
        w->n++;
    }
}


void
ks_cmd_keys(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    uint64_t   cursor;
    ks_scan_t  w;

    (void) argc;

    ks_walk_init(&w, c);
    w.pattern = ks_arg_pattern(&argv[1]);
    ks_reply_deferred(c->reply, KS_AGG_ARRAY);

    cursor = 0;

    do {
        cursor = ks_scan(c->space, cursor, SIZE_MAX, ks_keys_visit, &w);
    } while (cursor != 0);

    ks_reply_close(c->reply, w.n);
}


/* The cursor comes before the keys in the reply, but after them in time. */

static void
ks_scan_visit(ks_space_t *sp, ks_entry_t *e, void *data)
{
    ks_str_t     key;
    ks_scan_t   *w;
    ks_found_t  *f;

    w = data;
    key = ks_entry_key(sp, e);

    if (!ks_walk_wants(w, e, &key)) {
        return;
    }

    f = ks_arena_alloc(sp, sizeof(ks_found_t) + key.len);
    f->next = NULL;
    f->type = ks_type_shown(w->c, e);
    f->len = key.len;
    memcpy(f->key, key.data, key.len);

    *w->last = f;
    w->last = &f->next;
    w->n++;
}


static void
ks_scan_reply(ks_ctx_t *c, const ks_scan_t *w, uint64_t cursor)
{
    int          n;
    char         text[KS_INT_LEN + 1];
    ks_found_t  *f;

    n = snprintf(text, sizeof(text), "%llu", (unsigned long long) cursor);

    ks_reply_array(c->reply, 2);
    ks_reply_bulk(c->reply, text, (size_t) n);

    ks_reply_array(c->reply, w->with_type ? 2 * w->n : w->n);

    for (f = w->first; f != NULL; f = f->next) {
        ks_reply_bulk(c->reply, f->key, f->len);

        if (w->with_type) {
            ks_reply_cstr(c->reply, f->type);
        }
    }
}


static int
ks_scan_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_scan_t *w,
    int64_t *count)
{
    int  i;

    for (i = 2; i < argc; i++) {

        if (i + 1 < argc && ks_arg_is(&argv[i], "type")) {
            w->type = &argv[++i];

        } else if (ks_arg_is(&argv[i], "withtype")) {
            w->with_type = 1;       /* Upstash's: each key and its type */

        } else if (ks_arg_scan(c, argc, argv, &i, count, &w->pattern)
                   != KS_OK)
        {
            return KS_ERR;
        }
    }

    return KS_OK;
}


void
ks_cmd_scan(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t    count;
    uint64_t   cursor;
    ks_scan_t  w;

    ks_walk_init(&w, c);
    count = 10;

    if (ks_arg_cursor(c, &argv[1], &cursor) != KS_OK
        || ks_scan_options(c, argc, argv, &w, &count) != KS_OK)
    {
        return;
    }

    cursor = ks_scan(c->space, cursor, (size_t) count, ks_scan_visit, &w);
    ks_scan_reply(c, &w, cursor);
}


void
ks_cmd_randomkey(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_str_t     key;
    ks_entry_t  *e;

    (void) argc;
    (void) argv;

    e = ks_random(c->space);

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    key = ks_entry_key(c->space, e);
    ks_reply_bulk(c->reply, key.data, key.len);
}


void
ks_cmd_dbsize(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_integer(c->reply, (int64_t) ks_dbsize(c->space));
}


static void
ks_flush_body(ks_space_t *sp, void *data)
{
    (void) data;

    ks_flush(sp);
    ks_effect_as(sp, "FLUSHALL");
}


/*
 * The other databases of the door, each by itself.  All have to let the client
 * before the first is emptied.  KS_ERR: the error is written.
 */

static int
ks_flush_others(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int           rc;
    unsigned      i, n;
    ks_client_t   there[KS_DATABASES_MAX];

    n = c->client->databases->n;

    for (i = 0; i < n; i++) {
        if (i != c->client->db
            && ks_elsewhere_open(c, i, argc, argv, &there[i]) != KS_OK)
        {
            return KS_ERR;
        }
    }

    for (i = 0; i < n; i += (rc != KS_AGAIN)) {

        rc = (i == c->client->db)
             ? KS_OK
             : ks_elsewhere_run(&there[i], ks_space_now(c->space),
                                ks_all_shards(there[i].space), ks_flush_body,
                                NULL);

        if (rc == KS_AGAIN && c->client->patience != 0) {
            ks_come_again(c->space);
        }

        if (rc != KS_OK && rc != KS_AGAIN) {
            ks_reply_error(c->reply, ks_elsewhere_error(&there[i], rc));
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* Also FLUSHDB.  Big values are freed later, ASYNC or not. */

void
ks_cmd_flushall(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    if (argc > 2 || (argc == 2 && !ks_arg_is(&argv[1], "sync")
                     && !ks_arg_is(&argv[1], "async")))
    {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (c->client->databases != NULL && strcmp(c->cmd->name, "flushall") == 0
        && ks_flush_others(c, argc, argv) != KS_OK)
    {
        return;
    }

    ks_flush(c->space);
    ks_reply_ok(c->reply);
}
