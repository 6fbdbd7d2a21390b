/*
 * The rules of ACL SETUSER, and the text that rights are kept as.
 *
 * A rule is applied as it comes.  What it says of commands is both done to the
 * set of commands and kept as it was said, as Redis 7.2 does: the set cannot
 * tell which categories made it.
 */

#include "commands/ks_acl.h"
#include "commands/ks_args.h"

#include <stdlib.h>


#define KS_ACL_BLOCK  2000

struct ks_acl_block_s {
    ks_acl_block_t  *next;
    size_t           used;
    size_t           size;
    u_char           data[];
};


static const char  ks_acl_syntax[] = "Syntax error";

static const char  ks_acl_unknown[] =
    "Unknown command or category name in ACL";

static const char  ks_acl_hash[] =
    "The password hash must be exactly 64 characters and contain only "
    "lowercase hexadecimal characters";

static const char  ks_acl_no_password[] =
    "The password you are trying to remove from the user does not exist";

static const char  ks_acl_after_keys[] =
    "Adding a pattern after the * pattern (or the 'allkeys' flag) is not "
    "valid and does not have any effect. Try 'resetkeys' to start with an "
    "empty list of patterns";

static const char  ks_acl_after_channels[] =
    "Adding a pattern after the * pattern (or the 'allchannels' flag) is not "
    "valid and does not have any effect. Try 'resetchannels' to start with an "
    "empty list of channels";

static const char  ks_acl_first_of_sub[] =
    "Allowing first-arg of a subcommand is not supported";

static const char  ks_acl_nomem[] = "The process has no memory";

const char  ks_acl_unmatched[] = "Unmatched parenthesis in acl selector";


static const char *ks_acl_rule(ks_acl_t *acl, const ks_str_t *op);


/* --- memory --- */

static void *
ks_acl_alloc(ks_acl_t *acl, size_t len)
{
    size_t           size;
    ks_acl_block_t  *b;

    len = ks_align(len, 8);

    if (acl->sp != NULL) {
        return ks_arena_alloc(acl->sp, len);
    }

    b = acl->blocks;

    if (b == NULL || b->size - b->used < len) {
        size = ks_max(len, (size_t) KS_ACL_BLOCK);
        b = malloc(sizeof(ks_acl_block_t) + size);

        if (b == NULL) {
            return NULL;
        }

        b->next = acl->blocks;
        b->used = 0;
        b->size = size;
        acl->blocks = b;
    }

    b->used += len;

    return b->data + b->used - len;
}


void
ks_acl_done(ks_acl_t *acl)
{
    ks_acl_block_t  *b;

    while (acl->blocks != NULL) {
        b = acl->blocks;
        acl->blocks = b->next;
        free(b);
    }
}


/* A copy of the text, with a NUL behind it, at the end of a list; or NULL. */

static ks_acl_item_t *
ks_acl_add(ks_acl_t *acl, ks_acl_item_t **list, const u_char *text, size_t len,
    unsigned bits)
{
    ks_acl_item_t  *item;

    item = ks_acl_alloc(acl, sizeof(ks_acl_item_t) + len + 1);

    if (item == NULL) {
        return NULL;
    }

    item->next = NULL;
    item->bits = bits;
    item->cmd = NULL;
    item->text.len = len;
    item->text.data = (u_char *) (item + 1);

    if (len != 0) {
        memcpy(item->text.data, text, len);
    }

    item->text.data[len] = '\0';

    while (*list != NULL) {
        list = &(*list)->next;
    }

    *list = item;

    return item;
}


static ks_acl_item_t *
ks_acl_find(ks_acl_item_t *list, const ks_str_t *text)
{
    while (list != NULL && !ks_str_same(&list->text, text)) {
        list = list->next;
    }

    return list;
}


static void
ks_acl_lower(ks_str_t *text)
{
    size_t  i;

    for (i = 0; i < text->len; i++) {
        if (text->data[i] >= 'A' && text->data[i] <= 'Z') {
            text->data[i] |= 0x20;
        }
    }
}


static int
ks_acl_has_spaces(const ks_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] == '\0' || s->data[i] == ' '
            || (s->data[i] >= '\t' && s->data[i] <= '\r'))
        {
            return 1;
        }
    }

    return 0;
}


