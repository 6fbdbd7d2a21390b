/*
 * CLIENT TRACKING, CACHING, GETREDIR, TRACKINGINFO, and MONITOR.
 */

#include "commands/ks_args.h"
#include "commands/ks_clients.h"
#include "commands/ks_handlers.h"
#include "commands/ks_conn.h"
#include "commands/ks_conn_peer.h"
#include "commands/ks_conn_seat.h"
#include "commands/ks_databases.h"


#define KS_ERR_DEAF  "ERR this worker cannot be told anything: the zone has "  \
                     "no place for it"

/* what CLIENT TRACKING asks for */
typedef struct {
    int64_t    redirect;
    uint64_t   away;
    unsigned   bcast:1;
    unsigned   optin:1;
    unsigned   optout:1;
    unsigned   noloop:1;
    unsigned   redirects:1;
    int        nprefixes;
    ks_str_t  *prefixes;
} ks_tracking_args_t;


/* --- options --- */

static int
ks_tracking_redirect(ks_ctx_t *c, const ks_str_t *arg, ks_tracking_args_t *a)
{
    if (a->redirect != 0) {
        ks_reply_error(c->reply, "ERR A client can only redirect to a single "
                       "other client");
        return KS_ERR;
    }

    a->redirects = 1;

    return ks_arg_int(c, arg, &a->redirect, NULL);
}


/* Who is told may be a client of any process. */

static int
ks_tracking_target(ks_ctx_t *c, ks_tracking_args_t *a)
{
    ks_ask_t            *ask;
    ks_conn_t           *s;
    ks_client_filter_t   f;

    s = c->client->conn;

    if (!a->redirects
        || ks_peers_find(ks_conn_peers(s), (uint64_t) a->redirect) != NULL)
    {
        return KS_OK;
    }

    memset(&f, 0, sizeof(f));
    f.id = (uint64_t) a->redirect;
    ask = ks_clients_ask(c, KS_ASK_FIND, &f);

    if (ask != NULL) {
        a->away = ask->who;
        ks_ask_end(ask);
    }

    if (a->away == 0) {
        ks_reply_error(c->reply, "ERR The client ID you want redirect to does "
                       "not exist");
        return KS_ERR;
    }

    return KS_OK;
}


static int
ks_tracking_options(ks_ctx_t *c, int argc, ks_str_t *argv,
    ks_tracking_args_t *a)
{
    int  i, more;

    a->prefixes = ks_arena_alloc(c->space, (size_t) argc * sizeof(ks_str_t));

    for (i = 3; i < argc; i++) {
        more = (i + 1 < argc);

        if (ks_arg_is(&argv[i], "redirect") && more) {

            if (ks_tracking_redirect(c, &argv[++i], a) != KS_OK) {
                return KS_ERR;
            }

        } else if (ks_arg_is(&argv[i], "bcast")) {
            a->bcast = 1;

        } else if (ks_arg_is(&argv[i], "optin")) {
            a->optin = 1;

        } else if (ks_arg_is(&argv[i], "optout")) {
            a->optout = 1;

        } else if (ks_arg_is(&argv[i], "noloop")) {
            a->noloop = 1;

        } else if (ks_arg_is(&argv[i], "prefix") && more) {
            a->prefixes[a->nprefixes++] = argv[++i];

        } else {
            ks_reply_error(c->reply, KS_ERR_SYNTAX);
            return KS_ERR;
        }
    }

    return ks_tracking_target(c, a);
}


/* NULL, or why they do not fit together, or not to how the client tracks */

static const char *
ks_tracking_conflict(const ks_tracking_args_t *a, const ks_tracker_t *t)
{
    if (!a->bcast && a->nprefixes) {
        return "ERR PREFIX option requires BCAST mode to be enabled";
    }

    if (t->tracking != NULL && t->bcast != a->bcast) {
        return "ERR You can't switch BCAST mode on/off before disabling "
               "tracking for this client, and then re-enabling it with "
               "a different mode.";
    }

    if (a->bcast && (a->optin || a->optout)) {
        return "ERR OPTIN and OPTOUT are not compatible with BCAST";
    }

    if (a->optin && a->optout) {
        return "ERR You can't specify both OPTIN mode and OPTOUT mode";
    }

    if ((a->optin && t->optout) || (a->optout && t->optin)) {
        return "ERR You can't switch OPTIN/OPTOUT mode before disabling "
               "tracking for this client, and then re-enabling it with "
               "a different mode.";
    }

    return NULL;
}


