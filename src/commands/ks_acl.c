/*
 * Rights as a value: their memory, what they say of commands, and passwords.
 *
 * The rule that a command is judged by is Redis's: each selector says what is
 * wrong first, in the order command, keys, channels; one that finds nothing
 * wrong is enough; otherwise the error is that of the selector that came
 * furthest.
 */

#define OPENSSL_SUPPRESS_DEPRECATED     /* SHA256(): twice as fast as EVP */

#include "commands/ks_acl.h"
#include "commands/ks_args.h"
#include "types/ks_glob.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <stdlib.h>


const ks_acl_name_t  ks_acl_categories[] = {
    { KS_ACL_KEYSPACE,   "keyspace" },
    { KS_ACL_READ,       "read" },
    { KS_ACL_WRITE,      "write" },
    { KS_ACL_SET,        "set" },
    { KS_ACL_ZSET,       "sortedset" },
    { KS_ACL_LIST,       "list" },
    { KS_ACL_HASH,       "hash" },
    { KS_ACL_STRING,     "string" },
    { KS_ACL_BITMAP,     "bitmap" },
    { KS_ACL_HLL,        "hyperloglog" },
    { KS_ACL_GEO,        "geo" },
    { KS_ACL_STREAM,     "stream" },
    { KS_ACL_PUBSUB,     "pubsub" },
    { KS_ACL_ADMIN,      "admin" },
    { KS_ACL_FAST,       "fast" },
    { KS_ACL_SLOW,       "slow" },
    { KS_ACL_BLOCKING,   "blocking" },
    { KS_ACL_DANGEROUS,  "dangerous" },
    { KS_ACL_CONNECTION, "connection" },
    { KS_ACL_TRANSACT,   "transaction" },
    { KS_ACL_SCRIPTING,  "scripting" },
    { 0, NULL }
};


void
ks_acl_init(ks_acl_t *acl, ks_space_t *sp)
{
    memset(acl, 0, sizeof(ks_acl_t));
    acl->sp = sp;
}


unsigned
ks_acl_category(const ks_str_t *name)
{
    const ks_acl_name_t  *c;

    for (c = ks_acl_categories; c->name != NULL; c++) {
        if (name->len == strlen(c->name) && ks_arg_same(name, c->name)) {
            return c->bit;
        }
    }

    return 0;
}


/* --- keys --- */

/* what a pattern has to be for, to let a command use a key in that way */

static unsigned
ks_acl_key_needs(unsigned flags)
{
    unsigned  needs;

    needs = (flags & KS_KEY_ACCESS) ? KS_ACL_KEY_READ : 0;

    if (flags & (KS_KEY_INSERT|KS_KEY_UPDATE|KS_KEY_DELETE)) {
        needs |= KS_ACL_KEY_WRITE;
    }

    return needs;
}


static int
ks_acl_key(const ks_acl_selector_t *s, const ks_str_t *key, unsigned flags)
{
    unsigned              needs;
    const ks_acl_item_t  *p;

    if (flags & KS_KEY_NOT) {
        return 1;
    }

    needs = ks_acl_key_needs(flags);

    for (p = s->keys; p != NULL; p = p->next) {
        if ((p->bits & needs) == needs && ks_glob(&p->text, key, 0)) {
            return 1;
        }
    }

    return 0;
}


/* the keys that ranges say */

static ks_acl_verdict_t
ks_acl_ranges(const ks_acl_selector_t *s, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, int *at)
{
    int                   i, last;
    unsigned              flags;
    const ks_keyrange_t  *range;

    for (range = cmd->keys;
         range < cmd->keys + KS_CMD_KEYS && range->first != 0;
         range++)
    {
        flags = cmd->key_flags ? cmd->key_flags(argc, argv) : range->flags;
        ks_keyrange_find(range, argc, argv, &i, &last);

        for ( /* void */ ; i <= last; i += range->step) {
            if (!ks_acl_key(s, &argv[i], flags)) {
                *at = i;
                return KS_ACL_DENIED_KEY;
            }
        }
    }

    return KS_ACL_ALLOWED;
}


/* and the key that a result is stored at */

static ks_acl_verdict_t
ks_acl_stored(const ks_acl_selector_t *s, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, int *at)
{
    int  i;

    if (cmd->extra_key != NULL) {
        i = cmd->extra_key(argc, argv);

        if (i != 0 && !ks_acl_key(s, &argv[i], KS_KEY_UPDATE)) {
            *at = i;
            return KS_ACL_DENIED_KEY;
        }
    }

    for (i = cmd->stored; i != 0 && i + 1 < argc; i++) {

        if ((ks_arg_is(&argv[i], "store") || ks_arg_is(&argv[i], "storedist"))
            && !ks_acl_key(s, &argv[i + 1], KS_KEY_UPDATE))
        {
            *at = i + 1;
            return KS_ACL_DENIED_KEY;
        }
    }

    return KS_ACL_ALLOWED;
}


/* --- channels --- */

/* A pattern of channels has to be allowed as it is. */

static int
ks_acl_channel(const ks_acl_selector_t *s, const ks_str_t *channel,
    int pattern)
{
    const ks_acl_item_t  *p;

    for (p = s->channels; p != NULL; p = p->next) {
        if (pattern ? ks_str_same(&p->text, channel)
                    : ks_glob(&p->text, channel, 0))
        {
            return 1;
        }
    }

    return 0;
}