/* --- commands --- */

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

    item = ks_acl_alloc(acl, sizeof(ks_acl_item_t) + len + 1);

    if (item == NULL) {
        return ks_acl_nomem;
    }

    item->next = NULL;
    item->bits = (allow != 0);
    item->cmd = NULL;
    item->text.len = len;
    item->text.data = (u_char *) (item + 1);
    memcpy(item->text.data, text, len);
    item->text.data[len] = '\0';
    ks_acl_lower(&item->text);

    for (p = &s->rules; *p != NULL; /* void */ ) {
        old = &(*p)->text;

        if (old->len >= len && memcmp(old->data, item->text.data, len) == 0
            && (old->len == len || old->data[len] == '|'))
        {
            *p = (*p)->next;

        } else {
            p = &(*p)->next;
        }
    }

    *p = item;

    return NULL;
}


static void
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
        return ks_acl_syntax;
    }

    if (cmd->flags & KS_CMD_PARENT) {
        return ks_acl_unknown;
    }

    if (!ks_acl_first(s, cmd, &first)) {
        item = ks_acl_add(acl, &s->firsts, first.data, first.len, 0);

        if (item == NULL) {
            return ks_acl_nomem;
        }

        item->cmd = cmd;
        ks_acl_lower(&item->text);
    }

    return ks_acl_note(acl, s, name->data, name->len, 1);
}


static const char *
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


/* --- keys and channels --- */

/* What "%RW" says, up to the pattern; KS_ERR: it is no such rule. */

static int
ks_acl_key_bits(const ks_str_t *op, unsigned *bits, size_t *pattern)
{
    size_t    i;
    unsigned  bit;

    if (op->data[0] == '~') {
        *bits = KS_ACL_KEY_READ|KS_ACL_KEY_WRITE;
        *pattern = 1;
        return KS_OK;
    }

    *bits = 0;

    for (i = 1; i < op->len && op->data[i] != '~'; i++) {
        bit = ((op->data[i] | 0x20) == 'r') ? KS_ACL_KEY_READ
              : ((op->data[i] | 0x20) == 'w') ? KS_ACL_KEY_WRITE : 0;

        if (bit == 0 || (*bits & bit)) {
            return KS_ERR;
        }

        *bits |= bit;
    }

    *pattern = i + 1;

    return (i < op->len && *bits != 0) ? KS_OK : KS_ERR;
}


static const char *
ks_acl_key_rule(ks_acl_t *acl, ks_acl_selector_t *s, const ks_str_t *op)
{
    size_t          at;
    unsigned        bits;
    ks_str_t        pattern;
    ks_acl_item_t  *old;

    if (s->all_keys) {
        return ks_acl_after_keys;
    }

    if (ks_acl_key_bits(op, &bits, &at) != KS_OK) {
        return ks_acl_syntax;
    }

    pattern.data = op->data + at;
    pattern.len = op->len - at;

    if (ks_acl_has_spaces(&pattern)) {
        return ks_acl_syntax;
    }

    old = ks_acl_find(s->keys, &pattern);

    if (old != NULL) {
        old->bits |= bits;
        return NULL;
    }

    return ks_acl_add(acl, &s->keys, pattern.data, pattern.len, bits)
           ? NULL : ks_acl_nomem;
}


static const char *
ks_acl_channel_rule(ks_acl_t *acl, ks_acl_selector_t *s, const ks_str_t *op)
{
    ks_str_t  pattern;

    if (s->all_channels) {
        return ks_acl_after_channels;
    }

    pattern.data = op->data + 1;
    pattern.len = op->len - 1;

    if (ks_acl_has_spaces(&pattern)) {
        return ks_acl_syntax;
    }

    if (ks_acl_find(s->channels, &pattern) != NULL) {
        return NULL;
    }

    return ks_acl_add(acl, &s->channels, pattern.data, pattern.len, 0)
           ? NULL : ks_acl_nomem;
}


/* --- a selector --- */

/* "+@all" or "-@all" */

static int
ks_acl_is_all(const ks_str_t *op, u_char sign)
{
    ks_str_t  name;

    if (op->len != 5 || op->data[0] != sign || op->data[1] != '@') {
        return 0;
    }

    name.data = op->data + 2;
    name.len = 3;

    return ks_arg_is(&name, "all");
}


