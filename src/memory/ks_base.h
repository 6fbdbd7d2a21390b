/*
 * What every layer may assume: integer types, byte strings, result codes.
 * Nothing here has state and nothing here allocates.
 */

#ifndef KS_BASE_H
#define KS_BASE_H

/*
 * What lies in a zone has one form, that of these machines: sizes and offsets
 * of 64 bits, numbers with their least byte first, as RDB has them, too.
 */

#if !defined(__LP64__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "keyspace is for 64-bit little-endian machines"
#endif

#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>


#define KS_OK      0
#define KS_ERR    (-1)
#define KS_NOMEM  (-2)          /* the zone has no room, even after evicting */
#define KS_ABORTED  3           /* a transaction was given up, see ks_abort() */
#define KS_NONE     4           /* there is nothing to be had at present */
#define KS_WAITS    6           /* the client waits, its reply comes later */
#define KS_AGAIN    5           /* not yet: nothing has happened, try later */

#define ks_likely(x)    __builtin_expect(!!(x), 1)
#define ks_unlikely(x)  __builtin_expect(!!(x), 0)

#define ks_min(a, b)    ((a) < (b) ? (a) : (b))
#define ks_max(a, b)    ((a) > (b) ? (a) : (b))
#define ks_align(n, a)  (((n) + ((a) - 1)) & ~((__typeof__(n)) (a) - 1))
#define ks_nelts(a)     (sizeof(a) / sizeof((a)[0]))

/*
 * The ordering that the undo log needs.  A killed process has executed its
 * stores in program order, and whoever finds it dead has them all: the kernel
 * hands over its locks behind them.  So it is the compiler alone that must not
 * move them.
 *
 * Another core may see stores of a process that lives in any order.  What is
 * read under the lock under which it was stored is in order by that.  All else
 * is stored and read with atomic functions that say the order; the rest of what
 * is read so is a number by itself, whose reader can do with an older one.
 */
#define ks_barrier()    __asm__ __volatile__ ("" ::: "memory")


/* bytes somewhere else: never owns them, may hold any byte, NUL included */

typedef struct {
    size_t   len;
    u_char  *data;
} ks_str_t;

#define ks_str(lit)     { sizeof(lit) - 1, (u_char *) (lit) }


/* unaligned loads and stores; the zone packs values after keys */

static inline uint16_t
ks_load16(const void *p)
{
    uint16_t  v;

    memcpy(&v, p, sizeof(v));
    return v;
}


static inline uint32_t
ks_load32(const void *p)
{
    uint32_t  v;

    memcpy(&v, p, sizeof(v));
    return v;
}


static inline uint64_t
ks_load64(const void *p)
{
    uint64_t  v;

    memcpy(&v, p, sizeof(v));
    return v;
}


/* Compares what is short: names and keys.  Nothing beyond n is looked at. */

static inline int
ks_same_bytes(const void *p, const void *q, size_t n)
{
    size_t         i;
    const u_char  *a, *b;

    a = p;
    b = q;

    if (n >= 8) {
        for (i = 0; i + 8 < n; i += 8) {
            if (ks_load64(a + i) != ks_load64(b + i)) {
                return 0;
            }
        }

        return ks_load64(a + n - 8) == ks_load64(b + n - 8);
    }

    if (n >= 4) {
        return ks_load32(a) == ks_load32(b)
               && ks_load32(a + n - 4) == ks_load32(b + n - 4);
    }

    return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2]
                      && a[n - 1] == b[n - 1]);
}


#endif /* KS_BASE_H */
