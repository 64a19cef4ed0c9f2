/* SPDX-License-Identifier: Apache-2.0 */
/* The WebSocket server with leat, with Python's websockets and with plain sockets. */
#include "testing/rig.h"

#include "support/certificates.h"
#include "support/process.h"

#include <stdlib.h>
#include <sys/socket.h>

TestSuite(websocket, .fini = sandbox_done, .timeout = 60);

Test(websocket, echoes_what_leat_sends)
{
    static const size_t lengths[] = {0, 1, 125, 126, 65535, 65536, 3000000};
    static const size_t fragments[] = {0, 1000};
    for (size_t f = 0; f < 2; ++f) {
        leat_testing_server *server = rig_start(
            LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .fragment_bytes = fragments[f]));
        struct client_run run;
        client_run_init(&run);
        client_run_open(&run, leat_testing_server_get_url(server));
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
            uint8_t *data = malloc(lengths[i] + 1);
            for (size_t n = 0; n < lengths[i]; ++n)
                data[n] = (uint8_t)(n * 31 + i);
            cr_assert(leat_websocket_send(run.ws, LEAT_MESSAGE_BINARY, data, lengths[i]) ==
                      LEAT_OK);
            client_run_until_messages(&run, i + 1);
            cr_expect(run.messages[i].len == lengths[i] &&
                          memcmp(run.messages[i].data, data, lengths[i]) == 0,
                      "%zu bytes", lengths[i]);
            free(data);
        }
        client_run_echo(&run, "a text");
        cr_expect(leat_websocket_ping(run.ws, "are you there", 13) == LEAT_OK);
        client_run_close(&run);
        cr_expect(leat_testing_server_wait_step(server, "ping", 1, 0));
        cr_expect(run.close.close_code == 1000);
        client_run_done(&run);
        struct leat_testing_seen seen;
        cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
        leat_testing_server_get_seen(server, &seen);
        cr_expect(seen.problem[0] == '\0', "%s", seen.problem);
        leat_testing_server_free(server);
    }
}

/* ---- permessage-deflate ---------------------------------------------------------------------- */

Test(websocket, compresses_with_whoever_offers_it)
{
    static const size_t lengths[] = {0, 1, 125, 70000, 3000000};
    static const size_t fragments[] = {0, 1000};
    for (size_t f = 0; f < 2; ++f) {
        struct leat_testing_seen seen;
        leat_testing_server *server =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .deflate = true,
                                           .fragment_bytes = fragments[f]));
        struct client_run run;
        const struct leat_compression compression = {.size = sizeof(compression)};
        client_run_init(&run);
        cr_assert(leat_config_set_compression(run.config, &compression) == LEAT_OK);
        client_run_open(&run, leat_testing_server_get_url(server));
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); ++i) {
            uint8_t *data = malloc(lengths[i] + 1);
            for (size_t n = 0; n < lengths[i]; ++n)
                data[n] = (uint8_t)(n / 1000 + i);
            cr_assert(leat_websocket_send(run.ws, LEAT_MESSAGE_BINARY, data, lengths[i]) ==
                      LEAT_OK);
            client_run_until_messages(&run, i + 1);
            cr_expect(run.messages[i].len == lengths[i] &&
                          memcmp(run.messages[i].data, data, lengths[i]) == 0,
                      "%zu bytes", lengths[i]);
            free(data);
        }
        client_run_close(&run);
        client_run_done(&run);
        cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
        leat_testing_server_get_seen(server, &seen);
        cr_expect(seen.problem[0] == '\0' && seen.bytes_out < 200000, "%s, %llu bytes",
                  seen.problem, (unsigned long long)seen.bytes_out);
        leat_testing_server_free(server);
    }
}

static void deflate_expect(const char *offer, const char *answer)
{
    char head[1024];
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .deflate = true));
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    const char *request = sandbox_format(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Extensions: %s\r\n\r\n",
        offer);
    cr_assert(raw_send(fd, request, strlen(request)));
    cr_assert(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
    const char *found = strstr(head, "Sec-WebSocket-Extensions:");
    cr_expect(answer ? found && strstr(found, answer) : !found, "%s: %s", offer, head);
    close(fd);
    leat_testing_server_free(server);
}

