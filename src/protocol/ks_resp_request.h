/*
 * RESP bytes -> commands, a piece at a time.
 *
 * The parser belongs to one connection.  The owner keeps the bytes that are
 * not consumed yet in one contiguous buffer and calls ks_resp_parse() with all
 * of them: from the first byte of the command that is under way to the last
 * byte received.  Between two calls it may append bytes and move or grow the
 * buffer as it likes; what is already parsed is remembered by its offset, and
 * is not looked at again.
 *
 * Arguments are slices of the buffer, whose bytes stay as they are: a command
 * can be parsed again.  Those of an inline command that has quotes are slices
 * of memory of the parser's own.
 *
 * No other command costs an allocation: the array of arguments grows to what
 * the largest needed (and shrinks after a very large one).  The parser reads
 * nothing beyond the end that it is given, and takes time in proportion to
 * the bytes.
 */

#ifndef KS_RESP_REQUEST_H
#define KS_RESP_REQUEST_H

#include "memory/ks_base.h"


#define KS_RESP_ARGS         16         /* arguments that need no memory */
#define KS_RESP_INLINE_MAX   (64 * 1024)
#define KS_RESP_BULK_MAX     (512 * 1024 * 1024)
#define KS_RESP_NOAUTH_ARGS  10         /* before a password was given */
#define KS_RESP_NOAUTH_BULK  16384

typedef enum {
    KS_RESP_COMMAND = 0,
    KS_RESP_AGAIN,
    KS_RESP_ERROR,
    KS_RESP_NOMEM
} ks_resp_rc_t;

typedef struct {
    /* set by the owner, at any time between two commands */
    unsigned      guest:1;      /* not authenticated: short limits */

    /*
     * KS_RESP_COMMAND.  argc 0: an empty line or an empty array, which gets no
     * reply.  The slices are good as long as the buffer stays as it is.
     */
    int           argc;
    ks_str_t     *argv;
    size_t        used;         /* bytes of the buffer that it took */

    /*
     * KS_RESP_AGAIN: the buffer length, counted from the start given, without
     * which there will be no progress, so that room for a large argument can
     * be made at once; it may be far more than the owner wants to allocate at
     * a time, and 0 if it is not known.
     */
    size_t        wanted;

    /* KS_RESP_ERROR: the whole text, "ERR Protocol error: ..." */
    char          error[64];

    /* private from here on */
    size_t        at;           /* offset of what is to be parsed next */
    size_t        seen;         /* bytes behind it without a line's end */
    int64_t       bulk;         /* length of the argument to come, or -1 */
    int           left;         /* arguments to come; 0: between commands */
    int           room;
    u_char       *text;         /* an inline command's words; NULL: none */
    ks_str_t      small[KS_RESP_ARGS];
} ks_resp_request_t;


void ks_resp_request_init(ks_resp_request_t *rq);
void ks_resp_request_free(ks_resp_request_t *rq);

/* Frees the words of the last command, if it was an inline one. */
void ks_resp_forget_text(ks_resp_request_t *rq);

/*
 * end is not before any end of an earlier call for the same command.
 *
 * KS_RESP_COMMAND: a command is there; the next call starts at start + used
 *                  (and may be made at once: the argv is good until then).
 * KS_RESP_AGAIN:   the command is not complete; nothing is consumed.
 * KS_RESP_ERROR:   the connection is to be closed behind this error.
 * KS_RESP_NOMEM:   the process has no memory; to be treated likewise.
 */
ks_resp_rc_t ks_resp_parse(ks_resp_request_t *rq, u_char *start, u_char *end);

/*
 * A shorter way for a multibulk that is there as a whole, between two commands:
 * its arguments go to argv[0..max) and their number to *argc.  Where the next
 * command starts; or NULL, for all else, of which ks_resp_parse() is to be
 * asked: nothing has been done then.
 */
u_char *ks_resp_cut(const ks_resp_request_t *rq, u_char *start, u_char *end,
    ks_str_t *argv, int max, int *argc);


/* What was allocated for the last command alone is freed: it was run. */

static inline void
ks_resp_request_rest(ks_resp_request_t *rq)
{
    if (ks_unlikely(rq->text != NULL)) {
        ks_resp_forget_text(rq);
    }
}


#endif /* KS_RESP_REQUEST_H */
