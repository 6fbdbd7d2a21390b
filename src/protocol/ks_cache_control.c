/*
 * Reading Cache-Control; see the header.
 */

#include <string.h>
#include <strings.h>

#include "protocol/ks_cache_control.h"


typedef enum {
    KS_CC_MAX_AGE = 0,
    KS_CC_S_MAXAGE,
    KS_CC_MIN_FRESH,
    KS_CC_MAX_STALE,
    KS_CC_STALE_WHILE_REVALIDATE,
    KS_CC_STALE_IF_ERROR,
    KS_CC_NO_CACHE,
    KS_CC_PRIVATE,
    KS_CC_NO_STORE,
    KS_CC_PUBLIC,
    KS_CC_MUST_REVALIDATE,
    KS_CC_PROXY_REVALIDATE,
    KS_CC_MUST_UNDERSTAND,
    KS_CC_ONLY_IF_CACHED
} ks_cc_name_t;

/* in that order */
static const char *const  ks_cc_names[] = {
    "max-age", "s-maxage", "min-fresh", "max-stale",
    "stale-while-revalidate", "stale-if-error", "no-cache", "private",
    "no-store", "public", "must-revalidate", "proxy-revalidate",
    "must-understand", "only-if-cached"
};

/* a directive, or a member of a dictionary */
typedef struct {
    ks_str_t  name;
    ks_str_t  value;
    unsigned  valued:1;         /* there is a "=" */
    unsigned  quoted:1;
    unsigned  spoiled:1;        /* there is more than that */
    unsigned  denied:1;         /* the value is a boolean, false */
} ks_cc_word_t;

typedef struct {
    u_char   *p;
    u_char   *end;
} ks_cc_in_t;


