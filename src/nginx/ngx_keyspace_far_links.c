
/*
 * The links of all workers that hear of the other store's changes: which is the
 * oldest to each node, and whether what the zone holds may be read.
 *
 * All of it changes under the lock of the memory that it lies in, which is held
 * for no more than a walk over the slots; a worker that dies with it lets it go
 * (the master sees to that), and leaves each word as it was or as it is to be.
 */


#include "ngx_keyspace_far_near.h"


static ngx_uint_t ngx_keyspace_links_covered(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node, ngx_uint_t order);
static void ngx_keyspace_links_lost(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node);
static void ngx_keyspace_links_end(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t node, ngx_int_t row);
static void ngx_keyspace_links_bury(ngx_keyspace_near_shared_t *sh);


ngx_uint_t
ngx_keyspace_links_lives(ngx_pid_t pid)
{
    return kill(pid, 0) != -1 || ngx_errno != NGX_ESRCH;
}


ngx_int_t
ngx_keyspace_links_join(ngx_keyspace_near_shared_t *sh)
{
    ngx_int_t   row;
    ngx_uint_t  i;

    ngx_shmtx_lock(&sh->pool->mutex);
    ngx_keyspace_links_bury(sh);

    for (i = 0, row = NGX_ERROR; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        if (sh->pids[i] == 0) {
            sh->pids[i] = (ngx_atomic_uint_t) ngx_pid;
            row = (ngx_int_t) i;
            break;
        }
    }

    ngx_shmtx_unlock(&sh->pool->mutex);

    return row;
}


void
ngx_keyspace_links_leave(ngx_keyspace_near_shared_t *sh, ngx_int_t row)
{
    ngx_uint_t  node;

    ngx_shmtx_lock(&sh->pool->mutex);

    for (node = 0; node < sh->nnodes; node++) {
        ngx_keyspace_links_end(sh, node, row);
    }

    if (sh->purger == (ngx_atomic_uint_t) ngx_pid) {
        sh->purger = 0;
    }

    sh->pids[row] = 0;
    ngx_shmtx_unlock(&sh->pool->mutex);
}


ngx_int_t
ngx_keyspace_links_up(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    ngx_int_t row, ngx_uint_t birth)
{
    ngx_uint_t  order;

    ngx_shmtx_lock(&sh->pool->mutex);

    if (sh->nodes[node].birth != birth) {
        ngx_shmtx_unlock(&sh->pool->mutex);
        return NGX_DECLINED;
    }

    ngx_keyspace_links_bury(sh);

    order = ++sh->order;

    /* without an older one nobody has heard what happened before: of its slots,
       and of keys that were none anywhere */

    if (!ngx_keyspace_links_covered(sh, node, order)) {
        ngx_keyspace_links_lost(sh, node);
        sh->purges++;
    }

    sh->nodes[node].orders[row] = order;
    ngx_keyspace_links_whole(sh);
    ngx_shmtx_unlock(&sh->pool->mutex);

    return NGX_OK;
}


void
ngx_keyspace_links_down(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    ngx_int_t row)
{
    ngx_shmtx_lock(&sh->pool->mutex);
    ngx_keyspace_links_end(sh, node, row);
    ngx_shmtx_unlock(&sh->pool->mutex);
}


void
ngx_keyspace_links_suspect(ngx_keyspace_near_shared_t *sh, ngx_uint_t node)
{
    ngx_shmtx_lock(&sh->pool->mutex);
    ngx_keyspace_links_lost(sh, node);
    ngx_shmtx_unlock(&sh->pool->mutex);
}


/* --- a primary that sentinels name --- */

static ngx_uint_t
ngx_keyspace_links_is(const ngx_keyspace_near_node_t *node,
    const ngx_keyspace_far_server_t *server)
{
    return node->port == server->port && node->len == server->host.len
           && ngx_memcmp(node->host, server->host.data, node->len) == 0;
}


void
ngx_keyspace_links_named(ngx_keyspace_near_shared_t *sh,
    const ngx_keyspace_far_server_t *server, uint64_t epoch)
{
    ngx_keyspace_near_node_t  *node;

    if (server->host.len > NGX_KEYSPACE_NEAR_HOST) {
        return;
    }

    node = &sh->nodes[0];

    ngx_shmtx_lock(&sh->pool->mutex);

    node->epoch = epoch;

    if (node->birth == 0 || !ngx_keyspace_links_is(node, server)) {
        ngx_memcpy(node->host, server->host.data, server->host.len);
        node->len = server->host.len;
        node->port = server->port;
        node->birth = ++sh->births;
        ngx_keyspace_links_reset(sh, 0);
    }

    ngx_shmtx_unlock(&sh->pool->mutex);
}


