/*
 * Scripts: EVAL, functions, and the redis.* interface, on Lua 5.4.
 *
 * Each process has one Lua state a zone, made when the first script comes.
 * What scripts there are is kept in the zone (ks_library_*), so that all
 * processes know them; each compiles one when it first runs it.
 *
 * A script runs inside the transaction of its command, with the shards of its
 * declared keys locked; it may touch others, at the price of being begun
 * again.  One that takes too long, or that the zone has no room for, is rolled
 * back.  The commands that it calls are checked as those of its client are.
 */

#ifndef KS_SCRIPT_H
#define KS_SCRIPT_H

#include "commands/ks_command.h"


typedef struct {
    uint64_t   timeout;         /* ms of CPU time that a script may take, and
                                   ten times that by the clock; 0: any */
    size_t     memory;          /* bytes that it may take; 0: any */

    /* what redis.log() says; level: 0 debug to 3 warning; may be NULL */
    void     (*log)(void *data, int level, const ks_str_t *text);
    void      *data;
} ks_script_conf_t;

#define KS_SCRIPT_TIMEOUT  50
#define KS_SCRIPT_MEMORY   (16u * 1024 * 1024)


/* Adds this layer's commands; after ks_commands_init(). */
int ks_script_init(void);

/* Scripts of the handle run under these rules; the defaults until then. */
void ks_script_configure(ks_space_t *sp, const ks_script_conf_t *conf);

/*
 * For command text, where nothing else marks a script's end: positive if
 * text[0..len) compiles, 0 if it might with more behind it, else negative.
 */
int ks_script_compiles(ks_space_t *sp, const u_char *text, size_t len);

/* Ends the Lua state of the handle; before ks_space_close(). */
void ks_script_close(ks_space_t *sp);


#endif /* KS_SCRIPT_H */
