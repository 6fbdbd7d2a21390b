/*
 * Tags of cached responses: sets of the zone, KS_CACHE_TAG and the tag's name,
 * whose members are the keys of entries.
 *
 * An entry that has tags is good only as long as its key is in the sets of all
 * of them.  So whoever ends a set (DEL, eviction, a flush) has purged the tag
 * with that, however many entries it has, and no entry is left without its tag.
 * If a set is renamed to KS_CACHE_STALE and its name, its entries are stale.
 *
 * These are parts of bodies that have the entry's shard locked; they ask for
 * the shards of the sets.
 */

#ifndef KS_CACHE_TAG_H
#define KS_CACHE_TAG_H

#include "keyspace/ks_space.h"


#define KS_CACHE_TAG       "tag:"
#define KS_CACHE_STALE     "stale:"
#define KS_CACHE_TAG_NAME  256          /* bytes of a name */
#define KS_CACHE_TAGS      4096         /* bytes of all names */

typedef enum {
    KS_CACHE_TAGGED = 0,
    KS_CACHE_TAGGED_STALE,
    KS_CACHE_UNTAGGED           /* purged */
} ks_cache_tagged_t;


/* Whether the key is in the sets of these tags, names between single blanks. */
ks_cache_tagged_t ks_cache_tagged(ks_space_t *sp, const ks_str_t *key,
    const ks_str_t *tags);

/* The shards of their sets. */
uint64_t ks_cache_tag_shards(ks_space_t *sp, const ks_str_t *tags);

/* Whether any of the sets was deleted since that number (ks_ended_now()). */
int ks_cache_tags_ended(ks_space_t *sp, const ks_str_t *tags,
    uint64_t number);

/*
 * Puts the key into the sets, which live until then at least (ms; 0: without
 * an end).  Members that are keys no more are taken out, a few at a time, if
 * they are in one of these shards.  KS_NONE: a key of that name is no set.
 */
int ks_cache_tag(ks_space_t *sp, const ks_str_t *key, const ks_str_t *tags,
    uint64_t until, uint64_t shards);


#endif /* KS_CACHE_TAG_H */
