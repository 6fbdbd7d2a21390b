/*
 * The journal's ring, its lock, and its place in a transaction.
 *
 * Appending.  The journal's lock (U7) is held from the append to the end of the
 * transaction.  The old head goes into the transaction's undo log, which covers
 * the journal from then on (KS_LOG_JOURNAL), so closing the log commits the
 * head with all else.  The bytes themselves lie beyond the old head, where
 * nobody reads, and need no saving.
 *
 * After a death.  A holder's death leaves the head where it was, or moved under
 * a log that is still open.  Whoever gets the lock then looks for such a log in
 * all shards and sees to it that it is undone first, in the same way as for a
 * shard whose leader died (ks_recover_leader()).
 *
 * Reading.  A head is asked for under the lock, so it is a committed one.  The
 * bytes before it are copied without a lock; a writer raises "floor" before it
 * overwrites anything, so a copy is good if the floor is still not beyond its
 * start when it has been made (a sequence lock, in short).  The floor is a
 * hint: it is not undone, and may say that something is lost which is not.
 *
 * The stream to replicas is made of the frames, so its length grows with the
 * head, and is under the same log.  To find a place in it, "first" notes for
 * each part of the ring where the first frame begins in it.  That is not
 * undone: of a frame that never came to be it says the place where the next one
 * begins.
 */

#include <errno.h>
#include <stdlib.h>

#include "memory/ks_journal.h"
#include "memory/ks_log.h"


#define KS_JOURNAL_SHARE  16            /* of a zone's size */
#define KS_JOURNAL_LEAST  (1024u * 1024)
#define KS_JOURNAL_MAX    (32u * 1024 * 1024)

#define KS_JOURNAL_WORDS  (3 * 8)       /* in a log: two, and what they are */


static void ks_journal_lock(ks_mem_t *m);
static void ks_journal_lock_hard(ks_mem_t *m, int rc);
static void ks_journal_write(ks_mem_t *m, u_char *p, size_t len);
static int ks_journal_copy(const ks_mem_t *m, uint64_t at, void *to,
    size_t len);
static void ks_journal_wake(ks_mem_t *m, uint32_t kinds, uint64_t readers);


static inline u_char *
ks_journal_ring(const ks_mem_t *m)
{
    return m->base + m->zone->journal.at;
}


static inline uint64_t
ks_journal_block(const ks_journal_t *j, uint64_t at)
{
    return at / (j->size / KS_JOURNAL_BLOCKS);
}


size_t
ks_journal_size(size_t zone)
{
    size_t  size;

    size = KS_JOURNAL_LEAST;

    while (size < KS_JOURNAL_MAX && size * 2 * KS_JOURNAL_SHARE <= zone) {
        size *= 2;
    }

    return size;
}


void
ks_journal_create(ks_zone_t *zone, size_t size)
{
    zone->journal.at = zone->size;
    zone->journal.size = size;
}


static uint32_t
ks_journal_constant(const ks_journal_t *j)
{
    unsigned  i;
    uint32_t  kinds;

    for (kinds = 0, i = 0; i < KS_JOURNAL_ALWAYS; i++) {
        kinds |= j->always[i];
    }

    return kinds;
}


/* under the lock */

static void
ks_journal_wants(ks_mem_t *m, unsigned reader, uint32_t kinds)
{
    unsigned       i;
    uint32_t       all;
    uint64_t       wants;
    ks_journal_t  *j;

    j = &m->zone->journal;
    all = ks_journal_constant(j);

    for (i = 0; i < KS_TOLD_KINDS; i++) {
        wants = j->wants[i] & ~(1ull << reader);
        wants |= (uint64_t) (kinds >> i & 1) << reader;
        __atomic_store_n(&j->wants[i], wants, __ATOMIC_RELAXED);

        all |= (uint32_t) (wants != 0) << i;
    }

    __atomic_store_n(&m->zone->told, all, __ATOMIC_RELAXED);
}


void
ks_journal_want(ks_mem_t *m, unsigned reader, uint32_t kinds)
{
    ks_journal_lock(m);
    ks_journal_wants(m, reader, kinds);
    ks_journal_unlock(m);
}


