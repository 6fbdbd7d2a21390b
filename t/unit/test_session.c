/*
 * Sessions: their beginning, use, changes, renewal and end; hashes that others
 * have made or changed; a zone without room; what is told of all that; and
 * random operations against a model that keeps sessions in another way.
 */

#include "event_test.h"

#include "commands/ks_session.h"


#define TTL      20000u
#define GRACE    3000u
#define SECRET   "session:"

static const ks_session_rule_t  rule = { TTL, 50000, GRACE, 0, { 0, NULL }, 0 };
static const ks_session_rule_t  lax = { TTL, 0, 0, 0, { 0, NULL }, 0 };

/* a session, and what was last read of it */
typedef struct {
    ks_session_t  s;
    char          key[80];
    char          user[4096];
    int           reads;
} seen_t;


static void
see(ks_space_t *sp, const ks_value_t *v, void *data)
{
    seen_t     *seen = data;
    ks_str_t    text, name = ks_text("user");
    ks_item_t   item;

    seen->reads++;
    strcpy(seen->user, "-");

    if (ks_session_field(v, &name, &item)) {
        text = ks_item_flat(sp, &item);
        assert_true(text.len < sizeof(seen->user));
        memcpy(seen->user, text.data, text.len);
        seen->user[text.len] = '\0';
    }
}


/* the session number n; negative: one that is to begin */

static seen_t *
of(box_t *b, int n)
{
    static seen_t  seen;

    memset(&seen, 0, sizeof(seen));
    snprintf(seen.key, sizeof(seen.key), SECRET "%064d", n < 0 ? 0 : n);

    seen.s.rule = &rule;
    seen.s.now = b->now;
    seen.s.read = see;
    seen.s.data = &seen;
    seen.s.key = ks_text(seen.key);
    strcpy(seen.user, "unread");

    if (n < 0) {
        seen.s.key.data = NULL;
    }

    return &seen;
}


static ks_str_t
key_of(int n)
{
    static char  text[80];

    snprintf(text, sizeof(text), SECRET "%064d", n);

    return ks_text(text);
}


static const char *
key_text(int n)
{
    return (const char *) key_of(n).data;
}


/* the words of changes: field=value, -field, "destroy" */

static ks_session_found_t
change(box_t *b, seen_t *seen, const char *text, int to)
{
    static char            copy[8192];
    char                  *p, *rest, *eq;
    ks_str_t               key;
    ks_session_edit_t      edits[16];
    ks_session_changes_t   ch = { edits, 0, 0, 0, 0 };

    snprintf(copy, sizeof(copy), "%s", text);
    rest = copy;

    while ((p = strsep(&rest, " ")) != NULL && *p) {

        if (strcmp(p, "destroy") == 0) {
            ch.destroy = 1;
            continue;
        }

        memset(&edits[ch.n], 0, sizeof(edits[0]));
        eq = strchr(p, '=');

        if (eq == NULL) {
            edits[ch.n].unset = 1;
            p++;

        } else {
            *eq++ = '\0';
            edits[ch.n].value = ks_text(eq);
        }

        edits[ch.n++].field = ks_text(p);
    }

    key = key_of(to);

    return ks_session_change(b->client.space, &seen->s, &ch,
                             to < 0 ? NULL : &key);
}


static ks_session_found_t
use(box_t *b, seen_t *seen)
{
    return ks_session_use(b->client.space, &seen->s);
}


static ks_session_found_t
look(box_t *b, seen_t *seen)
{
    return ks_session_look(b->client.space, &seen->s);
}


static ks_session_found_t
peek(box_t *b, int n)
{
    seen_t              *seen;
    ks_session_found_t   found;

    seen = of(b, n);
    found = ks_session_peek(b->client.space, &seen->s);
    assert_int_equal(seen->reads, 0);

    return found;
}


static int64_t
ends(box_t *b, int n)
{
    return integer(linef(b, "PEXPIRETIME %s", key_text(n)));
}


#define is_reply(b, n, command, rest, reply)                                  \
    assert_string_equal(linef(b, command " %s" rest, key_text(n)), reply)


/* --- one by one --- */

