
/*
 * Which build this is: a version, and a number made of the sources.
 *
 * nginx opens a module by its path, and a path that is open already gives the
 * code that is in memory: a module that was installed anew takes part after a
 * restart or an upgrade of the binary, and not after a reload.
 */


#ifndef _NGX_KEYSPACE_BUILD_H_INCLUDED_
#define _NGX_KEYSPACE_BUILD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include "commands/ks_command.h"


/* what builds it gives the number */

#ifndef KS_BUILD
#define KS_BUILD  unknown
#endif

#define NGX_KEYSPACE_QUOTE(x)   #x
#define NGX_KEYSPACE_TEXT(x)    NGX_KEYSPACE_QUOTE(x)

#define NGX_KEYSPACE_BUILD                                                    \
    KS_VERSION " build " NGX_KEYSPACE_TEXT(KS_BUILD)


/* Is the other object that says so of the same build as the engine? */
ngx_uint_t ngx_keyspace_same_build(const char *build);

/* In the log: the build of the engine, and at a reload the one on the disk. */
void ngx_keyspace_tell_build(ngx_cycle_t *cycle);


#endif /* _NGX_KEYSPACE_BUILD_H_INCLUDED_ */
