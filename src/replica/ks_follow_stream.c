/*
 * From bytes to commands, in any cuts.
 */

#include <stdlib.h>

#include "replica/ks_follow_stream.h"


#define KS_FOLLOW_ROOM    (64u * 1024)  /* bytes to begin with */
#define KS_FOLLOW_LINE    16            /* bytes of "*N" or "$N", at most */


void
ks_follow_stream_close(ks_follow_stream_t *s)
{
    free(s->bytes);
    free(s->commands);
    free(s->args);
    memset(s, 0, sizeof(ks_follow_stream_t));
}


/* a list of which n elements are in use, with room for one more; or NULL */

static void *
ks_follow_grow(void *list, size_t n, size_t *room, size_t size)
{
    void  *p;

    if (n < *room) {
        return list;
    }

    p = realloc(list, (*room ? *room * 2 : 64) * size);

    if (p != NULL) {
        *room = *room ? *room * 2 : 64;
    }

    return p;
}


/* What is not dropped goes to the beginning of the memory. */

static void
ks_follow_stream_move(ks_follow_stream_t *s)
{
    size_t  i, by;

    by = s->start;

    if (s->len > by) {
        memmove(s->bytes, s->bytes + by, s->len - by);
    }

    s->len -= by;
    s->at -= by;
    s->start = 0;

    for (i = 0; i < s->n; i++) {
        s->commands[i].end -= by;
    }

    for (i = 0; i < s->nargs; i++) {
        s->args[i].data -= by;
    }
}


int
ks_follow_stream_add(ks_follow_stream_t *s, const u_char *p, size_t n)
{
    size_t   i, room;
    u_char  *bytes;

    for (i = 0; i < s->bound; i++) {
        s->args[i].data = (u_char *) (s->args[i].data - s->bytes);
    }

    s->bound = 0;

    if (s->start != 0) {
        ks_follow_stream_move(s);
    }

    if (n > s->room - s->len) {

        for (room = ks_max(s->room, (size_t) KS_FOLLOW_ROOM);
             room - s->len < n;
             room *= 2)
        {
            /* void */
        }

        bytes = realloc(s->bytes, room);

        if (bytes == NULL) {
            return KS_NOMEM;
        }

        s->bytes = bytes;
        s->room = room;
    }

    memcpy(s->bytes + s->len, p, n);
    s->len += n;

    return KS_OK;
}


static int
ks_follow_fault(ks_follow_stream_t *s, const char *fault)
{
    s->fault = fault;

    return KS_ERR;
}


/* a sign, a number, and the end of the line */

static int
ks_follow_number(ks_follow_stream_t *s, u_char sign, uint64_t max,
    uint64_t *n)
{
    size_t         len;
    const u_char  *p, *end, *last;

    p = s->bytes + s->at;
    len = s->len - s->at;

    if (len == 0) {
        return KS_AGAIN;
    }

    if (*p != sign) {
        return ks_follow_fault(s, sign == '*' ? "a command does not begin here"
                               : "an argument does not begin here");
    }

    end = memchr(p, '\n', ks_min(len, (size_t) KS_FOLLOW_LINE));

    if (end == NULL) {
        return len < KS_FOLLOW_LINE ? KS_AGAIN
               : ks_follow_fault(s, "a number has no end");
    }

    last = end - 1;

    if (last - p < 2 || *last != '\r') {
        return ks_follow_fault(s, "a number is none");
    }

    for (*n = 0, p++; p < last; p++) {
        if (*p < '0' || *p > '9') {
            return ks_follow_fault(s, "a number is none");
        }

        *n = *n * 10 + (*p - '0');
    }

    if (*n > max) {
        return ks_follow_fault(s, "a number is too large");
    }

    s->at = (size_t) (end + 1 - s->bytes);

    return KS_OK;
}


/* Empty lines may stand between commands. */

static int
ks_follow_begin(ks_follow_stream_t *s)
{
    int                   rc;
    void                 *list;
    ks_follow_command_t  *c;

    while (s->at < s->len
           && (s->bytes[s->at] == '\n' || s->bytes[s->at] == '\r'))
    {
        s->at++;
    }

    rc = ks_follow_number(s, '*', KS_FOLLOW_ARGS, &s->left);

    if (rc != KS_OK) {
        return rc;
    }

    if (s->left == 0) {
        return ks_follow_fault(s, "a command has no arguments");
    }

    list = ks_follow_grow(s->commands, s->n, &s->commands_room,
                          sizeof(ks_follow_command_t));

    if (list == NULL) {
        return KS_NOMEM;
    }

    s->commands = list;
    c = &s->commands[s->n];
    c->first = s->nargs;
    c->argc = (int) s->left;
    c->end = s->start;

    return KS_OK;
}


static int
ks_follow_argument(ks_follow_stream_t *s)
{
    int            rc;
    void          *list;
    const u_char  *end;

    if (!s->sized) {
        rc = ks_follow_number(s, '$', KS_FOLLOW_BULK, &s->bulk);

        if (rc != KS_OK) {
            return rc;
        }

        s->sized = 1;
    }

    if (s->len - s->at < s->bulk + 2) {
        return KS_AGAIN;
    }

    end = s->bytes + s->at + s->bulk;

    if (end[0] != '\r' || end[1] != '\n') {
        return ks_follow_fault(s, "an argument does not end here");
    }

    list = ks_follow_grow(s->args, s->nargs, &s->args_room, sizeof(ks_str_t));

    if (list == NULL) {
        return KS_NOMEM;
    }

    s->args = list;
    s->args[s->nargs].data = (u_char *) s->at;
    s->args[s->nargs].len = (size_t) s->bulk;
    s->nargs++;

    s->at += (size_t) s->bulk + 2;
    s->sized = 0;
    s->left--;

    return KS_OK;
}


int
ks_follow_stream_next(ks_follow_stream_t *s)
{
    int  rc;

    rc = s->left ? KS_OK : ks_follow_begin(s);

    while (rc == KS_OK && s->left) {
        rc = ks_follow_argument(s);
    }

    if (rc == KS_OK) {
        s->commands[s->n++].end = s->at;
    }

    return rc;
}


ks_str_t *
ks_follow_stream_args(ks_follow_stream_t *s, const ks_follow_command_t *c)
{
    size_t  last;

    last = c->first + (size_t) c->argc;

    for ( /* void */ ; s->bound < last; s->bound++) {
        s->args[s->bound].data = s->bytes + (size_t) s->args[s->bound].data;
    }

    return &s->args[c->first];
}


void
ks_follow_stream_drop(ks_follow_stream_t *s, size_t k)
{
    size_t  i, first;

    if (k == 0) {
        return;
    }

    first = s->commands[k - 1].first + (size_t) s->commands[k - 1].argc;
    s->start = s->commands[k - 1].end;

    /* the one that has begun is behind those that are whole */

    memmove(s->commands, s->commands + k,
            (s->n - k + (s->left != 0)) * sizeof(ks_follow_command_t));
    s->n -= k;

    for (i = 0; i < s->n + (s->left != 0); i++) {
        s->commands[i].first -= first;
    }

    memmove(s->args, s->args + first,
            (s->nargs - first) * sizeof(ks_str_t));
    s->nargs -= first;
    s->bound = s->bound > first ? s->bound - first : 0;
}