static void
test_life(void **unused)
{
    box_t   *b;
    seen_t  *seen;

    (void) unused;
    b = box_open(1 << 20, KS_NOEVICTION);

    assert_int_equal(peek(b, 1), KS_SESSION_NONE);
    assert_int_equal(use(b, of(b, 1)), KS_SESSION_NONE);

    seen = of(b, -1);
    assert_int_equal(change(b, seen, "user=alice lang=fr", 1),
                     KS_SESSION_FOUND);
    assert_string_equal(seen->user, "alice");
    assert_int_equal(ends(b, 1), NOW + TTL);
    is_reply(b, 1, "HGET", " _created", "$13\r\n1700000000000\r\n");
    assert_int_equal(peek(b, 1), KS_SESSION_FOUND);

    /* a use is written when a second of it has passed */

    b->now = NOW + 1000;
    seen = of(b, 1);
    assert_int_equal(use(b, seen), KS_SESSION_FOUND);
    assert_string_equal(seen->user, "alice");
    assert_int_equal(ends(b, 1), NOW + TTL);

    b->now = NOW + 1001;
    assert_int_equal(use(b, of(b, 1)), KS_SESSION_FOUND);
    assert_int_equal(ends(b, 1), NOW + 1001 + TTL);

    /* to look is no use, and the end comes in any case */

    b->now = NOW + 21000;
    seen = of(b, 1);
    assert_int_equal(look(b, seen), KS_SESSION_FOUND);
    assert_string_equal(seen->user, "alice");
    assert_int_equal(ends(b, 1), NOW + 1001 + TTL);

    assert_int_equal(use(b, of(b, 1)), KS_SESSION_FOUND);
    b->now = NOW + 40000;
    assert_int_equal(use(b, of(b, 1)), KS_SESSION_FOUND);
    assert_int_equal(ends(b, 1), NOW + 50000);

    b->now = NOW + 50001;
    assert_int_equal(use(b, of(b, 1)), KS_SESSION_NONE);

    box_close(b);
}


static void
test_edits(void **unused)
{
    box_t   *b;
    seen_t  *seen;

    (void) unused;
    b = box_open(1 << 20, KS_NOEVICTION);

    change(b, of(b, -1), "", 1);
    seen = of(b, 1);
    assert_int_equal(change(b, seen, "user=a user=b -user user=c x=1 -x -y",
                            -1), KS_SESSION_FOUND);
    assert_string_equal(seen->user, "c");
    is_reply(b, 1, "HLEN", "", ":2\r\n");

    /* no edit restarts the time */

    b->now = NOW + 9000;
    assert_int_equal(change(b, of(b, 1), "lang=fr", -1), KS_SESSION_FOUND);
    assert_int_equal(ends(b, 1), NOW + TTL);

    /* without a field there is no session, but in the end only */

    assert_int_equal(change(b, of(b, 1), "-_created -user -lang user=d", -1),
                     KS_SESSION_FOUND);
    assert_int_equal(ends(b, 1), NOW + TTL);
    seen = of(b, 1);
    assert_int_equal(change(b, seen, "-user", -1), KS_SESSION_NONE);
    assert_int_equal(seen->reads, 0);
    is_reply(b, 1, "EXISTS", "", ":0\r\n");

    /* of one that is gone nothing is changed, nor does it begin */

    assert_int_equal(change(b, of(b, 1), "user=e", -1), KS_SESSION_NONE);
    assert_int_equal(change(b, of(b, 1), "user=e", 2), KS_SESSION_NONE);
    assert_string_equal(line(b, "DBSIZE"), ":0\r\n");

    /* its end is its end, there or not */

    change(b, of(b, -1), "user=f", 1);
    assert_int_equal(change(b, of(b, 1), "destroy", -1), KS_SESSION_FOUND);
    assert_int_equal(change(b, of(b, 1), "destroy", -1), KS_SESSION_FOUND);
    assert_string_equal(line(b, "DBSIZE"), ":0\r\n");

    seen = of(b, 1);
    assert_int_equal(change(b, seen, "destroy user=g", 2), KS_SESSION_FOUND);
    assert_string_equal(seen->user, "g");
    assert_int_equal(peek(b, 2), KS_SESSION_FOUND);
    assert_int_equal(peek(b, 1), KS_SESSION_NONE);

    box_close(b);
}


