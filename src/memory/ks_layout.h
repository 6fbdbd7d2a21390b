/*
 * How the zone looks inside.
 *
 *   header | shards | undo log pages | page table | buckets | marks | meters
 *   | pages
 *
 * References.  A ks_ref_t names 8 bytes of the zone, counted from its base;
 * 0 is "none" (the header lives there).  So 32 bits reach 32 GB.  The page of
 * a reference is its upper 23 bits.
 *
 * Pages.  Every page beyond the layout is free (in the pool), granted to a
 * shard, a slab page of one shard, kind and size class, or a page of an undo
 * log.  The page table says which; a slab page holds chunks and nothing else.
 * Kinds are kept apart so that a page of entries holds only entries, which
 * know their key and so can be found and moved.
 *
 * Only src/memory may name the fields of ks_log_t, ks_pool_t and ks_page_t;
 * the "roots" part of a shard belongs to src/keyspace.
 */

#ifndef KS_LAYOUT_H
#define KS_LAYOUT_H

#include <pthread.h>

#include "memory/ks_metrics.h"


#define KS_ZONE_MAGIC     0x6563617073796b31ull         /* "1kyspace" */

/*
 * Raised with any change of what lies in a zone, the forms of values included:
 * a zone in a file meets the code of later builds.
 */
#define KS_ZONE_VERSION   22

#define KS_REF_UNIT       8
#define KS_REFS_PER_PAGE  (KS_PAGE_SIZE / KS_REF_UNIT)

#define KS_NCLASSES       36
#define KS_CHUNK_MIN      32
#define KS_CHUNK_MAX      KS_PAGE_SIZE

#define KS_WHEEL_LEVELS   7
#define KS_WHEEL_SLOTS    64

#define KS_BUCKET_SLOTS   12

/* shards beside those of keys: that of the library, and that of who waits */
#define KS_OWN_SHARDS     2

#define KS_LOCALS         480           /* bytes of prefixes */

#define KS_WAIT_CELLS     64            /* a power of two */

#define KS_WATCH_SETS     128           /* a power of two */
#define KS_WATCH_WAYS     4
#define KS_WATCH_CELLS    1024          /* a power of two */
#define KS_TRACK_CELLS    512           /* a power of two */
#define KS_FOLLOW_CELLS   64            /* a power of two */
#define KS_ENDED_CELLS    256           /* a power of two */

typedef uint32_t  ks_ref_t;

enum {
    KS_PAGE_FREE = 0,           /* in the pool */
    KS_PAGE_LAYOUT,
    KS_PAGE_GRANTED,            /* left the pool, not yet a slab page */
    KS_PAGE_ENTRY,              /* slab page of entries */
    KS_PAGE_NODE,               /* slab page of anything else */
    KS_PAGE_LOG
};

/* chunk kinds, as indices */
enum {
    KS_KIND_ENTRY = 0,
    KS_KIND_NODE,
    KS_NKINDS
};

typedef struct {
    uint64_t         map[2];    /* chunks in use */
    uint32_t         next;      /* page numbers; of the list it is on */
    uint32_t         prev;
    uint16_t         used;      /* bits set in map */
    uint8_t          state;
    uint8_t          cls;
    uint8_t          shard;
    uint8_t          marked;    /* a hint, for the time of a transaction */
    uint8_t          pad[2];
} ks_page_t;

/*
 * An undo log.  Page by page records grow upwards: the old bytes, padded to
 * 8, then a word with their place and length, so that they can be read from
 * the end.  open is the commit word: 0 says that there is nothing to undo,
 * whatever the pages hold; else it is the set of the shards that the records
 * may be about, those that the transaction has locked.
 */
typedef struct {
    uint64_t         open;
    uint64_t         covers;    /* what open is going to be */
    uint32_t         first;     /* page number; part of the layout */
    uint32_t         cur;       /* the page that grows */
} ks_log_t;

typedef struct {
    uint32_t         next;
    uint32_t         prev;
    uint64_t         used;      /* bytes of data */
    u_char           data[KS_PAGE_SIZE - 16];
} ks_logpage_t;

typedef struct {
    pthread_mutex_t  mutex;
    ks_log_t         log;
    uint32_t         head;      /* free pages, linked by next */
    uint32_t         nfree;

    /* page-milliseconds that were used until a time, ms */
    uint64_t         page_ms;
    uint64_t         since;
} __attribute__((aligned(64))) ks_pool_t;

