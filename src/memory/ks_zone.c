/*
 * Laying out a zone, taking one over, and what is known of it as a whole.
 *
 * The layout is sized once, from the zone's size: a shard for every 8 MB, a
 * bucket of 12 entries for every 1 kB.  Nothing is resized later.
 */

#include "memory/ks_log.h"
#include "memory/ks_meter.h"


#define KS_SHARD_SPAN     (8u * 1024 * 1024)
#define KS_BUCKET_SPAN    1024
#define KS_BUCKET_GROUP   64            /* buckets to a mark */
#define KS_PAGES_MIN      8u            /* that are no layout */
#define KS_RESERVE_MIN    2u            /* pages */
#define KS_RESERVE_MAX    4096u
#define KS_BOND_BITS      16            /* of tickets, for those that the zone's
                                           next layout hands out */


typedef struct {
    uint64_t  shards_at;
    uint64_t  logs_at;
    uint64_t  pages_at;
    uint64_t  buckets_at;
    uint64_t  marks_at;
    uint64_t  meters_at;
    uint64_t  end;
    uint32_t  nshards;
    uint32_t  nhashed;
    uint32_t  nspares;
    uint32_t  nbuckets;
    uint32_t  npages;
} ks_plan_t;


static void ks_zone_plan(size_t size, unsigned shards,
    const ks_zone_form_t *form, ks_plan_t *plan);
static int ks_zone_fits_as(size_t size, unsigned shards,
    const ks_zone_form_t *form, ks_plan_t *plan, const char **err);
static void ks_zone_set_locals(ks_zone_t *zone, const ks_zone_form_t *form);
static ks_zone_t *ks_zone_lay(void *base, size_t size, const ks_plan_t *plan,
    const u_char seed[16], uint64_t now_ms);
static void ks_zone_init_log(ks_zone_t *zone, ks_log_t *log, uint64_t at);
static void ks_zone_init_pages(ks_zone_t *zone);

static const char  *ks_policy_names[] = {
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl"
};

/* what the settings begin with: Redis's defaults */
static const int64_t  ks_zone_settings[KS_NSETTINGS] = {
    [KS_SETTING_TRACKING_KEYS] = 1000000,
    [KS_SETTING_HASH_ITEMS] = KS_HASH_LISTPACK_ITEMS,
    [KS_SETTING_HASH_BYTES] = KS_HASH_LISTPACK_BYTES,
    [KS_SETTING_ZSET_ITEMS] = KS_ZSET_LISTPACK_ITEMS,
    [KS_SETTING_ZSET_BYTES] = KS_ZSET_LISTPACK_BYTES,
    [KS_SETTING_SET_INTEGERS] = KS_SET_INTSET_ITEMS,
    [KS_SETTING_SET_ITEMS] = KS_SET_LISTPACK_ITEMS,
    [KS_SETTING_SET_BYTES] = KS_SET_LISTPACK_BYTES,
    [KS_SETTING_LIST_SIZE] = KS_LIST_LISTPACK_SIZE,
    [KS_SETTING_SLOW_MICROS] = KS_SLOW_MICROS,
    [KS_SETTING_SLOW_LEN] = KS_SLOW_LEN
};


static unsigned
ks_zone_shards(size_t size)
{
    unsigned  shards;

    shards = 1;

    while (shards < KS_KEY_SHARDS
           && (uint64_t) shards * 2 * KS_SHARD_SPAN <= size)
    {
        shards *= 2;
    }

    return shards;
}


/* KS_ERR with *err */

static int
ks_zone_fits(size_t size, unsigned shards, ks_plan_t *plan, const char **err)
{
    static const ks_zone_form_t  plain;

    return ks_zone_fits_as(size, shards, &plain, plan, err);
}


static int
ks_zone_fits_as(size_t size, unsigned shards, const ks_zone_form_t *form,
    ks_plan_t *plan, const char **err)
{
    if (size < KS_ZONE_MIN) {
        *err = "the zone is too small";
        return KS_ERR;
    }

    if (size > KS_ZONE_MAX) {
        *err = "the zone is too large";
        return KS_ERR;
    }

    if (shards == 0 || shards > KS_KEY_SHARDS || (shards & (shards - 1))) {
        *err = "the number of shards is not a power of two up to 32";
        return KS_ERR;
    }

    ks_zone_plan(size, shards, form, plan);

    if (plan->end + KS_PAGES_MIN * KS_PAGE_SIZE > size) {
        *err = "the zone is too small for so many shards";
        return KS_ERR;
    }

    return KS_OK;
}