void
ks_journal_always(ks_mem_t *m, unsigned whose, uint32_t kinds)
{
    unsigned       i;
    ks_journal_t  *j;

    ks_journal_lock(m);

    j = &m->zone->journal;
    j->always[whose] = kinds;
    kinds = ks_journal_constant(j);

    for (i = 0; i < KS_TOLD_KINDS; i++) {
        kinds |= (uint32_t) (j->wants[i] != 0) << i;
    }

    __atomic_store_n(&m->zone->told, kinds, __ATOMIC_RELAXED);
    ks_journal_unlock(m);
}


void
ks_journal_forget(ks_mem_t *m, unsigned reader)
{
    ks_journal_lock(m);
    ks_journal_wants(m, reader, 0);
    m->zone->journal.unheard[reader] = 0;
    ks_journal_unlock(m);
}


/* a transaction asks what is told when it has its locks */

void
ks_journal_barrier(ks_mem_t *m)
{
    unsigned  i;

    for (i = 0; i < ks_zone_locks(m->zone); i++) {
        ks_lock(m, 1ull << i);
        ks_unlock(m);
    }
}


void
ks_journal_append(ks_mem_t *m, void *frame, size_t len, size_t stream,
    uint32_t kinds, uint64_t readers)
{
    int            own;
    size_t         room;
    ks_log_t      *log;
    ks_journal_t  *j;

    j = &m->zone->journal;
    own = (m->locked == 0);
    room = stream ? KS_JOURNAL_WORDS : sizeof(j->head);

    if (!own && !ks_save_near(m, m->leader, room)) {
        ks_log_reserve(m, m->leader, room);
    }

    /* from here on nothing can fail */

    ks_journal_lock(m);

    if (!own) {
        log = &m->leader->log;
        log->covers |= KS_LOG_JOURNAL;
        ks_save_word(m, log, &j->head);

        if (stream) {
            ks_save_word(m, log, &j->stream);
        }
    }

    ks_journal_wake(m, kinds, readers);
    ks_journal_write(m, frame, len);

    if (stream) {
        j->stream += stream;
    }

    if (own) {
        ks_journal_unlock(m);
    }
}


/*
 * The frame that is going to be at the head is for these.  What is noted here
 * is not logged: a note that is not before the head says nothing, and is taken
 * back with the frame.
 */

static void
ks_journal_wake(ks_mem_t *m, uint32_t kinds, uint64_t readers)
{
    unsigned       i;
    ks_journal_t  *j;

    j = &m->zone->journal;

    for ( /* void */ ; kinds; kinds &= kinds - 1) {
        readers |= j->wants[__builtin_ctz(kinds)];
    }

    for ( /* void */ ; readers; readers &= readers - 1) {
        i = (unsigned) __builtin_ctzll(readers);

        if (j->unheard[i] != 0) {
            continue;
        }

        j->unheard[i] = j->head + 1;

        if (m->wake != NULL) {
            m->wake(m->wake_data, i);
        }
    }
}


/* Notes that a frame begins at the head. */

static inline void
ks_journal_note(ks_journal_t *j)
{
    uint64_t   block, *first;

    block = ks_journal_block(j, j->head);
    first = &j->first[block & (KS_JOURNAL_BLOCKS - 1)];

    if (ks_unlikely(ks_journal_block(j, *first) != block
                    || *first > j->head))
    {
        __atomic_store_n(first, j->head, __ATOMIC_RELAXED);
    }
}


/* the ring's bytes first, then the head, whose store commits without a log */

static void
ks_journal_write(ks_mem_t *m, u_char *p, size_t len)
{
    size_t         off, n;
    uint64_t       end;
    u_char        *ring;
    ks_journal_t  *j;

    j = &m->zone->journal;
    end = j->head + len;

    if (len > j->size) {
        __atomic_store_n(&j->floor, ks_max(j->floor, end), __ATOMIC_RELAXED);

    } else {

        if (end > j->size && end - j->size > j->floor) {
            __atomic_store_n(&j->floor, end - j->size, __ATOMIC_RELAXED);
        }

        __atomic_thread_fence(__ATOMIC_RELEASE);

        ((ks_journal_frame_t *) p)->offset = j->stream;
        ks_journal_note(j);

        ring = ks_journal_ring(m);
        off = j->head & (j->size - 1);
        n = ks_min(len, j->size - off);

        memcpy(ring + off, p, n);

        if (ks_unlikely(n != len)) {
            memcpy(ring, p + n, len - n);
        }
    }

    __atomic_store_n(&j->head, end, __ATOMIC_RELEASE);
    ks_barrier();
}


