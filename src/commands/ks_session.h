/*
 * Sessions of browsers: hashes of the zone, each with a time of its own.
 *
 * A session's key ends with its id, KS_SESSION_ID characters which the caller
 * makes.  Keys of one kind of sessions begin with the same prefix.  What the
 * hash holds can be read and changed by anybody; of its fields four belong to
 * sessions themselves:
 *
 *   _created  when the session began, ms since the epoch
 *   _moved    the new id of a session that was renewed.  Nothing else is left
 *             at its old key, for as long as the rule's grace: requests that
 *             are on their way with the old id go on with the session
 *   _remember for how many ms from its beginning on it lasts, used or not
 *   _subject  whose list of sessions it is in, see ks_subject.h
 *
 * Another type at the key is no session.
 *
 * Each function here is one transaction, or one for each renewal that it
 * follows: others see a change whole or not at all, and fields that two of
 * them set are both there.  None may be called inside a body.  What is changed
 * is told to the journal as effects.
 */

#ifndef KS_SESSION_H
#define KS_SESSION_H

#include "keyspace/ks_space.h"


#define KS_SESSION_ID       64          /* characters */
#define KS_SESSION_CREATED  "_created"
#define KS_SESSION_MOVED    "_moved"
#define KS_SESSION_SUBJECT  "_subject"
#define KS_SESSION_REMEMBER "_remember"

/* so many renewals in a row are followed */
#define KS_SESSION_HOPS     4

/* What sessions of one kind have in common; times in ms. */
typedef struct {
    uint64_t  ttl;              /* without a use */
    uint64_t  absolute;         /* from its beginning on; 0: no matter */
    uint64_t  grace;            /* after a renewal; 0: the old id is void */
    uint64_t  remember;         /* of one that is to be remembered, from then
                                   on; 0: none is */
    ks_str_t  subject;          /* the field that names it, see ks_subject.h;
                                   data NULL: nobody asks */
    uint32_t  limit;            /* sessions of a subject; 0: any number */
} ks_session_rule_t;

/*
 * Is given the hash of a session inside the transaction, when nothing more is
 * to be stored.  It may be called once more, so its outputs begin anew.
 */
typedef void (*ks_session_read_pt)(ks_space_t *sp, const ks_value_t *v,
    void *data);

/*
 * A session that is asked for.  The bytes of its key are the caller's: where it
 * was renewed a short time ago the new id takes the place of the old one there,
 * and moved is set.
 */
typedef struct {
    const ks_session_rule_t  *rule;
    ks_str_t                  key;      /* data NULL: there is none yet */
    uint64_t                  now;      /* ms since the epoch; 0: what the
                                           system's clock says */
    ks_session_read_pt        read;     /* NULL: not to be read */
    void                     *data;     /* its argument */
    unsigned                  moved:1;
    uint64_t                  until;    /* the end of one that is remembered,
                                           after a use or a change; or 0 */
} ks_session_t;

typedef struct {
    ks_str_t  field;
    ks_str_t  value;
    unsigned  unset:1;          /* the field is removed */
} ks_session_edit_t;

/* What is to become of a session, all at once. */
typedef struct {
    const ks_session_edit_t  *edits;    /* in their order */
    size_t                    n;
    unsigned                  destroy:1;    /* before the edits */
    unsigned                  destroy_all:1;    /* with it: all sessions of
                                                   the subject */
    unsigned                  remember:1;
} ks_session_changes_t;

typedef enum {
    KS_SESSION_FOUND = 0,
    KS_SESSION_NONE,            /* there is no such session, or no more */
    KS_SESSION_RENEWED,         /* only of ks_session_peek() */
    KS_SESSION_FULL             /* the zone has no room, nothing has changed */
} ks_session_found_t;


/*
 * Whether there is a session of that key.  It is not used by that, nor read,
 * and a renewal is not followed.
 */
ks_session_found_t ks_session_peek(ks_space_t *sp, ks_session_t *s);

/* Reads it, which is no use of it. */
ks_session_found_t ks_session_look(ks_space_t *sp, ks_session_t *s);

/*
 * Uses it: its time begins anew (within a twentieth of the TTL, a second at
 * the most, nothing is stored).  In a full zone it goes on with the time that
 * it has.  One that has come to its absolute end is removed.
 */
ks_session_found_t ks_session_use(ks_space_t *sp, ks_session_t *s);

/*
 * Changes it, or begins one.  to: the key of a new one, or after a renewal; in
 * a shape as s->key, of which nothing is known yet.  NULL: there is neither.
 * A session that others have renewed is followed, and not renewed once more.
 * A renewal is not given up for want of room for the old key's "_moved".
 */
ks_session_found_t ks_session_change(ks_space_t *sp, ks_session_t *s,
    const ks_session_changes_t *ch, const ks_str_t *to);

/* How long a session lasts at most, ms from its beginning on; 0: no matter. */

static inline uint64_t
ks_session_longest(const ks_session_rule_t *rule)
{
    return rule->absolute ? ks_max(rule->absolute, rule->remember) : 0;
}


/* --- for the reader --- */

/*
 * The value of a field.  Where there is none of this very name, it is looked
 * for among the first 128 as a name of variables, in lower case and with "_"
 * for "-".  0: there is none.
 */
int ks_session_field(const ks_value_t *v, const ks_str_t *name,
    ks_item_t *value);


#endif /* KS_SESSION_H */
