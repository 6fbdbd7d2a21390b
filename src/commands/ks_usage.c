/*
 * Quotas: which there are, when a window ends, and what is said of one that is
 * used up.  The texts are Upstash's.
 */

#include "commands/ks_args.h"
#include "commands/ks_command_table.h"
#include "commands/ks_limit.h"
#include "commands/ks_usage.h"

#include <stdio.h>
#include <time.h>


#define KS_USAGE_TEXT   160
#define KS_USAGE_DAY    86400000ull             /* ms */
#define KS_USAGE_HOUR   3600000.0               /* ms */
#define KS_USAGE_GB     (1024.0 * 1024 * 1024)

/* a command that would go beyond a quota */
typedef struct {
    char             text[KS_USAGE_TEXT];
} ks_usage_error_t;


/* of a command that was undone; until the next one of this process */
static ks_usage_error_t  ks_usage_undone;


/* --- what counts --- */

static int
ks_usage_free(const ks_command_t *cmd)
{
    unsigned  acl;

    acl = ks_command_acl(cmd);

    return (acl & (KS_ACL_CONNECTION|KS_ACL_ADMIN))
           || strcmp(cmd->name, "info") == 0
           || strncmp(cmd->name, "acl", 3) == 0;
}


unsigned
ks_usage_counts(const ks_command_t *cmd)
{
    size_t  i;

    enum { KS_UNKNOWN = 0, KS_COUNTS, KS_FREE };

    static uint8_t  known[KS_ROWS_MAX];

    i = ks_command_number(cmd);

    if (ks_unlikely(known[i] == KS_UNKNOWN)) {
        known[i] = ks_usage_free(cmd) ? KS_FREE : KS_COUNTS;
    }

    return known[i] == KS_COUNTS;
}


/* --- windows --- */

/* The end of the window that has the time now; months are those of UTC. */

static uint64_t
ks_usage_end(unsigned window, uint64_t now)
{
    time_t     seconds;
    struct tm  tm;

    if (window == KS_METER_DAY) {
        return now - now % KS_USAGE_DAY + KS_USAGE_DAY;
    }

    seconds = (time_t) (now / 1000);
    (void) gmtime_r(&seconds, &tm);

    tm.tm_mon++;
    tm.tm_mday = 1;
    tm.tm_hour = 0;
    tm.tm_min = 0;
    tm.tm_sec = 0;

    return (uint64_t) timegm(&tm) * 1000;
}


/* The windows that are over begin anew; under the lock. */

static void
ks_usage_turn(ks_mem_t *m, ks_meter_t *mt, uint64_t now)
{
    unsigned           i;
    ks_meter_window_t  w;

    for (i = 0; i < KS_METER_WINDOWS; i++) {

        if (ks_likely(now < mt->windows[i].end)) {
            continue;
        }

        w.end = ks_usage_end(i, now);
        w.commands = mt->commands;
        w.in = __atomic_load_n(&mt->in, __ATOMIC_RELAXED);
        w.out = __atomic_load_n(&mt->out, __ATOMIC_RELAXED);

        ks_meter_put(m, &mt->windows[i], &w, sizeof(w));
    }
}


void
ks_usage_read(const ks_meter_t *mt, uint64_t now, ks_used_t *used)
{
    unsigned                  i;
    const ks_meter_window_t  *w;

    memset(used, 0, sizeof(ks_used_t));

    for (i = 0; i < KS_METER_WINDOWS; i++) {
        w = &mt->windows[i];
        used->ends[i] = ks_usage_end(i, now);

        if (now >= w->end) {
            continue;
        }

        used->commands[i] = mt->commands - w->commands;
        used->in[i] = __atomic_load_n(&mt->in, __ATOMIC_RELAXED) - w->in;
        used->out[i] = __atomic_load_n(&mt->out, __ATOMIC_RELAXED) - w->out;
        used->ends[i] = w->end;
    }
}


void
ks_usage_reset(ks_space_t *sp, ks_meter_t *mt)
{
    unsigned           i;
    ks_mem_t          *m;
    ks_meter_window_t  w;

    m = ks_space_mem(sp);
    ks_meters_begin(m);

    for (i = 0; i < KS_METER_WINDOWS; i++) {
        w = mt->windows[i];
        w.commands = mt->commands;
        w.in = __atomic_load_n(&mt->in, __ATOMIC_RELAXED);
        w.out = __atomic_load_n(&mt->out, __ATOMIC_RELAXED);
        ks_meter_put(m, &mt->windows[i], &w, sizeof(w));
    }

    ks_meter_set(m, &mt->arrival, 0);
    ks_meters_end(m);
}


/* --- quotas --- */

static void
ks_usage_say(ks_usage_error_t *e, const char *what, uint64_t limit,
    uint64_t used, const char *unit)
{
    snprintf(e->text, sizeof(e->text), "ERR max %s limit exceeded. Limit: "
             "%llu%s, Usage: %llu%s.", what, (unsigned long long) limit, unit,
             (unsigned long long) used, unit);
}


