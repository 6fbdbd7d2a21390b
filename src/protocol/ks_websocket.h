/*
 * WebSocket (RFC 6455), the server's side of the wire: the answer to a
 * handshake, headers of the frames that are sent, and the frames that come in.
 *
 * What is read is checked as it comes: the mask that clients have to use,
 * opcodes, reserved bits, the rules of control frames.  A frame of control is
 * at most 125 bytes and is had whole.  Of a message only its first frame is
 * told, without its payload: what becomes of it is the caller's to say.
 */

#ifndef KS_WEBSOCKET_H
#define KS_WEBSOCKET_H

#include "memory/ks_base.h"


#define KS_WS_ACCEPT       28           /* bytes of that field */
#define KS_WS_HEADER_MAX   10           /* bytes, of a frame that is sent */
#define KS_WS_CONTROL_MAX  125          /* bytes in a frame of control */

typedef enum {
    KS_WS_CONTINUATION = 0,
    KS_WS_TEXT = 1,
    KS_WS_BINARY = 2,
    KS_WS_CLOSE = 8,
    KS_WS_PING = 9,
    KS_WS_PONG = 10
} ks_ws_opcode_t;

/* why a connection is closed */
#define KS_WS_NORMAL       1000
#define KS_WS_PROTOCOL     1002
#define KS_WS_UNSUPPORTED  1003
#define KS_WS_NO_CODE      1005         /* never sent: a close without a code */
#define KS_WS_NOT_UTF8     1007
#define KS_WS_POLICY       1008
#define KS_WS_RESTART      1012
#define KS_WS_TRY_LATER    1013

/* what has come */
typedef struct {
    ks_ws_opcode_t  opcode;
    ks_str_t        payload;            /* of control: good until the next */
    unsigned        code;               /* of a close */
} ks_ws_frame_t;

/* a connection's; all zero at its beginning */
typedef struct {
    u_char          head[14];           /* as the frame has it */
    unsigned        have;               /* bytes of it */
    unsigned        got;                /* bytes of the payload */
    u_char          payload[KS_WS_CONTROL_MAX];
} ks_ws_reader_t;


/*
 * Sec-WebSocket-Accept for a Sec-WebSocket-Key, KS_WS_ACCEPT bytes.  KS_ERR:
 * that is no key, sixteen bytes in base64.
 */
int ks_ws_accept(const ks_str_t *key, u_char *accept);

/*
 * The header of a frame that is a whole message and has so many bytes; how many
 * it takes, and where these end.
 */
size_t ks_ws_header_size(size_t len);
u_char *ks_ws_header(u_char *to, ks_ws_opcode_t opcode, size_t len);

/*
 * A close with that code, 2 + KS_WS_HEADER_MAX bytes at most; where it ends.
 */
u_char *ks_ws_close(u_char *to, unsigned code);

/*
 * Reads from *p on.  KS_OK: a frame of control, or the head of a message,
 * behind which nothing can be read.  KS_AGAIN: all was read, and there is no
 * frame yet.  KS_ERR: the peer breaks the rules, and frame->code says which;
 * nothing can be read after that.
 */
int ks_ws_read(ks_ws_reader_t *r, const u_char **p, const u_char *end,
    ks_ws_frame_t *frame);


#endif /* KS_WEBSOCKET_H */
