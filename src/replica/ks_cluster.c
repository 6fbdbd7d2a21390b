/*
 * The map of a Redis Cluster as text, and errors that send a command elsewhere.
 */

#include <string.h>

#include "replica/ks_cluster.h"


#define ks_cluster_is(s, text)                                                \
    ((s)->len == sizeof(text) - 1 && memcmp((s)->data, text, (s)->len) == 0)


/* What lies before the byte, or all, and moves behind it; KS_NONE: nothing. */

static int
ks_cluster_cut(ks_str_t *text, u_char c, ks_str_t *part)
{
    u_char  *p;

    if (text->len == 0) {
        part->data = text->data;
        part->len = 0;
        return KS_NONE;
    }

    p = memchr(text->data, c, text->len);

    part->data = text->data;
    part->len = p ? (size_t) (p - text->data) : text->len;

    text->data += part->len + (p != NULL);
    text->len -= part->len + (p != NULL);

    return KS_OK;
}


/* All digits, and no more than max. */

static int
ks_cluster_number(const ks_str_t *s, uint64_t max, uint64_t *n)
{
    size_t  i;

    *n = 0;

    for (i = 0; i < s->len; i++) {

        if (s->data[i] < '0' || s->data[i] > '9'
            || *n > (max - (uint64_t) (s->data[i] - '0')) / 10)
        {
            return KS_ERR;
        }

        *n = *n * 10 + (uint64_t) (s->data[i] - '0');
    }

    return s->len ? KS_OK : KS_ERR;
}


/* host:port: the host of IPv6 has colons as well */

static int
ks_cluster_endpoint(const ks_str_t *s, ks_str_t *host, unsigned *port)
{
    size_t    i;
    uint64_t  n;
    ks_str_t  digits;

    for (i = s->len; i > 0 && s->data[i - 1] != ':'; i--) { /* void */ }

    if (i == 0) {
        return KS_ERR;
    }

    digits.data = s->data + i;
    digits.len = s->len - i;

    if (ks_cluster_number(&digits, 65535, &n) != KS_OK) {
        return KS_ERR;
    }

    host->data = s->data;
    host->len = i - 1;
    *port = (unsigned) n;

    if (ks_cluster_is(host, "?")) {
        host->len = 0;
    }

    return KS_OK;
}


/* host:port@port of the bus[,name of the host[,more]] */

static int
ks_cluster_address(ks_str_t *s, ks_cluster_node_t *node)
{
    ks_str_t  bus, endpoint;

    (void) ks_cluster_cut(s, ',', &bus);
    (void) ks_cluster_cut(s, ',', &node->name);
    (void) ks_cluster_cut(&bus, '@', &endpoint);

    if (memchr(node->name.data, '=', node->name.len) != NULL) {
        node->name.len = 0;
    }

    return ks_cluster_endpoint(&endpoint, &node->host, &node->port);
}


static void
ks_cluster_flags(ks_str_t *s, ks_cluster_node_t *node)
{
    ks_str_t  flag;

    while (ks_cluster_cut(s, ',', &flag) == KS_OK) {
        node->myself |= ks_cluster_is(&flag, "myself");
        node->primary |= ks_cluster_is(&flag, "master");
        node->fails |= ks_cluster_is(&flag, "fail")
                       || ks_cluster_is(&flag, "fail?");
        node->unknown |= ks_cluster_is(&flag, "handshake")
                         || ks_cluster_is(&flag, "noaddr");
    }
}


/* id address flags primary ping pong epoch state [slots ...] */

int
ks_cluster_node(ks_str_t *text, ks_cluster_node_t *node)
{
    ks_str_t  line, word;

    do {
        if (ks_cluster_cut(text, '\n', &line) != KS_OK) {
            return KS_NONE;
        }
    } while (line.len == 0);

    memset(node, 0, sizeof(ks_cluster_node_t));

    if (ks_cluster_cut(&line, ' ', &node->id) != KS_OK
        || node->id.len != KS_CLUSTER_ID
        || ks_cluster_cut(&line, ' ', &word) != KS_OK
        || ks_cluster_address(&word, node) != KS_OK
        || ks_cluster_cut(&line, ' ', &word) != KS_OK)
    {
        return KS_ERR;
    }

    ks_cluster_flags(&word, node);

    if (ks_cluster_cut(&line, ' ', &word) != KS_OK
        || ks_cluster_cut(&line, ' ', &word) != KS_OK
        || ks_cluster_cut(&line, ' ', &word) != KS_OK
        || ks_cluster_cut(&line, ' ', &word) != KS_OK
        || ks_cluster_number(&word, UINT64_MAX, &node->epoch) != KS_OK
        || ks_cluster_cut(&line, ' ', &word) != KS_OK)
    {
        return KS_ERR;
    }

    node->slots = line;

    return KS_OK;
}


int
ks_cluster_slots(ks_str_t *slots, unsigned *first, unsigned *last)
{
    uint64_t  from, to;
    ks_str_t  word, part;

    while (ks_cluster_cut(slots, ' ', &word) == KS_OK) {

        (void) ks_cluster_cut(&word, '-', &part);

        if (ks_cluster_number(&part, KS_SLOTS - 1, &from) != KS_OK) {
            continue;
        }

        to = from;

        if (word.len != 0
            && ks_cluster_number(&word, KS_SLOTS - 1, &to) != KS_OK)
        {
            continue;
        }

        *first = (unsigned) from;
        *last = (unsigned) to;

        return KS_OK;
    }

    return KS_NONE;
}


/* --- errors --- */

ks_cluster_move_t
ks_cluster_move(const u_char *p, size_t len, unsigned *slot, ks_str_t *host,
    unsigned *port)
{
    uint64_t           n;
    ks_str_t           text, word;
    ks_cluster_move_t  move;

    if (len < 3 || *p != '-') {
        return KS_CLUSTER_STAYS;
    }

    text.data = (u_char *) p + 1;
    text.len = len - 3;

    (void) ks_cluster_cut(&text, ' ', &word);

    if (ks_cluster_is(&word, "TRYAGAIN")) {
        return KS_CLUSTER_TRYAGAIN;
    }

    if (ks_cluster_is(&word, "CLUSTERDOWN")) {
        return KS_CLUSTER_DOWN;
    }

    move = ks_cluster_is(&word, "MOVED") ? KS_CLUSTER_MOVED
           : ks_cluster_is(&word, "ASK") ? KS_CLUSTER_ASK
           : KS_CLUSTER_STAYS;

    if (move == KS_CLUSTER_STAYS
        || ks_cluster_cut(&text, ' ', &word) != KS_OK
        || ks_cluster_number(&word, KS_SLOTS - 1, &n) != KS_OK
        || ks_cluster_endpoint(&text, host, port) != KS_OK)
    {
        return KS_CLUSTER_STAYS;
    }

    *slot = (unsigned) n;

    return move;
}
