/*
 * Questions and answers as records: a header, and a text.
 */

#include "bus/ks_ask.h"
#include "keyspace/ks_keyspace.h"
#include "keyspace/ks_transact.h"

#include <stdlib.h>


typedef enum {
    KS_ASK_NOTICE = 0,          /* that needs no answer */
    KS_ASK_QUESTION,
    KS_ASK_ANSWER
} ks_ask_kind_t;

typedef struct {
    uint64_t       id;          /* of the question */
    uint64_t       after;
    int64_t        number;
    uint32_t       kind;
    uint32_t       what;
    uint32_t       row;         /* whose record it is */
    uint32_t       pad;
} ks_ask_header_t;

typedef struct {
    ks_peers_t    *peers;
    ks_answer_pt   answer;
    ks_ask_t      *asks;
} ks_asks_t;

/* a record that is to be told */
typedef struct {
    uint64_t         readers;
    ks_ask_header_t  header;
    ks_str_t         text;
} ks_ask_record_t;


static void
ks_ask_body(ks_space_t *sp, void *data)
{
    ks_ask_record_t *r = data;

    ks_str_t  parts[2];

    parts[0].data = (u_char *) &r->header;
    parts[0].len = sizeof(ks_ask_header_t);
    parts[1] = r->text;

    ks_tell(sp, KS_TOLD_REQUESTS, r->readers, 2, parts);
}


/* Amid a transaction it is told with the commit of that one. */

static int
ks_ask_send(ks_space_t *sp, ks_ask_record_t *r)
{
    ks_call_t  call;

    if (ks_space_hub(sp) == NULL || r->readers == 0) {
        return KS_NONE;
    }

    r->header.row = (uint32_t) __builtin_ctzll(ks_hub_bit(sp));

    if (sp->depth != 0) {
        ks_ask_body(sp, r);
        return KS_OK;
    }

    memset(&call, 0, sizeof(call));
    call.body = ks_ask_body;
    call.data = r;

    return ks_run(sp, &call);
}


/* --- asking --- */

static int
ks_ask_keep(ks_ask_t *ask, uint32_t what, const ks_str_t *text)
{
    ask->text = malloc(text->len + 1);

    if (ask->text == NULL) {
        return KS_NOMEM;
    }

    if (text->len != 0) {
        memcpy(ask->text, text->data, text->len);
    }

    ask->text_len = text->len;
    ask->what = what;

    return KS_OK;
}


static int
ks_ask_question(ks_space_t *sp, ks_ask_t *ask, uint64_t readers,
    uint64_t after)
{
    ks_ask_record_t  r;

    memset(&r, 0, sizeof(r));
    r.readers = readers;
    r.header.kind = KS_ASK_QUESTION;
    r.header.id = ask->id;
    r.header.what = ask->what;
    r.header.after = after;
    r.text.data = ask->text;
    r.text.len = ask->text_len;

    return ks_ask_send(sp, &r);
}


int
ks_ask(ks_space_t *sp, ks_ask_t *ask, uint32_t what, const ks_str_t *text,
    uint64_t now)
{
    ks_asks_t  *asks;

    asks = ks_hub_listener(sp, KS_TOLD_REQUESTS);

    if (asks == NULL) {
        return KS_NONE;
    }

    ask->missing = ks_hub_alive(sp) & ~ks_hub_bit(sp);

    if (ask->missing == 0 || ks_ask_keep(ask, what, text) != KS_OK) {
        ask->missing = 0;
        return KS_NONE;
    }

    ask->id = ks_next_id(sp);
    ask->until = now + KS_ASK_PATIENCE;
    ask->next = asks->asks;
    ask->prev = &asks->asks;

    if (ask->next != NULL) {
        ask->next->prev = &ask->next;
    }

    asks->asks = ask;

    if (ks_ask_question(sp, ask, ask->missing, 0) != KS_OK) {
        ks_ask_end(ask);
        return KS_NONE;
    }

    return KS_OK;
}


void
ks_ask_end(ks_ask_t *ask)
{
    void  (*done)(ks_ask_t *ask);

    if (ask->prev != NULL) {
        *ask->prev = ask->next;

        if (ask->next != NULL) {
            ask->next->prev = ask->prev;
        }
    }

    free(ask->data);
    free(ask->text);

    done = ask->done;
    memset(ask, 0, sizeof(ks_ask_t));
    ask->done = done;
}


void
ks_ask_tell(ks_space_t *sp, uint64_t processes, uint32_t what,
    const ks_str_t *text)
{
    ks_ask_record_t  r;

    memset(&r, 0, sizeof(r));
    r.readers = processes;
    r.header.kind = KS_ASK_NOTICE;
    r.header.what = what;
    r.text = *text;

    (void) ks_ask_send(sp, &r);
}