static int
ks_cc_is_token(u_char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9')
           || (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}


static int
ks_cc_is_blank(u_char c)
{
    return c == ' ' || c == '\t';
}


static void
ks_cc_blanks(ks_cc_in_t *in)
{
    while (in->p < in->end && ks_cc_is_blank(*in->p)) {
        in->p++;
    }
}


static ks_str_t
ks_cc_token(ks_cc_in_t *in)
{
    ks_str_t  s;

    s.data = in->p;

    while (in->p < in->end && ks_cc_is_token(*in->p)) {
        in->p++;
    }

    s.len = (size_t) (in->p - s.data);

    return s;
}


/* Up to the quote that ends it; what is escaped stays as it is. */

static int
ks_cc_quoted(ks_cc_in_t *in, ks_str_t *s)
{
    s->data = ++in->p;

    for ( /* void */ ; in->p < in->end && *in->p != '"'; in->p++) {
        if (*in->p == '\\' && in->p + 1 < in->end) {
            in->p++;
        }
    }

    s->len = (size_t) (in->p - s->data);

    if (in->p == in->end) {
        return KS_ERR;
    }

    in->p++;

    return KS_OK;
}


static int
ks_cc_find(const ks_str_t *name)
{
    size_t  i;

    for (i = 0; i < ks_nelts(ks_cc_names); i++) {
        if (strlen(ks_cc_names[i]) == name->len
            && strncasecmp(ks_cc_names[i], (char *) name->data, name->len)
               == 0)
        {
            return (int) i;
        }
    }

    return -1;
}


void
ks_cache_control_init(ks_cache_control_t *cc)
{
    memset(cc, 0, sizeof(ks_cache_control_t));

    cc->max_age = KS_CACHE_UNSAID;
    cc->s_maxage = KS_CACHE_UNSAID;
    cc->min_fresh = KS_CACHE_UNSAID;
    cc->max_stale = KS_CACHE_UNSAID;
    cc->stale_while_revalidate = KS_CACHE_UNSAID;
    cc->stale_if_error = KS_CACHE_UNSAID;
}


int
ks_delta_seconds(const ks_str_t *text, int64_t *seconds)
{
    size_t   i;
    int64_t  v;

    for (v = 0, i = 0; i < text->len; i++) {

        if (text->data[i] < '0' || text->data[i] > '9') {
            return KS_ERR;
        }

        v = ks_min(v * 10 + (text->data[i] - '0'), KS_CACHE_AGE_MAX);
    }

    *seconds = v;

    return text->len ? KS_OK : KS_ERR;
}


/* The place of a directive that is a time. */

static int64_t *
ks_cc_time(ks_cache_control_t *cc, int name)
{
    switch (name) {

    case KS_CC_MAX_AGE:
        return &cc->max_age;

    case KS_CC_S_MAXAGE:
        return &cc->s_maxage;

    case KS_CC_MIN_FRESH:
        return &cc->min_fresh;

    case KS_CC_MAX_STALE:
        return &cc->max_stale;

    case KS_CC_STALE_WHILE_REVALIDATE:
        return &cc->stale_while_revalidate;

    case KS_CC_STALE_IF_ERROR:
        return &cc->stale_if_error;

    default:
        return NULL;
    }
}


static void
ks_cc_set_time(int64_t *at, int name, const ks_cc_word_t *w)
{
    if (*at != KS_CACHE_UNSAID) {
        return;
    }

    if (name == KS_CC_MAX_STALE && !w->valued) {
        *at = KS_CACHE_ANY;

    } else if (ks_delta_seconds(&w->value, at) != KS_OK) {
        *at = 0;
    }
}


/* no-cache and private, of the response or of fields */

static unsigned
ks_cc_fields(ks_cache_control_t *cc, const ks_cc_word_t *w)
{
    if (!w->valued || w->value.len == 0 || cc->nlists == KS_CACHE_LISTS) {
        return 1;
    }

    cc->lists[cc->nlists++] = w->value;

    return 0;
}


static void
ks_cc_set(ks_cache_control_t *cc, const ks_cc_word_t *w)
{
    int       name;
    int64_t  *at;

    cc->given = 1;
    name = ks_cc_find(&w->name);
    at = ks_cc_time(cc, name);

    if (at) {
        ks_cc_set_time(at, name, w);
        return;
    }

    switch (name) {

    case KS_CC_NO_CACHE:
        cc->no_cache |= ks_cc_fields(cc, w);
        break;

    case KS_CC_PRIVATE:
        cc->private |= ks_cc_fields(cc, w);
        break;

    case KS_CC_NO_STORE:
        cc->no_store = 1;
        break;

    case KS_CC_PUBLIC:
        cc->public = 1;
        break;

    case KS_CC_MUST_REVALIDATE:
        cc->must_revalidate = 1;
        break;

    case KS_CC_PROXY_REVALIDATE:
        cc->proxy_revalidate = 1;
        break;

    case KS_CC_MUST_UNDERSTAND:
        cc->must_understand = 1;
        break;

    case KS_CC_ONLY_IF_CACHED:
        cc->only_if_cached = 1;
        break;
    }
}


/*
 * A directive and the comma behind it; what is between them spoils it.  A quote
 * that nothing closes is no quote, so that it hides none of those behind it.
 */

static void
ks_cc_next(ks_cc_in_t *in, ks_cc_word_t *w)
{
    u_char  *quote;

    memset(w, 0, sizeof(ks_cc_word_t));

    ks_cc_blanks(in);
    w->name = ks_cc_token(in);

    if (in->p < in->end && *in->p == '=') {
        w->valued = 1;
        in->p++;

        if (in->p < in->end && *in->p == '"') {
            quote = in->p;
            w->quoted = 1;

            if (ks_cc_quoted(in, &w->value) != KS_OK) {
                in->p = quote;
            }

        } else {
            w->value = ks_cc_token(in);
        }
    }

    ks_cc_blanks(in);

    while (in->p < in->end && *in->p != ',') {
        w->spoiled = 1;
        in->p++;
    }

    in->p += (in->p < in->end);
}


/*
 * What follows a value up to the next comma makes it none: 3600 s, '3600'.
 * Blanks around "=" do, too.
 */

void
ks_cache_control_line(ks_cache_control_t *cc, const ks_str_t *line)
{
    ks_cc_word_t  w;
    ks_cc_in_t    in = { line->data, line->data + line->len };

    while (in.p < in.end) {
        ks_cc_next(&in, &w);

        if (w.spoiled) {
            w.valued = 1;
            w.value.len = 0;
        }

        if (w.name.len) {
            ks_cc_set(cc, &w);
        }
    }
}


/* FRESH+STALE: the second is a directive of its own elsewhere. */

static void
ks_cc_set_surrogate(ks_cache_control_t *cc, ks_cc_word_t *w)
{
    u_char        *plus;
    ks_cc_word_t   stale;

    plus = memchr(w->value.data, '+', w->value.len);

    if (plus) {
        stale = *w;
        stale.value.data = plus + 1;
        stale.value.len = (size_t) (w->value.data + w->value.len - plus - 1);
        w->value.len = (size_t) (plus - w->value.data);

        ks_cc_set_time(&cc->stale_while_revalidate,
                       KS_CC_STALE_WHILE_REVALIDATE, &stale);
    }

    ks_cc_set(cc, w);
}


void
ks_cache_control_surrogate(ks_cache_control_t *cc, const ks_str_t *line)
{
    int           name;
    ks_cc_word_t  w;
    ks_cc_in_t    in = { line->data, line->data + line->len };

    while (in.p < in.end) {
        ks_cc_next(&in, &w);
        name = ks_cc_find(&w.name);

        if (w.spoiled) {
            continue;
        }

        if (name == KS_CC_MAX_AGE && w.valued) {
            ks_cc_set_surrogate(cc, &w);

        } else if (name == KS_CC_NO_STORE) {
            ks_cc_set(cc, &w);
        }
    }
}


/* --- structured fields --- */

/* A key: letters in lower case. */

static int
ks_sf_key(ks_cc_in_t *in, ks_str_t *key)
{
    u_char  *p;

    key->data = in->p;

    for (p = in->p; p < in->end; p++) {

        if ((*p >= 'a' && *p <= 'z') || *p == '*') {
            continue;
        }

        if (p == in->p || !(*p == '_' || *p == '-' || *p == '.'
                            || (*p >= '0' && *p <= '9')))
        {
            break;
        }
    }

    key->len = (size_t) (p - in->p);
    in->p = p;

    return key->len ? KS_OK : KS_ERR;
}


/* An integer or decimal, a string, a token, a boolean or a byte sequence. */

static int
ks_sf_bare(ks_cc_in_t *in, ks_cc_word_t *w)
{
    u_char  c;

    if (in->p == in->end) {
        return KS_ERR;
    }

    w->value.data = in->p;
    c = *in->p;

    if (c == '"') {
        w->quoted = 1;
        return ks_cc_quoted(in, &w->value);
    }

    if (c == ':') {
        for (in->p++; in->p < in->end && *in->p != ':'; in->p++) {
            /* void */
        }

        w->quoted = 1;
        return in->p++ < in->end ? KS_OK : KS_ERR;
    }

    if (c == '?') {
        in->p += 2;

        if (in->p > in->end || (in->p[-1] != '0' && in->p[-1] != '1')) {
            return KS_ERR;
        }

        w->quoted = 1;
        w->denied = (in->p[-1] == '0');
        return KS_OK;
    }

    if (c == '-' || (c >= '0' && c <= '9')) {
        for (in->p++; in->p < in->end
                      && (*in->p == '.' || (*in->p >= '0' && *in->p <= '9'));
             in->p++)
        {
            /* void */
        }

        w->value.len = (size_t) (in->p - w->value.data);
        return w->value.len <= 16 ? KS_OK : KS_ERR;
    }

    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*') {
        for (in->p++; in->p < in->end
                      && (ks_cc_is_token(*in->p) || *in->p == ':'
                          || *in->p == '/');
             in->p++)
        {
            /* void */
        }

        w->quoted = 1;
        return KS_OK;
    }

    return KS_ERR;
}