Test(websocket, takes_the_first_offer_that_it_can)
{
    deflate_expect("permessage-deflate", "client_no_context_takeover\r\n");
    deflate_expect(
        "x; y=1, Permessage-Deflate ; client_max_window_bits",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n");
    deflate_expect("permessage-deflate; server_max_window_bits=10",
                   "; server_max_window_bits=10\r\n");
    deflate_expect("permessage-deflate; server_max_window_bits=8, permessage-deflate",
                   "takeover\r\n");
    deflate_expect("permessage-deflate; server_max_window_bits=8", NULL);
    deflate_expect("permessage-deflate; server_max_window_bits", NULL);
    deflate_expect("permessage-deflate; other", NULL);
    deflate_expect("other", NULL);
    deflate_expect(",", NULL);
}

Test(websocket, bad_compression_ends_the_connection)
{
    static const struct {
        bool deflate;
        const char *frames;
        size_t len;
        const char *close;
    } cases[] = {
        {false, "\xc1\x81\0\0\0\0\1", 7, "\x88\x02\x03\xea"},               /* not agreed on */
        {true, "\xc1\x81\0\0\0\0\xff", 7, "\x88\x02\x03\xef"},              /* no deflate */
        {true, "\xa1\x81\0\0\0\0\1", 7, "\x88\x02\x03\xea"},                /* RSV2 */
        {true, "\xc9\x80\0\0\0\0", 6, "\x88\x02\x03\xea"},                  /* a compressed Ping */
        {true, "\x41\x80\0\0\0\0\xc0\x80\0\0\0\0", 12, "\x88\x02\x03\xea"}, /* a continuation */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char head[1024];
        leat_testing_server *server = rig_start(
            LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .deflate = cases[i].deflate));
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        static const char request[] =
            RAW_UPGRADE_WITH("/", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        cr_assert(raw_send(fd, request, sizeof(request) - 1));
        cr_assert(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
        cr_assert(raw_send(fd, cases[i].frames, cases[i].len));
        rig_expect(fd, cases[i].close, 4);
        close(fd);
        leat_testing_server_free(server);
    }
}

Test(websocket, says_what_it_is_told_to_say)
{
    static const struct leat_testing_message messages[] = {
        {LEAT_TESTING_MESSAGE_TEXT, "one", 3},
        {LEAT_TESTING_MESSAGE_BINARY, "\0two", 4},
        {LEAT_TESTING_MESSAGE_PING, "p", 1},
        {LEAT_TESTING_MESSAGE_TEXT, NULL, 0},
    };
    leat_testing_server *server = rig_start(
        LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .messages = messages,
                             .message_count = 4, .close_code = 4001, .close_reason = "enough",
                             .headers = "X-One: 1\r\nX-Two: 2\r\n"));
    struct client_run run;
    client_run_init(&run);
    client_run_open(&run, leat_testing_server_get_url(server));
    client_run_until_closed(&run);
    cr_assert(run.message_count == 3);
    cr_expect(run.messages[0].type == LEAT_MESSAGE_TEXT &&
              strcmp((char *)run.messages[0].data, "one") == 0);
    cr_expect(run.messages[1].type == LEAT_MESSAGE_BINARY && run.messages[1].len == 4);
    cr_expect(run.messages[2].len == 0);
    cr_expect(run.close.close_code == 4001 && strcmp(run.close_reason, "enough") == 0, "%d %s",
              run.close.close_code, run.close_reason);
    client_run_done(&run);
    cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
    leat_testing_server_free(server);
}

static void protocol_expect(leat_testing_server *server, const char *offer, const char *chosen)
{
    char head[2048];
    int fd = raw_connect(NULL, leat_testing_server_get_port(server));
    const char *line = *offer ? sandbox_format("Sec-WebSocket-Protocol: %s\r\n", offer) : "";
    const char *request = sandbox_format(
        "GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
        line);
    cr_assert(raw_send(fd, request, strlen(request)));
    cr_assert(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
    const char *expected =
        *chosen ? sandbox_format("\r\nSec-WebSocket-Protocol: %s\r\n", chosen) : "\r\nX: y\r\n";
    cr_expect(strstr(head, expected), "%s: %s", offer, head);
    cr_expect((strstr(head, "Sec-WebSocket-Protocol") != NULL) == (*chosen != '\0'), "%s", head);
    cr_expect(strstr(head, "\r\nX: y\r\n"));
    close(fd);
}

Test(websocket, chooses_a_subprotocol)
{
    static const char *const protocols[] = {"chat", "superchat", NULL};
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .subprotocols = protocols,
                                       .headers = "X: y\r\n"));
    protocol_expect(server, "", "");
    protocol_expect(server, "other", "");
    protocol_expect(server, "chat", "chat");
    protocol_expect(server, "other, superchat, chat", "superchat");
    leat_testing_server_free(server);
}

