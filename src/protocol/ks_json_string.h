/*
 * Strings of the JSON writer, between their quotes; for ks_json_writer.c.
 */

#ifndef KS_JSON_STRING_H
#define KS_JSON_STRING_H

#include "protocol/ks_writers.h"


/*
 * Writes the next part of a string, as text or as base64; w->ncarry is 0 before
 * the first.  Where there is no memory the output has failed.
 */
void ks_json_string_part(ks_json_t *w, const u_char *p, const u_char *end);

/* Writes what is still carried. */
void ks_json_string_end(ks_json_t *w);


#endif /* KS_JSON_STRING_H */
