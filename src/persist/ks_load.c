/*
 * The records of an RDB file: what stands before its keys, between them and at
 * its end, and the keys, as many at a time as are at hand.
 *
 * A record that ends behind the bytes at hand is read anew when there are more.
 * Keys that were read point into the window, so they are stored before it moves
 * on; what passes over bytes by itself (ks_rdb_skim.h) is done between batches.
 */

#include <stdlib.h>

#include "persist/ks_load_in.h"
#include "persist/ks_rdb_skim.h"
#include "types/ks_packed.h"
#include "types/ks_rdb_in.h"


#define KS_LOAD_HEADER     9            /* bytes: the magic and the version */
#define KS_LOAD_VERSION    12           /* of Redis: the last that is known */
#define KS_LOAD_VALKEY     80           /* of Valkey */
#define KS_LOAD_SUMMED     5            /* versions from this on end in a sum */

#define KS_LOAD_STRINGS    (32u * 1024) /* of a value that is read at once */
#define KS_LOAD_MEMORY     (1024u * 1024)       /* bytes for a batch */

/* records that are no keys */

enum {
    KS_OP_SLOT_IMPORT = 243,
    KS_OP_SLOT_INFO,
    KS_OP_FUNCTION,
    KS_OP_FUNCTION_OLD,
    KS_OP_MODULE_AUX,
    KS_OP_IDLE,
    KS_OP_FREQ,
    KS_OP_AUX,
    KS_OP_RESIZEDB,
    KS_OP_EXPIRE_MS,
    KS_OP_EXPIRE,
    KS_OP_SELECTDB,
    KS_OP_EOF
};

#define KS_LOAD_ALONE  2                /* it is read between batches */


/* --- records between the keys --- */

static void
ks_load_unmark(ks_load_t *l)
{
    l->marks.expire = -1;
    l->marks.idle = -1;
    l->marks.freq = -1;
}


static int
ks_load_lengths(ks_load_t *l, unsigned n)
{
    uint64_t  v;

    for ( /* void */ ; n > 0; n--) {
        if (ks_skim_length(&l->source, &v, NULL) != KS_OK) {
            return ks_load_damaged(l, NULL);
        }
    }

    return KS_OK;
}


static int
ks_load_strings(ks_load_t *l, unsigned n)
{
    uint64_t  len;

    for ( /* void */ ; n > 0; n--) {
        if (ks_skim_string(&l->source, &len) != KS_OK) {
            return ks_load_damaged(l, NULL);
        }
    }

    return KS_OK;
}


/* a string as a whole, which points to the window or to the source's memory */

static int
ks_load_flat(ks_load_t *l, ks_str_t *s)
{
    ks_source_t   *src;
    const u_char  *start;

    src = &l->source;

    for ( ;; ) {
        start = src->in.p;
        src->in.starved = 0;
        src->in.ended = 0;

        if (ks_rdb_string(&src->in, s) == KS_OK) {
            return KS_OK;
        }

        if (!src->in.starved) {
            return ks_load_damaged(l, NULL);
        }

        src->in.p = start;

        if (ks_source_more(src) != KS_OK) {
            return ks_load_damaged(l, NULL);
        }
    }
}


/*
 * A name and a value.  Redis says in this way that commands may follow, by one
 * name since 7.0 and by another one before.
 */

static int
ks_load_aux(ks_load_t *l)
{
    ks_str_t  s;

    if (ks_load_flat(l, &s) != KS_OK) {
        return KS_ERR;
    }

    if (!l->options.tail
        || !((s.len == 8 && memcmp(s.data, "aof-base", 8) == 0)
             || (s.len == 12 && memcmp(s.data, "aof-preamble", 12) == 0)))
    {
        return ks_load_strings(l, 1);
    }

    if (ks_load_flat(l, &s) != KS_OK) {
        return KS_ERR;
    }

    l->report.preamble = (s.len == 1 && s.data[0] == '1');

    if (l->report.preamble && l->space != NULL) {
        ks_space_set_expiry(l->space, 0);
    }

    return KS_OK;
}


