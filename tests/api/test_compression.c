/* SPDX-License-Identifier: Apache-2.0 */
/* leat_config_set_compression() at both ends: what is agreed to, which messages are compressed, and
 * that what is inflated counts. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <stdlib.h>
#include <unistd.h>

INTEGRATION_SUITE(compression);

#define COMPRESSION(...)                                                                           \
    (&(struct leat_compression){.size = sizeof(struct leat_compression), __VA_ARGS__})

static void compress(leat_config *config, const struct leat_compression *compression)
{
    cr_assert(leat_config_set_compression(config, compression) == LEAT_OK);
}

/* Text that can be compressed, of any length. To be freed. */
static char *verse_new(size_t len)
{
    static const char verse[] = "so much depends upon a red wheel barrow glazed with rain water; ";
    char *text = malloc(len + 1);
    cr_assert(text);
    for (size_t i = 0; i < len; ++i)
        text[i] = verse[i % (sizeof(verse) - 1)];
    text[len] = '\0';
    return text;
}

/* ---- between our own ends
 * ------------------------------------------------------------------------ */

static void echo_some(struct both_ends *ends)
{
    static const size_t sizes[] = {0, 1, 1023, 1024, 5000, 200000};
    uint64_t bytes = 0;
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); ++i) {
        char *text = verse_new(sizes[i]);
        ends->at_client.data_len = 0;
        cr_assert(leat_websocket_send(ends->client, LEAT_MESSAGE_TEXT, text, sizes[i]) == LEAT_OK);
        both_ends_until_received(ends, &ends->at_client, i + 1);
        bytes += sizes[i];
        cr_expect(ends->at_client.bytes == bytes &&
                      memcmp(ends->at_client.data, text, sizes[i]) == 0,
                  "%zu bytes", sizes[i]);
        free(text);
    }
}

static void agreed_expect(const struct leat_compression *client,
                          const struct leat_compression *server, bool in_parts, bool expected)
{
    struct both_ends ends;
    both_ends_init(&ends);
    ends.echo = true;
    ends.client_in_parts = ends.server_in_parts = in_parts;
    cr_assert(leat_config_set_compression(ends.client_config, client) == LEAT_OK);
    cr_assert(leat_config_set_compression(ends.server_config, server) == LEAT_OK);
    both_ends_open(&ends);
    cr_expect(leat_websocket_is_compressed(ends.client) == expected);
    cr_expect(leat_websocket_is_compressed(ends.connection) == expected);
    echo_some(&ends);
    cr_assert(leat_websocket_close(ends.client, 1000, NULL) == LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.error.code == LEAT_OK, "%s", ends.client_close.error.text);
    both_ends_done(&ends);
}

Test(compression, both_must_want_it)
{
    agreed_expect(NULL, NULL, false, false);
    agreed_expect(COMPRESSION(), NULL, false, false);
    agreed_expect(NULL, COMPRESSION(), false, false);
    agreed_expect(COMPRESSION(), COMPRESSION(), false, true);
}

Test(compression, every_parameter)
{
    const struct leat_compression *const forms[] = {
        COMPRESSION(),
        COMPRESSION(.client_no_context_takeover = true),
        COMPRESSION(.server_no_context_takeover = true),
        COMPRESSION(.client_no_context_takeover = true, .server_no_context_takeover = true),
        COMPRESSION(.client_max_window_bits = 9, .server_max_window_bits = 15),
        COMPRESSION(.client_max_window_bits = 15, .server_max_window_bits = 9),
        COMPRESSION(.client_max_window_bits = 8),
        COMPRESSION(.level = 1, .mem_level = 1),
        COMPRESSION(.level = 9, .mem_level = 9, .threshold_bytes = 1),
    };
    size_t count = sizeof(forms) / sizeof(forms[0]);
    for (size_t i = 0; i < count; ++i) {
        for (size_t j = 0; j < count; ++j)
            agreed_expect(forms[i], forms[j], (i + j) % 2, true);
    }
}

Test(compression, a_window_of_8_bits_at_the_server)
{
    agreed_expect(COMPRESSION(.server_max_window_bits = 8), COMPRESSION(), false, true);
}

