/*
 * Where the layer of scripts puts its commands: rows of the table can only
 * name functions of their own layer and below.
 */

#ifndef KS_SCRIPTING_H
#define KS_SCRIPTING_H

#include "commands/ks_command.h"


typedef struct {
    ks_handler_pt  eval;
    ks_handler_pt  eval_ro;
    ks_handler_pt  evalsha;
    ks_handler_pt  evalsha_ro;
    ks_handler_pt  script_exists;
    ks_handler_pt  script_flush;
    ks_handler_pt  script_kill;
    ks_handler_pt  script_load;
    ks_handler_pt  fcall;
    ks_handler_pt  fcall_ro;
    ks_handler_pt  function_delete;
    ks_handler_pt  function_dump;
    ks_handler_pt  function_flush;
    ks_handler_pt  function_kill;
    ks_handler_pt  function_list;
    ks_handler_pt  function_load;
    ks_handler_pt  function_restore;
    ks_handler_pt  function_stats;
} ks_scripting_t;

extern ks_scripting_t  ks_scripting;    /* set once, before any command */


#endif /* KS_SCRIPTING_H */
