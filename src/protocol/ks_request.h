/*
 * Request bytes -> commands.
 *
 * Every parser here works in place: it decodes within the buffer that it is
 * given (a decoded word is never longer than its encoding) and returns slices
 * of it, so the buffer is written to and must outlive the request.  The arrays
 * of slices come from the owner's allocator.
 *
 * On bad input: KS_ERR, and error is a static text for the reply, without the
 * "ERR " in front.  Nothing is ever read beyond the length given; depth and
 * count are bounded by the input's length, never by the C stack.
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

    ks_argv_t   *commands;
    size_t       ncommands;
    const char  *error;
} ks_request_t;


/* ["SET","k","v",1] -> one command */
int ks_parse_json(ks_request_t *rq, u_char *p, size_t len);

/* [["SET","k","v"],["GET","k"]] -> any number of commands, none included */
int ks_parse_json_batch(ks_request_t *rq, u_char *p, size_t len);

/* command text: one command a line, blank lines skipped; 1 or more commands */
int ks_parse_text(ks_request_t *rq, u_char *p, size_t len);

/*
 * /set/foo/bar -> one command.  path: the raw URI behind the location's
 * prefix, query: what follows its '?'; body (NULL: none) is appended as one
 * argument, query parameters after it.  _token is left out.
 */
int ks_parse_path(ks_request_t *rq, ks_str_t path, ks_str_t query,
    const ks_str_t *body);

/* The value of _token in a raw query, percent-decoded in place; KS_ERR: none */
int ks_query_token(ks_str_t query, ks_str_t *token);


#endif /* KS_REQUEST_H */
