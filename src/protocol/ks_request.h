/*
 * Request bytes -> commands.
 *
 * Every parser here works in place: it decodes within the buffer that it is
 * given (a decoded word is never longer than its encoding) and returns slices
 * of it, so the buffer is written to and must outlive the request.  The arrays
 * of slices come from the owner's allocator.
 *
 * On bad input: KS_ERR, and error is a static text for the reply, without the
 * "ERR " in front; KS_NOMEM (with an error text as well) if alloc said no.
 * The buffer's content is lost then.  Nothing is ever read beyond the length
 * given; depth and count are bounded by the input's length, never by the
 * C stack.  Every parser takes time in proportion to the input's length.
 */

#ifndef KS_REQUEST_H
#define KS_REQUEST_H

#include "memory/ks_base.h"


typedef struct {
    int        argc;            /* 1 or more */
    ks_str_t  *argv;
} ks_argv_t;

typedef struct {
    void       *(*alloc)(void *data, size_t size);      /* NULL: KS_NOMEM */
    void        *data;

    /*
     * For scripts without quotes in command text; NULL: they are words like
     * others.  Positive: p[0..len) compiles; 0: it does not, but might with
     * more behind it; negative: nor with anything behind it.
     */
    int        (*compiles)(void *data, const u_char *p, size_t len);
    void        *compiles_data;

    /* set by the parsers */
    ks_argv_t   *commands;
    size_t       ncommands;
    const char  *error;
} ks_request_t;


/*
 * ["SET","k","v",1] -> one command.
 *
 * Strings are decoded: any byte may come out, "\u0000" too; a surrogate
 * without its other half becomes U+FFFD; bytes that are not UTF-8, and raw
 * control characters, pass as they are.  Numbers keep their text; true and
 * false are the words.  null, objects and arrays inside are refused, and so
 * are an empty array and anything but white space around.
 */
int ks_parse_json(ks_request_t *rq, u_char *p, size_t len);

/* [["SET","k","v"],["GET","k"]] -> any number of commands, none included */
int ks_parse_json_batch(ks_request_t *rq, u_char *p, size_t len);

/*
 * Command text: one command a line (LF or CRLF), blank lines skipped; 1 or
 * more commands.
 *
 * Words are split at white space.  "..." and '...' are as in Redis's inline
 * protocol: "..." knows \xHH \n \r \t \b \a and \ before any other byte,
 * '...' knows \' alone, a quote may begin in the middle of a word, and what
 * follows the closing one must be white space or the end.  Unlike there, a
 * quoted word may span lines: a body is no line protocol.
 *
 * A word that begins with { is taken byte for byte, white space, line ends and
 * quotes included, to where its brackets balance outside of its strings, and
 * from there on as any word: {user}:name and {"a": 1} are one word each.  The
 * same with [ where what follows looks like JSON: a string, a bracket, or a
 * bare word with , or ] behind it; so [ab]* is a pattern, [c is a bound of
 * ZRANGEBYLEX, and [ "a", 1 ] is an array.
 *
 * Behind EVAL and EVAL_RO, what does not begin with a quote is a script, byte
 * for byte: the longest text that compiles and has a number of keys behind it
 * with at least as many words in the rest of its line.  It may span lines, and
 * begin on the next one.  If none compiles, and it is the only command, the
 * one that was tried last is passed on, for the error that it gets.
 */
int ks_parse_text(ks_request_t *rq, u_char *p, size_t len);

/*
 * /set/foo/bar -> one command.
 *
 * path: the raw URI behind the location's prefix, with or without its '/';
 * each segment is percent-decoded once, and an empty one is an empty
 * argument: /set/foo/ ends with one.  An empty path (or a lone '/') is an
 * error.  body (NULL: none) is appended as one argument.
 *
 * query: what follows the '?'; each parameter adds its name and, unless it is
 * empty, its value: EX=100 -> EX 100, NX and NX= -> NX.  It is form-encoded,
 * so '+' is a space here; in the path '+' is itself.  _token and _db are left
 * out.
 */
int ks_parse_path(ks_request_t *rq, ks_str_t path, ks_str_t query,
    const ks_str_t *body);

#define KS_URL_TOKEN  "_token"          /* who the client is */
#define KS_URL_DB     "_db"             /* the number of its database */

/*
 * The value of the first parameter of that name in a raw query, percent-decoded
 * into buf (which has room for query.len bytes); the query stays as it is.  '+'
 * is itself here, as base64 may be in a token and a space may not.  KS_ERR:
 * none, or one with a bad escape.
 */
int ks_query_value(ks_str_t query, const char *name, u_char *buf,
    ks_str_t *value);


#endif /* KS_REQUEST_H */
