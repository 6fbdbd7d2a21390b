/*
 * The row of a command, for what reads it: dispatch and COMMAND.
 *
 * Each layer has a table of its commands, which ends with a row without a name,
 * and adds it with ks_commands_add().  A subcommand is a row of its own, named
 * "parent|name", whose arity and key positions count from the parent's name.
 * Its parent has KS_CMD_PARENT, and a handler only if it can be called by
 * itself.
 */

#ifndef KS_COMMAND_TABLE_H
#define KS_COMMAND_TABLE_H

#include "commands/ks_command.h"


/*
 * The flags of a row: KS_CMD_WRITE and so on, each with a bit of its own.
 * Those up to NO_ASYNC_LOADING COMMAND shows, the others are ours.
 */
#define KS_CMD_FLAGS(FLAG)                                                    \
    FLAG(WRITE)                                                               \
    FLAG(READONLY)                                                            \
    FLAG(DENYOOM)                                                             \
    FLAG(ADMIN)                                                               \
    FLAG(NOSCRIPT)                                                            \
    FLAG(LOADING)                                                             \
    FLAG(STALE)                                                               \
    FLAG(FAST)                                                                \
    FLAG(MOVABLE)       /* the arguments say where keys are */                \
    FLAG(NO_AUTH)       /* also before a password was given */                \
    FLAG(BUSY)                                                                \
    FLAG(NO_SLOWLOG)                                                          \
    FLAG(NO_MONITOR)                                                          \
    FLAG(BLOCKING)      /* may wait */                                        \
    FLAG(PUBSUB)                                                              \
    FLAG(NO_MULTI)      /* not inside of MULTI */                             \
    FLAG(NO_ASYNC_LOADING)                                                    \
    FLAG(PARENT)        /* has subcommands */                                 \
    FLAG(SUB)           /* is a subcommand */                                 \
    FLAG(ALLKEYS)       /* may touch any key: needs all shards */             \
    FLAG(KEYLESS)       /* may come without any key */                        \
    FLAG(LIBRARY)       /* needs the shard of the library */                  \
    FLAG(ALONE)         /* needs no transaction around it */                  \
    FLAG(ATONCE)        /* is not queued by MULTI */                          \
    FLAG(OPEN)          /* for every user that has logged in */               \
    FLAG(POWERFUL)      /* reads, but is not for KS_RIGHTS_READ */            \
    FLAG(SHORT)         /* as FAST, though not for Redis */                   \
    FLAG(USES)          /* uses its keys, also for CLIENT NO-TOUCH */         \
    FLAG(PAUSES)        /* waits in a pause of writes, though it is none */   \
    FLAG(BETWEEN)       /* may come between what RESP2 is pushed */           \
    FLAG(SECRET)        /* may have a password among its arguments */         \
    FLAG(EXECUTES)      /* ends a MULTI by running it */

#define KS_CMD_NUMBER(flag)  KS_CMD_NUMBER_##flag,
#define KS_CMD_BIT(flag)     KS_CMD_##flag = 1u << KS_CMD_NUMBER_##flag,

enum { KS_CMD_FLAGS(KS_CMD_NUMBER) };
enum { KS_CMD_FLAGS(KS_CMD_BIT) };

/* ACL categories; most follow from the flags, see ks_command_acl() */
#define KS_ACL_KEYSPACE   0x0001
#define KS_ACL_READ       0x0002
#define KS_ACL_WRITE      0x0004
#define KS_ACL_STRING     0x0008
#define KS_ACL_BITMAP     0x0010
#define KS_ACL_ADMIN      0x0020
#define KS_ACL_FAST       0x0040
#define KS_ACL_SLOW       0x0080
#define KS_ACL_DANGEROUS  0x0100
#define KS_ACL_CONNECTION 0x0200
#define KS_ACL_LIST       0x0400
#define KS_ACL_HASH       0x0800
#define KS_ACL_SET        0x1000
#define KS_ACL_ZSET       0x2000
#define KS_ACL_GEO        0x4000
#define KS_ACL_HLL        0x8000
#define KS_ACL_TRANSACT   0x10000
#define KS_ACL_BLOCKING   0x20000
#define KS_ACL_SCRIPTING  0x40000
#define KS_ACL_PUBSUB     0x80000
#define KS_ACL_STREAM     0x100000
#define KS_ACL_JSON       0x200000

