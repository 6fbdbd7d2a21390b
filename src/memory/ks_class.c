/*
 * The sizes of chunks.
 *
 * They are 8 or 16 bytes apart up to 256 and whole fractions of a page from
 * there on, so that steps above 64 bytes are 12.5 % or less up to 448 and 20 %
 * up to 816; what is larger is stored in pieces by the types (ks_blob.h).
 */

#include "memory/ks_mem.h"


const uint16_t  ks_class_sizes[KS_NCLASSES] = {
      32,   40,   48,   56,   64,   72,   80,   88,   96,  104,  112,  120,
     128,  144,  160,  176,  192,  208,  224,  240,  256,  272,  288,  312,
     336,  368,  408,  448,  512,  584,  680,  816, 1024, 1360, 2048, 4096
};


unsigned
ks_class_of(size_t size)
{
    unsigned  lo, hi, mid;

    if (size <= 128) {
        return size <= KS_CHUNK_MIN ? 0 : (unsigned) (size - 25) / 8;
    }

    if (size <= 256) {
        return 12 + (unsigned) (size - 113) / 16;
    }

    lo = 21;
    hi = KS_NCLASSES - 1;

    while (lo < hi) {
        mid = (lo + hi) / 2;

        if (ks_class_sizes[mid] < size) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    return lo;
}
