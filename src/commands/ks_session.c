/*
 * Sessions: what becomes of a hash that is one, and what is told of it.
 *
 * A transaction may be rolled back and run again, so a body begins with its
 * outputs.
 */

#include "commands/ks_subject.h"
#include "types/ks_hash.h"
#include "types/ks_number.h"


/* so much of the TTL, or a second, may pass before it is written again */
#define KS_SESSION_LAZY      20
#define KS_SESSION_LAZY_MAX  1000

/* no clock goes beyond */
#define KS_SESSION_TIME_MAX  (1ll << 56)

/* what a transaction on a session is about */
typedef struct {
    ks_session_t                *session;
    const ks_session_changes_t  *changes;   /* NULL: of none */
    const ks_str_t              *to;        /* NULL: the same key */

    ks_str_t                     set;       /* that the session was in; len 0:
                                               it was in none */

    unsigned                     urgent:1;
    unsigned                     still:1;   /* the TTL is let be */
    unsigned                     bare:1;    /* no way from the old key */

    /* what became of it */
    ks_session_found_t           found;
    u_char                       moved[KS_SESSION_ID];
    unsigned                     ended:1;       /* it was, and none follows */
} ks_session_work_t;

static const ks_str_t  ks_session_created_field = ks_str(KS_SESSION_CREATED);
static const ks_str_t  ks_session_moved_field = ks_str(KS_SESSION_MOVED);
static const ks_str_t  ks_session_subject_field = ks_str(KS_SESSION_SUBJECT);
static const ks_str_t  ks_session_remember_field = ks_str(KS_SESSION_REMEMBER);


/* --- the hash --- */

/* What is no hash is no session. */

static ks_entry_t *
ks_session_lookup(ks_space_t *sp, const ks_str_t *key, unsigned flags)
{
    ks_entry_t  *e;

    e = ks_lookup(sp, key, flags);

    return (e && ks_entry_type(e) == KS_TYPE_HASH) ? e : NULL;
}


/* A field that is a time, ms; 0: there is none. */

static uint64_t
ks_session_time(const ks_value_t *v, const ks_str_t *field)
{
    int64_t    n;
    ks_pos_t   pos;
    ks_str_t   s;
    ks_item_t  item;

    if (!ks_hash_find(v, &pos, field)) {
        return 0;
    }

    item = ks_hash_value(v, &pos);

    if (item.data == NULL) {
        return 0;
    }

    s.len = item.len;
    s.data = (u_char *) item.data;

    return (ks_parse_int(&s, &n) == KS_OK && n > 0
            && n <= KS_SESSION_TIME_MAX) ? (uint64_t) n : 0;
}


/* 0: it is not known, because somebody has made the hash anew. */

static uint64_t
ks_session_created(const ks_value_t *v)
{
    return ks_session_time(v, &ks_session_created_field);
}


/* It begins now. */

static void
ks_session_stamp(ks_space_t *sp, ks_value_t *v, const ks_str_t *key)
{
    u_char    text[KS_INTEGER_TEXT];
    ks_str_t  value;

    value.data = text;
    value.len = ks_integer_text(text, (int64_t) ks_space_now(sp));

    (void) ks_hash_set(v, &ks_session_created_field, &value, 0);
    ks_effectf(sp, "HSET %s %s %s", key, &ks_session_created_field, &value);
}


/*
 * When it ends if it is used now, ms since the epoch; created 0: not known.
 * lasts: for how long it is remembered, or 0.
 */

static uint64_t
ks_session_due(const ks_session_rule_t *rule, uint64_t created,
    uint64_t lasts, uint64_t now)
{
    if (lasts != 0 && created != 0) {
        return created + lasts;
    }

    if (rule->absolute == 0 || created == 0) {
        return now + rule->ttl;
    }

    return ks_min(now + rule->ttl, created + rule->absolute);
}


/* Whether nothing but the way to the new key is left; its id -> work->moved. */

