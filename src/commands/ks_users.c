/*
 * Accounts: what this process knows of the users of a zone.
 *
 * An account is read again when the version of the users has moved on since.
 * The version grows before the commit of what it is for, so that whoever reads
 * records afterwards, under their lock, reads at least that.  Inside of a
 * transaction that has itself changed the user an account is good for this
 * transaction alone, as that may yet be undone.
 */

#include "commands/ks_args.h"
#include "commands/ks_users.h"
#include "commands/ks_users_account.h"
#include "keyspace/ks_space.h"
#include "memory/ks_meter.h"

#include <stdlib.h>


static const char  ks_default_name[] = "default";


/* --- the table --- */

static int
ks_text_copy(ks_str_t *to, const ks_str_t *from)
{
    u_char  *p;

    p = malloc(from->len + 1);

    if (p == NULL) {
        return KS_NOMEM;
    }

    if (from->len != 0) {
        memcpy(p, from->data, from->len);
    }

    free(to->data);
    to->data = p;
    to->len = from->len;

    return KS_OK;
}


static ks_account_t *
ks_account_new(ks_users_t *users, const ks_str_t *name, uint64_t birth)
{
    ks_account_t  *a;

    a = calloc(1, sizeof(ks_account_t) + name->len + 1);

    if (a == NULL) {
        return NULL;
    }

    if (name->len != 0) {
        memcpy(a->name, name->data, name->len);
    }

    a->user.name = a->name;
    a->user.rights = KS_RIGHTS_RULES;
    a->user.full[0] = KS_NEVER_FULL;
    a->user.full[1] = KS_NEVER_FULL;
    a->seen = KS_NEVER_FULL;
    a->birth = birth;
    a->next = users->first;
    users->first = a;
    ks_acl_init(&a->acl, NULL);

    return a;
}


static void
ks_account_free(ks_account_t *a)
{
    ks_acl_done(&a->acl);
    free(a->text.data);
    free(a);
}


/* Those that are gone, and that nobody holds. */

static void
ks_accounts_sweep(ks_users_t *users)
{
    ks_account_t  *a, **p;

    for (p = &users->first; *p != NULL; /* void */ ) {
        a = *p;

        if (a->gone && a->holders == 0) {
            *p = a->next;
            ks_account_free(a);

        } else {
            p = &a->next;
        }
    }
}


static ks_account_t *
ks_account_find(const ks_users_t *users, const ks_str_t *name, uint64_t birth)
{
    ks_account_t  *a;

    for (a = users->first; a != NULL; a = a->next) {
        if (!a->gone && a != users->own && (birth == 0 || a->birth == birth)
            && strlen(a->name) == name->len
            && memcmp(a->name, name->data, name->len) == 0)
        {
            return a;
        }
    }

    return NULL;
}


void
ks_users_close(ks_space_t *sp)
{
    ks_users_t    *users;
    ks_account_t  *a;

    users = *ks_space_users(sp);

    if (users == NULL) {
        return;
    }

    *ks_space_users(sp) = NULL;

    while (users->first != NULL) {
        a = users->first;
        users->first = a->next;

        if (a->holders == 0) {
            ks_account_free(a);
        }
    }

    free(users->rules.data);
    free(users);
}


ks_users_t *
ks_users_of(ks_space_t *sp)
{
    ks_str_t  rules;

    if (*ks_space_users(sp) == NULL) {
        rules = ks_text(KS_USERS_DEFAULT);
        (void) ks_users_open(sp, &rules);
    }

    return *ks_space_users(sp);
}


/* --- reading accounts --- */

/* for want of memory it has no rights until it is read again */

static void
ks_account_compile(ks_account_t *a, const ks_str_t *text)
{
    ks_acl_done(&a->acl);
    ks_acl_init(&a->acl, NULL);

    if (ks_text_copy(&a->text, text) != KS_OK
        || ks_acl_parse(&a->acl, text) != NULL)
    {
        ks_acl_done(&a->acl);
        ks_acl_init(&a->acl, NULL);
        free(a->text.data);
        memset(&a->text, 0, sizeof(a->text));
    }
}


static void
ks_account_meter(ks_space_t *sp, ks_account_t *a, const ks_users_record_t *u)
{
    a->user.meter = NULL;

    if (u != NULL && u->meter != 0) {
        a->user.meter = ks_meter_at(ks_space_zone(sp), u->meter - 1);
        a->user.meter_birth = u->meter_birth;
    }
}


