/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One end of a WebSocket connection, a whole object on its loop, whose other end says anything:
 * answers of proxies, redirects, upgrades, frames; and whose program does anything, also inside of
 * its callbacks.
 *
 * The first byte: bit 0 = our server, else our client; bits 1 and 2 = through a SOCKS5 proxy, an
 * HTTP proxy, both, neither; bit 3 = compression; bit 4 = messages in parts; bit 5 = redirects are
 * followed; bit 6 = small limits; bit 7 = with a password. Then a count and so many bytes for what
 * the callbacks do; then what happens, one after the other: see step_run().
 */
#include "fuzz/wire.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENDS_MAX    4
#define LIMIT_BYTES 1000u
#define ROUNDS_MAX  1000
#define HEAD_BYTES  8192u

static struct fuzz_input in_callbacks;
static leat_loop *loop;
static leat_websocket_server *server;
static leat_websocket *ws; /* a client's, or the latest of the server */
static leat_config *config;
static char url[64];
static uint16_t port;
static int listener;
static int ends[ENDS_MAX]; /* of the other side */
static size_t end_count, end_now;
static char head[HEAD_BYTES + 1]; /* what was asked for last */
static bool is_server, is_live, has_opened, in_message;

/* ---- what the program does ------------------------------------------------------------------ */

static void code_check(int code)
{
    FUZZ_MUST(code == LEAT_OK || code == LEAT_E_PARAMETER || code == LEAT_E_TLS_WRITE ||
              code == LEAT_E_WS_EXISTS || code == LEAT_E_SOCKET_BASE + EAGAIN ||
              code == LEAT_E_SOCKET_BASE + EBADF || code == LEAT_E_SOCKET_BASE + ENOTCONN);
}

static void client_connect(void)
{
    int code = leat_websocket_connect(ws, url, config);
    FUZZ_MUST(code == (is_live ? LEAT_E_WS_EXISTS : LEAT_OK));
    if (code == LEAT_OK) {
        is_live = true;
        has_opened = in_message = false;
    }
}

static void ws_free(void)
{
    leat_websocket_free(ws);
    if (!is_server) {
        ws = NULL;
        is_live = false;
    }
}

static void act(uint8_t what)
{
    static const char text[] = "text with \xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80 in it";
    static const uint8_t data[15 * 37];
    size_t len = (size_t)(what >> 4) * 37;
    if (!ws)
        return;
    switch (what & 15) {
    case 1:
        code_check(leat_websocket_send(ws, LEAT_MESSAGE_TEXT, text, sizeof(text) - 1));
        break;
    case 2:
        code_check(leat_websocket_send(ws, LEAT_MESSAGE_BINARY, data, len));
        break;
    case 3:
        code_check(
            leat_websocket_send_part(ws, LEAT_MESSAGE_BINARY, data, len, what & 16, what & 32));
        break;
    case 4:
        code_check(leat_websocket_ping(ws, data, len));
        break;
    case 5:
        code_check(leat_websocket_close(ws, (uint16_t)(999 + (what >> 4)), "why"));
        break;
    case 6:
        leat_websocket_pause(ws);
        break;
    case 7:
        leat_websocket_resume(ws);
        break;
    case 8:
        ws_free();
        break;
    case 9:
        code_check(leat_websocket_post(ws, LEAT_MESSAGE_BINARY, data, len));
        break;
    case 10:
        if (is_server)
            FUZZ_MUST(leat_websocket_server_stop(server) == LEAT_OK);
        else
            client_connect();
        break;
    default:
        break;
    }
}

/* ---- what is called back -------------------------------------------------------------------- */

static void called(leat_websocket *which)
{
    FUZZ_MUST(is_server || (is_live && which == ws));
    ws = which;
    act(fuzz_take(&in_callbacks));
    if (in_callbacks.len & 1)
        act(fuzz_take(&in_callbacks));
}

static void message_check(enum leat_message_type type, const uint8_t *data, size_t len)
{
    char *copy = fuzz_copy((struct fuzz_input){data, len}, false); /* reads all of it */
    FUZZ_MUST(type == LEAT_MESSAGE_TEXT || type == LEAT_MESSAGE_BINARY);
    free(copy);
}

