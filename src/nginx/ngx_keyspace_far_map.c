
/*
 * Which node of a cluster has which slot, as all workers know it.
 *
 * A node that is asked says what it believes.  One that is cut off from most of
 * the others is not believed.  Of two that claim a slot the one with the higher
 * epoch has it, as nodes among themselves have it: so the word of a node that
 * has not heard the news yet changes nothing.
 *
 * A slot that gets another node is suspect: what is here of it was fetched from
 * the node before, and whatever has happened since was told by others, or by
 * nobody.
 */


#include "ngx_keyspace_far_near.h"


static ngx_uint_t ngx_keyspace_map_cut_off(const ks_str_t *text);
static void ngx_keyspace_map_text(ngx_keyspace_near_shared_t *sh,
    ks_str_t *text, const ngx_keyspace_far_server_t *asked, ngx_uint_t names);
static ngx_int_t ngx_keyspace_map_node(ngx_keyspace_near_shared_t *sh,
    const ks_cluster_node_t *n, const ks_str_t *host);
static void ngx_keyspace_map_alias(ngx_keyspace_near_node_t *node,
    const ks_str_t *name);
static ngx_uint_t ngx_keyspace_map_claim(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node, ks_str_t *slots);
static ngx_uint_t ngx_keyspace_map_bury(ngx_keyspace_near_shared_t *sh);


ngx_int_t
ngx_keyspace_map_take(ngx_keyspace_near_shared_t *sh, ks_str_t *text,
    const ngx_keyspace_far_server_t *asked, ngx_uint_t names)
{
    if (ngx_keyspace_map_cut_off(text)) {
        return NGX_DECLINED;
    }

    ngx_shmtx_lock(&sh->pool->mutex);
    ngx_keyspace_map_text(sh, text, asked, names);
    ngx_shmtx_unlock(&sh->pool->mutex);

    return NGX_OK;
}


/* Whether it is no map, or that of a node which does not reach most others. */

static ngx_uint_t
ngx_keyspace_map_cut_off(const ks_str_t *text)
{
    int                rc;
    ks_str_t           rest;
    ngx_uint_t         primaries, fails;
    ks_cluster_node_t  n;

    rest = *text;
    primaries = 0;
    fails = 0;

    while ((rc = ks_cluster_node(&rest, &n)) == KS_OK) {

        if (n.primary && n.slots.len != 0) {
            primaries++;
            fails += n.fails;
        }
    }

    return rc == KS_ERR || primaries == 0 || fails > primaries / 2;
}


static void
ngx_keyspace_map_text(ngx_keyspace_near_shared_t *sh, ks_str_t *text,
    const ngx_keyspace_far_server_t *asked, ngx_uint_t names)
{
    ks_str_t           rest, host;
    ngx_int_t          node;
    ngx_uint_t         i, changed;
    ks_cluster_node_t  n;

    changed = (sh->map == 0);

    for (i = 0; i < sh->nnodes; i++) {
        sh->nodes[i].told = 0;
    }

    /* all nodes first: who has a slot is judged by what is said of both */

    for (rest = *text; ks_cluster_node(&rest, &n) == KS_OK; /* void */ ) {

        if (!n.primary || n.unknown) {
            continue;
        }

        host = (names && n.name.len != 0) ? n.name : n.host;

        if (host.len == 0 && n.myself) {
            host.data = asked->host.data;
            host.len = asked->host.len;
        }

        node = ngx_keyspace_map_node(sh, &n, &host);

        if (node != NGX_ERROR) {
            changed |= (sh->nodes[node].told == 2);
            sh->nodes[node].told = 1;
            sh->nodes[node].fails = n.fails;
            sh->nodes[node].epoch = n.epoch;
            ngx_keyspace_map_alias(&sh->nodes[node], (host.data == n.name.data)
                                                     ? &n.host : &n.name);
        }
    }

    for (rest = *text; ks_cluster_node(&rest, &n) == KS_OK; /* void */ ) {

        for (i = 0; i < sh->nnodes; i++) {
            if (sh->nodes[i].birth != 0
                && ngx_memcmp(sh->nodes[i].id, n.id.data, KS_CLUSTER_ID) == 0)
            {
                changed |= ngx_keyspace_map_claim(sh, i, &n.slots);
                break;
            }
        }
    }

    changed |= ngx_keyspace_map_bury(sh);
    ngx_keyspace_links_whole(sh);

    if (changed) {
        sh->map++;
    }
}


/*
 * The number of a node, whose row it makes if there is none; told is 2 if its
 * address is new.  NGX_ERROR: there is no room, or it has no address.
 */

