/*
 * HyperLogLog: PFADD, PFCOUNT, PFMERGE.  A HyperLogLog is a string of a form
 * of its own, which anybody may have written: it is checked at each use.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "keyspace/ks_upstream.h"
#include "types/ks_hll.h"


#define KS_ERR_NO_HLL   "WRONGTYPE Key is not a valid HyperLogLog string value."
#define KS_ERR_BAD_HLL  "INVALIDOBJ Corrupted HLL object detected"


/* The header of a string; NULL: it has none of a HyperLogLog. */

static const u_char *
ks_hll_header(ks_ctx_t *c, const ks_entry_t *e)
{
    size_t         n;
    const u_char  *p;

    p = ks_string_run(c->space, e, 0, &n);

    if (n < KS_HLL_HEADER || ks_hll_sound(p, ks_string_len(e)) != KS_OK) {
        ks_reply_error(c->reply, KS_ERR_NO_HLL);
        return NULL;
    }

    if (ks_string_len(e) > KS_HLL_LONGEST) {
        ks_reply_error(c->reply, KS_ERR_BAD_HLL);
        return NULL;
    }

    return p;
}


/*
 * A copy of a string that can be changed; h->room says what h->data has
 * already.
 */

static int
ks_hll_load(ks_ctx_t *c, const ks_entry_t *e, ks_hll_t *h)
{
    size_t         n, off;
    const u_char  *p;

    if (ks_hll_header(c, e) == NULL) {
        return KS_ERR;
    }

    h->len = ks_string_len(e);
    h->from = 0;
    h->to = 0;

    if (h->room < KS_HLL_ROOM(h->len)) {
        h->room = KS_HLL_ROOM(h->len);
        h->data = ks_arena_alloc(c->space, h->room);
    }

    for (off = 0; off < h->len; off += n) {
        p = ks_string_run(c->space, e, off, &n);
        memcpy(h->data + off, p, n);
    }

    return KS_OK;
}


/*
 * Stores in e what has changed, and that the estimate is out of date; before
 * is e's length, and stale whether e says that already.
 */

static void
ks_hll_store(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e, ks_hll_t *h,
    size_t before, int stale)
{
    size_t    to;
    ks_str_t  s;

    ks_hll_outdate(h->data);

    if (h->len < before) {
        s.data = h->data;
        s.len = h->len;
        ks_string_set(c->space, key, e, &s, KS_ENC_RAW, KS_KEEP_TTL);
        return;
    }

    if (!stale) {
        e = ks_string_write(c->space, key, e, KS_HLL_HEADER - 1,
                            h->data + KS_HLL_HEADER - 1, 1);
    }

    to = ks_min(h->to, h->len);
    ks_string_write(c->space, key, e, h->from, h->data + h->from,
                    to - h->from);
}


static void
ks_hll_create(ks_ctx_t *c, const ks_str_t *key, const ks_hll_t *h)
{
    ks_str_t  s;

    ks_hll_outdate(h->data);

    s.data = h->data;
    s.len = h->len;
    ks_string_set(c->space, key, NULL, &s, KS_ENC_RAW, KS_NO_EXPIRE);
}


/* how many elements raised a register; KS_ERR: corrupted */

static int
ks_hll_add(ks_hll_t *h, int n, const ks_str_t *s)
{
    int       i, rc, raised;
    unsigned  reg, value;

    for (raised = 0, i = 0; i < n; i++) {
        reg = ks_hll_place(s[i].data, s[i].len, &value);
        rc = ks_hll_raise(h, reg, value);

        if (rc == KS_ERR) {
            return KS_ERR;
        }

        raised += rc;
    }

    return raised;
}


void
ks_cmd_pfadd(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          raised, stale;
    size_t       before;
    ks_hll_t     h;
    uint64_t     n;
    ks_entry_t  *e;

    if (ks_write_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_hll_init(&h, ks_arena_alloc(c->space, KS_HLL_ROOM(0)));
        (void) ks_hll_add(&h, argc - 2, &argv[2]);
        ks_hll_create(c, &argv[1], &h);
        ks_event(c->space, KS_NOTIFY_STRING, "pfadd", &argv[1]);
        ks_reply_integer(c->reply, 1);
        return;
    }

    h.room = 0;

    if (ks_hll_load(c, e, &h) != KS_OK) {
        return;
    }

    before = h.len;
    stale = !ks_hll_cached(h.data, &n);
    raised = ks_hll_add(&h, argc - 2, &argv[2]);

    if (raised == KS_ERR) {
        ks_reply_error(c->reply, KS_ERR_BAD_HLL);
        return;
    }

    if (raised) {
        ks_hll_store(c, &argv[1], e, &h, before, stale);
        ks_event(c->space, KS_NOTIFY_STRING, "pfadd", &argv[1]);
    }

    ks_reply_integer(c->reply, raised != 0);
}