/* What one client asked for is not answered to another. */
Test(websocket, clients_at_once_are_kept_apart)
{
    static const char *const keys[] = {"dGhlIHNhbXBsZSBub25jZQ==", "AAAAAAAAAAAAAAAAAAAAAA=="};
    static const char *const accepts[] = {"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
                                          "ICX+Yqv66kxgM0FcWaLWlFLwTAI="};
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .faults = "head=hold"));
    int fds[2];
    for (unsigned i = 0; i < 2; ++i) {
        const char *request = sandbox_format(
            "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
            keys[i]);
        fds[i] = raw_connect(NULL, leat_testing_server_get_port(server));
        cr_assert(raw_send(fds[i], request, strlen(request)));
        cr_assert(leat_testing_server_wait_step(server, "head", i + 1, RIG_WAIT_MS));
    }
    for (unsigned i = 0; i < 2; ++i)
        leat_testing_server_release(server);
    for (unsigned i = 0; i < 2; ++i) {
        char head[1024];
        cr_assert(raw_recv_until(fds[i], "\r\n\r\n", head, sizeof(head)));
        cr_expect(strstr(head, accepts[i]), "%u: %s", i, head);
        close(fds[i]);
    }
    leat_testing_server_free(server);
}

Test(websocket, refuses_what_is_no_upgrade)
{
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: short\r\nSec-WebSocket-Version: 13\r\n\r\n",
         "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n",
         "HTTP/1.1 426 "},
#define GOOD                                                                                       \
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                   \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        {"GET / HTTP/1.1\r\n" GOOD "\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n" GOOD "\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: a/b\r\n" GOOD "\r\n", "HTTP/1.1 400 "},
        {"GET / HTPT/1.1\r\nHost: a\r\n" GOOD "\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.0\r\nHost: a\r\n" GOOD "\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\n" GOOD "X : 1\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\n" GOOD " folded\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\n" GOOD "X: a\rb\r\n\r\n", "HTTP/1.1 400 "},
    };
    leat_testing_server *server = rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        static struct rig_output output;
        int fd = raw_connect(NULL, leat_testing_server_get_port(server));
        cr_assert(raw_send(fd, cases[i].request, strlen(cases[i].request)));
        rig_read(fd, &output);
        cr_expect(output.len > 13 && memcmp(output.data, cases[i].status, 13) == 0, "%zu", i);
        cr_expect(output.end == 0);
        close(fd);
    }
    leat_testing_server_free(server);
}

