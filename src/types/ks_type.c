/*
 * The table of types.
 *
 * Files of single types know nothing of it: it is above them.
 */

#include "types/ks_hash.h"
#include "types/ks_json_dump.h"
#include "types/ks_list.h"
#include "types/ks_set.h"
#include "types/ks_stream_dump.h"
#include "types/ks_type.h"
#include "types/ks_zset.h"


#define KS_LEAF_LIST   4096
#define KS_LEAF_KEYED  1024
#define KS_LEAF_JSON   2048

/* a tree without keys; those whose keys are hashes, scores, ids and times */
#define KS_SEQUENCE(width)  { 0, width, KS_LEAF_LIST }
#define KS_HASHED(width)    { 4, width, KS_LEAF_KEYED }
#define KS_SCORED(width)    { 8, width, KS_LEAF_KEYED }
#define KS_NUMBERED(width)  { 8, width, KS_LEAF_KEYED }
#define KS_CONTAINED(width) { 4, width, KS_LEAF_JSON }

#define KS_BYTES            { 1, 0, 0, { { 0, 0, 0 } } }
#define KS_ONE(tree)        { 1, 1, 0, { tree } }
#define KS_TWO(tree, next)  { 1, 2, 0, { tree, next } }


const ks_type_t  ks_types[KS_TYPES] = {

    [KS_TYPE_STRING] = {
        .name = "string",
        .stored = {
            [KS_ENC_RAW] = KS_BYTES,
            [KS_ENC_INT] = KS_BYTES,
            [KS_ENC_EMBSTR] = KS_BYTES
        }
    },

    [KS_TYPE_LIST] = {
        .name = "list",
        .ends_empty = 1,
        .strings = 1,
        .each = KS_LIST_DUMP,
        .plain = KS_RDB_LIST,
        .dump = ks_list_dump,
        .restore_as = ks_list_restore_as,
        .restore = ks_list_restore,
        .stored = {
            [KS_ENC_LISTPACK] = KS_ONE(KS_SEQUENCE(1)),
            [KS_ENC_QUICKLIST] = KS_ONE(KS_SEQUENCE(1))
        }
    },

    [KS_TYPE_SET] = {
        .name = "set",
        .distinct = 1,
        .ends_empty = 1,
        .strings = 1,
        .each = 0,
        .plain = KS_RDB_SET,
        .dump = ks_set_dump,
        .restore_as = ks_set_restore_as,
        .restore = ks_set_restore,
        .stored = {
            [KS_ENC_INTSET] = KS_ONE(KS_SEQUENCE(1)),
            [KS_ENC_LISTPACK] = KS_ONE(KS_SEQUENCE(1)),
            [KS_ENC_HASHTABLE] = KS_ONE(KS_HASHED(1))
        }
    },

    [KS_TYPE_ZSET] = {
        .name = "zset",
        .distinct = 1,
        .ends_empty = 1,
        .check = ks_zset_check,
        .strings = 1,
        .each = KS_ZSET_DUMP,
        .plain = KS_RDB_ZSET_2,
        .behind = ks_zset_dump_score,
        .dump = ks_zset_dump,
        .restore_as = ks_zset_restore_as,
        .restore = ks_zset_restore,
        .stored = {
            [KS_ENC_LISTPACK] = KS_ONE(KS_SCORED(1)),
            [KS_ENC_SKIPLIST] = KS_TWO(KS_SCORED(1), KS_HASHED(2))
        }
    },

    [KS_TYPE_HASH] = {
        .name = "hash",
        .distinct = 1,
        .ends_empty = 1,
        .strings = 2,
        .each = KS_RDB_LENGTH,
        .plain = KS_RDB_HASH,
        .dump = ks_hash_dump,
        .restore_as = ks_hash_restore_as,
        .restore = ks_hash_restore,
        .stored = {
            [KS_ENC_LISTPACK] = KS_ONE(KS_SEQUENCE(2)),
            [KS_ENC_HASHTABLE] = KS_ONE(KS_HASHED(2))
        }
    },

    [KS_TYPE_STREAM] = {
        .name = "stream",
        .check = ks_stream_check,
        .room = ks_stream_dump_room,
        .plain = KS_RDB_STREAM_2,
        .part_room = ks_stream_part_room,
        .part = ks_stream_part,
        .dump = ks_stream_dump,
        .restore_as = ks_stream_restore_as,
        .restore = ks_stream_restore,
        .stored = {
            [KS_ENC_STREAM] = {
                1, 5, sizeof(ks_stream_head_t),
                {
                    KS_NUMBERED(1),     /* blocks of entries */
                    KS_NUMBERED(2),     /* groups */
                    KS_NUMBERED(2),     /* consumers */
                    KS_NUMBERED(1),     /* what is pending, by group */
                    KS_NUMBERED(1)      /* and by consumer */
                }
            }
        }
    },

    [KS_TYPE_JSON] = {
        .name = "ReJSON-RL",
        .check = ks_json_check,
        .room = ks_json_dump_room,
        .plain = KS_RDB_MODULE_2,
        .steps_size = ks_json_dump_steps_size,
        .steps = ks_json_dump_steps,
        .dump = ks_json_dump,
        .restore_as = ks_json_restore_as,
        .restore = ks_json_restore,
        .stored = {
            [KS_ENC_JSON] = KS_ONE(KS_CONTAINED(2)),
            [KS_ENC_JSON_TREES] = {
                1, 2, sizeof(ks_json_head_t),
                {
                    KS_CONTAINED(2),    /* values */
                    KS_HASHED(1)        /* places of members */
                }
            }
        }
    }
};


static const char *const  ks_encodings[KS_ENCODINGS] = {
    [KS_ENC_RAW] = "raw",
    [KS_ENC_INT] = "int",
    [KS_ENC_EMBSTR] = "embstr",
    [KS_ENC_LISTPACK] = "listpack",
    [KS_ENC_INTSET] = "intset",
    [KS_ENC_HASHTABLE] = "hashtable",
    [KS_ENC_SKIPLIST] = "skiplist",
    [KS_ENC_QUICKLIST] = "quicklist",
    [KS_ENC_STREAM] = "stream",
    [KS_ENC_JSON] = "raw",
    [KS_ENC_JSON_TREES] = "raw"
};


const char *
ks_type_name(unsigned type)
{
    return type < KS_TYPES && ks_types[type].name ? ks_types[type].name
                                                  : "unknown";
}


const char *
ks_encoding_name(unsigned enc)
{
    return enc < KS_ENCODINGS && ks_encodings[enc] ? ks_encodings[enc]
                                                   : "unknown";
}


size_t
ks_value_dump_room(const ks_value_t *v)
{
    const ks_type_t  *type;

    type = &ks_types[v->type];

    return type->room ? type->room(v)
                      : ks_dump_room(v, type->strings, type->each);
}
