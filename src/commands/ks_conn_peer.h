/*
 * A connection as one of the clients of its zone: see bus/ks_peers.h.
 */

#ifndef KS_CONN_PEER_H
#define KS_CONN_PEER_H

#include "commands/ks_conn.h"


/* It begins to be one; and it ends, and waits for nothing any more. */
void ks_conn_come(ks_conn_t *s);
void ks_conn_go(ks_conn_t *s);

/* It subscribes to nothing, and tracks and monitors nothing any more. */
void ks_conn_deaf(ks_conn_t *s);

/* What it is to be told may have changed. */
void ks_conn_attend(ks_conn_t *s);


#endif /* KS_CONN_PEER_H */
