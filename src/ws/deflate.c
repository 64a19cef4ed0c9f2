/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/deflate.h"

#include "util/alloc.h"

#include <assert.h>
#include <string.h>

#define ZLIB_CONST
#include <zlib.h>

enum {
    /* zlib has no raw deflate with 8, and its inflate gains nothing by it: peers that ask zlib for
     * 8 get 9 without being told. */
    ZLIB_MIN_WINDOW_BITS = 9,
    ZLIB_DEFAULT_MEM_LEVEL = 8,
};

#define PIECE_MAX_BYTES (1u << 30) /* zlib counts in unsigned int */

/* Section 7.2.1: the end of the empty block with which a flush ends. */
static const uint8_t flush_tail[4] = {0x00, 0x00, 0xff, 0xff};

bool leati_deflate_is_built_in(void)
{
    return true;
}

/* ---- both ------------------------------------------------------------------------------- */

static void *zlib_alloc(void *user, unsigned count, unsigned size)
{
    size_t bytes;

    (void)user;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : leati_malloc(bytes);
}

static void zlib_free(void *user, void *ptr)
{
    (void)user;
    leati_free(ptr);
}

static z_stream *stream_new(void)
{
    z_stream *stream = leati_calloc(1, sizeof(*stream));
    if (stream) {
        stream->zalloc = zlib_alloc;
        stream->zfree = zlib_free;
    }
    return stream;
}

static unsigned piece_of(size_t len)
{
    return len < PIECE_MAX_BYTES ? (unsigned)len : PIECE_MAX_BYTES;
}

static int raw_window_bits(uint8_t window_bits)
{
    /* Negative: no header and no checksum. */
    return -(window_bits > ZLIB_MIN_WINDOW_BITS ? (int)window_bits : ZLIB_MIN_WINDOW_BITS);
}

/* ---- compressing ------------------------------------------------------------------------ */

void leati_deflater_init(struct leati_deflater *deflater,
                         const struct leati_deflater_options *options)
{
    *deflater = (struct leati_deflater){.options = *options};
}

void leati_deflater_done(struct leati_deflater *deflater)
{
    if (!deflater->stream)
        return;
    deflateEnd(deflater->stream);
    leati_free(deflater->stream);
    deflater->stream = NULL;
}

void leati_deflater_trim(struct leati_deflater *deflater)
{
    if (deflater->options.no_context_takeover && !deflater->has_input)
        leati_deflater_done(deflater);
}

/* A window of 256 bytes is kept by not matching at a greater distance than 1, which Z_RLE is for.
 */
static bool deflater_open(struct leati_deflater *deflater)
{
    const struct leati_deflater_options *options = &deflater->options;
    const int level = options->level ? options->level : Z_DEFAULT_COMPRESSION;
    const int mem_level = options->mem_level ? options->mem_level : ZLIB_DEFAULT_MEM_LEVEL;
    const int strategy = options->window_bits < ZLIB_MIN_WINDOW_BITS ? Z_RLE : Z_DEFAULT_STRATEGY;

    if (deflater->stream)
        return true;
    z_stream *stream = stream_new();
    if (!stream)
        return false;
    if (deflateInit2(stream, level, Z_DEFLATED, raw_window_bits(options->window_bits), mem_level,
                     strategy) != Z_OK) {
        leati_free(stream);
        return false;
    }
    deflater->stream = stream;
    return true;
}

