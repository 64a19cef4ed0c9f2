/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the NDK: opening, messages, every end. */
#include "ohos/common.h"

#include <fcntl.h>
#include <leat/ohos.h>
#include <stdio.h>
#include <unistd.h>

NDK_SUITE(connections);

/* ---- opening --------------------------------------------------------------------------------- */

Test(connections, echo_over_tls)
{
    const char *url = url_of("wss", python_server_start(&tls_server), "/echo");
    recorder_trust_test_ca();
    struct record *record = record_new();
    record_open(record, url);
    cr_expect(record->open_code == 101 && strcmp(record->open_reason, "Switching Protocols") == 0);
    cr_expect(record_send(record, "gr\xc3\xbc\xc3\x9f dich") == WEBSOCKET_OK);
    record_wait(record, record_has_message);
    cr_expect(strcmp(record->message, "gr\xc3\xbc\xc3\x9f dich") == 0, "%s", record->message);
    cr_expect(record_close(record, 1000, "done") == WEBSOCKET_OK);
    record_wait(record, record_is_closed);
    cr_expect(record->close_code == 1000 && strcmp(record->close_reason, "done") == 0);
    record_destroy(record);
    cr_expect(record->opens == 1 && record->messages == 1 && record->closes == 1);
    cr_expect(record->errors == 0);
}

Test(connections, a_certificate_that_nobody_vouches_for)
{
    const char *url = url_of("wss", python_server_start(&tls_server), "/echo");
    struct record *record = record_new(); /* the system's CAs */
    cr_expect(record_connect(record, url) == WEBSOCKET_OK);
    record_wait(record, record_has_error);
    cr_expect(record->error_code == WEBSOCKET_CONNECTION_ERROR);
    cr_expect(strncmp(record->error_text, "2303504 ", 8) == 0, "%s", record->error_text);
    record_destroy(record);
    cr_expect(record->opens + record->closes == 0);
}

Test(connections, refused_and_then_accepted)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    cr_expect(record_connect(record, url_of("ws", refusing_port(), "/")) == WEBSOCKET_OK);
    record_wait(record, record_has_error);
    cr_expect(record->error_code == WEBSOCKET_CONNECTION_ERROR);
    cr_expect(strncmp(record->error_text, "2301111 ", 8) == 0, "%s", record->error_text);
    cr_expect(record_close(record, 1000, "") == WEBSOCKET_NO_CONNECTION);
    record->errors = 0;
    record_open(record, url);
    record_destroy(record);
    cr_expect(record->errors == 0 && record->closes == 0);
}

Test(connections, refused_by_the_server)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/status?code=404");
    struct record *record = record_new();
    cr_expect(record_connect(record, url) == WEBSOCKET_OK);
    record_wait(record, record_has_error);
    cr_expect(record->error_code == WEBSOCKET_CONNECTION_ERROR);
    cr_expect(strncmp(record->error_text, "200 ", 4) == 0 && strstr(record->error_text, "404"),
              "%s", record->error_text);
    record_destroy(record);
    cr_expect(record->opens + record->closes == 0 && record->errors == 1);
}

Test(connections, a_ca_file_that_is_not_there)
{
    leat_config *config;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_ca_path(config, "/nowhere/ca.pem") == LEAT_OK);
    cr_assert(leat_ohos_set_config(config) == LEAT_OK);
    leat_config_free(config);
    struct record *record = record_new();
    cr_expect(record_connect(record, "wss://127.0.0.1:1/") == WEBSOCKET_OK);
    record_wait(record, record_has_error);
    cr_expect(strncmp(record->error_text, "2302002 ", 8) == 0, "%s", record->error_text);
    record_destroy(record);
    cr_expect(leat_ohos_set_config(NULL) == LEAT_OK);
}

Test(connections, connect_while_there_is_a_connection)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    cr_expect(record_connect(record, url) == WEBSOCKET_OK);
    cr_expect(record_connect(record, url) == WEBSOCKET_CONNECTION_ERROR);
    record_wait(record, record_is_open);
    cr_expect(record_connect(record, url) == WEBSOCKET_CONNECTION_ERROR);
    record_destroy(record);
}

Test(connections, without_callbacks)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    const char *refused = url_of("ws", refusing_port(), "/");
    struct record *witness = record_new();
    struct WebSocket *mute = OH_WebSocketClient_Constructor(NULL, NULL, NULL, NULL);
    struct WebSocket *failing = OH_WebSocketClient_Constructor(NULL, NULL, NULL, NULL);
    char hello[] = "hello";
    struct WebSocket_RequestOptions none = {NULL};
    cr_expect(OH_WebSocketClient_Connect(failing, refused, none) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Connect(mute, url, none) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Send(mute, hello, 5) == WEBSOCKET_OK);
    record_open(witness, url);
    cr_expect(OH_WebSocketClient_Destroy(mute) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Destroy(failing) == WEBSOCKET_OK);
    record_destroy(witness);
}

