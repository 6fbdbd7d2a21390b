/*
 * The users that a configuration has, and the clients of users that have
 * changed.
 */

#include "bus/ks_pubsub.h"
#include "commands/ks_args.h"
#include "commands/ks_usage.h"
#include "commands/ks_users.h"
#include "commands/ks_users_account.h"
#include "keyspace/ks_space.h"


/* --- the configuration --- */

typedef struct {
    unsigned                n;
    const ks_users_conf_t  *users;
} ks_users_set_t;


static int
ks_users_configured(const ks_users_set_t *conf, const ks_str_t *name)
{
    unsigned  i;

    for (i = 0; i < conf->n; i++) {
        if (ks_str_same(&conf->users[i].name, name)) {
            return 1;
        }
    }

    return 0;
}


static int
ks_users_drop_old(ks_space_t *sp, const ks_users_set_t *conf)
{
    int                 changed;
    size_t              i, n;
    ks_str_t            own;
    ks_users_record_t  *list;

    changed = 0;
    own = ks_text("default");
    n = ks_users_list(sp, &list);

    for (i = 0; i < n; i++) {

        if (list[i].birth == 0
            || (list[i].source != KS_USERS_CONFIGURATION
                && !ks_str_same(&list[i].name, &own))
            || ks_users_configured(conf, &list[i].name))
        {
            continue;
        }

        (void) ks_library_remove(sp, KS_LIBRARY_USERS, &list[i].name);
        changed = 1;
    }

    return changed;
}


static void
ks_users_configure_body(ks_space_t *sp, void *data)
{
    int                     changed;
    unsigned                i;
    ks_users_set_t         *conf = data;
    ks_users_record_t       u;
    const ks_users_conf_t  *user;

    ks_usage_configure(sp, conf->n, conf->users);
    changed = ks_users_drop_old(sp, conf);

    for (i = 0; i < conf->n; i++) {
        user = &conf->users[i];

        if (ks_users_get(sp, &user->name, &u) != KS_OK) {
            memset(&u, 0, sizeof(u));
            u.name = user->name;

        } else if (u.source == KS_USERS_CONFIGURATION && u.birth != 0
                   && ks_str_same(&u.text, &user->rules)
                   && ks_usage_current(sp, &u))
        {
            continue;
        }

        u.text = user->rules;
        u.source = KS_USERS_CONFIGURATION;
        ks_users_store(sp, &u);
        changed = 1;
    }

    if (changed) {
        ks_users_tell(sp);
    }
}


int
ks_users_configure(ks_space_t *sp, unsigned n, const ks_users_conf_t *users)
{
    ks_users_set_t  conf;

    conf.n = n;
    conf.users = users;

    return ks_users_run(sp, ks_users_configure_body, &conf);
}


/* --- clients of users that have changed --- */

void
ks_users_announce(ks_space_t *sp)
{
    if (ks_users_version(sp) != 0) {
        ks_users_tell(sp);
    }
}


static int
ks_peer_hears(const ks_acl_t *acl, const ks_sink_t *sink)
{
    unsigned                  kind;
    const ks_subscription_t  *sub;

    for (kind = 0; kind < KS_SINK_TOPICS; kind++) {

        for (sub = ks_pubsub_settled(sink, (ks_topic_kind_t) kind, NULL);
             sub != NULL;
             sub = ks_pubsub_settled(sink, (ks_topic_kind_t) kind, sub))
        {
            if (!ks_acl_hears(acl, ks_subscription_name(sub),
                              kind == KS_TOPIC_PATTERN))
            {
                return 0;
            }
        }
    }

    return 1;
}


/* Who sees all commands has asked for it by one. */

static int
ks_peer_monitors(const ks_acl_t *acl)
{
    int                  at;
    ks_str_t             name;
    const ks_command_t  *cmd;

    name = ks_text("monitor");
    cmd = ks_command_named(&name);

    return cmd == NULL
           || ks_acl_check(acl, cmd, 1, &name, &at) == KS_ACL_ALLOWED;
}


static int
ks_peer_may_stay(ks_space_t *sp, ks_peer_t *peer)
{
    const ks_acl_t   *acl;
    ks_peer_about_t   about;

    memset(&about, 0, sizeof(about));
    peer->ops->about(peer, &about);

    if (about.who == NULL || about.who->rights != KS_RIGHTS_RULES) {
        return 1;
    }

    acl = ks_user_acl(sp, about.who);

    if (acl == NULL) {
        return 0;
    }

    return (strchr(about.flags, 'O') == NULL || ks_peer_monitors(acl))
           && (peer->sink == NULL || ks_peer_hears(acl, peer->sink));
}


void
ks_users_changed(ks_space_t *sp, ks_peers_t *peers)
{
    ks_peer_t  *peer, *next;

    for (peer = peers->first; peer != NULL; peer = next) {
        next = peer->next;

        if (!peer->killed && !ks_peer_may_stay(sp, peer)) {
            peer->killed = 1;
            peer->ops->kill(peer);
        }
    }
}
