/*
 * What replicas say: PSYNC, SYNC and REPLCONF.
 *
 * The handlers only note it, with the connection; the host, which looks after
 * each command, then makes the connection that of a replica.  From then on what
 * it says has no reply.
 */

#include <stdlib.h>

#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "commands/ks_row_words.h"
#include "replica/ks_replica.h"


void ks_cmd_psync(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_cmd_replconf(ks_ctx_t *c, int argc, ks_str_t *argv);
void ks_cmd_sync(ks_ctx_t *c, int argc, ks_str_t *argv);


static const ks_command_t  ks_replica_rows[] = {
#include "replica/ks_replica_rows.h"
    { .name = NULL }
};


int
ks_replica_init(void)
{
    return ks_commands_add(ks_replica_rows);
}


/* What the client has said; NULL: the error is written. */

static ks_replica_said_t *
ks_replica_said(ks_ctx_t *c)
{
    ks_conn_t  *s;

    s = ks_want_conn(c);

    if (s == NULL) {
        return NULL;
    }

    if (s->replica == NULL) {
        s->replica = calloc(1, sizeof(ks_replica_said_t));

        if (s->replica == NULL) {
            ks_reply_error(c->reply, KS_ERR_OOM);
        }
    }

    return s->replica;
}


/* --- PSYNC and SYNC --- */

/* From now on nothing is a reply. */

static void
ks_replicate(ks_ctx_t *c)
{
    c->client->conn->replicating = 1;
    c->client->conn->silent = 1;
}


static ks_replica_said_t *
ks_replicate_may(ks_ctx_t *c)
{
    if (!ks_primary_on(c->space)) {
        ks_reply_error(c->reply, "ERR replicas are not configured: the block "
                       "of the zone has no line \"replicas\"");
        return NULL;
    }

    if (c->client->db != 0) {
        ks_reply_error(c->reply, "ERR replicas get database 0, and another one "
                       "is selected");
        return NULL;
    }

    return ks_replica_said(c);
}


void
ks_cmd_psync(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t             offset;
    ks_replica_said_t  *said;

    said = ks_replicate_may(c);

    if (said == NULL || c->client->conn->replicating) {
        return;
    }

    if (argc > 3) {
        ks_reply_error(c->reply, argc == 4 && ks_arg_is(&argv[3], "failover")
                       ? "ERR PSYNC FAILOVER is not possible: what is primary "
                         "here is said by nginx.conf"
                       : KS_ERR_SYNTAX);
        return;
    }

    if (ks_arg_int(c, &argv[2], &offset, NULL) != KS_OK) {
        return;
    }

    said->partial = (argv[1].len != 1 || argv[1].data[0] != '?');
    memset(said->id, 0, KS_REPLID);
    said->offset = UINT64_MAX;

    if (said->partial && argv[1].len == KS_REPLID && offset > 0) {
        memcpy(said->id, argv[1].data, KS_REPLID);
        said->offset = (uint64_t) offset - 1;
    }

    ks_replicate(c);
}


void
ks_cmd_sync(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    ks_replica_said_t  *said;

    (void) argc;
    (void) argv;

    said = ks_replicate_may(c);

    if (said == NULL || c->client->conn->replicating) {
        return;
    }

    said->old = 1;
    said->partial = 0;
    ks_replicate(c);
}


/* --- REPLCONF --- */

/* each KS_OK, or KS_ERR: the error is written */

static int
ks_replconf_port(ks_ctx_t *c, ks_replica_said_t *said, const ks_str_t *value)
{
    int64_t  port;

    if (ks_arg_int(c, value, &port, NULL) != KS_OK) {
        return KS_ERR;
    }

    said->port = (port > 0 && port < 65536) ? (uint32_t) port : 0;

    return KS_OK;
}


static int
ks_replconf_address(ks_ctx_t *c, ks_replica_said_t *said,
    const ks_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len && i < KS_REPLICA_ADDR; i++) {
        if (value->data[i] <= ' ' || value->data[i] == ','
            || value->data[i] > '~')
        {
            break;
        }
    }

    if (i != value->len || i == KS_REPLICA_ADDR) {
        ks_reply_errorf(c->reply, "ERR REPLCONF ip-address provided by replica "
                        "instance is too long, or none");
        return KS_ERR;
    }

    memset(said->addr, 0, KS_REPLICA_ADDR);
    memcpy(said->addr, value->data, value->len);

    return KS_OK;
}


