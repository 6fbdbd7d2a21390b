/*
 * What stands between the quotes of a JSON string: escaped text, or base64.
 *
 * It goes straight into the output, in whatever parts it comes; what a part
 * leaves unfinished, a piece of a UTF-8 sequence or of a base64 triple, is
 * carried over to the next.  Promises that any bytes become valid JSON.
 */

#include "protocol/ks_json_string.h"
#include "protocol/ks_scan.h"
#include "types/ks_utf8.h"


#define KS_JSON_ESCAPE    6             /* the longest: \u0000 */
#define KS_JSON_ROOM      64            /* to make escaping worth a start */

#define KS_REPLACEMENT    "\xEF\xBF\xBD"


static void ks_json_text(ks_json_t *w, const u_char *p, const u_char *end);
static const u_char *ks_json_text_carried(ks_json_t *w, const u_char *p,
    const u_char *end);
static const u_char *ks_json_escape(ks_json_t *w, u_char *d, const u_char *p,
    const u_char *end);
static int ks_json_sequences(u_char **dp, const u_char *stop,
    const u_char **pp, const u_char *end);
static u_char *ks_json_escape_byte(u_char *d, u_char c);
static void ks_json_base64(ks_json_t *w, const u_char *p, const u_char *end);
static void ks_json_base64_last(ks_json_t *w);
static void ks_base64_triples(u_char *d, const u_char *p, size_t n);


void
ks_json_string_part(ks_json_t *w, const u_char *p, const u_char *end)
{
    if (w->base64 && !w->raw) {
        ks_json_base64(w, p, end);

    } else {
        ks_json_text(w, p, end);
    }
}


void
ks_json_string_end(ks_json_t *w)
{
    if (w->ncarry == 0) {
        return;
    }

    if (w->base64 && !w->raw) {
        ks_json_base64_last(w);

    } else {
        ks_out_write(w->out, KS_REPLACEMENT, 3);
    }
}


/* --- text --- */

static void
ks_json_text(ks_json_t *w, const u_char *p, const u_char *end)
{
    u_char  *d;

    if (w->ncarry != 0) {
        p = ks_json_text_carried(w, p, end);
    }

    while (p < end) {
        d = ks_out_room(w->out, KS_JSON_ROOM);

        if (d == NULL) {
            return;
        }

        p = ks_json_escape(w, d, p, end);
    }
}


/*
 * Ends the sequence that the last part has begun.  The byte that shows it to
 * be broken is not a part of it and may begin anything.
 */

static const u_char *
ks_json_text_carried(ks_json_t *w, const u_char *p, const u_char *end)
{
    int  n;

    while (p < end) {
        w->carry[w->ncarry++] = *p;

        n = ks_utf8_check(w->carry, w->ncarry);

        if (n < 0) {
            w->ncarry = 0;
            ks_out_write(w->out, KS_REPLACEMENT, 3);
            return p;
        }

        p++;

        if (n > 0) {
            w->ncarry = 0;
            ks_out_write(w->out, w->carry, (size_t) n);
            return p;
        }
    }

    return p;
}


/*
 * Escapes as much as there is room for, and returns where it has come to.
 * A sequence that is cut short by the end of the part goes to the carry.
 */

static const u_char *
ks_json_escape(ks_json_t *w, u_char *d, const u_char *p, const u_char *end)
{
    int            n;
    size_t         plain;
    const u_char  *stop;

    stop = w->out->tail->end;

    for ( ;; ) {
        plain = ks_copy_plain(d, p, (size_t) ks_min(end - p, stop - d));

        d += plain;
        p += plain;

        if (p == end || stop - d < KS_JSON_ESCAPE) {
            break;
        }

        if (*p < 0x80) {
            d = ks_json_escape_byte(d, *p++);
            continue;
        }

        n = ks_json_sequences(&d, stop, &p, end);

        if (n < 0) {
            memcpy(d, KS_REPLACEMENT, 3);
            d += 3;
            p -= n;

        } else if (n == 0) {
            w->ncarry = (unsigned) (end - p);
            memcpy(w->carry, p, w->ncarry);
            p = end;
            break;
        }
    }

    ks_out_take(w->out, (size_t) (d - w->out->tail->last));

    return p;
}


/*
 * Copies UTF-8 sequences in a row, being at the first byte of one, while there
 * is room; returns what ks_utf8_check() says of the last one, which stays
 * there if it is not whole.
 */

static int
ks_json_sequences(u_char **dp, const u_char *stop, const u_char **pp,
    const u_char *end)
{
    int            n;
    u_char        *d;
    const u_char  *p;

    d = *dp;
    p = *pp;

    do {
        n = ks_utf8_check(p, (size_t) (end - p));

        if (n <= 0) {
            break;
        }

        /* always four bytes, if there are as many, is the fastest copy */

        memcpy(d, p, (end - p >= 4) ? 4 : (size_t) n);
        d += n;
        p += n;

    } while (p < end && *p >= 0x80 && stop - d >= KS_JSON_ESCAPE);

    *dp = d;
    *pp = p;

    return n;
}


static u_char *
ks_json_escape_byte(u_char *d, u_char c)
{
    static const char    hex[] = "0123456789abcdef";
    static const u_char  letters[] = {
        0, 0, 0, 0, 0, 0, 0, 0, 'b', 't', 'n', 0, 'f', 'r'
    };

    *d++ = '\\';

    if (c >= 0x20) {
        *d++ = c;
        return d;
    }

    if (c < sizeof(letters) && letters[c] != 0) {
        *d++ = letters[c];
        return d;
    }

    memcpy(d, "u00", 3);
    d[3] = (u_char) hex[c >> 4];
    d[4] = (u_char) hex[c & 0x0f];

    return d + 5;
}


/* --- base64 (RFC 4648, 4) --- */

static void
ks_json_base64(ks_json_t *w, const u_char *p, const u_char *end)
{
    size_t   n;
    u_char  *d;

    if (w->ncarry != 0) {

        while (w->ncarry < 3 && p < end) {
            w->carry[w->ncarry++] = *p++;
        }

        if (w->ncarry < 3) {
            return;
        }

        ks_json_base64_last(w);
    }

    while (end - p >= 3) {
        d = ks_out_room(w->out, 4);

        if (d == NULL) {
            return;
        }

        n = (size_t) ks_min((end - p) / 3, (w->out->tail->end - d) / 4);

        ks_base64_triples(d, p, n);
        ks_out_take(w->out, 4 * n);

        p += 3 * n;
    }

    w->ncarry = (unsigned) (end - p);
    memcpy(w->carry, p, w->ncarry);
}


/* What is carried, 1 to 3 bytes, as four letters. */

static void
ks_json_base64_last(ks_json_t *w)
{
    u_char  letters[4];

    memset(w->carry + w->ncarry, 0, 3 - w->ncarry);
    ks_base64_triples(letters, w->carry, 1);
    memset(letters + w->ncarry + 1, '=', 3 - w->ncarry);

    ks_out_write(w->out, letters, 4);

    w->ncarry = 0;
}


static void
ks_base64_triples(u_char *d, const u_char *p, size_t n)
{
    uint32_t           v;
    static const char  letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/";

    for ( /* void */ ; n != 0; n--) {
        v = (uint32_t) p[0] << 16 | (uint32_t) p[1] << 8 | p[2];

        d[0] = (u_char) letter[v >> 18];
        d[1] = (u_char) letter[v >> 12 & 0x3f];
        d[2] = (u_char) letter[v >> 6 & 0x3f];
        d[3] = (u_char) letter[v & 0x3f];

        p += 3;
        d += 4;
    }
}