static int
ks_session_is_moved(ks_space_t *sp, ks_session_work_t *work,
    const ks_value_t *v)
{
    ks_pos_t   pos;
    ks_str_t   s;
    ks_item_t  item;

    if (!ks_hash_find(v, &pos, &ks_session_moved_field)) {
        return 0;
    }

    item = ks_hash_value(v, &pos);

    if (item.len != KS_SESSION_ID) {
        return 0;
    }

    s = ks_item_flat(sp, &item);
    memcpy(work->moved, s.data, KS_SESSION_ID);
    work->found = KS_SESSION_RENEWED;

    return 1;
}


/* Whether the session in v is good, as its set knows it, if it is in one. */

static int
ks_session_is_good(ks_space_t *sp, ks_session_work_t *work,
    const ks_value_t *v)
{
    const ks_str_t  *key;

    key = &work->session->key;
    work->set.len = 0;

    if (work->session->rule->subject.data == NULL) {
        return 1;
    }

    work->set = ks_subject_of(sp, key, v, &ks_session_subject_field);

    return work->set.len == 0 || ks_subject_has(sp, &work->set, key);
}


static void
ks_session_read(ks_space_t *sp, ks_session_work_t *work, const ks_value_t *v)
{
    if (work->session->read) {
        work->session->read(sp, v, work->session->data);
    }
}


/* --- transactions --- */

static ks_session_found_t
ks_session_transact(ks_space_t *sp, ks_session_work_t *work, ks_body_pt body)
{
    ks_call_t      call;
    ks_session_t  *s;

    s = work->session;
    memset(&call, 0, sizeof(ks_call_t));

    if (s->key.data) {
        call.shards |= ks_key_shard(sp, &s->key);
    }

    if (work->to) {
        call.shards |= ks_key_shard(sp, work->to);
    }

    call.now = s->now;
    call.urgent = work->urgent;
    call.body = body;
    call.data = work;

    return (ks_run(sp, &call) == KS_OK) ? work->found : KS_SESSION_FULL;
}


/* The same; where the session was renewed, with its new key. */

static ks_session_found_t
ks_session_follow(ks_space_t *sp, ks_session_work_t *work, ks_body_pt body)
{
    int                  hops;
    ks_session_t        *s;
    ks_session_found_t   found;

    s = work->session;

    for (hops = 0; hops < KS_SESSION_HOPS; hops++) {
        found = ks_session_transact(sp, work, body);

        if (found != KS_SESSION_RENEWED) {
            return found;
        }

        memcpy(s->key.data + s->key.len - KS_SESSION_ID, work->moved,
               KS_SESSION_ID);
        s->moved = 1;

        /* its new id is known to those who have renewed it, and to no others */

        if (work->changes && !work->changes->destroy) {
            work->to = NULL;
        }
    }

    return KS_SESSION_NONE;
}


/* --- subjects --- */

/* The field "_subject" says what set it is in; v is open afterwards. */

static void
ks_session_mark(ks_space_t *sp, const ks_str_t *key, ks_value_t *v,
    const ks_str_t *set)
{
    ks_str_t  name;

    if (set->len != 0) {
        name = ks_subject_name(set, key);

        (void) ks_hash_set(v, &ks_session_subject_field, &name, 0);
        ks_effectf(sp, "HSET %s %s %s", key, &ks_session_subject_field, &name);
        ks_event(sp, KS_NOTIFY_HASH, "hset", key);

    } else if (ks_hash_remove(v, &ks_session_subject_field)) {
        ks_effectf(sp, "HDEL %s %s", key, &ks_session_subject_field);
        ks_event(sp, KS_NOTIFY_HASH, "hdel", key);
    }

    (void) ks_value_close(v);
}


/*
 * The session v at key comes into the set of its subject, if that is another
 * one than before, or its key is, or it begins anew; v is open afterwards.  0:
 * the session is gone.
 */