/* An inner list is read as far as it ends; what is in it does not matter. */

static int
ks_sf_value(ks_cc_in_t *in, ks_cc_word_t *w)
{
    if (in->p == in->end || *in->p != '(') {
        return ks_sf_bare(in, w);
    }

    w->quoted = 1;

    while (in->p < in->end && *in->p != ')') {
        in->p++;
    }

    return in->p++ < in->end ? KS_OK : KS_ERR;
}


static int
ks_sf_parameters(ks_cc_in_t *in)
{
    ks_str_t      key;
    ks_cc_word_t  w;

    while (in->p < in->end && *in->p == ';') {
        in->p++;

        while (in->p < in->end && *in->p == ' ') {
            in->p++;
        }

        if (ks_sf_key(in, &key) != KS_OK) {
            return KS_ERR;
        }

        if (in->p < in->end && *in->p == '=') {
            in->p++;

            if (ks_sf_bare(in, &w) != KS_OK) {
                return KS_ERR;
            }
        }
    }

    return KS_OK;
}


/*
 * A time that is no integer is no such directive, and spoils the field.  Of two
 * with the same name the last counts.
 */

static int
ks_sf_member(ks_cache_control_t *cc, ks_cc_in_t *in)
{
    int64_t      *at, seconds;
    ks_cc_word_t  w;

    memset(&w, 0, sizeof(ks_cc_word_t));

    if (ks_sf_key(in, &w.name) != KS_OK) {
        return KS_ERR;
    }

    if (in->p < in->end && *in->p == '=') {
        w.valued = 1;
        in->p++;

        if (ks_sf_value(in, &w) != KS_OK) {
            return KS_ERR;
        }
    }

    if (ks_sf_parameters(in) != KS_OK) {
        return KS_ERR;
    }

    at = ks_cc_time(cc, ks_cc_find(&w.name));

    if (at) {
        if (w.quoted || ks_delta_seconds(&w.value, &seconds) != KS_OK) {
            return KS_ERR;
        }

        *at = KS_CACHE_UNSAID;
    }

    if (w.denied) {
        cc->given = 1;

    } else {
        ks_cc_set(cc, &w);
    }

    return KS_OK;
}