static void on_opened(leat_websocket *which, void *user)
{
    (void)user;
    FUZZ_MUST(!has_opened && leat_websocket_get_http_status(which) == 101);
    has_opened = true;
    const char *name, *value;
    for (size_t i = 0; leat_websocket_get_http_header_at(which, i, &name, &value); i++)
        FUZZ_MUST(strlen(name) > 0 && leat_websocket_get_http_header(which, name));
    called(which);
}

static void on_message(leat_websocket *which, enum leat_message_type type, const uint8_t *data,
                       size_t len, void *user)
{
    (void)user;
    FUZZ_MUST(is_server || has_opened);
    message_check(type, data, len);
    called(which);
}

static void on_part(leat_websocket *which, enum leat_message_type type, const uint8_t *data,
                    size_t len, bool is_first, bool is_last, void *user)
{
    (void)user;
    FUZZ_MUST(is_server || is_first == !in_message);
    in_message = !is_last;
    message_check(type, data, len);
    called(which);
}

static void on_pong(leat_websocket *which, const uint8_t *payload, size_t len, void *user)
{
    (void)user;
    FUZZ_MUST(len <= 125);
    message_check(LEAT_MESSAGE_BINARY, payload, len);
    called(which);
}

static void on_writable(leat_websocket *which, void *user)
{
    (void)user;
    called(which);
}

static void closed_check(leat_websocket *which, const struct leat_close_event *event)
{
    size_t len;
    fuzz_error_check(&event->error);
    FUZZ_MUST(event->reason && event->reason_len <= 123 &&
              event->reason[event->reason_len] == '\0');
    FUZZ_MUST(leat_websocket_get_buffered_bytes(which) == 0);
    const char *body = leat_websocket_get_http_body(which, &len);
    FUZZ_MUST(body && len <= 4096 && body[len] == '\0');
}

static void on_closed(leat_websocket *which, const struct leat_close_event *event, void *user)
{
    (void)user;
    closed_check(which, event);
    FUZZ_MUST(is_live && which == ws);
    is_live = false;
    /* is_live: connect() is allowed in here, free() too */
    act(fuzz_take(&in_callbacks));
}

static int on_request(leat_websocket_server *which, const struct leat_upgrade_request *request,
                      void *user)
{
    (void)user;
    FUZZ_MUST(which == server && request->target[0] == '/');
    uint8_t answer = fuzz_take(&in_callbacks);
    return answer & 0x80 ? 400 + (answer & 0x3f) : 101;
}

static void on_server_connected(leat_websocket_server *which, leat_websocket *connection,
                                void *user)
{
    (void)which;
    (void)user;
    FUZZ_MUST(leat_websocket_get_target(connection)[0] == '/');
    called(connection);
}

static void on_server_message(leat_websocket_server *which, leat_websocket *connection,
                              enum leat_message_type type, const uint8_t *data, size_t len,
                              void *user)
{
    (void)which;
    on_message(connection, type, data, len, user);
}

static void on_server_writable(leat_websocket_server *which, leat_websocket *connection, void *user)
{
    (void)which;
    on_writable(connection, user);
}

static void on_server_closed(leat_websocket_server *which, leat_websocket *connection,
                             const struct leat_close_event *event, void *user)
{
    (void)which;
    (void)user;
    closed_check(connection, event);
    act((uint8_t)(fuzz_take(&in_callbacks) & 0xf7)); /* it is freed behind this */
    ws = NULL;
}

static void on_server_error(leat_websocket_server *which, const struct leat_error *error,
                            void *user)
{
    (void)which;
    (void)user;
    fuzz_error_check(error);
    FUZZ_MUST(error->code != LEAT_OK);
}

/* ---- what the other side does --------------------------------------------------------------- */

static int end_fd(void)
{
    return end_count > 0 ? ends[end_now] : -1;
}

static void end_add(int fd)
{
    if (fd < 0)
        return;
    if (end_count == ENDS_MAX) {
        fuzz_reset(ends[0]);
        memmove(ends, ends + 1, (ENDS_MAX - 1) * sizeof(ends[0]));
        end_count--;
    }
    ends[end_count++] = fd;
    end_now = end_count - 1;
}

