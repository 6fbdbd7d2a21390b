/*
 * What handlers share.
 *
 * May assume that it runs inside a handler, with the shards of the keys that
 * it is given locked.
 */

#include "commands/ks_args.h"
#include "keyspace/ks_dump.h"
#include "commands/ks_databases.h"
#include "commands/ks_migrate.h"
#include "types/ks_type.h"

#include <limits.h>


int
ks_arg_int(ks_ctx_t *c, const ks_str_t *arg, int64_t *v, const char *err)
{
    if (ks_likely(ks_parse_int(arg, v) == KS_OK)) {
        return KS_OK;
    }

    ks_reply_error(c->reply, err ? err : KS_ERR_INTEGER);

    return KS_ERR;
}


int
ks_arg_double(ks_ctx_t *c, const ks_str_t *arg, double *v, const char *err)
{
    if (ks_likely(ks_parse_double(arg, v) == KS_OK)) {
        return KS_OK;
    }

    ks_reply_error(c->reply, err ? err : KS_ERR_FLOAT);

    return KS_ERR;
}


int
ks_draws_allowed(ks_ctx_t *c, uint64_t n)
{
    if (n <= KS_DRAWS_MAX) {
        return 1;
    }

    ks_reply_error(c->reply, "ERR value is out of range");

    return 0;
}


