/*
 * Forms of values as patterns, and a walk along them.
 */

#include "persist/ks_rdb_skim.h"


/*
 * s: a string; p: one that has many in it; l: a length; d: a number as text;
 * digits: so many times 8 bytes; [ ]: a length, and as many times what is in
 * between.
 */

static const char *const  ks_skim_patterns[] = {
    [KS_RDB_STRING]           = "s",
    [KS_RDB_LIST]             = "[s]",
    [KS_RDB_SET]              = "[s]",
    [KS_RDB_ZSET]             = "[sd]",
    [KS_RDB_HASH]             = "[ss]",
    [KS_RDB_ZSET_2]           = "[s1]",
    [KS_RDB_HASH_ZIPMAP]      = "p",
    [KS_RDB_LIST_ZIPLIST]     = "p",
    [KS_RDB_SET_INTSET]       = "p",
    [KS_RDB_ZSET_ZIPLIST]     = "p",
    [KS_RDB_HASH_ZIPLIST]     = "p",
    [KS_RDB_LIST_QUICKLIST]   = "[p]",
    [KS_RDB_STREAM]           = "[pp]lll[pll[21l][p1[2]]]",
    [KS_RDB_HASH_LISTPACK]    = "p",
    [KS_RDB_ZSET_LISTPACK]    = "p",
    [KS_RDB_LIST_QUICKLIST_2] = "[lp]",
    [KS_RDB_STREAM_2]         = "[pp]llllllll[plll[21l][p1[2]]]",
    [KS_RDB_SET_LISTPACK]     = "p",
    [KS_RDB_STREAM_3]         = "[pp]llllllll[plll[21l][p2[2]]]",
    [KS_RDB_HASH_TIMES]       = "[lss]",
    [KS_RDB_HASH_LISTPACK_T]  = "p",
    [KS_RDB_HASH_METADATA]    = "1[lss]",
    [KS_RDB_HASH_LISTPACK_EX] = "1p",
    [KS_RDB_HASH_VALKEY]      = "[ss1]"
};


static const char *ks_skim_walk(ks_source_t *s, const char *pattern,
    uint64_t *bytes);


int
ks_skim_length(ks_source_t *s, uint64_t *n, int *special)
{
    int            encoded;
    const u_char  *start;

    for ( ;; ) {
        start = s->in.p;
        s->in.starved = 0;
        s->in.ended = 0;

        if (ks_rdb_any_length(&s->in, n, &encoded) == KS_OK) {

            if (special != NULL) {
                *special = encoded;
                return KS_OK;
            }

            return encoded ? KS_ERR : KS_OK;
        }

        if (!s->in.starved && !s->in.ended) {
            return KS_ERR;
        }

        s->in.p = start;

        if (ks_source_more(s) != KS_OK) {
            return KS_ERR;
        }
    }
}


int
ks_skim_string(ks_source_t *s, uint64_t *len)
{
    int       special;
    uint64_t  n;

    if (ks_skim_length(s, &n, &special) != KS_OK) {
        return KS_ERR;
    }

    *len = n;

    if (!special) {
        return ks_source_pass(s, n);
    }

    if (n == KS_RDB_LZF) {
        if (ks_skim_length(s, &n, NULL) != KS_OK
            || ks_skim_length(s, len, NULL) != KS_OK)
        {
            return KS_ERR;
        }

        return ks_source_pass(s, n);
    }

    return n < KS_RDB_LZF ? ks_source_pass(s, 1ull << n) : KS_ERR;
}


/* a byte says how many follow, or which number without digits it is */

static int
ks_skim_text(ks_source_t *s)
{
    unsigned  n;

    if (ks_source_need(s, 1) != KS_OK) {
        return KS_ERR;
    }

    n = *s->in.p++;

    return n < 253 ? ks_source_pass(s, n) : KS_OK;
}


static int
ks_skim_one(ks_source_t *s, int what, uint64_t *bytes)
{
    uint64_t  n;

    switch (what) {

    case 's':
        if (ks_skim_string(s, &n) != KS_OK) {
            return KS_ERR;
        }

        *bytes += ks_min(n, KS_RDB_STRING_MAX);
        return KS_OK;

    case 'p':
        return ks_skim_string(s, &n);

    case 'l':
        return ks_skim_length(s, &n, NULL);

    case 'd':
        return ks_skim_text(s);

    default:
        return ks_source_pass(s, 8 * (uint64_t) (what - '0'));
    }
}


