/*
 * Undo logs: records, and what they bring back.
 *
 * A record is the old bytes, padded to 8, and then one word: the offset of
 * the place in the zone, shifted left by 16, and the length.  The length
 * KS_LOG_GRANT says instead that the page of that number was taken from the
 * pool.  A record counts once the page's "used" covers it, and the log counts
 * once "open" is set, so a process that dies while it writes a record leaves
 * a log that ends before it, and a place that has not changed yet (U3).
 */

#include "memory/ks_log.h"


#define KS_LOG_GRANT  0xffff


void
ks_log_begin(const ks_mem_t *m, ks_log_t *log, uint64_t covers)
{
    log->covers = covers;
    log->cur = log->first;
    ks_log_page(m, log->first)->used = 0;
    ks_barrier();
}


void
ks_log_put(const ks_mem_t *m, ks_log_t *log, const void *p, size_t len)
{
    ks_logpage_t  *page;

    page = ks_log_page(m, log->cur);
    memcpy(page->data + page->used, p, len);
    ks_log_seal(log, page, ks_align(len, 8), ks_log_word(m, p, len));
}


void
ks_log_put_grant(const ks_mem_t *m, ks_log_t *log, uint32_t page)
{
    ks_log_seal(log, ks_log_page(m, log->cur), 0,
                (uint64_t) page << 16 | KS_LOG_GRANT);
}


void
ks_log_apply(ks_mem_t *m, ks_log_t *log, ks_ungrant_pt ungrant)
{
    size_t         len, size;
    uint64_t       word;
    ks_logpage_t  *page;

    for ( ;; ) {
        page = ks_log_page(m, log->cur);

        while (page->used) {
            word = ks_load64(page->data + page->used - 8);
            len = word & 0xffff;
            size = 8;

            if (len == KS_LOG_GRANT) {
                ungrant(m, log->open, (uint32_t) (word >> 16));

            } else {
                size += ks_align(len, 8);
                memcpy(m->base + (word >> 16),
                       page->data + page->used - size, len);
            }

            ks_barrier();
            page->used -= size;
            ks_barrier();
        }

        if (log->cur == log->first) {
            break;
        }

        log->cur = page->prev;
        ks_barrier();
    }

    ks_log_close(log);
}