/*
 * Whether n more commands fit into the windows as they are at that time; at 0
 * all windows are taken as not yet over.
 */

static int
ks_usage_windows(const ks_meter_t *mt, uint64_t now, uint64_t n,
    ks_usage_error_t *e)
{
    uint64_t                  used, limit;
    unsigned                  i;
    const ks_meter_window_t  *w;

    static const char *const  requests[] = { "daily request", "requests" };
    static const char *const  bytes[] = { "daily bandwidth", "bandwidth" };

    for (i = 0; i < KS_METER_WINDOWS; i++) {
        w = &mt->windows[i];

        if (now >= w->end) {
            continue;
        }

        limit = mt->quota.commands[i];
        used = __atomic_load_n(&mt->commands, __ATOMIC_RELAXED) - w->commands;

        if (limit != 0 && used + n > limit) {
            ks_usage_say(e, requests[i], limit, used, "");
            return 0;
        }

        limit = mt->quota.bandwidth[i];
        used = __atomic_load_n(&mt->out, __ATOMIC_RELAXED) - w->out;

        if (limit != 0 && used >= limit) {
            ks_usage_say(e, bytes[i], limit, used, " bytes");
            return 0;
        }
    }

    return 1;
}


static void
ks_usage_limit(const ks_quota_t *quota, ks_limit_t *l)
{
    l->algorithm = KS_LIMIT_GCRA;
    l->count = (int64_t) quota->rate;
    l->period = (int64_t) quota->period;
    l->burst = (int64_t) quota->burst;
}


static int
ks_usage_rate(const ks_meter_t *mt, int64_t now, int64_t *arrival,
    ks_usage_error_t *e)
{
    ks_limit_t   l;
    const char  *per;

    ks_usage_limit(&mt->quota, &l);
    *arrival = (int64_t) __atomic_load_n(&mt->arrival, __ATOMIC_RELAXED);

    if (ks_limit_gcra(&l, arrival, now)) {
        return 1;
    }

    per = (l.period == 1000) ? "second" : (l.period == 60000) ? "minute"
          : (l.period == 3600000) ? "hour" : NULL;

    if (per != NULL) {
        snprintf(e->text, sizeof(e->text), "ERR max commands per %s exceeded. "
                 "Limit: %lld.", per, (long long) l.count);

    } else {
        snprintf(e->text, sizeof(e->text), "ERR max commands per %lld ms "
                 "exceeded. Limit: %lld.", (long long) l.period,
                 (long long) l.count);
    }

    return 0;
}


/* What the command alone says. */

static int
ks_usage_sizes(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_usage_error_t *e)
{
    int                i;
    uint64_t           n;
    const ks_zone_t   *zone;
    const ks_quota_t  *quota;

    quota = &client->user->meter->quota;

    if (quota->request != 0) {
        for (n = 0, i = 0; i < argc; i++) {
            n += argv[i].len;
        }

        if (n > quota->request) {
            snprintf(e->text, sizeof(e->text), "ERR max request size exceeded. "
                     "Limit: %llu bytes, Actual: %llu bytes.",
                     (unsigned long long) quota->request,
                     (unsigned long long) n);
            return 0;
        }
    }

    if (quota->memory != 0 && (cmd->flags & KS_CMD_DENYOOM)) {
        zone = ks_space_zone(client->space);
        n = ks_zone_used(zone);

        if (n >= quota->memory) {
            snprintf(e->text, sizeof(e->text), "ERR DB capacity quota "
                     "exceeded. Threshold: %llu bytes, Usage: %llu bytes.",
                     (unsigned long long) quota->memory,
                     (unsigned long long) n);
            return 0;
        }
    }

    return 1;
}


static int64_t
ks_usage_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 * KS_LIMIT_MS + ts.tv_nsec;
}


int
ks_usage_admits(ks_client_t *client, const ks_command_t *cmd, int argc,
    const ks_str_t *argv, ks_reply_t *reply)
{
    int                ok;
    int64_t            arrival;
    ks_meter_t        *mt;
    ks_usage_error_t   e;

    mt = client->user->meter;

    if (!ks_usage_counts(cmd) || !ks_meter_is(mt, client->user->meter_birth)) {
        return 1;
    }

    ok = ks_usage_sizes(client, cmd, argc, argv, &e)
         && (ks_likely(ks_usage_windows(mt, 0, 1, &e))
             || ks_usage_windows(mt, ks_clock(), 1, &e))
         && (mt->quota.rate == 0
             || ks_usage_rate(mt, ks_usage_clock(), &arrival, &e));

    if (!ok) {
        (void) __atomic_fetch_add(&mt->refused, 1, __ATOMIC_RELAXED);
        ks_reply_error(reply, e.text);
    }

    return ok;
}


/* --- charging --- */

