/*
 * The commands of this layer: all that is known about each of them.
 *
 * Rows of a group are in alphabetical order, subcommands behind their parents.
 * The columns: name, handler, arity, flags, categories beyond those that the
 * flags imply, keys, group, since, complexity, summary; then what only a few
 * rows have.
 */

#include "commands/ks_blocking.h"
#include "commands/ks_handlers.h"
#include "commands/ks_row_words.h"


static const ks_command_t  ks_rows[] = {
#include "commands/ks_rows.h"
    { .name = NULL }
};


int
ks_commands_init(void)
{
    ks_blocking_init();

    return ks_commands_add(ks_rows);
}
