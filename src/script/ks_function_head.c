/*
 * The first line of a library, "#!lua name=NAME", and what a name may be.
 */

#include <ctype.h>
#include <stdio.h>

#include "commands/ks_args.h"
#include "script/ks_function.h"


#define KS_FUNCTION_TEXT  1024          /* as long as errors get */


const char *
ks_function_text(ks_space_t *sp, const char *fmt, ...)
{
    char     *copy, text[KS_FUNCTION_TEXT];
    va_list   args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    copy = ks_arena_alloc(sp, strlen(text) + 1);
    strcpy(copy, text);

    return copy;
}


static int
ks_hex_digit(u_char c)
{
    return isdigit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
}


/* what is behind a backslash between double quotes; how many bytes it took */

static size_t
ks_word_escape(const u_char *p, const u_char *end, u_char *to)
{
    if (*p == 'x' && end - p > 2 && isxdigit(p[1]) && isxdigit(p[2])) {
        *to = (u_char) (ks_hex_digit(p[1]) << 4 | ks_hex_digit(p[2]));
        return 3;
    }

    switch (*p) {

    case 'n':
        *to = '\n';
        break;

    case 'r':
        *to = '\r';
        break;

    case 't':
        *to = '\t';
        break;

    case 'b':
        *to = '\b';
        break;

    case 'a':
        *to = '\a';
        break;

    default:
        *to = *p;
        break;
    }

    return 1;
}


/* from behind the quote on; NULL: it has no end, or something follows it */

static const u_char *
ks_word_quoted(const u_char *p, const u_char *end, ks_str_t *word)
{
    u_char  quote;

    quote = *p++;

    while (p < end) {

        if (*p == quote) {
            p++;
            return p == end || isspace(*p) ? p : NULL;
        }

        if (*p != '\\' || end - p < 2) {
            word->data[word->len++] = *p++;

        } else if (quote == '"') {
            p++;
            p += ks_word_escape(p, end, &word->data[word->len++]);

        } else {
            p += (p[1] == '\'');
            word->data[word->len++] = *p++;
        }
    }

    return NULL;
}


/*
 * The next word, which may be quoted in part, as a command line of Redis has
 * it.  word->data has room for all that is left.  NULL: that is not well
 * formed.
 */

static const u_char *
ks_word_next(const u_char *p, const u_char *end, ks_str_t *word)
{
    word->len = 0;

    while (p < end && !isspace(*p)) {

        if (*p == '"' || *p == '\'') {
            return ks_word_quoted(p, end, word);
        }

        word->data[word->len++] = *p++;
    }

    return p;
}


int
ks_function_name_ok(const u_char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (!isalnum(p[i]) && p[i] != '_') {
            return 0;
        }
    }

    return len > 0;
}


/* the words behind the first one */

static const char *
ks_head_words(ks_space_t *sp, const u_char *p, const u_char *end,
    ks_functions_t *lib)
{
    ks_str_t  word;

    lib->name.data = NULL;

    for ( ;; ) {

        while (p < end && isspace(*p)) {
            p++;
        }

        if (p == end) {
            break;
        }

        word.data = ks_arena_alloc(sp, (size_t) (end - p));
        p = ks_word_next(p, end, &word);

        if (p == NULL) {
            return "Invalid library metadata";
        }

        if (word.len < 5 || strncasecmp((char *) word.data, "name=", 5) != 0) {
            return ks_function_text(sp, "Invalid metadata value given: %.*s",
                                 (int) word.len, word.data);
        }

        if (lib->name.data) {
            return "Invalid metadata value, name argument was given multiple "
                   "times";
        }

        lib->name.data = word.data + 5;
        lib->name.len = word.len - 5;
    }

    return lib->name.data ? NULL : "Library name was not given";
}


const char *
ks_functions_head(ks_space_t *sp, ks_functions_t *lib)
{
    ks_str_t       engine;
    const u_char  *p, *end;
    const char    *err;

    p = lib->text.data;

    if (lib->text.len < 2 || memcmp(p, "#!", 2) != 0) {
        return "Missing library metadata";
    }

    end = memchr(p, '\n', lib->text.len);

    if (end == NULL) {
        return "Invalid library metadata";
    }

    engine.data = ks_arena_alloc(sp, (size_t) (end - p));
    p = ks_word_next(p + 2, end, &engine);

    if (p == NULL) {
        return "Invalid library metadata";
    }

    err = ks_head_words(sp, p, end, lib);

    if (err) {
        return err;
    }

    if (!ks_function_name_ok(lib->name.data, lib->name.len)) {
        return KS_ERR_FUNCTION_NAME;
    }

    if (engine.len != 3 || strncasecmp((char *) engine.data, "lua", 3) != 0) {
        return ks_function_text(sp, "Engine '%.*s' not found", (int) engine.len,
                             engine.data);
    }

    return NULL;
}
