/*
 * Connections: logging in, HELLO, MULTI and EXEC, WATCH across processes'
 * handles, CLIENT, and that none of it works without a connection.
 *
 * Several clients share one zone, each with a handle of its own, as if each
 * were served by a worker of its own.
 */

#include "protocol_test.h"

#include <sys/mman.h>

#include "commands/ks_args.h"
#include "commands/ks_conn.h"
#include "keyspace/ks_keyspace.h"


#define CLIENTS     4
#define ARGS_MAX    64
#define ROOM        (8u << 20)

typedef struct box_s  box_t;

typedef struct {
    ks_conn_t  s;
    box_t     *box;
    int        open;
    int        killed;
    char       addr[32];
} peer_t;

struct box_s {
    void          *base;
    size_t         size;
    ks_zone_t     *zone;
    peer_t         peers[CLIENTS];
    ks_peers_t     clients;
    int            logins;
    size_t         limit;       /* of a reply; 0: none */
    int            no_memory;   /* for replies */
    pool_t         pool;
    ks_out_t       out;
    ks_resp_t      resp;
    char          *reply;
    char          *last;
};


/* --- the host --- */

static int
host_is(const u_char *hex, const char *password)
{
    u_char    digest[KS_ACL_DIGEST];
    ks_str_t  text;

    text = ks_text(password);
    assert_int_equal(ks_acl_digest(&text, digest), KS_OK);

    return memcmp(hex, digest, KS_ACL_DIGEST) == 0;
}


static const ks_user_t *
host_login(ks_conn_t *s, unsigned db, const ks_str_t *name, const u_char *hex)
{
    ks_str_t  user;
    peer_t   *p = s->data;

    (void) db;

    p->box->logins++;
    user = ks_text("default");

    if (!ks_str_same(name, &user)) {
        return NULL;
    }

    return host_is(hex, "sesame") ? &ks_user_default
           : host_is(hex, "look") ? &ks_user_reader : NULL;
}


static void
host_about(ks_conn_t *s, ks_conn_about_t *about)
{
    peer_t  *p = s->data;

    about->addr = ks_text(p->addr);
    about->laddr = ks_text("127.0.0.1:6379");
    about->fd = 7;
    about->qbuf = 26;
    about->qbuf_free = 100;
    about->out = 5;
}


static ks_peers_t *
host_peers(ks_conn_t *s, unsigned db)
{
    peer_t  *p = s->data;

    (void) db;

    return &p->box->clients;
}


static void
host_kill(ks_conn_t *victim)
{
    peer_t  *p = victim->data;

    assert_true(victim->closing);
    p->killed++;
}


static const ks_conn_host_t     host = {
    host_login, host_about, host_peers, host_kill, NULL, NULL
};


/* --- clients --- */

static box_t *
box_open(size_t size, ks_policy_t policy, const ks_user_t *user)
{
    int            i;
    box_t         *b;
    const char    *err;
    static u_char  seed[16] = "unit test's seed";

    b = calloc(1, sizeof(box_t));
    assert_non_null(b);

    b->size = size;
    b->base = mmap(NULL, size, PROT_READ|PROT_WRITE,
                   MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(b->base, MAP_FAILED);

    b->zone = ks_zone_create_sharded(b->base, size, 4, seed, 1, &err);
    assert_non_null(b->zone);
    ks_zone_set_policy(b->zone, policy);
    assert_int_equal(ks_commands_init(), KS_OK);

    b->reply = malloc(ROOM);
    assert_non_null(b->reply);

    for (i = 0; i < CLIENTS; i++) {
        b->peers[i].box = b;
        b->peers[i].open = 1;
        snprintf(b->peers[i].addr, sizeof(b->peers[i].addr), "10.0.0.%d:5000",
                 i + 1);
        ks_conn_init(&b->peers[i].s, ks_space_open(b->zone), &host,
                     &b->peers[i], user);
        assert_non_null(b->peers[i].s.client.space);
    }

    return b;
}


static void
box_fault(void *data, const char *fault)
{
    (void) data;

    print_error("%s\n", fault);
}


static void
box_close(box_t *b)
{
    int  i;

    assert_int_equal(ks_check(b->peers[0].s.client.space, box_fault, NULL), 0);

    for (i = 0; i < CLIENTS; i++) {
        ks_conn_free(&b->peers[i].s);
        ks_space_close(b->peers[i].s.client.space);
    }

    munmap(b->base, b->size);
    pool_free(&b->pool);
    free(b->reply);
    free(b->last);
    free(b);
}


static void *
no_alloc(void *data, size_t size)
{
    (void) data;
    (void) size;

    return NULL;
}


static void
say_args(box_t *b, int client, int argc, ks_str_t *argv)
{
    size_t      n, left;
    ks_ahead_t  a;
    ks_conn_t  *s;

    s = &b->peers[client].s;
    pool_free(&b->pool);
    ks_out_init(&b->out, NULL, 0, b->no_memory ? no_alloc : pool_alloc,
                &b->pool);
    b->out.limit = b->limit ? b->limit : SIZE_MAX;
    ks_resp_init(&b->resp, &b->out, s->resp);

    a.argc = argc;
    a.argv = argv;

    a.now = 0;
    a.hold = 0;

    ks_conn_ahead(s, &a, NULL);
    ks_ahead_entry(&s->client, &a);
    ks_conn_execute(s, &a, &b->resp.reply);

    if (b->no_memory) {
        assert_true(b->out.failed);     /* the host says so, or hangs up */
        b->out.failed = 0;
    }

    free(b->last);
    b->last = (char *) out_bytes(&b->out, &left);
    n = strlen(b->reply);
    assert_true(n + left < ROOM);
    memcpy(b->reply + n, b->last, left);
    b->reply[n + left] = '\0';
}


/*
 * Lines of words, one client's; all replies together.  A word of only "" is
 * an empty argument.
 */

static const char *
say(box_t *b, int client, const char *text)
{
    int        argc;
    char      *copy, *lines, *words, *line, *word;
    ks_str_t   argv[ARGS_MAX];

    copy = strdup(text);
    assert_non_null(copy);
    b->reply[0] = '\0';

    for (line = strtok_r(copy, "\n", &lines); line;
         line = strtok_r(NULL, "\n", &lines))
    {
        for (argc = 0, word = strtok_r(line, " ", &words); word;
             word = strtok_r(NULL, " ", &words))
        {
            argv[argc++] = ks_text(strcmp(word, "\"\"") ? word : "");
        }

        say_args(b, client, argc, argv);
    }

    free(copy);

    return b->reply;
}


#define expect(b, client, text, reply)                                        \
    assert_string_equal(say(b, client, text), reply)

static int
count(const char *s, const char *what)
{
    int  n;

    for (n = 0; (s = strstr(s, what)) != NULL; n++, s++) { /* void */ }

    return n;
}


#define OK      "+OK\r\n"
#define QUEUED  "+QUEUED\r\n"
#define PONG    "+PONG\r\n"
#define NULLS   "*-1\r\n"
#define ABORT   "-EXECABORT Transaction discarded because of previous "       \
                "errors.\r\n"
#define NOAUTH  "-NOAUTH Authentication required.\r\n"
#define WRONG   "-WRONGPASS invalid username-password pair or user is "       \
                "disabled.\r\n"


/* --- logging in --- */

static void
test_auth(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_guest);

    expect(b, 0, "PING", NOAUTH);
    expect(b, 0, "get", "-ERR wrong number of arguments for 'get' command\r\n");
    expect(b, 0, "foo", "-ERR unknown command 'foo', with args beginning "
           "with: \r\n");
    expect(b, 0, "CLIENT foo", "-ERR unknown subcommand 'foo'. Try CLIENT "
           "HELP.\r\n");
    expect(b, 0, "CLIENT ID", NOAUTH);
    expect(b, 0, "MULTI", NOAUTH);
    expect(b, 0, "EXEC", NOAUTH);
    expect(b, 0, "SET k v", NOAUTH);
    expect(b, 0, "SELECT 0", NOAUTH);
    expect(b, 0, "COMMAND", NOAUTH);
    expect(b, 0, "RESET", "+RESET\r\n");
    expect(b, 0, "AUTH", "-ERR wrong number of arguments for 'auth' "
           "command\r\n");
    expect(b, 0, "AUTH a b c", "-ERR syntax error\r\n");
    assert_int_equal(b->logins, 0);

    expect(b, 0, "AUTH x", WRONG);
    expect(b, 0, "AUTH default x", WRONG);
    expect(b, 0, "AUTH Default sesame", WRONG);
    expect(b, 0, "AUTH someone sesame", WRONG);
    assert_true(b->peers[0].s.guest);
    assert_int_equal(b->logins, 4);
    expect(b, 0, "PING", NOAUTH);

    expect(b, 0, "AUTH sesame\nPING\nSET k v", OK PONG OK);
    assert_false(b->peers[0].s.guest);
    expect(b, 0, "AUTH x\nPING\nSET k v", WRONG PONG OK);
    expect(b, 0, "AUTH default sesame\nGET k", OK "$1\r\nv\r\n");
    expect(b, 1, "GET k", NOAUTH);

    expect(b, 0, "RESET\nPING", "+RESET\r\n" NOAUTH);
    assert_true(b->peers[0].s.guest);

    box_close(b);
}