static int
ks_session_enlist(ks_space_t *sp, ks_session_work_t *work,
    const ks_str_t *key, ks_value_t *v)
{
    int                       same;
    ks_entry_t               *e;
    ks_str_t                  set;
    uint64_t                  created;
    const ks_session_rule_t  *rule;

    rule = work->session->rule;
    set = ks_subject_of(sp, key, v, &rule->subject);
    same = (set.len == work->set.len
            && (set.len == 0
                || memcmp(set.data, work->set.data, set.len) == 0));

    if (same && key == &work->session->key
        && !(work->changes && work->changes->remember))
    {
        return 1;
    }

    created = ks_session_created(v);

    if (!same) {
        ks_session_mark(sp, key, v, &set);
    }

    if (work->set.len != 0) {
        ks_subject_remove(sp, &work->set, &work->session->key);
    }

    if (set.len != 0) {
        ks_subject_add(sp, rule, &set, key,
                       created ? created : ks_space_now(sp));
    }

    e = ks_session_lookup(sp, key, KS_LOOKUP_PEEK);

    if (e == NULL) {
        work->found = KS_SESSION_NONE;
        return 0;
    }

    ks_value_open(sp, key, e, v);

    return 1;
}


/* --- looking --- */

static void
ks_session_look_body(ks_space_t *sp, void *data)
{
    ks_session_work_t *work = data;

    ks_str_t    *key;
    ks_entry_t  *e;
    ks_value_t   v;

    key = &work->session->key;
    work->found = KS_SESSION_NONE;

    e = ks_session_lookup(sp, key, KS_LOOKUP_PEEK);
    if (e == NULL) {
        return;
    }

    ks_value_open(sp, key, e, &v);

    if (!ks_session_is_moved(sp, work, &v)
        && ks_session_is_good(sp, work, &v))
    {
        work->found = KS_SESSION_FOUND;
        ks_session_read(sp, work, &v);
    }
}


ks_session_found_t
ks_session_peek(ks_space_t *sp, ks_session_t *s)
{
    ks_session_t       unread = *s;
    ks_session_work_t  work = { .session = &unread, .urgent = 1 };

    unread.read = NULL;

    return ks_session_transact(sp, &work, ks_session_look_body);
}


ks_session_found_t
ks_session_look(ks_space_t *sp, ks_session_t *s)
{
    ks_session_work_t  work = { .session = s, .urgent = 1 };

    return ks_session_follow(sp, &work, ks_session_look_body);
}


/* --- using --- */

/* Its time begins anew; where the entry is then, NULL if its end has come. */

static ks_entry_t *
ks_session_prolong(ks_space_t *sp, ks_session_work_t *work, ks_entry_t *e,
    uint64_t created, uint64_t lasts)
{
    uint64_t                  now, due, expire, lazy;
    const ks_str_t           *key;
    const ks_session_rule_t  *rule;

    key = &work->session->key;
    rule = work->session->rule;
    now = ks_space_now(sp);
    due = ks_session_due(rule, created, lasts, now);
    work->session->until = lasts ? due : 0;

    if (due <= now) {
        ks_session_end(sp, key, e);

        if (work->set.len != 0) {
            ks_subject_remove(sp, &work->set, key);
        }

        return NULL;
    }

    expire = ks_entry_expire(e);
    lazy = ks_min(rule->ttl / KS_SESSION_LAZY, KS_SESSION_LAZY_MAX);

    /* without a TTL expire is 0, and as good as past */

    if (!work->still && (expire > due || due - expire > lazy)) {
        e = ks_set_expire(sp, key, e, due);
        ks_effectf(sp, "PEXPIREAT %s %u", key, due);
        ks_event(sp, KS_NOTIFY_GENERIC, "expire", key);
    }

    return e;
}


