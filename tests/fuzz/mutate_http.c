/* SPDX-License-Identifier: Apache-2.0 */
/* Heads of HTTP/1.1 (RFC 9112), line by line, and what follows them. */
#include "fuzz/mutator.h"

static size_t line_measure(const uint8_t *data, size_t len, size_t index)
{
    const uint8_t *end = memchr(data, '\n', len);
    (void)index;
    return end ? (size_t)(end - data) + 1 : len;
}

/* Where a line's bytes end: before its CR LF. */
static size_t line_end(const struct mutator_piece *piece)
{
    size_t len = piece->len;
    if (len > 0 && piece->bytes[len - 1] == '\n')
        len--;
    if (len > 0 && piece->bytes[len - 1] == '\r')
        len--;
    return len;
}

/* Another end of a line. */
static void end_change(struct mutator_piece *piece, uint32_t *seed)
{
    static const struct mutator_known ends[] = {
        MUTATOR_KNOWN("\r\n"),   MUTATOR_KNOWN("\n"),       MUTATOR_KNOWN("\r"),
        MUTATOR_KNOWN(" \r\n"),  MUTATOR_KNOWN("\r\r\n"),   MUTATOR_KNOWN("\r\n "),
        MUTATOR_KNOWN("\t\r\n"), MUTATOR_KNOWN("\r\n\r\n"),
    };
    const struct mutator_known *end = &ends[mutator_choose(seed, sizeof(ends) / sizeof(ends[0]))];
    size_t len = line_end(piece);
    mutator_replace(piece, len, piece->len - len, end->bytes, end->len);
}

/* A number gets another value, which stands at an edge. */
static void number_change(struct mutator_piece *piece, uint32_t *seed)
{
    static const char *const numbers[] = {
        "0",   "1",  "99",   "100",  "101",        "199",        "200",
        "407", "13", "1000", "4096", "2147483647", "4294967296", "18446744073709551616",
        "-1",  "+1", "007",  "1.1",  "0x10",       "65535"};
    size_t from = 0, len = 0;
    size_t at = mutator_choose(seed, (uint32_t)piece->len + 1);
    for (size_t i = 0; i < piece->len; i++) { /* the first number behind `at`, or the last */
        bool is_digit = piece->bytes[i] >= '0' && piece->bytes[i] <= '9';
        if (is_digit && (len == 0 || from + len < i)) {
            if (len > 0 && from >= at)
                break;
            from = i;
            len = 1;
        } else if (is_digit) {
            len++;
        }
    }
    const char *number = numbers[mutator_choose(seed, sizeof(numbers) / sizeof(numbers[0]))];
    mutator_replace(piece, from, len, number, strlen(number));
}

/* What separates items, quotes and escapes. */
static void value_write(struct mutator_piece *piece, size_t from, size_t end, uint32_t *seed)
{
    static const struct mutator_known parts[] = {
        MUTATOR_KNOWN(","),
        MUTATOR_KNOWN(", "),
        MUTATOR_KNOWN(";"),
        MUTATOR_KNOWN("="),
        MUTATOR_KNOWN("\""),
        MUTATOR_KNOWN("\\"),
        MUTATOR_KNOWN("\"\""),
        MUTATOR_KNOWN(" "),
        MUTATOR_KNOWN("\t"),
        MUTATOR_KNOWN("@"),
        MUTATOR_KNOWN("\xc3\xbc"),
        MUTATOR_KNOWN("websocket"),
        MUTATOR_KNOWN("close"),
        MUTATOR_KNOWN("keep-alive"),
        MUTATOR_KNOWN("chunked"),
        MUTATOR_KNOWN("; server_max_window_bits=9"),
        MUTATOR_KNOWN("realm=\"a\""),
        MUTATOR_KNOWN("nonce=\"b\""),
        MUTATOR_KNOWN("qop=\"auth,auth-int\""),
        MUTATOR_KNOWN("algorithm=SHA-256"),
        MUTATOR_KNOWN("stale=true"),
    };
    const struct mutator_known *part =
        &parts[mutator_choose(seed, sizeof(parts) / sizeof(parts[0]))];
    mutator_replace(piece, from + mutator_choose(seed, (uint32_t)(end - from) + 1), 0, part->bytes,
                    part->len);
}

