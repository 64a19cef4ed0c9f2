/* SPDX-License-Identifier: Apache-2.0 */
#include "upgrade_fixture.h"

#include "support/alloc_failure.h"
#include "support/leak_check.h"
#include "util/text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(upgrade_engine, .fini = leak_check);

static void engine_make(struct leati_ws_upgrade_engine *engine)
{
    struct leati_ws_upgrade_options options = example_options();
    cr_assert(leati_ws_upgrade_engine_init(engine, &options, example_nonce));
}

/* Feeds in chunks (0 = all at once); what was used in total. */
static enum leati_ws_head_result feed(struct leati_ws_upgrade_engine *engine, const char *text,
                                      size_t len, size_t chunk, size_t *ret_used)
{
    enum leati_ws_head_result result = LEATI_WS_HEAD_MORE;
    size_t done = 0;

    if (chunk == 0)
        chunk = len;
    while (done < len && result == LEATI_WS_HEAD_MORE) {
        size_t size = chunk < len - done ? chunk : len - done;
        uint8_t *copy = malloc(size);
        memcpy(copy, text + done, size);
        size_t used = 0;
        result = leati_ws_upgrade_engine_feed(engine, copy, size, &used);
        if (result == LEATI_WS_HEAD_MORE)
            cr_assert_eq(used, size);
        done += used;
        free(copy);
    }
    *ret_used = done;
    return result;
}

/* ---- the request ---------------------------------------------------------------------------- */

Test(upgrade_engine, request, .timeout = 10)
{
    static const struct leati_http_field headers[] = {
        {"Authorization", "Bearer secret"},
        {"X-Empty", ""},
    };
    struct leati_ws_upgrade_options options = example_options();
    struct leati_ws_upgrade_engine engine;
    options.headers = headers;
    options.header_count = 2;
    options.user_agent = "program/1 (Linux)";
    cr_assert(leati_ws_upgrade_engine_init(&engine, &options, example_nonce));

    static const char expected[] = "GET /chat?room=1 HTTP/1.1\r\n"
                                   "Host: server.example.com\r\n"
                                   "Upgrade: websocket\r\n"
                                   "Connection: Upgrade\r\n"
                                   "Sec-WebSocket-Key: " EXAMPLE_KEY "\r\n"
                                   "Sec-WebSocket-Version: 13\r\n"
                                   "User-Agent: program/1 (Linux)\r\n"
                                   "Sec-WebSocket-Protocol: chat, superchat\r\n"
                                   "Authorization: Bearer secret\r\n"
                                   "X-Empty: \r\n"
                                   "\r\n";
    cr_assert_eq(engine.request.len, sizeof(expected) - 1);
    cr_assert_str_eq(engine.request.bytes, expected);
    cr_assert_str_eq(engine.expected_accept, EXAMPLE_ACCEPT);
    leati_ws_upgrade_engine_drop_request(&engine);
    cr_assert_null(engine.request.bytes);
    leati_ws_upgrade_engine_done(&engine);
}

static size_t agents_expect(const char *chosen, const char *name, const char *own,
                            const char *expected)
{
    const struct leati_http_field header = {name, own};
    const struct leati_ws_upgrade_options options = {.host_field = "h",
                                                     .target = "/",
                                                     .user_agent = chosen,
                                                     .headers = &header,
                                                     .header_count = name ? 1 : 0,
                                                     .sha1 = reference_sha1};
    struct leati_ws_upgrade_engine engine;
    size_t count = 0;

    cr_assert(leati_ws_upgrade_engine_init(&engine, &options, example_nonce));
    for (const char *at = engine.request.bytes; (at = strcasestr(at, "\r\nUser-Agent: ")); at++)
        count++;
    if (expected)
        cr_assert(strstr(engine.request.bytes, expected), "%s", engine.request.bytes);
    leati_ws_upgrade_engine_done(&engine);
    return count;
}

