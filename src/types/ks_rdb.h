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

#include "types/ks_json.h"
#include "types/ks_stream.h"


#define KS_RDB_VERSION      10      /* written: Redis 7.0, */
#define KS_RDB_VERSION_TIMES 12     /* or 7.4, where fields expire */
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
    KS_RDB_MODULE_2          = 7,       /* of a module: ReJSON-RL is known */
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
    KS_RDB_HASH_TIMES        = 22,      /* with expiries: before Redis 7.4, */
    KS_RDB_HASH_LISTPACK_T   = 23,
    KS_RDB_HASH_METADATA     = 24,      /* and from it on */
    KS_RDB_HASH_LISTPACK_EX  = 25,
    KS_RDB_HASH_VALKEY       = 32,      /* 22 as Valkey 9 means it: no byte */
    KS_RDB_FORMS
};

/* nodes of KS_RDB_LIST_QUICKLIST_2 */

#define KS_RDB_NODE_PLAIN   1
#define KS_RDB_NODE_PACKED  2


/* --- reading --- */

typedef struct {
    const u_char   *p;
    const u_char   *end;
    uint64_t        rest;           /* bytes behind end that are not at hand */
    unsigned        valkey:1;       /* from Valkey 9: another form 22 */
    unsigned        starved:1;      /* KS_ERR was for want of the rest, */
    unsigned        ended:1;        /* or of more than the rest, */
    unsigned        crowded:1;      /* or because there was too much */
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
    unsigned            headless:1; /* a part: head is that of another part */
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
    ks_json_flat_t  *json;          /* of a document */
} ks_rdb_value_t;

/* whether the footer is right: the version, the checksum */
int ks_rdb_verify(const ks_str_t *dump);

/*
 * The value at in->p, all of which is at hand; what follows it is not looked
 * at.
 */
int ks_rdb_read(ks_rdb_in_t *in, ks_rdb_value_t *v);

/* the modules' ids: nine characters of 6 bits above a version of 10 */
#define KS_RDB_JSON_ID  0x45e25238df912c03ull

/* a string, in whatever encoding */
int ks_rdb_string(ks_rdb_in_t *in, ks_str_t *s);

/*
 * For files.  A value of that form, whose byte is not read, which may be empty
 * (v->n is 0), and may have an element twice.  KS_ERR with in->starved: its end
 * is not at hand; with in->crowded: it has more than most strings.  Then in->p
 * is to be set back.
 */
int ks_rdb_read_whole(ks_rdb_in_t *in, unsigned form, ks_rdb_value_t *v,
    size_t most);

/* Whether there is such a form of values; and of which type it is (KS_TYPE_*).
 */
int ks_rdb_known(unsigned form);
unsigned ks_rdb_type(unsigned form);

/* Whether it has no elements, and is no value therefore. */
static inline int
ks_rdb_is_empty(const ks_rdb_value_t *v)
{
    return v->n == 0 && v->stream == NULL;
}

/* whether no item has the first string of another */
int ks_rdb_distinct(ks_rdb_in_t *in, const ks_rdb_value_t *v);

/*
 * What stands before the bytes of a string: *n of them, or, with *special set,
 * an integer of 1 << *n bytes (0, 1 or 2), or a string that is compressed
 * (KS_RDB_LZF), whose two lengths follow.
 */
#define KS_RDB_LZF          3
int ks_rdb_any_length(ks_rdb_in_t *in, uint64_t *n, int *special);

/*
 * A value that is not a string, in parts of about most strings each, which the
 * caller makes a value of, one behind the other (KS_ERR ends it).  Before more
 * bytes are wanted, or part() has returned, the strings of a part are no longer
 * needed.  more() has at least one byte more behind in->end, or returns KS_ERR;
 * it may move what is from in->p on.  Memory from alloc() that was taken since
 * mark(), or from the one at a place on, is let go by release().
 */
typedef struct {
    size_t          most;
    int           (*part)(void *data, const ks_rdb_value_t *v);
    int           (*more)(void *data);
    void         *(*mark)(void *data);
    void          (*release)(void *data, void *mark);
    void           *data;
} ks_rdb_parts_t;

int ks_rdb_read_parts(ks_rdb_in_t *in, unsigned form,
    const ks_rdb_parts_t *parts);


/* --- writing: they return the first byte behind what they wrote --- */

#define KS_RDB_LENGTH    9          /* bytes of a length, at most */

u_char *ks_rdb_put_length(u_char *p, uint64_t n);

/* a string that is the text of this integer */
int ks_rdb_is_short(int64_t v);                 /* whether it can be one */
u_char *ks_rdb_put_integer(u_char *p, int64_t v);

u_char *ks_rdb_put_double(u_char *p, double v);
u_char *ks_rdb_put_time(u_char *p, uint64_t ms);

/* A length in KS_RDB_GAP bytes, for one that gets known later. */
#define KS_RDB_GAP       5
void ks_rdb_fill_gap(u_char *gap, uint32_t n);

/*
 * What is from start on is the dump, or with a crc, that of the bytes before,
 * the end of one.  The version is that of its form.
 */
u_char *ks_rdb_put_footer(uint64_t crc, u_char *start, u_char *p);


#endif /* KS_RDB_H */
