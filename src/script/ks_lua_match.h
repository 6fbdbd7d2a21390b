/*
 * Matching a pattern of Lua at one place of a subject.
 */

#ifndef KS_LUA_MATCH_H
#define KS_LUA_MATCH_H

#include "script/ks_lua_lib.h"


#define KS_PAT_CAPTURES  32
#define KS_PAT_STACK     256            /* choices that need no memory */
#define KS_PAT_MAX       262144         /* choices of one match */

enum {
    KS_CAP_CLOSED = 0,
    KS_CAP_OPEN,
    KS_CAP_POSITION
};

typedef struct {
    const u_char  *start;
    size_t         len;
    int            kind;
} ks_cap_t;

typedef struct {
    int            kind;
    int            capture;
    const u_char  *item;                /* in the pattern */
    const u_char  *next;                /* what follows it */
    const u_char  *first;               /* in the subject */
    const u_char  *at;
} ks_choice_t;

typedef struct {
    lua_State     *L;
    const u_char  *s;                   /* the subject */
    const u_char  *s_end;
    const u_char  *p;                   /* the pattern */
    const u_char  *p_end;
    unsigned       steps;
    int            ncaptures;
    int            nchoices;
    ks_cap_t       captures[KS_PAT_CAPTURES];
    int            room;                /* for choices */
    ks_choice_t   *choices;             /* these, or a larger userdata */
    ks_choice_t    few[KS_PAT_STACK];
} ks_pat_t;


void ks_pat_init(ks_pat_t *m, lua_State *L, const char *s, size_t slen,
    const char *p, size_t plen);

/*
 * The end of a match of the pattern from p on that begins at s, or NULL;
 * captures are set.  Raises errors, and may be left by longjmp.
 */
const u_char *ks_pat_match(ks_pat_t *m, const u_char *s, const u_char *p);


#endif /* KS_LUA_MATCH_H */
