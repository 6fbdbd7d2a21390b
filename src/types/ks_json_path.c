/*
 * Paths into JSON documents: what others see of them.
 */

#include "types/ks_json_expr.h"

#include <stdio.h>


#define KS_JSON_QUOTED  200             /* bytes of a path in an error */


int
ks_json_path_legacy(const ks_str_t *text)
{
    return !(text->len && text->data[0] == '$'
             && (text->len == 1 || text->data[1] == '.'
                 || text->data[1] == '['));
}


/* as RedisJSON says it; where the path is too long, a part of it */

static void
ks_json_path_error(const ks_json_reader_t *r, char *err)
{
    size_t  at, len;
    int     before, behind;

    len = (size_t) (r->end - r->start);
    at = (size_t) (r->where - r->start);
    before = (int) ks_min(at, (size_t) KS_JSON_QUOTED);
    behind = (int) ks_min(len - at, (size_t) KS_JSON_QUOTED / 2);

    if (behind == 0) {
        (void) snprintf(err, KS_JSON_PATH_ERR, "Error occurred on position "
                        "%zu, \"%.*s <<<<----\", expected one of the "
                        "following: %.150s.", at, before, r->where - before,
                        r->expected);
        return;
    }

    (void) snprintf(err, KS_JSON_PATH_ERR, "Error occurred on position %zu, "
                    "\"%.*s ---->>>> %.*s\", expected one of the following: "
                    "%.150s.", at, before, r->where - before, behind,
                    r->where, r->expected);
}


static void
ks_json_path_measure(ks_json_path_t *path)
{
    const ks_json_segment_t   *s;
    const ks_json_selector_t  *by;

    path->n = 0;
    path->fixed = 1;

    for (s = path->segments; s; s = s->next) {
        by = s->selectors;
        path->n++;

        if (s->deep || by->next
            || (by->by != KS_JSON_BY_NAME && by->by != KS_JSON_BY_INDEX))
        {
            path->fixed = 0;
        }
    }
}


int
ks_json_path_compile(ks_json_path_t *path, const ks_json_memory_t *m,
    const ks_str_t *text, char *err)
{
    u_char            *copy;
    size_t             n;
    ks_json_reader_t   r;

    memset(&r, 0, sizeof(r));
    path->text = *text;
    path->segments = NULL;
    path->legacy = ks_json_path_legacy(text);
    r.m = m;
    r.filter = ks_json_read_filter;
    r.start = text->data;
    r.end = text->data + text->len;

    if (path->legacy && !(text->len == 1 && text->data[0] == '.')) {
        n = (text->len && text->data[0] == '.') ? 1 : 2;
        copy = m->alloc(m->data, text->len + n);
        memcpy(copy, "$.", n);
        memcpy(copy + n, text->data, text->len);
        r.start = copy;
        r.end = copy + text->len + n;
    }

    r.p = r.start + 1;

    if (ks_json_read_segments(&r, &path->segments, 0) == KS_OK
        && r.p < r.end)
    {
        (void) ks_json_read_fail(&r, "<string>, '*', '..', '['");
    }

    if (r.expected) {
        ks_json_path_error(&r, err);
        return KS_ERR;
    }

    ks_json_path_measure(path);

    return KS_OK;
}


int
ks_json_path_follow(const ks_json_path_t *path, ks_json_found_t *f)
{
    f->matches = &f->one;
    f->n = 0;
    f->max = 1;
    f->looks = 0;
    f->filter = ks_json_filter;
    ks_json_root(f->v, &f->root);

    return ks_json_follow(f, path->segments, &f->root, NULL);
}
