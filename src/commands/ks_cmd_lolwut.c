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


/* A number among the arguments: from 1 on, and no more than is shown. */

static int
ks_maze_side(ks_ctx_t *c, const ks_str_t *arg, int64_t *side)
{
    if (ks_arg_int(c, arg, side, NULL) != KS_OK) {
        return KS_ERR;
    }

    *side = ks_max(1, ks_min(*side, KS_MAZE_MOST));

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

    columns = KS_MAZE_COLUMNS;
    rows = KS_MAZE_ROWS;
    i = 1;

    if (argc > 2 && ks_arg_is(&argv[1], "version")) {
        if (ks_arg_int(c, &argv[2], &version, NULL) != KS_OK) {
            return;
        }

        i = 3;
    }

    if ((i < argc && ks_maze_side(c, &argv[i], &columns) != KS_OK)
        || (i + 1 < argc && ks_maze_side(c, &argv[i + 1], &rows) != KS_OK))
    {
        return;
    }

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