void
ks_usage_charge(ks_space_t *sp, ks_client_t *client)
{
    int          ok;
    int64_t      arrival;
    uint64_t     now;
    ks_mem_t    *m;
    ks_meter_t  *mt;
    ks_limit_t   l;

    mt = client->user->meter;

    if (mt == NULL || client->spent == 0) {
        return;
    }

    m = ks_space_mem(sp);
    now = ks_space_now(sp);

    ks_meters_begin(m);

    if (!ks_meter_is(mt, client->user->meter_birth)) {
        ks_meters_end(m);
        return;
    }

    ks_usage_turn(m, mt, now);
    ok = ks_usage_windows(mt, now, client->spent, &ks_usage_undone);

    if (ok && mt->quota.rate != 0) {
        ok = ks_usage_rate(mt, (int64_t) now * KS_LIMIT_MS, &arrival,
                           &ks_usage_undone);

        if (ok) {
            ks_usage_limit(&mt->quota, &l);
            arrival += ks_limit_interval(&l) * (int64_t) client->spent;
            ks_meter_set(m, &mt->arrival, (uint64_t) arrival);
        }
    }

    if (ok) {
        ks_meter_set(m, &mt->commands, mt->commands + client->spent);
        ks_meters_end(m);
        return;
    }

    (void) __atomic_fetch_add(&mt->refused, client->spent, __ATOMIC_RELAXED);
    ks_meters_end(m);

    client->aborted = ks_usage_undone.text;
    ks_abort(sp);
}


static void
ks_usage_nothing(ks_space_t *sp, void *data)
{
    (void) sp;
    (void) data;
}


static void
ks_usage_alone_last(ks_space_t *sp, void *data)
{
    ks_usage_charge(sp, data);
}


int
ks_usage_charge_alone(ks_client_t *client)
{
    ks_call_t  call;

    client->spent = 1;

    memset(&call, 0, sizeof(call));
    call.body = ks_usage_nothing;
    call.last = ks_usage_alone_last;
    call.data = client;

    return ks_run(client->space, &call);
}


/* --- the configuration --- */

static const ks_users_conf_t *
ks_usage_wanted(unsigned n, const ks_users_conf_t *users, const u_char *name,
    size_t len)
{
    unsigned  i;

    for (i = 0; i < n; i++) {
        if (users[i].metered && users[i].name.len == len
            && memcmp(users[i].name.data, name, len) == 0)
        {
            return &users[i];
        }
    }

    return NULL;
}


/* A meter for a user that has none. */

static void
ks_usage_new(ks_space_t *sp, const ks_users_conf_t *user)
{
    unsigned      i;
    ks_mem_t     *m;
    ks_zone_t    *zone;
    ks_meter_t    mt;

    m = ks_space_mem(sp);
    zone = ks_space_zone(sp);

    for (i = 0; i < zone->nmeters; i++) {

        if (ks_meter_at(zone, i)->birth != 0) {
            continue;
        }

        memset(&mt, 0, sizeof(mt));
        mt.birth = ks_next_id(sp);
        mt.quota = user->quota;
        mt.len = (uint32_t) ks_min(user->name.len, (size_t) KS_METER_NAME);
        memcpy(mt.name, user->name.data, mt.len);

        ks_meter_put(m, ks_meter_at(zone, i), &mt, sizeof(mt));
        return;
    }
}


void
ks_usage_configure(ks_space_t *sp, unsigned n, const ks_users_conf_t *users)
{
    unsigned                i;
    ks_mem_t               *m;
    ks_zone_t              *zone;
    ks_meter_t             *mt;
    const ks_users_conf_t  *user;

    m = ks_space_mem(sp);
    zone = ks_space_zone(sp);

    ks_meters_begin(m);

    for (i = 0; i < zone->nmeters; i++) {
        mt = ks_meter_at(zone, i);

        if (mt->birth == 0) {
            continue;
        }

        user = ks_usage_wanted(n, users, mt->name, mt->len);

        if (user == NULL) {
            ks_meter_set(m, &mt->birth, 0);

        } else if (memcmp(&mt->quota, &user->quota, sizeof(ks_quota_t)) != 0) {
            ks_meter_put(m, &mt->quota, &user->quota, sizeof(ks_quota_t));
        }
    }

    for (i = 0; i < n; i++) {
        if (users[i].metered
            && ks_meter_find(zone, users[i].name.data, users[i].name.len) < 0)
        {
            ks_usage_new(sp, &users[i]);
        }
    }
}


void
ks_usage_assign(ks_space_t *sp, ks_users_record_t *u)
{
    int         i;
    ks_zone_t  *zone;

    zone = ks_space_zone(sp);
    i = ks_meter_find(zone, u->name.data, u->name.len);

    u->meter = (uint32_t) (i < 0 ? 0 : i + 1);
    u->meter_birth = i < 0 ? 0 : ks_meter_at(zone, (unsigned) i)->birth;
}


int
ks_usage_current(ks_space_t *sp, const ks_users_record_t *u)
{
    ks_users_record_t  now;

    now = *u;
    ks_usage_assign(sp, &now);

    return now.meter == u->meter && now.meter_birth == u->meter_birth;
}


double
ks_usage_gb_hours(const ks_zone_t *zone, uint64_t now)
{
    return (double) ks_zone_page_ms(zone, now)
           * KS_PAGE_SIZE / KS_USAGE_GB / KS_USAGE_HOUR;
}
