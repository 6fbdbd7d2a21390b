/*
 * The arguments of commands.
 *
 * A text of ks_syntax_rows.h has them in their order, with a blank in between:
 *
 *     name        a string; with a letter behind a colon it is of another type
 *                 (ks_syntax_types).  A number behind the letter says by which
 *                 of the command's key specifications it is found: name:k1.
 *     WORD        a word as it stands
 *     name=WORD   the same, of another name than the word in lower case; "" is
 *                 a word without letters
 *     WORD arg    an argument with a word before it
 *     name(a|b)   one of these
 *     name{a b}   all of these
 *     arg*        one or more times; arg+ each time with its word
 *     [arg]       it may be left out
 *     name~text   shown as that text
 *
 * A name is of small letters, digits, "-" and "_"; anything else begins a word.
 * The texts are ours: nothing here is prepared for what is not of this form.
 */

#include "commands/ks_syntax.h"

#include <stdlib.h>
#include <string.h>


#define KS_SYNTAX_NAME   "abcdefghijklmnopqrstuvwxyz0123456789-_"
#define KS_SYNTAX_SHOWN  KS_SYNTAX_NAME ":"
#define KS_SYNTAX_ENDS   " |()[]{}"
#define KS_SYNTAX_WORD   32             /* bytes of a word, at most */

typedef struct {
    const char  *name;
    const char  *text;
} ks_syntax_row_t;

typedef struct {
    ks_str_t     name;
    ks_str_t     word;          /* its data is NULL: none */
    ks_str_t     shown;         /* its len is 0: of a kind that is not */
    const char  *type;
    int          spec;          /* of the command's keys; -1: none */
    const char  *parts;         /* where they begin; NULL: there are none */
    unsigned     optional:1;
    unsigned     multiple:1;
    unsigned     each:1;        /* time with its word */
} ks_syntax_arg_t;

#define SYNTAX(name, text)  { name, text },

static const ks_syntax_row_t  ks_syntax_rows[] = {
#include "commands/ks_syntax_rows.h"
};

#undef SYNTAX

static const struct {
    char         letter;
    const char  *name;
} ks_syntax_types[] = {
    { 'i', "integer" },
    { 'd', "double" },
    { 't', "unix-time" },
    { 'p', "pattern" },
    { 'k', "key" }
};


static int
ks_syntax_compare(const void *name, const void *row)
{
    return strcmp(name, ((const ks_syntax_row_t *) row)->name);
}


const char *
ks_syntax_of(const char *name)
{
    const ks_syntax_row_t  *row;

    row = bsearch(name, ks_syntax_rows,
                  sizeof(ks_syntax_rows) / sizeof(ks_syntax_rows[0]),
                  sizeof(ks_syntax_rows[0]), ks_syntax_compare);

    return row ? row->text : NULL;
}


/* --- reading --- */

static const char *
ks_syntax_span(const char *p, const char *of, ks_str_t *s)
{
    s->data = (u_char *) p;
    s->len = strspn(p, of);

    return p + s->len;
}


static const char *
ks_syntax_word(const char *p, ks_str_t *s)
{
    s->data = (u_char *) p;
    s->len = strcspn(p, KS_SYNTAX_ENDS);

    return p + s->len;
}


/* behind the bracket that closes the one before p */

static const char *
ks_syntax_close(const char *p)
{
    int  depth;

    for (depth = 1; depth != 0; p++) {

        if (strchr("([{", *p) != NULL) {
            depth++;

        } else if (strchr(")]}", *p) != NULL) {
            depth--;
        }
    }

    return p;
}


static const char *
ks_syntax_type(const char *p, ks_syntax_arg_t *a)
{
    size_t  i;

    for (i = 0; ks_syntax_types[i].letter != *p; i++) {
        /* void */
    }

    a->type = ks_syntax_types[i].name;
    p++;

    if (*p >= '0' && *p <= '9') {
        a->spec = *p++ - '0';

    } else if (a->type[0] == 'k') {
        a->spec = 0;
    }

    return p;
}


/* what stands behind a name; where it ends */

