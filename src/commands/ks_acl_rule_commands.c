/*
 * What the rules of ACL SETUSER say of commands and categories.
 *
 * A rule is both applied to the set of commands and kept as it was said, as
 * Redis 7.2 does: the set cannot tell which categories made it.
 */

#include "commands/ks_acl_rule.h"


static const char  ks_acl_unknown[] =
    "Unknown command or category name in ACL";

static const char  ks_acl_first_of_sub[] =
    "Allowing first-arg of a subcommand is not supported";


static void
ks_acl_firsts_drop(ks_acl_selector_t *s, const ks_command_t *cmd)
{
    ks_acl_item_t  **p;

    for (p = &s->firsts; *p != NULL; /* void */ ) {
        if ((*p)->cmd == cmd) {
            *p = (*p)->next;

        } else {
            p = &(*p)->next;
        }
    }
}


static void
ks_acl_bit(ks_acl_selector_t *s, const ks_command_t *cmd, int allow)
{
    size_t    n;
    uint64_t  bit;

    n = ks_command_number(cmd);
    bit = 1ull << n % 64;

    if (allow) {
        s->commands[n / 64] |= bit;

    } else {
        s->commands[n / 64] &= ~bit;
        s->all_commands = 0;
    }

    ks_acl_firsts_drop(s, cmd);
}


/* a command, and its subcommands with it */

static void
ks_acl_change(ks_acl_selector_t *s, const ks_command_t *cmd, int allow)
{
    const ks_command_t  *sub;

    ks_acl_bit(s, cmd, allow);

    if (!(cmd->flags & KS_CMD_PARENT)) {
        return;
    }

    for (sub = ks_command_sub(cmd, NULL);
         sub != NULL;
         sub = ks_command_sub(cmd, sub))
    {
        ks_acl_bit(s, sub, allow);
    }
}


/*
 * The rule in its place at the end.  What was said before of the same command,
 * or of a part of it, has no effect any more, and goes.
 */

static const char *
ks_acl_note(ks_acl_t *acl, ks_acl_selector_t *s, const u_char *text,
    size_t len, int allow)
{
    ks_str_t        *old;
    ks_acl_item_t   *item, **p;

    item = ks_acl_add(acl, &s->rules, text, len, allow != 0);

    if (item == NULL) {
        return KS_ACL_NOMEM;
    }

    ks_acl_lower(&item->text);

    for (p = &s->rules; *p != item; /* void */ ) {
        old = &(*p)->text;

        if (old->len >= len && memcmp(old->data, item->text.data, len) == 0
            && (old->len == len || old->data[len] == '|'))
        {
            *p = (*p)->next;

        } else {
            p = &(*p)->next;
        }
    }

    return NULL;
}


void
ks_acl_all_commands(ks_acl_selector_t *s, int allow)
{
    memset(s->commands, allow ? 0xff : 0, sizeof(s->commands));
    s->all_commands = (allow != 0);
    s->open = (allow != 0);
    s->firsts = NULL;
    s->rules = NULL;
}


static const char *
ks_acl_category_rule(ks_acl_t *acl, ks_acl_selector_t *s, const ks_str_t *op)
{
    int                  allow;
    size_t               i;
    unsigned             category;
    ks_str_t             name;
    const ks_command_t  *cmd;

    allow = (op->data[0] == '+');
    name.data = op->data + 2;
    name.len = op->len - 2;
    category = ks_acl_category(&name);

    if (category == 0) {
        return ks_acl_unknown;
    }

    for (i = 0; (cmd = ks_command_row(i)) != NULL; i++) {
        if (ks_command_acl(cmd) & category) {
            ks_acl_change(s, cmd, allow);
        }
    }

    return ks_acl_note(acl, s, op->data + 1, op->len - 1, allow);
}


/* "+get|key": what follows the last bar is no subcommand */

static const char *
ks_acl_first_rule(ks_acl_t *acl, ks_acl_selector_t *s, const ks_str_t *name)
{
    u_char              *bar;
    ks_str_t             command, first;
    ks_acl_item_t       *item;
    const ks_command_t  *cmd;

    for (bar = name->data + name->len - 1; *bar != '|'; bar--) {
        /* void */
    }

    command.data = name->data;
    command.len = (size_t) (bar - name->data);
    first.data = bar + 1;
    first.len = name->len - command.len - 1;

    cmd = ks_command_named(&command);

    if (cmd == NULL) {
        return ks_acl_unknown;
    }

    if (cmd->flags & KS_CMD_SUB) {
        return ks_acl_first_of_sub;
    }

    if (first.len == 0) {
        return KS_ACL_SYNTAX;
    }

    if (cmd->flags & KS_CMD_PARENT) {
        return ks_acl_unknown;
    }

    if (!ks_acl_first(s, cmd, &first)) {
        item = ks_acl_add(acl, &s->firsts, first.data, first.len, 0);

        if (item == NULL) {
            return KS_ACL_NOMEM;
        }

        item->cmd = cmd;
        ks_acl_lower(&item->text);
    }

    return ks_acl_note(acl, s, name->data, name->len, 1);
}


const char *
ks_acl_command_rule(ks_acl_t *acl, ks_acl_selector_t *s, const ks_str_t *op)
{
    int                  allow;
    ks_str_t             name;
    const ks_command_t  *cmd;

    if (op->len > 1 && op->data[1] == '@') {
        return ks_acl_category_rule(acl, s, op);
    }

    allow = (op->data[0] == '+');
    name.data = op->data + 1;
    name.len = op->len - 1;
    cmd = ks_command_named(&name);

    if (cmd == NULL) {
        if (allow && name.len != 0
            && memchr(name.data, '|', name.len) != NULL)
        {
            return ks_acl_first_rule(acl, s, &name);
        }

        return ks_acl_unknown;
    }

    ks_acl_change(s, cmd, allow);

    return ks_acl_note(acl, s, name.data, name.len, allow);
}
