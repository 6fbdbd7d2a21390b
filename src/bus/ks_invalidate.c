/*
 * Telling the client of a tracker, wherever it is.
 *
 * A tracker that redirects to a client of another process tells that process,
 * which answers only if it does not have the client any more.
 */

#include "bus/ks_invalidate.h"
#include "bus/ks_hub.h"

#include <stdlib.h>
#include <string.h>


static void
ks_invalidate_broken(ks_tracker_t *t)
{
    ks_push_t  push;

    t->broken = 1;

    memset(&push, 0, sizeof(push));
    push.kind = KS_PUSH_REDIRECTION_BROKEN;
    push.number = t->redirect;
    t->peer->sink->ops->push(t->peer->sink, &push);
    ks_push_release(&push);
}


/*
 * To a client of another process: two ids, of who tracks and who is told; then
 * the keys, a length of four bytes before each.
 */

static void
ks_invalidate_send(ks_space_t *sp, ks_tracker_t *t, const ks_push_t *push)
{
    size_t     i, size;
    u_char    *p;
    uint32_t   len;
    ks_str_t   text;

    if (!(ks_hub_alive(sp) & t->away)) {
        ks_invalidate_broken(t);
        return;
    }

    size = 2 * sizeof(uint64_t);

    for (i = 0; i < push->nkeys; i++) {
        size += sizeof(len) + push->keys[i].len;
    }

    text.data = malloc(size);

    if (text.data == NULL) {
        return;
    }

    memcpy(text.data, &t->peer->id, sizeof(uint64_t));
    memcpy(text.data + sizeof(uint64_t), &t->redirect, sizeof(uint64_t));
    p = text.data + 2 * sizeof(uint64_t);

    for (i = 0; i < push->nkeys; i++) {
        len = (uint32_t) push->keys[i].len;
        memcpy(p, &len, sizeof(len));
        p += sizeof(len);

        if (len != 0) {
            memcpy(p, push->keys[i].data, len);
            p += len;
        }
    }

    text.len = size;
    ks_ask_tell(sp, t->away, KS_ASK_PUSH, &text);
    free(text.data);
}


void
ks_invalidate(ks_space_t *sp, ks_peers_t *peers, ks_tracker_t *t,
    ks_push_t *push)
{
    ks_peer_t  *peer;

    push->redirected = (t->redirect != 0);

    if (t->away != 0) {
        ks_invalidate_send(sp, t, push);
        return;
    }

    peer = t->redirect ? ks_peers_find(peers, t->redirect) : t->peer;

    if (peer == NULL || peer->killed) {

        if (t->redirect != 0) {
            ks_invalidate_broken(t);
        }

        return;
    }

    if (peer->sink != NULL) {
        peer->sink->ops->push(peer->sink, push);
    }
}


/* --- what other processes tell --- */

static void
ks_invalidate_here(ks_peer_t *peer, const u_char *p, const u_char *end)
{
    size_t      n;
    uint32_t    len;
    ks_str_t   *keys;
    ks_push_t   push;

    n = (size_t) (end - p) / sizeof(len) + 1;
    keys = malloc(n * sizeof(ks_str_t));

    if (keys == NULL) {
        return;
    }

    memset(&push, 0, sizeof(push));
    push.kind = KS_PUSH_INVALIDATE;
    push.keys = keys;
    push.redirected = 1;

    while (p < end) {
        memcpy(&len, p, sizeof(len));
        keys[push.nkeys].data = (u_char *) p + sizeof(len);
        keys[push.nkeys++].len = len;
        p += sizeof(len) + len;
    }

    peer->sink->ops->push(peer->sink, &push);
    ks_push_release(&push);
    free(keys);
}


void
ks_invalidate_notice(ks_space_t *sp, ks_peers_t *peers,
    const ks_question_t *q)
{
    uint64_t       ids[2];
    ks_peer_t     *peer;

    if (q->text.len < sizeof(ids)) {
        return;
    }

    memcpy(ids, q->text.data, sizeof(ids));

    if (q->what == KS_ASK_GONE) {
        peer = ks_peers_find(peers, ids[0]);

        if (peer != NULL && peer->tracker != NULL
            && peer->tracker->redirect == ids[1])
        {
            ks_invalidate_broken(peer->tracker);
        }

        return;
    }

    peer = ks_peers_find(peers, ids[1]);

    if (peer != NULL && !peer->killed && peer->sink != NULL) {
        ks_invalidate_here(peer, q->text.data + sizeof(ids),
                           q->text.data + q->text.len);
        return;
    }

    if (peer == NULL || peer->killed) {
        ks_ask_tell(sp, 1ull << q->from, KS_ASK_GONE, &q->text);
    }
}
