/*
 * Commands of the stream that a stock Redis does not know.
 *
 * They are of two kinds: those about documents of JSON, and those that say when
 * a field of a hash expires.  An unknown command would spoil the transaction
 * that it is in.  In its place is PING, or TOUCH where that has one byte too
 * few, with an argument that fills it up.
 */

#include <stdio.h>
#include <strings.h>

#include "memory/ks_base.h"
#include "replica/ks_replica.h"


#define KS_MASK_MOST  24                /* bytes that are looked at */


typedef struct {
    const char  *name;
    size_t       len;
} ks_mask_name_t;

/* what is told as an effect, that Redis 7.0 does not know */

static const ks_mask_name_t  ks_mask_names[] = {
    { "HEXPIRE", 7 },
    { "HEXPIREAT", 9 },
    { "HPEXPIRE", 8 },
    { "HPEXPIREAT", 10 },
    { "HPERSIST", 8 }
};


/* The name of a command as it stands in the stream; 0: there is none. */

static size_t
ks_mask_name(const u_char *p, size_t len, const u_char **name)
{
    size_t         n;
    const u_char  *end;

    end = p + len;
    p = memchr(p, '\n', ks_min(len, (size_t) KS_MASK_MOST));

    if (p == NULL || end - p < 3 || p[1] != '$') {
        return 0;
    }

    for (n = 0, p += 2; p < end && *p >= '0' && *p <= '9' && n < 100; p++) {
        n = n * 10 + (size_t) (*p - '0');
    }

    if (end - p < 2 || (size_t) (end - p - 2) < n) {
        return 0;
    }

    *name = p + 2;

    return n;
}


static int
ks_mask_foreign(const u_char *name, size_t len)
{
    size_t  i;

    if (len > 5 && strncasecmp((const char *) name, "json.", 5) == 0) {
        return 1;
    }

    if (len < 7 || (name[0] | 0x20) != 'h') {
        return 0;
    }

    for (i = 0; i < ks_nelts(ks_mask_names); i++) {
        if (len == ks_mask_names[i].len
            && strncasecmp((const char *) name, ks_mask_names[i].name, len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* The beginning of a command with an argument that makes it so long; or 0. */

static size_t
ks_mask_head(char *head, size_t room, const char *name, size_t len)
{
    int     n;
    size_t  fill, digits, around;

    around = strlen("*2\r\n$4\r\n\r\n$\r\n\r\n") + strlen(name);

    for (digits = 1; digits < 11; digits++) {

        if (len < around + digits) {
            return 0;
        }

        fill = len - around - digits;
        n = snprintf(head, room, "*2\r\n$%zu\r\n%s\r\n$%zu\r\n", strlen(name),
                     name, fill);

        if ((size_t) n + fill + 2 == len) {
            return (size_t) n;
        }
    }

    return 0;
}


int
ks_replica_mask(u_char *command, size_t len)
{
    char           head[64];
    size_t         n;
    const u_char  *name;

    n = ks_mask_name(command, len, &name);

    if (n == 0 || !ks_mask_foreign(name, n)) {
        return 0;
    }

    n = ks_mask_head(head, sizeof(head), "PING", len);

    if (n == 0) {
        n = ks_mask_head(head, sizeof(head), "TOUCH", len);
    }

    if (n == 0) {
        return 0;
    }

    memcpy(command, head, n);
    memset(command + n, '-', len - n - 2);
    memcpy(command + len - 2, "\r\n", 2);

    return 1;
}
