/*
 * WebSocket: the handshake and the frames, see RFC 6455, sections 4.2.2, 5.2
 * and 5.5.
 *
 * The reader takes bytes as they come, in pieces of any size, and keeps no more
 * of them than a frame of control has.
 */

#include "types/ks_utf8.h"
#include "protocol/ks_websocket.h"

#define OPENSSL_SUPPRESS_DEPRECATED     /* as ks_vm_text.c */
#include <openssl/sha.h>


#define KS_WS_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KS_WS_KEY   24                  /* bytes of a key in base64 */

#define KS_WS_FIN       0x80
#define KS_WS_RESERVED  0x70
#define KS_WS_OPCODE    0x0f
#define KS_WS_MASKED    0x80
#define KS_WS_LENGTH    0x7f


static const char  ks_ws_base64[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";


/* --- the handshake --- */

/* sixteen bytes: 22 characters, of which the last has four bits to spare */

static int
ks_ws_is_key(const ks_str_t *key)
{
    size_t       i;
    const char  *at;

    if (key->len != KS_WS_KEY || memcmp(key->data + 22, "==", 2) != 0) {
        return 0;
    }

    at = NULL;

    for (i = 0; i < 22; i++) {
        at = memchr(ks_ws_base64, key->data[i], 64);

        if (at == NULL) {
            return 0;
        }
    }

    return ((at - ks_ws_base64) & 0x0f) == 0;
}


static void
ks_ws_encode(u_char *to, const u_char *digest)
{
    unsigned  i, bits;
    u_char    three[3];

    for (i = 0; i < SHA_DIGEST_LENGTH; i += 3) {
        three[0] = digest[i];
        three[1] = digest[i + 1];
        three[2] = (u_char) (i + 2 < SHA_DIGEST_LENGTH ? digest[i + 2] : 0);

        bits = (unsigned) three[0] << 16 | (unsigned) three[1] << 8 | three[2];

        *to++ = (u_char) ks_ws_base64[bits >> 18];
        *to++ = (u_char) ks_ws_base64[(bits >> 12) & 0x3f];
        *to++ = (u_char) ks_ws_base64[(bits >> 6) & 0x3f];
        *to++ = (u_char) ks_ws_base64[bits & 0x3f];
    }

    to[-1] = '=';                       /* twenty bytes are two of three */
}


int
ks_ws_accept(const ks_str_t *key, u_char *accept)
{
    SHA_CTX  sha;
    u_char   digest[SHA_DIGEST_LENGTH];

    if (!ks_ws_is_key(key)
        || SHA1_Init(&sha) != 1
        || SHA1_Update(&sha, key->data, key->len) != 1
        || SHA1_Update(&sha, KS_WS_GUID, sizeof(KS_WS_GUID) - 1) != 1
        || SHA1_Final(digest, &sha) != 1)
    {
        return KS_ERR;
    }

    ks_ws_encode(accept, digest);

    return KS_OK;
}


/* --- frames that are sent --- */

size_t
ks_ws_header_size(size_t len)
{
    return (len < 126) ? 2 : (len < 65536) ? 4 : 10;
}


u_char *
ks_ws_header(u_char *to, ks_ws_opcode_t opcode, size_t len)
{
    int  shift;

    *to++ = (u_char) (KS_WS_FIN | opcode);

    if (len < 126) {
        *to++ = (u_char) len;
        return to;
    }

    *to++ = (len < 65536) ? 126 : 127;

    for (shift = (len < 65536) ? 8 : 56; shift >= 0; shift -= 8) {
        *to++ = (u_char) ((uint64_t) len >> shift);
    }

    return to;
}


u_char *
ks_ws_close(u_char *to, unsigned code)
{
    to = ks_ws_header(to, KS_WS_CLOSE, 2);
    *to++ = (u_char) (code >> 8);
    *to++ = (u_char) code;

    return to;
}


/* --- frames that come in --- */

/* bytes of the header, as far as those that are there say */

static unsigned
ks_ws_head_size(const ks_ws_reader_t *r)
{
    if (r->have < 2) {
        return 2;
    }

    switch (r->head[1] & KS_WS_LENGTH) {

    case 126:
        return 2 + 2 + 4;

    case 127:
        return 2 + 8 + 4;

    default:
        return 2 + 4;
    }
}


static uint64_t
ks_ws_length(const ks_ws_reader_t *r)
{
    unsigned  i, n;
    uint64_t  len;

    len = r->head[1] & KS_WS_LENGTH;

    if (len < 126) {
        return len;
    }

    n = (len == 126) ? 2 : 8;

    for (len = 0, i = 0; i < n; i++) {
        len = len << 8 | r->head[2 + i];
    }

    return len;
}


/* What its first two bytes say; 0: it may be. */

static unsigned
ks_ws_wrong(const ks_ws_reader_t *r)
{
    switch (r->head[0] & KS_WS_OPCODE) {

    case KS_WS_TEXT:
    case KS_WS_BINARY:
        break;

    case KS_WS_CLOSE:
    case KS_WS_PING:
    case KS_WS_PONG:

        if (!(r->head[0] & KS_WS_FIN)
            || (r->head[1] & KS_WS_LENGTH) > KS_WS_CONTROL_MAX)
        {
            return KS_WS_PROTOCOL;
        }

        break;

    default:
        /* a continuation among them: nothing that goes on is read */
        return KS_WS_PROTOCOL;
    }

    return (r->head[0] & KS_WS_RESERVED) || !(r->head[1] & KS_WS_MASKED)
           ? KS_WS_PROTOCOL : 0;
}


/* A length is in the shortest form, and its highest bit is 0. */

static int
ks_ws_long_is_right(const ks_ws_reader_t *r)
{
    uint64_t  len;

    len = ks_ws_length(r);

    switch (r->head[1] & KS_WS_LENGTH) {

    case 126:
        return len > 125;

    case 127:
        return len > 65535 && !(len >> 63);

    default:
        return 1;
    }
}


/* those of section 7.4, and those that applications may use */

static int
ks_ws_code_is_right(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}


static int
ks_ws_is_utf8(const u_char *p, const u_char *end)
{
    int  n;

    for ( /* void */ ; p < end; p += n) {
        n = (*p < 0x80) ? 1 : ks_utf8_check(p, (size_t) (end - p));

        if (n <= 0) {
            return 0;
        }
    }

    return 1;
}


/* A close has no code, or one and a text. */

static int
ks_ws_closed(ks_ws_frame_t *frame)
{
    ks_str_t  *s;

    s = &frame->payload;
    frame->code = KS_WS_NO_CODE;

    if (s->len == 0) {
        return KS_OK;
    }

    if (s->len == 1) {
        frame->code = KS_WS_PROTOCOL;
        return KS_ERR;
    }

    frame->code = (unsigned) s->data[0] << 8 | s->data[1];

    if (!ks_ws_code_is_right(frame->code)) {
        frame->code = KS_WS_PROTOCOL;
        return KS_ERR;
    }

    if (!ks_ws_is_utf8(s->data + 2, s->data + s->len)) {
        frame->code = KS_WS_NOT_UTF8;
        return KS_ERR;
    }

    return KS_OK;
}


/* The payload of control as far as it has come; KS_OK: it is whole. */

static int
ks_ws_payload(ks_ws_reader_t *r, const u_char **p, const u_char *end,
    ks_ws_frame_t *frame)
{
    unsigned       len;
    const u_char  *mask;

    len = r->head[1] & KS_WS_LENGTH;
    mask = r->head + 2;

    while (r->got < len) {

        if (*p == end) {
            return KS_AGAIN;
        }

        r->payload[r->got] = (u_char) (*(*p)++ ^ mask[r->got % 4]);
        r->got++;
    }

    frame->payload.data = r->payload;
    frame->payload.len = len;

    r->have = 0;
    r->got = 0;

    return (frame->opcode == KS_WS_CLOSE) ? ks_ws_closed(frame) : KS_OK;
}


int
ks_ws_read(ks_ws_reader_t *r, const u_char **p, const u_char *end,
    ks_ws_frame_t *frame)
{
    while (r->have < ks_ws_head_size(r)) {

        if (*p == end) {
            return KS_AGAIN;
        }

        r->head[r->have++] = *(*p)++;

        if (r->have == 2) {
            frame->code = ks_ws_wrong(r);

            if (frame->code != 0) {
                return KS_ERR;
            }
        }
    }

    frame->opcode = (ks_ws_opcode_t) (r->head[0] & KS_WS_OPCODE);
    frame->code = 0;

    if (frame->opcode >= KS_WS_CLOSE) {
        return ks_ws_payload(r, p, end, frame);
    }

    if (!ks_ws_long_is_right(r)) {
        frame->code = KS_WS_PROTOCOL;
        return KS_ERR;
    }

    frame->payload.data = NULL;
    frame->payload.len = (size_t) ks_ws_length(r);

    return KS_OK;
}
