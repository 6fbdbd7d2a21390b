/*
 * MOVE between two zones by several processes in both directions at once, with
 * effects told in both zones and with a user who is metered in both, so that
 * each move takes the late locks of both: nobody waits in a circle, also when
 * some of the processes are killed meanwhile, and each key is in exactly one
 * zone.
 */

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command_test.h"

#include "commands/ks_databases.h"


#define MOVERS  4
#define KEYS    50
#define SHARDS  8
#define ZONE    (2u << 20)
#define SIZE    (ZONE + KS_JOURNAL_MIN)
#define MOVES   20000           /* of those that are not killed */
#define KILLS   12
#define PATIENCE  120           /* seconds, until it is a deadlock */

static u_char          *mem;
static ks_space_t      *at[2];
static volatile long   *moved;          /* by each of them */
static ks_databases_t   door = { .n = 2 };


static const ks_user_t *
user_at(const ks_client_t *client, unsigned db)
{
    (void) client;
    (void) db;

    return &ks_user_default;
}


static void
open_zones(void)
{
    int  i;

    door.user = user_at;

    for (i = 0; i < 2; i++) {
        at[i] = ks_space_open((ks_zone_t *) (mem + i * SIZE));
        assert_non_null(at[i]);
        door.spaces[i] = at[i];
    }
}


static int
run(unsigned db, const char *fmt, int who, int n)
{
    char         text[64], *word, *rest;
    u_char       room[256];
    ks_out_t     out;
    ks_str_t     argv[4];
    ks_resp_t    resp;
    ks_ahead_t   a = ks_ahead(0, argv);
    ks_client_t  client;

    ks_client_init(&client, at[db], &ks_user_default);
    client.databases = &door;
    client.db = db;

    snprintf(text, sizeof(text), fmt, who, n);
    rest = text;

    while ((word = strsep(&rest, " ")) != NULL) {
        argv[a.argc++] = ks_text(word);
    }

    ks_out_init(&out, room, sizeof(room), box_no_more, NULL);
    ks_resp_init(&resp, &out, 2);
    assert_int_equal(ks_execute(&client, &a, &resp.reply), KS_OK);

    return room[0] == ':' ? room[1] - '0' : -1;
}


static int
where(int who, int n)
{
    int  here, there;

    here = run(0, "EXISTS k:%d:%d", who, n);
    there = run(1, "EXISTS k:%d:%d", who, n);

    if (here + there != 1) {
        return -1;
    }

    return there;
}


/* its own keys, to and fro: half of the processes begin in each zone */

static void
mover(int who)
{
    int   n, db;

    alarm(PATIENCE);
    open_zones();

    for (n = 0; moved[who] < MOVES; n = (n + 1) % KEYS) {
        db = where(who, n);

        if (db < 0 || run((unsigned) db, db ? "MOVE k:%d:%d 0"
                                            : "MOVE k:%d:%d 1", who, n) != 1)
        {
            _exit(1);
        }

        moved[who]++;
    }

    _exit(0);
}


static pid_t
launch(int who)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        mover(who);
    }

    return pid;
}


static void
test_ferry(void **unused)
{
    int          i, n, status;
    long         seen;
    pid_t        pids[MOVERS];
    u_char       seed[16];
    ks_zone_t   *zone;
    const char  *err;

    (void) unused;

    mem = map_zone(2 * SIZE);
    moved = map_zone(sizeof(long) * MOVERS);

    for (i = 0; i < 2; i++) {
        memset(seed, i + 1, sizeof(seed));
        zone = ks_zone_create_sharded(mem + i * SIZE, ZONE, SHARDS, seed,
                                      ks_clock(), &err);
        assert_non_null(zone);
        ks_journal_create(zone, KS_JOURNAL_MIN);
        assert_int_equal(ks_zone_know(zone), KS_OK);
    }

    assert_int_equal(ks_commands_init(), KS_OK);
    open_zones();

    for (i = 0; i < MOVERS; i++) {
        for (n = 0; n < KEYS; n++) {
            run(i & 1, "SET k:%d:%d v", i, n);
        }
    }

    for (i = 0; i < 2; i++) {
        ks_journal_want(&at[i]->mem, 0, KS_TOLD_EFFECTS);
    }

    for (i = 0; i < MOVERS; i++) {
        pids[i] = launch(i);
    }

    /* the last two die now and then, behind some moves */

    for (n = 0; n < KILLS; n++) {
        i = MOVERS - 2 + n % 2;
        seen = moved[i];

        while (moved[i] < ks_min(seen + 400, MOVES)) {
            usleep(200);

            if (waitpid(pids[i], &status, WNOHANG) == pids[i]) {
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                pids[i] = launch(i);
                break;
            }
        }

        kill(pids[i], SIGKILL);
        waitpid(pids[i], &status, 0);
        pids[i] = launch(i);
    }

    for (i = 0; i < MOVERS; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);

        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fail_msg("mover %d ended with %d", i, status);
        }
    }

    for (i = 0; i < MOVERS; i++) {
        for (n = 0; n < KEYS; n++) {
            assert_true(where(i, n) >= 0);
        }
    }

    for (i = 0; i < 2; i++) {
        assert_int_equal(ks_check(at[i], report, "ferry"), 0);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ferry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
