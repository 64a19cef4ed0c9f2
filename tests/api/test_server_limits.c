/* SPDX-License-Identifier: Apache-2.0 */
/* leat_websocket_server: limits, handshakes that do not end, several loops on one port. */
#include "both_ends.h"
#include "integration/common.h"
#include "support/raw_socket.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

INTEGRATION_SUITE(server_limits);

/* ---- limits
 * -------------------------------------------------------------------------------------- */

/* Clients beyond the limit are told so, and nobody asks the program. */
static void limit_expect(struct both_ends *ends, unsigned limit)
{
    int fds[16];
    char head[4096];
    cr_assert(limit + 2 < 16);
    both_ends_listen(ends);
    for (unsigned i = 0; i < limit; ++i)
        fds[i] = both_ends_raw_open(ends);
    cr_assert(ends->connected == limit && ends->errors == 0);
    fds[limit] = both_ends_raw_open(ends);
    cr_expect(ends->connected == limit && ends->errors == 1 && ends->requests == limit);
    cr_expect(ends->error.native_code == 503, "%d: %s", ends->error.native_code, ends->error.text);
    cr_expect(raw_recv_until(fds[limit], "\r\n\r\n", head, sizeof(head)) &&
                  strncmp(head, "HTTP/1.1 503 ", 13) == 0,
              "%s", head);
    close(fds[limit]);
    close(fds[0]);
    both_ends_until_server_closed(ends);
    fds[0] = both_ends_raw_open(ends);
    cr_expect(ends->connected == limit + 1, "one has gone, one may come");
    for (unsigned i = 0; i < limit; ++i)
        close(fds[i]);
    both_ends_done(ends);
}

Test(server_limits, limit_in_total)
{
    for (unsigned limit = 1; limit < 8; limit += 3) {
        struct both_ends ends;
        both_ends_init(&ends);
        cr_assert(leat_config_set_max_concurrent_clients_number(ends.server_config, limit) ==
                  LEAT_OK);
        limit_expect(&ends, limit);
    }
}

Test(server_limits, limit_of_one_address)
{
    for (unsigned limit = 1; limit < 8; limit += 3) {
        struct both_ends ends;
        both_ends_init(&ends);
        cr_assert(leat_config_set_max_connections_for_one_client(ends.server_config, limit) ==
                  LEAT_OK);
        limit_expect(&ends, limit);
    }
}