uint64_t
ngx_keyspace_links_epoch(ngx_keyspace_near_shared_t *sh)
{
    uint64_t  epoch;

    ngx_shmtx_lock(&sh->pool->mutex);
    epoch = sh->nodes[0].epoch;
    ngx_shmtx_unlock(&sh->pool->mutex);

    return epoch;
}


ngx_uint_t
ngx_keyspace_links_birth(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    const ngx_keyspace_far_server_t *server)
{
    ngx_uint_t  birth;

    ngx_shmtx_lock(&sh->pool->mutex);
    birth = ngx_keyspace_links_is(&sh->nodes[node], server)
            ? sh->nodes[node].birth : 0;
    ngx_shmtx_unlock(&sh->pool->mutex);

    return birth;
}


/* --- under the lock --- */

/* Whether there is a link to the node that is as old. */

static ngx_uint_t
ngx_keyspace_links_covered(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    ngx_uint_t order)
{
    ngx_uint_t  i, n;

    if (node >= sh->nnodes) {
        return 0;
    }

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        n = sh->nodes[node].orders[i];

        if (n != 0 && n <= order
            && ngx_keyspace_links_lives((ngx_pid_t) sh->pids[i]))
        {
            return 1;
        }
    }

    return 0;
}


/* What happens to the node's slots was, or will be, heard by nobody. */

static void
ngx_keyspace_links_lost(ngx_keyspace_near_shared_t *sh, ngx_uint_t node)
{
    uint32_t    word;
    uint64_t    now;
    ngx_uint_t  i, n;

    now = ks_clock();
    n = sh->near.cluster ? KS_SLOTS : 1;

    for (i = 0; i < n; i++) {
        word = sh->near.slots[i];

        if (ks_near_node(word) != node) {
            continue;
        }

        if (ks_near_state(word) == KS_NEAR_GOOD) {
            sh->since[i] = now;
        }

        __atomic_store_n(&sh->near.slots[i],
                         ks_near_word(node, KS_NEAR_SUSPECT),
                         __ATOMIC_SEQ_CST);
    }
}


static void
ngx_keyspace_links_end(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    ngx_int_t row)
{
    ngx_uint_t  order;

    order = sh->nodes[node].orders[row];

    if (order == 0) {
        return;
    }

    sh->nodes[node].orders[row] = 0;

    if (!ngx_keyspace_links_covered(sh, node, order)) {
        ngx_keyspace_links_lost(sh, node);
    }

    ngx_keyspace_links_whole(sh);
}


void
ngx_keyspace_links_reset(ngx_keyspace_near_shared_t *sh, ngx_uint_t node)
{
    ngx_memzero((void *) sh->nodes[node].orders,
                sizeof(sh->nodes[node].orders));

    /* which worker hears of messages is that one's to say: it closes that */

    sh->nodes[node].ear.turn = 0;
    sh->nodes[node].ear.refuses = 0;

    ngx_keyspace_links_lost(sh, node);

    /* what has come to be there was told by nobody */

    sh->purges++;
}


/* Rows of the dead are cleared, as if their links had ended. */

static void
ngx_keyspace_links_bury(ngx_keyspace_near_shared_t *sh)
{
    ngx_pid_t   pid;
    ngx_uint_t  i, node;

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        pid = (ngx_pid_t) sh->pids[i];

        if (pid == 0 || pid == ngx_pid || ngx_keyspace_links_lives(pid)) {
            continue;
        }

        for (node = 0; node < sh->nnodes; node++) {
            ngx_keyspace_links_end(sh, node, (ngx_int_t) i);
        }

        sh->pids[i] = 0;
    }
}


/* That there is no such key is known while all nodes tell what comes to be. */

void
ngx_keyspace_links_whole(ngx_keyspace_near_shared_t *sh)
{
    ngx_uint_t  node, whole;

    for (node = 0, whole = 1; node < sh->nnodes && whole; node++) {
        whole = !sh->near.cluster || sh->nodes[node].birth == 0
                || ngx_keyspace_links_covered(sh, node, sh->order);
    }

    if (!whole && sh->whole) {
        sh->purges++;
    }

    sh->whole = whole;
}


/* --- what is suspect is deleted --- */

