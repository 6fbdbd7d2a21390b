/*
 * What tests of the journal's effects share: random commands of every kind, a
 * consumer that runs effects on a zone of its own, and the comparison of two
 * keyspaces, key by key and TTL by TTL.
 */

#ifndef REPLAY_TEST_H
#define REPLAY_TEST_H

#include "command_test.h"

#include "commands/ks_session.h"
#include "script/ks_script.h"


#define RING  (16u << 20)

/* scripts end, however slow the machine is */

static inline void
replay_scripts_run_on(ks_space_t *sp)
{
    ks_script_conf_t  conf;

    memset(&conf, 0, sizeof(conf));
    conf.memory = KS_SCRIPT_MEMORY;
    ks_script_configure(sp, &conf);
}


/* a zone with a journal of which effects are wanted, or without */

static inline box_t *
replay_open(size_t size, ks_policy_t policy, int journal)
{
    box_t  *b;

    b = box_open(size, policy);
    b->now = NOW;

    if (journal) {
        close_zone(b->client.space);
        b->client.space = open_zone_told(size, 0, policy, RING);
        ks_journal_want(&b->client.space->mem, 0, KS_TOLD_EFFECTS);
    }

    replay_scripts_run_on(b->client.space);

    return b;
}


static inline void
replay_close(box_t *b)
{
    ks_script_close(b->client.space);
    box_close(b);
}


/* --- random commands --- */

static unsigned  replay_names = 8;      /* keys of each kind */
static int       replay_fields = 1;     /* what is newer than Redis 7.2, too */
static unsigned  replay_flushes = 60;   /* of so many flushes one is made */

/*
 * Words separated by spaces.  A word that begins with % is made: a key of a
 * kind (%s string, %l list, %h hash, %t set, %z sorted set, %g places, %p
 * HyperLogLog, %x stream, %y session, %k any), %f field, %m member, %v value,
 * %i integer, %n small number, %d float, %T a time to live in ms, %S in s, %A a
 * time in ms, %I an id of about now, %q a group and %c a consumer of streams,
 * %R a pattern of ranks or scores, %e a script, %E one for a stream, %G one for
 * a group; the others are as they are.
 */