static void
test_readonly(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_guest);

    expect(b, 0, "AUTH look\nGET k\nSET k v\nKEYS *\nCLIENT LIST",
           OK "$-1\r\n"
           "-NOPERM User default has no permissions to run the 'set' "
           "command\r\n"
           "-NOPERM User default has no permissions to run the 'keys' "
           "command\r\n"
           "-NOPERM User default has no permissions to run the 'client|list' "
           "command\r\n");
    expect(b, 0, "WATCH k\nMULTI\nGET k\nEXEC",
           OK OK QUEUED "*1\r\n$-1\r\n");
    expect(b, 0, "MULTI\nDEL k\nGET k\nEXEC",
           OK "-NOPERM User default has no permissions to run the 'del' "
           "command\r\n" QUEUED ABORT);

    /* what an AUTH in between opens or closes counts when the command runs */

    expect(b, 0, "AUTH sesame\nMULTI\nSET k v\nAUTH look\nSET k w\nGET k\n"
           "EXEC\nSET k x",
           OK OK QUEUED QUEUED QUEUED QUEUED "*4\r\n" OK OK
           "-NOPERM ACLs rules changed between the moment the transaction was "
           "accumulated and the EXEC call. This command is no longer allowed "
           "for the following reason: no permission to execute the command or "
           "subcommand\r\n$1\r\nv\r\n"
           "-NOPERM User default has no permissions to run the 'set' "
           "command\r\n");

    box_close(b);

    /* nobody needs a password, and all may only read */

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_reader);
    expect(b, 0, "GET k\nSET k v", "$-1\r\n-NOPERM User default has no "
           "permissions to run the 'set' command\r\n");
    expect(b, 0, "RESET\nSET k v", "+RESET\r\n-NOPERM User default has no "
           "permissions to run the 'set' command\r\n");
    box_close(b);
}


static void
test_public(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    expect(b, 0, "PING\nSET k v", PONG OK);
    expect(b, 0, "AUTH x", "-ERR AUTH <password> called without any password "
           "configured for the default user. Are you sure your configuration "
           "is correct?\r\n");
    expect(b, 0, "AUTH default x\nAUTH someone x", OK WRONG);
    expect(b, 0, "RESET\nGET k", "+RESET\r\n$1\r\nv\r\n");
    assert_int_equal(b->logins, 0);

    box_close(b);
}


/* --- HELLO, RESET, QUIT --- */

static const char *
hello_reply(box_t *b, int client, int resp)
{
    char         id[32];
    static char  text[512];

    snprintf(id, sizeof(id), "%llu",
             (unsigned long long) b->peers[client].s.id);
    snprintf(text, sizeof(text), "%s\r\n$6\r\nserver\r\n$5\r\nredis\r\n"
             "$7\r\nversion\r\n$%zu\r\n" KS_REDIS_VERSION "\r\n"
             "$5\r\nproto\r\n:%d\r\n$2\r\nid\r\n:%s\r\n"
             "$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n"
             "$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n",
             resp == 3 ? "%7" : "*14", sizeof(KS_REDIS_VERSION) - 1, resp, id);

    return text;
}


static void
test_hello(void **state)
{
    box_t       *b;
    const char  *noauth;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_guest);
    noauth = "-NOAUTH HELLO must be called with the client already "
             "authenticated, otherwise the HELLO <proto> AUTH <user> <pass> "
             "option can be used to authenticate the client and select the "
             "RESP protocol version at the same time\r\n";

    expect(b, 0, "HELLO", noauth);
    expect(b, 0, "HELLO 3", noauth);
    expect(b, 0, "HELLO 3 SETNAME joe", noauth);
    expect(b, 0, "HELLO 4", "-NOPROTO unsupported protocol version\r\n");
    expect(b, 0, "HELLO 1", "-NOPROTO unsupported protocol version\r\n");
    expect(b, 0, "HELLO x", "-ERR Protocol version is not an integer or out "
           "of range\r\n");
    expect(b, 0, "HELLO 3 AUTH default",
           "-ERR Syntax error in HELLO option 'AUTH'\r\n");
    expect(b, 0, "HELLO 3 AUTH default bad", WRONG);
    assert_int_equal(b->peers[0].s.resp, 2);
    assert_true(b->peers[0].s.guest);

    expect(b, 0, "HELLO 3 AUTH default sesame SETNAME joe",
           hello_reply(b, 0, 3));
    assert_int_equal(b->peers[0].s.resp, 3);
    expect(b, 0, "CLIENT GETNAME\nGET none", "$3\r\njoe\r\n_\r\n");
    expect(b, 0, "HELLO", hello_reply(b, 0, 3));
    expect(b, 0, "HELLO 2 FOO", "-ERR Syntax error in HELLO option 'FOO'\r\n");
    expect(b, 0, "HELLO 2 SETNAME a b",
           "-ERR Syntax error in HELLO option 'b'\r\n");
    expect(b, 0, "HELLO 2 SETNAME a\tb", "-ERR Client names cannot contain "
           "spaces, newlines or special characters.\r\n");
    expect(b, 0, "HELLO 2 SETNAME", "-ERR Syntax error in HELLO option "
           "'SETNAME'\r\n");
    assert_int_equal(b->peers[0].s.resp, 3);

    expect(b, 0, "HELLO 2 SETNAME \"\"", hello_reply(b, 0, 2));
    expect(b, 0, "CLIENT GETNAME", "$-1\r\n");

    /* all is as at the beginning, but for the number */

    expect(b, 0, "HELLO 3 SETNAME joe", hello_reply(b, 0, 3));
    expect(b, 0, "WATCH k\nMULTI\nSET k v\nRESET", OK OK QUEUED "+RESET\r\n");
    assert_int_equal(b->peers[0].s.resp, 2);
    assert_int_equal(b->peers[0].s.nwatches, 0);
    expect(b, 0, "EXEC", NOAUTH);
    expect(b, 0, "AUTH sesame\nCLIENT GETNAME\nEXEC\nGET k",
           OK "$-1\r\n-ERR EXEC without MULTI\r\n$-1\r\n");

    expect(b, 1, "QUIT", OK);
    assert_true(b->peers[1].s.closing);
    expect(b, 2, "QUIT now", OK);
    assert_true(b->peers[2].s.closing);
    expect(b, 0, "MULTI\nQUIT", OK OK);
    assert_true(b->peers[0].s.closing);

    box_close(b);
}


