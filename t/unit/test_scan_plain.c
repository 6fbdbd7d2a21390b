/*
 * The same for the scans that need no vector instructions.
 */

#define KS_NO_SIMD  1

#include "test_scan.c"