/* what a user has used, and may use; see ks_meter.h */

#define KS_METER_NAME  256

enum {
    KS_METER_DAY = 0,
    KS_METER_MONTH,
    KS_METER_WINDOWS
};

/* 0: there is no such quota */
typedef struct {
    uint64_t         rate;      /* commands, */
    uint64_t         period;    /* in so many ms, */
    uint64_t         burst;     /* of which so many may come at once beyond
                                   the first */
    uint64_t         commands[KS_METER_WINDOWS];
    uint64_t         bandwidth[KS_METER_WINDOWS];       /* bytes out */
    uint64_t         memory;    /* bytes of the zone */
    uint64_t         request;   /* bytes of a command's arguments */
} ks_quota_t;

/* what there was when a window began, and when it is over, ms */
typedef struct {
    uint64_t         end;
    uint64_t         commands;
    uint64_t         in;
    uint64_t         out;
} ks_meter_window_t;

typedef struct {
    uint64_t           birth;   /* 0: nobody's; no other meter has had it */
    uint64_t           commands;        /* since then */
    uint64_t           arrival; /* of the rate, ns: see ks_limit.h */
    ks_meter_window_t  windows[KS_METER_WINDOWS];
    ks_quota_t         quota;

    uint64_t           in;      /* bytes; these three without the lock */
    uint64_t           out;
    uint64_t           refused; /* commands, for want of a quota */

    uint32_t           len;
    u_char             name[KS_METER_NAME];
} __attribute__((aligned(64))) ks_meter_t;

/* processes that have the zone; see ks_process.c */

#define KS_PROCESSES  64

/* what a process tells of the clients that keep keys by themselves */

enum {
    KS_TRACKS_CLIENTS = 0,
    KS_TRACKS_KEYS,
    KS_TRACKS_ITEMS,            /* a key of a client each */
    KS_TRACKS_PREFIXES,
    KS_TRACKS
};

typedef struct {
    pthread_mutex_t  alive;     /* its process holds it for life */
    int32_t          pid;       /* 0: nobody's */
    uint32_t         birth;     /* no other process has had this number */
    uint32_t         wake;      /* what its host wakes it by */
    uint32_t         clients;   /* a hint */
    uint32_t         helper;    /* it has no clients, and is asked nothing */
    uint64_t         tracks[KS_TRACKS];     /* hints */
} ks_process_t;

/* the journal; see ks_journal.c, which alone knows its fields */

#define KS_TOLD_KINDS     13
#define KS_JOURNAL_BLOCKS  512          /* parts of the ring; a power of two */
#define KS_JOURNAL_ALWAYS  2

typedef struct {
    pthread_mutex_t  mutex;
    uint64_t         head;      /* bytes ever committed; under undo logs */
    uint64_t         stream;    /* the same of the replication stream */
    uint64_t         floor;     /* what lies before it may be overwritten */
    uint64_t         at;        /* offset of the ring from the base */
    uint64_t         size;      /* of the ring; a power of two, or 0: none */
    uint64_t         wants[KS_TOLD_KINDS];      /* who wants a kind: bits */

    /* kinds that are told though nobody does, for whom */
    uint32_t         always[KS_JOURNAL_ALWAYS];

    /* 1 + where the first frame is that a process has not heard; 0: none */
    uint64_t         unheard[KS_PROCESSES];

    /* hints: where the first frame is that begins in a block of the ring */
    uint64_t         first[KS_JOURNAL_BLOCKS];
} __attribute__((aligned(64))) ks_journal_t;

typedef struct {
    uint32_t         head;      /* pages with a free chunk */
    uint32_t         nfree;     /* free chunks in them */
} ks_class_t;

/* one cache line: 12 entries, their tags, and where it goes on */
typedef struct {
    ks_ref_t         ref[KS_BUCKET_SLOTS];      /* 0: the slot is free */
    uint8_t          tag[KS_BUCKET_SLOTS];
    ks_ref_t         more;
} __attribute__((aligned(64))) ks_bucket_t;

typedef struct {
    uint64_t         now;       /* the tick that it has been turned to */
    uint64_t         bits[KS_WHEEL_LEVELS];
    ks_ref_t         head[KS_WHEEL_LEVELS * KS_WHEEL_SLOTS];
    uint64_t         min[KS_WHEEL_LEVELS * KS_WHEEL_SLOTS]; /* hint, ms */
} ks_wheel_t;

