/*
 * Rights as text: what ACL LIST and GETUSER show, and what is kept of a user.
 */

#include "commands/ks_acl.h"
#include "commands/ks_args.h"


/* a text that grows in the arena */
typedef struct {
    ks_space_t  *sp;
    u_char      *data;
    size_t       len;
    size_t       room;
    unsigned     begun:1;       /* the next word is not the first */
    unsigned     kept:1;        /* to be read again, not to be shown */
} ks_acl_out_t;


static void
ks_acl_put(ks_acl_out_t *out, const void *p, size_t len)
{
    size_t   room;
    u_char  *data;

    if (len > out->room - out->len) {
        room = ks_max(out->room * 2, out->len + len + 128);
        data = ks_arena_alloc(out->sp, room);

        if (out->len != 0) {
            memcpy(data, out->data, out->len);
        }

        out->data = data;
        out->room = room;
    }

    if (len != 0) {
        memcpy(out->data + out->len, p, len);
        out->len += len;
    }
}


/* Something that a separator comes before, unless it is the first. */

static void
ks_acl_put_word(ks_acl_out_t *out, u_char between, const char *prefix,
    const ks_str_t *text)
{
    if (out->begun) {
        ks_acl_put(out, &between, 1);
    }

    out->begun = 1;
    ks_acl_put(out, prefix, strlen(prefix));

    if (text != NULL) {
        ks_acl_put(out, text->data, text->len);
    }
}


static ks_acl_out_t
ks_acl_out(ks_space_t *sp)
{
    ks_acl_out_t  out;

    memset(&out, 0, sizeof(out));
    out.sp = sp;

    return out;
}


static ks_str_t
ks_acl_out_text(ks_acl_out_t *out)
{
    ks_str_t  s;

    ks_acl_put(out, "", 1);

    s.data = out->data;
    s.len = out->len - 1;

    return s;
}


/* "~*" is shown of a pattern, too, but is read as something else */

static const char *
ks_acl_key_prefix(const ks_acl_out_t *out, const ks_acl_item_t *p)
{
    switch (p->bits) {

    case KS_ACL_KEY_READ:
        return "%R~";

    case KS_ACL_KEY_WRITE:
        return "%W~";

    default:
        return (out->kept && p->text.len == 1 && p->text.data[0] == '*')
               ? "%RW~" : "~";
    }
}


static void
ks_acl_put_keys(ks_acl_out_t *out, const ks_acl_selector_t *s, u_char between)
{
    const ks_acl_item_t  *p;

    if (s->all_keys) {
        ks_acl_put_word(out, between, "~*", NULL);
        return;
    }

    for (p = s->keys; p != NULL; p = p->next) {
        ks_acl_put_word(out, between, ks_acl_key_prefix(out, p), &p->text);
    }
}


static void
ks_acl_put_channels(ks_acl_out_t *out, const ks_acl_selector_t *s,
    u_char between)
{
    const ks_acl_item_t  *p;

    if (s->all_channels) {
        ks_acl_put_word(out, between, "&*", NULL);
        return;
    }

    for (p = s->channels; p != NULL; p = p->next) {
        ks_acl_put_word(out, between, "&", &p->text);
    }
}


static void
ks_acl_put_commands(ks_acl_out_t *out, const ks_acl_selector_t *s,
    u_char between)
{
    const ks_acl_item_t  *p;

    ks_acl_put_word(out, between, s->open ? "+@all" : "-@all", NULL);

    for (p = s->rules; p != NULL; p = p->next) {
        ks_acl_put_word(out, between, p->bits ? "+" : "-", &p->text);
    }
}


static void
ks_acl_put_selector(ks_acl_out_t *out, const ks_acl_selector_t *s,
    u_char between)
{
    ks_acl_put_keys(out, s, between);

    if (!s->all_channels) {
        ks_acl_put_word(out, between, "resetchannels", NULL);
    }

    ks_acl_put_channels(out, s, between);
    ks_acl_put_commands(out, s, between);
}


ks_str_t
ks_acl_text_keys(const ks_acl_selector_t *s, ks_space_t *sp)
{
    ks_acl_out_t  out;

    out = ks_acl_out(sp);
    ks_acl_put_keys(&out, s, ' ');

    return ks_acl_out_text(&out);
}


ks_str_t
ks_acl_text_channels(const ks_acl_selector_t *s, ks_space_t *sp)
{
    ks_acl_out_t  out;

    out = ks_acl_out(sp);
    ks_acl_put_channels(&out, s, ' ');

    return ks_acl_out_text(&out);
}


ks_str_t
ks_acl_text_commands(const ks_acl_selector_t *s, ks_space_t *sp)
{
    ks_acl_out_t  out;

    out = ks_acl_out(sp);
    ks_acl_put_commands(&out, s, ' ');

    return ks_acl_out_text(&out);
}


ks_str_t
ks_acl_text(const ks_acl_t *acl, ks_space_t *sp, u_char between)
{
    ks_acl_out_t              out;
    const ks_acl_item_t      *p;
    const ks_acl_selector_t  *s;

    out = ks_acl_out(sp);
    out.kept = (between == '\n');

    ks_acl_put_word(&out, between, acl->on ? "on" : "off", NULL);

    if (acl->nopass) {
        ks_acl_put_word(&out, between, "nopass", NULL);
    }

    ks_acl_put_word(&out, between, acl->unsanitized ? "skip-sanitize-payload"
                                                    : "sanitize-payload",
                    NULL);

    for (p = acl->passwords; p != NULL; p = p->next) {
        ks_acl_put_word(&out, between, "#", &p->text);
    }

    ks_acl_put_selector(&out, &acl->root, between);

    for (s = acl->root.next; s != NULL; s = s->next) {
        ks_acl_put_word(&out, between, "(", NULL);
        out.begun = 0;
        ks_acl_put_selector(&out, s, ' ');
        ks_acl_put(&out, ")", 1);
    }

    return ks_acl_out_text(&out);
}
