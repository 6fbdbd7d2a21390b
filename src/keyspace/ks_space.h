/*
 * The keyspace: key -> entry.  What the layers above see of the engine below
 * them; each header states the contract of its part.
 */

#ifndef KS_SPACE_H
#define KS_SPACE_H

#include "keyspace/ks_handle.h"
#include "keyspace/ks_place.h"
#include "keyspace/ks_transact.h"
#include "keyspace/ks_background.h"
#include "keyspace/ks_key.h"
#include "keyspace/ks_string.h"
#include "keyspace/ks_elements.h"
#include "keyspace/ks_dump.h"
#include "keyspace/ks_walk.h"
#include "keyspace/ks_library.h"
#include "keyspace/ks_registry.h"
#include "keyspace/ks_wait.h"
#include "keyspace/ks_check.h"
#include "keyspace/ks_change.h"
#include "keyspace/ks_event.h"
#include "keyspace/ks_track.h"
#include "keyspace/ks_pause.h"


#endif /* KS_SPACE_H */