static const char  *const replay_commands[] = {
    "SET %s %v", "SET %s %v", "SET %k %v", "SET %s %v PX %T",
    "SET %s %v EX %S NX", "SET %s %v PXAT %A XX", "SET %s %v KEEPTTL",
    "SET %s %v GET EX %S", "SETNX %s %v", "SETEX %s %S %v",
    "PSETEX %s %T %v", "GETSET %s %v", "GETDEL %s", "GETEX %s PX %T",
    "GETEX %s PERSIST", "GETEX %s EXAT 1", "APPEND %s %v", "SETRANGE %s %n %v",
    "INCR %s", "DECRBY %s %n", "INCRBY %s %i", "INCRBYFLOAT %s %d",
    "MSET %s %v %s %v", "MSETNX %s %v %s %v", "SETBIT %s %n 1",
    "BITFIELD %s INCRBY u8 %n %n", "BITOP XOR %s %s %s", "GET %s",
    "MSETEX 2 %s %v %s %v PX %T", "INCREX %s", "INCREX %s BYINT %n EX %S",
    "INCREX %s BYFLOAT %d", "DELEX %s IFEQ %v", "DELEX %s", "SET %s %v IFEQ %v",
    "BITOP DIFF %s %s %s", "ZUNIONSTORE %z 2 %z %z AGGREGATE COUNT",
    "DEL %k", "DEL %k %k", "UNLINK %k", "EXPIRE %k %S", "PEXPIRE %k %T",
    "PEXPIRE %k %T NX", "EXPIRE %k -1", "PEXPIREAT %k %A", "PEXPIRE %k %T GT",
    "PERSIST %k", "RENAME %k %k", "RENAMENX %k %k", "COPY %k %k",
    "COPY %k %k REPLACE", "LPUSH %l %v %v", "RPUSH %l %v", "RPUSH %l %v %v %v",
    "LPUSHX %l %v", "LPOP %l", "RPOP %l %n", "LSET %l %n %v",
    "LINSERT %l BEFORE %m %v", "LREM %l %n %m", "LTRIM %l 0 %n",
    "LMOVE %l %l LEFT RIGHT", "RPOPLPUSH %l %l", "LMPOP 2 %l %l RIGHT COUNT 2",
    "SORT %l ALPHA STORE %l", "SORT %t BY nosort STORE %l",
    "SADD %t %m %m %m", "SADD %t %n", "SREM %t %m", "SPOP %t", "SPOP %t %n",
    "SMOVE %t %t %m", "SINTERSTORE %t %t %t", "SUNIONSTORE %t %t %t",
    "SDIFFSTORE %t %t %t", "HSET %h %f %v", "HSET %h %f %v %f %v",
    "HSETNX %h %f %v", "HMSET %h %f %v", "HDEL %h %f %f", "HINCRBY %h %f %n",
    "HINCRBYFLOAT %h %f %d", "HEXPIRE %h %S FIELDS 2 %f %f",
    "HPEXPIRE %h %T FIELDS 1 %f", "HPEXPIREAT %h %A FIELDS 1 %f",
    "HPEXPIRE %h %T NX FIELDS 1 %f", "HEXPIREAT %h 1 FIELDS 1 %f",
    "HPERSIST %h FIELDS 1 %f", "HGETDEL %h FIELDS 1 %f",
    "HGETEX %h PX %T FIELDS 1 %f", "HGETEX %h PERSIST FIELDS 1 %f",
    "HSETEX %h PX %T FIELDS 1 %f %v", "HSETEX %h FNX EX %S FIELDS 1 %f %v",
    "HSETEX %h KEEPTTL FIELDS 1 %f %v", "HGETALL %h",
    "ZADD %z %d %m", "ZADD %z %d %m %d %m", "ZADD %z GT CH %d %m",
    "ZADD %z INCR %d %m", "ZINCRBY %z %d %m", "ZREM %z %m", "ZPOPMIN %z",
    "ZPOPMAX %z %n", "ZMPOP 2 %z %z MIN COUNT 2", "ZRANGESTORE %z %z 0 %n",
    "ZUNIONSTORE %z 2 %z %z WEIGHTS 2 %d", "ZINTERSTORE %z 2 %z %t",
    "ZDIFFSTORE %z 2 %z %z", "ZREMRANGEBYRANK %z 0 0",
    "ZREMRANGEBYSCORE %z 0 %d", "ZREMRANGEBYLEX %z [a [m1",
    "GEOADD %g 13.361389 38.115556 %m", "GEOADD %g 15.08 37.5 %m",
    "GEOSEARCHSTORE %g %g FROMLONLAT 15 37 BYRADIUS 200 km",
    "GEORADIUS %g 15 37 200 km STORE %g", "PFADD %p %m %v", "PFADD %p %v",
    "PFMERGE %p %p %p", "PFCOUNT %p %p", "PFCOUNT %p", "PFCOUNT %p",
    "CL.THROTTLE %s 5 10 60 1",
    "EVAL %e 2 %k %s %v %n", "EVAL %e 1 %l %v %n", "EVAL %e 1 %h %v %n",
    "FCALL change 1 %k %v", "SCRIPT FLUSH", "FUNCTION DELETE lib",
    "FUNCTION LOAD REPLACE %F", "FLUSHALL", "FLUSHDB ASYNC",
    "XADD %x * %f %v", "XADD %x * %f %v %f %v", "XADD %x %A-* %f %v",
    "XADD %x NOMKSTREAM * %f %v", "XADD %x MAXLEN %n * %f %v",
    "XADD %x MAXLEN ~ 20 * %f %v %f %v", "XADD %x MINID %I * %f %v",
    "XADD %x MINID ~ %I LIMIT 5 * %f %v", "XADD %x MAXLEN 3 ACKED * %f %v",
    "XDEL %x %I %I", "XDELEX %x DELREF IDS 1 %I", "XTRIM %x MAXLEN %n",
    "XTRIM %x MAXLEN ~ %n LIMIT 0", "XTRIM %x MINID %I", "XSETID %x %I",
    "XREAD COUNT 2 STREAMS %x %x 0 %I", "EVAL %E 1 %x %n", "EVAL %E 1 %x %n",
    "XGROUP CREATE %x %q $ MKSTREAM", "XGROUP CREATE %x %q 0",
    "XGROUP CREATE %x %q %I ENTRIESREAD %n", "XGROUP SETID %x %q 0",
    "XGROUP SETID %x %q $ ENTRIESREAD %n", "XGROUP DESTROY %x %q",
    "XGROUP CREATECONSUMER %x %q %c", "XGROUP DELCONSUMER %x %q %c",
    "XREADGROUP GROUP %q %c COUNT %n STREAMS %x >",
    "XREADGROUP GROUP %q %c COUNT 2 STREAMS %x >",
    "XREADGROUP GROUP %q %c STREAMS %x %x > 0",
    "XREADGROUP GROUP %q %c NOACK COUNT 1 STREAMS %x >",
    "XREADGROUP GROUP %q %c COUNT 3 STREAMS %x 0", "XACK %x %q %I %I",
    "XCLAIM %x %q %c 0 %I %I FORCE", "XCLAIM %x %q %c 50 %I JUSTID LASTID %I",
    "XCLAIM %x %q %c 0 %I TIME %A RETRYCOUNT %n FORCE",
    "XAUTOCLAIM %x %q %c 0 0 COUNT %n", "XAUTOCLAIM %x %q %c 100 %I JUSTID",
    "XACKDEL %x %q IDS 1 %I", "XACKDEL %x %q ACKED IDS 2 %I %I",
    "EVAL %G 1 %x %q %c %n", "EVAL %G 1 %x %q %c %n",
    "HSET %y %f %v", "HDEL %y _created", "HDEL %y %f %f", "PEXPIRE %y %T",
    "PERSIST %y", "DEL %y", "RENAME %y %y", "SET %y %v", "HSET %y %f %v",
};