/* see ks_library.c, which alone knows what is in it */
typedef struct {
    uint32_t         root[3];
    uint32_t         pad;
    uint64_t         version;   /* a hint, never goes back */
    uint64_t         kills;     /* a hint: how often scripts were to be ended */
} ks_library_t;

#define KS_LIBRARIES      4
#define KS_WAIT_TREES     2

/* see ks_registry.c, which alone knows what is in it */

#define KS_TOPICS         3

typedef struct {
    uint32_t         root[KS_TOPICS][3];
    uint32_t         pad;
    uint64_t         published; /* a hint, never goes back */
} ks_registry_t;

/* a watched key; see ks_watch.c, which alone knows its fields */
typedef struct {
    uint64_t         changed;   /* 0: the slot is free */
    uint32_t         tag;       /* of the hash; its set says more of it */
    uint32_t         used;      /* when it was last asked for */
} ks_watch_slot_t;

/*
 * A transaction that is committed as one with a transaction of another zone;
 * see ks_bond.c, which alone knows its fields.
 */
typedef struct {
    uint64_t         zone[2];   /* the seed of the other one */
    uint32_t         shard;     /* that leads the transaction there */
    uint32_t         fate;      /* KS_FATE_*, of the deciding one */
    uint64_t         ticket;    /* of a follower: with the fate; 0: none */
} ks_bond_t;

typedef struct {
    pthread_mutex_t  mutex;

    /* hints; in the line of the lock, which comes to whoever takes it */
    uint64_t         hits;
    uint64_t         misses;
    uint64_t         watched;   /* the clock of watches; 0: never was one */

    ks_log_t         log;       /* of transactions that it leads */

    ks_ref_t         pending;   /* freed chunks, on their way to the slab */
    uint32_t         parked;    /* page being emptied by compaction, or 0 */
    ks_class_t       classes[KS_NKINDS][KS_NCLASSES];

    /* hints, not logged: a crash may lose a count */
    uint64_t         expired;
    uint64_t         evicted;
    uint64_t         recovered;

    ks_watch_slot_t  watch[KS_WATCH_SETS][KS_WATCH_WAYS];
    uint64_t         watch_cells[KS_WATCH_CELLS];
    uint64_t         watch_void;        /* watches from before it have failed */

    /*
     * How many clients wait for keys that fall to a cell, whatever becomes of
     * the keys; see ks_wait.c.
     */
    uint32_t         waits[KS_WAIT_CELLS];

    /* hints: whose clients have read keys, bits; see ks_track.c */
    uint64_t         tracked[KS_TRACK_CELLS];
    uint64_t         followed[KS_FOLLOW_CELLS];

    /* the roots of the keyspace: all zero when the shard is empty */
    struct {
        uint64_t     nkeys;
        uint64_t     nexpires;  /* entries in the wheel; of these, such */
        uint64_t     nfields;   /* as are there for their fields alone */
        ks_ref_t     dead;      /* unlinked entries, linked by access */
        ks_wheel_t   wheel;
    } root;

    /* scripts, functions and users: trees, in the library's shard only */
    ks_library_t     library[KS_LIBRARIES];

    /* who subscribes to what: trees, in that shard, too */
    ks_registry_t    registry;

    /* trees of clients that wait and of their keys, in the last shard only */
    uint32_t         waiters[KS_WAIT_TREES][4];

    /* of the transaction that it leads: it decides a bond, or follows in one */
    ks_bond_t        leads;
    ks_bond_t        follows;
} __attribute__((aligned(128))) ks_shard_t;

typedef struct {
    uint64_t         n;
    uint64_t         changes;
} __attribute__((aligned(64))) ks_counter_t;

#define KS_COUNTERS       16

/*
 * Snapshots: how far one has come, and what became of the last ones.  None of
 * it is under an undo log: each field is stored at once, and is true by itself.
 * See keyspace/ks_saved.c and ks_snapshot.c, which alone know its fields.
 */

#define KS_SAVE_ASKED     8
#define KS_SAVE_NONE      UINT64_MAX    /* the cursor, when none is made */