/* As often as it says; the pattern behind it, or NULL. */

static const char *
ks_skim_group(ks_source_t *s, const char *pattern, uint64_t *bytes)
{
    int          depth;
    uint64_t     n;
    const char  *end;

    if (ks_skim_length(s, &n, NULL) != KS_OK) {
        return NULL;
    }

    for ( /* void */ ; n > 0; n--) {
        if (ks_skim_walk(s, pattern, bytes) == NULL) {
            return NULL;
        }
    }

    for (depth = 1, end = pattern; depth > 0; end++) {
        depth += (*end == '[') - (*end == ']');
    }

    return end;
}


/* to the end of the pattern, or of the group that it is in; NULL: an error */

static const char *
ks_skim_walk(ks_source_t *s, const char *pattern, uint64_t *bytes)
{
    while (*pattern != '\0' && *pattern != ']') {

        if (*pattern == '[') {
            pattern = ks_skim_group(s, pattern + 1, bytes);

            if (pattern == NULL) {
                return NULL;
            }

            continue;
        }

        if (ks_skim_one(s, *pattern++, bytes) != KS_OK) {
            return NULL;
        }
    }

    return pattern;
}


int
ks_skim_known(unsigned form)
{
    return form < ks_nelts(ks_skim_patterns) && ks_skim_patterns[form] != NULL;
}


int
ks_skim_value(ks_source_t *s, unsigned form, uint64_t *bytes)
{
    if (form == KS_RDB_HASH_TIMES && s->in.valkey) {
        form = KS_RDB_HASH_VALKEY;
    }

    if (!ks_skim_known(form)) {
        return KS_ERR;
    }

    return ks_skim_walk(s, ks_skim_patterns[form], bytes) ? KS_OK : KS_ERR;
}


/* --- modules --- */

/* The name is nine characters of 6 bits above a version of 10. */

static void
ks_module_name(uint64_t id, char name[KS_MODULE_NAME + 1])
{
    int  i;
    static const char  letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_";

    id >>= 10;
    name[KS_MODULE_NAME] = '\0';

    for (i = KS_MODULE_NAME - 1; i >= 0; i--) {
        name[i] = letters[id & 63];
        id >>= 6;
    }
}


int
ks_skim_module_rest(ks_source_t *s)
{
    int       rc;
    uint64_t  n, kind;

    do {
        if (ks_skim_length(s, &kind, NULL) != KS_OK) {
            return KS_ERR;
        }

        switch (kind) {

        case KS_MODULE_END:
            return KS_OK;

        case KS_MODULE_SIGNED:
        case KS_MODULE_UNSIGNED:
            rc = ks_skim_length(s, &n, NULL);
            break;

        case KS_MODULE_FLOAT:
            rc = ks_source_pass(s, 4);
            break;

        case KS_MODULE_DOUBLE:
            rc = ks_source_pass(s, 8);
            break;

        case KS_MODULE_STRING:
            rc = ks_skim_string(s, &n);
            break;

        default:
            rc = KS_ERR;
        }
    } while (rc == KS_OK);

    return KS_ERR;
}


int
ks_skim_module(ks_source_t *s, uint64_t *id, char name[KS_MODULE_NAME + 1])
{
    if (ks_skim_length(s, id, NULL) != KS_OK) {
        return KS_ERR;
    }

    ks_module_name(*id, name);

    return KS_OK;
}


int
ks_skim_module_aux(ks_source_t *s, char name[KS_MODULE_NAME + 1])
{
    uint64_t  id, n;

    /* whose it is, when it is to be read, and what a value has, too */

    if (ks_skim_length(s, &id, NULL) != KS_OK
        || ks_skim_length(s, &n, NULL) != KS_OK
        || ks_skim_length(s, &n, NULL) != KS_OK)
    {
        return KS_ERR;
    }

    ks_module_name(id, name);

    return ks_skim_module_rest(s);
}
