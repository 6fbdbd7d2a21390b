/*
 * What tests of commands share: a zone with a client, commands at a time of
 * the test's choice, and their replies as RESP.
 */

#ifndef COMMAND_TEST_H
#define COMMAND_TEST_H

#include "engine_test.h"

#include "commands/ks_args.h"
#include "protocol/ks_writers.h"


#define ROOM      (16u << 20)   /* for one reply */
#define ARGS_MAX  4096

typedef struct {
    ks_client_t          client;
    uint64_t             now;           /* ms; 0: the system's clock */
    unsigned             version;       /* of RESP */
    int                  argc;
    ks_str_t             argv[ARGS_MAX];
    ks_out_t             out;
    ks_resp_t            resp;
    u_char              *room;
    char                *reply;         /* the last one, in one piece */
    size_t               len;
} box_t;


static inline box_t *
box_open(size_t size, ks_policy_t policy)
{
    box_t  *b;

    b = calloc(1, sizeof(box_t));
    assert_non_null(b);

    ks_client_init(&b->client, open_zone(size, 0, policy), &ks_user_default);
    b->now = NOW;
    b->version = 2;
    b->room = malloc(ROOM);
    b->reply = malloc(ROOM + 1);
    assert_non_null(b->room);
    assert_non_null(b->reply);

    assert_int_equal(ks_commands_init(), KS_OK);

    return b;
}


static inline void
box_check(box_t *b)
{
    assert_int_equal(ks_check(b->client.space, report, NULL), 0);
}


static inline void
box_close(box_t *b)
{
    box_check(b);
    close_zone(b->client.space);
    free(b->room);
    free(b->reply);
    free(b);
}


static inline void *
box_no_more(void *data, size_t size)
{
    (void) data;
    (void) size;

    return NULL;
}


static inline void
box_start_reply(box_t *b)
{
    ks_out_init(&b->out, b->room, ROOM, box_no_more, NULL);
    ks_resp_init(&b->resp, &b->out, b->version);
}


/* what was written since then, in one piece */

static inline const char *
box_reply(box_t *b)
{
    ks_segment_t  *s;

    assert_false(b->out.failed);

    for (b->len = 0, s = b->out.first; s != NULL; s = s->next) {
        if (s->last != s->start) {
            memcpy(b->reply + b->len, s->start, (size_t) (s->last - s->start));
            b->len += (size_t) (s->last - s->start);
        }
    }

    b->reply[b->len] = '\0';

    return b->reply;
}


/* b->argv, at b->now; the reply's bytes */

static inline const char *
box_execute(box_t *b)
{
    ks_ahead_t  a = ks_ahead(b->argc, b->argv);

    box_start_reply(b);

    a.now = b->now;
    ks_execute(&b->client, &a, &b->resp.reply);

    return box_reply(b);
}


/* the words of a command, separated by single spaces; "" is an empty one */

static inline const char *
line(box_t *b, const char *text)
{
    static char   copy[65536];
    char         *p, *rest;

    snprintf(copy, sizeof(copy), "%s", text);
    rest = copy;
    b->argc = 0;

    while ((p = strsep(&rest, " ")) != NULL) {
        b->argv[b->argc++] = ks_text(strcmp(p, "\"\"") == 0 ? "" : p);
    }

    return box_execute(b);
}


static inline const char *  __attribute__((format(printf, 2, 3)))
linef(box_t *b, const char *fmt, ...)
{
    char     text[65536];
    va_list  args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    return line(b, text);
}


/* HSET k f with any bytes, and the like: the last argument */

static inline const char *
line_with(box_t *b, const char *text, const u_char *p, size_t len)
{
    static char   copy[1024];
    char         *word, *rest;

    snprintf(copy, sizeof(copy), "%s", text);
    rest = copy;
    b->argc = 0;

    while ((word = strsep(&rest, " ")) != NULL) {
        b->argv[b->argc++] = ks_text(word);
    }

    b->argv[b->argc].data = (u_char *) p;
    b->argv[b->argc++].len = len;

    return box_execute(b);
}


static inline int64_t
integer(const char *reply)
{
    if (reply[0] != ':') {
        fail_msg("not an integer: %s", reply);
    }

    return strtoll(reply + 1, NULL, 10);
}


static inline int
starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}


#endif /* COMMAND_TEST_H */
