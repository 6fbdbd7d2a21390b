/*
 * What the commands of lists share.  See ks_args.h for what KS_ERR means.
 */

#ifndef KS_LIST_ARGS_H
#define KS_LIST_ARGS_H

#include "commands/ks_args.h"
#include "types/ks_list.h"


#define KS_ERR_POSITIVE    "ERR value is out of range, must be positive"


/* an integer of at least min; err is said for all else */
static inline int
ks_arg_within(ks_ctx_t *c, const ks_str_t *arg, int64_t min, int64_t *v,
    const char *err)
{
    if (ks_parse_int(arg, v) == KS_OK && *v >= min) {
        return KS_OK;
    }

    ks_reply_error(c->reply, err);

    return KS_ERR;
}


/* LEFT or RIGHT */
int ks_list_end(ks_ctx_t *c, const ks_str_t *arg, int *end);

/* Pushes n strings to the list at key; e NULL: to a new one. */
void ks_list_give(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e,
    ks_value_t *v, int end, int n, const ks_str_t *s);

/*
 * Says n elements, which must be there, from an end on, and removes them; v is
 * closed.
 */
void ks_list_pop(ks_ctx_t *c, ks_value_t *v, int end, uint32_t n);

/*
 * Moves an element from an end of a list to an end of another, and says it.
 * KS_NONE: the list is not there; nothing is said.
 */
int ks_list_move(ks_ctx_t *c, const ks_str_t *src, const ks_str_t *dst,
    int from, int to);

/* what LMOVEM is told, apart from the keys */
typedef struct {
    int      from;
    int      to;
    int64_t  count;
    int      exactly;               /* as many, or none */
    int      bulk;                  /* in the order in which they were */
} ks_lmovem_t;

/* The two ends; and COUNT and the rest, argc arguments or none of them. */
int ks_lmovem_ends(ks_ctx_t *c, const ks_str_t *argv, ks_lmovem_t *m);
int ks_lmovem_options(ks_ctx_t *c, int argc, const ks_str_t *argv,
    ks_lmovem_t *m);

/* As ks_list_move(). */
int ks_lmovem_move(ks_ctx_t *c, const ks_str_t *src, const ks_str_t *dst,
    const ks_lmovem_t *m);

/* what LMPOP is told */
typedef struct {
    ks_str_t  *keys;
    int        nkeys;
    int        end;
    int64_t    count;
} ks_lmpop_t;

int ks_lmpop_options(ks_ctx_t *c, int argc, ks_str_t *argv, ks_lmpop_t *m);

/* KS_NONE: none of the lists is there; else *key is the one, and it is said. */
int ks_lmpop_pop(ks_ctx_t *c, const ks_lmpop_t *m, const ks_str_t **key);


/* the events of what happens to an end */

static inline const char *
ks_list_pushed(int end)
{
    return end == KS_LIST_HEAD ? "lpush" : "rpush";
}


static inline const char *
ks_list_popped(int end)
{
    return end == KS_LIST_HEAD ? "lpop" : "rpop";
}


#endif /* KS_LIST_ARGS_H */
