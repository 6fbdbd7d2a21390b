/*
 * Followers: whoever in this process wants to know when a key has got another
 * value, by whomever.
 *
 * A follower is a part of what its host keeps.  It is told outside of
 * transactions, once for all changes that were heard at a time, and may be told
 * although nothing has changed: it looks by itself.  No change is missed, those
 * included that the journal has lost.  That a key ends is no value, and is not
 * told.
 *
 * All is memory of the process, but for the bits of keyspace/ks_track.h.
 */

#ifndef KS_FOLLOWERS_H
#define KS_FOLLOWERS_H

#include "bus/ks_hub.h"
#include "bus/ks_map.h"


typedef struct ks_follower_s  ks_follower_t;

struct ks_follower_s {
    ks_link_t        link;      /* private, and by the key's hash */

    /* set by the host: the key may have changed */
    void           (*changed)(ks_follower_t *f);

    /* private */
    ks_follower_t   *next;      /* of those that are about to be told */
    ks_follower_t  **prev;      /* NULL: it is none of them */
};


/*
 * Follows the key from the transactions on that come after this call, of which
 * the caller looks at the key in one.  Waits for the key's shard so many ms, 0:
 * as long as it takes.  KS_AGAIN: its patience was over.  KS_ERR: the process
 * hears nothing, or has no memory.
 */
int ks_follow(ks_space_t *sp, ks_follower_t *f, const ks_str_t *key,
    unsigned patience);

/* Not any more; it may be said while others are told, and of itself then. */
void ks_unfollow(ks_space_t *sp, ks_follower_t *f);

/* What is left is forgotten; before ks_hub_close(). */
void ks_followers_close(ks_space_t *sp);


#endif /* KS_FOLLOWERS_H */
