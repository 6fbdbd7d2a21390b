/*
 * The rules of ACL SETUSER, and the text that rights are kept as.
 *
 * A rule is applied as it comes.  What it says of commands is the matter of
 * ks_acl_rule_commands.c.
 */

#include "commands/ks_acl_rule.h"
#include "commands/ks_args.h"


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

const char  ks_acl_unmatched[] = "Unmatched parenthesis in acl selector";


static const char *ks_acl_rule(ks_acl_t *acl, const ks_str_t *op);


/* --- keys and channels --- */

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
        return KS_ACL_SYNTAX;
    }

    pattern.data = op->data + at;
    pattern.len = op->len - at;

    if (ks_acl_has_spaces(&pattern)) {
        return KS_ACL_SYNTAX;
    }

    old = ks_acl_find(s->keys, &pattern);

    if (old != NULL) {
        old->bits |= bits;
        return NULL;
    }

    return ks_acl_add(acl, &s->keys, pattern.data, pattern.len, bits)
           ? NULL : KS_ACL_NOMEM;
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
        return KS_ACL_SYNTAX;
    }

    if (ks_acl_find(s->channels, &pattern) != NULL) {
        return NULL;
    }

    return ks_acl_add(acl, &s->channels, pattern.data, pattern.len, 0)
           ? NULL : KS_ACL_NOMEM;
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
        return KS_ACL_SYNTAX;
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
        return KS_ACL_NOMEM;
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
            return KS_ACL_NOMEM;
        }

        s.data = hex;
        s.len = KS_ACL_DIGEST;
    }

    if (op->data[0] == '>' || op->data[0] == '#') {
        acl->nopass = 0;

        if (ks_acl_find(acl->passwords, &s) == NULL
            && ks_acl_add(acl, &acl->passwords, s.data, s.len, 0) == NULL)
        {
            return KS_ACL_NOMEM;
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
        why = (k == 0) ? KS_ACL_NOMEM : ks_acl_rule(acl, &op);

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
