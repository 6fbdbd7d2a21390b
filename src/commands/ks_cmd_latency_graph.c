/*
 * LATENCY GRAPH: the times of an event as a drawing of characters.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"
#include "commands/ks_latency.h"
#include "commands/ks_timing.h"

#include <stdio.h>


#define KS_GRAPH_WIDTH   80
#define KS_GRAPH_ROWS    4
#define KS_GRAPH_LABEL   8
#define KS_GRAPH_TEXT    (KS_GRAPH_WIDTH + 2)

/* a column's end, from a low to a high one */
static const char  ks_graph_ends[] = "_o#";

#define KS_GRAPH_STEPS   (KS_GRAPH_ROWS * (int) (sizeof(ks_graph_ends) - 1))

/* a graph that is being written */
typedef struct {
    char              *text;
    size_t             len;
    const ks_spike_t  *spikes;
    unsigned           n;
    uint32_t           low;
    uint32_t           high;
} ks_graph_t;


/* What stands in the row of a column; rows are counted from below. */

static char
ks_graph_cell(const ks_graph_t *g, unsigned i, int row)
{
    int  step, ends;

    ends = (int) sizeof(ks_graph_ends) - 1;
    step = g->high == g->low ? 0
           : (int) ((uint64_t) (g->spikes[i].ms - g->low)
                    * (KS_GRAPH_STEPS - 1) / (g->high - g->low));

    if (step / ends == row) {
        return ks_graph_ends[step % ends];
    }

    return step / ends > row ? '|' : ' ';
}


/* How long ago, in the largest unit that fits. */

static void
ks_graph_age(char label[KS_GRAPH_LABEL], uint64_t seconds)
{
    if (seconds < 60) {
        snprintf(label, KS_GRAPH_LABEL, "%us", (unsigned) seconds);

    } else if (seconds < 3600) {
        snprintf(label, KS_GRAPH_LABEL, "%um", (unsigned) (seconds / 60));

    } else if (seconds < 86400) {
        snprintf(label, KS_GRAPH_LABEL, "%uh", (unsigned) (seconds / 3600));

    } else {
        snprintf(label, KS_GRAPH_LABEL, "%ud",
                 (unsigned) ks_min(seconds / 86400, 99999));
    }
}


/* The labels stand upright below their columns. */

static void
ks_graph_labels(ks_graph_t *g, uint64_t now)
{
    char      label[KS_GRAPH_WIDTH][KS_GRAPH_LABEL];
    size_t    row, most;
    unsigned  i;

    for (most = 0, i = 0; i < g->n; i++) {
        ks_graph_age(label[i], now - ks_min(now, g->spikes[i].seconds));
        most = ks_max(most, strlen(label[i]));
    }

    for (row = 0; row < most; row++) {
        for (i = 0; i < g->n; i++) {
            g->text[g->len++] = row < strlen(label[i]) ? label[i][row] : ' ';
        }

        g->text[g->len++] = '\n';
    }
}


static void
ks_graph_draw(ks_graph_t *g, const char *event, uint32_t longest,
    uint64_t now)
{
    int       row;
    unsigned  i;

    g->low = g->high = g->spikes[0].ms;

    for (i = 1; i < g->n; i++) {
        g->low = ks_min(g->low, g->spikes[i].ms);
        g->high = ks_max(g->high, g->spikes[i].ms);
    }

    g->len = (size_t) snprintf(g->text, 2 * KS_GRAPH_TEXT,
                               "%s - high %u ms, low %u ms "
                               "(all time high %u ms)\n", event, g->high,
                               g->low, longest);

    memset(g->text + g->len, '-', KS_GRAPH_WIDTH);
    g->len += KS_GRAPH_WIDTH;
    g->text[g->len++] = '\n';

    for (row = KS_GRAPH_ROWS - 1; row >= 0; row--) {
        for (i = 0; i < g->n; i++) {
            g->text[g->len++] = ks_graph_cell(g, i, row);
        }

        g->text[g->len++] = '\n';
    }

    g->text[g->len++] = '\n';
    ks_graph_labels(g, now);
}


void
ks_cmd_latency_graph(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int          event;
    unsigned     n;
    uint32_t     longest;
    ks_graph_t   g;
    ks_spike_t   spikes[KS_SPIKES];
    ks_stats_t  *stats;

    (void) argc;

    stats = ks_timing_stats(c);

    if (stats == NULL) {
        return;
    }

    longest = 0;
    event = ks_latency_event(&argv[2]);
    n = event < 0 ? 0 : ks_spikes(stats, (ks_spike_event_t) event, spikes,
                                  &longest);

    if (n == 0) {
        ks_reply_errorf(c->reply, "ERR No samples available for event '%.*s'",
                        (int) ks_min(argv[2].len, 128),
                        (char *) argv[2].data);
        return;
    }

    g.n = ks_min(n, KS_GRAPH_WIDTH);
    g.spikes = spikes + (n - g.n);
    g.text = ks_arena_alloc(c->space, (2 + 1 + KS_GRAPH_ROWS + 1
                                       + KS_GRAPH_LABEL) * KS_GRAPH_TEXT);

    ks_graph_draw(&g, ks_latency_events[event], longest,
                  ks_space_now(c->space) / 1000);

    c->reply->ops->verbatim(c->reply, "txt", (u_char *) g.text, g.len);
}
