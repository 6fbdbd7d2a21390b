/*
 * What a manifest holds: its lines as text, and the files in their order.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "persist/ks_aof_manifest.h"
#include "types/ks_number.h"


#define KS_AOF_PREFIX  "appendonly.aof"
#define KS_AOF_LINE    1024             /* bytes, as Redis has it */
#define KS_AOF_WORDS   32               /* in a line */


/* a line, and its words, whose bytes are in the copy */

typedef struct {
    unsigned           number;
    unsigned           n;
    ks_str_t           words[KS_AOF_WORDS];
    u_char             copy[KS_AOF_LINE];
} ks_aof_line_t;


/* --- a list of files --- */

void
ks_aof_manifest_free(ks_aof_manifest_t *m)
{
    free(m->files);
    memset(m, 0, sizeof(ks_aof_manifest_t));
}


int
ks_aof_manifest_copy(ks_aof_manifest_t *to, const ks_aof_manifest_t *from)
{
    ks_aof_file_t  *files;

    files = malloc(ks_max(from->n, 1u) * sizeof(ks_aof_file_t));

    if (files == NULL) {
        return KS_NOMEM;
    }

    if (from->n) {
        memcpy(files, from->files, from->n * sizeof(ks_aof_file_t));
    }

    free(to->files);
    *to = *from;
    to->files = files;
    to->room = ks_max(from->n, 1u);

    return KS_OK;
}


/* where files of a kind end: the base is before the increments, and so on */

static unsigned
ks_aof_end(const ks_aof_manifest_t *m, ks_aof_kind_t kind)
{
    unsigned  i;

    if (kind == KS_AOF_HISTORY) {
        return m->n;
    }

    for (i = 0; i < m->n; i++) {
        if (m->files[i].kind == KS_AOF_HISTORY
            || (kind == KS_AOF_BASE && m->files[i].kind != KS_AOF_BASE))
        {
            break;
        }
    }

    return i;
}


static ks_aof_file_t *
ks_aof_add(ks_aof_manifest_t *m, ks_aof_kind_t kind, uint64_t seq)
{
    unsigned        i, room;
    ks_aof_file_t  *files;

    if (m->n == m->room) {
        room = m->room ? m->room * 2 : 8;
        files = realloc(m->files, room * sizeof(ks_aof_file_t));

        if (files == NULL) {
            return NULL;
        }

        m->files = files;
        m->room = room;
    }

    i = ks_aof_end(m, kind);
    memmove(&m->files[i + 1], &m->files[i],
            (m->n - i) * sizeof(ks_aof_file_t));
    m->n++;

    memset(&m->files[i], 0, sizeof(ks_aof_file_t));
    m->files[i].kind = kind;
    m->files[i].seq = seq;

    return &m->files[i];
}


const ks_aof_file_t *
ks_aof_manifest_next(const ks_aof_manifest_t *m, ks_aof_kind_t kind,
    const ks_aof_file_t *at)
{
    unsigned  i;

    for (i = at ? (unsigned) (at - m->files) + 1 : 0; i < m->n; i++) {
        if (m->files[i].kind == kind) {
            return &m->files[i];
        }
    }

    return NULL;
}


const ks_aof_file_t *
ks_aof_manifest_extend(ks_aof_manifest_t *m)
{
    ks_aof_file_t  *f;

    f = ks_aof_add(m, KS_AOF_INCREMENT, m->increment + 1);

    if (f == NULL) {
        return NULL;
    }

    m->increment++;
    (void) snprintf(f->name, sizeof(f->name), KS_AOF_PREFIX ".%llu.incr.aof",
                    (unsigned long long) f->seq);

    return f;
}


/* The files that are past move behind all others; history stays as it is. */

static void
ks_aof_age(ks_aof_manifest_t *m, uint64_t first)
{
    unsigned       i, left;
    ks_aof_file_t  f;

    for (i = 0, left = m->n; left > 0; left--) {
        f = m->files[i];

        if (f.kind != KS_AOF_BASE
            && (f.kind != KS_AOF_INCREMENT || f.seq >= first))
        {
            i++;
            continue;
        }

        f.kind = KS_AOF_HISTORY;
        memmove(&m->files[i], &m->files[i + 1],
                (m->n - i - 1) * sizeof(ks_aof_file_t));
        m->files[m->n - 1] = f;
    }
}


const ks_aof_file_t *
ks_aof_manifest_rebase(ks_aof_manifest_t *m, uint64_t first)
{
    ks_aof_file_t  *f;

    f = ks_aof_add(m, KS_AOF_HISTORY, m->base + 1);

    if (f == NULL) {
        return NULL;
    }

    m->n--;                             /* there is room for one from now on */
    ks_aof_age(m, first);

    f = ks_aof_add(m, KS_AOF_BASE, ++m->base);
    (void) snprintf(f->name, sizeof(f->name), KS_AOF_PREFIX ".%llu.base.rdb",
                    (unsigned long long) f->seq);

    return f;
}


