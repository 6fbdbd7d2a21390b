
/*
 * The language of Keyspace-Session headers:
 *
 *   header  = action *( "," action )
 *   action  = "set" pair *( ";" pair )  /  "unset" name *( ";" name )
 *           / "renew"  /  "remember"  /  "destroy"  /  "destroy-all"
 *   pair    = name "=" value
 *
 * Names and values are percent-encoded: visible ASCII without "%", ";" and ","
 * stands for itself, and in a name there is no "=".  A header that is not like
 * that says nothing at all.
 */


#include "ngx_http_keyspace_session.h"


#define NGX_HTTP_KEYSPACE_SESSION_EDITS  256    /* of one response */


/* a header on its way */

typedef struct {
    ngx_pool_t                           *pool;
    u_char                               *pos;
    u_char                               *last;
    ngx_http_keyspace_session_changes_t  *changes;
} ngx_http_keyspace_session_text_t;


static const char *ngx_http_keyspace_session_action(
    ngx_http_keyspace_session_text_t *t);
static const char *ngx_http_keyspace_session_edits(
    ngx_http_keyspace_session_text_t *t, ngx_uint_t unset);
static const char *ngx_http_keyspace_session_edit(
    ngx_http_keyspace_session_text_t *t, ngx_uint_t unset);
static ngx_str_t ngx_http_keyspace_session_word(
    ngx_http_keyspace_session_text_t *t, const char *stops);
static ngx_int_t ngx_http_keyspace_session_decode(
    ngx_http_keyspace_session_text_t *t, ngx_str_t *word, ks_str_t *to);
static ngx_int_t ngx_http_keyspace_session_digit(u_char c);
static void ngx_http_keyspace_session_blanks(
    ngx_http_keyspace_session_text_t *t);


const char *
ngx_http_keyspace_session_parse(ngx_pool_t *pool, ngx_str_t *header,
    ngx_http_keyspace_session_changes_t *ch)
{
    const char                           *wrong;
    ngx_uint_t                            i;
    ks_session_edit_t                    *edit, *old;
    ngx_http_keyspace_session_text_t      t;
    ngx_http_keyspace_session_changes_t   next;

    /* the changes with those of the header, which come into force as one */

    next = *ch;

    if (ngx_array_init(&next.edits, pool, ch->edits.nelts + 4,
                       sizeof(ks_session_edit_t))
        != NGX_OK)
    {
        return "no memory";
    }

    old = ch->edits.elts;

    for (i = 0; i < ch->edits.nelts; i++) {
        edit = ngx_array_push(&next.edits);
        if (edit == NULL) {
            return "no memory";
        }

        *edit = old[i];
    }

    t.pool = pool;
    t.pos = header->data;
    t.last = header->data + header->len;
    t.changes = &next;

    for ( ;; ) {
        wrong = ngx_http_keyspace_session_action(&t);

        if (wrong != NULL) {
            return wrong;
        }

        if (t.pos == t.last) {
            *ch = next;
            return NULL;
        }

        if (*t.pos++ != ',') {
            return "something follows an action";
        }
    }
}


static const char *
ngx_http_keyspace_session_action(ngx_http_keyspace_session_text_t *t)
{
    ngx_str_t                             word;
    ngx_http_keyspace_session_changes_t  *ch;

    ch = t->changes;
    word = ngx_http_keyspace_session_word(t, " \t,;");
    ngx_http_keyspace_session_blanks(t);

    if (word.len == 3 && ngx_strncasecmp(word.data, (u_char *) "set", 3) == 0)
    {
        return ngx_http_keyspace_session_edits(t, 0);
    }

    if (word.len == 5
        && ngx_strncasecmp(word.data, (u_char *) "unset", 5) == 0)
    {
        return ngx_http_keyspace_session_edits(t, 1);
    }

    if (word.len == 5
        && ngx_strncasecmp(word.data, (u_char *) "renew", 5) == 0)
    {
        ch->renew = 1;
        return NULL;
    }

    if (word.len == 8
        && ngx_strncasecmp(word.data, (u_char *) "remember", 8) == 0)
    {
        /* the browser has to be given a cookie that lasts */

        ch->remember = 1;
        ch->renew = 1;
        return NULL;
    }

    if ((word.len == 7
         && ngx_strncasecmp(word.data, (u_char *) "destroy", 7) == 0)
        || (word.len == 11
            && ngx_strncasecmp(word.data, (u_char *) "destroy-all", 11) == 0))
    {
        /* of what was asked for before nothing is left */

        ch->destroy = 1;
        ch->all |= (word.len == 11);
        ch->renew = 0;
        ch->remember = 0;
        ch->sets = 0;
        ch->edits.nelts = 0;
        return NULL;
    }

    return "no such action";
}