/* ---- messages -------------------------------------------------------------------------------- */

Test(connections, text_and_binary)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_READ_FRAME, .number = 0x81}, /* ASCII */
        {LEAT_SCRIPT_READ_FRAME, .number = 0x81}, /* UTF-8 */
        {LEAT_SCRIPT_READ_FRAME, .number = 0x82}, /* with a NUL inside */
        {LEAT_SCRIPT_READ_FRAME, .number = 0x82}, /* not UTF-8 */
        {LEAT_SCRIPT_READ_FRAME, .number = 0x82}, /* text and its NUL */
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x81, LEAT_SCRIPT_BYTES("text")},
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x82, LEAT_SCRIPT_BYTES("\0\xff")},
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x82},
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x88, LEAT_SCRIPT_BYTES("\x03\xe8")},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *peer = script_server_start(script);
    struct record *record = record_new();
    char not_utf8[] = "\xff\xfe", with_nul[] = "a\0b", literal[] = "text";
    record_open(record, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(record_send(record, "ascii") == WEBSOCKET_OK);
    cr_expect(record_send(record, "gr\xc3\xbc\xc3\x9f") == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Send(record->client, with_nul, 3) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Send(record->client, not_utf8, 2) == WEBSOCKET_OK);
    cr_expect(OH_WebSocketClient_Send(record->client, literal, 5) == WEBSOCKET_OK);
    record_wait(record, record_is_closed);
    cr_expect(record->messages == 3 && record->message_bytes == 6 && record->message_len == 0);
    cr_expect(record->close_code == 1000);
    peer_content_expect(peer);
    record_destroy(record);
    leat_testing_server_free(peer);
}

static bool has_500_messages(const struct record *record)
{
    return record->messages == 500;
}

static void order_check(struct record *record, const char *event)
{
    static size_t next;
    if (strcmp(event, "message") == 0) {
        cr_expect(strtoul(record->message, NULL, 10) == next, "%s instead of %zu", record->message,
                  next);
        next++;
    }
}

Test(connections, what_is_sent_before_it_is_open_is_sent_first)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    char number[20];
    record->on_event = order_check;
    for (int i = 0; i < 500; i++) {
        if (i == 100)
            cr_expect(record_connect(record, url) == WEBSOCKET_OK);
        snprintf(number, sizeof(number), "%d", i);
        cr_expect(record_send(record, number) == WEBSOCKET_OK);
        memset(number, 'x', sizeof(number));
    }
    record_wait(record, has_500_messages);
    record_destroy(record);
}

static bool has_16_mib(const struct record *record)
{
    return record->message_bytes == (size_t)16 << 20;
}

Test(connections, more_than_the_connections_queue_holds)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    leat_config *config;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_send_queue_limit(config, 1000) == LEAT_OK);
    cr_assert(leat_ohos_set_config(config) == LEAT_OK);
    leat_config_free(config);
    struct record *record = record_new();
    size_t len = (size_t)4 << 20;
    char *data = malloc(len);
    memset(data, 'd', len);
    record_open(record, url);
    for (int i = 0; i < 4; i++)
        cr_expect(OH_WebSocketClient_Send(record->client, data, len) == WEBSOCKET_OK);
    free(data);
    record_wait(record, has_16_mib);
    record_destroy(record);
    cr_expect(leat_ohos_set_config(NULL) == LEAT_OK);
}

Test(connections, a_peer_that_does_not_read)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/mute");
    leat_config *config;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_CLOSE, 300) == LEAT_OK);
    cr_assert(leat_ohos_set_config(config) == LEAT_OK);
    leat_config_free(config);
    struct record *record = record_new();
    size_t len = (size_t)4 << 20;
    char *data = calloc(1, len);
    record_open(record, url);
    int code = WEBSOCKET_OK, count = 0;
    for (; code == WEBSOCKET_OK && count < 100; count++)
        code = OH_WebSocketClient_Send(record->client, data, len);
    cr_expect(code == WEBSOCKET_QUEUE_LENGTH_EXCEEDED);
    /* 20 MiB wait here, 16 MiB and a message in the connection, 36 MiB and more in the kernel, and the peer's library
     * reads 32 messages before it stops, if it is given the time. */
    cr_expect(count < 60, "%d messages of 4 MiB were taken", count);
    free(data);
    cr_expect(record_close(record, 1000, "") == WEBSOCKET_OK);
    record_destroy(record); /* nobody waits for the peer for longer than the deadline */
    cr_expect(leat_ohos_set_config(NULL) == LEAT_OK);
}

