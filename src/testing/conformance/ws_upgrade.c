/* SPDX-License-Identifier: Apache-2.0 */
#include "testing/conformance/ws_upgrade.h"

#include "testing/peer.h"
#include "util/readable.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

/* ---- heads ---------------------------------------------------------------------------------- */

unsigned leati_head_field(const char *head, const char *name, char *ret_value, size_t cap)
{
    unsigned found = 0;
    size_t at = 0, name_len = strlen(name);
    ret_value[0] = '\0';
    const char *line = strchr(head, '\n');
    for (; line && line[1]; line = strchr(line, '\n')) {
        const char *start = ++line;
        size_t len = strcspn(start, "\r\n");
        const char *colon = memchr(start, ':', len);
        if (!colon || !leati_text_equal_nocase(start, (size_t)(colon - start), name, name_len))
            continue;
        const char *value = colon + 1;
        size_t value_len = len - (size_t)(value - start);
        for (; value_len > 0 && (*value == ' ' || *value == '\t'); --value_len)
            ++value;
        while (value_len > 0 && (value[value_len - 1] == ' ' || value[value_len - 1] == '\t'))
            --value_len;
        leati_text_append(ret_value, cap, &at, "%s%.*s", found ? ", " : "", (int)value_len, value);
        ++found;
    }
    return found;
}

bool leati_head_lists(const char *value, const char *word)
{
    for (const char *at = value; *at; at += *at == ',') {
        at += strspn(at, " \t");
        size_t len = strcspn(at, ","), word_len = strcspn(at, ", \t;");
        if (leati_text_equal_nocase(at, word_len, word, strlen(word)))
            return true;
        at += len;
    }
    return false;
}

unsigned leati_head_status(const char *head)
{
    uint64_t status = 0;
    if (strncmp(head, "HTTP/1.", 7) != 0 || (head[7] != '0' && head[7] != '1') || head[8] != ' ' ||
        !leati_text_parse_u64(head + 9, strcspn(head + 9, " \r\n"), 999, &status))
        return 0;
    return (unsigned)status;
}

bool leati_ws_head_is_right(const char *head, const char *key, struct leati_finding *ret_finding)
{
    char value[256], accept[29];
    unsigned status = leati_head_status(head);
    const enum leat_testing_verdict fail = FAIL;
    leati_peer_websocket_accept(key, strlen(key), accept);
    if (status != 101) {
        leati_find(ret_finding, fail, "%.*s", (int)strcspn(head, "\r\n"), head);
    } else if (leati_head_field(head, "Upgrade", value, sizeof(value)) == 0 ||
               !leati_head_lists(value, "websocket")) {
        leati_find(ret_finding, fail, "its 101 has not \"Upgrade: websocket\"");
    } else if (leati_head_field(head, "Connection", value, sizeof(value)) == 0 ||
               !leati_head_lists(value, "Upgrade")) {
        leati_find(ret_finding, fail, "its 101 has not \"Connection: Upgrade\"");
    } else if (leati_head_field(head, "Sec-WebSocket-Accept", value, sizeof(value)) != 1 ||
               strcmp(value, accept) != 0) {
        leati_find(ret_finding, fail, "its Sec-WebSocket-Accept is '%s' instead of '%s'", value,
                   accept);
    } else if (leati_head_field(head, "Content-Length", value, sizeof(value)) != 0 ||
               leati_head_field(head, "Transfer-Encoding", value, sizeof(value)) != 0) {
        leati_find(ret_finding, fail, "its 101 announces a body (RFC 9110 section 8.6): %s", value);
    } else {
        return true;
    }
    return false;
}

/* ---- requests ------------------------------------------------------------------------------- */

void leati_ws_request_write(const struct leat_testing_conformance *judge, const char *lines,
                            struct leati_bytes *ret_request)
{
    leati_bytes_text(ret_request,
                     "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Key: " LEATI_WS_KEY "\r\nSec-WebSocket-Version: 13\r\n",
                     judge->endpoint.path, judge->endpoint.authority);
    leati_bytes_text(ret_request, "%s\r\n", lines);
}

