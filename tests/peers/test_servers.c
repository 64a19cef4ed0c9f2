/* SPDX-License-Identifier: Apache-2.0 */
/* Our client at servers that others wrote, in sizes up to 64 MiB; what is smaller is in
 * tests/integration. */
#include "peers/common.h"

PEERS_SUITE(servers);

#define LARGEST_BYTES ((size_t)64 << 20)

static const struct server_options plain = {0};
static const struct server_options tls = {.cert = "server.pem"};

static void lws_arguments(const char *port, const void *user, const char **argv)
{
    const struct server_options *options = user;
    size_t count = 0;
    argv[count++] = PEER_LWS;
    argv[count++] = "server";
    argv[count++] = port;
    if (options->cert) {
        argv[count++] = certificate_path(options->cert);
        argv[count++] = certificate_path("server.key");
    }
}

static uint16_t lws_start(const struct server_options *options)
{
    uint16_t port;
    peer_start_listening(lws_arguments, options, &port);
    return port;
}

static uint16_t beast_start(const char *mode)
{
    const char *const argv[] = {PEER_BEAST, "server", mode, NULL};
    char text[16];
    struct process *process = process_start(&(struct process_options){.argv = argv});
    process_wait_line(process, "PORT ", text, sizeof(text));
    return (uint16_t)strtoul(text, NULL, 10);
}

/* ---- echoes
 * ---------------------------------------------------------------------------------------- */

static uint8_t byte_at(size_t i, enum leat_message_type type)
{
    return type == LEAT_MESSAGE_TEXT ? (uint8_t)('a' + i % 26) : (uint8_t)(i * 7 + i / 251);
}

static void echo_size(struct client_run *run, enum leat_message_type type, uint8_t *data,
                      size_t size)
{
    size_t count = run->message_count + 1;
    for (size_t i = 0; i < size; ++i)
        data[i] = byte_at(i, type);
    cr_assert(leat_websocket_send(run->ws, type, data, size) == LEAT_OK);
    client_run_until_messages(run, count);
    const struct client_message *echo = &run->messages[count - 1];
    cr_expect(echo->type == type && echo->len == size, "%zu bytes of %zu", echo->len, size);
    cr_expect(memcmp(echo->data, data, size) == 0, "other bytes came back for %zu", size);
}

/* Echoes of all sizes that matter up to `largest`, then the close handshake. */
static void sizes_expect(const char *url, size_t largest)
{
    static const size_t sizes[] = {0,     1,       2,       125,          126,   127,
                                   128,   16383,   16384,   16385,        65535, 65536,
                                   65537, 1 << 20, 4 << 20, LARGEST_BYTES};
    struct client_run run;
    uint8_t *data = malloc(largest + 1);
    cr_assert(data);
    client_run_init(&run);
    cr_assert(leat_config_set_max_message_bytes(run.config, LARGEST_BYTES) == LEAT_OK);
    client_run_open(&run, url);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && sizes[i] <= largest; ++i) {
        echo_size(&run, LEAT_MESSAGE_BINARY, data, sizes[i]);
        echo_size(&run, LEAT_MESSAGE_TEXT, data, sizes[i]);
    }
    client_run_close(&run);
    client_run_done(&run);
    free(data);
}

Test(servers, boost_beast)
{
    sizes_expect(url_of("ws", beast_start(NULL), "/echo"), LARGEST_BYTES);
}

Test(servers, libwebsockets)
{
    sizes_expect(url_of("ws", lws_start(&plain), "/"), 1 << 20);
}

Test(servers, libwebsockets_with_tls)
{
    sizes_expect(url_of("wss", lws_start(&tls), "/"), 1 << 20);
}

Test(servers, node)
{
    sizes_expect(url_of("ws", node_server_start(&plain), "/echo"), LARGEST_BYTES);
}

Test(servers, python_behind_nginx)
{
    uint16_t port = nginx_start(&tls, python_server_start(&plain));
    sizes_expect(url_of("wss", port, "/echo"), 4 << 20);
}

Test(servers, our_own)
{
    struct server_run *server = server_run_start(&(struct server_run_options){0});
    sizes_expect(url_of("ws", server_run_port(server), "/echo"), LARGEST_BYTES);
    server_content_expect(server);
    server_run_free(server);
}