ks_zone_t *
ks_zone_create(void *base, size_t size, const u_char seed[16], uint64_t now_ms,
    const char **err)
{
    return ks_zone_create_sharded(base, size, ks_zone_shards(size), seed,
                                  now_ms, err);
}


ks_zone_t *
ks_zone_create_sharded(void *base, size_t size, unsigned shards,
    const u_char seed[16], uint64_t now_ms, const char **err)
{
    ks_plan_t  plan;

    size &= ~((size_t) KS_PAGE_SIZE - 1);

    if (ks_zone_fits(size, shards, &plan, err) != KS_OK) {
        return NULL;
    }

    memset(base, 0, plan.end);

    return ks_zone_create_zeroed(base, size, shards, seed, now_ms, err);
}


ks_zone_t *
ks_zone_create_zeroed(void *base, size_t size, unsigned shards,
    const u_char seed[16], uint64_t now_ms, const char **err)
{
    ks_plan_t  plan;

    size &= ~((size_t) KS_PAGE_SIZE - 1);

    if (ks_zone_fits(size, shards ? shards : ks_zone_shards(size), &plan, err)
        != KS_OK)
    {
        return NULL;
    }

    return ks_zone_lay(base, size, &plan, seed, now_ms);
}


ks_zone_t *
ks_zone_create_form(void *base, size_t size, const ks_zone_form_t *form,
    const u_char seed[16], uint64_t now_ms, const char **err)
{
    unsigned    shards;
    ks_plan_t   plan;
    ks_zone_t  *zone;

    size &= ~((size_t) KS_PAGE_SIZE - 1);
    shards = form->shards ? form->shards : ks_zone_shards(size);
    shards = ks_min(shards, (unsigned) KS_KEY_SHARDS / 2);

    if (ks_zone_fits_as(size, shards, form, &plan, err) != KS_OK) {
        return NULL;
    }

    zone = ks_zone_lay(base, size, &plan, seed, now_ms);
    ks_zone_set_locals(zone, form);

    return zone;
}


static void
ks_zone_set_locals(ks_zone_t *zone, const ks_zone_form_t *form)
{
    u_char    *p;
    uint32_t   i;

    for (p = zone->locals, i = 0; i < form->nlocals; i++) {
        *p++ = (u_char) form->locals[i].len;
        memcpy(p, form->locals[i].data, form->locals[i].len);
        p += form->locals[i].len;
    }

    zone->nlocals = form->nlocals;
}


int
ks_zone_locals_fit(const ks_str_t *locals, uint32_t n)
{
    size_t    sum;
    uint32_t  i;

    for (sum = 0, i = 0; i < n; i++) {
        sum += 1 + locals[i].len;

        if (locals[i].len == 0 || locals[i].len > 255) {
            return 0;
        }
    }

    return sum <= KS_LOCALS;
}


int
ks_zone_has_form(const ks_zone_t *zone, const ks_zone_form_t *form)
{
    uint32_t       i;
    const u_char  *p;

    if ((zone->nspares != 0) != (form->spares != 0)
        || zone->nlocals != form->nlocals)
    {
        return 0;
    }

    for (p = zone->locals, i = 0; i < form->nlocals; i++) {

        if (*p != form->locals[i].len
            || memcmp(p + 1, form->locals[i].data, *p) != 0)
        {
            return 0;
        }

        p += 1 + *p;
    }

    return 1;
}


/* the memory is all zero, and the plan fits */