typedef struct {
    uint64_t         cursor;    /* buckets before it are saved, by number */
    uint64_t         number;    /* of the snapshot, from 1 on */
    uint64_t         pinned;    /* a key's hash: is being saved in steps */
    uint64_t         asked[KS_SAVE_ASKED];      /* keys that others wait for */
    uint64_t         beat;      /* when its process last went on, ms */
    uint32_t         functions; /* those of the library are saved */
    uint32_t         marked;    /* entries may be marked as saved */
    uint32_t         broken;    /* why it cannot become good any more */
    uint32_t         row;       /* the process that makes them */
    uint32_t         birth;     /* 0: there is none */
    uint32_t         own;       /* it makes none that it is asked for */
    uint32_t         times;     /* images say when fields expire */

    uint32_t         failed;    /* the last one that ended was not good */
    uint32_t         tries;     /* of the one that is wanted, cut short */
    uint64_t         wanted;    /* how often one was asked for, */
    uint64_t         served;    /* and how many of these are answered */
    uint64_t         begun;     /* ms; 0: none is being made */
    uint64_t         last;      /* when the last good one was complete, ms */
    uint64_t         took;      /* ms, of the last one */
    uint64_t         changes;   /* counted when the last good one began */
} ks_save_t;

/*
 * The journal on disk: how far it is, and what became of it.  None of it is
 * under an undo log: each field is stored at once, and is true by itself.  See
 * keyspace/ks_aof.c, which alone knows its fields.
 */

#define KS_AOF_FREE       UINT64_MAX    /* the floor, when none is needed */
#define KS_AOF_DIR        64

typedef struct {
    uint64_t         at;        /* the frames before it are in an increment, */
    uint64_t         number;    /* that of this number; 0: there is none */
    uint64_t         length;    /* of which these are the first bytes */
    uint64_t         inode;
} ks_aof_place_t;

typedef struct {
    ks_aof_place_t   place[2];
    uint32_t         turn;      /* the place that counts */
    uint32_t         whole;     /* base and increments are the keyspace */
    uint64_t         floor;     /* frames from here on are needed */
    uint64_t         synced;    /* those before it are on the disk */
    uint64_t         waiting;   /* who is to be woken when it moves: bits */

    uint32_t         mode;      /* KS_AOF_*, of syncing */
    uint32_t         lax;       /* after an error commands go on */
    uint32_t         loose;     /* so they do now: nobody waits for a disk */
    uint32_t         error;     /* errno of the last write; 0: it was good */
    uint32_t         last_error;        /* the last one that was not 0, ever */

    uint32_t         failed;    /* the last rewriting was not good */
    uint32_t         failures;  /* in a row */
    uint64_t         wanted;    /* how often one was asked for, */
    uint64_t         served;    /* and how many of these are answered */
    uint64_t         begun;     /* ms; 0: none is under way */
    uint64_t         took;      /* ms, of the last one */
    uint64_t         rewrites;
    uint64_t         files;     /* bytes of all but the last increment */
    uint64_t         base;      /* of all, behind the last rewriting */
    uint64_t         percent;   /* grown by so much it is rewritten; 0: never */
    uint64_t         least;     /* and has so many bytes */
    uint64_t         delayed;   /* fsyncs that took long */
    char             name[KS_AOF_DIR];  /* of the directory, or its beginning */
} ks_aof_words_t;

/*
 * The zone as a primary: who it is, and the replicas that it has.  None of it
 * is under an undo log: each field is stored at once, and is true by itself,
 * but for a row's state, which is stored behind what goes with it.  See
 * keyspace/ks_primary.c.
 */

#define KS_REPLICAS       64
#define KS_REPLID         40
#define KS_REPLICA_ADDR   64

typedef struct {
    uint64_t         client;    /* its id; 0: the row is free */
    uint32_t         row;       /* its process */
    uint32_t         birth;
    uint32_t         state;     /* KS_REPLICA_* */
    uint32_t         leaves;    /* what its file does not have: KS_LEAVES_* */
    uint32_t         port;      /* that it listens to */
    uint32_t         only;      /* it wants the file alone */

    /*
     * the file that it gets: its number and size, and where the stream goes on
     */
    uint64_t         file;
    uint64_t         size;
    uint64_t         at;        /* a position of the journal */
    uint64_t         offset;    /* the same of the stream */

    uint64_t         acked;     /* so much of the stream it has, */
    uint64_t         synced;    /* and on its disk */
    uint64_t         seen;      /* when it has last said so, ms */
    uint64_t         turn;      /* of the history that it follows */
    char             addr[KS_REPLICA_ADDR];
} ks_replica_row_t;

/*
 * The name of the stream, and how its offsets are told: less those of the ring,
 * so that a zone that was a replica goes on with its upstream's numbers.  Under
 * undo logs, as it changes with the zone's role.
 */
