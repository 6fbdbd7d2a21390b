/*
 * Values of all forms, as dumps have them.
 */

#ifndef RDB_SAMPLES_H
#define RDB_SAMPLES_H

#include "types/ks_rdb.h"


/* Dumps without their footers, and what is in them. */

typedef struct {
    const char  *bytes;
    size_t       len;
    unsigned     type;
    const char  *text;
} sample_t;

#define SAMPLE(bytes, type, text)                                             \
    { bytes, sizeof(bytes) - 1, KS_TYPE_ ## type, text }

#define LIST_ZIPLIST                                                          \
    "\x2c\0\0\0\x25\0\0\0\x08\0"                                              \
    "\0\x03" "abc" "\x05\xf1" "\x02\xfd" "\x02\xfe\x80"                       \
    "\x03\xc0\x39\x30" "\x04\xf0\x00\x00\x80" "\x05\xd0\x00\x00\x00\x80"     \
    "\x06\x40\x03" "xyz" "\xff"

#define TEXT130                                                               \
    "0123456789012345678901234567890123456789012345678901234567890123"        \
    "4567890123456789012345678901234567890123456789012345678901234567"        \
    "89"

static const sample_t  samples[] = {

    /* as Redis 7.0 wrote them */
    SAMPLE("\0\5hello", STRING, "hello"),
    SAMPLE("\0\xc0\xff", STRING, "-1"),
    SAMPLE("\0\xc1" "90", STRING, "12345"),
    SAMPLE("\0\xc2\x00\x00\x00\x80", STRING, "-2147483648"),
    SAMPLE("\0\xc3\t@J\1aa\xe0=\0\1aa", STRING,
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    SAMPLE("\x12\1\2\x1a\x1a\0\0\0\6\0\x81" "a\2\x81" "b\2\x81" "c\2\1\1\xc1"
           ",\2\xf2p\x11\1\4\xff", LIST, "a b c 1 300 70000"),
    SAMPLE("\x11\xc3" "5@H\rH\0\0\0\b\0\x81" "b\2\x93" "0.10\xe0\5\0\f1\x14"
           "\x81" "a\2\1\1\x81" "d\2\x97" "1.\xe0\5\x1a\x10" "01e+300\x18\x81"
           "c\2\x83" "inf\4\xff", ZSET,
           "b=0.10000000000000001 a=1 d=1.0000000000000001e+300 c=inf"),
    SAMPLE("\x0b\x0e\2\0\0\0\3\0\0\0\1\0\2\0\3\0", SET, "1 2 3"),
    SAMPLE("\x10\r\r\0\0\0\2\0\x81" "a\2\x81" "b\2\xff", HASH, "a b"),

    /* elements whose sizes take two bytes */
    SAMPLE("\x14\x40\x8d\x8d\0\0\0\1\0\xe0\x82" TEXT130 "\1\x84\xff", SET,
           TEXT130),

    /* one by one */
    SAMPLE("\1\2\1x\xc0\x07", LIST, "x 7"),
    SAMPLE("\2\2\1x\1y", SET, "x y"),
    SAMPLE("\3\4\1a\3" "1.5\1b\xff\1c\xfe\1d\2-2", ZSET,
           "a=1.5 b=-inf c=inf d=-2"),
    SAMPLE("\4\1\1f\1v", HASH, "f v"),
    SAMPLE("\5\1\1m\0\0\0\0\0\0\xf8\x3f", ZSET, "m=1.5"),

    /* of older versions */
    SAMPLE("\x09\x14\2\1a\1\0" "x\xfe\1\0\0\0" "b\2\3yz---\xff", HASH,
           "a x b yz"),
    SAMPLE("\x0a\x2c" LIST_ZIPLIST, LIST,
           "abc 0 12 -128 12345 -8388608 -2147483648 xyz"),
    SAMPLE("\x0e\1\x2c" LIST_ZIPLIST, LIST,
           "abc 0 12 -128 12345 -8388608 -2147483648 xyz"),
    SAMPLE("\x0c\x13\x13\0\0\0\x0d\0\0\0\2\0\0\1m\3\3" "2.5\xff", ZSET,
           "m=2.5"),
    SAMPLE("\x0d\x11\x11\0\0\0\x0d\0\0\0\2\0\0\1f\3\1v\xff", HASH, "f v"),

    /* of later ones */
    SAMPLE("\x14\x0c\x0c\0\0\0\2\0\x81" "x\2\7\1\xff", SET, "x 7"),
    SAMPLE("\x12\2\1\3big\2\x0a\x0a\0\0\0\1\0\x81" "x\2\xff", LIST, "big x"),
    SAMPLE("\x18\xe8\3\0\0\0\0\0\0\2\1\1f\1v\0\1g\1w", HASH,
           "f v@1000 g w@0"),
    SAMPLE("\x19\xe8\3\0\0\0\0\0\0\x18\x18\0\0\0\6\0\x81" "f\2\x81" "v\2"
           "\xc3\xe8\2\x81" "g\2\x81" "w\2\0\1\xff", HASH,
           "f v@1000 g w@0"),

    /* of a candidate of Redis 7.4 */
    SAMPLE("\x16\2\x43\xe8\1f\1v\0\1g\1w", HASH, "f v@1000 g w@0"),
    SAMPLE("\x17\x18\x18\0\0\0\6\0\x81" "f\2\x81" "v\2"
           "\xc3\xe8\2\x81" "g\2\x81" "w\2\0\1\xff", HASH,
           "f v@1000 g w@0"),

    /* streams, of 7.0 and of 8.0 */
    SAMPLE("\x13\x01\x10\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00"
           "\x00\x00\x00\x01@EE\x00\x00\x00\x19\x00\x03\x01\x00\x01\x02"
           "\x01\x81\x66\x02\x81n\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v"
           "\x02\x07\x01\x05\x01\x02\x01\x00\x01\x01\x01\x81w\x02\xc1,\x02"
           "\x05\x01\x00\x01\x04\x01\xdf\xff\x02\x01\x01\x85other\x06\x81x"
           "\x02\x06\x01\xff\x03\x09\x00\x05\x01\x00\x00\x03\x01\x01g\x05"
           "\x02\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00"
           "\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x02\xe8\x03\x00"
           "\x00\x00\x00\x00\x00\x01\x02\x03\x62ob\xe8\x03\x00\x00\x00\x00"
           "\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00"
           "\x00\x00\x00\x02\x03\x65ve\xe8\x03\x00\x00\x00\x00\x00\x00\x00",
           STREAM,
           "f v n 7 f w n 300 other x"
           " 5-1/4 5-2/4 9-0/2 last 9-0 added 3"
           " [g 5-2 -1 5-2:1000:1 bob 1000 1000 eve 1000 1000]"),
    SAMPLE("\x15\x01\x10\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00"
           "\x00\x00\x00\x01@EE\x00\x00\x00\x19\x00\x03\x01\x00\x01\x02"
           "\x01\x81\x66\x02\x81n\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v"
           "\x02\x07\x01\x05\x01\x02\x01\x00\x01\x01\x01\x81w\x02\xc1,\x02"
           "\x05\x01\x00\x01\x04\x01\xdf\xff\x02\x01\x01\x85other\x06\x81x"
           "\x02\x06\x01\xff\x03\x09\x00\x05\x01\x00\x00\x03\x01\x01g\x05"
           "\x02\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00"
           "\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x02\xe8\x03\x00"
           "\x00\x00\x00\x00\x00\x01\x02\x03\x62ob\xe8\x03\x00\x00\x00\x00"
           "\x00\x00\xe8\x03\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"
           "\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x02\x03\x65ve\xe8"
           "\x03\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff"
           "\x00", STREAM,
           "f v n 7 f w n 300 other x"
           " 5-1/4 5-2/4 9-0/2 last 9-0 added 3"
           " [g 5-2 -1 5-2:1000:1 bob 1000 1000 eve 1000 0]"),

    /* of 5.0, whose ids are far apart */
    SAMPLE("\x0f\1\x10\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0\0\x1e\x1e\0\0\0\x0a\0"
           "\1\1\0\1\1\1\x81" "f\2\0\1" "\2\1\xdf\xff\2\0\1\x81v\2\4\1\xff"
           "\1\x81\xff\xff\xff\xff\xff\xff\xff\xff\0\0", STREAM,
           "f v 4-0/2 last 18446744073709551615-0 added 1"),
};


#endif /* RDB_SAMPLES_H */
