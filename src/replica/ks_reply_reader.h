/*
 * Replies of another store, RESP2 or RESP3, out of bytes as they come, and said
 * to a writer of ours (commands/ks_reply.h).
 *
 * ks_reader_next() looks for the end of the first reply and remembers how far
 * it has looked, so that each byte is looked at once however the bytes are cut.
 * Nothing is allocated and nothing is copied; what a reply says is read when it
 * is whole.  Bytes are not trusted: whatever they are, the answer is one of the
 * three below, and a reply that was found can be said.
 *
 * Attributes (RESP3) are passed over.  Strings and aggregates that come in
 * chunks ("$?") are an error: no store sends them.
 */

#ifndef KS_REPLY_READER_H
#define KS_REPLY_READER_H

#include "commands/ks_reply.h"


#define KS_READER_MAX  ((size_t) 1 << 30)       /* bytes of a reply, default */

/* all zero, or ks_reader_init(), before the first reply */
typedef struct {
    size_t    looked;           /* bytes of the reply, whole elements */
    uint64_t  left;             /* elements to come; 0: at the beginning */
    size_t    max;              /* bytes of a reply; 0: KS_READER_MAX */
} ks_reader_t;


static inline void
ks_reader_init(ks_reader_t *rd, size_t max)
{
    rd->looked = 0;
    rd->left = 0;
    rd->max = max;
}


/*
 * The length of the reply that the bytes begin with, in *n.  KS_AGAIN: there is
 * more to come; call again with the same bytes and those behind them, wherever
 * they lie then.  KS_ERR: it is no reply, or it is longer than the limit.
 */
int ks_reader_next(ks_reader_t *rd, const u_char *p, size_t len, size_t *n);

/* Says a reply that was found whole; with its attributes left out. */
void ks_reader_say(const u_char *p, size_t len, ks_reply_t *reply);


/* --- a reply that is looked at, and not said --- */

/* The letter of a reply that was found: behind attributes, if it has any. */
u_char ks_reader_kind(const u_char *p, size_t len);

/*
 * The elements of a reply one by one, in the order of its bytes: an aggregate
 * is one with its count in "n" and no text (a map counts 2 for each pair), and
 * its elements follow.  *p moves on.  KS_NONE: there are no more.
 */
typedef struct {
    u_char    kind;             /* "$", "+", "-", ":", "*" ... */
    unsigned  null:1;
    int64_t   n;                /* of an aggregate, or an integer */
    ks_str_t  text;             /* of all that are no aggregates */
} ks_reader_item_t;

int ks_reader_item(const u_char **p, const u_char *end, ks_reader_item_t *it);


#endif /* KS_REPLY_READER_H */
