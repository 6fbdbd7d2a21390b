/*
 * LOLWUT: a maze, another one each time, and the version.
 */

#include "commands/ks_args.h"
#include "commands/ks_handlers.h"

#include <stdio.h>


#define KS_MAZE_COLUMNS  40
#define KS_MAZE_ROWS     12
#define KS_MAZE_MOST     128
#define KS_MAZE_TAIL     64


/* From 1 on, and no more than is shown. */

static int64_t
ks_maze_side(const ks_str_t *arg, int64_t usual)
{
    int64_t  side;

    if (ks_parse_int(arg, &side) != KS_OK) {
        return usual;
    }

    return ks_max(1, ks_min(side, KS_MAZE_MOST));
}


/*
 * Redis looks at the arguments only for a picture of version 5, which has three
 * numbers, or 6, which has two.
 */

static int
ks_maze_numbers(ks_ctx_t *c, int argc, const ks_str_t *argv, int64_t version)
{
    int      i, n;
    int64_t  v;

    n = (version == 5) ? 3 : (version == 6) ? 2 : 0;

    for (i = 0; i < ks_min(n, argc); i++) {
        if (ks_arg_int(c, &argv[i], &v, NULL) != KS_OK) {
            return KS_ERR;
        }
    }

    return KS_OK;
}


/* LOLWUT [VERSION n] [columns] [rows] */

void
ks_cmd_lolwut(ks_ctx_t *c, int argc, ks_str_t *argv)
{
    int       i;
    char     *text;
    size_t    len;
    int64_t   version, columns, rows, x, y;

    version = 0;
    i = 1;

    if (argc > 2 && ks_arg_is(&argv[1], "version")) {
        if (ks_arg_int(c, &argv[2], &version, NULL) != KS_OK) {
            return;
        }

        i = 3;
    }

    if (ks_maze_numbers(c, argc - i, argv + i, version) != KS_OK) {
        return;
    }

    columns = (i < argc) ? ks_maze_side(&argv[i], KS_MAZE_COLUMNS)
                         : KS_MAZE_COLUMNS;
    rows = (i + 1 < argc) ? ks_maze_side(&argv[i + 1], KS_MAZE_ROWS)
                          : KS_MAZE_ROWS;

    text = ks_arena_alloc(c->space,
                          (size_t) (rows * (columns + 1)) + KS_MAZE_TAIL);

    for (len = 0, y = 0; y < rows; y++) {
        for (x = 0; x < columns; x++) {
            text[len++] = ks_random_below(c->space, 2) ? '/' : '\\';
        }

        text[len++] = '\n';
    }

    len += (size_t) snprintf(text + len, KS_MAZE_TAIL,
                             "\nRedis ver. %s (keyspace %s)\n",
                             KS_REDIS_VERSION, KS_VERSION);

    c->reply->ops->verbatim(c->reply, "txt", (u_char *) text, len);
}