static ks_zone_t *
ks_zone_lay(void *base, size_t size, const ks_plan_t *plan,
    const u_char seed[16], uint64_t now_ms)
{
    unsigned     i;
    ks_zone_t   *zone;
    ks_shard_t  *sh;

    zone = base;

    zone->version = KS_ZONE_VERSION;
    zone->size = size;
    zone->created_ms = now_ms;
    memcpy(zone->seed, seed, sizeof(zone->seed));

    zone->nshards = plan->nshards;
    zone->nhashed = plan->nhashed;
    zone->nspares = plan->nspares;
    zone->nbuckets = plan->nbuckets;
    zone->npages = plan->npages;
    zone->first_page = (uint32_t) (plan->end / KS_PAGE_SIZE);
    zone->shards_at = plan->shards_at;
    zone->pages_at = plan->pages_at;
    zone->buckets_at = plan->buckets_at;
    zone->marks_at = plan->marks_at;
    zone->meters_at = plan->meters_at;
    zone->nmeters = ks_meters_max(size);
    zone->pool.since = now_ms;
    zone->save.cursor = KS_SAVE_NONE;
    zone->save.last = now_ms;
    zone->aof.floor = KS_AOF_FREE;

    ks_mutex_init(&zone->pool.mutex);
    ks_zone_init_log(zone, &zone->pool.log, plan->logs_at);
    ks_mutex_init(&zone->journal.mutex);
    ks_mutex_init(&zone->meters);
    ks_mutex_init(&zone->ferry);
    zone->bonds = now_ms << KS_BOND_BITS;

    for (i = 0; i < KS_PROCESSES; i++) {
        ks_mutex_init(&zone->processes[i].alive);
    }

    for (i = 0; i < KS_MAX_SHARDS; i++) {
        zone->owner[i] = (uint8_t) i;
    }

    for (i = 0; i < ks_zone_locks(zone); i++) {
        sh = (ks_shard_t *) ((u_char *) base + plan->shards_at) + i;

        ks_mutex_init(&sh->mutex);
        ks_zone_init_log(zone, &sh->log,
                         plan->logs_at + (i + 1) * (uint64_t) KS_PAGE_SIZE);
    }

    ks_zone_init_pages(zone);
    ks_zone_reset_settings(zone);

    ks_barrier();
    zone->magic = KS_ZONE_MAGIC;

    return zone;
}


ks_zone_t *
ks_zone_attach(void *base, size_t size, const char **err)
{
    ks_zone_t  *zone;

    zone = base;
    size &= ~((size_t) KS_PAGE_SIZE - 1);

    if (zone->magic != KS_ZONE_MAGIC) {
        *err = "the memory holds no zone";
        return NULL;
    }

    if (zone->version != KS_ZONE_VERSION) {
        *err = "the zone was laid out by another version";
        return NULL;
    }

    if (zone->size != size) {
        *err = "the zone was laid out with another size";
        return NULL;
    }

    return zone;
}


const u_char *
ks_zone_seed(const ks_zone_t *zone)
{
    return (const u_char *) zone->seed;
}


unsigned
ks_zone_version(void)
{
    return KS_ZONE_VERSION;
}


/* FNV-1a over the version, sizes and places that the zone is made of */

uint64_t
ks_zone_layout(void)
{
    size_t    i;
    uint64_t  h;

    static const uint64_t  parts[] = {
        KS_ZONE_VERSION,
        KS_PAGE_SIZE, KS_NCLASSES, KS_CHUNK_MIN, KS_SHARD_SPAN,
        KS_BUCKET_SPAN, KS_KEY_SHARDS, KS_OWN_SHARDS,
        sizeof(ks_zone_t), sizeof(ks_shard_t), sizeof(ks_page_t),
        sizeof(ks_logpage_t), sizeof(ks_bucket_t), sizeof(pthread_mutex_t),
        sizeof(ks_meter_t),
        offsetof(ks_zone_t, flush_mask), offsetof(ks_zone_t, pool),
        offsetof(ks_zone_t, journal), offsetof(ks_zone_t, processes),
        offsetof(ks_zone_t, upstream), offsetof(ks_zone_t, owner),
        offsetof(ks_shard_t, pending), offsetof(ks_shard_t, watch),
        offsetof(ks_shard_t, root), offsetof(ks_shard_t, library),
        offsetof(ks_shard_t, registry), offsetof(ks_shard_t, waiters),
        offsetof(ks_shard_t, leads)
    };

    h = 0xcbf29ce484222325ull;

    for (i = 0; i < ks_nelts(parts); i++) {
        h = (h ^ parts[i]) * 0x100000001b3ull;
    }

    return h;
}