Test(servers, our_own_with_tls)
{
    struct server_run *server =
        server_run_start(&(struct server_run_options){.cert = "server.pem"});
    sizes_expect(url_of("wss", server_run_port(server), "/echo"), 4 << 20);
    server_content_expect(server);
    server_run_free(server);
}

/* ---- fragments, pings, closes
 * ---------------------------------------------------------------------- */

Test(servers, a_frame_for_each_byte_with_pings_between)
{
    struct client_run run;
    client_run_init(&run);
    client_run_open(&run, url_of("ws", beast_start(NULL), "/fragments"));
    client_run_echo(&run, "gr\xc3\xbc\xc3\x9f dich \xf0\x9f\x90\x91, byte by byte");
    client_run_echo(&run, "");
    client_run_close(&run);
    client_run_done(&run);
}

Test(servers, our_pong_reaches_boost_beast)
{
    struct client_run run;
    client_run_init(&run);
    client_run_open(&run, url_of("ws", beast_start(NULL), "/ping"));
    client_run_until_messages(&run, 1);
    cr_expect(strcmp((const char *)run.messages[0].data, "hello") == 0);
    client_run_close(&run);
    client_run_done(&run);
}

static void pong_expect(const char *url)
{
    struct client_run run;
    client_run_init(&run);
    client_run_open(&run, url);
    cr_assert(leat_websocket_ping(run.ws, "are you there", 13) == LEAT_OK);
    client_run_echo(&run, "behind the ping");
    cr_assert(run.pong_count == 1);
    cr_expect(strcmp((const char *)run.pongs[0].data, "are you there") == 0);
    client_run_close(&run);
    client_run_done(&run);
}

Test(servers, boost_beast_answers_our_ping)
{
    pong_expect(url_of("ws", beast_start(NULL), "/echo"));
}

Test(servers, libwebsockets_answers_our_ping)
{
    pong_expect(url_of("ws", lws_start(&plain), "/"));
}

Test(servers, boost_beast_closes)
{
    static const uint16_t codes[] = {1000, 1001, 1003, 1007, 1008, 1009,
                                     1010, 1011, 1012, 1013, 3000, 4999};
    uint16_t port = beast_start(NULL);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); ++i) {
        struct client_run run;
        client_run_init(&run);
        cr_assert(client_run_connect(
                      &run, url_of("ws", port, sandbox_format("/close?%u", codes[i]))) == LEAT_OK);
        client_run_until_closed(&run);
        cr_expect(run.close.error.code == LEAT_OK, "%s", run.close.error.text);
        cr_expect(run.close.close_code == codes[i] && strcmp(run.close_reason, "because") == 0,
                  "%u %s", run.close.close_code, run.close_reason);
        cr_expect(run.close.closed_by == LEAT_CLOSED_BY_REMOTE);
        client_run_done(&run);
    }
}

Test(servers, libwebsockets_chooses_a_subprotocol)
{
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_add_subprotocol(run.config, "x.unknown") == LEAT_OK);
    cr_assert(leat_config_add_subprotocol(run.config, "chat.v2") == LEAT_OK);
    client_run_open(&run, url_of("ws", lws_start(&plain), "/"));
    cr_expect(strcmp(leat_websocket_get_subprotocol(run.ws), "chat.v2") == 0, "%s",
              leat_websocket_get_subprotocol(run.ws));
    client_run_close(&run);
    client_run_done(&run);
}

/* ---- compression
 * ----------------------------------------------------------------------------------- */

static const size_t compressed_sizes[] = {0,     1,     125,   126,    1023,    1024,
                                          16384, 65535, 65536, 200000, 1 << 20, 4 << 20};

/* What zlib can do much about, something, and nothing. */
static void kinds_echo(struct client_run *run, size_t size, uint8_t *data)
{
    uint32_t seed = 1;
    echo_size(run, LEAT_MESSAGE_TEXT, data, size);
    echo_size(run, LEAT_MESSAGE_BINARY, data, size);
    for (size_t i = 0; i < size; ++i) {
        seed = seed * 1664525u + 1013904223u;
        data[i] = (uint8_t)(seed >> 24);
    }
    size_t count = run->message_count + 1;
    cr_assert(leat_websocket_send(run->ws, LEAT_MESSAGE_BINARY, data, size) == LEAT_OK);
    client_run_until_messages(run, count);
    cr_expect(run->messages[count - 1].len == size &&
                  memcmp(run->messages[count - 1].data, data, size) == 0,
              "other bytes came back for %zu", size);
}

