/*
 * Random commands against a model in plain memory: strings of all sizes under
 * keys of all lengths, with TTLs and time that moves on, renamed, copied and
 * written to, alone and several in one transaction, some of which come to
 * nothing.  At the end no byte is left over.
 */

#include <unistd.h>

#include "engine_test.h"


#define KB       1024u
#define MB       (1024u * 1024)
#define NKEYS    350
#define STEPS    6              /* of one transaction, at most */
#define LONGEST  (6 * MB)

typedef struct {
    ks_str_t    key;
    u_char     *value;
    size_t      len;
    uint64_t    at;
    int         there;
} model_t;

typedef struct {
    size_t       size;
    unsigned     shards;
    size_t       longest;       /* value */
    unsigned     rounds;
    ks_policy_t  policy;
} config_t;

enum {
    SET = 0,
    WRITE,
    DEL,
    GET,
    EXPIRE,
    RENAME,
    COPY,
    NOPS
};

typedef struct {
    int       op;
    int       k;
    int       to;
    kv_t      kv;
    size_t    len;              /* of what a GET found */
    uint64_t  at;
} step_t;

typedef struct {
    step_t    steps[STEPS];
    unsigned  n;
    int       fail;             /* at the end, as for want of memory */
} job_t;

static model_t          model[NKEYS];
static ks_space_t      *sp;
static uint64_t         now;
static u_char          *noise;
static const config_t  *config;


/* --- the model --- */

static int
there(int k)
{
    if (model[k].there && model[k].at && model[k].at < now) {
        model[k].there = 0;
    }

    return model[k].there;
}


static void
model_set(int k, const u_char *p, size_t len, uint64_t at)
{
    u_char  *v;

    v = malloc(len + 1);
    memcpy(v, p, len);
    free(model[k].value);

    model[k].value = v;
    model[k].len = len;
    model[k].at = at;
    model[k].there = 1;
}


static void
model_write(int k, const kv_t *kv)
{
    size_t   old, len;
    u_char  *v;

    old = there(k) ? model[k].len : 0;
    len = ks_max(old, kv->off + kv->value.len);
    v = calloc(1, len + 1);

    if (old) {
        memcpy(v, model[k].value, old);
    }

    memcpy(v + kv->off, kv->value.data, kv->value.len);

    if (!model[k].there) {
        model[k].at = KS_NO_EXPIRE;
    }

    free(model[k].value);
    model[k].value = v;
    model[k].len = len;
    model[k].there = 1;
}


/* a step that was committed; it found the key if the model has it */

static void
apply(const step_t *s)
{
    int       k;
    uint64_t  at;

    k = s->k;

    if (!s->kv.found && config->policy != KS_NOEVICTION) {
        model[k].there = 0;                     /* it was evicted */
    }

    assert_int_equal(s->kv.found, there(k));

    switch (s->op) {

    case SET:
        at = s->kv.at;

        if (at == KS_KEEP_TTL) {
            at = model[k].there ? model[k].at : KS_NO_EXPIRE;
        }

        model_set(k, s->kv.value.data, s->kv.value.len, at);
        break;

    case WRITE:
        model_write(k, &s->kv);
        break;

    case DEL:
        model[k].there = 0;
        break;

    case GET:
        if (s->kv.found) {
            assert_int_equal(s->len, model[k].len);
            assert_int_equal(s->at, model[k].at);
        }

        break;

    case EXPIRE:
        if (s->kv.found) {
            model[k].at = s->kv.at;
        }

        break;

    default:
        if (s->kv.found) {
            model_set(s->to, model[k].value, model[k].len, model[k].at);
            model[k].there = (s->op == COPY);
        }
    }
}


/* --- the store --- */

static void
get_body(ks_space_t *s, void *data)
{
    step_t      *step = data;
    ks_entry_t  *e;

    e = kv_find(s, &step->kv, rnd(3));

    if (e) {
        step->len = ks_string_len(e);
        step->at = ks_entry_expire(e);
        assert_int_equal(ks_entry_type(e), KS_TYPE_STRING);
        assert_true(ks_entry_memory(s, e) >= step->len + step->kv.key.len);
    }
}