static void
test_ids(void **state)
{
    int     i, k;
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    for (i = 0; i < CLIENTS; i++) {
        assert_true(b->peers[i].s.id > 0);

        for (k = 0; k < i; k++) {
            assert_true(b->peers[i].s.id != b->peers[k].s.id);
        }
    }

    box_close(b);
}


/* --- MULTI --- */

static void
test_multi(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    expect(b, 0, "EXEC", "-ERR EXEC without MULTI\r\n");
    expect(b, 0, "DISCARD", "-ERR DISCARD without MULTI\r\n");
    expect(b, 0, "MULTI\nMULTI\nEXEC",
           OK "-ERR MULTI calls can not be nested\r\n*0\r\n");
    expect(b, 0, "MULTI\nWATCH a\nPING\nEXEC",
           OK "-ERR WATCH inside MULTI is not allowed\r\n" QUEUED
           "*1\r\n" PONG);

    expect(b, 0, "MULTI\nSET a 1\nINCR a\nINCR a\nGET a\nEXEC\nGET a",
           OK QUEUED QUEUED QUEUED QUEUED
           "*4\r\n+OK\r\n:2\r\n:3\r\n$1\r\n3\r\n$1\r\n3\r\n");

    /* others see nothing of it before */

    expect(b, 0, "MULTI\nSET a 5", OK QUEUED);
    expect(b, 1, "GET a", "$1\r\n3\r\n");
    assert_int_equal(b->peers[0].s.queued, 1);
    expect(b, 0, "EXEC", "*1\r\n" OK);
    expect(b, 1, "GET a", "$1\r\n5\r\n");
    assert_int_equal(b->peers[0].s.queue_bytes, 0);

    /* an error while it runs stops nothing */

    expect(b, 0, "SET s x\nMULTI\nSET a 1\nINCR s\nINCR a\nSELECT 1\nEXEC",
           OK OK QUEUED QUEUED QUEUED QUEUED
           "*4\r\n+OK\r\n-ERR value is not an integer or out of range\r\n"
           ":2\r\n-ERR DB index is out of range\r\n");

    /* an error while it is queued does */

    expect(b, 0, "MULTI\nSET a 7\nfoo\nSET a 8\nEXEC\nGET a\nEXEC",
           OK QUEUED "-ERR unknown command 'foo', with args beginning with: "
           "\r\n" QUEUED ABORT "$1\r\n2\r\n-ERR EXEC without MULTI\r\n");
    expect(b, 0, "MULTI\nget\nEXEC",
           OK "-ERR wrong number of arguments for 'get' command\r\n" ABORT);
    expect(b, 0, "MULTI\nCLIENT foo\nEXEC",
           OK "-ERR unknown subcommand 'foo'. Try CLIENT HELP.\r\n" ABORT);
    expect(b, 0, "MULTI\nSET a 9\nEXEC now\nEXEC",
           OK QUEUED "-EXECABORT Transaction discarded because of: wrong "
           "number of arguments for 'exec' command\r\n"
           "-ERR EXEC without MULTI\r\n");
    expect(b, 0, "MULTI\nPING\nDISCARD now\nDISCARD\nGET a",
           OK QUEUED "-ERR wrong number of arguments for 'discard' command\r\n"
           OK "$1\r\n2\r\n");
    expect(b, 0, "MULTI now", "-ERR wrong number of arguments for 'multi' "
           "command\r\n");

    expect(b, 0, "MULTI\nSET a 9\nDISCARD\nGET a\nMULTI\nEXEC",
           OK QUEUED OK "$1\r\n2\r\n" OK "*0\r\n");

    box_close(b);
}


/* commands that need no keys, or all of them, or lock by themselves */

static void
test_multi_of_all_kinds(void **state)
{
    box_t       *b;
    const char  *r;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    expect(b, 0, "MSET a 1 b 2 c 3\nMULTI\nDBSIZE\nSET d 4\nDBSIZE\nFLUSHALL\n"
           "DBSIZE\nSET e 5\nDBSIZE\nEXEC\nDBSIZE",
           OK OK QUEUED QUEUED QUEUED QUEUED QUEUED QUEUED QUEUED
           "*7\r\n:3\r\n+OK\r\n:4\r\n+OK\r\n:0\r\n+OK\r\n:1\r\n:1\r\n");

    expect(b, 0, "MULTI\nFLUSHALL\nEXEC\nDBSIZE",
           OK QUEUED "*1\r\n+OK\r\n:0\r\n");

    r = say(b, 0, "MULTI\nSET a 1\nMEMORY DOCTOR\nSCAN 0 COUNT 1000\nDEL a\n"
            "MEMORY DOCTOR\nINFO\nCOMMAND COUNT\nRANDOMKEY\nEXEC");
    assert_non_null(strstr(r, "*8\r\n+OK\r\n$"));
    assert_non_null(strstr(r, "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n:1\r\n"));
    assert_string_equal(r + strlen(r) - 5, "$-1\r\n");

    /* the doctor finds nothing wrong with a transaction that goes on */

    r = say(b, 0, "MULTI\nMEMORY DOCTOR\nSET a 1 EX 100\nRPUSH l 1 2 3\n"
            "SETRANGE b 50000 x\nMEMORY DOCTOR\nAPPEND b x\nDEL b\n"
            "MEMORY DOCTOR\nFLUSHALL\nMEMORY DOCTOR\nEXEC");
    assert_int_equal(count(r, "ok: no faults in the zone"), 4);

    expect(b, 0, "MULTI\nHELLO 3\nGET none\nHELLO 2\nGET none\nEXEC\nGET none",
           OK QUEUED QUEUED QUEUED QUEUED
           "*4\r\n%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n"
           "$5\r\n" KS_REDIS_VERSION "\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n"
           ":1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n"
           "$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n_\r\n"
           "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n"
           "$5\r\n" KS_REDIS_VERSION "\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n"
           ":1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n"
           "$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n$-1\r\n$-1\r\n");

    box_close(b);
}


