/*
 * All rows of the command table, group by group.  Included where ROW() and
 * PARENT_ROW() are defined: as the table, and as the declarations of the
 * handlers.
 */

#include "commands/ks_rows_string.h"
#include "commands/ks_rows_bitmap.h"
#include "commands/ks_rows_list.h"
#include "commands/ks_rows_hash.h"
#include "commands/ks_rows_set.h"
#include "commands/ks_rows_zset.h"
#include "commands/ks_rows_geo.h"
#include "commands/ks_rows_hyperloglog.h"
#include "commands/ks_rows_generic.h"
#include "commands/ks_rows_sort.h"
#include "commands/ks_rows_stream.h"
#include "commands/ks_rows_group.h"
#include "commands/ks_rows_json.h"
#include "commands/ks_rows_dump.h"
#include "commands/ks_rows_transactions.h"
#include "commands/ks_rows_connection.h"
#include "commands/ks_rows_pubsub.h"
#include "commands/ks_rows_acl.h"
#include "commands/ks_rows_limit.h"
#include "commands/ks_rows_server.h"