static ngx_int_t
ngx_keyspace_map_node(ngx_keyspace_near_shared_t *sh,
    const ks_cluster_node_t *n, const ks_str_t *host)
{
    ngx_uint_t                 i, free;
    ngx_keyspace_near_node_t  *node;

    if (host->len == 0 || host->len > NGX_KEYSPACE_NEAR_HOST || n->port == 0) {
        return NGX_ERROR;
    }

    for (i = 0, free = sh->nnodes; i < sh->nnodes; i++) {
        node = &sh->nodes[i];

        if (node->birth == 0) {
            free = ngx_min(free, i);
            continue;
        }

        if (ngx_memcmp(node->id, n->id.data, KS_CLUSTER_ID) == 0) {
            break;
        }
    }

    if (i == sh->nnodes) {
        i = free;
    }

    if (i == sh->nnodes) {
        return NGX_ERROR;
    }

    node = &sh->nodes[i];

    if (node->birth != 0 && node->port == n->port && node->len == host->len
        && ngx_memcmp(node->host, host->data, host->len) == 0)
    {
        return (ngx_int_t) i;
    }

    ngx_memcpy(node->id, n->id.data, KS_CLUSTER_ID);
    ngx_memcpy(node->host, host->data, host->len);
    node->host[host->len] = '\0';
    node->len = host->len;
    node->port = (in_port_t) n->port;
    node->told = 2;
    node->birth = ++sh->births;
    ngx_keyspace_links_reset(sh, i);

    return (ngx_int_t) i;
}


static void
ngx_keyspace_map_alias(ngx_keyspace_near_node_t *node, const ks_str_t *name)
{
    node->alias_len = 0;

    if (name->len != 0 && name->len <= NGX_KEYSPACE_NEAR_HOST) {
        ngx_memcpy(node->alias, name->data, name->len);
        node->alias_len = name->len;
    }
}


static ngx_uint_t
ngx_keyspace_map_claim(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    ks_str_t *slots)
{
    uint32_t    word;
    unsigned    first, last, i;
    ngx_uint_t  changed, owner;

    changed = 0;

    while (ks_cluster_slots(slots, &first, &last) == KS_OK) {

        for (i = first; i <= last; i++) {
            word = sh->near.slots[i];
            owner = ks_near_node(word);

            if (owner == node
                || (owner < sh->nnodes && sh->nodes[owner].told
                    && !sh->nodes[owner].fails
                    && sh->nodes[owner].epoch > sh->nodes[node].epoch))
            {
                continue;
            }

            if (ks_near_state(word) == KS_NEAR_GOOD) {
                sh->since[i] = ks_clock();
            }

            __atomic_store_n(&sh->near.slots[i],
                             ks_near_word(node, KS_NEAR_SUSPECT),
                             __ATOMIC_SEQ_CST);
            changed = 1;
        }
    }

    return changed;
}


/* Nodes without a slot that are no primaries any more, or are gone. */

static ngx_uint_t
ngx_keyspace_map_bury(ngx_keyspace_near_shared_t *sh)
{
    ngx_uint_t  i, node, changed;

    for (i = 0; i < sh->nnodes; i++) {
        sh->nodes[i].slots = 0;
    }

    for (i = 0; i < KS_SLOTS; i++) {
        node = ks_near_node(sh->near.slots[i]);

        if (node < sh->nnodes) {
            sh->nodes[node].slots++;
        }
    }

    for (i = 0, changed = 0; i < sh->nnodes; i++) {

        if (sh->nodes[i].birth != 0 && sh->nodes[i].slots == 0
            && (sh->nodes[i].told == 0 || sh->nodes[i].fails))
        {
            sh->nodes[i].birth = 0;
            ngx_keyspace_links_reset(sh, i);
            changed = 1;
        }
    }

    return changed;
}


ngx_int_t
ngx_keyspace_map_find(ngx_keyspace_near_shared_t *sh, const ks_str_t *host,
    ngx_uint_t port)
{
    ngx_int_t                  rc;
    ngx_uint_t                 i;
    ngx_keyspace_near_node_t  *node;

    ngx_shmtx_lock(&sh->pool->mutex);

    for (i = 0, rc = NGX_ERROR; i < sh->nnodes; i++) {
        node = &sh->nodes[i];

        if (node->birth != 0 && node->port == (in_port_t) port
            && ((node->len == host->len
                 && ngx_memcmp(node->host, host->data, host->len) == 0)
                || (node->alias_len == host->len
                    && ngx_memcmp(node->alias, host->data, host->len) == 0)))
        {
            rc = (ngx_int_t) i;
            break;
        }
    }

    ngx_shmtx_unlock(&sh->pool->mutex);

    return rc;
}