/* A client of a limited address does not count against another one. */
Test(server_limits, limit_is_for_each_address)
{
    struct both_ends ends;
    char head[4096];
    both_ends_init(&ends);
    cr_assert(leat_config_set_max_connections_for_one_client(ends.server_config, 1) == LEAT_OK);
    both_ends_listen(&ends);
    int first = both_ends_raw_open(&ends);
    int second = raw_connect("127.0.0.2", ends.port);
    cr_assert(raw_send(second, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    both_ends_until_counted(&ends, &ends.connected, 2);
    cr_expect(raw_recv_until(second, "\r\n\r\n", head, sizeof(head)) &&
              strncmp(head, "HTTP/1.1 101 ", 13) == 0);
    close(first);
    close(second);
    both_ends_done(&ends);
}

/* ---- who says nothing
 * ----------------------------------------------------------------------------- */

enum { SILENT = 300 }; /* more than one client may have in their handshakes: 250 */

static int silent_open(struct both_ends *ends, const char *from)
{
    int fd = raw_connect(from, ends->port);
    cr_assert(leat_loop_dispatch(ends->loop, 0) == LEAT_OK);
    return fd;
}

/* A client that comes from there gets in, whoever else is silent. */
static void served_expect(struct both_ends *ends, const char *from)
{
    char head[4096];
    unsigned connected = ends->connected;
    int fd = raw_connect(from, ends->port);
    cr_assert(raw_send(fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    both_ends_until_counted(ends, &ends->connected, connected + 1);
    cr_expect(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)) &&
                  strncmp(head, "HTTP/1.1 101 ", 13) == 0,
              "%s", head);
    close(fd);
    both_ends_until_server_closed(ends);
}

/* With the defaults. Those who are pushed out are the oldest, and the program hears of them. */
Test(server_limits, silent_connections_keep_nobody_out)
{
    static const char *const listen_at[] = {"127.0.0.1", "::"};
    for (size_t i = 0; i < sizeof(listen_at) / sizeof(listen_at[0]); ++i) {
        struct both_ends ends;
        int fds[SILENT];
        both_ends_init(&ends);
        cr_assert(both_ends_make_server(&ends) == LEAT_OK);
        cr_assert(leat_websocket_server_start(ends.server, listen_at[i], 0, ends.server_config) ==
                  LEAT_OK);
        ends.port = leat_websocket_server_get_port(ends.server);
        for (int k = 0; k < SILENT; ++k)
            fds[k] = silent_open(&ends, NULL);
        served_expect(&ends, "127.0.0.2");
        served_expect(&ends, "127.0.0.1");
        cr_expect(ends.errors == SILENT - 250 + 1, "%u", ends.errors);
        cr_expect(ends.error.code == LEAT_E_SOCKET_BASE + EUSERS && ends.error.sys_errno == EUSERS,
                  "%d: %s", ends.error.code, ends.error.text);
        cr_expect(strncmp(ends.error.hop, "127.0.0.1:", 10) == 0, "%s", ends.error.hop);
        cr_expect(raw_recv_end(fds[0]) == 0);
        cr_expect(send(fds[SILENT - 1], "G", 1, MSG_NOSIGNAL) == 1);
        for (int k = 0; k < SILENT; ++k)
            close(fds[k]);
        both_ends_done(&ends);
    }
}

/* Nobody takes the whole server, though all say what they should. */
Test(server_limits, one_address_has_a_quarter_of_the_places)
{
    enum { PLACES = 250 };
    struct both_ends ends;
    char head[4096];
    int fds[PLACES + 1];
    both_ends_init(&ends);
    both_ends_listen(&ends);
    for (int i = 0; i <= PLACES; ++i)
        fds[i] = both_ends_raw_open(&ends);
    cr_expect(ends.connected == PLACES && ends.errors == 1);
    cr_expect(ends.error.code == LEAT_E_WS_CONNECT && ends.error.native_code == 503);
    cr_expect(strstr(ends.error.text, "too many connections of this client"), "%s",
              ends.error.text);
    cr_expect(raw_recv_until(fds[PLACES], "\r\n\r\n", head, sizeof(head)) &&
                  strncmp(head, "HTTP/1.1 503 ", 13) == 0 && strstr(head, "\r\nRetry-After: 5\r\n"),
              "%s", head);
    served_expect(&ends, "127.0.0.2");
    for (int i = 0; i <= PLACES; ++i)
        close(fds[i]);
    both_ends_done(&ends);
}

/* The descriptors of those who are silent are free for those who are not. */
Test(server_limits, silent_connections_give_back_descriptors)
{
    struct both_ends ends;
    struct rlimit limit;
    char head[4096];
    int fds[40];
    both_ends_init(&ends);
    both_ends_listen(&ends);
    for (int i = 0; i < 40; ++i)
        fds[i] = silent_open(&ends, NULL);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int first_free = dup(fd);
    cr_assert(fd >= 0 && first_free >= 0 && close(first_free) == 0);
    cr_assert(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    const rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)first_free;
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(ends.port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert(connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    cr_assert(raw_send(fd, RAW_UPGRADE("/"), strlen(RAW_UPGRADE("/"))));
    both_ends_until_counted(&ends, &ends.connected, 1);
    limit.rlim_cur = before;
    cr_assert(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    cr_expect(raw_recv_until(fd, "\r\n\r\n", head, sizeof(head)) &&
              strncmp(head, "HTTP/1.1 101 ", 13) == 0);
    close(fd);
    for (int i = 0; i < 40; ++i)
        close(fds[i]);
    both_ends_done(&ends);
}

Test(server_limits, slow_handshake_is_cut_off)
{
    static const char *const heads[] = {"", "GET / HTTP/1.1\r\n"};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); ++i) {
        struct both_ends ends;
        both_ends_init(&ends);
        cr_assert(leat_config_set_phase_timeout(ends.server_config, LEAT_PHASE_UPGRADE, 100) ==
                  LEAT_OK);
        both_ends_listen(&ends);
        int fd = raw_connect(NULL, ends.port);
        cr_assert(raw_send(fd, heads[i], strlen(heads[i])));
        while (ends.errors == 0)
            cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
        cr_expect(ends.error.code == LEAT_E_WS_CONNECT && ends.error.sys_errno == ETIMEDOUT,
                  "%d: %s", ends.error.code, ends.error.text);
        int end = raw_recv_end(fd);
        cr_expect(end == 0 || end == ECONNRESET, "%s", strerror(end));
        cr_expect(ends.requests == 0 && ends.connected == 0);
        close(fd);
        both_ends_done(&ends);
    }
}

Test(server_limits, oversized_head)
{
    static char head[40000];
    struct both_ends ends;
    char answer[4096];
    int begun = snprintf(head, sizeof(head), "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    memset(head + begun, 'x', sizeof(head) - (size_t)begun);
    both_ends_init(&ends);
    both_ends_listen(&ends);
    int fd = raw_connect(NULL, ends.port);
    cr_assert(raw_send(fd, head, sizeof(head)));
    cr_assert(shutdown(fd, SHUT_WR) == 0);
    while (ends.errors == 0)
        cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
    cr_expect(ends.error.native_code == 431, "%d: %s", ends.error.native_code, ends.error.text);
    cr_expect(raw_recv_until(fd, "\r\n\r\n", answer, sizeof(answer)) &&
                  strncmp(answer, "HTTP/1.1 431 ", 13) == 0,
              "%s", answer);
    cr_expect(ends.requests == 0);
    close(fd);
    both_ends_done(&ends);
}

/* What the server answers by itself, to the byte on the wire; HEAD has no content. */
Test(server_limits, refusals_have_their_own_status)
{
    static const struct {
        const char *start, *end; /* 17,000 bytes stand between them if there is an end */
        int status;
        const char *field;
        bool has_content;
    } cases[] = {
        {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", NULL, 426, "\r\nUpgrade: websocket\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", NULL, 426, "\r\nSec-WebSocket-Version: 13\r\n", true},
        {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", NULL, 405, "\r\nAllow: GET\r\n", true},
        {"GET /", " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "\r\nConnection: close\r\n", true},
        {"HEAD /", " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "\r\nConnection: close\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nCookie: ", "\r\n\r\n", 431, "\r\nConnection: close\r\n",
         true},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", NULL, 505, "\r\nConnection: close\r\n", true},
    };
    static char padding[17000];
    struct both_ends ends;
    memset(padding, 'a', sizeof(padding));
    both_ends_init(&ends);
    both_ends_listen(&ends);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char answer[4096];
        char status[32];
        int fd = raw_connect(NULL, ends.port);
        cr_assert(raw_send(fd, cases[i].start, strlen(cases[i].start)));
        if (cases[i].end) {
            cr_assert(raw_send(fd, padding, sizeof(padding)));
            cr_assert(raw_send(fd, cases[i].end, strlen(cases[i].end)));
        }
        cr_assert(shutdown(fd, SHUT_WR) == 0);
        while (ends.errors == i)
            cr_assert(leat_loop_dispatch(ends.loop, 10000) == LEAT_OK);
        (void)raw_recv_until(fd, "\n\n never", answer, sizeof(answer)); /* until the end */
        snprintf(status, sizeof(status), "HTTP/1.1 %d ", cases[i].status);
        const char *head_end = strstr(answer, "\r\n\r\n");
        cr_expect(strncmp(answer, status, strlen(status)) == 0, "case %zu: %s", i, answer);
        cr_expect(strstr(answer, cases[i].field), "case %zu: %s", i, answer);
        cr_expect(head_end && (head_end[4] != '\0') == cases[i].has_content, "case %zu: %s", i,
                  answer);
        cr_expect(ends.error.native_code == cases[i].status);
        close(fd);
    }
    cr_expect(ends.requests == 0);
    both_ends_done(&ends);
}

/* ---- several loops
 * ------------------------------------------------------------------------------- */

#define LOOPS          2
#define SHARED_CLIENTS 40

struct sharer {
    struct both_ends ends;
    pthread_t thread;
};

static void *sharer_run(void *user)
{
    struct sharer *sharer = user;
    return leat_loop_run(sharer->ends.loop) == LEAT_OK ? NULL : "the loop failed";
}

/* Two loops in two threads listen on one port; each client is served by one of them. */
Test(server_limits, two_loops_share_a_port)
{
    static struct sharer sharers[LOOPS];
    char buf[4096];
    int fds[SHARED_CLIENTS];
    unsigned connected = 0;
    uint16_t port = 0;
    for (int i = 0; i < LOOPS; ++i) {
        struct both_ends *ends = &sharers[i].ends;
        both_ends_init(ends);
        ends->echo = true;
        cr_assert(leat_config_set_reuse_port(ends->server_config, true) == LEAT_OK);
        cr_assert(both_ends_make_server(ends) == LEAT_OK);
        cr_assert(leat_websocket_server_start(ends->server, "127.0.0.1", port,
                                              ends->server_config) == LEAT_OK);
        port = leat_websocket_server_get_port(ends->server);
        cr_assert(pthread_create(&sharers[i].thread, NULL, sharer_run, &sharers[i]) == 0);
    }
    for (int i = 0; i < SHARED_CLIENTS; ++i) {
        static const uint8_t frame[] = {0x81, 0x84, 0, 0, 0, 0, 'e', 'c', 'h', 'o'};
        cr_assert(raw_upgrade(NULL, port, &fds[i]) == 101);
        cr_assert(raw_send(fds[i], frame, sizeof(frame)));
    }
    for (int i = 0; i < SHARED_CLIENTS; ++i) {
        cr_expect(raw_recv_until(fds[i],
                                 "\x81\x04"
                                 "echo",
                                 buf, sizeof(buf)));
    }
    for (int i = 0; i < LOOPS; ++i) {
        void *problem;
        leat_loop_stop(sharers[i].ends.loop);
        cr_assert(pthread_join(sharers[i].thread, &problem) == 0 && !problem);
        connected += sharers[i].ends.connected;
        cr_expect(sharers[i].ends.connected > 0, "server %d has no client", i);
        both_ends_done(&sharers[i].ends);
    }
    cr_expect(connected == SHARED_CLIENTS);
    for (int i = 0; i < SHARED_CLIENTS; ++i)
        close(fds[i]);
}

Test(server_limits, port_is_not_shared_unless_both_want_it)
{
    struct both_ends first;
    struct both_ends second;
    both_ends_init(&first);
    both_ends_init(&second);
    cr_assert(leat_config_set_reuse_port(second.server_config, true) == LEAT_OK);
    cr_assert(both_ends_make_server(&second) == LEAT_OK);
    both_ends_listen(&first);
    cr_expect(leat_websocket_server_start(second.server, "127.0.0.1", first.port,
                                          second.server_config) == LEAT_E_WS_PORT);
    both_ends_done(&second);
    both_ends_done(&first);
}

/* ---- what a program may do amidst it ------------------------------------------------------------ */

static void server_end(struct both_ends *ends, const char *callback)
{
    if (strcmp(callback, "server message") != 0)
        return;
    leat_websocket_server_free(ends->server);
    ends->server = NULL;
}

/* The server goes, and what counts for it, within a message that is more than its client may send. */
Test(server_limits, freed_within_a_message_beyond_the_rate)
{
    static const uint8_t payload[1000];
    struct both_ends ends;
    both_ends_init(&ends);
    ends.on_event = server_end;
    cr_assert(leat_config_set_receive_rate(ends.server_config, 100, 0) == LEAT_OK);
    both_ends_open(&ends);
    cr_assert(leat_websocket_send(ends.client, LEAT_MESSAGE_BINARY, payload, sizeof(payload)) ==
              LEAT_OK);
    both_ends_until_closed(&ends);
    cr_expect(!ends.server && ends.at_server.messages == 1);
    both_ends_done(&ends);
}
