/*
 * The script that keeps a process busy, for others to see: it is told of when
 * it has run for a while.
 *
 * There is one place for the whole zone.  Of scripts that run at the same time,
 * the first to ask has it; the others ask again later.  All of it is a hint,
 * written without locks: at a bad moment two scripts may be mixed up, and one
 * of a dead process is not shown at all.
 */

#ifndef KS_BUSY_H
#define KS_BUSY_H

#include "keyspace/ks_space.h"


typedef struct {
    unsigned         function:1;        /* by FCALL, and has a name */
    ks_str_t         name;
    int              argc;              /* of the command */
    const ks_str_t  *argv;
    uint64_t         ms;                /* how long it runs by now */
} ks_busy_script_t;


/*
 * A script of this process runs, for at most ms more.  0: another one is told
 * of.  As much of the command is told as there is room for.
 */
int ks_busy_tell(ks_space_t *sp, const ks_busy_script_t *s, uint64_t ms);

/* The one that was told of has ended. */
void ks_busy_end(ks_space_t *sp);

/* Whether any is told of; and if s is not NULL, which: it lies in the arena. */
int ks_busy_look(ks_space_t *sp, ks_busy_script_t *s);


#endif /* KS_BUSY_H */
