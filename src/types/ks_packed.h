/*
 * The compact forms of Redis's small values, as they travel in dumps: the
 * listpack, the older ziplist and zipmap, the intset.  Pure functions on plain
 * memory.
 *
 * What is read may be any bytes: whatever is not well formed ends in KS_ERR,
 * and nothing outside of it is looked at.
 */

#ifndef KS_PACKED_H
#define KS_PACKED_H

#include "memory/ks_base.h"


/* an element: bytes, or if data is NULL the integer v */
typedef struct {
    const u_char       *data;
    size_t              len;
    int64_t             v;
} ks_packed_t;

typedef void (*ks_packed_pt)(void *data, const ks_packed_t *el);

typedef int (*ks_packed_read_pt)(const ks_str_t *s, ks_packed_pt visit,
    void *data);


/*
 * Visit the elements in their order; of a zipmap keys and values in turn.
 * KS_ERR: it is damaged, which may show only after some were visited.
 */
int ks_listpack_read(const ks_str_t *s, ks_packed_pt visit, void *data);
int ks_ziplist_read(const ks_str_t *s, ks_packed_pt visit, void *data);
int ks_zipmap_read(const ks_str_t *s, ks_packed_pt visit, void *data);
int ks_intset_read(const ks_str_t *s, ks_packed_pt visit, void *data);


/* --- writing, into memory that is large enough --- */

#define KS_LISTPACK_EMPTY    7          /* bytes of one without elements */
#define KS_LISTPACK_ELEMENT  10         /* at most, beyond those of a string */
#define KS_INTSET_HEADER     8

typedef struct {
    u_char             *start;
    u_char             *p;
    uint32_t            n;
} ks_listpack_t;

/* Writes to to, where the caller has seen to it that there is room. */
void ks_listpack_begin(ks_listpack_t *lp, u_char *to);
void ks_listpack_integer(ks_listpack_t *lp, int64_t v);

/* The place for the len bytes of the string, which the caller fills in. */
u_char *ks_listpack_string(ks_listpack_t *lp, size_t len);

/* The first byte behind it. */
u_char *ks_listpack_end(ks_listpack_t *lp);

/*
 * The head of n integers in ascending order, the first byte behind it, and how
 * many bytes each of them takes behind it, the lowest byte first.
 */
u_char *ks_intset_begin(u_char *to, int64_t first, int64_t last, size_t n,
    unsigned *size);


/* --- integers of n bytes, the lowest first --- */

static inline uint64_t
ks_little(const u_char *p, unsigned n)
{
    uint64_t  v;

    for (v = 0; n > 0; n--) {
        v = v << 8 | p[n - 1];
    }

    return v;
}


static inline int64_t
ks_little_signed(const u_char *p, unsigned n)
{
    unsigned  shift;

    shift = 64 - 8 * n;

    return (int64_t) (ks_little(p, n) << shift) >> shift;
}


static inline u_char *
ks_put_little(u_char *p, uint64_t v, unsigned n)
{
    for ( /* void */ ; n > 0; n--) {
        *p++ = (u_char) v;
        v >>= 8;
    }

    return p;
}


#endif /* KS_PACKED_H */