/* --- prefixes --- */

static int
ks_prefix_overlaps(const ks_str_t *a, const ks_str_t *b)
{
    return memcmp(a->data, b->data, ks_min(a->len, b->len)) == 0;
}


static int
ks_prefix_error(ks_ctx_t *c, const ks_str_t *prefix, const char *which,
    const ks_str_t *other)
{
    ks_reply_errorf(c->reply, "ERR Prefix '%.*s' overlaps with %s prefix "
                    "'%.*s'. Prefixes for a single client must not overlap.",
                    (int) ks_min(prefix->len, 128u), (char *) prefix->data,
                    which,
                    (int) ks_min(other->len, 128u), (char *) other->data);

    return KS_ERR;
}


static int
ks_prefixes_apart(ks_ctx_t *c, const ks_tracking_args_t *a,
    const ks_tracker_t *t)
{
    int                   i, k;
    const ks_prefixed_t  *p;

    for (i = 0; i < a->nprefixes; i++) {

        for (p = t->prefixes; p != NULL; p = p->more) {
            if (ks_prefix_overlaps(&a->prefixes[i],
                                   ks_tracking_prefix_text(p)))
            {
                return ks_prefix_error(c, &a->prefixes[i], "an existing",
                                       ks_tracking_prefix_text(p));
            }
        }

        for (k = i + 1; k < a->nprefixes; k++) {
            if (ks_prefix_overlaps(&a->prefixes[i], &a->prefixes[k])) {
                return ks_prefix_error(c, &a->prefixes[i],
                                       "another provided", &a->prefixes[k]);
            }
        }
    }

    return KS_OK;
}


/* --- TRACKING --- */

static void
ks_tracking_begin(ks_ctx_t *c, ks_conn_t *s, ks_tracking_args_t *a)
{
    int            i;
    ks_tracker_t  *t;

    t = &s->tracker;
    t->peer = ks_conn_peer(s);
    t->bcast = a->bcast;

    if (ks_tracking_on(c->space, ks_conn_peers(s), t) != KS_OK) {
        memset(t, 0, sizeof(ks_tracker_t));
        ks_reply_error(c->reply, KS_ERR_DEAF);
        return;
    }

    t->redirect = (uint64_t) a->redirect;
    t->away = a->away;
    t->optin = a->optin;
    t->optout = a->optout;
    t->noloop = a->noloop;
    t->broken = 0;

    /* all keys, besides what it has asked for before */

    if (a->bcast && a->nprefixes == 0
        && (t->prefixes == NULL
            || ks_tracking_prefix_text(t->prefixes)->len != 0))
    {
        a->prefixes[a->nprefixes++] = ks_text("");
    }

    for (i = 0; i < a->nprefixes; i++) {
        if (ks_tracking_prefix(t, &a->prefixes[i]) != KS_OK) {
            ks_tracking_off(c->space, t);
            ks_reply_error(c->reply, KS_ERR_NOMEM);
            return;
        }
    }

    ks_reply_ok(c->reply);
}


void
ks_cmd_client_tracking(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                  on;
    ks_conn_t           *s;
    const char          *err;
    ks_tracking_args_t   a;

    s = ks_want_conn(c);
    memset(&a, 0, sizeof(a));

    if (s == NULL
        || ks_tracking_options(c, argc, argv, &a) != KS_OK
        || ks_arg_switch(c, &argv[2], &on) != KS_OK)
    {
        return;
    }

    if (!on) {
        ks_tracking_off(c->space, &s->tracker);
        ks_conn_attend(s);
        ks_reply_ok(c->reply);
        return;
    }

    err = ks_tracking_conflict(&a, &s->tracker);

    if (err != NULL) {
        ks_reply_error(c->reply, err);
        return;
    }

    if (ks_prefixes_apart(c, &a, &s->tracker) == KS_OK) {
        ks_tracking_begin(c, s, &a);
        ks_conn_attend(s);
    }
}


/* --- CACHING --- */

static const char *
ks_caching_conflict(const ks_tracker_t *t, int yes)
{
    if (t->tracking == NULL) {
        return "ERR CLIENT CACHING can be called only when the client is in "
               "tracking mode with OPTIN or OPTOUT mode enabled";
    }

    if (yes && !t->optin) {
        return "ERR CLIENT CACHING YES is only valid when tracking is enabled "
               "in OPTIN mode.";
    }

    if (!yes && !t->optout) {
        return "ERR CLIENT CACHING NO is only valid when tracking is enabled "
               "in OPTOUT mode.";
    }

    return NULL;
}