/* these come seldom, so that there is a keyspace to be changed */

static const char  *const replay_rare[] = { "FLUSHALL", "FLUSHDB", "SCRIPT F",
                                            "FUNCTION DEL" };

static const char  *const replay_scripts[] = {
    "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('DEL', KEYS[1])",
    "redis.call('SET', KEYS[1], ARGV[1], 'PX', 5000 + tonumber(ARGV[2]))"
    " redis.pcall('INCR', KEYS[1]) return 1",
    "for i = 1, 5 do redis.pcall('RPUSH', KEYS[1], ARGV[1] .. i) end"
    " return redis.pcall('SPOP', KEYS[1])",
    "redis.pcall('PEXPIRE', KEYS[1], 4000) error('at the end')",
    "redis.pcall('HSET', KEYS[1], 'f1', ARGV[1], 'f2', ARGV[2])"
    " redis.pcall('HPEXPIRE', KEYS[1], 3000, 'FIELDS', 1, 'f2') return 1",
};

/* an id is found first, as that of a random time is seldom there */

static const char  *const replay_streams[] = {
    "local e = redis.pcall('XRANGE', KEYS[1], '-', '+', 'COUNT', 10)"
    " local one = e[1 + tonumber(ARGV[1])]"
    " return one and redis.call('XDEL', KEYS[1], one[1], e[1][1])",
    "local e = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 10)"
    " local one = e[1 + tonumber(ARGV[1])]"
    " return one and redis.call('XTRIM', KEYS[1], 'MINID', '~', one[1])",
};

/* the same of what is pending, and of entries that a group may not have */