Test(compression, arguments_are_checked)
{
    leat_config *config = client_config_new();
    static const struct leat_compression size_0;
    cr_expect(leat_config_set_compression(NULL, COMPRESSION()) == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_compression(config, &size_0) == LEAT_E_PARAMETER);
    for (unsigned bits = 1; bits < 256; ++bits) {
        int expected = bits >= 8 && bits <= 15 ? LEAT_OK : (int)LEAT_E_PARAMETER;
        int client = leat_config_set_compression(
            config, COMPRESSION(.client_max_window_bits = (uint8_t)bits));
        int server = leat_config_set_compression(
            config, COMPRESSION(.server_max_window_bits = (uint8_t)bits));
        cr_expect(client == expected && server == expected, "%u: %d %d", bits, client, server);
    }
    cr_expect(leat_config_set_compression(config, COMPRESSION(.level = 10)) == LEAT_E_PARAMETER);
    cr_expect(leat_config_set_compression(config, COMPRESSION(.mem_level = 10)) ==
              LEAT_E_PARAMETER);
    leat_config_free(config);
}

/* ---- python
 * -------------------------------------------------------------------------------------- */

static void python_expect(const struct leat_compression *compression, bool expected)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_compression(run.config, compression) == LEAT_OK);
    uint16_t port = python_server_start(&(struct server_options){0});
    client_run_open(&run, url_of("ws", port, "/echo"));
    cr_expect(leat_websocket_is_compressed(run.ws) == expected);
    for (size_t len = 1; len < 300000; len *= 7) {
        char *text = verse_new(len);
        client_run_echo(&run, text);
        free(text);
    }
    client_run_close(&run);
    cr_expect(leat_websocket_is_compressed(run.ws) == expected, "told until the next connect");
    client_run_done(&run);
}

Test(compression, python)
{
    python_expect(NULL, false);
    python_expect(COMPRESSION(), true);
    python_expect(COMPRESSION(.client_no_context_takeover = true,
                              .server_no_context_takeover = true, .threshold_bytes = 1),
                  true);
    python_expect(COMPRESSION(.client_max_window_bits = 10, .server_max_window_bits = 10,
                              .level = 9, .mem_level = 5, .threshold_bytes = 1),
                  true);
}

/* ---- on the wire
 * --------------------------------------------------------------------------------- */

/* What our server answers to an offer, "" = nothing about extensions. */
static void answer_expect(const struct leat_compression *server, const char *offer,
                          const char *expected)
{
    struct both_ends ends;
    char head[4096] = "";
    both_ends_init(&ends);
    cr_assert(leat_config_set_compression(ends.server_config, server) == LEAT_OK);
    both_ends_listen(&ends);
    int fd = raw_connect(NULL, ends.port);
    const char *request = sandbox_format(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Extensions: %s\r\n\r\n",
        offer);
    cr_assert(raw_send(fd, request, strlen(request)));
    while (ends.connected == 0 && ends.errors == 0)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_assert(leat_loop_dispatch(ends.loop, 0) == LEAT_OK);
    cr_assert(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
    const char *field = strcasestr(head, "\r\nSec-WebSocket-Extensions: ");
    const char *got = field ? strchr(field, ':') + 2 : "";
    cr_expect(strncmp(got, expected, strlen(expected)) == 0 &&
                  strcspn(got, "\r") == strlen(expected),
              "%s -> %s instead of %s", offer, got, expected);
    close(fd);
    both_ends_done(&ends);
}

Test(compression, answers_of_the_server)
{
    answer_expect(NULL, "permessage-deflate", "");
    answer_expect(COMPRESSION(), "x-other", "");
    answer_expect(COMPRESSION(), "permessage-deflate", "permessage-deflate");
    answer_expect(COMPRESSION(), "permessage-deflate; nonsense", "");
    answer_expect(COMPRESSION(), "permessage-deflate; nonsense, permessage-deflate",
                  "permessage-deflate");
    answer_expect(COMPRESSION(), "permessage-deflate; server_no_context_takeover",
                  "permessage-deflate; server_no_context_takeover");
    answer_expect(COMPRESSION(), "permessage-deflate; server_max_window_bits=10",
                  "permessage-deflate; server_max_window_bits=10");
    answer_expect(COMPRESSION(), "permessage-deflate; server_max_window_bits=16", "");
    answer_expect(COMPRESSION(.client_max_window_bits = 11),
                  "permessage-deflate; client_max_window_bits",
                  "permessage-deflate; client_max_window_bits=11");
}

/* The first byte of the frame that a message of `len` bytes leaves in. */
static void first_byte_expect(const struct leat_compression *compression, size_t len,
                              unsigned expected)
{
    static struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND_UPGRADE,
         LEAT_SCRIPT_BYTES("Sec-WebSocket-Extensions: permessage-deflate\r\n")},
        {LEAT_SCRIPT_READ_FRAME},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    char *text = verse_new(len);
    script[2].number = expected;
    leat_testing_server *peer = scripted_begin(&run, script);
    compress(run.config, compression);
    scripted_open(&run, peer);
    cr_assert(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, text, len) == LEAT_OK);
    client_run_until_closed(&run);
    scripted_end(&run, peer);
    free(text);
}

