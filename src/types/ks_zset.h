/*
 * Sorted sets: members in the order of their scores, and of their bytes among
 * equal scores.  tree[0] has them in that order (item string 0 is the member,
 * ks_zset_score_at() its score); positions are of this tree.
 *
 * Up to Redis's limits that is all there is, and a member is found by a walk.
 * Beyond them tree[1] knows the score of each member.  No score is a NaN, and
 * none is -0.
 */

#ifndef KS_ZSET_H
#define KS_ZSET_H

#include "types/ks_dump_item.h"
#include "types/ks_number.h"


/* A member that was looked up; good until the next change of the value. */
typedef struct {
    int                 found;
    double              score;          /* if it was found */
    uint32_t            hash;           /* where it is looked up by hash */
    ks_pos_t            pos;            /* of the tree that it was found in */
} ks_zmember_t;


/* The encoding that a new one had best have. */
unsigned ks_zset_encoding(const ks_zone_t *zone, size_t member_len,
    size_t expected);

double ks_zset_score_at(const ks_value_t *v, const ks_pos_t *pos);

/* 1: the member is there. */
int ks_zset_score(const ks_value_t *v, const ks_str_t *member, double *score);
int ks_zset_find(const ks_value_t *v, ks_pos_t *pos, const ks_str_t *member);

/* Adds the member or gives it another score.  May change the encoding. */
void ks_zset_set(ks_value_t *v, const ks_str_t *member, double score);
int ks_zset_remove(ks_value_t *v, const ks_str_t *member);

/* A hint: a member is going to be given that score, or has it. */
void ks_zset_ahead(const ks_value_t *v, double score);

/* ks_zset_set() in two steps, for those who want to see what was there. */
int ks_zset_look(const ks_value_t *v, ks_zmember_t *m, const ks_str_t *member);
void ks_zset_put(ks_value_t *v, ks_zmember_t *m, const ks_str_t *member,
    double score);

/*
 * Adds a member that is not there yet and belongs behind all others.  The
 * encoding stays: it has to be one that allows for it.
 */
void ks_zset_append(ks_value_t *v, const ks_item_t *member, double score);

/* Removes n from the rank on. */
void ks_zset_remove_range(ks_value_t *v, uint32_t rank, uint32_t n);

/*
 * The first whose score is not below score, or with after is above it.  0:
 * there is none, and pos is the place behind the last.
 */
int ks_zset_seek(const ks_value_t *v, ks_pos_t *pos, double score, int after);

/* one end of a range of members by their bytes */
typedef struct {
    ks_str_t            member;
    int                 infinite;       /* -1: below all, 1: above all */
    int                 open;           /* the end itself does not belong */
} ks_zlex_t;

/*
 * The range of members from min to max by their bytes, as Redis finds it:
 * how many there are, and the lowest of their ranks.  With reverse it is
 * looked for from the end.  skip members are left out at the side where the
 * search begins.
 *
 * Among equal scores these are all members between the ends.  Where scores
 * differ, the range begins with the first member that lies inside, and goes
 * on to the first that is beyond the other end.  In a large set the place of
 * an end is found by halving, which presumes that members ascend.
 */
uint32_t ks_zset_lex(const ks_value_t *v, const ks_zlex_t *min,
    const ks_zlex_t *max, int reverse, uint32_t skip, uint32_t *rank);


/*
 * Visits about count members from the cursor on, in no order, and returns the
 * next one; see ks_tree_scan().
 */
typedef void (*ks_zset_visit_pt)(void *data, const ks_item_t *member,
    double score);

uint64_t ks_zset_scan(const ks_value_t *v, uint64_t cursor, size_t count,
    ks_zset_visit_pt visit, void *data);

/* The row's check: whether both trees have as many members. */
void ks_zset_check(ks_checker_t *ck, const ks_value_t *v);


/* The row's dump and restore (ks_type.h); bytes of a score in a dump. */
#define KS_ZSET_DUMP  (KS_DOUBLE_TEXT + KS_DUMP_STRING)

u_char *ks_zset_dump_score(const ks_value_t *v, const ks_pos_t *pos,
    u_char *p);
u_char *ks_zset_dump(const ks_value_t *v, u_char *p);
unsigned ks_zset_restore_as(const ks_zone_t *zone,
    const ks_rdb_value_t *in);
int ks_zset_restore(ks_value_t *v, const ks_rdb_value_t *in);


#endif /* KS_ZSET_H */
