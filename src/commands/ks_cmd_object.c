/*
 * What a key is made of: OBJECT and MEMORY.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "types/ks_type.h"

#include <limits.h>
#include <stdio.h>


#define KS_SHARED_INTEGERS  10000
#define KS_DOCTOR_FULL  90              /* per cent */
#define KS_DOCTOR_TEXT      256


static int
ks_policy_is_lfu(const ks_ctx_t *c)
{
    ks_policy_t  policy;

    policy = ks_zone_policy(ks_space_zone(c->space));

    return policy == KS_ALLKEYS_LFU || policy == KS_VOLATILE_LFU;
}


static int
ks_policy_is_lru(const ks_ctx_t *c)
{
    ks_policy_t  policy;

    policy = ks_zone_policy(ks_space_zone(c->space));

    return policy == KS_ALLKEYS_LRU || policy == KS_VOLATILE_LRU;
}


/* NULL: there is none, and that is said */

static ks_entry_t *
ks_object(ks_ctx_t *c, const ks_str_t *key)
{
    ks_entry_t  *e;

    e = ks_lookup(c->space, key, KS_LOOKUP_PEEK);
    c->client->outcome = e ? KS_OUTCOME_HIT : KS_OUTCOME_MISS;

    if (e == NULL) {
        ks_reply_null(c->reply);
    }

    return e;
}


void
ks_cmd_object_encoding(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    e = ks_object(c, &argv[2]);

    if (e != NULL) {
        /* a listpack of fields that expire has its own name in Redis */

        ks_reply_cstr(c->reply, ks_entry_enc(e) == KS_ENC_LISTPACK
                                && ks_entry_fields_expire(e)
                                ? "listpackex"
                                : ks_encoding_name(ks_entry_enc(e)));
    }
}


/*
 * Nothing is shared here, but clients may know that Redis shares its small
 * integers unless it keeps an access clock for each key.
 */

static int
ks_object_shared(ks_ctx_t *c, const ks_entry_t *e)
{
    int64_t   v;
    ks_str_t  s;

    if (ks_entry_type(e) != KS_TYPE_STRING || ks_entry_enc(e) != KS_ENC_INT
        || ks_policy_is_lru(c) || ks_policy_is_lfu(c))
    {
        return 0;
    }

    s = ks_string_flat(c->space, e);

    return ks_parse_int(&s, &v) == KS_OK && v >= 0 && v < KS_SHARED_INTEGERS;
}


void
ks_cmd_object_refcount(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    e = ks_object(c, &argv[2]);

    if (e != NULL) {
        ks_reply_integer(c->reply, ks_object_shared(c, e) ? INT_MAX : 1);
    }
}


void
ks_cmd_object_idletime(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    e = ks_object(c, &argv[2]);

    if (e == NULL) {
        return;
    }

    if (ks_policy_is_lfu(c)) {
        ks_reply_error(c->reply, "ERR An LFU maxmemory policy is selected, "
                       "idle time not tracked. Please note that when "
                       "switching between policies at runtime LRU and LFU "
                       "data will take some time to adjust.");
        return;
    }

    ks_reply_integer(c->reply, (int64_t) ks_entry_idle(c->space, e));
}


void
ks_cmd_object_freq(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    e = ks_object(c, &argv[2]);

    if (e == NULL) {
        return;
    }

    if (!ks_policy_is_lfu(c)) {
        ks_reply_error(c->reply, "ERR An LFU maxmemory policy is not "
                       "selected, access frequency not tracked. Please note "
                       "that when switching between policies at runtime LRU "
                       "and LFU data will take some time to adjust.");
        return;
    }

    ks_reply_integer(c->reply, ks_entry_freq(c->space, e));
}


void
ks_cmd_object_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "ENCODING <key>",
        "    How the value of the key is kept.",
        "FREQ <key>",
        "    How often the key is used, on a logarithmic scale from 0 to 255.",
        "IDLETIME <key>",
        "    Seconds since the key was last used.",
        "REFCOUNT <key>",
        "    How many references the value of the key has.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}