static void
job_body(ks_space_t *s, void *data)
{
    job_t     *j = data;
    step_t    *step;
    unsigned   i;

    for (i = 0; i < j->n; i++) {
        step = &j->steps[i];

        switch (step->op) {

        case SET:
            kv_set_body(s, &step->kv);
            break;

        case WRITE:
            kv_write_body(s, &step->kv);
            break;

        case DEL:
            kv_del_body(s, &step->kv);
            break;

        case GET:
            get_body(s, step);
            break;

        case EXPIRE:
            kv_expire_body(s, &step->kv);
            break;

        case RENAME:
            kv_rename_body(s, &step->kv);
            break;

        default:
            kv_copy_body(s, &step->kv);
        }
    }

    if (j->fail) {
        ks_raise_nomem(&s->mem, &s->mem.shards[0], KS_KIND_NODE, 1);
    }
}


static uint64_t
shards_of(job_t *j)
{
    unsigned  i;
    uint64_t  shards;

    if (rnd(20) == 0) {
        return ks_all_shards(sp);
    }

    shards = 0;

    for (i = 0; i < j->n; i++) {
        shards |= ks_key_shard(sp, &j->steps[i].kv.key);

        if (j->steps[i].kv.to.data) {
            shards |= ks_key_shard(sp, &j->steps[i].kv.to);
        }
    }

    return shards;
}


/* --- random steps --- */

static size_t
random_len(void)
{
    switch (rnd(8)) {

    case 0:
        return rnd((unsigned) config->longest);

    case 1:
        return rnd(20 * KB);

    case 2:
    case 3:
        return rnd(5000);

    case 4:
        return rnd(900);

    default:
        return rnd(100);
    }
}


static void
random_step(step_t *s)
{
    size_t  len;

    memset(s, 0, sizeof(*s));

    s->op = (int) rnd(NOPS + 3) % NOPS;         /* more of the first */
    s->k = (int) rnd(NKEYS);
    s->kv.key = model[s->k].key;

    len = random_len();
    s->kv.value.data = noise + rnd((unsigned) (LONGEST - config->longest));
    s->kv.value.len = ks_min(len, config->longest);
    s->kv.at = random_at(now);

    if (s->op == SET && rnd(5) == 0) {
        s->kv.at = KS_KEEP_TTL;
    }

    if (s->op == WRITE) {
        len = random_len();
        s->kv.off = rnd(2) && model[s->k].there ? model[s->k].len : len;
        s->kv.off = ks_min(s->kv.off, config->longest - s->kv.value.len);
    }

    if (s->op == RENAME || s->op == COPY) {
        s->to = (int) rnd(NKEYS - 1);
        s->to += (s->to >= s->k);
        s->kv.to = model[s->to].key;
    }
}


static void
compare(int k)
{
    int  found;

    if (!there(k)) {
        assert_int_equal(kv_get(sp, model[k].key, NULL, 0), 0);
        return;
    }

    found = kv_get(sp, model[k].key, model[k].value, model[k].len);

    if (!found && config->policy != KS_NOEVICTION) {
        model[k].there = 0;
        return;
    }

    assert_true(found);
}


static void
flush_body(ks_space_t *s, void *data)
{
    (void) data;
    ks_flush(s);
}


/* what goes on beside the commands */

static void
background(void)
{
    int  k;

    switch (rnd(60)) {

    case 0:
        now += rnd(3000);
        ks_space_set_time(sp, now);
        break;

    case 1:
        now += rnd(3000000);
        ks_space_set_time(sp, now);
        break;

    case 2:
        ks_expire_cycle(sp, 1 + rnd(20));
        break;

    case 3:
    case 4:
    case 5:
        ks_reclaim(sp, 1 + rnd(200));
        break;

    case 6:
        ks_arena_reset(sp);
        break;

    case 7:
        if (rnd(20) == 0) {
            assert_int_equal(transaction(sp, ks_all_shards(sp), flush_body,
                                         NULL), KS_OK);
            for (k = 0; k < NKEYS; k++) {
                model[k].there = 0;
            }
        }
    }
}


/* --- a run --- */

static void
start(void)
{
    int  k;

    now = NOW;
    sp = open_zone(config->size, config->shards, config->policy);

    for (k = 0; k < NKEYS; k++) {
        model[k].there = 0;
    }
}