static void
test_queue_limit(void **state)
{
    int        i;
    box_t     *b;
    u_char    *big;
    ks_str_t   argv[3];

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);
    b->peers[0].s.queue_max = 100000;
    big = calloc(1, 30000);
    assert_non_null(big);

    argv[0] = ks_text("SET");
    argv[1] = ks_text("k");
    argv[2].data = big;
    argv[2].len = 30000;

    expect(b, 0, "MULTI", OK);

    for (i = 0; i < 3; i++) {
        b->reply[0] = '\0';
        say_args(b, 0, 3, argv);
        assert_string_equal(b->reply, QUEUED);
    }

    b->reply[0] = '\0';
    say_args(b, 0, 3, argv);
    assert_string_equal(b->reply, "-ERR the transaction is too large\r\n");
    b->reply[0] = '\0';
    say_args(b, 0, 3, argv);
    assert_string_equal(b->reply, QUEUED);
    assert_true(b->peers[0].s.queue_bytes <= 100000);

    expect(b, 0, "EXEC\nEXISTS k\nMULTI\nSET k v\nEXEC",
           ABORT ":0\r\n" OK QUEUED "*1\r\n" OK);

    free(big);
    box_close(b);
}


/* --- lack of memory --- */

static void
test_exec_out_of_memory(void **state)
{
    int        i;
    box_t     *b;
    u_char    *big;
    ks_str_t   argv[3];

    (void) state;

    b = box_open(1u << 20, KS_NOEVICTION, &ks_user_default);
    big = calloc(1, 200000);
    assert_non_null(big);

    argv[0] = ks_text("SET");
    argv[2].data = big;
    argv[2].len = 200000;

    expect(b, 0, "SET a 1\nMULTI\nHELLO 3\nGET a\nINCR a",
           OK OK QUEUED QUEUED QUEUED);

    for (i = 0; i < 6; i++) {
        char  key[16];

        snprintf(key, sizeof(key), "big:%d", i);
        argv[1] = ks_text(key);
        say_args(b, 0, 3, argv);
    }

    expect(b, 0, "EXEC\nGET a\nDBSIZE\nGET none",
           "-EXECABORT Transaction discarded because of: OOM command not "
           "allowed when used memory > 'maxmemory'.\r\n$1\r\n1\r\n:1\r\n"
           "$-1\r\n");

    /* where others can be evicted, it is run again from its start */

    ks_zone_set_policy(b->zone, KS_ALLKEYS_LRU);

    for (i = 0; i < 4; i++) {
        char  key[16];

        snprintf(key, sizeof(key), "old:%d", i);
        argv[1] = ks_text(key);
        b->reply[0] = '\0';
        say_args(b, 1, 3, argv);
        assert_string_equal(b->reply, OK);
    }

    expect(b, 0, "MULTI\nHELLO 3\nINCR n\nUNWATCH", OK QUEUED QUEUED QUEUED);

    for (i = 0; i < 3; i++) {
        char  key[16];

        snprintf(key, sizeof(key), "new:%d", i);
        argv[1] = ks_text(key);
        say_args(b, 0, 3, argv);
    }

    say(b, 0, "EXEC");
    assert_int_equal(strncmp(b->reply, "*6\r\n%7\r\n", 8), 0);
    assert_non_null(strstr(b->reply, "*0\r\n:1\r\n+OK\r\n" OK OK OK));
    expect(b, 1, "EXISTS n new:0 new:1 new:2", ":4\r\n");

    free(big);
    box_close(b);
}


/* --- WATCH --- */

/* client 0 watches a key, client 1 does something, and 0 has its way or not */

static void
watch_case(box_t *b, const char *before, const char *watch, const char *change,
    int runs)
{
    say(b, 1, "FLUSHALL");

    if (*before) {
        say(b, 1, before);
        assert_null(strstr(b->reply, "-ERR"));
    }

    say(b, 0, watch);
    assert_null(strstr(b->reply, "-ERR"));

    if (*change) {
        say(b, 1, change);
        assert_null(strstr(b->reply, "-ERR"));
    }

    say(b, 0, "MULTI\nPING\nEXEC");

    if (strcmp(b->reply, runs ? OK QUEUED "*1\r\n" PONG : OK QUEUED NULLS)) {
        fail_msg("%s / %s / %s: %s", before, watch, change, b->reply);
    }

    /* whatever has become of it, nothing is watched any more */

    say(b, 1, "SET k again");
    say(b, 0, "MULTI\nPING\nEXEC");
    assert_string_equal(b->reply, OK QUEUED "*1\r\n" PONG);
}


