/*
 * A connection to an upstream, from its first byte to the stream: who we are,
 * what we have, and what becomes of that.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands/ks_args.h"
#include "replica/ks_follow_in.h"
#include "types/ks_number.h"


#define KS_FOLLOW_ACK      1000         /* ms between two words to the
                                           upstream */


/* --- what is said --- */

static void
ks_follow_send(ks_follow_t *f, int argc, const ks_str_t *argv)
{
    int   i;
    char  head[32];

    (void) snprintf(head, sizeof(head), "*%d\r\n", argc);
    f->options.send(f->options.data, (u_char *) head, strlen(head));

    for (i = 0; i < argc; i++) {
        (void) snprintf(head, sizeof(head), "$%zu\r\n", argv[i].len);
        f->options.send(f->options.data, (u_char *) head, strlen(head));
        f->options.send(f->options.data, argv[i].data, argv[i].len);
        f->options.send(f->options.data, (const u_char *) "\r\n", 2);
    }
}


static void
ks_follow_ask(ks_follow_t *f, ks_follow_step_t step, int argc,
    const ks_str_t *argv)
{
    f->step = step;
    f->acked = f->now;
    ks_follow_send(f, argc, argv);
}


static void
ks_follow_ack(ks_follow_t *f)
{
    char      offset[24];
    ks_str_t  argv[3] = { ks_str("REPLCONF"), ks_str("ACK"), ks_str("") };

    (void) snprintf(offset, sizeof(offset), "%llu",
                    (unsigned long long) f->offset);
    argv[2] = ks_text(offset);

    f->asks = 0;
    f->acked = f->now;
    ks_follow_send(f, 3, argv);
}


static void
ks_follow_say_ping(ks_follow_t *f)
{
    ks_str_t  argv[1] = { ks_str("PING") };

    ks_follow_ask(f, KS_FOLLOW_PING, 1, argv);
}


static void
ks_follow_say_first(ks_follow_t *f)
{
    int       n;
    ks_str_t  argv[3] = { ks_str("AUTH"), ks_str(""), ks_str("") };

    if (f->options.password.data == NULL) {
        ks_follow_say_ping(f);
        return;
    }

    n = 1;

    if (f->options.user.data != NULL) {
        argv[n++] = f->options.user;
    }

    argv[n++] = f->options.password;
    ks_follow_ask(f, KS_FOLLOW_AUTH, n, argv);
}


static void
ks_follow_say_port(ks_follow_t *f)
{
    char      port[16];
    ks_str_t  argv[3] = { ks_str("REPLCONF"), ks_str("listening-port"),
                          ks_str("") };

    (void) snprintf(port, sizeof(port), "%u", f->options.port);
    argv[2] = ks_text(port);

    ks_follow_ask(f, KS_FOLLOW_PORT, 3, argv);
}


static void
ks_follow_say_capa(ks_follow_t *f)
{
    ks_str_t  argv[7] = { ks_str("REPLCONF"), ks_str("capa"), ks_str("eof"),
                          ks_str("capa"), ks_str("psync2"),
                          ks_str("capa"), ks_str("documents") };

    ks_follow_ask(f, KS_FOLLOW_CAPA, 7, argv);
}


static void
ks_follow_say_psync(ks_follow_t *f)
{
    char                 offset[24];
    ks_str_t             argv[3] = { ks_str("PSYNC"), ks_str("?"),
                                     ks_str("-1") };
    ks_upstream_state_t  st;

    ks_upstream_state(ks_space_zone(f->space), &st);

    if (st.whole) {
        (void) snprintf(offset, sizeof(offset), "%llu",
                        (unsigned long long) st.offset + 1);
        argv[1].data = st.replid;
        argv[1].len = KS_REPLID;
        argv[2] = ks_text(offset);
    }

    ks_follow_ask(f, KS_FOLLOW_PSYNC, 3, argv);
}


/* --- answers --- */

static int
ks_follow_starts(const ks_str_t *line, const char *text)
{
    return line->len >= strlen(text)
           && memcmp(line->data, text, strlen(text)) == 0;
}


/* an answer that is of no use, as a text */

