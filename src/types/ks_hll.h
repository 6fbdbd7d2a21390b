/*
 * HyperLogLog: how many different elements were added, to about 0.81 %, in at
 * most 12 kB.
 *
 * Here are the algorithm and Redis's format of it, on bytes in memory: nothing
 * is known of keys or of the zone.  16384 registers of 6 bits stand for the
 * elements, behind a header of 16 bytes:
 *
 *   "HYLL" | encoding | 3 bytes | the last estimate, 64 bits, low byte first
 *
 * whose topmost bit says that the estimate is out of date.  Dense, registers
 * lie side by side.  Sparse, runs of equal registers do: 00llllll, l + 1 zeros;
 * 01llllll llllllll, as many zeros; 1vvvvvll, l + 1 registers of v + 1.
 *
 * The bytes may be anybody's.  Whatever they are, nothing outside of them is
 * read or written; KS_ERR: they are not what they should be.
 */

#ifndef KS_HLL_H
#define KS_HLL_H

#include "memory/ks_base.h"


#define KS_HLL_REGISTERS   16384
#define KS_HLL_VALUES      64           /* that a register can have */
#define KS_HLL_HEADER      16
#define KS_HLL_ESTIMATE    8            /* where it is in the header */
#define KS_HLL_EMPTY_SIZE  (KS_HLL_HEADER + 2)
#define KS_HLL_DENSE_SIZE  (KS_HLL_HEADER + KS_HLL_REGISTERS * 6 / 8)
#define KS_HLL_SPARSE_MAX  3000         /* beyond this it becomes dense */

/* no sparse one that is sound is longer than this */
#define KS_HLL_LONGEST     (KS_HLL_HEADER + 2 * KS_HLL_REGISTERS)

/* room that a buffer must have for one of so many bytes to be changed */
#define KS_HLL_ROOM(len)                                                      \
    ks_max((size_t) (len) + 4, (size_t) KS_HLL_DENSE_SIZE)

typedef struct {
    u_char   *data;
    size_t    len;
    size_t    room;         /* bytes at data; for the owner to know */
    size_t    from;         /* bytes [from, to) have changed, with what came */
    size_t    to;           /* behind them gone; to 0: none */
} ks_hll_t;


/* Whether it is one, as far as the header at p tells; KS_OK: it is. */
int ks_hll_sound(const u_char *p, size_t len);

/* An empty sparse one in a buffer of KS_HLL_ROOM(0). */
void ks_hll_init(ks_hll_t *h, u_char *buf);

/* The register of an element and the value that it has at least. */
unsigned ks_hll_place(const u_char *p, size_t len, unsigned *value);

/*
 * Sets a register that is lower to the value: 1, or 0: it was not lower.
 * h->data has KS_HLL_ROOM().  The estimate is not marked as out of date.
 */
int ks_hll_raise(ks_hll_t *h, unsigned reg, unsigned value);

/* From sparse to dense, in place. */
int ks_hll_densify(ks_hll_t *h);
int ks_hll_is_dense(const u_char *p);

/* Raises registers to those of a second one. */
int ks_hll_merge(u_char *registers, const u_char *p, size_t len);

/* The estimate: of one, and of registers. */
int ks_hll_count(const u_char *p, size_t len, uint64_t *n);
uint64_t ks_hll_count_registers(const u_char *registers);

/* The estimate in the header; 0: it is out of date. */
int ks_hll_cached(const u_char *p, uint64_t *n);
void ks_hll_cache(u_char *p, uint64_t n);
void ks_hll_outdate(u_char *p);


#endif /* KS_HLL_H */