/* What the record says, at that version of the users; NULL: there is none. */

static void
ks_account_set(ks_space_t *sp, ks_account_t *a, const ks_users_record_t *u,
    uint64_t version)
{
    int              known;
    const ks_str_t  *text;

    text = u ? &u->text : NULL;
    ks_account_meter(sp, a, u);

    /* what another transaction finds changed may be its own doing */

    known = ks_users_of(sp)->reading || !ks_inside(sp);

    if (text == NULL) {
        a->absent = 1;
        a->gone |= (known != 0);

    } else if (a->text.data == NULL || !ks_str_same(&a->text, text)) {
        a->absent = 0;
        ks_account_compile(a, text);

    } else {
        a->absent = 0;
        known = 1;
    }

    if (!known) {
        a->seen = KS_NEVER_FULL;
        a->tried = ks_transaction(sp);
        a->tried_at = version;
        a->user.full[0] = KS_NEVER_FULL;
        a->user.full[1] = KS_NEVER_FULL;
        return;
    }

    /* what could not be read for want of memory is read again next time */

    a->seen = (a->absent || a->text.data != NULL) ? version : KS_NEVER_FULL;
    a->user.full[0] = (!a->absent && ks_acl_full(&a->acl))
                      ? version : KS_NEVER_FULL;
    a->user.full[1] = (!a->absent && ks_acl_full_channels(&a->acl))
                      ? version : KS_NEVER_FULL;
}


int
ks_users_open(ks_space_t *sp, const ks_str_t *rules)
{
    ks_str_t           name;
    ks_users_t        *users;
    ks_users_record_t  u;

    users = calloc(1, sizeof(ks_users_t));

    if (users == NULL) {
        return KS_NOMEM;
    }

    name = ks_text(ks_default_name);
    users->own = ks_account_new(users, &name, 0);
    users->listed = KS_NEVER_FULL;

    if (users->own == NULL || ks_text_copy(&users->rules, rules) != KS_OK) {
        free(users->own);
        free(users);
        return KS_NOMEM;
    }

    ks_users_close(sp);
    *ks_space_users(sp) = users;

    /* a zone that never had a user need not be asked */

    if (ks_users_version(sp) == 0 && !ks_inside(sp)) {
        memset(&u, 0, sizeof(u));
        u.text = users->rules;
        ks_account_set(sp, users->own, &u, 0);
    }

    return KS_OK;
}


/* inside of a transaction, with the library locked */

static void
ks_account_read(ks_space_t *sp, ks_account_t *a)
{
    uint64_t           version;
    ks_str_t           name;
    ks_users_record_t  u;

    version = ks_users_version(sp);
    name = ks_text(a->name);

    if (ks_users_get(sp, &name, &u) == KS_OK
        && (a == ks_users_of(sp)->own || u.birth == a->birth))
    {
        ks_account_set(sp, a, &u, version);
        a->kept = (u.birth != 0);

    } else {
        ks_account_set(sp, a, NULL, version);
    }
}


static void
ks_account_body(ks_space_t *sp, void *data)
{
    ks_account_read(sp, data);
}


int
ks_users_run(ks_space_t *sp, ks_body_pt body, void *data)
{
    int         rc;
    ks_call_t   call;
    ks_users_t *users;

    users = ks_users_of(sp);

    if (users == NULL) {
        return KS_NOMEM;
    }

    memset(&call, 0, sizeof(ks_call_t));
    call.shards = ks_library_shard(sp);
    call.urgent = 1;
    call.body = body;
    call.data = data;

    users->reading = 1;
    rc = ks_run(sp, &call);
    users->reading = 0;

    return rc;
}


/* Makes the account what it is now; KS_OK: it is. */

int
ks_account_now(ks_space_t *sp, ks_account_t *a)
{
    if (ks_likely(a->seen == ks_users_version(sp))) {
        return KS_OK;
    }

    if (!ks_inside(sp)) {
        return ks_users_run(sp, ks_account_body, a);
    }

    if (a->tried == ks_transaction(sp) && a->tried_at == ks_users_version(sp))
    {
        return KS_OK;
    }

    ks_want_shards(sp, ks_library_shard(sp));
    ks_account_read(sp, a);

    return KS_OK;
}


