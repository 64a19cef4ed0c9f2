/* SPDX-License-Identifier: Apache-2.0 */
#include "ws/deflate_params.h"

#include "util/text.h"

#include <string.h>

static const char header_name[] = "Sec-WebSocket-Extensions";
static const char extension_name[] = "permessage-deflate";

enum parameter {
    SERVER_NO_CONTEXT_TAKEOVER,
    CLIENT_NO_CONTEXT_TAKEOVER,
    SERVER_MAX_WINDOW_BITS,
    CLIENT_MAX_WINDOW_BITS,
    PARAMETER_COUNT,
};

static const char *const parameter_names[] = {
    [SERVER_NO_CONTEXT_TAKEOVER] = "server_no_context_takeover",
    [CLIENT_NO_CONTEXT_TAKEOVER] = "client_no_context_takeover",
    [SERVER_MAX_WINDOW_BITS] = "server_max_window_bits",
    [CLIENT_MAX_WINDOW_BITS] = "client_max_window_bits",
};

/* One permessage-deflate with its parameters, as it stands in a header. */
struct element {
    bool has[PARAMETER_COUNT];
    uint8_t bits[PARAMETER_COUNT]; /* 0 = without a value */
};

static const char fault_syntax[] = "broken syntax in";
static const char fault_unknown[] = "an unknown parameter in";
static const char fault_twice[] = "a parameter twice in";
static const char fault_extension_twice[] = "permessage-deflate twice in";
static const char fault_value[] = "a parameter with a wrong value in";

/* ---- syntax: RFC 6455 section 9.1 ------------------------------------------------------- */

/* The rest of an element. */
struct cursor {
    const char *pos, *end;
};

static bool cursor_skip(struct cursor *c, char byte)
{
    while (c->pos < c->end && (*c->pos == ' ' || *c->pos == '\t'))
        c->pos++;
    if (byte == '\0' || c->pos == c->end || *c->pos != byte)
        return false;
    c->pos++;
    return true;
}

/* The bytes of a token; 0 = there is none. */
static size_t cursor_token(struct cursor *c, const char **ret_token)
{
    cursor_skip(c, '\0');
    const char *start = c->pos;
    while (c->pos < c->end && leati_text_is_token(c->pos, 1))
        c->pos++;
    *ret_token = start;
    return (size_t)(c->pos - start);
}

/* What is in quotes, which must be a token without them. Returns its length as far as `cap` goes, 0
 * if it is broken or empty. */
static size_t cursor_quoted(struct cursor *c, char *value, size_t cap)
{
    size_t len = 0;

    for (c->pos++; c->pos < c->end && *c->pos != '"'; c->pos++) {
        if (*c->pos == '\\' && ++c->pos == c->end)
            return 0;
        if (len < cap)
            value[len++] = *c->pos;
    }
    if (c->pos == c->end)
        return 0;
    c->pos++;
    return leati_text_is_token(value, len) ? len : 0;
}

enum { VALUE_CAP = 3 }; /* one more than any valid value has */

/* The value behind "="; cut off at `VALUE_CAP`. 0 = broken. */
static size_t cursor_value(struct cursor *c, char value[VALUE_CAP])
{
    const char *token;

    cursor_skip(c, '\0');
    if (c->pos < c->end && *c->pos == '"')
        return cursor_quoted(c, value, VALUE_CAP);
    size_t len = cursor_token(c, &token);
    if (len > VALUE_CAP)
        len = VALUE_CAP;
    memcpy(value, token, len);
    return len;
}

/* ---- one element ------------------------------------------------------------------------ */

static enum parameter parameter_find(const char *name, size_t len)
{
    enum parameter p = 0;

    while (p < PARAMETER_COUNT &&
           !leati_text_equal_nocase(name, len, parameter_names[p], strlen(parameter_names[p])))
        p++;
    return p;
}

/* Section 7.1.2: 8 to 15, without leading zeros. */
static bool window_bits_parse(const char *value, size_t len, uint8_t *ret_bits)
{
    uint64_t bits;

    if (value[0] == '0' ||
        !leati_text_parse_u64(value, len, LEATI_DEFLATE_MAX_WINDOW_BITS, &bits) ||
        bits < LEATI_DEFLATE_MIN_WINDOW_BITS)
        return false;
    *ret_bits = (uint8_t)bits;
    return true;
}

/* Whether the parameter may have that value; `len` 0 = none. Section 7.1. */
static bool element_set(struct element *element, enum parameter p, const char *value, size_t len)
{
    element->has[p] = true;
    if (p == SERVER_NO_CONTEXT_TAKEOVER || p == CLIENT_NO_CONTEXT_TAKEOVER)
        return len == 0;
    if (len == 0)
        return p == CLIENT_MAX_WINDOW_BITS;
    return window_bits_parse(value, len, &element->bits[p]);
}