/* RFC 9110 section 10.1.5. */
Test(upgrade_engine, user_agent, .timeout = 10)
{
    static char long_one[20000];
    char ours[64];

    snprintf(ours, sizeof(ours), "\r\nUser-Agent: leat/%s\r\n", leat_version());
    memset(long_one, 'x', sizeof(long_one) - 1);
    cr_assert_eq(agents_expect(NULL, NULL, NULL, ours), 1);
    cr_assert_eq(agents_expect("mine/1", NULL, NULL, "\r\nUser-Agent: mine/1\r\n"), 1);
    cr_assert_eq(agents_expect(long_one, NULL, NULL, long_one), 1);
    cr_assert_eq(agents_expect("", NULL, NULL, NULL), 0);
    cr_assert_eq(agents_expect(NULL, "user-agent", "own/2", "\r\nuser-agent: own/2\r\n"), 1);
    cr_assert_eq(agents_expect("mine/1", "User-Agent", "own/2", "\r\nUser-Agent: own/2\r\n"), 1);
    cr_assert_eq(agents_expect(NULL, "User-Agents", "x", ours), 1);
}

Test(upgrade_engine, request_without_anything_optional, .timeout = 10)
{
    struct leati_ws_upgrade_options options = {
        .host_field = "[::1]:8080", .target = "/", .user_agent = "", .sha1 = reference_sha1};
    struct leati_ws_upgrade_engine engine;
    cr_assert(leati_ws_upgrade_engine_init(&engine, &options, example_nonce));
    cr_assert_str_eq(engine.request.bytes, "GET / HTTP/1.1\r\n"
                                     "Host: [::1]:8080\r\n"
                                     "Upgrade: websocket\r\n"
                                     "Connection: Upgrade\r\n"
                                     "Sec-WebSocket-Key: " EXAMPLE_KEY "\r\n"
                                     "Sec-WebSocket-Version: 13\r\n"
                                     "\r\n");
    leati_ws_upgrade_engine_done(&engine);
}

Test(upgrade_engine, without_sha1, .timeout = 10)
{
    struct leati_ws_upgrade_options options = example_options();
    struct leati_ws_upgrade_engine engine;
    options.sha1 = broken_sha1;
    cr_assert_not(leati_ws_upgrade_engine_init(&engine, &options, example_nonce));
}

/* ---- responses that are accepted ------------------------------------------------------------ */

static void check_accepted(const char *response, const char *protocol)
{
    static const char frames[] = "\x81\x05Hello";
    static const size_t chunks[] = {0, 1, 7};
    size_t head_len = strlen(response);
    size_t len = head_len + sizeof(frames) - 1;
    char *text = malloc(len);
    memcpy(text, response, head_len);
    memcpy(text + head_len, frames, sizeof(frames) - 1);

    for (size_t i = 0; i < 3; i++) {
        struct leati_ws_upgrade_engine engine;
        size_t used;
        engine_make(&engine);
        enum leati_ws_head_result result = feed(&engine, text, len, chunks[i], &used);
        cr_assert_eq(result, LEATI_WS_HEAD_VALID, "%s: %s", response, engine.common.error);
        cr_assert_eq(used, head_len, "the frames behind the head are not its own");
        cr_assert_eq(engine.common.agreement.status, 101);
        if (!protocol)
            cr_assert_null(engine.protocol);
        else
            cr_assert_str_eq(engine.protocol, protocol);
        leati_ws_upgrade_engine_done(&engine);
    }
    free(text);
}

Test(upgrade_engine, accepted, .timeout = 10)
{
    check_accepted(RESPONSE_WITH(""), NULL);
    check_accepted(RESPONSE_WITH("Sec-WebSocket-Protocol: chat\r\n"), "chat");
    check_accepted(RESPONSE_WITH("Sec-WebSocket-Protocol: \t superchat \r\n"), "superchat");
    check_accepted(RESPONSE_WITH("Content-Length: 0\r\nServer: x\r\n"), NULL);
    check_accepted("HTTP/1.1 101\r\n"
                   "connection: keep-alive, UPGRADE\r\n"
                   "UPGRADE: WebSocket\r\n"
                   "sec-websocket-accept:" EXAMPLE_ACCEPT "   \r\n\r\n",
                   NULL);
    check_accepted("HTTP/1.1 101 Web Socket Protocol Handshake\r\n"
                   "Connection: keep-alive\r\n"
                   "Connection: upgrade\r\n"
                   "Upgrade: websocket\r\n"
                   "Sec-Websocket-Accept: " EXAMPLE_ACCEPT "\r\n\r\n",
                   NULL);
    /* What follows a 101 is frames, whatever it says of a body (RFC 9112 section 6.3 item 1). */
    check_accepted(RESPONSE_WITH("Content-Length: 5\r\n"), NULL);
    check_accepted(RESPONSE_WITH("Transfer-Encoding: chunked\r\n"), NULL);
}