static void
test_renewal(void **unused)
{
    int      i;
    box_t   *b;
    seen_t  *seen;

    (void) unused;
    b = box_open(1 << 20, KS_NOEVICTION);

    change(b, of(b, -1), "user=alice", 1);
    b->now = NOW + 5;

    /* what is at the new key gives way */

    linef(b, "SADD %s a b c", key_text(2));
    seen = of(b, 1);
    assert_int_equal(change(b, seen, "role=admin", 2), KS_SESSION_FOUND);
    assert_false(seen->s.moved);
    assert_string_equal(seen->user, "alice");
    assert_int_equal(ends(b, 2), NOW + TTL);
    is_reply(b, 2, "HGET", " role", "$5\r\nadmin\r\n");
    is_reply(b, 1, "HLEN", "", ":1\r\n");
    assert_int_equal(ends(b, 1), NOW + 5 + GRACE);

    /* who has the old id goes on with the session */

    assert_int_equal(peek(b, 1), KS_SESSION_RENEWED);
    seen = of(b, 1);
    assert_int_equal(use(b, seen), KS_SESSION_FOUND);
    assert_true(seen->s.moved);
    assert_string_equal(seen->key, key_text(2));
    assert_string_equal(seen->user, "alice");

    seen = of(b, 1);
    assert_int_equal(look(b, seen), KS_SESSION_FOUND);
    assert_string_equal(seen->user, "alice");

    /* and changes it, but does not renew it once more */

    seen = of(b, 1);
    assert_int_equal(change(b, seen, "user=bob", 3), KS_SESSION_FOUND);
    assert_string_equal(seen->key, key_text(2));
    assert_string_equal(seen->user, "bob");
    assert_int_equal(peek(b, 3), KS_SESSION_NONE);

    /* but for an end, behind which another one begins */

    seen = of(b, 1);
    assert_int_equal(change(b, seen, "destroy user=carol", 3),
                     KS_SESSION_FOUND);
    assert_int_equal(peek(b, 2), KS_SESSION_NONE);
    assert_int_equal(peek(b, 3), KS_SESSION_FOUND);

    /* the way is there for a time, and is followed so many times */

    b->now += GRACE + 1;
    assert_int_equal(peek(b, 1), KS_SESSION_NONE);

    for (i = 3; i < 3 + KS_SESSION_HOPS; i++) {
        assert_int_equal(change(b, of(b, i), "", i + 1), KS_SESSION_FOUND);
    }

    assert_int_equal(use(b, of(b, 3)), KS_SESSION_NONE);
    assert_int_equal(use(b, of(b, 4)), KS_SESSION_FOUND);

    /* without a grace there is none */

    seen = of(b, 3 + KS_SESSION_HOPS);
    seen->s.rule = &lax;
    assert_int_equal(change(b, seen, "", 1), KS_SESSION_FOUND);
    assert_int_equal(peek(b, 3 + KS_SESSION_HOPS), KS_SESSION_NONE);
    assert_int_equal(peek(b, 1), KS_SESSION_FOUND);

    box_close(b);
}


/* --- what others have done --- */

static void
test_foreign(void **unused)
{
    box_t   *b;
    seen_t  *seen;

    (void) unused;
    b = box_open(1 << 20, KS_NOEVICTION);

    /* another type is no session, and stays */

    linef(b, "SET %s text", key_text(1));
    assert_int_equal(peek(b, 1), KS_SESSION_NONE);
    assert_int_equal(use(b, of(b, 1)), KS_SESSION_NONE);
    assert_int_equal(change(b, of(b, 1), "user=x", -1), KS_SESSION_NONE);
    assert_int_equal(change(b, of(b, 1), "destroy", -1), KS_SESSION_FOUND);
    is_reply(b, 1, "GET", "", "$4\r\ntext\r\n");

    /* a hash that somebody has made begins with its first use */

    linef(b, "HSET %s user dora", key_text(2));
    seen = of(b, 2);
    assert_int_equal(use(b, seen), KS_SESSION_FOUND);
    assert_string_equal(seen->user, "dora");
    is_reply(b, 2, "HGET", " _created", "$13\r\n1700000000000\r\n");
    assert_int_equal(ends(b, 2), NOW + TTL);

    /* so does one whose beginning is no time */

    linef(b, "HSET %s _created never", key_text(2));
    b->now = NOW + 10;
    use(b, of(b, 2));
    is_reply(b, 2, "HGET", " _created", "$13\r\n1700000000010\r\n");

    /* a way that leads nowhere */

    linef(b, "HSET %s _moved %064d", key_text(3), 4);
    assert_int_equal(use(b, of(b, 3)), KS_SESSION_NONE);
    linef(b, "HSET %s _moved elsewhere", key_text(3));
    assert_int_equal(use(b, of(b, 3)), KS_SESSION_FOUND);

    /* a TTL that is too long, or none: the next use mends it */

    linef(b, "PEXPIRE %s 99999999", key_text(2));
    use(b, of(b, 2));
    assert_int_equal(ends(b, 2), NOW + 10 + TTL);
    linef(b, "PERSIST %s", key_text(2));
    use(b, of(b, 2));
    assert_int_equal(ends(b, 2), NOW + 10 + TTL);

    /* and the absolute end comes without one */

    linef(b, "PERSIST %s", key_text(2));
    b->now = NOW + 50010;
    assert_int_equal(use(b, of(b, 2)), KS_SESSION_NONE);
    is_reply(b, 2, "EXISTS", "", ":0\r\n");

    box_close(b);
}


