/*
 * The rights of a user: what ACL SETUSER's rules make of them, and what they
 * say of a command.
 *
 * Rights are a value in memory of the process.  They have a text, whose rules
 * make the same rights again: that is what the zone keeps of a user.  Nothing
 * here knows zones, names or clients.
 *
 * The rules, their order and the texts of errors are those of Redis 7.2.
 */

#ifndef KS_ACL_H
#define KS_ACL_H

#include "keyspace/ks_handle.h"
#include "commands/ks_command_table.h"


#define KS_ACL_DIGEST  64               /* of a password: SHA-256 in hex */

/* what a user may not, and what the error is about; as Redis weighs them */
typedef enum {
    KS_ACL_ALLOWED = 0,
    KS_ACL_DENIED_COMMAND,
    KS_ACL_DENIED_KEY,
    KS_ACL_DENIED_CHANNEL
} ks_acl_verdict_t;

/* what a pattern of keys is for */
#define KS_ACL_KEY_READ   1
#define KS_ACL_KEY_WRITE  2

typedef struct ks_acl_item_s      ks_acl_item_t;
typedef struct ks_acl_selector_s  ks_acl_selector_t;
typedef struct ks_acl_block_s     ks_acl_block_t;

/* a pattern, a rule about commands, a password; in the order of their coming */
struct ks_acl_item_s {
    ks_acl_item_t          *next;
    ks_str_t                text;
    unsigned                bits;       /* KS_ACL_KEY_*; 1: the rule allows */
    const ks_command_t     *cmd;        /* of which text is a first argument */
};

struct ks_acl_selector_s {
    uint64_t                commands[KS_ROWS_MAX / 64];
    ks_acl_item_t          *keys;
    ks_acl_item_t          *channels;
    ks_acl_item_t          *firsts;     /* first arguments that are allowed */
    ks_acl_item_t          *rules;
    ks_acl_selector_t      *next;
    unsigned                all_commands:1;
    unsigned                all_keys:1;
    unsigned                all_channels:1;
    unsigned                open:1;     /* its rules begin with +@all */
};

typedef struct {
    ks_space_t             *sp;         /* whose arena it is in; NULL: none */
    ks_acl_block_t         *blocks;     /* memory of its own */
    ks_acl_item_t          *passwords;
    ks_acl_selector_t       root;       /* its next: further selectors */
    unsigned                on:1;
    unsigned                nopass:1;
    unsigned                unsanitized:1;
} ks_acl_t;


/*
 * The rights of a new user: none.  With sp they are in its arena, and nothing
 * need be freed; with NULL ks_acl_done() has to be called.
 */
void ks_acl_init(ks_acl_t *acl, ks_space_t *sp);
void ks_acl_done(ks_acl_t *acl);

/*
 * Applies rules, one after the other.  NULL: all are applied.  Otherwise what
 * is wrong with *bad, which may be one that was made of several; the rules
 * before it are applied.  The last error is of a parenthesis without an end.
 */
const char *ks_acl_apply(ks_acl_t *acl, int n, const ks_str_t *rules,
    ks_str_t *bad);

extern const char  ks_acl_unmatched[];

/*
 * Applies the rules of a text, one a line: as it is kept, and as ks_acl_text()
 * writes it.  The other one cuts a text at its blanks, as a command line is;
 * the words are in the arena, and how many they are is returned.
 */
const char *ks_acl_parse(ks_acl_t *acl, const ks_str_t *text);
int ks_acl_words(ks_space_t *sp, const ks_str_t *text, ks_str_t **words);

/*
 * The text of rights, with that between the rules: a line feed, and it makes
 * the same rights again, or a blank, as it is shown; of a selector's keys,
 * channels and commands.  All are in the arena.
 */
ks_str_t ks_acl_text(const ks_acl_t *acl, ks_space_t *sp, u_char between);
ks_str_t ks_acl_text_keys(const ks_acl_selector_t *s, ks_space_t *sp);
ks_str_t ks_acl_text_channels(const ks_acl_selector_t *s, ks_space_t *sp);
ks_str_t ks_acl_text_commands(const ks_acl_selector_t *s, ks_space_t *sp);

/*
 * Whether a command may be run, whose number of arguments is allowed; *at: the
 * argument that the denial is about.
 */
ks_acl_verdict_t ks_acl_check(const ks_acl_t *acl, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, int *at);

/* Whether the command may be run with that as its first argument. */
int ks_acl_first(const ks_acl_selector_t *s, const ks_command_t *cmd,
    const ks_str_t *arg);

/* Whether it may be run and read any key, by one selector. */
int ks_acl_reads_all(const ks_acl_t *acl, const ks_command_t *cmd, int argc,
    const ks_str_t *argv);

/* Whether a channel may be heard, or a pattern of channels. */
int ks_acl_hears(const ks_acl_t *acl, const ks_str_t *channel, int pattern);

/* Whether all commands and keys are allowed; and all channels. */
int ks_acl_full(const ks_acl_t *acl);
int ks_acl_full_channels(const ks_acl_t *acl);

/* The digest of a password; hex has KS_ACL_DIGEST bytes.  KS_ERR: it failed. */
int ks_acl_digest(const ks_str_t *password, u_char *hex);

/*
 * Whether a digest, as hex, is that of a password of the user, which has to be
 * on; without a password any is.  It takes the same time whichever it is.
 */
int ks_acl_authenticates(const ks_acl_t *acl, const u_char *hex);
int ks_acl_has_password(const ks_acl_t *acl, const u_char *hex);

/* The category of that name; 0: there is none.  And the names, in order. */
unsigned ks_acl_category(const ks_str_t *name);

typedef struct {
    unsigned      bit;
    const char   *name;
} ks_acl_name_t;

extern const ks_acl_name_t  ks_acl_categories[];


#endif /* KS_ACL_H */