/* --- the lock --- */

static void
ks_journal_lock(ks_mem_t *m)
{
    int  rc;

    rc = pthread_mutex_trylock(&m->zone->journal.mutex);

    if (ks_unlikely(rc != 0)) {
        ks_journal_lock_hard(m, rc);
    }

    m->late |= KS_LATE_JOURNAL;
}


/* rc: what the first attempt has come to */

static void __attribute__((noinline))
ks_journal_lock_hard(ks_mem_t *m, int rc)
{
    unsigned          k;
    pthread_mutex_t  *mutex;

    mutex = &m->zone->journal.mutex;

    if (rc != EOWNERDEAD) {
        rc = ks_mutex_lock(mutex);
    }

    if (rc != 0) {

        for (k = 0; k < ks_zone_locks(m->zone); k++) {
            ks_recover_leader(m, k, KS_LOG_JOURNAL);
        }

        ks_journal_unwake(m);
        pthread_mutex_consistent(mutex);
    }
}


/* --- readers --- */

uint64_t
ks_journal_head(ks_mem_t *m)
{
    uint64_t  head;

    ks_journal_lock(m);
    head = m->zone->journal.head;
    ks_journal_unlock(m);

    return head;
}


uint64_t
ks_journal_ends(ks_mem_t *m, uint64_t *stream)
{
    uint64_t  head;

    ks_journal_lock(m);
    head = m->zone->journal.head;
    *stream = m->zone->journal.stream;
    ks_journal_unlock(m);

    return head;
}


/*
 * A frame before the head that does not lie behind the offset, the later the
 * better.  One that is overwritten has none before it.
 */

static int
ks_journal_before(const ks_mem_t *m, uint64_t head, uint64_t offset,
    uint64_t *at)
{
    unsigned             i;
    uint64_t             block, first;
    ks_journal_frame_t   frame;
    const ks_journal_t  *j;

    j = &m->zone->journal;
    block = ks_journal_block(j, head);

    for (i = 0; i < KS_JOURNAL_BLOCKS && i <= block; i++) {
        first = __atomic_load_n(&j->first[(block - i)
                                          & (KS_JOURNAL_BLOCKS - 1)],
                                __ATOMIC_RELAXED);

        if (first >= head || ks_journal_block(j, first) != block - i) {
            continue;
        }

        if (ks_journal_copy(m, first, &frame, sizeof(frame)) != KS_OK) {
            return KS_NONE;
        }

        if (frame.offset <= offset) {
            *at = first;
            return KS_OK;
        }
    }

    return KS_NONE;
}


uint64_t
ks_journal_oldest(ks_mem_t *m)
{
    unsigned             i;
    uint64_t             head, stream, block, first;
    ks_journal_frame_t   frame;
    const ks_journal_t  *j;

    j = &m->zone->journal;
    head = ks_journal_ends(m, &stream);
    block = ks_journal_block(j, head);

    for (i = 1; i <= KS_JOURNAL_BLOCKS; i++) {
        first = __atomic_load_n(&j->first[(block + i)
                                          & (KS_JOURNAL_BLOCKS - 1)],
                                __ATOMIC_RELAXED);

        if (first < head && head - first <= j->size
            && ks_journal_copy(m, first, &frame, sizeof(frame)) == KS_OK)
        {
            return frame.offset;
        }
    }

    return stream;
}


/* Frames that come to nothing have the offset of the one behind them. */

