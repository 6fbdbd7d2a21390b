/*
 * What commands take, as COMMAND DOCS tells it to clients.
 */

#ifndef KS_SYNTAX_H
#define KS_SYNTAX_H

#include "commands/ks_reply.h"


/* The text about a command, "client|kill"; NULL: it takes nothing. */
const char *ks_syntax_of(const char *name);

/* Such a text as an array of arguments, in the form of Redis. */
void ks_syntax_reply(ks_reply_t *r, const char *text);


#endif /* KS_SYNTAX_H */