static int
ks_replconf_flag(ks_ctx_t *c, const ks_str_t *value, int *flag)
{
    int64_t  v;

    if (ks_arg_int(c, value, &v, NULL) != KS_OK) {
        return KS_ERR;
    }

    *flag = (v == 1);

    return KS_OK;
}


/* What is not known of these is no error. */

static void
ks_replconf_capable(ks_replica_said_t *said, const ks_str_t *value)
{
    if (ks_arg_is(value, "psync2")) {
        said->psync2 = 1;

    } else if (ks_arg_is(value, "eof")) {
        said->eof = 1;

    } else if (ks_arg_is(value, "documents")) {
        said->documents = 1;
    }
}


static int
ks_replconf_filter(ks_ctx_t *c, ks_replica_said_t *said, const ks_str_t *value)
{
    if (!ks_arg_is(value, "functions")) {
        ks_reply_error(c->reply, "ERR Unsupported rdb-filter-only option: it "
                       "is \"functions\"");
        return KS_ERR;
    }

    said->functions = 1;

    return KS_OK;
}


/* A replica that is online says how far it is. */

static void
ks_replconf_ack(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int64_t            offset, synced;
    ks_conn_t         *s;

    s = c->client->conn;

    if (s == NULL || !s->replicating || s->replica->row == 0
        || ks_parse_int(&argv[2], &offset) != KS_OK || offset < 0)
    {
        return;
    }

    synced = 0;

    if (argc > 4 && ks_arg_is(&argv[3], "fack")
        && (ks_parse_int(&argv[4], &synced) != KS_OK || synced < 0))
    {
        return;
    }

    s->replica->acked = 1;
    ks_replica_ack(c->space, s->replica->row - 1, (uint64_t) offset,
                   (uint64_t) synced, ks_clock());
}


/* One word with its value. */

static int
ks_replconf_word(ks_ctx_t *c, ks_replica_said_t *said, const ks_str_t *word,
    const ks_str_t *value)
{
    int  rc, flag;

    if (ks_arg_is(word, "listening-port")) {
        return ks_replconf_port(c, said, value);
    }

    if (ks_arg_is(word, "ip-address")) {
        return ks_replconf_address(c, said, value);
    }

    if (ks_arg_is(word, "capa")) {
        ks_replconf_capable(said, value);
        return KS_OK;
    }

    if (ks_arg_is(word, "rdb-filter-only")) {
        return ks_replconf_filter(c, said, value);
    }

    if (ks_arg_is(word, "rdb-only")) {
        flag = 0;
        rc = ks_replconf_flag(c, value, &flag);
        said->only = (rc == KS_OK && flag);
        return rc;
    }

    if (ks_arg_is(word, "version")) {
        return KS_OK;
    }

    ks_reply_errorf(c->reply, "ERR Unrecognized REPLCONF option: %.*s",
                    (int) ks_min(word->len, 64u), (char *) word->data);

    return KS_ERR;
}


void
ks_cmd_replconf(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int                 i;
    ks_replica_said_t  *said;

    if (argc % 2 == 0) {
        ks_reply_error(c->reply, KS_ERR_SYNTAX);
        return;
    }

    if (argc > 2 && ks_arg_is(&argv[1], "ack")) {
        ks_replconf_ack(c, argc, argv);
        return;
    }

    if (argc > 2 && ks_arg_is(&argv[1], "getack")) {
        return;
    }

    said = ks_replica_said(c);

    if (said == NULL) {
        return;
    }

    for (i = 1; i < argc; i += 2) {
        if (ks_replconf_word(c, said, &argv[i], &argv[i + 1]) != KS_OK) {
            return;
        }
    }

    ks_reply_status(c->reply, "OK");
}
