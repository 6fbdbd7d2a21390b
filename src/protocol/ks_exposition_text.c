/*
 * The lines of metrics: families, labels, values.
 */

#include "protocol/ks_exposing.h"
#include "types/ks_number.h"

#include <stdio.h>


void
ks_expose_cstr(ks_exposing_t *x, const char *text)
{
    ks_out_write(x->out, text, strlen(text));
}


/* A label's value: backslashes, quotes and newlines are escaped. */

static void
ks_expose_value(ks_exposing_t *x, const u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {

        if (p[i] == '\n') {
            ks_expose_cstr(x, "\\n");
            continue;
        }

        if (p[i] == '"' || p[i] == '\\') {
            ks_expose_cstr(x, "\\");
        }

        ks_out_write(x->out, &p[i], 1);
    }
}


void
ks_expose_label(ks_exposing_t *x, const char *name, const u_char *p,
    size_t len)
{
    ks_expose_cstr(x, name);
    ks_expose_cstr(x, "=\"");
    ks_expose_value(x, p, len);
    ks_expose_cstr(x, "\"");
}


/* OpenMetrics calls a family of counters by the name without "_total". */

void
ks_expose_family(ks_exposing_t *x, const ks_family_t *family)
{
    int   len;
    char  line[KS_SAMPLE_MAX];

    len = (int) strlen(family->name);

    if (x->format == KS_EXPOSE_OPENMETRICS
        && strcmp(family->type, "counter") == 0)
    {
        len -= (int) sizeof("_total") - 1;
    }

    len = snprintf(line, sizeof(line), "# HELP %.*s %s\n# TYPE %.*s %s\n",
                   len, family->name, family->help, len, family->name,
                   family->type);

    ks_out_write(x->out, line, (size_t) len);
}


/*
 * name{zone="...",label="value": without a label, what is between the quotes
 * is left out; suffix goes behind the name.
 */

void
ks_expose_head(ks_exposing_t *x, const ks_family_t *family,
    const char *suffix, const ks_gathered_t *z, const char *label,
    const char *value)
{
    ks_expose_cstr(x, family->name);
    ks_expose_cstr(x, suffix);
    ks_expose_cstr(x, "{");
    ks_expose_label(x, "zone", z->zone->name.data, z->zone->name.len);

    if (label != NULL) {
        ks_expose_cstr(x, ",");
        ks_expose_label(x, label, (const u_char *) value, strlen(value));
    }
}


void
ks_expose_count(ks_exposing_t *x, uint64_t v)
{
    u_char  text[KS_INTEGER_TEXT];

    ks_out_write(x->out, "} ", 2);
    ks_out_write(x->out, text, ks_integer_text(text, (int64_t) v));
    ks_out_write(x->out, "\n", 1);
}


void
ks_expose_integer(ks_exposing_t *x, const ks_family_t *family,
    const ks_gathered_t *z, const char *label, const char *value, uint64_t v)
{
    ks_expose_head(x, family, "", z, label, value);
    ks_expose_count(x, v);
}


void
ks_expose_seconds(ks_exposing_t *x, uint64_t nanos)
{
    int   len;
    char  text[64];

    len = snprintf(text, sizeof(text), "} %.9f\n", (double) nanos / KS_NANOS);
    ks_out_write(x->out, text, (size_t) len);
}
