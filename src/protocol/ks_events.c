/*
 * Events for browsers: the two forms, and what in them is escaped.
 */

#include "protocol/ks_events.h"
#include "types/ks_utf8.h"
#include "protocol/ks_websocket.h"


#define KS_TEXT_ROOM    512             /* bytes to begin with */
#define KS_REPLACEMENT  "\xef\xbf\xbd"  /* U+FFFD */

#define ks_text_lit(t, s)  ks_text_put(t, s, sizeof(s) - 1)


/* --- texts that grow --- */

static u_char *
ks_text_room(ks_text_t *t, size_t len)
{
    size_t   room;
    u_char  *p;

    if (t->failed) {
        return NULL;
    }

    if (t->len + len > t->room) {
        room = ks_max(t->room * 2, (size_t) KS_TEXT_ROOM);
        room = ks_max(room, t->len + len);
        p = realloc(t->data, room);

        if (p == NULL) {
            t->failed = 1;
            return NULL;
        }

        t->data = p;
        t->room = room;
    }

    return t->data + t->len;
}


void
ks_text_put(ks_text_t *t, const void *p, size_t len)
{
    u_char  *to;

    to = ks_text_room(t, len);

    if (to != NULL && len != 0) {
        memcpy(to, p, len);
        t->len += len;
    }
}


/*
 * How many bytes from p on are plain: no control character, none of two more,
 * and all of it UTF-8.
 */

static size_t
ks_text_plain(const u_char *p, const u_char *end, u_char one, u_char two)
{
    int            n;
    const u_char  *at;

    for (at = p; at < end; at += n) {
        n = 1;

        if (*at < 0x20 || *at == one || *at == two) {
            break;
        }

        if (*at >= 0x80) {
            n = ks_utf8_check(at, (size_t) (end - at));

            if (n <= 0) {
                break;
            }
        }
    }

    return (size_t) (at - p);
}


/* --- JSON --- */

static void
ks_text_escape(ks_text_t *t, u_char c)
{
    unsigned           code;
    char               text[6] = "\\u";
    static const char  hex[] = "0123456789abcdef";

    if (c == '"' || c == '\\') {
        text[1] = (char) c;
        ks_text_put(t, text, 2);
        return;
    }

    code = (c >= 0x80) ? 0xdc00u + c : c;

    text[2] = hex[code >> 12];
    text[3] = hex[(code >> 8) & 0x0f];
    text[4] = hex[(code >> 4) & 0x0f];
    text[5] = hex[code & 0x0f];
    ks_text_put(t, text, 6);
}


void
ks_text_json(ks_text_t *t, const ks_str_t *s)
{
    size_t         n;
    const u_char  *p, *end;

    p = s->data;
    end = p + s->len;

    ks_text_lit(t, "\"");

    while (p < end) {
        n = ks_text_plain(p, end, '"', '\\');
        ks_text_put(t, p, n);
        p += n;

        if (p < end) {
            ks_text_escape(t, *p++);
        }
    }

    ks_text_lit(t, "\"");
}


static void
ks_text_object(ks_text_t *t, const ks_str_t *fields, size_t n)
{
    size_t  i;

    ks_text_lit(t, "{");

    for (i = 0; i + 1 < n; i += 2) {

        if (i != 0) {
            ks_text_lit(t, ",");
        }

        ks_text_json(t, &fields[i]);
        ks_text_lit(t, ":");
        ks_text_json(t, &fields[i + 1]);
    }

    ks_text_lit(t, "}");
}


/* --- lines --- */

/* U+FFFD for what a line cannot have; a tab only is what it is */

static void
ks_text_line(ks_text_t *t, const u_char *p, const u_char *end, unsigned name)
{
    size_t  n;

    while (p < end) {
        n = ks_text_plain(p, end, 0x7f, 0x7f);
        ks_text_put(t, p, n);
        p += n;

        if (p == end) {
            break;
        }

        if (name || *p >= 0x80) {
            ks_text_lit(t, KS_REPLACEMENT);

        } else {
            ks_text_put(t, p, 1);
        }

        p++;
    }
}


/* A line ends with CR, LF, or both; each gets the name of the field. */

