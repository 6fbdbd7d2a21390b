
/*
 * Commands that are handed to another store, as bytes, and what they may
 * change.
 */


#include "ngx_keyspace_far_job.h"
#include "commands/ks_args.h"
#include "commands/ks_sync_token.h"
#include "keyspace/ks_upstream.h"


#define NGX_KEYSPACE_JOB_PARTS  4               /* at first */


static ngx_int_t ngx_keyspace_job_add(ngx_keyspace_job_t *job,
    const ks_far_job_t *fj);
static ngx_uint_t ngx_keyspace_job_reads(const ks_far_job_t *fj);
static ngx_uint_t ngx_keyspace_job_may_again(const ks_far_job_t *fj);
static ngx_int_t ngx_keyspace_job_keys(ngx_keyspace_job_t *job,
    const ks_far_job_t *fj);
static ngx_int_t ngx_keyspace_job_part(ngx_keyspace_job_t *job);
static ngx_int_t ngx_keyspace_job_room(u_char **buf, size_t len, size_t *size,
    size_t n);
static void ngx_keyspace_job_reply(ngx_keyspace_job_t *job, const u_char *p,
    size_t len);
static ngx_uint_t ngx_keyspace_job_begins(const u_char *p, size_t len,
    const char *text, size_t n);


ngx_keyspace_job_t *
ngx_keyspace_job_create(ngx_uint_t offset, ngx_log_t *log)
{
    ngx_keyspace_job_t  *job;

    job = ngx_calloc(sizeof(ngx_keyspace_job_t), log);
    if (job == NULL) {
        return NULL;
    }

    job->offset = (offset != 0);
    job->reads = 1;
    job->since = ngx_current_msec;

    return job;
}


void
ngx_keyspace_job_free(ngx_keyspace_job_t *job)
{
    ngx_free(job->parts);
    ngx_free(job->bytes);
    ngx_free(job->said);
    ngx_free(job->reply.data);
    ngx_free(job->keys);
    ngx_free(job);
}


/* Room for one more part. */

static ngx_int_t
ngx_keyspace_job_part(ngx_keyspace_job_t *job)
{
    ngx_uint_t            room;
    ngx_keyspace_part_t  *parts;

    if (job->nparts < job->room) {
        return NGX_OK;
    }

    room = job->room ? 2 * job->room : NGX_KEYSPACE_JOB_PARTS;

    parts = realloc(job->parts, room * sizeof(ngx_keyspace_part_t));
    if (parts == NULL) {
        return NGX_ERROR;
    }

    job->parts = parts;
    job->room = room;

    return NGX_OK;
}


/* Room for n bytes behind those that a buffer has. */

static ngx_int_t
ngx_keyspace_job_room(u_char **buf, size_t len, size_t *size, size_t n)
{
    u_char  *p;
    size_t   more;

    if (n <= *size - len) {
        return NGX_OK;
    }

    more = ngx_max(len + n, 2 * *size);

    p = realloc(*buf, more);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *buf = p;
    *size = more;

    return NGX_OK;
}


/*
 * A transaction is sent as a whole, and has a reply for each of its commands.
 */