/* RFC 9112 section 5.2, RFC 9110 section 2.5. */
Test(upgrade_engine, folded_fields_and_later_minor_versions, .timeout = 10)
{
    check_accepted("HTTP/1.2 101 x\r\nUpgrade:\r\n websocket\r\n"
                   "Connection: keep-alive,\r\n\tUpgrade\r\n"
                   "Sec-WebSocket-Accept: \r\n \r\n\t" EXAMPLE_ACCEPT "\r\n \r\n"
                   "Sec-WebSocket-Protocol:\r\n  chat\r\n\r\n",
                   "chat");
    check_accepted(
        "HTTP/1.9 103 x\r\nLink: <a>,\r\n <b>\r\nContent-Length: 3\r\n\r\n" RESPONSE_WITH(
            "Content-Security-Policy: a b;\r\n\tc d\r\n"),
        NULL);
}

Test(upgrade_engine, interim_responses_are_skipped, .timeout = 10)
{
    check_accepted("HTTP/1.1 100 Continue\r\n\r\n"
                   "HTTP/1.1 102 Processing\r\n\r\n"
                   "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" RESPONSE_WITH(""),
                   NULL);

    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct leati_ws_upgrade_engine engine;
    size_t used;
    engine_make(&engine);
    for (unsigned i = 0; i < LEATI_WS_MAX_INTERIM; i++)
        cr_assert_eq(feed(&engine, interim, strlen(interim), 0, &used), LEATI_WS_HEAD_MORE);
    cr_assert_eq(feed(&engine, interim, strlen(interim), 0, &used), LEATI_WS_HEAD_REFUSED);
    cr_assert_str_eq(engine.common.error, "more than 16 interim responses");
    leati_ws_upgrade_engine_done(&engine);
}

/* ---- responses that are refused ------------------------------------------------------------- */

static const struct {
    const char *response;
    int status;
    const char *error;
} refusals[] = {
    {"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n\r\n", 401,
     "the server answered HTTP 401 Unauthorized"},
    {"HTTP/1.1 200 OK\r\n\r\n", 200, "the server answered HTTP 200 OK"},
    {"HTTP/1.0 503\r\n\r\n", 503, "the server answered HTTP 503"},
    {"HTTP/1.1 302 Gone \xc3\xbc\x62\x65r\r\nLocation: /\r\n\r\n", 302,
     "the server answered HTTP 302 Gone ??ber"},
    {"HTTP/1.0 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n\r\n",
     101, "HTTP 101 in an HTTP/1.0 response, which cannot switch"},
    {"HTTP/1.1 101 x\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n\r\n",
     101, "no \"Upgrade: websocket\" in the 101 response"},
    {"HTTP/1.1 101 x\r\nUpgrade: websockets\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n\r\n",
     101, "no \"Upgrade: websocket\" in the 101 response"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket, h2c\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n\r\n",
     101, "no \"Upgrade: websocket\" in the 101 response"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n\r\n",
     101, "no \"Upgrade: websocket\" in the 101 response"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n\r\n",
     101, "no \"Connection: Upgrade\" in the 101 response"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: close\r\n"
     "Sec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n\r\n",
     101, "no \"Connection: Upgrade\" in the 101 response"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 101,
     "Sec-WebSocket-Accept is missing in the 101 response"},
    {RESPONSE_WITH("Sec-WebSocket-Accept: " EXAMPLE_ACCEPT "\r\n"), 101,
     "Sec-WebSocket-Accept comes 2 times in the 101 response"},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
     101, "Sec-WebSocket-Accept is wrong: got \"S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\""},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: \r\n\r\n",
     101, "Sec-WebSocket-Accept is wrong: got \"\""},
    {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYG\r\n zzhZRbK+xOo=\r\n\r\n",
     101, "Sec-WebSocket-Accept is wrong: got \"s3pPLMBiTxaQ9kYG zzhZRbK+xOo=\""},
    {"HTTP/1.1 401 No\r\nWWW-Authenticate: Bearer realm=\"x\",\r\n  error=\"y\"\r\n\r\n", 401,
     "the server answered HTTP 401 No"},
    {RESPONSE_WITH("Sec-WebSocket-Protocol: Chat\r\n"), 101,
     "the server chose the subprotocol \"Chat\", which was not offered"},
    {RESPONSE_WITH("Sec-WebSocket-Protocol: chat, superchat\r\n"), 101,
     "the server chose the subprotocol \"chat, superchat\", which was not offered"},
    {RESPONSE_WITH("Sec-WebSocket-Protocol:\r\n"), 101,
     "the server chose the subprotocol \"\", which was not offered"},
    {RESPONSE_WITH("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n"), 101,
     "the server chose 2 subprotocols, one is allowed"},
    {RESPONSE_WITH("Sec-WebSocket-Extensions: x-a, x-b\r\n"), 101,
     "the server chose an extension that was not offered in \"x-a\""},
    {RESPONSE_WITH("Sec-WebSocket-Extensions: permessage-deflate\r\n"), 101,
     "the server chose an extension that was not offered in \"permessage-deflate\""},
};