static void
ks_text_lines(ks_text_t *t, const ks_str_t *s)
{
    const u_char  *p, *at, *end;

    p = s->data;
    end = p + s->len;

    for ( ;; ) {

        for (at = p; at < end && *at != '\n' && *at != '\r'; at++) {
            /* void */
        }

        ks_text_lit(t, "data: ");
        ks_text_line(t, p, at, 0);
        ks_text_lit(t, "\n");

        if (at == end) {
            return;
        }

        p = at + ((*at == '\r' && at + 1 < end && at[1] == '\n') ? 2 : 1);
    }
}


/* --- events --- */

void
ks_event_sse(ks_text_t *t, const ks_event_of_t *e)
{
    if (e->id.len != 0) {
        ks_text_lit(t, "id: ");
        ks_text_put(t, e->id.data, e->id.len);
        ks_text_lit(t, "\n");
    }

    if (e->name.len != 0) {
        ks_text_lit(t, "event: ");
        ks_text_line(t, e->name.data, e->name.data + e->name.len, 1);
        ks_text_lit(t, "\n");
    }

    if (e->data == KS_DATA_FIELDS) {
        ks_text_lit(t, "data: ");
        ks_text_object(t, e->fields, e->nfields);
        ks_text_lit(t, "\n");

    } else if (e->data == KS_DATA_TEXT) {
        ks_text_lines(t, &e->text);
    }

    ks_text_lit(t, "\n");
}


void
ks_event_json(ks_text_t *t, const ks_event_of_t *e)
{
    const char  *before;

    before = "{";

    if (e->id.len != 0) {
        ks_text_lit(t, "{\"id\":");
        ks_text_json(t, &e->id);
        before = ",";
    }

    if (e->name.len != 0) {
        ks_text_put(t, before, 1);
        ks_text_lit(t, "\"event\":");
        ks_text_json(t, &e->name);
        before = ",";
    }

    if (e->data != KS_DATA_NONE) {
        ks_text_put(t, before, 1);
        ks_text_lit(t, "\"data\":");

        if (e->data == KS_DATA_FIELDS) {
            ks_text_object(t, e->fields, e->nfields);

        } else {
            ks_text_json(t, &e->text);
        }
    }

    ks_text_lit(t, "}");
}


/* The header is written when it is known how long the payload is. */

void
ks_event_frame(ks_text_t *t, const ks_event_of_t *e)
{
    size_t   at, len, size;
    u_char  *p;

    at = t->len;

    ks_text_put(t, "0123456789", KS_WS_HEADER_MAX);
    ks_event_json(t, e);

    if (t->failed) {
        return;
    }

    len = t->len - at - KS_WS_HEADER_MAX;
    size = ks_ws_header_size(len);
    p = t->data + at;

    (void) ks_ws_header(p, KS_WS_TEXT, len);
    memmove(p + size, p + KS_WS_HEADER_MAX, len);
    t->len = at + size + len;
}


/* --- messages --- */

static ks_bytes_t *
ks_push_make(const ks_push_t *push, ks_form_kind_t form)
{
    ks_text_t       t;
    ks_bytes_t     *b;
    ks_event_of_t   e;

    ks_str_t  fields[4] = {
        ks_str("channel"), push->channel, ks_str("message"), push->text
    };

    memset(&t, 0, sizeof(t));
    memset(&e, 0, sizeof(e));

    if (push->kind == KS_PUSH_PMESSAGE || form == KS_FORM_JSON_EVENT
        || form == KS_FORM_JSON_FRAME)
    {
        e.data = KS_DATA_FIELDS;
        e.fields = fields;
        e.nfields = 4;

    } else {
        e.data = KS_DATA_TEXT;
        e.text = push->text;
    }

    if (form == KS_FORM_TEXT_EVENT || form == KS_FORM_JSON_EVENT) {
        ks_event_sse(&t, &e);

    } else {
        ks_event_frame(&t, &e);
    }

    b = t.failed ? NULL : ks_bytes_new(t.len);

    if (b != NULL) {
        memcpy(b->data, t.data, t.len);
    }

    free(t.data);

    return b;
}


ks_bytes_t *
ks_push_event(ks_push_t *push, ks_form_kind_t form)
{
    if (push->forms[form] == NULL) {
        push->forms[form] = ks_push_make(push, form);
    }

    return push->forms[form];
}