void
ks_aof_manifest_forget(ks_aof_manifest_t *m)
{
    m->n = ks_aof_end(m, KS_AOF_INCREMENT);
}


/* --- the words of a line --- */

static int
ks_aof_wrong(ks_aof_manifest_t *m, const ks_aof_line_t *line, const char *fmt,
    ...) __attribute__((format(printf, 3, 4)));


static int
ks_aof_wrong(ks_aof_manifest_t *m, const ks_aof_line_t *line, const char *fmt,
    ...)
{
    int      n;
    va_list  args;

    n = snprintf(m->fault, sizeof(m->fault), "line %u: ", line->number);

    va_start(args, fmt);
    (void) vsnprintf(m->fault + n, sizeof(m->fault) - (size_t) n, fmt, args);
    va_end(args);

    return KS_ERR;
}


static int
ks_aof_hex(u_char c)
{
    return c >= '0' && c <= '9' ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 16;
}


/* what is behind a backslash, in a word with double quotes */

static const u_char *
ks_aof_escaped(const u_char *p, const u_char *end, u_char *c)
{
    const char         *at;
    static const char   names[] = "nrtba";

    if (end - p >= 3 && p[0] == 'x' && ks_aof_hex(p[1]) < 16
        && ks_aof_hex(p[2]) < 16)
    {
        *c = (u_char) (ks_aof_hex(p[1]) * 16 + ks_aof_hex(p[2]));
        return p + 3;
    }

    at = memchr(names, *p, sizeof(names) - 1);
    *c = at ? (u_char) "\n\r\t\b\a"[at - names] : *p;

    return p + 1;
}


/* a word in quotes of either kind; NULL: it does not end, or not at its end */

static const u_char *
ks_aof_quoted(const u_char *p, const u_char *end, ks_str_t *word)
{
    u_char  quote, c;

    for (quote = *p++; p < end && *p != quote; /* void */ ) {
        c = *p++;

        if (c == '\\' && p < end) {
            if (quote == '"') {
                p = ks_aof_escaped(p, end, &c);

            } else if (*p == '\'') {
                c = *p++;
            }
        }

        word->data[word->len++] = c;
    }

    if (p == end || (p + 1 < end && p[1] != ' ' && p[1] != '\t')) {
        return NULL;
    }

    return p + 1;
}


/* Their bytes are never more than the line's. */

static int
ks_aof_words(ks_aof_line_t *line, const u_char *p, const u_char *end)
{
    u_char    *to;
    ks_str_t  *word;

    line->n = 0;
    to = line->copy;

    for ( ;; ) {
        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        if (p == end) {
            return KS_OK;
        }

        if (line->n == KS_AOF_WORDS) {
            return KS_ERR;
        }

        word = &line->words[line->n++];
        word->data = to;
        word->len = 0;

        if (*p == '"' || *p == '\'') {
            p = ks_aof_quoted(p, end, word);

            if (p == NULL) {
                return KS_ERR;
            }

        } else {
            while (p < end && *p != ' ' && *p != '\t') {
                word->data[word->len++] = *p++;
            }
        }

        to += word->len;
    }
}


/* --- what a line says --- */

static int
ks_aof_is(const ks_str_t *word, const char *text)
{
    return word->len == strlen(text)
           && strncasecmp((char *) word->data, text, word->len) == 0;
}


static int
ks_aof_name(ks_aof_manifest_t *m, const ks_aof_line_t *line,
    const ks_str_t *word, ks_aof_file_t *f)
{
    unsigned  i;

    if (word->len == 0 || word->len >= KS_AOF_NAME) {
        return ks_aof_wrong(m, line, "a name has %zu bytes", word->len);
    }

    if (memchr(word->data, '\0', word->len)
        || memchr(word->data, '/', word->len)
        || memchr(word->data, '\\', word->len) || ks_aof_is(word, ".")
        || ks_aof_is(word, ".."))
    {
        return ks_aof_wrong(m, line, "a name is no name in the directory");
    }

    memcpy(f->name, word->data, word->len);
    f->name[word->len] = '\0';

    for (i = 0; i < m->n; i++) {
        if (strcmp(m->files[i].name, f->name) == 0) {
            return ks_aof_wrong(m, line, "a second file of that name");
        }
    }

    return KS_OK;
}


static int
ks_aof_type(ks_aof_manifest_t *m, const ks_aof_line_t *line,
    const ks_str_t *word, ks_aof_file_t *f)
{
    if (word->len != 1 || word->data[0] == '\0'
        || strchr("bih", word->data[0]) == NULL)
    {
        return ks_aof_wrong(m, line, "a type is none of b, i and h");
    }

    f->kind = (ks_aof_kind_t) word->data[0];

    return KS_OK;
}


/* Pairs of other names belong to later versions, and change nothing here. */

