/*
 * Responses of an HTTP cache: hashes of the zone, each with a time of its own.
 *
 * An entry is an ordinary key, a hash, so that DEL ends it with all variants.
 * Its fields:
 *
 *   vary       names of request fields, in lower case, sorted and separated by
 *              commas, that select a variant; empty: there is one variant
 *   tags       names of its tags between single blanks (ks_cache_tag.h), if it
 *              has any: those of all variants
 *   until      when the key was to expire, ms since the epoch, as it was stored
 *   meta:ID    of the variant ID: numbers, see ks_cache_meta_t
 *   head:ID    its fields as text; this layer does not look into it
 *   body:ID    its content
 *
 * ID is whatever the caller makes of the request, up to KS_CACHE_ID bytes.
 *
 * The TTL of the key is how long the freshest variant is fresh and how long it
 * is kept beyond that.  Who changes the TTL changes the freshness of all
 * variants by as much: what is fresh is said by "fresh" in "meta", moved by the
 * difference between the key's time and "until".  Without a TTL all is fresh.
 *
 * An entry whose tags have been purged is none, for whoever asks.
 *
 * Another type at the key, or a hash without these fields, is no entry, and is
 * left as it is.
 *
 * Each function is one transaction, but for the reading of a long body; none
 * may be called inside a body.  What is changed is told to the journal.
 */

#ifndef KS_CACHE_H
#define KS_CACHE_H

#include "keyspace/ks_space.h"


#define KS_CACHE_ID        64           /* bytes of a variant's id */
#define KS_CACHE_VARIANTS  64           /* of a key; one more begins it anew */
#define KS_CACHE_SLICE     65536        /* bytes copied under one lock */

#define KS_CACHE_CHECK     1            /* never used before it is validated */
#define KS_CACHE_STRICT    2            /* never used stale */

/* a variant; times in ms */
typedef struct {
    uint64_t  version;          /* of its body: no other body has had it */
    uint64_t  status;           /* of the response */
    uint64_t  stored;           /* when it came, since the epoch */
    uint64_t  age;              /* how old it was then */
    uint64_t  fresh;            /* until when it is, since the epoch */
    uint64_t  stale;            /* so long it may be used while it is fetched */
    uint64_t  error;            /* so long instead of an error */
    uint64_t  flags;            /* KS_CACHE_CHECK, ... */
} ks_cache_meta_t;

typedef enum {
    KS_CACHE_FOUND = 0,
    KS_CACHE_NONE,              /* no such key */
    KS_CACHE_OTHER,             /* no variant for that request */
    KS_CACHE_FAILED             /* no memory, or the key is no entry */
} ks_cache_found_t;

/* What is asked for, and what is found. */
typedef struct {
    ks_str_t          key;

    /*
     * Puts the id of the request's variant at id, for these names; its length.
     * And memory that the caller owns: NULL, there is none.  They may be called
     * more than once, and not store in the zone.
     */
    size_t          (*select)(void *data, const ks_str_t *vary, u_char *id);
    u_char         *(*room)(void *data, size_t len);
    void             *data;

    unsigned          bare:1;   /* the body is not wanted */

    uint64_t          now;      /* ms since the epoch; 0 before: what the
                                   system's clock says */
    ks_cache_meta_t   meta;     /* with "fresh" as the key's TTL has it */
    ks_str_t          vary;     /* in memory of room() */
    ks_str_t          head;
    ks_str_t          body;
    size_t            idlen;
    u_char            id[KS_CACHE_ID];
} ks_cache_get_t;

/* What is to be stored. */
typedef struct {
    ks_str_t          key;
    ks_str_t          vary;
    ks_str_t          tags;     /* names between single blanks; of an update
                                   those that it has stay */
    ks_str_t          id;
    ks_str_t          head;
    ks_str_t          body;
    ks_cache_meta_t   meta;     /* version is set here, but for an update */
    uint64_t          keep;     /* how long it is kept beyond "fresh" */
    uint64_t          now;      /* ms; 0: what the system's clock says */
    uint64_t          since;    /* ks_ended_now() before it was fetched, or 0 */
    unsigned          update:1; /* the body stays, if it is that version */
} ks_cache_put_t;


/*
 * Finds the variant for a request.  A body that is longer than a slice is
 * copied slice by slice, each under a lock of its own; where it is replaced
 * meanwhile the new one is read from its beginning.
 */
ks_cache_found_t ks_cache_get(ks_space_t *sp, ks_cache_get_t *get);

/*
 * Stores a variant.  Those that were stored for other names of fields end with
 * that.  KS_NOMEM: the zone has no room.  KS_NONE: the key is something else,
 * what was to be updated is there no more, or the key or one of the tags was
 * purged since.  Nothing has changed then.
 */
int ks_cache_put(ks_space_t *sp, ks_cache_put_t *put);

/*
 * Ends an entry with all variants; whether there was one.  What is being
 * fetched counts as purged as well.  now: as above.
 */
int ks_cache_drop(ks_space_t *sp, const ks_str_t *key, uint64_t now);


#endif /* KS_CACHE_H */
