/*
 * What the commands of strings can be told: conditions, a time, and what else
 * SET and its kin read behind their key.  See ks_args.h for what KS_ERR means.
 */

#ifndef KS_STRING_ARGS_H
#define KS_STRING_ARGS_H

#include "commands/ks_time_args.h"


/* options, of which a command allows some */
#define KS_OPT_GET      0x01
#define KS_OPT_KEEPTTL  0x02
#define KS_OPT_PERSIST  0x04
#define KS_OPT_EXISTS   0x08            /* NX and XX */
#define KS_OPT_COMPARE  0x10            /* IFEQ, IFNE, IFDEQ and IFDNE */

#define KS_OPT_SET                                                            \
    (KS_OPT_GET|KS_OPT_KEEPTTL|KS_OPT_EXISTS|KS_OPT_COMPARE)

/* digits of a digest */
#define KS_DIGEST_TEXT  16

/* what must be so for the command to do anything */
typedef enum {
    KS_COND_NONE = 0,
    KS_COND_NX,                         /* there is no such key */
    KS_COND_XX,                         /* there is */
    KS_COND_IFEQ,                       /* it holds these bytes */
    KS_COND_IFNE,                       /* it does not, or is not there */
    KS_COND_IFDEQ,                      /* as IFEQ, by a digest */
    KS_COND_IFDNE
} ks_cond_t;

typedef struct {
    unsigned         flags;
    ks_cond_t        cond;
    const ks_str_t  *match;             /* the argument of cond */
    ks_time_form_t   form;              /* of the time, if there is one */
    const ks_str_t  *arg;               /* its argument */
    uint64_t         at;                /* what it comes to, ms */
} ks_set_opts_t;


/* IFEQ, IFNE, IFDEQ or IFDNE, which a value follows; KS_COND_NONE */
ks_cond_t ks_compare_option(const ks_str_t *arg);

/* All arguments as options: those allowed, and EX and its like.  o is zero. */
int ks_set_options(ks_ctx_t *c, int argc, ks_str_t *argv, unsigned allowed,
    ks_set_opts_t *o);

/* o->arg -> o->at, which is KS_NO_EXPIRE or KS_KEEP_TTL without a time */
int ks_set_deadline(ks_ctx_t *c, ks_set_opts_t *o);


static inline int
ks_deadline_over(ks_ctx_t *c, const ks_set_opts_t *o)
{
    return o->form != KS_TIME_NONE && o->at <= ks_space_past(c->space);
}


/*
 * Whether what is at the key (NULL: nothing) meets o->cond.  KS_ERR: it is no
 * string, or the digest is none.
 */
int ks_set_condition_met(ks_ctx_t *c, const ks_entry_t *e,
    const ks_set_opts_t *o);

/* The same for a string that is there, and a condition that compares. */
int ks_string_compares(ks_ctx_t *c, const ks_entry_t *e, ks_cond_t cond,
    const ks_str_t *match);

/* XXH3 of a string, 64 bits, as lower-case hexadecimal digits */
void ks_string_digest(ks_ctx_t *c, const ks_entry_t *e,
    u_char digest[KS_DIGEST_TEXT]);

/* Whether the value is not too long for a string; KS_ERR_TOOBIG if so. */
int ks_value_fits(ks_ctx_t *c, const ks_str_t *value);

/*
 * A string that shall be read as a number: beyond max bytes it cannot be one,
 * and is not worth a copy; the empty string is as wrong.
 */
ks_str_t ks_numeral(ks_ctx_t *c, const ks_entry_t *e, size_t max);


#endif /* KS_STRING_ARGS_H */