Test(websocket, answers_broken_frames_with_the_right_code)
{
#define MASK "\x00\x00\x00\x00"
    static const struct {
        const char *frames;
        size_t len;
        uint16_t code;
    } cases[] = {
        {"\xc1\x80" MASK, 6, 1002}, /* RSV1 */
        {"\x83\x80" MASK, 6, 1002}, /* opcode 3 */
        {"\x8b\x80" MASK, 6, 1002},
        {"\x80\x80" MASK, 6, 1002},                  /* continues nothing */
        {"\x01\x80" MASK "\x81\x80" MASK, 12, 1002}, /* begins twice */
        {"\x09\x80" MASK, 6, 1002},                  /* a Ping in parts */
        {"\x89\xfe\x00\x7e" MASK, 8, 0},             /* a long Ping: its end is missing */
        {"\x81\x81" MASK "\xff", 7, 1007},
        {"\x88\x81" MASK "\x03", 7, 1002},
        {"\x81\x00", 2, 1002},                                       /* not masked */
        {"\x82\xff\x00\x00\x00\x01\x00\x00\x00\x00" MASK, 14, 1009}, /* 4 GiB */
        {"\x81\xfe\x00\x05" MASK "abcde", 13, 1002},                 /* not the shortest length */
        {"\x82\xff\x80\x00\x00\x01\x00\x00\x00\x00" MASK, 14, 1002},
        {"\x88\x82" MASK "\x03\xec", 8, 1002}, /* 1004 */
        {"\x88\x83" MASK "\x03\xe8\xff", 9, 1007},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        leat_testing_server *server =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET));
        static struct rig_output output;
        int fd = -1;
        cr_assert(raw_upgrade(NULL, leat_testing_server_get_port(server), &fd) == 101);
        cr_assert(raw_send(fd, cases[i].frames, cases[i].len));
        cr_assert(shutdown(fd, SHUT_WR) == 0);
        rig_read(fd, &output);
        if (cases[i].code != 0) {
            cr_expect(output.len == 4 && output.data[0] == 0x88 &&
                          (output.data[2] << 8 | output.data[3]) == cases[i].code,
                      "%zu: %zu bytes", i, output.len);
        } else {
            cr_expect(output.len == 0, "%zu: %zu bytes", i, output.len);
        }
        close(fd);
        struct leat_testing_seen seen;
        cr_expect(leat_testing_server_wait_idle(server, RIG_WAIT_MS));
        leat_testing_server_get_seen(server, &seen);
        cr_expect(seen.problem[0] != '\0', "%zu", i);
        leat_testing_server_free(server);
    }
}

Test(websocket, fragments_and_control_frames_between_them)
{
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .fragment_bytes = 2));
    int fd = -1;
    cr_assert(raw_upgrade(NULL, leat_testing_server_get_port(server), &fd) == 101);
    RIG_SEND(fd, "\x01\x82" MASK "ab"
                 "\x89\x81" MASK "p"
                 "\x8a\x80" MASK "\x00\x81" MASK "c"
                 "\x80\x82" MASK "de");
    RIG_EXPECT(fd, "\x8a\x01p"
                   "\x01\x02"
                   "ab"
                   "\x00\x02"
                   "cd"
                   "\x80\x01"
                   "e");
    close(fd);
    leat_testing_server_free(server);
}

Test(websocket, without_echo)
{
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .no_echo = true));
    int fd = -1;
    cr_assert(raw_upgrade(NULL, leat_testing_server_get_port(server), &fd) == 101);
    RIG_SEND(fd, "\x81\x81" MASK "a"
                 "\x88\x80" MASK);
    RIG_EXPECT(fd, "\x88\x00");
    cr_expect(raw_recv_end(fd) == 0);
    close(fd);
    cr_expect(leat_testing_server_wait_step(server, "message", 1, 0));
    leat_testing_server_free(server);
}