static int
ks_aof_pairs(ks_aof_manifest_t *m, const ks_aof_line_t *line, ks_aof_file_t *f)
{
    int              rc;
    unsigned         i;
    const ks_str_t  *word;

    memset(f, 0, sizeof(ks_aof_file_t));

    for (i = 0; i + 1 < line->n; i += 2) {
        word = &line->words[i + 1];
        rc = KS_OK;

        if (ks_aof_is(word - 1, "file")) {
            rc = ks_aof_name(m, line, word, f);

        } else if (ks_aof_is(word - 1, "type")) {
            rc = ks_aof_type(m, line, word, f);

        } else if (ks_aof_is(word - 1, "seq")
                   && (ks_parse_uint(word, &f->seq) != KS_OK || f->seq == 0
                       || f->seq >= INT64_MAX))
        {
            rc = ks_aof_wrong(m, line, "a sequence number is none");
        }

        if (rc != KS_OK) {
            return rc;
        }
    }

    if (line->n % 2 || f->name[0] == '\0' || f->kind == 0 || f->seq == 0) {
        return ks_aof_wrong(m, line,
                            "it is not \"file NAME seq N type b|i|h\"");
    }

    return KS_OK;
}


static int
ks_aof_take(ks_aof_manifest_t *m, const ks_aof_line_t *line)
{
    ks_aof_file_t  f, *to;

    if (ks_aof_pairs(m, line, &f) != KS_OK) {
        return KS_ERR;
    }

    if (f.kind == KS_AOF_BASE) {
        if (m->base != 0) {
            return ks_aof_wrong(m, line, "a second base");
        }

        m->base = f.seq;
    }

    if (f.kind == KS_AOF_INCREMENT) {
        if (m->increment != 0 && f.seq != m->increment + 1) {
            return ks_aof_wrong(m, line, "the increment behind %llu is %llu",
                                (unsigned long long) m->increment,
                                (unsigned long long) f.seq);
        }

        m->increment = f.seq;
    }

    to = ks_aof_add(m, f.kind, f.seq);

    if (to == NULL) {
        return KS_NOMEM;
    }

    memcpy(to->name, f.name, KS_AOF_NAME);

    return KS_OK;
}


static int
ks_aof_line(ks_aof_manifest_t *m, ks_aof_line_t *line, const u_char *p,
    const u_char *end)
{
    if (*p == '#') {
        return KS_OK;
    }

    if (p < end && end[-1] == '\r') {
        end--;
    }

    if (ks_aof_words(line, p, end) != KS_OK) {
        return ks_aof_wrong(m, line, "a word in quotes does not end, or there "
                            "are too many words");
    }

    return ks_aof_take(m, line);
}


int
ks_aof_manifest_parse(ks_aof_manifest_t *m, const u_char *p, size_t len)
{
    int             rc;
    ks_aof_line_t   line;
    const u_char   *end, *eol;

    ks_aof_manifest_free(m);

    for (end = p + len, line.number = 1; p < end; p = eol + 1, line.number++) {
        eol = memchr(p, '\n', (size_t) (end - p));

        if (eol == NULL) {
            return ks_aof_wrong(m, &line, "it has no end");
        }

        if (eol - p >= KS_AOF_LINE) {
            return ks_aof_wrong(m, &line, "it is longer than %u bytes",
                                KS_AOF_LINE);
        }

        rc = ks_aof_line(m, &line, p, eol);

        if (rc != KS_OK) {
            return rc;
        }
    }

    if (m->base == 0 && m->increment == 0) {
        return ks_aof_wrong(m, &line, "it names no file that is to be read");
    }

    return KS_OK;
}


/* --- as text --- */

static void
ks_aof_put(char *to, size_t size, size_t *len, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));


static void
ks_aof_put(char *to, size_t size, size_t *len, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(*len < size ? to + *len : NULL,
                  *len < size ? size - *len : 0, fmt, args);
    va_end(args);

    *len += (size_t) ks_max(n, 0);
}


static void
ks_aof_put_name(char *to, size_t size, size_t *len, const char *name)
{
    const u_char  *p;

    for (p = (const u_char *) name; *p > ' ' && *p < 0x7f; p++) {
        if (*p == '"' || *p == '\'') {
            break;
        }
    }

    if (*p == '\0') {
        ks_aof_put(to, size, len, "%s", name);
        return;
    }

    ks_aof_put(to, size, len, "\"");

    for (p = (const u_char *) name; *p != '\0'; p++) {
        ks_aof_put(to, size, len, *p == '"' ? "\\%c"
                   : *p >= ' ' && *p < 0x7f ? "%c" : "\\x%02x", *p);
    }

    ks_aof_put(to, size, len, "\"");
}


size_t
ks_aof_manifest_compose(const ks_aof_manifest_t *m, char *to, size_t size)
{
    size_t                len;
    unsigned              i;
    const ks_aof_file_t  *f;

    for (len = 0, i = 0; i < m->n; i++) {
        f = &m->files[i];
        ks_aof_put(to, size, &len, "file ");
        ks_aof_put_name(to, size, &len, f->name);
        ks_aof_put(to, size, &len, " seq %llu type %c\n",
                   (unsigned long long) f->seq, f->kind);
    }

    return len;
}
