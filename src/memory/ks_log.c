/*
 * The undo log of a transaction: saving, commit, rollback; and the handle that
 * it goes with.  What a record is stands in ks_log_record.c.
 */

#include <stdlib.h>

#include "memory/ks_log.h"


void
ks_mem_attach(ks_mem_t *m, ks_zone_t *zone)
{
    memset(m, 0, sizeof(*m));

    m->zone = zone;
    m->txn = 1;
    m->process = KS_PROCESSES;
    m->base = (u_char *) zone;
    m->shards = (ks_shard_t *) (m->base + zone->shards_at);
    m->pages = (ks_page_t *) (m->base + zone->pages_at);
}


/* whether a record of len bytes fits into the current page */

static int
ks_log_fits(const ks_mem_t *m, const ks_log_t *log, size_t len)
{
    ks_logpage_t  *page;

    page = ks_log_page(m, log->cur);

    return page->used + ks_align(len, 8) + 8 <= sizeof(page->data);
}


void
ks_raise_nomem(ks_mem_t *m, ks_shard_t *sh, unsigned kind, size_t size)
{
    m->need.shard = ks_shard_index(m, sh);
    m->need.kind = kind;
    m->need.cls = ks_class_of(size);

    if (m->jump == NULL) {
        abort();                        /* outside a transaction */
    }

    longjmp(*m->jump, 1);
}


void
ks_log_reserve(ks_mem_t *m, ks_shard_t *sh, size_t len)
{
    uint32_t   next;
    ks_log_t  *log;

    log = &m->leader->log;

    if (m->dirty == 0) {
        ks_log_begin(m, log, m->locked);
    }

    m->dirty |= 1ull << ks_shard_index(m, sh);

    m->saving = sh;
    m->page = ks_log_page(m, log->cur);

    if (ks_likely(ks_log_fits(m, log, len))) {
        return;
    }

    next = m->page->next;

    if (next == 0) {
        next = ks_pool_grant_log(m, m->leader);
        if (next == 0) {
            m->need.bytes += KS_PAGE_SIZE;
            ks_raise_nomem(m, sh, KS_KIND_NODE, KS_PAGE_SIZE);
        }
    }

    ks_log_page(m, next)->used = 0;
    ks_barrier();
    log->cur = next;
    ks_barrier();
    m->page = ks_log_page(m, next);
}


/*
 * A place that was saved before in this transaction needs no saving again:
 * it is the oldest bytes that count.  Heads of lists and counters are changed
 * over and over by commands with many keys, and their logs stay short so.
 */

static inline int
ks_log_has(ks_mem_t *m, const void *p, size_t len)
{
    size_t  i;

    i = (uintptr_t) p / 4 % KS_SAVED;

    if (m->saved[i].at == p && m->saved[i].txn == m->txn
        && m->saved[i].len >= len)
    {
        return 1;
    }

    m->saved[i].at = p;
    m->saved[i].len = len;
    m->saved[i].txn = m->txn;

    return 0;
}


/* in as many records, and with as many new pages, as it takes */

static void __attribute__((noinline))
ks_save_far(ks_mem_t *m, ks_shard_t *sh, const u_char *at, size_t len)
{
    size_t  n;

    do {
        n = ks_min(len, (size_t) KS_LOG_RECORD);

        ks_log_reserve(m, sh, n);
        ks_log_put(m, &m->leader->log, at, n);

        at += n;
        len -= n;
    } while (len);
}


static void __attribute__((noinline))
ks_save_run(ks_mem_t *m, ks_shard_t *sh, const void *p, size_t len)
{
    if (ks_unlikely(!ks_save_near(m, sh, len))) {
        ks_save_far(m, sh, p, len);
        return;
    }

    memcpy(m->page->data + m->page->used, p, len);
    ks_log_seal(&m->leader->log, m->page, ks_align(len, 8),
                ks_log_word(m, p, len));
}


/*
 * Nearly all saves are of a shard that is marked already, and go to the page
 * that the one before went to; half of them are of one word.
 */

