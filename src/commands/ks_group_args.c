/*
 * What the commands of consumer groups share.
 */

#include "commands/ks_group_args.h"


/* --- groups and consumers as arguments --- */

static int
ks_group_open(ks_ctx_t *c, ks_grouped_t *o, const ks_str_t *key,
    const ks_str_t *name, ks_entry_t *e)
{
    if (e == NULL) {
        return KS_NONE;
    }

    if (ks_entry_type(e) != KS_TYPE_STREAM) {
        ks_reply_error(c->reply, KS_ERR_WRONGTYPE);
        return KS_ERR;
    }

    o->key = key;
    o->name = name;
    ks_value_open(c->space, key, e, &o->v);

    return ks_group_find(&o->v, &o->g, name) ? KS_OK : KS_NONE;
}


int
ks_group_read(ks_ctx_t *c, ks_grouped_t *o, const ks_str_t *key,
    const ks_str_t *name)
{
    return ks_group_open(c, o, key, name, ks_read_key(c, key));
}


int
ks_group_write(ks_ctx_t *c, ks_grouped_t *o, const ks_str_t *key,
    const ks_str_t *name)
{
    return ks_group_open(c, o, key, name,
                         ks_lookup(c->space, key, KS_LOOKUP_WRITE));
}


int
ks_group_want(ks_ctx_t *c, ks_grouped_t *o, const ks_str_t *key,
    const ks_str_t *name, const char *tail)
{
    return ks_group_want_of(c, o, ks_read_key(c, key), key, name, tail);
}


int
ks_group_want_of(ks_ctx_t *c, ks_grouped_t *o, ks_entry_t *e,
    const ks_str_t *key, const ks_str_t *name, const char *tail)
{
    int  rc;

    rc = ks_group_open(c, o, key, name, e);

    if (rc != KS_NONE) {
        return rc;
    }

    ks_reply_errorf(c->reply, "NOGROUP No such key '%.*s' or consumer group "
                    "'%.*s'%s", (int) key->len, (const char *) key->data,
                    (int) name->len, (const char *) name->data, tail);

    return KS_ERR;
}


void
ks_error_no_group(ks_ctx_t *c, const ks_str_t *key, const ks_str_t *name)
{
    ks_reply_errorf(c->reply, "NOGROUP No such consumer group '%.*s' for key "
                    "name '%.*s'", (int) name->len, (const char *) name->data,
                    (int) key->len, (const char *) key->data);
}


static void
ks_reply_known(ks_ctx_t *c, const char *name, int64_t n, int64_t unknown)
{
    ks_reply_cstr(c->reply, name);

    if (n == unknown) {
        ks_reply_null(c->reply);

    } else {
        ks_reply_integer(c->reply, n);
    }
}


void
ks_reply_group_read(ks_ctx_t *c, const ks_value_t *v, const ks_group_t *g)
{
    ks_reply_known(c, "entries-read", g->read, KS_GROUP_READ_UNKNOWN);
    ks_reply_known(c, "lag", ks_group_lag(v, g), KS_GROUP_LAG_UNKNOWN);
}


void
ks_group_close(ks_grouped_t *o)
{
    ks_value_aside(&o->v);
}


int
ks_group_join(ks_ctx_t *c, ks_grouped_t *o, const ks_str_t *name,
    ks_consumer_t *who)
{
    int  found;

    found = ks_consumer_find(&o->v, &o->g, who, name);
    who->seen = ks_space_now(c->space);

    if (!found) {
        ks_consumer_create(&o->v, &o->g, who, name);
        ks_event(c->space, KS_NOTIFY_STREAM, "xgroup-createconsumer", o->key);
    }

    return !found;
}


/* --- effects --- */

static void
ks_effect_word(ks_space_t *sp, const char *word)
{
    ks_effect_arg(sp, (const u_char *) word, strlen(word));
}


static void
ks_effect_str(ks_space_t *sp, const ks_str_t *s)
{
    ks_effect_arg(sp, s->data, s->len);
}


static void
ks_effect_number(ks_space_t *sp, uint64_t n)
{
    u_char  buf[KS_INTEGER_TEXT];

    ks_effect_arg(sp, buf, ks_integer_text(buf, (int64_t) n));
}


static void
ks_effect_id(ks_space_t *sp, const ks_stream_id_t *id)
{
    u_char  buf[KS_STREAM_ID_TEXT];

    ks_effect_arg(sp, buf, ks_stream_id_text(buf, id));
}


void
ks_group_tell_claims(ks_ctx_t *c, const ks_grouped_t *o,
    const ks_str_t *consumer, const ks_pending_t *p, int n,
    const ks_stream_id_t *ids)
{
    int          i;
    ks_space_t  *sp;

    sp = c->space;
    ks_effect_own(sp);

    if (!ks_effects_told(sp) || n == 0) {
        return;
    }

    ks_effect_begin(sp, 5 + n + 8);
    ks_effect_word(sp, "XCLAIM");
    ks_effect_str(sp, o->key);
    ks_effect_str(sp, o->name);
    ks_effect_str(sp, consumer);
    ks_effect_word(sp, "0");

    for (i = 0; i < n; i++) {
        ks_effect_id(sp, &ids[i]);
    }

    ks_effect_word(sp, "TIME");
    ks_effect_number(sp, p->delivered);
    ks_effect_word(sp, "RETRYCOUNT");
    ks_effect_number(sp, p->count);
    ks_effect_word(sp, "FORCE");
    ks_effect_word(sp, "JUSTID");
    ks_effect_word(sp, "LASTID");
    ks_effect_id(sp, &o->g.last);
}


void
ks_group_tell_ack(ks_ctx_t *c, const ks_grouped_t *o,
    const ks_stream_id_t *id)
{
    ks_str_t  text;
    u_char    buf[KS_STREAM_ID_TEXT];

    text.data = buf;
    text.len = ks_stream_id_text(buf, id);
    ks_effect_as(c->space, "XACK %s %s %s", o->key, o->name, &text);
}


void
ks_group_tell_last(ks_ctx_t *c, const ks_grouped_t *o)
{
    ks_str_t  id, read;
    u_char    buf[KS_STREAM_ID_TEXT], number[KS_INTEGER_TEXT];

    id.data = buf;
    id.len = ks_stream_id_text(buf, &o->g.last);
    read.data = number;
    read.len = ks_integer_text(number, o->g.read);

    ks_effect_as(c->space, "XGROUP SETID %s %s %s ENTRIESREAD %s", o->key,
                 o->name, &id, &read);
}


void
ks_group_tell_consumer(ks_ctx_t *c, const ks_grouped_t *o,
    const ks_str_t *consumer)
{
    ks_effect_as(c->space, "XGROUP CREATECONSUMER %s %s %s", o->key, o->name,
                 consumer);
}
