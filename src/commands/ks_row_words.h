/*
 * The words that rows of commands are written in, for the file that makes a
 * table of them.  They are short, so nothing else is in such a file.
 */

#ifndef KS_ROW_WORDS_H
#define KS_ROW_WORDS_H

#include "commands/ks_command_table.h"


#define R            KS_CMD_READONLY
#define W            KS_CMD_WRITE
#define OOM          KS_CMD_DENYOOM
#define FAST         KS_CMD_FAST
#define SHORT        KS_CMD_SHORT
#define LOAD         (KS_CMD_LOADING|KS_CMD_STALE)
#define STALE        KS_CMD_STALE
#define LIBRARY      KS_CMD_LIBRARY
#define ADMIN        KS_CMD_ADMIN
#define NOSCRIPT     KS_CMD_NOSCRIPT
#define PARENT       KS_CMD_PARENT
#define SUB          KS_CMD_SUB
#define ALLKEYS      KS_CMD_ALLKEYS
#define ALONE        KS_CMD_ALONE
#define OPEN         KS_CMD_OPEN
#define POWERFUL     KS_CMD_POWERFUL
#define MOVABLE      KS_CMD_MOVABLE
#define ATONCE       KS_CMD_ATONCE
#define NO_AUTH      KS_CMD_NO_AUTH
#define BUSY         KS_CMD_BUSY
#define BLOCKS       KS_CMD_BLOCKING
#define USES         KS_CMD_USES
#define PAUSES       KS_CMD_PAUSES
#define BETWEEN      KS_CMD_BETWEEN
#define SECRET       KS_CMD_SECRET
#define EXECUTES     KS_CMD_EXECUTES
#define NO_MULTI     KS_CMD_NO_MULTI
#define NO_ASYNC     KS_CMD_NO_ASYNC_LOADING
#define NO_SLOWLOG   KS_CMD_NO_SLOWLOG
#define SCRIPT       (KS_CMD_NOSCRIPT|KS_CMD_STALE|KS_CMD_OPEN|KS_CMD_MOVABLE \
                      |KS_CMD_NO_MONITOR|KS_CMD_KEYLESS)

/* what is about subscriptions: of a connection, and of all */
#define SPREAD       (KS_CMD_PUBSUB|KS_CMD_LOADING|KS_CMD_STALE|KS_CMD_LIBRARY)
#define LISTEN       (SPREAD|KS_CMD_NOSCRIPT|KS_CMD_OPEN)

#define STRING       KS_ACL_STRING
#define BITMAP       KS_ACL_BITMAP
#define KEYSPACE     KS_ACL_KEYSPACE
#define DANGEROUS    KS_ACL_DANGEROUS
#define CONNECTION   KS_ACL_CONNECTION
#define LIST         KS_ACL_LIST
#define HASH         KS_ACL_HASH
#define SET          KS_ACL_SET
#define ZSET         KS_ACL_ZSET
#define GEO          KS_ACL_GEO
#define HLL          KS_ACL_HLL
#define TRANSACT     KS_ACL_TRANSACT
#define SCRIPTING    KS_ACL_SCRIPTING
#define PUBSUB       KS_ACL_PUBSUB
#define STREAM       KS_ACL_STREAM
#define JSON         KS_ACL_JSON

#define RO           KS_KEY_RO
#define RW           KS_KEY_RW
#define OW           KS_KEY_OW
#define RM           KS_KEY_RM
#define ACCESS       KS_KEY_ACCESS
#define INSERT       KS_KEY_INSERT
#define UPDATE       KS_KEY_UPDATE
#define DELETE       KS_KEY_DELETE
#define VARIABLE     KS_KEY_VARIABLE

/* what the keys are for, then the first, the last, and the step */
#define KEYS2(f1, a1, b1, s1, f2, a2, b2, s2)                                 \
    { { f1, a1, b1, s1 }, { f2, a2, b2, s2 } }
#define KEYS(f, a, b, s)  KEYS2(f, a, b, s, 0, 0, 0, 0)
#define KEY(f)            KEYS(f, 1, 1, 1)
#define NO_KEYS           KEYS(0, 0, 0, 0)

/* as many keys as the argument at n says, which they follow */
#define COUNTED(f, n)     KEYS(f, n, KS_KEYS_COUNTED, 1)
#define STREAMS(f, n)     KEYS(f, n, KS_KEYS_STREAMS, 1)

/* the key at n; if it is empty, those behind the word KEYS */
#define NAMED(f, n)       KEYS(f, -(n), KS_KEYS_NAMED, 1)

#define STORED(f1, f2, n) KEYS2(f1, 1, 1, 1, f2, n, KS_KEYS_COUNTED, 1)

#define MULTI_SHARD  "request_policy:multi_shard"
#define ALL_SHARDS   "request_policy:all_shards"

#define ROW(n, h, a, f, c, k, g, v, o, s, ...)                                \
    { .name = n, .handler = h, .arity = a, .flags = f, .acl = c, .keys = k,   \
      .group = g, .since = v, .complexity = o, .summary = s, __VA_ARGS__ },

/* one that can only be called with a subcommand */
#define PARENT_ROW(n, a, f, c, k, g, v, o, s, ...)                            \
    { .name = n, .arity = a, .flags = f, .acl = c, .keys = k,                 \
      .group = g, .since = v, .complexity = o, .summary = s, __VA_ARGS__ },


#endif /* KS_ROW_WORDS_H */