static ngx_int_t
ngx_keyspace_job_add(ngx_keyspace_job_t *job, const ks_far_job_t *fj)
{
    size_t                size;
    u_char               *p;
    uint32_t              n;
    const ks_queued_t    *q;
    ngx_keyspace_part_t  *part;

    static const char  multi[] = "*1" CRLF "$5" CRLF "MULTI" CRLF;
    static const char  exec[] = "*1" CRLF "$4" CRLF "EXEC" CRLF;

    size = fj->queue ? sizeof(multi) + sizeof(exec)
                     : ngx_keyspace_far_size(fj->argc, fj->argv);
    size += NGX_KEYSPACE_JOB_QUESTION;

    for (q = fj->queue; q != NULL; q = q->next) {
        size += ngx_keyspace_far_size(q->argc, q->argv);
    }

    if (ngx_keyspace_job_part(job) != NGX_OK
        || ngx_keyspace_job_room(&job->bytes, job->len, &job->size, size)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = job->bytes + job->len;
    n = 1;

    if (fj->queue == NULL) {
        p = ngx_keyspace_far_write_command(p, fj->argc, fj->argv);

    } else {
        p = ngx_cpymem(p, multi, sizeof(multi) - 1);

        for (q = fj->queue, n = 2; q != NULL; q = q->next, n++) {
            p = ngx_keyspace_far_write_command(p, q->argc, q->argv);
        }

        p = ngx_cpymem(p, exec, sizeof(exec) - 1);
    }

    part = &job->parts[job->nparts++];
    ngx_memzero(part, sizeof(ngx_keyspace_part_t));
    part->replies = n;
    part->from = job->len;
    part->reads = ngx_keyspace_job_reads(fj);
    part->again = ngx_keyspace_job_may_again(fj);

    job->len = p - job->bytes;
    job->reads &= part->reads;
    job->again |= part->again;
    job->slot = fj->slot;
    job->resp3 = fj->resp3;
    job->blocks = (fj->queue == NULL && fj->cmd != NULL
                   && (fj->cmd->flags & KS_CMD_BLOCKING) != 0);
    job->script = (fj->queue == NULL && fj->cmd != NULL
                   && (fj->cmd->acl & KS_ACL_SCRIPTING) != 0);

    return NGX_OK;
}


static ngx_uint_t
ngx_keyspace_job_reads(const ks_far_job_t *fj)
{
    return fj->queue == NULL && fj->cmd != NULL
           && (fj->cmd->flags & KS_CMD_READONLY) != 0;
}


/* Whether a replica that refuses it has run nothing. */

static ngx_uint_t
ngx_keyspace_job_may_again(const ks_far_job_t *fj)
{
    return fj->queue != NULL
           || (fj->cmd != NULL && (fj->cmd->flags & KS_CMD_WRITE)
               && !(fj->cmd->acl & KS_ACL_SCRIPTING));
}


ngx_int_t
ngx_keyspace_job_said(ngx_keyspace_job_t *job, const ks_str_t *bytes)
{
    size_t                size;
    ngx_keyspace_part_t  *part;

    size = job->said_len;

    if (ngx_keyspace_job_part(job) != NGX_OK
        || ngx_keyspace_job_room(&job->said, job->said_len, &size, bytes->len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(job->said + job->said_len, bytes->data, bytes->len);
    job->said_len += bytes->len;

    part = &job->parts[job->nparts++];
    ngx_memzero(part, sizeof(ngx_keyspace_part_t));
    part->said = (uint32_t) bytes->len;
    part->from = job->len;
    part->reads = 1;

    return NGX_OK;
}


/* What is said of a reply that finds no room. */

static const char  ngx_keyspace_job_lost[] =
    "-UNCERTAIN it was run, and there is no memory for its reply" CRLF;


/* There is always room to say so of all parts that are left. */

ngx_int_t
ngx_keyspace_job_reserve(ngx_keyspace_job_t *job, size_t len)
{
    return ngx_keyspace_job_room(&job->reply.data, job->reply.len,
                                 &job->reply_size,
                                 len + (job->nparts - job->part)
                                       * sizeof(ngx_keyspace_job_lost));
}


static void
ngx_keyspace_job_reply(ngx_keyspace_job_t *job, const u_char *p, size_t len)
{
    if (job->waiter == NULL) {
        return;
    }

    if (ngx_keyspace_job_reserve(job, len) != NGX_OK) {
        p = (const u_char *) ngx_keyspace_job_lost;
        len = sizeof(ngx_keyspace_job_lost) - 1;
    }

    ngx_memcpy(job->reply.data + job->reply.len, p, len);
    job->reply.len += len;
}


void
ngx_keyspace_job_note(ngx_keyspace_job_t *job, const u_char *p, size_t len)
{
    ngx_free(job->reply.data);
    ngx_str_null(&job->reply);
    job->reply_size = 0;

    if (job->waiter != NULL && ngx_keyspace_job_reserve(job, len) == NGX_OK) {
        ngx_memcpy(job->reply.data, p, len);
        job->reply.len = len;
    }
}


ngx_int_t
ngx_keyspace_job_keep(ngx_keyspace_job_t *job, const u_char *p, size_t len)
{
    ngx_keyspace_part_t  *part;

    job->readonly = 0;
    job->parts[job->part].reply = job->reply.len;
    ngx_keyspace_job_reply(job, p, len);

    for (job->part++; job->part < job->nparts; job->part++) {
        part = &job->parts[job->part];
        part->reply = job->reply.len;

        if (part->replies != 0) {
            return NGX_AGAIN;
        }

        ngx_keyspace_job_reply(job, job->said + job->said_at, part->said);
        job->said_at += part->said;
    }

    return NGX_OK;
}


/* A reply of those that had come; the next ones follow. */

static ks_str_t
ngx_keyspace_job_next(ks_str_t *came)
{
    size_t       n;
    ks_str_t     one;
    ks_reader_t  rd;

    ks_reader_init(&rd, 0);
    one = *came;

    if (ks_reader_next(&rd, came->data, came->len, &n) != KS_OK) {
        n = came->len;
    }

    one.len = n;
    came->data += n;
    came->len -= n;

    return one;
}


void
ngx_keyspace_job_fates(ngx_keyspace_job_t *job, const ks_str_t *error,
    const char *why)
{
    u_char       run[512], *all;
    ks_str_t     came, one, text;
    ngx_uint_t   before, had;

    text.data = run;
    text.len = ngx_snprintf(run, sizeof(run), "-UNCERTAIN it was run, but the "
                            "connection was lost before this edge had come "
                            "there: %s" CRLF, why)
               - run;

    came = job->reply;
    all = came.data;
    had = job->part;

    job->part = 0;
    job->said_at = 0;
    job->reply_size = 0;
    ngx_str_null(&job->reply);

    while (job->part < job->nparts) {
        before = job->part;
        one = *error;

        if (before < had) {
            one = ngx_keyspace_job_next(&came);
            one = (*one.data == '-' || !job->offset || job->reads) ? one : text;
        }

        (void) ngx_keyspace_job_keep(job, one.data, one.len);

        for (before++; before < job->part && before < had; before++) {
            (void) ngx_keyspace_job_next(&came);
        }
    }

    ngx_free(all);
}


/* --- how far the store is --- */

ngx_str_t *
ngx_keyspace_job_question(ngx_uint_t chained)
{
    static ngx_str_t  questions[] = {
        ngx_string("*1" CRLF "$4" CRLF "ROLE" CRLF),
        ngx_string("*1" CRLF "$13" CRLF "KEYSPACE.SYNC" CRLF)
    };

    return &questions[chained != 0];
}


/* A token of the history that this zone goes by, or what ROLE says. */

ngx_int_t
ngx_keyspace_job_answer(ngx_keyspace_zone_t *kz, u_char *p, size_t len,
    uint64_t *offset)
{
    ngx_int_t             rc;
    const u_char         *at, *end;
    ks_sync_token_t       token;
    ks_reader_item_t      it;
    ks_upstream_state_t   st;

    at = p;
    end = p + len;
    *offset = 0;

    if (ks_reader_item(&at, end, &it) != KS_OK) {
        return NGX_ERROR;
    }

    if (it.kind == '$' && !it.null) {
        ks_upstream_state(kz->zone, &st);

        if (ks_sync_token_read(&it.text, &token) != KS_OK
            || ngx_memcmp(token.id, st.replid, KS_REPLID) != 0)
        {
            return NGX_ERROR;
        }

        *offset = token.n;

        return NGX_OK;
    }

    if (it.kind != '*' || ks_reader_item(&at, end, &it) != KS_OK) {
        return NGX_ERROR;
    }

    rc = (it.text.len == 6 && ngx_memcmp(it.text.data, "master", 6) == 0)
         ? NGX_OK : NGX_DECLINED;

    /* the offset is the first number, but for the port of its upstream */

    if (rc == NGX_DECLINED) {
        (void) ks_reader_item(&at, end, &it);
        (void) ks_reader_item(&at, end, &it);
        (void) ks_reader_item(&at, end, &it);
    }

    if (ks_reader_item(&at, end, &it) != KS_OK || it.kind != ':' || it.n < 0) {
        return NGX_ERROR;
    }

    *offset = (uint64_t) it.n;

    return rc;
}


/* --- what it may change --- */

static int
ngx_keyspace_job_key(void *data, const ks_str_t *key)
{
    ngx_keyspace_job_t *job = data;

    u_char  *keys;

    keys = realloc(job->keys, job->keys_len + sizeof(size_t) + key->len);
    if (keys == NULL) {
        return NGX_ERROR;
    }

    job->keys = keys;
    keys += job->keys_len;
    ngx_memcpy(keys, &key->len, sizeof(size_t));

    if (key->len != 0) {
        ngx_memcpy(keys + sizeof(size_t), key->data, key->len);
    }

    job->keys_len += sizeof(size_t) + key->len;

    return NGX_OK;
}


/*
 * And what it reads: its reply may tell of a change that this edge has not
 * heard of yet, and nothing older is read here behind it.
 */

static ngx_int_t
ngx_keyspace_job_keys_of(ngx_keyspace_job_t *job, const ks_command_t *cmd,
    int argc, const ks_str_t *argv)
{
    if ((cmd->flags & KS_CMD_WRITE) && cmd->keys[0].first == 0
        && !(cmd->acl & KS_ACL_SCRIPTING))
    {
        job->all = 1;
    }

    return ks_far_keys(cmd, argc, argv, ngx_keyspace_job_key, job);
}


static ngx_int_t
ngx_keyspace_job_keys(ngx_keyspace_job_t *job, const ks_far_job_t *fj)
{
    const ks_queued_t  *q;

    if (fj->queue == NULL) {
        return ngx_keyspace_job_keys_of(job, fj->cmd, fj->argc, fj->argv);
    }

    for (q = fj->queue; q != NULL; q = q->next) {
        if (ngx_keyspace_job_keys_of(job, q->cmd, q->argc, q->argv)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_keyspace_job_join(ngx_keyspace_job_t *job, ngx_keyspace_line_t *line,
    const ks_far_job_t *fj)
{
    job->line = line;

    if (line->forward->far.near != NULL
        && ngx_keyspace_job_keys(job, fj) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_keyspace_job_add(job, fj);
}


/* It has a reply, or may have been run: what it writes is not here any more. */

void
ngx_keyspace_job_wrote(ngx_keyspace_job_t *job)
{
    u_char               *p, *end;
    ks_str_t              key;
    ngx_keyspace_zone_t  *kz;

    kz = job->line->forward->zone;
    end = job->keys + job->keys_len;

    ngx_keyspace_near_tick(kz);

    for (p = job->keys; p < end; p = key.data + key.len) {
        ngx_memcpy(&key.len, p, sizeof(size_t));
        key.data = p + sizeof(size_t);
        ngx_keyspace_near_wrote(kz, &key);
    }

    if (job->all) {
        ngx_keyspace_near_wrote_all(kz);
    }

    if (job->keys_len != 0) {
        ngx_keyspace_settle(kz);
    }
}


/* --- a store that refuses MULTI --- */

/*
 * All of a transaction is sent at once, so what was to be queued is run by
 * itself then, and what EXEC says is not the truth.
 */

void
ngx_keyspace_job_torn(ngx_keyspace_job_t *job, u_char **p, size_t *len)
{
    ngx_uint_t  n, replies;

    static u_char  torn[] =
        "-UNCERTAIN the commands were run, but one by one and not as a "
        "transaction: the upstream refuses MULTI" CRLF;

    /* the reply to ASKING comes before those of the part */

    n = job->line->replies - job->asked;
    replies = job->parts[job->part].replies - job->asked;

    if (replies == 1 || n == 0) {
        return;
    }

    if (n == 1) {
        job->alone = (**p == '-');
        job->ran = 0;
        return;
    }

    if (n < replies) {
        job->ran |= job->alone && **p != '-';
        return;
    }

    if (job->ran) {
        job->ran = 0;
        *p = torn;
        *len = sizeof(torn) - 1;
    }
}


/* --- a store that has become a replica --- */

/*
 * A transaction that had such a command in it has no other effect, and neither
 * has one that was refused as a whole.  What a script says of it counts for
 * nothing, as it may have caught the error.
 */

void
ngx_keyspace_job_judge(ngx_keyspace_job_t *job, const u_char *p, size_t len)
{
    ngx_uint_t            refused;
    ngx_keyspace_part_t  *part;

    static const char  aborted[] = "-EXECABORT ";
    static const char  readonly[] = "-READONLY ";
    static const char  because[] =
        "-EXECABORT Transaction discarded because of: READONLY ";

    part = &job->parts[job->part];

    if (*p != '-' || !job->again || !part->again) {
        return;
    }

    refused = ngx_keyspace_job_begins(p, len, readonly, sizeof(readonly) - 1);
    job->readonly |= refused;

    if (job->line->replies < part->replies) {
        return;
    }

    if (part->replies > 1) {
        refused = ngx_keyspace_job_begins(p, len, because, sizeof(because) - 1)
                  || (job->readonly
                      && ngx_keyspace_job_begins(p, len, aborted,
                                                 sizeof(aborted) - 1));
    }

    part->refused = (refused != 0);
    job->refused |= part->refused;
}


static ngx_uint_t
ngx_keyspace_job_begins(const u_char *p, size_t len, const char *text,
    size_t n)
{
    return len > n && ngx_memcmp(p, text, n) == 0;
}


ngx_int_t
ngx_keyspace_job_rewind(ngx_keyspace_job_t *job)
{
    size_t      from;
    ngx_uint_t  i, first;

    first = job->nparts;

    for (i = job->nparts; i-- != 0; /* void */ ) {

        if (job->parts[i].refused) {
            first = i;

        } else if (!job->parts[i].reads) {
            break;
        }
    }

    if (first == job->nparts) {
        return NGX_DECLINED;
    }

    from = job->parts[first].from;
    ngx_memmove(job->bytes, job->bytes + from, job->len - from);
    job->len -= from;

    job->reply.len = job->parts[first].reply;
    job->said_at = job->said_len;

    for (i = first; i < job->nparts; i++) {
        job->parts[i].from -= from;
        job->parts[i].refused = 0;
        job->said_at -= job->parts[i].said;
    }

    job->part = first;
    job->readonly = 0;
    job->refused = 0;

    return NGX_OK;
}


void
ngx_keyspace_job_end(ngx_keyspace_job_t *job)
{
    ngx_queue_remove(&job->queue);
    job->line->jobs--;
    ngx_keyspace_job_free(job);
}