static void compressed_expect(const char *url, const struct leat_compression *compression,
                              size_t smallest, size_t largest)
{
    struct client_run run;
    uint8_t *data = malloc(largest + 1);
    cr_assert(data);
    client_run_init(&run);
    cr_assert(leat_config_set_compression(run.config, compression) == LEAT_OK);
    client_run_open(&run, url);
    cr_expect(leat_websocket_is_compressed(run.ws), "%s does not compress", url);
    size_t count = sizeof(compressed_sizes) / sizeof(compressed_sizes[0]);
    for (size_t i = 0; i < count && compressed_sizes[i] <= largest; ++i) {
        if (compressed_sizes[i] >= smallest)
            kinds_echo(&run, compressed_sizes[i], data);
    }
    client_run_close(&run);
    client_run_done(&run);
    free(data);
}

/* Every window and both takeovers, as far as the server goes along. */
static void parameters_expect(const char *url)
{
    for (uint8_t bits = 8; bits <= 15; ++bits) {
        const struct leat_compression compression = {
            .size = sizeof(compression),
            .client_max_window_bits = bits == 8 ? 0 : bits, /* zlib's clients cannot send with 8 */
            .server_max_window_bits = bits == 8 ? 0 : bits,
            .client_no_context_takeover = bits & 1,
            .server_no_context_takeover = bits & 2,
            .threshold_bytes = bits & 4 ? 1 : 0,
        };
        compressed_expect(url, &compression, 0, 65536);
    }
    const struct leat_compression plain_offer = {.size = sizeof(plain_offer)};
    compressed_expect(url, &plain_offer, 0, 4 << 20);
}

Test(servers, python_compresses)
{
    parameters_expect(url_of("ws", python_server_start(&plain), "/echo"));
}

Test(servers, python_behind_nginx_compresses)
{
    const struct leat_compression compression = {.size = sizeof(compression)};
    uint16_t port = nginx_start(&tls, python_server_start(&plain));
    compressed_expect(url_of("wss", port, "/echo"), &compression, 0, 1 << 20);
}

Test(servers, node_compresses)
{
    setenv("PEER_DEFLATE", "1", 1);
    parameters_expect(url_of("ws", node_server_start(&plain), "/echo"));
}

Test(servers, boost_beast_compresses)
{
    uint16_t port = beast_start("deflate");
    parameters_expect(url_of("ws", port, "/echo"));
}

Test(servers, libwebsockets_compresses)
{
    const struct leat_compression compression = {.size = sizeof(compression), .threshold_bytes = 1};
    /* It aborts when it has to send an empty message. */
    compressed_expect(url_of("ws", lws_start(&plain), "/"), &compression, 1, 1 << 20);
}

/* One byte in each frame, compressed, with Pings between. */
Test(servers, compressed_fragments_with_pings_between)
{
    const struct leat_compression compression = {.size = sizeof(compression), .threshold_bytes = 1};
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_compression(run.config, &compression) == LEAT_OK);
    client_run_open(&run, url_of("ws", beast_start("deflate"), "/fragments"));
    cr_expect(leat_websocket_is_compressed(run.ws));
    client_run_echo(&run, "byte by byte by byte by byte by byte");
    client_run_echo(&run, "byte by byte by byte by byte by byte");
    client_run_close(&run);
    client_run_done(&run);
}

Test(servers, node_does_not_compress)
{
    const struct leat_compression compression = {.size = sizeof(compression)};
    struct client_run run;
    client_run_init(&run);
    cr_assert(leat_config_set_compression(run.config, &compression) == LEAT_OK);
    client_run_open(&run, url_of("ws", node_server_start(&plain), "/echo"));
    cr_expect(!leat_websocket_is_compressed(run.ws));
    client_run_echo(&run, "as it is");
    client_run_close(&run);
    client_run_done(&run);
}
