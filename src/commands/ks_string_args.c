/*
 * What the commands of strings can be told, and the comparisons among it.
 *
 * Arguments are checked in the order in which Redis does, because with more
 * than one fault the order decides which error is seen.
 */

#include "commands/ks_string_args.h"

/* a header of functions alone: nothing is linked */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <strings.h>


ks_cond_t
ks_compare_option(const ks_str_t *arg)
{
    if (ks_arg_is(arg, "ifeq")) {
        return KS_COND_IFEQ;
    }

    if (ks_arg_is(arg, "ifne")) {
        return KS_COND_IFNE;
    }

    if (ks_arg_is(arg, "ifdeq")) {
        return KS_COND_IFDEQ;
    }

    return ks_arg_is(arg, "ifdne") ? KS_COND_IFDNE : KS_COND_NONE;
}


static ks_cond_t
ks_exists_option(const ks_str_t *arg)
{
    if (ks_arg_is(arg, "nx")) {
        return KS_COND_NX;
    }

    return ks_arg_is(arg, "xx") ? KS_COND_XX : KS_COND_NONE;
}


static unsigned
ks_word_option(const ks_str_t *arg)
{
    if (ks_arg_is(arg, "get")) {
        return KS_OPT_GET;
    }

    if (ks_arg_is(arg, "keepttl")) {
        return KS_OPT_KEEPTTL;
    }

    return ks_arg_is(arg, "persist") ? KS_OPT_PERSIST : 0;
}


/* One that a value follows, if more arguments do; how many it takes, or 0. */

static int
ks_set_option_with_value(ks_str_t *argv, unsigned allowed, ks_set_opts_t *o)
{
    ks_cond_t       cond;
    ks_time_form_t  form;

    form = ks_time_option(&argv[0]);

    if (form != KS_TIME_NONE && (o->form == KS_TIME_NONE || o->form == form)) {
        o->form = form;
        o->arg = &argv[1];
        return 2;
    }

    cond = (allowed & KS_OPT_COMPARE) ? ks_compare_option(&argv[0])
                                      : KS_COND_NONE;

    if (cond != KS_COND_NONE && (o->cond == KS_COND_NONE || o->cond == cond)) {
        o->cond = cond;
        o->match = &argv[1];
        return 2;
    }

    return 0;
}


static int
ks_set_option(int argc, ks_str_t *argv, unsigned allowed, ks_set_opts_t *o)
{
    unsigned   flag;
    ks_cond_t  cond;

    flag = ks_word_option(&argv[0]) & allowed;

    if (flag) {
        o->flags |= flag;
        return 1;
    }

    cond = (allowed & KS_OPT_EXISTS) ? ks_exists_option(&argv[0])
                                     : KS_COND_NONE;

    if (cond != KS_COND_NONE && (o->cond == KS_COND_NONE || o->cond == cond)) {
        o->cond = cond;
        return 1;
    }

    return argc > 1 ? ks_set_option_with_value(argv, allowed, o) : 0;
}


/* which options exclude each other; one may be said twice */

static inline int
ks_set_times_fit(const ks_set_opts_t *o)
{
    return (o->form != KS_TIME_NONE) + !!(o->flags & KS_OPT_KEEPTTL)
           + !!(o->flags & KS_OPT_PERSIST) <= 1;
}


