/*
 * From frames of the journal to commands as they are sent and kept: for the
 * append-only file, and for the stream to replicas.
 *
 * The commands of a frame of the wanted kinds, in their order: one as it is,
 * several between MULTI and EXEC.  So the bytes that a frame comes to are known
 * when it is told (ks_frame_append() counts them for the stream).
 */

#ifndef KS_WIRE_H
#define KS_WIRE_H

#include "keyspace/ks_change.h"


/* of the stream to replicas */
#define KS_WIRE_STREAM  (KS_TOLD_EFFECTS|KS_TOLD_STREAM)

/* bytes of MULTI and EXEC */
#define KS_WIRE_AROUND  29

/* bytes of the process; all zero at first, freed by ks_wire_free() */
typedef struct {
    u_char  *p;                 /* malloc()ed */
    size_t   len;
    size_t   room;
} ks_wire_t;

/* may change a command that was put, but not its length */
typedef void (*ks_wire_pt)(u_char *command, size_t len);


/*
 * Puts the commands of a frame behind the bytes; select: behind a SELECT 0, if
 * there are any.  mask: is given each of them, or NULL.  KS_NOMEM: nothing is
 * put.
 */
int ks_wire_frame(ks_wire_t *w, const u_char *frame, uint32_t kinds,
    int select, ks_wire_pt mask);

void ks_wire_free(ks_wire_t *w);


#endif /* KS_WIRE_H */