enum leati_deflate_result leati_deflater_feed(struct leati_deflater *deflater, const uint8_t **data,
                                              size_t *len, uint8_t *out, size_t cap,
                                              size_t *ret_out_len)
{
    size_t out_len = 0;

    assert(cap >= LEATI_DEFLATER_MIN_OUT_BYTES);
    *ret_out_len = 0;
    if (deflater->failure != LEATI_DEFLATE_DONE)
        return deflater->failure;
    if (*len == 0)
        return LEATI_DEFLATE_DONE;
    if (!deflater_open(deflater))
        return deflater->failure = LEATI_DEFLATE_NO_MEMORY;

    z_stream *stream = deflater->stream;
    deflater->has_input = true;
    while (*len > 0 && out_len < cap) {
        const unsigned in = piece_of(*len);
        const unsigned room = piece_of(cap - out_len);
        stream->next_in = *data;
        stream->avail_in = in;
        stream->next_out = out + out_len;
        stream->avail_out = room;
        deflate(stream, Z_NO_FLUSH); /* cannot fail with input and room */
        *data += in - stream->avail_in;
        *len -= in - stream->avail_in;
        out_len += room - stream->avail_out;
    }
    *ret_out_len = out_len;
    return *len > 0 ? LEATI_DEFLATE_MORE : LEATI_DEFLATE_DONE;
}

/* The last four bytes are held back until it is known whether they are the tail. */
static void tail_hold(struct leati_deflater *deflater, const uint8_t *out, size_t *out_len)
{
    deflater->tail_len = *out_len < sizeof(deflater->tail) ? *out_len : sizeof(deflater->tail);
    *out_len -= deflater->tail_len;
    memcpy(deflater->tail, out + *out_len, deflater->tail_len);
}

enum leati_deflate_result leati_deflater_end(struct leati_deflater *deflater, uint8_t *out,
                                             size_t cap, size_t *ret_out_len)
{
    assert(cap >= LEATI_DEFLATER_MIN_OUT_BYTES);
    *ret_out_len = 0;
    if (deflater->failure != LEATI_DEFLATE_DONE)
        return deflater->failure;
    if (!deflater->has_input) {
        out[0] = 0;
        *ret_out_len = 1;
        return LEATI_DEFLATE_DONE;
    }

    z_stream *stream = deflater->stream;
    const unsigned room = piece_of(cap - deflater->tail_len);
    memcpy(out, deflater->tail, deflater->tail_len);
    stream->next_in = NULL;
    stream->avail_in = 0;
    stream->next_out = out + deflater->tail_len;
    stream->avail_out = room;
    deflate(stream, Z_SYNC_FLUSH);
    size_t out_len = deflater->tail_len + room - stream->avail_out;
    tail_hold(deflater, out, &out_len);
    *ret_out_len = out_len;
    if (stream->avail_out == 0)
        return LEATI_DEFLATE_MORE;

    assert(memcmp(deflater->tail, flush_tail, sizeof(flush_tail)) == 0);
    deflater->tail_len = 0;
    deflater->has_input = false;
    if (deflater->options.no_context_takeover)
        deflateReset(stream);
    return LEATI_DEFLATE_DONE;
}

/* ---- decompressing ---------------------------------------------------------------------- */

void leati_inflater_init(struct leati_inflater *inflater,
                         const struct leati_inflater_options *options)
{
    *inflater = (struct leati_inflater){.options = *options};
}

void leati_inflater_done(struct leati_inflater *inflater)
{
    if (!inflater->stream)
        return;
    inflateEnd(inflater->stream);
    leati_free(inflater->stream);
    inflater->stream = NULL;
}

void leati_inflater_trim(struct leati_inflater *inflater)
{
    if (inflater->options.no_context_takeover && !inflater->has_input)
        leati_inflater_done(inflater);
}

static bool inflater_open(struct leati_inflater *inflater)
{
    if (inflater->stream)
        return true;
    z_stream *stream = stream_new();
    if (!stream)
        return false;
    if (inflateInit2(stream, raw_window_bits(inflater->options.window_bits)) != Z_OK) {
        leati_free(stream);
        return false;
    }
    inflater->stream = stream;
    return true;
}

/* One call of inflate(). A block with BFINAL ends zlib's stream, but not ours (section 7.2.3.4):
 * the next block begins a new one, which cannot refer to the old one. */
static enum leati_deflate_result inflater_step(struct leati_inflater *inflater)
{
    z_stream *stream = inflater->stream;

