
/*
 * What listeners are told: entries of streams as events, and what the location
 * itself says.  Entries become bytes once for each form, whoever wants them.
 */


#include "ngx_http_keyspace_events_news.h"
#include "ngx_http_keyspace_common.h"


static ks_bytes_t *ngx_http_keyspace_news_write(
    ngx_http_keyspace_news_t *news, const ngx_http_keyspace_form_t *form,
    ks_stream_id_t *at);
static void ngx_http_keyspace_news_event(ngx_http_keyspace_events_conf_t *ecf,
    const ks_str_t *fields, ngx_uint_t n, ks_event_of_t *e);
static ks_bytes_t *ngx_http_keyspace_news_bytes(ks_text_t *t);


/* --- entries --- */

void
ngx_http_keyspace_news_give(ngx_http_keyspace_news_t *news,
    ngx_http_keyspace_listener_t *l)
{
    ks_bytes_t                      **b;
    ks_stream_id_t                   *at;
    const ngx_http_keyspace_form_t   *form;

    form = l->form;
    b = &news->forms[form->index];

    if (*b == NULL) {
        at = ngx_alloc(news->conf->streams
                       * (sizeof(ks_stream_id_t) + NGX_HTTP_KEYSPACE_ID_LEN),
                       ngx_cycle->log);

        if (at != NULL) {
            *b = ngx_http_keyspace_news_write(news, form, at);
            ngx_free(at);
        }
    }

    form->take(l, *b);
}


/* All of them in a row; at: room for the places of a feed, and for an id. */

static ks_bytes_t *
ngx_http_keyspace_news_write(ngx_http_keyspace_news_t *news,
    const ngx_http_keyspace_form_t *form, ks_stream_id_t *at)
{
    u_char                     *buf;
    ks_text_t                   t;
    ngx_uint_t                  n, streams;
    ks_event_of_t               e;
    ngx_http_keyspace_entry_t   entry;

    streams = news->conf->streams;
    buf = (u_char *) &at[streams];
    ngx_memcpy(at, news->at, streams * sizeof(ks_stream_id_t));

    ngx_memzero(&t, sizeof(ks_text_t));
    ngx_memzero(&entry, sizeof(ngx_http_keyspace_entry_t));

    for (n = 0; ngx_http_keyspace_read_next(news->read, &entry); n++) {
        ngx_memzero(&e, sizeof(ks_event_of_t));
        at[news->source] = entry.id;
        e.id = ngx_http_keyspace_events_id(buf, at, streams);

        ngx_http_keyspace_news_event(news->conf, entry.fields, entry.n, &e);

        ks_text_put(&t, form->between.data, (n != 0) ? form->between.len : 0);
        form->write(&t, &e);
    }

    t.failed |= entry.failed;
    ngx_free(entry.fields);

    return ngx_http_keyspace_news_bytes(&t);
}


/* The event of an entry: its name and its data are fields of it, or all. */

static void
ngx_http_keyspace_news_event(ngx_http_keyspace_events_conf_t *ecf,
    const ks_str_t *fields, ngx_uint_t n, ks_event_of_t *e)
{
    ngx_uint_t  i;

    if (ecf->field.len == 0) {
        e->data = KS_DATA_FIELDS;
        e->fields = fields;
        e->nfields = n;
    }

    for (i = 0; i + 1 < n; i += 2) {

        if (ecf->event.len != 0 && fields[i].len == ecf->event.len
            && ngx_memcmp(fields[i].data, ecf->event.data, ecf->event.len)
               == 0)
        {
            e->name = fields[i + 1];
        }

        if (ecf->field.len != 0 && fields[i].len == ecf->field.len
            && ngx_memcmp(fields[i].data, ecf->field.data, ecf->field.len)
               == 0)
        {
            e->text = fields[i + 1];
        }
    }
}


/* The text is freed.  NULL: there was no memory for it. */

static ks_bytes_t *
ngx_http_keyspace_news_bytes(ks_text_t *t)
{
    ks_bytes_t  *b;

    b = t->failed ? NULL : ks_bytes_new(t->len);

    if (b != NULL) {
        ngx_memcpy(b->data, t->data, t->len);
    }

    ngx_free(t->data);

    return b;
}


void
ngx_http_keyspace_news_done(ngx_http_keyspace_news_t *news)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_KEYSPACE_FORMS; i++) {
        ks_bytes_release(news->forms[i]);
    }
}


/* --- gaps --- */

void
ngx_http_keyspace_gap_tell(ngx_http_keyspace_listener_t *l,
    const ks_stream_id_t *at, const char *reason)
{
    u_char        *buf;
    ks_text_t      t;
    ks_bytes_t    *b;
    ks_event_of_t  e;

    ks_str_t  fields[2] = { ks_str("reason"), ks_str("") };

    fields[1].data = (u_char *) reason;
    fields[1].len = ngx_strlen(reason);

    ngx_memzero(&e, sizeof(ks_event_of_t));
    e.name.data = (u_char *) "gap";
    e.name.len = 3;
    e.data = KS_DATA_FIELDS;
    e.fields = fields;
    e.nfields = 2;

    buf = NULL;

    if (at != NULL) {
        buf = ngx_alloc(l->conf->streams * NGX_HTTP_KEYSPACE_ID_LEN,
                        ngx_cycle->log);
        if (buf == NULL) {
            return;
        }

        e.id = ngx_http_keyspace_events_id(buf, at, l->conf->streams);
    }

    ngx_memzero(&t, sizeof(ks_text_t));
    l->form->write(&t, &e);
    ngx_free(buf);

    b = ngx_http_keyspace_news_bytes(&t);
    l->form->take(l, b);
    ks_bytes_release(b);
}