static int
ks_load_library(ks_load_t *l)
{
    int          rc;
    ks_str_t     text;
    const char  *err;

    if (l->space == NULL) {
        l->report.libraries++;
        return ks_load_strings(l, 1);
    }

    if (ks_load_flat(l, &text) != KS_OK) {
        return KS_ERR;
    }

    err = "there is nothing to load it with";
    rc = l->options.library ? l->options.library(l->options.data, &text, &err)
                            : KS_ERR;

    if (rc == KS_OK) {
        l->report.libraries++;
        return KS_OK;
    }

    if (!l->options.skip) {
        return ks_load_fail(l, NULL, "a library of functions cannot be loaded:"
                            " %.200s", err);
    }

    return ks_load_leave(l, NULL, "libraries of functions");
}


static int
ks_load_module_aux(ks_load_t *l)
{
    char  name[KS_MODULE_NAME + 1];

    if (ks_skim_module_aux(&l->source, name) != KS_OK) {
        return ks_load_damaged(l, NULL);
    }

    return ks_load_leave(l, NULL, "data of module \"%s\"", name);
}


/* slots that are on their way between nodes of a cluster: a name and ranges */

static int
ks_load_slot_import(ks_load_t *l)
{
    uint64_t  n;

    if (ks_load_strings(l, 1) != KS_OK) {
        return KS_ERR;
    }

    if (ks_skim_length(&l->source, &n, NULL) != KS_OK) {
        return ks_load_damaged(l, NULL);
    }

    for ( /* void */ ; n > 0; n--) {
        if (ks_load_lengths(l, 2) != KS_OK) {
            return KS_ERR;
        }
    }

    return ks_load_leave(l, NULL, "slots that are being imported");
}


static int
ks_load_end(ks_load_t *l)
{
    uint64_t      sum, found;
    ks_source_t  *s;

    s = &l->source;

    if (l->version >= KS_LOAD_SUMMED) {
        sum = ks_source_sum(s);

        if (ks_source_need(s, 8) != KS_OK) {
            return ks_load_damaged(l, NULL);
        }

        found = ks_little(s->in.p, 8);
        s->in.p += 8;

        if (found != 0 && found != sum) {
            return ks_load_fail(l, NULL, "the checksum is wrong");
        }
    }

    l->offset = ks_source_offset(s);

    if ((s->in.p != s->in.end || (s->in.rest != 0 && !l->options.unsized))
        && !l->report.preamble)
    {
        return ks_load_fail(l, NULL, "bytes follow the end");
    }

    l->done = 1;

    return KS_OK;
}


static int
ks_load_record(ks_load_t *l, unsigned op)
{
    switch (op) {

    case KS_OP_SELECTDB:
        return ks_skim_length(&l->source, &l->db, NULL) == KS_OK
               ? KS_OK : ks_load_damaged(l, NULL);

    case KS_OP_RESIZEDB:
        return ks_load_lengths(l, 2);

    case KS_OP_AUX:
        return ks_load_aux(l);

    case KS_OP_SLOT_INFO:
        return ks_load_lengths(l, 3);

    case KS_OP_SLOT_IMPORT:
        return ks_load_slot_import(l);

    case KS_OP_FUNCTION:
        return ks_load_library(l);

    case KS_OP_FUNCTION_OLD:
        return ks_load_fail(l, NULL, "functions of a release candidate of "
                            "Redis 7.0 cannot be read");

    case KS_OP_MODULE_AUX:
        return ks_load_module_aux(l);

    case KS_OP_EOF:
        return ks_load_end(l);

    default:
        return ks_load_fail(l, NULL, "record of unknown type %u", op);
    }
}


/* --- keys, one at a time --- */

/*
 * A value that nobody wants.  why is what it is counted as: a number of the
 * report, or NULL, if it is what a zone cannot hold.
 */