bool leati_ws_request(struct leat_testing_conformance *judge, const struct leati_bytes *request,
                      size_t chunk, struct leati_wire *ret_wire, char *ret_head, size_t cap,
                      struct leati_finding *ret_finding)
{
    if (!leati_judge_dial(judge, ret_wire, ret_finding))
        return false;
    (void)leati_wire_send(ret_wire, request->data, request->len, chunk);
    if (leati_wire_take_head(ret_wire, ret_head, cap))
        return true;
    bool is_stopped = ret_wire->end == LEATI_WIRE_STOPPED;
    leati_find(ret_finding, is_stopped ? NOT_RUN : FAIL, "no answer to the upgrade: %s%s",
               leati_wire_describe(ret_wire),
               ret_wire->in.len > 0 ? ", and what came is no head" : "");
    leati_wire_close(ret_wire);
    return false;
}

/* ---- permessage-deflate --------------------------------------------------------------------- */

struct parameters {
    bool is_deflate, has_server_bits, has_client_bits, no_server_takeover, no_client_takeover;
    uint64_t server_bits, client_bits; /* 0 = without a value */
};

static bool bits_read(const char *value, size_t len, uint64_t *ret_bits)
{
    *ret_bits = 0;
    if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
        ++value;
        len -= 2;
    }
    return (len == 0 || value[0] != '0') && leati_text_parse_u64(value, len, 15, ret_bits) &&
           *ret_bits >= 8;
}

static bool parameter_read(const char *text, size_t len, struct parameters *now)
{
    const char *equals = memchr(text, '=', len);
    size_t name_len = equals ? (size_t)(equals - text) : len;
    size_t value_len = equals ? len - name_len - 1 : 0;
    const struct {
        const char *name;
        bool *has;
        uint64_t *bits;
    } known[] = {
        {"server_no_context_takeover", &now->no_server_takeover, NULL},
        {"client_no_context_takeover", &now->no_client_takeover, NULL},
        {"server_max_window_bits", &now->has_server_bits, &now->server_bits},
        {"client_max_window_bits", &now->has_client_bits, &now->client_bits},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i) {
        if (!leati_text_equal_nocase(text, name_len, known[i].name, strlen(known[i].name)))
            continue;
        if (*known[i].has)
            return false;
        *known[i].has = true;
        return known[i].bits && equals ? bits_read(equals + 1, value_len, known[i].bits) : !equals;
    }
    return false;
}

/* The first extension of a list. false: it has a parameter that cannot be. */
static bool parameters_read(const char *list, struct parameters *ret_parameters)
{
    bool is_first = true;
    *ret_parameters = (struct parameters){.is_deflate = false};
    for (const char *at = list; *at && *at != ','; is_first = false) {
        at += strspn(at, "; \t");
        size_t len = strcspn(at, ";,"), used = len;
        while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t'))
            --len;
        if (is_first)
            ret_parameters->is_deflate = leati_text_equal_nocase(at, len, "permessage-deflate", 18);
        else if (!parameter_read(at, len, ret_parameters))
            return false;
        at += used;
    }
    return true;
}

/* Why an agreement does not keep an offer; NULL = it does. */
static const char *agreement_problem(const char *offer, const char *agreement)
{
    struct parameters offered, agreed;
    (void)parameters_read(offer, &offered);
    if (!parameters_read(agreement, &agreed))
        return "its agreement has a parameter that cannot be";
    if (!agreed.is_deflate || strchr(agreement, ',') || !offered.is_deflate)
        return "it agrees to what was not offered";
    if (offered.no_server_takeover && !agreed.no_server_takeover)
        return "it was asked for server_no_context_takeover and leaves it out";
    if (offered.has_server_bits && offered.server_bits > 0 &&
        (!agreed.has_server_bits || agreed.server_bits > offered.server_bits))
        return "it was asked for server_max_window_bits and does not keep it";
    if (agreed.has_server_bits && agreed.server_bits == 0)
        return "its server_max_window_bits has no value";
    if (agreed.has_client_bits && (!offered.has_client_bits || agreed.client_bits == 0))
        return "its client_max_window_bits was not offered, or has no value";
    return NULL;
}

bool leati_ws_agreement_check(const char *offer, const char *agreement, char *ret_problem,
                              size_t cap)
{
    const char *problem = agreement[0] != '\0' ? agreement_problem(offer, agreement) : NULL;
    leati_readable_format(ret_problem, cap, "%s", problem ? problem : "");
    return !problem;
}
