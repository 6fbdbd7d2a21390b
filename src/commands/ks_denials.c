/*
 * The log of denials: records of the library, named by their places.
 *
 * There are KS_DENIALS places, which are taken one after the other; then the
 * entry that was not touched for the longest time gives way.
 */

#include "commands/ks_args.h"
#include "commands/ks_clients.h"
#include "commands/ks_conn.h"
#include "commands/ks_denials.h"
#include "commands/ks_handlers.h"

#include <stdlib.h>


#define KS_DENIALS          128
#define KS_DENIALS_SAME     10      /* entries that may be the same */
#define KS_DENIALS_MINUTE   60000           /* ms */
#define KS_DENIALS_OBJECT   256             /* bytes that are kept of one */
#define KS_DENIALS_SHOWN    10

/* the text of a record begins with it; then object, user and client */
typedef struct {
    uint64_t  id;
    uint64_t  created;                      /* ms since the epoch */
    uint64_t  updated;
    uint64_t  turn;                         /* higher than those before */
    uint64_t  count;
    uint32_t  why;
    uint32_t  context;
    uint32_t  object;                       /* lengths */
    uint32_t  user;
    uint32_t  info;
    uint32_t  place;
} ks_denial_head_t;

typedef struct {
    ks_denial_head_t  h;
    ks_str_t          object;
    ks_str_t          user;
    ks_str_t          info;
} ks_denial_entry_t;

typedef struct {
    const ks_client_t  *client;
    ks_denial_entry_t   e;
} ks_denials_note_t;


static const char *const  ks_denied_words[] = {
    "auth", "command", "key", "channel", "auth"
};

static const char *const  ks_context_words[] = {
    "toplevel", "multi", "multi", "lua"
};


/* --- entries --- */

static int
ks_denial_newest(const void *x, const void *y)
{
    const ks_denial_entry_t  *a, *b;

    a = x;
    b = y;

    return (a->h.turn < b->h.turn) - (a->h.turn > b->h.turn);
}


/* All of them in the arena, the newest first; how many. */

static size_t
ks_denials_read(ks_space_t *sp, ks_denial_entry_t **list)
{
    size_t              n;
    uint32_t            i, count;
    ks_volume_t         vol;
    ks_denial_entry_t  *e;

    n = 0;
    count = ks_library_count(sp, KS_LIBRARY_DENIALS);
    *list = ks_arena_alloc(sp, (count + 1) * sizeof(ks_denial_entry_t));

    for (i = 0; i < count; i++) {

        if (ks_library_at(sp, KS_LIBRARY_DENIALS, i, &vol) != KS_OK
            || vol.text.len < sizeof(ks_denial_head_t))
        {
            continue;
        }

        e = &(*list)[n++];
        memcpy(&e->h, vol.text.data, sizeof(ks_denial_head_t));

        e->object.data = vol.text.data + sizeof(ks_denial_head_t);
        e->object.len = e->h.object;
        e->user.data = e->object.data + e->object.len;
        e->user.len = e->h.user;
        e->info.data = e->user.data + e->user.len;
        e->info.len = e->h.info;
    }

    if (n != 0) {
        qsort(*list, n, sizeof(ks_denial_entry_t), ks_denial_newest);
    }

    return n;
}


static void
ks_denial_put(ks_space_t *sp, ks_denial_entry_t *e)
{
    u_char       *p;
    ks_volume_t   vol;

    e->h.object = (uint32_t) e->object.len;
    e->h.user = (uint32_t) e->user.len;
    e->h.info = (uint32_t) e->info.len;

    vol.name.data = (u_char *) &e->h.place;
    vol.name.len = sizeof(e->h.place);
    vol.note = ks_text("");
    vol.text.len = sizeof(e->h) + e->object.len + e->user.len + e->info.len;
    vol.text.data = ks_arena_alloc(sp, vol.text.len);

    p = vol.text.data;
    memcpy(p, &e->h, sizeof(e->h));
    p += sizeof(e->h);
    memcpy(p, e->object.data, e->object.len);
    p += e->object.len;
    memcpy(p, e->user.data, e->user.len);
    p += e->user.len;
    memcpy(p, e->info.data, e->info.len);

    ks_library_put(sp, KS_LIBRARY_DENIALS, &vol);
}


static int
ks_denial_same(const ks_denial_entry_t *a, const ks_denial_entry_t *b)
{
    return a->h.why == b->h.why
           && strcmp(ks_context_words[a->h.context],
                     ks_context_words[b->h.context]) == 0
           && b->h.updated <= a->h.updated + KS_DENIALS_MINUTE
           && ks_str_same(&a->object, &b->object)
           && ks_str_same(&a->user, &b->user);
}


/* --- noting --- */

