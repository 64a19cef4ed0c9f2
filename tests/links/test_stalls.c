/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that stop reading, that do not answer a Close frame, or that keep TCP open behind it. */
#include "links/common.h"
#include "support/patience.h"

LINKS_SUITE(stalls);

#define QUEUE_BYTES   (256u << 10)
#define MESSAGE_BYTES 4096u

static void small_queue(leat_config *config)
{
    cr_assert(leat_config_set_send_queue_limit(config, QUEUE_BYTES) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_CLOSE, PATIENCE_MS(100)) == LEAT_OK);
    cr_assert(leat_config_set_ping_interval(config, 0) == LEAT_OK);
}

/* Sends until the queue is full and the kernel takes no more. */
static int fill_queue(struct client_run *run)
{
    static const uint8_t data[MESSAGE_BYTES];
    int code = LEAT_OK;
    for (int full = 0; full < 20;) {
        code = leat_websocket_send(run->ws, LEAT_MESSAGE_BINARY, data, sizeof(data));
        cr_assert(leat_websocket_get_buffered_bytes(run->ws) <= QUEUE_BYTES + MESSAGE_BYTES + 64);
        full = code == LEAT_OK ? 0 : full + 1;
        if (code != LEAT_OK)
            cr_assert(leat_loop_dispatch(run->loop, 10) == LEAT_OK);
    }
    return code;
}

static void peer_stops_reading(const char *scheme, const char *cert, int full_code)
{
    struct server_run *server =
        server_run_start(&(struct server_run_options){.cert = cert, .configure = small_queue});
    struct client_run run;
    client_run_init(&run);
    small_queue(run.config);
    client_run_open(&run, url_of(scheme, server_run_port(server), "/mute"));
    int code = fill_queue(&run);
    cr_expect(code == full_code, "%d", code);
    unsigned writable = run.writable_count;
    cr_expect(leat_websocket_close(run.ws, 1000, NULL) == LEAT_OK);
    client_run_until_closed(&run);
    cr_expect(run.writable_count == writable, "writable while nothing is read");
    cr_expect(run.close.error.sys_errno == ETIMEDOUT, "%d: %s", run.close.error.code,
              run.close.error.text);
    cr_expect(run.close.close_code == 1006, "%u", run.close.close_code);
    client_run_done(&run);
    server_run_free(server);
}

Test(stalls, peer_stops_reading)
{
    peer_stops_reading("ws", NULL, LEAT_E_SOCKET_BASE + EAGAIN);
}

Test(stalls, peer_stops_reading_over_tls)
{
    peer_stops_reading("wss", "server.pem", LEAT_E_TLS_WRITE);
}

Test(stalls, keep_alive_notices_a_peer_that_stops_reading)
{
    struct server_run *server = server_run_start(&(struct server_run_options){0});
    struct client_run run;
    client_run_init(&run);
    small_queue(run.config);
    cr_assert(leat_config_set_ping_interval(run.config, 100) == LEAT_OK);
    cr_assert(leat_config_set_pong_timeout(run.config, 100) == LEAT_OK);
    client_run_open(&run, url_of("ws", server_run_port(server), "/mute"));
    client_run_until_closed(&run);
    lost_expect(&run.close, LEAT_E_WS_CONNECT, ETIMEDOUT);
    client_run_done(&run);
    server_run_free(server);
}

/* ---- clients of our server
 * ------------------------------------------------------------------------- */

static struct server_run *server_start(void)
{
    return server_run_start(&(struct server_run_options){.configure = small_queue});
}

static int client_open(struct server_run *server)
{
    int fd;
    cr_assert(raw_upgrade(NULL, server_run_port(server), &fd) == 101);
    return fd;
}

Test(stalls, client_that_does_not_read_holds_up_no_other)
{
    struct server_run *server = server_start();
    struct client_run run;
    char head[4096];
    int fd = raw_connect(NULL, server_run_port(server));
    const char *request = RAW_UPGRADE("/flood?count=100000&size=4096");
    cr_assert(raw_send(fd, request, strlen(request)));
    cr_assert(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)));
    client_run_init(&run);
    client_run_open(&run, url_of("ws", server_run_port(server), "/echo"));
    client_run_echo(&run, "I read");
    client_run_close(&run);
    client_run_done(&run);
    close(fd);
    server_run_until_closed(server, 2);
    server_run_free(server);
}

Test(stalls, client_does_not_answer_the_close_frame)
{
    struct server_run *server = server_start();
    struct server_seen seen;
    int fd = client_open(server);
    server_run_stop_listening(server);
    server_run_until_closed(server, 1);
    server_run_seen(server, &seen);
    cr_expect(seen.close.error.sys_errno == ETIMEDOUT, "%d: %s", seen.close.error.code,
              seen.close.error.text);
    cr_expect(seen.close.close_code == 1006, "%u", seen.close.close_code);
    close(fd);
    server_run_free(server);
}

/* RFC 6455 section 7.1.1: the server ends TCP first, so a client may wait for it. */
Test(stalls, client_keeps_tcp_open_behind_its_close_frame)
{
    static const uint8_t close_frame[] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};
    struct server_run *server = server_start();
    struct server_seen seen;
    int fd = client_open(server);
    cr_assert(raw_send(fd, close_frame, sizeof(close_frame)));
    int end = raw_recv_end(fd);
    cr_expect(end == 0, "%s", strerror(end));
    server_run_until_closed(server, 1);
    server_run_seen(server, &seen);
    cr_expect(seen.close.error.code == LEAT_OK, "%s", seen.close.error.text);
    cr_expect(seen.close.close_code == 1000 && seen.close.closed_by == LEAT_CLOSED_BY_REMOTE);
    close(fd);
    server_run_free(server);
}

/* The other half of the close handshake is done, and the client floods us all the same. */
Test(stalls, client_goes_on_sending_behind_the_close_frame)
{
    static const uint8_t close_frame[] = {0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8};
    static const uint8_t frame[] = {0x82, 0x84, 0, 0, 0, 0, 'l', 'a', 't', 'e'};
    struct server_run *server = server_start();
    struct server_seen seen;
    int fd = client_open(server);
    cr_assert(raw_send(fd, close_frame, sizeof(close_frame)));
    for (int i = 0; i < 100000 && raw_send(fd, frame, sizeof(frame)); ++i) {
    }
    server_run_until_closed(server, 1);
    server_run_seen(server, &seen);
    cr_expect(seen.messages == 0, "%u messages behind the Close frame", seen.messages);
    cr_expect(seen.close.close_code == 1000, "%u", seen.close.close_code);
    close(fd);
    server_run_free(server);
}