int
ks_cache_control_targeted(ks_cache_control_t *cc, const ks_str_t *line)
{
    ks_cc_in_t  in = { line->data, line->data + line->len };

    ks_cc_blanks(&in);

    while (in.p < in.end) {

        if (ks_sf_member(cc, &in) != KS_OK) {
            return KS_ERR;
        }

        ks_cc_blanks(&in);

        if (in.p == in.end) {
            break;
        }

        if (*in.p++ != ',') {
            return KS_ERR;
        }

        ks_cc_blanks(&in);

        if (in.p == in.end) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* --- lists --- */

int
ks_list_next(const ks_str_t *list, size_t *at, ks_str_t *word)
{
    u_char  *p, *end;

    end = list->data + list->len;

    for (p = list->data + *at; p < end && (ks_cc_is_blank(*p) || *p == ',');
         p++)
    {
        /* void */
    }

    word->data = p;

    while (p < end && *p != ',') {
        p++;
    }

    *at = (size_t) (p - list->data);

    while (p > word->data && ks_cc_is_blank(p[-1])) {
        p--;
    }

    word->len = (size_t) (p - word->data);

    return word->len ? KS_OK : KS_NONE;
}


int
ks_list_has(const ks_str_t *list, const ks_str_t *word)
{
    size_t    at;
    ks_str_t  w;

    for (at = 0; ks_list_next(list, &at, &w) == KS_OK; /* void */ ) {
        if (w.len == word->len
            && strncasecmp((char *) w.data, (char *) word->data, w.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


int
ks_cache_control_lists(const ks_cache_control_t *cc, const ks_str_t *name)
{
    unsigned  i;

    for (i = 0; i < cc->nlists; i++) {
        if (ks_list_has(&cc->lists[i], name)) {
            return 1;
        }
    }

    return 0;
}
