/*
 * Expanding what LZF, Lehmann's format, has compressed: at once, or as bytes
 * come and as there is room.
 */

#ifndef KS_LZF_H
#define KS_LZF_H

#include "memory/ks_base.h"


#define KS_LZF_BACK   8192      /* bytes, that a reference goes back at most */
#define KS_LZF_TOKEN  33        /* of a token, at most */
#define KS_LZF_RUN    264       /* that it stands for */
#define KS_LZF_RATIO  88        /* that one byte may stand for: 264 for 3 */

typedef struct {
    const u_char  *p;           /* what is to be expanded */
    const u_char  *end;
    u_char        *to;          /* where it goes, */
    size_t         at;          /* behind what is there, */
    size_t         room;        /* of so many bytes */
} ks_lzf_t;

/*
 * Expands what there is.  KS_OK: p is end.  KS_NONE: the token at p is not
 * whole.  KS_AGAIN: there is no room for it.  KS_ERR: it is damaged.
 *
 * References are to bytes of to[0..at): to go on elsewhere, take the last
 * KS_LZF_BACK of them along.
 */
int ks_lzf_expand(ks_lzf_t *z);


#endif /* KS_LZF_H */
