/*
 * What test_crash.c kills a process in, as crash_ops.h: what becomes of
 * sessions, each told to the journal.
 */

#ifndef CRASH_SESSION_H
#define CRASH_SESSION_H

#include "crash_told.h"

#include "commands/ks_session.h"


#define SESSION_TTL    20000
#define SESSION_END    50000

static const ks_session_rule_t  session_rule = {
    SESSION_TTL, SESSION_END, 3000, 0, { 0, NULL }, 0
};


/* the same with subjects, each with one session */

static const ks_session_rule_t  subject_rule = {
    SESSION_TTL, SESSION_END, 3000, 90000, ks_str("user"), 1
};


/* changes the session at keys[from], or one that begins (from -1) */

static void
session_change_by(ks_space_t *sp, const ks_session_rule_t *rule, int from,
    int to, const ks_session_changes_t *ch)
{
    u_char        key[SESSION_KEY];
    ks_session_t  s = { .rule = rule, .now = ks_space_now(sp) };

    if (from >= 0) {
        memcpy(key, keys[from].data, SESSION_KEY);
        s.key.data = key;
        s.key.len = SESSION_KEY;
    }

    assert_int_equal(ks_session_change(sp, &s, ch, to < 0 ? NULL : &keys[to]),
                     KS_SESSION_FOUND);
}


static void
session_change(ks_space_t *sp, int from, int to,
    const ks_session_changes_t *ch)
{
    session_change_by(sp, &session_rule, from, to, ch);
}


static void
session_use_by(ks_space_t *sp, const ks_session_rule_t *rule,
    ks_session_found_t found)
{
    u_char        key[SESSION_KEY];
    ks_session_t  s = { .rule = rule, .now = ks_space_now(sp),
                        .key = { SESSION_KEY, key } };

    memcpy(key, keys[SESSION].data, SESSION_KEY);
    assert_int_equal(ks_session_use(sp, &s), found);
}


static void
session_use(ks_space_t *sp, ks_session_found_t found)
{
    session_use_by(sp, &session_rule, found);
}


/* small fields, and one outside the entry */

static void
op_session_begin(ks_space_t *sp)
{
    ks_session_edit_t  edits[] = {
        { ks_str("user"), ks_str("alice"), 0 },
        { ks_str("cart"), { 3000, bytes }, 0 },
        { ks_str("lang"), ks_str("fr"), 0 },
    };
    ks_session_changes_t  ch = { edits, ks_nelts(edits), 0, 0, 0 };

    session_change(sp, -1, SESSION, &ch);
}


static void
op_session_edit(ks_space_t *sp)
{
    ks_session_edit_t  edits[] = {
        { ks_str("user"), { 100, bytes + 5 }, 0 },
        { ks_str("cart"), { 0, NULL }, 1 },
        { ks_str("nothing"), { 0, NULL }, 1 },
        { ks_str("more"), ks_str("1"), 0 },
    };
    ks_session_changes_t  ch = { edits, ks_nelts(edits), 0, 0, 0 };

    session_change(sp, SESSION, -1, &ch);
}


static void
op_session_renew(ks_space_t *sp)
{
    ks_session_edit_t     edit = { ks_str("role"), ks_str("admin"), 0 };
    ks_session_changes_t  ch = { &edit, 1, 0, 0, 0 };

    session_change(sp, SESSION, SESSION + 1, &ch);
}


static void
op_session_anew(ks_space_t *sp)
{
    ks_session_edit_t     edit = { ks_str("user"), ks_str("bob"), 0 };
    ks_session_changes_t  ch = { &edit, 1, 1, 0, 0 };

    session_change(sp, SESSION, SESSION + 1, &ch);
}


static void
op_session_destroy(ks_space_t *sp)
{
    ks_session_changes_t  ch = { NULL, 0, 1, 0, 0 };

    session_change(sp, SESSION, -1, &ch);
}


static void
op_session_use(ks_space_t *sp)
{
    session_use(sp, KS_SESSION_FOUND);
}


static void
op_session_end(ks_space_t *sp)
{
    session_use(sp, KS_SESSION_NONE);
}


/* a hash that was made by somebody else: it gets its beginning and a TTL */