void
ks_ask_all(ks_space_t *sp, uint32_t what, const ks_str_t *text)
{
    if (ks_space_hub(sp) != NULL) {
        ks_ask_tell(sp, ks_hub_alive(sp), what, text);
    }
}


/* --- hearing --- */

static void
ks_ask_answer(ks_space_t *sp, ks_asks_t *asks, const ks_ask_header_t *h,
    const ks_str_t *text)
{
    size_t           room;
    ks_answer_t      a;
    ks_question_t    q;
    ks_ask_record_t  r;

    q.id = h->id;
    q.what = h->what;
    q.from = h->row;
    q.after = h->after;
    q.text = *text;

    if (h->kind == KS_ASK_NOTICE) {
        asks->answer(sp, asks->peers, &q, NULL);
        return;
    }

    room = ks_min((size_t) KS_ASK_PIECE, ks_tell_max(sp) / 2);

    memset(&a, 0, sizeof(a));
    a.room = room + KS_ASK_LINE;
    a.data = malloc(a.room);

    if (a.data == NULL) {
        return;                         /* as if it was stopped */
    }

    asks->answer(sp, asks->peers, &q, &a);

    memset(&r, 0, sizeof(r));
    r.readers = 1ull << h->row;
    r.header.kind = KS_ASK_ANSWER;
    r.header.id = h->id;
    r.header.after = a.after;
    r.header.number = a.number;
    r.text.data = a.data;
    r.text.len = a.len;

    (void) ks_ask_send(sp, &r);
    free(a.data);
}


static void
ks_ask_add(ks_ask_t *ask, const ks_str_t *text)
{
    size_t   room;
    u_char  *p;

    if (text->len > ask->room - ask->len) {
        room = ks_max(ask->room * 2, ask->len + text->len);
        p = realloc(ask->data, room);

        if (p == NULL) {
            ask->lost = 1;
            return;
        }

        ask->data = p;
        ask->room = room;
    }

    if (text->len != 0) {
        memcpy(ask->data + ask->len, text->data, text->len);
        ask->len += text->len;
    }
}


static void
ks_ask_answered(ks_space_t *sp, ks_asks_t *asks, const ks_ask_header_t *h,
    const ks_str_t *text)
{
    ks_ask_t  *ask;

    for (ask = asks->asks; ask != NULL && ask->id != h->id; ask = ask->next) {
        /* void */
    }

    if (ask == NULL || !(ask->missing & (1ull << h->row))) {
        return;
    }

    ask->number += h->number;
    ks_ask_add(ask, text);

    if (h->number != 0) {
        ask->who |= 1ull << h->row;
    }

    if (h->after != 0
        && ks_ask_question(sp, ask, 1ull << h->row, h->after) == KS_OK)
    {
        return;
    }

    ask->missing &= ~(1ull << h->row);

    if (ask->missing == 0 && ask->done != NULL) {
        ask->done(ask);
    }
}


static void
ks_asks_record(ks_space_t *sp, void *data, const ks_frame_record_t *record)
{
    ks_asks_t *asks = data;

    size_t           at;
    ks_str_t         part;
    ks_ask_header_t  h;

    at = 0;

    if (ks_record_part(record, &at, &part) != KS_OK
        || part.len != sizeof(ks_ask_header_t))
    {
        return;
    }

    memcpy(&h, part.data, sizeof(ks_ask_header_t));

    if (ks_record_part(record, &at, &part) != KS_OK) {
        return;
    }

    if (h.kind == KS_ASK_ANSWER) {
        ks_ask_answered(sp, asks, &h, &part);

    } else {
        ks_ask_answer(sp, asks, &h, &part);
    }
}


int
ks_asks_open(ks_space_t *sp, ks_peers_t *peers, ks_answer_pt answer)
{
    ks_asks_t      *asks;
    ks_listener_t   l;

    if (ks_space_hub(sp) == NULL) {
        return KS_ERR;
    }

    asks = calloc(1, sizeof(ks_asks_t));

    if (asks == NULL) {
        return KS_ERR;
    }

    asks->peers = peers;
    asks->answer = answer;

    memset(&l, 0, sizeof(l));
    l.record = ks_asks_record;
    l.data = asks;
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_REQUESTS, &l);

    return KS_OK;
}


void
ks_asks_close(ks_space_t *sp)
{
    ks_asks_t      *asks;
    ks_listener_t   l;

    asks = ks_hub_listener(sp, KS_TOLD_REQUESTS);

    if (asks == NULL) {
        return;
    }

    while (asks->asks != NULL) {
        ks_ask_end(asks->asks);
    }

    memset(&l, 0, sizeof(l));
    ks_hub_listen(ks_space_hub(sp), KS_TOLD_REQUESTS, &l);
    free(asks);
}
