/*
 * What the files that apply the rules of ACL SETUSER have from each other.
 *
 * A function that applies a rule returns what is wrong with it; NULL: nothing.
 */

#ifndef KS_ACL_RULE_H
#define KS_ACL_RULE_H

#include "commands/ks_acl.h"


#define KS_ACL_SYNTAX  "Syntax error"
#define KS_ACL_NOMEM   "The process has no memory"


/* --- ks_acl_item.c --- */

/* Memory that lives as long as the rights; NULL: there is none. */
void *ks_acl_alloc(ks_acl_t *acl, size_t len);

/* A copy of the text, with a NUL behind it, at the end of a list; or NULL. */
ks_acl_item_t *ks_acl_add(ks_acl_t *acl, ks_acl_item_t **list,
    const u_char *text, size_t len, unsigned bits);

/* The item with that text; NULL: the list has none. */
ks_acl_item_t *ks_acl_find(ks_acl_item_t *list, const ks_str_t *text);

void ks_acl_lower(ks_str_t *text);

/* --- ks_acl_rule_commands.c --- */

/* "allcommands" and "nocommands" */
void ks_acl_all_commands(ks_acl_selector_t *s, int allow);

/* "+get", "-@write", "+config|get": any other rule that begins with a sign */
const char *ks_acl_command_rule(ks_acl_t *acl, ks_acl_selector_t *s,
    const ks_str_t *op);


#endif /* KS_ACL_RULE_H */
