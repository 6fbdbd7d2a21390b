/*
 * The text of metrics while it is written, as the files of ks_exposition.h
 * share it.
 */

#ifndef KS_EXPOSING_H
#define KS_EXPOSING_H

#include "protocol/ks_exposition.h"


#define KS_SAMPLE_MAX   1024            /* bytes of a line, its labels aside */
#define KS_NANOS        1e9

/* the steps of histograms that are shown: from 250 ns to 262 ms */
#define KS_STEP_FIRST   1
#define KS_STEP_LAST    21
#define KS_STEP_TEXT    32              /* bytes of a step's label */

/* a zone, as it is at the time of asking */
typedef struct {
    const ks_exposed_t  *zone;
    ks_zone_stats_t      keys;
    uint64_t             now;
    ks_stat_t           *commands;      /* by their rows; NULL: not counted */
    ks_stat_named_t      rules[KS_STAT_RULES];
    ks_stat_named_t      prefixes[KS_STAT_PREFIXES];
    unsigned             nrules;
    unsigned             nprefixes;
} ks_gathered_t;

/* what is being written */
typedef struct {
    ks_out_t            *out;
    ks_exposition_t      format;
    ks_gathered_t       *zones;
    unsigned             n;
    uint64_t             now;
    char                 steps[KS_STEP_LAST + 1][KS_STEP_TEXT];
} ks_exposing_t;

/* a family of series */
typedef struct {
    const char          *name;
    const char          *type;          /* "counter", "gauge", "histogram" */
    const char          *help;
} ks_family_t;


void ks_expose_cstr(ks_exposing_t *x, const char *text);
void ks_expose_label(ks_exposing_t *x, const char *name, const u_char *p,
    size_t len);
void ks_expose_family(ks_exposing_t *x, const ks_family_t *family);

/*
 * name{zone="...",label="value": without a label, what is between the quotes
 * is left out; suffix goes behind the name.  A value has to follow.
 */
void ks_expose_head(ks_exposing_t *x, const ks_family_t *family,
    const char *suffix, const ks_gathered_t *z, const char *label,
    const char *value);
void ks_expose_count(ks_exposing_t *x, uint64_t v);
void ks_expose_seconds(ks_exposing_t *x, uint64_t nanos);

/* All of a sample. */
void ks_expose_integer(ks_exposing_t *x, const ks_family_t *family,
    const ks_gathered_t *z, const char *label, const char *value, uint64_t v);

/* What users use (ks_exposition_usage.c). */
void ks_expose_usage(ks_exposing_t *x);

/* Replicas, and what zones follow (ks_exposition_replication.c). */
void ks_expose_replicas(ks_exposing_t *x);
void ks_expose_upstreams(ks_exposing_t *x);


#endif /* KS_EXPOSING_H */
