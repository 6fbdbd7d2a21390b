/*
 * What users use, and their quotas: series with the label "user", of users that
 * have a meter.
 */

#include "commands/ks_usage.h"
#include "protocol/ks_exposing.h"


typedef struct {
    ks_family_t   family;
    size_t        offset;               /* in ks_meter_t */
} ks_usage_series_t;

/*
 * a quota: its label, how much of it is used, and where it says how much is had
 */
typedef struct {
    const char   *name;
    size_t        used;                 /* in ks_used_t */
    size_t        quota;                /* in ks_quota_t */
} ks_usage_quota_t;


static const ks_usage_quota_t  ks_usage_quotas[] = {
    { "commands-day", offsetof(ks_used_t, commands[KS_METER_DAY]),
      offsetof(ks_quota_t, commands[KS_METER_DAY]) },
    { "commands-month", offsetof(ks_used_t, commands[KS_METER_MONTH]),
      offsetof(ks_quota_t, commands[KS_METER_MONTH]) },
    { "bandwidth-day", offsetof(ks_used_t, out[KS_METER_DAY]),
      offsetof(ks_quota_t, bandwidth[KS_METER_DAY]) },
    { "bandwidth-month", offsetof(ks_used_t, out[KS_METER_MONTH]),
      offsetof(ks_quota_t, bandwidth[KS_METER_MONTH]) }
};


static uint64_t
ks_usage_word(const void *p, size_t offset)
{
    return __atomic_load_n((const uint64_t *) ((const u_char *) p + offset),
                           __ATOMIC_RELAXED);
}


static void
ks_usage_head(ks_exposing_t *x, const ks_family_t *family,
    const ks_gathered_t *z, const ks_meter_t *mt)
{
    ks_expose_head(x, family, "", z, NULL, NULL);
    ks_expose_cstr(x, ",");
    ks_expose_label(x, "user", mt->name, ks_min(mt->len, KS_METER_NAME));
}


/* The next meter that is somebody's, from *i on. */

static const ks_meter_t *
ks_usage_next(const ks_gathered_t *z, unsigned *i)
{
    const ks_meter_t  *mt;

    while (*i < z->zone->zone->nmeters) {
        mt = ks_meter_at(z->zone->zone, (*i)++);

        if (mt->birth != 0) {
            return mt;
        }
    }

    return NULL;
}


static void
ks_usage_counters(ks_exposing_t *x)
{
    size_t             f;
    unsigned           i, k;
    const ks_meter_t  *mt;

    static const ks_usage_series_t  rows[] = {
        { { "keyspace_user_commands_total", "counter",
            "Commands of a user whose usage is counted." },
          offsetof(ks_meter_t, commands) },
        { { "keyspace_user_refused_total", "counter",
            "Commands that were refused for want of a quota." },
          offsetof(ks_meter_t, refused) },
        { { "keyspace_user_input_bytes_total", "counter",
            "Bytes that a user has sent." }, offsetof(ks_meter_t, in) },
        { { "keyspace_user_output_bytes_total", "counter",
            "Bytes that a user was sent." }, offsetof(ks_meter_t, out) }
    };

    for (f = 0; f < ks_nelts(rows); f++) {
        ks_expose_family(x, &rows[f].family);

        for (k = 0; k < x->n; k++) {
            i = 0;

            while ((mt = ks_usage_next(&x->zones[k], &i)) != NULL) {
                ks_usage_head(x, &rows[f].family, &x->zones[k], mt);
                ks_expose_count(x, ks_usage_word(mt, rows[f].offset));
            }
        }
    }
}


static void
ks_usage_levels(ks_exposing_t *x, const ks_family_t *family, int used_up)
{
    size_t             q;
    unsigned           i, k;
    uint64_t           limit;
    ks_used_t          used;
    const ks_meter_t  *mt;

    ks_expose_family(x, family);

    for (k = 0; k < x->n; k++) {
        i = 0;

        while ((mt = ks_usage_next(&x->zones[k], &i)) != NULL) {
            ks_usage_read(mt, x->now, &used);

            for (q = 0; q < ks_nelts(ks_usage_quotas); q++) {
                limit = ks_usage_word(&mt->quota, ks_usage_quotas[q].quota);

                if (limit == 0) {
                    continue;
                }

                ks_usage_head(x, family, &x->zones[k], mt);
                ks_expose_cstr(x, ",");
                ks_expose_label(x, "quota",
                                (const u_char *) ks_usage_quotas[q].name,
                                strlen(ks_usage_quotas[q].name));
                ks_expose_count(x, used_up
                                ? ks_usage_word(&used, ks_usage_quotas[q].used)
                                : limit);
            }
        }
    }
}


void
ks_expose_usage(ks_exposing_t *x)
{
    static const ks_family_t  limits = {
        "keyspace_user_quota_limit", "gauge", "What a user may use."
    };
    static const ks_family_t  used = {
        "keyspace_user_quota_used", "gauge", "What of that it has used."
    };

    ks_usage_counters(x);
    ks_usage_levels(x, &limits, 0);
    ks_usage_levels(x, &used, 1);
}
