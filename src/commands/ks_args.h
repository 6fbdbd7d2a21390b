/*
 * What handlers share: reading arguments, finding keys, the common errors.
 *
 * A function that returns KS_ERR has written the error: the handler returns.
 */

#ifndef KS_ARGS_H
#define KS_ARGS_H

#include "commands/ks_command_table.h"
#include "types/ks_number.h"

#include <time.h>


#define KS_ERR_JOURNAL    "MISCONF Errors writing to the AOF file: "
#define KS_ERR_SYNTAX     "ERR syntax error"
#define KS_ERR_INTEGER    "ERR value is not an integer or out of range"
#define KS_ERR_FLOAT      "ERR value is not a valid float"
#define KS_ERR_NOKEY      "ERR no such key"
#define KS_ERR_DB         "ERR DB index is out of range"
#define KS_ERR_TOOBIG     "ERR string exceeds maximum allowed size "          \
                          "(proto-max-bulk-len)"
#define KS_ERR_OOM        "OOM command not allowed when used memory > "       \
                          "'maxmemory'."
#define KS_ERR_NOMEM      "ERR the server has no memory for it"
#define KS_ERR_WRONGTYPE  "WRONGTYPE Operation against a key holding the "    \
                          "wrong kind of value"

/* whether arg is the word, which is given in lower-case letters */
#define ks_arg_is(arg, word)                                                  \
    ((arg)->len == sizeof(word) - 1 && ks_arg_same(arg, word))


static inline int
ks_arg_same(const ks_str_t *arg, const char *word)
{
    size_t  i;

    for (i = 0; i < arg->len; i++) {
        if ((arg->data[i] | 0x20) != (u_char) word[i]) {
            return 0;
        }
    }

    return 1;
}


static inline int
ks_str_same(const ks_str_t *a, const ks_str_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


/*
 * For a walk over the keys argv[1] to argv[argc - 1], at number i: asks for the
 * memory of the next ones.  The first few of a command are fetched already.
 */

static inline void
ks_fetch_ahead(ks_space_t *sp, int i, int argc, const ks_str_t *argv)
{
    if (i % KS_FETCH_KEYS == 1 && argc > KS_FETCH_KEYS) {
        ks_prefetch_keys(sp, &argv[i], (size_t) (argc - i));
    }
}


/* a C string of the program's own as a ks_str_t */

static inline ks_str_t
ks_text(const char *text)
{
    ks_str_t  s;

    s.len = strlen(text);
    s.data = (u_char *) text;

    return s;
}


/* the argument as an integer; err NULL: KS_ERR_INTEGER */
int ks_arg_int(ks_ctx_t *c, const ks_str_t *arg, int64_t *v, const char *err);

/* the argument as a number with a fraction; err NULL: KS_ERR_FLOAT */
int ks_arg_double(ks_ctx_t *c, const ks_str_t *arg, double *v,
    const char *err);

/* the argument as the number of a database that the client's door has */
int ks_arg_db(ks_ctx_t *c, const ks_str_t *arg, unsigned *db);

/* the argument as a switch: "on" or "off" */
int ks_arg_switch(ks_ctx_t *c, const ks_str_t *arg, int *on);

/* the argument as the cursor of a SCAN */
int ks_arg_cursor(ks_ctx_t *c, const ks_str_t *arg, uint64_t *cursor);

/* a pattern of KEYS or SCAN; NULL: one that matches whatever there is */
const ks_str_t *ks_arg_pattern(const ks_str_t *arg);

/*
 * COUNT or MATCH of a SCAN at argv[*i], with what follows it, where *i is then;
 * anything else is a syntax error.
 */
int ks_arg_scan(ks_ctx_t *c, int argc, const ks_str_t *argv, int *i,
    int64_t *count, const ks_str_t **pattern);

/* writes "wrong number of arguments", for what the arity cannot tell */
void ks_error_arity(ks_ctx_t *c);


/*
 * Looks a string up; *e NULL: there is none.  ks_read_string() counts a hit
 * or a miss and notes it as the outcome.  KS_ERR: another type lives there.
 */
int ks_read_string(ks_ctx_t *c, const ks_str_t *key, ks_entry_t **e);
int ks_write_string(ks_ctx_t *c, const ks_str_t *key, ks_entry_t **e);

/*
 * Opens the value of that type at key.  ks_read_value() counts a hit or a miss
 * and notes it as the outcome; ks_write_value() does not.  *e NULL: there is
 * none, and v is not open.  KS_ERR: another type lives there.
 */
int ks_read_value(ks_ctx_t *c, const ks_str_t *key, unsigned type,
    ks_entry_t **e, ks_value_t *v);
int ks_write_value(ks_ctx_t *c, const ks_str_t *key, unsigned type,
    ks_entry_t **e, ks_value_t *v);

/* A string of an item as a bulk. */
void ks_reply_item(ks_ctx_t *c, const ks_item_t *it);

/* Any type; the first notes the outcome, the second does not count. */
ks_entry_t *ks_read_key(ks_ctx_t *c, const ks_str_t *key);
ks_entry_t *ks_peek_key(ks_ctx_t *c, const ks_str_t *key);

/*
 * The type as the client knows it: a document is "json" over REST, and
 * "ReJSON-RL" over RESP.  Whether the argument of SCAN TYPE is a name of it, in
 * any case.
 */
const char *ks_type_shown(const ks_ctx_t *c, const ks_entry_t *e);
int ks_type_asked(const ks_entry_t *e, const ks_str_t *arg);

/* Removes the key, and says the event "del". */
void ks_delete(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e);

/* The string's bytes [off, off + len) as a bulk. */
void ks_reply_slice(ks_ctx_t *c, const ks_entry_t *e, size_t off, size_t len);

/* The whole string, or null if there is no entry. */
void ks_reply_value(ks_ctx_t *c, const ks_entry_t *e);

/* The error of a subcommand that takes no such arguments. */
void ks_reply_subcommand(ks_ctx_t *c, const ks_str_t *argv);

/* A list of status lines, NULL at its end, under the usual heading. */
void ks_reply_help(ks_ctx_t *c, const char *const *lines);

/*
 * Whether so many elements may be drawn of which some come more than once; if
 * not, the error is written.  Nobody else can touch the value meanwhile.
 */
#define KS_DRAWS_MAX  (1 << 20)

int ks_draws_allowed(ks_ctx_t *c, uint64_t n);

/* Whether argv[i] is a password: of AUTH all, of HELLO what follows AUTH. */
int ks_arg_secret(const ks_command_t *cmd, const ks_str_t *argv, int i);


/*
 * The effect of a command that older servers do not know: what the key is now,
 * as a dump, for a value of which that says all.
 */
void ks_effect_value(ks_ctx_t *c, const ks_str_t *key);


#endif /* KS_ARGS_H */