Test(websocket, wss_and_its_faults)
{
    const struct leat_testing_tls tls = {.cert_path = certificate_path("server.pem"),
                                         .key_path = certificate_path("server.key")};
    static const struct {
        const char *faults;
        int opened;
        uint16_t close_code;
    } cases[] = {
        {"", 1, 1000},
        {"upgrade=split 1", 1, 1000},
        {"tls=close", 0, 0},
        {"accept=reset", 0, 0},
        {"upgrade=refuse 503", 0, 0},
        {"message=refuse 1013", 1, 1013},
        {"message=reset", 1, 1006},
        {"message=drop-after 3,close", 1, 1006},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        leat_testing_server *server =
            rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .tls = &tls,
                                           .faults = cases[i].faults));
        struct client_run run;
        client_run_init(&run);
        cr_assert(client_run_connect(&run, leat_testing_server_get_url(server)) == LEAT_OK);
        client_run_until_opened(&run);
        cr_assert((int)run.opened_count == cases[i].opened, "%s: %s", cases[i].faults,
                  run.close.error.text);
        if (run.opened_count > 0) {
            cr_assert(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, "x", 1) == LEAT_OK);
            if (cases[i].close_code == 1000) {
                client_run_until_messages(&run, 1);
                client_run_close(&run);
            } else {
                client_run_until_closed(&run);
            }
        }
        cr_expect(run.close.close_code == cases[i].close_code, "%s: %u", cases[i].faults,
                  run.close.close_code);
        client_run_done(&run);
        leat_testing_server_free(server);
    }
}

Test(websocket, serves_the_client_of_python)
{
    static const char program[] =
        "import asyncio, sys, websockets\n"
        "async def main():\n"
        "    async with websockets.connect(sys.argv[1], compression=None) as ws:\n"
        "        await ws.send('h\\u00e9')\n"
        "        assert await ws.recv() == 'h\\u00e9'\n"
        "        await ws.send(b'\\0' * 100000)\n"
        "        assert await ws.recv() == b'\\0' * 100000\n"
        "        await (await ws.ping(b'x'))\n"
        "    print('closed', ws.close_code)\n"
        "asyncio.run(main())\n";
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .fragment_bytes = 1000));
    const char *const argv[] = {"/usr/bin/python3", "-c", program,
                                leat_testing_server_get_url(server), NULL};
    struct process *python = process_start(&(struct process_options){.argv = argv});
    int status = process_wait(python, RIG_WAIT_MS);
    char *output = file_read(python->output_path), *errors = file_read(python->error_path);
    cr_expect(status == 0 && strcmp(output, "closed 1000\n") == 0, "%d %s %s", status, output,
              errors);
    free(output);
    free(errors);
    leat_testing_server_free(server);
}

/* ---- cipher suites, as `openssl s_client` finds them ----------------------------------------- */

static void suite_expect(const struct leat_testing_tls *tls, const char *suite, bool agreed)
{
    leat_testing_server *server =
        rig_start(LEAT_TESTING_OPTIONS(.kind = LEAT_TESTING_WEBSOCKET, .tls = tls));
    const char *address =
        sandbox_format("localhost:%u", (unsigned)leat_testing_server_get_port(server));
    const char *const argv[] = {"openssl",       "s_client", "-tls1_2", "-connect", address,
                                "-verify_quiet", "-cipher",  suite,     NULL};
    struct process *client = process_start(&(struct process_options){.argv = argv});
    cr_expect((process_wait(client, RIG_WAIT_MS) == 0) == agreed, "%s", suite);
    leat_testing_server_free(server);
}

Test(websocket, tls_has_forward_secrecy_unless_asked)
{
    static const struct {
        const char *suite;
        bool by_default;
    } rows[] = {
        {"ECDHE-RSA-AES128-GCM-SHA256", true}, {"ECDHE-RSA-CHACHA20-POLY1305", true},
        {"ECDHE-RSA-AES256-SHA384", false},    {"ECDHE-RSA-AES128-SHA", false},
        {"AES128-GCM-SHA256", false},          {"AES256-SHA256", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); ++i) {
        struct leat_testing_tls tls = {.cert_path = certificate_path("rsa.pem"),
                                       .key_path = certificate_path("rsa.key"),
                                       .may_fail = true};
        suite_expect(&tls, rows[i].suite, rows[i].by_default);
        tls.cipher_list = rows[i].suite;
        suite_expect(&tls, rows[i].suite, true);
    }
}