static void
ks_session_use_body(ks_space_t *sp, void *data)
{
    ks_session_work_t *work = data;

    uint64_t     created, lasts;
    ks_str_t    *key;
    ks_entry_t  *e;
    ks_value_t   v;

    key = &work->session->key;
    work->found = KS_SESSION_NONE;

    e = ks_session_lookup(sp, key, KS_LOOKUP_READ);
    if (e == NULL) {
        return;
    }

    ks_value_open(sp, key, e, &v);
    created = ks_session_created(&v);

    if (created == 0 && ks_session_is_moved(sp, work, &v)) {
        return;
    }

    if (!ks_session_is_good(sp, work, &v)) {
        ks_session_end(sp, key, e);
        return;
    }

    if (created == 0 && !work->still) {
        ks_session_stamp(sp, &v, key);
        ks_event(sp, KS_NOTIFY_HASH, "hset", key);
        (void) ks_value_close(&v);
        created = ks_space_now(sp);
        e = v.entry;
    }

    lasts = work->session->rule->remember
            ? ks_session_time(&v, &ks_session_remember_field) : 0;

    e = ks_session_prolong(sp, work, e, created, lasts);
    if (e == NULL) {
        return;
    }

    work->found = KS_SESSION_FOUND;

    ks_value_open(sp, key, e, &v);

    if (work->session->rule->subject.data != NULL && !work->still
        && !ks_session_enlist(sp, work, key, &v))
    {
        return;
    }

    ks_session_read(sp, work, &v);
}


ks_session_found_t
ks_session_use(ks_space_t *sp, ks_session_t *s)
{
    ks_session_found_t  found;
    ks_session_work_t   work = { .session = s, .urgent = 1 };

    found = ks_session_follow(sp, &work, ks_session_use_body);

    if (found == KS_SESSION_FULL) {
        work.still = 1;
        found = ks_session_follow(sp, &work, ks_session_use_body);
    }

    return found;
}


/* --- changing --- */

/* At the old key, nothing but the way to the new one is left for a while. */

static void
ks_session_leave(ks_space_t *sp, ks_session_work_t *work)
{
    uint64_t    at;
    ks_str_t    id;
    ks_value_t  v;
    ks_str_t   *key;

    key = &work->session->key;
    at = ks_space_now(sp) + work->session->rule->grace;

    id.len = KS_SESSION_ID;
    id.data = work->to->data + work->to->len - KS_SESSION_ID;

    ks_value_create(sp, key, NULL, KS_TYPE_HASH, KS_ENC_LISTPACK,
                    sizeof(KS_SESSION_MOVED) + id.len + 2, at, &v);

    (void) ks_hash_set(&v, &ks_session_moved_field, &id, 0);
    (void) ks_value_close(&v);

    ks_effectf(sp, "HSET %s %s %s", key, &ks_session_moved_field, &id);
    ks_effectf(sp, "PEXPIREAT %s %u", key, at);
    ks_event(sp, KS_NOTIFY_HASH, "hset", key);
    ks_event(sp, KS_NOTIFY_GENERIC, "expire", key);
}


/*
 * The session e, or none, gets work->to as its key.  Nothing is there, but for
 * what somebody has put there on purpose: of an id most bits are random.
 */

static ks_entry_t *
ks_session_renew(ks_space_t *sp, ks_session_work_t *work, ks_entry_t *e)
{
    ks_str_t        *key;
    ks_entry_t      *old;
    const ks_str_t  *to;

    to = work->to;
    key = &work->session->key;
    old = ks_lookup(sp, to, KS_LOOKUP_PEEK);

    if (old) {
        ks_session_end(sp, to, old);
    }

    if (e == NULL) {
        return NULL;
    }

    ks_rename(sp, key, e, to);
    ks_effectf(sp, "RENAME %s %s", key, to);
    ks_event(sp, KS_NOTIFY_GENERIC, "rename_from", key);
    ks_event(sp, KS_NOTIFY_GENERIC, "rename_to", to);

    if (!work->bare) {
        ks_session_leave(sp, work);
    }

    return ks_lookup(sp, to, KS_LOOKUP_PEEK);
}


/* An empty one at key, with room for what is set; it has to be closed. */