static int
ks_load_pass(ks_load_t *l, unsigned form, const ks_str_t *key, uint64_t *why)
{
    int  rc;

    rc = form == KS_RDB_MODULE_2
         ? ks_skim_module_rest(&l->source)
         : ks_skim_value(&l->source, form, &l->report.least);

    if (rc != KS_OK) {
        return ks_load_damaged(l, key);
    }

    if (why != NULL) {
        ++*why;
    }

    return KS_OK;
}


static int
ks_load_expired(const ks_load_t *l)
{
    uint64_t  past;

    past = l->space ? ks_space_past(l->space)
                    : l->report.preamble ? 0 : l->now;

    return l->marks.expire != -1 && l->marks.expire <= (int64_t) past;
}


/* The file is another store's: what is local to this one is not in it. */

static int
ks_load_local(const ks_load_t *l, const ks_str_t *key)
{
    return l->options.foreign && l->space != NULL
           && ks_key_local(l->space, key);
}


/* the key of a value, which is kept where it does not move */

static int
ks_load_key_alone(ks_load_t *l, size_t *len)
{
    ks_str_t  key;

    if (ks_load_flat(l, &key) != KS_OK) {
        return KS_ERR;
    }

    *len = key.len;
    key.len = ks_min(key.len, (size_t) KS_KEY_MAX);

    l->large.key.len = key.len;
    l->large.key.data = ks_source_alloc(&l->source, key.len);
    memcpy(l->large.key.data, key.data, key.len);

    return KS_OK;
}


static int
ks_load_key_value(ks_load_t *l, unsigned form, size_t len)
{
    char       name[KS_MODULE_NAME + 1];
    ks_str_t  *key;
    uint64_t   none, id;

    key = &l->large.key;

    if (form == KS_RDB_MODULE) {
        return ks_load_fail(l, key, "a value of a module of a release "
                            "candidate of Redis 4.0 cannot be read");
    }

    if (form == KS_RDB_MODULE_2) {

        if (ks_skim_module(&l->source, &id, name) != KS_OK) {
            return ks_load_damaged(l, key);
        }

        if (id != KS_RDB_JSON_ID) {
            return ks_skim_module_rest(&l->source) != KS_OK
                   ? ks_load_damaged(l, key)
                   : ks_load_leave(l, key, "keys of module \"%s\"", name);
        }
    }

    none = 0;

    if (l->db != 0 || len > KS_KEY_MAX) {
        return ks_load_pass(l, form, key, &none) != KS_OK ? KS_ERR
               : l->db != 0
               ? ks_load_leave(l, key, "keys of other databases than 0")
               : ks_load_leave(l, key, "keys longer than %u bytes",
                               KS_KEY_MAX);
    }

    if (ks_load_local(l, key)) {
        return ks_load_pass(l, form, key, &none);
    }

    if (ks_load_expired(l)) {
        return ks_load_pass(l, form, key, &l->report.expired);
    }

    if (l->space == NULL) {
        l->report.least += len;
        return ks_load_pass(l, form, key, &l->report.keys);
    }

    return ks_load_value(l, form);
}


/* the record at the source's place, of whatever kind and length */

static int
ks_load_alone(ks_load_t *l)
{
    int       rc;
    size_t    len;
    unsigned  op;

    if (ks_source_need(&l->source, 1) != KS_OK) {
        return ks_load_damaged(l, NULL);
    }

    op = *l->source.in.p++;

    if (!ks_skim_known(op) && op != KS_RDB_MODULE && op != KS_RDB_MODULE_2) {
        return ks_load_record(l, op);
    }

    if (ks_load_key_alone(l, &len) != KS_OK) {
        return KS_ERR;
    }

    rc = ks_load_key_value(l, op, len);
    ks_load_unmark(l);
    ks_source_reset(&l->source);

    return rc;
}


/* --- keys, as many as are at hand --- */

/* what is said of the key that follows; KS_LOAD_ALONE: it is something else */

