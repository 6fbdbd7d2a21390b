
/*
 * What a connection to another store begins with: who it is, in which protocol,
 * and its name for the other's CLIENT LIST.
 */


#include "ngx_keyspace_far.h"
#include "commands/ks_args.h"


#define NGX_KEYSPACE_FAR_GREETING  (64 * 1024)  /* bytes of a reply */
#define NGX_KEYSPACE_FAR_REFUSES   "it refuses the connection: "


static ngx_int_t ngx_keyspace_far_hello(ngx_keyspace_far_t *far);
static ngx_int_t ngx_keyspace_far_auth(ngx_keyspace_far_t *far);
static ngx_int_t ngx_keyspace_far_role(ngx_keyspace_far_t *far);
static ngx_int_t ngx_keyspace_far_refused(ngx_keyspace_far_t *far, u_char *p,
    size_t len);
static ngx_uint_t ngx_keyspace_far_no_primary(u_char *p, size_t len);


ngx_int_t
ngx_keyspace_far_login(ngx_keyspace_far_t *far)
{
    ngx_int_t  rc;
    ks_str_t   argv[3];

    far->greetings = 0;
    far->refusal = NULL;
    ks_reader_init(&far->reader, NGX_KEYSPACE_FAR_GREETING);

    rc = far->resp3 ? ngx_keyspace_far_hello(far) : ngx_keyspace_far_auth(far);

    if (rc == NGX_OK && far->upstream->primary) {
        rc = ngx_keyspace_far_role(far);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    argv[0] = ks_text("CLIENT");
    argv[1] = ks_text("SETNAME");
    argv[2] = ks_text(far->name);
    far->greetings++;

    return ngx_keyspace_far_command(far, 3, argv);
}


/* HELLO 3 [AUTH user password] */

static ngx_int_t
ngx_keyspace_far_hello(ngx_keyspace_far_t *far)
{
    ks_str_t                  argv[5];
    ngx_keyspace_upstream_t  *us;

    us = far->upstream;
    far->greetings++;

    argv[0] = ks_text("HELLO");
    argv[1] = ks_text("3");
    argv[2] = ks_text("AUTH");
    argv[3] = ks_text("default");

    if (us->user.len != 0) {
        argv[3].data = us->user.data;
        argv[3].len = us->user.len;
    }

    argv[4].data = us->password.data;
    argv[4].len = us->password.len;

    return ngx_keyspace_far_command(far, us->password.len ? 5 : 2, argv);
}


/* AUTH [user] password: the form with one of them is known to old servers */

static ngx_int_t
ngx_keyspace_far_auth(ngx_keyspace_far_t *far)
{
    ks_str_t                  argv[3];
    ngx_uint_t                n;
    ngx_keyspace_upstream_t  *us;

    us = far->upstream;

    if (us->password.len == 0) {
        return NGX_OK;
    }

    n = 0;
    argv[n++] = ks_text("AUTH");

    if (us->user.len != 0) {
        argv[n].data = us->user.data;
        argv[n++].len = us->user.len;
    }

    argv[n].data = us->password.data;
    argv[n++].len = us->password.len;
    far->greetings++;

    return ngx_keyspace_far_command(far, n, argv);
}


static ngx_int_t
ngx_keyspace_far_role(ngx_keyspace_far_t *far)
{
    ks_str_t  argv[1];

    argv[0] = ks_text("ROLE");
    far->greetings++;

    return ngx_keyspace_far_command(far, 1, argv);
}


/* Takes the replies; it is up with the last of them. */

ssize_t
ngx_keyspace_far_greeted(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    int     rc;
    size_t  n, done;

    done = 0;

    while (far->greetings != 0) {
        rc = ks_reader_next(&far->reader, p + done, len - done, &n);

        if (rc == KS_AGAIN) {
            return (ssize_t) done;
        }

        if (rc == KS_ERR) {
            ngx_sprintf((u_char *) far->text,
                        NGX_KEYSPACE_FAR_STRANGE "%Z");
            return NGX_ERROR;
        }

        if (ngx_keyspace_far_refused(far, p + done, n) != NGX_OK) {
            return NGX_ERROR;
        }

        done += n;
        far->greetings--;
    }

    return (ssize_t) done;
}


/*
 * CLIENT SETNAME is a courtesy, but it fails as well where a password is
 * missing.  Of a user who may not ask for ROLE nothing is known: replicas
 * refuse what writes.
 */

static ngx_int_t
ngx_keyspace_far_refused(ngx_keyspace_far_t *far, u_char *p, size_t len)
{
    if (far->upstream->primary && far->greetings == 2) {

        if (ngx_keyspace_far_no_primary(p, len)) {
            ngx_sprintf((u_char *) far->text, "it is not a primary%Z");
            return NGX_ERROR;
        }

        if (ngx_strncmp(p, "-NOPERM", 7) == 0) {
            return NGX_OK;
        }
    }

    if (*p != '-'
        || (far->greetings == 1 && ngx_strncmp(p, "-NOAUTH", 7) != 0))
    {
        return NGX_OK;
    }

    ngx_snprintf((u_char *) far->text, sizeof(far->text),
                 NGX_KEYSPACE_FAR_REFUSES "%*s%Z",
                 ngx_min(len - 3, sizeof(far->text) - 40), p + 1);

    far->refusal = far->text + sizeof(NGX_KEYSPACE_FAR_REFUSES) - 1;

    return NGX_ERROR;
}


/* A reply to ROLE that begins with another word than "master". */

static ngx_uint_t
ngx_keyspace_far_no_primary(u_char *p, size_t len)
{
    const u_char      *at;
    ks_reader_item_t   it;

    at = p;

    return ks_reader_item(&at, p + len, &it) == KS_OK && it.kind == '*'
           && (ks_reader_item(&at, p + len, &it) != KS_OK
               || it.text.len != 6
               || ngx_memcmp(it.text.data, "master", 6) != 0);
}