int
ks_journal_find(ks_mem_t *m, uint64_t offset, uint64_t *at)
{
    uint64_t            head, stream;
    ks_journal_frame_t  frame;

    head = ks_journal_ends(m, &stream);

    if (offset == stream) {
        *at = head;
        return KS_OK;
    }

    if (offset > stream || ks_journal_before(m, head, offset, at) != KS_OK) {
        return KS_NONE;
    }

    while (*at < head) {

        if (ks_journal_copy(m, *at, &frame, sizeof(frame)) != KS_OK
            || frame.offset > offset)
        {
            break;
        }

        if (frame.offset == offset) {
            return KS_OK;
        }

        *at += frame.len;
    }

    return KS_NONE;
}


/* KS_ERR: it was overwritten meanwhile, or before */

static int
ks_journal_copy(const ks_mem_t *m, uint64_t at, void *to, size_t len)
{
    size_t               off, n;
    const u_char        *ring;
    const ks_journal_t  *j;

    j = &m->zone->journal;
    ring = ks_journal_ring(m);
    off = at & (j->size - 1);
    n = ks_min(len, j->size - off);

    memcpy(to, ring + off, n);
    memcpy((u_char *) to + n, ring, len - n);

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    return __atomic_load_n(&j->floor, __ATOMIC_RELAXED) > at ? KS_ERR : KS_OK;
}


static int
ks_cursor_grow(ks_cursor_t *c, size_t len)
{
    size_t   room;
    u_char  *p;

    if (len <= c->room) {
        return KS_OK;
    }

    room = ks_max(len, c->room * 2);
    p = realloc(c->frame, room);

    if (p == NULL) {
        return KS_NOMEM;
    }

    c->frame = p;
    c->room = room;

    return KS_OK;
}


int
ks_journal_read(ks_mem_t *m, ks_cursor_t *c, uint64_t head)
{
    uint32_t  len;

    if (c->at >= head) {
        return KS_NONE;
    }

    if (ks_journal_copy(m, c->at, &len, sizeof(len)) != KS_OK) {
        return KS_ERR;
    }

    if (ks_cursor_grow(c, len) != KS_OK) {
        return KS_NOMEM;
    }

    if (ks_journal_copy(m, c->at, c->frame, len) != KS_OK) {
        return KS_ERR;
    }

    c->at += len;

    return KS_OK;
}


int
ks_journal_wakes(ks_mem_t *m, ks_cursor_t *c, uint64_t *head)
{
    uint64_t       first;
    ks_journal_t  *j;

    j = &m->zone->journal;

    ks_journal_lock(m);
    first = j->unheard[m->process];
    *head = j->head;
    ks_journal_unlock(m);

    if (first == 0) {
        return KS_NONE;
    }

    c->at = ks_max(c->at, first - 1);

    return KS_OK;
}


int
ks_journal_sleeps(ks_mem_t *m, uint64_t *head)
{
    int            rc;
    ks_journal_t  *j;

    j = &m->zone->journal;

    ks_journal_lock(m);

    rc = (j->head == *head) ? KS_OK : KS_AGAIN;

    if (j->unheard[m->process] != 0) {
        j->unheard[m->process] = (rc == KS_OK) ? 0 : *head + 1;
    }

    *head = j->head;
    ks_journal_unlock(m);

    return rc;
}


void
ks_journal_heard(ks_mem_t *m, const ks_cursor_t *c)
{
    ks_journal_t  *j;

    j = &m->zone->journal;

    ks_journal_lock(m);

    if (j->unheard[m->process] != 0) {
        j->unheard[m->process] = c->at + 1;
    }

    ks_journal_unlock(m);
}


uint64_t
ks_journal_lag(const ks_mem_t *m, uint64_t readers)
{
    unsigned             i;
    uint64_t             head, first, lag;
    const ks_journal_t  *j;

    j = &m->zone->journal;
    head = __atomic_load_n(&j->head, __ATOMIC_RELAXED);
    lag = 0;

    for ( /* void */ ; readers; readers &= readers - 1) {
        i = (unsigned) __builtin_ctzll(readers);
        first = __atomic_load_n(&j->unheard[i], __ATOMIC_RELAXED);

        if (first != 0 && first <= head) {
            lag = ks_max(lag, head + 1 - first);
        }
    }

    return lag;
}


void
ks_journal_done(ks_cursor_t *c)
{
    free(c->frame);
    c->frame = NULL;
    c->room = 0;
}