static const char *
ks_acl_selector_rule(ks_acl_t *acl, ks_acl_selector_t *s, const ks_str_t *op)
{
    if (ks_arg_is(op, "allkeys") || ks_arg_is(op, "~*")) {
        s->all_keys = 1;
        s->keys = NULL;

    } else if (ks_arg_is(op, "resetkeys")) {
        s->all_keys = 0;
        s->keys = NULL;

    } else if (ks_arg_is(op, "allchannels") || ks_arg_is(op, "&*")) {
        s->all_channels = 1;
        s->channels = NULL;

    } else if (ks_arg_is(op, "resetchannels")) {
        s->all_channels = 0;
        s->channels = NULL;

    } else if (ks_arg_is(op, "allcommands") || ks_acl_is_all(op, '+')) {
        ks_acl_all_commands(s, 1);

    } else if (ks_arg_is(op, "nocommands") || ks_acl_is_all(op, '-')) {
        ks_acl_all_commands(s, 0);

    } else if (op->len != 0 && (op->data[0] == '~' || op->data[0] == '%')) {
        return ks_acl_key_rule(acl, s, op);

    } else if (op->len != 0 && op->data[0] == '&') {
        return ks_acl_channel_rule(acl, s, op);

    } else if (op->len != 0 && (op->data[0] == '+' || op->data[0] == '-')) {
        return ks_acl_command_rule(acl, s, op);

    } else {
        return ks_acl_syntax;
    }

    return NULL;
}


static int
ks_acl_blank(u_char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}


/* The next word, cut from the text; KS_NONE: there is no more. */

static int
ks_acl_word(ks_str_t *text, ks_str_t *word)
{
    while (text->len != 0 && ks_acl_blank(*text->data)) {
        text->data++;
        text->len--;
    }

    word->data = text->data;

    while (text->len != 0 && !ks_acl_blank(*text->data)) {
        text->data++;
        text->len--;
    }

    word->len = (size_t) (text->data - word->data);

    return word->len ? KS_OK : KS_NONE;
}


/* "(~key* +get)": one more selector, if nothing is wrong with it */

static const char *
ks_acl_selector_add(ks_acl_t *acl, const ks_str_t *op)
{
    ks_str_t             text, word;
    const char          *why;
    ks_acl_selector_t   *s, **p;

    s = ks_acl_alloc(acl, sizeof(ks_acl_selector_t));

    if (s == NULL) {
        return ks_acl_nomem;
    }

    memset(s, 0, sizeof(ks_acl_selector_t));

    text.data = op->data + 1;
    text.len = op->len - 2;

    while (ks_acl_word(&text, &word) == KS_OK) {
        why = ks_acl_selector_rule(acl, s, &word);

        if (why != NULL) {
            return why;
        }
    }

    for (p = &acl->root.next; *p != NULL; p = &(*p)->next) {
        /* void */
    }

    *p = s;

    return NULL;
}


/* --- a user --- */

static int
ks_acl_is_digest(const ks_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (!((s->data[i] >= '0' && s->data[i] <= '9')
              || (s->data[i] >= 'a' && s->data[i] <= 'f')))
        {
            return 0;
        }
    }

    return s->len == KS_ACL_DIGEST;
}


/* ">password", "#digest", and with "<" and "!" the same to be taken away */

static const char *
ks_acl_password_rule(ks_acl_t *acl, const ks_str_t *op)
{
    u_char           hex[KS_ACL_DIGEST];
    ks_str_t         s;
    ks_acl_item_t  **p;

    s.data = op->data + 1;
    s.len = op->len - 1;

    if (op->data[0] == '#' || op->data[0] == '!') {

        if (!ks_acl_is_digest(&s)) {
            return ks_acl_hash;
        }

    } else {

        if (ks_acl_digest(&s, hex) != KS_OK) {
            return ks_acl_nomem;
        }

        s.data = hex;
        s.len = KS_ACL_DIGEST;
    }

    if (op->data[0] == '>' || op->data[0] == '#') {
        acl->nopass = 0;

        if (ks_acl_find(acl->passwords, &s) == NULL
            && ks_acl_add(acl, &acl->passwords, s.data, s.len, 0) == NULL)
        {
            return ks_acl_nomem;
        }

        return NULL;
    }

    for (p = &acl->passwords; *p != NULL; p = &(*p)->next) {
        if (ks_str_same(&(*p)->text, &s)) {
            *p = (*p)->next;
            return NULL;
        }
    }

    return ks_acl_no_password;
}


static void
ks_acl_reset(ks_acl_t *acl)
{
    acl->on = 0;
    acl->nopass = 0;
    acl->unsanitized = 0;
    acl->passwords = NULL;

    memset(&acl->root, 0, sizeof(ks_acl_selector_t));
}