static ks_str_t
ks_denial_info(ks_space_t *sp, const ks_client_t *client)
{
    ks_str_t  line;

    line = client->conn
           ? ks_client_line(sp, &client->conn->peer, ks_space_now(sp))
           : ks_client_request_line(sp, client);

    line.len -= (line.len != 0);            /* the line feed */

    return line;
}


static void
ks_denials_body(ks_space_t *sp, void *data)
{
    size_t              i, n;
    ks_denial_entry_t   e, *list;
    ks_denials_note_t  *note = data;

    e = note->e;
    n = ks_denials_read(sp, &list);

    e.info = ks_denial_info(sp, note->client);
    e.h.updated = ks_space_now(sp);
    e.h.created = e.h.updated;
    e.h.turn = n ? list[0].h.turn + 1 : 1;
    e.h.count = 1;

    for (i = 0; i < n && i < KS_DENIALS_SAME; i++) {
        if (ks_denial_same(&list[i], &e)) {
            e.h.id = list[i].h.id;
            e.h.created = list[i].h.created;
            e.h.count = list[i].h.count + 1;
            e.h.place = list[i].h.place;
            ks_denial_put(sp, &e);
            return;
        }
    }

    e.h.id = ks_next_id(sp);
    e.h.place = (n < KS_DENIALS) ? (uint32_t) n : list[n - 1].h.place;
    ks_denial_put(sp, &e);
}


void
ks_denials_note(const ks_client_t *client, const char *user, ks_str_t object,
    ks_denied_t why, ks_denied_where_t where)
{
    ks_call_t           call;
    ks_space_t         *sp;
    ks_denials_note_t   note;

    sp = client->space;

    memset(&note, 0, sizeof(note));
    note.client = client;
    note.e.object = object;
    note.e.object.len = ks_min(object.len, (size_t) KS_DENIALS_OBJECT);
    note.e.user = ks_text(user);
    note.e.user.len = ks_min(note.e.user.len, (size_t) KS_DENIALS_OBJECT);
    note.e.h.why = why;
    note.e.h.context = where;

    if (ks_inside(sp)) {

        if (!ks_last_try(sp)) {
            ks_want_shards(sp, ks_library_shard(sp));
            ks_denials_body(sp, &note);
        }

        return;
    }

    memset(&call, 0, sizeof(ks_call_t));
    call.shards = ks_library_shard(sp);
    call.body = ks_denials_body;
    call.data = &note;

    (void) ks_run(sp, &call);
}


/* --- ACL LOG --- */

static void
ks_denial_reply(ks_ctx_t *c, const ks_denial_entry_t *e)
{
    ks_reply_map(c->reply, 10);

    ks_reply_cstr(c->reply, "count");
    ks_reply_integer(c->reply, (int64_t) e->h.count);
    ks_reply_cstr(c->reply, "reason");
    ks_reply_cstr(c->reply, ks_denied_words[e->h.why]);
    ks_reply_cstr(c->reply, "context");
    ks_reply_cstr(c->reply, ks_context_words[e->h.context]);
    ks_reply_cstr(c->reply, "object");
    ks_reply_bulk(c->reply, e->object.data, e->object.len);
    ks_reply_cstr(c->reply, "username");
    ks_reply_bulk(c->reply, e->user.data, e->user.len);
    ks_reply_cstr(c->reply, "age-seconds");
    ks_reply_double(c->reply,
                    (double) (int64_t) (ks_space_now(c->space) - e->h.updated)
                    / 1000);
    ks_reply_cstr(c->reply, "client-info");
    ks_reply_bulk(c->reply, e->info.data, e->info.len);
    ks_reply_cstr(c->reply, "entry-id");
    ks_reply_integer(c->reply, (int64_t) e->h.id);
    ks_reply_cstr(c->reply, "timestamp-created");
    ks_reply_integer(c->reply, (int64_t) e->h.created);
    ks_reply_cstr(c->reply, "timestamp-last-updated");
    ks_reply_integer(c->reply, (int64_t) e->h.updated);
}


void
ks_cmd_acl_log(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t              i, n;
    int64_t             count;
    ks_denial_entry_t  *list;

    count = KS_DENIALS_SHOWN;

    if (argc > 3) {
        ks_reply_subcommand(c, argv);
        return;
    }

    if (argc == 3 && ks_arg_is(&argv[2], "reset")) {
        ks_library_clear(c->space, KS_LIBRARY_DENIALS);
        ks_reply_ok(c->reply);
        return;
    }

    if (argc == 3
        && ks_arg_int(c, &argv[2], &count, KS_ERR_INTEGER) != KS_OK)
    {
        return;
    }

    n = ks_denials_read(c->space, &list);
    n = (size_t) ks_min((int64_t) n, ks_max(count, 0));

    ks_reply_array(c->reply, n);

    for (i = 0; i < n; i++) {
        ks_denial_reply(c, &list[i]);
    }
}