static void
ks_session_create(ks_space_t *sp, ks_session_work_t *work,
    const ks_str_t *key, ks_value_t *v)
{
    size_t                       room, i;
    uint64_t                     now;
    const ks_session_changes_t  *ch;

    ch = work->changes;
    room = sizeof(KS_SESSION_CREATED) + KS_INTEGER_TEXT;

    for (i = 0; i < ch->n; i++) {
        room += ch->edits[i].field.len + ch->edits[i].value.len + 2;
    }

    now = ks_space_now(sp);

    ks_value_create(sp, key, NULL, KS_TYPE_HASH, KS_ENC_LISTPACK, room,
                    ks_session_due(work->session->rule, now, 0, now), v);

    ks_session_stamp(sp, v, key);
}


/* Whether a field was removed, if only to be set again; *set: one was set. */

static int
ks_session_edit(ks_space_t *sp, const ks_session_changes_t *ch, ks_value_t *v,
    const ks_str_t *key, int *set)
{
    int                       removed;
    size_t                    i;
    const ks_session_edit_t  *edit;

    for (removed = 0, i = 0; i < ch->n; i++) {
        edit = &ch->edits[i];

        if (!edit->unset) {
            *set = 1;
            (void) ks_hash_set(v, &edit->field, &edit->value, 0);
            ks_effectf(sp, "HSET %s %s %s", key, &edit->field, &edit->value);

        } else if (ks_hash_remove(v, &edit->field)) {
            ks_effectf(sp, "HDEL %s %s", key, &edit->field);
            removed = 1;
        }
    }

    return removed;
}


static void
ks_session_write_events(ks_space_t *sp, const ks_str_t *key, int fresh,
    int set, int removed)
{
    if (set) {
        ks_event(sp, KS_NOTIFY_HASH, "hset", key);
    }

    if (removed) {
        ks_event(sp, KS_NOTIFY_HASH, "hdel", key);
    }

    if (fresh) {
        ks_event(sp, KS_NOTIFY_GENERIC, "expire", key);
    }
}


/*
 * Whether the session is to be remembered: it begins anew, and this is for how
 * long, or 0.  One that is remembered already says until when.
 */

static uint64_t
ks_session_remember(ks_space_t *sp, ks_session_work_t *work, ks_value_t *v,
    const ks_str_t *key)
{
    u_char                    text[KS_INTEGER_TEXT];
    uint64_t                  lasts, created;
    ks_str_t                  value;
    const ks_session_rule_t  *rule;

    rule = work->session->rule;
    work->session->until = 0;

    if (rule->remember == 0) {
        return 0;
    }

    if (!work->changes->remember) {
        created = ks_session_created(v);
        lasts = ks_session_time(v, &ks_session_remember_field);

        if (created != 0 && lasts != 0) {
            work->session->until = created + lasts;
        }

        return 0;
    }

    lasts = rule->remember;
    work->session->until = ks_space_now(sp) + lasts;
    ks_session_stamp(sp, v, key);

    value.data = text;
    value.len = ks_integer_text(text, (int64_t) lasts);

    (void) ks_hash_set(v, &ks_session_remember_field, &value, 0);
    ks_effectf(sp, "HSET %s %s %s", key, &ks_session_remember_field, &value);

    return lasts;
}


/*
 * Makes the edits in the session e at key, or in a new one.  An HDEL that is
 * told may take the last field, and with it the TTL, where here the hash is
 * judged at the end.
 */