int
ks_arg_db(ks_ctx_t *c, const ks_str_t *arg, unsigned *number)
{
    int64_t   db;
    unsigned  n;

    n = c->client->databases ? c->client->databases->n : 1;

    if (ks_arg_int(c, arg, &db, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (db < INT_MIN || db > INT_MAX) {
        ks_reply_errorf(c->reply, "ERR value is out of range, value must "
                        "between %d and %d", INT_MIN, INT_MAX);
        return KS_ERR;
    }

    if (db < 0 || db >= (int64_t) n) {
        ks_reply_error(c->reply, KS_ERR_DB);
        return KS_ERR;
    }

    *number = (unsigned) db;

    return KS_OK;
}


/* as strtoul() would have it: an empty one is 0, a sign is allowed */

int
ks_arg_cursor(ks_ctx_t *c, const ks_str_t *arg, uint64_t *cursor)
{
    int       sign;
    ks_str_t  digits;

    *cursor = 0;

    if (arg->len == 0) {
        return KS_OK;
    }

    sign = (arg->data[0] == '-' || arg->data[0] == '+');
    digits.data = arg->data + sign;
    digits.len = arg->len - (size_t) sign;

    if (ks_parse_uint(&digits, cursor) != KS_OK) {
        ks_reply_error(c->reply, "ERR invalid cursor");
        return KS_ERR;
    }

    if (arg->data[0] == '-') {
        *cursor = 0 - *cursor;
    }

    return KS_OK;
}


/* a lone star is no pattern: it matches the empty string, too */

const ks_str_t *
ks_arg_pattern(const ks_str_t *arg)
{
    return (arg->len == 1 && arg->data[0] == '*') ? NULL : arg;
}


int
ks_arg_scan(ks_ctx_t *c, int argc, const ks_str_t *argv, int *i,
    int64_t *count, const ks_str_t **pattern)
{
    const ks_str_t  *name, *value;

    name = &argv[*i];

    if (++*i >= argc) {
        goto syntax;
    }

    value = &argv[*i];

    if (ks_arg_is(name, "match")) {
        *pattern = ks_arg_pattern(value);
        return KS_OK;
    }

    if (!ks_arg_is(name, "count")) {
        goto syntax;
    }

    if (ks_arg_int(c, value, count, NULL) != KS_OK) {
        return KS_ERR;
    }

    if (*count >= 1) {
        return KS_OK;
    }

syntax:

    ks_reply_error(c->reply, KS_ERR_SYNTAX);

    return KS_ERR;
}


void
ks_error_arity(ks_ctx_t *c)
{
    ks_reply_errorf(c->reply, "ERR wrong number of arguments for '%s' command",
                    ks_command_name(c->cmd));
}


static inline int
ks_want_string(ks_ctx_t *c, const ks_entry_t *e)
{
    if (ks_likely(e == NULL || ks_entry_type(e) == KS_TYPE_STRING)) {
        return KS_OK;
    }

    ks_reply_error(c->reply, KS_ERR_WRONGTYPE);

    return KS_ERR;
}


int
ks_read_string(ks_ctx_t *c, const ks_str_t *key, ks_entry_t **e)
{
    *e = ks_read_key(c, key);

    return ks_want_string(c, *e);
}


int
ks_write_string(ks_ctx_t *c, const ks_str_t *key, ks_entry_t **e)
{
    *e = ks_lookup(c->space, key, KS_LOOKUP_WRITE);

    return ks_want_string(c, *e);
}


ks_entry_t *
ks_read_key(ks_ctx_t *c, const ks_str_t *key)
{
    ks_entry_t  *e;

    e = ks_lookup(c->space, key, KS_LOOKUP_READ);
    c->client->outcome = e ? KS_OUTCOME_HIT : KS_OUTCOME_MISS;

    return e;
}


ks_entry_t *
ks_peek_key(ks_ctx_t *c, const ks_str_t *key)
{
    ks_entry_t  *e;

    e = ks_lookup(c->space, key, KS_LOOKUP_ASK);
    c->client->outcome = e ? KS_OUTCOME_HIT : KS_OUTCOME_MISS;

    return e;
}


const char *
ks_type_shown(const ks_ctx_t *c, const ks_entry_t *e)
{
    if (ks_entry_type(e) == KS_TYPE_JSON && c->client->conn == NULL) {
        return "json";
    }

    return ks_type_name(ks_entry_type(e));
}


int
ks_type_asked(const ks_entry_t *e, const ks_str_t *arg)
{
    ks_str_t  name;

    if (ks_entry_type(e) == KS_TYPE_JSON) {
        return ks_arg_is(arg, "rejson-rl") || ks_arg_is(arg, "json");
    }

    name = ks_text(ks_type_name(ks_entry_type(e)));

    return name.len == arg->len && ks_arg_same(arg, (char *) name.data);
}


void
ks_delete(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e)
{
    ks_remove(c->space, key, e);
    ks_event(c->space, KS_NOTIFY_GENERIC, "del", key);
}


static inline int
ks_open_value(ks_ctx_t *c, const ks_str_t *key, unsigned type, ks_entry_t *e,
    ks_value_t *v)
{
    if (e == NULL) {
        return KS_OK;
    }

    if (ks_entry_type(e) != type) {
        ks_reply_error(c->reply, KS_ERR_WRONGTYPE);
        return KS_ERR;
    }

    ks_value_open(c->space, key, e, v);

    return KS_OK;
}


int
ks_read_value(ks_ctx_t *c, const ks_str_t *key, unsigned type, ks_entry_t **e,
    ks_value_t *v)
{
    *e = ks_read_key(c, key);

    return ks_open_value(c, key, type, *e, v);
}


int
ks_write_value(ks_ctx_t *c, const ks_str_t *key, unsigned type, ks_entry_t **e,
    ks_value_t *v)
{
    *e = ks_lookup(c->space, key, KS_LOOKUP_WRITE);

    return ks_open_value(c, key, type, *e, v);
}


void
ks_reply_item(ks_ctx_t *c, const ks_item_t *it)
{
    size_t         off, n;
    ks_reply_t    *r;
    const u_char  *p;

    r = c->reply;

    if (ks_likely(it->data != NULL)) {
        ks_reply_bulk(r, it->data, it->len);
        return;
    }

    r->ops->bulk_begin(r, it->len);

    for (off = 0; off < it->len; off += n) {
        p = ks_item_run(c->space, it, off, &n);
        r->ops->bulk_part(r, p, n);
    }

    r->ops->bulk_end(r);
}


static void __attribute__((noinline))
ks_reply_pieces(ks_ctx_t *c, const ks_entry_t *e, size_t off, size_t len)
{
    size_t         n;
    ks_reply_t    *r;
    const u_char  *p;

    r = c->reply;
    r->ops->bulk_begin(r, len);

    while (len != 0) {
        p = ks_string_run(c->space, e, off, &n);
        n = ks_min(n, len);
        r->ops->bulk_part(r, p, n);
        off += n;
        len -= n;
    }

    r->ops->bulk_end(r);
}


void
ks_reply_slice(ks_ctx_t *c, const ks_entry_t *e, size_t off, size_t len)
{
    size_t         n;
    const u_char  *p;

    p = ks_string_run(c->space, e, off, &n);

    if (ks_likely(n >= len)) {
        ks_reply_bulk(c->reply, p, len);
        return;
    }

    ks_reply_pieces(c, e, off, len);
}


void
ks_reply_value(ks_ctx_t *c, const ks_entry_t *e)
{
    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    ks_reply_slice(c, e, 0, ks_string_len(e));
}


/* "object|help" -> "OBJECT <subcommand> ..." */

static void
ks_reply_help_heading(ks_ctx_t *c)
{
    char         text[128];
    size_t       n;
    const char  *p;

    for (p = ks_command_name(c->cmd), n = 0; *p != '|' && n < 32; p++) {
        text[n++] = (*p >= 'a' && *p <= 'z') ? (char) (*p - 0x20) : *p;
    }

    strcpy(text + n, " <subcommand> [<arg> [value] [opt] ...]. "
                     "Subcommands are:");
    ks_reply_status(c->reply, text);
}


#define KS_ARG_SHOWN  128               /* bytes of an argument in an error */

void
ks_reply_subcommand(ks_ctx_t *c, const ks_str_t *argv)
{
    size_t  i, n;
    char    name[KS_ARG_SHOWN];

    n = ks_min(argv[0].len, sizeof(name));

    for (i = 0; i < n; i++) {
        name[i] = (char) (argv[0].data[i] >= 'a' && argv[0].data[i] <= 'z'
                          ? argv[0].data[i] & ~0x20 : argv[0].data[i]);
    }

    ks_reply_errorf(c->reply, "ERR unknown subcommand or wrong number of "
                    "arguments for '%.*s'. Try %.*s HELP.",
                    (int) ks_min(argv[1].len, (size_t) KS_ARG_SHOWN),
                    (char *) argv[1].data, (int) n, name);
}


void
ks_reply_help(ks_ctx_t *c, const char *const *lines)
{
    size_t  n;

    for (n = 0; lines[n] != NULL; n++) { /* void */ }

    ks_reply_array(c->reply, n + 3);
    ks_reply_help_heading(c);

    for (n = 0; lines[n] != NULL; n++) {
        ks_reply_status(c->reply, lines[n]);
    }

    ks_reply_status(c->reply, "HELP");
    ks_reply_status(c->reply, "    This list.");
}


int
ks_arg_secret(const ks_command_t *cmd, const ks_str_t *argv, int i)
{
    if (!(cmd->flags & KS_CMD_SECRET)) {
        return 0;
    }

    if (ks_arg_is(&argv[0], "auth")) {
        return i > 0;
    }

    if (ks_arg_is(&argv[0], "acl")) {
        return i > 1;
    }

    if (ks_arg_is(&argv[0], "migrate")) {
        return i > KS_MIGRATE_OPTIONS
               && (ks_arg_is(&argv[i - 1], "auth")
                   || ks_arg_is(&argv[i - 1], "auth2")
                   || (i > KS_MIGRATE_OPTIONS + 1
                       && ks_arg_is(&argv[i - 2], "auth2")));
    }

    return (i > 1 && ks_arg_is(&argv[i - 1], "auth"))
           || (i > 2 && ks_arg_is(&argv[i - 2], "auth"));
}


void
ks_effect_value(ks_ctx_t *c, const ks_str_t *key)
{
    size_t         n;
    u_char        *to;
    ks_dump_t      d;
    ks_str_t       dump;
    ks_entry_t    *e;
    const u_char  *p;

    if (!ks_effects_told(c->space)) {
        return;
    }

    e = ks_lookup(c->space, key, KS_LOOKUP_PEEK);

    if (e == NULL) {
        ks_effect_as(c->space, "DEL %s", key);
        return;
    }

    ks_dump_begin(&d, c->space, e);
    to = ks_arena_alloc(c->space, d.len);
    dump.data = to;
    dump.len = d.len;

    while ((p = ks_dump_part(&d, &n)) != NULL) {
        memcpy(to, p, n);
        to += n;
    }

    ks_effect_as(c->space, "RESTORE %s %u %s REPLACE ABSTTL", key,
                 ks_entry_expire(e), &dump);
}