Test(upgrade_engine, refused, .timeout = 10)
{
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        for (size_t chunk = 0; chunk <= 3; chunk++) {
            struct leati_ws_upgrade_engine engine;
            size_t used;
            engine_make(&engine);
            enum leati_ws_head_result result =
                feed(&engine, refusals[i].response, strlen(refusals[i].response), chunk, &used);
            /* None of them says how long its body is. */
            cr_assert_eq(result,
                         refusals[i].status == 101 ? LEATI_WS_HEAD_REFUSED : LEATI_WS_HEAD_BODY,
                         "%s", refusals[i].response);
            cr_assert(engine.common.agreement.head);
            cr_assert_eq(engine.common.agreement.status, refusals[i].status);
            cr_assert_str_eq(engine.common.error, refusals[i].error);
            /* Kept for who wants to read it. */
            cr_assert_eq(leati_http_head_status(&engine.common.head), refusals[i].status);
            leati_ws_upgrade_engine_done(&engine);
        }
}

Test(upgrade_engine, no_protocol_was_offered, .timeout = 10)
{
    struct leati_ws_upgrade_options options = example_options();
    struct leati_ws_upgrade_engine engine;
    size_t used;
    static const char response[] = RESPONSE_WITH("Sec-WebSocket-Protocol: chat\r\n");

    options.protocol_count = 0;
    cr_assert(leati_ws_upgrade_engine_init(&engine, &options, example_nonce));
    cr_assert_eq(feed(&engine, response, strlen(response), 0, &used), LEATI_WS_HEAD_REFUSED);
    leati_ws_upgrade_engine_done(&engine);
}

Test(upgrade_engine, malformed_heads, .timeout = 10)
{
    static const char *const heads[] = {"SSH-2.0-x\r\n", "HTTP/2 101 x\r\n", "\x16\x03\x01",
                                        "HTTP/1.1 101 x\r\nUp grade: x\r\n\r\n"};
    for (size_t i = 0; i < 4; i++) {
        struct leati_ws_upgrade_engine engine;
        size_t used;
        engine_make(&engine);
        cr_assert_eq(feed(&engine, heads[i], strlen(heads[i]), 1, &used), LEATI_WS_HEAD_REFUSED);
        cr_assert_eq(strncmp(engine.common.error, "malformed response head: ", 25), 0);
        cr_assert_gt(strlen(engine.common.error), 25);
        cr_assert_not(engine.common.agreement.head, "nobody can read such a head");
        cr_assert_eq(engine.common.agreement.status, i == 3 ? 101 : 0);
        leati_ws_upgrade_engine_done(&engine);
    }
}

/* ---- every truncation, every byte ------------------------------------------------------------ */

static const char full_response[] = RESPONSE_WITH("Sec-WebSocket-Protocol: chat\r\n");

Test(upgrade_engine, every_truncation, .timeout = 10)
{
    for (size_t len = 0; len < sizeof(full_response) - 1; len++) {
        struct leati_ws_upgrade_engine engine;
        size_t used;
        engine_make(&engine);
        cr_assert_eq(feed(&engine, full_response, len, 0, &used), LEATI_WS_HEAD_MORE);
        cr_assert_eq(engine.common.agreement.status, 0);
        leati_ws_upgrade_engine_done(&engine);
    }
}

