/*
 * Values as Redis writes them into dumps and its RDB files: reading what
 * DUMP of Redis 2.6 to 7.4 says, writing what RESTORE of 7.0 and later takes.
 *
 * Pure functions on plain memory, with no knowledge of the zone.  What is read
 * may be any bytes: it is decoded whole before anyone builds anything of it,
 * and whatever is not well formed, empty, or names an element twice ends in
 * KS_ERR.
 */

#ifndef KS_RDB_H
#define KS_RDB_H

#include "types/ks_stream.h"


#define KS_RDB_VERSION      10      /* written: Redis 7.0 */
#define KS_RDB_VERSION_MAX  12      /* read: up to Redis 7.4 */
#define KS_RDB_FOOTER       10      /* bytes: the version, and a checksum */
#define KS_RDB_STRING_MAX   (512u * 1024 * 1024)

/* the types of values, the first byte of a dump */

enum {
    KS_RDB_STRING            = 0,
    KS_RDB_LIST              = 1,
    KS_RDB_SET               = 2,
    KS_RDB_ZSET              = 3,       /* scores as text */
    KS_RDB_HASH              = 4,
    KS_RDB_ZSET_2            = 5,       /* scores in binary */
    KS_RDB_HASH_ZIPMAP       = 9,
    KS_RDB_LIST_ZIPLIST      = 10,
    KS_RDB_SET_INTSET        = 11,
    KS_RDB_ZSET_ZIPLIST      = 12,
    KS_RDB_HASH_ZIPLIST      = 13,
    KS_RDB_LIST_QUICKLIST    = 14,      /* of ziplists */
    KS_RDB_STREAM            = 15,      /* of listpacks */
    KS_RDB_HASH_LISTPACK     = 16,
    KS_RDB_ZSET_LISTPACK     = 17,
    KS_RDB_LIST_QUICKLIST_2  = 18,      /* of listpacks and plain strings */
    KS_RDB_STREAM_2          = 19,      /* and what it ever had: Redis 7.0 */
    KS_RDB_SET_LISTPACK      = 20,      /* from Redis 7.2 on */
    KS_RDB_STREAM_3          = 21,      /* and who was active when: 7.2 */
    KS_RDB_HASH_METADATA     = 24,      /* with expiries: Redis 7.4 */
    KS_RDB_HASH_LISTPACK_EX  = 25
};

/* nodes of KS_RDB_LIST_QUICKLIST_2 */

#define KS_RDB_NODE_PLAIN   1
#define KS_RDB_NODE_PACKED  2


/* --- reading --- */

typedef struct {
    const u_char   *p;
    const u_char   *end;
    const uint64_t *seed;           /* for a hash that nobody can foresee */

    /* memory that is let go with the rest of the command; never fails */
    void         *(*alloc)(void *data, size_t size);
    void           *data;
} ks_rdb_in_t;

/* what a stream is made of; its strings are those of its entries in order */

typedef struct {
    ks_stream_id_t  id;
    uint32_t        n;              /* strings: field, value ... */
} ks_rdb_entry_t;

typedef struct ks_rdb_pending_s  ks_rdb_pending_t;

struct ks_rdb_pending_s {
    ks_stream_id_t     id;
    uint64_t           delivered;   /* ms: when it was, the last time */
    uint64_t           count;       /* and how often */
    unsigned           owned:1;     /* by a consumer; its next one */
    ks_rdb_pending_t  *next;
};

typedef struct {
    ks_str_t           name;
    uint64_t           seen;        /* ms, */
    uint64_t           active;      /* 0: never */
    ks_rdb_pending_t  *first;       /* that it owns */
} ks_rdb_consumer_t;

typedef struct {
    ks_str_t            name;
    ks_stream_id_t      last;
    int64_t             read;       /* or -1: unknown */
    size_t              nconsumers;
    ks_rdb_consumer_t  *consumers;
    size_t              npending;
    ks_rdb_pending_t   *pending;    /* their ids ascend */
} ks_rdb_group_t;

typedef struct {
    ks_stream_head_t    head;
    unsigned            estimate:1; /* what groups have read is not told */
    size_t              n;
    ks_rdb_entry_t     *entries;    /* their ids ascend */
    size_t              ngroups;
    ks_rdb_group_t     *groups;
} ks_rdb_stream_t;

/* strings point into the dump, or to memory from alloc() */
typedef struct {
    unsigned        form;           /* the first byte of the dump */
    unsigned        type;           /* KS_TYPE_* */
    unsigned        cols;           /* strings of an item: 1, of a hash 2 */
    size_t          n;              /* items, one after another */
    ks_str_t       *strings;
    double         *scores;         /* of a sorted set, none of them NaN */
    uint64_t       *expiries;       /* of fields, ms, 0: never; may be NULL */
    ks_rdb_stream_t *stream;        /* of a stream, NULL: it is none */
} ks_rdb_value_t;

/* whether the footer is right: the version, the checksum */
int ks_rdb_verify(const ks_str_t *dump);

/* The value at in->p; what follows it is not looked at. */
int ks_rdb_read(ks_rdb_in_t *in, ks_rdb_value_t *v);

/* a string, in whatever encoding */
int ks_rdb_string(ks_rdb_in_t *in, ks_str_t *s);


/* --- writing: they return the first byte behind what they wrote --- */

#define KS_RDB_LENGTH    9          /* bytes of a length, at most */

u_char *ks_rdb_put_length(u_char *p, uint64_t n);

/* a string that is the text of this integer */
int ks_rdb_is_short(int64_t v);                 /* whether it can be one */
u_char *ks_rdb_put_integer(u_char *p, int64_t v);

u_char *ks_rdb_put_double(u_char *p, double v);

/* A length in KS_RDB_GAP bytes, for one that gets known later. */
#define KS_RDB_GAP       5
void ks_rdb_fill_gap(u_char *gap, uint32_t n);

/*
 * What is from start on is the dump, or the end of one; crc is that of the
 * bytes before.
 */
u_char *ks_rdb_put_footer(uint64_t crc, u_char *start, u_char *p);


#endif /* KS_RDB_H */
