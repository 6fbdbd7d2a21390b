/*
 * JSON documents: members of one name, in what has been parsed.
 *
 * Few are compared one with another, many by a hash that nobody can foresee.
 */

#include "types/ks_json_node.h"
#include "types/ks_siphash.h"


#define KS_JSON_PAIRS  12               /* members, compared one by one */

typedef struct {
    const u_char  *name;                /* its bytes */
    const u_char  *node;                /* its node, */
    const u_char  *value;               /* the value behind it, */
    const u_char  *end;                 /* and the end of that */
    uint32_t       len;
    uint32_t       last;                /* the number of the last of the name,
                                           if this is the first; or 0 */
} ks_json_member_t;


static inline int
ks_json_same_name(const ks_json_member_t *a, const ks_json_member_t *b)
{
    return a->len == b->len && memcmp(a->name, b->name, a->len) == 0;
}


static void
ks_json_members(const u_char *p, ks_json_member_t *a, uint32_t n)
{
    size_t    len;
    unsigned  tag;
    uint32_t  i;

    for (i = 0; i < n; i++) {
        a[i].node = p;
        a[i].value = ks_jnode_read(p, &tag, &a[i].name, &len);
        a[i].len = (uint32_t) len;
        a[i].end = p = ks_jnode_skip(a[i].value);
        a[i].last = i;
    }
}


/* a[i] has come before as a[first] */

static void
ks_json_twice(ks_json_member_t *a, uint32_t first, uint32_t i)
{
    a[first].last = i;
    a[i].last = 0;
    a[i].node = NULL;
}


static uint32_t
ks_json_find_few(ks_json_member_t *a, uint32_t n)
{
    uint32_t  i, j, found;

    for (i = 1, found = 0; i < n; i++) {
        for (j = 0; j < i; j++) {
            if (a[j].node && ks_json_same_name(&a[i], &a[j])) {
                ks_json_twice(a, j, i);
                found++;
                break;
            }
        }
    }

    return found;
}


static uint32_t
ks_json_find_many(const ks_json_memory_t *m, ks_json_member_t *a, uint32_t n)
{
    size_t     size, at;
    uint32_t   i, found, *table;

    for (size = 32; size < (size_t) n * 2; size *= 2) { /* void */ }

    table = m->alloc(m->data, size * sizeof(uint32_t));
    memset(table, 0, size * sizeof(uint32_t));

    for (i = 0, found = 0; i < n; i++) {
        at = ks_siphash(m->seed, a[i].name, a[i].len) & (size - 1);

        while (table[at] != 0 && !ks_json_same_name(&a[i], &a[table[at] - 1])) {
            at = (at + 1) & (size - 1);
        }

        if (table[at]) {
            ks_json_twice(a, table[at] - 1, i);
            found++;

        } else {
            table[at] = i + 1;
        }
    }

    return found;
}


/* The members without those that another one follows; bytes that are left. */

static size_t
ks_json_rewrite(const ks_json_memory_t *m, u_char *members, size_t len,
    ks_json_member_t *a, uint32_t n)
{
    size_t     k;
    u_char    *copy, *p;
    uint32_t   i;
    ptrdiff_t  moved;

    copy = m->alloc(m->data, len);
    memcpy(copy, members, len);
    moved = copy - members;
    p = members;

    for (i = 0; i < n; i++) {

        if (a[i].node == NULL) {
            continue;
        }

        k = (size_t) (a[i].value - a[i].node);
        memcpy(p, a[i].node + moved, k);
        p += k;
        k = (size_t) (a[a[i].last].end - a[a[i].last].value);
        memcpy(p, a[a[i].last].value + moved, k);
        p += k;
    }

    return (size_t) (p - members);
}


size_t
ks_json_distinct(const ks_json_memory_t *m, u_char *members, size_t len,
    uint32_t n)
{
    uint32_t           found;
    ks_json_member_t   few[KS_JSON_PAIRS], *a;

    a = n <= KS_JSON_PAIRS ? few
                           : m->alloc(m->data, n * sizeof(ks_json_member_t));
    ks_json_members(members, a, n);

    found = n <= KS_JSON_PAIRS ? ks_json_find_few(a, n)
                               : ks_json_find_many(m, a, n);

    return found ? ks_json_rewrite(m, members, len, a, n) : len;
}