/* Whether the response is still a valid one when the byte at `at` becomes `byte`. */
static bool stays_valid(size_t at, char byte)
{
    const char *start = full_response;
    size_t reason = (size_t)(strstr(start, "Switching") - start);
    size_t reason_end = (size_t)(strstr(start, "\r\n") - start);
    bool is_text = byte == '\t' || (uint8_t)byte >= 0x80 || (byte >= ' ' && byte <= '~');
    char old = start[at];

    if (byte == old)
        return true;
    if (at == strlen("HTTP/1."))
        return byte >= '1' && byte <= '9';
    if (at >= reason && at <= reason_end) /* a bare LF ends a line as well */
        return is_text;
    const char *line = start + at;
    while (line > start && line[-1] != '\n')
        line--;
    /* Tokens are compared without case, the accept value and the subprotocol exactly. */
    bool is_list = strncmp(line, "Connection:", 11) == 0;
    bool is_token = is_list || strncmp(line, "Upgrade:", 8) == 0;
    /* White space around a value; a list may have empty elements. */
    if ((old == ' ' && at > reason_end) || (old == '\r' && start[at - 1] != '\n'))
        return byte == ' ' || byte == '\t' || (byte == ',' && is_list);
    const char *colon = strchr(line, ':');
    bool is_name = at > reason_end && colon && start + at < colon;
    bool is_case = tolower((uint8_t)byte) == tolower((uint8_t)old);
    bool is_protocol = strncmp(line, "Sec-WebSocket-Protocol", 22) == 0;
    if (byte == '\n' && start + at == line) /* the head ends here, with all that is needed */
        return is_protocol;
    if (is_name && is_protocol) /* another field, which nobody knows: no subprotocol then */
        return leati_text_is_token(&byte, 1) || (byte == ':' && start + at != line);
    if (is_name)
        return is_case;
    return is_token && old != '\r' && old != '\n' && is_case;
}

Test(upgrade_engine, every_byte_replaced_by_every_other, .timeout = 60)
{
    char response[sizeof(full_response)];
    size_t accepted = 0;

    for (size_t at = 0; at < sizeof(full_response) - 1; at++)
        for (int byte = 0; byte < 256; byte++) {
            memcpy(response, full_response, sizeof(response));
            response[at] = (char)byte;
            struct leati_ws_upgrade_engine engine;
            size_t used;
            engine_make(&engine);
            enum leati_ws_head_result result =
                feed(&engine, response, sizeof(response) - 1, 0, &used);
            bool done = result == LEATI_WS_HEAD_VALID;
            accepted += done;
            /* LF LF ends the head early: then it depends on what is missing. */
            bool is_lf_lf = byte == '\n' && full_response[at] == '\r';
            if (done != stays_valid(at, (char)byte) && !is_lf_lf)
                cr_assert_fail("byte %zu (%c) as 0x%02x: result %d %s", at, full_response[at],
                               (unsigned)byte, result, engine.common.error);
            /* A head that was cut short by its new byte waits for more; all else is refused. */
            if (result == LEATI_WS_HEAD_REFUSED && engine.common.error[0] == '\0')
                cr_assert_fail("refused without a reason");
            leati_ws_upgrade_engine_done(&engine);
        }
    cr_assert_gt(accepted, sizeof(full_response));
}

/* ---- memory ---------------------------------------------------------------------------------- */

static bool handshake_attempt(void)
{
    struct leati_ws_upgrade_options options = example_options();
    struct leati_ws_upgrade_engine engine;
    size_t used;

    if (!leati_ws_upgrade_engine_init(&engine, &options, example_nonce))
        return false;
    enum leati_ws_head_result result = leati_ws_upgrade_engine_feed(
        &engine, (const uint8_t *)full_response, sizeof(full_response) - 1, &used);
    cr_assert(result == LEATI_WS_HEAD_VALID || result == LEATI_WS_HEAD_NO_MEMORY);
    leati_ws_upgrade_engine_done(&engine);
    return result == LEATI_WS_HEAD_VALID;
}

Test(upgrade_engine, each_allocation_fails, .timeout = 10)
{
    cr_assert_geq(alloc_failure_run_all(handshake_attempt), 5);
}