static int
ks_follow_refused(ks_follow_t *f, const ks_str_t *line, const char *to)
{
    size_t  i;
    char    text[128];

    for (i = 0; i < line->len && i < sizeof(text) - 1; i++) {
        text[i] = (line->data[i] >= ' ' && line->data[i] < 127)
                  ? (char) line->data[i] : '?';
    }

    text[i] = '\0';

    return ks_follow_fail(f, "the upstream answers \"%s\" to %s", text, to);
}


static void
ks_follow_rename(ks_space_t *sp, void *data)
{
    ks_follow_holds(sp, data);
    ks_upstream_rename(sp, ((ks_follow_t *) data)->replid);
}


static int
ks_follow_renamed(ks_follow_t *f, const ks_str_t *replid)
{
    ks_upstream_state_t  st;

    ks_upstream_state(ks_space_zone(f->space), &st);

    if (memcmp(st.replid, replid->data, KS_REPLID) == 0) {
        return KS_OK;
    }

    memcpy(f->replid, replid->data, KS_REPLID);

    if (ks_follow_by_itself(f, ks_follow_rename) != KS_OK) {
        return ks_follow_undone(f);
    }

    ks_follow_log(f, KS_FOLLOW_NOTICE, "the upstream's history goes on as "
                  "%.40s", (char *) replid->data);

    return KS_OK;
}


static void
ks_follow_renew(ks_space_t *sp, void *data)
{
    (void) data;

    ks_upstream_renewed(sp);
}


/*
 * The gate is open before clients that wait are told to look again: others find
 * it shut, and go on waiting.  A process that dies in between leaves that to
 * the next one, as each link that comes up tells it.
 */

static void
ks_follow_go(ks_follow_t *f)
{
    f->step = KS_FOLLOW_STREAM;
    f->up = 1;
    ks_follow_run_begin(f);
    ks_upstream_set_link(f->space, KS_LINK_UP, f->now);
    f->judge = ks_upstream_judge(f->space, f->now);

    (void) ks_follow_by_itself(f, ks_follow_renew);

    ks_follow_ack(f);
}


/* +CONTINUE, and since Redis 4.0 the name of the history */

static int
ks_follow_continue(ks_follow_t *f, const ks_str_t *line)
{
    ks_str_t             replid;
    ks_upstream_state_t  st;

    ks_upstream_state(ks_space_zone(f->space), &st);

    if (!st.whole) {
        return ks_follow_refused(f, line, "the question for all keys");
    }

    replid.data = line->data + sizeof("+CONTINUE ") - 1;
    replid.len = line->len < sizeof("+CONTINUE ") - 1 ? 0
                 : line->len - (sizeof("+CONTINUE ") - 1);

    if (replid.len != 0) {

        if (replid.len != KS_REPLID) {
            return ks_follow_refused(f, line, "PSYNC");
        }

        if (ks_follow_renamed(f, &replid) != KS_OK) {
            return KS_ERR;
        }
    }

    ks_count(ks_space_zone(f->space), KS_COUNT_UPSTREAM_PARTIAL);
    ks_follow_go(f);

    if (f->lacked != KS_FOLLOW_STREAM) {
        ks_follow_log(f, KS_FOLLOW_NOTICE, "the upstream's stream goes on at "
                      "offset %llu", (unsigned long long) f->offset);
    }

    return KS_OK;
}


/* "+FULLRESYNC", the name of the history, the offset in it */

static int
ks_follow_full(ks_follow_t *f, const ks_str_t *line)
{
    size_t    head;
    ks_str_t  offset;

    head = sizeof("+FULLRESYNC ") - 1;
    offset.data = line->data + head + KS_REPLID + 1;

    if (line->len < head + KS_REPLID + 2
        || line->data[head + KS_REPLID] != ' ')
    {
        return ks_follow_refused(f, line, "PSYNC");
    }

    offset.len = line->len - head - KS_REPLID - 1;

    if (ks_parse_uint(&offset, &f->at) != KS_OK) {
        return ks_follow_refused(f, line, "PSYNC");
    }

    memcpy(f->replid, line->data + head, KS_REPLID);
    f->step = KS_FOLLOW_FILE;
    ks_upstream_set_link(f->space, KS_LINK_SYNC, f->now);

    if (f->lacked != KS_FOLLOW_BYTES) {
        ks_follow_log(f, KS_FOLLOW_NOTICE, "the upstream sends all of its "
                      "keys, as at offset %llu", (unsigned long long) f->at);
    }

    return KS_OK;
}