static void
field_is(box_t *b, const char *hash, const char *value)
{
    seen_t  *seen;

    linef(b, "DEL %s", key_text(1));
    linef(b, "HSET %s %s", key_text(1), hash);
    seen = of(b, 1);
    assert_int_equal(look(b, seen), KS_SESSION_FOUND);
    assert_string_equal(seen->user, value);
}


static void
test_names(void **unused)
{
    int       i;
    char      text[4096];
    box_t    *b;
    size_t    n;

    (void) unused;
    b = box_open(1 << 20, KS_NOEVICTION);

    field_is(b, "user 1", "1");
    field_is(b, "USER 1", "1");
    field_is(b, "USER 1 user 2", "2");
    field_is(b, "UsEr 1 uSER 2", "1");
    field_is(b, "users 1 use 2", "-");
    field_is(b, "us-r 1", "-");

    /* so many fields are looked at */

    for (i = 1, n = 0; i < 128; i++) {
        n += (size_t) snprintf(text + n, sizeof(text) - n, "f%d 1 ", i);
    }

    snprintf(text + n, sizeof(text) - n, "USER 1");
    field_is(b, text, "1");
    snprintf(text + n, sizeof(text) - n, "more 1 USER 1");
    field_is(b, text, "-");

    box_close(b);
}


/* --- a zone without room --- */

static void
test_full(void **unused)
{
    int          i;
    char         text[4096];
    box_t       *b;
    seen_t      *seen;
    const char  *reply;

    (void) unused;
    b = box_open(256 << 10, KS_NOEVICTION);
    change(b, of(b, -1), "user=alice", 1);
    memset(text, 'x', 1000);
    text[1000] = '\0';

    for (i = 0, reply = "+"; reply[0] == '+'; i++) {
        text[900 >> i / 40 % 8] = '\0';
        reply = linef(b, "SET fill:%d %s", i, text);
    }

    memcpy(text, "user=", 5);
    memset(text + 5, 'y', 3000);
    text[3005] = '\0';

    assert_int_equal(change(b, of(b, -1), text, 2), KS_SESSION_FULL);
    assert_int_equal(peek(b, 2), KS_SESSION_NONE);

    /* one that is there is not refused for want of room, nor half-changed */

    b->now = NOW + 5000;
    seen = of(b, 1);
    assert_int_equal(use(b, seen), KS_SESSION_FOUND);
    assert_string_equal(seen->user, "alice");

    assert_int_equal(change(b, of(b, 1), text, -1), KS_SESSION_FULL);
    seen = of(b, 1);
    assert_int_equal(look(b, seen), KS_SESSION_FOUND);
    assert_string_equal(seen->user, "alice");

    assert_int_equal(change(b, of(b, 1), "", 3), KS_SESSION_FOUND);
    assert_int_equal(peek(b, 3), KS_SESSION_FOUND);
    assert_int_equal(change(b, of(b, 3), "destroy", -1), KS_SESSION_FOUND);
    assert_int_equal(peek(b, 3), KS_SESSION_NONE);

    box_close(b);
}


/* --- the journal --- */

/* the words of an effect, behind those that text has: a key as s1, an id #1 */

static size_t
told_effect(char *text, const ks_frame_record_t *r)
{
    int            argc, i;
    char          *p;
    size_t         n, len;

    n = 0;
    argc = (int) strtol((const char *) r->data + 1, &p, 10);

    for (i = 0; i < argc; i++) {
        len = (size_t) strtol(p + 3, &p, 10);
        p += 2;

        n += (len == KS_SESSION_ID)
             ? (size_t) sprintf(text + n, "#%c", p[len - 1])
             : (len == KS_SESSION_ID + sizeof(SECRET) - 1)
               ? (size_t) sprintf(text + n, "s%c", p[len - 1])
               : (size_t) sprintf(text + n, "%.*s", (int) len, p);
        text[n++] = (i < argc - 1) ? ' ' : '\n';
        p += len;
    }

    text[n] = '\0';

    return n;
}


