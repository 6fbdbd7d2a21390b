/*
 * The loader of RDB files asks for bytes when it needs some
 * (persist/ks_load.h), and is put aside until they come (ks_fiber.h): it holds
 * no lock then, as it reads outside of transactions.
 */

#include <stdlib.h>

#include "replica/ks_fiber.h"
#include "replica/ks_follow_load.h"


#define KS_FOLLOW_UNSIZED  (UINT64_MAX / 4)

typedef struct ks_follow_text_s  ks_follow_text_t;

struct ks_follow_text_s {
    ks_follow_text_t  *next;
    size_t             len;
    u_char             data[];
};

struct ks_follow_load_s {
    ks_fiber_t         *fiber;
    ks_load_t          *load;
    const u_char       *p;              /* bytes that are not read yet */
    size_t              n;
    unsigned            last:1;         /* no more come */
    int                 rc;             /* KS_AGAIN: it has not ended */
    ks_follow_text_t   *libraries;
    ks_follow_text_t  **end;            /* of the list */
    ks_follow_text_t   *next;           /* that is asked for */
};


static int
ks_follow_load_run(void *data)
{
    int                rc;
    ks_follow_load_t  *l;

    l = data;

    do {
        rc = ks_load_step(l->load, KS_FOLLOW_UNSIZED);
    } while (rc == KS_AGAIN);

    return rc;
}


static ssize_t
ks_follow_load_read(void *data, u_char *to, size_t n, const char **err)
{
    ks_follow_load_t  *l;

    (void) err;

    l = data;

    while (l->n == 0 && !l->last) {
        ks_fiber_pause(l->fiber);
    }

    n = ks_min(n, l->n);

    if (n != 0) {
        memcpy(to, l->p, n);
        l->p += n;
        l->n -= n;
    }

    return (ssize_t) n;
}


/* They are kept, and are the zone's when all keys are. */

static int
ks_follow_load_keep(void *data, const ks_str_t *text, const char **err)
{
    ks_follow_load_t  *l;
    ks_follow_text_t  *t;

    l = data;
    t = malloc(sizeof(ks_follow_text_t) + text->len);

    if (t == NULL) {
        *err = "the process has no memory";
        return KS_ERR;
    }

    t->next = NULL;
    t->len = text->len;
    memcpy(t->data, text->data, text->len);

    *l->end = t;
    l->end = &t->next;

    return KS_OK;
}


ks_follow_load_t *
ks_follow_load_open(ks_space_t *sp, uint64_t size)
{
    ks_follow_load_t   *l;
    ks_load_options_t   options;

    l = calloc(1, sizeof(ks_follow_load_t));

    if (l == NULL) {
        return NULL;
    }

    memset(&options, 0, sizeof(ks_load_options_t));
    options.size = size ? size : KS_FOLLOW_UNSIZED;
    options.unsized = (size == 0);
    options.skip = 1;
    options.foreign = 1;
    options.read = ks_follow_load_read;
    options.library = ks_follow_load_keep;
    options.data = l;

    l->end = &l->libraries;
    l->rc = KS_AGAIN;
    l->load = ks_load_open(sp, &options);
    l->fiber = ks_fiber_open(ks_follow_load_run, l);

    if (l->load == NULL || l->fiber == NULL) {
        ks_follow_load_close(l);
        return NULL;
    }

    return l;
}


void
ks_follow_load_close(ks_follow_load_t *l)
{
    ks_follow_text_t  *t;

    while ((t = l->libraries) != NULL) {
        l->libraries = t->next;
        free(t);
    }

    if (l->fiber != NULL) {
        ks_fiber_close(l->fiber);
    }

    if (l->load != NULL) {
        ks_load_close(l->load);
    }

    free(l);
}


int
ks_follow_load_add(ks_follow_load_t *l, const u_char *p, size_t n)
{
    if (l->rc == KS_AGAIN) {
        l->p = p;
        l->n = n;
        l->rc = ks_fiber_resume(l->fiber);
    }

    return l->rc;
}


int
ks_follow_load_finish(ks_follow_load_t *l)
{
    static const u_char  none[1];

    l->last = 1;

    return ks_follow_load_add(l, none, 0);
}


void
ks_follow_load_first(ks_follow_load_t *l)
{
    l->next = l->libraries;
}


int
ks_follow_load_library(ks_follow_load_t *l, ks_str_t *text)
{
    if (l->next == NULL) {
        return 0;
    }

    text->data = l->next->data;
    text->len = l->next->len;
    l->next = l->next->next;

    return 1;
}


const ks_load_report_t *
ks_follow_load_report(const ks_follow_load_t *l)
{
    return ks_load_report(l->load);
}