typedef struct {
    char             id[KS_REPLID];
    char             before[KS_REPLID]; /* of which it goes on; zeroes: of
                                           none, */
    uint64_t         until;             /* at that offset, as it is told */
    uint64_t         shift;
    uint64_t         turn;      /* counts such changes; stored last */
} ks_history_t;

typedef struct {
    uint32_t         on;
    uint64_t         most;      /* ms, that those which are needed to write may
                                   be behind */
    ks_history_t     history;
    uint64_t         since;     /* the offset at which it was switched on */
    uint64_t         waiting;   /* who is to be woken when one acks: bits */
    uint64_t         pinged;    /* ms */
    uint64_t         period;    /* between pings, ms */
    uint64_t         timeout;   /* ms */
    uint64_t         files;     /* numbers that were handed out */
    ks_replica_row_t rows[KS_REPLICAS];
} ks_primary_words_t;

/* the script that is told of; see keyspace/ks_busy.c, which knows its fields */

#define KS_BUSY_TEXT      480

typedef struct {
    uint64_t         owner;     /* the process that runs it; 0: nobody */
    uint64_t         since;     /* ms since the epoch */
    uint64_t         until;     /* it has ended by then */
    uint32_t         turn;      /* odd: being written */
    uint16_t         function;
    uint16_t         len;       /* of the text */
    u_char           text[KS_BUSY_TEXT];
} ks_busy_t;

/*
 * The store that a zone follows: how far it is, and the state of the link.  The
 * first part is under undo logs, as it changes with what it tells of.  The
 * other fields are stored at once, each true by itself.  See
 * keyspace/ks_upstream.c, which alone knows its fields.
 */

#define KS_REPLID         40            /* bytes of the name of a history */
#define KS_UPSTREAM_HOST  128

typedef struct {
    uint64_t         offset;    /* bytes of its stream that are in the zone */
    uint32_t         db;        /* which the stream is about */
    uint32_t         whole;     /* the keys are those at that offset */
    u_char           replid[KS_REPLID]; /* of that history */

    uint32_t         row;       /* the process that has the link */
    uint32_t         birth;     /* 0: there is none */
    uint32_t         link;      /* KS_LINK_* */
    uint32_t         tries;     /* in vain, since it was last up */
    uint64_t         shown;     /* the offset, once its transaction has ended:
                                   it stays whoever dies.  0: it is about to be
                                   one of another history */
    uint64_t         since;     /* when the link came up, or went down, ms */
    uint64_t         heard;     /* when bytes came last, ms */
    uint64_t         known;     /* bytes that the stream has, as far as anybody
                                   was told */
    uint64_t         stale;     /* ms for which reads go on while it is down */
    uint64_t         size;      /* bytes of the file that is loaded; 0: not
                                   known */
    uint64_t         loaded;    /* of these */
    uint64_t         named;     /* host and port of a primary that was found
                                   by its name, as a hash; 0: none */
    uint32_t         port;
    char             host[KS_UPSTREAM_HOST];
    uint32_t         fetched;   /* the keys are those that were asked for, */
    uint32_t         nown;      /* but for those with these prefixes */
    u_char           own[KS_LOCALS];    /* each behind its length */
} ks_upstream_words_t;

/*
 * What the zone is by REPLICAOF.  What was said is under undo logs.  See
 * keyspace/ks_role.c, which alone knows its fields.
 */

typedef struct {
    uint32_t         role;      /* KS_ROLE_* */
    uint32_t         port;      /* of the primary of a replica */
    uint64_t         turn;      /* counts what was said */
    char             host[KS_UPSTREAM_HOST];
} ks_order_t;

typedef struct {
    ks_order_t       order;
    uint64_t         line;      /* of nginx.conf, as a hash */
    uint32_t         obeys;
    uint32_t         priority;
} ks_role_words_t;

/* what every command asks before it is run: 0 as a rule */
typedef struct {
    uint64_t         pause;     /* of clients' commands; see ks_pause.c */
    uint32_t         aof_on;    /* there is a journal on disk; see ks_aof.h */
    uint32_t         primary_on;        /* there may be replicas */

    /* for what commands may be refused, whoever's they are: */
    union {
        struct {
            uint32_t         upstream;  /* KS_GATE_*; see ks_upstream.h */
            uint16_t         aof_refuses;       /* errno: nobody may write */
            uint16_t         least;     /* replicas that are needed to write */
        };
        uint64_t     bars;      /* all of these: one look tells of none */
    };

    uint64_t         users;     /* their version, see ks_library.c: a hint that
                                   never goes back */
    uint64_t         store;     /* whose keys there are; see ks_upstream.h */
} ks_gate_t;

