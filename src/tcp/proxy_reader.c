/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/proxy_reader.h"

#include "core/exchange.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { READER_READ, READER_DONE, READER_FAILED };

struct proxy_reader {
    struct leati_engine base;
    struct leati_address *client;
    struct leati_proxy_protocol header;
    char text[160];
    size_t len;
    uint8_t bytes[LEATI_PROXY_PROTOCOL_MAX_BYTES];
};

static void reader_fail(struct leati_engine *e, int sys_errno, const char *text)
{
    e->sys_errno = sys_errno;
    leati_engine_fail(e, LEAT_E_SOCKET_BASE + sys_errno, 0,
                      "the PROXY protocol of a trusted proxy: %s", text);
}

/* What stands behind the header goes back: it begins among the bytes that came last. */
static size_t reader_feed(struct leati_engine *e, const uint8_t *data, size_t len)
{
    struct proxy_reader *r = (void *)e;
    const char *reason = "";
    size_t room = sizeof(r->bytes) - r->len, before = r->len, used = 0;
    size_t size = len < room ? len : room;
    memcpy(r->bytes + r->len, data, size);
    r->len += size;
    switch (leati_proxy_protocol_read(r->bytes, r->len, &r->header, &used, &reason)) {
    case LEATI_PROXY_PROTOCOL_DONE:
        leati_engine_set_state(e, READER_DONE);
        if (!r->header.is_local)
            *r->client = r->header.source;
        return used - before;
    case LEATI_PROXY_PROTOCOL_MORE:
        if (r->len == sizeof(r->bytes))
            reader_fail(e, EPROTO, "the header is too long");
        break;
    case LEATI_PROXY_PROTOCOL_BAD:
        reader_fail(e, EPROTO, reason);
        break;
    }
    return len;
}

static void reader_end(struct leati_engine *e)
{
    reader_fail(e, EPROTO, "the connection ended before the header was complete");
}

static void reader_expire(struct leati_engine *e, uint64_t waited_ms)
{
    char text[80];
    snprintf(text, sizeof(text), "the header was not complete within %" PRIu64 " ms", waited_ms);
    reader_fail(e, ETIMEDOUT, text);
}

static void reader_describe(const struct leati_engine *e, char *buf, size_t cap)
{
    const struct proxy_reader *r = (const void *)e;
    char source[LEATI_ADDRESS_TEXT_SIZE] = "nobody";
    if (!r->header.is_local)
        leati_address_format(&r->header.source, source, sizeof(source));
    snprintf(buf, cap, "version %d, names %s", r->header.version, source);
}

static const struct leati_engine_state reader_states[] = {
    [READER_READ] = {"READ", LEATI_EXCHANGE_THEIRS},
    [READER_DONE] = {"DONE", LEATI_EXCHANGE_DONE},
    [READER_FAILED] = {"FAILED", LEATI_EXCHANGE_FAILED},
};

static const struct leati_engine_ops reader_ops = {
    .layer = LEATI_EXCHANGE_LAYER("proxy_protocol", LEAT_LAYER_TCP),
    .states = reader_states,
    .failed = READER_FAILED,
    .feed = reader_feed,
    .end = reader_end,
    .expire = reader_expire,
    .describe = reader_describe,
};

int leati_proxy_reader_layer_new(const struct leati_proxy_reader_options *options,
                                 struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct leati_layer *layer =
        leati_exchange_new(&reader_ops, sizeof(struct proxy_reader), options->timeout_ms,
                           "no memory for the header of the PROXY protocol", failure);
    if (!layer)
        return LEAT_E_SYSTEM_INTERNAL;
    struct proxy_reader *r = leati_exchange_engine(layer);
    leati_engine_init(&r->base, &reader_ops, r->text, sizeof(r->text));
    r->client = options->client;
    *ret_layer = layer;
    return LEAT_OK;
}