static const char  *const replay_groups[] = {
    "local p = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 10)"
    " local one = p[1 + tonumber(ARGV[3])]"
    " return one and redis.call('XACK', KEYS[1], ARGV[1], one[1], p[1][1])",
    "local p = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 10)"
    " local one = p[1 + tonumber(ARGV[3])]"
    " return one and redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0,"
    " one[1])",
    "local p = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 10)"
    " local one = p[1 + tonumber(ARGV[3])]"
    " if one then redis.call('XDEL', KEYS[1], one[1]) end"
    " return redis.pcall('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, 0)",
    "local e = redis.pcall('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 10)"
    " local one = e[1 + tonumber(ARGV[3])]"
    " return one and redis.pcall('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0,"
    " one[1], 'FORCE')",
};

static const char  *const replay_function =
    "#!lua name=lib\nredis.register_function('change', function(k, a)"
    " redis.pcall('SET', k[1], a[1]) return redis.pcall('APPEND', k[1], 'x')"
    " end)";


static inline const char *
replay_word(box_t *b, const char *word, char *buf, size_t room)
{
    static const char  kinds[] = "slhtzgpx";

    switch (word[1]) {

    case 'k':
        snprintf(buf, room, "%c:%u", kinds[rnd(sizeof(kinds) - 1)],
                 rnd(replay_names));
        break;

    case 'f':
        snprintf(buf, room, "f%u", rnd(rnd(4) ? 8 : 200));
        break;

    case 'm':
        snprintf(buf, room, "m%u", rnd(rnd(4) ? 12 : 400));
        break;

    case 'v':
        switch (rnd(12)) {

        case 0:
            memset(buf, 'a' + (int) rnd(20), 3000);
            buf[100 + rnd(2900)] = '\0';
            break;

        case 1:
            memset(buf, 'A' + (int) rnd(20), 200);
            buf[40 + rnd(160)] = '\0';
            break;

        case 2: case 3: case 4:
            snprintf(buf, room, "%u", rnd(100000));
            break;

        default:
            snprintf(buf, room, "value:%u", rnd(1000));
        }
        break;

    case 'i':
        snprintf(buf, room, "%d", (int) rnd(2000000) - 1000000);
        break;

    case 'n':
        snprintf(buf, room, "%u", rnd(10));
        break;

    case 'd':
        snprintf(buf, room, "%d.%u", (int) rnd(200) - 100, rnd(1000));
        break;

    case 'T':
        snprintf(buf, room, "%u", 1 + rnd(rnd(3) ? 20000 : 200));
        break;

    case 'S':
        snprintf(buf, room, "%u", 1 + rnd(30));
        break;

    case 'A':
        snprintf(buf, room, "%llu", (unsigned long long) b->now - 500
                                    + rnd(20000));
        break;

    case 'I':
        snprintf(buf, room, "%llu-%u", (unsigned long long) b->now + 5
                                       - rnd(rnd(3) ? 50 : 5000), rnd(3));
        break;

    case 'y':
        snprintf(buf, room, "session:%064u", rnd(replay_names));
        break;

    case 'e':
        return replay_scripts[rnd(ks_nelts(replay_scripts) - !replay_fields)];

    case 'G':
        return replay_groups[rnd(ks_nelts(replay_groups))];

    case 'q':
        snprintf(buf, room, "group%u", rnd(3));
        break;

    case 'c':
        snprintf(buf, room, "consumer%u", rnd(4));
        break;

    case 'E':
        return replay_streams[rnd(ks_nelts(replay_streams))];

    case 'F':
        return replay_function;

    default:
        snprintf(buf, room, "%c:%u", word[1], rnd(replay_names));
    }

    return buf;
}


/* what Redis 7.2 does not know, as it is told */