void
ks_save(ks_mem_t *m, ks_shard_t *sh, const void *p, size_t len)
{
    uint64_t  word;

    if (len > 8) {
        ks_save_run(m, sh, p, len);
        return;
    }

    if (ks_log_has(m, p, len)) {
        return;
    }

    if (ks_unlikely((len != 8 && len != 4) || !ks_save_near(m, sh, len))) {
        ks_save_run(m, sh, p, len);
        return;
    }

    word = (len == 8) ? ks_load64(p) : ks_load32(p);
    memcpy(m->page->data + m->page->used, &word, sizeof(word));
    ks_log_seal(&m->leader->log, m->page, sizeof(word),
                ks_log_word(m, p, len));
}


void
ks_log_undo(ks_mem_t *m, ks_log_t *log)
{
    ks_log_apply(m, log, ks_pool_ungrant);
}


void
ks_log_end(ks_mem_t *m, ks_shard_t *sh)
{
    if (sh->log.open == 0) {
        ks_bond_clear(sh);
        return;
    }

    if (ks_bond_keeps(sh)) {
        ks_log_close(&sh->log);

    } else {
        ks_log_undo(m, &sh->log);
    }

    ks_bond_clear(sh);
}


/* the transaction is over; the shard that has its log */

static inline ks_shard_t *
ks_transaction_over(ks_mem_t *m)
{
    m->dirty = 0;
    m->saving = NULL;
    m->txn++;

    return m->leader;
}


/* --- two zones --- */

void
ks_bind(ks_mem_t *m, ks_mem_t *first)
{
    ks_bond_begin(first, m);

    first->bound = m;
    first->late |= KS_LATE_BOUND;
}


static ks_mem_t *
ks_bound_take(ks_mem_t *m)
{
    m->late &= ~(unsigned) KS_LATE_BOUND;

    return m->bound;
}


/* The commit is done; it has to become so of what follows. */

static void
ks_bound_commit(ks_mem_t *m)
{
    ks_mem_t  *other;

    other = ks_bound_take(m);

    ks_commit(other);
    ks_bond_end(m->leader, other->leader);
}


/* Before anything of this transaction is undone. */

static void __attribute__((noinline))
ks_bound_rollback(ks_mem_t *m)
{
    ks_mem_t  *other;

    other = ks_bound_take(m);

    ks_rollback(other);
    ks_bond_end(m->leader, other->leader);
    ks_unlock_shards(other);
}


/* --- the end --- */

/* what the end of the transaction has locked */

static void __attribute__((noinline))
ks_late_unlock(ks_mem_t *m)
{
    if (m->late & KS_LATE_BOUND) {
        ks_bound_commit(m);
    }

    if (m->late & KS_LATE_FERRY) {
        m->late &= ~(unsigned) KS_LATE_FERRY;
        pthread_mutex_unlock(m->ferry);
    }

    if (m->late & KS_LATE_JOURNAL) {
        ks_journal_unlock(m);
    }

    if (m->late & KS_LATE_METERS) {
        ks_meters_unlock(m);
    }
}


void
ks_commit(ks_mem_t *m)
{
    ks_shard_t  *sh;

    m->need.bytes = 0;

    if (m->dirty == 0) {
        return;
    }

    sh = ks_transaction_over(m);

    ks_log_close(&sh->log);

    if (ks_unlikely(m->late)) {
        ks_late_unlock(m);
    }

    if (ks_unlikely(sh->log.cur != sh->log.first)) {
        ks_pool_trim_log(m, sh);
    }
}


void
ks_rollback(ks_mem_t *m)
{
    ks_shard_t  *sh;

    if (m->dirty == 0) {
        return;
    }

    if (m->late & KS_LATE_BOUND) {
        ks_bound_rollback(m);
    }

    sh = ks_transaction_over(m);

    if (sh->log.open) {
        ks_log_undo(m, &sh->log);
    }

    if (m->late & KS_LATE_JOURNAL) {
        ks_journal_unwake(m);
    }

    if (m->late) {
        ks_late_unlock(m);
    }

    if (ks_log_page(m, sh->log.first)->next) {
        ks_pool_trim_log(m, sh);
    }
}
