/* SPDX-License-Identifier: Apache-2.0 */
/* Sec-WebSocket-Extensions in both directions. The first two bytes: what is offered, or wanted. The
 * rest is the value of the field; a line feed begins another field. */
#include "fuzz/fuzz.h"
#include "ws/deflate_params.h"

static bool bits_are_valid(unsigned bits)
{
    return bits >= LEATI_DEFLATE_MIN_WINDOW_BITS && bits <= LEATI_DEFLATE_MAX_WINDOW_BITS;
}

static bool head_make(struct leati_http_head *head, enum leati_http_kind kind,
                      struct fuzz_input value)
{
    static const char field[] = "\r\nSec-WebSocket-Extensions: ";
    const char *start = kind == LEATI_HTTP_REQUEST ? "GET / HTTP/1.1" : "HTTP/1.1 101 ";
    enum leati_http_result result;
    size_t used;
    leati_http_head_init(head, kind);
    result = leati_http_head_feed(head, start, strlen(start), &used);
    while (value.len > 0 && result == LEATI_HTTP_MORE) {
        const uint8_t *end = memchr(value.data, '\n', value.len);
        size_t len = end ? (size_t)(end - value.data) : value.len;
        result = leati_http_head_feed(head, field, sizeof(field) - 1, &used);
        if (result == LEATI_HTTP_MORE && len > 0)
            result = leati_http_head_feed(head, value.data, len, &used);
        (void)fuzz_take_bytes(&value, end ? len + 1 : len);
    }
    if (result == LEATI_HTTP_MORE)
        result = leati_http_head_feed(head, "\r\n\r\n", 4, &used);
    return result == LEATI_HTTP_DONE;
}

static void params_check(const struct leati_deflate_params *params)
{
    FUZZ_MUST(bits_are_valid(params->server_max_window_bits));
    FUZZ_MUST(bits_are_valid(params->client_max_window_bits));
}

static void response_run(const struct leati_http_head *head, uint8_t a, uint8_t b)
{
    const struct leati_deflate_offer offer = {
        .server_no_context_takeover = a & 1,
        .client_no_context_takeover = a & 2,
        .allows_client_max_window_bits = a & 4,
        .server_max_window_bits = (uint8_t)(b & 8 ? 8 + (b & 7) : 0),
        .client_max_window_bits = (uint8_t)(b & 128 && a & 4 ? 8 + ((b >> 4) & 7) : 0),
    };
    struct leati_deflate_params params;
    struct leati_deflate_fault fault = {.reason = NULL};
    char header[LEATI_DEFLATE_HEADER_SIZE];
    leati_deflate_offer_format(&offer, header);
    FUZZ_MUST(fuzz_is_printable(header));
    switch (leati_deflate_response_check(head, a & 8 ? NULL : &offer, &params, &fault)) {
    case LEATI_DEFLATE_AGREED:
        FUZZ_MUST(!(a & 8));
        params_check(&params);
        FUZZ_MUST(params.client_max_window_bits == 15 || offer.allows_client_max_window_bits);
        break;
    case LEATI_DEFLATE_INVALID:
        FUZZ_MUST(fault.reason && fault.element_len > 0);
        break;
    case LEATI_DEFLATE_DECLINED:
        break;
    }
}

/* What a server answers to the offers of this client is what this client accepts. */
static void offers_run(const struct leati_http_head *head, uint8_t a, uint8_t b)
{
    const struct leati_deflate_params limits = {
        .server_no_context_takeover = a & 1,
        .client_no_context_takeover = a & 2,
        .server_max_window_bits = (uint8_t)(8 + (b & 7)),
        .client_max_window_bits = (uint8_t)(8 + ((b >> 3) & 7)),
    };
    struct leati_deflate_params params;
    char header[LEATI_DEFLATE_HEADER_SIZE];
    if (!leati_deflate_offers_choose(head, &limits, &params, header))
        return;
    params_check(&params);
    FUZZ_MUST(params.server_max_window_bits <= limits.server_max_window_bits);
    FUZZ_MUST(strlen(header) < sizeof(header) && fuzz_is_printable(header));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct leati_http_head head;
    uint8_t a = fuzz_take(&input);
    uint8_t b = fuzz_take(&input);
    bool is_request = a & 16;

    if (head_make(&head, is_request ? LEATI_HTTP_REQUEST : LEATI_HTTP_RESPONSE, input)) {
        if (is_request)
            offers_run(&head, a, b);
        else
            response_run(&head, a, b);
    }
    leati_http_head_done(&head);
    return 0;
}