static void
finish(void)
{
    int       k;
    unsigned  i;

    for (k = 0; k < NKEYS; k++) {
        compare(k);
        kv_del(sp, model[k].key);
    }

    reclaim_all(sp);
    assert_int_equal(ks_dbsize(sp), 0);
    assert_int_equal(ks_check(sp, report, NULL), 0);
    assert_int_equal(ks_expire_next(sp), UINT64_MAX);

    ks_lock(&sp->mem, ks_all_shards(sp));

    for (i = 0; i < sp->mem.zone->nshards; i++) {
        ks_slab_release_empty(&sp->mem, &sp->mem.shards[i]);
    }

    ks_unlock(&sp->mem);

    assert_int_equal(pages_used(sp), 0);
    close_zone(sp);
}


static void
play(const config_t *c)
{
    int        rc;
    job_t      j;
    unsigned   i, round, refused;

    config = c;
    start();
    refused = 0;

    for (round = 0; round < c->rounds; round++) {
        j.n = rnd(4) ? 1 : 1 + rnd(STEPS);
        j.fail = (rnd(30) == 0);

        for (i = 0; i < j.n; i++) {
            random_step(&j.steps[i]);
        }

        rc = transaction(sp, shards_of(&j), job_body, &j);

        for (i = 0; rc == KS_OK && i < j.n; i++) {
            apply(&j.steps[i]);
        }

        refused += (rc != KS_OK && !j.fail);
        assert_true(rc == KS_OK || rc == KS_NOMEM);

        for (i = 0; i < j.n; i++) {
            compare(j.steps[i].k);
        }

        background();

        if (round % (c->rounds / 12 + 1) == 0) {
            assert_int_equal(ks_check(sp, report, NULL), 0);
        }
    }

    print_message("%zu MB, %u shards: %u of %u refused, %ju evicted\n",
                  c->size / MB, sp->mem.zone->nshards, refused, c->rounds,
                  (uintmax_t) metric(sp, "evicted_keys"));
    finish();
}


static void
test_small(void **state)
{
    static const config_t  configs[] = {
        { 192 * KB, 1, 5000, 20000, KS_NOEVICTION },
        { 400 * KB, 4, 30000, 15000, KS_NOEVICTION },
        { 1 * MB, 16, 100000, 12000, KS_NOEVICTION },
    };

    (void) state;

    play(&configs[0]);
    play(&configs[1]);
    play(&configs[2]);
}


static void
test_roomy(void **state)
{
    static const config_t  configs[] = {
        { 16 * MB, 2, 50000, 20000, KS_NOEVICTION },
        { 64 * MB, 32, 400000, 6000, KS_NOEVICTION },
        { 200 * MB, 0, 5 * MB, 1500, KS_NOEVICTION },
    };

    (void) state;

    play(&configs[0]);
    play(&configs[1]);
    play(&configs[2]);
}


static void
test_evicting(void **state)
{
    static const config_t  configs[] = {
        { 300 * KB, 1, 20000, 10000, KS_ALLKEYS_LRU },
        { 2 * MB, 4, 100000, 8000, KS_ALLKEYS_LFU },
        { 3 * MB, 8, 100000, 3000, KS_ALLKEYS_RANDOM },
        { 2 * MB, 2, 50000, 8000, KS_VOLATILE_TTL },
        { 2 * MB, 2, 50000, 8000, KS_VOLATILE_LRU },
    };

    size_t  i;

    (void) state;

    for (i = 0; i < ks_nelts(configs); i++) {
        play(&configs[i]);
    }
}


/* --- keys of all lengths, the ones that differ in little among them --- */

static size_t
key_len(int k)
{
    switch (k % 8) {

    case 0:
        return 512;

    case 1:
        return 513;

    case 2:
        return 600 + (size_t) k * 10;

    case 3:
        return k < 20 ? KS_KEY_MAX : 64;

    default:
        return 4 + (size_t) k % 60;
    }
}


static int
setup(void **state)
{
    int     k;
    size_t  i;

    (void) state;

    noise = malloc(LONGEST + 4);

    for (i = 0; i < LONGEST; i++) {
        noise[i] = (u_char) rnd(256);
    }

    for (k = 0; k < NKEYS; k++) {
        model[k].key.len = key_len(k);
        model[k].key.data = malloc(KS_KEY_MAX + 1);
        memset(model[k].key.data, 'k', KS_KEY_MAX);
        i = (size_t) k % 2 ? 0 : model[k].key.len - 4;
        snprintf((char *) model[k].key.data + i, 5, "%04d", k);
        model[k].key.data[i + 4] = 'k';
    }

    return 0;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_roomy),
        cmocka_unit_test(test_evicting),
    };

    alarm(300);

    return cmocka_run_group_tests(tests, setup, NULL);
}