    inflater->is_final = false;
    switch (inflate(stream, Z_SYNC_FLUSH)) {
    case Z_OK:
    case Z_BUF_ERROR: /* nothing to do without input or room */
        return LEATI_DEFLATE_DONE;
    case Z_STREAM_END:
        inflater->is_final = true;
        inflateReset(stream);
        return LEATI_DEFLATE_DONE;
    case Z_MEM_ERROR:
        return LEATI_DEFLATE_NO_MEMORY;
    default:
        return LEATI_DEFLATE_CORRUPT;
    }
}

/* Runs until the input is taken and nothing more comes out of it, or `out` is full. */
static enum leati_deflate_result inflater_run(struct leati_inflater *inflater, const uint8_t **data,
                                              size_t *len, uint8_t *out, size_t cap,
                                              size_t *ret_out_len)
{
    size_t out_len = 0;

    if (*len == 0 && inflater->is_final)
        return LEATI_DEFLATE_DONE;
    if (!inflater_open(inflater))
        return inflater->failure = LEATI_DEFLATE_NO_MEMORY;
    z_stream *stream = inflater->stream;
    do {
        const unsigned in = piece_of(*len);
        const unsigned room = piece_of(cap - out_len);
        stream->next_in = *data;
        stream->avail_in = in;
        stream->next_out = out + out_len;
        stream->avail_out = room;
        inflater->failure = inflater_step(inflater);
        if (in > 0) /* without input, `*data` may be NULL */
            *data += in - stream->avail_in;
        *len -= in - stream->avail_in;
        out_len += room - stream->avail_out;
        *ret_out_len = out_len;
        if (inflater->failure != LEATI_DEFLATE_DONE)
            return inflater->failure;
    } while (*len > 0 && out_len < cap);
    return out_len == cap ? LEATI_DEFLATE_MORE : LEATI_DEFLATE_DONE;
}

enum leati_deflate_result leati_inflater_feed(struct leati_inflater *inflater, const uint8_t **data,
                                              size_t *len, uint8_t *out, size_t cap,
                                              size_t *ret_out_len)
{
    *ret_out_len = 0;
    if (inflater->failure != LEATI_DEFLATE_DONE)
        return inflater->failure;
    if (*len == 0 && !inflater->has_input)
        return LEATI_DEFLATE_DONE;
    inflater->has_input = true;
    return inflater_run(inflater, data, len, out, cap, ret_out_len);
}

/* Whether the last byte of the tail was the last one of a block: data_type is documented to have
 * 128 there. */
static bool inflater_is_between_blocks(const struct leati_inflater *inflater)
{
    return inflater->is_final || (inflater->stream->data_type & 128);
}

enum leati_deflate_result leati_inflater_end(struct leati_inflater *inflater, uint8_t *out,
                                             size_t cap, size_t *ret_out_len)
{
    *ret_out_len = 0;
    if (inflater->failure != LEATI_DEFLATE_DONE)
        return inflater->failure;
    /* Some peers put nothing behind a final block, or send nothing at all for an empty message:
     * there the tail would begin in the middle of its block. */
    bool needs_tail = inflater->has_input && (!inflater->is_final || inflater->tail_used > 0);
    if (needs_tail) {
        const uint8_t *data = flush_tail + inflater->tail_used;
        size_t len = sizeof(flush_tail) - inflater->tail_used;
        enum leati_deflate_result result =
            inflater_run(inflater, &data, &len, out, cap, ret_out_len);
        inflater->tail_used = sizeof(flush_tail) - len;
        if (result != LEATI_DEFLATE_DONE)
            return result;
        if (!inflater_is_between_blocks(inflater))
            return inflater->failure = LEATI_DEFLATE_CORRUPT;
    }
    inflater->tail_used = 0;
    inflater->has_input = false;
    inflater->is_final = false;
    if (inflater->options.no_context_takeover && inflater->stream)
        inflateReset(inflater->stream);
    return LEATI_DEFLATE_DONE;
}
