
/*
 * The links of all workers that hear of the other store's changes: which is the
 * oldest, and whether what the zone holds may be read.
 *
 * No lock is taken: each row has one writer while its process lives.  A row is
 * cleared before the others are looked at; so of two links that end at once, at
 * least the later look sees that nobody older is left.
 */


#include "ngx_keyspace_far_near.h"


static ngx_uint_t ngx_keyspace_links_lives(ngx_pid_t pid);
static ngx_uint_t ngx_keyspace_links_older(ngx_keyspace_near_shared_t *sh,
    ngx_uint_t order);
static void ngx_keyspace_links_bury(ngx_keyspace_near_shared_t *sh);


static ngx_uint_t
ngx_keyspace_links_lives(ngx_pid_t pid)
{
    return kill(pid, 0) != -1 || ngx_errno != NGX_ESRCH;
}


ngx_int_t
ngx_keyspace_links_join(ngx_keyspace_near_shared_t *sh)
{
    ngx_uint_t  i;

    ngx_keyspace_links_bury(sh);

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        if (ngx_atomic_cmp_set(&sh->links[i].pid, 0,
                               (ngx_atomic_uint_t) ngx_pid))
        {
            sh->links[i].order = 0;
            return (ngx_int_t) i;
        }
    }

    return NGX_ERROR;
}


void
ngx_keyspace_links_leave(ngx_keyspace_near_shared_t *sh, ngx_int_t row)
{
    ngx_keyspace_links_down(sh, row);
    sh->links[row].pid = 0;
}


void
ngx_keyspace_links_up(ngx_keyspace_near_shared_t *sh, ngx_int_t row)
{
    ngx_keyspace_links_bury(sh);

    sh->links[row].order = ngx_atomic_fetch_add(&sh->order, 1) + 1;
    ngx_memory_barrier();

    /* without an older one nobody has heard what happened before */

    if (!ngx_keyspace_links_older(sh, sh->links[row].order)) {
        ngx_keyspace_links_suspect(sh);
    }
}


void
ngx_keyspace_links_down(ngx_keyspace_near_shared_t *sh, ngx_int_t row)
{
    ngx_uint_t  order;

    order = sh->links[row].order;

    if (order == 0) {
        return;
    }

    sh->links[row].order = 0;
    ngx_memory_barrier();

    if (!ngx_keyspace_links_older(sh, order)) {
        ngx_keyspace_links_suspect(sh);
    }
}


/* Whether there is another link that is as old. */

static ngx_uint_t
ngx_keyspace_links_older(ngx_keyspace_near_shared_t *sh, ngx_uint_t order)
{
    ngx_uint_t  i, n;

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        n = sh->links[i].order;

        if (n != 0 && n <= order
            && sh->links[i].pid != (ngx_atomic_uint_t) ngx_pid
            && ngx_keyspace_links_lives((ngx_pid_t) sh->links[i].pid))
        {
            return 1;
        }
    }

    return 0;
}


/* Rows of the dead are cleared, as if their links had ended. */

static void
ngx_keyspace_links_bury(ngx_keyspace_near_shared_t *sh)
{
    ngx_uint_t   i;
    ngx_pid_t    pid;

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        pid = (ngx_pid_t) sh->links[i].pid;

        if (pid != 0 && pid != ngx_pid && !ngx_keyspace_links_lives(pid)) {
            ngx_keyspace_links_down(sh, (ngx_int_t) i);
            (void) ngx_atomic_cmp_set(&sh->links[i].pid,
                                      (ngx_atomic_uint_t) pid, 0);
        }
    }
}


void
ngx_keyspace_links_suspect(ngx_keyspace_near_shared_t *sh)
{
    if (sh->near.suspect == 0) {
        sh->since = ks_clock();
    }

    __atomic_store_n(&sh->near.suspect, 1, __ATOMIC_SEQ_CST);
}


ngx_uint_t
ngx_keyspace_links_purge(ngx_keyspace_near_shared_t *sh)
{
    uint32_t   suspect;
    ngx_pid_t  pid;

    suspect = __atomic_load_n(&sh->near.suspect, __ATOMIC_SEQ_CST);
    pid = (ngx_pid_t) sh->purger;

    if (suspect == 0
        || (suspect == 2 && pid != ngx_pid && ngx_keyspace_links_lives(pid)))
    {
        return 0;
    }

    if (!ngx_atomic_cmp_set(&sh->purger, (ngx_atomic_uint_t) pid,
                            (ngx_atomic_uint_t) ngx_pid))
    {
        return 0;
    }

    __atomic_store_n(&sh->near.suspect, 2, __ATOMIC_SEQ_CST);

    return 1;
}


ngx_int_t
ngx_keyspace_links_purged(ngx_keyspace_near_shared_t *sh)
{
    uint32_t    two;
    ngx_uint_t  i;

    if (sh->purger != (ngx_atomic_uint_t) ngx_pid) {
        return NGX_OK;
    }

    /* fetches that were sent before are too old as well */

    for (i = 0; i < KS_NEAR_CELLS; i++) {
        __atomic_fetch_add(&sh->near.cells[i], 1, __ATOMIC_SEQ_CST);
    }

    two = 2;
    (void) ngx_atomic_fetch_add(&sh->purges, 1);

    return __atomic_compare_exchange_n(&sh->near.suspect, &two, 0, 0,
                                       __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
           ? NGX_OK : NGX_AGAIN;
}


ngx_uint_t
ngx_keyspace_links_order(ngx_keyspace_near_shared_t *sh)
{
    return sh->order;
}


ngx_int_t
ngx_keyspace_links_pass(ngx_keyspace_near_shared_t *sh, ngx_int_t row,
    ngx_uint_t order)
{
    ngx_int_t   rc;
    ngx_uint_t  i, n, mine;

    mine = sh->links[row].order;
    rc = NGX_DECLINED;

    for (i = 0; i < NGX_KEYSPACE_NEAR_LINKS; i++) {
        n = sh->links[i].order;

        if ((ngx_int_t) i == row || n == 0 || n > order
            || !ngx_keyspace_links_lives((ngx_pid_t) sh->links[i].pid))
        {
            continue;
        }

        /* it fails if the link has ended meanwhile */

        if (n <= mine || ngx_atomic_cmp_set(&sh->links[i].order, n, mine)) {
            rc = NGX_OK;
        }
    }

    return rc;
}