ngx_uint_t
ngx_keyspace_links_purge(ngx_keyspace_near_shared_t *sh)
{
    uint32_t    word;
    ngx_uint_t  i, n, found, node, covered;

    ngx_shmtx_lock(&sh->pool->mutex);

    if (sh->purger != 0 && sh->purger != (ngx_atomic_uint_t) ngx_pid
        && ngx_keyspace_links_lives((ngx_pid_t) sh->purger))
    {
        /* it looks for more when it is done */

        ngx_shmtx_unlock(&sh->pool->mutex);
        return 0;
    }

    n = sh->near.cluster ? KS_SLOTS : 1;
    node = NGX_KEYSPACE_NEAR_NOBODY;
    covered = 0;
    found = 0;

    for (i = 0; i < n; i++) {
        word = sh->near.slots[i];

        if (ks_near_state(word) == KS_NEAR_GOOD) {
            continue;
        }

        if (ks_near_node(word) != node) {
            node = ks_near_node(word);
            covered = ngx_keyspace_links_covered(sh, node, sh->order);
        }

        found += covered;
        word = ks_near_word(node, covered ? KS_NEAR_DELETING
                                          : KS_NEAR_SUSPECT);
        __atomic_store_n(&sh->near.slots[i], word, __ATOMIC_SEQ_CST);
    }

    sh->purger = found ? (ngx_atomic_uint_t) ngx_pid : 0;
    ngx_shmtx_unlock(&sh->pool->mutex);

    return found != 0;
}


ngx_int_t
ngx_keyspace_links_purged(ngx_keyspace_near_shared_t *sh)
{
    uint32_t    word;
    ngx_uint_t  i, n;

    ngx_shmtx_lock(&sh->pool->mutex);

    if (sh->purger != (ngx_atomic_uint_t) ngx_pid) {
        ngx_shmtx_unlock(&sh->pool->mutex);
        return NGX_OK;
    }

    /* fetches that were sent before are too old as well */

    for (i = 0; i < KS_NEAR_CELLS; i++) {
        __atomic_fetch_add(&sh->near.cells[i], 1, __ATOMIC_SEQ_CST);
    }

    sh->purges++;
    n = sh->near.cluster ? KS_SLOTS : 1;

    for (i = 0; i < n; i++) {
        word = sh->near.slots[i];

        if (ks_near_state(word) == KS_NEAR_DELETING) {
            __atomic_store_n(&sh->near.slots[i],
                             ks_near_word(ks_near_node(word), KS_NEAR_GOOD),
                             __ATOMIC_SEQ_CST);
        }
    }

    sh->purger = 0;
    ngx_shmtx_unlock(&sh->pool->mutex);

    return ngx_keyspace_links_purge(sh) ? NGX_AGAIN : NGX_OK;
}


/* --- what a link covers --- */

ngx_uint_t
ngx_keyspace_links_younger(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    ngx_int_t row)
{
    ngx_uint_t  i, n, younger;

    ngx_shmtx_lock(&sh->pool->mutex);

    n = sh->nodes[node].orders[row];

    for (i = 0, younger = 0; i < NGX_KEYSPACE_NEAR_LINKS && n != 0; i++) {
        younger |= (sh->nodes[node].orders[i] > n);
    }

    ngx_shmtx_unlock(&sh->pool->mutex);

    return younger;
}


ngx_uint_t
ngx_keyspace_links_mourn(ngx_keyspace_near_shared_t *sh)
{
    ngx_pid_t   pid;
    ngx_uint_t  i;

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        pid = (ngx_pid_t) sh->pids[i];

        if (pid != 0 && !ngx_keyspace_links_lives(pid)) {
            ngx_shmtx_lock(&sh->pool->mutex);
            ngx_keyspace_links_bury(sh);
            ngx_shmtx_unlock(&sh->pool->mutex);
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_keyspace_links_oldest(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    ngx_int_t row)
{
    ngx_uint_t  i, n, oldest;

    ngx_shmtx_lock(&sh->pool->mutex);

    n = sh->nodes[node].orders[row];

    for (i = 0, oldest = (n != 0); i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        oldest &= (sh->nodes[node].orders[i] == 0
                   || sh->nodes[node].orders[i] >= n);
    }

    ngx_shmtx_unlock(&sh->pool->mutex);

    return oldest;
}


ngx_int_t
ngx_keyspace_links_pass(ngx_keyspace_near_shared_t *sh, ngx_uint_t node,
    ngx_int_t row, ngx_uint_t order)
{
    ngx_int_t      rc;
    ngx_uint_t     i, n, mine;
    ngx_atomic_t  *orders;

    ngx_shmtx_lock(&sh->pool->mutex);

    orders = sh->nodes[node].orders;
    mine = orders[row];
    rc = NGX_DECLINED;

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS && mine != 0; i++) {
        n = orders[i];

        if ((ngx_int_t) i == row || n == 0 || n > order
            || !ngx_keyspace_links_lives((ngx_pid_t) sh->pids[i]))
        {
            continue;
        }

        orders[i] = ngx_min(n, mine);
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&sh->pool->mutex);

    return rc;
}