static void
foreign_body(ks_space_t *sp, void *data)
{
    ks_str_t    field = ks_str("user"), value = ks_str("carol");
    ks_value_t  v;

    (void) data;

    ks_value_create(sp, &keys[SESSION], NULL, KS_TYPE_HASH, KS_ENC_LISTPACK,
                    10, KS_NO_EXPIRE, &v);
    (void) ks_hash_set(&v, &field, &value, 0);
    (void) ks_value_close(&v);
}


static void
setup_foreign(ks_space_t *sp)
{
    transaction(sp, all(sp), foreign_body, NULL);
}


/* somebody has taken its TTL away */

static void
setup_endless(ks_space_t *sp)
{
    op_session_begin(sp);
    expire(sp, SESSION, KS_NO_EXPIRE);
}


static void
setup_renewed(ks_space_t *sp)
{
    op_session_begin(sp);
    op_session_renew(sp);
}


/* --- sessions of subjects --- */

static void
subject_set(ks_space_t *sp, int from, int to, ks_str_t user)
{
    ks_session_edit_t     edit = { ks_str("user"), user, 0 };
    ks_session_changes_t  ch = { &edit, 1, 0, 0, 0 };

    session_change_by(sp, &subject_rule, from, to, &ch);
}


static void
op_subject_begin(ks_space_t *sp)
{
    subject_set(sp, -1, SESSION, (ks_str_t) ks_str("alice"));
}


static void
op_subject_other(ks_space_t *sp)
{
    subject_set(sp, SESSION, -1, (ks_str_t) ks_str("bob"));
}


static void
op_subject_renew(ks_space_t *sp)
{
    subject_set(sp, SESSION, SESSION + 1, (ks_str_t) ks_str("alice"));
}


/* the first one ends by that */

static void
op_subject_second(ks_space_t *sp)
{
    subject_set(sp, -1, SESSION + 1, (ks_str_t) ks_str("alice"));
}


static void
op_session_remember(ks_space_t *sp)
{
    ks_session_changes_t  ch = { NULL, 0, 0, 0, 1 };

    session_change_by(sp, &subject_rule, SESSION, SESSION + 1, &ch);
}


static void
op_subject_all(ks_space_t *sp)
{
    ks_session_changes_t  ch = { NULL, 0, 1, 1, 0 };

    session_change_by(sp, &subject_rule, SESSION, -1, &ch);
}


static void
op_subject_over(ks_space_t *sp)
{
    session_use_by(sp, &subject_rule, KS_SESSION_NONE);
}


static void
setup_subject_endless(ks_space_t *sp)
{
    op_subject_begin(sp);
    expire(sp, SESSION, KS_NO_EXPIRE);
}


/* what makes it good is gone */

static void
setup_subject_void(ks_space_t *sp)
{
    ks_str_t  set = ks_str("session:of:alice");

    op_subject_begin(sp);
    kv_del(sp, set);
}


/* it has ended by itself, and is listed still */

static void
setup_subject_gone(ks_space_t *sp)
{
    op_subject_begin(sp);
    kv_del(sp, keys[SESSION]);
}


static const op_t  session_ops[] = {
    told_row(subject_begin, NULL, NOW),
    told_row(subject_other, op_subject_begin, NOW + 9),
    told_row(subject_renew, op_subject_begin, NOW + 9),
    told_row(subject_second, op_subject_begin, NOW + 9),
    { "subject_gone", op_subject_second, setup_subject_gone, NOW + 9, 1 },
    told_row(session_remember, op_subject_begin, NOW + 9),
    told_row(subject_all, op_subject_begin, NOW + 9),
    { "subject_end", op_subject_over, setup_subject_endless,
      NOW + SESSION_END, 1 },
    { "subject_void", op_subject_over, setup_subject_void, NOW + 9, 1 },

    told_row(session_begin, NULL, NOW),
    told_row(session_edit, op_session_begin, NOW + 9),
    told_row(session_renew, op_session_begin, NOW + 9),
    told_row(session_anew, op_session_begin, NOW + 9),
    told_row(session_destroy, op_session_begin, NOW + 9),
    told_row(session_use, op_session_begin, NOW + 5000),
    { "session_adopt", op_session_use, setup_foreign, NOW, 1 },
    { "session_follow", op_session_use, setup_renewed, NOW + 2000, 1 },
    told_row(session_end, setup_endless, NOW + SESSION_END),
};


#endif /* CRASH_SESSION_H */
