/* SPDX-License-Identifier: Apache-2.0 */
/* Links over which nothing comes any more, between two hosts that have not been told. */
#include "links/common.h"
#include "support/net_namespace.h"
#include "support/patience.h"
#include "support/still_clock.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

LINKS_SUITE(dead);

#define INTERVAL_MS 150
#define TIMEOUT_MS  PATIENCE_MS(100)

static void keep_alive(leat_config *config)
{
    cr_assert(leat_config_set_ping_interval(config, INTERVAL_MS) == LEAT_OK);
    cr_assert(leat_config_set_pong_timeout(config, TIMEOUT_MS) == LEAT_OK);
}

static void no_keep_alive(leat_config *config)
{
    cr_assert(leat_config_set_ping_interval(config, 0) == LEAT_OK);
    cr_assert(leat_config_set_phase_timeout(config, LEAT_PHASE_CLOSE, 300) == LEAT_OK);
}

/* A server on the far host. */
static struct server_run *far_server(const struct server_run_options *options)
{
    struct server_run_options there = *options;
    there.host = FAR_ADDRESS;
    net_namespaces_init();
    net_namespace_enter(NET_FAR);
    struct server_run *server = server_run_start(&there);
    net_namespace_enter(NET_NEAR);
    return server;
}

/* The certificate is not for the far address; that is not what is tested. */
static void far_open(struct client_run *run, const char *scheme, struct server_run *server)
{
    client_run_init(run);
    cr_assert(leat_config_set_skip_server_cert_verification(run->config, true) == LEAT_OK);
    keep_alive(run->config);
    client_run_open(
        run, sandbox_format("%s://%s:%u/echo", scheme, FAR_ADDRESS, server_run_port(server)));
    client_run_echo(run, "the link is there");
}

static void client_notices(void (*lose)(void), const char *cert)
{
    struct server_run *server =
        far_server(&(struct server_run_options){.cert = cert, .configure = no_keep_alive});
    struct client_run run;
    /* The first packets of a new link may be lost, and a clock that stands still takes the second of
     * their repetition for the end. */
    far_open(&run, cert ? "wss" : "ws", server);
    client_run_close(&run);
    client_run_done(&run);
    still_clock_start();
    far_open(&run, cert ? "wss" : "ws", server);
    uint64_t start_ms = clock_ms();
    lose();
    client_run_until_closed(&run);
    uint64_t took_ms = clock_ms() - start_ms;
    lost_expect(&run.close, LEAT_E_WS_CONNECT, ETIMEDOUT);
    cr_expect(took_ms <= 2 * INTERVAL_MS + TIMEOUT_MS, "%lu ms", (unsigned long)took_ms);
    client_run_done(&run);
    server_run_free(server);
}

Test(dead, client_notices_that_the_address_is_gone)
{
    client_notices(net_lose_far_address, NULL);
}

Test(dead, client_notices_that_the_cable_is_out)
{
    client_notices(net_lose_cable, NULL);
}

Test(dead, client_notices_that_no_answer_finds_its_way)
{
    client_notices(net_lose_way_back, NULL);
}

Test(dead, client_notices_over_tls)
{
    client_notices(net_lose_far_address, "server.pem");
}

static void server_notices(const char *cert)
{
    struct server_run *server =
        far_server(&(struct server_run_options){.cert = cert, .configure = keep_alive});
    struct server_seen seen;
    struct client_run run;
    far_open(&run, cert ? "wss" : "ws", server);
    net_lose_far_address();
    server_run_until_closed(server, 1);
    server_run_seen(server, &seen);
    lost_expect(&seen.close, LEAT_E_WS_CONNECT, ETIMEDOUT);
    client_run_done(&run);
    server_run_free(server);
}

Test(dead, server_notices)
{
    server_notices(NULL);
}

Test(dead, server_notices_over_tls)
{
    server_notices("server.pem");
}

/* ---- without keep-alive
 * ---------------------------------------------------------------------------- */