const ks_acl_t *
ks_user_acl(ks_space_t *sp, const ks_user_t *user)
{
    ks_account_t  *a;

    if (user->rights != KS_RIGHTS_RULES) {
        return NULL;
    }

    a = ks_account_of(user);

    return (a->gone || ks_account_now(sp, a) != KS_OK || a->absent)
           ? NULL : &a->acl;
}


int
ks_user_gone(ks_space_t *sp, const ks_user_t *user)
{
    return user->rights == KS_RIGHTS_RULES && ks_user_acl(sp, user) == NULL;
}


/* That of "default", which has no birth, stays. */

int
ks_user_may_go(const ks_user_t *user)
{
    return user->rights == KS_RIGHTS_RULES && ks_account_of(user)->birth != 0;
}


void
ks_user_hold(const ks_user_t *user)
{
    if (user != NULL && user->rights == KS_RIGHTS_RULES) {
        ks_account_of(user)->holders++;
    }
}


void
ks_user_release(const ks_user_t *user)
{
    if (user != NULL && user->rights == KS_RIGHTS_RULES) {
        ks_account_of(user)->holders--;
    }
}


/* --- who it is --- */

typedef struct {
    const ks_str_t  *name;
    ks_account_t    *found;
} ks_account_search_t;


static void
ks_search_body(ks_space_t *sp, void *data)
{
    ks_users_t           *users;
    ks_users_record_t     u;
    ks_account_search_t  *s = data;

    s->found = NULL;
    users = ks_users_of(sp);

    if (ks_users_get(sp, s->name, &u) != KS_OK) {
        return;
    }

    s->found = ks_account_find(users, s->name, u.birth);

    if (s->found == NULL) {
        s->found = ks_account_new(users, s->name, u.birth);
    }

    if (s->found != NULL) {
        ks_account_set(sp, s->found, &u, ks_users_version(sp));
    }
}


static int
ks_name_is_default(const ks_str_t *name)
{
    return name->len == sizeof(ks_default_name) - 1
           && memcmp(name->data, ks_default_name, name->len) == 0;
}


static ks_account_t *
ks_account_named(ks_space_t *sp, const ks_str_t *name)
{
    ks_users_t           *users;
    ks_account_search_t   s;

    users = ks_users_of(sp);

    if (users == NULL) {
        return NULL;
    }

    ks_accounts_sweep(users);

    if (ks_name_is_default(name)) {
        return ks_account_now(sp, users->own) == KS_OK ? users->own : NULL;
    }

    s.name = name;
    s.found = NULL;

    if (ks_inside(sp)) {
        ks_want_shards(sp, ks_library_shard(sp));
        ks_search_body(sp, &s);

    } else if (ks_users_run(sp, ks_search_body, &s) != KS_OK) {
        return NULL;
    }

    return s.found;
}


int
ks_users_known(ks_space_t *sp, const ks_str_t *name)
{
    return ks_account_named(sp, name) != NULL;
}


const ks_user_t *
ks_users_named(ks_space_t *sp, const ks_str_t *name)
{
    ks_account_t  *a;

    a = ks_account_named(sp, name);

    return (a != NULL && !a->absent && a->acl.on) ? &a->user : NULL;
}


const ks_user_t *
ks_users_login(ks_space_t *sp, const ks_str_t *name, const u_char *hex)
{
    ks_account_t  *a;

    a = ks_account_named(sp, name);

    return (a != NULL && ks_acl_authenticates(&a->acl, hex)) ? &a->user : NULL;
}


const ks_user_t *
ks_users_default(ks_space_t *sp)
{
    ks_users_t  *users;

    users = ks_users_of(sp);

    return users ? &users->own->user : NULL;
}


const ks_user_t *
ks_users_arrival(ks_space_t *sp)
{
    ks_users_t      *users;
    const ks_acl_t  *acl;

    users = ks_users_of(sp);

    if (users == NULL) {
        return &ks_user_guest;
    }

    acl = ks_user_acl(sp, &users->own->user);

    return (acl != NULL && acl->on && acl->nopass) ? &users->own->user
                                                   : &ks_user_guest;
}