static const char *
ks_syntax_kind(const char *p, ks_syntax_arg_t *a)
{
    switch (*p) {

    case '=':
        a->type = "pure-token";
        p = ks_syntax_word(p + 1, &a->word);

        if (a->word.data[0] == '"') {
            a->word.len = 0;
        }

        return p;

    case '(':
    case '{':
        a->type = (*p == '(') ? "oneof" : "block";
        a->shown.len = 0;
        a->parts = p + 1;
        return ks_syntax_close(p + 1);

    case ':':
        return ks_syntax_type(p + 1, a);

    default:
        return p;
    }
}


/* One argument; where it ends. */

static const char *
ks_syntax_arg(const char *p, ks_syntax_arg_t *a)
{
    memset(a, 0, sizeof(ks_syntax_arg_t));
    a->type = "string";
    a->spec = -1;
    a->optional = (*p == '[');
    p += a->optional;

    if (strchr(KS_SYNTAX_NAME, *p) == NULL) {
        p = ks_syntax_word(p, &a->word);

        if (p[0] != ' ' || strchr(KS_SYNTAX_NAME, p[1]) == NULL) {
            a->type = "pure-token";
            a->name = a->word;
            a->shown = a->word;
            return p + a->optional;
        }

        p++;
    }

    p = ks_syntax_span(p, KS_SYNTAX_NAME, &a->name);
    a->shown = a->name;
    p = ks_syntax_kind(p, a);

    if (*p == '~') {
        p = ks_syntax_span(p + 1, KS_SYNTAX_SHOWN, &a->shown);
    }

    if (*p == '*' || *p == '+') {
        a->multiple = 1;
        a->each = (*p == '+');
        p++;
    }

    return p + a->optional;
}


/* --- telling --- */

/* a name that is a word's is in lower case */

static void
ks_syntax_reply_name(ks_reply_t *r, const char *field, const ks_str_t *name)
{
    size_t  i;
    u_char  text[KS_SYNTAX_WORD];

    for (i = 0; i < name->len && i < sizeof(text); i++) {
        text[i] = name->data[i];

        if (text[i] >= 'A' && text[i] <= 'Z') {
            text[i] = (u_char) (text[i] + 'a' - 'A');
        }
    }

    ks_reply_cstr(r, field);
    ks_reply_bulk(r, text, i);
}


static void
ks_syntax_reply_flags(ks_reply_t *r, const ks_syntax_arg_t *a)
{
    ks_reply_cstr(r, "flags");
    ks_reply_set(r, (size_t) a->optional + a->multiple + a->each);

    if (a->optional) {
        ks_reply_status(r, "optional");
    }

    if (a->multiple) {
        ks_reply_status(r, "multiple");
    }

    if (a->each) {
        ks_reply_status(r, "multiple_token");
    }
}


/* All but its parts. */

static void
ks_syntax_reply_arg(ks_reply_t *r, const ks_syntax_arg_t *a)
{
    int  flags;

    flags = a->optional || a->multiple;

    ks_reply_map(r, 2 + (a->shown.len != 0) + (a->spec >= 0)
                    + (a->word.data != NULL) + (size_t) flags
                    + (a->parts != NULL));

    ks_syntax_reply_name(r, "name", &a->name);
    ks_reply_cstr(r, "type");
    ks_reply_cstr(r, a->type);

    if (a->shown.len != 0) {
        ks_syntax_reply_name(r, "display_text", &a->shown);
    }

    if (a->spec >= 0) {
        ks_reply_cstr(r, "key_spec_index");
        ks_reply_integer(r, a->spec);
    }

    if (a->word.data != NULL) {
        ks_reply_cstr(r, "token");
        ks_reply_bulk(r, a->word.data, a->word.len);
    }

    if (flags) {
        ks_syntax_reply_flags(r, a);
    }
}


/* The texts are not deep, so this calls itself. */

void
ks_syntax_reply(ks_reply_t *r, const char *text)
{
    size_t           n;
    const char      *p;
    ks_syntax_arg_t  a;

    ks_reply_deferred(r, KS_AGG_ARRAY);

    for (n = 0, p = text; /* void */ ; p++) {
        p = ks_syntax_arg(p, &a);
        ks_syntax_reply_arg(r, &a);
        n++;

        if (a.parts != NULL) {
            ks_reply_cstr(r, "arguments");
            ks_syntax_reply(r, a.parts);
        }

        if (*p != ' ' && *p != '|') {
            break;
        }
    }

    ks_reply_close(r, n);
}
