/*
 * The bytes of what is pushed to a client.
 */

#ifndef KS_PUSH_H
#define KS_PUSH_H

#include "bus/ks_sink.h"


/*
 * The push as RESP has it; form is KS_FORM_RESP2 or KS_FORM_RESP3.  The bytes
 * are the push's, for others to hold.  NULL: the process has no memory.
 */
ks_bytes_t *ks_push_resp(ks_push_t *push, ks_form_kind_t form);


#endif /* KS_PUSH_H */