/* what becomes of a key */
#define KS_KEY_RO         0x0001
#define KS_KEY_RW         0x0002
#define KS_KEY_OW         0x0004
#define KS_KEY_RM         0x0008
#define KS_KEY_ACCESS     0x0010
#define KS_KEY_INSERT     0x0020
#define KS_KEY_UPDATE     0x0040
#define KS_KEY_DELETE     0x0080
#define KS_KEY_VARIABLE   0x0100    /* the arguments say: row->key_flags() */
#define KS_KEY_NOT        0x0200    /* it is no key */
#define KS_KEY_INCOMPLETE 0x0400    /* not all that the place says are keys */

#define KS_CMD_KEYS       2         /* key ranges a row may have */
#define KS_ROWS_MAX       512       /* of all tables; a multiple of 64 */

/* what becomes of a channel, for rights */
enum {
    KS_CHANNEL_NONE = 0,            /* nothing that needs any */
    KS_CHANNEL_NAME,                /* it is published in, or heard */
    KS_CHANNEL_PATTERN              /* it is a pattern, and heard */
};

typedef struct {
    uint16_t              flags;
    int8_t                first;    /* 0: there is no such range */
    int8_t                last;     /* negative: from the end, -1 the last */
    int8_t                step;
} ks_keyrange_t;

/*
 * As the last of a range that the arguments say: argv[first] is how many keys
 * follow it; or from argv[first] on there is the word STREAMS, behind which the
 * first half of what is there are keys; or, with a negative first, argv[-first]
 * is the key, and if it is empty those behind the word KEYS are, if it is
 * there.
 */
#define KS_KEYS_COUNTED   0
#define KS_KEYS_STREAMS   INT8_MIN
#define KS_KEYS_NAMED     INT8_MIN

/* whether it is none of these */
#define ks_keyrange_fixed(range)  (((range)->last & INT8_MAX) != 0)
#define ks_keyrange_named(range)  ((range)->first < 0)

struct ks_command_s {
    const char           *name;     /* lower case */
    ks_handler_pt         handler;
    int8_t                arity;    /* the name included; -n: n or more */
    uint32_t              flags;
    uint32_t              acl;
    ks_keyrange_t         keys[KS_CMD_KEYS];
    ks_keyrange_t         channels; /* COMMAND shows them if they have flags */
    uint8_t               channel_use;      /* KS_CHANNEL_* */
    const char           *group;
    const char           *since;
    const char           *complexity;
    const char           *summary;
    const char           *tips;     /* separated by spaces, or NULL */
    const char           *retired;  /* the version that made it obsolete */
    const char           *instead;  /* and what to use */
    unsigned            (*key_flags)(int argc, const ks_str_t *argv);

    /* the position of one more key that the ranges do not say, or 0 */
    int                 (*extra_key)(int argc, const ks_str_t *argv);

    /* sets of keys whose places COMMAND calls unknown */
    int8_t                unknown;

    /* from here on STORE and STOREDIST are followed by a key, says COMMAND */
    int8_t                stored;
};

/* Row number i, from 0 on, of all that were added; NULL: there are no more. */
const ks_command_t *ks_command_row(size_t i);

/* The number by which ks_command_row() knows it. */
size_t ks_command_number(const ks_command_t *cmd);

/* The first subcommand of a row (NULL), or the one behind it; NULL: no more. */
const ks_command_t *ks_command_sub(const ks_command_t *parent,
    const ks_command_t *sub);

/* the categories written in the row and those that its flags imply */
unsigned ks_command_acl(const ks_command_t *cmd);

/* The row of a full name as it is written in the table, in any case. */
const ks_command_t *ks_command_named(const ks_str_t *name);

/* the rest of ks_keyrange_find(), for a range that is not fixed */
void ks_keyrange_said(const ks_keyrange_t *range, int argc,
    const ks_str_t *argv, int *first, int *last);


/* whether argc arguments, the name included, are what the row wants */

static inline int
ks_command_arity_ok(const ks_command_t *cmd, int argc)
{
    return cmd->arity < 0 ? argc >= -cmd->arity : argc == cmd->arity;
}


/*
 * The positions of a range's keys among argc arguments.  The last one is below
 * the first if there are none, which is also what a count has that is no
 * number or more than there are arguments: that is for the handler to say.
 */

static inline void
ks_keyrange_find(const ks_keyrange_t *range, int argc, const ks_str_t *argv,
    int *first, int *last)
{
    if (ks_unlikely(!ks_keyrange_fixed(range))) {
        ks_keyrange_said(range, argc, argv, first, last);
        return;
    }

    *first = range->first;
    *last = range->last < 0 ? argc + range->last
                            : ks_min(range->last, argc - 1);
}


#endif /* KS_COMMAND_TABLE_H */
