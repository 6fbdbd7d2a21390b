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