/* Reads the parameters behind the name. NULL, or what is wrong with them. */
static const char *element_parse(struct cursor *c, struct element *ret_element)
{
    struct element element = {0};

    for (;;) {
        const char *name;
        char value[VALUE_CAP] = "";
        size_t value_len = 0;
        bool is_last = !cursor_skip(c, ';');
        if (is_last && c->pos < c->end)
            return fault_syntax;
        if (is_last)
            break;
        size_t name_len = cursor_token(c, &name);
        if (name_len == 0)
            return fault_syntax;
        bool has_value = cursor_skip(c, '=');
        if (has_value && (value_len = cursor_value(c, value)) == 0)
            return fault_syntax;
        enum parameter p = parameter_find(name, name_len);
        if (p == PARAMETER_COUNT)
            return fault_unknown;
        if (element.has[p])
            return fault_twice;
        if (!element_set(&element, p, value, value_len))
            return fault_value;
    }
    *ret_element = element;
    return NULL;
}

/* Walks over the elements of all fields. */
struct walk {
    const struct leati_http_head *head;
    size_t cursor;
    const char *list;  /* the rest of the field's value; NULL before the first */
    const char *field; /* all of it */
    const char *item;  /* the element that was given last */
    size_t item_len;
};

/* Gives the next element with its name read; false = no more. */
static bool walk_next(struct walk *walk, struct cursor *ret_rest, bool *ret_is_deflate)
{
    const char *name;

    while (!walk->list || !leati_http_list_next(&walk->list, &walk->item, &walk->item_len)) {
        walk->field = walk->list = leati_http_head_next(walk->head, header_name, &walk->cursor);
        if (!walk->list)
            return false;
    }
    *ret_rest = (struct cursor){.pos = walk->item, .end = walk->item + walk->item_len};
    size_t name_len = cursor_token(ret_rest, &name);
    *ret_is_deflate =
        leati_text_equal_nocase(name, name_len, extension_name, sizeof(extension_name) - 1);
    return true;
}

/* ---- the client ------------------------------------------------------------------------- */

void leati_deflate_offer_format(const struct leati_deflate_offer *offer,
                                char ret_header[LEATI_DEFLATE_HEADER_SIZE])
{
    const size_t cap = LEATI_DEFLATE_HEADER_SIZE;
    size_t pos = 0;

    leati_text_append(ret_header, cap, &pos, "%s", extension_name);
    if (offer->server_no_context_takeover)
        leati_text_append(ret_header, cap, &pos, "; %s",
                          parameter_names[SERVER_NO_CONTEXT_TAKEOVER]);
    if (offer->client_no_context_takeover)
        leati_text_append(ret_header, cap, &pos, "; %s",
                          parameter_names[CLIENT_NO_CONTEXT_TAKEOVER]);
    if (offer->server_max_window_bits)
        leati_text_append(ret_header, cap, &pos, "; %s=%u", parameter_names[SERVER_MAX_WINDOW_BITS],
                          offer->server_max_window_bits);
    if (!offer->allows_client_max_window_bits)
        return;
    leati_text_append(ret_header, cap, &pos, "; %s", parameter_names[CLIENT_MAX_WINDOW_BITS]);
    if (offer->client_max_window_bits)
        leati_text_append(ret_header, cap, &pos, "=%u", offer->client_max_window_bits);
}

static uint8_t bits_or_max(uint8_t bits)
{
    return bits ? bits : LEATI_DEFLATE_MAX_WINDOW_BITS;
}

/* Section 7.1: whether the answer is one to this offer. NULL, or what is wrong. */
static const char *response_fault(const struct element *response,
                                  const struct leati_deflate_offer *offer)
{
    const uint8_t *bits = response->bits;

    if (response->has[SERVER_MAX_WINDOW_BITS] &&
        bits[SERVER_MAX_WINDOW_BITS] > bits_or_max(offer->server_max_window_bits))
        return "a larger server_max_window_bits than asked for in";
    if (!response->has[CLIENT_MAX_WINDOW_BITS])
        return NULL;
    if (!offer->allows_client_max_window_bits)
        return "client_max_window_bits, which was not offered, in";
    if (bits[CLIENT_MAX_WINDOW_BITS] == 0)
        return fault_value;
    if (bits[CLIENT_MAX_WINDOW_BITS] > bits_or_max(offer->client_max_window_bits))
        return "a larger client_max_window_bits than offered in";
    return NULL;
}

