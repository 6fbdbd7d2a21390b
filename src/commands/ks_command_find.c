/*
 * The rows that layers have added, and how they are found by their names.
 *
 * It knows rows as they are written, and nothing of what becomes of them:
 * dispatch, pipelines and COMMAND are above it.
 *
 * The way of a GET is one look into a table that fits into the cache.
 */

#include "commands/ks_args.h"
#include "commands/ks_command_table.h"


#define KS_INDEX_SIZE  1024         /* slots; a power of 2 */
#define KS_HASH_START  2166136261u  /* FNV-1a, Fowler, Noll and Vo */
#define KS_HASH_PRIME  16777619u


/*
 * All rows that layers have added; and hash of the name -> 1 + its place among
 * them, 0: free; the next slot on a collision.
 */

static const ks_command_t  *ks_rows[KS_ROWS_MAX];   /* half of the slots */
static size_t               ks_nrows;
static uint16_t             ks_index[KS_INDEX_SIZE];

/* the rows of one layer lie side by side, and have numbers from first on */

#define KS_TABLES_MAX  8

typedef struct {
    const ks_command_t  *rows;
    size_t               first;
    size_t               n;
} ks_table_t;

static ks_table_t  ks_tables[KS_TABLES_MAX];
static size_t      ks_ntables;

/* rows found lately, by names as they were spelled; none has subcommands */

#define KS_KNOWN      16
#define KS_KNOWN_LEN  16

typedef struct {
    size_t               len;       /* 0: nothing is known here */
    u_char               name[KS_KNOWN_LEN];
    const ks_command_t  *cmd;
} ks_known_t;

static ks_known_t  ks_known[KS_KNOWN];


static inline u_char
ks_lower(u_char c)
{
    return (c >= 'A' && c <= 'Z') ? (c | 0x20) : c;
}


static inline uint32_t
ks_name_hash(uint32_t hash, const u_char *p, size_t len)
{
    const u_char  *end;

    for (end = p + len; p < end; p++) {
        hash = (hash ^ ks_lower(*p)) * KS_HASH_PRIME;
    }

    return hash;
}


/* Compares what is left of a row's name; NULL or what follows behind it. */

static inline const char *
ks_name_skip(const char *name, const ks_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (ks_lower(s->data[i]) != (u_char) name[i] || name[i] == '\0') {
            return NULL;
        }
    }

    return name + s->len;
}


/* name, or with sub "name|sub"; hash: that of all of it */

static const ks_command_t *
ks_index_find(uint32_t hash, const ks_str_t *name, const ks_str_t *sub)
{
    uint32_t             i;
    const char          *p;
    const ks_command_t  *cmd;

    for (i = hash % KS_INDEX_SIZE;
         ks_index[i] != 0;
         i = (i + 1) % KS_INDEX_SIZE)
    {
        cmd = ks_rows[ks_index[i] - 1];
        p = ks_name_skip(cmd->name, name);

        if (p != NULL && sub != NULL) {
            p = (*p == '|') ? ks_name_skip(p + 1, sub) : NULL;
        }

        if (p != NULL && *p == '\0') {
            return cmd;
        }
    }

    return NULL;
}


const ks_command_t *
ks_command_named(const ks_str_t *name)
{
    return ks_index_find(ks_name_hash(KS_HASH_START, name->data, name->len),
                         name, NULL);
}


/*
 * A pipeline asks for the same few names over and over, and for each of them
 * several times, spelled the same way.
 */

static inline ks_known_t *
ks_known_slot(const ks_str_t *name)
{
    if (name->len == 0 || name->len > KS_KNOWN_LEN) {
        return NULL;
    }

    return &ks_known[(name->data[0] ^ name->data[name->len - 1]
                      ^ name->len) % KS_KNOWN];
}


static const ks_command_t *
ks_command_search(int argc, const ks_str_t *argv)
{
    uint32_t             hash;
    const ks_command_t  *cmd;

    hash = ks_name_hash(KS_HASH_START, argv[0].data, argv[0].len);
    cmd = ks_index_find(hash, &argv[0], NULL);

    if (cmd == NULL || !(cmd->flags & (KS_CMD_PARENT|KS_CMD_SUB))) {
        return cmd;
    }

    if (cmd->flags & KS_CMD_SUB) {
        return NULL;
    }

    if (argc == 1) {
        return cmd;
    }

    hash = ks_name_hash(hash, (u_char *) "|", 1);
    hash = ks_name_hash(hash, argv[1].data, argv[1].len);

    return ks_index_find(hash, &argv[0], &argv[1]);
}


const ks_command_t *
ks_command_find(int argc, const ks_str_t *argv)
{
    ks_known_t          *known;
    const ks_command_t  *cmd;

    known = ks_known_slot(&argv[0]);

    if (ks_likely(known && known->len == argv[0].len)
        && ks_same_bytes(known->name, argv[0].data, known->len))
    {
        return known->cmd;
    }

    cmd = ks_command_search(argc, argv);

    if (cmd && known && !(cmd->flags & (KS_CMD_PARENT|KS_CMD_SUB))) {
        known->len = argv[0].len;
        memcpy(known->name, argv[0].data, known->len);
        known->cmd = cmd;
    }

    return cmd;
}


/* a subcommand needs its parent, and a name must be there only once */