Test(compression, threshold)
{
    first_byte_expect(COMPRESSION(), 1023, 0x81);
    first_byte_expect(COMPRESSION(), 1024, 0xc1);
    first_byte_expect(COMPRESSION(.threshold_bytes = 10), 9, 0x81);
    first_byte_expect(COMPRESSION(.threshold_bytes = 10), 10, 0xc1);
    first_byte_expect(COMPRESSION(.threshold_bytes = SIZE_MAX), 100000, 0x81);
}

/* A server that agrees to what was not offered is none of ours. */
Test(compression, agreed_to_without_an_offer)
{
    static const struct leat_script_row script[] = {
        {LEAT_SCRIPT_READ_HTTP_HEAD},
        {LEAT_SCRIPT_SEND_UPGRADE,
         LEAT_SCRIPT_BYTES("Sec-WebSocket-Extensions: permessage-deflate\r\n")},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE},
    };
    struct client_run run;
    leat_testing_server *peer = scripted_begin(&run, script);
    int code = client_run_refused(&run, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(code == LEAT_E_WS_CONNECT, "%d", code);
    client_run_done(&run);
    leat_testing_server_free(peer);
}

/* ---- the limit
 * ----------------------------------------------------------------------------------- */

#define LIMIT ((size_t)100000)

static void limited(struct both_ends *ends, bool in_parts)
{
    both_ends_init(ends);
    ends->server_in_parts = in_parts;
    compress(ends->client_config, COMPRESSION());
    compress(ends->server_config, COMPRESSION());
    cr_assert(leat_config_set_max_message_bytes(ends->server_config, LIMIT) == LEAT_OK);
    both_ends_open(ends);
}

/* 64 MiB of zeros are 64 KiB on the wire. */
static void bomb_expect(bool in_parts)
{
    struct both_ends ends;
    size_t len = (size_t)64 << 20;
    void *zeros = calloc(1, len);
    limited(&ends, in_parts);
    cr_assert(leat_websocket_send(ends.client, LEAT_MESSAGE_BINARY, zeros, LIMIT) == LEAT_OK);
    both_ends_until_received(&ends, &ends.at_server, 1);
    cr_expect(ends.at_server.bytes == LIMIT);
    cr_assert(leat_websocket_send(ends.client, LEAT_MESSAGE_BINARY, zeros, len) == LEAT_OK);
    cr_expect(leat_websocket_get_buffered_bytes(ends.client) < LIMIT,
              "compressed it is below the limit");
    both_ends_until_closed(&ends);
    cr_expect(ends.client_close.close_code == 1009, "%u %s", ends.client_close.close_code,
              ends.client_close.error.text);
    both_ends_until_server_closed(&ends);
    cr_expect(ends.server_close.close_code == 1009 &&
              ends.server_close.error.code == LEAT_E_WS_CONNECT);
    cr_expect(ends.at_server.messages == 1);
    cr_expect(ends.at_server.bytes <= 2 * LIMIT, "%lu", (unsigned long)ends.at_server.bytes);
    both_ends_done(&ends);
    free(zeros);
}

Test(compression, bomb)
{
    bomb_expect(false);
}

Test(compression, bomb_in_parts)
{
    bomb_expect(true);
}

/* ---- after a new connect
 * ------------------------------------------------------------------------- */

Test(compression, is_forgotten_by_the_next_connect)
{
    struct client_run run;
    client_run_init(&run);
    uint16_t port = python_server_start(&(struct server_options){0});
    compress(run.config, COMPRESSION());
    client_run_open(&run, url_of("ws", port, "/echo"));
    client_run_close(&run);
    compress(run.config, NULL);
    run.opened_count = run.closed_count = 0;
    client_run_open(&run, url_of("ws", port, "/echo"));
    cr_expect(!leat_websocket_is_compressed(run.ws));
    client_run_done(&run);
}