static void line_change(struct mutator_piece *piece, const uint8_t *head, uint32_t *seed)
{
    size_t end = line_end(piece);
    const uint8_t *colon = memchr(piece->bytes, ':', end);
    size_t from = colon ? (size_t)(colon - piece->bytes) + 1 : 0;
    (void)head;
    switch (mutator_choose(seed, 8)) {
    case 0:
        end_change(piece, seed);
        break;
    case 1:
        number_change(piece, seed);
        break;
    case 2:
    case 3:
        value_write(piece, from, end, seed);
        break;
    case 4: /* the name */
        mutator_change_bytes(piece, 0, from > 0 ? from - 1 : end, seed);
        break;
    case 5: /* the value twice */
        if (end > from) {
            size_t len = end - from < 512 ? end - from : 512;
            char copy[512];
            memcpy(copy, piece->bytes + from, len);
            mutator_replace(piece, end, 0, copy, len);
        }
        break;
    default:
        mutator_change_bytes(piece, from, end - from, seed);
        break;
    }
}

static const struct mutator_known known[] = {
    MUTATOR_KNOWN("HTTP/1.1 101 X\r\n"),
    MUTATOR_KNOWN("HTTP/1.1 100 Continue\r\n\r\n"),
    MUTATOR_KNOWN("HTTP/1.1 200 OK\r\n\r\n"),
    MUTATOR_KNOWN("HTTP/1.1 407 X\r\n"),
    MUTATOR_KNOWN("HTTP/1.0 302 Found\r\n"),
    MUTATOR_KNOWN("GET / HTTP/1.1\r\n"),
    MUTATOR_KNOWN("GET http://a/b HTTP/1.1\r\n"),
    MUTATOR_KNOWN("Host: a\r\n"),
    MUTATOR_KNOWN("Upgrade: websocket\r\n"),
    MUTATOR_KNOWN("Connection: Upgrade\r\n"),
    MUTATOR_KNOWN("Connection: close\r\n"),
    MUTATOR_KNOWN("Proxy-Connection: keep-alive\r\n"),
    MUTATOR_KNOWN("Sec-WebSocket-Accept: @\r\n"),
    MUTATOR_KNOWN("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
    MUTATOR_KNOWN("Sec-WebSocket-Version: 13\r\n"),
    MUTATOR_KNOWN("Sec-WebSocket-Protocol: chat.v1\r\n"),
    MUTATOR_KNOWN("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"),
    MUTATOR_KNOWN("Content-Length: 5\r\n"),
    MUTATOR_KNOWN("Transfer-Encoding: chunked\r\n"),
    MUTATOR_KNOWN("5\r\nhello\r\n"),
    MUTATOR_KNOWN("0\r\n\r\n"),
    MUTATOR_KNOWN("Proxy-Authenticate: Basic realm=\"a\"\r\n"),
    MUTATOR_KNOWN("Proxy-Authenticate: Digest realm=\"a\", nonce=\"b\", qop=\"auth\", "
                  "algorithm=SHA-256\r\n"),
    MUTATOR_KNOWN("Proxy-Authenticate: Negotiate\r\n"),
    MUTATOR_KNOWN("Proxy-Authenticate: NTLM TlRMTVNTUAACAAAA\r\n"),
    MUTATOR_KNOWN("Proxy-Authenticate: Bearer scope=\"a\"\r\n"),
    MUTATOR_KNOWN("Proxy-Authentication-Info: rspauth=\"00\"\r\n"),
    MUTATOR_KNOWN("Location: ws://b/\r\n"),
    MUTATOR_KNOWN("Forwarded: for=\"[::1]:80\";proto=https\r\n"),
    MUTATOR_KNOWN("X-Forwarded-For: 1.2.3.4, 5.6.7.8\r\n"),
    MUTATOR_KNOWN("Set-Cookie: a=b; Path=/\r\n"),
    MUTATOR_KNOWN("\r\n"),
};

const struct mutator_format mutator_http = {
    .head_bytes = 1,
    .measure = line_measure,
    .change = line_change,
    .known = known,
    .known_count = sizeof(known) / sizeof(known[0]),
};