int
ks_set_options(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned allowed,
    ks_set_opts_t *o)
{
    int  i, n;

    for (i = 0; i < argc; i += n) {
        n = ks_set_option(argc - i, argv + i, allowed, o);

        if (n == 0 || !ks_set_times_fit(o)) {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    return KS_OK;
}


int
ks_set_deadline(ks_ctx_t *c, ks_set_opts_t *o)
{
    int64_t  at;

    if (o->form == KS_TIME_NONE) {
        o->at = (o->flags & KS_OPT_KEEPTTL) ? KS_KEEP_TTL : KS_NO_EXPIRE;
        return KS_OK;
    }

    if (ks_arg_time(c, o->arg, o->form, &ks_time_of_key, &at) != KS_OK) {
        return KS_ERR;
    }

    o->at = (uint64_t) at;

    return KS_OK;
}


/* --- comparisons --- */

static int
ks_string_equals(ks_ctx_t *c, const ks_entry_t *e, const ks_str_t *s)
{
    size_t         off, n;
    const u_char  *p;

    if (ks_string_len(e) != s->len) {
        return 0;
    }

    for (off = 0; off < s->len; off += n) {
        p = ks_string_run(c->space, e, off, &n);

        if (memcmp(p, s->data + off, n) != 0) {
            return 0;
        }
    }

    return 1;
}


void
ks_string_digest(ks_ctx_t *c, const ks_entry_t *e,
    u_char digest[KS_DIGEST_TEXT])
{
    size_t         off, len, n;
    uint64_t       hash;
    unsigned       i;
    const u_char  *p;
    XXH3_state_t   state;

    len = ks_string_len(e);
    p = ks_string_run(c->space, e, 0, &n);

    if (n == len) {
        hash = XXH3_64bits(p, len);

    } else {
        XXH3_64bits_reset(&state);

        for (off = 0; off < len; off += n) {
            p = ks_string_run(c->space, e, off, &n);
            XXH3_64bits_update(&state, p, n);
        }

        hash = XXH3_64bits_digest(&state);
    }

    for (i = 0; i < KS_DIGEST_TEXT; i++) {
        digest[i] = (u_char) "0123456789abcdef"[hash >> (60 - 4 * i) & 0xf];
    }
}


/* 1, 0, or KS_ERR: what shall be compared is no digest */

static int
ks_string_has_digest(ks_ctx_t *c, const ks_entry_t *e, const ks_str_t *s)
{
    u_char  digest[KS_DIGEST_TEXT];

    if (s->len != KS_DIGEST_TEXT) {
        ks_reply_error(c->reply,
                       "ERR must be exactly 16 hexadecimal characters");
        return KS_ERR;
    }

    ks_string_digest(c, e, digest);

    return strncasecmp((char *) s->data, (char *) digest, KS_DIGEST_TEXT) == 0;
}


int
ks_string_compares(ks_ctx_t *c, const ks_entry_t *e, ks_cond_t cond,
    const ks_str_t *match)
{
    int  same;

    if (cond == KS_COND_IFEQ || cond == KS_COND_IFNE) {
        return ks_string_equals(c, e, match) == (cond == KS_COND_IFEQ);
    }

    same = ks_string_has_digest(c, e, match);

    return same == KS_ERR ? KS_ERR : same == (cond == KS_COND_IFDEQ);
}


int
ks_set_condition_met(ks_ctx_t *c, const ks_entry_t *e, const ks_set_opts_t *o)
{
    switch (o->cond) {

    case KS_COND_NONE:
        return 1;

    case KS_COND_NX:
        return e == NULL;

    case KS_COND_XX:
        return e != NULL;

    default:
        break;
    }

    if (e == NULL) {
        return o->cond == KS_COND_IFNE || o->cond == KS_COND_IFDNE;
    }

    if (ks_entry_type(e) != KS_TYPE_STRING) {
        ks_reply_error(c->reply, KS_ERR_WRONGTYPE);
        return KS_ERR;
    }

    return ks_string_compares(c, e, o->cond, o->match);
}


/* --- values --- */

int
ks_value_fits(ks_ctx_t *c, const ks_str_t *value)
{
    if (value->len <= KS_STRING_MAX) {
        return 1;
    }

    ks_reply_error(c->reply, KS_ERR_TOOBIG);

    return 0;
}


ks_str_t
ks_numeral(ks_ctx_t *c, const ks_entry_t *e, size_t max)
{
    ks_str_t  empty = ks_str("");

    return ks_string_len(e) <= max ? ks_string_flat(c->space, e) : empty;
}
