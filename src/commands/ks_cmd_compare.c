/*
 * Strings that are compared before anything happens to them: DELEX, DELIFEQ,
 * and DIGEST, which tells what to compare with.  SET and MSETEX, which have
 * conditions too, are in ks_cmd_string.c.
 */

#include "commands/ks_handlers.h"
#include "commands/ks_string_args.h"


static void
ks_delete_if(ks_ctx_t *c, const ks_str_t *key, ks_entry_t *e, int met)
{
    if (met == KS_ERR) {
        return;
    }

    if (met) {
        ks_delete(c, key, e);
        ks_effect_as(c->space, "DEL %s", key);
    }

    ks_reply_integer(c->reply, met);
}


void
ks_cmd_delex(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_cond_t    cond;
    ks_entry_t  *e;

    if (argc != 2 && argc != 4) {
        ks_error_arity(c);
        return;
    }

    e = ks_lookup(c->space, &argv[1], KS_LOOKUP_WRITE);

    if (argc == 2 || e == NULL) {
        ks_delete_if(c, &argv[1], e, e != NULL);
        return;
    }

    if (ks_entry_type(e) != KS_TYPE_STRING) {
        ks_reply_error(c->reply, "ERR Key should be of string type if "
                       "conditions are specified");
        return;
    }

    cond = ks_compare_option(&argv[2]);

    if (cond == KS_COND_NONE) {
        ks_reply_error(c->reply, "ERR Invalid condition. Use IFEQ, IFNE, "
                       "IFDEQ, or IFDNE");
        return;
    }

    ks_delete_if(c, &argv[1], e, ks_string_compares(c, e, cond, &argv[3]));
}


void
ks_cmd_delifeq(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_entry_t  *e;

    (void) argc;

    if (ks_write_string(c, &argv[1], &e) == KS_OK) {
        ks_delete_if(c, &argv[1], e,
                     e != NULL
                     && ks_string_compares(c, e, KS_COND_IFEQ, &argv[2]));
    }
}


void
ks_cmd_digest(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    u_char       digest[KS_DIGEST_TEXT];
    ks_entry_t  *e;

    (void) argc;

    if (ks_read_string(c, &argv[1], &e) != KS_OK) {
        return;
    }

    if (e == NULL) {
        ks_reply_null(c->reply);
        return;
    }

    ks_string_digest(c, e, digest);
    ks_reply_bulk(c->reply, digest, KS_DIGEST_TEXT);
}