static const char *
ngx_http_keyspace_session_edits(ngx_http_keyspace_session_text_t *t,
    ngx_uint_t unset)
{
    const char  *wrong;

    for ( ;; ) {
        wrong = ngx_http_keyspace_session_edit(t, unset);

        if (wrong != NULL) {
            return wrong;
        }

        if (t->pos == t->last || *t->pos != ';') {
            return NULL;
        }

        t->pos++;
    }
}


static const char *
ngx_http_keyspace_session_edit(ngx_http_keyspace_session_text_t *t,
    ngx_uint_t unset)
{
    ngx_str_t           word;
    ks_session_edit_t  *edit;

    if (t->changes->edits.nelts == NGX_HTTP_KEYSPACE_SESSION_EDITS) {
        return "too many fields";
    }

    edit = ngx_array_push(&t->changes->edits);
    if (edit == NULL) {
        return "no memory";
    }

    ngx_memzero(edit, sizeof(ks_session_edit_t));
    edit->unset = unset;

    word = ngx_http_keyspace_session_word(t, " \t,;=");

    if (ngx_http_keyspace_session_decode(t, &word, &edit->field) != NGX_OK) {
        return "a name is not percent-encoded";
    }

    if (edit->field.len == 0) {
        return "a field has no name";
    }

    if (edit->field.data[0] == '_') {
        return "names that begin with \"_\" are reserved";
    }

    if (!unset) {
        if (t->pos == t->last || *t->pos++ != '=') {
            return "a field has no value";
        }

        word = ngx_http_keyspace_session_word(t, " \t,;");

        if (ngx_http_keyspace_session_decode(t, &word, &edit->value) != NGX_OK)
        {
            return "a value is not percent-encoded";
        }

        t->changes->sets = 1;
    }

    ngx_http_keyspace_session_blanks(t);

    return NULL;
}


/* What there is, behind blanks, before any of these. */

static ngx_str_t
ngx_http_keyspace_session_word(ngx_http_keyspace_session_text_t *t,
    const char *stops)
{
    ngx_str_t  word;

    ngx_http_keyspace_session_blanks(t);

    word.data = t->pos;

    while (t->pos < t->last
           && (*t->pos == '\0' || ngx_strchr(stops, *t->pos) == NULL))
    {
        t->pos++;
    }

    word.len = t->pos - word.data;

    return word;
}


static ngx_int_t
ngx_http_keyspace_session_decode(ngx_http_keyspace_session_text_t *t,
    ngx_str_t *word, ks_str_t *to)
{
    u_char     *p;
    size_t      i;
    ngx_int_t   high, low;

    to->len = 0;
    to->data = ngx_pnalloc(t->pool, word->len + 1);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < word->len; i++) {
        p = &word->data[i];

        if (*p <= ' ' || *p >= 0x7f) {
            return NGX_ERROR;
        }

        if (*p != '%') {
            to->data[to->len++] = *p;
            continue;
        }

        if (word->len - i < 3) {
            return NGX_ERROR;
        }

        high = ngx_http_keyspace_session_digit(p[1]);
        low = ngx_http_keyspace_session_digit(p[2]);

        if (high == NGX_ERROR || low == NGX_ERROR) {
            return NGX_ERROR;
        }

        to->data[to->len++] = (u_char) (high << 4 | low);
        i += 2;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_keyspace_session_digit(u_char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : NGX_ERROR;
}


static void
ngx_http_keyspace_session_blanks(ngx_http_keyspace_session_text_t *t)
{
    while (t->pos < t->last && (*t->pos == ' ' || *t->pos == '\t')) {
        t->pos++;
    }
}