/* ---- ends that the peer makes ---------------------------------------------------------------- */

static void ended_expect(struct record *record, unsigned code, const char *reason)
{
    record_wait(record, record_is_closed);
    cr_expect(record->close_code == code, "%u %s", record->close_code, record->close_reason);
    if (reason)
        cr_expect(strcmp(record->close_reason, reason) == 0, "%s", record->close_reason);
    cr_expect(record->opens == 1 && record->closes == 1);
    cr_expect(record_send(record, "late") == WEBSOCKET_NO_CONNECTION);
    cr_expect(record_close(record, 1000, "") == WEBSOCKET_NO_CONNECTION);
    record_destroy(record);
}

Test(connections, closed_by_the_server)
{
    const char *url =
        url_of("ws", python_server_start(&plain_server), "/close?code=4000&reason=bye");
    struct record *record = record_new();
    record_open(record, url);
    ended_expect(record, 4000, "bye");
    cr_expect(record->errors == 0);
}

static void scripted_end_expect(const struct leat_script_row *script, unsigned close_code,
                                const char *reason, unsigned error_code)
{
    leat_testing_server *peer = script_server_start(script);
    struct record *record = record_new();
    record_open(record, url_of("ws", leat_testing_server_get_port(peer), "/"));
    ended_expect(record, close_code, reason);
    cr_expect(record->errors == (error_code != 0), "%s", record->error_text);
    cr_expect(record->error_code == error_code, "%u %s", record->error_code, record->error_text);
    leat_testing_server_free(peer);
}

Test(connections, closed_by_the_server_without_a_code)
{
    static const struct leat_script_row script[] = {LEAT_SCRIPT_UPGRADE,
                                                    {LEAT_SCRIPT_SEND_FRAME, .number = 0x88},
                                                    {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
                                                    {LEAT_SCRIPT_CLOSE}};
    scripted_end_expect(script, 1005, "", 0);
}

Test(connections, the_server_dies)
{
    static const struct leat_script_row script[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_RESET}};
    scripted_end_expect(script, 1006, NULL, 0);
}

Test(connections, the_server_just_ends)
{
    static const struct leat_script_row script[] = {LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_CLOSE}};
    scripted_end_expect(script, 1006, NULL, 0);
}

Test(connections, the_server_breaks_the_protocol)
{
    static const struct leat_script_row reserved_opcode[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x83, LEAT_SCRIPT_BYTES("?")},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE}};
    static const struct leat_script_row not_utf8[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x81, LEAT_SCRIPT_BYTES("\xff")},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE}};
    scripted_end_expect(reserved_opcode, 1002, NULL, WEBSOCKET_PROTOCOL_ERROR);
    scripted_end_expect(not_utf8, 1007, NULL, WEBSOCKET_PROTOCOL_ERROR);
}

Test(connections, a_message_that_is_too_long)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x81, LEAT_SCRIPT_BYTES("12345")},
        {LEAT_SCRIPT_DRAIN},
        {LEAT_SCRIPT_CLOSE}};
    leat_config *config;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_max_message_bytes(config, 4) == LEAT_OK);
    cr_assert(leat_ohos_set_config(config) == LEAT_OK);
    leat_config_free(config);
    scripted_end_expect(script, 1009, NULL, WEBSOCKET_DATA_LENGTH_EXCEEDED);
    cr_expect(leat_ohos_set_config(NULL) == LEAT_OK);
}

/* ---- ends that the program makes ------------------------------------------------------------- */

static void close_seen_expect(unsigned code, const char *reason, const void *payload, size_t len)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    struct leat_testing_seen seen;
    struct record *record = record_new();
    record_open(record, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(record_send(record, "before") == WEBSOCKET_OK);
    cr_expect(record_close(record, code, reason) == WEBSOCKET_OK);
    int again = record_close(record, code, reason);
    cr_expect(again == WEBSOCKET_OK || again == WEBSOCKET_NO_CONNECTION, "closing or closed: %d",
              again);
    cr_expect(record_send(record, "after") == WEBSOCKET_NO_CONNECTION);
    ended_expect(record, code != 0 ? code : 1000, reason ? reason : "CLOSE_NORMAL");
    cr_expect(record->messages == 1 && strcmp(record->message, "before") == 0);
    peer_content_expect(peer);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.frame_first_byte == 0x88 && seen.frame_len == len);
    cr_expect(memcmp(seen.frame_payload, payload, len) == 0);
    leat_testing_server_free(peer);
}