static inline int
replay_newer(const char *text)
{
    return starts(text, "HEXPIRE") || starts(text, "HPEXPIRE")
           || starts(text, "HPERSIST") || starts(text, "HGETDEL")
           || starts(text, "HGETEX") || starts(text, "HSETEX")
           || starts(text, "DELEX") || starts(text, "BITOP DIFF")
           || starts(text, "XDELEX") || strstr(text, "ACKED")
           || starts(text, "XACKDEL")
           || strstr(text, "IFEQ") || strstr(text, "AGGREGATE COUNT");
}


static inline void
replay_random(box_t *b)
{
    static char   words[64][4096];
    static char   copy[256];
    char         *p, *rest;
    size_t        i;
    const char   *text;

    do {
        text = replay_commands[rnd(ks_nelts(replay_commands))];
    } while (!replay_fields && replay_newer(text));

    for (i = 0; i < ks_nelts(replay_rare); i++) {
        if (starts(text, replay_rare[i]) && rnd(replay_flushes)) {
            text = "INCR %s";
        }
    }

    snprintf(copy, sizeof(copy), "%s", text);
    rest = copy;
    b->argc = 0;

    while ((p = strsep(&rest, " ")) != NULL) {
        snprintf(words[b->argc], sizeof(words[0]), "%s", p);
        text = (p[0] == '%') ? replay_word(b, p, words[b->argc],
                                           sizeof(words[0]))
                             : words[b->argc];
        b->argv[b->argc++] = ks_text(text);
    }

    box_execute(b);
}


/* --- sessions --- */

/* what is set and unset, in an order */

static inline size_t
replay_edits(box_t *b, ks_session_edit_t *edits, size_t max)
{
    static char  words[2][8][4096];
    size_t       i, n;

    n = rnd((unsigned) max + 1);

    for (i = 0; i < n; i++) {
        edits[i].unset = (rnd(3) == 0);
        edits[i].field = ks_text(replay_word(b, "%f", words[0][i],
                                             sizeof(words[0][i])));
        edits[i].value = ks_text(replay_word(b, "%v", words[1][i],
                                             sizeof(words[1][i])));
    }

    return n;
}


/* one of them is looked up, begun, changed, renewed or ended */

static inline void
replay_session(box_t *b)
{
    static const ks_session_rule_t  rules[] = {
        { 2000000, 3000000, 500000, 0, { 0, NULL }, 0 },
        { 1000000, 0, 0, 5000000, ks_str("f2"), 2 },
        { 300, 1000, 500, 2000, ks_str("f3"), 0 }
    };

    char                  from[80], to[80];
    ks_str_t              dst;
    ks_session_t          s;
    ks_session_edit_t     edits[4];
    ks_session_changes_t  ch;

    memset(&s, 0, sizeof(s));
    memset(&ch, 0, sizeof(ch));

    s.rule = &rules[rnd(ks_nelts(rules))];
    s.now = b->now;

    do {
        s.key = ks_text(replay_word(b, "%y", from, sizeof(from)));
        dst = ks_text(replay_word(b, "%y", to, sizeof(to)));
    } while (strcmp(from, to) == 0);

    if (rnd(2)) {
        (void) ks_session_use(b->client.space, &s);
        return;
    }

    if (rnd(4) == 0) {
        s.key.data = NULL;
    }

    ch.edits = edits;
    ch.n = replay_edits(b, edits, ks_nelts(edits));
    ch.destroy = (rnd(6) == 0);
    ch.destroy_all = (ch.destroy && rnd(2));
    ch.remember = (rnd(4) == 0);

    (void) ks_session_change(b->client.space, &s, &ch,
                             s.key.data == NULL || rnd(2) ? &dst : NULL);
}


/* --- the consumer --- */

typedef struct {
    box_t        *to;           /* the copy */
    ks_cursor_t   cursor;
    FILE         *copy;         /* the effects' bytes, or NULL */
    uint64_t      frames;
    uint64_t      effects;
} replay_t;


/* one command as RESP, all of it there -> b->argv; the bytes it has */