Test(dead, close_ends_in_time)
{
    struct server_run *server =
        far_server(&(struct server_run_options){.configure = no_keep_alive});
    struct client_run run;
    client_run_init(&run);
    no_keep_alive(run.config);
    client_run_open(&run, sandbox_format("ws://%s:%u/echo", FAR_ADDRESS, server_run_port(server)));
    net_lose_cable();
    cr_expect(leat_websocket_send(run.ws, LEAT_MESSAGE_TEXT, "lost", 4) == LEAT_OK);
    cr_expect(leat_websocket_close(run.ws, 1000, "done") == LEAT_OK);
    client_run_until_closed(&run);
    cr_expect(run.close.error.sys_errno == ETIMEDOUT, "%d: %s", run.close.error.code,
              run.close.error.text);
    cr_expect(run.close.close_code == 1006, "%u", run.close.close_code);
    client_run_done(&run);
    server_run_free(server);
}

Test(dead, nobody_answers_the_connect)
{
    struct client_run run;
    net_namespaces_init();
    net_lose_way_back();
    client_run_init(&run);
    cr_assert(leat_config_set_phase_timeout(run.config, LEAT_PHASE_TCP, 200) == LEAT_OK);
    int code = client_run_refused(&run, "ws://" FAR_ADDRESS ":9/");
    cr_expect(code == LEAT_E_SOCKET_BASE + ETIMEDOUT, "%d: %s", code, run.close.error.text);
    cr_expect(run.close.error.layer == LEAT_LAYER_TCP);
    client_run_done(&run);
}

Test(dead, no_route_at_all)
{
    struct client_run run;
    net_namespaces_init();
    client_run_init(&run);
    int code = client_run_refused(&run, "ws://198.51.100.1:9/");
    cr_expect(code == LEAT_E_SOCKET_BASE + ENETUNREACH, "%d: %s", code, run.close.error.text);
    client_run_done(&run);
}

/* ---- what counts as life
 * --------------------------------------------------------------------------- */

#define TRICKLE_FRAMES   30
#define TRICKLE_EVERY_MS (TIMEOUT_MS / 10)

/* Answers no Ping, but sends a byte of a message now and then; then nothing any more. */
static void *trickle_run(void *user)
{
    static const uint8_t begin[] = {0x82, TRICKLE_FRAMES + 1};
    int fd = accept(*(int *)user, NULL, NULL);
    char head[4096];
    char answer[512];
    if (raw_recv_until(fd, "\r\n\r\n", head, sizeof(head))) {
        raw_upgrade_answer(head, answer, sizeof(answer));
        raw_send(fd, answer, strlen(answer));
        raw_send(fd, begin, sizeof(begin));
        for (int i = 0; i < TRICKLE_FRAMES; ++i) {
            (void)poll(NULL, 0, TRICKLE_EVERY_MS);
            raw_send(fd, "x", 1);
        }
        raw_recv_end(fd);
    }
    return (void *)(intptr_t)fd;
}

Test(dead, any_byte_is_a_sign_of_life)
{
    uint16_t port;
    pthread_t thread;
    void *fd = NULL;
    struct client_run run;
    int listener = raw_listen(&port);
    cr_assert(pthread_create(&thread, NULL, trickle_run, &listener) == 0);
    client_run_init(&run);
    keep_alive(run.config);
    client_run_open(&run, url_of("ws", port, "/"));
    uint64_t start_ms = clock_ms();
    client_run_until_closed(&run);
    uint64_t took_ms = clock_ms() - start_ms;
    lost_expect(&run.close, LEAT_E_WS_CONNECT, ETIMEDOUT);
    cr_expect(took_ms > TRICKLE_FRAMES * TRICKLE_EVERY_MS * 3 / 4,
              "given up after %lu ms while bytes came", (unsigned long)took_ms);
    client_run_done(&run);
    cr_assert(pthread_join(thread, &fd) == 0);
    close((int)(intptr_t)fd);
    close(listener);
}