/* the effects since the last time, a line each */

static const char *
told(box_t *b, ks_cursor_t *c)
{
    static char               text[65536];
    size_t                    n;
    ks_mem_t                 *m;
    const ks_frame_record_t  *r;

    n = 0;
    text[0] = '\0';
    m = &b->client.space->mem;

    while (ks_journal_read(m, c, ks_journal_head(m)) == KS_OK) {
        for (r = ks_frame_first(c->frame);
             r < ks_frame_end(c->frame);
             r = ks_frame_next(r))
        {
            n += told_effect(text + n, r);
        }
    }

    return text;
}


#define tells(b, c, what)  assert_string_equal(told(b, c), what)


static void
test_told(void **unused)
{
    box_t        *b;
    ks_cursor_t   c;

    (void) unused;

    b = box_open(1 << 20, KS_NOEVICTION);
    close_zone(b->client.space);
    b->client.space = open_zone_told(1 << 20, 0, KS_NOEVICTION, 1 << 20);
    ks_journal_want(&b->client.space->mem, 0, KS_TOLD_EFFECTS);
    memset(&c, 0, sizeof(c));

    change(b, of(b, -1), "user=a", 1);
    tells(b, &c, "HSET s1 _created 1700000000000\n"
                 "HSET s1 user a\n"
                 "PEXPIREAT s1 1700000020000\n");

    b->now = NOW + 10;
    use(b, of(b, 1));
    look(b, of(b, 1));
    peek(b, 1);
    tells(b, &c, "");

    b->now = NOW + 2000;
    use(b, of(b, 1));
    tells(b, &c, "PEXPIREAT s1 1700000022000\n");

    change(b, of(b, 1), "user=b", -1);
    tells(b, &c, "HSET s1 user b\n");

    /* a field that is removed may have been the last for a moment */

    change(b, of(b, 1), "-user -nothing x=1", -1);
    tells(b, &c, "HDEL s1 user\nHSET s1 x 1\nPEXPIREAT s1 1700000022000\n");

    change(b, of(b, 1), "x=2", 2);
    tells(b, &c, "RENAME s1 s2\n"
                 "HSET s1 _moved #2\nPEXPIREAT s1 1700000005000\n"
                 "HSET s2 x 2\n");

    change(b, of(b, 1), "x=3", 3);
    tells(b, &c, "HSET s2 x 3\n");

    change(b, of(b, 2), "destroy", -1);
    tells(b, &c, "DEL s2\n");

    linef(b, "HSET %s user c", key_text(4));
    tells(b, &c, "HSET s4 user c\n");
    use(b, of(b, 4));
    tells(b, &c, "HSET s4 _created 1700000002000\n"
                 "PEXPIREAT s4 1700000022000\n");

    linef(b, "PERSIST %s", key_text(4));
    told(b, &c);
    b->now = NOW + 52000;
    use(b, of(b, 4));
    tells(b, &c, "DEL s4\n");

    ks_journal_done(&c);
    box_close(b);
}


/* --- at random --- */

/* a session of the model: who it is, and where it has gone */

typedef struct {
    unsigned  live;             /* 0: none, or the way to another one */
    unsigned  user;             /* 0: no such field */
    uint64_t  created;
    uint64_t  expire;
    int       to;               /* while moved is not past */
    uint64_t  moved;
} model_t;

#define SESSIONS  6


/* where the way leads; -1: nowhere */

static int
model_at(const model_t *m, int n, uint64_t now)
{
    int  hops;

    for (hops = 0; hops < KS_SESSION_HOPS; hops++) {

        if (m[n].live && now <= m[n].expire) {
            return n;
        }

        if (m[n].live || now > m[n].moved) {
            return -1;
        }

        n = m[n].to;
    }

    return -1;
}


static void
model_use(box_t *b, model_t *m, int n)
{
    int        at;
    char       user[16];
    seen_t    *seen;
    uint64_t   due;

    at = model_at(m, n, b->now);
    seen = of(b, n);

    if (at < 0) {
        assert_int_equal(use(b, seen), KS_SESSION_NONE);
        return;
    }

    due = ks_min(b->now + TTL, m[at].created + rule.absolute);

    if (due <= b->now) {
        assert_int_equal(use(b, seen), KS_SESSION_NONE);
        m[at].live = 0;
        return;
    }

    if (due - m[at].expire > 1000) {
        m[at].expire = due;
    }

    assert_int_equal(use(b, seen), KS_SESSION_FOUND);
    assert_int_equal(seen->s.moved, at != n);
    snprintf(user, sizeof(user), m[at].user ? "%u" : "-", m[at].user);
    assert_string_equal(seen->user, user);
    assert_int_equal(ends(b, at), m[at].expire);
}