static inline size_t
replay_cut(box_t *b, const u_char *p)
{
    long     n;
    char    *end;
    u_char  *start = (u_char *) p;

    assert_int_equal(*p, '*');
    n = strtol((char *) p + 1, &end, 10);
    assert_in_range(n, 1, ARGS_MAX);

    for (b->argc = 0; b->argc < n; b->argc++) {
        p = (u_char *) end + 2;
        assert_int_equal(*p, '$');
        b->argv[b->argc].len = (size_t) strtol((char *) p + 1, &end, 10);
        b->argv[b->argc].data = (u_char *) end + 2;
        end = (char *) b->argv[b->argc].data + b->argv[b->argc].len;
        assert_memory_equal(end, "\r\n", 2);
    }

    return (size_t) ((u_char *) end + 2 - start);
}


static inline void
replay_frame(replay_t *r)
{
    box_t                    *b;
    uint32_t                  n;
    const char               *reply;
    const ks_frame_t         *frame;
    const ks_frame_record_t  *record;

    b = r->to;
    frame = (ks_frame_t *) r->cursor.frame;
    b->now = frame->now;
    n = 0;

    for (record = ks_frame_first(frame);
         record != ks_frame_end(frame);
         record = ks_frame_next(record))
    {
        assert_true(record < ks_frame_end(frame));

        if (record->kind == KS_TOLD_IMAGES) {
            continue;                   /* see snapshot_test.h */
        }

        assert_int_equal(record->kind, KS_TOLD_EFFECTS);
        assert_int_equal(replay_cut(b, record->data), record->len);

        reply = box_execute(b);

        if (reply[0] == '-') {
            fail_msg("an effect fails: %.*s: %s",
                     (int) ks_min(record->len, 200u), record->data, reply);
        }

        if (r->copy) {
            fwrite(record->data, 1, record->len, r->copy);
        }

        n++;
    }

    assert_int_equal(n, frame->effects);
    r->effects += n;
    r->frames++;
}


static inline void
replay_follow_to(box_t *from, replay_t *r, uint64_t head)
{
    int        rc;
    ks_mem_t  *m;

    m = &from->client.space->mem;

    while ((rc = ks_journal_read(m, &r->cursor, head)) == KS_OK) {
        replay_frame(r);
    }

    assert_int_equal(rc, KS_NONE);
}


static inline void
replay_follow(box_t *from, replay_t *r)
{
    replay_follow_to(from, r, ks_journal_head(&from->client.space->mem));
}


/* --- the comparison --- */

static inline int
by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


/*
 * All that a key is, by commands; what has no order of its own is sorted.  A
 * Redis 7.0 has another lag, and takes no time for one that is ahead of its
 * clock.
 */

