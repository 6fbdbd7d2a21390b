
/*
 * Names with variables, of the streams and topics of keyspace_events.
 *
 * What a variable brings into a name is taken as it is: in a pattern each of
 * its special characters is quoted.  A name one of whose variables is empty
 * names nothing: "orders:$user" of nobody is not what all nobodies share.
 */


#include "ngx_http_keyspace_common.h"
#include "ngx_http_keyspace_events.h"


/* text as it is, or the value of a variable */

typedef struct {
    ngx_http_complex_value_t  value;
    ngx_uint_t                variable;     /* unsigned  variable:1; */
} ngx_http_keyspace_events_part_t;


static size_t ngx_http_keyspace_events_cut(ngx_str_t *text,
    ngx_uint_t *variable);
static u_char *ngx_http_keyspace_events_quote(u_char *p, ngx_str_t *value);


ngx_int_t
ngx_http_keyspace_events_compile(ngx_conf_t *cf, ngx_str_t *value,
    ngx_http_keyspace_events_name_t *name)
{
    ngx_str_t                         left, piece;
    ngx_uint_t                        variable;
    ngx_http_keyspace_events_part_t  *part;

    if (ngx_array_init(&name->parts, cf->pool, 2,
                       sizeof(ngx_http_keyspace_events_part_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (left = *value; left.len != 0; left.data += piece.len) {
        piece.data = left.data;
        piece.len = ngx_http_keyspace_events_cut(&left, &variable);
        left.len -= piece.len;

        part = ngx_array_push(&name->parts);
        if (part == NULL) {
            return NGX_ERROR;
        }

        part->variable = variable;

        if (ngx_http_keyspace_compile(cf, &piece, &part->value)
            != NGX_CONF_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* How long the next piece is: text, or $name, ${name} or $1. */

static size_t
ngx_http_keyspace_events_cut(ngx_str_t *text, ngx_uint_t *variable)
{
    u_char  *p, *last, *end;

    p = text->data;
    last = p + text->len;
    *variable = (*p == '$');

    if (!*variable) {
        end = ngx_strlchr(p, last, '$');
        return (end == NULL) ? text->len : (size_t) (end - p);
    }

    if (last - p > 1 && p[1] == '{') {
        end = ngx_strlchr(p, last, '}');
        return (end == NULL) ? text->len : (size_t) (end + 1 - p);
    }

    if (last - p > 1 && p[1] >= '1' && p[1] <= '9') {
        return 2;
    }

    for (p++; p < last; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')
              || (*p >= '0' && *p <= '9') || *p == '_'))
        {
            break;
        }
    }

    return p - text->data;
}


ngx_int_t
ngx_http_keyspace_events_name(ngx_http_request_t *r,
    ngx_http_keyspace_events_name_t *name, ks_str_t *text)
{
    size_t                            len;
    u_char                           *p;
    ngx_str_t                        *values;
    ngx_uint_t                        i;
    ngx_http_keyspace_events_part_t  *part;

    part = name->parts.elts;

    values = ngx_palloc(r->pool, name->parts.nelts * sizeof(ngx_str_t));
    if (values == NULL) {
        return NGX_ERROR;
    }

    for (i = 0, len = 0; i < name->parts.nelts; i++) {

        if (ngx_http_complex_value(r, &part[i].value, &values[i]) != NGX_OK) {
            return NGX_ERROR;
        }

        if (values[i].len == 0) {
            return NGX_DECLINED;
        }

        len += 2 * values[i].len;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;

    for (i = 0; i < name->parts.nelts; i++) {
        p = (part[i].variable && name->topic == KS_TOPIC_PATTERN)
            ? ngx_http_keyspace_events_quote(p, &values[i])
            : ngx_cpymem(p, values[i].data, values[i].len);
    }

    text->len = p - text->data;

    return NGX_OK;
}


static u_char *
ngx_http_keyspace_events_quote(u_char *p, ngx_str_t *value)
{
    size_t  i;
    u_char  c;

    static u_char  special[] = "*?[]\\^-";

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if (ngx_strlchr(special, special + sizeof(special) - 1, c) != NULL) {
            *p++ = '\\';
        }

        *p++ = c;
    }

    return p;
}