/* What we have promised holds without being repeated by the server. */
static struct leati_deflate_params response_params(const struct element *response,
                                                   const struct leati_deflate_offer *offer)
{
    uint8_t own_bits = response->bits[CLIENT_MAX_WINDOW_BITS];

    return (struct leati_deflate_params){
        .server_no_context_takeover = response->has[SERVER_NO_CONTEXT_TAKEOVER],
        .client_no_context_takeover =
            response->has[CLIENT_NO_CONTEXT_TAKEOVER] || offer->client_no_context_takeover,
        .server_max_window_bits = bits_or_max(response->bits[SERVER_MAX_WINDOW_BITS]),
        .client_max_window_bits = bits_or_max(own_bits ? own_bits : offer->client_max_window_bits),
    };
}

enum leati_deflate_answer leati_deflate_response_check(const struct leati_http_head *head,
                                                       const struct leati_deflate_offer *offer,
                                                       struct leati_deflate_params *ret_params,
                                                       struct leati_deflate_fault *ret_fault)
{
    struct walk walk = {.head = head};
    struct cursor rest;
    struct element response;
    const char *fault = NULL;
    bool is_deflate;
    bool found = false;

    while (!fault && walk_next(&walk, &rest, &is_deflate)) {
        if (!offer || !is_deflate)
            fault = "an extension that was not offered in";
        else if (found)
            fault = fault_extension_twice;
        else
            fault = element_parse(&rest, &response);
        if (!fault)
            fault = response_fault(&response, offer);
        found = true;
    }
    if (fault) {
        bool is_pair = fault == fault_extension_twice; /* both, if they stand in one field */
        *ret_fault = (struct leati_deflate_fault){
            .reason = fault,
            .element = is_pair ? walk.field : walk.item,
            .element_len = is_pair ? strlen(walk.field) : walk.item_len,
        };
        return LEATI_DEFLATE_INVALID;
    }
    if (!found)
        return LEATI_DEFLATE_DECLINED;
    *ret_params = response_params(&response, offer);
    return LEATI_DEFLATE_AGREED;
}

/* ---- the server ------------------------------------------------------------------------- */

static uint8_t smaller(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static void response_format(const struct element *offer, const struct leati_deflate_params *params,
                            char ret_header[LEATI_DEFLATE_HEADER_SIZE])
{
    /* The answer has the form of an offer; its parameters are the ones that hold. */
    const struct leati_deflate_offer answer = {
        .server_no_context_takeover = params->server_no_context_takeover,
        .client_no_context_takeover = params->client_no_context_takeover,
        .server_max_window_bits =
            offer->has[SERVER_MAX_WINDOW_BITS] ||
                    params->server_max_window_bits < LEATI_DEFLATE_MAX_WINDOW_BITS
                ? params->server_max_window_bits
                : 0,
        .allows_client_max_window_bits =
            offer->has[CLIENT_MAX_WINDOW_BITS] &&
            params->client_max_window_bits < LEATI_DEFLATE_MAX_WINDOW_BITS,
        .client_max_window_bits = params->client_max_window_bits,
    };
    leati_deflate_offer_format(&answer, ret_header);
}

bool leati_deflate_offers_choose(const struct leati_http_head *head,
                                 const struct leati_deflate_params *limits,
                                 struct leati_deflate_params *ret_params,
                                 char ret_header[LEATI_DEFLATE_HEADER_SIZE])
{
    struct walk walk = {.head = head};
    struct cursor rest;
    struct element offer;
    bool is_deflate;

    while (walk_next(&walk, &rest, &is_deflate)) {
        if (!is_deflate || element_parse(&rest, &offer))
            continue;
        struct leati_deflate_params params = {
            .server_no_context_takeover =
                limits->server_no_context_takeover || offer.has[SERVER_NO_CONTEXT_TAKEOVER],
            .client_no_context_takeover =
                limits->client_no_context_takeover || offer.has[CLIENT_NO_CONTEXT_TAKEOVER],
            .server_max_window_bits = smaller(limits->server_max_window_bits,
                                              bits_or_max(offer.bits[SERVER_MAX_WINDOW_BITS])),
            .client_max_window_bits = LEATI_DEFLATE_MAX_WINDOW_BITS,
        };
        if (offer.has[CLIENT_MAX_WINDOW_BITS])
            params.client_max_window_bits = smaller(
                limits->client_max_window_bits, bits_or_max(offer.bits[CLIENT_MAX_WINDOW_BITS]));
        response_format(&offer, &params, ret_header);
        *ret_params = params;
        return true;
    }
    return false;
}