static void
test_watch(void **state)
{
    size_t  i;
    box_t  *b;

    static const struct {
        const char  *before;
        const char  *change;
        int          runs;
    } t[] = {
        /* nothing has happened */
        { "", "", 1 },
        { "SET k v", "", 1 },
        { "SET k v", "GET k\nTTL k\nEXISTS k\nTYPE k\nTOUCH k\nSTRLEN k", 1 },
        { "SET k v", "SET other v\nDEL other\nINCR n", 1 },
        { "", "DEL k\nEXPIRE k 10\nPERSIST k\nGETDEL k", 1 },
        { "SET k v", "SETNX k w\nSET k w NX\nMSETNX k 1 l 2", 1 },
        { "SET k v", "SETRANGE k 0 \"\"\nPERSIST k\nGETEX k", 1 },
        { "SET k v", "MULTI\nSET k w\nDISCARD", 1 },
        { "", "FLUSHALL", 1 },
        { "", "MULTI\nFLUSHALL\nEXEC", 1 },
        { "SET k v", "COPY k l\nRENAMENX k k", 1 },

        /* strings */
        { "", "SET k v", 0 },
        { "SET k v", "SET k v", 0 },
        { "SET k v", "SET k w", 0 },
        { "SET k v", "SET k a-value-of-another-size-and-so-elsewhere", 0 },
        { "SET k v", "APPEND k w", 0 },
        { "SET k v", "SETRANGE k 0 w", 0 },
        { "SET k v", "SETRANGE k 5000 w", 0 },
        { "SET k v", "SETBIT k 0 1", 0 },
        { "SET k v", "BITFIELD k SET u8 0 5", 0 },
        { "SET k 1", "INCR k", 0 },
        { "SET k 1", "INCRBYFLOAT k 1.5", 0 },
        { "", "INCR k", 0 },
        { "SET k v", "GETSET k w", 0 },
        { "SET k v", "MSET a 1 k 2", 0 },
        { "SET k v EX 100", "SET k w KEEPTTL", 0 },

        /* keys */
        { "SET k v", "DEL k", 0 },
        { "SET k v", "GETDEL k", 0 },
        { "SET k v", "UNLINK k", 0 },
        { "SET k v", "DEL k\nSET k v", 0 },
        { "", "SET k v\nDEL k", 0 },
        { "SET k v", "EXPIRE k 100", 0 },
        { "SET k v EX 100", "EXPIRE k 200", 0 },
        { "SET k v PXAT 99999999999999", "PEXPIREAT k 99999999999999", 0 },
        { "SET k v EX 100", "PERSIST k", 0 },
        { "SET k v EX 100", "EXPIRE k -1", 0 },
        { "SET k v", "GETEX k EX 100", 0 },
        { "SET k v", "RENAME k l", 0 },
        { "SET l v", "RENAME l k", 0 },
        { "SET l v\nSET k w", "RENAME l k", 0 },
        { "SET l v", "COPY l k", 0 },
        { "SET k v", "FLUSHALL", 0 },
        { "SET k v", "FLUSHALL\nSET k v", 0 },
        { "SET k v", "MULTI\nFLUSHALL\nEXEC", 0 },
        { "", "FLUSHALL\nSET k v", 0 },
        { "SET k v", "MULTI\nSET k w\nEXEC", 0 },

        /* lists */
        { "RPUSH k a", "RPUSH k b", 0 },
        { "RPUSH k a b", "LPOP k", 0 },
        { "RPUSH k a", "RPOP k", 0 },
        { "RPUSH k a b", "LSET k 0 a", 0 },
        { "RPUSH k a b", "LINSERT k BEFORE b c", 0 },
        { "RPUSH k a b", "LREM k 0 a", 0 },
        { "RPUSH k a b", "LTRIM k 0 0", 0 },
        { "RPUSH k a b", "LMOVE k l LEFT LEFT", 0 },
        { "RPUSH l a b", "RPOPLPUSH l k", 0 },
        { "RPUSH k a b", "LMOVE k k LEFT RIGHT", 0 },
        { "RPUSH k a b", "LMPOP 2 l k LEFT", 0 },
        { "RPUSH k a b", "LRANGE k 0 -1\nLLEN k\nLPOS k b\nLINDEX k 0", 1 },
        { "RPUSH k a b", "LREM k 0 c\nLINSERT k BEFORE x y", 1 },
        { "", "LPUSHX k a\nRPUSHX k a\nLPOP k", 1 },
        { "RPUSH l c a b", "SORT l ALPHA STORE k", 0 },
        { "RPUSH k c a b", "SORT k ALPHA", 1 },

        /* hashes */
        { "HSET k f v", "HSET k f v", 0 },
        { "HSET k f v", "HSET k g v", 0 },
        { "HSET k f v g w", "HDEL k f", 0 },
        { "HSET k f v", "HDEL k f", 0 },
        { "HSET k f 1", "HINCRBY k f 1", 0 },
        { "HSET k f 1", "HINCRBYFLOAT k f 1", 0 },
        { "HSET k f v", "HSETNX k g v", 0 },
        { "HSET k f v", "HMSET k f w", 0 },
        { "HSET k f v", "HSETNX k f w\nHDEL k g", 1 },
        { "HSET k f v", "HGET k f\nHGETALL k\nHLEN k\nHRANDFIELD k", 1 },

        /* sets */
        { "SADD k a", "SADD k b", 0 },
        { "SADD k 1", "SADD k 2", 0 },
        { "SADD k a b", "SREM k b", 0 },
        { "SADD k a b", "SPOP k", 0 },
        { "SADD k a b", "SMOVE k l a", 0 },
        { "SADD l a b", "SMOVE l k a", 0 },
        { "SADD l a b", "SUNIONSTORE k l", 0 },
        { "SADD l a b\nSADD k c", "SINTERSTORE k l k", 0 },
        { "SADD l a b", "SDIFFSTORE k l x", 0 },
        { "SADD k a b", "SADD k a\nSREM k c\nSCARD k\nSMEMBERS k", 1 },
        { "SADD k a b", "SRANDMEMBER k\nSMOVE k l c\nSINTER k k", 1 },

        /* sorted sets */
        { "ZADD k 1 a", "ZADD k 2 b", 0 },
        { "ZADD k 1 a", "ZADD k 2 a", 0 },
        { "ZADD k 1 a", "ZINCRBY k 1 a", 0 },
        { "ZADD k 1 a 2 b", "ZREM k a", 0 },
        { "ZADD k 1 a 2 b", "ZPOPMIN k", 0 },
        { "ZADD k 1 a 2 b", "ZPOPMAX k 2", 0 },
        { "ZADD k 1 a 2 b", "ZMPOP 1 k MIN", 0 },
        { "ZADD k 1 a 2 b", "ZREMRANGEBYRANK k 0 0", 0 },
        { "ZADD k 1 a 2 b", "ZREMRANGEBYSCORE k 1 1", 0 },
        { "ZADD k 1 a 1 b", "ZREMRANGEBYLEX k [a [a", 0 },
        { "ZADD l 1 a 2 b", "ZUNIONSTORE k 1 l", 0 },
        { "ZADD l 1 a 2 b", "ZRANGESTORE k l 0 -1", 0 },
        { "ZADD k 1 a", "ZADD k 1 a\nZADD k NX 2 a\nZREM k b", 1 },
        { "ZADD k 1 a", "ZRANGE k 0 -1\nZSCORE k a\nZRANK k a\nZCARD k", 1 },
        { "ZADD k 1 a", "ZREMRANGEBYSCORE k 5 6", 1 },

        /* HyperLogLog */
        { "PFADD k a", "PFADD k b", 0 },
        { "PFADD l a", "PFMERGE k l", 0 },
        { "PFADD k a\nPFCOUNT k", "PFADD k a\nPFCOUNT k", 1 }
    };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    for (i = 0; i < ks_nelts(t); i++) {
        watch_case(b, t[i].before, "WATCH k", t[i].change, t[i].runs);
        watch_case(b, t[i].before, "WATCH z k y k", t[i].change, t[i].runs);
        watch_case(b, t[i].before, "WATCH y\nWATCH k\nGET k", t[i].change,
                   t[i].runs);
    }

    watch_case(b, "SET k v", "WATCH k\nUNWATCH", "SET k w", 1);
    watch_case(b, "SET k v", "WATCH k\nMULTI\nDISCARD", "SET k w", 1);
    watch_case(b, "SET k v", "WATCH k\nRESET", "SET k w", 1);
    watch_case(b, "SET k v", "WATCH k\nMULTI\nEXEC", "SET k w", 1);

    /* also what the client itself has done */

    watch_case(b, "SET k v", "WATCH k\nSET k w", "", 0);

    box_close(b);
}


/* A second WATCH of a key does not forgive what happened after the first. */

static void
test_watch_twice(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    expect(b, 0, "WATCH k", OK);
    expect(b, 1, "SET k v", OK);
    expect(b, 0, "WATCH k\nMULTI\nPING\nEXEC", OK OK QUEUED NULLS);
    expect(b, 0, "WATCH k\nWATCH k\nWATCH k", OK OK OK);
    assert_int_equal(b->peers[0].s.nwatches, 1);
    expect(b, 2, "WATCH k", OK);
    expect(b, 0, "MULTI\nINCRBY n 5\nEXEC", OK QUEUED "*1\r\n:5\r\n");
    expect(b, 2, "MULTI\nINCRBY n 5\nSET k w\nEXEC",
           OK QUEUED QUEUED "*2\r\n:10\r\n" OK);

    /* in RESP3 the null of one that does not run is another */

    say(b, 0, "HELLO 3");
    expect(b, 0, "WATCH k\nSET k x\nMULTI\nEXEC", OK OK OK "_\r\n");
    expect(b, 0, "WATCH k\nSET k x\nMULTI\nfoo\nEXEC",
           OK OK OK "-ERR unknown command 'foo', with args beginning with: "
           "\r\n" ABORT);
    expect(b, 0, "UNWATCH\nMULTI\nUNWATCH\nEXEC",
           OK OK QUEUED "*1\r\n" OK);

    /* the others' transactions go on, one of them wins */

    expect(b, 0, "WATCH k\nMULTI\nSET k 0", OK OK QUEUED);
    expect(b, 1, "WATCH k\nMULTI\nSET k 1", OK OK QUEUED);
    expect(b, 2, "WATCH k\nMULTI\nSET k 2", OK OK QUEUED);
    expect(b, 1, "EXEC", "*1\r\n" OK);
    expect(b, 2, "EXEC", NULLS);
    expect(b, 0, "EXEC", "_\r\n");
    expect(b, 2, "GET k", "$1\r\n1\r\n");

    box_close(b);
}