static const char *const  replay_looks =
    "local k, out = KEYS[1], {}\n"
    "local t = redis.call('TYPE', k).ok\n"
    "out[1] = t .. ' ' .. redis.call('PEXPIRETIME', k)\n"
    "if t == 'string' then\n"
    "  out[2] = redis.call('GET', k)\n"
    "  if out[2]:find('%z') then out[2] = redis.sha1hex(out[2]) end\n"
    "elseif t == 'list' then\n"
    "  for _, v in ipairs(redis.call('LRANGE', k, 0, -1)) do\n"
    "    out[#out + 1] = v end\n"
    "elseif t == 'set' then\n"
    "  local m = redis.call('SMEMBERS', k) table.sort(m)\n"
    "  for _, v in ipairs(m) do out[#out + 1] = v end\n"
    "elseif t == 'zset' then\n"
    "  for _, v in ipairs(redis.call('ZRANGE', k, 0, -1, 'WITHSCORES')) do\n"
    "    out[#out + 1] = v end\n"
    "elseif t == 'hash' then\n"
    "  local f = redis.call('HKEYS', k) table.sort(f)\n"
    "  for _, v in ipairs(f) do\n"
    "    out[#out + 1] = v .. '=' .. redis.call('HGET', k, v)\n"
    "    if ARGV[1] == 'fields' then\n"
    "      out[#out + 1] = tostring(redis.call('HPEXPIRETIME', k, 'FIELDS',\n"
    "                                          1, v)[1]) end\n"
    "  end\n"
    "elseif t == 'stream' then\n"
    "  local i = redis.call('XINFO', 'STREAM', k)\n"
    "  for n = 1, #i, 2 do\n"
    "    if type(i[n + 1]) ~= 'table' and not i[n]:find('radix') then\n"
    "      out[#out + 1] = i[n] .. '=' .. tostring(i[n + 1]) end end\n"
    "  for _, e in ipairs(redis.call('XRANGE', k, '-', '+')) do\n"
    "    out[#out + 1] = e[1] .. ' ' .. table.concat(e[2], ' ') end\n"
    "  local i = redis.call('XINFO', 'STREAM', k, 'FULL', 'COUNT', 0)\n"
    "  for _, g in ipairs(i[#i]) do\n"
    "    out[#out + 1] = g[2] .. ' ' .. g[4] .. ' ' .. tostring(g[6])\n"
    "    if ARGV[1] == 'fields' then out[#out + 1] = tostring(g[8]) end\n"
    "    for _, p in ipairs(g[12]) do\n"
    "      if ARGV[1] ~= 'fields' then p[3] = '' end\n"
    "      out[#out + 1] = table.concat(p, ' ') end\n"
    "    for _, c in ipairs(g[14]) do out[#out + 1] = c[2] end end\n"
    "end\n"
    "return table.concat(out, '\\n')";


static inline const char *
replay_look(box_t *b, const ks_str_t *key)
{
    b->argc = 0;
    b->argv[b->argc++] = ks_text("EVAL_RO");
    b->argv[b->argc++] = ks_text(replay_looks);
    b->argv[b->argc++] = ks_text("1");
    b->argv[b->argc++] = *key;
    b->argv[b->argc++] = ks_text(replay_fields ? "fields" : "");

    return box_execute(b);
}


/* the keys of a zone, copied and sorted; the last one is NULL */

static inline char **
replay_keys(box_t *b)
{
    char    **keys, *p;
    size_t    n, i;

    line(b, "KEYS *");
    n = (size_t) strtol(b->reply + 1, &p, 10);
    keys = calloc(n + 1, sizeof(char *));
    assert_non_null(keys);

    for (i = 0; i < n; i++) {
        p = strchr(p + 2, '\n') + 1;
        keys[i] = strndup(p, strcspn(p, "\r"));
        p += strlen(keys[i]);
    }

    qsort(keys, n, sizeof(char *), by_text);

    return keys;
}


static inline void
replay_compare(box_t *a, box_t *b)
{
    char      *one, **in_a, **in_b;
    size_t     i;
    ks_str_t   key;

    b->now = a->now;
    in_a = replay_keys(a);
    in_b = replay_keys(b);

    for (i = 0; in_a[i] || in_b[i]; i++) {

        if (in_a[i] == NULL || in_b[i] == NULL
            || strcmp(in_a[i], in_b[i]) != 0)
        {
            fail_msg("the key %s is in one only", in_a[i] ? in_a[i] : in_b[i]);
        }

        key = ks_text(in_a[i]);
        one = strdup(replay_look(a, &key));

        if (strcmp(one, replay_look(b, &key)) != 0) {
            fail_msg("%s: %s\nis in the copy %s", in_a[i], one, b->reply);
        }

        free(one);
    }

    for (i = 0; in_a[i]; i++) {
        free(in_a[i]);
        free(in_b[i]);
    }

    free(in_a);
    free(in_b);

    one = strdup(line(a, "FUNCTION LIST WITHCODE"));
    assert_string_equal(one, line(b, "FUNCTION LIST WITHCODE"));
    free(one);
}


#endif /* REPLAY_TEST_H */