/* the line before the file: "$" and its size, or "$EOF:" and the mark */

static int
ks_follow_file(ks_follow_t *f, const ks_str_t *line)
{
    uint64_t  size;
    ks_str_t  digits;

    if (ks_follow_starts(line, "$EOF:")
        && line->len == 5 + KS_FOLLOW_MARK)
    {
        memcpy(f->mark, line->data + 5, KS_FOLLOW_MARK);
        size = 0;

    } else {
        digits.data = line->data + 1;
        digits.len = line->len - 1;

        if (line->data[0] != '$' || ks_parse_uint(&digits, &size) != KS_OK
            || size == 0)
        {
            return ks_follow_refused(f, line, "the question for its keys");
        }
    }

    f->step = KS_FOLLOW_BYTES;

    return ks_follow_sync_begin(f, size);
}


static int
ks_follow_ping(ks_follow_t *f, const ks_str_t *line)
{
    if (line->data[0] != '+') {
        return ks_follow_refused(f, line, "PING");
    }

    if (f->options.port != 0) {
        ks_follow_say_port(f);

    } else {
        ks_follow_say_capa(f);
    }

    return KS_OK;
}


/* an answer that is no empty line */

static int
ks_follow_answer(ks_follow_t *f, const ks_str_t *line)
{
    switch (f->step) {

    case KS_FOLLOW_AUTH:
        if (line->data[0] != '+') {
            return ks_follow_refused(f, line, "AUTH");
        }

        ks_follow_say_ping(f);
        return KS_OK;

    case KS_FOLLOW_PING:
        return ks_follow_ping(f, line);

    case KS_FOLLOW_PORT:                /* it may not know that, nor the next */
        ks_follow_say_capa(f);
        return KS_OK;

    case KS_FOLLOW_CAPA:
        ks_follow_say_psync(f);
        return KS_OK;

    case KS_FOLLOW_PSYNC:
        if (ks_follow_starts(line, "+FULLRESYNC ")) {
            return ks_follow_full(f, line);
        }

        return ks_follow_starts(line, "+CONTINUE")
               ? ks_follow_continue(f, line)
               : ks_follow_refused(f, line, "PSYNC");

    default:
        return ks_follow_file(f, line);
    }
}


/* Bytes of an answer: *used are taken, up to the end of its line. */

static int
ks_follow_line(ks_follow_t *f, const u_char *p, size_t n, size_t *used)
{
    size_t         take;
    ks_str_t       line;
    const u_char  *end;

    end = memchr(p, '\n', n);
    take = end ? (size_t) (end - p) : n;
    *used = take + (end != NULL);

    if (take > sizeof(f->line) - f->len) {
        return ks_follow_fail(f, "the upstream's answer has no end");
    }

    memcpy(f->line + f->len, p, take);
    f->len += take;

    if (end == NULL) {
        return KS_OK;
    }

    line.data = f->line;
    line.len = f->len;
    f->len = 0;

    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }

    return line.len ? ks_follow_answer(f, &line) : KS_OK;
}


/* --- the connection --- */

ks_follow_t *
ks_follow_open(const ks_follow_options_t *options)
{
    ks_follow_t  *f;

    f = calloc(1, sizeof(ks_follow_t));

    if (f == NULL) {
        return NULL;
    }

    f->options = *options;
    f->space = options->space;
    f->judge = UINT64_MAX;

    ks_client_init(&f->client, f->space, &ks_user_default);
    f->client.quiet = 1;
    f->client.obeys = 1;

    return f;
}


void
ks_follow_close(ks_follow_t *f)
{
    ks_follow_run_end(f);

    if (f->load != NULL) {
        ks_follow_sync_drop(f);
    }

    free(f);
}