int
ks_users_default_kept(ks_space_t *sp)
{
    ks_users_t  *users;

    users = ks_users_of(sp);

    return users != NULL && ks_account_now(sp, users->own) == KS_OK
           && users->own->kept;
}


/* Accounts of all users. */

static void
ks_list_body(ks_space_t *sp, void *data)
{
    size_t              i, n;
    ks_users_t         *users = data;
    ks_account_t       *a;
    ks_users_record_t  *list;

    n = ks_users_list(sp, &list);

    for (i = 0; i < n; i++) {

        if (ks_name_is_default(&list[i].name)) {
            ks_account_read(sp, users->own);
            continue;
        }

        a = ks_account_find(users, &list[i].name, list[i].birth);

        if (a == NULL) {
            a = ks_account_new(users, &list[i].name, list[i].birth);
        }

        if (a == NULL) {
            return;
        }

        ks_account_set(sp, a, &list[i], ks_users_version(sp));
    }

    users->listed = ks_users_version(sp);
}


const ks_user_t *
ks_users_bearer(ks_space_t *sp, const u_char *hex)
{
    int            fits;
    unsigned       n;
    uint64_t       version;
    ks_users_t    *users;
    ks_account_t  *a, *found;

    users = ks_users_of(sp);

    if (users == NULL) {
        return NULL;
    }

    if (users->listed != ks_users_version(sp)) {
        ks_accounts_sweep(users);

        if (ks_users_run(sp, ks_list_body, users) != KS_OK) {
            return NULL;
        }
    }

    /* all of them are looked at: the time tells nothing of which one it is */

    n = 0;
    found = NULL;
    version = users->listed;

    for (a = users->first; a != NULL; a = a->next) {
        fits = ks_acl_has_password(&a->acl, hex) && a->acl.on && !a->gone
               && !a->absent && a->seen == version;
        n += (fits != 0);
        found = fits ? a : found;
    }

    return n == 1 ? &found->user : NULL;
}


/* --- tickets --- */

enum {
    KS_TICKET_FIXED = 0,
    KS_TICKET_DEFAULT,
    KS_TICKET_NAMED
};

typedef struct {
    uint64_t  birth;
    uint32_t  kind;
    uint32_t  rights;
} ks_ticket_t;


ks_str_t
ks_user_ticket(ks_space_t *sp, const ks_user_t *user)
{
    size_t         len;
    ks_str_t       s;
    ks_ticket_t    t;
    ks_account_t  *a;

    memset(&t, 0, sizeof(t));
    len = 0;
    t.rights = user->rights;

    if (user->rights == KS_RIGHTS_RULES) {
        a = ks_account_of(user);
        t.kind = (a == ks_users_of(sp)->own) ? KS_TICKET_DEFAULT
                                             : KS_TICKET_NAMED;
        t.birth = a->birth;
        len = (t.kind == KS_TICKET_NAMED) ? strlen(a->name) : 0;
    }

    s.len = sizeof(t) + len;
    s.data = ks_arena_alloc(sp, s.len);
    memcpy(s.data, &t, sizeof(t));

    if (len != 0) {
        memcpy(s.data + sizeof(t), user->name, len);
    }

    return s;
}


static const ks_user_t *
ks_ticket_fixed(uint32_t rights)
{
    return rights == KS_RIGHTS_FULL ? &ks_user_default
           : rights == KS_RIGHTS_READ ? &ks_user_reader : &ks_user_guest;
}


const ks_user_t *
ks_users_ticket(ks_space_t *sp, const ks_str_t *ticket)
{
    ks_str_t       name;
    ks_users_t    *users;
    ks_ticket_t    t;
    ks_account_t  *a;

    if (ticket->len < sizeof(t)) {
        return &ks_user_guest;
    }

    memcpy(&t, ticket->data, sizeof(t));

    if (t.kind == KS_TICKET_FIXED) {
        return ks_ticket_fixed(t.rights);
    }

    users = ks_users_of(sp);

    if (users == NULL) {
        return &ks_user_guest;
    }

    if (t.kind == KS_TICKET_DEFAULT) {
        return &users->own->user;
    }

    name.data = ticket->data + sizeof(t);
    name.len = ticket->len - sizeof(t);
    a = ks_account_find(users, &name, t.birth);
    a = a ? a : ks_account_new(users, &name, t.birth);

    return a ? &a->user : &ks_user_guest;
}