Test(connections, close_codes_and_reasons)
{
    close_seen_expect(4321, "enough",
                      "\x10\xe1"
                      "enough",
                      8);
    close_seen_expect(0, "Actively Close",
                      "\x03\xe8"
                      "Actively Close",
                      16);
    close_seen_expect(3000, NULL,
                      "\x0b\xb8"
                      "CLOSE_NORMAL",
                      14);
    close_seen_expect(0, NULL,
                      "\x03\xe8"
                      "CLOSE_NORMAL",
                      14);
}

Test(connections, close_goes_behind_what_waits)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE,
        {LEAT_SCRIPT_READ_FRAME, .number = 0x82},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x82},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x82},
        {LEAT_SCRIPT_READ_FRAME, .number = 0x88},
        {LEAT_SCRIPT_SEND_FRAME, .number = 0x88, LEAT_SCRIPT_BYTES("\x03\xe8")},
        {LEAT_SCRIPT_CLOSE},
    };
    leat_testing_server *peer = script_server_start(script);
    leat_config *config;
    cr_assert(leat_config_new(&config) == LEAT_OK);
    cr_assert(leat_config_set_send_queue_limit(config, 1000) == LEAT_OK);
    cr_assert(leat_ohos_set_config(config) == LEAT_OK);
    leat_config_free(config);
    struct record *record = record_new();
    char *data = calloc(1, 100000);
    record_open(record, url_of("ws", leat_testing_server_get_port(peer), "/"));
    for (int i = 0; i < 3; i++)
        cr_expect(OH_WebSocketClient_Send(record->client, data, 100000) == WEBSOCKET_OK);
    cr_expect(record_close(record, 1000, "") == WEBSOCKET_OK);
    free(data);
    ended_expect(record, 1000, "");
    peer_content_expect(peer);
    cr_expect(leat_ohos_set_config(NULL) == LEAT_OK);
    leat_testing_server_free(peer);
}

Test(connections, closes_that_are_not_allowed)
{
    static char long_reason[125];
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    memset(long_reason, 'r', 124);
    record_open(record, url);
    cr_expect(record_close(record, 1000, "\xff") == WEBSOCKET_PROTOCOL_ERROR);
    cr_expect(record_close(record, 1000, long_reason) == WEBSOCKET_DATA_LENGTH_EXCEEDED);
    cr_expect(record_send(record, "still open") == WEBSOCKET_OK);
    record_wait(record, record_has_message);
    long_reason[123] = '\0';
    cr_expect(record_close(record, 1000, long_reason) == WEBSOCKET_OK);
    ended_expect(record, 1000, long_reason);
}

/* As HarmonyOS does: 1000 in the place of what must not be sent, and a reason where there is none. */
Test(connections, closes_by_default)
{
    static const unsigned codes[] = {0, 1, 999, 1002, 1005, 1015, 2999, 5000, 66536, UINT32_MAX};
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        struct record *record = record_new();
        record_open(record, url);
        cr_expect(record_close(record, codes[i], i % 2 ? NULL : "done") == WEBSOCKET_OK, "%u",
                  codes[i]);
        ended_expect(record, 1000, i % 2 ? "CLOSE_NORMAL" : "done");
    }
}

/* Without a scheme it is ws://. */
Test(connections, url_without_a_scheme)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    record_open(record, url + strlen("ws://"));
    cr_expect(record_close(record, 1000, "") == WEBSOCKET_OK);
    ended_expect(record, 1000, "");
}

Test(connections, close_while_connecting)
{
    const char *mute = url_of("ws", unanswering_port(), "/");
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    struct record *record = record_new();
    for (int i = 0; i < 3; i++) {
        cr_expect(record_connect(record, mute) == WEBSOCKET_OK);
        cr_expect(record_send(record, "dropped") == WEBSOCKET_OK);
        cr_expect(record_close(record, 1000, "") == WEBSOCKET_NO_CONNECTION);
    }
    cr_expect(record->opens + record->errors + record->closes == 0);
    record_open(record, url);
    cr_expect(record_send(record, "first") == WEBSOCKET_OK);
    record_wait(record, record_has_message);
    cr_expect(strcmp(record->message, "first") == 0);
    record_destroy(record);

    record = record_new();
    cr_expect(record_connect(record, mute) == WEBSOCKET_OK);
    cr_expect(record_close(record, 1000, "") == WEBSOCKET_NO_CONNECTION);
    cr_expect(OH_WebSocketClient_Destroy(record->client) == WEBSOCKET_OK);
    recorder_wait_thread_gone();
    cr_expect(record->opens + record->errors + record->closes == 0);
}

