/*
 * Commands of the stream with keys that are local to this zone: nothing that
 * the upstream does changes these, and what its keys of these names hold is not
 * known here.
 *
 * A command that does the same with each of its keys is applied to the others.
 * One that does not, and changes another key, cannot be: then all keys come
 * anew, as after those that are about several databases.
 */

#include "commands/ks_far.h"
#include "replica/ks_follow_in.h"


/* what is known of the keys: bits */
#define KS_FOLLOW_OWN      1            /* some are local, */
#define KS_FOLLOW_OTHERS   2            /* some are not */

typedef struct {
    const ks_space_t  *space;
    unsigned           is;
} ks_follow_whose_t;


static int
ks_follow_whose_key(void *data, const ks_str_t *key)
{
    ks_follow_whose_t  *w = data;

    w->is |= ks_key_local(w->space, key) ? KS_FOLLOW_OWN : KS_FOLLOW_OTHERS;

    return 0;
}


static unsigned
ks_follow_whose(const ks_follow_t *f, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    ks_follow_whose_t  w;

    w.space = f->space;
    w.is = 0;
    (void) ks_far_keys(cmd, argc, argv, ks_follow_whose_key, &w);

    return w.is;
}


/* Whether a key that is not local is changed. */

static int
ks_follow_changes(const ks_follow_t *f, const ks_command_t *cmd, int argc,
    const ks_str_t *argv)
{
    int                   i, last;
    const ks_keyrange_t  *range;

    if (cmd->extra_key) {
        i = cmd->extra_key(argc, argv);

        if (i != 0 && !ks_key_local(f->space, &argv[i])) {
            return 1;
        }
    }

    for (range = cmd->keys;
         range < cmd->keys + KS_CMD_KEYS && range->first != 0;
         range++)
    {
        if (range->flags & (KS_KEY_NOT|KS_KEY_RO)) {
            continue;
        }

        ks_keyrange_find(range, argc, argv, &i, &last);

        for ( /* void */ ; i <= last; i += range->step) {
            if (!ks_key_local(f->space, &argv[i])) {
                return 1;
            }
        }
    }

    return 0;
}


/* Whether it does the same with each of its keys, and what is behind it. */

static int
ks_follow_each(const ks_command_t *cmd)
{
    return cmd->keys[1].first == 0 && cmd->extra_key == NULL
           && (cmd->keys[0].flags & (KS_KEY_OW|KS_KEY_RM));
}


/*
 * In the place of a local key comes the one before it once more, which is not
 * local by then, or the first that is not: so nothing happens in another order.
 */

static void
ks_follow_without(const ks_follow_t *f, const ks_command_t *cmd, int argc,
    ks_str_t *argv)
{
    int  i, k, n, first, last, step;

    step = cmd->keys[0].step;
    ks_keyrange_find(&cmd->keys[0], argc, argv, &first, &last);

    for (i = first; ks_key_local(f->space, &argv[i]); i += step) {
        /* there is one */
    }

    for (k = first; k <= last; k += step) {

        if (ks_key_local(f->space, &argv[k])) {

            for (n = 0; n < step && k + n < argc && i + n < argc; n++) {
                argv[k + n] = argv[i + n];
            }

        } else {
            i = k;
        }
    }
}


int
ks_follow_local(ks_follow_t *f, const ks_command_t **cmd, int argc,
    ks_str_t *argv)
{
    unsigned  whose;

    if (ks_space_zone(f->space)->nlocals == 0 || (*cmd)->keys[0].first == 0
        || argc <= (*cmd)->keys[0].first)
    {
        return KS_AGAIN;
    }

    whose = ks_follow_whose(f, *cmd, argc, argv);

    if (!(whose & KS_FOLLOW_OWN)) {
        return KS_AGAIN;
    }

    if (!(whose & KS_FOLLOW_OTHERS)) {
        return KS_NONE;
    }

    if (ks_follow_each(*cmd)) {
        ks_follow_without(f, *cmd, argc, argv);
        return KS_OK;
    }

    if (!ks_follow_changes(f, *cmd, argc, argv)) {
        return KS_NONE;
    }

    return ks_follow_anew(f, (*cmd)->name, "is about keys of the upstream and "
                          "about some that are local here");
}