static const char *
ks_acl_rule(ks_acl_t *acl, const ks_str_t *op)
{
    if (op->len == 0) {
        return NULL;                    /* says nothing, as in Redis */
    }

    if (ks_arg_is(op, "on")) {
        acl->on = 1;

    } else if (ks_arg_is(op, "off")) {
        acl->on = 0;

    } else if (ks_arg_is(op, "nopass")) {
        acl->nopass = 1;
        acl->passwords = NULL;

    } else if (ks_arg_is(op, "resetpass")) {
        acl->nopass = 0;
        acl->passwords = NULL;

    } else if (ks_arg_is(op, "sanitize-payload")) {
        acl->unsanitized = 0;

    } else if (ks_arg_is(op, "skip-sanitize-payload")) {
        acl->unsanitized = 1;

    } else if (ks_arg_is(op, "clearselectors")) {
        acl->root.next = NULL;

    } else if (ks_arg_is(op, "reset")) {
        ks_acl_reset(acl);

    } else if (op->data[0] != '\0' && strchr(">#<!", op->data[0]) != NULL) {
        return ks_acl_password_rule(acl, op);

    } else if (op->len > 1 && op->data[0] == '('
               && op->data[op->len - 1] == ')')
    {
        return ks_acl_selector_add(acl, op);

    } else {
        return ks_acl_selector_rule(acl, &acl->root, op);
    }

    return NULL;
}


/*
 * How many of the rules are one: a selector may come in several arguments.  0:
 * its end is missing.  *op is that rule.
 */

static int
ks_acl_merge(ks_acl_t *acl, int n, const ks_str_t *rules, ks_str_t *op)
{
    int      i;
    size_t   len;
    u_char  *p;

    *op = rules[0];

    if (op->len == 0 || op->data[0] != '('
        || op->data[op->len - 1] == ')')
    {
        return 1;
    }

    len = op->len;

    for (i = 1; i < n; i++) {
        len += 1 + rules[i].len;

        if (rules[i].len != 0 && rules[i].data[rules[i].len - 1] == ')') {
            break;
        }
    }

    p = (i < n) ? ks_acl_alloc(acl, len) : NULL;

    if (p == NULL) {
        return 0;
    }

    op->data = p;
    op->len = len;
    n = i + 1;

    for (i = 0; i < n; i++) {

        if (i != 0) {
            *p++ = ' ';
        }

        if (rules[i].len != 0) {
            memcpy(p, rules[i].data, rules[i].len);
            p += rules[i].len;
        }
    }

    return n;
}


const char *
ks_acl_apply(ks_acl_t *acl, int n, const ks_str_t *rules, ks_str_t *bad)
{
    int          i, k;
    ks_str_t     op;
    const char  *why;

    /* an end that is missing is found before anything is done */

    for (i = 0; i < n; i += k) {
        k = ks_acl_merge(acl, n - i, &rules[i], bad);

        if (k == 0) {
            return ks_acl_unmatched;
        }
    }

    for (i = 0; i < n; i += k) {
        k = ks_acl_merge(acl, n - i, &rules[i], &op);
        why = (k == 0) ? ks_acl_nomem : ks_acl_rule(acl, &op);

        if (why != NULL) {
            *bad = op;
            return why;
        }
    }

    return NULL;
}


const char *
ks_acl_parse(ks_acl_t *acl, const ks_str_t *text)
{
    u_char      *p, *end, *last;
    ks_str_t     op;
    const char  *why;

    last = text->data + text->len;

    for (p = text->data; p < last; p = end + 1) {
        end = memchr(p, '\n', (size_t) (last - p));
        end = end ? end : last;

        op.data = p;
        op.len = (size_t) (end - p);
        why = ks_acl_rule(acl, &op);

        if (why != NULL) {
            return why;
        }
    }

    return NULL;
}


int
ks_acl_words(ks_space_t *sp, const ks_str_t *text, ks_str_t **words)
{
    int        n;
    ks_str_t   left, word;

    left = *text;

    for (n = 0; ks_acl_word(&left, &word) == KS_OK; n++) {
        /* void */
    }

    *words = ks_arena_alloc(sp, ((size_t) n + 1) * sizeof(ks_str_t));
    left = *text;

    for (n = 0; ks_acl_word(&left, &(*words)[n]) == KS_OK; n++) {
        /* void */
    }

    return n;
}