Test(connections, destroy_says_goodbye)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    struct leat_testing_seen seen;
    struct record *record = record_new();
    record_open(record, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(record_send(record, "last") == WEBSOCKET_OK);
    record_destroy(record);
    peer_content_expect(peer);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(seen.frame_first_byte == 0x88 && seen.frame_len == 2);
    cr_expect(memcmp(seen.frame_payload, "\x03\xe8", 2) == 0);
    cr_expect(record->closes == 0 && record->errors == 0, "nothing is reported any more");
    leat_testing_server_free(peer);
}

Test(connections, close_and_destroy_at_once)
{
    static const struct leat_script_row script[] = {
        LEAT_SCRIPT_UPGRADE, {LEAT_SCRIPT_SERVE_ECHO}, {LEAT_SCRIPT_CLOSE}};
    leat_testing_server *peer = script_server_start(script);
    struct leat_testing_seen seen;
    struct record *record = record_new();
    record_open(record, url_of("ws", leat_testing_server_get_port(peer), "/"));
    cr_expect(record_close(record, 4000, "bye") == WEBSOCKET_OK);
    record_destroy(record);
    peer_content_expect(peer);
    leat_testing_server_get_seen(peer, &seen);
    cr_expect(memcmp(seen.frame_payload,
                     "\x0f\xa0"
                     "bye",
                     5) == 0,
              "the code given to Close");
    leat_testing_server_free(peer);
}

Test(connections, destroy_while_connecting)
{
    const char *mute = url_of("ws", unanswering_port(), "/");
    for (int i = 0; i < 5; i++) {
        struct record *record = record_new();
        cr_expect(record_connect(record, mute) == WEBSOCKET_OK);
        cr_expect(record_send(record, "never sent") == WEBSOCKET_OK);
        record_destroy(record);
        cr_expect(record->opens + record->errors + record->closes == 0);
    }
}

Test(connections, nothing_is_left_behind)
{
    const char *url = url_of("wss", python_server_start(&tls_server), "/echo");
    recorder_trust_test_ca();
    size_t before = open_descriptor_count();
    for (int i = 0; i < 5; i++) {
        struct record *record = record_new();
        record_open(record, url);
        record_destroy(record);
    }
    cr_expect(open_descriptor_count() == before);
    cr_expect(leat_ohos_set_config(NULL) == LEAT_OK);
}

/* ---- a program that closes descriptors that are not its own ---------------------------------- */

#define DESCRIPTORS_MAX 1000

static bool is_epoll_descriptor(int fd)
{
    char path[40], target[64] = "";
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return readlink(path, target, sizeof(target) - 1) > 0 &&
           strcmp(target, "anon_inode:[eventpoll]") == 0;
}

/* Makes a client, and with it the loop. */
static struct record *record_new_with_loop(int *ret_epoll)
{
    bool others[DESCRIPTORS_MAX];
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        others[fd] = is_epoll_descriptor(fd);
    struct record *record = record_new();
    *ret_epoll = -1;
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
        if (is_epoll_descriptor(fd) && !others[fd])
            *ret_epoll = fd;
    }
    return record;
}

Test(connections, the_loop_is_taken_away)
{
    const char *url = url_of("ws", python_server_start(&plain_server), "/echo");
    int epoll;
    struct record *record = record_new_with_loop(&epoll);
    struct record *connecting = record_new();
    record_open(record, url);
    cr_expect(record_connect(connecting, url_of("ws", unanswering_port(), "/")) == WEBSOCKET_OK);
    int nowhere = open("/dev/null", O_RDONLY);
    cr_assert(epoll >= 0 && dup2(nowhere, epoll) == epoll);
    close(nowhere);
    cr_expect(record_send(record, "wakes it") == WEBSOCKET_OK);
    record_wait(record, record_is_closed);
    cr_expect(record->close_code == 1006 && strncmp(record->close_reason, "23010", 5) == 0, "%s",
              record->close_reason);
    record_wait(connecting, record_has_error);
    cr_expect(connecting->error_code == WEBSOCKET_CONNECTION_ERROR);
    /* A new one is made. */
    record->opens = 0;
    record_open(record, url);
    cr_expect(OH_WebSocketClient_Destroy(connecting->client) == WEBSOCKET_OK);
    record_destroy(record);
}
