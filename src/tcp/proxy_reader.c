/* SPDX-License-Identifier: Apache-2.0 */
#include "tcp/proxy_reader.h"

#include "core/exchange.h"
#include "util/alloc.h"
#include "util/readable.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct proxy_reader {
    struct leati_exchange exchange;
    struct leati_address *client;
    struct leati_proxy_protocol header;
    bool is_done;
    int sys_errno;     /* 0 = it has not failed */
    char failure[160]; /* if it has */
    size_t len;
    uint8_t bytes[LEATI_PROXY_PROTOCOL_MAX_BYTES];
};

static struct proxy_reader *reader_of(struct leati_exchange *x)
{
    return (struct proxy_reader *)x;
}

static const struct proxy_reader *reader_of_const(const struct leati_exchange *x)
{
    return (const struct proxy_reader *)x;
}

static void reader_fail(struct proxy_reader *r, int sys_errno, const char *text)
{
    r->sys_errno = sys_errno;
    leati_readable_format(r->failure, sizeof(r->failure),
                          "the PROXY protocol of a trusted proxy: %s", text);
}

static void reader_start(struct leati_exchange *x)
{
    (void)x;
}

static enum leati_exchange_turn reader_turn(const struct leati_exchange *x)
{
    const struct proxy_reader *r = reader_of_const(x);
    return r->sys_errno != 0 ? LEATI_EXCHANGE_FAILED
           : r->is_done      ? LEATI_EXCHANGE_DONE
                             : LEATI_EXCHANGE_THEIRS;
}

/* It is never ours. */
static size_t reader_output(const struct leati_exchange *x, const uint8_t **ret_data)
{
    (void)x;
    *ret_data = NULL;
    return 0;
}

static void reader_sent(struct leati_exchange *x, size_t len)
{
    (void)x;
    (void)len;
}

static size_t reader_need(const struct leati_exchange *x)
{
    (void)x;
    return SIZE_MAX;
}

/* What stands behind the header goes back: it begins among the bytes that came last. */
static void reader_feed(struct leati_exchange *x, const uint8_t *data, size_t len, size_t *ret_used)
{
    struct proxy_reader *r = reader_of(x);
    const char *reason = "";
    size_t room = sizeof(r->bytes) - r->len, before = r->len, used = 0;
    size_t size = len < room ? len : room;
    memcpy(r->bytes + r->len, data, size);
    r->len += size;
    *ret_used = len;
    switch (leati_proxy_protocol_read(r->bytes, r->len, &r->header, &used, &reason)) {
    case LEATI_PROXY_PROTOCOL_DONE:
        r->is_done = true;
        *ret_used = used - before;
        if (!r->header.is_local)
            *r->client = r->header.source;
        break;
    case LEATI_PROXY_PROTOCOL_MORE:
        if (r->len == sizeof(r->bytes))
            reader_fail(r, EPROTO, "the header is too long");
        break;
    case LEATI_PROXY_PROTOCOL_BAD:
        reader_fail(r, EPROTO, reason);
        break;
    }
}

static void reader_end(struct leati_exchange *x)
{
    reader_fail(reader_of(x), EPROTO, "the connection ended before the header was complete");
}

static void reader_expire(struct leati_exchange *x, uint64_t waited_ms)
{
    char text[80];
    snprintf(text, sizeof(text), "the header was not complete within %" PRIu64 " ms", waited_ms);
    reader_fail(reader_of(x), ETIMEDOUT, text);
}

static struct leati_exchange_verdict reader_verdict(const struct leati_exchange *x)
{
    const struct proxy_reader *r = reader_of_const(x);
    return (struct leati_exchange_verdict){
        .code = LEAT_E_SOCKET_BASE + r->sys_errno,
        .sys_errno = r->sys_errno,
        .text = r->failure,
    };
}

static void reader_done(struct leati_exchange *x)
{
    (void)x;
}

static void reader_describe(const struct leati_layer *l, char *buf, size_t cap)
{
    const struct proxy_reader *r = reader_of_const((const struct leati_exchange *)l);
    char source[LEATI_ADDRESS_TEXT_SIZE] = "nobody";
    if (!r->header.is_local)
        leati_address_format(&r->header.source, source, sizeof(source));
    snprintf(buf, cap, "version %d, names %s", r->header.version, source);
}

static const struct leati_exchange_ops reader_ops = {
    .layer = LEATI_EXCHANGE_LAYER("proxy_protocol", LEAT_LAYER_TCP, reader_describe),
    .start = reader_start,
    .turn = reader_turn,
    .output = reader_output,
    .sent = reader_sent,
    .need = reader_need,
    .feed = reader_feed,
    .end = reader_end,
    .expire = reader_expire,
    .lower_failed = leati_exchange_keep_lower,
    .verdict = reader_verdict,
    .done = reader_done,
};

int leati_proxy_reader_layer_new(const struct leati_proxy_reader_options *options,
                                 struct leati_failure *failure, struct leati_layer **ret_layer)
{
    struct proxy_reader *r = leati_calloc(1, sizeof(*r));
    if (!r) {
        const struct leati_fault fault = {.code = LEAT_E_SYSTEM_INTERNAL, .layer = LEAT_LAYER_TCP};
        return leati_failure_set(failure, &fault, "no memory for the header of the PROXY protocol");
    }
    r->client = options->client;
    leati_exchange_init(&r->exchange, &reader_ops, options->timeout_ms);
    *ret_layer = &r->exchange.base;
    return LEAT_OK;
}
