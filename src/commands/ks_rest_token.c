/*
 * Tokens for REST that name their user: "ks", 1, the length of the name, the
 * name, the password, in base64url (RFC 4648, 5) without padding.
 */

#include "commands/ks_rest_token.h"


#define KS_TOKEN_HEAD  4

static const u_char  ks_token_mark[KS_TOKEN_HEAD - 1] = { 'k', 's', 1 };

static const char  ks_token_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";


ks_str_t
ks_rest_token(ks_space_t *sp, const ks_str_t *name, const ks_str_t *password)
{
    size_t     i, len;
    u_char    *p, *raw;
    uint32_t   bits;
    ks_str_t   token;

    len = KS_TOKEN_HEAD + name->len + password->len;
    raw = ks_arena_alloc(sp, len + 3);
    memset(raw + len, 0, 3);

    memcpy(raw, ks_token_mark, sizeof(ks_token_mark));
    raw[KS_TOKEN_HEAD - 1] = (u_char) name->len;
    p = raw + KS_TOKEN_HEAD;

    if (name->len != 0) {
        memcpy(p, name->data, name->len);
    }

    if (password->len != 0) {
        memcpy(p + name->len, password->data, password->len);
    }

    token.data = ks_arena_alloc(sp, len / 3 * 4 + 4);
    token.len = (len * 8 + 5) / 6;
    p = token.data;

    for (i = 0; i < len; i += 3) {
        bits = (uint32_t) raw[i] << 16 | (uint32_t) raw[i + 1] << 8
               | raw[i + 2];
        *p++ = (u_char) ks_token_digits[bits >> 18];
        *p++ = (u_char) ks_token_digits[bits >> 12 & 63];
        *p++ = (u_char) ks_token_digits[bits >> 6 & 63];
        *p++ = (u_char) ks_token_digits[bits & 63];
    }

    return token;
}


/* The mark is three bytes, which are four digits. */

int
ks_rest_token_may(const ks_str_t *token)
{
    return token->len > 4 && memcmp(token->data, "a3MB", 4) == 0;
}


static int
ks_token_digit(u_char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return c == '-' ? 62 : c == '_' ? 63 : -1;
}


int
ks_rest_token_split(const ks_str_t *token, u_char *buf, ks_str_t *name,
    ks_str_t *password)
{
    int        digit;
    size_t     i, len, n;
    uint32_t   bits;

    for (i = 0, len = 0, bits = 0; i < token->len; i++) {
        digit = ks_token_digit(token->data[i]);

        if (digit < 0) {
            return KS_ERR;
        }

        bits = bits << 6 | (uint32_t) digit;

        if (i % 4 != 0) {
            buf[len++] = (u_char) (bits >> (6 - 2 * (i % 4)));
        }
    }

    if (len < KS_TOKEN_HEAD
        || memcmp(buf, ks_token_mark, sizeof(ks_token_mark)) != 0)
    {
        return KS_ERR;
    }

    n = buf[KS_TOKEN_HEAD - 1];

    if (len - KS_TOKEN_HEAD < n) {
        return KS_ERR;
    }

    name->data = buf + KS_TOKEN_HEAD;
    name->len = n;
    password->data = name->data + n;
    password->len = len - KS_TOKEN_HEAD - n;

    return KS_OK;
}