/* SAMPLES n is checked and not needed: a value is measured whole */

void
ks_cmd_memory_usage(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          i;
    int64_t      samples;
    ks_entry_t  *e;

    for (i = 3; i < argc; i += 2) {

        if (!ks_arg_is(&argv[i], "samples") || i + 1 == argc) {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return;
        }

        if (ks_arg_int(c, &argv[i + 1], &samples, NULL) != KS_OK) {
            return;
        }

        if (samples < 0) {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return;
        }
    }

    e = ks_object(c, &argv[2]);

    if (e != NULL) {
        ks_reply_integer(c->reply, (int64_t) ks_entry_memory(c->space, e));
    }
}


/* the first fault is said, the others are counted */

static void
ks_doctor_note(void *data, const char *fault)
{
    char  *first;

    first = data;

    if (first[0] == '\0') {
        snprintf(first, KS_DOCTOR_TEXT, "%s", fault);
    }
}


static uint64_t
ks_doctor_evicted(ks_zone_t *zone)
{
    size_t              i;
    const ks_metric_t  *m;

    for (i = 0; (m = ks_metric(i)) != NULL; i++) {
        if (strcmp(m->name, "evicted_keys") == 0) {
            return ks_metric_value(zone, m, 0);
        }
    }

    return 0;
}


/*
 * What an operator may want to change, a line each: what is so full that it
 * matters, and what keys cost beside themselves.
 */

static size_t
ks_doctor_advice(const ks_space_t *sp, char *text, size_t size)
{
    int               n;
    unsigned          part;
    uint64_t          evicted;
    ks_zone_t        *zone;
    ks_zone_stats_t   st;

    zone = ks_space_zone(sp);
    evicted = ks_doctor_evicted(zone);
    ks_zone_stats(zone, &st);
    part = (unsigned) (st.used * 100 / st.size);
    n = 0;

    if (part >= KS_DOCTOR_FULL && ks_zone_policy(zone) == KS_NOEVICTION) {
        n = snprintf(text, size, "\n* %u %% of the zone are in use, and "
                     "nothing is evicted: soon writes will be refused. Make "
                     "it larger, or set \"eviction\".", part);

    } else if (part >= KS_DOCTOR_FULL && evicted > st.keys) {
        n = snprintf(text, size, "\n* The zone is full, and more keys were "
                     "evicted (%llu) than there are (%llu): it may be too "
                     "small.", (unsigned long long) evicted,
                     (unsigned long long) st.keys);
    }

    if (st.keys != 0 && st.expires == 0
        && strncmp(ks_policy_name(ks_zone_policy(zone)), "volatile-", 9) == 0)
    {
        n += snprintf(text + n, size - (size_t) n, "\n* Only keys with a time "
                      "to live are evicted, and none has one.");
    }

    return (size_t) n;
}


void
ks_cmd_memory_doctor(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    char    text[KS_DOCTOR_TEXT + 512], first[KS_DOCTOR_TEXT];
    size_t  n, len;

    (void) argc;
    (void) argv;

    first[0] = '\0';
    n = ks_check(c->space, ks_doctor_note, first);

    if (n == 0) {
        len = (size_t) snprintf(text, sizeof(text),
                                "ok: no faults in the zone");
        (void) ks_doctor_advice(c->space, text + len, sizeof(text) - len);

    } else {
        snprintf(text, sizeof(text), "%zu faults in the zone, the first: %s",
                 n, first);
    }

    c->reply->ops->verbatim(c->reply, "txt", (u_char *) text, strlen(text));
}


void
ks_cmd_memory_help(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    static const char *const  lines[] = {
        "DOCTOR",
        "    Checks every structure of the zone, while all others wait.",
        "MALLOC-STATS",
        "    What the zone's allocator has, in words.",
        "PURGE",
        "    Does nothing: the allocator keeps nothing back.",
        "STATS",
        "    What takes memory.",
        "USAGE <key> [SAMPLES <count>]",
        "    Bytes of the zone that the key and its value take.",
        NULL
    };

    (void) argc;
    (void) argv;

    ks_reply_help(c, lines);
}