/* sleeps until the clock that the commands see has gone on */

static void
pass(unsigned ms)
{
    struct timespec  ts = { 0, (long) ms * 1000000 };

    nanosleep(&ts, NULL);
}


static void
test_watch_expiry(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    /* it ends after the WATCH */

    expect(b, 0, "SET k v PX 500\nWATCH k", OK OK);
    pass(520);
    expect(b, 0, "MULTI\nPING\nEXEC", OK QUEUED NULLS);

    /* it had ended before, though nobody had noticed */

    expect(b, 0, "SET k v PX 500", OK);
    pass(520);
    expect(b, 0, "WATCH k\nMULTI\nPING\nEXEC", OK OK QUEUED "*1\r\n" PONG);

    /* somebody else has noticed, or written it anew */

    expect(b, 0, "SET k v PX 500\nWATCH k", OK OK);
    pass(520);
    expect(b, 1, "GET k", "$-1\r\n");
    expect(b, 0, "MULTI\nPING\nEXEC", OK QUEUED NULLS);

    expect(b, 0, "SET k v PX 500\nWATCH k", OK OK);
    pass(520);
    expect(b, 1, "SET k v", OK);
    expect(b, 0, "MULTI\nPING\nEXEC", OK QUEUED NULLS);

    box_close(b);
}


static void
test_watch_eviction(void **state)
{
    int        i;
    box_t     *b;
    u_char    *big;
    ks_str_t   argv[3];

    (void) state;

    b = box_open(1u << 20, KS_ALLKEYS_LRU, &ks_user_default);
    big = calloc(1, 200000);
    assert_non_null(big);

    expect(b, 0, "SET k v\nWATCH k", OK OK);

    argv[0] = ks_text("SET");
    argv[2].data = big;
    argv[2].len = 200000;

    for (i = 0; i < 200; i++) {
        char  key[16];

        snprintf(key, sizeof(key), "big:%d", i);
        argv[1] = ks_text(key);
        say_args(b, 1, 3, argv);

        if (!strcmp(say(b, 1, "OBJECT ENCODING k"), "$-1\r\n")) {
            break;
        }
    }

    assert_true(i < 200);
    expect(b, 0, "MULTI\nPING\nEXEC", OK QUEUED NULLS);

    free(big);
    box_close(b);
}


/*
 * Any number of keys can be watched, by any number of clients, and EXEC is
 * refused for those that have changed only.
 */

#define MANY  5000

static void
test_watch_many(void **state)
{
    int        i, round;
    char       key[32], set[40];
    box_t     *b;
    ks_str_t   argv[2];

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);
    argv[0] = ks_text("WATCH");

    for (round = 0; round < 3; round++) {
        expect(b, 0, "WATCH k", OK);

        for (i = 0; i < MANY; i++) {
            snprintf(key, sizeof(key), "key:%d", i);
            argv[1] = ks_text(key);
            b->reply[0] = '\0';
            say_args(b, 1, 2, argv);
            assert_string_equal(b->reply, OK);
        }

        expect(b, 1, "WATCH key:0", OK);
        assert_int_equal(b->peers[1].s.nwatches, MANY);

        if (round == 1) {
            expect(b, 2, "SET k v\nSET key:0 v", OK OK);
            expect(b, 0, "MULTI\nPING\nEXEC", OK QUEUED NULLS);
            expect(b, 1, "MULTI\nPING\nEXEC", OK QUEUED NULLS);

        } else {
            expect(b, 0, "MULTI\nPING\nEXEC", OK QUEUED "*1\r\n" PONG);
            expect(b, 1, "MULTI\nPING\nEXEC", OK QUEUED "*1\r\n" PONG);
        }
    }

    /* whichever of them it is that changes */

    for (round = 0; round < MANY; round += 499) {

        for (i = 0; i < MANY; i++) {
            snprintf(key, sizeof(key), "key:%d", i);
            argv[1] = ks_text(key);
            b->reply[0] = '\0';
            say_args(b, 1, 2, argv);
        }

        snprintf(set, sizeof(set), "SET key:%d w", round);
        expect(b, 2, set, OK);
        expect(b, 1, "MULTI\nPING\nEXEC", OK QUEUED NULLS);
    }

    b->peers[1].s.queue_max = 2000;
    expect(b, 1, "WATCH a b c", OK);

    for (i = 0; i < 100; i++) {
        argv[1] = ks_text(key);
        snprintf(key, sizeof(key), "key:%03d", i);
        b->reply[0] = '\0';
        say_args(b, 1, 2, argv);
    }

    assert_string_equal(b->reply, "-ERR too many keys are watched\r\n");
    expect(b, 1, "UNWATCH\nWATCH a", OK OK);

    box_close(b);
}


/* what EXEC rolls back for want of room, to be run again, has not happened */

static void
test_watch_room(void **state)
{
    int       i;
    char      value[3000], line[3100];
    box_t    *b;

    (void) state;

    b = box_open(1u << 20, KS_ALLKEYS_LRU, &ks_user_default);
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';

    for (i = 0; i < 1000; i++) {
        snprintf(line, sizeof(line), "SET fill:%d %s", i, value);
        expect(b, 2, line, OK);
    }

    for (i = 0; i < 20; i++) {
        expect(b, 0, "SET k 1\nWATCH k\nMULTI\nSET k 2", OK OK OK QUEUED);
        snprintf(line, sizeof(line), "SET other:%d %s", i, value);
        expect(b, 0, line, QUEUED);
        expect(b, 0, "EXEC", "*2\r\n" OK OK);
    }

    box_close(b);
}


/* --- CLIENT --- */