static void
ks_zone_plan(size_t size, unsigned shards, const ks_zone_form_t *form,
    ks_plan_t *plan)
{
    uint64_t  at, locks, tables;

    plan->nhashed = shards;
    plan->nshards = shards + (form->nlocals ? ks_max(shards / 4, 1u) : 0);
    plan->nspares = form->spares ? shards : 0;
    tables = plan->nshards + plan->nspares;
    locks = tables + KS_OWN_SHARDS;
    plan->nbuckets = (uint32_t) ks_align(size / KS_BUCKET_SPAN / plan->nhashed,
                                         KS_BUCKET_GROUP);
    plan->npages = (uint32_t) (size / KS_PAGE_SIZE);

    at = ks_align(sizeof(ks_zone_t), 128);

    plan->shards_at = at;
    at += locks * sizeof(ks_shard_t);

    at = ks_align(at, KS_PAGE_SIZE);

    plan->logs_at = at;
    at += (locks + 1) * KS_PAGE_SIZE;

    plan->pages_at = at;
    at += plan->npages * sizeof(ks_page_t);

    at = ks_align(at, 64);

    plan->buckets_at = at;
    at += tables * plan->nbuckets * sizeof(ks_bucket_t);

    plan->marks_at = at;
    at += tables * ks_marks_size(plan->nbuckets);

    at = ks_align(at, 64);

    plan->meters_at = at;
    at += ks_meters_max(size) * sizeof(ks_meter_t);

    plan->end = ks_align(at, KS_PAGE_SIZE);
}


static void
ks_zone_init_log(ks_zone_t *zone, ks_log_t *log, uint64_t at)
{
    ks_logpage_t  *lp;

    lp = (ks_logpage_t *) ((u_char *) zone + at);
    lp->next = 0;
    lp->prev = 0;
    lp->used = 0;

    log->first = (uint32_t) (at / KS_PAGE_SIZE);
    log->cur = log->first;
}


static void
ks_zone_init_pages(ks_zone_t *zone)
{
    uint32_t    i;
    ks_page_t  *rows;

    rows = (ks_page_t *) ((u_char *) zone + zone->pages_at);

    for (i = 0; i < zone->first_page; i++) {
        rows[i].state = KS_PAGE_LAYOUT;
    }

    for ( /* void */ ; i < zone->npages; i++) {
        rows[i].state = KS_PAGE_FREE;
        rows[i].next = (i + 1 < zone->npages) ? i + 1 : 0;
    }

    zone->pool.head = zone->first_page;
    zone->pool.nfree = zone->npages - zone->first_page;

    zone->reserve = ks_min(ks_max(zone->pool.nfree / 64, KS_RESERVE_MIN),
                           KS_RESERVE_MAX);
}


void
ks_zone_set_policy(ks_zone_t *zone, ks_policy_t policy)
{
    __atomic_store_n(&zone->policy, (uint32_t) policy, __ATOMIC_RELAXED);
}


void
ks_zone_set_notify(ks_zone_t *zone, uint32_t flags)
{
    __atomic_store_n(&zone->notify, flags, __ATOMIC_RELAXED);
}


uint32_t
ks_zone_notify(const ks_zone_t *zone)
{
    return __atomic_load_n(&zone->notify, __ATOMIC_RELAXED);
}


void
ks_zone_set(ks_zone_t *zone, ks_setting_t which, int64_t value)
{
    __atomic_store_n(&zone->settings[which], value, __ATOMIC_RELAXED);
}


int
ks_zone_within(const ks_zone_t *zone, ks_setting_t which, size_t n)
{
    return n <= (uint64_t) ks_zone_setting(zone, which);
}


void
ks_zone_reset_settings(ks_zone_t *zone)
{
    unsigned  i;

    for (i = 0; i < KS_NSETTINGS; i++) {
        ks_zone_set(zone, i, ks_zone_settings[i]);
    }
}


const char *
ks_policy_name(ks_policy_t policy)
{
    return ks_policy_names[policy];
}


int
ks_policy_parse(const ks_str_t *name, ks_policy_t *policy)
{
    unsigned  i;

    for (i = 0; i < ks_nelts(ks_policy_names); i++) {

        if (strlen(ks_policy_names[i]) == name->len
            && memcmp(ks_policy_names[i], name->data, name->len) == 0)
        {
            *policy = (ks_policy_t) i;
            return KS_OK;
        }
    }

    return KS_ERR;
}


void
ks_zone_stats(const ks_zone_t *zone, ks_zone_stats_t *st)
{
    unsigned           i;
    const ks_shard_t  *sh;

    memset(st, 0, sizeof(*st));

    st->size = zone->size;
    st->overhead = (uint64_t) zone->first_page * KS_PAGE_SIZE;
    st->used = zone->size - (uint64_t) zone->pool.nfree * KS_PAGE_SIZE;
    st->created_ms = zone->created_ms;
    st->shards = zone->nshards;

    sh = (const ks_shard_t *) ((const u_char *) zone + zone->shards_at);

    for (i = 0; i < zone->nshards; i++, sh++) {
        st->keys += sh->root.nkeys;
        st->expires += sh->root.nexpires - sh->root.nfields;
    }
}