static void
ks_session_write(ks_space_t *sp, ks_session_work_t *work, const ks_str_t *key,
    ks_entry_t *e)
{
    int         set, removed;
    uint64_t    at, lasts;
    ks_value_t  v;

    set = (e == NULL);

    if (e) {
        ks_value_open(sp, key, e, &v);
    } else {
        ks_session_create(sp, work, key, &v);
    }

    removed = ks_session_edit(sp, work->changes, &v, key, &set);
    lasts = ks_session_remember(sp, work, &v, key);
    set |= (lasts != 0);
    ks_session_write_events(sp, key, e == NULL, set, removed);

    if (ks_value_close(&v)) {
        work->found = KS_SESSION_NONE;

        if (work->set.len != 0) {
            ks_subject_remove(sp, &work->set, &work->session->key);
        }

        return;
    }

    if (lasts != 0) {
        v.entry = ks_set_expire(sp, key, v.entry, work->session->until);
    }

    at = ks_entry_expire(v.entry);

    if ((e == NULL || removed || lasts != 0) && at) {
        ks_effectf(sp, "PEXPIREAT %s %u", key, at);
    }

    /* a handle that was closed is good for reading, while the entry stays */

    if (lasts != 0 || work->session->rule->subject.data != NULL) {
        ks_value_open(sp, key, v.entry, &v);
    }

    if (work->session->rule->subject.data != NULL
        && !ks_session_enlist(sp, work, key, &v))
    {
        return;
    }

    ks_session_read(sp, work, &v);
}


/* The session e ends, and if that is asked for, all of its subject. */

static void
ks_session_destroy(ks_space_t *sp, ks_session_work_t *work, ks_entry_t *e)
{
    const ks_str_t  *key;

    key = &work->session->key;
    ks_session_end(sp, key, e);

    if (work->set.len == 0) {
        return;
    }

    if (work->changes->destroy_all) {
        ks_subject_end(sp, &work->set, key);

    } else {
        ks_subject_remove(sp, &work->set, key);
    }

    work->set.len = 0;
}


static void
ks_session_change_body(ks_space_t *sp, void *data)
{
    ks_session_work_t *work = data;

    ks_str_t    *key;
    ks_entry_t  *e;
    ks_value_t   v;

    key = &work->session->key;
    work->found = KS_SESSION_FOUND;
    work->ended = 0;
    work->set.len = 0;
    e = NULL;

    if (key->data) {
        e = ks_session_lookup(sp, key, KS_LOOKUP_WRITE);

        if (e) {
            ks_value_open(sp, key, e, &v);

            if (ks_session_is_moved(sp, work, &v)) {
                return;
            }

            if (!ks_session_is_good(sp, work, &v)) {
                ks_session_end(sp, key, e);
                work->set.len = 0;
                e = NULL;
            }
        }

        if (work->changes->destroy && e) {
            ks_session_destroy(sp, work, e);
            work->ended = (work->to == NULL);
            e = NULL;

        } else if (e == NULL && !work->changes->destroy) {
            work->found = KS_SESSION_NONE;
            return;
        }
    }

    if (work->to) {
        e = ks_session_renew(sp, work, e);
        ks_session_write(sp, work, work->to, e);

    } else if (e) {
        ks_session_write(sp, work, key, e);
    }
}


/* Whether it comes to more than an end, a new key or fewer fields. */

static int
ks_session_sets(const ks_session_changes_t *ch)
{
    size_t  i;

    for (i = 0; i < ch->n; i++) {
        if (!ch->edits[i].unset) {
            return 1;
        }
    }

    return 0;
}


ks_session_found_t
ks_session_change(ks_space_t *sp, ks_session_t *s,
    const ks_session_changes_t *ch, const ks_str_t *to)
{
    unsigned            begins;
    ks_session_found_t  found;
    ks_session_work_t   work = { .session = s, .changes = ch, .to = to };

    begins = (s->key.data == NULL && to != NULL);
    work.urgent = (s->key.data != NULL && !ks_session_sets(ch));
    work.bare = (s->rule->grace == 0);

    found = ks_session_follow(sp, &work, ks_session_change_body);

    if (found == KS_SESSION_FULL && s->key.data && work.to && !work.bare) {
        work.bare = 1;
        found = ks_session_follow(sp, &work, ks_session_change_body);
    }

    if (found == KS_SESSION_FOUND) {

        if (begins) {
            ks_count(ks_space_zone(sp), KS_COUNT_SESSIONS_BEGUN);

        } else if (work.ended) {
            ks_count(ks_space_zone(sp), KS_COUNT_SESSIONS_ENDED);
        }
    }

    return found;
}