static void
test_names(void **state)
{
    box_t       *b;
    const char  *bad;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);
    bad = "-ERR Client names cannot contain spaces, newlines or special "
          "characters.\r\n";

    expect(b, 0, "CLIENT ID\nCLIENT GETNAME\nCLIENT SETNAME abc\n"
           "CLIENT GETNAME\nCLIENT SETNAME \"\"\nCLIENT GETNAME",
           ":1\r\n$-1\r\n" OK "$3\r\nabc\r\n" OK "$-1\r\n");
    expect(b, 0, "CLIENT SETNAME a\tb", bad);
    expect(b, 0, "CLIENT SETNAME a\xff", bad);
    expect(b, 0, "MULTI\nCLIENT SETNAME a\tb\nEXEC",
           OK QUEUED "*1\r\n-ERR Client names cannot contain spaces, newlines "
           "or special characters.\r\n");

    expect(b, 0, "CLIENT SETINFO lib-name redis-py\nCLIENT SETINFO LIB-VER 5.0",
           OK OK);
    expect(b, 0, "CLIENT SETINFO lib-Name a\tb", "-ERR lib-Name cannot contain "
           "spaces, newlines or special characters.\r\n");
    expect(b, 0, "CLIENT SETINFO foo bar",
           "-ERR Unrecognized option 'foo'\r\n");

    expect(b, 0, "CLIENT GETREDIR\nCLIENT TRACKINGINFO\nCLIENT TRACKING off\n"
           "CLIENT TRACKING on\nCLIENT UNPAUSE\nCLIENT NO-EVICT x\n"
           "CLIENT NO-TOUCH x",
           ":-1\r\n*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n"
           ":-1\r\n$8\r\nprefixes\r\n*0\r\n" OK
           "-ERR this worker cannot be told anything: the zone has no place "
           "for it\r\n" OK
           "-ERR syntax error\r\n-ERR syntax error\r\n");
    assert_non_null(strstr(say(b, 0, "CLIENT HELP"), "+GETNAME\r\n"));
    expect(b, 0, "CLIENT PAUSE x\nCLIENT PAUSE -1\nCLIENT PAUSE 1 foo\n"
           "CLIENT PAUSE 1 all 2\nCLIENT PAUSE 0",
           "-ERR timeout is not an integer or out of range\r\n"
           "-ERR timeout is negative\r\n"
           "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n"
           "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. "
           "Try CLIENT HELP.\r\n" OK);

    box_close(b);
}


static void
test_client_list(void **state)
{
    int          i;
    char         name[2000];
    box_t       *b;
    ks_str_t     argv[3];
    const char  *r;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    say(b, 0, "CLIENT SETNAME joe\nCLIENT SETINFO lib-name lib\n"
        "CLIENT SETINFO lib-ver 1.2\nCLIENT NO-EVICT on");
    r = say(b, 0, "CLIENT INFO");
    assert_int_equal(strncmp(r, "$", 1), 0);
    assert_non_null(strstr(r, "\r\nid=1 addr=10.0.0.1:5000 "
                           "laddr=127.0.0.1:6379 fd=7 name=joe age=0 idle=0 "
                           "flags=e db=0 sub=0 psub=0 ssub=0 multi=-1 "
                           "qbuf=26 qbuf-free=100 argv-mem=0 multi-mem=0 "));
    assert_non_null(strstr(r, " obl=5 oll=0 omem=0 tot-mem="));
    assert_non_null(strstr(r, " events=r cmd=client|info user=default "
                           "redir=-1 resp=2 lib-name=lib lib-ver=1.2\n\r\n"));

    say(b, 1, "MULTI\nPING\nCLIENT NO-TOUCH on");
    say(b, 2, "HELLO 3");
    say(b, 3, "CLIENT NO-TOUCH on\nGET k");
    r = say(b, 2, "CLIENT LIST");
    assert_int_equal(strncmp(r, "=", 1), 0);
    assert_non_null(strstr(r, "\r\ntxt:id=1 "));
    assert_int_equal(count(r, "\n"), 6);
    assert_non_null(strstr(r, "id=2 addr=10.0.0.2:5000 laddr=127.0.0.1:6379 "
                           "fd=7 name= age=0 idle=0 flags=x "));
    assert_non_null(strstr(r, " multi=2 "));
    assert_non_null(strstr(r, " flags=T "));
    assert_non_null(strstr(r, " cmd=get "));
    assert_non_null(strstr(r, " resp=3 "));

    assert_int_equal(count(say(b, 0, "CLIENT LIST TYPE normal"), "id="), 4);
    expect(b, 0, "CLIENT LIST TYPE pubsub", "$0\r\n\r\n");
    assert_int_equal(count(say(b, 0, "CLIENT LIST ID 2 4 77"), " addr="), 2);
    expect(b, 0, "CLIENT LIST ID 0 77", "$0\r\n\r\n");
    expect(b, 0, "CLIENT LIST TYPE foo",
           "-ERR Unknown client type 'foo'\r\n");
    expect(b, 0, "CLIENT LIST ID 1 x", "-ERR Invalid client ID\r\n");
    expect(b, 0, "CLIENT LIST ID\nCLIENT LIST foo\n"
           "CLIENT LIST TYPE normal ID 1",
           "-ERR syntax error\r\n-ERR syntax error\r\n-ERR syntax error\r\n");

    /* names of any length */

    memset(name, 'n', sizeof(name));
    argv[0] = ks_text("CLIENT");
    argv[1] = ks_text("SETNAME");
    argv[2].data = (u_char *) name;
    argv[2].len = sizeof(name);

    expect(b, 1, "DISCARD", OK);

    for (i = 0; i < CLIENTS; i++) {
        say_args(b, i, 3, argv);
    }

    r = say(b, 1, "CLIENT LIST");
    assert_int_equal(count(r, " name=nnnn"), 4);
    assert_int_equal(count(r, " resp="), 4);

    box_close(b);
}


static void
test_client_kill(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    expect(b, 0, "CLIENT KILL 1.2.3.4:5", "-ERR No such client\r\n");
    expect(b, 0, "CLIENT KILL ID 99999\nCLIENT KILL ADDR 1.2.3.4:5\n"
           "CLIENT KILL LADDR 1.2.3.4:5\nCLIENT KILL TYPE pubsub\n"
           "CLIENT KILL ID 1", ":0\r\n:0\r\n:0\r\n:0\r\n:0\r\n");
    expect(b, 0, "CLIENT KILL ID x\nCLIENT KILL ID 0",
           "-ERR client-id should be greater than 0\r\n"
           "-ERR client-id should be greater than 0\r\n");
    expect(b, 0, "CLIENT KILL TYPE foo\nCLIENT KILL USER foo",
           "-ERR Unknown client type 'foo'\r\n-ERR No such user 'foo'\r\n");
    expect(b, 0, "CLIENT KILL SKIPME maybe\nCLIENT KILL FOO bar\n"
           "CLIENT KILL ID 1 ADDR",
           "-ERR syntax error\r\n-ERR syntax error\r\n-ERR syntax error\r\n");

    expect(b, 0, "CLIENT KILL 10.0.0.2:5000", OK);
    assert_int_equal(b->peers[1].killed, 1);
    expect(b, 0, "CLIENT KILL 10.0.0.2:5000", "-ERR No such client\r\n");
    assert_int_equal(b->peers[1].killed, 1);
    b->peers[1].open = 0;

    expect(b, 0, "CLIENT KILL ID 3 ADDR 10.0.0.4:5000", ":0\r\n");
    expect(b, 0, "CLIENT KILL ID 3 USER default TYPE normal", ":1\r\n");
    assert_int_equal(b->peers[2].killed, 1);

    expect(b, 0, "CLIENT KILL LADDR 127.0.0.1:6379", ":1\r\n");
    assert_int_equal(b->peers[3].killed, 1);
    assert_false(b->peers[0].s.closing);
    expect(b, 0, "CLIENT KILL TYPE normal SKIPME no", ":1\r\n");
    assert_true(b->peers[0].s.closing);
    assert_int_equal(b->peers[0].killed, 0);

    box_close(b);

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);
    expect(b, 0, "CLIENT KILL 10.0.0.1:5000", OK);
    assert_true(b->peers[0].s.closing);
    box_close(b);
}