struct ks_zone_s {
    uint64_t         magic;
    uint32_t         version;
    uint32_t         policy;
    uint64_t         size;
    uint64_t         created_ms;
    uint64_t         seed[2];
    uint32_t         nshards;   /* of keys, at the beginning */
    uint32_t         nhashed;   /* of these, such as keys fall to by their hash;
                                   the others are for local keys */
    uint32_t         nspares;   /* behind those of keys: 0 or nhashed */
    uint32_t         nbuckets;  /* in a shard; a multiple of 64 */
    uint32_t         npages;    /* in the zone, the layout's included */
    uint32_t         first_page;        /* the first beyond the layout */
    uint64_t         shards_at;         /* offsets from the base */
    uint64_t         pages_at;
    uint64_t         buckets_at;
    uint64_t         marks_at;
    uint64_t         meters_at;
    uint32_t         nmeters;
    uint32_t         reserve;   /* pages that ordinary writes leave alone */
    uint32_t         nlocals;   /* prefixes of local keys, in this text: */
    u_char           locals[KS_LOCALS];         /* each behind its length */

    /*
     * Of each shard the number by which pages and buckets know it: its own, or
     * that of the spare shard whose content it has.
     */
    uint8_t          owner[KS_MAX_SHARDS];
    uint32_t         told;      /* kinds that any reader of the journal wants */
    ks_gate_t        gate;
    uint32_t         notify;    /* KS_NOTIFY_*: the events that are told */
    int64_t          settings[KS_NSETTINGS];

    /* shards whose content is void: whoever locks one empties it first */
    uint64_t         flush_mask;

    uint64_t         garbage;   /* shards where much waits to be freed: a
                                   hint */

    ks_pool_t        pool;
    ks_journal_t     journal;
    pthread_mutex_t  meters;    /* of all meters */
    pthread_mutex_t  ferry;     /* see ks_ferry_lock() */

    uint64_t         bonds;     /* tickets handed out; never goes back */
    uint64_t         ids;       /* handed out; a hint, never goes back */
    uint64_t         counts[KS_NCOUNTS];        /* hints, see ks_metrics.h */
    ks_process_t     processes[KS_PROCESSES];

    ks_save_t        save;
    ks_aof_words_t   aof;
    ks_upstream_words_t  upstream;
    ks_role_words_t  role;
    ks_primary_words_t  primary;
    ks_busy_t        busy;      /* a hint */

    /* hints, see keyspace/ks_ended.h; "ends" is 0 as long as nobody asks */
    uint64_t         ends;
    uint64_t         ended_all;
    uint64_t         ended[KS_ENDED_CELLS];

    /*
     * hints: commands run, and changes, by processes that share no cache line
     */
    ks_counter_t     commands[KS_COUNTERS];
};


/* Which keys go when memory lacks; and a setting.  Others may change them. */

static inline ks_policy_t
ks_zone_policy(const ks_zone_t *zone)
{
    return (ks_policy_t) __atomic_load_n(&zone->policy, __ATOMIC_RELAXED);
}


static inline int64_t
ks_zone_setting(const ks_zone_t *zone, ks_setting_t which)
{
    return __atomic_load_n(&zone->settings[which], __ATOMIC_RELAXED);
}


/* the first of the own shards */

static inline unsigned
ks_zone_own(const ks_zone_t *zone)
{
    return zone->nshards + zone->nspares;
}


/* all shards: those of keys, the spare ones, the own */

static inline unsigned
ks_zone_locks(const ks_zone_t *zone)
{
    return ks_zone_own(zone) + KS_OWN_SHARDS;
}


/* bytes of pages that are in use, those of the layout included; a hint */

static inline uint64_t
ks_zone_used(const ks_zone_t *zone)
{
    return zone->size
           - (uint64_t) __atomic_load_n(&zone->pool.nfree, __ATOMIC_RELAXED)
             * KS_PAGE_SIZE;
}


/* bytes of a shard's marks: one bit for 64 buckets, set if any may be in use */

static inline size_t
ks_marks_size(uint32_t nbuckets)
{
    return ks_align((size_t) nbuckets / 64 / 8 + 1, 8);
}


#endif /* KS_LAYOUT_H */