static int
ks_load_mark(ks_load_t *l, unsigned op)
{
    unsigned       n;
    uint64_t       idle;
    ks_rdb_in_t   *in;
    const u_char  *p;

    in = &l->source.in;

    if (op == KS_OP_IDLE) {
        if (ks_rdb_length(in, &idle) != KS_OK) {
            return KS_ERR;
        }

        l->marks.idle = (int64_t) ks_min(idle, (uint64_t) INT64_MAX);
        return KS_OK;
    }

    n = op == KS_OP_FREQ ? 1 : op == KS_OP_EXPIRE ? 4
                             : op == KS_OP_EXPIRE_MS ? 8 : 0;

    if (n == 0) {
        return KS_LOAD_ALONE;
    }

    p = ks_rdb_take(in, n);

    if (p == NULL) {
        return KS_ERR;
    }

    if (op == KS_OP_FREQ) {
        l->marks.freq = *p;

    } else {
        l->marks.expire = ks_little_signed(p, n) * (op == KS_OP_EXPIRE ? 1000
                                                                       : 1);
    }

    return KS_OK;
}


/*
 * A value whose form is known; KS_LOAD_ALONE: it is too large for the batch, or
 * of a module, of which documents alone belong here if they are good.
 */

static int
ks_load_take(ks_rdb_in_t *in, unsigned form, ks_rdb_value_t *v)
{
    if (form == KS_RDB_MODULE_2) {
        return ks_rdb_read_json(in, v) == KS_OK ? KS_OK
               : in->starved ? KS_ERR : KS_LOAD_ALONE;
    }

    if (ks_rdb_read_whole(in, form, v, KS_LOAD_STRINGS) != KS_OK) {
        return in->crowded ? KS_LOAD_ALONE : KS_ERR;
    }

    return KS_OK;
}


/* a value with its key, for the batch */

static int
ks_load_key(ks_load_t *l, unsigned form)
{
    int             rc;
    ks_rdb_in_t    *in;
    ks_load_key_t  *k;

    in = &l->source.in;
    k = &l->keys[l->n];

    if (ks_rdb_string(in, &k->key) != KS_OK) {
        return KS_ERR;
    }

    if (k->key.len > KS_KEY_MAX || ks_load_expired(l)
        || ks_load_local(l, &k->key))
    {
        return KS_LOAD_ALONE;
    }

    rc = ks_load_take(in, form, &k->value);

    if (rc != KS_OK) {
        return rc;
    }

    if (ks_rdb_is_empty(&k->value)) {
        l->report.empty++;

    } else if (!ks_restore_alive(l->space, &k->value)) {
        l->report.expired++;

    } else {
        k->marks = l->marks;
        k->offset = l->offset;
        l->n++;
    }

    ks_load_unmark(l);

    return KS_OK;
}


/* the record at hand; KS_AGAIN: it is not whole */

static int
ks_load_next(ks_load_t *l)
{
    int            rc;
    unsigned       op;
    ks_rdb_in_t   *in;
    const u_char  *start;

    in = &l->source.in;
    start = in->p;

    if (start == in->end) {
        return KS_AGAIN;
    }

    l->offset = ks_source_offset(&l->source);
    in->starved = 0;
    in->ended = 0;
    op = *in->p++;

    if (op >= KS_OP_SLOT_IMPORT) {
        rc = ks_load_mark(l, op);

    } else if (l->space == NULL || l->db != 0
               || (!ks_rdb_known(op) && op != KS_RDB_MODULE_2))
    {
        rc = KS_LOAD_ALONE;

    } else {
        rc = ks_load_key(l, op);
    }

    if (rc == KS_OK) {
        return KS_OK;
    }

    in->p = start;

    return rc == KS_LOAD_ALONE ? KS_LOAD_ALONE
           : in->starved ? KS_AGAIN : ks_load_damaged(l, NULL);
}


/*
 * A record that needs more bytes: they are read, but for a value that fills the
 * window, which is read in parts.
 */