static void
test_client_reply(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    expect(b, 0, "CLIENT REPLY OFF\nPING\nget\nfoo\nSET k v", "");
    assert_true(b->peers[0].s.silent);
    expect(b, 0, "CLIENT REPLY ON\nGET k", OK "$1\r\nv\r\n");
    assert_false(b->peers[0].s.silent);

    expect(b, 0, "CLIENT REPLY SKIP\nPING\nPING", PONG);
    expect(b, 0, "CLIENT REPLY SKIP\nget\nPING", PONG);
    expect(b, 0, "CLIENT REPLY SKIP\nMULTI\nPING\nEXEC",
           QUEUED "*1\r\n" PONG);
    expect(b, 0, "CLIENT REPLY SKIP\nCLIENT REPLY SKIP\nPING\nECHO a",
           "$1\r\na\r\n");
    expect(b, 0, "CLIENT REPLY foo", "-ERR syntax error\r\n");
    expect(b, 0, "CLIENT REPLY OFF\nMULTI\nPING\nEXEC\nCLIENT REPLY ON", OK);
    expect(b, 0, "CLIENT REPLY OFF\nRESET\nPING", "+RESET\r\n" PONG);
    expect(b, 0, "CLIENT REPLY SKIP\nRESET\nPING", PONG);
    expect(b, 0, "CLIENT REPLY SKIP\nQUIT", "");
    assert_true(b->peers[0].s.closing);

    box_close(b);
}


/* Reads under NO-TOUCH leave the key's last use as it was; TOUCH does not. */

static void
test_no_touch(void **state)
{
    box_t  *b;

    (void) state;

    b = box_open(4u << 20, KS_ALLKEYS_LFU, &ks_user_default);

    expect(b, 0, "SET k v\nOBJECT FREQ k", OK ":5\r\n");
    expect(b, 0, "CLIENT NO-TOUCH on\nGET k\nGET k\nGET k\nSTRLEN k\n"
           "MULTI\nGET k\nGET k\nGET k\nEXEC\nOBJECT FREQ k",
           OK "$1\r\nv\r\n$1\r\nv\r\n$1\r\nv\r\n:1\r\n" OK QUEUED QUEUED QUEUED
           "*3\r\n$1\r\nv\r\n$1\r\nv\r\n$1\r\nv\r\n:5\r\n");
    expect(b, 0, "TOUCH k\nOBJECT FREQ k", ":1\r\n:6\r\n");
    expect(b, 1, "SET l v\nGET l\nOBJECT FREQ l", OK "$1\r\nv\r\n:6\r\n");
    expect(b, 0, "CLIENT NO-TOUCH off\nSET m v\nGET m\nOBJECT FREQ m",
           OK OK "$1\r\nv\r\n:6\r\n");

    box_close(b);
}


/* --- a reply that does not fit --- */

#define LOST  "-ERR the reply is too large\r\n"

static void
test_lost_replies(void **state)
{
    int     i;
    box_t  *b;

    static const char *const  fill =
        "SETRANGE s 19999 x\nSETRANGE t 19999 x\nRPUSH l a\n"
        "SETRANGE big 9999 x\nDEL h\nHSET h f v\nSET n 1";

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);
    say(b, 0, fill);

    for (i = 0; i < 2; i++) {
        b->limit = i ? 0 : 8192;
        b->no_memory = i;

        /* nothing that a client has not heard of has happened */

        expect(b, 0, "GETDEL s", i ? "" : LOST);
        expect(b, 0, "GETSET s new", i ? "" : LOST);
        expect(b, 0, "GETEX s PX 100000", i ? "" : LOST);
        expect(b, 0, "MGET s t", i ? "" : LOST);
        say(b, 0, "MULTI\nSET n 2\nGET s\nSET n 3");
        expect(b, 0, "EXEC", i ? "" : "-EXECABORT Transaction discarded "
               "because of: ERR the reply is too large\r\n");

        b->limit = 0;
        b->no_memory = 0;

        expect(b, 0, "GET n\nSTRLEN s\nSTRLEN t\nPTTL s\nMULTI\nDISCARD",
               "$1\r\n1\r\n:20000\r\n:20000\r\n:-1\r\n+OK\r\n+OK\r\n");
    }

    /* one of the queued fits, and all of them */

    b->limit = 60000;
    say(b, 0, "MULTI\nSET n 2\nGET s\nGET t\nEXEC");
    assert_non_null(strstr(b->reply, "*3\r\n+OK\r\n$20000\r\n"));
    b->limit = 0;
    expect(b, 0, "GET n", "$1\r\n2\r\n");

    box_close(b);
}


/* --- no connection --- */

static void
test_no_connection(void **state)
{
    size_t        i;
    int           argc;
    box_t        *b;
    char          copy[64], *word;
    char         *bytes;
    ks_str_t      argv[8];
    ks_ahead_t    a;
    ks_client_t   client;

    static const char *const  lines[] = {
        "AUTH x", "AUTH default x", "HELLO", "HELLO 3", "QUIT", "RESET",
        "MULTI", "EXEC", "DISCARD", "WATCH k", "UNWATCH", "CLIENT SETNAME a",
        "CLIENT NO-EVICT on", "CLIENT NO-TOUCH on", "CLIENT REPLY off",
        "CLIENT TRACKING off", "CLIENT CACHING yes", "MONITOR"
    };

    (void) state;

    b = box_open(4u << 20, KS_NOEVICTION, &ks_user_default);

    for (i = 0; i < ks_nelts(lines); i++) {
        snprintf(copy, sizeof(copy), "%s", lines[i]);

        for (argc = 0, word = strtok(copy, " "); word;
             word = strtok(NULL, " "))
        {
            argv[argc++] = ks_text(word);
        }

        ks_client_init(&client, b->peers[0].s.client.space,
                       &ks_user_default);

        pool_free(&b->pool);
        ks_out_init(&b->out, NULL, 0, pool_alloc, &b->pool);
        ks_resp_init(&b->resp, &b->out, 2);

        a = (ks_ahead_t) ks_ahead(argc, argv);
        ks_execute(&client, &a, &b->resp.reply);

        bytes = (char *) out_bytes(&b->out, NULL);
        assert_int_equal(strncmp(bytes, "-ERR '", 6), 0);
        assert_non_null(strstr(bytes, "is for connections that stay open"));
        assert_int_equal(client.outcome, KS_OUTCOME_ERROR);
        assert_false(b->resp.reply.resp3);
        free(bytes);
    }

    box_close(b);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_auth),
        cmocka_unit_test(test_readonly),
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_multi),
        cmocka_unit_test(test_multi_of_all_kinds),
        cmocka_unit_test(test_queue_limit),
        cmocka_unit_test(test_exec_out_of_memory),
        cmocka_unit_test(test_watch),
        cmocka_unit_test(test_watch_twice),
        cmocka_unit_test(test_watch_expiry),
        cmocka_unit_test(test_watch_eviction),
        cmocka_unit_test(test_watch_many),
        cmocka_unit_test(test_watch_room),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_client_list),
        cmocka_unit_test(test_client_kill),
        cmocka_unit_test(test_client_reply),
        cmocka_unit_test(test_no_touch),
        cmocka_unit_test(test_lost_replies),
        cmocka_unit_test(test_no_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