static ks_acl_verdict_t
ks_acl_channels(const ks_acl_selector_t *s, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, int *at)
{
    int  i, last;

    if (cmd->channel_use == KS_CHANNEL_NONE) {
        return KS_ACL_ALLOWED;
    }

    ks_keyrange_find(&cmd->channels, argc, argv, &i, &last);

    for ( /* void */ ; i <= last; i += cmd->channels.step) {
        if (!ks_acl_channel(s, &argv[i],
                            cmd->channel_use == KS_CHANNEL_PATTERN))
        {
            *at = i;
            return KS_ACL_DENIED_CHANNEL;
        }
    }

    return KS_ACL_ALLOWED;
}


/* --- commands --- */

static int
ks_acl_same_nocase(const ks_str_t *lower, const ks_str_t *s)
{
    size_t  i;
    u_char  c;

    if (lower->len != s->len) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        c = s->data[i];
        c = (c >= 'A' && c <= 'Z') ? (c | 0x20) : c;

        if (c != lower->data[i]) {
            return 0;
        }
    }

    return 1;
}


int
ks_acl_first(const ks_acl_selector_t *s, const ks_command_t *cmd,
    const ks_str_t *arg)
{
    const ks_acl_item_t  *first;

    for (first = s->firsts; first != NULL; first = first->next) {
        if (first->cmd == cmd && ks_acl_same_nocase(&first->text, arg)) {
            return 1;
        }
    }

    return 0;
}


static int
ks_acl_command(const ks_acl_selector_t *s, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    size_t  n;

    if (s->all_commands || (cmd->flags & KS_CMD_NO_AUTH)) {
        return 1;
    }

    n = ks_command_number(cmd);

    if (s->commands[n / 64] >> n % 64 & 1) {
        return 1;
    }

    return argc > 1 && ks_acl_first(s, cmd, &argv[1]);
}


static ks_acl_verdict_t
ks_acl_selector_check(const ks_acl_selector_t *s, const ks_command_t *cmd,
    int argc, const ks_str_t *argv, int *at)
{
    ks_acl_verdict_t  v;

    *at = 0;

    if (!ks_acl_command(s, cmd, argc, argv)) {
        return KS_ACL_DENIED_COMMAND;
    }

    v = KS_ACL_ALLOWED;

    if (!s->all_keys) {
        v = ks_acl_ranges(s, cmd, argc, argv, at);
        v = v ? v : ks_acl_stored(s, cmd, argc, argv, at);
    }

    if (v == KS_ACL_ALLOWED && !s->all_channels) {
        v = ks_acl_channels(s, cmd, argc, argv, at);
    }

    return v;
}


ks_acl_verdict_t
ks_acl_check(const ks_acl_t *acl, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, int *at)
{
    int                       where;
    ks_acl_verdict_t          v, worst;
    const ks_acl_selector_t  *s;

    worst = KS_ACL_ALLOWED;
    *at = 0;

    for (s = &acl->root; s != NULL; s = s->next) {
        v = ks_acl_selector_check(s, cmd, argc, argv, &where);

        if (v == KS_ACL_ALLOWED) {
            return v;
        }

        if (v > worst || (v == worst && where > *at)) {
            worst = v;
            *at = where;
        }
    }

    return worst;
}


int
ks_acl_reads_all(const ks_acl_t *acl, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    int                       at, all;
    const ks_acl_item_t      *p;
    const ks_acl_selector_t  *s;

    for (s = &acl->root; s != NULL; s = s->next) {
        all = s->all_keys;

        for (p = s->keys; p != NULL && !all; p = p->next) {
            all = (p->bits & KS_ACL_KEY_READ) && p->text.len == 1
                  && p->text.data[0] == '*';
        }

        if (all && ks_acl_selector_check(s, cmd, argc, argv, &at)
                   == KS_ACL_ALLOWED)
        {
            return 1;
        }
    }

    return 0;
}


int
ks_acl_hears(const ks_acl_t *acl, const ks_str_t *channel, int pattern)
{
    const ks_acl_selector_t  *s;

    for (s = &acl->root; s != NULL; s = s->next) {
        if (s->all_channels || ks_acl_channel(s, channel, pattern)) {
            return 1;
        }
    }

    return 0;
}


int
ks_acl_full(const ks_acl_t *acl)
{
    return acl->root.all_commands && acl->root.all_keys;
}


int
ks_acl_full_channels(const ks_acl_t *acl)
{
    return ks_acl_full(acl) && acl->root.all_channels;
}


/* --- passwords --- */

int
ks_acl_digest(const ks_str_t *password, u_char *hex)
{
    static const char  digits[] = "0123456789abcdef";

    size_t      i;
    u_char      sum[SHA256_DIGEST_LENGTH];
    SHA256_CTX  sha;

    /* in parts, which take no memory; SHA256() does */

    if (SHA256_Init(&sha) != 1
        || SHA256_Update(&sha, password->data, password->len) != 1
        || SHA256_Final(sum, &sha) != 1)
    {
        return KS_ERR;
    }

    for (i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        hex[2 * i] = (u_char) digits[sum[i] >> 4];
        hex[2 * i + 1] = (u_char) digits[sum[i] & 15];
    }

    return KS_OK;
}


int
ks_acl_has_password(const ks_acl_t *acl, const u_char *hex)
{
    int                   found;
    const ks_acl_item_t  *p;

    found = 0;

    for (p = acl->passwords; p != NULL; p = p->next) {
        found |= (CRYPTO_memcmp(p->text.data, hex, KS_ACL_DIGEST) == 0);
    }

    return found;
}


int
ks_acl_authenticates(const ks_acl_t *acl, const u_char *hex)
{
    int  found;

    found = ks_acl_has_password(acl, hex);

    return acl->on && (acl->nopass || found);
}
