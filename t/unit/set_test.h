/*
 * What the tests of sets share: members by the number, and the strings of a
 * reply.
 */

#ifndef SET_TEST_H
#define SET_TEST_H

#include "command_test.h"

#include "types/ks_set.h"


#define ZONE   (64u << 20)
#define BATCH  1000             /* members that one command adds */

static char  names[BATCH][32];


/* cmd key PREFIXfirst ... n of them; the reply */

static inline int64_t
members(box_t *b, const char *cmd, const char *key, const char *prefix,
    unsigned first, unsigned n)
{
    int64_t   sum;
    unsigned  i;

    for (sum = 0; n; n -= i, first += i) {

        for (i = 0; i < ks_min(n, BATCH); i++) {
            snprintf(names[i], sizeof(names[i]), "%s%u", prefix, first + i);
            b->argv[i + 2] = ks_text(names[i]);
        }

        b->argv[0] = ks_text(cmd);
        b->argv[1] = ks_text(key);
        b->argc = (int) i + 2;
        sum += integer(box_execute(b));
    }

    return sum;
}


static inline int64_t
add(box_t *b, const char *key, const char *prefix, unsigned first, unsigned n)
{
    return members(b, "SADD", key, prefix, first, n);
}


static inline void
is_encoding(box_t *b, const char *key, const char *encoding)
{
    char  want[40];

    snprintf(want, sizeof(want), "$%zu\r\n%s\r\n", strlen(encoding), encoding);
    assert_string_equal(linef(b, "OBJECT ENCODING %s", key), want);
}


static inline int64_t
scard(box_t *b, const char *key)
{
    return integer(linef(b, "SCARD %s", key));
}


/*
 * The strings of a reply, which is an array of them or, behind a cursor, in
 * the second place of one: visited one after the other; how many.
 */

typedef void (*visit_pt)(void *data, const char *p, size_t len);

static inline unsigned
strings(const char *p, visit_pt visit, void *data)
{
    char          *end;
    size_t         len;
    unsigned long  i, n;

    if (*p != '*' && *p != '~') {
        fail_msg("no array: %.60s", p);
    }

    n = strtoul(p + 1, &end, 10);

    for (p = end + 2, i = 0; i < n; i++) {
        assert_int_equal(*p, '$');
        len = strtoul(p + 1, &end, 10);
        visit(data, end + 2, len);
        p = end + 2 + len + 2;
    }

    assert_int_equal(*p, '\0');

    return (unsigned) n;
}


static inline void
to_line(void *data, const char *p, size_t len)
{
    char  *to = data;

    sprintf(to + strlen(to), "%s%.*s", *to ? " " : "", (int) len, p);
}


static inline const char *
words(const char *reply)
{
    static char  text[65536];

    text[0] = '\0';
    strings(reply, to_line, text);

    return text;
}


#endif /* SET_TEST_H */