/* Raises registers to those of keys, as far as these exist. */

static int
ks_hll_merge_keys(ks_ctx_t *c, int n, ks_str_t *keys, u_char *registers,
    int *dense)
{
    int          i;
    ks_hll_t     h;
    ks_entry_t  *e;

    memset(registers, 0, KS_HLL_REGISTERS);
    *dense = 0;
    h.room = 0;

    for (i = 0; i < n; i++) {
        if (ks_read_string(c, &keys[i], &e) != KS_OK) {
            return KS_ERR;
        }

        if (e == NULL) {
            continue;
        }

        if (ks_hll_load(c, e, &h) != KS_OK) {
            return KS_ERR;
        }

        if (ks_hll_merge(registers, h.data, h.len) != KS_OK) {
            ks_reply_error(c->reply, KS_ERR_BAD_HLL);
            return KS_ERR;
        }

        *dense |= ks_hll_is_dense(h.data);
    }

    return KS_OK;
}


/* Where an upstream has the last word on a key the estimate is not kept. */

static int
ks_pfcount_keeps(const ks_ctx_t *c, const ks_str_t *key)
{
    return !(ks_upstream_gate(c->space) & KS_GATE_READONLY)
           || c->client->obeys || ks_key_local(c->space, key);
}


/*
 * Of one key, which remembers it.  That is told, as Redis tells it, so that a
 * copy has the same bytes.
 */

static void
ks_pfcount_one(ks_ctx_t *c, const ks_str_t *key)
{
    u_char         header[KS_HLL_HEADER];
    uint64_t       n;
    ks_hll_t       h;
    ks_entry_t    *e;
    const u_char  *p;

    if (ks_read_string(c, key, &e) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_integer(c->reply, 0);
        return;
    }

    p = ks_hll_header(c, e);

    if (p == NULL) {
        return;
    }

    if (!ks_hll_cached(p, &n)) {
        h.room = 0;

        if (ks_hll_load(c, e, &h) != KS_OK) {
            return;
        }

        if (ks_hll_count(h.data, h.len, &n) != KS_OK) {
            ks_reply_error(c->reply, KS_ERR_BAD_HLL);
            return;
        }

        if (ks_pfcount_keeps(c, key)) {
            ks_hll_cache(header, n);
            ks_string_write(c->space, key, e, KS_HLL_ESTIMATE,
                            header + KS_HLL_ESTIMATE,
                            KS_HLL_HEADER - KS_HLL_ESTIMATE);
            ks_effectf(c->space, "PFCOUNT %s", key);
        }
    }

    ks_reply_integer(c->reply, (int64_t) n);
}


void
ks_cmd_pfcount(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int      dense;
    u_char  *registers;

    if (argc == 2) {
        ks_pfcount_one(c, &argv[1]);
        return;
    }

    registers = ks_arena_alloc(c->space, KS_HLL_REGISTERS);

    if (ks_hll_merge_keys(c, argc - 1, argv + 1, registers, &dense) == KS_OK) {
        ks_reply_integer(c->reply,
                         (int64_t) ks_hll_count_registers(registers));
    }
}


void
ks_cmd_pfmerge(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          dense;
    u_char      *registers;
    unsigned     i;
    ks_hll_t     h;
    ks_str_t     s;
    ks_entry_t  *e;

    registers = ks_arena_alloc(c->space, KS_HLL_REGISTERS);

    if (ks_hll_merge_keys(c, argc - 1, argv + 1, registers, &dense) != KS_OK) {
        return;
    }

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);
    h.room = 0;

    if (e == NULL) {
        ks_hll_init(&h, ks_arena_alloc(c->space, KS_HLL_ROOM(0)));

    } else if (ks_hll_load(c, e, &h) != KS_OK) {
        return;
    }

    /* it was found to be sound: none of this fails */

    if (dense) {
        (void) ks_hll_densify(&h);
    }

    for (i = 0; i < KS_HLL_REGISTERS; i++) {
        if (registers[i]) {
            (void) ks_hll_raise(&h, i, registers[i]);
        }
    }

    ks_hll_outdate(h.data);
    s.data = h.data;
    s.len = h.len;
    ks_string_set(c->space, &argv[1], e, &s, KS_ENC_RAW, KS_KEEP_TTL);
    ks_event(c->space, KS_NOTIFY_STRING, "pfadd", &argv[1]);
    ks_reply_ok(c->reply);
}