int
ks_follow_connected(ks_follow_t *f, uint64_t now)
{
    f->now = now;
    f->heard = now;
    f->len = 0;
    f->asks = 0;
    f->up = 0;
    f->other = 0;
    f->crowded = 0;
    f->turn = ks_role_turn(f->space);
    f->why[0] = '\0';

    ks_upstream_set_link(f->space, KS_LINK_CONNECTING, now);
    ks_follow_say_first(f);

    return KS_OK;
}


void
ks_follow_known(ks_follow_t *f, uint64_t more)
{
    if (f->step == KS_FOLLOW_STREAM) {
        ks_upstream_known(ks_space_zone(f->space),
                          f->offset + (f->stream.len - f->stream.start)
                          + more);
    }
}


static int
ks_follow_bytes(ks_follow_t *f, const u_char *p, size_t n, size_t *used)
{
    int  rc;

    switch (f->step) {

    case KS_FOLLOW_BYTES:
        rc = ks_follow_sync_add(f, p, n, used);

        if (rc == KS_OK) {
            ks_count(ks_space_zone(f->space), KS_COUNT_UPSTREAM_FULL);
            ks_follow_has_room(f);
            ks_follow_go(f);
        }

        return rc == KS_ERR ? KS_ERR : KS_OK;

    case KS_FOLLOW_STREAM:
        *used = n;
        ks_follow_known(f, n);
        rc = ks_follow_run(f, p, n);

        if (rc == KS_OK && f->asks) {
            ks_follow_ack(f);
        }

        return rc;

    default:
        return ks_follow_line(f, p, n, used);
    }
}


int
ks_follow_input(ks_follow_t *f, const u_char *p, size_t n, uint64_t now)
{
    size_t  used;

    f->now = now;
    f->heard = now;
    ks_upstream_heard(f->space, now);

    while (n > 0) {
        used = 0;

        if (ks_follow_bytes(f, p, n, &used) != KS_OK) {
            return KS_ERR;
        }

        p += used;
        n -= used;
    }

    return KS_OK;
}


uint64_t
ks_follow_due(const ks_follow_t *f)
{
    if (f->step == KS_FOLLOW_CLOSED) {
        return f->judge;
    }

    return ks_min(f->acked + KS_FOLLOW_ACK, f->heard + f->options.timeout);
}


/*
 * A zone that is full may find room for a command or two at each try: it has
 * come past that once a link has come further, and is still there a second
 * after it came up.
 */

static void
ks_follow_past(ks_follow_t *f)
{
    if (f->step == KS_FOLLOW_STREAM && f->offset != f->begun
        && f->now >= f->came + KS_FOLLOW_ACK)
    {
        ks_follow_has_room(f);
    }
}


int
ks_follow_tick(ks_follow_t *f, uint64_t now)
{
    f->now = now;

    if (now >= f->judge || f->step != KS_FOLLOW_STREAM) {
        f->judge = ks_upstream_judge(f->space, now);
    }

    if (f->step == KS_FOLLOW_CLOSED) {
        return KS_OK;
    }

    if (now >= f->heard + f->options.timeout) {
        return ks_follow_fail(f, "the upstream has said nothing for %llu s",
                              (unsigned long long)
                              (f->options.timeout / 1000));
    }

    ks_follow_past(f);
    ks_follow_faults(f);

    if (now < f->acked + KS_FOLLOW_ACK) {
        return KS_OK;
    }

    f->acked = now;

    if (f->step == KS_FOLLOW_STREAM) {
        ks_follow_ack(f);

    } else if (f->step == KS_FOLLOW_BYTES) {
        f->options.send(f->options.data, (const u_char *) "\n", 1);
    }

    return KS_OK;
}


int
ks_follow_lost(ks_follow_t *f, uint64_t now, const char *why)
{
    int  up;

    f->now = now;
    up = f->up;

    if (f->step == KS_FOLLOW_BYTES) {
        ks_follow_sync_drop(f);
    }

    if (why != NULL) {
        (void) ks_follow_fail(f, "%s", why);
    }

    ks_follow_run_end(f);
    f->step = KS_FOLLOW_CLOSED;
    f->up = 0;

    ks_upstream_set_link(f->space, KS_LINK_DOWN, now);
    f->judge = ks_upstream_judge(f->space, now);

    return up;
}


const char *
ks_follow_why(const ks_follow_t *f)
{
    return f->why;
}