/* a beginning, an edit, a renewal or an end */

static void
model_change(box_t *b, model_t *m, int n, int to)
{
    int                  at, destroy, renew;
    char                 text[40];
    unsigned             user;
    ks_session_found_t   found;

    at = model_at(m, n, b->now);
    destroy = (rnd(6) == 0);
    renew = (rnd(2) == 0);
    user = rnd(4);

    /* no way leads to where it is to be: ids are not used again */

    if (renew && (to == at || to == n || model_at(m, to, b->now) >= 0)) {
        renew = 0;
    }

    snprintf(text, sizeof(text), user ? "%suser=%u" : "%s-user",
             destroy ? "destroy " : "", user);

    found = change(b, of(b, n), text, renew ? to : -1);

    if (at < 0 && !destroy) {
        assert_int_equal(found, KS_SESSION_NONE);
        return;
    }

    assert_int_equal(found, KS_SESSION_FOUND);

    if (destroy) {
        if (at >= 0) {
            m[at].live = 0;
        }

        if (renew) {
            m[to] = (model_t) { 1, user, b->now, b->now + TTL, 0, 0 };
        }

        return;
    }

    m[at].user = user;

    if (renew && at == n) {
        m[to] = m[at];
        m[at] = (model_t) { 0, 0, 0, 0, to, b->now + GRACE };
    }
}


static void
test_random(void **unused)
{
    int       n;
    box_t    *b;
    char      text[40];
    unsigned  i, user;
    model_t   m[SESSIONS];

    (void) unused;
    b = box_open(1 << 20, KS_NOEVICTION);
    memset(m, 0, sizeof(m));

    for (i = 0; i < 20000; i++) {
        b->now += rnd(rnd(8) ? 900 : 9000);
        n = (int) rnd(SESSIONS);

        if (model_at(m, n, b->now) < 0 && rnd(3) == 0) {
            user = 1 + rnd(9);
            snprintf(text, sizeof(text), "user=%u", user);
            assert_int_equal(change(b, of(b, -1), text, n),
                             KS_SESSION_FOUND);
            m[n] = (model_t) { 1, user, b->now, b->now + TTL, 0, 0 };

        } else if (rnd(3)) {
            model_use(b, m, n);

        } else {
            model_change(b, m, n, (int) rnd(SESSIONS));
        }
    }

    box_close(b);
}


/* the words that are told of sessions: 1 and 2 are their keys */

static const char *
events(told_t *t)
{
    char  *p, *key;

    (void) said(t);

    while ((key = strstr(t->text, SECRET)) != NULL) {
        p = key + strlen(SECRET) + 63;
        memmove(key, p, strlen(p) + 1);
    }

    return t->text;
}


static void
events_are_those_of_commands(void **state)
{
    box_t   *b;
    told_t   t;

    (void) state;

    told_open(&t, 8 << 20, KS_NOEVICTION, "KEAn");
    b = t.box;

    assert_int_equal(change(b, of(b, -1), "user=ann", 1), KS_SESSION_FOUND);
    assert_string_equal(events(&t), "new 1, hset 1, expire 1");

    b->now += TTL / 2;
    assert_int_equal(use(b, of(b, 1)), KS_SESSION_FOUND);
    assert_string_equal(events(&t), "expire 1");

    assert_int_equal(change(b, of(b, 1), "user=bob -none x=y", -1),
                     KS_SESSION_FOUND);
    assert_string_equal(events(&t), "hset 1");
    assert_int_equal(change(b, of(b, 1), "-x", -1), KS_SESSION_FOUND);
    assert_string_equal(events(&t), "hdel 1");

    assert_int_equal(change(b, of(b, 1), "user=cid", 2), KS_SESSION_FOUND);
    assert_string_equal(events(&t), "new 2, rename_from 1, rename_to 2, "
                        "new 1, hset 1, expire 1, hset 2");

    assert_int_equal(change(b, of(b, 2), "destroy", -1), KS_SESSION_FOUND);
    assert_string_equal(events(&t), "del 2");

    told_close(&t);
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_edits),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_random),
        cmocka_unit_test(events_are_those_of_commands),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }

    return cmocka_run_group_tests(tests, NULL, NULL);
}