static int
ks_load_widen(ks_load_t *l)
{
    ks_source_t  *s;

    s = &l->source;

    if ((size_t) (s->in.end - s->in.p) >= KS_SOURCE_WINDOW / 2) {
        return ks_load_alone(l);
    }

    return ks_source_more(s) == KS_OK ? KS_OK : ks_load_damaged(l, NULL);
}


static int
ks_load_batch(ks_load_t *l)
{
    int  rc;

    do {
        rc = ks_load_next(l);

    } while (rc == KS_OK && l->n < KS_LOAD_BATCH
             && ks_source_used(&l->source) < KS_LOAD_MEMORY);

    if (rc == KS_ERR || ks_load_store(l) != KS_OK) {
        return KS_ERR;
    }

    ks_source_reset(&l->source);

    return rc == KS_LOAD_ALONE ? ks_load_alone(l)
           : rc == KS_AGAIN ? ks_load_widen(l) : KS_OK;
}


/* --- the file --- */

static int
ks_load_header(ks_load_t *l)
{
    int            i, valkey;
    unsigned       version;
    const u_char  *p;
    ks_source_t   *s;

    s = &l->source;
    l->offset = 0;

    if (ks_source_need(s, KS_LOAD_HEADER) != KS_OK) {
        return s->in.rest ? ks_load_damaged(l, NULL)
                          : ks_load_fail(l, NULL, "it is no RDB file");
    }

    p = s->in.p;
    valkey = (memcmp(p, "VALKEY", 6) == 0);

    if (!valkey && memcmp(p, "REDIS", 5) != 0) {
        return ks_load_fail(l, NULL, "it is no RDB file");
    }

    for (version = 0, i = 5 + valkey; i < KS_LOAD_HEADER; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return ks_load_fail(l, NULL, "it is no RDB file");
        }

        version = version * 10 + (p[i] - '0');
    }

    if (version < 1
        || (valkey ? version != KS_LOAD_VALKEY : version > KS_LOAD_VERSION))
    {
        return ks_load_fail(l, NULL, "version %u of %s's format is not known",
                            version, valkey ? "Valkey" : "Redis");
    }

    s->in.valkey = (valkey != 0);
    s->in.p += KS_LOAD_HEADER;
    l->version = version;

    return KS_OK;
}


static ssize_t
ks_load_read(void *data, u_char *to, size_t n, const char **err)
{
    ks_load_t  *l;

    l = data;

    return l->options.read(l->options.data, to, n, err);
}


ks_load_t *
ks_load_open(ks_space_t *sp, const ks_load_options_t *options)
{
    ks_load_t              *l;
    static const uint64_t   none[2];

    l = calloc(1, sizeof(ks_load_t));

    if (l == NULL) {
        return NULL;
    }

    l->space = sp;
    l->options = *options;

    l->source.read = ks_load_read;
    l->source.data = l;
    l->source.jump = &l->jump;
    ks_source_open(&l->source, options->size,
                   sp ? ks_space_zone(sp)->seed : none);
    ks_load_unmark(l);

    return l;
}


void
ks_load_close(ks_load_t *l)
{
    ks_source_close(&l->source);
    free(l);
}


const ks_load_report_t *
ks_load_report(const ks_load_t *l)
{
    return &l->report;
}


int
ks_load_step(ks_load_t *l, uint64_t bytes)
{
    int       rc;
    uint64_t  goal;

    if (l->report.err[0] != '\0') {
        return KS_ERR;
    }

    if (setjmp(l->jump) != 0) {
        return ks_load_damaged(l, NULL);
    }

    l->now = l->options.now ? l->options.now : ks_clock();
    goal = ks_source_offset(&l->source) + bytes;

    if (l->space != NULL) {
        ks_space_set_time(l->space, l->now);
    }

    rc = l->version ? KS_OK : ks_load_header(l);

    while (rc == KS_OK && !l->done && ks_source_offset(&l->source) < goal) {
        rc = ks_load_batch(l);
    }

    l->report.loaded = ks_source_offset(&l->source);

    return rc != KS_OK ? KS_ERR : l->done ? KS_OK : KS_AGAIN;
}
