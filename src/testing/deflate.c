/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/deflate.h"
#include "util/alloc.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

enum { BITS_MIN = 9, BITS_MAX = 15 }; /* zlib has no raw deflate with 8 */
enum { CLIENT_BITS_MIN = 8 };
enum { CLIENT_BITS = 2, SERVER_BITS, PARAMETERS }; /* those before have no value */

/* ---- the offer: RFC 7692 section 7.1 --------------------------------------------------------- */

static bool word_is(const char *text, size_t len, const char *word)
{
    return leati_text_equal_nocase(text, len, word, strlen(word));
}

/* One parameter. false: an offer with it cannot be taken. */
static bool parameter_take(const char *text, size_t len, bool seen[PARAMETERS], unsigned *bits)
{
    static const char *const names[PARAMETERS] = {
        "server_no_context_takeover", "client_no_context_takeover",
        [CLIENT_BITS] = "client_max_window_bits", [SERVER_BITS] = "server_max_window_bits"};
    uint64_t number = BITS_MAX;
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    size_t which = 0;
    while (which < PARAMETERS && !word_is(text, name_len, names[which]))
        ++which;
    if (which == PARAMETERS || seen[which])
        return false;
    seen[which] = true;
    if (which < CLIENT_BITS)
        return !equals;
    if (!equals)
        return which == CLIENT_BITS; /* it may be as large as it likes */
    if (!leati_text_parse_u64(equals + 1, len - name_len - 1, BITS_MAX, &number) ||
        equals[1] == '0' || number < (which == CLIENT_BITS ? CLIENT_BITS_MIN : BITS_MIN))
        return false;
    if (which == SERVER_BITS)
        *bits = (unsigned)number;
    return true;
}

/* One offer, up to its comma. */
static bool offer_take(const char *offer, size_t len, unsigned *ret_bits)
{
    bool is_first = true, seen[PARAMETERS] = {false};
    *ret_bits = BITS_MAX;
    for (size_t at = 0; at <= len; is_first = false) {
        const char *part = offer + at;
        const char *end = memchr(part, ';', len - at);
        size_t part_len = end ? (size_t)(end - part) : len - at;
        at += part_len + 1;
        while (part_len > 0 && (*part == ' ' || *part == '\t')) {
            ++part;
            --part_len;
        }
        while (part_len > 0 && (part[part_len - 1] == ' ' || part[part_len - 1] == '\t'))
            --part_len;
        if (is_first ? !word_is(part, part_len, "permessage-deflate")
                     : !parameter_take(part, part_len, seen, ret_bits))
            return false;
    }
    return true;
}

unsigned leati_deflate_accept(const char *offers, char *ret_line, size_t cap)
{
    unsigned bits = 0;
    for (const char *offer = offers; *offer != '\0';) {
        size_t len = strcspn(offer, ",");
        if (offer_take(offer, len, &bits)) {
            char window[40] = "";
            if (bits < BITS_MAX)
                snprintf(window, sizeof(window), "; server_max_window_bits=%u", bits);
            snprintf(ret_line, cap,
                     "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
                     "client_no_context_takeover%s\r\n",
                     window);
            return bits;
        }
        offer += len + (offer[len] == ',');
    }
    return 0;
}

/* ---- messages: RFC 7692 section 7.2 ---------------------------------------------------------- */

#ifdef LEAT_ZLIB

#include <zlib.h>

static voidpf memory_get(voidpf user, uInt count, uInt size)
{
    (void)user;
    return leati_calloc(count, size);
}

static void memory_give(voidpf user, voidpf memory)
{
    (void)user;
    leati_free(memory);
}

uint8_t *leati_deflate_message(const void *data, size_t len, unsigned window_bits, size_t *ret_len)
{
    z_stream stream = {.zalloc = memory_get, .zfree = memory_give};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -(int)window_bits, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return NULL;
    size_t cap = deflateBound(&stream, (uLong)len) + 16;
    uint8_t *out = leati_malloc(cap);
    stream.next_in = (Bytef *)(uintptr_t)data;
    stream.avail_in = (uInt)len;
    stream.next_out = out;
    stream.avail_out = (uInt)cap;
    bool is_well = out && deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0;
    size_t out_len = cap - stream.avail_out;
    deflateEnd(&stream);
    if (!is_well || out_len < 4) {
        leati_free(out);
        return NULL;
    }
    *ret_len = out_len - 4; /* 00 00 ff ff is left out */
    if (*ret_len == 0)
        out[(*ret_len)++] = 0; /* nothing at all is an empty block */
    return out;
}

/* Inflates into a buffer that grows. false: it is none, or too long. */
static bool stream_inflate(z_stream *stream, uint8_t **out, size_t *out_len, size_t max)
{
    size_t cap = 0;
    int result = Z_OK;
    do {
        if (!leati_reserve(out, &cap, *out_len, 4096))
            return false;
        stream->next_out = *out + *out_len;
        stream->avail_out = (uInt)(cap - *out_len);
        result = inflate(stream, Z_SYNC_FLUSH);
        *out_len = cap - stream->avail_out;
        if (*out_len > max)
            return false;
    } while (result == Z_OK && (stream->avail_in > 0 || stream->avail_out == 0));
    return result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END;
}

uint8_t *leati_inflate_message(const void *data, size_t len, size_t max, size_t *ret_len)
{
    static const uint8_t tail[] = {0, 0, 0xff, 0xff};
    z_stream stream = {.zalloc = memory_get, .zfree = memory_give};
    uint8_t *out = NULL;
    size_t out_len = 0;
    uint8_t *in = leati_malloc(len + sizeof(tail));
    if (!in || inflateInit2(&stream, -BITS_MAX) != Z_OK) {
        leati_free(in);
        return NULL;
    }
    if (len > 0)
        memcpy(in, data, len);
    memcpy(in + len, tail, sizeof(tail));
    stream.next_in = in;
    stream.avail_in = (uInt)(len + sizeof(tail));
    bool is_well = stream_inflate(&stream, &out, &out_len, max);
    inflateEnd(&stream);
    leati_free(in);
    if (!is_well) {
        leati_free(out);
        return NULL;
    }
    *ret_len = out_len;
    return out;
}

#else /* without zlib nothing is accepted: options_check() */

uint8_t *leati_deflate_message(const void *data, size_t len, unsigned window_bits, size_t *ret_len)
{
    (void)data, (void)len, (void)window_bits, (void)ret_len;
    return NULL;
}

uint8_t *leati_inflate_message(const void *data, size_t len, size_t max, size_t *ret_len)
{
    (void)data, (void)len, (void)max, (void)ret_len;
    return NULL;
}

#endif