static void ends_accept(void)
{
    for (int fd; listener >= 0 && (fd = fuzz_accept(listener)) >= 0;)
        end_add(fd);
}

static void end_read(void)
{
    size_t len = fuzz_recv(end_fd(), head, HEAD_BYTES);
    if (len > 0)
        head[len] = '\0';
}

static void say(const char *text)
{
    fuzz_send(end_fd(), text, strlen(text));
}

static void say_upgrade(const char *lines)
{
    char accept[29], text[512];
    end_read();
    if (is_server)
        snprintf(text, sizeof(text),
                 "GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s",
                 lines);
    else
        snprintf(text, sizeof(text),
                 "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\n%s",
                 fuzz_accept_of(head, accept), lines);
    say(text);
}

static void say_redirect(void)
{
    char text[128];
    snprintf(text, sizeof(text),
             "HTTP/1.1 302 X\r\nLocation: ws://127.0.0.1:%u/y\r\nContent-Length: 0\r\n\r\n", port);
    say(text);
}

static void say_bytes(struct fuzz_input *input, size_t most)
{
    struct fuzz_input bytes = fuzz_take_bytes(input, most);
    fuzz_send(end_fd(), bytes.data, bytes.len);
}

/* A frame in good form, whatever is in it. */
static void say_frame(struct fuzz_input *input, size_t len)
{
    uint8_t frame[2 + 4 + 128] = {fuzz_take(input), (uint8_t)(is_server ? 0x80 : 0)};
    struct fuzz_input payload = fuzz_take_bytes(input, len);
    size_t at = is_server ? 6 : 2; /* the key is 0 */
    frame[1] |= (uint8_t)payload.len;
    if (payload.len > 0)
        memcpy(frame + at, payload.data, payload.len);
    fuzz_send(end_fd(), frame, at + payload.len);
}