static int
ks_row_sound(const ks_command_t *cmd)
{
    ks_str_t             name;
    const char          *bar;
    const ks_command_t  *parent;

    name = ks_text(cmd->name);

    if (ks_command_named(&name) != NULL) {
        return 0;
    }

    bar = strchr(cmd->name, '|');

    if (bar == NULL) {
        return !(cmd->flags & KS_CMD_SUB);
    }

    name.len = (size_t) (bar - cmd->name);
    parent = ks_command_named(&name);

    return (cmd->flags & KS_CMD_SUB)
           && parent != NULL && (parent->flags & KS_CMD_PARENT);
}


static int
ks_row_add(const ks_command_t *cmd)
{
    uint32_t  i;

    if (ks_nrows == KS_ROWS_MAX || !ks_row_sound(cmd)) {
        return KS_ERR;
    }

    i = ks_name_hash(KS_HASH_START, (u_char *) cmd->name, strlen(cmd->name));

    while (ks_index[i % KS_INDEX_SIZE] != 0) {
        i++;
    }

    ks_rows[ks_nrows++] = cmd;
    ks_index[i % KS_INDEX_SIZE] = (uint16_t) ks_nrows;

    return KS_OK;
}


int
ks_commands_add(const ks_command_t *rows)
{
    size_t       i;
    ks_table_t  *table;

    for (i = 0; i < ks_ntables; i++) {
        if (ks_tables[i].rows == rows) {
            return KS_OK;
        }
    }

    if (ks_ntables == KS_TABLES_MAX) {
        return KS_ERR;
    }

    table = &ks_tables[ks_ntables++];
    table->rows = rows;
    table->first = ks_nrows;

    for ( /* void */ ; rows->name != NULL; rows++) {
        if (ks_row_add(rows) != KS_OK) {
            return KS_ERR;
        }
    }

    table->n = ks_nrows - table->first;

    return KS_OK;
}


size_t
ks_command_number(const ks_command_t *cmd)
{
    const ks_table_t  *table;

    for (table = ks_tables;
         (size_t) (cmd - table->rows) >= table->n;
         table++)
    {
        /* void */
    }

    return table->first + (size_t) (cmd - table->rows);
}


const ks_command_t *
ks_command_row(size_t i)
{
    return i < ks_nrows ? ks_rows[i] : NULL;
}


/* Subcommands follow their parent in its table. */

const ks_command_t *
ks_command_sub(const ks_command_t *parent, const ks_command_t *sub)
{
    size_t  len;

    len = strlen(parent->name);
    sub = (sub ? sub : parent) + 1;

    if (sub->name == NULL || !(sub->flags & KS_CMD_SUB)
        || strncmp(sub->name, parent->name, len) != 0
        || sub->name[len] != '|')
    {
        return NULL;
    }

    return sub;
}


const char *
ks_command_name(const ks_command_t *cmd)
{
    return cmd->name;
}


static void
ks_keyrange_counted(const ks_keyrange_t *range, int argc, const ks_str_t *argv,
    int *first, int *last)
{
    int64_t  n;

    if (range->first < argc
        && ks_parse_int(&argv[range->first], &n) == KS_OK
        && n > 0 && n <= (argc - *first) / range->step)
    {
        *last = *first + ((int) n - 1) * range->step;
    }
}


/*
 * Where STREAMS is; argc: nowhere.  The word may also be the name of a group,
 * of a consumer or of a key, so that the options before it have to be read.
 */

static int
ks_keyrange_streams(int from, int argc, const ks_str_t *argv)
{
    int              i;
    const ks_str_t  *arg;

    for (i = 1; i < argc; i++) {
        arg = &argv[i];

        if (ks_arg_is(arg, "block") || ks_arg_is(arg, "count")) {
            i++;

        } else if (ks_arg_is(arg, "group")) {
            i += 2;

        } else if (ks_arg_is(arg, "streams")) {
            return i >= from ? i : argc;

        } else if (!ks_arg_is(arg, "noack")) {
            break;
        }
    }

    return argc;
}


/*
 * Where KEYS is, behind the options of MIGRATE, with keys behind it; argc:
 * nowhere.
 */

static int
ks_keyrange_keys(int argc, const ks_str_t *argv)
{
    int  i;

    for (i = 6; i < argc - 1; i++) {

        if (ks_arg_is(&argv[i], "keys")) {
            return i;
        }

        i += ks_arg_is(&argv[i], "auth") ? 1
             : ks_arg_is(&argv[i], "auth2") ? 2 : 0;
    }

    return argc;
}


/* A key that is not empty does not go with KEYS: then there are none. */

static void
ks_keyrange_named_keys(int at, int argc, const ks_str_t *argv, int *first,
    int *last)
{
    int  i;

    i = ks_keyrange_keys(argc, argv);

    if (i < argc) {
        *first = i + 1;
        *last = argv[at].len == 0 ? argc - 1 : i;
        return;
    }

    *first = at;
    *last = at < argc ? at : at - 1;
}


void
ks_keyrange_said(const ks_keyrange_t *range, int argc, const ks_str_t *argv,
    int *first, int *last)
{
    int  i, n;

    *first = range->first + 1;
    *last = range->first;

    if (range->last == KS_KEYS_COUNTED) {
        ks_keyrange_counted(range, argc, argv, first, last);
        return;
    }

    if (ks_keyrange_named(range)) {
        ks_keyrange_named_keys(-range->first, argc, argv, first, last);
        return;
    }

    i = ks_keyrange_streams(range->first, argc, argv);
    n = argc - i - 1;

    if (n > 0) {
        *first = i + 1;
        *last = i + n / 2;
    }
}
