/*
 * JSON documents as wholes and by paths: JSON.SET, MSET, GET, MGET, DEL,
 * FORGET, CLEAR, TYPE.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_json_args.h"
#include "commands/ks_time_args.h"


/* --- JSON.SET --- */

/* what JSON.SET is told behind the value */
typedef struct {
    unsigned         nx:1;
    unsigned         xx:1;
    unsigned         keep:1;
    ks_time_form_t   form;
    int              unit;              /* the argument that names the form */
    int64_t          at;                /* ms */
} ks_json_set_t;


static int
ks_json_set_time(ks_ctx_t *c, const ks_str_t *argv, int *i, ks_json_set_t *o)
{
    if (o->form != KS_TIME_NONE || o->keep) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return KS_ERR;
    }

    o->form = ks_time_option(&argv[*i]);
    o->unit = *i;

    return ks_arg_time(c, &argv[++*i], o->form, &ks_time_of_key, &o->at);
}


static int
ks_json_set_options(ks_ctx_t *c, int argc, const ks_str_t *argv,
    ks_json_set_t *o)
{
    int              i;
    const ks_str_t  *arg;

    memset(o, 0, sizeof(*o));

    for (i = 4; i < argc; i++) {
        arg = &argv[i];

        if (ks_arg_is(arg, "nx") && !o->xx && !o->nx) {
            o->nx = 1;

        } else if (ks_arg_is(arg, "xx") && !o->xx && !o->nx) {
            o->xx = 1;

        } else if (ks_arg_is(arg, "keepttl") && o->form == KS_TIME_NONE) {
            o->keep = 1;

        } else if (ks_arg_is(arg, "format") && i + 1 < argc
                   && (ks_arg_is(&argv[i + 1], "json")
                       || ks_arg_is(&argv[i + 1], "string")))
        {
            i++;

        } else if (i + 1 < argc && ks_time_option(arg) != KS_TIME_NONE) {
            if (ks_json_set_time(c, argv, &i, o) != KS_OK) {
                return KS_ERR;
            }

        } else {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* a document in the place of whatever is there */

static void
ks_json_store(ks_doc_t *d, const ks_json_flat_t *flat)
{
    size_t    leaf;
    unsigned  enc;

    enc = ks_json_encoding(flat, &leaf);
    ks_value_create(d->c->space, d->key, d->e, KS_TYPE_JSON, enc, leaf,
                    KS_KEEP_TTL, &d->v);
    ks_json_begin(&d->v, flat);
    d->e = d->v.entry;
}


/* in the places of all matches; how many, or KS_ERR: too deep, or too long */

static int
ks_json_set_matches(ks_doc_t *d, const ks_json_flat_t *flat)
{
    size_t  i;

    for (i = 0; i < d->found.n; i++) {
        if (ks_doc_fits(d, d->found.matches[i].at, flat->depth,
                        flat->text * (i + 1)) != KS_OK)
        {
            return KS_ERR;
        }
    }

    for (i = 0; i < d->found.n; i++) {
        ks_json_set(&d->v, &d->m, d->found.matches[i].at, flat);
    }

    return 1;
}


/* at a path of a document; whether anything has changed, or KS_ERR */

static int
ks_json_set_path(ks_doc_t *d, const ks_json_flat_t *flat, unsigned nx,
    unsigned xx)
{
    int  rc;

    if (!nx) {

        if (ks_doc_follow(d, 1) != KS_OK) {
            return KS_ERR;
        }

        if (d->found.n) {
            return ks_json_set_matches(d, flat);
        }
    }

    if (xx) {
        return 0;
    }

    rc = ks_doc_add(d, flat);

    /* Upstash calls it an error that there is nothing to put a member into */

    if (rc == 0 && d->found.n == 0 && d->c->client->conn == NULL) {
        ks_doc_no_path(d, &d->path.text, "");
        return KS_ERR;
    }

    return rc;
}


/* the time of the key, if any was said; one that is over ends it at once */

static void
ks_json_set_expire(ks_doc_t *d, int argc, const ks_str_t *argv,
    const ks_json_set_t *o)
{
    if (o->form == KS_TIME_NONE) {
        return;
    }

    if ((uint64_t) o->at <= ks_space_past(d->c->space)) {
        ks_remove(d->c->space, d->key, d->v.entry);
        ks_event(d->c->space, KS_NOTIFY_GENERIC, "expire", d->key);
        ks_event(d->c->space, KS_NOTIFY_EXPIRED, "expired", d->key);
        ks_effect_as(d->c->space, "DEL %s", d->key);
        return;
    }

    (void) ks_set_expire(d->c->space, d->key, d->v.entry, (uint64_t) o->at);
    ks_event(d->c->space, KS_NOTIFY_GENERIC, "expire", d->key);
    ks_effect_at(d->c->space, argc, argv, o->unit, (uint64_t) o->at);
}


/* whether it changes anything; KS_ERR */

static int
ks_json_set_any(ks_doc_t *d, const ks_json_flat_t *flat,
    const ks_json_set_t *o)
{
    if (ks_doc_is_root(d)) {

        if (d->e ? o->nx : o->xx) {
            return 0;
        }

        ks_json_store(d, flat);
        return 1;
    }

    if (d->e) {
        return ks_json_set_path(d, flat, o->nx, o->xx);
    }

    if (o->xx) {
        return 0;
    }

    ks_reply_error(d->c->reply, KS_ERR_JSON_ROOT);

    return KS_ERR;
}


void
ks_cmd_json_set(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              rc;
    ks_doc_t         d;
    ks_json_set_t    o;
    ks_json_flat_t   flat;

    if (ks_json_set_options(c, argc, argv, &o) != KS_OK
        || ks_doc_write(c, &d, &argv[1]) != KS_OK
        || ks_doc_parse(&d, &argv[3], &flat) != KS_OK
        || ks_doc_path(&d, &argv[2]) != KS_OK)
    {
        return;
    }

    rc = ks_json_set_any(&d, &flat, &o);

    if (rc == KS_ERR) {
        return;
    }

    if (rc == 0) {
        ks_reply_null(c->reply);
        return;
    }

    ks_doc_done(&d, "json.set");
    ks_json_set_expire(&d, argc, argv, &o);
    ks_reply_ok(c->reply);
}


/* --- JSON.MSET --- */

/* All of it is looked at before anything is stored. */

static int
ks_json_mset_check(ks_ctx_t *c, int n, const ks_str_t *args,
    ks_json_flat_t *flats)
{
    int       i;
    ks_doc_t  d;

    for (i = 0; i < n; i++, args += 3) {

        if (ks_doc_write(c, &d, &args[0]) != KS_OK
            || ks_doc_path(&d, &args[1]) != KS_OK)
        {
            return KS_ERR;
        }

        if (d.e == NULL && !ks_doc_is_root(&d)) {
            ks_reply_error(c->reply, KS_ERR_JSON_ROOT);
            return KS_ERR;
        }

        if (ks_doc_parse(&d, &args[2], &flats[i]) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* What JSON.SET would have as an error leaves the document as it is. */

static int
ks_json_mset_one(ks_ctx_t *c, const ks_str_t *args,
    const ks_json_flat_t *flat)
{
    int              rc;
    ks_ctx_t         quiet;
    ks_doc_t         d;
    ks_json_set_t    o;
    ks_reply_why_t   why;

    quiet = *c;
    ks_reply_why(&why);
    quiet.reply = &why.reply;
    memset(&o, 0, sizeof(o));

    if (ks_doc_write(&quiet, &d, &args[0]) != KS_OK
        || ks_doc_path(&d, &args[1]) != KS_OK)
    {
        return 0;
    }

    rc = ks_json_set_any(&d, flat, &o);

    if (rc > 0) {
        ks_doc_done(&d, "json.mset");
    }

    return rc > 0;
}


void
ks_cmd_json_mset(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i, n, all;
    ks_json_flat_t  *flats;

    n = (argc - 1) / 3;

    if (n * 3 != argc - 1) {
        ks_error_arity(c);
        return;
    }

    flats = ks_arena_alloc(c->space, (size_t) n * sizeof(ks_json_flat_t));

    if (ks_json_mset_check(c, n, argv + 1, flats) != KS_OK) {
        return;
    }

    for (i = 0, all = 1; i < n; i++) {
        all &= ks_json_mset_one(c, argv + 1 + 3 * i, &flats[i]);
    }

    if (all) {
        ks_reply_ok(c->reply);

    } else {
        ks_reply_null(c->reply);
    }
}


/* --- JSON.GET --- */

/* how JSON.GET replies */
typedef struct {
    ks_json_format_t   format;
    unsigned           formatted:1;
    ks_doc_form_t      form;
} ks_json_get_t;


/*
 * The options of JSON.GET; the paths are packed, *n of them.  FORMAT behind a
 * path is no error over RESP2, as in RedisJSON, and does nothing.
 */

static int
ks_json_get_options(ks_ctx_t *c, int argc, ks_str_t *argv, int *n,
    ks_json_get_t *g)
{
    int                i;
    ks_str_t          *to;
    ks_json_format_t  *f;

    f = &g->format;
    memset(f, 0, sizeof(*f));

    for (i = 2, *n = 0; i < argc; i++) {

        if (ks_arg_is(&argv[i], "noescape")) {
            continue;
        }

        to = ks_arg_is(&argv[i], "indent") ? &f->indent
             : ks_arg_is(&argv[i], "newline") ? &f->newline
             : ks_arg_is(&argv[i], "space") ? &f->space : NULL;

        if (to == NULL && !ks_arg_is(&argv[i], "format")) {
            argv[2 + (*n)++] = argv[i];
            continue;
        }

        if (to == NULL && !c->reply->resp3 && *n == 0) {
            ks_reply_error(c->reply, KS_ERR_JSON_FORMAT);
            return KS_ERR;
        }

        if (++i == argc) {
            ks_error_arity(c);
            return KS_ERR;
        }

        if (to) {
            *to = argv[i];
            g->formatted = 1;

        } else if (ks_doc_form(c, &argv[i], 0, &g->form) != KS_OK) {
            return KS_ERR;
        }
    }

    if (!c->reply->resp3) {
        g->form = KS_DOC_STRING;
    }

    return KS_OK;
}


/* whether path number i has come before */

static int
ks_json_path_again(const ks_str_t *paths, int i)
{
    int  k;

    for (k = 0; k < i; k++) {
        if (ks_str_same(&paths[k], &paths[i])) {
            return 1;
        }
    }

    return 0;
}


/* one path of several: its name, and what it leads to */

static int
ks_json_get_one(ks_doc_t *d, const ks_str_t *path, int legacy,
    const ks_json_format_t *f, int first, ks_json_out_t *out)
{
    ks_json_path_t  compiled;
    char            err[KS_JSON_PATH_ERR];

    if (ks_json_path_compile(&compiled, &d->m, path, err) != KS_OK) {
        return KS_OK;
    }

    d->path = compiled;

    if (ks_doc_follow(d, 0) != KS_OK) {
        return KS_ERR;
    }

    if (legacy && d->found.n == 0) {
        ks_doc_no_path(d, path, "");
        return KS_ERR;
    }

    if (!first) {
        ks_json_out_bytes(out, ",", 1);
    }

    ks_json_out_newline(out, f, 1);
    ks_json_out_string(out, path->data, path->len);
    ks_json_out_bytes(out, ":", 1);

    if (f) {
        ks_json_out_bytes(out, f->space.data, f->space.len);
    }

    if (legacy) {
        ks_json_text(&d->v, &d->found.matches[0].node, f, 1, out);

    } else {
        ks_doc_out_matches(d, f, 1, out);
    }

    return KS_OK;
}


static void
ks_json_get_many(ks_doc_t *d, const ks_str_t *paths, int n,
    const ks_json_format_t *f)
{
    int            i, legacy;
    ks_json_out_t  out;

    for (i = 0, legacy = 1; i < n; i++) {
        legacy &= ks_json_path_legacy(&paths[i]);
    }

    ks_doc_text(d, &out, 1024);
    ks_json_out_bytes(&out, "{", 1);

    for (i = 0; i < n; i++) {

        if (ks_json_path_again(paths, i)) {
            continue;
        }

        if (ks_json_get_one(d, &paths[i], legacy, f,
                            out.p - out.start == 1, &out) != KS_OK)
        {
            return;
        }
    }

    if (out.p - out.start > 1) {
        ks_json_out_newline(&out, f, 0);
    }

    ks_json_out_bytes(&out, "}", 1);
    ks_doc_reply_text(d, &out);
}


static void
ks_json_get_single(ks_doc_t *d, const ks_str_t *path,
    const ks_json_format_t *f)
{
    ks_json_out_t   out;
    ks_json_node_t  root;

    if (path == NULL || (path->len == 1 && path->data[0] == '.')) {
        ks_json_root(&d->v, &root);
        ks_doc_reply_node(d, &root, f);
        return;
    }

    if (ks_doc_find(d, path) != KS_OK) {
        return;
    }

    if (d->path.legacy) {

        if (d->found.n) {
            ks_doc_reply_node(d, &d->found.matches[0].node, f);

        } else {
            ks_doc_no_such(d, "");
        }

        return;
    }

    ks_doc_text(d, &out, KS_DOC_TEXT);
    ks_doc_out_matches(d, f, 0, &out);
    ks_doc_reply_text(d, &out);
}


/* For each path an array of what it leads to. */

static void
ks_json_get_expanded(ks_doc_t *d, const ks_str_t *paths, int n,
    const ks_json_get_t *g)
{
    int              i;
    char             err[KS_JSON_PATH_ERR];
    size_t           k;
    ks_str_t         root = ks_str(".");
    const ks_str_t  *path;

    ks_reply_array(d->c->reply, (size_t) ks_max(n, 1));

    for (i = 0; i < ks_max(n, 1); i++) {
        path = n ? &paths[i] : &root;
        d->found.n = 0;

        if (ks_json_path_compile(&d->path, &d->m, path, err) == KS_OK
            && ks_doc_follow(d, 1) != KS_OK)
        {
            return;
        }

        ks_reply_array(d->c->reply, d->found.n);

        for (k = 0; k < d->found.n; k++) {
            ks_doc_reply_value(d, &d->v, &d->found.matches[k].node,
                               g->formatted ? &g->format : NULL, g->form);
        }
    }
}


void
ks_cmd_json_get(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                n;
    ks_doc_t           d;
    ks_str_t          *args;
    ks_json_get_t      g;
    ks_json_format_t  *f;

    /* the arguments stay as they are; a single path needs no look at options */

    n = argc - 2;
    args = argv;
    g.formatted = 0;
    g.form = KS_DOC_STRING;

    if (n > 1 || (n && argv[2].len && argv[2].data[0] >= 'A')) {
        args = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_str_t));
        memcpy(args, argv, (size_t) argc * sizeof(ks_str_t));
    }

    if ((args != argv
         && ks_json_get_options(c, argc, args, &n, &g) != KS_OK)
        || ks_doc_read(c, &d, &argv[1]) != KS_OK)
    {
        return;
    }

    f = g.formatted ? &g.format : NULL;

    if (d.e == NULL) {
        ks_reply_null(c->reply);

    } else if (g.form != KS_DOC_STRING) {
        ks_json_get_expanded(&d, args + 2, n, &g);

    } else if (n > 1) {
        ks_json_get_many(&d, args + 2, n, f);

    } else {
        ks_json_get_single(&d, n ? &args[2] : NULL, f);
    }
}


/* a key of another type, or a path that leads nowhere, is null */

static void
ks_json_mget_one(ks_doc_t *d, const ks_str_t *key, const ks_json_path_t *path)
{
    ks_entry_t     *e;
    ks_json_out_t   out;

    e = ks_read_key(d->c, key);

    if (path == NULL || e == NULL || ks_entry_type(e) != KS_TYPE_JSON) {
        ks_reply_null(d->c->reply);
        return;
    }

    ks_value_open(d->c->space, key, e, &d->v);
    d->path = *path;

    if (ks_doc_follow(d, 0) != KS_OK) {
        return;
    }

    if (!path->legacy) {
        ks_doc_text(d, &out, 1024);
        ks_doc_out_matches(d, NULL, 0, &out);
        ks_doc_reply_text(d, &out);

    } else if (d->found.n) {
        ks_doc_reply_node(d, &d->found.matches[0].node, NULL);

    } else {
        ks_reply_null(d->c->reply);
    }
}


void
ks_cmd_json_mget(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int              i, rc;
    char             err[KS_JSON_PATH_ERR];
    ks_doc_t         d;
    ks_json_path_t   path;

    ks_doc_init(c, &d, &argv[1]);
    rc = ks_json_path_compile(&path, &d.m, &argv[argc - 1], err);
    ks_reply_array(c->reply, (size_t) argc - 2);

    for (i = 1; i < argc - 1; i++) {
        ks_fetch_ahead(c->space, i, argc - 1, argv);
        ks_json_mget_one(&d, &argv[i], rc == KS_OK ? &path : NULL);
    }
}


/* --- JSON.DEL --- */

static void
ks_json_del_match(ks_doc_t *d, const ks_json_step_t *at)
{
    if (at->named) {
        ks_json_remove_member(&d->v, &d->m, at->up, &at->name);

    } else {
        ks_json_remove(&d->v, &d->m, at->up, at->i, 1);
    }
}


static int
ks_json_is_empty(ks_doc_t *d)
{
    ks_json_node_t  n;

    ks_json_root(&d->v, &n);

    return n.kind >= KS_JSON_ARRAY && ks_json_count(&d->v, &n) == 0;
}


static void
ks_json_del_key(ks_doc_t *d)
{
    ks_remove(d->c->space, d->key, d->e);
    ks_event(d->c->space, KS_NOTIFY_GENERIC, "del", d->key);
    ks_event(d->c->space, KS_NOTIFY_MODULE, "json.del", d->key);
}


void
ks_cmd_json_del(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t     i, n, *order;
    ks_doc_t   d;

    if (ks_doc_write(c, &d, &argv[1]) != KS_OK) {
        return;
    }

    if (d.e == NULL) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    if (ks_doc_find_places(&d, argc > 2 ? &argv[2] : NULL) != KS_OK) {
        return;
    }

    if (ks_doc_is_root(&d)) {
        ks_json_del_key(&d);
        ks_reply_integer(c->reply, 1);
        return;
    }

    order = ks_doc_order_topmost(&d, &n);

    for (i = 0; i < n; i++) {
        ks_json_del_match(&d, d.found.matches[order[i]].at);
    }

    ks_reply_integer(c->reply, (int64_t) n);

    if (n == 0) {
        return;
    }

    if (ks_json_is_empty(&d)) {
        d.e = d.v.entry;
        ks_json_del_key(&d);
        return;
    }

    ks_doc_done(&d, "json.del");
}


/* --- JSON.CLEAR --- */

/* what there is to be cleared, in its place; 0: nothing */

static int
ks_json_cleared(ks_doc_t *d, const ks_json_node_t *n, ks_json_flat_t *flat,
    u_char *data)
{
    switch (n->kind) {

    case KS_JSON_ARRAY:
    case KS_JSON_OBJECT:
        ks_json_flat_word(flat, data, n->kind);
        return ks_json_count(&d->v, n) != 0;

    case KS_JSON_INTEGER:
    case KS_JSON_NUMBER:
        ks_json_flat_integer(flat, data, 0);
        return ks_json_double(n) != 0;

    default:
        return 0;
    }
}


void
ks_cmd_json_clear(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t            i;
    u_char            data[KS_JSON_SCALAR_ROOM];
    int64_t           cleared;
    ks_doc_t          d;
    ks_json_node_t    n;
    ks_json_flat_t    flat;
    ks_json_match_t  *match;

    if (argc > 3) {
        ks_error_arity(c);
        return;
    }

    if (ks_doc_write(c, &d, &argv[1]) != KS_OK || ks_doc_wanted(&d) != KS_OK
        || ks_doc_find_places(&d, argc > 2 ? &argv[2] : NULL) != KS_OK)
    {
        return;
    }

    for (i = 0, cleared = 0; i < d.found.n; i++) {
        match = &d.found.matches[i];

        if (ks_json_resolve(&d.v, match->at, &n)
            && ks_json_cleared(&d, &n, &flat, data))
        {
            ks_json_set(&d.v, &d.m, match->at, &flat);
            cleared++;
        }
    }

    if (cleared) {
        ks_doc_done(&d, "json.clear");
    }

    ks_reply_integer(c->reply, cleared);
}


/* --- JSON.TYPE --- */

void
ks_cmd_json_type(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t     i;
    ks_doc_t   d;

    if (ks_doc_read(c, &d, &argv[1]) != KS_OK) {
        return;
    }

    if (d.e && ks_doc_find(&d, argc > 2 ? &argv[2] : NULL) != KS_OK) {
        return;
    }

    if (c->reply->resp3) {
        ks_reply_array(c->reply, 1);
    }

    if (d.e == NULL || (d.path.legacy && d.found.n == 0)) {
        ks_reply_null(c->reply);
        return;
    }

    if (!d.path.legacy) {
        ks_reply_array(c->reply, d.found.n);
    }

    for (i = 0; i < d.found.n; i++) {
        ks_reply_cstr(c->reply, ks_doc_kind(&d.found.matches[i].node));
    }
}