void
ks_cmd_client_caching(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int             yes;
    ks_conn_t      *s;
    const char     *err;

    (void) argc;

    s = ks_want_conn(c);

    if (s == NULL) {
        return;
    }

    yes = ks_arg_is(&argv[2], "yes");

    if (s->tracker.tracking != NULL && !yes && !ks_arg_is(&argv[2], "no")) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    err = ks_caching_conflict(&s->tracker, yes);

    if (err != NULL) {
        ks_reply_error(c->reply, err);
        return;
    }

    s->tracker.caching = yes ? KS_CACHING_YES : KS_CACHING_NO;
    ks_reply_ok(c->reply);
}


/* --- GETREDIR, TRACKINGINFO --- */

static int64_t
ks_redirection(const ks_conn_t *s)
{
    if (s == NULL || s->tracker.tracking == NULL) {
        return -1;
    }

    return (int64_t) s->tracker.redirect;
}


void
ks_cmd_client_getredir(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    (void) argc;
    (void) argv;

    ks_reply_integer(c->reply, ks_redirection(c->client->conn));
}


static void
ks_tracking_flags(ks_ctx_t *c, const ks_tracker_t *t)
{
    unsigned     i, n;
    const char  *flags[8];

    n = 0;
    flags[n++] = t ? "on" : "off";

    if (t != NULL && t->bcast) {
        flags[n++] = "bcast";
    }

    if (t != NULL && t->optin) {
        flags[n++] = "optin";
    }

    if (t != NULL && t->optin && t->caching) {
        flags[n++] = "caching-yes";
    }

    if (t != NULL && t->optout) {
        flags[n++] = "optout";
    }

    if (t != NULL && t->optout && t->caching) {
        flags[n++] = "caching-no";
    }

    if (t != NULL && t->noloop) {
        flags[n++] = "noloop";
    }

    if (t != NULL && t->broken) {
        flags[n++] = "broken_redirect";
    }

    ks_reply_set(c->reply, n);

    for (i = 0; i < n; i++) {
        ks_reply_cstr(c->reply, flags[i]);
    }
}


void
ks_cmd_client_trackinginfo(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    size_t                n;
    const ks_str_t       *text;
    const ks_conn_t      *s;
    const ks_tracker_t   *t;
    const ks_prefixed_t  *p;

    (void) argc;
    (void) argv;

    s = c->client->conn;
    t = (s != NULL && s->tracker.tracking != NULL) ? &s->tracker : NULL;

    ks_reply_map(c->reply, 3);
    ks_reply_cstr(c->reply, "flags");
    ks_tracking_flags(c, t);
    ks_reply_cstr(c->reply, "redirect");
    ks_reply_integer(c->reply, ks_redirection(s));
    ks_reply_cstr(c->reply, "prefixes");

    for (n = 0, p = t ? t->prefixes : NULL; p != NULL; p = p->more) {
        n++;
    }

    ks_reply_array(c->reply, n);

    for (p = t ? t->prefixes : NULL; p != NULL; p = p->more) {
        text = ks_tracking_prefix_text(p);
        ks_reply_bulk(c->reply, text->data, text->len);
    }
}


/* --- MONITOR --- */

/* A client that monitors already gets no reply, as in Redis. */

void
ks_cmd_monitor(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_conn_t     *s;
    ks_monitor_t  *monitor;

    s = c->client->conn;
    monitor = c->client->monitor;

    if (c->client->sink == NULL || monitor == NULL) {
        ks_reply_error(c->reply, "ERR 'monitor' is for connections that stay "
                       "open: RESP, or a REST request of its own");
        return;
    }

    if (ks_monitors(monitor)) {
        return;
    }

    if (s != NULL && s->executing) {
        ks_reply_error(c->reply, "ERR MONITOR isn't allowed for DENY BLOCKING "
                       "client");
        return;
    }

    if ((s != NULL && s->several)
        ? ks_databases_monitor(c, s, argc, argv) != KS_OK
        : ks_monitor_begin(c->space, monitor, c->client->sink) != KS_OK)
    {
        ks_reply_error(c->reply, KS_ERR_DEAF);
        return;
    }

    if (s != NULL) {
        ks_conn_attend(s);
    }

    ks_reply_ok(c->reply);
}
