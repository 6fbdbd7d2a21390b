/*
 * The handlers that the rows of this layer name; what a handler may assume is
 * said in commands/ks_handlers.h.
 */

#ifndef KS_SCRIPT_HANDLERS_H
#define KS_SCRIPT_HANDLERS_H

#include "commands/ks_command.h"


void ks_handle_eval(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_evalsha(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_kill(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_script_exists(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_script_flush(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_script_help(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_script_load(ks_ctx_t *c, int argc, ks_str_t *argv);

void ks_handle_fcall(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_function_delete(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_function_dump(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_function_flush(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_function_help(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_function_list(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_function_load(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_function_restore(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_handle_function_stats(ks_ctx_t *c, int argc, ks_str_t *argv);


#endif /* KS_SCRIPT_HANDLERS_H */