static void say_well_known(uint8_t which)
{
    switch (which & 15) {
    case 0:
        fuzz_send(end_fd(), "\x05\x00", 2);
        break;
    case 1:
        fuzz_send(end_fd(), "\x05\x02\x01\x00", 4);
        break;
    case 2:
        fuzz_send(end_fd(), "\x05\x00\x00\x01\0\0\0\0\0\0", 10);
        break;
    case 3:
        say("HTTP/1.1 200 OK\r\n\r\n");
        break;
    case 4:
        say_upgrade("\r\n");
        break;
    case 5:
        say_upgrade("Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n");
        break;
    case 6:
        say_upgrade("");
        break;
    case 7:
        say_redirect();
        break;
    case 8:
        say("HTTP/1.1 407 X\r\nProxy-Authenticate: Basic\r\nContent-Length: 5\r\n\r\nhello");
        break;
    case 9:
        say("HTTP/1.1 404 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        break;
    case 10:
        say("HTTP/1.1 100 Continue\r\n\r\n");
        break;
    default:
        end_read();
        break;
    }
}

static void end_do(uint8_t what)
{
    switch (what & 7) {
    case 0:
        if (end_fd() >= 0)
            shutdown(end_fd(), SHUT_WR);
        break;
    case 1:
        if (end_count > 0) {
            fuzz_reset(ends[end_now]);
            ends[end_now] = ends[--end_count];
            end_now = end_count > 0 ? end_count - 1 : 0;
        }
        break;
    case 2:
        end_now = end_count > 0 ? (end_now + 1) % end_count : 0;
        break;
    case 3:
        if (is_server)
            end_add(fuzz_connect(leat_websocket_server_get_port(server)));
        break;
    default:
        end_read();
        break;
    }
}

static void step_run(struct fuzz_input *input)
{
    uint8_t what = fuzz_take(input);
    if (what < 0x40) {
        say_bytes(input, what + 1u);
    } else if (what < 0x50) {
        say_well_known(what);
    } else if (what < 0x58) {
        end_do(what);
    } else if (what < 0x60) {
        (void)fuzz_turn(loop, 1 + (what & 7));
        ends_accept();
    } else if (what < 0xc0) {
        say_frame(input, what - 0x60u);
    } else {
        act((uint8_t)((what & 15) | (fuzz_take(input) & 0xf0)));
    }
}

/* ---- the whole ------------------------------------------------------------------------------ */

static void config_make(uint8_t choice)
{
    static const char *const users[] = {"", "u:p@"};
    const struct leat_compression compression = {.size = sizeof(compression), .threshold_bytes = 1};
    char proxy[64];
    FUZZ_MUST(leat_config_new(&config) == LEAT_OK);
    /* without zlib there is none */
    FUZZ_MUST(!(choice & 8) ||
              leat_config_set_compression(config, &compression) != LEAT_E_SYSTEM_INTERNAL);
    if (choice & 0x40) {
        FUZZ_MUST(leat_config_set_max_message_bytes(config, LIMIT_BYTES) == LEAT_OK);
        FUZZ_MUST(leat_config_set_send_queue_limit(config, LIMIT_BYTES) == LEAT_OK);
        FUZZ_MUST(leat_config_set_send_queue_messages(config, 3) == LEAT_OK);
    }
    if (choice & 0x20)
        FUZZ_MUST(leat_config_set_max_redirects(config, 3) == LEAT_OK);
    if (is_server)
        return;
    if (choice & 2) {
        snprintf(proxy, sizeof(proxy), "socks5h://%s127.0.0.1:%u", users[choice >> 7], port);
        FUZZ_MUST(leat_config_add_proxy(config, proxy) == LEAT_OK);
    }
    if (choice & 4) {
        snprintf(proxy, sizeof(proxy), "http://%s127.0.0.1:%u", users[choice >> 7], port);
        FUZZ_MUST(leat_config_add_proxy(config, proxy) == LEAT_OK);
    }
}

static void server_make(void)
{
    const struct leat_websocket_server_callbacks callbacks = {
        .size = sizeof(callbacks),
        .request = on_request,
        .connected = on_server_connected,
        .message = on_server_message,
        .writable = on_server_writable,
        .closed = on_server_closed,
        .error = on_server_error,
    };
    FUZZ_MUST(leat_websocket_server_new(loop, &callbacks, NULL, &server) == LEAT_OK);
    FUZZ_MUST(leat_websocket_server_start(server, "127.0.0.1", 0, config) == LEAT_OK);
    end_add(fuzz_connect(leat_websocket_server_get_port(server)));
}

static void client_make(bool parts)
{
    struct leat_websocket_callbacks callbacks = {
        .size = sizeof(callbacks),
        .opened = on_opened,
        .message = on_message,
        .pong = on_pong,
        .writable = on_writable,
        .closed = on_closed,
        .message_part = parts ? on_part : NULL,
    };
    FUZZ_MUST(leat_websocket_new(loop, &callbacks, NULL, &ws) == LEAT_OK);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%u/x", port);
    client_connect();
    (void)fuzz_turn(loop, 3);
    ends_accept();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_take(&input);
    uint8_t count = fuzz_take(&input);
    int free_descriptor = fuzz_free_descriptor();

    in_callbacks = fuzz_take_bytes(&input, count);
    is_server = choice & 1;
    is_live = has_opened = in_message = false;
    end_count = end_now = 0;
    listener = -1;
    server = NULL;
    ws = NULL;
    memset(head, 0, sizeof(head));
    FUZZ_MUST(leat_loop_new(&loop) == LEAT_OK);
    if (!is_server)
        listener = fuzz_listen(&port);
    config_make(choice);
    if (is_server)
        server_make();
    else
        client_make(choice & 16);
    while (input.len > 0)
        step_run(&input);
    (void)fuzz_turn(loop, ROUNDS_MAX);
    ends_accept();
    while (end_count > 0)
        fuzz_reset(ends[--end_count]);
    FUZZ_MUST(fuzz_turn(loop, ROUNDS_MAX)); /* nothing goes round and round */

    if (!is_server)
        leat_websocket_free(ws);
    leat_websocket_server_free(server);
    leat_config_free(config);
    leat_loop_free(loop);
    if (listener >= 0)
        close(listener);
    FUZZ_MUST(fuzz_free_descriptor() == free_descriptor);
    return 0;
}
